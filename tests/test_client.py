"""The client: a method for every route, and no request done twice."""

from __future__ import annotations

import inspect
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.client import (
    Client,
    ReadingFailedError,
    ServiceError,
    SignatureError,
    UnreachableError,
    WaitedTooLongError,
    verify_webhook,
)
from api.routes import casework, examples, webhook_routes
from api.settings import Settings
from api.signatures import new_secret, sign
from api.store.batches import BatchEntry
from api.store.placements import DocumentPlacement
from tests.api_client import ABSENT, HOST, REPORT, REPORT_ID, serving
from tests.batch_files import reports
from tests.conftest import ROOT
from tests.webhook_receiver import receiving

PLACEMENT = DocumentPlacement.model_validate(casework.EXAMPLES["placement"].model_dump())
WEBHOOK = webhook_routes.EXAMPLES["webhook"]
Use = Callable[[Client], Any]

USES: dict[str, Use] = {
    "upload": lambda c: c.upload(b"1", "a.txt"),
    "wait": lambda c: c.wait("d"),
    "read": lambda c: c.read(b"1", "a.txt"),
    "document": lambda c: c.document("d"),
    "documents": lambda c: next(
        c.documents(
            status="failed", kind="INV", text="报告", batch="b", case="c",
            received_after=datetime.now(UTC), received_before=datetime.now(UTC),
        )
    ),
    "reprocess": lambda c: c.reprocess("d"),
    "delete_document": lambda c: c.delete_document("d"),
    "extraction": lambda c: c.extraction("d", "v"),
    "text": lambda c: c.text("d"),
    "original": lambda c: c.original("d"),
    "page_image": lambda c: c.page_image("d", 3),
    "checklist": lambda c: c.checklist(["d"]),
    "document_checklist": lambda c: c.document_checklist("d"),
    "document_workbook": lambda c: c.document_workbook("d"),
    "hold": lambda c: c.hold("d", "诉讼"),
    "release": lambda c: c.release("d"),
    "cases": lambda c: list(
        c.cases(
            text="禾山", origin="auto", document="d",
            accident_from=date(2024, 1, 1), accident_to=date(2024, 12, 31),
        )
    ),
    "case": lambda c: c.case("c"),
    "create_case": lambda c: c.create_case(["d"], "甲"),
    "rename_case": lambda c: c.rename_case(examples.CASE, "甲"),
    "dissolve_case": lambda c: c.dissolve_case(examples.CASE),
    "add_to_case": lambda c: c.add_to_case(examples.CASE, "d"),
    "take_out_of_case": lambda c: c.take_out_of_case(examples.CASE, "d"),
    "merge_cases": lambda c: c.merge_cases(examples.CASE, ["c"]),
    "placement": lambda c: c.placement("d"),
    "regroup_document": lambda c: c.regroup_document(PLACEMENT),
    "regroup_case": lambda c: c.regroup_case(examples.CASE),
    "case_checklist": lambda c: c.case_checklist("c"),
    "case_workbook": lambda c: c.case_workbook("c"),
    "case_table": lambda c: c.case_table("c", "measures"),
    "search": lambda c: list(
        c.search(
            "高处坠落", type="penalty", kind="INV", case="c",
            date_from=date(2024, 1, 1), date_to=date(2024, 12, 31),
        )
    ),
    "upload_batch": lambda c: c.upload_batch(b"1", "a.zip"),
    "read_folder": lambda c: c.read_folder("a"),
    "wait_for_batch": lambda c: c.wait_for_batch("b"),
    "batch": lambda c: c.batch("b"),
    "batches": lambda c: list(c.batches()),
    "batch_items": lambda c: next(c.batch_items("b", "failed")),
    "cancel_batch": lambda c: c.cancel_batch("b"),
    "retry_batch": lambda c: c.retry_batch("b"),
    "delete_batch": lambda c: c.delete_batch("b"),
    "events": lambda c: next(c.events("MTc", ["document.failed"], follow=True)),
    "create_webhook": lambda c: c.create_webhook("https://a.example/"),
    "webhooks": lambda c: c.webhooks(),
    "webhook": lambda c: c.webhook("w"),
    "change_webhook": lambda c: c.change_webhook(WEBHOOK, enabled=True),  # type: ignore[arg-type]
    "rotate_secret": lambda c: c.rotate_secret(WEBHOOK, overlap_hours=0),  # type: ignore[arg-type]
    "delete_webhook": lambda c: c.delete_webhook("w"),
    "test_webhook": lambda c: c.test_webhook("w"),
    "deliveries": lambda c: list(c.deliveries("w", "failed")),
    "replay": lambda c: c.replay("w", "m"),
    "create_key": lambda c: c.create_key("档案系统", ["read"], days=30),
    "api_keys": lambda c: c.api_keys(),
    "revoke_key": lambda c: c.revoke_key("k"),
    "audit": lambda c: list(c.audit(1000)),
    "metrics": lambda c: c.metrics(),
    "is_alive": lambda c: c.is_alive(),
    "is_ready": lambda c: c.is_ready(),
}  # fmt: skip
"""A use of every method of the client."""

