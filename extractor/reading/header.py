"""The accident that a document is about: name, mark, date, grade, type, place and toll.

The title and the passage that tells the accident (date + 发生 + 造成) are read first, then the
section on casualties and losses. Other accidents, bounds of law and statistics are never taken: a
value comes from the title, from the passage, or from a statement that names this accident
(该起事故是…). Where the dot of a mark is lost (“1125”), the date tells how to split it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from extractor.reading.accident_names import (
    Fields,
    accident_rules,
    counts_several,
    grade_pattern,
    pattern,
    read_grade_and_type,
    read_headline_toll,
    read_title,
)
from extractor.reading.marks import Mark, find_marks, write_mark
from extractor.reading.outline import Outline
from extractor.reading.sentences import Flat, breaks_sentence, flatten, join_sentences
from extractor.reading.tolls import Toll, read_loss, read_toll
from extractor.reading.values import find_dates
from extractor.view import View

_ZONE = 2500
_PASSAGE = 480
_LABELLED = 400
_SENTENCE = 160
_NEAR_TITLE = 700
_SECTION = 600
_CLOSE = 90
_AROUND = 200
_STATEMENTS = 60
_FULL_DATE = 10
_SENTENCE_END = re.compile("[。；\n]")
_ENDS_CLAUSE = re.compile("事故|[。；，]")
_CLAUSE = re.compile(r"[^，。；\n]+")
_UNTIL_IN = re.compile(r"[^在]{2,40}?在")


@dataclass(frozen=True, slots=True)
class AccidentReading:
    """The accident; `sources` has the view range of every field that is not None.

    `start`/`end` is the passage that tells it, or the title where no passage does.
    """

    start: int
    end: int
    name: str | None = None
    mark: str | None = None
    date: str | None = None
    grade: str | None = None
    type: str | None = None
    place: str | None = None
    deaths: int | None = None
    injuries: int | None = None
    loss_yuan: int | None = None
    sources: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Date:
    iso: str
    start: int
    end: int
    score: int

    @property
    def day(self) -> tuple[int, int]:
        return int(self.iso[5:7]), int(self.iso[8:10])


def grade_by_figures(deaths: int | None, loss_yuan: int | None) -> str:
    """Return the grade that deaths and loss alone ask for (国务院令第493号 art. 3).

    >>> grade_by_figures(3, None)
    '较大'
    """
    rows = accident_rules()["grade"]
    reached = (
        row["name"]
        for row in rows
        if (deaths or 0) >= row["deaths"] > 0 or (loss_yuan or 0) >= row["loss_yuan"] > 0
    )
    return str(next(reached, rows[-1]["name"]))


def read_accident(
    view: View, outline: Outline, kind: str, title: tuple[int, int] | None
) -> AccidentReading | None:
    """Return the accident that the document is about, each field with its range, or None.

    None for kinds that are about no single accident (PLAN, NOTICE, CIRC, RULE, MEDIA, OTHER), for
    a title that counts several accidents, and where nothing is stated. Injured persons are all the
    injured, missing persons are none; a loss is the direct loss in whole yuan.
    """
    if kind not in accident_rules()["kinds"]:
        return None
    fields = Fields()
    marks = read_title(view, title, fields)
    if title is not None and counts_several(view, title, marks):
        return None
    date = _best_date(_dates(view, title, marks), marks)
    passage = _passage(view, title, date, marks)
    if date is not None:
        fields.put("date", date.iso, (date.start, date.end))
    _put_mark(view, title, fields, marks, date)
    _put_named(view, fields)
    if date is None and "date" not in fields.values:
        date = _date_of_day(view, title, fields)
        passage = passage or _passage(view, title, date, marks)
    if passage is not None:
        _read_passage(view, passage, date, fields)
    _read_losses(view, outline, fields)
    read_headline_toll(view, title, fields)
    _put_grade(view, fields)
    if not fields.values:
        return None
    span = passage or title or next(iter(fields.sources.values()))
    return AccidentReading(span[0], span[1], **fields.values, sources=fields.sources)


def _put_mark(
    view: View,
    title: tuple[int, int] | None,
    fields: Fields,
    marks: Sequence[Mark],
    date: _Date | None,
) -> None:
    """Settle the mark: the title's, split by the date where it must be; else one of the overview.

    A mark in Chinese numerals or misread by a scanner has the range of the date that it agrees to.
    """
    for mark in marks:
        known = date.day if date is not None and date.day in mark.days else None
        trusted = mark.is_quoted or date is None
        day = known or (mark.days[0] if len(mark.days) == 1 and trusted else None)
        if day is None:
            continue
        span = (mark.start, mark.end)
        if known and date is not None and not mark.is_plain:
            span = (date.start, date.end)
        fields.put("mark", write_mark(day), span)
        if mark.year is not None:
            fields.put("date", f"{mark.year}-{day[0]:02d}-{day[1]:02d}", (mark.start, mark.end))
        return
    if marks or date is None:
        return
    low = min(title[1] if title is not None else date.start, date.start)
    for mark in find_marks(view.text, low, min(date.start + _ZONE, len(view.text))):
        if mark.is_quoted and mark.is_plain and date.day in mark.days:
            fields.put("mark", write_mark(date.day), (mark.start, mark.end))
            return


def _put_named(view: View, fields: Fields) -> None:
    """Read mark, grade and type where the text names the accident of its report or group.

    For documents whose title is lost: 《…“7·12”一般坍塌事故调查报告》, “7·12”一般坍塌事故评估组.
    Without a known day, all that is so named must be of one day.
    """
    found: list[tuple[Mark, int]] = []
    for mark in find_marks(view.text, 0, min(_ZONE, len(view.text))):
        named = pattern("name", "named").match(view.text, mark.end)
        if named is not None and mark.is_quoted and mark.is_plain:
            found.append((mark, named.end()))
    days = fields.days or _day_of(fields)
    if not days:
        days = set(found[0][0].days) if found else set()
        if len(days) != 1 or any(set(mark.days) != days for mark, _ in found):
            return
    for mark, end in found:
        if not days & set(mark.days):
            continue
        fields.put("mark", write_mark(next(iter(days))), (mark.start, mark.end))
        flat = flatten(view, (mark.end, end))
        read_grade_and_type(flat, (0, len(flat.text)), 1, fields)


def _date_of_day(view: View, title: tuple[int, int] | None, fields: Fields) -> _Date | None:
    """Find the date by the day of the mark: where 发生 tells it, or where 年 or 月 is lost."""
    start = title[1] if title is not None else 0
    stop = min(start + _ZONE, len(view.text))
    dates = [x for x in _scored(view.text, start, stop, fields.days) if x.day in fields.days]
    best = max(dates, key=lambda date: date.score, default=None)
    if best is None or best.score < 6:
        best = _damaged_date(view.text, start, stop, fields.days)
    if best is not None:
        fields.put("date", best.iso, (best.start, best.end))
    return best


def _damaged_date(text: str, start: int, end: int, days: set[tuple[int, int]]) -> _Date | None:
    """Read 2022826日 where the mark says 8·26; the next characters must tell the accident."""
    for month, day in days:
        rest = rf"年0?{month}0?{day}|0?{month}月?0?{day}"
        lost = re.compile(rf"(?<!\d)((?:19|20)\d\d)(?:{rest})日(?!至)")
        for match in lost.finditer(text, start, end):
            stop = text.find("。", match.end(), match.end() + _SENTENCE)
            behind = (match.end(), stop if stop >= 0 else match.end() + _SENTENCE)
            if pattern("telling", "happened").search(text, *behind):
                iso = f"{match.group(1)}-{month:02d}-{day:02d}"
                return _Date(iso, match.start(), match.end(), 6)
    return None


def _day_of(fields: Fields) -> set[tuple[int, int]]:
    date = fields.values.get("date")
    return {(int(date[5:7]), int(date[8:10]))} if date else set()


# --- date and passage ----------------------------------------------------------------------------


def _dates(view: View, title: tuple[int, int] | None, marks: Sequence[Mark]) -> list[_Date]:
    """Return the full dates of the overview, scored by how they tell an accident."""
    start = title[1] if title is not None else 0
    days = {day for mark in marks for day in mark.days}
    dates = list(_scored(view.text, start, min(start + _ZONE, len(view.text)), days))
    if days and not any(date.day in days for date in dates):
        later = _scored(view.text, start + _ZONE, len(view.text), days)
        dates += [date for date in later if date.day in days and date.score >= 6]
    return dates


def _scored(text: str, start: int, end: int, days: set[tuple[int, int]]) -> Iterator[_Date]:
    """Yield the full dates with a score: agreement with the mark, time of day, 发生 behind them."""
    for found in find_dates(text, start, end):
        if found.iso is None or len(found.iso) != _FULL_DATE or found.relative:
            continue
        if _fills_its_line(text, found.start, found.end):
            continue
        date = _Date(found.iso, found.start, found.end, 0)
        label = pattern("telling", "date_label").search(text, max(0, date.start - 10), date.start)
        if label is None and "年" not in text[date.start : date.end]:
            continue
        stop = text.find("。", date.end, date.end + _SENTENCE)
        stop = stop if stop >= 0 else min(date.end + _SENTENCE, len(text))
        score = (4 if date.day in days else 0) + (4 if label is not None else 0)
        score += 3 if pattern("telling", "time").match(text, date.end, stop) else 0
        score -= 4 if pattern("telling", "other_act").match(text, date.end, stop) else 0
        for name, weight in (("happened", 2), ("named", 1)):
            cue = pattern("telling", name).search(text, date.end, stop)
            if cue is not None:
                other = pattern("telling", "other_date").search(text, date.end, cue.start())
                score += weight if other is None else -weight
        yield replace(date, score=score)


def _fills_its_line(text: str, start: int, end: int) -> bool:
    """Tell whether a date stands alone on its line: a signature's, or one of a portal's table."""
    begins = start == 0 or text[start - 1] in "\n|"
    return begins and text[end : end + 1] in ("\n", "|", "")


def _best_date(dates: Sequence[_Date], marks: Sequence[Mark]) -> _Date | None:
    """Return the accident's date: by the mark if there is one, else by what its sentence tells."""
    days = {day for mark in marks for day in mark.days}
    agreeing = [date for date in dates if date.day in days and date.score >= 5]
    pool = agreeing or dates
    best = max(pool, key=lambda date: (date.score, -date.start), default=None)
    if best is None or agreeing:
        return best
    if any(mark.is_quoted for mark in marks):
        return best if best.score >= 6 and not any(mark.year for mark in marks) else None
    return best if best.score >= 3 else None


