"""One sanction, stated more than once: 建议处以年收入40%的罚款 …, 罚款51200元, 已缴纳.

Joins what says the same and drops what another record of the same party has overtaken.
"""

from __future__ import annotations

from collections import defaultdict

from extractor.reading.clauses import TAKEN_STEPS, PenaltyReading
from extractor.rules import penalty_families

_Key = tuple[int, str, int | None, float | None]
_DISCIPLINE = ("party.", "gov.")
_DISCIPLINES = frozenset({"party", "government", "organizational"})
_LIST, _MOST = 3, 0.8
_FINE = "admin.fine"
_STAGES = ("proposed", "decided", "executed", "not_executed")


def _family(kind: str) -> str:
    family = penalty_families()[kind]
    return "discipline" if family in _DISCIPLINES else family


class _Facts:
    """What the records of a document together say of each party."""

    def __init__(self, readings: list[PenaltyReading]) -> None:
        self._dead = {id(r.party) for r in readings if r.kind == "none.dead"}
        taken = [r for r in readings if r.kind in TAKEN_STEPS and r.stage != "proposed"]
        self._last_step = {id(r.party): r for r in taken}
        self._handed_over = {id(r.party) for r in readings if r.kind == "crim.transferred"}
        self._fined = {id(r.party) for r in readings if r.amount_yuan or r.income_percent}
        self._named: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for reading in readings:
            if reading.party.kind == "person":
                self._named[_family(reading.kind)].append((reading.start, id(reading.party)))
        self._disciplined = {id(r.party) for r in readings if r.kind.startswith(_DISCIPLINE)}
        self._sanctioned: defaultdict[int, set[tuple[int, int]]] = defaultdict(set)
        for reading in readings:
            if not reading.kind.startswith("none."):
                self._sanctioned[id(reading.party)].add(reading.item)

    def announces(self, reading: PenaltyReading) -> bool:
        """Tell whether a counted group is of people whom the document then names one by one."""
        count = reading.party.count
        if reading.party.kind != "group" or count is None or count < _LIST:
            return False
        named = self._named[_family(reading.kind)]
        return len({party for start, party in named if start > reading.end}) >= count * _MOST

    def supersedes(self, reading: PenaltyReading) -> bool:
        """Tell whether another record of the same party says what this one says, or more."""
        party, kind = id(reading.party), reading.kind
        if kind == "admin.fine":
            return not (reading.amount_yuan or reading.income_percent) and party in self._fined
        if kind == "disc.unspecified":
            return party in self._disciplined
        if kind == "none.exempt":
            return reading.item in self._sanctioned[party]
        if not kind.startswith("crim."):
            return False
        if party in self._dead:
            return True
        is_step = kind in TAKEN_STEPS or kind == "crim.transferred"
        if is_step and party in self._last_step and reading is not self._last_step[party]:
            return True
        planned = kind in TAKEN_STEPS and reading.stage == "proposed"
        return planned and party in self._handed_over


def settle(readings: list[PenaltyReading]) -> list[PenaltyReading]:
    """Keep one record a party and kind, and of the criminal steps of a party the last one.

    Of two statements of the same sanction (建议给予…, 已给予…) the one further on counts.
    """
    facts = _Facts(readings)
    kept: dict[_Key, PenaltyReading] = {}
    fines: defaultdict[int, list[_Key]] = defaultdict(list)
    for reading in readings:
        if (
            facts.supersedes(reading)
            or facts.announces(reading)
            or _joins_fine(reading, kept, fines[id(reading.party)])
        ):
            continue
        key = _key(reading)
        before = kept.get(key)
        if before is None or _says_more(reading, before):
            kept[key] = reading
        if before is None and reading.kind == _FINE:
            fines[id(reading.party)].append(key)
    return list(kept.values())


def _key(reading: PenaltyReading) -> _Key:
    return id(reading.party), reading.kind, reading.amount_yuan, reading.income_percent


def _says_more(reading: PenaltyReading, before: PenaltyReading) -> bool:
    """Tell whether the later statement is further on, or alone names who imposes."""
    reached, known = _STAGES.index(reading.stage), _STAGES.index(before.stage)
    return reached > known or (
        reached == known and before.organ is None and reading.organ is not None
    )


def _is_same_sum(before: PenaltyReading, reading: PenaltyReading) -> bool:
    """Tell whether 处…40%的罚款，计28000元的行政处罚 is one fine, told in two words."""
    same = before.amount_yuan is not None and before.amount_yuan == reading.amount_yuan
    return same and before.income_percent is not None and reading.income_percent is None


def _joins_fine(
    reading: PenaltyReading, kept: dict[_Key, PenaltyReading], fines: list[_Key]
) -> bool:
    """Join a fine ordered as a share of income with the sum that was then imposed.

    建议处上一年年收入40%的罚款 … 处以罚款51200元: one record, as far on as the later statement.
    """
    if reading.kind != _FINE:
        return False
    for key in fines:
        before = kept[key]
        if before.part == reading.part and _is_same_sum(before, reading):
            return True
        ordered = before.income_percent and before.amount_yuan is None
        further = before.stage == "proposed" and reading.stage != "proposed"
        if not ordered or not (further or before.part == reading.part):
            continue
        if reading.amount_yuan is None or reading.income_percent not in (
            None,
            before.income_percent,
        ):
            continue
        if reading.income_percent is None:
            reading.income_percent = before.income_percent
            reading.sources["income_percent"] = before.sources["income_percent"]
        reading.basis = reading.basis or before.basis
        if "basis" in before.sources:
            reading.sources.setdefault("basis", before.sources["basis"])
        del kept[key]
        kept[_key(reading)] = reading
        fines[fines.index(key)] = _key(reading)
        return True
    return False
