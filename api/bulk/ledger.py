"""What a run has done, one line a file: `manifest.jsonl`, appended and crash-safe.

A line is written when its result is safely in place, so a line never speaks of what is not there.
A torn last line, which a crash may leave, is cut off before anything is appended. The last line of
a path counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from api.batch import write_reason
from api.console import wrong_use

Line = dict[str, Any]
"""One line of a manifest; see docs/cli.md for its fields."""

_SYNC_SECONDS: Final = 1.0
_CHUNK: Final = 1 << 16
FINAL: Final = frozenset({"done", "failed", "skipped", "duplicate", "archive"})
HEALABLE: Final = frozenset(
    {
        "file_not_found",
        "file_unreadable",
        "tool_missing",
        "parse_crashed",
        "limit_exceeded",
        "write_failed",
        "internal_error",
    }
)
"""Failures that may be gone when the run is continued; the others are of the file itself."""


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the whole lines of a file of JSON Lines; one that is torn or damaged is left out."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        for raw in file:
            with suppress(ValueError):
                line = json.loads(raw)
                if raw.endswith(b"\n") and isinstance(line, dict):
                    yield line


def last_lines(
    path: Path, keys: Collection[str] | None = None, *, of: str = "path"
) -> dict[str, Line]:
    """Return the last line of every path (or other key `of`), or only these `keys` of it."""
    return {
        line[of]: line if keys is None else {k: line[k] for k in keys if k in line}
        for line in read_lines(path)
        if of in line
    }


def standing_lines(path: Path) -> list[Line]:
    """Return the lines of a manifest that hold where files of one name come one after another.

    Each content of a path counts, by its last line; a failure without content (an entry that could
    not be unpacked) counts until the path is met again.
    """
    found: dict[str, dict[str | None, Line]] = {}
    for line in read_lines(path):
        if "path" in line:
            contents = found.setdefault(line["path"], {})
            contents.pop(None, None)
            contents[line.get("sha256")] = line
    return [line for contents in found.values() for line in contents.values()]


class JournalError(Exception):
    """A journal cannot be written; `args[0]` says why, in Chinese."""


class Journal:
    """A file of JSON Lines that many threads append to; each line is flushed at once."""

    def __init__(self, path: Path) -> None:
        """Open the file, cutting off a torn last line.

        Raises:
            OSError: it cannot be written.
        """
        self._path = path
        self._lock = threading.Lock()
        self._synced = time.monotonic()
        path.parent.mkdir(parents=True, exist_ok=True)
        cut_torn_line(path)
        self._file: IO[bytes] = path.open("ab")

    def append(self, line: Mapping[str, Any]) -> None:
        """Write one line as a whole.

        Raises:
            JournalError: the disk is full or gone.
        """
        raw = encode(line)
        try:
            with self._lock:
                self._file.write(raw)
                self._file.flush()
                # What a power cut may lose is at most this last second: it is then read again.
                if time.monotonic() - self._synced > _SYNC_SECONDS:
                    os.fsync(self._file.fileno())
                    self._synced = time.monotonic()
        except (OSError, ValueError) as error:
            reason = write_reason(error) if isinstance(error, OSError) else "文件已关闭"
            raise JournalError(f"{self._path} 不能写入：{reason}") from error

    def close(self) -> None:
        """Bring everything to the disk."""
        with self._lock, suppress(OSError, ValueError):
            os.fsync(self._file.fileno())
            self._file.close()


def encode(line: Mapping[str, Any]) -> bytes:
    """Return a line as UTF-8; a name that is no Unicode is written with escapes."""
    try:
        return (json.dumps(line, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(line) + "\n").encode()


def cut_torn_line(path: Path) -> None:
    """Cut off what stands behind the last line break."""
    with suppress(FileNotFoundError), path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        keep = 0
        at = end
        while at > 0:
            start = max(0, at - _CHUNK)
            file.seek(start)
            found = file.read(at - start).rfind(b"\n")
            if found >= 0:
                keep = start + found + 1
                break
            at = start
        if keep < end:
            file.truncate(keep)


def compact(path: Path, *, of: str = "path") -> None:
    """Rewrite a journal so that each path (or other key `of`) has one line, its last.

    Raises:
        OSError: it cannot be written.
    """
    last: dict[bytes, int] = {}
    count = 0
    for count, line in enumerate(read_lines(path), 1):
        last[_key(line, of)] = count
    if len(last) == count:
        return
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        for number, line in enumerate(read_lines(path), 1):
            if last[_key(line, of)] == number:
                file.write(encode(line))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _key(line: Line, of: str) -> bytes:
    # Not the path itself: there may be very many.
    name = str(line.get(of)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(name, digest_size=12).digest()


class FolderLock:
    """Holds a folder for one program; the system lets go of it when the program ends, however."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            BadParameter: another program works in this folder.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        try:
            _locker()(self._file)
        except OSError:
            self._file.close()
            wrong_use(f"另一个程序正在处理“{path.parent.parent}”。请等它结束，或换一个文件夹")

    def release(self) -> None:
        """Let go of the folder."""
        self._file.close()


def _locker() -> Callable[[IO[bytes]], None]:
    if sys.platform == "win32":
        import msvcrt

        return lambda file: msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    import fcntl

    return lambda file: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
