"""A small transformer over characters as a `Tagger`, on ONNX Runtime: no PyTorch is needed.

Its folder holds `model.onnx` (int8), `characters.txt` and `manifest.json`, as
`hecha train transformer` writes them. One pass gives both names and what each sentence is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal, cast

import numpy as np

from models.adapting import import_package
from models.bio import OUTSIDE, Numbers, Scores, best_tags, tag_names
from models.characters import END, PAD, START, CharacterVocabulary
from models.decoding import Tag, Token, Window, decode, read_tag, sentence_windows
from models.digests import read_verified
from models.manifest import Manifest, read_manifest
from models.tagger import Mention, Role, RoleSpan, TaggerError

MODEL, CHARACTERS = "model.onnx", "characters.txt"

_BATCH: Final = 512  # characters read together: more no longer fit the caches of a core
_FRAME: Final = 2  # START and END
_SURE: Final = 0.9
"""Persons of a lower score are left out: on the invented sentences most of them were no names."""
_REMEDY: Final = "请执行：pip install 'hecha[models]'"


@dataclass(frozen=True, slots=True)
class TextReading:
    """All that one pass over a text gives."""

    mentions: tuple[Mention, ...]
    roles: tuple[RoleSpan, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """A window with the tag and probability of each character that counts, and of each role."""

    window: Window
    tags: Numbers
    scores: Scores
    roles: Scores


class CharacterTagger:
    """Persons, organisations, organs, titles, sanction cues, amounts, and roles of sentences.

    Long lines are cut between sentences, so that work grows with the text and no name is cut. The
    score of a mention is the mean probability of its characters. One thread is used.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is read before the first text."""
        self._folder = folder
        self._last: tuple[str, TextReading] | None = None

    @property
    def reads_lines_alone(self) -> Literal[True]:
        """True: no line changes what is read in another."""
        return True

    @cached_property
    def name(self) -> str:
        """The name of the weights and the start of their digest: "transformer:e5-6@1f0c2a9b".

        Raises:
            TaggerError: the folder has no manifest.
        """
        return f"transformer:{self._manifest.name}@{self._manifest.version}"

    def tag(self, text: str) -> Sequence[Mention]:
        """Return the mentions of `text`, in order.

        Raises:
            TaggerError: ONNX Runtime is not installed, or the weights are not those measured.
        """
        return self.read(text).mentions

    def roles(self, text: str) -> Sequence[RoleSpan]:
        """Return the roles of the sentences of `text`, in order; blank lines have none.

        Raises:
            TaggerError: as `tag`.
        """
        return self.read(text).roles

    def read(self, text: str) -> TextReading:
        """Return the mentions and the roles of `text`; the last text is read only once.

        Raises:
            TaggerError: as `tag`.
        """
        last = self._last
        if last is not None and last[0] == text:
            return last[1]
        reads = self._model.read(text)
        mentions: list[Mention] = []
        for line in _lines(reads):
            mentions.extend(self._mentions(text, line))
        roles = tuple(self._role(read) for read in reads)
        reading = TextReading(tuple(mentions), roles)
        self._last = (text, reading)
        return reading

    @cached_property
    def _manifest(self) -> Manifest:
        return read_manifest(self._folder)

    @cached_property
    def _tags(self) -> tuple[Tag, ...]:
        return tuple(read_tag(name) for name in tag_names(self._manifest.labels))

    @cached_property
    def _model(self) -> _Model:
        return _Model(self._folder, self._manifest)

    def _mentions(self, text: str, line: Sequence[_Read]) -> Iterator[Mention]:
        """Yield the mentions of windows that follow one another without a gap."""
        tags = [self._tags[number] for read in line for number in read.tags]
        scores = [float(score) for read in line for score in read.scores]
        first = line[0].window.keep_from
        tokens = [Token(at, at + 1) for at in range(first, first + len(tags))]
        for mention in decode(text, tokens, tags, scores):
            if mention.label != "PERSON" or mention.score >= _SURE:
                yield mention

    def _role(self, read: _Read) -> RoleSpan:
        best = int(read.roles.argmax())
        role = cast(Role, self._manifest.roles[best])
        return RoleSpan(read.window.keep_from, read.window.keep_to, role, float(read.roles[best]))


def _lines(reads: Sequence[_Read]) -> Iterator[list[_Read]]:
    """Group windows that follow one another without a gap."""
    gaps = 0
    keyed: list[tuple[int, _Read]] = []
    for at, read in enumerate(reads):
        if at and read.window.keep_from != reads[at - 1].window.keep_to:
            gaps += 1
        keyed.append((gaps, read))
    for _, group in groupby(keyed, key=lambda pair: pair[0]):
        yield [read for _, read in group]


class _Model:
    """The loaded weights."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        runtime = import_package("onnxruntime", "ONNX Runtime", _REMEDY)
        try:
            digests = manifest.files[MODEL], manifest.files[CHARACTERS]
        except KeyError as exc:
            raise TaggerError(f"{folder} 的说明里没有 {exc}。请重新训练。") from exc
        weights = read_verified(folder / MODEL, digests[0])
        characters = read_verified(folder / CHARACTERS, digests[1]).decode("utf-8")
        self._vocabulary = CharacterVocabulary(characters)
        self._window = manifest.window
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session: Any = runtime.InferenceSession(
                weights, options, providers=["CPUExecutionProvider"]
            )
        except Exception as exc:  # ONNX Runtime raises classes of its own, without a common base
            raise TaggerError(f"ONNX Runtime 读不了 {folder / MODEL}：{exc}。{_REMEDY}") from exc

    def read(self, text: str) -> list[_Read]:
        """Return what the model reads in each window of a text, in order."""
        found = list(sentence_windows(text, self._window))
        by_length = sorted(range(len(found)), key=lambda at: found[at].end - found[at].start)
        reads: dict[int, _Read] = {}
        for batch in _batches(by_length, found):
            for at, read in zip(
                batch, self._classify(text, [found[n] for n in batch]), strict=True
            ):
                reads[at] = read
        return [reads[at] for at in range(len(found))]

    def _classify(self, text: str, found: Sequence[Window]) -> Iterator[_Read]:
        lengths = [window.end - window.start for window in found]
        ids = np.full((len(found), max(lengths) + _FRAME), PAD, dtype=np.int64)
        for row, window in zip(ids, found, strict=True):
            numbers = self._vocabulary.encode(text[window.start : window.end])
            row[: len(numbers) + _FRAME] = [START, *numbers, END]
        tokens, roles = self._session.run(("tags", "roles"), {"ids": ids})
        logits = tokens[:, 1:-1]
        tags = best_tags(logits, lengths)
        chances = np.take_along_axis(_softmax(logits), tags[:, :, None], 2)[:, :, 0]
        for at, window in enumerate(found):
            kept = slice(window.keep_from - window.start, window.keep_to - window.start)
            yield _Read(window, tags[at, kept], chances[at, kept], _softmax(roles[at]))


def _batches(order: Sequence[int], found: Sequence[Window]) -> Iterator[list[int]]:
    """Group windows in order of their lengths, so that little is filled up."""
    batch: list[int] = []
    for at in order:
        size = found[at].end - found[at].start + _FRAME
        if batch and size * (len(batch) + 1) > _BATCH:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch


def _softmax(logits: Scores) -> Scores:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return cast(Scores, powers / powers.sum(-1, keepdims=True))


__all__ = ["CHARACTERS", "MODEL", "OUTSIDE", "CharacterTagger", "TextReading"]
