"""The truth of a document in the gold format, and its training examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from corpus.gold import (
    Gold,
    GoldMeasure,
    GoldRange,
    GoldSuggestion,
    Layer,
    locate,
)
from corpus.synthetic.cast import group_of
from corpus.synthetic.incident import Incident
from corpus.synthetic.scribe import Record, Scribe, Sentence, Span
from extractor.extraction import DocumentKind

SHORT_QUOTE, LONG_QUOTE = 10, 30
_R = TypeVar("_R", bound=GoldRange)


def make_gold(
    name: str, kind: DocumentKind, incident: Incident, scribe: Scribe, has_accident: bool
) -> Gold:
    """Return the truth of what was written.

    Raises:
        ValueError: a range cannot be quoted so that it is found again.
    """
    text = scribe.text
    layers: dict[Layer, list[Any]] = {"measures": [], "problems": [], "suggestions": []}
    after: dict[Layer, int] = {}
    for record in sorted(scribe.records, key=lambda record: record.start):
        quoted = _quote(text, record, after.get(record.layer, 0))
        after[record.layer] = record.end
        layers[record.layer].append(quoted)
    named = [penalty.party for penalty in scribe.penalties]
    named += [name for record in scribe.records for name in record.actors]
    groups = group_of(incident.organisations(), named)
    return Gold(
        id=name,
        kind=kind,
        accident=incident.truth(text) if has_accident else None,
        document_numbers=tuple(dict.fromkeys(scribe.numbers)),
        organizations=tuple(groups),
        penalties=tuple(scribe.penalties),
        measures=tuple(layers["measures"]),
        problems=tuple(layers["problems"]),
        suggestions=tuple(layers["suggestions"]),
        notes="合成文书，人名、地名、单位名均为虚构",
    )


def _quote(text: str, record: Record, after: int) -> GoldRange:
    """Return the record with the shortest quotes that lead back to its range."""
    start, end = record.start, record.end
    length = end - start
    for size in (SHORT_QUOTE, LONG_QUOTE, length):
        size = min(size, length)
        quoted = _shape(record, text[start : start + size], text[end - size : end])
        if locate(text, quoted, after) == (start, end):
            return quoted
    raise ValueError(f"“{text[start:end]}”不能唯一引用")


def _shape(record: Record, begin: str, end: str) -> GoldRange:
    if record.layer == "measures":
        return GoldMeasure(
            begin=begin,
            end=end,
            actors=record.actors,
            modality=record.modality,
            deadline=record.deadline,
        )
    if record.layer == "suggestions":
        return GoldSuggestion(begin=begin, end=end, addressees=record.actors)
    return GoldRange(begin=begin, end=end)


def examples(
    text: str, sentences: Sequence[Sentence], spans: Sequence[Span], split: str
) -> Iterator[dict[str, Any]]:
    """Yield one training example for each sentence, with the spans that lie wholly inside it."""
    at = 0
    ordered = sorted(spans, key=lambda span: span.start)
    for sentence in sorted(sentences, key=lambda sentence: sentence.start):
        while at < len(ordered) and ordered[at].start < sentence.start:
            at += 1
        stop = at
        while stop < len(ordered) and ordered[stop].start < sentence.end:
            stop += 1
        yield {
            "text": text[sentence.start : sentence.end],
            "spans": [
                [s.start - sentence.start, s.end - sentence.start, s.label]
                for s in ordered[at:stop]
                if s.end <= sentence.end
            ],
            "role": sentence.role,
            "family": sentence.family,
            "split": split,
        }
