"""The examples in the API description: one short report that we invented, and what is read from it.

They are made of the result types themselves, with ranges that are looked up in the text.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from api.store.cases import CaseDetails, CaseMember, PlacementReason, ReasonLink
from api.store.documents import DocumentEntry
from api.store.searching import SearchHit
from extractor.checklist.model import (
    AccountabilityRow,
    Case,
    CaseAccident,
    CaseDocument,
    Checklist,
    MeasureRow,
    Quote,
    RowParty,
    Treatment,
    Window,
)
from extractor.extraction import (
    Accident,
    Deadline,
    DocumentRecord,
    Extraction,
    Measure,
    Mention,
    Party,
    Penalty,
    SectionRecord,
)

_TITLE: Final = "青榆市禾山县“4·18”高处坠落事故调查报告"
_ACCIDENT: Final = "2024年4月18日，禾山县云岭物流园项目发生一起高处坠落事故，造成1人死亡。"
_TREATMENT: Final = "一、对有关责任单位的处理建议"
_COMPANY: Final = "青榆明安建筑有限公司"
_ARTICLE: Final = "《中华人民共和国安全生产法》第一百一十四条第一款第一项"
_FINE: Final = "建议由禾山县应急管理局对其处35万元罚款"
_PENALTY: Final = (
    f"{_COMPANY}未落实高处作业审批制度，对事故发生负有责任。依据{_ARTICLE}的规定，{_FINE}。"
)
_MEASURES: Final = "二、事故防范和整改措施"
_MEASURE: Final = f"{_COMPANY}应于2024年9月30日前修订高处作业审批制度，并对全体作业人员进行培训。"

TEXT: Final = "\n".join((_TITLE, _ACCIDENT, _TREATMENT, _PENALTY, _MEASURES, _MEASURE))
"""The whole text of the example report."""

DOCUMENT_ID: Final = sha256(TEXT.encode()).hexdigest()
OTHER_DOCUMENT_ID: Final = sha256("关于事故调查报告的批复".encode()).hexdigest()
CASE_ID: Final = "0195a1c2-7e5a-7d31-9c04-5b1f2a6e8d70"
OTHER_CASE_ID: Final = "0195a1c3-01b7-7c88-8f11-d2f0a94c3e55"


def _range(part: str, whole: str = TEXT) -> tuple[int, int]:
    start = TEXT.index(whole) + whole.index(part)
    return start, start + len(part)


def _quote(part: str, whole: str = TEXT) -> Quote:
    start, end = _range(part, whole)
    return Quote(document=DOCUMENT_ID, start=start, end=end, quote=part)


_ACCIDENT_AT: Final = _range(_ACCIDENT)
_FINE_AT: Final = _range(_FINE)
_MEASURE_AT: Final = _range(_MEASURE)
_TREATMENT_AT: Final = (_range(_TREATMENT)[0], _range(_PENALTY)[1])
_MEASURES_AT: Final = (_range(_MEASURES)[0], _MEASURE_AT[1])
_DEADLINE: Final = Deadline(raw="2024年9月30日前", date="2024-09-30")
_THEMES: Final = ["制度规程", "教育培训/警示", "审批许可源头"]
_BASIS: Final = ["安全生产法#114.1.1"]
_STATED: Final = {
    "name": ("青榆市禾山县“4·18”高处坠落事故", _TITLE),
    "mark": ("4·18", _TITLE),
    "date": ("2024年4月18日", _ACCIDENT),
    "type": ("高处坠落", _TITLE),
    "place": ("禾山县云岭物流园项目", _ACCIDENT),
    "deaths": ("1人死亡", _ACCIDENT),
}

_RECORD: Final = DocumentRecord(
    id=DOCUMENT_ID,
    filename="调查报告.txt",
    media_type="text/plain",
    kind="INV",
    title=_TITLE,
    number=None,
    issuer=None,
    date=None,
    pages=None,
    characters=len(TEXT),
    status="complete",
)

_RECEIVED: Final = datetime(2025, 3, 6, 1, 20, 5, tzinfo=UTC)

QUEUED: Final = DocumentEntry(
    id=DOCUMENT_ID,
    filename="调查报告.txt",
    size=len(TEXT.encode()),
    source="upload",
    received_at=_RECEIVED,
    updated_at=_RECEIVED,
    status="queued",
)

ENTRY: Final = QUEUED.model_copy(
    update={
        "updated_at": datetime(2025, 3, 6, 1, 20, 7, tzinfo=UTC),
        "status": "succeeded",
        "version": "0.1.0-3fa9c2d1",
        "completeness": _RECORD.status,
        "media_type": _RECORD.media_type,
        "kind": _RECORD.kind,
        "title": _RECORD.title,
        "characters": _RECORD.characters,
    }
)

EXTRACTION: Final = Extraction(
    document=_RECORD,
    accident=Accident(
        name="青榆市禾山县“4·18”高处坠落事故",
        mark="4·18",
        date="2024-04-18",
        type="高处坠落",
        place="禾山县云岭物流园项目",
        deaths=1,
        start=_ACCIDENT_AT[0],
        end=_ACCIDENT_AT[1],
        sources={field: _range(*stated) for field, stated in _STATED.items()},
    ),
    parties=[
        Party(
            id="p1",
            kind="organization",
            name=_COMPANY,
            mentions=[Mention(start=_range(_COMPANY)[0], end=_range(_COMPANY)[1])],
        )
    ],
    penalties=[
        Penalty(
            id="k1",
            party="p1",
            kind="admin.fine",
            stage="proposed",
            amount_yuan=350_000,
            organ="禾山县应急管理局",
            basis=_BASIS,
            start=_FINE_AT[0],
            end=_FINE_AT[1],
            confidence=0.9,
            rule="penalty.reference",
            sources={
                "kind": _range("罚款", _FINE),
                "reference": _range("其", _FINE),
                "party": _range(_COMPANY, _PENALTY),
                "basis": _range(_ARTICLE, _PENALTY),
                "organ": _range("禾山县应急管理局", _FINE),
                "amount_yuan": _range("35万元", _FINE),
            },
        )
    ],
    measures=[
        Measure(
            id="m1",
            actors=[_COMPANY],
            modality="required",
            deadline=_DEADLINE,
            themes=_THEMES,
            specificity="specific",
            start=_MEASURE_AT[0],
            end=_MEASURE_AT[1],
            confidence=0.8,
            rule="measure.sentence",
            sources={
                "actors[0]": _range(_COMPANY, _MEASURE),
                "deadline": _range(_DEADLINE.raw, _MEASURE),
            },
        )
    ],
    sections=[
        SectionRecord(
            level=1,
            marker="一、",
            title="对有关责任单位的处理建议",
            start=_TREATMENT_AT[0],
            end=_TREATMENT_AT[1],
            slot="treatment",
        ),
        SectionRecord(
            level=1,
            marker="二、",
            title="事故防范和整改措施",
            start=_MEASURES_AT[0],
            end=_MEASURES_AT[1],
            slot="measures",
        ),
    ],
)

CHECKLIST: Final = Checklist(
    case=Case(
        id="716ef23f46ee32b7",
        name="青榆市禾山县“4·18”高处坠落事故",
        accident=CaseAccident(
            name="青榆市禾山县“4·18”高处坠落事故",
            mark="4·18",
            date="2024-04-18",
            type="高处坠落",
            place="禾山县云岭物流园项目",
            deaths=1,
            sources={field: _quote(*stated) for field, stated in _STATED.items()},
        ),
        window=Window(rule="安委办〔2021〕4号：结案后10个月至1年内评估", state="unknown"),
    ),
    documents=[CaseDocument(id=DOCUMENT_ID, kind="INV", title=_TITLE, role="basis")],
    accountability=[
        AccountabilityRow(
            id="a1",
            party=RowParty(kind="organization", name=_COMPANY),
            proposed=Treatment(
                kind="admin.fine",
                label="罚款",
                stage="proposed",
                amount_yuan=350_000,
                organ="禾山县应急管理局",
                basis=_BASIS,
                document=DOCUMENT_ID,
                penalty="k1",
            ),
            expected_evidence=["行政处罚决定书", "缴款凭证（或强制执行申请、裁定）"],
            sources=[_quote(_PENALTY)],
            confidence=0.9,
        )
    ],
    measures=[
        MeasureRow(
            id="b1",
            requirement=_MEASURE,
            actors=[_COMPANY],
            modality="required",
            deadline=_DEADLINE,
            themes=_THEMES,
            expected_evidence=["印发文件", "培训签到表、教材、试卷", "照片"],
            sources=[_quote(_MEASURE)],
            confidence=0.8,
        )
    ],
)

_NUMBER: Final = "禾政函〔2024〕31号"
_CITED: Final = f"批复引用了调查报告的文号（{_NUMBER}）"


def _reason(other: str) -> PlacementReason:
    link = ReasonLink(document=other, kind="number", value=_NUMBER, sure="certain")
    return PlacementReason(text=_CITED, sure="certain", links=[link])


CASE: Final = CaseDetails(
    id=CASE_ID,
    revision=3,
    name="青榆市禾山县“4·18”高处坠落事故",
    origin="auto",
    accident_date="2024-04-18",
    accident_mark="4·18",
    created_at=_RECEIVED,
    updated_at=datetime(2025, 3, 6, 1, 20, 9, tzinfo=UTC),
    document_count=2,
    unread_count=0,
    reason=PlacementReason(text=_CITED, sure="certain"),
    documents=[
        CaseMember(
            id=DOCUMENT_ID,
            filename="调查报告.txt",
            status="succeeded",
            kind="INV",
            title=_TITLE,
            number=None,
            date=None,
            origin="auto",
            pinned=False,
            revision=1,
            reason=_reason(OTHER_DOCUMENT_ID),
        ),
        CaseMember(
            id=OTHER_DOCUMENT_ID,
            filename="批复.pdf",
            status="succeeded",
            kind="REP",
            title="关于青榆市禾山县“4·18”高处坠落事故调查报告的批复",
            number="禾政函〔2024〕31号",
            date="2024-08-02",
            origin="auto",
            pinned=False,
            revision=1,
            reason=_reason(DOCUMENT_ID),
        ),
    ],
)

_FOUND: Final = f"{_COMPANY} 罚款 禾山县应急管理局 {_FINE}"

HIT: Final = SearchHit(
    type="penalty",
    document=DOCUMENT_ID,
    row="k1",
    case=CASE_ID,
    filename="调查报告.txt",
    kind="INV",
    title=_TITLE,
    number=None,
    date=None,
    snippet=_FOUND,
    marks=[(_FOUND.index("罚款"), _FOUND.index("罚款") + 2)],
)
