"""Dates, amounts of money, percentages, terms and deadlines in the text of a view.

Every finder takes `text[start:end]`, runs in linear time, and returns values in text order with
ranges of `text`. A value that the text does not state is None and never guessed; what was mended
or inherited says so.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from extractor.reading.numerals import CHINESE_DIGITS, parse_integer, parse_number

_CN = f"[{CHINESE_DIGITS}]"
_NUMERAL = set(CHINESE_DIGITS) | set("0123456789.， 余多")
_FIRST_YEAR, _LAST_YEAR = 1900, 2099


@dataclass(frozen=True, slots=True)
class DateValue:
    """A calendar date; `iso` is YYYY-MM-DD, YYYY-MM, or None where the year or the split is open.

    `relative`: year or month come from the text before. `repaired`: 年, 月 or 日 was lost.
    `candidates`: the possible readings of a damaged date that has more than one.
    """

    start: int
    end: int
    iso: str | None
    raw: str
    relative: bool = False
    repaired: bool = False
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum of money in yuan, `exact` and rounded half up; 美元 and other currencies are left out.

    `approx`: 约, 余, 多 or the like stands at it. `bound`: an end of a range or a limit (以上).
    """

    start: int
    end: int
    yuan: int
    exact: Fraction
    approx: bool = False
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Percent:
    """A percentage (40.0 for 百分之四十), and whether it is a part of somebody's income."""

    start: int
    end: int
    value: float
    of_income: bool = False
    bound: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """How long a sanction lasts: `raw` such as 一年六个月, 终身; `label` the word it belongs to."""

    start: int
    end: int
    raw: str
    label: str
    months: int | None
    days: int | None

    @property
    def is_lifelong(self) -> bool:
        """True for 终身."""
        return self.months is None and self.days is None


@dataclass(frozen=True, slots=True)
class DeadlineValue:
    """When something is due: a date, or a recurring period (每月), or neither (结案后1年内)."""

    start: int
    end: int
    raw: str
    date: str | None = None
    recurring: str | None = None
    repaired: bool = False


# --- dates ---

_YEAR = r"(?:19|20)\d\d|[一二][〇零一二三四五六七八九0oO]{3}"
_MONTH = r"\d{1,2}|[一二三四五六七八九十]{1,2}"
_DAY = r"\d{1,2}|[一二三四五六七八九十]{1,3}"
_RANGE = r"(?:至|到|~|-|—{1,2})"
_NO_DAY = "楼栋车房井文门线机库厂岗矿塔炉罐泵"
_DATE = re.compile(
    r"(?=[\d〇一二三四五六七八九十同当本今去上次翌明])(?:"
    rf"(?<![\d.\-/])(?P<dotted>(?:19|20)\d\d)(?P<sep>[.\-/])(?P<dm>\d{{1,2}})(?P=sep)(?P<dd>\d{{1,2}})"
    r"(?![\d\-/]|\.\d)"
    rf"|(?<!\d)(?P<glued>(?:19|20)\d\d)(?P<rest>\d{{1,4}})(?:(?P<gm>月)(?:(?P<gd>\d{{1,2}})日)?|日)"
    rf"|(?<!\d)(?P<year>{_YEAR})年(?P<packed>\d{{2,4}})日"
    rf"|(?:(?<!\d)(?P<y>{_YEAR})年|(?P<rel>[同当本今去上次翌明])年)?(?<![\d第])(?P<month>{_MONTH})月份?"
    rf"(?:(?P<day>{_DAY})(?:日|号(?![{_NO_DAY}])|(?={_RANGE}\d{{1,2}}日)|(?P<lost>(?=[前，。；）]))))?"
    rf"|(?<!\d)(?P<bare>{_YEAR})年(?![度版修第])"
    rf"|同月(?P<sameday>{_DAY})日)"
)
_NEXT_DAY = re.compile(rf"(?:{_RANGE}|、)(?:(?P<day>\d{{1,2}})日|(?P<packed>\d{{3,4}})日)")
_BETWEEN = "至到~-—、"
_JOINS = re.compile(rf"{_RANGE}\Z")
_FROM_LAST = {"同": 0, "当": 0, "次": 1, "翌": 1}
_FROM_DOCUMENT = {"今": 0, "本": 0, "去": -1, "上": -1, "明": 1}
_Readings = Sequence[tuple[int | None, int, int | None]]


@dataclass(slots=True)
class _Calendar:
    """The document's year, and the year and month that a later, shorter date inherits."""

    document_year: int | None
    year: int | None = None
    month: int | None = None
    last_end: int = -1


