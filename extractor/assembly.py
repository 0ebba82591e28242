"""From readings to the result: ranges of the view become ranges of the document, drafts get ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TypedDict

from extractor.document import Document, Span
from extractor.extraction import (
    Accident,
    BoxList,
    Deadline,
    DocumentNumber,
    DocumentRecord,
    Evaluation,
    Extraction,
    Measure,
    Mention,
    Party,
    Penalty,
    Problem,
    SectionRecord,
    Suggestion,
    WarningRecord,
)
from extractor.reading.citations import NumberMention
from extractor.reading.clauses import PenaltyReading
from extractor.reading.evaluations import EvaluationReading
from extractor.reading.header import AccidentReading
from extractor.reading.headings import slot_name
from extractor.reading.kinds import Front, KindReading
from extractor.reading.measures import MeasureReading
from extractor.reading.opinions import ProblemReading, SuggestionReading
from extractor.reading.outline import Node, Outline
from extractor.reading.roster import PartyDraft, Roster
from extractor.view import View


class _Place(TypedDict):
    """Where a fact stands, as the fields of `Located`."""

    start: int
    end: int
    page: int | None
    boxes: BoxList | None


_QUOTED = 40
_UNWEIGHED = 0.5
"""What stands for the confidence until extractor.confidence has weighed the record."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Everything that was read from one document, in ranges of the view."""

    kind: KindReading
    front: Front
    outline: Outline
    numbers: Sequence[NumberMention]
    accident: AccidentReading | None
    roster: Roster
    penalties: Sequence[PenaltyReading]
    measures: Sequence[MeasureReading]
    problems: Sequence[ProblemReading]
    suggestions: Sequence[SuggestionReading]
    evaluation: EvaluationReading | None
    unread: Sequence[tuple[int, int]] = ()


def assemble(document: Document, view: View, readings: Readings) -> Extraction:
    """Build the result from the readings; parties without a sanction are left out."""
    return _Assembler(document, view, readings).build()


def extractor_version() -> str:
    """Return the version of the installed package, or 0 when it runs from a bare checkout."""
    try:
        return version("hecha")
    except PackageNotFoundError:
        return "0"


