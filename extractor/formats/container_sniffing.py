"""Which container the bytes are: by their marks and, for ZIP, by what they do not hold."""

from __future__ import annotations

import io
import re
import struct
import zipfile
from typing import Final

OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_STREAMS: Final = (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\x00")
_LIBARCHIVE: Final = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00")
_PACKAGES: Final = (
    "word/document",
    "ofd.xml",
    "xl/",
    "ppt/",
    "content.xml",
    "encrypted-package",
    "meta-inf/container.xml",
    "androidmanifest.xml",
)
"""Entries, in small letters, by which a ZIP is a document of its own and no archive of files."""
_MSG_MARKS: Final = tuple(
    name.encode("utf-16-le") for name in ("__properties_version1.0", "__nameid_version1.0")
)
_HEADER: Final = re.compile(rb"([A-Za-z][A-Za-z0-9-]{0,40}):[ \t]?([^\r\n]{0,2000})(?:\r?\n|\r|$)")
_ADDRESSED: Final = frozenset(
    b"from to received return-path delivered-to message-id reply-to x-mailer cc".split()
)
_DATED: Final = frozenset(b"subject date mime-version content-type".split())
_FEWEST: Final = 2
_TAR_BLOCK: Final = 512
_DIRECTORY_ENTRY: Final = 46


def is_zip(data: bytes) -> bool:
    """Tell whether this is a ZIP that is read entry by entry, and no document made as a ZIP."""
    if not data.startswith(ZIP):
        return False
    names = zip_names(data)
    return names is not None and not any(name.lower().startswith(_PACKAGES) for name in names)


def is_tar(data: bytes) -> bool:
    """Tell whether the first block is a TAR header: its checksum holds."""
    block = data[:_TAR_BLOCK]
    if len(block) < _TAR_BLOCK or not block[0] or b"\x00" not in block:
        return False
    try:
        stated = int(block[148:156].strip(b"\x00 ") or b"x", 8)
    except ValueError:
        return False
    blanked = block[:148] + b" " * 8 + block[156:]
    signed = sum(byte - 256 if byte > 127 else byte for byte in blanked)
    return stated in (sum(blanked), signed)


def is_stream(data: bytes) -> bool:
    """Tell whether this is one file packed by gzip, bzip2 or xz."""
    if data.startswith(b"BZh"):
        return data[4:10] in (b"1AY&SY", b"\x17rE8P\x90")
    return data.startswith(_STREAMS)


def is_libarchive(data: bytes) -> bool:
    """Tell whether this is a 7-Zip or RAR archive."""
    return data.startswith(_LIBARCHIVE)


def is_msg(data: bytes) -> bool:
    """Tell whether this is an Outlook letter: a compound file with the streams of MS-OXMSG.

    They must stand at its root: a Word document may hold a letter. A cut-off file, whose root
    cannot be read, is told by their names alone.
    """
    if not data.startswith(OLE) or not all(mark in data for mark in _MSG_MARKS):
        return False
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as file:
            return bool(file.exists("__properties_version1.0"))
    except (OSError, ValueError, IndexError, struct.error, RecursionError):
        return True


def is_eml(data: bytes) -> bool:
    """Tell whether the bytes begin with the header of a letter; a saved web archive has another."""
    names, related = _header(data)
    lettered = bool(names & _ADDRESSED) and bool(names & _DATED) and len(names) > _FEWEST - 1
    return lettered and not (related and not names & (_ADDRESSED - {b"from"}))


def is_mht(data: bytes) -> bool:
    """Tell whether this is a web page saved with its pictures in one MIME file."""
    names, related = _header(data)
    return related and not names & (_ADDRESSED - {b"from"})


def _header(data: bytes) -> tuple[set[bytes], bool]:
    """Return the names of the header fields at the start, and whether they say multipart/related.

    A line that is neither a field nor its continuation shows that this is no header.
    """
    names: set[bytes] = set()
    related, last = False, b""
    at = len(data[:64]) - len(data[:64].lstrip(b"\xef\xbb\xbf\r\n"))
    for _ in range(400):
        if data.startswith((b" ", b"\t"), at) and names:
            end = data.find(b"\n", at, at + 5000)
            line = data[at : end + 1] if end >= 0 else data[at : at + 5000]
            related = related or (last == b"content-type" and b"multipart/related" in line.lower())
            at += len(line) or 1
            continue
        found = _HEADER.match(data, at)
        if found is None:
            break
        last = found.group(1).lower()
        names.add(last)
        if last == b"content-type" and b"multipart/related" in found.group(2).lower():
            related = True
        at = found.end()
    ended = at >= len(data) or data.startswith((b"\r\n", b"\n", b"\r"), at)
    return (names, related) if ended else (set(), False)


def count_entries(data: bytes) -> int:
    """Return how many entries the directory of a ZIP has at most, without reading it; else 0."""
    if not data.startswith(ZIP):
        return 0
    end = data.rfind(b"PK\x05\x06")
    if end < 0 or end + 16 > len(data):
        return data.count(b"PK\x01\x02")
    (size,) = struct.unpack_from("<I", data, end + 12)
    start = 0 if size == 0xFFFFFFFF else max(end - size, 0)
    return data.count(b"PK\x01\x02", start, end)


def zip_names(data: bytes) -> list[str] | None:
    """Return the names of the entries, or None where the directory cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [name.replace("\\", "/").lstrip("/") for name in archive.namelist()]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error):
        return None
