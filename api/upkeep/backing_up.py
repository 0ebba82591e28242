"""Making a back-up while the service runs: one state of all rows, and every file that they name.

Rows are read in one transaction that sees one state. Files are copied after it: what was deleted
meanwhile is missing then, and the rows are read again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Table, inspect, select, text

from api.files import FileMissingError, FileStore
from api.files.file_store import key_of
from api.store.database import Database
from api.store.migrating import current_revision
from api.store.schema import DOCUMENTS, FILES, metadata
from api.upkeep.archive import (
    LEFT_OUT,
    MANIFEST,
    BackupError,
    Manifest,
    TableFacts,
    table_path,
    tables_of,
    write_rows,
    write_sums,
)

_TRIES: Final = 5
_AT_ONCE: Final = 100


def back_up(
    database: Database,
    files: FileStore,
    target: Path,
    program: str,
    copied: Callable[[int, int], None] = lambda *_: None,
) -> Manifest:
    """Write a back-up to a folder, which must not be there; it appears when it is complete.

    `copied` is told how many files of how many are copied.

    Raises:
        BackupError: the folder is there already.
        SQLAlchemyError: the database does not answer.
        FilesError: the store of files does not.
        OSError: the folder cannot be written.
    """
    if target.exists():
        raise BackupError(f"{target} 已经存在。请换一个文件夹，或先移走它。")
    work = target.with_name(f".{target.name}.{os.getpid()}.partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    work.mkdir(mode=0o700)
    try:
        manifest = _write(database, files, work, program, copied)
        (work / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        write_sums(work)
        work.rename(target)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return manifest


def _write(
    database: Database,
    files: FileStore,
    folder: Path,
    program: str,
    copied: Callable[[int, int], None],
) -> Manifest:
    missing: set[str] = set()
    for _ in range(_TRIES):
        facts, revision, wanted, named = _write_tables(database, folder)
        before, missing = missing, set()
        for done, digest in enumerate(wanted, 1):
            if not _copy(files, digest, folder):
                missing.add(digest)
            copied(done, len(wanted))
        # A file of which only the row is left is nothing that was lost.
        missing &= named
        if missing <= before:  # missing for good, not deleted while we copied
            break
    count = _drop_others(folder, set(wanted))
    return Manifest(
        program=program,
        revision=revision,
        database="sqlite" if database.is_sqlite else "postgresql",
        created_at=datetime.now(UTC),
        tables=facts,
        files=count,
        missing_files=sorted(missing),
    )


def _write_tables(
    database: Database, folder: Path
) -> tuple[dict[str, TableFacts], str, list[str], set[str]]:
    """Write all tables; return facts, revision, the files of the rows, and those of documents."""
    shutil.rmtree(folder / "tables", ignore_errors=True)
    (folder / "tables").mkdir(mode=0o700)
    facts = {}
    with _one_state(database) as connection:
        revision = current_revision(connection)
        if revision is None:
            raise BackupError("这里还没有核查服务的数据。请核对 HECHA_DATA 和 HECHA_DATABASE_URL。")
        present = set(inspect(connection).get_table_names())
        names = (present & set(metadata.tables)) - LEFT_OUT
        for name, table in tables_of(connection, names).items():
            rows = write_rows(table_path(folder, name), _rows(connection, table))
            facts[name] = TableFacts(rows=rows, next_number=next_number(connection, table))
        wanted = list(connection.execute(select(FILES.c.sha256)).scalars())
        named = set(connection.execute(select(DOCUMENTS.c.id)).scalars())
    return facts, revision, wanted, named


@contextmanager
def _one_state(database: Database) -> Iterator[Connection]:
    """Open a transaction for reading that sees one state of the database to its end."""
    with database.read() as connection:
        if not database.is_sqlite:  # there every transaction does
            connection = connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield connection


def _rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    key = table.primary_key.columns.values()
    # What the database makes of other columns by itself, it makes again.
    columns = [column for column in table.columns if column.computed is None]
    query = select(*columns).order_by(*key).execution_options(yield_per=_AT_ONCE)
    for row in connection.execute(query).mappings():
        yield dict(row)


def numbered(table: Table) -> str | None:
    """Return the column in which the database numbers the rows of a table, if there is one."""
    key = list(metadata.tables[table.name].primary_key.columns)
    return key[0].name if len(key) == 1 and key[0].autoincrement is True else None


def next_number(connection: Connection, table: Table) -> int | None:
    """Return the number that the next row of a table would get, where the database numbers them."""
    column = numbered(table)
    if column is None:
        return None
    if connection.dialect.name == "sqlite":
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
        last = connection.execute(query, {"table": table.name}).scalar()
        return int(last or 0) + 1
    query = text("SELECT pg_get_serial_sequence(:table, :column)")
    names = {"table": table.name, "column": column}
    sequence = connection.execute(query, names).scalar_one()
    row = connection.exec_driver_sql(f"SELECT last_value, is_called FROM {sequence}").one()  # noqa: S608
    return int(row.last_value) + int(row.is_called)


def _copy(files: FileStore, digest: str, folder: Path) -> bool:
    """Copy a file, unless that is done; tell whether it is there.

    Raises:
        BackupError: its content is not what its name says.
    """
    place = folder / "files" / key_of(digest)
    if place.exists():
        return True
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = sha256()
    try:
        with place.open("xb") as file:
            for part in files.chunks(digest):
                file.write(part)
                found.update(part)
            file.flush()
            os.fsync(file.fileno())
    except FileMissingError:
        place.unlink()
        return False
    if found.hexdigest() != digest:
        raise BackupError(
            f"文件 {digest} 的内容与登记的不符，可能是磁盘出错。"
            "请检查磁盘，重新上传这个文件后再备份。"
        )
    return True


def _drop_others(folder: Path, wanted: set[str]) -> int:
    """Remove files that were copied but whose rows went meanwhile; return how many remain."""
    kept = 0
    for path in (folder / "files").glob("??/*"):
        if path.name in wanted:
            kept += 1
        else:
            path.unlink()
    return kept
