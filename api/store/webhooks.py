"""The webhooks of a tenant, and the messages to them: one for each event that a webhook wants.

A message is queued in the transaction of its event, so that none is lost, and has the same id at
every try. Who sends it claims it for a minute; a sender that died is forgotten after that, and the
message is sent again: at least once, never twice at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from api.signatures import new_secret
from api.store.documents import moment_of
from api.store.feed import emit
from api.store.hooks import Emitted
from api.store.ids import new_id, now
from api.store.schema import DELIVERIES, EVENTS, WEBHOOKS

DeliveryStatus: TypeAlias = Literal["pending", "sending", "delivered", "failed"]
DisabledReason: TypeAlias = Literal["failing", "gone", "by_hand"]

TRIED_HOURS: Final = 24
"""How long a message is tried."""
_HOUR: Final = 3600 * 1_000_000
_CLAIM: Final = 60 * 1_000_000
FAILING_DAYS: Final = 5
"""After how many days of failure alone a webhook is disabled."""
MOST_WEBHOOKS: Final = 50
"""How many webhooks a tenant may have."""
_TEST: Final = "webhook.test"
_DISABLED: Final = "推送已停用，不再发送。重新启用后可以逐条重发。"
_GONE: Final = 410


class TooManyWebhooksError(Exception):
    """The tenant has as many webhooks as it may."""


class ChangedMeanwhileError(Exception):
    """What is to be changed is no longer what the client saw."""


class Webhook(BaseModel):
    """Where events are sent to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    url: str
    types: list[str] = Field(description="推送哪些事件；空列表是全部")
    description: str | None = None
    created_at: datetime
    failing_since: datetime | None = Field(default=None, description="从什么时候起一直没有送到")
    disabled_at: datetime | None = Field(default=None, description="停用的时间；在用时为 null")
    disabled_reason: DisabledReason | None = Field(
        default=None,
        description="failing 连续多日没有送到；gone 接收方回答 410；by_hand 人工停用",
    )
    revision: int = Field(description="每改一次加一，即 ETag")


class NewWebhook(BaseModel):
    """A webhook that was just made, with its secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    webhook: Webhook
    secret: str = Field(description="验证签名的密钥；只在这里给出一次，请妥善保存")


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
class Change:
    """What of a webhook is to be changed; None leaves it."""

    url: str | None = None
    types: Sequence[str] | None = None
    description: str | None = None
    is_enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is to be sent now; `tries` counts this time too."""

    tenant: str
    webhook: str
    seq: int
    id: str
    tries: int
    url: str
    secret: str
    body: bytes


def create(
    connection: Connection, tenant: str, url: str, types: Sequence[str], description: str | None
) -> NewWebhook:
    """Add a webhook; its secret is told here and never again.

    Raises:
        TooManyWebhooksError: the tenant has too many.
    """
    query = select(func.count()).select_from(WEBHOOKS).where(WEBHOOKS.c.tenant == tenant)
    if connection.execute(query).scalar_one() >= MOST_WEBHOOKS:
        raise TooManyWebhooksError
    identity, secret = new_id(), new_secret()
    row = {
        "tenant": tenant,
        "id": identity,
        "url": url,
        "secret": secret,
        "types": list(types),
        "description": description,
        "created_at": now(),
    }
    connection.execute(insert(WEBHOOKS).values(row))
    return NewWebhook(webhook=_present(connection, tenant, identity), secret=secret)


def get(connection: Connection, tenant: str, webhook: str) -> Webhook | None:
    """Return a webhook; None where there is none."""
    row = _row(connection, tenant, webhook)
    return None if row is None else _webhook(row)


def listing(connection: Connection, tenant: str) -> list[Webhook]:
    """Return the webhooks of a tenant, the oldest first."""
    query = select(WEBHOOKS).where(WEBHOOKS.c.tenant == tenant).order_by(WEBHOOKS.c.id)
    return [_webhook(row) for row in connection.execute(query)]


