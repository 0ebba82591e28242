"""What a PDF holds besides its pages: bookmarks and attached files, as pdfium gives them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import pypdfium2
import pypdfium2.raw as pdfium

from extractor.formats.pdf_bookmarks import DEEPEST, Bookmarks, add_bookmark
from extractor.formats.pdf_findings import MOST_NAMES

_MOST_BOOKMARKS: Final = 5_000


@dataclass(slots=True)
class Outside:
    """The bookmarks of a file, how many files are attached to it, and the first of their names."""

    bookmarks: Bookmarks
    attached: int
    names: list[str]


def read_outside(document: pypdfium2.PdfDocument) -> Outside:
    """Read what stands outside the pages; the caller holds the lock of pdfium."""
    attached = document.count_attachments()
    names = [_name(document, at) for at in range(min(attached, MOST_NAMES))]
    return Outside(_read_bookmarks(document), attached, names)


def _name(document: pypdfium2.PdfDocument, at: int) -> str:
    try:
        return document.get_attachment(at).get_name() or ""
    except (pypdfium2.PdfiumError, UnicodeError):
        return ""


def _read_bookmarks(document: pypdfium2.PdfDocument) -> Bookmarks:
    """Return the bookmarks, 5,000 at most; those of a damaged outline are left out."""
    found: Bookmarks = {}
    try:
        for item in islice(_walk(document), _MOST_BOOKMARKS):
            destination = item.get_dest()
            page = destination.get_index() if destination is not None else None
            if page is not None:
                add_bookmark(found, page + 1, item.get_title() or "", item.level + 1)
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
        if level + 1 < DEEPEST:
            following.append((pdfium.FPDFBookmark_GetFirstChild(document.raw, raw), level + 1))
