"""The picture of an OFD page: what is on the page is where the boxes say."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from api.exports.page_pictures import draw_pages
from api.exports.side_by_side import side_by_side_html
from corpus.ofd_writer import Picture, Raw, Rule, Sheet, Text, Volume, write_ofd, write_text
from extractor import extract
from extractor.document import Page, Span
from extractor.errors import LimitError, MissingToolError, PageNotFoundError
from extractor.formats import chinese_font, ofd_render, parse
from extractor.formats.chinese_font import find_font
from extractor.formats.page_images import draw_page, has_page_images, page_image
from tests.sample_files import changed

needs_font = pytest.mark.skipif(find_font() is None, reason="no font with Chinese characters")
INK = 100


def rendered(data: bytes, page: int = 1, dpi: float = 72) -> Image.Image:
    return draw_page(data, page, dpi=dpi).convert("RGB")


def has_ink(image: Image.Image, box: tuple[float, float, float, float]) -> bool:
    """Tell whether something dark stands inside a box of pixels."""
    part = image.convert("L").crop((round(box[0]), round(box[1]), round(box[2]), round(box[3])))
    return any(part.histogram()[:INK])


@needs_font
@pytest.mark.parametrize("turn", [0, 90, 270])
@pytest.mark.parametrize("dpi", [72, 150])
def test_ink_stands_in_the_boxes_and_nowhere_else(turn: int, dpi: float) -> None:
    data = write_text(Text(60, 150, "事故调查报告", 8, turn=turn))
    document = parse(data, "a.ofd")
    image = rendered(data, dpi=dpi)
    assert image.size == (round(595.28 * dpi / 72), round(841.89 * dpi / 72))
    _, x0, top, x1, bottom = document.boxes(Span(0, 6))[0]
    box = tuple(edge * dpi / 72 for edge in (x0, top, x1, bottom))
    assert has_ink(image, (box[0], box[1], box[2], box[3]))
    white = (round(box[0]) - 2, round(box[1]) - 2, round(box[2]) + 2, round(box[3]) + 2)
    image.paste("white", white)
    assert not has_ink(image, (0, 0, *image.size))


@needs_font
def test_templates_annotations_and_the_page_asked_for() -> None:
    pages = [Sheet(), Sheet([Text(28, 80, "正文")], templates=[0])]
    annotations = [Text(28, 200, "批注")]
    data = write_ofd(
        Volume(pages[:1], annotations=annotations),
        Volume(pages, templates=[[Rule(20, 120, 190, 120)]]),
    )
    seen = []
    for page in (1, 2, 3):
        image = rendered(data, page)
        places = ((70, 205, 130, 230), (60, 330, 500, 350), (70, 540, 130, 570))
        seen.append([has_ink(image, place) for place in places])
    assert seen == [[False, False, True], [False, False, False], [True, True, False]]


def colour_at(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """The colour at a place in millimetres of an image at 72 dots an inch."""
    pixel = image.getpixel((round(x * 72 / 25.4), round(y * 72 / 25.4)))
    assert isinstance(pixel, tuple)
    return pixel


def test_pictures_and_areas_are_painted_in_their_colours() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(buffer, "PNG")
    area = (
        '<{p}PathObject ID="1" Boundary="100 50 40 40" Fill="true" Stroke="false">'
        '<{p}FillColor Value="0 0 255"/><{p}AbbreviatedData>M 0 20 B 0 9 9 0 20 0 B 31 0 40 9 '
        "40 20 Q 40 40 20 40 A 20 20 0 0 1 0 20 C</{p}AbbreviatedData></{p}PathObject>"
    )
    image = rendered(write_text(Picture(20, 50, 40, 40, buffer.getvalue()), Raw(area)))
    assert colour_at(image, 40, 70) == (200, 30, 30)
    assert colour_at(image, 120, 65) == (0, 0, 255)
    assert colour_at(image, 80, 70) == (255, 255, 255)


@pytest.mark.parametrize(
    ("value", "colour"),
    [
        pytest.param("128", (128, 128, 128), id="grey"),
        pytest.param("10 20 30", (10, 20, 30), id="RGB"),
        pytest.param("0 255 255 0", (255, 0, 0), id="CMYK"),
        pytest.param("-5 300 x", (0, 255, 0), id="out of range"),
        pytest.param("1 2", (0, 0, 0), id="no colour"),
    ],
)
def test_colours(value: str, colour: tuple[int, int, int]) -> None:
    path = "<{p}AbbreviatedData>M 0 0 L 40 0</{p}AbbreviatedData>"
    stroke = f'<{{p}}StrokeColor Value="{value}"/>'
    box = 'Boundary="20 50 40 1" LineWidth="4"'
    line = f'<{{p}}PathObject ID="1" {box}>{stroke}{path}</{{p}}PathObject>'
    assert colour_at(rendered(write_text(Raw(line))), 40, 50) == colour


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_picture_that_cannot_be_shown_leaves_a_frame(content: bytes) -> None:
    image = rendered(write_text(Picture(20, 50, 40, 40, content)))
    assert colour_at(image, 20, 70) == (200, 200, 200)


def test_a_template_may_lie_over_the_page() -> None:
    red, blue = '<{p}FillColor Value="255 0 0"/>', '<{p}FillColor Value="0 0 255"/>'
    box = '<{p}PathObject ID="1" Boundary="20 50 40 40" Fill="true" Stroke="false">'
    data = "<{p}AbbreviatedData>M 0 0 L 40 0 L 40 40 L 0 40 C</{p}AbbreviatedData></{p}PathObject>"
    page, template = Raw(box + red + data), Raw(box + blue + data)
    under = write_ofd(Volume([Sheet([page], templates=[0])], templates=[[template]]))
    over = changed(
        under, lambda _, old: old.replace(b"<ofd:Template ", b'<ofd:Template ZOrder="Foreground" ')
    )
    assert colour_at(rendered(under), 40, 70) == (255, 0, 0)
    assert colour_at(rendered(over), 40, 70) == (0, 0, 255)


@needs_font
def test_what_is_too_much_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ofd_render, "_MOST_CHARACTERS", 4)
    monkeypatch.setattr(ofd_render, "_MOST_POINTS", 2)
    data = write_text(
        Text(28, 80, "四个字吗"),
        Text(28, 120, "多"),
        Rule(28, 150, 90, 150),
        Rule(28, 180, 90, 180),
    )
    image = rendered(data)
    rows = [(70, y * 72 / 25.4 - 15, 280, y * 72 / 25.4 + 2) for y in (80, 120, 150, 180)]
    assert [has_ink(image, row) for row in rows] == [True, False, True, False]


def test_strange_places_do_no_harm() -> None:
    path = "M 1e5 1e5 L -1e5 nan B 1 2 3 4 5 6"
    items = (
        Raw('<{p}PathObject ID="1" LineWidth="1e5" CTM="1e5 1e5 1 1 0 0"><{p}AbbreviatedData>'),
        Raw(f"{path}</{{p}}AbbreviatedData></{{p}}PathObject>"),
        Raw('<{p}ImageObject ID="2" ResourceID="9" Boundary="-9e5 -9e5 9e5 1e6"/>'),
        Raw('<{p}ImageObject ID="2" ResourceID="9" Boundary="5 5 0 0"/>'),
        Text(9e5, 10, "远"),
        Text(10, 100, "大", 9e4),
    )
    assert rendered(write_text(*items)).size == (595, 842)


def test_a_page_that_is_not_there_and_one_too_large() -> None:
    data = write_text(Text(28, 80, "正文"))
    with pytest.raises(PageNotFoundError, match="没有第2页，文件共 1 页"):
        page_image(data, 2)
    with pytest.raises(LimitError, match="不超过 643 dpi"):
        page_image(data, 1, dpi=1200)
    huge = changed(data, lambda _, part: part.replace(b"210.0 297.0", b"20000 20000"))
    with pytest.raises(LimitError, match="像素"):
        page_image(huge, 1, dpi=72)


def test_without_a_font_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    ofd_render._font_file.cache_clear()
    ofd_render._font.cache_clear()
    monkeypatch.setattr(chinese_font, "_FONTS", ("/nowhere.ttc",))
    with pytest.raises(MissingToolError, match="fonts-noto-cjk"):
        page_image(write_text(Text(28, 80, "正文")), 1)
    ofd_render._font_file.cache_clear()


@needs_font
def test_black_on_white_is_grey_and_a_thin_red_line_keeps_its_colour() -> None:
    red = '<{p}StrokeColor Value="255 0 0"/><{p}AbbreviatedData>M 0 0 L 40 0</{p}AbbreviatedData>'
    line = Raw(f'<{{p}}PathObject ID="1" Boundary="20 50 40 1">{red}</{{p}}PathObject>')
    text = Text(28, 80, "正文")
    assert [draw_page(write_text(*items), 1).mode for items in ([text], [text, line])] == [
        "L",
        "RGB",
    ]


@needs_font
def test_the_pages_stand_beside_the_text_for_people() -> None:
    data = write_ofd(Volume([Sheet([Text(28, 80, "第一页。")]), Sheet([Text(28, 80, "第二页。")])]))
    document = parse(data, "a.ofd")
    html = side_by_side_html(data, document, extract(document))
    assert has_page_images(document.media_type)
    assert html.count("data:image/png;base64,") == 2


def test_a_missing_font_is_said_once_for_all_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    ofd_render._font_file.cache_clear()
    ofd_render._font.cache_clear()
    monkeypatch.setattr(chinese_font, "_FONTS", ())
    sheets = [Sheet([Text(28, 80, "正文")])] * 3
    found = draw_pages(write_ofd(Volume(sheets)), [Page(at, 595, 842) for at in (1, 2, 3)])
    assert found.uris == {}
    assert [note for note in found.notes if "字体" in note] == found.notes
    assert len(found.notes) == 1
    ofd_render._font_file.cache_clear()
