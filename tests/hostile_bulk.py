"""What a worker of a bulk run may do with a file that says so; called by name from the tests."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from api import spooling
from api.bulk import case_steps, work_steps
from extractor.formats.limits import Limits


def read_or_break(
    source: str, name: str, target: str, texts: str, tagger: str, *, limits: Limits
) -> dict[str, Any]:
    """Read as ever, but for a file that says DIE, DIE ONCE, HANG or BUG."""
    data = Path(source).read_bytes()
    trace = Path(target).parent.parent / "died"
    if b"DIE ONCE" in data and not trace.exists():
        trace.touch()
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    if b"DIE ALWAYS" in data:
        os._exit(1)
    if b"HANG" in data:
        time.sleep(60)
    if b"BUG" in data:
        raise ZeroDivisionError
    return work_steps.read_to_files(source, name, target, texts, tagger, limits=limits)


def unpack_or_break(
    source: str,
    place: tuple[str, str, int],
    wishes: tuple[int, bool, bool],
    progress: tuple[int, int, int],
    folder: str,
    *,
    limits: Limits,
) -> Iterator[tuple[Any, ...]]:
    """Unpack as ever, but for a file that is named DIE, DIE_ONCE, HANG or EAT."""
    trace = Path(source).parent / "died"
    for part in spooling.unpack(source, place, wishes, progress, folder, limits=limits):
        name = PurePosixPath(part[0]).stem
        if name == "DIE" or (name == "DIE_ONCE" and not trace.exists()):
            trace.touch()
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        if name == "HANG":
            time.sleep(60)
        if name == "EAT":
            bytearray(1 << 30)
        yield part


def build_or_break(root: str, *order: Any, limits: Limits) -> Any:
    """Build as ever, but die of the second company; a batch of cases dies as a whole."""
    if len(order) == 1 or "沐泉2号" in str(order[0]["name"]):
        os._exit(1)
    return case_steps.build_case(root, *order, limits=limits)
