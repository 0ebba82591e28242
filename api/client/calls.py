"""What the methods of the client have in common: answers as types, pages, waiting."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx2
from pydantic import BaseModel

from api.client.connection import Call, Connection, Content, WaitedTooLongError, retry_after

M = TypeVar("M", bound=BaseModel)

_OCTETS: Final = {"Content-Type": "application/octet-stream"}
_USUAL_WAIT: Final = 2.0


class Calls:
    """The base of the parts of the client, each of which has the methods of one kind of thing."""

    _http: httpx2.Client
    _connection: Connection

    def _upload(self, path: str, file: Content, filename: str | None, key: str | None) -> Call:
        name = filename or (file.name if isinstance(file, Path) else None)
        if name is None:
            raise ValueError("bytes need a filename")
        headers = {**_OCTETS, **keyed(key)}
        return Call("POST", path, {"filename": name}, headers, content=file)

    def _one(self, model: type[M], call: Call) -> M:
        return parsed(model, self._connection.send(call))

    def _delete(self, path: str) -> None:
        self._connection.send(Call("DELETE", path, is_repeatable=False))

    def _pages(
        self, model: type[M], path: str, name: str, query: dict[str, Any] | None = None
    ) -> Iterator[M]:
        wanted = dict(query or {})
        while True:
            page = self._connection.send(Call("GET", path, wanted)).json()
            for each in page[name]:
                yield made(model, each)
            if page["next_cursor"] is None:
                return
            wanted["cursor"] = page["next_cursor"]

    def _until(self, call: Call, timeout: float | None) -> Iterator[httpx2.Response]:
        """Ask again and again, as often as the service wants, while the caller wants more."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            answer = self._connection.send(call)
            yield answer
            seconds = retry_after(answer, _USUAL_WAIT)
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise WaitedTooLongError("等待的时间到了，服务还在处理。可以稍后再查询。")
                seconds = min(seconds, left)
            self._connection.pause(seconds)

    def _content(self, call: Call) -> bytes:
        return self._connection.send(call).content


def query(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return filters as they are sent; dates and times in their ISO form."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in filters.items()
    }


def parsed(model: type[M], answer: httpx2.Response) -> M:
    """Read an answer; fields that a later version of the service adds are left out."""
    return model.model_validate_json(answer.content, extra="ignore")


def made(model: type[M], value: Any) -> M:
    """Return a part of an answer, without the fields that a later version of the service adds."""
    return model.model_validate(value, extra="ignore")


def part(name: str) -> str:
    """Return an id as a part of a path, whatever it holds."""
    return quote(name, safe="") or "-"


def keyed(key: str | None) -> dict[str, str]:
    """Return the header by which the service knows a request that is sent again."""
    return {"Idempotency-Key": key or str(uuid4())}
