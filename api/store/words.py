"""The words of texts for full-text search, cut with jieba's dictionary by `rjieba`.

`entries_of` runs in the worker process that reads a document; a query is cut in the process that
answers it. `tokens` of an entry are the text cut into words apart by spaces, so that the text can
be shown again (`shown_text`); behind a mark follow words that only help to find it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from extractor.document import Document
from extractor.extraction import Extraction, Located
from extractor.rules import penalty_labels

EntryKind = Literal["document", "text", "party", "penalty", "measure", "problem", "suggestion"]
"""What an entry holds: title and number, the full text, or a row that was read."""

Entry = tuple[EntryKind, str, str]
"""The kind of an entry, the id of its row in the extraction, its tokens."""

_CHUNK: Final = 12_000
"""PostgreSQL counts places in a text up to 16,383 words."""
_LONGEST_ROW: Final = 1_500
_LONGEST_WORD: Final = 60
_EXTRA: Final = "\x1e"
_SPACE: Final = "\u3000"
_FULL_WIDTH: Final = {
    code: code - 0xFEE0
    for start, end in ((0xFF10, 0xFF1A), (0xFF21, 0xFF3B), (0xFF41, 0xFF5B))
    for code in range(start, end)
}
_CLEANED: Final = _FULL_WIDTH | dict.fromkeys((0, ord(_EXTRA)), " ")
_TERM: Final = re.compile(r'"([^"]*)"|“([^“”]*)”|([^\s"“”]+)')

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched: each of `parts` must be there, as one of its phrases of adjacent words."""

    parts: tuple[tuple[Phrase, ...], ...]

    @property
    def needles(self) -> list[str]:
        """What a reader recognises in the text, the longest first."""
        phrases = {phrase for part in self.parts for phrase in part}
        found = {"".join(phrase) for phrase in phrases}
        return sorted(found, key=lambda each: (-len(each), each))


def tenant_word(tenant: str) -> str:
    """Return the word by which an index tells the entries of a tenant from those of others."""
    return "t" + hashlib.blake2b(tenant.encode(), digest_size=8).hexdigest()


def entries_of(document: Document, extraction: Extraction) -> list[Entry]:
    """Return what is to be found of a document: its title and text, and the rows read from it."""
    names = [name for party in extraction.parties for name in (party.name, *party.aliases)]
    record, accident = extraction.document, extraction.accident
    about = [record.title, record.number, record.issuer, accident.name if accident else None]
    found: list[Entry] = [("document", "", tokens_of("\n".join(filter(None, about))))]
    for at, start in enumerate(range(0, len(document.text), _CHUNK)):
        chunk = document.text[start : start + _CHUNK]
        found.append(("text", str(at + 1), tokens_of(chunk, [n for n in names if n in chunk])))
    return found + list(_rows(document, extraction))


def _rows(document: Document, extraction: Extraction) -> Iterator[Entry]:
    labels = penalty_labels()
    parties = {party.id: party for party in extraction.parties}

    def quote(fact: Located) -> str:
        return document.text[fact.start : min(fact.end, fact.start + _LONGEST_ROW)]

    for party in extraction.parties:
        names = [party.name, *party.aliases]
        words = [*names, party.employer, party.title, *party.responsibility]
        yield "party", party.id, tokens_of(" ".join(filter(None, words)), names)
    for penalty in extraction.penalties:
        name = parties[penalty.party].name
        words = [name, labels.get(penalty.kind, ""), penalty.organ, penalty.term]
        yield "penalty", penalty.id, tokens_of(_said(words, quote(penalty)), [name])
    for measure in extraction.measures:
        yield "measure", measure.id, tokens_of(_said(measure.actors, quote(measure)))
    for problem in extraction.problems:
        yield "problem", problem.id, tokens_of(_said(problem.units, quote(problem)))
    for suggestion in extraction.suggestions:
        yield (
            "suggestion",
            suggestion.id,
            tokens_of(_said(suggestion.addressees, quote(suggestion))),
        )


def _said(words: list[str] | list[str | None], quote: str) -> str:
    return "\n".join(filter(None, (" ".join(filter(None, words)), quote)))


def _cut(text: str) -> list[str]:
    import rjieba

    # Without a guess at unknown words: a name is cut alike in a text and in a query.
    return rjieba.cut(text, False)


def tokens_of(text: str, names: list[str] | None = None) -> str:
    """Return the words of a text, then those that only help to find it."""
    import rjieba

    clean = text.translate(_CLEANED)
    pieces = _cut(clean)
    more = {name.translate(_CLEANED) for name in names or ()}
    more |= set(rjieba.cut_for_search(clean, False)) - set(pieces)
    extra = sorted(each for each in more if _is_word(each) and len(each) <= _LONGEST_WORD)
    shown = " ".join(piece if not piece.isspace() else _blank(piece) for piece in pieces)
    return f"{shown} {_EXTRA} {' '.join(extra)}" if extra else shown


def _blank(piece: str) -> str:
    return "\n" if "\n" in piece else _SPACE


def _is_word(piece: str) -> bool:
    return any(char.isalnum() for char in piece) and not any(char.isspace() for char in piece)


def shown_text(tokens: str) -> str:
    """Return the text that the tokens were made of."""
    return tokens.partition(f" {_EXTRA}")[0].replace(" ", "").replace(_SPACE, " ")


def parse_query(text: str) -> Query:
    """Return what a person asks for: words apart by spaces, and exact words in quotes.

    Any text is a query; one without words asks for nothing.
    """
    parts: list[tuple[Phrase, ...]] = []
    for found in _TERM.finditer(text.translate(_CLEANED)):
        exact = found[1] if found[1] is not None else found[2]
        term = exact if exact is not None else found[3]
        words = tuple(piece for piece in _cut(term) if _is_word(piece))
        if not words:
            continue
        if len(words) == 1:
            parts.append((words,))
        elif exact is not None or any(len(word) == 1 for word in words):
            # What jieba does not know falls apart into characters: they must stand together.
            parts.append((words, ("".join(words),)))
        else:
            parts.extend(((word,),) for word in words)
    return Query(tuple(dict.fromkeys(parts)))
