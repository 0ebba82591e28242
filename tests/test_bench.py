"""The benches measure what they say: their limits are judged, their long report really grows."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from bench.every_format import measure
from bench.fidelity import judge, judge_facts
from bench.figures import Figure, show
from bench.growth import NESTED, PIECES, TIMES, hostile_text
from bench.long_report import long_report, task_rows
from bench.pages import percentages
from bench.story_files import OUR_FORMS, Form, MissingError, Story, stories
from bench.typesetting import Printed, Wanted, print_by_canvas, print_by_office
from extractor import extract, parse


@pytest.mark.parametrize(
    ("figure", "is_missed"),
    [
        pytest.param(Figure(12.0, "倍"), False, id="no limit"),
        pytest.param(Figure(11.0, "倍", 11.0), False, id="at the limit"),
        pytest.param(Figure(11.1, "倍", 11.0), True, id="over the limit"),
        pytest.param(Figure("超过 120 秒", "倍", 2.0), True, id="not done in time"),
        pytest.param(Figure(99.95, "%", least=99.95), False, id="at the least"),
        pytest.param(Figure(99.94, "%", least=99.95), True, id="below the least"),
    ],
)
def test_limits(figure: Figure, is_missed: bool) -> None:
    assert figure.is_missed == is_missed


def test_a_missed_limit_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    show("增长", {"十倍": Figure(12.5, "倍", 11.0), "内存": Figure(80.0, "MiB", 250.0)})
    lines = capsys.readouterr().out.splitlines()
    assert "未达到：十倍" in lines
    assert json.loads(lines[-1])["missed"] == ["十倍"]


def test_no_line_of_the_long_report_comes_twice() -> None:
    lines = Counter(long_report(60_000).splitlines())
    assert [line for line, count in lines.items() if count > 1 and len(line) > 12] == []


def test_a_report_twice_as_long_states_twice_as_much() -> None:
    """Otherwise its time would say nothing about growth."""
    short, long = (extract(parse(long_report(n).encode(), "报告.txt")) for n in (15_000, 30_000))
    for layer in ("parties", "penalties", "measures", "document_numbers"):
        once, twice = len(getattr(short, layer)), len(getattr(long, layer))
        assert 1.8 <= twice / once <= 2.2, layer
    assert len(long_report(30_000)) - 30_000 in range(400)


@pytest.mark.parametrize("name", [*PIECES, NESTED])
def test_hostile_texts_are_as_long_as_they_say(name: str) -> None:
    assert len(hostile_text(name)) == TIMES * len(PIECES.get(name, "（"))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PIECES, NESTED])
def test_hostile_texts_are_read_in_time(name: str) -> None:
    """A rule whose time grows with the square would take hours; the bench gives the exact ratio."""
    assert extract(parse(hostile_text(name).encode(), "报告.txt")).penalties == []


# --- printed reports ----------------------------------------------------------------------------

SMALL = (
    Wanted("一栏", 5_000, rows=24, notes=4, watermark=True),
    Wanted("两栏", 6_000, columns=2, notes=3, watermark=True),
)


def missed(printed: Printed) -> list[str]:
    document = parse(printed.data, "a.pdf")
    found = judge(document, printed)
    found.add(judge_facts(document, printed))
    assert found.characters > 4_000
    assert found.facts > 20
    return [name for name, figure in percentages(found).items() if figure.is_missed] + found.missed


@pytest.mark.parametrize("wanted", SMALL, ids=lambda wanted: wanted.name)
def test_a_report_printed_by_a_program_is_read_as_it_was_written(wanted: Wanted) -> None:
    assert missed(print_by_canvas(wanted)) == []


@pytest.mark.slow
@pytest.mark.parametrize("wanted", SMALL, ids=lambda wanted: wanted.name)
def test_a_report_printed_by_an_office_is_read_as_it_was_written(wanted: Wanted) -> None:
    printed = print_by_office(wanted)
    if printed is None:
        pytest.skip("没有安装 LibreOffice")
    assert missed(printed) == []


def test_what_a_reader_gets_wrong_is_counted() -> None:
    """Each figure falls when its part of the truth is another than the reading."""
    printed = print_by_canvas(SMALL[0])
    document = parse(printed.data, "a.pdf")
    wrong = Printed(
        printed.name,
        printed.data,
        ("多出的一段。", *printed.paragraphs),
        (*printed.rows, ("甲", "乙", "丙", "丁")),
        (*printed.notes, "多出的注。"),
        "另一个水印",
        printed.running_head,
    )
    figures = percentages(judge(document, wrong))
    assert {name for name, figure in figures.items() if figure.value == 100} == set()
    assert figures["表格行一致"].value == pytest.approx(100 * 25 / 26)


# --- the same report in every format ------------------------------------------------------------


def test_every_format_that_we_write_reads_as_the_text_does() -> None:
    figures, missed = measure(OUR_FORMS, stories(6_000))
    assert missed == []
    assert {name for name, figure in figures.items() if figure.is_missed} == set()
    assert len(figures) == 2 * len(OUR_FORMS) + 2


def test_a_format_that_loses_text_is_missed_and_one_without_its_tool_is_skipped() -> None:
    def cut(story: Story) -> bytes:
        return "\n".join(story.lines[:-3]).encode()

    def missing(story: Story) -> bytes:
        raise MissingError("没有安装工具")

    figures, missed = measure(
        [Form("少", "a.txt", cut), Form("无", "a.doc", missing)], stories(3_000)[:1]
    )
    assert figures["无"].value == "跳过：没有安装工具"
    assert {name for name, figure in figures.items() if figure.is_missed} >= {"少：文字"}
    assert missed


def test_task_rows_are_all_different() -> None:
    rows = task_rows(200)
    assert len(set(rows)) == len({measure for _, measure, _, _ in rows}) == 200
