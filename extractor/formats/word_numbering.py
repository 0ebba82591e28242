"""The numbers that Word writes by itself: 一、 （一） 1. （1） and their kin.

WordprocessingML keeps only a reference in the paragraph; the printed number comes from walking
the paragraphs in order (ISO/IEC 29500-1, 17.9): numId → abstractNum → lvl, with counters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from extractor.formats.word_symbols import SYMBOL_FONTS

if TYPE_CHECKING:
    from docx.oxml.xmlchemy import BaseOxmlElement as Element

W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_PLACE = re.compile(r"%([1-9])")
_HEADING = re.compile(r"(?:heading|标题) ?([1-9])", re.IGNORECASE)
_LEVELS: Final = 9
_LARGEST: Final = 9999
_LONGEST_LABEL: Final = 255
_DEEPEST_STYLE: Final = 20

_PLAIN = "〇一二三四五六七八九"
_COUNTING = ("零一二三四五六七八九", "十百千")
_LEGAL = ("零壹贰叁肆伍陆柒捌玖", "拾佰仟")
_LEGAL_TRADITIONAL = ("零壹貳參肆伍陸柒捌玖", "拾佰仟")
_CYCLES: Final = {
    "ideographTraditional": "甲乙丙丁戊己庚辛壬癸",
    "ideographZodiac": "子丑寅卯辰巳午未申酉戌亥",
    "decimalEnclosedCircle": "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳",
    "decimalEnclosedCircleChinese": "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳",
    "decimalEnclosedFullstop": "⒈⒉⒊⒋⒌⒍⒎⒏⒐⒑⒒⒓⒔⒕⒖⒗⒘⒙⒚⒛",
    "decimalEnclosedParen": "⑴⑵⑶⑷⑸⑹⑺⑻⑼⑽⑾⑿⒀⒁⒂⒃⒄⒅⒆⒇",
    "ideographEnclosedCircle": "㊀㊁㊂㊃㊄㊅㊆㊇㊈㊉",
}
_ROMAN: Final = (
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
)
_SILENT: Final = frozenset({"bullet", "none"})


def format_number(value: int, number_format: str) -> str:
    """Write `value` in a Word number format (ST_NumberFormat); an unknown format gives digits.

    chineseCounting and its kin count 十一 to 九十九 and then digit by digit (一〇〇);
    the Thousand kinds count on (一百零一). Lists that run out (①…⑳, 甲…癸) go on in digits.
    """
    if number_format in _SILENT:
        return ""
    if not 0 < value <= _LARGEST:
        return str(value)
    cycle = _CYCLES.get(number_format)
    if cycle is not None:
        return cycle[value - 1] if value <= len(cycle) else str(value)
    if number_format.startswith("0"):
        return f"{value:0{len(number_format)}d}"
    writer = _WRITERS.get(number_format)
    return writer(value) if writer is not None else str(value)


def _positional(value: int, digits: str, units: str, *, bare_ten: bool) -> str:
    written, zero = "", False
    for power in range(len(units), -1, -1):
        digit, value = divmod(value, 10**power)
        if digit:
            written += ("零" if zero and written else "") + digits[digit]
            written += units[power - 1] if power else ""
            zero = False
        else:
            zero = True
    return written[1:] if bare_ten and written.startswith("一十") else written


def _counting_thousand(value: int) -> str:
    return _positional(value, *_COUNTING, bare_ten=True)


def _counting(value: int) -> str:
    return _counting_thousand(value) if value < 100 else _digits(value)


def _japanese(value: int) -> str:
    written = _counting_thousand(value).replace("零", "")
    return re.sub("一(?=[十百千])", "", written)


def _digits(value: int) -> str:
    return "".join(_PLAIN[int(digit)] for digit in str(value))


def _full_width(value: int) -> str:
    return "".join(chr(0xFF10 + int(digit)) for digit in str(value))


def _roman(value: int) -> str:
    written = ""
    for number, letters in _ROMAN:
        times, value = divmod(value, number)
        written += letters * times
    return written


def _letters(value: int) -> str:
    times, at = divmod(value - 1, 26)
    return chr(ord("A") + at) * (times + 1)


_WRITERS: Final[dict[str, Callable[[int], str]]] = {
    "decimalZero": lambda value: f"{value:02d}",
    "decimalFullWidth": _full_width,
    "decimalFullWidth2": _full_width,
    "numberInDash": lambda value: f"- {value} -",
    "upperRoman": _roman,
    "lowerRoman": lambda value: _roman(value).lower(),
    "upperLetter": _letters,
    "lowerLetter": lambda value: _letters(value).lower(),
    "chineseCounting": _counting,
    "taiwaneseCounting": _counting,
    "chineseCountingThousand": _counting_thousand,
    "taiwaneseCountingThousand": _counting_thousand,
    "japaneseCounting": _japanese,
    "ideographDigital": _digits,
    "taiwaneseDigital": _digits,
    "japaneseDigitalTenThousand": _digits,
    "chineseLegalSimplified": lambda value: _positional(value, *_LEGAL, bare_ten=False),
    "ideographLegalTraditional": lambda value: _positional(
        value, *_LEGAL_TRADITIONAL, bare_ten=False
    ),
}


@dataclass(frozen=True, slots=True)
class Style:
    """A style: name, base, list, outline level, whether it hides its text (None: says nothing)."""

    name: str
    based_on: str | None
    num_id: str | None
    level: int | None
    outline: int | None
    hidden: bool | None


class Styles:
    """The styles of a document, as far as text and numbers depend on them."""

    def __init__(self, root: Element | None) -> None:
        """Read `styles.xml`; None makes a document without styles."""
        self._styles: dict[str, Style] = {}
        self._default: str | None = None
        self._character: dict[str, Style] = {}
        self.lists: dict[str, str] = {}
        """The list of each numbering style, by the id of the style."""
        for node in root.iter(f"{W}style") if root is not None else ():
            self._read(node)
        self.hidden = frozenset(
            style_id for style_id in self._character if _hides(style_id, self._character)
        )
        """The character styles whose text is not shown."""

    def _read(self, node: Element) -> None:
        kind, style_id = node.get(f"{W}type"), node.get(f"{W}styleId", "")
        if kind == "character":
            self._character[style_id] = _read_style(node)
        elif kind == "numbering":
            num_id = _read_style(node).num_id
            if num_id is not None:
                self.lists[style_id] = num_id
        elif kind == "paragraph":
            if is_on(node.get(f"{W}default", "0")):
                self._default = style_id
            self._styles[style_id] = _read_style(node)

    def chain(self, style_id: str | None) -> list[tuple[str, Style]]:
        """Return the style and all that it is based on, nearest first."""
        return _chain(style_id if style_id in self._styles else self._default, self._styles)

    def hides(self, style_id: str | None) -> bool:
        """Tell whether the text of this paragraph style is not shown."""
        return _hides(style_id if style_id in self._styles else self._default, self._styles)

    def heading_level(self, style_id: str | None) -> int | None:
        """Return 1 to 9 for Heading 1 / 标题 1 and for outline levels, 0 for Title, else None."""
        for _, style in self.chain(style_id):
            match = _HEADING.fullmatch(style.name)
            if match is not None:
                return int(match.group(1))
            if style.name.lower() in ("title", "标题"):
                return 0
            if style.outline is not None:
                return style.outline + 1 if style.outline < _LEVELS else None
        return None


def _chain(style_id: str | None, styles: Mapping[str, Style]) -> list[tuple[str, Style]]:
    found: list[tuple[str, Style]] = []
    current = style_id or ""
    while current in styles and len(found) < _DEEPEST_STYLE:
        style = styles[current]
        found.append((current, style))
        current = style.based_on or ""
    return found


def _hides(style_id: str | None, styles: Mapping[str, Style]) -> bool:
    said = (style.hidden for _, style in _chain(style_id, styles) if style.hidden is not None)
    return next(said, False)


def _read_style(node: Element) -> Style:
    properties, run = node.find(f"{W}pPr"), node.find(f"{W}rPr")
    vanish = run.find(f"{W}vanish") if run is not None else None
    numbers = properties.find(f"{W}numPr") if properties is not None else None
    return Style(
        name=value_of(node, "name") or "",
        based_on=value_of(node, "basedOn"),
        num_id=value_of(numbers, "numId"),
        level=integer(value_of(numbers, "ilvl")),
        outline=integer(value_of(properties, "outlineLvl")),
        hidden=is_on(vanish.get(f"{W}val")) if vanish is not None else None,
    )


@dataclass(frozen=True, slots=True)
class _Level:
    """One level of a list: where it starts, how it is written, when it starts again."""

    start: int = 1
    number_format: str = "decimal"
    text: str = ""
    restart: int | None = None
    legal: bool = False
    style: str | None = None
    suffix: str = "tab"
    font: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether the level prints no number: a bullet, also one that is a letter of a font.

        Word's own second bullet is the letter o; in Wingdings l is a dot. Some write real
        numbers as bullets (①, 一、); these are kept.
        """
        if self.number_format not in _SILENT:
            return False
        if self.number_format == "bullet" and self.font.lower() in SYMBOL_FONTS:
            return True
        letter = self.number_format == "bullet" and len(self.text) == 1 and self.text.isascii()
        return letter or not any(char.isalnum() for char in self.text)


