"""Files in a folder: `<folder>/ab/ab12…`, readable by their owner alone."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from api.files.file_store import (
    FileMissingError,
    Incoming,
    StoredFile,
    files_errors,
    key_of,
    new_spool,
    remove_old,
)

_CHUNK: Final = 1 << 20
_INCOMING: Final = "incoming"


class LocalFiles:
    """The store in a folder, of this machine or of a network; see `FileStore`."""

    def __init__(self, folder: Path) -> None:
        """Use a folder; it is made where it is missing.

        Raises:
            FilesError: it cannot be made.
        """
        self._folder = folder.absolute()
        self._incoming = self._folder / _INCOMING
        with files_errors():
            self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)

    def incoming(self) -> Incoming:
        """Begin a file, beside those that are kept: moving it there costs nothing."""
        return Incoming(self._incoming / secrets.token_hex(16))

    def spool(self, name: str) -> Path:
        """Make a folder beside what comes in: moving a file from it costs nothing."""
        return new_spool(self._incoming, f"{name}-")

    def keep(self, incoming: Incoming) -> str:
        """Move an incoming file to its place; a power cut leaves it whole or not at all."""
        incoming.finish()
        digest = incoming.sha256
        place = self._place(digest)
        with files_errors():
            if not place.parent.is_dir():
                place.parent.mkdir(mode=0o700, exist_ok=True)
                _sync(self._folder)
            incoming.path.replace(place)
            _sync(place.parent)
        return digest

    def read(self, digest: str) -> bytes:
        """Return a file."""
        with files_errors(), self._missing():
            return self._place(digest).read_bytes()

    def chunks(self, digest: str) -> Iterator[bytes]:
        """Give a file in parts of 1 MiB."""
        with files_errors(), self._missing():
            file = self._place(digest).open("rb")

        def parts() -> Iterator[bytes]:
            with file, files_errors():
                while part := file.read(_CHUNK):
                    yield part

        return parts()

    def size(self, digest: str) -> int | None:
        """Return the size of a file in bytes; None where it is not there."""
        try:
            with files_errors(), self._missing():
                return self._place(digest).stat().st_size
        except FileMissingError:
            return None

    def delete(self, digest: str) -> None:
        """Remove a file."""
        with files_errors():
            self._place(digest).unlink(missing_ok=True)

    def listed(self) -> Iterator[StoredFile]:
        """Give all files that are kept."""
        with files_errors():
            for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
                for entry in os.scandir(folder):
                    with suppress(FileNotFoundError, ValueError):
                        key_of(entry.name)
                        found = entry.stat()
                        yield StoredFile(entry.name, found.st_size, found.st_mtime)

    def sweep(self, seconds: float) -> int:
        """Remove what came in and was not kept for so long."""
        with files_errors():
            return remove_old(list(self._incoming.iterdir()), seconds)

    def ping(self) -> None:
        """Look whether the folder is there and may be written to."""
        with files_errors():
            if not os.access(self._incoming, os.W_OK | os.X_OK):
                self._incoming.stat()
                raise PermissionError

    @contextmanager
    def _missing(self) -> Iterator[None]:
        """Tell a file that is gone from a folder that is not there, such as one not mounted."""
        try:
            yield
        except FileNotFoundError:
            self._incoming.stat()
            raise FileMissingError("no such file") from None

    def _place(self, digest: str) -> Path:
        return self._folder / key_of(digest)


def _sync(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
