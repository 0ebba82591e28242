"""Writes measures, problems and suggestions, each with its range and those who act."""

from __future__ import annotations

from corpus.gold import Layer
from corpus.synthetic.cast import Org
from corpus.synthetic.document_writer import DocumentWriter
from corpus.synthetic.grammar import Row
from corpus.synthetic.speaker import Binding
from corpus.synthetic.spelling import chinese
from extractor.extraction import Modality

LEAST_CHILDREN, MOST_CHILDREN = 2, 4


class Remedies:
    """Writes the records that are ranges of the text."""

    def __init__(self, writer: DocumentWriter) -> None:
        """Take the writer of the document."""
        self._writer = writer
        self._speaker = writer.speaker
        self._scribe = writer.scribe
        self._chance = writer.chance

    def actors(self, number: int) -> list[Org]:
        """Return so many of those who are to act: the company first, then authorities."""
        incident = self._speaker.incident
        authorities = [
            incident.cast.town_gov,
            incident.authorities["regulator"],
            *(incident.authorities[f"dept{n}"] for n in range(1, 6)),
        ]
        others = [*authorities, incident.companies["general"], incident.companies["super"]]
        return [incident.unit, *self._chance.sample(others, number - 1)]

    def item(self, mark: str, row: Row, org: Org | None, modality: Modality) -> None:
        """Write one measure; without `org` its row names none."""
        actors: list[str] = []
        self._speaker.deadline = []
        self._writer.start()
        with (
            self._scribe.record("measures", modality, actors, self._speaker.deadline),
            self._scribe.sentence(row.role, row.family),
        ):
            self._scribe.write(mark)
            self._speaker.say_row(row, self._slots(org, actors), whole=False)

    def required(self, mark: str, org: Org) -> None:
        """Write what is to be done: one item, or a lead with children, or no unit named."""
        form = self._chance.below(10)
        if form < 2:
            self.children(mark, org)
        elif form < 4:
            self.item(mark, self._speaker.row("measure.bare"), None, "required")
        else:
            self.item(mark, self._speaker.row("measure.required"), org, "required")

    def children(self, mark: str, org: Org) -> None:
        """Write a lead sentence without action, then 一是 … children, each a record."""
        actors: list[str] = []
        slots = self._slots(org, actors)
        self._writer.start(mark)
        self._speaker.say("measure.lead", slots)
        count = self._chance.between(LEAST_CHILDREN, MOST_CHILDREN)
        for number in range(1, count + 1):
            row = self._speaker.row("measure.child")
            self._speaker.deadline = []
            with (
                self._scribe.record("measures", "required", actors, self._speaker.deadline),
                self._scribe.sentence(row.role, row.family),
            ):
                self._scribe.write(f"{chinese(number)}是")
                self._speaker.say_row(row, slots, whole=False)
                self._scribe.write("。" if number == count else "；")

    def reported(self, mark: str, org: Org) -> None:
        """Write what a unit did."""
        self.item(mark, self._speaker.row("measure.did"), org, "reported")

    def reported_under(self, org: Org) -> None:
        """Write a heading that names a unit, and below it what the unit did."""
        writer = self._writer
        writer.start(writer.outline.next_group())
        name = self._speaker.mention(org, "" if org.is_introduced else "full")
        self._scribe.write(self._chance.pick(("", "落实情况", "整改措施落实情况")))
        self._scribe.write("\n")
        if self._chance.happens(0.5):
            writer.start()
            self._children_under(name, org)
            return
        for number in range(1, self._chance.between(2, 4)):
            row = self._speaker.row("measure.did_bare")
            self._under(f"{number}.", row, org, name)

    def _children_under(self, name: str, org: Org) -> None:
        for number in range(1, self._chance.between(LEAST_CHILDREN, MOST_CHILDREN) + 1):
            row = self._speaker.row("measure.did_bare")
            with (
                self._scribe.record("measures", "reported", [name], []),
                self._scribe.sentence(row.role, row.family),
            ):
                self._scribe.write(f"{chinese(number)}是")
                self._speaker.say_row(row, self._slots(org, []), whole=False)

    def _under(self, mark: str, row: Row, org: Org, name: str) -> None:
        self._writer.start()
        with (
            self._scribe.record("measures", "reported", [name], []),
            self._scribe.sentence(row.role, row.family),
        ):
            self._scribe.write(mark)
            self._speaker.say_row(row, self._slots(org, []), whole=False)

    def finding(self, mark: str, table: str) -> None:
        """Write a problem."""
        self._ranged("problems", mark, table, None)

    def suggestion(self, mark: str, table: str, org: Org) -> None:
        """Write a suggestion with its addressee."""
        self._ranged("suggestions", mark, table, org)

    def duty(self, mark: str) -> None:
        """Write what a reply asks of those who carry it out: 你局, or the safety office."""
        actors: list[str] = []
        incident = self._speaker.incident

        def you(_argument: str) -> None:
            name = incident.authorities["regulator"].use("你局")
            self._scribe.write(name)
            actors.append(name)

        def office(_argument: str) -> None:
            name = f"{incident.place[-1]}政府安委会办公室"
            self._scribe.write(name, "ORG")
            actors.append(name)

        row = self._speaker.row("rep.close")
        self._speaker.deadline = []
        self._writer.start()
        with (
            self._scribe.record("measures", "required", actors, self._speaker.deadline),
            self._scribe.sentence(row.role, row.family),
        ):
            self._scribe.write(mark)
            self._speaker.say_row(row, {"you": you, "office": office}, whole=False)

    def _ranged(self, layer: Layer, mark: str, table: str, org: Org | None) -> None:
        actors: list[str] = []
        row = self._speaker.row(table)
        self._writer.start()
        with (
            self._scribe.record(layer, "suggested", actors, []),
            self._scribe.sentence(row.role, row.family),
        ):
            self._scribe.write(mark)
            self._speaker.say_row(row, self._slots(org, actors), whole=False)

    def _slots(self, org: Org | None, actors: list[str]) -> dict[str, Binding]:
        incident = self._speaker.incident
        letter = "unit" if org is None or org.sort == "company" else "gov"
        if org is None and self._chance.happens(0.4):
            letter = "gov"

        def actor(_argument: str) -> None:
            name = self._speaker.mention(org or incident.unit)
            actors.append(name)

        return {
            "A": actor,
            "@do": lambda _: self._part(f"do.{letter}"),
            "@did": lambda _: self._part(f"did.{letter}"),
            "@label": lambda _: self._part(f"label.{letter}"),
        }

    def _part(self, table: str) -> None:
        self._speaker.say(table, whole=False)
