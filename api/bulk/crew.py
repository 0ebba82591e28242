"""Processes that keep the pipeline loaded: as many as asked for, each for very many files.

`extractor.formats.limited` keeps a process for a hundred files, which is right for parsing alone;
one that also extracts takes a second to become warm, so it is kept until its memory has grown.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from extractor.errors import CrashError, LimitError
from extractor.formats import limited
from extractor.formats.limits import MIB, Limits
from extractor.formats.office_guard import end

_JOBS: Final = 20_000
_LARGEST: Final = 2048 * MIB
"""A process that holds more than this between two files is replaced."""


@dataclass(slots=True)
class Tally:
    """How often a job was tried."""

    tries: int = 0


class Crew:
    """Worker processes; many threads may call, and each call has a process to itself."""

    def __init__(self, limits: Limits) -> None:
        """Begin without processes; they start as they are needed."""
        self._limits = limits
        self._lock = threading.Lock()
        self._idle: list[limited._Worker] = []
        self._busy: set[limited._Worker] = set()
        self._stopped = False

    def call(self, function: str, *arguments: Any, limits: Limits | None = None) -> Any:
        """Call `module:function` in a worker; what it returns must be plain values.

        Raises:
            CrashError: the process broke down, or the crew was stopped.
            LimitError: over one of the limits.
            HechaError: what the function raises.
        """
        bounds = limits if limits is not None else self._limits
        job = (function, arguments, bounds)
        try:
            kind, value = self._call(job, bounds)
        except limited._DiedIdleError:  # while it waited, for no fault of this file
            kind, value = self._call(job, bounds)
        if kind == "error":
            raise limited._error(*value)
        return value

    def call_twice(self, tally: Tally, function: str, *arguments: Any) -> Any:
        """Call as `call` does, and once more when the process died or hung.

        Raises:
            HechaError: as `call`, of the second try.
        """
        tally.tries += 1
        try:
            return self.call(function, *arguments)
        except (CrashError, LimitError) as error:
            # A limit that the worker itself reports would be met again; one that ended it has a
            # cause: the pipe that broke.
            hung = isinstance(error, LimitError) and error.__cause__ is not None
            if self._stopped or not (hung or isinstance(error, CrashError)):
                raise
        tally.tries += 1
        return self.call(function, *arguments)

    def _call(self, job: object, limits: Limits) -> tuple[str, Any]:
        worker = self._take()
        try:
            answer = worker.call(job, limits)
        except BaseException:
            self._forget(worker)
            worker.stop()
            raise
        self._give_back(worker)
        return answer

    def _take(self) -> limited._Worker:
        while True:
            with self._lock:
                if self._stopped:
                    raise CrashError("已停止。")
                worker = self._idle.pop() if self._idle else None
            if worker is not None and not worker.is_alive:
                worker.stop()
                continue
            worker = worker or limited._Worker()
            with self._lock:
                self._busy.add(worker)
            return worker

    def _forget(self, worker: limited._Worker) -> None:
        with self._lock:
            self._busy.discard(worker)

    def _give_back(self, worker: limited._Worker) -> None:
        with self._lock:
            self._busy.discard(worker)
            keep = not self._stopped and worker.jobs < _JOBS and not _is_large(worker)
            if keep:
                self._idle.append(worker)
        if not keep:
            worker.stop()

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers, for measuring."""
        with self._lock:
            return [worker._process.pid for worker in (*self._idle, *self._busy)]

    def stop(self) -> None:
        """End all processes; who waits for one gets a `CrashError` at once."""
        with self._lock:
            self._stopped = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for worker in busy:
            end(worker._process)
        for worker in idle:
            worker.stop()


def resident_bytes(pid: int) -> int | None:
    """Return the memory that a process has in use, as Linux counts it; elsewhere None."""
    with suppress(OSError, ValueError, IndexError):
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * 4096
    return None


def _is_large(worker: limited._Worker) -> bool:
    return (resident_bytes(worker._process.pid) or 0) > _LARGEST
