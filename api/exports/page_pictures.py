"""The pages of one file as small pictures for a self-contained page, within a total size."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from extractor.document import Page
from extractor.errors import HechaError
from extractor.formats.page_images import LEAST_DPI, POINTS, as_png, draw_page

MOST_BYTES: Final = 32 << 20
"""Of all pictures of one file together, before they are written as text (a third more)."""
MOST_PICTURES: Final = 500
USUAL_DPI: Final = 110
_FULL_DPI_PAGES: Final = 120
_COARSEST: Final = 40
_SMALLER: Final = 0.7
_MOST_PIXELS: Final = 2_500_000
_HEAVY_PNG: Final = 160 << 10
_JPEG_QUALITY: Final = 70


@dataclass(slots=True)
class PagePictures:
    """Data URIs by page number, and Chinese sentences that say what was left out or made smaller.

    `dpi` is what the pages were drawn at; a very large page may have been drawn at less.
    """

    dpi: int
    uris: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def draw_pages(
    data: bytes,
    pages: Sequence[Page],
    first: Iterable[int] = (),
    *,
    dpi: int = USUAL_DPI,
    most_bytes: int = MOST_BYTES,
) -> PagePictures:
    """Draw the pages of a file; of more than 500 those of `first` come before the others.

    Long files are drawn at a lower resolution, down to 40 dpi, until all pictures fit into
    `most_bytes`; what does not fit even then is left out. `notes` says both.
    """
    wanted = _chosen(pages, first)
    fitting = round(dpi * min((_FULL_DPI_PAGES / max(len(wanted), 1)) ** 0.5, 1.0))
    used = max(fitting, min(_COARSEST, dpi))
    while True:
        pictures = _draw(data, [pages[number - 1] for number in wanted], used, most_bytes)
        if len(pictures.uris) == len(wanted) or used <= _COARSEST or not pictures.is_full:
            break
        used = max(round(used * _SMALLER), _COARSEST)
    found = PagePictures(used, pictures.uris, list(pictures.notes))
    if used < dpi:
        found.notes.insert(0, f"文件有 {len(pages)} 页，为控制大小，页面图像已降为 {used} dpi。")
    missing = len(pages) - len(found.uris) - pictures.failed
    if missing > 0:
        found.notes.append(f"为控制大小，有 {missing} 页没有附图像；文字和事实是完整的。")
    return found


@dataclass(slots=True)
class _Drawn:
    """One attempt; `is_full` tells that the pictures did not fit, `failed` counts the others.

    What fails all pages alike (a font that is not installed) is one note.
    """

    uris: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failed: int = 0
    is_full: bool = False


def _chosen(pages: Sequence[Page], first: Iterable[int]) -> list[int]:
    before = dict.fromkeys(number for number in first if 1 <= number <= len(pages))
    everyone = dict.fromkeys([*before, *(page.number for page in pages)])
    return sorted(list(everyone)[:MOST_PICTURES])


def _draw(data: bytes, pages: Iterable[Page], dpi: int, most_bytes: int) -> _Drawn:
    drawn = _Drawn()
    total = 0
    for page in pages:
        try:
            uri, size = _picture(data, page, dpi)
        except HechaError as error:
            drawn.failed += 1
            if error.message not in drawn.notes[-1:]:
                drawn.notes.append(error.message)
            continue
        total += size
        if total > most_bytes:
            drawn.is_full = True
            break
        drawn.uris[page.number] = uri
    return drawn


def _picture(data: bytes, page: Page, dpi: int) -> tuple[str, int]:
    """Return a page as a data URI, and its size in bytes; a very large page is made smaller.

    Raises:
        HechaError: it cannot be drawn.
    """
    area = max(page.width * page.height / POINTS**2, 0.01)
    fitting = (_MOST_PIXELS / area) ** 0.5
    image = draw_page(data, page.number, dpi=max(min(dpi, fitting), LEAST_DPI))
    if image.width * image.height > _MOST_PIXELS:
        share = (_MOST_PIXELS / (image.width * image.height)) ** 0.5
        image.thumbnail((max(int(image.width * share), 1), max(int(image.height * share), 1)))
    content, kind = as_png(image), "png"
    if len(content) > _HEAVY_PNG:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
        if buffer.tell() < len(content):
            content, kind = buffer.getvalue(), "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}", len(content)
