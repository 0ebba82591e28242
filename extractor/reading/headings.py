"""What a heading is about (its slot), by the rows of slots.toml."""

from __future__ import annotations

import re
from functools import cache

from extractor.rules import load_toml

_BARE_SLOTS = frozenset(
    {"measures", "treatment", "cause", "course", "problems", "suggestions", "lessons", "overall"}
)


@cache
def _slot_rows(kind: str) -> tuple[tuple[str, re.Pattern[str], re.Pattern[str] | None], ...]:
    return tuple(
        (
            row["name"],
            re.compile(row["pattern"]),
            re.compile(row["unless"]) if "unless" in row else None,
        )
        for row in load_toml("slots.toml")["slot"]
        if "kinds" not in row or kind in row["kinds"]
    )


@cache
def announcement_rows(kind: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return the slots that a sentence with a colon may announce, each with its pattern."""
    return tuple(
        (row["name"], re.compile(row["pattern"]))
        for row in load_toml("slots.toml")["announcement"]
        if kind in row["kinds"]
    )


def slot_of(title: str, kind: str) -> str | None:
    """Return the slot that the words of a heading name, by the rows of slots.toml."""
    for name, pattern, unless in _slot_rows(kind):
        if pattern.search(title) and not (unless and unless.search(title)):
            return name
    return None


def bare_heading_slot(text: str, kind: str) -> str | None:
    """Return the slot of a heading that has no number: a short line that ends without a stop."""
    if not 3 <= len(text) <= 26 or text[-1] in "。；！？，、" or "，" in text or "。" in text:
        return None
    if re.search(r"报告$|通知$|批复$|方案$|事故$|年|^关于|“\d{1,2}·\d{1,2}”", text):
        return None
    slot = slot_of(text.rstrip("："), kind)
    return slot if slot in _BARE_SLOTS else None


def slot_name(slot: str) -> str:
    """Return what a user reads for a slot: treatment → 处理建议（责任追究）."""
    return str(load_toml("slots.toml")["names"][slot])
