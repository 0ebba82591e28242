"""Spans as one tag a character (BIO), and the likeliest sequence of tags that spells spans."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.training_examples import LabelledSpan

OUTSIDE = 0

Scores = NDArray[np.float32]
Numbers = NDArray[np.int64]


def tag_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the tags of some labels: O, then B- and I- of each, so that B is odd and I even."""
    return ("O", *(f"{part}-{label}" for label in labels for part in "BI"))


def spans_to_tags(length: int, spans: Sequence[LabelledSpan], labels: Sequence[str]) -> list[int]:
    """Return the tag of each of `length` characters; spans of other labels are left out."""
    tags = [OUTSIDE] * length
    for span in spans:
        if span.label in labels:
            first = 1 + 2 * labels.index(span.label)
            tags[span.start : span.end] = [first] + [first + 1] * (span.end - span.start - 1)
    return tags


def tags_to_spans(tags: Sequence[int], labels: Sequence[str]) -> list[LabelledSpan]:
    """Return the spans that tags spell: each begins at a B, or at an I that continues nothing."""
    starts = [
        at
        for at, (before, tag) in enumerate(pairwise([OUTSIDE, *tags]))
        if tag != OUTSIDE and not (tag % 2 == 0 and before in (tag, tag - 1))
    ]
    spans = []
    for start in starts:
        inside = tags[start] + tags[start] % 2
        end = start + 1
        while end < len(tags) and tags[end] == inside:
            end += 1
        spans.append(LabelledSpan(start, end, labels[(inside - 2) // 2]))
    return spans


def best_tags(scores: Scores, lengths: Sequence[int]) -> Numbers:
    """Return the likeliest tags of each text: an I only behind a B or I of its own label.

    Args:
        scores: log probabilities or logits, shaped (texts, characters, tags).
        lengths: how many characters of each text count; behind them all is outside.

    Returns:
        Tag numbers, shaped (texts, characters).
    """
    texts, size, count = scores.shape
    came_from = np.zeros((size, texts, count), dtype=np.int8)
    begins = np.arange(1, count, 2)
    ended = np.arange(size)[None, :] >= np.asarray(lengths)[:, None]
    allowed = np.where(ended[:, :, None], np.float32(-1e9), scores)
    allowed[:, :, OUTSIDE] = np.where(ended, np.float32(0), scores[:, :, OUTSIDE])
    if size:
        allowed[:, 0, 2::2] = -1e9
    best = allowed[:, 0, :] if size else np.zeros((texts, count), dtype=np.float32)
    for at in range(1, size):
        last = best.argmax(1)
        came_from[at] = last[:, None]
        top = np.broadcast_to(best.max(1, keepdims=True), best.shape).copy()
        begun = best[:, 1::2] >= best[:, 2::2]
        came_from[at][:, 2::2] = np.where(begun, begins, begins + 1)
        top[:, 2::2] = np.where(begun, best[:, 1::2], best[:, 2::2])
        best = top + allowed[:, at, :]
    tags = np.zeros((texts, size), dtype=np.int64)
    rows = np.arange(texts)
    for at in range(size - 1, -1, -1):
        tags[:, at] = best.argmax(1) if at == size - 1 else came_from[at + 1][rows, tags[:, at + 1]]
    return tags
