"""The feed of events: in order, nothing skipped whoever writes at the same time."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from api.settings import Settings
from api.store import feed
from api.store.database import Database
from api.store.feed import EVENT_TYPES, ForgottenError, emit
from api.store.ids import now
from api.store.schema import DEFAULT_TENANT, EVENTS
from api.upkeep import daily
from tests.api_client import REPORT_ID, ended, problem, serving, upload
from tests.batch_files import report
from tests.conftest import ROOT

TENANT = DEFAULT_TENANT
KIND = "document.received"


def _emit(database: Database, subject: str, kind: str = KIND, tenant: str = TENANT) -> int:
    with database.write() as connection:
        return emit(connection, tenant, kind, subject, {})


def _following(
    database: Database, after: int | None, limit: int = 100, *types: str
) -> tuple[list[str], int | None, bool]:
    with database.read() as connection:
        found, going_on, more = feed.following(connection, TENANT, after, limit, types)
    return [each.subject for each in found], going_on, more


def test_a_reader_among_many_writers_skips_nothing(database: Database) -> None:
    """Transactions take long after they have their number: a smaller one must not come later."""
    writers, each = 6, 12
    done = threading.Event()
    read: list[str] = []

    def write(writer: int) -> None:
        chance = random.Random(writer)  # noqa: S311
        for number in range(each):
            with database.write() as connection:
                emit(connection, TENANT, KIND, f"{writer}-{number}", {})
                time.sleep(chance.uniform(0, 0.008))

    def follow() -> None:
        after: int | None = None
        while True:
            was_done = done.is_set()
            found, after, more = _following(database, after, 5)
            read.extend(found)
            if was_done and not more:
                return

    reader = threading.Thread(target=follow)
    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in [reader, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    reader.join()
    assert len(read) == len(set(read)) == writers * each
    for writer in range(writers):
        mine = [subject for subject in read if subject.startswith(f"{writer}-")]
        assert mine == [f"{writer}-{number}" for number in range(each)]


def test_pages_types_and_tenants(database: Database) -> None:
    assert _following(database, None) == ([], None, False)
    first = _emit(database, "a")
    _emit(database, "b", "document.failed")
    _emit(database, "x", tenant="other")
    last = _emit(database, "c")
    assert _following(database, None) == (["a", "b", "c"], last, False)
    assert _following(database, None, 1) == (["a"], first, True)
    assert _following(database, first, 2) == (["b", "c"], last, False)
    assert _following(database, last) == ([], last, False)
    assert _following(database, None, 100, "document.failed") == (["b"], last, False)
    assert _following(database, None, 100, "batch.created") == ([], last, False)


def test_a_cursor_that_is_older_than_what_is_kept_says_so(database: Database) -> None:
    old = [_emit(database, each) for each in "abc"]
    with database.write() as connection:
        connection.execute(update(EVENTS).values(at=now() - 10**9))
    new = _emit(database, "d")
    _emit(database, "x", tenant="other")
    with database.write() as connection:
        assert feed.forget(connection, now() - 10**8) == 3
        assert feed.forget(connection, now() - 10**8) == 0
    with pytest.raises(ForgottenError):
        _following(database, old[1])
    # Whoever has seen all that is gone misses nothing.
    assert _following(database, old[2]) == (["d"], new, False)
    assert _following(database, None) == (["d"], new, False)
    with database.read() as connection:
        found, *_ = feed.following(connection, "other", old[0], 10)
    assert [each.subject for each in found] == ["x"]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with serving(workers=0) as client:
        yield client


def test_the_route_gives_what_happened(client: TestClient) -> None:
    assert client.get("/v1/events").json() == {"events": [], "next_cursor": None, "has_more": False}
    upload(client)
    page = client.get("/v1/events").json()
    (event,) = page["events"]
    assert (event["type"], event["subject"]) == ("document.received", REPORT_ID)
    assert event["cursor"] == page["next_cursor"]
    after = f"/v1/events?after={page['next_cursor']}"
    assert client.get(after).json()["events"] == []
    upload(client, report(1))
    assert len(client.get(after).json()["events"]) == 1
    assert client.get(f"{after}&types=document.failed,document.deleted").json()["events"] == []
    problem(client.get("/v1/events?after=!"), "cursor_invalid")
    problem(client.get("/v1/events?types=document.stolen"), "request_invalid")
    problem(client.get("/v1/events?wait=3600"), "request_invalid")


def test_who_waits_is_answered_when_something_happens(client: TestClient) -> None:
    cursor = client.get("/v1/events?limit=1000").json()["next_cursor"]
    began = time.monotonic()
    assert client.get(f"/v1/events?after={cursor}&wait=0.7").json()["events"] == []
    assert 0.6 < time.monotonic() - began < 5
    timer = threading.Timer(0.3, upload, (client, report(2)))
    timer.start()
    page = client.get(f"/v1/events?after={cursor}&wait=20").json()
    timer.join()
    assert len(page["events"]) == 1
    assert time.monotonic() - began < 10


def test_a_forgotten_cursor_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgotten(*_: object) -> None:
        raise ForgottenError

    with serving(workers=0) as client:
        monkeypatch.setattr(feed, "following", forgotten)
        found = problem(client.get("/v1/events?after=MTc"), "events_forgotten")
        assert "保留期" in found.detail


def test_old_events_are_forgotten_by_themselves(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "_FIRST", 0.0)
    with serving(data=tmp_path, workers=0) as client:
        upload(client)
    database = Database(Settings(data=str(tmp_path)).database)
    with database.write() as connection:
        connection.execute(update(EVENTS).values(at=now() - 40 * 24 * 3600 * 1_000_000))
    database.close()
    with serving(data=tmp_path, workers=1) as client:
        ended(client)
        deadline = time.monotonic() + 20
        while True:
            kinds = [each["type"] for each in client.get("/v1/events").json()["events"]]
            if "document.received" not in kinds:
                break
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_every_type_that_is_told_is_known_and_every_known_one_told() -> None:
    code = [
        p for p in (ROOT / "api").rglob("*.py") if p.name not in ("feed.py", "service_client.py")
    ]
    text = "\n".join(path.read_text("utf-8") for path in code)
    told = re.findall(r"emit\([^()]*?\"([a-z]+\.[a-z_]+)\"", text)
    assert set(told) <= set(EVENT_TYPES)
    assert [kind for kind in EVENT_TYPES if f'"{kind}"' not in text] == []


def test_the_guide_names_every_type() -> None:
    guide = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `([a-z]+\.[a-z_]+)` \| ([^|]+) \|$", guide)
    assert dict(rows) == dict(EVENT_TYPES)
