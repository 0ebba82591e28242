"""Rectification measures: what units have to do, plan to do, or did.

Where they stand: in an investigation report or reply the chapter 防范/整改措施(建议) (required); in
an evaluation or self-report the parts on 整改措施落实情况 (reported); in a plan or notice the tasks
(planned). What one record is: extractor.reading.units. Who acts: the explicit subject, else the
label, the lead sentence, the nearest heading that names a unit.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from extractor.extraction import Modality, Specificity
from extractor.reading.actors import (
    Manner,
    Subjects,
    acts_behind,
    find_subjects,
    heading_units,
    is_actor_name,
    is_class,
    is_post,
    names_before,
    opens_clause,
    resolve_anaphora,
    split_names,
)
from extractor.reading.cells import Row, read_rows
from extractor.reading.chapters import is_unit_name, pattern, read_chapters
from extractor.reading.labels import label_pattern
from extractor.reading.letters import addressee_of, read_orders
from extractor.reading.outline import INLINE_LEVEL, Node, Outline
from extractor.reading.units import (
    HEADING_LOST,
    Element,
    has_action,
    merged,
    printed_places,
    read_elements,
)
from extractor.reading.values import DeadlineValue, find_dates, find_deadlines
from extractor.rules import load_toml
from extractor.view import View

_REPORTED = frozenset({"EVAL", "SELF"})
_PLANNED = frozenset({"PLAN", "NOTICE", "RULE", "SUPV"})
_LETTERS = frozenset({"NOTICE", "SUPV", "PLAN"})
_NONE = frozenset({"CIRC"})

_NAME_REACH = 80
_OURSELVES = re.compile(
    "我(?:局|委|厅|办|街道|镇|乡|县|区|市|村|公司|单位|中心|站|所|集团|厂|矿|校|院)"
)
_VERB_FIRST = re.compile("加快|促进|推进|推动|加强|强化|督促")
_YEAR = re.compile(r"(20\d\d)年")


@dataclass(frozen=True, slots=True)
class MeasureReading:
    """One measure, in ranges of the view; `actors` holds everybody who acts, as printed."""

    start: int
    end: int
    label: str | None
    actors: tuple[str, ...]
    lead: tuple[str, ...]
    support: tuple[str, ...]
    modality: Modality
    deadline: DeadlineValue | None
    themes: tuple[str, ...]
    specificity: Specificity
    rule: str
    flags: tuple[str, ...] = ()
    sources: dict[str, tuple[int, int]] = field(default_factory=dict)


def read_measures(
    view: View, outline: Outline, kind: str, *, known_units: Sequence[tuple[str, ...]] = ()
) -> list[MeasureReading]:
    """Return the measures of a document of this kind, in document order.

    `known_units` are groups of names of one organisation, the full name first, found elsewhere.
    A circular (CIRC) has none: its requirements are suggestions.
    """
    if kind in _NONE:
        return []
    slot = "tasks" if kind in _PLANNED else "measures"
    chapters = read_chapters(view, outline, kind)
    names = frozenset(name for group in known_units for name in group)
    elements = read_elements(view, outline, chapters, slot, units=names)
    if kind in ("REP", "MEDIA") or (kind in _LETTERS and not elements):
        elements += read_orders(view, outline, chapters, kind, elements)
        elements.sort(key=lambda element: element.start)
    if kind in _REPORTED:
        elements = [half for e in elements if (half := _reported_half(view.text, e)) is not None]
    reader = _Reader(view, outline, kind, known_units)
    return [reader.read(before, element) for before, element in merged(elements)]


@cache
def _reported_label() -> re.Pattern[str]:
    return re.compile(rf"\n{label_pattern('done')}(?=.)")


def _reported_half(text: str, element: Element) -> Element | None:
    """Return what was done, of a pair of 评估内容：… and 评估情况：…; None for what was asked."""
    if _reported_label().match(text, element.end) or _is_undone(text, element):
        return None
    label = _reported_label().search(text, element.start, element.end)
    if label is None:
        return element
    return replace(element, start=label.start() + 1, text_start=label.end(), label=None)


def _is_undone(text: str, element: Element) -> bool:
    """Say whether all that is reported of an element is that it was not done."""
    said = text[element.start : element.end]
    undone = pattern("modality", "undone_pattern").search(said)
    return undone is not None and not pattern("modality", "done_pattern").search(said)


class _Reader:
    """Reads the fields of one element after the other; remembers who acted last."""

    def __init__(
        self, view: View, outline: Outline, kind: str, known_units: Sequence[tuple[str, ...]]
    ) -> None:
        self._text = view.text
        self._reported = kind in _REPORTED
        self._manner: Manner = (
            "reported" if self._reported else "planned" if kind in _PLANNED else "required"
        )
        self._known = known_units
        self._short_names = _short_names(known_units)
        self._reporter, self._we = (
            _reporter(view.text, known_units) if kind == "SELF" else ((), None)
        )
        self._last: Subjects = Subjects()
        self._addressee = addressee_of(view) if kind in _LETTERS or kind == "REP" else ()
        plan = pattern("modality", "plan_title_pattern")
        plans = [(n.start, n.end) for n in outline.nodes() if plan.search(n.title or "")]
        self._plans = plans if self._reported else []
        self._named: dict[int, tuple[str, ...]] = {}
        self._rows = read_rows(view)
        self._row: Row = {}
        self._leads: dict[int, tuple[str, ...]] = {}
        self._units: dict[int, tuple[str, ...]] = {}
        self._terms: dict[int, DeadlineValue | None] = {}
        years = Counter(_YEAR.findall(view.text))
        self._year = int(years.most_common(1)[0][0]) if years else None

    def read(self, before: Element | None, element: Element) -> MeasureReading:
        """Return the measure that an element states."""
        self._row = self._rows.get(self._text.rfind("\n", 0, element.start) + 1, {})
        subjects, inherited = self._subjects(before, element)
        self._last = subjects
        start, end = element.start, element.end
        flags: list[str] = []
        if element.lost:
            flags.append(HEADING_LOST)
        if inherited:
            flags.append("actor_inherited")
        specificity = self._specificity(element, subjects)
        deadline = None if self._reported else self._deadline(element, flags)
        return MeasureReading(
            start,
            end,
            element.label,
            subjects.actors,
            subjects.lead,
            subjects.support,
            self._modality(start, end),
            deadline,
            tuple(name for name, theme in _themes() if theme.search(self._text, start, end)),
            specificity,
            _rule(element),
            tuple(flags),
            self._sources(element, subjects, deadline),
        )

    def _sources(
        self, element: Element, subjects: Subjects, deadline: DeadlineValue | None
    ) -> dict[str, tuple[int, int]]:
        """Where the label, the deadline and each actor are printed, the nearest place of each."""
        within = (element.start, element.end)
        sources = printed_places(self._text, "actors", subjects.actors, within)
        if element.label:
            at = self._text.find(element.label, element.start, element.end)
            if at >= 0:
                sources["label"] = (at, at + len(element.label))
        if deadline is not None:
            sources["deadline"] = (deadline.start, deadline.end)
        return sources

    def _subjects(self, before: Element | None, element: Element) -> tuple[Subjects, bool]:
        """Return who acts, and whether that was taken from outside the element."""
        node = element.node
        if told := self._in_cells():
            return told, False
        units = self._heading_units(element)
        gap = element.label is not None and self._text[element.text_start - 1] not in "。：；"
        behind = element.noun_label or gap or element.order
        begin = element.text_start if behind else element.start
        if begin == node.start:
            begin = node.body
        beside = before is not None and before.node is node
        earlier = self._last.actors if beside else ()
        explicit = self._find(begin, element.end)
        ours = self._reporter if self._we in explicit.actors else ()
        explicit = resolve_anaphora(explicit, units or ours or earlier, self._known)
        labelled = heading_units(element.label or "")
        if self._reported and (named := self._of_part(element, explicit, labelled, units)):
            return named, not explicit.actors and not labelled
        if explicit.actors and not all(map(is_post, explicit.actors)):
            return explicit, False
        if labelled:
            return Subjects(labelled), False
        return self._inherited(before if beside else None, before, element, explicit)

    def _of_part(
        self,
        element: Element,
        explicit: Subjects,
        labelled: tuple[str, ...],
        units: tuple[str, ...],
    ) -> Subjects | None:
        """Who acts by the label or heading of a part; None where that is a class or nothing."""
        for names in (labelled, units):
            if not names or (explicit.actors and all(map(is_class, names))):
                continue
            if names is units and self._opens_with_another(element, explicit, units):
                return explicit
            return _with_support(names, explicit)
        return None

    def _inherited(
        self,
        beside: Element | None,
        before: Element | None,
        element: Element,
        explicit: Subjects,
    ) -> tuple[Subjects, bool]:
        """Who acted in the sentences before, or is named above; else the post that is named."""
        node = element.node
        earlier = self._last.actors if beside else ()
        if not element.numbered and element.start != node.start:
            since = beside.end if beside is not None else node.body
            earlier = self._nearest(since, element.start) or earlier
            if earlier:
                return Subjects(earlier), True
        above = self._before_list(element) or self._from_above(node)
        if not above and before is not None and (node.level == INLINE_LEVEL or element.order):
            above = self._last.actors
        if not above or self._we in above:
            above = self._reporter or self._addressee
        if explicit.actors and all(map(is_class, above)):
            return explicit, False  # 企业主要负责人, where above are only 各地 and 有关部门
        return Subjects(above), bool(above)

    def _opens_with_another(
        self, element: Element, explicit: Subjects, units: Sequence[str]
    ) -> bool:
        """Say whether a sentence begins with another named unit than the one of the heading."""
        if element.numbered or not explicit.actors:
            return False
        name = explicit.actors[0]
        if is_class(name) or is_post(name) or not self._text.startswith(name, element.start):
            return False
        groups = [group for group in self._known if name in group]
        same = [unit for unit in units if any(unit in group for group in groups)]
        return not same and not any(_is_short_for(name, unit) for unit in units)

    def _in_cells(self) -> Subjects | None:
        """Who acts by the cells of the row: 责任单位, 牵头单位, 配合单位."""
        said = {
            name: tuple(split_names(self._text[slice(*self._row[name])]))
            for name in ("lead", "actors", "support")
            if name in self._row
        }
        everybody = tuple(dict.fromkeys(name for names in said.values() for name in names))
        if not everybody:
            return None
        return Subjects(everybody, said.get("lead", ()), said.get("support", ()))

    def _before_list(self, element: Element) -> tuple[str, ...]:
        """Who is named right before the list of the element: 青禾公司：一是…."""
        node = element.node
        if not element.numbered or node.parent is None:
            return ()
        if element.group not in self._named:
            run = (n for n in node.parent.children if id(n) == element.group)
            at = next(run, node).start
            begin = max(node.parent.body, at - _NAME_REACH)
            self._named[element.group] = names_before(self._text, begin, at)
        return self._named[element.group]

    def _from_above(self, node: Node) -> tuple[str, ...]:
        """Who the nearest lead sentence or heading above the node names."""
        return next((who for n in node.ancestors() if n.level and (who := self._lead_of(n))), ())

    def _lead_of(self, node: Node) -> tuple[str, ...]:
        if id(node) not in self._leads:
            explicit = self._find(node.body, node.own_end).actors
            self._leads[id(node)] = explicit or self._units_of(node)
        return self._leads[id(node)]

    def _deadline(self, element: Element, flags: list[str]) -> DeadlineValue | None:
        """The element's first term, else the nearest heading's: （一）动员部署（5月15日前）."""
        deadline = self._first_term(element.start, element.end)
        node: Node | None = element.node
        while deadline is None and node is not None and node.level:
            deadline = self._term_of(node)
            if deadline is not None:
                flags.append("deadline_inherited")
            node = node.parent
        if deadline is not None and deadline.date and _YEAR.search(deadline.raw) is None:
            flags.append("year_inferred")
        return deadline

    def _term_of(self, node: Node) -> DeadlineValue | None:
        if id(node) not in self._terms:
            end = max(node.title_end, node.body)
            self._terms[id(node)] = self._first_term(node.body, end) if node.title else None
        return self._terms[id(node)]

    def _first_term(self, start: int, end: int) -> DeadlineValue | None:
        """The labelled term (完成时限：…), else the first that the words state."""
        label = pattern("terms", "label_pattern").search(self._text, start, end)
        for begin, stop in filter(None, (self._row.get("deadline"), label and (label.end(), end))):
            term = self._plain_term(begin, stop)
            if term is not None:
                return term
        return next(iter(find_deadlines(self._text, start, end, year=self._year)), None)

    def _plain_term(self, start: int, end: int) -> DeadlineValue | None:
        """A term that stands alone: 2022年9月30日, 长期坚持, 6月底前."""
        stop = next((i for i in range(start, end) if self._text[i] in "；。）\n，"), end)
        term = next(iter(find_deadlines(self._text, start, stop, year=self._year)), None)
        if term is not None:
            return term
        for date in find_dates(self._text, start, stop, year=self._year):
            raw = self._text[date.start : date.end]
            iso = date.iso if date.iso and len(date.iso) == 10 else None
            return DeadlineValue(date.start, date.end, raw, iso, repaired=date.repaired)
        lasting = pattern("terms", "lasting_pattern").search(self._text, start, stop)
        if lasting is None:
            return None
        return DeadlineValue(*lasting.span(), lasting.group(), recurring=lasting.group())

    def _units_of(self, node: Node) -> tuple[str, ...]:
        if id(node) not in self._units:
            title = node.title or ""
            short = self._short_names is not None and self._short_names.fullmatch(title)
            self._units[id(node)] = (title,) if short else heading_units(title)
        return self._units[id(node)]

    def _find(self, start: int, end: int) -> Subjects:
        found = find_subjects(self._text, start, end, self._manner)
        if self._short_names is None:
            return found
        named = [
            match.group()
            for match in self._short_names.finditer(self._text, start, end)
            if opens_clause(self._text, match.start(), start)
            and acts_behind(self._text, match.end(), end)
        ]
        others = [name for name in found.actors if not name.startswith(tuple(named) or ("\n",))]
        return Subjects(tuple(dict.fromkeys([*named, *others])), found.lead, found.support)

    def _nearest(self, start: int, end: int) -> tuple[str, ...]:
        """The subjects of the last sentence before `end` that has any."""
        text = self._text
        while end > start:
            begin = max(start, *(text.rfind(mark, start, end - 1) + 1 for mark in "。；\n"))
            found = self._find(begin, end).actors
            if found:
                return found
            end = begin
        return ()

    def _heading_units(self, element: Element) -> tuple[str, ...]:
        nodes = [
            n
            for n in (element.node, *element.node.ancestors())
            if n.level and (n.is_heading or is_unit_name(n.title or ""))
        ]
        if element.numbered:
            nodes = [n for n in nodes if n is not element.node]
        return next((names for n in nodes if (names := self._units_of(n))), ())

    def _modality(self, start: int, end: int) -> Modality:
        if not self._reported:
            return self._manner
        done = pattern("modality", "done_pattern").search(self._text, start, end)
        plan = pattern("modality", "plan_pattern").search(self._text, start, end)
        if self._is_plan(start):
            return "reported" if "已" in self._text[start:end] else "committed"
        return "committed" if plan and not done else "reported"

    def _is_plan(self, start: int) -> bool:
        """Say whether the chapter tells what is still to come: 下一步打算."""
        at = bisect_right(self._plans, (start, len(self._text))) - 1
        return at >= 0 and start < self._plans[at][1]

    def _specificity(self, element: Element, subjects: Subjects) -> Specificity:
        body = self._text[element.text_start : element.end]
        if not has_action(self._text, element.start, element.end):
            return "slogan"
        for name in subjects.actors:
            body = body.replace(name, "")
        return "specific" if pattern("facts", "pattern").search(body) else "generic"


def _is_short_for(name: str, unit: str) -> bool:
    """Say whether a name's characters stand in the unit's, in order: 区政府, 河东区人民政府."""
    rest = iter(unit)
    return name.startswith(unit) or all(char in rest for char in name)


def _short_names(known_units: Sequence[tuple[str, ...]]) -> re.Pattern[str] | None:
    """Return a pattern of the names that do not look like a unit's (以下简称兴隆木业), or None."""
    names = {name for group in known_units for name in group if not _VERB_FIRST.match(name)}
    short = sorted((n for n in names if not is_actor_name(n)), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, short))) if short else None


def _reporter(
    text: str, known_units: Sequence[tuple[str, ...]]
) -> tuple[tuple[str, ...], str | None]:
    """Return the unit that calls itself 我局 or 我镇, and that word; the word if no name is told.

    What a self-report tells without naming anybody is its own work.
    """
    for group in known_units:
        we = next((name for name in group if name[0] == "我"), None)
        if we is not None:
            return group[:1], we
    said = _OURSELVES.search(text)
    return ((said.group(),), said.group()) if said else ((), None)


def _with_support(units: tuple[str, ...], explicit: Subjects) -> Subjects:
    """Return the units of the heading, with those that the text says acted together with them."""
    partners = tuple(name for name in explicit.support if name not in units)
    return Subjects((*units, *partners), support=partners)


@cache
def _themes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (row["name"], re.compile(row["pattern"])) for row in load_toml("measures.toml")["theme"]
    )


def _rule(element: Element) -> str:
    if element.order:
        return "measure.order"
    if element.lead:
        return "measure.lead"
    if not element.numbered:
        return "measure.sentence"
    return "measure.ordinal" if element.node.level == INLINE_LEVEL else "measure.element"
