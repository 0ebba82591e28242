"""More contexts from the same examples: the beginning of one sentence, the end of another.

Templates put few words behind a name, and a model learns those instead of names. In a spliced
example a name is followed by what followed any other span: 赵远山 | 未按照计划开展检查.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from models.training_examples import Example, LabelledSpan


def splice(first: Example, second: Example, chance: random.Random) -> Example | None:
    """Return `first` up to the end of one of its spans, then `second` from the end of one of its.

    None if one of them has no span. The role is that of `first`, and no longer tells much.
    """
    if not first.spans or not second.spans:
        return None
    until = chance.choice(first.spans).end
    start = chance.choice(second.spans).end
    moved = until - start
    spans = (
        *(span for span in first.spans if span.end <= until),
        *(
            LabelledSpan(span.start + moved, span.end + moved, span.label)
            for span in second.spans
            if span.start >= start
        ),
    )
    text = first.text[:until] + second.text[start:]
    return Example(text, spans, first.role, first.family, first.split)


def splices(examples: Sequence[Example], share: float, seed: int) -> Iterator[Example]:
    """Yield about `share` as many spliced examples as there are examples, by a seed."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(round(share * len(examples))):
        made = splice(chance.choice(examples), chance.choice(examples), chance)
        if made is not None:
            yield made