def find_dates(
    text: str, start: int = 0, end: int | None = None, *, year: int | None = None
) -> list[DateValue]:
    """Return the dates of `text[start:end]`.

    Accepts 2019年7月12日, 2019年7月, 二〇一九年七月十二日, 2019.7.12, 2019-07-12, 8月5日 (of the
    last year named before it, else `year`), 今年8月5日 (of `year`), 同年8月5日, 次年1月3日,
    8月5日至9日, and with lost characters 20204月, 2022810日至1028日, 6月20前. A date that no
    calendar has is left out.
    """
    stop = len(text) if end is None else end
    known = _Calendar(year, year)
    found: list[DateValue] = []
    at = start
    while match := _DATE.search(text, at, stop):
        at = match.end()
        value = _read_date(match, known)
        if value is None:
            continue
        found.append(value)
        while follow := _NEXT_DAY.match(text, at, stop):
            at = follow.end()
            value = _read_next_day(follow, known)
            if value is not None:
                found.append(value)
    return found


def _read_date(match: re.Match[str], known: _Calendar) -> DateValue | None:
    if match["bare"]:
        known.year, known.month = parse_integer(match["bare"]), None
        return None
    if match["glued"] or match["packed"]:
        return _read_damaged(match, known)
    if match["sameday"]:
        day = parse_integer(match["sameday"])
        return _value(match, known, (known.year, known.month, day), relative=True)
    if match["dotted"]:
        numbers = (int(match["dotted"]), int(match["dm"]), int(match["dd"]))
        return _value(match, known, numbers)
    month = parse_integer(match["month"])
    day = parse_integer(match["day"]) if match["day"] else None
    year = parse_integer(match["y"]) if match["y"] else _inherit(match, known, month)
    if match["y"] is None and day is None and match["rel"] is None:
        return None
    return _value(
        match,
        known,
        (year, month, day),
        relative=match["y"] is None,
        repaired=match["lost"] is not None,
    )


def _inherit(match: re.Match[str], known: _Calendar, month: int | None) -> int | None:
    """Return the year of a date without one, from the text before."""
    word = match["rel"]
    if word is not None:
        base = known.year if word in _FROM_LAST else known.document_year
        return None if base is None else base + (_FROM_LAST | _FROM_DOCUMENT)[word]
    before = match.string[max(match.start() - 2, 0) : match.start()]
    if before.endswith("年"):
        return None
    in_range = known.last_end >= match.start() - 2 and _JOINS.search(before) is not None
    if in_range and known.year and known.month and month and month < known.month:
        return known.year + 1
    return known.year


def _value(
    match: re.Match[str],
    known: _Calendar,
    numbers: tuple[int | None, int | None, int | None],
    *,
    relative: bool = False,
    repaired: bool = False,
) -> DateValue | None:
    """Make the value and remember its year and month; None for a date that cannot be."""
    year, month, day = numbers
    if month is None or not _is_date(year or 2000, month, day):
        return None
    iso = None if year is None else _iso(year, month, day)
    if year is not None:
        known.year, known.month = year, month
    known.last_end = match.end()
    raw = match.group().lstrip(_BETWEEN)
    return DateValue(match.end() - len(raw), match.end(), iso, raw, relative, repaired)


def _read_next_day(match: re.Match[str], known: _Calendar) -> DateValue | None:
    """Read the 9日 of 8月5日至9日, or the 1028日 of 2022810日至1028日."""
    if match["day"]:
        return _value(match, known, (known.year, known.month, int(match["day"])), relative=True)
    readings = [(known.year, *split) for split in _splits(match["packed"])]
    return _choose(match, known, readings, relative=True)


def _read_damaged(match: re.Match[str], known: _Calendar) -> DateValue | None:
    year = parse_integer(match["glued"] or match["year"])
    rest = match["rest"] or match["packed"]
    if not match["gm"]:
        return _choose(match, known, [(year, *split) for split in _splits(rest)])
    day = int(match["gd"]) if match["gd"] else None
    return _choose(match, known, [(year, int(rest), day)]) if len(rest) < 3 else None


def _splits(digits: str) -> list[tuple[int, int]]:
    """Return every (month, day) that `digits` may be; 1 to 31 without leading zeros but in 0412."""
    if len(digits) == 4:
        return [(int(digits[:2]), int(digits[2:]))]
    pairs = [(digits[:i], digits[i:]) for i in range(1, len(digits))]
    return [(int(m), int(d)) for m, d in pairs if m[0] != "0" and d[0] != "0" and len(d) < 3]


