"""`hecha bulk`: whatever is in the folder, whenever it is stopped, each file is done once."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from api.bulk import engine, ledger, places
from api.bulk.crew import Crew, Tally
from api.bulk.ledger import Journal, compact, last_lines, read_lines
from api.bulk.places import ResultNames
from api.cli import app
from corpus.synthetic import synthesize_many
from extractor import Checklist, Extraction, extract, parse
from extractor.errors import CrashError
from extractor.formats.limits import Limits
from tests.conftest import ROOT
from tests.processes import LINUX

SAMPLES = ROOT / "corpus" / "samples"
NAMES = ("调查报告.docx", "批复.pdf", "评估报告.txt")
HOSTILE = "tests.hostile_bulk:read_or_break"


def report(at: int, words: str = "") -> str:
    return (
        f"青石县沐泉{at}号公司“3·5”一般坍塌事故调查报告\n\n一、基本情况\n"
        f"2023年3月5日，沐泉{at}号公司发生坍塌事故，造成1人死亡。{words}\n\n二、处理建议\n"
        f"建议对沐泉{at}号公司处以罚款{at + 1}0万元。\n"
    )


def bulk(source: Path, output: Path, *options: object) -> Result:
    words = ["bulk", str(source), str(output), "--workers", "2", *map(str, options)]
    return CliRunner(env={"COLUMNS": "100"}).invoke(app, words)


def lines_of(output: Path) -> dict[str, dict[str, Any]]:
    return last_lines(output / "manifest.jsonl")


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return buffer.getvalue()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A folder with folders, archives in archives, a letter, a copy, and what cannot be read."""
    return filled(tmp_path / "案卷")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Result]:
    """Such a folder, its results, and how the run ended."""
    place = tmp_path_factory.mktemp("ran")
    folder = filled(place / "案卷")
    return folder, place / "结果", bulk(folder, place / "结果")


def filled(folder: Path) -> Path:
    (folder / "甲" / "乙").mkdir(parents=True)
    for name in NAMES:
        (folder / "甲" / name).write_bytes((SAMPLES / name).read_bytes())
    (folder / "甲" / "乙" / "报告.txt").write_text(report(1), "utf-8")
    (folder / "甲" / "乙" / "副本.txt").write_text(report(1), "utf-8")
    (folder / "空.txt").write_bytes(b"")
    (folder / "坏.pdf").write_bytes(b"%PDF-1.7\nbroken")
    (folder / "照片.mov").write_bytes(b"movie")
    (folder / ".隐藏.txt").write_text("x", "utf-8")
    inner = zipped(里_dot_txt=report(2).encode(), 副本_dot_txt=report(1).encode())
    letter = (
        "From: a@example.com\nTo: b@example.com\nSubject: =?utf-8?b?5oql5ZGK?=\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="B"\n\n--B\nContent-Type: text/plain; '
        f"charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{report(3)}\n--B\nContent-Type: "
        'text/plain; charset=utf-8\nContent-Disposition: attachment; filename="a.txt"\n'
        f"Content-Transfer-Encoding: 8bit\n\n{report(4)}\n--B--\n"
    ).encode()
    (folder / "外.zip").write_bytes(zipped(深__里_dot_zip=inner, 表_dot_xls=b"\x00\x01\x02binary"))
    (folder / "来信.eml").write_bytes(letter)
    return folder


STATUSES = {
    "甲/调查报告.docx": ("done", None),
    "甲/批复.pdf": ("done", None),
    "甲/评估报告.txt": ("done", None),
    "空.txt": ("failed", "file_empty"),
    "坏.pdf": ("failed", "file_corrupt"),
    "照片.mov": ("skipped", "format_unsupported"),
    "外.zip": ("archive", None),
    "外.zip/深/里.zip/里.txt": ("done", None),
    "外.zip/表.xls": ("skipped", "format_unsupported"),
    "来信.eml": ("done", None),
    "来信.eml/附件/a.txt": ("done", None),
}
COPIES = {"甲/乙/报告.txt", "甲/乙/副本.txt", "外.zip/深/里.zip/副本.txt"}


