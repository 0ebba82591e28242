"""PDF: the text layer, page by page, as paragraphs and table cells with exact places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

import pypdfium2

from extractor.document import BlockKind, Box, DocumentBuilder, Page, PlacedLine
from extractor.errors import CorruptFileError, EmptyFileError
from extractor.formats.limits import Limits, over_limit
from extractor.formats.pdf_bookmarks import Bookmarks, part_headings, read_bookmarks
from extractor.formats.pdf_characters import Geometry, Line, PageText, Run
from extractor.formats.pdf_columns import find_columns
from extractor.formats.pdf_drawing import Drawing, read_drawing
from extractor.formats.pdf_footnotes import find_notes, without_marks
from extractor.formats.pdf_furniture import find_furniture
from extractor.formats.pdf_lines import (
    Bodies,
    group_cell,
    group_paragraphs,
    join,
    measure_cell,
    usual_em,
    without_hyphens,
)
from extractor.formats.pdf_opening import PDFIUM, REPAIR, open_pdf
from extractor.formats.pdf_rows import OpenTable, column_edges
from extractor.formats.pdf_tables import CellMap, RuledTables, TableCell
from extractor.formats.pdf_watermarks import take_watermarks, watermark_texts

_SPARSE: Final = 12  # characters: a stamped page number is no text layer
_PICTURE_PAGE: Final = 0.5
_FULL_PAGE: Final = 0.8
_GARBAGE: Final = 0.3
_FOREIGN: Final = 0.4
_FEWEST: Final = 20
_SIGNS: Final = frozenset("!\"#$&';<=>?@[\\]^`{|}~")
_TAIL: Final = 2048
_LONGEST_PADDING: Final = 1 << 16
_MOST_ATTACHMENTS: Final = 20
_LONGEST_NAME: Final = 60


@dataclass(slots=True)
class _PageContent:
    """What was read from one page: its lines outside tables, and its tables.

    `page` is the page as it is read. It is turned by `turn` degrees from the page as shown when
    most of the text stands sideways there; the places of its lines go back by `as_shown`.
    """

    page: Page
    geometry: Geometry
    turn: int = 0
    text: PageText | None = None
    drawing: Drawing = field(default_factory=Drawing)
    lines: list[Line] = field(default_factory=list)
    sideways: list[Line] = field(default_factory=list)
    cells: list[tuple[TableCell, list[Line]]] = field(default_factory=list)

    @property
    def shown_size(self) -> tuple[float, float]:
        """Width and height of the page as a viewer shows it."""
        return self.geometry.turned(-self.turn).size

    def as_shown(self, line: Line) -> PlacedLine:
        """Return the line with its place on the page as a viewer shows it.

        The characters of a turned line share the box of the line.
        """
        if not self.turn:
            return line
        box = (line.x0, line.top, line.x1, line.bottom)
        x0, top, x1, bottom = self.geometry.turned_box(box, -self.turn)
        count = len(line.text)
        return PlacedLine(line.text, line.page, top, bottom, [x0] * count, [x1] * count)

    def box(self, line: Line) -> Box:
        """Return the box of a line on the page as a viewer shows it."""
        placed = self.as_shown(line)
        return (line.page, placed.left[0], placed.top, placed.right[-1], placed.bottom)

    def area(self, parts: Sequence[Line | Run]) -> Box:
        """Return the box around lines or runs on the page as a viewer shows it."""
        box = (
            min(part.x0 for part in parts),
            min(part.top for part in parts),
            max(part.x1 for part in parts),
            max(part.bottom for part in parts),
        )
        x0, top, x1, bottom = self.geometry.turned_box(box, -self.turn) if self.turn else box
        return (self.page.number, x0, top, x1, bottom)


@dataclass(slots=True)
class _Findings:
    """Pages (from 1) with something to warn of."""

    unreadable: list[int] = field(default_factory=list)
    no_text: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    scanned: list[int] = field(default_factory=list)
    tables_lost: list[int] = field(default_factory=list)


def read_pdf(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read the text layer of a PDF: paragraphs and cells of ruled tables, in reading order.

    Page numbers and running heads go apart. Every line keeps the x edges of its characters, in
    the coordinates of the page as a viewer shows it. Pages without a text layer, or with one that
    is garbage, make the document partial, with a warning that lists them.

    Raises:
        EncryptedFileError: a password is needed to open it.
        EmptyFileError: no pages, or only blank ones.
        CorruptFileError: cut off or damaged.
        LimitError: over one of `limits`.
    """
    with PDFIUM:
        contents, findings, outside = _read_pages(data, limits)
    for content in contents:
        builder.add_page(*content.shown_size)
    _take_watermarks(contents, builder)
    for content in contents:
        _fill(content)
        _judge(content, findings)
    body = _part_furniture(contents, builder)
    body = _part_notes(contents, body, builder)
    bodies = Bodies(body, [content.page for content in contents])
    _Writer(builder, limits, bodies, contents, outside.bookmarks).write()
    if builder.is_empty and not (findings.no_text or findings.broken):
        if findings.unreadable:
            raise CorruptFileError(f"PDF 的页面都已损坏。{REPAIR}")
        raise EmptyFileError("PDF 里只有空白页，没有文字。请确认选对了文件。")
    _warn(findings, len(contents), builder)
    if outside.attachments:
        builder.warn(
            "attachments_not_read",
            f"PDF 带有 {len(outside.attachments)} 个附件，没有读取：{_names(outside.attachments)}。"
            "需要时请用阅读软件打开，把附件另存后单独上传。",
        )
    if b"%%EOF" not in data[-_LONGEST_PADDING:].rstrip(b"\0 \t\r\n")[-_TAIL:]:
        builder.warn(
            "file_truncated",
            "PDF 文件末尾不完整，可能没有传完，后面的页可能缺失。请重新下载或复制原文件后再上传。",
            partial=True,
        )


