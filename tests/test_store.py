"""What the service keeps, and the settings it reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, make_url, select, update
from sqlalchemy.exc import OperationalError

from api.jobs import claims
from api.reader import LibraryReader, Reading
from api.settings import Settings, usual_data_folder
from api.store import documents, idempotency, results
from api.store.database import Database
from api.store.document_codec import dump_document, load_document
from api.store.documents import IN_BULK, DocumentHeldError, NewDocument
from api.store.feed import emit
from api.store.hooks import HOOKS, Saved
from api.store.idempotency import KEPT_SECONDS, Answer, KeyReusedError
from api.store.ids import now
from api.store.migrating import migrate
from api.store.schema import DEFAULT_TENANT, DOCUMENTS, EVENTS, IDEMPOTENCY
from extractor import parse
from extractor.document import Document, DocumentBuilder, PlacedLine
from extractor.errors import CrashError
from extractor.formats import Limits
from tests.api_client import MIB, REPORT, REPORT_ID, ended, read, serving, upload


def _laid_out() -> Document:
    builder = DocumentBuilder(b"laid out", "报告.pdf", "application/pdf")
    builder.add_page(595.0, 842.0)
    builder.add_page(595.0, 842.0)
    lines = [
        PlacedLine("第一行", 1, 70.5, 82.0, [72.1, 84.2, 96.3], [84.1, 96.2, 108.3]),
        PlacedLine("第二行", 2, 70.5, 82.0, [72.0, 84.0, 96.0], [84.0, 96.0, 108.0]),
    ]
    builder.add_block("第一行第二行", page=1, lines=lines)
    builder.add_block("")
    builder.add_block("标题", "heading", level=1, page=2)
    builder.add_block("格", "cell", cell=(0, 1, 2), page=2)
    builder.add_furniture("- 1 -", "page_number", page=1, box=(1, 1.0, 2.0, 3.0, 4.0))
    builder.add_furniture("页眉", "header")
    builder.warn("no_text_layer", "第2页没有文字层。", page=2, partial=True)
    return builder.build()


@pytest.mark.parametrize("document", [_laid_out(), parse(REPORT, "报告.txt")], ids=["pdf", "text"])
def test_a_stored_document_is_the_same_document(document: Document) -> None:
    loaded = load_document(dump_document(document))
    assert loaded == document
    assert [loaded.page_of(i) for i in range(len(loaded.text))] == [
        document.page_of(i) for i in range(len(document.text))
    ]
    assert [loaded.boxes(b.span) for b in loaded.blocks] == [
        document.boxes(b.span) for b in document.blocks
    ]


def test_what_is_kept_outlives_the_service_and_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "新文件夹 ?x=1 %s"
    with serving(data=folder) as client:
        before = read(client)
        checklist = client.get(f"/v1/documents/{REPORT_ID}/checklist").json()
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert len(kept) >= 3
    for path in kept:
        assert path.stat().st_mode & 0o077 == 0, path
    with serving(data=folder) as client:
        assert upload(client).status_code == 200
        assert ended(client) == before
        assert client.get(f"/v1/documents/{REPORT_ID}/checklist").json() == checklist


def test_what_was_not_read_is_read_after_the_next_start(tmp_path: Path) -> None:
    with serving(data=tmp_path, workers=0) as client:
        assert upload(client).json()["status"] == "queued"
    with serving(data=tmp_path) as client:
        assert ended(client).status == "succeeded"


def test_what_is_being_read_at_the_end_goes_back_into_the_queue(tmp_path: Path) -> None:
    class StoppedReader(LibraryReader):
        def read(self, data: bytes, filename: str, digest: str) -> Reading:
            begun.set()
            time.sleep(0.5)
            raise CrashError("的进程结束了。")

    begun = threading.Event()
    with serving(StoppedReader(), data=tmp_path) as client:
        upload(client)
        assert begun.wait(10)
    with serving(data=tmp_path, workers=0) as client:
        entry = client.get(f"/v1/documents/{REPORT_ID}").json()
        assert (entry["status"], entry["queued_ahead"]) == ("queued", 0)
    with serving(data=tmp_path) as client:
        assert ended(client).status == "succeeded"


def test_deleted_text_is_gone_from_the_files(tmp_path: Path) -> None:
    needle = "青榆市禾山县".encode()

    def holders() -> list[Path]:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        return [path for path in files if needle in path.read_bytes()]

    with serving(data=tmp_path) as client:
        read(client)
        assert holders()
        client.delete(f"/v1/documents/{REPORT_ID}")
        assert not holders()


OTHER = "other"


def _reading(body: bytes = REPORT) -> Reading:
    return LibraryReader().read(body, "报告.txt", sha256(body).hexdigest())


def _receive(
    connection: Connection, tenant: str = DEFAULT_TENANT, name: str = "a", **more: Any
) -> str:
    digest = sha256(name.encode()).hexdigest()
    documents.lock_file(connection, digest, 5)
    new = NewDocument(digest, 5, f"{name}.txt", **more)
    documents.receive(connection, tenant, new, "1")
    return digest


def _tell(database: Database, tenant: str = DEFAULT_TENANT) -> list[tuple[str, str]]:
    query = select(EVENTS.c.type, EVENTS.c.subject).where(
        EVENTS.c.tenant == tenant, EVENTS.c.type.startswith("document.")
    )
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(EVENTS.c.seq))]


def test_a_document_goes_through_its_states(database: Database) -> None:
    reading = _reading()
    with database.write() as connection:
        digest = _receive(connection)
        [job] = claims.claim(connection, "me", 9)
        assert claims.claim(connection, "you", 9) == []
        begun = claims.begin(connection, job, "me")
        assert begun is not None and (begun.filename, begun.tries) == ("a.txt", 1)
        assert claims.succeed(connection, job, reading)
        assert not claims.succeed(connection, job, reading), "only once"
        assert not claims.fail(connection, job, "x", "y", None), "too late"
    with database.read() as connection:
        entry = documents.get(connection, DEFAULT_TENANT, digest)
        assert entry is not None and entry.status == "succeeded"
        assert (entry.version, entry.title) == (reading.result.version, reading.record.title)
        source = results.source_of(connection, DEFAULT_TENANT, digest)
        assert source is not None and source[0].text == REPORT.decode()
    assert [kind for kind, _ in _tell(database)] == ["document.received", "document.succeeded"]


def test_the_queue_is_in_order_and_people_go_first(database: Database) -> None:
    with database.write() as connection:
        bulk = [_receive(connection, name=f"b{n}", priority=IN_BULK) for n in range(3)]
        person = _receive(connection, name="p")
        hurried = _receive(connection, name="b2")
        assert hurried == bulk[2]
        for digest, ahead in zip((bulk[2], person, bulk[0], bulk[1]), range(4), strict=True):
            entry = documents.get(connection, DEFAULT_TENANT, digest)
            assert entry is not None and entry.queued_ahead == ahead
        jobs = [job for _ in range(5) for job in claims.claim(connection, "me", 1)]
    assert [job.document for job in jobs] == [bulk[2], person, bulk[0], bulk[1]]


def test_a_job_that_is_handed_back_is_given_out_as_another(database: Database) -> None:
    reading = _reading()
    with database.write() as connection:
        _receive(connection)
        [first] = claims.claim(connection, "me", 1)
        claims.hand_back(connection, [first])
        [second] = claims.claim(connection, "you", 1)
        assert first.name != second.name
        assert claims.begin(connection, first, "me") is None
        assert not claims.succeed(connection, first, reading)
        claims.hand_back(connection, [first])
        assert claims.running(connection, ["you"]) == [second]
        assert claims.succeed(connection, second, reading)


def test_cancelled_documents_leave_the_queue(database: Database) -> None:
    with database.write() as connection:
        ids = [_receive(connection, name=name) for name in "abc"]
        claims.claim(connection, "me", 1)
        assert sorted(documents.cancel(connection, DEFAULT_TENANT, ids)) == sorted(ids[1:])
        assert claims.claim(connection, "me", 9) == []
        assert documents.counts(connection, DEFAULT_TENANT) == {"running": 1, "cancelled": 2}
        _receive(connection, name="b")
        assert [job.document for job in claims.claim(connection, "me", 9)] == [ids[1]]


def test_tenants_see_nothing_of_each_other(database: Database) -> None:
    reading = _reading()
    with database.write() as connection:
        digest = _receive(connection)
        [job] = claims.claim(connection, "me", 1)
        assert claims.succeed(connection, job, reading)
        assert documents.get(connection, OTHER, digest) is None
        assert documents.listing(connection, OTHER, 9) == ([], None)
        assert documents.counts(connection, OTHER) == {}
        assert results.source_of(connection, OTHER, digest) is None
        assert results.extraction_json(connection, OTHER, digest) is None
        assert results.versions(connection, OTHER, digest) == []
        assert documents.request_again(connection, OTHER, digest, "1") is None
        assert not documents.remove(connection, OTHER, digest)
        assert documents.cancel(connection, OTHER, [digest]) == []
        assert _receive(connection, OTHER) == digest
        assert documents.remove(connection, DEFAULT_TENANT, digest)
        assert documents.is_file_used(connection, digest)
        entry = documents.get(connection, OTHER, digest)
        assert entry is not None and entry.status == "queued"
    assert [kind for kind, _ in _tell(database, OTHER)] == ["document.received"]


def test_a_held_document_cannot_be_deleted(database: Database) -> None:
    with database.write() as connection:
        digest = _receive(connection)
        connection.execute(update(DOCUMENTS).values(legal_hold=True))
        with pytest.raises(DocumentHeldError):
            documents.remove(connection, DEFAULT_TENANT, digest)
        assert documents.get(connection, DEFAULT_TENANT, digest) is not None


def test_hooks_run_in_the_transaction_and_undo_it_when_they_fail(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str]] = []

    def refuse(connection: Connection, saved: Saved) -> None:
        seen.append((saved.tenant, saved.document))
        raise RuntimeError("no")

    reading = _reading()
    with database.write() as connection:
        digest = _receive(connection)
        [job] = claims.claim(connection, "me", 1)
    monkeypatch.setattr(HOOKS, "saved", [refuse])
    with pytest.raises(RuntimeError), database.write() as connection:
        claims.succeed(connection, job, reading)
    assert seen == [(DEFAULT_TENANT, digest)]
    with database.read() as connection:
        assert results.versions(connection, DEFAULT_TENANT, digest) == []
        assert claims.running(connection, ["me"]) == [job]


def test_executors_that_are_silent_are_known(database: Database) -> None:
    with database.write() as connection:
        for name in ("one", "two"):
            claims.beat(connection, name)
        claims.beat(connection, "one")
        assert claims.silent(connection, 60) == []
        assert sorted(claims.silent(connection, -1)) == ["one", "two"]
        claims.retire(connection, "one")
        assert claims.silent(connection, -1) == ["two"]


def test_keys_of_requests_are_remembered_for_a_day(database: Database) -> None:
    where = (DEFAULT_TENANT, "key", "POST /x")
    with database.write() as connection:
        assert idempotency.seen(connection, *where, "hash") is None
        idempotency.remember(connection, *where, "hash", Answer(202, "{}"))
        assert idempotency.seen(connection, *where, "hash") == Answer(202, "{}")
        assert idempotency.seen(connection, OTHER, *where[1:], "hash") is None
        with pytest.raises(KeyReusedError):
            idempotency.seen(connection, *where, "another")
        old = now() - (KEPT_SECONDS + 1) * 1_000_000
        connection.execute(update(IDEMPOTENCY).values(created_at=old))
        assert idempotency.seen(connection, *where, "another") is None
        assert idempotency.forget_old(connection) == 1


def test_many_threads_take_from_one_queue_and_no_document_twice(database: Database) -> None:
    with database.write() as connection:
        wanted = [_receive(connection, name=str(n)) for n in range(40)]

    def work(name: str) -> list[str]:
        taken: list[str] = []
        while True:
            with database.write() as connection:
                jobs = claims.claim(connection, name, 3)
            if not jobs:
                return taken
            taken += [job.document for job in jobs]
            for job in jobs:
                with database.write() as connection:
                    assert claims.fail(connection, job, "x", "y", None)

    with ThreadPoolExecutor(4) as pool:
        taken = [each for part in pool.map(work, "abcd") for each in part]
    assert sorted(taken) == sorted(wanted)
    with database.read() as connection:
        seqs = list(connection.execute(select(EVENTS.c.seq).order_by(EVENTS.c.seq)).scalars())
    assert len(seqs) == 80


def test_changes_of_many_threads_share_commits_and_one_that_fails_is_undone_alone(
    database: Database,
) -> None:
    def work(number: int) -> int | None:
        def step(connection: Connection) -> int:
            time.sleep(0.002)
            emit(connection, DEFAULT_TENANT, "document.received", str(number), {})
            if number % 5 == 0:
                raise KeyError(number)
            return number

        try:
            return database.change(step)
        except KeyError as error:
            assert error.args == (number,)
            return None

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(work, range(60)))
    kept = [number for number in range(60) if number % 5]
    assert [answer for answer in answers if answer is not None] == kept
    assert sorted(int(subject) for _, subject in _tell(database)) == kept


def test_a_long_change_lets_the_short_ones_go_first(tmp_path: Path) -> None:
    """Whoever uploads a file waits for one result that is being stored, not for all of them."""
    database = Database(f"sqlite:///{tmp_path / 'hecha.db'}")
    order: list[str] = []
    held, go_on = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        held.set()
        go_on.wait(10)

    def note(name: str) -> None:
        database.change(lambda _: order.append(name), is_long=name.startswith("long"))

    with ThreadPoolExecutor(8) as pool:
        pool.submit(database.change, hold)
        held.wait(10)
        waiting = [pool.submit(note, f"long {n}") for n in range(3)]
        waiting += [pool.submit(note, f"short {n}") for n in range(3)]
        while sum(not each.running() for each in waiting):
            time.sleep(0.01)
        time.sleep(0.1)
        go_on.set()
    database.close()
    assert [name[:5] for name in order] == ["short"] * 3 + ["long "] * 3


def test_a_change_that_met_a_deadlock_is_done_again(database: Database) -> None:
    """Two that hold what the other wants: the database undoes one, which is not lost."""
    if database.is_sqlite:
        pytest.skip("one transaction at a time")
    barrier = threading.Barrier(2)
    tries: list[int] = []

    def work(order: tuple[int, int]) -> None:
        def step(connection: Connection) -> None:
            tries.append(order[0])
            database.take_turn(connection, order[0])
            if tries.count(order[0]) == 1:
                barrier.wait(10)
            database.take_turn(connection, order[1])

        database.change(step)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, [(91, 92), (92, 91)]))
    assert len(tries) == 3


def test_a_transaction_that_cannot_be_committed_fails_for_all_who_share_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'hecha.db'}")
    migrate(database)

    @contextmanager
    def breaking() -> Iterator[Connection]:
        with write() as connection:
            yield connection
            time.sleep(0.05)
            raise OperationalError("commit", None, Exception("away"))

    write = database.write
    monkeypatch.setattr(database, "write", breaking)

    def work(number: int) -> bool:
        try:
            database.change(lambda c: emit(c, DEFAULT_TENANT, "document.received", "x", {}))
        except OperationalError:
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(16)))
    assert _tell(database) == []


def test_events_become_visible_in_their_order(database: Database) -> None:
    """A reader that goes on after the last number it saw misses nothing."""
    done = threading.Event()
    seen: list[int] = []

    def write(name: str) -> None:
        for n in range(25):
            with database.write() as connection:
                emit(connection, DEFAULT_TENANT, "document.received", name, {"n": n})
                time.sleep(0.001)

    def follow() -> None:
        while True:
            last = done.is_set()
            after = seen[-1] if seen else 0
            query = select(EVENTS.c.seq).where(EVENTS.c.seq > after).order_by(EVENTS.c.seq)
            with database.read() as connection:
                seen.extend(connection.execute(query).scalars())
            if last:
                return

    with ThreadPoolExecutor(5) as pool:
        following = pool.submit(follow)
        list(pool.map(write, "abcd"))
        done.set()
        following.result()
    assert len(seen) == 100


SETTINGS: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({}, {"max_upload_mb": 50, "workers": None, "data": usual_data_folder()}),
    ({"HECHA_MAX_UPLOAD_MB": "7"}, {"max_upload_mb": 7, "max_upload_bytes": 7 * MIB}),
    (
        {"HECHA_DATA": "/data"},
        {"database": URL.create("sqlite", database="/data/hecha.db"), "files_place": "/data/files"},
    ),
    (
        {"HECHA_DATABASE_URL": "postgresql://u:secret@db/hecha", "HECHA_FILES": "s3://b/p"},
        {"files_place": "s3://b/p", "database": make_url("postgresql+psycopg://u:secret@db/hecha")},
    ),
    ({"HECHA_WORKERS": "0", "HECHA_STOP_SECONDS": "1.5"}, {"workers": 0, "stop_seconds": 1.5}),
    (
        {"HECHA_LIMITS": "max_pages=9, max_seconds=1.5"},
        {"limits": Limits(max_pages=9, max_seconds=1.5)},
    ),
    ({"HECHA_ALLOWED_HOSTS": " Hecha.local , ::1,"}, {"allowed_hosts": ("hecha.local", "::1")}),
]


@pytest.mark.parametrize(("environment", "expected"), SETTINGS)
def test_settings_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: dict[str, Any]
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HECHA_{name.upper()}", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert {name: getattr(settings, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_UPLOAD_MB", "0"),
        ("MAX_UPLOAD_MB", "x"),
        ("DATABASE_URL", "mysql://u:secret@db/hecha"),
        ("FILES", ""),
        ("WORKERS", "-1"),
        ("ALLOWED_HOSTS", " , "),
        ("LIMITS", "pages=9"),
    ],
)
def test_settings_that_make_no_sense_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"HECHA_{name}", value)
    with pytest.raises(ValueError, match=name.lower()):
        Settings()
