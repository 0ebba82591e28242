"""Measures the hints of the checklist on the cases of `likeness_reports`.

A hint is a reported sentence beside a measure: at most three, none below a cut, none of another
unit. It is right when the sentence is about the measure, whatever it says of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from corpus.likeness_before import Likeness
from corpus.likeness_pairs import Half
from corpus.likeness_reports import ReportCase, report_cases
from extractor.checklist.rectification import LEAST, MOST_REPORTED
from models.likeness_ranking import Ranker, SameUnit, VectorRanker, WordRanker

HintScorer = Callable[[ReportCase], Sequence[Mapping[int, float]]]
"""What scores, for each measure of a case, the sentences that may be about it."""

_BEFORE_LEAST, _BEFORE_UNKNOWN = 0.1, 0.8


@dataclass(frozen=True, slots=True)
class HintFigures:
    """Hints that are right and wrong, those that there are to find, and the first hints.

    `first_told` is the share of measures, of those that were carried out at least in part, whose
    first candidate says so; `first_about` of those of which anything is told, whose first candidate
    is about them. Neither depends on the cut.
    """

    right: int
    wrong: int
    wanted: int
    first_told: float
    first_about: float

    @property
    def precision(self) -> float:
        """The share of hints that are right; 1 where there are none."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """The share of what there is to find that is hinted at."""
        return self.right / self.wanted


def same_unit(case: ReportCase) -> SameUnit:
    """Return what tells whether a measure and a sentence of a case are of one unit."""

    def known(measure: int, at: int) -> bool | None:
        ours, theirs = case.asked[measure].claim.units, case.sentences[at].units
        return bool(set(ours) & set(theirs)) if ours and theirs else None

    return known


def by_ranker(ranker: Ranker) -> HintScorer:
    """Score as the checklist does."""

    def score(case: ReportCase) -> list[dict[int, float]]:
        asked = [one.claim.text for one in case.asked]
        given = [sentence.text for sentence in case.sentences]
        ranked = ranker.rank_reports(asked, given, same_unit(case))
        return [{one.at: one.score for one in row} for row in ranked]

    return score


def before(case: ReportCase) -> list[dict[int, float]]:
    """Score as the checklist did before: the cosine of rare words, less for an unknown unit."""
    asked = [one.claim.text for one in case.asked]
    index = Likeness(asked, [sentence.text for sentence in case.sentences])
    known = same_unit(case)
    return [
        {
            at: score * (1 if known(number, at) else _BEFORE_UNKNOWN)
            for at, score in index.scores(text).items()
            if known(number, at) is not False
        }
        for number, text in enumerate(asked)
    ]


def hint_figures(score: HintScorer, half: Half, least: float) -> HintFigures:
    """Count the hints of a half with a cut."""
    right = wrong = wanted = 0
    told: list[bool] = []
    about: list[bool] = []
    for case in report_cases(half):
        for one, scores in zip(case.asked, score(case), strict=True):
            order = sorted(scores, key=lambda at: (-scores[at], at))
            hints = [at for at in order if scores[at] >= least][:MOST_REPORTED]
            right += sum(at in one.answers for at in hints)
            wrong += sum(at not in one.answers for at in hints)
            wanted += min(MOST_REPORTED, len(one.answers))
            if one.answers:
                told.append(order[:1] != [] and order[0] in one.reported)
                about.append(order[:1] != [] and order[0] in one.answers)
    return HintFigures(right, wrong, wanted, sum(told) / len(told), sum(about) / len(about))


def hint_ways() -> dict[str, tuple[HintScorer, float]]:
    """Return what is compared, by name, each with its cut."""
    return {
        f"原先：相邻两字的余弦，不低于 {_BEFORE_LEAST}": (before, _BEFORE_LEAST),
        "原先的余弦，不低于 0.05": (before, _BEFORE_LEAST / 2),
        f"words，不低于 {LEAST}": (by_ranker(WordRanker()), LEAST),
        f"vectors，不低于 {LEAST}": (by_ranker(VectorRanker()), LEAST),
    }


def hints_table(half: Half = "test") -> str:
    """Return the Markdown table of the hints of all ways on a half."""
    lines = [
        "| 找法 | 对 | 错 | 应有 | 精确率 | 召回率 | 第一条说到它 | 第一条说做了 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, (score, least) in hint_ways().items():
        found = hint_figures(score, half, least)
        counts = f"{found.right} | {found.wrong} | {found.wanted}"
        shares = (found.precision, found.recall, found.first_about, found.first_told)
        lines.append(f"| {name} | {counts} | " + " | ".join(f"{n:.3f}" for n in shares) + " |")
    return "\n".join(lines)
