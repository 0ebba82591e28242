"""After the last file: the cases, their checklists, the workbook over all of them, the summary."""

from __future__ import annotations

import json
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from api.batch import write_file, write_reason
from api.bulk.case_steps import (
    BUILD,
    BUILD_MANY,
    DOCUMENT_COLUMNS,
    GROUP,
    local_day,
    rows_of,
    state_of,
)
from api.bulk.crew import Crew, Tally
from api.bulk.ledger import Journal, Line, compact, last_lines, read_lines
from api.bulk.places import Layout
from api.console import say
from api.exports.many_cases import ManyCasesWriter
from api.exports.xlsx import clean, row_height
from extractor.errors import HechaError
from extractor.formats.limits import MIB, Limits
from extractor.pipeline import extraction_version

STATUS_LABELS: Final = {"failed": "失败", "skipped": "跳过", "duplicate": "重复"}
_UNREAD_COLUMNS: Final = (
    ("文件", 60.0), ("状态", 8.0), ("代码", 20.0), ("原因", 70.0), ("与之相同", 50.0),
)  # fmt: skip
_NUMBER: Final = ("案件序号", 8.0)
_HEADING: Final = (_NUMBER, ("事故名称", 24.0))
_WINDOW: Final = 4
_SAID: Final = 20
_BATCH: Final = 16
"""Documents whose cases are built in one call at most."""
_Built: TypeAlias = Line | HechaError
_State: TypeAlias = tuple[str, int, int]
"""Name, size and time of a file as it was written."""
_Order: TypeAlias = tuple[Line, bool, Sequence[Any]]


@dataclass(slots=True)
class CaseCounts:
    """What the last steps of a run made."""

    cases: int = 0
    joined: int = 0
    made: int = 0
    """Those whose checklists were not there as they should be."""
    accountability: int = 0
    measures: int = 0
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What could not be followed of the corrections."""
    filled_in: list[tuple[str, str | None]] = field(default_factory=list)
    """Workbooks of cases that people have changed and what is written instead, if anything."""


@dataclass(frozen=True, slots=True)
class CaseWishes:
    """How the cases of a run are made."""

    workers: int
    limits: Limits
    corrections: Path
    xlsx: bool = False
    """A workbook for each case as well."""
    watched: bool = False
    """Files of one name come one after another, and all of them count."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is known of the checklist of a case: its files as they were written."""

    digest: str
    file: str
    sizes: tuple[int, int]
    counts: tuple[int, int]
    until: str | None
    xlsx: _State | None


