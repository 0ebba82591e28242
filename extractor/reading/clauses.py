"""One cue, read to the end: what its clause says of amount, organ, recipient, term and stage."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from extractor.extraction import Stage
from extractor.reading.decisions import Decision
from extractor.reading.laws import LawCitation
from extractor.reading.mentions import Scope
from extractor.reading.names import enterprise_end
from extractor.reading.organs import (
    find_organ,
    find_receiver,
    find_recipient,
    is_company_organ,
)
from extractor.reading.outline import Node
from extractor.reading.roster import PartyDraft, Roster
from extractor.reading.sanctions import Cue, settle_kind
from extractor.reading.sentences import clause_start
from extractor.reading.stages import Statement, read_stage
from extractor.reading.values import Amount, find_amounts, find_percents, find_terms
from extractor.rules import penalty_families
from extractor.view import View

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
_CLOSING_STEPS = frozenset({"crim.sentenced", "crim.not_prosecuted", "crim.not_filed"})
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
    r"应急|安监|安全生产监督|安全监管|住房|住建|建设|市场监|交通|消防|公安|自然资源|生态环境|水[务利]|城管|执法|能源|监察分局|煤监|煤矿安全|煤炭|矿山"
)
_WORKER = re.compile(
    r"监理|项目经理|安全员|施工员|技术员|工长|班长|法定代表人|经营者|业主|总经理|实际控制人|驾驶员|司机|[^务党]工$"
)
_LISTS_SUMS = frozenset({"、", "和", "及", "与", "，"})
_SUM_REACH = 24
_COMPANY_POST = re.compile(
    r"(?:^|专职)安全员$|项目(?:经理|负责人|技术负责人)|班长$|施工员|监护人|生产厂长|车间主任"
)
_POSTS_LOST = frozenset(
    {"context:removed", "context:relieved", "context:lowered", "context:dismissed"}
)
_COMPANY = re.compile(r"(?:公司|集团|厂|矿|合作社|经营部|商行)\Z")
_DISTRIBUTED = re.compile(r"分别")
_ASSUMED = frozenset({"penalty.carried", "penalty.subject"})
_HANDED_OVER = frozenset({"crim.transferred", "crim.filed", "transfer.discipline"})
_AND_FINED = re.compile(
    r"(?:的)?(?:行政)?(?:处罚)?，?并(?:处以?)?(?:人民币)?"
    r"(?:罚款|[\d一二三四五六七八九壹贰叁肆伍陆柒捌玖][^，。；]{0,14}罚款)"
)
_NO_FINE = re.compile(r"(?:收入|工资|薪酬|损失|赔偿|资本|价款)[^，。；罚%]{0,6}$")
_WITH_AMOUNT = frozenset({"admin.fine", "admin.confiscate", "internal.fined"})
_PERSONAL = frozenset({"party", "government", "organizational", "internal"})
_TERM_BEFORE, _TERM_BEHIND = 10, 24
_LASTING = frozenset({"admin.restricted", "admin.stop_production", "credit.listed"})
_WITH_TERM = frozenset(
    {
        "party.warning",
        "party.serious_warning",
        "party.probation",
        "crim.sentenced",
        "admin.practice_ban",
        "admin.license_suspended",
        "admin.stop_production",
        "admin.restricted",
        "admin.detention",
        "credit.listed",
        "org.suspended",
    }
)


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
    """What other readers found that sanctions refer to; 事故单位 stands for `accident_unit`.

    `unread` takes the ranges of sanctions whose party could not be read: 对…处…. `title`, `issuer`
    and `own_number` are those of the document itself.
    """

    laws: Sequence[LawCitation] = ()
    numbers: Sequence[NumberAt] = ()
    accident_unit: str | None = None
    unread: list[tuple[int, int]] = field(default_factory=list)
    title: tuple[int, int] | None = None
    issuer: tuple[str, int, int] | None = None
    own_number: int | None = None
    has_accident: bool = False


@dataclass(slots=True)
class Context:
    """What the reading of all items shares: text with foreign words blanked, roster, settings.

    `report_from` is where a report begins that is annexed to a reply: it proposes, as every report.
    """

    view: View
    masked: str
    roster: Roster
    kind: str
    found: Found
    in_chapter: bool = True
    reads_subjects: bool = True
    prose: bool = False
    by_company: bool = False
    decision: Decision | None = None
    report_from: int | None = None
    penalised: tuple[PartyDraft, ...] = ()
    waiting: tuple[PartyDraft, ...] = ()
    listed: tuple[PartyDraft, ...] = ()
    list_of: Node | None = None


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
        self._clause = clause_start(text, self._start, cue.start)

    def records(self, targets: Sequence[PartyDraft]) -> Iterator[PenaltyReading]:
        """Yield one record for each party and kind.

        A count before the list itself (建议对19名责任人员给予处分：…) only announces the list.
        """
        organ = self._organ()
        amounts = self._amounts() if self._cue.kind in _WITH_AMOUNT else []
        share = _DISTRIBUTED.search(self._context.masked, self._clause, self._limit) is not None
        announces = self._item.node.is_heading and bool(self._item.node.children)
        for at, party in enumerate(targets):
            if party.kind == "group" and announces:
                continue
            for kind in self._kinds(party, organ[0] if organ else None):
                if party.kind == "organization" and self._is_for_persons(kind):
                    continue
                reading = PenaltyReading(
                    party,
                    kind,
                    self._stage(kind),
                    self._clause,
                    self._span_end(),
                    self._scope.rule,
                    basis=tuple(self._scope.basis),
                    item=(self._item.start, self._item.end),
                    cue=(self._cue.start, self._cue.end),
                    part=self._part,
                )
                reading.sources["kind"] = reading.cue
                if self._scope.reference is not None:
                    reading.sources["reference"] = self._scope.reference
                reading.sources["party"] = self._place_of(party)
                if self._scope.basis_at is not None and reading.basis:
                    reading.sources["basis"] = self._scope.basis_at
                self._fill(reading, organ)
                if amounts:
                    index = at if share and len(amounts) == len(targets) else 0
                    self._fill_amount(reading, amounts[index])
                if kind == "admin.fine":
                    self._fill_percent(reading, at if share else 0, len(targets))
                yield reading

    def _is_for_persons(self, kind: str) -> bool:
        """Tell whether no unit can be meant; a case is handed over against one that is named."""
        assumed = self._scope.rule in _ASSUMED
        return _for_persons(kind) or (kind == "crim.transferred" and assumed)

    def _place_of(self, party: PartyDraft) -> tuple[int, int]:
        """Return where the party is named for this sanction: the last time before its end."""
        before = (at for at in reversed(party.mentions) if at[0] < self._limit)
        return next(before, party.name_at)

    def _organ(self) -> tuple[str, int, int] | None:
        """The organ in these words; one named before in the sentence only for a like sanction.

        A step of a criminal case has its own organ, but a verdict or a decision not to go on may
        stand some clauses behind the one who makes it.
        """
        kind, scope = self._cue.kind, self._scope
        group = _ORGAN_GROUPS.get(penalty_families().get(kind, "government"), "other")
        organ = find_organ(self._context.masked, self._context.roster, self._start, self._cue)
        near = group != "criminal" or kind in _CLOSING_STEPS
        if organ is not None and (organ[1] >= self._clause or near):
            if scope.organ_group == "criminal" and group != "criminal" and organ == scope.organ:
                return None
            if not kind.endswith("self_criticism"):
                scope.organ, scope.organ_group = organ, group
            return organ
        if kind in _HANDED_OVER:
            return find_receiver(self._context.masked, self._context.roster, self._cue)
        if kind == "crim.arrested" or scope.organ_group != group:
            return None
        return scope.organ

    def _kinds(self, party: PartyDraft, organ: str | None) -> list[str]:
        conditions = self._conditions(party, organ)
        hint = "party" if self._under("党纪") and not self._under("政") else None
        kinds = [settle_kind(kind, conditions, hint) for kind in self._cue.kind.split("+")]
        inside = self._under("企业内部") and self._context.masked.startswith(
            "经济处罚", self._cue.start
        )
        if kinds == ["admin.fine"] and (inside or self._is_by_employer(party, organ)):
            return ["internal.fined"]
        return kinds

    def _is_by_employer(self, party: PartyDraft, organ: str | None) -> bool:
        """Tell whether a company fines its own people: 由该厂按内部规章罚款2000元."""
        return party.kind == "person" and is_company_organ(self._context.roster, organ)

    def _conditions(self, party: PartyDraft, organ: str | None) -> tuple[str, ...]:
        if self._cue.kind == "context:self_criticism":
            return ("unit",) if party.kind == "organization" else ("official",)
        if organ is None and self._context.by_company:
            return ("internal",)
        if is_company_organ(self._context.roster, organ) and self._cue.kind.startswith("context"):
            return ("internal",)
        if party.kind == "organization":
            fined = enterprise_end().search(party.name) and self._under("行政处罚")
            return ("company", "unit") if fined else ("unit",)
        if organ is not None and _REGULATOR.search(organ) and self._fines_too():
            return ("company",)
        if self._is_inside_company(party, organ):
            return ("internal",)
        if _AND_FINED.match(self._context.masked, self._cue.end):
            return ("company",)
        if self._is_imposed_on_worker(party, organ):
            return ("company",)
        works_for_company = party.employer is not None and enterprise_end().search(party.employer)
        if works_for_company and self._under("行政处罚"):
            return ("company",)
        return ("official",)

    def _is_inside_company(self, party: PartyDraft, organ: str | None) -> bool:
        """Tell whether the heading, the clause (在公司内部通报) or the words (撤职处理) say so.

        What an office does to its people is 处分, what a company does is not.
        """
        if self._under("企业内部") or self._under("内部处理"):
            return True
        text = self._context.masked
        if "公司内部" in text[self._clause : self._cue.start]:
            return True
        if self._cue.kind not in _POSTS_LOST or text.startswith(("处分", "的处分"), self._cue.end):
            return False
        roster = self._context.roster
        employer = roster.alias_of.get(party.employer or "", party.employer or "")
        owned = organ is None or is_company_organ(roster, organ)
        post = organ is None and _COMPANY_POST.search(party.title or "") is not None
        return post or (owned and _COMPANY.search(employer) is not None)

    def _is_imposed_on_worker(self, party: PartyDraft, organ: str | None) -> bool:
        """Tell whether a regulator warns somebody who is no official: 处警告; 安全员…给予警告."""
        text = self._context.masked
        if text.startswith("处分", self._cue.end):
            return False
        if text.endswith(("处", "处以"), self._start, self._cue.start):
            return True
        regulator = organ is not None and _REGULATOR.search(organ) is not None
        return regulator and party.title is not None and _WORKER.search(party.title) is not None

    def _fines_too(self) -> bool:
        """Tell whether the sentence is about an administrative penalty: 警告，并处罚款."""
        return (
            self._under("行政处罚")
            or "罚款" in self._context.masked[self._cue.end : self._limit + 12]
        )

    def _under(self, word: str) -> bool:
        return any(word in (node.title or "") for node in self._item.node.path())

    def _stage(self, kind: str) -> Stage:
        item = self._item
        prose = item.node.is_heading
        at = Statement(
            self._start, self._clause, self._cue, self._limit, item.start, item.end, prose
        )
        step = kind in TAKEN_STEPS
        context = self._context
        annexed = context.report_from is not None and item.start >= context.report_from
        document_kind = "INV" if annexed else context.kind
        return read_stage(context.masked, document_kind, kind, at, step=step)

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
            if reading.kind in _LASTING:
                stop = min(self._part[1], self._cue.end + _TERM_BEHIND)
            begin = max(self._clause, self._cue.start - _TERM_BEFORE)
            terms = find_terms(self._context.masked, begin, stop)
            if terms:
                reading.term = terms[0].raw
                reading.sources["term"] = (terms[0].start, terms[0].end)

    def _amounts(self) -> list[Amount]:
        """Amounts of this cue: behind it up to the next cue, else before it in the clause.

        Limits (二万元以上五万元以下) are law, not a fine; nor is what somebody earns (收入为9万元).
        """
        text = self._context.masked
        stops = [text.find(mark, self._cue.end, self._limit) for mark in "。；\n"]
        stop = min((at for at in stops if at >= 0), default=self._limit)
        before = self._sums(self._clause, self._cue.start)
        behind = self._sums(self._cue.end, stop)
        if before and (not behind or self._cue.start - before[-1].end <= 3):
            return before
        return list(self._in_reach(behind))

    def _in_reach(self, amounts: Sequence[Amount]) -> Iterator[Amount]:
        """Yield the amounts near the cue, and those listed behind one: 处以64万元、42万元."""
        text = self._context.masked
        last = self._cue.end
        for amount in amounts:
            listed = last > self._cue.end and text[last : amount.start] in _LISTS_SUMS
            if amount.start - self._cue.end > _SUM_REACH and not listed:
                return
            last = amount.end
            yield amount

    def _sums(self, start: int, end: int) -> list[Amount]:
        text = self._context.masked
        return [
            amount
            for amount in find_amounts(text, start, end)
            if not amount.bound
            and not _NO_FINE.search(text[max(start, amount.start - 12) : amount.start])
        ]

    def _fill_amount(self, reading: PenaltyReading, amount: Amount) -> None:
        reading.amount_yuan = amount.yuan
        reading.sources["amount_yuan"] = (amount.start, amount.end)
        reading.start = min(reading.start, amount.start)
        reading.end = max(reading.end, amount.end)

    def _fill_percent(self, reading: PenaltyReading, at: int, parties: int) -> None:
        """Put in the share of income; of as many shares as parties the one in its place."""
        text = self._context.masked
        other = text.find("，对", self._cue.end, self._limit)
        found = find_percents(text, self._clause, self._limit if other < 0 else other)
        shares = [p for p in found if p.of_income and not p.bound]
        if not shares:
            return
        listed = [p for p in found if p.start >= shares[0].start and not p.bound]
        percent = listed[at] if len(listed) == parties else shares[0]
        reading.income_percent = float(percent.value)
        reading.sources["income_percent"] = (percent.start, percent.end)
        reading.end = max(reading.end, percent.end)
