"""A web page as a row of pieces: what a browser would show as one line or one cell is one piece.

The walk is iterative and linear in the size of the page; nothing visible or hidden is lost here.
Which pieces are the body is decided in `html_main`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin

from extractor.formats.word_numbering import format_number

Node = Any
"""An element of lxml, which has no types."""

_BLOCK_TAGS: Final = (
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hr html legend li main menu "
    "nav noscript ol p pre section summary table tbody td tfoot th thead title tr ul"
)
_SKIPPED_TAGS: Final = (
    "script style head template object embed applet svg math audio video canvas rt rp colgroup col "
    "datalist xml"
)
_BLOCKS: Final = frozenset(_BLOCK_TAGS.split())
_SKIPPED: Final = frozenset(_SKIPPED_TAGS.split())
_HIDDEN: Final = frozenset({"button", "select", "option", "textarea", "noscript"})
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_NO_DISPLAY: Final = re.compile(r"display\s{0,3}:\s{0,3}none", re.IGNORECASE)
_LIST_TYPES: Final = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_LIST_STYLE: Final = re.compile(r"list-style(?:-type)?\s{0,3}:\s{0,3}([a-z-]{1,40})", re.IGNORECASE)
_STYLE_TYPES: Final = {
    "lower-alpha": "lowerLetter",
    "lower-latin": "lowerLetter",
    "upper-alpha": "upperLetter",
    "upper-latin": "upperLetter",
    "lower-roman": "lowerRoman",
    "upper-roman": "upperRoman",
    "none": "none",
    **dict.fromkeys(
        ("cjk-ideographic", "simp-chinese-informal", "trad-chinese-informal"), "chineseCounting"
    ),
}
_NUMBERED: Final = re.compile(
    r"[(（]?[0-9一二三四五六七八九十]{1,3}[)）.．、]|第[0-9一二三四五六七八九十]{1,3}[条章]"
)
_INVISIBLE: Final = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad\x00-\x08\x0e-\x1f]")
_CJK: Final = "\u2e80-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff“”‘’…—"
_WRAP: Final = re.compile(rf"(?<=[{_CJK}])[ \t]*[\r\n][ \t\r\n]*(?=[{_CJK}])")
_RUN: Final = re.compile(r"[ \t\r\n\f]+")
_FIXED: Final = str.maketrans({"\u00a0": " ", "\u2002": " ", "\u2009": " ", "\u2003": "\u3000"})
_MOST_COLUMNS: Final = 200
"""Columns up to which spans over rows are followed."""
_WIDEST_SPAN: Final = 100
"""Widest span of rows or columns that is believed."""


@dataclass(slots=True)
class Piece:
    """One line of the page: its text, the block element it stands in, and how it was marked.

    `linked` counts the characters that are the text of links; `cell` is (table, row, column).
    """

    text: str
    node: Node
    linked: int = 0
    level: int | None = None
    cell: tuple[int, int, int] | None = None
    hidden: bool = False


@dataclass(slots=True)
class _Table:
    """Where the next cell of a data table goes; `taken` holds the rows that spans reach to."""

    number: int
    row: int = -1
    column: int = 0
    taken: dict[int, int] = field(default_factory=dict)

    def next_row(self) -> None:
        """Begin a row."""
        self.row += 1
        self.column = 0

    def place(self, cell: Node) -> tuple[int, int, int]:
        """Give the cell its place, past what earlier cells span; one before any row makes a row."""
        if self.row < 0:
            self.next_row()
        while self.taken.get(self.column, -1) >= self.row:
            self.column += 1
        at = self.column
        wide, high = _span(cell, "colspan"), _span(cell, "rowspan")
        if high > 1 and at + wide < _MOST_COLUMNS:
            for column in range(at, at + wide):
                self.taken[column] = self.row + high - 1
        self.column += wide
        return self.number, self.row, at


def _span(cell: Node, name: str) -> int:
    value = (cell.get(name) or "").strip()[:5]
    return min(max(int(value), 1), _WIDEST_SPAN) if value.isascii() and value.isdigit() else 1


def walk(root: Node) -> list[Piece]:
    """Return the pieces of the page in the order of its markup, none of them empty."""
    return _Walk(_layout_tables(root)).run(root)


def _layout_tables(root: Node) -> set[Node]:
    """Return the tables that only lay the page out: they hold tables, headings or one column."""
    found = set()
    for table in root.iter("table"):
        if table.get("role") in ("presentation", "none"):
            found.add(table)
        up = table.getparent()
        while up is not None:
            if up.tag == "table":
                if up in found:
                    break
                found.add(up)
            up = up.getparent()
    for table in root.iter("table"):
        if table not in found and _holds_prose(table):
            found.add(table)
    return found


def _holds_prose(table: Node) -> bool:
    """Tell a table of one cell a row, or with a cell that is most of it and has many lines."""
    total, widest = 0, 0
    longest, lines = 0, 0
    for row in table.iter("tr"):
        cells = [cell for cell in row if cell.tag in ("td", "th")]
        widest = max(widest, len(cells))
        for cell in cells:
            size = sum(len(text.strip()) for text in cell.itertext())
            total += size
            if size > longest:
                longest = size
                lines = sum(1 for _ in cell.iter("p", "br", "div", "h1", "h2", "h3"))
    return widest < 2 or (lines > 5 and longest > 400 and longest * 10 > total * 7)


class _Walk:
    """Goes through the tree with a stack of its own, gathering text until a block ends."""

    def __init__(self, layout: set[Node]) -> None:
        self._layout = layout
        self._pieces: list[Piece] = []
        self._text: list[str] = []
        self._linked = 0
        self._label = ""
        self._tables: list[_Table] = []
        self._count = 0
        self._cells: list[tuple[int, int, int] | None] = [None]
        self._blocks: list[Node] = []
        self._levels: list[int] = []
        self._lists: list[tuple[str, int]] = []
        self._links = self._hidden = self._pre = 0

    def run(self, root: Node) -> list[Piece]:
        self._blocks.append(root)
        stack: list[tuple[Node, Iterator[Node]]] = []
        self._enter(root)
        stack.append((root, iter(root)))
        while stack:
            node, children = stack[-1]
            child = next(children, None)
            if child is None:
                stack.pop()
                self._leave(node)
                if stack:
                    self._add(node.tail)
            elif not isinstance(child.tag, str) or child.tag in _SKIPPED:
                self._add(child.tail)
            else:
                self._enter(child)
                stack.append((child, iter(child)))
        self._flush()
        return self._pieces

    def _add(self, text: str | None) -> None:
        if text:
            self._text.append(text)
            if self._links:
                self._linked += len(text.strip())

    def _enter(self, node: Node) -> None:
        tag = node.tag
        if tag in _BLOCKS:
            self._flush()
            self._blocks.append(node)
            self._open(node, tag)
        elif tag == "br":
            self._flush()
        elif tag == "a":
            self._links += node.get("href") is not None
        self._hidden += _is_hidden(node)
        self._pre += tag == "pre"
        self._add(node.text)

    def _open(self, node: Node, tag: str) -> None:
        if tag in _HEADINGS:
            self._levels.append(_HEADINGS[tag])
        elif tag == "table" and node not in self._layout:
            self._tables.append(_Table(self._count))
            self._count += 1
        elif tag == "tr" and self._in_data():
            self._tables[-1].next_row()
        elif tag in ("td", "th"):
            self._cells.append(self._tables[-1].place(node) if self._in_data() else None)
        elif tag in ("ol", "ul", "menu", "dir"):
            self._lists.append(_list_kind(node))
        elif tag == "li" and self._lists:
            self._label = self._next_label(node)

    def _in_data(self) -> bool:
        """Tell whether the nearest table is a data table: layout tables hold, they are not held."""
        return bool(self._tables)

    def _next_label(self, item: Node) -> str:
        kind, number = self._lists[-1]
        value = (item.get("value") or "").strip()[:6]
        number = int(value) if value.isascii() and value.isdigit() else number
        self._lists[-1] = kind, number + 1
        if kind in ("", "none"):
            return ""
        written = format_number(number, kind)
        return written + ("、" if kind == "chineseCounting" else ".")

    def _leave(self, node: Node) -> None:
        tag = node.tag
        if tag in _BLOCKS:
            self._flush()
            self._pre -= tag == "pre"
            self._blocks.pop()
            self._close(node, tag)
        elif tag == "a":
            self._links -= node.get("href") is not None
        self._hidden -= _is_hidden(node)

    def _close(self, node: Node, tag: str) -> None:
        if tag in _HEADINGS:
            self._levels.pop()
        elif tag == "table" and node not in self._layout:
            self._tables.pop()
        elif tag in ("td", "th"):
            self._cells.pop()
        elif tag in ("ol", "ul", "menu", "dir"):
            self._lists.pop()
        elif tag == "li":
            self._label = ""

    def _flush(self) -> None:
        if not self._text:
            return
        raw = "".join(self._text)
        linked, self._linked = self._linked, 0
        self._text.clear()
        lines = raw.splitlines() if self._pre else (raw,)
        for line in lines:
            text = clean(line)
            if not text:
                continue
            label, self._label = self._label, ""
            if label and not _NUMBERED.match(text):
                text = label + text
            self._pieces.append(
                Piece(
                    text,
                    self._blocks[-1],
                    min(linked, len(text)),
                    self._levels[-1] if self._levels else None,
                    self._cells[-1],
                    self._hidden > 0,
                )
            )


def _is_hidden(node: Node) -> bool:
    return (
        node.tag in _HIDDEN
        or node.get("hidden") is not None
        or _NO_DISPLAY.search(node.get("style") or "") is not None
    )


def _list_kind(node: Node) -> tuple[str, int]:
    """Return how a list counts ("" for one without numbers) and where it begins."""
    if node.tag != "ol":
        return "", 0
    style = _LIST_STYLE.search(node.get("style") or "")
    kind = _STYLE_TYPES.get(style.group(1).lower()) if style else None
    kind = kind or _LIST_TYPES.get(node.get("type") or "", "decimal")
    start = (node.get("start") or "").strip()[:6]
    return kind, int(start) if start.isascii() and start.isdigit() else 1


def join_address(base: str, address: str) -> str:
    """Return an address in full; one that is none, such as `http://[`, as it is written."""
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def clean(text: str) -> str:
    """Return a line as it is shown: wraps of the source mended, runs of blanks made one.

    A wrap between Chinese characters is none in the page's sense and goes; fixed spaces become
    ordinary ones, and indents at both ends go.
    """
    text = _INVISIBLE.sub("", text)
    text = _RUN.sub(" ", _WRAP.sub("", text))
    return text.translate(_FIXED).strip(" \u3000\u00a0")
