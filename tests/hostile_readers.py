"""What readers of hostile files may do in their process; called by name from `test_limited`."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from extractor.errors import CorruptFileError
from extractor.formats import FileResult, Limits, parse_all
from extractor.formats.office_guard import LOCKS

TEXT = "某某市某某建设有限公司“7·12”一般高处坠落事故调查报告"


def damaged(*, limits: Limits) -> None:
    raise CorruptFileError("坏了", page=3)


def segfault(trace: str, *, limits: Limits) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(60)


def killed(trace: str, *, limits: Limits) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def leave(trace: str, *, limits: Limits) -> None:
    os._exit(0)


def hang(trace: str, *, limits: Limits) -> None:
    time.sleep(60)


def deaf_hang(trace: str, *, limits: Limits) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    time.sleep(60)


def spin(trace: str, *, limits: Limits) -> None:
    while True:
        pass


def eat(trace: str, *, limits: Limits) -> int:
    return len(bytearray(1 << 30))


def nibble(trace: str, *, limits: Limits) -> int:
    eaten = []
    while True:
        eaten.append(bytearray(1 << 20))


def talk(trace: str, *, limits: Limits) -> str:
    return "话" * (5 << 20)


def leave_walking(data: bytes, filename: str, spent: object, *, limits: Limits) -> None:
    os._exit(0)


def foreign(trace: str, *, limits: Limits) -> object:
    return Path(trace)


class _Code:
    def __init__(self, trace: str) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.trace,)


def code(trace: str, *, limits: Limits) -> object:
    return _Code(trace)


def fail(trace: str, *, limits: Limits) -> float:
    return 1 / (len(trace) - len(trace))


def chatter(*, limits: Limits) -> tuple[str, int]:
    print("some library says hello")  # noqa: T201
    sys.stdout.flush()
    os.write(1, b"and so does its C code")
    return TEXT, 1


def count(number: int, seconds: float, *, limits: Limits) -> Iterator[int]:
    """Give the numbers below `number`, each after so many seconds; 13 is bad luck."""
    for each in range(number):
        time.sleep(seconds)
        if each == 13:
            raise CorruptFileError("坏了", page=3)
        yield each


def talk_on(*, limits: Limits) -> Iterator[object]:
    yield "话"
    yield Path("x") if limits.max_output_bytes == 4 << 20 else "话" * (5 << 20)


def pid(*, limits: Limits) -> int:
    return os.getpid()


def pid_then_wait(note: str, *, limits: Limits) -> None:
    Path(note).write_text(str(os.getpid()))


def pid_then_hang(note: str, *, limits: Limits) -> None:
    Path(note).write_text(str(os.getpid()))
    time.sleep(60)


def hang_with_a_file(note: str, *, limits: Limits) -> None:
    handle, name = tempfile.mkstemp()
    os.close(handle)
    Path(note).write_text(name)
    time.sleep(60)


# --- what a reader touches while it reads -------------------------------------------------------

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.chmod")
_REACHES = ("socket.connect", "socket.getaddrinfo", "os.system", "os.exec", "os.posix_spawn")
_touched: list[str] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    """Note what is written, changed or reached outside the folder of temporary files.

    What is given relative to an open folder is not looked at: only `rmtree` does that here.
    """
    if event == "open":
        path, _mode, flags = arguments
        name = str(path)
        if isinstance(flags, int) and flags & _WRITES and not _is_allowed(name):
            _touched.append(f"wrote {name}")
        if name.startswith(("/etc/passwd", "/etc/shadow", "/etc/hostname")) or "hecha-kept" in name:
            _touched.append(f"read {name}")
    elif event in _CHANGES and arguments[-1] == -1 and not _is_allowed(str(arguments[0])):
        _touched.append(f"{event} {arguments[0]}")
    elif event in _REACHES:
        _touched.append(f"{event} {arguments[:2]}")


def _is_allowed(name: str) -> bool:
    places = (os.environ["TMPDIR"], os.environ[LOCKS])
    inside = os.path.abspath(name).startswith(places)
    return inside or name == os.devnull or "__pycache__" in name or name.isdigit()


def _begin_to_watch() -> None:
    """Watch this process from now on; a hook cannot be taken away."""
    if not _touched:
        sys.addaudithook(_watch)
        _touched.append("watching")
    del _touched[1:]


def touches(home: str, *, limits: Limits) -> list[str]:
    """Touch what must not be touched, to prove that it is seen."""
    _begin_to_watch()
    Path(home, "written").write_text("x")
    Path(home, "made").mkdir()
    with suppress(OSError):
        Path("/etc/passwd").read_bytes()
    with suppress(OSError), socket.socket() as outward:
        outward.connect(("127.0.0.1", 9))
    return _touched[1:]


def watched(data: bytes, filename: str, *, limits: Limits) -> tuple[list[Ending], list[str]]:
    """Read a file and all in it; return how each ended, and what was touched outside."""
    _begin_to_watch()
    endings = [_ending(each) for each in parse_all(data, filename, limits=limits)]
    return endings, _touched[1:]


Ending = tuple[str, str, str, tuple[str, ...]]
"""The path of a file, a code or "read" or "partial", the text or message, and the warnings."""


def _ending(found: FileResult) -> Ending:
    document = found.document
    if document is not None:
        warnings = tuple(f"{each.code}：{each.message}" for each in document.warnings)
        outcome = "partial" if document.status == "partial" else "read"
        return found.path, outcome, document.text[:5000], warnings
    what = found.error or found.notice
    if what is None:
        raise ValueError(found.path)
    return found.path, what.code, what.message, ()