def test_every_file_has_its_line_and_its_result(ran: tuple[Path, Path, Result]) -> None:
    _, output, result = ran
    assert result.exit_code == 1, result.output
    lines = lines_of(output)
    assert set(lines) == set(STATUSES) | COPIES
    assert {
        name: (line["status"], line.get("code"))
        for name, line in lines.items()
        if name not in COPIES
    } == STATUSES
    # One of three equal files is read; the others name it.
    (first,) = (name for name in COPIES if lines[name]["status"] == "done")
    assert {lines[name].get("duplicate_of") for name in COPIES} == {None, first}
    for name, line in lines.items():
        if line["status"] == "done":
            found = Extraction.model_validate_json((output / line["output"]).read_bytes())
            assert found.document.id == line["sha256"]
            assert len(found.penalties) == line["penalties"], name
            assert (output / line["output"]).stat().st_size == line["output_size"]
    assert "file_empty" in result.stdout and "file_corrupt" in result.stdout
    assert not (output / ".hecha" / "unpacked").exists()


def test_the_result_is_that_of_extract(ran: tuple[Path, Path, Result]) -> None:
    inbox, output, _ = ran
    data = (inbox / "甲" / "批复.pdf").read_bytes()
    alone = extract(parse(data, "批复.pdf"))
    line = lines_of(output)["甲/批复.pdf"]
    assert Extraction.model_validate_json((output / line["output"]).read_bytes()) == alone


def test_cases_are_grouped_and_written(ran: tuple[Path, Path, Result]) -> None:
    """The three samples are one case; the workbook says which document and why."""
    _, output, _ = ran
    checklists = [
        Checklist.model_validate_json(path.read_bytes())
        for path in (output / "cases").glob("*.json")
    ]
    assert sorted(len(each.documents) for each in checklists) == [1, 1, 1, 1, 3]
    book = openpyxl.load_workbook(output / "汇总.xlsx")
    assert book.sheetnames == ["案件", "责任追究", "整改措施", "没有读的文件"]
    rows = list(book["案件"].iter_rows(min_row=2, values_only=True))
    assert len(rows) == 7
    reasons = {row[3]: row[8] for row in rows}
    assert "评估报告引用了批复的文号" in str(reasons["甲/评估报告.txt"])
    counted = sum(len(each.accountability) for each in checklists)
    assert book["责任追究"].max_row == counted + 1
    unread = {row[0]: row[2] for row in book["没有读的文件"].iter_rows(min_row=2, values_only=True)}
    assert unread["坏.pdf"] == "file_corrupt"
    summary = json.loads((output / "summary.json").read_text("utf-8"))
    assert summary["failed"] == {"file_empty": 1, "file_corrupt": 1}
    assert (summary["cases"], summary["cases_of_several_documents"]) == (5, 1)


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "=1+1.txt").write_text(report(1), "utf-8")
    (folder / "+坏.pdf").write_bytes(b"%PDF-1.7\nbroken")
    bulk(folder, output)
    book = openpyxl.load_workbook(output / "汇总.xlsx")
    cells = [cell for page in book for row in page.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    risky = [cell for cell in cells if str(cell.value)[0] in "=+"]
    assert len(risky) == 2
    assert all(cell.quotePrefix for cell in risky)


def test_one_archive_is_an_input(tmp_path: Path) -> None:
    archive = tmp_path / "案卷.zip"
    archive.write_bytes(zipped(**{f"{at}_dot_txt": report(at).encode() for at in range(4)}))
    result = bulk(archive, tmp_path / "out")
    assert result.exit_code == 0, result.output
    lines = lines_of(tmp_path / "out")
    assert lines["案卷.zip"]["files"] == 4
    assert sum(line["status"] == "done" for line in lines.values()) == 4


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        pytest.param(zipped(), "failed", "file_empty", id="empty"),
        pytest.param(zipped(a_dot_mov=b"\x00\x01\x02"), "failed", "container_ambiguous", id="none"),
        pytest.param(
            zipped(a_dot_txt=report(1).encode())[:90], "failed", "file_corrupt", id="cut off"
        ),
    ],
)
def test_an_archive_that_gives_nothing_fails(
    data: bytes, status: str, code: str, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.zip").write_bytes(data)
    assert bulk(tmp_path / "in", tmp_path / "out").exit_code == 1
    line = lines_of(tmp_path / "out")["a.zip"]
    assert (line["status"], line["code"]) == (status, code)


# --- files that break their worker ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status", "code", "tries"),
    [
        pytest.param("DIE ALWAYS", "failed", "parse_crashed", 2, id="kills its process"),
        pytest.param("DIE ONCE", "done", None, 2, id="its process was killed once"),
        pytest.param("HANG", "failed", "limit_exceeded", 2, id="hangs", marks=pytest.mark.slow),
        pytest.param("BUG", "failed", "parse_crashed", 2, id="meets a bug"),
    ],
)
def test_a_hostile_file_costs_itself_alone(
    words: str,
    status: str,
    code: str | None,
    tries: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "READ", HOSTILE)
    monkeypatch.setenv("HECHA_LIMITS", "max_seconds=4")
    (tmp_path / "in").mkdir()
    for at in range(5):
        (tmp_path / "in" / f"{at}.txt").write_text(report(at, words if at == 2 else ""), "utf-8")
    result = bulk(tmp_path / "in", tmp_path / "out")
    lines = lines_of(tmp_path / "out")
    line = lines.pop("2.txt")
    assert (line["status"], line.get("code"), line["tries"]) == (status, code, tries)
    assert {each["status"] for each in lines.values()} == {"done"}
    assert result.exit_code == (status == "failed")
    if code is not None:
        assert f"失败 2.txt [{code}]" in result.stderr


