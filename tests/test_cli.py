"""The command `hecha`: every command, every exit code, what goes to stdout and what to stderr."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from rich.text import Text
from typer.testing import CliRunner, Result

from api import batch, doctor
from api.batch import OutputNames
from api.cli import app
from api.console import one_line, progress, show
from extractor import Checklist, Extraction
from tests.conftest import ROOT

SAMPLES = ROOT / "corpus" / "samples"
REPORT, REPLY, EVALUATION = (
    SAMPLES / name for name in ("调查报告.docx", "批复.pdf", "评估报告.txt")
)


def run(*args: object, **options: Any) -> Result:
    # The width of the terminal that runs the tests must not matter.
    return CliRunner(env={"COLUMNS": "100"}).invoke(app, [str(arg) for arg in args], **options)


def hecha(*args: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "api.cli", *map(str, args)],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        **options,
    )


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """A small text file that can be read."""
    path = tmp_path / "报告.txt"
    path.write_text(
        "青石县“3·5”一般坍塌事故调查报告\n\n一、基本情况\n2023年3月5日发生事故。\n", "utf-8"
    )
    return path


# --- extract --------------------------------------------------------------------------------------


def test_extract_explains_every_record() -> None:
    """--explain prints each record with its rule and the words of its fields."""
    result = run("extract", EVALUATION, "--explain")
    assert result.exit_code == 0
    found = Extraction.model_validate_json(run("extract", EVALUATION).stdout)
    shown = {(p.id, p.rule) for p in found.penalties} | {(m.id, m.rule) for m in found.measures}
    for record, rule in shown:
        assert f"\n{record} " in result.stdout
        assert f"规则 {rule}：" in result.stdout


def test_extract_explains_one_record() -> None:
    """--record alone is enough, and asking for a record that is not there fails."""
    result = run("extract", EVALUATION, "--record", "k1")
    assert result.exit_code == 0
    assert re.findall(r"^(k\d+) ", result.stdout, re.MULTILINE) == ["k1"]
    result = run("extract", EVALUATION, "--record", "k999")
    assert result.exit_code == 1
    assert "没有编号为 k999 的内容" in result.stderr


def test_extract_prints_valid_json(short: Path) -> None:
    result = run("extract", short)
    assert result.exit_code == 0
    found = Extraction.model_validate_json(result.stdout)
    assert found.document.filename == "报告.txt"
    assert found.document.kind == "INV"


def test_extract_prints_a_table(short: Path) -> None:
    result = run("extract", short, "--format", "table")
    assert result.exit_code == 0
    assert "青石县“3·5”一般坍塌事故调查报告" in result.stdout


def test_extract_writes_one_file_for_each_input(short: Path, tmp_path: Path) -> None:
    other = tmp_path / "批复.txt"
    other.write_text("关于事故调查报告的批复\n同意。\n", "utf-8")
    result = run("extract", short, other, "-o", tmp_path / "新" / "结果")
    assert (result.exit_code, result.stdout) == (0, "")
    names = sorted(path.name for path in (tmp_path / "新" / "结果").iterdir())
    assert names == ["批复.json", "报告.json"]
    written = (tmp_path / "新" / "结果" / "报告.json").read_text("utf-8")
    assert Extraction.model_validate_json(written).document.filename == "报告.txt"
    assert "报告" in written and "\\u" not in written


def test_extract_writes_tables_as_text(short: Path, tmp_path: Path) -> None:
    assert run("extract", short, "--format", "table", "-o", tmp_path / "o").exit_code == 0
    assert "文件中未见" in (tmp_path / "o" / "报告.txt").read_text("utf-8")


def test_one_bad_file_does_not_stop_the_others(short: Path, tmp_path: Path) -> None:
    empty = tmp_path / "空.txt"
    empty.touch()
    result = run("extract", empty, tmp_path / "没有.pdf", short, "-o", tmp_path / "o")
    assert result.exit_code == 1
    assert (tmp_path / "o" / "报告.json").exists()
    failures = [line for line in result.stderr.splitlines() if line.startswith("失败")]
    assert [re.findall(r"\[(\w+)\]", line) for line in failures] == [
        ["file_not_found"],
        ["file_empty"],
    ]
    assert all(str(tmp_path) in line for line in failures)


def test_an_unexpected_error_is_one_failed_file(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("坏了\n第二行")

    monkeypatch.setattr(batch, "extract", broken)
    result = run("extract", short)
    assert result.exit_code == 1
    assert "[internal_error]" in result.stderr and "RuntimeError：坏了 第二行" in result.stderr


def test_warnings_of_a_file_go_to_stderr(short: Path, tmp_path: Path) -> None:
    disguised = tmp_path / "报告.pdf"
    shutil.copy(short, disguised)
    result = run("extract", disguised)
    assert result.exit_code == 0
    assert "[extension_mismatch]" in result.stderr
    json.loads(result.stdout)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "没有读取权限"),
        (OSError(errno.EIO, "Input/output error"), "磁盘读写出错"),
        (OSError(errno.EPROTO, "Protocol error"), "系统错误"),
    ],
)
def test_an_unreadable_file_is_a_failure(
    error: OSError, words: str, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Path, "open", refuse)
    result = run("extract", short, "--tagger", "none")
    assert result.exit_code == 1 and words in result.stderr


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["报告.docx"], ["报告.json"]),
        (["报告.docx", "报告.pdf"], ["报告.json", "报告.pdf.json"]),
        (["a/报告.pdf", "b/报告.pdf"], ["报告.json", "报告.pdf.json"]),
        (
            ["a/报告.pdf", "b/报告.pdf", "c/报告.pdf"],
            ["报告.json", "报告.pdf.json", "报告.pdf.2.json"],
        ),
        (
            ["报告.pdf.txt", "报告.txt", "报告.pdf"],
            ["报告.pdf.json", "报告.json", "报告.pdf.2.json"],
        ),
        (["A.txt", "a.pdf"], ["A.json", "a.pdf.json"]),
        (["é.txt", "e\u0301.pdf"], ["é.json", "e\u0301.pdf.json"]),
        (["无扩展名", ".隐藏"], ["无扩展名.json", ".隐藏.json"]),
    ],
)
def test_no_result_overwrites_another(names: list[str], expected: list[str]) -> None:
    taken = OutputNames(".json")
    assert [taken.of(Path(name)) for name in names] == expected


def test_a_result_never_overwrites_its_input(short: Path, tmp_path: Path) -> None:
    before = short.read_bytes()
    result = run("extract", short, "--format", "table", "-o", tmp_path)
    assert result.exit_code == 1
    assert "[output_is_input]" in result.stderr
    assert short.read_bytes() == before


def test_a_folder_stands_for_the_files_in_it(short: Path, tmp_path: Path) -> None:
    folder = tmp_path / "案卷"
    (folder / "里层").mkdir(parents=True)
    for name in ("甲.txt", "里层/乙.txt", "~$甲.docx", ".隐藏.txt", "旧.xls", "说明.md"):
        shutil.copy(short, folder / name)
    result = run("extract", folder, folder / "甲.txt", "-o", tmp_path / "o")
    assert result.exit_code == 0
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == ["乙.json", "甲.json"]
    assert "已跳过其他格式的文件：旧.xls、说明.md" in result.stderr


def test_an_empty_folder_is_a_failure(tmp_path: Path) -> None:
    result = run("extract", tmp_path)
    assert result.exit_code == 1 and "[folder_empty]" in result.stderr


# --- checklist ------------------------------------------------------------------------------------


def test_checklist_prints_and_saves(tmp_path: Path) -> None:
    table, data = tmp_path / "o" / "清单.xlsx", tmp_path / "o" / "清单.json"
    result = run("checklist", REPORT, REPLY, EVALUATION, "-o", table, "-o", data)
    assert result.exit_code == 0
    assert "责任追究（" in result.stdout and "整改措施（" in result.stdout
    found = Checklist.model_validate_json(data.read_text("utf-8"))
    assert [document.role for document in found.documents] == ["basis", "basis", "outcome"]
    assert len(found.accountability) > 20 and len(found.measures) > 10
    assert openpyxl.load_workbook(io.BytesIO(table.read_bytes())).sheetnames[0] == "基本信息"
    assert result.stderr.count("已写入") == 2


def test_the_contradiction_in_the_sample_case_is_shown() -> None:
    result = run("checklist", REPORT, REPLY, EVALUATION)
    assert "金额与建议不一致（建议：罚款32万元；实际：罚款30万元）" in result.stdout.replace(
        "\n", ""
    )


def test_checklist_can_be_quiet(tmp_path: Path) -> None:
    result = run("checklist", EVALUATION, "-q", "-o", tmp_path / "清单.json")
    assert (result.exit_code, result.stdout) == (0, "")


def test_a_checklist_without_a_failed_file_says_so(tmp_path: Path) -> None:
    empty = tmp_path / "空.pdf"
    empty.touch()
    result = run("checklist", empty, EVALUATION, "-o", tmp_path / "清单.json")
    assert result.exit_code == 1
    assert (tmp_path / "清单.json").exists()
    assert "未包含以上1个失败的文件" in result.stderr


def test_no_readable_file_no_checklist(tmp_path: Path) -> None:
    result = run("checklist", tmp_path / "没有.pdf", "-o", tmp_path / "清单.json")
    assert result.exit_code == 1
    assert not (tmp_path / "清单.json").exists()


@pytest.mark.parametrize("command", ["extract", "checklist"])
def test_a_result_that_cannot_be_written_is_a_failure(
    command: str, short: Path, tmp_path: Path
) -> None:
    target = short / "结果" if command == "extract" else short / "清单.json"
    result = run(command, EVALUATION, "-o", target)
    assert result.exit_code == 1
    assert "[write_failed] 无法写入：上级路径是一个文件，不是文件夹。" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["报告.txt"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "无法写入：磁盘已满。请换一个位置。"),
        (PermissionError(errno.EACCES, "Permission denied"), "没有写入权限，或文件正在 Excel"),
    ],
)
def test_writing_leaves_nothing_half_done(
    error: OSError, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "清单.json"
    target.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", fail)
    assert words in (batch.write_file(target, b"new") or "")
    assert [path.name for path in tmp_path.iterdir()] == ["清单.json"]
    assert target.read_bytes() == b"old"


# --- schema, doctor, version ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "title", "field"),
    [([], "Extraction", "penalties"), (["--checklist"], "Checklist", "accountability")],
)
def test_schema(args: list[str], title: str, field: str) -> None:
    result = run("schema", *args)
    assert result.exit_code == 0
    described = json.loads(result.stdout)
    assert described["title"] == title
    assert field in described["properties"]
    assert described["$schema"].startswith("https://json-schema.org/")


def test_doctor_lists_what_there_is() -> None:
    result = run("doctor")
    for words in ("Python", "DOCX", "LibreOffice", "扫描件识别"):
        assert words in result.stdout


def test_doctor_fails_when_something_needed_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requires", lambda _: ["no-such-thing[a]>=1", "x; extra == 'ocr'"])
    result = run("doctor")
    assert result.exit_code == 1
    assert "缺少" in result.stdout and "可选 ocr" in result.stdout
    assert 'pipinstall"no-such-thing[a]>=1"' in re.sub(r"\s", "", result.stdout)


@pytest.mark.parametrize("installed", [True, False])
def test_version(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(name: str) -> str:
        if installed:
            return "9.9"
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", found)
    result = run("--version")
    assert result.exit_code == 0
    wanted = "9.9" if installed else tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    number = wanted if isinstance(wanted, str) else wanted["project"]["version"]
    assert result.stdout == f"hecha {number}\n"


class Terminal(io.StringIO):
    """A stderr that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress("正在读取", 2) as step:
        step("甲.pdf")
        step("乙\x1b[31m.pdf")
    assert "正在读取 乙" in terminal.getvalue()
    quiet = io.StringIO()
    monkeypatch.setattr(sys, "stderr", quiet)
    with progress("正在读取", 2) as step:
        step("甲.pdf")
    assert quiet.getvalue() == ""


