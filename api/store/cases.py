"""The cases of a tenant: looking at them, and putting right by hand what grouping has done.

What a person has placed is pinned, and with it everything that stands in the cases concerned:
grouping adds new documents to such a case, but moves nothing in it. Every function takes an open
connection of `Database.read()` or `Database.write()`, and the tenant.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, Select, and_, delete, func, select

from api.store.case_rows import (
    Position,
    Reason,
    change,
    drop_empty,
    fix,
    make,
    positions,
    put,
    take_turn,
)
from api.store.documents import Status, moment_of
from api.store.feed import emit
from api.store.schema import CASE_DOCUMENTS, CASES, DOCUMENTS
from extractor.extraction import DocumentKind

Origin = Literal["auto", "manual"]
LinkName = Literal["pinned", "number", "name", "unit", "reply", "mark", "same"]

MOST_SHOWN: Final = 500
"""How many documents of one case are shown with it; the list of documents shows all."""
_BY_HAND: Final[Reason] = {"text": "人工归入", "sure": "certain"}
_TAKEN_OUT: Final[Reason] = {"text": "人工移出，不再自动归案", "sure": "certain"}
_DISSOLVED: Final[Reason] = {"text": "案卷已人工解散，不再自动归案", "sure": "certain"}


class CaseNotFoundError(LookupError):
    """There is no such case."""


class CaseChangedError(Exception):
    """The case is no longer what the client saw."""


class CaseDocumentMissingError(LookupError):
    """There is no such document, or it does not stand in this case."""


class ReasonLink(BaseModel):
    """A fact that joins a document with another one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: str = Field(description="另一份文件的编号")
    kind: LinkName = Field(
        description="number 文号；name 事故名称；unit 日期和单位；reply 批复文号；"
        "mark 日期标记和地点；same 写明的事故信息全都相同；pinned 人工"
    )
    value: str = Field(description="相同的内容")
    sure: str | None = Field(default=None, description="certain 确定；likely 很可能；possible 可能")


class PlacementReason(BaseModel):
    """Why documents stand together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(description="理由")
    sure: str = Field(description="certain 确定；likely 很可能；possible 可能，请核对")
    links: list[ReasonLink] = Field(default=[], description="凭哪些文件、哪些内容")
    doubts: list[str] = Field(default=[], description="请人工核对的地方")


class CaseMember(BaseModel):
    """A document of a case, and why it is there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(description="文件编号")
    filename: str
    status: Status
    kind: DocumentKind | None
    title: str | None
    number: str | None = Field(description="文号")
    date: str | None = Field(description="YYYY-MM-DD")
    origin: Origin = Field(description="auto 自动归入；manual 人工归入")
    pinned: bool = Field(description="人工确定过，自动归案不再移动")
    revision: int = Field(description="这份文件的归案每次变化加一")
    reason: PlacementReason | None