PAGING = frozenset({"limit", "cursor"})
"""Parameters that the client sees to by itself."""


class Described:
    """A service that answers every operation of the description with its first example."""

    def __init__(self) -> None:
        self.description = create_app(Settings()).openapi()
        self.used: set[tuple[str, str]] = set()
        self.given: dict[tuple[str, str], set[str]] = {}
        self.asked = 0
        self.operations = {
            (method, path)
            for path, item in self.description["paths"].items()
            for method in item
            if method in ("get", "post", "put", "patch", "delete")
        }

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        method, path = request.method.lower(), request.url.path
        matching = [
            (method, template)
            for verb, template in self.operations
            if verb == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        ]
        # A route without parameters goes before one with.
        operation = min(matching, key=lambda each: each[1].count("{"))
        self.used.add(operation)
        self.asked += 1
        described = self.description["paths"][operation[1]][method]
        known = {each["name"] for each in described.get("parameters", [])}
        assert set(request.url.params) <= known, operation
        self.given.setdefault(operation, set()).update(request.url.params)
        status = min(status for status in described["responses"] if status.startswith("2"))
        for kind, content in described["responses"][status].get("content", {}).items():
            if kind == "application/json":
                name = next(iter(content["examples"].values()))["$ref"].rpartition("/")[2]
                value = dict(self.description["components"]["examples"][name]["value"])
                value |= {name: None for name in ("next_cursor", "next_after") if name in value}
                if operation == ("get", "/v1/batches/{batch_id}"):
                    value["status"] = "finished"
                # A later version of the service says more.
                return httpx2.Response(int(status), json=value | {"of_a_later_version": 1})
        return httpx2.Response(int(status), content=b"content")


def _client(answer: Callable[[httpx2.Request], httpx2.Response], **options: Any) -> Client:
    http = httpx2.Client(transport=httpx2.MockTransport(answer), base_url="http://test")
    client = Client(http=http, **options)
    client._connection.pause = lambda _: None
    return client


def test_the_key_is_that_of_the_environment_where_none_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HECHA_KEY", "hk_a")
    for key, sent in ((None, "Bearer hk_a"), ("hk_b", "Bearer hk_b")):
        with Client(key=key) as client:
            assert client._http.headers["Authorization"] == sent


