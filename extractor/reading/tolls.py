"""The toll of an accident: deaths, injuries and direct economic loss, as a passage states them.

Written forms: 造成3人死亡、2人受伤; 一人死亡; 2人当场死亡，2人经抢救无效死亡 (added up); 死亡5人，
重伤2人、轻伤3人; 9人受伤（其中4人重伤）; 3死2伤; 未造成人员伤亡; 直接经济损失约450万元, 250余万,
610701.6元. Missing persons (失联, 失踪) count as neither; bounds of law (3人以上) are no toll.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from extractor.reading.numerals import parse_number
from extractor.reading.values import find_amounts
from extractor.rules import load_toml

_N = r"(?<![\d.第])(?:\d{1,4}|[一二两三四五六七八九十百]{1,4})"
_NEAR = r"[^。；，\d（）\n]"
_RESCUED = (
    rf"(?:{_NEAR}{{0,6}}120)?{_NEAR}{{0,14}}(?:抢救|救治|医治){_NEAR}{{0,4}}无效{_NEAR}{{0,6}}?"
)
_WHEN = r"(?:于?(?:\d{1,2}月)?\d{1,2}日(?:\d{1,2}时)?(?:\d{1,2}分)?许?)?"
_BOUND = re.compile(r"以[上下内]|及以上")
_SUBSET = re.compile(r"其中(?:有|包括|含|：)?$")
_BRACKETS = re.compile(r"（[^（）\n]{0,80}）")
_LIST_GAP = re.compile(r"[，、；及和与以又]{0,3}(?:另有?|另外|其余|后|随后|还有|又有)?[，、]?")
_BARE_COUNT = re.compile(
    rf"{_N}[名人](?:(?![死伤亡遇失困毒溺])[\u4e00-\u9fff]){{0,6}}[、和及与][^，。；、（）\n]{{0,18}}$"
)
_WITH_OTHERS = re.compile(r"(?<![亡伤踪联毒毁坏损失染断漏塌])(?:以及|及|和|与)$")
_FROM_INJURED = re.compile(r"[^。；]{0,6}[，（](?:其中|后)(?:有|又有)?[^。；]{0,12}")
_DIED_OF_IT = re.compile(rf"，?后?{_RESCUED}{_WHEN}死亡")
_CLUSTER_GAP = 60
_LOSS_CHARS = 80
_YUAN_LOST = re.compile(r"(\d{1,8}(?:\.\d{1,4})?)[余多]?(万|亿)[余多]?(?=[。，；、\n）])")


@dataclass(frozen=True, slots=True)
class Stated:
    """A whole number and the range of the text that states it."""

    value: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Toll:
    """Deaths and injuries that one passage states; None where it states none."""

    deaths: Stated | None
    injuries: Stated | None


@dataclass(frozen=True, slots=True)
class _Count:
    """A count of persons; `inside`: a part of the count before, behind 其中 or in brackets."""

    value: int
    start: int
    end: int
    is_death: bool
    inside: bool


@cache
def _words() -> dict[str, Any]:
    rules: dict[str, Any] = load_toml("accidents.toml")["toll"]
    return rules


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(_words()[name])


@cache
def _count_patterns() -> tuple[re.Pattern[str], ...]:
    """Patterns of 3名工人死亡, 死亡3人 and 3死2伤."""
    kinds = rf"(?:(?P<death>{_words()['death']})|(?P<injury>{_words()['injury']}))"
    behind = r"(?:的)?(?:人数|人员|者)?(?:为|共计|共|：|达)?"
    return (
        re.compile(
            rf"(?P<n>{_N})余?[名位个人](?P<who>[^\d。；，、（）\n]{{0,18}}?)(?:，后?{_RESCUED})?"
            rf"{_WHEN}{kinds}"
        ),
        re.compile(rf"{kinds}{behind}(?P<n>{_N})(?P<who>)[名人位]"),
        re.compile(
            rf"(?P<n>{_N})人?(?P<who>)(?:(?P<death>死(?=[\d一二三四五六七八九十两]))"
            r"|(?P<injury>伤(?=[。，；）、\n])))"
        ),
    )


def read_toll(text: str, start: int, end: int) -> Toll:
    """Return the deaths and injuries that `text[start:end]` states of one accident.

    Neighbouring counts are added up (2人当场死亡，2人经抢救无效死亡); what follows 其中 or stands
    in brackets is part of the count before it, where there is one. Of several lists the first one
    counts. A total that is not plain (dead among the injured) is None. 未造成人员伤亡 is 0; one
    victim who is named (致操作工吕某某死亡) is 1.
    """
    counts = list(_counts(text, start, end))
    deaths = _total(text, counts, is_death=True)
    injuries = _total(text, counts, is_death=False)
    if deaths is not None and injuries is not None and _died_later(text, injuries, deaths):
        injuries = None
    if not counts:
        one = _pattern("one").search(text, start, end)
        if one is not None:
            return Toll(Stated(1, one.start(), one.end()), None)
        nobody = _pattern("nobody").search(text, start, end)
        if nobody is not None:
            none = Stated(0, nobody.start(), nobody.end())
            return Toll(none, none)
    return Toll(deaths, injuries)


def _counts(text: str, start: int, end: int) -> Iterator[_Count]:
    """Yield every count of dead or injured persons in the passage, in order, without overlaps."""
    matches = sorted(
        (m for pattern in _count_patterns() for m in pattern.finditer(text, start, end)),
        key=lambda m: (m.start(), -m.end()),
    )
    last: _Count | None = None
    for match in matches:
        value = parse_number(match.group("n"))
        overlaps = last is not None and match.start() < last.end
        if value is None or overlaps or not _is_of_accident(text, match, start):
            continue
        inside = _is_inside(text, start, match.start())
        if last is not None and last.inside and not inside:
            inside = _LIST_GAP.fullmatch(text, last.end, match.start()) is not None
        is_death = match.group("death") is not None
        died = None if is_death else _DIED_OF_IT.match(text, match.end(), end)
        stop = match.end() if died is None else died.end()
        last = _Count(int(value), match.start(), stop, is_death or died is not None, inside)
        yield last


def _is_inside(text: str, start: int, at: int) -> bool:
    opened = text.rfind("（", start, at) > text.rfind("）", start, at)
    return opened or _SUBSET.search(text, max(start, at - 6), at) is not None


def _is_of_accident(text: str, match: re.Match[str], start: int) -> bool:
    """Tell whether a match counts persons, and not a bound of law or one item of several."""
    if _BOUND.search(text, match.start(), match.end() + 4):
        return False
    if _pattern("none_of_it").search(match.group("who")):
        return False
    before = text[max(start, match.start() - 26) : match.start()]
    is_listed = match.re is _count_patterns()[0] and _BARE_COUNT.search(before) is not None
    return not is_listed and _WITH_OTHERS.search(before) is None


def _total(text: str, counts: Sequence[_Count], *, is_death: bool) -> Stated | None:
    """Add up the first list of counts of this sort; None where it is not one run of counts."""
    sort = [count for count in counts if count.is_death == is_death]
    if not sort:
        return None
    first = sort[0]
    taken = [first]
    for count in sort[1:]:
        gap = text[taken[-1].end : count.start]
        if "。" in gap or len(gap) > _CLUSTER_GAP:
            break
        if count.inside and not first.inside:
            continue
        if _LIST_GAP.fullmatch(_BRACKETS.sub("", gap)):
            taken.append(count)
        elif _joins(text, taken[-1].end, count.start, counts):
            return None
        else:
            break
    return Stated(sum(count.value for count in taken), first.start, taken[-1].end)


def _joins(text: str, start: int, end: int, counts: Sequence[_Count]) -> bool:
    """Tell whether only separators and counts of the other sort stand in `text[start:end]`."""
    between = [count for count in counts if start <= count.start and count.end <= end]
    at = start
    for count in between:
        if not _LIST_GAP.fullmatch(text, at, count.start):
            return False
        at = count.end
    return bool(between) and _LIST_GAP.fullmatch(text, at, end) is not None


def _died_later(text: str, injuries: Stated, deaths: Stated) -> bool:
    """Tell whether the dead are some of the injured: 3人受伤，其中1人经抢救无效死亡."""
    return _FROM_INJURED.fullmatch(text, injuries.end, deaths.start) is not None


def read_loss(text: str, start: int, end: int) -> Stated | None:
    """Return the direct economic loss in whole yuan (half a yuan rounds up) in `text[start:end]`.

    约, 余 and 近 are dropped; indirect losses and bounds of law (1000万元以上) are left out.
    """
    for word in _words()["loss"]:
        at = text.find(word, start, end)
        while at >= 0:
            behind = at + len(word)
            found = _sum_behind(text, at, behind, min(end, behind + _LOSS_CHARS))
            if found is not None:
                return found
            at = text.find(word, behind, end)
    return None


def _sum_behind(text: str, at: int, behind: int, end: int) -> Stated | None:
    gap = _pattern("before_loss").match(text, behind, end)
    first = gap.end() if gap is not None else behind
    amount = next(iter(find_amounts(text, behind, end)), None)
    if amount is not None and amount.start <= first + 2:
        is_bound = amount.bound or _BOUND.match(text, amount.end, amount.end + 4)
        return None if is_bound else Stated(amount.yuan, at, amount.end)
    lost = _YUAN_LOST.match(text, first, end)
    value = parse_number(lost.group(1) + lost.group(2)) if lost is not None else None
    if lost is None or value is None:
        return None
    return Stated(int(value + Fraction(1, 2)), at, lost.end())
