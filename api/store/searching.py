"""Full-text search over documents and the rows read from them, the best hits first.

Among very many hits the newest are ranked. Every function takes an open connection of
`Database.read()` or `Database.write()`, and the tenant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
)

from api.store.hooks import Saved
from api.store.schema import CASE_DOCUMENTS, DOCUMENTS, SEARCH_ENTRIES
from api.store.words import EntryKind, Phrase, Query, parse_query, shown_text
from extractor.extraction import DocumentKind

MOST_RANKED: Final = 1_000
"""How many hits, the newest, are ranked and can be paged through."""
_BEFORE: Final = 30
_SNIPPET: Final = 120
_MOST_MARKS: Final = 40


class SearchHit(BaseModel):
    """One place where the words were found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: EntryKind = Field(
        description="document 标题、文号、发文机关、事故名称；text 全文；party 责任主体；"
        "penalty 处理；measure 整改措施；problem 问题；suggestion 工作建议"
    )
    document: str = Field(description="文件编号")
    row: str | None = Field(description="抽取结果里这一行的 id；标题和全文没有")
    case: str | None = Field(description="这份文件所在的案卷")
    filename: str
    kind: DocumentKind | None
    title: str | None
    number: str | None = Field(description="文号")
    date: str | None = Field(description="文件日期，YYYY-MM-DD")
    snippet: str = Field(description="命中处前后的文字")
    marks: list[tuple[int, int]] = Field(
        description="snippet 里命中的各个区间 [起, 止)，按 Unicode 码位计数"
    )


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Where to search; None is anywhere. Dates are YYYY-MM-DD of the document, both included."""

    type: EntryKind | None = None
    kind: str | None = None
    case: str | None = None
    date_from: str | None = None
    date_to: str | None = None


EVERYWHERE: Final = Narrowing()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of hits begins: what was the newest entry at the first page, how many before."""

    newest: int
    offset: int


def index_saved(connection: Connection, saved: Saved) -> None:
    """Keep the words of a new result in the place of those of an older one."""
    entries = saved.derived.get("words")
    if entries is None:
        return
    forget_words(connection, saved.tenant, saved.document)
    rows = [
        {"tenant": saved.tenant, "document": saved.document, "kind": kind, "row": row, "tokens": of}
        for kind, row, of in entries
        if of
    ]
    if rows:
        connection.execute(insert(SEARCH_ENTRIES), rows)


def forget_words(connection: Connection, tenant: str, document: str) -> None:
    """Remove the words of a document."""
    table = SEARCH_ENTRIES
    connection.execute(delete(table).where(table.c.tenant == tenant, table.c.document == document))


def search(
    connection: Connection,
    tenant: str,
    asked: str,
    limit: int,
    narrowing: Narrowing = EVERYWHERE,
    place: Place | None = None,
) -> tuple[list[SearchHit], Place | None]:
    """Return up to `limit` hits, the best first, and where the next page begins, if any."""
    query = parse_query(asked)
    if not query.parts:
        return [], None
    if place is None:
        newest = connection.execute(select(func.max(SEARCH_ENTRIES.c.number))).scalar_one()
        place = Place(newest or 0, 0)
    ranked = _ranked(connection, tenant, query, narrowing, place.newest)
    page = ranked.limit(limit + 1).offset(place.offset)
    found = connection.execute(page).all()
    hits = _hits(connection, tenant, query, [row.number for row in found[:limit]])
    following = place.offset + limit
    more = len(found) > limit and following < MOST_RANKED
    return hits, Place(place.newest, following) if more else None


def _ranked(
    connection: Connection, tenant: str, query: Query, narrowing: Narrowing, newest: int
) -> Select[Any]:
    """Return the query for the numbers of the best entries, best first."""
    conditions = [
        SEARCH_ENTRIES.c.tenant == tenant,
        SEARCH_ENTRIES.c.number <= newest,
        *_narrowed(tenant, narrowing),
    ]
    is_sqlite = connection.dialect.name == "sqlite"
    found = _sqlite_hits(query) if is_sqlite else _postgresql_hits(query)
    order = literal_column("search_index.rowid") if is_sqlite else SEARCH_ENTRIES.c.number
    candidates = (
        found.where(*conditions).order_by(order.desc()).limit(MOST_RANKED).subquery("candidates")
    )
    best = candidates.c.score if is_sqlite else candidates.c.score.desc()
    return select(candidates.c.number).order_by(best, candidates.c.number.desc())


def _sqlite_hits(query: Query) -> Select[Any]:
    asked = " AND ".join(
        "(" + " OR ".join(_quoted(phrase) for phrase in part) + ")" for part in query.parts
    )
    # CROSS JOIN: the index of words comes first, whatever the planner thinks of the tenant.
    source = text("search_index CROSS JOIN search_entries")
    return (
        select(SEARCH_ENTRIES.c.number, literal_column("bm25(search_index)").label("score"))
        .select_from(source)
        .where(
            text("search_index MATCH :asked").bindparams(asked=asked),
            text("search_entries.number = search_index.rowid"),
        )
    )


