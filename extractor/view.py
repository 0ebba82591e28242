"""The reading view: the document's text as rules read it, with the way back to every offset.

Rules read `View.text`: characters folded one to one (full-width digits and letters, brackets,
commas), stray spaces and page numbers left out, hard line breaks inside sentences mended,
paragraphs separated by one line feed, a tab between the cells of a row read as ，.
`View.offsets[i]` is the place of `View.text[i]` in `Document.text`, so `View.span(a, b)` is exact;
nothing is ever searched for again.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from extractor.document import Document, Span

_FULL_WIDTH = {chr(0xFF01 + i): chr(0x21 + i) for i in range(94)}
_FOLDED = {
    **{char: ascii_ for char, ascii_ in _FULL_WIDTH.items() if ascii_.isalnum()},
    **dict(zip("％＋－／＝＊＃＆＠＿～．﹒", "%+-/=*#&@_~..", strict=True)),
    **dict(zip(",;:?!()（）［］﹝﹞｢｣「」『』", "，；：？！（）（）[]〔〕“”“”‘’", strict=True)),
    **dict.fromkeys("•∙・‧･⋅●", "·"),
    **dict.fromkeys("○◯ㄖ", "〇"),
    **dict.fromkeys("✕✖╳⨯", "×"),
    **dict.fromkeys("–―−‐‑﹣", "-"),
    **dict.fromkeys("﹑､", "、"),
    **dict.fromkeys("″＂〝〞„‟", '"'),
    "｡": "。",
    "﹔": "；",
    "﹕": "：",
}
_FOLD = str.maketrans(_FOLDED)
_RUN = re.compile(r"[^\s\u200b-\u200f\u2060\ufeff\u00ad]+")
_ALNUM = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

MARK = re.compile(
    r"第[一二三四五六七八九十百\d]{1,4}[章节条部]|[一二三四五六七八九十]{1,3}[、.，：]"
    r"|（[一二三四五六七八九十]{1,3}）|[㈠-㈩]"
    r"|\d{1,2}[.、，）](?!\d(?!\d{3}年))|[⒈-⒛]|（\d{1,2}）|[⑴-⒇]|[①-⑳]"
    r"|[一二三四五六七八九十]{1,2}是|附件|第[一二三四五六七八九十]{1,2}，"
)
"""What a paragraph may begin with that shows that it is not the rest of the line before."""

_ENDS_SENTENCE = frozenset("。；：！？…”》）」")
_UNFINISHED = frozenset("，、（《“〈—-")
_LONE_NUMBER = re.compile(r"第?[\s—\-]*\d{1,3}[\s—\-]*页?(?:共\d{1,3}页)?")
_INLINE_PAGE = re.compile(r"(?<![\dA-Za-z—\-])[—\-]\s*\d{1,3}\s*[—\-](?![—\-.])")
_CELL_END = re.compile(r"[\u4e00-\u9fff某*×”》）A-Za-z]")
_CN = "一二三四五六七八九十"
_HALF_STOP = re.compile(
    rf"[\u4e00-\u9fff）”》%](?<!^[{_CN}])(?<!\n[{_CN}])(?<!\n[{_CN}]{{2}})(?<![\s。；：][{_CN}])"
    rf"(?!(?<=[{_CN}])\.[{_CN}])\.(?!\.)"
)
_HALF_STOP_AT_END = re.compile(r"(?<=[^\n]{4})[\u4e00-\u9fff）”》%]\.(?=[ \t]*(?:\n|\Z))")
_ARTICLE = re.compile(r"第[一二三四五六七八九十百\d]{1,5}条")
_WORD = re.compile(r"[0-9A-Za-z.%]{1,20}")
_MARKS_AFTER = frozenset("，。；：、）")
_NOISE = re.compile(r"\[bookmark[：:][^\]\n]{0,40}\]", re.IGNORECASE)
_GLUED_NUMBER = re.compile(
    r"(\d{1,3})(?=[\u4e00-\u9fff])(?![年月日时个人名万亿元家次起号项条种处类级层栋])"
)
_LISTED_PAGE = re.compile(r"(\d{1,3})、")
_CHAPTER = re.compile(r"[一二三四五六七八九十]{1,3}[、.，]|（[一二三四五六七八九十]{1,3}）")
_SHORT_LINE = 40
_FEWEST_WRAPPED = 5
_HEADS = 10
_HEAD_LENGTH = 14


def fold(text: str) -> str:
    """Fold variant characters one to one; the length never changes.

    Full-width digits and letters, ASCII punctuation used for Chinese, bracket variants, dots and
    dashes. Not NFKC, which would turn ㎡ into m2 and （一） into (一) and so move offsets.
    """
    return text.translate(_FOLD)


def squeeze(text: str) -> str:
    """Fold `text` and drop its white space: the form in which values are compared."""
    return "".join(_RUN.findall(fold(text)))


@dataclass(frozen=True, slots=True)
class View:
    """The text as rules read it; `paragraphs` are `(start, end)` ranges of `text`.

    `cells` are the places of the ， that part the cells of a row: tabs of the document.
    """

    text: str
    offsets: array[int]
    paragraphs: tuple[tuple[int, int], ...]
    cells: frozenset[int] = frozenset()

    def span(self, start: int, end: int) -> Span:
        """Return the range of the document that `text[start:end]` was read from.

        Line feeds at the end are left out: they stand between paragraphs, not in them.
        """
        while end - 1 > start and self.text[end - 1] == "\n":
            end -= 1
        return Span(self.offsets[start], self.offsets[end - 1] + 1)

    def locate(self, span: Span) -> tuple[int, int]:
        """Return the range of the view that was read from this range of the document."""
        return bisect_left(self.offsets, span.start), bisect_left(self.offsets, span.end)

    def quote(self, span: Span) -> str:
        """Return how the view reads this range of the document."""
        start, end = self.locate(span)
        return self.text[start:end]

    def paragraph_at(self, index: int) -> tuple[int, int]:
        """Return the paragraph that holds `text[index]`."""
        at = bisect_right(self.paragraphs, (index, len(self.text) + 1)) - 1
        return self.paragraphs[max(at, 0)]


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the document: its offset, its text folded one to one, and what was cut off.

    `cut` counts the characters of a page number that stood before `start`.
    """

    start: int
    text: str
    cut: int = 0

    @property
    def bare(self) -> str:
        return self.text.strip()

    @property
    def width(self) -> int:
        return len(self.text.rstrip())


