"""Writes the chapter on who is held to account: plans who gets what, and in which construction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from corpus.synthetic.cast import Org, Person
from corpus.synthetic.document_writer import DocumentWriter
from corpus.synthetic.kinds_of import NO_ORGAN, Kind, kinds, kinds_for
from corpus.synthetic.sanctioning import Manner, Sanctioner

_COMMON = {
    "O": (
        "party.warning",
        "party.serious_warning",
        "gov.warning",
        "gov.demerit",
        "org.admonition",
        "org.criticism",
        "org.written_self_criticism",
        "gov.major_demerit",
    ),
    "W": ("admin.fine", "admin.fine", "admin.license_revoked", "admin.unspecified"),
    "L": ("admin.fine.percent", "admin.fine.percent", "admin.fine"),
    "C": ("admin.fine", "admin.fine", "admin.fine", "admin.unspecified", "credit.listed"),
    "U": ("unit.written_self_criticism", "unit.written_self_criticism", "unit.notice_of_criticism"),
}
_SECOND = {
    "W": ("admin.license_revoked", "credit.record"),
    "L": ("admin.practice_ban", "admin.license_revoked", "credit.record"),
    "C": (
        "admin.confiscate",
        "admin.license_suspended",
        "admin.stop_production",
        "credit.listed",
        "admin.grade_lowered",
        "admin.license_revoked",
        "credit.record",
        "admin.restricted",
    ),
    "U": ("unit.notice_of_criticism", "unit.interview"),
}
_ALONE = (
    "none.",
    "transfer.",
    "crim.",
    "admin.closed",
    "admin.unspecified",
    "admin.notice",
    "disc.",
)
_NOT_REPORTED = ("none.", "admin.practice_ban")
COMMON_RATE, SECOND_RATE, LIST_RATE = 0.4, 0.3, 0.3
NOUN_RATE = 0.35
Item = Callable[[], None]


class Treatment:
    """Writes the sanctions of one document in the manner of its kind."""

    def __init__(self, writer: DocumentWriter, manner: Manner) -> None:
        """Take the writer of the document and how it speaks of sanctions."""
        self._writer = writer
        self._chance = writer.chance
        self._speaker = writer.speaker
        self._incident = writer.speaker.incident
        self.manner = manner
        self._sanctioner = Sanctioner(writer.speaker, manner)

    # Who

    def officials(self, number: int) -> list[Person]:
        """Return people of authorities."""
        cast, incident = self._incident.cast, self._incident
        town = (cast.town_gov, "titles_street" if cast.town_gov.sort == "street" else "titles_town")
        places = [
            town,
            town,
            (incident.authorities["regulator"], "titles_regulator"),
            (cast.local[f"dept{self._chance.between(1, 5)}"], "titles_dept"),
            (incident.authorities[f"dept{self._chance.between(1, 5)}"], "titles_dept"),
            (cast.village_committee, "titles_village"),
            (incident.authorities["gov"], "titles_gov"),
        ]
        return [cast.person(*self._chance.pick(places)) for _ in range(number)]

    def managers(self, number: int) -> list[Person]:
        """Return people of the companies, no head."""
        companies = self._incident.companies
        places = [
            (companies["unit"], "titles_manager"),
            (companies["unit"], "titles_site"),
            (companies["general"], "titles_site"),
            (companies["super"], "titles_super"),
            (companies["labor"], "titles_site"),
        ]
        return [self._incident.cast.person(*self._chance.pick(places)) for _ in range(number)]

    def heads(self) -> list[Person]:
        """Return the head of the company, sometimes of another too."""
        companies = self._incident.companies
        chosen = ["unit", *(["general"] if self._chance.happens(0.3) else [])]
        return [self._incident.cast.person(companies[name], "titles_chief") for name in chosen]

    # What

    def choose(self, letter: str, *, reported: bool = False) -> list[Kind]:
        """Return one to three kinds for a party that can stand in one sentence."""
        known = kinds()
        pool = [
            kind
            for kind in kinds_for(letter)
            if kind.organ != "fact"
            and not kind.name.startswith(
                ("internal.", "crim.", *(_NOT_REPORTED if reported else ()))
            )
            and kind.name != "admin.practice_ban"
        ]
        is_common = self._chance.happens(COMMON_RATE)
        first = known[self._chance.pick(_COMMON[letter])] if is_common else self._chance.pick(pool)
        if first.name.startswith(_ALONE) or not self._chance.happens(SECOND_RATE):
            return [first]
        if letter == "O":
            seconds = [
                kind
                for kind in pool
                if kind.organ == first.organ
                and kind.name.partition(".")[0] != first.name.partition(".")[0]
                and not kind.name.startswith(_ALONE)
            ]
        else:
            seconds = [known[name] for name in _SECOND[letter] if name != first.name]
            seconds = [kind for kind in seconds if not reported or kind.organ != NO_ORGAN]
        return [first, *([self._chance.pick(seconds)] if seconds else [])]

    # The groups of a report or a reply

    def dead(self) -> Iterator[Item]:
        """Yield items on those who died and are not pursued."""
        for victim in self._incident.victims[: self._chance.between(1, 2)]:
            yield self._one(victim, "D", [kinds()["none.dead"]], "frame.dead")

    def facts(self, number: int) -> Iterator[Item]:
        """Yield items on those against whom steps have been taken."""
        pool = [k for k in kinds_for("W", "crim.") if k.organ == "fact"]
        early = [
            k
            for k in pool
            if k.name not in ("crim.sentenced", "crim.not_prosecuted", "crim.not_filed")
        ]
        for person in self.managers(number):
            chosen = [self._chance.pick(early)]
            yield self._one(person, "W", chosen, "frame.fact")

    def transferred(self, number: int) -> Iterator[Item]:
        """Yield items on those who are handed to the police or prosecutors."""
        for person in self.managers(number):
            yield self._one(person, "W", [kinds()["crim.transferred"]], "frame.W")

    def discipline(self, number: int) -> Iterator[Item]:
        """Yield items on officials: one by one, and in lists."""
        people = self.officials(number)
        for person in people:
            yield self._one(person, "O", self.choose("O"), "frame.O")
        if self._chance.happens(LIST_RATE):
            kind = self._chance.pick(
                [k for k in kinds_for("O") if k.name.startswith(("org.", "party.", "gov."))]
            )
            some = self.officials(self._chance.between(2, 4))
            yield lambda: self._sanctioner.same(some, kind)
        if self._chance.happens(LIST_RATE):
            pair = self.officials(2)
            chosen = self._chance.sample([k for k in kinds_for("O", "gov.") if k.nouns], 2)
            yield lambda: self._sanctioner.each(pair, chosen, "frame.each")

    def admin_people(self, number: int) -> Iterator[Item]:
        """Yield items on heads and managers whom an authority punishes."""
        for person in self.heads():
            yield self._one(person, "L", self.choose("L"), "frame.W")
        for person in self.managers(number):
            yield self._one(person, "W", self.choose("W"), "frame.W")

    def admin_units(self) -> Iterator[Item]:
        """Yield items on companies."""
        companies = self._incident.companies
        names = ["unit", *self._chance.sample(("general", "owner", "super", "labor", "tech"), 2)]
        if self._chance.happens(LIST_RATE):
            pair = [companies[name] for name in names[1:3]]
            names = names[:1]
            yield lambda: self._sanctioner.each_fine(pair)
        for name in names:
            yield self._one(companies[name], "C", self.choose("C"), "frame.C")

    def internal(self, number: int) -> Iterator[Item]:
        """Yield items on those whom their company is to sanction."""
        unit = self._incident.unit
        people = [self._incident.cast.person(unit, "titles_site") for _ in range(number)]
        pool = kinds_for("W", "internal.")
        for person in people:
            yield self._one(person, "W", [self._chance.pick(pool)], "frame.internal")
        if self._chance.happens(LIST_RATE):
            pair = [self._incident.cast.person(unit, "titles_manager") for _ in range(2)]
            known = kinds()
            chosen = [known["internal.removed"], known["internal.dismissed"]]
            yield lambda: self._sanctioner.each(pair, chosen, "frame.each_internal")

    def units(self) -> Iterator[Item]:
        """Yield items on governments and departments."""
        authorities = self._incident.authorities
        chosen = [self._incident.cast.town_gov, authorities["dept1"], authorities["dept2"]]
        for org in self._chance.sample(chosen, self._chance.between(1, 2)):
            yield self._one(org, "U", self.choose("U"), "frame.U")
        if self._chance.happens(LIST_RATE):
            yield lambda: self._sanctioner.group(self._chance.pick(chosen))

    def _one(self, party: Person | Org, letter: str, chosen: Sequence[Kind], frame: str) -> Item:
        return lambda: self._sanctioner.one(party, letter, chosen, frame)

    # What an evaluation found

    def outcome_facts(self, number: int) -> Iterator[Item]:
        """Yield items on criminal proceedings."""
        pool = [k for k in kinds_for("W", "crim.") if k.organ == "fact"]
        late = [
            k
            for k in pool
            if k.name
            in ("crim.sentenced", "crim.not_prosecuted", "crim.prosecuted", "crim.not_filed")
        ]
        for person in self.managers(number):
            kind = self._chance.pick(late if self._chance.happens(0.7) else pool)
            yield self._one(person, "W", [kind], "outcome.fact")
        if self._chance.happens(LIST_RATE):
            person = self.managers(1)[0]
            transferred = [kinds()["crim.transferred"]]
            yield self._one(person, "W", transferred, "outcome.person")

    def outcome_officials(self, number: int) -> Iterator[Item]:
        """Yield items on officials who were disciplined, or not yet."""
        done = Manner("decided", alt_stage=("executed",))
        for person in self.officials(number):
            chosen = self.choose("O", reported=True)
            if chosen[0].nouns and self._chance.happens(NOUN_RATE):
                teller = Sanctioner(self._speaker, done)
                tell = teller.restated if self._chance.happens(0.3) else teller.passive
                yield partial(tell, person, chosen[0])
                continue
            if self._chance.happens(0.08) and chosen[0].organ != NO_ORGAN:
                yield self._told("not_executed", "", person, ("O", chosen[:1], "outcome.not"))
            else:
                yield self._told("decided", "", person, ("O", chosen, "outcome.person"))

    def outcome_admin(self, number: int) -> Iterator[Item]:
        """Yield items on fines and licences, paid or not."""
        companies = self._incident.companies
        names = ["unit", *self._chance.sample(("general", "owner", "super", "tech"), 1)]
        parties: list[tuple[Person | Org, str]] = [(companies[name], "C") for name in names]
        parties += [(person, "L") for person in self.heads()]
        parties += [(person, "W") for person in self.managers(number)]
        for party, letter in parties:
            chosen = self.choose(letter, reported=True)
            frame = "outcome.unit" if letter == "C" else "outcome.person"
            yield self._told(*self._fate(chosen), party, (letter, chosen, frame))

    def outcome_others(self) -> Iterator[Item]:
        """Yield items on units that wrote self-criticisms, and on sanctions by companies."""
        unit = self._incident.unit
        manner = replace(self.manner, stage="executed", alt_stage=("decided",))
        done = Sanctioner(self._speaker, manner)
        for org in (self._incident.cast.town_gov, self._incident.authorities["dept1"]):
            yield partial(done.check_done, org)
        person = self._incident.cast.person(unit, "titles_site")
        chosen = [self._chance.pick(kinds_for("W", "internal."))]
        yield self._told("decided", "", person, ("W", chosen, "outcome.person"))

    def _fate(self, chosen: Sequence[Kind]) -> tuple[str, str]:
        """Return stage and tail of a sanction by an authority."""
        if len(chosen) == 1 and chosen[0].code == "admin.fine":
            draw = self._chance.below(10)
            if draw < 5:
                return "executed", "fine_paid"
            if draw < 6:
                return "not_executed", "fine_unpaid"
        is_admin = chosen[0].name.startswith("admin.") and self._chance.happens(0.4)
        return "decided", "number" if is_admin else ""

    def _told(
        self,
        stage: str,
        tail: str,
        party: Person | Org,
        how: tuple[str, Sequence[Kind], str],
    ) -> Item:
        manners = {
            "decided": Manner("decided", alt_stage=("executed",), tail=tail),
            "executed": Manner("executed", alt_stage=("decided",), tail=tail),
            "not_executed": Manner("not_executed", alt_stage=("decided",), tail=tail),
        }
        manner = manners[stage]
        if tail.startswith("fine_") or stage == "not_executed":
            manner = replace(manner, alt_stage=())
        return lambda: Sanctioner(self._speaker, manner).one(party, *how)
