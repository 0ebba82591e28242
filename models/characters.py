"""A vocabulary of single characters: one number for each code point, so that offsets stay exact.

Characters that the vocabulary lacks are read as their plain form (，→ , and ① → 1), rare Chinese
characters all as one, everything else as unknown.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

PAD, START, END, UNKNOWN, RARE = range(5)
"""The numbers that stand for no character of their own; PAD fills a batch behind short texts."""

SPECIALS = 5
SPACE = " "
"""What every kind of white space is read as."""

_HAN = ((0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
_KEPT = (
    *((0x20, 0x7E), (0x391, 0x3C9), (0x2010, 0x2026), (0x2030, 0x203B), (0x2190, 0x2193)),
    *((0x2200, 0x2265), (0x25A0, 0x25CF), (0x2605, 0x2612), (0x3001, 0x3017)),
    *((ord(char), ord(char)) for char in "§°±·×÷€"),
)


def is_han(char: str) -> bool:
    """Tell whether a character is a Chinese one."""
    number = ord(char)
    return any(low <= number <= high for low, high in _HAN)


def is_kept(char: str) -> bool:
    """Tell whether a character belongs into a vocabulary for Chinese official texts."""
    number = ord(char)
    return is_han(char) or any(low <= number <= high for low, high in _KEPT)


class CharacterVocabulary:
    """The characters that a model knows, in the order of its embedding rows behind the specials."""

    def __init__(self, characters: Sequence[str]) -> None:
        """Number the characters from `SPECIALS` on; each is one code point, none comes twice."""
        if len(set(characters)) != len(characters) or any(len(c) != 1 for c in characters):
            raise ValueError("字表里的字不能重复，每个只能是一个字符")
        self.characters = tuple(characters)
        self._numbers = _Numbers({char: SPECIALS + at for at, char in enumerate(characters)})

    def __len__(self) -> int:
        """Count the rows of the embedding: the specials and the characters."""
        return SPECIALS + len(self.characters)

    def encode(self, text: str) -> list[int]:
        """Return one number for each code point of `text`."""
        numbers = self._numbers
        return [numbers[char] for char in text]

    def coverage(self, text: str) -> float:
        """Return the share of the text's code points that have a row of their own."""
        known = sum(number > RARE for number in self.encode(text))
        return known / len(text) if text else 1.0


class _Numbers(dict[str, int]):
    """The number of each character; one that is not there is worked out once and kept."""

    def __init__(self, known: Mapping[str, int]) -> None:
        super().__init__(known)

    def __missing__(self, char: str) -> int:
        # A hostile text of all code points may fill this with 1.1 million numbers, no more.
        plain = next((form for form in _plain_forms(char) if form in self), None)
        number = self[plain] if plain else (RARE if is_han(char) else UNKNOWN)
        self[char] = number
        return number


def _plain_forms(char: str) -> Iterator[str]:
    if char.isspace():
        yield SPACE
    # NFKC moves offsets in a text; of a single character only the first of its form is taken.
    yield unicodedata.normalize("NFKC", char)[:1]


def chosen_characters(pieces: Iterable[str]) -> dict[str, int]:
    """Return the kept characters among the pieces of another vocabulary, with their numbers there.

    The mark ▁ of SentencePiece stands for the space.
    """
    found: dict[str, int] = {}
    for number, piece in enumerate(pieces):
        char = SPACE if piece == "▁" else piece
        if len(char) == 1 and is_kept(char):
            found.setdefault(char, number)
    return found
