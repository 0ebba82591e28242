"""Several taggers as one: what any of them finds, the surer one where two overlap."""

from __future__ import annotations

from collections.abc import Sequence

from models.tagger import Mention, Tagger


class TogetherTagger:
    """Asks several taggers; of mentions that overlap, the one with the highest score is kept.

    Of equal scores the first tagger's stays, so that the order of names is the order of trust.
    """

    def __init__(self, taggers: Sequence[Tagger]) -> None:
        """Keep the taggers; each loads at the first text."""
        self._taggers = tuple(taggers)
        self.name = "+".join(tagger.name for tagger in self._taggers)

    def tag(self, text: str) -> Sequence[Mention]:
        """Return the mentions of all, sorted by start, none overlapping another."""
        found = [mention for tagger in self._taggers for mention in tagger.tag(text)]
        taken = bytearray(len(text))
        kept: list[Mention] = []
        for mention in sorted(found, key=lambda mention: -mention.score):
            if not any(taken[mention.start : mention.end]):
                taken[mention.start : mention.end] = b"\x01" * (mention.end - mention.start)
                kept.append(mention)
        return sorted(kept, key=lambda mention: mention.start)
