"""The legal bases that a document of a certain day may cite."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from typing import Any

from corpus.synthetic.chance import Chance
from corpus.synthetic.grammar import ROWS
from corpus.synthetic.spelling import article


@cache
def law_rows() -> tuple[dict[str, Any], ...]:
    """Return the rows of laws."""
    return tuple(tomllib.loads((ROWS / "laws.toml").read_text(encoding="utf-8"))["law"])


def cite(chance: Chance, about: str, when: date) -> tuple[str, str] | None:
    """Return a citation and its normal form law#article; None where no law fits the day."""
    rows = [
        row
        for row in law_rows()
        if about in row["about"] and row.get("since", date.min) <= when < row.get("until", date.max)
    ]
    if not rows:
        return None
    row = chance.pick(rows)
    number = chance.pick(row["articles"])
    return f"{row['printed']}{article(chance, number)}", f"{row['normal']}#{number}"
