"""What stands in the tables of a checklist, whatever they are written to.

Tables A to E of the field: 责任追究, 整改措施, 问题, 建议, 经验做法, and the header block 基本信息.
Columns that only a person can fill in are empty.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extractor.checklist.hints import plain_hint
from extractor.checklist.model import (
    WINDOW_LABELS,
    AccountabilityRow,
    Checklist,
    MeasureRow,
    Quote,
    ReportedMeasure,
    Row,
)
from extractor.checklist.wording import STAGE_LABELS, describe_treatment, format_yuan

KIND_LABELS = {
    "INV": "调查报告",
    "REP": "批复",
    "EVAL": "评估报告",
    "PLAN": "方案",
    "NOTICE": "通知",
    "CIRC": "通报",
    "SUPV": "挂牌督办通知书",
    "PEN": "处罚决定书",
    "SELF": "自评报告",
    "RULE": "评估办法",
    "MEDIA": "新闻报道",
    "OTHER": "其他材料",
}
ROLE_LABELS = {"basis": "依据（应当落实）", "outcome": "结果（已经落实）"}
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩"
_LOW_CONFIDENCE = 0.7
_SOURCE_HEAD = 30
_SOURCE_TAIL = 64
_REPORTED = 120
_BREAKS = re.compile(r"\s*\n\s*")
_CHINESE = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])\s+(?=[\u3000-\u9fff\uff00-\uffef])")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading and its width in characters of the workbook's default font."""

    title: str
    width: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: the name of its tab, the title above it, its columns and its rows of text."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def status_column(self) -> int | None:
        """The place of the column 落实状态, if there is one."""
        titles = [column.title for column in self.columns]
        return titles.index("落实状态") if "落实状态" in titles else None


class References:
    """Short names of the documents of a case: 调查报告, or 调查报告② where there are several."""

    def __init__(self, checklist: Checklist) -> None:
        """Name every document."""
        kinds = Counter(document.kind for document in checklist.documents)
        seen: Counter[str] = Counter()
        self._names: dict[str, str] = {}
        for document in checklist.documents:
            mark = _CIRCLED[seen[document.kind] % len(_CIRCLED)] if kinds[document.kind] > 1 else ""
            seen[document.kind] += 1
            self._names[document.id] = KIND_LABELS[document.kind] + mark

    def name(self, document: str) -> str:
        """Return the short name of a document id."""
        return self._names.get(document, "材料")

    def place(self, quote: Quote) -> str:
        """Return where a quote stands: 调查报告第12页."""
        page = f"第{quote.page}页" if quote.page is not None else ""
        return self.name(quote.document) + page

    def cite(self, quote: Quote) -> str:
        """Return where a quote stands, and its words, cut when they are long."""
        return f"{self.place(quote)}：“{shorten_middle(quote.quote)}”"


def tidy(text: str) -> str:
    """Return a text without the line breaks and spaces that only the layout of its page made."""
    return _CHINESE.sub("", _BREAKS.sub("", text)).strip()


def shorten(text: str, length: int) -> str:
    """Return the tidy text, cut with a visible mark when it is longer."""
    text = tidy(text)
    return text if len(text) <= length else text[: length - 1] + "…"


def shorten_middle(text: str) -> str:
    """Return the tidy text with its middle cut out when it is long.

    A passage on a sanction begins with the party and ends with the sanction: both stay.
    """
    text = tidy(text)
    if len(text) <= _SOURCE_HEAD + _SOURCE_TAIL + 1:
        return text
    return f"{text[:_SOURCE_HEAD]}…{text[-_SOURCE_TAIL:]}"


def describe_basis(basis: str) -> str:
    """Return a legal basis in words: 安全生产法#114.1.1 → 《安全生产法》第114条第1款第1项."""
    law, _, place = basis.partition("#")
    units = zip(place.split("."), "条款项", strict=False)
    return f"《{law}》" + "".join(f"第{number}{unit}" for number, unit in units if number)


