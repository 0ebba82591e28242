"""Processes that keep the pipeline loaded: as many as asked for, each for very many files.

They are no processes of the shared pool: a run may have more of them than there are processors, may
give one of them more memory, and ends them all at once when it is interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final

from extractor.errors import CrashError, LimitError
from extractor.formats.limited import WorkerPool
from extractor.formats.limits import MIB, Limits

_JOBS: Final = 20_000
_LARGEST: Final = 2048 * MIB
"""A process that holds more than this between two files is replaced."""


@dataclass(slots=True)
class Tally:
    """How often a job was tried."""

    tries: int = 0


class Crew:
    """Worker processes within the same limits; many threads may call."""

    def __init__(self, limits: Limits) -> None:
        """Begin without processes; they start as they are needed."""
        self.limits = limits
        self._pool = WorkerPool(_JOBS, sys.maxsize, _LARGEST)

    def call(self, function: str, *arguments: Any, limits: Limits | None = None) -> Any:
        """Call `module:function` in a worker; what it returns must be plain values.

        Raises:
            CrashError: the process broke down, or the crew was stopped.
            LimitError: over one of the limits.
            HechaError: what the function raises.
        """
        return self._pool.call(function, *arguments, limits=limits or self.limits)

    def stream(self, function: str, *arguments: Any) -> Generator[Any, None, Any]:
        """Call `module:function`, a generator, in a worker and give what it gives as it comes.

        Raises:
            HechaError: as `call`.
        """
        return self._pool.stream(function, *arguments, limits=self.limits)

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
            if self._pool.is_stopped or not (hung or isinstance(error, CrashError)):
                raise
        tally.tries += 1
        return self.call(function, *arguments)

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers, for measuring."""
        return self._pool.pids

    def stop(self) -> None:
        """End all processes; who waits for one gets a `CrashError` at once."""
        self._pool.stop()
