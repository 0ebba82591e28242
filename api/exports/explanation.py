"""Explanations as plain text: the record, its rule, its words, and each field with its words."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from api.exports.sheets import shorten
from extractor.document import Document, Span
from extractor.explaining import Explanation, FieldReason, explain
from extractor.extraction import Extraction
from extractor.rules import load_toml

_WORDS = 120
_FIELD_WORDS = 60
_NOTABLE = 0.2
"""The least weight of a feature that is worth telling."""


def explanation_text(
    document: Document, extraction: Extraction, records: Collection[str] = ()
) -> str:
    """Return the explanation of these records (by id: k1, m3, n2, accident), of all without any."""
    wanted = set(records)
    shown = [each for each in explain(document, extraction) if not wanted or each.id in wanted]
    head = f"{extraction.document.filename}：{extraction.document.title or ''}"
    return "\n".join([head, *(line for each in shown for line in ("", *_lines(each)))]) + "\n"


def known_records(extraction: Extraction) -> list[str]:
    """Return the ids that can be asked for, in the order of the result."""
    heads = [name for name in ("accident", "evaluation") if getattr(extraction, name) is not None]
    lists = ("document_numbers", "penalties", "measures", "problems", "suggestions")
    return [*heads, *(record.id for name in lists for record in getattr(extraction, name))]


def _lines(each: Explanation) -> Iterator[str]:
    page = f" 第{each.page}页" if each.page else ""
    yield f"{each.id} {each.title}{page}"
    if each.span is not None:
        yield f"  原文 {_place(each.span)}：{_quoted(each.words, _WORDS)}"
    if each.rule is not None:
        yield f"  规则 {each.rule}：{each.meaning}"
    for reason in each.fields:
        yield f"  {_field(reason)}"
    for flag in each.flags:
        yield f"  注意：{flag}"
    if each.sureness is not None:
        yield f"  可信度 {each.sureness.value:g}{_why(each)}"


def _field(reason: FieldReason) -> str:
    said = f"{reason.label}：{shorten(reason.value, _FIELD_WORDS)}"
    if reason.span is not None:
        said += f" ← {_place(reason.span)}{_quoted(reason.words, _FIELD_WORDS)}"
    return f"{said}（{reason.note}）" if reason.note else said


def _why(each: Explanation) -> str:
    """Name what raised and what lowered the probability."""
    names = load_toml("explanations.toml")["feature"]
    features = each.sureness.features if each.sureness else ()
    raised = [names[name] for name, weight in features if weight >= _NOTABLE and name in names]
    lowered = [names[name] for name, weight in features if weight <= -_NOTABLE and name in names]
    parts = [f"有利：{'、'.join(raised)}"] * bool(raised)
    parts += [f"不利：{'、'.join(lowered)}"] * bool(lowered)
    return f"（{'；'.join(parts)}）" if parts else ""


def _place(span: Span) -> str:
    return f"[{span.start}, {span.end})"


def _quoted(words: str | None, size: int) -> str:
    flat = "".join((words or "").split("\n"))
    return f"“{shorten(flat, size)}”"
