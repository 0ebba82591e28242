"""When the cases of a watched folder are made: after it has been quiet, and at the end.

Checklists are made of the cases that have changed. The workbook over all takes longer the more
cases there are, so it is written no more often than it takes a small part of the time.
"""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Final

from api.bulk.case_steps import state_of
from api.bulk.casebook import Casebook, CaseCounts, say_failures, say_notes
from api.console import one_line, say

_PATIENCE: Final = 60.0
"""Checklists wait no longer (seconds) for a folder into which files are put without end."""
_SHARE: Final = 20
"""The workbook waits so many times as long as the last one took."""
_AGAIN: Final = 60.0
"""What could not be written is tried again after so many seconds."""


class CaseKeeper:
    """Keeps the checklists of a watched folder up to date; asked at every look."""

    def __init__(
        self, casebook: Casebook, corrections: Path, settle: float, *, behind: bool
    ) -> None:
        """Begin; a folder is quiet after `settle` seconds without a change.

        `behind` says that an earlier watch may have left something to do.
        """
        self._casebook, self._settle = casebook, settle
        self.corrections = corrections
        self._state = state_of(corrections)
        self._active = self._not_before = self._workbook_after = 0.0
        self._since = monotonic() if behind else None
        self._workbook_waits = False
        self._said: set[str] = set()
        self.failed = False
        casebook.on_case = self._tell

    @property
    def has_work(self) -> bool:
        """True while something was read of which the cases know nothing."""
        return self._since is not None or self._workbook_waits

    def stir(self) -> None:
        """Note that something goes on in the folder."""
        self._active = monotonic()

    def note(self) -> None:
        """Note that a file was read or could not be read."""
        self._since = self._since if self._since is not None else monotonic()
        self.stir()

    def look(self, *, busy: bool) -> None:
        """Make the cases if it is time; `busy` says that files are being read.

        Raises:
            JournalError: what was made cannot be recorded.
        """
        state = state_of(self.corrections)
        if state != self._state:
            self._state = state
            self.note()
        now = monotonic()
        if now < self._not_before:
            return
        is_quiet = not busy and now - self._active >= self._settle
        workbook = now >= self._workbook_after
        if self._since is not None and (is_quiet or now - self._since >= _PATIENCE):
            self._update(workbook=workbook)
        elif self._workbook_waits and is_quiet and workbook:
            self._update(workbook=True)

    def finish(self) -> None:
        """Make what is left.

        Raises:
            JournalError: what was made cannot be recorded.
        """
        if self.has_work:
            self._update(workbook=True)

    def _update(self, *, workbook: bool) -> None:
        self._since = None
        began = monotonic()
        counts = self._casebook.update(workbook=workbook)
        now = monotonic()
        self._workbook_waits = not workbook
        if workbook:
            self._workbook_after = now + _SHARE * (now - began)
        self._say(counts)
        self.failed = bool(counts.failures)
        if counts.failures:
            self._since, self._not_before = now, now + _AGAIN

    def _say(self, counts: CaseCounts) -> None:
        """Say what is new of what went wrong."""
        met = {*counts.notes, *map(str, counts.failures), *map(str, counts.filled_in)}
        if met - self._said:
            say_notes(counts, self.corrections)
            say_failures(counts)
        self._said = met

    def _tell(self, name: str, file: str | None) -> None:
        if file is not None:
            say(f"清单 {one_line(name)} → cases/{file}")
