"""Invented people, places and organisations of one case, in all forms in which they are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from corpus.synthetic.chance import Chance
from corpus.synthetic.grammar import word_lists

OLD_REGULATOR = date(2018, 3, 1)
"""Until then safety was regulated by the 安全生产监督管理局, discipline was for the 纪委 alone."""
RELATIVE_RATE = 0.55
ALIAS_RATE = 0.6
COMPANY_MASK_RATE = 0.3


@dataclass(slots=True)
class Org:
    """An organisation: its full name, short forms that need no word, an alias that is declared."""

    full: str
    shorts: tuple[str, ...] = ()
    alias: str = ""
    sort: str = "company"
    used: list[str] = field(default_factory=list)
    is_introduced: bool = False

    def say(self, chance: Chance) -> str:
        """Return one of the forms, and remember that the text uses it."""
        name = self.full
        if self.alias and self.is_introduced and chance.happens(ALIAS_RATE):
            name = self.alias
        elif self.shorts and chance.happens(RELATIVE_RATE):
            name = chance.pick(self.shorts)
        return self.use(name)

    def use(self, name: str) -> str:
        """Remember that the text uses this form, and return it."""
        if name not in self.used:
            self.used.append(name)
        return name


@dataclass(frozen=True, slots=True)
class Person:
    """A person with employer and title; the title is (words, is a role) parts."""

    name: str
    employer: Org
    title: tuple[tuple[str, bool], ...]
    particulars: str = ""

    @property
    def title_words(self) -> str:
        """The title as printed."""
        return "、".join(words for words, _ in self.title)


class People:
    """Draws names, each once; a document may mask all names in one way."""

    def __init__(self, chance: Chance) -> None:
        """Choose how this document prints the names of people."""
        self._chance = chance
        self._taken: list[str] = []
        self.company_mask = ""
        self._mask = (
            chance.pick(("某", "某某", "*", "×", "X", "甲", "A")) if chance.happens(0.2) else ""
        )

    def mask_companies(self) -> None:
        """Mask the names of the companies too, in some of the documents that mask people."""
        if self._mask in ("某", "某某", "*", "×") and self._chance.happens(COMPANY_MASK_RATE):
            self.company_mask = (self._mask * 2)[:2]

    def name(self) -> str:
        """Return a name that no other holds or is held by."""
        words = word_lists()
        while True:
            name = self._mask_name(self._draw()) if self._mask else self._draw()
            clash = any(name in other or other in name for other in self._taken)
            if not clash and name not in words["blocked_names"]:
                self._taken.append(name)
                return name

    def _draw(self) -> str:
        chance, words = self._chance, word_lists()
        sort = chance.below(100)
        if sort < 4:
            first, last = chance.pick(words["minority_first"]), chance.pick(words["minority_last"])
            return f"{first}·{last}"
        if sort < 6:
            return chance.pick(words["mongol_names"])
        if sort < 11:
            surname = chance.pick(words["compound_surnames"])
        else:
            surname = chance.pick(words["rare_surnames" if sort < 25 else "surnames"])
        lists = ("given_common", "given_female", "given_common", "given_rare")
        given = chance.pick(words[chance.pick(lists)])
        if chance.happens(0.72):
            given += chance.pick(words[chance.pick(lists)])
        return surname + given

    def _mask_name(self, name: str) -> str:
        chance = self._chance
        surname = name[:2] if name[:2] in word_lists()["compound_surnames"] else name[0]
        rest = name[len(surname) :]
        if self._mask == "甲":
            return (
                f"{surname}某{chance.pick('甲乙丙丁')}" if chance.happens(0.5) else f"{surname}某"
            )
        if self._mask == "A":
            return f"{surname}{chance.pick('ABCDEFGH')}"
        if self._mask == "某某":
            return f"{surname}某某" if chance.happens(0.6) else f"{surname}某{rest[-1]}"
        if self._mask in "*×X":
            masks = self._mask * min(len(rest), 2)
            return surname + (
                self._mask + rest[-1] if len(rest) > 1 and chance.happens(0.3) else masks
            )
        return f"{surname}{self._mask}"


def make_title(chance: Chance, words: Sequence[str], level: str) -> tuple[tuple[str, bool], ...]:
    """Return a title of a list as parts; several roles or titles are joined by 、."""
    role, _, titles = chance.pick(words).replace("LEVEL", level).partition("/")
    parts = [(part, True) for part in role.split("、") if part]
    return (*parts, *((part, False) for part in titles.split("、") if part))


class Cast:
    """The places and organisations of one case."""

    def __init__(self, chance: Chance, when: date) -> None:
        """Draw places and the authorities that stand in them."""
        words = word_lists()
        self.people = People(chance)
        self.people.mask_companies()
        self.province, self.city, self.county = (
            chance.pick(words[name]) for name in ("provinces", "cities", "counties")
        )
        self.town = chance.pick(words["towns"]) + chance.pick(("镇", "镇", "镇", "乡", "街道"))
        self.village = chance.pick(words["villages"]) + "村"
        self._brands: list[str] = []
        self._chance = chance
        self.is_old = when < OLD_REGULATOR
        self.local = self._authorities(self.county)
        self.upper = self._authorities(self.city)
        self.town_gov = self._town()
        self.village_committee = Org(
            f"{self.town}{self.village}村民委员会", (f"{self.village}村委会",), sort="village"
        )

    @property
    def level(self) -> str:
        """县, 区 or 市 as the text calls the county."""
        return self.county[-1]

    def _town(self) -> Org:
        if self.town.endswith("街道"):
            return Org(f"{self.county}{self.town}办事处", (f"{self.town}办事处",), sort="street")
        level = self.town[-1]
        shorts = (f"{self.town}人民政府", f"{self.town}政府", f"{level}政府")
        return Org(f"{self.county}{self.town}人民政府", shorts[:2], sort="town")

    def _authorities(self, place: str) -> dict[str, Org]:
        level = place[-1]
        made = {
            "gov": Org(f"{place}人民政府", (f"{level}人民政府", f"{level}政府"), sort="gov"),
            "party": Org(f"中共{place}委员会", (f"{level}委",), sort="party"),
            "police": Org(f"{place}公安局", (f"{level}公安局",), sort="police"),
            "court": Org(f"{place}人民法院", (f"{level}人民法院", f"{level}法院"), sort="court"),
            "procuratorate": Org(f"{place}人民检察院", (f"{level}人民检察院", f"{level}检察院")),
            "union": Org(f"{place}总工会", (f"{level}总工会",), sort="dept"),
        }
        if self.is_old:
            made["discipline"] = Org(f"{place}纪委", (f"{level}纪委",), sort="discipline")
            names = ["安全生产监督管理局/安监局"]
        else:
            made["discipline"] = Org(f"{place}纪委监委", (f"{level}纪委监委",), sort="discipline")
            names = ["应急管理局/应急局"]
        names += self._chance.sample(word_lists()["departments"][1:], 5)
        for number, name in enumerate(names):
            full, _, short = name.partition("/")
            forms = (f"{level}{full}", f"{level}{short}")
            made["regulator" if number == 0 else f"dept{number}"] = Org(
                f"{place}{full}", tuple(dict.fromkeys(forms)), sort="dept"
            )
        return made

    def company(self, trade: str, place: str | None = None, kind: str = "") -> Org:
        """Return a company of a trade, named after its place, a brand and the trade."""
        chance, words = self._chance, word_lists()
        mask = self.people.company_mask
        brand = mask or self._brand()
        place = place or chance.pick((self.city, self.county, self.county))
        place = place if chance.happens(0.4) else place[:-1]
        ending = kind or chance.pick(
            ("有限公司", "有限公司", "有限公司", "有限责任公司", "股份有限公司")
        )
        full = f"{place}{brand}{trade}{ending}"
        shorts = dict(pair.split("/") for pair in words["trade_shorts"])
        trade_short = f"{brand}{shorts[trade]}"
        short = chance.pick((f"{brand}公司", trade_short, f"{trade_short}公司"))
        return Org(full, alias="" if mask else short)

    def _brand(self) -> str:
        """Return a word of two characters that no company of this case has yet."""
        chance, words = self._chance, word_lists()
        while True:
            brand = chance.pick(words["brand_first"]) + chance.pick(words["brand_last"])
            if brand[0] != brand[1] and brand not in self._brands:
                self._brands.append(brand)
                return brand

    def person(self, employer: Org, titles: str | Sequence[str]) -> Person:
        """Return a new person of an organisation with a title of this list or list of words."""
        chance = self._chance
        words = word_lists()[titles] if isinstance(titles, str) else titles
        level = employer.full.removesuffix("人民政府")[-1]
        name = self.people.name()
        is_woman = bool(set(name[1:]) & set(word_lists()["given_female"]))
        sex = "女" if is_woman or chance.happens(0.1) else "男"
        bits = [sex, f"{chance.between(24, 59)}岁"]
        if chance.happens(0.4):
            bits.append(chance.pick(word_lists()["nations"]))
        if employer.sort != "company" and chance.happens(0.6):
            bits.append("中共党员")
        return Person(name, employer, make_title(chance, words, level), "，".join(bits))


def group_of(orgs: Sequence[Org], names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the alias groups of those organisations that have one of these names."""
    return [
        tuple(sorted(org.used, key=lambda name: (name != org.full, -len(name))))
        for org in orgs
        if set(org.used) & set(names)
    ]