def _quoted(phrase: Phrase) -> str:
    return '"' + " ".join(phrase).replace('"', '""') + '"'


def _postgresql_hits(query: Query) -> Select[Any]:
    words: ColumnElement[Any] = literal_column("search_entries.words")
    simple: ColumnElement[Any] = literal_column("'simple'::regconfig")
    asked: ColumnElement[Any] | None = None
    for part in query.parts:
        either: ColumnElement[Any] | None = None
        for phrase in part:
            one: ColumnElement[Any] = func.phraseto_tsquery(simple, " ".join(phrase))
            either = one if either is None else either.op("||")(one)
        if either is not None:
            asked = either if asked is None else func.tsquery_and(asked, either)
    if asked is None:  # pragma: no cover - `search` asks only for something
        raise ValueError("no words")
    return select(SEARCH_ENTRIES.c.number, func.ts_rank_cd(words, asked, 1).label("score")).where(
        words.op("@@")(asked)
    )


def _narrowed(tenant: str, narrowing: Narrowing) -> Iterable[ColumnElement[bool]]:
    if narrowing.type is not None:
        yield SEARCH_ENTRIES.c.kind == narrowing.type
    if narrowing.case is not None:
        yield SEARCH_ENTRIES.c.document.in_(
            select(CASE_DOCUMENTS.c.document).where(
                CASE_DOCUMENTS.c.tenant == tenant, CASE_DOCUMENTS.c.case == narrowing.case
            )
        )
    conditions = [DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.id == SEARCH_ENTRIES.c.document]
    if narrowing.kind is not None:
        conditions.append(DOCUMENTS.c.kind == narrowing.kind)
    if narrowing.date_from is not None:
        conditions.append(DOCUMENTS.c.date >= narrowing.date_from)
    if narrowing.date_to is not None:
        conditions.append(DOCUMENTS.c.date <= narrowing.date_to)
    if len(conditions) > 2:
        yield select(DOCUMENTS.c.number).where(*conditions).exists()


def _hits(
    connection: Connection, tenant: str, query: Query, numbers: Sequence[int]
) -> list[SearchHit]:
    """Return the hits of these entries, in this order."""
    entry, document, place = SEARCH_ENTRIES.c, DOCUMENTS.c, CASE_DOCUMENTS.c
    rows = connection.execute(
        select(
            entry.number.label("entry"), entry.kind.label("type"), entry.row, entry.tokens,
            document.id, document.filename, document.kind, document.title,
            document.number_text, document.date, place.case,
        )
        .select_from(SEARCH_ENTRIES)
        .join(DOCUMENTS, and_(document.tenant == entry.tenant, document.id == entry.document))
        .outerjoin(
            CASE_DOCUMENTS,
            and_(place.tenant == entry.tenant, place.document == entry.document),
        )
        .where(entry.tenant == tenant, entry.number.in_(numbers))
    )  # fmt: skip
    by_number = {row.entry: _hit(row, query) for row in rows}
    return [by_number[number] for number in numbers if number in by_number]


def _hit(row: Any, query: Query) -> SearchHit:
    snippet, marks = excerpt(shown_text(row.tokens), query)
    return SearchHit(
        type=row.type,
        document=row.id,
        row=row.row if row.type not in ("document", "text") else None,
        case=row.case,
        filename=row.filename,
        kind=row.kind,
        title=row.title,
        number=row.number_text,
        date=row.date,
        snippet=snippet,
        marks=marks,
    )


def excerpt(shown: str, query: Query) -> tuple[str, list[tuple[int, int]]]:
    """Return the part of a text that has most of what was asked for, and where it stands there."""
    found = [match.span() for match in _pattern(query.needles).finditer(shown)]
    if not found:
        words = {word for part in query.parts for phrase in part for word in phrase}
        pattern = _pattern(sorted(words, key=lambda word: (-len(word), word)))
        found = [match.span() for match in pattern.finditer(shown)]
    best, most = (found[0][0] if found else 0), 0
    for start, _ in found[:_MOST_MARKS]:
        inside = {shown[a:b].lower() for a, b in found if start <= a and b <= start + _SNIPPET}
        if len(inside) > most:
            best, most = start, len(inside)
    begin = max(best - _BEFORE, 0)
    end = min(begin + _SNIPPET + _BEFORE, len(shown))
    head, tail = "…" if begin else "", "…" if end < len(shown) else ""
    shift = len(head) - begin
    marks = [(a + shift, b + shift) for a, b in found if begin <= a and b <= end]
    return head + shown[begin:end].replace("\n", " ") + tail, marks


def _pattern(needles: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, needles)), re.IGNORECASE)
