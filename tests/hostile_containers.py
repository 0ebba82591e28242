"""Hostile and broken archives and letters, each written by us for one attack or accident."""

from __future__ import annotations

import base64
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping

from tests import hostile_documents as doc
from tests.container_files import (
    gbk_zip,
    libarchive_file,
    msg_attachment,
    msg_file,
    msg_inside,
    tar_members,
)
from tests.hostile_documents import TEXT
from tests.sample_files import zip_file

DATA = TEXT.encode()
OUTWARD = {
    "../../../../tmp/hecha-traversal.txt": DATA,
    "/tmp/hecha-absolute.txt": DATA,  # noqa: S108 - a name in an archive, never a file
    "C:\\Windows\\hecha-drive.txt": DATA,
    "\\\\server\\share\\hecha-network.txt": DATA,
}
"""Names that lead out of the folder into which an archive would be unpacked."""
PLACES = [
    "tmp/hecha-traversal.txt",
    "tmp/hecha-absolute.txt",
    "Windows/hecha-drive.txt",
    "server/share/hecha-network.txt",
]
"""The labels that these names become."""
NAMES = [
    "../../../../etc/cron.d/x.txt",
    "/etc/passwd.txt",
    "C:\\Windows\\win.txt",
    "报告\u202etxt.exe.txt",
    "a" * 5000 + ".txt",
    "\x00\x01\n.txt",
    "..",
    "",
]
"""Names of attachments that somebody hoped would be written to disk."""


def tight_zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def wrapped(times: int, wrap: Callable[[bytes], bytes], core: bytes = DATA) -> bytes:
    data = core
    for _ in range(times):
        data = wrap(data)
    return data


def nested_bomb() -> bytes:
    """16 to the power of 5 files of 10 MB, as 42.zip is built."""
    core = tight_zip({"0.txt": b" " * (10 << 20)})
    return wrapped(5, lambda data: tight_zip({f"{at}.zip": data for at in range(16)}), core)


def overlapping_zip() -> bytes:
    """Two thousand entries that are all the same packed bytes: a bomb that does not nest."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = b" " * (1 << 20)
    body = packed.compress(content) + packed.flush()
    sizes = struct.pack("<III", zlib.crc32(content), len(body), len(content))
    common = struct.pack("<HHHHH", 20, 0, 8, 0, 0) + sizes + struct.pack("<HH", 9, 0)
    directory = b"".join(
        b"PK\x01\x02\x14\x00" + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + b"%05d.txt" % at
        for at in range(2000)
    )
    data = b"PK\x03\x04" + common + b"00000.txt" + body
    end = struct.pack("<HHHHIIH", 0, 0, 2000, 2000, len(directory), len(data), 0)
    return data + directory + b"PK\x05\x06" + end


def zip_states(offset: int, value: int, form: str = "<I") -> bytes:
    """A ZIP of one file and another, with a field of the first directory entry changed."""
    data = bytearray(gbk_zip({"甲.txt": DATA, "乙.txt": DATA}))
    struct.pack_into(form, data, data.index(b"PK\x01\x02") + offset, value)
    return bytes(data)


def zip_of_itself() -> bytes:
    """The entry of the archive is at the archive's own beginning."""
    data = bytearray(gbk_zip({"甲.zip": bytes(30)}))
    return bytes(data).replace(bytes(30), bytes(data)[:30], 1)


def zip_link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("连接.txt")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, doc.KEPT_FILE)
        archive.writestr("连接.txt/报告.txt", DATA)
    return buffer.getvalue()


def two_directories() -> bytes:
    """One ZIP behind another: programs disagree on which of them it is."""
    return zip_file({"甲.txt": DATA}) + zip_file({"乙.txt": DATA})


def tar_entry(kind: bytes, link: str = "", pax: Mapping[str, str] | None = None) -> bytes:
    """A TAR of one bare header; `pax` stands in an extended header before it."""
    member = tarfile.TarInfo("案卷/连接.txt")
    member.type, member.linkname = kind, link
    member.pax_headers = dict(pax or {})
    return tar_members(member)


def linked_tar() -> bytes:
    """A link to a folder outside, and a file that would be written through it."""
    link = tarfile.TarInfo("出口")
    link.type, link.linkname = tarfile.SYMTYPE, "/tmp"  # noqa: S108
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(link)
        member = tarfile.TarInfo("出口/hecha-through.txt")
        member.size = len(DATA)
        archive.addfile(member, io.BytesIO(DATA))
    return buffer.getvalue()


