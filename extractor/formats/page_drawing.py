"""The drawing of pages: PDF by pdfium, pictures by Pillow."""

from __future__ import annotations

import io
from contextlib import closing
from typing import Final

import pypdfium2
from PIL import Image, ImageChops

from extractor.errors import CorruptFileError
from extractor.formats.limits import DEFAULT_LIMITS
from extractor.formats.page_images import POINTS, check_pixels, no_such_page
from extractor.formats.pdf_opening import PDFIUM, open_pdf
from extractor.formats.picture_frames import (
    FORMATS,
    check_frame,
    count_frames,
    sheet_size,
    shown,
    too_many_pixels,
)

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
    """Draw frame `page` of a picture file, turned as its camera says, with white for paper.

    Raises:
        PageNotFoundError: there is no such frame.
        LimitError: too many pixels, in the file or in what is drawn.
        ParseError: the picture is damaged.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            frames = count_frames(image)
            if page > frames:
                raise no_such_page(page, frames)
            image.seek(page - 1)
            width, height = sheet_size(image)
            check_frame(image, DEFAULT_LIMITS)
            size = (max(round(width * dpi / POINTS), 1), max(round(height * dpi / POINTS), 1))
            check_pixels(*size, page, dpi, most_pixels)
            frame = shown(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise too_many_pixels(DEFAULT_LIMITS) from exc
    except (OSError, SyntaxError) as exc:
        message = "图片已损坏或没有传完，画不出来。请重新扫描或复制原文件。"
        raise CorruptFileError(message, page=page) from exc
    return _without_needless_colour(frame.resize(size, Image.Resampling.LANCZOS))


def _without_needless_colour(image: Image.Image) -> Image.Image:
    """Return a page of black on white as a grey picture, a third of the size."""
    red, green, blue = image.resize((64, 64), Image.Resampling.BOX).split()
    spread = ImageChops.lighter(
        ImageChops.difference(red, green), ImageChops.difference(green, blue)
    )
    return image if any(spread.histogram()[_COLOURFUL:]) else image.convert("L")
