"""ZIP archives: names in any encoding, every entry bounded."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

from extractor.errors import (
    CorruptFileError,
    EncryptedFileError,
    ParseError,
    UnsupportedFormatError,
)
from extractor.formats.container_sniffing import count_entries
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
from extractor.formats.limits import over_limit

_UTF8: Final = 0x800
_ENCRYPTED: Final = 0x1
_UNICODE_PATH: Final = 0x7075
_TYPE: Final = 0o170000
_LINK: Final = 0o120000
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    struct.error,
)


def walk_zip(data: bytes, filename: str, budget: Budget) -> Iterator[Found]:
    """Give the files of a ZIP in the order of its directory."""
    limit = budget.limits.max_archive_entries
    if count_entries(data) > limit:
        error = over_limit("压缩包里的文件过多", "max_archive_entries", f"{limit} 个")
        yield BadEntry("", error)
        return
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (*_BROKEN, NotImplementedError):
        yield BadEntry("", damaged("ZIP 压缩包"))
        return
    names = Names()
    with archive:
        for info in archive.infolist():
            if info.filename.endswith("/"):  # `is_dir` fails on a name of no characters
                continue
            yield _read(archive, info, names.clean(entry_name(info)), budget)
            if budget.is_spent:
                return


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str, budget: Budget) -> Found:
    skipped = left_out(path)
    if info.external_attr >> 16 & _TYPE == _LINK:
        skipped = LeftOut(path, "link_not_followed", "这是指向别处的链接，没有读取。")
    try:
        budget.count()
        if skipped is not None:
            return skipped
        if info.flag_bits & _ENCRYPTED:
            raise locked(path)
        budget.declare(path, info.file_size, info.compress_size)
        with archive.open(info) as file:
            return Entry(path, budget.take(path, file.read, info.compress_size))
    except ParseError as error:
        return BadEntry(path, error)
    except NotImplementedError:
        return BadEntry(
            path,
            UnsupportedFormatError(
                f"“{path}”用的压缩方法不能读取。"
                "请解压后重新压缩为普通的 ZIP，或直接上传其中的文件。"
            ),
        )
    except (*_BROKEN, RuntimeError):
        return BadEntry(path, damaged(f"压缩包中的“{path}”"))


def entry_name(info: zipfile.ZipInfo) -> str:
    """Return the name of an entry: by its Unicode field, its UTF-8 mark, else UTF-8 or GBK.

    `zipfile` reads a name without the mark as code page 437, which loses no byte.
    """
    if info.flag_bits & _UTF8:
        return info.orig_filename
    try:
        raw = info.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return info.orig_filename
    return _unicode_path(info.extra, raw) or decode_name(raw)


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """Return the name that the Info-ZIP Unicode Path field gives, if it is for this name."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        body = extra[at + 4 : at + 4 + size]
        if kind == _UNICODE_PATH and len(body) > 5 and body[0] == 1:
            (check,) = struct.unpack_from("<I", body, 1)
            if check == zlib.crc32(raw):
                return body[5:].decode("utf-8", "replace")
        at += 4 + size
    return None


def damaged(what: str) -> CorruptFileError:
    """Return the error for an archive or entry whose bytes are wrong or cut off."""
    return CorruptFileError(f"{what}已损坏或没有传完。请重新下载或复制原文件后再上传。")


def locked(path: str) -> EncryptedFileError:
    """Return the error for an entry that asks for a password."""
    return EncryptedFileError(f"“{path}”设有压缩密码，无法读取。请用密码解压后，再上传里面的文件。")
