"""The gap rules: what does not fit and should be checked. Each hint is `[code] 请核实：…`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from extractor.checklist.bands import find_band, outside_band
from extractor.checklist.identity import same_unit
from extractor.checklist.materials import Material
from extractor.checklist.model import AccountabilityRow, MeasureRow, Status, Treatment, Window
from extractor.checklist.outcome import fits_kind
from extractor.checklist.pairing import Pair, differing
from extractor.checklist.rectification import is_class
from extractor.checklist.wording import describe_treatment, format_yuan
from extractor.confidence import UNCERTAIN_FLAG
from extractor.rules import load_toml, penalty_labels
from extractor.view import squeeze

_MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Context:
    """What the gap rules must know of the case: which sides it has, and the accident."""

    has_proposals: bool
    has_outcomes: bool
    grade: str | None
    day: date | None


@dataclass(frozen=True, slots=True)
class Draft:
    """One row of table A before its hints: the pair, its words and what was judged of it."""

    pair: Pair
    proposed: Treatment | None
    actual: Treatment | None
    status: Status
    claimed: bool = False
    numbers: tuple[str, ...] = ()
    disputed: tuple[Status, ...] = ()
    doubts: tuple[str, ...] = ()
    similar: tuple[str, ...] = ()


def hint(code: str, **words: object) -> str:
    """Return the hint of a code with its words filled in."""
    return f"[{code}] {_texts()[code].format_map(words).strip()}"


def plain_hint(text: str) -> str:
    """Return a hint without its code, as a form shows it."""
    return text.split("] ", 1)[-1]


def accountability_hints(draft: Draft, context: Context) -> list[str]:
    """Return the hints of one row of table A, in the order of their codes."""
    found = [
        *_side_hints(draft, context),
        *_criminal_hints(draft),
        *_difference_hints(draft),
        *_count_hints(draft),
        *_number_hints(draft),
        *_organ_hints(draft),
        *_band_hints(draft, context),
        *(hint("n", what=doubt) for doubt in draft.doubts),
    ]
    if draft.claimed and draft.status is Status.UNVERIFIED:
        found.append(hint("o"))
    outcome = draft.pair.outcome
    if outcome is not None and not any(fact.material.states for fact in outcome.facts):
        found.append(hint("p"))
    facts = (fact for item in draft.pair.items for fact in item.facts)
    if any(UNCERTAIN_FLAG in fact.penalty.flags for fact in facts):
        found.append(hint("r"))
    return sorted(dict.fromkeys(found))


def group_hints(rows: Sequence[AccountabilityRow]) -> dict[str, str]:
    """Return rule d, by row: a counted group in the outcome, named persons in the proposal."""
    waiting = Counter(
        row.proposed.kind.split(".")[0]
        for row in rows
        if row.proposed is not None and row.actual is None and row.party.kind == "person"
    )
    found = {}
    for row in rows:
        if row.party.kind != "group" or row.proposed is not None or row.actual is None:
            continue
        named = waiting[row.actual.kind.split(".")[0]]
        if named:
            what = f"建议中有{named}名人员未见结果，此处写{row.party.count or '若干'}名而未列姓名"
            found[row.id] = hint("d", what=what)
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """What the outcome documents say of measures: who has any, and how specific each one is.

    `uncertain` are the measures of all documents that were recognised with doubt.
    """

    compares: bool
    units: tuple[tuple[str, int], ...]
    titles: str
    specificity: Mapping[tuple[str, int], str]
    uncertain: frozenset[tuple[str, int]] = frozenset()

    def names(self, actor: str) -> bool:
        """Tell whether a unit reports a measure or has a section of its own."""
        return squeeze(actor) in self.titles or any(same_unit(actor, u) for u, _ in self.units)


def told_of(materials: Sequence[Material]) -> Told:
    """Gather what the outcome documents of a case say of measures."""
    outcomes = [m for m in materials if m.role == "outcome"]
    measures = [
        (material, measure)
        for material in outcomes
        for measure in material.extraction.measures
        if measure.modality != "suggested"
    ]
    units = Counter(a for _, measure in measures for a in measure.actors if not is_class(a))
    return Told(
        compares=bool(measures)
        and any(m.role == "basis" and m.extraction.measures for m in materials),
        units=tuple(units.items()),
        titles="\n".join(squeeze(s.title) for m in outcomes for s in m.extraction.sections),
        specificity={(m.id, measure.start): measure.specificity for m, measure in measures},
        uncertain=frozenset(
            (material.id, measure.start)
            for material in materials
            for measure in material.extraction.measures
            if UNCERTAIN_FLAG in measure.flags
        ),
    )


def measure_hints(row: MeasureRow, told: Told) -> list[str]:
    """Return rules i, k and r for one row of table B."""
    found = []
    if told.compares:
        words = squeeze("\n".join(reported.quote for reported in row.reported))
        missing = [
            actor
            for actor in row.actors
            if not is_class(actor) and squeeze(actor) not in words and not told.names(actor)
        ]
        if missing:
            found.append(hint("i", what="”、“".join(missing)))
    specific: set[str] = {reported.specificity for reported in row.reported}
    specific |= {told.specificity.get((s.document, s.start), "") for s in row.sources} - {""}
    if specific and "specific" not in specific:
        found.append(hint("k"))
    if any((source.document, source.start) in told.uncertain for source in row.sources):
        found.append(hint("r"))
    return found


def scope_hints(rows: Sequence[MeasureRow], parties: Iterable[str], told: Told) -> list[str]:
    """Return rule j: units with measures in the outcome to whom the basis addresses nothing."""
    if not told.compares:
        return []
    asked = dict.fromkeys([*(actor for row in rows for actor in row.actors), *parties])
    return [
        hint("j", what=unit, count=count)
        for unit, count in told.units
        if not any(same_unit(unit, other) for other in asked)
    ]


def window_hints(window: Window) -> list[str]:
    """Return rule l when the evaluation lies outside its window or is overdue."""
    if window.state not in ("early", "late"):
        return []
    if window.evaluated is None:
        what = "评估期限已过，现有文件中未见评估报告"
    else:
        what = f"评估日期{window.evaluated}{'早' if window.state == 'early' else '晚'}于评估期限"
    return [hint("l", what=what, opens=window.opens, closes=window.closes, rule=window.rule)]


def reading_hints(materials: Sequence[Material]) -> list[str]:
    """Return rule q: what the reader could not read of each document, so that a person looks."""
    found = []
    for material in materials:
        record = material.extraction.document
        title = squeeze(record.title or record.filename)
        told = [hint("q", title=title, what=w.message) for w in record.warnings[:_MOST_TOLD]]
        left = len(record.warnings) - len(told)
        more = [hint("q", title=title, what=f"另有{left}处，见读取结果。")] if left else []
        found += [*told, *more]
    return found


@cache
def _texts() -> dict[str, str]:
    return {row["code"]: row["text"] for row in load_toml("hints.toml")["hint"]}


def _side_hints(draft: Draft, context: Context) -> Iterator[str]:
    """Rules a and b: a proposal without an outcome, an outcome without a proposal."""
    similar = f"可能与{'、'.join(draft.similar)}为同一人。" if draft.similar else ""
    missing = draft.pair.outcome is None and draft.pair.items[0].facts[0].material.role == "basis"
    if missing and context.has_outcomes and draft.status is not Status.NA:
        yield hint("a", similar=similar)
    if draft.pair.proposal is None and context.has_proposals:
        yield hint("b", similar=similar)


def _criminal_hints(draft: Draft) -> Iterator[str]:
    """Rule f: the criminal case was dropped."""
    if draft.status is not Status.CHANGED or draft.pair.items[-1].family != "criminal":
        return
    dropped = load_toml("outcomes.toml")["criminal"]["dropped"]
    kind = draft.pair.items[-1].kind
    yield hint("f", what=penalty_labels()[kind if kind in dropped else dropped[-1]])


def _difference_hints(draft: Draft) -> Iterator[str]:
    """Rule c: proposal and outcome, report and reply, outcome and outcome."""
    if draft.proposed is not None and draft.actual is not None:
        words = map(describe_treatment, (draft.proposed, draft.actual))
        detail = "建议：{}；实际：{}".format(*words)
        for what in differing(draft.pair):
            yield hint("c", what=f"{what}与建议", detail=detail)
    for item in draft.pair.items:
        sums = {fact.penalty.amount_yuan for fact in item.facts} - {None}
        if len(sums) > 1:
            detail = "、".join(format_yuan(amount) for amount in sorted(filter(None, sums)))
            yield hint("c", what="各文件所写的金额", detail=detail)
    if draft.disputed:
        detail = "、".join(status.label for status in draft.disputed)
        yield hint("c", what="各结果文件对落实情况的说法", detail=detail)


def _count_hints(draft: Draft) -> Iterator[str]:
    """Rule d: the number of persons, in proposal, outcome and document numbers."""
    counts = [item.fact.party.count for item in draft.pair.items]
    if len(counts) == 2 and None not in counts and counts[0] != counts[1]:
        yield hint("d", what=f"建议{counts[0]}名，实际{counts[1]}名")
    persons = counts[-1] or 0
    if persons > 1 and 0 < len(draft.numbers) < persons:
        yield hint("d", what=f"{persons}名，文书只有{len(draft.numbers)}份")


def _number_hints(draft: Draft) -> Iterator[str]:
    """Rule e: a decision without a document number."""
    if draft.actual is None or draft.numbers or draft.status in (Status.NA, Status.NOT_DONE):
        return
    row = treatment_row(draft.actual.kind)
    if row is not None and row["number"]:
        yield hint("e", paper=row["evidence"][0])


def treatment_row(kind: str) -> dict[str, Any] | None:
    """Return the row of `evidence.toml` for a penalty code."""
    rows: list[dict[str, Any]] = load_toml("evidence.toml")["treatment"]
    return next((r for r in rows if any(fits_kind(p, kind) for p in r["kinds"])), None)


def _organ_hints(draft: Draft) -> Iterator[str]:
    """Rule g: another organ decided; an organ named only by its class is no other."""
    if draft.proposed is None or draft.actual is None:
        return
    proposed, actual = draft.proposed.organ, draft.actual.organ
    if not proposed or not actual or draft.actual.kind.startswith("crim."):
        return
    vague: list[str] = load_toml("outcomes.toml")["units"]["vague_organs"]
    if any(word in organ for word in vague for organ in (proposed, actual)):
        return
    if not same_unit(proposed, actual):
        yield hint("g", proposed=proposed, actual=actual)


def _band_hints(draft: Draft, context: Context) -> Iterator[str]:
    """Rule h: the sum or the share of a fine lies outside the legal band."""
    for item in draft.pair.items[-1:]:
        penalty = item.fact.penalty
        band = find_band(penalty, item.fact.party, context.grade, context.day)
        if band is not None and outside_band(penalty, band):
            value = (
                format_yuan(penalty.amount_yuan)
                if penalty.amount_yuan is not None
                else f"上一年年收入的{penalty.income_percent:g}%"
            )
            yield hint("h", what=f"罚款{value}", band=band.describe())
