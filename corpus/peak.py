"""The highest memory of the process that asks."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_memory() -> float:
    """Return the highest memory of this process in MiB.

    Linux counts that of the parent too in `ru_maxrss`, but not in `VmHWM`.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return float(lines["VmHWM"].split()[0]) / 1024
    import resource

    unit = 1024 if sys.platform == "darwin" else 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit / 1024
