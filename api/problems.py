"""Every error answer of the service, as RFC 9457 `application/problem+json`.

`PROBLEMS` is the one table of codes. A code is stable and part of the API; `detail` is Chinese
and says what, where, and what to do. Nothing of the program's inside is ever in an answer: an
unexpected error gives only a number that the log repeats.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from api.files import FileMissingError, FilesError, FilesFullError
from api.safe_network import AddressRefusedError
from api.sealing import SealError
from api.store.batches import BatchUnderWayError
from api.store.cases import CaseChangedError, CaseDocumentMissingError, CaseNotFoundError
from api.store.database import trouble_of
from api.store.documents import DocumentHeldError
from api.store.feed import ForgottenError
from api.store.idempotency import KeyReusedError
from api.store.webhooks import ChangedMeanwhileError, TooManyWebhooksError
from extractor.errors import HechaError, NoLayoutError, PageNotFoundError, ParseError

MEDIA_TYPE: Final = "application/problem+json"
_log = logging.getLogger("hecha.api")


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """One row of the table: the HTTP status, the fixed title, and a sample of the detail."""

    status: int
    title: str
    sample: str


PROBLEMS: Final[Mapping[str, ProblemKind]] = {
    "request_malformed": ProblemKind(
        400, "请求无法解析", "表单内容不完整或格式有误。请重新选择文件后再上传。"
    ),
    "host_not_allowed": ProblemKind(
        400,
        "主机名不在允许之列",
        "请用 127.0.0.1 或 localhost 访问；如需其他地址，请在 HECHA_ALLOWED_HOSTS 中加入该主机名。",
    ),
    "unauthenticated": ProblemKind(
        401,
        "没有有效的密钥",
        "请在请求头 Authorization 里写 Bearer 和密钥；密钥由管理员用 hecha keys create 新建。"
        "用浏览器时请先登录。",
    ),
    "login_failed": ProblemKind(
        401, "没有登录成功", "密钥不对、已过期或已吊销。请核对后再试，或向管理员要新的密钥。"
    ),
    "forbidden": ProblemKind(
        403, "没有权限", "这个操作需要 upload 权限，这个密钥没有。请向管理员要有此权限的密钥。"
    ),
    "csrf_failed": ProblemKind(
        403,
        "页面已经过期",
        "提交的内容没有带上本次登录的校验码，未执行。请刷新页面后再试。",
    ),
    "cross_site_refused": ProblemKind(
        403, "拒绝来自其他网站的请求", "该请求由其他网站发起，未执行。请在核查页面上操作。"
    ),
    "metrics_refused": ProblemKind(
        403,
        "不能取运行指标",
        "运行指标只有本机能取。请在本机取，或由管理员把 HECHA_METRICS 设为 all。",
    ),
    "route_not_found": ProblemKind(404, "没有这个地址", "请核对网址；全部接口见 /openapi.json。"),
    "document_not_found": ProblemKind(
        404, "没有这份文件", "该编号的文件不存在或已删除。请核对编号，或重新上传文件。"
    ),
    "case_not_found": ProblemKind(
        404, "没有这个案卷", "该编号的案卷不存在、已解散或已并入别的案卷。请重新查询案卷列表。"
    ),
    "batch_not_found": ProblemKind(404, "没有这个批次", "该编号的批次不存在或已删除。请核对编号。"),
    "folder_unknown": ProblemKind(
        404, "没有这个文件夹", "只能读管理员在 HECHA_FOLDERS 里写明的文件夹。请核对名称。"
    ),
    "webhook_not_found": ProblemKind(
        404, "没有这个推送", "该编号的推送不存在或已删除。请核对编号。"
    ),
    "delivery_not_found": ProblemKind(
        404, "没有这条推送记录", "该编号的推送记录不存在，或已过保留期。请核对编号。"
    ),
    "key_not_found": ProblemKind(
        404, "没有这个密钥", "该编号的密钥不存在。请用 GET /v1/keys 核对编号。"
    ),
    "page_not_found": ProblemKind(404, "没有这一页", "文件只有 12 页，没有第 13 页。请核对页码。"),
    "layout_missing": ProblemKind(
        404, "没有页面图像", "这种格式没有固定的版面，没有页面图像。请看文字。"
    ),
    "original_missing": ProblemKind(
        404,
        "原件不在了",
        "服务器上已没有这份文件的原件。请重新上传这个文件；并请管理员检查文件存放位置。",
    ),
    "method_not_allowed": ProblemKind(
        405, "该地址不支持此方法", "允许的方法见响应头 Allow；全部接口见 /openapi.json。"
    ),
    "document_not_ready": ProblemKind(
        409,
        "文件还没有读完",
        "这份文件还在排队或正在读取。请按 Retry-After 的秒数稍后再试。",
    ),
    "document_failed": ProblemKind(
        409, "文件没有读成", "这份文件没有读成：打开该文件需要密码。请另存为不加密的文件后上传。"
    ),
    "case_empty": ProblemKind(
        409, "案卷里没有文件", "这个案卷里还没有文件，无法生成清单。请先把文件归入案卷。"
    ),
    "document_held": ProblemKind(409, "文件已封存", "这份文件已封存，不能删除。请先解除封存。"),
    "batch_under_way": ProblemKind(
        409, "批次还没有结束", "这个批次还在拆开或在读，不能删除。请先取消它。"
    ),
    "webhooks_too_many": ProblemKind(409, "推送过多", "推送最多 50 个。请先删除不用的推送。"),
    "events_forgotten": ProblemKind(
        410,
        "这个位置之后的事件已不全",
        "after 之后的事件有些已过保留期。请从头读取现有的文件，再从不带 after 开始。",
    ),
    "precondition_failed": ProblemKind(
        412,
        "内容已被改动",
        "在您查看之后，这一项已被改动，没有执行。请重新查询，核对后带上新的 ETag 再试。",
    ),
    "upload_too_large": ProblemKind(
        413,
        "文件过大",
        "上传的文件超过上限 50 MiB。请压缩或拆分后上传，"
        "或由管理员调高 HECHA_MAX_UPLOAD_MB（批次是 HECHA_MAX_BATCH_MB）。",
    ),
    "media_type_unsupported": ProblemKind(
        415,
        "请求的内容类型不受支持",
        "请用 multipart/form-data 的 file 字段上传；直接以文件内容作为请求体时，"
        "请把 Content-Type 设为 application/octet-stream。",
    ),
    "format_unsupported": ProblemKind(
        415, "文件格式不受支持", "无法识别该文件的格式。请用原来的软件打开，另存为 PDF 后上传。"
    ),
    "request_invalid": ProblemKind(
        422, "请求内容不符合要求", "共 1 处不符合要求，见 errors。请改正后重试。"
    ),
    "file_missing": ProblemKind(
        422, "没有收到文件", "表单里没有 file 字段，或没有选择文件。请选择一个文件后上传。"
    ),
    "cursor_invalid": ProblemKind(
        422, "翻页标记无效", "cursor 只能取自上一页的 next_cursor。请从第一页重新开始。"
    ),
    "idempotency_key_reused": ProblemKind(
        422,
        "Idempotency-Key 已用于别的请求",
        "这个 Idempotency-Key 在 24 小时内用于上传另一个文件。请为每个新的请求换一个。",
    ),
    "folder_unreadable": ProblemKind(
        422, "文件夹不能读", "文件夹不存在或没有读取权限。请管理员检查 HECHA_FOLDERS，之后重试。"
    ),
    "file_unreadable": ProblemKind(
        422, "服务器读不了这个文件", "没有读取权限，或正被占用。请检查后重试。"
    ),
    "file_changed": ProblemKind(
        422, "读的时候文件变了", "这个文件正被别的程序写入。请等它写完，再把文件夹提交一次。"
    ),
    "webhook_url_refused": ProblemKind(
        422,
        "推送地址不能用",
        "这个主机在内部网络里，不能向它发送。确需发送的，"
        "请管理员把主机名写进 HECHA_WEBHOOK_HOSTS。",
    ),
    "file_empty": ProblemKind(422, "文件没有内容", "文件没有任何文字。请核对后重新上传。"),
    "file_encrypted": ProblemKind(
        422, "文件已加密", "打开该文件需要密码。请另存为不加密的文件后上传。"
    ),
    "file_corrupt": ProblemKind(
        422, "文件已损坏", "文件在第3页处中断。请用原软件打开、另存后重新上传。"
    ),
    "limit_exceeded": ProblemKind(
        422, "文件超出处理上限", "文件有 2500 页，上限为 2000 页。请拆分后上传。"
    ),
    "container_ambiguous": ProblemKind(
        422, "压缩包里不是一份文件", "压缩包里有不止一个可读的文件。请上传到 /v1/batches。"
    ),
    "tool_missing": ProblemKind(
        422, "缺少读取该格式的程序", "读取 .doc 需要 LibreOffice。请安装，或另存为 DOCX 后上传。"
    ),
    "parse_crashed": ProblemKind(
        422,
        "读取时程序异常中断",
        "读取这个文件的程序异常中断，其他文件不受影响。请用原来的软件打开，另存后重新上传。",
    ),
    "parse_failed": ProblemKind(
        422, "文件无法读取", "文件内容无法读取。请另存为 PDF 或 DOCX 后重新上传。"
    ),
    "precondition_required": ProblemKind(
        428,
        "缺少 If-Match",
        "请把查询时得到的 ETag 放在 If-Match 里，以免覆盖别人的改动；不需要核对时写 If-Match: *。",
    ),
    "not_ready": ProblemKind(
        503,
        "服务暂不可用",
        "数据库没有应答。请稍后重试；仍不可用时请管理员检查 HECHA_DATABASE_URL。",
    ),
    "storage_full": ProblemKind(
        503, "存储空间已满", "服务器的磁盘已满，没有保存。请管理员清理磁盘，之后再试。"
    ),
    "rate_limited": ProblemKind(
        429, "请求过于频繁", "请求次数超过上限。请按 Retry-After 的秒数稍后再试。"
    ),
    "login_unavailable": ProblemKind(
        503,
        "统一登录不可用",
        "统一登录服务没有应答，或者设置有误。请稍后再试，或用密钥登录；"
        "仍不可用时请管理员检查 HECHA_OIDC_ISSUER。",
    ),
    "secret_key_unusable": ProblemKind(
        503,
        "主密钥不能用",
        "没有主密钥。用 PostgreSQL 时请管理员设置 HECHA_SECRET_KEY"
        "（用 openssl rand -base64 32 生成），各个服务进程设成一样。",
    ),
    "internal_error": ProblemKind(
        500, "服务出错", "处理请求时出现意外错误，请把错误编号告诉管理员。"
    ),
}


class InvalidField(BaseModel):
    """One field of the request that is not as it must be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str = Field(description="字段的位置，例如 body.documents.0")
    message: str


