"""How time and memory grow with the text: ten times as long, hostile, a million characters.

Growth is the time of a text ten times as long over the time of the text. A hostile text is
100,000 times one piece that rules look for; its time for each character is compared with that of
a normal text. Every hostile text and the memory peak are measured in a process of their own, with
a time limit, so that one that never ends is told and the others go on.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Final

from bench.figures import Figure, show
from bench.long_report import long_report
from corpus.peak import peak_memory
from extractor import extract, parse

ROOT = Path(__file__).resolve().parent.parent
PIECES: Final = {
    "一、": "一、",
    "（": "（",
    "〔": "〔",
    "以下简称“": "以下简称“",
    "第": "第",
    "、": "、",
    "7": "7",
    "由由由": "由由由",
}
TIMES: Final = 100_000
NESTED: Final = "（×n ）×n"
MILLION: Final = 1_000_000
MOST_GROWTH, MOST_HOSTILE, MOST_MEMORY = 11.0, 2.0, 250.0
PATIENCE: Final = 120
_BASE_LENGTHS: Final = (30_000, 100_000)


def hostile_text(name: str) -> str:
    """Return the hostile text of this name."""
    if name == NESTED:
        return "（" * (TIMES // 2) + "）" * (TIMES // 2)
    return PIECES[name] * TIMES


def seconds(text: str) -> float:
    """Return how long it takes to parse and extract a text."""
    data = text.encode()
    began = perf_counter()
    extract(parse(data, "报告.txt"))
    return perf_counter() - began


def _elsewhere(job: str) -> str | None:
    """Run one job of this module in a new process; None when it is not done in time."""
    command = [sys.executable, "-m", "bench.growth", job]
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip()


def _run(job: str) -> None:
    """Do one job and print its figure: seconds of a hostile text, or MiB for a million."""
    if job == "memory":
        extract(parse(long_report(MILLION).encode(), "报告.txt"))
        print(peak_memory())
    else:
        seconds(long_report(2000))  # the tables of rules load once
        print(seconds(hostile_text(job)))


def main() -> None:
    """Measure and print."""
    if len(sys.argv) > 1:
        _run(sys.argv[1])
        return
    seconds(long_report(2000))
    figures: dict[str, Figure] = {}
    each = 0.0
    for length in _BASE_LENGTHS:
        once = min(seconds(long_report(length)) for _ in range(3))
        tenfold = seconds(long_report(10 * length))
        each = once / length  # of the longest base, as long as the hostile texts
        figures[f"{length:,} 字的 10 倍"] = Figure(tenfold / once, "倍", MOST_GROWTH)
    figures["普通文字"] = Figure(each * 1e6, "微秒/字")
    show("增长", figures)
    show(
        "恶意文字（每字时间与普通文字之比）",
        {name: _hostile(name, each) for name in (*PIECES, NESTED)},
    )
    peak = _elsewhere("memory")
    value: float | str = float(peak) if peak else f"超过 {PATIENCE} 秒"
    show("内存", {f"{MILLION:,} 字的峰值": Figure(value, "MiB", MOST_MEMORY)})


def _hostile(name: str, normal: float) -> Figure:
    took = _elsewhere(name)
    if took is None:
        return Figure(f"超过 {PATIENCE} 秒", "倍", MOST_HOSTILE)
    return Figure(float(took) / len(hostile_text(name)) / normal, "倍", MOST_HOSTILE)


if __name__ == "__main__":
    main()
