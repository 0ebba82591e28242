"""An OFD container (GB/T 33190-2016): which documents, pages and resources it has, and where.

Elements are known by their local names: the namespace is `http://www.ofdspec.org/2016`, the
older `http://www.ofdspec.org`, or none, under any prefix.
"""

from __future__ import annotations

import math
import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from defusedxml.common import DefusedXmlException

from extractor.errors import CorruptFileError, EncryptedFileError, LimitError
from extractor.formats.limits import MIB, Limits, over_limit
from extractor.formats.zipped import ZippedFile, part_key

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOT: Final = "OFD.xml"
_LARGEST_PART: Final = 64 * MIB
"""A page of text takes a few hundred kilobytes; the tree of a part takes ten times its bytes."""
_MOST_REPEATS: Final = 32 * MIB
_LEAST_COST: Final = 1024
_HEAD: Final = 4096
_GB: Final = re.compile(rb"""^(<\?xml[^>]{0,100}?encoding\s*=\s*["'])(gb2312|gbk|gb18030)""", re.I)
_UNBOUND: Final = re.compile(rb"<([A-Za-z][\w.-]{0,20}):[A-Za-z]")
_TEMPLATE: Final = re.compile(rb"""\bTemplateID\s{0,8}=\s{0,8}["']([\w.-]{1,40})["']""")
_DEEPEST_OUTLINE: Final = 9
_MOST_OUTLINES: Final = 20_000

PageBox = tuple[float, float, float, float]
"""`(x, y, width, height)` in millimetres, y downwards."""


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A bookmark: its text, the ID of the page it leads to, its level from 1."""

    title: str
    page_id: str
    level: int


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A page as the document lists it: its ID, and the part with its content if there is one."""

    id: str
    part: str | None


@dataclass(frozen=True, slots=True)
class OpenPage:
    """A page that was parsed: its own size if it states one, its template parts by their IDs."""

    root: Element
    box: PageBox | None
    behind: list[tuple[str, str]]
    before: list[tuple[str, str]]


@dataclass(slots=True)
class OfdDocument:
    """One document of a container; parts are named as in the container.

    `templates` leads from an ID to a part, `media` from an ID to the part with a picture,
    `units` from an ID to the composite graphic that has it. `resources` are the resource files
    that were read: their location and the folder in which it is written.
    """

    title: str
    pages: list[PageEntry]
    page_box: PageBox | None
    templates: dict[str, str] = field(default_factory=dict)
    media: dict[str, str] = field(default_factory=dict)
    units: dict[str, Element] = field(default_factory=dict)
    outlines: list[OutlineEntry] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)
    attachments: list[str] = field(default_factory=list)
    signatures: int = 0
    resources: set[tuple[str, str]] = field(default_factory=set)


