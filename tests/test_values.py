"""Dates, money, percentages, terms and deadlines by table, and on hostile input."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.reading.values import (
    find_amounts,
    find_dates,
    find_deadlines,
    find_percents,
    find_terms,
)
from tests.tables import rows, view_of, why


def _words(*parts: object) -> str:
    return " ".join(str(part) for part in parts if part not in ("", False))


def _flag(name: str, is_set: bool) -> str:
    return name if is_set else ""


@pytest.mark.parametrize("row", rows("dates"), ids=why)
def test_dates(row: dict[str, Any]) -> None:
    text = view_of(row["text"]).text
    stated = [
        _words(
            value.iso or "?",
            text[value.start : value.end],
            _flag("relative", value.relative),
            _flag("repaired", value.repaired),
            "|".join(value.candidates),
        )
        for value in find_dates(text)
    ]
    assert stated == row["expect"]


@pytest.mark.parametrize("row", rows("dates", "with_year"), ids=why)
def test_dates_in_a_document_with_a_year(row: dict[str, Any]) -> None:
    assert [value.iso for value in find_dates(row["text"], year=row["year"])] == row["expect"]


@pytest.mark.parametrize("row", rows("money"), ids=why)
def test_amounts(row: dict[str, Any]) -> None:
    text = view_of(row["text"]).text
    stated = [
        _words(
            amount.yuan,
            text[amount.start : amount.end],
            _flag("approx", amount.approx),
            _flag("bound", amount.bound),
        )
        for amount in find_amounts(text)
    ]
    assert stated == row["expect"]


def test_amount_keeps_the_exact_value() -> None:
    (amount,) = find_amounts("损失610701.6元")
    assert (amount.exact, amount.yuan) == (Fraction("610701.6"), 610702)


@pytest.mark.parametrize("row", rows("money", "percent"), ids=why)
def test_percentages(row: dict[str, Any]) -> None:
    stated = [
        _words(percent.value, _flag("income", percent.of_income), _flag("bound", percent.bound))
        for percent in find_percents(view_of(row["text"]).text)
    ]
    assert stated == row["expect"]


@pytest.mark.parametrize("row", rows("terms", "term"), ids=why)
def test_terms(row: dict[str, Any]) -> None:
    text = view_of(row["text"]).text
    found = find_terms(text)
    assert [text[term.start : term.end] for term in found] == [term.raw for term in found]
    assert [f"{t.label} {t.raw} {t.months} {t.days}" for t in found] == row["expect"]


def test_a_ban_for_life_has_no_length() -> None:
    (for_life,) = find_terms("终身不得担任")
    (years,) = find_terms("五年内不得担任")
    assert for_life.is_lifelong and not years.is_lifelong


@pytest.mark.parametrize("row", rows("terms", "deadline"), ids=why)
def test_deadlines(row: dict[str, Any]) -> None:
    text = view_of(row["text"]).text
    found = find_deadlines(text, year=2023)
    assert [text[due.start : due.end] for due in found] == [due.raw for due in found]
    stated = [_words(d.raw, d.date, d.recurring, _flag("repaired", d.repaired)) for d in found]
    assert stated == row["expect"]


def test_only_the_range_is_read() -> None:
    text = "2020年1月2日罚款5万元，2021年3月4日罚款6万元。"
    at = text.index("2021")
    assert [value.iso for value in find_dates(text, at)] == ["2021-03-04"]
    assert [amount.yuan for amount in find_amounts(text, at, len(text) - 1)] == [60000]
    assert [amount.yuan for amount in find_amounts(text, 0, at)] == [50000]


@given(st.dates(min_value=date(1950, 1, 1), max_value=date(2099, 12, 31)))
def test_every_calendar_date_is_read(day: date) -> None:
    for text in (f"{day.year}年{day.month}月{day.day}日", day.isoformat()):
        assert [value.iso for value in find_dates(text)] == [day.isoformat()]


_PIECES = st.sampled_from(
    [*"年月日万亿元圆%，.、至前内每第余约0123456789一二十百拾佰年底起自后", "2020", "百分之"]
)


@given(st.lists(_PIECES, max_size=40).map("".join))
def test_ranges_are_ordered_and_inside(text: str) -> None:
    finders: list[Callable[[str], list[Any]]] = [
        *(find_dates, find_amounts, find_percents, find_terms, find_deadlines)
    ]
    for find in finders:
        found = find(text)
        assert all(0 <= value.start < value.end <= len(text) for value in found)
        assert [value.start for value in found] == sorted(value.start for value in found)
        assert all(a.end <= b.start for a, b in pairwise(found))


@pytest.mark.parametrize(
    "piece", ["一", "1", "1，", "1万", "元", "2020年", "1日、", "自", "内", "每年", "%"]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    text = piece * (40_000 // len(piece))
    began = time.perf_counter()
    for find in (find_dates, find_amounts, find_percents, find_terms, find_deadlines):
        find(text)
    assert time.perf_counter() - began < 3