def _passage(
    view: View, title: tuple[int, int] | None, date: _Date | None, marks: Sequence[Mark]
) -> tuple[int, int] | None:
    """Return the passage that tells the accident: from its date to where the rescue begins."""
    text = view.text
    tells = pattern("telling", "happened")
    if date is not None and tells.search(text, date.end, date.end + _SENTENCE):
        start = date.start
    else:
        low = title[1] if title is not None else 0
        told = pattern("telling", "undated").search(text, low, min(low + _NEAR_TITLE, len(text)))
        days = {day for mark in marks for day in mark.days}
        if told is None or not _is_told_of_own(told.group(), days):
            return None
        start = told.start()
    _, end = view.paragraph_at(start)
    while end + 1 < len(text) and end - start < _PASSAGE:
        goes_on = pattern("telling", "goes_on").match(text, end + 1) is not None
        if not goes_on and not breaks_sentence(text, end):
            break
        end = view.paragraph_at(end + 1)[1]
    end = min(end, start + _PASSAGE)
    rescue = pattern("telling", "rescue").search(text, start, end)
    return start, rescue.start() if rescue is not None and rescue.start() > start else end


def _read_passage(view: View, passage: tuple[int, int], date: _Date | None, fields: Fields) -> None:
    """Read toll, loss, grade, type and place from the passage, across its broken lines."""
    start, end = passage
    flat = join_sentences(view, (start, min(end + _LABELLED, len(view.text))))
    stop = bisect_left(flat.offsets, end)
    fields.put_toll(read_toll(flat.text, 0, stop), flat)
    fields.put_stated("loss_yuan", read_loss(flat.text, 0, stop), flat)
    told = date is not None and date.start == start
    behind = bisect_left(flat.offsets, date.end) if date is not None and told else 0
    began = pattern("telling", "began").search(flat.text, behind, stop)
    if began is not None:
        done = _ENDS_CLAUSE.search(flat.text, began.end(), stop)
        if done is not None and done.group() == "事故":
            named = (began.end(), done.end())
            read_grade_and_type(flat, named, named[0], fields)
    _put_place(flat, (behind, began.start() if began is not None else stop), stop, fields)