class _Assembler:
    def __init__(self, document: Document, view: View, readings: Readings) -> None:
        self._document = document
        self._view = view
        self._readings = readings
        self._number_ids: dict[int, str] = {}
        self._party_ids: dict[int, str] = {}

    def build(self) -> Extraction:
        numbers = self._numbers()
        drafts = self._drafts()
        return Extraction(
            document=self._record(),
            accident=self._accident(),
            document_numbers=numbers,
            parties=[self._party(draft) for draft in drafts],
            penalties=[self._penalty(i, p) for i, p in enumerate(self._readings.penalties, 1)],
            measures=[self._measure(i, m) for i, m in enumerate(self._readings.measures, 1)],
            problems=[
                Problem(
                    id=f"q{i}",
                    units=list(p.units),
                    confidence=_UNWEIGHED,
                    rule=p.rule,
                    flags=list(p.flags),
                    sources=self._sources(p.sources),
                    **self._place(p.start, p.end),
                )
                for i, p in enumerate(self._readings.problems, 1)
            ],
            suggestions=[
                Suggestion(
                    id=f"s{i}",
                    addressees=list(s.addressees),
                    confidence=_UNWEIGHED,
                    rule=s.rule,
                    flags=list(s.flags),
                    sources=self._sources(s.sources),
                    **self._place(s.start, s.end),
                )
                for i, s in enumerate(self._readings.suggestions, 1)
            ],
            evaluation=self._evaluation(),
            sections=self._sections(),
            extractor_version=extractor_version(),
        )

    def _place(self, start: int, end: int) -> _Place:
        span = self._view.span(start, end)
        boxes: BoxList | None = [*self._document.boxes(span)] if self._document.lines else None
        return {
            "start": span.start,
            "end": span.end,
            "page": self._document.page_of(span.start),
            "boxes": boxes,
        }

    def _sources(self, sources: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
        return {field: self._pair(place) for field, place in sources.items()}

    def _pair(self, place: tuple[int, int]) -> tuple[int, int]:
        span = self._view.span(*place)
        return span.start, span.end

    def _record(self) -> DocumentRecord:
        document, readings = self._document, self._readings
        number = readings.front.number
        return DocumentRecord(
            id=document.id,
            filename=document.filename,
            media_type=document.media_type,
            kind=readings.kind.kind,
            title=readings.kind.title,
            number=readings.numbers[number].normal if number is not None else None,
            issuer=readings.front.issuer,
            date=readings.front.date,
            pages=len(document.pages) or None,
            characters=len(document.text),
            status=document.status,
            warnings=[
                WarningRecord(code=w.code, message=w.message, page=w.page)
                for w in document.warnings
            ]
            + [self._unread(place) for place in readings.unread]
            + [self._assumed(node) for node in readings.outline.nodes() if node.is_assumed],
        )

    def _unread(self, place: tuple[int, int]) -> WarningRecord:
        start, end = self._pair(place)
        said = self._view.quote(Span(start, end))[:_QUOTED]
        page = self._document.page_of(start)
        where = f"第{page}页" if page else "正文"
        message = f"{where}“{said}”的处理对象没有读出，这一条没有列入。请对照原文补上。"
        return WarningRecord(code="party_unread", message=message, page=page)

    def _assumed(self, node: Node) -> WarningRecord:
        start, end = self._pair((node.start, min(node.start + _QUOTED, node.end)))
        said = self._view.quote(Span(start, end)).split("\n")[0]
        page = self._document.page_of(start)
        where = f"第{page}页" if page else "正文"
        name = slot_name(node.slot or "")
        message = f"{where}从“{said}”起按“{name}”一章读，原文没有这一章的标题。请对照原文核对。"
        return WarningRecord(code="heading_lost", message=message, page=page)

    def _accident(self) -> Accident | None:
        reading = self._readings.accident
        if reading is None:
            return None
        start, end = self._pair((reading.start, reading.end))
        return Accident(
            name=reading.name,
            mark=reading.mark,
            date=reading.date,
            grade=reading.grade,
            type=reading.type,
            place=reading.place,
            deaths=reading.deaths,
            injuries=reading.injuries,
            loss_yuan=reading.loss_yuan,
            start=start,
            end=end,
            sources=self._sources(reading.sources),
        )

    def _numbers(self) -> list[DocumentNumber]:
        """List each number once, at its first place; later mentions share its id."""
        found: list[DocumentNumber] = []
        ids: dict[str, str] = {}
        for index, number in enumerate(self._readings.numbers):
            known = ids.get(number.normal)
            if known is not None:
                self._number_ids[index] = known
                continue
            ids[number.normal] = self._number_ids[index] = f"n{len(ids) + 1}"
            place = self._place(number.start, number.end)
            raw = self._document.quote(Span(place["start"], place["end"]))
            found.append(
                DocumentNumber(
                    id=ids[number.normal],
                    normal=number.normal,
                    kind=number.kind,
                    raw=raw,
                    flags=list(number.flags),
                    **place,
                )
            )
        return found

    def _drafts(self) -> list[PartyDraft]:
        """Give ids to the parties that have a sanction, in order of first sanction."""
        drafts: list[PartyDraft] = []
        for penalty in self._readings.penalties:
            if id(penalty.party) not in self._party_ids:
                drafts.append(penalty.party)
                self._party_ids[id(penalty.party)] = f"p{len(drafts)}"
        return drafts

    def _party(self, draft: PartyDraft) -> Party:
        mentions = sorted({self._pair(place) for place in (draft.name_at, *draft.mentions)})
        return Party(
            id=self._party_ids[id(draft)],
            kind="group"
            if draft.kind == "group"
            else "organization"
            if draft.kind == "organization"
            else "person",
            name=draft.name,
            aliases=draft.aliases,
            title=draft.title,
            employer=draft.employer,
            responsibility=draft.responsibility,
            count=draft.count,
            mentions=[Mention(start=start, end=end) for start, end in mentions],
        )

    def _penalty(self, index: int, reading: PenaltyReading) -> Penalty:
        return Penalty(
            id=f"k{index}",
            party=self._party_ids[id(reading.party)],
            kind=reading.kind,
            stage=reading.stage,
            amount_yuan=reading.amount_yuan,
            income_percent=reading.income_percent,
            term=reading.term,
            organ=reading.organ,
            recipient=reading.recipient,
            basis=list(reading.basis),
            document_numbers=list(dict.fromkeys(self._number_ids[i] for i in reading.numbers)),
            confidence=_UNWEIGHED,
            rule=reading.rule,
            flags=reading.flags,
            sources=self._sources(reading.sources),
            **self._place(reading.start, reading.end),
        )

    def _measure(self, index: int, reading: MeasureReading) -> Measure:
        deadline = reading.deadline
        return Measure(
            id=f"m{index}",
            label=reading.label,
            actors=list(reading.actors),
            lead=list(reading.lead),
            support=list(reading.support),
            modality=reading.modality,
            deadline=None
            if deadline is None
            else Deadline(raw=deadline.raw, date=deadline.date, recurring=deadline.recurring),
            themes=list(reading.themes),
            specificity=reading.specificity,
            confidence=_UNWEIGHED,
            rule=reading.rule,
            flags=list(reading.flags),
            sources=self._sources(reading.sources),
            **self._place(reading.start, reading.end),
        )

    def _evaluation(self) -> Evaluation | None:
        reading = self._readings.evaluation
        if reading is None:
            return None
        number = reading.reply_number
        return Evaluation(
            reply_number=self._number_ids[number] if number is not None else None,
            reply_date=reading.reply_date,
            established=reading.established,
            lead=reading.lead,
            members=list(reading.members),
            methods=list(reading.methods),
            sources=self._sources(reading.sources),
        )

    def _sections(self) -> list[SectionRecord]:
        found: list[SectionRecord] = []
        for node in self._readings.outline.nodes():
            if not node.is_heading or node.title is None or node.start >= node.end:
                continue
            end = node.end
            while end > node.start + 1 and self._view.text[end - 1] == "\n":
                end -= 1
            start, stop = self._pair((node.start, end))
            found.append(
                SectionRecord(
                    level=node.level,
                    marker=node.marker or None,
                    title=node.title,
                    start=start,
                    end=stop,
                    slot=node.slot,
                )
            )
        return found
