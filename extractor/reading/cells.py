"""Tables of duties: which cell of a row says who is to act, which by when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import pairwise

from extractor.rules import load_toml
from extractor.view import View

Row = Mapping[str, tuple[int, int]]
_LONGEST_HEAD = 12


@cache
def _columns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    rows = load_toml("measures.toml")["columns"]
    return tuple((name, re.compile(pattern)) for name, pattern in rows.items())


def read_rows(view: View) -> dict[int, Row]:
    """Return the rows by where their paragraphs begin: the range of each cell that has a name.

    A row of heads (序号，整改措施，责任单位，完成时限) names the columns of the rows below it.
    """
    rows: dict[int, Row] = {}
    if not view.cells:
        return rows
    heads: dict[int, str] = {}
    width = 0
    for paragraph in view.paragraphs:
        cells = _cells_of(view, paragraph)
        if len(cells) < 2:
            heads = {}
            continue
        found = _heads_of(view.text, cells)
        if found:
            heads, width = found, len(cells)
        elif heads and len(cells) == width:
            rows[paragraph[0]] = {name: cells[at] for at, name in heads.items()}
    return rows


def _cells_of(view: View, paragraph: tuple[int, int]) -> list[tuple[int, int]]:
    start, end = paragraph
    marks = [i for i in range(start, end) if i in view.cells]
    return [(left + 1, right) for left, right in pairwise([start - 1, *marks, end])]


def _heads_of(text: str, cells: list[tuple[int, int]]) -> dict[int, str]:
    if any(end - start > _LONGEST_HEAD for start, end in cells):
        return {}
    found: dict[int, str] = {}
    for at, (start, end) in enumerate(cells):
        name = next((name for name, head in _columns() if head.search(text[start:end])), None)
        if name is not None and name not in found.values():
            found[at] = name
    return found
