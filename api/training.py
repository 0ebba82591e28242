"""What `hecha train` does: examples from the generator or a file, then one of the two recipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import typer

from api.console import FAILED, OK, say, wrong_use
from models import TaggerError
from models.adapting import import_package
from models.manifest import Manifest
from models.training_examples import Example, read_example, read_examples

KINDS: Final = ("spacy", "transformer")

REMEDY: Final = "请执行：pip install 'hecha[train]'"

_GENERATOR: Final = "corpus.synthetic"
_NOISE: Final = 0.3
"""The share of the invented documents that are damaged."""


@dataclass(frozen=True, slots=True)
class TrainingWishes:
    """What the command line asked for."""

    kind: str
    folder: Path | None = None
    examples: Path | None = None
    extra: Path | None = None
    base: Path | None = None
    layers: int | None = None
    passes: int | None = None
    minutes: float = 85.0
    documents: int = 10_000
    seed: int = 20


def run_train(wishes: TrainingWishes) -> int:
    """Train a tagger and write its weights; print what it reached."""
    if wishes.kind not in KINDS:
        wrong_use(f"只能训练 spacy 或 transformer，写的是“{wishes.kind}”")
    if wishes.kind == "spacy" and (wishes.base or wishes.layers):
        wrong_use("--base 和 --layers 只用于 transformer")
    folder = wishes.folder or Path("out") / wishes.kind
    try:
        manifest = _train(wishes, _examples(wishes), folder)
    except TaggerError as error:
        say(f"失败 [{error.code}] {error.message}")
        return FAILED
    except OSError as error:
        say(f"失败 {error.filename}：{error.strerror}")
        return FAILED
    typer.echo("\n".join(_lines(manifest)))
    return OK


def _train(wishes: TrainingWishes, examples: list[Example], folder: Path) -> Manifest:
    if wishes.kind == "spacy":
        from_spacy = import_package("models.spacy_training", "spaCy", REMEDY)
        settings: dict[str, Any] = {"training.seed": wishes.seed}
        if wishes.passes:
            settings["training.max_epochs"] = wishes.passes
        trained: Manifest = from_spacy.train_spacy(examples, folder, say, settings)
        return trained
    recipe = import_package("models.transformer_training", "NumPy", REMEDY)
    plan = recipe.TrainingPlan(
        layers=wishes.layers,
        passes=wishes.passes or recipe.TrainingPlan().passes,
        minutes=wishes.minutes,
        seed=wishes.seed,
    )
    trained = recipe.train_transformer(examples, folder, plan, wishes.base, say)
    return trained


def _examples(wishes: TrainingWishes) -> list[Example]:
    """Read the examples that were given, or let the generator write them; add the extra ones."""
    extra = read_examples(wishes.extra) if wishes.extra is not None else []
    return [*_made_examples(wishes), *extra]


def _made_examples(wishes: TrainingWishes) -> list[Example]:
    if wishes.examples is not None:
        return read_examples(wishes.examples)
    say(f"生成训练文书：{wishes.documents}份")
    generator = import_module(_GENERATOR)
    made = [
        read_example(row, document.gold.id)
        for document in generator.synthesize_many(wishes.documents, wishes.seed, _NOISE)
        for row in document.examples
    ]
    loose = generator.loose_many(wishes.documents, wishes.seed)
    return [*made, *(read_example(row, "loose") for row in loose)]


def _lines(manifest: Manifest) -> list[str]:
    """Return the figures as lines: split, label, precision, recall, F1."""
    lines = [f"{manifest.kind}:{manifest.name}@{manifest.version}"]
    for split in ("dev", "test"):
        for label, row in manifest.figures.get(split, {}).items():
            lines.append(f"{split}\t{label}\t{_row(row)}")
    return lines


def _row(row: Mapping[str, float]) -> str:
    return "\t".join(f"{name}={value:g}" for name, value in row.items())
