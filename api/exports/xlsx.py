"""The checklist as an Excel workbook made to be printed, filled in and signed.

Every text cell is a string cell, never a formula; a text that begins with = + - @ or a tab also
carries the quote prefix, so that it stays text when someone edits the cell.
"""

from __future__ import annotations

import io
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from api.exports.sheets import Column, Sheet, checklist_sheets, document_rows, header_fields
from extractor.checklist.hints import plain_hint
from extractor.checklist.model import STATUS_LABELS, Checklist, Status

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

MAX_CELL = 32_767
"""The longest text that Excel keeps in one cell."""
CUT_MARK = "……（超出单元格上限，以下从略，见原文）"

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_RISKY = re.compile(r"\s*[=+\-@]|\t")
_LINE = 14.5
_PADDING = 5.0
_MIN_ROW, _MAX_ROW = 21.0, 400.0
_HEADER_LIMIT = 60
_ONE_PAGE = 34
_SIGNATURES = ("　" * 15).join(
    ("填表人：", "复核人：", "评估组组长：", "日期：　　　　年　　月　　日")
)
_GUIDE = (
    "填写说明：",
    "1. “落实状态”从下拉列表中选择；文件没有逐项写明结果的，一律为“待核实”。",
    "2. “落实举措”中标有〔待核对〕的内容由程序按文字相近程度列出，须对照原文取舍。",
    "3. “佐证材料”是应当查阅的材料，查到后在□内打勾；“备注”中的“请核实”只是提示，不是结论。",
    "4. “出处”中的材料简称见上表；引号内是原文，过长的以“…”结尾。",
)
_FILLS = {
    Status.DONE: "#E2F0D9",
    Status.NOT_DONE: "#F8D7DA",
    Status.UNVERIFIED: "#FFF2CC",
    Status.CHANGED: "#DDEBF7",
}
_BASE = {"font_name": "宋体", "font_size": 10, "valign": "vcenter", "text_wrap": True}
_CELL = {**_BASE, "border": 1, "border_color": "#7F7F7F"}
_STYLES: dict[str, dict[str, Any]] = {
    "text": {**_CELL, "align": "left"},
    "centre": {**_CELL, "align": "center"},
    "head": {**_CELL, "align": "center", "bold": True, "bg_color": "#EDEDED", "font_name": "黑体"},
    "title": {**_BASE, "align": "center", "bold": True, "font_size": 18, "font_name": "黑体"},
    "line": {**_BASE, "align": "left"},
    "sign": {**_BASE, "align": "left", "font_size": 11},
}


def checklist_xlsx(checklist: Checklist) -> bytes:
    """Return the workbook: 基本信息, 责任追究, 整改措施, 问题, 建议, 经验做法 (if any)."""
    from xlsxwriter import Workbook

    buffer = io.BytesIO()
    workbook = Workbook(buffer, {"in_memory": True})
    workbook.set_properties({"title": clean(f"{checklist.case.name}评估清单")[:255]})
    writer = _Writer(workbook, checklist.case.name)
    writer.write_header(checklist)
    for sheet in checklist_sheets(checklist):
        writer.write_sheet(sheet)
    workbook.close()
    return buffer.getvalue()


def clean(text: str) -> str:
    """Return a text that a cell can hold: no illegal character, at most 32,767 characters."""
    if text.isprintable() and len(text) <= MAX_CELL:
        return text
    text = _ILLEGAL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - len(CUT_MARK)] + CUT_MARK


def is_risky(text: str) -> bool:
    """Tell whether a program might take a text for a formula when someone edits its cell."""
    return _RISKY.match(text) is not None


def cell_styles(style: str) -> dict[str, Any]:
    """Return how cells of a kind (text, centre, head) look."""
    return _STYLES[style]


def count_cells(text: str) -> int:
    """Return the printed width of a text in half-width characters."""
    return sum(map(_WIDTHS.__getitem__, text))


class _Widths(dict[str, int]):
    """The width of each character that was met: a table is faster than asking each time."""

    def __missing__(self, char: str) -> int:
        width = self[char] = 2 if unicodedata.east_asian_width(char) in "WFA" else 1
        return width


_WIDTHS = _Widths()


