"""Constructed cases: small documents with what a careful reader takes from them.

A case states only what its text determines; `differences` says what a reading got otherwise.
Names, organs and titles may be printed longer or shorter; kinds, stages, sums and articles are
compared as they are.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extractor import Document, Extraction, extract, parse
from extractor.extraction import Measure, Party, Penalty
from extractor.view import squeeze

FOLDER = Path(__file__).resolve().parent / "constructions"
_LEAST_OVERLAP = 0.5
_ALIKE = ("organ", "recipient", "term")
_EQUAL = ("amount_yuan", "income_percent")
_KINDS = {"org": "organization"}


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its id, what it proves, its group, its text and its expectations."""

    id: str
    proves: str
    group: str
    text: str
    expected: dict[str, Any]


def load_cases(path: Path) -> list[Case]:
    """Return the cases of one file."""
    return [
        Case(row.pop("id"), row.pop("proves"), row.pop("group"), row.pop("text").strip("\n"), row)
        for row in tomllib.loads(path.read_text("utf-8"))["case"]
    ]


def read(case: Case) -> tuple[Document, Extraction]:
    """Read the text of a case as a file."""
    document = parse(case.text.encode(), f"{case.id}.txt")
    return document, extract(document)


def differences(case: Case) -> list[str]:
    """Return what the reading of a case has otherwise than the case says; empty when all is so."""
    document, extraction = read(case)
    return [line for check in _CHECKS for line in check(case.expected, document, extraction)]


def _norm(name: str | None) -> str:
    return squeeze(name or "").replace("(", "（").replace(")", "）").strip('“”"')


def _alike(want: str, got: str | None) -> bool:
    first, second = _norm(want), _norm(got)
    return bool(second) and (first in second or second in first)


# --- penalties ------------------------------------------------------------------------------------


def _names(party: Party) -> set[str]:
    return {_norm(name) for name in (party.name, *party.aliases)}


def _is_party(row: dict[str, Any], party: Party) -> bool:
    if row.get("party_kind") == "group":
        same = _norm(row["party"]) in _names(party)
        return party.kind == "group" and (same or row.get("count", -1) == party.count)
    return party.kind != "group" and _norm(row["party"]) in _names(party)


def _penalties(
    expected: dict[str, Any], _document: Document, extraction: Extraction
) -> Iterator[str]:
    parties = {party.id: party for party in extraction.parties}
    for name in expected.get("persons_absent", ()):
        if any(_norm(name) in _names(party) for party in parties.values()):
            yield f"{name} is a party"
    if "penalties" not in expected:
        return
    left = list(extraction.penalties)
    for row in expected["penalties"]:
        kinds = {row["kind"], *row.get("alt", ())}
        fits = [p for p in left if p.kind in kinds and _is_party(row, parties[p.party])]
        fits.sort(key=lambda p: -sum(row.get(f) == getattr(p, f) for f in _EQUAL))
        if fits:
            left.remove(fits[0])
            yield from _fields(row, fits[0], parties[fits[0].party])
        elif not row.get("optional"):
            yield f"missed {row['party']} {row['kind']}"
    for penalty in left:
        yield f"wrong {parties[penalty.party].name} {penalty.kind}"


def _fields(row: dict[str, Any], penalty: Penalty, party: Party) -> Iterator[str]:
    who = f"{row['party']} {row['kind']}"
    if penalty.stage not in {row["stage"], *row.get("alt_stage", ())}:
        yield f"{who}: stage {penalty.stage}, not {row['stage']}"
    for field in _EQUAL:
        if row.get(field) is not None and getattr(penalty, field) != row[field]:
            yield f"{who}: {field} {getattr(penalty, field)}, not {row[field]}"
    for field in _ALIKE:
        if row.get(field) and not _alike(row[field], getattr(penalty, field)):
            yield f"{who}: {field} {getattr(penalty, field)}, not {row[field]}"
    if "basis" in row and set(row["basis"]) != set(penalty.basis):
        yield f"{who}: basis {penalty.basis}, not {row['basis']}"
    for field in ("title", "employer"):
        if row.get(field) and not _alike(row[field], getattr(party, field)):
            yield f"{who}: {field} {getattr(party, field)}, not {row[field]}"
    kind = row.get("party_kind")
    if kind and party.kind != _KINDS.get(kind, kind):
        yield f"{who}: party is a {party.kind}"


