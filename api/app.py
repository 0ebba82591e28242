"""The service: `create_app()` puts together guard, problems, routes, services and workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from types import ModuleType
from typing import Final

from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from api.access.authority import Authority
from api.access.gate import Gate, authorise
from api.guard import Guard
from api.jobs.runner import usual_slots
from api.problems import HANDLERS
from api.reader import Reader
from api.routes import (
    audit_routes,
    batch_routes,
    case_checklists,
    casework,
    checklists,
    document_contents,
    event_routes,
    health,
    key_routes,
    legal_hold,
    login,
    metrics,
    page,
    search,
    uploads,
    webhook_routes,
)
from api.routes.openapi_docs import DescribedApi
from api.services import Services, open_services
from api.settings import Settings
from api.telemetry.installation_meters import InstallationMeters
from api.telemetry.observing import Observed
from api.telemetry.tracing import start_tracing, stop_tracing

API_VERSION: Final = "1.0"
UPLOAD_PATHS: Final = ("/", "/v1/documents")
BATCH_PATH: Final = "/v1/batches"
ROUTES: Final[tuple[ModuleType, ...]] = (
    uploads, document_contents, legal_hold, casework, case_checklists, checklists, search,
    batch_routes, event_routes, webhook_routes, key_routes, audit_routes, health, metrics, login,
    page,
)  # fmt: skip
"""The modules of routes: each has a `router`, and `EXAMPLES` where its answers are JSON."""
_DESCRIPTION: Final = """
读取事故调查报告、批复和评估报告，抽取责任主体、处理、文号、整改措施，生成评估清单。

- 上传后立即应答，文件在后台读取；按 `Operation-Location` 查询进度。
- 每一项都带原文区间（`start`、`end` 按 Unicode 码位计数），没有原文依据的内容不返回。
- 出错时应答 `application/problem+json`（RFC 9457），`code` 稳定不变，`detail` 说明怎么办。
- 每个请求都要密钥：`Authorization: Bearer hk_…`；缺少权限时应答 403，过于频繁时应答 429。
"""


def create_app(
    settings: Settings | None = None,
    reader: Reader | None = None,
    services: Services | None = None,
) -> FastAPI:
    """Make the service.

    `settings` default to the environment, `reader` to the library. The database is opened when
    the server starts the app, unless `services` are given, and closed when it stops.

    Raises:
        pydantic.ValidationError: the environment holds a setting that is not valid.
    """
    chosen = services.settings if services is not None else settings or Settings()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, object]]:
        opened = services
        if opened is None:
            opened = await run_in_threadpool(open_services, chosen, reader)
        start_tracing()
        try:
            meters = await run_in_threadpool(InstallationMeters, opened.database, opened.files)
            authority = await run_in_threadpool(Authority, opened)
            try:
                async with _working(opened):
                    yield {"services": opened, "meters": meters, "authority": authority}
            finally:
                await run_in_threadpool(authority.stop)
        finally:
            opened.close()
            await run_in_threadpool(stop_tracing)

    app = DescribedApi(
        examples=_examples(),
        title="核查 hecha",
        summary="事故调查报告与评估报告的抽取和核查清单",
        description=_DESCRIPTION,
        version=API_VERSION,
        lifespan=lifespan,
        exception_handlers=HANDLERS,
        dependencies=[Depends(authorise)],
        # Their pages load scripts from the network; the description itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
        # Its records hold messages of exceptions, which may quote a document.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.add_middleware(Gate)
    app.add_middleware(
        Guard,
        allowed_hosts=chosen.allowed_hosts,
        uploads=dict.fromkeys(UPLOAD_PATHS, chosen.max_upload_bytes)
        | {BATCH_PATH: chosen.max_batch_bytes},
    )
    # The last one is the outermost: it measures what the others refuse, too.
    app.add_middleware(Observed)
    app.state.all_routes = list(app.routes)
    for resource in ROUTES:
        app.include_router(resource.router)
        app.state.all_routes += resource.router.routes
    return app


@asynccontextmanager
async def _working(services: Services) -> AsyncIterator[None]:
    """Read documents in the background while the block runs, unless there are to be no workers."""
    wanted = services.settings.workers
    slots = usual_slots() if wanted is None else wanted
    if slots == 0:
        yield
        return
    # What only answers requests does not load the library of jobs.
    from api.background.looking_after import Background
    from api.jobs.durable import Dispatcher

    dispatcher = Dispatcher(
        services.database, services.files, services.reader, slots, services.woken
    )
    background = Background(services)
    await run_in_threadpool(dispatcher.start)
    await run_in_threadpool(background.start)
    try:
        yield
    finally:
        await run_in_threadpool(background.stop)
        await run_in_threadpool(partial(dispatcher.stop, services.stop_seconds))


def _examples() -> dict[str, BaseModel]:
    return {
        name: value for module in ROUTES for name, value in getattr(module, "EXAMPLES", {}).items()
    }
