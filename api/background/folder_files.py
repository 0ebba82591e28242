"""The files in a folder of the operator, copied one by one: links, pipes and devices are not read.

Others may write in the folder while it is read. A file is opened from the folder in which it was
found, so that a folder that becomes a link meanwhile leads nowhere, and one that changes while it
is copied is not taken.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path
from typing import Final

from api.files.file_store import files_errors
from api.spooling import Unpacked
from extractor.formats.containers import left_out
from extractor.formats.limits import over_limit, size_text

_CHUNK: Final = 1 << 20
_DEEPEST: Final = 64
_LINK: Final = "这是链接、管道或设备，不是文件，没有读取。"
_CHANGED: Final = "读的时候这个文件变了，没有读取。请等它写完，再把这个文件夹提交一次。"
_NOT_READ: Final = "无法读取（{0}）。请检查读取权限，再把这个文件夹提交一次；已读的不会重复读。"
_TOO_DEEP: Final = "文件夹层层嵌套超过 64 层，里面的没有读取。请移到浅一些的地方再提交。"
# A pipe without a writer would hold up whoever opens it.
_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


def copy_folder(folder: Path, target: Path, largest: int) -> Iterator[Unpacked]:
    """Give the files in a folder and below, sorted, each copied to `target` as it is given.

    What is not read is given with its reason. A file of more than `largest` bytes is refused.

    Raises:
        OSError: the folder cannot be read.
        FilesError: `target` cannot be written to.
    """
    root = folder.resolve(strict=True)
    if not root.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    os.listdir(root)
    expected: set[str] = set()
    for place, folders, names, handle in _walk(root):
        here = Path(place).relative_to(root)
        expected.discard(str(here))
        linked = [name for name in folders if (root / here / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in linked)
        if len(here.parts) >= _DEEPEST and folders:
            yield Unpacked(_label(here), "failed", code="limit_exceeded", message=_TOO_DEEP)
            folders.clear()
        expected.update(str(here / name) for name in folders)
        for name in sorted([*names, *linked]):
            yield _copied(root, here / name, handle, target, largest)
    # A folder that was seen and never entered could not be opened.
    for missed in sorted(expected):
        message = _NOT_READ.format("文件夹打不开")
        yield Unpacked(_label(Path(missed)), "failed", code="folder_unreadable", message=message)


def _walk(root: Path) -> Iterator[tuple[str, list[str], list[str], int | None]]:
    if sys.platform == "win32":
        for place, folders, names in os.walk(root):
            yield place, folders, names, None
    else:
        yield from os.fwalk(root)


def _label(path: Path) -> str:
    return os.fsencode(path.as_posix()).decode("utf-8", "replace")


def _copied(root: Path, path: Path, handle: int | None, target: Path, largest: int) -> Unpacked:
    """Copy a file that stands in the open folder `handle`, and tell what came of it."""
    label = _label(path)
    skipped = left_out(label)
    if skipped is not None:
        return Unpacked(label, "skipped", code=skipped.code, message=skipped.reason)
    link = Unpacked(label, "skipped", code="link_not_followed", message=_LINK)
    place: Path = root / path if handle is None else Path(path.name)
    try:
        if not stat.S_ISREG(os.stat(place, dir_fd=handle, follow_symlinks=False).st_mode):
            return link
        if handle is None and not place.resolve().is_relative_to(root):
            return link
        with os.fdopen(os.open(place, _FLAGS, dir_fd=handle), "rb", buffering=0) as file:
            return _copied_file(file, label, target, largest)
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link by now
            return link
        message = _NOT_READ.format(error.strerror or type(error).__name__)
        return Unpacked(label, "failed", code="file_unreadable", message=message)


def _copied_file(file: RawIOBase, label: str, target: Path, largest: int) -> Unpacked:
    before = os.fstat(file.fileno())
    if not stat.S_ISREG(before.st_mode):
        return Unpacked(label, "skipped", code="link_not_followed", message=_LINK)
    if before.st_size > largest:
        found = f"文件大小 {size_text(before.st_size)}"
        limit = over_limit(found, "max_bytes", size_text(largest))
        return Unpacked(label, "failed", code=limit.code, message=limit.message)
    size = _copy(file, target, before.st_size)
    after = os.fstat(file.fileno())
    if (size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        return Unpacked(label, "failed", code="file_changed", message=_CHANGED)
    return Unpacked(label, "file", str(target), size=size)


def _copy(file: RawIOBase, target: Path, expected: int) -> int:
    """Copy a file, one part more than is expected at most; return how many bytes there were."""
    size = 0
    with files_errors():
        copy = target.open("wb")
    with copy:
        while size <= expected and (part := file.read(_CHUNK)):
            size += len(part)
            with files_errors():
                copy.write(part)
        with files_errors():
            copy.flush()
    return size
