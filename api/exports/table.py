"""The checklist and the extraction as tables for a terminal of 80 columns or more.

Chinese characters count two columns. Nothing depends on colour: statuses are words.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from api.exports.sheets import (
    KIND_LABELS,
    References,
    describe_basis,
    document_rows,
    header_fields,
    outcome_words,
    shorten,
)
from extractor.checklist.hints import plain_hint
from extractor.checklist.model import STATUS_LABELS, Checklist, Row, Status
from extractor.checklist.wording import STAGE_LABELS, describe_treatment, format_yuan
from extractor.document import Document, Span
from extractor.extraction import Accident, Extraction, Located, Penalty
from extractor.rules import penalty_labels

_STYLES = {
    Status.DONE: "green",
    Status.NOT_DONE: "bold red",
    Status.UNVERIFIED: "yellow",
    Status.CHANGED: "cyan",
}
_MODALITY = {
    "required": "要求",
    "planned": "计划",
    "reported": "已报告",
    "committed": "承诺",
    "suggested": "建议",
}
_LONG, _MIDDLE = 90, 60


def render_text(view: RenderableType, width: int = 100) -> str:
    """Return a view as plain text without colour, lines at most `width` columns wide."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(view)
    return "\n".join(line.rstrip() for line in capture.get().split("\n"))


def checklist_view(checklist: Checklist) -> RenderableType:
    """Return a checklist as tables: header, 责任追究, 整改措施, then problems and suggestions."""
    references = References(checklist)
    return Group(
        *_header(checklist),
        *_section(
            "责任追究", len(checklist.accountability), _accountability(checklist, references)
        ),
        *_hints(checklist.accountability),
        *_section("整改措施", len(checklist.measures), _measures(checklist, references)),
        *_hints(checklist.measures),
        *_list("问题", [row.text for row in checklist.problems]),
        *_list("工作建议", [row.text for row in checklist.suggestions]),
        *_list("经验做法", [row.text for row in checklist.good_practices]),
        *_list("总体情况", map(plain_hint, checklist.case.hints)),
    )


def extraction_view(document: Document, extraction: Extraction) -> RenderableType:
    """Return what was read from one document as tables."""
    record = extraction.document
    facts = [
        ("文件", record.filename),
        ("类型", KIND_LABELS[record.kind]),
        ("标题", record.title or ""),
        ("文号", record.number or ""),
        ("日期", record.date or ""),
        ("事故", _accident(extraction.accident)),
        ("文书文号", "、".join(number.normal for number in extraction.document_numbers)),
    ]
    return Group(
        _pairs(facts),
        *_section("责任追究", len(extraction.penalties), _penalties(document, extraction)),
        *_section("整改措施", len(extraction.measures), _plain_measures(document, extraction)),
        *_list("问题", [_words(document, problem) for problem in extraction.problems]),
        *_list("工作建议", [_words(document, each) for each in extraction.suggestions]),
    )


def _header(checklist: Checklist) -> Iterator[RenderableType]:
    facts = [(label, text) for label, text in header_fields(checklist) if text]
    yield _pairs([*facts, ("材料", "\n".join(_materials(checklist)))])


def _materials(checklist: Checklist) -> Iterator[str]:
    for name, title, number, day, _ in document_rows(checklist):
        yield "，".join(filter(None, (f"{name}：{title}", number, day)))


