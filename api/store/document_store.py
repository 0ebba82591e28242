"""The documents that were read, in one SQLite table.

Kept of a document: what the file is, its extraction, and its parsed text with layout. The bytes
of the file are not kept. What is deleted is overwritten, since it names people.
"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Final

from pydantic import Field
from sqlalchemy import (
    URL,
    Column,
    DateTime,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    insert,
    select,
    text,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from api.settings import IN_MEMORY
from api.store.document_codec import dump_document, load_document
from extractor.document import Document
from extractor.extraction import DocumentRecord, Extraction

metadata = MetaData()

DOCUMENTS: Final = Table(
    "documents",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("created_at", DateTime, nullable=False),
    Column("record", Text, nullable=False),
    Column("extraction", Text, nullable=False),
    Column("document", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)


class DocumentEntry(DocumentRecord):
    """What a file is, and when the service first read it."""

    created_at: datetime = Field(description="首次读取的时间（UTC）")


class Store:
    """The documents of one service; safe to use from many threads."""

    def __init__(self, database: str = IN_MEMORY) -> None:
        """Open the database, and make its table where it is missing.

        `database` is the path of a SQLite file, or `:memory:`. A missing folder is made; a new
        file can be read by its owner alone.

        Raises:
            OSError: the file cannot be made.
            sqlalchemy.exc.SQLAlchemyError: it cannot be opened or is no database.
        """
        in_memory = database == IN_MEMORY
        # All threads share the one connection of a database in memory: one at a time.
        self._turn = Lock() if in_memory else nullcontext()
        self._engine = _memory_engine() if in_memory else _file_engine(Path(database))
        metadata.create_all(self._engine)

    def close(self) -> None:
        """Close all connections; a database in memory is gone after it."""
        self._engine.dispose()

    def ping(self) -> None:
        """Ask the database for an answer.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: there is none.
        """
        with self._turn, self._engine.connect() as connection:
            connection.execute(select(DOCUMENTS.c.number).limit(1))

    def add(self, document: Document, extraction: Extraction) -> tuple[DocumentEntry, bool]:
        """Keep a document and return its entry, and whether it is new.

        A document with the same id that is already there stays as it is.
        """
        row = {
            "id": document.id,
            "created_at": datetime.now(UTC).replace(tzinfo=None),
            "record": extraction.document.model_dump_json(),
            "extraction": extraction.model_dump_json(),
            "document": dump_document(document),
        }
        try:
            with self._turn, self._engine.begin() as connection:
                connection.execute(insert(DOCUMENTS).values(row))
            is_new = True
        except IntegrityError:
            is_new = False
        entry = self.get(document.id)
        # Deleted by another request between the two statements: this upload was last, add again.
        return (entry, is_new) if entry is not None else self.add(document, extraction)

    def get(self, document_id: str) -> DocumentEntry | None:
        """Return the entry of a document; None where there is none."""
        query = select(DOCUMENTS.c.created_at, DOCUMENTS.c.record)
        with self._turn, self._engine.connect() as connection:
            row = connection.execute(query.where(DOCUMENTS.c.id == document_id)).first()
        return None if row is None else _entry(row)

    def page(self, limit: int, before: int | None = None) -> tuple[list[DocumentEntry], int | None]:
        """Return up to `limit` entries, newest first, and where the next page begins, if any.

        `before` is the number that the last call returned; None begins at the newest.
        """
        query = select(DOCUMENTS.c.created_at, DOCUMENTS.c.record, DOCUMENTS.c.number)
        if before is not None:
            query = query.where(DOCUMENTS.c.number < before)
        query = query.order_by(DOCUMENTS.c.number.desc()).limit(limit + 1)
        with self._turn, self._engine.connect() as connection:
            rows = connection.execute(query).all()
        following = rows[limit - 1].number if len(rows) > limit else None
        return [_entry(row) for row in rows[:limit]], following

    def extraction(self, document_id: str) -> Extraction | None:
        """Return what was read from a document; None where there is none."""
        query = select(DOCUMENTS.c.extraction).where(DOCUMENTS.c.id == document_id)
        with self._turn, self._engine.connect() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else Extraction.model_validate_json(found)

    def source(self, document_id: str) -> tuple[Document, Extraction] | None:
        """Return what a checklist is built from; None where there is no such document."""
        query = select(DOCUMENTS.c.document, DOCUMENTS.c.extraction)
        with self._turn, self._engine.connect() as connection:
            row = connection.execute(query.where(DOCUMENTS.c.id == document_id)).first()
        if row is None:
            return None
        return load_document(row.document), Extraction.model_validate_json(row.extraction)

    def delete(self, document_id: str) -> bool:
        """Remove a document and everything read from it; tell whether it was there."""
        with self._turn, self._engine.begin() as connection:
            removed = connection.execute(delete(DOCUMENTS).where(DOCUMENTS.c.id == document_id))
        if removed.rowcount == 0:
            return False
        with self._turn, self._engine.connect() as connection:
            # The write-ahead log still holds the old pages.
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        return True


def _entry(row: Row[*tuple[object, ...]]) -> DocumentEntry:
    record = DocumentRecord.model_validate_json(row.record)
    return DocumentEntry(**record.model_dump(), created_at=row.created_at.replace(tzinfo=UTC))


def _memory_engine() -> Engine:
    engine = create_engine(
        "sqlite://",
        connect_args={"check_same_thread": False},
        poolclass=StaticPool,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up)
    return engine


def _file_engine(path: Path) -> Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)
    event.listen(engine, "connect", _set_up)
    return engine


def _set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for setting in ("journal_mode = WAL", "busy_timeout = 10000", "secure_delete = ON"):
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()
