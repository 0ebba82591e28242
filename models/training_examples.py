"""Training examples: one paragraph or sentence a JSON line, with its spans and its role.

`{"text": str, "spans": [[start, end, label], ...], "role": str, "family": str, "split": str}`
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from models.tagger import Role, TaggerError

Split = Literal["train", "dev", "test"]
"""A family of templates is wholly in one of them, so that a test never sees its own template."""

UNKNOWN = "?"
"""The label of a range of which nothing is known, and nothing is learned."""

SPAN_LABELS = ("PERSON", "ORG", "ORGAN", "TITLE", "ROLE", "CUE", "AMOUNT", UNKNOWN)
"""The labels that examples may carry; each model learns those of its own list."""

_ROLES: frozenset[str] = frozenset(get_args(Role))
_SPLITS: frozenset[str] = frozenset(get_args(Split))


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """A half-open range of an example's text, in code points, and what it is."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Example:
    """A text with its spans, in order and not overlapping, and the role of the sentence.

    Where labels were made by machines, ranges may be UNKNOWN, and the role None.
    """

    text: str
    spans: tuple[LabelledSpan, ...]
    role: Role | None
    family: str
    split: Split


def read_examples(path: Path, splits: Sequence[str] = ("train", "dev", "test")) -> list[Example]:
    """Return the examples of the named splits, in the order of the file.

    Raises:
        TaggerError: the file cannot be read, or a line is no example; the message names the line
            (`examples_invalid`).
    """
    return [example for example in _examples(path) if example.split in splits]


def _examples(path: Path) -> Iterator[Example]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _parsed(line, f"{path} 第{number}行")
    except (OSError, UnicodeDecodeError) as exc:
        raise TaggerError(
            f"读不到训练例句 {path}：{exc}。请给出每行一条 JSON 的 UTF-8 文件。", "examples_invalid"
        ) from exc


def _parsed(line: str, place: str) -> Example:
    try:
        row = json.loads(line)
    except ValueError as exc:
        raise TaggerError(f"{place} 不是 JSON：{exc}。", "examples_invalid") from exc
    return read_example(row, place)


def read_example(row: Any, place: str) -> Example:
    """Return the example that a JSON object holds; `place` says where it stands, for the user.

    Raises:
        TaggerError: it holds none (`examples_invalid`).
    """
    try:
        spans = tuple(LabelledSpan(int(a), int(b), str(label)) for a, b, label in row["spans"])
        example = Example(row["text"], spans, row["role"], str(row["family"]), row["split"])
    except (ValueError, KeyError, TypeError) as exc:
        raise TaggerError(
            f"{place} 不是训练例句：{exc!r}。每行要有 text、spans、role、family、split。",
            "examples_invalid",
        ) from exc
    fault = _fault(example)
    if fault:
        raise TaggerError(f"{place} 的训练例句有误：{fault}。", "examples_invalid")
    return example


def _fault(example: Example) -> str:
    """Return what is wrong with an example, in words for the user; "" if nothing is."""
    if not isinstance(example.text, str) or not example.text.strip():
        return "text 是空的"
    if example.role is not None and example.role not in _ROLES:
        return f"不认识的 role“{example.role}”"
    if example.split not in _SPLITS:
        return f"不认识的 split“{example.split}”"
    reached = 0
    for span in example.spans:
        if span.label not in SPAN_LABELS:
            return f"不认识的标签“{span.label}”"
        if not reached <= span.start < span.end <= len(example.text):
            return f"区间 [{span.start}, {span.end}) 超出文字、次序不对或互相重叠"
        reached = span.end
    return ""


def relabelled(example: Example, names: Mapping[str, str]) -> tuple[LabelledSpan, ...]:
    """Return the spans that a model learns, under the model's own names; others are left out."""
    return tuple(
        LabelledSpan(span.start, span.end, names[span.label])
        for span in example.spans
        if span.label in names
    )
