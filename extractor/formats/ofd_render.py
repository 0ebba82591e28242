"""A picture of an OFD page for people to look at: text at its places, pictures, simple paths.

It shows where things stand, in a font of this machine; it is no proof of how a page is printed.
Of a hostile page, the first 100,000 characters and 500,000 points are painted.
"""

from __future__ import annotations

import io
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageChops, ImageDraw, ImageFont

from extractor.errors import CorruptFileError, MissingToolError
from extractor.formats.chinese_font import find_font
from extractor.formats.limits import DEFAULT_LIMITS
from extractor.formats.ofd_colour import Colour, colour_of
from extractor.formats.ofd_content import (
    Content,
    ContentReader,
    Item,
    Paper,
    is_drawn,
    paper_of,
    picture_box,
    subpaths,
)
from extractor.formats.ofd_package import OfdDocument, OfdPackage, PageEntry, child, number
from extractor.formats.ofd_text import Glyphs, read_text_object
from extractor.formats.page_images import MOST_PIXELS, POINTS, check_pixels, no_such_page

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MOST_CHARACTERS: Final = 100_000
_MOST_POINTS: Final = 500_000
_LARGEST_FONT: Final = 2000  # pixels
_LEVEL: Final = 0.02  # radians
_MISSING: Final = (200, 200, 200)

_Font = ImageFont.FreeTypeFont


def render_ofd_page(data: bytes, page: int, dpi: float, most_pixels: int) -> Image.Image:
    """Draw a page (from 1, through all documents of the container).

    Raises:
        MissingToolError: no font with Chinese characters is installed.
        PageNotFoundError: there is no such page.
        LimitError: too many pixels, or over one of the limits of reading.
        ParseError: the file or the page cannot be read.
    """
    return paint_page(OfdPackage(data, DEFAULT_LIMITS), page, dpi, most_pixels)


def paint_page(package: OfdPackage, page: int, dpi: float, most_pixels: int) -> Image.Image:
    """Draw a page of an open container; else as `render_ofd_page`."""
    document, entry = _find(package, page)
    opened = package.open_page(document, entry)
    paper = paper_of(opened.box or document.page_box)
    scale = dpi / POINTS
    check_pixels(paper.width * scale, paper.height * scale, page, dpi, most_pixels)
    canvas = _Canvas(package, document, paper, scale)
    for _, part in opened.behind:
        canvas.draw(package.spare_xml(part))
    canvas.draw(opened.root)
    for _, part in opened.before:
        canvas.draw(package.spare_xml(part))
    canvas.draw(package.spare_xml(document.annotations.get(entry.id)))
    return canvas.image()


def _find(package: OfdPackage, page: int) -> tuple[OfdDocument, PageEntry]:
    first = 1
    for document in package.documents:
        if first <= page < first + len(document.pages):
            return document, document.pages[page - first]
        first += len(document.pages)
    raise no_such_page(page, first - 1)


@lru_cache(1)
def _font_file() -> str:
    found = find_font()
    if found is None:
        raise MissingToolError(
            "没有找到中文字体，不能画出页面图像。请安装一种中文字体，例如软件包 fonts-noto-cjk。"
        )
    return found


@lru_cache(64)
def _font(pixels: int) -> _Font:
    return ImageFont.truetype(_font_file(), pixels)


