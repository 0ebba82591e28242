"""The shapes of names: persons (masked and minority names too), organisations, titles.

Written forms: 张三, 欧阳某某, 张某, 张某甲, 李*, 王**, 赵×, 钱×军, 孙XX, 艾力·买买提, “老马”;
organisations by their ending (…有限公司, …应急管理局, …街道办事处); ORG+TITLE+NAME and
NAME，男，ORG+TITLE.
No list of surnames is used: a name is recognised by its place in the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from extractor.rules import load_toml

_MASK = r"[某*×xX〇]"
_NAME_BODY = (
    rf"[\u4e00-\u9fff](?:{_MASK}{{1,3}}[甲乙丙丁戊0-9]?|[\u4e00-\u9fff]{_MASK}{{1,2}}"
    rf"|{_MASK}[\u4e00-\u9fff])|[\u4e00-\u9fff]{{2}}[*×xX〇][\u4e00-\u9fff]|[\u4e00-\u9fff]{{1,2}}[A-Z]"
    rf"|[\u4e00-\u9fff]{{1,8}}·[\u4e00-\u9fff]{{1,10}}(?:·[\u4e00-\u9fff]{{1,8}})?"
    rf"|[\u4e00-\u9fff]{{2,4}}"
)
NAME = re.compile(_NAME_BODY)
MASKED = re.compile(
    rf"[\u4e00-\u9fff]{{1,2}}{_MASK}{{1,3}}[甲乙丙丁戊0-9]?|[\u4e00-\u9fff]{{1,2}}[*×xX][\u4e00-\u9fff]"
)
_QUOTED_NAME = re.compile(r"[“\"]([\u4e00-\u9fff·A-Za-z]{2,8})[”\"]")
_COUNT = re.compile(r"(\d{1,3}|[一二两三四五六七八九十]{1,3})(?:名|人|位|家)")
_COUNTED = re.compile(
    r"(?:\d{1,3}|[一二两三四五六七八九十]{1,2})(?:名|位|人|家)"
    r"[^，。；\d]{0,24}?(?:人员|责任人|人|单位|企业|干部|官员|责任者|领导|职工|员工|民警|网格员|监管员|协管员|安全员)$"
)
_BRACKETS = re.compile(r"（[^（）]{0,30}）")
_GLUED_ORGANS = re.compile(
    r"((?:区|县|市|省|镇|乡|州)委)(?=(?:区|县|市|省|镇|乡|州)?(?:人民)?政府)"
)
_NAME_BEFORE_VERB = re.compile(
    rf"(?P<name>[\u4e00-\u9fff]{_MASK}{{1,3}}|[\u4e00-\u9fff]{{1,8}}·[\u4e00-\u9fff]{{1,10}}?|[\u4e00-\u9fff]{{2,4}}?)"
    r"(?=没有|未|在|对|作为|因|违反|违规|违章|负有|系|身为|分管|负责|不|擅自|存在|履行|驾驶"
    r"|履职|监管|督促|日常|明知|安全(?:生产)?(?:管理|监管|意识)|现场(?:管理|监理|安全)|于\d|受到|被|涉嫌|犯(?=[\u4e00-\u9fff]{2,14}罪)|将|严重|使用|安排|编造)"
)
_NOT_IN_NAME = re.compile(
    r"^未|（\d{1,3}）|的|委托|了|作为|.该(?:公司|单位|企业)|没收|约谈|吊销|暂扣|^已由|[局厅委](?:决定|限制|暂停|责令|责成|给予)|及其|以及|分别|\d年|\d月|\d[.．、]|^(?:建议|责成|责令|依据|根据|按照|要求|督促)|.向|[，。；：“”《》]|、(?![^（）]{0,12}）)"
)
_LETTERED = re.compile(r"[\u4e00-\u9fff]{1,2}[A-Z]")
_LETTERED_THINGS = frozenset("塔罐炉车楼栋区段库井泵线轨梁柱标层门仓厂矿站船")
_PLAIN = re.compile(r"[\u4e00-\u9fff]{2,4}")

_LONG_NAME = re.compile(
    r"(?![的其该此各被把将对由从按依经责已因并且或若如每未没不在二两三我你])"
    r"[^的了在和与及对被为未不等安全生产管理检查落实情况公司单位违章操作作业责任负直接主要擅自没有明知]{4,5}"
)
_RARE_LAST = frozenset("和镇")
_OFTEN = 3

Shape = Literal["person", "organization"]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a person works and as what, as printed: 北河县应急管理局 + 副局长."""

    employer: str | None
    title: str | None


