"""`GET /metrics`: what the service counts, for Prometheus."""

from __future__ import annotations

from typing import Annotated, Final, cast

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.addresses import is_loopback
from api.problems import ProblemError
from api.routes.dependencies import ServicesDep
from api.routes.openapi_docs import problems
from api.telemetry.installation_meters import InstallationMeters

router = APIRouter(tags=["运行状态"])

_EXAMPLE: Final = """\
# HELP hecha_documents 文件的份数，按状态和先后：person 人上传的，bulk 批量的
# TYPE hecha_documents gauge
hecha_documents{priority="person",status="queued"} 3.0
"""


def _meters(request: Request) -> InstallationMeters:
    return cast(InstallationMeters, request.state.meters)


@router.get(
    "/metrics",
    summary="运行指标",
    response_class=Response,
    response_description="Prometheus 的文本格式",
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}}},
        **problems("metrics_refused", "route_not_found"),
    },
)
def get_metrics(
    request: Request,
    services: ServicesDep,
    meters: Annotated[InstallationMeters, Depends(_meters)],
) -> Response:
    """排队、用时、失败、页数等，见 docs/operations.md；谁可以取由 HECHA_METRICS 决定。"""
    allowed = services.settings.metrics
    if allowed == "off":
        raise ProblemError("route_not_found")
    if allowed == "loopback" and not is_loopback(request.client.host if request.client else ""):
        raise ProblemError("metrics_refused")
    return Response(meters.text(), media_type=CONTENT_TYPE_LATEST)
