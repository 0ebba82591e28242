"""A saved spaCy pipeline as a `Tagger`: loaded from a folder on first use, never from a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from models.adapting import UNMEASURED, chunks, import_package, label_of
from models.manifest import MANIFEST, read_manifest, verify_folder
from models.tagger import Mention, TaggerError

# A pipeline holds all that it reads at once, 15 kB a character: more would take gigabytes.
_CHUNK = 1_000
_BATCH = 2


class SpacyTagger:
    """The entities of any spaCy pipeline that was saved with `nlp.to_disk(folder)`.

    A folder with a manifest, as `hecha train spacy` writes it, is first checked by its SHA-256.
    Labels of common schemes (PER, GPE, LOC, …) become those of `Label`; others are left out. The
    score is the precision that training measured for the label (`meta.json`), else `UNMEASURED`.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is read before the first text."""
        self._folder = folder

    @property
    def name(self) -> str:
        """Name and version, such as "spacy:report_ner@1.2.0": of the manifest, else `meta.json`."""
        if (self._folder / MANIFEST).is_file():
            manifest = read_manifest(self._folder)
            return f"spacy:{manifest.name}@{manifest.version}"
        meta = self._pipeline.meta
        return f"spacy:{meta['name']}@{meta['version']}"

    @cached_property
    def _pipeline(self) -> Any:
        spacy = import_package("spacy", "spaCy")
        if (self._folder / MANIFEST).is_file():
            verify_folder(self._folder, read_manifest(self._folder))
        try:
            return spacy.load(self._folder)
        except (OSError, ValueError, KeyError, ImportError) as exc:
            raise TaggerError(
                f"无法载入识别模型 {self._folder}：{exc}。"
                "请确认文件夹完整，并且是用相同主版本的 spaCy 保存的。"
            ) from exc

    @cached_property
    def _precision(self) -> Mapping[str, float]:
        performance = self._pipeline.meta.get("performance") or {}
        by_label = performance.get("ents_per_type") or {}
        return {label: float(row["p"]) for label, row in by_label.items() if row.get("p")}

    def tag(self, text: str) -> Sequence[Mention]:
        """Return the entities of `text` whose label has a place in `Label`, in order.

        Raises:
            TaggerError: spaCy is not installed, or the folder holds no loadable pipeline.
        """
        parts = ((text[start:end], start) for start, end in chunks(text, _CHUNK))
        return [
            mention
            for document, start in self._pipeline.pipe(parts, as_tuples=True, batch_size=_BATCH)
            for mention in self._mentions(document, start)
        ]

    def _mentions(self, document: Any, start: int) -> Iterator[Mention]:
        for entity in document.ents:
            label = label_of(entity.label_)
            if label is not None:
                score = self._precision.get(entity.label_, UNMEASURED)
                yield Mention(start + entity.start_char, start + entity.end_char, label, score)
