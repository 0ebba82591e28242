"""Scans of an invented report: pages typeset as official documents are, then made into pictures.

A picture can be skewed, noisy, stamped with a red seal over the text and packed as JPEG. Equal
settings give equal pictures. What was printed is known, so that recognition can be measured.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pypdfium2
from PIL import Image, ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from bench.long_report import long_report

FONT: Final = "STSong-Light"
# GB/T 9704-2012, 5.2: 22 lines of 28 characters of size 16, margins of 37 and 28 mm.
SIZE, STEP, CHARACTERS, ROWS = 16.0, 28.95, 28, 22
LEFT, TOP = 79.4, 104.9
_NOT_FIRST: Final = frozenset("，。；：！？、”’）》〉」』】〕％%,.;:!?)]}…—")
_SEAL_DIAMETER: Final = 119.0  # points: 42 mm
_SEAL_RED: Final = (214, 38, 40)
_SEAL_WORDS: Final = "云溪县事故调查组"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One typeset page: its printed lines with their indent, and its page number."""

    lines: tuple[tuple[float, str], ...]
    number: int

    @property
    def text(self) -> str:
        """What stands on the page, without its page number and without line breaks."""
        return "".join(text for _, text in self.lines)


@dataclass(frozen=True, slots=True)
class Wear:
    """What a scanner does to a page: dots an inch, degrees, grey levels, quality of JPEG."""

    dpi: int = 200
    skew: float = 0.0
    noise: float = 0.0
    seal: bool = False
    quality: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """A report as text, one paragraph a line, and as typeset pages."""

    text: str
    sheets: tuple[Sheet, ...]
    pdf: bytes = field(repr=False)


def build_report(characters: int) -> Report:
    """Typeset an invented report of at least this length."""
    text = long_report(characters)
    sheets = tuple(_sheets(text.split("\n")))
    return Report(text, sheets, _print(sheets))


def _sheets(paragraphs: Sequence[str]) -> Iterator[Sheet]:
    title, *body = [text for text in paragraphs if text]
    lines = [*_broken(title), (0.0, "")]  # a blank line parts the title from the text
    lines += [line for text in body for line in _broken(text)]
    for number, first in enumerate(range(0, len(lines), ROWS), 1):
        yield Sheet(tuple(lines[first : first + ROWS]), number)


def _broken(text: str) -> Iterator[tuple[float, str]]:
    """Yield indent and text of each line; a closing mark may hang over the edge."""
    indent, room = 2 * SIZE, (CHARACTERS - 2) * SIZE
    start, width = 0, 0.0
    for at, char in enumerate(text):
        step = pdfmetrics.stringWidth(char, _font(), SIZE)
        if width + step > room + 0.1 and char not in _NOT_FIRST and at > start:
            yield indent, text[start:at]
            indent, room, start, width = 0.0, CHARACTERS * SIZE, at, 0.0
        width += step
    yield indent, text[start:]


def _font() -> str:
    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    return FONT


def _print(sheets: Sequence[Sheet]) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, invariant=1)
    for sheet in sheets:
        canvas.setFont(_font(), SIZE)
        for row, (indent, text) in enumerate(sheet.lines):
            canvas.drawString(LEFT + indent, A4[1] - TOP - SIZE - STEP * row, text)
        canvas.setFont(_font(), 14)
        canvas.drawCentredString(A4[0] / 2, 68, f"— {sheet.number} —")
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def pictures(pdf: bytes, wear: Wear) -> Iterator[Image.Image]:
    """Yield each page of a PDF as a scanner would give it."""
    with closing(pypdfium2.PdfDocument(pdf)) as document:
        for at in range(len(document)):
            image = document[at].render(scale=wear.dpi / 72).to_pil().convert("RGB")
            yield worn(image, wear, at)


