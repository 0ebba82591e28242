"""Page pictures: the right page, at the right size, the boxes on the print, within limits."""

from __future__ import annotations

import io
import threading
import zlib

import pytest
from PIL import Image

from extractor import page_image, parse
from extractor.document import Span
from extractor.errors import (
    CorruptFileError,
    EncryptedFileError,
    HechaError,
    LimitError,
    NoLayoutError,
    PageNotFoundError,
)
from extractor.formats.page_images import has_page_images
from tests.sample_files import A4, Print, Sheet, docx, paragraph, pdf, typeset

TEXT = "某某建设有限公司发生一起事故。"
TWO = pdf(Sheet([Print(80, 120, TEXT)]), Sheet([Print(200, 700, TEXT)]))


def shown(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    assert image.format == "PNG"
    return image


def picture(*sizes: tuple[int, int], form: str = "PNG", dpi: int | None = None) -> bytes:
    """A picture of one frame a size, each with a black corner at the upper left."""
    frames = []
    for size in sizes:
        frame = Image.new("RGB", size, "white")
        frame.paste("black", (0, 0, size[0] // 2, size[1] // 2))
        frames.append(frame)
    buffer = io.BytesIO()
    more = {"save_all": True, "append_images": frames[1:]} if len(frames) > 1 else {}
    frames[0].save(buffer, form, **more, **({"dpi": (dpi, dpi)} if dpi else {}))
    return buffer.getvalue()


@pytest.mark.parametrize("dpi", [36, 100, 150, 201.5])
def test_the_size_of_the_picture_follows_the_resolution(dpi: float) -> None:
    image = shown(page_image(TWO, 1, dpi=dpi))
    assert image.size == pytest.approx([side * dpi / 72 for side in A4], abs=1)


@pytest.mark.parametrize("rotation", [0, 90])
@pytest.mark.parametrize("page", [1, 2])
def test_the_boxes_stand_on_the_print_of_their_page(page: int, rotation: int) -> None:
    sheets = [
        Sheet([Print(80, 120, TEXT)], rotation=rotation),
        Sheet([Print(200, 700, TEXT)], rotation=rotation),
    ]
    data = pdf(*sheets)
    document = parse(data, "a.pdf")
    image = shown(page_image(data, page, dpi=144)).convert("L")
    (box,) = [b for b in document.boxes(Span(0, len(document.text))) if b[0] == page]
    inked = image.point(lambda value: 255 * (value < 128)).getbbox()
    assert inked is not None
    assert all(abs(2 * mine - ink) < 24 for mine, ink in zip(box[1:], inked, strict=True))


def test_black_on_white_is_grey_and_a_red_head_keeps_its_colour() -> None:
    assert shown(page_image(TWO, 1, dpi=72)).mode == "L"
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(buffer, "PNG")
    assert shown(page_image(buffer.getvalue(), 1)).mode == "RGB"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"])
def test_pictures_are_sheets_as_wide_as_a4(form: str) -> None:
    image = shown(page_image(picture((300, 400), form=form), 1, dpi=72))
    assert image.size == (595, 793)
    assert image.convert("L").getpixel((20, 20)) == pytest.approx(0, abs=12)
    assert image.convert("L").getpixel((560, 780)) == pytest.approx(255, abs=12)


def test_a_tiff_has_a_page_a_frame_of_the_size_that_its_resolution_makes() -> None:
    data = picture((1200, 800), (800, 1600), form="TIFF", dpi=200)
    assert shown(page_image(data, 1, dpi=100)).size == (600, 400)
    assert shown(page_image(data, 2, dpi=100)).size == (400, 800)
    assert shown(page_image(data, 2, dpi=400)).size == (1600, 3200)


@pytest.mark.parametrize(
    ("data", "page", "dpi", "error", "says"),
    [
        pytest.param(TWO, 3, 100, PageNotFoundError, "共 2 页", id="past the end"),
        pytest.param(TWO, 0, 100, PageNotFoundError, "从 1 开始", id="page 0"),
        pytest.param(TWO, 1, 5000, LimitError, "1200", id="resolution"),
        pytest.param(TWO, 1, 1200, LimitError, "不超过 643 dpi", id="pixels"),
        pytest.param(TEXT.encode(), 1, 100, NoLayoutError, "没有固定的版面", id="text"),
        pytest.param(docx(paragraph(TEXT)), 1, 100, NoLayoutError, "另存为 PDF", id="DOCX"),
        pytest.param(b"", 1, 100, NoLayoutError, "版面", id="nothing"),
        pytest.param(TWO[:300], 1, 100, CorruptFileError, "已损坏", id="cut PDF"),
        pytest.param(pdf(Sheet(), lock="1"), 1, 100, EncryptedFileError, "密码", id="locked"),
        pytest.param(picture((90, 90))[:70], 1, 100, CorruptFileError, "已损坏", id="cut PNG"),
        pytest.param(picture((90, 90)), 2, 100, PageNotFoundError, "共 1 页", id="frame 2"),
    ],
)
def test_what_cannot_be_shown_is_said(
    data: bytes, page: int, dpi: float, error: type[HechaError], says: str
) -> None:
    with pytest.raises(error, match=says):
        page_image(data, page, dpi=dpi)


def test_a_picture_is_measured_before_it_is_unpacked() -> None:
    """A PNG of 6 KB may claim 400 million pixels."""
    head = bytearray(picture((90, 90)))
    head[16:24] = (20_000).to_bytes(4, "big") * 2
    head[29:33] = zlib.crc32(bytes(head[12:29])).to_bytes(4, "big")
    with pytest.raises(LimitError):
        page_image(bytes(head), 1)


def test_threads_may_draw_and_read_at_once() -> None:
    """pdfium crashes the process without the lock."""
    data = typeset([TEXT * 40])
    wanted = page_image(data, 1, dpi=60)
    found: list[bool] = []

    def work() -> None:
        for _ in range(4):
            found.append(page_image(data, 1, dpi=60) == wanted)
            found.append(parse(data, "a.pdf").text == TEXT * 40)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 32


def test_which_formats_have_pages_to_show() -> None:
    assert has_page_images("application/pdf")
    assert has_page_images("image/tiff")
    assert not has_page_images("text/plain")
