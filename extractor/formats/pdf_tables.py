"""What is drawn on a PDF page: pictures, and the ruling lines that make table cells."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from ctypes import byref, c_float, c_int
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import pypdfium2.raw as pdfium

from extractor.formats.pdf_characters import Geometry

# Points.
_THIN: Final = 3.0
_SNAP: Final = 3.0
_SHORTEST: Final = 6.0
_MOST_OBJECTS: Final = 50_000
_MOST_POINTS: Final = 20_000
_MOST_GRID: Final = 40_000
_COVERED: Final = 0.9

_DEEPEST_FORM: Final = 4

Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: Final[Matrix] = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
Edge = tuple[float, float, float]
"""A ruling line: its place across, its start and its end along."""


@dataclass(slots=True)
class Drawing:
    """The objects of a page: how many paths, how much is covered by pictures, the ruling lines."""

    paths: int = 0
    picture_share: float = 0.0
    upright: list[Edge] = field(default_factory=list)
    level: list[Edge] = field(default_factory=list)


def read_drawing(page: Any, geometry: Geometry) -> Drawing:
    """List what a loaded page (raw handle) draws besides text, also inside form objects.

    Of a hostile page, 50,000 objects and 20,000 points are looked at.
    """
    reader = _DrawingReader(geometry)
    reader.read(_page_objects(page), _IDENTITY, depth=0)
    width, height = geometry.size
    reader.drawing.picture_share = min(reader.area / max(width * height, 1.0), 1.0)
    return reader.drawing


def _page_objects(page: Any) -> Iterator[Any]:
    for at in range(pdfium.FPDFPage_CountObjects(page)):
        yield pdfium.FPDFPage_GetObject(page, at)


def _form_objects(form: Any) -> Iterator[Any]:
    for at in range(pdfium.FPDFFormObj_CountObjects(form)):
        yield pdfium.FPDFFormObj_GetObject(form, at)


class _DrawingReader:
    """Walks the objects of a page; form objects bring their own coordinates."""

    def __init__(self, geometry: Geometry) -> None:
        self.drawing = Drawing()
        self.area = 0.0
        self._geometry = geometry
        self._objects = 0
        self._points = 0

    def read(self, items: Iterator[Any], outer: Matrix, depth: int) -> None:
        for item in items:
            self._objects += 1
            if self._objects > _MOST_OBJECTS:
                return
            kind = pdfium.FPDFPageObj_GetType(item)
            if kind == pdfium.FPDF_PAGEOBJ_PATH:
                self.drawing.paths += 1
                self._read_path(item, outer)
            elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
                self.area += _area(item, outer)
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _DEEPEST_FORM:
                self.read(_form_objects(item), _combined(_matrix(item), outer), depth + 1)

    def _read_path(self, item: Any, outer: Matrix) -> None:
        fill, stroke = c_int(), c_int()
        pdfium.FPDFPath_GetDrawMode(item, byref(fill), byref(stroke))
        if not fill.value and not stroke.value:
            return
        for points in _subpaths(item, _combined(_matrix(item), outer)):
            self._points += len(points)
            if self._points > _MOST_POINTS:
                return
            for edge in _edges(points, stroked=bool(stroke.value)):
                x0, top, x1, bottom = self._geometry.place(*edge)
                if bottom - top > x1 - x0:
                    self.drawing.upright.append(((x0 + x1) / 2, top, bottom))
                else:
                    self.drawing.level.append(((top + bottom) / 2, x0, x1))


def _matrix(item: Any) -> Matrix:
    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(item, byref(matrix)):
        return _IDENTITY
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def _combined(inner: Matrix, outer: Matrix) -> Matrix:
    """Return the matrix that first does `inner`, then `outer` (ISO 32000-1, 8.3.4)."""
    a, b, c, d, e, f = inner
    x, y = _mapped(e, f, outer)
    oa, ob, oc, od, _, _ = outer
    return a * oa + b * oc, a * ob + b * od, c * oa + d * oc, c * ob + d * od, x, y


def _mapped(x: float, y: float, matrix: Matrix) -> tuple[float, float]:
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _area(item: Any, outer: Matrix) -> float:
    sides = [c_float() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetBounds(item, *map(byref, sides)):
        return 0.0
    left, bottom, right, top = (side.value for side in sides)
    x0, y0 = _mapped(left, bottom, outer)
    x1, y1 = _mapped(right, top, outer)
    return abs(x1 - x0) * abs(y1 - y0)


def _subpaths(item: Any, matrix: Matrix) -> Iterator[list[tuple[float, float]]]:
    """Yield the straight-lined parts of a path in page coordinates."""
    points: list[tuple[float, float]] = []
    straight = True
    x, y = c_float(), c_float()
    for at in range(min(pdfium.FPDFPath_CountSegments(item), _MOST_POINTS)):
        segment = pdfium.FPDFPath_GetPathSegment(item, at)
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            if straight and len(points) > 1:
                yield points
            points, straight = [], True
        straight = straight and kind != pdfium.FPDF_SEGMENT_BEZIERTO
        pdfium.FPDFPathSegment_GetPoint(segment, byref(x), byref(y))
        points.append(_mapped(x.value, y.value, matrix))
        if pdfium.FPDFPathSegment_GetClose(segment) and len(points) > 2:
            points.append(points[0])
    if straight and len(points) > 1:
        yield points


def _edges(
    points: Sequence[tuple[float, float]], *, stroked: bool
) -> Iterator[tuple[float, float, float, float]]:
    """Yield the level and upright sides; a thin filled bar is one side, a filled area none."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
    if min(x1 - x0, y1 - y0) <= _THIN:
        if max(x1 - x0, y1 - y0) >= _SHORTEST:
            yield x0, y0, x1, y1
        return
    for (ax, ay), (bx, by) in pairwise(points) if stroked else ():
        across, along = sorted((abs(ax - bx), abs(ay - by)))
        if across < 1 and along >= _SHORTEST:
            yield min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)


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


