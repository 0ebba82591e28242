"""The outer wall of the service: every request passes it before, and every answer after, the app.

It refuses foreign host names (a page elsewhere may rebind its own name to this machine) and
requests that another web site makes the browser send; it counts the body; it puts security
headers on every answer; it writes one log line a request; and it turns an unexpected error into
a problem that carries only a number. The log names routes, codes and places in the program,
never a path, a query, a file name or the message of an exception: those may hold names of people.
"""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Collection, Mapping
from pathlib import Path
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import ProblemError, make_problem, problem_response

_log = logging.getLogger("hecha.api")

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: browsers then send "Origin: null" with our own form.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Set on every answer that does not set them itself."""

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS: Final = _SAFE_METHODS | {"POST", "PUT", "PATCH", "DELETE"}
_FRAMES_LOGGED: Final = 8
_BODY_BYTES: Final = 1 << 16
_BODY_TOO_LARGE: Final = "请求体超过上限 64 KiB。请减少内容后重试。"
_FORM_BYTES: Final = 1 << 16


class Guard:
    """ASGI middleware; see the module's docstring.

    A body sent to one of `uploads` may hold a file of so many bytes and its form; a body sent
    anywhere else may hold 64 KiB.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        allowed_hosts: Collection[str],
        uploads: Mapping[str, int],
    ) -> None:
        """Wrap the app; `*` among the hosts allows every host."""
        self._app = app
        self._allowed_hosts = frozenset(allowed_hosts)
        self._uploads = dict(uploads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        began = perf_counter()
        try:
            code = self._refusal(Headers(scope=scope), scope["method"])
            if code is None:
                await self._app(scope, self._counted(scope, receive), answer)
            else:
                refusal = problem_response(make_problem(code, scope["path"]))
                await refusal(scope, receive, answer)
        except ClientDisconnect:
            _log.info("client left before the body was complete")
        except Exception as error:
            await _fail(error, scope, receive, answer)
        finally:
            route = getattr(scope.get("route"), "path", "-")
            took = round((perf_counter() - began) * 1000)
            method, status = _known(scope["method"]), answer.status or "-"
            fields = {"method": method, "route": route, "status": status, "milliseconds": took}
            _log.info("%s %s %s %d ms", method, route, status, took, extra=fields)

    def _refusal(self, headers: Headers, method: str) -> str | None:
        """Return the code of the problem that ends this request at the door, if any."""
        host = headers.get("host", "")
        if "*" not in self._allowed_hosts and _hostname(host) not in self._allowed_hosts:
            return "host_not_allowed"
        if method in _SAFE_METHODS:
            return None
        site = headers.get("sec-fetch-site")
        if site is not None:
            return None if site in ("same-origin", "none") else "cross_site_refused"
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return "cross_site_refused"
        return None

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        """Return a `receive` that ends a body over its limit with a problem."""
        largest = self._uploads.get(scope["path"])
        limit = _BODY_BYTES if largest is None else largest + _FORM_BYTES
        detail = _BODY_TOO_LARGE if largest is None else too_large(largest)
        declared = Headers(scope=scope).get("content-length", "")
        seen = limit + 1 if _declares_more(declared, limit) else 0

        async def counted() -> Message:
            nonlocal seen
            if seen <= limit:
                message = await receive()
                seen += len(message.get("body", b""))
            if seen > limit:
                raise ProblemError("upload_too_large", detail)
            return message

        return counted


def _known(method: str) -> str:
    # A client may call a method as it likes.
    return method if method in _METHODS else "other"


def _declares_more(length: str, limit: int) -> bool:
    # Python refuses to convert thousands of digits.
    return length.isdecimal() and (len(length) > 15 or int(length) > limit)


def too_large(limit: int) -> str:
    """Return the detail of `upload_too_large` for an upload limit in bytes."""
    return (
        f"上传的文件超过上限 {limit / (1 << 20):g} MiB。"
        "请压缩或拆分后上传，或由管理员调高 HECHA_MAX_UPLOAD_MB（批次是 HECHA_MAX_BATCH_MB）。"
    )


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


class _Answer:
    """A `send` that adds the security headers and remembers the status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)


async def _fail(error: Exception, scope: Scope, receive: Receive, answer: _Answer) -> None:
    """Log where the program failed, under a number, and answer with that number alone."""
    error_id = secrets.token_hex(8)
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_LOGGED:]
    where = " < ".join(
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)
    )
    kind = type(error).__name__
    fields = {"error_id": error_id, "error": kind}
    _log.error("unexpected %s %s at %s", error_id, kind, where, extra=fields)
    if answer.status is None:
        problem = make_problem("internal_error", scope["path"], error_id=error_id)
        await problem_response(problem)(scope, receive, answer)
