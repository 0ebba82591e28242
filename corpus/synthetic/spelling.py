"""Numbers, money, dates and articles as official documents print them."""

from __future__ import annotations

from datetime import date

from corpus.synthetic.chance import Chance

_DIGITS = "零一二三四五六七八九"
_CAPITALS = "零壹贰叁肆伍陆柒捌玖"
_UNITS = ("", "十", "百", "千")
_CAPITAL_UNITS = ("", "拾", "佰", "仟")
MYRIAD = 10_000


def chinese(number: int, capital: bool = False) -> str:
    """Return a number below 10^8 in Chinese numerals: 114 → 一百一十四; capital 叁拾伍."""
    if number >= MYRIAD:
        rest = number % MYRIAD
        high = chinese(number // MYRIAD, capital) + "万"
        zero = _DIGITS[0] if 0 < rest < MYRIAD // 10 else ""
        return high + (zero + _below_myriad(rest, capital) if rest else "")
    words = _below_myriad(number, capital)
    return words[1:] if words.startswith("一十") and not capital else words


def _below_myriad(number: int, capital: bool) -> str:
    digits, units = (_CAPITALS, _CAPITAL_UNITS) if capital else (_DIGITS, _UNITS)
    if number == 0:
        return digits[0]
    words, gap = "", False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit:
            words += (digits[0] if gap and words else "") + digits[digit] + units[place]
        gap = digit == 0 and (gap or bool(words))
    return words


def in_myriads(yuan: int) -> str:
    """Return 350000 as 35万元, 35400 as 3.54万元."""
    whole, rest = divmod(yuan, MYRIAD)
    decimals = f".{rest:04d}".rstrip("0").rstrip(".")
    return f"{whole}{decimals}万元"


def money(chance: Chance, yuan: int) -> str:
    """Return an amount in one of the printed forms; every form states exactly this amount."""
    form = chance.below(20)
    if form < 10 and yuan % 100 == 0 and yuan >= MYRIAD:
        return in_myriads(yuan)
    if form < 12:
        return f"人民币{chinese(yuan, capital=True)}元整"
    if form < 14:
        return f"{chinese(yuan, capital=True)}元"
    if form == 14:
        return f"{chinese(yuan, capital=True)}元人民币"
    if form == 15:
        return f"{yuan}.00元（大写：{chinese(yuan, capital=True)}元整）"
    if form == 16:
        return f"人民币{chinese(yuan, capital=True)}元整（{chance.pick('¥￥')}{yuan}.00）"
    if form == 17 and yuan % MYRIAD == 0:
        return f"{chinese(yuan // MYRIAD)}万元"
    return in_myriads(yuan) if yuan >= MYRIAD and yuan % 100 == 0 else f"{yuan}元"


def percent(chance: Chance, value: int) -> str:
    """Return 40 as 40%, 百分之四十 or 40％."""
    return chance.pick((f"{value}%", f"百分之{chinese(value)}", f"{value}%", f"{value}％"))


def day(when: date) -> str:
    """Return 2024年3月8日."""
    return f"{when.year}年{when.month}月{when.day}日"


def article(chance: Chance, number: str) -> str:
    """Return 114.1.2 as 第一百一十四条第一款第（二）项 or with Arabic numerals and 第二项."""
    parts = [int(part) if part else 0 for part in number.split(".")]
    spell = (lambda n: str(n)) if chance.happens(0.12) else chinese
    words = f"第{spell(parts[0])}条"
    if len(parts) > 1 and parts[1]:
        words += f"第{spell(parts[1])}款"
    if len(parts) > 2:
        words += (
            f"第（{chinese(parts[2])}）项" if chance.happens(0.7) else f"第{chinese(parts[2])}项"
        )
    return words
