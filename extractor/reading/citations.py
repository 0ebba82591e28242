"""Document numbers: 发文字号, orders, penalty, court, procuratorate, police and discipline numbers.

The bracketed year, 令 or 字第 is the anchor. To its right stands the sequence number, often a list;
to its left the agency code, whose beginning is found by walking left, since Chinese has no spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from extractor.extraction import NumberFlag, NumberKind
from extractor.reading.numerals import parse_integer
from extractor.reading.sentences import breaks_sentence
from extractor.rules import load_toml
from extractor.view import View

_LONGEST_CODE = 20
_LONGEST_WALK = 40
_MOST_IN_RANGE = 20
_CN = "[〇零一二三四五六七八九十百]"
_YEAR = r"(?:19[4-9]\d|2[0Oo][\dOo]{2}|[一二][〇零一二三四五六七八九]{3})"
_OPENING = "（《“‘〈【[〔：\n"


@dataclass(frozen=True, slots=True)
class NumberMention:
    """One document number where the text prints it.

    `start` and `end` are of the view's text, `raw` is `view.text[start:end]`. `normal` is
    CODE〔YYYY〕N号, for courts （YYYY）CODE N号 without the space, for orders ISSUER令第N号. An
    item of a list (56号 in 50号、56号) has the range of that item and the flag `elided`.
    """

    normal: str
    kind: NumberKind
    raw: str
    start: int
    end: int
    flags: tuple[NumberFlag, ...] = ()


def find_document_numbers(view: View) -> list[NumberMention]:
    """Return every document number that the view prints, in text order, each mention once.

    Accepts all brackets and mixed pairs, Chinese and Western digits, 第, leading zeros, lists
    (50号、56号; 15、16、17号; 15号至18号; 〔2020〕3号、〔2021〕4号), a lost bracket (〔20181号,
    2021）4号, 201898号), a lost final 号, 国务院第493号令, （2020）吉0102刑初123号, and 罚决字第1号
    without a year. Not standards, licences, plates, addresses, articles and dates.
    """
    text, offsets = _mended(view.text)
    groups = [*_orders(text), *_with_year(text), *_damaged(text), *_without_year(text)]
    mentions: list[NumberMention] = []
    end = 0
    for group in sorted(groups, key=lambda group: (group[0].start, -group[-1].end)):
        if group[0].start >= end:
            mentions += group
            end = group[-1].end
    return mentions if offsets is None else [_moved(m, view.text, offsets) for m in mentions]


# A line break inside a number: 第0 / 07号, 〔2022 / 〕9号; where the view has mended the line, a
# space stands between the digits: 〔20 22〕, 〕1 5号.
_SPACED = re.compile(r"[〔\[【]\d{1,3} (?=\d{1,3}[〕\]】])|(?<=[〕\]】令])第?\d{1,3} (?=\d{1,3}号)")
_BROKEN = re.compile(r"(?<=[\d〔\[【第])\n(?=[\d〕\]】]{1,6}号|[〕\]】]|\d{1,4}[〕\]】])")

_BROKEN_CODE = re.compile(r"[\u4e00-\u9fff]\n(?=[\u4e00-\u9fff]{0,6}(?:〔(?:19|20)\d\d〕|令第)\d)")


def _mended(text: str) -> tuple[str, list[int] | None]:
    """Return the text without the line breaks inside numbers, and the way back if there are any."""
    breaks = {match.start() for match in _BROKEN.finditer(text)}
    breaks.update(match.end() - 1 for match in _SPACED.finditer(text))
    breaks.update(
        match.start() + 1
        for match in _BROKEN_CODE.finditer(text)
        if breaks_sentence(text, match.start() + 1)
    )
    if not breaks:
        return text, None
    offsets = [at for at in range(len(text)) if at not in breaks]
    return "".join(text[at] for at in offsets), offsets


def _moved(mention: NumberMention, text: str, offsets: Sequence[int]) -> NumberMention:
    start, end = offsets[mention.start], offsets[mention.end - 1] + 1
    flags = mention.flags
    if end - start > mention.end - mention.start and "repaired" not in flags:
        flags = (*flags, "repaired")
    return replace(mention, raw=text[start:end], start=start, end=end, flags=flags)


# --- the sequence numbers, right of the anchor ---


@dataclass(frozen=True, slots=True)
class _Item:
    """A sequence number in normal form; `start` is None for what begins with the code."""

    number: str
    start: int | None
    end: int
    flags: tuple[NumberFlag, ...] = ()


@dataclass(frozen=True, slots=True)
class _Token:
    """A number as printed in a list, the word before it, and whether 号 stands behind it."""

    number: int
    joined_by: str
    start: int
    end: int
    has_hao: bool


_NUMBER = re.compile(rf" ?第?(?P<number>\d{{1,20}}|{_CN}{{1,5}})(?![\d.])(?P<hao>号)?")
_MORE = re.compile(
    r"(?P<join>、|，|和|及|与|以及|至|到|~|—{1,2}|-)第?"
    rf"(?P<number>\d{{1,6}}|{_CN}{{1,5}})(?![\d.])(?P<hao>号)?"
)
_CODED = re.compile(
    r" ?第?(?P<number>[A-Za-z\u4e00-\u9fff]{1,8}-\d{1,5}(?:-\d{1,4})?|[A-Za-z]{1,3}\d{1,6}"
    r"|(?:[\u4e00-\u9fff]{1,4}|（[\u4e00-\u9fff]{1,3}）)\d{1,5}|\d{1,5}-\d{1,5})号"
    r"|第?（(?P<inner>[A-Za-z\d-]{1,10})）号"
)
_MORE_CODED = re.compile(r"(?:、|，|和|及|与|以及)(?=[A-Za-z\d\u4e00-\u9fff]{1,8}-\d)")
_NOT_CODED = re.compile(r"[第字版年期月日]")
_RANGES = ("至", "到", "~", "—", "——", "-")


def _read_sequence(text: str, at: int) -> list[_Item]:
    """Return the sequence numbers that begin at `at`: one, a list, or a range; [] if none."""
    first = _NUMBER.match(text, at)
    tokens = list(_tokens(text, first)) if first else []
    while tokens and not tokens[-1].has_hao:
        tokens.pop()
    if tokens:
        return _items(tokens)
    coded = _CODED.match(text, at)
    if coded:
        return _coded_items(text, coded)
    if first and _has_lost_hao(text, first):
        return [_Item(str(int(first["number"])), None, first.end(), ("repaired",))]
    return []


def _coded_items(text: str, match: re.Match[str] | None) -> list[_Item]:
    """Read 综-01号 and lists of the like (6-1号、6-2号); the code is kept as printed."""
    items: list[_Item] = []
    while match is not None:
        number = match["number"] or match["inner"]
        if _NOT_CODED.search(number) or _counts(text, match.end()):
            break
        number = str(int(number)) if number.isdigit() else number
        start = match.start("number") if items else None
        items.append(_Item(number, start, match.end(), ("elided",) if items else ()))
        joined = _MORE_CODED.match(text, match.end())
        match = _CODED.match(text, joined.end()) if joined else None
    return items


def _tokens(text: str, match: re.Match[str] | None) -> Iterator[_Token]:
    while match is not None:
        number = parse_integer(match["number"])
        if number is None or (match["hao"] and _counts(text, match.end())):
            return
        join = match["join"] if match.re is _MORE else ""
        if join == "-" and text[match.start() - 1] != "号":
            return
        yield _Token(number, join, match.start("number"), match.end(), bool(match["hao"]))
        match = _MORE.match(text, match.end())


def _counts(text: str, at: int) -> bool:
    """Tell whether a thing follows that the number counts: 3号楼, 2号线."""
    return bool(_patterns().not_before.match(text, at))


def _has_lost_hao(text: str, match: re.Match[str]) -> bool:
    number = match["number"]
    if not number.isdigit() or number[0] == "0" or len(number) > 4:
        return False
    return text[match.end() : match.end() + 1] in ("）", "》", "\n", "")


def _items(tokens: Sequence[_Token]) -> list[_Item]:
    items = [_Item(str(tokens[0].number), None, tokens[0].end)]
    for before, token in pairwise(tokens):
        span = token.number - before.number
        if token.joined_by in _RANGES and 0 < span < _MOST_IN_RANGE:
            first = replace(items.pop(), end=token.end)
            first = replace(first, flags=(*first.flags, "expanded"))
            numbers = range(before.number, token.number + 1)
            items += [replace(first, number=str(number)) for number in numbers]
        else:
            items.append(_Item(str(token.number), token.start, token.end, ("elided",)))
    return items


# --- the agency code, left of the anchor ---


@dataclass(frozen=True, slots=True)
class _Code:
    """An agency code, or the issuer's name that stands for one, and where it begins."""

    text: str
    start: int
    flags: tuple[NumberFlag, ...] = ()


