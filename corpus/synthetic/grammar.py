"""The notation of the rows: fixed words, choices, slots, quotes and labels; and their families.

A row is a sentence in this notation:

- `(a|b|)` takes one of the alternatives; they may hold everything else too.
- `{name}` or `{name.argument}` is a slot that the writer of the document fills.
- `{@table}` puts in a row of another table.
- `{TITLE=局长}` is fixed words with a label (TITLE, ROLE, ORG, ORGAN, PERSON, AMOUNT).
- `[…]` marks the words that state a sanction.

Each row is a template family of its own, named after its table and its words. The families of a
table are dealt to train, dev and test in the order of the hash of their names, so that each split
has rows in every table and no row is in two splits.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Role = Literal["treatment", "measure", "cause", "problem", "suggestion", "slogan", "background"]
ROLES: tuple[Role, ...] = get_args(Role)
ROWS = Path(__file__).parent / "rows"
TEST_SHARE, DEV_SHARE = 0.25, 0.15
_SPECIAL = "()|{}[]"


@dataclass(frozen=True, slots=True)
class Words:
    """Fixed words; with a label where they are a mention."""

    text: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A place that the writer of the document fills."""

    name: str
    argument: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several alternatives."""

    options: tuple[Parts, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """Words that state a sanction."""

    inner: Parts


Part: TypeAlias = Words | Slot | Choice | Quote


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts that follow each other."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A template with its family; `kind` and `mode` only for the words of sanctions."""

    family: str
    role: Role
    text: str
    tree: Parts


def parse_row(text: str) -> Parts:
    """Return the tree of a row.

    Raises:
        ValueError: a bracket is not closed or closes nothing.
    """
    tree, at = _parts(text, 0, "")
    if at < len(text):
        raise ValueError(f"“{text}”第{at + 1}个字“{text[at]}”没有对应的左括号")
    return tree


def _parts(text: str, at: int, ends: str) -> tuple[Parts, int]:
    parts: list[Part] = []
    part: Part
    while at < len(text) and text[at] not in ends:
        if text[at] == "(":
            part, at = _choice(text, at)
        elif text[at] == "[":
            inner, at = _parts(text, at + 1, "]")
            part, at = Quote(inner), _closed(text, at)
        elif text[at] == "{":
            stop = text.find("}", at)
            if stop < 0:
                raise ValueError(f"“{text}”第{at + 1}个字“{{”没有右括号")
            part, at = _slot(text[at + 1 : stop]), stop + 1
        elif text[at] in _SPECIAL:
            return Parts(tuple(parts)), at
        else:
            stop = at
            while stop < len(text) and text[stop] not in _SPECIAL:
                stop += 1
            part, at = Words(text[at:stop]), stop
        parts.append(part)
    return Parts(tuple(parts)), at


def _choice(text: str, at: int) -> tuple[Choice, int]:
    options = []
    while True:
        option, at = _parts(text, at + 1, "|)")
        options.append(option)
        if at >= len(text) or text[at] == ")":
            return Choice(tuple(options)), _closed(text, at)


def _closed(text: str, at: int) -> int:
    if at >= len(text):
        raise ValueError(f"“{text}”有括号没有关上")
    return at + 1


def _slot(words: str) -> Words | Slot:
    label, equals, fixed = words.partition("=")
    if equals:
        return Words(fixed, label)
    name, _, argument = words.partition(".")
    return Slot(name, argument)


@cache
def tables() -> Mapping[str, tuple[Row, ...]]:
    """Return all tables of rows by name.

    Raises:
        ValueError: a row cannot be read, or stands twice.
    """
    found: dict[str, tuple[Row, ...]] = {}
    for path in sorted(ROWS.glob("*.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        for name, table in content.items():
            if "rows" in table:
                role = cast(Role, table.get("role", "background"))
                found[name] = tuple(make_row(name, role, text) for text in table["rows"])
    return found


def make_row(table: str, role: Role, text: str) -> Row:
    """Return a row with the name of its family."""
    digest = sha256(text.encode()).hexdigest()[:8]
    return Row(f"{table}/{digest}", role, text, parse_row(text))


@cache
def word_lists() -> Mapping[str, tuple[str, ...]]:
    """Return the word lists, which all splits share: names, places, trades, laws."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(ROWS.glob("*.toml")):
        for name, table in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if "words" in table:
                words = table["words"]
                found[name] = tuple(words.split() if isinstance(words, str) else words)
    return found


def deal(rows: tuple[Row, ...]) -> dict[Split, tuple[Row, ...]]:
    """Deal the rows of one table to the splits by the hash of their families.

    A table of fewer than three rows cannot be split, and is an error.

    Raises:
        ValueError: fewer than three rows, or one stands twice.
    """
    if len(rows) < len(SPLITS) or len({row.family for row in rows}) < len(rows):
        raise ValueError(f"{rows[0].family if rows else '空表'}：至少要三行，而且不能重复")
    order = sorted(rows, key=lambda row: sha256(row.family.encode()).hexdigest())
    tests = max(1, round(len(rows) * TEST_SHARE))
    devs = max(1, round(len(rows) * DEV_SHARE))
    return {
        "test": tuple(order[:tests]),
        "dev": tuple(order[tests : tests + devs]),
        "train": tuple(order[tests + devs :]),
    }


class Grammar:
    """The rows of one split."""

    def __init__(self, split: Split) -> None:
        """Deal all tables, and keep the part of `split`."""
        self.split = split
        self._rows = {name: deal(rows)[split] for name, rows in tables().items()}

    def rows(self, table: str) -> tuple[Row, ...]:
        """Return the rows of a table in this split.

        Raises:
            KeyError: there is no such table.
        """
        return self._rows[table]

    def families(self) -> Iterator[str]:
        """Yield the names of all families of this split."""
        for rows in self._rows.values():
            yield from (row.family for row in rows)


@cache
def grammar_of(split: Split) -> Grammar:
    """Return the rows of a split, dealt once."""
    return Grammar(split)
