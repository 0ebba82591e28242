"""Whether processes still run, for tests of what must end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="要有 /proc")


def is_running(pid: int) -> bool:
    """A process that has ended but that nobody has asked for yet does not count."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until_gone(*pids: int, seconds: float = 6.0) -> None:
    until = time.monotonic() + seconds
    while any(map(is_running, pids)):
        assert time.monotonic() < until, "still running"
        time.sleep(0.02)
