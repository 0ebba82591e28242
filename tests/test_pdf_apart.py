"""PDF: what is on the page but not of its body, and what the file holds besides its pages."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import pypdfium2
import pytest
from reportlab.pdfgen.canvas import Canvas

from extractor.document import Document
from extractor.formats import parse
from tests.sample_files import (
    A4,
    FONT,
    LEFT,
    SIZE,
    STEP,
    TOP,
    Print,
    Rule,
    Sheet,
    cells,
    pdf,
    set_lines,
)

BODY = (
    "某某建设有限公司未落实安全生产主体责任，未对从业人员进行安全生产教育和培训，对施工现场存在的"
    "事故隐患排查治理不到位，对事故发生负有责任。"
)


def read(data: bytes) -> Document:
    return parse(data, "a.pdf")


def lines(document: Document) -> list[str]:
    return document.text.split("\n")


def apart(document: Document, kind: str) -> list[tuple[int | None, str]]:
    return [(item.page, item.text) for item in document.furniture if item.kind == kind]


def body(text: str, y: float = TOP) -> list[Print]:
    """A paragraph in lines of 27 characters, from `y` down."""
    return [
        Print(LEFT + SIZE * (len(line) - len(line.lstrip())), y + STEP * row, line.strip())
        for row, line in enumerate(set_lines(text))
    ]


# --- watermarks ---------------------------------------------------------------------------------

TILTED = Print(150, 600, "内部资料严禁外传", 48, turned=45)
PALE = Print(100, 300, "征求意见稿", 16, grey=0.8)
LARGE = Print(100, 500, "草稿", 90)
SEAL = Print(400, 700, "与原件核对无误", 14, turned=20)
SIDE = Print(40, 600, "装订线", 12, turned=90)


@pytest.mark.parametrize(
    "mark",
    [
        pytest.param(TILTED, id="tilted"),
        pytest.param(Print(150, 600, "内部资料", 48, turned=45, grey=0.9), id="tilted and pale"),
        pytest.param(PALE, id="pale"),
        pytest.param(LARGE, id="large"),
        pytest.param(SIDE, id="along the margin"),
        pytest.param(Print(LEFT, TOP + 8, "绝密", 60, grey=0.85), id="over the lines of the body"),
    ],
)
def test_the_same_unusual_text_on_most_pages_is_a_watermark(mark: Print) -> None:
    marked = Sheet([mark, *body(BODY)])
    document = read(pdf(marked, marked, Sheet(body(BODY)), marked))
    assert lines(document) == [BODY] * 4
    assert apart(document, "watermark") == [(page, mark.text) for page in (1, 2, 4)]
    for item in document.furniture:
        assert item.box is not None
        assert item.box[1] < item.box[3]
        assert item.box[2] < item.box[4]


@pytest.mark.parametrize(
    ("pages", "kept"),
    [
        pytest.param([SEAL, None, None, None], SEAL, id="a stamp on one page of four"),
        pytest.param(
            [Print(90, 90, "附件", 34), *[None] * 3], Print(0, 0, "附件"), id="one large heading"
        ),
        pytest.param(
            [Print(90, 90 + 40 * n, "附表", 34) for n in range(4)],
            Print(0, 0, "附表"),
            id="large headings at different heights",
        ),
        pytest.param([PALE, None, None, None], PALE, id="pale on one page"),
    ],
)
def test_what_stands_on_few_pages_or_moves_is_text(
    pages: Sequence[Print | None], kept: Print
) -> None:
    sheets = [Sheet([*([mark] if mark else []), *body(BODY, 400)]) for mark in pages]
    document = read(pdf(*sheets))
    assert not apart(document, "watermark")
    assert kept.text in lines(document)


@pytest.mark.parametrize(
    ("mark", "is_apart"),
    [
        pytest.param(Print(150, 600, "内部资料", 48, turned=45, grey=0.9), True, id="pale"),
        pytest.param(SEAL, False, id="black and small"),
        pytest.param(PALE, False, id="level"),
    ],
)
def test_in_a_file_of_one_page_a_watermark_is_tilted_and_pale(mark: Print, is_apart: bool) -> None:
    document = read(pdf(Sheet([mark, *body(BODY)])))
    assert bool(apart(document, "watermark")) == is_apart
    assert (mark.text in document.text) != is_apart
    assert BODY in lines(document)


def test_a_watermark_set_character_by_character_is_one() -> None:
    marks = [
        Print(150 + 45 * at, 600 - 45 * at, char, 40, turned=45)
        for at, char in enumerate("内部资料")
    ]
    document = read(pdf(*[Sheet([*marks, *body(BODY)])] * 3))
    assert lines(document) == [BODY] * 3
    assert {"".join(sorted(text)) for _, text in apart(document, "watermark")} == {
        "".join(sorted("内部资料"))
    }


def test_tiled_watermarks_do_not_turn_the_page() -> None:
    """More characters stand tilted than level; the page is read upright all the same."""
    tiles = [
        Print(100 + 150 * x, 150 + 90 * y, "内部资料严禁外传", 14, 50)
        for x in range(3)
        for y in range(7)
    ]
    document = read(pdf(*[Sheet([*tiles, Print(LEFT, TOP, "报告已收到。")])] * 2))
    assert lines(document) == ["报告已收到。"] * 2
    assert "".join(text for _, text in apart(document, "watermark")) == "内部资料严禁外传" * 42


# --- footnotes ----------------------------------------------------------------------------------

RULE: Rule = (LEFT, 700, LEFT + 140, 700)
MARKED = [
    Print(LEFT + 2 * SIZE, TOP, "造成直接经济损失50万元"),
    Print(LEFT + 13 * SIZE, TOP - 7, "1", 8),
]
REST = [Print(LEFT + 13 * SIZE + 5, TOP, "，已经赔付。")]
NOTE = "数据由某某会计师事务所提供。"


@pytest.mark.parametrize(
    ("notes", "rules", "found"),
    [
        pytest.param([Print(LEFT, 720, f"1 {NOTE}", 10)], [RULE], [f"1 {NOTE}"], id="rule"),
        pytest.param([Print(LEFT, 720, f"1{NOTE}", 10)], [], [f"1{NOTE}"], id="raised mark alone"),
        pytest.param(
            [Print(LEFT, 715, f"1 {NOTE[:8]}", 10), Print(LEFT, 728, NOTE[8:], 10)],
            [RULE],
            [f"1 {NOTE}"],
            id="two lines",
        ),
        pytest.param(
            [Print(LEFT, 715, f"1 {NOTE}", 10), Print(LEFT, 728, "2 见附件。", 10)],
            [RULE],
            [f"1 {NOTE}", "2 见附件。"],
            id="two notes",
        ),
    ],
)
def test_footnotes_and_their_marks_are_kept_apart(
    notes: list[Print], rules: list[Rule], found: list[str]
) -> None:
    document = read(pdf(Sheet([*MARKED, *REST, *body(BODY, 300), *notes], rules)))
    assert lines(document) == ["造成直接经济损失50万元，已经赔付。", BODY]
    assert [text for _, text in apart(document, "note")] == found


def test_a_paragraph_goes_on_past_the_footnotes_of_its_page() -> None:
    parts = set_lines(BODY * 3)
    first = [Print(LEFT, TOP + STEP * row, line.strip()) for row, line in enumerate(parts[1:4])]
    notes = [Print(LEFT, 720, f"① {NOTE}", 10), Print(300, 805, "— 1 —", 9)]
    rest = [Print(LEFT, TOP + STEP * row, line) for row, line in enumerate(parts[4:])]
    opening = Print(LEFT + 2 * SIZE, TOP - STEP, parts[0].strip())
    document = read(pdf(Sheet([opening, *first, *notes], [RULE]), Sheet(rest)))
    assert lines(document) == [BODY * 3]
    assert apart(document, "note") == [(1, f"① {NOTE}")]
    assert apart(document, "page_number") == [(1, "— 1 —")]


@pytest.mark.parametrize(
    ("texts", "rules"),
    [
        pytest.param([Print(LEFT, 720, "1 某某公司", 16)], [RULE], id="as large as the body"),
        pytest.param([Print(LEFT, 720, "注：金额为含税价。", 10)], [], id="no mark, no rule"),
        pytest.param([Print(LEFT, 720, "2 某某公司", 10)], [], id="a mark that nothing refers to"),
        pytest.param([Print(LEFT, 720, "某某公司", 10)], [(LEFT, 700, 512, 700)], id="long rule"),
        pytest.param(
            [Print(LEFT, 720, "某某公司", 10)],
            [RULE, (LEFT, 650, LEFT, 760), (LEFT + 140, 650, LEFT + 140, 760)],
            id="a rule of a table",
        ),
    ],
)
def test_what_is_no_footnote_stays(texts: list[Print], rules: list[Rule]) -> None:
    document = read(pdf(Sheet([*MARKED, *REST, *body(BODY, 300), *texts], rules)))
    assert not apart(document, "note")
    assert "50万元1，" in document.text
    assert texts[0].text in document.text


def test_a_raised_unit_is_no_mark() -> None:
    texts = [Print(LEFT, TOP, "面积为80m"), Print(LEFT + 6.2 * SIZE, TOP - 7, "2", 8)]
    notes = [Print(LEFT, 720, f"1 {NOTE}", 10)]
    document = read(pdf(Sheet([*texts, *body(BODY, 300), *notes], [RULE])))
    assert [line.replace(" ", "") for line in lines(document)] == ["面积为80m2", BODY]


# --- words and spaces ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        ("按照规范" * 6 + "insu-", "lation的要求。", "insulation的要求。"),
        ("按照规范" * 6 + "GB-", "T标准的要求。", "GB-T标准的要求。"),
        ("按照规范" * 6 + "2019-", "07号的要求。", "2019-07号的要求。"),
        ("按照规范" * 6 + "safety", "first的要求。", "safety first的要求。"),
    ],
)
def test_a_word_that_a_line_end_breaks_is_whole_again(first: str, second: str, joined: str) -> None:
    texts = [Print(LEFT, TOP, first), Print(LEFT, TOP + STEP, second)]
    document = read(pdf(Sheet([*texts, *body(BODY, 300)])))
    assert lines(document)[0] == "按照规范" * 6 + joined
    assert document.boxes(document.blocks[0].span)[1][0] == 1


@pytest.mark.parametrize(
    ("printed", "wanted"),
    [
        pytest.param("事 故 调 查 报 告", "事故调查报告", id="spread out with spaces"),
        pytest.param("组长 赵某 成员 钱某", "组长 赵某 成员 钱某", id="spaces between words stay"),
        pytest.param("赵某　钱某", "赵某　钱某", id="an ideographic space was typed on purpose"),
        pytest.param("附件 1 名单", "附件 1 名单", id="around digits nothing changes"),
    ],
)
def test_spaces_between_chinese_characters(printed: str, wanted: str) -> None:
    assert read(pdf(Sheet([Print(LEFT, TOP, printed)]))).text == wanted


# --- tables over pages --------------------------------------------------------------------------

COLUMNS = (80.0, 160.0, 330.0, 510.0)
HEAD = ["姓名", "职务", "处理"]
WORK = "某某建设有限责任公司法定代表人兼总经理"


def table(rows: Sequence[Sequence[str | Sequence[str]]], top: float = 130) -> Sheet:
    """A ruled table; a cell of several lines is given as a sequence."""
    rules: list[Rule] = [(COLUMNS[0], top, COLUMNS[-1], top)]
    texts: list[Print] = []
    y = top
    for row in rows:
        depth = max(1 if isinstance(cell, str) else len(cell) for cell in row)
        for x, cell in zip(COLUMNS, row, strict=False):
            for number, text in enumerate([cell] if isinstance(cell, str) else cell):
                if text:
                    texts.append(Print(x + 5, y + 15 + 15 * number, text, 12))
        y += 10 + 15 * depth
        rules.append((COLUMNS[0], y, COLUMNS[-1], y))
    rules.extend((x, top, x, y) for x in COLUMNS)
    return Sheet(texts, rules)


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        pytest.param(
            [HEAD, ["赵某", WORK[:13], "警告"]],
            [HEAD, ["", WORK[13:], ""], ["钱某", "职工", "警告"]],
            [HEAD, ["赵某", WORK, "警告"], ["钱某", "职工", "警告"]],
            id="the rest of a row under the repeated head",
        ),
        pytest.param(
            [HEAD, ["赵某", WORK[:13], "警告"]],
            [["", WORK[13:], ""]],
            [HEAD, ["赵某", WORK, "警告"]],
            id="without a head",
        ),
        pytest.param(
            [HEAD, ["某公司", "赵某", "警告"]],
            [HEAD, ["", "钱某", "警告"]],
            [HEAD, ["某公司", "赵某", "警告"], ["钱某", "警告"]],
            id="a first column left empty is another row",
        ),
        pytest.param(
            [HEAD, ["赵某", WORK[:13], "警告"]],
            [HEAD, ["钱某", WORK[13:], "警告"]],
            [HEAD, ["赵某", WORK[:13], "警告"], ["钱某", WORK[13:], "警告"]],
            id="a row with all its cells is a row",
        ),
    ],
)
def test_a_row_that_a_page_break_parts_is_one_row(
    first: list[Sequence[str]], second: list[Sequence[str]], wanted: list[list[str]]
) -> None:
    document = read(pdf(table(first), table(second)))
    rows: dict[int, list[str]] = {}
    for _, row, _, text in cells(document):
        rows.setdefault(row or 0, []).append(text)
    assert list(rows.values()) == wanted


def test_a_head_of_two_rows_is_dropped_where_it_comes_again() -> None:
    """名称 reaches down both rows; the rule between them runs under the other columns only."""

    def sheet(name: str) -> Sheet:
        rules: list[Rule] = [
            (80, 130, 510, 130), (160, 155, 510, 155), (80, 180, 510, 180), (80, 205, 510, 205),
            (80, 130, 80, 205), (160, 130, 160, 205), (330, 155, 330, 205), (510, 130, 510, 205),
        ]  # fmt: skip
        texts = ((90, 158, "名称"), (300, 147, "处理"), (170, 172, "种类"), (340, 172, "机关"))
        row = ((90, 197, name), (170, 197, "罚款"), (340, 197, "县局"))
        return Sheet([Print(x, y, text, 12) for x, y, text in (*texts, *row)], rules)

    document = read(pdf(sheet("甲公司"), sheet("乙公司")))
    texts = [text for *_, text in cells(document)]
    assert texts == [
        "名称",
        "处理",
        "种类",
        "机关",
        "甲公司",
        "罚款",
        "县局",
        "乙公司",
        "罚款",
        "县局",
    ]
    assert [row for _, row, column, _ in cells(document) if column == 0] == [0, 2, 3]


# --- the file around the pages ------------------------------------------------------------------


def outlined(titles: Sequence[tuple[str, int, int]], pages: Sequence[Sequence[str]]) -> bytes:
    """A PDF with bookmarks `(title, level, page)`."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4)
    pdf()  # registers the font
    for number, texts in enumerate(pages, start=1):
        canvas.setFont(FONT, SIZE)
        for row, text in enumerate(texts):
            canvas.drawString(LEFT, A4[1] - TOP - STEP * row, text)
        for title, _, page in titles:
            if page == number:
                canvas.bookmarkPage(title)
        canvas.showPage()
    for title, level, _ in titles:
        canvas.addOutlineEntry(title, title, level)
    canvas.save()
    return buffer.getvalue()