class Casebook:
    """The cases of a run with their checklists; what has not changed is not made again.

    The documents stay in the workers; what passes here is one case at a time.
    """

    def __init__(self, layout: Layout, crew: Crew, wishes: CaseWishes) -> None:
        """Take up which checklists are there.

        Raises:
            OSError: the folder of results cannot be written.
        """
        self._layout, self._crew, self._wishes = layout, crew, wishes
        compact(layout.made, of="case")
        self._known = {
            first: _entry(line) for first, line in last_lines(layout.made, of="case").items()
        }
        self._broken: dict[str, tuple[str, HechaError]] = {}
        self.on_total: Callable[[int], None] = lambda _count: None
        """Told how many cases there are."""
        self.on_case: Callable[[str, str | None], None] = lambda _name, _file: None
        """Told of every case: its name, and the file of its checklist if it was made now."""

    def update(self, *, workbook: bool = True) -> CaseCounts:
        """Group the documents, make the checklists that have changed, and the workbook over all.

        Raises:
            JournalError: what was made cannot be recorded.
        """
        counts = CaseCounts()
        layout, wishes = self._layout, self._wishes
        # All facts of a hundred thousand documents are in one process while they are grouped.
        limits = wishes.limits
        roomy = replace(limits, max_memory_bytes=max(limits.max_memory_bytes, 8192 * MIB))
        order = (str(layout.root), str(wishes.corrections), extraction_version(), wishes.watched)
        try:
            grouped = self._crew.call(GROUP, *order, limits=roomy)
            counts.notes = grouped["notes"]
            if grouped["problem"] is not None:
                counts.failures.append(tuple(grouped["problem"]))
            else:
                self.on_total(grouped["cases"])
                self._write(counts, grouped["stamp"] if workbook else None)
        except OSError as error:
            counts.failures.append((layout.workbook.name, "write_failed", write_reason(error)))
        except HechaError as error:
            counts.failures.append((layout.workbook.name, error.code, error.message))
        return counts

    def _write(self, counts: CaseCounts, stamp: str | None) -> None:
        """Make the checklists, and with a stamp the workbook too if it would be another one."""
        layout = self._layout
        if stamp is None or self._is_written(stamp):
            self._go_through(counts, None)
            if stamp is None or not counts.made:
                return
        temporary = layout.lock.parent / "workbook"
        shutil.rmtree(temporary, ignore_errors=True)  # what a run left behind that was killed
        temporary.mkdir(parents=True, exist_ok=True)
        part = temporary / layout.workbook.name
        writer = ManyCasesWriter(part, temporary)
        writer.begin("案件", (_NUMBER, *DOCUMENT_COLUMNS))
        self._go_through(CaseCounts() if counts.made else counts, writer)
        writer.begin("没有读的文件", _UNREAD_COLUMNS)
        writer.write("没有读的文件", _unread_rows(layout))
        writer.close()
        part.replace(layout.workbook)
        shutil.rmtree(temporary, ignore_errors=True)
        if not counts.failures:
            write_file(layout.stamp, stamp.encode())

    def _is_written(self, stamp: str) -> bool:
        with suppress(OSError):
            return self._layout.workbook.exists() and self._layout.stamp.read_text("utf-8") == stamp
        return False

    def _go_through(self, counts: CaseCounts, writer: ManyCasesWriter | None) -> None:
        """Make the checklists that have changed, and write the rows of all."""
        standing: set[str] = set()
        journal = Journal(self._layout.made)
        try:
            for case, entry in self._made(journal, counts):
                counts.cases += 1
                counts.joined += len(case["documents"]) > 1
                if entry is not None:
                    standing.add(_first(case))
                    counts.accountability += entry.counts[0]
                    counts.measures += entry.counts[1]
                    if writer is not None:
                        self._add(writer, case, counts)
        finally:
            journal.close()
        self._clear(standing, counts)

    def _clear(self, standing: set[str], counts: CaseCounts) -> None:
        """Take away the checklists of an earlier grouping, but no workbook that was filled in."""
        layout = self._layout
        for first in self._known.keys() - standing:
            entry = self._known.pop(first)
            self._drop_workbook(entry.xlsx, None, counts)
            rows_of(layout, first).unlink(missing_ok=True)
        kept = {entry.file for entry in self._known.values()}
        for path in layout.cases.glob("*.json"):
            if path.name not in kept:
                path.unlink()

    def _drop_workbook(self, before: _State | None, now: _State | None, counts: CaseCounts) -> None:
        """Delete the workbook of a case that another replaces, unless people have filled it in."""
        if before is None or (now is not None and now[0] == before[0]):
            return
        path = self._layout.cases / before[0]
        if state_of(path) == before:
            path.unlink(missing_ok=True)
        elif path.exists():
            counts.filled_in.append((before[0], now[0] if now is not None else None))

    def _made(self, journal: Journal, counts: CaseCounts) -> Iterator[tuple[Line, _Entry | None]]:
        """Yield each case with its checklist, in order; a few are under way at a time."""
        waiting: deque[tuple[list[Line], list[bool], Future[list[_Built]] | None]] = deque()
        threads = ThreadPoolExecutor(self._wishes.workers)
        today = local_day().isoformat()
        try:
            for cases in _batches(read_lines(self._layout.grouping)):
                stale = [not self._is_fresh(case, today) for case in cases]
                orders = [self._order(case) for case, old in zip(cases, stale, strict=True) if old]
                future = threads.submit(self._build, orders) if orders else None
                waiting.append((cases, stale, future))
                if len(waiting) >= _WINDOW * self._wishes.workers:
                    yield from self._results(*waiting.popleft(), journal, counts)
            while waiting:
                yield from self._results(*waiting.popleft(), journal, counts)
        finally:  # also when the run is interrupted: then the crew ends what is under way
            threads.shutdown(wait=False, cancel_futures=True)

    def _is_fresh(self, case: Line, today: str) -> bool:
        """Tell whether the checklist of a case is there, and as it would be made now."""
        entry = self._known.get(_first(case))
        if entry is None or entry.digest != case["digest"] or (entry.until or today) < today:
            return False
        layout = self._layout
        files = (layout.cases / entry.file, rows_of(layout, _first(case)))
        with suppress(OSError):
            if tuple(path.stat().st_size for path in files) != entry.sizes:
                return False
            if not self._wishes.xlsx:
                return True
            return entry.xlsx is not None and (layout.cases / entry.xlsx[0]).exists()
        return False

    def _order(self, case: Line) -> _Order:
        entry = self._known.get(_first(case))
        return case, self._wishes.xlsx, (entry.xlsx or ()) if entry is not None else ()

    def _build(self, orders: Sequence[_Order]) -> list[_Built]:
        """Let a worker build cases in one call; if it fails, each has a call for itself."""
        if len(orders) > 1:
            with suppress(HechaError):
                return list(self._crew.call(BUILD_MANY, str(self._layout.root), orders))
        return [self._build_alone(order) for order in orders]

    def _build_alone(self, order: _Order) -> _Built:
        first, digest = _first(order[0]), order[0]["digest"]
        before = self._broken.get(first)
        if before is not None and before[0] == digest:
            return before[1]
        try:
            made: Line = self._crew.call_twice(Tally(), BUILD, str(self._layout.root), *order)
        except HechaError as error:
            self._broken[first] = digest, error
            return error
        return made

    def _results(
        self,
        cases: Sequence[Line],
        stale: Sequence[bool],
        future: Future[list[_Built]] | None,
        journal: Journal,
        counts: CaseCounts,
    ) -> Iterator[tuple[Line, _Entry | None]]:
        built = iter(future.result() if future is not None else ())
        for case, is_stale in zip(cases, stale, strict=True):
            shown = case["name"] or case["documents"][0]["path"]
            made = next(built) if is_stale else None
            file = None
            if isinstance(made, HechaError):
                counts.failures.append((shown, made.code, made.message))
            elif made is not None and made["problem"] is not None:
                counts.failures.append((shown, "write_failed", made["problem"]))
            elif made is not None:
                file = self._record(made["entry"], journal, counts)
            self.on_case(shown, file)
            yield case, None if isinstance(made, HechaError) else self._known.get(_first(case))

    def _record(self, line: Line, journal: Journal, counts: CaseCounts) -> str:
        """Write down what was made, and return the file that people open."""
        before, now = self._known.get(line["case"]), _entry(line)
        journal.append(line)
        self._known[line["case"]] = now
        counts.made += 1
        if before is not None:
            self._drop_workbook(before.xlsx, now.xlsx, counts)
        return now.xlsx[0] if now.xlsx is not None else now.file

    def _add(self, writer: ManyCasesWriter, case: Line, counts: CaseCounts) -> None:
        """Write the rows of a case into the workbook, its number before each."""
        path = rows_of(self._layout, _first(case))
        try:
            kept = json.loads(path.read_bytes())
        except (OSError, ValueError):  # a power cut may leave a file of the right size, but empty
            path.unlink(missing_ok=True)
            shown = case["name"] or case["documents"][0]["path"]
            counts.failures.append((shown, "write_failed", "它的行没有写进汇总表。请再运行一次。"))
            return
        number = str(case["number"])
        writer.write("案件", _numbered(number, kept["documents"]))
        for sheet in kept["sheets"]:
            if not writer.has(sheet["name"]):
                writer.begin(sheet["name"], (*_HEADING, *sheet["columns"]))
            writer.write(sheet["name"], _numbered(number, sheet["rows"]))