@dataclass(slots=True)
class _Outside:
    """What the file holds besides its pages."""

    bookmarks: Bookmarks
    attachments: list[str]


def _read_pages(data: bytes, limits: Limits) -> tuple[list[_PageContent], _Findings, _Outside]:
    findings = _Findings()
    contents: list[_PageContent] = []
    tables = RuledTables()
    with closing(open_pdf(data)) as document:
        count = len(document)
        if count > limits.max_pages:
            raise over_limit(f"PDF 有 {count} 页", "max_pages", f"{limits.max_pages} 页")
        characters = 0
        for number in range(1, count + 1):
            content, length = _read_page(document, number, tables, findings)
            contents.append(content)
            characters += length
            if characters > limits.max_characters:
                allowed = f"{limits.max_characters} 字"
                raise over_limit(f"PDF 文字过多（第 {number} 页）", "max_characters", allowed)
        outside = _Outside(read_bookmarks(document), _attachments(document))
    return contents, findings, outside


def _attachments(document: pypdfium2.PdfDocument) -> list[str]:
    """Return the names of the attached files, as many as a warning can hold."""
    count = document.count_attachments()
    names: list[str] = []
    for at in range(min(count, _MOST_ATTACHMENTS)):
        try:
            names.append(document.get_attachment(at).get_name() or "（没有名称）")
        except (pypdfium2.PdfiumError, UnicodeError):
            names.append("（没有名称）")
    return names + ["……"] * (count > _MOST_ATTACHMENTS)


def _names(names: Sequence[str]) -> str:
    return "、".join("".join(name.split())[:_LONGEST_NAME] for name in names)


def _read_page(
    document: pypdfium2.PdfDocument, number: int, tables: RuledTables, findings: _Findings
) -> tuple[_PageContent, int]:
    """Return the content of a page and how many characters it has."""
    try:
        with closing(document[number - 1]) as page:
            left, bottom, right, top = page.get_bbox()
            geometry = Geometry(left, bottom, right, top, page.get_rotation())
            text = PageText(page.raw, geometry)
            turn = text.turn()
            if turn:
                geometry = geometry.turned(turn)
                text = PageText(page.raw, geometry)
            drawing = read_drawing(page.raw, geometry)
    except pypdfium2.PdfiumError:
        findings.unreadable.append(number)
        blank = Geometry(0.0, 0.0, 595.0, 842.0, 0)
        return _PageContent(Page(number, *blank.size), blank), 0
    content = _PageContent(Page(number, *geometry.size), geometry, turn, text, drawing)
    cells = tables.find(drawing)
    if cells is None:
        findings.tables_lost.append(number)
    content.cells = [(cell, []) for cell in cells or []]
    return content, len(text.text)


def _take_watermarks(contents: Sequence[_PageContent], builder: DocumentBuilder) -> None:
    """Move the watermarks of all pages to the builder."""
    pages = [content for content in contents if content.text is not None]
    texts = [content.text for content in pages if content.text is not None]
    for content, text, marks in zip(pages, texts, take_watermarks(texts), strict=True):
        for said, runs in watermark_texts(text, marks):
            number = content.page.number
            builder.add_furniture(said, "watermark", page=number, box=content.area(runs))


def _fill(content: _PageContent) -> None:
    """Make the lines of a page: those in each cell of its tables, those outside by columns."""
    text, number = content.text, content.page.number
    if text is None:
        return
    content.sideways = text.sideways_lines(number)
    runs = text.runs
    if content.cells:
        cells = [cell for cell, _ in content.cells]
        runs = text.in_cells(CellMap(cells).cell_at)
        inside: dict[int, list[Run]] = defaultdict(list)
        for run in runs:
            inside[run.cell].append(run)
        content.cells = [(cell, text.lines(inside[at], number)) for at, cell in enumerate(cells)]
        runs = inside[-1]
    for column, part in find_columns(runs, content.page.width):
        content.lines.extend(text.lines(part, number, column))


