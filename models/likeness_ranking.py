"""How well a sentence of an evaluation report answers a measure of an accident report.

`likeness(measure, sentences)` returns the sentences, the likest first. Two rankers do it: words
alone (`WordRanker`, nothing to install) and sentence vectors (`VectorRanker`, with the
extra `likeness`); `load_ranker()` takes the better one that can run. What is found is a proposal:
nothing is matched by likeness alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from math import exp
from typing import Any, Literal, Protocol

from models.likeness_vectors import Role, SentenceVectors
from models.likeness_words import WordIndex, acting_unit, is_denial, unit_share

RankerName = Literal["auto", "words", "vectors"]
"""Which ranker to load; "auto" is vectors where their packages are installed, else words."""

Feature = Literal["vector", "words", "denial", "unit"]
"""What a ranker may weigh: likeness of meaning, shared words, a denial, the acting unit."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A sentence by its place among those given: how probably it reports the measure as done.

    The score is between 0 and 1. `denies` tells that the sentence says something was not done: it
    stands lower for that, and may be just what a reviewer looks for.
    """

    at: int
    score: float
    denies: bool


class Ranker(Protocol):
    """Ranks the sentences that may answer a measure; equal input gives equal output."""

    @property
    def name(self) -> str:
        """What it goes by: "words" or "vectors"."""
        ...

    def rank(self, measures: Sequence[str], sentences: Sequence[str]) -> list[list[Ranked]]:
        """Return for each measure all sentences, the likest first, ties in order of the text."""
        ...


class WordRanker:
    """Ranks by shared words, the acting unit and denials; needs no package."""

    name = "words"

    def rank(self, measures: Sequence[str], sentences: Sequence[str]) -> list[list[Ranked]]:
        """Return for each measure all sentences, the likest first."""
        return _rank(measures, sentences, fitted("words"), None)


class VectorRanker:
    """Ranks by sentence vectors, the acting unit and denials; the network loads at first use."""

    name = "vectors"

    def __init__(self) -> None:
        """Load nothing yet."""
        self._network: SentenceVectors | None = None

    def rank(self, measures: Sequence[str], sentences: Sequence[str]) -> list[list[Ranked]]:
        """Return for each measure all sentences, the likest first.

        Raises:
            TaggerError: a package is missing, or the weights are not those that were measured.
        """
        if not measures or not sentences:
            return [[] for _ in measures]
        return _rank(measures, sentences, fitted("vectors"), self.cosines(measures, sentences))

    def cosines(
        self, measures: Sequence[str], sentences: Sequence[str]
    ) -> Sequence[Sequence[float]]:
        """Return the cosine of each measure with each sentence, less what all texts share."""
        asked = self._centred(measures, "query")
        answers = self._centred(sentences, "passage")
        cosines: Sequence[Sequence[float]] = (asked @ answers.T).tolist()
        return cosines

    def vectors(self, texts: Sequence[str], role: Role) -> Any:
        """Return the vectors of texts as the network gives them: one row each, of length 1."""
        if self._network is None:
            self._network = SentenceVectors()
        return self._network.vectors(texts, role)

    def _centred(self, texts: Sequence[str], role: Role) -> Any:
        rows = self.vectors(texts, role) - _mean(role)
        return rows / (rows**2).sum(axis=1, keepdims=True).clip(1e-9) ** 0.5


@cache
def _table() -> dict[str, Any]:
    text = files(__package__).joinpath("likeness_fitted.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def fitted(ranker: str) -> Mapping[str, float]:
    """Return the weights of the features of a ranker, and "bias", as `corpus.likeness_fit` set."""
    weights: dict[str, float] = _table()["weights"][ranker]
    return weights


@cache
def _mean(role: Role) -> Any:
    import numpy as np

    return np.array(_table()["means"][role], np.float32)


def features(
    measures: Sequence[str],
    sentences: Sequence[str],
    cosines: Sequence[Sequence[float]] | None,
    shares: Callable[[str], Sequence[float]] | None = None,
) -> list[list[dict[Feature, float]]]:
    """Return what is weighed, for each measure and each sentence."""
    find = shares or WordIndex(sentences).shares
    denials = [float(is_denial(sentence)) for sentence in sentences]
    rows = []
    for number, measure in enumerate(measures):
        unit = acting_unit(measure)
        words = find(measure)
        row: list[dict[Feature, float]] = []
        for at, sentence in enumerate(sentences):
            each: dict[Feature, float] = {
                "words": words[at],
                "denial": denials[at],
                "unit": unit_share(unit, sentence),
            }
            if cosines is not None:
                each["vector"] = cosines[number][at]
            row.append(each)
        rows.append(row)
    return rows


def _rank(
    measures: Sequence[str],
    sentences: Sequence[str],
    weights: Mapping[str, float],
    cosines: Sequence[Sequence[float]] | None,
) -> list[list[Ranked]]:
    ranked = []
    for row in features(measures, sentences, cosines):
        found = [
            Ranked(at, _probability(each, weights), bool(each["denial"]))
            for at, each in enumerate(row)
        ]
        ranked.append(sorted(found, key=lambda one: (-one.score, one.at)))
    return ranked


def _probability(each: Mapping[Feature, float], weights: Mapping[str, float]) -> float:
    total = weights["bias"] + sum(weights.get(name, 0.0) * value for name, value in each.items())
    return round(1 / (1 + exp(-total)), 6)


@cache
def load_ranker(name: RankerName = "auto") -> Ranker:
    """Return the ranker of a name; one object for all who ask."""
    if name == "words":
        return WordRanker()
    if name == "vectors" or all(map(_is_installed, ("numpy", "onnxruntime"))):
        return VectorRanker()
    return WordRanker()


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:
        return False


def likeness(query: str, candidates: Sequence[str]) -> list[Ranked]:
    """Return the candidates, the likest first, by the best ranker that can run.

    For many measures of a case `load_ranker().rank(measures, sentences)` reads each sentence once.

    Raises:
        TaggerError: the weights are not those that were measured.
    """
    return load_ranker().rank([query], candidates)[0]
