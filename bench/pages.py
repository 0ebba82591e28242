"""Pages a second of our readers of fixed layouts, on files made here.

That of PDF stands beside pdfplumber's `extract_text`; that of OFD beside what was written, in two
ways: a text object for each line, and one for each character.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from time import perf_counter

import pdfplumber
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from bench.figures import Figure, show
from bench.long_report import long_report
from corpus.ofd_writer import Style, Volume, typeset, write_ofd
from extractor import parse

PAGES = 40
FONT = "STSong-Light"
LINES = (
    "（一）建议追究责任人员。赵远山，云溪县某建筑公司项目经理，未履行安全生产管理",
    "职责，对事故发生负有直接责任。依据有关规定，建议由云溪县应急管理局处上一年年",
    "收入百分之四十的罚款，并由主管部门暂停其执业资格。",
    "（二）整改措施。各乡镇人民政府应于2023年6月30日前完成在建工地隐患排查。",
)


def build_pdf(pages: int) -> bytes:
    """Return a PDF of `pages` pages, each full of Chinese lines with a page number below."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    for page in range(pages):
        canvas.setFont(FONT, 12)
        for line in range(32):
            canvas.drawString(72, 770 - 22 * line, LINES[line % len(LINES)])
        canvas.drawCentredString(A4[0] / 2, 40, f"— {page + 1} —")
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _plumb(data: bytes) -> None:
    with pdfplumber.open(io.BytesIO(data)) as pdf:
        for page in pdf.pages:
            page.extract_text()


def _measure_ofd() -> dict[str, Figure]:
    """Measure pages a second, and how many paragraphs come back whole, in percent."""
    paragraphs = [line for line in long_report(60_000).splitlines() if line]
    sheets = typeset(paragraphs)
    figures = {"页数": Figure(str(len(sheets)), "页")}
    for name, style in (("逐行", Style()), ("逐字", Style(deltas="each"))):
        data = write_ofd(Volume(sheets), style=style)
        figures[f"{name}书写"] = Figure(
            _rate(partial(parse, data, "报告.ofd"), len(sheets)), "页/秒"
        )
        kept = set(parse(data, "报告.ofd").text.split("\n"))
        whole = sum(1 for paragraph in paragraphs if paragraph in kept)
        figures[f"{name}书写段落完整"] = Figure(100 * whole / len(paragraphs), "%")
    return figures


def _rate(work: Callable[[], object], pages: int) -> float:
    began = perf_counter()
    work()
    return pages / (perf_counter() - began)


def main() -> None:
    """Measure and print."""
    parse(build_pdf(1), "报告.pdf")  # libraries load once
    data = build_pdf(PAGES)
    ours = _rate(lambda: parse(data, "报告.pdf"), PAGES)
    theirs = _rate(lambda: _plumb(data), PAGES)
    show(
        "读 PDF",
        {
            "本项目": Figure(ours, "页/秒"),
            "pdfplumber": Figure(theirs, "页/秒"),
            "倍数": Figure(ours / theirs, "倍"),
        },
    )
    show("读 OFD", _measure_ofd())


if __name__ == "__main__":
    main()
