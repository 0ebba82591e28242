"""Pages as pictures: what a person sees, at any resolution, in the coordinates of the boxes.

A format that has a layout is one row of `RENDERERS`; its function is imported on first use.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

from extractor.errors import (
    CorruptFileError,
    HechaError,
    LimitError,
    NoLayoutError,
    PageNotFoundError,
)
from extractor.formats import sniffing

if TYPE_CHECKING:
    from PIL.Image import Image

POINTS: Final = 72
"""Points in an inch: the unit of page sizes and boxes."""
MOST_PIXELS: Final = 40_000_000
"""Of one page picture; an A4 page has as many at 640 dpi."""
LEAST_DPI: Final = 10
MOST_DPI: Final = 1200

Render = Callable[[bytes, int, float, int], "Image"]
"""`(data, page, dpi, most_pixels)` → picture; pages count from 1."""


@dataclass(frozen=True, slots=True)
class Renderer:
    """A kind of file whose pages can be shown; `function` is `module:function`."""

    media_types: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    function: str

    def load(self) -> Render:
        """Import and return the function."""
        module, _, function = self.function.partition(":")
        render: Render = getattr(import_module(module), function)
        return render


def _is_picture(data: bytes) -> bool:
    kinds = (
        sniffing.is_png,
        sniffing.is_jpeg,
        sniffing.is_tiff,
        sniffing.is_bmp,
        sniffing.is_gif,
        sniffing.is_webp,
    )
    return any(sniff(data) for sniff in kinds)


RENDERERS: Final = (
    Renderer(
        ("application/pdf",),
        sniffing.is_pdf,
        "extractor.formats.page_drawing:draw_pdf_page",
    ),
    Renderer(
        ("application/ofd",),
        sniffing.is_ofd,
        "extractor.formats.ofd_render:render_ofd_page",
    ),
    Renderer(
        ("image/png", "image/jpeg", "image/tiff", "image/bmp", "image/gif", "image/webp"),
        _is_picture,
        "extractor.formats.page_drawing:draw_picture",
    ),
)


def has_page_images(media_type: str) -> bool:
    """Tell whether pages of files of this media type can be shown as pictures."""
    return any(media_type in renderer.media_types for renderer in RENDERERS)


def page_image(
    data: bytes, page: int, *, dpi: float = 150, most_pixels: int = MOST_PIXELS
) -> bytes:
    """Return page `page` (from 1) of a file as a PNG at `dpi` dots an inch.

    A box `(page, x0, top, x1, bottom)` of the document stands at `dpi / 72` times its numbers.
    Safe to call from several threads; pages of PDF are drawn one at a time.

    Raises:
        MissingToolError: OFD needs a font with Chinese characters, and none is installed.
        NoLayoutError: the format has no pages of its own (DOCX, TXT, HTML).
        PageNotFoundError: the file has no such page.
        LimitError: the picture would have more than `most_pixels` pixels.
        ParseError: the bytes cannot be read.
    """
    return as_png(draw_page(data, page, dpi=dpi, most_pixels=most_pixels))


def draw_page(data: bytes, page: int, *, dpi: float = 150, most_pixels: int = MOST_PIXELS) -> Image:
    """Return page `page` as a Pillow image; else as `page_image`."""
    if not LEAST_DPI <= dpi <= MOST_DPI:
        raise LimitError(
            f"分辨率 {dpi:g} dpi 不在 {LEAST_DPI} 至 {MOST_DPI} 之间。请改用 150 左右的值。"
        )
    renderer = next((each for each in RENDERERS if each.sniff(data)), None)
    if renderer is None:
        raise NoLayoutError(
            "这种格式没有固定的版面，没有页面图像。请看文字；要看版面，请另存为 PDF 后再读。"
        )
    if page < 1:
        raise no_such_page(page, None)
    draw = renderer.load()
    try:
        return draw(data, page, dpi, most_pixels)
    except HechaError:
        raise
    except Exception as exc:  # a library met content that it does not survive
        raise CorruptFileError(
            f"第{page}页无法画成图像（{type(exc).__name__}）。请用原来的软件打开查看。", page=page
        ) from exc


def as_png(image: Image) -> bytes:
    """Return a picture as PNG bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def no_such_page(page: int, pages: int | None) -> PageNotFoundError:
    """Return the error for a page that the file does not have."""
    known = "" if pages is None else f"，文件共 {pages} 页"
    return PageNotFoundError(f"没有第{page}页{known}。页码从 1 开始。", page=page)


def check_pixels(width: float, height: float, page: int, dpi: float, most_pixels: int) -> None:
    """Refuse a picture of `width` by `height` pixels that is over the limit.

    Raises:
        LimitError: it is; the message says which resolution would do.
    """
    pixels = width * height
    if pixels > most_pixels:
        enough = int(dpi * (most_pixels / pixels) ** 0.5)
        raise LimitError(
            f"第{page}页的图像有 {pixels / 1e6:.0f} 百万像素（{dpi:g} dpi），"
            f"超过上限 {most_pixels / 1e6:.0f} 百万像素。请用不超过 {enough} dpi 的分辨率。",
            page=page,
        )
