"""The batches: an archive or a folder that is read as a whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.intake import received
from api.problems import ProblemError
from api.routes import examples
from api.routes.cursors import cursor_of, position_of, seal, unseal
from api.routes.dependencies import ServicesDep, TenantDep
from api.routes.openapi_docs import example, place_headers, problems, retry_header, upload_body
from api.services import Services
from api.store import batches
from api.store.batches import BatchEntry, BatchItem, ItemCounts, ItemStatus

router = APIRouter(tags=["批次"])

RETRY_SECONDS: Final = 5
BatchId = Annotated[
    str,
    Path(max_length=40, description="批次编号", examples=["0195a1c2-7d10-7c3e-9a44-2f0c6b1e8d55"]),
]


class FolderRequest(BaseModel):
    """A folder of the server that is to be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str = Field(
        min_length=1,
        max_length=200,
        description="HECHA_FOLDERS 里的名称",
        examples=["2024年度档案"],
    )


class BatchPage(BaseModel):
    """One page of the list of batches, newest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batches: list[BatchEntry]
    next_cursor: str | None = Field(description="下一页的 cursor；没有下一页时为 null")


class ItemPage(BaseModel):
    """One page of the files of a batch, in their order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: list[BatchItem]
    next_cursor: str | None = Field(description="下一页的 cursor；没有下一页时为 null")


_ID: Final = "0195a1c2-7d10-7c3e-9a44-2f0c6b1e8d55"
_RUNNING: Final = BatchEntry(
    id=_ID,
    kind="archive",
    name="2024年度档案.zip",
    status="running",
    created_at=datetime(2025, 3, 6, 1, 20, 5, tzinfo=UTC),
    updated_at=datetime(2025, 3, 6, 1, 21, 40, tzinfo=UTC),
    total=200,
    counts=ItemCounts(queued=92, running=2, succeeded=101, failed=3, skipped=2),
    per_minute=65.5,
    seconds_left=86,
)
_CREATED: Final = _RUNNING.model_copy(
    update={
        "status": "unpacking",
        "updated_at": _RUNNING.created_at,
        "total": 0,
        "counts": ItemCounts(),
        "per_minute": None,
        "seconds_left": None,
    }
)
_FINISHED: Final = _RUNNING.model_copy(
    update={
        "status": "cancelled",
        "counts": ItemCounts(running=2, succeeded=101, failed=3, cancelled=92, skipped=2),
        "per_minute": None,
        "seconds_left": None,
    }
)
_ITEMS: Final = [
    BatchItem(
        position=1,
        path="禾山县/4·18事故/调查报告.txt",
        document=examples.DOCUMENT_ID,
        status="succeeded",
    ),
    BatchItem(
        position=2,
        path="禾山县/现场录像.mp4",
        document=None,
        status="skipped",
        code="format_unsupported",
        message="这是音频或视频，目前不能直接读取。请上传文书本身。",
    ),
]

EXAMPLES: Final[dict[str, BaseModel]] = {
    "folder": FolderRequest(folder="2024年度档案"),
    "batch": _RUNNING,
    "new_batch": _CREATED,
    "cancelled_batch": _FINISHED,
    "batches": BatchPage(batches=[_RUNNING], next_cursor=None),
    "items": ItemPage(items=_ITEMS, next_cursor="Mg"),
}

_BODY: Final = upload_body(
    "压缩包：表单字段 file，或者直接作为请求体；或者一个文件夹的名称",
    "（2024年度档案.zip 的内容）",
    json={
        "schema": {"$ref": "#/components/schemas/FolderRequest"},
        "example": {"folder": "2024年度档案"},
    },
)
_PLACES: Final = place_headers("该批次的地址", f"/v1/batches/{_ID}")
_RETRY: Final = retry_header(RETRY_SECONDS)