def build_view(document: Document) -> View:
    """Make the reading view of a document, in time linear in its length."""
    text = _mend_stops(fold(document.text))
    lines = [_Line(start, line) for start, line in _lines(text)]
    if document.media_type == "text/plain":
        lines = _drop_listed_pages(_part_spaced_rows(lines))
        groups = _join_lines(_drop_glued_numbers(lines))
    else:
        groups = _join_cells(document, lines)
    parts: list[str] = []
    offsets = array("I")
    paragraphs: list[tuple[int, int]] = []
    cells: list[int] = []
    length = 0
    for group in groups:
        squeezed = _squeeze_group(group, offsets, cells)
        if not squeezed:
            continue
        paragraphs.append((length, length + len(squeezed)))
        parts.append(squeezed)
        last = group[-1]
        offsets.append(last.start + len(last.text))
        length += len(squeezed) + 1
    return View(
        "\n".join(parts) + ("\n" if parts else ""), offsets, tuple(paragraphs), frozenset(cells)
    )


def _join_cells(document: Document, lines: Sequence[_Line]) -> list[list[_Line]]:
    """Group the cells of a table row, as a plain text has them: on one line, tabs between.

    A row with a cell of several paragraphs stays as it is: such tables lay out running text.
    """
    places: dict[int, tuple[int | None, int | None, int | None]] = {
        block.span.start: (block.table, block.row, block.column)
        for block in document.blocks
        if block.kind == "cell"
    }
    rows: dict[tuple[int | None, int | None], list[int | None]] = {}
    for table, row, column in places.values():
        rows.setdefault((table, row), []).append(column)
    flat = {row for row, columns in rows.items() if len(set(columns)) == len(columns) > 1}
    groups: list[list[_Line]] = []
    before: tuple[int | None, int | None] | None = None
    for line in lines:
        place = places.get(line.start)
        here = place[:2] if place is not None and place[:2] in flat else None
        if here is not None and here == before:
            # The line feed before a cell is read as a tab.
            groups[-1].append(_Line(line.start - 1, "\t" + line.text))
        else:
            groups.append([line])
        before = here
    return groups