def test_a_view_is_coloured_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for stream, coloured in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stdout", stream)
        show(Text("已落实", style="green"))
        assert ("\x1b[" in stream.getvalue()) is coloured
        assert "已落实" in stream.getvalue()


# --- help and wrong use ---------------------------------------------------------------------------

COMMANDS = ["extract", "checklist", "schema", "serve", "worker", "doctor"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_chinese(command: str, option: str) -> None:
    result = run(*filter(None, [command]), option)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"用法：hecha {command}".strip())
    assert "选项：" in result.stdout and "显示帮助" in result.stdout
    assert not re.search(
        r"Usage|Options|Arguments|Commands|Show this|default|required", result.stdout
    )


WRONG = [
    ([], "用法：hecha"),
    (["extrct", "x"], "没有命令“extrct”，是不是“extract”？"),
    (["--nope"], "没有选项 --nope"),
    (["extract"], "缺少参数“文件…”"),
    (["extract", "--fromat", "json", "x"], "没有选项 --fromat，是不是 --format？"),
    (["extract", "x", "-o"], "选项 -o 后面缺少值"),
    (["extract", "x", "--format", "yaml"], "--format 只能是 json 或 table，写的是“yaml”"),
    (["checklist", "x", "--quiet=1"], "选项 --quiet 后面不写值"),
    (["checklist", "x", "-o", "清单.doc"], "-o 只能写 .xlsx 或 .json 文件"),
    (["schema", "x"], "多余的参数：x"),
    (["serve", "--port", "abc"], "选项 --port 的值不对"),
    (["serve", "--port", "0"], "选项 --port 的值不对"),
]


