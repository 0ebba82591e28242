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
from itertools import islice

from extractor.reading.outline import INLINE_LEVEL, Node, Outline
from extractor.rules import load_toml
from extractor.view import View

WANTED = frozenset({"measures", "problems", "suggestions", "tasks"})

_OPINION_KINDS = frozenset({"EVAL", "SELF", "CIRC"})
_REPORTS = frozenset({"EVAL", "SELF"})
_NEVER_GUESSED = frozenset({"RULE", "REP"})
_ORDERING = frozenset({"PLAN", "NOTICE", "SUPV"})
_BEFORE_MEASURES = frozenset({"treatment", "cause", "course", "fault", "loss", "basic"})
# What a self-report tells of causes and history; what a circular counts.
_NOT_GUESSED = frozenset({("SELF", "problems"), ("CIRC", "measures")})
_SAMPLE = 1200
_LEAVES = 40
_REACH = 80
_SHORTEST = 10


@cache
def pattern(table: str, name: str) -> re.Pattern[str]:
    """Return the compiled pattern `name` of a table of measures.toml."""
    return re.compile(load_toml("measures.toml")[table][name])


def announces(text: str, start: int, end: int) -> bool:
    """Say whether a sentence only announces the list behind it."""
    return pattern("actions", "announce_pattern").search(text[start:end]) is not None


def is_unit_name(title: str) -> bool:
    """Say whether a heading is nothing but the name of a unit."""
    return (
        3 <= len(title) <= 40
        and re.search("[，。；：！？]", title) is None
        and re.search(
            r"(?:公司|集团|局|委|厅|办|处|中心|站|所|大队|支队|政府|管委会|委员会|办事处|街道|镇|乡|村|部门|厂|矿|企业|单位|医院|学校)$",
            title,
        )
        is not None
        and pattern("actors", "not_first_pattern").match(title) is None
    )


@dataclass(frozen=True, slots=True)
class Chapters:
    """The slot of every node that has one of the wanted slots, and whether its heading was lost.

    `headed_by_unit`: a numbered heading may be only the name of a unit (reports of what was done).
    """

    slots: dict[int, str]
    lost: frozenset[int]
    groups: dict[int, int]
    headed_by_unit: bool = False

    @property
    def guessed(self) -> frozenset[str]:
        """The slots that no heading names, but the language of the elements."""
        return frozenset(slot for at, slot in self.slots.items() if at in self.lost)

    def holds(self, node: Node, slot: str) -> bool:
        """Say whether the node belongs to a chapter of this slot."""
        return self.slots.get(id(node)) == slot


def read_chapters(view: View, outline: Outline, kind: str) -> Chapters:
    """Say for every node which of the wanted slots it belongs to."""
    slots: dict[int, str] = {}
    lost: set[int] = set()
    groups: dict[int, int] = {}
    guesser = _Guesser(view.text, outline, kind)
    if kind == "SELF":
        _settle_self_report(outline)
    if kind in _REPORTS:
        _settle_units(outline)
    todo: list[tuple[Node, str | None, bool]] = [(outline.root, None, False)]
    while todo:
        node, slot, is_lost = todo.pop()
        for at, run in enumerate(_runs(view.text, node)):
            run_slot, run_lost = slot, is_lost
            guess = guesser.guess(run) if at > 0 or node.level == 0 else None
            if guess is not None and guess != slot:
                run_slot, run_lost = guess, kind not in _ORDERING
            for child in run:
                child_slot = child.slot or (None if _is_general(child, run_slot) else run_slot)
                child_lost = child.is_assumed or (run_lost and child.slot is None)
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


def _settle_self_report(outline: Outline) -> None:
    """Read the chapters of a self-report as measures where none is headed so.

    What its headings say are mottos (压实责任，加强领导); what is to come (下一步打算) is no sign.
    """
    chapters = [node for node in outline.root.children if node.is_heading]
    to_come = pattern("modality", "plan_title_pattern")
    if any(n.slot == "measures" and not to_come.search(n.title or "") for n in chapters):
        return
    for node in chapters:
        node.slot = node.slot or "measures"