def _put_place(flat: Flat, told: tuple[int, int], end: int, fields: Fields) -> None:
    """Read the place: behind a label, in 位于… or 在…发生, or between the time and 发生."""
    text = flat.text
    start, began = told
    label = pattern("place", "label").search(text, start)
    time = pattern("telling", "time").match(text, start, began)
    low = time.end() if time is not None else start
    while low < began and text[low] in "，、":
        low += 1
    high = min(began, low + 140)
    found = [
        label,
        pattern("place", "located").search(text, low, high),
        pattern("place", "inside").match(text, low, high),
    ]
    spans = [match.span(1) for match in found if match is not None]
    clause = _CLAUSE.match(text, low, high)
    if clause is not None:
        spans += _places_in_clause(text, *clause.span(), is_told=began < end)
    for place_start, place_end in spans:
        tail = pattern("place", "tail").search(text, place_start, place_end)
        stop = tail.start() if tail is not None else place_end
        piece = text[place_start:stop]
        is_place = pattern("place", "word").search(piece) is not None
        if 3 <= len(piece) <= 60 and is_place and not pattern("place", "none").search(piece):
            fields.put("place", piece.replace("\n", ""), flat.span(place_start, stop))
            return


def _places_in_clause(text: str, start: int, end: int, *, is_told: bool) -> list[tuple[int, int]]:
    """Return what can be the place in XX公司在Y施工时: Y, then XX公司; else the clause.

    Where no 发生 is told, the clause counts only up to the persons in it (…工地1名工人).
    """
    if not is_told:
        person = pattern("place", "person").search(text, start, end)
        return [(start, person.start())] if person is not None and person.start() > start else []
    until = _UNTIL_IN.match(text, start, end)
    if until is None or not pattern("place", "enterprise").search(text, start, until.end()):
        return [(start, end)]
    inside = pattern("place", "inside").match(text, until.end() - 1, end)
    spans = [inside.span(1)] if inside is not None else []
    return [*spans, (start, until.end() - 1)]


