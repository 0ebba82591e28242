"""The workbook over many cases, and the line that says how far a run is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from api.bulk import meter
from api.bulk.meter import Meter, duration
from api.exports import many_cases
from api.exports.many_cases import ManyCasesWriter

COLUMNS = (("序号", 8.0), ("文字", 20.0))


def test_a_table_goes_on_where_a_sheet_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_cases, "MOST_ROWS", 3)
    writer = ManyCasesWriter(tmp_path / "a.xlsx", tmp_path)
    writer.begin("表", COLUMNS)
    writer.begin("空", COLUMNS)
    assert (writer.has("表"), writer.has("无")) == (True, False)
    writer.write("表", [(20.0, (str(at), f"第{at}行")) for at in range(7)])
    writer.close()
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["表", "空", "表（2）", "表（3）"]
    pages = (book[name] for name in ("表", "表（2）", "表（3）"))
    rows = [row for page in pages for row in page.iter_rows(min_row=2, values_only=True)]
    assert rows == [(at, f"第{at}行") for at in range(7)]


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@x", "\t=1", " =1"])
def test_a_text_is_no_formula(text: str, tmp_path: Path) -> None:
    writer = ManyCasesWriter(tmp_path / "a.xlsx", tmp_path)
    writer.begin("表", COLUMNS)
    writer.write("表", [(20.0, ("1", text))])
    writer.close()
    cell = openpyxl.load_workbook(tmp_path / "a.xlsx")["表"]["B2"]
    assert (cell.value, cell.data_type, cell.quotePrefix) == (text, "s", True)


def test_a_workbook_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    writer = ManyCasesWriter(tmp_path / "no" / "a.xlsx", tmp_path)
    writer.begin("表", COLUMNS)
    with pytest.raises(FileNotFoundError):
        writer.close()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 秒"), (59.4, "59 秒"), (200, "3 分 20 秒"), (7500, "2 小时 5 分")],
)
def test_durations_are_said_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_where_there_is_no_terminal_a_line_comes_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(meter, "monotonic", lambda: now)
    with Meter("正在读取", 100) as shown:
        shown.more(20)
        for at in range(60):
            now += 1.0
            shown.step(f"{at}.txt", fresh=at >= 2, failed=at == 5)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "正在读取 5/120，每秒 0.6 份，约剩 3 分 12 秒",
        "正在读取 35/120，失败 1，每秒 0.9 份，约剩 1 分 30 秒",
    ]


def test_a_terminal_shows_a_bar_with_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    class Terminal:
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> int:
            written.append(text)
            return len(text)

        def flush(self) -> None:
            pass

    terminal: Any = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys, "stderr", terminal)
    with Meter("正在读取", 2) as shown:
        shown.step("一.txt")
        shown.step("二.txt", failed=True)
    text = "".join(written)
    assert "正在读取 二.txt" in text and "2/2" in text and "份，约剩 0 秒" in text