def _judge(content: _PageContent, findings: _Findings) -> None:
    """Note what is wrong with the text of a page; garbage is no text: the page is as a scan."""
    text, drawing, number = content.text, content.drawing, content.page.number
    if text is None:
        return
    runs = (*text.runs, *text.sideways)
    visible = "".join("".join(text.text[run.start : run.end].split()) for run in runs)
    content.text = None
    if len(visible) < _SPARSE:
        drawn = drawing.picture_share >= _PICTURE_PAGE
        is_bare = not text.text.strip()
        if drawn or (is_bare and (drawing.picture_share or drawing.paths)):
            findings.no_text.append(number)
    elif _is_garbage(visible) or text.unmapped > _GARBAGE:
        findings.broken.append(number)
        content.lines, content.sideways, content.cells = [], [], []
    elif drawing.picture_share >= _FULL_PAGE:
        findings.scanned.append(number)


def _is_garbage(visible: str) -> bool:
    """Tell a text layer whose characters are not those that are printed.

    Characters without a meaning (private use, U+FFFD) show it, and so does a mass of ideographs
    outside GB 2312, whose 6763 make up nearly all of a Chinese text, or of signs between letters.
    """
    if len(visible) < _FEWEST:
        return False
    lost = sum(1 for char in visible if char == "\ufffd" or "\ue000" <= char <= "\uf8ff")
    ideographs = [char for char in visible if "\u3400" <= char <= "\u9fff"]
    known = len("".join(ideographs).encode("gb2312", errors="ignore")) // 2
    rare = len(ideographs) - known
    signs = sum(1 for char in visible if char in _SIGNS or "\u0080" <= char <= "\u00bf")
    if not ideographs and signs > _GARBAGE * len(visible):
        return True
    return lost > _GARBAGE * len(visible) or rare > _FOREIGN * max(len(ideographs), _FEWEST)


def _part_furniture(contents: Sequence[_PageContent], builder: DocumentBuilder) -> list[Line]:
    """Move page numbers and running heads to the builder; return the lines of the body."""
    lines = [line for content in contents for line in content.lines]
    found = find_furniture(lines, [content.page for content in contents])
    for at in sorted(found):
        line = lines[at]
        box = contents[line.page - 1].box(line)
        builder.add_furniture(line.text, found[at], page=line.page, box=box)
    body = [line for at, line in enumerate(lines) if at not in found]
    for number, group in groupby(body, key=lambda line: line.page):
        contents[number - 1].lines = list(group)
    kept = {line.page for line in body}
    for content in contents:
        if content.page.number not in kept:
            content.lines = []
    return body


def _part_notes(
    contents: Sequence[_PageContent], body: Sequence[Line], builder: DocumentBuilder
) -> list[Line]:
    """Move footnotes to the builder, and take their marks out of the lines; return the body."""
    usual = usual_em(body)
    kept: list[Line] = []
    for content in contents:
        if not content.lines:
            continue
        notes = find_notes(content.lines, content.drawing, content.page, usual)
        if notes:
            for note in notes:
                said, area = join(note.lines), content.area(note.lines)
                builder.add_furniture(said, "note", page=content.page.number, box=area)
            apart = {id(line) for note in notes for line in note.lines}
            marks = frozenset(note.mark for note in notes if note.mark is not None)
            content.lines = [
                without_marks(line, marks) for line in content.lines if id(line) not in apart
            ]
            content.cells = [
                (cell, [without_marks(line, marks) for line in lines])
                for cell, lines in content.cells
            ]
        kept.extend(content.lines)
    return kept