# --- measures, problems, suggestions --------------------------------------------------------------


def _range(text: str, row: dict[str, Any], after: int) -> tuple[int, int]:
    start = text.index(row["begin"], after)
    end = text.index(row["end"], start) + len(row["end"])
    return start, max(end, start + len(row["begin"]))


def _overlap(first: tuple[int, int], second: tuple[int, int]) -> float:
    shared = min(first[1], second[1]) - max(first[0], second[0])
    return shared / (max(first[1], second[1]) - min(first[0], second[0])) if shared > 0 else 0.0


def _spans(expected: dict[str, Any], document: Document, extraction: Extraction) -> Iterator[str]:
    for layer in ("measures", "problems", "suggestions"):
        if layer not in expected:
            continue
        left = list(getattr(extraction, layer))
        after = 0
        for row in expected[layer]:
            place = _range(document.text, row, after)
            after = place[1]
            best = max(left, key=lambda r: _overlap(place, (r.start, r.end)), default=None)
            if best is None or _overlap(place, (best.start, best.end)) < _LEAST_OVERLAP:
                yield f"missed {layer} «{row['begin']}»"
                continue
            left.remove(best)
            if layer == "measures":
                yield from _measure(row, best)
            elif "addressees" in row and layer == "suggestions":
                yield from _list(f"«{row['begin']}» addressees", row["addressees"], best.addressees)
        for record in left:
            yield f"wrong {layer} «{document.text[record.start : record.end][:24]}»"


def _list(what: str, want: list[str], got: list[str]) -> Iterator[str]:
    if {_norm(name) for name in want} != {_norm(name) for name in got}:
        yield f"{what} {got}, not {want}"


def _measure(row: dict[str, Any], measure: Measure) -> Iterator[str]:
    what = f"«{row['begin']}»"
    for field in ("actors", "lead", "support"):
        if field in row:
            yield from _list(f"{what} {field}", row[field], getattr(measure, field))
    if "modality" in row and measure.modality != row["modality"]:
        yield f"{what} modality {measure.modality}, not {row['modality']}"
    deadline = measure.deadline
    if "deadline" in row and (deadline is None or deadline.date != row["deadline"]):
        yield f"{what} deadline {deadline}, not {row['deadline']}"
    if "recurring" in row and (deadline is None or deadline.recurring != row["recurring"]):
        yield f"{what} recurring {deadline}, not {row['recurring']}"


# --- document -------------------------------------------------------------------------------------


def _document(
    expected: dict[str, Any], _document: Document, extraction: Extraction
) -> Iterator[str]:
    record = extraction.document
    kind = expected.get("doc_kind", expected.get("kind"))
    if kind is not None and record.kind != kind:
        yield f"kind {record.kind}, not {kind}"
    if "title" in expected and _norm(record.title) != _norm(expected["title"]):
        yield f"title {record.title}, not {expected['title']}"
    if "number" in expected and record.number != expected["number"]:
        yield f"number {record.number}, not {expected['number']}"
    if "document_numbers" in expected:
        want = set(expected["document_numbers"])
        got = {number.normal for number in extraction.document_numbers}
        yield from (f"missed number {number}" for number in sorted(want - got))
        yield from (f"wrong number {number}" for number in sorted(got - want))


def _heads(expected: dict[str, Any], _document: Document, extraction: Extraction) -> Iterator[str]:
    for head in ("accident", "evaluation"):
        found = getattr(extraction, head)
        if expected.get(head) is False and found is not None:
            yield f"{head} {found}, where there is none"
        for field, value in (expected.get(head) or {}).items():
            got = getattr(found, field, None)
            if isinstance(value, list):
                yield from _list(f"{head}.{field}", value, got or [])
            elif field == "lead":
                if not _alike(value, got):
                    yield f"{head}.{field} {got}, not {value}"
            elif got != value and not (value == 0 and got is None):
                yield f"{head}.{field} {got}, not {value}"
    slots = expected.get("slots", {})
    found_slots = {_norm(f"{s.marker or ''}{s.title}"): s.slot for s in extraction.sections}
    for heading, slot in slots.items():
        got = next((s for title, s in found_slots.items() if title == _norm(heading)), None)
        if got != slot:
            yield f"slot of {heading}: {got}, not {slot}"


_CHECKS = (_document, _penalties, _spans, _heads)
