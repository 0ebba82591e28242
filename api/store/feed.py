"""The feed of events: everything that changed, in the order in which others may see it.

An event is written in the transaction of what it tells, as the last thing in it. From there to the
end of the transaction writers take turns, so that no number becomes visible before a smaller one:
a reader that goes on after the last number it saw misses nothing. A transaction that holds several
rows must hold all of them before its first event, or two of them may wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, delete, func, insert, select, text, update

from api.store.hooks import HOOKS, Emitted
from api.store.ids import now
from api.store.schema import EVENTS, INSTALLATION

EVENT_TYPES: Final[Mapping[str, str]] = {
    "document.received": "收到一份文件，等待读取",
    "document.requeued": "已有的文件重新排队读取",
    "document.succeeded": "一份文件读取完成，有新的结果",
    "document.failed": "一份文件没有读成",
    "document.cancelled": "一份文件的读取已取消",
    "document.deleted": "一份文件和从中读出的一切已删除",
    "case.created": "新的案卷",
    "case.updated": "案卷的名称、日期或归案的理由有变化",
    "case.document_added": "一份文件归入案卷",
    "case.document_removed": "一份文件离开案卷",
    "case.merged": "别的案卷并入了这个案卷",
    "case.deleted": "案卷已解散，或者不再有文件",
    "batch.created": "收到一个批次，开始拆开",
    "batch.finished": "一个批次结束：全部有了结果、已取消，或拆不开",
    "webhook.test": "试发一次推送；只发给所试的推送",
    "webhook.disabled": "一个推送已停用：接收方长期不应答或回答 410，或服务打不开它的密钥",
    "webhook.secret_rotated": "一个推送换了密钥",
    "document.held": "一份文件已封存，不能删除",
    "document.released": "一份文件已解除封存",
    "batch.deleted": "一个批次的记录已删除",
}
"""All types of events, and what each tells; `data` never names a person or a file."""

_TURN: Final = 4_850_002
_FORGOTTEN: Final = "events_forgotten:"
_INSERT: Final = insert(EVENTS).returning(EVENTS.c.seq)


class ForgottenError(Exception):
    """Events after the given number are no longer kept: going on from there would miss some."""


class Event(BaseModel):
    """One thing that changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cursor: str = Field(description="这个事件的位置，用作下一次的 after")
    type: str
    at: datetime
    subject: str = Field(description="所涉对象的编号：文件、批次、推送等")
    data: dict[str, Any] = Field(description="只有编号、状态和代码，没有人名和文件名")


@dataclass(frozen=True, slots=True)
class Written:
    """An event as it is stored; `at` is in microseconds."""

    seq: int
    type: str
    at: int
    subject: str
    data: dict[str, Any]


def emit(
    connection: Connection, tenant: str, kind: str, subject: str, data: Mapping[str, Any]
) -> int:
    """Write an event in this transaction and return its number; the last thing to do in it.

    `subject` is the id of what the event is about; `data` holds ids, states and codes alone.
    """
    take_turn(connection)
    row = {"tenant": tenant, "at": now(), "type": kind, "subject": subject, "data": dict(data)}
    seq: int = connection.execute(_INSERT, row).scalar_one()
    for hook in HOOKS.emitted:
        hook(connection, Emitted(seq, tenant, kind, subject))
    return seq


def following(
    connection: Connection,
    tenant: str,
    after: int | None,
    limit: int,
    types: Sequence[str] = (),
) -> tuple[list[Written], int | None, bool]:
    """Return up to `limit` events after a number, where to go on, and whether there are more.

    Without `after` it begins at the oldest that is kept, without `types` all are given. Where to
    go on is `after` itself, None too, as long as nothing has happened.

    Raises:
        ForgottenError: events after `after` are no longer kept.
    """
    events, going_on, has_more = _read(connection, tenant, after, limit, types)
    # Asked last: what was removed while we read would not have been seen.
    if after is not None and after < _forgotten(connection, tenant):
        raise ForgottenError
    return events, going_on, has_more


def _read(
    connection: Connection, tenant: str, after: int | None, limit: int, types: Sequence[str]
) -> tuple[list[Written], int | None, bool]:
    # First how far one can see, then what is there: what is added between is left for next time.
    newest = connection.execute(
        select(func.max(EVENTS.c.seq)).where(EVENTS.c.tenant == tenant)
    ).scalar()
    if newest is None or (after is not None and newest <= after):
        return [], after, False
    query = select(EVENTS).where(EVENTS.c.tenant == tenant, EVENTS.c.seq <= newest)
    if after is not None:
        query = query.where(EVENTS.c.seq > after)
    if types:
        query = query.where(EVENTS.c.type.in_(types))
    rows = connection.execute(query.order_by(EVENTS.c.seq).limit(limit + 1)).all()
    events = [Written(row.seq, row.type, row.at, row.subject, row.data) for row in rows[:limit]]
    has_more = len(rows) > limit
    return events, events[-1].seq if has_more else newest, has_more


def forget(connection: Connection, before: int) -> int:
    """Remove the events before a time, of all tenants; return how many."""
    old = EVENTS.c.at < before
    last = select(EVENTS.c.tenant, func.max(EVENTS.c.seq).label("seq")).where(old)
    for row in connection.execute(last.group_by(EVENTS.c.tenant)).all():
        name, value = _FORGOTTEN + row.tenant, str(row.seq)
        same = INSTALLATION.c.name == name
        changed = connection.execute(update(INSTALLATION).where(same).values(value=value))
        if changed.rowcount == 0:
            connection.execute(insert(INSTALLATION).values(name=name, value=value))
    return connection.execute(delete(EVENTS).where(old)).rowcount


def _forgotten(connection: Connection, tenant: str) -> int:
    query = select(INSTALLATION.c.value).where(INSTALLATION.c.name == _FORGOTTEN + tenant)
    return int(connection.execute(query).scalar() or 0)


def take_turn(connection: Connection) -> None:
    """Let one writer of events and of the audit go on at a time, to the end of its transaction.

    One lock for both: with two, two transactions could each wait for the other.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
