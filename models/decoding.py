"""From the labels of single tokens to mentions, and the windows in which long texts are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from models.adapting import label_of
from models.tagger import Label, Mention

_TAG = re.compile(r"([BIMELSUbimelsu])[-_](.+)")
_SENTENCE_END = re.compile(r"[。；！？]")
_BEGINS = frozenset("BSU")
_CLOSES = frozenset("ELSU")


@dataclass(frozen=True, slots=True)
class Token:
    """What a model labels: a half-open range of the text; `continues` if a word goes on in it."""

    start: int
    end: int
    continues: bool = False


@dataclass(frozen=True, slots=True)
class Tag:
    """A model's label for one token: the part of a name (B I M E L S U, or "") and whose."""

    part: str
    label: Label | None


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens `[start, end)` that are read together, of which `[keep_from, keep_to)` count."""

    start: int
    end: int
    keep_from: int
    keep_to: int


def read_tag(name: str) -> Tag:
    """Read a label of the schemes BIO, BIOES, BILOU or plain: B-PER, I_ORG, S-company, LOC, O."""
    match = _TAG.fullmatch(name)
    if match is None:
        return Tag("", label_of(name))
    return Tag(match.group(1).upper(), label_of(match.group(2)))


def windows(count: int, size: int) -> Iterator[Window]:
    """Cut `count` tokens into windows of at most `size` that overlap by a quarter.

    Each token counts in exactly one window: in the middle of an overlap the next one takes over, so
    that what counts has text on both sides.
    """
    overlap = size // 4
    for start in range(0, max(count - overlap, 1), size - overlap):
        end = min(start + size, count)
        keep_from = start + overlap // 2 if start else 0
        keep_to = end - (overlap - overlap // 2) if end < count else count
        yield Window(start, end, keep_from, keep_to)


@dataclass(slots=True)
class _Open:
    start: int
    end: int
    label: Label
    is_closed: bool = False
    scores: list[float] = field(default_factory=list)


def decode(
    text: str, tokens: Sequence[Token], tags: Sequence[Tag], scores: Sequence[float]
) -> list[Mention]:
    """Return the mentions that the tags of a text's tokens spell, with the mean of their scores.

    An I without a B begins a mention. A token that continues a word follows the word's first token,
    whatever its own tag. No mention reaches over a line end.
    """
    names: list[_Open] = []
    current: _Open | None = None
    for token, tag, score in zip(tokens, tags, scores, strict=True):
        if token.continues:
            if current is not None:
                current.end = max(current.end, token.end)
            continue
        if tag.label is None:
            current = None
            continue
        if current is None or not _joins(text, current, token, tag):
            current = _Open(token.start, token.end, tag.label)
            names.append(current)
        current.end = token.end
        current.is_closed = tag.part in _CLOSES
        current.scores.append(score)
    return [mention for name in names if (mention := _mention(text, name)) is not None]


def _joins(text: str, name: _Open, token: Token, tag: Tag) -> bool:
    return (
        not name.is_closed
        and tag.part not in _BEGINS
        and tag.label == name.label
        and "\n" not in text[name.end : token.start]
    )


def _mention(text: str, name: _Open) -> Mention | None:
    words = text[name.start : name.end]
    start = name.start + len(words) - len(words.lstrip())
    end = name.end - (len(words) - len(words.rstrip()))
    return Mention(start, end, name.label, fmean(name.scores)) if start < end else None


def sentence_windows(text: str, size: int) -> Iterator[Window]:
    """Cut a text into windows of at most `size` characters that end where a sentence does.

    A line that fits is one window; a longer one is cut behind 。；！？ as late as may be. Only a
    sentence longer than `size` is read in windows that overlap. Blank lines are left out.
    """
    start = 0
    for line in text.split("\n"):
        if line.strip():
            for at, end in _sentence_runs(line, size):
                for window in windows(end - at, size):
                    yield _moved(window, start + at)
        start += len(line) + 1


def _sentence_runs(line: str, size: int) -> Iterator[tuple[int, int]]:
    start = end = 0
    for mark in _SENTENCE_END.finditer(line):
        if mark.end() - start > size and end > start:
            yield start, end
            start = end
        end = mark.end()
    if len(line) - start > size and end > start:
        yield start, end
        start = end
    if start < len(line):
        yield start, len(line)


def _moved(window: Window, by: int) -> Window:
    return Window(window.start + by, window.end + by, window.keep_from + by, window.keep_to + by)
