"""From printed lines to paragraphs, by indents, line ends, gaps and sizes."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from extractor.document import Page
from extractor.formats.pdf_characters import FIRST_WIDE, Line
from extractor.view import MARK, fold

# Lengths in em, the width of a Chinese character.
_INDENT: Final = 1.5  # official documents indent by two characters (GB/T 9704-2012, 7.3.3)
_DEEP: Final = 6.0  # further right stands a signature, not a paragraph
_CENTRED_MARGIN: Final = 2.5
_CENTRED_SHIFT: Final = 0.6
_EARLY: Final = 3.0  # a line that leaves so much room ends its paragraph
_SLACK: Final = 0.4
_LOOSE_SLACK: Final = 1.0
# Ratios of sizes and of line steps.
_RESIZED: Final = 0.12
_TITLE: Final = 1.12
_GAP: Final = 1.35
# Shares and counts of lines, and characters.
_USUAL: Final = 0.4
_STRAY: Final = 0.03
_ENOUGH: Final = 10
_LONGEST_PIECE: Final = 24

_CLOSING = frozenset("，。；：！？、”’）》〉」』】〕％%,.;:!?)]}…—")
_OPENING = frozenset("“‘（《〈「『【〔([{")
# Unicode line breaking (UAX 14, class QU) allows no break on either side of these.
_GLUE = frozenset("“”‘’\"'")
_QUOTES = "”’）》」』)\"'"
_LEADERS = frozenset(".．·…⋯")
_STOPS = frozenset("。！？；：…!?;:")
_CHAPTER = re.compile(
    r"第[一二三四五六七八九十百\d]{1,4}[章节条部]|附件|[一二三四五六七八九十]{1,3}[、.]"
    r"|（[一二三四五六七八九十]{1,3}）"
)
"""Marks that stand at the edge too; others (1. 一是) do so only where a line was broken."""
_BROKEN_WORD = re.compile(r"[a-z][-\u00ad\u2010]\Z")


_Key = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Body:
    """Where the body text of a kind of page stands: its edges, its usual size, its line pitch.

    `indented` tells whether its paragraphs begin with an indent, `spaced` whether a gap parts them.
    """

    left: float
    right: float
    em: float
    pitch: float
    indented: bool
    spaced: bool

    @property
    def width(self) -> float:
        """Width of a full line."""
        return self.right - self.left


class Bodies:
    """The body of each kind of page: formats and columns differ, odd and even margins may."""

    def __init__(self, lines: Sequence[Line], pages: Sequence[Page]) -> None:
        """Measure the body lines of a document."""
        self._pages = pages
        groups: dict[_Key, list[Line]] = defaultdict(list)
        for line in lines:
            groups[self._key(line)].append(line)
        em = usual_em(lines)
        self._common = {key: _measure(group, em) for key, group in groups.items()}
        for key, group in groups.items():
            if len(group) < _ENOUGH and key[2] == 0:
                self._common[key] = _with_even_margins(self._common[key], key[0])
        self._sides: dict[tuple[_Key, int], Body] = {}
        for key, group in groups.items():
            for side in (0, 1):
                own = [line for line in group if line.page % 2 == side]
                if len(own) >= _ENOUGH:
                    body = _measure(own, em)
                    common = self._common[key]
                    shifts = (body.left - common.left, body.right - common.right)
                    if max(map(abs, shifts)) > 0.5 * em:
                        self._sides[key, side] = body

    def of(self, line: Line) -> Body:
        """Return the body that the line stands in."""
        key = self._key(line)
        return self._sides.get((key, line.page % 2)) or self._common[key]

    def _key(self, line: Line) -> _Key:
        page = self._pages[line.page - 1]
        return round(page.width), round(page.height), line.column


def measure_cell(lines: Sequence[Line], x0: float, x1: float) -> Body:
    """Return the body of a table cell between `x0` and `x1`; padding is 8 points at most."""
    em = usual_em(lines)
    padding = min(max(min(line.x0 for line in lines) - x0, 0.0), 8.0)
    return Body(x0 + padding, x1 - padding, em, _pitch(lines, em), indented=False, spaced=False)


def usual_em(lines: Iterable[Line]) -> float:
    """Return the size in points that most characters of these lines have; 12 without lines."""
    sizes: Counter[float] = Counter()
    for line in lines:
        size = line.em if line.em is not None else (line.bottom - line.top) / 1.2
        sizes[round(size * 2) / 2] += len(line.text)
    return max(sizes.most_common(1)[0][0], 1.0) if sizes else 12.0


def _measure(lines: Sequence[Line], em: float) -> Body:
    left = _edge(sorted(line.x0 for line in lines), em)
    right = -_edge(sorted(-_solid_end(line) for line in lines), em)
    pitch = _pitch(lines, em)
    # A line after one that ends early begins a paragraph: these show how paragraphs begin here.
    begins = [
        (before, line)
        for before, line in pairwise(lines)
        if right - before.x1 > _EARLY * em and line.x0 - left <= _DEEP * em
    ]
    indents = sum(1 for _, line in begins if line.x0 - left >= _INDENT * em)
    gaps = sum(
        1
        for before, line in begins
        if before.page == line.page and line.middle - before.middle > _GAP * pitch
    )
    wanted = max(_USUAL * len(begins), 1)
    return Body(left, right, em, pitch, indents >= wanted, gaps >= wanted)


def _with_even_margins(body: Body, width: float) -> Body:
    """Trust the margins of a page more than its few lines: none of them may be full."""
    return replace(body, right=max(body.right, width - body.left))


def _solid_end(line: Line) -> float:
    """Return where a line ends without its last mark, which may hang over the margin."""
    if line.text[-1] in _CLOSING and len(line.text) > 1 and line.text[-1] >= FIRST_WIDE:
        return line.right[-2]
    return line.x1


def _edge(places: Sequence[float], em: float) -> float:
    """Return the outermost edge at which more than a few stray lines of the many stand."""
    wanted = max(1, round(_STRAY * len(places)))
    first = 0
    for at, place in enumerate(places):
        while place - places[first] > 0.5 * em:
            first += 1
        if at - first + 1 >= wanted:
            return places[first]
    return places[0]


def _pitch(lines: Sequence[Line], em: float) -> float:
    steps = sorted(
        step
        for before, line in pairwise(lines)
        if before.page == line.page and 0.8 * em < (step := line.middle - before.middle) < 3 * em
    )
    return steps[len(steps) // 2] if steps else 1.5 * em


def group_paragraphs(lines: Sequence[Line], bodies: Bodies) -> Iterator[list[Line]]:
    """Yield the lines of each paragraph; `lines` follow each other with nothing between."""
    paragraph: list[Line] = []
    for line in lines:
        if paragraph and _begins(paragraph[-1], line, bodies):
            yield paragraph
            paragraph = []
        paragraph.append(line)
    if paragraph:
        yield paragraph


def group_cell(lines: Sequence[Line], body: Body) -> Iterator[list[Line]]:
    """Yield the lines of each paragraph of a table cell, whatever its alignment.

    Single characters below each other are one paragraph written downwards.
    """
    if all(len(line.text) == 1 for line in lines):
        yield list(lines)
        return
    paragraph: list[Line] = []
    for line in lines:
        if paragraph:
            before = paragraph[-1]
            room = body.width - (before.x1 - before.x0)
            ended = ends_sentence(before.text)
            if (ended and _is_marked(line)) or not fills(room, line, body.em, ended=ended):
                yield paragraph
                paragraph = []
        paragraph.append(line)
    if paragraph:
        yield paragraph


def without_hyphens(lines: Sequence[Line]) -> list[Line]:
    """Return the lines of a paragraph without the hyphens that break a Latin word at their end.

    Such a hyphen stands between small letters (insu-/lation); others (GB-/T, 2019-/7) belong to
    the text.
    """
    mended = list(lines)
    for at, (before, line) in enumerate(pairwise(lines)):
        if _BROKEN_WORD.search(before.text) and line.text[0].isascii() and line.text[0].islower():
            mended[at] = replace(
                before,
                text=before.text[:-1],
                left=before.left[:-1],
                right=before.right[:-1],
                breaks_word=True,
            )
    return mended


def join(lines: Sequence[Line]) -> str:
    """Join the lines of a paragraph: a space only between two Latin words."""
    parts = [lines[0].text]
    for before, line in pairwise(lines):
        if not before.breaks_word and _needs_space(before.text[-1], line.text[0]):
            parts.append(" ")
        parts.append(line.text)
    return "".join(parts)


def _needs_space(last: str, first: str) -> bool:
    return (last.isascii() and last.isalpha() and first.isascii() and first.isalnum()) or (
        last in ",.;:)" and first.isascii() and first.isalpha()
    )


def _begins(before: Line, line: Line, bodies: Bodies) -> bool:
    """Tell whether `line` begins a paragraph after `before`."""
    body, old = bodies.of(line), bodies.of(before)
    size = before.em or old.em
    if abs((line.em or size) - size) > _RESIZED * size or _leads_to_page(before.text):
        return True
    moved = (before.page, before.column) != (line.page, line.column)
    if moved and line.page - before.page > 1:
        return True
    ended = ends_sentence(before.text)
    step = line.middle - before.middle
    if not moved and step > _GAP * max(body.pitch, 1.2 * size):
        return True
    if _is_centred(line, body):
        room = old.width - (before.x1 - before.x0)
        return moved or not (_is_even(before, old) and fills(room, line, size, ended=ended))
    room = old.right - before.x1
    in_number = before.text[-1].isdigit() and line.text[0].isdigit() and room < size
    if _is_centred(before, old) or not (in_number or fills(room, line, size, ended=ended)):
        return True
    return _begins_after_full_line(before, line, body, moved=moved)


def _begins_after_full_line(before: Line, line: Line, body: Body, *, moved: bool) -> bool:
    """Tell it where `before` runs to the right edge; `moved` means to another page or column."""
    indent = (line.x0 - body.left) / body.em
    ended = ends_sentence(before.text)
    shown = body.indented or (body.spaced and not moved)
    at_edge = ended and (not shown or _is_chapter(line))
    if _is_marked(line) and (indent >= _INDENT or at_edge):
        return True
    if indent < _INDENT:
        return ended and not shown
    if ended or indent > _DEEP:
        return True
    # An indented line goes on a paragraph only if the whole paragraph is indented like it, or
    # hangs from a mark that stands further left.
    shift = (line.x0 - before.x0) / body.em
    hangs = _is_marked(before) and shift > 0
    return not (abs(shift) < 0.5 or hangs)


def fills(room: float, line: Line, em: float, *, ended: bool) -> bool:
    """Tell whether the first unbreakable piece of the next line had no room after this line.

    `room` is what this line leaves free, in points; `ended` tells whether it ends a sentence.
    A line that does not end a sentence is given more room: ragged lines end early.
    """
    slack = _SLACK if ended else _LOOSE_SLACK
    return room < max(_INDENT * em, _first_piece(line) + slack * em)


def _first_piece(line: Line) -> float:
    text = line.text
    end = 0
    while end < len(text) - 1 and text[end] in _OPENING:
        end += 1
    end += 1
    while end < min(len(text), _LONGEST_PIECE) and (
        text[end] in _CLOSING
        or text[end] in _GLUE
        or text[end - 1] in _GLUE
        or (max(text[end], text[end - 1]) < FIRST_WIDE and text[end] != " ")
    ):
        end += 1
    return line.right[min(end, len(text)) - 1] - line.left[0]


def _leads_to_page(text: str) -> bool:
    """Tell a line of a table of contents: dots and a page number at its end."""
    title = text.rstrip("0123456789 ")
    return len(title) < len(text) and len(title) > 2 and _LEADERS.issuperset(title[-2:])


def _is_even(line: Line, body: Body) -> bool:
    middle = (body.left + body.right) / 2
    return abs((line.x0 + line.x1) / 2 - middle) < _CENTRED_SHIFT * (line.em or body.em)


def _is_centred(line: Line, body: Body) -> bool:
    is_title = (line.em or body.em) > _TITLE * body.em
    margin = 0.0 if is_title else _CENTRED_MARGIN * body.em
    return _is_even(line, body) and line.x0 - body.left >= margin and body.right - line.x1 >= margin


def _is_marked(line: Line) -> bool:
    return MARK.match(fold(line.text[:16])) is not None


def _is_chapter(line: Line) -> bool:
    return _CHAPTER.match(fold(line.text[:16])) is not None


def ends_sentence(text: str) -> bool:
    """Tell whether a text ends with a mark that ends a sentence or a clause of a list."""
    return text.rstrip(_QUOTES)[-1:] in _STOPS
