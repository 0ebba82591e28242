"""Where a chapter begins whose heading is lost, by what a learned tagger says of the sentences.

Copies of web pages and recognised scans lose headings; the chapter's paragraphs then stand under
the chapter before. A heading that is there is always believed: only chapters that no heading of
the highest level names are looked for, and only behind the first paragraph of a chapter that has
one; what stands under a heading of its own stays there.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol

from extractor.reading.headings import slot_of
from extractor.reading.nodes import INLINE_LEVEL, LostHeading, Node, Outline
from extractor.rules import load_toml
from extractor.view import View

_REPORTS: Final = {"treatment": "treatment", "measure": "measures", "suggestion": "measures"}
_OPINIONS: Final = {
    "treatment": "treatment",
    "measure": "measures",
    "problem": "problems",
    "suggestion": "suggestions",
}
_CHAPTERS: Final[Mapping[str, Mapping[str, str]]] = {
    "INV": _REPORTS,
    "MEDIA": _REPORTS,
    "OTHER": _REPORTS,
    "EVAL": _OPINIONS,
    "SELF": _OPINIONS,
    "CIRC": {"treatment": "treatment", "problem": "problems"},
}
"""Of each kind of document: the roles of sentences, and the chapters that they make up."""

_CHANGE: Final = 90.0
"""What a change of chapter costs, in characters that speak for it beyond those against it."""
_LONGEST: Final = 160
"""Characters that a paragraph counts at most: one long paragraph is not yet a chapter."""
_EVALUATIONS: Final = frozenset({"EVAL", "SELF"})
_NEUTRAL: Final = frozenset({"slogan"})
_SHORTEST: Final = 12
_PARTS: Final = 3
_BACKGROUND: Final = 0.6
_NEVER: Final = 1e9
_STRONG: Final = frozenset({"treatment", "measures", "problems", "suggestions", "annex"})
_ELSEWHERE: Final = 0.7  # more than background alone says against a chapter
_SHARE: Final = 0.4
_OWN: Final = ""


class Role(Protocol):
    """The likeliest role of a range of the text, with its probability."""

    @property
    def start(self) -> int:
        """Where the range begins."""

    @property
    def end(self) -> int:
        """Where it ends."""

    @property
    def role(self) -> str:
        """What it is for: treatment, measure, cause, problem, suggestion, slogan, background."""

    @property
    def score(self) -> float:
        """How probable that is."""


@dataclass(frozen=True, slots=True)
class _Paragraph:
    start: int
    end: int
    votes: Mapping[str, float]
    is_headed: bool


def find_lost_chapters(
    view: View,
    outline: Outline,
    kind: str,
    judge: Callable[[str], Sequence[Role]],
    told: Collection[str] = (),
) -> tuple[LostHeading, ...]:
    """Return where chapters begin whose headings the document does not show, in order.

    `judge` gives the roles of the sentences of a text, in order; it is asked only where a chapter
    that documents of this kind have is not named. `told` are the chapters that the words of their
    elements tell already (see `chapters`): those are left to them. Work grows with the text.
    """
    if sum(bool(node.marker) and node.level < INLINE_LEVEL for node in outline.nodes()) < _PARTS:
        return ()  # running prose has no chapters that could lose a heading
    level = min((node.level for node in outline.nodes() if node.slot is not None), default=1)
    named = {node.slot for node in outline.nodes() if node.level <= level}
    chapters = {role: slot for role, slot in _CHAPTERS.get(kind, {}).items() if slot not in named}
    wanted = sorted({*chapters.values()} - {*told})
    if not wanted:
        return ()
    reading = _Reading(view.text, outline, kind, judge(view.text), chapters, level)
    found = [
        [run for run in _runs(reading, region) if run.evidence >= _CHANGE]
        for region in _regions(view, outline, level)
    ]
    begins = [
        _begin([[run for run in runs if run.slot == slot] for runs in found]) for slot in wanted
    ]
    return tuple(
        LostHeading(run.start, run.slot, level)
        for run in sorted(filter(None, begins), key=lambda run: run.start)
    )


def _begin(regions: Sequence[Sequence[_Run]]) -> _Run | None:
    """Return the first run of a chapter where most speaks for it; later ones are its parts."""
    runs = max(regions, key=lambda runs: sum(run.evidence for run in runs), default=())
    most = max((run.evidence for run in runs), default=0.0)
    return next((run for run in runs if run.evidence >= _SHARE * most), None)


@dataclass(frozen=True, slots=True)
class _Run:
    """Paragraphs that are one chapter; `evidence` is what speaks for it but for headings."""

    slot: str
    start: int
    evidence: float


@dataclass(frozen=True, slots=True)
class _Reading:
    """What all regions share: the slots that roles stand for, the level of chapter headings."""

    text: str
    outline: Outline
    kind: str
    roles: Sequence[Role]
    chapters: Mapping[str, str]
    level: int


def _runs(reading: _Reading, region: _Region) -> Iterator[_Run]:
    paragraphs = [_paragraph(reading, place) for place in region.paragraphs]
    slots = sorted(set(reading.chapters.values()))
    states = _best_states(paragraphs, slots, headed=region.is_headed)
    for slot, group in groupby(range(len(states)), key=states.__getitem__):
        numbers = list(group)
        if slot != _OWN:
            lowest = 1 if region.is_headed else 0
            first = _first_of_list(reading, paragraphs, slot, max(numbers[0], lowest))
            parts = [paragraphs[number] for number in numbers]
            evidence = sum(part.votes[slot] for part in parts if not part.is_headed)
            if _may_be(reading, slot, parts[0].start, parts[-1].end):
                yield _Run(slot, paragraphs[max(first, lowest)].start, evidence)


@dataclass(frozen=True, slots=True)
class _Region:
    """The paragraphs from one heading of a chapter to the next."""

    paragraphs: Sequence[tuple[int, int]]
    is_headed: bool


def _regions(view: View, outline: Outline, level: int) -> Iterator[_Region]:
    starts = [n.start for n in outline.nodes() if n.level <= level and n.is_heading and n.slot]
    begins = [start for start, _ in view.paragraphs]
    edges = [bisect_left(begins, at) for at in starts]
    for number, (low, high) in enumerate(zip([0, *edges], [*edges, len(begins)], strict=True)):
        if low < high:
            yield _Region(view.paragraphs[low:high], number > 0)


def _may_be(reading: _Reading, slot: str, start: int, end: int) -> bool:
    """Tell whether the words allow the chapter: what is done and what is advised sound alike."""
    if reading.kind not in _EVALUATIONS or slot not in ("measures", "suggestions"):
        return True
    words = load_toml("measures.toml")
    done, asked = (
        len(re.findall(words[table][name], reading.text[start:end]))
        for table, name in (("modality", "done_pattern"), ("suggestions", "strong_pattern"))
    )
    return done > asked if slot == "measures" else asked >= done


def _paragraph(reading: _Reading, place: tuple[int, int]) -> _Paragraph:
    """Let a heading inside the chapter overrule the words below it."""
    votes = _votes(place, reading.roles, reading.chapters)
    above = (node for node in reversed(reading.outline.at(place[0]).path()) if node.slot)
    head = next(above, None)
    if head is None or head.level <= reading.level or head.slot not in _STRONG:
        return _Paragraph(*place, votes, False)
    heard = {name: _LONGEST / 4 if name == head.slot else -_NEVER for name in votes}
    return _Paragraph(*place, heard, True)


def _votes(
    place: tuple[int, int], roles: Sequence[Role], chapters: Mapping[str, str]
) -> Mapping[str, float]:
    """Return how many characters of a paragraph speak for each chapter, less those against it."""
    start, end = place
    length = end - start
    if length < _SHORTEST:
        return dict.fromkeys(chapters.values(), 0.0)
    sums: dict[str, float] = {}
    against = other = 0.0
    at = bisect_left(roles, start, key=lambda role: role.start)
    while at < len(roles) and roles[at].start < end:
        role = roles[at]
        said = (role.end - role.start) * role.score
        slot = chapters.get(role.role)
        if slot is not None:
            sums[slot] = sums.get(slot, 0.0) + said
            other += said
        elif role.role not in _NEUTRAL:
            against += said * (_BACKGROUND if role.role == "background" else 1.0)
        at += 1
    scale = min(length, _LONGEST) / length
    return {
        slot: (2 * sums.get(slot, 0.0) - other - against) * scale for slot in set(chapters.values())
    }


def _best_states(
    paragraphs: Sequence[_Paragraph], slots: Sequence[str], *, headed: bool
) -> list[str]:
    """Return the chapter of each paragraph: the dearest way, where each change costs (Viterbi)."""
    states = (_OWN, *slots)
    best = {state: 0.0 if state == _OWN else -_CHANGE for state in states}
    steps: list[dict[str, str]] = []
    for number, paragraph in enumerate(paragraphs):
        top = max(states, key=best.__getitem__)
        came = {state: state if best[state] >= best[top] - _CHANGE else top for state in states}
        best = {
            state: best[came[state]]
            - (_CHANGE if came[state] != state else 0.0)
            + paragraph.votes.get(state, 0.0)
            for state in states
        }
        if headed and number == 0:  # a chapter begins with what its heading says
            best = {state: 0.0 if state == _OWN else -_CHANGE for state in states}
            came = dict.fromkeys(states, _OWN)
        steps.append(came)
    state = max(states, key=best.__getitem__)
    found: list[str] = []
    for came in reversed(steps):
        found.append(state)
        state = came[state]
    return found[::-1]


def _first_of_list(
    reading: _Reading, paragraphs: Sequence[_Paragraph], slot: str, number: int
) -> int:
    """Return the paragraph where a chapter begins: at 1 of its list, at its first subheading.

    What its words put elsewhere is left there.
    """
    begins = [paragraph.start for paragraph in paragraphs]
    while number > 0:
        before = _element_before(reading, paragraphs, number)
        if before is None or before.start < begins[0]:
            break
        named = slot_of(before.title or "", reading.kind)
        first = bisect_left(begins, before.start)
        stepped = paragraphs[first:number]
        votes = sum(paragraph.votes[slot] for paragraph in stepped)
        size = sum(min(paragraph.end - paragraph.start, _LONGEST) for paragraph in stepped)
        if (before.slot or named) not in (None, slot) or votes < -_ELSEWHERE * size:
            break
        number = first
    return number


def _element_before(
    reading: _Reading, paragraphs: Sequence[_Paragraph], number: int
) -> Node | None:
    """Return the element of the list before this one, or the subheading right above it."""
    node = reading.outline.at(paragraphs[number].start)
    if node.start == paragraphs[number].start and node.number and node.number > 1 and node.parent:
        siblings = node.parent.children
        place = bisect_left(siblings, node.start, key=lambda sibling: sibling.start)
        before = siblings[place - 1] if place else None
        if before is not None and before.number == node.number - 1:
            return before
    above = reading.outline.at(paragraphs[number - 1].start)
    return above if _is_subheading(reading.text, above, paragraphs[number - 1]) else None


def _is_subheading(text: str, node: Node, paragraph: _Paragraph) -> bool:
    return (
        node.start == paragraph.start
        and node.is_heading
        and 0 < node.level < INLINE_LEVEL
        and node.title_end >= paragraph.end - 1
        and not (
            text[paragraph.end - 1] in "。；" and "，" in text[paragraph.start : paragraph.end]
        )
    )
