"""Table B: one row for each measure, with what the outcome documents report that may answer it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from extractor.checklist.identity import same_unit
from extractor.checklist.materials import Material
from extractor.checklist.model import MeasureRow, ReportedMeasure
from extractor.extraction import Measure
from extractor.rules import load_toml
from extractor.view import squeeze
from models import Ranker, WordRanker

MOST_REPORTED = 3
"""Reported measures that are put beside a row, at most."""

LEAST = 0.5
"""The least probability, from 0 to 1, with which a reported measure is put beside a row."""


@dataclass(frozen=True, slots=True)
class MeasureFact:
    """One measure with the document that states it and its exact text."""

    material: Material
    measure: Measure
    text: str


def measure_rows(
    materials: Sequence[Material], ranker: Ranker | None = None
) -> tuple[MeasureRow, ...]:
    """Return the rows: measures of the basis documents in order, else those of the outcome.

    The same text in two basis documents is one row with two sources. What is reported is put
    beside a row by likeness, only as a suggestion; the status stays unverified. `ranker` tells what
    is alike; without one words alone do.
    """
    facts = _facts(materials)
    required = [fact for fact in facts if fact.material.role == "basis"]
    reported = [fact for fact in facts if fact.material.role == "outcome"]
    if not required:
        return tuple(_row(at, [fact], ()) for at, fact in enumerate(reported, 1))
    texts: dict[str, list[MeasureFact]] = {}
    for fact in required:
        texts.setdefault(squeeze(fact.text), []).append(fact)
    groups = list(texts.values())
    found = _find_reported([group[0] for group in groups], reported, ranker or WordRanker())
    return tuple(
        _row(at, group, beside)
        for at, (group, beside) in enumerate(zip(groups, found, strict=True), 1)
    )


def is_class(actor: str) -> bool:
    """Tell whether an addressee is a class and no unit: 各级政府, 县直有关部门, 监理单位."""
    words: dict[str, list[str]] = load_toml("outcomes.toml")["units"]
    name = squeeze(actor)
    return (
        name.startswith(tuple(words["classes"]))
        or any(word in name for word in words["class_words"])
        or name.endswith(tuple(words["class_ends"]))
    )


def meets_actor(actors: Iterable[str], others: Iterable[str]) -> bool | None:
    """Tell whether two lists of units share one; None where a list is empty or names a class."""
    ours, theirs = (tuple(a for a in names if not is_class(a)) for names in (actors, others))
    if not ours or not theirs:
        return None
    return any(same_unit(one, other) for one in ours for other in theirs)


def _facts(materials: Sequence[Material]) -> list[MeasureFact]:
    return [
        MeasureFact(material, measure, material.quote(measure.start, measure.end).quote)
        for material in materials
        for measure in sorted(material.extraction.measures, key=lambda m: (m.start, m.id))
        if not (material.role == "outcome" and measure.modality == "suggested")
    ]


def _find_reported(
    required: Sequence[MeasureFact], reported: Sequence[MeasureFact], ranker: Ranker
) -> list[tuple[ReportedMeasure, ...]]:
    """Return at most three reported measures for each, the likest first, none of another unit."""
    meets = cache(meets_actor)

    def same_unit(at: int, other: int) -> bool | None:
        ours, theirs = required[at].measure.actors, reported[other].measure.actors
        return meets(tuple(ours), tuple(theirs))

    asked, given = ([squeeze(fact.text) for fact in facts] for facts in (required, reported))
    return [
        tuple(
            _reported(reported[one.at], round(one.score, 3))
            for one in row[:MOST_REPORTED]
            if one.score >= LEAST
        )
        for row in ranker.rank_reports(asked, given, same_unit)
    ]


def _reported(fact: MeasureFact, score: float) -> ReportedMeasure:
    measure = fact.measure
    return ReportedMeasure(
        **fact.material.quote(measure.start, measure.end).model_dump(),
        measure=measure.id,
        actors=measure.actors,
        specificity=measure.specificity,
        modality=measure.modality,
        score=score,
    )


def _row(
    at: int, facts: Sequence[MeasureFact], reported: tuple[ReportedMeasure, ...]
) -> MeasureRow:
    lead = facts[0].measure
    sources = [fact.material.quote(fact.measure.start, fact.measure.end) for fact in facts]
    return MeasureRow(
        id=f"b{at}",
        requirement=facts[0].text,
        label=lead.label,
        actors=lead.actors,
        lead=lead.lead,
        support=lead.support,
        modality=lead.modality,
        deadline=lead.deadline,
        themes=lead.themes,
        reported=list(reported),
        evidence=sources if facts[0].material.role == "outcome" else [],
        expected_evidence=expected_papers(facts[0].text, lead.themes),
        sources=sources,
        confidence=lead.confidence,
    )


def expected_papers(text: str, themes: Sequence[str]) -> list[str]:
    """Return the papers that would prove a measure, by the words of the measure and its themes."""
    words = squeeze(text) + "\n" + "\n".join(themes)
    found = [
        paper
        for row in load_toml("evidence.toml")["measure"]
        if any(word in words for word in row["words"])
        for paper in row["evidence"]
    ]
    return list(dict.fromkeys(found))