class OfdPackage:
    """The documents of an OFD file, and its parts by name.

    `refused` are the locations that lead out of the container, `lost` the parts beside the pages
    that are missing or damaged (resources, lists of annotations and the like).
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        """Open a container and read what it lists; no page is read yet.

        Raises:
            CorruptFileError: damaged, no document in it, or XML with a document type declaration.
            EncryptedFileError: encrypted (GM/T 0099), or entries locked with a password.
            LimitError: over one of `limits`.
        """
        self._zip = ZippedFile(data, limits, " OFD 文件", " OFD 阅读软件")
        self._parsed: set[str] = set()
        self._repeats = _MOST_REPEATS
        self._limits = limits
        self.refused: list[str] = []
        self.lost: list[str] = []
        if any(posixpath.basename(name) == "encryptions.xml" for name in self._zip.names()):
            raise EncryptedFileError(
                "OFD 文件已加密，无法读取。请用原来的阅读软件输入密码或插入证书打开，"
                "另存为不加密的 OFD 或 PDF 后再上传。"
            )
        self.documents = self._documents()

    def xml(self, part: str) -> Element:
        """Parse a part.

        The bytes of parts that are parsed again are counted, so that one part in the place of a
        thousand pages costs no more than a long one.

        Raises:
            CorruptFileError: missing, too large, damaged, or with a document type declaration.
            LimitError: the same parts are used again and again.
        """
        size = self._zip.size(part)
        if part_key(part) in self._parsed:
            self._repeats -= size + _LEAST_COST
            if self._repeats < 0:
                raise LimitError(
                    "OFD 的许多页反复使用同一部分，总量过大，疑似恶意文件，已停止读取。"
                    "请核实来源，用 OFD 阅读软件打开，打印成 PDF 后再上传。"
                )
        self._parsed.add(part_key(part))
        if size > _LARGEST_PART:
            raise self._zip.damaged(part)
        return self._zip.parse(_mended(self._zip.read(part)), part)

    def open_page(self, document: OfdDocument, entry: PageEntry) -> OpenPage:
        """Parse a page and add its own resources to the document; raises as `xml` does."""
        if entry.part is None:
            raise self._zip.damaged(f"ID={entry.id}")
        root = self.xml(entry.part)
        folder = posixpath.dirname(entry.part)
        for resource in children(root, "PageRes"):
            self._add_resources(document, text_of(resource), folder)
        page = OpenPage(root, page_box(child(root, "Area")), [], [])
        for template in children(root, "Template"):
            name = template.get("TemplateID", "")
            part = document.templates.get(name)
            if part is None:
                self.lost.append(f"TemplateID={name}")
                continue
            side = page.before if template.get("ZOrder") == "Foreground" else page.behind
            side.append((name, part))
        return page

    def template_uses(self, document: OfdDocument) -> Counter[str]:
        """Return on how many pages each template stands, by a look at the bytes of the pages."""
        uses: Counter[str] = Counter()
        for entry in document.pages if document.templates else ():
            if entry.part is not None and self._zip.size(entry.part) <= _LARGEST_PART:
                with suppress(CorruptFileError):
                    found = _TEMPLATE.findall(self._zip.read(entry.part))
                    uses.update({name.decode() for name in found})
        return uses

    def spare_xml(self, part: str | None) -> Element | None:
        """Parse a part that the text can be read without; None and a note where it is broken."""
        if part is None:
            return None
        try:
            return self.xml(part)
        except CorruptFileError as exc:
            if isinstance(exc.__cause__, DefusedXmlException):
                raise
            self.lost.append(part)
            return None

    def _listed(self, location: str, *folders: str) -> tuple[str, Element | None]:
        """Return the folder of a part that a document lists, and the part if it can be read."""
        part = self.locate(location, *folders)
        if part is None and location and location not in self.refused:
            self.lost.append(location)
        return posixpath.dirname(part or ""), self.spare_xml(part)

    def bytes_of(self, part: str) -> bytes:
        """Return the bytes of a part; raises as `ZippedFile.read` does."""
        return self._zip.read(part)

    def locate(self, location: str, *folders: str) -> str | None:
        """Return the part that a location written in one of these folders leads to.

        With a slash before it the location begins at the root. Some writers begin there without
        the slash, so the root is tried last. None where there is no such part.
        """
        plain = location.strip().replace("\\", "/")
        if not plain:
            return None
        starts = ("",) if plain.startswith("/") else (*folders, "")
        for folder in starts:
            part = posixpath.normpath(posixpath.join(folder, plain.lstrip("/")))
            if part.startswith("..") or ":" in part:
                if location not in self.refused:
                    self.refused.append(location)
                continue
            if part in self._zip:
                return part_key(part)
        return None

    def _documents(self) -> list[OfdDocument]:
        found: dict[str, OfdDocument] = {}
        bodies = list(descendants(self.xml(ROOT), "DocBody"))
        for body in bodies:
            part = self.locate(text_of(child(body, "DocRoot")))
            if part is not None and part not in found:
                found[part] = self._document(part, body)
        if not found:
            raise CorruptFileError(
                "OFD 文件里没有文档，可能没有传完。请用 OFD 阅读软件打开，另存后再上传。"
            )
        return list(found.values())

    def _document(self, part: str, body: Element) -> OfdDocument:
        root = self.xml(part)
        folder = posixpath.dirname(part)
        common = child(root, "CommonData")
        pages = child(root, "Pages")
        listed = list(children(pages, "Page")) if pages is not None else []
        if len(listed) > self._limits.max_pages:
            allowed = f"{self._limits.max_pages} 页"
            raise over_limit(f"OFD 有 {len(listed)} 页", "max_pages", allowed)
        document = OfdDocument(
            title=text_of(child(child(body, "DocInfo"), "Title")),
            pages=[
                PageEntry(page.get("ID", ""), self.locate(page.get("BaseLoc", ""), folder))
                for page in listed
            ],
            page_box=page_box(child(common, "PageArea")),
        )
        for template in children(common, "TemplatePage"):
            place = self.locate(template.get("BaseLoc", ""), folder)
            if place is not None:
                document.templates[template.get("ID", "")] = place
        for name in ("PublicRes", "DocumentRes"):
            for resource in children(common, name):
                self._add_resources(document, text_of(resource), folder)
        document.outlines = list(_outlines(child(root, "Outlines")))
        self._add_annotations(document, child(root, "Annotations"), folder)
        self._add_attachments(document, child(root, "Attachments"), folder)
        document.signatures = self._count_signatures(body, folder)
        return document

    def _add_resources(self, document: OfdDocument, location: str, folder: str) -> None:
        """Add the pictures and composite graphics of a resource file to a document."""
        if (location, folder) in document.resources:
            return
        document.resources.add((location, folder))
        folder, root = self._listed(location, folder)
        if root is None:
            return
        base = posixpath.join(folder, root.get("BaseLoc", "").replace("\\", "/").lstrip("/"))
        for medium in descendants(root, "MultiMedia"):
            place = self.locate(text_of(child(medium, "MediaFile")), base, folder)
            if place is not None:
                document.media[medium.get("ID", "")] = place
        for unit in descendants(root, "CompositeGraphicUnit"):
            document.units[unit.get("ID", "")] = unit

    def _add_annotations(self, document: OfdDocument, listed: Element | None, folder: str) -> None:
        own, root = self._listed(text_of(listed), folder)
        for page in children(root, "Page"):
            place = text_of(child(page, "FileLoc"))
            found = self.locate(place, own, folder)
            if found is None:
                self.lost.append(place or "FileLoc")
            else:
                document.annotations[page.get("PageID", "")] = found

    def _add_attachments(self, document: OfdDocument, listed: Element | None, folder: str) -> None:
        _, root = self._listed(text_of(listed), folder)
        for item in children(root, "Attachment"):
            place = posixpath.basename(text_of(child(item, "FileLoc")).replace("\\", "/"))
            document.attachments.append(item.get("Name") or place or "未命名")

    def _count_signatures(self, body: Element, folder: str) -> int:
        listed = child(body, "Signatures")
        if listed is None:
            return 0
        _, root = self._listed(text_of(listed), "", folder)
        return max(len(list(children(root, "Signature"))), 1)


def _mended(data: bytes) -> bytes:
    """Make XML of some writers readable: Chinese encodings, a prefix that is not declared."""
    encoding = _GB.match(data)
    if encoding is not None:
        text = data.decode("gb18030", errors="replace")
        data = _GB.sub(rb"\1utf-8", text.encode())
    prefix = _UNBOUND.search(data, 0, _HEAD)
    if prefix is not None and b"xmlns:" + prefix.group(1) not in data[:_HEAD]:
        at = prefix.end(1)
        name = re.compile(rb"[\w.:-]{1,60}").match(data, at)
        end = name.end() if name is not None else at
        data = data[:end] + b" xmlns:" + prefix.group(1) + b'="undeclared"' + data[end:]
    return data


def _outlines(root: Element | None) -> Iterator[OutlineEntry]:
    """Yield the bookmarks of a document, the first 20,000, in their order."""
    stack = [(entry, 1) for entry in reversed(list(children(root, "OutlineElem")))]
    seen = 0
    while stack and seen < _MOST_OUTLINES:
        entry, level = stack.pop()
        seen += 1
        target = next(descendants(child(entry, "Actions"), "Dest"), None)
        if target is not None:
            yield OutlineEntry(entry.get("Title", ""), target.get("PageID", ""), level)
        inner = reversed(list(children(entry, "OutlineElem")))
        stack.extend((item, min(level + 1, _DEEPEST_OUTLINE)) for item in inner)


def local_name(element: Element) -> str:
    """Return the name of an element without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: Element | None, name: str) -> Iterator[Element]:
    """Yield the children of this local name; nothing for None."""
    for item in element if element is not None else ():
        if local_name(item) == name:
            yield item


