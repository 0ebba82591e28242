"""Spoils a written document as copies are spoilt, and moves its truth along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from corpus.damage import OF_CHARACTERS, DamageKind, damage
from corpus.gold import Gold, GoldPenalty, check_gold
from corpus.synthetic.chance import Chance
from corpus.synthetic.scribe import Sentence, Span

MOST_KINDS, TRIES = 2, 4


@dataclass(frozen=True, slots=True)
class Written:
    """A text with its truth, its mentions and its sentences."""

    text: str
    gold: Gold
    spans: tuple[Span, ...]
    sentences: tuple[Sentence, ...]
    damages: tuple[DamageKind, ...] = ()


def spoil(written: Written, chance: Chance) -> Written:
    """Return the document with one or two damages; unharmed where no draw keeps the truth exact."""
    for draw in range(TRIES):
        kinds = chance.sample(OF_CHARACTERS, chance.between(1, MOST_KINDS))
        spoilt = _spoil(written, sorted(kinds), draw)
        if spoilt is not None:
            return spoilt
    return written


def _spoil(written: Written, kinds: Sequence[DamageKind], draw: int) -> Written | None:
    """Return the damaged document, or None where its truth could not be kept exact."""
    text = written.text
    names = sorted({name for name in _names(written.gold) if name in text})
    ranges = [(span.start, span.end) for span in written.spans]
    ranges += [(sentence.start, sentence.end) for sentence in written.sentences]
    ranges += [(text.find(name), text.find(name) + len(name)) for name in names]
    try:
        damaged = damage(text, written.gold, kinds, draw, ranges)
    except ValueError:
        return None
    spans, sentences = len(written.spans), len(written.sentences)
    places = damaged.ranges
    now = {
        name: damaged.text[slice(*place)]
        for name, place in zip(names, places[spans + sentences :], strict=True)
        if name not in damaged.text
    }
    spoilt = Written(
        damaged.text,
        _rename(damaged.gold, now),
        tuple(
            replace(span, start=start, end=end)
            for span, (start, end) in zip(written.spans, places[:spans], strict=True)
            if end > start
        ),
        tuple(
            replace(sentence, start=start, end=end)
            for sentence, (start, end) in zip(
                written.sentences, places[spans : spans + sentences], strict=True
            )
        ),
        tuple(kinds),
    )
    return None if check_gold(spoilt.gold, spoilt.text) else spoilt


def _names(gold: Gold) -> Iterator[str]:
    """Yield all strings that must stand in the text as they are printed there."""
    for penalty in gold.penalties:
        for name in (penalty.party, penalty.title, penalty.employer, penalty.organ):
            if name:
                yield name
    for group in gold.organizations:
        yield from group
    for measure in gold.measures:
        yield from measure.actors
    for suggestion in gold.suggestions:
        yield from suggestion.addressees


def _rename(gold: Gold, now: Mapping[str, str]) -> Gold:
    """Write the names that the damage broke as they stand in the text now."""
    if not now:
        return gold

    def of(name: str | None) -> str | None:
        return now.get(name, name) if name else name

    def all_of(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(now.get(name, name) for name in names))

    def penalty(each: GoldPenalty) -> GoldPenalty:
        fields = ("party", "title", "employer", "organ")
        return each.model_copy(update={field: of(getattr(each, field)) for field in fields})

    return gold.model_copy(
        update={
            "penalties": tuple(map(penalty, gold.penalties)),
            "organizations": tuple(map(all_of, gold.organizations)),
            "measures": tuple(
                each.model_copy(update={"actors": all_of(each.actors)}) for each in gold.measures
            ),
            "suggestions": tuple(
                each.model_copy(update={"addressees": all_of(each.addressees)})
                for each in gold.suggestions
            ),
        }
    )
