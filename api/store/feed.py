"""The feed of events: everything that changed, in the order in which others may see it.

An event is written in the transaction of what it tells, as the last thing in it. From there to the
end of the transaction writers take turns, so that no number becomes visible before a smaller one:
a reader that goes on after the last number it saw misses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, insert, text

from api.store.hooks import HOOKS, Emitted
from api.store.ids import now
from api.store.schema import EVENTS

EVENT_TYPES: Final[Mapping[str, str]] = {
    "document.received": "收到一份文件，等待读取",
    "document.requeued": "已有的文件重新排队读取",
    "document.succeeded": "一份文件读取完成，有新的结果",
    "document.failed": "一份文件没有读成",
    "document.cancelled": "一份文件的读取已取消",
    "document.deleted": "一份文件和从中读出的一切已删除",
}
"""All types of events, and what each tells; `data` never names a person or a file."""

_TURN: Final = 4_850_002
_INSERT: Final = insert(EVENTS).returning(EVENTS.c.seq)


def emit(
    connection: Connection, tenant: str, kind: str, subject: str, data: Mapping[str, Any]
) -> int:
    """Write an event in this transaction and return its number; the last thing to do in it.

    `subject` is the id of what the event is about; `data` holds ids, states and codes alone.
    """
    take_turn(connection)
    row = {"tenant": tenant, "at": now(), "type": kind, "subject": subject, "data": dict(data)}
    seq: int = connection.execute(_INSERT, row).scalar_one()
    for hook in HOOKS.emitted:
        hook(connection, Emitted(seq, tenant, kind, subject))
    return seq


def take_turn(connection: Connection) -> None:
    """Let one writer of events and of the audit go on at a time, to the end of its transaction.

    One lock for both: with two, two transactions could each wait for the other.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
