"""Legal hold: a document that must not be deleted, by nobody and by no rule, and why."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from api.store.feed import emit
from api.store.schema import DOCUMENTS


def hold(connection: Connection, tenant: str, document: str, reason: str) -> bool:
    """Hold a document, or change the reason; tell whether there is one."""
    return _set(connection, tenant, document, reason)


def release(connection: Connection, tenant: str, document: str) -> bool:
    """Release a document, held or not; tell whether there is one."""
    return _set(connection, tenant, document, None)


def _set(connection: Connection, tenant: str, document: str, reason: str | None) -> bool:
    """Change the hold; an event tells when it begins and when it ends."""
    same = (DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.id == document)
    was = connection.execute(
        select(DOCUMENTS.c.legal_hold).where(*same).with_for_update()
    ).scalar_one_or_none()
    if was is None:
        return False
    is_held = reason is not None
    values = {"legal_hold": is_held, "hold_reason": reason}
    connection.execute(update(DOCUMENTS).where(*same).values(values))
    if was != is_held:
        kind = "document.held" if is_held else "document.released"
        emit(connection, tenant, kind, document, {"legal_hold": is_held})
    return True
