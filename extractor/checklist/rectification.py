"""Table B: one row for each measure, with what the outcome documents report that may answer it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extractor.checklist.identity import same_unit
from extractor.checklist.likeness import Likeness
from extractor.checklist.materials import Material
from extractor.checklist.model import MeasureRow, ReportedMeasure
from extractor.extraction import Measure
from extractor.rules import load_toml
from extractor.view import squeeze

_KEPT = 3
_LEAST = 0.1
_UNKNOWN_ACTOR = 0.8


@dataclass(frozen=True, slots=True)
class MeasureFact:
    """One measure with the document that states it and its exact text."""

    material: Material
    measure: Measure
    text: str


def measure_rows(materials: Sequence[Material]) -> tuple[MeasureRow, ...]:
    """Return the rows: measures of the basis documents in order, else those of the outcome.

    The same text in two basis documents is one row with two sources. What is reported is put
    beside a row by likeness, only as a suggestion; the status stays unverified.
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
    likeness = Likeness([group[0].text for group in groups], [fact.text for fact in reported])
    return tuple(
        _row(at, group, _find_reported(group[0], reported, likeness))
        for at, group in enumerate(groups, 1)
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
    fact: MeasureFact, reported: Sequence[MeasureFact], likeness: Likeness
) -> tuple[ReportedMeasure, ...]:
    """Return at most three reported measures, the likest first: same unit, or a unit unknown."""
    found: list[tuple[float, int]] = []
    for at, score in likeness.scores(fact.text).items():
        met = meets_actor(fact.measure.actors, reported[at].measure.actors)
        weighed = score * (1 if met else _UNKNOWN_ACTOR)
        if met is not False and weighed >= _LEAST:
            found.append((-round(weighed, 3), at))
    return tuple(_reported(reported[at], -score) for score, at in sorted(found)[:_KEPT])


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
