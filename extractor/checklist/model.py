"""The checklist of one accident: the types of checklist format version 1.

A row is something that had to happen. `sources` are the ranges of the documents that say so, and
a row without one cannot be made; `evidence` are the ranges that say what did happen. The status is
`unverified` until a document states the outcome of this very row.
Within version 1 a field is never renamed or removed; new optional fields may come.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from extractor.extraction import (
    SCHEMA_VERSION,
    Deadline,
    DocumentKind,
    Modality,
    PartyKind,
    Record,
    Specificity,
    Stage,
)

Role = Literal["basis", "outcome"]
WindowState = Literal["early", "in_window", "late", "open", "unknown"]
ReviewState = Literal["draft", "accepted", "edited", "rejected"]


class Status(StrEnum):
    """How far one row has been carried out; the value is the stable code."""

    DONE = "done"
    MOSTLY = "mostly"
    PARTIAL = "partial"
    ONGOING = "ongoing"
    NOT_DONE = "not_done"
    CHANGED = "changed"
    NA = "na"
    UNVERIFIED = "unverified"

    @property
    def label(self) -> str:
        """The Chinese word that is printed."""
        return STATUS_LABELS[self]


STATUS_LABELS: dict[Status, str] = {
    Status.DONE: "已落实",
    Status.MOSTLY: "基本落实",
    Status.PARTIAL: "部分落实",
    Status.ONGOING: "正在落实",
    Status.NOT_DONE: "未落实",
    Status.CHANGED: "变更落实",
    Status.NA: "无需落实",
    Status.UNVERIFIED: "待核实",
}
WINDOW_LABELS: dict[WindowState, str] = {
    "early": "早于评估期限",
    "in_window": "在评估期限内",
    "late": "晚于评估期限",
    "open": "尚未见评估",
    "unknown": "无法确定",
}


class Quote(Record):
    """A range of one document with its exact text; `document` is the document's id."""

    document: str
    start: int = Field(ge=0)
    end: int = Field(gt=0)
    page: int | None = None
    quote: str = Field(min_length=1)

    @model_validator(mode="after")
    def _exact(self) -> Quote:
        if len(self.quote) != self.end - self.start:
            raise ValueError(f"引文长度与区间 [{self.start}, {self.end}) 不符")
        return self


class Review(Record):
    """What the reviewers have decided about one row."""

    state: ReviewState = "draft"
    by: str | None = None
    at: str | None = None


class Row(Record):
    """What every row of every table has."""

    id: str
    sources: list[Quote] = Field(min_length=1, description="清单的每一行都必须有出处")
    hints: list[str] = Field(default_factory=list, description="提示：[代码] 请核实：……")
    confidence: float = Field(ge=0, le=1)
    review: Review = Review()


class RowParty(Record):
    """The person, organisation or counted group that a row is about."""

    kind: PartyKind
    name: str
    aliases: list[str] = Field(default_factory=list)
    title: str | None = None
    employer: str | None = None
    responsibility: list[str] = Field(default_factory=list)
    count: int | None = None


class Treatment(Record):
    """One sanction as one document states it."""

    kind: str = Field(description="处理种类代码，见 penalty_kinds.tsv")
    label: str
    stage: Stage
    amount_yuan: int | None = None
    income_percent: float | None = None
    term: str | None = None
    organ: str | None = None
    recipient: str | None = None
    basis: list[str] = Field(default_factory=list)
    document: str
    penalty: str = Field(description="该文件抽取结果中 penalties 的 id")


class AccountabilityRow(Row):
    """Table A: one party × one kind of sanction."""

    party: RowParty
    position: str | None = None
    proposed: Treatment | None = None
    actual: Treatment | None = None
    document_numbers: list[str] = Field(default_factory=list)
    status: Status = Status.UNVERIFIED
    claimed_done: bool = Field(default=False, description="只有“均已落实到位”一类的概括说法")
    execution: str | None = Field(default=None, description="原文中表明执行情况的字句")
    evidence: list[Quote] = Field(default_factory=list)
    expected_evidence: list[str] = Field(default_factory=list)


class ReportedMeasure(Quote):
    """What an outcome document says was done; found by likeness, so only a suggestion."""

    measure: str = Field(description="该文件抽取结果中 measures 的 id")
    actors: list[str] = Field(default_factory=list)
    specificity: Specificity
    modality: Modality
    score: float = Field(ge=0, le=1, description="说到这条措施的概率，按相近程度估计")
    suggested: Literal[True] = True


class MeasureRow(Row):
    """Table B: one rectification measure."""

    requirement: str
    label: str | None = None
    actors: list[str] = Field(default_factory=list)
    lead: list[str] = Field(default_factory=list)
    support: list[str] = Field(default_factory=list)
    modality: Modality
    deadline: Deadline | None = None
    themes: list[str] = Field(default_factory=list)
    reported: list[ReportedMeasure] = Field(default_factory=list)
    status: Status = Status.UNVERIFIED
    evidence: list[Quote] = Field(default_factory=list)
    expected_evidence: list[str] = Field(default_factory=list)


class ProblemRow(Row):
    """Table C: one problem that the evaluation found."""

    text: str
    units: list[str] = Field(default_factory=list)


class SuggestionRow(Row):
    """Table D: one work suggestion."""

    text: str
    addressees: list[str] = Field(default_factory=list)


class PracticeRow(Row):
    """Table E: one good practice."""

    text: str


class CaseAccident(Record):
    """The accident, each field from the first document that states it; `sources` says where."""

    name: str | None = None
    mark: str | None = None
    date: str | None = None
    grade: str | None = None
    type: str | None = None
    place: str | None = None
    deaths: int | None = None
    injuries: int | None = None
    loss_yuan: int | None = None
    sources: dict[str, Quote] = Field(default_factory=dict)


class Reply(Record):
    """The government's reply to the investigation report."""

    number: str | None = None
    date: str | None = None
    issuer: str | None = None


class Window(Record):
    """When the evaluation is due; `rule` names the rule that the dates come from."""

    opens: str | None = None
    closes: str | None = None
    rule: str
    state: WindowState
    base: str | None = Field(default=None, description="起算日期")
    base_kind: Literal["reply", "report"] | None = None
    evaluated: str | None = None
    finish_by: str | None = Field(default=None, description="评估组应完成工作的日期")


class CaseEvaluation(Record):
    """The evaluation group and its work, as the evaluation report states them."""

    established: str | None = None
    lead: str | None = None
    members: list[str] = Field(default_factory=list)
    methods: list[str] = Field(default_factory=list)


class Case(Record):
    """One accident with its reply and its evaluation window."""

    id: str
    name: str
    accident: CaseAccident
    reply: Reply = Reply()
    window: Window
    evaluation: CaseEvaluation | None = None
    hints: list[str] = Field(default_factory=list)


class CaseDocument(Record):
    """One document of the case and what it is for."""

    id: str
    kind: DocumentKind
    title: str
    role: Role
    number: str | None = None
    date: str | None = None


class Checklist(Record):
    """The evaluation checklist of one accident, in checklist format version 1."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    case: Case
    documents: list[CaseDocument]
    accountability: list[AccountabilityRow] = Field(default_factory=list)
    measures: list[MeasureRow] = Field(default_factory=list)
    problems: list[ProblemRow] = Field(default_factory=list)
    suggestions: list[SuggestionRow] = Field(default_factory=list)
    good_practices: list[PracticeRow] = Field(default_factory=list)
    version: int = Field(default=1, ge=1)
    extractor_version: str | None = None
