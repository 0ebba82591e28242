"""What is being worked on in this thread or task, for log lines and traces: ids alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from api.store.ids import new_id

_request: ContextVar[str | None] = ContextVar("hecha_request", default=None)
_document: ContextVar[str | None] = ContextVar("hecha_document", default=None)

# UUID, hexadecimal number, ULID: forms in which nobody's name can be written.
_ID: Final = re.compile(
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
    r"|[0-9A-Fa-f]{16,64}"
    r"|[0-7][0-9A-HJKMNP-TV-Z]{25}"
)


def request_id_from(header: str | None) -> str:
    """Return the id that a client gave its request, or a new one where it has none of that form."""
    return header if header is not None and _ID.fullmatch(header) else new_id()


@contextmanager
def request_at_work(request_id: str) -> Iterator[None]:
    """Let what is logged in the block carry the id of the request."""
    token = _request.set(request_id)
    try:
        yield
    finally:
        _request.reset(token)


@contextmanager
def document_at_work(document: str) -> Iterator[None]:
    """Let what is logged in the block carry the id of the document."""
    token = _document.set(document)
    try:
        yield
    finally:
        _document.reset(token)


def at_work() -> dict[str, str]:
    """Return the ids of what is being worked on, by their names in log lines."""
    found = {"request_id": _request.get(), "document": _document.get()}
    return {name: value for name, value in found.items() if value is not None}