@dataclass(frozen=True, slots=True)
class _Patterns:
    """The rows of agency.toml, compiled."""

    is_code: re.Pattern[str]
    organ: re.Pattern[str]
    not_group: re.Pattern[str]
    licence: re.Pattern[str]
    licence_damaged: re.Pattern[str]
    label: re.Pattern[str]
    type_end: frozenset[str]
    glue: re.Pattern[str]
    weak: re.Pattern[str]
    hard: re.Pattern[str]
    soft: re.Pattern[str]
    issuer: re.Pattern[str]
    relative: re.Pattern[str]
    not_before: re.Pattern[str]
    no_open: re.Pattern[str]
    no_brackets: re.Pattern[str]
    court: re.Pattern[str]
    court_needs: re.Pattern[str]
    opinion: re.Pattern[str]
    institute: re.Pattern[str]
    order_issuer: re.Pattern[str]
    order_drop: re.Pattern[str]
    order_through: re.Pattern[str]
    order_yearly: re.Pattern[str]
    kinds: tuple[tuple[NumberKind, re.Pattern[str]], ...]


@cache
def _patterns() -> _Patterns:
    rows = load_toml("agency.toml")
    code, left, court, order = rows["code"], rows["left"], rows["court"], rows["order"]
    group, place = r"（[\u4e00-\u9fff]{1,6}）", f"[^{code['not_place']}（）]"
    types, ends = f"[{court['types']}]", f"[{code['type_end']}]"
    return _Patterns(
        is_code=re.compile(
            rf"{group}(?=.*(?:{code['organs']}))|(?:{code['central']})"
            rf"|{place}{{1,4}}(?:{group})?(?:{code['organs']})|{place}{{1,3}}(?:{code['closing']})\Z"
        ),
        organ=re.compile(code["organs"]),
        not_group=re.compile(code["not_group"]),
        licence=re.compile(code["licence"]),
        licence_damaged=re.compile(code["licence_damaged"]),
        label=re.compile(rf"(?:{code['label']})[（“]?\Z"),
        type_end=frozenset(code["type_end"]),
        glue=re.compile(left["glue"]),
        weak=re.compile(left["weak"]),
        hard=re.compile(left["hard"]),
        soft=re.compile(left["soft"]),
        issuer=re.compile(left["issuer"]),
        relative=re.compile(left["relative"]),
        not_before=re.compile(rows["sequence"]["not_before"]),
        no_open=re.compile(rf"(?<={ends})(?P<year>(?:19|20)\d\d)[〕\]】〗）]"),
        no_brackets=re.compile(
            rf"(?<={ends})(?P<year>(?:19|20)\d\d) ?第?"
            r"(?:(?P<number>0{0,3}[1-9]\d{0,3})号(?![楼线井机泵炉仓罐库车厂塔桩墩宗地])"
            rf"|(?=[\u4e00-\u9fff]{{1,4}}-\d{{1,4}}号))"
        ),
        court=re.compile(
            rf"(?P<code>[\u4e00-\u9fff]{{1,5}}?(?P<court>\d{{1,4}})?{types}{{1,5}}"
            rf"(?:（[\u4e00-\u9fff]{{1,3}}）{types}{{1,4}})?)(?=第?\d)"
        ),
        court_needs=re.compile(court["needs"]),
        opinion=re.compile(rows["opinion"]["code"]),
        institute=re.compile(rows["opinion"]["issuer"]),
        order_issuer=re.compile(order["issuer"]),
        order_drop=re.compile(order["drop"]),
        order_through=re.compile(rf"(?:{order['through']})\Z"),
        order_yearly=re.compile(rf"(?:{order['yearly']})\Z"),
        kinds=tuple((row["kind"], re.compile(row["pattern"])) for row in rows["kind"]),
    )