def test_a_limit_that_the_file_is_over_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HECHA_LIMITS", "max_characters=50")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text(report(1), "utf-8")
    bulk(tmp_path / "in", tmp_path / "out")
    line = lines_of(tmp_path / "out")["a.txt"]
    assert (line["code"], line["tries"]) == ("limit_exceeded", 1)


@LINUX
def test_an_archive_that_ends_its_process_keeps_what_was_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.spooling.UNPACK", "tests.hostile_bulk:unpack_or_break")
    (tmp_path / "in").mkdir()
    files = {f"{name}_dot_txt": report(at).encode() for at, name in enumerate(("a", "DIE", "c"))}
    (tmp_path / "in" / "x.zip").write_bytes(zipped(**files))
    (tmp_path / "in" / "y.txt").write_text(report(9), encoding="utf-8")
    assert bulk(tmp_path / "in", tmp_path / "out").exit_code == 1
    lines = lines_of(tmp_path / "out")
    assert {name: (line["status"], line.get("code")) for name, line in lines.items()} == {
        "x.zip": ("failed", "parse_crashed"),
        "x.zip/a.txt": ("done", None),
        "y.txt": ("done", None),
    }


def test_a_crew_that_is_stopped_lets_go_at_once() -> None:
    crew = Crew(Limits())
    crew.stop()
    with pytest.raises(CrashError):
        crew.call_twice(Tally(), "tests.hostile_readers:pid")


# --- what is done is not done again ---------------------------------------------------------------


def times(output: Path) -> dict[str, int]:
    return {
        path.relative_to(output).as_posix(): path.stat().st_mtime_ns
        for path in (output / "results").rglob("*.json")
    }


@pytest.mark.slow
def test_resume_does_only_what_is_new(inbox: Path, tmp_path: Path) -> None:
    output = tmp_path / "结果"
    bulk(inbox, output)
    before, lines = times(output), lines_of(output)
    (inbox / "甲" / "新.txt").write_text(report(7), "utf-8")
    (inbox / "甲" / "评估报告.txt").write_text(report(8), "utf-8")
    result = bulk(inbox, output, "--resume")
    assert result.exit_code == 1
    after = times(output)
    changed = {name for name, at in after.items() if before.get(name) != at}
    assert changed == {"results/甲/新.txt.json", "results/甲/评估报告.txt.json"}
    now = lines_of(output)
    assert set(now) == set(lines) | {"甲/新.txt"}
    assert len(list(read_lines(output / "manifest.jsonl"))) == len(now), "one line a file"
    unchanged = set(lines) - {"甲/评估报告.txt", "照片.mov"}
    assert {name: now[name] for name in unchanged} == {name: lines[name] for name in unchanged}


@pytest.mark.slow
def test_resume_with_another_version_does_all_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text(report(1), "utf-8")
    (tmp_path / "in" / "b.txt").write_text(report(1), "utf-8")
    bulk(tmp_path / "in", tmp_path / "out")
    before = times(tmp_path / "out")
    monkeypatch.setattr("api.bulk.bulk_command.version_of", lambda _: "9")
    assert bulk(tmp_path / "in", tmp_path / "out", "--resume").exit_code == 0
    assert {line["version"] for line in lines_of(tmp_path / "out").values()} == {"9"}
    assert all(at != before.get(name) for name, at in times(tmp_path / "out").items())