def _mend_stops(text: str) -> str:
    """Read . as 。 where a text was typed or converted in half width; the length stays.

    Only behind a Chinese character or a closing mark, where such points outnumber 。, or where one
    ends a line. The point of a mark (一.), of a name (阿里.买买提) in other texts, of a date stays.
    """
    if "." not in text:
        return text
    half = len(_HALF_STOP.findall(text)) > text.count("。")
    pattern = _HALF_STOP if half else _HALF_STOP_AT_END
    places = [match.end() - 1 for match in pattern.finditer(text)]
    if not places:
        return text
    cuts = [0, *(place + 1 for place in places)]
    pieces = [text[left:right] for left, right in zip(cuts, places, strict=False)]
    return "。".join([*pieces, text[cuts[-1] :]])


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def _squeeze_group(group: Sequence[_Line], offsets: array[int], cells: list[int]) -> str:
    parts: list[str] = []
    previous = ""
    for line in group:
        for piece_start, piece in _without_noise(line.text):
            at = 0
            for run in _RUN.finditer(piece):
                first = line.start + piece_start + run.start()
                gap = piece[at : run.start()]
                cell = _CELL_END.match(previous) or (previous.isdigit() and _is_row_number(parts))
                if "\t" in gap and cell and run.group()[0] not in _MARKS_AFTER:
                    parts.append("，")
                    cells.append(len(offsets))
                    offsets.append(first - 1)
                elif previous in _ALNUM and run.group()[0] in _ALNUM and first > 0:
                    parts.append(" ")
                    offsets.append(first - 1)
                at = run.end()
                parts.append(run.group())
                offsets.extend(range(first, first + len(run.group())))
                previous = run.group()[-1]
    return "".join(parts)


def _is_row_number(parts: Sequence[str]) -> bool:
    return len(parts) == 1 and parts[0].isdigit() and len(parts[0]) <= 3


def _without_noise(text: str) -> Iterator[tuple[int, str]]:
    """Yield the pieces of a line between page numbers (— 3 —) and editor's marks."""
    at = 0
    if "—" in text or "-" in text or "[" in text:
        cuts = sorted(
            m.span() for pattern in (_INLINE_PAGE, _NOISE) for m in pattern.finditer(text)
        )
        for start, end in cuts:
            if start >= at:
                yield at, text[at:start]
                at = end
    yield at, text[at:]


def _part_spaced_rows(lines: list[_Line]) -> list[_Line]:
    """Read the spaces of a table that was stored with spaces between its cells as tabs.

    Such a table begins with 序号 and the other heads on one line; its rows begin with a number and
    have as many cells.
    """
    parted: list[_Line] = []
    cells = 0
    for line in lines:
        fields = line.text.split()
        if fields and fields[0] == "序号" and len(fields) > 2:
            cells = len(fields)
        elif cells and not (len(fields) == cells and fields[0].isdigit()):
            cells = 0 if fields else cells
        parted.append(_Line(line.start, line.text.replace(" ", "\t")) if cells else line)
    return parted


def _drop_glued_numbers(lines: list[_Line]) -> list[_Line]:
    """Cut page numbers that a converter glued before a line: 1…, 2…, 3… in order, three or more.

    A page number stands where a line was broken, so the numbers run 1, 2, 3 through the document;
    a shorter or broken run is taken for text.
    """
    found: list[int] = []
    for at, line in enumerate(lines):
        match = _GLUED_NUMBER.match(line.text)
        if match is not None and int(match.group(1)) == len(found) + 1:
            found.append(at)
    if len(found) < 3:
        return lines
    cut = list(lines)
    for at in found:
        line = cut[at]
        digits = len(line.text) - len(line.text.lstrip("0123456789"))
        cut[at] = _Line(line.start + digits, line.text[digits:], digits)
    return cut


def _drop_listed_pages(lines: list[_Line]) -> list[_Line]:
    """Cut the marks 1、 2、 3、 that document-sharing sites set before the text of each page.

    Such a text begins with 1、 and most of its numbered lines break off inside a sentence, where
    the page ended.
    """
    found: list[int] = []
    broken = 0
    before = ""
    for at, line in enumerate(lines):
        match = _LISTED_PAGE.match(line.text)
        if match is not None and int(match.group(1)) == len(found) + 1:
            broken += bool(before) and before[-1] not in _ENDS_SENTENCE
            found.append(at)
        elif not found and line.bare:
            return lines
        before = line.bare or before
    if len(found) < 2 or broken * 2 < len(found) - 1:
        return lines
    cut = list(lines)
    for at in found:
        mark = lines[at].text.index("、") + 1
        cut[at] = _Line(lines[at].start + mark, lines[at].text[mark:], mark)
    return cut


