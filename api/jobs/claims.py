"""The queue: `documents` in the state `queued`, those that a person waits for first.

A claim gives a document to one executor and counts its attempt; only the holder of the newest
attempt may store what came of it. These functions serve all tenants: the queue is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from api.reader import Reading
from api.store import results
from api.store.feed import emit
from api.store.hooks import HOOKS, Saved
from api.store.ids import now
from api.store.name_index import label_values
from api.store.schema import DOCUMENTS, EXECUTORS

MOST_TRIES: Final = 8
"""How often reading of one document may be begun and never end, the service dying meanwhile."""


@dataclass(frozen=True, slots=True)
class Job:
    """One reading of one document; `claimed_at` tells it from those of a deleted namesake."""

    tenant: str
    document: str
    attempt: int
    claimed_at: int

    @property
    def name(self) -> str:
        """The id of its workflow: the same job is never begun as two workflows."""
        return f"doc:{self.tenant}:{self.document}:{self.attempt}:{self.claimed_at}"


@dataclass(frozen=True, slots=True)
class Begun:
    """What is needed to read the document of a job; `tries` counts this time too."""

    filename: str
    size: int
    tries: int


def claim(connection: Connection, executor: str, most: int) -> list[Job]:
    """Take up to `most` documents from the queue; no two executors get the same."""
    table = DOCUMENTS
    chosen = connection.execute(
        select(table.c.number)
        .where(table.c.status == "queued")
        .order_by(table.c.priority, table.c.number)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).scalars()
    numbers = list(chosen)
    if not numbers:
        return []
    moment = now()
    rows = connection.execute(
        update(table)
        .where(table.c.number.in_(numbers))
        .values(
            status="running", claimed_by=executor, attempt=table.c.attempt + 1, updated_at=moment
        )
        .returning(table.c.number, table.c.tenant, table.c.id, table.c.attempt)
    ).all()
    rows = sorted(rows, key=lambda row: row.number)
    return [Job(row.tenant, row.id, row.attempt, moment) for row in rows]


def begin(connection: Connection, job: Job, executor: str) -> Begun | None:
    """Note that reading begins; None where the document is gone or the job is no longer wanted."""
    row = connection.execute(
        update(DOCUMENTS)
        .where(*_held(job))
        .values(tries=DOCUMENTS.c.tries + 1, claimed_by=executor)
        .returning(DOCUMENTS.c.filename, DOCUMENTS.c.size, DOCUMENTS.c.tries)
    ).first()
    return None if row is None else Begun(row.filename, row.size, row.tries)


def prepare(connection: Connection, job: Job, reading: Reading) -> bool:
    """Store what may be there before its result; False where the job is no longer wanted."""
    if _held_name(connection, job) is None:
        return False
    saved = _saved(job, reading)
    for hook in HOOKS.preparing:
        hook(connection, saved)
    return True


def _saved(job: Job, reading: Reading) -> Saved:
    result = reading.result
    return Saved(
        job.tenant,
        job.document,
        result.version,
        reading.record,
        result.extraction,
        reading.derived,
    )


def succeed(connection: Connection, job: Job, reading: Reading) -> bool:
    """Store a result, and all that follows from it; False where the job is no longer wanted."""
    filename = _held_name(connection, job)
    if filename is None:
        return False
    record, accident, result = reading.record, reading.accident, reading.result
    results.put(connection, job.tenant, job.document, result)
    values = {
        "status": "succeeded",
        "version_done": result.version,
        "media_type": record.media_type,
        "kind": record.kind,
        "title": record.title,
        **label_values(job.tenant, filename, record.title),
        "number_text": record.number,
        "issuer": record.issuer,
        "date": record.date,
        "accident_mark": accident.mark if accident else None,
        "accident_date": accident.date if accident else None,
        "accident_name": accident.name if accident else None,
        "pages": record.pages,
        "characters": record.characters,
        "reading": record.status,
        "warnings": [warning.model_dump() for warning in record.warnings],
    }
    _end(connection, job, values)
    saved = _saved(job, reading)
    for hook in HOOKS.saved:
        hook(connection, saved)
    data = {"status": "succeeded", "version": result.version, "kind": record.kind}
    emit(connection, job.tenant, "document.succeeded", job.document, data)
    return True


def fail(connection: Connection, job: Job, code: str, message: str, page: int | None) -> bool:
    """Store why a document could not be read; False where the job is no longer wanted."""
    if _held_name(connection, job) is None:
        return False
    values = {
        "status": "failed", "error_code": code, "error_message": message, "error_page": page,
    }  # fmt: skip
    _end(connection, job, values)
    data = {"status": "failed", "code": code}
    emit(connection, job.tenant, "document.failed", job.document, data)
    return True


def hand_back(connection: Connection, jobs: Iterable[Job]) -> None:
    """Put the documents of jobs that were not finished back into the queue, in their place."""
    for job in jobs:
        connection.execute(
            update(DOCUMENTS)
            .where(*_held(job))
            .values(status="queued", claimed_by=None, updated_at=now())
        )


def running(
    connection: Connection, executors: Sequence[str] | None = None, seconds: float = 0.0
) -> list[Job]:
    """Return the jobs that were claimed so long ago, by these executors or by any."""
    table = DOCUMENTS
    query = select(table.c.tenant, table.c.id, table.c.attempt, table.c.updated_at).where(
        table.c.status == "running",
        table.c.updated_at <= now() - round(seconds * 1_000_000),
    )
    if executors is not None:
        query = query.where(DOCUMENTS.c.claimed_by.in_(executors))
    return [Job(*row) for row in connection.execute(query)]


def depth(connection: Connection) -> int:
    """Return how many documents wait in the queue."""
    query = select(func.count()).select_from(DOCUMENTS).where(DOCUMENTS.c.status == "queued")
    return connection.execute(query).scalar_one()


def beat(connection: Connection, executor: str) -> None:
    """Note that an executor is alive."""
    moment = now()
    changed = connection.execute(
        update(EXECUTORS).where(EXECUTORS.c.id == executor).values(seen_at=moment)
    )
    if changed.rowcount == 0:
        row = {"id": executor, "started_at": moment, "seen_at": moment}
        connection.execute(insert(EXECUTORS).values(row))


def silent(connection: Connection, seconds: float) -> list[str]:
    """Return the executors that were not seen for so long."""
    before = now() - round(seconds * 1_000_000)
    query = select(EXECUTORS.c.id).where(EXECUTORS.c.seen_at < before)
    return list(connection.execute(query).scalars())


def retire(connection: Connection, executor: str) -> None:
    """Forget an executor that has stopped, or whose work others have taken over."""
    connection.execute(delete(EXECUTORS).where(EXECUTORS.c.id == executor))


def _held(job: Job) -> tuple[Any, ...]:
    table = DOCUMENTS
    return (
        table.c.tenant == job.tenant,
        table.c.id == job.document,
        table.c.attempt == job.attempt,
        table.c.updated_at == job.claimed_at,
        table.c.status == "running",
    )


def _held_name(connection: Connection, job: Job) -> str | None:
    """Hold the row of a document and return its file name; None where the job is over."""
    query = select(DOCUMENTS.c.filename).where(*_held(job)).with_for_update()
    return connection.execute(query).scalar()


def _end(connection: Connection, job: Job, values: dict[str, Any]) -> None:
    ended = {"claimed_by": None, "tries": 0, "updated_at": now()}
    connection.execute(update(DOCUMENTS).where(*_held(job)).values(ended | values))
