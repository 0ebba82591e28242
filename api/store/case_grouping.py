"""Automatic grouping: a document that was read finds its case; a deleted one leaves it.

The groups are those of `group_cases` over all documents, in whatever order they came. Only the
documents that hang together with the new one by keys are looked at: whoever can be joined to it is
among them. Where these are very many (a fact that half of the archive shares), only the place of
the new document is looked for, among those that share a key with it.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, insert, or_, select

from api.store.case_rows import (
    Position,
    Reason,
    change,
    drop_empty,
    fix,
    make,
    positions,
    put,
    size,
    take_turn,
)
from api.store.feed import emit
from api.store.hooks import Saved
from api.store.schema import CASE_DOCUMENTS, CASE_FACTS, CASE_KEYS, CASES, DOCUMENTS
from extractor.checklist.case_facts import CaseFacts, case_facts, own_keys, search_keys
from extractor.checklist.grouping import Group, Grouping, Pins, group_cases, neighbourhood
from extractor.extraction import Extraction

MOST_NEAR: Final = 300
"""The most documents that are grouped anew when one comes."""
_MANY: Final = 32
_AT_ONCE: Final = 400
_MOST_LINKS: Final = 6
_NO_CASE: Final = frozenset({"nothing_stated", "ambiguous"})


class _TooManyError(Exception):
    """More documents hang together than are grouped at once."""


class _Near:
    """Documents by key, with what is known of where they stand; a `Lookup` of grouping."""

    def __init__(self, connection: Connection, tenant: str, *, is_partial: bool = False) -> None:
        self._connection = connection
        self._tenant = tenant
        self._is_partial = is_partial
        self._labels: dict[str, str] = {}
        self.places: dict[str, Position] = {}
        self.stood: dict[str, Position] = {}
        """Where those really stand that are grouped as if they stood elsewhere."""
        self.facts: dict[str, CaseFacts] = {}
        self.pins = Pins(cases=self._labels)

    def take(self, facts: CaseFacts, place: Position | None) -> None:
        """Count a document among those that were found."""
        self.facts[facts.document] = facts
        if place is not None:
            self.places[facts.document] = place
            if place.is_pinned and place.case is not None:
                self._labels[facts.document] = place.case

    def add(self, found: Sequence[CaseFacts]) -> None:
        """Count documents that are known already, and look up where they stand."""
        places = positions(self._connection, self._tenant, [each.document for each in found])
        for each in found:
            self.take(each, places.get(each.document))

    def __call__(self, keys: Collection[str]) -> Iterable[CaseFacts]:
        """Return the documents under any of the keys.

        Raises:
            _TooManyError: more were found than are grouped at once, and it is not to be a part.
        """
        labels = sorted(key.removeprefix("case:") for key in keys if key.startswith("case:"))
        hashed = sorted(_hashed(key) for key in keys if not key.startswith("case:"))
        found: list[CaseFacts] = []
        for start in range(0, len(hashed), _AT_ONCE):
            part = hashed[start : start + _AT_ONCE]
            of_keys = select(CASE_KEYS.c.document).where(
                CASE_KEYS.c.tenant == self._tenant, CASE_KEYS.c.key.in_(part)
            )
            found += self._read(CASE_FACTS.c.document.in_(of_keys))
        if labels:
            place = CASE_DOCUMENTS.c
            found += self._read(and_(place.case.in_(labels), place.pinned))
        return found

    def _read(self, condition: Any) -> list[CaseFacts]:
        facts, place = CASE_FACTS.c, CASE_DOCUMENTS.c
        query = (
            select(
                facts.document, facts.facts, place.case, place.pinned, place.origin, place.reason
            )
            .select_from(CASE_FACTS)
            .outerjoin(
                CASE_DOCUMENTS,
                and_(place.tenant == facts.tenant, place.document == facts.document),
            )
            # Whoever was taken out by a person takes no part.
            .where(facts.tenant == self._tenant, condition)
            .where(or_(place.document.is_(None), ~place.pinned, place.case.is_not(None)))
            .limit(MOST_NEAR + 1)
        )
        rows = self._connection.execute(query).all()
        if self._is_partial:
            rows = rows[: max(MOST_NEAR - len(self.facts), 0)]
        for row in rows:
            if row.document not in self.facts:
                known = row.pinned is not None
                place_of = Position(row.case, row.pinned, row.origin, row.reason) if known else None
                self.take(CaseFacts.model_validate_json(row.facts), place_of)
        if len(self.facts) > MOST_NEAR:
            raise _TooManyError
        return [self.facts[row.document] for row in rows]


def group_saved(connection: Connection, saved: Saved) -> None:
    """Place a document that was read; what it says may move others, but nothing that is pinned."""
    tenant, document = saved.tenant, saved.document
    given = saved.derived.get("facts")
    if given is None:
        facts = case_facts(Extraction.model_validate_json(saved.extraction))
    else:
        facts = CaseFacts.model_validate_json(given)
    facts = facts.model_copy(update={"document": document})
    take_turn(connection, tenant)
    place = positions(connection, tenant, [document]).get(document)
    before = _kept(connection, tenant, document)
    if before == facts and place is not None:
        return
    old = _around(connection, tenant, [(before, place)]) if before is not None else []
    _keep(connection, tenant, facts)
    if place is not None and place.is_pinned and place.case is None:
        return
    if before is None and place is None and _join_twin(connection, tenant, facts, None):
        return
    near = _Near(connection, tenant)
    near.take(facts, place)
    seeds = [facts, *(each for each in old if each.document != document)]
    try:
        _spread(near, seeds)
        if place is not None and place.is_pinned and _fix_others(connection, tenant, near, place):
            near = _Near(connection, tenant)
            near.take(facts, place)
            _spread(near, seeds)
    except _TooManyError:
        _place_alone(connection, tenant, facts, place)
        return
    _reconcile(connection, tenant, near, group_cases(near.facts.values(), near.pins))


def leave_case(connection: Connection, tenant: str, document: str) -> None:
    """Take a document that is being deleted out of its case, and group anew what it had joined."""
    take_turn(connection, tenant)
    place = positions(connection, tenant, [document]).get(document)
    facts = _kept(connection, tenant, document)
    around = _around(connection, tenant, [(facts, place)]) if facts is not None else []
    for table in (CASE_KEYS, CASE_FACTS):
        here = (table.c.tenant == tenant, table.c.document == document)
        connection.execute(delete(table).where(*here))
    if place is not None and place.case is not None:
        put(connection, tenant, document, Position(None, False, "auto", None), place)
        change(connection, tenant, place.case)
        drop_empty(connection, tenant, [place.case])
    near = _Near(connection, tenant)
    try:
        _spread(near, [each for each in around if each.document != document])
    except _TooManyError:
        return
    _reconcile(connection, tenant, near, group_cases(near.facts.values(), near.pins))


def regroup(connection: Connection, tenant: str, documents: Collection[str]) -> None:
    """Place documents anew, as if they had just been read, whoever had placed them before.

    Nothing else that is pinned moves. What has not been read yet stands in no case until it is.
    """
    take_turn(connection, tenant)
    before = positions(connection, tenant, documents)
    kept = {document: _kept(connection, tenant, document) for document in before}
    known = {document: facts for document, facts in kept.items() if facts is not None}
    free = _let_go(connection, tenant, before, known)
    old = _around(connection, tenant, [(facts, before[each]) for each, facts in known.items()])
    near = _Near(connection, tenant)
    for document, facts in known.items():
        near.take(facts, free[document])
        near.stood[document] = before[document]
    try:
        _spread(near, [*known.values(), *(each for each in old if each.document not in known)])
    except _TooManyError:
        for document, place in free.items():
            put(connection, tenant, document, place, before[document])
        for document, facts in known.items():
            if not _join_twin(connection, tenant, facts, free[document]):
                _place_alone(connection, tenant, facts, free[document])
    else:
        for document in before.keys() - known.keys():
            put(connection, tenant, document, free[document], before[document])
        _reconcile(connection, tenant, near, group_cases(near.facts.values(), near.pins))
    left = {place.case for place in before.values() if place.case is not None}
    for case in sorted(left - drop_empty(connection, tenant, left)):
        change(connection, tenant, case)


def _let_go(
    connection: Connection,
    tenant: str,
    before: Mapping[str, Position],
    known: Collection[str],
) -> dict[str, Position]:
    """Return where documents are taken to stand that people let go of: in no case.

    But an automatic case goes on if all its documents are let go of at once.
    """
    counts = Counter(place.case for place in before.values() if place.case is not None)
    table = CASES.c
    query = select(table.id).where(table.tenant == tenant, table.id.in_(counts))
    automatic = connection.execute(query.where(table.origin == "auto")).scalars()
    whole = {case for case in automatic if size(connection, tenant, case) == counts[case]}
    free = {}
    for document, place in before.items():
        case = place.case if place.case in whole and document in known else None
        free[document] = Position(case, False, "auto", place.reason if case else None)
    return free


def _hashed(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def _signature(facts: CaseFacts) -> str:
    said = facts.model_copy(update={"document": "", "kind": "OTHER", "title": None})
    return _hashed(said.model_dump_json())


def _kept(connection: Connection, tenant: str, document: str) -> CaseFacts | None:
    table = CASE_FACTS.c
    query = select(table.facts).where(table.tenant == tenant, table.document == document)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else CaseFacts.model_validate_json(found)


def _keep(connection: Connection, tenant: str, facts: CaseFacts) -> None:
    for table in (CASE_KEYS, CASE_FACTS):
        here = (table.c.tenant == tenant, table.c.document == facts.document)
        connection.execute(delete(table).where(*here))
    row = {
        "tenant": tenant,
        "document": facts.document,
        "signature": _signature(facts),
        "facts": facts.model_dump_json(),
    }
    connection.execute(insert(CASE_FACTS).values(row))
    keys = sorted({_hashed(key) for key in own_keys(facts)})
    if keys:
        rows = [{"tenant": tenant, "key": key, "document": facts.document} for key in keys]
        connection.execute(insert(CASE_KEYS), rows)


def _around(
    connection: Connection, tenant: str, known: Iterable[tuple[CaseFacts, Position | None]]
) -> list[CaseFacts]:
    """Return what hangs together with documents; without them it may fall apart."""
    near, seeds = _Near(connection, tenant), []
    for facts, place in known:
        if place is None or not place.is_pinned or place.case is not None:
            near.take(facts, place)
            seeds.append(facts)
    try:
        _spread(near, seeds)
    except _TooManyError:
        return []
    return list(near.facts.values())


def _spread(near: _Near, seeds: Sequence[CaseFacts]) -> None:
    """Look for all that hangs together with the seeds, and the seeds themselves."""
    near.add([seed for seed in seeds if seed.document not in near.facts])
    found: set[str] = set()
    for seed in seeds:
        if seed.document not in found:
            found |= set(neighbourhood(seed, near, near.pins))


def _fix_others(connection: Connection, tenant: str, near: _Near, place: Position) -> bool:
    """Keep the cases of others together, where a document that people put elsewhere would draw."""
    standing = {each.case for each in near.places.values() if not each.is_pinned}
    found = False
    for case in standing - {place.case}:
        if case is not None and size(connection, tenant, case) > 1:
            fix(connection, tenant, case)
            found = True
    return found


def _join_twin(
    connection: Connection, tenant: str, facts: CaseFacts, standing: Position | None
) -> bool:
    """Put a document into a large case that has one which says the very same; tell whether so."""
    if not own_keys(facts):
        return False
    place = CASE_DOCUMENTS.c
    row = connection.execute(
        select(place.case, DOCUMENTS.c.title, place.document)
        .select_from(CASE_FACTS)
        .join(
            CASE_DOCUMENTS,
            and_(place.tenant == CASE_FACTS.c.tenant, place.document == CASE_FACTS.c.document),
        )
        .join(DOCUMENTS, and_(DOCUMENTS.c.tenant == place.tenant, DOCUMENTS.c.id == place.document))
        .where(CASE_FACTS.c.tenant == tenant, CASE_FACTS.c.signature == _signature(facts))
        .where(CASE_FACTS.c.document != facts.document, place.case.is_not(None), ~place.pinned)
        .limit(1)
    ).first()
    if row is None or size(connection, tenant, row.case) < _MANY:
        return False
    text = f"与同一案卷中的《{row.title or row.document[:8]}》写明的事故信息相同"
    link = {"document": row.document, "kind": "same", "value": ""}
    reason: Reason = {"text": text, "sure": "certain", "links": [link]}
    put(connection, tenant, facts.document, Position(row.case, False, "auto", reason), standing)
    change(connection, tenant, row.case)
    return True


def _place_alone(
    connection: Connection, tenant: str, facts: CaseFacts, place: Position | None
) -> None:
    """Place one document among those that share a key with it, and move nothing else."""
    near = _Near(connection, tenant, is_partial=True)
    near.take(facts, place)
    near(search_keys(facts))
    grouping = group_cases(near.facts.values(), near.pins)
    group = next(each for each in grouping.groups if facts.document in each.documents)
    met = Counter(
        near.places[each].case
        for each in group.documents
        if each != facts.document and each in near.places
    )
    del met[None]
    case = min(met, key=lambda each: (-met[each], str(each)), default=None)
    if place is not None and place.is_pinned:
        return
    if case is None and group.alone not in _NO_CASE:
        case = make(connection, tenant, "auto", _described(group))
    reason = _reasons(grouping, group)[facts.document]
    put(connection, tenant, facts.document, Position(case, False, "auto", reason), place)
    left = place.case if place is not None else None
    for each in {case, left} - {None}:
        change(connection, tenant, str(each))
    if left is not None:
        drop_empty(connection, tenant, [left])


def _reconcile(connection: Connection, tenant: str, near: _Near, grouping: Grouping) -> None:
    """Bring the stored cases of these documents to what the groups say."""
    chosen = _choose_cases(grouping.groups, near)
    touched: set[str] = set()
    for group, case in zip(grouping.groups, chosen, strict=True):
        has_case = len(group.documents) > 1 or group.alone not in _NO_CASE
        if case is None and has_case:
            case = make(connection, tenant, "auto", _described(group))
        reasons = _reasons(grouping, group)
        for document in group.documents:
            place = near.places.get(document)
            if place is not None and place.is_pinned:
                continue
            before = near.stood.get(document, place)
            wanted = Position(case, False, "auto", reasons[document])
            put(connection, tenant, document, wanted, before)
            left = before.case if before is not None else None
            if left != case:
                touched |= {each for each in (left, case) if each is not None}
        if case is not None and _describe(connection, tenant, case, group):
            touched.discard(case)
    gone = drop_empty(connection, tenant, touched)
    for case in sorted(touched - gone):
        change(connection, tenant, case)


def _choose_cases(groups: Sequence[Group], near: _Near) -> list[str | None]:
    """Return for each group the case that it goes on with: of people, else that of its most."""
    chosen: list[str | None] = [None] * len(groups)
    taken: set[str] = set()
    for at, group in enumerate(groups):
        labels = [near.pins.cases[each] for each in group.documents if each in near.pins.cases]
        if labels:
            chosen[at] = labels[0]
            taken.add(labels[0])
    wishes: list[tuple[int, str, int]] = []
    for at, group in enumerate(groups):
        # A document without a case of its own kind keeps none.
        if chosen[at] is not None or (len(group.documents) == 1 and group.alone in _NO_CASE):
            continue
        held = [near.places[each].case for each in group.documents if each in near.places]
        wishes += [(-count, case, at) for case, count in Counter(held).items() if case is not None]
    for _, case, at in sorted(wishes):
        if chosen[at] is None and case not in taken:
            chosen[at] = case
            taken.add(case)
    return chosen


def _described(group: Group) -> dict[str, Any]:
    return {
        "name": group.name or "（没有写明名称的事故）",
        "accident_date": group.date,
        "accident_mark": group.mark,
        "reason": {"text": group.reason, "sure": group.sure},
    }


def _describe(connection: Connection, tenant: str, case: str, group: Group) -> bool:
    """Write what the documents say of their case; tell whether that changed it."""
    row = connection.execute(
        select(CASES).where(CASES.c.tenant == tenant, CASES.c.id == case)
    ).one()
    wanted = _described(group)
    if row.named or (row.origin == "manual" and group.name is None):
        wanted.pop("name")
    if row.origin == "manual":
        wanted.pop("reason")
    if all(getattr(row, name) == value for name, value in wanted.items()):
        return False
    change(connection, tenant, case, wanted)
    emit(connection, tenant, "case.updated", case, {"origin": "auto"})
    return True


def _reasons(grouping: Grouping, group: Group) -> Mapping[str, Reason]:
    """Return for each document of a group why it is there."""
    links: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    texts: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for link in group.links:
        for document, other in ((link.document, link.other), (link.other, link.document)):
            if len(links[document]) < _MOST_LINKS:
                texts[document][link.text] = None
                links[document].append(
                    {"document": other, "kind": link.kind, "value": link.value, "sure": link.sure}
                )
    reasons: dict[str, Reason] = {}
    for document in group.documents:
        reason: Reason = {"text": "；".join(texts[document]) or group.reason, "sure": group.sure}
        if links[document]:
            reason["links"] = links[document]
        reasons[document] = reason
    for doubt in grouping.doubts:
        if doubt.document in reasons:
            reasons[doubt.document].setdefault("doubts", []).append(doubt.text)
    return reasons