# --- the sections --------------------------------------------------------------------------------


def _read_losses(view: View, outline: Outline, fields: Fields) -> None:
    """Fill what the passage left open from the section on casualties, then from 该起事故造成….

    A toll found there counts only where it agrees with what the passage states already.
    """
    for node in outline.in_slot("loss"):
        end = min(node.end, node.start + _SECTION)
        flat = join_sentences(view, (node.start, end))
        toll = read_toll(flat.text, 0, len(flat.text))
        if _agrees(fields, toll):
            fields.put_toll(toll, flat)
        fields.put_stated("loss_yuan", read_loss(flat.text, 0, len(flat.text)), flat)
    if "deaths" not in fields.values and "injuries" not in fields.values:
        for start, end in _own_statements(view.text, pattern("telling", "toll"), fields):
            flat = flatten(view, (start, end))
            fields.put_toll(read_toll(flat.text, 0, len(flat.text)), flat)
    if "loss_yuan" not in fields.values:
        for start, end in _own_statements(view.text, pattern("telling", "loss"), fields):
            flat = flatten(view, (start, end))
            fields.put_stated("loss_yuan", read_loss(flat.text, 0, len(flat.text)), flat)


def _own_statements(text: str, cue: re.Pattern[str], fields: Fields) -> Iterator[tuple[int, int]]:
    """Yield what follows a cue in sentences that are about this accident and no statistic."""
    date = str(fields.values.get("date", ""))
    for match in islice(cue.finditer(text), _STATEMENTS):
        begin = max(0, match.start() - _AROUND)
        low = max(begin, *(text.rfind(c, begin, match.start()) + 1 for c in "。；\n"))
        stop = _SENTENCE_END.search(text, match.end(), match.end() + _AROUND)
        end = stop.start() if stop is not None else min(match.end() + _AROUND, len(text))
        if not _is_own(text[low:end], fields.days):
            continue
        dates = (d.iso for d in find_dates(text, low, end) if d.iso is not None and not d.relative)
        if all(date.startswith(iso) for iso in dates):
            yield match.start(), end


