"""What OFD has from the reader of all fixed layouts: watermarks, footnotes, rows over pages."""

from __future__ import annotations

import re

import pytest

from corpus.ofd_writer import (
    Deltas,
    Item,
    Raw,
    Rule,
    Sheet,
    Style,
    Text,
    Volume,
    grid,
    typeset,
    write_ofd,
)
from extractor.document import Document
from extractor.formats import parse

JOINED = (
    "经调查认定，某某建设有限公司未落实安全生产主体责任，现场管理混乱，作业人员未经安全培训即上岗"
    "作业，安全员未在现场监护，是事故发生的直接原因。"
)
BODY: list[Item] = list(typeset(["题", JOINED])[0].items[1:-1])
"""Three lines, 52.2, 62.4 and 72.6 mm below the upper edge, the last one not full."""
MARK = "内部资料"
SLANTED = 'CTM="0.7071 -0.7071 0.7071 0.7071 0 0"|'
UPRIGHT = 'CTM="0 1 -1 0 0 0"|'


def read(*volumes: Volume, style: Style | None = None) -> Document:
    return parse(write_ofd(*volumes, style=style), "报告.ofd")


def furniture(document: Document) -> list[tuple[str, str, int | None]]:
    return [(item.kind, item.text, item.page) for item in document.furniture]


def coloured(text: Text, how: str) -> Raw:
    """A text in a colour or transparency of its own, given as attributes or elements."""
    attributes, _, inside = how.partition("|")
    box = f'Boundary="{text.x} {text.y - text.size} 150 {text.size}" Size="{text.size}"'
    code = f'<{{p}}TextCode X="0" Y="{text.size}" DeltaX="g {len(text.text)} {text.size}">'
    return Raw(
        f'<{{p}}TextObject ID="9" {box} {attributes}>{inside}{code}{text.text}</{{p}}TextCode>'
        "</{p}TextObject>"
    )


@pytest.mark.parametrize("deltas", ["list", "each"])
@pytest.mark.parametrize(
    "mark",
    [
        pytest.param(Text(50, 76, MARK, 25), id="large"),
        pytest.param(coloured(Text(50, 60, MARK), '|<{p}FillColor Value="220"/>'), id="pale"),
        pytest.param(coloured(Text(50, 60, MARK), 'Alpha="60"|'), id="transparent"),
        pytest.param(coloured(Text(50, 60, MARK), '|<{p}FillColor Alpha="60"/>'), id="pale fill"),
        pytest.param(coloured(Text(50, 80, MARK), SLANTED), id="tilted"),
    ],
)
def test_a_watermark_over_the_text_goes_apart(mark: Item, deltas: Deltas) -> None:
    """The lines that it crosses stay whole."""
    pages = [Sheet([*BODY, mark]), Sheet([*BODY, mark])]
    document = read(Volume(pages), style=Style(deltas=deltas))
    assert document.text.split("\n") == [JOINED, JOINED]
    assert furniture(document) == [("watermark", MARK, page) for page in (1, 2)]
    assert all(item.box is not None and item.box[0] == item.page for item in document.furniture)


@pytest.mark.parametrize(
    "mark",
    [
        pytest.param(Text(50, 40, "关于事故情况", 12), id="a large title"),
        pytest.param(coloured(Text(50, 40, "作废"), '|<{p}FillColor Value="220"/>'), id="pale"),
        pytest.param(coloured(Text(20, 40, "作废", 4), UPRIGHT), id="upright at the side"),
    ],
)
def test_what_stands_on_one_page_of_three_stays(mark: Item) -> None:
    document = read(Volume([Sheet([mark, *BODY]), Sheet(BODY), Sheet(BODY)]))
    assert furniture(document) == []
    assert len(document.text.split("\n")) == 4


def test_each_document_of_a_container_has_its_watermark() -> None:
    """The mark stands on all pages of the first document, which are a third of the file."""
    mark = Text(50, 76, MARK, 25)
    first = Volume([Sheet([*BODY, mark]), Sheet([*BODY, mark])])
    document = read(first, Volume([Sheet(BODY)] * 4))
    assert furniture(document) == [("watermark", MARK, page) for page in (1, 2)]


