"""What each tagger is worth: the scores of the reader with it and without it, and its cost.

    python -m corpus.ablation 标注文件夹 --taggers none,lac,lac+spacy --write models/README.md

prints the tables as Markdown; `--write` puts them between the marks of that file. The sets are the
gold folder, the same texts damaged, and synthetic documents of the template families that no
training sees: sound, noisy, without headings of chapters.
Intervals are of 95 %, by drawing whole documents again (bootstrap).
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

from corpus.damage import DamageKind, damage
from corpus.damage_report import AIMED
from corpus.evaluate import Outcome, Reading, score_reading, select_gold, total
from corpus.gold import Gold
from corpus.peak import peak_memory
from corpus.scoring import LAYERS, ScoreLayer
from corpus.synthetic import synthesize_many
from extractor import extract, parse
from extractor.document import Document
from models import Tagger, ready_tagger
from models.lac_network import weights_folder
from models.loading import SHIPPED
from models.manifest import shipped_weights

SEED: Final = 77
DRAWS: Final = 1000
MARKS: Final = ("<!-- 比较开始 -->", "<!-- 比较结束 -->")
"""Between which a file holds the tables."""


@dataclass(frozen=True, slots=True)
class Case:
    """A text with its truth."""

    text: str
    gold: Gold

    def document(self) -> Document:
        """Return the text as the reader takes it."""
        return parse(self.text.encode(), f"{self.gold.id}.txt")


@dataclass(frozen=True, slots=True)
class Interval:
    """F1 of a layer with the limits between which 95 % of the draws lie."""

    f1: float
    low: float
    high: float

    def __str__(self) -> str:
        """Write it as 0.912 [0.88, 0.94]."""
        return f"{self.f1:.3f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a tagger costs.

    Characters a second with the rules, seconds to load, MiB at most, MB of weights on the disk.
    """

    rate: float
    load: float
    memory: float
    size: float


def gold_cases(folder: Path) -> list[Case]:
    """Return the documents of a gold folder."""
    return [
        Case(parse(file.document.read_bytes(), file.document.name).text, file.gold)
        for file in select_gold(folder)
    ]


def damaged_cases(cases: Sequence[Case], kinds: Sequence[DamageKind]) -> list[Case]:
    """Return each document once in each of these damages."""
    changed = (damage(case.text, case.gold, [kind]) for kind in kinds for case in cases)
    return [Case(each.text, each.gold) for each in changed]


def synthetic_cases(documents: int, noise: float) -> list[Case]:
    """Return synthetic documents of the families of the test split."""
    return [Case(each.text, each.gold) for each in synthesize_many(documents, SEED, noise, "test")]


def read_cases(cases: Sequence[Case], tagger: Tagger | None) -> list[Outcome]:
    """Read each document with a tagger, or with rules alone, and score it."""
    outcomes = []
    for case in cases:
        document = case.document()
        reading = Reading(document, extract(document, tagger))
        outcomes.append(score_reading(case.gold, reading))
    return outcomes


def intervals(outcomes: Sequence[Outcome], draws: int = DRAWS) -> dict[ScoreLayer, Interval]:
    """Return F1 by layer with its interval; layers without a record are left out."""
    whole = total(outcomes).tallies
    chance = random.Random(SEED)  # noqa: S311 - the draws must be the same every time
    drawn: dict[ScoreLayer, list[float]] = {layer: [] for layer in LAYERS}
    for _ in range(draws):
        sample = chance.choices(outcomes, k=len(outcomes))
        for layer in LAYERS:
            tallies = [outcome.score.tallies[layer] for outcome in sample]
            drawn[layer].append(sum(tallies[1:], tallies[0]).f1)
    edge = draws // 40
    found = {}
    for layer in LAYERS:
        if whole[layer].right or whole[layer].wrong or whole[layer].missed:
            values = sorted(drawn[layer])
            found[layer] = Interval(whole[layer].f1, values[edge], values[-1 - edge])
    return found


def cost_here(name: str, folder: Path) -> Cost:
    """Measure a tagger in this process, which must be a fresh one."""
    started = perf_counter()
    tagger = None if name == "none" else ready_tagger(name)
    load = perf_counter() - started
    documents = [case.document() for case in gold_cases(folder)]
    began = process_time()
    for document in documents:
        extract(document, tagger)
    rate = sum(len(document.text) for document in documents) / (process_time() - began)
    return Cost(rate, load, peak_memory(), sum(map(_size_of, name.split("+"))))


