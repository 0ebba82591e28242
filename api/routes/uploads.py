"""The documents: upload, list, look at, read again, delete."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.intake import received
from api.routes import examples
from api.routes.cursors import cursor_of, position_of
from api.routes.dependencies import (
    RETRY_SECONDS,
    DocumentId,
    ServicesDep,
    TenantDep,
    found,
)
from api.routes.openapi_docs import (
    Responses,
    example,
    place_headers,
    problems,
    retry_header,
    upload_body,
)
from api.services import Accepted
from api.services import Request as KeyedRequest
from api.store import documents
from api.store.documents import DocumentEntry, Filters, Status, microseconds_of
from extractor.extraction import DocumentKind

router = APIRouter(tags=["文件"])

_UPLOAD_BODY: Final = upload_body(
    "表单字段 file；或者直接以文件内容作为请求体", "（调查报告.pdf 的内容）"
)
_PLACES: Final = place_headers("该文件的地址", f"/v1/documents/{examples.DOCUMENT_ID}")
_RETRY: Final = retry_header(RETRY_SECONDS)
_QUEUED: Final = {
    "description": "已收到，排队等待读取",
    **example("queued"),
    "headers": _PLACES | _RETRY,
}
_UPLOADED: Final[Responses] = {
    202: _QUEUED,
    200: {
        "description": "相同内容的文件已有：已经读完，或者正在读取；没有重复排队",
        "model": DocumentEntry,
        **example("document"),
        "headers": _PLACES,
    },
    **problems(
        "request_malformed",
        "cross_site_refused",
        "upload_too_large",
        "media_type_unsupported",
        "file_missing",
        "file_empty",
        "idempotency_key_reused",
        "request_invalid",
        "not_ready",
        "storage_full",
    ),
}


def _written_out(value: object) -> object:
    """Refuse a number, which would be taken for seconds since 1970."""
    if isinstance(value, str) and value.replace(".", "", 1).strip("+- ").isdigit():
        raise ValueError(value)
    return value


Moment = Annotated[datetime, BeforeValidator(_written_out)]


class DocumentPage(BaseModel):
    """One page of the list of documents, newest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: list[DocumentEntry]
    next_cursor: str | None = Field(description="下一页的 cursor；没有下一页时为 null")


