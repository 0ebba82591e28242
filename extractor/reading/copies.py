"""Passages that a text stores twice, also with other line breaks: the second counts for nothing."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

_SENTENCE = re.compile(r"[^。]+。?")
_LEAST_SENTENCES = 4
_LEAST_LENGTH = 150


def find_copies(text: str) -> list[tuple[int, int]]:
    """Return the ranges that repeat an earlier passage sentence by sentence, in linear time.

    Four sentences and 150 characters at least, in the same order: a phrase that official texts
    repeat is no copy.
    """
    first: dict[str, int] = {}
    found: list[tuple[int, int]] = []
    run: list[tuple[int, int]] = []
    expected = -1
    for at, match in enumerate(_SENTENCE.finditer(text)):
        said = match.group().replace("\n", "")
        earlier = first.setdefault(said, at)
        if earlier == at or earlier != expected:
            _keep(found, run)
            run = []
        if earlier != at:
            lead = len(match.group()) - len(match.group().lstrip("\n"))
            run.append((match.start() + lead, match.end()))
        expected = earlier + 1
    _keep(found, run)
    return found


def _keep(found: list[tuple[int, int]], run: Sequence[tuple[int, int]]) -> None:
    if len(run) >= _LEAST_SENTENCES and run[-1][1] - run[0][0] >= _LEAST_LENGTH:
        found.append((run[0][0], run[-1][1]))


def cut_before(copies: Sequence[tuple[int, int]], start: int, end: int) -> int:
    """Return where a range ends before the copy in it; `start` where it begins in a copy."""
    at = bisect_right(copies, (start, end)) - 1
    if at >= 0 and start < copies[at][1]:
        return start
    following = copies[at + 1][0] if at + 1 < len(copies) else end
    return min(end, following)