def headings(document: Document) -> list[tuple[str, int | None]]:
    return [
        (document.quote(block.span), block.level)
        for block in document.blocks
        if block.kind == "heading"
    ]


FULL = BODY[:27]


@pytest.mark.parametrize(
    ("titles", "found"),
    [
        pytest.param(
            [("一、事故 经过", 0, 1), ("（一）救援", 1, 2)],
            [("一、事故经过", 1), ("（一）救援", 2)],
            id="levels, spaces do not matter",
        ),
        pytest.param([("一、事故经过", 0, 2)], [], id="another page"),
        pytest.param([("第1页", 0, 1), ("报告.docx", 0, 2)], [], id="titles that no line says"),
        pytest.param([(FULL + BODY[27:33], 0, 1)], [(FULL + BODY[27:33], 1)], id="two lines"),
    ],
)
def test_bookmarks_make_headings(
    titles: list[tuple[str, int, int]], found: list[tuple[str, int]]
) -> None:
    pages = [[FULL, BODY[27:33], "一、事故经过", FULL], [FULL, "（一）救援", FULL]]
    document = read(outlined(titles, pages))
    assert headings(document) == found
    assert document.text.replace("\n", "") == "".join(map("".join, pages))


def test_a_bookmark_parts_a_heading_from_the_full_line_before_it() -> None:
    """By its place alone the line would go on the paragraph."""
    titles = [("总则", 0, 1), ("事故性质的认定", 1, 1)]
    document = read(outlined(titles, [[FULL, FULL, "事故性质的认定", FULL, FULL]]))
    assert lines(document)[1] == "事故性质的认定"
    assert headings(document) == [("事故性质的认定", 2)]


