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
from typing import TYPE_CHECKING, Any, Final

import docx
from docx.opc.constants import CONTENT_TYPE
from docx.opc.constants import NAMESPACE as OPC_NAMESPACE
from docx.opc.part import Part, XmlPart
from docx.oxml.parser import parse_xml
from lxml.etree import XMLSyntaxError

from extractor.errors import CorruptFileError
from extractor.formats.limits import Limits
from extractor.formats.zipped import ZippedFile, damaged, part_key

if TYPE_CHECKING:
    from docx.document import Document

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
_KIND: Final = " Word 文档"
_PROGRAM: Final = " Word 或 WPS "
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
    copy = io.BytesIO(_copy(_Package(data, limits)))
    try:
        document = docx.Document(copy)
    except XMLSyntaxError as exc:  # lxml is stricter than the check, as with versions of XML
        raise damaged(_KIND, _PROGRAM) from exc
    if getattr(document.element, "body", None) is None:
        raise _no_body()
    return document


def root_of(part: Part) -> Any:
    """Return the root element of a part of the document.

    Raises:
        CorruptFileError: it is no sound XML.
    """
    if isinstance(part, XmlPart):
        return part.element
    try:
        return parse_xml(part.blob)
    except XMLSyntaxError as exc:
        raise damaged(_KIND, _PROGRAM, str(part.partname)) from exc


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
    """Named parts of a package, and the relations between them."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._zip = ZippedFile(data, limits, _KIND, _PROGRAM)

    def _read(self, name: str) -> bytes:
        return _STRICT.sub(_TRANSITIONAL, self._zip.read(name))

    def xml(self, name: str) -> bytes:
        """Return one part, checked and in the transitional form."""
        if name not in self._zip:
            raise _no_body()
        data = self._read(name)
        self._zip.parse(data, name)
        return data

    def relations(self, name: str) -> list[tuple[str, str]]:
        """Return the kinds and names of the parts that `name` ("" for the package) points to.

        A kind is the last word of the relation's type: officeDocument, header, footnotes, …
        """
        folder, base = posixpath.split(name)
        part = posixpath.join(folder, "_rels", f"{base}.rels")
        found: dict[tuple[str, str], None] = {}
        if part not in self._zip:
            return []
        for relation in self._zip.parse(self._read(part), part).iter(_TAG):
            kind = relation.get("Type", "").rpartition("/")[2]
            target = posixpath.join("/", folder, relation.get("Target", ""))
            key = part_key(posixpath.normpath(target))
            if key in self._zip and relation.get("TargetMode") != "External":
                found[kind, key] = None
        return list(found)


_TAG: Final = f"{{{OPC_NAMESPACE.OPC_RELATIONSHIPS}}}Relationship"


def _no_body() -> CorruptFileError:
    return CorruptFileError(
        "文档里没有正文部分，可能没有传完。请用 Word 或 WPS 打开，另存后再上传。"
    )
