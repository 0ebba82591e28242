"""The facts of an extraction as a reader looks for them: kind, name, details, places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from api.exports.sheets import shorten
from extractor.checklist.wording import STAGE_LABELS, format_yuan
from extractor.document import Document, Span
from extractor.explaining import Explanation, explain
from extractor.extraction import Extraction, Party, Penalty
from extractor.rules import penalty_labels

KINDS: Final = {
    "penalty": "责任追究",
    "measure": "整改措施",
    "problem": "问题",
    "suggestion": "工作建议",
    "number": "文号",
    "head": "基本情况",
    "party": "当事方",
}
"""Kinds of fact and their names, in the order of the legend."""

_KIND_OF: Final = {
    "责任追究": "penalty",
    "整改措施": "measure",
    "问题": "problem",
    "工作建议": "suggestion",
    "文号": "number",
}
_TITLE: Final = 34
_DETAIL: Final = 120


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact: its running number from 1, its kind, what it says, and its ranges in the text.

    `fields` are the ranges of the values inside it; `length` is that of its first range.
    """

    number: int
    id: str
    kind: str
    title: str
    details: tuple[str, ...]
    places: tuple[Span, ...]
    fields: tuple[Span, ...] = ()
    page: int | None = None

    @property
    def length(self) -> int:
        """Characters of the first place; 0 without one."""
        return len(self.places[0]) if self.places else 0

    @property
    def label(self) -> str:
        """Kind and title on one line."""
        return f"{KINDS[self.kind]}：{self.title}"


def find_facts(document: Document, extraction: Extraction) -> list[Fact]:
    """Return all facts: by kind in the order of `KINDS`, within a kind as in the text.

    `extraction` was read from `document`. A fact without a range of its own has those of its
    fields.
    """
    found = [*_explained(document, extraction), *_parties(document, extraction)]
    order = list(KINDS)
    found.sort(key=lambda each: (order.index(each.kind), each.places[0].start))
    return [
        Fact(at, f.id, f.kind, f.title, f.details, f.places, f.fields, f.page)
        for at, f in enumerate(found, start=1)
    ]


def _explained(document: Document, extraction: Extraction) -> Iterator[Fact]:
    titles = _titles(extraction)
    for each in explain(document, extraction):
        fields = tuple(reason.span for reason in each.fields if reason.span is not None)
        places = (each.span,) if each.span is not None else _apart(fields)
        if not places:
            continue
        kind = _KIND_OF.get(each.title, "head")
        title = titles.get(each.id) or _flat(each.words or each.title, _TITLE)
        page = document.page_of(places[0].start)
        yield Fact(0, each.id, kind, title, tuple(_details(each)), places, fields, page)


def _apart(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return the spans in order, without those inside others."""
    kept: list[Span] = []
    for span in sorted(set(spans), key=lambda span: (span.start, -span.end)):
        if not kept or span.end > kept[-1].end:
            kept.append(span)
    return tuple(kept)


def _titles(extraction: Extraction) -> dict[str, str]:
    parties = {party.id: party.name for party in extraction.parties}
    titles = {
        penalty.id: _treatment(penalty, parties.get(penalty.party, ""))
        for penalty in extraction.penalties
    }
    titles |= {number.id: number.normal for number in extraction.document_numbers}
    titles["accident"] = "事故基本情况"
    titles["evaluation"] = "评估工作情况"
    return titles


def _treatment(penalty: Penalty, party: str) -> str:
    words = penalty_labels()[penalty.kind]
    if penalty.amount_yuan is not None:
        words += format_yuan(penalty.amount_yuan)
    return f"{party}　{words}（{STAGE_LABELS[penalty.stage]}）"


def _details(each: Explanation) -> Iterator[str]:
    for reason in each.fields:
        value = f"{reason.label}：{_flat(reason.value, _DETAIL)}"
        yield f"{value}（{reason.note}）" if reason.note else value
    for flag in each.flags:
        yield f"注意：{flag}"
    if each.meaning:
        yield f"依据：{each.meaning}"
    if each.sureness is not None:
        yield f"可信度 {each.sureness.value:g}"


def _parties(document: Document, extraction: Extraction) -> Iterator[Fact]:
    for party in extraction.parties:
        places = _apart([Span(mention.start, mention.end) for mention in party.mentions])
        if places:
            page = document.page_of(places[0].start)
            yield Fact(0, party.id, "party", party.name, tuple(_of_party(party)), places, (), page)


def _of_party(party: Party) -> Iterator[str]:
    if party.employer or party.title:
        yield f"单位职务：{party.employer or ''}{party.title or ''}"
    if party.aliases:
        yield f"又称：{'、'.join(party.aliases)}"
    yield f"文中 {len(party.mentions)} 处"


def _flat(text: str, size: int) -> str:
    return shorten("".join(text.split("\n")), size)
