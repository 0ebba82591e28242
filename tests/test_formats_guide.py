"""docs/formats.md names every format, notice and limit, each as the program has it."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import get_args

from extractor.document import NoticeCode
from extractor.formats import CONTAINERS, DEFAULT_LIMITS, FORMATS
from extractor.formats.page_images import has_page_images
from tests.conftest import ROOT

GUIDE = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
FIRST, _, REST = GUIDE.partition("\n## 要另装的")
ROWS = re.findall(r"(?m)^\| ([^|`]+) \| ([^|`]+) \| (有|无|—) \|", FIRST)


def test_the_formats_are_those_that_are_read() -> None:
    known = {each.name for each in (*FORMATS, *CONTAINERS)}
    rows = [[names] if names in known else names.split("、") for names, _, _ in ROWS]
    assert {name for names in rows for name in names} == known


def test_the_extensions_are_those_that_are_known() -> None:
    named = {extension for _, extensions, _ in ROWS for extension in extensions.split("、")}
    known = {extension for each in (*FORMATS, *CONTAINERS) for extension in each.extensions}
    assert named == known


def test_the_formats_with_page_images_are_named() -> None:
    named = {name for names, _, shown in ROWS if shown == "有" for name in names.split("、")}
    assert named == {each.name for each in FORMATS if has_page_images(each.media_type)}


def test_the_notices_are_those_that_are_given() -> None:
    part = REST.partition("## 提醒")[2].partition("## 限额")[0]
    named = re.findall(r"(?m)^\| `([a-z_]+)`", part)
    assert sorted(named) == sorted(get_args(NoticeCode))


def test_the_limits_are_those_of_the_program() -> None:
    part = REST.partition("## 限额")[2]
    named = dict(re.findall(r"(?m)^\| `([a-z_]+)` \| ([\d.]+) \|", part))
    assert named == {name: str(value) for name, value in asdict(DEFAULT_LIMITS).items()}
