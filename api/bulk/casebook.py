"""After the last file: the cases, their checklists, the workbook over all of them, the summary."""

from __future__ import annotations

import shutil
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from api.batch import write_reason
from api.bulk.case_steps import BUILD, BUILD_MANY, DOCUMENT_COLUMNS, GROUP
from api.bulk.crew import Crew, Tally
from api.bulk.ledger import Line, read_lines
from api.bulk.meter import Meter
from api.bulk.places import Layout
from api.console import say
from api.exports.many_cases import ManyCasesWriter
from api.exports.xlsx import clean, count_lines
from extractor.errors import HechaError
from extractor.formats.limits import MIB, Limits

STATUS_LABELS: Final = {"failed": "失败", "skipped": "跳过", "duplicate": "重复"}
_UNREAD_COLUMNS: Final = (
    ("文件", 60.0), ("状态", 8.0), ("代码", 20.0), ("原因", 70.0), ("与之相同", 50.0),
)  # fmt: skip
_HEADING: Final = (("案件序号", 8.0), ("事故名称", 24.0))
_WINDOW: Final = 4
_BATCH: Final = 16
"""Documents whose cases are built in one call at most."""
_Built: TypeAlias = dict[str, Any] | HechaError
_LINE_HEIGHT, _PADDING, _LEAST, _MOST = 14.5, 5.0, 21.0, 400.0


@dataclass(slots=True)
class CaseCounts:
    """What the last steps of a run made."""

    cases: int = 0
    joined: int = 0
    accountability: int = 0
    measures: int = 0
    failures: list[tuple[str, str, str]] = field(default_factory=list)


def write_casebook(layout: Layout, crew: Crew, workers: int, limits: Limits) -> CaseCounts:
    """Group the documents, write the checklist of each case and the workbook over all.

    The documents stay in the workers; what passes here is one case at a time.
    """
    counts = CaseCounts()
    # All facts of a hundred thousand documents are in one process while they are grouped.
    roomy = replace(limits, max_memory_bytes=max(limits.max_memory_bytes, 8192 * MIB))
    try:
        total, problem = crew.call(GROUP, str(layout.root), limits=roomy)
        if problem is not None:
            counts.failures.append((layout.grouping.name, "write_failed", problem))
        else:
            _write(layout, crew, workers, Meter("生成清单", total), counts)
    except OSError as error:
        counts.failures.append((layout.workbook.name, "write_failed", write_reason(error)))
    except HechaError as error:
        counts.failures.append((layout.workbook.name, error.code, error.message))
    return counts


def _write(layout: Layout, crew: Crew, workers: int, meter: Meter, counts: CaseCounts) -> None:
    temporary = layout.lock.parent / "workbook"
    shutil.rmtree(temporary, ignore_errors=True)  # what a run left behind that was killed
    temporary.mkdir(parents=True, exist_ok=True)
    part = temporary / layout.workbook.name
    writer = ManyCasesWriter(part, temporary)
    writer.begin("案件", DOCUMENT_COLUMNS)
    written: set[str] = set()
    with meter:
        for case, made in _made(layout, crew, workers, counts):
            meter.step(case["name"] or "")
            counts.cases += 1
            counts.joined += len(case["documents"]) > 1
            if made is not None:
                _add(writer, made, counts)
                written.add(made["file"])
    writer.begin("没有读的文件", _UNREAD_COLUMNS)
    writer.write("没有读的文件", _unread_rows(layout))
    writer.close()
    part.replace(layout.workbook)
    # Checklists of an earlier grouping, which this one has replaced.
    for path in layout.cases.glob("*.json"):
        if path.name not in written:
            path.unlink()
    shutil.rmtree(temporary, ignore_errors=True)


