"""Fit the weights of extractor/rules/confidence.toml on documents with their truth.

`python -m corpus.calibrate GOLD[=RESULTS] … [--check NAME] [--write]` takes folders in the gold
format. Behind = stand stored results, such as those of the first reading of documents that nobody
had seen, for the reader makes its honest errors there; without, the documents are read now.
Weights are those of a logistic regression with a ridge penalty; measures, problems and suggestions
share theirs but for the bias, for there are few errors in each. Whether the probabilities hold is
told on documents that had no part in them: all records of a document are left out together, those
of a source named by --check one document at a time, the others in groups of documents.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.calibration_report import Calibration, calibrate, draw
from corpus.evaluate import read_all, score_reading, select_gold
from corpus.scoring import Graded, ScoreLayer
from extractor.confidence import LAYERS, FeatureReader
from extractor.view import build_view

RIDGE = 8.0
FOLDS = 10
"""How many groups the documents that are not left out one by one are parted into."""
LEAST_COUNT = 12
"""A feature that fewer records show says too little to have a weight."""
_SWEEPS = 40
_TELLING = 0.05
_TARGET = Path(__file__).resolve().parent.parent / "extractor" / "rules" / "confidence.toml"
_LAYER = "layer."
_TOGETHER = (("penalties",), ("measures", "problems", "suggestions"))
"""The layers that are fitted together: those of one group share all weights but the bias."""
_SCORED: dict[str, ScoreLayer] = {
    "penalties": "penalties.strict",
    "measures": "measures",
    "problems": "problems",
    "suggestions": "suggestions",
}
_HEAD = """\
# How the features of a record (extractor/confidence.py) add up to its probability: the logistic
# function of `bias` and the weights of the features that it shows; one without a row counts 0.
# Written by `python -m corpus.calibrate … --write`; do not edit by hand.
"""


@dataclass(frozen=True, slots=True)
class Example:
    """One record given: its layer, set and document, what it shows, whether it is right."""

    layer: str
    source: str
    document: str
    features: tuple[str, ...]
    is_right: bool


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic model: the sum of `bias` and the weights of the features shown."""

    bias: float
    of: dict[str, float]

    def probability(self, features: Iterable[str]) -> float:
        """Return the probability that these features stand for."""
        total = self.bias + sum(self.of.get(name, 0.0) for name in features)
        return 1 / (1 + math.exp(-max(min(total, 30.0), -30.0)))


def collect(source: str, gold: Path, results: Path | None) -> list[Example]:
    """Return the records given in the documents of one folder."""
    files = select_gold(gold)
    found: list[Example] = []
    for file, reading in zip(files, read_all(files, results), strict=True):
        if reading.result is None:
            continue
        graded = score_reading(file.gold, reading).score.graded
        reader = FeatureReader(reading.document, build_view(reading.document), reading.result)
        for layer in set(LAYERS) - set(file.gold.skip):
            right = {g.record: g.is_right for g in graded if g.layer == _SCORED[layer]}
            for record in getattr(reading.result, layer):
                if record.id in right:
                    features = (*reader.features(record), f"{_LAYER}{layer}")
                    name = f"{source}/{file.gold.id}"
                    found.append(Example(layer, source, name, features, right[record.id]))
    return found


def fit(examples: Sequence[Example]) -> Weights:
    """Fit a model by coordinate-wise Newton steps; the bias is not drawn towards zero."""
    counts = Counter(name for each in examples for name in set(each.features))
    names = sorted(name for name, count in counts.items() if count >= LEAST_COUNT)
    shown = {name: [i for i, e in enumerate(examples) if name in e.features] for name in names}
    totals = [0.0] * len(examples)
    weights = dict.fromkeys(names, 0.0)
    bias = 0.0
    everything = range(len(examples))
    for _ in range(_SWEEPS):
        step = _newton(examples, totals, everything, 0.0, 1e-6)
        bias += step
        totals = [total + step for total in totals]
        for name in names:
            step = _newton(examples, totals, shown[name], weights[name], RIDGE)
            weights[name] += step
            for i in shown[name]:
                totals[i] += step
    return Weights(bias, weights)


