"""DOCX: what is printed comes out, in order; what is not read is said."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from extractor.document import Document
from extractor.formats import parse
from extractor.formats.word_numbering import format_number
from tests.sample_files import (
    cells,
    convert,
    docx,
    list_level,
    numbered,
    one_list,
    paragraph,
)


def read(data: bytes) -> Document:
    return parse(data, "a.docx")


def lines(document: Document) -> list[str]:
    return document.text.split("\n")


def codes(document: Document) -> list[str]:
    return [notice.code for notice in document.warnings]


RUN = '<w:r><w:t xml:space="preserve">{}</w:t></w:r>'


@pytest.mark.parametrize(
    ("number_format", "wanted"),
    [
        ("decimal", {1: "1", 12: "12"}),
        ("decimalZero", {1: "01", 12: "12"}),
        ("decimalFullWidth", {1: "１", 12: "１２"}),
        (
            "chineseCounting",
            {1: "一", 10: "十", 11: "十一", 20: "二十", 99: "九十九", 100: "一〇〇"},
        ),
        ("chineseCountingThousand", {10: "十", 21: "二十一", 101: "一百零一", 110: "一百一十"}),
        ("chineseCountingThousand", {1001: "一千零一", 1010: "一千零一十", 2000: "二千"}),
        ("japaneseCounting", {1: "一", 11: "十一", 100: "百", 120: "百二十"}),
        ("chineseLegalSimplified", {1: "壹", 10: "壹拾", 25: "贰拾伍", 105: "壹佰零伍"}),
        ("ideographLegalTraditional", {3: "參", 6: "陸"}),
        ("ideographTraditional", {1: "甲", 10: "癸", 11: "11"}),
        ("ideographZodiac", {1: "子", 12: "亥"}),
        ("ideographDigital", {10: "一〇", 21: "二一"}),
        ("decimalEnclosedCircle", {1: "①", 20: "⑳", 21: "21"}),
        ("decimalEnclosedCircleChinese", {3: "③"}),
        ("decimalEnclosedParen", {2: "⑵"}),
        ("decimalEnclosedFullstop", {2: "⒉"}),
        ("lowerLetter", {1: "a", 26: "z", 27: "aa"}),
        ("upperLetter", {2: "B", 28: "BB"}),
        ("lowerRoman", {4: "iv", 9: "ix"}),
        ("upperRoman", {14: "XIV", 1990: "MCMXC"}),
        ("numberInDash", {3: "- 3 -"}),
        ("bullet", {1: ""}),
        ("none", {1: ""}),
        ("chicago", {1: "1"}),
        ("lowerLetter", {0: "0", 2_000_000_000: "2000000000"}),
    ],
)
def test_numbers_are_written_as_word_writes_them(
    number_format: str, wanted: dict[int, str]
) -> None:
    """ISO/IEC 29500-1, 17.18.59 (ST_NumberFormat)."""
    assert {value: format_number(value, number_format) for value in wanted} == wanted


FOUR_LEVELS = one_list(
    list_level("chineseCounting", "%1、", 0),
    list_level("chineseCounting", "（%2）", 1),
    list_level("decimal", "%3.", 2),
    list_level("decimal", "（%4）", 3),
)
OUTLINE = one_list(
    list_level("chineseCounting", "第%1章", 0),
    list_level("decimal", "%1.%2", 1),
    list_level("decimal", "%1.%2.%3", 2, extra="<w:isLgl/>"),
)


def with_lists(*nums: str, levels: str) -> str:
    """One abstract list 0 and further lists that use it."""
    return f'<w:abstractNum w:abstractNumId="0">{levels}</w:abstractNum>' + "".join(nums)


def num(num_id: int, override: str = "") -> str:
    return f'<w:num w:numId="{num_id}"><w:abstractNumId w:val="0"/>{override}</w:num>'


GLUED = '<w:suff w:val="nothing"/>'
RESTART = '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>'
STYLES = (
    '<w:style w:type="paragraph" w:default="1" w:styleId="a"><w:name w:val="Normal"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="h1"><w:name w:val="heading 1"/><w:basedOn w:val="a"/>'
    '<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr><w:outlineLvl w:val="0"/></w:pPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="h2"><w:name w:val="heading 2"/><w:basedOn w:val="h1"/>'
    '<w:pPr><w:numPr><w:ilvl w:val="1"/></w:numPr></w:pPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="mine"><w:name w:val="我的标题"/><w:basedOn w:val="h2"/>'
    "</w:style>"
    '<w:style w:type="paragraph" w:styleId="loop"><w:name w:val="x"/><w:basedOn w:val="loop"/>'
    "</w:style>"
    '<w:style w:type="paragraph" w:styleId="t"><w:name w:val="Title"/></w:style>'
)


def styled(text: str, style: str, more: str = "") -> str:
    return paragraph(text, f'<w:pStyle w:val="{style}"/>{more}')


@pytest.mark.parametrize(
    ("numbering", "body", "wanted"),
    [
        pytest.param(
            FOUR_LEVELS,
            [
                ("甲", 0),
                ("乙", 1),
                ("丙", 2),
                ("丁", 3),
                ("戊", 3),
                ("己", 1),
                ("庚", 0),
                ("辛", 1),
            ],
            ["一、甲", "（一）乙", "1.丙", "（1）丁", "（2）戊", "（二）己", "二、庚", "（一）辛"],
            id="the four levels of official documents, each starting again under its parent",
        ),
        pytest.param(
            OUTLINE,
            [("总则", 0), ("目的", 1), ("细目", 2), ("依据", 1)],
            ["第一章 总则", "一.1 目的", "1.1.1 细目", "一.2 依据"],
            id="a level shows its parents, isLgl in digits, and a space where text would run on",
        ),
        pytest.param(
            one_list(list_level("decimal", "%1.", start=5)),
            [("甲", 0), ("乙", 0)],
            ["5.甲", "6.乙"],
            id="a start other than one",
        ),
        pytest.param(
            one_list(
                list_level("decimal", "%1.", 0),
                list_level("decimal", "（%2）", 1, extra='<w:lvlRestart w:val="0"/>'),
            ),
            [("甲", 0), ("乙", 1), ("丙", 0), ("丁", 1)],
            ["1.甲", "（1）乙", "2.丙", "（2）丁"],
            id="lvlRestart 0 counts on",
        ),
        pytest.param(
            one_list(
                list_level("decimal", "%1.", 0),
                list_level("decimal", "%2)", 1),
                list_level("decimal", "（%3）", 2, extra='<w:lvlRestart w:val="1"/>'),
            ),
            [("甲", 0), ("乙", 1), ("丙", 2), ("丁", 1), ("戊", 2), ("己", 0), ("庚", 2)],
            ["1.甲", "1)乙", "（1）丙", "2)丁", "（2）戊", "2.己", "（1）庚"],
            id="lvlRestart 1 starts again only under the first level",
        ),
        pytest.param(
            one_list(list_level("bullet", "•", 0), list_level("decimal", "%2.", 1)),
            [("甲", 0), ("乙", 1)],
            ["甲", "1.乙"],
            id="bullets number nothing",
        ),
        pytest.param(
            one_list(list_level("decimal", "（%1）", 0, extra='<w:suff w:val="nothing"/>')),
            [("", 0), ("乙", 0)],
            ["（1）", "（2）乙"],
            id="a numbered paragraph without text still prints its number",
        ),
        pytest.param(
            FOUR_LEVELS,
            [("甲", 1), ("乙", 0), ("丙", 2), ("丁", 1)],
            ["（一）甲", "二、乙", "1.丙", "（二）丁"],
            id="a skipped level counts as used",
        ),
    ],
)
def test_automatic_numbers_are_written_out(
    numbering: str, body: list[tuple[str, int]], wanted: list[str]
) -> None:
    xml = "".join(numbered(text, 1, level) for text, level in body)
    assert lines(read(docx(xml, numbering=numbering))) == wanted


@pytest.mark.parametrize(
    ("nums", "used", "wanted"),
    [
        pytest.param([num(1), num(2)], [1, 1, 2], ["1.", "2.", "3."], id="one count for one list"),
        pytest.param(
            [num(1), num(2, RESTART)], [1, 1, 2, 2, 1], ["1.", "2.", "1.", "2.", "3."], id="restart"
        ),
        pytest.param(
            [num(1), num(2, RESTART)],
            [1, (2, 1), 1, 2, 2],
            ["1.", "1.1", "2.", "1.", "2."],
            id="a restart waits for its own level",
        ),
        pytest.param(
            [
                num(1),
                num(
                    2,
                    f'<w:lvlOverride w:ilvl="0">{list_level("decimal", "（%1）")}</w:lvlOverride>',
                ),
            ],
            [1, 2],
            ["1.", "（2）"],
            id="a list may print otherwise",
        ),
        pytest.param([num(1)], [1, 0, 7, 1], ["1.", "", "", "2."], id="no list and unknown lists"),
    ],
)
def test_lists_that_share_a_definition(
    nums: list[str], used: list[int | tuple[int, int]], wanted: list[str]
) -> None:
    """`used` gives the list of each paragraph, and its level where it is not the first."""
    places = [place if isinstance(place, tuple) else (place, 0) for place in used]
    xml = "".join(numbered("甲", *place) for place in places)
    levels = list_level("decimal", "%1.") + list_level("decimal", "%1.%2", 1, extra=GLUED)
    document = read(docx(xml, numbering=with_lists(*nums, levels=levels)))
    assert lines(document) == [f"{label}甲" for label in wanted]


def test_a_style_brings_its_number_and_its_level() -> None:
    """Level by pStyle of the list, inherited along basedOn; numId 0 in the paragraph ends it."""
    numbering = one_list(
        list_level("chineseCounting", "%1、", 0, extra='<w:pStyle w:val="h1"/>'),
        list_level("chineseCounting", "（%2）", 1, extra='<w:pStyle w:val="h2"/>'),
    )
    body = (
        styled("总标题", "t")
        + styled("概况", "h1")
        + styled("经过", "h2")
        + styled("性质", "mine")
        + styled("没有号", "h1", '<w:numPr><w:numId w:val="0"/></w:numPr>')
        + styled("环", "loop")
        + paragraph("级别", '<w:outlineLvl w:val="2"/>')
        + paragraph("正文")
    )
    document = read(docx(body, styles=STYLES, numbering=numbering))
    assert lines(document) == [
        "总标题", "一、概况", "（一）经过", "（二）性质", "没有号", "环", "级别", "正文",
    ]  # fmt: skip
    assert [(block.kind, block.level) for block in document.blocks] == [
        ("heading", 0),
        ("heading", 1),
        ("heading", 2),
        ("heading", 2),
        ("heading", 1),
        ("paragraph", None),
        ("heading", 3),
        ("paragraph", None),
    ]


def test_a_list_by_way_of_a_numbering_style() -> None:
    numbering = (
        '<w:abstractNum w:abstractNumId="0"><w:numStyleLink w:val="L"/></w:abstractNum>'
        '<w:abstractNum w:abstractNumId="1"><w:styleLink w:val="L"/>'
        f"{list_level('chineseCounting', '%1、')}</w:abstractNum>"
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    )
    assert lines(read(docx(numbered("甲"), numbering=numbering))) == ["一、甲"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_an_office_program_counts_the_same(tmp_path: Path, seed: int) -> None:
    """Three hundred paragraphs at random levels of lists that share and override a definition."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice, nothing secret
    levels = "".join(
        list_level(number_format, text, at, extra=GLUED)
        for at, (number_format, text) in enumerate(
            [
                ("chineseCounting", "%1、"),
                ("japaneseCounting", "（%2）"),
                ("decimal", "%1.%2.%3"),
                ("lowerLetter", "%4)"),
            ]
        )
    )
    second = '<w:lvlOverride w:ilvl="1"><w:startOverride w:val="5"/></w:lvlOverride>'
    body = "".join(
        numbered("甲", chance.choice([1, 1, 1, 2, 3]), chance.choice([0, 1, 1, 2, 2, 3]))
        for _ in range(300)
    )
    source = docx(
        body, numbering=with_lists(num(1), num(2, RESTART), num(3, second), levels=levels)
    )
    printed = convert(tmp_path, source, "txt").decode("utf-8-sig")
    assert lines(read(source)) == [line.replace(" ", "") for line in printed.splitlines()]


