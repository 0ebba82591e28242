"""Measure the reader against a folder of gold files.

Each document is read now, or its stored result `<id>.json` (result format version 1) is taken. A
document without a stored result counts as one in which everything was missed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.gold import Gold, GoldFile, check_gold, load_gold
from corpus.scoring import LAYERS, Score, ScoreLayer, score_document
from extractor import extract, parse
from extractor.document import Document
from extractor.extraction import Extraction
from models import Tagger


@dataclass(frozen=True, slots=True)
class Reading:
    """One document and what was read from it; no result when a stored one is missing."""

    document: Document
    result: Extraction | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The score of one document, whether its kind is right, and how many ranges lie outside it."""

    id: str
    kind: str
    score: Score
    is_kind_right: bool
    is_missing: bool
    bad_ranges: int


def select_gold(folder: Path, kinds: Collection[str] = ()) -> list[GoldFile]:
    """Return the gold files of a folder; only those of these kinds of document where any is named.

    Raises:
        pydantic.ValidationError: a file is not in the gold format.
    """
    return [file for file in load_gold(folder) if not kinds or file.gold.kind in kinds]


def read_document(path: Path, result: Path | None = None, tagger: Tagger | None = None) -> Reading:
    """Read a document, or take its stored result where `result` names one.

    Raises:
        extractor.errors.ParseError: the document cannot be read.
        pydantic.ValidationError: the stored result is not in the result format.
    """
    document = parse(path.read_bytes(), path.name)
    if result is None:
        return Reading(document, extract(document, tagger))
    if not result.exists():
        return Reading(document, None)
    return Reading(document, Extraction.model_validate_json(result.read_bytes()))


def read_all(
    files: Iterable[GoldFile], results: Path | None = None, tagger: Tagger | None = None
) -> list[Reading]:
    """Read the documents of gold files, or take their stored results from a folder."""
    return [
        read_document(file.document, results / f"{file.gold.id}.json" if results else None, tagger)
        for file in files
    ]


def score_reading(gold: Gold, reading: Reading) -> Outcome:
    """Score one document."""
    result = reading.result
    return Outcome(
        id=gold.id,
        kind=gold.kind,
        score=score_document(reading.document.text, gold, result),
        is_kind_right=result is not None and result.document.kind == gold.kind,
        is_missing=result is None,
        bad_ranges=_bad_ranges(reading),
    )


def _bad_ranges(reading: Reading) -> int:
    if reading.result is None:
        return 0
    result = reading.result
    records = [
        *result.document_numbers,
        *result.penalties,
        *result.measures,
        *result.problems,
        *result.suggestions,
    ]
    length = len(reading.document.text)
    return sum(not record.start < record.end <= length for record in records)


def evaluate(gold: Path, results: Path | None = None, kinds: Collection[str] = ()) -> list[Outcome]:
    """Score every document of a gold folder, against stored results or by reading it now."""
    files = select_gold(gold, kinds)
    readings = read_all(files, results)
    return [
        score_reading(file.gold, reading) for file, reading in zip(files, readings, strict=True)
    ]


def total(outcomes: Iterable[Outcome]) -> Score:
    """Add up the scores of many documents."""
    score = Score()
    for outcome in outcomes:
        score.add(outcome.score)
    return score


def by_kind(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """Return the outcomes of each kind of document."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.kind, []).append(outcome)
    return dict(sorted(groups.items()))


def kind_accuracy(outcomes: Sequence[Outcome]) -> float:
    """Return the share of documents whose kind is right."""
    return sum(outcome.is_kind_right for outcome in outcomes) / max(len(outcomes), 1)


def parse_minimum(words: str) -> tuple[ScoreLayer, float]:
    """Return layer and F1 of a minimum such as penalties.strict=0.9.

    Raises:
        ValueError: there is no such layer, or the value is no number; the message is for people.
    """
    name, _, value = words.partition("=")
    layer = next((layer for layer in LAYERS if layer == name), None)
    if layer is None:
        raise ValueError(f"没有“{name}”这一层。可用：{'、'.join(LAYERS)}")
    try:
        return layer, float(value)
    except ValueError as error:
        raise ValueError(f"“{words}”要写成 层=F1，例如 penalties.strict=0.9") from error


def missed_minima(score: Score, minima: Iterable[tuple[ScoreLayer, float]]) -> list[str]:
    """Return the layers whose F1 is lower than wanted, in words."""
    return [
        f"{layer}={least:g}，实际 {score.tallies[layer].f1:.3f}"
        for layer, least in minima
        if score.tallies[layer].f1 < least
    ]


def check_folder(folder: Path) -> list[str]:
    """Return what is wrong with the gold files of a folder, one line a fault."""
    faults = []
    for file in load_gold(folder):
        text = parse(file.document.read_bytes(), file.document.name).text
        faults += [f"{file.gold.id}：{fault}" for fault in check_gold(file.gold, text)]
    return faults
