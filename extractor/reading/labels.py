"""The labels 评估内容：, 落实情况：…: before what was asked for, and before what was done."""

from __future__ import annotations

import re
from functools import cache

from extractor.rules import load_toml


@cache
def label_pattern(*names: str) -> str:
    """Return a regular expression of the labels of these rows (asked, done), with the colon."""
    rows = load_toml("labels.toml")
    labels = sorted((label for name in names for label in rows[name]), key=len, reverse=True)
    return f"(?:{'|'.join(map(re.escape, labels))})："


@cache
def labels(*names: str) -> re.Pattern[str]:
    """Return the compiled pattern of the labels of these rows."""
    return re.compile(label_pattern(*names))
