"""Seconds for a DOCX of a hundred pages, for each conversion, and for a process of its own."""

from __future__ import annotations

import io
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

from docx import Document as new_document

from bench.figures import Figure, show
from bench.long_report import long_report
from bench.typesetting import Wanted, print_by_canvas
from extractor import parse
from extractor.formats.limited import close, parse_limited
from extractor.formats.office_tools import find_office

CHARACTERS = 65_000
"""A hundred pages as official documents are set: 22 lines of 28 characters, not all full."""
ROUNDS = 9


def build_docx() -> bytes:
    """Return a DOCX of a hundred pages: paragraphs, automatic numbers, ten tables."""
    document = new_document()
    for at, line in enumerate(long_report(CHARACTERS).splitlines()):
        document.add_paragraph(line, style="List Number" if at % 9 == 0 else None)
    for number in range(10):
        table = document.add_table(rows=8, cols=5)
        for row in table.rows:
            for column, cell in enumerate(row.cells):
                cell.text = f"第{number + 1}表第{column + 1}栏"
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    seconds = []
    for _ in range(rounds):
        began = perf_counter()
        work()
        seconds.append(perf_counter() - began)
    return min(seconds)


def _converted(office: str, data: bytes, suffix: str) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.docx").write_bytes(data)
        profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
        command = [office, profile, "--headless", "--convert-to", suffix, "--outdir", name]
        subprocess.run(  # noqa: S603 - the program as found on this machine
            [*command, str(folder / "a.docx")], check=True, capture_output=True, timeout=120
        )
        return (folder / f"a.{suffix}").read_bytes()


def main() -> None:
    """Measure and print."""
    data = build_docx()
    parse(data, "报告.docx")  # libraries load once
    figures = {"DOCX 100 页": Figure(_best(lambda: parse(data, "报告.docx")), "秒", 1.0)}
    office = find_office()
    for suffix in ("doc", "rtf", "odt") if office is not None else ():
        file = _converted(office or "", data, suffix)
        seconds = _best(partial(parse, file, f"报告.{suffix}"), 2)
        figures[f"{suffix.upper()} 100 页"] = Figure(seconds, "秒", 3.0)
    began = perf_counter()
    parse_limited("一、概况".encode(), "报告.txt")
    figures["独立进程：第一份文件"] = Figure(perf_counter() - began, "秒")
    printed = print_by_canvas(Wanted("十页", 6_000)).data
    for name, file in (("报告.docx", data), ("报告.pdf", printed)):
        parse_limited(file, name)  # libraries load once there too
        extra = _best(partial(parse_limited, file, name)) - _best(partial(parse, file, name))
        figures[f"独立进程：{name} 多用"] = Figure(extra * 1000, "毫秒", 50.0)
    close()
    show("读 Word 文件", figures)


if __name__ == "__main__":
    main()
