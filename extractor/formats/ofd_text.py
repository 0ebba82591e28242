"""A text object of an OFD page (GB/T 33190-2016, chapter 11): each character with its place."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice, pairwise, repeat
from typing import TYPE_CHECKING, Final

from extractor.formats.ofd_colour import has_pale_text
from extractor.formats.ofd_package import child, children, number, text_of
from extractor.formats.pdf_characters import FIRST_WIDE, repaired
from extractor.formats.pdf_drawing import Matrix

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# Shares of the size of the font: the box of a character above and below its base line.
ASCENT: Final = 0.9
DESCENT: Final = 0.2
_USUAL_SIZE: Final = 4.2333  # millimetres: 12 points
_LONGEST_COUNT: Final = 10  # digits

Quad = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of one TextCode: boxes `(x0, top, x1, bottom)` in points, y downwards.

    `angle` is clockwise, in radians. `origins` are the points on the base line. `is_upright`
    tells that the characters stand upright below each other, `is_pale` that their colour
    is light or transparent.
    """

    text: str
    boxes: list[Quad]
    origins: list[tuple[float, float]]
    size: float
    angle: float
    is_upright: bool
    is_pale: bool


def read_text_object(element: Element, matrix: Matrix) -> Iterator[Glyphs]:
    """Yield what each TextCode of a text object prints; `matrix` leads from it to the page.

    Where X or Y is missing, that of the TextCode before counts.
    """
    size = abs(number(element.get("Size"), _USUAL_SIZE)) or _USUAL_SIZE
    scale = number(element.get("HScale"), 1.0) or 1.0
    turned = round(number(element.get("CharDirection")) / 90) % 4
    downwards = round(number(element.get("ReadDirection")) / 90) % 4
    is_pale = has_pale_text(element)
    x = y = 0.0
    for code in children(element, "TextCode"):
        x, y = number(code.get("X"), x), number(code.get("Y"), y)
        text = _printed(code.text or "")
        if not text:
            continue
        widths = [size * _width(char) * scale for char in text]
        across, down = _steps(code, len(text), widths, downwards)
        origins = list(_walk(x, y, across, down))
        if not turned:
            widths = _fitted(widths, across, size * scale)
        turn = _turned_by(matrix, turned, origins)
        boxes, points = _placed(origins, widths, size, turn)
        height = size * turn.stretch
        yield Glyphs(text, boxes, points, height, turn.angle, turn.is_upright, is_pale)


def has_bare_glyphs(element: Element) -> bool:
    """Tell a text object that draws glyphs of a font without saying which characters they are."""
    if child(element, "CGTransform") is None:
        return False
    return not "".join(text_of(code) for code in children(element, "TextCode"))


def deltas(text: str | None) -> Iterator[float]:
    """Yield the steps of a DeltaX or DeltaY; `g 3 5.2` means 5.2 three times."""
    words = iter((text or "").replace(",", " ").split())
    for word in words:
        if word in ("g", "G"):
            count, step = next(words, ""), next(words, None)
            times = int(count) if count.isdecimal() and len(count) < _LONGEST_COUNT else 0
            yield from repeat(number(step), times)
        else:
            yield number(word)


def _printed(text: str) -> str:
    """Drop the line breaks that pretty printing puts in; spaces count as characters."""
    if "\n" in text or "\r" in text:
        text = "".join(part.strip(" \t") for part in text.splitlines())
    return repaired(text).replace("\r", "")


@lru_cache(4096)
def _width(char: str) -> float:
    """Return the usual width of a character as a share of the size."""
    if char >= FIRST_WIDE or unicodedata.east_asian_width(char) in "WFA":
        return 0.5 if "\uff61" <= char <= "\uffdc" else 1.0
    return 0.5


def _steps(
    code: Element, count: int, widths: list[float], downwards: int
) -> tuple[list[float], list[float]]:
    """Return the steps from each character to the next.

    A list that is too short goes on with its last step. Without any step, the characters stand
    as closely as their widths say, in the direction of reading.
    """
    across, down = code.get("DeltaX"), code.get("DeltaY")
    wanted = max(count - 1, 0)
    if across is None and down is None:
        sign = -1.0 if downwards >= 2 else 1.0
        natural = [sign * width for width in widths[:wanted]]
        flat = [0.0] * wanted
        return (flat, natural) if downwards % 2 else (natural, flat)
    return _filled(across, wanted), _filled(down, wanted)


def _filled(text: str | None, wanted: int) -> list[float]:
    steps = list(islice(deltas(text), wanted))
    last = steps[-1] if steps else 0.0
    return steps + [last] * (wanted - len(steps))


def _walk(
    x: float, y: float, across: list[float], down: list[float]
) -> Iterator[tuple[float, float]]:
    yield x, y
    for step_x, step_y in zip(across, down, strict=True):
        x += step_x
        y += step_y
        yield x, y


def _fitted(widths: list[float], across: list[float], em: float) -> list[float]:
    """Let a character end where the next begins, unless a gap or a jump follows it.

    How wide a Latin letter is only its font knows: it may fill up to an em.
    """
    return [
        step if 0.25 * width < step < max(width, em) else width
        for width, step in zip(widths, chain(across, [0.0]), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Turn:
    """How characters stand on the page: the matrix, quarter turns of each, upright or not."""

    matrix: Matrix
    turned: int
    angle: float
    is_upright: bool

    @property
    def stretch(self) -> float:
        """How much the matrix stretches the height of a character."""
        _, _, c, d, _, _ = self.matrix
        return abs(d or c)


def _turned_by(matrix: Matrix, turned: int, origins: list[tuple[float, float]]) -> _Turn:
    a, b, _, _, _, _ = matrix
    angle = math.atan2(b, a) + turned * math.pi / 2
    is_upright = False
    if len(origins) > 1 and not turned:
        far_x = sum(abs(x1 - x0) for (x0, _), (x1, _) in pairwise(origins))
        far_y = sum(abs(y1 - y0) for (_, y0), (_, y1) in pairwise(origins))
        is_upright = far_y > 0 and far_x < 0.3 * far_y
    return _Turn(matrix, turned, angle, is_upright)


def _placed(
    origins: list[tuple[float, float]], widths: list[float], size: float, turn: _Turn
) -> tuple[list[Quad], list[tuple[float, float]]]:
    """Return the boxes of the characters, and the points on their base line, on the page."""
    a, b, c, d, e, f = turn.matrix
    level = not turn.turned and abs(b) < 1e-9 and abs(c) < 1e-9 and a > 0 and d > 0
    boxes: list[Quad] = []
    points: list[tuple[float, float]] = []
    above, below = size * ASCENT, size * DESCENT
    for (x, y), width in zip(origins, widths, strict=True):
        points.append((a * x + c * y + e, b * x + d * y + f))
        if level:
            left = a * x + e
            boxes.append((left, d * (y - above) + f, left + a * width, d * (y + below) + f))
        else:
            boxes.append(_box(_corners(x, y, width, (above, below), turn.turned), turn.matrix))
    return boxes, points


def _corners(
    x: float, y: float, width: float, height: tuple[float, float], turned: int
) -> Iterator[tuple[float, float]]:
    """Yield two opposite corners of a character that is turned about its origin, clockwise."""
    above, below = height
    for across, down in ((0.0, -above), (width, -above), (0.0, below), (width, below)):
        for _ in range(turned):
            across, down = -down, across
        yield x + across, y + down


def _box(corners: Iterator[tuple[float, float]], matrix: Matrix) -> Quad:
    a, b, c, d, e, f = matrix
    points = [(a * x + c * y + e, b * x + d * y + f) for x, y in corners]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)
