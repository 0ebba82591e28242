"""The facts of an evaluation: the reply it rests on, its group and date, and its methods.

Written forms: 2019年12月16日，事故调查报告经…批复同意; 《…的批复》（北政批〔2021〕18号）;
由市应急局牵头，会同市公安局、市发改委等部门组成的评估组; 采取“听取汇报、查阅资料”等方式.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from extractor.reading.outline import Outline
from extractor.reading.sentences import join_sentences
from extractor.reading.values import find_dates
from extractor.rules import load_toml
from extractor.view import View

_ZONE = 4000
_NEAR = 100
_STOP = re.compile(r"[。；\n]")
_SPLIT = re.compile(r"、|，|以及|[和及与]")
_PLACES = tuple("省市县区州盟旗")
_NAME_DONE = re.compile(r"[局委会院厅部办府队处所中心校团站社]$")
_BOOK_BEFORE = re.compile(r"《([^《》]{2,160}(?:《[^《》]{2,120}》[^《》]{0,60})?)》[（(]?$")
_REPLY_CODE = re.compile(r"批复|政批|批〔")
_REPLY_AFTER = re.compile(r"[）)]?(?:文件?|号)?[^，。；]{0,6}批复")
_REPLY_BEFORE = re.compile(r"批复[^，。；]{0,8}[（(]$")
_CLAUSE = r"(?<![^，。；：\n])"
_LEADER = r"(?P<lead>[\u4e00-\u9fff（）]{2,30}?)"


class NumberSpan(Protocol):
    """What is needed of a document number: its place in the view and its normal form."""

    @property
    def start(self) -> int:
        """Offset of the first character in `View.text`."""

    @property
    def end(self) -> int:
        """Offset behind the last character in `View.text`."""

    @property
    def normal(self) -> str:
        """Normal form, such as 北政批〔2021〕18号."""


@dataclass(frozen=True, slots=True)
class EvaluationReading:
    """Facts of the evaluation; `reply_number` is an index into the numbers given.

    `sources` maps each field that is set to its view range; lists have the range of the whole list.
    """

    reply_number: int | None = None
    reply_date: str | None = None
    established: str | None = None
    lead: str | None = None
    members: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    sources: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Group:
    lead: tuple[int, int] | None
    members: tuple[tuple[int, int], ...]


@cache
def _rules() -> dict[str, str]:
    return load_toml("evaluations.toml")


@cache
def _rule(name: str) -> re.Pattern[str]:
    return re.compile(_rules()[name])


def read_evaluation(
    view: View, outline: Outline, kind: str, numbers: Sequence[NumberSpan]
) -> EvaluationReading | None:
    """Return the facts of the evaluation of an EVAL; of a REP its own number and date; else None.

    Each field is None or empty where the text does not state it: a date without its own year, and
    a list that names no bodies, are left out.
    """
    if kind == "REP":
        return _read_reply(view, numbers)
    if kind != "EVAL":
        return None
    sources: dict[str, tuple[int, int]] = {}
    number = _reply_number(view.text, numbers)
    if number is not None:
        sources["reply_number"] = (numbers[number].start, numbers[number].end)
    flat = join_sentences(view, _zone(view, outline))
    zone = (0, len(flat.text))
    reply = _reply_date(flat.text, *zone)
    established = _established(flat.text, *zone)
    group = _group(flat.text, *zone)
    methods = _methods(flat.text, *zone)
    for name, found in (("reply_date", reply), ("established", established)):
        if found is not None:
            sources[name] = flat.span(*found[:2])
    if group.lead is not None:
        sources["lead"] = flat.span(*group.lead)
    for name, spans in (("members", group.members), ("methods", methods)):
        if spans:
            sources[name] = flat.span(spans[0][0], spans[-1][1])
    return EvaluationReading(
        number,
        reply[2] if reply is not None else None,
        established[2] if established is not None else None,
        flat.text[slice(*group.lead)] if group.lead is not None else None,
        tuple(flat.text[slice(*span)] for span in group.members),
        tuple(flat.text[slice(*span)] for span in methods),
        sources,
    )


def _read_reply(view: View, numbers: Sequence[NumberSpan]) -> EvaluationReading | None:
    """Return the reply's own number (alone on its line) and the date of its signature."""
    sources: dict[str, tuple[int, int]] = {}
    own = next(
        (
            index
            for index, number in enumerate(numbers)
            if _is_alone(view, number.start, number.end) and number.start < _ZONE
        ),
        None,
    )
    if own is not None:
        sources["reply_number"] = (numbers[own].start, numbers[own].end)
    date = None
    for start, end in reversed(view.paragraphs):
        dates = find_dates(view.text, start, end) if end - start <= 16 else []
        if dates and dates[0].iso and _is_alone(view, dates[0].start, dates[0].end):
            date = dates[0].iso if len(dates[0].iso) == 10 else None
            break
    if date is not None:
        sources["reply_date"] = (dates[0].start, dates[0].end)
    return EvaluationReading(own, date, sources=sources) if sources else None


