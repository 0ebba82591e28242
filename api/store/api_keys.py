"""API keys: made, looked up, listed, revoked. Only a SHA-256 of the 256 random bits is stored."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, insert, select, update

from api.store.audit import note
from api.store.ids import new_id, now
from api.store.schema import KEYS
from api.store.sessions import close_of

BEGINS: Final = "hk_"
"""How every key begins."""

_SHOWN: Final = len(BEGINS) + 8

ScopeName: TypeAlias = Literal["read", "upload", "review", "admin"]


class KeyEntry(BaseModel):
    """A key as its owner sees it again: everything but the key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str = Field(description="给人看的名称，例如哪个系统在用")
    prefix: str = Field(description="密钥的开头，用来辨认")
    scopes: list[ScopeName] = Field(description="权限")
    created_at: datetime
    expires_at: datetime | None = Field(default=None, description="到期时间；没有则不到期")
    revoked_at: datetime | None = Field(default=None, description="吊销的时间")
    last_used_at: datetime | None = Field(default=None, description="最近一次使用，精确到分钟")


class MadeKey(KeyEntry):
    """A key that was just made, with the key itself."""

    key: str = Field(description="密钥，只在这一次给出")


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key that was given and may be used; `expires_at` is in microseconds."""

    tenant: str
    id: str
    name: str
    scopes: frozenset[str]
    expires_at: int | None


def create(
    connection: Connection,
    tenant: str,
    name: str,
    scopes: Collection[ScopeName],
    expires_at: int | None = None,
) -> tuple[KeyEntry, str]:
    """Make a key; return what is kept of it, and the key itself, which nobody can see again."""
    secret = BEGINS + secrets.token_urlsafe(32)
    row = {
        "tenant": tenant,
        "id": new_id(),
        "hash": digest_of(secret),
        "prefix": secret[:_SHOWN],
        "name": name,
        "scopes": sorted(set(scopes)),
        "created_at": now(),
        "expires_at": expires_at,
    }
    made = connection.execute(insert(KEYS).values(row).returning(KEYS)).one()
    note(connection, tenant, "key.created", made.id, {"scopes": made.scopes})
    return _entry(made), secret


def lookup(connection: Connection, secret: str) -> FoundKey | None:
    """Return the key that this secret is, if it may be used now."""
    moment = now()
    row = connection.execute(select(KEYS).where(KEYS.c.hash == digest_of(secret))).first()
    if row is None or row.revoked_at is not None:
        return None
    if row.expires_at is not None and row.expires_at <= moment:
        return None
    return FoundKey(row.tenant, row.id, row.name, frozenset(row.scopes), row.expires_at)


def listing(connection: Connection, tenant: str | None = None) -> Sequence[tuple[str, KeyEntry]]:
    """Return the keys of a tenant, or of all, the oldest first; each with its tenant."""
    query = select(KEYS).order_by(KEYS.c.tenant, KEYS.c.id)
    if tenant is not None:
        query = query.where(KEYS.c.tenant == tenant)
    return [(row.tenant, _entry(row)) for row in connection.execute(query)]


def revoke(connection: Connection, tenant: str, key: str) -> KeyEntry | None:
    """Make a key useless for ever, and end the sessions it opened; None where there is none."""
    same = (KEYS.c.tenant == tenant, KEYS.c.id == key)
    changed = connection.execute(
        update(KEYS).where(*same, KEYS.c.revoked_at.is_(None)).values(revoked_at=now())
    ).rowcount
    row = connection.execute(select(KEYS).where(*same)).first()
    if row is None:
        return None
    if changed:
        close_of(connection, tenant, f"key:{key}")
        note(connection, tenant, "key.revoked", key)
    return _entry(row)


def used(connection: Connection, times: Mapping[tuple[str, str], int]) -> None:
    """Write when keys, by tenant and id, were last used."""
    for (tenant, key), at in times.items():
        same = (KEYS.c.tenant == tenant, KEYS.c.id == key)
        connection.execute(update(KEYS).where(*same).values(last_used_at=at))


def digest_of(secret: str) -> str:
    """Return what is stored of a secret."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _entry(row: Row[Any]) -> KeyEntry:
    return KeyEntry(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        scopes=row.scopes,
        created_at=_time(row.created_at),
        expires_at=_maybe(row.expires_at),
        revoked_at=_maybe(row.revoked_at),
        last_used_at=_maybe(row.last_used_at),
    )


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1_000_000, UTC)


def _maybe(at: int | None) -> datetime | None:
    return None if at is None else _time(at)
