"""The documents of a case as the checklist uses them: in order, with their role and their view."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from extractor.checklist.model import CaseDocument, Quote, Role
from extractor.document import Document, Span
from extractor.extraction import DocumentNumber, Extraction, Party, Penalty
from extractor.rules import load_toml
from extractor.view import View, build_view

_UNLINKED_KINDS = frozenset({"enforcement", "registration", "report_no"})
_LAST = 9
_ONE_PASSAGE = 700
_SENTENCE_REST = 120


@dataclass(frozen=True, eq=False)
class Material:
    """One document of the case, what was read from it, and what it is for.

    `states` tells whether its words may set the status of a row; a press report's may not.
    """

    document: Document
    extraction: Extraction
    role: Role
    order: int
    states: bool

    @property
    def id(self) -> str:
        """The document's id."""
        return self.extraction.document.id

    @cached_property
    def view(self) -> View:
        """The reading view, built on first use."""
        return build_view(self.document)

    @cached_property
    def parties(self) -> dict[str, Party]:
        """The parties by id."""
        return {party.id: party for party in self.extraction.parties}

    @cached_property
    def numbers(self) -> dict[str, DocumentNumber]:
        """The document numbers by id."""
        return {number.id: number for number in self.extraction.document_numbers}

    @cached_property
    def penalty_ranges(self) -> tuple[tuple[int, int], ...]:
        """The ranges of all penalties, in view coordinates, in order, each once."""
        return tuple(
            sorted({self.view.locate(Span(p.start, p.end)) for p in self.extraction.penalties})
        )

    @cached_property
    def _mentions(self) -> tuple[tuple[int, str], ...]:
        return tuple(
            sorted((m.start, party.id) for party in self.parties.values() for m in party.mentions)
        )

    def parties_in(self, start: int, end: int) -> frozenset[str]:
        """Return the ids of the parties that the document names in this range."""
        first, last = (bisect_left(self._mentions, (at, "")) for at in (start, end))
        return frozenset(party for _, party in self._mentions[first:last])

    def quote(self, start: int, end: int) -> Quote:
        """Return the range with its exact text and its page."""
        return Quote(
            document=self.id,
            start=start,
            end=end,
            page=self.document.page_of(start),
            quote=self.document.quote(Span(start, end)),
        )

    def record(self) -> CaseDocument:
        """Return how the checklist lists this document."""
        record = self.extraction.document
        return CaseDocument(
            id=record.id,
            kind=record.kind,
            title=record.title or record.filename,
            role=self.role,
            number=record.number,
            date=record.date,
        )


@dataclass(frozen=True, slots=True)
class Fact:
    """One penalty with the document that states it and the party it is on."""

    material: Material
    penalty: Penalty
    party: Party

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """The passage that names the party and states the penalty; two when they stand apart."""
        text = self.material.document.text
        start, end = self.penalty.start, self.penalty.end
        named = self.penalty.sources.get("party", (start, end))
        if start <= named[0] <= end or 0 < start - named[0] <= _ONE_PASSAGE:
            return (self.material.quote(*_to_stop(text, min(start, named[0]), end)),)
        return (
            self.material.quote(start, end),
            self.material.quote(*_to_stop(text, *named)),
        )

    @property
    def numbers(self) -> tuple[str, ...]:
        """Normal forms of the decisions that the document links to this penalty."""
        linked = (self.material.numbers.get(key) for key in self.penalty.document_numbers)
        return tuple(n.normal for n in linked if n is not None and n.kind not in _UNLINKED_KINDS)


def _to_stop(text: str, start: int, end: int) -> tuple[int, int]:
    """Extend a range to the end of its sentence, so that it reads as a whole."""
    stops = [text.find(mark, max(end - 1, start), end + _SENTENCE_REST) for mark in "。\n"]
    found = [at for at in stops if at >= 0]
    if not found:
        return start, end
    stop = min(found)
    return start, max(end, stop + 1 if text[stop] == "。" else stop)


def sort_materials(sources: Iterable[tuple[Document, Extraction]]) -> tuple[Material, ...]:
    """Return the documents of a case in a fixed order: basis, then outcome; each document once."""
    rows = {kind: row for row in load_toml("outcomes.toml")["role"] for kind in row["kinds"]}
    materials: dict[str, Material] = {}
    for document, extraction in sources:
        row = rows.get(extraction.document.kind, {"role": "outcome", "order": _LAST})
        materials.setdefault(
            extraction.document.id,
            Material(document, extraction, row["role"], row["order"], row.get("states", True)),
        )
    return tuple(
        sorted(
            materials.values(),
            key=lambda material: (
                material.order,
                material.extraction.document.date or "",
                material.id,
            ),
        )
    )


def facts_of(materials: Sequence[Material]) -> tuple[Fact, ...]:
    """Return every penalty of the case whose party is known, in reading order."""
    return tuple(
        Fact(material, penalty, material.parties[penalty.party])
        for material in materials
        for penalty in sorted(material.extraction.penalties, key=lambda p: (p.start, p.id))
        if penalty.party in material.parties
    )
