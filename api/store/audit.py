"""The audit: who read or changed what. Rows are only added, each with the hash of the one before.

All tenants share one chain; each sees its own rows. A row holds ids, actions and codes, never a
word of a document. Changes write theirs in their own transaction: those that emit an event by the
hook `follow`, the others by `append`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, insert, select

from api.store.acting import actor, noted
from api.store.feed import take_turn
from api.store.hooks import Emitted
from api.store.ids import now
from api.store.schema import AUDIT

BEGINNING: Final = "0" * 64
"""What the first row has in the place of the hash before it."""

_BATCH: Final = 1000
_LAST: Final = select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)
_INSERT: Final = insert(AUDIT)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row to be written; `at` is microseconds, `details` hold ids and codes alone."""

    tenant: str
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any] = field(default_factory=dict)
    at: int = field(default_factory=now)


class AuditRecord(BaseModel):
    """One entry of the audit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: int = Field(description="序号；各单位共用一条链，所以可能有间隔")
    at: datetime = Field(description="时间（UTC）")
    actor: str = Field(
        description="谁：key: 加密钥编号，user: 加账号，link 启动链接，cli 命令行，system 程序自己"
    )
    action: str = Field(description="做了什么，例如 extraction.read、document.deleted")
    subject: str = Field(description="对什么：文件、密钥等的编号")
    details: dict[str, Any] = Field(description="编号和代码，没有文件内容")
    previous_hash: str = Field(description="前一条的哈希")
    hash: str = Field(description="这一条的哈希")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checking the chain found: how many rows, the last, and the first that is not right."""

    rows: int
    head: str
    broken: int | None = None
    why: str = ""


def append(connection: Connection, *entries: AuditEntry) -> None:
    """Add rows to the chain in this transaction; others wait from here to its end."""
    take_turn(connection)
    last = connection.execute(_LAST).first()
    seq, before = (0, BEGINNING) if last is None else (last.seq, last.hash)
    rows = []
    for entry in entries:
        seq += 1
        row = {
            "seq": seq,
            "at": entry.at,
            "tenant": entry.tenant,
            "actor": entry.actor,
            "action": entry.action,
            "subject": entry.subject,
            "details": json.dumps(entry.details, ensure_ascii=False, sort_keys=True),
            "previous_hash": before,
        }
        row["hash"] = before = hash_of(row)
        rows.append(row)
    if rows:
        connection.execute(_INSERT, rows)


def note(
    connection: Connection,
    tenant: str,
    action: str,
    subject: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add a row that says what the one who is at work does."""
    append(connection, AuditEntry(tenant, actor(), action, subject, details or {}))
    noted()


def follow(connection: Connection, emitted: Emitted) -> None:
    """Write what an event tells; the hook of every event."""
    note(connection, emitted.tenant, emitted.type, emitted.subject)


def hash_of(row: Mapping[str, Any]) -> str:
    """Return the hash of a row: SHA-256 of all its other columns, the hash before it included."""
    names = (
        "seq", "at", "tenant", "actor", "action", "subject", "details", "previous_hash",
    )  # fmt: skip
    text = json.dumps([row[name] for name in names], ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def verify(connection: Connection, known: tuple[int, str] | None = None) -> Verdict:
    """Compute the whole chain anew and return what was found.

    `known` is the number and the hash of a row that was written down before: rows that were cut
    off at the end show only in this way.
    """
    expected, before = 1, BEGINNING
    for row in rows(connection):
        if row.seq != expected:
            return Verdict(expected - 1, before, expected, f"第 {expected} 条不见了")
        if row.previous_hash != before:
            return Verdict(expected - 1, before, expected, f"第 {expected} 条与前一条接不上")
        if row.hash != hash_of(row._asdict()):
            return Verdict(expected - 1, before, expected, f"第 {expected} 条被改过")
        if known is not None and known[0] == expected and known[1] != row.hash:
            return Verdict(expected - 1, before, expected, f"第 {expected} 条与记下的哈希不同")
        expected, before = expected + 1, row.hash
    if known is not None and known[0] >= expected:
        return Verdict(expected - 1, before, expected, f"第 {expected} 条及以后的不见了")
    return Verdict(expected - 1, before)


def rows(connection: Connection, tenant: str | None = None) -> Iterator[Row[Any]]:
    """Give all rows in order, of one tenant or of all."""
    after = 0
    while True:
        found = listing(connection, tenant, after, _BATCH)
        yield from found
        if len(found) < _BATCH:
            return
        after = found[-1].seq


def listing(
    connection: Connection, tenant: str | None, after: int, limit: int
) -> Sequence[Row[Any]]:
    """Return at most `limit` rows with greater numbers than `after`; None is every tenant."""
    query = select(AUDIT).where(AUDIT.c.seq > after).order_by(AUDIT.c.seq).limit(limit)
    if tenant is not None:
        query = query.where(AUDIT.c.tenant == tenant)
    return connection.execute(query).all()
