"""Bookmarks of a PDF: which lines of a page are headings, and of which level."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import pypdfium2
import pypdfium2.raw as pdfium

from extractor.formats.pdf_characters import Line
from extractor.view import squeeze

_MOST: Final = 5_000
_DEEPEST: Final = 9
_MOST_LINES: Final = 4
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A title without white space, and its level from 1."""

    title: str
    level: int


Bookmarks = dict[int, list[Bookmark]]
"""The bookmarks that lead to each page, by its number from 1."""


def read_bookmarks(document: pypdfium2.PdfDocument) -> Bookmarks:
    """Return the bookmarks of a file, 5,000 at most; those of a damaged outline are left out."""
    found: Bookmarks = defaultdict(list)
    try:
        for item in islice(_walk(document), _MOST):
            destination = item.get_dest()
            page = destination.get_index() if destination is not None else None
            title = squeeze(item.get_title() or "")
            if page is not None and 1 < len(title) <= _LONGEST:
                found[page + 1].append(Bookmark(title, item.level + 1))
    except (pypdfium2.PdfiumError, UnicodeError):
        return found
    return found


def _walk(document: pypdfium2.PdfDocument) -> Iterator[pypdfium2.PdfBookmark]:
    """Yield the bookmarks in order, without those deeper than nine; an outline may be a ring."""
    following = [(pdfium.FPDFBookmark_GetFirstChild(document.raw, None), 0)]
    while following:
        raw, level = following.pop()
        if not raw:
            continue
        yield pypdfium2.PdfBookmark(raw, document, level)
        following.append((pdfium.FPDFBookmark_GetNextSibling(document.raw, raw), level))
        if level + 1 < _DEEPEST:
            following.append((pdfium.FPDFBookmark_GetFirstChild(document.raw, raw), level + 1))


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
    titles = bookmarks.get(lines[at].page)
    if not titles:
        return None, at
    said = ""
    for end in range(at, min(at + _MOST_LINES, len(lines))):
        said += squeeze(lines[end].text)
        fitting = [bookmark for bookmark in titles if bookmark.title.startswith(said)]
        if not fitting:
            break
        for bookmark in fitting:
            if bookmark.title == said:
                return bookmark.level, end + 1
    return None, at
