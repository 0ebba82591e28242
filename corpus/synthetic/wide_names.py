"""Names of people from wide lists: rare family names, any given characters, minorities, words."""

from __future__ import annotations

from functools import cache

from corpus.synthetic.chance import Chance
from corpus.synthetic.grammar import word_lists

FIRST_LEVEL, SECOND_LEVEL = (0xB0, 0xD7), (0xD8, 0xF7)
"""Rows of GB 2312: the common characters, and the less common."""

_NO_NAME = frozenset("的了是在不我他她它这那们你您吗呢吧啊呀嘛哦着过地得之与和及或且则乃即某")
_SHORT_RATE, _GAP_RATE = 0.3, 0.15
_MASKS = "甲乙丙丁戊己"


@cache
def characters(rows: tuple[int, int]) -> tuple[str, ...]:
    """Return the characters of these rows of GB 2312 that may stand in a name."""
    first, last = rows
    found = []
    for row in range(first, last + 1):
        for cell in range(0xA1, 0xFF):
            char = bytes((row, cell)).decode("gb2312", errors="ignore")
            if char and char not in _NO_NAME:
                found.append(char)
    return tuple(found)


def full_name(chance: Chance) -> str:
    """Return a name of any sort, as it is printed in full."""
    words = word_lists()
    sort = chance.below(100)
    if sort < 16:
        return _minority(chance)
    if sort < 26:
        return chance.pick(words["word_names"])
    family = family_name(chance)
    if sort < 34:
        return family + chance.pick(words["word_given"])
    if sort < 37:  # the family names of both parents
        return family + chance.pick(words["surnames"]) + _given(chance)
    given = _given(chance)
    if not chance.happens(_SHORT_RATE):
        return family + given + _given(chance)
    gap = chance.pick("　　 ") if len(family) == 1 and chance.happens(_GAP_RATE) else ""
    return family + gap + given


def family_name(chance: Chance) -> str:
    """Return a family name, the rare ones far more often than in life."""
    words = word_lists()
    sort = chance.below(100)
    if sort < 10:
        return chance.pick(words["wide_compound"])
    name = "surnames" if sort < 45 else "wide_surnames" if sort < 85 else "rare_surnames"
    return chance.pick(words[name])


def _given(chance: Chance) -> str:
    """Return one character of a given name."""
    words = word_lists()
    sort = chance.below(100)
    if sort < 50:
        return chance.pick(words["wide_given"])
    if sort < 68:
        return chance.pick(words["wide_rare"])
    return chance.pick(characters(FIRST_LEVEL if sort < 87 else SECOND_LEVEL))


def _minority(chance: Chance) -> str:
    words = word_lists()
    sort = chance.below(20)
    if sort < 7:
        dot = chance.pick("····•．‧・")
        return f"{_syllables(chance, 2, 4)}{dot}{_syllables(chance, 2, 4)}"
    if sort < 9:
        return _syllables(chance, 3, 5)
    if sort < 13:
        return _parts(chance, "tibetan_parts")
    if sort < 16:
        return _parts(chance, "yi_parts")
    if sort < 18:
        return _parts(chance, "mongol_parts")
    return chance.pick(words["dai_first"]) + chance.pick(words["dai_last"])


def _syllables(chance: Chance, low: int, high: int) -> str:
    chars = word_lists()["translit_chars"]
    return "".join(chance.pick(chars) for _ in range(chance.between(low, high)))


def _parts(chance: Chance, name: str) -> str:
    count = 3 if chance.happens(0.12) else 2
    return "".join(chance.pick(word_lists()[name]) for _ in range(count))


def masked_name(chance: Chance, style: int) -> str:
    """Return a masked name; a text masks all of its names in one of `MASK_STYLES` ways."""
    family, given = family_name(chance), _given(chance)
    last = chance.pick("强军明华伟" + given)
    forms = (
        f"{family}某",
        f"{family}某某",
        chance.pick((f"{family}某", f"{family}某某", f"{family}某{last}")),
        f"{family}某{chance.pick(_MASKS)}",
        f"{family}某{chance.pick('12345')}",
        chance.pick((f"{family}×", f"{family}××", f"{family}×{last}")),
        chance.pick((f"{family}*", f"{family}**", f"{family}*{last}")),
        chance.pick((f"{family}＊", f"{family}＊＊", f"{family}＊{last}")),
        chance.pick((f"{family}X", f"{family}XX", f"{family}Ｘ", f"{family}x{last}")),
        f"{family}{chance.pick('ABCDEFGH')}",
        chance.pick((f"{family}〇〇", f"{family}○○", f"{family}□□", f"{family}○")),
        f"{chance.pick('阿买吐艾热依古木')}某{chance.pick(('', '某', '提', '江', '木', '·买某'))}",
        f"{family}{given}某",
    )
    return forms[style]


MASK_STYLES = 13
"""How many ways of masking there are."""
