"""What was read from a document, and the document itself: extraction, text, pages, original."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel

from api.problems import ProblemError
from api.routes import examples
from api.routes.dependencies import DocumentId, ServicesDep, TenantDep, found, why_unread
from api.routes.etags import ETAG, UNCHANGED, IfNoneMatch, is_unchanged
from api.routes.openapi_docs import example, file_answer, problems
from api.store import documents, results
from extractor.extraction import Extraction

router = APIRouter(tags=["文件内容"])

EXAMPLES: Final[dict[str, BaseModel]] = {"extraction": examples.EXTRACTION}

PNG: Final = "image/png"
OCTETS: Final = "application/octet-stream"
_UNREAD: Final = (
    "document_not_found", "document_not_ready", "document_failed", "not_ready",
)  # fmt: skip


@router.get(
    "/v1/documents/{document_id}/extraction",
    summary="一份文件的抽取结果",
    response_model=Extraction,
    response_description="抽取结果（格式第 1 版）",
    responses={
        200: {**example("extraction"), "headers": ETAG},
        **UNCHANGED,
        **problems(*_UNREAD, "request_invalid"),
    },
)
def get_extraction(
    services: ServicesDep,
    tenant: TenantDep,
    document_id: DocumentId,
    version: Annotated[
        str | None,
        Query(
            max_length=80,
            description="要哪个抽取版本的结果；默认最近一次的",
            examples=["0.1.0-3fa9c2d1"],
        ),
    ] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """责任主体、处理、文号、整改措施等，每一项都带原文区间。"""
    with services.database.read() as connection:
        result = results.extraction_json(connection, tenant, document_id, version)
        if result is None:
            entry = documents.get(connection, tenant, document_id)
            if version is not None and entry is not None and entry.version is not None:
                raise ProblemError("document_not_found", "没有这个抽取版本的结果。请核对版本。")
            raise why_unread(entry)
    etag = f'"{result[0]}"'
    if is_unchanged(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag})
    return Response(result[1], media_type="application/json", headers={"ETag": etag})


@router.get(
    "/v1/documents/{document_id}/text",
    summary="一份文件的全文",
    response_class=PlainTextResponse,
    response_description="全文，UTF-8",
    responses={
        200: {"content": {"text/plain": {"example": examples.TEXT}}},
        **problems(*_UNREAD),
    },
)
def get_text(
    services: ServicesDep, tenant: TenantDep, document_id: DocumentId
) -> PlainTextResponse:
    """抽取结果里的 start、end 所指的全文，按 Unicode 码位计数。"""
    with services.database.read() as connection:
        document = results.document_of(connection, tenant, document_id)
        if document is None:
            raise why_unread(documents.get(connection, tenant, document_id))
    return PlainTextResponse(document.text)


@router.get(
    "/v1/documents/{document_id}/original",
    summary="下载原件",
    response_class=Response,
    response_description="上传时的文件，一个字节不差",
    responses={
        200: file_answer(OCTETS, "（调查报告.pdf 的内容）"),
        **problems("document_not_found", "original_missing", "not_ready"),
    },
)
def get_original(services: ServicesDep, tenant: TenantDep, document_id: DocumentId) -> Response:
    """上传的文件本身，只供保存，浏览器不会直接打开。"""
    with services.database.read() as connection:
        entry = found(documents.get(connection, tenant, document_id))
    name = quote(entry.filename, safe="")
    return StreamingResponse(
        services.files.chunks(document_id),
        media_type=OCTETS,
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            "Content-Length": str(entry.size),
            "Content-Security-Policy": "sandbox; default-src 'none'",
        },
    )


@router.get(
    "/v1/documents/{document_id}/pages/{number}.png",
    summary="一页的图像",
    response_class=Response,
    response_description="PNG 图像",
    responses={
        200: {**file_answer(PNG, "（第 3 页的图像）"), "headers": ETAG},
        **UNCHANGED,
        **problems(
            "document_not_found",
            "page_not_found",
            "layout_missing",
            "original_missing",
            "request_invalid",
            "limit_exceeded",
            "file_corrupt",
            "parse_crashed",
            "tool_missing",
            "not_ready",
        ),
    },
)
def get_page(
    services: ServicesDep,
    tenant: TenantDep,
    document_id: DocumentId,
    number: Annotated[int, Path(ge=1, le=100_000, description="页码，从 1 起", examples=[3])],
    dpi: Annotated[int, Query(ge=40, le=300, description="每英寸的点数", examples=[110])] = 110,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """PDF、OFD 和图片的一页画成图像；框 (x0, top, x1, bottom) 乘以 dpi / 72 就是图上的位置。"""
    with services.database.read() as connection:
        found(documents.get(connection, tenant, document_id))
    etag = f'"{document_id[:16]}-{number}-{dpi}"'
    if is_unchanged(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag})
    data = services.files.read(document_id)
    picture = services.draw(data, number, dpi)
    headers = {"ETag": etag, "Cache-Control": "private, max-age=86400"}
    return Response(picture, media_type=PNG, headers=headers)
