"""How an accident is called: its name in a title, and the grade and type inside a name.

Written forms: X公司“7·12”较大坍塌事故, 关于《…“7·12”一般触电事故调查报告》的批复, the other order
“6·3”硫化氢中毒一般事故. What is read is kept with its range in `Fields`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from extractor.reading.marks import Mark, find_marks
from extractor.reading.numerals import parse_number
from extractor.reading.sentences import Flat, flatten
from extractor.reading.tolls import Stated, Toll
from extractor.rules import load_toml
from extractor.view import View

_QUOTES = "”\"’'）的"


class Fields:
    """Collects values with their ranges; the first value of a field stays."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.values: dict[str, Any] = {}
        self.sources: dict[str, tuple[int, int]] = {}

    def put(self, name: str, value: str | int | None, span: tuple[int, int] | None) -> None:
        """Keep a value and its range, unless there is none or the field is known."""
        if value is not None and span is not None and name not in self.values:
            self.values[name] = value
            self.sources[name] = span

    def put_stated(self, name: str, stated: Stated | None, flat: Flat) -> None:
        """Keep a number that `flat` states."""
        if stated is not None:
            self.put(name, stated.value, flat.span(stated.start, stated.end))

    def put_toll(self, toll: Toll, flat: Flat) -> None:
        """Keep the deaths and injuries that `flat` states."""
        self.put_stated("deaths", toll.deaths, flat)
        self.put_stated("injuries", toll.injuries, flat)

    @property
    def days(self) -> set[tuple[int, int]]:
        """The accident's month and day by its mark; empty without one."""
        month, dot, day = self.values.get("mark", "").partition("·")
        return {(int(month), int(day))} if dot else set()


@cache
def accident_rules() -> dict[str, Any]:
    """Return the rows of accidents.toml."""
    return load_toml("accidents.toml")


@cache
def pattern(table: str, key: str) -> re.Pattern[str]:
    """Return one pattern of accidents.toml, compiled."""
    return re.compile(accident_rules()[table][key])


@cache
def grade_pattern() -> re.Pattern[str]:
    """Pattern of a grade that is no class: 较大, not 较大及以上."""
    return re.compile(
        rf"(?:{'|'.join(row['name'] for row in accident_rules()['grade'])})(?!及?以[上下])"
    )


@cache
def _type_pattern() -> re.Pattern[str]:
    """Pattern of the longest known type at the end of a text, with fillers behind it."""
    words = "|".join(sorted(accident_rules()["types"]["words"], key=len, reverse=True))
    return re.compile(rf"(?P<type>{words}){accident_rules()['types']['filler']}{{0,3}}$")


@cache
def _filler_end() -> re.Pattern[str]:
    return re.compile(rf"{accident_rules()['types']['filler']}{{1,3}}$")


def read_title(view: View, title: tuple[int, int] | None, fields: Fields) -> list[Mark]:
    """Read name, grade and type from the title; return the marks printed in it."""
    if title is None:
        return []
    flat = flatten(view, title)
    start, end = _name_range(flat.text)
    marks = find_marks(flat.text, start, end or len(flat.text))
    if end > start:
        fields.put("name", flat.text[start:end], flat.span(start, end))
        read_grade_and_type(flat, (start, end), marks[0].end if marks else start, fields)
    return [_in_view(flat, mark) for mark in marks]


def read_headline_toll(view: View, title: tuple[int, int] | None, fields: Fields) -> None:
    """Read the dead of a headline (一起4死…事故) where the text does not count them."""
    if title is None or "deaths" in fields.values:
        return
    flat = flatten(view, title)
    told = pattern("name", "toll").search(flat.text)
    value = parse_number(told.group(1)) if told is not None else None
    if told is not None and value is not None:
        fields.put("deaths", int(value), flat.span(*told.span()))


def _in_view(flat: Flat, mark: Mark) -> Mark:
    start, end = flat.span(mark.start, mark.end)
    return replace(mark, start=start, end=end)


def _name_range(title: str) -> tuple[int, int]:
    """Return where the accident's name stands in a title: from its first word to 事故."""
    start, stop = 0, len(title)
    opened = title.find("《")
    if opened >= 0 and "事故" in title[opened:]:
        start = opened + 1
        closed = title.find("》", start)
        stop = closed if closed >= 0 else stop
    about = title.rfind("关于", start, stop)
    if about >= 0:
        start = about + 2
    lead = pattern("name", "lead").match(title, start, stop)
    start = lead.end() if lead is not None else start
    named = pattern("name", "end").search(title, min(start + 1, stop), stop)
    return (start, named.end()) if named is not None and named.end() > start + 2 else (0, 0)


def read_grade_and_type(flat: Flat, name: tuple[int, int], after: int, fields: Fields) -> None:
    """Read 较大 and 坍塌 from …“7·12”较大坍塌事故, also in the order 酒精燃爆重大事故.

    `after` is where the mark ends: what stands between it and 事故 is grade and type.
    """
    start, end = name
    stop = end - 2 if flat.text[:end].endswith("事故") else end
    grades = list(grade_pattern().finditer(flat.text, min(after, stop), stop))
    grades = grades or list(grade_pattern().finditer(flat.text, start, stop))
    grade = grades[-1] if grades else None
    if grade is not None:
        fields.put("grade", grade.group(), flat.span(grade.start(), grade.end()))
    pieces = [(grade.end(), stop), (after, grade.start())] if grade else [(after, stop)]
    for low, high in pieces:
        found = _type_in(flat.text, low, high, whole=start < after <= low)
        if found is not None:
            fields.put("type", flat.text[slice(*found)], flat.span(*found))
            return


def _type_in(text: str, start: int, end: int, *, whole: bool) -> tuple[int, int] | None:
    """Return the type in `text[start:end]`: the whole stretch, or a known type at its end."""
    if start >= end:
        return None
    match = _type_pattern().search(text, start, end)
    known = match.span("type") if match is not None else None
    if not whole:
        return known
    low, high = start, end
    while low < high and text[low] in _QUOTES:
        low += 1
    filler = _filler_end().search(text, low, high)
    if filler is not None:
        high = filler.start()
    return (low, high) if 2 <= high - low <= 30 else known


def counts_several(view: View, title: tuple[int, int], marks: Sequence[Mark]) -> bool:
    """Tell whether the title is about several accidents (…等3起事故)."""
    days = {mark.days[0] for mark in marks}
    return len(days) > 1 and pattern("name", "several").search(view.text, *title) is not None
