"""Titles: which lines at the head of a document are its title, and what kind the title states.

The last document word outside 《》 decides: 关于《…调查报告》的批复 is a reply, …批复的公示 too,
and 关于印发《…评估报告》的通知 carries an evaluation report. Titles over several lines are joined;
page furniture of portals, numbers, dates and red heads (…文件) are no part of them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

from extractor.document import Document
from extractor.extraction import DocumentKind
from extractor.rules import load_toml
from extractor.view import MARK, View, squeeze

_HEAD_CHARS = 8000
_HEAD_LINES = 120
_TITLE_LINES = 6
_TITLE_CHARS = 160
_NO_TITLE = 400
"""Characters that no title has: a whole text on one line is not judged as one."""
_BODY_LINE = 110
_LONG_LINE = 60
_WRAPPED = 12

SURE, NAMED, WEAK = 3, 2, 1
"""How much a title tells: a document word, an accident's name, a headline or a column's name."""

_BOOK = re.compile(r"《[^《》]{0,120}(?:《[^《》]{0,80}》[^《》]{0,60})?》")
_DATE_LINE = re.compile(
    r"[（(]?(?:\d{4}|[〇零一二三四五六七八九]{4})年(?:\d{1,2}|[一二三四五六七八九十]{1,2})月"
    r"(?:(?:\d{1,2}|[一二三四五六七八九十]{1,3})日)?[）)]?|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"
)
_NUMBER_LINE = re.compile(
    r"(?:[\u4e00-\u9fff]{2,10}：)?[（(]?(?:（[\u4e00-\u9fff]{1,6}）)?[\u4e00-\u9fff]{1,16}"
    r"[〔\[【（]?(?:19|20)\d{2}[〕\]】）]?第?\d{1,6}号[）)]?(?:签发人：?.{0,12})?"
)
_BEFORE_TITLE = re.compile(r"\d{1,2}、|\d{6,40}(?=[\u4e00-\u9fff])")
_BRACKETS = re.compile(r"(?:（[^（）]{1,20}）)+$")

LineSort = Literal["noise", "number", "date", "addressee", "body", "line"]


@dataclass(frozen=True, slots=True)
class HeadLine:
    """One line of the head: its range of the view, and whether a blank line stands before it."""

    start: int
    end: int
    text: str
    gap: bool
    sort: LineSort


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the words of a title say: a kind (None: nothing certain), the rule, and how surely.

    `carried`: it is the title of a notice, and the kind is that of the report in it.
    """

    kind: DocumentKind | None
    rule: str
    weight: int
    carried: bool = False


_GROUNDS = ("根据", "依据", "按照", "依照", "遵照")
"""What begins a sentence that cites a document, and no title."""

_NOTHING = Verdict(None, "title.none", 0)


@dataclass(frozen=True, slots=True)
class TitlePlace:
    """A title: its range of the view and what it says."""

    start: int
    end: int
    verdict: Verdict


@cache
def _rules() -> dict[str, Any]:
    return load_toml("kinds.toml")


@cache
def _pattern(table: str, key: str) -> re.Pattern[str]:
    return re.compile(_rules()[table][key])


@cache
def _title_rows() -> tuple[tuple[str, DocumentKind, re.Pattern[str]], ...]:
    return tuple(
        (row["name"], cast(DocumentKind, row["kind"]), re.compile(row["pattern"]))
        for row in _rules()["title"]
    )


# --- the lines of the head -----------------------------------------------------------------------


def head_lines(view: View, document: Document) -> list[HeadLine]:
    """Return the lines at the head of the document, each with its sort.

    They are the document's own lines; the broken lines of a paragraph of the body are one line.
    """
    lines: list[HeadLine] = []
    for start, end, blank in _printed_lines(view, document):
        prefix = _pattern("noise", "prefix").match(view.text, start, end)
        if prefix is not None and prefix.end() < end:
            start = prefix.end()
        text = view.text[start:end]
        lines.append(HeadLine(start, end, text, blank, _sort(text)))
        if len(lines) >= _HEAD_LINES:
            break
    return _unstacked(lines)


def _printed_lines(view: View, document: Document) -> Iterator[tuple[int, int, bool]]:
    """Yield the range of each line in the view, and whether a blank line stands before it."""
    offset, blank = 0, False
    done = 0
    for raw in document.text[:_HEAD_CHARS].split("\n"):
        start, end = _locate(view, offset, offset + len(raw))
        offset += len(raw) + 1
        if start >= end:
            blank = True
        elif end > done:
            stop = view.paragraph_at(start)[1]
            if end < stop and _goes_over(view.text[start:stop], raw):
                end = stop
            yield start, end, blank
            done, blank = end, False


def _goes_over(paragraph: str, raw: str) -> bool:
    """Tell whether the first line of a paragraph is no line by itself."""
    if raw.count("〔") > raw.count("〕"):
        return True
    return _is_body(paragraph) and not _stands_alone(raw)


def _is_body(text: str) -> bool:
    """Tell whether a paragraph is one of running text, so that its lines are no titles."""
    return "。" in text[:-1] or text[-1] in "。；" or len(text) > _BODY_LINE


