"""What has to be checked: the gap rules and the legal bands of fines."""

from __future__ import annotations

import re
from datetime import date

import pytest

from extractor.checklist.assemble import build_checklist
from extractor.checklist.bands import find_band, outside_band
from extractor.checklist.hints import plain_hint
from extractor.checklist.model import (
    Status,
)
from extractor.checklist.wording import describe_treatment, format_yuan
from extractor.extraction import Penalty, WarningRecord
from extractor.rules import load_toml
from tests.conftest import ROOT
from tests.factories import (
    FIRM,
    LIU,
    WANG,
    Stated,
    accident,
    codes,
    document,
    evaluation,
    extraction,
    number,
    only_row,
    party,
    penalty,
    report,
)

GROUP2 = party("2名涉嫌犯罪人员", "group", count=2)
GROUP3 = party("3名涉嫌犯罪人员", "group", count=3)
YEAR2023 = accident(date="2023-03-05", grade="一般")


def fine(amount: int, **more: object) -> Stated:
    return ("罚款", FIRM, "admin.fine", {"amount_yuan": amount, "document_numbers": ["n"], **more})


NUMBERED = {"document_numbers": [number("青应急罚〔2023〕8号", id="n")]}
HINTS: list[tuple[str, list[Stated], list[Stated], str]] = [
    ("", [fine(300_000)], [fine(300_000)], "nothing to ask"),
    ("a", [fine(300_000)], [], "no outcome"),
    (
        "b",
        [fine(300_000)],
        [fine(300_000), ("教育", WANG, "org.criticism", {})],
        "not proposed",
    ),
    ("c", [fine(300_000)], [fine(350_000)], "another amount"),
    (
        "c",
        [("罚款", WANG, "gov.demerit", {})],
        [("罚款", WANG, "gov.warning", {"document_numbers": ["n"]})],
        "another kind",
    ),
    ("c", [fine(300_000, term="30日")], [fine(300_000, term="60日")], "another term"),
    (
        "d",
        [("罚款", GROUP2, "crim.transferred", {})],
        [("罚款", GROUP3, "crim.filed", {})],
        "3 for 2",
    ),
    (
        "d",
        [("罚款", GROUP2, "crim.transferred", {})],
        [("罚款", GROUP2, "crim.prosecuted", {"document_numbers": ["n"]})],
        "two persons, one paper",
    ),
    ("e", [fine(300_000)], [fine(300_000, document_numbers=[])], "no document number"),
    (
        "f",
        [("罚款", LIU, "crim.transferred", {})],
        [("罚款", LIU, "crim.not_prosecuted", {"document_numbers": ["n"]})],
        "dropped",
    ),
    (
        "g",
        [fine(300_000, organ="青石县应急管理局")],
        [fine(300_000, organ="青石县消防救援大队")],
        "another organ",
    ),
    (
        "",
        [fine(300_000, organ="青石县应急管理局")],
        [fine(300_000, organ="县应急管理局")],
        "the same organ, shortened",
    ),
    (
        "",
        [fine(300_000, organ="有关部门")],
        [fine(300_000, organ="县应急管理局")],
        "a class of organs",
    ),
    ("h", [fine(50_000)], [fine(50_000)], "below the band"),
    (
        "",
        [fine(50_000, basis=["建筑法#64"])],
        [fine(50_000, basis=["建筑法#64"])],
        "another law",
    ),
]


@pytest.mark.parametrize(("expected", "proposed", "actual", "why"), HINTS)
def test_gap_rules_of_accountability(
    expected: str, proposed: list[Stated], actual: list[Stated], why: str
) -> None:
    inv = report("建议罚款。", *proposed, accident=YEAR2023, **NUMBERED)
    ev = evaluation("已罚款，已缴纳，教育。", *actual, **NUMBERED)
    rows = build_checklist([inv, ev]).accountability
    hints = [hint for row in rows for hint in row.hints]
    assert codes(hints) == expected, (why, hints)


def test_every_hint_has_a_code_and_asks_to_check() -> None:
    table = load_toml("hints.toml")["hint"]
    assert [row["code"] for row in table] == list("abcdefghijklmnopqr")
    assert all(row["text"].startswith("请核实") and row["about"] for row in table)
    row = only_row(report("建议罚款。", fine(300_000)), evaluation("没有内容"))
    assert re.fullmatch(r"\[a\] 请核实：.+。", row.hints[0])
    assert plain_hint(row.hints[0]).startswith("请核实：")


def test_persons_by_name_and_a_counted_group_are_compared() -> None:
    he = party("何一鸣")
    inv = report(
        "建议将刘小满、何一鸣移送司法机关。",
        ("移送司法机关", LIU, "crim.transferred", {}),
        ("移送司法机关", he, "crim.transferred", {}),
    )
    ev = evaluation("2名涉嫌犯罪人员已移送。", ("已移送", GROUP2, "crim.transferred", {}))
    group = build_checklist([inv, ev]).accountability[-1]
    assert group.party.kind == "group" and "d" in codes(group.hints)


def test_a_number_of_non_prosecution_changes_a_transferred_group() -> None:
    ev = evaluation(
        "2名涉嫌犯罪人员移送司法机关，责任追究已落实到位。\n青检刑不诉〔2023〕5号、6号",
        ("移送司法机关", GROUP2, "crim.transferred", {"document_numbers": ["x", "y"]}),
        document_numbers=[
            number("青检刑不诉〔2023〕5号", "procuratorate", id="x"),
            number("青检刑不诉〔2023〕6号", "procuratorate", id="y"),
        ],
    )
    row = only_row(ev)
    assert row.status is Status.CHANGED
    assert row.claimed_done
    assert codes(row.hints) == "f"