def test_an_outline_that_is_a_ring_ends(capfd: pytest.CaptureFixture[str]) -> None:
    """The second bookmark names the first as its next: 5,000 are looked at, nothing is printed."""
    data = outlined([("一、事故经过", 0, 1), ("二、事故原因", 0, 1)], [["一、事故经过", FULL]])
    nexts = re.findall(rb"/Next (\d+ 0 R)", data)
    assert len(nexts) == 1
    first = re.search(rb"/Prev (\d+ 0 R)", data)
    assert first is not None
    ring = data.replace(b"/Prev " + first.group(1), b"/Next " + first.group(1))
    document = read(ring)
    assert headings(document) == [("一、事故经过", 1)]
    assert capfd.readouterr().err == ""


def test_attachments_are_named() -> None:
    file = pypdfium2.PdfDocument(pdf(Sheet(body(BODY))))
    for name in ("整改台账.xlsx", "照片.zip"):
        file.new_attachment(name).set_data(b"1")
    buffer = io.BytesIO()
    file.save(buffer)
    file.close()
    document = read(buffer.getvalue())
    (notice,) = document.warnings
    assert notice.code == "attachments_not_read"
    assert "2 个附件" in notice.message
    assert "整改台账.xlsx、照片.zip" in notice.message
    assert document.status == "complete"


