"""Precision, recall and F1 of a tagger on examples, by label: exact ranges only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from models.tagger import RoleTagger, Tagger
from models.training_examples import Example, relabelled


def measure_tagger(
    tagger: Tagger,
    examples: Sequence[Example],
    labels: Sequence[str],
    names: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return p, r, f and n of each label, and the share of right roles if the tagger tells them.

    `names` renames the labels of the examples to those that the tagger learned; None keeps them.
    An example of several sentences has one role; each sentence is asked for it.
    """
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    roles = Counter[bool]()
    for example in examples:
        truth = {
            (span.start, span.end, span.label)
            for span in relabelled(example, names or {label: label for label in labels})
        }
        given = {(m.start, m.end, m.label) for m in tagger.tag(example.text) if m.label in labels}
        right.update(label for _, _, label in truth & given)
        found.update(label for _, _, label in given)
        wanted.update(label for _, _, label in truth)
        if example.role is not None and isinstance(tagger, RoleTagger):
            roles.update(span.role == example.role for span in tagger.roles(example.text))
    figures: dict[str, Any] = {
        label: _figures(right[label], found[label], wanted[label]) for label in labels
    }
    figures["all"] = _figures(right.total(), found.total(), wanted.total())
    if roles:
        figures["roles"] = {"right": round(roles[True] / roles.total(), 4), "n": roles.total()}
    return figures


def _figures(right: int, found: int, wanted: int) -> dict[str, float]:
    precision = right / found if found else 0.0
    recall = right / wanted if wanted else 0.0
    both = 2 * right / (found + wanted) if right else 0.0
    return {"p": round(precision, 4), "r": round(recall, 4), "f": round(both, 4), "n": wanted}
