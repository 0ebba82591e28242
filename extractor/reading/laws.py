"""Citations of laws: which law, which articles, and whether as basis or as what was breached.

Written forms: 《中华人民共和国安全生产法》第一百一十四条第一款第（一）项, 第92条第1款, lists
(第十七条、第四十五条；第二十八条第一款、第四十一条第二款), one law after the other, 该法第三十六条,
a declared short name, a law without 《》 that laws.toml knows, and the wording quoted behind an
article.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from extractor.reading.numerals import parse_integer
from extractor.rules import load_toml
from extractor.view import View

Role = Literal["basis", "breach"]

_N = r"[〇零一二三四五六七八九十百\d]{1,7}"
_UNIT = re.compile(
    rf"第?(?P<numbers>（?{_N}）?(?:[、和及与]?（{_N}）|[、和及与](?:第?{_N})){{0,8}})"
    rf"(?P<unit>[条款项])(?:之(?P<of>[一二三四五六七八九十]))?"
)
_NUMBER = re.compile(_N)
_JOIN = re.compile(rf"(?:以及|及其|[、，；和及与至到并])(?=第)|[、和及与](?={_N}条)")
_SAYS = re.compile(r"[的之中]?(?:明确)?(?:规定)?的?[：，]?(?=[“\"])")
_QUOTES = re.compile(r"[“”\"]")
_ANCHOR = re.compile(rf"《|(?P<bare>第{_N}条)")
_BEFORE_ARTICLE = re.compile(r"(?:中的|[的中之])?(?=第)")
_TITLE = re.compile(r"《((?:[^《》\n]|《[^《》\n]{1,60}》){2,90})》")
_ASIDE = re.compile(r"（[^（）\n]{1,60}）\d{0,2}")
_EDITION = re.compile(r"（(?:19|20)\d\d年?(?:修订|修正|版|施行|颁布)?(?:版|本)?）\Z")
_DECLARED = re.compile(r"（[^（）\n]{0,30}?(?:简称|下称)(?:为|：)?[《“]([^《》“”\n]{1,20})[》”]")
_THIS = re.compile(r"(?:该|上述|前述)(法|条例|规定|办法|解释|准则|规程|细则)\Z")
_GENERIC = re.compile(r"(?:本|该)?(法|条例|规定|办法|解释|准则|规程|细则)")
_LONGEST_NAME = 30
_LONGEST_QUOTE = 800


@dataclass(frozen=True, slots=True)
class LawCitation:
    """One mention of a law with the articles cited from it; `start` and `end` are of the view.

    `law` is without 《》 and 中华人民共和国. `articles` are LAW#article.paragraph.item in Arabic
    numerals, where what is not printed is left out: 安全生产法#114.1.1, 安全生产法#109..1,
    安全生产法#92. `role` is None where no word before the law says why it is named.
    """

    start: int
    end: int
    law: str
    articles: tuple[str, ...]
    role: Role | None


@dataclass(frozen=True, slots=True)
class _Rules:
    names: frozenset[str]
    short: dict[str, str]
    endings: re.Pattern[str]
    not_titles: re.Pattern[str]
    cue: re.Pattern[str]


@cache
def _rules() -> _Rules:
    rows = load_toml("laws.toml")
    return _Rules(
        frozenset([*rows["names"], *rows["short"]]),
        rows["short"],
        re.compile(rows["endings"]),
        re.compile(rows["not_titles"]),
        re.compile(rf"(?P<breach>{rows['breach']})|(?P<basis>{rows['basis']})|(?P<end>[。\n])"),
    )


def find_law_citations(view: View) -> list[LawCitation]:
    """Return the laws that the view cites, in text order, each with its articles and its role.

    A title without an article counts when it ends like a law (法, 条例, 规定 …). What stands in the
    quotation marks behind an article is the law's own wording, and no citation.
    """
    return list(_Reader(view.text).read())


class _Reader:
    """Reads a text from left to right: the role, the short names and the last laws are state."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._done = 0
        self._aliases: dict[str, str] = {}
        self._cited: list[str] = []
        self._cues = _rules().cue.finditer(text)
        self._cue = next(self._cues, None)
        self._role: Role | None = None

    def read(self) -> Iterator[LawCitation]:
        for anchor in _ANCHOR.finditer(self._text):
            if anchor.start() < self._done:
                continue
            self._advance(anchor.start())
            if anchor["bare"]:
                citation = self._without_marks(anchor.start())
            else:
                citation = self._with_marks(anchor.start())
            if citation is not None:
                self._cited.append(citation.law)
                yield citation

    def _advance(self, at: int) -> None:
        """Take the role from the last cue before `at`; cues in skipped text do not count."""
        while self._cue is not None and self._cue.start() < at:
            if self._cue.start() >= self._done:
                name = self._cue.lastgroup
                self._role = "basis" if name == "basis" else "breach" if name == "breach" else None
            self._cue = next(self._cues, None)

    def _with_marks(self, at: int) -> LawCitation | None:
        """Read 《…》 and what follows it; None for a title that is no law."""
        title = _TITLE.match(self._text, at)
        if title is None:
            return None
        law = self._law_named(title[1])
        behind = title.end()
        while aside := _ASIDE.match(self._text, behind):
            declared = _DECLARED.match(aside.group())
            if declared and law:
                self._aliases[declared[1]] = law
            behind = aside.end()
        self._done = behind
        begin = _BEFORE_ARTICLE.match(self._text, behind)
        if law is None:
            return None
        return self._citation(at, title.end(), begin.end() if begin else behind, law)

    def _law_named(self, title: str) -> str | None:
        """Return the law's normal name; None for 《条例》 where no such law was named before."""
        name = _normal(title)
        if name in self._aliases:
            return self._aliases[name]
        generic = _GENERIC.fullmatch(name)
        return self._last_ending(generic[1]) if generic else name

    def _last_ending(self, ending: str) -> str | None:
        return next((law for law in reversed(self._cited[-40:]) if law.endswith(ending)), None)

    def _without_marks(self, at: int) -> LawCitation | None:
        """Read the law that stands before an article without 《》: 该法第…, 安全生产法第…."""
        begin, name_end = max(0, at - _LONGEST_NAME), at
        before = self._text[begin:at]
        if before.endswith("）") and "（" in before:
            name_end = begin + before.rindex("（")
            before = self._text[begin:name_end]
        this = _THIS.search(before)
        law = self._last_ending(this[1]) if this else None
        start = begin + this.start() if this else 0
        if this is None:
            known = (before[i:] for i in range(len(before) - 1) if before[i:] in _rules().names)
            name = next(known, None)
            if name is None:
                return None
            law, start = _normal(name), name_end - len(name)
        return None if law is None else self._citation(start, name_end, at, law)

    def _citation(self, start: int, name_end: int, at: int, law: str) -> LawCitation | None:
        articles, end, self._done = _read_articles(self._text, at, self._done)
        if not articles:
            rules = _rules()
            if not rules.endings.search(law) or rules.not_titles.search(law):
                return None
            end = name_end
        return LawCitation(start, end, law, tuple(f"{law}#{a}" for a in articles), self._role)


