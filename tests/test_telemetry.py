"""Metrics, log lines and traces: what they tell, and that they name nobody."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import URL, select
from sqlalchemy.exc import OperationalError

from api.files import FilesAwayError
from api.store.database import Database
from api.store.schema import EVENTS
from api.telemetry import tracing
from api.telemetry.context import document_at_work, request_id_from
from api.telemetry.installation_meters import InstallationMeters
from api.telemetry.logs import FIELDS, set_up_logs
from extractor.errors import EncryptedFileError
from tests.api_client import (
    ABSENT,
    REPORT,
    REPORT_ID,
    FailingReader,
    ended,
    problem,
    read,
    serving,
    upload,
)
from tests.conftest import ROOT

NAME, LATIN = "刘慕白", "liumubai"
"""A person who is in everything that is sent, and must be in nothing that is told."""


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Everything that is logged, by libraries too, down to what is for finding mistakes."""
    names = ["", "hecha", "uvicorn", "uvicorn.error", "uvicorn.access", "dbos", "alembic"]
    names.append("sqlalchemy")
    loggers = [logging.getLogger(name) for name in names]
    before = [(x, x.level, list(x.handlers), x.propagate) for x in loggers]
    hook, stream = threading.excepthook, io.StringIO()
    set_up_logs("json", "debug", stream)
    logging.getLogger().setLevel(logging.DEBUG)
    yield stream
    logging.captureWarnings(False)
    threading.excepthook = hook
    for logger, level, handlers, propagate in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
        logger.propagate = propagate


def _logged(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def _metrics(client: TestClient) -> dict[str, float]:
    text = client.get("/metrics").text
    rows = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in rows}


@pytest.mark.parametrize(
    ("header", "is_taken"),
    [
        ("0195a1c2-7c3b-7d4e-8f90-123456789abc", True),
        ("4bf92f3577b34da6a3ce929d0e0e4736", True),
        ("01ARZ3NDEKTSV4RRFFQ69G5FAV", True),
        (LATIN * 3, False),
        ("0195a1c2-7c3b-7d4e-8f90-123456789abc\n", False),
        ("", False),
        (None, False),
    ],
)
def test_a_request_id_is_taken_only_in_forms_that_name_nobody(
    header: str | None, is_taken: bool
) -> None:
    assert (request_id_from(header) == header) is is_taken


def test_an_answer_and_its_log_lines_carry_the_id_of_the_request(lines: io.StringIO) -> None:
    given = "4bf92f3577b34da6a3ce929d0e0e4736"
    with serving(workers=0) as client:
        answer = client.get(f"/v1/documents/{ABSENT}", headers={"X-Request-ID": given})
        other = client.get("/livez", headers={"Host": "elsewhere"})
    assert answer.headers["x-request-id"] == given
    assert other.status_code == 400 and len(other.headers["x-request-id"]) == 36
    found = [line for line in _logged(lines) if line.get("request_id") == given]
    assert next(line["message"] for line in found) == "problem document_not_found"
    assert found[-1]["route"] == "/v1/documents/{document_id}"
    assert (found[-1]["method"], found[-1]["status"]) == ("GET", 404)


def test_every_field_of_a_log_line_is_documented(lines: io.StringIO) -> None:
    with document_at_work(ABSENT):
        try:
            raise RuntimeError(NAME)
        except RuntimeError:
            extra = {"error_id": "1", "code": "x", "method": "GET", "route": "/", "status": 1}
            extra["milliseconds"] = 2
            logging.getLogger("hecha.api").exception("x", extra=extra)
    with serving(workers=0) as client:
        client.get("/livez")
    assert {name for line in _logged(lines) for name in line} == set(FIELDS)
    assert NAME not in lines.getvalue()


class _Hostile:
    """Logs as libraries do: with what they were given in the message."""

    def log(self) -> None:
        logger = logging.getLogger("some.library")
        logger.warning(f"cannot open {NAME}.pdf")
        logger.warning("cannot open %s", f"{NAME}.pdf")
        logging.getLogger("uvicorn.error").warning("bad request from %s", NAME)
        try:
            raise ValueError(NAME)
        except ValueError:
            logging.getLogger("dbos").exception("failed: %s", NAME)