class Problem(BaseModel):
    """The body of every error answer (RFC 9457)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(description="urn:hecha:problem: 加 code")
    title: str
    status: int
    detail: str = Field(description="出了什么问题、在哪里、怎么办")
    code: str = Field(description="稳定的错误代码")
    instance: str = Field(description="请求的路径")
    page: int | None = Field(default=None, description="出错的页码，从 1 起")
    errors: list[InvalidField] | None = None
    error_id: str | None = Field(default=None, description="意外错误的编号，与日志一致")


class ProblemError(HTTPException):
    """Ends a request with the problem of that code; `detail` defaults to the table's sample."""

    def __init__(
        self, code: str, detail: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Make the error; `headers` go with the answer.

        Raises:
            KeyError: the code is not in `PROBLEMS`.
        """
        kind = PROBLEMS[code]
        super().__init__(kind.status, detail or kind.sample, headers)
        self.code = code


_BY_STATUS: Final = {
    400: "request_malformed",
    404: "route_not_found",
    405: "method_not_allowed",
    413: "upload_too_large",
    415: "media_type_unsupported",
    422: "request_invalid",
}

_FIELD_MESSAGES: Final = {
    "missing": "缺少这一项",
    "json_invalid": "不是有效的 JSON",
    "model_attributes_type": "应为 JSON 对象，并注明 Content-Type: application/json",
    "extra_forbidden": "没有这个字段",
    "list_type": "应为列表",
    "literal_error": "不是可以写的值",
    "bool_type": "应为 true 或 false",
    "string_type": "应为字符串",
    "string_pattern_mismatch": "应为 64 位小写十六进制的文件编号",
    "int_parsing": "应为整数",
    "greater_than_equal": "数值过小",
    "less_than_equal": "数值过大",
    "string_too_short": "不能为空",
    "string_too_long": "过长",
    "too_short": "项数过少",
    "too_long": "项数过多",
}


def problem_of(error: ProblemError | HechaError, instance: str = "") -> Problem:
    """Return the problem that tells of this error; `instance` is the path of the request."""
    code = error.code if error.code in PROBLEMS else ParseError.code
    detail = error.message if isinstance(error, HechaError) else error.detail
    page = error.page if isinstance(error, HechaError) else None
    return make_problem(code, instance, detail=detail, page=page)


def make_problem(
    code: str,
    instance: str,
    *,
    detail: str | None = None,
    page: int | None = None,
    errors: list[InvalidField] | None = None,
    error_id: str | None = None,
) -> Problem:
    """Return the problem of that code; `detail` defaults to the table's sample."""
    kind = PROBLEMS[code]
    return Problem(
        type=f"urn:hecha:problem:{code}",
        title=kind.title,
        status=kind.status,
        detail=detail or kind.sample,
        code=code,
        instance=instance,
        page=page,
        errors=errors,
        error_id=error_id,
    )


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer that carries this problem; absent members are left out."""
    return Response(
        problem.model_dump_json(exclude_none=True),
        problem.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


async def _on_http_error(request: Request, error: HTTPException) -> Response:
    path = request.url.path
    if isinstance(error, ProblemError):
        problem = problem_of(error, path)
    else:
        problem = make_problem(_BY_STATUS.get(error.status_code, "request_malformed"), path)
    _log.info("problem %s", problem.code, extra={"code": problem.code})
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_allowed(request)))
    return problem_response(problem, headers)


def _allowed(request: Request) -> set[str]:
    """Return the methods of all routes with this path: Starlette names those of the first alone."""
    return {
        method
        for route in request.app.state.all_routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in getattr(route, "methods", None) or ()
    }


async def _on_library_error(request: Request, error: HechaError) -> Response:
    problem = problem_of(error, request.url.path)
    _log.info("problem %s", problem.code, extra={"code": problem.code})
    return problem_response(problem)


AGAIN: Final[Mapping[str, str]] = {"Retry-After": "10"}
"""What an answer says of trouble that heals by itself."""
_FILES_AWAY: Final = (
    "文件的存放位置没有应答，没有保存。请稍后重试；仍不可用时请管理员检查 HECHA_FILES。"
)


async def _on_files_error(request: Request, error: FilesError) -> Response:
    if isinstance(error, FileMissingError):
        return _answer(request, "original_missing")
    if isinstance(error, FilesFullError):
        return _answer(request, "storage_full", headers=AGAIN)
    return _answer(request, "not_ready", _FILES_AWAY, AGAIN)


async def _on_database_error(request: Request, error: SQLAlchemyError) -> Response:
    services = getattr(request.state, "services", None)
    trouble = services.database.trouble(error) if services is not None else trouble_of(error)
    if trouble is None:
        raise error
    return _answer(request, "storage_full" if trouble == "full" else "not_ready", headers=AGAIN)


async def _on_key_reused(request: Request, _: KeyReusedError) -> Response:
    return _answer(request, "idempotency_key_reused")


async def _on_batch_under_way(request: Request, _: BatchUnderWayError) -> Response:
    return _answer(request, "batch_under_way")


async def _on_too_many_webhooks(request: Request, _: TooManyWebhooksError) -> Response:
    return _answer(request, "webhooks_too_many")


async def _on_changed_meanwhile(
    request: Request, _: CaseChangedError | ChangedMeanwhileError
) -> Response:
    return _answer(request, "precondition_failed")


async def _on_seal_error(request: Request, error: SealError) -> Response:
    return _answer(request, "secret_key_unusable", str(error))


async def _on_forgotten(request: Request, _: ForgottenError) -> Response:
    return _answer(request, "events_forgotten")


async def _on_refused_address(request: Request, error: AddressRefusedError) -> Response:
    return _answer(request, "webhook_url_refused", str(error))


async def _on_held(request: Request, _: DocumentHeldError) -> Response:
    return _answer(request, "document_held")


async def _on_case_not_found(request: Request, _: CaseNotFoundError) -> Response:
    return _answer(request, "case_not_found")


async def _on_case_document_missing(request: Request, _: CaseDocumentMissingError) -> Response:
    return _answer(request, "document_not_found")


def _answer(
    request: Request,
    code: str,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    _log.info("problem %s", code, extra={"code": code})
    return problem_response(make_problem(code, request.url.path, detail=detail), headers)


async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
    fields = [
        InvalidField(
            field=".".join(str(part) for part in item["loc"]),
            message=_FIELD_MESSAGES.get(item["type"], "格式不正确"),
        )
        for item in error.errors()
    ]
    _log.info("problem request_invalid")
    return problem_response(
        make_problem(
            "request_invalid",
            request.url.path,
            detail=f"共 {len(fields)} 处不符合要求，见 errors。请改正后重试。",
            errors=fields,
        )
    )


HANDLERS: Final[
    dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]
] = {
    HTTPException: _on_http_error,
    ParseError: _on_library_error,
    NoLayoutError: _on_library_error,
    PageNotFoundError: _on_library_error,
    FilesError: _on_files_error,
    SQLAlchemyError: _on_database_error,
    KeyReusedError: _on_key_reused,
    DocumentHeldError: _on_held,
    CaseNotFoundError: _on_case_not_found,
    CaseChangedError: _on_changed_meanwhile,
    CaseDocumentMissingError: _on_case_document_missing,
    BatchUnderWayError: _on_batch_under_way,
    TooManyWebhooksError: _on_too_many_webhooks,
    ChangedMeanwhileError: _on_changed_meanwhile,
    SealError: _on_seal_error,
    ForgottenError: _on_forgotten,
    AddressRefusedError: _on_refused_address,
    RequestValidationError: _on_invalid,
}
"""What makes the app answer every expected error with a problem."""
