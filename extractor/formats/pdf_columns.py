"""Two columns of text on a page, as in a government gazette."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from extractor.formats.pdf_characters import Run

_FEWEST: Final = 6
_GUTTER: Final = 8.0  # points
_WIDEST_CROSSING: Final = 0.25
_COLUMN: Final = 0.3


def find_columns(runs: Sequence[Run], width: float) -> Iterator[tuple[int, list[Run]]]:
    """Yield `(column, runs)` in reading order: 0 for full width, 1 for left, 2 for right.

    A page has columns when a gap near its middle parts two stacks of at least six runs, a quarter
    of each stack as wide as text is; runs that cross the gap (a title) part the page into bands.
    """
    gutter = _gutter(runs, width)
    if gutter is None:
        yield 0, list(runs)
        return
    band: list[Run] = []
    for run in sorted(runs, key=lambda run: run.middle):
        if run.x0 < gutter < run.x1:
            yield from _sides(band, gutter)
            band = []
            yield 0, [run]
        else:
            band.append(run)
    yield from _sides(band, gutter)


def _sides(band: Sequence[Run], gutter: float) -> Iterator[tuple[int, list[Run]]]:
    for column, side in (
        (1, [run for run in band if run.x1 <= gutter]),
        (2, [run for run in band if run.x1 > gutter]),
    ):
        if side:
            yield column, side


def _gutter(runs: Sequence[Run], width: float) -> float | None:
    """Return the middle of the gap between two columns, if there are two."""
    for gutter in (width * share / 100 for share in (50, 48, 52, 46, 54, 44, 56)):
        left = [run for run in runs if run.x1 <= gutter]
        right = [run for run in runs if run.x0 >= gutter]
        crossing = len(runs) - len(left) - len(right)
        if min(len(left), len(right)) < _FEWEST or crossing > _WIDEST_CROSSING * len(runs):
            continue
        inner, outer = max(run.x1 for run in left), min(run.x0 for run in right)
        wide = all(_usual_width(side) >= _COLUMN * width for side in (left, right))
        if wide and outer - inner >= _GUTTER:
            return (inner + outer) / 2
    return None


def _usual_width(runs: Sequence[Run]) -> float:
    widths = sorted(run.x1 - run.x0 for run in runs)
    return widths[len(widths) * 3 // 4]