@pytest.mark.parametrize("form", ["json", "text"])
def test_messages_of_libraries_are_not_written(form: Any, lines: io.StringIO) -> None:
    set_up_logs(form, "info", lines)
    _Hostile().log()
    thread = threading.Thread(target=lambda: [][NAME])  # type: ignore[call-overload]
    thread.start()
    thread.join()
    text = lines.getvalue()
    assert NAME not in text and len(text.splitlines()) == 5
    assert "test_telemetry.py" in text and "ValueError" in text
    assert "bad request from %s" in text and "a thread ended: TypeError" in text


def _send_everything(client: TestClient) -> None:
    """Requests with the name in all of their parts, to good and to bad ends."""
    named = {
        "X-Request-ID": LATIN, "User-Agent": LATIN, "Referer": f"http://127.0.0.1:8000/{LATIN}",
        "Cookie": f"a={LATIN}", "traceparent": LATIN, "tracestate": f"a={LATIN}",
        "Idempotency-Key": LATIN,
    }  # fmt: skip
    query = {"filename": f"{NAME}.txt", "text": NAME, "x": NAME}
    client.headers.update(named)
    body = REPORT + f"\n给予{NAME}警告处分。".encode()
    ids = [client.post("/v1/documents", content=body, params=query).json()["id"]]
    client.post("/v1/documents", content=body + b"!", params=query)  # the same key
    client.headers.pop("Idempotency-Key")
    broken = f"%PDF-1.7\n{NAME}".encode(), f"PK\x03\x04{NAME}".encode(), b"\x00\x01" * 40
    ids += [upload(client, data, f"{NAME}.pdf").json()["id"] for data in broken]
    client.post("/v1/documents", content=b"", params=query)
    client.post("/v1/documents", data={"file": NAME})
    client.post("/v1/documents", content=b"x", headers={"Content-Type": f"text/{LATIN}"})
    client.post("/v1/documents", content=b"x", headers={"Origin": f"http://{LATIN}"})
    client.post("/v1/checklists", json={"documents": [NAME]})
    client.post("/", files={"file": (f"{NAME}.txt", body)})
    for path in (f"/{NAME}", f"/v1/documents/{NAME}", "/v1/documents", "/metrics"):
        client.get(path, params={**query, "cursor": NAME})
    client.request(LATIN.upper(), "/v1/documents")
    client.get("/livez", headers={"Host": f"{LATIN}.example"})
    client.get("/v1/documents", headers={"Authorization": f"Bearer {LATIN}"})
    for each in ids:
        ended(client, each)
        for part in ("", "/extraction", "/original", "/pages/1.png", "/checklist.xlsx"):
            client.get(f"/v1/documents/{each}{part}", params=query)
        client.put(f"/v1/documents/{each}/hold", json={"reason": f"{NAME}案"})
        client.delete(f"/v1/documents/{each}", params=query)
        client.delete(f"/v1/documents/{each}/hold")
    client.delete(f"/v1/documents/{ids[0]}")


@pytest.mark.slow
def test_nobody_is_named_in_logs_metrics_events_and_traces(
    lines: io.StringIO, database_url: URL
) -> None:
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = memory.InMemorySpanExporter()
    assert tracing.start_tracing(exporter)
    url = SecretStr(database_url.render_as_string(hide_password=False))
    try:
        with serving(database_url=url, metrics="all") as client:
            _send_everything(client)
            metrics = client.get("/metrics").text
        for error in (
            RuntimeError(NAME), EncryptedFileError(f"{NAME}.pdf 要密码。"), FilesAwayError(NAME),
            OperationalError(f"SELECT '{NAME}'", {"x": NAME}, Exception(NAME)),
        ):  # fmt: skip
            with serving(FailingReader(error), metrics="all") as client:
                read(client, REPORT + NAME.encode(), f"{NAME}.txt")
                metrics += client.get("/metrics").text
    finally:
        tracing.stop_tracing()
    with closing(Database(database_url)) as database, database.read() as connection:
        events = json.dumps([list(map(str, row)) for row in connection.execute(select(EVENTS))])
    spans = "\n".join(span.to_json() for span in exporter.get_finished_spans())
    logs = lines.getvalue()
    assert "document.deleted" in events and "hecha_failures_total" in metrics
    assert '"name": "save"' in spans and "internal_error" not in spans
    assert "problem file_empty" in logs
    for told in (logs, metrics, events, spans):
        assert NAME not in told and LATIN not in told.lower()
        assert NAME not in told.encode().decode("unicode_escape", "ignore")


