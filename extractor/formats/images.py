"""Pictures of pages: PNG, JPEG, TIFF of several pages, BMP, WebP and GIF, read by recognition."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Sequence
from typing import Any, Final

from PIL import Image, UnidentifiedImageError

from extractor.document import DocumentBuilder, Page
from extractor.errors import CorruptFileError, MissingToolError
from extractor.formats import ocr
from extractor.formats.limits import Limits, over_limit
from extractor.formats.ocr_pages import recognize_pages
from extractor.formats.pdf_characters import Geometry
from extractor.formats.pdf_findings import page_list
from extractor.formats.pdf_pages import PageContent, fill_pages, write_pages
from extractor.formats.picture_frames import (
    FORMATS,
    check_frame,
    count_frames,
    sheet_size,
    shown,
    too_many_pixels,
)

_POINTS: Final = 72
_BROKEN: Final = (
    *(OSError, SyntaxError, EOFError, LookupError, ValueError, TypeError),
    *(ArithmeticError, struct.error),
)
"""What Pillow raises on a damaged picture."""


def read_image(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read each frame of an image file as a page, by recognition.

    Page sizes are those of `sheet_size`. A frame over `limits.max_pixels` is left out.

    Raises:
        MissingToolError: recognition is not installed, or does not start.
        CorruptFileError: cut off or damaged.
        LimitError: too many frames, or the only one has too many pixels.
    """
    if (obstacle := ocr.obstacle()) is not None:
        raise MissingToolError(
            f"这是图片，要识别（OCR）才能读出文字，本机不能识别。{obstacle}；"
            "或先用 OCR 软件转成带文字层的 PDF，再上传。"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata are not for the user
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _read_frames(image, builder, limits)
        except Image.DecompressionBombError as exc:
            raise too_many_pixels(limits) from exc
        except (UnidentifiedImageError, *_BROKEN) as exc:
            raise CorruptFileError(f"图片已损坏或没有传完，无法读取。{_AGAIN}") from exc


def _read_frames(image: Image.Image, builder: DocumentBuilder, limits: Limits) -> None:
    count = count_frames(image)
    if count > limits.max_pages:
        raise over_limit(f"图片有 {count} 页", "max_pages", f"{limits.max_pages} 页")
    contents: list[PageContent] = []
    too_large: list[int] = []
    for at in range(count):
        image.seek(at)
        width, height = sheet_size(image)
        if image.width * image.height > limits.max_pixels:
            too_large.append(at + 1)
        contents.append(PageContent(Page(at + 1, width, height), Geometry(0, 0, width, height, 0)))
    if len(too_large) == count:
        check_frame(image, limits)
    damaged: list[int] = []

    def render(number: int, dpi: float) -> tuple[Any, float]:
        return _render(image, number, dpi, damaged)

    numbers = [page.page.number for page in contents if page.page.number not in too_large]
    fill_pages(contents, builder)
    outcome = recognize_pages(contents, numbers, render, limits)
    if len(damaged) == len(numbers):
        raise CorruptFileError(f"图片已损坏或没有传完，无法读取。{_AGAIN}")
    outcome.empty = [number for number in outcome.empty if number not in damaged]
    outcome.warn(builder, limits)
    _warn(too_large, damaged, builder, limits)
    write_pages(contents, builder, limits)


def _render(image: Image.Image, number: int, dpi: float, damaged: list[int]) -> tuple[Any, float]:
    """Return the pixels of a frame, reduced to so many dots an inch, and points a pixel.

    A damaged frame is blank.
    """
    import numpy as np

    try:
        image.seek(number - 1)
        width, height = sheet_size(image)
        frame = shown(image)
    except (OSError, SyntaxError, EOFError, ValueError):
        damaged.append(number)
        return np.full((64, 64, 3), 255, dtype=np.uint8), 1.0
    wanted = (max(round(width * dpi / _POINTS), 1), max(round(height * dpi / _POINTS), 1))
    if wanted[0] * wanted[1] < frame.width * frame.height:
        frame = frame.resize(wanted, Image.Resampling.LANCZOS)
    return np.asarray(frame), width / frame.width


def _warn(
    too_large: Sequence[int], damaged: Sequence[int], builder: DocumentBuilder, limits: Limits
) -> None:
    if too_large:
        message = (
            f"第{page_list(too_large)}页的图片超过 {limits.max_pixels:,} 像素，没有读取。"
            "请降低扫描的清晰度（300 dpi 即可），"
            "或让管理员调大解析限额 max_pixels（设置 HECHA_LIMITS）。"
        )
        builder.warn("page_too_large", message, page=too_large[0], partial=True)
    if damaged:
        message = f"第{page_list(sorted(damaged))}页已损坏，没有读取。{_AGAIN}"
        builder.warn("page_unreadable", message, page=min(damaged), partial=True)


_AGAIN: Final = "请重新扫描、下载或复制原文件后再上传。"