_GROUP = re.compile(r"（[^）]*）")


def _walk_left(text: str, at: int) -> int:
    """Return where the run of Chinese characters, letters and （groups） before `at` begins."""
    floor = max(0, at - _LONGEST_WALK)
    begin = at
    while begin > floor:
        char = text[begin - 1]
        if char == "）":
            opened = text.rfind("（", max(floor, begin - 9), begin - 1)
            inner = text[opened + 1 : begin - 1]
            if opened < 0 or not _is_chinese(inner) or _patterns().not_group.search(inner):
                break
            begin = opened
        elif "\u4e00" <= char <= "\u9fff" or (char.isascii() and char.isalpha()):
            begin -= 1
        else:
            break
    return begin


def _is_chinese(text: str) -> bool:
    return 0 < len(text) < 7 and all("\u4e00" <= char <= "\u9fff" for char in text)


def _read_code(text: str, at: int) -> _Code | None:
    """Return the agency code that ends at `at`; None if there is none or it is a licence's."""
    patterns = _patterns()
    stop = at
    begin = _walk_left(text, at)
    if begin == at and text[at - 1 : at] == "\n":
        stop, begin = at - 1, _walk_left(text, at - 1)
        if not patterns.is_code.match(text[begin:stop]):
            return None
    if text[begin - 1 : begin].isdigit() and text[begin : begin + 1] in tuple("日月年号时分次份页"):
        begin += 1
    is_open = begin == 0 or text[begin - 1] in _OPENING
    begin += _code_start(text[begin:stop], is_open=is_open)
    code = text[begin:stop]
    before = text[max(begin - 24, 0) : begin]
    if patterns.licence.search(code) or patterns.label.search(before):
        return None
    if not code:
        return _issuer_before(text, at)
    if len(code) > _LONGEST_CODE:
        return None
    flags: tuple[NumberFlag, ...] = ("no_code",) if patterns.issuer.search(code) else ()
    if patterns.relative.match(code):
        flags = (*flags, "relative")
    return _Code(code, begin, flags)


