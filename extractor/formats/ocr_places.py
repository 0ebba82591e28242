"""Where each recognised character stands in its line, from the columns in which it was seen."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from extractor.formats.pdf_characters import FIRST_WIDE

# Widths in em, the width of a Chinese character.
_NARROW: Final = 0.5
_SHORTEST_RUN: Final = 3


def place_characters(
    text: str, columns: Sequence[int], count: float, x0: float, x1: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the left and the right edge of each character between `x0` and `x1`.

    The recogniser parts the line into `count` columns and tells for each character but spaces the
    column in which it saw it: near its middle, for a punctuation mark near its ink.
    """
    step = (x1 - x0) / max(count, 1)
    seen = iter(columns)
    middles: list[float | None] = []
    for char in text:
        column = None if char.isspace() else next(seen, None)
        middles.append(None if column is None else x0 + (column + 0.5) * step)
    em = _em(text, middles) or _even_em(text, x0, x1)
    left: list[float] = []
    right: list[float] = []
    for char, middle in zip(text, middles, strict=True):
        before = right[-1] if right else x0
        width = em * (1.0 if char >= FIRST_WIDE else _NARROW)
        follows = middle is None or (bool(right) and _is_mark(char))
        start = before if follows or middle is None else middle - width / 2
        left.append(start)
        right.append(start + width)
    for at in range(1, len(left)):
        if left[at] < right[at - 1]:
            left[at] = right[at - 1] = max((left[at] + right[at - 1]) / 2, left[at - 1])
        right[at] = max(right[at], left[at])
    return tuple(left), tuple(right)


def _is_mark(char: str) -> bool:
    return char >= FIRST_WIDE and unicodedata.category(char).startswith("P")


def _em(text: str, middles: Sequence[float | None]) -> float | None:
    """Return the usual step from one ideograph to the next; None when few stand together."""
    reach, steps = 0.0, 0
    start: int | None = None
    last = 0
    for at, char in enumerate([*text, ""]):
        if at < len(text) and char >= FIRST_WIDE and middles[at] is not None:
            if not _is_mark(char):
                start = at if start is None else start
                last = at
            continue
        if start is not None and last - start >= _SHORTEST_RUN:
            first, final = middles[start], middles[last]
            if first is not None and final is not None:
                reach += final - first
                steps += last - start
        start = None
    return reach / steps if steps else None


def _even_em(text: str, x0: float, x1: float) -> float:
    """Return the width of a wide character when all share the line evenly."""
    units = sum(1.0 if char >= FIRST_WIDE else _NARROW for char in text)
    return (x1 - x0) / (units + 0.5)  # boxes stand out by a quarter of an em on each side
