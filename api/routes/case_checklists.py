"""The checklist of a case: JSON, Excel, CSV; of what has been read so far, saying what has not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from api.exports.case_checklist import CaseChecklist, UnreadDocument
from api.exports.csv_rows import TableName, checklist_csv
from api.exports.xlsx import checklist_xlsx
from api.problems import ProblemError
from api.routes import examples
from api.routes.casework import CaseId
from api.routes.checklists import MAX_DOCUMENTS, XLSX
from api.routes.dependencies import RETRY_SECONDS, ServicesDep, TenantDep
from api.routes.etags import ETAG, UNCHANGED, IfNoneMatch, content_etag, is_unchanged
from api.routes.openapi_docs import example, file_answer, problems
from api.services import Services
from api.store import cases, results
from api.store.acting import shown
from api.store.cases import CaseDetails, CaseMember
from api.store.documents import Status
from extractor.checklist.model import Checklist

router = APIRouter(tags=["评估清单"])

CSV: Final = "text/csv"
_BEIJING: Final = timezone(timedelta(hours=8))
_STATES: Final[dict[Status, str]] = {
    "queued": "还在排队等待读取",
    "running": "正在读取",
    "failed": "没有读成",
    "cancelled": "的读取已取消",
}
_WHY_NOT: Final = (
    "case_not_found", "case_empty", "document_not_ready", "document_failed", "limit_exceeded",
    "request_invalid", "not_ready",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Basis:
    """What a checklist is built from; `etag` changes with any of it."""

    case: CaseDetails
    read: tuple[CaseMember, ...]
    unread: tuple[UnreadDocument, ...]
    etag: str


EXAMPLES: Final[dict[str, BaseModel]] = {
    "case_checklist": CaseChecklist(
        **{name: getattr(examples.CHECKLIST, name) for name in Checklist.model_fields},
        unread=[
            UnreadDocument(
                id=examples.OTHER_DOCUMENT_ID,
                filename="批复.pdf",
                status="running",
                message="《批复.pdf》正在读取，本清单没有包括它的内容",
            )
        ],
    )
}


_ROWS: Final = "序号,责任主体,单位及职务\r\n1,青榆明安建筑有限公司,\r\n"


@router.get(
    "/v1/cases/{case_id}/checklist",
    summary="一个案卷的评估清单",
    response_model=CaseChecklist,
    response_description="评估清单（格式第 1 版），加上没有包括的文件",
    responses={
        200: {**example("case_checklist"), "headers": ETAG},
        **UNCHANGED,
        **problems(*_WHY_NOT),
    },
)
def get_case_checklist(
    services: ServicesDep, tenant: TenantDep, case_id: CaseId, if_none_match: IfNoneMatch = None
) -> Response:
    """用案卷里已经读完的文件；还没有读完或没有读成的，列在 `unread`，并在 `case.hints` 里提示。"""
    basis = basis_of(services, tenant, case_id)
    if is_unchanged(if_none_match, basis.etag):
        return Response(status_code=304, headers={"ETag": basis.etag})
    content = checklist_of(services, tenant, basis).model_dump_json()
    return Response(content, headers={"ETag": basis.etag}, media_type="application/json")


@router.get(
    "/v1/cases/{case_id}/checklist.xlsx",
    summary="一个案卷的评估清单（Excel）",
    response_class=Response,
    response_description="Excel 工作簿",
    responses={
        200: {**file_answer(XLSX, "（评估清单.xlsx 的内容）"), "headers": ETAG},
        **UNCHANGED,
        **problems(*_WHY_NOT),
    },
)
def get_case_workbook(
    services: ServicesDep, tenant: TenantDep, case_id: CaseId, if_none_match: IfNoneMatch = None
) -> Response:
    """与 JSON 清单内容相同的工作簿。"""
    basis = basis_of(services, tenant, case_id)
    if is_unchanged(if_none_match, basis.etag):
        return Response(status_code=304, headers={"ETag": basis.etag})
    content = checklist_xlsx(checklist_of(services, tenant, basis))
    return _download(content, XLSX, "checklist.xlsx", basis)


@router.get(
    "/v1/cases/{case_id}/checklist.csv",
    summary="一个案卷的评估清单的一张表（CSV）",
    response_class=Response,
    response_description="CSV，UTF-8，第一行是表头",
    responses={
        200: {
            **file_answer(CSV, "序号,责任主体,单位及职务\r\n1,青榆明安建筑有限公司,\r\n"),
            "headers": ETAG,
        },
        **UNCHANGED,
        **problems(*_WHY_NOT),
    },
)
def get_case_rows(
    services: ServicesDep,
    tenant: TenantDep,
    case_id: CaseId,
    table: Annotated[
        TableName,
        Query(
            description="accountability 责任追究；measures 整改措施；problems 问题；"
            "suggestions 工作建议；practices 经验做法",
            examples=["measures"],
        ),
    ] = "accountability",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """与 Excel 里同名的表内容相同。"""
    basis = basis_of(services, tenant, case_id)
    if is_unchanged(if_none_match, basis.etag):
        return Response(status_code=304, headers={"ETag": basis.etag})
    content = checklist_csv(checklist_of(services, tenant, basis), table)
    return _download(content, f"{CSV}; charset=utf-8", f"{table}.csv", basis)


def basis_of(services: Services, tenant: str, case: str) -> Basis:
    """Return what the checklist of a case is to be built from.

    Raises:
        CaseNotFoundError: there is no such case.
        ProblemError: it has no document (`case_empty`) or too many (`limit_exceeded`).
    """
    with services.database.read() as connection:
        details = cases.get(connection, tenant, case)
        newest = results.newest(connection, tenant, [each.id for each in details.documents])
    if details.document_count == 0:
        raise ProblemError("case_empty")
    if details.document_count > MAX_DOCUMENTS:
        raise ProblemError(
            "limit_exceeded",
            f"案卷里有 {details.document_count} 份文件，一份清单最多 {MAX_DOCUMENTS} 份。"
            "请把不需要的文件移出案卷，或另建案卷。",
        )
    read = tuple(each for each in details.documents if each.id in newest)
    unread = tuple(_unread(each) for each in details.documents if each.id not in newest)
    # Whether an evaluation is overdue changes with the day.
    day = datetime.now(_BEIJING).date().isoformat()
    states = [[each.id, each.filename, each.status] for each in unread]
    mark = [case, details.name, sorted(newest.items()), states, day, services.reader.version]
    return Basis(details, read, unread, content_etag(json.dumps(mark).encode()))


def checklist_of(services: Services, tenant: str, basis: Basis) -> CaseChecklist:
    """Build the checklist of a case from what has been read.

    Raises:
        ProblemError: nothing has been read yet (`document_not_ready`), or could not be
            (`document_failed`).
    """
    with services.database.read() as connection:
        found = [results.source_of(connection, tenant, each.id) for each in basis.read]
    sources = [each for each in found if each is not None]
    if not sources:
        raise _nothing_read(basis.unread)
    shown(*(each.id for each in basis.read))
    built = services.reader.checklist(sources)
    hints = [f"[u] 请核实：{each.message}" for each in basis.unread]
    case = built.case.model_copy(
        update={
            "id": basis.case.id,
            "name": basis.case.name,
            "hints": [*hints, *built.case.hints],
        }
    )
    parts = {name: getattr(built, name) for name in Checklist.model_fields}
    return CaseChecklist(**(parts | {"case": case}), unread=list(basis.unread))


def _unread(member: CaseMember) -> UnreadDocument:
    state = _STATES.get(member.status, "还没有结果")
    message = f"《{member.filename}》{state}，本清单没有包括它的内容"
    return UnreadDocument(
        id=member.id, filename=member.filename, status=member.status, message=message
    )


def _nothing_read(unread: Sequence[UnreadDocument]) -> ProblemError:
    if any(each.status in ("queued", "running") for each in unread):
        return ProblemError(
            "document_not_ready",
            "案卷里的文件都还没有读完。请稍后再试。",
            headers={"Retry-After": str(RETRY_SECONDS)},
        )
    return ProblemError(
        "document_failed", "案卷里的文件都没有读成。原因见各份文件；改正后请重新上传或重新读取。"
    )


def _download(content: bytes, kind: str, name: str, basis: Basis) -> Response:
    headers = {"ETag": basis.etag, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, headers=headers, media_type=kind)
