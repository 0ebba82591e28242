"""What the checklist used before `models.likeness`, to compare with: a cosine of rare words.

Character pairs stand for words: Chinese has no spaces, a pair is close to a word, and no
dictionary has to be loaded. A pair weighs the more the fewer measures hold it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import log, sqrt

from extractor.view import squeeze

_COMMON = 100
"""A pair that more texts hold says too little to be worth following."""

_RUN = re.compile(r"[\u4e00-\u9fff]+|[A-Za-z0-9.%]+")


def word_pairs(text: str) -> frozenset[str]:
    """Return the character pairs of the Chinese runs of a text, and its other words whole."""
    return frozenset(_pairs(squeeze(text)))


def _pairs(text: str) -> Iterator[str]:
    for run in _RUN.findall(text):
        if len(run) == 1 or run[0].isascii():
            yield run
        else:
            yield from (run[i : i + 2] for i in range(len(run) - 1))


class Likeness:
    """The texts that may answer a measure, weighed over all texts of the case."""

    def __init__(self, requirements: Sequence[str], reported: Sequence[str]) -> None:
        """Weigh every pair by how few texts hold it."""
        self._reported = [word_pairs(text) for text in reported]
        texts = [*map(word_pairs, requirements), *self._reported]
        count = Counter(pair for text in texts for pair in text)
        self._weight = {pair: log(1 + len(texts) / n) for pair, n in count.items()}
        self._holders: defaultdict[str, list[int]] = defaultdict(list)
        for at, text in enumerate(self._reported):
            for pair in text:
                if count[pair] <= min(_COMMON, len(texts) / 2 + 3):
                    self._holders[pair].append(at)
        self._lengths = [self._length(text) for text in self._reported]

    def scores(self, requirement: str) -> dict[int, float]:
        """Return the likeness, 0 to 1, of every reported text that shares a pair with this one."""
        pairs = word_pairs(requirement)
        own = self._length(pairs)
        shared: defaultdict[int, float] = defaultdict(float)
        for pair in sorted(pairs):
            for at in self._holders.get(pair, ()):
                shared[at] += self._weight[pair] ** 2
        return {
            at: min(1.0, total / (own * self._lengths[at]))
            for at, total in shared.items()
            if own and self._lengths[at]
        }

    def _length(self, pairs: frozenset[str]) -> float:
        return sqrt(sum(self._weight.get(pair, 0.0) ** 2 for pair in sorted(pairs)))
