"""Truth for one document: the facts that a careful reader writes down, and the check of its quotes.

A gold file is JSON beside its document. The document is `<id>.txt`, unless `file` names another
one (a path from the gold file's folder), which is then parsed. Every quote is an exact part of
the document's text. A range is given by its first and last characters (`begin`, `end`); the
search for `begin` starts after the record before, so that 一是 may open many records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from extractor.extraction import DocumentKind, Modality, Stage
from extractor.rules import penalty_families

Layer = Literal["measures", "problems", "suggestions"]
LONGEST_RANGE = 2500
"""More characters than this between `begin` and `end` is a mistake of the annotator."""


class GoldRecord(BaseModel):
    """Base of the truth types: immutable, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GoldAccident(GoldRecord):
    """The accident; a field is None where the document does not state it."""

    mark: str | None = None
    date: str | None = None
    grade: str | None = None
    type: str | None = None
    deaths: int | None = None
    injuries: int | None = None
    loss_yuan: int | None = None


class GoldPenalty(GoldRecord):
    """One party × one kind of sanction.

    `alt` and `alt_stage` hold other kinds and stages that are right too; an `optional` record is
    neither wanted nor wrong.
    """

    party: str
    party_kind: Literal["person", "org", "group"]
    title: str | None = None
    employer: str | None = None
    kind: str
    stage: Stage
    amount_yuan: int | None = None
    income_percent: float | None = None
    term: str | None = None
    count: int | None = None
    organ: str | None = None
    basis: tuple[str, ...] = ()
    quote: str
    alt: tuple[str, ...] = ()
    alt_stage: tuple[Stage, ...] = ()
    optional: bool = False

    @property
    def kinds(self) -> frozenset[str]:
        """All kinds that count as right."""
        return frozenset({self.kind, *self.alt})

    @property
    def stages(self) -> frozenset[str]:
        """All stages that count as right."""
        return frozenset({self.stage, *self.alt_stage})


class GoldRange(GoldRecord):
    """A problem, or the common part of a measure and a suggestion."""

    begin: str
    end: str


class GoldMeasure(GoldRange):
    """A measure with those who are to act or acted, as printed."""

    actors: tuple[str, ...] = ()
    modality: Modality
    deadline: str | None = None


class GoldSuggestion(GoldRange):
    """A suggestion with those it is addressed to."""

    addressees: tuple[str, ...] = ()


class Gold(GoldRecord):
    """The truth of one document; `skip` names layers whose truth is disputed there."""

    id: str
    kind: DocumentKind
    file: str | None = None
    accident: GoldAccident | None
    document_numbers: tuple[str, ...]
    organizations: tuple[tuple[str, ...], ...]
    penalties: tuple[GoldPenalty, ...]
    measures: tuple[GoldMeasure, ...]
    problems: tuple[GoldRange, ...]
    suggestions: tuple[GoldSuggestion, ...]
    skip: tuple[str, ...] = ()
    notes: str = ""

    def ranges(self, layer: Layer) -> Sequence[GoldRange]:
        """Return the records of one of the three layers that are ranges of the text."""
        by_layer: dict[Layer, Sequence[GoldRange]] = {
            "measures": self.measures,
            "problems": self.problems,
            "suggestions": self.suggestions,
        }
        return by_layer[layer]


@dataclass(frozen=True, slots=True)
class GoldFile:
    """A gold file with the path of the document that it describes."""

    gold: Gold
    document: Path


def load_gold(folder: Path) -> list[GoldFile]:
    """Return the gold files of a folder, by name.

    Raises:
        pydantic.ValidationError: a file is not in the gold format.
    """
    files = []
    for path in sorted(folder.glob("*.json")):
        gold = Gold.model_validate_json(path.read_bytes())
        files.append(GoldFile(gold, path.parent / (gold.file or f"{path.stem}.txt")))
    return files


def locate(text: str, record: GoldRange, after: int = 0) -> tuple[int, int] | None:
    """Return start and end of a record in `text`, or None where its quotes are not found.

    `begin` is sought from `after`, then from the start of the text; `end` after it, where the two
    quotes may share characters.
    """
    start = text.find(record.begin, after)
    if start < 0:
        start = text.find(record.begin)
    if start < 0:
        return None
    end = text.find(record.end, start + max(0, len(record.begin) - len(record.end)))
    return None if end < 0 else (start, end + len(record.end))


def check_gold(gold: Gold, text: str) -> list[str]:
    """Return what is wrong with a gold file: unknown codes, order, quotes not in the text."""
    problems = [
        f"organizations: {group[0]} 不在文中"
        for group in gold.organizations
        if not any(name in text for name in group)
    ]
    for number, penalty in enumerate(gold.penalties):
        problems += [f"penalties {number}: {what}" for what in _penalty_problems(penalty, text)]
    layers: tuple[Layer, ...] = ("measures", "problems", "suggestions")
    for layer in layers:
        problems += [f"{layer} {what}" for what in _range_problems(gold.ranges(layer), text)]
    return problems


def _penalty_problems(penalty: GoldPenalty, text: str) -> Iterator[str]:
    for kind in penalty.kinds - set(penalty_families()):
        yield f"种类 {kind} 不存在"
    for value in (penalty.quote, penalty.party, penalty.organ, penalty.title, penalty.employer):
        if value and value not in text:
            yield f"“{value}”不在文中"


def _range_problems(records: Sequence[GoldRange], text: str) -> Iterator[str]:
    after = 0
    for number, record in enumerate(records):
        found = locate(text, record, after)
        if found is None:
            yield f"{number}: “{record.begin}”…“{record.end}”不在文中"
            continue
        if found[0] < after:
            yield f"{number}: “{record.begin}”与前一条重叠或次序颠倒"
        if found[1] - found[0] > LONGEST_RANGE:
            yield f"{number}: “{record.begin}”过长（{found[1] - found[0]}字）"
        after = max(after, found[1])
        yield from (f"{number}: “{name}”不在文中" for name in _names(record) if name not in text)


def _names(record: GoldRange) -> tuple[str, ...]:
    if isinstance(record, GoldMeasure):
        return record.actors
    return record.addressees if isinstance(record, GoldSuggestion) else ()
