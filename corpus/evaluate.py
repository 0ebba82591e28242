"""Measure the reader against gold files.

`python -m corpus.evaluate GOLD_DIR [RESULT_DIR]` prints precision, recall and F1 of every layer.
With RESULT_DIR it compares the stored results `<id>.json` (result format version 1); without, it
reads every document of GOLD_DIR itself. `--check` only checks the gold files.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.gold import GoldFile, check_gold, load_gold
from corpus.scoring import LAYERS, Score, score_document
from extractor import extract, parse
from extractor.extraction import Extraction


@dataclass(frozen=True, slots=True)
class Reading:
    """One document: its text and what was read from it; no result when a stored one is missing."""

    text: str
    result: Extraction | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The score of one document, whether its kind is right, and how many ranges lie outside it."""

    id: str
    score: Score
    is_kind_right: bool
    is_missing: bool
    bad_ranges: int


def read_document(path: Path, result: Path | None = None) -> Reading:
    """Read a document, or take its stored result where `result` names one.

    Raises:
        extractor.errors.ParseError: the document cannot be read.
        pydantic.ValidationError: the stored result is not in the result format.
    """
    document = parse(path.read_bytes(), path.name)
    if result is None:
        return Reading(document.text, extract(document))
    if not result.exists():
        return Reading(document.text, None)
    return Reading(document.text, Extraction.model_validate_json(result.read_bytes()))


def evaluate_file(file: GoldFile, reading: Reading) -> Outcome:
    """Score one document."""
    result = reading.result
    return Outcome(
        id=file.gold.id,
        score=score_document(reading.text, file.gold, result),
        is_kind_right=result is not None and result.document.kind == file.gold.kind,
        is_missing=result is None,
        bad_ranges=_bad_ranges(reading),
    )


def _bad_ranges(reading: Reading) -> int:
    if reading.result is None:
        return 0
    result = reading.result
    records = [
        *result.document_numbers,
        *result.penalties,
        *result.measures,
        *result.problems,
        *result.suggestions,
    ]
    return sum(not record.start < record.end <= len(reading.text) for record in records)


def evaluate(gold: Path, results: Path | None = None) -> list[Outcome]:
    """Score every document of a gold folder, against stored results or by reading it now."""
    outcomes = []
    for file in load_gold(gold):
        result = results / f"{file.gold.id}.json" if results else None
        outcomes.append(evaluate_file(file, read_document(file.document, result)))
    return outcomes


def total(outcomes: Iterable[Outcome]) -> Score:
    """Add up the scores of many documents."""
    score = Score()
    for outcome in outcomes:
        score.add(outcome.score)
    return score


def check_folder(folder: Path) -> list[str]:
    """Return what is wrong with the gold files of a folder, one line a fault."""
    faults = []
    for file in load_gold(folder):
        text = parse(file.document.read_bytes(), file.document.name).text
        faults += [f"{file.gold.id}：{fault}" for fault in check_gold(file.gold, text)]
    return faults


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Return the figures as JSON: documents, kinds, ranges outside the text, layers."""
    layers = {
        layer: {
            "p": tally.precision,
            "r": tally.recall,
            "f1": tally.f1,
            "tp": tally.right,
            "fp": tally.wrong,
            "fn": tally.missed,
        }
        for layer, tally in total(outcomes).tallies.items()
    }
    figures = {
        "documents": len(outcomes),
        "kind_accuracy": _kind_accuracy(outcomes),
        "bad_spans": sum(outcome.bad_ranges for outcome in outcomes),
        "missing": [outcome.id for outcome in outcomes if outcome.is_missing],
        "layers": layers,
    }
    return json.dumps(figures, ensure_ascii=False, indent=1)


def as_table(outcomes: Sequence[Outcome]) -> str:
    """Return the figures as lines for a terminal."""
    lines = [
        f"{len(outcomes)} 份文书，文种正确率 {_kind_accuracy(outcomes):.3f}，"
        f"越界区间 {sum(outcome.bad_ranges for outcome in outcomes)} 个"
    ]
    missing = [outcome.id for outcome in outcomes if outcome.is_missing]
    if missing:
        lines.append(f"没有结果：{'、'.join(missing)}")
    for layer, tally in total(outcomes).tallies.items():
        lines.append(
            f"{layer:20s} P {tally.precision:.3f}  R {tally.recall:.3f}  F1 {tally.f1:.3f}   "
            f"对 {tally.right} 误 {tally.wrong} 漏 {tally.missed}"
        )
    return "\n".join(lines)


def _kind_accuracy(outcomes: Sequence[Outcome]) -> float:
    return sum(outcome.is_kind_right for outcome in outcomes) / max(len(outcomes), 1)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m corpus.evaluate", description="对照标注评分。")
    parser.add_argument("gold", type=Path, help="标注目录（<id>.json 和文书）")
    parser.add_argument(
        "results", type=Path, nargs="?", help="结果目录（<id>.json）；缺省则现场读取"
    )
    parser.add_argument("--json", action="store_true", help="以 JSON 输出")
    parser.add_argument("--errors", action="store_true", help="逐条列出错漏")
    parser.add_argument("--check", action="store_true", help="只检查标注文件")
    parser.add_argument(
        "--min", action="append", default=[], metavar="层=F1", help="低于此值时以 1 退出，可重复"
    )
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; return 1 when a minimum is missed or a gold file is faulty."""
    arguments = _arguments(words)
    if arguments.check:
        faults = check_folder(arguments.gold)
        _write("\n".join(faults) or "标注文件没有问题")
        return int(bool(faults))
    outcomes = evaluate(arguments.gold, arguments.results)
    if arguments.errors:
        for outcome in outcomes:
            for layer, what in outcome.score.errors:
                _write(f"{outcome.id}\t{layer}\t{what}")
    _write(as_json(outcomes) if arguments.json else as_table(outcomes))
    low = _missed_minima(total(outcomes), arguments.min)
    for line in low:
        sys.stderr.write(f"低于要求：{line}\n")
    return int(bool(low or any(outcome.bad_ranges for outcome in outcomes)))


def _missed_minima(score: Score, minima: Iterable[str]) -> list[str]:
    low = []
    for minimum in minima:
        name, _, value = minimum.partition("=")
        layer = next((layer for layer in LAYERS if layer == name), None)
        if layer is None:
            raise SystemExit(f"没有 {name} 这一层。可用：{'、'.join(LAYERS)}")
        if score.tallies[layer].f1 < float(value):
            low.append(f"{minimum}，实际 {score.tallies[layer].f1:.3f}")
    return low


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
