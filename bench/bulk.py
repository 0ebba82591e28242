"""A bulk run against the bare library on as many processes; memory of every process.

The bare library does for each document what the run does: read, extract, write the result as JSON.
Both are run in turn, a few times, and the medians compared, so that a disturbed moment of a shared
machine does not count. Memory is looked at when 200 and when all documents are read.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

from api.bulk.crew import Crew
from api.bulk.engine import Engine, Wishes
from api.bulk.places import Layout, Source, find_sources
from bench.figures import Figure, show
from corpus.synthetic import synthesize_many
from extractor import build_checklist, extract, parse
from extractor.formats.limited import resident_bytes
from extractor.formats.limits import DEFAULT_LIMITS
from models import DEFAULT_TAGGER, Tagger, load_tagger

DOCUMENTS = 2000
FIRST = 200
ROUNDS = 3
MOST = 1.15
GROWTH = 1.10
_MIB = 1 << 20


@dataclass(slots=True)
class Cost:
    """Seconds by the clock, and of processors over all processes (0 where it is not known)."""

    clock: float = 0.0
    processor: float = 0.0


@contextmanager
def _measured() -> Iterator[Cost]:
    cost = Cost()
    began, used = time.perf_counter(), _processor_seconds()
    yield cost
    cost.clock, cost.processor = time.perf_counter() - began, _processor_seconds() - used


def _processor_seconds() -> float:
    times = os.times()  # of the children, those that have ended
    return sum((times.user, times.system, times.children_user, times.children_system))


def _fill(folder: Path) -> None:
    for at, each in enumerate(synthesize_many(DOCUMENTS, 6, 0.0, None)):
        (folder / f"{at:05}.txt").write_text(each.text, encoding="utf-8")


def _bare(task: tuple[Path, Path, bool, str]) -> None:
    path, target, with_checklist, tagger = task
    document = parse(path.read_bytes(), path.name)
    extraction = extract(document, _tagger(tagger))
    (target / f"{path.name}.json").write_text(extraction.model_dump_json(indent=2), "utf-8")
    if with_checklist:
        checklist = build_checklist([(document, extraction)])
        (target / f"{path.name}.list.json").write_text(checklist.model_dump_json(indent=2), "utf-8")


@cache
def _tagger(name: str) -> Tagger:
    return load_tagger(name)


def _own_session() -> None:
    """A busy system shares its processors between sessions: those of the run have their own."""
    if hasattr(os, "setsid"):
        os.setsid()


def _bare_cost(
    folder: Path, target: Path, workers: int, *, with_checklist: bool, tagger: str = "none"
) -> Cost:
    target.mkdir()
    tasks = [(path, target, with_checklist, tagger) for path in sorted(folder.iterdir())]
    with _measured() as cost, ProcessPoolExecutor(workers, initializer=_own_session) as processes:
        for _ in processes.map(_bare, tasks, chunksize=4):
            pass
    return cost


def _read_cost(folder: Path, output: Path, workers: int) -> Cost:
    """Read as a run does, from the start of its processes to the last line of the manifest."""
    with _measured() as cost:
        crew = Crew(DEFAULT_LIMITS)
        engine = Engine(Layout(output), crew, Wishes(workers, "1", "none"))
        for source in find_sources(folder):
            if isinstance(source, Source):
                engine.put(source)
        engine.drain()
        engine.close()
        crew.stop()
    return cost


class _Memory:
    """Looks at a program and its children while it runs."""

    def __init__(self, process: subprocess.Popen[bytes], manifest: Path) -> None:
        self._process, self._manifest = process, manifest
        self.early: dict[int, int] = {}
        self.late: dict[int, int] = {}
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while self._process.poll() is None:
            done = 0
            with suppress(OSError):
                done = self._manifest.read_bytes().count(b"\n")
            if done < DOCUMENTS:
                now = {pid: size for pid in self._pids() if (size := resident_bytes(pid))}
                if done >= FIRST and not self.early:
                    self.early = now
                elif done > FIRST:
                    self.late = {**self.late, **now}
            time.sleep(0.2)

    def _pids(self) -> Iterator[int]:
        yield self._process.pid
        with suppress(OSError):
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
            yield from map(int, children.read_text().split())
        for task in Path(f"/proc/{self._process.pid}/task").glob("*/children"):
            with suppress(OSError):
                yield from map(int, task.read_text().split())

    def growth(self) -> float | str:
        """Return the largest growth of a process from early to late, as a factor."""
        self._thread.join()
        both = self.early.keys() & self.late.keys()
        return max((self.late[p] / self.early[p] for p in both), default="没有测到")


def _command(
    folder: Path, output: Path, workers: int, tagger: str
) -> tuple[Cost, float | str, int]:
    """Run the command; return its cost, the growth of its processes and their memory in MiB."""
    words = [sys.executable, "-m", "api.cli", "bulk", str(folder), str(output)]
    with _measured() as cost:
        process = subprocess.Popen(  # noqa: S603
            [*words, "--workers", str(workers), "--tagger", tagger],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        memory = _Memory(process, output / "manifest.jsonl")
        process.wait()
    growth = memory.growth()
    return cost, growth, sum(memory.late.values()) // _MIB


def _ratio(costs: Sequence[Cost], bare: Sequence[Cost]) -> tuple[float, float]:
    """Return the medians of the ratios by the clock and by the processors."""
    pairs = list(zip(costs, bare, strict=True))
    return (
        median(cost.clock / base.clock for cost, base in pairs),
        median(cost.processor / (base.processor or 1.0) for cost, base in pairs),
    )


def main() -> None:
    """Measure and print."""
    workers = os.cpu_count() or 1
    bare, bare_all, read, command = [], [], [], []
    growths: list[float | str] = []
    with tempfile.TemporaryDirectory(prefix="hecha-bench-") as place:
        top = Path(place)
        folder = top / "in"
        folder.mkdir()
        _fill(folder)
        memory = 0
        for at in range(ROUNDS):
            bare.append(_bare_cost(folder, top / f"bare{at}", workers, with_checklist=False))
            read.append(_read_cost(folder, top / f"read{at}", workers))
            bare_all.append(_bare_cost(folder, top / f"all{at}", workers, with_checklist=True))
            cost, growth, memory = _command(folder, top / f"out{at}", workers, "none")
            command.append(cost)
            growths.append(growth)
        usual = _bare_cost(
            folder, top / "usual", workers, with_checklist=True, tagger=DEFAULT_TAGGER
        )
        usual_command, growth, _ = _command(folder, top / "out", workers, DEFAULT_TAGGER)
        growths.append(growth)
        characters = sum(path.stat().st_size for path in folder.iterdir()) // 3
    numbers = [each for each in growths if isinstance(each, float)]
    reading, whole = _ratio(read, bare), _ratio(command, bare_all)
    show(
        "整批处理",
        {
            "文件": Figure(str(DOCUMENTS), "份"),
            "全文约": Figure(f"{characters:,}", "字"),
            "进程": Figure(str(workers), "个"),
            "裸库：读取、抽取、写出": Figure(median(each.clock for each in bare), "秒"),
            "整批：同样的事": Figure(median(each.clock for each in read), "秒"),
            "读取，时间之比": Figure(reading[0], "倍", MOST),
            "读取，处理器时间之比": Figure(reading[1], "倍", MOST),
            "裸库：再加清单": Figure(median(each.clock for each in bare_all), "秒"),
            "整个命令（归并、清单、汇总表）": Figure(median(each.clock for each in command), "秒"),
            "整个命令，时间之比": Figure(whole[0], "倍"),
            "整个命令，处理器时间之比": Figure(whole[1], "倍"),
            "裸库：读取、抽取、清单，默认识别模型": Figure(usual.clock, "秒"),
            "整个命令，默认识别模型": Figure(usual_command.clock, "秒"),
            "整个命令，默认识别模型，时间之比": Figure(usual_command.clock / usual.clock, "倍"),
            "各进程内存增长（第200份至最后）": Figure(
                max(numbers) if numbers else "没有测到", "倍", GROWTH
            ),
            "全部进程内存": Figure(str(memory), "MiB"),
        },
    )


if __name__ == "__main__":
    main()
