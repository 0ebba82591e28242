"""Numbers in Chinese, capital and Western digits, there and back."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.reading.numerals import parse_chinese_integer, parse_integer, parse_number

_LOWER = "零一二三四五六七八九"
_CAPITAL = "零壹贰叁肆伍陆柒捌玖"


def _section(number: int, digits: str, units: tuple[str, str, str]) -> str:
    """Write a number below ten thousand, without leading zeros."""
    written, gap = "", False
    for unit, name in ((1000, units[2]), (100, units[1]), (10, units[0]), (1, "")):
        digit = number // unit % 10
        if digit:
            written += (digits[0] if gap and written else "") + digits[digit] + name
            gap = False
        else:
            gap = True
    return written


def _chinese(
    number: int, digits: str = _LOWER, units: tuple[str, str, str] = ("十", "百", "千")
) -> str:
    """Write a number as the rules of 中文数字 say: 零 once for a gap, 万 and 亿 for four digits."""
    if number == 0:
        return digits[0]
    written = ""
    for scale, name in ((10**8, "亿"), (10**4, "万"), (1, "")):
        part = number // scale % 10**4
        if part:
            gap = written and (part < 1000 or number // (scale * 10**4) % 10 == 0)
            written += (digits[0] if gap else "") + _section(part, digits, units) + name
    return written


_NUMBERS = st.integers(min_value=0, max_value=10**12 - 1)


@given(_NUMBERS)
def test_lower_case_numerals_come_back(number: int) -> None:
    assert parse_chinese_integer(_chinese(number)) == number
    assert parse_number(_chinese(number)) == number


@given(_NUMBERS)
def test_capital_numerals_come_back(number: int) -> None:
    assert parse_chinese_integer(_chinese(number, _CAPITAL, ("拾", "佰", "仟"))) == number


@given(_NUMBERS)
def test_western_digits_come_back(number: int) -> None:
    assert parse_integer(str(number)) == number
    assert parse_number(f"{number:,}") == number
    assert parse_number(f"{number:,}".replace(",", "，")) == number


@given(st.integers(min_value=1000, max_value=2999))
def test_years_digit_by_digit_come_back(year: int) -> None:
    for zero in "〇零0":
        digits = zero + _LOWER[1:]
        assert parse_chinese_integer("".join(digits[int(digit)] for digit in str(year))) == year


@given(st.decimals(min_value=0, max_value=10**6, places=4, allow_nan=False))
def test_decimals_of_ten_thousand_are_exact(value: object) -> None:
    assert parse_number(f"{value}万") == Fraction(str(value)) * 10_000


@given(st.text(alphabet="零〇一二两三十百千万亿壹拾佰0O", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    value = parse_chinese_integer(text)
    assert value is None or value >= 0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("十", 10),
        ("十二", 12),
        ("一百十五", 115),
        ("一百零五", 105),
        ("两千", 2000),
        ("一万零五", 10005),
        ("三千五十", 3050),
        ("一万亿", 10**12),
        ("壹佰贰拾万零伍佰", 1200500),
        ("貳拾萬", 200000),
        ("零", 0),
    ],
)
def test_written_forms(text: str, number: int) -> None:
    assert parse_chinese_integer(text) == number


@pytest.mark.parametrize(
    "text",
    # two readings, no number, units in the wrong order, units without a digit, too long
    [
        "一万五",
        "一百五",
        "二三十",
        "",
        "万",
        "百",
        "十百",
        "一万一亿万",
        "12",
        "张三",
        "0",
        "亿" * 99,
    ],
)
def test_what_is_no_chinese_numeral(text: str) -> None:
    assert parse_chinese_integer(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.5亿", 150_000_000),
        ("3千万", 30_000_000),
        ("1亿2000万", 120_000_000),
        ("3万5千", 35_000),
        ("三点五", Fraction(7, 2)),
        ("一点五万", 15_000),
        ("1，200.5", Fraction(2401, 2)),
    ],
)
def test_mixed_forms(text: str, number: Fraction | int) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["", "12，34", "1..2", "12.", "1万1亿", "2006 82", "万", "1" * 40])
def test_what_is_no_number(text: str) -> None:
    assert parse_number(text) is None
