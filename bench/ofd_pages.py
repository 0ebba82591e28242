"""OFD: pages a second, and how many paragraphs of the long report come back whole.

The report is written in two ways: a text object for each line, and one for each character.
"""

from __future__ import annotations

from time import perf_counter

from bench.figures import Figure
from bench.long_report import long_report
from corpus.ofd_writer import Style, Volume, typeset, write_ofd
from extractor import parse

CHARACTERS = 60_000
STYLES = {"逐行": Style(), "逐字": Style(deltas="each")}


def measure_ofd(characters: int = CHARACTERS) -> dict[str, Figure]:
    """Return the figures of both ways of writing a report of so many characters."""
    paragraphs = [line for line in long_report(characters).splitlines() if line]
    sheets = typeset(paragraphs)
    figures = {"页数": Figure(str(len(sheets)), "页")}
    for name, style in STYLES.items():
        data = write_ofd(Volume(sheets), style=style)
        began = perf_counter()
        document = parse(data, "报告.ofd")
        rate = len(sheets) / (perf_counter() - began)
        kept = set(document.text.split("\n"))
        whole = sum(1 for paragraph in paragraphs if paragraph in kept)
        figures[f"{name}书写"] = Figure(rate, "页/秒")
        figures[f"{name}书写段落完整"] = Figure(100 * whole / len(paragraphs), "%", least=99.0)
    return figures
