"""How a measurement is shown: one table for people, one line of JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table


def show(title: str, figures: Mapping[str, tuple[float | str, str]]) -> None:
    """Print `figures` (name to value and unit) as a table, then as one line of JSON."""
    table = Table(title=title, title_justify="left")
    table.add_column("项目")
    table.add_column("数值", justify="right")
    table.add_column("单位")
    for name, (value, unit) in figures.items():
        table.add_row(name, f"{value:,.2f}" if isinstance(value, float) else str(value), unit)
    Console().print(table)
    line = {name: {"value": value, "unit": unit} for name, (value, unit) in figures.items()}
    print(json.dumps({"bench": title, "figures": line}, ensure_ascii=False))
