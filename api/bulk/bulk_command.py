"""What `hecha bulk` does: a folder or an archive into results, checklists and one workbook."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final

from rich import box
from rich.table import Table
from rich.text import Text

from api.batch import write_file, write_reason
from api.bulk.casebook import (
    Casebook,
    CaseCounts,
    CaseWishes,
    RunCounts,
    count_run,
    say_failures,
    say_notes,
)
from api.bulk.crew import Crew
from api.bulk.engine import Engine, Wishes
from api.bulk.ledger import FolderLock, JournalError, Line, compact
from api.bulk.meter import Meter, duration
from api.bulk.places import CORRECTIONS, Layout, Source, Unread, find_sources
from api.bulk.work_steps import CHECK_TAGGER
from api.console import FAILED, OK, one_line, say, show, wrong_use
from extractor.errors import HechaError
from extractor.formats.limits import Limits, limits_from
from extractor.pipeline import extraction_version
from models import NoTagger, load_tagger

INTERRUPTED: Final = 130
_SAID: Final = 20
"""So many failures are named on stderr; all are in the manifest and the workbook."""


@dataclass(frozen=True, slots=True)
class BulkWishes:
    """What a person asks of a run."""

    source: Path
    output: Path
    workers: int | None
    resume: bool
    tagger: str = NoTagger.name
    xlsx: bool = False
    corrections: Path | None = None


def version_of(tagger: str) -> str:
    """Return the extraction version: results of another version are made anew."""
    return extraction_version(None if tagger == NoTagger.name else load_tagger(tagger).name)


def limits_of_environment() -> Limits:
    """Return what one file may cost, as `HECHA_LIMITS` says.

    Raises:
        BadParameter: it is not written as it must be.
    """
    try:
        return limits_from(os.environ.get("HECHA_LIMITS", ""))
    except ValueError as error:
        wrong_use(f"环境变量 HECHA_LIMITS 写得不对。{error}")


def ready_crew(tagger: str) -> Crew:
    """Return worker processes that can use this tagger.

    Raises:
        BadParameter: the tagger or the limits cannot be used.
    """
    crew = Crew(limits_of_environment())
    if tagger != NoTagger.name:
        try:
            problem = crew.call(CHECK_TAGGER, tagger)
        except HechaError as error:
            problem = error.message
        if problem:
            crew.stop()
            wrong_use(f"--tagger {tagger} 不能用。{problem}")
    return crew


def corrections_of(layout: Layout, named: Path | None) -> Path:
    """Return where people correct the grouping: the file they name, else the usual one.

    Raises:
        BadParameter: they name a file that is not there.
    """
    if named is not None and not named.is_file():
        wrong_use(f"--corrections {named} 不是文件。请核对路径；路径里有空格时要加引号")
    return (named if named is not None else layout.corrections).absolute()


def worker_count(wanted: int | None) -> int:
    """Return how many processes to use: as many as there are processors."""
    return wanted or os.cpu_count() or 1


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl+C does, in order."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_bulk(wishes: BulkWishes) -> int:
    """Read everything under the source; returns the exit code."""
    _check(wishes)
    layout = Layout(wishes.output)
    corrections_of(layout, wishes.corrections)
    try:
        lock = FolderLock(layout.lock)
    except OSError as error:
        say(f"失败 {wishes.output} [write_failed] {write_reason(error)}")
        return FAILED
    began = monotonic()
    try:
        compact(layout.manifest)
        crew = ready_crew(wishes.tagger)
        with terminated_like_interrupted():
            try:
                return _run(wishes, layout, crew, began)
            except KeyboardInterrupt:
                _say_interrupted(wishes, layout)
                return INTERRUPTED
            except JournalError as error:
                say(f"失败 {layout.manifest} [write_failed] {error}。已停止。{_continue(wishes)}")
                return FAILED
            except OSError as error:
                say(f"失败 {layout.root} [write_failed] {write_reason(error)}。")
                return FAILED
            finally:
                crew.stop()
    finally:
        lock.release()


def _check(wishes: BulkWishes) -> None:
    source, output = wishes.source, wishes.output
    if not source.exists():
        wrong_use(f"找不到“{source}”。请核对路径；路径里有空格时要加引号")
    if output.exists() and not output.is_dir():
        wrong_use(f"结果要写到文件夹，“{output}”是一个文件")
    inside, outer = output.resolve(), source.resolve()
    if source.is_dir() and (inside == outer or outer in inside.parents):
        wrong_use("结果文件夹不能在要读的文件夹里面，否则结果会被当作文件再读。请换一个位置")
    # A run that ended before it read anything leaves only the lock behind; corrections may wait.
    own = Layout(output).lock.parent
    usual = {own.name, CORRECTIONS}
    if not output.exists() or all(path.name in usual for path in output.iterdir()):
        return
    if not wishes.resume:
        wrong_use(f"“{output}”里已有文件。继续上次的处理请加 --resume；从头处理请换一个空的文件夹")
    if not own.exists():
        wrong_use(f"“{output}”不是 hecha bulk 的结果文件夹，不能继续。请换一个空的文件夹")


def _run(wishes: BulkWishes, layout: Layout, crew: Crew, began: float) -> int:
    corrections = corrections_of(layout, wishes.corrections)
    found = find_sources(wishes.source)
    sources = [each for each in found if not _is_file(each, corrections)]
    workers = worker_count(wishes.workers)
    engine_wishes = Wishes(workers, version_of(wishes.tagger), wishes.tagger)
    said = 0

    with Meter("正在读取", len(sources)) as meter:

        def on_line(line: Line | None, name: str) -> None:
            nonlocal said
            failed = line is not None and line["status"] == "failed"
            meter.step(name, fresh=line is not None, failed=failed)
            if failed and line is not None and said < _SAID:
                said += 1
                say(f"失败 {name} [{line['code']}] {line['message']}")
                if said == _SAID:
                    say("更多的失败不再逐个列出，都写在 manifest.jsonl 和汇总表里。")

        engine = Engine(layout, crew, engine_wishes)
        engine.on_line, engine.on_more = on_line, meter.more
        try:
            for source in sources:
                _give(engine, source)
            engine.drain()
        finally:
            engine.close()
    compact(layout.manifest)
    case_wishes = CaseWishes(workers, limits_of_environment(), corrections, wishes.xlsx)
    casebook = Casebook(layout, crew, case_wishes)
    with Meter("生成清单", 0) as meter:
        casebook.on_total = meter.more
        casebook.on_case = lambda name, made: meter.step(name, fresh=made is not None)
        cases = casebook.update()
    say_notes(cases, corrections)
    return _conclude(layout, cases, monotonic() - began)


def _is_file(each: Source | Unread, path: Path) -> bool:
    return isinstance(each, Source) and each.path.absolute() == path


def _give(engine: Engine, source: Source | Unread) -> None:
    if isinstance(source, Unread):
        status = "failed" if source.is_failure else "skipped"
        engine.note(source.name, status, source.code, source.message)
    else:
        engine.put(source)


def _conclude(layout: Layout, cases: CaseCounts, seconds: float) -> int:
    counts = count_run(layout.manifest)
    say_failures(cases)
    summary = _summary(counts, cases, seconds)
    data = (json.dumps(summary, ensure_ascii=False, indent=2) + "\n").encode()
    problem = write_file(layout.summary, data)
    if problem is not None:
        say(f"失败 {layout.summary} [write_failed] {problem}")
    show(_view(counts, cases, seconds))
    say(f"结果在 {layout.root}：manifest.jsonl 一行一个文件，{layout.workbook.name} 是全部案件")
    if not counts.by_status["done"]:
        say("没有读到任何文件。")
        return FAILED
    bad = counts.by_status["failed"] or cases.failures or problem is not None
    return FAILED if bad else OK


def _summary(counts: RunCounts, cases: CaseCounts, seconds: float) -> dict[str, Any]:
    return {
        "files": dict(sorted(counts.by_status.items())),
        "failed": dict(sorted(counts.by_code.items())),
        "skipped": dict(sorted(counts.skipped.items())),
        "found": dict(sorted(counts.rows.items())),
        "cases": cases.cases,
        "cases_of_several_documents": cases.joined,
        "accountability_rows": cases.accountability,
        "measure_rows": cases.measures,
        "correction_notes": cases.notes,
        "checklist_failures": [
            {"name": name, "code": code, "message": message}
            for name, code, message in cases.failures
        ],
        "seconds": round(seconds, 1),
    }


def _view(counts: RunCounts, cases: CaseCounts, seconds: float) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("结果", "代码", "份数", "例子和原因"):
        table.add_column(title, overflow="fold")
    status = counts.by_status
    read = f"其中 {status['partial']} 份没有读全" if status["partial"] else ""
    table.add_row("读完", "", str(status["done"]), read)
    if status["archive"]:
        table.add_row("压缩包", "", str(status["archive"]), "已逐个读取其中的文件")
    if status["duplicate"]:
        table.add_row("重复", "", str(status["duplicate"]), "内容与另一份完全相同，只读一次")
    for code, count in counts.skipped.most_common():
        table.add_row("跳过", code, str(count), "")
    for code, count in counts.by_code.most_common():
        words = f"{one_line(counts.examples[code])}：{counts.messages[code]}"
        table.add_row(Text("失败", style="red"), code, str(count), Text(words))
    rows = f"责任追究 {cases.accountability} 行，整改措施 {cases.measures} 行"
    made = f"其中 {cases.joined} 起有几份文件；{rows}"
    table.add_row("案件", "", str(cases.cases), made)
    table.add_row("用时", "", duration(seconds), "")
    return table


def _continue(wishes: BulkWishes) -> str:
    return (
        f"继续：hecha bulk {one_line(str(wishes.source))} {one_line(str(wishes.output))} --resume"
    )


def _say_interrupted(wishes: BulkWishes, layout: Layout) -> None:
    done = count_run(layout.manifest).by_status["done"]
    say(f"已停止，读完的 {done} 份已保存。{_continue(wishes)}")
