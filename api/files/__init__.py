"""The bytes of the files, by their SHA-256: in a folder, or in an object store."""

from api.files.file_store import (
    FileMissingError,
    FilesAwayError,
    FilesError,
    FilesFullError,
    FileStore,
    Incoming,
)
from api.files.opening import open_files

__all__ = [
    "FileMissingError",
    "FileStore",
    "FilesAwayError",
    "FilesError",
    "FilesFullError",
    "Incoming",
    "open_files",
]