def unmapped(text: bytes) -> bytes:
    """A PDF whose font names its glyphs by number only, without a map to characters."""
    content = b"BT /F 20 Tf 60 700 Td <" + text.hex().encode() + b"> Tj ET"
    data = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    data += b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R"
    data += b"/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
    data += b"4 0 obj<</Length %d>>stream\n%s\nendstream endobj\n" % (len(content), content)
    data += b"5 0 obj<</Type/Font/Subtype/Type0/BaseFont/ABCDEF+Song/Encoding/Identity-H"
    data += b"/DescendantFonts[6 0 R]>>endobj\n6 0 obj<</Type/Font/Subtype/CIDFontType2/BaseFont"
    data += (
        b"/ABCDEF+Song/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/DW 1000"
    )
    data += b"/FontDescriptor 7 0 R>>endobj\n7 0 obj<</Type/FontDescriptor/FontName/ABCDEF+Song"
    data += b"/Flags 4/FontBBox[0 -200 1000 900]/ItalicAngle 0/Ascent 900/Descent -200/StemV 80"
    data += b">>endobj\n"
    return data + b"trailer<</Root 1 0 R>>\n%%EOF"


def test_a_font_without_a_character_map_makes_its_page_a_scan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("extractor.formats.ocr.is_available", lambda: False)
    document = read(unmapped(bytes(range(1, 81))))
    assert document.text == ""
    assert [notice.code for notice in document.warnings] == ["broken_text_layer"]
    assert document.status == "partial"
