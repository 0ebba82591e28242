"""Tables of cases under tests/data/cases, and the view of a text in them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from extractor.view import View, build_view
from tests.factories import document

_CASES = Path(__file__).parent / "data" / "cases"


def rows(name: str, table: str = "case") -> list[Any]:
    """Return one table of a file of cases, each row as a parameter whose id says what it proves."""
    return list(tomllib.loads((_CASES / f"{name}.toml").read_text(encoding="utf-8"))[table])


def why(row: dict[str, Any]) -> str:
    """Return the id of a row."""
    return f"{row['text'][:24]} {row['why']}"


def view_of(text: str) -> View:
    """Return the view of a plain text."""
    return build_view(document(text))
