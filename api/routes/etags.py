"""ETag, If-None-Match and If-Match: what has not changed is not sent again, nor overwritten unseen.

The ETag of what can be edited is its revision and a mark of the answer: "3-9f86d081". The mark
changes with anything that is shown; If-Match looks at the revision alone.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import Header

from api.problems import ProblemError

ETAG: Final[dict[str, Any]] = {
    "ETag": {
        "description": "内容的标记；再次请求时放在 If-None-Match 里，没有变化则回答 304",
        "schema": {"type": "string"},
        "example": '"3-9f86d0818842"',
    }
}
"""The description of the header of an answer."""
UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "没有变化"}}
"""The description of the answer to If-None-Match."""

IfNoneMatch = Annotated[
    str | None, Header(description="上次得到的 ETag", examples=['"3-9f86d0818842"'])
]
IfMatch = Annotated[
    str | None,
    Header(
        description="必须给出：查询时得到的 ETag，之后有人改动过就回答 412；* 表示不核对",
        examples=['"3-9f86d0818842"'],
    ),
]
_REVISION: Final = re.compile(r'"([0-9]{1,9})(?:-[0-9a-f]{1,64})?"')


def content_etag(content: bytes, revision: int | None = None) -> str:
    """Return the ETag of an answer, with the revision of what can be edited."""
    mark = sha256(content).hexdigest()[:12]
    return f'"{mark}"' if revision is None else f'"{revision}-{mark}"'


def is_unchanged(header: str | None, etag: str) -> bool:
    """Tell whether a client that sent this If-None-Match has what the ETag stands for."""
    if header is None:
        return False
    if header.strip() == "*":
        return True
    return etag in (part.strip().removeprefix("W/") for part in header.split(","))


def seen_revisions(if_match: str | None) -> set[int] | None:
    """Return the revisions that an If-Match names; None is any.

    Raises:
        ProblemError: there is no If-Match (`precondition_required`).
    """
    if if_match is None:
        raise ProblemError("precondition_required")
    if if_match.strip() == "*":
        return None
    found = (_REVISION.fullmatch(part.strip()) for part in if_match.split(","))
    # A tag that is none of ours names no revision: what it stands for is gone.
    return {int(each[1]) for each in found if each is not None}
