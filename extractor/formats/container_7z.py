"""7-Zip and RAR archives, read by libarchive where it is installed; nothing is unpacked to disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from extractor.errors import MissingToolError, ParseError
from extractor.formats.container_zip import damaged, locked
from extractor.formats.containers import (
    BadEntry,
    Budget,
    Entry,
    Found,
    LeftOut,
    Names,
    decode_name,
    left_out,
)

_TYPE: Final = 0o170000
_FOLDER: Final = 0o040000
_FILE: Final = 0o100000
_BLOCK: Final = 1 << 18
_MARK: Final = 8
_CHECK: Final = 4
_ENCRYPTION_BLOCK: Final = 4
_END_BLOCK: Final = 5
"""Of RAR 5: bytes of its mark and of the check of a block, and two types of block."""
_FORMATS: Final = {b"7z": "7zip", b"Rar!\x1a\x07\x00": "rar", b"Rar!\x1a\x07\x01\x00": "rar5"}


def load_libarchive() -> Any:
    """Import and return the package libarchive.

    Raises:
        MissingToolError: the package or the system library is not installed.
    """
    try:
        import libarchive
    except (ImportError, OSError, AttributeError, TypeError) as exc:
        raise MissingToolError(
            "读取 7z、RAR 压缩包需要 libarchive，本机没有安装。请解压后上传里面的文件；"
            "或让管理员安装："
            "系统软件包 libarchive13（Debian、Ubuntu：apt install libarchive13），"
            "以及 pip install 'hecha[archives]'。"
        ) from exc
    return libarchive


def walk_libarchive(data: bytes, filename: str, budget: Budget) -> Iterator[Found]:
    """Give the files of a 7-Zip or RAR archive, in the order of the archive."""
    try:
        library = load_libarchive()
    except MissingToolError as error:
        yield BadEntry("", error)
        return
    kind = next(name for mark, name in _FORMATS.items() if data.startswith(mark))
    names = Names()
    try:
        with library.memory_reader(data, format_name=kind, filter_name="none") as archive:
            for entry in archive:
                if entry.filetype & _TYPE != _FOLDER:
                    yield _read(entry, _path(entry, names), len(data), budget)
                if budget.is_spent:
                    return
        if kind == "rar5" and not _is_whole(data):
            yield BadEntry("", damaged("压缩包的后半部分"))
    except library.ArchiveError as exc:
        is_locked = "ncrypt" in str(exc) or "assphrase" in str(exc)
        yield BadEntry(
            "", locked("这个压缩包") if is_locked else damaged("压缩包（或它的后半部分）")
        )


def _is_whole(data: bytes) -> bool:
    """Tell whether the blocks of a RAR 5 archive go on to the one that ends it.

    libarchive takes the end of the file for the end of the archive.
    """
    at = _MARK
    while at < len(data):
        try:
            size, start = _number(data, at + _CHECK)
            kind, place = _number(data, start)
            flags, place = _number(data, place)
            _extra, place = _number(data, place) if flags & 1 else (0, place)
            packed, place = _number(data, place) if flags & 2 else (0, place)
        except IndexError:
            return False
        if kind in (_ENCRYPTION_BLOCK, _END_BLOCK):
            return True
        at = start + size + packed
    return False


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte, of ten bytes at most; return it and where it ends.

    Raises:
        IndexError: the data ends before.
    """
    value = 0
    for step in range(10):
        byte = data[at + step]
        value |= (byte & 0x7F) << 7 * step
        if not byte & 0x80:
            break
    return value, at + step + 1


def _path(entry: Any, names: Names) -> str:
    """Return the clean path of an entry.

    libarchive gives no name that the locale of the process cannot write (LC_ALL=C).
    """
    name = entry.pathname
    return names.clean(decode_name(name) if isinstance(name, bytes) else name or "")


def _read(entry: Any, path: str, packed: int, budget: Budget) -> Found:
    """Read one entry; `packed` is the size of the archive, for a block holds many entries."""
    skipped = left_out(path)
    if entry.filetype & _TYPE != _FILE:
        skipped = LeftOut(path, "link_not_followed", "这是链接或设备，不是文件，没有读取。")
    try:
        budget.count()
        if skipped is not None:
            return skipped
        budget.declare(path, entry.size or 0, packed)
        blocks = entry.get_blocks(_BLOCK)
        return Entry(path, budget.take(path, lambda _size: next(blocks, b""), packed))
    except ParseError as error:
        return BadEntry(path, error)
    except Exception as exc:  # ArchiveError, which is a name of the optional package
        if type(exc).__name__ != "ArchiveError":
            raise
        text = str(exc)
        is_locked = "ncrypt" in text or "assphrase" in text or "Crypto" in text
        return BadEntry(path, locked(path) if is_locked else damaged(f"压缩包中的“{path}”"))