@dataclass(frozen=True, slots=True)
class _Num:
    """A list that paragraphs refer to: its abstract list and what it changes in it."""

    abstract: str
    starts: dict[int, int]
    levels: dict[int, _Level]


class Numbering:
    """A walk through the numbered paragraphs of one document, in order."""

    def __init__(self, root: Element | None, styles: Styles) -> None:
        """Read `numbering.xml`; None makes a document without lists."""
        self._styles = styles
        self._levels: dict[str, dict[int, _Level]] = {}
        self._links: dict[str, str] = {}
        self._nums: dict[str, _Num] = {}
        self._counters: dict[str, dict[int, int]] = {}
        self._overridden: set[tuple[str, int]] = set()
        if root is not None:
            self._read(root)

    def _read(self, root: Element) -> None:
        for node in root.findall(f"{W}abstractNum"):
            abstract = node.get(f"{W}abstractNumId", "")
            self._levels[abstract] = _read_levels(node)
            link = value_of(node, "numStyleLink")
            if link is not None:
                self._links[abstract] = link
        style_lists = {
            link: node.get(f"{W}abstractNumId", "")
            for node in root.findall(f"{W}abstractNum")
            if (link := value_of(node, "styleLink")) is not None
        }
        lists = {
            node.get(f"{W}numId", ""): value_of(node, "abstractNumId") or ""
            for node in root.findall(f"{W}num")
        }
        for node in root.findall(f"{W}num"):
            abstract = value_of(node, "abstractNumId") or ""
            abstract = self._follow(abstract, style_lists, lists)
            starts: dict[int, int] = {}
            levels: dict[int, _Level] = {}
            for override in node.findall(f"{W}lvlOverride"):
                at = integer(override.get(f"{W}ilvl")) or 0
                start = integer(value_of(override, "startOverride"))
                if start is not None:
                    starts[at] = start
                levels.update(_read_levels(override))
            self._nums[node.get(f"{W}numId", "")] = _Num(abstract, starts, levels)

    def _follow(self, abstract: str, by_style: Mapping[str, str], lists: Mapping[str, str]) -> str:
        """Return the definition that a link to a numbering style leads to, or `abstract` itself.

        The definition says which style it is of (`styleLink`); where a program left that out, the
        style says which list is its own.
        """
        style = self._links.get(abstract)
        if style is None:
            return abstract
        found = by_style.get(style) or lists.get(self._styles.lists.get(style, ""))
        return found if found in self._levels else abstract

    def label(self, properties: Element | None, style_id: str | None) -> str:
        """Return what Word prints before this paragraph, and count it; "" without a number.

        Bullets give "": they number nothing. The label ends with a space when it would run into
        the text (第一条 总则, 1.1 概况), not after 一、 （一） 1. and the like.
        """
        place = self._place(properties, style_id)
        if place is None:
            return ""
        num_id, at = place
        num = self._nums[num_id]
        level = self._level(num, at)
        if level is None:
            return ""
        counters = self._count(num_id, num, at)
        if level.is_silent:
            return ""
        label = self._write(num, level, counters)
        glued = level.suffix == "nothing" or not label or not label[-1].isalnum()
        return label if glued else f"{label} "

    def _place(self, properties: Element | None, style_id: str | None) -> tuple[str, int] | None:
        numbers = properties.find(f"{W}numPr") if properties is not None else None
        num_id = value_of(numbers, "numId")
        at = integer(value_of(numbers, "ilvl"))
        if num_id is None:
            chain = self._styles.chain(style_id)
            num_id = next((style.num_id for _, style in chain if style.num_id is not None), None)
            at = at if at is not None else self._style_level(num_id, chain)
        if num_id not in self._nums:
            return None
        return num_id, min(max(at or 0, 0), _LEVELS - 1)

    def _style_level(self, num_id: str | None, chain: list[tuple[str, Style]]) -> int | None:
        """Return the list level of a style: the one that names it, or the one that it names."""
        num = self._nums.get(num_id or "")
        levels = [self._level(num, at) for at in range(_LEVELS)] if num is not None else []
        named = {level.style: at for at, level in enumerate(levels) if level is not None}
        for name, style in chain:
            found = named.get(name, style.level)
            if found is not None:
                return found
        return None

    def _level(self, num: _Num, at: int) -> _Level | None:
        return num.levels.get(at) or self._levels.get(num.abstract, {}).get(at)

    def _start(self, num: _Num, at: int) -> int:
        level = self._level(num, at)
        return level.start if level is not None else 1

    def _count(self, num_id: str, num: _Num, at: int) -> dict[int, int]:
        """Count a paragraph and return the counters of its list.

        A level that was skipped on the way down counts as used. A start override holds for the
        first paragraph of its list at its level, and only there.
        """
        counters = self._counters.setdefault(num.abstract, {})
        for higher in range(at):
            counters.setdefault(higher, self._start(num, higher))
        if at in num.starts and (num_id, at) not in self._overridden:
            self._overridden.add((num_id, at))
            counters[at] = num.starts[at]
        else:
            counters[at] = counters[at] + 1 if at in counters else self._start(num, at)
        for lower in [level for level in counters if level > at]:
            found = self._level(num, lower)
            restart = found.restart if found is not None else None
            if restart is None or at < restart:
                del counters[lower]
        return counters

    def _write(self, num: _Num, level: _Level, counters: dict[int, int]) -> str:
        def number(match: re.Match[str]) -> str:
            at = int(match.group(1)) - 1
            source = self._level(num, at)
            value = counters.get(at, self._start(num, at))
            if level.legal or source is None:
                return format_number(value, "decimal")
            return format_number(value, source.number_format)

        return _PLACE.sub(number, level.text).strip()