class Grid:
    """The table cells of one page, found from its ruling lines.

    The lines cut the page into small boxes; boxes with no line between them are one cell. A cell
    is kept when lines close it all round and it is rectangular, and a table when it has two cells.
    """

    def __init__(self, drawing: Drawing) -> None:
        """Find the cells; `cells` is empty when the lines make no table."""
        self.cells: list[TableCell] = []
        self._owner: dict[tuple[int, int], int] = {}
        self._xs = _snapped(edge[0] for edge in drawing.upright)
        self._ys = _snapped(edge[0] for edge in drawing.level)
        columns, rows = len(self._xs), len(self._ys)
        if columns >= 2 and rows >= 2 and columns * rows < _MOST_GRID:
            self._upright = _covered(drawing.upright, self._xs, self._ys)
            self._level = _covered(drawing.level, self._ys, self._xs)
            self._find()

    def cell_at(self, x: float, y: float) -> int:
        """Return the index in `cells` of the cell that holds a point; -1 for none."""
        return self._owner.get((bisect_right(self._xs, x) - 1, bisect_right(self._ys, y) - 1), -1)

    def _find(self) -> None:
        regions: dict[tuple[int, int], int] = {}
        found: list[list[tuple[int, int]]] = []
        for column in range(len(self._xs) - 1):
            for row in range(len(self._ys) - 1):
                if (column, row) not in regions:
                    boxes = self._flood((column, row), len(found), regions)
                    found.append(boxes)
        closed = {at for at, boxes in enumerate(found) if self._is_closed(boxes)}
        for group in _groups(closed, regions):
            if len(group) > 1:
                self._add_table([found[at] for at in group])

    def _flood(
        self, start: tuple[int, int], region: int, regions: dict[tuple[int, int], int]
    ) -> list[tuple[int, int]]:
        """Gather the boxes that no line parts from `start`."""
        regions[start] = region
        boxes = [start]
        for column, row in boxes:
            ways = (
                ((column - 1, row), (column, row) in self._upright),
                ((column + 1, row), (column + 1, row) in self._upright),
                ((column, row - 1), (row, column) in self._level),
                ((column, row + 1), (row + 1, column) in self._level),
            )
            for box, barred in ways:
                inside = 0 <= box[0] < len(self._xs) - 1 and 0 <= box[1] < len(self._ys) - 1
                if inside and not barred and box not in regions:
                    regions[box] = region
                    boxes.append(box)
        return boxes

    def _is_closed(self, boxes: Sequence[tuple[int, int]]) -> bool:
        left, right, top, bottom = _bounds(boxes)
        if len(boxes) != (right - left) * (bottom - top):
            return False
        sides = all(
            (column, row) in self._upright for column in (left, right) for row in range(top, bottom)
        )
        return sides and all(
            (row, column) in self._level for row in (top, bottom) for column in range(left, right)
        )

    def _add_table(self, cells: list[list[tuple[int, int]]]) -> None:
        number = self.cells[-1].table + 1 if self.cells else 0
        bounds = [_bounds(boxes) for boxes in cells]
        columns = sorted({left for left, _, _, _ in bounds})
        rows = sorted({top for _, _, top, _ in bounds})
        placed = sorted(zip(bounds, cells, strict=True), key=lambda pair: (pair[0][2], pair[0][0]))
        for (left, right, top, bottom), boxes in placed:
            self._owner.update(dict.fromkeys(boxes, len(self.cells)))
            self.cells.append(
                TableCell(
                    number,
                    rows.index(top),
                    columns.index(left),
                    self._xs[left],
                    self._ys[top],
                    self._xs[right],
                    self._ys[bottom],
                )
            )