def test_templates_used_on_many_pages_are_furniture() -> None:
    template = [Text(28, 20, "某某市应急管理局文件", 4.2), Text(90, 150, "内部资料", 8)]
    pages = [Sheet([Text(28, 80, f"第{at}页的正文。")], templates=[0]) for at in range(2)]
    document = read(Volume(pages, templates=[template]))
    assert document.text == "第0页的正文。\n第1页的正文。"
    assert furniture(document) == [
        (kind, text, page)
        for page in (1, 2)
        for kind, text in (("running_head", "某某市应急管理局文件"), ("note", "内部资料"))
    ]


def test_a_template_with_the_text_of_the_page_is_body() -> None:
    """A form that is used once, or a page that has nothing of its own."""
    template: list[Item] = [Text(28, 80, "申请人"), Rule(28, 82, 100, 82)]
    once = Volume([Sheet([Text(60, 80, "赵远山")], templates=[0])], templates=[template])
    assert read(once).text == "申请人 赵远山"
    bare = Volume([Sheet(templates=[0]), Sheet(templates=[0])], templates=[template])
    assert read(bare).text == "申请人\n申请人"


def test_annotations_are_kept_apart() -> None:
    document = read(Volume([Sheet([Text(28, 80, "正文。")])], annotations=[Text(60, 150, "批注")]))
    assert document.text == "正文。"
    assert furniture(document) == [("note", "批注", 1)]


def test_a_footnote_goes_apart_with_its_mark() -> None:
    """The mark is small and stands above the line, behind its last character."""
    end = BODY[2].edges()[-1][1] if isinstance(BODY[2], Text) else 0.0
    note = "1 见某某建设有限公司安全档案。"
    foot: list[Item] = [Rule(28, 240, 80, 240), Text(28, 246, note, 4.2)]
    document = read(Volume([Sheet([*BODY, Text(end, 70.2, "1", 2.8), *foot])]))
    assert document.text == JOINED
    assert furniture(document) == [("note", note, 1)]


@pytest.mark.parametrize("deltas", ["list", "each"])
def test_a_row_that_a_page_break_parts_is_one(deltas: Deltas) -> None:
    """The head is repeated on the second page; the rest of the row fills one cell only."""
    frame = grid(28, 60, [40, 66], [10, 10])
    head = [Text(30, 66, "单位", 4), Text(72, 66, "措施", 4)]
    wide = "开展全员安全培训并建立台账逐级落"  # 16 characters fill the cell
    row = [Text(30, 76, "某公司", 4), Text(70, 76, wide, 4)]
    first = Sheet([*frame, *head, *row])
    second = Sheet([*frame, *head, Text(70, 76, "实责任。", 4)])
    document = read(Volume([first, second]), style=Style(deltas=deltas))
    cells = [(block.row, block.column, document.quote(block.span)) for block in document.blocks]
    assert cells == [
        (0, 0, "单位"), (0, 1, "措施"), (1, 0, "某公司"), (1, 1, wide + "实责任。"),
    ]  # fmt: skip
    assert {text for _, text, _ in furniture(document)} == {"单位", "措施"}


def test_a_heading_of_two_lines_is_named_by_its_bookmark() -> None:
    title = ["某某公司较大事故整改措施落实", "情况的评估报告"]
    items: list[Item] = [Text(50, 32, title[0]), Text(78, 42, title[1]), *BODY]
    document = read(Volume([Sheet(items)], outlines=[("".join(title), 1, 1)]))
    assert [(block.kind, block.level) for block in document.blocks] == [
        ("heading", 1), ("paragraph", None),
    ]  # fmt: skip


def test_garbage_is_not_taken_as_text() -> None:
    garbage = "".join(chr(0xE000 + at) for at in range(24))
    document = read(Volume([Sheet([Text(28, 80, garbage)]), Sheet(BODY)]))
    assert document.text == JOINED
    assert [(notice.code, notice.page) for notice in document.warnings] == [
        ("broken_text_layer", 1)
    ]
    alone = read(Volume([Sheet([Text(28, 80, garbage)])]))
    assert (alone.text, alone.status) == ("", "partial")


def test_many_attachments_are_counted_and_the_first_are_named() -> None:
    attachments = {f"附件{at}.xlsx": b"x" for at in range(1, 24)}
    (notice,) = read(Volume([Sheet(BODY)], attachments=attachments)).warnings
    assert notice.code == "attachments_not_read"
    assert "23 个附件" in notice.message
    assert re.search("附件20.xlsx等。", notice.message)