TRACKED = ["tracked_changes"]


@pytest.mark.parametrize(
    ("body", "wanted", "warned"),
    [
        pytest.param(
            f"<w:p>{RUN.format('建议')}<w:ins>{RUN.format('给予')}</w:ins>"
            f"<w:del><w:r><w:delText>免予</w:delText></w:r></w:del>{RUN.format('警告')}</w:p>",
            ["建议给予警告"],
            TRACKED,
            id="insertions in, deletions out",
        ),
        pytest.param(
            f"<w:p><w:moveFrom>{RUN.format('旧')}</w:moveFrom></w:p>"
            f"<w:p><w:moveTo>{RUN.format('新')}</w:moveTo></w:p>",
            ["新"],
            TRACKED,
            id="moved text stands where it went",
        ),
        pytest.param(
            f"<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>{RUN.format('前半')}</w:p>"
            + paragraph("后半"),
            ["前半后半"],
            TRACKED,
            id="a deleted paragraph mark joins two paragraphs",
        ),
        pytest.param(
            f"<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>{RUN.format('末段')}</w:p>",
            ["末段"],
            TRACKED,
            id="a deleted last mark loses nothing",
        ),
        pytest.param(
            f"<w:p>{RUN.format('标题上')}<w:r><w:br/></w:r>{RUN.format('标题下')}</w:p>",
            ["标题上", "标题下"],
            [],
            id="a line break begins a block",
        ),
        pytest.param(
            f"<w:p>{RUN.format('姓名')}<w:r><w:tab/></w:r>{RUN.format('职务')}</w:p>",
            ["姓名 职务"],
            [],
            id="a tab is a space",
        ),
        pytest.param(
            "<w:p><w:r><w:t> 空 </w:t></w:r><w:r><w:t>格</w:t></w:r></w:p>",
            ["空格"],
            [],
            id="spaces count only where xml:space says so",
        ),
        pytest.param(
            "<w:p><!-- 一 --><w:r><?a b?><w:t>罚款<!-- 二 -->五<?a b?>万元</w:t></w:r></w:p>",
            ["罚款五万元"],
            [],
            id="remarks of the XML are no text and cut none",
        ),
        pytest.param(
            f"<w:p>{RUN.format('明')}<w:r><w:rPr><w:vanish/></w:rPr><w:t>暗</w:t></w:r></w:p>",
            ["明"],
            ["hidden_text"],
            id="hidden text is out and said",
        ),
        pytest.param(
            f"<w:p><w:hyperlink>{RUN.format('甲')}</w:hyperlink><w:smartTag>{RUN.format('乙')}"
            f"</w:smartTag><w:sdt><w:sdtContent>{RUN.format('丙')}</w:sdtContent></w:sdt>"
            f"<w:fldSimple>{RUN.format('丁')}</w:fldSimple></w:p>",
            ["甲乙丙丁"],
            [],
            id="links, tags, controls and fields are looked into",
        ),
        pytest.param(
            f"<w:sdt><w:sdtContent>{paragraph('甲')}</w:sdtContent></w:sdt>",
            ["甲"],
            [],
            id="control",
        ),
        pytest.param(
            "<w:p><w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:instrText>PAGE</w:instrText>"
            f"</w:r><w:r><w:fldChar w:fldCharType='separate'/></w:r>{RUN.format('7')}</w:p>",
            ["7"],
            [],
            id="a field gives its result, not its code",
        ),
        pytest.param(
            "<w:p><w:r><w:fldChar><w:ffData><w:checkBox><w:checked/></w:checkBox></w:ffData>"
            f"</w:fldChar></w:r>{RUN.format('已落实')}<w:r><w:fldChar><w:ffData><w:checkBox>"
            "<w:default w:val='0'/></w:checkBox></w:ffData></w:fldChar></w:r>"
            f"{RUN.format('未落实')}</w:p>",
            ["☑已落实□未落实"],
            [],
            id="form check boxes show their state",
        ),
        pytest.param(
            '<w:p><w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:sym w:font="Wingdings 2" '
            f'w:char="00A3"/></w:r>{RUN.format("落实")}</w:p>',
            ["☑□落实"],
            [],
            id="check marks of symbol fonts",
        ),
        pytest.param(
            f'<w:p>{RUN.format("甲")}<w:r><w:sym w:font="Wingdings" w:char="F028"/></w:r></w:p>',
            ["甲�"],
            ["unknown_symbol"],
            id="an unknown symbol is not guessed",
        ),
        pytest.param(
            f"<w:p><w:r><w:ruby><w:rt>{RUN.format('zhào')}</w:rt><w:rubyBase>{RUN.format('赵')}"
            "</w:rubyBase></w:ruby></w:r></w:p>",
            ["赵"],
            [],
            id="of ruby the base",
        ),
        pytest.param(
            "<w:p><m:oMath><m:r><m:t>S=3.5</m:t></m:r></m:oMath></w:p>", ["S=3.5"], [], id="formula"
        ),
        pytest.param(
            f"<w:p>{RUN.format('正文')}<w:r><mc:AlternateContent><mc:Choice><w:drawing>"
            f"<w:txbxContent>{paragraph('红头')}</w:txbxContent></w:drawing></mc:Choice><mc:Fallback>"
            f"<w:pict><w:txbxContent>{paragraph('红头')}</w:txbxContent></w:pict></mc:Fallback>"
            "</mc:AlternateContent></w:r></w:p>",
            ["正文", "红头"],
            [],
            id="a text box is read once",
        ),
        pytest.param(
            f"<w:p>{RUN.format('正文')}<w:r><w:pict><w:txbxContent><w:p>{RUN.format('外')}<w:r><w:pict>"
            f"<w:txbxContent>{paragraph('内')}</w:txbxContent></w:pict></w:r></w:p></w:txbxContent>"
            "</w:pict></w:r></w:p>",
            ["正文", "外", "内"],
            [],
            id="a text box in a text box",
        ),
        pytest.param(
            f"<w:p>{RUN.format('正文')}<w:r><w:drawing><a:blip/></w:drawing></w:r></w:p>",
            ["正文"],
            ["pictures"],
            id="pictures are said",
        ),
        pytest.param(
            paragraph("正文") + "<w:altChunk/>", ["正文"], ["embedded_part"], id="embedded parts"
        ),
    ],
)
def test_what_a_paragraph_may_hold(body: str, wanted: list[str], warned: list[str]) -> None:
    document = read(docx(body))
    assert lines(document) == wanted
    assert codes(document) == warned


