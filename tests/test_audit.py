"""What the service writes into the audit and when; what `/v1/audit` and the commands show."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from api.access.clerk import Clerk
from api.store import audit
from api.store.acting import Visit, visiting
from api.store.audit import AuditEntry
from api.store.database import Database
from api.store.hooks import HOOKS
from tests.api_client import (
    ABSENT,
    REPORT,
    REPORT_ID,
    make_key,
    problem,
    read,
    services_of,
    serving,
    upload,
)
from tests.test_cli import run


@pytest.fixture
def client() -> Iterator[TestClient]:
    with serving() as client:
        yield client


def _rows(client: TestClient) -> list[tuple[str, str, str]]:
    with services_of(client).database.read() as connection:
        assert audit.verify(connection).broken is None
        return [(row.actor, row.action, row.subject) for row in audit.rows(connection)]


BASE = f"/v1/documents/{REPORT_ID}"
PICKED = {"document": REPORT_ID}
READS: list[tuple[str, str, dict[str, Any], str | None]] = [
    # method, path, more, the action that is audited
    ("GET", f"{BASE}/extraction", {}, "extraction.read"),
    ("GET", f"{BASE}/text", {}, "text.read"),
    ("GET", f"{BASE}/original", {}, "original.read"),
    ("GET", f"{BASE}/checklist", {}, "checklist.read"),
    ("GET", f"{BASE}/checklist.xlsx", {}, "checklist.exported"),
    ("POST", "/v1/checklists", {"json": {"documents": [REPORT_ID]}}, "checklist.read"),
    ("GET", "/", {"params": PICKED}, "checklist.read"),
    ("GET", "/checklist.xlsx", {"params": PICKED}, "checklist.exported"),
    ("GET", "/checklist.json", {"params": PICKED}, "checklist.exported"),
    ("GET", "/", {}, None),
    ("GET", "/v1/documents", {}, None),
    ("GET", BASE, {}, None),
    ("GET", "/openapi.json", {}, None),
]


def test_every_read_of_personal_data_is_in_the_audit_and_nothing_else(client: TestClient) -> None:
    read(client)
    key = client.get("/v1/keys").json()["keys"][0]["id"]
    for method, path, more, action in READS:
        before = _rows(client)
        answer = client.request(method, path, **more)
        assert answer.status_code == 200, path
        added = _rows(client)[len(before) :]
        assert added == ([] if action is None else [(f"key:{key}", action, REPORT_ID)]), path


def test_changes_are_in_the_audit_with_who_made_them(client: TestClient) -> None:
    read(client)
    key = client.get("/v1/keys").json()["keys"][0]["id"]
    me = f"key:{key}"
    made = client.post("/v1/keys", json={"name": "钱某的", "scopes": ["read"]}).json()["id"]
    client.delete(f"/v1/keys/{made}")
    client.delete(BASE)
    # Cases follow the documents by themselves.
    assert [row for row in _rows(client) if not row[1].startswith("case.")] == [
        ("system", "key.created", key),
        (me, "document.received", REPORT_ID),
        ("system", "document.succeeded", REPORT_ID),
        (me, "key.created", made),
        (me, "key.revoked", made),
        (me, "document.deleted", REPORT_ID),
    ]
    assert "钱某" not in client.get("/v1/audit").text


def test_a_change_that_nobody_noted_is_in_the_audit_all_the_same(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(client)
    monkeypatch.setattr(HOOKS, "emitted", [])
    before = len(_rows(client))
    assert client.delete(BASE).status_code == 204
    assert [row[1:] for row in _rows(client)[before:]] == [("other.changed", REPORT_ID)]
    assert client.get("/v1/audit").json()["entries"][-1]["details"] == {
        "route": "DELETE /v1/documents/{document_id}"
    }


def test_what_is_refused_or_not_there_is_no_read(client: TestClient) -> None:
    read(client)
    before = _rows(client)
    client.get(f"/v1/documents/{ABSENT}/text")
    client.get("/checklist.json", params={"document": ABSENT})
    client.post("/v1/checklists", json={"documents": [REPORT_ID, ABSENT]})
    client.get(f"{BASE}/pages/1.png")
    client.get(f"{BASE}/text", headers={"Authorization": "Bearer hk_x"})
    etag = client.get(f"{BASE}/extraction").headers["etag"]
    assert _rows(client)[len(before) :][0][1] == "extraction.read"
    client.get(f"{BASE}/extraction", headers={"If-None-Match": etag})
    assert len(_rows(client)) == len(before) + 1


def test_each_document_of_a_checklist_is_named(client: TestClient) -> None:
    ids = [read(client, REPORT + str(n).encode()).id for n in range(3)]
    before = len(_rows(client))
    client.post("/v1/checklists", json={"documents": [*ids, ids[0]]})
    assert [row[2] for row in _rows(client)[before:]] == ids


@pytest.mark.parametrize("path", [f"{BASE}/text", f"{BASE}/original", f"{BASE}/extraction"])
def test_nothing_is_shown_that_cannot_be_written_down(
    client: TestClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(client)

    def full(*_: object) -> None:
        raise OperationalError("x", {}, Exception("disk"))

    monkeypatch.setattr("api.access.clerk.audit.append", full)
    answer = client.get(path)
    problem(answer, "not_ready")
    assert "青榆" not in answer.text and "etag" not in answer.headers
    assert client.get(BASE).status_code == 200
    monkeypatch.undo()
    assert client.get(path).status_code == 200


def test_reads_that_come_together_share_a_commit(database: Database) -> None:
    clerk = Clerk(database)
    with database.write():
        done = [clerk.record([AuditEntry("a", "key:1", "text.read", str(n))]) for n in range(20)]
        if database.is_sqlite:
            assert not done[-1].done()
    for each in done:
        each.result(timeout=30)
    clerk.close()
    with database.read() as connection:
        assert [row.subject for row in audit.rows(connection)] == [str(n) for n in range(20)]


def test_a_clerk_that_ends_leaves_nothing_unwritten(database: Database) -> None:
    clerk = Clerk(database)
    done = [clerk.record([AuditEntry("a", "x", "y", str(n))]) for n in range(5)]
    clerk.close()
    assert all(each.done() for each in done)
    assert not [each for each in threading.enumerate() if each.name == "hecha-clerk"]


def test_the_audit_is_given_in_pages(client: TestClient) -> None:
    read(client)
    for _ in range(4):
        client.get(f"{BASE}/text")
    seen: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = client.get("/v1/audit", params={"after": after, "limit": 3}).json()
        seen += page["entries"]
        after = page["next_after"]
    numbers = [entry["seq"] for entry in seen]
    assert numbers == list(range(1, len(seen) + 1)) and len(seen) >= 8
    # Looking at the audit is itself in it.
    assert [entry["action"] for entry in seen].count("audit.read") >= 2
    texts = [entry for entry in seen if entry["action"] == "text.read"]
    assert len(texts) == 4 and texts[0]["at"].endswith("Z")
    problem(client.get("/v1/audit", params={"after": -1}), "request_invalid")


# The commands


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data folder of its own for the commands."""
    monkeypatch.setenv("HECHA_DATA", str(tmp_path / "data"))
    for name in ("DATABASE_URL", "FILES"):
        monkeypatch.delenv(f"HECHA_{name}", raising=False)
    return tmp_path / "data"