def test_a_general_claim_is_recorded_and_questioned() -> None:
    text = "给予王大有政务警告处分。经核查，所有责任追究已全部落实到位。"
    row = only_row(evaluation(text, ("给予王大有政务警告处分", WANG, "gov.warning", {})))
    assert (row.status, row.claimed_done) == (Status.UNVERIFIED, True)
    assert "o" in codes(row.hints)


def test_a_contradiction_between_outcomes_withholds_done() -> None:
    one = document("宏远公司罚款30万元，已缴纳。", "自评.txt")
    paid = penalty(one, "罚款30万元", FIRM, "admin.fine", stage="executed")
    ev = evaluation("宏远公司罚款30万元，尚未缴纳。", ("罚款30万元", FIRM, "admin.fine", {}))
    row = only_row((one, extraction(one, "SELF", parties=[FIRM], penalties=[paid])), ev)
    assert row.status is Status.NOT_DONE
    assert "c" in codes(row.hints)


def test_case_hints_for_different_accidents() -> None:
    inv = report("一", accident=accident(date="2023-03-05", mark="3·5"))
    ev = evaluation("二", accident=accident(date="2023-04-06", mark="4·6"))
    assert codes(build_checklist([inv, ev]).case.hints) == "mm"


@pytest.mark.parametrize(
    ("amount", "percent", "basis", "kind", "grade", "day", "outside"),
    [
        (600_000, None, [], "organization", "较大", "2019-07-12", False),
        (220_000, None, ["安全生产法#109.1"], "organization", "一般", "2021-05-24", False),
        (320_000, None, ["安全生产法#114.1.1"], "organization", "一般", "2022-12-12", False),
        (650_000, None, ["安全生产法#114"], "organization", "一般", "2024-05-11", False),
        (220_000, None, ["安全生产法#114"], "organization", "一般", "2022-05-24", True),
        (1_000_001, None, ["安全生产法#114"], "organization", "一般", "2022-05-24", True),
        (1_000_000, None, ["安全生产法#114"], "organization", "一般", "2022-05-24", False),
        (50_000, None, ["建筑法#64"], "organization", "一般", "2022-05-24", None),
        (50_000, None, [], "person", "一般", "2022-05-24", None),
        (None, 40.0, ["安全生产法#95.1.1"], "person", "一般", "2022-05-24", False),
        (None, 30.0, ["安全生产法#95"], "person", "一般", "2022-05-24", True),
        (None, 30.0, ["安全生产法#92"], "person", "一般", "2020-05-24", False),
        (None, 50.0, ["安全生产法#96"], "person", "较大", "2022-05-24", False),
        (None, 50.0, [], "person", "较大", "2022-05-24", None),
        (600_000, None, [], "organization", None, "2022-05-24", None),
        (None, None, ["安全生产法#114"], "organization", "一般", "2022-05-24", None),
        (None, 40.0, ["安全生产法#95"], "organization", "一般", "2022-05-24", None),
    ],
)
def test_legal_bands(  # type: ignore[no-untyped-def]
    amount, percent, basis, kind, grade, day, outside
) -> None:
    fined = Penalty(
        id="k", party="p", kind="admin.fine", stage="proposed", amount_yuan=amount,
        income_percent=percent, basis=basis, start=0, end=1, confidence=1, rule="t",
    )  # fmt: skip
    who = party("某人", kind)
    band = find_band(fined, who, grade, date.fromisoformat(day))
    assert (None if band is None else outside_band(fined, band)) is outside
    assert band is None or "《安全生产法》第" in band.describe()


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (600_000, "60万元"),
        (33_000, "3.3万元"),
        (1_200_500, "120.05万元"),
        (4_512, "4512元"),
        (62_251, "62251元"),
        (100_000_000, "10000万元"),
    ],
)
def test_sums_in_words(amount: int, text: str) -> None:
    assert format_yuan(amount) == text


def test_a_treatment_in_words() -> None:
    inv = report(
        "建议罚款。",
        ("罚款", WANG, "org.written_self_criticism", {"recipient": "青石县人民政府"}),
    )
    treatment = only_row(inv).proposed
    assert treatment is not None
    assert describe_treatment(treatment) == "书面检查（向青石县人民政府）"


def test_what_could_not_be_read_is_told_for_each_document() -> None:
    """A warning of a document stands in the case; beyond ten they are counted."""
    doc, result = report("建议罚款。", fine(300_000))
    warned = [
        WarningRecord(code="party_unread", message=f"正文第{i}处没有读出。") for i in range(12)
    ]
    record = result.document.model_copy(update={"warnings": warned})
    source = (doc, result.model_copy(update={"document": record}))
    hints = [h for h in build_checklist([source]).case.hints if h.startswith("[q]")]
    assert len(hints) == 11
    assert "正文第0处没有读出" in hints[0]
    assert "另有2处" in hints[-1]


def test_the_manual_names_every_hint_status_and_rule() -> None:
    manual = (ROOT / "docs" / "checklist.md").read_text("utf-8")
    for row in load_toml("hints.toml")["hint"]:
        assert f"| {row['code']} | {row['about']} |" in manual
    for status in Status:
        assert f"| `{status.value}` | {status.label} |" in manual
    for row in load_toml("windows.toml")["window"]:
        assert f"| {row['rule']} |" in manual
