"""Requests to the service: the key, tries again, and problems as exceptions.

ClientError
├── ServiceError          the service answered with a problem: code, status, detail
├── UnreachableError      no answer came, also after several tries
├── ReadingFailedError    a document could not be read: entry.error says why
└── WaitedTooLongError    the time that the caller allowed is over
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import httpx2

from api.store.documents import DocumentEntry

Content: TypeAlias = Path | bytes
_PASSING: Final = frozenset({429, 502, 503, 504})
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 30.0


class ClientError(Exception):
    """Anything that this client raises of its own."""


class ServiceError(ClientError):
    """The service answered with a problem (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        """Make the error of an answer with this status and body."""
        self.status = status
        self.code = str(problem.get("code", "unknown"))
        self.detail = str(problem.get("detail", "服务的应答不是预期的格式。"))
        self.page: int | None = problem.get("page")
        self.errors: list[dict[str, str]] = problem.get("errors") or []
        self.error_id: str | None = problem.get("error_id")
        super().__init__(f"[{self.code}] {self.detail}")


class UnreachableError(ClientError):
    """No answer came."""


class ReadingFailedError(ClientError):
    """A document could not be read."""

    def __init__(self, entry: DocumentEntry) -> None:
        """Make the error of this document."""
        self.entry = entry
        self.code = entry.error.code if entry.error else entry.status
        super().__init__(entry.error.message if entry.error else "这份文件的读取已取消。")


class WaitedTooLongError(ClientError):
    """The time that the caller allowed for waiting is over; what was waited for goes on."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `is_repeatable`: sending it twice does no more than sending it once."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content: Content | None = None
    is_repeatable: bool = True
    timeout: float | None = None


class Connection:
    """Sends requests and tries them again; safe to use from many threads."""

    def __init__(
        self,
        http: httpx2.Client,
        retries: int,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Send by `http`; try up to `retries` times again."""
        self.http = http
        self.pause = pause
        self._retries = retries

    def send(self, call: Call) -> httpx2.Response:
        """Send a request and return the answer, which is no error.

        Raises:
            ServiceError: the service answered with a problem that does not pass.
            UnreachableError: no answer came.
        """
        for attempt in range(self._retries + 1):
            is_last = attempt == self._retries
            try:
                answer = self._send_once(call)
            except httpx2.TransportError as error:
                was_sent = not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
                if is_last or (was_sent and not call.is_repeatable):
                    what = f"服务没有应答（{type(error).__name__}）。请检查地址和网络后重试。"
                    raise UnreachableError(what) from error
                self.pause(_wait(attempt))
                continue
            if answer.status_code in _PASSING and not is_last:
                self.pause(retry_after(answer, _wait(attempt)))
                continue
            if answer.status_code >= 400:
                raise ServiceError(answer.status_code, _problem(answer))
            return answer
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def _send_once(self, call: Call) -> httpx2.Response:
        options: dict[str, Any] = {}
        if call.body is not None:
            options["json"] = call.body
        if call.timeout is not None:
            options["timeout"] = call.timeout
        query = {name: value for name, value in call.query.items() if value is not None}
        with _opened(call.content) as content:
            if content is not None:
                options["content"] = content
            return self.http.request(
                call.method, call.path, params=query, headers=dict(call.headers), **options
            )


def retry_after(answer: httpx2.Response, otherwise: float) -> float:
    """Return after how many seconds the service wants to be asked again."""
    stated = answer.headers.get("retry-after", "")
    return float(stated) if stated.isdecimal() and len(stated) < 6 else otherwise


@contextmanager
def _opened(content: Content | None) -> Iterator[IO[bytes] | bytes | None]:
    """Give the body of a request; a file is opened anew at every try, and read in parts."""
    if isinstance(content, Path):
        with content.open("rb") as file:
            yield file
    else:
        yield content


def _wait(attempt: int) -> float:
    seconds = min(_FIRST_WAIT * 2.0**attempt, _LONGEST_WAIT)
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


def _problem(answer: httpx2.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