def _code_start(run: str, *, is_open: bool) -> int:
    """Return where the code begins in the text that stands unbroken before the bracket."""
    patterns = _patterns()
    masked = _GROUP.sub(lambda group: "□" * len(group.group()), run)
    glued = [match.end() for match in patterns.glue.finditer(masked)]
    start = glued[-1] if glued else 0
    if start or not is_open:
        weak = patterns.weak.match(run, start)
        if weak and patterns.is_code.match(run[weak.end() :]):
            start = weak.end()
    hard = [match.end() for match in patterns.hard.finditer(masked, start)]
    cuts = [cut for cut in hard if patterns.is_code.match(run[cut:])]
    if cuts:
        return cuts[-1]
    if patterns.is_code.match(run[start:]):
        return start
    # The place may be one of the characters that organs use too, such as 安 or 建.
    cuts = [cut for cut in hard if patterns.organ.search(run[cut + 1 : cut + 6])]
    if not cuts:
        soft = [match.end() for match in patterns.soft.finditer(masked, start)]
        cuts = [cut for cut in soft if patterns.is_code.match(run[cut:])]
    return cuts[-1] if cuts else start


_ISSUED = re.compile(r"(?:出具|印发|下发|制定|发布|作出)?的?\Z")


def _issuer_before(text: str, at: int) -> _Code | None:
    """Read the issuer of a number without a code: 县委出具的〔2009〕1号."""
    issued = _ISSUED.search(text, max(at - 4, 0), at)
    end = issued.start() if issued else at
    begin = _walk_left(text, end)
    begin += _code_start(text[begin:end], is_open=False)
    issuer = text[begin:end]
    if not _patterns().issuer.search(issuer) or len(issuer) > _LONGEST_CODE:
        return None
    return _Code(issuer, begin, ("no_code",))


def _kind_of(code: str) -> NumberKind:
    return next((kind for kind, pattern in _patterns().kinds if pattern.search(code)), "admin")


# --- numbers with a year ---

_ANCHOR = re.compile(rf"[〔\[【〖（〈<{{](?P<year>{_YEAR})年?(?P<close>[〕\]】〗）〉>}}])?年?")
_LETTER = re.compile(r"[Oo]")
_JOIN = re.compile(r"(?:、|，|和|及|与|以及)?")


