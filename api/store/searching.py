"""Full-text search over documents and the rows read from them, the best hits first.

Hits in titles come first, then those in rows, then those in the full text; in each the newest
first. So an answer needs no look at all that was found, however much it is. Every function takes
an open connection of `Database.read()` or `Database.write()`, and the tenant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    cast,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from api.store.hooks import Saved
from api.store.native import GROUP
from api.store.schema import CASE_DOCUMENTS, DOCUMENTS, SEARCH_ENTRIES
from api.store.words import EntryKind, Phrase, Query, parse_query, shown_text, tenant_word
from extractor.extraction import DocumentKind, DocumentRecord

_NEWEST: Final = 1 << 62
_SPAN: Final = 1 << 50
_MOST_OF_CASE: Final = 2_000
_MOST_NEWEST: Final = 400
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
    """Where a page of hits begins: in which group, and before which entry of it."""

    group: int
    before: int


GROUPS: Final[tuple[tuple[EntryKind, ...], ...]] = (
    ("document",),
    ("party", "penalty", "measure", "problem", "suggestion"),
    ("text",),
)
"""Hits in titles come first, then those in rows, then those in texts; in each the newest first."""


def index_saved(connection: Connection, saved: Saved) -> None:
    """Keep the words of a new result in the place of those of an older one."""
    entries = saved.derived.get("words")
    if entries is None:
        return
    forget_words(connection, saved.tenant, saved.document)
    rows = [
        {
            "tenant": saved.tenant,
            "document": saved.document,
            "kind": kind,
            "row": row,
            "tokens": of,
            "scope": scope_of(saved.tenant, saved.document, kind, saved.record),
        }
        for kind, row, of in entries
        if of
    ]
    put_entries(connection, rows)


def put_entries(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Store rows of `search_entries`.

    On SQLite the numbers of a group stand together, those of a group that comes first above the
    others: so the index of words, which is in the order of numbers, gives the best hits first.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        number = SEARCH_ENTRIES.c.number
        for group in range(len(GROUPS)):
            low, high = _range(group)
            newest = select(func.max(number)).where(number >= low, number < high)
            start = connection.execute(newest).scalar_one() or low
            inside = (row for row in rows if row["kind"] in GROUPS[group])
            for at, row in enumerate(inside, start + 1):
                row["number"] = at
    connection.execute(insert(SEARCH_ENTRIES), rows)


def _range(group: int) -> tuple[int, int]:
    low = (len(GROUPS) - 1 - group) * _SPAN
    return low, low + _SPAN


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
    place = place or Place(0, _NEWEST)
    found: list[tuple[int, int]] = []
    for group in range(place.group, len(GROUPS)):
        before = place.before if group == place.group else _NEWEST
        wanted = limit + 1 - len(found)
        numbers = _numbers(connection, tenant, query, narrowing, Place(group, before), wanted)
        found += [(group, number) for number in numbers]
        if len(found) > limit:
            break
    hits = _hits(connection, tenant, query, [number for _, number in found[:limit]])
    return hits, Place(*found[limit - 1]) if len(found) > limit else None


def scope_of(tenant: str, document: str, entry: EntryKind, record: DocumentRecord) -> str:
    """Return the words by which an entry is told from those that are not asked for."""
    words = [tenant_word(tenant), f"e{entry}", f"k{record.kind}"]
    words.append(f"y{record.date[:4]}" if record.date else "y0")
    return " ".join([*words, _document_word(document)])


def _document_word(document: str) -> str:
    return f"d{document[:16]}"


def _numbers(
    connection: Connection,
    tenant: str,
    query: Query,
    narrowing: Narrowing,
    place: Place,
    limit: int,
) -> Sequence[int]:
    """Return the numbers of the newest entries of a group that have what is asked for."""
    if narrowing.type is not None and narrowing.type not in GROUPS[place.group]:
        return []
    scope = _scope(tenant, narrowing)
    if narrowing.case is not None:
        inside = [_document_word(each) for each in _of_case(connection, tenant, narrowing.case)]
        if not inside:
            return []
        scope.append(inside)
    conditions = [_entry("tenant") == tenant, *_narrowed(tenant, narrowing)]
    if connection.dialect.name == "sqlite":
        found = _by_words(_sqlite_query(query, scope), conditions, place, limit)
        return connection.execute(found).scalars().all()
    if narrowing.type is None:
        scope.append([f"e{kind}" for kind in GROUPS[place.group]])
    words: ColumnElement[Any] = literal_column("search_entries.words")
    asked = _postgresql_query(query)
    # Characters that the server takes for no word ask for nothing, not for everything.
    conditions.append(func.numnode(asked) > 0)
    conditions.append(words.op("@@")(func.tsquery_and(_scope_query(scope), asked)))
    return _newest(connection, tenant, conditions, place, limit)


def _by_words(asked: str, conditions: Iterable[Any], place: Place, limit: int) -> Select[Any]:
    """Ask SQLite, whose index of words is in the order of numbers."""
    number: ColumnElement[Any] = literal_column("search_index.rowid")
    low, high = _range(place.group)
    # CROSS JOIN: the index of words comes first, whatever the planner thinks of the tenant.
    found = select(number).select_from(text("search_index CROSS JOIN search_entries"))
    found = found.where(
        *conditions,
        text("search_index MATCH :asked").bindparams(asked=asked),
        text("search_entries.number = search_index.rowid"),
        number >= low,
        number < min(high, place.before),
    )
    return found.order_by(number.desc()).limit(limit)


def _newest(
    connection: Connection,
    tenant: str,
    conditions: Iterable[ColumnElement[bool]],
    place: Place,
    limit: int,
) -> Sequence[int]:
    """Ask PostgreSQL, whose index of words gives all that has them, in no order.

    What many have is found among the newest entries, without the index.
    """
    number = SEARCH_ENTRIES.c.number
    group = and_(
        _entry("tenant") == tenant,
        literal_column(f"({GROUP})") == literal_column(str(place.group)),
        number < place.before,
    )
    newest = select(number).where(group)
    newest = newest.order_by(number.desc()).limit(_MOST_NEWEST)
    last = newest.subquery()
    first = connection.execute(select(func.min(last.c.number))).scalar_one()
    if first is None:
        return []
    found = select(number).select_from(SEARCH_ENTRIES).where(*conditions)
    near = found.where(group, number >= first).order_by(number.desc()).limit(limit)
    numbers = connection.execute(near).scalars().all()
    if len(numbers) == limit:
        return numbers
    # The planner would read all entries where it takes the words for frequent ones.
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    rest = found.where(number < first).cte("rest").prefix_with("MATERIALIZED")
    older = select(rest.c.number).order_by(rest.c.number.desc()).limit(limit - len(numbers))
    return [*numbers, *connection.execute(older).scalars()]


def _of_case(connection: Connection, tenant: str, case: str) -> Sequence[str]:
    table = CASE_DOCUMENTS.c
    query = select(table.document).where(table.tenant == tenant, table.case == case)
    return connection.execute(query.limit(_MOST_OF_CASE)).scalars().all()


def _scope(tenant: str, narrowing: Narrowing) -> list[list[str]]:
    """Return the words of the scope that an entry must have, one of each list."""
    scope = [[tenant_word(tenant)]]
    if narrowing.type is not None:
        scope.append([f"e{narrowing.type}"])
    if narrowing.kind is not None:
        scope.append([f"k{narrowing.kind}"])
    if years := _years(narrowing):
        scope.append([f"y{year}" for year in years])
    return scope


def _sqlite_query(query: Query, scope: Iterable[Iterable[str]]) -> str:
    words = " AND ".join(
        "(" + " OR ".join(_quoted(phrase) for phrase in part) + ")" for part in query.parts
    )
    narrowed = " AND ".join(
        "scope : (" + " OR ".join(f'"{word}"' for word in either) + ")" for either in scope
    )
    return f"{narrowed} AND tokens : ({words})"


def _years(narrowing: Narrowing) -> range:
    """Return the years that dates may be of; empty where they cannot be told one by one."""
    if narrowing.date_from is None and narrowing.date_to is None:
        return range(0)
    first = int((narrowing.date_from or "1980")[:4])
    last = int((narrowing.date_to or "")[:4] or datetime.now(UTC).year + 1)
    return range(max(first, 1900), min(last, 2100) + 1)


def _quoted(phrase: Phrase) -> str:
    return '"' + " ".join(phrase).replace('"', '""') + '"'


def _postgresql_query(query: Query) -> ColumnElement[Any]:
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
    return asked


def _scope_query(scope: Iterable[Iterable[str]]) -> ColumnElement[Any]:
    words = " & ".join("(" + " | ".join(f"'#{word}'" for word in each) + ")" for each in scope)
    return cast(words, TSQUERY)


def _entry(name: str) -> ColumnElement[Any]:
    """Return a column by its name alone: how the tables are joined is written out."""
    return literal_column(f"search_entries.{name}", SEARCH_ENTRIES.c[name].type)


def _narrowed(tenant: str, narrowing: Narrowing) -> Iterable[ColumnElement[bool]]:
    if narrowing.type is not None:
        yield _entry("kind") == narrowing.type
    if narrowing.case is not None:
        yield _entry("document").in_(
            select(CASE_DOCUMENTS.c.document).where(
                CASE_DOCUMENTS.c.tenant == tenant, CASE_DOCUMENTS.c.case == narrowing.case
            )
        )
    conditions = [DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.id == _entry("document")]
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
        # Not by the index of tenants: SQLite would pass over all of them to find a few.
        .where(entry.number.in_(numbers), func.coalesce(entry.tenant, "") == tenant)
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
