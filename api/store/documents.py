"""The documents of a tenant: taking in, looking at, listing, asking for another reading, deleting.

Every function takes an open connection of `Database.read()` or `Database.write()`, and the tenant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert_postgresql
from sqlalchemy.dialects.sqlite import insert as upsert_sqlite

from api.store.feed import emit
from api.store.hooks import HOOKS
from api.store.ids import now
from api.store.name_index import candidates, has_text, label_of, label_values
from api.store.schema import BATCH_ITEMS, BATCHES, CASE_DOCUMENTS, DOCUMENTS, FILES
from extractor.extraction import DocumentKind, WarningRecord

Status: TypeAlias = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Removal: TypeAlias = Literal["request", "retention"]
Source: TypeAlias = Literal["upload", "batch", "folder"]

FOR_A_PERSON: Final = 0
IN_BULK: Final = 1
MOST_INSIDE: Final = 4_000
"""How many documents of a batch or a case are looked at one by one."""
_CLOCKS: Final = 3_600_000_000
_UNDER_WAY: Final = frozenset({"queued", "running"})


class DocumentHeldError(Exception):
    """The document is on legal hold: it must not be deleted."""


class ReadingError(BaseModel):
    """Why a document could not be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(description="稳定的错误代码，与错误应答的 code 相同")
    message: str = Field(description="出了什么问题、在哪里、怎么办")
    page: int | None = Field(default=None, description="出错的页码，从 1 起")