def change(
    connection: Connection, tenant: str, webhook: str, wanted: Change, revision: int | None
) -> Webhook | None:
    """Change a webhook that is still at `revision`, if one is given; None where there is none.

    Raises:
        ChangedMeanwhileError: it is at another revision.
    """
    row = _row(connection, tenant, webhook, lock=True)
    if row is None:
        return None
    if revision is not None and revision != row.revision:
        raise ChangedMeanwhileError
    given = {"url": wanted.url, "types": wanted.types, "description": wanted.description}
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if wanted.is_enabled:
        values |= {"disabled_at": None, "disabled_reason": None, "failing_since": None}
    _change(connection, tenant, webhook, values | {"revision": row.revision + 1})
    if wanted.is_enabled is False and row.disabled_at is None:
        _disable(connection, tenant, webhook, "by_hand")
    return _present(connection, tenant, webhook)


def remove(connection: Connection, tenant: str, webhook: str) -> bool:
    """Remove a webhook and its messages; tell whether it was there."""
    same = (WEBHOOKS.c.tenant == tenant, WEBHOOKS.c.id == webhook)
    return connection.execute(delete(WEBHOOKS).where(*same)).rowcount > 0


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
    if _row(connection, tenant, webhook) is None:
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
    target = _row(connection, tenant, webhook)
    events = connection.execute(select(EVENTS).where(EVENTS.c.seq.in_(numbers)))
    bodies = {event.seq: _body(event) for event in events}
    if target is None:  # pragma: no cover - its messages go with it
        return []
    return [
        Claimed(
            tenant,
            webhook,
            row.event_seq,
            row.id,
            row.tries,
            target.url,
            target.secret,
            bodies[row.event_seq],
        )
        for row in sorted(rows, key=lambda row: row.event_seq)
    ]


def delivered(connection: Connection, sent: Claimed, status: int) -> bool:
    """Note that a message was received; False where another has taken it over."""
    moment = now()
    # The webhook first, then its messages: the same order everywhere.
    target = _row(connection, sent.tenant, sent.webhook, lock=True)
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
        _change(connection, sent.tenant, sent.webhook, {"failing_since": None})
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
    target = _row(connection, sent.tenant, sent.webhook, lock=True)
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
        _change(connection, sent.tenant, sent.webhook, {"failing_since": moment})
    if target.disabled_at is None:
        if status == _GONE:
            _disable(connection, sent.tenant, sent.webhook, "gone")
        elif moment - since > FAILING_DAYS * 24 * _HOUR:
            _disable(connection, sent.tenant, sent.webhook, "failing")
    return True


def release_all(connection: Connection) -> None:
    """Count what was being sent as not sent: for the only process there is, at its start."""
    was_sending = DELIVERIES.c.status == "sending"
    connection.execute(
        update(DELIVERIES).where(was_sending).values(status="pending", next_at=now())
    )


def _disable(connection: Connection, tenant: str, webhook: str, reason: DisabledReason) -> None:
    values = {"disabled_at": now(), "disabled_reason": reason}
    _change(connection, tenant, webhook, values)
    connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.tenant == tenant, DELIVERIES.c.webhook == webhook)
        .where(DELIVERIES.c.status == "pending")
        .values(status="failed", next_at=None, last_error=_DISABLED)
    )
    if reason != "by_hand":
        emit(connection, tenant, "webhook.disabled", webhook, {"reason": reason})


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


def _row(
    connection: Connection, tenant: str, webhook: str, *, lock: bool = False
) -> Row[Any] | None:
    query = select(WEBHOOKS).where(WEBHOOKS.c.tenant == tenant, WEBHOOKS.c.id == webhook)
    if lock:
        # Not against those who only refer to it: they hold the turn of `feed`, which we may want.
        query = query.with_for_update(key_share=True)
    return connection.execute(query).first()


def _present(connection: Connection, tenant: str, webhook: str) -> Webhook:
    row = _row(connection, tenant, webhook)
    if row is None:  # pragma: no cover - the same transaction has just written it
        raise LookupError(webhook)
    return _webhook(row)


def _change(connection: Connection, tenant: str, webhook: str, values: dict[str, Any]) -> None:
    same = (WEBHOOKS.c.tenant == tenant, WEBHOOKS.c.id == webhook)
    connection.execute(update(WEBHOOKS).where(*same).values(values))


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        id=row.id,
        url=row.url,
        types=row.types,
        description=row.description,
        created_at=moment_of(row.created_at),
        failing_since=_optional(row.failing_since),
        disabled_at=_optional(row.disabled_at),
        disabled_reason=row.disabled_reason,
        revision=row.revision,
    )


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