def _stands_alone(raw: str) -> bool:
    """Tell whether a line ends a title or is a number, although the view joins it to the next."""
    text = squeeze(raw)
    if _sort(text) in ("number", "date", "noise", "addressee"):
        return True
    return "，" not in text and judge(text).weight >= NAMED


def _unstacked(lines: Sequence[HeadLine]) -> list[HeadLine]:
    """Join the lines of a cover that prints 调查报告 with one character on each."""
    joined: list[HeadLine] = []
    single = False
    for line in lines:
        is_single = len(line.text) == 1 and "\u4e00" <= line.text <= "\u9fff"
        if single and is_single:
            before = joined.pop()
            text = before.text + line.text
            line = HeadLine(before.start, line.end, text, before.gap, _sort(text))
        joined.append(line)
        single = is_single
    return joined


def _locate(view: View, start: int, end: int) -> tuple[int, int]:
    """Return the view range read from this line of the document, without breaks at its edges."""
    low, high = bisect_left(view.offsets, start), bisect_left(view.offsets, end)
    while low < high and view.text[low] in "\n ":
        low += 1
    while high > low and view.text[high - 1] in "\n ":
        high -= 1
    return low, high


def is_date_line(text: str) -> bool:
    """Tell whether a line is only a date: 2021年3月5日, 二〇二一年三月五日, 2021-03-05."""
    return _DATE_LINE.fullmatch(text) is not None


def _sort(text: str) -> LineSort:
    if _NUMBER_LINE.fullmatch(text):
        return "number"
    if is_date_line(text):
        return "date"
    if len(text) <= _LONG_LINE and _pattern("noise", "line").search(text):
        return "noise"
    if text.endswith("：") and len(text) < _BODY_LINE:
        return "addressee"
    marked = MARK.match(text) is not None and not text.startswith("附件")
    if marked or len(text) > _BODY_LINE or text[-1] in "。；":
        return "body"
    return "body" if "。" in text and len(text) > 30 else "line"


# --- which lines are the title -------------------------------------------------------------------


def find_title(view: View, lines: Sequence[HeadLine]) -> TitlePlace | None:
    """Return the title among the lines of the head, or None.

    A document word weighs more than an accident's name, and this more than a headline. Of a notice
    and the report that it carries, the report's own title is taken.
    """
    places = list(_places(view, lines))
    if not places:
        return _first_line(lines)
    best = max(places, key=lambda place: place.verdict.weight)
    if not best.verdict.carried:
        return best
    own = (p for p in places if p.start > best.start and p.verdict.weight >= SURE)
    return next((p for p in own if p.verdict.kind == best.verdict.kind), best)


def _places(view: View, lines: Sequence[HeadLine]) -> Iterator[TitlePlace]:
    """Yield what may be the title, in document order, up to the first line of the body."""
    for at, line in enumerate(lines):
        if line.sort == "body":
            glued = list(_glued_title(view, line))
            yield from glued or _after_lead(lines, at)
            return
        if line.sort != "line":
            continue
        first, last = _extend_back(lines, at), _extend_on(lines, at)
        text = "".join(part.text for part in lines[first : last + 1])
        verdict = judge(text)
        is_news = verdict.rule == "title.news"
        if verdict.weight < SURE and not is_news and (glued := list(_glued_title(view, line))):
            yield from glued
        elif verdict.weight and len(text) <= _TITLE_CHARS:
            yield TitlePlace(lines[first].start, lines[last].end, verdict)


def _after_lead(lines: Sequence[HeadLine], at: int) -> Iterator[TitlePlace]:
    """Yield the title of a report that a portal prints behind a lead of one paragraph."""
    if at + 1 < len(lines) and lines[at + 1].sort == "line" and not MARK.match(lines[at].text):
        line = lines[at + 1]
        verdict = judge(line.text)
        if verdict.weight >= SURE and verdict.kind in ("INV", "EVAL"):
            yield TitlePlace(line.start, line.end, verdict)


def _extend_back(lines: Sequence[HeadLine], at: int) -> int:
    """Return the first line of the title whose last line is `at`."""
    first = at
    while first > 0 and at - first < _TITLE_LINES - 1:
        before, line = lines[first - 1], lines[first]
        if before.sort != "line" or len(before.text) > _LONG_LINE or _is_whole(before.text):
            break
        if not _goes_on(before, line):
            break
        first -= 1
    return first


def _goes_on(before: HeadLine, line: HeadLine) -> bool:
    """Tell whether a title goes on from one line to the next."""
    if _pattern("wrapping", "open_end").search(before.text):
        return True
    if _pattern("wrapping", "authority").fullmatch(before.text):
        return line.text.startswith("关于")
    if _pattern("wrapping", "inner_start").match(line.text):
        return True
    is_column = _pattern("wrapping", "column").fullmatch(line.text) is not None
    return is_column or (not line.gap and len(before.text) >= _WRAPPED)


def _is_whole(text: str) -> bool:
    """Tell whether a line is a title or a sentence in itself, so that nothing continues it."""
    return text[-1] in "。；！？" or judge(text).weight >= SURE or _is_headline(text)


