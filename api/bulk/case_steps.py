"""What the worker processes do once all files are read: group the documents, build the checklists.

The parent only passes on rows; documents and grouping never come into its memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from api.batch import write_file
from api.bulk.ledger import Line, encode, last_lines, read_lines
from api.bulk.places import Layout, safe_title
from api.exports.sheets import KIND_LABELS, checklist_sheets
from api.exports.xlsx import clean, count_lines
from api.store.document_codec import load_document
from extractor.checklist import build_checklist
from extractor.checklist.case_facts import CaseFacts
from extractor.checklist.grouping import SURENESS_LABELS, Grouping, group_cases
from extractor.extraction import Extraction
from extractor.formats.limits import Limits

GROUP: Final = "api.bulk.case_steps:group_run"
BUILD: Final = "api.bulk.case_steps:build_case"
BUILD_MANY: Final = "api.bulk.case_steps:build_cases"
_LINE, _PADDING, _LEAST, _MOST = 14.5, 5.0, 21.0, 400.0
_DIGITS: Final = 8


def group_run(root: str, *, limits: Limits) -> tuple[int, str | None]:
    """Group all documents of a run by accident, one line a case.

    Returns the number of cases, and why the lines could not be written.
    """
    layout = Layout(Path(root))
    lines = last_lines(layout.manifest)
    done = {line["sha256"]: line for line in lines.values() if line["status"] == "done"}
    copies: defaultdict[str, list[str]] = defaultdict(list)
    for line in lines.values():
        if line["status"] == "duplicate":
            copies[line["sha256"]].append(line["path"])
    facts = {
        each["document"]: CaseFacts.model_validate(each)
        for each in read_lines(layout.facts)
        if each["document"] in done
    }
    grouping = group_cases(facts.values())
    parts = []
    for number, line in enumerate(_case_lines(grouping, facts), 1):
        for document in line["documents"]:
            record = done[document["id"]]
            document |= {key: record[key] for key in ("path", "output")}
            document["copies"] = sorted(copies[document["id"]])
        parts.append(encode({"number": number, **line}))
    problem = write_file(layout.grouping, b"".join(parts))
    return len(parts), problem


def _case_lines(grouping: Grouping, facts: dict[str, CaseFacts]) -> list[Line]:
    doubts: defaultdict[str, list[str]] = defaultdict(list)
    for doubt in grouping.doubts:
        doubts[doubt.document].append(doubt.text)
    return [
        {
            "name": group.name,
            "date": group.date,
            "mark": group.mark,
            "sure": group.sure if group.links else None,
            "reason": group.reason,
            "alone": group.alone,
            "documents": [
                {
                    "id": document,
                    "kind": facts[document].kind,
                    "title": facts[document].title,
                    "reason": group.reason_of(document),
                    "links": [
                        link.model_dump(mode="json")
                        for link in group.links
                        if document in (link.document, link.other)
                    ],
                    "doubts": doubts[document],
                }
                for document in group.documents
            ],
        }
        for group in grouping.groups
    ]


def build_case(root: str, case: Line, *, limits: Limits) -> dict[str, Any]:
    """Build and write the checklist of one case; return its file and its rows for the workbook.

    A row is its height in points and its cells; the first two of every table are the number and
    the name of the case.
    """
    layout = Layout(Path(root))
    sources = []
    for each in case["documents"]:
        kept = layout.texts / each["id"][: _DIGITS // 4] / each["id"]
        result = (layout.root / each["output"]).read_bytes()
        sources.append((load_document(kept.read_bytes()), Extraction.model_validate_json(result)))
    today = datetime.now(UTC).astimezone().date()
    checklist = build_checklist(sources, today=today)
    name = safe_title(case["name"] or checklist.case.name) or "未命名"
    target = layout.cases / f"{name}~{case['documents'][0]['id'][:_DIGITS]}.json"
    problem = _write_changed(target, (checklist.model_dump_json(indent=2) + "\n").encode())
    heading = (str(case["number"]), case["name"] or checklist.case.name)
    sheets = [
        {
            "name": sheet.name,
            "columns": [(column.title, column.width) for column in sheet.columns],
            "rows": [
                _measured((*heading, *row), (8, 24, *(c.width for c in sheet.columns)))
                for row in sheet.rows
            ],
        }
        for sheet in checklist_sheets(checklist)[:2]
    ]
    counts = (len(checklist.accountability), len(checklist.measures))
    return {
        "file": target.name,
        "problem": problem,
        "documents": _document_rows(case, checklist.case.name, counts, sources),
        "counts": counts,
        "sheets": sheets,
    }


def build_cases(root: str, cases: Sequence[Line], *, limits: Limits) -> list[dict[str, Any]]:
    """Build the checklists of several cases as `build_case` does."""
    return [build_case(root, case, limits=limits) for case in cases]


def _write_changed(target: Path, data: bytes) -> str | None:
    """Write a file unless it is as it should be; replacing one makes many systems wait."""
    with suppress(OSError):
        if target.stat().st_size == len(data) and target.read_bytes() == data:
            return None
    return write_file(target, data)


DOCUMENT_COLUMNS: Final = (
    ("案件序号", 8.0), ("事故名称", 34.0), ("发生日期", 11.0), ("文件", 34.0), ("文种", 9.0),
    ("标题", 40.0), ("文号", 18.0), ("成文日期", 11.0), ("归为一起的理由", 44.0), ("把握", 9.0),
    ("责任追究", 8.0), ("整改措施", 8.0), ("请核对", 44.0),
)  # fmt: skip


def _document_rows(
    case: Line, name: str, counts: tuple[int, int], sources: list[tuple[Any, Extraction]]
) -> list[tuple[float, list[str]]]:
    sure = SURENESS_LABELS[case["sure"]] if case["sure"] else ""
    rows = []
    for each, (_, extraction) in zip(case["documents"], sources, strict=True):
        record = extraction.document
        files = [each["path"], *(f"（相同）{copy}" for copy in each["copies"])]
        cells = (
            str(case["number"]),
            case["name"] or name,
            case["date"] or "",
            "\n".join(files),
            KIND_LABELS[record.kind],
            record.title or "",
            record.number or "",
            record.date or "",
            each["reason"],
            sure,
            *map(str, counts),
            "\n".join(each["doubts"]),
        )
        rows.append(_measured(cells, [width for _, width in DOCUMENT_COLUMNS]))
    return rows


def _measured(cells: Any, widths: Any) -> tuple[float, list[str]]:
    """Return the cells, cleaned, and the height that the tallest of them needs."""
    texts = [clean(cell) for cell in cells]
    lines = max(count_lines(text, width) for text, width in zip(texts, widths, strict=True))
    return max(_LEAST, min(_MOST, lines * _LINE + _PADDING)), texts
