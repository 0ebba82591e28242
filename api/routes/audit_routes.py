"""The audit of a tenant: who read or changed what."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row

from api.routes import examples
from api.routes.dependencies import ServicesDep, TenantDep
from api.routes.openapi_docs import example, problems
from api.store import audit
from api.store.audit import AuditRecord

router = APIRouter(tags=["审计"])


class AuditPage(BaseModel):
    """Entries in order, the oldest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entries: list[AuditRecord]
    next_after: int | None = Field(description="下一页的 after；没有下一页时为 null")


_EXAMPLE: Final = AuditRecord(
    seq=1042,
    at=datetime(2025, 3, 6, 1, 25, 0, tzinfo=UTC),
    actor="key:0195a1c2-7d3e-7f10-9c55-2b1f6a0e4d21",
    action="extraction.read",
    subject=examples.DOCUMENT_ID,
    details={},
    previous_hash="5d2f" * 16,
    hash="9b71" * 16,
)

EXAMPLES: Final[dict[str, BaseModel]] = {"audit": AuditPage(entries=[_EXAMPLE], next_after=1042)}


@router.get(
    "/v1/audit",
    summary="审计记录",
    response_description="一页记录，旧的在前",
    responses={200: example("audit"), **problems("request_invalid", "not_ready")},
)
def list_audit(
    services: ServicesDep,
    tenant: TenantDep,
    after: Annotated[
        int, Query(ge=0, le=1 << 60, description="只要序号在此之后的", examples=[1000])
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="每页的条数", examples=[100])] = 100,
) -> AuditPage:
    """谁在何时查看、导出、改动了什么。只增不改，每条带前一条的哈希；核对用 hecha audit verify。"""
    with services.database.read() as connection:
        rows = audit.listing(connection, tenant, after, limit + 1)
    entries = [record_of(row) for row in rows[:limit]]
    return AuditPage(entries=entries, next_after=entries[-1].seq if len(rows) > limit else None)


def record_of(row: Row[Any]) -> AuditRecord:
    """Return a row of the audit as clients see it."""
    return AuditRecord(
        seq=row.seq,
        at=datetime.fromtimestamp(row.at / 1_000_000, UTC),
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        details=json.loads(row.details),
        previous_hash=row.previous_hash,
        hash=row.hash,
    )
