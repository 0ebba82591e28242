"""Fills the slots of a row for one incident and writes it, with all that it states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import date, timedelta

from corpus.synthetic import spelling
from corpus.synthetic.cast import Org, Person
from corpus.synthetic.chance import Chance
from corpus.synthetic.doc_codes import Coder
from corpus.synthetic.grammar import (
    Choice,
    Grammar,
    Parts,
    Quote,
    Row,
    Slot,
    Words,
    parse_row,
    word_lists,
)
from corpus.synthetic.incident import Incident
from corpus.synthetic.scribe import Scribe

Binding = Callable[[str], None]
Bindings = Mapping[str, Binding]
NO_BINDINGS: Bindings = {}
ROUND_FROM, MOST_COUNTED = 1_500, 50_000
"""Counts up to these sizes are printed in hundreds: 9900余份; larger ones are codes."""
_WORD_SLOTS = {
    "system": "systems",
    "object": "objects",
    "campaign": "campaigns",
    "industry": "industries",
    "standard": "standards",
}


class Speaker:
    """Writes rows of one split for one incident."""

    def __init__(
        self, chance: Chance, grammar: Grammar, incident: Incident, scribe: Scribe, coder: Coder
    ) -> None:
        """Take what the sentences are made of."""
        self.chance = chance
        self.grammar = grammar
        self.incident = incident
        self.scribe = scribe
        self.coder = coder
        self.actors: list[str] = []
        self.deadline: list[str] = []
        self.since = incident.day
        self.today = incident.reported
        self._used: dict[str, list[str]] = {}
        self._stack: list[Bindings] = []

    def row(self, table: str) -> Row:
        """Draw a row of a table; none twice before all were used."""
        rows, used = self.grammar.rows(table), self._used.setdefault(table, [])
        left = [row for row in rows if row.family not in used]
        if not left:
            used.clear()
            left = list(rows)
        row = self.chance.pick(left)
        used.append(row.family)
        return row

    def say(self, table: str, bindings: Bindings = NO_BINDINGS, *, whole: bool = True) -> Row:
        """Write a row of a table as a sentence of its role; without `whole` as a part of one."""
        row = self.row(table)
        self.say_row(row, bindings, whole=whole)
        return row

    def say_row(self, row: Row, bindings: Bindings = NO_BINDINGS, *, whole: bool = True) -> None:
        """Write this row."""
        kept: AbstractContextManager[None] = nullcontext()
        if whole:
            kept = self.scribe.sentence(row.role, row.family)
        with kept:
            self._stack.append(bindings)
            self._write(row.tree)
            self._stack.pop()

    def _write(self, tree: Parts) -> None:
        for part in tree.parts:
            if isinstance(part, Words):
                self.scribe.write(part.text, part.label)
            elif isinstance(part, Slot):
                self._fill(part)
            elif isinstance(part, Choice):
                self._write(self.chance.pick(part.options))
            else:
                self._quote(part)

    def _quote(self, quote: Quote) -> None:
        start = self.scribe.length
        self._write(quote.inner)
        self.scribe.cues.append((start, self.scribe.length))

    def _fill(self, slot: Slot) -> None:
        for bindings in reversed(self._stack):
            if slot.name in bindings:
                bindings[slot.name](slot.argument)
                return
        if slot.name.startswith("@"):
            self.say(slot.name[1:] + (f".{slot.argument}" if slot.argument else ""), whole=False)
        elif slot.name in _WORD_SLOTS:
            self.scribe.write(self.chance.pick(word_lists()[_WORD_SLOTS[slot.name]]))
        else:
            fill = getattr(self, f"_slot_{slot.name}", None)
            if fill is None:
                raise ValueError(f"没有“{slot.name}”这个空")
            fill(slot.argument)

    # Organisations

    def mention(self, org: Org, argument: str = "", label: str = "ORG") -> str:
        """Write an organisation; `new` declares its alias, `full` prints the full name."""
        name = org.use(org.full) if argument in ("new", "full") else org.say(self.chance)
        self.scribe.write(name, label)
        if argument == "new" and org.alias and not org.is_introduced:
            org.is_introduced = True
            opening, closing = self.chance.pick(("“”", "“”", "“”", ("", "")))
            self.scribe.write(f"（以下简称{opening}")
            self.scribe.write(org.use(org.alias), label)
            self.scribe.write(f"{closing}）")
        return name

    def _slot_company(self, argument: str) -> None:
        name, _, how = argument.partition(".")
        self.mention(self.incident.companies[name], how)

    def _slot_unit(self, argument: str) -> None:
        self.mention(self.incident.unit, argument)

    def _slot_gov(self, argument: str) -> None:
        self.mention(self.incident.authorities["gov"], argument)

    def _slot_towngov(self, argument: str) -> None:
        self.mention(self.incident.cast.town_gov, argument)

    def _slot_villagers(self, argument: str) -> None:
        self.mention(self.incident.cast.village_committee, argument)

    def _slot_auth(self, argument: str) -> None:
        """An authority of the level that handles the case, as an organisation."""
        name, _, how = argument.partition(".")
        self.mention(self.incident.authorities[name], how)

    def _slot_organ(self, argument: str) -> None:
        """An authority that decides, leads or supervises."""
        name, _, how = (argument or "regulator").partition(".")
        self.mention(self.incident.authorities[name], how, "ORGAN")

    def _slot_dept(self, argument: str) -> None:
        self._slot_auth(f"dept{self.chance.between(1, 5)}.{argument}")

    def _slot_A(self, _argument: str) -> None:
        """The unit that acts here: an actor of the record."""
        raise ValueError("{A} 只能用在措施、建议中")

    # People

    def person(self, person: Person) -> None:
        """Write a name."""
        self.scribe.write(person.name, "PERSON")

    def title(self, person: Person) -> None:
        """Write a title, its roles and posts apart."""
        for number, (words, is_role) in enumerate(person.title):
            self.scribe.write("、" if number else "")
            self.scribe.write(words, "ROLE" if is_role else "TITLE")

    def _slot_victim(self, _argument: str) -> None:
        self.person(self.chance.pick(self.incident.victims))

    def _slot_victims(self, _argument: str) -> None:
        for number, victim in enumerate(self.incident.victims):
            self.scribe.write("、" if number else "")
            self.person(victim)

    def _slot_bystander(self, argument: str) -> None:
        """Somebody who is no party: with a title of the company where it happened."""
        titles = argument or self.chance.pick(("titles_worker", "titles_site"))
        person = self.incident.cast.person(self.incident.unit, titles)
        self.title(person)
        self.person(person)

    # The accident

    def _slot_name(self, argument: str) -> None:
        """The name of the accident: the unit, the mark, grade and type; `lines` breaks between."""
        incident = self.incident
        self.mention(incident.unit, "full")
        self.scribe.write("\n" if argument == "lines" else "")
        self.scribe.write(f"“{incident.printed_mark}”{incident.grade}{incident.scene['type']}事故")

    def _slot_mark(self, _argument: str) -> None:
        incident = self.incident
        self.scribe.write(f"“{incident.printed_mark}”{incident.grade}{incident.scene['type']}事故")

    def _slot_scene(self, argument: str) -> None:
        self.scribe.write(str(self.incident.scene[argument]))

    def _slot_type(self, _argument: str) -> None:
        self.scribe.write(str(self.incident.scene["type"]))

    def _slot_grade(self, _argument: str) -> None:
        self.scribe.write(self.incident.grade)

    def _slot_toll(self, _argument: str) -> None:
        incident, chance = self.incident, self.chance
        words = f"{incident.deaths}人死亡"
        if incident.injuries:
            words += chance.pick(("、", "，")) + f"{incident.injuries}人受伤"
        self.scribe.write(words)

    def _slot_loss(self, _argument: str) -> None:
        self.scribe.write("直接经济损失" + self.chance.pick(("", "约", "为")))
        self.scribe.write(spelling.in_myriads(self.incident.loss), "AMOUNT")

    def _slot_place(self, argument: str) -> None:
        cast = self.incident.cast
        self.scribe.write(
            {
                "city": cast.city,
                "county": cast.county,
                "town": cast.town,
                "village": cast.village,
                "province": cast.province,
                "level": self.incident.place[-1],
            }.get(argument, self.incident.place)
        )

    # Time, numbers, law

    def _slot_day(self, argument: str) -> None:
        incident = self.incident
        days = {
            "accident": incident.day,
            "next": incident.day + timedelta(days=1),
            "report": incident.reported,
            "reply": incident.replied,
            "today": self.today,
            "evaluation": incident.evaluated,
            "set": incident.evaluated - timedelta(days=self.chance.between(12, 40)),
        }
        when = days.get(argument) or self.some_day(argument)
        self.scribe.write(spelling.day(when))

    def some_day(self, argument: str) -> date:
        """Return a day between `since` and today, or after today for `later`."""
        if argument == "later":
            return self.today + timedelta(days=self.chance.between(25, 240))
        if argument == "before":
            return self.incident.day - timedelta(days=self.chance.between(20, 700))
        span = max(2, (self.today - self.since).days - 1)
        return self.since + timedelta(days=self.chance.between(1, span))

    def _slot_year(self, argument: str) -> None:
        self.scribe.write(str(self.incident.day.year + int(argument or 0)))

    def _slot_time(self, argument: str) -> None:
        incident = self.incident
        minutes = incident.hour * 60 + incident.minute + int(argument or 0)
        self.scribe.write(f"{minutes // 60 % 24}时{minutes % 60:02d}分")

    def _slot_n(self, argument: str) -> None:
        low, _, high = argument.partition(".")
        number = self.chance.between(int(low or 2), int(high or 9))
        is_count = ROUND_FROM <= int(high or 9) < MOST_COUNTED
        self.scribe.write(str(-(-number // 100) * 100 if is_count else number))

    def _slot_crime(self, _argument: str) -> None:
        extra = self.incident.scene.get("crime")
        crimes = (*word_lists()["crimes"], *([extra, extra] if extra else []))
        self.scribe.write(self.chance.pick(crimes))

    def _slot_money(self, argument: str) -> None:
        """Money that is no sanction: between two numbers of 万元."""
        low, _, high = argument.partition(".")
        yuan = self.chance.between(int(low or 5), int(high or 400)) * spelling.MYRIAD
        self.scribe.write(spelling.in_myriads(yuan), "AMOUNT")

    def _slot_yuan(self, argument: str) -> None:
        """Money that is no sanction, in yuan."""
        low, _, high = argument.partition(".")
        self.scribe.write(f"{self.chance.between(int(low), int(high))}元", "AMOUNT")

    def _slot_percent(self, argument: str) -> None:
        self.scribe.write(spelling.percent(self.chance, int(argument)), "AMOUNT")

    def _slot_number(self, argument: str) -> None:
        self.write_number(argument)

    def write_number(self, argument: str) -> None:
        """Write a document number; argument: family, then of which year.

        `reply` is the year of the reply, `now` that of what is told; else that of the accident.
        """
        family, _, when = argument.partition(".")
        incident = self.incident
        has_begun = self.since > incident.day
        now = self.since if has_begun else self.today
        year = {"reply": incident.replied.year, "now": now.year}.get(when, incident.day.year)
        numbers = self.coder.make(family, year)
        self.scribe.write(numbers.printed)
        self.scribe.numbers += numbers.normal

    def _slot_due(self, _argument: str) -> None:
        """A day by which something is to be done."""
        when = self.some_day("later")
        words = self.chance.pick(
            (f"{when.year}年{when.month}月{when.day}日前", f"{when.year}年{when.month}月底前")
        )
        self.deadline.append(words)
        self.scribe.write(words)

    def say_words(self, text: str, bindings: Bindings = NO_BINDINGS) -> None:
        """Write words in the notation of the rows that belong to no table: titles, signatures."""
        self._stack.append(bindings)
        self._write(parse_row(text))
        self._stack.pop()
