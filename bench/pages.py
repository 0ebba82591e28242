"""Text PDF: pages a second beside pdfplumber's `extract_text`, and how true the reading is; OFD.

The long report is printed by LibreOffice (where it is installed) and by reportlab, in one and two
columns, with running heads, page numbers, footnotes, a watermark and a table over several pages.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from statistics import median
from time import perf_counter

import pdfplumber

from bench.fidelity import Fidelity, judge, judge_facts
from bench.figures import Figure, show
from bench.ofd_pages import measure_ofd
from bench.typesetting import Printed, Wanted, print_by_canvas, print_by_office
from extractor import parse

CHARACTERS = 30_000
ROUNDS = 3
EXAMPLES = 5
REPORTS = (
    Wanted("一栏", CHARACTERS, rows=60, notes=12, watermark=True),
    Wanted("两栏", CHARACTERS, columns=2, notes=8, watermark=True),
)
TABLE = Wanted("表格", 400, rows=400)
_LEAST_TRUE = {
    "characters": 99.95,
    "paragraphs": 99.0,
    "furniture": 100.0,
    "rows": 98.0,
    "facts": 100.0,
}
_NAMES = {
    "characters": "文字一致",
    "paragraphs": "段落完整",
    "furniture": "版面文字分开",
    "rows": "表格行一致",
    "facts": "事实与纯文本一致",
}


def _plumb(data: bytes) -> None:
    with pdfplumber.open(io.BytesIO(data)) as pdf:
        for page in pdf.pages:
            page.extract_text()


def _seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return median(times)


def measure_speed(printed: Printed) -> dict[str, Figure]:
    """Return pages a second of both readers on one file, and their ratio.

    A file without its fonts makes pdfium look for one on the system and draw each character for
    its width, which takes most of the time; a file of tables is compared with a reading that finds
    none. No ratio is asked for these two.
    """
    document = parse(printed.data, "报告.pdf")
    pages = len(document.pages)
    ours = pages / _seconds(lambda: parse(printed.data, "报告.pdf"))
    theirs = pages / _seconds(lambda: _plumb(printed.data), 1)
    least = 5.0 if printed.has_fonts and len(printed.rows) < len(printed.paragraphs) else None
    return {
        f"{printed.name}（{pages} 页）": Figure(ours, "页/秒"),
        f"{printed.name} pdfplumber": Figure(theirs, "页/秒"),
        f"{printed.name} 倍数": Figure(ours / theirs, "倍", least=least),
    }


def percentages(found: Fidelity) -> dict[str, Figure]:
    """Return what share of each kind was read just as it was printed."""
    figures = {}
    for kind, least in _LEAST_TRUE.items():
        whole = getattr(found, kind)
        same = getattr(found, "found_furniture" if kind == "furniture" else f"same_{kind}")
        if whole:
            figures[_NAMES[kind]] = Figure(100 * same / whole, "%", least=least)
    figures["正文误删"] = Figure(float(found.body_lost), "字", most=0)
    return figures


def _print_all() -> list[Printed]:
    printed = [print_by_canvas(wanted) for wanted in REPORTS]
    for wanted in (*REPORTS, TABLE):
        by_office = print_by_office(wanted)
        if by_office is None:
            print("没有安装 LibreOffice：只量 reportlab 排出的文件")
            return [*printed, print_by_canvas(TABLE)]
        printed.append(by_office)
    return printed


def main() -> None:
    """Measure and print."""
    files = _print_all()
    speed: dict[str, Figure] = {}
    total = Fidelity()
    for printed in files:
        speed |= measure_speed(printed)
        document = parse(printed.data, "报告.pdf")
        total.add(judge(document, printed))
        total.add(judge_facts(document, printed))
    table = files[-1]
    pages = len(parse(table.data, "报告.pdf").pages)
    rate = pages / _seconds(lambda: parse(table.data, "报告.pdf"))
    speed["有表格线的页"] = Figure(rate, "页/秒", least=25)
    show("读 PDF", speed)
    show("读 PDF 的准确", percentages(total))
    for example in total.missed[:EXAMPLES]:
        print(f"  {example}")
    show("读 OFD", measure_ofd())


if __name__ == "__main__":
    main()
