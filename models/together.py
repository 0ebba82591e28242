"""Several taggers as one: what any of them finds, the surer one where two overlap."""

from __future__ import annotations

from collections.abc import Sequence

from models.tagger import Mention, RoleSpan, RoleTagger, Tagger


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


class TogetherRoleTagger(TogetherTagger):
    """Several taggers of which one tells what sentences are for; the first that does is asked."""

    def __init__(self, taggers: Sequence[Tagger], judge: RoleTagger) -> None:
        """Keep the taggers, and the one among them that judges sentences."""
        super().__init__(taggers)
        self._judge = judge

    def roles(self, text: str) -> Sequence[RoleSpan]:
        """Return the roles of the sentences of `text`, in order; blank lines have none."""
        return self._judge.roles(text)


def together(taggers: Sequence[Tagger]) -> TogetherTagger:
    """Return these taggers as one, which judges sentences if one of them does."""
    judge = next((tagger for tagger in taggers if isinstance(tagger, RoleTagger)), None)
    return TogetherRoleTagger(taggers, judge) if judge is not None else TogetherTagger(taggers)