def _entry(line: Line) -> _Entry:
    json_size, rows_size = line["sizes"]
    accountability, measures = line["counts"]
    return _Entry(
        line["digest"],
        line["file"],
        (json_size, rows_size),
        (accountability, measures),
        line["until"],
        tuple(line["xlsx"]) if line.get("xlsx") else None,
    )


def _first(case: Line) -> str:
    """Return the hash that stands for a case: that of its first document."""
    first: str = case["documents"][0]["id"]
    return first


def _numbered(number: str, rows: Iterable[Any]) -> Iterator[tuple[float, list[str]]]:
    return ((height, [number, *cells]) for height, cells in rows)


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


def _unread_rows(layout: Layout) -> Iterator[tuple[float, list[str]]]:
    for line in read_lines(layout.unread):
        cells = [
            line["path"],
            STATUS_LABELS[line["status"]],
            line.get("code", ""),
            line.get("message", ""),
            line.get("duplicate_of", ""),
        ]
        texts = [clean(cell) for cell in cells]
        yield row_height(texts, (width for _, width in _UNREAD_COLUMNS)), texts


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
    """Name on stderr what the last steps could not make, or left as people have made it."""
    for name, code, message in counts.failures:
        say(f"失败 {name} [{code}] {message}")
    for name, instead in counts.filled_in:
        words = (
            f"没有覆盖，新的清单写在 {instead}" if instead else "没有删去，它的文件已归入别的案件"
        )
        say(f"提醒 cases/{name} 有人改过，{words}。")


def say_notes(counts: CaseCounts, corrections: Path) -> None:
    """Say on stderr what could not be followed of the corrections."""
    for note in counts.notes[:_SAID]:
        say(f"提醒 {corrections.name} {note}")
    if len(counts.notes) > _SAID:
        say(f"提醒 {corrections.name} 还有 {len(counts.notes) - _SAID} 行没有用上。")
