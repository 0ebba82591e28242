"""Names in a text that jieba has cut and flagged: which runs of pieces are one, with plain borders.

A name is given only where both its borders are plain, and left out otherwise: a name cut short
would be another person's. The words of official reports that jieba does not know, or takes for
names, are rows of `words.tsv`. A row with a flag is also a word of the dictionary. Kinds:

- title, term: words that are no names;
- unit, place: endings of organisations and of places;
- beside: single characters that stand directly before or behind a name;
- tail: the same, also where a mark follows;
- glue: characters that jieba takes for a surname.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from models.adapting import UNMEASURED
from models.tagger import Label, Mention

PERSON_SCORE = 0.96
"""What the three documents of the sample case support: (23 right + 1) / (23 found + 2)."""

_HAN = re.compile(r"[\u4e00-\u9fff]+")
_PLAIN = re.compile(r"[\u4e00-\u9fff]{2,3}")
_MASKED = re.compile(r"(?!某)[\u4e00-\u9fff]{1,2}?[某*×xX〇]{1,3}[甲乙丙丁戊己庚辛\d]?")
_MASKS = "某*×xX〇"
_DOTS = frozenset("·•・")
_FAR = 6
_LONGEST_DOTTED = 16


@dataclass(frozen=True, slots=True)
class WordRow:
    """A row of `words.tsv`; an empty flag keeps the word out of the dictionary."""

    word: str
    kind: str
    flag: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A word as jieba cut it: its flag, where it starts, and whether a dictionary holds it."""

    word: str
    flag: str
    start: int
    known: bool = True

    @property
    def end(self) -> int:
        """Where the piece ends."""
        return self.start + len(self.word)


def without_cut_names(text: str, mentions: Sequence[Mention]) -> list[Mention]:
    """Leave out each person whose name begins another one of the text: 王晓 beside 王晓峰.

    The shorter one may be the longer one, cut at the wrong place.
    """
    persons = {text[m.start : m.end] for m in mentions if m.label == "PERSON"}
    heads = {name[:length] for name in persons for length in range(2, len(name))}
    cut = {name for name in persons & heads if name[-1] not in _MASKS}
    return [m for m in mentions if m.label != "PERSON" or text[m.start : m.end] not in cut]


@cache
def word_rows() -> tuple[WordRow, ...]:
    """Return the rows of `words.tsv`."""
    text = files(__package__).joinpath("words.tsv").read_text(encoding="utf-8")
    reader = csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(WordRow(row["word"], row["kind"], row["flag"] or "") for row in reader)


@cache
def _words(*kinds: str) -> tuple[str, ...]:
    return tuple(row.word for row in word_rows() if row.kind in kinds)


def find_mentions(pieces: Sequence[Piece]) -> Iterator[Mention]:
    """Yield the persons, organisations and places in pieces that follow one another without a gap.

    Persons: nr, with the pieces of a masked (赵某甲, 赵**) or dotted (艾力·买买提) name. Places: ns
    of two characters or more. Organisations: nt, with the places before it.
    """
    at = 0
    while at < len(pieces):
        until, label = _read(pieces, at)
        if label is not None:
            score = PERSON_SCORE if label == "PERSON" else UNMEASURED
            yield Mention(pieces[at].start, pieces[until - 1].end, label, score)
        at = until


def _read(pieces: Sequence[Piece], at: int) -> tuple[int, Label | None]:
    """Return where the run that begins here ends, and what it is, if it is a name at all."""
    flag = pieces[at].flag
    if flag == "nr":
        for read in (_dotted, _masked):
            if (run := read(pieces, at)) is not None:
                return run
        return _plain(pieces, at)
    return _unit(pieces, at) if flag in ("ns", "nt") else (at + 1, None)


def _dotted(pieces: Sequence[Piece], at: int) -> tuple[int, Label | None] | None:
    until = at + 1
    while until + 1 < len(pieces) and pieces[until].word in _DOTS and _is_han(pieces[until + 1]):
        until += 2
    if until == at + 1:
        return None
    # jieba cuts 买买提 into 买买 and 提: only a mark shows where the last part ends.
    if until < len(pieces) and _is_han(pieces[until]) and len(pieces[until].word) == 1:
        until += 1
    is_name = (
        pieces[until - 1].word not in _words("beside", "tail")
        and pieces[until - 1].end - pieces[at].start <= _LONGEST_DOTTED
        and _is_open_left(pieces, at)
        and (until == len(pieces) or not _is_han(pieces[until]))
    )
    return until, "PERSON" if is_name else None


