"""The documents: upload, list, look at, download what was read, delete."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from api.problems import ProblemError
from api.routes import examples
from api.routes.dependencies import DocumentId, IntakeDep, StoreDep, found
from api.routes.openapi_docs import READING, Responses, example, problems
from api.store.document_store import DocumentEntry
from extractor.extraction import Extraction

router = APIRouter(tags=["文件"])

_BINARY: Final = {"type": "string", "contentMediaType": "application/octet-stream"}
_UPLOAD_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "表单字段 file；或者直接以文件内容作为请求体",
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["file"], "properties": {"file": _BINARY}},
                "example": {"file": "（调查报告.pdf 的内容）"},
            },
            "application/octet-stream": {
                "schema": _BINARY,
                "example": "（调查报告.pdf 的内容）",
            },
        },
    }
}
_LOCATION: Final = {
    "headers": {
        "Location": {
            "description": "该文件的地址",
            "schema": {"type": "string"},
            "example": f"/v1/documents/{examples.DOCUMENT_ID}",
        }
    }
}
_UPLOADED: Final[Responses] = {
    201: {"description": "首次收到，已读取", **example("document"), **_LOCATION},
    200: {
        "description": "相同内容的文件已有，未重复读取",
        "model": DocumentEntry,
        **example("document"),
        **_LOCATION,
    },
    **problems(
        "request_malformed",
        "cross_site_refused",
        "upload_too_large",
        "media_type_unsupported",
        "format_unsupported",
        *READING,
    ),
}


class DocumentPage(BaseModel):
    """One page of the list of documents, newest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: list[DocumentEntry]
    next_cursor: str | None = Field(description="下一页的 cursor；没有下一页时为 null")


EXAMPLES: Final[dict[str, BaseModel]] = {
    "document": examples.ENTRY,
    "extraction": examples.EXTRACTION,
    "page": DocumentPage(documents=[examples.ENTRY], next_cursor="MTc"),
}


@router.post(
    "/v1/documents",
    summary="上传一份文件",
    status_code=201,
    responses=_UPLOADED,
    openapi_extra=_UPLOAD_BODY,
)
async def upload_document(
    request: Request,
    response: Response,
    intake: IntakeDep,
    filename: Annotated[
        str | None, Query(description="以请求体直接上传时的文件名", examples=["调查报告.pdf"])
    ] = None,
) -> DocumentEntry:
    """读取一份文件（调查报告、批复、评估报告等），读完才应答。

    编号是文件内容的 SHA-256：同样的内容再次上传得到同一份文件（200），文件名以首次为准。
    读不了的文件得到说明原因的错误，服务不保留其任何内容。
    """
    entry, is_new = await intake.take(request, filename)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/documents/{entry.id}"
    return entry


@router.get(
    "/v1/documents",
    summary="列出文件",
    response_description="一页文件，新的在前",
    responses={
        200: example("page"),
        **problems("request_invalid", "cursor_invalid"),
    },
)
def list_documents(
    store: StoreDep,
    limit: Annotated[int, Query(ge=1, le=200, description="每页的份数", examples=[50])] = 50,
    cursor: Annotated[
        str | None, Query(description="上一页的 next_cursor", examples=["MTc"])
    ] = None,
) -> DocumentPage:
    """按读取时间列出文件，新的在前。翻页时新上传的文件不会使后面的页错位。"""
    entries, following = store.page(limit, None if cursor is None else _position(cursor))
    return DocumentPage(
        documents=entries, next_cursor=None if following is None else _cursor(following)
    )


@router.get(
    "/v1/documents/{document_id}",
    summary="一份文件的基本信息",
    response_description="基本信息",
    responses={200: example("document"), **problems("document_not_found")},
)
def get_document(store: StoreDep, document_id: DocumentId) -> DocumentEntry:
    """文件的种类、标题、文号、日期、状态和读取时的提醒。"""
    return found(store.get(document_id))


@router.get(
    "/v1/documents/{document_id}/extraction",
    summary="一份文件的抽取结果",
    response_description="抽取结果（格式第 1 版）",
    responses={200: example("extraction"), **problems("document_not_found")},
)
def get_extraction(store: StoreDep, document_id: DocumentId) -> Extraction:
    """责任主体、处理、文号、整改措施等，每一项都带原文区间。"""
    return found(store.extraction(document_id))


@router.get(
    "/v1/documents/{document_id}/text",
    summary="一份文件的全文",
    response_class=PlainTextResponse,
    response_description="全文，UTF-8",
    responses={
        200: {"content": {"text/plain": {"example": examples.TEXT}}},
        **problems("document_not_found"),
    },
)
def get_text(store: StoreDep, document_id: DocumentId) -> PlainTextResponse:
    """抽取结果里的 start、end 所指的全文，按 Unicode 码位计数。"""
    document, _ = found(store.source(document_id))
    return PlainTextResponse(document.text)


@router.delete(
    "/v1/documents/{document_id}",
    summary="删除一份文件",
    status_code=204,
    response_description="已删除",
    responses=problems("document_not_found", "cross_site_refused"),
)
def delete_document(store: StoreDep, document_id: DocumentId) -> None:
    """删除该文件和从中读出的一切，不可恢复。"""
    found(store.delete(document_id) or None)


def _cursor(number: int) -> str:
    return base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("=")


def _position(cursor: str) -> int:
    """Return the number inside a cursor that `_cursor` made.

    Raises:
        ProblemError: it was not made by this service.
    """
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        number = int(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as exc:
        raise ProblemError("cursor_invalid") from exc
    if not 0 < number < 1 << 62:
        raise ProblemError("cursor_invalid")
    return number