class ListingQuery(BaseModel):
    """Which documents to list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=50, ge=1, le=200, description="每页的份数", examples=[50])
    cursor: str | None = Field(default=None, description="上一页的 next_cursor", examples=["MTc"])
    status: Status | None = Field(default=None, description="只列这种状态的", examples=["failed"])
    kind: DocumentKind | None = Field(default=None, description="只列这种文书", examples=["INV"])
    received_after: Moment | None = Field(
        default=None,
        description="只列这个时间（含）以后收到的",
        examples=["2025-03-01T00:00:00Z"],
    )
    received_before: Moment | None = Field(
        default=None, description="只列这个时间以前收到的", examples=["2025-04-01T00:00:00Z"]
    )
    text: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="只列文件名或标题里有这些字的",
        examples=["禾山"],
    )
    batch: str | None = Field(
        default=None,
        min_length=1,
        max_length=40,
        description="只列这一批次的",
        examples=["0195a1c2"],
    )
    case: str | None = Field(
        default=None,
        min_length=1,
        max_length=40,
        description="只列这一案卷的",
        examples=["0195a1c2"],
    )

    def filters(self) -> Filters:
        """Return what the store is to look for."""
        after, before = self.received_after, self.received_before
        return Filters(
            status=self.status,
            kind=self.kind,
            received_after=None if after is None else microseconds_of(after),
            received_before=None if before is None else microseconds_of(before),
            text=self.text,
            batch=self.batch,
            case=self.case,
        )


EXAMPLES: Final[dict[str, BaseModel]] = {
    "document": examples.ENTRY,
    "queued": examples.QUEUED,
    "page": DocumentPage(documents=[examples.ENTRY], next_cursor="MTc"),
}


@router.post(
    "/v1/documents",
    summary="上传一份文件",
    status_code=202,
    responses=_UPLOADED,
    openapi_extra=_UPLOAD_BODY,
)
async def upload_document(
    request: Request,
    response: Response,
    services: ServicesDep,
    tenant: TenantDep,
    filename: Annotated[
        str | None, Query(description="以请求体直接上传时的文件名", examples=["调查报告.pdf"])
    ] = None,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            description="由客户端生成的唯一标记：24 小时内同一请求重发，得到与首次相同的应答",
            examples=["6f1c2a9e-upload-17"],
        ),
    ] = None,
) -> DocumentEntry:
    """收下一份文件（调查报告、批复、评估报告等）就应答，随后在后台读取。

    编号是文件内容的 SHA-256：同样的内容再次上传得到同一份文件（200），文件名以首次为准。
    上次没有读成的，或者抽取程序已经更新的，重新排队（202）。
    """
    accepted = await take_upload(request, services, tenant, filename, idempotency_key)
    entry = accepted.entry
    response.status_code = 202 if accepted.is_queued else 200
    place = f"/v1/documents/{entry.id}"
    response.headers["Location"] = response.headers["Operation-Location"] = place
    if entry.is_under_way:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return entry


async def take_upload(
    request: Request,
    services: ServicesDep,
    tenant: str,
    filename: str | None = None,
    key: str | None = None,
) -> Accepted:
    """Take the file in a request; the errors are those of `received` and `Services.accept`."""
    limit = services.settings.max_upload_bytes
    async with received(request, services.files, limit, filename) as upload:

        def accept() -> Accepted:
            keyed = KeyedRequest(key)
            return services.accept(tenant, upload.incoming(), upload.filename, request=keyed)

        return await run_in_threadpool(accept)


@router.get(
    "/v1/documents",
    summary="列出文件",
    response_description="一页文件，新的在前",
    responses={
        200: example("page"),
        **problems("request_invalid", "cursor_invalid", "not_ready"),
    },
)
def list_documents(
    services: ServicesDep, tenant: TenantDep, wanted: Annotated[ListingQuery, Query()]
) -> DocumentPage:
    """按收到的先后列出文件，新的在前。翻页时新上传的文件不会使后面的页错位。"""
    before = None if wanted.cursor is None else position_of(wanted.cursor)
    with services.database.read() as connection:
        entries, following = documents.listing(
            connection, tenant, wanted.limit, before, wanted.filters()
        )
    return DocumentPage(
        documents=entries, next_cursor=None if following is None else cursor_of(following)
    )


@router.get(
    "/v1/documents/{document_id}",
    summary="一份文件的基本信息和进度",
    response_description="基本信息",
    responses={200: example("document"), **problems("document_not_found", "not_ready")},
)
def get_document(
    services: ServicesDep, tenant: TenantDep, document_id: DocumentId, response: Response
) -> DocumentEntry:
    """状态、前面还有几份、没有读成的原因；读完后有种类、标题、文号、日期和读取时的提醒。"""
    with services.database.read() as connection:
        entry = found(documents.get(connection, tenant, document_id))
    if entry.is_under_way:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return entry


@router.post(
    "/v1/documents/{document_id}/reprocess",
    summary="重新读取一份文件",
    status_code=202,
    response_description="排队等待读取",
    responses={
        202: _QUEUED,
        **problems("document_not_found", "cross_site_refused", "not_ready", "storage_full"),
    },
)
def reprocess_document(
    services: ServicesDep, tenant: TenantDep, document_id: DocumentId, response: Response
) -> DocumentEntry:
    """用现在的抽取程序再读一遍，例如安装了识别扫描件的部件之后。读完以前仍给出上次的结果。"""
    with services.database.write() as connection:
        version = services.reader.version
        found(documents.request_again(connection, tenant, document_id, version))
        entry = found(documents.get(connection, tenant, document_id))
    services.woken.set()
    response.headers["Location"] = f"/v1/documents/{document_id}"
    response.headers["Operation-Location"] = f"/v1/documents/{document_id}"
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return entry


@router.delete(
    "/v1/documents/{document_id}",
    summary="删除一份文件",
    status_code=204,
    response_description="已删除",
    responses=problems("document_not_found", "document_held", "cross_site_refused", "not_ready"),
)
def delete_document(services: ServicesDep, tenant: TenantDep, document_id: DocumentId) -> None:
    """删除该文件、它的原件和从中读出的一切，不可恢复。"""
    found(services.remove(tenant, document_id) or None)