def cell(text: str, settings: str = "") -> str:
    return f"<w:tc><w:tcPr>{settings}</w:tcPr>{paragraph(text)}</w:tc>"


def test_cells_come_row_by_row_and_merged_cells_once() -> None:
    across, down = '<w:gridSpan w:val="2"/>', '<w:vMerge w:val="restart"/>'
    table = (
        f"<w:tbl><w:tr>{cell('责任人', across)}{cell('处理')}</w:tr>"
        f"<w:tr>{cell('赵某', down)}{cell('总经理')}{cell('警告')}</w:tr>"
        f"<w:tr>{cell('', '<w:vMerge/>')}{cell('法定代表人')}{cell('罚款')}</w:tr></w:tbl>"
    )
    document = read(docx(paragraph("表前") + table + paragraph("表后")))
    assert lines(document)[0] == "表前"
    assert lines(document)[-1] == "表后"
    assert cells(document) == [
        (0, 0, 0, "责任人"),
        (0, 0, 2, "处理"),
        (0, 1, 0, "赵某"),
        (0, 1, 1, "总经理"),
        (0, 1, 2, "警告"),
        (0, 2, 1, "法定代表人"),
        (0, 2, 2, "罚款"),
    ]


def test_nested_tables_numbered_cells_and_deleted_rows() -> None:
    inner = f"<w:tbl><w:tr>{cell('内')}</w:tr></w:tbl>"
    table = (
        f"<w:tbl><w:tr><w:tc>{numbered('')}</w:tc><w:tc>{paragraph('外')}{inner}</w:tc></w:tr>"
        f"<w:tr><w:trPr><w:del/></w:trPr>{cell('删去的行')}</w:tr>"
        f"<w:tr><w:tc>{numbered('')}</w:tc>{cell('末')}</w:tr></w:tbl>"
    )
    document = read(docx(table, numbering=one_list(list_level("decimal", "%1"))))
    assert cells(document) == [
        (0, 0, 0, "1"),
        (0, 0, 1, "外"),
        (1, 0, 0, "内"),
        (0, 2, 0, "2"),
        (0, 2, 1, "末"),
    ]
    assert codes(document) == TRACKED


def test_headers_footers_and_notes_are_kept_apart() -> None:
    document = read(
        docx(
            paragraph("正文"),
            header1=paragraph("某某市安委办文件"),
            footer1=paragraph("— 1 —"),
            footnotes=f'<w:footnote w:type="separator">{paragraph("线")}</w:footnote>'
            f"<w:footnote>{paragraph('见附件。')}</w:footnote>",
            comments=f"<w:comment>{paragraph('请核对金额')}</w:comment>",
        )
    )
    assert document.text == "正文"
    assert [(item.kind, item.text) for item in document.furniture] == [
        ("header", "某某市安委办文件"),
        ("footer", "— 1 —"),
        ("note", "见附件。"),
        ("note", "请核对金额"),
    ]
    assert codes(document) == ["comments"]
    assert document.pages == ()


def test_a_document_of_pictures_is_partial() -> None:
    document = read(docx("<w:p><w:r><w:drawing><a:blip/></w:drawing></w:r></w:p>"))
    assert (document.text, document.status, codes(document)) == ("", "partial", ["no_text_layer"])
    assert "另存为 PDF" in document.warnings[0].message
