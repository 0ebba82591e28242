"""One cue, read to the end: what its clause says of amount, organ, recipient, term and stage."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from extractor.extraction import Stage
from extractor.reading.laws import LawCitation
from extractor.reading.names import enterprise_end
from extractor.reading.outline import Node
from extractor.reading.roster import PartyDraft, Roster
from extractor.reading.sanctions import Cue, is_not_executed, settle_kind
from extractor.reading.targets import Scope, find_organ, find_recipient, is_company_organ
from extractor.reading.values import Amount, find_amounts, find_percents, find_terms
from extractor.rules import penalty_families
from extractor.view import View

_PAID = re.compile(
    r"已[^。；，未]{0,18}缴(?:纳|款|清)|缴(?:纳|款|清)(?:完毕|到位)|执行(?:完毕|到位)|已执行|(?:全部|全额|足额)缴纳"
)
_PART_PAID = re.compile(r"分期|尚欠|欠缴|其余|剩余|部分缴纳|未缴清|未足额")
_UNPAID = re.compile(r"(?:未|拒不|拒绝|没有)[^。；，]{0,8}(?:缴纳|缴款|缴清|履行)|未执行")
_DONE_CHECK = re.compile(r"已[^。；]{0,40}(?:作出|做出|提交|完成|写出|作)")
_CLAIMED = re.compile(r"已(?:经)?(?:全部)?(?:落实到位|执行到位|落实完毕|执行完毕)")
_STEP_KINDS = (
    "crim.filed",
    "crim.coercive",
    "crim.detained",
    "crim.bail",
    "crim.residential",
    "crim.arrested",
    "crim.prosecuted",
    "crim.sentenced",
    "crim.not_prosecuted",
    "crim.not_filed",
)
TAKEN_STEPS = frozenset(_STEP_KINDS)
"""Kinds that are steps of a criminal case; the same person moves along them."""
_ORGAN_GROUPS = {
    "criminal": "criminal",
    "administrative": "administrative",
    "credit": "administrative",
    "party": "discipline",
    "government": "discipline",
    "discipline": "discipline",
    "organizational": "discipline",
    "internal": "internal",
    "unit": "discipline",
}
_REGULATOR = re.compile(
    r"应急|安监|安全生产监督|安全监管|住房|住建|建设|市场监|交通|消防|公安|自然资源|生态环境|水[务利]|城管|执法|能源"
)
_DISTRIBUTED = re.compile(r"分别")
_PERSONAL = frozenset({"party", "government", "organizational", "internal"})
_WITH_TERM = frozenset(
    {"party.probation", "crim.sentenced", "admin.practice_ban", "admin.license_suspended"}
)
OUTCOME_KINDS = frozenset({"EVAL", "CIRC", "SELF"})
"""Document kinds that say what became of a sanction."""


@dataclass(frozen=True, slots=True)
class NumberAt:
    """A document number in the view: what the penalty reader needs of it."""

    index: int
    kind: str
    start: int
    end: int


@dataclass(slots=True)
class PenaltyReading:
    """One sanction of one party; ranges are of the view's text."""

    party: PartyDraft
    kind: str
    stage: Stage
    start: int
    end: int
    rule: str
    confidence: float
    amount_yuan: int | None = None
    income_percent: float | None = None
    term: str | None = None
    organ: str | None = None
    recipient: str | None = None
    basis: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    flags: list[str] = field(default_factory=list)
    sources: dict[str, tuple[int, int]] = field(default_factory=dict)
    item: tuple[int, int] = (0, 0)
    cue: tuple[int, int] = (0, 0)
    part: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Item:
    """One element of the treatment chapter: its range, and the node it belongs to."""

    start: int
    end: int
    node: Node


@dataclass(frozen=True, slots=True)
class Found:
    """What other readers found that sanctions refer to; 事故单位 stands for `accident_unit`."""

    laws: Sequence[LawCitation] = ()
    numbers: Sequence[NumberAt] = ()
    accident_unit: str | None = None


@dataclass(slots=True)
class Context:
    """What the reading of all items shares: text with foreign words blanked, roster, settings."""

    view: View
    masked: str
    roster: Roster
    kind: str
    found: Found
    in_chapter: bool = True
    reads_subjects: bool = True
    penalised: tuple[PartyDraft, ...] = ()


