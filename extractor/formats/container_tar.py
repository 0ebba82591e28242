"""TAR archives, and files packed by gzip, bzip2 or xz. Links and devices are not followed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO, Final

from extractor.errors import ParseError
from extractor.formats.container_zip import damaged
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

_BROKEN: Final = (tarfile.TarError, EOFError, OSError, ValueError, OverflowError, RecursionError)
_ENDINGS: Final = {
    ".tgz": ".tar",
    ".tbz2": ".tar",
    ".txz": ".tar",
    ".gz": "",
    ".bz2": "",
    ".xz": "",
}


def walk_tar(data: bytes, filename: str, budget: Budget) -> Iterator[Found]:
    """Give the ordinary files of a TAR; links, devices and pipes are named and left out."""
    try:
        archive = tarfile.open(  # noqa: SIM115 - closed below, with what was read until then
            fileobj=io.BytesIO(data), mode="r:", encoding="utf-8", errors="surrogateescape"
        )
    except _BROKEN:
        yield BadEntry("", damaged("TAR 压缩包"))
        return
    names = Names()
    with archive:
        while not budget.is_spent:
            try:
                member = archive.next()
            except _BROKEN:
                yield BadEntry("", damaged("TAR 压缩包的后半部分"))
                return
            if member is None:
                break
            if not member.isdir():
                yield _read(archive, member, names, budget)
        # A TAR ends with blocks of zeros; `tarfile` takes any other block for the end as well.
        rest = data[archive.offset : archive.offset + tarfile.BLOCKSIZE]
        if not budget.is_spent and (rest.strip(b"\x00") or len(rest) < tarfile.BLOCKSIZE):
            yield BadEntry("", damaged("TAR 压缩包的后半部分"))


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo, names: Names, budget: Budget) -> Found:
    path = names.clean(decode_name(member.name.encode("utf-8", "surrogateescape")))
    try:
        budget.count()
        if not member.isreg():
            reason = "这是链接或设备，不是文件，没有读取。"
            return LeftOut(path, "link_not_followed", reason)
        skipped = left_out(path)
        if skipped is not None:
            return skipped
        budget.declare(path, member.size, member.size)
        file = archive.extractfile(member)
        if file is None:
            raise damaged(f"压缩包中的“{path}”")
        content = budget.take(path, file.read, member.size)
        if len(content) != member.size:
            raise damaged(f"压缩包中的“{path}”")
        return Entry(path, content)
    except ParseError as error:
        return BadEntry(path, error)
    except _BROKEN:
        return BadEntry(path, damaged(f"压缩包中的“{path}”"))


def _open(data: bytes) -> IO[bytes]:
    if data.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=io.BytesIO(data))  # type: ignore[return-value]
    if data.startswith(b"BZh"):
        return bz2.BZ2File(io.BytesIO(data))
    return lzma.LZMAFile(io.BytesIO(data))


def walk_stream(data: bytes, filename: str, budget: Budget) -> Iterator[Found]:
    """Give the one file in a gzip, bzip2 or xz stream, named after the stream."""
    name = _inner_name(filename)
    try:
        budget.count()
        with _open(data) as file:
            yield Entry(name, budget.take(name, file.read, len(data)))
    except ParseError as error:
        yield BadEntry("", error)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError):
        yield BadEntry("", damaged("压缩文件"))


def _inner_name(filename: str) -> str:
    for ending, inner in _ENDINGS.items():
        if filename.lower().endswith(ending):
            return filename[: -len(ending)] + inner or "未命名"
    return filename
