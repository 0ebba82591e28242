"""The characters of a PDF page with their places, gathered into printed lines."""

from __future__ import annotations

import math
import operator
import re
import unicodedata
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import pypdfium2.raw as pdfium

from extractor.document import PlacedLine

_RUN = re.compile(r"[^\r\n]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SEPARATOR: Final = "\r"
FIRST_WIDE: Final = "\u2e80"
# Gaps and heights as shares of the height of a line or the width of a wide character.
_WIDE_GAP: Final = 0.8
_NARROW_GAP: Final = 0.15
_COLUMN_GAP: Final = 1.5
_TALL: Final = 1.7
_SKEW: Final = math.radians(5)

# Fonts that share a glyph between an ideograph and its radical give the radical back: ⺠ for 民.
# The pairs are those of the Unicode file EquivalentUnifiedIdeograph.txt in which both look alike
# and that have no compatibility mapping of their own.
_RADICALS: Final = dict(
    zip(
        "⺝⺟⺠⺩⻁⻄⻅⻆⻉⻋⻑⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻬⻮⻰⻳",
        "月母民王虎西见角贝车長长门青韦页风飞食马骨鬼鱼鸟卤麦黄齐齿龙龟",
        strict=True,
    )
)


@dataclass(frozen=True, slots=True)
class Line(PlacedLine):
    """A printed line; `em` is the width of its wide characters, None when it has none.

    `column` tells the columns of a page apart: 0 for full width, 1 for left, 2 for right.
    """

    em: float | None = None
    column: int = 0

    @property
    def x0(self) -> float:
        """Left edge of the first character."""
        return self.left[0]

    @property
    def x1(self) -> float:
        """Right edge of the last character."""
        return self.right[-1]

    @property
    def middle(self) -> float:
        """Height of the line's middle on the page."""
        return (self.top + self.bottom) / 2


@dataclass(frozen=True, slots=True)
class Geometry:
    """From the coordinates of a page (origin bottom left, before rotation) to those of its image.

    The image is what a viewer shows: cropped, rotated, origin top left, points.
    """

    left: float
    bottom: float
    right: float
    top: float
    rotation: int

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the page as shown."""
        width, height = self.right - self.left, self.top - self.bottom
        return (height, width) if self.rotation in (90, 270) else (width, height)

    def place(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, ...]:
        """Return `(x0, top, x1, bottom)` as shown for a box of the page."""
        if self.rotation == 90:
            return y0 - self.bottom, x0 - self.left, y1 - self.bottom, x1 - self.left
        if self.rotation == 180:
            return self.right - x1, y0 - self.bottom, self.right - x0, y1 - self.bottom
        if self.rotation == 270:
            return self.top - y1, self.right - x1, self.top - y0, self.right - x0
        return x0 - self.left, self.top - y1, x1 - self.left, self.top - y0

    def turned(self, degrees: int) -> Geometry:
        """Return how the page looks after turning it clockwise by a multiple of 90 degrees."""
        rotation = (self.rotation + degrees) % 360
        return Geometry(self.left, self.bottom, self.right, self.top, rotation)

    def turned_box(self, box: tuple[float, ...], degrees: int) -> tuple[float, ...]:
        """Return where a box of the page as shown stands after turning the page clockwise."""
        width, height = self.size
        shown = Geometry(0.0, 0.0, width, height, degrees % 360)
        x0, top, x1, bottom = box
        return shown.place(x0, height - bottom, x1, height - top)


@dataclass(frozen=True, slots=True)
class Run:
    """Characters `[start, end)` of a page that stand in one row; `cell` is their table cell."""

    start: int
    end: int
    x0: float
    top: float
    x1: float
    bottom: float
    cell: int = -1

    @property
    def middle(self) -> float:
        """Height of the run's middle on the page."""
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        """Height of the run in points."""
        return self.bottom - self.top

    def is_within(self, width: float, height: float) -> bool:
        """Tell whether a page of this size shows at least a part of the run."""
        return self.x1 > 0 and self.x0 < width and self.bottom > 0 and self.top < height


class PageText:
    """All characters of one page: `text[i]` stands at `left[i]`, `top[i]`, `right[i]`, `bottom[i]`.

    Spaces and line breaks that pdfium made up have no width.
    """

    def __init__(self, page: Any, geometry: Geometry) -> None:
        """Read the text of a loaded page; `page` is the raw handle."""
        handle = pdfium.FPDFText_LoadPage(page)
        try:
            count = max(pdfium.FPDFText_CountChars(handle), 0)
            get_code, get_box = pdfium.FPDFText_GetUnicode, pdfium.FPDFText_GetLooseCharBox
            boxes = (pdfium.FS_RECTF * count)()
            codes = [get_code(handle, at) for at in range(count)]
            for at in range(count):
                get_box(handle, at, boxes[at])
            self.text = _repaired("".join(map(chr, codes)))
            self._place(boxes, geometry)
            self._split_runs(handle, geometry)
        finally:
            pdfium.FPDFText_ClosePage(handle)

    def _place(self, boxes: Any, geometry: Geometry) -> None:
        edges = array("f")
        edges.frombytes(bytes(boxes))
        if not math.isfinite(sum(edges)):
            edges = array("f", [edge if math.isfinite(edge) else 0.0 for edge in edges])
        left, top, right, bottom = (edges[at::4] for at in range(4))
        if geometry.rotation:
            placed = [
                geometry.place(*box) for box in zip(left, bottom, right, top, strict=True)
            ] or [(0.0, 0.0, 0.0, 0.0)]
            left, top, right, bottom = (array("f", side) for side in zip(*placed, strict=True))
        else:
            if geometry.left:
                left = array("f", [x - geometry.left for x in left])
                right = array("f", [x - geometry.left for x in right])
            top = array("f", [geometry.top - y for y in top])
            bottom = array("f", [geometry.top - y for y in bottom])
        self.left, self.top, self.right, self.bottom = left, top, right, bottom

    def _split_runs(self, handle: Any, geometry: Geometry) -> None:
        """Part the level runs that the page shows from those that stand at another angle.

        pdfium gives the angle clockwise in the page before its rotation. What lies outside the
        page as shown (printers' marks, cropped margins) is left out.
        """
        self.runs: list[Run] = []
        self.sideways: list[Run] = []
        self.angles: dict[int, float] = {}
        width, height = geometry.size
        for match in _RUN.finditer(self.text):
            start, end = self._strip(*match.span())
            if start >= end:
                continue
            angle = pdfium.FPDFText_GetCharAngle(handle, start) + math.radians(geometry.rotation)
            if abs(math.remainder(angle, math.tau)) > _SKEW:
                self.angles[start] = angle
                self.sideways.append(self._run(start, end))
                continue
            for row in self._rows(start, end):
                for part in self._parted(*row):
                    self.runs.extend(self._cut(*part, -1))
        self.runs = [run for run in self.runs if run.is_within(width, height)]
        self.sideways = [run for run in self.sideways if run.is_within(width, height)]

    def _run(self, start: int, end: int, cell: int = -1) -> Run:
        return Run(
            start,
            end,
            min(self.left[start:end]),
            min(self.top[start:end]),
            max(self.right[start:end]),
            max(self.bottom[start:end]),
            cell,
        )

    def _strip(self, start: int, end: int) -> tuple[int, int]:
        while start < end and self.text[start].isspace():
            start += 1
        while start < end and self.text[end - 1].isspace():
            end -= 1
        return start, end

    def _rows(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Cut a run where pdfium missed a line break: the next character is above or below."""
        top, bottom = self.top[start:end], self.bottom[start:end]
        tallest = max(map(operator.sub, bottom, top))
        if max(bottom) - min(top) <= 1.6 * tallest:
            yield start, end
            return
        first = before = start
        for at in range(start + 1, end):
            if self.left[at] == self.right[at]:
                continue
            if self.top[at] >= self.bottom[before] or self.bottom[at] <= self.top[before]:
                yield first, at
                first = at
            before = at
        yield first, end

    def _parted(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Cut a row at gaps so wide that another column may begin there."""
        at = self.text.find(" ", start, end)
        while at >= 0:
            before, after = self._strip(start, at)[1] - 1, at + 1
            while after < end and self.text[after] == " ":
                after += 1
            wide = _COLUMN_GAP * (self.bottom[before] - self.top[before])
            if before >= start and after < end and self.left[after] - self.right[before] > wide:
                yield start, at
                start = after
            at = self.text.find(" ", after, end)
        yield start, end

    def in_cells(self, cell_at: Callable[[float, float], int]) -> list[Run]:
        """Cut the runs where they pass from one table cell to another; -1 is outside."""
        runs: list[Run] = []
        for run in self.runs:
            first, current = run.start, -1
            for at in range(run.start, run.end):
                if self.left[at] == self.right[at]:
                    continue
                x = (self.left[at] + self.right[at]) / 2
                cell = cell_at(x, (self.top[at] + self.bottom[at]) / 2)
                if cell != current:
                    runs.extend(self._cut(first, at, current))
                    first, current = at, cell
            runs.extend(self._cut(first, run.end, current))
        return runs

    def _cut(self, start: int, end: int, cell: int) -> list[Run]:
        start, end = self._strip(start, end)
        return [self._run(start, end, cell)] if start < end else []

    def turn(self) -> int:
        """Return by how many degrees (clockwise) most of the text must be turned to be level."""
        if sum(run.end - run.start for run in self.runs) >= sum(
            run.end - run.start for run in self.sideways
        ):
            return 0
        longest = max(self.sideways, key=lambda run: run.end - run.start)
        return -round(math.degrees(self.angles[longest.start]) / 90) * 90 % 360

    def sideways_lines(self, page: int) -> list[Line]:
        """Return the runs at another angle, each as a line whose characters share one box."""
        return [
            Line(
                self.text[run.start : run.end],
                page,
                run.top,
                run.bottom,
                [run.x0] * (run.end - run.start),
                [run.x1] * (run.end - run.start),
            )
            for run in self.sideways
        ]

    def lines(self, runs: Sequence[Run], page: int, column: int = 0) -> list[Line]:
        """Put runs that stand in one row together, rows from top to bottom."""
        rows: list[list[Run]] = []
        lead: Run | None = None
        for run in sorted(runs, key=lambda run: run.middle):
            if lead is not None and _same_row(lead, run):
                rows[-1].append(run)
                if run.end - run.start > lead.end - lead.start:
                    lead = run
            else:
                rows.append([run])
                lead = run
        return [self._line(row, page, column) for row in rows]

    def _line(self, row: list[Run], page: int, column: int) -> Line:
        words = list(self._words(sorted(row, key=lambda run: run.x0)))
        start, end = words[0]
        text, left, right = self.text[start:end], self.left[start:end], self.right[start:end]
        top = min(run.top for run in row)
        bottom = max(run.bottom for run in row)
        for start, end in words[1:]:
            if self._is_blank(end_before := right[-1], text[-1], start, bottom - top):
                text += " "
                left.append(end_before)
                right.append(max(self.left[start], end_before))
            text += self.text[start:end]
            left.extend(self.left[start:end])
            right.extend(self.right[start:end])
        em = _em(text, left, right)
        if em is not None and bottom - top > _TALL * em:
            middle = (top + bottom) / 2
            top, bottom = middle - 0.6 * em, middle + 0.6 * em
        return Line(text, page, top, bottom, left, right, em=em, column=column)

    def _words(self, row: Sequence[Run]) -> Iterator[tuple[int, int]]:
        """Yield the ranges between made-up spaces."""
        for run in row:
            start = run.start
            at = self.text.find(" ", start, run.end)
            while at >= 0:
                if self.left[at] == self.right[at]:
                    if at > start:
                        yield start, at
                    start = at + 1
                at = self.text.find(" ", at + 1, run.end)
            yield start, run.end

    def _is_blank(self, end: float, last: str, start: int, height: float) -> bool:
        """Tell whether the gap before character `start` is a blank that a reader sees.

        Between wide characters, and between wide and narrow ones, typesetters leave small gaps
        that mean nothing; only a gap of most of an em is a blank there.
        """
        gap = self.left[start] - end
        if last < FIRST_WIDE and self.text[start] < FIRST_WIDE:
            return gap > _NARROW_GAP * height
        return gap > _WIDE_GAP * height


def _same_row(lead: Run, run: Run) -> bool:
    overlap = min(lead.bottom, run.bottom) - max(lead.top, run.top)
    return overlap > 0.5 * min(lead.height, run.height)


def _em(text: str, left: Sequence[float], right: Sequence[float]) -> float | None:
    widths = sorted(
        x1 - x0 for char, x0, x1 in zip(text, left, right, strict=True) if char >= FIRST_WIDE
    )
    return widths[len(widths) // 2] if widths else None


def _repaired(text: str) -> str:
    if _SURROGATE.search(text):
        text = _PAIR.sub(lambda pair: _joined(pair.group()) + _SEPARATOR, text)
        text = _SURROGATE.sub("\ufffd", text)
    return text.translate(_repairs())


def _joined(pair: str) -> str:
    return pair.encode("utf-16-le", "surrogatepass").decode("utf-16-le")


@cache
def _repairs() -> dict[int, str]:
    """Return the characters that are written otherwise, one to one.

    Kangxi and CJK radicals and compatibility ideographs become the ideographs they look like;
    characters without meaning become U+FFFD; a hyphen at a line's end is a hyphen.
    """
    repairs = {code: "\ufffd" for code in range(32) if code not in (9, 10, 13)}
    repairs.update({0x09: " ", 0x02: "-", 0xFFFE: "-", 0x7F: "\ufffd", 0xFFFF: "\ufffd"})
    repairs.update({ord(radical): plain for radical, plain in _RADICALS.items()})
    for code in (*range(0x2E80, 0x2FE0), *range(0xF900, 0xFB00)):
        plain = unicodedata.normalize("NFKC", chr(code))
        if len(plain) == 1 and plain != chr(code):
            repairs[code] = plain
    return repairs
