"""The one seam between the service and the library: what reads a file and builds a checklist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final, Protocol

from api.store.results import Result
from extractor import build_checklist
from extractor.checklist.model import Checklist
from extractor.document import Document
from extractor.errors import ParseError
from extractor.extraction import Accident, DocumentRecord, Extraction
from extractor.formats.limited import call_limited
from extractor.formats.limits import DEFAULT_LIMITS, Limits
from extractor.pipeline import extraction_version
from models import NoTagger, TaggerError

_BEIJING: Final = timezone(timedelta(hours=8))
_READ: Final = "api.jobs.work:read_file"
_DRAW: Final = "api.jobs.work:draw"
_TAGGER: Final = "api.jobs.work:tagger_name"


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading a file; `derived` is what hooks of the service asked for, by name."""

    result: Result
    record: DocumentRecord
    accident: Accident | None
    derived: Mapping[str, Any] = field(default_factory=dict)


class Reader(Protocol):
    """What the service asks of the library; tests may put another reader in its place."""

    @property
    def version(self) -> str:
        """The extraction version of what it reads: results of another version are others."""

    def read(self, data: bytes, filename: str, digest: str) -> Reading:
        """Read one file; `digest` is its SHA-256, and becomes the id of the document.

        Raises:
            ParseError: the bytes cannot be read.
        """

    def page(self, data: bytes, number: int, dpi: float) -> bytes:
        """Return page `number` (from 1) as a PNG.

        Raises:
            HechaError: it cannot be drawn; see `extractor.page_image`.
        """

    def checklist(self, sources: Sequence[tuple[Document, Extraction]]) -> Checklist:
        """Build the checklist of one case from all its documents."""


class LibraryReader:
    """The reader that is the library itself, in worker processes; `limits` bound one file."""

    def __init__(
        self,
        limits: Limits = DEFAULT_LIMITS,
        tagger: str = NoTagger.name,
        derived: Mapping[str, str] | None = None,
    ) -> None:
        """Read within these limits, with the tagger of this name; `derived` as `Hooks.derived`.

        Raises:
            TaggerError: the tagger cannot be used.
        """
        self._limits = limits
        self._tagger = tagger
        self._derived = derived if derived is not None else {}
        self._version = extraction_version(None if tagger == NoTagger.name else self._tagger_name())

    @property
    def version(self) -> str:
        """The extraction version of what it reads."""
        return self._version

    def read(self, data: bytes, filename: str, digest: str) -> Reading:
        """Parse and extract in a process of its own; see `call_limited` for the errors."""
        arguments = (data, filename, digest, self._tagger, dict(self._derived))
        record_json, accident_json, extraction_json, blob, derived, seconds = call_limited(
            _READ, *arguments, limits=self._limits
        )
        record = DocumentRecord.model_validate_json(record_json)
        accident = None if accident_json is None else Accident.model_validate_json(accident_json)
        result = Result(self._version, record_json, extraction_json, blob, seconds)
        return Reading(result, record, accident, derived)

    def page(self, data: bytes, number: int, dpi: float) -> bytes:
        """Draw a page in a process of its own."""
        picture = call_limited(_DRAW, data, number, dpi, limits=self._limits)
        return bytes(picture)

    def checklist(self, sources: Sequence[tuple[Document, Extraction]]) -> Checklist:
        """Build the checklist of one case; what is overdue is judged by today's date in Beijing."""
        return build_checklist(sources, today=datetime.now(_BEIJING).date())

    def _tagger_name(self) -> str:
        try:
            return str(call_limited(_TAGGER, self._tagger, limits=self._limits))
        except ParseError as error:
            raise TaggerError(error.message) from error
