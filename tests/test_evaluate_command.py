"""`hecha evaluate`: what it prints, saves, compares, and when it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from corpus.evaluate import read_all, select_gold
from corpus.scoring import LAYERS
from extractor.extraction import Extraction
from tests.conftest import ROOT
from tests.gold_factory import (
    TEXT,
    given_measure,
    given_party,
    given_penalty,
    gold_of,
    result_of,
    wanted_penalty,
)

MEASURES = [
    {"actors": ["兴达公司"], "modality": "required", "begin": "一是兴达", "end": "排查。"},
    {"actors": ["东溪县住建局"], "modality": "required", "begin": "二是", "end": "检查。"},
]
FIRST = (TEXT.index("一是"), TEXT.index("二是"))
TRUTH = ROOT / "corpus" / "samples" / "truth"

Writer = Callable[..., Path]


def run(*args: object) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(app, ["evaluate", *map(str, args)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A gold folder of one document."""
    gold = gold_of(penalties=[wanted_penalty()], measures=MEASURES)
    (tmp_path / "made.json").write_text(gold.model_dump_json(), encoding="utf-8")
    (tmp_path / "made.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Store one result and return its folder."""

    def store(name: str = "results", **changes: Any) -> Path:
        results = tmp_path / name
        results.mkdir()
        text = result_of(**changes).model_dump_json()
        (results / "made.json").write_text(text, encoding="utf-8")
        return results

    return store


def test_stored_results_are_scored(folder: Path, write: Writer) -> None:
    results = write(parties=[given_party()], penalties=[given_penalty()])
    done = run(folder, results, "--json", "--min", "penalties.strict=1")
    assert done.exit_code == 0
    figures = json.loads(done.stdout)
    assert figures["layers"]["penalties.strict"]["f1"] == 1.0
    assert figures["layers"]["measures"]["fn"] == 2
    assert figures["kind_accuracy"] == 1.0
    assert list(figures["layers"]) == list(LAYERS)
    assert figures["kinds"]["INV"]["documents"] == 1
    assert figures["families"]["administrative"]["penalties.strict"]["tp"] == 1
    assert figures["calibration"]["全部"]["records"] == 1


def test_documents_are_read_where_no_results_are_named(folder: Path) -> None:
    done = run(folder)
    assert done.exit_code == 0
    assert "1 份文书" in done.stdout
    assert "没有结果" not in done.stdout


def test_a_missing_result_is_named_and_counts_as_missing_all(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    done = run(folder, tmp_path / "none", "--errors")
    assert done.exit_code == 0
    assert "没有结果（全部记为漏）：made" in done.stdout
    wanted = f"made\tpenalties.strict\t漏 甲某某 admin.fine 30000元\t{TEXT.split('。')[0]}。"
    assert wanted in done.stdout


def test_a_range_outside_the_text_fails(folder: Path, write: Writer) -> None:
    results = write(parties=[given_party()], penalties=[given_penalty(end=len(TEXT) + 1)])
    done = run(folder, results)
    assert done.exit_code == 1
    assert "越界区间 1 个" in done.stderr


def test_a_missed_minimum_fails(folder: Path, write: Writer) -> None:
    done = run(folder, write(), "--min", "measures=0.5")
    assert done.exit_code == 1
    assert "低于要求：measures=0.5，实际 0.000" in done.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(["--min", "names=0.5"], "没有“names”这一层", id="unknown layer"),
        pytest.param(["--min", "measures=high"], "层=F1", id="minimum that is no number"),
        pytest.param(["--damage", "a,z"], "--damage 没有“z”", id="unknown damage"),
        pytest.param(["--against", "没有"], "--against 要写文件夹", id="no earlier results"),
        pytest.param(["没有"], "结果 要写文件夹", id="no results"),
    ],
)
def test_wrong_use(folder: Path, args: list[str], message: str) -> None:
    done = run(folder, *args)
    assert done.exit_code == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("made.json", '{"id": "made"}', "失败 不合格式（Gold）：kind", id="bad gold"),
        pytest.param("made.json", None, "没有要评的标注文件", id="no gold"),
        pytest.param("made.txt", None, "失败 ", id="no document"),
        pytest.param("made.txt", "", "失败 ", id="empty document"),
        pytest.param("made.txt", "别的文字。", "不在文中", id="truth of another text"),
        pytest.param("results/made.json", "{}", "不合格式（Extraction）", id="bad result"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(
    folder: Path, write: Writer, name: str, content: str | None, message: str
) -> None:
    results = write()
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content, encoding="utf-8")
    done = run(folder, results)
    assert done.exit_code == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_only_some_kinds_of_documents(folder: Path, write: Writer) -> None:
    results = write()
    assert run(folder, results, "--kinds", "EVAL").exit_code == 1
    assert "1 份文书" in run(folder, results, "--kinds", "EVAL,INV").stdout


def test_gains_and_losses_against_an_earlier_run(folder: Path, write: Writer) -> None:
    """A sanction found now is a gain, a measure lost now a loss; each with its sentence."""
    before = write("before", measures=[given_measure(*FIRST, "兴达公司")])
    now = write("now", parties=[given_party()], penalties=[given_penalty()])
    done = run(folder, now, "--against", before, "--json")
    changes = {
        (each["layer"], each["gain"], each["what"]): each["sentence"]
        for each in json.loads(done.stdout)["changes"]
    }
    fine = TEXT.split("。")[0] + "。"
    assert changes == {
        ("penalties.strict", True, "漏 甲某某 admin.fine 30000元"): fine,
        ("penalties.relaxed", True, "漏 甲某某 admin.fine 30000元"): fine,
        ("measures", False, "漏「一是兴达公司要开展排查。」"): "一是兴达公司要开展排查。",
    }
    text = run(folder, now, "--against", before).stdout
    assert "与上次相比：进步 2 项，退步 1 项" in text
    assert "penalties.strict：进步 1 项，退步 0 项" in text


