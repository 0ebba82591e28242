"""What a heading or a lead sentence says of the list below it: kind, organ, amount.

Written forms: （二）建议给予党内警告处分的人员（3人）; 建议由市监委给予政务记过处分的：;
对以下人员，由县纪委给予诫勉; （三）给予行政处罚的单位，由市住建局实施.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from extractor.extraction import Stage
from extractor.reading.clauses import ClauseReading, Context, Item, PenaltyReading
from extractor.reading.mentions import Scope
from extractor.reading.organs import find_organ
from extractor.reading.roster import PartyDraft
from extractor.reading.sanctions import Cue, find_cues, heading_kind
from extractor.rules import penalty_families

_RULE = "penalty.heading"
_SETTLED_BY_ROWS = ("none.", "crim.", "transfer.")
_BY_SOMEBODY = re.compile(r"由(?!于)|责成|建议[^，。；]{2,20}(?:给予|对)")


def read_listed(
    context: Context, item: Item, parties: Sequence[PartyDraft]
) -> list[PenaltyReading]:
    """Give the kind of the nearest heading or lead that states one to an item without its own."""
    for start, end in _leads(context, item):
        found = _stated(context, item, parties, (start, end)) or _by_row(
            context, item, parties, (start, end)
        )
        if found:
            organ = _organ_of_item(context, item)
            for reading in found:
                if reading.organ is None and organ is not None:
                    reading.organ, reading.sources["organ"] = organ[0], organ[1:]
            return found
    return []


def organ_of_list(context: Context, item: Item) -> tuple[str, int, int] | None:
    """Return who imposes what is listed below a heading or lead that says 由X….

    Only of the nearest; the heading that is the item's own line does not count.
    """
    for start, end in _leads(context, item):
        if start >= item.start or _BY_SOMEBODY.search(context.masked, start, end) is None:
            continue
        return find_organ(context.masked, context.roster, start, Cue("", end, end, False))
    return None


def _leads(context: Context, item: Item) -> Iterator[tuple[int, int]]:
    """Yield the ranges that announce a list which holds the item, the nearest first."""
    text = context.masked
    for node in reversed(item.node.path()):
        if node is item.node and not node.is_heading:
            continue
        start = node.title_end if node.is_heading else node.body
        end = min(node.own_end, item.start)
        while end > start and text[end - 1] == "\n":
            end -= 1
        if end > start and text[end - 1] == "：":
            yield max(text.rfind("\n", start, end) + 1, start), end
        if node.is_heading and node.title and node.body < item.start:
            yield node.body, max(node.title_end, node.body + 1)


def _stated(
    context: Context, item: Item, parties: Sequence[PartyDraft], lead: tuple[int, int]
) -> list[PenaltyReading]:
    """Read the sanctions that the lead names itself, one of a family; more are a choice."""
    cues = [
        cue
        for cue in find_cues(context.masked, *lead)
        if not cue.kind.endswith(".unspecified") and not cue.kind.startswith(_SETTLED_BY_ROWS)
    ]
    families = [_family(cue) for cue in cues]
    if len(set(families)) < len(families):
        return []
    scope = Scope(tuple(parties), rule=_RULE)
    found: list[PenaltyReading] = []
    for at, cue in enumerate(cues):
        limit = cues[at + 1].start if at + 1 < len(cues) else lead[1]
        reading = ClauseReading(context, item, scope, cue, lead, limit)
        found.extend(reading.records(parties))
    return found


def _family(cue: Cue) -> str:
    return penalty_families().get(cue.kind.partition("+")[0], "bare")


def _by_row(
    context: Context, item: Item, parties: Sequence[PartyDraft], lead: tuple[int, int]
) -> list[PenaltyReading]:
    kind = heading_kind(context.masked[slice(*lead)])
    if kind is None:
        return []
    is_proposal = context.kind == "INV" and kind != "crim.coercive"
    stage: Stage = "proposed" if is_proposal else "decided"
    return [
        PenaltyReading(
            party,
            kind,
            stage,
            *lead,
            _RULE,
            item=(item.start, item.end),
            sources={
                "kind": lead,
                "party": party.mentions[-1] if party.mentions else party.name_at,
            },
        )
        for party in parties
        if _fits(kind, party)
    ]


def _fits(kind: str, party: PartyDraft) -> bool:
    of_persons = ("disc", "crim.c", "none.dead", "org")
    return party.kind != "organization" or not kind.startswith(of_persons)


def _organ_of_item(context: Context, item: Item) -> tuple[str, int, int] | None:
    end = item.end
    return find_organ(context.masked, context.roster, item.start, Cue("", end, end, False))
