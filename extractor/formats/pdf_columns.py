"""Two columns of text on a page, as in a government gazette."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from extractor.formats.pdf_characters import PlacedText, Run, rows_of

_FEWEST: Final = 6
_GUTTER: Final = 7  # points
_WIDEST_CROSSING: Final = 0.25
_COLUMN: Final = 0.3
_FULL: Final = 0.5
_NEAR: Final = 1.0  # of the height
_MIDDLE: Final = (0.35, 0.65)  # of the width of the page: where a gutter may be


@dataclass(frozen=True, slots=True)
class _Strip:
    """The middle of a blank strip from top to bottom, and how wide it is, in points."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Stack:
    """The runs outside tables of one page, in points; `width` is that of the page."""

    text: PlacedText
    runs: Sequence[Run]
    width: float


def find_columns(stacks: Sequence[Stack]) -> Iterator[list[tuple[int, list[Run]]]]:
    """Yield for each page `(column, runs)` in reading order: 0 full width, 1 left, 2 right.

    A page has columns when a strip near its middle, at least 7 points wide, parts two stacks of at
    least six runs, a quarter of each stack as wide as text is. The page before or after such a page
    has the same columns unless it has lines of full width. Rows that stand over the strip (a title)
    part the page into bands. Other runs that go on over it are two lines beside each other, and are
    cut.
    """
    strips = [_sure_strip(stack) for stack in stacks]
    for at, stack in enumerate(stacks):
        beside = (strips[each] for each in (at, at - 1, at + 1) if 0 <= each < len(stacks))
        strip = next((each for each in beside if each is not None), None)
        parts = _parted(stack, strip) if strip is not None else []
        if strip is None or _wide_lines(parts, stack.width) > _WIDEST_CROSSING * len(parts):
            yield [(0, list(stack.runs))]
        else:
            yield list(_in_bands(parts, strip))


def _sure_strip(stack: Stack) -> _Strip | None:
    """Return the strip that parts the columns of a page, if the page alone shows that."""
    strip = _strip(stack)
    if strip is None or not _are_columns(_parted(stack, strip), strip.x, stack.width):
        return None
    return strip


def _parted(stack: Stack, strip: _Strip) -> list[Run]:
    return [part for run in stack.runs for part in stack.text.split(run, strip.x, strip.width)]


def _wide_lines(runs: Sequence[Run], width: float) -> int:
    """Return how many runs are wider than a column can be; a running head is not so wide."""
    return sum(1 for run in runs if run.x1 - run.x0 > _FULL * width)


def _in_bands(runs: Sequence[Run], strip: _Strip) -> Iterator[tuple[int, list[Run]]]:
    band: list[Run] = []
    for row in rows_of(runs):
        across = _across(row, strip)
        if across:
            yield from _sides(band, strip.x)
            band = []
            yield 0, across
        band.extend(run for run in row if run not in across)
    yield from _sides(band, strip.x)


def _across(row: Sequence[Run], strip: _Strip) -> list[Run]:
    """Return the runs of a row that stand over the strip, with those that stand close by them.

    What ends left of its middle and what begins right of it stand over it together if less than
    half of it parts them, as the parts of a page number do.
    """
    found = [run for run in row if run.x0 < strip.x < run.x1]
    if not found:
        before = max(
            (run for run in row if run.x1 <= strip.x), key=lambda run: run.x1, default=None
        )
        after = min((run for run in row if run.x0 >= strip.x), key=lambda run: run.x0, default=None)
        if before is None or after is None or after.x0 - before.x1 >= strip.width / 2:
            return []
        found = [before, after]
    x0, x1 = min(run.x0 for run in found), max(run.x1 for run in found)
    near = _NEAR * max(run.height for run in found)
    for run in sorted(row, key=lambda run: -run.x1):
        if run.x1 <= x0 <= run.x1 + near and run not in found:
            found.append(run)
            x0 = run.x0
    for run in sorted(row, key=lambda run: run.x0):
        if run.x0 - near <= x1 <= run.x0 and run not in found:
            found.append(run)
            x1 = run.x1
    return found


def _sides(band: Sequence[Run], gutter: float) -> Iterator[tuple[int, list[Run]]]:
    for column, side in (
        (1, [run for run in band if run.x1 <= gutter]),
        (2, [run for run in band if run.x1 > gutter]),
    ):
        if side:
            yield column, side


def _strip(stack: Stack) -> _Strip | None:
    """Return the strip near the middle of the page that fewest lines cross."""
    text, runs = stack.text, stack.runs
    first, last = (math.floor(share * stack.width) for share in _MIDDLE)
    steps = [0] * (last - first + 2)
    for run in runs:
        if run.x1 <= first or run.x0 >= last:
            continue
        for at in range(run.start, run.end):
            left, right = text.left[at], text.right[at]
            if left < right and right > first and left < last and not text.text[at].isspace():
                steps[max(math.floor(left), first) - first] += 1
                steps[min(math.ceil(right), last + 1) - first] -= 1
    crossed = list(accumulate(steps[:-1]))
    fewest = min(
        (max(crossed[at : at + _GUTTER]) for at in range(len(crossed) - _GUTTER + 1)),
        default=len(runs),
    )
    if fewest > _WIDEST_CROSSING * len(runs):
        return None
    start, end = _longest(crossed, fewest)
    return _Strip(first + (start + end) / 2, float(end - start))


def _longest(crossed: Sequence[int], most: int) -> tuple[int, int]:
    """Return the longest stretch with no more than `most`."""
    best, start = (0, 0), 0
    for at, count in enumerate([*crossed, most + 1]):
        if count > most:
            if at - start > best[1] - best[0]:
                best = start, at
            start = at + 1
    return best


def _are_columns(runs: Sequence[Run], gutter: float, width: float) -> bool:
    left = [run for run in runs if run.x1 <= gutter]
    right = [run for run in runs if run.x0 >= gutter]
    crossing = len(runs) - len(left) - len(right)
    if min(len(left), len(right)) < _FEWEST or crossing > _WIDEST_CROSSING * len(runs):
        return False
    return all(_usual_width(side) >= _COLUMN * width for side in (left, right))


def _usual_width(runs: Sequence[Run]) -> float:
    widths = sorted(run.x1 - run.x0 for run in runs)
    return widths[len(widths) * 3 // 4]
