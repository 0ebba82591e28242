"""Files that hold files: archives and letters are walked in memory, each entry under its path.

Nothing is ever written to disk, so a path in an archive is only a label. Entries are given one at
a time, and one that cannot be read does not stop the others. One `Budget` holds for the outermost
file and everything in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import PurePosixPath
from typing import Final, Protocol

from extractor.document import NoticeCode
from extractor.errors import ParseError
from extractor.formats import container_sniffing as sniffing
from extractor.formats.limits import MIB, Limits, over_limit, size_text
from extractor.formats.plaintext import readable_share

_SMALL: Final = 16 * MIB
_CHUNK: Final = MIB // 4
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_DRIVE: Final = re.compile(r"^[A-Za-z]:")
_LONGEST_NAME: Final = 400
_SYSTEM_NAMES: Final = frozenset({"thumbs.db", ".ds_store", "desktop.ini", "ehthumbs.db"})
_SYSTEM_FOLDERS: Final = frozenset({"__macosx", ".git", ".svn", "$recycle.bin"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in a container, its path as the container names it."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class BadEntry:
    """An entry, or with the path "" the rest of the container, that could not be read."""

    path: str
    error: ParseError


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that is not read on purpose: a system file or a link; `reason` is Chinese."""

    path: str
    code: NoticeCode
    reason: str


Found = Entry | BadEntry | LeftOut


@dataclass(slots=True)
class Budget:
    """What the outermost file may still cost: entries and unpacked bytes of all levels."""

    limits: Limits
    entries: int = 0
    unpacked: int = 0

    def count(self) -> None:
        """Count one entry.

        Raises:
            LimitError: that was one too many.
        """
        self.entries += 1
        if self.entries > self.limits.max_archive_entries:
            allowed = f"{self.limits.max_archive_entries} 个"
            raise over_limit("压缩包里的文件过多", "max_archive_entries", allowed)

    def declare(self, name: str, size: int, packed: int) -> None:
        """Refuse an entry by the sizes that its archive states, before anything is unpacked.

        Raises:
            LimitError: too large, or packed too tightly to be honest.
        """
        if size > self.limits.max_bytes:
            found = f"“{name}”解压后 {size_text(size)}"
            raise over_limit(found, "max_bytes", size_text(self.limits.max_bytes))
        if size > _SMALL and size > packed * self.limits.max_archive_ratio:
            allowed = f"{self.limits.max_archive_ratio} 倍"
            raise over_limit(f"“{name}”的压缩比异常", "max_archive_ratio", allowed)

    def take(self, name: str, read: Callable[[int], bytes], packed: int) -> bytes:
        """Read an entry to its end, piece by piece, and give its bytes.

        Raises:
            LimitError: the entry or the container is over a limit.
        """
        parts: list[bytes] = []
        size = 0
        while part := read(_CHUNK):
            size += len(part)
            self.unpacked += len(part)
            if self.unpacked > self.limits.max_uncompressed_bytes:
                allowed = size_text(self.limits.max_uncompressed_bytes)
                raise over_limit("压缩包解压后总量过大", "max_uncompressed_bytes", allowed)
            self.declare(name, size, packed)
            parts.append(part)
        return b"".join(parts)

    @property
    def is_spent(self) -> bool:
        """True when nothing more may be unpacked."""
        return (
            self.entries > self.limits.max_archive_entries
            or self.unpacked > self.limits.max_uncompressed_bytes
        )


class Walker(Protocol):
    """Gives the files in a container, one at a time."""

    def __call__(self, data: bytes, filename: str, budget: Budget) -> Iterator[Found]:
        """Walk the container; what goes wrong is given, not raised."""


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file that holds files: how it is known by its bytes, and what walks it.

    `is_document` says that it also has a text of its own, as a letter has. `adds_level` is False
    for a mere wrapping, such as the .gz around a .tar, that does not show in paths. `is_native`
    says that its walker is a library of machine code, which may break down.
    """

    name: str
    extensions: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    walker: str
    is_document: bool = False
    adds_level: bool = True
    is_native: bool = False

    def load(self) -> Walker:
        """Import and return the walker."""
        module, _, function = self.walker.partition(":")
        walker: Walker = getattr(import_module(module), function)
        return walker


_FORMATS: Final = "extractor.formats"
CONTAINERS: Final = (
    Container(
        "ZIP 压缩包",
        (".zip",),
        sniffing.is_zip,
        f"{_FORMATS}.container_zip:walk_zip",
    ),
    Container(
        "TAR 压缩包",
        (".tar", ".tgz", ".tbz2", ".txz"),
        sniffing.is_tar,
        f"{_FORMATS}.container_tar:walk_tar",
    ),
    Container(
        "GZIP、BZIP2 或 XZ 压缩文件",
        (".gz", ".bz2", ".xz", ".tgz", ".tbz2", ".txz"),
        sniffing.is_stream,
        f"{_FORMATS}.container_tar:walk_stream",
        adds_level=False,
    ),
    Container(
        "7-Zip 或 RAR 压缩包",
        (".7z", ".rar"),
        sniffing.is_libarchive,
        f"{_FORMATS}.container_7z:walk_libarchive",
        is_native=True,
    ),
    Container(
        "电子邮件",
        (".eml",),
        sniffing.is_eml,
        f"{_FORMATS}.mail:walk_eml",
        is_document=True,
    ),
    Container(
        "Outlook 邮件",
        (".msg",),
        sniffing.is_msg,
        f"{_FORMATS}.mail:walk_msg",
        is_document=True,
    ),
)
"""The kinds of container, in the order in which they are asked."""


def find_container(data: bytes) -> Container | None:
    """Return the kind of container that the bytes are, None for a file that holds no others."""
    return next((each for each in CONTAINERS if each.sniff(data)), None)


@dataclass(slots=True)
class Names:
    """Makes clean paths of the names in one container, no two alike."""

    taken: dict[str, int] = field(default_factory=dict)

    def clean(self, name: str) -> str:
        """Return a relative path without `..`, drive, control or direction characters."""
        parts = _UNSAFE.sub("", _DRIVE.sub("", name)).replace("\\", "/").split("/")
        kept = [part.strip() for part in parts if part.strip() not in ("", ".", "..")]
        path = "/".join(kept) or "未命名"
        if len(path) > _LONGEST_NAME:
            last = PurePosixPath(path).name
            path = last[-_LONGEST_NAME:]
        times = self.taken[path] = self.taken.get(path, 0) + 1
        if times == 1:
            return path
        pure = PurePosixPath(path)
        return str(pure.with_name(f"{pure.stem}（{times}）{pure.suffix}"))


def left_out(path: str) -> LeftOut | None:
    """Return why an entry with this path is not read, None when it is."""
    parts = path.lower().split("/")
    last = parts[-1]
    system = any(part in _SYSTEM_FOLDERS for part in parts) or last in _SYSTEM_NAMES
    if system or last.startswith(("~$", "._")):
        return LeftOut(path, "system_file", "这是系统或办公软件的临时文件，没有读取。")
    return None


def decode_name(raw: bytes) -> str:
    """Decode a name: UTF-8, or GBK, which Chinese Windows writes, or Big5.

    A short name may fit two of them (图 in GBK is ͼ in UTF-8): the more common characters win.
    """
    if raw.isascii():
        return raw.decode("ascii")
    fitting = []
    for encoding in ("utf-8", "gb18030", "big5"):
        try:
            fitting.append(raw.decode(encoding))
        except UnicodeDecodeError:
            continue
    return max(fitting, key=readable_share, default=raw.decode("latin-1"))
