"""Marks of accidents: the M·D in “7·12”较大坍塌事故, in every damaged form.

Written forms: 7.12, 7·12, 7•14, 7・12, 9?19, 12-12, 3·04, 11. 06, 四·二九, 2018.7.26 (year inside);
1125, 421, 93 (dot lost); 1L06, n.06 (misread by a scanner). Quotation marks may be “ ” or straight,
mixed, or lost; a mark without any, or without its dot, needs the words of an accident behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from extractor.reading.numerals import parse_chinese_integer

_QUOTES = '"“”‘’'
_SEP = r"[.·．？\-—/、_月 ]"
_MARK = re.compile(
    rf"(?P<open>[{_QUOTES}])?(?<![\d.·])(?:(?P<year>(?:19|20)\d{{2}})(?:年|[.·\-/]))?"
    rf"(?P<month>\d{{1,2}})(?P<sep>{_SEP})(?P<day>\d{{1,2}})日?(?![\d.·]| \d)"
    rf"(?P<close>[{_QUOTES}])?"
)
_UNDOTTED = re.compile(
    rf"(?P<open>[{_QUOTES}])?(?<![\d.·A-Za-z])(?P<digits>\d{{2,4}})(?![\d.·A-Za-z])(?P<close>[{_QUOTES}])?"
)
_CHINESE = re.compile(
    rf"[{_QUOTES}](?P<month>[一二三四五六七八九十]{{1,2}})[.·、](?P<day>[一二三四五六七八九十]{{1,3}})[{_QUOTES}]"
)
_SCANNED = re.compile(rf"[{_QUOTES}](?P<raw>[\dlIiLnoO.· ]{{3,6}})[{_QUOTES}]")
_MISREAD = str.maketrans({"l": "1", "I": "1", "i": "1", "L": "1", "n": "11", "o": "0", "O": "0"})
_ACCIDENT_FOLLOWS = re.compile(
    r"(?!公里|千米|米|万|亿|元|吨|级|处|号|楼|层|栋|标|%|[A-Za-z])[^。；，\n]{0,40}(?:事故|事件|火灾|爆炸|坍塌|泄漏)"
)
_GRADE_FOLLOWS = re.compile(r"(?:一般|较大|重大|特别重大)[^。；，\n]{0,24}事故")
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True, slots=True)
class Mark:
    """A printed mark at `text[start:end]`, without its quotation marks.

    `days`: every (month, day) that it can mean; more than one where the dot is lost (111).
    `year`: the year inside it, if any. `is_quoted`: a quotation mark stands at it. `is_plain`: its
    digits are printed as digits, not in Chinese numerals or misread.
    """

    days: tuple[tuple[int, int], ...]
    start: int
    end: int
    year: int | None = None
    is_quoted: bool = True
    is_plain: bool = True


def find_marks(text: str, start: int = 0, end: int | None = None) -> list[Mark]:
    """Return the marks in `text[start:end]`, in order, in linear time."""
    stop = len(text) if end is None else end
    found = [*_dotted(text, start, stop), *_chinese(text, start, stop)]
    if not found:
        found = [*_undotted(text, start, stop), *_scanned(text, start, stop)]
    return sorted(found, key=lambda mark: mark.start)


def write_mark(day: tuple[int, int]) -> str:
    """Return the normal form: (3, 4) → 3·4."""
    return f"{day[0]}·{day[1]}"


def _dotted(text: str, start: int, end: int) -> Iterator[Mark]:
    for match in _MARK.finditer(text, start, end):
        day = int(match["month"]), int(match["day"])
        quoted = bool(match["open"] or match["close"])
        before = text[match.start() - 1] if match.start() else ""
        lettered = before.isascii() and before.isalpha()
        follows = _ACCIDENT_FOLLOWS if match["sep"] in ".·" else _GRADE_FOLLOWS
        plain = not lettered and follows.match(text, match.end()) is not None
        if (quoted or plain) and _is_day(*day):
            year = int(match["year"]) if match["year"] else None
            yield Mark((day,), *_inner(match), year=year, is_quoted=quoted)


def _chinese(text: str, start: int, end: int) -> Iterator[Mark]:
    for match in _CHINESE.finditer(text, start, end):
        month, day = (parse_chinese_integer(match[name]) or 0 for name in ("month", "day"))
        if _is_day(month, day):
            yield Mark(((month, day),), *_inner(match), is_plain=False)


def _undotted(text: str, start: int, end: int) -> Iterator[Mark]:
    for match in _UNDOTTED.finditer(text, start, end):
        digits = match["digits"]
        quoted = bool(match["open"] and match["close"])
        is_year = len(digits) == 4 and digits[:2] in ("19", "20")
        follows = not is_year and _ACCIDENT_FOLLOWS.match(text, match.end()) is not None
        days = _splits(digits)
        if days and follows and (quoted or len(digits) > 2):
            yield Mark(days, *_inner(match), is_quoted=quoted)


def _scanned(text: str, start: int, end: int) -> Iterator[Mark]:
    for match in _SCANNED.finditer(text, start, end):
        digits = re.sub(r"\D", "", match["raw"].translate(_MISREAD))
        days = _splits(digits)
        if days and not match["raw"].isdigit():
            yield Mark(days, *_inner(match), is_plain=False)


def _inner(match: re.Match[str]) -> tuple[int, int]:
    text = match.group()
    lead = len(text) - len(text.lstrip(_QUOTES))
    tail = len(text) - len(text.rstrip(_QUOTES))
    return match.start() + lead, match.end() - tail


def _splits(digits: str) -> tuple[tuple[int, int], ...]:
    pairs = ((digits[:cut], digits[cut:]) for cut in (1, 2) if 0 < len(digits) - cut <= 2)
    days = ((int(month), int(day)) for month, day in pairs)
    return tuple(day for day in days if _is_day(*day))


def _is_day(month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1]
