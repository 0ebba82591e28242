"""What a store of files can do, and which one a setting names.

A file comes in as `Incoming`, which counts and hashes it on the way to a temporary place; `keep`
moves it under its hash as a whole or not at all. Only then may a row tell of it: a crash leaves at
most a file that no row knows, never a row without its file.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final, Protocol

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FilesError(Exception):
    """The store of files does not do what it should; heals by itself or by an administrator."""


class FilesAwayError(FilesError):
    """The store does not answer, or refuses."""


class FilesFullError(FilesError):
    """The store has no room left."""


class FileMissingError(FilesError):
    """The store has no file of this hash."""


@contextmanager
def files_errors() -> Iterator[None]:
    """Turn an error of the system into one of ours, without the path that it names."""
    try:
        yield
    except OSError as error:
        kind = FilesFullError if error.errno in _FULL else FilesAwayError
        raise kind(errno.errorcode.get(error.errno or 0, type(error).__name__)) from None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as the store lists it; `modified_at` is in seconds since 1970."""

    sha256: str
    size: int
    modified_at: float


class Incoming:
    """A file on its way in: in a temporary place, counted and hashed."""

    def __init__(self, path: Path, flags: int = os.O_CREAT | os.O_EXCL) -> None:
        """Begin an empty file at `path`, which must not be there; only its owner may read it.

        Raises:
            FilesError: it cannot be made.
        """
        self.path = path
        self.size = 0
        self._hash = sha256()
        with files_errors():
            handle = os.open(path, flags | os.O_RDWR | _BINARY, 0o600)
        self._file: BinaryIO = os.fdopen(handle, "r+b", buffering=0)

    @classmethod
    def of(cls, path: Path) -> Incoming:
        """Take a file that is in a spool folder of the store already; it is hashed part by part.

        Only its owner may read it from now on.

        Raises:
            FilesError: it cannot be read, or is no file.
        """
        incoming = cls(path, _NO_FOLLOW)
        try:
            with files_errors():
                if not stat.S_ISREG(os.fstat(incoming._file.fileno()).st_mode):
                    raise OSError(errno.EINVAL, "no file")
                path.chmod(0o600)
                while part := incoming._file.read(_CHUNK):
                    incoming._hash.update(part)
                    incoming.size += len(part)
        except BaseException:
            incoming.discard()
            raise
        return incoming

    @property
    def sha256(self) -> str:
        """The hash of what was written so far, 64 hexadecimal digits."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Add bytes.

        Raises:
            FilesError: there is no room, or the place is gone.
        """
        with files_errors():
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        self._hash.update(data)
        self.size += len(data)

    def finish(self) -> None:
        """Bring everything to the disk and close the file.

        Raises:
            FilesError: the disk refuses.
        """
        if not self._file.closed:
            with files_errors():
                os.fsync(self._file.fileno())
                self._file.close()

    def discard(self) -> None:
        """Remove what was written, if it is still there."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


_BINARY: Final = getattr(os, "O_BINARY", 0)
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_CHUNK: Final = 1 << 20


def new_spool(parent: Path, prefix: str) -> Path:
    """Make an empty folder whose name begins with `prefix`; those that are there already go.

    Raises:
        FilesError: it cannot be made.
    """
    with files_errors():
        for left in parent.glob(f"{prefix}*"):
            shutil.rmtree(left, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))


def remove_old(places: Iterable[Path], seconds: float) -> int:
    """Remove the files and folders that nothing was written to for so long; return how many.

    Raises:
        FilesError: one cannot be removed.
    """
    removed = 0
    with files_errors():
        for place in places:
            with suppress(FileNotFoundError):
                if place.stat().st_mtime < time.time() - seconds:
                    if place.is_dir():
                        shutil.rmtree(place)
                    else:
                        place.unlink()
                    removed += 1
    return removed


class FileStore(Protocol):
    """Files by their SHA-256; safe to use from many threads and processes."""

    def incoming(self) -> Incoming:
        """Begin a file.

        Raises:
            FilesError: there is no room, or the store is away.
        """

    def spool(self, name: str) -> Path:
        """Make an empty folder for files that `Incoming.of` takes; one left of this name goes.

        The caller removes it; what a crash leaves is swept.

        Raises:
            FilesError: there is no room, or the store is away.
        """

    def keep(self, incoming: Incoming) -> str:
        """Put an incoming file in its place and return its hash; there already is no error.

        Raises:
            FilesError: it is not kept; the incoming file is still there.
        """

    def read(self, digest: str) -> bytes:
        """Return a file.

        Raises:
            FilesError: it is not there (`FileMissingError`), or the store is away.
        """

    def chunks(self, digest: str) -> Iterator[bytes]:
        """Give a file in parts of at most a few MiB; the first is read before this returns.

        Raises:
            FilesError: it is not there (`FileMissingError`), or the store is away.
        """

    def size(self, digest: str) -> int | None:
        """Return the size of a file in bytes; None where it is not there.

        Raises:
            FilesError: the store is away.
        """

    def delete(self, digest: str) -> None:
        """Remove a file; not there is no error.

        Raises:
            FilesError: the store is away.
        """

    def listed(self) -> Iterator[StoredFile]:
        """Give all files that are kept, in no order.

        Raises:
            FilesError: the store is away.
        """

    def sweep(self, seconds: float) -> int:
        """Remove what came in and was not kept for so long; return how many files."""

    def ping(self) -> None:
        """Ask the store for an answer.

        Raises:
            FilesError: there is none.
        """


def key_of(digest: str) -> str:
    """Return where a file stands in a store: `sha256[:2]/sha256`.

    Raises:
        ValueError: it is no SHA-256 in 64 lower-case hexadecimal digits.
    """
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise ValueError("not a SHA-256")
    return f"{digest[:2]}/{digest}"
