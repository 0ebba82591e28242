"""The messages to webhooks: one for each event that a webhook wants.

A message is queued in the transaction of its event, so that none is lost, and has the same id at
every try. Who sends it claims it for a minute; a sender that died is forgotten after that, and the
message is sent again: at least once, never twice at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from api.store.documents import moment_of
from api.store.feed import emit
from api.store.hooks import Emitted
from api.store.ids import now
from api.store.schema import DELIVERIES, EVENTS, WEBHOOKS
from api.store.webhooks import disable, row_of, update_row

DeliveryStatus: TypeAlias = Literal["pending", "sending", "delivered", "failed"]

TRIED_HOURS: Final = 24
"""How long a message is tried."""
FAILING_DAYS: Final = 5
"""After how many days of failure alone a webhook is disabled."""
_HOUR: Final = 3600 * 1_000_000
_CLAIM: Final = 60 * 1_000_000
_TEST: Final = "webhook.test"
_GONE: Final = 410
_UNREADABLE: Final = (
    "服务打不开这个推送的密钥，没有发送。请管理员用 hecha doctor --data 查看，"
    "或换一个新的密钥；之后重新启用，再重发这一条。"
)


class Delivery(BaseModel):
    """One message to one webhook."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(description="消息编号，即 webhook-id；每次重发都不变")
    event: str = Field(description="事件的类型")
    subject: str = Field(description="所涉对象的编号")
    status: DeliveryStatus = Field(
        description="pending 等待发送或重试；sending 正在发送；delivered 已送到；failed 不再重试"
    )
    tries: int = Field(description="已试几次")
    created_at: datetime
    next_at: datetime | None = Field(default=None, description="下次发送的时间")
    last_at: datetime | None = Field(default=None, description="最近一次发送的时间")
    last_status: int | None = Field(default=None, description="最近一次的 HTTP 状态码")
    last_error: str | None = Field(default=None, description="最近一次没有送到的原因")
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is to be sent now; `tries` counts this time too.

    `sealed` are the secrets that sign it, the newest first; see `webhooks.owner_of`.
    """

    tenant: str
    webhook: str
    seq: int
    id: str
    tries: int
    url: str
    sealed: tuple[str, ...]
    body: bytes


def deliveries(
    connection: Connection,
    tenant: str,
    webhook: str,
    limit: int,
    before: int | None = None,
    status: DeliveryStatus | None = None,
) -> tuple[list[Delivery], int | None]:
    """Return up to `limit` messages to a webhook, newest first, and where the next page begins."""
    query = _log().where(DELIVERIES.c.tenant == tenant, DELIVERIES.c.webhook == webhook)
    if before is not None:
        query = query.where(DELIVERIES.c.event_seq < before)
    if status is not None:
        query = query.where(DELIVERIES.c.status == status)
    query = query.order_by(DELIVERIES.c.event_seq.desc()).limit(limit + 1)
    rows = connection.execute(query).all()
    following = rows[limit - 1].event_seq if len(rows) > limit else None
    return [_delivery(row) for row in rows[:limit]], following


def replay(connection: Connection, tenant: str, webhook: str, message: str) -> Delivery | None:
    """Queue a message again, under its id; None where there is none.

    One that is being sent at this moment is left to that.
    """
    same = and_(
        DELIVERIES.c.tenant == tenant,
        DELIVERIES.c.webhook == webhook,
        DELIVERIES.c.id == message,
    )
    moment = now()
    values = {
        "status": "pending",
        "tries": 0,
        "next_at": moment,
        "give_up_at": moment + TRIED_HOURS * _HOUR,
    }
    connection.execute(
        update(DELIVERIES).where(same, DELIVERIES.c.status != "sending").values(values)
    )
    row = connection.execute(_log().where(same)).first()
    return None if row is None else _delivery(row)


def test(connection: Connection, tenant: str, webhook: str) -> Delivery | None:
    """Queue a message of the type `webhook.test` to one webhook; None where there is none."""
    if row_of(connection, tenant, webhook) is None:
        return None
    seq = emit(connection, tenant, _TEST, webhook, {})
    row = connection.execute(
        _log().where(DELIVERIES.c.tenant == tenant, DELIVERIES.c.event_seq == seq)
    ).first()
    return None if row is None else _delivery(row)


def queue(connection: Connection, emitted: Emitted) -> None:
    """Queue a message to every webhook that wants an event: a hook of `emitted`."""
    query = select(WEBHOOKS.c.id, WEBHOOKS.c.types, WEBHOOKS.c.disabled_at)
    moment = now()
    rows = []
    for row in connection.execute(query.where(WEBHOOKS.c.tenant == emitted.tenant)):
        if emitted.type == _TEST:
            is_wanted = row.id == emitted.subject
        else:
            is_wanted = row.disabled_at is None and (not row.types or emitted.type in row.types)
        if is_wanted:
            rows.append(
                {
                    "tenant": emitted.tenant,
                    "webhook": row.id,
                    "event_seq": emitted.seq,
                    "id": _message_id(emitted, row.id),
                    "status": "pending",
                    "created_at": moment,
                    "next_at": moment,
                    "give_up_at": moment + TRIED_HOURS * _HOUR,
                }
            )
    if rows:
        connection.execute(insert(DELIVERIES), rows)


def is_due(connection: Connection) -> bool:
    """Tell whether a message is to be sent now."""
    due = (DELIVERIES.c.status.in_(("pending", "sending")), DELIVERIES.c.next_at <= now())
    query = select(DELIVERIES.c.event_seq).where(*due).limit(1)
    return connection.execute(query).first() is not None


def claim(
    connection: Connection, most: int, each: int, busy: Collection[tuple[str, str]] = ()
) -> list[Claimed]:
    """Take up to `most` messages that are due, up to `each` of one webhook, none of those `busy`.

    Nobody else gets them for a minute, in which they are to be sent.
    """
    table, moment = DELIVERIES, now()
    query = (
        select(table.c.tenant, table.c.webhook, table.c.event_seq)
        .where(table.c.status.in_(("pending", "sending")), table.c.next_at <= moment)
        .order_by(table.c.next_at)
        .limit(most * each)
        .with_for_update(skip_locked=True)
    )
    for tenant, webhook in busy:
        query = query.where(or_(table.c.tenant != tenant, table.c.webhook != webhook))
    taken: dict[tuple[str, str], list[int]] = {}
    for row in connection.execute(query):
        mine = taken.setdefault((row.tenant, row.webhook), [])
        if len(mine) < each and sum(map(len, taken.values())) < most:
            mine.append(row.event_seq)
    claimed: list[Claimed] = []
    for (tenant, webhook), numbers in taken.items():
        if numbers:
            claimed += _take(connection, tenant, webhook, numbers, moment + _CLAIM)
    return claimed


def _take(
    connection: Connection, tenant: str, webhook: str, numbers: list[int], until: int
) -> list[Claimed]:
    same = (DELIVERIES.c.tenant == tenant, DELIVERIES.c.webhook == webhook)
    rows = connection.execute(
        update(DELIVERIES)
        .where(*same, DELIVERIES.c.event_seq.in_(numbers))
        .values(status="sending", tries=DELIVERIES.c.tries + 1, next_at=until, last_at=now())
        .returning(DELIVERIES.c.event_seq, DELIVERIES.c.id, DELIVERIES.c.tries)
    ).all()
    target = row_of(connection, tenant, webhook)
    events = connection.execute(select(EVENTS).where(EVENTS.c.seq.in_(numbers)))
    bodies = {event.seq: _body(event) for event in events}
    if target is None:  # pragma: no cover - its messages go with it
        return []
    overlaps = (target.previous_until or 0) > now()
    secrets = (target.secret, target.previous_secret) if overlaps else (target.secret,)
    return [
        Claimed(
            tenant,
            webhook,
            row.event_seq,
            row.id,
            row.tries,
            target.url,
            secrets,
            bodies[row.event_seq],
        )
        for row in sorted(rows, key=lambda row: row.event_seq)
    ]


def delivered(connection: Connection, sent: Claimed, status: int) -> bool:
    """Note that a message was received; False where another has taken it over."""
    moment = now()
    # The webhook first, then its messages: the same order everywhere.
    target = row_of(connection, sent.tenant, sent.webhook, lock=True)
    values = {
        "status": "delivered",
        "next_at": None,
        "last_status": status,
        "last_error": None,
        "delivered_at": moment,
    }
    if not _end(connection, sent, values):
        return False
    if target is not None and target.failing_since is not None:
        update_row(connection, sent.tenant, sent.webhook, {"failing_since": None})
    return True


def failed(
    connection: Connection, sent: Claimed, status: int | None, error: str, wait: float
) -> bool:
    """Note that a message was not received, and try again after `wait` seconds, up to 24 hours.

    False where another has taken it over. A webhook of which nothing was received for days, or
    that answers 410, is disabled.
    """
    moment = now()
    again = moment + round(wait * 1_000_000)
    target = row_of(connection, sent.tenant, sent.webhook, lock=True)
    if target is None:
        return False
    row = connection.execute(select(DELIVERIES.c.give_up_at).where(*_held(sent))).first()
    gives_up = (
        status == _GONE
        or target.disabled_at is not None
        or (row is not None and again > row.give_up_at)
    )
    values = {
        "status": "failed" if gives_up else "pending",
        "next_at": None if gives_up else again,
        "last_status": status,
        "last_error": error,
    }
    if not _end(connection, sent, values):
        return False
    since = target.failing_since or moment
    if target.failing_since is None:
        update_row(connection, sent.tenant, sent.webhook, {"failing_since": moment})
    if target.disabled_at is None:
        if status == _GONE:
            disable(connection, sent.tenant, sent.webhook, "gone")
        elif moment - since > FAILING_DAYS * 24 * _HOUR:
            disable(connection, sent.tenant, sent.webhook, "failing")
    return True


def unreadable(connection: Connection, sent: Claimed) -> bool:
    """Note that a message cannot be signed, since no key opens its secret; disable the webhook.

    False where another has taken it over. One that got a new secret meanwhile is tried again.
    """
    target = row_of(connection, sent.tenant, sent.webhook, lock=True)
    if target is None:
        return False
    if target.secret != sent.sealed[0]:
        return _end(connection, sent, {"status": "pending", "next_at": now()})
    values = {"status": "failed", "next_at": None, "last_status": None, "last_error": _UNREADABLE}
    if not _end(connection, sent, values):
        return False
    if target.disabled_at is None:
        disable(connection, sent.tenant, sent.webhook, "secret_unreadable")
    return True


def release_all(connection: Connection) -> None:
    """Count what was being sent as not sent: for the only process there is, at its start."""
    was_sending = DELIVERIES.c.status == "sending"
    connection.execute(
        update(DELIVERIES).where(was_sending).values(status="pending", next_at=now())
    )


def _message_id(emitted: Emitted, webhook: str) -> str:
    named = f"{emitted.tenant} {webhook} {emitted.seq}"
    return "msg_" + sha256(named.encode()).hexdigest()[:32]


def _body(event: Row[Any]) -> bytes:
    """Return the body of the message of an event: always the same bytes."""
    body = {
        "type": event.type,
        "timestamp": moment_of(event.at).astimezone(UTC).isoformat(),
        "data": {"subject": event.subject, **event.data},
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _held(sent: Claimed) -> tuple[Any, ...]:
    return (
        DELIVERIES.c.tenant == sent.tenant,
        DELIVERIES.c.webhook == sent.webhook,
        DELIVERIES.c.event_seq == sent.seq,
        DELIVERIES.c.status == "sending",
        DELIVERIES.c.tries == sent.tries,
    )


def _end(connection: Connection, sent: Claimed, values: dict[str, Any]) -> bool:
    query = update(DELIVERIES).where(*_held(sent)).values(values)
    return connection.execute(query).rowcount > 0


def _log() -> Any:
    return select(
        DELIVERIES, EVENTS.c.type.label("event_type"), EVENTS.c.subject.label("event_subject")
    ).join(EVENTS, EVENTS.c.seq == DELIVERIES.c.event_seq)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        event=row.event_type,
        subject=row.event_subject,
        status=row.status,
        tries=row.tries,
        created_at=moment_of(row.created_at),
        next_at=_optional(row.next_at),
        last_at=_optional(row.last_at),
        last_status=row.last_status,
        last_error=row.last_error,
        delivered_at=_optional(row.delivered_at),
    )


def _optional(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else moment_of(microseconds)