@pytest.mark.parametrize(("args", "message"), WRONG)
def test_wrong_use_is_explained_in_chinese(args: list[str], message: str) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert not re.search(r"Error|Usage|Try|No such|Invalid|Missing", result.stderr)


def test_several_files_need_a_folder(short: Path) -> None:
    result = run("extract", short, EVALUATION)
    assert result.exit_code == 2 and "请用 -o 指定保存结果的文件夹" in result.stderr


def test_a_file_where_a_folder_belongs_and_the_other_way_round(short: Path, tmp_path: Path) -> None:
    assert run("extract", EVALUATION, "-o", short).exit_code == 2
    folder = tmp_path / "清单.xlsx"
    folder.mkdir()
    assert run("checklist", EVALUATION, "-o", folder).exit_code == 2


def test_a_name_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    assert one_line("a\x1b[31m\r\nb\u2028c") == "a [31m b c"
    path = tmp_path / "坏\x1b[31m名.pdf"
    path.touch()
    assert "\x1b" not in run("extract", path).stderr


# --- the real program -----------------------------------------------------------------------------


def test_the_program_writes_utf8_whatever_the_locale(short: Path) -> None:
    plain = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0"}
    result = hecha(
        "extract", short, env={**plain, "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    )
    assert result.returncode == 0, result.stderr
    assert "调查报告" in result.stdout
    assert "没有命令" in hecha("无此命令", env=plain).stderr


def test_the_program_survives_a_reader_that_goes_away() -> None:
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "api.cli", "checklist", str(EVALUATION), str(REPORT)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        assert program.stdout is not None and program.stderr is not None
        program.stdout.close()
        said = program.stderr.read().decode()
        program.wait(timeout=60)
    assert "Traceback" not in said and "Broken" not in said
    assert program.returncode == 1


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["extract", str(EVALUATION)]])
def test_the_program_answers_soon(args: list[str]) -> None:
    # The aim is one second; the bound leaves room for a machine that does other things too.
    began = time.monotonic()
    assert hecha(*args).returncode == 0
    assert time.monotonic() - began < 4


