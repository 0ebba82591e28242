"""A file that is a ZIP of XML parts (DOCX, OFD): sizes checked, parts read, XML parsed safely."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import defusedxml.ElementTree as SafeTree
from defusedxml.common import DefusedXmlException

from extractor.errors import CorruptFileError, EncryptedFileError
from extractor.formats.limits import MIB, Limits, over_limit, size_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SMALL: Final = 16 * MIB
_ENCODING = re.compile(rb"""^<\?xml[^>]{0,100}encoding\s*=\s*["']([\w.:-]{1,40})["']""")


class ZippedFile:
    """Named parts of a ZIP; nothing is unpacked before it is asked for.

    Names are the same whatever their case, their slashes and a slash before them. The sizes that
    the directory states are checked before anything is unpacked. A directory that lies gains
    nothing: `zipfile` hands out no more than is stated, and the checksum fails.
    """

    def __init__(self, data: bytes, limits: Limits, kind: str, program: str) -> None:
        """Open a ZIP; errors call it `kind` and advise to open it with `program`.

        Raises:
            CorruptFileError: no ZIP, or damaged.
            LimitError: over one of `limits`.
        """
        self._kind = kind
        self._program = program
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as exc:
            raise self.damaged() from exc
        self._parts = {part_key(info.filename): info for info in self._archive.infolist()}
        check_sizes(self._archive.infolist(), limits)

    def __contains__(self, name: str) -> bool:
        """Tell whether there is a part of this name."""
        return part_key(name) in self._parts

    def names(self) -> Sequence[str]:
        """Return the names of all parts, in lower case, with plain slashes."""
        return list(self._parts)

    def size(self, name: str) -> int:
        """Return how many bytes a part has unpacked; 0 for none of this name."""
        info = self._parts.get(part_key(name))
        return info.file_size if info else 0

    def read(self, name: str) -> bytes:
        """Return the bytes of a part.

        Raises:
            CorruptFileError: missing, damaged, or packed in a way that is not known.
            EncryptedFileError: locked with a password.
        """
        info = self._parts.get(part_key(name))
        if info is None:
            raise self.damaged(name)
        if info.flag_bits & 0x1:
            raise EncryptedFileError("文件带有压缩密码，无法读取。请去掉密码后再上传。")
        try:
            return self._archive.read(info)
        except (NotImplementedError, RuntimeError) as exc:
            raise CorruptFileError(
                f"文件内的 {info.filename[:80]} 用了不支持的压缩方式。"
                f"请用{self._program}打开，重新保存后再上传。"
            ) from exc
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError) as exc:
            raise self.damaged(info.filename) from exc

    def parse(self, data: bytes, name: str) -> Element:
        """Parse XML that must not have a document type declaration.

        With it every entity is refused: OOXML has none (ISO/IEC 29500-2, 10.1.3), nor has OFD;
        only attacks do. Encodings beyond UTF-8 and UTF-16 are refused for the same reason.

        Raises:
            CorruptFileError: no XML, or such XML.
        """
        encoding = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
        if encoding is not None and encoding.group(1).lower() not in (b"utf-8", b"utf-16", b"utf8"):
            raise self._forbidden(name)
        try:
            root: Element = SafeTree.fromstring(data, forbid_dtd=True)
        except DefusedXmlException as exc:
            raise self._forbidden(name) from exc
        except (SafeTree.ParseError, ValueError, LookupError) as exc:
            raise self.damaged(name) from exc
        return root

    def damaged(self, part: str = "") -> CorruptFileError:
        """Return the error for a file, or a part of it, that is cut off or broken."""
        return damaged(self._kind, self._program, part)

    def _forbidden(self, part: str) -> CorruptFileError:
        return CorruptFileError(
            f"文档的 {part[:80]} 含有外部实体或文档类型声明，"
            f"正常的{self._kind}没有这些内容，已拒绝读取。"
            f"请核实来源，用{self._program}打开并另存后再上传。"
        )


def damaged(kind: str, program: str, part: str = "") -> CorruptFileError:
    """Return the error for a file of this kind, or a part of it, that is cut off or broken."""
    where = f"（{part[:80]}）" if part else ""
    return CorruptFileError(
        f"{kind.strip()}已损坏或没有传完{where}，无法读取。请重新下载或复制原文件，"
        f"能用{program}打开时另存一份后再上传。"
    )


def part_key(name: str) -> str:
    """Return the name by which a part is found."""
    return name.replace("\\", "/").lstrip("/").lower()


def check_sizes(entries: Sequence[zipfile.ZipInfo], limits: Limits) -> None:
    """Refuse a ZIP by the sizes that its directory states.

    Raises:
        LimitError: over `max_uncompressed_bytes` or `max_archive_ratio`.
    """
    total = sum(entry.file_size for entry in entries)
    if total > limits.max_uncompressed_bytes:
        allowed = size_text(limits.max_uncompressed_bytes)
        raise over_limit(f"解压后达 {size_text(total)}", "max_uncompressed_bytes", allowed)
    for entry in entries:
        ratio = entry.file_size / max(entry.compress_size, 1)
        if entry.file_size >= _SMALL and ratio > limits.max_archive_ratio:
            raise over_limit(
                f"条目 {entry.filename[:80]} 解压后放大 {ratio:.0f} 倍，疑似压缩炸弹",
                "max_archive_ratio",
                f"{limits.max_archive_ratio} 倍",
            )
