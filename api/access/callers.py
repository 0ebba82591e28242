"""Someone who asks: by a key, by a session, or on this machine without either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from api.scopes import ADMIN
from api.store.api_keys import FoundKey
from api.store.schema import DEFAULT_TENANT
from api.store.sessions import Session


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks, of which tenant, and what they may do; `name` is for people to read.

    `csrf` must come with every change that a session makes; keys have none, since a browser does
    not send them by itself. `expires_at`, in microseconds, ends also what is opened for them.
    """

    tenant: str
    actor: str
    name: str
    scopes: frozenset[str]
    csrf: str | None = None
    expires_at: int | None = None


LOCAL: Final = Identity(DEFAULT_TENANT, "local", "本机", frozenset({ADMIN}))
"""Whoever asks from this machine, where access is open."""


def of_key(key: FoundKey) -> Identity:
    """Return who a key is."""
    return Identity(key.tenant, f"key:{key.id}", key.name, key.scopes, None, key.expires_at)


def of_session(session: Session) -> Identity:
    """Return who a session is."""
    return Identity(session.tenant, session.subject, session.name, session.scopes, session.csrf)
