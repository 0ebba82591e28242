"""Every error answer, what is refused at the door, and what the log says of it."""

from __future__ import annotations

import json
import logging
import re
import socket
from asyncio import run
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request as StarletteRequest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.guard import Guard
from api.problems import PROBLEMS, problem_of
from api.reader import LibraryReader
from extractor.errors import GroundingError, ParseError
from tests.api_client import (
    ABSENT,
    HOST,
    MIB,
    REPORT,
    REPORT_ID,
    CountingReader,
    FailingReader,
    problem,
    read,
    serving,
    upload,
)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with serving(workers=0) as client:
        yield client


def _parse_errors(base: type[ParseError] = ParseError) -> list[type[ParseError]]:
    shipped = [sub for sub in base.__subclasses__() if sub.__module__.startswith("extractor")]
    return [base, *(deeper for sub in shipped for deeper in _parse_errors(sub))]


@pytest.mark.parametrize("error", _parse_errors(), ids=lambda error: error.code)
def test_a_file_that_cannot_be_read_says_why(error: type[ParseError]) -> None:
    assert error.code in PROBLEMS
    with serving(FailingReader(error("第3页读不出。请另存后重新上传。", page=3))) as client:
        entry = read(client)
        assert entry.status == "failed" and entry.error is not None
        assert entry.error.code == error.code
        assert (entry.error.message, entry.error.page) == ("第3页读不出。请另存后重新上传。", 3)
        answer = client.get(f"/v1/documents/{REPORT_ID}/extraction")
        assert entry.error.message in problem(answer, "document_failed").detail


def test_a_library_error_unknown_to_the_table_is_parse_failed() -> None:
    class NewError(ParseError):
        code = "of_a_later_version"

    assert problem_of(NewError("读不出。请另存。")).code == "parse_failed"


