"""Reading untrusted files in a process of its own, within limits that the system enforces.

    document = parse_limited(data, "报告.doc")

A file that makes a library crash, hang or eat memory ends that process and nothing else, and comes
back as a `ParseError`. The process is kept for the next file, so that this costs milliseconds.

It is a fresh interpreter (`limited_worker`), not a fork: a fork of a program with threads may
inherit a lock that nobody will open, and `multiprocessing` would run the caller's main module
again. What it sends back is unpickled by `_Results`, which makes only values, arrays and the
dataclasses of this package: code that took over the worker cannot reach its caller that way.
"""

from __future__ import annotations

import atexit
import io
import os
import pickle
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from extractor import errors
from extractor.document import Document
from extractor.errors import CrashError, HechaError, ParseError
from extractor.formats import office_guard, walk
from extractor.formats.containers import BadEntry, Budget, Container, Entry, Found, LeftOut
from extractor.formats.limits import DEFAULT_LIMITS, MIB, Limits, over_limit, size_text
from extractor.formats.office_guard import end

_HEADER: Final = struct.Struct("<Q")
_STARTED: Final = b"!"
"""What a worker sends when it has taken a job: what happens after that is the fault of the job."""
_BOOT: Final = (
    "import sys; sys.path[:] = sys.argv[1].split('\\n'); "
    "from extractor.formats.limited_worker import serve; serve(sys.argv[2])"
)
_WALK_ALL: Final = "extractor.formats.limited_worker:walk_all"
_SHORTEST: Final = 0.01
_JOBS: Final = 10_000
"""Files after which a worker is replaced: what libraries leak goes with it."""
_LARGEST: Final = 1024 * MIB
"""A worker that holds more than this between two files is replaced, where the system tells."""


