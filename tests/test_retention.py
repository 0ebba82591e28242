"""Retention and legal hold: what goes, what stays, and what is told of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import URL, insert, select, update
from sqlalchemy.exc import OperationalError

from api.services import Services, open_services
from api.settings import Settings
from api.store import cases, holds
from api.store.case_grouping import leave_case
from api.store.case_rows import left_empty, remove_empty
from api.store.hooks import HOOKS
from api.store.ids import now
from api.store.schema import (
    BATCH_ITEMS,
    BATCHES,
    CASES,
    DELIVERIES,
    DOCUMENTS,
    EVENTS,
    IDEMPOTENCY,
    INSTALLATION,
    RETENTION,
    SESSIONS,
    TENANTS,
    WEBHOOKS,
)
from api.upkeep import daily
from api.upkeep.daily import Daily, take_day
from api.upkeep.retention import Cleared, clear, due
from tests.api_client import ABSENT, REPORT_ID, problem, serving, upload
from tests.test_cli import run

DAY = timedelta(days=1) // timedelta(microseconds=1)


@pytest.fixture
def services(database_url: URL, tmp_path: Path) -> Iterator[Services]:
    url = SecretStr(database_url.render_as_string(hide_password=False))
    settings = Settings(database_url=url, data=tmp_path, retention_days=30, events_days=10)
    with closing(open_services(settings)) as services:
        yield services


def _document(
    services: Services, body: bytes, days: float, tenant: str = "default", status: str = "succeeded"
) -> str:
    """A document that came in so many days ago."""
    incoming = services.files.incoming()
    incoming.write(BytesIO(body).read())
    entry = services.accept(tenant, incoming, f"{body.decode()}.txt").entry
    values = {"received_at": now() - round(days * DAY), "status": status}
    with services.database.write() as connection:
        same = (DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.id == entry.id)
        connection.execute(update(DOCUMENTS).where(*same).values(values))
    return entry.id


def _left(services: Services, tenant: str = "default") -> set[str]:
    with services.database.read() as connection:
        query = select(DOCUMENTS.c.id).where(DOCUMENTS.c.tenant == tenant)
        return set(connection.execute(query).scalars())


def _events(services: Services, kind: str) -> list[Any]:
    with services.database.read() as connection:
        query = select(EVENTS).where(EVENTS.c.type == kind).order_by(EVENTS.c.seq)
        return list(connection.execute(query).all())


def test_what_is_older_than_the_rule_goes_with_its_file(services: Services) -> None:
    told: list[tuple[str, str]] = []
    HOOKS.deleting.append(lambda _, tenant, document: told.append((tenant, document)))
    old, new = _document(services, b"old", 30.01), _document(services, b"new", 29.9)
    failed = _document(services, b"failed", 31, status="failed")
    waiting = _document(services, b"waiting", 31, status="queued")
    held = _document(services, b"held", 31)
    with services.database.write() as connection:
        assert holds.hold(connection, "default", held, "复议")
    assert due(services) == (2, 1)
    assert clear(services) == Cleared(documents=2, held=1)
    assert _left(services) == {new, waiting, held}
    assert services.files.size(old) is None and services.files.size(held) is not None
    assert [(row.subject, row.data) for row in _events(services, "document.deleted")] == [
        (old, {"reason": "retention"}), (failed, {"reason": "retention"}),
    ]  # fmt: skip
    assert told == [("default", old), ("default", failed)]
    HOOKS.deleting.clear()
    with services.database.write() as connection:
        assert holds.release(connection, "default", held)
    assert clear(services) == Cleared(documents=1)


def test_a_rule_of_a_tenant_goes_before_that_of_the_installation(services: Services) -> None:
    with services.database.write() as connection:
        for tenant, days in (("short", 2), ("long", 400)):
            row = {"id": tenant, "name": tenant, "created_at": 0}
            connection.execute(insert(TENANTS).values(row))
            rule = {"tenant": tenant, "days": days, "updated_at": 0}
            connection.execute(insert(RETENTION).values(rule))
    shared = _document(services, b"shared", 40)
    for tenant in ("short", "long"):
        assert _document(services, b"shared", 40, tenant) == shared
    assert clear(services).documents == 2
    assert _left(services) == _left(services, "short") == set()
    assert _left(services, "long") == {shared}
    # The bytes are still somebody's.
    assert services.files.size(shared) == 6


def test_without_a_rule_documents_stay_for_ever(tmp_path: Path) -> None:
    with closing(open_services(Settings(data=tmp_path))) as services:
        _document(services, b"old", 4000)
        assert due(services) == (0, 0)
        assert clear(services) == Cleared()


def test_a_case_that_has_been_empty_for_as_long_goes_too(services: Services) -> None:
    kept, old = _document(services, b"kept", 1), _document(services, b"old", 31)
    with services.database.write() as connection:
        full, left = (cases.create(connection, "default", [each], None) for each in (kept, old))
        empty = cases.create(connection, "default", [kept], "空的")
        cases.add(connection, "default", full, kept, None)
    HOOKS.deleting.append(leave_case)
    assert clear(services) == Cleared(documents=1), "it was emptied only now"
    _age_cases(services, 29.9)
    assert clear(services) == Cleared()
    _age_cases(services, 30.1)
    assert clear(services) == Cleared(cases=2)
    HOOKS.deleting.clear()
    with services.database.read() as connection:
        assert [case.id for case in cases.listing(connection, "default", 9)[0]] == [full]
    told = [(row.subject, row.data) for row in _events(services, "case.deleted")]
    assert told == [(case, {"reason": "retention"}) for case in sorted((left, empty))]


def test_a_case_that_is_filled_in_the_meantime_stays(services: Services) -> None:
    kept = _document(services, b"kept", 1)
    with services.database.write() as connection:
        case = cases.create(connection, "default", [kept], None)
        assert not remove_empty(connection, "default", case, now() + DAY)
        assert left_empty(connection, "default", now() + DAY) == []


def _age_cases(services: Services, days: float) -> None:
    with services.database.write() as connection:
        connection.execute(update(CASES).values(updated_at=now() - round(days * DAY)))


def test_more_than_one_step_of_documents_goes(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.upkeep.retention._STEP", 2)
    for number in range(5):
        _document(services, b"%d" % number, 31)
    assert clear(services).documents == 5


def test_a_document_that_is_held_at_the_last_moment_stays(services: Services) -> None:
    held = _document(services, b"held", 31)
    from api.upkeep import retention

    with services.database.write() as connection:
        holds.hold(connection, "default", held, "复议")
    assert not retention._clear_document(services, "default", held)
    assert not retention._clear_document(services, "default", ABSENT)
    assert _left(services) == {held}


def test_old_records_go_and_those_in_use_stay(services: Services) -> None:
    kept = _document(services, b"kept", 1)
    old, new = now() - 31 * DAY, now() - DAY
    with services.database.write() as connection:
        batches = [("gone", old), ("in use", old), ("new", new)]
        for batch, at in batches:
            row = {
                "tenant": "default", "id": batch, "created_at": at, "updated_at": at,
                "kind": "zip", "name": "甲.zip", "status": "finished",
            }  # fmt: skip
            connection.execute(insert(BATCHES).values(row))
            item = {
                "tenant": "default", "batch": batch, "position": 0, "path": "甲.pdf",
                "document": kept if batch == "in use" else ABSENT, "status": "done",
            }  # fmt: skip
            connection.execute(insert(BATCH_ITEMS).values(item))
        hook = {
            "tenant": "default", "id": "w", "url": "https://x", "secret": "s", "types": [],
            "created_at": old,
        }  # fmt: skip
        connection.execute(insert(WEBHOOKS).values(hook))
        connection.execute(update(EVENTS).values(at=now() - 11 * DAY))
        seq = connection.execute(select(EVENTS.c.seq)).scalars().first()
        delivery = {
            "tenant": "default", "webhook": "w", "event_seq": seq, "id": "m",
            "status": "delivered", "created_at": old, "give_up_at": old,
        }  # fmt: skip
        connection.execute(insert(DELIVERIES).values(delivery))
        for key, at in (("old", old), ("new", now())):
            row = {
                "tenant": "default", "key": key, "route": "r", "request_hash": ABSENT,
                "created_at": at,
            }  # fmt: skip
            connection.execute(insert(IDEMPOTENCY).values(row))
        session = {
            "hash": ABSENT, "tenant": "default", "subject": "x", "name": "x", "scopes": [],
            "csrf": "x", "created_at": old, "expires_at": old, "last_used_at": old,
        }  # fmt: skip
        connection.execute(insert(SESSIONS).values(session))
    assert clear(services) == Cleared(batches=1, events=1, keys=1, sessions=1)
    with services.database.read() as connection:
        assert set(connection.execute(select(BATCHES.c.id)).scalars()) == {"in use", "new"}
        assert "m" not in connection.execute(select(DELIVERIES.c.id)).scalars().all()
        assert connection.execute(select(BATCH_ITEMS.c.batch)).scalars().all() != []
    assert [row.subject for row in _events(services, "batch.deleted")] == ["gone"]


def test_the_work_of_a_day_is_taken_once(services: Services) -> None:
    taken: list[bool] = []
    threads = [
        threading.Thread(target=lambda: taken.append(take_day(services, "2026-01-02")))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 5 + [True]
    assert not take_day(services, "2026-01-01") and take_day(services, "2026-01-03")


def _wait(condition: Callable[[], bool]) -> None:
    patience = threading.Event()
    for _ in range(200):
        if condition():
            return
        patience.wait(0.05)
    raise AssertionError


def test_every_day_retention_runs_by_itself_and_again_after_trouble(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    old = _document(services, b"old", 31)
    monkeypatch.setattr(daily, "_PAUSE", 0.02)
    calls: list[int] = []

    def failing_once(given: Services) -> Cleared:
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError("甲", {}, Exception("甲"))
        return clear(given)

    monkeypatch.setattr(daily, "clear", failing_once)
    job = Daily(services, first=0.01)
    job.start()
    try:
        _wait(lambda: "did not come to its end: OperationalError" in caplog.text)
        with services.database.write() as connection:
            connection.execute(update(INSTALLATION).values(value="2000-01-01"))
        _wait(lambda: old not in _left(services))
    finally:
        job.stop()
    assert "甲" not in caplog.text and len(calls) == 2


def test_a_document_is_held_and_released_by_http() -> None:
    with serving(workers=0) as client:
        upload(client)
        place = f"/v1/documents/{REPORT_ID}"
        held = client.put(f"{place}/hold", json={"reason": " 复议期间保全 "})
        assert held.status_code == 200
        assert (held.json()["legal_hold"], held.json()["hold_reason"]) == (True, "复议期间保全")
        again = client.put(f"{place}/hold", json={"reason": "另一理由"}).json()
        assert again["hold_reason"] == "另一理由"
        problem(client.delete(place), "document_held")
        released = client.delete(f"{place}/hold").json()
        assert (released["legal_hold"], released["hold_reason"]) == (False, None)
        assert client.delete(f"{place}/hold").status_code == 200
        assert client.delete(place).status_code == 204
        for answer in (
            client.put(f"{place}/hold", json={"reason": "x"}),
            client.delete(f"{place}/hold"),
        ):
            problem(answer, "document_not_found")
        for body in ({}, {"reason": " "}, {"reason": "x" * 501}, {"reason": "x", "y": 1}):
            problem(client.put(f"{place}/hold", json=body), "request_invalid")


def test_holding_and_releasing_are_events_once_each(services: Services) -> None:
    document = _document(services, b"x", 1)
    with services.database.write() as connection:
        for reason in ("一", "二"):
            holds.hold(connection, "default", document, reason)
        for _ in range(2):
            holds.release(connection, "default", document)
    assert [row.data for row in _events(services, "document.held")] == [{"legal_hold": True}]
    assert [row.data for row in _events(services, "document.released")] == [{"legal_hold": False}]


def test_the_command_counts_and_deletes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HECHA_DATA", str(tmp_path))
    monkeypatch.setenv("HECHA_RETENTION_DAYS", "7")
    with closing(open_services(Settings())) as services:
        _document(services, b"old", 8)
        held = _document(services, b"held", 8)
        with services.database.write() as connection:
            holds.hold(connection, "default", held, "复议")
    counted = run("retention", "run", "--dry-run")
    assert counted.exit_code == 0 and "到期的文件 1 份" in counted.stderr
    done = run("retention", "run")
    assert done.exit_code == 0 and "文件 1 份" in done.stderr
    assert "另有 1 份到期的文件已封存" in done.stderr
    assert "到期的文件 0 份" in run("retention", "run", "--dry-run").stderr
    monkeypatch.setenv("HECHA_RETENTION_DAYS", "0")
    assert "HECHA_RETENTION_DAYS" in run("retention", "run").stderr
