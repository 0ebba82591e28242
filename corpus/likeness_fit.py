"""Compares and fits the ways to find what answers a measure, on constructed pairs.

`python -m corpus.likeness_fit` prints the tables of `models/cards/likeness.md`: each way on the
half "test" of the pairs and of the cases of `likeness_reports`; every weight comes from the half
"fit". `--write` fits the weights instead, and writes `models/likeness_fitted.json`.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path

import models
from corpus.likeness_before import Likeness
from corpus.likeness_hints import hints_table, same_unit
from corpus.likeness_pairs import Half, PairCase, cases
from corpus.likeness_reports import report_cases
from models.adapting import import_package
from models.likeness_ranking import Compared, Feature, Task, VectorRanker, fitted
from models.likeness_vectors import Role
from models.likeness_words import Cut, WordIndex, character_pairs, clauses, is_denial

Scorer = Callable[[PairCase], Sequence[Sequence[float]]]
"""What scores each sentence of a case for each of its measures."""

WEIGHED: Mapping[str, tuple[Feature, ...]] = {
    "words": ("words", "denial", "unit"),
    "vectors": ("vector", "words", "denial", "unit"),
}
_FITTED = Path(models.__file__).parent / "likeness_fitted.json"
_ROUNDS = 400
_KEEP = 0.01
"""How much a large weight costs while it is fitted."""


@dataclass(frozen=True, slots=True)
class Found:
    """How often the answer stands first and among the first three, and the mean of 1 / its rank."""

    recall_1: float
    recall_3: float
    mrr: float


def jieba_words(text: str) -> list[str]:
    """Return the words of jieba's search mode, without marks.

    Raises:
        TaggerError: jieba is not installed.
    """
    jieba = import_package("jieba", "jieba")
    jieba.setLogLevel(60)
    return [word for word in jieba.lcut_for_search(text) if re.search(r"\w", word)]


def measure(score: Scorer, half: Half, *, with_denials: bool = True) -> Found:
    """Rank every answer of a half; a sentence with the same score stands before the answer.

    Without denials the sentences that say something was not done are no candidates.
    """
    ranks = []
    for case in cases(half):
        scores = score(case)
        out = {at for at, s in enumerate(case.sentences) if not with_denials and is_denial(s)}
        for question, row in zip(case.questions, scores, strict=True):
            own = row[question.answer]
            better = sum(
                value >= own
                for at, value in enumerate(row)
                if at != question.answer and at not in out
            )
            ranks.append(1 + better)
    count = len(ranks)
    return Found(
        sum(rank == 1 for rank in ranks) / count,
        sum(rank <= 3 for rank in ranks) / count,
        sum(1 / rank for rank in ranks) / count,
    )


def by_words(cut: Cut | None = None) -> Scorer:
    """Score by BM25 alone, with character pairs or another way to cut words."""

    def score(case: PairCase) -> list[list[float]]:
        index = WordIndex(case.sentences, cut) if cut else WordIndex(case.sentences)
        return [index.shares(question.measure) for question in case.questions]

    return score


def by_checklist(case: PairCase) -> list[list[float]]:
    """Score as the checklist does: the cosine of rare character pairs."""
    index = Likeness([question.measure for question in case.questions], case.sentences)
    found = [index.scores(question.measure) for question in case.questions]
    return [[row.get(at, 0.0) for at in range(len(case.sentences))] for row in found]


def by_vectors(ranker: VectorRanker) -> Scorer:
    """Score by the likeness of the vectors alone, less that of the rivals."""
    return lambda case: ranker.leads([q.measure for q in case.questions], case.sentences)


def by_weights(
    weights: Mapping[str, float], ranker: VectorRanker | None, cut: Cut = character_pairs
) -> Scorer:
    """Score by the weighed sum of the features."""

    def score(case: PairCase) -> list[list[float]]:
        compared = _compared(case, ranker, cut)
        return [
            [
                sum(weights.get(name, 0.0) * value for name, value in features.items())
                for features in (
                    compared.features(at, place) for place in range(len(case.sentences))
                )
            ]
            for at in range(len(case.questions))
        ]

    return score


def _compared(case: PairCase, ranker: VectorRanker | None, cut: Cut) -> Compared:
    asked = [question.measure for question in case.questions]
    compared = Compared(asked, case.sentences, cut=cut)
    if ranker is not None:
        compared.vectors = ranker.leads(asked, case.sentences)
    return compared


_Pair = tuple[Mapping[Feature, float], bool]
"""What is weighed of a measure and a sentence, and whether the sentence is what is asked for."""


def _answers(ranker: VectorRanker | None, cut: Cut) -> Iterator[_Pair]:
    for case in cases("fit"):
        compared = _compared(case, ranker, cut)
        for number, question in enumerate(case.questions):
            for at in range(len(case.sentences)):
                yield compared.features(number, at), at == question.answer


def _reports(ranker: VectorRanker | None, cut: Cut) -> Iterator[_Pair]:
    for case in report_cases("fit"):
        asked = [one.claim.text for one in case.asked]
        given = [sentence.text for sentence in case.sentences]
        known = same_unit(case)
        compared = Compared(asked, given, known, cut)
        if ranker is not None:
            compared.vectors = ranker.leads(asked, given)
        for number, one in enumerate(case.asked):
            for at in range(len(given)):
                if known(number, at) is not False:
                    yield compared.features(number, at), at in one.answers


def fit(ranker: VectorRanker | None, task: Task, cut: Cut = character_pairs) -> dict[str, float]:
    """Return weights by logistic regression on the half "fit": is this what is asked for?"""
    used = WEIGHED["words" if ranker is None else "vectors"]
    rows: list[list[float]] = []
    right: list[float] = []
    for features, is_right in (_answers if task == "answers" else _reports)(ranker, cut):
        rows.append([*(features[name] for name in used), 1.0])
        right.append(float(is_right))
    weights = _newton(rows, right)
    return dict(zip([*used, "bias"], (round(weight, 3) for weight in weights), strict=True))


def _newton(rows: Sequence[Sequence[float]], answers: Sequence[float]) -> list[float]:
    """Fit by Newton's method; the sums are small, so that no library of numbers is needed."""
    size = len(rows[0])
    weights = [0.0] * size
    for _ in range(_ROUNDS // 20):
        slope = [_KEEP * weight for weight in weights]
        bend = [[_KEEP * (a == b) for b in range(size)] for a in range(size)]
        for row, answer in zip(rows, answers, strict=True):
            total = sum(weight * value for weight, value in zip(weights, row, strict=True))
            chance = 1 / (1 + exp(-total))
            for a in range(size):
                slope[a] += row[a] * (chance - answer)
                for b in range(size):
                    bend[a][b] += row[a] * row[b] * chance * (1 - chance)
        step = _solve(bend, slope)
        weights = [weight - each for weight, each in zip(weights, step, strict=True)]
    return weights


def _solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Solve a small system of equations by elimination."""
    size = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for at in range(size):
        for other in range(size):
            if other != at:
                factor = rows[other][at] / rows[at][at]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[at], strict=True)]
    return [rows[at][size] / rows[at][at] for at in range(size)]


def means(ranker: VectorRanker) -> dict[Role, list[float]]:
    """Return what the vectors of all clauses of measures, and of sentences, of "fit" share."""
    asked = [question.measure for case in cases("fit") for question in case.questions]
    asked += [one.claim.text for case in report_cases("fit") for one in case.asked]
    given = [sentence for case in cases("fit") for sentence in case.sentences]
    given += [sentence.text for case in report_cases("fit") for sentence in case.sentences]
    found: dict[Role, list[float]] = {}
    texts_of: dict[Role, list[str]] = {"query": asked, "passage": given}
    for role, texts in texts_of.items():
        parts = [part for text in texts for part in clauses(text)]
        mean = ranker.vectors(parts, role).mean(axis=0).tolist()
        found[role] = [round(value, 4) for value in mean]
    return found


def write() -> None:
    """Fit means and weights and write them for the rankers."""
    ranker = VectorRanker()
    table: dict[str, object] = {"means": means(ranker), "weights": {}}
    _FITTED.write_text(json.dumps(table), encoding="utf-8")
    _save(
        table
        | {
            "weights": {
                task: {"words": fit(None, task), "vectors": fit(ranker, task)} for task in _TASKS
            }
        }
    )


def _save(table: Mapping[str, object]) -> None:
    _FITTED.write_text(json.dumps(table, separators=(",", ":")) + "\n", encoding="utf-8")


def ways() -> dict[str, Scorer]:
    """Return what is compared, by name."""
    ranker = VectorRanker()
    return {
        "清单原先用的：相邻两字的余弦": by_checklist,
        "BM25，jieba 词": by_words(jieba_words),
        "BM25，相邻两字": by_words(),
        "字词（jieba）＋单位＋否定": by_weights(
            fit(None, "answers", jieba_words), None, jieba_words
        ),
        "字词（两字）＋单位＋否定，即 words": by_weights(fitted("answers", "words"), None),
        "句向量": by_vectors(ranker),
        "句向量＋字词＋单位＋否定，即 vectors": by_weights(fitted("answers", "vectors"), ranker),
    }


def table() -> str:
    """Return the Markdown table of all ways on the half "test"."""
    lines = [
        "| 找法 | recall@1 | recall@3 | MRR | 不含“未落实”句：recall@1 | recall@3 | MRR |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, score in ways().items():
        every, done = measure(score, "test"), measure(score, "test", with_denials=False)
        numbers = [every.recall_1, every.recall_3, every.mrr]
        numbers += [done.recall_1, done.recall_3, done.mrr]
        lines.append(f"| {name} | " + " | ".join(f"{number:.3f}" for number in numbers) + " |")
    return "\n".join(lines)


def seconds(measures: int = 50, sentences: int = 300) -> tuple[float, float]:
    """Return the seconds that long measures take against as many reported sentences, loaded.

    The first is by the clock, the second what the processors worked: half of it is what two cores
    take that do nothing else. Both are the least of three rounds.
    """
    every = [case for half in _HALVES for case in report_cases(half)]
    given = list(dict.fromkeys(s.text for case in every for s in case.sentences))[:sentences]
    asked = list(dict.fromkeys(one.claim.text for case in every for one in case.asked))[:measures]
    ranker = VectorRanker()
    ranker.rank(asked[:1], given[:1])
    clock, work = [], []
    for _ in range(3):
        start, used = time.perf_counter(), time.process_time()
        ranker.rank_reports(asked, given, lambda measure, at: None)
        clock.append(time.perf_counter() - start)
        work.append(time.process_time() - used)
    return min(clock), min(work)


_HALVES: tuple[Half, Half] = ("fit", "test")
_TASKS: tuple[Task, Task] = ("answers", "reports")


def main(arguments: Sequence[str]) -> None:
    """Print the comparison; with --write fit first."""
    if "--write" in arguments:
        write()
        return
    count = {half: sum(len(case.questions) for case in cases(half)) for half in _HALVES}
    sys.stdout.write(f"{table()}\n\n对数：拟合 {count['fit']}，检验 {count['test']}\n")
    sys.stdout.write(f"\n{hints_table()}\n\n")
    clock, work = seconds()
    sys.stdout.write(f"50 条措施对 300 句：{clock:.2f} 秒，两核各用 {work / 2:.2f} 秒\n")


if __name__ == "__main__":
    main(sys.argv[1:])
