"""What the words of an outcome document do to the status of a row."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.checklist.assemble import build_checklist
from extractor.checklist.model import (
    STATUS_LABELS,
    Status,
)
from tests.factories import (
    FIRM,
    LIU,
    WANG,
    codes,
    document,
    evaluation,
    extraction,
    only_row,
    party,
    penalty,
    report,
)

PARTIES = {"firm": FIRM, "official": WANG, "manager": LIU}
TABLE = Path(__file__).parent / "data" / "cases" / "statuses.toml"
STATUSES: list[dict[str, str]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))["row"]


@pytest.mark.parametrize("row", STATUSES, ids=lambda row: row["text"])
def test_status_of_a_row(row: dict[str, str]) -> None:
    stated = (row["quote"], PARTIES[row["who"]], row["kind"], {"stage": row["stage"]})
    assert only_row(evaluation(row["text"], stated)).status == row["status"]


def test_every_status_is_reached_and_labelled() -> None:
    assert {row["status"] for row in STATUSES} == set(Status) == set(STATUS_LABELS)


def test_a_proposal_alone_is_unverified() -> None:
    row = only_row(report("建议对宏远公司处罚款30万元。", ("处罚款30万元", FIRM, "admin.fine", {})))
    assert (row.status, row.actual, row.evidence, row.hints) == (Status.UNVERIFIED, None, [], [])


@pytest.mark.parametrize(
    ("text", "quote", "kind", "stage", "status"),
    [
        # A dead person needs no outcome.
        ("鉴于刘小满已死亡，免于追究责任。", "免于追究责任", "none.dead", "proposed", "na"),
        # An arrest that the report states is a running case.
        ("刘小满已被批准逮捕。", "批准逮捕", "crim.arrested", "decided", "ongoing"),
        ("建议移送司法机关。", "移送司法机关", "crim.transferred", "proposed", "unverified"),
    ],
)
def test_what_the_report_itself_decides(
    text: str, quote: str, kind: str, stage: str, status: str
) -> None:
    assert only_row(report(text, (quote, LIU, kind, {"stage": stage}))).status == status


@pytest.mark.parametrize(
    ("paid", "statuses"),
    [
        pytest.param("鼎新劳务有限公司已缴纳", ["unverified", "done"], id="one has paid"),
        pytest.param("均已缴纳", ["done", "done"], id="each has paid"),
    ],
)
def test_a_cue_belongs_to_its_own_sanction_only(paid: str, statuses: list[str]) -> None:
    """What one party has paid says nothing of another; 均 says it of all in the sentence."""
    other = party("鼎新劳务有限公司", "organization")
    rows = build_checklist(
        [
            evaluation(
                f"对宏远公司处罚款30万元，对鼎新劳务有限公司处罚款20万元，{paid}。",
                ("处罚款30万元", FIRM, "admin.fine", {}),
                ("处罚款20万元", other, "admin.fine", {}),
            )
        ]
    ).accountability
    assert [row.status for row in rows] == statuses


def test_the_next_sentence_counts_only_when_it_names_nobody_else() -> None:
    other = party("鼎新劳务有限公司", "organization")
    text = "对宏远公司处罚款30万元。鼎新劳务有限公司已缴纳罚款。"
    source = evaluation(text, ("处罚款30万元", FIRM, "admin.fine", {}), parties=[FIRM, other])
    assert only_row(source).status is Status.UNVERIFIED


def test_execution_is_the_exact_clause_and_is_evidence() -> None:
    text = "对宏远公司处罚款30万元，罚款已于6月缴纳完毕，未发现其他问题。"
    source = evaluation(text, ("处罚款30万元", FIRM, "admin.fine", {}))
    row = only_row(source)
    assert row.execution == "罚款已于6月缴纳完毕"
    assert row.execution in [quote.quote for quote in row.evidence]
    assert all(source[0].text[q.start : q.end] == q.quote for q in (*row.evidence, *row.sources))


def test_a_press_report_sets_no_status() -> None:
    doc = document("宏远公司被罚款30万元，已缴纳。", "新闻.txt")
    paid = penalty(doc, "罚款30万元", FIRM, "admin.fine", stage="executed")
    row = only_row((doc, extraction(doc, "MEDIA", parties=[FIRM], penalties=[paid])))
    assert row.status is Status.UNVERIFIED
    assert "p" in codes(row.hints)


WORDS = st.sampled_from(
    [
        "处罚款30万元",
        "已缴纳",
        "未",
        "均",
        "落实到位",
        "所有",
        "，",
        "。",
        "；",
        "\n",
        "宏远公司",
        "移送",
        "已给予",
        "处分",
    ]
)


@given(st.lists(WORDS, min_size=2, max_size=30), st.data())
def test_any_text_gives_rows_with_exact_quotes(words: list[str], data: st.DataObject) -> None:
    doc = document("".join(["甲", *words]))
    rows = []
    for at in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(doc.text) - 1))
        end = data.draw(st.integers(start + 1, len(doc.text)))
        kind = data.draw(st.sampled_from(["admin.fine", "gov.warning", "crim.bail", "none.dead"]))
        stage = data.draw(st.sampled_from(["proposed", "decided", "executed", "not_executed"]))
        first = penalty(doc, "甲", FIRM, kind, stage=stage, id=f"k{at}")
        rows.append(first.model_copy(update={"start": start, "end": end}))
    found = build_checklist([(doc, extraction(doc, "EVAL", parties=[FIRM], penalties=rows))])
    assert found.accountability
    for row in found.accountability:
        quotes = [*row.sources, *row.evidence]
        assert all(doc.text[q.start : q.end] == q.quote for q in quotes)
        assert row.status is not Status.DONE or row.execution or row.actual
