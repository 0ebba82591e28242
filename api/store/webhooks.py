"""The webhooks of a tenant: where events are sent to, and the secrets that sign the messages.

The secrets are sealed under a key that is not in the database. One that was replaced stays beside
the new one for some hours, so that the receiver has time to take the new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from api.sealing import Sealer, SealError
from api.signatures import new_secret
from api.store.documents import moment_of
from api.store.feed import emit
from api.store.ids import new_id, now
from api.store.schema import DELIVERIES, WEBHOOKS

DisabledReason: TypeAlias = Literal["failing", "gone", "by_hand", "secret_unreadable"]

OVERLAP_HOURS: Final = 24
"""How long the secret before the newest signs, too, unless another time is asked for."""
MOST_WEBHOOKS: Final = 50
"""How many webhooks a tenant may have."""
_HOUR: Final = 3600 * 1_000_000
_DISABLED: Final = "推送已停用，不再发送。重新启用后可以逐条重发。"


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
        description="failing 连续多日没有送到；gone 接收方回答 410；by_hand 人工停用；"
        "secret_unreadable 服务打不开它的密钥",
    )
    previous_secret_until: datetime | None = Field(
        default=None, description="换密钥之后，旧密钥到什么时候为止还一起签名；没有则为 null"
    )
    revision: int = Field(description="每改一次加一，即 ETag")


class NewWebhook(BaseModel):
    """A webhook that was just made, or got a new secret, with that secret."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    webhook: Webhook
    secret: str = Field(description="验证签名的密钥；只在这里给出一次，请妥善保存")


