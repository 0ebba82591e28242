"""Table B: measures and what was reported of them."""

from __future__ import annotations

import time

import pytest

from extractor.checklist.assemble import build_checklist
from extractor.checklist.identity import same_unit
from extractor.checklist.model import (
    Checklist,
    Status,
)
from extractor.checklist.rectification import is_class, meets_actor
from tests.factories import (
    codes,
    document,
    extraction,
    measure,
    section,
)

INV_MEASURES = (
    "一是宏远公司要更换老化电缆并建立电气设备台账。\n"
    "二是青石县应急管理局要开展有限空间作业专项检查。\n三是各企业要加强安全培训。"
)
EVAL_MEASURES = (
    "宏远公司更换老化电缆3000米，电气设备台账已建立。\n宏远公司组织职工篮球比赛。\n"
    "青石县应急管理局开展有限空间作业专项检查，检查企业45家。\n青石县消防救援大队开展电缆检查。"
)


def measured() -> Checklist:
    inv_doc, ev_doc = document(INV_MEASURES, "报告.txt"), document(EVAL_MEASURES, "评估.txt")
    lines = INV_MEASURES.split("\n")
    required = [
        measure(inv_doc, lines[0], "宏远公司"),
        measure(inv_doc, lines[1], "青石县应急管理局"),
        measure(inv_doc, lines[2], "各企业"),
    ]
    told = EVAL_MEASURES.split("\n")
    done = {"modality": "reported", "specificity": "specific"}
    reported = [
        measure(ev_doc, told[0], "宏远建设有限公司", **done),
        measure(ev_doc, told[1], "宏远公司", modality="reported"),
        measure(ev_doc, told[2], "县应急管理局", **done),
        measure(ev_doc, told[3], "青石县消防救援大队", **done),
    ]
    return build_checklist(
        [
            (inv_doc, extraction(inv_doc, measures=required)),
            (ev_doc, extraction(ev_doc, "EVAL", measures=reported)),
        ]
    )


def test_each_required_measure_is_a_row_in_order() -> None:
    rows = measured().measures
    assert [row.requirement for row in rows] == INV_MEASURES.split("\n")
    assert all(row.status is Status.UNVERIFIED for row in rows)
    assert rows[1].expected_evidence == ["检查记录、台账", "整改复查意见"]


def test_reported_measures_are_suggested_by_unit_and_words() -> None:
    rows = measured().measures
    assert [r.quote[:6] for r in rows[0].reported][:1] == ["宏远公司更换"]
    assert [r.quote[:6] for r in rows[1].reported] == ["青石县应急管"]
    assert all(r.suggested and 0 < r.score <= 1 for row in rows for r in row.reported)
    assert all(len(row.reported) <= 3 for row in rows)


def test_gap_rules_of_measures() -> None:
    inv_doc, ev_doc = (
        document("一是宏远公司要整改。\n二是鼎新公司要整改。"),
        document("宏远公司整改到位。\n培训。", "评估.txt"),
    )
    inv = extraction(
        inv_doc,
        measures=[
            measure(inv_doc, "一是宏远公司要整改。", "宏远公司"),
            measure(inv_doc, "二是鼎新公司要整改。", "鼎新公司"),
        ],
    )
    ev = extraction(
        ev_doc,
        "EVAL",
        measures=[
            measure(
                ev_doc, "宏远公司整改到位。", "宏远公司", modality="reported", specificity="slogan"
            ),
            measure(ev_doc, "\n培训。", "经济发展局", modality="reported"),
        ],
    )
    checklist = build_checklist([(inv_doc, inv), (ev_doc, ev)])
    assert [codes(row.hints) for row in checklist.measures] == ["k", "i"]
    assert "鼎新公司" in checklist.measures[1].hints[0]
    assert codes(checklist.case.hints) == "j" and "经济发展局" in checklist.case.hints[0]


def test_a_section_of_the_unit_is_enough() -> None:
    inv_doc, ev_doc = (
        document("鼎新公司要整改。"),
        document("鼎新公司整改落实情况\n已整改。", "评估.txt"),
    )
    inv = extraction(inv_doc, measures=[measure(inv_doc, "鼎新公司要整改。", "鼎新公司")])
    ev = extraction(
        ev_doc,
        "EVAL",
        measures=[measure(ev_doc, "已整改。", modality="reported", specificity="specific")],
        sections=[section(ev_doc, "鼎新公司整改落实情况", "已整改。")],
    )
    assert codes(build_checklist([(inv_doc, inv), (ev_doc, ev)]).measures[0].hints) == ""


def test_measures_come_from_the_evaluation_when_it_is_all_there_is() -> None:
    doc = document("开展培训5次。\n加强管理。\n建议继续加强。")
    rows = [
        measure(doc, "开展培训5次。", modality="reported", specificity="specific"),
        measure(doc, "加强管理。", modality="reported"),
        measure(doc, "建议继续加强。", modality="suggested"),
    ]
    found = build_checklist([(doc, extraction(doc, "EVAL", measures=rows))]).measures
    assert [(row.requirement, codes(row.hints)) for row in found] == [
        ("开展培训5次。", ""),
        ("加强管理。", "k"),
    ]
    assert found[0].evidence == found[0].sources


def test_one_measure_in_report_and_reply_is_one_row() -> None:
    one, two = document("宏远公司要整改。\n其一"), document("宏远公司要整改。\n其二", "批复.txt")
    checklist = build_checklist(
        [
            (one, extraction(one, measures=[measure(one, "宏远公司要整改。")])),
            (two, extraction(two, "REP", measures=[measure(two, "宏远公司要整改。")])),
        ]
    )
    assert [len(row.sources) for row in checklist.measures] == [2]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("净水区管委会", "净水开发区管理委员会", True),
        ("永安街道办事处", "净水区永安街道办", True),
        ("青石县应急管理局", "县应急管理局", True),
        ("青石县应急管理局", "青石县消防救援大队", False),
        ("宏远公司", "宏远建设有限公司", True),
        ("宏远公司", "鼎新公司", False),
        ("县局", "县应急管理局", False),
    ],
)
def test_same_unit(one: str, other: str, same: bool) -> None:
    assert same_unit(one, other) is same


def test_classes_of_units_meet_nobody_for_certain() -> None:
    assert is_class("各有关部门") and not is_class("青石县应急管理局")
    assert meets_actor(["各企业"], ["宏远公司"]) is None
    assert meets_actor([], ["宏远公司"]) is None
    assert meets_actor(["鼎新公司"], ["宏远公司"]) is False


@pytest.mark.slow
def test_very_many_measures_take_bounded_time() -> None:
    lines = [f"第{at}项要求{at % 7}号单位开展第{at % 90}类检查并建立台账。" for at in range(1500)]
    inv_doc, ev_doc = document("\n".join(lines)), document("\n".join(lines) + "。", "评估.txt")
    inv = extraction(
        inv_doc, measures=[measure(inv_doc, line, f"单{i}局") for i, line in enumerate(lines)]
    )
    done = {"modality": "reported", "specificity": "specific"}
    ev = extraction(
        ev_doc,
        "EVAL",
        measures=[measure(ev_doc, line, f"单{i}局", **done) for i, line in enumerate(lines)],
    )
    began = time.monotonic()
    checklist = build_checklist([(inv_doc, inv), (ev_doc, ev)])
    assert time.monotonic() - began < 30
    assert checklist.measures[7].reported[0].quote == lines[7]
