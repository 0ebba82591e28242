"""Cursors: a place in a list as clients see it, a word that says nothing to them."""

from __future__ import annotations

import base64
import binascii

from api.problems import ProblemError

_MOST = 1 << 62


def seal(words: str) -> str:
    """Return the cursor that stands for these words."""
    return base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")


def unseal(cursor: str) -> str:
    """Return the words inside a cursor that `seal` made.

    Raises:
        ProblemError: it was not made by this service (`cursor_invalid`).
    """
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as exc:
        raise ProblemError("cursor_invalid") from exc


def cursor_of(number: int) -> str:
    """Return the cursor of a number in a list."""
    return seal(str(number))


def position_of(cursor: str) -> int:
    """Return the number inside a cursor that `cursor_of` made.

    Raises:
        ProblemError: it was not made by this service (`cursor_invalid`).
    """
    try:
        number = int(unseal(cursor))
    except ValueError as exc:
        raise ProblemError("cursor_invalid") from exc
    if not 0 < number < _MOST:
        raise ProblemError("cursor_invalid")
    return number
