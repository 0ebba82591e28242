"""A tagger in use: chosen by name, proposing names, and casting doubt where it sees none."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from api.jobs import work
from api.reader import LibraryReader
from extractor import extract, parse
from extractor.extraction import Extraction, Penalty
from extractor.formats import DEFAULT_LIMITS
from models import Mention, NoTagger, TaggerError

TEXT = (
    "云溪县东川化工有限公司“3·5”爆炸事故调查报告\n\n一、对事故有关责任人员的处理建议\n\n"
    "1.赵远山，东川化工有限公司拌料工，对事故发生负有责任，建议由云溪县应急管理局处20万元罚款。\n\n"
    "2.钱山，东川化工有限公司采样工，对事故发生负有责任，建议由云溪县应急管理局处2万元罚款。\n"
)


class Sees:
    """Sees these names as persons, wherever they stand."""

    name = "sees"

    def __init__(self, *names: str) -> None:
        self._names = names

    def tag(self, text: str) -> Sequence[Mention]:
        found = ((text.find(name), name) for name in self._names)
        return sorted(
            (Mention(at, at + len(name), "PERSON") for at, name in found if at >= 0),
            key=lambda mention: mention.start,
        )


def penalties_of(text: str, tagger: Any) -> list[Penalty]:
    return extract(parse(text.encode(), "报告.txt"), tagger).penalties


def penalties(tagger: Any) -> list[Penalty]:
    return penalties_of(TEXT, tagger)


@pytest.mark.parametrize(
    ("tagger", "flags"),
    [
        pytest.param(None, [[], []], id="no tagger"),
        pytest.param(NoTagger(), [[], []], id="the tagger that sees nothing"),
        pytest.param(Sees("赵远山", "钱山"), [[], []], id="it agrees"),
        pytest.param(Sees("赵远山"), [[], ["tagger_disagrees"]], id="it sees one of them"),
        pytest.param(Sees("赵远", "钱山"), [["tagger_disagrees"], []], id="it sees another border"),
    ],
)
def test_a_person_that_the_tagger_does_not_see_is_flagged(
    tagger: Any, flags: list[list[str]]
) -> None:
    found = penalties(tagger)
    alone = penalties(None)
    assert [penalty.flags for penalty in found] == flags
    for penalty, before in zip(found, alone, strict=True):
        assert (penalty.confidence < before.confidence) == bool(penalty.flags)


@pytest.mark.parametrize(
    ("person", "asked"),
    [
        pytest.param("赵远山，东川化工有限公司副总经理", False, id="a title of the rows"),
        pytest.param("赵远山，东川化工有限公司采样工", True, id="a title that only looks like one"),
        pytest.param("赵远山，男", True, id="no title"),
        pytest.param("艾力·买买提，东川化工有限公司副总经理", True, id="a name of two parts"),
    ],
)
def test_a_tagger_is_asked_only_where_the_rules_may_be_wrong(person: str, asked: bool) -> None:
    text = TEXT.replace("赵远山，东川化工有限公司拌料工", person)
    (flags, _) = (
        p.flags for p in extract(parse(text.encode(), "报告.txt"), Sees("钱山")).penalties
    )
    assert (flags == ["tagger_disagrees"]) == asked


def run(*args: object) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(app, [str(arg) for arg in args])


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "报告.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.mark.parametrize("command", ["extract", "checklist", "view"])
def test_a_tagger_that_cannot_be_used_is_a_wrong_use(
    command: str, report: Path, tmp_path: Path
) -> None:
    result = run(command, report, "--tagger", tmp_path / "没有")
    assert result.exit_code == 2
    assert "不能用" in result.stderr and "没有找到识别模型" in result.stderr


def test_the_tagger_of_the_command_line_reads(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.tagging.ready_tagger", lambda name: Sees(name))
    assert run("extract", report, "--tagger", "赵远山").stdout.count("tagger_disagrees") == 1
    assert "tagger_disagrees" not in run("extract", report, "--tagger", "none").stdout
    monkeypatch.setenv("HECHA_TAGGER", "钱山")
    assert run("extract", report).stdout.count("tagger_disagrees") == 1


def test_the_tagger_that_comes_with_the_program_is_the_default(report: Path) -> None:
    pytest.importorskip("onnxruntime")
    usual = run("extract", report).stdout
    assert usual == run("extract", report, "--tagger", "transformer").stdout
    assert CliRunner().invoke(app, ["extract", "--help"]).stdout.count("transformer（默认）") == 1


def test_a_tagger_that_cannot_be_used_names_the_way_without_one(report: Path) -> None:
    assert "--tagger none" in run("extract", report, "--tagger", "没有").stderr


def test_the_explanation_says_that_the_tagger_disagrees(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.tagging.ready_tagger", lambda name: Sees(name))
    told = run("extract", report, "--tagger", "赵远山", "--explain").stdout
    assert "识别模型没有把这个名字认作人名，请对照原文核对" in told
    assert "tagger.disagrees" not in told


def test_the_workers_of_the_service_take_the_tagger_of_its_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(work, "ready_tagger", lambda name: Sees(name))
    monkeypatch.setattr(work, "step_back", lambda: None)
    data = TEXT.encode()
    digest = sha256(data).hexdigest()
    answer = work.read_file(data, "报告.txt", digest, "赵远山", {}, limits=DEFAULT_LIMITS)
    extraction = Extraction.model_validate_json(answer[2])
    assert [penalty.flags for penalty in extraction.penalties] == [[], ["tagger_disagrees"]]
    assert work.tagger_name("赵远山", limits=DEFAULT_LIMITS) == Sees("赵远山").name


def test_results_with_a_tagger_are_of_another_version() -> None:
    assert LibraryReader(tagger="jieba").version != LibraryReader().version


def test_a_tagger_that_cannot_be_used_is_refused_at_once() -> None:
    with pytest.raises(TaggerError, match="没有找到识别模型"):
        LibraryReader(tagger="/nowhere")
