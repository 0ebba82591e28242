"""What an installation makes once: its secret, its first key; and links that log in once."""

from __future__ import annotations

import secrets
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from api.store import api_keys
from api.store.feed import take_turn
from api.store.ids import now
from api.store.schema import DEFAULT_TENANT, INSTALLATION

LINK_SECONDS: Final = 3600
"""How long a link that logs in may wait to be used."""

_FIRST_KEY: Final = "first_key"
_SIGNING: Final = "signing"
_LINK: Final = "link"


def first_key(connection: Connection) -> str | None:
    """Make the first key of this installation, for everything, and return it; later None."""
    if not _settle(connection, _FIRST_KEY, str(now())):
        return None
    return api_keys.create(connection, DEFAULT_TENANT, "首次启动", ["admin"])[1]


def secret(connection: Connection) -> bytes:
    """Return the 256 bits with which this installation signs what it hands out."""
    _settle(connection, _SIGNING, secrets.token_hex(32))
    return bytes.fromhex(_value(connection, _SIGNING) or "")


def make_link(connection: Connection) -> str:
    """Return a token that logs one browser in as administrator; the one before is void."""
    token = secrets.token_urlsafe(32)
    expires = now() + LINK_SECONDS * 1_000_000
    connection.execute(delete(INSTALLATION).where(INSTALLATION.c.name == _LINK))
    value = f"{expires} {api_keys.digest_of(token)}"
    connection.execute(insert(INSTALLATION).values(name=_LINK, value=value))
    return token


def use_link(connection: Connection, token: str) -> bool:
    """Use up a token of `make_link`; tell whether it was good."""
    value = _value(connection, _LINK)
    if value is None:
        return False
    expires, _, digest = value.partition(" ")
    if int(expires) <= now() or not secrets.compare_digest(digest, api_keys.digest_of(token)):
        return False
    same = (INSTALLATION.c.name == _LINK, INSTALLATION.c.value == value)
    # Of two that come at once, one deletes the row.
    return connection.execute(delete(INSTALLATION).where(*same)).rowcount == 1


def _value(connection: Connection, name: str) -> str | None:
    query = select(INSTALLATION.c.value).where(INSTALLATION.c.name == name)
    return connection.execute(query).scalar_one_or_none()


def _settle(connection: Connection, name: str, value: str) -> bool:
    """Keep a value unless there is one; tell whether it was kept."""
    take_turn(connection)
    if _value(connection, name) is not None:
        return False
    connection.execute(insert(INSTALLATION).values(name=name, value=value))
    return True