def _read_levels(node: Element) -> dict[int, _Level]:
    levels: dict[int, _Level] = {}
    for child in node.findall(f"{W}lvl"):
        levels[integer(child.get(f"{W}ilvl")) or 0] = _Level(
            start=integer(value_of(child, "start")) or 0,
            number_format=_number_format(child),
            text=(value_of(child, "lvlText") or "")[:_LONGEST_LABEL],
            restart=integer(value_of(child, "lvlRestart")),
            legal=is_set(child, "isLgl"),
            style=value_of(child, "pStyle"),
            suffix=value_of(child, "suff") or "tab",
            font=_font(child),
        )
    return levels


def _font(level: Element) -> str:
    fonts = level.find(f"{W}rPr/{W}rFonts")
    return str(fonts.get(f"{W}ascii", "")) if fonts is not None else ""


def _number_format(level: Element) -> str:
    """Return the format; a custom one (001, 002, 003, …) as `0`, one zero for each digit."""
    alternate = level.find(f"{_MC}AlternateContent")
    for place in (level, alternate.find(f"{_MC}Choice") if alternate is not None else None):
        node = place.find(f"{W}numFmt") if place is not None else None
        if node is None:
            continue
        first = node.get(f"{W}format", "").partition(",")[0].strip()
        if node.get(f"{W}val") != "custom":
            return str(node.get(f"{W}val", "decimal"))
        if first.isascii() and first.isdecimal() and len(first) < _LEVELS:
            return "0" * len(first)
    found = alternate.find(f"{_MC}Fallback/{W}numFmt") if alternate is not None else None
    return str(found.get(f"{W}val", "decimal")) if found is not None else "decimal"


def value_of(node: Element | None, name: str) -> str | None:
    """Return the `w:val` of the child `name`; None when the node or the child is missing."""
    child = node.find(f"{W}{name}") if node is not None else None
    return child.get(f"{W}val") if child is not None else None


def integer(value: str | None) -> int | None:
    """Read a whole number of up to nine digits; None for anything else."""
    if value is None or len(value) > 10 or not value.removeprefix("-").isdecimal():
        return None
    return int(value)


def is_on(value: str | None) -> bool:
    """Read an on-off value: present without a value means on."""
    return value not in ("0", "false", "off")


def is_set(node: Element | None, name: str) -> bool:
    """Tell whether the on-off child `name` is there and not turned off."""
    child = node.find(f"{W}{name}") if node is not None else None
    return child is not None and is_on(child.get(f"{W}val"))