def test_cases_are_changed_only_as_they_were_read() -> None:
    with serving() as service, Client(http=service) as client:
        document = client.read(REPORT, "调查报告.txt")
        assert document is not None
        made = client.create_case([REPORT_ID], "甲")
        named = client.rename_case(made, "乙")
        assert client.case(made.id).name == named.name == "乙"
        with pytest.raises(ServiceError) as caught:
            client.rename_case(made, "丙")
        assert caught.value.code == "precondition_failed"
        assert client.case_workbook(made.id)[:2] == b"PK"
        assert client.case_checklist(made.id).case.name == "乙"
        assert next(client.search("事故")).document == REPORT_ID
        assert client.hold(REPORT_ID, "诉讼").legal_hold
        assert not client.release(REPORT_ID).legal_hold
        client.dissolve_case(named)
        assert [each.id for each in client.cases(document=REPORT_ID)] == []


def test_the_uses_are_those_of_all_methods() -> None:
    methods = {
        name
        for name, _ in inspect.getmembers(Client, inspect.isfunction)
        if not name.startswith("_") and name != "close"
    }
    assert methods == set(USES)
    guide = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
    assert [name for name in methods if f"`{name}`" not in guide] == []


def test_every_operation_has_a_method_that_understands_its_answer() -> None:
    described = Described()
    client = _client(described)
    for name, use in USES.items():
        asked = described.asked
        use(client)
        assert described.asked > asked, name
    assert described.operations == described.used
    for operation in described.operations:
        method, path = operation
        parameters = described.description["paths"][path][method].get("parameters", [])
        asked_for = {each["name"] for each in parameters if each["in"] == "query"}
        assert asked_for - PAGING <= described.given[operation], operation