def count_lines(text: str, width: float) -> int:
    """Return the lines that a text takes in a column of this width, generously."""
    room = _room(width)
    if 2 * len(text) <= room:
        return 1 + text.count("\n")
    return sum(
        # Most lines are short: what fits even if all of it is wide need not be counted.
        1 if 2 * len(line) <= room else math.ceil(count_cells(line) / room)
        for line in text.split("\n")
    )


def row_height(texts: Sequence[str], widths: Iterable[float]) -> float:
    """Return the height in points that the tallest cell of a row needs, within bounds."""
    cells = zip(texts, widths, strict=True)
    lines = max((count_lines(text, width) for text, width in cells if text), default=1)
    return max(_MIN_ROW, min(_MAX_ROW, lines * _LINE + _PADDING))


@cache
def _room(width: float) -> int:
    """Return the half-width characters that a line of a column holds, an even number."""
    return max(2, math.floor(width * 1.05) - 1) // 2 * 2


class _Writer:
    """Writes the sheets of one workbook."""

    def __init__(self, workbook: Workbook, case: str) -> None:
        self._book = workbook
        self._case = clean(case)
        self._formats: dict[tuple[str, bool], Format] = {}

    def write_header(self, checklist: Checklist) -> None:
        """Write the sheet 基本信息: the case, its documents, what to check, who signs."""
        columns = (Column("", 16), Column("", 46), Column("", 16), Column("", 46))
        page = self._begin("基本信息", "评估清单基本信息", columns, repeat=0)
        at = 2
        fields = header_fields(checklist)
        for left, right in zip(fields[::2], fields[1::2], strict=True):
            cells = (*left, *right)
            for column, text in enumerate(cells):
                self._write(page, at, column, text, "text" if column % 2 else "head")
            page.set_row(at, self._height(cells, columns))
            at += 1
        at = self._write_documents(page, at + 1, checklist)
        overall = list(map(plain_hint, checklist.case.hints))
        for text in ([*overall, ""] if overall else []) + list(_GUIDE):
            at = self._write_across(page, at, text, columns, "line")
        self._sign(page, at + 1, columns)
        if at < _ONE_PAGE:  # the signatures stay on the page that they sign
            page.fit_to_pages(1, 1)

    def write_sheet(self, sheet: Sheet) -> None:
        """Write one table with its title, head, rows and signatures."""
        page = self._begin(sheet.name, sheet.title, sheet.columns, repeat=2)
        for column, head in enumerate(sheet.columns):
            self._write(page, 2, column, head.title, "head")
        page.set_row(2, self._height([c.title for c in sheet.columns], sheet.columns))
        page.freeze_panes(3, 2)
        at = 3
        for row in sheet.rows or (
            (("",) + ("（文件中未见）",) + ("",) * (len(sheet.columns) - 2)),
        ):
            for part in _split_row([clean(text) for text in row], sheet.columns):
                for column, text in enumerate(part):
                    centred = column in (0, sheet.status_column)
                    self._write(page, at, column, text, "centre" if centred else "text")
                page.set_row(at, self._height(part, sheet.columns))
                at += 1
        page.autofilter(2, 0, at - 1, len(sheet.columns) - 1)
        if sheet.status_column is not None:
            self._offer_statuses(page, sheet.status_column, at - 1)
        self._sign(page, at + 1, sheet.columns)

    def _begin(self, name: str, title: str, columns: Sequence[Column], *, repeat: int) -> Worksheet:
        page = self._book.add_worksheet(name)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.set_margins(left=0.4, right=0.4, top=0.7, bottom=0.6)
        page.center_horizontally()
        case = self._case.replace("\n", " ")[:_HEADER_LIMIT].replace("&", "&&")
        page.set_header(f"&L&9{' ' if case[:1].isdigit() else ''}{case}&R&9{title}")
        page.set_footer("&L&9本表由程序生成初稿，须经人工核对&C&9第 &P 页，共 &N 页")
        for at, column in enumerate(columns):
            page.set_column(at, at, column.width)
        last = len(columns) - 1
        page.merge_range(0, 0, 0, last, title, self._format("title"))
        page.set_row(0, 30)
        if repeat:
            self._write_across(page, 1, f"事故名称：{self._case}", columns, "line")
            page.repeat_rows(repeat)
        return page

    def _write_documents(self, page: Worksheet, at: int, checklist: Checklist) -> int:
        columns = (Column("", 16), Column("", 46), Column("", 16), Column("", 46))
        for column, text in enumerate(("材料", "标题", "日期", "文号；用途")):
            self._write(page, at, column, text, "head")
        for name, title, number, day, role in document_rows(checklist):
            at += 1
            cells = (name, title, day, "；".join(filter(None, (number, role))))
            for column, text in enumerate(cells):
                self._write(page, at, column, text, "text" if column % 2 else "centre")
            page.set_row(at, self._height(cells, columns))
        return at + 2

    def _write_across(
        self, page: Worksheet, at: int, text: str, columns: Sequence[Column], style: str
    ) -> int:
        self._merge(page, at, len(columns) - 1, text, style)
        total = Column("", sum(column.width for column in columns))
        page.set_row(at, self._height([text], [total]))
        return at + 1

    def _sign(self, page: Worksheet, at: int, columns: Sequence[Column]) -> None:
        self._merge(page, at, len(columns) - 1, _SIGNATURES, "sign")
        page.set_row(at, 32)

    def _offer_statuses(self, page: Worksheet, column: int, last: int) -> None:
        labels = list(STATUS_LABELS.values())
        page.data_validation(
            3,
            column,
            last,
            column,
            {
                "validate": "list",
                "source": labels,
                "error_title": "落实状态",
                "error_message": "请从列表中选择：" + "、".join(labels),
            },
        )
        for status, colour in _FILLS.items():
            rule = {
                "type": "cell",
                "criteria": "==",
                "value": f'"{status.label}"',
                "format": self._book.add_format({"bg_color": colour}),
            }
            page.conditional_format(3, column, last, column, rule)

    def _write(self, page: Worksheet, row: int, column: int, text: str, style: str) -> None:
        text = clean(text)
        if column == 0 and style == "centre" and text.isascii() and text.isdigit():
            page.write_number(row, column, int(text), self._format(style))
        elif text:
            page.write_string(row, column, text, self._format(style, is_risky(text)))
        else:
            page.write_blank(row, column, None, self._format(style))

    def _merge(self, page: Worksheet, row: int, last: int, text: str, style: str) -> None:
        text = clean(text)
        shape = self._format(style, is_risky(text))
        page.merge_range(row, 0, row, last, "", shape)
        page.write_string(row, 0, text, shape)

    def _format(self, style: str, quoted: bool = False) -> Format:
        key = style, quoted
        if key not in self._formats:
            values = {**_STYLES[style], **({"quote_prefix": True} if quoted else {})}
            self._formats[key] = self._book.add_format(values)
        return self._formats[key]

    @staticmethod
    def _height(texts: Sequence[str], columns: Sequence[Column]) -> float:
        return row_height(texts, (column.width for column in columns))


