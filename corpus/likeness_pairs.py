"""Constructed pairs: a measure and the sentence of an evaluation report that says it was done.

Made of the rows of `pairs/themes.tsv` (what is required and what is reported, each in two wordings,
and what is reported when nothing was done) and `pairs/units.tsv` (who is to act, by full and short
name). All are invented. What is reported of every third theme repeats the requirement. A case holds
several units and themes; each of its measures is to find its sentence among all sentences of the
case: the same theme of other units, other themes of the same unit, the same unit and theme not
done, and sentences of no measure. Themes and units of the half "fit" are none of the half "test".
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Half = Literal["fit", "test"]

_GROUP = 3
"""Units of one kind that a case holds."""

_DUTY = re.compile(r"\{U\}(?:要|应当|须)")

_BACKGROUND = (
    "评估组于12月11日至15日采取听取汇报、查阅资料、现场核查等方式开展了评估工作。",
    "事故调查报告由市人民政府批复同意，并向社会公布。",
    "经评估，有关责任人员的处理意见均已落实到位。",
    "评估组由市应急管理局、公安局、总工会等部门人员组成，邀请检察机关参加。",
    "事故发生后，各级各部门高度重视，迅速行动。",
    "下一步，将持续巩固整改成果，坚决防范同类事故发生。",
    "上述情况均有会议纪要、照片、台账等佐证材料。",
    "本次评估遵循实事求是、客观公正、科学严谨的原则。",
    "少数单位对安全生产工作的长期性、艰巨性认识不足。",
    "总体来看，整改措施落实情况较好，达到了预期效果。",
)


@dataclass(frozen=True, slots=True)
class Theme:
    """One thing to be done, with the wordings of the requirement and of what is reported."""

    name: str
    bearer: str
    required: tuple[str, str]
    done: tuple[str, str]
    undone: str


@dataclass(frozen=True, slots=True)
class Unit:
    """Who is to act."""

    bearer: str
    full: str
    short: str


@dataclass(frozen=True, slots=True)
class Question:
    """A measure and the place of its sentence among those of the case."""

    measure: str
    answer: int


@dataclass(frozen=True, slots=True)
class PairCase:
    """The measures and the reported sentences of one case."""

    questions: tuple[Question, ...]
    sentences: tuple[str, ...]


def cases(half: Half) -> list[PairCase]:
    """Return the cases of one half: two groups of themes by two groups of units."""
    at = ("fit", "test").index(half)
    found = []
    for group in range(2):
        for first in range(2):
            claims = [
                (theme, unit)
                for bearer in ("company", "office")
                for theme in [t for t in _themes() if t.bearer == bearer][at::2][group::2]
                for unit in [u for u in units() if u.bearer == bearer][at::2][first::2][:_GROUP]
            ]
            found.append(_case(claims))
    return found


def _case(claims: Sequence[tuple[Theme, Unit]]) -> PairCase:
    questions: list[Question] = []
    sentences: list[str] = []
    for number, (theme, unit) in enumerate(claims):
        measure = theme.required[(number + number // _GROUP) % 2].replace("{U}", unit.full)
        questions.append(Question(measure, len(sentences)))
        sentences.append(_reported(theme, number).replace("{u}", unit.short))
        sentences.append(theme.undone.replace("{u}", unit.short))
    return PairCase(tuple(questions), (*sentences, *_BACKGROUND))


def _reported(theme: Theme, number: int) -> str:
    """Return what is reported: of every third theme in the words of the requirement."""
    if number // _GROUP % 3 < len(theme.done):
        return theme.done[number % len(theme.done)]
    return _DUTY.sub("{u}已按要求", theme.required[0])


@cache
def _themes() -> tuple[Theme, ...]:
    return tuple(
        Theme(
            row["theme"],
            row["bearer"],
            (row["required_1"], row["required_2"]),
            (row["done_1"], row["done_2"]),
            row["undone"],
        )
        for row in pair_rows("themes.tsv")
    )


@cache
def units() -> tuple[Unit, ...]:
    """Return the units of all cases, in the order of the file."""
    return tuple(Unit(row["bearer"], row["full"], row["short"]) for row in pair_rows("units.tsv"))


def pair_rows(name: str) -> Iterator[dict[str, str]]:
    """Return the rows of a table of `pairs`, each as its columns by name."""
    text = files(__package__).joinpath("pairs", name).read_text(encoding="utf-8")
    return iter(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
