"""How far the confidence of the records given is what it says: a probability of being right.

Measured on records that were compared with the truth. A record is right as the scorer sees it: a
sanction by the strict match, a range by an overlap of at least half. Nothing is fitted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from corpus.scoring import Graded

BINS = 10
LEAST_CERTAIN = 0.2
"""The share of the records that a reviewer looks at first."""
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_WIDTH = 40


@dataclass(frozen=True, slots=True)
class Bin:
    """The records of one tenth of the scale: mean confidence (said) and share right (was)."""

    low: float
    high: float
    records: int
    said: float
    was: float


@dataclass(frozen=True, slots=True)
class Below:
    """What a reviewer finds who looks at all records below a threshold."""

    threshold: float
    share_of_records: float
    share_of_wrong: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """The figures of one set of records; a share of the wrong is None where none is wrong."""

    records: int
    wrong: int
    error: float
    found_first: float | None
    bins: tuple[Bin, ...]
    below: tuple[Below, ...]


def calibrate(graded: Sequence[Graded]) -> Calibration:
    """Measure the confidence of these records.

    `error` is the expected calibration error: the mean distance between what a tenth of the scale
    says and what it was, weighted by its records. `found_first` is the share of the wrong records
    among the least certain fifth.
    """
    bins = tuple(_bins(graded))
    wrong = sum(not each.is_right for each in graded)
    distance = sum(each.records * abs(each.said - each.was) for each in bins)
    return Calibration(
        records=len(graded),
        wrong=wrong,
        error=distance / len(graded) if graded else 0.0,
        found_first=_wrong_in_front(graded) / wrong if wrong else None,
        bins=bins,
        below=tuple(_below(graded, wrong, threshold) for threshold in THRESHOLDS),
    )


def _bins(graded: Iterable[Graded]) -> Iterable[Bin]:
    tenths: list[list[Graded]] = [[] for _ in range(BINS)]
    for each in graded:
        tenths[min(int(each.confidence * BINS), BINS - 1)].append(each)
    for at, tenth in enumerate(tenths):
        if tenth:
            said = sum(each.confidence for each in tenth) / len(tenth)
            was = sum(each.is_right for each in tenth) / len(tenth)
            yield Bin(at / BINS, (at + 1) / BINS, len(tenth), said, was)


def _wrong_in_front(graded: Sequence[Graded]) -> float:
    """Return how many wrong records stand in the least certain fifth.

    Of records with equal confidence only a part may fit; the wrong ones are then counted in the
    same part, as if they were in any order.
    """
    left, wrong = len(graded) * LEAST_CERTAIN, 0.0
    by_confidence = attrgetter("confidence")
    for _, group in groupby(sorted(graded, key=by_confidence), key=by_confidence):
        equal = list(group)
        part = min(1.0, left / len(equal))
        wrong += part * sum(not each.is_right for each in equal)
        left -= part * len(equal)
        if left <= 0:
            break
    return wrong


def _below(graded: Sequence[Graded], wrong: int, threshold: float) -> Below:
    under = [each for each in graded if each.confidence < threshold]
    found = sum(not each.is_right for each in under)
    return Below(
        threshold,
        len(under) / len(graded) if graded else 0.0,
        found / wrong if wrong else None,
    )


def draw(calibration: Calibration) -> str:
    """Draw the reliability diagram in characters: a bar of what was, a mark at what was said."""
    lines = []
    for each in calibration.bins:
        filled, mark = round(each.was * _WIDTH), min(round(each.said * _WIDTH), _WIDTH - 1)
        bar = ["#" if at < filled else "." for at in range(_WIDTH)]
        bar[mark] = "|"
        lines.append(
            f"{each.low:.1f}-{each.high:.1f} {''.join(bar)} "
            f"{each.said:.3f} {each.was:.3f} {each.records:>6}"
        )
    return "\n".join(lines)
