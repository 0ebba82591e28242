"""Bookmarks: which lines of a page are headings, and of which level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from extractor.formats.pdf_characters import Line
from extractor.view import squeeze

DEEPEST: Final = 9
"""The lowest level of a heading."""
_MOST_LINES: Final = 4
_LONGEST: Final = 200

Bookmarks = dict[int, dict[str, int]]
"""The bookmarks that lead to each page (from 1): their levels, by titles without white space."""


def add_bookmark(bookmarks: Bookmarks, page: int, title: str, level: int) -> None:
    """Add a bookmark of a level from 1; of two with one title on a page the first counts."""
    title = squeeze(title)
    if 1 < len(title) <= _LONGEST:
        bookmarks.setdefault(page, {}).setdefault(title, min(level, DEEPEST))


def part_headings(
    lines: Sequence[Line], bookmarks: Bookmarks
) -> Iterator[tuple[int | None, Sequence[Line]]]:
    """Yield runs of lines: `(level, lines)` for a heading that a bookmark names, else None.

    A bookmark names the lines of its page, four at most, that say just what it says.
    """
    begin = at = 0
    while at < len(lines):
        level, end = _heading_at(lines, at, bookmarks) if bookmarks else (None, at)
        if level is None:
            at += 1
            continue
        if begin < at:
            yield None, lines[begin:at]
        yield level, lines[at:end]
        begin = at = end
    if begin < len(lines):
        yield None, lines[begin:]


def _heading_at(lines: Sequence[Line], at: int, bookmarks: Bookmarks) -> tuple[int | None, int]:
    levels = bookmarks.get(lines[at].page)
    if not levels:
        return None, at
    said = ""
    for end in range(at, min(at + _MOST_LINES, len(lines))):
        said += squeeze(lines[end].text)
        if len(said) > _LONGEST:
            break
        level = levels.get(said)
        if level is not None:
            return level, end + 1
    return None, at