# --- the manual -----------------------------------------------------------------------------------


def test_the_manual_names_every_exit_code_and_failure_code() -> None:
    manual = (ROOT / "docs" / "cli.md").read_text("utf-8")
    code = "".join((ROOT / "api" / name).read_text("utf-8") for name in ("batch.py", "commands.py"))
    named = set(re.findall(r'"(file_\w+|folder_\w+|internal_\w+)"', code))
    named |= set(re.findall(r"\[(output_\w+|write_\w+)\]", code))
    assert len(named) == 6
    assert [name for name in named if f"`{name}`" not in manual] == []
    for number in (0, 1, 2):
        assert f"| {number} |" in manual


@pytest.mark.parametrize("command", COMMANDS)
def test_the_manual_shows_the_help_as_it_is(command: str) -> None:
    manual = (ROOT / "docs" / "cli.md").read_text("utf-8")
    shown = run(command, "--help").stdout.strip()
    assert shown in manual, f"docs/cli.md: 更新 hecha {command} --help 的输出"


def test_an_archive_stands_for_the_files_in_it(short: Path, tmp_path: Path) -> None:
    """Documents are read, other formats skipped as in a folder, a broken entry is a failure."""
    data = short.read_bytes()
    path = tmp_path / "案卷.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"甲/{short.name}", data)
        archive.writestr(f"乙/{short.name}", data)
        archive.writestr("照片.heic", b"\x00\x00\x00\x18ftypheic\x00\x00")
    result = run("extract", path, "-o", tmp_path / "o")
    assert result.exit_code == 0
    names = sorted(each.name for each in (tmp_path / "o").iterdir())
    assert names == sorted([f"{short.stem}.json", f"{short.name}.json"])
    assert "照片.heic [format_unsupported]" in result.stderr
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("空.txt", b"")
    assert run("extract", path, "-o", tmp_path / "o").exit_code == 1
    assert run("extract", path).exit_code == 2


def test_a_checklist_of_an_archive(short: Path, tmp_path: Path) -> None:
    path = tmp_path / "案卷.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(short.name, short.read_bytes())
    result = run("checklist", path, "-q", "-o", tmp_path / "清单.json")
    assert result.exit_code == 0
    assert "青石县" in (tmp_path / "清单.json").read_text(encoding="utf-8")


def test_an_archive_without_a_readable_file_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "照片.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("照片.heic", b"\x00\x00\x00\x18ftypheic\x00\x00")
    result = run("extract", path)
    assert result.exit_code == 1 and "[container_ambiguous]" in result.stderr
