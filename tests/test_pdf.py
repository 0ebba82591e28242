"""PDF: paragraphs as they were written, furniture apart, and every character at its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.document import Document, Span
from extractor.formats import parse
from extractor.formats.pdf_findings import page_list
from tests.sample_files import (
    A4,
    LEFT,
    RIGHT,
    SIZE,
    STEP,
    TOP,
    Print,
    Rule,
    Sheet,
    pdf,
    typeset,
)

FINDING = (
    "某某建设有限公司未落实安全生产主体责任，未对从业人员进行安全生产教育和培训，对施工现场存在的"
    "事故隐患排查治理不到位，对事故发生负有责任。依据《中华人民共和国安全生产法》的有关规定，"
    "建议由某某市应急管理局对其处以人民币贰拾伍万元罚款的行政处罚。"
)
SHORT = "赵某某，某某建设有限责任公司法定代表人。"


def read(data: bytes) -> Document:
    return parse(data, "a.pdf")


def lines(document: Document) -> list[str]:
    return document.text.split("\n")


def codes(document: Document) -> list[str]:
    return [notice.code for notice in document.warnings]


def centred(text: str, y: float, size: float = SIZE) -> Print:
    return Print((LEFT + RIGHT - size * len(text)) / 2, y, text, size)


# --- paragraphs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("indent", "texts"),
    [
        pytest.param(2, [FINDING, FINDING, SHORT, FINDING], id="indented"),
        pytest.param(2, [FINDING * 6, SHORT, FINDING * 5], id="over page breaks"),
        pytest.param(
            2, [FINDING[:24] + "。", FINDING[:51] + "；", FINDING], id="the last line is full"
        ),
        pytest.param(0, [FINDING, SHORT, FINDING, FINDING], id="not indented, last lines short"),
        pytest.param(2, ["一、概况", "（一）单位情况", "1.某某公司", FINDING], id="headings"),
        pytest.param(2, [FINDING[:26], "（二）" + FINDING, SHORT], id="marks after full lines"),
    ],
)
def test_paragraphs_come_out_as_they_were_written(indent: int, texts: list[str]) -> None:
    assert lines(read(typeset(texts, indent=indent))) == texts


PHRASES = st.lists(
    st.sampled_from(
        ["对事故发生负有责任，", "2019年7月12日，", "赵某某", "处以20万元罚款。", "《规定》"]
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=25)
@given(st.lists(PHRASES, min_size=1, max_size=8))
def test_no_character_is_lost_or_added(phrases: list[list[str]]) -> None:
    texts = ["事故" + "".join(words) for words in phrases]
    document = read(typeset(texts, rows=10))
    assert document.text.replace("\n", "") == "".join(texts)


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        pytest.param(
            [
                centred("某某市某某建设有限公司“7·12”一般", 120, 22),
                centred("高处坠落事故调查报告", 150, 22),
            ],
            ["某某市某某建设有限公司“7·12”一般", "高处坠落事故调查报告"],
            id="a title broken on purpose stays in two",
        ),
        pytest.param(
            [
                centred("某某市某某建设有限公司一般高处坠落事故调", 120, 22),
                centred("查报告", 150, 22),
            ],
            ["某某市某某建设有限公司一般高处坠落事故调查报告"],
            id="a title broken where the line was full is one",
        ),
        pytest.param(
            [
                Print(80, 120, "某某市应急管理局办公室"),
                Print(80, 148, "报告已收到"),
                Print(80, 176, "特此函告"),
            ],
            ["某某市应急管理局办公室", "报告已收到", "特此函告"],
            id="of a few short lines even the longest is not full",
        ),
        pytest.param(
            [Print(80, 120, "一、概况", 16), Print(80, 148, "2019年7月12日", 12)],
            ["一、概况", "2019年7月12日"],
            id="another size is another paragraph",
        ),
        pytest.param(
            [Print(80, 120, FINDING[:27]), Print(80, 200, FINDING[27:54])],
            [FINDING[:27], FINDING[27:54]],
            id="a gap parts paragraphs",
        ),
        pytest.param(
            [
                Print(80, 120, "2019"),
                Print(116, 120, "年"),
                Print(136, 120, "7"),
                Print(148, 120, "月"),
            ],
            ["2019年7月"],
            id="small gaps between digits and Chinese are no spaces",
        ),
        pytest.param(
            [Print(80, 120, "组长：赵某"), Print(300, 120, "成员：钱某")],
            ["组长：赵某 成员：钱某"],
            id="a wide gap is one space",
        ),
        pytest.param(
            [Print(80, 120, "SAFETY"), Print(150, 120, "FIRST")],
            ["SAFETY FIRST"],
            id="Latin words keep their space",
        ),
        pytest.param(
            [Print(80, 120, "罚款"), Print(80.7, 120, "罚款")],
            ["罚款"],
            id="bold by printing twice",
        ),
        pytest.param(
            [Print(112, 120, "二级。"), Print(80, 120, "一级"), Print(80, 148.5, "第二行。")],
            ["一级二级。", "第二行。"],
            id="by place, not in the order of drawing",
        ),
        pytest.param(
            [Print(80, 120, "⺠政局⻓⼈⾦")], ["民政局长人金"], id="radicals are ideographs again"
        ),
    ],
)
def test_lines_and_words_by_their_places(texts: list[Print], wanted: list[str]) -> None:
    assert lines(read(pdf(Sheet(texts)))) == wanted


def test_paragraphs_by_gaps_where_nothing_is_indented() -> None:
    """A full line that ends a sentence goes on: paragraphs here are parted by a gap."""
    first = FINDING[:26] + "。" + FINDING[:30]
    texts = [first[:27], first[27:54], first[54:], *([FINDING[:20] + "。"] * 3)]
    heights = [120, 148, 176, 226, 276, 326]
    printed = [Print(LEFT, y, text) for y, text in zip(heights, texts, strict=True)]
    assert lines(read(pdf(Sheet([*printed, Print(LEFT, 376, SHORT)])))) == [
        first,
        *texts[3:],
        SHORT,
    ]


def test_a_list_item_hangs_from_its_number() -> None:
    items = [f"{at}.{FINDING}" for at in (1, 2, 3)]
    printed, y = [], TOP
    for item in items:
        printed.append(Print(LEFT, y, item[:27]))
        rest = item[27:]
        for at in range(0, len(rest), 25):
            y += STEP
            printed.append(Print(LEFT + 2 * SIZE, y, rest[at : at + 25]))
        y += STEP
    assert lines(read(pdf(Sheet(printed)))) == items


def test_margins_of_odd_and_even_pages_may_differ() -> None:
    """Paragraphs over page breaks of a file made for printing on both sides."""
    sheets = [
        Sheet(
            [Print(LEFT + shift, TOP + 20 * row, FINDING[:27]) for row in range(12)]
            + [Print(LEFT + shift, TOP + 240, "完。")]
        )
        for shift in (0, 60, 0, 60)
    ]
    wanted = FINDING[:27] * 12 + "完。"
    assert lines(read(pdf(*sheets))) == [wanted] * 4


def test_lines_of_a_table_of_contents_stay_apart() -> None:
    printed = [
        "一、事故概况" + "…" * 20 + "1",
        "经过和救援情况" + "…" * 19 + "3",
        "原因" + "." * 40 + "12",
    ]
    texts = [Print(LEFT, TOP + STEP * row, text) for row, text in enumerate(printed)]
    assert lines(read(pdf(Sheet(texts)))) == printed


def test_characters_beyond_the_first_plane_and_lone_halves() -> None:
    """A character map may name 𠮷 as two halves, and may name half a character."""
    cmap = b"1 begincodespacerange <00> <FF> endcodespacerange 3 beginbfchar "
    cmap += b"<41> <D842DFB7> <42> <D842> <43> <4E8B> endbfchar"
    content = b"BT /F 20 Tf 100 700 Td (ABC) Tj ET"
    data = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    data += b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R"
    data += b"/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
    data += b"4 0 obj<</Length %d>>stream\n%s\nendstream endobj\n" % (len(content), content)
    data += b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>endobj\n"
    data += b"6 0 obj<</Length %d>>stream\n%s\nendstream endobj\n" % (len(cmap), cmap)
    document = read(data + b"trailer<</Root 1 0 R>>\n%%EOF")
    assert document.text.encode().decode() == "𠮷\ufffd事"
    assert len(document.boxes(Span(0, 1))) == 1


def test_two_latin_words_on_two_lines_keep_a_space_and_chinese_gets_none() -> None:
    long = "依据" * 8 + "GB" + "规范" * 4
    texts = [Print(LEFT, TOP, long), Print(LEFT, TOP + STEP, "条文" * 13), Print(LEFT, 176, "止。")]
    assert lines(read(pdf(Sheet(texts)))) == [long + "条文" * 13 + "止。"]
    latin = [Print(LEFT, TOP, "按照规范" * 6 + "SAFE"), Print(LEFT, TOP + STEP, "WORK的要求。")]
    assert read(pdf(Sheet(latin))).text == "按照规范" * 6 + "SAFE WORK的要求。"


def test_a_gazette_of_two_columns_is_read_column_by_column() -> None:
    left = [Print(60, 150 + 20 * row, "左" * 20, 11) for row in range(20)]
    right = [Print(310, 150 + 20 * row, "右" * 20, 11) for row in range(20)]
    rows = [text for pair in zip(left, right, strict=True) for text in pair]
    text = read(pdf(Sheet([centred("某某市人民政府公报", 100, 22), *rows]))).text
    assert text.replace("\n", "") == "某某市人民政府公报" + "左" * 400 + "右" * 400


def two_columns(left: str, right: str, rows: int, short: int, gap: float = 24.0) -> Sheet:
    """A page of two columns, `rows` lines of `left` and `short` of `right`, with a page number."""
    at = 60 + 11 * len(left) + gap
    first = [Print(60, 150 + 20 * row, left, 11) for row in range(rows)]
    second = [Print(at, 150 + 20 * row, right, 11) for row in range(short)]
    return Sheet([*first, *second, centred("— 3 —", 800, 11)])


@pytest.mark.parametrize(
    ("rows", "short", "gap"),
    [
        pytest.param(20, 20, 9, id="a narrow gap, over which pdfium goes on"),
        pytest.param(20, 3, 24, id="a last page with little in its second column"),
        pytest.param(4, 0, 24, id="a last page with little in its first column"),
    ],
)
def test_columns_are_those_of_the_page_before(rows: int, short: int, gap: float) -> None:
    left, right = "左" * 20, "右" * 20
    whole = two_columns(left, right, 20, 20, gap)
    document = read(pdf(whole, two_columns(left, right, rows, short, gap)))
    body = left * 20 + right * 20
    assert document.text.replace("\n", "") == body + left * rows + right * short
    assert [item.kind for item in document.furniture] == ["page_number"] * 2


def test_a_page_of_full_width_after_columns_has_none() -> None:
    wide = [Print(60, 150 + 20 * row, "全" * 43, 11) for row in range(8)]
    document = read(pdf(two_columns("左" * 20, "右" * 20, 20, 20), Sheet(wide)))
    assert document.text.replace("\n", "").endswith("右" + "全" * 43 * 8)


# --- furniture ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "kind"),
    [
        pytest.param(lambda page: f"— {page} —", "page_number", id="dashes"),
        pytest.param(lambda page: f"-{page}-", "page_number", id="hyphens"),
        pytest.param(lambda page: f"第{page}页 共3页", "page_number", id="page of pages"),
        pytest.param(lambda page: f"{page}/3", "page_number", id="slash"),
        pytest.param(lambda page: str(page), "page_number", id="bare"),
        pytest.param(lambda page: str(page + 6), "page_number", id="bare, counting from 7"),
        pytest.param(lambda page: "某某市安全生产委员会办公室", "running_foot", id="running foot"),
        pytest.param(lambda page: f"调查报告 第 {page} 版", "running_foot", id="digits differ"),
    ],
)
@pytest.mark.parametrize("y", [40.0, 800.0])
def test_page_numbers_and_running_lines_are_kept_apart(
    printed: Callable[[int], str], kind: str, y: float
) -> None:
    texts = [FINDING * 5, FINDING * 6]
    if kind == "running_foot" and y < 400:
        kind = "running_head"
    document = read(typeset(texts, furniture=lambda page: [centred(printed(page), y, 12)]))
    assert len(document.pages) == 3
    assert lines(document) == texts
    assert [(item.kind, item.page) for item in document.furniture] == [(kind, n) for n in (1, 2, 3)]
    for item in document.furniture:
        assert item.text == printed(item.page or 0)
        assert item.box is not None
        assert abs(item.box[4] - y) < 8


def test_what_does_not_repeat_stays_in_the_text() -> None:
    """A year at the foot, a lone heading at the head, and a line at different heights."""

    def odd(page: int) -> Sequence[Print]:
        return [
            Print(LEFT, 30, f"{'甲乙丙'[page - 1]}单位自查报告"),
            Print(LEFT, 780 + 10 * page, "某某工程"),
            *([Print(LEFT, 760, "2019")] if page == 2 else []),
        ]

    document = read(typeset([FINDING * 5, FINDING * 6], furniture=odd))
    assert not document.furniture
    for kept in ("甲单位自查报告", "丙单位自查报告", "2019", "某某工程"):
        assert kept in document.text


# --- places -------------------------------------------------------------------------------------


def ink_outside_boxes(data: bytes, document: Document) -> float:
    """Share of the dark pixels of page 1 that no box of the text covers, at 2 pixels a point."""
    file = pypdfium2.PdfDocument(data)
    image = file[0].render(scale=2).to_pil().convert("L")
    assert image.size == pytest.approx([2 * side for side in shown_size(document)], abs=2)
    dark = image.point(lambda value: 255 * (value < 128))
    total = dark.histogram()[255]
    for _, x0, top, x1, bottom in document.boxes(Span(0, len(document.text))):
        dark.paste(0, (int(2 * x0) - 2, int(2 * top) - 2, int(2 * x1) + 3, int(2 * bottom) + 3))
    file.close()
    assert total > 100
    return float(dark.histogram()[255] / total)


def shown_size(document: Document) -> tuple[float, float]:
    return document.pages[0].width, document.pages[0].height


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (40, 30, 560, 800)])
@pytest.mark.parametrize("turned", [0, 90, 270])
def test_boxes_cover_the_print_on_rotated_cropped_and_sideways_pages(
    rotation: int, crop: tuple[float, float, float, float] | None, turned: int
) -> None:
    x, y, step = {0: (90, 200, 24), 90: (200, 600, 24), 270: (400, 150, -24)}[turned]
    across = turned != 0
    rows = ["一、事故概况", "某某公司发生一起事故。", "造成一人死亡。"]
    texts = [
        Print(x + step * row * across, y + step * row * (not across), text, turned=turned)
        for row, text in enumerate(rows)
    ]
    data = pdf(Sheet(texts, rotation=rotation, crop=crop))
    document = read(data)
    assert lines(document) == rows
    assert ink_outside_boxes(data, document) < 0.01


def test_each_character_stands_between_its_edges() -> None:
    document = read(pdf(Sheet([Print(100, 120, "罚款20万元")])))
    left, right = document.boxes(Span(0, 1))[0], document.boxes(Span(1, 2))[0]
    assert (left[1], left[3], right[1], right[3]) == pytest.approx((100, 116, 116, 132), abs=0.1)
    assert left[2] < 120 < left[4] + 1
    assert document.quote(Span(2, 4)) == "20"


def test_what_the_page_does_not_show_is_not_read() -> None:
    """Printers' marks outside the crop box, as in a gazette made for the press."""
    shown, cut = Print(200, 300, "某某公司发生事故。"), Print(40, 20, "印刷标记")
    assert read(pdf(Sheet([shown, cut], crop=(150, 300, 560, 700)))).text == shown.text


