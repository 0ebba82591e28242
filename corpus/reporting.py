"""The figures of an evaluation for people (a terminal, a Markdown file) and for programs (JSON)."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from corpus.calibration_report import LEAST_CERTAIN, Calibration, calibrate, draw
from corpus.corruption import FieldCount, totals
from corpus.damage import LABELS
from corpus.damage_report import AIMED, MOST_POINTS_LOST, DamageScore
from corpus.evaluate import Outcome, by_kind, kind_accuracy, total
from corpus.gains import Change, count_changes
from corpus.scoring import FAMILY_LAYERS, LAYERS, Graded, Score, ScoreLayer, Tally

Row = tuple[str, ...]
_KIND_LAYERS: tuple[ScoreLayer, ...] = LAYERS[:8]
_SHORT = {"document_numbers": "numbers"}
_RATES = ("准确率", "召回率", "F1", "对", "误", "漏")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was measured; a part that was not asked for is None."""

    outcomes: Sequence[Outcome]
    changes: Sequence[Change] | None = None
    corruption: Sequence[FieldCount] | None = None
    damage: Sequence[DamageScore] | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: what stands above it, its heads and rows, what stands below."""

    title: str
    heads: Row
    rows: Sequence[Row]
    notes: Sequence[str] = field(default_factory=tuple)
    picture: str = ""


def headline(outcomes: Sequence[Outcome]) -> str:
    """Return the figures of the whole run, and which documents have no result."""
    line = (
        f"{len(outcomes)} 份文书，文种正确率 {kind_accuracy(outcomes):.3f}，"
        f"越界区间 {sum(outcome.bad_ranges for outcome in outcomes)} 个"
    )
    missing = [outcome.id for outcome in outcomes if outcome.is_missing]
    return f"{line}\n没有结果（全部记为漏）：{'、'.join(missing)}" if missing else line


def as_text(evaluation: Evaluation) -> str:
    """Return everything that was measured as lines for a terminal."""
    parts = [headline(evaluation.outcomes)]
    for sheet in _sheets(evaluation):
        parts.append("\n".join([f"\n{sheet.title}", *_aligned([sheet.heads, *sheet.rows])]))
        parts += [each for each in (sheet.picture, *sheet.notes) if each]
    return "\n".join(parts)


def as_markdown(evaluation: Evaluation) -> str:
    """Return everything that was measured as a Markdown document."""
    parts = ["# 评测报告", headline(evaluation.outcomes).replace("\n", "  \n")]
    for sheet in _sheets(evaluation):
        parts.append(f"## {sheet.title}")
        if sheet.rows:
            rule = "|" + "---|" * len(sheet.heads)
            parts.append("\n".join([_piped(sheet.heads), rule, *map(_piped, sheet.rows)]))
        if sheet.picture:
            parts.append(f"```text\n{sheet.picture}\n```")
        parts += sheet.notes
    return "\n\n".join(parts) + "\n"


def as_json(evaluation: Evaluation) -> str:
    """Return the figures as JSON; `layers` holds the totals, the rest is by kind, family, part."""
    outcomes = evaluation.outcomes
    score = total(outcomes)
    figures: dict[str, object] = {
        "documents": len(outcomes),
        "kind_accuracy": kind_accuracy(outcomes),
        "bad_spans": sum(outcome.bad_ranges for outcome in outcomes),
        "missing": [outcome.id for outcome in outcomes if outcome.is_missing],
        "layers": _layers_json(score.tallies),
        "kinds": {
            kind: {"documents": len(group), "layers": _layers_json(total(group).tallies)}
            for kind, group in by_kind(outcomes).items()
        },
        "families": {name: _layers_json(row) for name, row in sorted(score.families.items())},
        "calibration": {
            name: _calibration_json(calibration) for name, calibration in _calibrations(score)
        },
    }
    if evaluation.changes is not None:
        figures["changes"] = [
            {
                "document": change.document,
                "layer": change.fault.layer,
                "gain": change.is_gain,
                "what": change.fault.what,
                "sentence": change.fault.sentence,
            }
            for change in evaluation.changes
        ]
    if evaluation.corruption is not None:
        figures["corruption"] = {
            row.field: {
                "tried": row.tried,
                "accepted": len(row.accepted),
                "examples": [each._asdict() for each in row.accepted[:3]],
            }
            for row in evaluation.corruption
        }
    if evaluation.damage is not None:
        figures["damage"] = {
            each.kind: {
                layer: {"f1": each.score.tallies[layer].f1, "lost": each.points_lost(layer)}
                for layer in LAYERS
            }
            for each in evaluation.damage
        }
    return json.dumps(figures, ensure_ascii=False, indent=1)


def _layers_json(tallies: Mapping[ScoreLayer, Tally]) -> dict[str, dict[str, float]]:
    return {
        layer: {
            "p": tally.precision,
            "r": tally.recall,
            "f1": tally.f1,
            "tp": tally.right,
            "fp": tally.wrong,
            "fn": tally.missed,
        }
        for layer, tally in tallies.items()
    }


def _calibration_json(calibration: Calibration) -> dict[str, object]:
    return {
        "records": calibration.records,
        "wrong": calibration.wrong,
        "ece": calibration.error,
        "wrong_found_in_least_certain_fifth": calibration.found_first,
        "bins": [
            {"low": b.low, "high": b.high, "records": b.records, "said": b.said, "was": b.was}
            for b in calibration.bins
        ],
        "below": [
            {"threshold": b.threshold, "records": b.share_of_records, "wrong": b.share_of_wrong}
            for b in calibration.below
        ],
    }


def _sheets(evaluation: Evaluation) -> Iterator[Sheet]:
    """Yield the tables in the order in which they are shown."""
    outcomes, score = evaluation.outcomes, total(evaluation.outcomes)
    rows = [(layer, *_rates(tally)) for layer, tally in score.tallies.items()]
    yield Sheet("各层", ("层", *_RATES), rows)
    yield _kinds_sheet(outcomes)
    yield _families_sheet(score)
    yield from _calibration_sheets(score)
    if evaluation.changes is not None:
        yield _changes_sheet(evaluation.changes)
    if evaluation.corruption is not None:
        yield _corruption_sheet(evaluation.corruption)
    if evaluation.damage:
        yield _damage_sheet(evaluation.damage)


def _rates(tally: Tally) -> Row:
    return (
        f"{tally.precision:.3f}",
        f"{tally.recall:.3f}",
        f"{tally.f1:.3f}",
        str(tally.right),
        str(tally.wrong),
        str(tally.missed),
    )


def _kinds_sheet(outcomes: Sequence[Outcome]) -> Sheet:
    rows = []
    for kind, group in by_kind(outcomes).items():
        tallies = total(group).tallies
        f1 = (_f1(tallies[layer]) for layer in _KIND_LAYERS)
        rows.append((kind, str(len(group)), f"{kind_accuracy(group):.3f}", *f1))
    heads = ("文种", "份数", "文种正确率", *(_SHORT.get(layer, layer) for layer in _KIND_LAYERS))
    return Sheet("各文种的 F1（- 表示该文种没有这一层）", heads, rows)


def _f1(tally: Tally) -> str:
    return f"{tally.f1:.3f}" if tally != Tally() else "-"


def _families_sheet(score: Score) -> Sheet:
    rows = []
    for family, row in sorted(score.families.items()):
        cells = [
            cell
            for layer in FAMILY_LAYERS
            for cell in (*_rates(row[layer])[:2], *_rates(row[layer])[3:])
        ]
        rows.append((family, *cells))
    heads = [
        f"{word}{name}"
        for word in ("严格", "宽松")
        for name in ("准确率", "召回率", "对", "误", "漏")
    ]
    return Sheet("各类处理", ("类别", *heads), rows)


def _calibrations(score: Score) -> Iterator[tuple[str, Calibration]]:
    yield "全部", calibrate(score.graded)
    by_layer: dict[ScoreLayer, list[Graded]] = {}
    for each in score.graded:
        by_layer.setdefault(each.layer, []).append(each)
    for layer in LAYERS:
        if layer in by_layer:
            yield layer, calibrate(by_layer[layer])


def _calibration_sheets(score: Score) -> Iterator[Sheet]:
    rows: list[Row] = []
    for name, each in _calibrations(score):
        found = _share(each.found_first)
        rows.append((name, str(each.records), str(each.wrong), f"{each.error:.3f}", found))
    heads = ("层", "记录", "错", "期望校准误差", f"最没把握的{LEAST_CERTAIN:.0%}里找到的错")
    yield Sheet("把握程度", heads, rows)
    every = calibrate(score.graded)
    rows = [
        (f"< {each.threshold:g}", _share(each.share_of_records), _share(each.share_of_wrong))
        for each in every.below
    ]
    yield Sheet("低于某一把握的记录", ("把握", "占全部记录", "占全部错误"), rows)
    tenths = [
        (f"{b.low:.1f}-{b.high:.1f}", str(b.records), f"{b.said:.3f}", f"{b.was:.3f}")
        for b in every.bins
    ]
    note = "图：每行十分之一；# 是实际正确率，| 是平均把握，后面是两者的数值和记录数。"
    columns = ("把握", "记录", "平均把握", "实际正确率")
    yield Sheet("可靠性图", columns, tenths, (note,), draw(every))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _changes_sheet(changes: Sequence[Change]) -> Sheet:
    gains = sum(change.is_gain for change in changes)
    counts = count_changes(changes)
    rows = [
        (
            "进步" if change.is_gain else "退步",
            change.fault.layer,
            change.document,
            ("不再" if change.is_gain else "新的") + change.fault.what,
            change.fault.sentence,
        )
        for change in changes
    ]
    notes = [
        f"{layer}：进步 {won} 项，退步 {lost} 项"
        for layer, (won, lost) in counts.items()
        if won or lost
    ]
    title = f"与上次相比：进步 {gains} 项，退步 {len(changes) - gains} 项"
    return Sheet(title, ("", "层", "文书", "错漏", "原文"), rows, notes)


def _corruption_sheet(counts: Sequence[FieldCount]) -> Sheet:
    accepted, tried = totals(counts)
    rows = [(row.field, str(len(row.accepted)), str(row.tried), _example(row)) for row in counts]
    title = f"改坏的值：false grounding {accepted} of {tried}（应为 0）"
    return Sheet(title, ("字段", "放过", "试过", "放过的例子"), rows)


def _example(row: FieldCount) -> str:
    if not row.accepted:
        return ""
    first = row.accepted[0]
    return f"{first.document} {first.record}：{first.was} → {first.now}「{first.words}」"


def _damage_sheet(scores: Sequence[DamageScore]) -> Sheet:
    whole = scores[0].whole
    rows = [
        (
            layer,
            f"{whole.tallies[layer].f1:.3f}",
            *(
                f"{each.score.tallies[layer].f1:.3f}（{_signed(-each.points_lost(layer))}）"
                for each in scores
            ),
        )
        for layer in LAYERS
    ]
    heads = ("层", "原文", *(f"{each.kind} {LABELS[each.kind]}" for each in scores))
    over = [
        f"{each.kind}：{'、'.join(each.layers_over())}"
        for each in scores
        if each.kind in AIMED and each.layers_over()
    ]
    note = f"要求：{AIMED[0]} 至 {AIMED[-1]} 每层最多损失 {MOST_POINTS_LOST:g} 分。"
    return Sheet(
        "损坏的文字的 F1（括号里是与原文相差的分数）",
        heads,
        rows,
        (note + ("未达到：" + "；".join(over) if over else "全部达到。"),),
    )


def _signed(points: float) -> str:
    return f"{round(points, 1) + 0.0:+.1f}"


def _piped(row: Row) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _aligned(rows: Sequence[Row]) -> Iterator[str]:
    widths = [max(map(_columns, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell + " " * (width - _columns(cell)) for cell, width in zip(row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def error_lines(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield every fault on one line: document, layer, what, sentence."""
    for outcome in outcomes:
        for fault in outcome.score.faults:
            yield f"{outcome.id}\t{fault.layer}\t{fault.what}\t{fault.sentence}"
