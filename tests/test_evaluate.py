"""The scorer: what counts as found, what as wrong, what as missed, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from corpus.gold import Gold, GoldRange, check_gold, load_gold, locate
from corpus.scoring import ScoreLayer, Tally, score_document, sentence_at
from extractor.extraction import Extraction
from tests.gold_factory import (
    TEXT,
    given_measure,
    given_party,
    given_penalty,
    gold_of,
    result_of,
    wanted_penalty,
)

ACCIDENT = {"mark": "3·9", "date": "2021-03-09", "deaths": 1, "loss_yuan": 1234567}


def _tally(layer: ScoreLayer, gold: Gold, result: Extraction | None) -> tuple[int, int, int]:
    tally = score_document(TEXT, gold, result).tallies[layer]
    return tally.right, tally.wrong, tally.missed


@pytest.mark.parametrize(
    ("want", "party", "have", "strict", "relaxed"),
    [
        pytest.param({}, given_party(), {}, (1, 0, 0), (1, 0, 0), id="equal"),
        pytest.param({}, given_party("乙某"), {}, (0, 1, 1), (0, 1, 1), id="another person"),
        pytest.param(
            {}, given_party("乙某", aliases=["甲 某某"]), {}, (1, 0, 0), (1, 0, 0), id="by an alias"
        ),
        pytest.param(
            {}, given_party(), {"amount_yuan": 1}, (0, 1, 1), (1, 0, 0), id="another amount"
        ),
        pytest.param(
            {"amount_yuan": None},
            given_party(),
            {"amount_yuan": 1},
            (1, 0, 0),
            (1, 0, 0),
            id="free",
        ),
        pytest.param(
            {}, given_party(), {"kind": "admin.warning"}, (0, 1, 1), (1, 0, 0), id="family"
        ),
        pytest.param(
            {}, given_party(), {"kind": "gov.warning"}, (0, 1, 1), (0, 1, 1), id="no family"
        ),
        pytest.param(
            {"alt": ["gov.warning"]},
            given_party(),
            {"kind": "gov.warning"},
            (1, 0, 0),
            (1, 0, 0),
            id="another kind is right too",
        ),
        pytest.param(
            {"optional": True}, given_party(), {}, (0, 0, 0), (0, 0, 0), id="optional, given"
        ),
        pytest.param(
            {"party": "兴达公司", "party_kind": "org"},
            given_party("东溪县兴达公司", "organization"),
            {},
            (1, 0, 0),
            (1, 0, 0),
            id="alias group of the truth",
        ),
        pytest.param(
            {"party": "2名工人", "party_kind": "group", "count": 2},
            given_party("上述人员", "group", count=2),
            {},
            (1, 0, 0),
            (1, 0, 0),
            id="group by its number",
        ),
        pytest.param(
            {"party": "2名工人", "party_kind": "group", "count": 2},
            given_party("2名工人"),
            {},
            (0, 1, 1),
            (0, 1, 1),
            id="a person is no group",
        ),
        pytest.param({}, given_party(), {"party": "p9"}, (0, 1, 1), (0, 1, 1), id="unknown party"),
    ],
)
def test_penalties(
    want: dict[str, Any],
    party: dict[str, Any],
    have: dict[str, Any],
    strict: tuple[int, int, int],
    relaxed: tuple[int, int, int],
) -> None:
    gold = gold_of(penalties=[wanted_penalty(**want)])
    result = result_of(parties=[party], penalties=[given_penalty(**have)])
    assert _tally("penalties.strict", gold, result) == strict
    assert _tally("penalties.relaxed", gold, result) == relaxed


def test_an_optional_record_is_not_missed() -> None:
    gold = gold_of(penalties=[wanted_penalty(optional=True)])
    assert _tally("penalties.strict", gold, result_of()) == (0, 0, 0)


def test_two_equal_results_do_not_count_twice() -> None:
    gold = gold_of(penalties=[wanted_penalty()])
    result = result_of(parties=[given_party()], penalties=[given_penalty(), given_penalty(id="k2")])
    assert _tally("penalties.strict", gold, result) == (1, 1, 0)


@pytest.mark.parametrize(
    ("layer", "want", "have", "expected"),
    [
        pytest.param("penalties.stage", {}, {}, (1, 0, 0), id="stage"),
        pytest.param("penalties.stage", {}, {"stage": "decided"}, (0, 1, 1), id="wrong stage"),
        pytest.param(
            "penalties.stage",
            {"alt_stage": ["decided"]},
            {"stage": "decided"},
            (1, 0, 0),
            id="another stage is right too",
        ),
        pytest.param("penalties.organ", {"organ": "县公安局"}, {}, (0, 0, 1), id="organ missed"),
        pytest.param(
            "penalties.organ",
            {"organ": "县公安局"},
            {"organ": "东溪县公安局"},
            (1, 0, 0),
            id="organ in its longer name",
        ),
        pytest.param(
            "penalties.organ", {"organ": "县公安局"}, {"organ": "县法院"}, (0, 1, 1), id="organ"
        ),
        pytest.param("penalties.organ", {}, {"organ": "县法院"}, (0, 0, 0), id="no organ wanted"),
        pytest.param(
            "penalties.basis",
            {"basis": ["安全生产法#95..1", "安全生产法#96"]},
            {"basis": ["安全生产法#95..1", "安全生产法#21"]},
            (1, 1, 1),
            id="basis, article by article",
        ),
    ],
)
def test_details_of_a_penalty(
    layer: ScoreLayer,
    want: dict[str, Any],
    have: dict[str, Any],
    expected: tuple[int, int, int],
) -> None:
    gold = gold_of(penalties=[wanted_penalty(**want)])
    result = result_of(parties=[given_party()], penalties=[given_penalty(**have)])
    assert _tally(layer, gold, result) == expected


MEASURES = [
    {"actors": ["兴达公司"], "modality": "required", "begin": "一是兴达", "end": "排查。"},
    {"actors": ["东溪县住建局"], "modality": "required", "begin": "二是", "end": "检查。"},
]
ONE = (TEXT.index("一是"), TEXT.index("二是"))
TWO = (TEXT.index("二是"), TEXT.index("问题"))


@pytest.mark.parametrize(
    ("given_measures", "expected", "actors"),
    [
        pytest.param([given_measure(*ONE), given_measure(*TWO)], (2, 0, 0), (0, 0, 2), id="exact"),
        pytest.param(
            [given_measure(*ONE, "东溪县兴达公司", "镇政府")], (1, 0, 1), (1, 1, 0), id="actors"
        ),
        pytest.param([given_measure(ONE[0] + 5, ONE[1])], (1, 0, 1), (0, 0, 1), id="half and more"),
        pytest.param([given_measure(ONE[0], ONE[0] + 5)], (0, 1, 2), (0, 0, 0), id="under half"),
        pytest.param(
            [given_measure(ONE[0], TWO[1])], (1, 0, 1), (0, 0, 1), id="two in one count once"
        ),
    ],
)
def test_measures(
    given_measures: list[dict[str, Any]],
    expected: tuple[int, int, int],
    actors: tuple[int, int, int],
) -> None:
    gold, result = gold_of(measures=MEASURES), result_of(measures=given_measures)
    assert _tally("measures", gold, result) == expected
    assert _tally("measures.actors", gold, result) == actors


def test_a_disputed_layer_is_not_scored() -> None:
    gold = gold_of(measures=MEASURES, skip=["measures"])
    assert _tally("measures", gold, result_of(measures=[given_measure(*ONE)])) == (0, 0, 0)


@pytest.mark.parametrize(
    ("given_accident", "expected"),
    [
        pytest.param(ACCIDENT, (4, 0, 0), id="equal"),
        pytest.param(ACCIDENT | {"injuries": 0}, (4, 0, 0), id="nobody hurt need not be said"),
        pytest.param(ACCIDENT | {"injuries": 2}, (4, 1, 0), id="a number nobody stated"),
        pytest.param(ACCIDENT | {"loss_yuan": 1234568}, (4, 0, 0), id="jiao and fen"),
        pytest.param(ACCIDENT | {"loss_yuan": 1234569}, (3, 1, 1), id="another loss"),
        pytest.param(ACCIDENT | {"date": None}, (3, 0, 1), id="a field missed"),
        pytest.param(None, (0, 0, 4), id="no accident"),
    ],
)
def test_accident(given_accident: dict[str, Any] | None, expected: tuple[int, int, int]) -> None:
    place = {"start": 0, "end": 5}
    result = result_of(accident=given_accident and given_accident | place)
    assert _tally("accident", gold_of(accident=ACCIDENT), result) == expected


def test_document_numbers_are_compared_as_sets() -> None:
    numbers = [
        {"id": f"n{i}", "normal": normal, "kind": "admin", "raw": "x", "start": 0, "end": 1}
        for i, normal in enumerate(["甲〔2020〕1号", "甲〔2020〕1号", "甲〔2020〕3号"])
    ]
    gold = gold_of(document_numbers=["甲〔2020〕1号", "甲〔2020〕2号"])
    assert _tally("document_numbers", gold, result_of(document_numbers=numbers)) == (1, 1, 1)


def test_without_a_result_everything_is_missed() -> None:
    gold = gold_of(
        penalties=[wanted_penalty()], measures=MEASURES, document_numbers=["甲〔2020〕1号"]
    )
    tallies = score_document(TEXT, gold, None).tallies
    assert {layer: t.missed for layer, t in tallies.items() if t.missed} == {
        "document_numbers": 1,
        "penalties.strict": 1,
        "penalties.relaxed": 1,
        "measures": 2,
    }


@pytest.mark.parametrize(
    ("wanted", "given_kind", "expected"),
    [
        pytest.param({}, "admin.fine", {"administrative": (1, 0, 0)}, id="found"),
        pytest.param(
            {},
            "gov.warning",
            {"administrative": (0, 0, 1), "government": (0, 1, 0)},
            id="missed in one family, wrong in another",
        ),
        pytest.param(
            {"alt": ["gov.warning"]},
            "gov.warning",
            {"administrative": (1, 0, 0)},
            id="another right kind counts where the truth stands",
        ),
        pytest.param({"optional": True}, "admin.fine", {}, id="a doubtful record does not count"),
    ],
)
def test_families(
    wanted: dict[str, Any], given_kind: str, expected: dict[str, tuple[int, int, int]]
) -> None:
    gold = gold_of(penalties=[wanted_penalty(**wanted)])
    result = result_of(parties=[given_party()], penalties=[given_penalty(kind=given_kind)])
    families = score_document(TEXT, gold, result).families
    strict = {name: row["penalties.strict"] for name, row in families.items()}
    assert {n: (t.right, t.wrong, t.missed) for n, t in strict.items()} == expected


@pytest.mark.parametrize(
    ("changes", "result", "faults"),
    [
        pytest.param(
            {"penalties": [wanted_penalty(quote="处罚款50万元", amount_yuan=500000)]},
            {},
            ["penalties.strict 漏 甲某某 admin.fine 500000元", "penalties.relaxed 漏 甲某某"],
            id="missed, with its value",
        ),
        pytest.param(
            {},
            {"parties": [given_party()], "penalties": [given_penalty(income_percent=40.0)]},
            ["penalties.strict 误 甲某某 admin.fine 30000元 40%", "penalties.relaxed 误 甲某某"],
            id="wrong",
        ),
        pytest.param(
            {"penalties": [wanted_penalty(organ="县法院", basis=["安全生产法#96"])]},
            {"parties": [given_party()], "penalties": [given_penalty(stage="decided")]},
            [
                "penalties.stage 误 甲某某 admin.fine：应为 proposed，得到 decided",
                "penalties.organ 漏 甲某某 admin.fine：应为 县法院，得到 None",
                "penalties.basis 漏 甲某某 admin.fine：安全生产法#96",
            ],
            id="details of a match",
        ),
        pytest.param(
            {"document_numbers": ["甲〔2020〕1号"]},
            {},
            ["document_numbers 漏 甲〔2020〕1号"],
            id="number",
        ),
        pytest.param(
            {"accident": ACCIDENT | {"date": None}},
            {"accident": ACCIDENT | {"date": None, "deaths": 2, "start": 0, "end": 1}},
            ["accident 漏 deaths：应为 1，得到 2", "accident 误 deaths：应为 1，得到 2"],
            id="header field",
        ),
    ],
)
def test_every_fault_is_told(
    changes: dict[str, Any], result: dict[str, Any], faults: list[str]
) -> None:
    told = score_document(TEXT, gold_of(**changes), result_of(**result)).faults
    lines = [f"{fault.layer} {fault.what}" for fault in told]
    assert len(lines) == len(faults)
    for line, start in zip(lines, faults, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        pytest.param((3, 5), "对甲某某处罚款3万元，对东溪县兴达公司处罚款50万元。", id="inside"),
        pytest.param((27, 39), "一是兴达公司要开展排查。", id="with its own full stop"),
        pytest.param((45, 46), "二是东溪县住建局要加强检查。", id="the second of three"),
        pytest.param(None, "", id="nowhere"),
        pytest.param((900, 950), "", id="outside the text"),
    ],
)
def test_the_sentence_around_a_range(place: tuple[int, int] | None, sentence: str) -> None:
    assert sentence_at(TEXT, place) == sentence


def test_a_sentence_without_end_is_cut() -> None:
    assert len(sentence_at("字" * 5000, (2000, 2900))) <= 241


def test_records_are_graded_but_for_doubtful_ones() -> None:
    """A record that matches an optional one is neither right nor wrong."""
    gold = gold_of(penalties=[wanted_penalty(optional=True)], measures=MEASURES)
    result = result_of(
        parties=[given_party()],
        penalties=[given_penalty(), given_penalty(id="k2", amount_yuan=7, confidence=0.5)],
        measures=[given_measure(*ONE), given_measure(0, 5)],
    )
    graded = score_document(TEXT, gold, result).graded
    assert [(g.layer, g.confidence, g.is_right) for g in graded] == [
        ("penalties.strict", 0.5, False),
        ("measures", 0.9, True),
        ("measures", 0.9, False),
    ]


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_rates_stay_between_nought_and_one(right: int, wrong: int, missed: int) -> None:
    tally = Tally(right, wrong, missed)
    low, high = sorted((tally.precision, tally.recall))
    assert 0 <= low - 1e-9 <= tally.f1 <= high + 1e-9 <= 1 + 1e-8 or tally.f1 == 0


@pytest.mark.parametrize(
    ("begin", "end", "after", "expected"),
    [
        pytest.param("一是", "。", 0, "一是兴达公司要开展排查。", id="first after the start"),
        pytest.param(
            "东溪县", "检查。", 30, "东溪县住建局要加强检查。", id="after the last record"
        ),
        pytest.param("问题：培训不足。", "不足。", 0, "问题：培训不足。", id="quotes overlap"),
        pytest.param("一是", "排查。", 60, "一是兴达公司要开展排查。", id="from the start again"),
        pytest.param("一是", "三是", 0, None, id="no end"),
        pytest.param("三是", "。", 0, None, id="no begin"),
    ],
)
def test_a_range_is_found_by_its_ends(
    begin: str, end: str, after: int, expected: str | None
) -> None:
    found = locate(TEXT, GoldRange(begin=begin, end=end), after)
    assert (TEXT[slice(*found)] if found else None) == expected


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        pytest.param({}, None, id="nothing wrong"),
        pytest.param({"penalties": [wanted_penalty(quote="处5万元")]}, "处5万元", id="quote"),
        pytest.param({"penalties": [wanted_penalty(kind="admin.no")]}, "admin.no", id="kind"),
        pytest.param({"penalties": [wanted_penalty(organ="县法院")]}, "县法院", id="organ"),
        pytest.param({"organizations": [["丁公司"]]}, "丁公司", id="organisation"),
        pytest.param({"measures": MEASURES[::-1]}, "次序颠倒", id="order"),
        pytest.param({"problems": [{"begin": "缺", "end": "。"}]}, "缺", id="range"),
        pytest.param(
            {"suggestions": [{"begin": "建议", "end": "补课。", "addressees": ["县医院"]}]},
            "县医院",
            id="addressee",
        ),
    ],
)
def test_a_faulty_gold_file_is_told(changes: dict[str, Any], fault: str | None) -> None:
    faults = check_gold(gold_of(**changes), TEXT)
    assert not faults if fault is None else fault in "".join(faults)


def test_a_range_over_half_the_document_is_told() -> None:
    long = "开始" + "很" * 2500 + "结束。"
    gold = gold_of(problems=[{"begin": "开始", "end": "结束。"}], organizations=[])
    assert "过长" in "".join(check_gold(gold, long))


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(ValidationError):
        gold_of(penalties=[wanted_penalty(ammount_yuan=3)])


def test_the_measured_documents_are_in_the_gold_format(gold: Path) -> None:
    files = load_gold(gold / "dev")
    faults = [
        f"{file.gold.id}：{fault}"
        for file in files
        for fault in check_gold(file.gold, file.document.read_text(encoding="utf-8"))
    ]
    assert files
    assert faults == []
