"""What a range prints, read without the reader: the judge of whether a corrupted value is false.

The checker of results must not be judged by its own reading, so numbers are taken here in the
plainest way: every run of digits or of Chinese numerals, with and without the unit behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import cache

from extractor.reading.numerals import parse_chinese_integer
from extractor.rules import load_toml, penalty_labels

_ARABIC = re.compile(r"(\d[\d,，]{0,20}(?:\.\d{1,6})?)(百|千|万|亿)?(万|亿)?")
_CHINESE = re.compile(r"[〇零一二三四五六七八九十百千两壹贰叁肆伍陆柒捌玖拾佰仟万亿]{1,20}")
_SCALE = {"": 1, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_WORDS = re.compile(r"[\u4e00-\u9fff]{2,}")


def printed_numbers(words: str) -> set[Decimal]:
    """Return every number that the words print, each with and without its unit."""
    found: set[Decimal] = set()
    for match in _ARABIC.finditer(words):
        plain = Decimal(match.group(1).replace(",", "").replace("，", ""))
        scaled = plain * _SCALE[match.group(2) or ""] * _SCALE[match.group(3) or ""]
        found |= {plain, scaled}
    for match in _CHINESE.finditer(words):
        run = match.group()
        for part in {run, run.rstrip("万亿"), *run}:
            value = parse_chinese_integer(part)
            if value is not None:
                found.add(Decimal(value))
    return found


def prints_date(words: str, iso: str) -> bool:
    """Tell whether the words print year, month and day one after the other."""
    year, month, day = (int(part) for part in iso.split("-"))
    return re.search(rf"{year}\D{{1,3}}0?{month}\D{{1,3}}0?{day}(?!\d)", words) is not None


def prints_mark(words: str, mark: str) -> bool:
    """Tell whether the words print the mark of an accident, such as 7·12, 7.12 or 0712."""
    month, _, day = mark.partition("·")
    return re.search(rf"(?<!\d)0?{month}\D{{0,3}}0?{day}(?!\d)", words) is not None


def digit_runs(words: str) -> list[str]:
    """Return the runs of digits, without leading zeros."""
    return [run.lstrip("0") or "0" for run in re.findall(r"\d+", words)]


def prints_kind(words: str, kind: str) -> bool:
    """Tell whether the words share two characters in a row with any word for this kind."""
    return any(pair in words for pair in _kind_pairs(kind))


@cache
def _kind_pairs(kind: str) -> frozenset[str]:
    rules = load_toml("sanctions.toml")
    patterns = [
        row["pattern"] for name in ("cue", "heading") for row in rules[name] if row["kind"] == kind
    ]
    patterns += [row["word"] for row in rules["context"] if kind in row.values()]
    patterns += [
        row["pattern"]
        for row in rules["cue"]
        if any(
            row["kind"] == f"context:{word['word']}" and kind in word.values()
            for word in rules["context"]
        )
    ]
    return frozenset(_pairs([*patterns, penalty_labels()[kind]]))


def _pairs(patterns: Iterable[str]) -> Iterable[str]:
    for pattern in patterns:
        for run in _WORDS.findall(pattern):
            yield from (run[at : at + 2] for at in range(len(run) - 1))
