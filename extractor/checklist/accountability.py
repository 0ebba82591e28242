"""Table A: one row for each party × kind of sanction, with its outcome, status and hints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from extractor.checklist.deadlines import to_date
from extractor.checklist.hints import (
    Context,
    Draft,
    accountability_hints,
    group_hints,
    treatment_row,
)
from extractor.checklist.identity import Entity, join_parties, resembles
from extractor.checklist.materials import Fact, Material, facts_of
from extractor.checklist.model import (
    AccountabilityRow,
    CaseAccident,
    Quote,
    RowParty,
    Status,
    Treatment,
)
from extractor.checklist.outcome import Verdict, judge
from extractor.checklist.pairing import Item, Pair, differing, is_proposal, pair_groups, pair_items
from extractor.rules import penalty_labels

_DOUBTED = 0.8
"""What is left of the confidence of a row whose parties or kinds do not match exactly."""


def accountability_rows(
    materials: Sequence[Material], accident: CaseAccident
) -> tuple[AccountabilityRow, ...]:
    """Return table A: proposals in reading order, then parties that only the outcome names."""
    facts = facts_of(materials)
    context = Context(
        has_proposals=any(fact.material.role == "basis" for fact in facts),
        has_outcomes=any(material.role == "outcome" for material in materials),
        grade=accident.grade,
        day=to_date(accident.date),
    )
    pairs = sorted(_pairs(materials, facts), key=lambda pair: pair[1].place)
    similar = _similar(pairs)
    rows = [
        _row(f"a{at}", entity, pair, context, similar.get(at - 1, ()))
        for at, (entity, pair) in enumerate(pairs, 1)
    ]
    more = group_hints(rows)
    return tuple(
        row.model_copy(update={"hints": sorted([*row.hints, more[row.id]])})
        if row.id in more
        else row
        for row in rows
    )


def _pairs(materials: Sequence[Material], facts: Sequence[Fact]) -> list[tuple[Entity, Pair]]:
    entities = join_parties(materials)
    owner = {member: entity for entity in entities for member in entity.members}
    by_entity: defaultdict[Entity, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_entity[owner[fact.material.id, fact.party.id]].append(fact)
    pairs = [
        (entity, pair)
        for entity, own in by_entity.items()
        if entity.party.kind != "group"
        for pair in pair_items(own)
    ]
    groups = [own for entity, own in by_entity.items() if entity.party.kind == "group"]
    for pair in pair_groups(groups):
        lead = pair.items[0].fact
        pairs.append((owner[lead.material.id, lead.party.id], pair))
    return pairs


def _similar(pairs: Sequence[tuple[Entity, Pair]]) -> dict[int, tuple[str, ...]]:
    """Return, by place, the names of persons of the other side who may be the same one."""
    by_surname: defaultdict[str, list[tuple[int, Entity, bool]]] = defaultdict(list)
    for at, (entity, pair) in enumerate(pairs):
        if len(pair.items) == 1 and entity.party.kind == "person":
            side = is_proposal(pair.items[0].facts[0])
            by_surname[entity.party.name[:1]].append((at, entity, side))
    found: dict[int, tuple[str, ...]] = {}
    for people in by_surname.values():
        for at, entity, side in people:
            others = (
                other.party.name
                for _, other, elsewhere in people
                if elsewhere != side
                and other is not entity
                and resembles(entity.party, other.party)
            )
            if names := tuple(dict.fromkeys(f"“{name}”" for name in others)):
                found[at] = names
    return found


def _row(
    row_id: str, entity: Entity, pair: Pair, context: Context, similar: tuple[str, ...]
) -> AccountabilityRow:
    verdict, disputed = _judge(pair)
    quotes = [_quotes(item.facts) for item in pair.items]
    party = _party(entity, pair)
    draft = Draft(
        pair=pair,
        proposed=_treatment(pair.proposal),
        actual=_treatment(pair.outcome),
        status=verdict.status,
        claimed=verdict.claimed,
        numbers=_numbers(pair),
        disputed=disputed,
        doubts=entity.doubts,
        similar=similar,
    )
    papers = treatment_row(pair.items[0].kind)
    evidence = quotes[-1] if pair.outcome is not None else []
    if verdict.cue is not None and verdict.cue not in evidence and verdict.cue not in quotes[0]:
        evidence = [*evidence, verdict.cue]
    return AccountabilityRow(
        id=row_id,
        party=party,
        position="".join(filter(None, (party.employer, party.title))) or None,
        proposed=draft.proposed,
        actual=draft.actual,
        document_numbers=list(draft.numbers),
        status=verdict.status,
        claimed_done=verdict.claimed,
        execution=verdict.cue.quote if verdict.cue is not None else None,
        evidence=evidence,
        expected_evidence=list(papers["evidence"]) if papers is not None else [],
        hints=accountability_hints(draft, context),
        sources=quotes[0],
        confidence=_confidence(pair, entity),
    )


def _judge(pair: Pair) -> tuple[Verdict, tuple[Status, ...]]:
    """Return the verdict of the outcome, else of the proposal, and the statuses that contradict.

    The last document that says something decides; done is withheld where the outcome is not what
    was proposed, or where the documents contradict each other.
    """
    item = pair.items[-1]
    if item.family == "criminal":
        return judge(item.fact), ()
    verdicts = [
        judge(fact)
        for fact in sorted(item.facts, key=lambda f: (f.material.order, f.penalty.start))
    ]
    said = [verdict for verdict in verdicts if verdict.status is not Status.UNVERIFIED]
    claimed = any(verdict.claimed for verdict in verdicts)
    disputed = tuple(dict.fromkeys(verdict.status for verdict in said))
    verdict = said[-1] if said else Verdict()
    contradicted = len(disputed) > 1 or bool(differing(pair))
    status = verdict.status
    if status is Status.DONE and contradicted:
        status = Status.UNVERIFIED
    return Verdict(status, claimed, verdict.cue), disputed if len(disputed) > 1 else ()


def _numbers(pair: Pair) -> tuple[str, ...]:
    facts = [fact for item in pair.items for fact in item.facts]
    if pair.outcome is not None:
        facts = [fact for fact in facts if fact.penalty.stage != "proposed"]
    return tuple(dict.fromkeys(number for fact in facts for number in fact.numbers))


def _treatment(item: Item | None) -> Treatment | None:
    if item is None:
        return None
    penalty = item.fact.penalty
    others = [fact.penalty for fact in item.facts if fact.penalty.kind == penalty.kind]
    return Treatment(
        kind=penalty.kind,
        label=penalty_labels().get(penalty.kind, penalty.kind),
        stage=penalty.stage,
        amount_yuan=penalty.amount_yuan,
        income_percent=penalty.income_percent,
        term=penalty.term or next((p.term for p in others if p.term), None),
        organ=penalty.organ or next((p.organ for p in others if p.organ), None),
        recipient=penalty.recipient or next((p.recipient for p in others if p.recipient), None),
        basis=penalty.basis or next((p.basis for p in others if p.basis), []),
        document=item.fact.material.id,
        penalty=penalty.id,
    )


def _party(entity: Entity, pair: Pair) -> RowParty:
    """Join what all documents say of the party; the first to say something wins."""
    records = [fact.party for item in pair.items for fact in item.facts]
    lead = records[0] if entity.party.kind == "group" else entity.party
    names = [name for record in records for name in (record.name, *record.aliases)]
    return RowParty(
        kind=lead.kind,
        name=lead.name,
        aliases=[name for name in dict.fromkeys([*lead.aliases, *names]) if name != lead.name],
        title=lead.title or next((r.title for r in records if r.title), None),
        employer=lead.employer or next((r.employer for r in records if r.employer), None),
        responsibility=list(dict.fromkeys(x for r in (lead, *records) for x in r.responsibility)),
        count=lead.count,
    )


def _quotes(facts: Sequence[Fact]) -> list[Quote]:
    unique = {(fact.material.id, fact.penalty.start, fact.penalty.end): fact for fact in facts}
    return [quote for fact in unique.values() for quote in fact.quotes]


def _confidence(pair: Pair, entity: Entity) -> float:
    lowest = min(item.fact.penalty.confidence for item in pair.items)
    return round(lowest * (_DOUBTED if entity.doubts or differing(pair) else 1.0), 4)
