"""The parts of a ZIP-based document, unpacked one by one under limits, XML without a DTD."""

from __future__ import annotations

import io
import posixpath
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
_RELATIONSHIP: Final = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_ENCODING = re.compile(rb"""^<\?xml[^>]{0,100}encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_STRICT: Final = (
    (
        b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    ),
    (
        b"http://purl.oclc.org/ooxml/officeDocument/relationships",
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    ),
)


class ZipParts:
    """Named parts of a package; nothing is unpacked before it is asked for.

    The sizes that the directory states are checked before anything is unpacked. A directory that
    lies gains nothing: `zipfile` hands out no more than is stated, and the checksum fails.

    Raises:
        CorruptFileError: the directory cannot be read.
        LimitError: too much to unpack, or packed beyond reason.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        """Read the directory of the package and check it."""
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as exc:
            raise _damaged() from exc
        self._parts = {_key(info.filename): info for info in self._archive.infolist()}
        self._relations: dict[str, list[tuple[str, str]]] = {}
        _check_sizes(self._archive.infolist(), limits)

    def read(self, name: str) -> bytes | None:
        """Unpack one part; None when the package has no such part.

        Raises:
            CorruptFileError: the part is damaged.
            EncryptedFileError: the part is locked with a password.
        """
        info = self._parts.get(_key(name))
        if info is None:
            return None
        if info.flag_bits & 0x1:
            raise EncryptedFileError("文件带有压缩密码，无法读取。请去掉密码后再上传。")
        try:
            return self._archive.read(info)
        except (NotImplementedError, RuntimeError) as exc:
            raise CorruptFileError(
                f"文件内的 {name} 用了不支持的压缩方式。请用 Word 或 WPS 打开，重新保存后再上传。"
            ) from exc
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError) as exc:
            raise _damaged(name) from exc

    def xml(self, name: str) -> Element | None:
        """Parse one part; None when the package has no such part.

        A document type declaration is refused, and with it every entity: OOXML has none (ISO/IEC
        29500-2, 10.1.3), only attacks do. Encodings beyond UTF-8 and UTF-16 are refused for the
        same reason.

        Raises:
            CorruptFileError: no well-formed XML, or forbidden XML.
        """
        data = self.read(name)
        if data is None:
            return None
        encoding = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
        if encoding is not None and encoding.group(1).lower() not in (b"utf-8", b"utf-16", b"utf8"):
            raise _forbidden(name)
        for strict, transitional in _STRICT:
            data = data.replace(strict, transitional)
        try:
            root: Element = SafeTree.fromstring(data, forbid_dtd=True)
        except DefusedXmlException as exc:
            raise _forbidden(name) from exc
        except (SafeTree.ParseError, ValueError, LookupError) as exc:
            raise _damaged(name) from exc
        return root

    def related(self, name: str, kind: str) -> list[str]:
        """Return the parts that `name` ("" for the package) points to by this kind of relation.

        `kind` is the last word of the relation's type: officeDocument, header, footnotes, …
        """
        if name not in self._relations:
            self._relations[name] = self._read_relations(name)
        return [target for found, target in self._relations[name] if found == kind]

    def _read_relations(self, name: str) -> list[tuple[str, str]]:
        folder, base = posixpath.split(name)
        root = self.xml(posixpath.join(folder, "_rels", f"{base}.rels"))
        found: dict[tuple[str, str], None] = {}
        for relation in root.iter(_RELATIONSHIP) if root is not None else ():
            kind = relation.get("Type", "").rpartition("/")[2]
            target = posixpath.join("/", folder, relation.get("Target", ""))
            key = _key(posixpath.normpath(target))
            if key in self._parts and relation.get("TargetMode") != "External":
                found[kind, key] = None
        return list(found)


def _check_sizes(entries: Sequence[zipfile.ZipInfo], limits: Limits) -> None:
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


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def _damaged(part: str = "") -> CorruptFileError:
    where = f"（{part}）" if part else ""
    return CorruptFileError(
        f"文档已损坏或没有传完{where}，无法读取。请重新下载或复制原文件，"
        "能用 Word 或 WPS 打开时另存一份后再上传。"
    )


def _forbidden(part: str) -> CorruptFileError:
    return CorruptFileError(
        f"文档的 {part} 含有外部实体或文档类型声明，正常的 Word 文档没有这些内容，已拒绝读取。"
        "请核实来源，用 Word 或 WPS 打开并另存后再上传。"
    )
