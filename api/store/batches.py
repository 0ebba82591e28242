"""The batches of a tenant: an archive or a folder, and what came of every file in it.

The files of a batch are documents like all others; a batch holds under which path each came. What
a file of a batch has come to is what its document has come to: it is looked up, never copied.
Transactions here hold the row of the batch first, then documents, and emit events last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from api.store import documents
from api.store.documents import moment_of
from api.store.feed import emit
from api.store.ids import new_id, now
from api.store.schema import BATCH_ITEMS, BATCHES, DOCUMENTS

BatchStatus: TypeAlias = Literal["unpacking", "running", "finished", "cancelled", "failed"]
BatchKind: TypeAlias = Literal["archive", "folder"]
ItemStatus: TypeAlias = Literal[
    "queued", "running", "succeeded", "failed", "cancelled", "skipped", "deleted"
]

ItemOutcome: TypeAlias = Literal["taken", "failed", "skipped"]

TAKEN: Final = "taken"
"""In `batch_items.status`: the file became a document; `again` is one that came twice."""
AGAIN: Final = "again"
_OPEN: Final = ("unpacking", "running")
_WAITING: Final = ("queued", "running")
_PACE_SECONDS: Final = 120
_AT_ONCE: Final = 5000


class BatchUnderWayError(Exception):
    """The batch is not at its end: it must be cancelled first."""


class ItemCounts(BaseModel):
    """How many files of a batch are in each state."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    skipped: int = Field(default=0, description="没有读：不是文书的文件、系统文件、链接")
    deleted: int = Field(default=0, description="文件已另行删除")


class BatchError(BaseModel):
    """Why a batch could not be unpacked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(description="稳定的错误代码，与错误应答的 code 相同")
    message: str = Field(description="出了什么问题、在哪里、怎么办")


class BatchEntry(BaseModel):
    """A batch, and how far it has come."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: BatchKind = Field(description="archive 压缩包；folder 服务器上的文件夹")
    name: str = Field(description="压缩包的文件名，或文件夹在设置里的名称")
    status: BatchStatus = Field(
        description="unpacking 正在拆开；running 在读；finished 全部有了结果；cancelled 已取消；"
        "failed 拆不开"
    )
    created_at: datetime
    updated_at: datetime
    total: int = Field(description="到现在为止找到的文件数；unpacking 时还会增加")
    counts: ItemCounts = Field(description="各种状态的文件数，合起来是 total")
    per_minute: float | None = Field(
        default=None, description="最近两分钟里每分钟读完几份；没有在读时为 null"
    )
    seconds_left: int | None = Field(
        default=None, description="照这个速度还要多少秒；还不知道时为 null"
    )
    error: BatchError | None = Field(default=None, description="拆不开的原因")

    @property
    def is_under_way(self) -> bool:
        """Whether there is more to come."""
        return self.status in _OPEN


