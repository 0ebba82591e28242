"""The header `Idempotency-Key`: a request that is sent again gets the answer that it got first.

What the request changed and the answer to it are stored in one transaction: there is no time
between in which one is known without the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, delete, insert, select, text

from api.store.ids import now
from api.store.schema import IDEMPOTENCY

KEPT_SECONDS: Final = 24 * 3600
"""How long a key is remembered."""


class KeyReusedError(Exception):
    """The key came before with another request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was given: status, and body as JSON."""

    status: int
    body: str


def seen(
    connection: Connection, tenant: str, key: str, route: str, request_hash: str
) -> Answer | None:
    """Return the answer that this request got before; None where it is new.

    Raises:
        KeyReusedError: the key came with another request.
    """
    if connection.dialect.name != "sqlite":
        # The same request may come twice at once: the second waits for the answer to the first.
        turn = int.from_bytes(sha256(f"{tenant} {route} {key}".encode()).digest()[:7])
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": turn})
    row = connection.execute(
        select(IDEMPOTENCY.c.request_hash, IDEMPOTENCY.c.status, IDEMPOTENCY.c.response)
        .where(IDEMPOTENCY.c.tenant == tenant, IDEMPOTENCY.c.key == key)
        .where(IDEMPOTENCY.c.route == route)
        .where(IDEMPOTENCY.c.created_at >= now() - KEPT_SECONDS * 1_000_000)
    ).first()
    if row is None:
        return None
    if row.request_hash != request_hash:
        raise KeyReusedError
    return Answer(row.status, row.response)


def remember(
    connection: Connection, tenant: str, key: str, route: str, request_hash: str, answer: Answer
) -> None:
    """Keep the answer to a request."""
    same = (IDEMPOTENCY.c.tenant == tenant, IDEMPOTENCY.c.key == key, IDEMPOTENCY.c.route == route)
    connection.execute(delete(IDEMPOTENCY).where(*same))
    row = {
        "tenant": tenant,
        "key": key,
        "route": route,
        "request_hash": request_hash,
        "status": answer.status,
        "response": answer.body,
        "created_at": now(),
    }
    connection.execute(insert(IDEMPOTENCY).values(row))


def forget_old(connection: Connection) -> int:
    """Remove keys that are no longer remembered, of all tenants; return how many."""
    before = now() - KEPT_SECONDS * 1_000_000
    return connection.execute(delete(IDEMPOTENCY).where(IDEMPOTENCY.c.created_at < before)).rowcount