class Script:
    """A service that answers in turn; an exception is raised instead."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self.bodies.append(request.read())
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def _problem(status: int, code: str = "not_ready", **headers: str) -> httpx2.Response:
    body = {"code": code, "detail": "请稍后重试。", "status": status}
    return httpx2.Response(status, json=body, headers=headers)


ENTRY = create_app(Settings()).openapi()["components"]["examples"]["document"]["value"]


def _ok(**change: Any) -> httpx2.Response:
    return httpx2.Response(200, json=ENTRY | change)


def test_what_passes_is_tried_again_with_the_same_key_and_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "调查报告.txt"
    path.write_bytes(REPORT)
    script = Script(
        httpx2.ConnectError("x"), httpx2.ReadError("x"), _problem(503), _problem(429), _ok()
    )
    client = _client(script, key="sk_1")
    assert client.upload(path).id == REPORT_ID
    assert script.bodies == [REPORT] * 5
    assert len({request.headers["idempotency-key"] for request in script.requests}) == 1
    request = script.requests[0]
    assert request.headers["authorization"] == "Bearer sk_1"
    assert request.url.params["filename"] == "调查报告.txt"
    client._connection.http.close()


def test_the_service_says_how_long_to_wait() -> None:
    client = _client(Script(_problem(503, **{"Retry-After": "17"}), _ok()))
    waits: list[float] = []
    client._connection.pause = waits.append
    client.document("d")
    assert waits == [17.0]


def test_what_may_have_been_done_is_not_sent_again() -> None:
    script = Script(httpx2.ReadError("x"))
    with pytest.raises(UnreachableError, match="没有应答"):
        _client(script).create_webhook("https://a.example/")
    assert len(script.requests) == 1


def test_tries_come_to_an_end() -> None:
    script = Script(*[httpx2.ConnectError("x")] * 3)
    with pytest.raises(UnreachableError):
        _client(script, retries=2).document("d")
    script = Script(*[_problem(503)] * 3)
    with pytest.raises(ServiceError) as caught:
        _client(script, retries=2).document("d")
    assert (caught.value.code, caught.value.status) == ("not_ready", 503)
    assert "请稍后重试" in str(caught.value)


def test_an_answer_that_is_no_problem_is_an_error_all_the_same() -> None:
    for body in (b"<html>", b"[]"):
        with pytest.raises(ServiceError) as caught:
            _client(Script(httpx2.Response(400, content=body))).document("d")
        assert caught.value.code == "unknown"
    assert _client(Script(_problem(503))).is_ready() is False
    with pytest.raises(ServiceError):
        _client(Script(_problem(400))).is_ready()


def test_waiting_asks_as_often_as_the_service_wants() -> None:
    running = _ok(status="running")
    running.headers["Retry-After"] = "3"
    waits: list[float] = []
    client = _client(Script(running, running, _ok()))
    client._connection.pause = waits.append
    assert client.wait("d").status == "succeeded"
    assert waits == [3.0, 3.0]
    error = {"code": "file_encrypted", "message": "要密码。请另存。", "page": None}
    with pytest.raises(ReadingFailedError, match="要密码") as caught:
        _client(Script(_ok(status="failed", error=error))).wait("d")
    assert caught.value.code == "file_encrypted"
    with pytest.raises(ReadingFailedError, match="取消"):
        _client(Script(_ok(status="cancelled"))).wait("d")
    with pytest.raises(WaitedTooLongError):
        _client(Script(*[running] * 3)).wait("d", timeout=0)


def test_ids_cannot_lead_to_other_routes() -> None:
    script = Script(_ok())
    _client(script).document("../webhooks?x")
    assert script.requests[0].url.raw_path == b"/v1/documents/..%2Fwebhooks%3Fx"


def test_events_go_on_from_page_to_page() -> None:
    event = {"type": "document.failed", "at": "2025-03-06T01:20:07Z", "subject": "d", "data": {}}

    def page(number: int, more: bool) -> httpx2.Response:
        events = [event | {"cursor": f"c{number}"}]
        content = {"events": events, "next_cursor": f"c{number}", "has_more": more}
        return httpx2.Response(200, json=content)

    script = Script(page(1, True), page(2, False))
    assert [each.cursor for each in _client(script).events()] == ["c1", "c2"]
    assert [request.url.params.get("after") for request in script.requests] == [None, "c1"]
    script = Script(page(1, False), page(2, False))
    following = _client(script).events(follow=True)
    assert [next(following).cursor for _ in range(2)] == ["c1", "c2"]
    assert script.requests[1].url.params["wait"] == "20.0"


def test_bytes_need_a_name() -> None:
    with pytest.raises(ValueError, match="filename"):
        _client(Script()).upload(b"1")


def test_a_message_is_read_only_when_it_is_signed() -> None:
    secret, body = new_secret(), '{"type":"a.b","timestamp":"2025-03-06T01:20:07Z","data":{}}'
    at = int(time.time())

    def headers(content: bytes) -> dict[str, str]:
        signature = sign(secret, "msg_1", at, content)
        return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(at), "Webhook-Signature": signature}

    message = verify_webhook(headers(body.encode()), body.encode(), secret)
    assert (message.id, message.type, message.subject) == ("msg_1", "a.b", "")
    with pytest.raises(SignatureError):
        verify_webhook(headers(body.encode()), body.encode() + b" ", secret)
    with pytest.raises(SignatureError, match="不是推送的消息"):
        verify_webhook(headers(b"[]"), b"[]", secret)


# With the service itself


@pytest.fixture(scope="module")
def served() -> Iterator[TestClient]:
    with serving() as served:
        yield served


@pytest.fixture(scope="module")
def client(served: TestClient) -> Client:
    return Client(http=served)


def test_upload_and_wait(client: Client) -> None:
    extraction = client.read(REPORT, "调查报告.txt", timeout=60)
    assert extraction.document.id == REPORT_ID
    assert client.read(REPORT, "调查报告.txt") == extraction
    assert client.text(REPORT_ID).encode() == client.original(REPORT_ID) == REPORT
    assert client.checklist([REPORT_ID]).measures == client.document_checklist(REPORT_ID).measures
    assert client.document_workbook(REPORT_ID).startswith(b"PK")
    assert [entry.id for entry in client.documents(kind="INV")] == [REPORT_ID]
    assert client.is_alive() and client.is_ready()
    with pytest.raises(ServiceError) as caught:
        client.page_image(REPORT_ID, 1)
    assert caught.value.code == "layout_missing"
    with pytest.raises(ServiceError) as caught:
        client.document(ABSENT)
    assert (caught.value.code, caught.value.status) == ("document_not_found", 404)


def test_bulk_with_progress(client: Client) -> None:
    told: list[BatchEntry] = []
    batch = client.upload_batch(reports(3), "档案.zip")
    ended = client.wait_for_batch(batch.id, told.append, timeout=90)
    assert (ended.status, ended.counts.succeeded) == ("finished", 3)
    assert told[-1] == ended
    items = list(client.batch_items(batch.id))
    assert [item.document for item in items] == [
        entry.id for entry in reversed(list(client.documents(batch=batch.id)))
    ]
    assert [each.id for each in client.batches()] == [batch.id]
    finished = [each.subject for each in client.events(types=["batch.finished"])]
    assert finished == [batch.id]
    client.delete_batch(batch.id)
    client.delete_document(str(items[0].document))


def test_grouping_is_put_right_and_handed_back() -> None:
    with serving() as served:
        client = Client(http=served)
        client.read(REPORT, "调查报告.txt")
        before = client.placement(REPORT_ID)
        made = client.create_case([REPORT_ID], "另案")
        placed = client.placement(REPORT_ID)
        assert (placed.case, placed.case_name, placed.pinned) == (made.id, "另案", True)
        with pytest.raises(ServiceError) as caught:
            client.regroup_document(before)
        assert caught.value.code == "precondition_failed"
        back = client.regroup_document(placed)
        assert (back.case_name, back.pinned) == (before.case_name, False)
        made = client.add_to_case(client.case(made.id), REPORT_ID)
        [back] = client.regroup_case(made)
        assert back.case not in (None, made.id)
        assert client.case_checklist(str(back.case)).unread == []


def test_keys_the_audit_and_the_metrics() -> None:
    with serving(workers=0, metrics="all") as served:
        client = Client(http=served)
        made = client.create_key("档案系统", ["read"], days=1)
        assert made.key.startswith(made.prefix)
        assert made.id in [each.id for each in client.api_keys()]
        assert client.revoke_key(made.id).revoked_at is not None
        actions = {each.action: each.seq for each in client.audit() if each.subject == made.id}
        assert list(actions) == ["key.created", "key.revoked"]
        later = client.audit(actions["key.created"])
        assert next(later).action == "key.revoked"
        assert "hecha_documents" in client.metrics()


def test_webhooks_are_managed() -> None:
    with serving(workers=0, webhook_hosts=("127.0.0.1",)) as served:
        client = Client(http=served)
        made = client.create_webhook("http://127.0.0.1:1/", ["document.failed"])
        changed = client.change_webhook(made.webhook, types=[], enabled=False)
        assert (changed.types, changed.disabled_reason) == ([], "by_hand")
        with pytest.raises(ServiceError) as caught:
            client.change_webhook(made.webhook, types=[])
        assert caught.value.code == "precondition_failed"
        sent = client.test_webhook(made.webhook.id)
        assert [each.id for each in client.deliveries(made.webhook.id)] == [sent.id]
        assert client.replay(made.webhook.id, sent.id).id == sent.id
        client.delete_webhook(made.webhook.id)
        assert client.webhooks() == []


def test_a_receiver_by_the_standard_understands_what_the_service_sends() -> None:
    with receiving() as receiver, serving(webhook_hosts=("127.0.0.1",)) as served:
        client = Client(http=served)
        made = client.create_webhook(receiver.url)
        client.test_webhook(made.webhook.id)
        receiver.wait(1)
        headers, body = receiver.got[0]
        message = verify_webhook(headers, body, made.secret)
        assert (message.type, message.subject) == ("webhook.test", made.webhook.id)
        assert json.loads(body)["data"] == message.data
        assert served.base_url == HOST
