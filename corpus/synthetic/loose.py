"""Writes sentences that stand in no document: names in all contexts, and words that are no names.

They are training examples alone; nothing is extracted from them, so they have no gold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from corpus.synthetic.chance import Chance
from corpus.synthetic.doc_codes import Coder
from corpus.synthetic.grammar import Split, grammar_of, word_lists
from corpus.synthetic.incident import happen
from corpus.synthetic.scribe import Scribe
from corpus.synthetic.speaker import Binding, Speaker
from corpus.synthetic.truth import examples
from corpus.synthetic.wide_names import (
    FIRST_LEVEL,
    MASK_STYLES,
    characters,
    family_name,
    full_name,
    masked_name,
)

PARAGRAPHS = 20
"""Paragraphs of one call: the facts behind them are drawn once."""

_TABLES = (
    *("loose.story",) * 6,
    *("loose.treat",) * 5,
    *("loose.words",) * 5,
    *("loose.list",) * 3,
    *("loose.profile",) * 3,
    *("loose.outcome",) * 3,
    *("loose.daily",) * 2,
    *("loose.rescue",) * 2,
    *("loose.testimony",) * 2,
    *("loose.places",) * 2,
    *("loose.orgs",) * 2,
    *("loose.measure",) * 2,
    *("loose.cause",) * 2,
    *("loose.problem",) * 2,
    "loose.suggestion",
    "loose.slogan",
    "loose.treat_table",
)
_ONE_LINE = ("loose.list", "loose.treat_table")
_MARKS = ("", "", "", "", "　　", "{}.", "{}、", "（{}）", "({})", "{}．")
_HALF = str.maketrans("，。；：（）“”", ',.;:()""')
MASK_RATE, HALF_RATE = 0.16, 0.06
_ENOUGH = 55
"""Behind so many characters a paragraph gets no further sentence."""
_SPLITS: tuple[Split, ...] = ("train",) * 7 + ("dev",) + ("test",) * 2


class _Filler:
    """Fills the slots that only loose sentences have; the names of a paragraph are its own."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._chance = speaker.chance
        self._scribe = speaker.scribe
        self._names: list[str] = []
        self._style: int | None = None

    def bindings(self) -> dict[str, Binding]:
        """Return the slots for a new paragraph."""
        style = self._chance.below(MASK_STYLES)
        self._style = style if self._chance.happens(MASK_RATE) else None
        self._names = []
        return {
            "p": lambda _: self._person(),
            "q": lambda _: self._again(),
            "ps": lambda _: self._persons(),
            "t": lambda _: self._scribe.write(self._title(), "TITLE"),
            "c": lambda _: self._scribe.write(self._company(), "ORG"),
            "o": lambda _: self._scribe.write(self._organisation(), "ORG"),
            "g": lambda _: self._scribe.write(self._authority(), "ORG"),
            "G": lambda _: self._scribe.write(self._authority(), "ORGAN"),
            "w": lambda name: self._scribe.write(self._word(name)),
        }

    def _word(self, name: str) -> str:
        return self._chance.pick(word_lists()[name])

    def _person(self) -> None:
        name = ""
        while not name or name in word_lists()["blocked_names"]:
            if self._style is None:
                name = full_name(self._chance)
            else:
                name = masked_name(self._chance, self._style)
        self._names.append(name)
        self._scribe.write(name, "PERSON")

    def _again(self) -> None:
        """Write somebody named before, not the last if there are others."""
        self._scribe.write(self._chance.pick(self._names[:-1] or self._names), "PERSON")

    def _persons(self) -> None:
        between = self._chance.pick("、、、，")
        for number in range(self._chance.between(2, 7)):
            self._scribe.write(between if number else "")
            self._person()

    def _title(self) -> str:
        """Return one post."""
        if self._chance.happens(0.5):
            return self._word("loose_titles")
        lists = "chief manager site worker super gov dept regulator town street village"
        titles = self._word("titles_" + self._chance.pick(lists.split())).partition("/")[2]
        place = self._chance.pick("县区市乡镇")
        return self._chance.pick(titles.split("、")).replace("LEVEL", place) or "总经理"

    def _place(self) -> str:
        cast, chance = self._speaker.incident.cast, self._chance
        words = (cast.city, cast.county, cast.town, cast.county + cast.town, "市", "县", "区")
        if chance.happens(0.3):
            return self._word("cities") + chance.pick(("", self._word("counties")))
        return chance.pick(words)

    def _brand(self) -> str:
        """Return a brand of two or three characters; seldom a name, or a mask."""
        chance = self._chance
        sort = chance.below(20)
        if sort == 0:
            return chance.pick(("某", "某某", "××", "XX", "**"))
        if sort == 1:
            return full_name(chance)
        if sort == 2:
            return family_name(chance) + chance.pick(("记", "氏"))
        source = word_lists()["org_brands"] if sort < 14 else characters(FIRST_LEVEL)
        return "".join(chance.pick(source) for _ in range(chance.pick((2, 2, 2, 3))))

    def _company(self) -> str:
        chance = self._chance
        if chance.happens(0.15):
            return chance.pick(tuple(self._speaker.incident.companies.values())).full
        place = self._place() if chance.happens(0.5) else ""
        place = "" if len(place) < 2 else place.removesuffix("市").removesuffix("县")
        trade = self._word("org_trades") if chance.happens(0.8) else ""
        return place + self._brand() + trade + self._word("org_ends")

    def _organisation(self) -> str:
        sort = self._chance.below(10)
        if sort < 3:
            return self._company()
        if sort < 5:
            return self._authority()
        brand = self._brand() if sort == 5 else ""
        return self._place() + brand + self._word("org_bodies")

    def _authority(self) -> str:
        chance, cast = self._chance, self._speaker.incident.cast
        if chance.happens(0.4):
            known = (*cast.local.values(), *cast.upper.values(), cast.town_gov)
            org = chance.pick(known)
            return chance.pick((org.full, *org.shorts))
        full, _, short = self._word("departments").partition("/")
        return self._place() + chance.pick((full, short))


