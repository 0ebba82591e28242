"""OFD (GB/T 33190-2016): the text of every page as paragraphs and table cells, with places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from defusedxml.common import DefusedXmlException

from extractor.document import Box, DocumentBuilder, FurnitureKind, Page
from extractor.errors import CorruptFileError, EmptyFileError
from extractor.formats import ocr
from extractor.formats.chinese_font import find_font
from extractor.formats.limits import Limits, over_limit
from extractor.formats.ocr_pages import Recognized, recognize_pages
from extractor.formats.ofd_content import Content, ContentReader, Paper, paper_of
from extractor.formats.ofd_package import OfdDocument, OfdPackage, OpenPage, PageBox, PageEntry
from extractor.formats.ofd_page import OfdText
from extractor.formats.ofd_text import Glyphs
from extractor.formats.page_images import POINTS
from extractor.formats.pdf_bookmarks import Bookmarks, add_bookmark
from extractor.formats.pdf_characters import Geometry, Line, is_tilted
from extractor.formats.pdf_drawing import Drawing, Edge
from extractor.formats.pdf_findings import (
    TABLES_LOST,
    Findings,
    PagesNotice,
    judge_pages,
    name_list,
    warn_of_attachments,
    warn_of_pages,
)
from extractor.formats.pdf_pages import PageContent, fill_pages, write_pages
from extractor.formats.pdf_tables import CellMap, RuledTables, TableCell

_BAND: Final = 0.12


@dataclass(slots=True)
class _Findings(Findings):
    """Pages (from 1) with something to warn of that only OFD has, besides the others."""

    bare: list[int] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    hidden: list[int] = field(default_factory=list)
    outside: list[int] = field(default_factory=list)
    sizeless: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Apart:
    """A line that is on a page but not of its body."""

    text: str
    kind: FurnitureKind
    box: Box


def read_ofd(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read all documents of an OFD container, page by page, in reading order.

    Page numbers, running heads, watermarks, footnotes, and the text of templates and annotations
    go apart. Every line keeps the x edges of its characters. Pages that hold only pictures are
    recognised where that is installed; else they, and those that are missing or damaged, make the
    document partial, with a warning that lists them.

    Raises:
        EncryptedFileError: encrypted, or locked with a password.
        EmptyFileError: no pages, or only blank ones.
        CorruptFileError: cut off or damaged.
        LimitError: over one of `limits`.
    """
    package = OfdPackage(data, limits)
    reader = _Reader(package, limits)
    contents = reader.read()
    if not contents:
        raise EmptyFileError("OFD 里一页也没有。请重新导出后再上传。")
    findings = reader.findings
    fill_pages(contents, builder, reader.begins)
    judge_pages(contents, findings)
    pictures = findings.no_text
    if pictures and ocr.is_available():
        _recognize(package, contents, findings, limits).warn(builder, limits)
    write_pages(contents, builder, limits, begins=reader.begins, bookmarks=reader.bookmarks)
    for line in reader.apart:
        builder.add_furniture(line.text, line.kind, page=line.box[0], box=line.box)
    if builder.is_empty and not (pictures or findings.broken or findings.bare):
        if findings.unreadable:
            raise CorruptFileError(f"OFD 的页面都已损坏。{_REPAIR}")
        raise EmptyFileError("OFD 里只有空白页，没有文字。请确认选对了文件。")
    _warn_of_pages(findings, len(contents), builder)
    _warn_of_package(package, builder)


def _recognize(
    package: OfdPackage, contents: Sequence[PageContent], findings: Findings, limits: Limits
) -> Recognized:
    """Recognise the pages of `findings.no_text`, but those whose few letters cannot be drawn."""
    import numpy as np

    from extractor.formats.ofd_render import paint_page

    def render(number: int, dpi: float) -> tuple[Any, float]:
        picture = paint_page(package, number, dpi, 2 * limits.max_ocr_pixels)
        return np.asarray(picture.convert("RGB")), POINTS / dpi

    drawable = find_font() is not None
    numbers = [number for number in findings.no_text if drawable or not contents[number - 1].lines]
    findings.no_text = [number for number in findings.no_text if number not in set(numbers)]
    return recognize_pages(contents, numbers, render, limits)


