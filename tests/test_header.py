"""The accident of a document: constructed tellings, and the traps around them."""

from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.document import Document, DocumentBuilder
from extractor.reading.header import AccidentReading, grade_by_figures, read_accident
from extractor.reading.kinds import read_kind
from extractor.reading.marks import find_marks
from extractor.reading.outline import read_outline
from extractor.reading.tolls import read_loss, read_toll
from extractor.view import View, build_view

CASES = tomllib.loads(
    (Path(__file__).parent / "data" / "cases" / "header.toml").read_text(encoding="utf-8")
)["case"]
FIELDS = (
    "name", "mark", "date", "grade", "type", "place", "deaths", "injuries", "loss_yuan"
)  # fmt: skip
SCORED = ("mark", "date", "grade", "deaths", "injuries", "loss_yuan")


def _read(text: str, kind: str | None = None) -> tuple[Document, View, AccidentReading | None]:
    builder = DocumentBuilder(text.encode(), "x.txt", "text/plain")
    for line in text.split("\n"):
        builder.add_block(line)
    document = builder.build()
    view = build_view(document)
    reading = read_kind(view, document)
    kind = kind or reading.kind
    return document, view, read_accident(view, read_outline(view, kind), kind, reading.title_span)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["proves"])
def test_fields(case: dict[str, Any]) -> None:
    _, _, accident = _read(case["text"], case.get("kind", "INV"))
    got = {name: getattr(accident, name, None) for name in FIELDS}
    want: dict[str, Any] = dict.fromkeys(case.get("none", []))
    want.update({name: case[name] for name in FIELDS if name in case})
    assert {name: got[name] for name in want} == want


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["proves"])
def test_every_value_has_a_range_inside_the_text(case: dict[str, Any]) -> None:
    _, view, accident = _read(case["text"], case.get("kind", "INV"))
    if accident is None:
        return
    stated = {name for name in FIELDS if getattr(accident, name) is not None}
    assert set(accident.sources) == stated
    assert all(0 <= start < end <= len(view.text) for start, end in accident.sources.values())
    for name in stated & {"name", "grade", "type", "place"}:
        printed = view.text[slice(*accident.sources[name])].replace("\n", "")
        assert getattr(accident, name) == printed


@pytest.mark.parametrize("kind", ["PLAN", "NOTICE", "CIRC", "RULE", "MEDIA"])
def test_kinds_about_no_single_accident(kind: str) -> None:
    _, _, accident = _read(CASES[0]["text"], kind)
    assert accident is None


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("“7.12”", ((7, 12),)),
        ("“7·12”", ((7, 12),)),
        ("“3·04”", ((3, 4),)),
        ('"12-12"', ((12, 12),)),
        ("“2018.7.26”", ((7, 26),)),
        ("“9？19”", ((9, 19),)),
        ("“四·二九”", ((4, 29),)),
        ("“1125”火灾事故", ((11, 25),)),
        ("“1L06”", ((11, 6),)),
        ("“9·02较大火灾事故", ((9, 2),)),
        ("“13·40”", ()),
        ("“93”坍塌事故", ((9, 3),)),
        ("“411”公示制度", ()),
        ("“十四五”规划", ()),
        ("3.5万元", ()),
        ("12.12公里处交通事故", ()),
    ],
)
def test_marks(text: str, days: tuple[tuple[int, int], ...]) -> None:
    """Every written form of a mark, and what only looks like one."""
    assert tuple(day for mark in find_marks(text) for day in mark.days) == days


@pytest.mark.parametrize(
    ("text", "deaths", "injuries"),
    [
        ("造成3人死亡、2人受伤", 3, 2),
        ("造成3名矿工遇难", 3, None),
        ("造成10人伤亡（3人死亡、7人受伤）", 3, 7),
        ("造成车辆损坏及1人死亡", 1, None),
        ("造成9人受伤，其中4人重伤、5人轻伤", None, 9),
        ("共造成3人死亡和2人受伤", 3, 2),
        ("造成3人以上10人以下死亡", None, None),
        ("没有造成人员伤亡", 0, 0),
        ("造成一百二十人受伤", None, 120),
        ("事故造成人员死亡", None, None),
        ("第三人死亡", None, None),
    ],
)
def test_toll(text: str, deaths: int | None, injuries: int | None) -> None:
    """Counts of persons in one sentence."""
    toll = read_toll(text, 0, len(text))
    got = [None if found is None else found.value for found in (toll.deaths, toll.injuries)]
    assert got == [deaths, injuries]


@pytest.mark.parametrize(
    ("text", "yuan"),
    [
        ("直接经济损失300余万元", 3_000_000),
        ("直接经济损失：约98.5万元", 985_000),
        ("直接经济损失为人民币壹佰贰拾万元", 1_200_000),
        ("直接经济损失8512087.4元", 8_512_087),
        ("直接经济损失1000万元以上5000万元以下", None),
        ("直接经济损失正在统计", None),
    ],
)
def test_loss(text: str, yuan: int | None) -> None:
    """Sums behind 直接经济损失."""
    found = read_loss(text, 0, len(text))
    assert (None if found is None else found.value) == yuan


@pytest.mark.parametrize(
    ("deaths", "loss", "grade"),
    [
        (2, None, "一般"),
        (3, None, "较大"),
        (9, 10_000_000, "较大"),
        (10, None, "重大"),
        (0, 50_000_000, "重大"),
        (30, None, "特别重大"),
        (None, None, "一般"),
    ],
)
def test_grade_by_figures(deaths: int | None, loss: int | None, grade: str) -> None:
    """以上 includes the number itself."""
    assert grade_by_figures(deaths, loss) == grade


def test_measured_documents(gold: Path) -> None:
    """F1 of the scored fields over the measured documents stays at 0.97 or better."""
    right = wrong = missed = 0
    for path in sorted((gold / "dev").glob("*.json")):
        truth = json.loads(path.read_text("utf-8")).get("accident") or {}
        _, _, accident = _read(path.with_suffix(".txt").read_text("utf-8"))
        for name in SCORED:
            want, got = truth.get(name), getattr(accident, name, None)
            if want is None and got in (None, 0):
                continue
            near = name == "loss_yuan" and abs((want or 0) - (got or 0)) <= 1
            right += want == got or near
            wrong += not (want == got or near) and got is not None
            missed += not (want == got or near) and want is not None
    assert 2 * right / (2 * right + wrong + missed) >= 0.97


@given(
    st.text("造成死亡受伤人名其中（），。、“7·12”事故2021年3月5日直接经济损失万元一", max_size=300)
)
def test_every_text_is_read(text: str) -> None:
    """No text fails, and every range lies in the text."""
    _, view, accident = _read(text, "INV")
    if accident is not None:
        assert all(0 <= a < b <= len(view.text) for a, b in accident.sources.values())


@pytest.mark.parametrize(
    "unit",
    [
        "造成",
        "3人",
        "“7·12”",
        "事故造成",
        "是一起",
        "直接经济损失",
        "2021年3月5日",
        "1名工人，",
        "该事故是一般",
    ],
)
def test_time_is_linear_in_hostile_text(unit: str) -> None:
    """A hundred thousand characters of one pattern take seconds at most, not minutes."""
    builder = DocumentBuilder(b"", "x.txt", "text/plain")
    builder.add_block(unit * (100_000 // len(unit)))
    view = build_view(builder.build())
    outline = read_outline(view, "INV")
    begin = time.perf_counter()
    read_accident(view, outline, "INV", None)
    assert time.perf_counter() - begin < 2
