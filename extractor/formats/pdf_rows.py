"""The rows of a PDF table that runs over pages: repeated heads, rows that a page break parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from extractor.formats.pdf_characters import Line
from extractor.formats.pdf_lines import ends_sentence, fills, join, measure_cell
from extractor.formats.pdf_tables import TableCell

Cells = Sequence[tuple[TableCell, list[Line]]]
"""Cells row by row, each with its lines."""

_SAME_EDGE: Final = 3.0  # points
_DEEPEST_HEAD: Final = 4  # rows


class OpenTable:
    """A table that may go on on the next page: same columns, nothing between.

    Its last row is held back, since the next page may bring the rest of it.
    """

    def __init__(self, number: int, edges: list[float]) -> None:
        """Begin table `number` of the document; `edges` are those of its columns."""
        self.number = number
        self._edges = edges
        self._rows = 0
        self._head: list[list[str]] | None = None
        self._last: dict[int, tuple[TableCell, list[Line]]] = {}

    def goes_on(self, edges: Sequence[float]) -> bool:
        """Tell whether a table with these column edges can be the rest of this one."""
        return len(edges) == len(self._edges) and all(
            abs(mine - other) <= _SAME_EDGE for mine, other in zip(self._edges, edges, strict=True)
        )

    def repeated_rows(self, cells: Cells) -> int:
        """Return how many rows at the top of this part repeat the head of the table.

        The first part of the table says how many rows its head has.
        """
        if self._head is None:
            self._head = _top_rows(cells, _head_depth(cells))
            return 0
        depth = len(self._head)
        again = _top_rows(cells, depth)
        return depth if again == self._head and any(any(row) for row in again) else 0

    def begin_row(self, cells: Cells) -> None:
        """Hold a new row; the row before it must have been taken."""
        self._last = {cell.column: (cell, list(lines)) for cell, lines in cells}
        self._rows += 1

    def goes_on_in(self, cells: Cells) -> bool:
        """Tell whether the first row of a page is the rest of the row that is held.

        A page break leaves the short cells of a row behind: they are empty here, and each cell
        that is not goes on a text whose last line was full.
        """
        if not cells or not self._last or not self._rows:
            return False
        given = {cell.column for cell, _ in cells}
        if not given < set(self._last) or cells[0][1][0].page == self._last_page():
            return False
        return all(self._is_broken_off(cell.column, lines) for cell, lines in cells)

    def extend_last_row(self, cells: Cells) -> None:
        """Add the rest of the row that is held."""
        for cell, lines in cells:
            self._last[cell.column][1].extend(lines)

    def take_last_row(self) -> Iterator[tuple[int, TableCell, list[Line]]]:
        """Yield `(row, cell, lines)` of the row that is held, and hold none."""
        for cell, lines in self._last.values():
            yield self._rows - 1, cell, lines
        self._last = {}

    def _last_page(self) -> int:
        return max(lines[-1].page for _, lines in self._last.values())

    def _is_broken_off(self, column: int, rest: Sequence[Line]) -> bool:
        cell, lines = self._last[column]
        last = lines[-1]
        body = measure_cell([*lines, *rest], cell.x0, cell.x1)
        room = body.width - (last.x1 - last.x0)
        return fills(room, rest[0], body.em, ended=ends_sentence(last.text))


def column_edges(cells: Cells) -> list[float]:
    """Return the left edges of the columns."""
    edges: dict[int, float] = {cell.column: cell.x0 for cell, _ in cells}
    return [edges[column] for column in sorted(edges)]


def _top_rows(cells: Cells, depth: int) -> list[list[str]]:
    rows = [
        [join(lines) if lines else "" for _, lines in group]
        for row, group in groupby(cells, key=lambda pair: pair[0].row)
        if row < depth
    ]
    return rows[:depth]


def _head_depth(cells: Cells) -> int:
    """Return how many rows the head has: a cell of the first row may reach down several."""
    first = [cell for cell, _ in cells if cell.row == 0]
    lowest = max((cell.bottom for cell in first), default=0.0)
    below = {cell.row for cell, _ in cells if cell.row and cell.top < lowest - _SAME_EDGE}
    depth = 1 + len(below)
    return depth if depth <= _DEEPEST_HEAD else 1
