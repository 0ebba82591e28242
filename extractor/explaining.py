"""Why a record says what it says: the rule, the words it was found in, the words of each field.

Nothing is read again: everything comes from the record itself (`rule`, `sources`, `flags`), so an
explanation cannot differ from the result that it explains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from extractor.confidence import FeatureReader, Sureness, weigh
from extractor.document import Document, Span
from extractor.extraction import (
    Accident,
    DocumentNumber,
    Evaluation,
    Extraction,
    Measure,
    Penalty,
    Problem,
    Record,
    Suggestion,
)
from extractor.rules import load_toml, penalty_labels
from extractor.view import build_view, squeeze

_INDEXED = re.compile(r"(?P<field>[a-z_]+)\[(?P<index>\d+)\]")
_LAYER_OF: dict[type[Record], str] = {
    Penalty: "penalties",
    Measure: "measures",
    Problem: "problems",
    Suggestion: "suggestions",
}
_UNSTATED = ("stage", "modality", "specificity", "kind")


@dataclass(frozen=True, slots=True)
class FieldReason:
    """One field: its name and value, and the range and words that state it (None: by rule)."""

    field: str
    label: str
    value: str
    span: Span | None
    words: str | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One record: id, what it is, rule code and meaning, its words, its fields, its confidence."""

    id: str
    title: str
    rule: str | None
    meaning: str | None
    span: Span | None
    words: str | None
    page: int | None
    fields: tuple[FieldReason, ...]
    flags: tuple[str, ...] = ()
    sureness: Sureness | None = None


@cache
def _texts(table: str) -> dict[str, str]:
    texts: dict[str, str] = load_toml("explanations.toml")[table]
    return texts


def explain(document: Document, extraction: Extraction) -> Iterator[Explanation]:
    """Yield the explanation of every record: header, numbers, penalties, measures, opinions.

    `extraction` must have been read from `document`.
    """
    yield from _Explainer(document, extraction).all()


class _Explainer:
    def __init__(self, document: Document, extraction: Extraction) -> None:
        self._document = document
        self._extraction = extraction
        self._features = FeatureReader(document, build_view(document), extraction)
        self._parties = {party.id: party for party in extraction.parties}
        self._numbers = {number.id: number.normal for number in extraction.document_numbers}

    def all(self) -> Iterator[Explanation]:
        """Yield the explanations, in the order of the result."""
        extraction = self._extraction
        if extraction.accident is not None:
            yield self._head("accident", extraction.accident)
        if extraction.evaluation is not None:
            yield self._head("evaluation", extraction.evaluation)
        yield from (self._number(number) for number in extraction.document_numbers)
        for layer in _LAYER_OF.values():
            yield from (self._record(record) for record in getattr(extraction, layer))

    def _head(self, name: str, head: Accident | Evaluation) -> Explanation:
        fields = tuple(
            self._field(field, getattr(head, field), place) for field, place in head.sources.items()
        )
        return Explanation(name, _texts("record")[name], None, None, None, None, None, fields)

    def _number(self, number: DocumentNumber) -> Explanation:
        span = Span(number.start, number.end)
        kind = _texts("number_kind")[number.kind]
        fields = (
            FieldReason("normal", _texts("field")["normal"], number.normal, span, number.raw),
            FieldReason("kind", _texts("field")["number_kind"], kind, None, None),
        )
        return Explanation(
            number.id,
            _texts("record")["number"],
            f"number.{number.kind}",
            _texts("rule")["number"],
            span,
            number.raw,
            number.page,
            fields,
            tuple(self._flag(flag) for flag in number.flags),
        )

    def _record(self, record: Penalty | Measure | Problem | Suggestion) -> Explanation:
        layer = _LAYER_OF[type(record)]
        span = Span(record.start, record.end)
        return Explanation(
            record.id,
            _texts("record")[layer],
            record.rule,
            _texts("rule").get(record.rule),
            span,
            self._document.quote(span),
            record.page,
            tuple(self._fields(record)),
            tuple(self._flag(flag) for flag in record.flags),
            weigh(layer, self._features.features(record)),
        )

    def _fields(self, record: Penalty | Measure | Problem | Suggestion) -> Iterator[FieldReason]:
        """Yield the fields that have a range, then those that follow from kind and wording."""
        for field, place in record.sources.items():
            reason = self._field(field, self._value(record, field), place)
            if isinstance(record, Penalty) and field == "party":
                reason = replace(reason, note=self._named_at(record.party, reason.words))
            yield reason
        for field in _UNSTATED:
            value = getattr(record, field, None)
            if value is not None and field not in record.sources:
                told = _texts("inferred")
                note = told.get(f"{field}.{self._extraction.document.kind}", told.get(field))
                label, printed = _texts("field")[field], _printed(value)
                yield FieldReason(field, label, printed, None, None, note)
        if isinstance(record, Penalty):
            for number in record.document_numbers:
                yield FieldReason(
                    "document_numbers",
                    _texts("field")["document_numbers"],
                    self._numbers[number],
                    None,
                    None,
                    number,
                )

    def _named_at(self, party: str, words: str | None) -> str | None:
        """Say where the name of a party is printed, where other words stand for it."""
        name = self._parties[party].name
        if words is None or squeeze(words) == squeeze(name):
            return None
        for mention in self._parties[party].mentions:
            span = Span(mention.start, mention.end)
            if squeeze(self._document.quote(span)) == squeeze(name):
                return f"名称写在第{span.start}字：{name}"
        return None

    def _value(self, record: Record, field: str) -> object:
        indexed = _INDEXED.fullmatch(field)
        if indexed is not None:
            return getattr(record, indexed["field"])[int(indexed["index"])]
        if isinstance(record, Penalty) and field == "reference":
            return self._parties[record.party].name
        value = getattr(record, field)
        if isinstance(record, Penalty) and field == "party":
            return self._parties[value].name
        if isinstance(record, Penalty) and field == "kind":
            return f"{penalty_labels()[value]}（{value}）"
        return value.raw if field == "deadline" else value

    def _field(self, field: str, value: object, place: tuple[int, int]) -> FieldReason:
        span = Span(*place)
        indexed = _INDEXED.fullmatch(field)
        label = _texts("field")[indexed["field"] if indexed else field]
        return FieldReason(field, label, _printed(value), span, self._document.quote(span))

    def _flag(self, flag: str) -> str:
        return _texts("flag").get(flag, flag)


def _printed(value: object) -> str:
    if isinstance(value, list):
        return "、".join(map(str, value))
    return _texts("value").get(str(value), str(value))
