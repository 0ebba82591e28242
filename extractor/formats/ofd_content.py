"""What an OFD page shows: its text, pictures and ruling lines, with their places in points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from extractor.formats.ofd_package import (
    PageBox,
    box_of,
    child,
    local_name,
    number,
    numbers,
    text_of,
)
from extractor.formats.ofd_text import Glyphs, has_bare_glyphs, read_text_object
from extractor.formats.pdf_characters import Geometry
from extractor.formats.pdf_drawing import Drawing, Matrix, combined, mapped, straight_sides

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

POINTS: Final = 72 / 25.4
"""Points in a millimetre."""
_A4: Final[PageBox] = (0.0, 0.0, 210.0, 297.0)
_GROUPS: Final = frozenset({"Content", "Layer", "PageBlock", "Appearance", "Annot", "PageAnnot"})
_DRAWN: Final = frozenset({"TextObject", "PathObject", "ImageObject"})
_MOST_OBJECTS: Final = 100_000
_MOST_POINTS: Final = 20_000
_DEEPEST_UNIT: Final = 6
_VALUES: Final = {"M": 2, "S": 2, "L": 2, "Q": 4, "B": 6, "A": 7, "C": 0}
_CURVES: Final = frozenset("QBA")
_CHORDS: Final = 12

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Item:
    """A text, path or image object, and the matrix that leads from it to the page in points."""

    kind: str
    element: Element
    matrix: Matrix


@dataclass(slots=True)
class Content:
    """What was read of one page or template.

    `bare` counts text objects with glyphs but no characters, `hidden` invisible objects;
    `is_cut` tells that there were more than 100,000 objects, or a unit that is missing or contains
    itself.
    """

    texts: list[Glyphs] = field(default_factory=list)
    drawing: Drawing = field(default_factory=Drawing)
    bare: int = 0
    hidden: int = 0
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    """The size of a page in points, and the matrix from its millimetres to its points."""

    width: float
    height: float
    matrix: Matrix

    @property
    def geometry(self) -> Geometry:
        """The page as PDF has it: origin bottom left."""
        return Geometry(0.0, 0.0, self.width, self.height, 0)


def paper_of(box: PageBox | None) -> Paper:
    """Return the paper of a physical box in millimetres; A4 for None."""
    x, y, width, height = box or _A4
    matrix = (POINTS, 0.0, 0.0, POINTS, -x * POINTS, -y * POINTS)
    return Paper(width * POINTS, height * POINTS, matrix)


class ContentReader:
    """Reads page contents; `units` are the composite graphics of the document, by ID."""

    def __init__(self, units: Mapping[str, Element]) -> None:
        """Begin a document."""
        self._units = units

    def read(self, root: Element, paper: Paper) -> Content:
        """Read the content below `root` as it stands on this paper."""
        content = Content()
        area, points = 0.0, 0
        for item in self.items(root, paper.matrix, content):
            if item.kind == "TextObject":
                content.texts.extend(read_text_object(item.element, item.matrix))
                content.bare += has_bare_glyphs(item.element)
            elif item.kind == "ImageObject":
                area += _shown_area(item, paper)
            elif not content.drawing.is_crowded:
                points += _add_rules(item, content.drawing)
                content.drawing.is_crowded = points > _MOST_POINTS
        content.drawing.picture_share = min(area / (paper.width * paper.height), 1.0)
        return content

    def items(self, root: Element, matrix: Matrix, content: Content) -> Iterator[Item]:
        """Yield the visible objects below `root` in the order in which they are painted."""
        stack: list[tuple[Element, Matrix, frozenset[str]]] = [(root, matrix, frozenset())]
        seen = 0
        while stack:
            element, outer, inside = stack.pop()
            seen += 1
            if seen > _MOST_OBJECTS:
                content.is_cut = True
                return
            kind = local_name(element)
            if element.get("Visible", "").lower() in ("false", "0"):
                content.hidden += 1
            elif kind in _DRAWN:
                yield Item(kind, element, placed(element, outer))
            elif kind == "CompositeObject":
                resource = element.get("ResourceID", "")
                unit = self._units.get(resource)
                if unit is None or resource in inside or len(inside) >= _DEEPEST_UNIT:
                    content.is_cut = True
                else:
                    inner = placed(element, outer)
                    within = inside | {resource}
                    stack.extend((part, inner, within) for part in reversed(list(unit)))
            elif kind in _GROUPS or element is root:
                inner = placed(element, outer) if kind == "Appearance" else outer
                stack.extend((part, inner, inside) for part in reversed(list(element)))


def placed(element: Element, outer: Matrix) -> Matrix:
    """Return the matrix from an object to the page: its CTM, then the corner of its boundary."""
    ctm = numbers(element.get("CTM"))
    a, b, c, d, e, f = ctm[:6] if len(ctm) >= 6 else (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    box = box_of(numbers(element.get("Boundary"))) or (0.0, 0.0, 0.0, 0.0)
    return combined((a, b, c, d, e + box[0], f + box[1]), outer)


def picture_box(item: Item) -> tuple[float, float, float, float]:
    """Return where a picture stands: the unit square by its CTM, without one its boundary."""
    if len(numbers(item.element.get("CTM"))) >= 6:
        width = height = 1.0
    else:
        _, _, width, height = box_of(numbers(item.element.get("Boundary"))) or (0.0,) * 4
    corners = [mapped(x, y, item.matrix) for x in (0.0, width) for y in (0.0, height)]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


def _shown_area(picture: Item, paper: Paper) -> float:
    x0, top, x1, bottom = picture_box(picture)
    width = min(x1, paper.width) - max(x0, 0.0)
    return max(width, 0.0) * max(min(bottom, paper.height) - max(top, 0.0), 0.0)


def is_drawn(element: Element) -> tuple[bool, bool]:
    """Tell whether a path is stroked (it is unless it says no) and whether it is filled."""
    stroke = element.get("Stroke", "true").lower() not in ("false", "0")
    fill = element.get("Fill", "false").lower() in ("true", "1")
    return stroke, fill


def _add_rules(item: Item, drawing: Drawing) -> int:
    """Add the straight sides of a path to the drawing; return how many points it has."""
    stroke, fill = is_drawn(item.element)
    if not stroke and not fill:
        return 0
    drawing.paths += 1
    seen = 0
    for points, is_straight in subpaths(item):
        seen += len(points) if is_straight else len(points) // _CHORDS + 1
        if not is_straight or len(points) < 2:
            continue
        for x0, top, x1, bottom in straight_sides(points, stroked=stroke):
            if bottom - top > x1 - x0:
                drawing.upright.append(((x0 + x1) / 2, top, bottom))
            else:
                drawing.level.append(((top + bottom) / 2, x0, x1))
    return seen


def subpaths(item: Item) -> Iterator[tuple[list[Point], bool]]:
    """Yield the parts of a path: their points on the page, and whether all sides are straight.

    Curves are cut into a few chords; of an arc only the chord is given.
    """
    words = text_of(child(item.element, "AbbreviatedData")).replace(",", " ").split()
    points: list[Point] = []
    straight = True
    at = 0
    while at < min(len(words), 4 * _MOST_POINTS):
        command = words[at]
        count = _VALUES.get(command)
        at += 1
        if count is None:
            continue
        if command in "MS" and points:
            yield points, straight
            points, straight = [], True
        if command == "C":
            points.extend(points[:1])
            continue
        values = [number(word) for word in words[at : at + count]]
        at += count
        if command == "A":
            values = values[5:]
        ends = [mapped(x, y, item.matrix) for x, y in zip(values[::2], values[1::2], strict=False)]
        straight = straight and command not in _CURVES
        points.extend(_chords(points[-1], ends) if len(ends) > 1 and points else ends)
    if points:
        yield points, straight


def _chords(start: Point, ends: Sequence[Point]) -> Iterator[Point]:
    """Yield points on the Bézier curve from `start` with these control points, its end last."""
    for step in range(1, _CHORDS + 1):
        share = step / _CHORDS
        level = [start, *ends]
        while len(level) > 1:
            level = [
                (ax + share * (bx - ax), ay + share * (by - ay))
                for (ax, ay), (bx, by) in pairwise(level)
            ]
        yield level[0]
