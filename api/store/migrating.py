"""Bringing the tables of a database to the form that this version of the program needs.

The steps stand in `migrations/versions`, and travel in the wheel. Processes that start at the same
time take turns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, select
from sqlalchemy.dialects.postgresql import insert as upsert_postgresql
from sqlalchemy.dialects.sqlite import insert as upsert_sqlite

from api.store.database import Database
from api.store.ids import now
from api.store.schema import DEFAULT_TENANT, TENANTS

_PLACE: Final = Path(__file__).parent / "migrations"
_TURN: Final = 4_850_001


class SchemaError(Exception):
    """The database holds tables that this version of the program cannot use; in Chinese."""


def migrate(database: Database) -> None:
    """Make or change the tables as needed; nothing happens where they are as they should be.

    Raises:
        SchemaError: the database belongs to a newer version, or to another program.
        sqlalchemy.exc.SQLAlchemyError: it does not answer, or refuses.
    """
    with database.write() as connection:
        database.take_turn(connection, _TURN)
        if current_revision(connection) is None and inspect(connection).has_table("documents"):
            raise SchemaError(
                "这个数据库里有别的程序或早期试用版建的表，不能使用。请换一个空的数据库。"
            )
        try:
            command.upgrade(configuration(connection), "head")
        except CommandError as error:
            raise SchemaError(
                "数据库由更新版本的核查使用过，这个版本不认识。请安装新版，或从备份恢复。"
            ) from error
        _make_default_tenant(database, connection)


def configuration(connection: Connection) -> Config:
    """Return what alembic works by, on this connection."""
    config = Config()
    # alembic reads the path as a format string.
    config.set_main_option("script_location", str(_PLACE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def current_revision(connection: Connection) -> str | None:
    """Return the step at which the database is; None for one without our tables."""
    return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """Return the step that this version of the program needs."""
    config = Config()
    config.set_main_option("script_location", str(_PLACE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config).get_current_head()


def _make_default_tenant(database: Database, connection: Connection) -> None:
    has_one = connection.execute(select(TENANTS.c.id).where(TENANTS.c.id == DEFAULT_TENANT)).first()
    if has_one is None:
        insert = upsert_sqlite if database.is_sqlite else upsert_postgresql
        row = {"id": DEFAULT_TENANT, "name": "默认", "created_at": now()}
        connection.execute(insert(TENANTS).values(row).on_conflict_do_nothing())
