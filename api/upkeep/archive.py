"""The form of a back-up: a folder that any database can be filled from.

    SHA256SUMS          the SHA-256 of every other part; `sha256sum -c SHA256SUMS` checks it
    manifest.json       of which version, when, how many rows and files, where numbering stands
    tables/<name>.jsonl.gz   the rows of a table, a JSON object each; bytes as base64
    files/ab/ab12…      the files, by their SHA-256

The form is the same for SQLite and PostgreSQL, so a back-up also moves an installation from one to
the other. It holds everything that the installation knows, names among it; the secrets of webhooks
are sealed, and their key is not in it.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, Connection, LargeBinary, MetaData, Table, event

FORMAT: Final = 1
SUMS: Final = "SHA256SUMS"
MANIFEST: Final = "manifest.json"
LEFT_OUT: Final = frozenset({"executors", "sessions", "alembic_version"})
"""What concerns running processes, and log-ins, which have to be made again."""
_CHUNK: Final = 1 << 20


class BackupError(Exception):
    """A back-up cannot be made or used; in Chinese."""


class TableFacts(BaseModel):
    """How a table was written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    next_number: int | None = None
    """The number that the next row would have got, in tables that number their rows."""


class Manifest(BaseModel):
    """What a back-up is of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    program: str
    revision: str
    database: str
    created_at: datetime
    tables: dict[str, TableFacts]
    files: int
    missing_files: list[str] = []
    """Files that the installation itself had lost."""


def tables_of(connection: Connection, names: Iterable[str]) -> dict[str, Table]:
    """Return tables as they are in the database, those first that others refer to."""
    metadata = MetaData()

    def as_ours(_: Any, __: Any, column: dict[str, Any]) -> None:
        if isinstance(column["type"], JSON):
            column["type"] = JSON(none_as_null=True)

    event.listen(metadata, "column_reflect", as_ours)
    metadata.reflect(connection, only=list(names), resolve_fks=False)
    return {table.name: table for table in metadata.sorted_tables}


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows and return how many."""
    count = 0
    with path.open("xb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        for row in rows:
            line = json.dumps(dict(row), ensure_ascii=False, default=_encoded)
            file.write(line.encode() + b"\n")
            count += 1
    _sync(path)
    return count


def read_rows(path: Path, table: Table) -> Iterator[dict[str, Any]]:
    """Give the rows that `write_rows` wrote, as the table takes them.

    Raises:
        BackupError: the file is not of this form.
    """
    binary = {column.name for column in table.c if isinstance(column.type, LargeBinary)}
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                for name in binary & row.keys():
                    row[name] = None if row[name] is None else base64.b64decode(row[name])
                yield row
    except (OSError, EOFError, ValueError) as error:
        raise BackupError(f"备份里的 {path.name} 读不出来。请换一份备份。") from error


def _encoded(value: object) -> str:
    if isinstance(value, (bytes, memoryview)):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)


def parts_of(folder: Path) -> list[Path]:
    """Return every part of a back-up but the list of sums, in the order of their names."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)


def write_sums(folder: Path) -> None:
    """Write the list of sums over all parts that are in the folder."""
    lines = [
        f"{sum_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in parts_of(folder)
    ]
    with (folder / SUMS).open("x", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
    _sync(folder / SUMS)


def check_sums(folder: Path) -> Manifest:
    """Check every part of a back-up and return what it is of.

    Raises:
        BackupError: it is no back-up, is of an unknown form, or is not whole; what and where.
    """
    if not (folder / SUMS).is_file() or not (folder / MANIFEST).is_file():
        raise BackupError(f"{folder} 不是一份完整的备份：没有 {SUMS} 或 {MANIFEST}。请核对文件夹。")
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        expected = {name: digest for digest, _, name in (x.partition("  ") for x in lines)}
    except UnicodeDecodeError as error:
        raise BackupError(f"备份里的 {SUMS} 已损坏。请换一份备份。") from error
    found = {path.relative_to(folder).as_posix(): path for path in parts_of(folder)}
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            raise BackupError(f"备份不完整：缺少 {name}。请重新复制这份备份，或换一份。")
        if sum_of(found[name]) != expected.get(name):
            raise BackupError(f"备份里的 {name} 已损坏。请重新复制这份备份，或换一份。")
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except ValueError as error:
        raise BackupError("备份由更新版本的核查做成，这个版本不认识。请安装新版。") from error
    missing = [
        name for name in manifest.tables if table_path(folder, name).name not in _names(found)
    ]
    files = sum(1 for name in found if name.startswith("files/"))
    if missing or files != manifest.files:
        raise BackupError(f"备份不完整：与 {MANIFEST} 所记的不符。请重新复制这份备份，或换一份。")
    return manifest


def _names(found: Mapping[str, Path]) -> set[str]:
    return {path.name for name, path in found.items() if name.startswith("tables/")}


def table_path(folder: Path, name: str) -> Path:
    """Return where the rows of a table stand."""
    return folder / "tables" / f"{name}.jsonl.gz"


def sum_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = sha256()
    with path.open("rb") as file:
        for part in chunks_of(file):
            digest.update(part)
    return digest.hexdigest()


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    """Give an open file in parts of 1 MiB."""
    while part := file.read(_CHUNK):
        yield part


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
