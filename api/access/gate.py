"""The gate behind the outer wall: nobody passes unknown, too often, or without the right.

`Gate` is middleware: it tells who asks before anything of the body is read, counts, and checks the
token that belongs to a session. `authorise` is a dependency of every route: it asks for the scope
of the route. What a route shows of documents is in the audit before a byte of it is sent.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable
from typing import Final, NoReturn
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access.authority import Authority
from api.access.callers import LOCAL, Identity
from api.access.csrf import sent_token
from api.access.rates import Hit
from api.access.rules import (
    LOGIN_PATHS,
    METRICS_PATH,
    NOTED_BY_THEMSELVES,
    ONLY_WHEN_SHOWN,
    OPEN_PATHS,
    rule_of,
)
from api.problems import AGAIN, ProblemError, problem_of, problem_response
from api.scopes import SCOPES, covers
from api.store.acting import Visit, visiting
from api.store.audit import AuditEntry
from api.store.database import trouble_of

_log = logging.getLogger("hecha.api")

COOKIE: Final = "hecha_session"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="hecha"'}
_BAD_KEY: Final = {"WWW-Authenticate": 'Bearer realm="hecha", error="invalid_token"'}


class Gate:
    """ASGI middleware; see the module's docstring. The authority is in the state of the app."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        try:
            await self._serve(scope, receive, send)
        except ProblemError as error:
            _log.info("problem %s", error.code)
            answer = _refusal(scope, error)
            await answer(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        authority: Authority = scope["state"]["authority"]
        request = Request(scope)
        identity = await _identify(authority, request)
        hit = _count(authority, request, identity)
        if identity is None:
            await self._app(scope, receive, _Answer(send, hit, None, authority))
            return
        if identity.csrf is not None and scope["method"] not in _SAFE_METHODS:
            receive = await _check_token(identity.csrf, scope, receive)
        scope["state"]["identity"] = identity
        visit = Visit(identity.actor)
        scope["state"]["visit"] = visit
        with visiting(visit):
            answer = _Answer(send, hit, (identity, visit), authority)
            await self._app(scope, receive, answer)
        if answer.is_refused:
            raise ProblemError("not_ready", headers=AGAIN)


async def authorise(request: Request) -> None:
    """Let a request on to its route if its caller has the scope that the route asks for.

    Raises:
        ProblemError: it has not (`forbidden`), or nobody is known (`unauthenticated`).
    """
    path = request.scope["route"].path
    rule = rule_of(request.method, path)
    if rule.scope is None:
        return
    identity: Identity | None = getattr(request.state, "identity", None)
    if identity is None:
        raise ProblemError("unauthenticated", headers=_CHALLENGE)
    if not covers(identity.scopes, rule.scope):
        what = f"这个操作需要 {rule.scope} 权限（{SCOPES[rule.scope]}），现在的密钥或账号没有。"
        raise ProblemError("forbidden", f"{what}请向管理员要有此权限的密钥。")
    visit: Visit = request.state.visit
    route = (request.method, path)
    if request.method not in _SAFE_METHODS and route not in NOTED_BY_THEMSELVES:
        visit.route = " ".join(route)
    visit.action = rule.action
    visit.only_shown = route in ONLY_WHEN_SHOWN
    ids = [value for name, value in request.path_params.items() if name.endswith("_id")]
    visit.place = request.path_params.get("document_id") or next(iter(ids), "")


async def _identify(authority: Authority, request: Request) -> Identity | None:
    """Return who asks; None only where that need not be known.

    Raises:
        ProblemError: they must be known and are not, or failed to show it too often.
    """
    address = address_of(request)
    path = request.url.path
    if path == METRICS_PATH:  # answers also while the database does not
        return None
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        identity = await _known(authority.by_key(secret.strip()))
        if identity is None:
            _refuse_failed(authority, address)
        return identity
    cookie = request.cookies.get(COOKIE)
    identity = None if cookie is None else await _known(authority.by_session(cookie))
    identity = identity or authority.by_address(address)
    if identity is None and path not in LOGIN_PATHS:
        _turn_away(authority, address)
    return identity


async def _known(asking: Awaitable[Identity | None]) -> Identity | None:
    try:
        return await asking
    except SQLAlchemyError as error:
        if trouble_of(error) is None:
            raise
        raise ProblemError("not_ready", headers=AGAIN) from error


def _refuse_failed(authority: Authority, address: str) -> NoReturn:
    """Refuse a key that is none, and after some of them from one address every other."""
    raise _too_many(authority.rates.fail(address)) or ProblemError(
        "unauthenticated", "这个密钥不对、已过期或已吊销。请向管理员要新的密钥。", _BAD_KEY
    )


def _turn_away(authority: Authority, address: str) -> NoReturn:
    hit = authority.rates.ask_unknown(address)
    raise _too_many(hit) or ProblemError("unauthenticated", headers=_CHALLENGE)


def _count(authority: Authority, request: Request, identity: Identity | None) -> Hit | None:
    """Count a request that may go on.

    Raises:
        ProblemError: it may not: there were too many (`rate_limited`).
    """
    if identity is LOCAL:
        return None
    address, rates = address_of(request), authority.rates
    hit = rates.ask_unknown(address) if identity is None else rates.ask(identity.actor)
    refusal = _too_many(hit)
    if refusal is not None:
        raise refusal
    return hit


def _too_many(hit: Hit | None) -> ProblemError | None:
    return None if hit is None or hit.allowed else too_many(hit)


def too_many(hit: Hit) -> ProblemError:
    """Return the problem of someone who asks too often."""
    detail = f"{hit.window} 秒内最多 {hit.limit} 次，已经超过。请 {hit.seconds} 秒后再试。"
    headers = hit.headers() | {"Retry-After": str(hit.seconds)}
    return ProblemError("rate_limited", detail, headers)


async def _check_token(expected: str, scope: Scope, receive: Receive) -> Receive:
    """Look for the token of the session; return what gives the body from the beginning.

    Raises:
        ProblemError: there is none, or another (`csrf_failed`); or the body is too large.
    """
    token, again = await sent_token(scope, receive)
    if token is None or not secrets.compare_digest(token.encode(), expected.encode()):
        raise ProblemError("csrf_failed")
    return again


def _refusal(scope: Scope, error: ProblemError) -> Response:
    """Return the answer to a request that goes no further: for a browser, the way to the login."""
    request = Request(scope)
    path = scope["path"]
    is_page = "text/html" in request.headers.get("accept", "") and not path.startswith("/v1/")
    if error.code == "unauthenticated" and is_page:
        query = scope["query_string"].decode("latin-1")
        wanted = f"{path}?{query}" if query else path
        to = "/login" if scope["method"] != "GET" else f"/login?next={quote(wanted, safe='/')}"
        return RedirectResponse(to, status_code=303)
    return problem_response(problem_of(error, path), error.headers)


def address_of(request: Request) -> str:
    """Return the address that a request comes from."""
    return "" if request.client is None else request.client.host


def _entries(who: Identity, visit: Visit) -> list[AuditEntry]:
    """Return what is to be written of an answer that is about to be sent."""
    entries = []
    if visit.action is not None and (visit.subjects or not visit.only_shown):
        entries += [
            AuditEntry(who.tenant, who.actor, visit.action, subject)
            for subject in visit.subjects or [visit.place]
        ]
    if visit.route is not None and not visit.is_noted:
        details = {"route": visit.route}
        entries.append(AuditEntry(who.tenant, who.actor, "other.changed", visit.place, details))
    return entries


class _Answer:
    """A `send` that tells of the rate limit, and holds back what is not in the audit.

    `is_refused` is an answer that could not be written down: nothing of it was sent.
    """

    def __init__(
        self, send: Send, hit: Hit | None, who: tuple[Identity, Visit] | None, authority: Authority
    ) -> None:
        self._send = send
        self._hit = hit
        self._who = who
        self._authority = authority
        self.is_refused = False

    async def __call__(self, message: Message) -> None:
        if self.is_refused:
            return
        if message["type"] == "http.response.start":
            if self._hit is not None:
                MutableHeaders(scope=message).update(self._hit.headers())
            if message["status"] < 300 and not await self._is_recorded():
                self.is_refused = True
                return
        await self._send(message)

    async def _is_recorded(self) -> bool:
        """Write down what the answer shows; tell whether that could be done."""
        if self._who is None:
            return True
        identity, visit = self._who
        entries = _entries(identity, visit)
        if not entries:
            return True
        try:
            await asyncio.wrap_future(self._authority.clerk.record(entries))
        except SQLAlchemyError:
            return False
        return True