def loose_examples(number: int, seed: int, split: Split) -> list[dict[str, Any]]:
    """Return the examples of one call; the same arguments give the same on every machine."""
    chance = Chance(seed, number, split, "loose")
    incident = happen(chance)
    scribe = Scribe()
    coder = Coder(chance, incident.place, 0, is_old=incident.cast.is_old)
    speaker = Speaker(chance, grammar_of(split), incident, scribe, coder)
    filler = _Filler(speaker)
    for _ in range(PARAGRAPHS):
        _paragraph(speaker, filler)
        scribe.line()
    lines = list(examples(scribe.text, scribe.sentences, scribe.labelled(), split))
    for line in lines:
        if chance.happens(HALF_RATE):
            line["text"] = line["text"].translate(_HALF)
    return lines


def _paragraph(speaker: Speaker, filler: _Filler) -> None:
    """Write one to three sentences of one table as one example."""
    chance, scribe = speaker.chance, speaker.scribe
    table = chance.pick(_TABLES)
    row = speaker.row(table)
    bindings = filler.bindings()
    with scribe.sentence(row.role, row.family):
        mark = "" if table in _ONE_LINE else chance.pick(_MARKS)
        scribe.write(mark.format(chance.between(1, 12)))
        start = scribe.length
        speaker.say_row(row, bindings, whole=False)
        for _ in range(0 if table in _ONE_LINE else chance.below(3)):
            if scribe.length - start > _ENOUGH:
                break
            speaker.say(table, bindings, whole=False)


def loose_many(calls: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the examples of so many calls: of ten calls seven are for training, three are held."""
    for number in range(calls):
        yield from loose_examples(number, seed, _SPLITS[number % len(_SPLITS)])
