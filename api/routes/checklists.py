"""The evaluation checklist: of one document, or of all documents of a case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from api.exports.xlsx import checklist_xlsx
from api.problems import ProblemError
from api.routes import examples
from api.routes.dependencies import DocumentId, ServicesDep, TenantDep, why_unread
from api.routes.openapi_docs import example, file_answer, problems
from api.services import Services
from api.store import documents, results
from api.store.acting import shown
from extractor.checklist.model import Checklist

router = APIRouter(tags=["评估清单"])

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_DOCUMENTS: Final = 100
_UNREAD: Final = (
    "document_not_found", "document_not_ready", "document_failed", "not_ready",
)  # fmt: skip
EXAMPLES: Final[dict[str, BaseModel]] = {"checklist": examples.CHECKLIST}


class ChecklistRequest(BaseModel):
    """The documents of one case, by id."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"documents": [examples.DOCUMENT_ID]}]},
    )

    documents: list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(
        min_length=1,
        max_length=MAX_DOCUMENTS,
        description="同一起事故的文件编号：调查报告、批复、处罚决定、评估报告等；重复的只算一次",
    )


@router.post(
    "/v1/checklists",
    summary="由同一起事故的文件生成评估清单",
    response_description="评估清单（格式第 1 版）",
    responses={
        200: example("checklist"),
        **problems("cross_site_refused", *_UNREAD, "upload_too_large", "request_invalid"),
    },
)
def build_case_checklist(
    services: ServicesDep, tenant: TenantDep, wanted: ChecklistRequest
) -> Checklist:
    """对照调查报告、批复与后续文件，逐行列出应做什么、已做什么、出处和佐证。不保存结果。"""
    return case_checklist(services, tenant, wanted.documents)


@router.get(
    "/v1/documents/{document_id}/checklist",
    summary="由一份文件生成评估清单",
    response_description="评估清单（格式第 1 版）",
    responses={200: example("checklist"), **problems(*_UNREAD)},
)
def get_checklist(services: ServicesDep, tenant: TenantDep, document_id: DocumentId) -> Checklist:
    """只用这一份文件；要合并同一起事故的多份文件，用 POST /v1/checklists。"""
    return case_checklist(services, tenant, [document_id])


@router.get(
    "/v1/documents/{document_id}/checklist.xlsx",
    summary="由一份文件生成评估清单（Excel）",
    response_class=Response,
    response_description="Excel 工作簿",
    responses={
        200: file_answer(XLSX, "（评估清单.xlsx 的内容）"),
        **problems(*_UNREAD),
    },
)
def get_checklist_workbook(
    services: ServicesDep, tenant: TenantDep, document_id: DocumentId
) -> Response:
    """与 JSON 清单内容相同的工作簿。"""
    return workbook(case_checklist(services, tenant, [document_id]))


def case_checklist(services: Services, tenant: str, document_ids: Sequence[str]) -> Checklist:
    """Build the checklist of these documents; an id that stands twice counts once.

    Raises:
        ProblemError: one of them is not there (`document_not_found`), is still being read
            (`document_not_ready`), or could not be read (`document_failed`).
    """
    sources = []
    wanted = list(dict.fromkeys(document_ids))
    with services.database.read() as connection:
        for place, document_id in enumerate(wanted, start=1):
            source = results.source_of(connection, tenant, document_id)
            if source is None:
                entry = documents.get(connection, tenant, document_id)
                what = f"所列第 {place} 份文件" if len(wanted) > 1 else "这份文件"
                if entry is None:
                    raise ProblemError(
                        "document_not_found",
                        f"{what}不存在或已删除。请核对编号，或重新上传文件。",
                    )
                raise why_unread(entry, what)
            sources.append(source)
    shown(*wanted)
    return services.reader.checklist(sources)


def workbook(checklist: Checklist) -> Response:
    """Return the answer that carries the checklist as an Excel workbook."""
    return Response(
        checklist_xlsx(checklist),
        media_type=XLSX,
        headers={"Content-Disposition": 'attachment; filename="checklist.xlsx"'},
    )
