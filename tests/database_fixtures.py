"""The fixture `database`: every test that asks for it runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL

from api.store.database import Database
from api.store.migrating import migrate
from tests.postgres_server import fresh_database, postgres

__all__ = ["database", "database_url", "empty_url", "postgres", "prepared", "scratch"]

BACKENDS = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgres", id="postgres", marks=pytest.mark.postgres),
]


@pytest.fixture(params=BACKENDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[URL]:
    """The address of a database that holds nothing yet, one on each kind of server."""
    if request.param == "sqlite":
        yield URL.create("sqlite", database=str(tmp_path / "hecha.db"))
        return
    with fresh_database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def prepared(postgres: URL) -> Iterator[str]:
    """The name of a PostgreSQL database with all tables, to be copied."""
    with fresh_database(postgres) as url:
        with closing(Database(url)) as database:
            migrate(database)
        yield str(url.database)


@pytest.fixture(params=BACKENDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[URL]:
    """The address of a database with all tables and no rows, one on each kind of server."""
    if request.param == "sqlite":
        url = URL.create("sqlite", database=str(tmp_path / "hecha.db"))
        with closing(Database(url)) as database:
            migrate(database)
        yield url
        return
    server, template = (request.getfixturevalue(name) for name in ("postgres", "prepared"))
    with fresh_database(server, template) as url:
        yield url


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database that every example leaves as it was, by ending with an `UndoneError`."""
    path = tmp_path_factory.mktemp("scratch") / "hecha.db"
    with closing(Database(URL.create("sqlite", database=str(path)))) as database:
        migrate(database)
        yield database


class UndoneError(Exception):
    """Ends a transaction that is not to be kept."""


@pytest.fixture
def database(database_url: URL) -> Iterator[Database]:
    """An open database with all tables and no rows, one on each kind of server."""
    with closing(Database(database_url)) as database:
        yield database