def _pairs(facts: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for label, text in facts:
        if text:
            table.add_row(Text(label), Text(text))
    return table


def _section(title: str, count: int, table: Table) -> Iterator[RenderableType]:
    yield Text(f"\n{title}（{count}项）", style="bold")
    yield table if count else Text("  文件中未见")


def _list(title: str, texts: Iterable[str]) -> Iterator[RenderableType]:
    rows = list(texts)
    if not rows:
        return
    yield Text(f"\n{title}（{len(rows)}项）", style="bold")
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for at, text in enumerate(rows, 1):
        table.add_row(f"{at}.", Text(shorten(text, 2 * _LONG)))
    yield table


def _table(*columns: tuple[str, int]) -> Table:
    """Make a table; a column of weight 0 is as narrow as its heading."""
    table = Table(box=box.SIMPLE_HEAD, show_lines=False, pad_edge=False, expand=True)
    for title, weight in columns:
        if weight:
            table.add_column(title, ratio=weight, overflow="fold")
        else:
            table.add_column(title, no_wrap=True, min_width=2 * len(title))
    return table


def _add(table: Table, cells: Sequence[str | Text]) -> None:
    table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
    table.add_section()


def _status(status: Status) -> Text:
    return Text(STATUS_LABELS[status], style=_STYLES.get(status, ""))


def _places(row: Row, references: References) -> str:
    return "\n".join(dict.fromkeys(map(references.place, row.sources)))


def _hints(rows: Sequence[Row]) -> Iterator[RenderableType]:
    """List every hint once, with the numbers of the rows that it is about."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(rows, 1):
        for hint in row.hints:
            places[plain_hint(hint)].append(at)
    if places:
        facts = [(f"第{join_numbers(numbers)}项", text) for text, numbers in places.items()]
        table = Table.grid(padding=(0, 2))
        table.add_column(ratio=1, overflow="fold")
        table.add_column(ratio=4, overflow="fold")
        for label, text in facts:
            table.add_row(Text(label), Text(text, style="yellow"))
        yield table


def join_numbers(numbers: Sequence[int]) -> str:
    """Return ascending numbers with runs joined: 1、3—5、9."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return "、".join(f"{run[0]}—{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _accountability(checklist: Checklist, references: References) -> Table:
    table = _table(
        ("序号", 0), ("责任主体", 5), ("处理建议", 4), ("实际处理、文号", 5), ("状态", 0),
        ("出处", 3),
    )  # fmt: skip
    for at, row in enumerate(checklist.accountability, 1):
        who = Text(row.party.name, style="bold")
        if row.position:
            who.append(f"\n{row.position}", style="not bold dim")
        actual = [outcome_words(row), *row.document_numbers]
        proposed = describe_treatment(row.proposed) if row.proposed else ""
        _add(
            table,
            [
                str(at),
                who,
                proposed,
                "\n".join(filter(None, actual)),
                _status(row.status),
                _places(row, references),
            ],
        )
    return table


def _measures(checklist: Checklist, references: References) -> Table:
    table = _table(
        ("序号", 0), ("措施", 8), ("责任单位", 4), ("可能的落实情况", 6), ("状态", 0), ("出处", 3)
    )  # fmt: skip
    for at, row in enumerate(checklist.measures, 1):
        reported = [shorten(each.quote, _MIDDLE) for each in row.reported]
        _add(
            table,
            [
                str(at),
                shorten(row.requirement, _LONG),
                "、".join(row.actors),
                "\n".join(f"·{text}" for text in reported),
                _status(row.status),
                _places(row, references),
            ],
        )
    return table


def _penalties(document: Document, extraction: Extraction) -> Table:
    table = _table(
        ("序号", 0), ("责任主体", 4), ("处理", 5), ("阶段", 0), ("机关、依据", 5), ("原文", 7)
    )  # fmt: skip
    parties = {party.id: party for party in extraction.parties}
    for at, penalty in enumerate(extraction.penalties, 1):
        party = parties[penalty.party]
        who = Text(party.name, style="bold")
        if position := "".join(filter(None, (party.employer, party.title))):
            who.append(f"\n{position}", style="not bold dim")
        basis = [penalty.organ or "", *map(describe_basis, penalty.basis)]
        _add(
            table,
            [
                str(at),
                who,
                _treatment(penalty),
                STAGE_LABELS[penalty.stage],
                "\n".join(filter(None, basis)),
                _words(document, penalty),
            ],
        )
    return table


def _treatment(penalty: Penalty) -> str:
    words = penalty_labels().get(penalty.kind, penalty.kind)
    if penalty.amount_yuan is not None:
        words += format_yuan(penalty.amount_yuan)
    if penalty.income_percent is not None:
        words += f"（上一年年收入的{penalty.income_percent:g}%）"
    return words + (f"（{penalty.term}）" if penalty.term else "")


def _plain_measures(document: Document, extraction: Extraction) -> Table:
    table = _table(("序号", 0), ("措施", 9), ("责任单位", 4), ("性质", 0), ("期限", 2))
    for at, measure in enumerate(extraction.measures, 1):
        _add(
            table,
            [
                str(at),
                _words(document, measure, _LONG),
                "、".join(measure.actors),
                _MODALITY[measure.modality],
                measure.deadline.raw if measure.deadline else "",
            ],
        )
    return table


def _words(document: Document, fact: Located, length: int = _MIDDLE) -> str:
    page = f"第{fact.page}页 " if fact.page is not None else ""
    return page + shorten(document.quote(Span(fact.start, fact.end)), length)


def _accident(accident: Accident | None) -> str:
    if accident is None:
        return ""
    counts = ((accident.deaths, "死亡"), (accident.injuries, "受伤"))
    parts = [
        accident.name or accident.mark,
        accident.date,
        accident.grade,
        accident.type,
        *(f"{label}{count}人" for count, label in counts if count is not None),
        f"损失{format_yuan(accident.loss_yuan)}" if accident.loss_yuan is not None else None,
    ]
    return "，".join(filter(None, parts))
