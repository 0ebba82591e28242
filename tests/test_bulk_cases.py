"""The cases of `hecha bulk` and `hecha watch`: made when they change, corrected by people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from api.bulk import case_keeper, casebook
from api.bulk.case_keeper import CaseKeeper
from api.bulk.casebook import Casebook, CaseCounts, CaseWishes
from api.bulk.crew import Crew
from api.bulk.ledger import encode, read_lines, standing_lines
from api.bulk.places import Layout
from extractor import Checklist
from extractor.formats.limits import Limits
from tests.test_bulk_command import bulk, report
from tests.test_folder_watch import Running, put, until, watch

REPLY = (
    "青石县人民政府关于青石县沐泉1号公司“3·5”一般坍塌事故调查报告的批复\n\n"
    "青石县应急管理局：\n\n原则同意《青石县沐泉1号公司“3·5”一般坍塌事故调查报告》。\n"
    "对沐泉1号公司处以罚款20万元。\n\n青石县人民政府\n2023年6月5日\n"
)
LETTER = "来信\n\n请查收附件中的材料，谢谢。\n"


def files(output: Path) -> dict[str, int]:
    """The checklists and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in (output / "cases").iterdir()}


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {name for name, at in after.items() if before.get(name) != at}


def one(names: set[str] | dict[str, int], part: str, end: str = ".json") -> str:
    (name,) = (name for name in names if part in name and name.endswith(end))
    return name


def rows(output: Path, sheet: str = "案件") -> list[dict[str, Any]]:
    head, *rest = openpyxl.load_workbook(output / "汇总.xlsx")[sheet].iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rest]


@pytest.fixture
def crew() -> Iterator[Crew]:
    crew = Crew(Limits())
    yield crew
    crew.stop()


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """Results of four documents, two of one accident, with workbooks."""
    for at in (1, 2):
        put(tmp_path / "in", f"报告{at}.txt", report(at))
    put(tmp_path / "in", "批复.txt", REPLY)
    put(tmp_path / "in", "来信.txt", LETTER)
    result = bulk(tmp_path / "in", tmp_path / "out", "--xlsx", "--tagger", "none")
    assert result.exit_code == 0, result.output
    return tmp_path / "out"


def again(output: Path, *options: object) -> Any:
    words = ("--resume", "--xlsx", "--tagger", "none", *options)
    return bulk(output.parent / "in", output, *words)


# --- what has changed is made, and nothing else ---------------------------------------------------


def test_only_the_cases_that_have_changed_are_made(ready: Path) -> None:
    before, book = files(ready), (ready / "汇总.xlsx").stat().st_mtime_ns
    assert len(before) == 6, "three cases, JSON and XLSX"
    assert again(ready).exit_code == 0
    assert files(ready) == before
    assert (ready / "汇总.xlsx").stat().st_mtime_ns == book, "nor the workbook over all"
    put(ready.parent / "in", "报告3.txt", report(3))
    put(ready.parent / "in", "批复2.txt", REPLY.replace("1号", "2号"))
    assert again(ready).exit_code == 0
    assert {name[5] for name in changed(before, files(ready))} == {"2", "3"}
    assert len(files(ready)) == 8
    assert len(rows(ready)) == 6
    assert [row["案件序号"] for row in rows(ready, "责任追究")] == sorted(
        row["案件序号"] for row in rows(ready, "责任追究")
    )


def test_the_workbook_of_a_case_holds_its_checklist(ready: Path) -> None:
    name = one(files(ready), "沐泉1号", ".xlsx")
    book = openpyxl.load_workbook(ready / "cases" / name)
    assert book.sheetnames[:3] == ["基本信息", "责任追究", "整改措施"]
    checklist = json.loads((ready / "cases" / name.replace(".xlsx", ".json")).read_text("utf-8"))
    assert Checklist.model_validate(checklist).accountability
    assert len(checklist["documents"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda out, name: (out / "cases" / name).unlink(), id="no checklist"),
        pytest.param(lambda out, name: (out / "cases" / name).write_bytes(b"{"), id="torn"),
        pytest.param(
            lambda out, name: (out / "cases" / name.replace(".json", ".xlsx")).unlink(),
            id="no workbook",
        ),
        pytest.param(
            lambda out, _: [path.unlink() for path in (out / ".hecha" / "rows").rglob("*/*")],
            id="no rows",
        ),
        pytest.param(lambda out, _: (out / ".hecha" / "cases.jsonl").unlink(), id="no index"),
    ],
)
def test_what_is_missing_is_made_again(spoil: Any, ready: Path) -> None:
    name = one(files(ready), "沐泉2号")
    data = (ready / "cases" / name).read_bytes()
    before = rows(ready)
    spoil(ready, name)
    assert again(ready).exit_code == 0
    assert (ready / "cases" / name).read_bytes() == data
    assert (ready / "cases" / name.replace(".json", ".xlsx")).exists()
    assert rows(ready) == before


