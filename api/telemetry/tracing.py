"""Traces by OpenTelemetry, where `OTEL_EXPORTER_OTLP_ENDPOINT` says where to send them.

Without it nothing of the SDK is imported. Spans hold ids, routes and codes alone; no exception is
recorded, since its message may quote a document. The provider is our own, not the global one:
libraries that trace by themselves find nothing to trace to.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

_log = logging.getLogger("hecha.telemetry")

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_SERVICE: Final = "hecha"

_tracer: Tracer | None = None
_provider: TracerProvider | None = None


def is_wanted() -> bool:
    """Tell whether the environment says where to send traces."""
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not is_off and any(os.environ.get(name) for name in ENDPOINTS)


def start_tracing(exporter: SpanExporter | None = None) -> bool:
    """Begin to trace, if that is wanted and installed; tell whether it is so.

    An `exporter` is used in the place of the one that sends by OTLP over HTTP.
    """
    global _tracer, _provider
    if _tracer is not None or (exporter is None and not is_wanted()):
        return _tracer is not None
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter()
    except ImportError as error:
        _log.warning("no traces: %s is missing, install hecha[otel]", error.name)
        return False
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": _SERVICE}
    _provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = _provider.get_tracer(_SERVICE)
    return True


def stop_tracing() -> None:
    """Send what has not been sent, and trace no longer."""
    global _tracer, _provider
    provider, _provider, _tracer = _provider, None, None
    if provider is not None:
        provider.shutdown()


@contextmanager
def span(
    name: str, attributes: Mapping[str, str] | None = None, parent: str | None = None
) -> Iterator[Span | None]:
    """Trace the block; None where nothing is traced.

    `parent` is the header `traceparent` of a request, which goes on the trace of its client.
    """
    if _tracer is None:
        yield None
        return
    from opentelemetry.trace import SpanKind

    with _tracer.start_as_current_span(
        name,
        context=_context_of(parent),
        kind=SpanKind.INTERNAL if parent is None else SpanKind.SERVER,
        attributes=dict(attributes or {}),
        record_exception=False,
        set_status_on_exception=False,
    ) as begun:
        yield begun


def stages(seconds: Mapping[str, float]) -> None:
    """Add spans for stages that ended just now, one after the other, in a worker process."""
    if _tracer is None:
        return
    began = time.time_ns() - round(sum(seconds.values()) * 1e9)
    for name, took in seconds.items():
        each = _tracer.start_span(name, start_time=began)
        began += round(took * 1e9)
        each.end(began)


def _context_of(parent: str | None) -> Any:
    if not parent:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    # Only the ids: `tracestate` may hold anything.
    return TraceContextTextMapPropagator().extract({"traceparent": parent})
