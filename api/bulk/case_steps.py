"""What the worker processes do once all files are read: group the documents, build the checklists.

The parent only passes on rows; documents and grouping never come into its memory.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from api.batch import write_file, write_reason
from api.bulk.corrections import Corrected, group_corrected, read_corrections
from api.bulk.ledger import Line, encode, last_lines, read_lines, standing_lines
from api.bulk.places import Layout, free_name, hash_file, safe_title
from api.exports.sheets import KIND_LABELS, checklist_sheets
from api.exports.xlsx import checklist_xlsx, clean, row_height
from api.store.document_codec import load_document
from extractor.checklist import build_checklist
from extractor.checklist.case_facts import CaseFacts, case_facts
from extractor.checklist.grouping import SURENESS_LABELS
from extractor.checklist.model import Checklist
from extractor.extraction import Extraction
from extractor.formats.limits import Limits

GROUP: Final = "api.bulk.case_steps:group_run"
BUILD: Final = "api.bulk.case_steps:build_case"
BUILD_MANY: Final = "api.bulk.case_steps:build_cases"
UNREAD: Final = ("failed", "skipped", "duplicate")
_STAMP: Final = 24
_NAME_WIDTH: Final = 24.0
_DIGITS: Final = 8


def group_run(
    root: str, corrections: str, version: str, watched: bool, *, limits: Limits
) -> dict[str, Any]:
    """Group all documents of a run by accident, one line a case, as people have corrected it.

    Returns the number of cases as `cases`, what could not be followed of the corrections as
    `notes`, what the workbook depends on as `stamp`, and as `problem` the file, the code and the
    reason when nothing was grouped. Each line has a `digest` of all that its checklist depends on.
    """
    layout = Layout(Path(root))
    lines = standing_lines(layout.manifest) if watched else last_lines(layout.manifest).values()
    done = {line["sha256"]: line for line in lines if line["status"] == "done"}
    copies: defaultdict[str, list[str]] = defaultdict(list)
    named: defaultdict[str, set[str]] = defaultdict(set)
    for line in lines:
        if line["status"] == "duplicate":
            copies[line["sha256"]].append(line["path"])
        if line["status"] in ("done", "duplicate"):
            named[line["path"]].add(line["sha256"])
    try:
        wanted, notes = read_corrections(Path(corrections))
    except (OSError, ValueError) as error:
        reason = write_reason(error) if isinstance(error, OSError) else "不是文字文件"
        message = f"更正不能读（{reason}），没有重新归并，原来的清单不动。请改正后再运行。"
        return {
            "cases": 0,
            "notes": [],
            "problem": (corrections, "corrections_unreadable", message),
        }
    facts = _facts(layout, done)
    corrected = group_corrected(facts, wanted, named)
    parts = []
    for number, line in enumerate(_case_lines(corrected, facts), 1):
        stamp = hashlib.sha256(version.encode())
        for document in line["documents"]:
            record = done[document["id"]]
            document |= {key: record[key] for key in ("path", "output")}
            document["copies"] = sorted(copies[document["id"]])
            stamp.update(record.get("version", "").encode())
        stamp.update(encode(line))
        parts.append(encode({"number": number, **line, "digest": stamp.hexdigest()[:_STAMP]}))
    unread = (line for line in lines if line["status"] in UNREAD)
    files = {layout.grouping: b"".join(parts), layout.unread: b"".join(map(encode, unread))}
    reasons = {path.name: write_file(path, content) for path, content in files.items()}
    return {
        "cases": len(parts),
        "notes": [*notes, *corrected.notes],
        "problem": next(
            ((name, "write_failed", why) for name, why in reasons.items() if why), None
        ),
        "stamp": hashlib.sha256(b"\n".join(files.values())).hexdigest(),
    }


def _facts(layout: Layout, done: Mapping[str, Line]) -> dict[str, CaseFacts]:
    """Return what the documents say of their accidents; after a power cut some have to be read."""
    facts = {
        each["document"]: CaseFacts.model_validate(each)
        for each in read_lines(layout.facts)
        if each.get("document") in done
    }
    for document in done.keys() - facts.keys():
        result = (layout.root / done[document]["output"]).read_bytes()
        facts[document] = case_facts(Extraction.model_validate_json(result))
    return facts


def _case_lines(corrected: Corrected, facts: Mapping[str, CaseFacts]) -> list[Line]:
    grouping, reasons = corrected.grouping, corrected.reasons
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
                    "reason": reasons.get(document) or group.reason_of(document),
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


def build_case(
    root: str, case: Line, xlsx: bool, known: Sequence[Any], *, limits: Limits
) -> dict[str, Any]:
    """Build and write the checklist of one case, and keep its rows for the workbook.

    `known` are name, size and time of the workbook of this case that was written last. Returns the
    files, and what is known of them (`entry`), or why they could not be written (`problem`).
    """
    layout = Layout(Path(root))
    sources = []
    for each in case["documents"]:
        kept = layout.texts / each["id"][: _DIGITS // 4] / each["id"]
        result = (layout.root / each["output"]).read_bytes()
        sources.append((load_document(kept.read_bytes()), Extraction.model_validate_json(result)))
    checklist = build_checklist(sources, today=local_day())
    first = case["documents"][0]["id"]
    name = safe_title(case["name"] or checklist.case.name) or "未命名"
    target = layout.cases / f"{name}~{first[:_DIGITS]}.json"
    data = (checklist.model_dump_json(indent=2) + "\n").encode()
    counts = (len(checklist.accountability), len(checklist.measures))
    rows: Line = {
        "documents": _document_rows(case, checklist.case.name, counts, sources),
        "sheets": _sheets(case, checklist),
    }
    entry: Line = {
        "case": first,
        "digest": case["digest"],
        "file": target.name,
        "counts": counts,
        "until": _holds_until(checklist),
    }
    place, content = None, b""
    if xlsx:
        place = _free_place(layout, first, target.with_suffix(".xlsx"), known)
        content = checklist_xlsx(checklist)
        # Kept before it is written: a program that is killed in between knows its own file again.
        rows["xlsx"] = (place.name, hashlib.sha256(content).hexdigest())
    kept = json.dumps(rows, ensure_ascii=False).encode()
    problem = write_file(rows_of(layout, first), kept)
    if place is not None and problem is None:
        problem = write_file(place, content)
        entry["xlsx"] = state_of(place)
    problem = problem or _write_changed(target, data)
    return {"entry": {**entry, "sizes": (len(data), len(kept))}, "problem": problem}


def build_cases(
    root: str, cases: Sequence[tuple[Line, bool, Sequence[Any]]], *, limits: Limits
) -> list[dict[str, Any]]:
    """Build the checklists of several cases as `build_case` does."""
    return [build_case(root, *case, limits=limits) for case in cases]


def local_day() -> date:
    """Return the day that it is here."""
    return datetime.now(UTC).astimezone().date()


def rows_of(layout: Layout, first: str) -> Path:
    """Return where the rows of a case are kept, by the hash of its first document."""
    return layout.rows / first[: _DIGITS // 4] / first


def state_of(path: Path) -> tuple[str, int, int] | None:
    """Return name, size and time of a file; None if it is not there."""
    with suppress(OSError):
        status = path.stat()
        return path.name, status.st_size, status.st_mtime_ns
    return None


def _free_place(layout: Layout, first: str, target: Path, known: Sequence[Any]) -> Path:
    """Return where to write the workbook of a case: never over one that people have filled in."""
    intended: Sequence[str] = ()
    with suppress(OSError, ValueError):
        intended = json.loads(rows_of(layout, first).read_bytes()).get("xlsx", ())
    for name in dict.fromkeys((*known[:1], *intended[:1])):
        before = target.with_name(name)
        if before.stem != target.stem and not before.stem.startswith(f"{target.stem}（"):
            continue
        state = state_of(before)
        if state in (tuple(known), None) or [name, hash_file(before)] == intended:
            return before
    return free_name(target)


def _holds_until(checklist: Checklist) -> str | None:
    """Return the last day on which a checklist says what it says; None if no day changes it."""
    window = checklist.case.window
    return window.closes if window.state == "open" else None


def _sheets(case: Line, checklist: Checklist) -> list[dict[str, Any]]:
    """Return the first tables of a checklist; each row begins with the name of the case.

    A row is its height in points and its cells.
    """
    name = clean(case["name"] or checklist.case.name)
    found = []
    for sheet in checklist_sheets(checklist)[:2]:
        widths = (_NAME_WIDTH, *(column.width for column in sheet.columns))
        found.append(
            {
                "name": sheet.name,
                "columns": [(column.title, column.width) for column in sheet.columns],
                "rows": [_measured((name, *row), widths) for row in sheet.rows],
            }
        )
    return found


def _write_changed(target: Path, data: bytes) -> str | None:
    """Write a file unless it is as it should be; replacing one makes many systems wait."""
    with suppress(OSError):
        if target.stat().st_size == len(data) and target.read_bytes() == data:
            return None
    return write_file(target, data)


DOCUMENT_COLUMNS: Final = (
    ("事故名称", 34.0), ("发生日期", 11.0), ("文件", 34.0), ("文种", 9.0),
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


def _measured(cells: Iterable[str], widths: Iterable[float]) -> tuple[float, list[str]]:
    """Return the cells, cleaned, and the height that the tallest of them needs."""
    texts = [clean(cell) for cell in cells]
    return row_height(texts, widths), texts
