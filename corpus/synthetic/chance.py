"""Draws that are the same on every machine: only `Random.random`, which Python promises to keep."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

_T = TypeVar("_T")


class Chance:
    """A repeatable source of choices, seeded by words."""

    def __init__(self, *key: object) -> None:
        """Seed by the words of `key`; another key gives another stream."""
        self._random = Random("\x1f".join(map(str, key)))  # noqa: S311 - repeatable, not secret

    def below(self, limit: int) -> int:
        """Return a number from 0 to `limit` - 1."""
        return int(self._random.random() * limit)

    def between(self, low: int, high: int) -> int:
        """Return a number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def happens(self, rate: float) -> bool:
        """Tell whether something happens that does so at this rate."""
        return self._random.random() < rate

    def pick(self, values: Sequence[_T]) -> _T:
        """Return one of the values."""
        return values[self.below(len(values))]

    def sample(self, values: Sequence[_T], number: int) -> list[_T]:
        """Return so many different members, in random order; all when there are fewer."""
        left = list(values)
        taken = []
        for _ in range(min(number, len(left))):
            taken.append(left.pop(self.below(len(left))))
        return taken

    def shuffled(self, values: Sequence[_T]) -> list[_T]:
        """Return the members in random order."""
        return self.sample(values, len(values))