def _choose(
    match: re.Match[str], known: _Calendar, readings: _Readings, *, relative: bool = False
) -> DateValue | None:
    """Return the only reading that a calendar has, or a value with all of them as candidates."""
    valid = [(y, m, d) for y, m, d in readings if _is_date(y or 2000, m, d)]
    if len(valid) == 1:
        return _value(match, known, valid[0], relative=relative, repaired=True)
    if not valid or valid[0][0] is None:
        return None
    names = tuple(_iso(y, m, d) for y, m, d in valid if y is not None)
    raw = match.group().lstrip(_BETWEEN)
    return DateValue(match.end() - len(raw), match.end(), None, raw, relative, True, names)


def _is_date(year: int, month: int, day: int | None) -> bool:
    if not (_FIRST_YEAR <= year <= _LAST_YEAR and 1 <= month <= 12):
        return False
    return day is None or 1 <= day <= calendar.monthrange(year, month)[1]


def _iso(year: int, month: int, day: int | None) -> str:
    return f"{year:04}-{month:02}" + ("" if day is None else f"-{day:02}")


# --- money ---

_MONEY = re.compile(
    rf"(?<=[\d余多{CHINESE_DIGITS}])(?:[元圆](?![素件器旦宵])|[万亿](?=[、和及与，。；）的\n]|\Z))"
    r"|[¥￥](?P<signed>\d{1,3}(?:，\d{3}){1,4}(?:\.\d{1,4})?|\d{1,12}(?:\.\d{1,4})?万?)元?"
)
_AFTER_YUAN = re.compile(
    rf"(?P<own>(?:(?P<jiao>\d|{_CN})角)?(?:(?P<fen>\d|{_CN})分)?[整正]?(?:人民币|（人民币）)?)"
    r"(?P<near>左右|上下)?(?P<limit>以[上下内]|(?:至|到|~|-|—)(?=\d))?"
)
_ABOUT = re.compile(r"(?:约|近|超过?|逾|不足|不到)(?:为|人民币)?\Z")
_BEFORE_RANGE = re.compile(r"[\d万亿元一二三四五六七八九十百](?:至|到|~|-|—{1,2})\Z")
_FINED = re.compile(r"(?:罚款|罚金|处罚|处以|人民币)(?:人民币|为|各)?\Z")
_MONEY_FOLLOWS = re.compile(rf"[、和及与](?:\d{{1,6}}(?:\.\d{{1,4}})?|{_CN}{{1,6}})万?元")
_SAME_AGAIN = re.compile(r"（(?:人民币)?(?:大写|小写|即|计|折合)?：?(?:人民币)?")
_ORDINARY = "币处款金费价计为以约共"
_LONGEST_NUMBER = 24


def find_amounts(text: str, start: int = 0, end: int | None = None) -> list[Amount]:
    """Return the sums of money in `text[start:end]`.

    Accepts 35万元, 1.5万元, 9900元, 3，000余万元, 陆拾万元人民币, 人民币贰拾贰万元, 叁拾万圆整,
    伍元叁角, ¥20000.00, and 罚款35万 and 5万、3万元 without their 元; 20000元（大写：贰万元整）
    is one amount. Never 万人 or 万栋.
    """
    stop = len(text) if end is None else end
    found: list[Amount] = []
    floor = start
    for match in _MONEY.finditer(text, start, stop):
        if match.start() < floor:
            continue
        signed = match["signed"] is not None
        amount = _signed_amount(match) if signed else _amount_before(text, match, floor, stop)
        if amount is not None:
            floor = amount.end
            found.append(amount)
    return list(_said_once(text, found, stop))


def _amount_before(text: str, match: re.Match[str], floor: int, stop: int) -> Amount | None:
    """Read the number that stands left of 元, or of 万 where 元 is understood."""
    has_yuan = match.group() in "元圆"
    number_end = match.start() if has_yuan else match.end()
    begin = number_end
    while begin > max(floor, number_end - _LONGEST_NUMBER) and text[begin - 1] in _NUMERAL:
        begin -= 1
    parsed = _parse_amount(text, begin, number_end)
    if parsed is None:
        return None
    begin, value, vague = parsed
    before = text[max(begin - 8, 0) : begin]
    after = _AFTER_YUAN.match(text, match.end(), stop)
    if after is None or before[-1:] in ("几", "数", "第"):
        return None
    if not has_yuan and not _is_short_for_yuan(text, before, match.end(), stop):
        return None
    if has_yuan and not _is_money(text, begin, number_end, before, after):
        return None
    for name, part in (("jiao", 10), ("fen", 100)):
        value += Fraction(parse_integer(after[name] or "0") or 0, part)
    prefix = 3 if before.endswith("人民币") else 0
    return Amount(
        begin - prefix,
        after.end("own"),
        _round(value),
        value,
        vague or _ABOUT.search(before) is not None or after["near"] is not None,
        after["limit"] is not None or _BEFORE_RANGE.search(before) is not None,
    )