class _Reader:
    """Reads the pages of all documents of a package, numbered through.

    `begins` are the pages with which a document begins, `apart` the lines that are not of the
    body.
    """

    def __init__(self, package: OfdPackage, limits: Limits) -> None:
        self.findings = _Findings()
        self.begins: set[int] = set()
        self.bookmarks: Bookmarks = {}
        self.apart: list[_Apart] = []
        self._package = package
        self._limits = limits
        self._tables = RuledTables()
        self._characters = 0

    def read(self) -> list[PageContent]:
        contents: list[PageContent] = []
        pages = sum(len(document.pages) for document in self._package.documents)
        if pages > self._limits.max_pages:
            raise over_limit(f"OFD 有 {pages} 页", "max_pages", f"{self._limits.max_pages} 页")
        for document in self._package.documents:
            first = len(contents) + 1
            self.begins.add(first)
            templates = _Templates(self._package, document)
            for number, entry in enumerate(document.pages, first):
                contents.append(self._read_page(number, document, entry, templates))
            self._note_bookmarks(document, first)
        return contents

    def _note_bookmarks(self, document: OfdDocument, first: int) -> None:
        numbers = {entry.id: number for number, entry in enumerate(document.pages, first)}
        for outline in document.outlines:
            number = numbers.get(outline.page_id)
            if number is not None:
                add_bookmark(self.bookmarks, number, outline.title, outline.level)

    def _read_page(
        self, number: int, document: OfdDocument, entry: PageEntry, templates: _Templates
    ) -> PageContent:
        try:
            page = self._package.open_page(document, entry)
        except CorruptFileError as exc:
            if isinstance(exc.__cause__, DefusedXmlException):
                raise
            self.findings.unreadable.append(number)
            geometry = paper_of(document.page_box).geometry
            return PageContent(Page(number, *geometry.size), geometry)
        box = page.box or document.page_box
        if box is None:
            self.findings.sizeless.append(number)
        paper = paper_of(box)
        content = ContentReader(document.units).read(page.root, paper)
        apart = templates.lay(page, box, content)
        self._check(number, content, apart)
        apart += self._annotations(document, entry, paper)
        result = self._compose(number, content.texts, content.drawing, paper)
        self._put_apart(result, apart)
        return result

    def _check(self, number: int, content: Content, apart: Sequence[Glyphs]) -> None:
        """Count the characters, and note what is strange about the objects of a page."""
        self._characters += sum(len(glyphs.text) for glyphs in (*content.texts, *apart))
        if self._characters > self._limits.max_characters:
            allowed = f"{self._limits.max_characters} 字"
            raise over_limit(f"OFD 文字过多（第 {number} 页）", "max_characters", allowed)
        for count, numbers in (
            (content.bare, self.findings.bare),
            (content.hidden, self.findings.hidden),
            (content.is_cut, self.findings.cut),
        ):
            if count:
                numbers.append(number)

    def _annotations(
        self, document: OfdDocument, entry: PageEntry, paper: Paper
    ) -> Sequence[Glyphs]:
        root = self._package.spare_xml(document.annotations.get(entry.id))
        return ContentReader(document.units).read(root, paper).texts if root is not None else ()

    def _compose(
        self, number: int, texts: Sequence[Glyphs], drawing: Drawing, paper: Paper
    ) -> PageContent:
        """Put text and tables of a page together; sideways pages are turned to be read."""
        geometry = paper.geometry
        text = OfdText(texts, geometry)
        turn = text.turn()
        if turn:
            geometry = geometry.turned(turn)
            drawing = _turned(drawing, paper.geometry, geometry)
        cells = self._tables.find(drawing)
        if cells is None:
            self.findings.tables_lost.append(number)
        if turn or (cells and any(glyphs.is_upright for glyphs in texts)):
            text = OfdText(texts, geometry, _cell_finder(cells))
        if text.outside:
            self.findings.outside.append(number)
        page = Page(number, *geometry.size)
        return PageContent(page, geometry, turn, text, drawing, cells or ())

    def _put_apart(self, content: PageContent, texts: Sequence[Glyphs]) -> None:
        if not texts:
            return
        text = OfdText(texts, content.geometry)
        number = content.page.number
        for line in text.lines(text.runs, number):
            self.apart.append(_Apart(line.text, _kind(line, content), content.box(line)))
        for run, line in zip(text.sideways, text.sideways_lines(number), strict=True):
            tilted = is_tilted(text.angles[run.start])
            kind = "watermark" if tilted else _kind(line, content)
            self.apart.append(_Apart(line.text, kind, content.box(line)))