class _Canvas:
    """A sheet of paper on which the objects of a page are painted one over the other."""

    def __init__(
        self, package: OfdPackage, document: OfdDocument, paper: Paper, scale: float
    ) -> None:
        width = max(round(paper.width * scale), 1)
        height = max(round(paper.height * scale), 1)
        self._image = Image.new("RGB", (width, height), "white")
        self._pen = ImageDraw.Draw(self._image)
        self._package = package
        self._document = document
        self._paper = paper
        self._scale = scale
        self._characters = 0
        self._points = 0

    def image(self) -> Image.Image:
        """Return the page, in grey where no colour was painted."""
        red, green, blue = self._image.split()
        pairs = ((red, green), (green, blue))
        coloured = any(ImageChops.difference(*pair).getbbox() for pair in pairs)
        return self._image if coloured else red

    def draw(self, root: Element | None) -> None:
        """Paint the content below an element; nothing for None."""
        if root is None:
            return
        reader = ContentReader(self._document.units)
        for item in reader.items(root, self._paper.matrix, Content()):
            if item.kind == "TextObject":
                colour = colour_of(child(item.element, "FillColor"))
                for glyphs in read_text_object(item.element, item.matrix):
                    self._draw_text(glyphs, colour)
            elif item.kind == "ImageObject":
                self._draw_picture(item)
            else:
                self._draw_path(item)

    def _draw_text(self, glyphs: Glyphs, colour: Colour) -> None:
        pixels = round(glyphs.size * self._scale)
        self._characters += len(glyphs.text)
        if not 0 < pixels <= _LARGEST_FONT or self._characters > _MOST_CHARACTERS:
            return
        font = _font(pixels)
        is_level = abs(math.remainder(glyphs.angle, math.tau)) < _LEVEL
        for char, (x, y) in zip(glyphs.text, glyphs.origins, strict=True):
            at = (x * self._scale, y * self._scale)
            if char.isspace() or not self._is_near(at, pixels):
                continue
            if is_level:
                self._pen.text(at, char, fill=colour, font=font, anchor="ls")
            else:
                self._draw_turned(char, at, font, glyphs.angle, colour)

    def _is_near(self, at: tuple[float, float], pixels: int) -> bool:
        width, height = self._image.size
        return -pixels < at[0] < width + pixels and -pixels < at[1] < height + pixels

    def _draw_turned(
        self, char: str, at: tuple[float, float], font: _Font, angle: float, colour: Colour
    ) -> None:
        side = 4 * round(font.size)
        mask = Image.new("L", (side, side))
        ImageDraw.Draw(mask).text((side / 2, side / 2), char, fill=255, font=font, anchor="ls")
        mask = mask.rotate(-math.degrees(angle), resample=Image.Resampling.BICUBIC)
        corner = (round(at[0] - side / 2), round(at[1] - side / 2))
        self._image.paste(colour, corner, mask)

    def _draw_path(self, item: Item) -> None:
        stroke, fill = is_drawn(item.element)
        line = colour_of(child(item.element, "StrokeColor"))
        area = colour_of(child(item.element, "FillColor"))
        a, b, _, _, _, _ = item.matrix
        wide = number(item.element.get("LineWidth"), 0.353) * math.hypot(a, b) * self._scale
        for points, _ in subpaths(item):
            self._points += len(points)
            if self._points > _MOST_POINTS:
                return
            shown = [self._clamped(x * self._scale, y * self._scale) for x, y in points]
            if fill and len(shown) > 2:
                self._pen.polygon(shown, fill=area)
            if stroke and len(shown) > 1:
                self._pen.line(shown, fill=line, width=min(max(round(wide), 1), 100))

    def _clamped(self, x: float, y: float) -> tuple[float, float]:
        width, height = self._image.size
        return min(max(x, -width), 2.0 * width), min(max(y, -height), 2.0 * height)

    def _draw_picture(self, item: Item) -> None:
        x0, top, x1, bottom = (edge * self._scale for edge in picture_box(item))
        left, upper = self._clamped(x0, top)
        right, lower = self._clamped(x1, bottom)
        box = (round(left), round(upper), round(right), round(lower))
        size = (box[2] - box[0], box[3] - box[1])
        if min(size) < 1:
            return
        picture = self._open_picture(item.element.get("ResourceID", ""), size)
        if picture is None:
            self._pen.rectangle(box, outline=_MISSING)
            self._pen.line((box[0], box[1], box[2], box[3]), fill=_MISSING)
        else:
            self._image.paste(picture.convert("RGB"), box[:2], picture.getchannel("A"))

    def _open_picture(self, resource: str, size: tuple[int, int]) -> Image.Image | None:
        """Return a picture in this size with its transparency; None if it cannot be shown."""
        part = self._document.media.get(resource)
        if part is None:
            return None
        try:
            with Image.open(io.BytesIO(self._package.bytes_of(part)), formats=_PICTURES) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    return None
                return picture.convert("RGBA").resize(size)
        except (
            CorruptFileError,
            OSError,
            ValueError,
            SyntaxError,
            Image.DecompressionBombError,
            Image.DecompressionBombWarning,
        ):
            return None


_PICTURES: Final = ("PNG", "JPEG", "BMP", "TIFF", "GIF")