class BatchItem(BaseModel):
    """One file of a batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    position: int = Field(description="在批次里的次序，从 1 起")
    path: str = Field(description="在压缩包或文件夹里的路径；压缩包里的压缩包也是一层")
    document: str | None = Field(default=None, description="文件编号；没有成为文件的为 null")
    status: ItemStatus
    is_repeated: bool = Field(default=False, description="同样的内容在这个批次里前面已有，只读一次")
    code: str | None = Field(default=None, description="没有读或没有读成的原因代码")
    message: str | None = Field(default=None, description="出了什么问题、怎么办")


@dataclass(frozen=True, slots=True)
class NewItem:
    """A file that was found; `document` where it is in the file store, else why it is not."""

    path: str
    document: documents.NewDocument | None = None
    status: ItemOutcome = "taken"
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Unpacking:
    """A batch that a process has taken to unpack it."""

    tenant: str
    batch: str
    kind: BatchKind
    name: str
    file: str | None
    folder: str | None


def create(
    connection: Connection, tenant: str, name: str, *, file: str | None, folder: str | None
) -> BatchEntry:
    """Add a batch that is to be unpacked: of a file in the file store, or of a named folder."""
    moment, identity = now(), new_id()
    kind: BatchKind = "archive" if folder is None else "folder"
    row = {
        "tenant": tenant,
        "id": identity,
        "created_at": moment,
        "updated_at": moment,
        "kind": kind,
        "name": name,
        "status": "unpacking",
        "file": file,
        "folder": folder,
    }
    connection.execute(insert(BATCHES).values(row))
    emit(connection, tenant, "batch.created", identity, {"kind": kind})
    return _present(connection, tenant, identity)


def get(connection: Connection, tenant: str, batch: str) -> BatchEntry | None:
    """Return a batch with its progress; None where there is none."""
    row = _row(connection, tenant, batch)
    return None if row is None else _entry(connection, row)


def listing(
    connection: Connection, tenant: str, limit: int, before: str | None = None
) -> tuple[list[BatchEntry], str | None]:
    """Return up to `limit` batches, newest first, and the id after which the next page begins."""
    query = select(BATCHES).where(BATCHES.c.tenant == tenant)
    if before is not None:
        query = query.where(BATCHES.c.id < before)
    rows = connection.execute(query.order_by(BATCHES.c.id.desc()).limit(limit + 1)).all()
    following = rows[limit - 1].id if len(rows) > limit else None
    return [_entry(connection, row) for row in rows[:limit]], following


def items(
    connection: Connection,
    tenant: str,
    batch: str,
    limit: int,
    after: int = 0,
    status: ItemStatus | None = None,
) -> tuple[list[BatchItem], int | None]:
    """Return up to `limit` files of a batch in order, and the position where the next page begins.

    `after` is the position that the last call returned.
    """
    state = _state()
    error = (DOCUMENTS.c.error_code, DOCUMENTS.c.error_message)
    query = (
        select(BATCH_ITEMS, state.label("state"), *error)
        .select_from(_joined())
        .where(*_of(tenant, batch), BATCH_ITEMS.c.position > after)
    )
    if status is not None:
        query = query.where(state == status)
    rows = connection.execute(query.order_by(BATCH_ITEMS.c.position).limit(limit + 1)).all()
    following = rows[limit - 1].position if len(rows) > limit else None
    return [_item(row) for row in rows[:limit]], following


def _item(row: Row[Any]) -> BatchItem:
    has_failed = row.state == "failed"
    return BatchItem(
        position=row.position,
        path=row.path,
        document=row.document,
        status=row.state,
        is_repeated=row.status == AGAIN,
        code=row.code or (row.error_code if has_failed else None),
        message=row.message or (row.error_message if has_failed else None),
    )


def is_any_waiting(connection: Connection, folders: list[str]) -> bool:
    """Tell whether a batch waits to be unpacked, of an archive or of one of these folders."""
    query = select(BATCHES.c.id).where(*_free(folders)).limit(1)
    return connection.execute(query).first() is not None


def _free(folders: list[str]) -> tuple[ColumnElement[bool], ...]:
    table = BATCHES
    return (
        table.c.status == "unpacking",
        or_(table.c.claimed_until.is_(None), table.c.claimed_until < now()),
        or_(table.c.folder.is_(None), table.c.folder.in_(folders)),
    )


def claim(
    connection: Connection, executor: str, until: int, folders: list[str]
) -> Unpacking | None:
    """Take a batch to unpack it, of an archive or of one of these folders; None where none waits.

    The claim holds to the time `until`, unless `renew` is called.
    """
    row = connection.execute(
        select(BATCHES)
        .where(*_free(folders))
        .order_by(BATCHES.c.created_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    values = {"claimed_by": executor, "claimed_until": until}
    _change(connection, row.tenant, row.id, values)
    return Unpacking(row.tenant, row.id, row.kind, row.name, row.file, row.folder)


def renew(connection: Connection, executor: str, until: int) -> int:
    """Hold what a process has claimed until then; return how many batches that are."""
    mine = (BATCHES.c.status == "unpacking", BATCHES.c.claimed_by == executor)
    return connection.execute(update(BATCHES).where(*mine).values(claimed_until=until)).rowcount


def release(connection: Connection, executor: str | None = None) -> None:
    """Give up the claims of a process; of all of them, where there is only one."""
    query = update(BATCHES).where(BATCHES.c.status == "unpacking")
    if executor is not None:
        query = query.where(BATCHES.c.claimed_by == executor)
    connection.execute(query.values(claimed_by=None, claimed_until=None))


def known_paths(connection: Connection, tenant: str, batch: str) -> set[str]:
    """Return the paths that were found before unpacking was interrupted."""
    query = select(BATCH_ITEMS.c.path).where(*_of(tenant, batch))
    return set(connection.execute(query).scalars())


def hold(connection: Connection, claimed: Unpacking, executor: str) -> bool:
    """Hold the row of a batch; False where it was cancelled or taken over meanwhile."""
    row = _row(connection, claimed.tenant, claimed.batch, lock=True)
    return row is not None and row.status == "unpacking" and row.claimed_by == executor


def add(connection: Connection, claimed: Unpacking, item: NewItem, version: str) -> bool:
    """Add a file to a batch that is held, and queue its document; tell whether it was queued.

    The file itself must be in the file store, its row held by `documents.lock_file`.
    """
    tenant, batch, new = claimed.tenant, claimed.batch, item.document
    total = connection.execute(
        update(BATCHES)
        .where(BATCHES.c.tenant == tenant, BATCHES.c.id == batch)
        .values(total=BATCHES.c.total + 1, updated_at=now())
        .returning(BATCHES.c.total)
    ).scalar_one()
    status: str = item.status
    if new is not None:
        same = (*_of(tenant, batch), BATCH_ITEMS.c.document == new.digest)
        status = AGAIN if connection.execute(select(exists().where(*same))).scalar() else TAKEN
    row = {
        "tenant": tenant,
        "batch": batch,
        "position": total,
        "path": item.path,
        "document": None if new is None else new.digest,
        "status": status,
        "code": item.code,
        "message": item.message,
    }
    connection.execute(insert(BATCH_ITEMS).values(row))
    if new is None or status == AGAIN:
        return False
    return documents.receive(connection, tenant, new, version)[1]


def unpacked(connection: Connection, claimed: Unpacking) -> None:
    """Note that all files of a batch that is held were found."""
    values = {"status": "running", "file": None, "claimed_by": None, "claimed_until": None}
    _change(connection, claimed.tenant, claimed.batch, values | {"updated_at": now()})


def fail(connection: Connection, claimed: Unpacking, code: str, message: str) -> None:
    """Note why a batch that is held cannot be unpacked; its archive is kept for another try."""
    values = {"status": "failed", "error_code": code, "error_message": message}
    _change(
        connection,
        claimed.tenant,
        claimed.batch,
        values | {"claimed_by": None, "claimed_until": None, "updated_at": now()},
    )
    data = {"status": "failed", "code": code}
    emit(connection, claimed.tenant, "batch.finished", claimed.batch, data)


def running(connection: Connection) -> list[tuple[str, str]]:
    """Return the batches of all tenants whose files are being read: tenant and id."""
    query = select(BATCHES.c.tenant, BATCHES.c.id).where(BATCHES.c.status == "running")
    return [(row.tenant, row.id) for row in connection.execute(query)]


def is_waiting(connection: Connection, tenant: str, batch: str) -> bool:
    """Tell whether a document of a batch still waits or is being read."""
    waits = (
        select(DOCUMENTS.c.number)
        .select_from(_joined())
        .where(*_of(tenant, batch), DOCUMENTS.c.status.in_(_WAITING))
        .limit(1)
    )
    return connection.execute(waits).first() is not None


def finish(connection: Connection, tenant: str, batch: str) -> bool:
    """Note that all files of a batch have come to an end, if they have; tell whether."""
    row = _row(connection, tenant, batch, lock=True)
    if row is None or row.status != "running" or is_waiting(connection, tenant, batch):
        return False
    counts = _counts(connection, tenant, batch)
    _change(connection, tenant, batch, {"status": "finished", "updated_at": now()})
    data = {"status": "finished", "total": row.total, "counts": counts.model_dump()}
    emit(connection, tenant, "batch.finished", batch, data)
    return True


def cancel(connection: Connection, tenant: str, batch: str) -> BatchEntry | None:
    """Stop a batch and take its documents out of the queue; None where there is none.

    Those that a person waits for, or another batch, stay; what is being read is read to its end.
    """
    row = _row(connection, tenant, batch, lock=True)
    if row is None:
        return None
    if row.status in _OPEN:
        moment = now()
        values = {"status": "cancelled", "cancelled_at": moment, "updated_at": moment}
        _change(connection, tenant, batch, values | {"claimed_by": None, "claimed_until": None})
        alone = _only_here(connection, tenant, batch)
        for start in range(0, len(alone), _AT_ONCE):
            documents.cancel(connection, tenant, alone[start : start + _AT_ONCE])
        emit(connection, tenant, "batch.finished", batch, {"status": "cancelled"})
    return _present(connection, tenant, batch)


def retry(connection: Connection, tenant: str, batch: str, version: str) -> BatchEntry | None:
    """Queue again what failed in a batch; None where there is no batch.

    A cancelled batch goes on. One that was not unpacked to its end is unpacked again, what is
    known already left out.
    """
    row = _row(connection, tenant, batch, lock=True)
    if row is None:
        return None
    states = ("failed", "cancelled") if row.status == "cancelled" else ("failed",)
    lost = (
        select(BATCH_ITEMS.c.document)
        .select_from(_joined())
        .where(*_of(tenant, batch), DOCUMENTS.c.status.in_(states))
    )
    # All rows are held before the first event is written: see `feed`.
    query = select(DOCUMENTS.c.id).where(DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.id.in_(lost))
    held = connection.execute(query.order_by(DOCUMENTS.c.number).with_for_update()).scalars().all()
    is_whole = (row.file is None and row.folder is None) or row.status in ("running", "finished")
    if held or (not is_whole and row.status not in _OPEN):
        values: dict[str, Any] = {
            "status": "running" if is_whole else "unpacking",
            "cancelled_at": None,
            "error_code": None,
            "error_message": None,
            "updated_at": now(),
        }
        if row.status == "unpacking":
            del values["status"]
        _change(connection, tenant, batch, values)
    for document in held:
        documents.request_again(connection, tenant, document, version, documents.IN_BULK)
    return _present(connection, tenant, batch)


def remove(
    connection: Connection, tenant: str, batch: str, reason: documents.Removal = "request"
) -> str | None:
    """Remove a batch, not its documents; return the hash of its archive, "" if it has none left.

    None where there is no such batch.

    Raises:
        BatchUnderWayError: it is not at its end.
    """
    row = _row(connection, tenant, batch, lock=True)
    if row is None:
        return None
    if row.status in _OPEN:
        raise BatchUnderWayError
    connection.execute(delete(BATCHES).where(BATCHES.c.tenant == tenant, BATCHES.c.id == batch))
    emit(connection, tenant, "batch.deleted", batch, {"reason": reason})
    return row.file or ""


def _row(connection: Connection, tenant: str, batch: str, *, lock: bool = False) -> Row[Any] | None:
    query = select(BATCHES).where(BATCHES.c.tenant == tenant, BATCHES.c.id == batch)
    return connection.execute(query.with_for_update() if lock else query).first()


def _present(connection: Connection, tenant: str, batch: str) -> BatchEntry:
    row = _row(connection, tenant, batch)
    if row is None:  # pragma: no cover - the same transaction has just written it
        raise LookupError(batch)
    return _entry(connection, row)


def _change(connection: Connection, tenant: str, batch: str, values: dict[str, Any]) -> None:
    same = (BATCHES.c.tenant == tenant, BATCHES.c.id == batch)
    connection.execute(update(BATCHES).where(*same).values(values))


def _of(tenant: str, batch: str) -> tuple[ColumnElement[bool], ...]:
    return (BATCH_ITEMS.c.tenant == tenant, BATCH_ITEMS.c.batch == batch)


def _joined() -> Any:
    same = and_(
        DOCUMENTS.c.tenant == BATCH_ITEMS.c.tenant, DOCUMENTS.c.id == BATCH_ITEMS.c.document
    )
    return BATCH_ITEMS.outerjoin(DOCUMENTS, same)


def _state() -> ColumnElement[str]:
    """The state of an item: its document's, or why there is none."""
    return case(
        (BATCH_ITEMS.c.document.is_(None), BATCH_ITEMS.c.status),
        else_=func.coalesce(DOCUMENTS.c.status, "deleted"),
    )