class _Templates:
    """The templates of a document, laid under and over its pages.

    What a template draws belongs to the page. Its text does so too if the template stands on one
    page only, or if the page has no text of its own; else it is furniture.
    """

    def __init__(self, package: OfdPackage, document: OfdDocument) -> None:
        self._package = package
        self._document = document
        self._uses = package.template_uses(document)
        self._read: dict[tuple[str, PageBox | None], Content] = {}

    def lay(self, page: OpenPage, box: PageBox | None, content: Content) -> list[Glyphs]:
        """Add the templates of a page to its content; return the text that is kept apart."""
        apart: list[Glyphs] = []
        is_bare = not content.texts
        for name, part in (*page.behind, *page.before):
            template = self._content(part, box)
            content.is_cut |= template.is_cut
            content.bare += template.bare
            _add_drawing(content.drawing, template.drawing)
            if is_bare or self._uses[name] < 2:
                content.texts.extend(template.texts)
            else:
                apart.extend(template.texts)
        return apart

    def _content(self, part: str, box: PageBox | None) -> Content:
        key = (part, box)
        if key not in self._read:
            root = self._package.spare_xml(part)
            reader = ContentReader(self._document.units)
            paper = paper_of(box)
            self._read[key] = reader.read(root, paper) if root is not None else Content()
        return self._read[key]


def _cell_finder(cells: Sequence[TableCell] | None) -> Callable[[float, float], int] | None:
    return CellMap(cells).cell_at if cells else None


def _add_drawing(drawing: Drawing, other: Drawing) -> None:
    drawing.paths += other.paths
    drawing.picture_share = min(drawing.picture_share + other.picture_share, 1.0)
    drawing.upright.extend(other.upright)
    drawing.level.extend(other.level)
    drawing.is_crowded |= other.is_crowded


def _kind(line: Line, content: PageContent) -> FurnitureKind:
    height = content.page.height
    if line.middle < _BAND * height:
        return "running_head"
    return "running_foot" if line.middle > (1 - _BAND) * height else "note"


def _turned(drawing: Drawing, paper: Geometry, geometry: Geometry) -> Drawing:
    """Return the drawing of a page as it stands after the page is turned to this geometry."""
    turned = Drawing(drawing.paths, drawing.picture_share, is_crowded=drawing.is_crowded)
    height = paper.top
    for x0, top, x1, bottom in _sides(drawing.upright, drawing.level):
        x0, top, x1, bottom = geometry.place(x0, height - bottom, x1, height - top)
        if bottom - top > x1 - x0:
            turned.upright.append(((x0 + x1) / 2, top, bottom))
        else:
            turned.level.append(((top + bottom) / 2, x0, x1))
    return turned