Request = Callable[[TestClient], Any]
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
REFUSED: list[tuple[str, str, Request]] = [
    ("an empty file", "file_empty", lambda c: upload(c, b"")),
    ("an empty body", "file_empty", lambda c: c.post("/v1/documents")),
    ("a form without a file", "file_missing", lambda c: c.post("/v1/documents", files={"x": b"1"})),
    ("a text field named file", "file_missing", lambda c: c.post(
        "/v1/documents", files={"file": (None, "x")})),
    ("nothing chosen", "file_missing", lambda c: c.post(
        "/v1/documents", headers=FORM, content=b'--x\r\nContent-Disposition: form-data; '
        b'name="file"; filename=""\r\n\r\n\r\n--x--\r\n')),
    ("two files", "request_malformed", lambda c: c.post(
        "/v1/documents", files=[("file", ("a", b"1")), ("file", ("b", b"2"))])),
    ("a form without boundary", "request_malformed", lambda c: c.post(
        "/v1/documents", content=b"x", headers={"Content-Type": "multipart/form-data"})),
    ("a broken form", "request_malformed", lambda c: c.post(
        "/v1/documents", content=b"--y\r\n", headers=FORM)),
    ("an urlencoded form", "media_type_unsupported", lambda c: c.post(
        "/v1/documents", data={"file": "x"})),
    ("no such route", "route_not_found", lambda c: c.get("/v2/documents")),
    ("no such method", "method_not_allowed", lambda c: c.put("/v1/documents")),
    ("no such document", "document_not_found", lambda c: c.get(f"/v1/documents/{ABSENT}")),
    ("an id of another form", "document_not_found", lambda c: c.get("/v1/documents/%27%20or%201")),
    ("a case without its document", "document_not_found", lambda c: c.post(
        "/v1/checklists", json={"documents": [ABSENT]})),
    ("no such case", "case_not_found", lambda c: c.get(f"/v1/cases/{ABSENT[:36]}")),
    ("a checklist of no case", "case_not_found", lambda c: c.get(
        f"/v1/cases/{ABSENT[:36]}/checklist")),
    ("a change without If-Match", "precondition_required", lambda c: c.patch(
        f"/v1/cases/{ABSENT[:36]}", json={"name": "x"})),
    ("a change of a case that is gone", "case_not_found", lambda c: c.patch(
        f"/v1/cases/{ABSENT[:36]}", json={"name": "x"}, headers={"If-Match": "*"})),
    ("a name of nothing", "request_invalid", lambda c: c.patch(
        f"/v1/cases/{ABSENT[:36]}", json={"name": " "}, headers={"If-Match": "*"})),
    ("a new case of no document", "document_not_found", lambda c: c.post(
        "/v1/cases", json={"documents": [ABSENT]})),
    ("a cursor of cases that is none", "cursor_invalid", lambda c: c.get(
        "/v1/cases?cursor=zzzz")),
    ("a date that is none", "request_invalid", lambda c: c.get(
        "/v1/cases?accident_from=2024-02-30")),
    ("a search for nothing", "request_invalid", lambda c: c.get("/v1/search")),
    ("a search beyond the last page", "cursor_invalid", lambda c: c.get(
        "/v1/search?q=x&cursor=NTctMjA")),
    ("a cursor of hits that is none", "cursor_invalid", lambda c: c.get(
        "/v1/search?q=x&cursor=zzzz")),
    ("a document that is not read yet", "document_not_ready", lambda c: c.get(
        f"/v1/documents/{upload(c).json()['id']}/extraction")),
    ("a page of a text", "layout_missing", lambda c: c.get(
        f"/v1/documents/{upload(c).json()['id']}/pages/1.png")),
    ("a page before the first", "request_invalid", lambda c: c.get(
        f"/v1/documents/{upload(c).json()['id']}/pages/0.png")),
    ("a key for another file", "idempotency_key_reused", lambda c: [c.post(
        "/v1/documents", content=body, headers={"Idempotency-Key": "k"}
    ) for body in (b"1", b"2")][1]),
    ("an unknown filter", "request_invalid", lambda c: c.get("/v1/documents?tenant=x")),
    ("a moment that is a number", "request_invalid", lambda c: c.get(
        "/v1/documents?received_after=0.5")),
    ("an unknown state", "request_invalid", lambda c: c.get("/v1/documents?status=x")),
    ("a cursor of letters", "cursor_invalid", lambda c: c.get("/v1/documents?cursor=zzzz")),
    ("a cursor that is not ASCII", "cursor_invalid", lambda c: c.get("/v1/documents?cursor=页")),
    ("a negative cursor", "cursor_invalid", lambda c: c.get("/v1/documents?cursor=LTE")),
    ("a huge cursor", "cursor_invalid", lambda c: c.get(
        "/v1/documents?cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5")),
    ("a limit of nothing", "request_invalid", lambda c: c.get("/v1/documents?limit=0")),
    ("a limit of letters", "request_invalid", lambda c: c.get("/v1/documents?limit=x")),
    ("an empty case", "request_invalid", lambda c: c.post(
        "/v1/checklists", json={"documents": []})),
    ("too many documents", "request_invalid", lambda c: c.post(
        "/v1/checklists", json={"documents": [ABSENT] * 101})),
    ("an id that is no hash", "request_invalid", lambda c: c.post(
        "/v1/checklists", json={"documents": ["x"]})),
    ("an unknown field", "request_invalid", lambda c: c.post(
        "/v1/checklists", json={"documents": [ABSENT], "x": 1})),
    ("broken JSON", "request_invalid", lambda c: c.post(
        "/v1/checklists", content=b"{", headers={"Content-Type": "application/json"})),
    ("JSON without its type", "request_invalid", lambda c: c.post(
        "/v1/checklists", content=json.dumps({"documents": [ABSENT]}).encode())),
    ("JSON that is too large", "upload_too_large", lambda c: c.post(
        "/v1/checklists", json={"documents": ["x" * 70_000]})),
    ("no such batch", "batch_not_found", lambda c: c.get("/v1/batches/x")),
    ("no such folder", "folder_unknown", lambda c: c.post("/v1/batches", json={"folder": "x"})),
    ("no such webhook", "webhook_not_found", lambda c: c.get("/v1/webhooks/x")),
    ("metrics from another machine", "metrics_refused", lambda c: c.get("/metrics")),
    ("a foreign host", "host_not_allowed", lambda c: c.get(
        "/livez", headers={"Host": "evil.example"})),
    ("a broken host", "host_not_allowed", lambda c: c.get("/livez", headers={"Host": "[::1"})),
    ("another site's form", "cross_site_refused", lambda c: c.post(
        "/v1/documents", content=b"x", headers={"Sec-Fetch-Site": "cross-site"})),
    ("an old browser on another site", "cross_site_refused", lambda c: c.post(
        "/", files={"file": b"x"}, headers={"Origin": "http://evil.example"})),
    ("a key that is none", "unauthenticated", lambda c: c.get(
        "/v1/documents", headers={"Authorization": "Bearer hk_x"})),
    ("an id of no key", "key_not_found", lambda c: c.delete("/v1/keys/x")),
    ("an opaque origin", "cross_site_refused", lambda c: c.delete(
        f"/v1/documents/{ABSENT}", headers={"Origin": "null"})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "send"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused_requests_say_why(client: TestClient, code: str, send: Request) -> None:
    problem(send(client), code)


def test_every_problem_code_has_a_case() -> None:
    elsewhere = {
        "internal_error", "not_ready", "storage_full", "document_failed", "document_held",
        "original_missing", "page_not_found", "case_empty", "precondition_failed",
        # tests/test_batches.py, tests/test_unpacking.py, tests/test_event_feed.py
        "batch_under_way", "folder_unreadable", "file_unreadable", "file_changed",
        "events_forgotten",
        # tests/test_webhooks.py
        "delivery_not_found", "webhooks_too_many", "webhook_url_refused",
        # tests/test_webhook_secrets.py
        "secret_key_unusable",
        # tests/test_access.py, tests/test_openid.py
        "forbidden", "csrf_failed", "rate_limited", "login_failed", "login_unavailable",
        *(error.code for error in _parse_errors()),
    }  # fmt: skip
    assert {code for _, code, _ in REFUSED} | elsewhere == set(PROBLEMS)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/documents", "GET, POST"),
        (f"/v1/documents/{ABSENT}", "DELETE, GET"),
        ("/v1/checklists", "POST"),
        ("/", "GET, POST"),
    ],
)
def test_method_not_allowed_names_all_that_are_allowed(
    client: TestClient, path: str, methods: str
) -> None:
    assert client.put(path).headers["allow"] == methods


