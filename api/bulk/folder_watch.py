"""What `hecha watch` does: read what is put into a folder, then move it to done or failed.

The folder is looked at every few seconds rather than watched by the system: notices do not come
through from network folders, and a file must be seen twice anyway to know that it is complete.

A file is moved only when its result and its line in the manifest are in place. A program that is
killed before that finds the file where it was, and writes the same result again under the same
name; one that is killed after it only has to move the file.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final

from api.batch import write_file, write_reason
from api.bulk.bulk_command import (
    corrections_of,
    limits_of_environment,
    ready_crew,
    version_of,
    worker_count,
)
from api.bulk.case_keeper import CaseKeeper
from api.bulk.casebook import Casebook, CaseWishes
from api.bulk.crew import Crew
from api.bulk.engine import Engine, Outcome, Wishes
from api.bulk.ledger import FolderLock, JournalError, Line
from api.bulk.places import Layout, Source, free_name
from api.console import FAILED, OK, one_line, say, wrong_use
from models import NoTagger

DONE, FAILED_FOLDER = "done", "failed"
_OUTPUT: Final = "output"
_REASON: Final = ".reason.txt"
_PARTIAL: Final = (
    ".crdownload", ".part", ".partial", ".filepart", ".download", ".opdownload", ".tmp", ".temp",
    ".!ut", ".aria2", ".swp", "~",
)  # fmt: skip
_EMPTY_FACTOR: Final = 5
"""An empty file is often one that is about to be filled: it must rest longer."""
_LONGEST_PAUSE: Final = 60.0
LATER: Final = frozenset({"file_unreadable", "file_not_found", "file_changed"})
"""Of these a file is not to blame: it stays where it is and is tried again."""

State = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


@dataclass(frozen=True, slots=True)
class WatchWishes:
    """What a person asks of a watch; times in seconds."""

    folder: Path
    output: Path | None
    poll: float = 2.0
    settle: float = 3.0
    once: bool = False
    workers: int | None = None
    tagger: str = NoTagger.name
    xlsx: bool = True
    corrections: Path | None = None


@dataclass(slots=True)
class _Seen:
    """A file in the folder: how it was when it was looked at last, and since when it is so."""

    state: State
    since: float
    tries: int = 0
    not_before: float = 0.0
    in_hand: bool = False
    outcome: Outcome | None = None


@dataclass(slots=True)
class _Stop:
    """Whether to stop: asked once, in order; asked twice, at once."""

    event: threading.Event = field(default_factory=threading.Event)

    def __call__(self, _number: int, _frame: object) -> None:
        if self.event.is_set():
            raise KeyboardInterrupt
        self.event.set()

    @contextmanager
    def installed(self) -> Iterator[None]:
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(number, self) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)


def run_watch(wishes: WatchWishes) -> int:
    """Watch the folder until it is stopped; returns the exit code."""
    if not wishes.folder.is_dir():
        wrong_use(f"“{wishes.folder}”不是文件夹。请写一个已有的文件夹")
    output = wishes.output if wishes.output is not None else wishes.folder / _OUTPUT
    if output.exists() and not output.is_dir():
        wrong_use(f"结果要写到文件夹，“{output}”是一个文件")
    if output.resolve() == wishes.folder.resolve():
        wrong_use("结果不能写到被守着的文件夹本身。请换一个文件夹，或不写 --out")
    layout = Layout(output)
    corrections_of(layout, wishes.corrections)
    try:
        lock = FolderLock(layout.lock)
    except OSError as error:
        say(f"失败 {output} [write_failed] {write_reason(error)}")
        return FAILED
    stop = _Stop()
    try:
        crew = ready_crew(wishes.tagger)
        with stop.installed():
            try:
                engine = Engine(layout, crew, _engine_wishes(wishes))
                keeper = keeper_of(wishes, layout, crew)
                return Watcher(wishes, engine, keeper, stop.event).run()
            except KeyboardInterrupt:
                say("已停止。没有读完的文件留在原处，下次启动再读。")
                return OK
            except JournalError as error:
                say(f"失败 {layout.manifest} [write_failed] {error}。已停止，文件留在原处。")
                return FAILED
            finally:
                crew.stop()
    finally:
        lock.release()


def _engine_wishes(wishes: WatchWishes) -> Wishes:
    workers = worker_count(wishes.workers)
    return Wishes(workers, version_of(wishes.tagger), wishes.tagger, watching=True)


def keeper_of(wishes: WatchWishes, layout: Layout, crew: Crew) -> CaseKeeper:
    """Return what keeps the cases of a watch.

    Raises:
        BadParameter: the corrections that are named are not there, or the limits cannot be used.
        OSError: the folder of results cannot be written.
    """
    corrections = corrections_of(layout, wishes.corrections)
    workers, limits = worker_count(wishes.workers), limits_of_environment()
    case_wishes = CaseWishes(workers, limits, corrections, wishes.xlsx, watched=True)
    casebook = Casebook(layout, crew, case_wishes)
    behind = layout.facts.exists() and layout.facts.stat().st_size > 0
    return CaseKeeper(casebook, corrections, wishes.settle, behind=behind)


class Watcher:
    """Looks at a folder again and again and gives what is complete to an engine."""

    def __init__(
        self, wishes: WatchWishes, engine: Engine, keeper: CaseKeeper, stop: threading.Event
    ) -> None:
        """Begin; `stop` ends the watch when it is set."""
        self._wishes, self._engine, self._keeper, self._stop = wishes, engine, keeper, stop
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}
        self._own = {
            wishes.folder.resolve() / DONE,
            wishes.folder.resolve() / FAILED_FOLDER,
            engine.root.resolve(),
        }
        self._said: set[str] = set()
        self._failed = False
        self._changed = threading.Event()
        engine.on_line = self._tell

    def run(self) -> int:
        """Watch until stopped, or with `once` until nothing is left; returns the exit code.

        Raises:
            JournalError: the manifest cannot be written.
        """
        if not self._wishes.once:
            say(f"正在守着 {self._wishes.folder}，结果写到 {self._engine.root}（按 Ctrl+C 停止）")
        try:
            while not self._stop.is_set():
                left = self._look()
                if self._wishes.once and not left:
                    break
                if not self._wishes.once:
                    self._keeper.look(busy=self._is_busy())
                self._pause()
            self._engine.hand_back()
            self._engine.drain()
            if self._stop.is_set() and self._keeper.has_work:
                say("正在写清单和汇总表，写完就停；再按一次 Ctrl+C 立刻停止。")
            self._keeper.finish()
        finally:
            self._engine.close()
        failed = self._failed or self._keeper.failed
        return FAILED if self._wishes.once and failed else OK

    def _is_busy(self) -> bool:
        with self._lock:
            return any(seen.in_hand for seen in self._seen.values())

    def _pause(self) -> None:
        """Wait for the next look: the time that was asked for, or until a file is finished."""
        until = monotonic() + self._wishes.poll
        while not self._stop.is_set() and (left := until - monotonic()) > 0:
            if self._wishes.once and self._changed.wait(min(left, 0.1)):
                self._changed.clear()
                return
            self._stop.wait(min(left, 0.1))

    def _look(self) -> bool:
        """Look once; tell whether something is still to be done."""
        now = monotonic()
        found = self._scan()
        with self._lock:
            for name in [name for name in self._seen if name not in found]:
                if not self._seen[name].in_hand:
                    del self._seen[name]
            ready = [name for name in sorted(found) if self._is_ready(name, found[name], now)]
        for name in ready:
            while self._engine.is_full and not self._stop.is_set():
                self._changed.wait(0.1)
                self._changed.clear()
            if self._stop.is_set():
                break
            seen = self._seen[name]
            seen.in_hand = True
            if seen.outcome is not None:  # read before, but it could not be moved
                self._finish(name, seen.outcome)
            else:
                self._engine.put(
                    Source(self._wishes.folder / name, name), partial(self._finish, name)
                )
        with self._lock:
            return any(not (self._wishes.once and seen.tries) for seen in self._seen.values())

    def _is_ready(self, name: str, state: State, now: float) -> bool:
        seen = self._seen.get(name)
        if seen is None or (seen.state != state and not seen.in_hand):
            self._seen[name] = _Seen(state, now)
            self._keeper.stir()
            return self._wishes.settle <= 0
        if seen.in_hand or now < seen.not_before or (self._wishes.once and seen.tries):
            return False
        rest = self._wishes.settle * (_EMPTY_FACTOR if state[0] == 0 else 1)
        return now - seen.since >= rest

    def _scan(self) -> dict[str, State]:
        """Return every complete-looking file below the folder, with its size and time."""
        found: dict[str, State] = {}
        top = self._wishes.folder
        refused: list[OSError] = []
        for folder, folders, files in os.walk(top, onerror=refused.append):
            place = Path(folder)
            folders[:] = [
                name
                for name in folders
                if not name.startswith(".") and (place / name).resolve() not in self._own
            ]
            for name in files:
                if not is_partial(name) and (place / name).absolute() != self._keeper.corrections:
                    # It may be gone, or not yet there for us.
                    with suppress(OSError):
                        status = (place / name).stat()
                        inner = (place / name).relative_to(top).as_posix()
                        found[inner] = (status.st_size, status.st_mtime_ns)
        self._say_refused(refused)
        return found

    def _say_refused(self, refused: list[OSError]) -> None:
        names = {f"refused {error.filename}": error for error in refused}
        for key, error in names.items():
            if key not in self._said:
                say(f"提醒 {error.filename} 暂时不能打开：{write_reason(error)}。会继续尝试。")
        self._failed = self._failed or bool(names)
        self._said = {key for key in self._said if not key.startswith("refused ")} | set(names)

    # --- in the threads of the engine -------------------------------------------------------------

    def _tell(self, line: Line | None, name: str) -> None:
        if line is not None:
            self._keeper.note()
        if line is not None and line["status"] == "done":
            say(f"读完 {name} → {line['output']}")
        elif line is not None and line["status"] == "failed":
            say(f"失败 {name} [{line['code']}] {line['message']}")

    def _finish(self, name: str, outcome: Outcome) -> None:
        """Move a file that was read, or leave it for later."""
        with self._lock:
            seen = self._seen.get(name)
        later = next((each for each in outcome.failures if each[1] in LATER), None)
        if later is not None and later[0] == name:
            self._leave_for_later(name, seen, later[2])
        else:
            try:
                self._move(name, outcome)
            except OSError as error:
                if seen is not None:
                    seen.outcome = outcome
                reason = f"已经读完，但不能移走：{write_reason(error)}"
                self._leave_for_later(name, seen, reason)
            else:
                self._failed = self._failed or outcome.failed > 0
                with self._lock:
                    self._seen.pop(name, None)
                self._said.discard(name)
        self._changed.set()

    def _leave_for_later(self, name: str, seen: _Seen | None, reason: str) -> None:
        if seen is None:
            return
        if name not in self._said and (self._wishes.folder / name).exists():
            say(f"提醒 {name} 暂时没有处理：{one_line(reason)} 会再试。")
            self._said.add(name)
            self._failed = True
        seen.tries += 1
        pause = min(_LONGEST_PAUSE, self._wishes.poll * 2 ** min(seen.tries, 10))
        seen.not_before = monotonic() + pause
        seen.in_hand = False

    def _move(self, name: str, outcome: Outcome) -> None:
        """Move a file to done or failed, beside the reason of a failure.

        Raises:
            OSError: it cannot be moved now.
        """
        path = self._wishes.folder / name
        if outcome.state is not None:
            status = path.stat()
            if (status.st_size, status.st_mtime_ns) != outcome.state:
                return  # another file of this name has come: it is read next
        folder = DONE if not outcome.failed else FAILED_FOLDER
        target = free_name(self._wishes.folder / folder / name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if outcome.failed:
            words = reason_text(name, outcome).encode()
            problem = write_file(target.with_name(target.name + _REASON), words)
            if problem is not None:
                raise OSError(problem)
        path.rename(target)


def is_partial(name: str) -> bool:
    """Tell whether a name is that of a file that a program is still writing, or of its lock."""
    return name.startswith((".", "~$")) or name.lower().endswith(_PARTIAL)


def reason_text(name: str, outcome: Outcome) -> str:
    """Return what stands beside a file that could not be read, or not as a whole."""
    when = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
    lines = [f"文件：{one_line(name)}", f"时间：{when}"]
    for inner, code, message in outcome.failures:
        place = "" if inner == name else f"{one_line(inner)}："
        lines.append(f"原因：{place}[{code}] {one_line(message)}")
    more = outcome.failed - len(outcome.failures)
    if more > 0:
        lines.append(f"还有 {more} 个文件没有读出，见 manifest.jsonl。")
    if outcome.done:
        lines.append(f"其中 {outcome.done} 个文件已经读出，结果照常保存。")
    return "\n".join(lines) + "\n"
