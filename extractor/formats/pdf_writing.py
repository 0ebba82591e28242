"""From the lines and tables of pages to blocks: furniture apart, paragraphs and cells in order."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

from extractor.document import BlockKind, Box, DocumentBuilder, Page, PlacedLine
from extractor.formats.limits import Limits, over_limit
from extractor.formats.pdf_characters import Geometry, Line, PageText, Run
from extractor.formats.pdf_columns import find_columns
from extractor.formats.pdf_furniture import find_furniture
from extractor.formats.pdf_lines import Bodies, group_cell, group_paragraphs, join, measure_cell
from extractor.formats.pdf_tables import CellMap, TableCell

_STEP: Final = 0.3  # of its height: so far a line that is askew may leave its box


@dataclass(slots=True)
class PageContent:
    """What was read from one page: its lines outside tables, and its tables.

    `page` is the page as it is read. It is turned by `turn` degrees from the page as shown when
    most of the text stands sideways there, and then by `skew` radians (both clockwise, about the
    middle) when it was scanned askew; the places of its lines go back by `as_shown`.
    """

    page: Page
    geometry: Geometry
    turn: int = 0
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

        A line that is askew comes in parts, each a step lower or higher. The characters of a
        turned line share the box of the line.
        """
        parts: list[PlacedLine] = self._askew(line) if self.skew else [line]
        return [self._turned_back(part) for part in parts] if self.turn else parts

    def _turned_back(self, line: PlacedLine) -> PlacedLine:
        box = (line.left[0], line.top, line.right[-1], line.bottom)
        x0, top, x1, bottom = self.geometry.turned_box(box, -self.turn)
        count = len(line.text)
        return replace(line, top=top, bottom=bottom, left=[x0] * count, right=[x1] * count)

    def _askew(self, line: Line) -> list[PlacedLine]:
        fall = abs(math.sin(self.skew)) * (line.x1 - line.x0)
        count = len(line.text)
        steps = min(math.ceil(fall / (_STEP * (line.bottom - line.top))), count) or 1
        width, height = self.geometry.size
        sine, cosine = math.sin(self.skew), math.cos(self.skew)
        parts = []
        for at in range(steps):
            first, last = at * count // steps, (at + 1) * count // steps
            left, right = line.left[first:last], line.right[first:last]
            x, y = (left[0] + right[-1]) / 2 - width / 2, line.middle - height / 2
            fallen = height / 2 - sine * x + cosine * y - line.middle
            moved = width / 2 + cosine * x + sine * y - (x + width / 2)
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

    def fill(self, text: PageText, cells: Sequence[TableCell]) -> None:
        """Put the characters of the page into the cells of its tables, the others into lines."""
        number = self.page.number
        self.sideways = text.sideways_lines(number)
        runs = text.runs
        if cells:
            runs = text.in_cells(CellMap(cells).cell_at)
            inside: dict[int, list[Run]] = defaultdict(list)
            for run in runs:
                inside[run.cell].append(run)
            for at, cell in enumerate(cells):
                self.cells.append((cell, text.lines(inside[at], number)))
            runs = inside[-1]
        for column, part in find_columns(runs, self.page.width):
            self.lines.extend(text.lines(part, number, column))


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


def write_pages(contents: Sequence[PageContent], builder: DocumentBuilder, limits: Limits) -> None:
    """Write pages to the builder: their sizes, furniture, paragraphs and cells."""
    for content in contents:
        builder.add_page(*content.shown_size)
    body = _part_furniture(contents, builder)
    bodies = Bodies(body, [content.page for content in contents])
    _Writer(builder, limits, bodies, contents).write()


class _Writer:
    """Writes paragraphs and cells to the builder, and knows the table that may go on."""

    def __init__(
        self,
        builder: DocumentBuilder,
        limits: Limits,
        bodies: Bodies,
        contents: Sequence[PageContent],
    ) -> None:
        self._contents = contents
        self._builder = builder
        self._limits = limits
        self._bodies = bodies
        self._pending: list[Line] = []
        self._blocks = 0
        self._tables = 0
        self._open: _OpenTable | None = None

    def write(self) -> None:
        """Write all pages; a paragraph or table may run over their borders."""
        for content in self._contents:
            for item in _in_order(content):
                if isinstance(item, Line):
                    self._open = None
                    self._pending.append(item)
                else:
                    self._flush()
                    self._write_table(item)
            if content.sideways:
                self._flush()
                for line in content.sideways:
                    self._add([line], "paragraph")
        self._flush()

    def _flush(self) -> None:
        for paragraph in group_paragraphs(self._pending, self._bodies):
            self._add(paragraph, "paragraph")
        self._pending = []

    def _add(
        self, lines: Sequence[Line], kind: BlockKind, cell: tuple[int, int, int] | None = None
    ) -> None:
        self._blocks += 1
        if self._blocks > self._limits.max_blocks:
            raise over_limit("PDF 段落过多", "max_blocks", f"{self._limits.max_blocks} 段")
        placed = [part for line in lines for part in self._contents[line.page - 1].as_shown(line)]
        self._builder.add_block(join(lines), kind, page=lines[0].page, cell=cell, lines=placed)

    def _write_table(self, cells: Sequence[tuple[TableCell, list[Line]]]) -> None:
        table = self._continue_table(cells)
        skipped = table.repeated_rows(cells)
        for cell, lines in cells:
            if not lines:
                continue
            if cell.row < skipped:
                self._keep_apart(lines)
                continue
            row = table.first_row + cell.row - skipped
            body = measure_cell(lines, cell.x0, cell.x1)
            for paragraph in group_cell(lines, body):
                self._add(paragraph, "cell", (table.number, row, cell.column))
        table.close_page(cells, skipped)
        self._open = table

    def _continue_table(self, cells: Sequence[tuple[TableCell, list[Line]]]) -> _OpenTable:
        edges = _column_edges(cells)
        if self._open is not None and self._open.goes_on(edges):
            return self._open
        table = _OpenTable(self._tables, edges)
        self._tables += 1
        return table

    def _keep_apart(self, lines: Sequence[Line]) -> None:
        for line in lines:
            box = self._contents[line.page - 1].box(line)
            self._builder.add_furniture(line.text, "running_head", page=line.page, box=box)


class _OpenTable:
    """A table that may go on on the next page: same columns, nothing between."""

    def __init__(self, number: int, edges: list[float]) -> None:
        self.number = number
        self.first_row = 0
        self._edges = edges
        self._header: list[str] | None = None

    def goes_on(self, edges: Sequence[float]) -> bool:
        """Tell whether a table with these column edges can be the rest of this one."""
        return len(edges) == len(self._edges) and all(
            abs(mine - other) <= 3 for mine, other in zip(self._edges, edges, strict=True)
        )

    def repeated_rows(self, cells: Sequence[tuple[TableCell, list[Line]]]) -> int:
        """Return how many rows at the top repeat the header row: 0 or 1."""
        first = [join(lines) if lines else "" for cell, lines in cells if cell.row == 0]
        if self._header is None:
            self._header = first
            return 0
        return 1 if first == self._header and any(first) else 0

    def close_page(self, cells: Sequence[tuple[TableCell, list[Line]]], skipped: int) -> None:
        """Count the rows of this page."""
        self.first_row += max(cell.row for cell, _ in cells) + 1 - skipped


def _column_edges(cells: Sequence[tuple[TableCell, list[Line]]]) -> list[float]:
    edges: dict[int, float] = {cell.column: cell.x0 for cell, _ in cells}
    return [edges[column] for column in sorted(edges)]


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