def test_invalid_fields_are_named_in_chinese_without_their_values(client: TestClient) -> None:
    response = client.post("/v1/checklists", json={"documents": [ABSENT, "赵某某"], "更多": 1})
    found = problem(response, "request_invalid")
    assert found.errors is not None
    assert [error.field for error in found.errors] == ["body.documents.1", "body.更多"]
    assert all(re.fullmatch(r"[^A-Za-z]*(64[^A-Za-z]*)?", e.message) for e in found.errors)
    assert "赵某某" not in response.text


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": HOST}]
)
def test_our_own_page_may_send(client: TestClient, headers: dict[str, str]) -> None:
    response = client.post("/v1/documents", files={"file": REPORT}, headers=headers)
    assert response.status_code in (200, 202)


def _chunks(total: int, size: int = 1 << 16) -> Iterator[bytes]:
    for start in range(0, total, size):
        yield b"x" * min(size, total - start)


OVERSIZED: list[tuple[str, Request]] = [
    ("form", lambda c: upload(c, b"x" * (MIB + 1))),
    ("form far over", lambda c: upload(c, b"x" * (3 * MIB))),
    ("body", lambda c: c.post("/v1/documents", content=b"x" * (MIB + 1))),
    ("body far over", lambda c: c.post("/v1/documents", content=b"x" * (3 * MIB))),
    ("body of unknown length", lambda c: c.post("/v1/documents", content=_chunks(3 * MIB))),
]


@pytest.mark.parametrize("send", [row[1] for row in OVERSIZED], ids=[row[0] for row in OVERSIZED])
def test_oversized_uploads_are_refused_unread(send: Request) -> None:
    reader = CountingReader()
    with serving(reader, max_upload_mb=1, workers=0) as client:
        found = problem(send(client), "upload_too_large")
    assert "1 MiB" in found.detail and "HECHA_MAX_UPLOAD_MB" in found.detail
    assert reader.reads == 0


@pytest.mark.parametrize("as_form", [True, False])
def test_a_file_exactly_at_the_limit_is_taken(as_form: bool) -> None:
    with serving(workers=0, max_upload_mb=1) as client:
        data = b"x" * MIB
        response = upload(client, data) if as_form else client.post("/v1/documents", content=data)
        assert (response.status_code, response.json()["size"]) == (202, MIB)


PRIVATE = "钱某的身份证号"
ERRORS = [RuntimeError(PRIVATE), GroundingError(PRIVATE), KeyError(PRIVATE)]


def _ask(
    app: ASGIApp, *received: Message, length: bytes = b"99999999", client: TestClient | None = None
) -> list[Message]:
    """What the app sends when it gets these messages and no more; `client` lends its key."""
    coming, sent = iter(received), []
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/checklists",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-length", length)],
    }
    if client is not None:
        scope["state"] = dict(client.app_state)
        scope["headers"].append((b"authorization", client.headers["authorization"].encode()))

    async def receive() -> Message:
        return next(coming)

    async def send(message: Message) -> None:
        sent.append(message)

    async def ask() -> None:
        await app(scope, receive, send)

    run(ask())
    return sent


@pytest.mark.parametrize("length", [b"65537", b"99999999", b"9" * 5000])
def test_a_declared_length_over_the_limit_is_refused_before_the_body(
    client: TestClient, length: bytes
) -> None:
    start, body = _ask(client.app, length=length, client=client)
    assert start["status"] == 413
    assert json.loads(body["body"])["code"] == "upload_too_large"


async def _wait_for_body(scope: Scope, receive: Receive, send: Send) -> None:
    await StarletteRequest(scope, receive).body()