def worn(image: Image.Image, wear: Wear, page: int = 0) -> Image.Image:
    """Return the picture of a page with the seal, skew, noise and JPEG marks of `wear`.

    Pages are skewed to one side and to the other by turns.
    """
    random = np.random.default_rng((wear.seed, page))
    if wear.seal:
        image = _stamped(image, wear.dpi, random)
    if wear.skew:
        angle = wear.skew * (1 if page % 2 else -1)
        image = image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=(255, 255, 255))
    if wear.noise:
        pixels = np.asarray(image, dtype=np.float32)
        paper = 8 * random.random()  # scanned paper is not quite white
        grain = random.normal(0, wear.noise, (*pixels.shape[:2], 1)).astype(np.float32)
        image = Image.fromarray(np.clip(pixels - paper + grain, 0, 255).astype(np.uint8))
    if wear.quality is not None:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=wear.quality)
        image = Image.open(file)
        image.load()
    return image


def _stamped(image: Image.Image, dpi: int, random: np.random.Generator) -> Image.Image:
    """Return the picture with a round red seal over text of its lower half."""
    size = round(_SEAL_DIAMETER * dpi / 72)
    seal = Image.new("L", (size, size), 0)
    draw = ImageDraw.Draw(seal)
    width = max(size // 40, 2)
    draw.ellipse((0, 0, size - 1, size - 1), outline=255, width=width)
    draw.polygon(_star(size / 2, size / 2, size / 7), fill=255)
    _write_around(seal, size)
    ink = np.asarray(seal, dtype=np.float32) / 255
    ink *= np.where(random.random(ink.shape) < 0.06, 0.35, 0.92)  # seals print unevenly
    left = round(image.width * (0.5 + 0.2 * random.random()))
    top = round(image.height * (0.55 + 0.2 * random.random()))
    pixels = np.array(image, dtype=np.float32)
    part = pixels[top : top + size, left : left + size]
    ink = ink[: part.shape[0], : part.shape[1], np.newaxis]
    red = np.array(_SEAL_RED, dtype=np.float32) / 255
    part *= 1 - ink * (1 - red)  # ink darkens what it covers
    return Image.fromarray(pixels.astype(np.uint8))


def _star(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    points = []
    for at in range(10):
        reach = radius if at % 2 == 0 else radius * 0.382
        angle = math.pi * (at / 5 - 0.5)
        points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
    return points


def _write_around(seal: Image.Image, size: int) -> None:
    """Write the words of the seal along its rim."""
    letter = size // 7
    for at, char in enumerate(_SEAL_WORDS):
        turn = (at - (len(_SEAL_WORDS) - 1) / 2) * 30
        glyph = _glyph(char, letter).rotate(-turn, Image.Resampling.BICUBIC, expand=True)
        angle = math.radians(turn - 90)
        x = size / 2 + 0.36 * size * math.cos(angle) - glyph.width / 2
        y = size / 2 + 0.36 * size * math.sin(angle) - glyph.height / 2
        seal.paste(255, (round(x), round(y)), glyph)


def _glyph(char: str, size: int) -> Image.Image:
    """Return one printed character in white on black, by the same road as the pages."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(size, size), invariant=1)
    canvas.setFont(_font(), size * 0.95)
    canvas.drawString(size * 0.02, size * 0.15, char)
    canvas.save()
    with closing(pypdfium2.PdfDocument(file.getvalue())) as document:
        shown: Any = document[0].render(scale=1).to_pil().convert("L")
    return Image.eval(shown, lambda level: 255 - level)


def has_chinese_font() -> bool:
    """Tell whether pdfium finds a Chinese font to draw with."""
    return _glyph("国", 40).getbbox() is not None


def as_pdf(images: Sequence[Image.Image], dpi: int, quality: int = 90) -> bytes:
    """Return a PDF of pictures alone, as scanners make it."""
    file = io.BytesIO()
    images[0].save(
        file,
        "PDF",
        save_all=True,
        append_images=images[1:],
        resolution=dpi,
        quality=quality,
    )
    return file.getvalue()
