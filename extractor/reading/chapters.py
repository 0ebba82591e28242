"""Which chapter a numbered element belongs to: measures, tasks, problems or suggestions.

Mostly the nearest heading says it. Where a list starts again at 1 without a heading between, or
一是 opens a paragraph behind a finished text, a heading was lost: then the group's language tells
(figures and 已: measures; 不到位, 尚未: problems; 要, 应: suggestions), and the group says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from extractor.reading.outline import INLINE_LEVEL, Node, Outline
from extractor.rules import load_toml
from extractor.view import View

WANTED = frozenset({"measures", "problems", "suggestions", "tasks"})

_OPINION_KINDS = frozenset({"EVAL", "SELF", "CIRC"})
_NEVER_GUESSED = frozenset({"PLAN", "NOTICE", "RULE", "REP"})
_BEFORE_MEASURES = frozenset({"treatment", "cause", "course", "fault", "loss", "basic"})
_SAMPLE = 1200
_SHORTEST = 24


@cache
def pattern(table: str, name: str) -> re.Pattern[str]:
    """Return the compiled pattern `name` of a table of measures.toml."""
    return re.compile(load_toml("measures.toml")[table][name])


def announces(text: str, start: int, end: int) -> bool:
    """Say whether a sentence only announces the list behind it."""
    return pattern("actions", "announce_pattern").search(text[start:end]) is not None


@dataclass(frozen=True, slots=True)
class Chapters:
    """The slot of every node that has one of the wanted slots, and whether its heading was lost.

    `headed_by_unit`: a numbered heading may be only the name of a unit (reports of what was done).
    """

    slots: dict[int, str]
    lost: frozenset[int]
    groups: dict[int, int]
    headed_by_unit: bool = False

    def holds(self, node: Node, slot: str) -> bool:
        """Say whether the node belongs to a chapter of this slot."""
        return self.slots.get(id(node)) == slot


def read_chapters(view: View, outline: Outline, kind: str) -> Chapters:
    """Say for every node which of the wanted slots it belongs to."""
    slots: dict[int, str] = {}
    lost: set[int] = set()
    groups: dict[int, int] = {}
    guesser = _Guesser(view.text, outline, kind)
    todo: list[tuple[Node, str | None, bool]] = [(outline.root, None, False)]
    while todo:
        node, slot, is_lost = todo.pop()
        for at, run in enumerate(_runs(view.text, node)):
            run_slot, run_lost = slot, is_lost
            if (at > 0 or node.level == 0) and all(child.slot is None for child in run):
                guess = guesser.guess(run)
                if guess is not None and guess != slot:
                    run_slot, run_lost = guess, True
            for child in run:
                child_slot = child.slot or run_slot
                child_lost = run_lost and child.slot is None
                if child_slot in WANTED:
                    slots[id(child)] = child_slot
                groups[id(child)] = id(run[0])
                if child_lost:
                    lost.add(id(child))
                todo.append((child, child_slot, child_lost))
    if kind == "REP":
        duties = (n for n in outline.nodes() if id(n) not in slots and _is_duty(view.text, n))
        slots |= {id(node): "measures" for node in duties}
    return Chapters(slots, frozenset(lost), groups, kind in _OPINION_KINDS)


def _is_duty(text: str, node: Node) -> bool:
    """An article of a reply that asks for something: 各有关单位要…, 请你局督促…."""
    own = text[node.start : node.end]
    duty, treats = pattern("duties", "pattern"), pattern("duties", "treatment_pattern")
    return not node.children and duty.search(own) is not None and treats.search(own) is None


def _runs(text: str, node: Node) -> list[list[Node]]:
    """Split the children where a list starts again, or stands apart from the text before it."""
    runs: list[list[Node]] = []
    for child in node.children:
        before = runs[-1][-1] if runs else None
        if before is None:
            stands_apart = _stands_apart(text, node, child)
            runs.extend([[], [child]] if stands_apart else [[child]])
        elif child.level == before.level and _goes_on(before.number, child.number):
            runs[-1].append(child)
        else:
            runs.append([child])
    return runs


def _goes_on(before: int | None, number: int | None) -> bool:
    return before is None or number is None or number > before


def _stands_apart(text: str, node: Node, child: Node) -> bool:
    """Say whether 一是 begins a paragraph behind a finished text that announces no list."""
    if child.level != INLINE_LEVEL or not node.marker or node.is_heading:
        return False
    own = text[max(node.title_end, node.body) : child.start]
    if not own.endswith("。\n") or own.count("。") < 2:
        return False
    last = own.rstrip("\n。").rfind("。")
    return not announces(own, last + 1, len(own.rstrip("\n")))


@dataclass(slots=True)
class _Tally:
    """How often a group of elements speaks in each manner."""

    size: int = 0
    titles_of_findings: int = 0
    findings: int = 0
    done: int = 0
    strong: int = 0
    weak: int = 0
    treated: int = 0
    told: int = 0

    def add(self, title: str, body: str) -> None:
        """Count one element."""
        self.size += 1
        self.titles_of_findings += bool(pattern("findings", "title_pattern").search(title))
        self.findings += len(pattern("findings", "pattern").findall(body))
        self.done += len(pattern("modality", "done_pattern").findall(body))
        self.strong += len(pattern("suggestions", "strong_pattern").findall(body))
        self.weak += bool(pattern("suggestions", "weak_pattern").search(body))
        self.treated += bool(pattern("findings", "treatment_pattern").search(body))
        self.told += bool(pattern("findings", "told_pattern").search(body))

    def opinion(self) -> str | None:
        """What the group is in an evaluation, self-report or circular."""
        if self.treated * 2 > self.size:
            return None
        if self.titles_of_findings * 2 >= self.size:
            return "problems"
        if self.done >= self.size and self.done >= 2 * self.strong:
            return "measures"
        if self.strong * 2 >= self.size and self.done <= self.strong:
            return "suggestions"
        if self.findings >= self.size and self.findings > self.done + self.strong:
            return "problems"
        if self.done * 2 >= self.size and self.done > self.strong:
            return "measures"
        return "suggestions" if self.weak * 2 >= self.size and not self.done else None

    def requirement(self) -> str | None:
        """What the group is in an investigation report: measures, or nothing."""
        asks = self.strong >= self.size or (self.strong + self.weak >= self.size and self.weak)
        tells = (
            max(self.treated, self.told) * 2 > self.size or self.findings > self.strong + self.weak
        )
        return "measures" if asks and not tells else None


class _Guesser:
    """Tells a group of siblings by its language, where a heading was lost.

    A plan's lists may start again as they like, and a reply has no headings. An investigation
    report guesses only when no heading names its measures, and only behind causes and treatment.
    """

    def __init__(self, text: str, outline: Outline, kind: str) -> None:
        self._text = text
        self._opinions = kind in _OPINION_KINDS
        slots = [(node.slot, node.start) for node in outline.nodes()]
        self._active = self._opinions or (
            kind not in _NEVER_GUESSED and all(slot != "measures" for slot, _ in slots)
        )
        before = [start for slot, start in slots if slot in _BEFORE_MEASURES]
        self._from = max(before, default=0)

    def guess(self, run: Sequence[Node]) -> str | None:
        """Return the slot of a group without a heading; None when it cannot be told."""
        if not self._active or not run or (not self._opinions and run[0].start < self._from):
            return None
        tally = _Tally()
        for node in run:
            body = self._text[node.body : min(node.end, node.body + _SAMPLE)]
            if len(body) >= _SHORTEST:
                tally.add(node.title or body[:60], body)
        if tally.size * 2 < len(run) or not tally.size:
            return None
        return tally.opinion() if self._opinions else tally.requirement()
