"""Writes the sentences that state sanctions, with the record of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from corpus.gold import GoldPenalty
from corpus.synthetic import spelling
from corpus.synthetic.cast import Org, Person
from corpus.synthetic.grammar import word_lists
from corpus.synthetic.kinds_of import (
    FACT,
    NO_ORGAN,
    Kind,
    kinds,
    law_about,
    sentence_of,
    term_of,
)
from corpus.synthetic.legal import cite
from corpus.synthetic.speaker import Binding, Speaker
from extractor.extraction import Stage

SHORTEST_QUOTE = 6
PRONOUN_RATE = 0.6
ANAPHORA_RATE = 0.3
_PREFIXES = {"w": "", "dui": "对", "jiang": "将", "yu": "与"}
"""The slots of the party in the words of a sanction, and the word before it."""
_NEEDS_WHOM = re.compile(r"(责令|责成|约谈)\{w\}")
_MAY_BE_BARE = re.compile(r"\{dui\}(处|给予|予以|作出|罚款|没收)")
_PERCENTS = {"一般": (30, 40), "较大": (40, 60)}
# Two careful readers may differ here.
_ALSO = {"transfer.other": ("admin.unspecified",), "admin.unspecified": ("transfer.other",)}
_CRIMINAL_ORGANS = ("police", "court", "procuratorate")


@dataclass(slots=True)
class Draft:
    """One party with one kind, as far as it is written."""

    party: str
    party_kind: Literal["person", "org", "group"]
    kind: Kind
    title: str | None = None
    employer: str | None = None
    organ: str | None = None
    basis: str | None = None
    amount: int | None = None
    percent: int | None = None
    term: str | None = None
    count: int | None = None
    place: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a document speaks of sanctions: its stage, and whether it only suggests them."""

    stage: Stage
    suggests: bool = False
    alt_stage: tuple[Stage, ...] = ()
    tail: str = ""


