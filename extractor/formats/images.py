"""Pictures of pages: PNG, JPEG, TIFF of several pages, BMP, WebP and GIF, read by recognition."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any, Final

from PIL import Image, ImageOps, UnidentifiedImageError

from extractor.document import DocumentBuilder, Page
from extractor.errors import CorruptFileError, MissingToolError
from extractor.formats import ocr
from extractor.formats.limits import Limits, over_limit
from extractor.formats.ocr_pages import recognize_pages
from extractor.formats.pdf_characters import Geometry
from extractor.formats.pdf_writing import PageContent, page_list, write_pages

_FORMATS: Final = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "MPO")
_POINTS: Final = 72
# Points: the shorter side of A4, and of the smallest and the largest sheet that is scanned.
_A4: Final = 595.0
_SMALLEST, _LARGEST = 280.0, 1300.0
_ORIENTATION: Final = 0x0112
_SIDEWAYS: Final = (5, 6, 7, 8)
_PAPER: Final = "white"


def read_image(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read each frame of an image file as a page, by recognition.

    Page sizes come from the dots an inch that the file states, where they make a sheet of paper;
    else the shorter side is taken for that of A4. A frame over `limits.max_pixels` is left out.

    Raises:
        MissingToolError: recognition is not installed.
        CorruptFileError: cut off or damaged.
        LimitError: too many frames, or the only one has too many pixels.
    """
    if not ocr.is_available():
        raise MissingToolError(
            f"这是图片，要识别（OCR）才能读出文字，本机没有安装识别组件。{ocr.INSTALL}；"
            "或先用 OCR 软件转成带文字层的 PDF，再上传。"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata are not for the user
        try:
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                _read_frames(image, builder, limits)
        except (UnidentifiedImageError, OSError, SyntaxError, EOFError) as exc:
            raise CorruptFileError(f"图片已损坏或没有传完，无法读取。{_AGAIN}") from exc


def _read_frames(image: Image.Image, builder: DocumentBuilder, limits: Limits) -> None:
    count = int(getattr(image, "n_frames", 1)) if image.format != "GIF" else 1
    if count > limits.max_pages:
        raise over_limit(f"图片有 {count} 页", "max_pages", f"{limits.max_pages} 页")
    contents: list[PageContent] = []
    too_large: list[int] = []
    for at in range(count):
        image.seek(at)
        width, height = _size(image)
        if image.width * image.height > limits.max_pixels:
            too_large.append(at + 1)
        contents.append(PageContent(Page(at + 1, width, height), Geometry(0, 0, width, height, 0)))
    if len(too_large) == count:
        found = f"图片有 {image.width:,}×{image.height:,} 像素"
        raise over_limit(found, "max_pixels", f"{limits.max_pixels:,} 像素")
    damaged: list[int] = []

    def render(number: int, dpi: float) -> tuple[Any, float]:
        return _render(image, number, dpi, damaged)

    numbers = [page.page.number for page in contents if page.page.number not in too_large]
    outcome = recognize_pages(contents, numbers, render, limits)
    if len(damaged) == len(numbers):
        raise CorruptFileError(f"图片已损坏或没有传完，无法读取。{_AGAIN}")
    outcome.empty = [number for number in outcome.empty if number not in damaged]
    outcome.warn(builder, limits)
    _warn(too_large, damaged, builder, limits)
    write_pages(contents, builder, limits)


def _size(image: Image.Image) -> tuple[float, float]:
    """Return width and height in points of the sheet, turned as it is shown."""
    width, height = image.size
    across, down = _resolution(image.info.get("dpi"))
    size = (width * _POINTS / across, height * _POINTS / down) if across and down else (0.0, 0.0)
    if not _SMALLEST <= min(size) <= _LARGEST:
        scale = _A4 / min(width, height)
        size = (width * scale, height * scale)
    sideways = image.getexif().get(_ORIENTATION) in _SIDEWAYS
    return (size[1], size[0]) if sideways else size


def _resolution(stated: object) -> tuple[float, float]:
    if isinstance(stated, Sequence) and len(stated) == 2:
        across, down = (float(value) for value in stated)
        if across > 1 and down > 1:  # NaN fails this too
            return across, down
    return 0.0, 0.0


def _render(image: Image.Image, number: int, dpi: float, damaged: list[int]) -> tuple[Any, float]:
    """Return the pixels of a frame, reduced to so many dots an inch, and points a pixel.

    A damaged frame is blank.
    """
    import numpy as np

    try:
        image.seek(number - 1)
        width, height = _size(image)
        frame = _on_paper(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, EOFError, ValueError):
        damaged.append(number)
        return np.full((64, 64, 3), 255, dtype=np.uint8), 1.0
    wanted = (max(round(width * dpi / _POINTS), 1), max(round(height * dpi / _POINTS), 1))
    if wanted[0] * wanted[1] < frame.width * frame.height:
        frame = frame.resize(wanted, Image.Resampling.LANCZOS)
    return np.asarray(frame), width / frame.width


def _on_paper(frame: Image.Image) -> Image.Image:
    """Return the frame as RGB, with white where it is transparent."""
    if frame.mode.startswith("I") or frame.mode == "F":
        highest = frame.getextrema()[1]
        scale = 255 / max(float(highest), 255.0)  # type: ignore[arg-type]
        frame = frame.point(lambda level: level * scale).convert("L")
    if frame.has_transparency_data:
        frame = frame.convert("RGBA")
        paper = Image.new("RGB", frame.size, _PAPER)
        paper.paste(frame, mask=frame.getchannel("A"))
        return paper
    return frame.convert("RGB")


def _warn(
    too_large: Sequence[int], damaged: Sequence[int], builder: DocumentBuilder, limits: Limits
) -> None:
    if too_large:
        message = (
            f"第{page_list(too_large)}页的图片超过 {limits.max_pixels:,} 像素，没有读取。"
            "请降低扫描的清晰度（300 dpi 即可），或让管理员调大解析限额 max_pixels。"
        )
        builder.warn("page_too_large", message, page=too_large[0], partial=True)
    if damaged:
        message = f"第{page_list(sorted(damaged))}页已损坏，没有读取。{_AGAIN}"
        builder.warn("page_unreadable", message, page=min(damaged), partial=True)


_AGAIN: Final = "请重新扫描、下载或复制原文件后再上传。"