async def _break_off(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError(PRIVATE)


@pytest.mark.parametrize(
    ("app", "statuses", "logged"),
    [(_wait_for_body, [], "client left"), (_break_off, [200], "unexpected")],
)
def test_a_broken_connection_ends_quietly(
    app: ASGIApp, statuses: list[int], logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    guard = Guard(app, allowed_hosts=["*"], uploads={"/v1/checklists": 10**8})
    sent = _ask(guard, {"type": "http.disconnect"})
    assert [message["status"] for message in sent] == statuses
    assert logged in caplog.text and PRIVATE not in caplog.text


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_unexpected_errors_show_only_a_number_that_the_log_has(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(FailingReader(error)) as client:
        entry = read(client, name="钱某.txt")
        client.get("/", params={"document": REPORT_ID})
    assert entry.error is not None and entry.error.code == "internal_error"
    number = re.search(r"[0-9a-f]{16}", entry.error.message)
    assert number is not None
    assert f"{number.group()} {type(error).__name__} at api_client.py:" in caplog.text
    assert PRIVATE not in caplog.text + entry.error.message and "钱某" not in caplog.text


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_request_that_fails_shows_only_a_number_that_the_log_has(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    class FailingPages(LibraryReader):
        def page(self, data: bytes, number: int, dpi: float) -> bytes:
            raise type(error)(PRIVATE)

    caplog.set_level(logging.DEBUG)
    with serving(FailingPages(), workers=0) as client:
        upload(client, name="钱某.txt")
        response = client.get(f"/v1/documents/{REPORT_ID}/pages/1.png")
    found = problem(response, "internal_error")
    assert PRIVATE not in response.text and "Traceback" not in response.text
    assert found.error_id is not None
    assert f"{found.error_id} {type(error).__name__} at test_problems.py:" in caplog.text
    assert PRIVATE not in caplog.text and "钱某" not in caplog.text


def test_logs_name_routes_and_codes_but_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with serving() as client:
        read(client, name="赵某处理决定.txt")
        client.post("/v1/documents?filename=赵某.txt", content=b"")
        client.get(f"/v1/documents/{REPORT_ID}/checklist")
        client.get("/", params={"document": REPORT_ID})
        client.get("/赵某")
    lines = [r.getMessage() for r in caplog.records if r.name.startswith("hecha")]
    assert any(re.fullmatch(r"POST /v1/documents 202 \d+ ms", line) for line in lines)
    assert any(re.fullmatch(r"GET \S+\{document_id\}/checklist 200 \d+ ms", x) for x in lines)
    assert "problem file_empty" in lines
    text = "\n".join(lines)
    assert "赵某" not in text and "青榆" not in text and REPORT_ID not in text


def test_the_service_and_its_library_of_jobs_call_nobody_and_log_no_ids(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[object] = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: Any) -> None:
        called.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", watched)
    caplog.set_level(logging.INFO)
    with serving() as client:
        read(client)
    assert called == []
    ours = [r for r in caplog.records if r.name.startswith(("hecha", "dbos"))]
    assert not [r.getMessage() for r in ours if REPORT_ID in r.getMessage()]
    assert {r.name for r in ours} <= {"hecha.api", "hecha.jobs"}


def test_readyz_says_when_the_database_does_not_answer(tmp_path: Path) -> None:
    with serving(data=tmp_path, workers=0) as client:
        assert client.get("/readyz").status_code == 200
        for file in tmp_path.glob("hecha.db*"):
            file.write_bytes(b"no database" * 1000)
        answer = client.get("/readyz")
        problem(answer, "not_ready")
        assert int(answer.headers["retry-after"]) > 0
        assert client.get("/livez").status_code == 200


def test_a_place_of_files_that_is_away_refuses_uploads_and_nothing_else(tmp_path: Path) -> None:
    with serving(data=tmp_path, workers=0) as client:
        document_id = upload(client).json()["id"]
        (tmp_path / "files").rename(tmp_path / "elsewhere")
        for answer in (client.get("/readyz"), upload(client, b"other")):
            assert "HECHA_FILES" in problem(answer, "not_ready").detail
            assert int(answer.headers["retry-after"]) > 0
        assert client.post("/", files={"file": ("a.txt", b"x")}).status_code == 503
        assert client.get(f"/v1/documents/{document_id}").status_code == 200
        (tmp_path / "elsewhere").rename(tmp_path / "files")
        assert upload(client, b"other").status_code == 202
        (tmp_path / "files" / document_id[:2] / document_id).unlink()
        problem(client.get(f"/v1/documents/{document_id}/original"), "original_missing")


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        ("*", "hecha.example", 200),
        ("hecha.example", "hecha.example:8000", 200),
        ("hecha.example", "127.0.0.1", 400),
        ("::1", "[::1]:8000", 200),
        ("localhost", "LOCALHOST", 200),
    ],
)
def test_allowed_hosts(allowed: str, host: str, status: int) -> None:
    with serving(allowed_hosts=allowed, workers=0) as client:
        assert client.get("/livez", headers={"Host": host}).status_code == status
