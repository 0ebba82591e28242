"""How a result is compared with the truth, layer by layer.

Layers and when a record counts as found:

- document_numbers: the sets of normal forms are compared.
- penalties.strict: same party (by any of its names), same kind, same amount and percentage where
  the truth has them; one to one. penalties.relaxed: same party and same family of kinds.
- penalties.stage, .organ, .basis: read on the strict pairs only.
- measures, problems, suggestions: ranges that overlap by at least half of their union, one to one.
- measures.actors: read on the pairs of measures.
- accident: six fields, each right or wrong; a field that neither side has does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from corpus.gold import Gold, GoldAccident, GoldMeasure, GoldPenalty, Layer, locate
from extractor.extraction import Accident, Extraction, Located, Measure, Party, Penalty
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
LEAST_OVERLAP = 0.5
_ACCIDENT_FIELDS = ("mark", "date", "grade", "deaths", "injuries", "loss_yuan")
_NO_NAMES: frozenset[str] = frozenset()
Pairs = list[tuple[int, int]]


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


@dataclass(slots=True)
class Score:
    """The tallies of one document, or of many added up, and the errors in words."""

    tallies: dict[ScoreLayer, Tally] = field(
        default_factory=lambda: {layer: Tally() for layer in LAYERS}
    )
    errors: list[tuple[str, str]] = field(default_factory=list)

    def count(self, layer: ScoreLayer, right: int, wrong: int, missed: int) -> None:
        """Add records to a layer."""
        self.tallies[layer] += Tally(right, wrong, missed)

    def add(self, other: Score) -> None:
        """Add the tallies of another document."""
        for layer, tally in other.tallies.items():
            self.tallies[layer] += tally


def score_document(text: str, gold: Gold, result: Extraction | None) -> Score:
    """Compare the result for one document with its truth; None stands for no result."""
    score, names = Score(), _Names(gold.organizations)
    _score_numbers(score, gold, result)
    _Penalties(score, names, text, gold, result).score()
    measures = _score_ranges(score, "measures", text, gold, result.measures if result else [])
    _score_actors(score, names, text, gold.measures, result.measures if result else [], measures)
    _score_ranges(score, "problems", text, gold, result.problems if result else [])
    _score_ranges(score, "suggestions", text, gold, result.suggestions if result else [])
    _score_accident(score, gold.accident, result.accident if result else None)
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


def _score_numbers(score: Score, gold: Gold, result: Extraction | None) -> None:
    wanted = set(gold.document_numbers)
    given = {number.normal for number in result.document_numbers} if result else set()
    score.count("document_numbers", len(wanted & given), len(given - wanted), len(wanted - given))
    score.errors += [("document_numbers", f"漏 {number}") for number in sorted(wanted - given)]
    score.errors += [("document_numbers", f"误 {number}") for number in sorted(given - wanted)]


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
        self._count("penalties.strict", strict)
        self._count("penalties.relaxed", relaxed)
        self._name_errors(strict)
        for left, right in strict:
            if not self._wanted[left].optional:
                self._compare(self._wanted[left], self._given[right])

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
        optional = sum(want.optional for want in self._wanted)
        free = sum(self._wanted[left].optional for left, _ in pairs)
        right = len(pairs) - free
        missed = len(self._wanted) - optional - right
        self._score.count(layer, right, len(self._given) - len(pairs), missed)

    def _name_errors(self, pairs: Pairs) -> None:
        found, used = {left for left, _ in pairs}, {right for _, right in pairs}
        for left, want in enumerate(self._wanted):
            if left not in found and not want.optional:
                what = f"漏 {want.party} {want.kind} {want.amount_yuan or ''}「{want.quote}」"
                self._score.errors.append(("penalties", what))
        for right, have in enumerate(self._given):
            if right not in used:
                names = "/".join(sorted(self._given_names(have)))
                quote = self._text[have.start : have.end][:60]
                what = f"误 {names} {have.kind} {have.amount_yuan or ''}「{quote}」"
                self._score.errors.append(("penalties", what))

    def _compare(self, want: GoldPenalty, have: Penalty) -> None:
        is_right = have.stage in want.stages
        self._score.count("penalties.stage", is_right, not is_right, not is_right)
        if want.organ:
            given, names = _fold(have.organ), {_fold(name) for name in self._names.of(want.organ)}
            # 县公安局 and 石棠县公安局 are one organ: a name may hold the other.
            is_right = bool(given) and any(given in name or name in given for name in names)
            is_wrong = bool(given) and not is_right
            self._score.count("penalties.organ", is_right, is_wrong, not is_right)
        wanted, given_basis = set(want.basis), set(have.basis)
        self._score.count(
            "penalties.basis",
            len(wanted & given_basis),
            len(given_basis - wanted),
            len(wanted - given_basis),
        )


def _same_value(want: GoldPenalty, have: Penalty) -> bool:
    return want.amount_yuan in (None, have.amount_yuan) and want.income_percent in (
        None,
        have.income_percent,
    )


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return shared / (max(a[1], b[1]) - min(a[0], b[0])) if shared > 0 else 0.0


def _score_ranges(
    score: Score, layer: Layer, text: str, gold: Gold, given: Sequence[Located]
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
    for word, ranges, found_ones in (("漏", wanted, found_left), ("误", have, found_right)):
        for at, (start, end) in enumerate(ranges):
            if at not in found_ones:
                score.errors.append((layer, f"{word}「{text[start:end][:50]}」"))
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
        hit = sum(bool(names.of(actor) & have) for actor in want)
        extra = sum(not any(actor in names.of(other) for other in want) for actor in have)
        score.count("measures.actors", hit, extra, len(want) - hit)
        if hit < len(want) or extra:
            quote = text[given[right].start : given[right].end][:30]
            what = f"应为 {'、'.join(want)}；得到 {'、'.join(sorted(have))}「{quote}」"
            score.errors.append(("measures.actors", what))


def _score_accident(score: Score, wanted: GoldAccident | None, given: Accident | None) -> None:
    for name in _ACCIDENT_FIELDS:
        want: Any = getattr(wanted, name, None)
        have: Any = getattr(given, name, None)
        if want is None and have in (None, 0):  # 无人死亡 need not be printed
            continue
        is_near = name == "loss_yuan" and None not in (want, have) and abs(want - have) <= 1
        is_right = want == have or is_near
        wrong, missed = not is_right and have is not None, not is_right and want is not None
        score.count("accident", is_right, wrong, missed)
        if not is_right:
            score.errors.append(("accident", f"{name}：应为 {want}，得到 {have}"))
