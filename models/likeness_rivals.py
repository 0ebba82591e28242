"""How far a likeness stands above its rivals: what else the measure, or the sentence, is like.

All that is reported of one accident is about one subject, so that everything is somewhat alike. A
sentence that is like every measure says little of any; one that is like this measure more than the
others are, and more than it is like other measures, is about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import nlargest
from typing import Any

RIVALS = 3
"""How many rivals count, the strongest ones: their mean is what a likeness is compared with."""

USUAL = 0.2
"""What stands for a rival where there are too few measures or sentences."""


class Lead:
    """The leads of likenesses that are given sparsely; what is not given is 0."""

    def __init__(self, rows: Sequence[Mapping[int, float]], width: int) -> None:
        """Find the rivals of each row and of each of the `width` columns."""
        self._rows = rows
        columns: list[list[float]] = [[] for _ in range(width)]
        for row in rows:
            for at, value in row.items():
                columns[at].append(value)
        self._across = [_strongest(list(row.values()), width) for row in rows]
        self._down = [_strongest(column, len(rows)) for column in columns]

    def of(self, row: int, column: int) -> float:
        """Return the likeness less half the mean of its rivals in the row, and in the column."""
        value = self._rows[row].get(column, 0.0)
        return value - (_mean(self._across[row], value) + _mean(self._down[column], value)) / 2


def _strongest(given: Sequence[float], count: int) -> list[float]:
    """Return the four greatest of `count` likenesses, of which those above 0 are given."""
    found = nlargest(RIVALS + 1, given)
    found += [0.0] * min(RIVALS + 1 - len(found), count - len(given))
    found += [USUAL] * (RIVALS + 1 - len(found))
    return sorted(found, reverse=True)


def _mean(strongest: Sequence[float], own: float) -> float:
    """Return the mean of the rivals: the likeness itself is among the four greatest, or is not."""
    return (sum(strongest) - max(own, strongest[-1])) / RIVALS


def leads(np: Any, likenesses: Any) -> Any:
    """Return the matrix of the leads of a matrix of likenesses."""

    def rivals(matrix: Any) -> Any:
        missing = np.full((len(matrix), max(0, RIVALS + 1 - matrix.shape[1])), USUAL)
        strongest = np.sort(np.concatenate([matrix, missing], 1), 1)[:, -RIVALS - 1 :]
        own = np.maximum(matrix, strongest[:, :1])
        return (strongest.sum(1, keepdims=True) - own) / RIVALS

    return likenesses - (rivals(likenesses) + rivals(likenesses.T).T) / 2
