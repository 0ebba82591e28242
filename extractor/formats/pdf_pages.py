"""Pages as they were printed, written to the builder: furniture apart, paragraphs, tables.

Every reader of a fixed layout ends here. It gives the characters, the table cells and the ruling
lines of each page; then come, in this order, `fill_pages`, `judge_pages` and `write_pages`.
Between the last two, lines from elsewhere may take the place of those of a page.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Final

from extractor.document import BlockKind, Box, DocumentBuilder, Page, PlacedLine
from extractor.formats.limits import Limits, over_limit
from extractor.formats.pdf_bookmarks import Bookmarks, part_headings
from extractor.formats.pdf_characters import Geometry, Line, PlacedText, Run
from extractor.formats.pdf_columns import Stack, find_columns
from extractor.formats.pdf_drawing import Drawing
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
from extractor.formats.pdf_rows import OpenTable, column_edges
from extractor.formats.pdf_tables import CellMap, TableCell
from extractor.formats.pdf_watermarks import take_watermarks, watermark_texts

_NO_BOOKMARKS: Final[Bookmarks] = {}
_STEP: Final = 0.3  # of its height: so far a line that is askew may leave its box


@dataclass(slots=True)
class PageContent:
    """What was read from one page.

    `text`, `drawing` and `grid` (the cells of its tables) are what the page shows; `lines` (those
    outside tables), `sideways` and `cells` are what `fill` makes of them.
    `page` is the page as it is read. It is turned by `turn` degrees from the page as shown when
    most of the text stands sideways there, and then by `skew` radians (both clockwise, about the
    middle) when it was scanned askew; the places of its lines go back by `as_shown`.
    """

    page: Page
    geometry: Geometry
    turn: int = 0
    text: PlacedText | None = None
    drawing: Drawing = field(default_factory=Drawing)
    grid: Sequence[TableCell] = ()
    skew: float = 0.0
    lines: list[Line] = field(default_factory=list)
    sideways: list[Line] = field(default_factory=list)
    cells: list[tuple[TableCell, list[Line]]] = field(default_factory=list)

    @property
    def shown_size(self) -> tuple[float, float]:
        """Width and height of the page as a viewer shows it."""
        return self.geometry.turned(-self.turn).size

    def as_shown(self, line: Line) -> list[PlacedLine]:
        """Return the line with its place on the page as a viewer shows it.

        A line that is askew comes in parts, each a step lower or higher; one that is turned comes
        in characters.
        """
        parts: list[PlacedLine] = self._askew(line) if self.skew else [line]
        if not self.turn:
            return parts
        return [char for part in parts for char in self._turned_back(part)]

    def _turned_back(self, line: PlacedLine) -> Iterator[PlacedLine]:
        for char, left, right in zip(line.text, line.left, line.right, strict=True):
            box = (left, line.top, right, line.bottom)
            x0, top, x1, bottom = self.geometry.turned_box(box, -self.turn)
            yield PlacedLine(char, line.page, top, bottom, [x0], [x1], line.confidence)

    def _askew(self, line: Line) -> list[PlacedLine]:
        fall = abs(math.sin(self.skew)) * (line.x1 - line.x0)
        count = len(line.text)
        steps = min(math.ceil(fall / (_STEP * (line.bottom - line.top))), count) or 1
        parts = []
        for at in range(steps):
            first, last = at * count // steps, (at + 1) * count // steps
            left, right = line.left[first:last], line.right[first:last]
            moved, fallen = self._moved((left[0] + right[-1]) / 2, line.middle)
            parts.append(
                PlacedLine(
                    line.text[first:last],
                    line.page,
                    line.top + fallen,
                    line.bottom + fallen,
                    [edge + moved for edge in left],
                    [edge + moved for edge in right],
                    line.confidence,
                )
            )
        return parts

    def _moved(self, x: float, y: float) -> tuple[float, float]:
        """Return how far right and down a point lies on the page that is askew."""
        width, height = self.geometry.size
        sine, cosine = math.sin(self.skew), math.cos(self.skew)
        across, down = x - width / 2, y - height / 2
        return cosine * across + sine * down - across, cosine * down - sine * across - down

    def _box_askew(self, box: tuple[float, ...]) -> tuple[float, float, float, float]:
        """Return the level box around a box that is askew."""
        x0, top, x1, bottom = box
        corners = [(x, y, *self._moved(x, y)) for x in (x0, x1) for y in (top, bottom)]
        across = [x + moved for x, _, moved, _ in corners]
        down = [y + fallen for _, y, _, fallen in corners]
        return min(across), min(down), max(across), max(down)

    def box(self, line: Line) -> Box:
        """Return the box of a line on the page as a viewer shows it."""
        parts = self.as_shown(line)
        return (
            line.page,
            min(part.left[0] for part in parts),
            min(part.top for part in parts),
            max(part.right[-1] for part in parts),
            max(part.bottom for part in parts),
        )

    def area(self, parts: Sequence[Line | Run]) -> Box:
        """Return the box around lines or runs on the page as a viewer shows it."""
        box: tuple[float, ...] = (
            min(part.x0 for part in parts),
            min(part.top for part in parts),
            max(part.x1 for part in parts),
            max(part.bottom for part in parts),
        )
        if self.skew:
            box = self._box_askew(box)
        x0, top, x1, bottom = self.geometry.turned_box(box, -self.turn) if self.turn else box
        return (self.page.number, x0, top, x1, bottom)


def fill_pages(
    contents: Sequence[PageContent], builder: DocumentBuilder, begins: Collection[int] = ()
) -> None:
    """Give the builder the pages and their watermarks, and make lines of the rest.

    Each page of `begins` begins another document, which has watermarks of its own.
    """
    for content in contents:
        builder.add_page(*content.shown_size)
    starts = [0, *(at for at, content in enumerate(contents) if content.page.number in begins)]
    for start, end in pairwise([*starts, len(contents)]):
        _take_watermarks(contents[start:end], builder)
    fill(contents)


def _take_watermarks(contents: Sequence[PageContent], builder: DocumentBuilder) -> None:
    """Move the watermarks of all pages to the builder."""
    pages = [content for content in contents if content.text is not None]
    texts = [content.text for content in pages if content.text is not None]
    for content, text, marks in zip(pages, texts, take_watermarks(texts), strict=True):
        for said, runs in watermark_texts(text, marks):
            number = content.page.number
            builder.add_furniture(said, "watermark", page=number, box=content.area(runs))


def fill(contents: Sequence[PageContent]) -> None:
    """Make the lines of pages anew: those in each cell of their tables, those outside by columns.

    Pages without text are left as they are.
    """
    filled = [content for content in contents if content.text is not None]
    stacks = [_fill_cells(content) for content in filled]
    for content, stack, columns in zip(filled, stacks, find_columns(stacks), strict=True):
        number = content.page.number
        content.sideways = stack.text.sideways_lines(number)
        content.lines = [
            line for column, part in columns for line in stack.text.lines(part, number, column)
        ]


def _fill_cells(content: PageContent) -> Stack:
    """Make the lines in the cells of the tables of a page; return what is outside them."""
    text, grid = content.text, content.grid
    if text is None:  # pragma: no cover - the caller has left such pages out
        raise AssertionError(content.page.number)
    content.cells = []
    if not grid:
        return Stack(text, text.runs, content.page.width)
    inside: dict[int, list[Run]] = defaultdict(list)
    for run in text.in_cells(CellMap(grid).cell_at):
        inside[run.cell].append(run)
    content.cells = [
        (cell, text.lines(inside[at], content.page.number)) for at, cell in enumerate(grid)
    ]
    return Stack(text, inside[-1], content.page.width)


def write_pages(
    contents: Sequence[PageContent],
    builder: DocumentBuilder,
    limits: Limits,
    *,
    begins: Collection[int] = (),
    bookmarks: Bookmarks = _NO_BOOKMARKS,
) -> None:
    """Write the lines of all pages: furniture and footnotes apart, then paragraphs and cells.

    No paragraph or table runs on to a page of `begins`, where another document begins. Lines that
    say what a bookmark to their page says are a heading.

    Raises:
        LimitError: more blocks than `limits` allow.
    """
    body = _part_furniture(contents, builder)
    body = _part_notes(contents, body, builder)
    bodies = Bodies(body, [content.page for content in contents])
    _Writer(builder, limits, bodies, contents, bookmarks).write(begins)


def _part_furniture(contents: Sequence[PageContent], builder: DocumentBuilder) -> list[Line]:
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
    contents: Sequence[PageContent], body: Sequence[Line], builder: DocumentBuilder
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
        contents: Sequence[PageContent],
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

    def write(self, begins: Collection[int]) -> None:
        """Write all pages; a paragraph or table may run over their borders, but not to `begins`."""
        for content in self._contents:
            if content.page.number in begins:
                self._close_table()
                self._flush()
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
            raise over_limit("段落过多", "max_blocks", f"{self._limits.max_blocks} 段")
        lines = without_hyphens(lines)
        placed = [part for line in lines for part in self._contents[line.page - 1].as_shown(line)]
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
    content: PageContent,
) -> Iterator[Line | list[tuple[TableCell, list[Line]]]]:
    """Yield lines and tables from top to bottom."""
    tables = [list(group) for _, group in groupby(content.cells, key=lambda pair: pair[0].table)]
    tables.sort(key=lambda cells: cells[0][0].top)
    for line in content.lines:
        while tables and tables[0][0][0].top < line.middle:
            yield tables.pop(0)
        yield line
    yield from tables
