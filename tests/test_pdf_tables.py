"""Tables in PDF: ruled cells are blocks, wherever and however the lines are drawn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pdfplumber
import pytest

from extractor.document import Document
from extractor.formats import parse, pdf_tables
from tests.sample_files import (
    LEFT,
    Print,
    Rule,
    Sheet,
    cells,
    convert,
    docx,
    list_level,
    numbered,
    one_list,
    paragraph,
    pdf,
)

SHORT = "赵某某，某某建设有限公司法定代表人。"
FINDING = (
    "某某建设有限公司未落实安全生产主体责任，未对从业人员进行安全生产教育和培训，对事故发生负有责任。"
    "依据《中华人民共和国安全生产法》的有关规定，建议由某某市应急管理局处以罚款的行政处罚。"
)


def read(data: bytes) -> Document:
    return parse(data, "a.pdf")


def lines(document: Document) -> list[str]:
    return document.text.split("\n")


COLUMNS = (80.0, 160.0, 330.0, 510.0)


def grid(rows: Sequence[float], columns: Sequence[float] = COLUMNS) -> list[Rule]:
    across = [(columns[0], y, columns[-1], y) for y in rows]
    return [*across, *((x, rows[0], x, rows[-1]) for x in columns)]


def row_of(texts: Sequence[str], y: float) -> list[Print]:
    return [Print(x + 5, y, text, 12) for x, text in zip(COLUMNS, texts, strict=False) if text]


def test_ruled_cells_are_blocks_and_the_text_around_is_not() -> None:
    texts = [
        Print(LEFT, 100, "附件1"),
        *row_of(["姓名", "职务", "处理"], 145),
        *row_of(["赵某某", "某某建设有限责任公司法定代", "行政警告"], 175),
        Print(COLUMNS[1] + 5, 190, "表人", 12),
        Print(LEFT, 230, "以上人员已处理到位。"),
    ]
    document = read(pdf(Sheet(texts, grid([130, 155, 200]))))
    assert cells(document) == [
        (0, 0, 0, "姓名"),
        (0, 0, 1, "职务"),
        (0, 0, 2, "处理"),
        (0, 1, 0, "赵某某"),
        (0, 1, 1, "某某建设有限责任公司法定代表人"),
        (0, 1, 2, "行政警告"),
    ]
    assert (lines(document)[0], lines(document)[-1]) == ("附件1", "以上人员已处理到位。")
    assert len(lines(document)) == 8


def test_cells_drawn_as_boxes_inside_a_form() -> None:
    """Stamping programs wrap the page in a form object; some writers stroke a box for each cell."""
    texts = [*row_of(["姓名", "处理"], 145), *row_of(["赵某某", "行政警告"], 170)]
    boxes = [
        (COLUMNS[column], 130 + 25 * row, COLUMNS[column + 1], 155 + 25 * row)
        for row in (0, 1)
        for column in (0, 1)
    ]
    document = read(pdf(Sheet(texts, boxes=boxes, as_form=True)))
    assert cells(document) == [
        (0, 0, 0, "姓名"), (0, 0, 1, "处理"), (0, 1, 0, "赵某某"), (0, 1, 1, "行政警告"),
    ]  # fmt: skip


def test_short_lines_of_a_cell_are_not_glued() -> None:
    """Two names in one cell must not become one."""
    texts = [*row_of(["赵某", "总经理"], 145), *row_of(["钱某", "矿长"], 160)]
    document = read(pdf(Sheet(texts, grid([130, 170], COLUMNS[:3]))))
    assert cells(document) == [
        (0, 0, 0, "赵某"),
        (0, 0, 0, "钱某"),
        (0, 0, 1, "总经理"),
        (0, 0, 1, "矿长"),
    ]


def test_a_table_goes_on_over_the_page_and_its_repeated_header_is_apart() -> None:
    head = ["姓名", "职务", "处理"]
    sheets = [
        Sheet([*row_of(head, 145), *row_of([name, "职工", "警告"], 175)], grid([130, 155, 185]))
        for name in ("赵某", "钱某", "孙某")
    ]
    document = read(pdf(*sheets))
    assert [(row, text) for _, row, column, text in cells(document) if column == 0] == [
        (0, "姓名"), (1, "赵某"), (2, "钱某"), (3, "孙某"),
    ]  # fmt: skip
    assert {table for table, *_ in cells(document)} == {0}
    assert [item.text for item in document.furniture] == head * 2


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param([(80, 130, 500, 130)] * 5, id="one red line"),
        pytest.param(grid([130, 700], (70, 530)), id="a frame round the page"),
        pytest.param([(80, y, 500, y) for y in (130, 160, 190, 220)], id="underlines of a form"),
    ],
)
def test_lines_that_close_no_cells_make_no_table(rules: list[Rule]) -> None:
    document = read(pdf(Sheet([Print(90, 150, SHORT), Print(90, 180, SHORT)], rules)))
    assert not cells(document)
    assert lines(document) == [SHORT, SHORT]


def test_a_frame_round_a_table_is_no_cell() -> None:
    frame = grid([60, 780], (50, 545))
    texts = [
        Print(LEFT, 100, SHORT),
        *row_of(["姓名", "处理"], 145),
        *row_of(["赵某", "警告"], 170),
    ]
    document = read(pdf(Sheet(texts, [*frame, *grid([130, 155, 180], COLUMNS[:3])])))
    assert [text for *_, text in cells(document)] == ["姓名", "处理", "赵某", "警告"]
    assert lines(document)[0] == SHORT


def test_ruling_lines_may_be_drawn_in_pieces() -> None:
    rules = grid([130, 155, 180], COLUMNS[:3])
    pieces: list[Rule] = []
    for x0, y0, x1, y1 in rules:
        x, y = (x1 - x0) / 4, (y1 - y0) / 4
        pieces.extend(
            (x0 + x * at, y0 + y * at, x0 + x * at + x, y0 + y * at + y) for at in range(4)
        )
    texts = [*row_of(["姓名", "处理"], 145), *row_of(["赵某", "警告"], 170)]
    assert len(cells(read(pdf(Sheet(texts, pieces))))) == 4


def test_a_merged_cell_keeps_its_upper_left_place() -> None:
    rules = [
        *grid([130, 155, 180, 205], (80, 200)),
        (200, 130, 400, 130),
        (200, 205, 400, 205),
        (400, 130, 400, 205),
    ]
    texts = [Print(90, y, text, 12) for y, text in ((147, "甲"), (172, "乙"), (197, "丙"))]
    document = read(pdf(Sheet([*texts, Print(230, 172, "合并", 12)], rules)))
    assert cells(document) == [(0, 0, 0, "甲"), (0, 0, 1, "合并"), (0, 1, 0, "乙"), (0, 2, 0, "丙")]


def test_a_word_written_downwards_in_a_cell_is_one() -> None:
    texts = [Print(110, 150 + 14 * at, char, 12) for at, char in enumerate("处理情况")]
    document = read(
        pdf(Sheet([*texts, *row_of(["", "已落实"], 170)], grid([130, 210], COLUMNS[:3])))
    )
    assert [text for *_, text in cells(document)] == ["处理情况", "已落实"]


RULED = Sheet(
    [*row_of(["姓名", "处理"], 145), *row_of(["赵某", "警告"], 170)],
    grid([130, 155, 180], COLUMNS[:3]),
)
PLAIN = Sheet([Print(LEFT, 120, SHORT)], [(80, y, 500, y) for y in (130, 160, 190, 220, 250)])


@pytest.mark.parametrize(
    ("sheets", "opened"),
    [
        pytest.param([PLAIN] * 3, 0, id="no page with ruling lines both ways"),
        pytest.param([PLAIN, RULED, PLAIN, RULED], 1, id="once for all ruled pages"),
    ],
)
def test_pdfplumber_opens_a_file_only_for_its_ruled_pages(
    monkeypatch: pytest.MonkeyPatch, sheets: list[Sheet], opened: int
) -> None:
    calls = []
    real = pdfplumber.open

    def count(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return real(*args, **kwargs)

    monkeypatch.setattr(pdfplumber, "open", count)
    document = read(pdf(*sheets))
    assert len(calls) == opened
    assert len(cells(document)) == 4 * sheets.count(RULED)
    assert not document.warnings


def test_a_page_that_pdfplumber_cannot_read_is_read_as_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise ValueError

    monkeypatch.setattr(pdfplumber, "open", fail)
    document = read(pdf(PLAIN, RULED, RULED))
    assert not cells(document)
    assert lines(document) == [SHORT, "姓名 处理", "赵某 警告", "姓名 处理", "赵某 警告"]
    assert [notice.code for notice in document.warnings] == ["table_as_text"]
    assert document.warnings[0].message.startswith("第2-3页的表格线")
    assert "请对照原件" in document.warnings[0].message


def net(columns: int, rows: int) -> list[Rule]:
    """Lines 8 points apart, as on graph paper."""
    return grid(
        [60.0 + 8 * row for row in range(rows)], [60.0 + 8 * column for column in range(columns)]
    )


STUBS: list[Rule] = [
    (56.0 + 16 * x, 60.0 + 8 * y, 64.0 + 16 * x, 60.0 + 8 * y) for x in range(30) for y in range(80)
]
POSTS: list[Rule] = [
    (60.0 + 16 * x, 58.0 + 16 * y, 60.0 + 16 * x, 66.0 + 16 * y)
    for x in range(30)
    for y in range(40)
]


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param(net(60, 60), id="3,600 crossings"),
        pytest.param(STUBS + POSTS, id="3,600 lines that do not touch"),
        pytest.param(net(2, 2) * 3_000, id="12,000 lines"),
    ],
)
def test_too_many_lines_are_left_alone_in_time(rules: list[Rule]) -> None:
    data = pdf(Sheet([Print(LEFT, 50, SHORT)], rules))
    started = time.perf_counter()
    document = read(data)
    assert time.perf_counter() - started < 2
    assert lines(document) == [SHORT]
    assert [notice.code for notice in document.warnings] == ["table_as_text"]


def test_a_file_full_of_lines_without_cells_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine crossings for four cells are five in vain; here a file may have three."""
    monkeypatch.setattr(pdf_tables, "_MOST_IDLE_CROSSINGS", 3)
    document = read(pdf(RULED, RULED))
    assert len(cells(document)) == 4
    assert document.warnings[0].message.startswith("第2页的表格线")