def test_a_run_against_itself_changes_nothing(folder: Path, write: Writer) -> None:
    """Two equal faults are matched with two, so that nothing is gained or lost."""
    twice = [given_penalty(kind="gov.warning"), given_penalty(kind="gov.warning", id="k2")]
    results = write(parties=[given_party()], penalties=twice)
    done = run(folder, results, "--against", results, "--json")
    assert json.loads(done.stdout)["changes"] == []


def test_a_report_is_saved_with_all_tables(folder: Path, write: Writer, tmp_path: Path) -> None:
    results, report = write(measures=[given_measure(*FIRST)]), tmp_path / "out" / "报告.md"
    done = run(folder, results, "--against", results, "--damage", "a,e", "--report", report)
    assert done.exit_code == 0
    text = report.read_text("utf-8")
    titles = ("各层", "各文种", "各类处理", "把握程度", "可靠性图", "与上次相比", "损坏的文字")
    assert [title for title in titles if f"## {title}" not in text] == []
    assert "| measures | 1.000 | 0.500 | 0.667 | 1 | 0 | 1 |" in text
    assert "```text\n0.9-1.0 ###" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in rows)


def test_a_report_that_cannot_be_saved_fails(folder: Path, write: Writer) -> None:
    done = run(folder, write(), "--report", folder / "made.txt" / "报告.md")
    assert done.exit_code == 1
    assert "[write_failed]" in done.stderr


def test_corrupted_values_are_counted() -> None:
    done = run(TRUTH, "--corrupt", 60)
    assert done.exit_code == 0
    assert "false grounding " in done.stdout
    assert " of 60（应为 0）" in done.stdout
    figures = json.loads(run(TRUTH, "--corrupt", 60, "--json").stdout)["corruption"]
    assert sum(row["tried"] for row in figures.values()) == 60


def test_damage_is_measured_also_for_word_and_pdf_files() -> None:
    """The sample case has a DOCX and a PDF file: their text is damaged and read as text."""
    figures = json.loads(run(TRUTH, "--damage", "a", "--json").stdout)["damage"]["a"]
    assert set(figures) == set(LAYERS)
    assert figures["document_numbers"]["f1"] > 0.9


def test_the_check_alone(folder: Path) -> None:
    done = run(folder, "--check")
    assert (done.exit_code, done.stdout) == (0, "标注文件没有问题\n")
    (folder / "made.txt").write_text("别的内容。", encoding="utf-8")
    done = run(folder, "--check")
    assert done.exit_code == 1
    assert "made：" in done.stdout
    (folder / "made.json").write_text("{}", encoding="utf-8")
    assert run(folder, "--check").exit_code == 1


# --- the measured documents: the figures of their own scorer -------------------------------------


def _store(result: Extraction, path: Path, share: int) -> None:
    """Store a result, spoilt so that something is missed and something wrong in every layer."""
    penalties = [
        k.model_copy(update={"stage": "executed", "organ": "县法院"}) if at % 7 == 3 else k
        for at, k in enumerate(result.penalties)
        if at % share
    ]
    changed = result.model_copy(
        update={
            "document_numbers": result.document_numbers[1:],
            "penalties": [*penalties, *penalties[:1]],
            "measures": [
                m.model_copy(update={"actors": [*m.actors, "某局"]}) if at % 2 else m
                for at, m in enumerate(result.measures)
                if at % share
            ],
            "problems": [q.model_copy(update={"end": q.start + 4}) for q in result.problems[:1]],
            "suggestions": result.suggestions[1:],
            "accident": result.accident
            and result.accident.model_copy(update={"deaths": 77, "grade": None}),
        }
    )
    path.write_text(changed.model_dump_json(), encoding="utf-8")


@pytest.mark.parametrize("kinds", ["", "EVAL", "INV,PLAN,CIRC"])
@pytest.mark.parametrize("share", [2, 3, 10**6])
def test_the_figures_are_those_of_the_measured_scorer(
    gold: Path, tmp_path: Path, kinds: str, share: int
) -> None:
    """Layer by layer the same counts and rates as score.py, on spoilt results, one missing."""
    files = select_gold(gold / "dev")
    for file, reading in list(zip(files, read_all(files), strict=True))[1:]:
        assert reading.result is not None
        _store(reading.result, tmp_path / f"{file.gold.id}.json", share)
    options = ["--json", *(["--kinds", kinds] if kinds else [])]
    theirs = subprocess.run(  # noqa: S603
        [sys.executable, str(gold / "score.py"), str(gold / "dev"), str(tmp_path), *options],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    wanted = json.loads(theirs.stdout)
    figures = json.loads(run(gold / "dev", tmp_path, *options).stdout)
    assert figures["layers"].keys() == wanted["layers"].keys()
    for layer, row in wanted["layers"].items():
        assert figures["layers"][layer] == pytest.approx(row), layer
    for name in ("documents", "kind_accuracy", "bad_spans", "missing"):
        assert figures[name] == wanted[name]
