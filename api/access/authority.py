"""Tells who asks, and lets people in and out.

A key or a session costs one query by a unique column, kept for some seconds: in another process a
revoked key works that long.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection

from api.access.callers import LOCAL, Identity, of_key, of_session
from api.access.clerk import Clerk
from api.access.openid import OpenId
from api.access.rates import Rates
from api.addresses import is_loopback
from api.sealing import SealError
from api.services import Services
from api.store import api_keys, installation, sessions, tenants
from api.store.api_keys import BEGINS, FoundKey
from api.store.ids import now
from api.store.schema import DEFAULT_TENANT
from api.store.sessions import Ended, Session, new_token

KEPT_SECONDS: Final = 5.0
"""How long a found key or session is believed without asking the database."""

_KEPT: Final = 10_000
_LONGEST: Final = 200
_LONGEST_HINT: Final = 4000
"""Longer tokens are left out: not every server takes a longer address."""
_log = logging.getLogger("hecha.api")

F = TypeVar("F", FoundKey, Session)


@dataclass(frozen=True, slots=True)
class OfficeLogin:
    """The login of the office that a session came from, with its token if that is still known."""

    id_token: str | None


class Authority:
    """Who may come in; one for each running service."""

    def __init__(self, services: Services) -> None:
        """Begin; the database must have its tables."""
        settings = services.settings
        self.settings = settings
        self.clerk = Clerk(services.database)
        self.rates = Rates(
            settings.rate_limit, settings.rate_limit_unknown, settings.rate_limit_logins
        )
        self._database = services.database
        self._keys: _Remembered[FoundKey] = _Remembered()
        self._sessions: _Remembered[Session] = _Remembered()
        with self._database.write() as connection:
            secret = installation.secret(connection)
        self.provider = OpenId.of(settings, secret)

    async def by_key(self, secret: str) -> Identity | None:
        """Return who this key is; None if it is none, has expired or was revoked.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer.
        """
        if not secret.startswith(BEGINS) or len(secret) > _LONGEST:
            return None
        found = self._keys.get(secret)
        if found is None:
            found = await run_in_threadpool(self._find_key, secret)
        if found is None:
            return None
        self.clerk.used(found.tenant, found.id)
        return of_key(found)

    async def by_session(self, cookie: str) -> Identity | None:
        """Return whose session this cookie holds.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer.
        """
        if len(cookie) > _LONGEST:
            return None
        found = self._sessions.get(cookie)
        if found is None:
            found = await run_in_threadpool(self._find_session, cookie)
        return None if found is None else of_session(found)

    def by_address(self, address: str) -> Identity | None:
        """Return who asks without a key: someone on this machine, where access is open."""
        is_open = self.settings.access == "open" and is_loopback(address)
        return LOCAL if is_open else None

    def open_with_link(self, token: str) -> str | None:
        """Use up the link of the start; return the cookie of an administrator's session."""
        with self._database.write() as connection:
            if not installation.use_link(connection, token):
                return None
            return self._begin(connection, Identity(DEFAULT_TENANT, "link", "管理员", LOCAL.scopes))

    def open_for(self, identity: Identity, id_token: str | None = None) -> str:
        """Open a session for someone who is known; return its cookie.

        `id_token` is that of the office's login, kept, sealed, to end it there, too.
        """
        login = None if id_token is None else self._keep(identity, id_token)
        with self._database.write() as connection:
            return self._begin(connection, identity, login)

    def _keep(self, who: Identity, id_token: str) -> Mapping[str, str | None] | None:
        if self.settings.oidc_logout == "local":
            return None
        sealed = None
        if len(id_token) <= _LONGEST_HINT:
            try:
                sealed = self.settings.sealer.seal(id_token, _owner_of(who.tenant, who.actor))
            except SealError:
                # The provider may ask the person then; nobody is kept out for that.
                _log.warning("cannot seal an ID token: see hecha doctor --data")
        return {"issuer": self.settings.oidc_issuer, "id_token": sealed}

    def _begin(
        self,
        connection: Connection,
        who: Identity,
        login: Mapping[str, str | None] | None = None,
    ) -> str:
        until = now() + round(self.settings.session_hours * 3_600_000_000)
        if who.expires_at is not None:
            until = min(until, who.expires_at)
        session = Session(who.tenant, who.actor, who.name, who.scopes, new_token(), until)
        return sessions.begin(connection, session, login)

    def has_tenant(self, tenant: str) -> bool:
        """Tell whether there is such a tenant."""
        with self._database.read() as connection:
            return tenants.exists(connection, tenant)

    def close(self, cookie: str) -> OfficeLogin | None:
        """End a session; return the login of the office that is to be ended, too, if any."""
        with self._database.write() as connection:
            ended = sessions.close(connection, cookie)
        self.forget()
        return None if ended is None else self._office_login(ended)

    def _office_login(self, ended: Ended) -> OfficeLogin | None:
        login, settings = ended.login or {}, self.settings
        if settings.oidc_logout == "local" or login.get("issuer") != settings.oidc_issuer:
            return None
        sealed = login.get("id_token")
        try:
            owner = _owner_of(ended.tenant, ended.subject)
            return OfficeLogin(None if sealed is None else settings.sealer.open(sealed, owner))
        except SealError:
            return OfficeLogin(None)

    def forget(self) -> None:
        """Ask the database for every key and session again."""
        self._keys.clear()
        self._sessions.clear()

    def stop(self) -> None:
        """Write down what is still to be written."""
        self.clerk.close()

    def _find_key(self, secret: str) -> FoundKey | None:
        with self._database.read() as connection:
            return self._keys.keep(secret, api_keys.lookup(connection, secret))

    def _find_session(self, cookie: str) -> Session | None:
        with self._database.read() as connection:
            return self._sessions.keep(cookie, sessions.find(connection, cookie))


def _owner_of(tenant: str, actor: str) -> str:
    """Return what the token of a login is sealed for."""
    return f"login {tenant} {actor}"


class _Remembered(Generic[F]):
    """What was found by a secret a short while ago; the secrets themselves are not kept."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, F]] = {}

    def get(self, secret: str) -> F | None:
        until, found = self._found.get(api_keys.digest_of(secret), (0.0, None))
        if found is None or until < time.monotonic():
            return None
        if found.expires_at is not None and found.expires_at <= now():
            return None
        return found

    def keep(self, secret: str, found: F | None) -> F | None:
        if found is not None:
            if len(self._found) >= _KEPT:
                self._found.clear()
            self._found[api_keys.digest_of(secret)] = (time.monotonic() + KEPT_SECONDS, found)
        return found

    def clear(self) -> None:
        self._found.clear()