class Sanctioner:
    """Writes sanctions of one document."""

    def __init__(self, speaker: Speaker, manner: Manner) -> None:
        """Take the writer of rows."""
        self._speaker = speaker
        self._chance = speaker.chance
        self._scribe = speaker.scribe
        self._manner = manner

    def one(self, party: Person | Org, letter: str, chosen: Sequence[Kind], frame: str) -> None:
        """Write one party with its kinds in a frame, and keep the records."""
        drafts = [self._draft(party, kind) for kind in chosen]
        table = frame
        is_company = isinstance(party, Org) and party.sort == "company"
        whom = "该公司" if is_company and self._chance.happens(ANAPHORA_RATE) else "其"
        rate = 1.0 if frame.startswith("outcome.") else PRONOUN_RATE
        address = self._pronoun(rate, whom)
        bindings = self._common(drafts, letter) | self._faults(party)
        bindings |= self._who(party, drafts)
        bindings["cues"] = lambda _: self._cues(drafts, letter, address)
        name: Binding = partial(self._intro, party, drafts)
        bindings["cues_named"] = lambda _: self._cues(drafts, letter, self._named(name), name)
        self._speaker.say(table, bindings)
        self._keep(drafts)

    def same(self, people: Sequence[Person], kind: Kind) -> None:
        """Write one kind for several people, their employer once."""
        drafts = [self._draft(person, kind) for person in people]

        def names(_argument: str) -> None:
            self._list(people, drafts)

        bindings = self._common(drafts, "O")
        bindings["list"] = names
        bindings["cues"] = lambda _: self._shared_cue(drafts, self._named(names), names)
        bindings["cues_after"] = lambda _: self._shared_cue(drafts, self._those(), None)
        self._speaker.say("frame.same", bindings)
        self._keep(drafts)

    def each(self, parties: Sequence[Person], chosen: Sequence[Kind], frame: str) -> None:
        """Write two people with a kind for each."""
        drafts = [self._draft(*pair) for pair in zip(parties, chosen, strict=True)]
        bindings = self._common(drafts, "O")
        for number, (person, draft) in enumerate(zip(parties, drafts, strict=True), 1):
            bindings[f"i{number}"] = partial(self._intro, person, [draft])
            if number > 1 and person.employer is parties[0].employer:
                bindings[f"i{number}"] = partial(self._colleague, person, draft, drafts[0])
            if draft.kind.nouns:
                noun = self._chance.pick(draft.kind.nouns)
                bindings[f"noun{number}"] = partial(self._plain_words, noun)
        self._with_quotes(frame, bindings, drafts)

    def each_fine(self, companies: Sequence[Org]) -> None:
        """Write two companies with a fine for each."""
        fine = kinds()["admin.fine"]
        drafts = [self._draft(company, fine) for company in companies]
        bindings = self._common(drafts, "C")
        for number, (company, draft) in enumerate(zip(companies, drafts, strict=True), 1):
            bindings[f"c{number}"] = partial(self._intro, company, [draft])
            bindings[f"a{number}"] = partial(self._amount, draft, "C")
        self._with_quotes("frame.each_fine", bindings, drafts)

    def group(self, employer: Org) -> None:
        """Write a counted group of unnamed people who are criticised."""
        count = self._chance.between(2, 6)
        noun = self._chance.pick(("工作人员", "执法人员", "网格员", "巡查人员", "监管人员"))
        words = f"{count}名{noun}"
        draft = Draft(words, "group", kinds()["org.criticism"], count=count)

        def whom(_argument: str) -> None:
            self._scribe.write("对")
            draft.employer = self._speaker.mention(employer)
            self._scribe.write(self._chance.pick(("的", "")) + words)

        bindings = self._common([draft], "O")
        bindings["dui_group"] = whom
        self._with_quotes("frame.group", bindings, [draft])

    def passive(self, person: Person, kind: Kind) -> None:
        """Write that somebody received a sanction that has a bare noun."""
        drafts = [self._draft(person, kind)]
        bindings = self._common(drafts, "O") | self._who(person, drafts)
        bindings["noun1"] = partial(self._plain_words, self._chance.pick(kind.nouns))
        self._with_quotes("outcome.passive", bindings, drafts)

    def restated(self, person: Person, kind: Kind) -> None:
        """Write what was proposed for somebody, and that it was done: two records."""
        drafts = [self._draft(person, kind), self._draft(person, kind)]
        bindings = self._common(drafts[1:], "O") | self._who(person, drafts)
        for number in (1, 2):
            noun = self._chance.pick(kind.nouns)
            bindings[f"noun{number}"] = partial(self._plain_words, noun)
        before = len(self._scribe.cues)
        self._speaker.say("outcome.restated", bindings)
        for draft, place in zip(drafts, self._scribe.cues[before:], strict=True):
            draft.place = place
        Sanctioner(self._speaker, Manner("proposed"))._keep(drafts[:1])
        self._keep(drafts[1:])

    def check_done(self, unit: Org) -> None:
        """Write that a unit has handed in its written self-criticism."""
        draft = self._draft(unit, kinds()["unit.written_self_criticism"])
        bindings = self._common([draft], "U") | self._who(unit, [draft])
        bindings["to"] = lambda _: self._recipient(draft)
        self._with_quotes("outcome.done_unit_check", bindings, [draft])

    def decision(self, unit: Org, organ: str) -> None:
        """Write the sentence in which an authority fines a company."""
        draft = self._draft(unit, kinds()["admin.fine"])
        draft.organ = organ
        bindings = self._common([draft], "C")
        bindings["who"] = partial(self._plain_org, unit)
        bindings["amount"] = partial(self._amount, draft, "C")
        bindings["law"] = lambda _: self._law("unit_fine")
        self._with_quotes("pen.decision", bindings, [draft])

    def _plain_org(self, org: Org, _argument: str) -> None:
        self._speaker.mention(org, "full")

    def _law(self, about: str) -> None:
        cited = cite(self._chance, about, self._speaker.incident.day)
        self._scribe.write(cited[0] if cited else "《安全生产法》")

    def _with_quotes(
        self, frame: str, bindings: dict[str, Binding], drafts: Sequence[Draft]
    ) -> None:
        """Write a frame that marks its own quotes: one for all, or one for each."""
        before = len(self._scribe.cues)
        self._speaker.say(frame, bindings)
        places = self._scribe.cues[before:]
        for number, draft in enumerate(drafts):
            draft.place = places[min(number, len(places) - 1)]
        self._keep(drafts)

    # What the slots write

    def _common(self, drafts: Sequence[Draft], letter: str) -> dict[str, Binding]:
        return {
            "suggest": lambda _: self._scribe.write("建议" if self._manner.suggests else ""),
            "by": lambda _: self._by(drafts),
            "did": lambda _: self._did(drafts),
            "organ": lambda _: self._write_organ(drafts),
            "by_law": lambda _: self._by_law(drafts, letter),
            "breach": lambda _: self._breach(letter),
            "tail": lambda _: self._tail(),
        }

    def _who(self, party: Person | Org, drafts: Sequence[Draft]) -> dict[str, Binding]:
        if isinstance(party, Org):
            return {"who": partial(self._intro, party, drafts)}
        return {
            "p": lambda _: self._speaker.person(party),
            "sex": lambda _: self._scribe.write(party.particulars[:1]),
            "bits": lambda _: self._scribe.write(party.particulars),
            "e": lambda _: self._employer(party, drafts),
            "t": lambda _: self._title(party, drafts),
        }

    def _faults(self, party: Person | Org) -> dict[str, Binding]:
        """Return the slot of faults where a party has its own: supervisor, owner, adviser."""
        companies = self._speaker.incident.companies
        org = party if isinstance(party, Org) else party.employer
        for name in ("super", "owner", "tech"):
            if org is companies[name]:
                return {"@fault": partial(self._part, f"fault.{name}")}
        return {}

    def _part(self, table: str, _argument: str) -> None:
        self._speaker.say(table, whole=False)

    def _employer(self, person: Person, drafts: Sequence[Draft]) -> None:
        name = self._speaker.mention(person.employer)
        for draft in drafts:
            draft.employer = name

    def _title(self, person: Person, drafts: Sequence[Draft]) -> None:
        self._speaker.title(person)
        for draft in drafts:
            draft.title = person.title_words

    def _intro(self, party: Person | Org, drafts: Sequence[Draft], _argument: str) -> None:
        if isinstance(party, Org):
            name = self._speaker.mention(party, "" if party.is_introduced else "full")
            for draft in drafts:
                draft.party = name
            return
        self._employer(party, drafts)
        self._title(party, drafts)
        self._speaker.person(party)

    def _colleague(self, person: Person, draft: Draft, before: Draft, _argument: str) -> None:
        """Write a person whose employer stands with the one before."""
        draft.employer = before.employer
        self._title(person, [draft])
        self._speaker.person(person)

    def _list(self, people: Sequence[Person], drafts: Sequence[Draft]) -> None:
        """Write people one after the other; the employer that stands before is not repeated."""
        before: Person | None = None
        last = drafts[0]
        for person, draft in zip(people, drafts, strict=True):
            if before is None:
                self._intro(person, [draft], "")
            elif before.employer is person.employer:
                self._scribe.write("、")
                self._colleague(person, draft, last, "")
            else:
                self._scribe.write("、")
                self._intro(person, [draft], "")
            last = draft
            before = person

    def _plain_words(self, words: str, _argument: str) -> None:
        self._scribe.write(words)

    # Addressing

    def _pronoun(self, rate: float = PRONOUN_RATE, whom: str = "其") -> dict[str, Binding]:
        """Return the slots of an object that was named before: 其, or at this rate nothing."""
        words = {slot: f"{word}{whom}" for slot, word in _PREFIXES.items()}
        if not self._chance.happens(rate):
            words |= {"w": "", "dui": ""}
        return {slot: partial(self._plain_words, word) for slot, word in words.items()}

    def _those(self) -> dict[str, Binding]:
        """Return the slots of several people who were named before."""
        word = self._chance.pick(("上述人员", "上述人员", "以上人员"))
        words = {slot: f"{prefix}{word}" for slot, prefix in _PREFIXES.items()}
        words |= {"w": self._chance.pick((word, "")), "several": ""}
        return {slot: partial(self._plain_words, each) for slot, each in words.items()}

    def _named(self, write: Binding) -> dict[str, Binding]:
        """Return the slots of an object that is named here."""

        def with_word(word: str, argument: str) -> None:
            self._scribe.write(word)
            write(argument)

        return {slot: partial(with_word, word) for slot, word in _PREFIXES.items()}

    # The words of the sanctions

    def _cues(
        self,
        drafts: Sequence[Draft],
        letter: str,
        address: dict[str, Binding],
        names: Binding | None = None,
    ) -> None:
        """Write the words of one party's sanctions; `names` where they are to name the party."""
        nouns = [draft.kind.nouns for draft in drafts]
        if len(drafts) == 2 and all(nouns) and self._chance.happens(0.6):
            bindings = dict(address)
            for number, each in enumerate(nouns, 1):
                bindings[f"noun{number}"] = partial(self._plain_words, self._chance.pick(each))
            before = len(self._scribe.cues)
            self._speaker.say("frame.pair", bindings, whole=False)
            for draft in drafts:
                draft.place = self._scribe.cues[before]
            return
        for number, draft in enumerate(drafts):
            if number:
                self._scribe.write(self._chance.pick(("，并", "，", "，同时")))
                address, names = self._pronoun(), None
            self._cue(draft, letter, address, names)

    def _shared_cue(
        self, drafts: Sequence[Draft], address: dict[str, Binding], names: Binding | None
    ) -> None:
        first = drafts[0]
        self._cue(first, "O", address, names)
        for draft in drafts[1:]:
            draft.place, draft.organ, draft.term = first.place, first.organ, first.term

    def _cue(
        self, draft: Draft, letter: str, address: dict[str, Binding], names: Binding | None
    ) -> None:
        is_fact = draft.kind.organ == FACT
        row = self._speaker.row(f"{'fact' if is_fact else 'sanction'}.{draft.kind.name}")
        if names is not None and not any(f"{{{slot}}}" in row.text for slot in _PREFIXES):
            # A row without a place for the party: it is named before.
            self._scribe.write("对")
            names("")
        may_be_bare = names is not None or "several" in address
        if "{dui}" in row.text and not _MAY_BE_BARE.search(row.text) and not may_be_bare:
            address = address | {"dui": partial(self._plain_words, "对其")}
        if _NEEDS_WHOM.search(row.text) and names is None and "several" not in address:
            address = address | {"w": partial(self._plain_words, "其")}
        start, before = self._scribe.length, len(self._scribe.cues)
        self._speaker.say_row(row, address | self._values(draft, letter), whole=False)
        if is_fact:
            draft.place = self._scribe.cues[before]
        else:
            draft.place = (start, self._scribe.length)
            self._scribe.cues.append(draft.place)

    def _values(self, draft: Draft, letter: str) -> dict[str, Binding]:
        values: dict[str, Binding] = {
            "amount": partial(self._amount, draft, letter),
            "percent": lambda _: self._percent(draft),
            "term": lambda _: self._term(draft, term_of(self._chance, draft.kind.name)),
            "sentence": lambda _: self._term(draft, sentence_of(self._chance)),
            "licence": lambda _: self._licence(draft, letter),
            "to": lambda _: self._recipient(draft),
        }
        for name in _CRIMINAL_ORGANS:
            values[name] = partial(self._criminal_organ, draft, name)
        return values

    def _amount(self, draft: Draft, letter: str, _argument: str) -> None:
        chance = self._chance
        if letter == "C":
            steps = (10_000, 10_000, 5_000, 1_200)
            yuan = chance.between(20, 160) * chance.pick(steps)
        else:
            yuan = chance.pick((9_900, 19_900, 48_000, chance.between(5, 120) * 1_000))
        draft.amount = yuan
        self._scribe.write(spelling.money(chance, yuan), "AMOUNT")

    def _percent(self, draft: Draft) -> None:
        draft.percent = self._chance.pick(_PERCENTS[self._speaker.incident.grade])
        self._scribe.write(spelling.percent(self._chance, draft.percent), "AMOUNT")

    def _term(self, draft: Draft, words: str) -> None:
        draft.term = words
        self._scribe.write(words)

    def _licence(self, draft: Draft, letter: str) -> None:
        words = word_lists()["licences_company" if letter == "C" else "licences_person"]
        incident = self._speaker.incident
        is_unit = draft.party in (incident.unit.full, incident.unit.alias)
        special = incident.scene.get("licence") if is_unit else None
        self._scribe.write(self._chance.pick((*words, special, special) if special else words))

    def _recipient(self, draft: Draft) -> None:
        authorities, label = self._speaker.incident.authorities, "ORG"
        if draft.kind.name == "transfer.discipline":
            to, label = authorities["discipline"], "ORGAN"
        elif draft.kind.name == "transfer.other":
            to, label = authorities[f"dept{self._chance.between(1, 5)}"], "ORGAN"
        else:
            to = authorities["gov"]
            if to.use(to.full) == draft.party or draft.party in to.shorts:
                to = self._speaker.incident.cast.upper["gov"]
        name = self._speaker.mention(to, label=label)
        if draft.kind.name == "transfer.discipline":
            draft.organ = name

    def _criminal_organ(self, draft: Draft, name: str, _argument: str) -> None:
        org = self._speaker.incident.cast.local[name]
        draft.organ = self._speaker.mention(org, label="ORGAN")

    # Organ and law

    def _decider(self, drafts: Sequence[Draft]) -> Org | None:
        """Return who decides the first kind that is decided by somebody."""
        for draft in drafts:
            key = draft.kind.organ
            if key == "employer":
                return self._speaker.incident.unit
            if key not in (FACT, NO_ORGAN):
                return self._speaker.incident.authorities[key]
        return None

    def _write_organ(self, drafts: Sequence[Draft]) -> None:
        org = self._decider(drafts)
        if org is None:
            org = self._speaker.incident.authorities["regulator"]
        name = self._speaker.mention(org, label="ORGAN")
        for draft in drafts:
            draft.organ = name

    def _by(self, drafts: Sequence[Draft]) -> None:
        if self._decider(drafts) is None or self._chance.happens(0.2):
            return
        if not self._manner.suggests or self._chance.happens(0.75):
            self._scribe.write("由")
        self._write_organ(drafts)

    def _did(self, drafts: Sequence[Draft]) -> None:
        """Write who did it and when, up to the words of the sanction."""
        if self._decider(drafts) is None or self._chance.happens(0.12):
            self._scribe.write("已")
            return
        form = self._chance.below(6)
        if form in (0, 1):
            when = self._speaker.some_day("")
            self._scribe.write(spelling.day(when) + ("，" if form else "，经研究，"))
        self._scribe.write("已由" if form == 2 else "")
        self._write_organ(drafts)
        self._scribe.write(("", "", "", "已", "决定", "已")[form])

    def _by_law(self, drafts: Sequence[Draft], letter: str) -> None:
        about = law_about(drafts[0].kind, letter) if len(drafts) == 1 else ""
        if not about or self._chance.happens(0.3):
            return
        cited = cite(self._chance, about, self._speaker.incident.day)
        if cited is None:
            return
        self._speaker.say("by_law", {"basis": partial(self._plain_words, cited[0])}, whole=False)
        drafts[0].basis = cited[1]

    def _breach(self, letter: str) -> None:
        about = "unit_fine" if letter == "C" else "person_fine"
        cited = cite(self._chance, about, self._speaker.incident.day)
        if cited is not None and self._chance.happens(0.5):
            law = partial(self._plain_words, cited[0])
            self._speaker.say("breach", {"law": law}, whole=False)

    def _tail(self) -> None:
        """Write what became of the sanction."""
        if self._manner.tail:
            docs: Binding = lambda _: self._speaker.write_number("penalty.now")  # noqa: E731
            self._speaker.say(f"tail.{self._manner.tail}", {"docs": docs}, whole=False)

    # Records

    def _draft(self, party: Person | Org, kind: Kind) -> Draft:
        if isinstance(party, Org):
            return Draft(party.full, "org", kind)
        return Draft(party.name, "person", kind)

    def _keep(self, drafts: Sequence[Draft]) -> None:
        text = self._scribe.text
        for draft in drafts:
            stage, alt = self._manner.stage, self._manner.alt_stage
            if draft.kind.organ == FACT and stage == "proposed" and draft.kind.code != "none.dead":
                stage, alt = "decided", ("executed",)
            start, end = draft.place
            start = min(start, max(end - SHORTEST_QUOTE, text.rfind("\n", 0, start) + 1))
            self._scribe.penalties.append(
                GoldPenalty(
                    party=draft.party,
                    party_kind=draft.party_kind,
                    title=draft.title,
                    employer=draft.employer,
                    kind=draft.kind.code,
                    stage=stage,
                    amount_yuan=draft.amount,
                    income_percent=draft.percent,
                    term=draft.term,
                    count=draft.count,
                    organ=draft.organ,
                    basis=(draft.basis,) if draft.basis else (),
                    quote=text[start:end],
                    alt_stage=alt,
                    alt=_ALSO.get(draft.kind.code, ()),
                )
            )
