"""The ablation: taggers side by side, with intervals, on texts that none of them has seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus import ablation
from corpus.ablation import (
    MARKS,
    Cost,
    between_marks,
    cost_of,
    gold_cases,
    intervals,
    read_cases,
    synthetic_cases,
)
from models import Mention, RoleSpan, RoleTagger, together

STYLES = Path(ablation.__file__).parent / "styles"


def test_a_layer_that_is_always_right_has_no_width_and_one_that_varies_has_some() -> None:
    found = intervals(read_cases(synthetic_cases(12, 1.0), None), draws=200)
    assert (found["accident"].f1, found["accident"].low) == (1.0, 1.0)
    strict = found["penalties.strict"]
    assert 0 < strict.low < strict.f1 < strict.high <= 1
    assert str(found["accident"]) == "1.000 [1.00, 1.00]"


class Says:
    """Says the same of every text."""

    def __init__(self, name: str, *mentions: Mention) -> None:
        self.name = name
        self._mentions = mentions

    def tag(self, text: str) -> tuple[Mention, ...]:
        return self._mentions


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        pytest.param((0, 2, 0.9), (5, 7, 0.5), [(0, 2), (5, 7)], id="apart"),
        pytest.param((0, 2, 0.5), (1, 4, 0.9), [(1, 4)], id="the surer one of two that overlap"),
        pytest.param((0, 2, 0.9), (0, 3, 0.9), [(0, 2)], id="the first of two that are as sure"),
        pytest.param((5, 7, 0.5), (0, 2, 0.5), [(0, 2), (5, 7)], id="in order of the text"),
    ],
)
def test_taggers_together(
    one: tuple[int, int, float], other: tuple[int, int, float], kept: list[tuple[int, int]]
) -> None:
    taggers = [
        Says(name, Mention(start, end, "PERSON", score))
        for name, (start, end, score) in (("甲", one), ("乙", other))
    ]
    both = together(taggers)
    assert both.name == "甲+乙"
    assert [(mention.start, mention.end) for mention in both.tag("一二三四五六七八")] == kept


def test_together_they_judge_sentences_if_one_of_them_does() -> None:
    class Judges(Says):
        def roles(self, text: str) -> tuple[RoleSpan, ...]:
            return (RoleSpan(0, len(text), "treatment", 0.9),)

    alone, both = together([Says("甲")]), together([Says("甲"), Judges("乙")])
    assert not isinstance(alone, RoleTagger)
    assert isinstance(both, RoleTagger)
    assert [span.role for span in both.roles("一二")] == ["treatment"]


def test_the_tables_hold_every_tagger_and_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ablation, "cost_of", lambda name, folder: Cost(12_345.6, 0.5, 99.9, 10.56))
    page = tmp_path / "说明.md"
    page.write_text(f"前\n{MARKS[0]}旧的{MARKS[1]}\n后\n", encoding="utf-8")
    ablation.main([str(STYLES), "--taggers", "none", "--documents", "2", "--write", str(page)])
    told = capsys.readouterr().out
    written = page.read_text(encoding="utf-8")
    assert written.startswith(f"前\n{MARKS[0]}\n\n标注文书") and written.endswith("\n后\n")
    assert "旧的" not in written and written.count("| 识别模型 |") == 7
    assert told.count("| 识别模型 |") == 7
    assert "| none | 12,346 | 0.50 | 100 | 10.6 |" in told


@pytest.mark.parametrize(
    "text", ["没有标记", f"{MARKS[0]}没有结束", f"{MARKS[0]}{MARKS[1]}{MARKS[0]}{MARKS[1]}"]
)
def test_a_file_without_the_marks_is_left_alone(text: str) -> None:
    with pytest.raises(ValueError, match="各一处"):
        between_marks(text, "表")


@pytest.mark.slow
def test_the_cost_is_measured_in_a_process_of_its_own() -> None:
    cost = cost_of("none", STYLES)
    assert cost.rate > 1000
    assert cost.load < 0.5
    assert 20 < cost.memory < 400
    assert cost.size == 0


def test_gold_is_read_as_its_text() -> None:
    cases = gold_cases(STYLES)
    assert len(cases) > 3
    assert all(case.document().text == case.text for case in cases)
