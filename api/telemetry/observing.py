"""The outermost layer of the app: gives every request an id, measures it, traces it."""

from __future__ import annotations

from time import perf_counter
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.telemetry import tracing
from api.telemetry.context import request_at_work, request_id_from
from api.telemetry.meters import count_answer

REQUEST_ID: Final = "X-Request-ID"
_NO_ANSWER: Final = 499
"""The status under which a request is counted whose client left before the answer."""


class Observed:
    """ASGI middleware; see the module's docstring."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = request_id_from(headers.get(REQUEST_ID))
        status, began = _NO_ANSWER, perf_counter()

        async def answering(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        parent = headers.get("traceparent", "")
        known = {"hecha.request_id": request_id}
        with request_at_work(request_id), tracing.span("request", known, parent) as span:
            try:
                await self._app(scope, receive, answering)
            finally:
                route = getattr(scope.get("route"), "path", "-")
                count_answer(scope["method"], route, status, perf_counter() - began)
                if span is not None:
                    span.update_name(route)
                    span.set_attribute("http.route", route)
                    span.set_attribute("http.response.status_code", status)