def test_audit_verify_names_the_first_entry_that_is_not_right(data: Path) -> None:
    for name in ("甲", "乙", "丙"):
        assert run("keys", "create", name).exit_code == 0
    whole = run("audit", "verify")
    assert whole.exit_code == 0 and "共 3 条" in whole.stderr
    head = whole.stdout.strip()
    assert run("audit", "verify", "--known", head).exit_code == 0
    assert run("audit", "verify", "--known", "3").exit_code == 2
    database = Database(f"sqlite:///{data / 'hecha.db'}")
    with database.write() as connection:
        connection.execute(text("DROP TRIGGER audit_delete"))
        connection.execute(text("DELETE FROM audit WHERE seq = 3"))
    assert run("audit", "verify").exit_code == 0
    cut = run("audit", "verify", "--known", head)
    assert cut.exit_code == 1 and "第 3 条" in cut.stderr
    with database.write() as connection:
        connection.execute(text("DROP TRIGGER audit_update"))
        connection.execute(text("UPDATE audit SET actor = 'x' WHERE seq = 2"))
    database.close()
    broken = run("audit", "verify")
    assert broken.exit_code == 1 and "第 2 条被改过" in broken.stderr


@pytest.mark.usefixtures("data")
def test_audit_export_is_enough_to_compute_the_chain(tmp_path: Path) -> None:
    for name in ("甲", "乙"):
        run("keys", "create", name)
    run("tenants", "create", "other")
    printed = run("audit", "export").stdout.splitlines()
    target = tmp_path / "audit.jsonl"
    assert run("audit", "export", "-o", target).exit_code == 0
    assert target.read_text(encoding="utf-8").splitlines() == printed
    before = audit.BEGINNING
    for line in printed:
        entry = json.loads(line)
        assert entry["previous_hash"] == before
        before = audit.hash_of({**entry, "at": entry["at_microseconds"]})
        assert entry["hash"] == before
    assert len(run("audit", "export", "--tenant", "other").stdout.splitlines()) == 1
    refused = run("audit", "export", "-o", tmp_path)
    assert refused.exit_code == 1 and "不能写" in refused.stderr


