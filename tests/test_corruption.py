"""The false grounding test: what is changed is wrong, and the checker is asked about just that."""

from __future__ import annotations

from decimal import Decimal

import pytest

from corpus import corruption
from corpus.build_samples import SAMPLES
from corpus.corruption import FieldCount, count_accepted, totals
from corpus.evaluate import Reading, read_all, select_gold
from corpus.printed import (
    digit_runs,
    printed_numbers,
    prints_date,
    prints_kind,
    prints_mark,
)
from extractor.grounding import Flaw

# Every field that the test knows how to make wrong.
REFUSED = (
    "accident.date",
    "accident.deaths",
    "accident.injuries",
    "accident.loss_yuan",
    "accident.mark",
    "document_numbers.normal",
    "document_numbers.normal（elided）",
    "document_numbers.normal（代字）",
    "document_numbers.normal（repaired）",
    "measures.actors",
    "measures.lead",
    "measures.support",
    "parties.employer",
    "parties.name",
    "parties.title",
    "penalties.amount_yuan",
    "penalties.basis",
    "penalties.basis（法名）",
    "penalties.kind",
    "penalties.start",
    "penalties.income_percent",
    "penalties.organ",
    "penalties.recipient",
    "penalties.term",
    "problems.units",
    "suggestions.addressees",
)


@pytest.fixture(scope="module")
def sources() -> list[tuple[str, Reading]]:
    """The invented documents and what is read from them."""
    files = select_gold(SAMPLES.parent / "styles")
    return list(zip([file.gold.id for file in files], read_all(files), strict=True))


@pytest.fixture(scope="module")
def counts(sources: list[tuple[str, Reading]]) -> dict[str, FieldCount]:
    """Some forty wrong values of every field."""
    return {row.field: row for row in count_accepted(sources, 1000)}


@pytest.mark.parametrize("field", REFUSED)
def test_no_wrong_value_is_accepted(counts: dict[str, FieldCount], field: str) -> None:
    assert counts[field].tried >= 30
    assert counts[field].accepted == ()


def test_as_many_are_tried_as_asked_for(counts: dict[str, FieldCount]) -> None:
    assert totals(counts.values())[1] == 1000


def test_the_draw_is_repeated_exactly(
    sources: list[tuple[str, Reading]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checker that accepts everything shows what was drawn."""
    monkeypatch.setattr(corruption, "find_ungrounded", lambda *_: iter(()))
    once, again, other = (count_accepted(sources, 200, seed) for seed in (1, 1, 2))
    assert once == again
    assert once != other


def test_nothing_to_change() -> None:
    assert count_accepted([], 10) == []


def test_a_checker_that_accepts_everything_is_told(
    sources: list[tuple[str, Reading]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every value drawn then counts, with where it was, what it became and what is printed."""
    nothing: list[Flaw] = []
    monkeypatch.setattr(corruption, "find_ungrounded", lambda *_: iter(nothing))
    rows = count_accepted(sources, 500)
    assert totals(rows) == (500, 500)
    for row in rows:
        for each in row.accepted:
            assert each.was != each.now
            assert each.document and each.record and each.words


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        pytest.param("处30万元罚款", {30, 300_000}, id="with and without its unit"),
        pytest.param("损失1,234.5万元", {Decimal("1234.5"), 12_345_000}, id="commas and decimals"),
        pytest.param("1.5亿元", {Decimal("1.5"), 150_000_000}, id="hundred millions"),
        pytest.param("3千万元", {3, 30_000_000}, id="two units"),
        pytest.param("肆拾万元", {400_000, 40}, id="capital numerals"),
        pytest.param("百分之四十", {40, 4}, id="Chinese percentage"),
    ],
)
def test_printed_numbers(words: str, numbers: set[object]) -> None:
    assert numbers <= set(printed_numbers(words))


@pytest.mark.parametrize(
    ("is_printed", "expected"),
    [
        pytest.param(prints_date("2022年7月12日", "2022-07-12"), True, id="date"),
        pytest.param(prints_date("2022年7月12日", "2022-07-01"), False, id="a day within a day"),
        pytest.param(prints_mark("“7·12”", "7·12"), True, id="mark"),
        pytest.param(prints_mark("“0712”", "7·12"), True, id="mark with zeros"),
        pytest.param(prints_mark("“11·24”", "1·24"), False, id="mark within a mark"),
        pytest.param(prints_kind("建议给予警告", "gov.warning"), True, id="bare word of a kind"),
        pytest.param(prints_kind("处3万元罚款", "admin.fine"), True, id="kind"),
        pytest.param(prints_kind("作出书面检查", "admin.fine"), False, id="another kind"),
    ],
)
def test_what_is_printed(is_printed: bool, expected: bool) -> None:
    assert is_printed == expected


def test_runs_of_digits_have_no_leading_zeros() -> None:
    assert digit_runs("〔2022〕0015号0") == ["2022", "15", "0"]
