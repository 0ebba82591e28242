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
from heapq import nlargest
from importlib.resources import files
from importlib.util import find_spec
from itertools import accumulate
from math import exp
from threading import Lock
from typing import Any, Literal, Protocol

from models.likeness_rivals import Lead, leads
from models.likeness_vectors import Role, SentenceVectors
from models.likeness_words import (
    Cut,
    WordIndex,
    acting_unit,
    character_pairs,
    clauses,
    is_denial,
    unit_share,
)

RankerName = Literal["auto", "words", "vectors"]
"""Which ranker to load; "auto" is vectors where their packages are installed, else words."""

Feature = Literal["vector", "words", "denial", "unit"]
"""What a ranker may weigh: likeness of meaning, shared words, a denial, the acting unit."""


MOST_TEXTS = 2000
"""Measures and sentences of a case for which vectors are made: about ten seconds on two cores."""

_CANDIDATES = 200
"""Sentences that are weighed for a measure, at most."""

_PRIOR = 20
"""How many texts the mean of all texts counts for beside the texts of the case."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A sentence by its place among those given: how probably it reports the measure as done.

    The score is between 0 and 1. `denies` tells that the sentence says something was not done: it
    stands lower for that, and may be just what a reviewer looks for.
    """

    at: int
    score: float
    denies: bool


Task = Literal["answers", "reports"]
"""What is asked of a sentence: does it say that the measure was done; is it about the measure."""

SameUnit = Callable[[int, int], bool | None]
"""Tells of a measure and a sentence, by places, whether they are of one unit; None: not known."""


class Ranker(Protocol):
    """Ranks the sentences that may answer a measure; equal input gives equal output."""

    @property
    def name(self) -> str:
        """What it goes by: "words" or "vectors"."""
        ...

    def rank(self, measures: Sequence[str], sentences: Sequence[str]) -> list[list[Ranked]]:
        """Return for each measure all sentences, the likest first, ties in order of the text."""
        ...

    def rank_reports(
        self, measures: Sequence[str], sentences: Sequence[str], same_unit: SameUnit
    ) -> list[list[Ranked]]:
        """Return for each measure the sentences that may be about it, done or not.

        Sentences of another unit, and those that share no words with it, are left out.
        """
        ...


class WordRanker:
    """Ranks by shared words, the acting unit and denials; needs no package."""

    name = "words"

    def rank(self, measures: Sequence[str], sentences: Sequence[str]) -> list[list[Ranked]]:
        """Return for each measure all sentences, the likest first."""
        compared = Compared(measures, sentences)
        return _ranked(compared, fitted("answers", "words"), all_pairs(measures, sentences))

    def rank_reports(
        self, measures: Sequence[str], sentences: Sequence[str], same_unit: SameUnit
    ) -> list[list[Ranked]]:
        """Return for each measure the sentences that may be about it, the likest first."""
        compared = Compared(measures, sentences, same_unit)
        return _ranked(compared, fitted("reports", "words"), compared.near())


