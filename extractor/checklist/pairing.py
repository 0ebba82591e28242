"""Which outcome answers which proposal, for one party at a time.

Statements of one sanction (overview and detail, report and reply) are one item first. Then items
pair: equal kind and sum; equal kind; steps of one criminal case; a proposal that left the kind open
with every outcome that may answer it; and one rung of a ladder with another (建议记过, 实际警告)
where only one of each is left. What does not pair stays alone, for the gap rules to flag.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from extractor.checklist.materials import Fact
from extractor.extraction import Penalty
from extractor.rules import load_toml, penalty_families


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One sanction of one party: every statement of it in reading order, and the leading one."""

    facts: tuple[Fact, ...]
    fact: Fact

    @property
    def kind(self) -> str:
        """The penalty code."""
        return self.fact.penalty.kind

    @property
    def family(self) -> str:
        """The family of the code; empty for a code that the table lacks."""
        return penalty_families().get(self.kind, "")


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A proposal and the outcome that answers it; one of them may be missing."""

    proposal: Item | None
    outcome: Item | None

    @property
    def items(self) -> tuple[Item, ...]:
        """The proposal and the outcome, as far as there are any."""
        return tuple(item for item in (self.proposal, self.outcome) if item is not None)

    @property
    def place(self) -> tuple[int, str, int]:
        """Where the row belongs in the reading order of the case."""
        return _place(self.items[0].facts[0])


_Match = Callable[[Item, Item], bool]


def is_proposal(fact: Fact) -> bool:
    """Tell whether a statement says what was to happen: 建议, or any treatment of a basis."""
    return fact.material.role == "basis" or fact.penalty.stage == "proposed"


def pair_items(facts: Sequence[Fact]) -> list[Pair]:
    """Pair the statements on one party; no statement is lost."""
    proposals = _absorb(merge_facts([fact for fact in facts if is_proposal(fact)]))
    outcomes = _absorb(merge_facts([fact for fact in facts if not is_proposal(fact)]))
    return [
        *_take(proposals, outcomes, _equal),
        *_take(proposals, outcomes, lambda p, o: p.kind == o.kind),
        *_take(proposals, outcomes, lambda p, o: p.family == o.family == "criminal"),
        *_take_open(proposals, outcomes),
        *_take_rungs(proposals, outcomes),
        *(Pair(item, None) for item in proposals),
        *(Pair(None, item) for item in outcomes),
    ]


def pair_groups(groups: Sequence[Sequence[Fact]]) -> list[Pair]:
    """Pair counted groups (2名涉嫌犯罪人员) of all documents: same kind and number, then same kind.

    Each element of `groups` holds the statements on one group.
    """
    proposals = [i for facts in groups for i in merge_facts([f for f in facts if is_proposal(f)])]
    outcomes = [i for f in groups for i in merge_facts([x for x in f if not is_proposal(x)])]
    return [
        *_take(proposals, outcomes, lambda p, o: _alike(p, o) and _count(p) == _count(o)),
        *_take(proposals, outcomes, _alike),
        *(Pair(item, None) for item in proposals),
        *(Pair(None, item) for item in outcomes),
    ]


def merge_facts(facts: Sequence[Fact]) -> list[Item]:
    """Join the statements of one sanction: same kind, and no sum, share or term that differs."""
    criminal = [fact for fact in facts if fact.penalty.kind.startswith("crim.")]
    by_kind: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if not fact.penalty.kind.startswith("crim."):
            by_kind[fact.penalty.kind].append(fact)
    items = [
        _item(group) for own in by_kind.values() for group in _join_versions(_group_by_sum(own))
    ]
    if criminal:
        items.append(Item(tuple(criminal), max(criminal, key=_step)))
    return sorted(items, key=lambda item: _place(item.facts[0]))


def _absorb(items: list[Item]) -> list[Item]:
    """Let 依法给予行政处罚 without a kind be one more statement of the sanctions that have one."""
    for row in load_toml("outcomes.toml")["open"]:
        vague = [item for item in items if item.kind == row["kind"] and row["absorbed"]]
        exact = [i for i in items if i.family in row["families"] and i not in vague]
        if vague and exact:
            more = tuple(fact for item in vague for fact in item.facts)
            items = [i for i in items if i not in vague and i not in exact]
            items += [Item((*item.facts, *more), item.fact) for item in exact]
    return sorted(items, key=lambda item: _place(item.facts[0]))


def _group_by_sum(facts: Sequence[Fact]) -> list[list[Fact]]:
    """Group statements of one kind; a statement without a sum joins the first group."""
    groups: list[list[Fact]] = []
    by_amount: defaultdict[int | None, list[list[Fact]]] = defaultdict(list)
    for fact in facts:
        amount = fact.penalty.amount_yuan
        near = groups if amount is None else [*by_amount[amount], *by_amount[None]]
        home = next((group for group in near if _compatible(group[0], fact)), None)
        if home is None:
            home = []
            groups.append(home)
            by_amount[amount].append(home)
        home.append(fact)
    return groups


def differing(pair: Pair) -> list[str]:
    """Return in what the outcome differs from the proposal: 处理种类, 金额, 比例, 期限."""
    if pair.proposal is None or pair.outcome is None:
        return []
    proposed, actual = pair.proposal.fact.penalty, pair.outcome.fact.penalty
    found = []
    if _kind_differs(pair.proposal, pair.outcome):
        found.append("处理种类")
    found += [
        name for name, a, b in _sums(proposed, actual) if a is not None and None is not b != a
    ]
    return found


def _kind_differs(proposal: Item, outcome: Item) -> bool:
    if proposal.kind == outcome.kind or proposal.family == "criminal":
        return False
    return proposal.kind not in {row["kind"] for row in load_toml("outcomes.toml")["open"]}


def _sums(one: Penalty, other: Penalty) -> list[tuple[str, object, object]]:
    return [
        ("金额", one.amount_yuan, other.amount_yuan),
        ("比例", one.income_percent, other.income_percent),
        ("期限", one.term, other.term),
    ]


def _compatible(one: Fact, other: Fact) -> bool:
    return all(a is None or b is None or a == b for _, a, b in _sums(one.penalty, other.penalty))


def _join_versions(groups: list[list[Fact]]) -> list[list[Fact]]:
    """Join what report and reply say differently of one sanction: one statement in each."""
    documents = [{fact.material.id for fact in group} for group in groups]
    if len(groups) > 1 and sum(map(len, documents)) == len(set().union(*documents)):
        return [[fact for group in groups for fact in group]]
    return groups


def _item(facts: Sequence[Fact]) -> Item:
    def weight(fact: Fact) -> tuple[bool, int, int]:
        penalty = fact.penalty
        has_sum = penalty.amount_yuan is not None or penalty.income_percent is not None
        return has_sum, fact.material.order, -penalty.start

    return Item(tuple(facts), max(facts, key=weight))


def _place(fact: Fact) -> tuple[int, str, int]:
    return fact.material.order, fact.material.id, fact.penalty.start


def _step(fact: Fact) -> int:
    steps: list[str] = load_toml("outcomes.toml")["criminal"]["steps"]
    return steps.index(fact.penalty.kind) if fact.penalty.kind in steps else -1


def _count(item: Item) -> int | None:
    return item.fact.party.count


def _alike(proposal: Item, outcome: Item) -> bool:
    return proposal.kind == outcome.kind or proposal.family == outcome.family == "criminal"


def _equal(proposal: Item, outcome: Item) -> bool:
    sums = _sums(proposal.fact.penalty, outcome.fact.penalty)
    return proposal.kind == outcome.kind and all(a == b for _, a, b in sums)


def _take(proposals: list[Item], outcomes: list[Item], match: _Match) -> list[Pair]:
    """Take out every pair in which each side fits no other."""
    fits = [(p, o) for p in proposals for o in outcomes if match(p, o)]
    pairs = [
        Pair(p, o)
        for p, o in fits
        if sum(1 for other, _ in fits if other is p) == 1
        and sum(1 for _, other in fits if other is o) == 1
    ]
    _drop(proposals, [pair.proposal for pair in pairs])
    _drop(outcomes, [pair.outcome for pair in pairs])
    return pairs


def _take_open(proposals: list[Item], outcomes: list[Item]) -> Iterator[Pair]:
    """Answer a proposal of open kind (给予党纪政务处分) with every outcome that is left for it."""
    for row in load_toml("outcomes.toml")["open"]:
        for proposal in [item for item in proposals if item.kind == row["kind"]]:
            answers = [item for item in outcomes if item.family in row["families"]]
            if answers:
                _drop(proposals, [proposal])
                _drop(outcomes, answers)
            yield from (Pair(proposal, answer) for answer in answers)


def _take_rungs(proposals: list[Item], outcomes: list[Item]) -> Iterator[Pair]:
    for row in load_toml("outcomes.toml")["ladder"]:
        ours = [item for item in proposals if item.family in row["families"]]
        theirs = [item for item in outcomes if item.family in row["families"]]
        if len(ours) == len(theirs) == 1:
            _drop(proposals, ours)
            _drop(outcomes, theirs)
            yield Pair(ours[0], theirs[0])


def _drop(items: list[Item], gone: Sequence[Item | None]) -> None:
    items[:] = [item for item in items if all(item is not other for other in gone)]