def child(element: Element | None, name: str) -> Element | None:
    """Return the first child of this local name, if any."""
    return next(children(element, name), None)


def descendants(element: Element | None, name: str) -> Iterator[Element]:
    """Yield the elements of this local name at any depth, the element itself too."""
    for item in element.iter() if element is not None else ():
        if local_name(item) == name:
            yield item


def text_of(element: Element | None) -> str:
    """Return the text of an element without the spaces around it; "" for None."""
    return (element.text or "").strip() if element is not None else ""


def numbers(text: str | None) -> list[float]:
    """Return the numbers of a list (ST_Array); what is no number, or not finite, counts as 0."""
    return [number(word) for word in (text or "").replace(",", " ").split()]


def number(text: str | None, default: float = 0.0) -> float:
    """Return one number; the default where there is none, 0 where it makes no sense."""
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and abs(value) < _FARTHEST else 0.0


_FARTHEST: Final = 1e6
"""Millimetres, or a factor; no page comes near, and no sum of such numbers overflows."""
_LARGEST_PAGE: Final = 20_000.0  # millimetres


def box_of(values: Sequence[float]) -> PageBox | None:
    """Return a box (ST_Box) if there are four numbers."""
    return (values[0], values[1], values[2], values[3]) if len(values) >= 4 else None


def page_box(area: Element | None) -> PageBox | None:
    """Return the physical box of a page area (CT_PageArea) if it has a sensible one."""
    for name in ("PhysicalBox", "ApplicationBox", "ContentBox"):
        box = box_of(numbers(text_of(child(area, name))))
        if box is not None and all(0 < side <= _LARGEST_PAGE for side in box[2:]):
            return box
    return None
