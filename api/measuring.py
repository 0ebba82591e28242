"""What `hecha evaluate` does: measure the reader against gold, print it, tell what falls short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from pydantic import ValidationError

from api.batch import write_file
from api.console import FAILED, OK, say, wrong_use
from api.tagging import tagger_of
from corpus.corruption import FieldCount, count_accepted
from corpus.damage import DAMAGES, DamageKind
from corpus.damage_report import measure_damage
from corpus.evaluate import (
    Outcome,
    Reading,
    check_folder,
    missed_minima,
    parse_minimum,
    read_all,
    score_reading,
    select_gold,
    total,
)
from corpus.gains import find_changes
from corpus.gold import GoldFile
from corpus.reporting import Evaluation, as_json, as_markdown, as_text, error_lines
from corpus.scoring import ScoreLayer
from extractor.errors import ParseError


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asked for."""

    gold: Path
    results: Path | None = None
    against: Path | None = None
    kinds: str = ""
    minima: Sequence[str] = ()
    corrupt: int = 0
    damage: str = ""
    report: Path | None = None
    errors: bool = False
    as_json: bool = False
    tagger: str = "none"


def run_check(gold: Path) -> int:
    """Check the gold files alone; fails when one is faulty."""
    try:
        faults = check_folder(gold)
    except (OSError, ParseError, ValidationError) as error:
        return _cannot(error)
    typer.echo("\n".join(faults) or "标注文件没有问题")
    return FAILED if faults else OK


def run_evaluate(wishes: Wishes) -> int:
    """Measure, print and save; fails when a minimum is missed or a range lies outside its text."""
    minima = _minima(wishes.minima)
    damages = _damages(wishes.damage)
    for name, folder in (("--against", wishes.against), ("结果", wishes.results)):
        if folder is not None and not folder.is_dir():
            wrong_use(f"{name} 要写文件夹，没有“{folder}”")
    try:
        files = select_gold(wishes.gold, frozenset(filter(None, wishes.kinds.split(","))))
        if not files:
            say(f"“{wishes.gold}”里没有要评的标注文件（<id>.json）。")
            return FAILED
        readings = read_all(files, wishes.results, tagger_of(wishes.tagger))
        outcomes = _score(files, readings)
        before = _score(files, read_all(files, wishes.against)) if wishes.against else None
    except (OSError, ValueError, ParseError) as error:
        return _cannot(error)
    evaluation = Evaluation(
        outcomes,
        None if before is None else find_changes(outcomes, before),
        _corrupt(files, readings, wishes.corrupt) if wishes.corrupt else None,
        measure_damage(files, readings, damages) if damages else None,
    )
    if wishes.errors:
        for line in error_lines(outcomes):
            typer.echo(line)
    typer.echo(as_json(evaluation) if wishes.as_json else as_text(evaluation))
    saved = wishes.report is None or _save_report(wishes.report, as_markdown(evaluation))
    return OK if _is_good(outcomes, minima) and saved else FAILED


def _minima(words: Iterable[str]) -> list[tuple[ScoreLayer, float]]:
    try:
        return [parse_minimum(each) for each in words]
    except ValueError as error:
        wrong_use(f"--min：{error}")


def _damages(words: str) -> list[DamageKind]:
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    unknown = [word for word in wanted if word not in DAMAGES]
    if unknown:
        wrong_use(f"--damage 没有“{unknown[0]}”，可用：{','.join(DAMAGES)}")
    return [kind for kind in DAMAGES if kind in wanted]


def _score(files: Sequence[GoldFile], readings: Sequence[Reading]) -> list[Outcome]:
    return [
        score_reading(file.gold, reading) for file, reading in zip(files, readings, strict=True)
    ]


def _corrupt(
    files: Sequence[GoldFile], readings: Sequence[Reading], number: int
) -> list[FieldCount]:
    names = [file.gold.id for file in files]
    return count_accepted(list(zip(names, readings, strict=True)), number)


def _cannot(error: Exception) -> int:
    """Say in one line why the evaluation cannot go on."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        say(f"失败 不合格式（{error.title}）：{where} {first['msg']}")
    elif isinstance(error, OSError):
        say(f"失败 {error.filename}：{error.strerror}")
    else:
        say(f"失败 {error}")
    return FAILED


def _save_report(path: Path, text: str) -> bool:
    problem = write_file(path, text.encode())
    say(f"已写入 {path}" if problem is None else f"失败 {path} [write_failed] {problem}")
    return problem is None


def _is_good(outcomes: Sequence[Outcome], minima: Sequence[tuple[ScoreLayer, float]]) -> bool:
    low = missed_minima(total(outcomes), minima)
    bad = sum(outcome.bad_ranges for outcome in outcomes)
    if bad:
        low.append(f"越界区间 {bad} 个")
    for line in low:
        say(f"低于要求：{line}")
    return not low
