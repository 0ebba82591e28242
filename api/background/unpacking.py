"""Unpacking batches: every file in an archive, or in a folder of the operator, becomes a document.

The walk is the same every time, and what was found is stored as it goes: after a kill it is
walked again, and what is known by its path is passed over. Nothing is written to disk but the
files themselves, into the file store.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from api.files import FileMissingError, FilesError
from api.intake import clean_name
from api.jobs.runner import log_unexpected
from api.store import batches, documents
from api.store.batches import ItemOutcome, NewItem, Unpacking
from api.store.database import trouble_of
from api.store.documents import IN_BULK, NewDocument
from api.store.ids import new_id, now
from extractor.errors import EmptyFileError, ParseError
from extractor.formats import FORMATS, check_size
from extractor.formats.containers import (
    BadEntry,
    Budget,
    Container,
    Entry,
    LeftOut,
    find_container,
    left_out,
)
from extractor.formats.limited import walk_limited
from extractor.formats.limits import Limits, over_limit
from extractor.formats.sniffing import refusal

if TYPE_CHECKING:
    from api.services import Services

_log = logging.getLogger("hecha.batches")

_POLL: Final = 1.0
_BEAT: Final = 10.0
_CLAIM: Final = 60
_LINK: Final = "这是链接，不是文件，没有读取。"
_NO_FOLDER: Final = "文件夹“{0}”不能用：{1}。请管理员检查 HECHA_FOLDERS 和读取权限，之后重试。"
_LOST: Final = "服务器上已没有这个压缩包，无法拆开。请重新上传。"
_INTERNAL: Final = "拆开时出现意外错误（编号 {0}）。请把错误编号告诉管理员；修复后可以重试。"
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that a walk came to: its bytes, or why it is not read."""

    path: str
    data: bytes = b""
    status: ItemOutcome = "taken"
    code: str | None = None
    message: str | None = None


class InterruptedUnpackingError(Exception):
    """The process stops, or the batch is no longer its own."""


def walk_file(
    data: bytes, name: str, limits: Limits, whole: int, path: str = ""
) -> Iterator[FoundFile]:
    """Give the files in an archive of any depth; a file that is no archive is given alone.

    The archive itself may be `whole` bytes long, a file in it `limits.max_bytes`. `path` is what
    the paths begin with. A letter comes before its attachments. Errors are given, not raised.
    """
    yield from _visit(data, (path, name), 0, Budget(limits), whole)


def _visit(
    data: bytes, place: tuple[str, str], depth: int, budget: Budget, whole: int
) -> Iterator[FoundFile]:
    """Give a file, or what is in it; `place` is its path, "" for the outermost, and its name."""
    path, name = place
    container = find_container(data)
    is_archive = container is not None and not container.is_document
    error = _too_much(data, container, depth, replace(budget.limits, max_bytes=whole), budget)
    if error is not None:
        yield _bad(path or name, error)
        return
    if not is_archive:
        path = path or name
        yield _kept(data, path)
    if container is None or budget.is_spent:
        return
    count = 0
    for found in walk_limited(container, data, name, budget):
        count += 1
        inner = path
        if found.path and container.adds_level:
            inner = f"{path}/{found.path}" if path else found.path
        if isinstance(found, Entry):
            last = PurePosixPath(found.path or name).name
            yield from _visit(found.data, (inner, last), depth + 1, budget, whole)
        else:
            yield _unread(inner or name, found)
    if not count and is_archive:
        yield _bad(path or name, EmptyFileError("压缩包里没有文件。请确认选对了文件。"))


def _too_much(
    data: bytes, container: Container | None, depth: int, outermost: Limits, budget: Budget
) -> ParseError | None:
    limits = budget.limits
    is_archive = container is not None and not container.is_document
    try:
        check_size(data, outermost if is_archive and not depth else limits)
    except ParseError as error:
        return error
    if container is not None and depth > limits.max_archive_depth:
        allowed = f"{limits.max_archive_depth} 层"
        return over_limit("压缩包或邮件层层嵌套过深", "max_archive_depth", allowed)
    return None


def _unread(path: str, found: BadEntry | LeftOut) -> FoundFile:
    if isinstance(found, BadEntry):
        return _bad(path, found.error)
    return FoundFile(path, status="skipped", code=found.code, message=found.reason)


