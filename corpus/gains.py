"""What one run does better or worse than another on the same gold: faults gone and faults new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from corpus.evaluate import Outcome
from corpus.scoring import LAYERS, Fault, ScoreLayer


@dataclass(frozen=True, slots=True)
class Change:
    """One fault that only one of the two runs has; a gain when it is gone."""

    document: str
    fault: Fault
    is_gain: bool


def find_changes(now: Sequence[Outcome], before: Sequence[Outcome]) -> list[Change]:
    """Return gains and losses against an earlier run, layer by layer, gains first."""
    changes = [
        Change(outcome.id, fault, is_gain)
        for outcome, earlier in zip(now, before, strict=True)
        for is_gain, faults in (
            (True, _only_in(earlier.score.faults, outcome.score.faults)),
            (False, _only_in(outcome.score.faults, earlier.score.faults)),
        )
        for fault in faults
    ]
    order = {layer: at for at, layer in enumerate(LAYERS)}
    return sorted(changes, key=lambda change: (order[change.fault.layer], not change.is_gain))


def _only_in(faults: Sequence[Fault], others: Sequence[Fault]) -> list[Fault]:
    """Return the faults that the others lack; two equal faults need two on the other side."""
    left = Counter((fault.layer, fault.key) for fault in others)
    only = []
    for fault in faults:
        key = (fault.layer, fault.key)
        if left[key]:
            left[key] -= 1
        else:
            only.append(fault)
    return only


def count_changes(changes: Sequence[Change]) -> Mapping[ScoreLayer, tuple[int, int]]:
    """Return the number of gains and losses of every layer."""
    gains = Counter(change.fault.layer for change in changes if change.is_gain)
    losses = Counter(change.fault.layer for change in changes if not change.is_gain)
    return {layer: (gains[layer], losses[layer]) for layer in LAYERS}
