"""The stores of files, in a folder and behind a URL: whole or not at all, and clear errors."""

from __future__ import annotations

import errno
import os
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import GenericError

from api.files import (
    FileMissingError,
    FilesAwayError,
    FilesError,
    FilesFullError,
    FileStore,
    Incoming,
    open_files,
)
from api.files.file_store import files_errors, key_of

DATA = b"a report" * 1000
DIGEST = sha256(DATA).hexdigest()
ABSENT = "0" * 64


@pytest.fixture(params=["folder", "memory:///", "file"])
def files(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> FileStore:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if request.param == "folder":
        return open_files(str(tmp_path / "新的 files"))
    if request.param == "file":
        (tmp_path / "objects").mkdir()
        return open_files(f"file://{tmp_path}/objects")
    return open_files(request.param)


def _keep(files: FileStore, data: bytes = DATA) -> str:
    incoming = files.incoming()
    for start in range(0, len(data), 1000):
        incoming.write(data[start : start + 1000])
    assert (incoming.size, incoming.sha256) == (len(data), sha256(data).hexdigest())
    return files.keep(incoming)


def test_what_is_kept_comes_back(files: FileStore, tmp_path: Path) -> None:
    files.ping()
    assert files.size(DIGEST) is None
    assert _keep(files) == DIGEST
    assert _keep(files) == DIGEST, "again is no error"
    assert files.read(DIGEST) == DATA
    assert b"".join(files.chunks(DIGEST)) == DATA
    assert files.size(DIGEST) == len(DATA)
    [listed] = files.listed()
    assert (listed.sha256, listed.size) == (DIGEST, len(DATA))
    assert abs(listed.modified_at - time.time()) < 60
    assert not [path for path in tmp_path.glob("hecha-incoming-*") if path.is_file()]
    files.delete(DIGEST)
    files.delete(DIGEST)
    assert files.size(DIGEST) is None and list(files.listed()) == []


def test_what_is_not_there_is_said(files: FileStore) -> None:
    with pytest.raises(FileMissingError):
        files.read(ABSENT)
    with pytest.raises(FileMissingError):
        files.chunks(ABSENT)


def test_large_files_come_in_parts(files: FileStore) -> None:
    data = os.urandom(1 << 20) * 9
    digest = _keep(files, data)
    assert b"".join(files.chunks(digest)) == data


def test_what_is_not_kept_leaves_nothing(files: FileStore) -> None:
    incoming = files.incoming()
    incoming.write(DATA)
    assert incoming.path.stat().st_mode & 0o077 == 0
    incoming.discard()
    incoming.discard()
    assert not incoming.path.exists() and list(files.listed()) == []


def test_what_was_left_over_is_swept_when_it_is_old(files: FileStore) -> None:
    old, new = files.incoming(), files.incoming()
    for incoming in (old, new):
        incoming.write(DATA)
        incoming.finish()
    os.utime(old.path, (0, 0))
    assert files.sweep(3600) == 1
    assert not old.path.exists() and new.path.exists()
    new.discard()


def test_a_spool_folder_is_empty_and_its_files_are_taken(files: FileStore) -> None:
    left = files.spool("one")
    (left / "of a crash").write_bytes(b"x")
    other, spool = files.spool("other"), files.spool("one")
    assert not left.exists() and other.exists() and list(spool.iterdir()) == []
    place = spool / "1"
    place.write_bytes(DATA)
    incoming = Incoming.of(place)
    assert os.name != "posix" or place.stat().st_mode & 0o077 == 0
    assert (incoming.size, files.keep(incoming)) == (len(DATA), sha256(DATA).hexdigest())
    incoming.discard()
    assert not place.exists() and files.read(incoming.sha256) == DATA
    os.utime(other, (0, 0))
    assert files.sweep(3600) == 1
    assert not other.exists() and spool.exists()
    spool.rmdir()


@pytest.mark.skipif(os.name != "posix", reason="Windows 没有管道文件")
def test_only_a_file_is_taken_from_a_spool_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA)
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "folder", "pipe", "nothing"):
        with pytest.raises(FilesError):
            Incoming.of(tmp_path / name)
    assert (tmp_path / "file").read_bytes() == DATA


@pytest.mark.parametrize("digest", ["", "x" * 64, "../" * 20 + "abcd", "A" * 64, "0" * 63])
def test_only_hashes_are_looked_for(files: FileStore, digest: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        key_of(digest)
    with pytest.raises(ValueError, match="SHA-256"):
        files.read(digest)


def test_a_folder_that_is_gone_is_not_a_file_that_is_gone(tmp_path: Path) -> None:
    files = open_files(str(tmp_path / "files"))
    _keep(files)
    (tmp_path / "files").rename(tmp_path / "elsewhere")
    for ask in (files.read, files.chunks, files.size):
        with pytest.raises(FilesAwayError):
            ask(DIGEST)
    for do in (files.ping, files.incoming):
        with pytest.raises(FilesAwayError):
            do()


def test_an_object_store_that_is_away_is_said_without_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise GenericError("http://secret.example refused")

    files = open_files("memory:///")
    for name in ("put", "get", "head", "list", "delete"):
        monkeypatch.setattr(obstore, name, refuse)
    incoming = files.incoming()

    def ask() -> Iterator[object]:
        yield lambda: files.keep(incoming)
        yield lambda: files.read(DIGEST)
        yield lambda: files.size(DIGEST)
        yield lambda: files.delete(DIGEST)
        yield lambda: list(files.listed())
        yield files.ping

    for each in ask():
        with pytest.raises(FilesAwayError) as caught:
            each()  # type: ignore[operator]
        assert "secret" not in str(caught.value) and caught.value.__suppress_context__
    assert incoming.path.exists(), "may be tried again"
    incoming.discard()


ERRORS: list[tuple[int, type[FilesError]]] = [
    (errno.ENOSPC, FilesFullError),
    (errno.EDQUOT, FilesFullError),
    (errno.EIO, FilesAwayError),
    (errno.EACCES, FilesAwayError),
    (errno.ESTALE, FilesAwayError),
]


@pytest.mark.parametrize(("number", "kind"), ERRORS)
def test_errors_of_the_system_become_ours_without_paths(
    number: int, kind: type[FilesError]
) -> None:
    with pytest.raises(kind) as caught, files_errors():
        raise OSError(number, "no", "/secret/path")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("place", ["ftp://host/x", "s3x://bucket", "https://"])
def test_places_of_no_known_kind_are_refused_in_chinese(place: str) -> None:
    with pytest.raises(ValueError, match="文件存放位置"):
        open_files(place)
