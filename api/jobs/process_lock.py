"""One process at a time: a lock on a file, which the system opens when the process ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class AlreadyRunningError(Exception):
    """Another process holds the lock."""


class ProcessLock:
    """The lock on one file; the file stays when the lock is opened."""

    def __init__(self, path: Path) -> None:
        """Prepare it; nothing is locked yet."""
        self._path = path
        self._file: IO[bytes] | None = None

    def take(self) -> None:
        """Lock, without waiting.

        Raises:
            AlreadyRunningError: another process, or another lock of this one, holds it.
            OSError: the file cannot be made.
        """
        self._path.touch(mode=0o600, exist_ok=True)
        file = self._path.open("r+b")
        try:
            _lock(file)
        except OSError as exc:
            file.close()
            raise AlreadyRunningError from exc
        self._file = file

    def release(self) -> None:
        """Open the lock, if it is held."""
        if self._file is not None:
            self._file.close()
            self._file = None


def lock_beside(database: Path) -> ProcessLock:
    """Return the lock of those who take jobs from a SQLite database: `hecha.lock` beside it."""
    return ProcessLock(database.with_suffix(".lock"))


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        file.seek(0, os.SEEK_SET)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
