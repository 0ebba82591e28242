"""Problems and suggestions, row by row of data/cases/opinions.toml."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.reading.opinions import (
    ProblemReading,
    SuggestionReading,
    read_problems,
    read_suggestions,
)
from extractor.reading.outline import read_outline
from extractor.view import View
from tests.tables import rows, view_of, why

Readings = list[ProblemReading] | list[SuggestionReading]


def check(view: View, found: Readings, lines: list[str]) -> None:
    """Compare records with the lines of a row."""
    quotes = [view.text[r.start : r.end] for r in found]
    assert len(quotes) == len(lines), quotes
    for reading, quote, line in zip(found, quotes, lines, strict=True):
        record, *fields = line.split(" | ")
        begin, mark, end = record.partition("…")
        assert quote.startswith(begin) and quote.endswith(end) if mark else quote == record, quote
        for field in fields:
            key, _, expected = field.partition("=")
            got = getattr(reading, key)
            assert ("+".join(got) if isinstance(got, tuple) else str(got)) == expected, quote


@pytest.mark.parametrize("row", rows("opinions"), ids=why)
def test_row(row: dict[str, Any]) -> None:
    kind = row.get("kind", "EVAL")
    view = view_of(row["text"])
    outline = read_outline(view, kind)
    check(view, read_problems(view, outline, kind), row["problems"])
    check(view, read_suggestions(view, outline, kind), row["suggestions"])


@given(st.text("一二（）1.。；，：是要但仍存在问题建议\n甲公司未落实", max_size=160))
def test_records_are_in_order(text: str) -> None:
    view = view_of(f"一、评估结论\n{text}\n二、存在的问题\n{text}\n三、工作建议\n{text}")
    outline = read_outline(view, "EVAL")
    for found in (read_problems(view, outline, "EVAL"), read_suggestions(view, outline, "EVAL")):
        end = 0
        for reading in found:
            assert end <= reading.start < reading.end
            end = reading.end
