"""Runs one command in a session of its own and ends it, with all its children, in time.

A script, not a module: it is started by its path and imports nothing of hecha, so that it is up
in milliseconds. It outlives the program that asked for it just long enough to clean up: its
standard input is a pipe from that program, and when the pipe closes too early, the program was
killed. Then the command is ended and its folder removed.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Final

LOCKS: Final = "HECHA_LOCKS"
"""The variable that tells a worker where lock files are; its temporary folder is its own."""
TIMED_OUT: Final = 124
"""The exit code after a command that took too long."""


def run(folder: str, seconds: float, largest: int, memory: int, command: list[str]) -> int:
    """Run `command` for at most `seconds`; return its exit code, or `TIMED_OUT`.

    No file that it writes may grow over `largest` bytes, none of its processes over `memory`.
    `folder` is removed when the standard input ends before the command does.
    """
    _bound(seconds, largest, memory)
    job = subprocess.Popen(  # noqa: S603 - the command is that of our own caller
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    abandoned = threading.Event()

    def watch() -> None:
        while os.read(0, 1):  # not by sys.stdin: its lock would be held when we leave
            pass
        abandoned.set()
        end(job)

    threading.Thread(target=watch, daemon=True).start()
    try:
        code = job.wait(seconds)
    except subprocess.TimeoutExpired:
        code = TIMED_OUT
    end(job)
    job.wait()
    if abandoned.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return code


def end(job: subprocess.Popen[bytes]) -> None:
    """Kill a process that leads a session, and all that it started in it."""
    if sys.platform == "win32":
        command = ["taskkill", "/F", "/T", "/PID", str(job.pid)]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(job.pid, signal.SIGKILL)


def _bound(seconds: float, largest: int, memory: int) -> None:
    """Set what the command inherits: processor time, memory, size of files, no core dump.

    The memory limit takes the place of that of a worker that is our parent.
    """
    if sys.platform == "win32":
        return
    import resource

    for kind, soft in (
        (resource.RLIMIT_CPU, math.ceil(seconds) * 4),
        (resource.RLIMIT_FSIZE, largest),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, memory),
    ):
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            soft = min(soft, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(kind, (soft, hard))


if __name__ == "__main__":
    _folder, _seconds, _largest, _memory, *_command = sys.argv[1:]
    sys.exit(run(_folder, float(_seconds), int(_largest), int(_memory), _command))
