"""Citations of laws by table, against the measured documents, and on hostile input."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.reading.laws import find_law_citations
from extractor.rules import load_toml
from tests.tables import rows, view_of, why


@pytest.mark.parametrize("row", rows("citations"), ids=why)
def test_citations(row: dict[str, Any]) -> None:
    found = find_law_citations(view_of(row["text"]))
    assert [" ".join((str(c.role), *(c.articles or (c.law,)))) for c in found] == row["expect"]


def test_the_range_holds_the_name_and_the_articles() -> None:
    view = view_of("其违反了《安全生产法》（2014年修正）第五条“甲”、第六条第二款“乙”的规定")
    (citation,) = find_law_citations(view)
    quoted = view.text[citation.start : citation.end]
    assert quoted.startswith("《安全生产法》") and quoted.endswith("第六条第二款")


def test_every_basis_of_the_measured_documents_is_read(gold: Path) -> None:
    missing = []
    for truth in sorted((gold / "dev").glob("*.json")):
        found = find_law_citations(view_of(truth.with_suffix(".txt").read_text("utf-8")))
        read = {article for c in found if c.role == "basis" for article in c.articles}
        penalties = json.loads(truth.read_text(encoding="utf-8"))["penalties"]
        wanted = {article for penalty in penalties for article in penalty.get("basis") or []}
        missing += [(truth.stem, article) for article in wanted - read]
    assert missing == []


def test_short_names_lead_to_laws() -> None:
    table = load_toml("laws.toml")
    assert set(table["short"]) & set(table["names"]) == set()
    assert set(table["short"].values()) <= set(table["names"])
    assert len(table["names"]) == len(set(table["names"]))


_PIECES = st.sampled_from(
    [*"《》（）“”第条款项、和的。\n一二", "安全生产法", "该法", "违反", "依据", "以下简称"]
)


@given(st.lists(_PIECES, max_size=50).map("".join))
def test_ranges_are_ordered_and_inside(text: str) -> None:
    view = view_of(text)
    found = find_law_citations(view)
    assert all(0 <= c.start < c.end <= len(view.text) for c in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert all(article.startswith(f"{c.law}#") for c in found for article in c.articles)


@pytest.mark.parametrize(
    "piece", ["《", "《a", "第一条", "第一、", "《消防法》第一条“", "该法第一条", "（"]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    view = view_of(piece * (40_000 // len(piece)))
    began = time.perf_counter()
    find_law_citations(view)
    assert time.perf_counter() - began < 2