def _with_year(text: str) -> Iterator[list[NumberMention]]:
    """Yield the numbers of each bracketed year."""
    held: _Code | None = None
    end = -1
    for anchor in _ANCHOR.finditer(text):
        group = _court_numbers(text, anchor) or _institute_numbers(text, anchor)
        code = None
        if not group and (items := _read_sequence(text, anchor.end())):
            code = _read_code(text, anchor.start())
            if code is None and held and _JOIN.fullmatch(text, end, anchor.start()):
                code = _Code(held.text, anchor.start(), (*held.flags, "elided"))
            if code is not None and _may_stand_in_round(text, anchor, code):
                group = _numbers(text, code, anchor, items)
        if group:
            held, end = code, group[-1].end
            yield group


def _year(printed: str) -> int | None:
    """Read a year in Western or Chinese digits; scanning turns 0 into O."""
    return parse_integer(_LETTER.sub("0", printed))


def _may_stand_in_round(text: str, anchor: re.Match[str], code: _Code) -> bool:
    """Ask more of a code before a round bracket: 永川市新建工程（2019）3号 is no number."""
    if text[anchor.start()] != "（" or "elided" in code.flags:
        return True
    patterns = _patterns()
    has_organ = patterns.organ.search(code.text) and code.text[-1] in patterns.type_end
    return bool(has_organ or patterns.is_code.match(code.text))


def _numbers(
    text: str, code: _Code, anchor: re.Match[str], items: Sequence[_Item]
) -> list[NumberMention]:
    year = _year(anchor["year"])
    name = code.text
    kind: NumberKind = _kind_of(name)
    shape = f"{name}〔{year}〕%s号"
    if name.endswith("令") and _patterns().order_issuer.search(name[:-1]):
        kind, shape = "order", _order_shape(name[:-1], year)
    is_whole = anchor.re is _ANCHOR and anchor["close"] and not _LETTER.search(anchor["year"])
    repaired: tuple[NumberFlag, ...] = () if is_whole else ("repaired",)
    return _mentions(text, shape, kind, replace(code, flags=(*code.flags, *repaired)), items)


def _mentions(
    text: str, shape: str, kind: NumberKind, code: _Code, items: Sequence[_Item]
) -> list[NumberMention]:
    """Complete each item with the code and year before the first."""
    mentions = []
    for item in items:
        start = code.start if item.start is None else item.start
        flags = tuple(dict.fromkeys((*code.flags, *item.flags)))
        raw = text[start : item.end]
        mentions.append(NumberMention(shape % item.number, kind, raw, start, item.end, flags))
    return mentions


_AFTER_COURT = re.compile(r"之[一二三四五六七八九十\d]{1,2}(?![项条款])")


def _court_numbers(text: str, anchor: re.Match[str]) -> list[NumberMention]:
    """Read （2020）吉0102刑初123号之一 and, before 2016, （2015）净刑初字第12号."""
    match = _patterns().court.match(text, anchor.end()) if anchor["close"] else None
    if match is None or not _patterns().court_needs.search(match["code"]):
        return []
    old = match["code"].endswith("字")
    if not (old or match["court"] or text[anchor.start()] == "（"):
        return []
    items = _read_sequence(text, match.end())
    after = _AFTER_COURT.match(text, items[-1].end) if items else None
    if after is not None and len(items) == 1:
        items = [replace(items[0], end=after.end())]
    shape = f"（{_year(anchor['year'])}）{match['code']}{'第' if old else ''}%s号"
    if after is not None and len(items) == 1:
        shape += after.group()
    return _mentions(text, shape, "court", _Code("", anchor.start()), items)


def _institute_numbers(text: str, anchor: re.Match[str]) -> list[NumberMention]:
    """Read the opinion of an institute: 青石医院司法鉴定所〔2022〕毒鉴字第302号."""
    match = _patterns().opinion.match(text, anchor.end()) if anchor["close"] else None
    if match is None:
        return []
    begin = _walk_left(text, anchor.start())
    if begin > 0 and text[begin - 1] not in _OPENING:
        begin += _code_start(text[begin : anchor.start()], is_open=False)
    issuer = text[begin : anchor.start()]
    if len(issuer) > _LONGEST_CODE or not _patterns().institute.search(issuer):
        return []
    shape = f"{issuer}〔{_year(anchor['year'])}〕{match['code']}%s号"
    return _mentions(text, shape, "report_no", _Code("", begin), _read_sequence(text, match.end()))