def _is_alone(view: View, start: int, end: int) -> bool:
    low, high = view.paragraph_at(start)
    return not view.text[low:start].strip("（(") and not view.text[end:high].strip("）)")


def _zone(view: View, outline: Outline) -> tuple[int, int]:
    """Return the range that tells of the evaluation itself: up to the first finding."""
    slots = {"treatment", "measures", "problems"}
    first = next((n.start for n in outline.nodes() if n.slot in slots and n.start > 200), _ZONE)
    return 0, min(max(first, 1500), _ZONE, len(view.text))


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    at = start
    for match in _STOP.finditer(text, start, end):
        yield at, match.start()
        at = match.end()
    if at < end:
        yield at, end


def _reply_number(text: str, numbers: Sequence[NumberSpan]) -> int | None:
    """Return the reply's number: behind 《…批复》, with 批复 in its code, or in 以…批复."""
    best: tuple[int, int] | None = None
    for index, number in enumerate(numbers):
        before = text[max(0, number.start - 240) : number.start]
        book = _BOOK_BEFORE.search(before)
        after = text[number.end : number.end + 14]
        score = 0
        if book is not None:
            score = 3 if _rule("reply").search(book.group(1)[-12:]) else 0
        elif _REPLY_CODE.search(number.normal):
            score = 3
        elif _REPLY_AFTER.match(after) or _REPLY_BEFORE.search(before):
            score = 2
        if score and (best is None or score > best[0]):
            best = (score, index)
    return best[1] if best is not None else None


