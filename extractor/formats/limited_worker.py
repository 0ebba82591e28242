"""The other side of `limited`: a process that reads one file after the other for its parent.

Memory is bounded by RLIMIT_DATA, counted from what the process has when a file comes: the kernel
holds it at every moment (a watch from outside sees a fast eater too late), and it counts memory
that is written to. RLIMIT_AS would also count the address space that allocators and libraries
reserve and never touch, which for a recognition model is gigabytes. Where the system has no such
limits (Windows, or macOS for memory) only those of time and output hold.
"""

from __future__ import annotations

import os
import pickle
import shutil
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

from extractor.errors import CrashError, HechaError, ParseError
from extractor.formats import walk
from extractor.formats.containers import Budget, Entry, LeftOut, find_container
from extractor.formats.limits import Limits, over_limit, size_text

if sys.platform != "win32":
    import resource

_HEADER: Final = struct.Struct("<Q")
_STARTED: Final = b"!"
_SECONDS: Final = 1.0


def serve(folder: str) -> None:
    """Answer jobs from the standard input on the standard output until the input ends.

    `folder` is that of temporary files: the parent removes it, or this process when the parent
    is gone.
    """
    jobs = sys.stdin.buffer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a library prints must not get between the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _end_with(os.getppid(), folder)
    # A parent that wants no more closes the pipe.
    with suppress(BrokenPipeError):
        while (job := _receive(jobs)) is not None:
            answers.write(_STARTED)
            answers.flush()
            for answer in _answers(*job):
                answers.write(_HEADER.pack(len(answer)))
                answers.write(answer)
                answers.flush()
    shutil.rmtree(folder, ignore_errors=True)


def _receive(stream: IO[bytes]) -> tuple[str, tuple[Any, ...], Limits] | None:
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    job: tuple[str, tuple[Any, ...], Limits] = pickle.loads(  # noqa: S301 - from our parent
        stream.read(_HEADER.unpack(header)[0])
    )
    return job


def _answers(function: str, arguments: tuple[Any, ...], limits: Limits) -> Iterator[bytes]:
    """Give the pickled `("value", …)` or `("error", (code, message, page))` of a job.

    Of a generator each `("part", …)` comes before that.
    """
    bound(limits)
    try:
        module, _, name = function.partition(":")
        value = getattr(import_module(module), name)(*arguments, limits=limits)
        if isinstance(value, Iterator):
            for part in value:
                yield pickle.dumps(("part", part), pickle.HIGHEST_PROTOCOL)
            value = None
        yield pickle.dumps(("value", value), pickle.HIGHEST_PROTOCOL)
        return
    except MemoryError:
        error: HechaError = _out_of_memory(limits)
    except HechaError as caught:
        starved = isinstance(caught.__cause__, MemoryError)
        error = _out_of_memory(limits) if starved else caught
    except Exception as caught:
        error = CrashError(
            f"读取这个文件时程序出错（{type(caught).__name__}），其他文件不受影响。"
            "请用原来的软件打开，另存为 PDF 或 .docx 后再上传。"
        )
    yield pickle.dumps(("error", (error.code, error.message, error.page)))


def walk_all(
    data: bytes, filename: str, spent: tuple[int, int], *, limits: Limits
) -> tuple[list[tuple[Any, ...]], int, int]:
    """Return all that is in a container as plain values, and the entries and bytes of its budget.

    `spent` are those that were counted before.
    """
    container = find_container(data)
    budget = Budget(limits, *spent)
    found: list[tuple[Any, ...]] = []
    if container is None:
        return found, *spent
    for each in walk(container, data, filename, budget):
        if isinstance(each, Entry):
            found.append(("entry", each.path, each.data))
        elif isinstance(each, LeftOut):
            found.append(("left out", each.path, each.code, each.reason))
        else:
            found.append(("bad", each.path, each.error.code, each.error.message))
    return found, budget.entries, budget.unpacked


def _out_of_memory(limits: Limits) -> ParseError:
    allowed = size_text(limits.max_memory_bytes)
    return over_limit("读取占用内存过多", "max_memory_bytes", allowed)


def bound(limits: Limits) -> None:
    """Set the limits of this process for one more job; where there are none, do nothing."""
    if sys.platform == "win32":
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + 1 + limits.max_cpu_seconds
    _set(resource.RLIMIT_CPU, seconds)
    _set(resource.RLIMIT_CORE, 0)
    if (written := _written_memory()) is not None:
        _set(resource.RLIMIT_DATA, written + limits.max_memory_bytes)


def _set(kind: int, soft: int) -> None:
    """Set a soft limit, at most the hard one: it must be possible to raise it for the next job."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(kind, (soft, hard))


def _written_memory() -> int | None:
    """Return the bytes of data memory of this process as Linux counts them; elsewhere None."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    line = next((line for line in status.splitlines() if line.startswith("VmData:")), None)
    return int(line.split()[1]) * 1024 if line is not None else None


def _end_with(parent: int, folder: str) -> None:
    """End this process when its parent is gone, though a library may never return."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
