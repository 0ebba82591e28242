"""Batches: every file of an archive or a folder once, also when the process dies in the midst."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import URL, func, select, update

from api.background.unpacking import Unpacker
from api.services import Services
from api.settings import Settings
from api.store import batches, documents
from api.store.ids import now
from api.store.schema import BATCHES, DEFAULT_TENANT, DOCUMENTS, EVENTS, FILES
from bench.soak import Service
from extractor.formats.limits import MIB
from tests.api_client import REPORT, REPORT_ID, problem, serving, upload
from tests.batch_files import (
    WORKERS,
    accept_batch,
    end_all,
    entry_of,
    items_of,
    opened,
    report,
    reports,
    unpack,
)
from tests.processes import LINUX
from tests.sample_files import zip_file


@pytest.fixture
def services(database_url: URL, tmp_path: Path) -> Iterator[Services]:
    folder = tmp_path / "archive"
    with opened(database_url, tmp_path, folders=(("档案", folder),)) as services:
        yield services


def _change(services: Services, step: Callable[..., Any], *arguments: Any) -> Any:
    with services.database.write() as connection:
        return step(connection, DEFAULT_TENANT, *arguments)


def _count(services: Services, table: Any) -> int:
    with services.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(40)


def test_each_file_becomes_a_document_and_the_same_bytes_one(services: Services) -> None:
    archive = zip_file({"a.txt": report(1), "b.txt": report(1), "c.txt": report(2), "d.mp4": VIDEO})
    batch = accept_batch(services, archive)
    assert entry_of(services, batch).status == "unpacking"
    assert unpack(services)
    entry = entry_of(services, batch)
    assert (entry.status, entry.total) == ("running", 4)
    assert entry.counts == batches.ItemCounts(queued=3, skipped=1)
    rows = items_of(services, batch)
    digest = sha256(report(1)).hexdigest()
    assert [(row.path, row.is_repeated) for row in rows[:2]] == [("a.txt", False), ("b.txt", True)]
    assert rows[0].document == rows[1].document == digest
    with services.database.read() as connection:
        document = documents.get(connection, DEFAULT_TENANT, digest)
    assert document is not None
    assert (document.source, document.filename) == ("batch", "a.txt")
    # The archive itself is not kept once all of it is documents.
    assert _count(services, FILES) == _count(services, DOCUMENTS) == 2
    assert services.files.size(sha256(archive).hexdigest()) is None


def test_it_ends_when_all_of_it_has_ended_and_failures_alone_are_retried(
    services: Services,
) -> None:
    batch = accept_batch(services, reports(4))
    unpacker = Unpacker(services, WORKERS)
    unpacker.unpack_one()
    unpacker.end_finished()
    assert entry_of(services, batch).status == "running"
    assert end_all(services, failing=1) == 4
    assert entry_of(services, batch).per_minute
    unpacker.end_finished()
    unpacker.end_finished()
    entry = entry_of(services, batch)
    assert (entry.status, entry.counts.failed, entry.seconds_left) == ("finished", 4, None)
    assert {row.code for row in items_of(services, batch)} == {"file_corrupt", "file_empty"}
    assert all(row.message for row in items_of(services, batch))
    with services.database.read() as connection:
        told = connection.execute(select(EVENTS.c.type).where(EVENTS.c.subject == batch)).scalars()
        assert list(told) == ["batch.created", "batch.finished"]
    again = _change(services, batches.retry, batch, "v")
    assert (again.status, again.counts.queued) == ("running", 4)
    with pytest.raises(batches.BatchUnderWayError):
        _change(services, batches.remove, batch)


def test_cancelling_takes_out_what_only_this_batch_waits_for(services: Services) -> None:
    batch = accept_batch(services, reports(4))
    other = accept_batch(services, reports(1))
    for _ in range(2):
        unpack(services)
    incoming = services.files.incoming()
    incoming.write(report(1))
    services.accept(DEFAULT_TENANT, incoming, "我要的.txt")
    entry = _change(services, batches.cancel, batch)
    assert entry.status == "cancelled"
    # 0 is wanted by the other batch, 1 by a person.
    assert entry.counts == batches.ItemCounts(queued=2, cancelled=2)
    assert entry_of(services, other).counts.queued == 1
    assert _change(services, batches.cancel, batch) == entry
    resumed = _change(services, batches.retry, batch, "v")
    assert (resumed.status, resumed.counts.queued) == ("running", 4)
    _change(services, batches.cancel, batch)
    assert services.remove_batch(DEFAULT_TENANT, batch)
    assert not services.remove_batch(DEFAULT_TENANT, batch)
    assert _count(services, DOCUMENTS) == 4


class _Dying(Unpacker):
    """Dies after a number of files, before or after a file is stored: as a kill does."""

    together = 2
    left = 0

    def _add(self, claimed: batches.Unpacking, items: list[batches.NewItem]) -> None:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        super()._add(claimed, items)


def _expire(services: Services) -> None:
    with services.database.write() as connection:
        connection.execute(update(BATCHES).values(claimed_until=now() - 1))


def test_killed_in_the_midst_it_goes_on_without_doubling(services: Services) -> None:
    files = {f"{n}.txt": report(n % 7) for n in range(10)}
    files["同.txt"] = report(8)
    archive = zip_file({**files, "内.zip": zip_file(files)})
    batch = accept_batch(services, archive)
    for left in (1, 0, 3):
        dying = _Dying(services, WORKERS)
        dying.left = left
        with pytest.raises(KeyboardInterrupt):
            dying.unpack_one()
        assert not unpack(services), "another took it though its owner may live"
        _expire(services)
    assert entry_of(services, batch).total == 8
    assert unpack(services)
    entry = entry_of(services, batch)
    assert (entry.status, entry.total) == ("running", 22)
    assert [row.position for row in items_of(services, batch)] == list(range(1, 23))
    assert len({row.path for row in items_of(services, batch)}) == 22
    assert _count(services, DOCUMENTS) == 8


def test_who_lost_the_claim_or_was_cancelled_adds_nothing_more(services: Services) -> None:
    batch = accept_batch(services, reports(3))

    class Overtaken(Unpacker):
        together = 1

        def _add(self, claimed: batches.Unpacking, items: list[batches.NewItem]) -> None:
            if items[0].path.startswith("001"):
                _change(services, batches.cancel, batch)
            super()._add(claimed, items)

    unpack(services, Overtaken)
    entry = entry_of(services, batch)
    assert (entry.status, entry.total, entry.counts.cancelled) == ("cancelled", 1, 1)
    # It was not unpacked to its end: trying again does that.
    assert _change(services, batches.retry, batch, "v").status == "unpacking"
    assert unpack(services)
    assert entry_of(services, batch).total == 3


def test_two_processes_never_unpack_the_same(services: Services) -> None:
    ids = [accept_batch(services, reports(n)) for n in range(1, 7)]
    with ThreadPoolExecutor(3) as pool:
        done = pool.map(lambda _: unpack(services), range(9))
        assert sum(done) == 6
    assert [entry_of(services, batch).total for batch in ids] == [1, 2, 3, 4, 5, 6]


def test_an_archive_in_waiting_is_not_removed_with_its_namesake(services: Services) -> None:
    archive = reports(2)
    incoming = services.files.incoming()
    incoming.write(archive)
    document = services.accept(DEFAULT_TENANT, incoming, "也是文件.zip").entry.id
    batch = accept_batch(services, archive)
    assert services.remove(DEFAULT_TENANT, document)
    assert unpack(services)
    assert entry_of(services, batch).total == 2


def test_an_archive_that_is_lost_says_so_and_may_be_deleted(services: Services) -> None:
    batch = accept_batch(services, reports(2))
    services.files.delete(sha256(reports(2)).hexdigest())
    unpack(services)
    entry = entry_of(services, batch)
    assert entry.status == "failed" and entry.error is not None
    assert entry.error.code == "original_missing"
    assert services.remove_batch(DEFAULT_TENANT, batch)
    assert _count(services, FILES) == 0


def test_a_folder_that_is_not_there_fails_and_can_be_tried_again(
    services: Services, tmp_path: Path
) -> None:
    batch = services.accept_folder(DEFAULT_TENANT, "档案").id
    unpack(services)
    entry = entry_of(services, batch)
    assert entry.error is not None and entry.error.code == "folder_unreadable"
    assert "HECHA_FOLDERS" in entry.error.message and str(tmp_path) not in entry.error.message
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "a.txt").write_bytes(REPORT)
    assert _change(services, batches.retry, batch, "v").status == "unpacking"
    unpack(services)
    entry = entry_of(services, batch)
    assert (entry.status, entry.total, entry.error) == ("running", 1, None)
    with services.database.read() as connection:
        document = documents.get(connection, DEFAULT_TENANT, REPORT_ID)
    assert document is not None and document.source == "folder"


def test_a_process_without_the_folder_leaves_it_to_others(
    database_url: URL, services: Services, tmp_path: Path
) -> None:
    services.accept_folder(DEFAULT_TENANT, "档案")
    with opened(database_url, tmp_path) as others:
        assert not unpack(others)


def test_the_same_request_is_one_batch(services: Services) -> None:
    archive = reports(1)
    assert accept_batch(services, archive, "k1") == accept_batch(services, archive, "k1")
    assert accept_batch(services, archive) != accept_batch(services, archive, "k2")
    first, second = (services.accept_folder(DEFAULT_TENANT, "档案", "k3").id for _ in range(2))
    assert first == second


def test_the_folders_are_those_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HECHA_FOLDERS", "甲=/srv/a, 乙 = /srv/b")
    assert Settings().folders == (("甲", Path("/srv/a")), ("乙", Path("/srv/b")))
    for wrong in ("/srv/a", "甲=", "甲=/a,甲=/b"):
        monkeypatch.setenv("HECHA_FOLDERS", wrong)
        with pytest.raises(ValueError, match="HECHA_FOLDERS"):
            Settings()


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with serving(workers=0, max_batch_mb=1) as client:
        yield client


def test_the_routes_list_page_and_refuse(client: TestClient) -> None:
    made = [client.post("/v1/batches", files={"file": (f"{n}.zip", reports(1))}) for n in range(3)]
    for response in made:
        assert response.status_code == 202
        assert response.headers["operation-location"] == f"/v1/batches/{response.json()['id']}"
        assert int(response.headers["retry-after"]) > 0
    ids = [response.json()["id"] for response in made]
    page = client.get("/v1/batches?limit=2").json()
    rest = client.get(f"/v1/batches?limit=2&cursor={page['next_cursor']}").json()
    assert [each["id"] for each in page["batches"] + rest["batches"]][:3] == ids[::-1]
    assert rest["next_cursor"] is None
    absent = "/v1/batches/0195a1c2"
    problem(client.get(absent), "batch_not_found")
    problem(client.get(f"{absent}/items"), "batch_not_found")
    problem(client.post(f"{absent}/cancel"), "batch_not_found")
    problem(client.post(f"{absent}/retry"), "batch_not_found")
    problem(client.delete(absent), "batch_not_found")
    problem(client.delete(f"/v1/batches/{ids[0]}"), "batch_under_way")
    problem(client.get("/v1/batches?cursor=!"), "cursor_invalid")
    problem(client.get("/v1/batches?cursor=_w"), "cursor_invalid")
    problem(client.post("/v1/batches", json={"folder": "/etc"}), "folder_unknown")
    problem(client.post("/v1/batches", json={"path": "/etc"}), "request_invalid")
    problem(client.post("/v1/batches", json=[]), "request_invalid")
    problem(client.post("/v1/batches"), "file_empty")
    found = problem(client.post("/v1/batches", content=bytes(2 * MIB)), "upload_too_large")
    assert "HECHA_MAX_BATCH_MB" in found.detail
    assert client.post(f"/v1/batches/{ids[0]}/cancel").json()["status"] == "cancelled"
    assert client.delete(f"/v1/batches/{ids[0]}").status_code == 204


def test_a_batch_is_read_by_the_service_and_documents_point_to_it() -> None:
    archive = zip_file({"a/报告.txt": REPORT, "b/坏.pdf": b"%PDF-1.4 broken", "c.txt": report(1)})
    with serving() as client:
        batch = client.post("/v1/batches?filename=a.zip", content=archive).json()["id"]
        deadline = time.monotonic() + 60
        while client.get(f"/v1/batches/{batch}").json()["status"] != "finished":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        counts = client.get(f"/v1/batches/{batch}").json()["counts"]
        assert (counts["succeeded"], counts["failed"]) == (2, 1)
        failed = client.get(f"/v1/batches/{batch}/items?status=failed").json()["items"]
        assert [(each["path"], each["code"]) for each in failed] == [("b/坏.pdf", "file_corrupt")]
        first = client.get(f"/v1/batches/{batch}/items?limit=1").json()
        rest = client.get(f"/v1/batches/{batch}/items?cursor={first['next_cursor']}").json()
        assert [each["position"] for each in first["items"] + rest["items"]] == [1, 2, 3]
        listed = client.get(f"/v1/documents?batch={batch}").json()["documents"]
        assert len(listed) == 3
        # An archive of several files that is sent as a document says where to send it.
        entry = upload(client, archive, "a.zip").json()
        while (entry := client.get(f"/v1/documents/{entry['id']}").json())["status"] != "failed":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert entry["error"]["code"] == "container_ambiguous"
        assert "/v1/batches" in entry["error"]["message"]


@pytest.mark.slow
@LINUX
def test_a_service_that_is_killed_while_unpacking_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    chance = random.Random(7)  # noqa: S311
    service = Service(tmp_path)
    bodies = [report(number) for number in range(60)]
    archive = zip_file({f"{n}.txt": body for n, body in enumerate(bodies)})
    service.start()
    try:
        status, answer = service.ask("/v1/batches?filename=a.zip", archive)
        assert status == 202
        for _ in range(4):
            time.sleep(chance.uniform(0.2, 1.5))
            service.processes[0].kill()
            service.start()
        service.wait_until_done(60)
        deadline = time.monotonic() + 30
        while (entry := service.ask(f"/v1/batches/{answer['id']}")[1])["status"] != "finished":
            assert time.monotonic() < deadline, entry
            time.sleep(0.2)
        assert (entry["total"], entry["counts"]["succeeded"]) == (60, 60)
        assert service.faults([sha256(body).hexdigest() for body in bodies]) == []
    finally:
        service.processes[0].kill()