def _size_of(name: str) -> float:
    """Return the megabytes of the weights of a tagger, without what libraries hold."""
    if name in SHIPPED:
        folder = shipped_weights(name)
    elif name == "none":
        return 0.0
    elif name == "lac":
        folder = weights_folder()
    else:
        folder = Path(name)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def cost_of(name: str, folder: Path) -> Cost:
    """Measure a tagger in a process of its own, on one thread."""
    script = (
        "import json, sys; from dataclasses import asdict; from pathlib import Path; "
        "from corpus.ablation import cost_here; "
        "print(json.dumps(asdict(cost_here(sys.argv[1], Path(sys.argv[2])))))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-c", script, name, str(folder.resolve())],
        capture_output=True,
        check=True,
        text=True,
    )
    return Cost(**json.loads(done.stdout))


def score_table(found: Mapping[str, Mapping[ScoreLayer, Interval]]) -> Iterator[str]:
    """Yield the lines of a Markdown table: a row a tagger, a column a layer."""
    layers = [layer for layer in LAYERS if any(layer in row for row in found.values())]
    yield f"| 识别模型 | {' | '.join(layers)} |"
    yield "|---" * (len(layers) + 1) + "|"
    for name, row in found.items():
        cells = (str(row[layer]) if layer in row else "-" for layer in layers)
        yield f"| {name} | {' | '.join(cells)} |"


def cost_table(costs: Mapping[str, Cost]) -> Iterator[str]:
    """Yield the lines of a Markdown table of costs."""
    yield "| 识别模型 | 字/秒（一核，连同规则） | 载入（秒） | 内存峰值（MiB） | 权重（MB） |"
    yield "|---|---|---|---|---|"
    for name, cost in costs.items():
        figures = f"{cost.rate:,.0f} | {cost.load:.2f} | {cost.memory:.0f} | {cost.size:.1f}"
        yield f"| {name} | {figures} |"


def between_marks(text: str, tables: str) -> str:
    """Return a text with the tables put between its two marks.

    Raises:
        ValueError: the marks are not there, each once.
    """
    head, first, rest = text.partition(MARKS[0])
    _, second, tail = rest.partition(MARKS[1])
    if not first or not second or MARKS[0] in rest:
        raise ValueError(f"文件里要有 {MARKS[0]} 和 {MARKS[1]}，各一处")
    return f"{head}{first}\n\n{tables}\n{second}{tail}"


def measure(names: Sequence[str], folder: Path, documents: int) -> Iterator[str]:
    """Yield the tables one after the other, each with its title."""
    gold = gold_cases(folder)
    synthetic = synthetic_cases(documents, 0.0)
    sets = {
        f"标注文书（{len(gold)} 份）": gold,
        "标注文书，弄坏（a 至 e）": damaged_cases(gold, AIMED),
        "标注文书，丢章节标题（h）": damaged_cases(gold, ("h",)),
        f"合成文书（{documents} 份）": synthetic,
        f"合成文书，都有破损（{documents} 份）": synthetic_cases(documents, 1.0),
        f"合成文书，丢章节标题（{documents} 份）": damaged_cases(synthetic, ("h",)),
    }
    taggers = {name: None if name == "none" else ready_tagger(name) for name in names}
    for title, cases in sets.items():
        rows = {name: intervals(read_cases(cases, taggers[name])) for name in names}
        yield "\n".join([f"{title}：\n", *score_table(rows), ""])
    costs = {name: cost_of(name, folder) for name in names}
    yield "\n".join(["开销：\n", *cost_table(costs), ""])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print, and write if asked to."""
    parser = argparse.ArgumentParser(description="各识别模型的得分和开销，写成 Markdown 表格")
    parser.add_argument("gold", type=Path, help="标注文件夹")
    parser.add_argument("--taggers", default="none,lac", help="用逗号隔开，默认 none,lac")
    parser.add_argument("--documents", type=int, default=200, help="合成文书的份数，默认 200")
    parser.add_argument("--write", type=Path, help="把表格写进这个文件的标记之间")
    wishes = parser.parse_args(arguments)
    tables = []
    for table in measure(wishes.taggers.split(","), wishes.gold, wishes.documents):
        tables.append(table)
        sys.stdout.write(f"{table}\n")
        sys.stdout.flush()
    if wishes.write is not None:
        text = wishes.write.read_text(encoding="utf-8")
        wishes.write.write_text(between_marks(text, "\n".join(tables)), encoding="utf-8")


if __name__ == "__main__":
    main()