@pytest.mark.usefixtures("data")
def test_keys_are_made_listed_and_revoked_at_the_command_line() -> None:
    made = run("keys", "create", "档案", "--scope", "read", "--days", "30")
    assert made.exit_code == 0 and made.stdout.startswith("hk_")
    assert made.stdout.strip() not in made.stderr
    listed = run("keys", "list").stdout
    assert "档案" in listed and "有效至" in listed and made.stdout.strip() not in listed
    key_id = made.stderr.split("编号 ")[1].partition("，")[0]
    assert key_id in listed
    assert run("keys", "revoke", key_id).exit_code == 0
    assert "已吊销" in run("keys", "list").stdout
    assert run("keys", "revoke", "none").exit_code == 1
    assert run("keys", "create", "x", "--scope", "root").exit_code == 2
    absent = run("keys", "create", "x", "--tenant", "other")
    assert absent.exit_code == 1 and "hecha tenants create other" in absent.stderr


@pytest.mark.usefixtures("data")
def test_tenants_are_made_and_listed_at_the_command_line() -> None:
    assert run("tenants", "create", "qingyu", "--name", "青榆市应急管理局").exit_code == 0
    listed = run("tenants", "list").stdout
    assert "qingyu" in listed and "青榆市应急管理局" in listed and "default" in listed
    again = run("tenants", "create", "qingyu")
    assert again.exit_code == 1 and "已有" in again.stderr
    assert run("keys", "create", "x", "--tenant", "qingyu").exit_code == 0


@pytest.mark.parametrize("command", [("keys", "list"), ("audit", "verify"), ("tenants", "list")])
@pytest.mark.usefixtures("data")
def test_a_database_that_is_not_there_is_said_without_secrets(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HECHA_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/x")
    result = run(*command)
    assert result.exit_code == 1 and "数据库没有应答" in result.stderr
    assert "secret" not in result.stderr


def test_an_upload_is_audited_in_its_own_transaction() -> None:
    with serving(workers=0) as client:
        make_key(services_of(client))
        upload(client)
        rows = _rows(client)
    assert rows[-1][1:] == ("document.received", REPORT_ID)


def test_changes_that_share_a_commit_keep_who_made_them(database: Database) -> None:
    barrier = threading.Barrier(8)

    def change(number: int) -> None:
        barrier.wait()
        for n in range(5):
            with visiting(Visit(f"key:{number}")):
                database.change(lambda c: audit.note(c, "a", "x", f"{number} {n}"))  # noqa: B023

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(8)))
    with database.read() as connection:
        rows = [(row.actor, row.subject.split()[0]) for row in audit.rows(connection)]
        assert audit.verify(connection).broken is None
    assert len(rows) == 40 and all(actor == f"key:{subject}" for actor, subject in rows)
