"""Reads files side by side: a thread for each worker process, results in place, lines written.

One file that breaks its process costs that file alone: it is tried once more and then fails with
its reason. Archives are unpacked by a worker too, and their entries are read like files.
"""

from __future__ import annotations

import errno
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from api.bulk.crew import Crew, Tally
from api.bulk.ledger import HEALABLE, Journal, JournalError, Line, last_lines
from api.bulk.places import Layout, ResultNames, Source, hash_file, with_digest
from api.bulk.work_steps import READ, READ_MANY
from api.console import one_line
from api.spooling import Parcel, Unpacked, open_archive
from extractor.errors import HechaError

_WAIT: Final = 0.2
_LEAVE_SECONDS: Final = 5.0
"""A thread that a network folder holds longer is left behind."""
_BATCH: Final = 8
_SMALL: Final = 1 << 17
"""Files of at most so many bytes are read several at a time."""
_KEPT: Final = (
    "path", "status", "sha256", "size", "mtime_ns", "version", "output", "output_size",
    "duplicate_of", "code", "message", "healable", "failed_files",
)  # fmt: skip
_FIRST: Final = ("path", "status", "code", "message", "duplicate_of", "sha256", "size", "output")
_SHOWN: Final = 200
"""Failures of one archive that are kept for its reason; all are in the manifest."""


@dataclass(slots=True)
class Outcome:
    """How a file of the input ended, with all that is in it."""

    source: Source
    digest: str | None = None
    state: tuple[int, int] | None = None
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    failed: int = 0
    healable: int = 0
    done: int = 0


@dataclass(slots=True, eq=False)
class _Whole:
    """A file of the input and the entries in it that are still to be read."""

    outcome: Outcome
    line: Line | None = None
    pending: int = 1
    spool: Path | None = None
    finished: Callable[[Outcome], None] | None = None


@dataclass(frozen=True, slots=True)
class _Task:
    """A file or an entry to be read; an entry has its hash and may be deleted when it is read."""

    name: str
    path: Path
    whole: _Whole
    digest: str | None = None

    @property
    def is_entry(self) -> bool:
        return self.digest is not None


