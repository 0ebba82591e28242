"""The table cells of a PDF page: pdfplumber finds them between the ruling lines of the page.

The lines are those that pdfium read. The reader that pdfplumber has of its own takes ten times as
long, and it gives up nearly every second of the damaged files that pdfium repairs.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pypdfium2

from extractor.formats.pdf_drawing import Drawing

if TYPE_CHECKING:
    from pdfplumber.page import Page

_SNAP: Final = 3  # points
# What pdfplumber may be given: its work grows with the pairs of lines and the crossings squared.
_MOST_PAIRS: Final = 250_000
_MOST_CROSSINGS: Final = 2_000
_MOST_IDLE_CROSSINGS: Final = 50_000  # in one document, crossings beyond one for each cell


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell: its table on the page, its place in it, its box."""

    table: int
    row: int
    column: int
    x0: float
    top: float
    x1: float
    bottom: float

    @property
    def area(self) -> float:
        """Size in square points."""
        return (self.x1 - self.x0) * (self.bottom - self.top)


class RuledTables:
    """The ruled tables of one PDF; pdfplumber is loaded for the first page that may have some."""

    def __init__(self) -> None:
        """Begin a document."""
        self._sheet: Page | None = None
        self._idle = 0

    def find(self, drawing: Drawing) -> list[TableCell] | None:
        """Return the cells of a page, row by row; [] where its lines make no table.

        A merged cell comes once, at its upper left place. None says that the lines are too many,
        or that pdfplumber fails on them.
        """
        if drawing.is_crowded:
            return None
        if not drawing.is_ruled:
            return []
        try:
            return self._find(drawing)
        except Exception:  # the text of the page can be read all the same
            return None

    def _find(self, drawing: Drawing) -> list[TableCell] | None:
        from pdfplumber.table import edges_to_intersections, merge_edges

        lines = merge_edges(list(_as_objects(drawing)), _SNAP, _SNAP, _SNAP, _SNAP)
        upright = [line for line in lines if line["orientation"] == "v"]
        level = [line for line in lines if line["orientation"] == "h"]
        if min(len(upright), len(level)) < 2:
            return []
        if len(upright) * len(level) > _MOST_PAIRS:
            return None
        crossings = len(edges_to_intersections(lines, _SNAP, _SNAP))
        if crossings > _MOST_CROSSINGS or self._idle > _MOST_IDLE_CROSSINGS:
            return None
        self._sheet = self._sheet or _blank_sheet()
        tables = self._sheet.find_tables(
            {
                "vertical_strategy": "explicit",
                "horizontal_strategy": "explicit",
                "explicit_vertical_lines": upright,
                "explicit_horizontal_lines": level,
                "snap_tolerance": _SNAP,
                "join_tolerance": _SNAP,
                "intersection_tolerance": _SNAP,
            }
        )
        cells = [
            TableCell(at, row, column, *box)
            for at, table in enumerate(tables)
            for row, boxes in enumerate(table.rows)
            for column, box in enumerate(boxes.cells)
            if box is not None
        ]
        self._idle += crossings - len(cells)
        return cells


def _blank_sheet() -> Page:
    """Return an empty page for the lines to be laid on."""
    import pdfplumber

    buffer = io.BytesIO()
    with closing(pypdfium2.PdfDocument.new()) as document:
        document.new_page(595, 842).close()
        document.save(buffer)
    return pdfplumber.open(buffer).pages[0]


def _as_objects(drawing: Drawing) -> Iterator[dict[str, Any]]:
    """Yield the ruling lines as pdfplumber writes them."""
    for x, top, bottom in drawing.upright:
        box = {"x0": x, "x1": x, "top": top, "bottom": bottom}
        yield {**box, "width": 0.0, "height": bottom - top, **_UPRIGHT}
    for y, x0, x1 in drawing.level:
        box = {"x0": x0, "x1": x1, "top": y, "bottom": y}
        yield {**box, "width": x1 - x0, "height": 0.0, **_LEVEL}


_UPRIGHT: Final = {"object_type": "line_edge", "orientation": "v"}
_LEVEL: Final = {"object_type": "line_edge", "orientation": "h"}


class CellMap:
    """Tells which cell holds a point; of cells in cells the smallest."""

    def __init__(self, cells: Sequence[TableCell]) -> None:
        """Part the page at the edges of all cells."""
        self._xs = sorted({x for cell in cells for x in (cell.x0, cell.x1)})
        self._ys = sorted({y for cell in cells for y in (cell.top, cell.bottom)})
        self._owner: dict[tuple[int, int], int] = {}
        for at in sorted(range(len(cells)), key=lambda at: -cells[at].area):
            cell = cells[at]
            for column in range(self._xs.index(cell.x0), self._xs.index(cell.x1)):
                for row in range(self._ys.index(cell.top), self._ys.index(cell.bottom)):
                    self._owner[column, row] = at

    def cell_at(self, x: float, y: float) -> int:
        """Return the index of the cell that holds a point; -1 for none."""
        return self._owner.get((bisect_right(self._xs, x) - 1, bisect_right(self._ys, y) - 1), -1)
