"""Whether a fine lies in the band of its article, by grade and date of the accident.

Only warns: other laws, other offences and lawful exceptions exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from extractor.extraction import Party, Penalty
from extractor.rules import load_toml

_WAN = 10_000


@dataclass(frozen=True, slots=True)
class Band:
    """A legal band: both ends included, in yuan or in percent of the income of the year before."""

    article: str
    low: float
    high: float
    unit: str
    note: str | None

    def describe(self) -> str:
        """Return the band in words: 《安全生产法》第114条：30万元至100万元."""
        law, _, article = self.article.partition("#")
        if self.unit == "yuan":
            low, high = (f"{value / _WAN:g}万元" for value in (self.low, self.high))
        else:
            low, high = (f"上一年年收入的{value:g}%" for value in (self.low, self.high))
        words = low if low == high else f"{low}至{high}"
        return f"《{law}》第{article}条：{words}" + (f"；{self.note}" if self.note else "")


def find_band(penalty: Penalty, party: Party, grade: str | None, day: date | None) -> Band | None:
    """Return the band that a fine falls under, None where none is certain.

    A fine in percent needs its article; a company's fine without any article is held against the
    general article for accidents. A fine under another law has no band here.
    """
    if penalty.kind != "admin.fine" or grade is None or day is None:
        return None
    unit = "yuan" if penalty.amount_yuan is not None else "percent"
    if unit == "percent" and penalty.income_percent is None:
        return None
    cited = {".".join(basis.split(".")[:1]) for basis in penalty.basis}
    for row in _bands():
        fits = row["unit"] == unit and row["party"] == party.kind and grade in row["grades"]
        if not fits or not row["first"] <= day <= row["last"]:
            continue
        if row["article"] in cited or (not cited and party.kind == "organization"):
            low, high = row["grades"][grade]
            return Band(row["article"], low, high, unit, row.get("note"))
    return None


def outside_band(penalty: Penalty, band: Band) -> bool:
    """Tell whether the sum or the share lies outside the band."""
    value = penalty.amount_yuan if band.unit == "yuan" else penalty.income_percent
    return value is not None and not band.low <= value <= band.high


@cache
def _bands() -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            **row,
            "first": date.fromisoformat(row["since"]),
            "last": date.fromisoformat(row["until"]) if "until" in row else date.max,
        }
        for row in load_toml("bands.toml")["band"]
    )