def _masked(pieces: Sequence[Piece], at: int) -> tuple[int, Label | None] | None:
    word, until = pieces[at].word, at + 1
    while until < len(pieces) and _MASKED.fullmatch(word + pieces[until].word):
        word += pieces[until].word
        until += 1
    if _MASKED.fullmatch(word) is None:
        return None
    is_name = not word.startswith(_words("glue")) and _stands_alone(pieces, at, until)
    return until, "PERSON" if is_name else None


def _plain(pieces: Sequence[Piece], at: int) -> tuple[int, Label | None]:
    word, until, known = pieces[at].word, at + 1, pieces[at].known
    given = pieces[until] if until < len(pieces) else None
    if len(word) == 1 and given and given.flag == "nr" and len(given.word) == 2:
        word, until, known = word + given.word, until + 1, False
    # Of the dictionary's names of two characters most are words too: 文明, 高峰, 周密.
    is_name = (
        _PLAIN.fullmatch(word) is not None
        and not (known and len(word) == 2)
        and not word.endswith(_words("unit", "place"))
        and not word.startswith(_words("glue"))
        and _stands_alone(pieces, at, until)
    )
    return until, "PERSON" if is_name else None


def _unit(pieces: Sequence[Piece], at: int) -> tuple[int, Label | None]:
    """Read places, or the organisation that they begin: 岚溪市, 岚溪 市, 岚溪市 公安局."""
    until = at
    while until < len(pieces) and pieces[until].flag == "ns":
        until += 1
        if until < len(pieces) and pieces[until].word in _words("place"):
            until += 1
    if until < len(pieces) and pieces[until].flag == "nt":
        return until + 1, "ORG" if _is_organisation(pieces, at, until) else None
    last = pieces[until - 1]
    is_place = (
        (last.known or last.word.endswith(_words("place")))
        and last.end - pieces[at].start > 1
        and _is_open_left(pieces, at)
        and not (until < len(pieces) and pieces[until].word in _DOTS)
    )
    return until, "PLACE" if is_place else None


def _is_organisation(pieces: Sequence[Piece], at: int, last: int) -> bool:
    """Tell whether the pieces are a whole name: not an ending alone, and no part comes behind."""
    word = pieces[last].word
    whole = at < last or (pieces[last].known and word not in _words("unit"))
    return (
        whole
        and word.endswith(_words("unit"))
        and _is_open_left(pieces, at)
        and (last + 1 == len(pieces) or _ends_name(pieces[last + 1]))
    )


def _stands_alone(pieces: Sequence[Piece], at: int, until: int) -> bool:
    return (
        _is_open_left(pieces, at)
        and _is_open_right(pieces, until)
        and not _is_in_unit(pieces, at, until)
    )


def _is_open_left(pieces: Sequence[Piece], at: int) -> bool:
    if at == 0:
        return True
    before = pieces[at - 1]
    if not _is_han(before):
        return before.word not in _DOTS
    return before.word in _words("beside", "tail") or (before.known and len(before.word) > 1)


def _is_open_right(pieces: Sequence[Piece], until: int) -> bool:
    if until == len(pieces):
        return True
    behind = pieces[until]
    if not _is_han(behind):
        return behind.word not in _DOTS and behind.word[0] not in _MASKS
    if behind.word in _words("beside"):
        # A 和 before a mark joins nothing: it is the end of the name.
        return until + 1 < len(pieces) and _is_han(pieces[until + 1])
    return behind.word in _words("tail") or (behind.known and len(behind.word) > 1)


def _is_in_unit(pieces: Sequence[Piece], at: int, until: int) -> bool:
    """Tell whether a person's name is part of a longer one: 岚溪 宏砚 市政工程 有限公司."""
    before = pieces[at - 1] if at else None
    if before and (before.flag in ("ns", "nr") or before.word.endswith(_words("place"))):
        return True
    for behind in pieces[until : until + _FAR]:
        if _ends_name(behind):
            return False
        if behind.flag == "nt" or behind.word.endswith(_words("unit", "place")):
            return True
    return False


def _ends_name(piece: Piece) -> bool:
    """Tell whether no name of a unit runs on into this piece: a mark, a verb, a particle, a 的."""
    return not _is_han(piece) or piece.flag == "v" or piece.flag[0] in "pducr"


def _is_han(piece: Piece) -> bool:
    return _HAN.fullmatch(piece.word) is not None
