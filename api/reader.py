"""The one seam between the service and the library: what reads a file and builds a checklist."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta, timezone
from threading import Lock
from typing import Final, Protocol

from api.ranking import build_case
from extractor import extract
from extractor.checklist.model import Checklist
from extractor.document import Document
from extractor.extraction import Extraction
from extractor.formats.limited import parse_limited
from extractor.formats.limits import DEFAULT_LIMITS, Limits
from models import NoTagger, ready_tagger

_log = logging.getLogger("hecha.api")
_BEIJING: Final = timezone(timedelta(hours=8))


class Reader(Protocol):
    """What the service asks of the library; tests may put another reader in its place."""

    def read(self, data: bytes, filename: str) -> tuple[Document, Extraction]:
        """Read one file.

        Raises:
            ParseError: the bytes cannot be read.
        """

    def checklist(self, sources: Sequence[tuple[Document, Extraction]]) -> Checklist:
        """Build the checklist of one case from all its documents."""


class LibraryReader:
    """The reader that is the library itself; `limits` bound what one file may cost."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS, tagger: str = NoTagger.name) -> None:
        """Read within these limits, with the tagger of this name.

        Raises:
            TaggerError: it cannot be used.
        """
        self._limits = limits
        self._tagger = ready_tagger(tagger) if tagger != NoTagger.name else None
        # Not every library behind a tagger may be called from two threads.
        self._tagging: AbstractContextManager[object] = (
            Lock() if self._tagger is not None else nullcontext()
        )

    def read(self, data: bytes, filename: str) -> tuple[Document, Extraction]:
        """Parse in a process of its own and extract; see `parse_limited` for the errors."""
        document = parse_limited(data, filename, self._limits)
        with self._tagging:
            return document, extract(document, self._tagger)

    def checklist(self, sources: Sequence[tuple[Document, Extraction]]) -> Checklist:
        """Build the checklist of one case; what is overdue is judged by today's date in Beijing."""
        return build_case(sources, datetime.now(_BEIJING).date(), _log.warning)
