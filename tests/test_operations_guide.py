"""docs/operations.md: its tables are those of the code, its examples can be used."""

from __future__ import annotations

import re
import tomllib

from api.settings import Settings
from api.telemetry import tracing
from api.telemetry.logs import FIELDS
from tests.api_client import read, serving
from tests.conftest import ROOT

GUIDE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_every_metric_is_in_the_table_with_its_labels() -> None:
    with serving(metrics="all") as client:
        read(client)
        read(client, b"%PDF-1.7 broken", "a.pdf")
        client.get("/livez")
        text = client.get("/metrics").text
    kinds = dict(re.findall(r"(?m)^# TYPE (hecha_\w+) (\w+)$", text))
    labels: dict[str, set[str]] = {name: set() for name in kinds}
    for name, found in re.findall(r"(?m)^(hecha_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? ", text):
        labels[name] |= set(re.findall(r'(\w+)="', found)) - {"le"}
    rows = dict(re.findall(r"(?m)^\| `(hecha_\w+)` \| (.+?) \|", GUIDE))
    labels["hecha_deliveries"] = {"status"}  # there are none here
    assert {name: set(re.findall(r"\w+", shown)) for name, shown in rows.items()} == labels
    named = set(re.findall(r"hecha_[a-z_]+", GUIDE))
    assert named <= set(kinds)


def test_every_field_of_a_log_line_is_in_the_table() -> None:
    rows = dict(re.findall(r"(?m)^\| `([a-z_]+)` \| ([^|]+) \|$", GUIDE))
    assert {name: rows.get(name) for name in FIELDS} == FIELDS


def test_the_settings_that_are_named_are_there() -> None:
    names = {f"HECHA_{name.upper()}" for name in Settings.model_fields} | {"HECHA_PASSWORD"}
    assert set(re.findall(r"HECHA_[A-Z_]+", GUIDE)) <= names
    assert set(tracing.ENDPOINTS) <= set(re.findall(r"OTEL_[A-Z_]+", GUIDE))


def test_the_extras_that_are_named_are_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(re.findall(r"hecha\[(\w+)\]", GUIDE)) <= set(project["optional-dependencies"])