class VectorRanker:
    """Ranks by shared words, sentence vectors, unit and denials; the network loads when used."""

    name = "vectors"

    def __init__(self) -> None:
        """Load nothing yet."""
        self._network: SentenceVectors | None = None
        self._loading = Lock()

    def rank(self, measures: Sequence[str], sentences: Sequence[str]) -> list[list[Ranked]]:
        """Return for each measure all sentences, the likest first.

        Raises:
            TaggerError: a package is missing, or the weights are not those that were measured.
        """
        if not measures or not sentences:
            return [[] for _ in measures]
        compared = Compared(measures, sentences)
        compared.vectors = self.leads(measures, sentences)
        return _ranked(compared, fitted("answers", "vectors"), all_pairs(measures, sentences))

    def rank_reports(
        self, measures: Sequence[str], sentences: Sequence[str], same_unit: SameUnit
    ) -> list[list[Ranked]]:
        """Return for each measure the sentences that may be about it, the likest first.

        The network loads only where words and units leave something to compare. A case of very many
        texts is ranked by words, so that it does not take minutes.

        Raises:
            TaggerError: a package is missing, or the weights are not those that were measured.
        """
        if len(measures) + len(sentences) > MOST_TEXTS:
            return WordRanker().rank_reports(measures, sentences, same_unit)
        compared = Compared(measures, sentences, same_unit)
        near = compared.near()
        if any(near):
            compared.vectors = self.leads(measures, sentences)
        return _ranked(compared, fitted("reports", "vectors"), near)

    def leads(self, measures: Sequence[str], sentences: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return how much liker each measure and sentence are than their rivals."""
        import numpy as np

        found: Sequence[Sequence[float]] = leads(np, self.cosines(measures, sentences)).tolist()
        return found

    def cosines(self, measures: Sequence[str], sentences: Sequence[str]) -> Any:
        """Return a matrix: the mean, over the clauses of a measure, of its likest in a sentence.

        What the texts of the case share, and all texts do, is taken off before.
        """
        import numpy as np

        asked, given = ([clauses(text) for text in texts] for texts in (measures, sentences))
        rows = self._centred([part for parts in asked for part in parts], "query")
        columns = self._centred([part for parts in given for part in parts], "passage")
        best = np.maximum.reduceat(rows @ columns.T, _starts(given), axis=1)
        counts = np.array([len(parts) for parts in asked], np.float32)
        return np.add.reduceat(best, _starts(asked), axis=0) / counts[:, None]

    def vectors(self, texts: Sequence[str], role: Role) -> Any:
        """Return the vectors of texts as the network gives them: one row each, of length 1."""
        with self._loading:
            if self._network is None:
                self._network = SentenceVectors()
        return self._network.vectors(texts, role)

    def _centred(self, texts: Sequence[str], role: Role) -> Any:
        rows = self.vectors(texts, role)
        rows = rows - (rows.sum(axis=0) + _PRIOR * _mean(role)) / (len(rows) + _PRIOR)
        return rows / (rows**2).sum(axis=1, keepdims=True).clip(1e-9) ** 0.5


def _starts(groups: Sequence[Sequence[str]]) -> list[int]:
    return [0, *accumulate(len(group) for group in groups[:-1])]


@cache
def _table() -> dict[str, Any]:
    text = files(__package__).joinpath("likeness_fitted.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def fitted(task: Task, ranker: str) -> Mapping[str, float]:
    """Return the weights of the features of a ranker, and "bias", as `corpus.likeness_fit` set."""
    weights: dict[str, float] = _table()["weights"][task][ranker]
    return weights


@cache
def _mean(role: Role) -> Any:
    import numpy as np

    return np.array(_table()["means"][role], np.float32)


class Compared:
    """The measures and sentences of a case with what is weighed of each pair.

    `vectors` are the leads of the sentence vectors, where there are any.
    """

    def __init__(
        self,
        measures: Sequence[str],
        sentences: Sequence[str],
        same_unit: SameUnit | None = None,
        cut: Cut = character_pairs,
    ) -> None:
        """Compare the words; without `same_unit` a unit is known from the words alone."""
        index = WordIndex(sentences, cut)
        self._shares = [
            {at: share**0.5 for at, share in index.holding(measure).items()} for measure in measures
        ]
        self._words = Lead(self._shares, len(sentences))
        self.vectors: Sequence[Sequence[float]] | None = None
        self._same_unit = same_unit or (lambda measure, at: None)
        self._units = [acting_unit(measure) for measure in measures]
        self._sentences = sentences
        self._denials = [is_denial(sentence) for sentence in sentences]

    def denies(self, at: int) -> bool:
        """Tell whether a sentence says that something was not done."""
        return self._denials[at]

    def features(self, measure: int, at: int) -> dict[Feature, float]:
        """Return what is weighed of one measure and one sentence, by their places."""
        unit = self._units[measure]
        met = self._same_unit(measure, at)
        found: dict[Feature, float] = {
            "words": self._words.of(measure, at),
            "denial": float(self._denials[at]),
            "unit": 1.0 if met else unit_share(unit, self._sentences[at]),
        }
        if self.vectors is not None:
            found["vector"] = self.vectors[measure][at]
        return found

    def near(self) -> list[list[int]]:
        """Return for each measure the sentences with common words that are of no other unit.

        Of very many those that share most are taken, so that the work grows with the measures.
        """
        near = []
        for measure, shares in enumerate(self._shares):
            found = [at for at in sorted(shares) if self._same_unit(measure, at) is not False]
            near.append(sorted(nlargest(_CANDIDATES, found, key=shares.__getitem__)))
        return near


def all_pairs(measures: Sequence[str], sentences: Sequence[str]) -> list[range]:
    """Return the places of all sentences for each measure."""
    return [range(len(sentences)) for _ in measures]


def _ranked(
    compared: Compared, weights: Mapping[str, float], pairs: Sequence[Sequence[int]]
) -> list[list[Ranked]]:
    ranked = []
    for measure, places in enumerate(pairs):
        found = [
            Ranked(at, probability(compared.features(measure, at), weights), compared.denies(at))
            for at in places
        ]
        ranked.append(sorted(found, key=lambda one: (-one.score, one.at)))
    return ranked


def probability(each: Mapping[Feature, float], weights: Mapping[str, float]) -> float:
    """Return the probability that the weights give to the features of a pair."""
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
