"""What this process counts: answers by route, uploads, saving; in a registry of its own.

A label is a route template, a status, a code: never a path, a name or a tenant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from api.telemetry import tracing
from api.telemetry.context import document_at_work

PROCESS: Final = CollectorRegistry()
"""What is counted in this process since it began; several processes are several targets."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UPLOADS: Final = frozenset({"/v1/documents", "/"})
_OUTCOMES: Final = {202: "queued", 303: "queued", 200: "known"}

disable_created_metrics()  # type: ignore[no-untyped-call]

HTTP_SECONDS: Final = Histogram(
    "hecha_http_seconds",
    "应答一个请求的秒数，按方法、接口模板和状态码",
    ["method", "route", "status"],
    registry=PROCESS,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
UPLOADS: Final = Counter(
    "hecha_uploads",
    "上传的次数，按结果：queued 收下，known 已有，refused 没有收下",
    ["outcome"],
    registry=PROCESS,
)
SAVE_SECONDS: Final = Histogram(
    "hecha_save_seconds",
    "把一份文件的结果存进数据库的秒数",
    registry=PROCESS,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
ProcessCollector(registry=PROCESS)


def count_answer(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answer; `route` is the template of the route, `-` where there was none."""
    known = method if method in _METHODS else "other"
    HTTP_SECONDS.labels(known, route, str(status)).observe(seconds)
    if known == "POST" and route in _UPLOADS:
        UPLOADS.labels(_OUTCOMES.get(status, "refused")).inc()


@contextmanager
def reading_of(document: str) -> Iterator[None]:
    """Log and trace what is done in the block as the reading of this document."""
    with document_at_work(document), tracing.span("read", {"hecha.document": document}):
        yield


def trace_stages(seconds: Mapping[str, float]) -> None:
    """Trace the stages of a reading that has just ended in a worker process, by their seconds."""
    tracing.stages(seconds)


@contextmanager
def saving() -> Iterator[None]:
    """Measure and trace the block as saving a result; what fails is not measured."""
    began = perf_counter()
    with tracing.span("save"):
        yield
    SAVE_SECONDS.observe(perf_counter() - began)