def _extend_on(lines: Sequence[HeadLine], at: int) -> int:
    """Return the last line: 报告 or （公示稿） may stand on a line of its own behind …事故调查."""
    if at + 1 >= len(lines):
        return at
    after = lines[at + 1]
    if after.sort != "line" or after.gap or len(after.text) > _WRAPPED:
        return at
    if len(after.text) <= 4 and _is_headline(after.text):
        return at + 1
    inside = _pattern("wrapping", "inner_start").match(after.text) is not None
    if judge(after.text).weight >= SURE and not inside:
        return at
    alone, both = judge(lines[at].text), judge(lines[at].text + after.text)
    return at + 1 if alone.weight and both.weight >= max(alone.weight, NAMED) else at


def _glued_title(view: View, line: HeadLine) -> Iterator[TitlePlace]:
    """Yield the title that stands before the first sentence on the same line, if any."""
    numbered = _BEFORE_TITLE.match(view.text, line.start, line.end)
    start = numbered.end() if numbered is not None else line.start
    for match in _pattern("wrapping", "glued").finditer(
        view.text, start, min(line.end, start + _TITLE_CHARS)
    ):
        text = view.text[start : match.end()]
        if any(c in text for c in "。；\n") or text.count("《") != text.count("》"):
            return
        if _is_news(text):
            return
        verdict = judge(text)
        if verdict.weight >= SURE and not text.startswith("为"):
            yield TitlePlace(start, match.end(), verdict)
            return


def _first_line(lines: Sequence[HeadLine]) -> TitlePlace | None:
    """Return the first line that can be a headline; nothing is known of its kind."""
    for line in lines:
        if line.sort == "body":
            return None
        if line.sort != "line" or not 6 <= len(line.text) <= _LONG_LINE:
            continue
        if not any(
            _pattern("wrapping", name).fullmatch(line.text) for name in ("authority", "column")
        ):
            return TitlePlace(line.start, line.end, _NOTHING)
    return None


# --- what a title says ---------------------------------------------------------------------------


def judge(title: str) -> Verdict:
    """Return what the words of a title (folded, without spaces) say."""
    if "。" in title or not title or title.startswith(_GROUNDS) or len(title) > _NO_TITLE:
        return _NOTHING
    carrier = _carrier(title)
    if carrier is not None:
        return carrier
    if _is_news(title):
        return Verdict(None, "title.news", WEAK)
    core = _core(title)
    row = _row_of(_emptied(core))
    if row is None and core.endswith("》") and "《" in core:
        row = _row_of(_core(core[core.rindex("《") + 1 : -1]))
    if row is None and core.endswith("）") and "（" in core:
        row = _row_of(_emptied(core[:-1].replace("（", "")))
    if row is not None:
        if core != title and _is_headline(title) and "《" not in title:
            return Verdict(None, "title.headline", WEAK)
        is_column = _pattern("wrapping", "column").fullmatch(core) is not None
        return Verdict(row[1], row[0], WEAK if is_column else SURE)
    if _pattern("accident_name", "pattern").search(core):
        return Verdict(None, "title.accident", NAMED)
    if "关于" not in title and _pattern("news", "sentence").search(title):
        return Verdict(None, "title.news", WEAK)
    return _NOTHING


def _is_news(title: str) -> bool:
    """Tell whether a line is a headline or a lead of the press, although it names a document."""
    if _pattern("news", "object").search(title):
        return True
    named = "关于" in title or _BOOK.search(title) is not None
    return not named and any(
        _pattern("news", name).search(title) is not None for name in ("press", "summary")
    )


def kind_of_title(title: str) -> tuple[DocumentKind | None, str]:
    """Return the kind that a title (folded, without spaces) states, with the rule; None: unsure."""
    verdict = judge(title)
    return verdict.kind, verdict.rule


def _is_headline(text: str) -> bool:
    return _pattern("publication", "headline").search(text) is not None


def _core(title: str) -> str:
    """Return the title without what only publishes it."""
    core = title
    if core.startswith("《") and _BOOK.fullmatch(core):
        core = core[1:-1]
    tail = _pattern("publication", "tail")
    for _ in range(4):
        match = tail.search(core)
        if match is None or match.start() < 4:
            break
        cut = core[: match.start()]
        if not _row_of(_emptied(cut)) and not cut.endswith("》"):
            break
        core = cut
    return core


def _emptied(text: str) -> str:
    return _BOOK.sub("《》", text)


def _row_of(core: str) -> tuple[str, DocumentKind] | None:
    return next(((name, kind) for name, kind, row in _title_rows() if row.search(core)), None)


def _carrier(title: str) -> Verdict | None:
    """Return the verdict of 关于印发…的通知; a report in it decides, a plan or rule does not."""
    rules = _rules()["carrier"]
    match = _pattern("carrier", "pattern").search(_BRACKETS.sub("", title))
    if match is None or rules["forwarding"] in title:
        return None
    row = _row_of(_emptied(_core(match.group("object").strip("《》"))))
    if row is None or row[1] not in rules["carried"]:
        return None
    return Verdict(row[1], f"carrier.{row[0]}", SURE, carried=True)