def _parse_amount(text: str, begin: int, stop: int) -> tuple[int, Fraction, bool] | None:
    """Return where the number begins, its value, and whether 余 or 多 makes it vague.

    Where the whole run is no number, the words before may reach into it (其中一1万元, 2020，100元):
    the number then begins behind a comma, or at the first digit.
    """
    commas = [at + 1 for at in range(begin, stop) if text[at] == "，"]
    digit = next((at for at in range(begin, stop) if text[at].isascii()), stop)
    for first in (begin, *commas, digit):
        raw = text[first:stop]
        bare = raw.replace("余", "").replace("多", "")
        value = (
            parse_number(bare) if raw[:1] not in ("余", "多") and len(raw) < len(bare) + 2 else None
        )
        if value is not None:
            return first, value, bare != raw
    return None


def _is_short_for_yuan(text: str, before: str, at: int, stop: int) -> bool:
    """Tell whether 万 stands for 万元: the first of 5万、3万元, or at the end of 罚款35万."""
    if _MONEY_FOLLOWS.match(text, at, stop):
        return True
    return _FINED.search(before) is not None and (at >= stop or text[at] not in "和及与")


def _is_money(text: str, begin: int, stop: int, before: str, after: re.Match[str]) -> bool:
    """Refuse unit prices (元/吨) and words such as 三元区, 多元, 二元."""
    if text.startswith("/", after.end()):
        return False
    if stop - begin > 1 or text[begin].isdigit():
        return True
    return before[-1:] in tuple(_ORDINARY) or after["own"] != ""


def _signed_amount(match: re.Match[str]) -> Amount | None:
    """Read ¥20000.00, with or without 元 behind it."""
    value = parse_number(match["signed"])
    if value is None:
        return None
    return Amount(match.start(), match.end(), _round(value), value)


def _said_once(text: str, amounts: list[Amount], stop: int) -> Iterator[Amount]:
    """Merge a sum with its repetition in brackets: 20000.00元（大写：贰万元整）."""
    held: Amount | None = None
    for amount in amounts:
        if held is not None:
            gap = _SAME_AGAIN.fullmatch(text, held.end, amount.start)
            closed = text[amount.end : min(amount.end + 1, stop)] == "）"
            if gap and closed and held.exact == amount.exact:
                held = replace(held, end=amount.end + 1)
                continue
            yield held
        held = amount
    if held is not None:
        yield held


def _round(value: Fraction) -> int:
    return int(value + Fraction(1, 2))


# --- percentages ---

_PERCENT = re.compile(rf"(?<![\d.])(\d{{1,4}}(?:\.\d{{1,6}})?)%|百分之((?:\d|\.|点|{_CN}){{1,12}})")
_INCOME_BEFORE = re.compile(r"收入(?:总额|总和|总数)?[的之]?\Z")
_INCOME_AFTER = re.compile(
    r"的?(?:其|本人)?(?:上一?年度?|(?:19|20)\d\d年度?)?的?(?:年度?|个人|工资|总)?收入"
)
_UP_TO = re.compile(r"以[上下]|(?:至|到|~|-|—{1,2})(?:\d|百分之)")
_PERCENT_RANGE = re.compile(r"(?:[%\d]|百分之[^，。；]{1,6})(?:至|到|~|-|—{1,2})\Z")


def find_percents(text: str, start: int = 0, end: int | None = None) -> list[Percent]:
    """Return the percentages of `text[start:end]`.

    Accepts 40%, 百分之四十, 百分之40, 百分之三十点五; of income in 上一年年收入百分之四十,
    2018年度收入30%, 年收入的40%, 40%的上一年年收入.
    """
    stop = len(text) if end is None else end
    found: list[Percent] = []
    for match in _PERCENT.finditer(text, start, stop):
        value = parse_number(match[1] or match[2])
        if value is None:
            continue
        before = text[max(match.start() - 10, start) : match.start()]
        of_income = _INCOME_BEFORE.search(before) or _INCOME_AFTER.match(text, match.end(), stop)
        bound = _PERCENT_RANGE.search(before) or _UP_TO.match(text, match.end(), stop)
        found.append(
            Percent(match.start(), match.end(), float(value), of_income is not None, bool(bound))
        )
    return found


