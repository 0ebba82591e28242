"""The rows of cases: what grouping by facts and the hands of people both write.

Whoever changes cases of a tenant takes turns (`take_turn`), holding the rows of the documents that
it adds: so two readings that end at once see one another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, delete, exists, func, insert, select, text, update

from api.store.feed import emit
from api.store.ids import new_id, now
from api.store.schema import CASE_DOCUMENTS, CASES

_TURN: Final = 4_850_003
_FILLED: Final = (
    exists()
    .where(CASE_DOCUMENTS.c.tenant == CASES.c.tenant, CASE_DOCUMENTS.c.case == CASES.c.id)
    .correlate(CASES)
)

Reason = dict[str, Any]
"""Why a document is where it is: `text` in Chinese, and the facts in fields."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a document stands; `is_pinned` where only people may move it.

    `revision` counts its changes; two that differ in nothing else are equal.
    """

    case: str | None
    is_pinned: bool
    origin: str
    reason: Reason | None
    revision: int = field(default=0, compare=False)


def take_turn(connection: Connection, tenant: str) -> None:
    """Let one transaction at a time change the cases of a tenant, until its end.

    On SQLite it holds the write lock already.
    """
    if connection.dialect.name != "sqlite":
        query = text("SELECT pg_advisory_xact_lock(:turn, hashtext(:tenant))")
        connection.execute(query, {"turn": _TURN, "tenant": tenant})


def positions(
    connection: Connection, tenant: str, documents: Collection[str]
) -> dict[str, Position]:
    """Return where these documents stand; those that were never placed are missing."""
    table = CASE_DOCUMENTS.c
    query = select(CASE_DOCUMENTS).where(table.tenant == tenant, table.document.in_(documents))
    return {
        row.document: Position(row.case, row.pinned, row.origin, row.reason, row.revision)
        for row in connection.execute(query)
    }


def put(
    connection: Connection, tenant: str, document: str, wanted: Position, before: Position | None
) -> None:
    """Write where a document stands, and tell of it if its case is another one than before."""
    if wanted == before:
        return
    values: dict[str, Any] = {
        "case": wanted.case,
        "pinned": wanted.is_pinned,
        "origin": wanted.origin,
        "reason": wanted.reason,
    }
    table = CASE_DOCUMENTS
    if before is None:
        row = {"tenant": tenant, "document": document, "added_at": now(), **values}
        connection.execute(insert(table).values(row))
    else:
        if before.case != wanted.case:
            values["added_at"] = now()
        values["revision"] = table.c.revision + 1
        here = (table.c.tenant == tenant, table.c.document == document)
        connection.execute(update(table).where(*here).values(values))
    left = before.case if before is not None else None
    if left == wanted.case:
        return
    if left is not None:
        emit(connection, tenant, "case.document_removed", left, {"document": document})
    if wanted.case is not None:
        data = {"document": document, "origin": wanted.origin}
        emit(connection, tenant, "case.document_added", wanted.case, data)


def make(connection: Connection, tenant: str, origin: str, values: Mapping[str, Any]) -> str:
    """Make a case without documents and return its id."""
    case, moment = new_id(), now()
    row = {
        "tenant": tenant,
        "id": case,
        "origin": origin,
        "created_at": moment,
        "updated_at": moment,
        **values,
    }
    connection.execute(insert(CASES).values(row))
    emit(connection, tenant, "case.created", case, {"origin": origin})
    return case


def change(
    connection: Connection, tenant: str, case: str, values: Mapping[str, Any] | None = None
) -> None:
    """Note that a case is another one than before: its revision grows."""
    connection.execute(
        update(CASES)
        .where(CASES.c.tenant == tenant, CASES.c.id == case)
        .values(**(values or {}), revision=CASES.c.revision + 1, updated_at=now())
    )


def fix(connection: Connection, tenant: str, case: str) -> None:
    """Let the documents of a case stay where they are: a person has looked at it."""
    table = CASE_DOCUMENTS
    connection.execute(
        update(table)
        .where(table.c.tenant == tenant, table.c.case == case, ~table.c.pinned)
        .values(pinned=True, revision=table.c.revision + 1)
    )


def drop_empty(
    connection: Connection, tenant: str, cases: Iterable[str], *, by_hand: bool = False
) -> set[str]:
    """Remove those of the cases that have no document; return them.

    A case that a person made stays, unless a person empties it for good (`by_hand`).
    """
    gone = set()
    for case in sorted(set(cases)):
        if size(connection, tenant, case):
            continue
        query = delete(CASES).where(CASES.c.tenant == tenant, CASES.c.id == case)
        if not by_hand:
            query = query.where(CASES.c.origin == "auto")
        if connection.execute(query).rowcount:
            gone.add(case)
            emit(connection, tenant, "case.deleted", case, {})
    return gone


def left_empty(connection: Connection, tenant: str, before: int) -> list[str]:
    """Return the cases that have had no document, and no change, since a moment in microseconds.

    Only those that a person made are ever empty.
    """
    table = CASES.c
    query = select(table.id).where(table.tenant == tenant, table.updated_at < before, ~_FILLED)
    return list(connection.execute(query.order_by(table.id)).scalars())


def remove_empty(connection: Connection, tenant: str, case: str, before: int) -> bool:
    """Remove a case that `left_empty` found, if that is still so; tell whether it was."""
    take_turn(connection, tenant)
    table = CASES.c
    same = (table.tenant == tenant, table.id == case, table.updated_at < before, ~_FILLED)
    if not connection.execute(delete(CASES).where(*same)).rowcount:
        return False
    emit(connection, tenant, "case.deleted", case, {"reason": "retention"})
    return True


def size(connection: Connection, tenant: str, case: str) -> int:
    """Return how many documents a case has."""
    table = CASE_DOCUMENTS
    query = select(func.count()).select_from(table)
    return connection.execute(
        query.where(table.c.tenant == tenant, table.c.case == case)
    ).scalar_one()
