"""Footnotes at the foot of a page: under a short line, or told by their marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from extractor.document import Page
from extractor.formats.pdf_characters import Line
from extractor.formats.pdf_drawing import Drawing

_SMALL: Final = 0.94  # of the usual size of the body
_SHORTEST: Final = 30.0  # points
_WIDEST: Final = 0.55  # of the page
_HIGHEST: Final = 0.25  # of the page: further up stands no footnote
_TOUCHING: Final = 2.5  # points
_MOST_PAIRS: Final = 20_000
_MARK: Final = re.compile(
    r"\s*(?:[\[［〔(（]?(?P<number>\d{1,3})[\]］〕)）]?(?![\d.、年月日%％])"
    r"|(?P<circled>[①-⑳])|(?P<star>[*＊※]{1,3}))\s*(?=\S)"
)


@dataclass(frozen=True, slots=True)
class Note:
    """A footnote: its lines, and its mark (1, ①, *) where it shows one."""

    lines: tuple[Line, ...]
    mark: str | None


def find_notes(lines: Sequence[Line], drawing: Drawing, page: Page, usual: float) -> list[Note]:
    """Return the footnotes of a page, from its body lines outside tables, in reading order.

    `usual` is the size of the body text in points. Footnotes are smaller, and stand under a short
    line, or they begin with a mark that is printed raised in the text above them.
    """
    found: list[Note] = []
    for y, x0, x1 in _separators(drawing, page):
        under = [
            line
            for line in lines
            if line.middle > y and x0 - 2 * usual <= line.x0 < x1 and not _is_in(line, found)
        ]
        if under and all(_is_small(line, usual) for line in under):
            found.extend(_parted(under))
    if not found:
        found.extend(_marked(lines, page, usual))
    return found


def without_marks(line: Line, marks: frozenset[str]) -> Line:
    """Return a body line without the raised marks of the footnotes of its page."""
    cut = {
        at
        for start, end in line.raised
        if _bare(line.text[start:end]) in marks
        for at in range(start, end)
    }
    if not cut or len(cut) == len(line.text):
        return line
    kept = [at for at in range(len(line.text)) if at not in cut]
    text = "".join(line.text[at] for at in kept)
    if text != text.strip():
        return line
    left, right = ([side[at] for at in kept] for side in (line.left, line.right))
    return replace(line, text=text, left=left, right=right, raised=())


def _separators(drawing: Drawing, page: Page) -> Iterator[tuple[float, float, float]]:
    """Yield the short level lines in the lower part of a page that are no part of a table.

    A page full of lines has none: it is a drawing.
    """
    if len(drawing.level) * max(len(drawing.upright), 1) > _MOST_PAIRS:
        return
    for y, x0, x1 in drawing.level:
        if not _SHORTEST <= x1 - x0 <= _WIDEST * page.width or y < _HIGHEST * page.height:
            continue
        if any(
            x0 - _TOUCHING <= x <= x1 + _TOUCHING and top - _TOUCHING <= y <= bottom + _TOUCHING
            for x, top, bottom in drawing.upright
        ):
            continue
        yield y, x0, x1


def _is_small(line: Line, usual: float) -> bool:
    size = line.em if line.em is not None else (line.bottom - line.top) / 1.2
    return size <= _SMALL * usual


def _is_in(line: Line, notes: Sequence[Note]) -> bool:
    return any(line is other for note in notes for other in note.lines)


def _parted(lines: Sequence[Line]) -> Iterator[Note]:
    """Yield the notes that these lines make up: each begins with a mark."""
    group: list[Line] = []
    mark: str | None = None
    for line in lines:
        begins = _mark(line)
        if begins is not None and group:
            yield Note(tuple(group), mark)
            group = []
        if not group:
            mark = begins
        group.append(line)
    if group:
        yield Note(tuple(group), mark)


def _marked(lines: Sequence[Line], page: Page, usual: float) -> Iterator[Note]:
    """Yield the small lines at the foot that begin with a mark which is raised above them."""
    raised = {
        _bare(line.text[start:end])
        for line in lines
        if not _is_small(line, usual)
        for start, end in line.raised
    }
    if not raised:
        return
    last = len(lines)
    while last and _is_small(lines[last - 1], usual):
        last -= 1
    foot = [line for line in lines[last:] if line.middle > _HIGHEST * page.height]
    if foot and _mark(foot[0]) in raised:
        yield from _parted(foot)


def _mark(line: Line) -> str | None:
    match = _MARK.match(line.text)
    return _bare(match.group()) if match is not None else None


def _bare(text: str) -> str:
    return text.strip(" []［］〔〕()（）")