# --- terms of sanctions ---

_N = rf"(?:\d{{1,3}}|{_CN}{{1,4}})"
_DURATION = (
    rf"(?:(?P<half>半年)|(?:(?P<years>{_N})年(?P<plus>半)?)?(?:零?(?P<months>{_N})个月)?"
    rf"(?:零?(?P<days>{_N})(?:日|天))?)"
)
_SPAN = re.compile(_DURATION)
_LABEL = re.compile(
    "留党察看|留用察看|有期徒刑|拘役|管制|缓刑|(?:行政|治安|司法)?拘留|停产停业整顿|停产整顿|停业整顿|"
    "停产停业|暂扣|停职检查|离岗培训|处分期|影响期|考验期|期限"
)
_LABEL_GAP = re.compile(r"[^，。；：、\n\d]{0,20}?(?=\d|[一二三四五六七八九十两半])")
_NEAR_GAP = re.compile(r"[^，。；：、\n]{0,4}?(?=\d|[一二三四五六七八九十两半])")
_BANNED = re.compile(
    rf"(?P<years>{_N})年(?:以)?内(?=不得|禁止|不予|限制)|终身(?=不得|禁止|禁驾|禁入|不能|市场禁入)"
)
_WIDE = ("暂扣", "停产停业整顿", "停产整顿", "停业整顿", "停产停业")


def find_terms(text: str, start: int = 0, end: int | None = None) -> list[Term]:
    """Return how long the sanctions of `text[start:end]` last.

    Accepts 留党察看一年, 有期徒刑一年六个月，缓刑二年, 暂扣…许可证60日, 三年有期徒刑,
    停产整顿三个月, 五年内不得担任, 终身不得. The range is that of the duration.
    """
    stop = len(text) if end is None else end
    found = [*_labelled_terms(text, start, stop), *_bans(text, start, stop)]
    return sorted(found, key=lambda term: term.start)


def _labelled_terms(text: str, start: int, stop: int) -> Iterator[Term]:
    for match in _LABEL.finditer(text, start, stop):
        label = match.group()
        gap = (_LABEL_GAP if label in _WIDE else _NEAR_GAP).match(text, match.end(), stop)
        term = _duration(text, gap.end(), stop, label) if gap else None
        yield from [term] if term is not None else _duration_before(text, start, match)


def _duration_before(text: str, start: int, label: re.Match[str]) -> list[Term]:
    """Read 三年 of 三年有期徒刑."""
    at = label.start() - (text[label.start() - 1 : label.start()] == "的")
    for begin in range(max(start, at - 10), at - 1):
        term = _duration(text, begin, at, label.group())
        if term is not None and term.end == at and not text[begin - 1 : begin].isdigit():
            return [term]
    return []


def _duration(text: str, at: int, stop: int, label: str) -> Term | None:
    match = _SPAN.match(text, at, stop)
    if match is None or not match.group() or text.startswith("内", match.end()):
        return None
    if match["half"]:
        return Term(match.start(), match.end(), match.group(), label, 6, None)
    numbers = [parse_integer(match[name] or "零") for name in ("years", "months", "days")]
    years, months, days = numbers
    if years is None or months is None or days is None or years > 30:
        return None
    months += years * 12 + (6 if match["plus"] else 0)
    return Term(match.start(), match.end(), match.group(), label, months or None, days or None)


def _bans(text: str, start: int, stop: int) -> Iterator[Term]:
    for match in _BANNED.finditer(text, start, stop):
        if match["years"] is None:
            yield Term(match.start(), match.end(), match.group(), "不得", None, None)
            continue
        begin, behind = match.start(), match.end("years")
        years = parse_integer(match["years"])
        # No law bans for 15 years: the 十 of 吴十五年内不得 belongs to the name.
        if (years is None or years > 10) and text[behind - 1] in "五三":
            begin, years = behind - 1, parse_integer(text[behind - 1])
        if years is not None:
            yield Term(begin, behind + 1, text[begin : behind + 1], "不得", years * 12, None)


# --- deadlines ---

