"""The recipe of the spaCy tagger: examples become spaCy's own files, `spacy.cfg` says the rest."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

from models.adapting import import_package
from models.manifest import Manifest, check_folder, digests_of, prepare_folder, write_manifest
from models.measuring_taggers import measure_tagger
from models.spacy_tagger import SpacyTagger
from models.tagger import TaggerError
from models.training_examples import UNKNOWN, Example, relabelled

NAMES: Final = {
    "PERSON": "PERSON",
    "ORG": "ORG",
    "ORGAN": "ORG",
    "TITLE": "TITLE",
    "ROLE": "ROLE",
}
"""What each label of the examples is called here; others are not learned."""

LABELS: Final = ("PERSON", "ORG", "TITLE", "ROLE")

_CONFIG: Final = "spacy.cfg"
_SAVED: Final = "config.cfg"  # what spaCy calls it in the folder of a pipeline
_LEARNED: Final = 60_000  # all of them are held in memory, 15 kB each
_REPEATS: Final = 3
"""Examples without a role are real text, labelled by machines: few, so each is learned so often."""
_MEASURED: Final = 2000  # examples of the splits "dev", which chooses the best step, and "test"

Say = Callable[[str], None]


def to_documents(nlp: Any, examples: Sequence[Example]) -> tuple[Any, int]:
    """Return the examples as a DocBin of spaCy, and how many spans do not end between tokens."""
    tokens = import_package("spacy.tokens", "spaCy")
    documents = tokens.DocBin(attrs=["ENT_IOB", "ENT_TYPE"])
    lost = 0
    for example in examples:
        document = nlp.make_doc(example.text)
        entities: list[Any] = []
        missing: list[Any] = []
        for span in relabelled(example, NAMES | {UNKNOWN: UNKNOWN}):
            entity = document.char_span(span.start, span.end, label=span.label)
            lost += entity is None
            if entity is not None:
                (missing if span.label == UNKNOWN else entities).append(entity)
        document.set_ents(entities, missing=missing)
        documents.add(document)
    return documents, lost


def _different(examples: Sequence[Example], split: str) -> list[Example]:
    """Keep one of each text of a split, and of those a sample that is evenly spread."""
    every = {each.text: each for each in examples if each.split == split}.values()
    real = [each for each in every if each.role is None]
    held = [each for each in every if each.role is not None]
    wanted = _LEARNED if split == "train" else _MEASURED
    return [*held[:: max(len(held) // wanted, 1)], *real * _REPEATS]


def _forget_paths(folder: Path) -> None:
    """Take the places of the training files out of the configuration: they are gone by now."""
    util = import_package("spacy.util", "spaCy")
    config = util.load_config(folder / _SAVED, interpolate=False)
    config["paths"] |= dict.fromkeys(("train", "dev"))
    config.to_disk(folder / _SAVED)


def train_spacy(
    examples: Sequence[Example], folder: Path, say: Say, settings: Mapping[str, Any] | None = None
) -> Manifest:
    """Train on the split "train", choose by "dev", measure on "test" too, and write `folder`.

    `settings` override the recipe, such as {"training.max_steps": 200}.

    Raises:
        TaggerError: spaCy is not installed, or there is nothing to learn or to choose by.
    """
    check_folder(folder)
    spacy = import_package("spacy", "spaCy")
    trainer = import_package("spacy.cli.train", "spaCy")
    parts = {split: _different(examples, split) for split in ("train", "dev", "test")}
    for split in ("train", "dev"):
        if not parts[split]:
            raise TaggerError(
                f"没有可学的例句：split 为 {split} 的一条也没有。", "examples_invalid"
            )
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": {"segmenter": "char"}}})
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as place, as_file(files(__package__) / _CONFIG) as config:
        work = Path(place)
        for split, held in (("train", parts["train"]), ("dev", parts["dev"])):
            documents, lost = to_documents(nlp, held)
            documents.to_disk(work / f"{split}.spacy")
            say(f"{split}：{len(held)}条例句，{lost}处的边界不在字与字之间，没有用")
        paths = {f"paths.{split}": str(work / f"{split}.spacy") for split in ("train", "dev")}
        with redirect_stdout(sys.stderr):  # its table is no result
            trainer.train(config, work / "out", overrides={**paths, **(settings or {})})
        prepare_folder(folder)
        shutil.copytree(work / "out" / "model-best", folder, dirs_exist_ok=True)
    _forget_paths(folder)
    recipe = {
        "config": _CONFIG,
        "examples": len(parts["train"]),
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "settings": dict(settings or {}),
        "versions": {"spacy": spacy.__version__},
    }
    figures = {
        split: measure_tagger(SpacyTagger(folder), parts[split], LABELS, NAMES)
        for split in ("dev", "test")
        if parts[split]
    }
    manifest = Manifest(
        "spacy", "characters", digests_of(folder), LABELS, figures=figures, recipe=recipe
    )
    write_manifest(folder, manifest)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    say(f"已写入 {folder}：{size / 1e6:.1f} MB")
    return manifest