def _made(
    layout: Layout, crew: Crew, workers: int, counts: CaseCounts
) -> Iterator[tuple[Line, dict[str, Any] | None]]:
    """Yield each case with what a worker made of it, in order; a few are under way at a time."""
    waiting: deque[tuple[list[Line], Future[list[_Built]]]] = deque()
    threads = ThreadPoolExecutor(workers)
    try:
        for cases in _batches(read_lines(layout.grouping)):
            waiting.append((cases, threads.submit(_build, crew, str(layout.root), cases)))
            if len(waiting) >= _WINDOW * workers:
                yield from _results(*waiting.popleft(), counts)
        while waiting:
            yield from _results(*waiting.popleft(), counts)
    finally:  # also when the run is interrupted: then the crew ends what is under way
        threads.shutdown(wait=False, cancel_futures=True)


def _batches(cases: Iterable[Line]) -> Iterator[list[Line]]:
    """Put small cases together, so that a worker need not wait for each."""
    batch: list[Line] = []
    documents = 0
    for case in cases:
        documents += len(case["documents"])
        if batch and documents > _BATCH:
            yield batch
            batch, documents = [], len(case["documents"])
        batch.append(case)
    if batch:
        yield batch


def _build(crew: Crew, root: str, cases: Sequence[Line]) -> list[_Built]:
    """Let a worker build cases in one call; if it fails, each has a call for itself."""
    if len(cases) > 1:
        with suppress(HechaError):
            return list(crew.call(BUILD_MANY, root, cases))
    return [_build_alone(crew, root, case) for case in cases]


def _build_alone(crew: Crew, root: str, case: Line) -> _Built:
    try:
        made: dict[str, Any] = crew.call_twice(Tally(), BUILD, root, case)
    except HechaError as error:
        return error
    return made


def _results(
    cases: Sequence[Line], future: Future[list[_Built]], counts: CaseCounts
) -> Iterator[tuple[Line, dict[str, Any] | None]]:
    for case, made in zip(cases, future.result(), strict=True):
        shown = case["name"] or case["documents"][0]["path"]
        if isinstance(made, HechaError):
            counts.failures.append((shown, made.code, made.message))
            yield case, None
            continue
        if made["problem"] is not None:
            counts.failures.append((shown, "write_failed", made["problem"]))
        yield case, made


def _add(writer: ManyCasesWriter, made: dict[str, Any], counts: CaseCounts) -> None:
    writer.write("案件", made["documents"])
    for sheet in made["sheets"]:
        if not writer.has(sheet["name"]):
            writer.begin(sheet["name"], (*_HEADING, *sheet["columns"]))
        writer.write(sheet["name"], sheet["rows"])
    accountability, measures = made["counts"]
    counts.accountability += accountability
    counts.measures += measures


def _unread_rows(layout: Layout) -> Iterator[tuple[float, list[str]]]:
    for line in read_lines(layout.manifest):
        if line["status"] not in STATUS_LABELS:
            continue
        cells = [
            line["path"],
            STATUS_LABELS[line["status"]],
            line.get("code", ""),
            line.get("message", ""),
            line.get("duplicate_of", ""),
        ]
        texts = [clean(cell) for cell in cells]
        lines = max(
            count_lines(text, width)
            for text, (_, width) in zip(texts, _UNREAD_COLUMNS, strict=True)
        )
        yield max(_LEAST, min(_MOST, lines * _LINE_HEIGHT + _PADDING)), texts


@dataclass(slots=True)
class RunCounts:
    """How the files of a run ended, counted from its manifest."""

    by_status: Counter[str] = field(default_factory=Counter)
    by_code: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)


def count_run(manifest: Path) -> RunCounts:
    """Count the lines of a manifest that has one line a path."""
    counts = RunCounts()
    for line in read_lines(manifest):
        status = line["status"]
        counts.by_status[status] += 1
        if status == "failed":
            counts.by_code[line["code"]] += 1
            counts.examples.setdefault(line["code"], line["path"])
            counts.messages.setdefault(line["code"], line["message"])
        elif status == "skipped":
            counts.skipped[line["code"]] += 1
        elif status == "done":
            counts.by_status["partial"] += bool(line.get("partial"))
            for key in ("penalties", "measures", "numbers", "parties"):
                counts.rows[key] += line.get(key, 0)
    return counts


def say_failures(counts: CaseCounts) -> None:
    """Name on stderr what the last steps could not make."""
    for name, code, message in counts.failures:
        say(f"失败 {name} [{code}] {message}")
