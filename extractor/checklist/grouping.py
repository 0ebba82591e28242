"""Which documents are about the same accident, and why.

    grouping = group_cases(case_facts(extraction) for extraction in extractions)

Documents are joined by facts, the strongest first: a document number that one cites and the other
bears, the name of the accident, its date and unit, a common reply, its mark (“4·18”) and place.
What contradicts is never joined: another year, mark or county. A document that fits two accidents
is left alone and its doubt is stated. People correct the result by `Pins`.

The result depends on the set of documents, not on their order. Whatever can be joined shares a
key (`case_facts.search_keys`), so a new document needs only its neighbourhood (`place_document`).
The work is linear in the documents and their keys.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import Field

from extractor.checklist.case_facts import (
    CaseFacts,
    fact_keys,
    kind_label,
    own_keys,
    search_keys,
)
from extractor.extraction import Record

LinkKind = Literal["pinned", "number", "name", "unit", "reply", "mark"]
Sureness = Literal["certain", "likely", "possible"]
AloneCode = Literal["nothing_stated", "ambiguous", "pinned_apart", "no_match"]

SURENESS_LABELS: Final[dict[Sureness, str]] = {
    "certain": "确定",
    "likely": "很可能",
    "possible": "可能，请核对",
}
_SURENESS: Final[tuple[Sureness, ...]] = ("certain", "likely", "possible")
_LEVELS: Final[tuple[LinkKind, ...]] = ("number", "name", "unit", "reply", "mark")
_NAMED: Final = 3


class Link(Record):
    """Why two documents are of one case: the fact that joined them, in fields and in Chinese."""

    document: str
    other: str
    kind: LinkKind
    value: str
    sure: Sureness
    text: str


class Doubt(Record):
    """Two documents that a fact would join and another forbids, or a choice that is not clear."""

    document: str
    others: tuple[str, ...]
    text: str


class Group(Record):
    """The documents of one accident; a document that is joined to none is a group of one."""

    documents: tuple[str, ...] = Field(min_length=1)
    name: str | None
    date: str | None
    mark: str | None
    sure: Sureness
    links: tuple[Link, ...] = ()
    alone: AloneCode | None = None
    reason: str

    def reason_of(self, document: str) -> str:
        """Return in Chinese why this document is in the group."""
        texts = [link.text for link in self.links if document in (link.document, link.other)]
        return "；".join(dict.fromkeys(texts)) or self.reason


class Grouping(Record):
    """All groups, by date and name, and what a person should look at."""

    groups: tuple[Group, ...]
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Pins:
    """What people have decided; it wins over every fact.

    `cases` names the case of a document: documents of one case are together, of two apart.
    `apart` are pairs: the first document is never with the second.
    """

    cases: Mapping[str, str] = field(default_factory=dict)
    apart: frozenset[tuple[str, str]] = frozenset()


NO_PINS: Final = Pins()


def group_cases(facts: Iterable[CaseFacts], pins: Pins = NO_PINS) -> Grouping:
    """Group documents by accident; the same result in whatever order they come."""
    work = _Work({each.document: each for each in facts}, pins)
    work.join_pinned()
    for level in _LEVELS:
        work.join(level)
    return work.result()


class _Case:
    """A group while it grows: its documents and what is known of its accident."""

    __slots__ = ("counties", "documents", "label", "mark", "units", "year")

    def __init__(self, facts: CaseFacts, label: str | None) -> None:
        self.documents = [facts.document]
        self.label = label
        self.year = facts.year
        self.mark = facts.mark
        self.counties = set(facts.counties)
        self.units = set(facts.units)

    def take(self, other: _Case) -> None:
        """Become one with another case."""
        self.documents += other.documents
        self.label = self.label or other.label
        self.year = self.year or other.year
        self.mark = self.mark or other.mark
        self.counties |= other.counties
        self.units |= other.units


_Buckets = dict[str, list[str]]
"""Documents by the key that they share; of a number those that bear it first."""


@dataclass(slots=True)
class _Part:
    """Cases that hang together by keys, and those keys with the documents of these cases."""

    cases: list[_Case]
    buckets: _Buckets


class _Work:
    """The state of one grouping: the cases so far, by any of their documents."""

    def __init__(self, facts: Mapping[str, CaseFacts], pins: Pins) -> None:
        self._facts = {document: facts[document] for document in sorted(facts)}
        self._pins = pins
        self._case = {
            document: _Case(each, pins.cases.get(document))
            for document, each in self._facts.items()
        }
        self._level: LinkKind = "pinned"
        self._links: list[Link] = []
        self._doubts: dict[tuple[str, tuple[str, ...]], Doubt] = {}
        self._open: set[str] = set()
        self._put_out: set[str] = set()
        self._banned: defaultdict[str, set[str]] = defaultdict(set)
        for outsider, other in pins.apart:
            if outsider in self._case and other in self._case:
                self._banned[outsider].add(other)

    def join_pinned(self) -> None:
        """Join what people have put into one case."""
        by_case: defaultdict[str, list[str]] = defaultdict(list)
        for document in self._facts:
            if (label := self._pins.cases.get(document)) is not None:
                by_case[label].append(document)
        for documents in by_case.values():
            for document in documents[1:]:
                self._unite("", documents[0], document, ("certain", "人工确定属于同一起事故"))

    def join(self, level: LinkKind) -> None:
        """Join the cases that share a fact of this level, where nothing forbids it."""
        self._level = level
        buckets = self._buckets()
        documents = sorted({document for each in buckets.values() for document in each})
        cases = list(dict.fromkeys(self._case[document] for document in documents))
        for part in self._parts(cases, buckets):
            self._settle(part)

    def _buckets(self) -> _Buckets:
        found: defaultdict[str, list[str]] = defaultdict(list)
        if self._level == "number":
            cited: defaultdict[str, list[str]] = defaultdict(list)
            for document, facts in self._facts.items():
                if facts.number:
                    found[facts.number].append(document)
                for number in facts.cites:
                    cited[number].append(document)
            found = defaultdict(list, {n: each + cited.get(n, []) for n, each in found.items()})
        else:
            for document, facts in self._facts.items():
                for key in fact_keys(facts):
                    if key.startswith(f"{self._level}:"):
                        found[key.partition(":")[2]].append(document)
        return {key: found[key] for key in sorted(found) if len(found[key]) > 1}

    def _bears(self, document: str, number: str) -> bool:
        return self._facts[document].number == number

    def _parts(self, cases: Sequence[_Case], buckets: _Buckets) -> list[_Part]:
        """Return the cases that hang together by buckets, each with its share of the buckets."""
        inside, keys_of = self._share(cases, buckets)
        parts: list[_Part] = []
        placed: set[int] = set()
        for case in cases:
            if id(case) in placed:
                continue
            placed.add(id(case))
            part, waiting = _Part([], {}), [case]
            while waiting:
                part.cases.append(current := waiting.pop())
                for key in keys_of[id(current)]:
                    if key not in part.buckets:
                        part.buckets[key] = inside[key]
                        near = dict.fromkeys(self._case[document] for document in inside[key])
                        fresh = [each for each in near if id(each) not in placed]
                        placed |= {id(each) for each in fresh}
                        waiting += fresh
            part.buckets = {key: part.buckets[key] for key in sorted(part.buckets)}
            parts.append(part)
        return parts

    def _share(
        self, cases: Sequence[_Case], buckets: _Buckets
    ) -> tuple[_Buckets, dict[int, list[str]]]:
        """Return the buckets with the documents of these cases alone, and the keys of each case."""
        keys_of: dict[int, list[str]] = {id(case): [] for case in cases}
        inside: _Buckets = {}
        for key, documents in buckets.items():
            within = [each for each in documents if id(self._case[each]) in keys_of]
            # Two documents that cite a number of a third have nothing to do with one another.
            if within and (self._level != "number" or self._bears(within[0], key)):
                inside[key] = within
                for each in within:
                    keys_of[id(self._case[each])].append(key)
        return inside, keys_of

    def _settle(self, part: _Part) -> None:
        """Join cases that hang together, or first part them by what contradicts."""
        kept = self._without_outsiders(part.cases)
        if len(kept) < len(part.cases):
            staying = set(map(id, kept))
            gone = (case for case in part.cases if id(case) not in staying)
            self._put_out |= {document for case in gone for document in case.documents}
            for rest in self._parts(kept, part.buckets):
                self._settle(rest)
            return
        for attribute in ("label", "year", "mark", "counties", "units"):
            if attribute == "units" and self._level != "mark":
                continue  # a project has several units, but a place has few accidents a day
            classes = _classes(part.cases, attribute)
            if len(classes) > 1:
                self._doubt_conflicts(part, classes, attribute)
                self._divide(part, classes)
                return
        members = {document for case in part.cases for document in case.documents}
        for key, documents in part.buckets.items():
            inside = [document for document in documents if document in members]
            for document in inside[1:]:
                why = _explain(self._level, key, self._facts[inside[0]], self._facts[document])
                self._unite(key, inside[0], document, why)

    def _without_outsiders(self, cases: list[_Case]) -> list[_Case]:
        if not self._banned:
            return cases
        present = {document: id(case) for case in cases for document in case.documents}
        return [
            case
            for case in cases
            if not any(
                present.get(other, id(case)) != id(case)
                for document in case.documents
                for other in self._banned.get(document, ())
            )
        ]

    def _divide(self, part: _Part, classes: list[list[_Case]]) -> None:
        """Settle each class of cases that may be one; the others join the only class they touch."""
        class_of = {id(case): at for at, members in enumerate(classes) for case in members}
        undecided = [case for case in part.cases if id(case) not in class_of]
        for each in self._parts(undecided, part.buckets):
            touched = self._touched(each, part.buckets, class_of)
            if len(touched) == 1:
                classes[touched.pop()] += each.cases
            elif touched:
                self._doubt_open(each.cases, [classes[at] for at in sorted(touched)])
        for members in classes:
            for each in self._parts(members, part.buckets):
                self._settle(each)

    def _touched(self, part: _Part, buckets: _Buckets, class_of: Mapping[int, int]) -> set[int]:
        """Return the classes that the cases of a part share a key with."""
        members = {document for case in part.cases for document in case.documents}
        keys = part.buckets if self._level != "number" else buckets
        touched = set()
        for key in keys:
            inside = [document for document in buckets[key] if document in members]
            others = [document for document in buckets[key] if document not in members]
            if self._level == "number" and not any(self._bears(each, key) for each in inside):
                others = [each for each in others if inside and self._bears(each, key)]
            touched |= {class_of.get(id(self._case[other]), -1) for other in others}
        return touched - {-1}

    def _doubt_open(self, cases: list[_Case], classes: list[list[_Case]]) -> None:
        others = tuple(sorted(min(d for c in each for d in c.documents) for each in classes))
        names = "、".join(self._title(other) for other in others[:_NAMED])
        text = f"可能属于{len(others)}起事故中的一起（{names}），文件没有写明是哪一起，请人工确定"
        for document in (document for case in cases for document in case.documents):
            self._open.add(document)
            self._doubts[document, others] = Doubt(document=document, others=others, text=text)

    def _doubt_conflicts(self, part: _Part, classes: list[list[_Case]], attribute: str) -> None:
        """State where a fact joins what another forbids; one mark in many years says nothing."""
        if self._level == "mark" and attribute != "units":
            return
        class_of = {id(case): at for at, members in enumerate(classes) for case in members}
        for key, documents in part.buckets.items():
            first = documents[0]
            own = class_of.get(id(self._case[first]))
            for other in documents[1:]:
                at = class_of.get(id(self._case[other]))
                if own is None or at is None or at == own:
                    continue
                fact = f"{_WORDS[self._level]}（{key.replace('|', '，')}）"
                text = f"{fact}与“{self._title(first)}”相符，但{_DIFFERENT[attribute]}不同，没有归为一起，请核对"
                doubt = Doubt(document=other, others=(first,), text=text)
                self._doubts.setdefault((other, (first,)), doubt)

    def _unite(self, value: str, one: str, other: str, why: tuple[Sureness, str]) -> None:
        into, case = self._case[one], self._case[other]
        if into is case:
            return
        if len(case.documents) > len(into.documents):
            into, case = case, into
        into.take(case)
        for document in case.documents:
            self._case[document] = into
        self._links.append(
            Link(document=other, other=one, kind=self._level, value=value, sure=why[0], text=why[1])
        )

    def _title(self, document: str) -> str:
        facts = self._facts[document]
        return facts.name or facts.title or document[:8]

    def result(self) -> Grouping:
        """Return the groups in order, with their reasons."""
        links: defaultdict[int, list[Link]] = defaultdict(list)
        for link in self._links:
            links[id(self._case[link.document])].append(link)
        cases = {id(case): case for case in self._case.values()}
        groups = [self._group(case, links[key]) for key, case in cases.items()]
        groups.sort(key=lambda g: (g.date or "9", g.name or "", g.documents))
        doubts = sorted(
            (doubt for doubt in self._doubts.values() if self._stands(doubt)),
            key=lambda doubt: (doubt.document, doubt.others),
        )
        return Grouping(groups=tuple(groups), doubts=tuple(doubts))

    def _stands(self, doubt: Doubt) -> bool:
        """Tell whether a doubt has not been settled by another fact."""
        case = self._case[doubt.document]
        return all(self._case[other] is not case for other in doubt.others)

    def _group(self, case: _Case, links: Sequence[Link]) -> Group:
        facts = [self._facts[document] for document in sorted(case.documents)]
        facts.sort(key=lambda each: (_NAME_ORDER.get(each.kind, 9), each.document))
        alone = self._alone(facts[0]) if len(facts) == 1 else None
        ordered = tuple(sorted(links, key=lambda link: (link.document, link.other, link.kind)))
        sure = max((link.sure for link in links), key=_SURENESS.index, default="certain")
        texts = dict.fromkeys(link.text for link in ordered)
        return Group(
            documents=tuple(each.document for each in facts),
            name=next((f.name for f in facts if f.name), None)
            or next((f.title for f in facts if f.title), None),
            date=next((f.date for f in facts if f.date), None),
            mark=next((f.mark for f in facts if f.mark), None),
            sure=sure,
            links=ordered,
            alone=alone,
            reason=_ALONE_TEXTS[alone] if alone is not None else "；".join(texts),
        )

    def _alone(self, facts: CaseFacts) -> AloneCode:
        if facts.document in self._open:
            return "ambiguous"
        if facts.says_nothing:
            return "nothing_stated"
        return "pinned_apart" if facts.document in self._put_out else "no_match"


_NAME_ORDER: Final = {"INV": 0, "REP": 1, "EVAL": 2, "SUPV": 3, "SELF": 4}
_WORDS: Final[dict[LinkKind, str]] = {
    "number": "文号",
    "name": "事故名称",
    "unit": "事故日期和单位",
    "reply": "批复文号",
    "mark": "日期标记、年份和地点",
}
_DIFFERENT: Final = {
    "label": "人工确定的案件",
    "year": "事故的年份",
    "mark": "事故的日期标记",
    "counties": "事故发生的县（区）",
    "units": "事故单位",
}
_ALONE_TEXTS: Final[dict[AloneCode, str]] = {
    "nothing_stated": "文件没有写明事故的名称或日期，文号也没有对上，无法判断属于哪起事故",
    "ambiguous": "可能属于几起事故中的一起，无法确定，请人工确定",
    "pinned_apart": "人工确定不与相近的文件归为一起",
    "no_match": "没有其他文件与它属于同一起事故",
}


def _explain(level: LinkKind, key: str, one: CaseFacts, other: CaseFacts) -> tuple[Sureness, str]:
    """Return how sure a link is and what a person reads of it."""
    years_known = one.year is not None and other.year is not None
    if level == "number":
        if one.number == other.number:
            return "certain", f"两份文件的文号相同（{key}）"
        labels = kind_label(other.kind), kind_label(one.kind)
        return "certain", f"{labels[0]}引用了{labels[1]}的文号（{key}）"
    if level == "name":
        known = years_known or one.mark is not None
        return ("certain" if known else "likely"), f"事故名称相同（{one.name}）"
    left, _, right = key.partition("|")
    if level == "unit":
        return "certain", f"事故日期（{left}）和事故单位（{right}）相同"
    if level == "reply":
        return "certain", f"依据同一份批复（{key}）"
    if years_known:
        closer = bool(set(one.counties) & set(other.counties) or set(one.units) & set(other.units))
        text = f"日期标记“{left}”、年份（{one.year}）和地点（{right}）相同"
        return ("certain" if closer else "likely"), text
    return "possible", f"日期标记“{left}”和地点（{right}）相同，有一份没有写明年份"


def _classes(cases: Sequence[_Case], attribute: str) -> list[list[_Case]]:
    """Return the cases by the values of an attribute; without those where it is unknown."""
    if attribute in ("counties", "units"):
        return _by_shared(cases, attribute)
    found: defaultdict[str, list[_Case]] = defaultdict(list)
    for case in cases:
        value: str | None = getattr(case, attribute)
        if value is not None:
            found[value].append(case)
    return [found[value] for value in sorted(found)]


def _by_shared(cases: Sequence[_Case], attribute: str) -> list[list[_Case]]:
    """Return the cases by county or unit; two with one of several in common are together."""
    leader: dict[str, str] = {}

    def find(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    names_of = [sorted(getattr(case, attribute)) for case in cases]
    for names in names_of:
        for name in names[1:]:
            one, other = sorted((find(name), find(names[0])))
            leader[other] = one
    found: defaultdict[str, list[_Case]] = defaultdict(list)
    for case, names in zip(cases, names_of, strict=True):
        if names:
            found[find(names[0])].append(case)
    return [found[name] for name in sorted(found)]


class Placement(Record):
    """Where one document belongs among cases that exist already.

    `case` is the case to put it into, None for a new one. `joins` are further cases that this
    document shows to be the same accident; `leaves` are documents of them that are not.
    """

    case: str | None
    joins: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    group: Group
    doubts: tuple[Doubt, ...] = ()


Lookup = Callable[[Collection[str]], Iterable[CaseFacts]]
"""Returns the documents that are kept under any of these keys (`kept_keys`)."""


def kept_keys(facts: CaseFacts, pins: Pins = NO_PINS) -> frozenset[str]:
    """Return the keys under which a store keeps a document so that a `Lookup` finds it."""
    label = pins.cases.get(facts.document)
    return own_keys(facts) | ({f"case:{label}"} if label is not None else frozenset())


def neighbourhood(facts: CaseFacts, lookup: Lookup, pins: Pins = NO_PINS) -> dict[str, CaseFacts]:
    """Return every document that may have to do with this one, directly or through others."""
    found = {facts.document: facts}
    asked: set[str] = set()
    wanted = _wanted(facts, pins)
    while wanted:
        asked |= wanted
        fresh = {each.document: each for each in lookup(wanted) if each.document not in found}
        found |= fresh
        wanted = frozenset(key for each in fresh.values() for key in _wanted(each, pins)) - asked
    return found


def _wanted(facts: CaseFacts, pins: Pins) -> frozenset[str]:
    label = pins.cases.get(facts.document)
    return search_keys(facts) | ({f"case:{label}"} if label is not None else frozenset())


def place_document(
    facts: CaseFacts, lookup: Lookup, cases: Mapping[str, str], pins: Pins = NO_PINS
) -> Placement:
    """Say to which of the existing `cases` (by document) a new or changed document belongs.

    The groups are those of `group_cases` over all documents, in whatever order they came; only
    the neighbourhood of the document is looked at. Its own place in `cases` is not counted.
    """
    near = neighbourhood(facts, lookup, pins)
    grouping = group_cases(near.values(), pins)
    group = next(each for each in grouping.groups if facts.document in each.documents)
    others = set(group.documents) - {facts.document}
    pinned = pins.cases.get(facts.document)
    met = sorted({cases[document] for document in others if document in cases})
    if pinned is not None and pinned in cases.values():
        met = [pinned, *(case for case in met if case != pinned)]
    leaves = (d for d in near if cases.get(d) in met and d not in group.documents)
    return Placement(
        case=met[0] if met else None,
        joins=tuple(met[1:]),
        leaves=tuple(sorted(leaves)),
        group=group,
        doubts=tuple(doubt for doubt in grouping.doubts if doubt.document == facts.document),
    )


class CaseIndex:
    """Documents by their keys, in memory: a `Lookup` for `place_document`."""

    def __init__(self, pins: Pins = NO_PINS) -> None:
        """Begin empty; `pins` must be those of the later questions."""
        self._pins = pins
        self._by_key: defaultdict[str, dict[str, CaseFacts]] = defaultdict(dict)

    def add(self, facts: CaseFacts) -> None:
        """Keep a document."""
        for key in kept_keys(facts, self._pins):
            self._by_key[key][facts.document] = facts

    def __call__(self, keys: Collection[str]) -> Iterator[CaseFacts]:
        """Return the documents under these keys, each once."""
        found: dict[str, CaseFacts] = {}
        for key in keys:
            found |= self._by_key.get(key, {})
        return iter(found.values())
