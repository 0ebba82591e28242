"""Doing one job: bytes from the store, reading in a worker process, the result in one transaction.

What can heal by itself (the database or the file store is away or full, a worker that was ended
from outside) is tried again, ever more slowly. What cannot is stored as the failure of the
document, with its reason. Every step may be done twice without harm.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from api.files import FileMissingError, FilesError, FileStore
from api.jobs import claims
from api.jobs.claims import MOST_TRIES, Begun, Job
from api.reader import Reader, Reading
from api.store.database import Database, trouble_of
from api.telemetry.meters import reading_of, saving, trace_stages
from extractor.errors import CrashError, ParseError

_log = logging.getLogger("hecha.jobs")

T = TypeVar("T")

_CRASHES: Final = 3
"""How often a worker process may end over one document before the document is given up."""
_SLOWEST: Final = 30.0
_LOST: Final = (
    "服务器上已没有这份文件的原件，无法读取。请重新上传这个文件；并请管理员检查文件存放位置。"
)
_POISON: Final = (
    "读取这份文件时服务多次中断，不再重试。请用原来的软件打开，另存为 PDF 或 .docx 后再上传。"
)
_INTERNAL: Final = (
    "保存结果时出现意外错误（编号 {0}）。请把错误编号告诉管理员；修复后可以重新读取。"
)


class InterruptedJobError(Exception):
    """The process stops: what is under way goes back into the queue."""


@dataclass(slots=True)
class Runner:
    """Does jobs in as many worker processes as there are `slots`; for many threads.

    `stopping` ends all waiting; the jobs that wait go back into the queue.
    """

    database: Database
    files: FileStore
    reader: Reader
    executor: str
    slots: int
    stopping: threading.Event = field(default_factory=threading.Event)
    active: set[Job] = field(default_factory=set)
    _free: threading.Semaphore = field(init=False)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        """Make the slots."""
        self._free = threading.Semaphore(self.slots)

    def expect(self, job: Job) -> None:
        """Count a job as active before a thread takes it up."""
        with self._changed:
            self.active.add(job)

    def forget(self, job: Job) -> None:
        """Count a job no longer."""
        with self._changed:
            self.active.discard(job)
            self._changed.notify_all()

    def wait_for_room(self, most: int, seconds: float) -> int:
        """Wait until fewer than `most` jobs are active; return how many more may be."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.active) < most, seconds)
            return most - len(self.active)

    def run(self, job: Job) -> str:
        """Do a job; return how it ended, in a word. Errors of any kind are dealt with here."""
        self.expect(job)
        try:
            with self._slot(), reading_of(job.document):
                return self._read(job)
        except InterruptedJobError:
            self._hand_back(job)
            return "handed back"
        finally:
            self.forget(job)

    def _read(self, job: Job) -> str:
        begun = self._healing(
            lambda: self.database.change(lambda c: claims.begin(c, job, self.executor))
        )
        if begun is None:
            return "not wanted"
        if begun.tries > MOST_TRIES:
            return self._fail(job, "parse_crashed", _POISON)
        try:
            data = self._healing(lambda: self.files.read(job.document))
        except FileMissingError:
            return self._fail(job, "original_missing", _LOST)
        try:
            reading = self._parse(job, begun, data)
            del data
            trace_stages(reading.result.seconds)
            with saving():
                stored = self._store(claims.prepare, job, reading)
                stored = stored and self._store(claims.succeed, job, reading)
        except ParseError as error:
            return self._fail(job, error.code, error.message, error.page)
        except InterruptedJobError:
            raise
        except Exception as error:  # a mistake of the program: the other documents go on
            return self._fail(job, "internal_error", _INTERNAL.format(log_unexpected(error)))
        return "succeeded" if stored else "not wanted"

    def _store(
        self, step: Callable[[Connection, Job, Reading], bool], job: Job, reading: Reading
    ) -> bool:
        return self._healing(
            lambda: self.database.change(lambda c: step(c, job, reading), is_long=True)
        )

    def _parse(self, job: Job, begun: Begun, data: bytes) -> Reading:
        """Read in a worker; one that breaks down may have been ended from outside: try again."""
        for crash in range(1, _CRASHES + 1):
            try:
                return self.reader.read(data, begun.filename, job.document)
            except CrashError:
                if self.stopping.is_set():
                    raise InterruptedJobError from None
                if crash == _CRASHES:
                    raise
            _log.warning("worker ended while reading, try %d of %d", crash + 1, _CRASHES)
            self._pause(crash)
        raise AssertionError  # pragma: no cover - the last crash was raised

    def _fail(self, job: Job, code: str, message: str, page: int | None = None) -> str:
        self._healing(
            lambda: self.database.change(lambda c: claims.fail(c, job, code, message, page))
        )
        _log.info("document failed: %s", code, extra={"code": code})
        return code

    def _healing(self, step: Callable[[], T]) -> T:
        """Do a step until what it needs is there."""
        failures = 0
        while True:
            try:
                return step()
            except FileMissingError:
                raise
            except (FilesError, SQLAlchemyError) as error:
                if isinstance(error, SQLAlchemyError) and trouble_of(error) is None:
                    raise
                failures += 1
                _log.warning("%s, try again (%d)", type(error).__name__, failures)
                self._pause(failures)

    def _pause(self, failures: int) -> None:
        """Wait before another try, the longer the more have failed.

        Raises:
            InterruptedJobError: the process stops meanwhile.
        """
        seconds = min(0.5 * 2.0**failures, _SLOWEST) * (0.8 + secrets.randbelow(400) / 1000)
        if self.stopping.wait(seconds):
            raise InterruptedJobError

    @contextmanager
    def _slot(self) -> Iterator[None]:
        while not self._free.acquire(timeout=0.2):
            if self.stopping.is_set():
                raise InterruptedJobError
        try:
            if self.stopping.is_set():
                raise InterruptedJobError
            yield
        finally:
            self._free.release()

    def _hand_back(self, job: Job) -> None:
        """Put a document back into the queue, if the database lets us: else others find it."""
        try:
            self.database.change(lambda c: claims.hand_back(c, [job]))
        except SQLAlchemyError as error:
            _log.warning("could not hand a document back: %s", type(error).__name__)

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait until no job is active, at most so long; tell whether that came about."""
        deadline = monotonic() + seconds
        with self._changed:
            return self._changed.wait_for(lambda: not self.active, max(deadline - monotonic(), 0.0))


def log_unexpected(error: BaseException) -> str:
    """Log where the program failed, without the message of the error; return the number of it."""
    error_id = secrets.token_hex(8)
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    where = " < ".join(
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)
    )
    kind = type(error).__name__
    fields = {"error_id": error_id, "error": kind}
    _log.error("unexpected %s %s at %s", error_id, kind, where, extra=fields)
    return error_id


def usual_slots() -> int:
    """Return how many worker processes there are if nothing else is said: one a processor."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1