def parse_limited(data: bytes, filename: str, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Read a file as `extractor.parse` does, in a process of its own.

    Raises:
        CrashError: that process broke down.
        LimitError: over one of `limits`, those of time, memory and output among them.
        ParseError: whatever else `parse` raises.
    """
    document = call_limited("extractor.formats:parse", data, filename, limits=limits)
    if not isinstance(document, Document):
        raise CrashError(_crash_message(None))
    return document


def parse_one_limited(data: bytes, filename: str, *, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Read one file that is no archive in a process of its own; for `extractor.parse_all`.

    Raises:
        CrashError: that process broke down.
        LimitError: over one of `limits`, those of time, memory and output among them.
        ParseError: whatever else `parse_one` raises.
    """
    document = call_limited("extractor.formats:parse_one", data, filename, limits=limits)
    if not isinstance(document, Document):
        raise CrashError(_crash_message(None))
    return document


def walk_limited(
    container: Container, data: bytes, filename: str, budget: Budget
) -> Iterator[Found]:
    """Open a container for `extractor.parse_all`; one by machine code in a process of its own.

    All its entries come at once then. A process that breaks down is an error of this container.
    """
    if not container.is_native:
        yield from walk(container, data, filename, budget)
        return
    limits = replace(budget.limits, max_output_bytes=budget.limits.max_uncompressed_bytes + MIB)
    started = budget.entries, budget.unpacked
    try:
        found, budget.entries, budget.unpacked = call_limited(
            _WALK_ALL, data, filename, started, limits=limits
        )
    except ParseError as error:
        yield BadEntry("", error)
        return
    for kind, path, *what in found:
        if kind == "entry":
            yield Entry(path, what[0])
        elif kind == "left out":
            yield LeftOut(path, *what)
        else:
            met = _error(what[0], what[1], None)
            yield BadEntry(path, met if isinstance(met, ParseError) else ParseError(what[1]))


def call_limited(function: str, *arguments: Any, limits: Limits = DEFAULT_LIMITS) -> Any:
    """Call `module:function` with `arguments` and `limits=` in a process of its own.

    What it returns must be made of plain values, arrays and dataclasses of this package. Many
    threads may call at once; each gets a process, and as many as there are processors are kept.

    Raises:
        CrashError: the process broke down, or returned what is not allowed.
        LimitError: over one of `limits`.
        HechaError: what the function raises.
    """
    return _pool.call(function, *arguments, limits=limits)


def close() -> None:
    """End the processes that are kept; the next call starts a new one."""
    _pool.close()


def abort() -> None:
    """End also the processes that are at work: their callers get a `CrashError` at once."""
    _pool.abort()


def workers_at_work() -> tuple[int, int]:
    """Return how many processes are at work, and how many wait for a file."""
    return _pool.counts()


class _DiedIdleError(CrashError):
    """The process ended before it took the job."""


class _Clock:
    """Ends a process when what was waited for it, all in all, is over a number of seconds.

    Its thread sleeps to the end of that time and looks then: each wait moves the end further on,
    never back, so that a wait itself costs nothing.
    """

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self._process = process
        self._left = seconds
        self._until: float | None = None
        self._is_over = threading.Event()
        self.is_late = False
        threading.Thread(target=self._watch, daemon=True).start()

    def __enter__(self) -> None:
        self._until = time.monotonic() + self._left

    def __exit__(self, *_: object) -> None:
        if self._until is not None:
            self._left = self._until - time.monotonic()
        self._until = None

    def stop(self) -> None:
        self._is_over.set()

    def _watch(self) -> None:
        pause = self._left
        while not self._is_over.wait(max(pause, _SHORTEST)):
            until = self._until
            pause = self._left if until is None else until - time.monotonic()
            if until is not None and pause <= 0:
                self.is_late = True
                end(self._process)
                return


class _Worker:
    """One process with its own folder for temporary files, which goes when it goes."""

    def __init__(self) -> None:
        self.jobs = 0
        self._folder = tempfile.mkdtemp(prefix="hecha-worker-")
        places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), self._folder)
        places[office_guard.LOCKS] = os.environ.get(office_guard.LOCKS) or tempfile.gettempdir()
        path = "\n".join(os.path.abspath(entry) for entry in sys.path)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-c", _BOOT, path, self._folder],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **places},
                start_new_session=True,
            )
        except OSError as exc:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise CrashError(
                f"无法启动读取文件的进程（{exc.strerror}）。请关闭其他程序后重试。"
            ) from exc

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def run(self, job: object, limits: Limits) -> Iterator[tuple[str, Any]]:
        """Send a job; give `("part", …)` as they come, at last `("value", …)` or `("error", …)`.

        `max_seconds` counts only while a part is waited for.
        """
        self.jobs += 1
        clock = _Clock(self._process, limits.max_seconds)
        try:
            with clock:
                self._send(pickle.dumps(job, pickle.HIGHEST_PROTOCOL), clock)
            kind = "part"
            while kind == "part":
                with clock:
                    answer = self._receive(limits)
                kind, value = _unpack(answer)
                yield kind, value
        except (OSError, EOFError) as exc:
            if clock.is_late:
                allowed = f"{limits.max_seconds:g} 秒"
                raise over_limit("读取超时", "max_seconds", allowed) from exc
            raise self._broken(limits) from exc
        finally:
            clock.stop()

    def _send(self, message: bytes, clock: _Clock) -> None:
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise EOFError
        try:
            process.stdin.write(_HEADER.pack(len(message)))
            process.stdin.write(message)
            process.stdin.flush()
            _read(process.stdout, len(_STARTED))
        except (OSError, EOFError) as exc:
            if clock.is_late:
                raise
            raise _DiedIdleError(_crash_message(None)) from exc

    def _receive(self, limits: Limits) -> bytes:
        if self._process.stdout is None:
            raise EOFError
        (size,) = _HEADER.unpack(_read(self._process.stdout, _HEADER.size))
        if size > limits.max_output_bytes:
            raise over_limit(
                f"读出的内容 {size_text(size)}",
                "max_output_bytes",
                size_text(limits.max_output_bytes),
            )
        return _read(self._process.stdout, size)

    def _broken(self, limits: Limits) -> ParseError:
        """Return the error for a process that ended without an answer."""
        end(self._process)
        code = self._process.wait()
        used_up = getattr(signal, "SIGXCPU", None)  # not on Windows
        if used_up is not None and code == -used_up:
            allowed = f"{limits.max_cpu_seconds} 秒"
            return over_limit("读取占用处理器的时间过长", "max_cpu_seconds", allowed)
        return CrashError(_crash_message(code))

    def end(self) -> None:
        """End the process at once; who waits for its answer gets an error."""
        end(self._process)

    def stop(self) -> None:
        """End the process and all that it started, and remove its folder."""
        end(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class WorkerPool:
    """Processes that are kept for the next job; many threads may call, each has one to itself.

    One that has done `most_jobs`, or has more than `largest` bytes of memory in use after a job,
    is replaced: what libraries leak goes with it. At most `most_idle` wait.
    """

    def __init__(self, most_jobs: int, most_idle: int, largest: int | None = None) -> None:
        """Begin without processes; they start as they are needed."""
        self._most_jobs, self._most_idle, self._largest = most_jobs, most_idle, largest
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._is_stopped = False

    def call(self, function: str, *arguments: Any, limits: Limits) -> Any:
        """Call `module:function` in a worker and return what it returns.

        Raises:
            CrashError: the process broke down, returned what is not allowed, or was stopped.
            LimitError: over one of `limits`.
            HechaError: what the function raises.
        """
        steps = self.stream(function, *arguments, limits=limits)
        while True:
            try:
                next(steps)
            except StopIteration as ended:
                return ended.value

    def stream(self, function: str, *arguments: Any, limits: Limits) -> Generator[Any, None, Any]:
        """Call `module:function`, a generator, in a worker and give what it gives as it comes.

        A caller that closes this before its end ends the process. `max_output_bytes` holds for
        each part, `max_seconds` for the time that is waited for them.

        Raises:
            HechaError: as `call`, at the part where it happens.
        """
        job = (function, arguments, limits)
        try:
            return (yield from self._run(job, limits))
        except _DiedIdleError:  # while it waited, for no fault of this file
            self.close()
            return (yield from self._run(job, limits))

    def _run(self, job: object, limits: Limits) -> Generator[Any, None, Any]:
        worker = self._take()
        try:
            for kind, value in worker.run(job, limits):
                if kind == "part":
                    yield value
        except BaseException:
            self._forget(worker)
            worker.stop()
            raise
        self._give_back(worker)
        if kind == "error":
            raise _error(*value)
        return value

    def _take(self) -> _Worker:
        while True:
            with self._lock:
                if self._is_stopped:
                    raise CrashError("已停止。")
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                worker = _Worker()
            elif not worker.is_alive:
                worker.stop()
                continue
            with self._lock:
                self._busy.add(worker)
            if self.is_stopped:  # meanwhile: nobody else would end it
                worker.end()
            return worker

    def _give_back(self, worker: _Worker) -> None:
        is_large = self._largest is not None and (resident_bytes(worker.pid) or 0) > self._largest
        with self._lock:
            self._busy.discard(worker)
            keep = not (self._is_stopped or is_large) and worker.jobs < self._most_jobs
            if keep and len(self._idle) < self._most_idle:
                self._idle.append(worker)
                return
        worker.stop()

    def _forget(self, worker: _Worker) -> None:
        with self._lock:
            self._busy.discard(worker)

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers, for measuring."""
        with self._lock:
            return [worker.pid for worker in (*self._idle, *self._busy)]

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._is_stopped

    def counts(self) -> tuple[int, int]:
        """Return how many workers are at work, and how many wait."""
        with self._lock:
            return len(self._busy), len(self._idle)

    def close(self) -> None:
        """End all workers that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.stop()

    def abort(self) -> None:
        """End the workers that are at work; those who wait for them clear up after them."""
        with self._lock:
            busy = list(self._busy)
        for worker in busy:
            worker.end()

    def stop(self) -> None:
        """End all workers for good; who waits for one, or asks for one, gets a `CrashError`."""
        self._is_stopped = True
        self.abort()
        self.close()


def resident_bytes(pid: int) -> int | None:
    """Return the memory that a process has in use, as Linux counts it; elsewhere None."""
    with suppress(OSError, ValueError, IndexError):
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return None


class _Results(pickle.Unpickler):
    """Reads what a worker sends: nothing but data can be made of it."""

    def find_class(self, module: str, name: str) -> Any:
        """Return a dataclass of this package or the maker of arrays, and nothing else."""
        if (module, name) in _MAKERS:
            return super().find_class(module, name)
        if module.startswith("extractor.") and "." not in name and module in sys.modules:
            found = getattr(sys.modules[module], name, None)
            if isinstance(found, type) and is_dataclass(found) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"{module}.{name}")


_MAKERS: Final = frozenset({("array", "_array_reconstructor"), ("array", "array")})


def _unpack(answer: bytes) -> tuple[str, Any]:
    try:
        kind, value = _Results(io.BytesIO(answer)).load()
    except Exception as exc:  # a worker that sends something else is no longer ours
        raise CrashError(_crash_message(None)) from exc
    return kind, value


def _error(code: str, message: str, page: int | None) -> HechaError:
    """Make the error that was raised in the worker: known by its code, or a `ParseError`."""
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type))
    found = (kind for kind in kinds if issubclass(kind, HechaError) and kind.code == code)
    return next(found, ParseError)(message, page=page)


def _crash_message(code: int | None) -> str:
    how = f"（信号 {-code}）" if code is not None and code < 0 else ""
    return (
        f"读取这个文件的程序异常中断{how}，可能是文件损坏、内容异常或内存不足；其他文件不受影响。"
        "请用原来的软件打开，另存为 PDF 或 .docx 后再上传。"
    )


def _read(stream: IO[bytes], size: int) -> bytes:
    """Read exactly `size` bytes; `EOFError` when the stream ends before."""
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


_pool = WorkerPool(_JOBS, os.cpu_count() or 1, _LARGEST)
atexit.register(close)
