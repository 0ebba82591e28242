"""What readers of hostile files may do in their process; called by name from `test_limited`."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from extractor.errors import CorruptFileError
from extractor.formats.limits import Limits

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