def checklist_sheets(checklist: Checklist) -> tuple[Sheet, ...]:
    """Return tables A to D, and E where there are good practices."""
    references = References(checklist)
    sheets = [
        _accountability(checklist, references),
        _measures(checklist, references),
        _problems(checklist, references),
        _suggestions(checklist, references),
    ]
    if checklist.good_practices:
        sheets.append(_practices(checklist, references))
    return tuple(sheets)


def header_fields(checklist: Checklist) -> tuple[tuple[str, str], ...]:
    """Return the header block 基本信息 as pairs of label and text; unknown is empty."""
    case, accident, window = checklist.case, checklist.case.accident, checklist.case.window
    evaluation = case.evaluation
    casualties = [
        f"{label}{count}人"
        for label, count in (("死亡", accident.deaths), ("受伤", accident.injuries))
        if count is not None
    ]
    base = {"reply": "批复日期", "report": "调查报告日期，未见批复"}.get(window.base_kind or "", "")
    return (
        ("事故名称", case.name),
        ("发生时间", accident.date or ""),
        ("发生地点", accident.place or ""),
        ("事故等级", accident.grade or ""),
        ("事故类型", accident.type or ""),
        ("人员伤亡", "，".join(casualties)),
        (
            "直接经济损失",
            format_yuan(accident.loss_yuan) if accident.loss_yuan is not None else "",
        ),
        ("调查报告", "、".join(f"《{d.title}》" for d in checklist.documents if d.kind == "INV")),
        ("批复机关", case.reply.issuer or ""),
        ("批复文号", case.reply.number or ""),
        ("批复日期", case.reply.date or ""),
        ("评估期限依据", window.rule),
        ("评估期限", f"{window.opens}至{window.closes}（{base}起算）" if window.opens else ""),
        ("期限状态", WINDOW_LABELS[window.state]),
        ("评估日期", window.evaluated or ""),
        ("评估组成立", (evaluation.established if evaluation else None) or ""),
        ("牵头单位", (evaluation.lead if evaluation else None) or ""),
        ("成员单位", "、".join(evaluation.members) if evaluation else ""),
        ("评估方式", "、".join(evaluation.methods) if evaluation else ""),
        ("应完成日期", window.finish_by or ""),
    )


def notes(row: Row) -> str:
    """Return what a reviewer should look at: the hints, and a low confidence."""
    found = [plain_hint(text) for text in row.hints]
    if row.confidence < _LOW_CONFIDENCE:
        found.append(f"识别把握较低（{row.confidence:.0%}），请对照原文。")
    return "\n".join(found)


def outcome_words(row: AccountabilityRow) -> str:
    """Return what actually happened: the sanction and its stage."""
    if row.actual is None:
        return ""
    return f"{describe_treatment(row.actual)}（{STAGE_LABELS[row.actual.stage]}）"


def _columns(*columns: tuple[str, float]) -> tuple[Column, ...]:
    return tuple(Column(title, width) for title, width in columns)


def _boxes(papers: Iterable[str]) -> str:
    return "\n".join(f"□{paper}" for paper in papers)


def _accountability(checklist: Checklist, references: References) -> Sheet:
    columns = _columns(
        ("序号", 5), ("责任主体", 12), ("单位及职务", 14), ("责任认定", 8), ("处理建议", 14),
        ("处理依据", 13), ("处理机关", 11), ("实际处理情况", 14), ("文书文号及日期", 15),
        ("执行情况", 10), ("落实状态", 8.5), ("佐证材料", 15), ("出处", 44), ("备注", 20),
    )  # fmt: skip
    rows = []
    for at, row in enumerate(checklist.accountability, 1):
        treatments = [t for t in (row.proposed, row.actual) if t is not None]
        basis = next((t.basis for t in treatments if t.basis), [])
        quotes = dict.fromkeys(map(references.cite, [*row.sources, *row.evidence]))
        rows.append(
            (
                str(at),
                row.party.name,
                row.position or "",
                "、".join(row.party.responsibility),
                describe_treatment(row.proposed) if row.proposed else "",
                "、".join(map(describe_basis, basis)),
                next((t.organ for t in reversed(treatments) if t.organ), ""),
                outcome_words(row),
                "\n".join(row.document_numbers),
                tidy(row.execution or ""),
                row.status.label,
                _boxes(row.expected_evidence),
                "\n".join(quotes),
                notes(row),
            )
        )
    return Sheet("责任追究", "责任追究落实核查表", columns, tuple(rows))