class _Writer:
    """Writes paragraphs and cells to the builder, and knows the table that may go on."""

    def __init__(
        self,
        builder: DocumentBuilder,
        limits: Limits,
        bodies: Bodies,
        contents: Sequence[_PageContent],
        bookmarks: Bookmarks,
    ) -> None:
        self._contents = contents
        self._builder = builder
        self._limits = limits
        self._bodies = bodies
        self._bookmarks = bookmarks
        self._pending: list[Line] = []
        self._blocks = 0
        self._tables = 0
        self._open: OpenTable | None = None

    def write(self) -> None:
        """Write all pages; a paragraph or table may run over their borders."""
        for content in self._contents:
            for item in _in_order(content):
                if isinstance(item, Line):
                    self._close_table()
                    self._pending.append(item)
                else:
                    self._flush()
                    self._write_table(item)
            if content.sideways:
                self._flush()
                self._write_last_row()
                for line in content.sideways:
                    self._add([line], "paragraph")
        self._close_table()
        self._flush()

    def _flush(self) -> None:
        for level, lines in part_headings(self._pending, self._bookmarks):
            if level is not None:
                self._add(lines, "heading", level=level)
                continue
            for paragraph in group_paragraphs(lines, self._bodies):
                self._add(paragraph, "paragraph")
        self._pending = []

    def _add(
        self,
        lines: Sequence[Line],
        kind: BlockKind,
        cell: tuple[int, int, int] | None = None,
        level: int | None = None,
    ) -> None:
        self._blocks += 1
        if self._blocks > self._limits.max_blocks:
            raise over_limit("PDF 段落过多", "max_blocks", f"{self._limits.max_blocks} 段")
        lines = without_hyphens(lines)
        placed = [self._contents[line.page - 1].as_shown(line) for line in lines]
        self._builder.add_block(
            join(lines), kind, page=lines[0].page, level=level, cell=cell, lines=placed
        )

    def _write_table(self, cells: Sequence[tuple[TableCell, list[Line]]]) -> None:
        table = self._continue_table(cells)
        skipped = table.repeated_rows(cells)
        for row, group in groupby(cells, key=lambda pair: pair[0].row):
            given = [(cell, lines) for cell, lines in group if lines]
            if row < skipped:
                for _, lines in given:
                    self._keep_apart(lines)
            elif row == skipped and table.goes_on_in(given):
                table.extend_last_row(given)
            else:
                self._write_last_row()
                table.begin_row(given)
        self._open = table

    def _close_table(self) -> None:
        self._write_last_row()
        self._open = None

    def _write_last_row(self) -> None:
        """Write the row that is held back because it may go on on the next page."""
        if self._open is None:
            return
        for row, cell, lines in self._open.take_last_row():
            body = measure_cell(lines, cell.x0, cell.x1)
            for paragraph in group_cell(lines, body):
                self._add(paragraph, "cell", (self._open.number, row, cell.column))

    def _continue_table(self, cells: Sequence[tuple[TableCell, list[Line]]]) -> OpenTable:
        edges = column_edges(cells)
        if self._open is not None and self._open.goes_on(edges):
            return self._open
        self._close_table()
        table = OpenTable(self._tables, edges)
        self._open = table
        self._tables += 1
        return table

    def _keep_apart(self, lines: Sequence[Line]) -> None:
        for line in lines:
            box = self._contents[line.page - 1].box(line)
            self._builder.add_furniture(line.text, "running_head", page=line.page, box=box)


def _in_order(
    content: _PageContent,
) -> Iterator[Line | list[tuple[TableCell, list[Line]]]]:
    """Yield lines and tables from top to bottom."""
    tables = [list(group) for _, group in groupby(content.cells, key=lambda pair: pair[0].table)]
    tables.sort(key=lambda cells: cells[0][0].top)
    for line in content.lines:
        while tables and tables[0][0][0].top < line.middle:
            yield tables.pop(0)
        yield line
    yield from tables


def _warn(findings: _Findings, pages: int, builder: DocumentBuilder) -> None:
    for numbers, code, message, partial in (
        (findings.no_text, "no_text_layer", _NO_TEXT, True),
        (findings.broken, "broken_text_layer", _BROKEN, True),
        (findings.unreadable, "page_unreadable", _UNREADABLE, True),
        (findings.scanned, "ocr_text_layer", _SCANNED, False),
        (findings.tables_lost, "table_as_text", _TABLES_LOST, False),
    ):
        if numbers:
            where = f"全部 {pages} 页" if len(numbers) == pages else f"第{page_list(numbers)}页"
            builder.warn(code, f"{where}{message}", page=numbers[0], partial=partial)


_NO_TEXT = (
    "没有文字层（多为扫描件），需要 OCR，这些页的内容没有读取。"
    "请先用 OCR 软件转成带文字层的 PDF，或向出文单位索取文字版。"
)
_BROKEN = (
    "的文字层是乱码（字体缺少字符对照表），与印刷的不符，没有采用。"
    "请打印成图片后用 OCR 识别，或向出文单位索取 Word 版。"
)
_UNREADABLE = f"已损坏，没有读取。{REPAIR}"
_SCANNED = "有整页图像，文字层可能来自 OCR，会有错字。姓名、金额、文号请对照图像核对。"

_TABLES_LOST = (
    "的表格线过多或已损坏，没有识别出表格，已按普通文字读取，各格的内容可能连在一起。"
    "请对照原件核对，或向出文单位索取 Word 版。"
)


def page_list(numbers: Sequence[int]) -> str:
    """Write page numbers for people: 1-3、5."""
    parts: list[str] = []
    first = last = numbers[0]
    for number in [*numbers[1:], 0]:
        if number == last + 1:
            last = number
            continue
        parts.append(str(first) if first == last else f"{first}-{last}")
        first = last = number
    return "、".join(parts)
