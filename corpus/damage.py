"""The damage test: a text and its truth, spoilt as copies of web pages and PDF files are.

Eight damages, each at the rate at which copies show it. The draw is seeded by damage, document and
number, so that every run spoils the same characters, and several draws can be measured.

- a: the closing bracket of every document number is lost: 〔2018〕1号 → 〔20181号. The first four
  digits are the year, so the number can still be read.
- b: 年, 月, 日 and 、 are lost beside numerals, and 、 between two titles, quotations or brackets:
  2020年4月 → 20204月, 6月20日前 → 6月20前, 27.0%、23.6% → 27.0%23.6%. Three of ten dates and three
  of ten such 、 lose one. Where a date would have two readings (2022年1月11日 → 2022111日) or two
  numbers would become one (15、16号), nothing is lost: what stays can be decided.
- c: all of ，。；：（） become , . ; : ( ), as after typing in half width. This is the hard form:
  converters of width leave 。 alone, and then the text keeps its ends of sentences.
- d: a hard line break at every 35th to 40th character (one width a document), as in a copy of a
  page of fixed width. As on such a page a closing mark hangs over rather than begin a line, a
  number or a Latin word goes whole to the next line, and the rows of a table stay.
- e: spaces between characters, as a PDF that justifies its lines gives: in a quarter of the lines,
  in half of these between all, in the others between three of ten. Digits and letters that belong
  together stay together.
- h: the headings of the chapters on causes, treatment, measures, problems and suggestions are lost,
  as in copies that take headings for menus. Headings inside a chapter stay.

The truth keeps its values: what the damaged text no longer tells is a loss, and that is measured.
Its quotes become the damaged words at the same place. Names stay as they were: the scorer
compares them without spaces and with folded brackets.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeVar, get_args

from corpus.gold import Gold, GoldPenalty, GoldRange, Layer, locate

DamageKind = Literal["a", "b", "c", "d", "e", "f", "g", "h"]
DAMAGES: tuple[DamageKind, ...] = get_args(DamageKind)
OF_CHARACTERS: tuple[DamageKind, ...] = tuple(kind for kind in DAMAGES if kind != "h")
"""The damages that spoil characters and lines; the other takes whole lines away."""
DRAWN: frozenset[DamageKind] = frozenset(("b", "d", "e", "f"))
"""The damages that differ from draw to draw; the others spoil all that they can."""
LABELS: dict[DamageKind, str] = {
    "a": "文号丢右括号",
    "b": "数字间丢年月日、",
    "c": "半角标点",
    "d": "句中硬换行",
    "e": "字间空格",
    "f": "文库分页连排",
    "g": "丢书名号间隔号",
    "h": "丢章节标题",
}
RATE_LOST = 0.3
RATE_SPACED_LINES = 0.25
RATE_ALL_SPACED = 0.5
RATE_SPACES = 0.3
WIDTHS = (35, 40)
PAGES = (400, 900)

_CLOSING = re.compile(r"(?<=[〔［\[【﹝]\d{4})[〕］\]】﹞](?=[ \u3000]?\d{1,6}号)")
_DATE = re.compile(r"(?<!\d)(\d{4})(年)(\d{1,2})(月)(?:(\d{1,2})(日))?")
_DAY_BEFORE = re.compile(r"(?<=\d月\d)日(?=前)|(?<=\d月\d\d)日(?=前)")
_LIST_MARK = re.compile(r"(?<=[%％号》）”])、(?=[\d〔《（“])")
_HALF_WIDTH = str.maketrans("，。；：（）", ",.;:()")
_HANGING = frozenset("，。；：、！？）》”’〕】,.;:!?)")
_TOGETHER = re.compile(r"[0-9A-Za-z０-９.．%％]")
_SYMBOLS = re.compile(r"[《》〔〕·]")
_LONGEST_RUN = 20
_CHAPTER = re.compile(
    r"^(?:[一二三四五六七八九十]{1,3}、|第[一二三四五六七八九十]{1,3}(?:章|部分))[^。；\n]{0,40}?"
    r"(?:原因|责任|处理|追究|处罚|问责|防范|整改|措施|建议|问题|打算|要求)[^。；\n]{0,20}\n",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` for the characters from `start` to `end`; `start == end` only puts in."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Damaged:
    """A damaged text with its truth, and where the ranges asked for stand now."""

    text: str
    gold: Gold
    ranges: tuple[tuple[int, int], ...] = ()


def damage(
    text: str,
    gold: Gold,
    kinds: Sequence[DamageKind],
    draw: int = 0,
    ranges: Sequence[tuple[int, int]] = (),
) -> Damaged:
    """Return the text with these damages done one after the other, and the truth that fits it.

    `ranges` are non-empty ranges of the text; where they stand now is part of the result.

    Raises:
        ValueError: a quote of the truth is not in the text.
    """
    done = Damaged(text, gold, tuple(ranges))
    for kind in kinds:
        rng = Random(f"{kind} {gold.id} {draw}")  # noqa: S311 - a repeatable draw, nothing secret
        done = _apply(done, _EDITS[kind](done.text, rng))
    return done


def _edit_brackets(text: str, _rng: Random) -> Iterator[Edit]:
    for match in _CLOSING.finditer(text):
        yield Edit(match.start(), match.end(), "")


def _edit_dates(text: str, rng: Random) -> Iterator[Edit]:
    cuts: list[int] = []
    for match in _DATE.finditer(text):
        if rng.random() < RATE_LOST:
            cuts.append(match.start(_lost_mark(match)))
    for pattern in (_DAY_BEFORE, _LIST_MARK):
        cuts += [m.start() for m in pattern.finditer(text) if rng.random() < RATE_LOST]
    for at in sorted(set(cuts)):
        yield Edit(at, at + 1, "")


def _lost_mark(date: re.Match[str]) -> int:
    """Return the group of the mark that a date can lose: 年, which leaves one reading.

    The year has four digits, so 年 can go; 月 can go where month and day part in one way only.
    """
    month, day = date.group(3), date.group(5)
    if day is None:
        return 2
    run = month + day
    readings = sum(
        1 <= int(run[:at]) <= 12 and 1 <= int(run[at:]) <= 31 and run[at] != "0" and run[0] != "0"
        for at in range(1, len(run))
    )
    return 4 if readings == 1 else 2


def _edit_punctuation(text: str, _rng: Random) -> Iterator[Edit]:
    for at, char in enumerate(text):
        half = char.translate(_HALF_WIDTH)
        if half != char:
            yield Edit(at, at + 1, half)


def _edit_lines(text: str, rng: Random) -> Iterator[Edit]:
    width = rng.randint(*WIDTHS)
    for start, end in _lines(text):
        at = start + width
        while at < end and "\t" not in text[start:end]:
            at = _break_near(text, at, end)
            if at < end:
                yield Edit(at, at, "\n")
            at += width


def _break_near(text: str, at: int, end: int) -> int:
    """Return where the line breaks that is full at `at`: before a number, behind closing marks."""
    run = at
    while run > at - _LONGEST_RUN and _TOGETHER.match(text[run - 1]) and _TOGETHER.match(text[run]):
        run -= 1
    if run > at - _LONGEST_RUN:
        at = run
    while at < end and text[at] in _HANGING:
        at += 1
    return at


def _edit_spaces(text: str, rng: Random) -> Iterator[Edit]:
    for start, end in _lines(text):
        if rng.random() >= RATE_SPACED_LINES:
            continue
        rate = 1.0 if rng.random() < RATE_ALL_SPACED else RATE_SPACES
        for at in range(start + 1, end):
            before, after = text[at - 1], text[at]
            together = _TOGETHER.match(before) and _TOGETHER.match(after)
            if not (together or before.isspace() or after.isspace()) and rng.random() < rate:
                yield Edit(at, at, " ")


def _edit_pages(text: str, rng: Random) -> Iterator[Edit]:
    size = rng.randint(*PAGES)
    lines = list(_lines(text))
    page, filled = 1, 0
    yield Edit(0, 0, "1、")
    for at, (start, end) in enumerate(lines):
        while filled + end - start >= size and "\t" not in text[start:end]:
            start += max(size - filled, 0)
            if start >= end:
                break
            page, filled = page + 1, 0
            yield Edit(start, start, f"\n{page}、")
        filled += max(end - start, 0)
        if text[start:end].strip() == "序号":
            break
        rows = "\t" in text[slice(*lines[at])] + text[slice(*lines[min(at + 1, len(lines) - 1)])]
        if end < len(text) and not rows:
            yield Edit(end, end + 1, "")


def _edit_symbols(text: str, _rng: Random) -> Iterator[Edit]:
    for match in _SYMBOLS.finditer(text):
        yield Edit(match.start(), match.end(), "")


def _edit_headings(text: str, _rng: Random) -> Iterator[Edit]:
    for match in _CHAPTER.finditer(text):
        yield Edit(match.start(), match.end(), "")


_EDITS: dict[DamageKind, Callable[[str, Random], Iterator[Edit]]] = {
    "a": _edit_brackets,
    "b": _edit_dates,
    "c": _edit_punctuation,
    "d": _edit_lines,
    "e": _edit_spaces,
    "f": _edit_pages,
    "g": _edit_symbols,
    "h": _edit_headings,
}


def _lines(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for line in text.split("\n"):
        yield start, start + len(line)
        start += len(line) + 1


class _Map:
    """Where every character of the old text stands in the new one."""

    def __init__(self, text: str, edits: Sequence[Edit]) -> None:
        parts: list[str] = []
        starts, ends = array("I"), array("I")
        length, at = 0, 0
        for edit in edits:
            kept = text[at : edit.start]
            starts.extend(range(length, length + len(kept)))
            ends.extend(range(length + 1, length + len(kept) + 1))
            parts += [kept, edit.text]
            length += len(kept)
            for _ in range(edit.start, edit.end):
                starts.append(length)
                ends.append(length + len(edit.text))
            length += len(edit.text)
            at = edit.end
        rest = text[at:]
        starts.extend(range(length, length + len(rest)))
        ends.extend(range(length + 1, length + len(rest) + 1))
        self.text = "".join([*parts, rest])
        self._starts, self._ends = starts, ends

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return the range that the characters from `start` to `end` have now."""
        return self._starts[start], self._ends[end - 1]

    def quote(self, start: int, end: int) -> str:
        """Return what they read now."""
        return self.text[slice(*self.place(start, end))]