def _for_persons(kind: str) -> bool:
    """Tell whether only a person can be given this kind (a case, a party or office sanction)."""
    return kind in TAKEN_STEPS or penalty_families()[kind] in _PERSONAL


class ClauseReading:
    """One cue being turned into records: everything the clause says of it."""

    def __init__(
        self,
        context: Context,
        item: Item,
        scope: Scope,
        cue: Cue,
        part: tuple[int, int],
        limit: int,
    ) -> None:
        """Begin with the cue, the range of its part of the sentence and where the next cue is."""
        self._context = context
        self._item = item
        self._scope = scope
        self._cue = cue
        self._part = part
        self._start = part[0]
        self._limit = limit
        text = context.masked
        marks = (text.rfind(mark, self._start, cue.start) for mark in "，；：")
        self._clause = max(self._start, max(marks) + 1)

    def records(self, targets: Sequence[PartyDraft]) -> Iterator[PenaltyReading]:
        """Yield one record for each party and kind.

        A count before the list itself (建议对19名责任人员给予处分：…) only announces the list.
        """
        organ = self._organ()
        amounts = self._amounts() if self._cue.kind == "admin.fine" else []
        share = _DISTRIBUTED.search(self._context.masked, self._clause, self._limit) is not None
        announces = self._item.node.is_heading and bool(self._item.node.children)
        for at, party in enumerate(targets):
            if party.kind == "group" and announces:
                continue
            for kind in self._kinds(party, organ[0] if organ else None):
                if party.kind == "organization" and _for_persons(kind):
                    continue
                reading = PenaltyReading(
                    party,
                    kind,
                    self._stage(kind),
                    self._clause,
                    self._span_end(),
                    "penalty.cue",
                    0.9,
                    basis=tuple(self._scope.basis),
                    item=(self._item.start, self._item.end),
                    cue=(self._cue.start, self._cue.end),
                    part=self._part,
                )
                reading.sources["party"] = self._place_of(party)
                if self._scope.basis_at is not None and reading.basis:
                    reading.sources["basis"] = self._scope.basis_at
                self._fill(reading, organ)
                if amounts:
                    index = at if share and len(amounts) == len(targets) else 0
                    self._fill_amount(reading, amounts[index])
                if kind == "admin.fine":
                    self._fill_percent(reading)
                yield reading

    def _place_of(self, party: PartyDraft) -> tuple[int, int]:
        """Return where the party is named for this sanction: the last time before its end."""
        before = [at for at in party.mentions if at[0] < self._limit]
        return max(before, default=party.name_at)

    def _organ(self) -> tuple[str, int, int] | None:
        """The organ in these words; one named before in the sentence only for a like sanction."""
        group = _ORGAN_GROUPS.get(penalty_families().get(self._cue.kind, "government"), "other")
        organ = find_organ(self._context.masked, self._start, self._cue)
        if organ is not None and (organ[1] >= self._clause or group != "criminal"):
            before = self._scope.organ_group
            if before == "criminal" and group != "criminal" and organ == self._scope.organ:
                return None
            self._scope.organ, self._scope.organ_group = organ, group
            return organ
        return self._scope.organ if self._scope.organ_group == group else None

    def _kinds(self, party: PartyDraft, organ: str | None) -> list[str]:
        condition = self._condition(party, organ)
        hint = "party" if self._under("党纪") and not self._under("政") else None
        return [settle_kind(kind, condition, hint) for kind in self._cue.kind.split("+")]

    def _condition(self, party: PartyDraft, organ: str | None) -> str:
        if is_company_organ(organ) and self._cue.kind.startswith("context"):
            return "internal"
        if party.kind == "organization":
            fined = enterprise_end().search(party.name) and self._under("行政处罚")
            return "company" if fined else "unit"
        if self._under("企业内部") or self._under("内部处理"):
            return "internal"
        if organ is not None and _REGULATOR.search(organ) and self._fines_too():
            return "company"
        works_for_company = party.employer is not None and enterprise_end().search(party.employer)
        if works_for_company and self._under("行政处罚"):
            return "company"
        return "official"

    def _fines_too(self) -> bool:
        """Tell whether the sentence is about an administrative penalty: 警告，并处罚款."""
        return (
            self._under("行政处罚")
            or "罚款" in self._context.masked[self._cue.end : self._limit + 12]
        )

    def _under(self, word: str) -> bool:
        return any(word in (node.title or "") for node in self._item.node.path())

    def _stage(self, kind: str) -> Stage:
        text, cue = self._context.masked, self._cue
        if is_not_executed(text, self._clause, cue.start) and self._context.kind in {
            "EVAL",
            "CIRC",
            "SELF",
        }:
            return "not_executed"
        before = text[self._clause : cue.start]
        if self._context.kind in {"INV", "MEDIA", "OTHER"}:
            taken = kind in TAKEN_STEPS and "建议" not in text[self._start : cue.start]
            done = re.search(r"已(?:被|给予|受到|作出|对)", before) and "建议" not in before
            return "decided" if taken or (done and not kind.startswith("none")) else "proposed"
        if re.search(r"建议[^。；]{0,60}$", text[self._start : cue.start]):
            return "proposed"
        return self._outcome(kind)

    def _outcome(self, kind: str) -> Stage:
        """How far the text says that the sanction has come: paid, written, claimed as done."""
        text = self._context.masked
        tail = text[self._cue.start : self._item.end]
        if kind == "admin.fine":
            paid = _PAID.search(tail)
            if _UNPAID.search(tail) and not paid:
                return "not_executed"
            return "executed" if paid and not _PART_PAID.search(tail) else "decided"
        if kind.endswith("self_criticism") and _DONE_CHECK.search(text[self._start : self._limit]):
            return "executed"
        if kind == "crim.transferred" and _CLAIMED.search(tail):
            return "executed"
        return "decided"

    def _span_end(self) -> int:
        text = self._context.masked
        stops = [
            at
            for at in (text.find(mark, self._cue.end, self._limit) for mark in "，。；\n")
            if at >= 0
        ]
        return max(self._cue.end, min(stops, default=min(self._limit, self._cue.end + 40)))

    def _fill(self, reading: PenaltyReading, organ: tuple[str, int, int] | None) -> None:
        if organ is not None and not reading.kind.startswith("unit.written"):
            reading.organ = organ[0]
            reading.sources["organ"] = organ[1:]
        if reading.kind.endswith("written_self_criticism"):
            to = find_recipient(self._context.masked, self._start, self._cue.end)
            if to is not None:
                reading.recipient = to[0]
                reading.sources["recipient"] = to[1:]
        if reading.kind in _WITH_TERM:
            stop = min(self._limit, self._cue.end + 30)
            terms = find_terms(self._context.masked, self._cue.start, stop)
            if terms:
                reading.term = terms[0].raw
                reading.sources["term"] = (terms[0].start, terms[0].end)

    def _amounts(self) -> list[Amount]:
        """Amounts of this cue: behind it up to the next cue, else before it in the clause.

        Limits (二万元以上五万元以下) are law, not a fine.
        """
        text = self._context.masked
        stops = [text.find(mark, self._cue.end, self._limit) for mark in "。；\n"]
        stop = min((at for at in stops if at >= 0), default=self._limit)
        before = [a for a in find_amounts(text, self._clause, self._cue.start) if not a.bound]
        behind = [a for a in find_amounts(text, self._cue.end, stop) if not a.bound]
        if before and (not behind or self._cue.start - before[-1].end <= 3):
            return before
        return [amount for amount in behind if amount.start - self._cue.end <= 24]

    def _fill_amount(self, reading: PenaltyReading, amount: Amount) -> None:
        reading.amount_yuan = amount.yuan
        reading.sources["amount_yuan"] = (amount.start, amount.end)
        reading.start = min(reading.start, amount.start)
        reading.end = max(reading.end, amount.end)

    def _fill_percent(self, reading: PenaltyReading) -> None:
        found = find_percents(self._context.masked, self._clause, self._limit)
        percents = [p for p in found if p.of_income and not p.bound]
        if percents:
            reading.income_percent = float(percents[0].value)
            reading.sources["income_percent"] = (percents[0].start, percents[0].end)
            reading.end = max(reading.end, percents[0].end)
