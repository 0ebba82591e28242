"""The service: `create_app()` puts together guard, problems, routes, reader and store."""

from __future__ import annotations

from asyncio import Lock
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import Final

from fastapi import FastAPI

from api.guard import Guard
from api.intake import Intake
from api.problems import HANDLERS
from api.reader import LibraryReader, Reader
from api.routes import checklists, documents, health, page
from api.routes.openapi_docs import DescribedApi
from api.settings import Settings
from api.store.document_store import Store

API_VERSION: Final = "1.0"
UPLOAD_PATHS: Final = ("/", "/v1/documents")
_DESCRIPTION: Final = """
读取事故调查报告、批复和评估报告，抽取责任主体、处理、文号、整改措施，生成评估清单。

- 每一项都带原文区间（`start`、`end` 按 Unicode 码位计数），没有原文依据的内容不返回。
- 出错时应答 `application/problem+json`（RFC 9457），`code` 稳定不变，`detail` 说明怎么办。
- 没有身份验证：只供本机使用。
"""


def create_app(settings: Settings | None = None, reader: Reader | None = None) -> FastAPI:
    """Make the service.

    `settings` default to the environment, `reader` to the library. The database is opened when
    the server starts the app, and closed when it stops.

    Raises:
        pydantic.ValidationError: the environment holds a setting that is not valid.
        TaggerError: the tagger of the settings cannot be used.
    """
    chosen = settings or Settings()
    limits = replace(chosen.limits, max_bytes=chosen.max_upload_bytes)
    reading = reader or LibraryReader(limits, chosen.tagger)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Intake]]:
        with closing(Store(chosen.database)) as store:
            yield {"intake": Intake(reading, store, chosen.max_upload_bytes, Lock())}

    app = DescribedApi(
        examples=documents.EXAMPLES | checklists.EXAMPLES | health.EXAMPLES,
        title="核查 hecha",
        summary="事故调查报告与评估报告的抽取和核查清单",
        description=_DESCRIPTION,
        version=API_VERSION,
        lifespan=lifespan,
        exception_handlers=HANDLERS,
        # Their pages load scripts from the network; the description itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
        # Its records hold messages of exceptions, which may quote a document.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.add_middleware(
        Guard,
        allowed_hosts=chosen.allowed_hosts,
        upload_paths=UPLOAD_PATHS,
        upload_limit=chosen.max_upload_bytes,
    )
    for resource in (documents, checklists, health, page):
        app.include_router(resource.router)
    return app
