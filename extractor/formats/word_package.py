"""Opening a DOCX: what a stranger's package may hold is checked, then python-docx reads it.

python-docx is given a copy of the package with the parts that hold text. It is safe, for every
part in it was checked; it is small, for photographs stay packed; and it is whole, for python-docx
refuses a package with one dead reference, which converters leave (its issue 1105).
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import defusedxml.ElementTree as SafeTree
import docx
from defusedxml.common import DefusedXmlException
from docx.opc.constants import CONTENT_TYPE
from docx.opc.constants import NAMESPACE as OPC_NAMESPACE

from extractor.errors import CorruptFileError, EncryptedFileError
from extractor.formats.limits import MIB, Limits, over_limit, size_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from docx.document import Document

_SMALL: Final = 16 * MIB
_ENCODING = re.compile(rb"""^<\?xml[^>]{0,100}encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_STRICT = re.compile(rb"""(=\s{0,8}["']http://)purl\.oclc\.org/ooxml/([A-Za-z]{1,40})/""")
"""Namespaces and relations of the ISO strict form (ISO/IEC 29500-1, annex A)."""
_TRANSITIONAL: Final = rb"\1schemas.openxmlformats.org/\2/2006/"

_TEXT_PARTS: Final = {
    "styles": CONTENT_TYPE.WML_STYLES,
    "numbering": CONTENT_TYPE.WML_NUMBERING,
    "header": CONTENT_TYPE.WML_HEADER,
    "footer": CONTENT_TYPE.WML_FOOTER,
    "footnotes": CONTENT_TYPE.WML_FOOTNOTES,
    "endnotes": CONTENT_TYPE.WML_ENDNOTES,
    "comments": CONTENT_TYPE.WML_COMMENTS,
}
"""The last word of a relation's type, and the type of the parts that it leads to."""
_SINGLE: Final = frozenset({"styles", "numbering"})
_MAIN: Final = "officeDocument"
_USUAL_MAIN: Final = "word/document.xml"
_CONTENT_TYPES: Final = {_MAIN: CONTENT_TYPE.WML_DOCUMENT_MAIN, **_TEXT_PARTS}


def open_document(data: bytes, limits: Limits) -> Document:
    """Check a DOCX and open it with python-docx; the strict form is opened as transitional.

    Headers and notes are reached by the relations of `document.part`. Comments and processing
    instructions of the XML are still there.

    Raises:
        CorruptFileError: damaged, no body, or XML with a document type declaration.
        EncryptedFileError: parts locked with a password.
        LimitError: over one of `limits`.
    """
    document = docx.Document(io.BytesIO(_copy(_Package(data, limits))))
    if getattr(document.element, "body", None) is None:
        raise _no_body()
    return document


def _copy(source: _Package) -> bytes:
    """Return a sound package with the text parts of `source`."""
    main = next((name for kind, name in source.relations("") if kind == _MAIN), _USUAL_MAIN)
    parts = [(_MAIN, main), *(found for found in source.relations(main) if found[0] in _TEXT_PARTS)]
    overrides: list[str] = []
    relations: list[str] = []
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, (kind, original) in enumerate(parts):
            if kind in _SINGLE and any(kind == before for before, _ in parts[:number]):
                continue
            name = f"word/{kind}{number}.xml"
            archive.writestr(name, source.xml(original))
            overrides.append(_OVERRIDE.format(name, _CONTENT_TYPES[kind]))
            relations.append(_RELATION.format(number, name, kind))
        archive.writestr("[Content_Types].xml", _TYPES.format("".join(overrides)))
        archive.writestr("_rels/.rels", _RELATIONS.format(relations[0]))
        archive.writestr(f"word/_rels/{_MAIN}0.xml.rels", _RELATIONS.format("".join(relations[1:])))
    return buffer.getvalue()


