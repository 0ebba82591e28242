"""OFD: text in reading order with its places, tables, furniture, in all ways of writing."""

from __future__ import annotations

import io
import re
import zipfile
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from corpus.ofd_writer import (
    BODY,
    OLD_NAMESPACE,
    Deltas,
    Item,
    Picture,
    Raw,
    Rule,
    Sheet,
    Style,
    Text,
    Volume,
    grid,
    typeset,
    width,
    write_ofd,
    write_text,
)
from extractor.document import Document, Span
from extractor.formats import parse
from extractor.formats.ofd_content import POINTS
from extractor.formats.ofd_text import deltas
from extractor.formats.page_images import draw_page
from tests.sample_files import changed

TITLE = "某某市某某建设有限公司“7·12”一般高处坠落事故调查报告"
PARAGRAPHS = (
    TITLE,
    "2023年7月12日14时20分许，某某市某某建设有限公司在城东安置房工地进行外墙作业时，发生一起高处坠落"
    "事故，造成1人死亡，直接经济损失约138.6万元。",
    "一、事故基本情况",
    "赵远山，某某市某某建设有限公司项目经理，未履行安全生产管理职责，建议由市应急管理局处上一年年收入"
    "40%的罚款（依据《中华人民共和国安全生产法》第九十五条）。",
)
LONG = (TITLE, *(f"（{at}）{PARAGRAPHS[1]}" for at in range(40)))
ALL_DELTAS: tuple[Deltas, ...] = ("list", "runs", "none", "each", "scaled")


def read(data: bytes) -> Document:
    return parse(data, "报告.ofd")


def lines(document: Document) -> list[str]:
    return document.text.split("\n")


def codes(document: Document) -> list[str]:
    return [notice.code for notice in document.warnings]


def furniture(document: Document) -> list[tuple[str, str, int | None]]:
    return [(item.kind, item.text, item.page) for item in document.furniture]