def _newton(
    examples: Sequence[Example],
    totals: Sequence[float],
    where: Iterable[int],
    weight: float,
    ridge: float,
) -> float:
    slope, bend = -ridge * weight, ridge + 1e-9
    for i in where:
        p = 1 / (1 + math.exp(-max(min(totals[i], 30.0), -30.0)))
        slope += examples[i].is_right - p
        bend += p * (1 - p)
    return max(min(slope / bend, 1.0), -1.0)


def cross_fitted(
    examples: Sequence[Example], checked: Sequence[str] = ()
) -> Iterator[tuple[Example, Graded]]:
    """Yield every example with the probability that a model without its document gives it.

    The documents of a source whose name ends with one of `checked` are left out one by one.
    """
    alone = {_name(each) for each in examples if each.source.endswith(tuple(checked))}
    others = sorted({_name(each) for each in examples} - alone)
    fold_of = {name: at % FOLDS for at, name in enumerate(others)}
    fold_of |= {name: FOLDS + at for at, name in enumerate(sorted(alone))}
    for fold in sorted(set(fold_of.values())):
        inside = [each for each in examples if fold_of[_name(each)] == fold]
        model = fit([each for each in examples if fold_of[_name(each)] != fold])
        for each in inside:
            given = model.probability(each.features)
            yield each, Graded(_SCORED[each.layer], given, each.is_right)


def _name(example: Example) -> str:
    return example.document.rpartition("/")[2]


def fit_layers(examples: Sequence[Example]) -> dict[str, Weights]:
    """Return a model for each layer; the layers of a group differ only in their bias."""
    models: dict[str, Weights] = {}
    for group in _TOGETHER:
        shared = fit([each for each in examples if each.layer in group])
        weights = {name: value for name, value in shared.of.items() if not name.startswith(_LAYER)}
        for layer in group:
            bias = shared.bias + shared.of.get(f"{_LAYER}{layer}", 0.0)
            models[layer] = Weights(bias, weights)
    return models


def as_toml(models: dict[str, Weights]) -> str:
    """Return the models as the rows of confidence.toml."""
    lines = [_HEAD]
    for layer, model in models.items():
        lines += [f"[{layer}]", f"bias = {model.bias:.2f}", f"[{layer}.weight]"]
        lines += [
            f'"{name}" = {value:.2f}' for name, value in model.of.items() if abs(value) > 0.05
        ]
        lines.append("")
    return "\n".join(lines)


def _told(name: str, calibration: Calibration) -> str:
    found = calibration.found_first
    first = "-" if found is None else f"{found:.1%}"
    return (
        f"{name}：{calibration.records} 条，错 {calibration.wrong} 条，"
        f"期望校准误差 {calibration.error:.3f}，最没把握的五分之一里有 {first} 的错误"
    )


def main(words: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m corpus.calibrate", description="拟合把握程度。"
    )
    parser.add_argument("sources", nargs="+", metavar="标注[=结果]")
    parser.add_argument(
        "--check", action="append", default=[], help="另外单独报告的来源名（目录名）"
    )
    parser.add_argument("--write", action="store_true", help="写入 confidence.toml")
    arguments = parser.parse_args(words)
    examples: list[Example] = []
    for source in arguments.sources:
        gold, _, results = source.partition("=")
        examples += collect(source, Path(gold), Path(results) if results else None)
    graded = [
        pair
        for group in _TOGETHER
        for pair in cross_fitted([e for e in examples if e.layer in group], arguments.check)
    ]
    reports = [_told("全部（逐份留出）", calibrate([each for _, each in graded]))]
    for name in arguments.check:
        chosen = [each for example, each in graded if example.source.endswith(name)]
        reports.append(_told(name, calibrate(chosen)))
    for layer in LAYERS:
        chosen = [each for _, each in graded if each.layer == _SCORED[layer]]
        reports.append(_told(layer, calibrate(chosen)))
    reports.append(draw(calibrate([each for _, each in graded])))
    sys.stdout.write("\n".join(reports) + "\n")
    if arguments.write:
        _TARGET.write_text(as_toml(fit_layers(examples)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
