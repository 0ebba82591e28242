"""Files in an object store: S3 and what speaks like it, Google Cloud Storage, Azure.

The keys of access come from the environment, by the names that the store's own tools use
(`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`, …).
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from api.files.file_store import (
    FileMissingError,
    FilesAwayError,
    Incoming,
    StoredFile,
    files_errors,
    key_of,
    new_spool,
    remove_old,
)

if TYPE_CHECKING:  # the library has these names for checking alone
    from obstore.store import ClientConfig, RetryConfig

_CHUNK: Final = 4 << 20
_RETRY: Final[RetryConfig] = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
_CLIENT: Final[ClientConfig] = {"timeout": "60s", "connect_timeout": "5s"}
_LOCAL: Final = ("memory:", "file:")


class ObjectFiles:
    """The store behind a URL; see `FileStore`."""

    def __init__(self, url: str) -> None:
        """Use the store that a URL names.

        Raises:
            ValueError: it is of no kind that is known, or something is missing; in Chinese.
        """
        try:
            if url.startswith(_LOCAL):
                self._store: ObjectStore = from_url(url)
            else:
                self._store = from_url(url, client_options=_CLIENT, retry_config=_RETRY)
        except (BaseError, ValueError) as exc:
            raise ValueError(
                "文件存放位置要写成文件夹的路径，或 s3://桶/前缀 这样的地址；"
                "访问密钥写在环境变量里（例如 AWS_ACCESS_KEY_ID、AWS_SECRET_ACCESS_KEY）。"
            ) from exc
        self._folder = Path(tempfile.gettempdir())

    def incoming(self) -> Incoming:
        """Begin a file in the folder for temporary files."""
        return Incoming(self._folder / f"{_PREFIX}{secrets.token_hex(16)}")

    def spool(self, name: str) -> Path:
        """Make a folder in that for temporary files."""
        return new_spool(self._folder, f"{_PREFIX}{name}-")

    def keep(self, incoming: Incoming) -> str:
        """Send an incoming file; the store shows it when it is whole."""
        incoming.finish()
        digest = incoming.sha256
        with _object_errors():
            obstore.put(self._store, key_of(digest), incoming.path)
        incoming.discard()
        return digest

    def read(self, digest: str) -> bytes:
        """Return a file."""
        with _object_errors():
            return obstore.get(self._store, key_of(digest)).bytes().to_bytes()

    def chunks(self, digest: str) -> Iterator[bytes]:
        """Give a file in parts of about 4 MiB."""
        with _object_errors():
            stream = iter(obstore.get(self._store, key_of(digest)).stream(min_chunk_size=_CHUNK))

        def parts() -> Iterator[bytes]:
            with _object_errors():
                for part in stream:
                    yield bytes(part)

        return parts()

    def size(self, digest: str) -> int | None:
        """Return the size of a file in bytes; None where it is not there."""
        try:
            with _object_errors():
                return int(obstore.head(self._store, key_of(digest))["size"])
        except FileMissingError:
            return None

    def delete(self, digest: str) -> None:
        """Remove a file."""
        with suppress(FileMissingError), _object_errors():
            obstore.delete(self._store, key_of(digest))

    def listed(self) -> Iterator[StoredFile]:
        """Give all files that are kept."""
        with _object_errors():
            for part in obstore.list(self._store):
                for entry in part:
                    name = entry["path"].rpartition("/")[2]
                    with suppress(ValueError):
                        key_of(name)
                        modified = entry["last_modified"].timestamp()
                        yield StoredFile(name, int(entry["size"]), modified)

    def sweep(self, seconds: float) -> int:
        """Remove what came in and was not kept for so long."""
        return remove_old(list(self._folder.glob(f"{_PREFIX}*")), seconds)

    def ping(self) -> None:
        """Ask for a file that is not there."""
        self.size("0" * 64)


_PREFIX: Final = "hecha-incoming-"


@contextmanager
def _object_errors() -> Iterator[None]:
    """Turn an error of the library into one of ours, without the address that it names."""
    try:
        with files_errors():
            try:
                yield
            except FileNotFoundError:
                raise FileMissingError("no such file") from None
    except BaseError as error:
        raise FilesAwayError(type(error).__name__) from None
