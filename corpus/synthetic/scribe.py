"""Writes a text from pieces and keeps where each piece stands: spans, sentences, records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from corpus.gold import GoldPenalty, Layer
from corpus.synthetic.grammar import Role, word_lists
from extractor.extraction import Modality

Range = tuple[int, int]
_BEFORE = re.compile(r"(?:[对将与向由已并、，；和及：。（）的其]|该公司|上述人员|以上人员)+")
_AFTER = "的对将与向由、，；和及：。（"
_SHORT_CUES = ("处", "罚")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled range, half-open, in code points."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A range with its role in the document and the family of its template."""

    start: int
    end: int
    role: Role
    family: str


@dataclass(frozen=True, slots=True)
class Record:
    """A measure, problem or suggestion by its range."""

    layer: Layer
    start: int
    end: int
    actors: tuple[str, ...] = ()
    modality: Modality = "required"
    deadline: str | None = None


@dataclass(slots=True)
class Scribe:
    """The text so far with all that is known of it."""

    spans: list[Span] = field(default_factory=list)
    cues: list[Range] = field(default_factory=list)
    sentences: list[Sentence] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    penalties: list[GoldPenalty] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    length: int = 0
    _parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text so far."""
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    def write(self, text: str, label: str | None = None) -> None:
        """Add words, as a mention where `label` is given."""
        if label is not None and text:
            self.spans.append(Span(self.length, self.length + len(text), label))
        self._parts.append(text)
        self.length += len(text)

    def line(self) -> None:
        """End the line, unless the text stands at the start of one."""
        if self.length and not self.text.endswith("\n"):
            self.write("\n")

    @contextmanager
    def sentence(self, role: Role, family: str) -> Iterator[None]:
        """What is written inside is one sentence of this role and family."""
        start = self.length
        yield
        if self.length > start:
            self.sentences.append(Sentence(start, self.length, role, family))

    @contextmanager
    def record(
        self, layer: Layer, modality: Modality, actors: list[str], deadline: list[str]
    ) -> Iterator[None]:
        """What is written inside is one record; the lists are read when it is complete."""
        start = self.length
        yield
        self.records.append(
            Record(
                layer,
                start,
                self.length,
                tuple(dict.fromkeys(actors)),
                modality,
                deadline[0] if deadline else None,
            )
        )

    def labelled(self) -> list[Span]:
        """Return all spans in order, without overlap: mentions, cues around them, roles."""
        text = self.text
        spans = sorted(self.spans, key=lambda span: span.start)
        for start, end in sorted(set(self.cues)):
            inside = [s for s in spans if start < s.end and s.start < end and s.label != "CUE"]
            spans += _around(text, start, end, inside)
        spans.sort(key=lambda span: span.start)
        spans = _without_overlap(spans)
        return sorted([*spans, *_roles(text, spans)], key=lambda span: span.start)


def _around(text: str, start: int, end: int, inside: list[Span]) -> Iterator[Span]:
    """Yield what a cue has between the mentions inside it, without particles at its borders."""
    at = start
    for span in [*inside, Span(end, end, "")]:
        low, high = at, max(at, min(span.start, end))
        particles = _BEFORE.match(text, low, high)
        low = particles.end() if particles else low
        while low < high and text[high - 1] in _AFTER:
            high -= 1
        words = text[low:high]
        if len(_HAN.findall(words)) > 1 or words in _SHORT_CUES:
            yield Span(low, high, "CUE")
        at = max(at, span.end)


def _without_overlap(spans: list[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in spans:
        if not kept or kept[-1].end <= span.start:
            kept.append(span)
    return kept


def _roles(text: str, spans: list[Span]) -> Iterator[Span]:
    """Yield the role words that stand outside every mention."""
    pattern = re.compile("|".join(sorted(word_lists()["role_words"], key=len, reverse=True)))
    at, bounds = 0, [*((s.start, s.end) for s in spans), (len(text), len(text))]
    for start, end in bounds:
        for match in pattern.finditer(text, at, start):
            yield Span(match.start(), match.end(), "ROLE")
        at = end
