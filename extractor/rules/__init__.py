"""The domain as rows: tables of codes, cues, titles and endings, and how they are loaded.

Tables are read from the package on first use and kept; nothing is read at import.
"""

from __future__ import annotations

import csv
import io
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def load_toml(name: str) -> dict[str, Any]:
    """Return the table file `name` (such as "slots.toml") of this package."""
    return tomllib.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))


@cache
def load_tsv(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of the tab-separated file `name`, each a mapping from column to text."""
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return tuple(
        {key: value or "" for key, value in row.items()}
        for row in csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    )


@cache
def penalty_families() -> dict[str, str]:
    """Return the family (criminal, party, government, …) of every penalty code."""
    return {row["code"]: row["family"] for row in load_tsv("penalty_kinds.tsv")}


@cache
def penalty_labels() -> dict[str, str]:
    """Return the Chinese label of every penalty code."""
    return {row["code"]: row["label"] for row in load_tsv("penalty_kinds.tsv")}
