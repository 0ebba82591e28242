"""Persons in what LAC tagged: its names with their borders corrected, and those that it missed.

Five ways, the surest first: masked names by their form; names with a ·; names in a place that only
a person takes (1.高峰，男; 对文明给予); names that the network tagged; neighbours in a list of
names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from models.lac_rows import (
    DOTS,
    HAN,
    MASKS,
    chars,
    full_name,
    is_foreign,
    is_rare,
    may_be_name,
    surname,
    surname_of,
    title_end,
    word_set,
    words,
)

Span = tuple[int, int]

_LONGEST = 9
"""Characters of one part of a name of another language."""

_SPACE = "[ \u3000\xa0]"
_CLOSING = frozenset('，。、；：:,;（）()“”"》】 \u3000\n\t')
_NO_NAME = "的在将对被等与和及由已因系为均未不驾说称曾是有给据让和未者人员长"
_GONE = "的一二三两四五六七八九十"


@dataclass(frozen=True, slots=True)
class Piece:
    """A word as the network cut it: half-open range of the text, its words, its tag without B."""

    start: int
    end: int
    word: str
    tag: str


def masked_names(text: str) -> Iterator[Span]:
    """Yield names with a mask: 赵某, 赵某甲, 杨某平, 孙*, 冯X, 欧阳某某, 阿某某."""
    for match in _masked().finditer(text):
        end = match.end("mask")
        if match.group("mask") in "某X×" and text[end : end + 1] in word_set("mask_stop"):
            continue
        tail = _MASK_TAIL.match(text, end)
        if tail is not None:
            end = tail.end()
        yield match.start(), end


_MASK_TAIL = re.compile(
    r"[甲乙丙丁戊己庚辛](?!方|级|类)|[0-9A-Z](?![0-9A-Za-z.])"
    r"|[^\W\d_A-Za-z的在将对被等与和及由已因系为均未不驾说称曾于是有某处罚判](?=[，。、；：）（的将]|罚款|驾驶|政务|党内|给予|涉嫌|一案|[一二两三四五六\d]名|$)"
)


@cache
def _masked() -> re.Pattern[str]:
    extra = "买阿吉"
    return re.compile(
        rf"(?<![0-9A-Za-z{MASKS}])(?:{surname()}|[{extra}])"
        rf"(?P<mask>[某]{{1,2}}|[×]{{1,2}}|[*＊]{{1,2}}|[xXＸ]{{1,2}}(?![A-Za-z0-9])|[〇○]{{2}})"
        rf"(?![{MASKS}])"
    )


def dotted_names(text: str) -> Iterator[Span]:
    """Yield names of several parts: 艾力·买买提, 阿卜杜外力‧艾合麦提."""
    allowed = chars("translit_chars") | chars("weak_translit_chars") | chars("dotted_extra_chars")
    end = 0
    for match in re.finditer(rf"(?<={HAN})[{DOTS}](?={HAN})", text):
        if match.start() < end:
            continue
        start = _reach(text, match.start(), -1, allowed)
        role = text.find("者", max(0, start - 1), start + 2)
        start = role + 1 if role >= 0 else start
        end = _reach(text, match.end(), 1, allowed)
        while end < len(text) and text[end] in DOTS:
            further = _reach(text, end + 1, 1, allowed)
            if further == end + 1:
                break
            end = further
        if match.start() - start >= 2 and end - match.end() >= 2:
            yield start, end


def _reach(text: str, at: int, step: int, allowed: frozenset[str]) -> int:
    far = at
    while abs(far - at) < _LONGEST:
        look = far if step > 0 else far - 1
        if not 0 <= look < len(text) or text[look] not in allowed:
            break
        far += step
    # A character alone before a mark belongs to the name, whichever it is: 图尔荪，.
    one, edge = (far, far + 1) if step > 0 else (far - 1, far - 2)
    is_edge = not 0 <= edge < len(text) or text[edge] in _CLOSING
    if far == at or not is_edge or not 0 <= one < len(text):
        return far
    return far + step if text[one].isalpha() and text[one] not in _NO_NAME else far


def placed_names(text: str) -> Iterator[Span]:
    """Yield names in a place that only a person takes, and names of two characters set apart."""
    for pattern in _places():
        for match in pattern.finditer(text):
            name = re.sub(_SPACE, "", match.group("name"))
            if may_be_name(name):
                yield match.span("name")


@cache
def _places() -> tuple[re.Pattern[str], ...]:
    double = "|".join(words("surname"))
    single = "".join(sorted(chars("surname_chars")))
    name = rf"(?P<name>(?:{double}){HAN}{{1,2}}?|[{single}]{HAN}{{1,2}}?)"
    title = "|".join(words("title_end"))
    described = (
        r"男|女|(?:[\u4e00-\u9fff]{1,4})族|群众|中共|时任|现任|原任|原系|系|身份证|已死亡|另案"
        r"|[12]\d{3}年|在逃|[^，。；（）\n]{1,8}籍[，。）]"
        rf"|[^，。；（）\n]{{0,24}}?(?:{title})(?=[，。；（）])"
    )
    head = r"(?:(?<=[\n。；：:])|^|(?<=\d[.、．])|(?<=）))"
    done = (
        r"给予|予以|处以|处罚|处\d|进行|党内|政务|严肃|作出|批评|诫勉|严重警告|警告|记过|撤职"
        r"|的(?:处分|处理|处罚|行政|刑事|诫勉|吊销|撤职|政务|党内|判决)"
    )
    after_title = r"(?:男|女|有期徒刑|不在|未|因|涉嫌|违章|违规|无证|驾驶|操作|坠落|躲避)"
    return (
        re.compile(rf"{head}{_SPACE}{{0,4}}{name}(?=[，（(](?:{described}))", re.MULTILINE),
        re.compile(rf"(?:死者|伤者|死亡人员){name}(?=[，（](?:{described}))"),
        re.compile(rf"(?<=据){name}(?=证实|陈述|反映|供述|回忆|称[，：])"),
        re.compile(rf"(?<=将){name}(?=救出|送往|送至|送医|抬出|拉出|扶出)"),
        re.compile(rf"{head}{name}(?=不服|拒不|逃逸)", re.MULTILINE),
        re.compile(rf"(?<=对){name}(?={done})"),
        re.compile(rf"(?<=给予){name}(?=党内|政务|警告|记过|撤职|严重警告|诫勉|行政)"),
        re.compile(rf"(?<=被告人|嫌疑人|负责人|驾驶人|驾驶员|操作工){name}(?={after_title})"),
        re.compile(
            rf"(?:组长|班长|队长|电工|焊工|木工|司机|驾驶员|操作员|安全员|监护人|村民|死者|伤者|股东|工友)"
            rf"{name}(?=均|系|和(?:{title})|在|将|把|之[子妻父母女弟兄]|因|跌|坠|掉|站|倒)"
        ),
        re.compile(
            rf"{head}{name}(?=[在将把](?:[^，。；\n]{{1,14}})(?:坠落|跌落|倒地|触电|中毒|溺水|踩空))"
        ),
        re.compile(
            rf"(?<=[、和]){name}(?=(?:驾驶|押运|操作|违章|轮流|先后|到场|下井|入罐|负责)[^、])"
        ),
        re.compile(rf"(?<=由){name}(?=驾驶|押运|签字|代签|操作|投资|承包|口头|担任)"),
        re.compile(
            rf"(?<!{HAN})(?P<name>[{single}]{_SPACE}{{1,4}}{HAN})(?=[，。、；：（）\n]|{_SPACE}|$)"
        ),
    )


def tagged_names(text: str, pieces: Sequence[Piece]) -> Iterator[Span]:
    """Yield the names that the network tagged, with their borders, and what it cut as a word."""
    at = 0
    while at < len(pieces):
        found = _foreign(text, pieces, at) or _chinese(text, pieces, at)
        if found is None:
            at += 1
            continue
        span, at = found
        if not _is_in_unit(pieces, at):
            yield span


def _foreign(text: str, pieces: Sequence[Piece], at: int) -> tuple[Span, int] | None:
    """Read a name of another language that the network cut: 多吉旺/PER 堆/v, 才/d 让/v 东知/PER."""
    led = _leads(pieces, at)
    if not led and not _may_be_part(pieces[at]):
        return None
    until = at + led
    while until < len(pieces) and until - at < 4 and _may_be_part(pieces[until]):
        if until > at and pieces[until].start != pieces[until - 1].end:
            break
        until += 1
    start, end = pieces[at].start, pieces[max(until, at + 1) - 1].end
    tags = {piece.tag for piece in pieces[at:until]}
    name = text[start:end]
    if name[-2:] in word_set("never"):
        return None
    plain = name[led:].removesuffix("案")
    if not 2 <= len(name) <= 8 or not is_foreign(plain, tagged="PER" in tags):
        return None
    if name.endswith("案"):
        end -= 1
    if "PER" in tags and len(name) >= 3:
        return (start, end), until
    if len(name) >= 4 and _stands_apart(text, pieces, at, until):
        return (start, end), until
    if len(name) == 3 and until - at == 1 and _is_described(text, end):
        return (start, end), until
    return None


def _may_be_part(piece: Piece) -> bool:
    allowed = chars("translit_chars") | chars("weak_translit_chars")
    return set(piece.word.removesuffix("案")) <= allowed


def _is_foreign(piece: Piece) -> bool:
    return is_foreign(piece.word.removesuffix("案"))


def _leads(pieces: Sequence[Piece], at: int) -> bool:
    """Tell whether a surname stands before a name of another language: 包/v 额尔敦/PER."""
    if at + 1 >= len(pieces) or len(pieces[at].word) != 1 or not surname_of(pieces[at].word):
        return False
    behind = pieces[at + 1]
    apart = at == 0 or pieces[at - 1].word[-1] in _CLOSING
    return apart and behind.tag == "PER" and len(behind.word) > 2 and _is_foreign(behind)


def _stands_apart(text: str, pieces: Sequence[Piece], at: int, until: int) -> bool:
    before = pieces[at - 1] if at else None
    opens = (
        before is None or before.word in "对由经被将与和、：；。" or before.word[-1:] in _CLOSING
    )
    opens = opens or title_end().search(before.word if before else "") is not None
    follows = pieces[until] if until < len(pieces) else None
    return opens and (follows is None or follows.tag[0] in "vwpd" or follows.word[0] in _CLOSING)


def _is_described(text: str, end: int) -> bool:
    return re.compile(r"，(?:男|女|[\u4e00-\u9fff]{1,4}族)").match(text, end) is not None


def _chinese(text: str, pieces: Sequence[Piece], at: int) -> tuple[Span, int] | None:
    piece = pieces[at]
    if piece.tag == "PER":
        return _tagged(text, pieces, at)
    if _is_rare_name(pieces, at):
        return (piece.start, piece.end), at + 1
    joined = _joined_rare(pieces, at)
    if joined is not None:
        return (piece.start, joined), at + 2
    return None


def _tagged(text: str, pieces: Sequence[Piece], at: int) -> tuple[Span, int] | None:
    piece, until = pieces[at], at + 1
    word, start = piece.word, piece.start
    if not re.fullmatch(rf"{HAN}+", word):
        return None
    if _has_glue(word, pieces, at):
        word, start = word[1:], start + 1
    end = piece.end
    while (
        until < len(pieces) and pieces[until].start == end and _continues(pieces, at, until, word)
    ):
        word, end = word + pieces[until].word, pieces[until].end
        until += 1
    return ((start, end), until) if _is_chinese(word) else None


def _is_chinese(word: str) -> bool:
    """Tell whether a word that the network took for a name may be one."""
    known = surname_of(word)
    return (
        2 <= len(word) <= 2 + max(1, len(known))
        and word not in word_set("never")
        and word not in word_set("direction")
        and (known != "" or is_rare(word[0]) or is_foreign(word))
    )


def _has_glue(word: str, pieces: Sequence[Piece], at: int) -> bool:
    """Tell whether a name begins with a word that is none of its own: 和卞䶮, 由王磊磊."""
    if full_name().fullmatch(word[1:]) is None:
        return False
    apart = at == 0 or pieces[at - 1].word[-1] in _CLOSING.difference("）)")
    return (word[0] in "由对经被给据" and len(word) == 4) or (word[0] in "和与及" and not apart)


def _continues(pieces: Sequence[Piece], at: int, until: int, word: str) -> bool:
    """Tell whether the network cut a name before this piece: 范大/PER 有/v, 左/PER 卫国/LOC."""
    behind = pieces[until]
    if not re.fullmatch(rf"{HAN}{{1,2}}", behind.word):
        return False
    if surname_of(word) == word:
        return (
            len(behind.word) <= 2
            and behind.word not in word_set("never")
            and (behind.tag not in "pcu" and title_end().search(behind.word) is None)
        )
    if len(word) != 2 or not surname_of(word) or len(behind.word) != 1 or until > at + 1:
        return False
    follows = pieces[until + 1] if until + 1 < len(pieces) else None
    closes = follows is None or follows.word[0] in _CLOSING
    if behind.word in word_set("given_tail"):
        return closes or (follows is not None and follows.tag[0] in "vdpna" and behind.tag != "p")
    return closes and behind.tag in ("v", "n", "a", "vn", "an", "nz") and behind.word not in _GONE


def _is_rare_name(pieces: Sequence[Piece], at: int) -> bool:
    """Tell whether a piece is a name by a character that hardly any word has: 揭垚/v, 宰珏/v."""
    word = pieces[at].word
    if not may_be_name(word) or pieces[at].tag in ("TIME", "m", "ORG"):
        return False
    if _has_glue(word, pieces, at):
        return False
    given = word[len(surname_of(word)) :]
    if len(surname_of(word)) == 1 and not any(map(is_rare, given)):
        return False
    return _is_open(pieces, at)


def _joined_rare(pieces: Sequence[Piece], at: int) -> int | None:
    """Return where a name ends of which the network made two words: 麴/v 奡/v."""
    if at + 1 >= len(pieces) or not _is_open(pieces, at):
        return None
    one, two = pieces[at], pieces[at + 1]
    if (
        one.word in "和与及"
        or surname_of(one.word) != one.word
        or one.end != two.start
        or not may_be_name(one.word + two.word)
    ):
        return None
    return two.end if any(map(is_rare, two.word)) else None


def _is_open(pieces: Sequence[Piece], at: int) -> bool:
    if at == 0:
        return True
    before = pieces[at - 1]
    return (
        before.word[-1] in _CLOSING
        or before.tag in ("p", "c", "w", "v", "PER")
        or title_end().search(before.word) is not None
        or before.end != pieces[at].start
    )


def _is_in_unit(pieces: Sequence[Piece], at: int) -> bool:
    """Tell whether the words behind make a name that of a unit or place: 刘记 饭店, 高顺 物流."""
    for piece in pieces[at : at + 4]:
        if piece.tag not in ("n", "nz", "vn", "ORG", "LOC", "v", "an", "m"):
            return False
        if piece.word in word_set("unit_end") or piece.word in word_set("place_end"):
            return True
        if piece.tag == "v" or title_end().search(piece.word) is not None:
            return False
    return False


def listed_names(text: str, persons: Sequence[Span]) -> Iterator[Span]:
    """Yield what stands beside a person in a list and has the form of a name: 伏羽、支旎、门骁."""
    behind, before = _beside()
    # A name that is known already looks beside itself: each is read once, however long the list.
    known = {start for start, _ in persons}
    for start, end in persons:
        while (found := _new_name(behind.match(text, end), known)) is not None:
            yield found
            end = found[1]
        while (
            found := _new_name(before.search(text, max(0, start - 6), start), known)
        ) is not None:
            yield found
            start = found[0]


def _new_name(match: re.Match[str] | None, known: set[int]) -> Span | None:
    if match is None or match.start("name") in known or not may_be_name(match.group("name")):
        return None
    known.add(match.start("name"))
    return match.span("name")


@cache
def _beside() -> tuple[re.Pattern[str], re.Pattern[str]]:
    double = "|".join(words("surname"))
    single = "".join(sorted(chars("surname_chars")))
    name = rf"(?P<name>(?:{double}){HAN}{{1,2}}?|[{single}]{HAN}{{1,2}}?)"
    return (
        re.compile(rf"、{name}(?=[、，。；）\n]|二人|三人|等[\d人]|兄弟|$)"),
        re.compile(rf"(?:^|(?<=[，。：；（）、\n])|(?<=对|予|领)){name}、$"),
    )
