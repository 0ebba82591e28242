"""The drawing of pages: PDF by pdfium, pictures by Pillow."""

from __future__ import annotations

import io
from contextlib import closing
from typing import Final

import pypdfium2
from PIL import Image, ImageChops, ImageOps

from extractor.errors import CorruptFileError
from extractor.formats.page_images import POINTS, check_pixels, no_such_page
from extractor.formats.pdf_opening import PDFIUM, open_pdf

_USUAL_DPI: Final = 72.0
"""Of a picture that does not say its own: one pixel a point."""
_SANE_DPI: Final = (30.0, 2400.0)
_COLOURFUL: Final = 6


def draw_pdf_page(data: bytes, page: int, dpi: float, most_pixels: int) -> Image.Image:
    """Draw a page of a PDF as a viewer shows it: cropped, rotated, with its annotations.

    Raises:
        PageNotFoundError: there is no such page.
        LimitError: too many pixels.
        ParseError: the file or the page cannot be read.
    """
    scale = dpi / POINTS
    with PDFIUM, closing(open_pdf(data)) as document:
        if page > len(document):
            raise no_such_page(page, len(document))
        try:
            with closing(document[page - 1]) as drawn:
                width, height = drawn.get_size()
                check_pixels(width * scale, height * scale, page, dpi, most_pixels)
                bitmap = drawn.render(scale=scale, rev_byteorder=True)
        except pypdfium2.PdfiumError as exc:
            message = f"第{page}页已损坏，画不出来。请用阅读软件打开查看。"
            raise CorruptFileError(message, page=page) from exc
        with closing(bitmap):
            image: Image.Image = bitmap.to_pil().copy()
    return _without_needless_colour(image.convert("RGB"))


def draw_picture(data: bytes, page: int, dpi: float, most_pixels: int) -> Image.Image:
    """Return frame `page` of a picture, turned as its camera says, never larger than it is.

    Raises:
        PageNotFoundError: there is no such frame.
        LimitError: too many pixels.
        ParseError: the picture is damaged.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            frames = getattr(image, "n_frames", 1)
            if page > frames:
                raise no_such_page(page, frames)
            image.seek(page - 1)
            own = picture_dpi(image)
            # The picture is unpacked whole before it is made smaller.
            check_pixels(*image.size, page, own, most_pixels)
            shown = ImageOps.exif_transpose(image).convert("RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        check_pixels(most_pixels, 2, page, dpi, most_pixels)
        raise
    except (OSError, SyntaxError) as exc:
        message = "图片已损坏或没有传完，画不出来。请重新扫描或复制原文件。"
        raise CorruptFileError(message, page=page) from exc
    share = min(dpi / own, 1.0)
    if share < 1.0:
        size = (max(round(shown.width * share), 1), max(round(shown.height * share), 1))
        shown = shown.resize(size, Image.Resampling.LANCZOS)
    return _without_needless_colour(shown)


def picture_dpi(image: Image.Image) -> float:
    """Return the resolution that a picture states, 72 where it states none or nonsense."""
    stated = image.info.get("dpi")
    value = stated[0] if isinstance(stated, tuple) and stated else None
    try:
        dpi = float(value) if value is not None else 0.0
    except (TypeError, ValueError, ZeroDivisionError):
        dpi = 0.0
    return dpi if _SANE_DPI[0] <= dpi <= _SANE_DPI[1] else _USUAL_DPI


def _without_needless_colour(image: Image.Image) -> Image.Image:
    """Return a page of black on white as a grey picture, a third of the size."""
    red, green, blue = image.resize((64, 64), Image.Resampling.BOX).split()
    spread = ImageChops.lighter(
        ImageChops.difference(red, green), ImageChops.difference(green, blue)
    )
    return image if any(spread.histogram()[_COLOURFUL:]) else image.convert("L")
