"""The characters of a page with their places, whatever the format, gathered into printed lines."""

from __future__ import annotations

import math
import operator
import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

from extractor.document import PlacedLine

_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SEPARATOR: Final = "\r"
FIRST_WIDE: Final = "\u2e80"
SKEW: Final = math.radians(5)
"""Text at a smaller angle is level."""
# Gaps and heights as shares of the height of a line or the width of a wide character.
_WIDE_GAP: Final = 0.8
_NARROW_GAP: Final = 0.15
_NO_GAP: Final = 0.1
_TALL: Final = 1.7
_RAISED: Final = 0.15
_SMALL: Final = 0.75
_SPREAD: Final = 0.8
_FEWEST_SPREAD: Final = 3
_INK: Final = 1.0  # points that a character may reach into a blank strip

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
    `raised` are the ranges of small characters that stand above the line: marks of footnotes.
    `breaks_word` tells that the hyphen at its end was taken out: the next line goes on the word.
    """

    em: float | None = None
    column: int = 0
    raised: tuple[tuple[int, int], ...] = ()
    breaks_word: bool = False

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


class PlacedText:
    """All characters of one page: `text[i]` stands at `left[i]`, `top[i]`, `right[i]`, `bottom[i]`.

    Made-up spaces and line breaks have no width. `runs` are level; `sideways` stand at another
    angle, which `angles` gives by their start: clockwise, in radians. `pale` are the starts of the
    runs in a light or transparent colour, `unmapped` is the share of characters that their font
    gives no meaning: a layout that does not know them leaves them empty and 0.
    """

    def __init__(self, text: str, edges: tuple[array[float], ...]) -> None:
        """Begin without runs; `edges` are left, top, right and bottom."""
        self.text = text
        self.left, self.top, self.right, self.bottom = edges
        self.runs: list[Run] = []
        self.sideways: list[Run] = []
        self.angles: dict[int, float] = {}
        self.pale: set[int] = set()
        self.unmapped = 0.0

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

    def split(self, run: Run, x: float, width: float) -> list[Run]:
        """Cut a run at `x` if it leaves a strip of this width around it blank."""
        if not run.x0 < x < run.x1:
            return [run]
        solid = [
            at
            for at in range(run.start, run.end)
            if self.left[at] < self.right[at] and not self.text[at].isspace()
        ]
        before = max((self.right[at] for at in solid if self.left[at] < x), default=run.x0)
        after = min((self.left[at] for at in solid if self.left[at] >= x), default=run.x1)
        if before > x - width / 2 + _INK or after < x + width / 2 - _INK:
            return [run]
        cut = next(at for at in solid if self.left[at] >= x)
        return [*self._cut(run.start, cut, run.cell), *self._cut(cut, run.end, run.cell)]

    def _cut(self, start: int, end: int, cell: int) -> list[Run]:
        start, end = self._strip(start, end)
        return [self._run(start, end, cell)] if start < end else []

    def turn(self) -> int:
        """Return by how many degrees (clockwise) most of the text must be turned to be level.

        Tilted text is a watermark or a stamp; it does not count.
        """
        across = [run for run in self.sideways if not is_tilted(self.angles[run.start])]
        if sum(run.end - run.start for run in self.runs) >= sum(
            run.end - run.start for run in across
        ):
            return 0
        longest = max(across, key=lambda run: run.end - run.start)
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
        return [self._line(row, page, column) for row in rows_of(runs)]

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
        raised = self._raised(words, text) if bottom - top > 0 else ()
        if " " in text:
            text, left, right, raised = _without_stray_spaces(text, left, right, raised)
        em = _em(text, left, right)
        if em is not None and bottom - top > _TALL * em:
            middle = (top + bottom) / 2
            top, bottom = middle - 0.6 * em, middle + 0.6 * em
        return Line(text, page, top, bottom, left, right, em=em, column=column, raised=raised)

    def _raised(self, words: Sequence[tuple[int, int]], text: str) -> tuple[tuple[int, int], ...]:
        """Return the ranges of `text` whose characters are small and stand above the line."""
        lowest = max(max(self.bottom[start:end]) for start, end in words)
        highest = min(min(self.bottom[start:end]) for start, end in words)
        tallest = max(
            max(map(operator.sub, self.bottom[start:end], self.top[start:end]))
            for start, end in words
        )
        if lowest - highest < _RAISED * tallest:
            return ()
        found: list[tuple[int, int]] = []
        at = 0
        for start, end in words:
            at = text.find(self.text[start:end], at)
            for index in range(start, end):
                height = self.bottom[index] - self.top[index]
                above = lowest - self.bottom[index] >= _RAISED * tallest
                if above and 0 < height <= _SMALL * tallest and _is_mark(self.text[index]):
                    here = at + index - start
                    if found and found[-1][1] == here:
                        found[-1] = (found[-1][0], here + 1)
                    else:
                        found.append((here, here + 1))
            at += end - start
        return tuple(found)

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


def is_tilted(angle: float) -> bool:
    """Tell text that stands neither level nor upright; `angle` is in radians."""
    return abs(math.remainder(angle, math.pi / 2)) > SKEW


def rows_of(runs: Iterable[Run]) -> list[list[Run]]:
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
    return rows


def _same_row(lead: Run, run: Run) -> bool:
    overlap = min(lead.bottom, run.bottom) - max(lead.top, run.top)
    return overlap > 0.5 * min(lead.height, run.height)


def _em(text: str, left: Sequence[float], right: Sequence[float]) -> float | None:
    widths = sorted(
        x1 - x0 for char, x0, x1 in zip(text, left, right, strict=True) if char >= FIRST_WIDE
    )
    return widths[len(widths) // 2] if widths else None


def _is_mark(char: str) -> bool:
    return char.isdecimal() or char in "[]［］〔〕*＊※" or "①" <= char <= "⑳"


def _without_stray_spaces(
    text: str, left: array[float], right: array[float], raised: tuple[tuple[int, int], ...]
) -> tuple[str, array[float], array[float], tuple[tuple[int, int], ...]]:
    """Take out spaces between wide characters that mean nothing.

    A space without width is none. In a line that is spread out (事 故 调 查) all gaps are alike, so
    none of them parts words. An ideographic space is kept: it was typed on purpose.
    """
    gaps: dict[int, float] = {}
    for at in range(1, len(text) - 1):
        wide = text[at - 1] >= FIRST_WIDE and text[at + 1] >= FIRST_WIDE
        if text[at] == " " and wide:
            gaps[at] = left[at + 1] - right[at - 1]
    if not gaps:
        return text, left, right, raised
    em = _em(text, left, right) or 12.0
    drop = {at for at, gap in gaps.items() if gap < _NO_GAP * em}
    pairs = sum(1 for a, b in pairwise(text) if a >= FIRST_WIDE and b >= FIRST_WIDE) + len(gaps)
    widest, narrowest = max(gaps.values()), min(gaps.values())
    alike = widest - narrowest < _NARROW_GAP * em
    if len(gaps) >= _FEWEST_SPREAD and len(gaps) >= _SPREAD * pairs and alike:
        drop = set(gaps)
    if not drop:
        return text, left, right, raised
    kept = [at for at in range(len(text)) if at not in drop]
    moved = {at: number for number, at in enumerate(kept)}
    return (
        "".join(text[at] for at in kept),
        array("f", [left[at] for at in kept]),
        array("f", [right[at] for at in kept]),
        tuple((moved[start], moved[end - 1] + 1) for start, end in raised),
    )


def repaired(text: str) -> str:
    """Return the text with the characters that it means; surrogates are paired."""
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