def _damaged(text: str) -> Iterator[list[NumberMention]]:
    """Yield numbers that lost the opening bracket or both: 2021）4号, 201898号."""
    patterns = _patterns()
    for pattern in (patterns.no_open, patterns.no_brackets):
        for anchor in pattern.finditer(text):
            counted = pattern is patterns.no_brackets and anchor["number"] is not None
            at = anchor.start("number") if counted else anchor.end()
            items = _read_sequence(text, at)
            code = _read_code(text, anchor.start()) if items else None
            if code is None or patterns.licence_damaged.search(code.text):
                continue
            if patterns.is_code.match(code.text):
                yield _numbers(text, code, anchor, items)


_WITHOUT_YEAR = re.compile(r"字第(?P<number>\d{1,20})号")
_MAY_LACK_YEAR = ("penalty", "enforcement", "police", "procuratorate", "discipline")


def _without_year(text: str) -> Iterator[list[NumberMention]]:
    """Yield 罚决字第1号: a number without a year, of the kinds that print some so."""
    for anchor in _WITHOUT_YEAR.finditer(text):
        code = _read_code(text, anchor.start() + 1)
        if code is None or text[code.start - 1 : code.start] in ("〕", "]", "】", "）"):
            continue
        kind = _kind_of(code.text)
        items = _read_sequence(text, anchor.start("number"))
        if kind in _MAY_LACK_YEAR and items:
            yield _mentions(text, f"{code.text}第%s号", kind, code, items)


# --- orders ---

_ORDER = re.compile(
    rf"令(?:（?(?P<year>(?:19|20)\d\d)年）?)?(?=第?(?:\d{{1,4}}|{_CN}{{1,6}})号)"
    rf"|(?:(?P<before>(?:19|20)\d\d)年)?第?(?P<number>(?<!\d)\d{{1,4}}|{_CN}{{1,6}})号令"
)


def _orders(text: str) -> Iterator[list[NumberMention]]:
    """Yield 国务院令第493号, 国务院第493号令, 交通运输部令2016年第36号."""
    for anchor in _ORDER.finditer(text):
        issuer = _order_issuer(text, anchor.start())
        if issuer is None:
            continue
        if anchor["number"]:
            number = parse_integer(anchor["number"])
            items = [] if number is None else [_Item(str(number), None, anchor.end())]
        else:
            items = _read_sequence(text, anchor.end())
        if items:
            year = parse_integer(anchor["year"] or anchor["before"] or "")
            year = year or _year_before(text, issuer)
            yield _mentions(text, _order_shape(issuer.text, year), "order", issuer, items)


def _order_shape(issuer: str, year: int | None) -> str:
    """Keep a printed year but where the orders are numbered through all years."""
    through = year is None or _patterns().order_through.search(issuer)
    return f"{issuer}令第%s号" if through else f"{issuer}令{year}年第%s号"


def _year_before(text: str, issuer: _Code) -> int | None:
    """Read the 2005 of 2005年交通部令第9号."""
    before = text[max(issuer.start - 5, 0) : issuer.start]
    is_yearly = _patterns().order_yearly.search(issuer.text) and before.endswith("年")
    return parse_integer(before[:4]) if is_yearly else None


def _order_issuer(text: str, at: int) -> _Code | None:
    patterns = _patterns()
    begin = max(_walk_left(text, at), at - 24)
    glued = [match.end() for match in patterns.glue.finditer(text, begin, at)]
    begin = glued[-1] if glued else begin
    if text[begin - 1 : begin].isdigit() and text[begin] == "年":
        begin += 1
    name = text[begin:at]
    while drop := patterns.order_drop.match(name):
        name = name[drop.end() :]
    if len(name) < 2 or not patterns.order_issuer.search(name):
        return None
    flags: tuple[NumberFlag, ...] = ("relative",) if patterns.relative.match(name) else ()
    return _Code(name, begin, flags)
