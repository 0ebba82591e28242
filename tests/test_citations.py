"""Document numbers by table, by the measured table, and on hostile input."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.reading.citations import NumberMention, find_document_numbers
from tests.tables import rows, view_of, why


def _stated(mention: NumberMention) -> str:
    return " ".join((mention.normal, mention.kind, *mention.flags))


@pytest.mark.parametrize("row", rows("doc_numbers"), ids=why)
def test_numbers_and_traps(row: dict[str, Any]) -> None:
    found = find_document_numbers(view_of(row["text"]))
    assert [_stated(mention) for mention in found] == row["expect"]


def test_the_range_of_an_item_is_what_it_prints() -> None:
    view = view_of("文号（ 禾安委办 〔2021〕 第 9 号、11 号、12号至14号）")
    found = find_document_numbers(view)
    assert [view.text[m.start : m.end] for m in found] == [m.raw for m in found]
    assert [m.raw for m in found] == ["禾安委办〔2021〕第9号", "11号", *["12号至14号"] * 3]


def test_every_mention_counts() -> None:
    found = find_document_numbers(view_of("禾政发〔2020〕1号。按禾政发〔2020〕1号办理。"))
    assert [m.normal for m in found] == ["禾政发〔2020〕1号"] * 2


def test_measured_table(gold: Path) -> None:
    text = (gold / "docnums.tsv").read_text(encoding="utf-8")
    failed = []
    for row in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        found = find_document_numbers(view_of(row["input"]))
        wanted = [normal for normal in row["expected"].split(";") if normal]
        kinds = {row["kind"]} if wanted else set()
        if [m.normal for m in found] != wanted or {m.kind for m in found} != kinds:
            failed.append((row["id"], [_stated(m) for m in found]))
    assert failed == []


def test_measured_documents(gold: Path) -> None:
    wrong = []
    for truth in sorted((gold / "dev").glob("*.json")):
        found = find_document_numbers(view_of(truth.with_suffix(".txt").read_text("utf-8")))
        wanted = json.loads(truth.read_text(encoding="utf-8"))["document_numbers"]
        wrong += [(truth.stem, n) for n in {m.normal for m in found} ^ set(wanted)]
    assert wrong == []


_PIECES = st.sampled_from(
    [
        *"〔〕（）[]【】号第令字、至-年 \n",
        "2020",
        "12",
        "禾安委办",
        "禾应急罚",
        "刑初",
        "国务院",
        "的",
    ]
)


@given(st.lists(_PIECES, max_size=40).map("".join))
def test_what_is_found_is_in_the_text(text: str) -> None:
    view = view_of(text)
    found = find_document_numbers(view)
    assert [view.text[m.start : m.end] for m in found] == [m.raw for m in found]
    assert [m.start for m in found] == sorted(m.start for m in found)
    for mention in found:
        assert mention.normal.endswith("号") or "号之" in mention.normal
        assert len(mention.normal) < 60


@pytest.mark.parametrize(
    "piece",
    ["〔2020〕", "〔2020〕1、", "（", "）", "令1号", "字第1号", "局长府", "（长）", "发2020 1号"],
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    view = view_of(piece * (40_000 // len(piece)))
    began = time.perf_counter()
    find_document_numbers(view)
    assert time.perf_counter() - began < 2