@pytest.mark.slow
def test_a_file_from_an_office_program(tmp_path: Path) -> None:
    """LibreOffice prints a DOCX with lists and a table; both readers give the same text."""
    numbering = one_list(
        list_level("chineseCounting", "%1、", extra='<w:suff w:val="nothing"/>'),
        list_level("chineseCounting", "（%2）", 1, extra='<w:suff w:val="nothing"/>'),
    )
    indent = '<w:jc w:val="both"/><w:ind w:firstLineChars="200" w:firstLine="480"/>'
    column = '<w:tcW w:w="2800" w:type="dxa"/>'
    borders = "".join(
        f'<w:{side} w:val="single" w:sz="4"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    table = f"<w:tbl><w:tblPr><w:tblBorders>{borders}</w:tblBorders></w:tblPr><w:tblGrid>"
    table += '<w:gridCol w:w="2800"/>' * 2 + "</w:tblGrid>"
    for row in (["姓名", "处理情况"], ["赵某某", "行政警告"], ["钱某某", "罚款二万元"]):
        inner = "".join(f"<w:tc><w:tcPr>{column}</w:tcPr>{paragraph(text)}</w:tc>" for text in row)
        table += f"<w:tr>{inner}</w:tr>"
    body = (
        numbered("事故基本情况")
        + paragraph(FINDING, indent)
        + numbered("单位情况", level=1)
        + paragraph(FINDING * 9, indent)
        + numbered("处理情况")
        + paragraph(FINDING * 4, indent)
        + f"{table}</w:tbl>"
        + paragraph("以上意见妥否，请批示。", indent)
        + '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="2098" w:right="1474" '
        'w:bottom="1984" w:left="1588" w:header="851" w:footer="992" w:gutter="0"/></w:sectPr>'
    )
    styles = (
        '<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:eastAsia="Noto Serif CJK SC"/>'
        '<w:sz w:val="24"/></w:rPr></w:rPrDefault></w:docDefaults>'
    )
    source = docx(body, numbering=numbering, styles=styles)
    wanted = parse(source, "a.docx")
    found = parse(convert(tmp_path, source, "pdf"), "a.pdf")
    assert lines(found) == lines(wanted)
    assert cells(found) == cells(wanted)
    assert not found.warnings
    assert len(found.pages) > 1