def _full_dates(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    for date in find_dates(text, start, end):
        if date.iso is not None and len(date.iso) == 10 and not date.relative:
            yield date.start, date.end, date.iso


def _reply_date(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    """Return the date on which the government replied: the date before 批复 in its sentence."""
    dates = list(_full_dates(text, start, end))
    for index, (date_start, date_end, iso) in enumerate(dates):
        stop = _STOP.search(text, date_end, date_end + _NEAR)
        high = stop.start() if stop is not None else min(date_end + _NEAR, len(text))
        if index + 1 < len(dates):
            high = min(high, dates[index + 1][0])
        found = _rule("reply").search(text, date_end, high)
        if found is None:
            continue
        between = text[date_end : found.start()]
        if re.search(r"发生|评估|施行|实施|请示|上报|提交", re.sub(r"《[^《》]*》?", "", between)):
            continue
        return date_start, date_end, iso
    return None


def _established(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    """Return the date on which the group was set up, else the day on which it evaluated."""
    worked: tuple[int, int, str] | None = None
    for date_start, date_end, iso in _full_dates(text, start, end):
        stop = re.compile("[。\n]").search(text, date_end, date_end + 220)
        high = stop.start() if stop is not None else min(date_end + 220, len(text))
        group = _rule("group").search(text, date_end, high)
        group = group or _rule("evaluated").match(text, date_end, high)
        if group is None:
            low = max(text.rfind(c, start, date_start) for c in "。\n") + 1
            group = _rule("group").search(text, max(low, date_start - 160), date_start)
            if group is None or not text.startswith(("，于", "，"), group.end()):
                continue
        between = text[date_end : max(date_end, group.start())]
        if re.search(r"发生|批复|调查组|结案", between):
            continue
        if _rule("set_up").search(text, date_end, min(high, group.end() + 4)):
            return date_start, date_end, iso
        if worked is None and _rule("work").search(text, date_end, min(high, date_end + 120)):
            worked = date_start, date_end, iso
    label = _rule("date_label").search(text, start, end)
    labelled = _full_dates(text, label.end(), label.end() + 16) if label is not None else iter(())
    return worked or next(labelled, None)


def _group(text: str, start: int, end: int) -> _Group:
    """Return who led the group and which bodies it was made of."""
    best = _Group(None, ())
    for low, high in _sentences(text, start, end):
        if not _rule("group").search(text, low, high) or high - low > 600:
            continue
        found = _group_in(text, low, high)
        if (found.lead is not None) + bool(found.members) > (best.lead is not None) + bool(
            best.members
        ):
            best = found
    if best.lead is None and not best.members:
        return _labelled_group(text, start, end)
    return best


def _labelled_group(text: str, start: int, end: int) -> _Group:
    """Read 牵头单位：X and 成员单位：Y、Z as lines of their own."""
    lead = _rule("lead_label").search(text, start, end)
    members = _rule("members_label").search(text, start, end)
    lead_span = None
    if lead is not None and 2 <= lead.end(1) - lead.start(1) <= 30:
        lead_span = lead.span(1)
    spans = tuple(_pieces(text, *members.span(1))) if members is not None else ()
    bodies = sum(1 for span in spans if _rule("body").search(text[slice(*span)]))
    return _Group(lead_span, spans if bodies * 2 >= len(spans) else ())


@cache
def _lead_patterns() -> tuple[re.Pattern[str], ...]:
    leaders, joined = _rules()["leaders"], _rules()["joined"]
    return (
        re.compile(rf"(?:由|以){_LEADER}(?P<role>{leaders})"),
        re.compile(rf"{_CLAUSE}{_LEADER}(?P<role>牵头)"),
        re.compile(rf"{_CLAUSE}由?{_LEADER}(?P<role>{joined})"),
    )


def _group_in(text: str, start: int, end: int) -> _Group:
    for pattern in _lead_patterns():
        for match in pattern.finditer(text, start, end):
            lead = match.span("lead")
            if not _rule("body").search(text, *lead):
                continue
            members = _bodies(text, match.end(), end)
            if members or match["role"].startswith("牵头"):
                return _Group(lead, members)
    listed = re.compile(r"由(?=[^。；]{2,160}(?:组成|参加))|，(?=[^。；]{2,160}为成员)").search(
        text, start, end
    )
    return _Group(None, _bodies(text, listed.end(), end) if listed is not None else ())


def _bodies(text: str, start: int, end: int) -> tuple[tuple[int, int], ...]:
    """Return the bodies of the list that begins at `start`, where at least one is a body."""
    lead = re.compile(rf"(?:组织|成立|，|、|由|会同|联合|了|的|{_rules()['joined']})*").match(
        text, start, end
    )
    at = lead.end() if lead is not None else start
    stop = _rule("members_end").search(text, at, min(end, at + 260))
    if stop is None:
        return ()
    spans: list[tuple[int, int]] = []
    for piece_start, piece_end in _pieces(text, at, stop.start()):
        piece = text[piece_start:piece_end]
        if not 2 <= len(piece) <= 26 or re.search(r"邀请|评估|调查|[“”《》\d]", piece):
            break
        spans.append((piece_start, piece_end))
    bodies = sum(1 for span in spans if _rule("body").search(text[slice(*span)]))
    return tuple(spans) if bodies * 2 >= len(spans) > 0 else ()


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a list; the 和 inside a name (人力资源和社会保障局) is no cut."""
    at = start
    inner = {m.start() for m in _rule("inner_and").finditer(text, start, end)}
    for match in _SPLIT.finditer(text, start, end):
        piece = text[at : match.start()]
        if match.start() in inner:
            continue
        if match.group() in "和及与" and _is_inside_name(text, piece, match.end(), end):
            continue
        if match.start() > at:
            yield at, match.start()
        at = match.end()
    if at < end:
        yield at, end


def _is_inside_name(text: str, piece: str, behind: int, end: int) -> bool:
    """Tell whether the 和 behind a piece joins two words of one name: 县粮食和物资储备局."""
    if _NAME_DONE.search(piece):
        return False
    stop = _SPLIT.search(text, behind, end)
    rest = text[behind : stop.start() if stop is not None else end]
    whole = piece[:1] in _PLACES and rest[:1] not in _PLACES and _NAME_DONE.search(rest)
    return len(piece) > 4 or bool(whole)


def _methods(text: str, start: int, end: int) -> tuple[tuple[int, int], ...]:
    """Return the ways of evaluating in 采取“听取汇报、现场核查”等方式."""
    for match in _rule("methods_end").finditer(text, start, end):
        low = max(text.rfind(c, start, match.start()) for c in "。；\n") + 1
        leads = list(
            _rule("methods_lead").finditer(text, max(low, match.start() - 120), match.start())
        )
        for lead in leads:
            spans = tuple(_ways(text, lead.end(), match.start()))
            if spans:
                return spans
    label = _rule("methods_label").search(text, start, end)
    return tuple(_ways(text, *label.span(1))) if label is not None else ()


def _ways(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for low, high in _pieces(text, start, end):
        while low < high and text[low] in '“”"了':
            low += 1
        while high > low and text[high - 1] in '“”"等':
            high -= 1
        if not 3 <= high - low <= 20 or not _rule("method").search(text, low, high):
            return
        spans.append((low, high))
    yield from spans