def picture(size: tuple[int, int] = (40, 60)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("delta", ALL_DELTAS)
@pytest.mark.parametrize(
    "style",
    [
        pytest.param(Style(), id="namespace of 2016"),
        pytest.param(Style(namespace=OLD_NAMESPACE, absolute=True), id="older namespace"),
        pytest.param(Style(prefix=""), id="default namespace"),
        pytest.param(Style(prefix="v", absolute=True), id="other prefix"),
        pytest.param(Style(namespace=None, prefix=""), id="no namespace"),
        pytest.param(Style(namespace=None), id="prefix not declared"),
    ],
)
def test_paragraphs_come_back_whatever_the_way_of_writing(style: Style, delta: Deltas) -> None:
    written = Style(style.namespace, style.prefix, delta, style.absolute)
    document = read(write_ofd(Volume(typeset(LONG)), style=written))
    assert lines(document) == list(LONG)
    count = len(document.pages)
    assert count > 5
    assert furniture(document) == [("page_number", f"— {at} —", at) for at in range(1, count + 1)]
    assert (document.warnings, document.status) == ((), "complete")
    sizes = {(round(page.width, 2), round(page.height, 2)) for page in document.pages}
    assert sizes == {(595.28, 841.89)}


WIDE = "安全生产事故调查组责任追究一二三，。（）、"
NARROW = "0123456789abXYZ"
row = st.tuples(
    st.text(WIDE + NARROW, min_size=1, max_size=20),
    st.floats(10, 60),
    st.floats(3, 7),
    st.sampled_from([0.0, 0.1]),
)


@given(
    st.lists(row, min_size=1, max_size=14),
    st.sampled_from(ALL_DELTAS),
    st.randoms(use_true_random=False),
)
def test_every_character_comes_back_with_its_box(
    rows: list[tuple[str, float, float, float]], delta: Deltas, random: Random
) -> None:
    """Rows are written in any order; they are read from top to bottom."""
    texts = [
        Text(x, 50 + 13.0 * at, text, size, spacing * size)
        for at, (text, x, size, spacing) in enumerate(rows)
    ]
    shuffled = random.sample(texts, len(texts))
    document = read(write_text(*shuffled, style=Style(deltas=delta)))
    read_back = [
        (char, document.boxes(Span(at, at + 1))[0])
        for at, char in enumerate(document.text)
        if not char.isspace()
    ]
    written = [
        (char, text, edges)
        for text in texts
        for char, edges in zip(text.text, text.edges(), strict=True)
    ]
    assert [char for char, _ in read_back] == [char for char, _, _ in written]
    for (_, box), (char, text, (x0, x1)) in zip(read_back, written, strict=True):
        page, left, top, right, bottom = box
        assert page == 1
        assert left == pytest.approx(x0 * POINTS, abs=0.05)
        assert top < (text.y - 0.5 * text.size) * POINTS < bottom
        spaced = (x1 + text.spacing) * POINTS
        exact = x1 * POINTS if width(char) == 1 else pytest.approx(right)
        assert right == pytest.approx(exact, abs=0.05)
        assert right < spaced + 0.05


@given(
    st.lists(st.sampled_from(["4.2", "g", "G", "3", "-1", "nan", "x", "1e400", "9" * 5000, ","]))
)
def test_any_list_of_steps_is_read(words: list[str]) -> None:
    assert all(abs(step) < 1e6 for step in islice(deltas(" ".join(words)), 50))


@pytest.mark.parametrize(
    ("written", "steps"),
    [
        pytest.param("5 5 2.5", [5, 5, 2.5], id="list"),
        pytest.param("g 3 5", [5, 5, 5], id="run"),
        pytest.param("1 g 2 5 2.5 g 1 4", [1, 5, 5, 2.5, 4], id="mixed"),
        pytest.param("5,5", [5, 5], id="commas"),
        pytest.param("g 2", [0, 0], id="run without a step"),
        pytest.param(None, [], id="none"),
    ],
)
def test_steps(written: str | None, steps: list[float]) -> None:
    assert list(deltas(written)) == steps


def text_object(attributes: str, *text_codes: str) -> Raw:
    """A text object as it stands in a file."""
    inside = "".join(text_codes)
    return Raw(f'<{{p}}TextObject ID="70" {attributes}>{inside}</{{p}}TextObject>')


def code(text: str, attributes: str = 'X="0" Y="5"') -> str:
    return f"<{{p}}TextCode {attributes}>{text}</{{p}}TextCode>"


BOX = 'Boundary="20 60 150 6" Font="1" Size="5"'


@pytest.mark.parametrize(
    ("items", "text"),
    [
        pytest.param(
            [text_object(BOX, code("事故", 'X="0" Y="5" DeltaX="5"'), code("调查", 'X="10"'))],
            "事故调查",
            id="Y of the code before counts",
        ),
        pytest.param(
            [text_object(BOX, code("事故调查报告", 'X="0" Y="5" DeltaX="5"'))],
            "事故调查报告",
            id="a short list goes on with its last step",
        ),
        pytest.param(
            [text_object(BOX, code("\n   事故调查\n  "))], "事故调查", id="pretty printed"
        ),
        pytest.param(
            [text_object(BOX, code("姓名地址", 'X="0" Y="5" DeltaX="5 60 5"'))],
            "姓名 地址",
            id="a wide gap inside",
        ),
        pytest.param(
            [text_object(BOX, code("No. 12 of 2023", 'X="0" Y="5" DeltaX="g 13 2.6"'))],
            "No. 12 of 2023",
            id="spaces count",
        ),
        pytest.param(
            [Text(60, 80, "调查"), Text(60 + 2 * BODY, 80.4, "报告"), Text(48.7, 80, "事故")],
            "事故调查报告",
            id="objects in any order, base lines nearly level",
        ),
        pytest.param(
            [Text(40, 80, "No", 4), Text(44.9, 80, "12", 4), Text(50.9, 80, "号", 4)],
            "No 12号",
            id="gaps between words, and none beside a Chinese character",
        ),
        pytest.param(
            [text_object(BOX, code("JG12", 'X="0" Y="5" DeltaX="2.5 7 2.5"'))],
            "JG 12",
            id="a gap between words inside",
        ),
        pytest.param(
            [Text(40, 80, "加粗"), Text(40.15, 80.1, "加粗")], "加粗", id="printed twice for bold"
        ),
        pytest.param(
            [
                Raw('<{p}PageBlock ID="5"><{p}PageBlock ID="6">'),
                Text(40, 80, "里层"),
                Raw("</{p}PageBlock></{p}PageBlock>"),
            ],
            "里层",
            id="blocks in blocks",
        ),
        pytest.param(
            [
                text_object(
                    'Boundary="50 80 40 8" CTM="0.3528 0 0 0.3528 -3 2" Size="16"',
                    code("事故", 'X="8" Y="10" DeltaX="16"'),
                )
            ],
            "事故",
            id="in points, by a matrix",
        ),
        pytest.param(
            [text_object(f'{BOX} HScale="0.5"', code("窄字体AB"))], "窄字体AB", id="narrowed"
        ),
        pytest.param(
            [
                text_object(
                    BOX,
                    '<{p}CGTransform CodePosition="0" CodeCount="2" GlyphCount="2">'
                    "<{p}Glyphs>12 13</{p}Glyphs></{p}CGTransform>",
                    code("事故"),
                )
            ],
            "事故",
            id="glyphs beside the characters",
        ),
        pytest.param(
            [text_object(BOX, code("&lt;事故&gt; &amp; ⼀般⺠用", 'X="0" Y="5"'))],
            "<事故> & 一般民用",
            id="entities, radicals",
        ),
    ],
)
def test_text_objects(items: list[Item], text: str) -> None:
    document = read(write_text(*items))
    assert document.text == text
    assert document.status == "complete"


def test_an_invisible_object_is_left_out_with_a_notice() -> None:
    hidden = text_object(f'{BOX} Visible="false"', code("看不见"))
    document = read(write_text(hidden, Text(40, 100, "看得见")))
    assert (document.text, codes(document)) == ("看得见", ["hidden_content"])


def test_a_composite_object_is_read_where_it_stands() -> None:
    unit = (
        '<{p}CompositeGraphicUnits><{p}CompositeGraphicUnit ID="90" Width="50" Height="10">'
        '<{p}Content><{p}TextObject ID="91" Boundary="0 0 50 10" Size="5">'
        '<{p}TextCode X="0" Y="5">图元里的字</{p}TextCode></{p}TextObject></{p}Content>'
        "</{p}CompositeGraphicUnit></{p}CompositeGraphicUnits>"
    )
    placed = Raw('<{p}CompositeObject ID="9" ResourceID="90" Boundary="30 100 50 10"/>')
    document = read(write_ofd(Volume([Sheet([placed])], resources=unit)))
    assert document.text == "图元里的字"
    ((_, left, top, right, bottom),) = document.boxes(Span(0, 5))
    assert left == pytest.approx(30 * POINTS, abs=0.1)
    assert right == pytest.approx(55 * POINTS, abs=0.1)
    assert top < 103 * POINTS < bottom


def test_two_columns_are_read_one_after_the_other() -> None:
    left = [Text(20, 60 + 8 * at, f"左栏第{at}行文字写满这一栏的宽度", 4.9) for at in range(8)]
    right = [Text(110, 61 + 8 * at, f"右栏第{at}行文字写满这一栏的宽度", 4.9) for at in range(8)]
    mixed = [text for pair in zip(right, left, strict=True) for text in pair]
    for delta in ALL_DELTAS:
        document = read(write_text(*mixed, style=Style(deltas=delta)))
        assert "".join(lines(document)) == "".join(text.text for text in (*left, *right))


ROWS = (
    ("姓名", "职务", "处理建议"),
    ("赵远山", "项目经理", "处上一年年收入40%的罚款"),
    ("钱明川", "安全员", "给予政务记过处分"),
)


def table(top: float) -> list[Item]:
    items: list[Item] = [*grid(25, top, [30, 40, 90], [12, 12, 12])]
    for at, cells in enumerate(ROWS):
        for x, cell in zip((28, 58, 98), cells, strict=True):
            items.append(Text(x, top + 8 + 12 * at, cell, 4.2))
    return items


def cells(document: Document) -> list[tuple[int | None, int | None, int | None, str]]:
    return [
        (block.table, block.row, block.column, document.quote(block.span))
        for block in document.blocks
        if block.kind == "cell"
    ]


@pytest.mark.parametrize("delta", ALL_DELTAS)
def test_a_ruled_table_gives_its_cells_row_by_row(delta: Deltas) -> None:
    before, after = Text(28, 60, "处理意见如下："), Text(28, 150, "以上意见请审定。")
    document = read(write_text(*table(80), after, before, style=Style(deltas=delta)))
    assert cells(document) == [
        (0, row, column, cell) for row, line in enumerate(ROWS) for column, cell in enumerate(line)
    ]
    assert lines(document)[0] == before.text
    assert lines(document)[-1] == after.text


def test_a_table_over_two_pages_is_one_table() -> None:
    document = read(write_ofd(Volume([Sheet(table(200)), Sheet(table(40))])))
    assert [cell[:3] for cell in cells(document)] == [
        (0, row, column) for row in range(5) for column in range(3)
    ]
    assert [item[1] for item in furniture(document)] == list(ROWS[0])


def test_a_table_drawn_as_bars_and_boxes() -> None:
    """Lines may be thin filled bars, cells stroked boxes."""
    bar = (
        '<{p}PathObject ID="1" Boundary="25 80 160 0.3" Stroke="false" Fill="true">'
        "<{p}AbbreviatedData>M 0 0 L 160 0 L 160 0.3 L 0 0.3 C</{p}AbbreviatedData></{p}PathObject>"
    )
    box = (
        '<{p}PathObject ID="2" Boundary="25 80 160 36">'
        "<{p}AbbreviatedData>M 0 0 L 160 0 L 160 36 L 0 36 C M 30 0 L 30 36 M 70 0 L 70 36 "
        "M 0 12 L 160 12 M 0 24 L 160 24</{p}AbbreviatedData></{p}PathObject>"
    )
    texts = [item for item in table(80) if isinstance(item, Text)]
    assert len(cells(read(write_text(Raw(bar), Raw(box), *texts)))) == 9


def test_text_written_downwards() -> None:
    """In a cell it is read there; beside the text it stays out of the lines."""
    beside = Text(12, 70, "装订线内", 4, downwards=True)
    frame = [*grid(25, 60, [20, 60], [40, 20])]
    inside = Text(32, 68, "责任人员", 4.2, downwards=True)
    wide = [Text(50, 68 + 8 * at, f"第{at}项处理意见", 4.2) for at in range(3)]
    document = read(write_text(*frame, beside, inside, *wide, Text(28, 150, "正文在这里。")))
    assert cells(document)[0] == (0, 0, 0, "责任人员")
    assert lines(document)[-2:] == ["正文在这里。", "装订线内"]


def test_lines_that_are_not_drawn_make_no_table() -> None:
    texts = [item for item in table(80) if isinstance(item, Text)]
    unseen = (
        '<{p}PathObject ID="1" Boundary="25 80 160 36" Stroke="false"><{p}AbbreviatedData>'
        "M 0 0 L 160 0 L 160 36 L 0 36 C M 30 0 L 30 36 M 0 12 L 160 12"
        "</{p}AbbreviatedData></{p}PathObject>"
    )
    assert cells(read(write_text(Raw(unseen), *texts))) == []


def test_a_path_with_words_that_mean_nothing_keeps_its_lines() -> None:
    texts = [item for item in table(80) if isinstance(item, Text)]
    box = (
        '<{p}PathObject ID="2" Boundary="25 80 160 36"><{p}AbbreviatedData>'
        "? M 0 0 X L 160 0 L 160 36 L 0 36 C M 30 0 L 30 36 M 70 0 L 70 36 "
        "M 0 12 L 160 12 M 0 24 L 160 24 M 5 5 B 6 6 7 7 8 5 L</{p}AbbreviatedData></{p}PathObject>"
    )
    assert len(cells(read(write_text(Raw(box), *texts)))) == 9


def test_text_set_upright_or_backwards_by_its_direction() -> None:
    """Without steps the direction of reading says where the next character stands."""
    frame = [*grid(25, 60, [20, 60], [40, 20])]
    inside = text_object(
        'Boundary="32 64 5 30" Size="5" ReadDirection="90"', code("责任人员", 'X="0" Y="5"')
    )
    turned = text_object(
        'Boundary="60 64 5 30" Size="5" CharDirection="90"',
        code("横躺着的字", 'X="0" Y="0" DeltaY="5"'),
    )
    document = read(write_text(*frame, inside, turned, Text(28, 150, PARAGRAPHS[2] * 2)))
    assert [cell[3] for cell in cells(document)] == ["责任人员"]
    assert lines(document)[-1] == "横躺着的字"


def test_a_page_that_lies_on_its_side_is_read_and_boxes_stay() -> None:
    turned = [Text(180 - 10 * at, 40, f"第{at}行横放的文字内容。", turn=90) for at in range(4)]
    document = read(write_text(*turned))
    assert "".join(lines(document)) == "".join(text.text for text in turned)
    assert document.pages[0].width < document.pages[0].height
    ((_, left, top, right, bottom),) = document.boxes(Span(0, 5))
    assert 178 * POINTS < left < right < 187 * POINTS
    assert top == pytest.approx(40 * POINTS, abs=0.1)
    assert bottom == pytest.approx((40 + 4.5 * turned[0].size) * POINTS, abs=1)
    assert len(document.boxes(Span(0, len(document.text)))) == 4


def turned_table(turn: int) -> list[Item]:
    """The table as it stands on a page that was turned about its corner or upside down."""

    def place(x: float, y: float) -> tuple[float, float]:
        return {90: (210 - y, x), 180: (210 - x, 297 - y), 270: (y, 297 - x)}[turn]

    items: list[Item] = []
    for item in table(80):
        if isinstance(item, Rule):
            items.append(Rule(*place(item.x0, item.y0), *place(item.x1, item.y1)))
        elif isinstance(item, Text):
            items.append(Text(*place(item.x, item.y), item.text, item.size, turn=turn))
    return items


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_table_on_a_turned_page_is_read_as_it_was_meant(turn: int) -> None:
    document = read(write_text(*turned_table(turn)))
    assert [cell[3] for cell in cells(document)] == [cell for line in ROWS for cell in line]
    assert [cell[:3] for cell in cells(document)] == [
        (0, row, column) for row in range(3) for column in range(3)
    ]


def test_a_slanted_watermark_is_kept_apart() -> None:
    mark = text_object(
        'Boundary="60 120 100 20" CTM="0.7071 -0.7071 0.7071 0.7071 0 0" Size="12"',
        code("内部资料注意保密", 'X="0" Y="12"'),
    )
    document = read(write_text(mark, Text(40, 80, "正文。")))
    assert document.text == "正文。"
    assert furniture(document) == [("watermark", "内部资料注意保密", 1)]


def test_several_documents_are_read_in_order() -> None:
    """A paragraph does not run on from one document to the next."""
    full = Text(28, 250, "前一份文件的最后一行写满整行没有句号" + "字" * 8)
    first = Volume([Sheet([full])], "甲")
    second = Volume([Sheet([Text(28, 60, "后一份文件的第一行。")])], "乙")
    document = read(write_ofd(first, second))
    assert len(lines(document)) == 2
    assert [block.page for block in document.blocks] == [1, 2]
    assert codes(document) == ["several_documents"]
    assert "甲、乙" in document.warnings[0].message


def test_attachments_and_signatures_are_named() -> None:
    volume = Volume(
        [Sheet([Text(28, 80, "正文。")])], attachments={"附件1.xlsx": b"x"}, signatures=2
    )
    document = read(write_ofd(volume))
    assert codes(document) == ["attachments_not_read", "signatures_unverified"]
    assert "1 个附件，没有读取：附件1.xlsx" in document.warnings[0].message
    assert "2 个电子签名" in document.warnings[1].message
    assert document.status == "complete"


def test_bookmarks_make_headings() -> None:
    items = [Text(28, 60, "一、基本情况"), Text(28, 80, "（一）单位情况"), Text(28, 100, "正文。")]
    outlines = [
        ("一、 基本情况", 1, 1),
        ("（一）单位情况", 1, 2),
        ("不在页上", 1, 1),
        ("正文。", 1, 1),
    ]
    no_place = re.compile(rb'(Title="\xe6\xad\xa3.*?)<ofd:Actions>.*?</ofd:Actions>')
    document = read(
        changed(
            write_ofd(Volume([Sheet(items)], outlines=outlines)),
            lambda _, old: no_place.sub(rb"\1", old),
        )
    )
    assert [(block.kind, block.level) for block in document.blocks] == [
        ("heading", 1), ("heading", 2), ("paragraph", None),
    ]  # fmt: skip


SCAN = Sheet([Picture(0, 0, 210, 297, picture())])


def test_a_scan_without_recognition_is_partial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractor.formats.ocr.is_available", lambda: False)
    document = read(write_ofd(Volume([SCAN, Sheet([Text(28, 80, "第二页有文字。")])])))
    assert (document.text, document.status) == ("第二页有文字。", "partial")
    assert [(notice.code, notice.page) for notice in document.warnings] == [("no_text_layer", 1)]
    assert "hecha[ocr]" in document.warnings[0].message


def test_a_picture_without_a_matrix_fills_its_boundary() -> None:
    data = write_text(Picture(10, 20, 30, 40, picture()))
    plain = changed(data, lambda _, content: content.replace(b' CTM="30 0 0 40 0 0"', b""))
    assert plain != data
    image = draw_page(data, 1, dpi=25.4)
    assert ImageChops.invert(image.convert("L")).getbbox() == (10, 20, 40, 60)
    assert draw_page(plain, 1, dpi=25.4).tobytes() == image.tobytes()


def test_text_over_a_full_page_picture_may_be_of_ocr() -> None:
    scan = Picture(0, 0, 210, 297, picture())
    document = read(write_text(scan, Text(28, 80, PARAGRAPHS[2] * 3)))
    assert (codes(document), document.status) == (["ocr_text_layer"], "complete")


def test_glyphs_without_characters_are_told() -> None:
    glyphs = (
        '<{p}CGTransform CodePosition="0" CodeCount="1" GlyphCount="2">'
        "<{p}Glyphs>4460 17</{p}Glyphs></{p}CGTransform>"
    )
    document = read(write_text(text_object(BOX, glyphs, code(""))))
    assert (document.text, codes(document)) == ("", ["glyphs_without_text"])
    assert document.status == "partial"


def test_the_size_of_a_page_is_its_own_or_that_of_the_document() -> None:
    sheets = [Sheet([Text(28, 80, "横页。")], size=(297, 210)), Sheet([Text(28, 80, "竖页。")])]
    pages = read(write_ofd(Volume(sheets))).pages
    assert [(round(page.width), round(page.height)) for page in pages] == [(842, 595), (595, 842)]


def test_pages_bring_resources_of_their_own() -> None:
    """The file of a page is read once, however many pages name it."""
    unit = (
        '<{p}CompositeGraphicUnits><{p}CompositeGraphicUnit ID="90"><{p}Content>'
        '<{p}TextObject ID="91" Boundary="0 0 50 10" Size="5"><{p}TextCode X="0" Y="5">图元'
        "</{p}TextCode></{p}TextObject></{p}Content></{p}CompositeGraphicUnit>"
        "</{p}CompositeGraphicUnits>"
    )
    use = Raw('<{p}CompositeObject ResourceID="90" Boundary="30 100 50 10"/>')
    data = changed(
        write_ofd(Volume([Sheet([use])] * 2, resources=unit)),
        lambda name, old: old.replace(
            b"<ofd:Content>", b"<ofd:PageRes>/Doc_0/DocumentRes.xml</ofd:PageRes><ofd:Content>"
        ).replace(b"<ofd:DocumentRes>DocumentRes.xml</ofd:DocumentRes>", b""),
    )
    document = read(data)
    assert (lines(document), document.warnings) == (["图元", "图元"], ())


@pytest.mark.parametrize("encoding", ["GB2312", "gbk", "GB18030"])
def test_chinese_encodings_of_the_xml(encoding: str) -> None:
    data = changed(
        write_text(Text(28, 80, "事故调查")),
        lambda _, content: (
            content.decode().replace('encoding="UTF-8"', f'encoding="{encoding}"').encode("gb18030")
        ),
    )
    assert read(data).text == "事故调查"


def test_an_ofd_is_known_by_its_content() -> None:
    data = write_text(Text(28, 80, "事故调查"))
    document = parse(data, "报告.docx")
    assert (document.media_type, codes(document)) == ("application/ofd", ["extension_mismatch"])


def test_an_ofd_is_no_archive_whatever_the_case_of_its_root() -> None:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(write_text(Text(28, 80, "事故调查")))) as source,
        zipfile.ZipFile(buffer, "w") as target,
    ):
        for name in source.namelist():
            target.writestr(name.replace("OFD.xml", "ofd.XML"), source.read(name))
    document = parse(buffer.getvalue(), "报告.ofd")
    assert (document.text, document.warnings) == ("事故调查", ())
