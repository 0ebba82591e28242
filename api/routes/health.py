"""Whether the service lives, and whether it can work."""

from __future__ import annotations

from typing import Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from api.routes.dependencies import ServicesDep
from api.routes.openapi_docs import example, problems

router = APIRouter(tags=["运行状态"])


class Health(BaseModel):
    """The one answer of a service that is well."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["ok"] = "ok"


EXAMPLES: Final[dict[str, BaseModel]] = {"health": Health()}


@router.get(
    "/livez",
    summary="服务是否在运行",
    response_description="在运行",
    responses={200: example("health"), **problems()},
)
def livez() -> Health:
    """进程能应答即为 200，不检查数据库。"""
    return Health()


@router.get(
    "/readyz",
    summary="服务是否可用",
    response_description="可用",
    responses={200: example("health"), **problems("not_ready")},
)
def readyz(services: ServicesDep) -> Health:
    """数据库和文件存放位置都能应答即为 200。"""
    services.database.ping()
    services.files.ping()
    return Health()