@pytest.mark.slow
def test_resume_tries_again_what_may_have_healed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    for at, words in enumerate(("DIE ALWAYS", "")):
        (tmp_path / "in" / f"{at}.txt").write_text(report(at, words), "utf-8")
    (tmp_path / "in" / "空.txt").write_bytes(b"")
    with monkeypatch.context() as patched:
        patched.setattr(engine, "READ", HOSTILE)
        bulk(tmp_path / "in", tmp_path / "out")
    empty = lines_of(tmp_path / "out")["空.txt"]
    bulk(tmp_path / "in", tmp_path / "out", "--resume")
    lines = lines_of(tmp_path / "out")
    assert lines["0.txt"]["status"] == "done"
    assert lines["空.txt"] == empty


def test_a_result_that_is_gone_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text(report(1), "utf-8")
    bulk(tmp_path / "in", tmp_path / "out")
    (tmp_path / "out" / "results" / "a.txt.json").unlink()
    bulk(tmp_path / "in", tmp_path / "out", "--resume")
    assert (tmp_path / "out" / "results" / "a.txt.json").exists()


def test_a_torn_manifest_is_mended(tmp_path: Path) -> None:
    """The line that a crash has cut off is gone, and its file is read again."""
    (tmp_path / "in").mkdir()
    for at in range(3):
        (tmp_path / "in" / f"{at}.txt").write_text(report(at), "utf-8")
    bulk(tmp_path / "in", tmp_path / "out")
    manifest = tmp_path / "out" / "manifest.jsonl"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:-20])
    assert bulk(tmp_path / "in", tmp_path / "out", "--resume").exit_code == 0
    assert all(json.loads(line) for line in manifest.read_bytes().splitlines())
    assert set(lines_of(tmp_path / "out")) == {"0.txt", "1.txt", "2.txt"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows 没有 SIGKILL")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_may_be_killed_at_any_moment(how: signal.Signals, tmp_path: Path) -> None:
    """Killed again and again, then continued: each file one line and one whole result."""
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    count = 60
    for at, each in enumerate(synthesize_many(count, 7, 0.0, None)):
        (folder / f"{at:03}.txt").write_text(each.text, "utf-8")
    (folder / "x.zip").write_bytes(zipped(**{f"{a}_dot_txt": report(a).encode() for a in range(9)}))
    chance = random.Random(int(how))  # noqa: S311
    words = [sys.executable, "-m", "api.cli", "bulk", str(folder), str(output), "--workers", "2"]
    done: set[str] = set()
    for _ in range(5):
        process = subprocess.Popen(  # noqa: S603
            [*words, "--resume"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(1.0 + chance.random() * 1.5)
        process.send_signal(how)
        code = process.wait(20)
        if how is not signal.SIGKILL:
            assert code in (0, 130, -how), "or killed before it began"
        for path in (output / "results").rglob("*.json"):
            Extraction.model_validate_json(path.read_bytes())
        now = {line["path"] for line in read_lines(output / "manifest.jsonl")}
        assert done <= now, "nothing that was done is lost"
        done = now
    last = subprocess.run([*words, "--resume"], cwd=ROOT, check=False, capture_output=True)  # noqa: S603
    assert last.returncode == 0, last.stderr
    lines = list(read_lines(output / "manifest.jsonl"))
    assert len(lines) == len({line["path"] for line in lines}) == count + 1 + 9
    results = {line["output"] for line in lines if line["status"] == "done"}
    assert {f"results/{p.relative_to(output / 'results').as_posix()}" for p in
            (output / "results").rglob("*.json")} == results  # fmt: skip
    assert not list(output.rglob(".hecha-*")), "half files"
    assert (output / "汇总.xlsx").exists()


# --- wrong use ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "output", "options", "says"),
    [
        pytest.param("none", "out", [], "找不到", id="no input"),
        pytest.param("in", "file", [], "是一个文件", id="output is a file"),
        pytest.param("in", "full", [], "--resume", id="output has files"),
        pytest.param("in", "full", ["--resume"], "不是 hecha bulk 的结果文件夹", id="not ours"),
        pytest.param("in", "in/out", [], "不能在要读的文件夹里面", id="output in input"),
        pytest.param("in", "out", ["--workers", "0"], "--workers", id="no workers"),
        pytest.param("in", "out", ["--tagger", "none-such"], "不能用", id="no tagger"),
    ],
)
def test_wrong_use_is_said(
    source: str, output: str, options: Sequence[str], says: str, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text(report(1), "utf-8")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").touch()
    (tmp_path / "file").touch()
    result = bulk(tmp_path / source, tmp_path / output, *options)
    assert result.exit_code == 2
    assert says in result.output


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    lock = ledger.FolderLock(places.Layout(tmp_path / "out").lock)
    try:
        result = bulk(tmp_path / "in", tmp_path / "out", "--resume")
        assert result.exit_code == 2
        assert "另一个程序正在处理" in result.output
    finally:
        lock.release()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="要有权限之分")
def test_what_may_not_be_read_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "in" / "锁").mkdir(parents=True)
    (tmp_path / "in" / "a.txt").write_text(report(1), "utf-8")
    (tmp_path / "in" / "a.txt").chmod(0)
    (tmp_path / "in" / "锁").chmod(0)
    bulk(tmp_path / "in", tmp_path / "out")
    (tmp_path / "in" / "锁").chmod(0o700)
    lines = lines_of(tmp_path / "out")
    assert {lines[name]["code"] for name in ("a.txt", "锁")} == {"file_unreadable"}


def test_a_full_disk_stops_the_run_and_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Journal, line: object) -> None:
        raise ledger.JournalError("磁盘已满")

    monkeypatch.setattr(Journal, "append", full)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text(report(1), "utf-8")
    result = bulk(tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 1
    assert "磁盘已满" in result.stderr and "--resume" in result.stderr


# --- journals and names ---------------------------------------------------------------------------


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9)), max_size=5), st.data())
def test_a_journal_that_is_cut_keeps_its_whole_lines(rows: list[Any], data: st.DataObject) -> None:
    whole = b"".join(map(ledger.encode, rows))
    cut = data.draw(st.integers(0, len(whole)))
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.jsonl"
        path.write_bytes(whole[:cut])
        kept = whole[:cut].count(b"\n")
        journal = Journal(path)
        journal.append({"path": "neu"})
        journal.close()
        assert list(read_lines(path)) == [*rows[:kept], {"path": "neu"}]