class DocumentEntry(BaseModel):
    """What a file is, and how far its reading has come."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(description="文件字节的 SHA-256")
    filename: str
    size: int = Field(description="字节数")
    source: Source = Field(description="upload 上传；batch 批次；folder 文件夹")
    received_at: datetime = Field(description="首次收到的时间（UTC）")
    updated_at: datetime = Field(description="状态最近一次变化的时间（UTC）")
    status: Status = Field(
        description="queued 排队；running 在读；succeeded 读完；failed 没有读成；cancelled 已取消"
    )
    queued_ahead: int | None = Field(
        default=None, description="排在前面的份数；只在查询单份文件且正在排队时给出"
    )
    error: ReadingError | None = Field(default=None, description="没有读成的原因")
    version: str | None = Field(default=None, description="最近一次结果的抽取版本")
    completeness: Literal["complete", "partial"] | None = Field(
        default=None, description="complete 全部读出；partial 有内容没能读出，见 warnings"
    )
    media_type: str | None = None
    kind: DocumentKind | None = None
    title: str | None = None
    number: str | None = Field(default=None, description="文号")
    issuer: str | None = None
    date: str | None = Field(default=None, description="YYYY-MM-DD")
    pages: int | None = None
    characters: int | None = None
    warnings: list[WarningRecord] = []
    legal_hold: bool = Field(default=False, description="已封存，不能删除")
    hold_reason: str | None = Field(default=None, description="封存的理由")

    @property
    def is_under_way(self) -> bool:
        """Whether a result of the wanted version is still to come."""
        return self.status in _UNDER_WAY


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A file that came in and stands in the file store."""

    digest: str
    size: int
    filename: str
    source: Source = "upload"
    priority: int = FOR_A_PERSON


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents to list; None is any. Times are microseconds, `text` a part of a name."""

    status: Status | None = None
    kind: str | None = None
    received_after: int | None = None
    received_before: int | None = None
    text: str | None = None
    batch: str | None = None
    case: str | None = None


ANY: Final = Filters()

_ADD_FILE: Final = {
    True: upsert_sqlite(FILES).on_conflict_do_nothing(),
    False: upsert_postgresql(FILES).on_conflict_do_nothing(),
}

_UNSEEN: Final = ("tenant", "tries", "attempt", "label", "label_words")
_LISTED: Final = [column for column in DOCUMENTS.c if column.name not in _UNSEEN]


def receive(
    connection: Connection, tenant: str, new: NewDocument, version: str
) -> tuple[DocumentEntry, bool]:
    """Take a file in; return its entry, and whether it now waits for a reading.

    A file that is here already, with a result of this extraction version or on the way to one,
    stays as it is; after a failure, or for another version, it is queued again.
    """
    row = _row(connection, tenant, new.digest, lock=True)
    moment = now()
    if row is None:
        values = {
            "tenant": tenant,
            "id": new.digest,
            "filename": new.filename,
            "size": new.size,
            "source": new.source,
            "received_at": moment,
            "updated_at": moment,
            "status": "queued",
            "priority": new.priority,
            "version_wanted": version,
            "attempt": 0,
            **label_values(tenant, new.filename, None),
        }
        connection.execute(insert(DOCUMENTS), values)
        emit(connection, tenant, "document.received", new.digest, {"version": version})
        entry = DocumentEntry(
            id=new.digest,
            filename=new.filename,
            size=new.size,
            source=new.source,
            received_at=moment_of(moment),
            updated_at=moment_of(moment),
            status="queued",
        )
        return entry, True
    is_done = row.status == "succeeded" and row.version_done == version
    if is_done or row.status in _UNDER_WAY:
        if row.status == "queued" and new.priority < row.priority:
            _change(connection, tenant, new.digest, {"priority": new.priority})
        return entry_of(row), False
    _queue(connection, tenant, new.digest, version, new.priority)
    return _present(connection, tenant, new.digest), True


def request_again(
    connection: Connection,
    tenant: str,
    document: str,
    version: str,
    priority: int = FOR_A_PERSON,
) -> bool | None:
    """Queue a document for another reading; None where there is none.

    False where it waits for a reading, or is being read, anyhow.
    """
    row = _row(connection, tenant, document, lock=True)
    if row is None:
        return None
    if row.status in _UNDER_WAY:
        return False
    _queue(connection, tenant, document, version, priority)
    return True


def cancel(connection: Connection, tenant: str, documents: Sequence[str]) -> list[str]:
    """Take documents out of the queue; return those that were in it."""
    values = {"status": "cancelled", "updated_at": now(), "claimed_by": None}
    found = connection.execute(
        update(DOCUMENTS)
        .where(DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.id.in_(documents))
        .where(DOCUMENTS.c.status == "queued")
        .values(values)
        .returning(DOCUMENTS.c.id)
    ).scalars()
    cancelled = list(found)
    for document in cancelled:
        emit(connection, tenant, "document.cancelled", document, {"status": "cancelled"})
    return cancelled


def get(connection: Connection, tenant: str, document: str) -> DocumentEntry | None:
    """Return the entry of a document, with what is queued ahead of it; None where there is none."""
    row = _row(connection, tenant, document)
    if row is None:
        return None
    entry = entry_of(row)
    if row.status != "queued":
        return entry
    before = or_(
        DOCUMENTS.c.priority < row.priority,
        and_(DOCUMENTS.c.priority == row.priority, DOCUMENTS.c.number < row.number),
    )
    # Those of other tenants count too: the queue is one. Only how many is told.
    ahead = connection.execute(
        select(func.count()).select_from(DOCUMENTS).where(DOCUMENTS.c.status == "queued", before)
    ).scalar_one()
    return entry.model_copy(update={"queued_ahead": ahead})


def listing(
    connection: Connection,
    tenant: str,
    limit: int,
    before: int | None = None,
    filters: Filters = ANY,
) -> tuple[list[DocumentEntry], int | None]:
    """Return up to `limit` entries, newest first, and where the next page begins, if any.

    `before` is the number that the last call returned; None begins at the newest.
    """
    query = _filtered(select(*_LISTED).where(DOCUMENTS.c.tenant == tenant), tenant, filters)
    if before is not None:
        query = query.where(DOCUMENTS.c.number < before)
    query = query.order_by(DOCUMENTS.c.number.desc()).limit(limit + 1)
    label = label_of(filters.text or "")
    if label:
        query = query.where(has_text(connection, label))
    numbers, is_all = _few(connection, tenant, filters)
    if label and not is_all:
        numbers, is_all = candidates(connection, tenant, label, before)
    rows: Sequence[Row[Any]] = []
    if numbers:
        rows = connection.execute(query.where(DOCUMENTS.c.number.in_(numbers))).all()
    if not is_all and len(rows) <= limit:
        # Those that were looked at are not enough, or there is nothing to look at them by.
        rows = connection.execute(query).all()
    following = rows[limit - 1].number if len(rows) > limit else None
    return [entry_of(row) for row in rows[:limit]], following


def counts(connection: Connection, tenant: str) -> dict[str, int]:
    """Return how many documents are in each state; states without any are left out."""
    query = select(DOCUMENTS.c.status, func.count()).where(DOCUMENTS.c.tenant == tenant)
    found = connection.execute(query.group_by("status"))
    return {row.status: int(row[1]) for row in found}


def remove(connection: Connection, tenant: str, document: str, reason: Removal = "request") -> bool:
    """Remove a document and everything read from it; tell whether it was there.

    The event tells the `reason`, in a word. The bytes of the file remain until `api.services`
    removes those that nobody has any more.

    Raises:
        DocumentHeldError: it is on legal hold.
    """
    row = _row(connection, tenant, document, lock=True)
    if row is None:
        return False
    if row.legal_hold:
        raise DocumentHeldError
    for hook in HOOKS.deleting:
        hook(connection, tenant, document)
    connection.execute(delete(DOCUMENTS).where(DOCUMENTS.c.number == row.number))
    emit(connection, tenant, "document.deleted", document, {"reason": reason})
    return True


def lock_file(connection: Connection, digest: str, size: int | None = None) -> bool:
    """Hold the row of a file until the end of the transaction; tell whether it was there.

    With a `size` a missing row is made. Who holds it may count on nobody else adding the first
    document with these bytes, or removing the bytes.
    """
    if size is not None:
        is_sqlite = connection.dialect.name == "sqlite"
        values = {"sha256": digest, "size": size, "created_at": now()}
        added = connection.execute(_ADD_FILE[is_sqlite], values)
        if is_sqlite or added.rowcount:
            return True  # the row is ours, or the whole database is
    query = select(FILES.c.size).where(FILES.c.sha256 == digest).with_for_update()
    return connection.execute(query).first() is not None


def lock(connection: Connection, tenant: str, documents: Iterable[str]) -> None:
    """Hold those of these documents that are there, until the end of the transaction."""
    here = (DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.id.in_(list(documents)))
    query = select(DOCUMENTS.c.number).where(*here).order_by(DOCUMENTS.c.number)
    connection.execute(query.with_for_update()).all()


def is_file_used(connection: Connection, digest: str) -> bool:
    """Tell whether any tenant has a document with these bytes, or a batch still to be unpacked."""
    is_used = or_(
        exists().where(DOCUMENTS.c.id == digest), exists().where(BATCHES.c.file == digest)
    )
    return bool(connection.execute(select(is_used)).scalar())


def drop_file(connection: Connection, digest: str) -> None:
    """Remove the row of a file whose bytes are gone."""
    connection.execute(delete(FILES).where(FILES.c.sha256 == digest))


def entry_of(row: Row[Any]) -> DocumentEntry:
    """Return the entry that a row of `documents` tells of."""
    error = None
    if row.error_code is not None:
        error = ReadingError(
            code=row.error_code, message=row.error_message or "", page=row.error_page
        )
    return DocumentEntry(
        id=row.id,
        filename=row.filename,
        size=row.size,
        source=row.source,
        received_at=moment_of(row.received_at),
        updated_at=moment_of(row.updated_at),
        status=row.status,
        error=error,
        version=row.version_done,
        completeness=row.reading,
        media_type=row.media_type,
        kind=row.kind,
        title=row.title,
        number=row.number_text,
        issuer=row.issuer,
        date=row.date,
        pages=row.pages,
        characters=row.characters,
        warnings=row.warnings or [],
        legal_hold=row.legal_hold,
        hold_reason=row.hold_reason,
    )


def moment_of(microseconds: int) -> datetime:
    """Return a time of the tables as a time of Python."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def microseconds_of(moment: datetime) -> int:
    """Return a time of Python as a time of the tables; without a zone it is UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1_000_000)


def _row(
    connection: Connection, tenant: str, document: str, *, lock: bool = False
) -> Row[Any] | None:
    query = select(DOCUMENTS).where(DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.id == document)
    return connection.execute(query.with_for_update() if lock else query).first()


def _present(connection: Connection, tenant: str, document: str) -> DocumentEntry:
    row = _row(connection, tenant, document)
    if row is None:  # pragma: no cover - the same transaction has just written it
        raise LookupError(document)
    return entry_of(row)


def _change(connection: Connection, tenant: str, document: str, values: dict[str, Any]) -> None:
    connection.execute(
        update(DOCUMENTS)
        .where(DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.id == document)
        .values(values)
    )


def _queue(connection: Connection, tenant: str, document: str, version: str, priority: int) -> None:
    values = {
        "status": "queued",
        "updated_at": now(),
        "claimed_by": None,
        "tries": 0,
        "priority": priority,
        "version_wanted": version,
        "error_code": None,
        "error_message": None,
        "error_page": None,
    }
    _change(connection, tenant, document, values)
    emit(connection, tenant, "document.requeued", document, {"version": version})


def _few(connection: Connection, tenant: str, filters: Filters) -> tuple[Sequence[int], bool]:
    """Return the numbers of the documents of a case or a batch where they are few.

    And whether they are few: a list of many is looked through from its newest document.
    """
    if filters.case is not None:
        table, condition = CASE_DOCUMENTS, CASE_DOCUMENTS.c.case == filters.case
    elif filters.batch is not None:
        table, condition = BATCH_ITEMS, BATCH_ITEMS.c.batch == filters.batch
    else:
        return [], False
    inside = and_(DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.id == table.c.document)
    query = select(DOCUMENTS.c.number).join_from(table, DOCUMENTS, inside)
    query = query.where(table.c.tenant == tenant, condition).limit(MOST_INSIDE + 1)
    numbers = connection.execute(query).scalars().all()
    is_all = len(numbers) <= MOST_INSIDE
    return (numbers if is_all else []), is_all


def _filtered(query: Select[Any], tenant: str, filters: Filters) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = []
    if filters.status is not None:
        conditions.append(DOCUMENTS.c.status == filters.status)
    if filters.kind is not None:
        conditions.append(DOCUMENTS.c.kind == filters.kind)
    conditions += _received_between(tenant, filters.received_after, filters.received_before)
    if filters.batch is not None:
        item = BATCH_ITEMS.c
        conditions.append(
            exists().where(
                item.tenant == tenant,
                item.document == DOCUMENTS.c.id,
                item.batch == filters.batch,
            )
        )
    if filters.case is not None:
        place = CASE_DOCUMENTS.c
        conditions.append(
            exists().where(
                place.tenant == tenant,
                place.document == DOCUMENTS.c.id,
                place.case == filters.case,
            )
        )
    return query.where(*conditions)


def _received_between(
    tenant: str, after: int | None, before: int | None
) -> Iterator[ColumnElement[bool]]:
    """Yield when documents came in, and the numbers between which those are.

    Numbers are given as documents come: so a list in the order of numbers need not pass over all
    others. The clocks of the machines that take them in may differ by an hour.
    """
    table = DOCUMENTS.alias("bounds")
    here = select(table.c.number).where(table.c.tenant == tenant).limit(1)
    moment = table.c.received_at
    if after is not None:
        yield DOCUMENTS.c.received_at >= after
        first = here.where(moment >= after - _CLOCKS).order_by(moment).scalar_subquery()
        yield DOCUMENTS.c.number >= func.coalesce(first, 0)
    if before is not None:
        yield DOCUMENTS.c.received_at < before
        last = here.where(moment < before + _CLOCKS).order_by(moment.desc()).scalar_subquery()
        yield DOCUMENTS.c.number <= func.coalesce(last, 0)
