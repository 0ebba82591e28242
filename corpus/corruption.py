"""The false grounding test: values made wrong on purpose, and how many the checker lets pass.

A record is taken from a result, one value in it is changed, and the checker is asked. A change
that happens to be printed in the range all the same is drawn again; what is left is wrong, and a
checker that accepts it has been deceived. The draw is seeded: the same documents, number and seed
give the same changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import NamedTuple

from corpus.evaluate import Reading
from corpus.printed import (
    digit_runs,
    printed_numbers,
    prints_date,
    prints_kind,
    prints_mark,
)
from extractor.document import Document
from extractor.extraction import Accident, DocumentNumber, Extraction, Party, Penalty, Record
from extractor.grounding import find_ungrounded
from extractor.rules import penalty_families
from extractor.view import View, build_view, squeeze

SEED = 20240607
_TRIES = 40
_MOST_WORDS = 60
_CHARACTERS = "王李张刘陈杨赵黄周吴东西南北中山河川江海城县市省州安平华建新兴达宏远永正春秋"
_NAME_FIELDS = {
    "measures": ("actors", "lead", "support"),
    "problems": ("units",),
    "suggestions": ("addressees",),
}


class Corruption(NamedTuple):
    """One value made wrong: where, what it was, what it is now, what its range prints."""

    document: str
    field: str
    record: str
    was: str
    now: str
    words: str


@dataclass(frozen=True, slots=True)
class FieldCount:
    """How many wrong values of one field were tried and how many were accepted."""

    field: str
    tried: int
    accepted: tuple[Corruption, ...]


class _Site(NamedTuple):
    """One value that can be made wrong.

    `change` draws another value, `stands` tells whether the text states it all the same, `put`
    returns a result that holds only the changed record and what it refers to.
    """

    field: str
    record: str
    value: object
    words: str
    change: Callable[[Random], object]
    stands: Callable[[object], bool]
    put: Callable[[object], Extraction]


def count_accepted(
    sources: Sequence[tuple[str, Reading]], number: int, seed: int = SEED
) -> list[FieldCount]:
    """Make `number` values wrong, spread over the fields, and return what the checker accepts.

    Only documents with a result count. The number tried is lower than wanted only where the
    documents hold no value at all to change.
    """
    rng = Random(seed)  # noqa: S311 - a repeatable draw, nothing secret
    sites: dict[str, list[tuple[str, Document, View, _Site]]] = {}
    for name, reading in sources:
        if reading.result is None:
            continue
        view = build_view(reading.document)
        for site in _sites(reading.document, reading.result):
            if not any(find_ungrounded(reading.document, view, site.put(site.value))):
                sites.setdefault(site.field, []).append((name, reading.document, view, site))
    counts: dict[str, tuple[int, list[Corruption]]] = {field: (0, []) for field in sorted(sites)}
    for at in range(number if sites else 0):
        field = list(counts)[at % len(counts)]
        drawn = _draw(rng, sites[field])
        if drawn is None:
            continue
        corruption, accepted = drawn
        tried, found = counts[field]
        counts[field] = (tried + 1, [*found, corruption] if accepted else found)
    return [FieldCount(field, tried, tuple(found)) for field, (tried, found) in counts.items()]


def _draw(
    rng: Random, sites: Sequence[tuple[str, Document, View, _Site]]
) -> tuple[Corruption, bool] | None:
    """Make one value wrong and tell whether the checker accepts it; None when none is wrong."""
    for _ in range(_TRIES):
        name, document, view, site = rng.choice(sites)
        value = site.change(rng)
        if value == site.value or site.stands(value):
            continue
        accepted = not any(find_ungrounded(document, view, site.put(value)))
        was, now = (_shown(document, each) for each in (site.value, value))
        words = " ".join(site.words.split())[:_MOST_WORDS]
        return Corruption(name, site.field, site.record, was, now, words), accepted
    return None


def _shown(document: Document, value: object) -> str:
    """Return a value in words; of a range what it quotes."""
    if isinstance(value, tuple):
        return " ".join(document.text[slice(*value)].split())[:_MOST_WORDS]
    return str(value)


def _sites(document: Document, result: Extraction) -> Iterator[_Site]:
    """Yield every value of a result that the test knows how to make wrong."""
    maker = _Maker(document, result)
    if result.accident is not None:
        yield from maker.of_accident(result.accident)
    for number in result.document_numbers:
        yield from maker.of_number(number)
    parties = {party.id: party for party in result.parties}
    for party in result.parties:
        yield from maker.of_party(party)
    for penalty in result.penalties:
        yield from maker.of_penalty(penalty, parties[penalty.party])
    for layer, fields in _NAME_FIELDS.items():
        for record in getattr(result, layer):
            for field in fields:
                yield from maker.of_names(layer, record, field)


class _Maker:
    """Knows the document whose result is made wrong."""

    def __init__(self, document: Document, result: Extraction) -> None:
        self._text = document.text
        self._squeezed = squeeze(document.text)
        self._bare = result.model_copy(
            update={
                "accident": None,
                "document_numbers": [],
                "parties": [],
                "penalties": [],
                "measures": [],
                "problems": [],
                "suggestions": [],
            }
        )

    def _only(self, layer: str, record: Record, field: str, **more: object) -> _Put:
        """Return what builds a result of this record alone, one field changed."""

        def put(value: object) -> Extraction:
            changed = record.model_copy(update={field: value})
            content = changed if layer == "accident" else [changed]
            return self._bare.model_copy(update={layer: content, **more})

        return put

    def _quote(self, place: tuple[int, int]) -> str:
        return squeeze(self._text[slice(*place)])

    def _is_printed(self, value: object) -> bool:
        return squeeze(str(value)) in self._squeezed

    def of_accident(self, accident: Accident) -> Iterator[_Site]:
        """Yield the numbers, date and mark of the header."""
        changes: dict[str, tuple[Callable[[Random, str], object], _Stands]] = {
            "deaths": (_other_count, _prints_exactly),
            "injuries": (_other_count, _prints_exactly),
            "loss_yuan": (_other_amount, _prints_nearly),
            "date": (_other_date, lambda words, value: prints_date(words, str(value))),
            "mark": (_other_mark, lambda words, value: prints_mark(words, str(value))),
        }
        for field, (change, stands) in changes.items():
            value, place = getattr(accident, field), accident.sources.get(field)
            if value is None or place is None:
                continue
            words = self._quote(place)
            put = self._only("accident", accident, field)
            yield _site(f"accident.{field}", "accident", value, words, (change, stands, put))

    def of_number(self, number: DocumentNumber) -> Iterator[_Site]:
        """Yield the digits of the normal form, and the characters of its code."""
        words = self._quote((number.start, number.end))

        def stands(words: str, value: object) -> bool:
            wanted, printed = digit_runs(str(value)), digit_runs(words)
            return set(wanted) <= set(printed) or "".join(wanted) == "".join(printed)

        field = "document_numbers.normal"
        field += f"（{'、'.join(number.flags)}）" if number.flags else ""
        put = self._only("document_numbers", number, "normal")
        yield _site(field, number.id, number.normal, words, (_other_digit, stands, put))
        field = "document_numbers.normal（代字）"
        yield self._renamed(field, number.id, number.normal, words, put)

    def of_party(self, party: Party) -> Iterator[_Site]:
        """Yield name, title and employer."""
        words = self._quote((party.mentions[0].start, party.mentions[0].end))
        for field in ("name", "title", "employer"):
            value = getattr(party, field)
            if value:
                yield self._renamed(
                    f"parties.{field}", party.id, value, words, self._only("parties", party, field)
                )

    def _renamed(self, field: str, record: str, value: str, words: str, put: _Put) -> _Site:
        def stands(_words: str, value: object) -> bool:
            return self._is_printed(value)

        return _site(field, record, value, words, (_other_character, stands, put))

    def of_names(self, layer: str, record: Record, field: str) -> Iterator[_Site]:
        """Yield the first name of a list of names."""
        names = getattr(record, field)
        if not names:
            return
        put = self._only(layer, record, field)
        words = self._quote((getattr(record, "start", 0), getattr(record, "end", 0)))
        yield self._renamed(
            f"{layer}.{field}",
            getattr(record, "id", ""),
            names[0],
            words,
            lambda value: put([value, *names[1:]]),
        )

    def of_penalty(self, penalty: Penalty, party: Party) -> Iterator[_Site]:
        """Yield amount, share of income, organ, recipient, term, articles, kind and range."""
        only = {"parties": [party]}
        changes: dict[str, tuple[Callable[[Random, str], object], _Stands]] = {
            "amount_yuan": (_other_amount, _prints_rounded),
            "income_percent": (_other_percent, _prints_exactly),
            "organ": (_other_character, lambda words, value: squeeze(str(value)) in words),
            "recipient": (_other_character, lambda words, value: squeeze(str(value)) in words),
            "term": (_other_digit, lambda words, value: squeeze(str(value)) in words),
        }
        for field, (change, stands) in changes.items():
            value, place = getattr(penalty, field), penalty.sources.get(field)
            if value is not None and place is not None:
                put = self._only("penalties", penalty, field, **only)
                words = self._quote(place)
                yield _site(f"penalties.{field}", penalty.id, value, words, (change, stands, put))
        yield from self._articles(penalty, only)
        yield from self._kind_and_range(penalty, only)

    def _articles(self, penalty: Penalty, only: dict[str, list[Party]]) -> Iterator[_Site]:
        place = penalty.sources.get("basis")
        if not penalty.basis or place is None:
            return
        put = self._only("penalties", penalty, "basis", **only)
        words = self._quote(place)

        def put_first(value: object) -> Extraction:
            return put([value, *penalty.basis[1:]])

        def states_articles(words: str, value: object) -> bool:
            numbers = str(value).partition("#")[2].split(".")
            return {Decimal(each) for each in numbers if each} <= printed_numbers(words)

        def states_law(words: str, value: object) -> bool:
            return str(value).partition("#")[0] in words

        law, _, rest = penalty.basis[0].partition("#")

        def other_article(rng: Random, _value: str) -> str:
            return f"{law}#{_other_digit(rng, rest)}"

        def other_law(rng: Random, _value: str) -> str:
            return f"{_other_character(rng, law)}#{rest}"

        first = penalty.basis[0]
        for field, change, stands in (
            ("basis", other_article, states_articles),
            ("basis（法名）", other_law, states_law),
        ):
            yield _site(f"penalties.{field}", penalty.id, first, words, (change, stands, put_first))

    def _kind_and_range(self, penalty: Penalty, only: dict[str, list[Party]]) -> Iterator[_Site]:
        place = (penalty.start, penalty.end)
        words, length = self._quote(place), penalty.end - penalty.start
        families = penalty_families()

        def other_kind(rng: Random, _value: str) -> str:
            return rng.choice([k for k in families if families[k] != families[penalty.kind]])

        def states(words: str, value: object) -> bool:
            return prints_kind(words, str(value))

        def shifted(rng: Random, _value: str) -> tuple[int, int]:
            by = rng.choice((-1, 1)) * rng.randint(1, 2 * length + 40)
            start = min(max(0, penalty.start + by), len(self._text) - length)
            return start, start + length

        def states_there(_words: str, value: object) -> bool:
            there = value if isinstance(value, tuple) else place
            words = self._quote(there)
            return not words or prints_kind(words, penalty.kind)

        def put_range(value: object) -> Extraction:
            start, end = value if isinstance(value, tuple) else place
            moved = penalty.model_copy(update={"start": start, "end": end})
            return self._bare.model_copy(update={"penalties": [moved], **only})

        put = self._only("penalties", penalty, "kind", **only)
        yield _site("penalties.kind", penalty.id, penalty.kind, words, (other_kind, states, put))
        change = (shifted, states_there, put_range)
        yield _site("penalties.start", penalty.id, place, words, change)


_Put = Callable[[object], Extraction]
_Stands = Callable[[str, object], bool]


def _site(
    field: str,
    record: str,
    value: object,
    words: str,
    change: tuple[Callable[[Random, str], object], _Stands, _Put],
) -> _Site:
    draw, stands, put = change
    return _Site(
        field,
        record,
        value,
        words,
        lambda rng: draw(rng, str(value)),
        lambda other: stands(words, other),
        put,
    )


def _prints_exactly(words: str, value: object) -> bool:
    return Decimal(str(value)) in printed_numbers(words)


def _prints_rounded(words: str, value: object) -> bool:
    wanted = Decimal(str(value))
    return any(abs(number - wanted) < 1 for number in printed_numbers(words))


def _prints_nearly(words: str, value: object) -> bool:
    """Forgive one yuan, as the scorer does for a loss."""
    wanted = Decimal(str(value))
    return any(abs(number - wanted) <= 1 for number in printed_numbers(words))


def _other_digit(rng: Random, value: str) -> str:
    """Return the words with one digit changed; a first digit never becomes 0."""
    places = [at for at, char in enumerate(value) if char.isascii() and char.isdigit()]
    if not places:
        return value
    at = rng.choice(places)
    first = at == 0 or not value[at - 1].isdigit()
    digit = rng.choice([d for d in "0123456789"[first:] if d != value[at]])
    return value[:at] + digit + value[at + 1 :]


def _other_amount(rng: Random, value: str) -> int:
    """Return ten times the amount, or the amount with one digit changed."""
    return int(value) * 10 if rng.random() < 0.5 else int(_other_digit(rng, value))


def _other_percent(rng: Random, _value: str) -> float:
    return float(rng.randrange(5, 101, 5))


def _other_count(rng: Random, value: str) -> int:
    return max(0, int(value) + rng.choice((-3, -2, -1, 1, 2, 3, 10)))


def _other_date(rng: Random, value: str) -> str:
    """Return a date with another year, month or day."""
    year, month, day = (int(part) for part in value.split("-"))
    change = rng.choice("ymd")
    if change == "y":
        year += rng.choice((-10, -1, 1, 10))
    elif change == "m":
        month = rng.randint(1, 12)
    else:
        day = rng.randint(1, 28)
    return f"{year:04}-{month:02}-{day:02}"


def _other_mark(rng: Random, value: str) -> str:
    month, _, day = value.partition("·")
    if rng.random() < 0.5:
        return f"{rng.randint(1, 12)}·{day}"
    return f"{month}·{rng.randint(1, 31)}"


def _other_character(rng: Random, value: str) -> str:
    """Return the name with one of its characters changed."""
    places = [at for at, char in enumerate(value) if "\u4e00" <= char <= "\u9fff"]
    if not places:
        return value
    at = rng.choice(places)
    return value[:at] + rng.choice(_CHARACTERS) + value[at + 1 :]


def totals(counts: Iterable[FieldCount]) -> tuple[int, int]:
    """Return how many wrong values were accepted and how many were tried."""
    rows = list(counts)
    return sum(len(row.accepted) for row in rows), sum(row.tried for row in rows)