def _counts(connection: Connection, tenant: str, batch: str) -> ItemCounts:
    state = _state().label("state")
    query = select(state, func.count()).select_from(_joined()).where(*_of(tenant, batch))
    found = connection.execute(query.group_by(state))
    return ItemCounts(**{row.state: int(row[1]) for row in found})


def _pace(connection: Connection, row: Row[Any]) -> float | None:
    """Return how many documents of a batch came to an end a minute, of late."""
    moment = now()
    since = max(row.created_at, moment - _PACE_SECONDS * 1_000_000)
    ended = connection.execute(
        select(func.count())
        .select_from(_joined())
        .where(*_of(row.tenant, row.id), BATCH_ITEMS.c.status == TAKEN)
        .where(DOCUMENTS.c.status.in_(("succeeded", "failed")), DOCUMENTS.c.updated_at >= since)
    ).scalar_one()
    seconds = (moment - since) / 1_000_000
    return round(ended * 60 / seconds, 2) if ended and seconds > 0 else None


def _entry(connection: Connection, row: Row[Any]) -> BatchEntry:
    counts = _counts(connection, row.tenant, row.id)
    error = per_minute = left = None
    if row.error_code is not None:
        error = BatchError(code=row.error_code, message=row.error_message or "")
    if row.status in _OPEN:
        per_minute = _pace(connection, row)
        if per_minute and row.status == "running":
            left = round((counts.queued + counts.running) * 60 / per_minute)
    return BatchEntry(
        id=row.id,
        kind=row.kind,
        name=row.name,
        status=row.status,
        created_at=moment_of(row.created_at),
        updated_at=moment_of(row.updated_at),
        total=row.total,
        counts=counts,
        per_minute=per_minute,
        seconds_left=left,
        error=error,
    )


def _only_here(connection: Connection, tenant: str, batch: str) -> list[str]:
    """Return the documents in the queue that wait for this batch alone."""
    other = BATCH_ITEMS.alias()
    wanted_elsewhere = exists().where(
        other.c.tenant == tenant,
        other.c.document == DOCUMENTS.c.id,
        other.c.batch == BATCHES.c.id,
        BATCHES.c.tenant == tenant,
        BATCHES.c.status.in_(_OPEN),
    )
    here = select(BATCH_ITEMS.c.document).where(*_of(tenant, batch))
    # All rows are held before the first event is written: see `feed`.
    query = (
        select(DOCUMENTS.c.id)
        .where(DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.id.in_(here))
        .where(DOCUMENTS.c.status == "queued", DOCUMENTS.c.priority == documents.IN_BULK)
        .where(~wanted_elsewhere)
        .order_by(DOCUMENTS.c.number)
        .with_for_update()
    )
    return list(connection.execute(query).scalars())
