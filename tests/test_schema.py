"""The tables: made at once or step by step they are the same, on both kinds of database."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, Connection, insert, inspect, select
from sqlalchemy.exc import DBAPIError

from api.store.database import Database
from api.store.database import database_url as read_url
from api.store.migrating import SchemaError, current_revision, migrate, newest_revision
from api.store.schema import AUDIT, EVENTS, TENANTS, metadata

_OURS = ("search_index", "label_index", "ix_search_entries_words", "ix_documents_label_index")
_NATIVE = {
    "sqlite": """
        SELECT type, name, sql FROM sqlite_master
        WHERE type = 'trigger' OR name LIKE 'search_index%' OR name LIKE 'label_index%'
        ORDER BY name
    """,
    "postgresql": """
        SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT 'function', proname, prosrc FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        ORDER BY 1, 2
    """,
}


def _shape(connection: Connection) -> dict[str, Any]:
    """Everything that the database says of its tables."""
    found = inspect(connection)
    tables = sorted(name for name in found.get_table_names() if name != "alembic_version")
    shape: dict[str, Any] = {
        name: {
            "columns": [
                {**column, "type": str(column["type"])} for column in found.get_columns(name)
            ],
            "key": found.get_pk_constraint(name),
            "foreign": sorted(found.get_foreign_keys(name), key=str),
            "unique": sorted(found.get_unique_constraints(name), key=str),
            "indexes": sorted(found.get_indexes(name), key=str),
        }
        for name in tables
    }
    native = connection.exec_driver_sql(_NATIVE[connection.dialect.name]).all()
    return shape | {
        "native": [
            tuple(" ".join(str(part).split()) for part in row)
            for row in native
            if "alembic" not in row[1]
        ]
    }


def test_steps_make_the_same_tables_as_the_schema(empty_url: URL) -> None:
    with closing(Database(empty_url)) as database:
        migrate(database)
        with database.read() as connection:
            stepped = _shape(connection)
            context = MigrationContext.configure(
                connection,
                opts={
                    "include_name": lambda name, kind, _: (
                        (kind not in ("table", "index") or not str(name).startswith(_OURS))
                        and (kind != "column" or name not in ("words", "label_index"))
                    ),
                },
            )
            assert compare_metadata(context, metadata) == []
        with database.write() as connection:
            if database.is_sqlite:
                for trigger in ("audit_update", "audit_delete"):
                    connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
                for index in ("search_index", "label_index"):
                    connection.exec_driver_sql(f"DROP TABLE {index}")
            else:
                connection.exec_driver_sql("DROP FUNCTION refuse_audit_change CASCADE")
            metadata.drop_all(connection)
            metadata.create_all(connection)
            assert _shape(connection) == stepped


def test_migrating_again_changes_nothing(empty_url: URL) -> None:
    with closing(Database(empty_url)) as database:
        for _ in range(2):
            migrate(database)
            with database.read() as connection:
                assert current_revision(connection) == newest_revision()
                assert connection.execute(select(TENANTS.c.id)).scalars().all() == ["default"]


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaError, match="更新版本"):
        migrate(database)


def test_a_database_of_something_else_is_refused(empty_url: URL) -> None:
    with closing(Database(empty_url)) as database:
        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE documents (id integer)")
        with pytest.raises(SchemaError, match="换一个空的数据库"):
            migrate(database)
        with database.read() as connection:
            assert inspect(connection).get_table_names() == ["documents"]


def test_the_audit_can_only_grow(database: Database) -> None:
    row = {
        "at": 1, "tenant": "default", "actor": "a", "action": "b", "subject": "c",
        "details": "{}", "previous_hash": "0" * 64, "hash": "1" * 64,
    }  # fmt: skip
    with database.write() as connection:
        connection.execute(insert(AUDIT).values(row))
    for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="append-only"), database.write() as connection:
            connection.exec_driver_sql(statement)
    with database.read() as connection:
        assert connection.execute(select(AUDIT.c.actor)).scalars().all() == ["a"]


def test_numbers_of_rows_are_never_used_again(database: Database) -> None:
    row = {"tenant": "default", "at": 1, "type": "t", "subject": "s", "data": {}}
    with database.write() as connection:
        first = connection.execute(insert(EVENTS).values(row).returning(EVENTS.c.seq)).scalar_one()
        connection.execute(EVENTS.delete())
        again = connection.execute(insert(EVENTS).values(row).returning(EVENTS.c.seq)).scalar_one()
    assert again > first


URLS = [
    ("postgresql://u:secret@host/db", "postgresql+psycopg"),
    ("postgres://u:secret@host/db", "postgresql+psycopg"),
    ("sqlite:////data/hecha.db", "sqlite"),
]


@pytest.mark.parametrize(("given", "driver"), URLS)
def test_urls_get_our_driver(given: str, driver: str) -> None:
    assert read_url(given).drivername == driver


@pytest.mark.parametrize("given", ["", "x", "mysql://u:secret@host/db", "sqlite://"])
def test_other_urls_are_refused_without_their_password(given: str) -> None:
    with pytest.raises(ValueError, match="postgresql://") as caught:
        read_url(given)
    assert "secret" not in str(caught.value)
