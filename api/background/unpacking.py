"""Unpacking batches: every file in an archive, or in a folder of the operator, becomes a document.

The walk is the same every time, and what was found is stored as it goes: after a kill it is
walked again, and what is known by its path is passed over. Archives are opened in a process of
their own (`api.spooling`): no bytes of a batch come into this one. Files go through a folder of
the file store, one after the other, which is emptied when the batch is taken up again.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import SQLAlchemyError

from api.background.folder_files import copy_folder
from api.files import FileMissingError, FilesError, Incoming
from api.files.file_store import files_errors
from api.intake import clean_name
from api.jobs.runner import log_unexpected
from api.spooling import Parcel, Unpacked, open_archive
from api.store import batches, documents
from api.store.batches import ItemOutcome, NewItem, Unpacking
from api.store.database import trouble_of
from api.store.documents import IN_BULK, NewDocument
from api.store.ids import new_id, now
from extractor.formats.limited import WorkerPool

if TYPE_CHECKING:
    from api.services import Services

_log = logging.getLogger("hecha.batches")

_POLL: Final = 1.0
_BEAT: Final = 10.0
_CLAIM: Final = 60
_JOBS: Final = 1000
_NO_FOLDER: Final = "文件夹“{0}”不能用：{1}。请管理员检查 HECHA_FOLDERS 和读取权限，之后重试。"
_LOST: Final = "服务器上已没有这个压缩包，无法拆开。请重新上传。"
_INTERNAL: Final = "拆开时出现意外错误（编号 {0}）。请把错误编号告诉管理员；修复后可以重试。"
_SO_FAR: Final = "此前拆出的文件照常读取。"
_OUTCOMES: Final[dict[str, ItemOutcome]] = {"file": "taken", "skipped": "skipped"}


class InterruptedUnpackingError(Exception):
    """The process stops, or the batch is no longer its own."""


class BrokenArchiveError(Exception):
    """The process in which the archive of a batch was opened broke down; holds code and reason."""


@dataclass(eq=False)
class _Turn:
    """A batch that is being unpacked, in a spool folder; `is_lost` when it was taken away."""

    claimed: Unpacking
    is_lost: bool = False


class Unpacker:
    """Unpacks the batches that wait and ends those that are read, in threads of its own."""

    together = 32
    """How many files share a transaction: bringing one to the disk takes longer than all else."""

    def __init__(self, services: Services, workers: WorkerPool | None = None) -> None:
        """Prepare it; it works for all tenants, with processes of its own unless some are given."""
        self._services = services
        self._database = services.database
        self._executor = new_id()
        self._folders = dict(services.settings.folders)
        one_file = services.settings.max_upload_bytes
        self._whole = services.settings.max_batch_bytes
        self._limits = replace(services.settings.limits, max_bytes=one_file)
        self._workers = workers or WorkerPool(_JOBS, 1)
        self._turn: _Turn | None = None
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
        for work in (self._work, self._finish, self._keep):
            thread = threading.Thread(target=work, name=f"hecha_batches{work.__name__}")
            thread.daemon = True
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop after the file that is being stored; another process, or the next, goes on."""
        self._stopping.set()
        self._workers.stop()
        for thread in self._threads:
            thread.join(5)
        try:
            with self._database.write() as connection:
                batches.release(connection, self._executor)
        except SQLAlchemyError as error:
            _log.warning("could not give up claims: %s", type(error).__name__)

    def _work(self) -> None:
        self._repeat(self._unpack_or_rest)

    def _unpack_or_rest(self) -> bool:
        if self.unpack_one():
            return True
        self._workers.close()
        return False

    def _finish(self) -> None:
        """End batches also while a large one is being unpacked."""
        self._repeat(self.end_finished)

    def _repeat(self, step: Callable[[], bool]) -> None:
        """Take a step again and again, with a pause where it has found nothing to do."""
        while not self._stopping.is_set():
            try:
                is_idle = not step()
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
        """Show that this process still unpacks what it has claimed; end what is not wanted."""
        while not self._stopping.wait(_BEAT):
            turn = self._turn
            try:
                with self._database.write() as connection:
                    held = batches.renew(connection, self._executor, _until())
            except SQLAlchemyError as error:
                _log.warning("cannot hold batches: %s", type(error).__name__)
                continue
            if turn is not None and not held and turn is self._turn:
                turn.is_lost = True
                self._workers.abort()

    def end_finished(self) -> bool:
        """End the batches of which nothing is under way any more; tell whether there were any."""
        with self._database.read() as connection:
            candidates = [
                each
                for each in batches.running(connection)
                if not batches.is_waiting(connection, *each)
            ]
        for tenant, batch in candidates:
            with self._database.write() as connection:
                batches.finish(connection, tenant, batch)
        return bool(candidates)

    def unpack_one(self) -> bool:
        """Unpack a batch that waits, if there is one; tell whether."""
        with self._database.read() as connection:
            if not batches.is_any_waiting(connection, list(self._folders)):
                return False
        with self._database.write() as connection:
            claimed = batches.claim(connection, self._executor, _until(), list(self._folders))
        if claimed is None:
            return False
        turn = self._turn = _Turn(claimed)
        try:
            self._unpack(turn)
        except InterruptedUnpackingError:
            _log.info("unpacking interrupted")
        except BrokenArchiveError as error:
            code, message = error.args
            self._fail(claimed, code, message + _SO_FAR)
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
        finally:
            self._turn = None
        return True

    def _unpack(self, turn: _Turn) -> None:
        claimed = turn.claimed
        spool = self._services.files.spool(claimed.batch)
        try:
            self._add_all(turn, spool)
        finally:
            shutil.rmtree(spool, ignore_errors=True)
        with self._database.write() as connection:
            if not batches.hold(connection, claimed, self._executor):
                raise InterruptedUnpackingError
            batches.unpacked(connection, claimed)
        if claimed.file is not None:
            self._services.remove_file(claimed.file)

    def _add_all(self, turn: _Turn, spool: Path) -> None:
        """Add everything that a batch holds, but for what was added before."""
        claimed = turn.claimed
        with self._database.read() as connection:
            known = batches.known_paths(connection, claimed.tenant, claimed.batch)
        seen: dict[str, int] = {}
        items: list[NewItem] = []
        broken: Unpacked | None = None
        for found in self._walk(turn, spool):
            self._check(turn)
            if found.kind == "broken" and claimed.file is not None and not found.depth:
                broken = found
                continue
            # Two files of a path are told apart the same way at every walk.
            count = seen[found.path] = seen.get(found.path, 0) + 1
            path = found.path if count == 1 else f"{found.path}（{count}）"
            if path not in known:
                items.append(self._keep_file(claimed, replace(found, path=path)))
            elif found.place:
                Path(found.place).unlink(missing_ok=True)
            if len(items) >= self.together:
                self._add(claimed, items)
                items = []
        self._check(turn)
        self._add(claimed, items)
        if broken is not None:
            raise BrokenArchiveError(broken.code, broken.message)

    def _check(self, turn: _Turn) -> None:
        """Raise where this is to end before its time."""
        if not self._is_wanted(turn):
            raise InterruptedUnpackingError

    def _is_wanted(self, turn: _Turn) -> bool:
        return not (self._stopping.is_set() or turn.is_lost)

    def _walk(self, turn: _Turn, spool: Path) -> Iterator[Unpacked]:
        claimed, source = turn.claimed, spool / "source"
        if claimed.folder is not None:
            largest = max(self._whole, self._limits.max_bytes)
            for found in copy_folder(self._folders[claimed.folder], source, largest):
                self._check(turn)
                if found.kind == "file":
                    name = PurePosixPath(found.path).name
                    parcel = Parcel(source, found.path, name, self._whole, steps_back=True)
                    yield from self._open(turn, parcel, spool, found.size)
                else:
                    yield found
            return
        if claimed.file is None:
            raise FileMissingError("no archive")
        size = 0
        with files_errors(), source.open("wb") as copy:
            for part in self._services.files.chunks(claimed.file):
                size += copy.write(part)
        parcel = Parcel(source, "", claimed.name, self._whole, steps_back=True)
        yield from self._open(turn, parcel, spool, size)

    def _open(self, turn: _Turn, parcel: Parcel, spool: Path, size: int) -> Iterator[Unpacked]:
        # The file itself is in the memory of its worker as a whole.
        memory = self._limits.max_memory_bytes + size
        limits = replace(self._limits, max_memory_bytes=memory)

        def run(function: str, *arguments: Any) -> Generator[Any, None, Any]:
            return self._workers.stream(function, *arguments, limits=limits)

        with files_errors(), TemporaryDirectory(dir=spool) as folder:
            yield from open_archive(run, parcel, Path(folder), lambda: self._is_wanted(turn))

    def _keep_file(self, claimed: Unpacking, found: Unpacked) -> NewItem:
        """Put a file into the file store; what is not to be read becomes an item as it is."""
        if found.kind != "file":
            status = _OUTCOMES.get(found.kind, "failed")
            return NewItem(found.path, None, status, found.code, found.message)
        incoming = Incoming.of(Path(found.place))
        try:
            digest = self._services.files.keep(incoming)
        finally:
            incoming.discard()
        source: documents.Source = "batch" if claimed.folder is None else "folder"
        name = clean_name(PurePosixPath(found.path).name)
        return NewItem(found.path, NewDocument(digest, incoming.size, name, source, IN_BULK))

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
