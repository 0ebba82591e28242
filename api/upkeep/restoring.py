"""Filling an installation from a back-up, on SQLite or PostgreSQL, whichever it was made on.

First the files, then the rows, in one transaction: a crash leaves the installation as it was, with
files at most that no row knows. Rows go into the tables of the version that wrote them; these are
brought to the newest form afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, Table, func, insert, inspect, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from api.files import FileStore
from api.jobs.process_lock import AlreadyRunningError, lock_beside
from api.store.database import Database, trouble_of
from api.store.ids import now
from api.store.migrating import configuration
from api.store.schema import DOCUMENTS, EXECUTORS, FILES, SEARCH_ENTRIES, metadata
from api.store.searching import put_entries
from api.upkeep.archive import (
    BackupError,
    Manifest,
    check_sums,
    chunks_of,
    read_rows,
    table_path,
    tables_of,
)
from api.upkeep.backing_up import numbered

_AT_ONCE: Final = 200
_ALIVE: Final = 15_000_000
_OF_USERS: Final = ("documents", "cases", "batches", "webhooks", "events")
_NOT_EMPTY: Final = (
    "这里已有数据，没有恢复。请换一个空的数据库和数据文件夹；"
    "确实要用备份换掉现有的一切，请加上 --replace。"
)
_FUNCTIONS: Final = """
    SELECT f.oid::regprocedure::text FROM pg_proc AS f
    WHERE f.pronamespace = current_schema()::regnamespace
      AND f.prorettype = 'trigger'::regtype
      AND NOT EXISTS (SELECT 1 FROM pg_depend AS d WHERE d.objid = f.oid AND d.deptype = 'e')
"""
"""The functions of triggers that our tables had, those of extensions left aside."""
_RUNNING: Final = "核查服务还在使用这个数据库。请先停止 hecha serve 和 hecha worker，再恢复。"


def restore(database: Database, files: FileStore, source: Path, *, replace: bool) -> Manifest:
    """Fill an installation from a back-up; everything in the back-up is checked before.

    What is there already makes it refuse, or goes if `replace`.

    Raises:
        BackupError: the back-up is not whole, or the installation is in use, or not empty.
        SQLAlchemyError: the database does not answer.
        FilesError: the store of files does not.
    """
    with _alone(database):
        manifest = check_sums(source)
        if not replace and not _is_empty(database):
            raise BackupError(_NOT_EMPTY)
        _put_files(files, source)
        try:
            with database.write() as connection:
                _clear(connection)
                _fill(connection, source, manifest)
        except CommandError as error:
            raise BackupError("备份由更新版本的核查做成，这个版本不认识。请安装新版。") from error
        except SQLAlchemyError as error:
            if trouble_of(error) is not None:
                raise
            raise BackupError("备份里的内容与它的版本不符，没有恢复。请换一份备份。") from error
        database.forget()
        if replace:
            _drop_other_files(database, files)
    return manifest


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """Keep services from taking jobs meanwhile, as far as they can be seen.

    Raises:
        BackupError: one is running.
    """
    if not database.is_sqlite:
        with database.read() as connection:
            if inspect(connection).has_table(EXECUTORS.name):
                seen = select(func.count()).where(EXECUTORS.c.seen_at >= now() - _ALIVE)
                if connection.execute(seen).scalar_one():
                    raise BackupError(_RUNNING)
        yield
        return
    lock = lock_beside(Path(database.url.database or ""))
    try:
        lock.take()
    except AlreadyRunningError as error:
        raise BackupError(_RUNNING) from error
    try:
        yield
    finally:
        lock.release()


def _is_empty(database: Database) -> bool:
    with database.read() as connection:
        present = set(inspect(connection).get_table_names())
        return not any(
            connection.execute(select(metadata.tables[name]).limit(1)).first()
            for name in _OF_USERS
            if name in present
        )


def _put_files(files: FileStore, source: Path) -> None:
    for path in sorted((source / "files").glob("??/*")):
        incoming = files.incoming()
        try:
            with path.open("rb") as file:
                for part in chunks_of(file):
                    incoming.write(part)
            incoming.finish()
            if incoming.sha256 != path.name:
                raise BackupError(f"备份里的文件 {path.name} 已损坏。请换一份备份。")
            files.keep(incoming)
        finally:
            incoming.discard()


def _clear(connection: Connection) -> None:
    """Remove all tables of ours; triggers do not keep the audit from going as a whole."""
    names = set(inspect(connection).get_table_names())
    if connection.dialect.name == "sqlite":
        virtual = "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%'"
        for name in connection.exec_driver_sql(virtual).scalars().all():
            connection.exec_driver_sql(f'DROP TABLE "{name}"')
    found = MetaData()
    ours = names & {*metadata.tables, "alembic_version"}
    found.reflect(connection, only=sorted(ours), resolve_fks=False)
    found.drop_all(connection)
    if connection.dialect.name != "sqlite":
        for function in connection.execute(text(_FUNCTIONS)).scalars().all():
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {function} CASCADE")


def _fill(connection: Connection, source: Path, manifest: Manifest) -> None:
    command.upgrade(configuration(connection), manifest.revision)
    for name, table in tables_of(connection, manifest.tables).items():
        facts = manifest.tables[name]
        renumbered = name == SEARCH_ENTRIES.name and _is_renumbered(connection, manifest)
        count = 0
        # What a migration puts there is in the back-up, too.
        if connection.execute(select(func.count()).select_from(table)).scalar_one():
            connection.execute(table.delete())
        for rows in _groups(read_rows(table_path(source, name), table)):
            if renumbered:
                put_entries(connection, [_unnumbered(row) for row in rows])
            else:
                connection.execute(insert(table), rows)
            count += len(rows)
        if count != facts.rows:
            raise BackupError(f"备份里的表 {name} 不完整，没有恢复。请换一份备份。")
        if facts.next_number is not None and not renumbered:
            _number_from(connection, table, facts.next_number)
    command.upgrade(configuration(connection), "head")
    # Whoever was reading them is no longer there.
    again = {"status": "queued", "claimed_by": None}
    connection.execute(update(DOCUMENTS).where(DOCUMENTS.c.status == "running").values(again))


def _is_renumbered(connection: Connection, manifest: Manifest) -> bool:
    """Tell whether words to search come to SQLite, where their numbers tell what kind they are."""
    return connection.dialect.name == "sqlite" and manifest.database != "sqlite"


def _unnumbered(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "number"}


def _groups(rows: Iterator[dict[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    group: list[Mapping[str, Any]] = []
    for row in rows:
        group.append(row)
        if len(group) == _AT_ONCE:
            yield group
            group = []
    if group:
        yield group


def _number_from(connection: Connection, table: Table, number: int) -> None:
    """Let the numbering of a table go on where it was: no number is ever given twice."""
    column = numbered(table)
    if connection.dialect.name == "sqlite":
        values = {"table": table.name, "last": number - 1}
        connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), values)
        connection.execute(
            text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"), values
        )
        return
    connection.execute(
        text("SELECT setval(pg_get_serial_sequence(:table, :column), :number, false)"),
        {"table": table.name, "column": column, "number": number},
    )


def _drop_other_files(database: Database, files: FileStore) -> None:
    """Remove the files of the former installation, which may name people."""
    with database.read() as connection:
        known = set(connection.execute(select(FILES.c.sha256)).scalars())
    for stored in list(files.listed()):
        if stored.sha256 not in known:
            files.delete(stored.sha256)