def _kept(data: bytes, path: str) -> FoundFile:
    """Return a file of a format that is read; another is not kept: it may be anything."""
    if any(each.sniff(data) for each in FORMATS):
        return FoundFile(path, data)
    error = refusal(data)
    status: ItemOutcome = "skipped" if error.code == "format_unsupported" else "failed"
    return FoundFile(path, status=status, code=error.code, message=error.message)


def _bad(path: str, error: ParseError) -> FoundFile:
    return FoundFile(path, status="failed", code=error.code, message=error.message)


def walk_folder(folder: Path, limits: Limits, whole: int) -> Iterator[FoundFile]:
    """Give the files in a folder and below, sorted, archives opened; links are not followed.

    Raises:
        OSError: the folder cannot be read.
    """
    root = folder.resolve(strict=True)
    if not root.is_dir():
        raise NotADirectoryError
    os.listdir(root)
    for place, folders, names in os.walk(root, followlinks=False):
        here = Path(place)
        linked = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in linked)
        for name in sorted([*names, *linked]):
            yield from _in_folder(root, here / name, limits, whole)


def _in_folder(root: Path, place: Path, limits: Limits, whole: int) -> Iterator[FoundFile]:
    path = os.fsencode(place.relative_to(root).as_posix()).decode("utf-8", "replace")
    skipped = left_out(path)
    if skipped is not None:
        yield FoundFile(path, status="skipped", code=skipped.code, message=skipped.reason)
        return
    # Also not through a folder that has become a link meanwhile.
    if place.is_symlink() or not place.resolve().is_relative_to(root) or not place.is_file():
        yield FoundFile(path, status="skipped", code="link_not_followed", message=_LINK)
        return
    try:
        with os.fdopen(os.open(place, os.O_RDONLY | _NO_FOLLOW), "rb") as file:
            # One byte more than the limit is enough to refuse it.
            data = file.read(max(whole, limits.max_bytes) + 1)
    except OSError as error:
        message = f"无法读取（{error.strerror}）。请检查文件的读取权限，之后重试。"
        yield FoundFile(path, status="failed", code="file_unreadable", message=message)
        return
    yield from walk_file(data, place.name, limits, whole, path)