def _split_row(texts: Sequence[str], columns: Sequence[Column]) -> Iterator[list[str]]:
    """Yield the row, and continuation rows where a text is taller than a row may be."""
    most = int((_MAX_ROW - _PADDING) / _LINE)
    chunks = [
        _split_text(text, column.width, most) for text, column in zip(texts, columns, strict=True)
    ]
    for at in range(max(map(len, chunks))):
        row = [parts[at] if at < len(parts) else "" for parts in chunks]
        if at:
            row[0] = "续"
        yield row


def _split_text(text: str, width: float, most: int) -> list[str]:
    """Split a text into parts of at most `most` lines, after a full stop where one is near."""
    parts = []
    while (end := _measure(text, _room(width), most)) < len(text):
        stop = max(text.rfind(mark, end // 2, end) for mark in "。；\n")
        end = stop + 1 if stop >= 0 else end
        parts.append(text[:end].rstrip("\n"))
        text = text[end:]
    return [*parts, text]


def _measure(text: str, room: int, most: int) -> int:
    """Return how many characters of the text fill `most` lines."""
    lines, used = 1, 0
    for at, char in enumerate(text):
        size = count_cells(char)
        if char == "\n" or used + size > room:
            lines, used = lines + 1, 0
            if lines > most:
                return at + (char == "\n")
        used += 0 if char == "\n" else size
    return len(text)