_BY = r"(?:之|以)?前"
_DAY_DUE = re.compile(rf"{_BY}(?!夕)|为?止|截止")
_END_DUE = re.compile(
    rf"(?=[\d年{CHINESE_DIGITS}今本当])(?:"
    rf"(?:(?P<y>{_YEAR})年|[今本当]年)?(?<![\d第])(?P<month>{_MONTH})月份?"
    rf"(?P<end>底|末|[上中下]旬)?{_BY}"
    rf"|(?:(?P<year>{_YEAR})年|[今本当]年)?年?(?<=年)[底末]{_BY})"
)
_WITHIN = re.compile(
    rf"(?=[\d{CHINESE_DIGITS}])(?<![近\d])(?:{_N}(?:个月|日|天|年)至)?"
    rf"{_N}(?:个?(?:工作|自然)日|日|天|个月|个?(?:星期|小时)|周|年)(?:之|以)?内(?!不得|禁止|发生|累计|限制|曾|未)"
)
_SINCE = re.compile(r"(?:起|后|以后)\Z")
_SINCE_BEGINS = re.compile(r"自(?!己|身|然|查|主)|从(?!业|事)|收到|接到")
_SINCE_AFTER = re.compile(r"[在于应须要]")
_CLAUSE = re.compile(r"[，。；：、\n）]")
_EVERY = re.compile(
    r"每个?(?P<unit>半年|半月|季度?|年度?|月度?|周|星期|旬|日|天|阶段)[末底]?"
    rf"(?:(?:(?:{_MONTH})月)?(?:(?:{_DAY})日)?[底末]?{_BY})?"
)
_EVERY_NAME = dict(
    zip(("天", "星期", "季", "年度", "月度"), ("日", "周", "季度", "年", "月"), strict=True),
    阶段="个阶段",
)


def find_deadlines(
    text: str, start: int = 0, end: int | None = None, *, year: int | None = None
) -> list[DeadlineValue]:
    """Return when things are due in `text[start:end]`; `year` is that of the document.

    Accepts 2023年6月30日前, 6月30日前 (with `year`), 6月20前 (日 lost), 2023年底前, 6月底前,
    自…之日起30日内, 结案后10个月至1年内, 收到本批复后15日内, 每月, 每季度, 每旬, 每年12月底前.
    Not 近三年内 and 五年内不得.
    """
    stop = len(text) if end is None else end
    found: list[DeadlineValue] = [_recurring(match) for match in _EVERY.finditer(text, start, stop)]
    for date in find_dates(text, start, stop, year=year):
        due = _DAY_DUE.match(text, date.end, stop)
        if due is not None and not (date.iso and len(date.iso) < 10):
            raw = text[date.start : due.end()]
            found.append(
                DeadlineValue(date.start, due.end(), raw, date.iso, repaired=date.repaired)
            )
    found += [_end_of_month(match, year) for match in _END_DUE.finditer(text, start, stop)]
    for match in _WITHIN.finditer(text, start, stop):
        begin = _since(text, start, match.start())
        found.append(DeadlineValue(begin, match.end(), text[begin : match.end()]))
    kept: list[DeadlineValue] = []
    for deadline in sorted(found, key=lambda value: (value.start, -value.end)):
        if not kept or deadline.start >= kept[-1].end:
            kept.append(deadline)
    return kept


def _recurring(match: re.Match[str]) -> DeadlineValue:
    unit = match["unit"]
    name = "每" + _EVERY_NAME.get(unit, unit)
    return DeadlineValue(match.start(), match.end(), match.group(), recurring=name)


def _end_of_month(match: re.Match[str], year: int | None) -> DeadlineValue:
    """Date 6月底前 and 2023年底前; 6月前 and 6月中旬前 name no day."""
    printed = parse_integer(match["y"] or match["year"] or "")
    stated = printed if printed is not None else year
    month = parse_integer(match["month"]) if match["month"] else 12
    certain = match["month"] is None or match["end"] in ("底", "末")
    iso = None
    if certain and stated is not None and month is not None and _is_date(stated, month, None):
        iso = _iso(stated, month, calendar.monthrange(stated, month)[1])
    return DeadlineValue(match.start(), match.end(), match.group(), iso)


def _since(text: str, start: int, at: int) -> int:
    """Return where the event begins that the days count from (自…之日起, 结案后), else `at`."""
    floor = max(start, at - 30)
    clause = _CLAUSE.split(text[floor:at])[-1]
    if not _SINCE.search(clause):
        return at
    stated = _SINCE_BEGINS.search(clause)
    if stated:
        return at - len(clause) + stated.start()
    links = [match.end() for match in _SINCE_AFTER.finditer(clause)]
    return at - len(clause) + (links[-1] if links else 0)
