"""How far a run is: a bar with rate and time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
from time import monotonic
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from api.console import one_line, say

_FIRST: Final = 5.0
_EVERY: Final = 30.0
_NAME: Final = 40


class Meter:
    """Counts files; those that were done before do not count for the rate."""

    def __init__(self, label: str, total: int) -> None:
        """Begin with `total` files to go; more may come."""
        self._label, self.total = label, total
        self._lock = threading.Lock()
        self._done = self._fresh = self._failed = 0
        self._began = monotonic()
        self._next = self._began + _FIRST
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
            )
            console = Console(stderr=True)
            self._bar = Progress(*columns, console=console, transient=True, redirect_stdout=False)
            self._task = self._bar.add_task(label, total=total, rate="")

    def __enter__(self) -> Meter:
        """Show the bar."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def more(self, count: int) -> None:
        """Add files that an archive turned out to hold."""
        with self._lock:
            self.total += count

    def step(self, name: str, *, fresh: bool = True, failed: bool = False) -> None:
        """Count one file."""
        with self._lock:
            self._done += 1
            self._fresh += fresh
            self._failed += failed
            if self._bar is not None:
                shown = one_line(name)[-_NAME:]
                self._bar.update(
                    self._task,
                    completed=self._done,
                    total=max(self.total, self._done),
                    description=f"{self._label} {shown}",
                    rate=self._rate(),
                )
            elif monotonic() >= self._next:
                self._next = monotonic() + _EVERY
                failed_words = f"，失败 {self._failed}" if self._failed else ""
                total = max(self.total, self._done)
                say(f"{self._label} {self._done}/{total}{failed_words}，{self._rate()}")

    def _rate(self) -> str:
        seconds = monotonic() - self._began
        if not self._fresh or seconds <= 0:
            return ""
        rate = self._fresh / seconds
        left = max(0, self.total - self._done) / rate
        return f"每秒 {rate:.1f} 份，约剩 {duration(left)}"


def duration(seconds: float) -> str:
    """Return a time in words: 45 秒, 3 分 20 秒, 2 小时 5 分."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} 秒"
    if whole < 3600:
        return f"{whole // 60} 分 {whole % 60} 秒"
    return f"{whole // 3600} 小时 {whole % 3600 // 60} 分"
