"""The result for one document: the types of result format version 1.

Every `start`/`end` is a half-open range of code points in the document's text, `page` counts
from 1 (None where the format has no pages), `boxes` are `[page, x0, top, x1, bottom]` in points.
Within version 1 a field is never renamed or removed; new optional fields may come.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Literal["1.0"] = "1.0"

DocumentKind = Literal[
    "INV", "REP", "EVAL", "PLAN", "NOTICE", "CIRC", "SUPV", "PEN", "SELF", "RULE", "MEDIA", "OTHER"
]
NumberKind = Literal[
    "admin",
    "order",
    "penalty",
    "enforcement",
    "court",
    "procuratorate",
    "police",
    "discipline",
    "report_no",
    "registration",
]
NumberFlag = Literal["repaired", "elided", "expanded", "relative", "no_code"]
Stage = Literal["proposed", "decided", "executed", "not_executed"]
Modality = Literal["required", "planned", "reported", "committed", "suggested"]
Specificity = Literal["specific", "generic", "slogan"]
PartyKind = Literal["person", "organization", "group"]
BoxList = list[tuple[int, float, float, float, float]]
Sources = dict[str, tuple[int, int]]


class Record(BaseModel):
    """Base of all result types: immutable, and no field that the format does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Located(Record):
    """A fact with the range that states it."""

    start: int = Field(ge=0)
    end: int = Field(gt=0)
    page: int | None = None
    boxes: BoxList | None = Field(default=None, description="有版面的格式：每行一个框")


class WarningRecord(Record):
    """Something that the user should know about the file or its reading."""

    code: str
    message: str
    page: int | None = None


class DocumentRecord(Record):
    """What the file is: identity, kind, title, number, issuer, date, size, state."""

    id: str = Field(description="文件字节的 SHA-256")
    filename: str
    media_type: str
    kind: DocumentKind
    title: str | None
    number: str | None
    issuer: str | None
    date: str | None = Field(description="YYYY-MM-DD")
    pages: int | None
    characters: int
    status: Literal["complete", "partial"]
    warnings: list[WarningRecord] = []


class Accident(Record):
    """The accident that the document is about; `start`/`end` is the passage that states it."""

    name: str | None = None
    mark: str | None = Field(default=None, description="月·日，如 7·12")
    date: str | None = None
    grade: str | None = None
    type: str | None = None
    place: str | None = None
    deaths: int | None = None
    injuries: int | None = None
    loss_yuan: int | None = None
    start: int
    end: int
    sources: Sources = Field(default_factory=dict, description="每个字段所在的区间")


class DocumentNumber(Located):
    """A document number (发文字号 and its relatives) in normal form and as printed."""

    id: str
    normal: str
    kind: NumberKind
    raw: str
    flags: list[NumberFlag] = []


class Mention(Record):
    """One place in the text that names a party."""

    start: int
    end: int


class Party(Record):
    """A person, organisation or counted group that the document names."""

    id: str
    kind: PartyKind
    name: str
    aliases: list[str] = []
    title: str | None = None
    employer: str | None = None
    responsibility: list[str] = []
    count: int | None = None
    mentions: list[Mention] = []


class Penalty(Located):
    """One party × one kind of sanction, with everything that the text says of it."""

    id: str
    party: str
    kind: str = Field(description="处理种类代码，见 penalty_kinds.tsv")
    stage: Stage
    amount_yuan: int | None = None
    income_percent: float | None = None
    term: str | None = None
    organ: str | None = None
    recipient: str | None = None
    basis: list[str] = []
    document_numbers: list[str] = []
    confidence: float = Field(ge=0, le=1)
    rule: str
    flags: list[str] = []
    sources: Sources = Field(
        default_factory=dict, description="当事方、处理用语、金额、机关等字段所在的区间"
    )


class Deadline(Record):
    """When a measure is due: as printed, and as a date or recurring term if that is sure."""

    raw: str
    date: str | None = None
    recurring: str | None = None


class Measure(Located):
    """One rectification measure, task or reported action."""

    id: str
    label: str | None = None
    actors: list[str] = []
    lead: list[str] = []
    support: list[str] = []
    modality: Modality
    deadline: Deadline | None = None
    themes: list[str] = []
    specificity: Specificity
    confidence: float = Field(ge=0, le=1)
    rule: str
    flags: list[str] = []
    sources: Sources = Field(
        default_factory=dict, description="各行动主体（actors[0] 等）、时限、标题所在的区间"
    )


class Problem(Located):
    """One problem that an evaluation or a circular found."""

    id: str
    units: list[str] = []
    confidence: float = Field(ge=0, le=1)
    rule: str
    flags: list[str] = []
    sources: Sources = Field(default_factory=dict, description="各单位（units[0] 等）所在的区间")


class Suggestion(Located):
    """One work suggestion of an evaluation report, or requirement of a circular."""

    id: str
    addressees: list[str] = []
    confidence: float = Field(ge=0, le=1)
    rule: str
    flags: list[str] = []
    sources: Sources = Field(
        default_factory=dict, description="各对象（addressees[0] 等）所在的区间"
    )


class Evaluation(Record):
    """Facts about the evaluation itself: the reply it rests on, the group, its methods."""

    reply_number: str | None = Field(default=None, description="document_numbers 中的 id")
    reply_date: str | None = None
    established: str | None = None
    lead: str | None = None
    members: list[str] = []
    methods: list[str] = []
    sources: Sources = Field(default_factory=dict, description="每个字段所在的区间")


class SectionRecord(Record):
    """One headed part of the document; the range covers heading and content."""

    level: int
    marker: str | None
    title: str
    start: int
    end: int
    slot: str | None = None


class Extraction(Record):
    """Everything that was read from one document, in result format version 1."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    document: DocumentRecord
    accident: Accident | None
    document_numbers: list[DocumentNumber] = []
    parties: list[Party] = []
    penalties: list[Penalty] = []
    measures: list[Measure] = []
    problems: list[Problem] = []
    suggestions: list[Suggestion] = []
    evaluation: Evaluation | None = None
    sections: list[SectionRecord] = []
    extractor_version: str | None = None
