"""Which documents are of one accident: the facts that join, those that forbid, corrections."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import extract, parse
from extractor.checklist.case_facts import CaseFacts, case_facts
from extractor.checklist.grouping import (
    NO_PINS,
    CaseIndex,
    Group,
    Grouping,
    Pins,
    group_cases,
    neighbourhood,
    place_document,
)
from tests.conftest import ROOT


def fact(document: str, kind: str = "INV", **stated: Any) -> CaseFacts:
    """A document of an invented accident."""
    return CaseFacts.model_validate({"document": document, "kind": kind, **stated})


def parted(grouping: Grouping) -> set[frozenset[str]]:
    return {frozenset(group.documents) for group in grouping.groups}


def of(grouping: Grouping, document: str) -> Group:
    return next(group for group in grouping.groups if document in group.documents)


QINGSHI: dict[str, Any] = {"mark": "4·18", "places": ("青石",), "counties": ("青石",)}
NAME = "青石县某泉食品公司“4·18”一般坍塌事故"


@pytest.mark.parametrize(
    ("facts", "kind", "sure", "says"),
    [
        pytest.param(
            [fact("a", number="青安调〔2023〕5号"), fact("b", "REP", cites=("青安调〔2023〕5号",))],
            "number",
            "certain",
            "批复引用了调查报告的文号（青安调〔2023〕5号）",
            id="a reply cites the report",
        ),
        pytest.param(
            [
                fact("a", "REP", number="青政复〔2023〕2号"),
                fact("b", "EVAL", cites=("青政复〔2023〕2号",)),
            ],
            "number",
            "certain",
            "评估报告引用了批复的文号",
            id="an evaluation cites the reply",
        ),
        pytest.param(
            [fact("a", name=NAME, mark="4·18"), fact("b", "EVAL", name=NAME, mark="4·18")],
            "name",
            "certain",
            "事故名称相同",
            id="the same name",
        ),
        pytest.param(
            [
                fact("a", name=NAME, mark="4·18"),
                fact("b", name="青石县某泉食品公司“4.18”坍塌生产安全责任事故", mark="4·18"),
            ],
            "name",
            "certain",
            "事故名称相同",
            id="the same name but for grade and fillers",
        ),
        pytest.param(
            [
                fact("a", date="2023-04-18", units=("某泉食品",)),
                fact("b", "PEN", date="2023-04-18", units=("某泉食品", "某石")),
            ],
            "unit",
            "certain",
            "事故日期（2023-04-18）和事故单位（某泉食品）相同",
            id="date and unit",
        ),
        pytest.param(
            [
                fact("a", "EVAL", reply="青政复〔2023〕2号"),
                fact("b", "SELF", reply="青政复〔2023〕2号"),
            ],
            "reply",
            "certain",
            "依据同一份批复",
            id="a reply that is not there",
        ),
        pytest.param(
            [
                fact("a", date="2023-04-18", **QINGSHI),
                fact("b", "REP", date="2023-04-18", **QINGSHI),
            ],
            "mark",
            "certain",
            "日期标记“4·18”、年份（2023）和地点（青石）相同",
            id="mark, year and county",
        ),
        pytest.param(
            [
                fact("a", date="2023-04-18", mark="4·18", places=("净水",)),
                fact("b", date="2023-04-18", mark="4·18", places=("净水",), counties=("南屏",)),
            ],
            "mark",
            "likely",
            "地点（净水）相同",
            id="mark, year and city",
        ),
        pytest.param(
            [fact("a", date="2023-04-18", **QINGSHI), fact("b", "EVAL", **QINGSHI)],
            "mark",
            "possible",
            "有一份没有写明年份",
            id="mark and county, one without a year",
        ),
    ],
)
def test_a_fact_joins(facts: Sequence[CaseFacts], kind: str, sure: str, says: str) -> None:
    (group,) = group_cases(facts).groups
    (link,) = group.links
    assert (link.kind, link.sure, group.sure) == (kind, sure, sure)
    assert says in link.text
    assert says in group.reason_of("a")
    assert says in group.reason_of("b")


@pytest.mark.parametrize(
    ("facts", "doubts"),
    [
        pytest.param(
            [fact("a", date="2022-04-18", **QINGSHI), fact("b", date="2023-04-18", **QINGSHI)],
            0,
            id="one mark, another year",
        ),
        pytest.param(
            [
                fact("a", date="2023-04-18", mark="4·18", places=("净水",), counties=("南屏",)),
                fact("b", date="2023-04-18", mark="4·18", places=("净水",), counties=("北屏",)),
            ],
            0,
            id="one mark and city, another county",
        ),
        pytest.param(
            [
                fact("a", date="2022-04-18", name=NAME, mark="4·18"),
                fact("b", date="2023-04-18", name=NAME, mark="4·18"),
            ],
            1,
            id="one name, another year: said",
        ),
        pytest.param(
            [
                fact("a", number="青安调〔2023〕5号", date="2023-04-18", mark="4·18"),
                fact("b", cites=("青安调〔2023〕5号",), date="2023-06-02", mark="6·2"),
            ],
            1,
            id="a report cites that of another accident: said",
        ),
        pytest.param(
            [
                fact("a", date="2023-04-18", units=("某泉食品",), **QINGSHI),
                fact("b", date="2023-04-18", units=("某石建材",), **QINGSHI),
            ],
            1,
            id="two units had an accident on one day in one county: said",
        ),
        pytest.param(
            [
                fact("a", cites=("安委办〔2021〕4号",), **QINGSHI),
                fact("b", cites=("安委办〔2021〕4号",), mark="4·18", places=("南屏",)),
                fact("c", "RULE"),
            ],
            0,
            id="two cite one rule",
        ),
        pytest.param(
            [fact("a", mark="4·18"), fact("b", mark="4·18")], 0, id="a mark without a place"
        ),
        pytest.param(
            [fact("a", name="坍塌事故"), fact("b", name="坍塌事故")], 0, id="no real name"
        ),
    ],
)
def test_what_does_not_join(facts: Sequence[CaseFacts], doubts: int) -> None:
    grouping = group_cases(facts)
    assert all(len(group.documents) == 1 for group in grouping.groups)
    assert len(grouping.doubts) == doubts
    assert all("请核对" in doubt.text for doubt in grouping.doubts)


def test_citing_together_does_not_join_across_a_conflict() -> None:
    """The report that two others cite is of another year: they are not joined by its number."""
    number = "青安调〔2022〕5号"
    facts = [
        fact("a", number=number, date="2022-04-18", mark="4·18"),
        fact("b", cites=(number,), date="2023-04-18", mark="4·18", places=("南屏",)),
        fact("c", cites=(number,), date="2023-04-18", mark="4·18", places=("北屏",)),
    ]
    assert parted(group_cases(facts)) == {frozenset("a"), frozenset("b"), frozenset("c")}


def test_a_document_that_fits_two_accidents_stays_alone_and_says_so() -> None:
    grouping = group_cases(
        [
            fact("a", date="2022-04-18", **QINGSHI),
            fact("b", date="2023-04-18", **QINGSHI),
            fact("c", "EVAL", **QINGSHI),
        ]
    )
    assert parted(grouping) == {frozenset("a"), frozenset("b"), frozenset("c")}
    assert of(grouping, "c").alone == "ambiguous"
    (doubt,) = grouping.doubts
    assert (doubt.document, doubt.others) == ("c", ("a", "b"))
    assert "2起事故" in doubt.text


def test_a_stronger_fact_decides_what_a_weaker_one_cannot() -> None:
    """The evaluation without a year cites the reply of one of two accidents: no doubt is left."""
    grouping = group_cases(
        [
            fact("a", "REP", number="青政复〔2022〕2号", date="2022-04-18", **QINGSHI),
            fact("b", "REP", number="青政复〔2023〕2号", date="2023-04-18", **QINGSHI),
            fact("c", "EVAL", cites=("青政复〔2022〕2号",), **QINGSHI),
        ]
    )
    assert parted(grouping) == {frozenset("ac"), frozenset("b")}
    assert grouping.doubts == ()


def test_nothing_stated_is_alone_with_the_reason() -> None:
    (group,) = group_cases([fact("a", "PLAN", cites=("安委办〔2021〕4号",))]).groups
    assert group.alone == "nothing_stated"
    assert "没有写明事故的名称或日期" in group.reason_of("a")


@pytest.mark.parametrize(
    ("pins", "groups"),
    [
        pytest.param(Pins({"a": "K", "x": "K"}), ["abx", "c"], id="put together without a fact"),
        pytest.param(Pins({"a": "K", "b": "L"}), ["a", "b", "c", "x"], id="two cases stay two"),
        pytest.param(Pins({"a": "K", "c": "K"}), ["abc", "x"], id="against the year"),
        pytest.param(Pins(apart=frozenset({("b", "a")})), ["a", "b", "c", "x"], id="not with"),
        pytest.param(Pins(apart=frozenset({("x", "a")})), ["ab", "c", "x"], id="never together"),
        pytest.param(Pins({"gone": "K"}, frozenset({("b", "gone")})), ["ab", "c", "x"], id="gone"),
    ],
)
def test_people_correct(pins: Pins, groups: Sequence[str]) -> None:
    facts = [
        fact("a", date="2023-04-18", **QINGSHI),
        fact("b", "REP", date="2023-04-18", **QINGSHI),
        fact("c", date="2022-04-18", **QINGSHI),
        fact("x", "OTHER"),
    ]
    assert parted(group_cases(facts, pins)) == {frozenset(group) for group in groups}


def test_apart_takes_out_one_and_leaves_the_rest_together() -> None:
    facts = [fact(each, date="2023-04-18", **QINGSHI) for each in "abce"]
    grouping = group_cases(facts, Pins(apart=frozenset({("c", "a")})))
    assert parted(grouping) == {frozenset("abe"), frozenset("c")}
    assert of(grouping, "c").alone == "pinned_apart"


def test_the_sample_case_is_one() -> None:
    samples = ROOT / "corpus" / "samples"
    paths = [samples / name for name in ("调查报告.docx", "批复.pdf", "评估报告.txt")]
    facts = [case_facts(extract(parse(path.read_bytes(), path.name))) for path in paths]
    (group,) = group_cases(facts).groups
    assert group.documents[0] == facts[0].document
    assert group.mark == "9·16"
    assert "评估报告引用了批复的文号" in group.reason_of(facts[2].document)


@pytest.mark.parametrize(
    ("text", "places", "counties", "units"),
    [
        pytest.param(
            "净水市南屏区“4·18”坍塌事故", {"净水", "南屏"}, {"南屏"}, set(), id="district"
        ),
        pytest.param(
            "净水市青岗市“4·18”坍塌事故", {"净水", "青岗"}, {"青岗"}, set(), id="city in one"
        ),
        pytest.param("湖南净水“4·18”坍塌事故", {"净水"}, set(), set(), id="no sign"),
        pytest.param("净水高新区“4·18”坍塌事故", {"净水"}, set(), set(), id="zone"),
        pytest.param("我市某小区“4·18”坍塌事故", set(), set(), set(), id="words"),
        pytest.param(
            "湖南省净水市某泉食品有限公司“4·18”坍塌事故", {"净水"}, set(), {"某泉食品"}, id="unit"
        ),
    ],
)
def test_places_and_units_of_a_name(
    text: str, places: set[str], counties: set[str], units: set[str]
) -> None:
    report = f"{text}调查报告\n\n一、基本情况\n2023年4月18日，发生坍塌事故。\n"
    facts = case_facts(extract(parse(report.encode(), "报告.txt")))
    assert facts.mark == "4·18"
    assert places <= set(facts.places)
    assert (set(facts.counties), set(facts.units)) == (counties, units)


# --- whatever the documents are -------------------------------------------------------------------

_NUMBERS = ("青安调〔2022〕5号", "青安调〔2023〕5号", "青政复〔2023〕2号")
_facts = st.builds(
    lambda **stated: stated,
    kind=st.sampled_from(["INV", "REP", "EVAL", "PEN", "NOTICE"]),
    number=st.none() | st.sampled_from(_NUMBERS),
    cites=st.lists(st.sampled_from(_NUMBERS), max_size=2, unique=True).map(tuple),
    reply=st.none() | st.sampled_from(_NUMBERS[2:]),
    name=st.none() | st.sampled_from([NAME, "南屏区“4·18”某桥梁坍塌事故"]),
    date=st.none() | st.sampled_from(["2022-04-18", "2023-04-18", "2023-06-02"]),
    mark=st.none() | st.sampled_from(["4·18", "6·2"]),
    places=st.lists(st.sampled_from(["青石", "净水"]), max_size=2, unique=True).map(tuple),
    counties=st.lists(st.sampled_from(["青石", "南屏"]), max_size=1).map(tuple),
    units=st.lists(st.sampled_from(["某泉食品"]), max_size=1).map(tuple),
)
_documents = st.lists(_facts, min_size=1, max_size=9).map(
    lambda rows: [fact(f"d{at}", **row) for at, row in enumerate(rows)]
)
_names = st.sampled_from([f"d{at}" for at in range(9)])
_pins = st.builds(
    Pins,
    st.dictionaries(_names, st.sampled_from("KL"), max_size=3),
    st.frozensets(st.tuples(_names, _names).filter(lambda p: p[0] != p[1]), max_size=2),
)


@given(_documents, _pins, st.randoms(use_true_random=False))
def test_order_does_not_matter(facts: list[CaseFacts], pins: Pins, chance: random.Random) -> None:
    """In any order, all at once or one by one, by the whole set or by the neighbourhood."""
    whole = group_cases(facts, pins)
    chance.shuffle(facts)
    assert group_cases(facts, pins) == whole
    index = CaseIndex(pins)
    cases: dict[str, str] = {}
    for each in facts:
        index.add(each)
        place_document(each, index, cases, pins)
    for each in facts:
        placed = place_document(each, index, cases, pins)
        assert placed.group == of(whole, each.document)
        assert placed.doubts == tuple(d for d in whole.doubts if d.document == each.document)


@given(_documents)
def test_what_contradicts_is_never_joined(facts: list[CaseFacts]) -> None:
    by_id = {each.document: each for each in facts}
    grouping = group_cases(facts)
    assert sorted(d for g in grouping.groups for d in g.documents) == sorted(by_id)
    for group in grouping.groups:
        members = [by_id[document] for document in group.documents]
        assert len({m.year for m in members} - {None}) <= 1
        assert len({m.mark for m in members} - {None}) <= 1
        counties = [set(m.counties) for m in members if m.counties]
        assert not counties or set.intersection(*counties)
        assert len(group.links) == len(members) - 1, "each joined once, and each with its reason"


def test_a_new_document_finds_its_case_and_shows_two_to_be_one() -> None:
    index = CaseIndex()
    report = fact("a", number="青安调〔2023〕5号")
    evaluation = fact("c", "EVAL", cites=("青政复〔2023〕2号",))
    reply = fact("b", "REP", number="青政复〔2023〕2号", cites=("青安调〔2023〕5号",))
    for each in (report, evaluation):
        index.add(each)
    assert place_document(report, index, {}).case is None
    index.add(reply)
    placed = place_document(reply, index, {"a": "case-1", "c": "case-2"})
    assert (placed.case, placed.joins) == ("case-1", ("case-2",))
    assert place_document(fact("z"), index, {"a": "case-1"}).case is None


def test_a_new_document_may_show_that_a_case_is_two() -> None:
    """Without a year the evaluation went to the only accident of that mark; now there are two."""
    index = CaseIndex()
    old, evaluation = fact("a", date="2022-04-18", **QINGSHI), fact("b", "EVAL", **QINGSHI)
    new = fact("c", date="2023-04-18", **QINGSHI)
    for each in (old, evaluation, new):
        index.add(each)
    placed = place_document(evaluation, index, {"a": "case-1", "b": "case-1"})
    assert (placed.case, placed.group.alone) == (None, "ambiguous")


def test_a_pinned_case_is_the_place() -> None:
    pins = Pins({"x": "case-1", "a": "case-1"})
    index = CaseIndex(pins)
    facts = [fact("a", **QINGSHI), fact("x", "OTHER")]
    for each in facts:
        index.add(each)
    assert place_document(facts[1], index, {"a": "case-1"}, pins).case == "case-1"


def _archive(count: int) -> Iterable[CaseFacts]:
    for at in range(count):
        case, kind = divmod(at, 4)
        day = f"{2010 + case % 14}-{case % 12 + 1:02}-{case % 28 + 1:02}"
        number = f"净政复〔{2010 + case % 14}〕{case}号"
        yield fact(
            f"{at:07}",
            ("INV", "REP", "EVAL", "PEN")[kind],
            number=number if kind == 1 else None,
            cites=(number,) if kind == 2 else (),
            date=day if kind != 2 else None,
            mark=f"{case % 12 + 1}·{case % 28 + 1}",
            places=("净水", f"县{case % 90}"),
            counties=(f"县{case % 90}",),
            units=(f"某公司{case}",),
        )


@pytest.mark.slow
def test_large_archives_take_linear_time() -> None:
    """Eight times the documents take about eight times as long, though they share city and mark."""
    small, large = list(_archive(4_000)), list(_archive(32_000))
    began = time.perf_counter()
    group_cases(small)
    between = time.perf_counter()
    group_cases(large)
    assert time.perf_counter() - between < 8 * (between - began) * 3


@pytest.mark.slow
def test_a_neighbourhood_is_small() -> None:
    index = CaseIndex()
    facts = list(_archive(4_000))
    for each in facts:
        index.add(each)
    assert max(len(neighbourhood(each, index, NO_PINS)) for each in facts[::97]) < 200
