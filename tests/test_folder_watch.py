"""`hecha watch`: what is put into the folder is read once, moved, and never lost."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.bulk import engine
from api.bulk.crew import Crew
from api.bulk.engine import Engine, Wishes
from api.bulk.folder_watch import Watcher, WatchWishes, is_partial, keeper_of
from api.bulk.ledger import read_lines
from api.bulk.places import Layout, free_name, hash_file
from api.cli import app
from extractor import Extraction
from extractor.formats.limits import Limits
from tests.conftest import ROOT
from tests.test_bulk_command import HOSTILE, report

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows 没有这些信号和权限")


def watch(folder: Path, *options: object) -> Result:
    words = ["watch", str(folder), "--once", "--settle", "0", "--workers", "1", "--poll", "0.1"]
    return CliRunner(env={"COLUMNS": "100"}).invoke(app, [*words, *map(str, options)])


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return list(read_lines(folder / "output" / "manifest.jsonl"))


def files_in(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "output" not in path.relative_to(folder).parts
    }


def results_of(folder: Path) -> list[Path]:
    return sorted((folder / "output" / "results").rglob("*.json"))


def put(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_what_is_there_is_read_and_moved(tmp_path: Path) -> None:
    put(tmp_path, "报告.txt", report(1))
    put(tmp_path, "里/报告.txt", report(2))
    put(tmp_path, "坏.pdf", b"%PDF-1.7\nbroken")
    put(tmp_path, "下载.docx.crdownload", b"half")
    put(tmp_path, "~$报告.docx", b"lock")
    result = watch(tmp_path)
    assert result.exit_code == 1
    assert files_in(tmp_path) == {
        "done/报告.txt",
        "done/里/报告.txt",
        "failed/坏.pdf",
        "failed/坏.pdf.reason.txt",
        "下载.docx.crdownload",
        "~$报告.docx",
    }
    reason = (tmp_path / "failed" / "坏.pdf.reason.txt").read_text("utf-8")
    assert "文件：坏.pdf" in reason and "[file_corrupt]" in reason
    assert [line["status"] for line in lines_of(tmp_path)].count("done") == 2
    for path in results_of(tmp_path):
        Extraction.model_validate_json(path.read_bytes())


def test_the_same_name_again_takes_nothing_away(tmp_path: Path) -> None:
    """Another content of one name has another result; the same content again has none."""
    for text in (report(1), report(2), report(1)):
        put(tmp_path, "报告.txt", text)
        assert watch(tmp_path).exit_code == 0
    assert files_in(tmp_path) == {"done/报告.txt", "done/报告（2）.txt", "done/报告（3）.txt"}
    assert len(results_of(tmp_path)) == 2


def test_an_archive_with_a_bad_file_goes_to_failed_with_its_good_results(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("好.txt", report(1))
        archive.writestr("坏.pdf", b"%PDF-1.7\nbroken")
    put(tmp_path, "案卷.zip", buffer.getvalue())
    assert watch(tmp_path).exit_code == 1
    assert files_in(tmp_path) == {"failed/案卷.zip", "failed/案卷.zip.reason.txt"}
    reason = (tmp_path / "failed" / "案卷.zip.reason.txt").read_text("utf-8")
    assert "案卷.zip/坏.pdf：[file_corrupt]" in reason and "1 个文件已经读出" in reason
    assert len(results_of(tmp_path)) == 1


def test_a_failed_file_that_comes_again_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "报告.txt", report(1, "DIE ALWAYS"))
    with monkeypatch.context() as patched:
        patched.setattr(engine, "READ", HOSTILE)
        assert watch(tmp_path).exit_code == 1
    assert "failed/报告.txt" in files_in(tmp_path)
    put(tmp_path, "报告.txt", report(1, "DIE ALWAYS"))
    assert watch(tmp_path).exit_code == 0
    assert "done/报告.txt" in files_in(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows 的权限不同")
def test_a_file_that_cannot_be_opened_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path, "报告.txt", report(1))

    def refuse(_path: Path, *_: object) -> str:
        raise PermissionError(13, "locked")

    with monkeypatch.context() as patched:
        patched.setattr(engine, "hash_file", refuse)
        result = watch(tmp_path)
    assert result.exit_code == 1
    assert "暂时没有处理" in result.stderr
    assert path.exists() and lines_of(tmp_path) == []
    assert watch(tmp_path).exit_code == 0
    assert not path.exists()


def test_a_file_that_vanishes_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path, "报告.txt", report(1))

    def vanish(_path: Path, *_: object) -> str:
        path.unlink()
        raise FileNotFoundError(2, "gone")

    monkeypatch.setattr(engine, "hash_file", vanish)
    assert watch(tmp_path).exit_code == 0
    assert lines_of(tmp_path) == [] and not files_in(tmp_path)


def test_a_file_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path, "报告.txt", report(1))
    times = 0

    def grow(place: Path) -> str:
        nonlocal times
        times += 1
        digest = hash_file(place)
        if times == 1:
            path.write_text(report(2), "utf-8")
            os.utime(path, ns=(1, 1))
        return digest

    monkeypatch.setattr(engine, "hash_file", grow)
    watch(tmp_path)
    monkeypatch.undo()
    assert watch(tmp_path).exit_code == 0
    (line,) = lines_of(tmp_path)
    assert (line["status"], line["size"]) == ("done", len(report(2).encode()))


def test_a_file_that_cannot_be_moved_is_moved_later_and_not_read_again(tmp_path: Path) -> None:
    put(tmp_path, "报告.txt", report(1))
    put(tmp_path, "done", b"a file stands where the folder should be")
    result = watch(tmp_path)
    assert result.exit_code == 1
    assert "不能移走" in result.stderr
    assert (tmp_path / "报告.txt").exists()
    (tmp_path / "done").unlink(missing_ok=True)
    (tmp_path / "failed" / "done").unlink(missing_ok=True)
    before = [line for line in lines_of(tmp_path) if line["path"] == "报告.txt"]
    watch(tmp_path)
    assert (tmp_path / "done" / "报告.txt").exists()
    assert [line for line in lines_of(tmp_path) if line["path"] == "报告.txt"] == before


# --- while it runs --------------------------------------------------------------------------------


class Running:
    """A watch in a thread, with short times."""

    def __init__(self, folder: Path, output: Path, settle: float = 0.2) -> None:
        self._stop = threading.Event()
        self._crew = Crew(Limits())
        wishes = WatchWishes(folder, output, poll=0.05, settle=settle, workers=1)
        layout = Layout(output)
        reader = Engine(layout, self._crew, Wishes(1, "1", "none", watching=True))
        watcher = Watcher(wishes, reader, keeper_of(wishes, layout, self._crew), self._stop)
        self._thread = threading.Thread(target=watcher.run)
        self._thread.start()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)
        self._crew.stop()
        assert not self._thread.is_alive()


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.02)


def test_a_file_is_taken_when_it_is_complete(tmp_path: Path) -> None:
    """It grows for longer than it must rest: no part of it is read."""
    text = report(1) + "续" * 4000
    with Running(tmp_path, tmp_path / "output", settle=0.6):
        path = tmp_path / "报告.txt"
        with path.open("w", encoding="utf-8") as file:
            for at in range(0, len(text), 400):
                file.write(text[at : at + 400])
                file.flush()
                time.sleep(0.05)
        until(lambda: (tmp_path / "done" / "报告.txt").exists())
    (line,) = lines_of(tmp_path)
    assert line["size"] == len(text.encode())


@POSIX
def test_a_folder_that_goes_away_and_comes_back_is_watched_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, away = tmp_path / "in", tmp_path / "away"
    folder.mkdir()
    with Running(folder, tmp_path / "out", settle=0):
        folder.rename(away)
        time.sleep(0.3)
        put(away, "报告.txt", report(1))
        away.rename(folder)
        until(lambda: (folder / "done" / "报告.txt").exists())
    assert "暂时不能打开" in capsys.readouterr().err


def _start(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "api.cli", "watch", str(folder), "--workers", "1", *options]
    quick = ["--settle", "0.1", "--poll", "0.1"]
    return subprocess.Popen(  # noqa: S603
        [*words, *quick], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@POSIX
@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_order(how: signal.Signals, tmp_path: Path) -> None:
    for at in range(8):
        put(tmp_path, f"{at}.txt", report(at))
    process = _start(tmp_path)
    until(lambda: (tmp_path / "done").exists())
    process.send_signal(how)
    assert process.wait(20) == 0
    moved = {path.name for path in (tmp_path / "done").iterdir()}
    assert moved == {line["path"] for line in lines_of(tmp_path)}


@POSIX
@pytest.mark.slow
def test_killed_again_and_again_it_neither_loses_nor_doubles(tmp_path: Path) -> None:
    count = 60
    for at in range(count):
        put(tmp_path, f"{at:02}.txt", report(at))
    for pause in (1.2, 1.5, 1.3, 1.8, 1.4):
        process = _start(tmp_path)
        time.sleep(pause)
        process.kill()
        process.wait()
    assert watch(tmp_path).exit_code == 0
    assert {path.name for path in (tmp_path / "done").iterdir()} == {
        f"{at:02}.txt" for at in range(count)
    }
    done = [line["path"] for line in lines_of(tmp_path) if line["status"] == "done"]
    assert sorted(done) == [f"{at:02}.txt" for at in range(count)]
    assert len(results_of(tmp_path)) == count
    cases = sorted(path.name for path in (tmp_path / "output" / "cases").iterdir())
    assert len(cases) == 2 * count and not [name for name in cases if "（" in name]


@pytest.mark.parametrize("output", [None, "out"])
def test_a_program_that_was_killed_before_the_move_only_moves(
    output: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "报告.txt", report(1))
    options = [] if output is None else ["--out", tmp_path.parent / f"{tmp_path.name}-out"]
    with monkeypatch.context() as patched:
        patched.setattr(Watcher, "_finish", lambda self, *_: self._stop.set())
        watch(tmp_path, *options)
    assert (tmp_path / "报告.txt").exists()
    with monkeypatch.context() as patched:
        patched.setattr(engine, "READ", "tests.hostile_readers:killed")
        assert watch(tmp_path, *options).exit_code == 0, "it is not read again"
    assert (tmp_path / "done" / "报告.txt").exists()


# --- small things ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "partial"),
    [
        ("报告.docx", False),
        ("a.part1.rar", False),
        ("报告.docx.crdownload", True),
        ("报告.PART", True),
        ("~$报告.docx", True),
        (".报告.docx.swp", True),
        ("报告.docx~", True),
    ],
)
def test_names_of_unfinished_files(name: str, partial: bool) -> None:
    assert is_partial(name) == partial


def test_a_free_name_is_counted(tmp_path: Path) -> None:
    assert free_name(tmp_path / "a.txt") == tmp_path / "a.txt"
    for name in ("a.txt", "a（2）.txt"):
        (tmp_path / name).touch()
    assert free_name(tmp_path / "a.txt") == tmp_path / "a（3）.txt"


@pytest.mark.parametrize(
    ("folder", "options", "says"),
    [
        pytest.param("none", [], "不是文件夹", id="no folder"),
        pytest.param("in", ["--out", "in"], "不能写到被守着的文件夹本身", id="into itself"),
        pytest.param("in", ["--out", "file"], "是一个文件", id="output is a file"),
        pytest.param("in", ["--poll", "0"], "--poll", id="no pause"),
    ],
)
def test_wrong_use_of_watch_is_said(
    folder: str, options: list[str], says: str, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "file").touch()
    options = [str(tmp_path / each) if each in ("in", "file") else each for each in options]
    result = watch(tmp_path / folder, *options)
    assert result.exit_code == 2
    assert says in result.output
