"""How a measurement is shown: one table for people, one line of JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its unit, and the limits that it must keep, where there are any."""

    value: float | str
    unit: str
    most: float | None = None
    least: float | None = None

    @property
    def is_missed(self) -> bool:
        """True when the value is beyond a limit, or could not be measured in time."""
        if self.most is None and self.least is None:
            return False
        if isinstance(self.value, str):
            return True
        over = self.most is not None and self.value > self.most
        return over or (self.least is not None and self.value < self.least)

    @property
    def limits(self) -> str:
        """The limits in words, "" where there are none."""
        most = "" if self.most is None else f"≤ {self.most:g}"
        least = "" if self.least is None else f"≥ {self.least:g}"
        return " ".join(filter(None, (most, least)))


def show(title: str, figures: Mapping[str, Figure]) -> None:
    """Print the figures as a table, then as one line of JSON, and say which limits are missed."""
    table = Table(title=title, title_justify="left")
    table.add_column("项目")
    table.add_column("数值", justify="right")
    table.add_column("单位")
    table.add_column("要求", justify="right")
    table.add_column("")
    for name, figure in figures.items():
        value = f"{figure.value:,.2f}" if isinstance(figure.value, float) else str(figure.value)
        verdict = ("未达到" if figure.is_missed else "达到") if figure.limits else ""
        table.add_row(name, value, figure.unit, figure.limits, verdict)
    Console().print(table)
    missed = [name for name, figure in figures.items() if figure.is_missed]
    if missed:
        print(f"未达到：{'、'.join(missed)}")
    line = {
        name: {
            "value": figure.value,
            "unit": figure.unit,
            "most": figure.most,
            "least": figure.least,
        }
        for name, figure in figures.items()
    }
    print(json.dumps({"bench": title, "figures": line, "missed": missed}, ensure_ascii=False))
