"""Problems and suggestions: what an evaluation or a circular found, and what it asks for.

Problems stand in the chapter 存在的问题, suggestions in 工作建议 or 工作要求: one record per
numbered element, else per sentence. Without a chapter of problems, a finding inside a sentence that
also praises (…有效落实，但…仍存在薄弱环节。) is one, from its turn. Other kinds have neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from extractor.reading.actors import find_subjects, heading_units, is_class, split_names
from extractor.reading.cells import Row, read_rows
from extractor.reading.chapters import pattern, read_chapters
from extractor.reading.letters import from_turn, read_orders, read_told_findings, told_advice
from extractor.reading.outline import INLINE_LEVEL, Outline
from extractor.reading.units import (
    HEADING_LOST,
    Element,
    merged,
    printed_places,
    read_elements,
    sentences,
)
from extractor.view import View

_KINDS = frozenset({"EVAL", "SELF", "CIRC"})
_SEARCHED_SLOTS = frozenset({"overall", "process", None})


@dataclass(frozen=True, slots=True)
class ProblemReading:
    """One problem, in ranges of the view; `units` are those it is found with, as printed."""

    start: int
    end: int
    units: tuple[str, ...]
    rule: str
    flags: tuple[str, ...] = ()
    sources: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SuggestionReading:
    """One suggestion, in ranges of the view; `addressees` are those who are to act, as printed."""

    start: int
    end: int
    addressees: tuple[str, ...]
    rule: str
    flags: tuple[str, ...] = ()
    sources: dict[str, tuple[int, int]] = field(default_factory=dict)


def read_problems(view: View, outline: Outline, kind: str) -> list[ProblemReading]:
    """Return the problems that an evaluation, self-report or circular found, in document order."""
    if kind not in _KINDS and kind != "MEDIA":
        return []
    elements: list[Element] = []
    if kind != "MEDIA" or "通报" in view.text:
        chapters = read_chapters(view, outline, kind)
        elements = read_elements(view, outline, chapters, "problems", _is_finding)
    if elements:
        rows = read_rows(view)
        return [_problem(view.text, element, rows) for element in elements]
    if kind == "MEDIA":
        return [_told(view.text, start, end) for start, end in read_told_findings(view.text)]
    return _stray_findings(view, outline, kind)


def read_suggestions(view: View, outline: Outline, kind: str) -> list[SuggestionReading]:
    """Return the suggestions of an evaluation, or the requirements of a circular, in order.

    A suggestion without a subject is for whom the one before it in the same list is for, where
    that one opened with the name (1.甲区政府要…  2.要…).
    """
    if kind not in _KINDS and kind != "MEDIA":
        return []
    chapters = read_chapters(view, outline, kind)
    elements = read_elements(view, outline, chapters, "suggestions", _is_suggestion)
    if kind == "CIRC" and not elements:
        elements = read_orders(view, outline, chapters, kind)
    if kind == "MEDIA" and not elements:
        elements = told_advice(view, outline)
    found: list[SuggestionReading] = []
    addressees: tuple[str, ...] = ()
    opens = False
    rows = read_rows(view)
    for before, element in merged(elements):
        begin = element.node.body if element.start == element.node.start else element.start
        cell = _in_cell(view.text, element, rows)
        explicit = cell or _asked_of(view.text, element, begin)
        goes_on = opens and before is not None and element.label is None
        addressees = explicit or (addressees if goes_on else ())
        opens = goes_on if not explicit else view.text.startswith(explicit[0], begin)
        found.append(
            SuggestionReading(
                element.start,
                element.end,
                addressees,
                _rule("suggestion", element),
                _flags(element),
                printed_places(view.text, "addressees", addressees, (element.start, element.end)),
            )
        )
    return found


def _asked_of(text: str, element: Element, begin: int) -> tuple[str, ...]:
    """Whom a suggestion names: its subject, its label (对X：), the heading above (对X的建议).

    A class of units that is only to help (会同有关部门) is none of them.
    """
    found = find_subjects(text, begin, element.end, "required")
    named = tuple(n for n in found.actors if n not in found.support or not is_class(n))
    return named or heading_units(element.label or "") or _units_above(element)


def _units_above(element: Element) -> tuple[str, ...]:
    headings = (n.title for n in element.node.ancestors() if n.level and n.is_heading and n.title)
    return next((units for title in headings if (units := heading_units(title))), ())


def _is_finding(text: str, start: int, end: int) -> bool:
    """Under their heading all sentences are findings, but examples, explanations and praise."""
    if pattern("findings", "none_pattern").search(text, start, end) is not None:
        return False
    if pattern("findings", "process_pattern").match(text[start:end]) is not None:
        return False
    if pattern("findings", "pattern").search(text, start, end) is not None:
        return True
    if pattern("findings", "explains_pattern").match(text[start:end]) is not None:
        return False
    return pattern("modality", "done_pattern").search(text, start, end) is None


def _is_suggestion(text: str, start: int, end: int) -> bool:
    said = text[start:end]
    return any(
        pattern("suggestions", name).search(said) for name in ("strong_pattern", "weak_pattern")
    )


def _in_cell(text: str, element: Element, rows: Mapping[int, Row]) -> tuple[str, ...]:
    """The units in the cell 责任单位 of the row that the element is."""
    cell = rows.get(text.rfind("\n", 0, element.start) + 1, {}).get("actors")
    return tuple(split_names(text[slice(*cell)])) if cell else ()


def _problem(text: str, element: Element, rows: Mapping[int, Row]) -> ProblemReading:
    begin = element.node.body if element.start == element.node.start else element.start
    start = element.start if element.numbered else from_turn(text, element.start, element.end)
    found = _in_cell(text, element, rows) or _units(text, begin, element.end)
    units = found or tuple(
        name
        for name in heading_units(element.label or "") or _units_above(element)
        if not is_class(name)
    )
    return ProblemReading(
        start,
        element.end,
        units,
        _rule("problem", element),
        _flags(element),
        printed_places(text, "units", units, (begin, element.end)),
    )


def _units(text: str, start: int, end: int) -> tuple[str, ...]:
    """The units that are named as being at fault; classes of units (部分企业) are none."""
    names = find_subjects(text, start, end, "reported").actors
    return tuple(name for name in names if not is_class(name))


def _told(text: str, start: int, end: int) -> ProblemReading:
    units = _units(text, start, end)
    places = printed_places(text, "units", units, (start, end))
    return ProblemReading(start, end, units, "problem.finding", sources=places)


def _stray_findings(view: View, outline: Outline, kind: str) -> list[ProblemReading]:
    """Findings in the chapters of process and opinion: from 但…仍存在 to the sentence's end.

    In the opinion (评估意见) a sentence that names a fault (未按要求组织…) is one as it stands, and
    in a circular one that says what an accident exposed (暴露出…等问题).
    """
    found: list[ProblemReading] = []
    text = view.text
    turn, finding = pattern("findings", "turn_pattern"), pattern("findings", "finding_pattern")
    fault, exposed = pattern("findings", "fault_pattern"), pattern("findings", "exposed_pattern")
    for start, end in sentences(text, 0, len(text)):
        slot = outline.at(start).inherited_slot
        match = finding.search(text, start, end)
        judged = match is None and slot == "overall"
        if judged:
            match = fault.search(text, start, end)
        if kind == "CIRC" and (shown := exposed.search(text, start, end)):
            match, judged = shown, True
        if match is None or slot not in _SEARCHED_SLOTS:
            continue
        turns = [m.start() for m in turn.finditer(text, start, match.start() + 1)]
        if not turns and not judged:
            continue
        begin = turns[-1] if turns else start
        found.append(_told(text, begin, end))
    return found


def _rule(what: str, element: Element) -> str:
    if element.order:
        return f"{what}.order"
    if not element.numbered:
        return f"{what}.sentence"
    return f"{what}.ordinal" if element.node.level == INLINE_LEVEL else f"{what}.element"


def _flags(element: Element) -> tuple[str, ...]:
    return (HEADING_LOST,) if element.lost else ()
