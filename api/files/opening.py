"""Which store of files a setting names."""

from __future__ import annotations

from pathlib import Path

from api.files.file_store import FileStore
from api.files.local_files import LocalFiles
from api.files.object_files import ObjectFiles


def open_files(place: str) -> FileStore:
    """Return the store that a setting names: a folder, or a URL such as `s3://bucket/prefix`.

    Raises:
        ValueError: the URL is of no kind that is known; in Chinese.
        FilesError: the folder cannot be made.
    """
    return ObjectFiles(place) if "://" in place else LocalFiles(Path(place))