_OVERRIDE: Final = '<Override PartName="/{}" ContentType="{}"/>'
_RELATION: Final = (
    f'<Relationship Id="rId{{}}" Target="/{{}}" Type="{OPC_NAMESPACE.OFC_RELATIONSHIPS}/{{}}"/>'
)
_TYPES: Final = (
    f'<Types xmlns="{OPC_NAMESPACE.OPC_CONTENT_TYPES}"><Default Extension="rels" '
    f'ContentType="{CONTENT_TYPE.OPC_RELATIONSHIPS}"/>{{}}</Types>'
)
_RELATIONS: Final = f'<Relationships xmlns="{OPC_NAMESPACE.OPC_RELATIONSHIPS}">{{}}</Relationships>'


class _Package:
    """Named parts of a package; nothing is unpacked before it is asked for.

    The sizes that the directory states are checked before anything is unpacked. A directory that
    lies gains nothing: `zipfile` hands out no more than is stated, and the checksum fails.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as exc:
            raise _damaged() from exc
        self._parts = {_key(info.filename): info for info in self._archive.infolist()}
        check_sizes(self._archive.infolist(), limits)

    def _read(self, info: zipfile.ZipInfo) -> bytes:
        if info.flag_bits & 0x1:
            raise EncryptedFileError("文件带有压缩密码，无法读取。请去掉密码后再上传。")
        try:
            data = self._archive.read(info)
        except (NotImplementedError, RuntimeError) as exc:
            raise CorruptFileError(
                f"文件内的 {info.filename[:80]} 用了不支持的压缩方式。"
                "请用 Word 或 WPS 打开，重新保存后再上传。"
            ) from exc
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError) as exc:
            raise _damaged(info.filename) from exc
        return _STRICT.sub(_TRANSITIONAL, data)

    def xml(self, name: str) -> bytes:
        """Return one part, checked and in the transitional form."""
        info = self._parts.get(_key(name))
        if info is None:
            raise _no_body()
        data = self._read(info)
        _parse(data, name)
        return data

    def relations(self, name: str) -> list[tuple[str, str]]:
        """Return the kinds and names of the parts that `name` ("" for the package) points to.

        A kind is the last word of the relation's type: officeDocument, header, footnotes, …
        """
        folder, base = posixpath.split(name)
        info = self._parts.get(_key(posixpath.join(folder, "_rels", f"{base}.rels")))
        found: dict[tuple[str, str], None] = {}
        for relation in _parse(self._read(info), info.filename).iter(_TAG) if info else ():
            kind = relation.get("Type", "").rpartition("/")[2]
            target = posixpath.join("/", folder, relation.get("Target", ""))
            key = _key(posixpath.normpath(target))
            if key in self._parts and relation.get("TargetMode") != "External":
                found[kind, key] = None
        return list(found)


_TAG: Final = f"{{{OPC_NAMESPACE.OPC_RELATIONSHIPS}}}Relationship"


def _parse(data: bytes, name: str) -> Element:
    """Parse XML that must not have a document type declaration.

    With it every entity is refused: OOXML has none (ISO/IEC 29500-2, 10.1.3), only attacks do.
    Encodings beyond UTF-8 and UTF-16 are refused for the same reason.
    """
    encoding = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
    if encoding is not None and encoding.group(1).lower() not in (b"utf-8", b"utf-16", b"utf8"):
        raise _forbidden(name)
    try:
        root: Element = SafeTree.fromstring(data, forbid_dtd=True)
    except DefusedXmlException as exc:
        raise _forbidden(name) from exc
    except (SafeTree.ParseError, ValueError, LookupError) as exc:
        raise _damaged(name) from exc
    return root


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


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def _damaged(part: str = "") -> CorruptFileError:
    where = f"（{part[:80]}）" if part else ""
    return CorruptFileError(
        f"文档已损坏或没有传完{where}，无法读取。请重新下载或复制原文件，"
        "能用 Word 或 WPS 打开时另存一份后再上传。"
    )


def _forbidden(part: str) -> CorruptFileError:
    return CorruptFileError(
        f"文档的 {part[:80]} 含有外部实体或文档类型声明，正常的 Word 文档没有这些内容，已拒绝读取。"
        "请核实来源，用 Word 或 WPS 打开并另存后再上传。"
    )


def _no_body() -> CorruptFileError:
    return CorruptFileError(
        "文档里没有正文部分，可能没有传完。请用 Word 或 WPS 打开，另存后再上传。"
    )
