"""A saved spaCy pipeline as a `Tagger`: loaded from a folder on first use, never from a network."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from models.tagger import LABELS, Label, Mention, TaggerError

CHUNK = 5_000
"""Characters given to the pipeline at a time; cut at a line end where there is one."""

UNMEASURED = 0.5
"""Score of what a pipeline finds that carries no measured precision: it is as good as a coin."""

_LABELS: Mapping[str, Label] = {
    "PER": "PERSON",
    "ORGANIZATION": "ORG",
    "COMPANY": "ORG",
    "NORP": "ORG",
    "POSITION": "TITLE",
    "GPE": "PLACE",
    "LOC": "PLACE",
    "FAC": "PLACE",
    "LOCATION": "PLACE",
}


class SpacyTagger:
    """The entities of any spaCy pipeline that was saved with `nlp.to_disk(folder)`.

    Labels of common schemes (PER, GPE, LOC, …) become those of `Label`; others are left out. The
    score is the precision that training measured for the label (`meta.json`), else `UNMEASURED`.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is read before the first text."""
        self._folder = folder

    @property
    def name(self) -> str:
        """Name and version from the pipeline's `meta.json`, such as "spacy:report_ner@1.2.0"."""
        meta = self._pipeline.meta
        return f"spacy:{meta['name']}@{meta['version']}"

    @cached_property
    def _pipeline(self) -> Any:
        spacy = _import_spacy()
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
        chunks = ((text[start:end], start) for start, end in _chunks(text))
        return [
            mention
            for document, start in self._pipeline.pipe(chunks, as_tuples=True)
            for mention in self._mentions(document, start)
        ]

    def _mentions(self, document: Any, start: int) -> Iterator[Mention]:
        for entity in document.ents:
            label = _label(entity.label_)
            if label is not None:
                score = self._precision.get(entity.label_, UNMEASURED)
                yield Mention(start + entity.start_char, start + entity.end_char, label, score)


def _label(name: str) -> Label | None:
    upper = name.upper()
    return cast(Label, upper) if upper in LABELS else _LABELS.get(upper)


def _chunks(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(text):
        end = min(start + CHUNK, len(text))
        if end < len(text):
            end = text.rfind("\n", start, end) + 1 or end
        yield start, end
        start = end


def _import_spacy() -> ModuleType:
    try:
        return importlib.import_module("spacy")
    except ImportError as exc:
        raise TaggerError(
            "读取这个识别模型需要 spaCy，但没有安装。请执行：pip install 'hecha[models]'",
            "tool_missing",
        ) from exc