def _measures(checklist: Checklist, references: References) -> Sheet:
    columns = _columns(
        ("序号", 5), ("出处", 11), ("措施原文", 42), ("责任单位", 12), ("牵头/配合", 10),
        ("监督单位", 9), ("完成时限", 9), ("落实举措（实际）", 32), ("成效/数据", 9),
        ("佐证材料", 13), ("落实状态", 8.5), ("存在问题", 10), ("备注", 14),
    )  # fmt: skip
    rows = [
        (
            str(at),
            "\n".join(dict.fromkeys(map(references.place, row.sources))),
            tidy(row.requirement),
            "、".join(row.actors),
            _leads(row),
            "",
            row.deadline.raw if row.deadline else "",
            _reported(row, references),
            "",
            _boxes(row.expected_evidence),
            row.status.label,
            "",
            notes(row),
        )
        for at, row in enumerate(checklist.measures, 1)
    ]
    return Sheet("整改措施", "整改措施落实核查表", columns, tuple(rows))


def _leads(row: MeasureRow) -> str:
    parts = (("牵头：", row.lead), ("配合：", row.support))
    return "\n".join(label + "、".join(units) for label, units in parts if units)


def _reported(row: MeasureRow, references: References) -> str:
    if not row.reported and row.evidence:
        return "同左（结果文件所述）"
    return "\n".join(_suggestion(r, references) for r in row.reported)


def _suggestion(reported: ReportedMeasure, references: References) -> str:
    return f"〔待核对，{references.place(reported)}〕{shorten(reported.quote, _REPORTED)}"


def _problems(checklist: Checklist, references: References) -> Sheet:
    columns = _columns(
        ("序号", 5), ("问题", 56), ("涉及单位", 18), ("类别", 10), ("整改要求", 24),
        ("责任单位", 14), ("时限", 10), ("出处", 16), ("备注", 16),
    )  # fmt: skip
    rows = [
        (
            str(at),
            tidy(row.text),
            "、".join(row.units),
            "",
            "",
            "",
            "",
            "\n".join(map(references.place, row.sources)),
            notes(row),
        )
        for at, row in enumerate(checklist.problems, 1)
    ]
    return Sheet("问题", "问题清单", columns, tuple(rows))


def _suggestions(checklist: Checklist, references: References) -> Sheet:
    columns = _columns(
        ("序号", 5), ("建议", 74), ("对象", 24), ("依据（问题序号）", 12), ("时限", 12),
        ("出处", 18), ("备注", 20),
    )  # fmt: skip
    rows = [
        (
            str(at),
            tidy(row.text),
            "、".join(row.addressees),
            "",
            "",
            "\n".join(map(references.place, row.sources)),
            notes(row),
        )
        for at, row in enumerate(checklist.suggestions, 1)
    ]
    return Sheet("建议", "工作建议清单", columns, tuple(rows))


def _practices(checklist: Checklist, references: References) -> Sheet:
    columns = _columns(("序号", 5), ("做法", 86), ("单位", 22), ("成效", 22), ("出处", 20))
    rows = [
        (str(at), tidy(row.text), "", "", "\n".join(map(references.place, row.sources)))
        for at, row in enumerate(checklist.good_practices, 1)
    ]
    return Sheet("经验做法", "经验做法清单", columns, tuple(rows))


def document_rows(checklist: Checklist) -> Sequence[tuple[str, str, str, str, str]]:
    """Return the documents of the case: short name, title, number, date, what it is for."""
    references = References(checklist)
    return [
        (
            references.name(document.id),
            document.title,
            document.number or "",
            document.date or "",
            ROLE_LABELS[document.role],
        )
        for document in checklist.documents
    ]
