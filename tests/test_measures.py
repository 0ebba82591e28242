"""Measures, row by row of data/cases/{measures,acting,actors}.toml, and over any text."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.reading.actors import find_subjects, heading_units, split_names
from extractor.reading.measures import MeasureReading, read_measures
from extractor.reading.outline import read_outline
from extractor.view import View
from tests.tables import rows, view_of, why

CHAPTERS = {
    "INV": "一、事故防范和整改措施",
    "EVAL": "一、整改措施落实情况",
    "SELF": "一、整改措施落实情况",
    "PLAN": "一、重点任务",
    "NOTICE": "一、重点任务",
}


def read(text: str, kind: str, known: list[list[str]]) -> tuple[View, list[MeasureReading]]:
    """Read the measures of a text."""
    view = view_of(text)
    units = [tuple(group) for group in known]
    return view, read_measures(view, read_outline(view, kind), kind, known_units=units)


def fits(quote: str, wanted: str) -> bool:
    """Compare a record with the row: the whole of it, or its begin…end."""
    begin, mark, end = wanted.partition("…")
    return quote.startswith(begin) and quote.endswith(end) if mark else quote == wanted


def value(reading: MeasureReading, key: str) -> str:
    """Return one field as the rows write it."""
    if key in ("deadline", "date"):
        due = reading.deadline
        return (due.raw if key == "deadline" else due.date or "") if due else ""
    found = getattr(reading, key)
    return "+".join(found) if isinstance(found, tuple) else str(found)


@pytest.mark.parametrize("row", [*rows("measures"), *rows("acting")], ids=why)
def test_row(row: dict[str, Any]) -> None:
    kind = row.get("kind", "INV")
    text = row["text"] if row.get("whole") else f"{CHAPTERS[kind]}\n{row['text']}"
    view, found = read(text, kind, row.get("known", []))
    quotes = [view.text[m.start : m.end] for m in found]
    wanted = [line.split(" | ") for line in row["expect"]]
    assert len(quotes) == len(wanted), quotes
    for reading, quote, (record, *fields) in zip(found, quotes, wanted, strict=True):
        assert fits(quote, record), quote
        for field in fields:
            key, _, expected = field.partition("=")
            assert value(reading, key) == expected, (key, quote)


@pytest.mark.parametrize("row", rows("actors", "subject"), ids=why)
def test_subject(row: dict[str, Any]) -> None:
    text = row["text"]
    found = find_subjects(text, 0, len(text), row.get("manner", "required"))
    assert list(found.actors) == row["expect"]
    assert list(found.lead) == row.get("lead", list(found.lead))
    assert list(found.support) == row.get("support", [])


@pytest.mark.parametrize("row", rows("actors", "names"), ids=why)
def test_names_of_a_list(row: dict[str, Any]) -> None:
    assert split_names(row["text"]) == row["expect"]


@pytest.mark.parametrize("row", rows("actors", "headings"), ids=why)
def test_units_of_a_heading(row: dict[str, Any]) -> None:
    assert list(heading_units(row["text"])) == row["expect"]


@given(st.text("一二（）1.。；，：是要\n甲公司镇政府开展检查落实由牵头、和已", max_size=160))
def test_records_are_in_order_and_actors_are_printed(text: str) -> None:
    for kind in ("INV", "EVAL", "NOTICE"):
        chapter = f"{CHAPTERS[kind]}\n"
        view, found = read(chapter + text, kind, [])
        end = 0
        for reading in found:
            assert end <= reading.start < reading.end
            end = reading.end
            bare = view.text.replace("\n", "")
            assert all(name in bare for name in reading.actors)
            assert set(reading.lead) <= set(reading.actors)
            assert set(reading.support) <= set(reading.actors)


@pytest.mark.parametrize(
    "piece",
    [
        "甲、",
        "由甲",
        "要",
        "（",
        "公司和",
        "甲公司要；",
        "一是甲公司要查。二是",
        "等部门",
        "1.甲。\n",
    ],
)
@pytest.mark.parametrize("kind", ["INV", "EVAL", "NOTICE"])
def test_hostile_text_takes_linear_time(piece: str, kind: str) -> None:
    def seconds(count: int) -> float:
        view = view_of(f"{CHAPTERS[kind]}\n{piece * count}")
        outline = read_outline(view, kind)
        begun = time.perf_counter()
        read_measures(view, outline, kind)
        return time.perf_counter() - begun

    seconds(50)
    small = min(seconds(300) for _ in range(3))
    large = min(seconds(1200) for _ in range(3))
    assert large < 12 * small + 0.05