class Unpacker:
    """Unpacks the batches that wait and ends those that are read, in threads of its own."""

    together = 32
    """How many files share a transaction: bringing one to the disk takes longer than all else."""

    def __init__(self, services: Services) -> None:
        """Prepare it; it works for all tenants."""
        self._services = services
        self._database = services.database
        self._executor = new_id()
        self._folders = dict(services.settings.folders)
        one_file = services.settings.max_upload_bytes
        self._whole = services.settings.max_batch_bytes
        self._limits = replace(services.settings.limits, max_bytes=one_file)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; where there is only one process, also with what the last one left.

        Raises:
            SQLAlchemyError: the database does not answer.
        """
        if self._database.is_sqlite:
            with self._database.write() as connection:
                batches.release(connection)
        for work in (self._work, self._keep):
            thread = threading.Thread(target=work, name=f"hecha_batches{work.__name__}")
            thread.daemon = True
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop after the file that is being stored; another process, or the next, goes on."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(5)
        try:
            with self._database.write() as connection:
                batches.release(connection, self._executor)
        except SQLAlchemyError as error:
            _log.warning("could not give up claims: %s", type(error).__name__)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                is_idle = not self.unpack_one()
                self.end_finished()
            except (SQLAlchemyError, FilesError) as error:
                _log.warning("cannot look after batches: %s", type(error).__name__)
                self._stopping.wait(2.0)
                continue
            except Exception as error:
                log_unexpected(error)
                is_idle = True
            if is_idle:
                self._stopping.wait(_POLL)

    def _keep(self) -> None:
        """Show that this process still unpacks what it has claimed."""
        while not self._stopping.wait(_BEAT):
            try:
                with self._database.write() as connection:
                    batches.renew(connection, self._executor, _until())
            except SQLAlchemyError as error:
                _log.warning("cannot hold batches: %s", type(error).__name__)

    def end_finished(self) -> None:
        """End the batches of which nothing is under way any more."""
        with self._database.read() as connection:
            candidates = [
                each
                for each in batches.running(connection)
                if not batches.is_waiting(connection, *each)
            ]
        for tenant, batch in candidates:
            with self._database.write() as connection:
                batches.finish(connection, tenant, batch)

    def unpack_one(self) -> bool:
        """Unpack a batch that waits, if there is one; tell whether."""
        with self._database.read() as connection:
            if not batches.is_any_waiting(connection, list(self._folders)):
                return False
        with self._database.write() as connection:
            claimed = batches.claim(connection, self._executor, _until(), list(self._folders))
        if claimed is None:
            return False
        try:
            self._unpack(claimed)
        except InterruptedUnpackingError:
            _log.info("unpacking interrupted")
        except FileMissingError:
            self._fail(claimed, "original_missing", _LOST)
        except (SQLAlchemyError, FilesError) as error:
            if isinstance(error, SQLAlchemyError) and trouble_of(error) is None:
                raise
            # It heals: this process, or another, goes on when it is there again.
            with self._database.write() as connection:
                batches.release(connection, self._executor)
            raise
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self._fail(claimed, "folder_unreadable", _NO_FOLDER.format(claimed.name, reason))
        except Exception as error:
            self._fail(claimed, "internal_error", _INTERNAL.format(log_unexpected(error)))
        return True

    def _unpack(self, claimed: Unpacking) -> None:
        with self._database.read() as connection:
            known = batches.known_paths(connection, claimed.tenant, claimed.batch)
        seen: dict[str, int] = {}
        items: list[NewItem] = []
        for found in self._walk(claimed):
            if self._stopping.is_set():
                raise InterruptedUnpackingError
            # Two files of a path are told apart the same way at every walk.
            count = seen[found.path] = seen.get(found.path, 0) + 1
            path = found.path if count == 1 else f"{found.path}（{count}）"
            if path not in known:
                items.append(self._keep_file(claimed, replace(found, path=path)))
            if len(items) >= self.together:
                self._add(claimed, items)
                items = []
        self._add(claimed, items)
        with self._database.write() as connection:
            if not batches.hold(connection, claimed, self._executor):
                raise InterruptedUnpackingError
            batches.unpacked(connection, claimed)
        if claimed.file is not None:
            self._services.remove_file(claimed.file)

    def _walk(self, claimed: Unpacking) -> Iterator[FoundFile]:
        if claimed.folder is not None:
            return walk_folder(self._folders[claimed.folder], self._limits, self._whole)
        if claimed.file is None:
            raise FileMissingError("no archive")
        data = self._services.files.read(claimed.file)
        return walk_file(data, claimed.name, self._limits, self._whole)

    def _keep_file(self, claimed: Unpacking, found: FoundFile) -> NewItem:
        """Put a file into the file store; what is not to be read becomes an item as it is."""
        if found.status != "taken":
            return NewItem(found.path, None, found.status, found.code, found.message)
        incoming = self._services.files.incoming()
        try:
            incoming.write(found.data)
            digest = self._services.files.keep(incoming)
        finally:
            incoming.discard()
        source: documents.Source = "batch" if claimed.folder is None else "folder"
        name = clean_name(PurePosixPath(found.path).name)
        return NewItem(found.path, NewDocument(digest, len(found.data), name, source, IN_BULK))

    def _add(self, claimed: Unpacking, items: list[NewItem]) -> None:
        """Add files that are kept to their batch, and queue them, in one transaction."""
        sizes = {item.document.digest: item.document.size for item in items if item.document}
        version = self._services.reader.version
        is_queued = False
        with self._database.write() as connection:
            if not batches.hold(connection, claimed, self._executor):
                raise InterruptedUnpackingError
            # All rows are held, in one order, before the first event is written: see `feed`.
            for digest in sorted(sizes):
                documents.lock_file(connection, digest, sizes[digest])
                if self._services.files.size(digest) is None:
                    # Deleted since it was kept: the walk begins anew.
                    raise FilesError("deleted meanwhile")
            documents.lock(connection, claimed.tenant, sizes)
            for item in items:
                is_queued |= batches.add(connection, claimed, item, version)
        if is_queued:
            self._services.woken.set()

    def _fail(self, claimed: Unpacking, code: str, message: str) -> None:
        with self._database.write() as connection:
            if batches.hold(connection, claimed, self._executor):
                batches.fail(connection, claimed, code, message)


def _until() -> int:
    return now() + _CLAIM * 1_000_000