@dataclass(frozen=True, slots=True)
class _Job:
    """A file that a worker is to read: what is known of it, and where its result goes."""

    task: _Task
    stated: Line
    output: str
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What holds for all files of a run."""

    workers: int
    version: str
    tagger: str
    watching: bool = False
    """Files come and go: one that cannot be opened is left for later, and one of the same name as
    an earlier one does not replace its result."""


class Engine:
    """Reads what it is given until it is closed; used by `hecha bulk` and `hecha watch`."""

    def __init__(self, layout: Layout, crew: Crew, wishes: Wishes) -> None:
        """Take up what the manifest in `layout` says is done, and start the threads.

        Raises:
            OSError: the folder of results cannot be written.
        """
        self._layout, self._crew, self._wishes = layout, crew, wishes
        shutil.rmtree(layout.spool, ignore_errors=True)
        self._names = ResultNames()
        self._before = last_lines(layout.manifest, _KEPT)
        self._seen: dict[str, str] = {}
        self._seen_before: dict[str, str] = {}
        for name, line in self._before.items():
            if line["status"] in ("done", "archive"):
                self._seen_before[line["sha256"]] = name
            if line.get("output"):
                self._names.take(name, line["output"].removeprefix("results/"))
        self._manifest, self._facts = Journal(layout.manifest), Journal(layout.facts)
        self._tasks: deque[_Task] = deque()
        # Those that wait in a watched folder may yet be changed or taken away.
        self._room = (2 if wishes.watching else 2 * _BATCH) * wishes.workers
        self._change = threading.Condition()
        self._busy = 0
        self._spools = 0
        self._stopped = False
        self._problem: JournalError | None = None
        self.on_line: Callable[[Line | None, str], None] = lambda _line, _name: None
        """Told of every file that ends: its line, or None for one that was done before."""
        self.on_more: Callable[[int], None] = lambda _count: None
        """Told how many entries an archive turned out to have."""
        self._threads = [
            threading.Thread(target=self._work, daemon=True) for _ in range(wishes.workers)
        ]
        for thread in self._threads:
            thread.start()

    # --- from outside -----------------------------------------------------------------------------

    def put(self, source: Source, finished: Callable[[Outcome], None] | None = None) -> None:
        """Give a file to read; waits while enough of them wait already.

        Raises:
            JournalError: the manifest cannot be written.
        """
        with self._change:
            while self.is_full and not self._stopped:
                self._change.wait(_WAIT)
            self._check()
            whole = _Whole(Outcome(source), finished=finished)
            self._tasks.append(_Task(source.name, source.path, whole))
            self._change.notify_all()

    @property
    def is_full(self) -> bool:
        """True while `put` would wait."""
        return len(self._tasks) >= self._room

    def note(self, name: str, status: str, code: str, message: str) -> None:
        """Write a line for a file that is not read."""
        self._finish_line({"path": name, "status": status, "code": code, "message": message})

    def drain(self) -> None:
        """Wait until everything that was given is read.

        Raises:
            JournalError: the manifest cannot be written.
        """
        with self._change:
            while (self._tasks or self._busy) and not self._stopped:
                self._change.wait(_WAIT)
            self._check()

    def hand_back(self) -> None:
        """Forget the files that nobody has begun to read; entries of archives are read on."""
        with self._change:
            kept = [task for task in self._tasks if task.is_entry]
            self._tasks.clear()
            self._tasks.extend(kept)
            self._change.notify_all()

    @property
    def root(self) -> Path:
        """The folder of results."""
        return self._layout.root

    def close(self) -> None:
        """Stop: what is not finished is left as if it had not been begun.

        The crew is stopped only when it is still at work.
        """
        with self._change:
            busy, self._stopped = self._busy > 0, True
            self._tasks.clear()
            self._change.notify_all()
        if busy:
            self._crew.stop()
        for thread in self._threads:
            thread.join(_LEAVE_SECONDS)
        self._manifest.close()
        self._facts.close()
        shutil.rmtree(self._layout.spool, ignore_errors=True)

    def _check(self) -> None:
        if self._problem is not None:
            raise self._problem

    # --- in the threads ---------------------------------------------------------------------------

    def _work(self) -> None:
        while tasks := self._next():
            jobs: list[_Job] = []
            for task in tasks:
                self._guarded(task, self._prepare, task, jobs)
            for job, found in self._read(jobs):
                if not self._stopped:  # a worker that was ended says nothing of its file
                    self._guarded(job.task, self._take, job, found)
            with self._change:
                self._busy -= len(tasks)
                self._change.notify_all()

    def _guarded(self, task: _Task, step: Callable[..., None], *arguments: object) -> None:
        """Take one step; the other files of the run must go on, whatever this one has met."""
        try:
            try:
                step(*arguments)
            except JournalError:
                raise
            except Exception as error:
                self._end(task, _internal(error))
        except JournalError as error:  # nothing can be recorded any more
            self._fail_all(error)

    def _next(self) -> list[_Task]:
        """Return the files that are next, several while many wait; none when stopped."""
        with self._change:
            while not self._stopped and not self._tasks:
                self._change.wait()
            if self._stopped:
                return []
            share = len(self._tasks) // self._wishes.workers
            tasks = [self._tasks.popleft() for _ in range(max(1, min(_BATCH, share)))]
            self._busy += len(tasks)
            self._change.notify_all()
            return tasks

    def _fail_all(self, error: JournalError) -> None:
        with self._change:
            self._problem = self._problem or error
            self._stopped = True

    def _prepare(self, task: _Task, jobs: list[_Job]) -> None:
        """Add what a worker has to do for a file to `jobs`, unless it is settled already."""
        stated = self._identify(task)
        if stated is None:
            return
        digest = stated["sha256"]
        if self._is_done(task, stated):
            self._skip_done(task)
            return
        first = self._claim(digest, task.name)
        if first is None:
            jobs.append(_Job(task, stated, self._output(task, digest)))
        elif first == task.name:  # put into the watched folder once more
            task.whole.outcome.done += 1
            self._leave(task)
        else:
            self._end(task, {"status": "duplicate", "duplicate_of": first, **stated})

    def _read(self, jobs: Sequence[_Job]) -> Iterator[tuple[_Job, Line]]:
        """Let a worker read files: small ones together, so that it need not wait for each."""
        small = [job for job in jobs if job.stated["size"] <= _SMALL]
        if len(small) > 1:
            yield from self._read_together(small)
        for job in jobs:
            if job.tally.tries == 0:
                yield job, self._answer(self._crew.call_twice, job.tally, READ, *self._order(job))

    def _read_together(self, jobs: Sequence[_Job]) -> Iterator[tuple[_Job, Line]]:
        """Read small files in one call; if its process ends, each has one more call for itself."""
        for job in jobs:
            job.tally.tries = 1
        answers: list[Line]
        try:
            answers = self._crew.call(READ_MANY, READ, [self._order(job) for job in jobs])
        except Exception:
            for job in jobs:
                job.tally.tries = 2
                yield job, self._answer(self._crew.call, READ, *self._order(job))
        else:
            yield from zip(jobs, answers, strict=True)

    def _answer(self, call: Callable[..., Any], *arguments: object) -> Line:
        try:
            found: Line = call(*arguments)
        except HechaError as error:
            return {"status": "failed", "code": error.code, "message": error.message}
        except Exception as error:
            return _internal(error)
        return found

    def _order(self, job: _Job) -> tuple[str, str, str, str, str]:
        task = job.task
        return (
            str(task.path),
            task.name if task.is_entry else task.path.name,
            str(self._layout.results / job.output),
            str(self._layout.texts),
            self._wishes.tagger,
        )

    def _take(self, job: _Job, found: Line) -> None:
        """Write what a worker says of a file."""
        task = job.task
        if self._wishes.watching and not task.is_entry:
            if self._has_changed(task, found):
                self._put_off(task, "file_changed", "读的时候文件变了。")
                return
            if found.get("code") == "file_unreadable":
                self._put_off(task, found["code"], found["message"])
                return
        facts, has_entries = found.pop("facts", None), found.pop("has_entries", False)
        line = {**job.stated, "tries": job.tally.tries, **_stated(found)}
        if line["status"] == "done":
            line |= {"output": f"results/{job.output}", "version": self._wishes.version}
            self._facts.append(facts)
        if line["status"] == "archive" or (has_entries and not task.is_entry):
            self._unpack(task, line)
        else:
            self._end(task, line)

    def _has_changed(self, task: _Task, found: Line) -> bool:
        """Tell whether a file that is watched is no longer the one that was read."""
        outcome = task.whole.outcome
        try:
            status = task.path.stat()
        except OSError:
            return True
        same = (status.st_size, status.st_mtime_ns) == outcome.state
        return not same or (found.get("sha256") or outcome.digest) != outcome.digest

    def _put_off(self, task: _Task, code: str, message: str) -> None:
        """Leave a file that is watched where it is: nothing is written of it."""
        task.whole.outcome.failures.append((task.name, code, message))
        with self._change:
            if self._seen.get(task.whole.outcome.digest or "") == task.name:
                del self._seen[task.whole.outcome.digest or ""]
        self._leave(task)

    def _identify(self, task: _Task) -> Line | None:
        """Return size, time and hash of a file; None when it cannot be read, which is written."""
        if task.digest is not None:
            return {"sha256": task.digest, "size": task.path.stat().st_size}
        try:
            before = task.path.stat()
            known = self._before.get(task.name, {})
            same = (known.get("size"), known.get("mtime_ns")) == (
                before.st_size,
                before.st_mtime_ns,
            )
            digest = known["sha256"] if same and known.get("sha256") else hash_file(task.path)
        except OSError as error:
            gone = isinstance(error, FileNotFoundError)
            code = "file_not_found" if gone else "file_unreadable"
            message = (
                "文件已经不在原处。请核对文件夹后再处理。"
                if gone
                else "没有读取权限，或文件正被其他程序占用。"
                if isinstance(error, PermissionError)
                else f"无法读取：{error.strerror}。"
            )
            if self._wishes.watching:
                self._put_off(task, code, message)
            else:
                self._end(task, {"status": "failed", "code": code, "message": message})
            return None
        task.whole.outcome.digest = digest
        task.whole.outcome.state = (before.st_size, before.st_mtime_ns)
        return {"sha256": digest, "size": before.st_size, "mtime_ns": before.st_mtime_ns}

    def _is_done(self, task: _Task, stated: Line) -> bool:
        """Tell whether an earlier run has finished this very file in the same version."""
        line = self._before.get(task.name)
        if line is None or line.get("sha256") != stated["sha256"]:
            return False
        if line.get("code") in HEALABLE or line.get("healable"):
            return False
        if line["status"] == "duplicate":
            first = self._before.get(line["duplicate_of"], {})
            return first.get("sha256") == line["sha256"] and self._stands(first)
        return self._stands(line)

    def _stands(self, line: Line) -> bool:
        if line.get("version") != self._wishes.version:
            return False
        if line["status"] != "done":
            return line["status"] in ("archive", "failed")
        with suppress(OSError):
            place = self._layout.root / line["output"]
            return bool(place.stat().st_size == line["output_size"])
        return False

    def _skip_done(self, task: _Task) -> None:
        outcome = task.whole.outcome
        line = self._before[task.name]
        if line["status"] == "failed":
            outcome.failed += 1
            outcome.failures.append((task.name, line["code"], line["message"]))
        elif line.get("failed_files"):
            inner = (self._before[n] for n in self._before if n.startswith(f"{task.name}/"))
            failed = [each for each in inner if each["status"] == "failed"]
            outcome.failed += len(failed)
            outcome.failures += [(f["path"], f["code"], f["message"]) for f in failed[:_SHOWN]]
        else:
            outcome.done += 1
        self.on_line(None, task.name)
        self._leave(task)

    def _claim(self, digest: str, name: str) -> str | None:
        """Return the path that has the same content, None when this is the first."""
        with self._change:
            first = self._seen.get(digest)
            if first is not None:
                return first
            before = self._seen_before.get(digest)
            if before is not None and before != name and self._stands(self._before[before]):
                return before
            self._seen[digest] = name
            return None

    def _output(self, task: _Task, digest: str) -> str:
        output = self._names.of(task.name, digest)
        return with_digest(output, digest) if self._wishes.watching else output

    # --- archives ---------------------------------------------------------------------------------

    def _unpack(self, task: _Task, line: Line) -> None:
        """Unpack an archive or a letter, give its entries to the threads, keep its own line."""
        whole = task.whole
        with self._change:
            self._spools += 1
            whole.spool = self._layout.spool / f"{self._spools:06}"
        whole.line = line
        source = Parcel(task.path, task.name, task.path.name, self._crew.limits.max_bytes, False)
        found: list[Unpacked] = []
        try:
            whole.spool.mkdir(parents=True)
            found += open_archive(self._crew.stream, source, whole.spool, self._is_running)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            reason = "磁盘已满" if full else f"{error.strerror}"
            message = f"压缩包没有解开，不能写入结果文件夹：{reason}。"
            found.append(Unpacked(task.name, "failed", code="write_failed", message=message))
        self._give(whole, found)
        self._leave(task)

    def _is_running(self) -> bool:
        return not self._stopped

    def _give(self, whole: _Whole, found: Sequence[Unpacked]) -> None:
        if self._stopped:
            return
        tasks = []
        for each in found:
            name = one_line(each.path)
            if each.kind == "file":
                tasks.append(_Task(name, Path(each.place), whole, each.digest))
            else:
                status = "skipped" if each.kind == "skipped" else "failed"
                line = {"status": status, "code": each.code, "message": each.message}
                self._end_entry(whole, name, line)
        self.on_more(len(tasks))
        with self._change:
            whole.pending += len(tasks)
            self._tasks.extendleft(reversed(tasks))
            self._change.notify_all()

    def _end_entry(self, whole: _Whole, name: str, line: Line) -> None:
        """Write what came of an entry; the failure of the whole stays with the whole's own line."""
        if name == whole.outcome.source.name and whole.line is not None:
            if whole.line["status"] == "archive":
                whole.line |= line
                return
            name = f"{name}/附件"
        self.on_more(1)
        self._write(line, whole, name)

    # --- the end of a file ------------------------------------------------------------------------

    def _end(self, task: _Task, line: Line) -> None:
        if task.is_entry and line["status"] == "failed" and line["code"] == "format_unsupported":
            line = {**line, "status": "skipped"}
        self._write(line, task.whole, task.name)
        if task.is_entry:
            with suppress(OSError):
                task.path.unlink()
        self._leave(task)

    def _write(self, line: Line, whole: _Whole, name: str) -> None:
        outcome = whole.outcome
        if line["status"] == "failed":
            if self._wishes.watching and outcome.digest is not None:
                with self._change:  # whoever puts it there again wants it to be tried again
                    self._seen.pop(outcome.digest, None)
            outcome.failed += 1
            outcome.healable += line["code"] in HEALABLE
            if len(outcome.failures) < _SHOWN:
                outcome.failures.append((name, line["code"], line["message"]))
        outcome.done += line["status"] in ("done", "duplicate")
        self._finish_line({"path": name, "version": self._wishes.version, **line})
        before = self._before.get(name, {}).get("output")
        if before is not None and before != line.get("output") and not self._wishes.watching:
            with suppress(OSError):  # nothing speaks of it any more
                (self._layout.root / before).unlink()

    def _finish_line(self, line: Line) -> None:
        if not self._stopped:
            if line.get("message"):
                line["message"] = one_line(line["message"])
            self._manifest.append({key: line[key] for key in _FIRST if key in line} | line)
            self.on_line(line, line["path"])

    def _leave(self, task: _Task) -> None:
        """Count one part of a file as finished; the last one ends the whole."""
        whole = task.whole
        with self._change:
            whole.pending -= 1
            if whole.pending or self._stopped:
                return
        if whole.line is not None:
            self._write(_whole_line(whole), whole, whole.outcome.source.name)
        if whole.spool is not None:
            shutil.rmtree(whole.spool, ignore_errors=True)
        if whole.finished is not None:
            whole.finished(whole.outcome)


def _whole_line(whole: _Whole) -> Line:
    """Return the line of an archive or a letter, all of whose entries have theirs."""
    outcome, line = whole.outcome, dict(whole.line or {})
    if line["status"] == "archive" and not outcome.done and not outcome.failed:
        line |= {
            "status": "failed",
            "code": "container_ambiguous",
            "message": "里面没有可读的文件。请确认选对了文件。",
        }
    counts = {
        "files": outcome.done,
        "failed_files": outcome.failed,
        "healable": outcome.healable,
    }
    return {**line, **{key: count for key, count in counts.items() if count}}


def _internal(error: Exception) -> Line:
    message = f"程序内部错误（{type(error).__name__}：{error}）。请把这一行发给维护人员。"
    return {"status": "failed", "code": "internal_error", "message": message}


def _stated(found: dict[str, Any]) -> dict[str, Any]:
    """Return what a worker found, without what is not known."""
    return {key: value for key, value in found.items() if value is not None}