def _apply(before: Damaged, edits: Iterator[Edit]) -> Damaged:
    moved = _Map(before.text, list(edits))
    gold = before.gold
    changes: dict[str, object] = {
        "penalties": tuple(_move_penalty(before.text, moved, each) for each in gold.penalties)
    }
    layers: tuple[Layer, ...] = ("measures", "problems", "suggestions")
    for layer in layers:
        changes[layer] = tuple(_move_ranges(before, moved, gold.ranges(layer)))
    ranges = tuple(moved.place(*each) for each in before.ranges)
    return Damaged(moved.text, gold.model_copy(update=changes), ranges)


def _move_penalty(text: str, moved: _Map, penalty: GoldPenalty) -> GoldPenalty:
    at = text.find(penalty.quote)
    if at < 0:
        raise ValueError(f"“{penalty.quote}”不在文中")
    quote = moved.quote(at, at + len(penalty.quote))
    return penalty.model_copy(update={"quote": quote})


_R = TypeVar("_R", bound=GoldRange)


def _move_ranges(before: Damaged, moved: _Map, records: Sequence[_R]) -> Iterator[_R]:
    """Yield the records with quotes that lead to the same characters in the new text."""
    after, after_now = 0, 0
    for record in records:
        found = locate(before.text, record, after)
        if found is None:
            raise ValueError(f"{before.gold.id}: “{record.begin}”…“{record.end}”不在文中")
        start, end = found
        after = end
        wanted = moved.place(start, end)
        whole = moved.quote(start, end)
        begin = moved.quote(start, start + len(record.begin))
        stop = moved.quote(end - len(record.end), end)
        # A damage may make a quote that was unique stand twice: then the whole record is quoted.
        for first, last in ((begin, stop), (whole, stop), (whole, whole)):
            now = record.model_copy(update={"begin": first, "end": last})
            if locate(moved.text, now, after_now) == wanted:
                break
        else:
            raise ValueError(f"{before.gold.id}: “{record.begin}”在损坏后的文中找不到")
        after_now = wanted[1]
        yield now
