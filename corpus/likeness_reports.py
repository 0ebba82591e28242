"""Constructed cases as the checklist meets them: long measures, and what is reported of them.

Made of the rows of `pairs/reports.tsv` and of the units of `pairs/units.tsv`, all invented. Each
row is one measure of several clauses, with what is reported when all of it was done, when a part
was, when nothing was, and when it is only planned. A case is one accident, so that all its measures
are about one subject. One unit reports a measure as done and plans more; another reports a part and
was found wanting in the rest. Of a fourth of the measures the second unit reports nothing, of a
fourth it reports without having been asked, and of a fourth a class of units is asked. In every
second case a unit tells of two measures in one long sentence. Some units are named in the text,
some are known from the chapter alone, some were not recognised.
Topics and units of the half "fit" are none of the half "test".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from corpus.likeness_pairs import Half, Unit, pair_rows, units

Relation = Literal["done", "partial", "undone", "planned"]
"""What a reported sentence says of the measure that it is about."""

_BEARERS = ("company", "office")
_CLASSES = {"company": "有关企业", "office": "各级各有关部门"}
_FIRST: tuple[Relation, Relation] = ("done", "planned")
_SECOND: tuple[Relation, Relation] = ("partial", "undone")
_MARKS = ("（一）", "一是", "1.", "")
_TURNS = 2
_PARTS = 4
_SILENT, _UNASKED, _CLASS = 1, 2, 3
_UNNAMED = (1, 3)
_UNKNOWN = 4


@dataclass(frozen=True, slots=True)
class Claim:
    """A measure or a reported sentence with the units that the reader knows for it."""

    text: str
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A measure with the places of the sentences about it and what each says."""

    claim: Claim
    answers: dict[int, Relation]

    @property
    def reported(self) -> frozenset[int]:
        """The places of what says that the measure was carried out, wholly or in part."""
        return frozenset(at for at, says in self.answers.items() if says in ("done", "partial"))


@dataclass(frozen=True, slots=True)
class ReportCase:
    """The measures of one accident and all that is reported."""

    asked: tuple[Asked, ...]
    sentences: tuple[Claim, ...]


def report_cases(half: Half) -> list[ReportCase]:
    """Return the cases of one half, two for each topic: units and their parts differ."""
    rows = [row for row in pair_rows("reports.tsv") if row["half"] == half]
    topics = [list(group) for _, group in groupby(rows, key=lambda row: row["topic"])]
    return [_case(topic, half, turn) for topic in topics for turn in range(_TURNS)]


def _case(rows: Sequence[dict[str, str]], half: Half, turn: int) -> ReportCase:
    asked: list[Asked] = []
    sentences: list[Claim] = []
    for at, row in enumerate(rows):
        first, second = _pair(row["bearer"], half, turn)
        part = (at + 2 * turn) % _PARTS
        about = [
            _report(row, first, _FIRST, sentences),
            {} if part == _SILENT else _report(row, second, _SECOND, sentences),
        ]
        asked.append(Asked(_measure(row["required"], first, len(asked)), about[0]))
        if part == _CLASS:
            text = row["required"].replace("{U}", _CLASSES[row["bearer"]])
            asked.append(Asked(Claim(text, ()), about[0] | about[1]))
        elif part != _UNASKED:
            asked.append(Asked(_measure(row["required"], second, len(asked)), about[1]))
    case = ReportCase(tuple(asked), tuple(sentences))
    return _joined(case) if turn else case


def _joined(case: ReportCase) -> ReportCase:
    """Let what a unit reports as done of two measures be one sentence, as long reports have it."""
    goes: dict[int, int] = {}
    waiting: dict[tuple[str, ...], int] = {}
    done = [at for one in case.asked for at, says in one.answers.items() if says == "done"]
    for at in dict.fromkeys(done):
        own = case.sentences[at].units
        if own in waiting:
            goes[at] = waiting.pop(own)
        elif own:
            waiting[own] = at
    left = [at for at in range(len(case.sentences)) if at not in goes]
    texts = {at: case.sentences[at].text for at in left}
    for at, home in goes.items():
        texts[home] += case.sentences[at].text
    place = {at: left.index(goes.get(at, at)) for at in range(len(case.sentences))}
    return ReportCase(
        tuple(
            Asked(one.claim, {place[at]: s for at, s in one.answers.items()}) for one in case.asked
        ),
        tuple(Claim(texts[at], case.sentences[at].units) for at in left),
    )


def _report(
    row: Mapping[str, str], unit: Unit, told: Sequence[Relation], sentences: list[Claim]
) -> dict[int, Relation]:
    """Add what a unit reports; return the places of its sentences."""
    answers: dict[int, Relation] = {}
    for says in told:
        answers[len(sentences)] = says
        sentences.append(_sentence(row[says], unit, len(sentences)))
    return answers


def _pair(bearer: str, half: Half, turn: int) -> list[Unit]:
    own = [u for u in units() if u.bearer == bearer][("fit", "test").index(half) :: 2]
    return own[2 * turn : 2 * turn + 2]


def _measure(required: str, unit: Unit, at: int) -> Claim:
    text = _MARKS[at % 4] + required.replace("{U}", unit.full)
    return Claim(text, () if at % 5 == _UNKNOWN else (unit.full,))


def _sentence(told: str, unit: Unit, at: int) -> Claim:
    place = at % 5
    if place in _UNNAMED:
        return Claim(_MARKS[at % 2] + told, (unit.full,))
    return Claim(unit.short + told, () if place == _UNKNOWN else (unit.full,))
