"""Invented documents in the styles of many places and years: their truth holds, they score."""

from __future__ import annotations

import pytest

from corpus.build_samples import SAMPLES
from corpus.evaluate import Outcome, check_folder, evaluate, total
from corpus.scoring import ScoreLayer

STYLES = SAMPLES.parent / "styles"
LEAST: dict[ScoreLayer, float] = {
    "document_numbers": 0.97,
    "penalties.strict": 0.95,
    "penalties.stage": 0.97,
    "penalties.organ": 0.90,
    "measures": 0.95,
    "measures.actors": 0.90,
    "problems": 0.90,
    "suggestions": 0.95,
    "accident": 0.99,
}


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """The scores of all documents, read once."""
    return evaluate(STYLES)


def test_the_truth_stands_in_the_texts() -> None:
    """Every quote of the truth is a part of its text, and there is a truth for every text."""
    assert check_folder(STYLES) == []
    assert len(list(STYLES.glob("*.txt"))) == len(list(STYLES.glob("*.json"))) == 29


def test_every_document_is_of_the_kind_it_says(outcomes: list[Outcome]) -> None:
    """No document is taken for another kind, and every range lies in its text."""
    assert [o.id for o in outcomes if not o.is_kind_right] == []
    assert sum(o.bad_ranges for o in outcomes) == 0


@pytest.mark.parametrize(("layer", "least"), LEAST.items())
def test_each_layer_reads_at_least(
    outcomes: list[Outcome], layer: ScoreLayer, least: float
) -> None:
    """What has been reached in these styles is kept."""
    assert total(outcomes).tallies[layer].f1 >= least
