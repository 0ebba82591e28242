"""How a result is compared with the truth, layer by layer.

Layers and when a record counts as found:

- document_numbers: the sets of normal forms are compared.
- penalties.strict: same party (by any of its names), same kind, same amount and percentage where
  the truth has them; one to one. penalties.relaxed: same party and same family of kinds.
- penalties.stage, .organ, .basis: read on the strict pairs only.
- measures, problems, suggestions: ranges that overlap by at least half of their union, one to one.
- measures.actors: read on the pairs of measures.
- accident: six fields, each right or wrong; a field that neither side has does not count.

Beside the tallies a score keeps every fault with its sentence, the tallies of each family of
sanctions, and whether each record with a confidence was right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from corpus.gold import Gold, GoldAccident, GoldMeasure, GoldPenalty, Layer, locate
from extractor.extraction import (
    Accident,
    Extraction,
    Measure,
    Party,
    Penalty,
    Problem,
    Suggestion,
)
from extractor.rules import penalty_families

ScoreLayer = Literal[
    "document_numbers",
    "penalties.strict",
    "penalties.relaxed",
    "measures",
    "measures.actors",
    "problems",
    "suggestions",
    "accident",
    "penalties.stage",
    "penalties.organ",
    "penalties.basis",
]
LAYERS: tuple[ScoreLayer, ...] = get_args(ScoreLayer)
FAMILY_LAYERS: tuple[ScoreLayer, ...] = ("penalties.strict", "penalties.relaxed")
LEAST_OVERLAP = 0.5
_ACCIDENT_FIELDS = ("mark", "date", "grade", "deaths", "injuries", "loss_yuan")
_NO_NAMES: frozenset[str] = frozenset()
Pairs = list[tuple[int, int]]
Range = tuple[int, int]
_SENTENCE_ENDS = "。；\n"
_REACH = 60


@dataclass(frozen=True, slots=True)
class Tally:
    """Right, wrong and missed records, and the three rates made of them."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Add the counts of two tallies."""
        return Tally(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """Share of the records given that are right; 1 when none is given."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of the records wanted that are given; 1 when none is wanted."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing missed or wrong, in words, with the sentence where it stands.

    `key` is the same in two runs for the same fault.
    """

    layer: ScoreLayer
    key: str
    what: str
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Graded:
    """One record given, how sure the reader was of it, and whether it is right."""

    layer: ScoreLayer
    confidence: float
    is_right: bool
    record: str = ""


@dataclass(slots=True)
class Score:
    """The tallies of one document, or of many added up, and what they are made of."""

    tallies: dict[ScoreLayer, Tally] = field(
        default_factory=lambda: {layer: Tally() for layer in LAYERS}
    )
    families: dict[str, dict[ScoreLayer, Tally]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    graded: list[Graded] = field(default_factory=list)

    def count(self, layer: ScoreLayer, right: int, wrong: int, missed: int) -> None:
        """Add records to a layer."""
        self.tallies[layer] += Tally(right, wrong, missed)

    def count_family(self, family: str, layer: ScoreLayer, tally: Tally) -> None:
        """Add records to a layer of one family of sanctions."""
        row = self.families.setdefault(family, {each: Tally() for each in FAMILY_LAYERS})
        row[layer] += tally

    def add(self, other: Score) -> None:
        """Add the counts, faults and graded records of another document."""
        for layer, tally in other.tallies.items():
            self.tallies[layer] += tally
        for family, row in other.families.items():
            for layer, tally in row.items():
                self.count_family(family, layer, tally)
        self.faults += other.faults
        self.graded += other.graded


def sentence_at(text: str, place: Range | None) -> str:
    """Return the sentence around a range on one line, at most 60 characters to either side."""
    if place is None:
        return ""
    start, end = max(0, place[0]), min(place[1], place[0] + 2 * _REACH, len(text))
    low, high = max(0, start - _REACH), min(len(text), end + _REACH)
    before = max(text.rfind(mark, low, start) for mark in _SENTENCE_ENDS)
    after = [
        at for mark in _SENTENCE_ENDS if (at := text.find(mark, max(start, end - 1), high)) >= 0
    ]
    begin, stop = (before + 1 if before >= 0 else low), (min(after) + 1 if after else high)
    return " ".join(text[begin:stop].split())


def score_document(text: str, gold: Gold, result: Extraction | None) -> Score:
    """Compare the result for one document with its truth; None stands for no result."""
    score, names = Score(), _Names(gold.organizations)
    _score_numbers(score, text, gold, result)
    _Penalties(score, names, text, gold, result).score()
    measures = _score_ranges(score, "measures", text, gold, result.measures if result else [])
    _score_actors(score, names, text, gold.measures, result.measures if result else [], measures)
    _score_ranges(score, "problems", text, gold, result.problems if result else [])
    _score_ranges(score, "suggestions", text, gold, result.suggestions if result else [])
    _score_accident(score, text, gold.accident, result.accident if result else None)
    return score


def _fold(name: str | None) -> str:
    """Write a name without spaces and outer quotation marks, with full-width parentheses."""
    return "".join((name or "").split()).replace("(", "（").replace(")", "）").strip('“”"')


class _Names:
    """Which names mean the same party, by the alias groups of the truth."""

    def __init__(self, groups: Iterable[Sequence[str]]) -> None:
        self._same: dict[str, frozenset[str]] = {}
        for group in groups:
            folded = frozenset(map(_fold, group))
            for name in folded:
                self._same[name] = self._same.get(name, _NO_NAMES) | folded

    def of(self, name: str | None) -> frozenset[str]:
        folded = _fold(name)
        return self._same.get(folded, frozenset({folded}))


def _best_pairs(candidates: Iterable[tuple[float, int, int]]) -> Pairs:
    """Match one to one, best score first; among equals the later records first."""
    pairs: Pairs = []
    used_left: set[int] = set()
    used_right: set[int] = set()
    for _, left, right in sorted(candidates, reverse=True):
        if left not in used_left and right not in used_right:
            used_left.add(left)
            used_right.add(right)
            pairs.append((left, right))
    return pairs


def _score_numbers(score: Score, text: str, gold: Gold, result: Extraction | None) -> None:
    wanted = set(gold.document_numbers)
    given = {number.normal: number for number in result.document_numbers} if result else {}
    missed, wrong = sorted(wanted - given.keys()), sorted(given.keys() - wanted)
    score.count("document_numbers", len(wanted) - len(missed), len(wrong), len(missed))
    for normal in missed:
        at = text.find(normal)
        place = (at, at + len(normal)) if at >= 0 else None
        _fault(score, "document_numbers", f"漏 {normal}", sentence_at(text, place))
    for normal in wrong:
        place = (given[normal].start, given[normal].end)
        _fault(score, "document_numbers", f"误 {normal}", sentence_at(text, place))


def _fault(
    score: Score, layer: ScoreLayer, what: str, sentence: str, key: str | None = None
) -> None:
    score.faults.append(Fault(layer, what if key is None else key, what, sentence))


class _Penalties:
    """The comparison of one document's sanctions."""

    def __init__(
        self, score: Score, names: _Names, text: str, gold: Gold, result: Extraction | None
    ) -> None:
        self._score, self._names, self._text = score, names, text
        self._wanted = gold.penalties
        self._given: Sequence[Penalty] = result.penalties if result else ()
        self._parties: Mapping[str, Party] = (
            {party.id: party for party in result.parties} if result else {}
        )

    def score(self) -> None:
        """Count the five layers and name the errors."""
        families = penalty_families()
        strict = self._match(
            lambda want, have: have.kind in want.kinds and _same_value(want, have),
            lambda want, have: have.stage in want.stages,
        )
        relaxed = self._match(
            lambda want, have: families.get(have.kind) in {families.get(k) for k in want.kinds},
            lambda want, have: have.kind in want.kinds,
        )
        for layer, pairs in zip(FAMILY_LAYERS, (strict, relaxed), strict=True):
            self._count(layer, pairs)
        self._grade({right: left for left, right in strict})
        for left, right in strict:
            if not self._wanted[left].optional:
                self._compare(left, self._given[right])

    def _match(
        self,
        fits: Callable[[GoldPenalty, Penalty], bool],
        is_better: Callable[[GoldPenalty, Penalty], bool],
    ) -> Pairs:
        return _best_pairs(
            (2 - want.optional + is_better(want, have), left, right)
            for left, want in enumerate(self._wanted)
            for right, have in enumerate(self._given)
            if fits(want, have) and self._same_party(want, have)
        )

    def _given_names(self, penalty: Penalty) -> frozenset[str]:
        party = self._parties.get(penalty.party)
        return frozenset(map(_fold, [party.name, *party.aliases])) if party else _NO_NAMES

    def _same_party(self, want: GoldPenalty, have: Penalty) -> bool:
        given = self._given_names(have)
        if want.party_kind != "group":
            return bool(self._names.of(want.party) & given)
        party = self._parties.get(have.party)
        if party is None or party.kind != "group":
            return False
        return _fold(want.party) in given or bool(want.count and want.count == party.count)

    def _count(self, layer: ScoreLayer, pairs: Pairs) -> None:
        """Count a layer, as a whole and by family; a pair counts with the family of the truth."""
        families = penalty_families()
        found, used = {left for left, _ in pairs}, {right for _, right in pairs}
        for left, want in enumerate(self._wanted):
            if want.optional:
                continue
            tally = Tally(right=1) if left in found else Tally(missed=1)
            self._add(layer, families.get(want.kind, "?"), tally)
            if left not in found:
                what = f"漏 {want.party} {want.kind}{_value_words(want)}"
                self._fault(layer, what, self._place(want), f"漏 {left}")
        for right, have in enumerate(self._given):
            if right not in used:
                self._add(layer, families.get(have.kind, "?"), Tally(wrong=1))
                names = "/".join(sorted(self._given_names(have)))
                what = f"误 {names} {have.kind}{_value_words(have)}"
                self._fault(layer, what, (have.start, have.end))

    def _add(self, layer: ScoreLayer, family: str, tally: Tally) -> None:
        self._score.count(layer, tally.right, tally.wrong, tally.missed)
        self._score.count_family(family, layer, tally)

    def _fault(
        self, layer: ScoreLayer, what: str, place: Range | None, key: str | None = None
    ) -> None:
        _fault(self._score, layer, what, sentence_at(self._text, place), key)

    def _place(self, want: GoldPenalty) -> Range | None:
        at = self._text.find(want.quote)
        return (at, at + len(want.quote)) if at >= 0 else None

    def _grade(self, wanted_by_given: Mapping[int, int]) -> None:
        for right, have in enumerate(self._given):
            left = wanted_by_given.get(right)
            if left is None or not self._wanted[left].optional:
                self._score.graded.append(
                    Graded("penalties.strict", have.confidence, left is not None, have.id)
                )

    def _compare(self, left: int, have: Penalty) -> None:
        want, place = self._wanted[left], (have.start, have.end)
        is_right = have.stage in want.stages
        self._score.count("penalties.stage", is_right, not is_right, not is_right)
        who = f"{want.party} {want.kind}"
        if not is_right:
            what = f"误 {who}：应为 {want.stage}，得到 {have.stage}"
            self._fault("penalties.stage", what, place, str(left))
        if want.organ:
            given, names = _fold(have.organ), {_fold(name) for name in self._names.of(want.organ)}
            # 县公安局 and 石棠县公安局 are one organ: a name may hold the other.
            is_right = bool(given) and any(given in name or name in given for name in names)
            is_wrong = bool(given) and not is_right
            self._score.count("penalties.organ", is_right, is_wrong, not is_right)
            if not is_right:
                what = f"{'误' if is_wrong else '漏'} {who}：应为 {want.organ}，得到 {have.organ}"
                self._fault("penalties.organ", what, place, str(left))
        wanted, given_basis = set(want.basis), set(have.basis)
        missed, wrong = sorted(wanted - given_basis), sorted(given_basis - wanted)
        self._score.count("penalties.basis", len(wanted) - len(missed), len(wrong), len(missed))
        for word, articles in (("漏", missed), ("误", wrong)):
            for article in articles:
                what = f"{word} {who}：{article}"
                self._fault("penalties.basis", what, place, f"{word} {left} {article}")


def _value_words(record: GoldPenalty | Penalty) -> str:
    amount = f" {record.amount_yuan}元" if record.amount_yuan is not None else ""
    return amount + (f" {record.income_percent:g}%" if record.income_percent is not None else "")


def _same_value(want: GoldPenalty, have: Penalty) -> bool:
    return want.amount_yuan in (None, have.amount_yuan) and want.income_percent in (
        None,
        have.income_percent,
    )


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return shared / (max(a[1], b[1]) - min(a[0], b[0])) if shared > 0 else 0.0


def _score_ranges(
    score: Score,
    layer: Layer,
    text: str,
    gold: Gold,
    given: Sequence[Measure | Problem | Suggestion],
) -> Pairs:
    if layer in gold.skip:
        return []
    wanted, after = [], 0
    for record in gold.ranges(layer):
        found = locate(text, record, after)
        if found is None:
            raise ValueError(f"{gold.id} {layer}: “{record.begin}”…“{record.end}”不在文中")
        wanted.append(found)
        after = found[1]
    have = [(record.start, record.end) for record in given]
    pairs = _best_pairs(
        (overlap, left, right)
        for left, a in enumerate(wanted)
        for right, b in enumerate(have)
        if (overlap := _overlap(a, b)) >= LEAST_OVERLAP
    )
    score.count(layer, len(pairs), len(have) - len(pairs), len(wanted) - len(pairs))
    found_left, found_right = {left for left, _ in pairs}, {right for _, right in pairs}
    for left, place in enumerate(wanted):
        if left not in found_left:
            what = f"漏「{text[slice(*place)][:50]}」"
            _fault(score, layer, what, sentence_at(text, place), f"漏 {left}")
    for right, place in enumerate(have):
        if right not in found_right:
            what = f"误「{text[slice(*place)][:50]}」"
            _fault(score, layer, what, sentence_at(text, place), f"误 {place}")
    score.graded += [
        Graded(layer, record.confidence, right in found_right, record.id)
        for right, record in enumerate(given)
    ]
    return pairs


def _score_actors(
    score: Score,
    names: _Names,
    text: str,
    wanted: Sequence[GoldMeasure],
    given: Sequence[Measure],
    pairs: Pairs,
) -> None:
    for left, right in pairs:
        want, have = wanted[left].actors, {_fold(actor) for actor in given[right].actors}
        missed = [actor for actor in want if not names.of(actor) & have]
        extra = sorted(actor for actor in have if not any(actor in names.of(o) for o in want))
        score.count("measures.actors", len(want) - len(missed), len(extra), len(missed))
        place = (given[right].start, given[right].end)
        for word, actors in (("漏", missed), ("误", extra)):
            for actor in actors:
                what = f"{word} {actor}「{text[slice(*place)][:30]}」"
                sentence = sentence_at(text, place)
                _fault(score, "measures.actors", what, sentence, f"{word} {left} {actor}")


def _score_accident(
    score: Score, text: str, wanted: GoldAccident | None, given: Accident | None
) -> None:
    for name in _ACCIDENT_FIELDS:
        want: Any = getattr(wanted, name, None)
        have: Any = getattr(given, name, None)
        if want is None and have in (None, 0):  # 无人死亡 need not be printed
            continue
        is_near = name == "loss_yuan" and None not in (want, have) and abs(want - have) <= 1
        is_right = want == have or is_near
        wrong, missed = not is_right and have is not None, not is_right and want is not None
        score.count("accident", is_right, wrong, missed)
        place = given.sources.get(name) if given else None
        for word, is_so in (("漏", missed), ("误", wrong)):
            if is_so:
                what = f"{word} {name}：应为 {want}，得到 {have}"
                _fault(score, "accident", what, sentence_at(text, place), f"{word} {name}")
