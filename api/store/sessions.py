"""The sessions of people at the pages. The cookie holds 256 random bits, the table their hash."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select

from api.store.audit import AuditEntry, append
from api.store.ids import now
from api.store.schema import SESSIONS


@dataclass(frozen=True, slots=True)
class Session:
    """Someone who logged in; `subject` is `key:` or `user:` and an id, `expires_at` microseconds.

    `csrf` must come with everything that this session changes.
    """

    tenant: str
    subject: str
    name: str
    scopes: frozenset[str]
    csrf: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A session that was closed, with the `login` that `begin` was given."""

    tenant: str
    subject: str
    login: Mapping[str, str | None] | None


def new_token() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def begin(
    connection: Connection, session: Session, login: Mapping[str, str | None] | None = None
) -> str:
    """Open a session; return what the cookie is to hold.

    `login` is what will be needed to end the login that it came from, `close` gives it back.
    """
    moment = now()
    connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_at <= moment))
    cookie = new_token()
    row = {
        "hash": digest(cookie),
        "tenant": session.tenant,
        "subject": session.subject,
        "name": session.name,
        "scopes": sorted(session.scopes),
        "csrf": session.csrf,
        "data": None if login is None else dict(login),
        "created_at": moment,
        "expires_at": session.expires_at,
        "last_used_at": moment,
    }
    connection.execute(insert(SESSIONS).values(row))
    entry = AuditEntry(session.tenant, session.subject, "session.opened", session.subject)
    append(connection, entry)
    return cookie


def find(connection: Connection, cookie: str) -> Session | None:
    """Return the session of a cookie, unless it has ended."""
    row = connection.execute(
        select(SESSIONS).where(SESSIONS.c.hash == digest(cookie), SESSIONS.c.expires_at > now())
    ).first()
    if row is None:
        return None
    scopes = frozenset(row.scopes)
    return Session(row.tenant, row.subject, row.name, scopes, row.csrf, row.expires_at)


def close(connection: Connection, cookie: str) -> Ended | None:
    """End the session of a cookie, if there is one."""
    row = connection.execute(
        delete(SESSIONS)
        .where(SESSIONS.c.hash == digest(cookie))
        .returning(SESSIONS.c.tenant, SESSIONS.c.subject, SESSIONS.c.data)
    ).first()
    if row is None:
        return None
    append(connection, AuditEntry(row.tenant, row.subject, "session.closed", row.subject))
    return Ended(row.tenant, row.subject, row.data)


def close_of(connection: Connection, tenant: str, subject: str) -> None:
    """End all sessions of a person or key."""
    connection.execute(
        delete(SESSIONS).where(SESSIONS.c.tenant == tenant, SESSIONS.c.subject == subject)
    )


def digest(cookie: str) -> str:
    """Return what the table holds of a cookie."""
    return sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()