def test_spans_hold_ids_and_stages_of_one_reading() -> None:
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    exporter = memory.InMemorySpanExporter()
    tracing.start_tracing(exporter)
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-1234567890123456-01"
    try:
        with serving() as client:
            client.headers["traceparent"] = parent
            read(client)
    finally:
        tracing.stop_tracing()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    root = spans["read"]
    assert dict(root.attributes) == {"hecha.document": REPORT_ID}
    for stage in ("parse", "extract", "save"):
        assert spans[stage].parent.span_id == root.context.span_id
        assert spans[stage].start_time < spans[stage].end_time
    request = spans["/v1/documents"]
    assert f"{request.context.trace_id:032x}" == parent.split("-")[1]
    assert set(request.attributes) == {
        "hecha.request_id", "http.route", "http.response.status_code",
    }  # fmt: skip


def test_nothing_of_the_sdk_is_imported_unless_traces_are_wanted() -> None:
    script = (
        "import sys; from tests.api_client import serving\n"
        "with serving(workers=0) as client: client.get('/livez')\n"
        "assert not [m for m in sys.modules if m.startswith('opentelemetry.sdk')]"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "is_wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_traces_are_wanted_where_an_address_is_given(
    environment: dict[str, str], is_wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*tracing.ENDPOINTS, "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert tracing.is_wanted() is is_wanted


def test_a_missing_sdk_is_told_and_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(tracing.ENDPOINTS[0], "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    assert not tracing.start_tracing()
    assert "hecha[otel]" in caplog.text


def test_metrics_tell_of_the_queue_the_stages_the_failures(database_url: URL) -> None:
    url = SecretStr(database_url.render_as_string(hide_password=False))
    with serving(database_url=url, workers=0, metrics="all") as client:
        before = _metrics(client)
        upload(client)
    assert before['hecha_documents{priority="person",status="queued"}'] == 0
    assert before["hecha_database_up"] == before["hecha_files_up"] == 1
    with serving(database_url=url, metrics="all") as client:
        assert ended(client).status == "failed"  # its file is in another folder
        read(client)
        read(client, b"%PDF-1.7 broken", "a.pdf")
        found = _metrics(client)
    assert found['hecha_documents{priority="person",status="succeeded"}'] == 1
    assert found['hecha_documents{priority="person",status="failed"}'] == 1
    assert found['hecha_failures_total{code="original_missing"}'] == 1
    assert found['hecha_failures_total{code="file_corrupt"}'] == 1
    for stage in ("parse", "extract"):
        assert found[f'hecha_reading_seconds_count{{stage="{stage}"}}'] == 1
    assert found["hecha_save_seconds_count"] >= 1
    assert found["hecha_characters_total"] == len(REPORT.decode())
    assert found["hecha_executors"] == 1
    name = 'hecha_http_seconds_count{method="POST",route="/v1/documents",status="202"}'
    assert found[name] >= 3
    assert found['hecha_uploads_total{outcome="queued"}'] >= 3


def test_metrics_are_asked_of_the_database_once_in_a_while(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Files:
        pings = 0

        def ping(self) -> None:
            self.pings += 1
            raise FilesAwayError("away")

    files = Files()
    meters = InstallationMeters(database, files)  # type: ignore[arg-type]
    assert b"hecha_files_up 0.0" in meters.text() and b"hecha_executors 0.0" in meters.text()
    assert files.pings == 1
    monkeypatch.setattr("api.telemetry.installation_meters._CACHED", 0.0)
    meters.text()
    assert files.pings == 2


def test_metrics_answer_while_the_database_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError("", {}, Exception("away"))

    with serving(workers=0, metrics="all") as client:
        monkeypatch.setattr(Database, "ping", away)
        monkeypatch.setattr(Database, "read", away)
        found = _metrics(client)
    assert found["hecha_database_up"] == 0 and "hecha_executors" not in found


@pytest.mark.parametrize(
    ("allowed", "host", "code"),
    [
        ("loopback", "127.0.0.1", None),
        ("loopback", "::1", None),
        ("loopback", "10.0.0.7", "metrics_refused"),
        ("loopback", "testclient", "metrics_refused"),
        ("all", "10.0.0.7", None),
        ("off", "127.0.0.1", "route_not_found"),
    ],
)
def test_who_may_ask_for_metrics(allowed: str, host: str, code: str | None) -> None:
    with serving(workers=0, metrics=allowed) as client:
        client._transport.client = (host, 1)  # type: ignore[attr-defined]
        answer = client.get("/metrics")
    if code is None:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain")
    else:
        problem(answer, code)
