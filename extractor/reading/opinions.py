"""Problems and suggestions: what an evaluation or a circular found, and what it asks for.

Problems stand in the chapter 存在的问题, suggestions in 工作建议 or 工作要求: one record per
numbered element, else per sentence. Without a chapter of problems, a finding inside a sentence that
also praises (…有效落实，但…仍存在薄弱环节。) is one, from its turn. Other kinds have neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from extractor.reading.actors import find_subjects, is_class
from extractor.reading.chapters import Chapters, pattern, read_chapters
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
    confidence: float
    rule: str
    flags: tuple[str, ...] = ()
    sources: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SuggestionReading:
    """One suggestion, in ranges of the view; `addressees` are those who are to act, as printed."""

    start: int
    end: int
    addressees: tuple[str, ...]
    confidence: float
    rule: str
    flags: tuple[str, ...] = ()
    sources: dict[str, tuple[int, int]] = field(default_factory=dict)


def read_problems(view: View, outline: Outline, kind: str) -> list[ProblemReading]:
    """Return the problems that an evaluation, self-report or circular found, in document order."""
    if kind not in _KINDS:
        return []
    chapters = read_chapters(view, outline, kind)
    elements = read_elements(view, outline, chapters, "problems", _is_finding)
    if elements:
        return [_problem(view.text, element) for element in elements]
    return _stray_findings(view, outline, chapters)


def read_suggestions(view: View, outline: Outline, kind: str) -> list[SuggestionReading]:
    """Return the suggestions of an evaluation, or the requirements of a circular, in order.

    A suggestion without a subject is for whom the one before it in the same list is for, where
    that one opened with the name (1.甲区政府要…  2.要…).
    """
    if kind not in _KINDS:
        return []
    chapters = read_chapters(view, outline, kind)
    elements = read_elements(view, outline, chapters, "suggestions", _is_suggestion)
    found: list[SuggestionReading] = []
    addressees: tuple[str, ...] = ()
    opens = False
    for before, element in merged(elements):
        begin = element.node.body if element.start == element.node.start else element.start
        explicit = find_subjects(view.text, begin, element.end, "required").actors
        goes_on = opens and before is not None and element.label is None
        addressees = explicit or (addressees if goes_on else ())
        opens = goes_on if not explicit else view.text.startswith(explicit[0], begin)
        found.append(
            SuggestionReading(
                element.start,
                element.end,
                addressees,
                _confidence(element),
                _rule("suggestion", element),
                _flags(element),
                printed_places(view.text, "addressees", addressees, (element.start, element.end)),
            )
        )
    return found


def _is_finding(text: str, start: int, end: int) -> bool:
    return pattern("findings", "pattern").search(text, start, end) is not None


def _is_suggestion(text: str, start: int, end: int) -> bool:
    said = text[start:end]
    return any(
        pattern("suggestions", name).search(said) for name in ("strong_pattern", "weak_pattern")
    )


def _problem(text: str, element: Element) -> ProblemReading:
    begin = element.node.body if element.start == element.node.start else element.start
    units = _units(text, begin, element.end)
    return ProblemReading(
        element.start,
        element.end,
        units,
        _confidence(element),
        _rule("problem", element),
        _flags(element),
        printed_places(text, "units", units, (begin, element.end)),
    )


def _units(text: str, start: int, end: int) -> tuple[str, ...]:
    """The units that are named as being at fault; classes of units (部分企业) are none."""
    names = find_subjects(text, start, end, "reported").actors
    return tuple(name for name in names if not is_class(name))


def _stray_findings(view: View, outline: Outline, chapters: Chapters) -> list[ProblemReading]:
    """Findings in the chapters of process and opinion: from 但…仍存在 to the sentence's end.

    In the opinion (评估意见) a sentence that names a fault (未按要求组织…) is one as it stands.
    """
    found: list[ProblemReading] = []
    text = view.text
    turn, finding = pattern("findings", "turn_pattern"), pattern("findings", "finding_pattern")
    fault = pattern("findings", "fault_pattern")
    for start, end in sentences(text, 0, len(text)):
        slot = outline.at(start).inherited_slot
        match = finding.search(text, start, end)
        judged = match is None and slot == "overall"
        if judged:
            match = fault.search(text, start, end)
        if match is None or slot not in _SEARCHED_SLOTS:
            continue
        turns = [m.start() for m in turn.finditer(text, start, match.start() + 1)]
        if not turns and not judged:
            continue
        begin = turns[-1] if turns else start
        units = _units(text, begin, end)
        places = printed_places(text, "units", units, (begin, end))
        found.append(ProblemReading(begin, end, units, 0.6, "problem.finding", sources=places))
    return found


def _confidence(element: Element) -> float:
    if element.lost:
        return 0.6
    return 0.95 if element.numbered else 0.8


def _rule(what: str, element: Element) -> str:
    if not element.numbered:
        return f"{what}.sentence"
    return f"{what}.ordinal" if element.node.level == INLINE_LEVEL else f"{what}.element"


def _flags(element: Element) -> tuple[str, ...]:
    return (HEADING_LOST,) if element.lost else ()
