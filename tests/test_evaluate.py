"""The scorer: what counts as found, what as wrong, what as missed, layer by layer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from corpus.evaluate import main
from corpus.gold import Gold, GoldRange, check_gold, load_gold, locate
from corpus.scoring import LAYERS, ScoreLayer, Tally, score_document
from extractor.extraction import Extraction

TEXT = (
    "对甲某某处罚款3万元，对东溪县兴达公司处罚款50万元。"
    "一是兴达公司要开展排查。二是东溪县住建局要加强检查。问题：培训不足。建议：补课。"
)
ACCIDENT = {"mark": "3·9", "date": "2021-03-09", "deaths": 1, "loss_yuan": 1234567}


def _penalty(**changes: Any) -> dict[str, Any]:
    return {
        "party": "甲某某",
        "party_kind": "person",
        "kind": "admin.fine",
        "stage": "proposed",
        "amount_yuan": 30000,
        "quote": "处罚款3万元",
    } | changes


def _gold(**changes: Any) -> Gold:
    return Gold.model_validate(
        {
            "id": "made",
            "kind": "INV",
            "accident": None,
            "document_numbers": [],
            "organizations": [["东溪县兴达公司", "兴达公司"]],
            "penalties": [],
            "measures": [],
            "problems": [],
            "suggestions": [],
        }
        | changes
    )


def _found(**changes: Any) -> dict[str, Any]:
    """One sanction as the reader gives it."""
    return {
        "id": "k1",
        "party": "p1",
        "kind": "admin.fine",
        "stage": "proposed",
        "amount_yuan": 30000,
        "start": 0,
        "end": 11,
        "confidence": 0.9,
        "rule": "made",
    } | changes


def _party(name: str = "甲某某", kind: str = "person", **more: Any) -> dict[str, Any]:
    return {"id": "p1", "kind": kind, "name": name} | more


def _measure(start: int, end: int, *actors: str) -> dict[str, Any]:
    return {
        "id": "m1",
        "actors": actors,
        "modality": "required",
        "specificity": "generic",
        "start": start,
        "end": end,
        "confidence": 0.9,
        "rule": "made",
    }


def _result(**changes: Any) -> Extraction:
    document = {
        "id": "made",
        "filename": "made.txt",
        "media_type": "text/plain",
        "kind": "INV",
        "title": None,
        "number": None,
        "issuer": None,
        "date": None,
        "pages": None,
        "characters": len(TEXT),
        "status": "complete",
    }
    return Extraction.model_validate({"document": document, "accident": None} | changes)


def _tally(layer: ScoreLayer, gold: Gold, result: Extraction | None) -> tuple[int, int, int]:
    tally = score_document(TEXT, gold, result).tallies[layer]
    return tally.right, tally.wrong, tally.missed


@pytest.mark.parametrize(
    ("want", "party", "have", "strict", "relaxed"),
    [
        pytest.param({}, _party(), {}, (1, 0, 0), (1, 0, 0), id="equal"),
        pytest.param({}, _party("乙某"), {}, (0, 1, 1), (0, 1, 1), id="another person"),
        pytest.param(
            {}, _party("乙某", aliases=["甲 某某"]), {}, (1, 0, 0), (1, 0, 0), id="by an alias"
        ),
        pytest.param({}, _party(), {"amount_yuan": 1}, (0, 1, 1), (1, 0, 0), id="another amount"),
        pytest.param(
            {"amount_yuan": None}, _party(), {"amount_yuan": 1}, (1, 0, 0), (1, 0, 0), id="free"
        ),
        pytest.param({}, _party(), {"kind": "admin.warning"}, (0, 1, 1), (1, 0, 0), id="family"),
        pytest.param({}, _party(), {"kind": "gov.warning"}, (0, 1, 1), (0, 1, 1), id="no family"),
        pytest.param(
            {"alt": ["gov.warning"]},
            _party(),
            {"kind": "gov.warning"},
            (1, 0, 0),
            (1, 0, 0),
            id="another kind is right too",
        ),
        pytest.param({"optional": True}, _party(), {}, (0, 0, 0), (0, 0, 0), id="optional, given"),
        pytest.param(
            {"party": "兴达公司", "party_kind": "org"},
            _party("东溪县兴达公司", "organization"),
            {},
            (1, 0, 0),
            (1, 0, 0),
            id="alias group of the truth",
        ),
        pytest.param(
            {"party": "2名工人", "party_kind": "group", "count": 2},
            _party("上述人员", "group", count=2),
            {},
            (1, 0, 0),
            (1, 0, 0),
            id="group by its number",
        ),
        pytest.param(
            {"party": "2名工人", "party_kind": "group", "count": 2},
            _party("2名工人"),
            {},
            (0, 1, 1),
            (0, 1, 1),
            id="a person is no group",
        ),
        pytest.param({}, _party(), {"party": "p9"}, (0, 1, 1), (0, 1, 1), id="unknown party"),
    ],
)
def test_penalties(
    want: dict[str, Any],
    party: dict[str, Any],
    have: dict[str, Any],
    strict: tuple[int, int, int],
    relaxed: tuple[int, int, int],
) -> None:
    gold = _gold(penalties=[_penalty(**want)])
    result = _result(parties=[party], penalties=[_found(**have)])
    assert _tally("penalties.strict", gold, result) == strict
    assert _tally("penalties.relaxed", gold, result) == relaxed


def test_an_optional_record_is_not_missed() -> None:
    gold = _gold(penalties=[_penalty(optional=True)])
    assert _tally("penalties.strict", gold, _result()) == (0, 0, 0)


def test_two_equal_results_do_not_count_twice() -> None:
    gold = _gold(penalties=[_penalty()])
    result = _result(parties=[_party()], penalties=[_found(), _found(id="k2")])
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
    gold = _gold(penalties=[_penalty(**want)])
    result = _result(parties=[_party()], penalties=[_found(**have)])
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
        pytest.param([_measure(*ONE), _measure(*TWO)], (2, 0, 0), (0, 0, 2), id="exact"),
        pytest.param(
            [_measure(*ONE, "东溪县兴达公司", "镇政府")], (1, 0, 1), (1, 1, 0), id="actors"
        ),
        pytest.param([_measure(ONE[0] + 5, ONE[1])], (1, 0, 1), (0, 0, 1), id="half and more"),
        pytest.param([_measure(ONE[0], ONE[0] + 5)], (0, 1, 2), (0, 0, 0), id="under half"),
        pytest.param([_measure(ONE[0], TWO[1])], (1, 0, 1), (0, 0, 1), id="two in one count once"),
    ],
)
def test_measures(
    given_measures: list[dict[str, Any]],
    expected: tuple[int, int, int],
    actors: tuple[int, int, int],
) -> None:
    gold, result = _gold(measures=MEASURES), _result(measures=given_measures)
    assert _tally("measures", gold, result) == expected
    assert _tally("measures.actors", gold, result) == actors


def test_a_disputed_layer_is_not_scored() -> None:
    gold = _gold(measures=MEASURES, skip=["measures"])
    assert _tally("measures", gold, _result(measures=[_measure(*ONE)])) == (0, 0, 0)


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
    result = _result(accident=given_accident and given_accident | place)
    assert _tally("accident", _gold(accident=ACCIDENT), result) == expected


def test_document_numbers_are_compared_as_sets() -> None:
    numbers = [
        {"id": f"n{i}", "normal": normal, "kind": "admin", "raw": "x", "start": 0, "end": 1}
        for i, normal in enumerate(["甲〔2020〕1号", "甲〔2020〕1号", "甲〔2020〕3号"])
    ]
    gold = _gold(document_numbers=["甲〔2020〕1号", "甲〔2020〕2号"])
    assert _tally("document_numbers", gold, _result(document_numbers=numbers)) == (1, 1, 1)


def test_without_a_result_everything_is_missed() -> None:
    gold = _gold(penalties=[_penalty()], measures=MEASURES, document_numbers=["甲〔2020〕1号"])
    tallies = score_document(TEXT, gold, None).tallies
    assert {layer: t.missed for layer, t in tallies.items() if t.missed} == {
        "document_numbers": 1,
        "penalties.strict": 1,
        "penalties.relaxed": 1,
        "measures": 2,
    }


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
        pytest.param({"penalties": [_penalty(quote="处5万元")]}, "处5万元", id="quote"),
        pytest.param({"penalties": [_penalty(kind="admin.no")]}, "admin.no", id="kind"),
        pytest.param({"penalties": [_penalty(organ="县法院")]}, "县法院", id="organ"),
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
    faults = check_gold(_gold(**changes), TEXT)
    assert not faults if fault is None else fault in "".join(faults)


def test_a_range_over_half_the_document_is_told() -> None:
    long = "开始" + "很" * 2500 + "结束。"
    gold = _gold(problems=[{"begin": "开始", "end": "结束。"}], organizations=[])
    assert "过长" in "".join(check_gold(gold, long))


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(ValidationError):
        _gold(penalties=[_penalty(ammount_yuan=3)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gold folder of one document."""
    gold = _gold(penalties=[_penalty()], measures=MEASURES)
    (tmp_path / "made.json").write_text(gold.model_dump_json(), encoding="utf-8")
    (tmp_path / "made.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


Writer = Callable[[Extraction], Path]


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Store one result and return its folder."""

    def store(result: Extraction) -> Path:
        results = tmp_path / "results"
        results.mkdir()
        (results / "made.json").write_text(result.model_dump_json(), encoding="utf-8")
        return results

    return store


def test_stored_results_are_scored(
    folder: Path, write: Writer, capsys: pytest.CaptureFixture[str]
) -> None:
    results = write(_result(parties=[_party()], penalties=[_found()]))
    assert main([str(folder), str(results), "--json", "--min", "penalties.strict=1"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["layers"]["penalties.strict"]["f1"] == 1.0
    assert figures["layers"]["measures"]["fn"] == 2
    assert figures["kind_accuracy"] == 1.0
    assert list(figures["layers"]) == list(LAYERS)


def test_a_missing_result_is_named_and_counts(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder), str(tmp_path / "none"), "--errors"]) == 0
    output = capsys.readouterr().out
    assert "没有结果：made" in output
    assert "made\tpenalties\t漏 甲某某 admin.fine 30000「处罚款3万元」" in output


def test_a_range_outside_the_text_fails(folder: Path, write: Writer) -> None:
    results = write(_result(parties=[_party()], penalties=[_found(end=len(TEXT) + 1)]))
    assert main([str(folder), str(results)]) == 1


def test_a_missed_minimum_fails(
    folder: Path, write: Writer, capsys: pytest.CaptureFixture[str]
) -> None:
    results = write(_result())
    assert main([str(folder), str(results), "--min", "measures=0.5"]) == 1
    assert "低于要求：measures=0.5，实际 0.000" in capsys.readouterr().err


def test_an_unknown_layer_is_refused(folder: Path, write: Writer) -> None:
    with pytest.raises(SystemExit, match="没有 names 这一层"):
        main([str(folder), str(write(_result())), "--min", "names=0.5"])


def test_the_check_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder), "--check"]) == 0
    (folder / "made.txt").write_text("别的内容。", encoding="utf-8")
    assert main([str(folder), "--check"]) == 1
    assert "made：" in capsys.readouterr().out


def test_the_measured_documents_are_in_the_gold_format(gold: Path) -> None:
    files = load_gold(gold / "dev")
    faults = [
        f"{file.gold.id}：{fault}"
        for file in files
        for fault in check_gold(file.gold, file.document.read_text(encoding="utf-8"))
    ]
    assert files
    assert faults == []
