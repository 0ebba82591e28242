"""The token that must come with everything a session changes, found before anyone reads the body.

It comes in the header `X-CSRF-Token`, or as the first field, `csrf`, of a form.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

HEADER: Final = "x-csrf-token"
FIELD: Final = "csrf"

_ENOUGH: Final = 1024
_IN_PARTS: Final = re.compile(
    rb"(?:\r\n)?--[^\r\n]{1,80}\r\n"
    rb'(?i:content-disposition): form-data; name="?csrf"?\r\n\r\n([\w-]{1,100})\r\n'
)
_IN_LINE: Final = re.compile(rb"csrf=([\w-]{1,100})(?:&|$)")
_FORMS: Final = {
    "multipart/form-data": _IN_PARTS,
    "application/x-www-form-urlencoded": _IN_LINE,
}


async def sent_token(scope: Scope, receive: Receive) -> tuple[str | None, Receive]:
    """Return the token that a request brings, and what gives its body from the beginning.

    Raises:
        ProblemError: the body is too large.
    """
    headers = Headers(scope=scope)
    if HEADER in headers:
        return headers[HEADER], receive
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    form = _FORMS.get(kind)
    if form is None:
        return None, receive
    taken: list[Message] = []
    head, has_more = b"", True
    while has_more and len(head) < _ENOUGH:
        message = await receive()
        taken.append(message)
        head += message.get("body", b"")
        has_more = message.get("more_body", False)
    match = form.match(head)

    async def again() -> Message:
        return taken.pop(0) if taken else await receive()

    return None if match is None else match[1].decode("ascii"), again
