"""Markdown: headings, paragraphs, lists and tables as blocks, without the marks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from extractor.document import DocumentBuilder
from extractor.errors import EmptyFileError
from extractor.formats.limits import Limits, over_limit
from extractor.formats.plaintext import add_lines, checked_text

if TYPE_CHECKING:
    from markdown_it.token import Token

_LARGEST: Final = 200_000
"""Characters that are parsed as Markdown; a longer text is read line by line as it stands."""


def read_markdown(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read Markdown by CommonMark with tables; list numbers stay as they were written.

    A soft line break within a paragraph joins without a space between Chinese characters. HTML in
    the text stays as it stands.

    Raises:
        EmptyFileError: there is no text.
        LimitError: too many characters or blocks.
        UnsupportedFormatError: the bytes are no text in a known encoding.
    """
    source = checked_text(data, builder, limits)
    if len(source) > _LARGEST:
        builder.warn("markdown_as_text", "Markdown 文件过长，已按普通文本逐行读取。")
        add_lines(source, builder, limits)
        return
    blocks = _blocks(source)
    if len(blocks) > limits.max_blocks:
        raise over_limit(f"文本有 {len(blocks)} 段", "max_blocks", f"{limits.max_blocks} 段")
    for text, level, cell in blocks:
        if cell is not None:
            builder.add_block(text, "cell", cell=cell)
        elif level is not None:
            builder.add_block(text, "heading", level=level)
        else:
            builder.add_block(text)
    if builder.is_empty:
        raise EmptyFileError("文件里没有文字。请确认选对了文件。")


_Block = tuple[str, int | None, tuple[int, int, int] | None]


def _blocks(source: str) -> list[_Block]:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    return _Reader().read(parser.parse(source))


class _Reader:
    """Turns the tokens of one text into blocks."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._level: int | None = None
        self._label = ""
        self._table, self._row, self._column = -1, -1, -1
        self._in_table = False

    def read(self, tokens: Sequence[Token]) -> list[_Block]:
        for token in tokens:
            if token.type == "inline":
                self._add(_text(token))
            elif token.type in ("fence", "code_block"):
                for line in token.content.splitlines():
                    self._add(line)
            else:
                self._open(token)
        return self._blocks

    def _open(self, token: Token) -> None:
        kind = token.type
        if kind == "heading_open":
            self._level = int(token.tag[1:])
        elif kind == "heading_close":
            self._level = None
        elif kind == "list_item_open":
            self._label = f"{token.info}{token.markup}" if token.info else ""
        elif kind == "table_open":
            self._table, self._row, self._in_table = self._table + 1, -1, True
        elif kind == "table_close":
            self._in_table = False
        elif kind == "tr_open":
            self._row, self._column = self._row + 1, -1
        elif kind in ("th_open", "td_open"):
            self._column += 1

    def _add(self, text: str) -> None:
        for line in text.split("\n"):
            label, self._label = self._label, ""
            line = label + line.strip(" \t\u3000")
            if not line:
                continue
            cell = (self._table, self._row, self._column) if self._in_table else None
            self._blocks.append((line, self._level, cell))


def _text(token: Token) -> str:
    """Return the text of an inline token: a hard break is a line feed, a soft one joins."""
    parts: list[str] = []
    for child in token.children or ():
        if child.type == "softbreak":
            joined = parts and parts[-1][-1:].isascii() and parts[-1][-1:].isalnum()
            parts.append(" " if joined else "")
        elif child.type == "hardbreak":
            parts.append("\n")
        elif child.type == "image":
            parts.append(child.content)
        else:
            parts.append(child.content)
    return "".join(parts)
