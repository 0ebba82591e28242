"""The cases: grouped by accident on their own, put right by hand."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.problems import ProblemError
from api.routes import examples
from api.routes.cursors import seal, unseal
from api.routes.dependencies import DocumentId, ServicesDep, TenantDep
from api.routes.etags import (
    ETAG,
    UNCHANGED,
    IfMatch,
    IfNoneMatch,
    content_etag,
    is_unchanged,
    seen_revisions,
)
from api.routes.openapi_docs import example, problems
from api.services import Services
from api.store import cases, placements
from api.store.cases import MOST_SHOWN, CaseDetails, CaseEntry, CaseFilters, Origin
from api.store.placements import DocumentPlacement

router = APIRouter(tags=["案卷"])

MOST_DOCUMENTS: Final = 500
CaseId = Annotated[str, Path(description="案卷编号", max_length=40, examples=[examples.CASE_ID])]
CaseName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_EDITED: Final = ("precondition_failed", "precondition_required", "cross_site_refused")
_LOST: Final = ("case_not_found", "request_invalid", "not_ready")
_SHOWN: Final[dict[str, Any]] = {**example("case"), "headers": ETAG}
_PLACED: Final[dict[str, Any]] = {**example("placement"), "headers": ETAG}


class CasePage(BaseModel):
    """One page of the list of cases, newest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cases: list[CaseEntry]
    next_cursor: str | None = Field(description="下一页的 cursor；没有下一页时为 null")


class CaseListing(BaseModel):
    """Which cases to list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(default=50, ge=1, le=200, description="每页的个数", examples=[50])
    cursor: str | None = Field(
        default=None, description="上一页的 next_cursor", examples=["MDE5NQ"]
    )
    text: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="只列名称里有这些字的",
        examples=["禾山"],
    )
    origin: Origin | None = Field(
        default=None, description="auto 自动归案的；manual 人工建立的", examples=["auto"]
    )
    document: str | None = Field(
        default=None,
        max_length=64,
        description="只列有这份文件的",
        examples=[examples.DOCUMENT_ID],
    )
    accident_from: date | None = Field(
        default=None, description="只列事故发生在这一天（含）以后的", examples=["2024-01-01"]
    )
    accident_to: date | None = Field(
        default=None, description="只列事故发生在这一天（含）以前的", examples=["2024-12-31"]
    )

    def filters(self) -> CaseFilters:
        """Return what the store is to look for."""
        return CaseFilters(
            text=self.text,
            origin=self.origin,
            document=self.document,
            date_from=None if self.accident_from is None else self.accident_from.isoformat(),
            date_to=None if self.accident_to is None else self.accident_to.isoformat(),
        )


class NewCase(BaseModel):
    """A case that a person makes."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [{"documents": [examples.DOCUMENT_ID], "name": "禾山县“4·18”事故"}]
        },
    )

    documents: list[Sha256] = Field(
        min_length=1,
        max_length=MOST_DOCUMENTS,
        description="归入新案卷的文件；它们离开原来的案卷。还没有读完的也可以",
    )
    name: CaseName | None = Field(default=None, description="名称；不写则取事故名称")


class CaseChange(BaseModel):
    """What to change of a case."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"name": "禾山县云岭物流园“4·18”事故"}]},
    )

    name: CaseName = Field(description="新的名称；此后不再随文件变化")


class CaseMerge(BaseModel):
    """The cases whose documents go into this one."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"cases": [examples.OTHER_CASE_ID]}]},
    )

    cases: list[Annotated[str, Field(max_length=40)]] = Field(
        min_length=1, max_length=100, description="并入的案卷；合并后它们不再存在"
    )


