"""Sanctions, item by item: the rows of data/cases/penalties.toml, and what one row cannot say."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

from extractor import extract, parse
from extractor.document import DocumentBuilder
from extractor.reading.citations import find_document_numbers
from extractor.reading.clauses import Found, NumberAt, PenaltyReading
from extractor.reading.laws import find_law_citations
from extractor.reading.outline import read_outline
from extractor.reading.penalties import read_penalties
from extractor.reading.roster import Roster
from extractor.rules import load_toml, penalty_families
from extractor.view import View, build_view

CASES = tomllib.loads(
    Path(__file__).with_name("data").joinpath("cases/penalties.toml").read_text(encoding="utf-8")
)["case"]


def read(text: str, kind: str = "INV") -> tuple[View, list[PenaltyReading]]:
    """Read the sanctions of a text."""
    builder = DocumentBuilder(text.encode(), "测试.txt", "text/plain")
    for line in text.split("\n"):
        builder.add_block(line)
    view = build_view(builder.build())
    numbers = [
        NumberAt(i, n.kind, n.start, n.end) for i, n in enumerate(find_document_numbers(view))
    ]
    laws = find_law_citations(view)
    return view, read_penalties(
        view, read_outline(view, kind), kind, Roster(view), Found(laws, numbers)
    )


def in_chapter(case: dict[str, Any]) -> str:
    """Put the item of a case under its headings."""
    heading = case.get("heading", "对有关责任人员和单位的处理建议")
    chapter = "对事故有关责任人员和责任单位的处理建议"
    if case.get("kind", "INV") in {"EVAL", "SELF"}:
        chapter = "责任追究落实情况"
    if case.get("kind", "INV") == "CIRC":
        chapter = "查处情况"
    mark = "" if case.get("prose") else "1."
    title = case.get("title", "某事故报告")
    return f"{title}\n\n一、{chapter}\n（一）{heading}\n{mark}{case['text']}\n"


def shown(reading: PenaltyReading, field: str) -> str:
    """Return one field of a reading as the rows write it."""
    values: dict[str, Any] = {
        "percent": f"{reading.income_percent:g}" if reading.income_percent else None,
        "amount": reading.amount_yuan,
        "organ": reading.organ,
        "recipient": reading.recipient,
        "stage": reading.stage,
        "term": reading.term,
        "basis": ",".join(reading.basis),
        "count": reading.party.count,
    }
    return str(values[field])


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_item(case: dict[str, Any]) -> None:
    _, readings = read(in_chapter(case), case.get("kind", "INV"))
    wanted = [[part.strip() for part in line.split("|")] for line in case["expect"]]
    found = [(r.party.name, r.kind) for r in readings]
    assert sorted(found) == sorted((row[0], row[1]) for row in wanted)
    for party, kind, *fields in wanted:
        reading = next(r for r in readings if (r.party.name, r.kind) == (party, kind))
        for field in fields:
            name, _, value = field.partition("=")
            assert shown(reading, name) == value, field


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_stray_spaces_change_nothing(case: dict[str, Any]) -> None:
    """Text copied from the web has spaces inside words; the same records come out."""
    spaced = dict(
        case, text="".join(c + " " if i % 7 == 3 else c for i, c in enumerate(case["text"]))
    )
    _, plain = read(in_chapter(case), case.get("kind", "INV"))
    _, readings = read(in_chapter(spaced), case.get("kind", "INV"))
    assert [(r.party.name, r.kind, r.amount_yuan) for r in readings] == [
        (r.party.name, r.kind, r.amount_yuan) for r in plain
    ]


def test_every_kind_has_a_cue_or_a_reason() -> None:
    """Each code of the table can be read from some words."""
    rows = load_toml("sanctions.toml")
    read_from_words = {code for row in rows["cue"] for code in row["kind"].split("+")}
    read_from_words |= {row["kind"] for row in rows["heading"]}
    for row in rows["context"]:
        read_from_words |= {value for key, value in row.items() if key != "word"}
    assert set(penalty_families()) - read_from_words == set()
    codes = {code for code in read_from_words if not code.startswith("context:")}
    assert codes <= set(penalty_families())


def test_same_masked_name_with_another_title_is_another_person() -> None:
    """蔡某某 the manager and 蔡某某 the keeper are two parties."""
    text = (
        "某事故报告\n一、处理建议\n（一）移送司法机关的人员\n"
        "1.蔡某某，男，59岁，永川安达化工有限公司经理。\n2.蔡某某，女，34岁，永川安达化工有限公司仓库管理员。\n"
    )
    _, readings = read(text)
    assert len({id(r.party) for r in readings}) == 2


def test_numbers_behind_an_item_belong_to_its_records() -> None:
    """A line of numbers after a statement on several persons is linked to each of them."""
    text = (
        "评估报告\n一、责任追究落实情况\n清河市纪委监委给予陈一、褚二政务警告处分。\n"
        "清监立〔2023〕11号、12号\n"
    )
    _, readings = read(text, "EVAL")
    assert [len(r.numbers) for r in readings] == [2, 2]


def test_hostile_text_is_read_in_linear_time() -> None:
    """A long run of openings does not blow up."""
    view, readings = read("一、处理建议\n" + "建议由对给予责令" * 4000)
    assert len(view.text) > 30_000
    assert readings == []


def test_a_count_before_the_list_is_no_group() -> None:
    """The lead sentence of the chapter sums up what its items say one by one."""
    text = (
        "某事故调查报告\n一、对有关责任人员的处理建议\n建议对2名责任人员给予党纪政务处分。\n"
        "1.张三，东川县应急管理局副局长，建议给予政务警告处分。\n"
        "2.李四，东坝镇副镇长，建议给予政务记过处分。\n"
    )
    _, readings = read(text)
    assert [(r.party.name, r.kind) for r in readings] == [
        ("张三", "gov.warning"),
        ("李四", "gov.demerit"),
    ]


@pytest.mark.parametrize(
    "piece",
    [
        "对张三给予警告",
        "罚款3万元，",
        "；李四，甲公司经理，建议警告",
        "局长张三和",
        "未",
        "由县政府",
        "\t甲\t",
    ],
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """Without a full stop for thousands of characters nothing is read again and again."""
    case = {"text": piece * (20_000 // len(piece))}
    began = time.perf_counter()
    read(in_chapter(case), "INV")
    assert time.perf_counter() - began < 4


def test_a_sanction_without_a_readable_party_is_told() -> None:
    """What is left out because nobody could be read behind 对 stands in the warnings."""
    text = in_chapter(
        {"text": "县应急管理局对阿古达木处以上一年年收入60%的罚款，计93600元。", "kind": "EVAL"}
    )
    document = parse(f"某公司事故整改评估报告\n{text}".encode(), "评估报告.txt")
    result = extract(document)
    (warning,) = result.document.warnings
    assert warning.code == "party_unread"
    assert "对阿古达木处以" in warning.message
    assert result.penalties == []