def test_a_paragraph_over_a_page_break_has_boxes_on_both_pages() -> None:
    document = read(typeset([SHORT, FINDING * 6]))
    block = document.blocks[1]
    assert {box[0] for box in document.boxes(block.span)} == {1, 2}
    assert block.page == document.page_of(block.span.start) == 1
    assert document.page_of(block.span.end - 1) == 2


# --- pages without a text layer -----------------------------------------------------------------

FULL: Rule = (0.0, 0.0, *A4)
TEXT = Sheet([Print(LEFT, TOP, SHORT)])
SCAN = Sheet(picture=FULL)


@pytest.mark.parametrize(
    ("sheets", "warned", "status", "says"),
    [
        pytest.param([SCAN] * 3, ["no_text_layer"], "partial", "全部 3 页没有文字层", id="scan"),
        pytest.param(
            [TEXT, SCAN, SCAN, TEXT, SCAN],
            ["no_text_layer"],
            "partial",
            "第2-3、5页没有文字层",
            id="some pages are scans",
        ),
        pytest.param(
            [Sheet([Print(300, 800, "3", 9)], picture=FULL), TEXT],
            ["no_text_layer"],
            "partial",
            "第1页没有文字层",
            id="a number stamped on a scan is no text layer",
        ),
        pytest.param(
            [Sheet(TEXT.texts, picture=FULL)],
            ["ocr_text_layer"],
            "complete",
            "文字层可能来自 OCR",
            id="text over a scan",
        ),
        pytest.param(
            [TEXT, Sheet([Print(LEFT, TOP, "\ue001\ue002\ue003\ue004" * 6)])],
            ["broken_text_layer"],
            "partial",
            "第2页的文字层是乱码",
            id="private characters",
        ),
        pytest.param(
            [Sheet([Print(LEFT, TOP, "鼱鼲鼳鼵鼶鼸鼺鼿齀齁齂齃齅齆齇齈齉齋齌齍齎齏")])],
            ["broken_text_layer"],
            "partial",
            "乱码",
            id="a shifted character map gives rare ideographs",
        ),
        pytest.param(
            [TEXT, Sheet([Print(LEFT, TOP, "#$>A!@B~{^C}?;<D|`E&F" * 2, 12)])],
            ["broken_text_layer"],
            "partial",
            "第2页的文字层是乱码",
            id="codes of glyphs that were taken for letters",
        ),
        pytest.param([TEXT, Sheet()], [], "complete", "", id="a blank page is no fault"),
    ],
)
def test_what_cannot_be_read_is_said(
    sheets: list[Sheet],
    warned: list[str],
    status: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("extractor.formats.ocr.is_available", lambda: False)
    document = read(pdf(*sheets))
    assert (codes(document), document.status) == (warned, status)
    assert len(document.pages) == len(sheets)
    assert document.text.replace("\n", "") in (SHORT, SHORT * 2, "3" + SHORT, "")
    if warned:
        assert says in document.warnings[0].message


@pytest.mark.parametrize(
    ("numbers", "written"), [([1], "1"), ([1, 2, 3, 5], "1-3、5"), ([2, 4, 6, 7], "2、4、6-7")]
)
def test_page_lists_are_short(numbers: list[int], written: str) -> None:
    assert page_list(numbers) == written