def _longest_first(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


@cache
def _table() -> dict[str, object]:
    return load_toml("names.toml")


def words(name: str) -> list[str]:
    """Return one list of the names table (titles, authority, enterprise, …)."""
    value = _table()[name]
    return [str(word) for word in value] if isinstance(value, list) else []


@cache
def enterprise_end() -> re.Pattern[str]:
    """Pattern of an enterprise ending at the end of a text."""
    return re.compile(rf"(?:{_longest_first(words('enterprise'))})$")


@cache
def organisation_end() -> re.Pattern[str]:
    """Pattern of any organisation ending at the end of a text."""
    endings = words("enterprise") + words("authority")
    return re.compile(rf"(?:{_longest_first(endings)})$")


@cache
def _organisation_inside() -> re.Pattern[str]:
    strong = [w for w in words("enterprise") if len(w) >= 2] + words("authority")
    return re.compile(rf"(?:{_longest_first(strong)})(?!长|员|人)")


@cache
def title_pattern() -> re.Pattern[str]:
    """Pattern of one title with the words that belong before it: 党委副书记, 总经理, 副大队长."""
    heads = _longest_first(words("title_heads"))
    any_worker = r"[\u4e00-\u9fff]{1,3}(?:(?<!人)(?<!委)员"
    any_worker += rf"|(?<![{_NO_WORKER}])工(?![{_AFTER_WORK}]))"
    titles = _longest_first(words("titles"))
    return re.compile(rf"(?:{heads}){{0,4}}(?:{titles}|{any_worker})(?:之一)?(?!会|室|办|所|院)")


@cache
def _known_title_end() -> re.Pattern[str]:
    return re.compile(rf"(?:{_longest_first(words('titles'))})$")


def is_known_title(title: str) -> bool:
    """Tell whether a title ends with one of the rows (副局长), not just like one (装卸工)."""
    return _known_title_end().search(title) is not None


@cache
def _particular() -> re.Pattern[str]:
    return re.compile(rf"(?:{_table()['particulars']})$")


@cache
def _not_names() -> frozenset[str]:
    return frozenset(words("not_names"))


def is_particular(clause: str) -> bool:
    """Tell whether a clause only describes a person: 男, 汉族, 中共党员, 1970年3月出生."""
    if clause.endswith("人") and title_pattern().search(clause):
        return False
    return len(clause) <= 44 and _particular().match(clause) is not None


def is_organisation(text: str) -> bool:
    """Tell whether the whole of `text` reads as the name of an organisation."""
    if not 3 <= len(text) <= 45 or text.startswith("该") or _NOT_IN_NAME.search(text):
        return False
    return organisation_end().search(text) is not None


def is_person_name(text: str, *, described: bool = False) -> bool:
    """Tell whether the whole of `text` has the shape of a personal name, masked or not.

    Four characters count only with a compound surname, or when the words behind describe a person
    (`described`).
    """
    bare = text.strip('“”"')
    if described and is_transliterated(bare):
        return True
    if bare in _not_names() or NAME.fullmatch(bare) is None:
        return False
    if _LETTERED.fullmatch(bare) is not None:
        return bare[0] not in _LETTERED_THINGS and (
            len(bare) == 2 or bare[:2] in words("compound_surnames")
        )
    if _PLAIN.fullmatch(bare) is None:
        return bare[-1] not in _NEVER_LAST
    if bare[0] in _NEVER_FIRST or (bare[-1] in _NEVER_LAST and not described):
        return False
    if len(bare) == 4 and not described and bare[:2] not in words("compound_surnames"):
        return False
    return not (organisation_end().search(bare) or title_pattern().fullmatch(bare))


_NO_WORKER = "党施竣开复动停加分手完化军返招用做打监民总"
_AFTER_WORK = "人头作程业会厂商艺资具区段期种伤亡地龄时"
_NEVER_LAST = frozenset("的等了在被把和与及或为是未不处罚款其并均省市县区镇乡")
_NEVER_FIRST = frozenset(
    "的其该此各被把将对由从按依经责已因并且或若如每未没不在二两三我你另且只均及兼或"
)


def quoted_name(text: str) -> str | None:
    """Return the name in a text that is nothing but a quoted foreign or nick name (“艾德”)."""
    match = _QUOTED_NAME.fullmatch(text)
    return match.group(1) if match else None


def count_of(text: str) -> int | None:
    """Return the number that a counted group states: 2名涉嫌犯罪人员 → 2."""
    from_text = _COUNT.match(text)
    if from_text is None:
        return None
    digits = from_text.group(1)
    return int(digits) if digits.isdigit() else _CHINESE.get(digits)


_CHINESE = dict(zip("一二三四五六七八九十", range(1, 11), strict=True)) | {
    "两": 2,
    "十一": 11,
    "十二": 12,
}


def counted_group(text: str) -> tuple[int, str | None] | None:
    """Return where a counted group begins that ends `text`, and whose people they are.

    2名责任人员 → (0, None); 清河镇应急办两名工作人员 → (6, 清河镇应急办). None for other words.
    """
    match = _COUNTED.search(text)
    if match is None:
        return None
    before = text[: match.start()]
    known = is_organisation(before) or before in words("others")
    if before and not (known or before[0] == "该" or before[-1] == "的"):
        return None
    return match.start(), before if is_organisation(before) else None


def split_position(text: str) -> Position:
    """Split ORG+TITLE into employer and title; either is None when the text does not hold it.

    宏远化工有限公司设备主管 → (宏远化工有限公司, 设备主管); 东川区副区长 → (东川区, 副区长).
    """
    match = title_pattern().search(text)
    if match is None:
        return Position(text if is_organisation(text) else None, None)
    cut = 0
    for inside in _organisation_inside().finditer(text):
        if inside.end() > match.start() and cut:
            break
        if inside.end() <= match.start() or not cut:
            cut = inside.end() if inside.end() < len(text) else cut
    if cut == 0:
        cut = match.start()
    employer, title = text[:cut], text[cut:]
    title = re.sub(r"（[^（）]{0,30}）", "", title)
    return Position(employer or None, title or None)


def split_list(text: str) -> list[str]:
    """Split a list at 、 和 及 与 以及, outside brackets; 等 and counts at its end are cut off.

    A 和 inside a name (住房和城乡建设局) is kept: what stands before it is no name by itself.
    """
    text = _AND_OTHERS.sub("", text)
    text = _COUNTED_OFF.sub("", text)
    text = _GLUED_ORGANS.sub(r"\1、", text)
    parts: list[str] = []
    depth = start = 0
    for at, char in enumerate(text):
        depth += (char == "（") - (char == "）")
        if depth:
            continue
        joins = char in "和及与" and len(text) - at > 2 and _parts_at(text, start, at)
        if char == "、" or joins:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return [_JOINED.sub("", part.removeprefix("以")).rstrip("及与、，") for part in parts if part]


_PEOPLE = (
    r"(?:(?:政府|企业|有关|相关|党员|事故)?(?:责任人员|责任人|责任单位|管理人员|工作人员|公职人员"
    r"|同志|人员|单位|部门|企业|公司|官员|干部|领导))?"
)
_AND_OTHERS = re.compile(
    rf"等(?:\d{{1,3}}|[一二三四五六七八九十多两]{{1,3}})?(?:名|人|位|家|个)?(?:其他)?{_PEOPLE}$"
)
_COUNTED_OFF = re.compile(
    rf"(?<=[\u4e00-\u9fff*某])(?:\d{{1,2}}|[二三四五六七八九十两]{{1,2}})(?:人|名|家|位){_PEOPLE}$"
)
_JOINED = re.compile(r"^(?:[及、，]|[和与](?![\u4e00-\u9fff][区县市镇乡]))+")


def whole_titles(parts: Sequence[str], within: str = "") -> list[str]:
    """Join a title in two parts: 清河镇党委副书记、镇长张三 is one element of a list."""
    joined: list[str] = []
    pending = ""
    for part in parts:
        element = pending + part
        named = trailing_name(part, within) is not None or is_organisation(part)
        if not named and any(m.end() == len(part) for m in title_pattern().finditer(part)):
            pending = f"{element}、"
            continue
        joined.append(element)
        pending = ""
    return [*joined, pending.rstrip("、")] if pending else joined


def _parts_at(text: str, start: int, at: int) -> bool:
    """Tell whether 和 at `at` stands between elements: before it one is complete.

    An organisation, a person, ORG+TITLE+NAME; but no bare name when all is one organisation
    (市住房|和城乡建设局, 泽安|和顺有限公司).
    """
    bare = _BRACKETS.sub("", text[start:at])
    if is_organisation(bare) or trailing_name(bare) is not None:
        return True
    if bare.endswith(tuple(words("name_halves"))):
        return False
    stop = text.find("、", at)
    element = text[start : len(text) if stop < 0 else stop]
    return is_person_name(bare) and not is_organisation(element)


def trailing_name(text: str, within: str = "") -> tuple[str, int] | None:
    """Return the personal name at the end of ORG+TITLE+NAME, and where it begins.

    It must follow a title (法定代表人张三, 副中队长李某某); None when nothing does. A name of four
    or five characters (格日勒图) counts when the document, `within`, prints it three times.
    """
    bare = _BRACKETS.sub(lambda found: "□" * len(found.group()), text)
    at = 0
    for match in title_pattern().finditer(bare):
        if match.end() < len(bare):
            at = match.end()
    if at == 0:
        return None
    while at < len(bare) and bare[at] == "□":
        at += 1
    rest = _BRACKETS.sub("", text[at:]).removesuffix("同志")
    if is_person_name(rest, described=len(rest) <= 3 and rest[-1:] in _RARE_LAST):
        return rest, at
    if is_transliterated(rest):
        return rest, at
    return (rest, at) if _is_long_name(rest) and within.count(rest) >= _OFTEN else None


def is_transliterated(text: str) -> bool:
    """Tell whether a name of 4 to 7 characters is written in the syllables of other languages.

    Mongolian, Tibetan, Uyghur and Yi names without a dot: 乌云格日乐, 格日勒图, 扎西次仁.
    """
    return 4 <= len(text) <= 7 and _syllables() >= set(text)


@cache
def _syllables() -> frozenset[str]:
    return frozenset(str(_table()["name_syllables"]))


_PART_OF_UNIT = frozenset("科室股站所队组班处部办局委会厂店校院矿段镇乡村社区街人员长")


def unit_then_name(text: str) -> tuple[str, int] | None:
    """Return the name that stands directly behind a unit, and where: 市房屋征收服务中心|安文博.

    Only for words in the place of a person who is sanctioned; not 县住建局建管科.
    """
    for length in (3, 2, 4):
        unit, name = text[:-length], text[-length:]
        shaped = MASKED.fullmatch(name) is not None or (length < 4 and is_person_name(name))
        if shaped and name[-1] not in _PART_OF_UNIT and is_organisation(unit):
            return name, len(unit)
    return None


def _is_long_name(text: str) -> bool:
    return _LONG_NAME.fullmatch(text) is not None and not organisation_end().search(text)


def name_before_verb(text: str) -> tuple[str, int, int] | None:
    """Return the personal name between a title and a verb, its place, and where the title ends.

    某市安康公司站长李四没有对… → (李四, …).
    """
    bare = _BRACKETS.sub(lambda found: "□" * len(found.group()), text)
    for match in title_pattern().finditer(bare):
        named = _NAME_BEFORE_VERB.match(bare, match.end())
        collective = match.group().endswith(tuple(words("collective_titles")))
        if named is None or (collective and _PLAIN.fullmatch(named.group("name"))):
            continue
        if is_person_name(named.group("name")):
            return named.group("name"), named.start("name"), match.end()
    return None


def name_before_post(text: str, start: int, cut: int, end: int) -> bool:
    """Tell whether a name ends at `cut` because a post begins there: 张三|市场部部长.

    The border counts only when a word of posts begins at this place and at no other near it.
    """
    if not is_person_name(text[start:cut]):
        return False
    posts = _post_start()
    if posts.match(text, start, end):
        return False
    fits = [at for at in (start + 2, start + 3) if posts.match(text, at, end)]
    return fits == [cut]


@cache
def _post_start() -> re.Pattern[str]:
    return re.compile(_longest_first([*words("post_starts"), *words("titles")]))