def _is_own(sentence: str, days: set[tuple[int, int]]) -> bool:
    """Tell whether a sentence is no statistic and has no other accident's mark."""
    statistic = pattern("telling", "statistic").search(sentence)
    return statistic is None and _has_no_other_mark(sentence, days)


def _is_told_of_own(sentence: str, days: set[tuple[int, int]]) -> bool:
    """Tell whether a sentence without a date tells this accident, and not only in a title it cites.

    你局《…事故快报》收悉，你市…项目发生坍塌事故，造成1人死亡 does.
    """
    cited = sentence.rfind("》")
    outside = sentence[cited + 1 :]
    if cited >= 0 and pattern("telling", "happened").search(outside) is None:
        return False
    return _is_own(sentence, days) and sentence.count("《") == sentence.count("》")


def _has_no_other_mark(sentence: str, days: set[tuple[int, int]]) -> bool:
    if not days:
        return True
    printed = {day for mark in find_marks(sentence) for day in mark.days}
    return not printed or bool(printed & days)


def _agrees(fields: Fields, toll: Toll) -> bool:
    """Tell whether a toll repeats a number that is known, or nothing is known."""
    known = [
        (fields.values.get(name), stated)
        for name, stated in (("deaths", toll.deaths), ("injuries", toll.injuries))
    ]
    if all(value is None for value, _ in known):
        return True
    return any(stated is not None and stated.value == value for value, stated in known)


def _put_grade(view: View, fields: Fields) -> None:
    """Read the grade where the text says what this accident is: 该起事故是一起一般…事故."""
    if "grade" in fields.values:
        return
    found = list(_stated_grades(view.text, fields.days))
    if not found:
        return
    figures = grade_by_figures(fields.values.get("deaths"), fields.values.get("loss_yuan"))
    match = next((m for m in found if m.group() == figures), found[0])
    fields.put("grade", match.group(), match.span())


def _stated_grades(text: str, days: set[tuple[int, int]]) -> Iterator[re.Match[str]]:
    """Yield the grade words of sentences that say what this accident is."""
    for match in grade_pattern().finditer(text):
        begin = max(0, match.start() - _CLOSE)
        low = max(begin, *(text.rfind(c, begin, match.start()) + 1 for c in "。；"))
        before = text[low : match.start()].replace("\n", "")
        labelled = pattern("nature", "label").search(before) is not None
        if not labelled and not pattern("nature", "behind").match(text, match.end()):
            continue
        cues = list(pattern("nature", "cue").finditer(before))
        if not cues or "，" in before[cues[-1].end() :]:
            continue
        clause = before[before.rfind("，") + 1 :]
        if pattern("nature", "against").search(clause) or pattern("nature", "bound").search(clause):
            continue
        if _has_no_other_mark(before, days):
            yield match
