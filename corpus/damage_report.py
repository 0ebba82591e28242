"""What the reader loses on damaged texts, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpus.damage import DRAWN, DamageKind, damage
from corpus.evaluate import Outcome, Reading, score_reading, total
from corpus.gold import Gold, GoldFile
from corpus.scoring import LAYERS, Score, ScoreLayer
from extractor import extract, parse

AIMED: tuple[DamageKind, ...] = ("a", "b", "c", "d", "e")
MOST_POINTS_LOST = 3.0
"""The aim of the project: no layer loses more than this by any one of the `AIMED` damages.

The others take away what some texts are understood by (headings on lines of their own, the brackets
of numbers): their losses are measured, and have no aim.
"""
DRAWS = 5
"""How often a damage that is drawn is drawn: one record more or less must not decide."""


@dataclass(frozen=True, slots=True)
class DamageScore:
    """The score on texts with one damage, beside that on the same texts without it."""

    kind: DamageKind
    score: Score
    whole: Score

    def points_lost(self, layer: ScoreLayer) -> float:
        """Return how many points of F1 the damage costs."""
        return 100 * (self.whole.tallies[layer].f1 - self.score.tallies[layer].f1)

    def layers_over(self) -> list[ScoreLayer]:
        """Return the layers that lose more than the aim allows."""
        return [layer for layer in LAYERS if self.points_lost(layer) > MOST_POINTS_LOST + 1e-9]


def measure_damage(
    files: Sequence[GoldFile], readings: Sequence[Reading], kinds: Sequence[DamageKind]
) -> list[DamageScore]:
    """Damage the texts of documents in each way, read them again and score them.

    All texts are read as text files, damaged or not, so that the damage alone makes a difference.
    """
    texts = [reading.document.text for reading in readings]
    golds = [file.gold for file in files]
    whole = _score(texts, golds)
    scores = []
    for kind in kinds:
        damaged = [
            damage(text, gold, [kind], draw)
            for draw in range(DRAWS if kind in DRAWN else 1)
            for text, gold in zip(texts, golds, strict=True)
        ]
        score = _score([each.text for each in damaged], [each.gold for each in damaged])
        scores.append(DamageScore(kind, score, whole))
    return scores


def _score(texts: Sequence[str], golds: Sequence[Gold]) -> Score:
    return total(_evaluate_text(text, gold) for text, gold in zip(texts, golds, strict=True))


def _evaluate_text(text: str, gold: Gold) -> Outcome:
    document = parse(text.encode(), f"{gold.id}.txt")
    if document.text != text:
        raise ValueError(f"{gold.id}：读出的文字与损坏后的文字不同")
    return score_reading(gold, Reading(document, extract(document)))
