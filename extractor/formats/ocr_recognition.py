"""What recognition of a picture gives: pieces of text with their places, and how the page lay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # it would load pdfium, which who only asks for the installation does not need
    from extractor.formats.pdf_drawing import Edge

INSTALL: Final = "请让管理员安装识别组件：pip install 'hecha[ocr]'（识别在本机进行，不联网）"
"""What to do where recognition is not installed."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of recognised characters; places are in points on the page turned and levelled.

    `left` and `right` have one entry a character; `confidence` is 0 to 1.
    """

    text: str
    left: tuple[float, ...]
    right: tuple[float, ...]
    top: float
    bottom: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was read from the picture of a page.

    The page was turned clockwise by `turn` degrees (a multiple of 90) to be read, and then
    clockwise by `skew` radians about its middle to be level. `upright` and `level` are the ruling
    lines, in points. `dropped` counts lines that were not legible, `is_cut` tells that the page
    held more than is read of one page.
    """

    pieces: tuple[Piece, ...]
    turn: int = 0
    skew: float = 0.0
    upright: tuple[Edge, ...] = ()
    level: tuple[Edge, ...] = ()
    dropped: int = 0
    is_cut: bool = False
