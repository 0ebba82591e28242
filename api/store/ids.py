"""Ids of objects: text that sorts in the order of making (UUID version 7)."""

from __future__ import annotations

import secrets
import time
from uuid import UUID


def new_id() -> str:
    """Return a new id: 36 characters, of which the first stand for the millisecond."""
    stamp = time.time_ns() // 1_000_000
    value = (stamp & (1 << 48) - 1) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=value))


def now() -> int:
    """Return the time in microseconds since 1970, UTC: the form of every time in the tables."""
    return time.time_ns() // 1000
