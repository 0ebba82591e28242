"""From the documents of one accident to its checklist: the recipe, in order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TypeVar

from extractor.checklist.accountability import accountability_rows
from extractor.checklist.deadlines import (
    EvaluationDates,
    WindowRule,
    evaluation_window,
    find_rule,
    to_date,
)
from extractor.checklist.hints import (
    Told,
    hint,
    measure_hints,
    reading_hints,
    scope_hints,
    told_of,
    window_hints,
)
from extractor.checklist.materials import Material, sort_materials
from extractor.checklist.model import (
    Case,
    CaseAccident,
    CaseEvaluation,
    Checklist,
    MeasureRow,
    PracticeRow,
    ProblemRow,
    Quote,
    Reply,
    SuggestionRow,
)
from extractor.checklist.rectification import measure_rows
from extractor.document import Document
from extractor.extraction import Extraction, Problem, SectionRecord, Suggestion
from extractor.view import squeeze
from models import Ranker

_Opinion = TypeVar("_Opinion", Problem, Suggestion)

_ACCIDENT_FIELDS = (
    "name", "mark", "date", "grade", "type", "place", "deaths", "injuries", "loss_yuan",
)  # fmt: skip
_NOT_WORDS = re.compile(r"[\W_]+")


def build_checklist(
    sources: Sequence[tuple[Document, Extraction]],
    *,
    today: date | None = None,
    ranker: Ranker | None = None,
) -> Checklist:
    """Build the checklist of one accident from all its documents, in any order.

    Reports, replies, plans and notices say what had to happen; decisions, self-reports and the
    evaluation report say what did. With only the latter the rows come from them and have no
    proposal. `today` is used for nothing but to say that an evaluation is overdue. `ranker` finds
    what may have been reported of a measure; without one shared words alone do.

    Raises:
        ValueError: no document was given.
    """
    materials = sort_materials(sources)
    if not materials:
        raise ValueError("清单至少需要一份文件")
    accident = _accident(materials)
    accountability = accountability_rows(materials, accident)
    told = told_of(materials)
    measures = tuple(_with_hints(row, told) for row in measure_rows(materials, ranker))
    reply = _reply(materials)
    window = evaluation_window(_dates(materials, reply), _rule(materials, accident), today=today)
    units = [row.party.name for row in accountability if row.party.kind == "organization"]
    return Checklist(
        case=Case(
            id=_case_id(materials, accident),
            name=_case_name(materials, accident),
            accident=accident,
            reply=reply,
            window=window,
            evaluation=_evaluation(materials),
            hints=[
                *window_hints(window),
                *_conflicts(materials),
                *scope_hints(measures, units, told),
                *reading_hints(materials),
            ],
        ),
        documents=[material.record() for material in materials],
        accountability=list(accountability),
        measures=list(measures),
        problems=list(_problems(materials)),
        suggestions=list(_suggestions(materials)),
        good_practices=list(_practices(materials)),
        extractor_version=next(
            filter(None, (m.extraction.extractor_version for m in materials)), None
        ),
    )


def _accident(materials: Sequence[Material]) -> CaseAccident:
    """Take each field from the first document that states it."""
    values: dict[str, object] = {}
    sources = {}
    for material in materials:
        accident = material.extraction.accident
        if accident is None:
            continue
        for name in _ACCIDENT_FIELDS:
            value = getattr(accident, name)
            if value is None or name in values:
                continue
            values[name] = value
            start, end = accident.sources.get(name, (accident.start, accident.end))
            if start < end:
                sources[name] = material.quote(start, end)
    return CaseAccident.model_validate({**values, "sources": sources})


def _case_name(materials: Sequence[Material], accident: CaseAccident) -> str:
    if accident.name:
        return accident.name
    return materials[0].record().title


def _case_id(materials: Sequence[Material], accident: CaseAccident) -> str:
    """Return an id that does not depend on how many documents of the case are given.

    Date and name of the accident without punctuation, so that a report and its evaluation fall
    into one case; where no document names the accident, the ids of the documents.
    """
    if accident.date or accident.name:
        key = f"{accident.date or accident.mark}|{_NOT_WORDS.sub('', squeeze(accident.name or ''))}"
    else:
        key = "|".join(sorted(material.id for material in materials))
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _conflicts(materials: Sequence[Material]) -> Iterator[str]:
    """Rule m: the documents are about different accidents, or give the reply different dates."""
    accidents = [m.extraction.accident for m in materials]
    for name, label in (("date", "发生日期"), ("mark", "简称"), ("deaths", "死亡人数")):
        values = dict.fromkeys(
            str(v) for a in accidents if a and (v := getattr(a, name)) is not None
        )
        if len(values) > 1:
            yield hint(
                "m", what=f"各文件的事故{label}不一致（{'、'.join(values)}），是否属于同一起事故"
            )
    dates = dict.fromkeys(day for day in _reply_dates(materials) if day)
    if len(dates) > 1:
        yield hint("m", what=f"各文件的批复日期不一致（{'、'.join(dates)}）")


def _reply_dates(materials: Iterable[Material]) -> Iterator[str | None]:
    for material in materials:
        if material.extraction.document.kind == "REP":
            yield material.extraction.document.date
        if material.extraction.evaluation is not None:
            yield material.extraction.evaluation.reply_date


def _reply(materials: Sequence[Material]) -> Reply:
    """Take the reply from itself, else from what the evaluation report says of it."""
    replies = [m.extraction.document for m in materials if m.extraction.document.kind == "REP"]
    numbers = [record.number for record in replies]
    for material in materials:
        evaluation = material.extraction.evaluation
        if evaluation is not None and evaluation.reply_number in material.numbers:
            numbers.append(material.numbers[evaluation.reply_number].normal)
    return Reply(
        number=next(filter(None, numbers), None),
        date=next(filter(None, _reply_dates(materials)), None),
        issuer=next((record.issuer for record in replies if record.issuer), None),
    )


def _evaluation(materials: Sequence[Material]) -> CaseEvaluation | None:
    for material in materials:
        evaluation = material.extraction.evaluation
        if evaluation is not None and (evaluation.established or evaluation.lead):
            return CaseEvaluation(
                established=evaluation.established,
                lead=evaluation.lead,
                members=evaluation.members,
                methods=evaluation.methods,
            )
    return None


def _dates(materials: Sequence[Material], reply: Reply) -> EvaluationDates:
    by_kind = {m.extraction.document.kind: m.extraction.document.date for m in reversed(materials)}
    evaluation = _evaluation(materials)
    established = to_date(evaluation.established) if evaluation is not None else None
    base = to_date(reply.date)
    return EvaluationDates(
        base=base or to_date(by_kind.get("INV")),
        base_kind="reply" if base is not None else "report",
        established=established,
        evaluated=established or to_date(by_kind.get("EVAL")),
    )


def _rule(materials: Sequence[Material], accident: CaseAccident) -> WindowRule:
    records = [material.extraction.document for material in materials]
    places = [
        accident.place,
        accident.name,
        *(r.issuer for r in records),
        *(r.title for r in records),
    ]
    numbers = [number.normal for m in materials for number in m.extraction.document_numbers]
    return find_rule(filter(None, places), numbers)


def _with_hints(row: MeasureRow, told: Told) -> MeasureRow:
    return row.model_copy(update={"hints": measure_hints(row, told)})


def _quoted(material: Material, opinions: Iterable[_Opinion]) -> Iterator[tuple[_Opinion, Quote]]:
    """Yield each opinion of a document with its quote, by place."""
    for opinion in sorted(opinions, key=lambda o: o.start):
        yield opinion, material.quote(opinion.start, opinion.end)


def _problems(materials: Sequence[Material]) -> Iterator[ProblemRow]:
    found = [pair for m in materials for pair in _quoted(m, m.extraction.problems)]
    for at, (problem, source) in enumerate(found, 1):
        yield ProblemRow(
            id=f"c{at}",
            text=source.quote,
            units=problem.units,
            sources=[source],
            confidence=problem.confidence,
        )


def _suggestions(materials: Sequence[Material]) -> Iterator[SuggestionRow]:
    found = [pair for m in materials for pair in _quoted(m, m.extraction.suggestions)]
    for at, (suggestion, source) in enumerate(found, 1):
        yield SuggestionRow(
            id=f"d{at}",
            text=source.quote,
            addressees=suggestion.addressees,
            sources=[source],
            confidence=suggestion.confidence,
        )


def _practices(materials: Sequence[Material]) -> Iterator[PracticeRow]:
    """One row for each lowest section, else each paragraph, of a chapter on good practice."""
    at = 0
    for material in materials:
        sections = [s for s in material.extraction.sections if s.slot == "good_practice"]
        for chapter in sections:
            if any(o.start <= chapter.start < o.end and o is not chapter for o in sections):
                continue
            for start, end in _elements(material, chapter):
                at += 1
                source = material.quote(start, end)
                yield PracticeRow(id=f"e{at}", text=source.quote, sources=[source], confidence=0.5)


def _elements(material: Material, chapter: SectionRecord) -> list[tuple[int, int]]:
    inner = [
        s for s in material.extraction.sections if chapter.start < s.start and s.end <= chapter.end
    ]
    leaves = [s for s in inner if not any(s.start < o.start < s.end for o in inner)]
    ranges = [(s.start, s.end) for s in leaves]
    if not ranges:
        blocks = [b.span for b in material.document.blocks]
        ranges = [(b.start, b.end) for b in blocks if chapter.start <= b.start < chapter.end]
        ranges = ranges[1:] or ranges
    trimmed = (_trim(material.document.text, start, end) for start, end in ranges)
    return [(start, end) for start, end in trimmed if start < end]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the range without white space at its ends."""
    words = text[start:end]
    return start + len(words) - len(words.lstrip()), end - len(words) + len(words.rstrip())
