"""Names of documents: which of them hold some characters, found without a look at all of them.

`documents.label` is what lists are searched by. `documents.label_words` holds a word of letters
for each pair of neighbouring characters of it, and one for the tenant; an index over these words
(see `native`) tells which labels may hold a text. Two characters may share their letters: whoever
asks must look at the label itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, cast, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import TSQUERY

from api.store.schema import DOCUMENTS
from api.store.words import tenant_word

MOST: Final = 1_000
"""How many labels are looked at one by one, rather than those of a list from its beginning."""
_LABEL: Final = 600
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_BASE: Final = len(_LETTERS)


def label_values(tenant: str, filename: str, title: str | None) -> dict[str, str]:
    """Return the columns of `documents` by which a list is searched for a part of a name."""
    label = label_of(f"{filename}\n{title}" if title else filename)
    return {"label": label, "label_words": " ".join([tenant_word(tenant), *words_of(label)])}


def label_of(name: str) -> str:
    """Return a name as it stands in a label, in lower case and cut where it is long."""
    return name.lower()[:_LABEL]


def words_of(label: str) -> list[str]:
    """Return a word of letters for each character and the one behind it; the last stands alone."""
    letters = [_letters(char) for char in label]
    return [a + b for a, b in zip(letters, [*letters[1:], ""], strict=False)]


def has_text(connection: Connection, label: str) -> ColumnElement[bool]:
    """Return the condition that the label of a document holds this part of a label."""
    place = func.instr if connection.dialect.name == "sqlite" else func.strpos
    return place(DOCUMENTS.c.label, label) > 0


def candidates(
    connection: Connection, tenant: str, label: str, before: int | None
) -> tuple[Sequence[int], bool]:
    """Return the numbers of documents that may hold a part of a label, and whether it is all.

    Where there are more than `MOST`, SQLite tells the newest of them, and PostgreSQL none.
    `before` leaves out those with this number and above.
    """
    words = words_of(label)
    # The last character may stand anywhere in a label: only its pair with the one before tells.
    asked, is_start = (words[:-1], False) if len(words) > 1 else (words, True)
    if connection.dialect.name == "sqlite":
        query = _sqlite_query(tenant, asked, is_start, before)
    else:
        # The planner would read all rows where it takes a name for a frequent one.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        query = _postgresql_query(tenant, asked, is_start, before, has_text(connection, label))
    numbers = connection.execute(query).scalars().all()
    is_all = len(numbers) <= MOST
    return (numbers if is_all or connection.dialect.name == "sqlite" else []), is_all


def _sqlite_query(tenant: str, words: Sequence[str], is_start: bool, before: int | None) -> Any:
    number: ColumnElement[int] = literal_column("rowid")
    phrase = f'"{" ".join(words)}"' + (" *" if is_start else "")
    asked = text("label_index MATCH :asked").bindparams(asked=f"{tenant_word(tenant)} AND {phrase}")
    query = select(number).select_from(text("label_index")).where(asked)
    if before is not None:
        query = query.where(number < before)
    return query.order_by(number.desc()).limit(MOST + 1)


def _postgresql_query(
    tenant: str,
    words: Sequence[str],
    is_start: bool,
    before: int | None,
    holds: ColumnElement[bool],
) -> Any:
    asked = " & ".join([tenant_word(tenant), *words]) + (":*" if is_start else "")
    index: ColumnElement[Any] = literal_column("documents.label_index")
    # The index does not know which pairs follow one another: the label does.
    found = select(DOCUMENTS.c.number).where(index.op("@@")(cast(asked, TSQUERY)), holds)
    if before is not None:
        found = found.where(DOCUMENTS.c.number < before)
    # Apart, so that the planner does not count on an early end.
    part = found.cte("found").prefix_with("MATERIALIZED")
    return select(part.c.number).limit(MOST + 1)


def _letters(char: str) -> str:
    code = ord(char) % _BASE**3
    return _LETTERS[code // _BASE**2] + _LETTERS[code // _BASE % _BASE] + _LETTERS[code % _BASE]
