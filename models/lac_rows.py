"""The rows of `lac_words.tsv`: facts about names that the network of LAC does not know.

Each row is a kind and its words, separated by spaces; a kind that ends in `_chars` is a run of
single characters. Kinds:

- surname_chars, surname: of one character, of two;
- translit_chars, weak_translit_chars, dotted_extra_chars: what names of other languages are written
  with; the second are as often something else, the third stand only beside a ·;
- ethnic, not_unit: no organisations; glue: stands before a unit, is no part of it;
- unit_end, place_end, title_end: endings of units, places, titles and roles;
- never: has the form of a name and is none; direction: the same, but where only a person can stand;
- mask_stop: 某 before it means "some"; given_tail: a word that also ends given names;
- place: written like a name of another language.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

HAN = r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"
DOTS = "·•．‧・･∙"
MASKS = "某×*＊xXＸ〇○"


@cache
def _rows() -> dict[str, str]:
    text = files(__package__).joinpath("lac_words.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines()[1:])
    return {row[0]: row[1] for row in rows}


@cache
def words(kind: str) -> tuple[str, ...]:
    """Return the words of a kind."""
    return tuple(_rows()[kind].split())


@cache
def word_set(kind: str) -> frozenset[str]:
    """Return the words of a kind, to look one up."""
    return frozenset(words(kind))


@cache
def chars(kind: str) -> frozenset[str]:
    """Return the characters of a kind that is a run of characters."""
    return frozenset(_rows()[kind])


@cache
def surname() -> str:
    """Return the pattern of a surname."""
    return f"(?:{'|'.join(words('surname'))}|[{_rows()['surname_chars']}])"


@cache
def title_end() -> re.Pattern[str]:
    """Return the pattern of a title or a role at the end of a text."""
    return re.compile(f"(?:{'|'.join(words('title_end'))})$")


@cache
def full_name() -> re.Pattern[str]:
    """Return the pattern of an unmasked Chinese name, whole."""
    double = "|".join(words("surname"))
    return re.compile(f"(?:(?:{double}){HAN}{{1,2}}|[{_rows()['surname_chars']}]{HAN}{{1,2}})")


def surname_of(name: str) -> str:
    """Return the surname with which a name begins, or nothing."""
    if name[:2] in word_set("surname"):
        return name[:2]
    return name[:1] if name[:1] in chars("surname_chars") else ""


def is_rare(char: str) -> bool:
    """Tell whether a character stands outside the first level of GB 2312: names have such ones."""
    try:
        code = char.encode("gb2312")
    except UnicodeEncodeError:
        return True
    return len(code) == 2 and code[0] >= 0xD8


def may_be_name(name: str) -> bool:
    """Tell whether a text has the form of a Chinese name and is no word of the reports."""
    return (
        full_name().fullmatch(name) is not None
        and name not in word_set("never")
        and title_end().search(name) is None
    )


def is_foreign(word: str, *, tagged: bool = False) -> bool:
    """Tell whether a word is written with characters of names of other languages, most of them.

    Of what the network `tagged` as a person half of them is enough.
    """
    if not word or word in word_set("place"):
        return False
    strong = sum(char in chars("translit_chars") for char in word)
    weak = sum(char in chars("weak_translit_chars") for char in word)
    return strong + weak == len(word) and weak * (1 if tagged else 2) <= strong