class RegroupedCase(BaseModel):
    """Where the documents of a case stand after they were handed back to automatic grouping."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: list[DocumentPlacement] = Field(description=f"最多列出 {MOST_SHOWN} 份")


_PLACEMENT: Final = DocumentPlacement(
    document=examples.DOCUMENT_ID,
    revision=3,
    case=examples.CASE_ID,
    case_name=examples.CASE.name,
    origin="auto",
    pinned=False,
    reason=examples.CASE.documents[0].reason,
)
EXAMPLES: Final[dict[str, BaseModel]] = {
    "case": examples.CASE,
    "case_page": CasePage(
        cases=[CaseEntry(**examples.CASE.model_dump(exclude={"documents"}))],
        next_cursor="MDE5NWExYzItN2U1YS03ZDMx",
    ),
    "placement": _PLACEMENT,
    "regrouped": RegroupedCase(documents=[_PLACEMENT]),
}


@router.post(
    "/v1/cases",
    summary="用几份文件建立案卷",
    status_code=201,
    response_model=CaseDetails,
    response_description="新的案卷",
    responses={
        201: _SHOWN,
        **problems("document_not_found", "cross_site_refused", "request_invalid", "not_ready"),
    },
)
def create_case(services: ServicesDep, tenant: TenantDep, wanted: NewCase) -> Response:
    """文件离开原来的案卷，归入新的案卷。人工归入的文件，自动归案不再移动。"""
    with services.database.write() as connection:
        case = cases.create(connection, tenant, wanted.documents, wanted.name)
    answer = _show(services, tenant, case, status=201)
    answer.headers["Location"] = f"/v1/cases/{case}"
    return answer


@router.get(
    "/v1/cases",
    summary="列出案卷",
    response_description="一页案卷，新的在前",
    responses={
        200: example("case_page"),
        **problems("request_invalid", "cursor_invalid", "not_ready"),
    },
)
def list_cases(
    services: ServicesDep, tenant: TenantDep, wanted: Annotated[CaseListing, Query()]
) -> CasePage:
    """按建立的先后列出案卷，新的在前。"""
    before = None if wanted.cursor is None else _case_at(wanted.cursor)
    with services.database.read() as connection:
        entries, following = cases.listing(
            connection, tenant, wanted.limit, before, wanted.filters()
        )
    return CasePage(cases=entries, next_cursor=None if following is None else seal(following))


@router.get(
    "/v1/cases/{case_id}",
    summary="一个案卷和它的文件",
    response_model=CaseDetails,
    response_description="案卷",
    responses={200: _SHOWN, **UNCHANGED, **problems(*_LOST)},
)
def get_case(
    services: ServicesDep, tenant: TenantDep, case_id: CaseId, if_none_match: IfNoneMatch = None
) -> Response:
    """每份文件都有归入的理由；`pinned` 是人工确定过的。"""
    return _show(services, tenant, case_id, if_none_match)


@router.patch(
    "/v1/cases/{case_id}",
    summary="改案卷的名称",
    response_model=CaseDetails,
    response_description="改后的案卷",
    responses={200: _SHOWN, **problems(*_LOST, *_EDITED)},
)
def rename_case(
    services: ServicesDep,
    tenant: TenantDep,
    case_id: CaseId,
    wanted: CaseChange,
    if_match: IfMatch = None,
) -> Response:
    """改后不再随文件里的事故名称变化。"""
    seen = seen_revisions(if_match)
    with services.database.write() as connection:
        cases.rename(connection, tenant, case_id, wanted.name, seen)
    return _show(services, tenant, case_id)


@router.delete(
    "/v1/cases/{case_id}",
    summary="解散案卷",
    status_code=204,
    response_description="已解散",
    responses=problems(*_LOST, *_EDITED),
)
def dissolve_case(
    services: ServicesDep, tenant: TenantDep, case_id: CaseId, if_match: IfMatch = None
) -> None:
    """文件都保留，不再属于任何案卷，也不再自动归案；可以再用人工归入别的案卷。"""
    seen = seen_revisions(if_match)
    with services.database.write() as connection:
        cases.dissolve(connection, tenant, case_id, seen)


@router.put(
    "/v1/cases/{case_id}/documents/{document_id}",
    summary="把一份文件归入案卷",
    response_model=CaseDetails,
    response_description="改后的案卷",
    responses={200: _SHOWN, **problems(*_LOST, "document_not_found", *_EDITED)},
)
def add_document(
    services: ServicesDep,
    tenant: TenantDep,
    case_id: CaseId,
    document_id: DocumentId,
    if_match: IfMatch = None,
) -> Response:
    """文件离开原来的案卷。两个案卷里的文件从此由人工确定：自动归案只添加新来的文件，不再移动它们。"""
    seen = seen_revisions(if_match)
    with services.database.write() as connection:
        cases.add(connection, tenant, case_id, document_id, seen)
    return _show(services, tenant, case_id)


@router.delete(
    "/v1/cases/{case_id}/documents/{document_id}",
    summary="把一份文件移出案卷",
    status_code=204,
    response_description="已移出",
    responses=problems(*_LOST, "document_not_found", *_EDITED),
)
def take_document_out(
    services: ServicesDep,
    tenant: TenantDep,
    case_id: CaseId,
    document_id: DocumentId,
    if_match: IfMatch = None,
) -> None:
    """文件保留，不再属于任何案卷，也不再自动归案。自动建立的案卷没有了文件就不再存在。"""
    seen = seen_revisions(if_match)
    with services.database.write() as connection:
        cases.take_out(connection, tenant, case_id, document_id, seen)


@router.post(
    "/v1/cases/{case_id}/merge",
    summary="把别的案卷并入这个案卷",
    response_model=CaseDetails,
    response_description="合并后的案卷",
    responses={200: _SHOWN, **problems(*_LOST, *_EDITED)},
)
def merge_cases(
    services: ServicesDep,
    tenant: TenantDep,
    case_id: CaseId,
    wanted: CaseMerge,
    if_match: IfMatch = None,
) -> Response:
    """并入的案卷不再存在，它们的文件都归入这个案卷，由人工确定。"""
    seen = seen_revisions(if_match)
    with services.database.write() as connection:
        cases.merge(connection, tenant, case_id, wanted.cases, seen)
    return _show(services, tenant, case_id)


@router.post(
    "/v1/cases/{case_id}/regroup",
    summary="把案卷里的文件交还自动归案",
    response_description="这些文件现在归在哪里",
    responses={200: example("regrouped"), **problems(*_LOST, *_EDITED)},
)
def regroup_case(
    services: ServicesDep, tenant: TenantDep, case_id: CaseId, if_match: IfMatch = None
) -> RegroupedCase:
    """不再由人工确定，像刚读完一样重新归案。人工建立的案卷随之解散；别的案卷里人工确定的文件不动。"""
    seen = seen_revisions(if_match)
    with services.database.write() as connection:
        placed = placements.hand_back_all(connection, tenant, case_id, seen)
    return RegroupedCase(documents=list(placed))


@router.get(
    "/v1/documents/{document_id}/case",
    summary="一份文件归在哪个案卷",
    response_model=DocumentPlacement,
    response_description="归案的情况和理由",
    responses={200: _PLACED, **UNCHANGED, **problems("document_not_found", "not_ready")},
)
def get_placement(
    services: ServicesDep,
    tenant: TenantDep,
    document_id: DocumentId,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """没有归案的，`reason` 说明为什么：没有写明是哪起事故，可能属于几起事故，或者由人工移出。"""
    with services.database.read() as connection:
        placed = placements.get(connection, tenant, document_id)
    return _tagged(placed, placed.revision, if_none_match)


@router.post(
    "/v1/documents/{document_id}/regroup",
    summary="把一份文件交还自动归案",
    response_model=DocumentPlacement,
    response_description="现在归在哪里，理由",
    responses={200: _PLACED, **problems("document_not_found", "not_ready", *_EDITED)},
)
def regroup_document(
    services: ServicesDep, tenant: TenantDep, document_id: DocumentId, if_match: IfMatch = None
) -> Response:
    """人工归入或移出的文件，像刚读完一样重新归案；没有人工确定过的，不变。别的文件人工确定的不动。"""
    seen = seen_revisions(if_match)
    with services.database.write() as connection:
        placed = placements.hand_back(connection, tenant, document_id, seen)
    return _tagged(placed, placed.revision)


def _show(
    services: Services, tenant: str, case: str, if_none_match: str | None = None, status: int = 200
) -> Response:
    with services.database.read() as connection:
        details = cases.get(connection, tenant, case)
    return _tagged(details, details.revision, if_none_match, status)


def _tagged(
    shown: BaseModel, revision: int, if_none_match: str | None = None, status: int = 200
) -> Response:
    content = shown.model_dump_json().encode()
    etag = content_etag(content, revision)
    if is_unchanged(if_none_match, etag):
        return Response(status_code=304, headers={"ETag": etag})
    return Response(content, status, {"ETag": etag}, "application/json")


def _case_at(cursor: str) -> str:
    try:
        return str(UUID(unseal(cursor)))
    except ValueError as exc:
        raise ProblemError("cursor_invalid") from exc