def _bounds(boxes: Sequence[tuple[int, int]]) -> tuple[int, int, int, int]:
    columns, rows = [column for column, _ in boxes], [row for _, row in boxes]
    return min(columns), max(columns) + 1, min(rows), max(rows) + 1


def _groups(closed: set[int], regions: dict[tuple[int, int], int]) -> list[list[int]]:
    """Gather the closed regions that touch each other, in order."""
    touching: dict[int, set[int]] = defaultdict(set)
    for (column, row), region in regions.items():
        for neighbour in (regions.get((column + 1, row)), regions.get((column, row + 1))):
            if neighbour is not None and {region, neighbour} <= closed:
                touching[region].add(neighbour)
                touching[neighbour].add(region)
    groups: list[list[int]] = []
    left = set(closed)
    for region in sorted(closed):
        if region in left:
            left.discard(region)
            group = [region]
            for member in group:
                fresh = touching[member] & left
                left -= fresh
                group.extend(fresh)
            groups.append(group)
    return groups


def _snapped(places: Iterator[float]) -> list[float]:
    """Return the places in order, those within 3 points of the first of their group once."""
    kept: list[float] = []
    for place in sorted(places):
        if not kept or place - kept[-1] > _SNAP:
            kept.append(place)
    return kept


def _covered(
    edges: Sequence[Edge], across: Sequence[float], along: Sequence[float]
) -> set[tuple[int, int]]:
    """Return `(line, interval)` for each interval of `along` that the edges on a line cover."""
    covered: set[tuple[int, int]] = set()
    for line, start, end in _merged(edges, across):
        first = max(bisect_right(along, start) - 1, 0)
        for at in range(first, len(along) - 1):
            if along[at] >= end:
                break
            shared = min(end, along[at + 1]) - max(start, along[at])
            if shared >= _COVERED * (along[at + 1] - along[at]):
                covered.add((line, at))
    return covered


def _merged(edges: Sequence[Edge], across: Sequence[float]) -> Iterator[tuple[int, float, float]]:
    """Yield `(line, start, end)`, edges that touch on one line made one, ends a little longer."""
    by_line: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for place, start, end in edges:
        by_line[bisect_right(across, place) - 1].append((start - _SNAP / 2, end + _SNAP / 2))
    for line, stretches in by_line.items():
        stretches.sort()
        low, high = stretches[0]
        for start, end in stretches[1:]:
            if start > high:
                yield line, low, high
                low, high = start, end
            high = max(high, end)
        yield line, low, high
