"""Numbers as official Chinese writes them.

Written forms: 12, 1，200 and 1 200 (grouped by three), 12.5, 一百二十三, 二〇二一 (digit by digit),
二0二一 (with a Western zero), 壹佰贰拾万零伍佰 (capital numerals), 2万, 1.5亿, 3千万, 1亿2000万,
三点五. A text that is not wholly one number is None; nothing is guessed.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

_DIGITS = "〇一二三四五六七八九"
_VARIANTS = {
    **dict(zip("零壹贰叁肆伍陆柒捌玖拾佰仟", "〇一二三四五六七八九十百千", strict=True)),
    **dict(zip("貳叄參陸两兩弍弎萬億", "二三三六二二二三万亿", strict=True)),
    "○": "〇",
}
_PLAIN = str.maketrans(_VARIANTS)
_ZERO = str.maketrans("0OoОо", "〇〇〇〇〇")
_VALUE = {digit: value for value, digit in enumerate(_DIGITS)}
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}

CHINESE_DIGITS = "".join([_DIGITS, *_UNITS, *_VARIANTS])
"""Every character that a Chinese numeral may hold, for character classes."""

_UNGROUPED = str.maketrans("", "", "，, ")
_MOST_CHARACTERS = 32
_D = "[一二三四五六七八九]"
_SECTION = re.compile(
    rf"(?:〇?(?P<thousands>{_D})千)?(?:〇?(?P<hundreds>{_D})百)?(?:〇?(?P<tens>{_D})?(?P<ten>十))?"
    rf"(?:(?:^|(?<=十)|〇)(?P<ones>{_D}))?"
)
_BY_DIGIT = re.compile(rf"[{_DIGITS}]+")
_ARABIC = re.compile(
    r"(?P<whole>\d{1,3}(?:[，, ]\d{3}){1,5}|\d{1,16})(?P<decimals>\.\d{1,12})?"
    r"(?P<scale>[十百千]?[万亿]{0,2})"
)
_POINT = re.compile(
    rf"(?P<whole>.{{1,20}})点(?P<decimals>[{_DIGITS}]{{1,8}})(?P<scale>[万亿]{{0,2}})"
)


def parse_chinese_integer(text: str) -> int | None:
    """Return the integer that a Chinese numeral states, or None when `text` is not one.

    Accepts 一百二十三, 十二, 一百十五, 壹佰贰拾万零伍佰, 两千, 一万亿, and 二〇二一 or 二0二一 read
    digit by digit. Not accepted, since two readings exist: 一万五 (一万五千, 一万零五), 二三十.
    """
    if not 0 < len(text) <= _MOST_CHARACTERS:
        return None
    plain = text.translate(_PLAIN)
    if len(plain) > 1 and not plain.isascii():
        plain = plain.translate(_ZERO)
    if _BY_DIGIT.fullmatch(plain):
        return int("".join(str(_VALUE[char]) for char in plain))
    return _read(plain)


def _read(plain: str) -> int | None:
    for mark in "亿万":
        head, found, tail = plain.rpartition(mark)
        if found:
            high, low = _read(head) if head else None, _read_tail(tail)
            if not high or low is None or low >= _UNITS[mark]:
                return None
            return high * _UNITS[mark] + low if mark == "亿" or high < 10**4 else None
    return _read_section(plain)


def _read_tail(tail: str) -> int | None:
    """Read what stands behind 万 or 亿; a bare digit (一万五) may mean two things."""
    if not tail:
        return 0
    return None if len(tail) == 1 and tail != "十" else _read(tail)


def _read_section(plain: str) -> int | None:
    """Read a numeral below ten thousand."""
    match = _SECTION.fullmatch(plain)
    if match is None or not plain:
        return None
    tens = _VALUE[match["tens"]] if match["tens"] else 1 if match["ten"] else 0
    thousands, hundreds, ones = (
        _VALUE[match[name]] if match[name] else 0 for name in ("thousands", "hundreds", "ones")
    )
    return thousands * 1000 + hundreds * 100 + tens * 10 + ones


def parse_integer(text: str) -> int | None:
    """Return the integer stated by ASCII digits (leading zeros allowed) or a Chinese numeral."""
    if text.isascii():
        return int(text) if text.isdigit() and len(text) <= _MOST_CHARACTERS else None
    return parse_chinese_integer(text)


def parse_number(text: str) -> Fraction | None:
    """Return the exact value of a number in digits or Chinese numerals, with 万 or 亿 behind it.

    Accepts 12.5, 1，200, 3,000, 2万, 1.5亿, 3千万, 1亿2000万, 三十五万, 陆拾, 三点五; None when it
    is not a number. Commas and spaces must group by three.
    """
    if text[:1].isascii():
        return _parse_arabic(text.translate(_PLAIN))
    point = _POINT.fullmatch(text.translate(_PLAIN))
    if point is None:
        whole = parse_chinese_integer(text)
        return None if whole is None else Fraction(whole)
    whole = parse_chinese_integer(point["whole"])
    if whole is None:
        return None
    decimals = "".join(str(_VALUE[char]) for char in point["decimals"])
    return Fraction(f"{whole}.{decimals}") * _scale(point["scale"])


def _parse_arabic(text: str) -> Fraction | None:
    """Add up the parts of 1亿2000万; each part must have a smaller unit than the one before."""
    parts: list[tuple[Fraction, int]] = []
    at = 0
    while at < len(text):
        match = _ARABIC.match(text, at)
        if match is None:
            return None
        whole = match["whole"].translate(_UNGROUPED)
        parts.append((Fraction(whole + (match["decimals"] or "")), _scale(match["scale"])))
        at = match.end()
    if not parts or any(left <= right for (_, left), (_, right) in pairwise(parts)):
        return None
    return sum((value * scale for value, scale in parts), Fraction(0))


def _scale(units: str) -> int:
    scale = 1
    for unit in units:
        scale *= _UNITS[unit]
    return scale
