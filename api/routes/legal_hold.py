"""Legal hold: keeping a document from being deleted."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.routes import examples
from api.routes.dependencies import DocumentId, ServicesDep, TenantDep, found
from api.routes.openapi_docs import example, problems
from api.store import documents, holds
from api.store.documents import DocumentEntry

router = APIRouter(tags=["文件"])


class HoldRequest(BaseModel):
    """Why a document is to be held."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={"examples": [{"reason": "行政复议期间保全"}]},
    )

    reason: str = Field(min_length=1, max_length=500, description="封存的理由，例如案件的文号")


_HELD: Final = examples.ENTRY.model_copy(
    update={"legal_hold": True, "hold_reason": "行政复议期间保全"}
)
EXAMPLES: Final[dict[str, BaseModel]] = {"held": _HELD}


@router.put(
    "/v1/documents/{document_id}/hold",
    summary="封存一份文件",
    response_description="已封存",
    responses={
        200: example("held"),
        **problems(
            "document_not_found", "request_invalid", "request_malformed", "cross_site_refused",
            "upload_too_large", "not_ready", "storage_full",
        ),
    },
)  # fmt: skip
def hold_document(
    services: ServicesDep, tenant: TenantDep, document_id: DocumentId, wanted: HoldRequest
) -> DocumentEntry:
    """封存以后，谁也不能删除它，保留期限到了也不删除。再次封存则改写理由。"""
    with services.database.write() as connection:
        found(holds.hold(connection, tenant, document_id, wanted.reason) or None)
        return found(documents.get(connection, tenant, document_id))


@router.delete(
    "/v1/documents/{document_id}/hold",
    summary="解除封存",
    response_description="没有封存",
    responses={
        200: example("document"),
        **problems("document_not_found", "cross_site_refused", "not_ready", "storage_full"),
    },
)
def release_document(
    services: ServicesDep, tenant: TenantDep, document_id: DocumentId
) -> DocumentEntry:
    """解除以后可以删除，保留期限也重新管它。没有封存的，不变。"""
    with services.database.write() as connection:
        found(holds.release(connection, tenant, document_id) or None)
        return found(documents.get(connection, tenant, document_id))
