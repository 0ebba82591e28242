"""The frames of picture files: how large the sheet is that they show, and its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageOps

from extractor.errors import LimitError
from extractor.formats.limits import Limits, over_limit

FORMATS: Final = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "MPO")
"""What Pillow is asked to open, by its own names."""
_POINTS: Final = 72
# Points: the shorter side of A4, and of the smallest and the largest sheet that is scanned.
_A4: Final = 595.0
_SMALLEST, _LARGEST = 280.0, 1300.0
_ORIENTATION: Final = 0x0112
_SIDEWAYS: Final = (5, 6, 7, 8)
_PAPER: Final = "white"


def count_frames(image: Image.Image) -> int:
    """Return how many pages a picture has; of an animation the first frame is the picture."""
    return int(getattr(image, "n_frames", 1)) if image.format in ("TIFF", "MPO") else 1


def check_frame(image: Image.Image, limits: Limits) -> None:
    """Refuse a frame with too many pixels, before it is unpacked.

    Raises:
        LimitError: over `max_pixels`.
    """
    if image.width * image.height > limits.max_pixels:
        raise too_many_pixels(limits, f"图片有 {image.width:,}×{image.height:,} 像素")


def too_many_pixels(limits: Limits, found: str = "图片的像素过多") -> LimitError:
    """Return the error for a picture over `max_pixels`; `found` says what it has."""
    return over_limit(found, "max_pixels", f"{limits.max_pixels:,} 像素")


def sheet_size(image: Image.Image) -> tuple[float, float]:
    """Return width and height in points of the sheet, turned as it is shown.

    They come from the dots an inch that the file states, where these make a sheet of paper; else
    the shorter side is taken for that of A4.
    """
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
        try:
            across, down = (float(value) for value in stated)
        except (TypeError, ValueError, ZeroDivisionError):
            return 0.0, 0.0
        if across > 1 and down > 1:  # NaN fails this too
            return across, down
    return 0.0, 0.0


def shown(image: Image.Image) -> Image.Image:
    """Return the frame as RGB, turned as its camera says, with white where it is transparent."""
    frame = ImageOps.exif_transpose(image)
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