def tar_header(size: bytes, kind: bytes = b"0", name: bytes = b"a.txt", rest: bytes = b"") -> bytes:
    """A TAR of one header, whose field of the size is written as given."""
    head = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + size.ljust(12, b"\0")
    head += b"00000000000\0" + b" " * 8 + kind + bytes(100) + b"ustar\x0000"
    head = head.ljust(512, b"\0")
    head = head[:148] + b"%06o\0 " % sum(head) + head[156:]
    return head + rest.ljust(-(-len(rest) // 512) * 512, b"\0") + bytes(1024)


def long_names_without_end() -> bytes:
    """Three thousand headers, each of which gives the next one a longer name."""
    return b"".join(tar_header(b"5", b"L", b"././@LongLink", b"a.txt")[:1024] for _ in range(3000))


def sparse_tar() -> bytes:
    """A file with holes (GNU), of which four bytes are there and a terabyte is said to be."""
    name = b"a.txt".ljust(100, b"\0")
    head = name + b"0000644\0" + b"0000000\0" * 2 + b"00000000004\0" + b"00000000000\0"
    head += b" " * 8 + b"S" + bytes(100) + b"ustar  \0" + bytes(32 + 32 + 16 + 41)
    head = head.ljust(386, b"\0") + b"00000000000\0" + b"00000000004\0"
    head = head.ljust(483, b"\0") + b"777777777777"
    head = head.ljust(512, b"\0")
    head = head[:148] + b"%06o\0 " % sum(head) + head[156:]
    return head + b"abcd".ljust(512, b"\0") + bytes(1024)


def seven_states(size: int) -> bytes:
    """A 7z whose header says it is this many bytes long, checksum in order."""
    data = bytearray(libarchive_file({"甲.txt": DATA}))
    struct.pack_into("<Q", data, 20, size)
    struct.pack_into("<I", data, 8, zlib.crc32(bytes(data[12:32])))
    return bytes(data)


def letter(body: str, kind: str = "text/plain; charset=utf-8") -> bytes:
    head = f"From: a@b.example\r\nSubject: {TEXT}\r\nMIME-Version: 1.0\r\nContent-Type: {kind}\r\n"
    return f"{head}\r\n{body}".encode()


def parts(*each: str) -> bytes:
    body = "".join(f"--x\r\n{part}\r\n" for part in each)
    return letter(body + "--x--\r\n", "multipart/mixed; boundary=x")


def hostile_names() -> bytes:
    """Attachments with names of all kinds; raw control characters cannot stand in a header."""
    listed = [
        "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment; "
        f"filename*=utf-8''{''.join(f'%{byte:02X}' for byte in name.encode())}\r\n\r\n{TEXT}"
        for name in NAMES
    ]
    return parts(*listed)


def hostile_msg_names() -> bytes:
    extra: dict[str, object] = {}
    for number, name in enumerate(NAMES):
        extra |= msg_attachment(number, name, DATA)
    return msg_file(TEXT, "正文", extra)  # type: ignore[arg-type]


def letters_in_letters(depth: int) -> bytes:
    data = letter("正文").decode()
    for at in range(depth):
        body = f"--x{at}\r\nContent-Type: message/rfc822\r\n\r\n{data}\r\n--x{at}--\r\n"
        data = letter(body, f"multipart/mixed; boundary=x{at}").decode()
    return data.encode()


def outlook_in_outlook(depth: int) -> bytes:
    tree = msg_attachment(0, "报告.txt", DATA)
    for at in range(depth):
        tree = msg_inside(0, f"信{at}", "正文", tree)
    return msg_file(TEXT, "正文", tree)


def swollen_rtf() -> bytes:
    """An Outlook letter whose packed text says it is four thousand million bytes."""
    body = (b"\xff" + b"\x00\x0f" * 8) * 20_000
    packed = struct.pack("<II4sI", len(body), 0xFFFFFFF0, b"LZFu", 0) + body
    return msg_file(TEXT, "", {"__substg1.0_10090102": packed})


def letters_and_archives() -> bytes:
    """An archive of a letter of an archive, and so on, eight times."""
    data = zip_file({"报告.txt": DATA})
    for _ in range(8):
        packed = base64.b64encode(data).decode()
        head = "Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64"
        data = zip_file({"a.eml": parts(f"{head}\r\n\r\n{packed}")})
    return data
