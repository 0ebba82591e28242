"""Retention: what is older than the rules say is deleted, what is on legal hold is not.

The age of a document counts from when it first came in. A rule of a tenant goes before the setting
of the installation. Every document goes in a transaction of its own, as by a person's request: the
hooks `HOOKS.deleting` are called, the event tells that it was by retention.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, exists, func, select

from api.services import Services
from api.store import documents, feed, idempotency, webhooks
from api.store.batches import BatchUnderWayError
from api.store.case_rows import left_empty, remove_empty
from api.store.documents import DocumentHeldError
from api.store.ids import now
from api.store.schema import BATCH_ITEMS, BATCHES, DOCUMENTS, RETENTION, SESSIONS, TENANTS

_STEP: Final = 200
_UNDER_WAY: Final = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Cleared:
    """How much was deleted, and how many documents were kept because they are on legal hold."""

    documents: int = 0
    held: int = 0
    batches: int = 0
    cases: int = 0
    events: int = 0
    keys: int = 0
    sessions: int = 0


def clear(services: Services, moment: int | None = None) -> Cleared:
    """Delete what is too old at a moment, in microseconds; now, if none is given.

    Documents that are queued or being read stay until that has ended. Safe while the service
    runs, and on several machines at once.

    Raises:
        SQLAlchemyError: the database does not answer; what was deleted before stays so.
        FilesError: the store of files does not; the files are removed by `hecha doctor --repair`.
    """
    moment = now() if moment is None else moment
    removed = held = batches = cases = 0
    for tenant, days in _rules(services).items():
        before = moment - _microseconds(days)
        held += _count(services, tenant, before, held=True)
        removed += _clear_documents(services, tenant, before)
        batches += _clear_batches(services, tenant, before)
        cases += _clear_cases(services, tenant, before)
    with services.database.write() as connection:
        events = feed.forget(connection, moment - _microseconds(services.settings.events_days))
        keys = idempotency.forget_old(connection)
        webhooks.forget_secrets(connection, moment)
        ended = delete(SESSIONS).where(SESSIONS.c.expires_at < moment)
        sessions = connection.execute(ended).rowcount
    # What was deleted must not stay in the log of the database.
    services.database.forget()
    return Cleared(removed, held, batches, cases, events, keys, sessions)


def _rules(services: Services) -> dict[str, int]:
    """Return after how many days the documents of each tenant go; those kept for ever are not."""
    usual = services.settings.retention_days
    with services.database.read() as connection:
        own = {row.tenant: row.days for row in connection.execute(select(RETENTION))}
        tenants = connection.execute(select(TENANTS.c.id)).scalars().all()
    rules = {tenant: own.get(tenant, usual) for tenant in tenants}
    return {tenant: days for tenant, days in rules.items() if days is not None}


def _clear_documents(services: Services, tenant: str, before: int) -> int:
    table, removed, last = DOCUMENTS, 0, 0
    query = (
        select(table.c.number, table.c.id)
        .where(table.c.tenant == tenant, table.c.received_at < before)
        .where(table.c.legal_hold.is_(False), table.c.status.not_in(_UNDER_WAY))
        .order_by(table.c.number)
        .limit(_STEP)
    )
    while True:
        with services.database.read() as connection:
            rows = connection.execute(query.where(table.c.number > last)).all()
        for row in rows:
            removed += _clear_document(services, tenant, row.id)
            last = row.number
        if len(rows) < _STEP:
            return removed


def _clear_document(services: Services, tenant: str, document: str) -> bool:
    try:
        with services.database.write() as connection:
            found = documents.remove(connection, tenant, document, "retention")
    except DocumentHeldError:  # held in the meantime
        return False
    if found:
        services.remove_file(document)
    return found


def due(services: Services, moment: int | None = None) -> tuple[int, int]:
    """Return how many documents `clear` would delete, and how many it would not: held ones.

    Raises:
        SQLAlchemyError: the database does not answer.
    """
    moment = now() if moment is None else moment
    found = [
        (_count(services, tenant, before, held=False), _count(services, tenant, before, held=True))
        for tenant, days in _rules(services).items()
        for before in [moment - _microseconds(days)]
    ]
    return sum(free for free, _ in found), sum(held for _, held in found)


def _count(services: Services, tenant: str, before: int, *, held: bool) -> int:
    table = DOCUMENTS
    query = (
        select(func.count())
        .where(table.c.tenant == tenant, table.c.received_at < before)
        .where(table.c.legal_hold.is_(held))
    )
    if not held:
        query = query.where(table.c.status.not_in(_UNDER_WAY))
    with services.database.read() as connection:
        return connection.execute(query).scalar_one()


def _clear_batches(services: Services, tenant: str, before: int) -> int:
    """Delete old batches of which no document is left: their items still name files."""
    left = (
        select(BATCH_ITEMS.c.position)
        .join(
            DOCUMENTS,
            (DOCUMENTS.c.tenant == BATCH_ITEMS.c.tenant)
            & (DOCUMENTS.c.id == BATCH_ITEMS.c.document),
        )
        .where(BATCH_ITEMS.c.tenant == BATCHES.c.tenant, BATCH_ITEMS.c.batch == BATCHES.c.id)
        .correlate(BATCHES)
    )
    query = (
        select(BATCHES.c.id)
        .where(BATCHES.c.tenant == tenant, BATCHES.c.created_at < before)
        .where(BATCHES.c.updated_at < before, ~exists(left))
    )
    with services.database.read() as connection:
        found = connection.execute(query).scalars().all()
    return sum(_clear_batch(services, tenant, batch) for batch in found)


def _clear_batch(services: Services, tenant: str, batch: str) -> bool:
    try:
        return services.remove_batch(tenant, batch, "retention")
    except BatchUnderWayError:  # or gone on with in the meantime
        return False


def _clear_cases(services: Services, tenant: str, before: int) -> int:
    """Delete cases that have been empty for as long: their names are taken from documents."""
    with services.database.read() as connection:
        found = left_empty(connection, tenant, before)
    removed = 0
    for case in found:
        with services.database.write() as connection:
            removed += remove_empty(connection, tenant, case, before)
    return removed


def _microseconds(days: int) -> int:
    return timedelta(days=days) // timedelta(microseconds=1)