class CaseEntry(BaseModel):
    """A case: the documents of one accident."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    revision: int = Field(description="每次变化加一")
    name: str
    origin: Origin = Field(description="auto 自动归案；manual 人工建立")
    accident_date: str | None = Field(description="事故日期，YYYY-MM-DD")
    accident_mark: str | None = Field(description="事故的日期标记，如 4·18")
    created_at: datetime
    updated_at: datetime
    document_count: int
    unread_count: int = Field(description="其中还没有读出结果的份数")
    reason: PlacementReason | None = Field(default=None, description="为什么归为一起")


class CaseDetails(CaseEntry):
    """A case with its documents."""

    documents: list[CaseMember] = Field(description=f"最多列出 {MOST_SHOWN} 份")


@dataclass(frozen=True, slots=True)
class CaseFilters:
    """Which cases to list; None is any. `text` is a part of the name, dates are YYYY-MM-DD."""

    id: str | None = None
    text: str | None = None
    origin: str | None = None
    document: str | None = None
    date_from: str | None = None
    date_to: str | None = None


ALL: Final = CaseFilters()


def listing(
    connection: Connection,
    tenant: str,
    limit: int,
    before: str | None = None,
    filters: CaseFilters = ALL,
) -> tuple[list[CaseEntry], str | None]:
    """Return up to `limit` cases, newest first, and where the next page begins, if any.

    `before` is the id that the last call returned; None begins at the newest.
    """
    query = _filtered(select(CASES).where(CASES.c.tenant == tenant), tenant, filters)
    if before is not None:
        query = query.where(CASES.c.id < before)
    rows = connection.execute(query.order_by(CASES.c.id.desc()).limit(limit + 1)).all()
    following = rows[limit - 1].id if len(rows) > limit else None
    rows = rows[:limit]
    counts = _counts(connection, tenant, [row.id for row in rows])
    return [CaseEntry(**_entry(row, counts)) for row in rows], following


def get(connection: Connection, tenant: str, case: str) -> CaseDetails:
    """Return a case with its documents.

    Raises:
        CaseNotFoundError: there is none.
    """
    row = _row(connection, tenant, case)
    counts = _counts(connection, tenant, [case])
    return CaseDetails(**_entry(row, counts), documents=members(connection, tenant, case))


def members(
    connection: Connection, tenant: str, case: str, limit: int = MOST_SHOWN
) -> list[CaseMember]:
    """Return the documents of a case, as they came in."""
    place, document = CASE_DOCUMENTS.c, DOCUMENTS.c
    rows = connection.execute(
        select(
            document.id, document.filename, document.status, document.kind, document.title,
            document.number_text, document.date, place.origin, place.pinned, place.reason,
            place.revision,
        )
        .join_from(
            CASE_DOCUMENTS,
            DOCUMENTS,
            and_(document.tenant == place.tenant, document.id == place.document),
        )
        .where(place.tenant == tenant, place.case == case)
        .order_by(document.number)
        .limit(limit)
    )  # fmt: skip
    return [
        CaseMember(
            id=row.id,
            filename=row.filename,
            status=row.status,
            kind=row.kind,
            title=row.title,
            number=row.number_text,
            date=row.date,
            origin=row.origin,
            pinned=row.pinned,
            revision=row.revision,
            reason=None if row.reason is None else PlacementReason.model_validate(row.reason),
        )
        for row in rows
    ]


def create(connection: Connection, tenant: str, documents: Sequence[str], name: str | None) -> str:
    """Make a case of these documents, which leave the cases where they stand; return its id.

    Raises:
        CaseDocumentMissingError: one of them is not there.
    """
    rows = _lock_documents(connection, tenant, documents)
    take_turn(connection, tenant)
    stated = next(filter(None, (row.accident_name or row.title for row in rows)), None)
    first = next((row for row in rows if row.accident_date or row.accident_mark), None)
    values = {
        "name": name or stated or rows[0].filename,
        "named": name is not None,
        "accident_date": first.accident_date if first is not None else None,
        "accident_mark": first.accident_mark if first is not None else None,
        "reason": {"text": "人工建立", "sure": "certain"},
    }
    case = make(connection, tenant, "manual", values)
    _move(connection, tenant, [row.id for row in rows], case, _BY_HAND)
    return case


def rename(
    connection: Connection, tenant: str, case: str, name: str, seen: Collection[int] | None
) -> None:
    """Give a case a name; see `hold` for the errors."""
    hold(connection, tenant, case, seen)
    change(connection, tenant, case, {"name": name, "named": True})
    emit(connection, tenant, "case.updated", case, {"origin": "manual"})


def add(
    connection: Connection, tenant: str, case: str, document: str, seen: Collection[int] | None
) -> None:
    """Move a document into a case, whose documents are then pinned; see `hold` for the errors.

    Raises:
        CaseDocumentMissingError: there is no such document.
    """
    _row(connection, tenant, case)
    _lock_documents(connection, tenant, [document])
    hold(connection, tenant, case, seen)
    place = positions(connection, tenant, [document]).get(document)
    if place is not None and place.case == case and place.is_pinned:
        return
    _move(connection, tenant, [document], case, _BY_HAND)
    fix(connection, tenant, case)
    change(connection, tenant, case)


def take_out(
    connection: Connection, tenant: str, case: str, document: str, seen: Collection[int] | None
) -> None:
    """Take a document out of a case; it then stands in none. See `hold` for the errors.

    Raises:
        CaseDocumentMissingError: it does not stand in this case.
    """
    _row(connection, tenant, case)
    _lock_documents(connection, tenant, [document])
    hold(connection, tenant, case, seen)
    place = positions(connection, tenant, [document]).get(document)
    if place is None or place.case != case:
        raise CaseDocumentMissingError(document)
    _move(connection, tenant, [document], None, _TAKEN_OUT)


def check(
    connection: Connection, tenant: str, case: str, document: str, seen: Collection[int] | None
) -> None:
    """Keep a case and a document of it until the end of the transaction; errors as `take_out`."""
    _row(connection, tenant, case)
    _lock_documents(connection, tenant, [document])
    hold(connection, tenant, case, seen)
    place = positions(connection, tenant, [document]).get(document)
    if place is None or place.case != case:
        raise CaseDocumentMissingError(document)


def merge(
    connection: Connection,
    tenant: str,
    case: str,
    others: Sequence[str],
    seen: Collection[int] | None,
) -> None:
    """Move all documents of other cases into one, and remove those; see `hold` for the errors."""
    others = [other for other in dict.fromkeys(others) if other != case]
    take_turn(connection, tenant)
    hold(connection, tenant, case, seen)
    for other in others:
        _row(connection, tenant, other)
    table = CASE_DOCUMENTS.c
    found = connection.execute(
        select(table.document).where(table.tenant == tenant, table.case.in_(others))
    ).scalars()
    _move(connection, tenant, list(found), case, {"text": "人工合并案卷", "sure": "certain"})
    drop_empty(connection, tenant, others, by_hand=True)
    fix(connection, tenant, case)
    change(connection, tenant, case)
    emit(connection, tenant, "case.merged", case, {"cases": others})


def dissolve(connection: Connection, tenant: str, case: str, seen: Collection[int] | None) -> None:
    """Remove a case; its documents stay, and stand in none. See `hold` for the errors."""
    hold(connection, tenant, case, seen)
    table = CASE_DOCUMENTS.c
    query = select(table.document).where(table.tenant == tenant, table.case == case)
    found = list(connection.execute(query).scalars())
    _move(connection, tenant, found, None, _DISSOLVED)
    here = (CASES.c.tenant == tenant, CASES.c.id == case)
    # An automatic case went with its last document.
    if connection.execute(delete(CASES).where(*here)).rowcount:
        emit(connection, tenant, "case.deleted", case, {})


def _move(
    connection: Connection, tenant: str, documents: Sequence[str], case: str | None, reason: Reason
) -> None:
    """Move documents by hand; the cases that they leave keep the rest, or go with the last."""
    wanted = Position(case, True, "manual", reason)
    before = positions(connection, tenant, documents)
    for document in documents:
        put(connection, tenant, document, wanted, before.get(document))
    left = {place.case for place in before.values()} - {case, None}
    gone = drop_empty(connection, tenant, (str(each) for each in left))
    for each in sorted(str(each) for each in left):
        if each not in gone:
            fix(connection, tenant, each)
            change(connection, tenant, each)


def hold(connection: Connection, tenant: str, case: str, seen: Collection[int] | None) -> None:
    """Keep others from changing cases until the end of the transaction.

    Raises:
        CaseNotFoundError: there is no such case.
        CaseChangedError: its revision is none of those that the client has `seen`; None is any.
    """
    take_turn(connection, tenant)
    row = _row(connection, tenant, case)
    if seen is not None and row.revision not in seen:
        raise CaseChangedError


def _row(connection: Connection, tenant: str, case: str) -> Row[Any]:
    query = select(CASES).where(CASES.c.tenant == tenant, CASES.c.id == case)
    row = connection.execute(query).first()
    if row is None:
        raise CaseNotFoundError(case)
    return row


def _lock_documents(
    connection: Connection, tenant: str, documents: Sequence[str]
) -> Sequence[Row[Any]]:
    """Hold the rows of documents, before the turn is taken: in the order of all who do so."""
    table, wanted = DOCUMENTS.c, list(dict.fromkeys(documents))
    rows = connection.execute(
        select(DOCUMENTS)
        .where(table.tenant == tenant, table.id.in_(wanted))
        .order_by(table.number)
        .with_for_update()
    ).all()
    missing = set(wanted) - {row.id for row in rows}
    if missing:
        raise CaseDocumentMissingError(min(missing))
    return rows


def _counts(
    connection: Connection, tenant: str, cases: Sequence[str]
) -> dict[str, tuple[int, int]]:
    place, document = CASE_DOCUMENTS.c, DOCUMENTS.c
    rows = connection.execute(
        select(place.case, func.count(), func.count(document.version_done))
        .join_from(
            CASE_DOCUMENTS,
            DOCUMENTS,
            and_(document.tenant == place.tenant, document.id == place.document),
        )
        .where(place.tenant == tenant, place.case.in_(cases))
        .group_by(place.case)
    )
    return {case: (count, count - read) for case, count, read in rows}


def _entry(row: Row[Any], counts: dict[str, tuple[int, int]]) -> dict[str, Any]:
    count, unread = counts.get(row.id, (0, 0))
    return {
        "id": row.id,
        "revision": row.revision,
        "name": row.name,
        "origin": row.origin,
        "accident_date": row.accident_date,
        "accident_mark": row.accident_mark,
        "created_at": moment_of(row.created_at),
        "updated_at": moment_of(row.updated_at),
        "document_count": count,
        "unread_count": unread,
        "reason": None if row.reason is None else PlacementReason.model_validate(row.reason),
    }


def _filtered(query: Select[Any], tenant: str, filters: CaseFilters) -> Select[Any]:
    if filters.id is not None:
        query = query.where(CASES.c.id == filters.id)
    if filters.text is not None:
        query = query.where(CASES.c.name.icontains(filters.text, autoescape=True))
    if filters.origin is not None:
        query = query.where(CASES.c.origin == filters.origin)
    if filters.document is not None:
        holding = select(CASE_DOCUMENTS.c.case).where(
            CASE_DOCUMENTS.c.tenant == tenant, CASE_DOCUMENTS.c.document == filters.document
        )
        query = query.where(CASES.c.id.in_(holding))
    if filters.date_from is not None:
        query = query.where(CASES.c.accident_date >= filters.date_from)
    if filters.date_to is not None:
        query = query.where(CASES.c.accident_date <= filters.date_to)
    return query