def test_compacting_keeps_the_last_line_of_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"path": name, "at": at} for at, name in enumerate("abacb")]
    path.write_bytes(b"".join(map(ledger.encode, rows)))
    compact(path)
    assert [(line["path"], line["at"]) for line in read_lines(path)] == [
        ("a", 2), ("c", 3), ("b", 4)
    ]  # fmt: skip


def test_names_that_are_no_unicode_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(ledger.encode({"path": "坏\udcff.txt"}))
    assert list(read_lines(path)) == [{"path": "坏\udcff.txt"}]


@pytest.mark.parametrize(
    ("name", "output"),
    [
        pytest.param("甲/报告.docx", "甲/报告.docx.json", id="as it is"),
        pytest.param("a.zip/b.txt", "a.zip/b.txt.json", id="through an archive"),
        pytest.param("../../etc/passwd", "etc/passwd.json", id="never upwards"),
    ],
)
def test_results_are_named_like_their_files(name: str, output: str) -> None:
    assert ResultNames().of(name, "0" * 64) == output


@pytest.mark.parametrize("name", ["a:b.txt", "con.txt", "点.", "长" * 200 + ".txt", "坏\udcff.txt"])
def test_names_that_a_system_refuses_are_changed(name: str) -> None:
    output = ResultNames().of(name, "0" * 64)
    assert "~" in output and len(output.encode()) < 255 and ":" not in output
    assert ResultNames().of(name, "1" * 64) == output


def _texts() -> Iterator[str]:
    yield from ("A.txt", "a.txt")


def test_names_that_differ_by_case_alone_do_not_meet() -> None:
    names = ResultNames()
    first, second = (names.of(name, f"{at}" * 64) for at, name in enumerate(_texts()))
    assert first.casefold() != second.casefold()
    assert names.of("A.txt", "0" * 64) == first
