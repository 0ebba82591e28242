"""Where documents stand, and handing them back to automatic grouping.

What a person has placed or taken out stays so until a person hands it back: it is then grouped as
if it had just been read. Every function takes an open connection of `Database.read()` or
`Database.write()`, and the tenant.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, and_, select

from api.store import cases
from api.store.audit import note
from api.store.case_grouping import regroup
from api.store.case_rows import drop_empty, take_turn
from api.store.cases import (
    MOST_SHOWN,
    CaseChangedError,
    CaseDocumentMissingError,
    Origin,
    PlacementReason,
)
from api.store.schema import CASE_DOCUMENTS, CASES, DOCUMENTS


class DocumentPlacement(BaseModel):
    """Where a document stands, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: str
    revision: int = Field(description="这份文件的归案每次变化加一；从没有归过案的是 0")
    case: str | None = Field(description="案卷编号；没有归案时为 null")
    case_name: str | None
    origin: Origin | None = Field(description="auto 自动；manual 人工；还没有读完时为 null")
    pinned: bool = Field(description="人工确定过，自动归案不再移动；可以交还自动归案")
    reason: PlacementReason | None = Field(description="归入或者没有归案的理由")


def get(connection: Connection, tenant: str, document: str) -> DocumentPlacement:
    """Return where a document stands.

    Raises:
        CaseDocumentMissingError: there is no such document.
    """
    found = listing(connection, tenant, [document])
    if not found:
        raise CaseDocumentMissingError(document)
    return found[0]


def listing(
    connection: Connection, tenant: str, documents: Collection[str]
) -> list[DocumentPlacement]:
    """Return where these documents stand, in the order in which they came in."""
    place, document, case = CASE_DOCUMENTS.c, DOCUMENTS.c, CASES.c
    rows = connection.execute(
        select(
            document.id, place.case, place.origin, place.pinned, place.reason, place.revision,
            case.name,
        )
        .select_from(DOCUMENTS)
        .outerjoin(
            CASE_DOCUMENTS, and_(place.tenant == document.tenant, place.document == document.id)
        )
        .outerjoin(CASES, and_(case.tenant == place.tenant, case.id == place.case))
        .where(document.tenant == tenant, document.id.in_(documents))
        .order_by(document.number)
    )  # fmt: skip
    return [
        DocumentPlacement(
            document=row.id,
            revision=row.revision or 0,
            case=row.case,
            case_name=row.name,
            # Nobody has placed what was handed back before it was read.
            origin=row.origin if row.reason is not None else None,
            pinned=bool(row.pinned),
            reason=None if row.reason is None else PlacementReason.model_validate(row.reason),
        )
        for row in rows
    ]


def hand_back(
    connection: Connection, tenant: str, document: str, seen: Collection[int] | None
) -> DocumentPlacement:
    """Let a document that a person placed be grouped again; return where it stands now.

    What no person placed stays as it is.

    Raises:
        CaseDocumentMissingError: there is no such document.
        CaseChangedError: its revision is none of those that the client has `seen`; None is any.
    """
    take_turn(connection, tenant)
    found = get(connection, tenant, document)
    if seen is not None and found.revision not in seen:
        raise CaseChangedError
    if not found.pinned:
        return found
    regroup(connection, tenant, [document])
    note(connection, tenant, "document.regrouped", document)
    return get(connection, tenant, document)


def hand_back_all(
    connection: Connection, tenant: str, case: str, seen: Collection[int] | None
) -> Sequence[DocumentPlacement]:
    """Let all documents of a case be grouped again; return where the first of them stand now.

    A case that a person made goes with them. See `cases.hold` for the errors.
    """
    cases.hold(connection, tenant, case, seen)
    table = CASE_DOCUMENTS.c
    query = select(table.document).where(table.tenant == tenant, table.case == case)
    documents = list(connection.execute(query).scalars())
    regroup(connection, tenant, documents)
    drop_empty(connection, tenant, [case], by_hand=True)
    note(connection, tenant, "case.regrouped", case)
    return listing(connection, tenant, documents)[:MOST_SHOWN]
