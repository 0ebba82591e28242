"""What is drawn on a PDF page: pictures, and the ruling lines that may make tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ctypes import byref, c_float, c_int
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import pypdfium2.raw as pdfium

from extractor.formats.pdf_characters import Geometry

# Points.
_THIN: Final = 3.0
_SHORTEST: Final = 6.0
# Counts.
_FEWEST_EDGES: Final = 5  # two cells side by side
_MOST_OBJECTS: Final = 50_000
_MOST_POINTS: Final = 20_000
_DEEPEST_FORM: Final = 4

Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: Final[Matrix] = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
Edge = tuple[float, float, float]
"""A ruling line: its place across, its start and its end along."""


@dataclass(slots=True)
class Drawing:
    """The objects of a page: how many paths, how much is covered by pictures, the ruling lines.

    `is_crowded` tells that there was more than is looked at: the ruling lines are not all here.
    """

    paths: int = 0
    picture_share: float = 0.0
    upright: list[Edge] = field(default_factory=list)
    level: list[Edge] = field(default_factory=list)
    is_crowded: bool = False

    @property
    def is_ruled(self) -> bool:
        """Tell whether the ruling lines are enough for a table: those of two cells."""
        fewer, more = sorted((len(self.upright), len(self.level)))
        return fewer >= 2 and fewer + more >= _FEWEST_EDGES


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
                self.drawing.is_crowded = True
                return
            kind = pdfium.FPDFPageObj_GetType(item)
            if kind == pdfium.FPDF_PAGEOBJ_PATH:
                self.drawing.paths += 1
                self._read_path(item, outer)
            elif kind == pdfium.FPDF_PAGEOBJ_IMAGE:
                self.area += _area(item, outer)
            elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _DEEPEST_FORM:
                self.read(_form_objects(item), combined(_matrix(item), outer), depth + 1)

    def _read_path(self, item: Any, outer: Matrix) -> None:
        fill, stroke = c_int(), c_int()
        pdfium.FPDFPath_GetDrawMode(item, byref(fill), byref(stroke))
        if not fill.value and not stroke.value:
            return
        for points in _subpaths(item, combined(_matrix(item), outer)):
            self._points += len(points)
            if self._points > _MOST_POINTS:
                self.drawing.is_crowded = True
                return
            for edge in straight_sides(points, stroked=bool(stroke.value)):
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


def combined(inner: Matrix, outer: Matrix) -> Matrix:
    """Return the matrix that first does `inner`, then `outer` (ISO 32000-1, 8.3.4)."""
    a, b, c, d, e, f = inner
    x, y = mapped(e, f, outer)
    oa, ob, oc, od, _, _ = outer
    return a * oa + b * oc, a * ob + b * od, c * oa + d * oc, c * ob + d * od, x, y


def mapped(x: float, y: float, matrix: Matrix) -> tuple[float, float]:
    """Return where the matrix puts a point."""
    a, b, c, d, e, f = matrix
    return a * x + c * y + e, b * x + d * y + f


def _area(item: Any, outer: Matrix) -> float:
    sides = [c_float() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetBounds(item, *map(byref, sides)):
        return 0.0
    left, bottom, right, top = (side.value for side in sides)
    x0, y0 = mapped(left, bottom, outer)
    x1, y1 = mapped(right, top, outer)
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
        points.append(mapped(x.value, y.value, matrix))
        if pdfium.FPDFPathSegment_GetClose(segment) and len(points) > 2:
            points.append(points[0])
    if straight and len(points) > 1:
        yield points


def straight_sides(
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