def test_rows_that_a_power_cut_has_emptied_are_said_and_then_made(ready: Path) -> None:
    for path in (ready / ".hecha" / "rows").rglob("*/*"):
        path.write_bytes(b"\0" * path.stat().st_size)
    (ready / "汇总.xlsx").unlink()
    result = again(ready)
    assert result.exit_code == 1 and "没有写进汇总表" in result.stderr
    assert again(ready).exit_code == 0
    assert len(rows(ready)) == 4


def test_facts_that_a_power_cut_has_lost_are_read_again(ready: Path) -> None:
    (ready / ".hecha" / "facts.jsonl").write_bytes(b"")
    before = rows(ready)
    assert again(ready).exit_code == 0
    assert rows(ready) == before


def test_a_checklist_is_made_again_when_its_time_has_run_out(
    ready: Path, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An evaluation that is open today is late one day."""
    wishes = CaseWishes(1, Limits(), ready / "归并更正.tsv", xlsx=True)
    until_when = {line["file"]: line["until"] for line in read_lines(ready / ".hecha/cases.jsonl")}
    monkeypatch.setattr(casebook, "local_day", lambda: date(2024, 1, 1))
    assert Casebook(Layout(ready), crew, wishes).update().made == 0
    monkeypatch.setattr(casebook, "local_day", lambda: date(2999, 1, 1))
    made = Casebook(Layout(ready), crew, wishes).update().made
    assert made == sum(each is not None for each in until_when.values())


# --- what people have filled in stays -------------------------------------------------------------


def test_a_workbook_that_was_filled_in_is_never_overwritten(ready: Path) -> None:
    name = one(files(ready), "沐泉1号", ".xlsx")
    path = ready / "cases" / name
    path.write_bytes(b"filled in")
    put(ready.parent / "in", "批复二.txt", REPLY.replace("20万", "30万"))
    result = again(ready)
    second = name.replace(".xlsx", "（2）.xlsx")
    assert path.read_bytes() == b"filled in"
    assert f"cases/{name} 有人改过，没有覆盖，新的清单写在 {second}" in result.stderr
    at = files(ready)[second]
    put(ready.parent / "in", "批复三.txt", REPLY.replace("20万", "40万"))
    assert "有人改过" not in again(ready).stderr
    assert files(ready)[second] != at, "the new one is the program's own"
    assert len([each for each in files(ready) if "沐泉1号" in each]) == 3


def test_a_workbook_that_was_written_when_the_program_was_killed_is_known(ready: Path) -> None:
    """It stands in no index yet; what was about to be written was kept before."""
    index = ready / ".hecha" / "cases.jsonl"
    before = index.read_bytes()
    put(ready.parent / "in", "批复二.txt", REPLY.replace("20万", "30万"))
    again(ready)
    index.write_bytes(before)
    result = again(ready)
    assert "有人改过" not in result.stderr
    assert not [name for name in files(ready) if "（" in name]


# --- corrections ----------------------------------------------------------------------------------


def test_corrections_are_taken_up_when_a_run_is_continued(ready: Path) -> None:
    before = files(ready)
    table = (
        "文件\t案件\n来信.txt\t青石县沐泉2号公司“3·5”一般坍塌事故\n批复.txt\t单独\n无.txt\t单独\n"
    )
    put(ready, "归并更正.tsv", table)
    result = again(ready)
    assert result.exit_code == 0
    assert "提醒 归并更正.tsv 第 4 行没有用上：没有读出过“无.txt”" in result.stderr
    reasons = {row["文件"]: row["归为一起的理由"] for row in rows(ready)}
    assert reasons["来信.txt"] == "由人归入“青石县沐泉2号公司“3·5”一般坍塌事故”"
    assert reasons["批复.txt"] == "由人单独放"
    numbers = {row["文件"]: row["案件序号"] for row in rows(ready)}
    assert numbers["来信.txt"] == numbers["报告2.txt"] != numbers["批复.txt"]
    summary = json.loads((ready / "summary.json").read_text("utf-8"))
    assert len(summary["correction_notes"]) == 1
    (ready / "归并更正.tsv").unlink()
    assert again(ready).exit_code == 0
    assert set(files(ready)) == set(before), "as it was"


def test_another_table_may_lie_anywhere_even_in_the_input(tmp_path: Path) -> None:
    for at in (1, 2):
        put(tmp_path / "in", f"{at}.txt", report(at))
    table = put(tmp_path / "in", "更正.txt", "1.txt\t两起并作一起\n2.txt\t两起并作一起\n")
    result = bulk(tmp_path / "in", tmp_path / "out", "--corrections", table, "--tagger", "none")
    assert result.exit_code == 0, result.output
    assert {row["文件"] for row in rows(tmp_path / "out")} == {"1.txt", "2.txt"}
    assert {row["事故名称"] for row in rows(tmp_path / "out")} == {"两起并作一起"}
    assert {path.suffix for path in (tmp_path / "out" / "cases").iterdir()} == {".json"}


def test_a_table_may_wait_in_an_empty_folder_of_results(tmp_path: Path) -> None:
    put(tmp_path / "in", "1.txt", report(1))
    put(tmp_path / "out", "归并更正.tsv", "1.txt\t某起事故\n")
    assert bulk(tmp_path / "in", tmp_path / "out", "--tagger", "none").exit_code == 0
    assert rows(tmp_path / "out")[0]["事故名称"] == "某起事故"


def test_a_table_that_cannot_be_read_leaves_the_cases_as_they_are(ready: Path) -> None:
    before = files(ready)
    (ready / "归并更正.tsv").write_bytes(b"\xff\xff\xff\x00\x81")
    result = again(ready)
    assert result.exit_code == 1
    assert "[corrections_unreadable]" in result.stderr
    assert files(ready) == before


@pytest.mark.parametrize("command", ["bulk", "watch"])
def test_a_table_that_is_not_there_is_wrong_use(command: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    option = ("--corrections", tmp_path / "无.tsv")
    if command == "bulk":
        result = bulk(tmp_path / "in", tmp_path / "out", *option)
    else:
        result = watch(tmp_path / "in", *option)
    assert result.exit_code == 2
    assert "不是文件" in result.output


# --- a watched folder -----------------------------------------------------------------------------


def test_a_watch_writes_checklists_and_the_workbook(tmp_path: Path) -> None:
    put(tmp_path, "报告.txt", report(1))
    put(tmp_path, "坏.pdf", b"%PDF-1.7\nbroken")
    assert watch(tmp_path, "--tagger", "none").exit_code == 1
    before = files(tmp_path / "output")
    assert {Path(name).suffix for name in before} == {".json", ".xlsx"}
    put(tmp_path, "批复.txt", REPLY)
    put(tmp_path, "报告.txt", report(2))
    result = watch(tmp_path, "--tagger", "none")
    assert result.exit_code == 0
    assert "清单 青石县沐泉2号公司“3·5”一般坍塌事故 → cases/青石县沐泉2号" in result.stderr
    after = files(tmp_path / "output")
    assert len(after) == 4 and len(changed(before, after)) == 4
    found = rows(tmp_path / "output")
    # Two contents have come under one name; both are there.
    assert sorted(row["文件"] for row in found) == ["批复.txt", "报告.txt", "报告.txt"]
    (unread,) = rows(tmp_path / "output", "没有读的文件")
    assert (unread["文件"], unread["代码"]) == ("坏.pdf", "file_corrupt")


def test_a_watch_may_write_json_alone(tmp_path: Path) -> None:
    put(tmp_path, "报告.txt", report(1))
    assert watch(tmp_path, "--tagger", "none", "--no-xlsx").exit_code == 0
    assert {Path(name).suffix for name in files(tmp_path / "output")} == {".json"}


def test_a_watch_takes_up_what_a_killed_one_has_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "报告.txt", report(1))
    with monkeypatch.context() as patched:
        patched.setattr(CaseKeeper, "finish", lambda self: None)
        watch(tmp_path, "--tagger", "none")
    assert not (tmp_path / "output" / "cases").exists()
    assert watch(tmp_path, "--tagger", "none").exit_code == 0
    assert len(files(tmp_path / "output")) == 2


def test_while_it_runs_checklists_come_when_it_is_quiet_and_follow_corrections(
    tmp_path: Path,
) -> None:
    output = tmp_path / "output"
    with Running(tmp_path, output):
        put(tmp_path, "报告.txt", report(1))
        until(lambda: (output / "汇总.xlsx").exists())
        before = files(output)
        put(tmp_path, "来信.txt", LETTER)
        until(lambda: len(files(output)) == 4)
        assert not changed(before, files(output)) & set(before), "the first is left alone"
        put(output, "归并更正.tsv", "来信.txt\t青石县沐泉1号公司“3·5”一般坍塌事故\n")
        until(lambda: len(files(output)) == 2)
    assert {row["案件序号"] for row in rows(output)} == {1}, "the workbook follows at the end"


class _Casebook:
    """Counts what is asked of it."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.asked: list[bool] = []
        self.seconds = seconds
        self.failures: list[tuple[str, str, str]] = []
        self.on_case: Any = None

    def update(self, *, workbook: bool = True) -> CaseCounts:
        self.asked.append(workbook)
        CLOCK.now += self.seconds
        return CaseCounts(failures=list(self.failures))


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


CLOCK = _Clock()


def keeper(book: _Casebook, folder: Path, monkeypatch: pytest.MonkeyPatch) -> CaseKeeper:
    monkeypatch.setattr(case_keeper, "monotonic", CLOCK)
    untyped: Any = book
    return CaseKeeper(untyped, folder / "归并更正.tsv", 3.0, behind=False)


def test_it_waits_for_quiet_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = _Casebook()
    kept = keeper(book, tmp_path, monkeypatch)
    kept.look(busy=False)
    assert book.asked == [] and not kept.has_work
    kept.note()
    for _ in range(58):
        CLOCK.now += 1.0
        kept.stir()
        kept.look(busy=False)
    assert book.asked == []
    for _ in range(4):
        CLOCK.now += 1.0
        kept.stir()
        kept.look(busy=True)
    assert book.asked == [True]


def test_the_workbook_takes_a_small_part_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = _Casebook(seconds=10.0)
    kept = keeper(book, tmp_path, monkeypatch)
    for _ in range(2):
        kept.note()
        CLOCK.now += 4.0
        kept.look(busy=False)
    assert book.asked == [True, False]
    CLOCK.now += 200.0
    kept.look(busy=False)
    assert book.asked == [True, False, True]
    kept.finish()
    assert len(book.asked) == 3, "nothing is left to do"


def test_what_failed_is_tried_again_later_and_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    book = _Casebook()
    book.failures = [("某起", "write_failed", "磁盘已满")]
    kept = keeper(book, tmp_path, monkeypatch)
    kept.note()
    for _ in range(130):
        CLOCK.now += 1.0
        kept.look(busy=False)
    assert len(book.asked) == 3 and kept.failed
    book.failures = []
    CLOCK.now += 61.0
    kept.look(busy=False)
    assert not kept.has_work
    assert capsys.readouterr().err.count("磁盘已满") == 1


def test_a_case_that_breaks_its_worker_costs_itself_alone(
    ready: Path, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, its old checklist goes, and it is not tried again until it changes."""
    monkeypatch.setattr(casebook, "BUILD", "tests.hostile_bulk:build_or_break")
    monkeypatch.setattr(casebook, "BUILD_MANY", "tests.hostile_bulk:build_or_break")
    (ready / ".hecha" / "cases.jsonl").unlink()
    book = Casebook(Layout(ready), crew, CaseWishes(1, Limits(), ready / "归并更正.tsv"))
    counts = book.update()
    assert [(name, code) for name, code, _ in counts.failures] == [
        ("青石县沐泉2号公司“3·5”一般坍塌事故", "parse_crashed")
    ]
    assert (counts.cases, counts.made) == (3, 2)
    assert not [name for name in files(ready) if "沐泉2号" in name and name.endswith(".json")]
    monkeypatch.setattr(casebook, "BUILD", "tests.hostile_bulk:no_such_function")
    assert len(book.update().failures) == 1


def test_lines_stand_until_their_content_comes_again(tmp_path: Path) -> None:
    lines = [
        {"path": "a", "sha256": "1", "status": "failed"},
        {"path": "a", "sha256": "2", "status": "done"},
        {"path": "b", "status": "failed"},
        {"path": "a", "sha256": "1", "status": "done"},
        {"path": "b", "sha256": "3", "status": "done"},
    ]
    (tmp_path / "m").write_bytes(b"".join(map(encode, lines)))
    assert sorted((line["path"], line["sha256"], line["status"]) for line in standing_lines(
        tmp_path / "m"
    )) == [("a", "1", "done"), ("a", "2", "done"), ("b", "3", "done")]  # fmt: skip
