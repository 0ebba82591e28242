"""The objects that routes and workers need, put together from the settings.

`open_services` opens them, `close` ends them. The steps here are those that touch both stores, of
rows and of files, in an order that leaves no row without its file wherever the program is killed.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from api.files import FilesAwayError, FileStore, Incoming, open_files
from api.reader import LibraryReader, Reader
from api.settings import Settings
from api.store import documents, idempotency
from api.store.database import Database
from api.store.documents import DocumentEntry, NewDocument, Source
from api.store.hooks import HOOKS
from api.store.idempotency import Answer
from api.store.migrating import migrate
from api.wiring import wire


@dataclass(frozen=True, slots=True)
class Request:
    """The key that a client gave its request, if any: where it counts, and what it was."""

    key: str | None = None
    route: str = "POST /v1/documents"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What came of an upload: its entry, whether it waits for a reading, whether it was known.

    A request that came before carries the answer that it got then in `repeated`.
    """

    entry: DocumentEntry
    is_queued: bool
    repeated: Answer | None = None


NO_REQUEST = Request()
_DRAWERS = 2


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that one process of the service works with; safe to use from many threads."""

    settings: Settings
    database: Database
    files: FileStore
    reader: Reader
    woken: threading.Event = field(default_factory=threading.Event)
    _drawing: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_DRAWERS))

    def accept(
        self,
        tenant: str,
        incoming: Incoming,
        filename: str,
        source: Source = "upload",
        request: Request = NO_REQUEST,
    ) -> Accepted:
        """Keep a file that came in, and queue it for reading if that is still to be done.

        Raises:
            FilesError: the file store is away or full; nothing is kept then.
            SQLAlchemyError: the database is; the file is kept without a row, and swept later.
            KeyReusedError: the key of the request came before with another file.
        """
        digest, size = self.files.keep(incoming), incoming.size
        new = NewDocument(digest, size, filename, source)

        def take(connection: Connection) -> Accepted:
            if request.key is not None:
                found = idempotency.seen(connection, tenant, request.key, request.route, digest)
                if found is not None:
                    entry = DocumentEntry.model_validate_json(found.body)
                    return Accepted(entry, found.status == 202, found)
            documents.lock_file(connection, digest, size)
            if self.files.size(digest) is None:
                # Deleted by another request since it was kept: the client may send it again.
                raise FilesAwayError("deleted meanwhile")
            entry, is_queued = documents.receive(connection, tenant, new, self.reader.version)
            if request.key is not None:
                status = 202 if is_queued else 200
                answer = Answer(status, entry.model_dump_json())
                idempotency.remember(connection, tenant, request.key, request.route, digest, answer)
            return Accepted(entry, is_queued)

        accepted = self.database.change(take)
        if accepted.is_queued:
            self.woken.set()
        return accepted

    def remove(self, tenant: str, document: str) -> bool:
        """Remove a document, what was read from it, and its file if no other tenant has it.

        Tells whether it was there.
        """
        with self.database.write() as connection:
            found = documents.remove(connection, tenant, document)
        if found:
            self.remove_file(document)
            self.database.forget()
        return found

    def remove_file(self, digest: str) -> bool:
        """Remove a file that no document has; tell whether it was removed.

        The row of the file is held meanwhile, so that nobody counts on the bytes that go. Killed
        between the two, it leaves a row of `files` that no document refers to.
        """
        with self.database.write() as connection:
            documents.lock_file(connection, digest)
            if documents.is_file_used(connection, digest):
                return False
            self.files.delete(digest)
            documents.drop_file(connection, digest)
            return True

    def draw(self, data: bytes, number: int, dpi: float) -> bytes:
        """Return a page as a PNG; a few at a time, the others wait.

        Raises:
            HechaError: it cannot be drawn; see `Reader.page`.
        """
        with self._drawing:
            return self.reader.page(data, number, dpi)

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def open_services(settings: Settings, reader: Reader | None = None) -> Services:
    """Open everything that the settings name; `reader` is the library where none is given.

    Raises:
        SchemaError: the database is of a newer version, or of another program.
        SQLAlchemyError: the database does not answer.
        FilesError: the folder of files cannot be made.
        ValueError: the place of files is of no kind that is known.
        OSError: the data folder cannot be made.
        TaggerError: the tagger of the settings cannot be used.
    """
    wire()
    limits = replace(settings.limits, max_bytes=settings.max_upload_bytes)
    files = open_files(settings.files_place)
    database = Database(settings.database)
    try:
        migrate(database)
        reading = reader or LibraryReader(limits, settings.tagger, HOOKS.derived)
    except BaseException:
        database.close()
        raise
    return Services(settings, database, files, reading)
