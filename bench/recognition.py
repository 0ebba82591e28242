"""Recognition of scans: wrong characters, facts that come out as from text, seconds, memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import groupby
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from bench.figures import Figure, show
from bench.scans import Report, Wear, as_pdf, build_report, has_chinese_font, pictures
from corpus.peak import peak_memory
from extractor import extract, parse
from extractor.document import Document
from extractor.extraction import Extraction
from extractor.formats import ocr

ROOT: Final = Path(__file__).resolve().parent.parent
CHARACTERS: Final = 6_000
WEARS: Final = {
    "150 dpi": Wear(150),
    "200 dpi": Wear(200),
    "150 dpi，噪点、歪斜、JPEG": Wear(150, skew=1.5, noise=10, quality=60),
    "200 dpi，噪点、歪斜、JPEG": Wear(200, skew=2.0, noise=10, quality=60),
    "150 dpi，红章、噪点、歪斜、JPEG": Wear(150, skew=-1.5, noise=10, seal=True, quality=60),
    "200 dpi，红章、噪点、歪斜、JPEG": Wear(200, skew=-2.0, noise=10, seal=True, quality=60),
}
MOST_ERRORS, MOST_LOST, MOST_SECONDS, MOST_MEMORY = 0.5, 3.0, 1 / 0.65, 1024.0


def wrong_characters(document: Document, report: Report) -> list[float]:
    """Return the share of wrong, missing and added characters of each page, in per cent."""
    pages = {
        number: "".join(document.text[line.start : line.end] for line in lines)
        for number, lines in groupby(document.lines, key=lambda line: line.page)
    }
    return [
        100 * _edits(sheet.text, pages.get(sheet.number, "")) / len(sheet.text)
        for sheet in report.sheets
    ]


def _edits(wanted: str, found: str) -> int:
    """Return how many characters to change; at least the edit distance."""
    steps = SequenceMatcher(None, wanted, found, autojunk=False).get_opcodes()
    return sum(max(b - a, d - c) for kind, a, b, c, d in steps if kind != "equal")


def facts(extraction: Extraction, document: Document) -> Counter[tuple[Any, ...]]:
    """Return what an extraction states, without places: sanctions, numbers, measures."""
    parties = {party.id: (party.name, str(party.kind)) for party in extraction.parties}
    return Counter(_facts(extraction, document, parties))


def _facts(
    extraction: Extraction, document: Document, parties: dict[str, tuple[str, str]]
) -> Iterator[tuple[Any, ...]]:
    for penalty in extraction.penalties:
        sums = (penalty.amount_yuan, penalty.income_percent)
        yield ("penalty", *parties[penalty.party], penalty.kind, penalty.stage, sums, penalty.organ)
    for number in extraction.document_numbers:
        yield ("number", number.normal)
    for measure in extraction.measures:
        said = document.text[measure.start : measure.end]
        yield ("measure", said, tuple(measure.actors), str(measure.deadline))


def _read(path: Path) -> None:
    """Read a scan and print what it costs as JSON; the engine is loaded before."""
    data = path.read_bytes()
    ocr.engine()
    took = min(_seconds(data) for _ in range(2))
    print(json.dumps({"seconds": took, "peak": peak_memory()}))


def _seconds(data: bytes) -> float:
    began = perf_counter()
    parse(data, "扫描件.pdf")
    return perf_counter() - began


def _cost(data: bytes, pages: int) -> dict[str, Figure]:
    """Return what it costs to read a scan in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "扫描件.pdf")
        path.write_bytes(data)
        command = [sys.executable, "-m", "bench.recognition", str(path)]
        done = subprocess.run(  # noqa: S603
            command, cwd=ROOT, capture_output=True, text=True, check=True
        )
    cost = json.loads(done.stdout)
    return {
        "每页": Figure(cost["seconds"] / pages, "秒", MOST_SECONDS),
        "内存峰值": Figure(cost["peak"], "MiB", MOST_MEMORY),
    }


def main() -> None:
    """Measure and print."""
    if len(sys.argv) > 1:
        _read(Path(sys.argv[1]))
        return
    if not ocr.is_available() or not has_chinese_font():
        print("没有安装识别组件（hecha[ocr]）或中文字体，不测扫描件。")
        return
    report = build_report(CHARACTERS)
    plain = parse(report.text.encode(), "报告.txt")
    wanted = facts(extract(plain), plain)
    scan = b""
    for name, wear in WEARS.items():
        scan = as_pdf(list(pictures(report.pdf, wear)), wear.dpi)
        document = parse(scan, "扫描件.pdf")
        found = facts(extract(document), document)
        errors = wrong_characters(document, report)
        lost = 100 * (1 - (wanted & found).total() / wanted.total())
        show(
            f"扫描件：{name}（{len(report.sheets)} 页）",
            {
                "错字率": Figure(sum(errors) / len(errors), "%", MOST_ERRORS),
                "错字最多的一页": Figure(max(errors), "%"),
                "与文字版不同的事实": Figure(lost, "%", MOST_LOST),
            },
        )
    show("识别扫描件的开销（最后一种）", _cost(scan, len(report.sheets)))


if __name__ == "__main__":
    main()
