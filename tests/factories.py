"""Documents and extractions built by hand, so that a test says only what it is about."""

from __future__ import annotations

from typing import Any

from extractor.checklist.assemble import build_checklist
from extractor.checklist.model import AccountabilityRow
from extractor.document import Document, DocumentBuilder
from extractor.extraction import (
    Accident,
    DocumentKind,
    DocumentNumber,
    DocumentRecord,
    Extraction,
    Measure,
    Mention,
    Party,
    Penalty,
    Problem,
    SectionRecord,
    Suggestion,
)

Source = tuple[Document, Extraction]
Stated = tuple[str, Party, str, dict[str, Any]]
"""A penalty in short: the quote that states it, the party, the kind, further fields."""


def document(text: str, filename: str = "文件.txt") -> Document:
    """A plain text document; each line is a block, a form feed begins a new page."""
    builder = DocumentBuilder(text.encode(), filename, "text/plain")
    page = 1
    for line in text.split("\n"):
        page += line.count("\f")
        builder.add_block(line.replace("\f", ""), page=page if "\f" in text else None)
    return builder.build()


def place(doc: Document, quote: str, nth: int = 1) -> tuple[int, int]:
    """The range of the nth occurrence of a quote, which must be there."""
    start = -1
    for _ in range(nth):
        start = doc.text.index(quote, start + 1)
    return start, start + len(quote)


def party(name: str, kind: str = "person", **fields: Any) -> Party:
    """A party whose id is its name unless one is given."""
    return Party.model_validate({"id": f"p-{name}", "kind": kind, "name": name, **fields})


def number(normal: str, kind: str = "penalty", **fields: Any) -> DocumentNumber:
    """A document number whose id is its normal form."""
    values = {"id": normal, "normal": normal, "kind": kind, "raw": normal, "start": 0, "end": 1}
    return DocumentNumber.model_validate({**values, **fields})


def penalty(doc: Document, quote: str, who: Party, kind: str, **fields: Any) -> Penalty:
    """A penalty stated by a quote of the document; proposed unless the fields say otherwise."""
    start, end = place(doc, quote, fields.pop("nth", 1))
    values = {"id": f"k{start}-{kind}-{who.id}", "party": who.id, "kind": kind, "stage": "proposed"}
    located = {"start": start, "end": end, "confidence": 0.9, "rule": "test"}
    return Penalty.model_validate({**values, **located, **fields})


def measure(doc: Document, quote: str, *actors: str, **fields: Any) -> Measure:
    """A measure stated by a quote; required and generic unless the fields say otherwise."""
    start, end = place(doc, quote)
    values = {"id": f"m{start}", "actors": list(actors), "start": start, "end": end}
    kind = {"modality": "required", "specificity": "generic", "confidence": 0.9, "rule": "test"}
    return Measure.model_validate({**values, **kind, **fields})


def problem(doc: Document, quote: str, *units: str) -> Problem:
    """A problem stated by a quote."""
    start, end = place(doc, quote)
    return Problem(
        id=f"q{start}", units=list(units), start=start, end=end, confidence=0.9, rule="test"
    )


def suggestion(doc: Document, quote: str, *addressees: str) -> Suggestion:
    """A suggestion stated by a quote."""
    start, end = place(doc, quote)
    return Suggestion(
        id=f"s{start}", addressees=list(addressees), start=start, end=end, confidence=0.9, rule="t"
    )


def section(doc: Document, title: str, until: str, slot: str | None = None) -> SectionRecord:
    """A section from its title to the end of a quote."""
    start = doc.text.index(title)
    end = doc.text.index(until, start) + len(until)
    return SectionRecord(level=1, marker=None, title=title, start=start, end=end, slot=slot)


def accident(**fields: Any) -> Accident:
    """An accident stated at the beginning of the document."""
    return Accident.model_validate({"start": 0, "end": 1, **fields})


def extraction(doc: Document, kind: DocumentKind = "INV", **fields: Any) -> Extraction:
    """An extraction of the document; the mentions of parties are filled in."""
    record = {
        name: fields.pop(name, None) for name in ("title", "number", "issuer", "date", "filename")
    }
    parties = [_mentioned(doc, each) for each in fields.pop("parties", ())]
    return Extraction(
        document=DocumentRecord(
            id=doc.id,
            filename=record.pop("filename") or doc.filename,
            media_type=doc.media_type,
            kind=kind,
            pages=len(doc.pages) or None,
            characters=len(doc.text),
            status=doc.status,
            **record,
        ),
        accident=fields.pop("accident", None),
        parties=parties,
        **fields,
    )


def _mentioned(doc: Document, each: Party) -> Party:
    mentions = []
    for name in (each.name, *each.aliases):
        start = doc.text.find(name)
        while start >= 0:
            mentions.append(Mention(start=start, end=start + len(name)))
            start = doc.text.find(name, start + len(name))
    return each.model_copy(update={"mentions": mentions})


def report(text: str, *rows: Stated, **fields: Any) -> Source:
    """An investigation report with these penalties, all proposed."""
    return _source("INV", "proposed", text, rows, fields)


def evaluation(text: str, *rows: Stated, **fields: Any) -> Source:
    """An evaluation report with these penalties, decided unless the fields say otherwise."""
    return _source("EVAL", "decided", text, rows, fields)


def _source(
    kind: DocumentKind, stage: str, text: str, rows: tuple[Stated, ...], fields: dict[str, Any]
) -> Source:
    doc = document(text, f"{kind}.txt")
    penalties = [
        penalty(doc, quote, who, code, **{"stage": stage, **more})
        for quote, who, code, more in rows
    ]
    parties = list({who.id: who for _, who, _, _ in rows}.values())
    return doc, extraction(doc, kind, penalties=penalties, **{"parties": parties, **fields})


def only_row(*sources: Source) -> AccountabilityRow:
    """The one row of table A that these documents make."""
    (row,) = build_checklist(sources).accountability
    return row


def codes(hints: list[str]) -> str:
    """The codes of hints, in order: "ac"."""
    return "".join(hint[1] for hint in hints)


FIRM = party("宏远建设有限公司", "organization", aliases=["宏远公司"])
WANG = party("王大有", title="副局长", employer="青石县住房和城乡建设局")
LIU = party("刘小满", title="项目经理", employer="宏远建设有限公司")