def _sides(
    upright: Sequence[Edge], level: Sequence[Edge]
) -> Iterator[tuple[float, float, float, float]]:
    for x, top, bottom in upright:
        yield x, top, x, bottom
    for y, x0, x1 in level:
        yield x0, y, x1, y


def _warn_of_pages(findings: _Findings, pages: int, builder: DocumentBuilder) -> None:
    found: tuple[PagesNotice, ...] = (
        (findings.no_text, "no_text_layer", _NO_TEXT, True),
        (findings.broken, "broken_text_layer", _BROKEN, True),
        (findings.bare, "glyphs_without_text", _BARE, True),
        (findings.unreadable, "page_unreadable", _UNREADABLE, True),
        (findings.cut, "page_cut", _CUT, True),
        (findings.scanned, "ocr_text_layer", _SCANNED, False),
        (findings.tables_lost, "table_as_text", TABLES_LOST, False),
        (findings.hidden, "hidden_content", _HIDDEN, False),
        (findings.outside, "text_outside_page", _OUTSIDE, False),
        (findings.sizeless, "page_size_unknown", _SIZELESS, False),
    )
    warn_of_pages(found, pages, builder)


def _warn_of_package(package: OfdPackage, builder: DocumentBuilder) -> None:
    documents = package.documents
    if len(documents) > 1:
        titles = [document.title or "无标题" for document in documents]
        builder.warn(
            "several_documents",
            f"文件里有 {len(documents)} 份文档（{name_list(titles)}），已按次序连续编页读取。"
            "需要分开核查时，请分别导出后再上传。",
        )
    attachments = [name for document in documents for name in document.attachments]
    warn_of_attachments(len(attachments), attachments, builder)
    signatures = sum(document.signatures for document in documents)
    if signatures:
        builder.warn(
            "signatures_unverified",
            f"文件带有 {signatures} 个电子签名或电子印章，没有验证，印章图像和文字没有读取。"
            "需要核对真伪时，请用 OFD 阅读软件验证。",
        )
    if package.refused:
        builder.warn(
            "location_refused",
            f"文件里有指向文件以外的路径（{name_list(package.refused)}），已拒绝。请核实文件来源。",
            partial=True,
        )
    if package.lost:
        lost = list(dict.fromkeys(package.lost))
        builder.warn(
            "part_unreadable",
            f"文件的 {len(lost)} 个部分缺失或损坏（{name_list(lost)}），"
            f"其中的模板、图形、批注或附件没有读取。{_REPAIR}",
            partial=True,
        )


_REPAIR = "请重新下载或复制原文件；能用 OFD 阅读软件打开时，打印成 PDF 后再上传。"
_NO_TEXT = (
    "只有图像，没有文字（多为扫描件），要识别（OCR）才能读出文字，这些页的内容没有读取。"
    f"{ocr.INSTALL}，并装有一种中文字体；或打印成 PDF 后用 OCR 软件转成带文字层的文件。"
)
_BROKEN = (
    "的文字是乱码（字体缺少字符对照表），与印刷的不符，没有采用。"
    "请打印成图片后用 OCR 识别，或向出文单位索取 Word 版。"
)
_BARE = (
    "有文字只存了字形编号，没有存字符，这些文字没有读取。"
    "请打印成图片后用 OCR 识别，或向出文单位索取 Word 版。"
)
_UNREADABLE = f"缺失或已损坏，没有读取。{_REPAIR}"
_CUT = f"的图元过多、缺失，或互相包含，只读取了一部分。{_REPAIR}"
_SCANNED = "有整页图像，文字可能来自 OCR，会有错字。姓名、金额、文号请对照图像核对。"
_HIDDEN = "有设为不可见的内容，没有读取。请用 OFD 阅读软件打开核对。"
_OUTSIDE = "有文字落在页面以外，没有读取。请用 OFD 阅读软件打开核对。"
_SIZELESS = "没有写明页面大小，已按 A4 处理，文字在页面上的位置可能有偏差。请对照原件核对。"
