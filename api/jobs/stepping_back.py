"""Processes that work in the background let those that answer requests go first."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

_NICENESS: Final = 10
_SESSION: Final = Path("/proc/self/autogroup")


@cache
def step_back() -> None:
    """Let other processes go first from now on, where the system can."""
    with suppress(AttributeError, OSError):  # not on Windows
        os.nice(_NICENESS)
    # Where Linux shares the processors among sessions, niceness counts within one session alone,
    # and a worker has its own: then the session has to step back.
    with suppress(OSError):
        _SESSION.write_text(str(_NICENESS), encoding="ascii")