def _settle_units(outline: Outline) -> None:
    """Read a chapter that only a unit heads as measures, where those of other units hold such."""
    chapters = [n for n in outline.root.children if n.is_heading and n.slot is None]
    if not any(child.slot == "measures" for node in chapters for child in node.children):
        return
    for node in chapters:
        if not node.children and is_unit_name(node.title or ""):
            node.slot = "measures"


def _is_duty(text: str, node: Node) -> bool:
    """An article of a reply that asks for something: 各有关单位要…, 请你局督促…."""
    stop = text.find("\n", node.body, node.end)
    own = text[node.start : node.end if stop < 0 else stop]
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
        elif child.level == before.level and _goes_on(before, child):
            runs[-1].append(child)
        else:
            runs.append([child])
    return runs


def _is_general(node: Node, slot: str | None) -> bool:
    """Say whether a chapter of a plan gives no tasks: 总体要求, 工作目标."""
    general = pattern("modality", "general_title_pattern")
    return slot == "tasks" and general.search(node.title or "") is not None


def _is_sentence(text: str, node: Node) -> bool:
    """Say whether the element is more than a heading: it has a text, or ends in a stop."""
    return not node.is_heading or text[node.title_end - 1] in "。；"


def _goes_on(before: Node, node: Node) -> bool:
    if before.is_assumed != node.is_assumed:
        return False
    return before.number is None or node.number is None or node.number > before.number


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
    assessed: int = 0
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
        self.assessed += bool(pattern("findings", "assessed_pattern").search(body))
        self.told += bool(pattern("findings", "told_pattern").search(body))

    def opinion(self) -> str | None:
        """What the group is in an evaluation, self-report or circular."""
        if max(self.treated, self.assessed) * 2 > self.size:
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

    def order(self, sentences: bool) -> str | None:
        """What the group is in a notice without chapters: tasks, or nothing."""
        asks = self.strong + self.weak
        treats = self.treated * 2 >= self.size > self.strong - self.treated
        return "tasks" if sentences and asks * 2 >= self.size and not treats else None

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
        self._kind = kind
        self._opinions = kind in _OPINION_KINDS
        self._orders = kind in _ORDERING
        slots = [(node.slot, node.start) for node in outline.nodes()]
        wanted = "tasks" if self._orders else "measures"
        self._active = self._opinions or (
            kind not in _NEVER_GUESSED and all(slot != wanted for slot, _ in slots)
        )
        before = [start for slot, start in slots if slot in _BEFORE_MEASURES]
        self._from = max(before, default=0)

    def guess(self, run: Sequence[Node]) -> str | None:
        """Return the slot of a group without a heading; None when it cannot be told."""
        if not self._active or not run or any(node.slot is not None for node in run):
            return None
        if not self._opinions and run[0].start < self._from:
            return None
        tally = _Tally()
        leaves = (node for top in run for node in top.walk() if not node.children)
        nodes = list(islice(leaves, _LEAVES)) if self._orders else run
        for node in nodes:
            body = self._text[node.body : min(node.end, node.body + _SAMPLE)]
            if len(body) >= _SHORTEST:
                tally.add(node.title or body[:60], body)
        if tally.size * 2 < len(nodes) or not tally.size:
            return None
        if self._orders:
            return tally.order(all(_is_sentence(self._text, node) for node in nodes))
        slot = tally.opinion() if self._opinions else tally.requirement()
        if (self._kind, slot) in _NOT_GUESSED:
            return None
        return "suggestions" if slot == "measures" and self._is_advice(run[0]) else slot

    def _is_advice(self, first: Node) -> bool:
        """Say whether inspectors ask for it, in the news: 评估组强调：一要…."""
        before = self._text[max(first.start - _REACH, 0) : first.start].rstrip("：\n")
        advising = pattern("findings", "advising_pattern")
        return self._kind == "MEDIA" and advising.search(before) is not None
