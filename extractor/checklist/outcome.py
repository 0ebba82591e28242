"""What the words beside a sanction say of its execution.

Only words of the very row count: the sentence that states the sanction, from the sanction before
to the next one; the rest of a sentence that says 均 after its last sanction; and the sentence that
follows in the same paragraph when it names nobody else. A general 均已落实到位 sets nothing; it is
recorded as a claim. Where nothing is said the row stays unverified.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from extractor.checklist.materials import Fact
from extractor.checklist.model import Quote, Status
from extractor.document import Span
from extractor.rules import load_toml

_STOP = re.compile(r"[。；;！!]")
_CLAUSE = re.compile(r"[，。；;,！!]")
_GAP = "[^。；;，,！!\n]{0,16}?"
_REACH = 4
_FAR = 1500
_ALL_OF_THEM = re.compile(r"均|都已|全部")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status that a fact gives, whether a general claim is near, and the words of execution."""

    status: Status = Status.UNVERIFIED
    claimed: bool = False
    cue: Quote | None = None


@dataclass(frozen=True, slots=True)
class _Cue:
    status: Status
    kinds: tuple[str, ...]
    pattern: re.Pattern[str]

    @property
    def general(self) -> bool:
        return "*" in self.kinds

    def holds_for(self, kind: str) -> bool:
        return any(fits_kind(pattern, kind) for pattern in self.kinds)


def fits_kind(pattern: str, kind: str) -> bool:
    """Tell whether a penalty code is meant by a pattern: a code, `admin.*`, or `*`."""
    return kind == pattern or (pattern.endswith("*") and kind.startswith(pattern[:-1]))


def judge(fact: Fact) -> Verdict:
    """Return what one document says about the execution of one penalty.

    none.* → na; 不起诉, 不予立案 or a number of that kind → changed; a criminal step before the
    sentence → ongoing; otherwise the cue words, then the stage that the reader found.
    """
    kind, stage = fact.penalty.kind, fact.penalty.stage
    if not fact.material.states:
        return Verdict()
    if kind.startswith("none."):
        return Verdict(Status.NA)
    if kind.startswith("crim."):
        return _judge_criminal(fact)
    if stage == "proposed":
        return Verdict()
    claimed = _is_claimed(fact)
    found = _first_cue(fact)
    if stage == "not_executed":
        return Verdict(Status.NOT_DONE, claimed, found[1] if found else None)
    if found is not None:
        return Verdict(found[0], claimed, found[1])
    if stage == "executed" and not _only_claimed(fact):
        return Verdict(Status.DONE, claimed)
    return Verdict(claimed=claimed)


def _judge_criminal(fact: Fact) -> Verdict:
    rules = load_toml("outcomes.toml")["criminal"]
    claimed = _is_claimed(fact)
    dropped = any(rules["dropped_number"] in number for number in fact.numbers)
    if dropped or fact.penalty.kind in rules["dropped"]:
        return Verdict(Status.CHANGED, claimed)
    if fact.penalty.stage == "proposed":
        return Verdict(claimed=claimed)
    if fact.penalty.stage == "not_executed":
        return Verdict(Status.NOT_DONE, claimed)
    final = fact.penalty.kind in rules["final"]
    return Verdict(Status.DONE if final else Status.ONGOING, claimed)


@cache
def _cues() -> tuple[_Cue, ...]:
    return tuple(
        _Cue(Status(row["status"]), tuple(row["kinds"]), _pattern(row["words"]))
        for row in load_toml("outcomes.toml")["cue"]
    )


@cache
def _words() -> dict[str, Any]:
    words: dict[str, Any] = load_toml("outcomes.toml")["cues"]
    return words


def _pattern(words: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(_GAP.join(map(re.escape, word.split("…"))) for word in words))


def _first_cue(fact: Fact) -> tuple[Status, Quote] | None:
    """Return the first cue that fits, in the order of the table, own sentence first."""
    text = fact.material.view.text
    cues = [cue for cue in _cues() if cue.holds_for(fact.penalty.kind)]
    for start, end, own in _scopes(fact):
        for cue in cues:
            if cue.general and not own:
                continue
            for match in cue.pattern.finditer(text, start, end):
                if any(word in match.group() for word in _words()["unless"]):
                    continue
                return _read_cue(fact, cue, match, (start, end))
    return None


def _read_cue(
    fact: Fact, cue: _Cue, match: re.Match[str], scope: tuple[int, int]
) -> tuple[Status, Quote]:
    """Return the status, turned by a negation just before, and the clause that holds the cue."""
    view = fact.material.view
    start, end = scope
    before = view.text[max(start, match.start() - _REACH) : match.start()]
    negated = cue.status is Status.DONE and any(word in before for word in _words()["negations"])
    borders = [border.end() for border in _CLAUSE.finditer(view.text, start, match.start())]
    after = _CLAUSE.search(view.text, match.end(), end)
    span = view.span(borders[-1] if borders else start, after.start() if after else end)
    return (Status.NOT_DONE if negated else cue.status), fact.material.quote(span.start, span.end)


def _scopes(fact: Fact) -> Iterator[tuple[int, int, bool]]:
    """Yield the ranges of the view that are about this penalty; True: in its own sentence."""
    view, ranges = fact.material.view, fact.material.penalty_ranges
    start, end = view.locate(Span(fact.penalty.start, fact.penalty.end))
    low, high = _surroundings(fact)
    stops = [stop.end() for stop in _STOP.finditer(view.text, low, start)]
    sentence = stops[-1] if stops else low
    stop = _STOP.search(view.text, max(end - 1, start), high)
    sentence_end = stop.end() if stop else high
    near = ranges[bisect_left(ranges, (sentence, 0)) : bisect_left(ranges, (sentence_end, 0))]
    left = max([sentence, *(b for _, b in near if b <= start)])
    right = min([sentence_end, *(a for a, _ in near if a >= end)])
    yield left, right, True
    if right < sentence_end:
        tail = max(b for _, b in near)
        if tail < sentence_end and _ALL_OF_THEM.search(view.text, tail, sentence_end):
            yield tail, sentence_end, True
    elif sentence_end < high:
        following = _STOP.search(view.text, sentence_end, high)
        following_end = following.end() if following else high
        if not _is_about_another(fact, sentence_end, following_end):
            yield sentence_end, following_end, False


def _surroundings(fact: Fact) -> tuple[int, int]:
    """Return the paragraph of the penalty, cut to a length that keeps the work linear."""
    view = fact.material.view
    start, end = view.locate(Span(fact.penalty.start, fact.penalty.end))
    low, high = view.paragraph_at(start)
    return max(low, start - _FAR), min(max(high, end), end + _FAR)


def _is_about_another(fact: Fact, start: int, end: int) -> bool:
    """Tell whether a range of the view states another penalty or names another party."""
    if any(start <= a < end for a, _ in fact.material.penalty_ranges):
        return True
    span = fact.material.view.span(start, end)
    named = fact.material.parties_in(span.start, span.end)
    return bool(named - {fact.party.id})


def _sentence(fact: Fact) -> str:
    return next(fact.material.view.text[start:end] for start, end, _ in _scopes(fact))


def _only_claimed(fact: Fact) -> bool:
    """Tell whether the sentence says no more than that all of it has been carried out."""
    sentence = _sentence(fact)
    return any(word in sentence for word in _words()["claims"]) and any(
        word in sentence for word in _words()["blanket"]
    )


def _is_claimed(fact: Fact) -> bool:
    text = fact.material.view.text
    low, high = _surroundings(fact)
    return any(text.find(word, low, high) >= 0 for word in _words()["claims"])
