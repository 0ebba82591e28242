"""What a document is by its own words, where no title tells.

Official documents say what they do (现将…通报如下, 请予批复, 决定对…挂牌督办); courts, newspapers
and rules have frames of their own; an investigation report is known by its headings (条例 art. 30).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, cast

from extractor.extraction import DocumentKind
from extractor.reading.titles import HeadLine, Verdict
from extractor.rules import load_toml
from extractor.view import MARK, View

_HEAD_CHARS = 1500
_END_CHARS = 300
_STARTS = (("start", 12), ("first", 2))
_HEADING_CHARS = 40
_INLINE_HEADING = re.compile(r"(?<=[。；）])[一二三四五六七八九十]{1,2}、([^。；，：\n]{2,40})")
_STOP = re.compile("[。：；，\n]")


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of contents.toml; every part that is set must hold."""

    name: str
    kind: DocumentKind
    titles: frozenset[str]
    not_titles: frozenset[str]
    starts: tuple[tuple[int, re.Pattern[str]], ...]
    found: tuple[tuple[str, re.Pattern[str]], ...]
    unless: re.Pattern[str] | None
    times: int
    report: bool | None
    addressee: bool | None


@dataclass(slots=True)
class _Words:
    """The parts of a document that rows look at; whether it is a report is asked once."""

    view: View
    starts: Sequence[str]
    parts: dict[str, str]
    title: str
    addressee: bool
    _report: bool | None = None

    @property
    def report(self) -> bool:
        if self._report is None:
            self._report = _is_report(self.view)
        return self._report


@cache
def _rules() -> dict[str, Any]:
    return load_toml("contents.toml")


@cache
def _rows() -> tuple[_Row, ...]:
    return tuple(_row(row) for row in _rules()["content"])


def _row(row: dict[str, Any]) -> _Row:
    return _Row(
        row["name"],
        cast(DocumentKind, row["kind"]),
        frozenset(row.get("title", ())),
        frozenset(row.get("not_title", ())),
        tuple((count, re.compile(row[part])) for part, count in _STARTS if part in row),
        tuple((part, re.compile(row[part])) for part in ("head", "text", "end") if part in row),
        re.compile(row["unless"]) if "unless" in row else None,
        row.get("times", 1),
        row.get("report"),
        row.get("addressee"),
    )


@cache
def _topics() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((row["name"], re.compile(row["pattern"])) for row in _rules()["topic"])


def kind_by_content(
    view: View, lines: Sequence[HeadLine], verdict: Verdict | None
) -> tuple[DocumentKind, str]:
    """Return the kind that the text itself shows, and the row that says so.

    `verdict` is what the title tells, if there is one: a headline, or an accident's name.
    """
    starts = [line.text for line in lines if line.sort not in ("noise", "date")]
    parts = {"head": view.text[:_HEAD_CHARS], "text": view.text, "end": view.text[-_END_CHARS:]}
    words = _Words(view, starts, parts, verdict.rule if verdict else "", _is_addressed(lines))
    row = next((row for row in _rows() if _fits(row, words)), None)
    if row is not None:
        return row.kind, row.name
    if verdict is not None and verdict.kind is not None:
        return verdict.kind, verdict.rule
    return "OTHER", "content.none"


def _is_addressed(lines: Sequence[HeadLine]) -> bool:
    """Tell whether one of the first lines calls the addressee: 北河县人民政府："""
    called = re.compile(_rules()["addressee"]["line"])
    return any(called.fullmatch(line.text) for line in lines[: _STARTS[0][1]])


def _fits(row: _Row, words: _Words) -> bool:
    if (row.titles and words.title not in row.titles) or words.title in row.not_titles:
        return False
    for count, start in row.starts:
        if not any(start.match(line) for line in words.starts[:count]):
            return False
    if not all(_occurs(words.parts[part], found, row.times) for part, found in row.found):
        return False
    if row.addressee is not None and row.addressee != words.addressee:
        return False
    if row.unless is not None and row.unless.search(words.parts["head"]):
        return False
    return row.report is None or row.report == words.report


def _occurs(text: str, pattern: re.Pattern[str], times: int) -> bool:
    return len(list(islice(pattern.finditer(text), times))) == times


def _headings(view: View) -> Iterator[str]:
    """Yield short lines and numbered or run-in headings, also those whose line break is lost."""
    for start, end in view.paragraphs:
        mark = MARK.match(view.text, start, end)
        short = view.text[start:end] if end - start <= _HEADING_CHARS else ""
        if short and (mark or not (short[-1] in "；，" or "。" in short)):
            yield short
        elif mark is not None:
            yield _STOP.split(view.text[mark.end() : mark.end() + _HEADING_CHARS], maxsplit=1)[0]
    for match in _INLINE_HEADING.finditer(view.text):
        yield match.group(1)


def _is_report(view: View) -> bool:
    """Tell whether the headings are those of an investigation report, or all its parts are told."""
    found: set[str] = set()
    for heading in _headings(view):
        found.update(name for name, row in _topics() if row.search(heading))
    if len(found) >= 3 and "cause" in found and found & {"treatment", "measures"}:
        return True
    parts = sum(part in view.text for part in _rules()["report"]["parts"])
    return parts >= _rules()["report"]["enough"] and len(view.text) > _HEAD_CHARS
