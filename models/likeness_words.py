"""What words tell of a measure and a sentence: shared pairs of characters, the unit, a denial.

Character pairs stand for words: on the constructed pairs they find more than jieba's words do (see
`cards/likeness.md`), and no dictionary has to be loaded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from math import log

_K1, _B = 1.2, 0.75
"""The usual settings of BM25."""

_FOLLOWED = 300
"""A word that more sentences hold is not followed, so that the work grows with the text."""

_RUN = re.compile(r"[\u3400-\u9fff]+|[A-Za-z0-9.%]+")
_CLAUSE = re.compile(r"[^。；;，,：:]+[。；;，,：:]*")
_PART = 60
_HEAD = 12
_LEAST, _MOST = 2, 5

Cut = Callable[[str], Sequence[str]]
"""What cuts a text into words."""


def character_pairs(text: str) -> list[str]:
    """Return the pairs of neighbouring Chinese characters of a text, and its other words whole."""
    return list(_pairs(text))


def _pairs(text: str) -> Iterator[str]:
    for run in _RUN.findall(text):
        if len(run) == 1 or run[0].isascii():
            yield run
        else:
            yield from (run[at : at + 2] for at in range(len(run) - 1))


class WordIndex:
    """Sentences to be found by their words: BM25, as a share of the most that it can reach."""

    def __init__(self, sentences: Sequence[str], cut: Cut = character_pairs) -> None:
        """Count the words of the sentences."""
        self._cut = cut
        counts = [Counter(cut(sentence)) for sentence in sentences]
        self._size = len(counts)
        self._holders: dict[str, list[tuple[int, int]]] = {}
        for at, words in enumerate(counts):
            for word, times in words.items():
                self._holders.setdefault(word, []).append((at, times))
        lengths = [sum(words.values()) for words in counts]
        mean = sum(lengths) / self._size if self._size else 0.0
        self._damping = [_K1 * (1 - _B + _B * length / mean) if mean else _K1 for length in lengths]

    def shares(self, query: str) -> list[float]:
        """Return how much of the query each sentence holds, 0 to 1; rare words count more."""
        found = self.holding(query)
        return [found.get(at, 0.0) for at in range(self._size)]

    def holding(self, query: str) -> dict[int, float]:
        """Return the shares of the sentences that hold a word of the query.

        A word that very many sentences hold is not followed: it tells none from the others.
        """
        scores: dict[int, float] = {}
        total = 0.0
        for word in sorted(set(self._cut(query))):
            holders = self._holders.get(word, ())
            weight = log(1 + (self._size - len(holders) + 0.5) / (len(holders) + 0.5))
            total += weight
            if len(holders) <= _FOLLOWED:
                for at, times in holders:
                    gain = weight * times / (times + self._damping[at])
                    scores[at] = scores.get(at, 0.0) + gain
        return {at: min(1.0, score / total) for at, score in scores.items()}


@cache
def _cues(kind: str) -> re.Pattern[str]:
    text = files(__package__).joinpath("likeness_cues.tsv").read_text(encoding="utf-8")
    rows = dict(line.split("\t", 1) for line in text.splitlines()[1:])
    words = sorted(rows[kind].split(), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words)))


def is_denial(sentence: str) -> bool:
    """Tell whether a sentence says that something was not done: 尚未落实, 流于形式, 无人看护."""
    return _cues("denial").search(_cues("no_denial").sub("", sentence)) is not None


def acting_unit(measure: str) -> str:
    """Return the words of a measure before its first 要, 应当 or 须: who is to act."""
    duty = _cues("duty").search(measure)
    return measure[: duty.start()] if duty else measure[: 2 * _HEAD]


def unit_share(unit: str, sentence: str) -> float:
    """Return how well a sentence begins with a short form of a unit, from 0 to 1.

    县应急局 is short for 石棠县应急管理局: its characters stand in the full name in this order.
    """
    at = met = 0
    for char in sentence[:_HEAD]:
        at = unit.find(char, at) + 1
        if not at:
            break
        met += 1
    return min(met, _MOST) / _MOST if met >= _LEAST else 0.0


def clauses(text: str) -> list[str]:
    """Cut a text after its marks into parts of about 60 characters: what one vector can hold."""
    found: list[str] = []
    for part in _CLAUSE.findall(text):
        if found and len(found[-1]) + len(part) <= _PART:
            found[-1] += part
        else:
            found.append(part)
    return found or [text]