@router.post(
    "/v1/batches",
    summary="上传一个压缩包，或读一个文件夹",
    status_code=202,
    response_description="已收到，等待拆开",
    responses={
        202: {**example("new_batch"), "headers": _PLACES | _RETRY},
        **problems(
            "request_malformed",
            "cross_site_refused",
            "upload_too_large",
            "media_type_unsupported",
            "file_missing",
            "file_empty",
            "folder_unknown",
            "idempotency_key_reused",
            "request_invalid",
            "not_ready",
            "storage_full",
        ),
    },
    openapi_extra=_BODY,
)
async def create_batch(
    request: Request,
    response: Response,
    services: ServicesDep,
    tenant: TenantDep,
    filename: Annotated[
        str | None,
        Query(description="以请求体直接上传时的文件名", examples=["2024年度档案.zip"]),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=255,
            description="由客户端生成的唯一标记：24 小时内同一请求重发，得到与首次相同的应答",
            examples=["6f1c2a9e-batch-3"],
        ),
    ] = None,
) -> BatchEntry:
    """收下就应答，随后在后台拆开：ZIP、TAR、7z、RAR 等，压缩包里的压缩包也拆。

    里面的每一份文书都成为一份文件，同样的内容只读一次；一份读不成，其他照常。
    请求体是 JSON 时，读管理员在 HECHA_FOLDERS 里写明的文件夹。
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() == "application/json":
        entry = await _take_folder(request, services, tenant, idempotency_key)
    else:
        limit = services.settings.max_batch_bytes
        async with received(request, services.files, limit, filename) as upload:

            def accept() -> BatchEntry:
                return services.accept_batch(
                    tenant, upload.incoming(), upload.filename, idempotency_key
                )

            entry = await run_in_threadpool(accept)
    _locate(response, entry)
    return entry


async def _take_folder(
    request: Request, services: Services, tenant: str, key: str | None
) -> BatchEntry:
    try:
        wanted = FolderRequest.model_validate_json(await request.body())
    except ValidationError as exc:
        detail = '请求体应为 {"folder": "名称"}。请改正后重试。'
        raise ProblemError("request_invalid", detail) from exc
    try:
        return await run_in_threadpool(services.accept_folder, tenant, wanted.folder, key)
    except KeyError as exc:
        raise ProblemError("folder_unknown") from exc


def _locate(response: Response, entry: BatchEntry) -> None:
    place = f"/v1/batches/{entry.id}"
    response.headers["Location"] = response.headers["Operation-Location"] = place
    if entry.is_under_way:
        response.headers["Retry-After"] = str(RETRY_SECONDS)


@router.get(
    "/v1/batches",
    summary="列出批次",
    response_description="一页批次，新的在前",
    responses={
        200: example("batches"),
        **problems("request_invalid", "cursor_invalid", "not_ready"),
    },
)
def list_batches(
    services: ServicesDep,
    tenant: TenantDep,
    limit: Annotated[int, Query(ge=1, le=100, description="每页的个数", examples=[20])] = 20,
    cursor: Annotated[
        str | None, Query(description="上一页的 next_cursor", examples=["MDE5NWExYzI"])
    ] = None,
) -> BatchPage:
    """按收到的先后列出批次，新的在前。"""
    before = None if cursor is None else _id_of(cursor)
    with services.database.read() as connection:
        entries, following = batches.listing(connection, tenant, limit, before)
    return BatchPage(batches=entries, next_cursor=None if following is None else seal(following))


@router.get(
    "/v1/batches/{batch_id}",
    summary="一个批次的进度",
    response_description="进度",
    responses={
        200: example("batch"),
        **problems("batch_not_found", "request_invalid", "not_ready"),
    },
)
def get_batch(
    services: ServicesDep, tenant: TenantDep, batch_id: BatchId, response: Response
) -> BatchEntry:
    """各种状态的文件数、最近的速度、还要多少秒。"""
    with services.database.read() as connection:
        entry = _found(batches.get(connection, tenant, batch_id))
    if entry.is_under_way:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return entry


@router.get(
    "/v1/batches/{batch_id}/items",
    summary="一个批次里的各个文件",
    response_description="一页文件，按在批次里的次序",
    responses={
        200: example("items"),
        **problems("batch_not_found", "request_invalid", "cursor_invalid", "not_ready"),
    },
)
def list_batch_items(
    services: ServicesDep,
    tenant: TenantDep,
    batch_id: BatchId,
    limit: Annotated[int, Query(ge=1, le=500, description="每页的个数", examples=[100])] = 100,
    cursor: Annotated[
        str | None, Query(description="上一页的 next_cursor", examples=["MTAw"])
    ] = None,
    status: Annotated[
        ItemStatus | None, Query(description="只列这种状态的", examples=["failed"])
    ] = None,
) -> ItemPage:
    """每个文件的路径、成为哪份文件、状态；没有读或没有读成的，说明原因和办法。"""
    after = 0 if cursor is None else position_of(cursor)
    with services.database.read() as connection:
        _found(batches.get(connection, tenant, batch_id))
        found, following = batches.items(connection, tenant, batch_id, limit, after, status)
    return ItemPage(items=found, next_cursor=None if following is None else cursor_of(following))


@router.post(
    "/v1/batches/{batch_id}/cancel",
    summary="取消一个批次",
    response_description="取消以后的进度",
    responses={
        200: example("cancelled_batch"),
        **problems("batch_not_found", "cross_site_refused", "request_invalid", "not_ready"),
    },
)
def cancel_batch(services: ServicesDep, tenant: TenantDep, batch_id: BatchId) -> BatchEntry:
    """不再拆开，排队的不再读；正在读的读完为止，已经读完的仍在。人单独上传的照常读。"""
    with services.database.write() as connection:
        return _found(batches.cancel(connection, tenant, batch_id))


@router.post(
    "/v1/batches/{batch_id}/retry",
    summary="重试一个批次里没有读成的",
    status_code=202,
    response_description="重新排队以后的进度",
    responses={
        202: {**example("batch"), "headers": _PLACES | _RETRY},
        **problems(
            "batch_not_found", "cross_site_refused", "request_invalid", "not_ready", "storage_full"
        ),
    },
)
def retry_batch(
    services: ServicesDep, tenant: TenantDep, batch_id: BatchId, response: Response
) -> BatchEntry:
    """没有读成的文件重新排队；已取消的批次接着做，没有拆完的接着拆。"""
    with services.database.write() as connection:
        version = services.reader.version
        entry = _found(batches.retry(connection, tenant, batch_id, version))
    services.woken.set()
    _locate(response, entry)
    return entry


@router.delete(
    "/v1/batches/{batch_id}",
    summary="删除一个批次的记录",
    status_code=204,
    response_description="已删除",
    responses=problems(
        "batch_not_found", "batch_under_way", "cross_site_refused", "request_invalid", "not_ready"
    ),
)
def delete_batch(services: ServicesDep, tenant: TenantDep, batch_id: BatchId) -> None:
    """只删除批次的记录；从中读出的文件仍在，要另行删除。还没有结束的要先取消。"""
    if not services.remove_batch(tenant, batch_id):
        raise ProblemError("batch_not_found")


def _found(entry: BatchEntry | None) -> BatchEntry:
    if entry is None:
        raise ProblemError("batch_not_found")
    return entry


def _id_of(cursor: str) -> str:
    found = unseal(cursor)
    if not (found.isascii() and found.replace("-", "").isalnum() and len(found) <= 40):
        raise ProblemError("cursor_invalid")
    return found
