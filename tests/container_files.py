"""Archives and letters that the tests read, written byte by byte where no writer is at hand."""

from __future__ import annotations

import io
import struct
import tarfile
import zlib
from collections.abc import Mapping
from typing import Union

import pytest

Tree = Mapping[str, Union[bytes, "Tree"]]
_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def tar_file(files: Mapping[str, bytes], encoding: str = "utf-8", kind: int = 0) -> bytes:
    """A TAR with these files, names in `encoding`."""
    buffer = io.BytesIO()
    form = kind or tarfile.GNU_FORMAT
    with tarfile.open(fileobj=buffer, mode="w", format=form, encoding=encoding) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def tar_members(*members: tarfile.TarInfo) -> bytes:
    """A TAR of bare headers: links, devices."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in members:
            archive.addfile(member)
    return buffer.getvalue()


def gbk_zip(files: Mapping[str, bytes], encoding: str = "gbk", extra: bool = False) -> bytes:
    """A ZIP as Chinese Windows writes it: names in GBK without the UTF-8 mark, files stored.

    `extra` adds the Unicode path field of Info-ZIP and garbles the plain name.
    """
    body, directory = bytearray(), bytearray()
    for name, content in files.items():
        raw = name.encode(encoding)
        field = b""
        if extra:
            raw = b"?" * 4
            text = name.encode()
            field = struct.pack("<HHBI", 0x7075, 5 + len(text), 1, zlib.crc32(raw)) + text
        sizes = struct.pack("<III", zlib.crc32(content), len(content), len(content))
        common = struct.pack("<HHHHH", 20, 0, 0, 0, 0) + sizes
        common += struct.pack("<HH", len(raw), len(field))
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + common
        directory += struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + raw + field
        body += b"PK\x03\x04" + common + raw + field + content
    count = min(len(files), 0xFFFF)
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory) + b"PK\x05\x06" + end


def libarchive_file(files: Mapping[str, bytes], form: str = "7zip") -> bytes:
    """A 7-Zip archive, or one of another format that libarchive writes."""
    library = pytest.importorskip("libarchive", reason="libarchive is not installed")
    out = bytearray()

    def write(data: bytes) -> int:
        out.extend(data)
        return len(data)

    with library.custom_writer(write, form) as archive:
        for name, content in files.items():
            archive.add_file_from_memory(name, len(content), content)
    return bytes(out)


def _vint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _rar_block(kind: int, body: bytes, data: bytes = b"") -> bytes:
    flags = 2 if data else 0
    inner = _vint(kind) + _vint(flags) + (_vint(len(data)) if data else b"") + body
    sized = _vint(len(inner)) + inner
    return struct.pack("<I", zlib.crc32(sized)) + sized + data


def rar_file(files: Mapping[str, bytes]) -> bytes:
    """A RAR 5 archive of stored files, after the published description of the format."""
    out = b"Rar!\x1a\x07\x01\x00" + _rar_block(1, _vint(0))
    for name, content in files.items():
        raw = name.encode()
        body = _vint(4) + _vint(len(content)) + _vint(0o100644)
        body += struct.pack("<I", zlib.crc32(content)) + _vint(0) + _vint(1) + _vint(len(raw)) + raw
        out += _rar_block(2, body, content)
    return out + _rar_block(5, _vint(0))


def compound_file(tree: Tree) -> bytes:
    """A compound file (MS-CFB, version 3) with these storages and streams."""
    entries: list[tuple[str, int, int, int, int, int]] = []  # name, kind, right, child, start, size
    big, small = bytearray(), bytearray()
    chains: list[tuple[int, int]] = []
    mini_chains: list[tuple[int, int]] = []

    def put(content: bytes) -> int:
        if len(content) < _CUTOFF:
            start, unit, store, kept = len(small) // _MINI, _MINI, small, mini_chains
        else:
            start, unit, store, kept = len(big) // _SECTOR, _SECTOR, big, chains
        store += content.ljust(-(-len(content) // unit) * unit, b"\0")
        kept.append((start, -(-len(content) // unit)))
        return start

    def add(name: str, node: bytes | Tree) -> int:
        at = len(entries)
        entries.append((name, 0, 0, 0, 0, 0))
        if isinstance(node, bytes):
            start = put(node) if node else _END
            entries[at] = (name, 2, _FREE, _FREE, start, len(node))
            return at
        kids = [add(each, node[each]) for each in sorted(node, key=lambda n: (len(n), n.upper()))]
        for kid, following in zip(kids, [*kids[1:], _FREE][: len(kids)], strict=True):
            old = entries[kid]
            entries[kid] = (old[0], old[1], following, old[3], old[4], old[5])
        entries[at] = (name, 5 if at == 0 else 1, _FREE, kids[0] if kids else _FREE, 0, 0)
        return at

    add("Root Entry", tree)
    mini_start = len(big) // _SECTOR
    mini_sectors = -(-len(small) // _SECTOR)
    big += bytes(small).ljust(mini_sectors * _SECTOR, b"\0")
    root = entries[0]
    entries[0] = (root[0], 5, _FREE, root[3], mini_start if small else _END, len(small))
    if small:
        chains.append((mini_start, mini_sectors))
    minifat = _table(mini_chains, len(small) // _MINI)
    directory = b"".join(_directory_entry(*entry) for entry in entries)
    directory = directory.ljust(-(-len(directory) // _SECTOR) * _SECTOR, b"\0")
    places = []
    for block in (minifat, directory):
        places.append(len(big) // _SECTOR)
        chains.append((len(big) // _SECTOR, len(block) // _SECTOR))
        big += block
    sectors = len(big) // _SECTOR
    fats = next(n for n in range(1, 110) if n * 128 >= sectors + n)
    fat = bytearray(_table([each for each in chains if each[1]], fats * 128))
    for number in range(fats):
        struct.pack_into("<I", fat, (sectors + number) * 4, _FAT)
    starts = places[1], places[0] if small else _END
    return _compound_head(starts, len(minifat) // _SECTOR, fats, sectors) + bytes(big) + bytes(fat)


def _compound_head(starts: tuple[int, int], minifats: int, fats: int, sectors: int) -> bytes:
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<IIIII", 0, fats, starts[0], 0, _CUTOFF)
    head += struct.pack("<IIIII", starts[1], minifats, _END, 0, sectors)
    tail = (sectors + n if n < fats else _FREE for n in range(1, 109))
    return head + b"".join(struct.pack("<I", each) for each in tail)


def _table(chains: list[tuple[int, int]], length: int) -> bytes:
    table = [_FREE] * (-(-length // 128) * 128)
    for start, count in chains:
        for at in range(start, start + count):
            table[at] = at + 1 if at + 1 < start + count else _END
    return struct.pack(f"<{len(table)}I", *table)


def _directory_entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    raw = name.encode("utf-16-le") + b"\0\0"
    entry = raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw), kind, 1, _FREE, right, child)
    return entry + bytes(36) + struct.pack("<IQ", start, size)


def msg_file(
    subject: str, body: str = "", extra: Tree | None = None, narrow: str | None = None
) -> bytes:
    """An Outlook letter; `narrow` writes its strings in that code page and not in Unicode."""
    return compound_file(_message(subject, body, extra, narrow, 32))


def _message(
    subject: str, body: str, extra: Tree | None, narrow: str | None, header: int
) -> dict[str, bytes | Tree]:
    kind = "001E" if narrow else "001F"
    codec = narrow or "utf-16-le"
    sent = (13_335_000_000 + 8 * 3600) * 10_000_000
    properties = bytes(header) + struct.pack("<IIQ", 0x00390040, 6, sent)
    if narrow:
        properties += struct.pack("<IIQ", 0x3FFD0003, 6, 936)
    tree: dict[str, bytes | Tree] = {
        "__properties_version1.0": properties,
        "__nameid_version1.0": {"__substg1.0_00020102": bytes(16)},
        f"__substg1.0_0037{kind}": subject.encode(codec),
        f"__substg1.0_0C1A{kind}": "安委办".encode(codec),
        f"__substg1.0_0E04{kind}": "各成员单位".encode(codec),
        **(extra or {}),
    }
    if body:
        tree[f"__substg1.0_1000{kind}"] = body.encode(codec)
    return tree


def msg_attachment(number: int, name: str, content: bytes) -> dict[str, Tree]:
    """An attachment for the `extra` of `msg_file`."""
    return {
        f"__attach_version1.0_#{number:08X}": {
            "__properties_version1.0": bytes(8),
            "__substg1.0_3707001F": name.encode("utf-16-le"),
            "__substg1.0_37010102": content,
        }
    }


def msg_inside(number: int, subject: str, body: str, extra: Tree | None = None) -> dict[str, Tree]:
    """A letter attached to a letter, for the `extra` of `msg_file`."""
    return {
        f"__attach_version1.0_#{number:08X}": {
            "__properties_version1.0": bytes(8),
            "__substg1.0_3701000D": _message(subject, body, extra, None, 24),
        }
    }