@dataclass(frozen=True, slots=True)
class Change:
    """What of a webhook is to be changed; None leaves it."""

    url: str | None = None
    types: Sequence[str] | None = None
    description: str | None = None
    is_enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A secret as it is kept, and in which column."""

    tenant: str
    webhook: str
    column: str
    sealed: str

    @property
    def owner(self) -> str:
        return owner_of(self.tenant, self.webhook)


def create(
    connection: Connection,
    sealer: Sealer,
    tenant: str,
    url: str,
    types: Sequence[str],
    description: str | None,
) -> NewWebhook:
    """Add a webhook; its secret is told here and never again.

    Raises:
        TooManyWebhooksError: the tenant has too many.
        SealError: there is no key to seal its secret with.
    """
    query = select(func.count()).select_from(WEBHOOKS).where(WEBHOOKS.c.tenant == tenant)
    if connection.execute(query).scalar_one() >= MOST_WEBHOOKS:
        raise TooManyWebhooksError
    identity, secret = new_id(), new_secret()
    row = {
        "tenant": tenant,
        "id": identity,
        "url": url,
        "secret": sealer.seal(secret, owner_of(tenant, identity)),
        "types": list(types),
        "description": description,
        "created_at": now(),
    }
    connection.execute(insert(WEBHOOKS).values(row))
    return NewWebhook(webhook=_present(connection, tenant, identity), secret=secret)


def get(connection: Connection, tenant: str, webhook: str) -> Webhook | None:
    """Return a webhook; None where there is none."""
    row = row_of(connection, tenant, webhook)
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
    row = row_of(connection, tenant, webhook, lock=True)
    if row is None:
        return None
    if revision is not None and revision != row.revision:
        raise ChangedMeanwhileError
    given = {"url": wanted.url, "types": wanted.types, "description": wanted.description}
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if wanted.is_enabled:
        values |= {"disabled_at": None, "disabled_reason": None, "failing_since": None}
    update_row(connection, tenant, webhook, values | {"revision": row.revision + 1})
    if wanted.is_enabled is False and row.disabled_at is None:
        disable(connection, tenant, webhook, "by_hand")
    return _present(connection, tenant, webhook)


def rotate(
    connection: Connection,
    sealer: Sealer,
    tenant: str,
    webhook: str,
    hours: int,
    revision: int | None,
) -> NewWebhook | None:
    """Give a webhook that is still at `revision` a new secret; None where there is none.

    For so many hours the secret of before signs beside it, if that can be opened.

    Raises:
        ChangedMeanwhileError: it is at another revision.
        SealError: there is no key to seal the secret with.
    """
    row = row_of(connection, tenant, webhook, lock=True)
    if row is None:
        return None
    if revision is not None and revision != row.revision:
        raise ChangedMeanwhileError
    owner, secret = owner_of(tenant, webhook), new_secret()
    overlaps = hours > 0 and _is_readable(sealer, row.secret, owner)
    values = {
        "secret": sealer.seal(secret, owner),
        "previous_secret": row.secret if overlaps else None,
        "previous_until": now() + hours * _HOUR if overlaps else None,
        "revision": row.revision + 1,
    }
    update_row(connection, tenant, webhook, values)
    made = NewWebhook(webhook=_present(connection, tenant, webhook), secret=secret)
    emit(connection, tenant, "webhook.secret_rotated", webhook, {})
    return made


def owner_of(tenant: str, webhook: str) -> str:
    """Return what the secrets of a webhook are sealed for."""
    return f"webhook {tenant} {webhook}"


def forget_secrets(connection: Connection, before: int) -> int:
    """Remove the secrets of all tenants that were replaced and no longer sign; return how many."""
    over = WEBHOOKS.c.previous_until <= before
    values = {"previous_secret": None, "previous_until": None}
    return connection.execute(update(WEBHOOKS).where(over).values(values)).rowcount


def unreadable_secrets(connection: Connection, sealer: Sealer) -> int:
    """Return how many secrets of all tenants cannot be opened."""
    return sum(not _is_readable(sealer, each.sealed, each.owner) for each in _sealed(connection))


def reseal(connection: Connection, sealer: Sealer, *, repair: bool) -> int:
    """Seal anew what is sealed with an older key, if `repair`; return how many secrets are."""
    count = 0
    for each in _sealed(connection):
        is_readable = _is_readable(sealer, each.sealed, each.owner)
        if not is_readable or sealer.is_newest(each.sealed, each.owner):
            continue
        count += 1
        if repair:
            again = sealer.seal(sealer.open(each.sealed, each.owner), each.owner)
            same = (
                WEBHOOKS.c.tenant == each.tenant,
                WEBHOOKS.c.id == each.webhook,
                # Not one that was replaced since it was read.
                WEBHOOKS.c[each.column] == each.sealed,
            )
            connection.execute(update(WEBHOOKS).where(*same).values({each.column: again}))
    return count


def _sealed(connection: Connection) -> Iterator[_Sealed]:
    columns = (WEBHOOKS.c.tenant, WEBHOOKS.c.id, WEBHOOKS.c.secret, WEBHOOKS.c.previous_secret)
    for row in connection.execute(select(*columns)).all():
        for column in ("secret", "previous_secret"):
            sealed = row._mapping[column]
            if sealed is not None:
                yield _Sealed(row.tenant, row.id, column, sealed)


def _is_readable(sealer: Sealer, sealed: str, owner: str) -> bool:
    try:
        sealer.open(sealed, owner)
    except SealError:
        return False
    return True


def remove(connection: Connection, tenant: str, webhook: str) -> bool:
    """Remove a webhook and its messages; tell whether it was there."""
    same = (WEBHOOKS.c.tenant == tenant, WEBHOOKS.c.id == webhook)
    return connection.execute(delete(WEBHOOKS).where(*same)).rowcount > 0


def disable(connection: Connection, tenant: str, webhook: str, reason: DisabledReason) -> None:
    """Send nothing more to a webhook, and give up what waits; tell of it unless a person did so."""
    values = {"disabled_at": now(), "disabled_reason": reason}
    update_row(connection, tenant, webhook, values)
    connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.tenant == tenant, DELIVERIES.c.webhook == webhook)
        .where(DELIVERIES.c.status == "pending")
        .values(status="failed", next_at=None, last_error=_DISABLED)
    )
    if reason != "by_hand":
        emit(connection, tenant, "webhook.disabled", webhook, {"reason": reason})


def row_of(
    connection: Connection, tenant: str, webhook: str, *, lock: bool = False
) -> Row[Any] | None:
    """Return the row of a webhook, held to the end of the transaction if `lock`."""
    query = select(WEBHOOKS).where(WEBHOOKS.c.tenant == tenant, WEBHOOKS.c.id == webhook)
    if lock:
        # Not against those who only refer to it: they hold the turn of `feed`, which we may want.
        query = query.with_for_update(key_share=True)
    return connection.execute(query).first()


def _present(connection: Connection, tenant: str, webhook: str) -> Webhook:
    row = row_of(connection, tenant, webhook)
    if row is None:  # pragma: no cover - the same transaction has just written it
        raise LookupError(webhook)
    return _webhook(row)


def update_row(connection: Connection, tenant: str, webhook: str, values: dict[str, Any]) -> None:
    """Change columns of a webhook."""
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
        previous_secret_until=_overlap(row),
        revision=row.revision,
    )


def _overlap(row: Row[Any]) -> datetime | None:
    """Return until when the secret before the newest signs, None if it no longer does."""
    return None if (row.previous_until or 0) <= now() else _optional(row.previous_until)


def _optional(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else moment_of(microseconds)