def _join_lines(lines: Sequence[_Line]) -> list[list[_Line]]:
    """Group the lines of a plain text into paragraphs, mending breaks inside sentences."""
    rows, cells = _flat_rows([line for line in lines if line.bare])
    solid = [
        line
        for line in lines
        if line.bare and (line.start in rows or not _is_page_number(line.bare))
    ]
    width = _wrap_width(solid)
    groups: list[list[_Line]] = [[solid[0]]] if solid else []
    for before, line in pairwise(solid):
        blank_between = line.start - line.cut - before.start - len(before.text) > 1
        if line.start in cells:
            # The line feed before a cell is read as the tab that it was.
            groups[-1].append(_Line(line.start - 1, "\t" + line.text))
        elif line.start in rows or before.start in cells:
            groups.append([line])
        elif _continues(before, line, width, blank_between):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _flat_rows(lines: Sequence[_Line]) -> tuple[frozenset[int], frozenset[int]]:
    """Return where the rows of tables begin that were stored one cell a line, and their cells.

    Such a table begins with 序号 and the other heads, each on its line; then come 1, the cells of
    the first row, 2, …; the last row has as many cells as there are heads.
    """
    rows: set[int] = set()
    cells: set[int] = set()
    for at, line in enumerate(lines):
        if line.bare != "序号":
            continue
        first = next(
            (i for i in range(at + 1, min(at + _HEADS, len(lines))) if lines[i].bare == "1"), 0
        )
        width = first - at - 1
        if width < 2 or any(len(lines[i].bare) > _HEAD_LENGTH for i in range(at, first)):
            continue
        rows.add(line.start)
        cells.update(lines[i].start for i in range(at + 1, first))
        number, here = 1, first
        while here < len(lines) and lines[here].bare == str(number):
            rows.add(lines[here].start)
            limit = min(here + 2 * width + 1, len(lines))
            following = str(number + 1)
            end = next((i for i in range(here + 1, limit) if lines[i].bare == following), 0)
            stop = end or min(here + 1 + width, len(lines))
            cells.update(lines[i].start for i in range(here + 1, stop))
            number, here = number + 1, stop
    return frozenset(rows), frozenset(cells)


def _is_page_number(bare: str) -> bool:
    return len(bare) < 16 and _LONE_NUMBER.fullmatch(bare) is not None


def _wrap_width(lines: Sequence[_Line]) -> int:
    """Return the width at which a hard-wrapped text breaks its lines; 0 where it does not.

    Many lines are about as long as the longest, and most of these break off inside a sentence.
    """
    widths = sorted(line.width for line in lines if line.width >= 20)
    if len(widths) < _FEWEST_WRAPPED:
        return 0
    top = widths[-1 - len(widths) // 20]
    if top > 60:
        return 0
    full = [line.bare for line in lines if abs(line.width - top) <= 3]
    broken = sum(1 for bare in full if bare[-1] not in _ENDS_SENTENCE)
    if len(full) >= len(widths) * 0.5 and len(widths) >= 12:
        return top
    return top if len(full) >= _FEWEST_WRAPPED and broken >= len(full) * 0.7 else 0


def _continues(first: _Line, second: _Line, width: int, blank_between: bool) -> bool:
    before, line = first.bare, second.bare
    if "\t" in before or "\t" in line:
        return False
    last = before[-1]
    open_bracket = before.count("（") > before.count("）")
    if MARK.match(line):
        cited = last == "》" and _ARTICLE.match(line) is not None
        return cited or (open_bracket and line.startswith("附件"))
    if last in _UNFINISHED or (second.cut and last not in _ENDS_SENTENCE):
        return True
    full = width > 0 and _fills(first, line, width)
    if blank_between or (last in _ENDS_SENTENCE and not (full and _closes_inside(first, second))):
        return False
    in_sentence = "。" in before or (before.count("，") >= 2 and not _CHAPTER.match(before))
    if in_sentence or open_bracket:
        return True
    return full if width else len(before) > _SHORT_LINE


def _fills(before: _Line, line: str, width: int) -> bool:
    """Say whether a line is full; a number is not broken, it goes to the next line as a whole."""
    word = _WORD.match(line)
    return before.width + (len(word.group()) - 1 if word else 0) >= width - 3


def _closes_inside(first: _Line, second: _Line) -> bool:
    """Say whether a full line ends with a mark that does not end its paragraph.

    A title, quotation or bracket closes inside a sentence; a sentence may end just where the line
    is full, and the next line, as long and not indented, goes on.
    """
    before = first.bare
    if before[-1] in "”》）" and before[-2:-1] not in ("。", "！", "？", "；"):
        return True
    goes_on = second.width >= first.width - 3 or second.bare[-1] == "。"
    return before[-1] == "。" and goes_on and not second.text[:1].isspace()
