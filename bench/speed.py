"""Characters a second of `extract` with rules alone and with the default tagger, start, memory.

Measured on the folder of real documents when it is there (HECHA_GOLD, else ../shared/gold), else
on the shipped samples.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.figures import Figure, show
from corpus.likeness_fit import seconds as likeness_seconds
from corpus.peak import peak_memory
from extractor import extract, parse
from extractor.document import Document
from models import DEFAULT_TAGGER, ready_tagger

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3


def _files() -> list[Path]:
    gold = Path(os.environ.get("HECHA_GOLD", ROOT.parent / "shared" / "gold"))
    real = sorted([*gold.glob("dev/*.txt"), *gold.glob("unlabelled/*.txt")])
    return real or [path for path in _samples() if path.suffix in {".docx", ".pdf", ".txt"}]


def _samples() -> Iterator[Path]:
    return (path for path in sorted((ROOT / "corpus" / "samples").iterdir()) if path.is_file())


def _seconds(work: Callable[[], object]) -> float:
    """Median over the rounds, so that one disturbed round does not count."""
    times = []
    for _ in range(ROUNDS):
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return median(times)


def _start() -> None:
    subprocess.run(
        [sys.executable, "-m", "api.cli", "--version"], cwd=ROOT, check=True, capture_output=True
    )


_LOADS = "from models import DEFAULT_TAGGER, ready_tagger; ready_tagger(DEFAULT_TAGGER)"


def _start_with_tagger() -> None:
    """Start an interpreter with all that reading needs, the default tagger among it."""
    code = f"import extractor.pipeline; {_LOADS}"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)  # noqa: S603 - our own


def main() -> None:
    """Measure and print."""
    files = _files()
    documents: list[Document] = [parse(path.read_bytes(), path.name) for path in files]
    characters = sum(len(document.text) for document in documents)
    extract(documents[0])  # the tables of rules load once
    seconds = _seconds(lambda: [extract(document) for document in documents])
    tagger = ready_tagger(DEFAULT_TAGGER)
    tagged = _seconds(lambda: [extract(document, tagger) for document in documents])
    memory = peak_memory()
    show(
        "提取",
        {
            "文件": Figure(str(len(files)), "个"),
            "全文": Figure(f"{characters:,}", "字"),
            "提取速度": Figure(characters / seconds, "字/秒"),
            "提取速度，默认识别模型": Figure(characters / tagged, "字/秒", least=15_000),
            "载入，默认识别模型": Figure(_seconds(_start_with_tagger), "秒", 1.0),
            "相似，50 条措施对 300 句": Figure(likeness_seconds()[0], "秒", 2.0),
            "命令启动": Figure(_seconds(_start), "秒", 1.0),
            "内存峰值": Figure(memory, "MiB", 400),
        },
    )


if __name__ == "__main__":
    main()