def _normal(title: str) -> str:
    """Return the name without 中华人民共和国 and edition, inner 《》 as 〈〉, and in full."""
    name = title.replace("《", "〈").replace("》", "〉").removeprefix("中华人民共和国")
    name = _EDITION.sub("", name)
    return _rules().short.get(name, name)


def _read_articles(text: str, at: int, done: int) -> tuple[list[str], int, int]:
    """Return the articles that stand at `at`, where the last ends, and where its wording ends."""
    references: list[tuple[str, str, str]] = []
    end, is_next = at, True
    while (unit := _UNIT.match(text, at)) and (unit["unit"] == "条" or references):
        if text[at] != "第" and not references:
            break
        references = _add(references, unit, is_next)
        end = at = unit.end()
        at = done = _quote_end(text, at)
        joined = _JOIN.match(text, at)
        is_next = joined is not None
        at = joined.end() if joined else at
    names = [f"{article}.{paragraph}.{item}".rstrip(".") for article, paragraph, item in references]
    return list(dict.fromkeys(names)), end, max(done, end)


def _add(
    references: list[tuple[str, str, str]], unit: re.Match[str], is_next: bool
) -> list[tuple[str, str, str]]:
    """Add the articles, paragraphs or items of one unit to what was read before it.

    第一款 right behind 第二十八条 narrows that article; 、第二款 is one more of the same article.
    """
    numbers = [str(parse_integer(number)) for number in _NUMBER.findall(unit["numbers"])]
    if unit["of"]:
        numbers[-1] += f"之{parse_integer(unit['of'])}"
    if unit["unit"] == "条":
        return [*references, *((number, "", "") for number in numbers)]
    article, paragraph, item = references[-1]
    if unit["unit"] == "款":
        narrowed = [(article, number, "") for number in numbers]
        is_open = not paragraph and not item
    else:
        narrowed = [(article, paragraph, number) for number in numbers]
        is_open = not item
    kept = references[:-1] if is_open and not is_next else references
    return [*kept, *narrowed]


def _quote_end(text: str, at: int) -> int:
    """Return where the quoted wording behind an article ends; `at` where none is quoted."""
    says = _SAYS.match(text, at)
    if says is None:
        return at
    depth = 0
    for mark in _QUOTES.finditer(text, says.end(), says.end() + _LONGEST_QUOTE):
        opens = mark.group() == "“" or (mark.group() == '"' and depth == 0)
        depth += 1 if opens else -1
        if depth <= 0:
            return mark.end()
    return at
