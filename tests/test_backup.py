"""Back-up and restore: everything comes back, on either database, also while files come in."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import URL, insert, select, text
from sqlalchemy.exc import DatabaseError

from api import keeping
from api.files.local_files import LocalFiles
from api.jobs import claims
from api.jobs.process_lock import lock_beside
from api.store.database import Database
from api.store.documents import get, remove
from api.store.feed import emit
from api.store.migrating import migrate
from api.store.schema import AUDIT, DOCUMENTS, EVENTS, RESULTS
from api.upkeep import backing_up
from api.upkeep.archive import MANIFEST, SUMS, BackupError, check_sums, sum_of, write_sums
from api.upkeep.backing_up import back_up
from api.upkeep.restoring import restore
from tests.api_client import REPORT, REPORT_ID, read, serving, upload
from tests.postgres_server import fresh_database
from tests.test_cli import run


def _shown(url: URL) -> SecretStr:
    return SecretStr(url.render_as_string(hide_password=False))


MOVED = ("postgresql", "sqlite")


def _content(folder: Path) -> dict[str, str]:
    """The parts of a back-up that tell of the installation alone, by name."""
    parts = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {
        name: sum_of(path)
        for name, path in parts.items()
        if path.is_file() and name not in (MANIFEST, SUMS)
    }


@pytest.fixture
def filled(database_url: URL, tmp_path: Path) -> Iterator[tuple[Database, LocalFiles]]:
    """An installation with read, failed and waiting documents, an audit, holes in numbering."""
    data = tmp_path / "data"
    with serving(database_url=_shown(database_url), data=data) as client:
        read(client)
        read(client, b"%PDF-1.7 broken", "a.pdf")
    with serving(database_url=_shown(database_url), data=data, workers=0) as client:
        for number in range(3):
            upload(client, f"第{number}份".encode())
        client.put(f"/v1/documents/{REPORT_ID}/hold", json={"reason": "复议"})
    with closing(Database(database_url)) as database:
        with database.write() as connection:
            last = connection.execute(select(DOCUMENTS.c.id).order_by(DOCUMENTS.c.number.desc()))
            remove(connection, "default", last.scalars().first() or "")
            for number in range(3):
                row = {
                    "seq": 100 + number, "at": number, "tenant": "default", "actor": "甲",
                    "action": "read", "subject": "x", "details": "{}",
                    "previous_hash": str(number) * 64, "hash": str(number + 1) * 64,
                }  # fmt: skip
                connection.execute(insert(AUDIT).values(row))
        yield database, LocalFiles(data / "files")


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables, to restore to."""
    if request.param == "sqlite":
        with closing(Database(f"sqlite:///{tmp_path / 'new' / 'hecha.db'}")) as database:
            yield database
        return
    with (
        fresh_database(request.getfixturevalue("postgres")) as url,
        closing(Database(url)) as database,
    ):
        yield database


@pytest.mark.slow
def test_what_is_restored_is_what_was_backed_up(
    filled: tuple[Database, LocalFiles], empty: Database, tmp_path: Path
) -> None:
    source, files = filled
    manifest = back_up(source, files, tmp_path / "one", "1.0")
    assert manifest.tables["documents"].rows == 4 and manifest.missing_files == []
    assert manifest.tables["documents"].next_number == 6
    again = LocalFiles(tmp_path / "again")
    restore(empty, again, tmp_path / "one", replace=False)
    second = back_up(empty, again, tmp_path / "two", "1.0")
    # Words to search are numbered by kind on SQLite, and as they come on PostgreSQL.
    own = {"search_entries"} if (manifest.database, second.database) == MOVED else set[str]()
    one, two = (_content(tmp_path / folder) for folder in ("one", "two"))
    assert [name for name in one | two if one.get(name) != two.get(name)] == [
        f"tables/{name}.jsonl.gz" for name in own
    ]
    for name in own:
        assert second.tables[name].rows == manifest.tables[name].rows > 0
    assert {name: facts for name, facts in second.tables.items() if name not in own} == {
        name: facts for name, facts in manifest.tables.items() if name not in own
    }
    with empty.write() as connection:
        # Numbers go on where they were, and the audit is still append-only.
        assert emit(connection, "default", "document.received", "x", {}) == (
            manifest.tables["events"].next_number
        )
    with pytest.raises(DatabaseError, match="append-only"), empty.write() as connection:
        connection.execute(text("DELETE FROM audit"))
    with serving(
        database_url=_shown(empty.url), data=tmp_path / "d", files=str(tmp_path / "again")
    ) as client:
        assert client.get(f"/v1/documents/{REPORT_ID}/extraction").status_code == 200
        assert client.get(f"/v1/documents/{REPORT_ID}/original").content == REPORT
        hits = client.get("/v1/search", params={"q": "事故"}).json()["hits"]
        assert [hit["type"] for hit in hits][:1] == ["document"]
        assert {hit["type"] for hit in hits} == {"document", "text"}
        assert client.delete(f"/v1/documents/{REPORT_ID}").status_code == 409
        assert client.get("/v1/documents?status=failed").json()["documents"][0]["error"]
        assert read(client, "第0份".encode()).status == "succeeded"


@pytest.mark.slow
def test_a_back_up_in_the_midst_of_uploads_is_whole(database_url: URL, tmp_path: Path) -> None:
    stop = threading.Event()
    sent: list[str] = []
    with serving(database_url=_shown(database_url), data=tmp_path / "data") as client:
        read(client)

        def load() -> None:
            while not stop.is_set():
                answer = upload(client, f"{REPORT.decode()}第{len(sent)}份".encode())
                sent.append(answer.json()["id"])
                if len(sent) % 4 == 0:
                    client.delete(f"/v1/documents/{sent[-1]}")

        thread = threading.Thread(target=load)
        thread.start()
        try:
            with closing(Database(database_url)) as database:
                files = LocalFiles(tmp_path / "data" / "files")
                made = [back_up(database, files, tmp_path / f"b{n}", "1") for n in range(3)]
        finally:
            stop.set()
            thread.join()
    assert sent
    for number, manifest in enumerate(made):
        folder = tmp_path / f"b{number}"
        assert check_sums(folder) == manifest and manifest.missing_files == []
        rows = _rows(folder, "documents")
        assert {row["id"] for row in rows} <= {path.name for path in folder.glob("files/??/*")}
        done = {row["id"] for row in rows if row["status"] == "succeeded"}
        assert {row["document"] for row in _rows(folder, "results")} == done
        with closing(Database(f"sqlite:///{tmp_path / f'n{number}.db'}")) as new:
            restore(new, LocalFiles(tmp_path / f"f{number}"), folder, replace=False)
            with new.read() as connection:
                states = connection.execute(select(DOCUMENTS.c.status, DOCUMENTS.c.claimed_by))
                assert {tuple(row) for row in states} <= {("queued", None), ("succeeded", None)}


def _rows(folder: Path, table: str) -> list[dict[str, Any]]:
    with gzip.open(folder / "tables" / f"{table}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[Database, LocalFiles, Path]]:
    """An installation with one document, and a back-up of it."""
    with serving(data=tmp_path / "data", workers=0) as client:
        upload(client)
    files = LocalFiles(tmp_path / "data" / "files")
    with closing(Database(f"sqlite:///{tmp_path / 'data' / 'hecha.db'}")) as database:
        back_up(database, files, tmp_path / "backup", "1")
        yield database, files, tmp_path / "backup"


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _forge(folder: Path, change: Callable[[Path], object]) -> None:
    """Change a back-up and write the sums anew, as if it had been made so."""
    (folder / SUMS).unlink()
    change(folder)
    write_sums(folder)


def _shorten(folder: Path) -> None:
    with gzip.open(folder / "tables" / "documents.jsonl.gz", "wb"):
        pass


def _of_the_future(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_text(path.read_text("utf-8").replace('"0001"', '"9999"'), "utf-8")


DAMAGED: list[tuple[str, Callable[[Path], object], str]] = [
    ("a table", lambda f: _flip(f / "tables" / "documents.jsonl.gz"), "documents.jsonl.gz 已损坏"),
    ("a file", lambda f: _flip(next(f.glob("files/??/*"))), "已损坏"),
    ("the manifest", lambda f: _flip(f / MANIFEST), "manifest.json 已损坏"),
    ("a part that is missing", lambda f: next(f.glob("files/??/*")).unlink(), "缺少 files/"),
    ("a part that is too many", lambda f: (f / "files" / "x").write_bytes(b""), "files/x"),
    ("no sums", lambda f: (f / SUMS).unlink(), "不是一份完整的备份"),
    ("sums that are no text", lambda f: (f / SUMS).write_bytes(b"\xff\xfe"), "已损坏"),
    ("nothing", lambda f: shutil.rmtree(f), "不是一份完整的备份"),
    ("rows that are missing", lambda f: _forge(f, _shorten), "表 documents 不完整"),
    ("a version of the future", lambda f: _forge(f, _of_the_future), "请安装新版"),
    ("a manifest of another form", lambda f: _forge(f, lambda g: (g / MANIFEST).write_text("{}")),
     "请安装新版"),
    ("fewer files than it says", lambda f: _forge(f, lambda g: next(g.glob("files/??/*")).unlink()),
     "与 manifest.json 所记的不符"),
    ("no table", lambda f: _forge(f, lambda g: (g / "tables" / "documents.jsonl.gz").unlink()),
     "与 manifest.json 所记的不符"),
    ("a table that is no gzip", lambda f: _forge(
        f, lambda g: (g / "tables" / "documents.jsonl.gz").write_bytes(b"x")), "读不出来"),
    ("a file of another name", lambda f: _forge(
        f, lambda g: next(g.glob("files/??/*")).write_bytes(b"x")), "已损坏"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "words"), [row[1:] for row in DAMAGED], ids=[row[0] for row in DAMAGED]
)
def test_a_damaged_back_up_is_refused_and_changes_nothing(
    small: tuple[Database, LocalFiles, Path], damage: Callable[[Path], object], words: str
) -> None:
    database, files, backup = small
    damage(backup)
    with pytest.raises(BackupError, match=words):
        restore(database, files, backup, replace=True)
    with database.read() as connection:
        entry = get(connection, "default", REPORT_ID)
    assert entry is not None and files.size(REPORT_ID) == len(REPORT)


def test_an_installation_that_is_not_empty_is_replaced_only_when_told(
    small: tuple[Database, LocalFiles, Path], tmp_path: Path
) -> None:
    database, files, backup = small
    database.close()
    with serving(data=tmp_path / "data", workers=0) as client:
        other = upload(client, b"other").json()["id"]
        client.delete(f"/v1/documents/{REPORT_ID}")
    with pytest.raises(BackupError, match="--replace"):
        restore(database, files, backup, replace=False)
    assert files.size(other) is not None
    restore(database, files, backup, replace=True)
    assert files.size(other) is None and files.size(REPORT_ID) == len(REPORT)
    with database.read() as connection:
        assert list(connection.execute(select(DOCUMENTS.c.id)).scalars()) == [REPORT_ID]


def test_an_installation_that_was_only_started_counts_as_empty(
    small: tuple[Database, LocalFiles, Path], empty: Database, tmp_path: Path
) -> None:
    migrate(empty)
    restore(empty, LocalFiles(tmp_path / "f"), small[2], replace=False)
    with empty.read() as connection:
        assert get(connection, "default", REPORT_ID) is not None


def test_nothing_is_restored_under_a_running_service(
    small: tuple[Database, LocalFiles, Path], empty: Database, tmp_path: Path
) -> None:
    migrate(empty)
    files = LocalFiles(tmp_path / "f")
    lock = lock_beside(Path(empty.url.database or "")) if empty.is_sqlite else None
    if lock is not None:
        lock.take()
    else:
        with empty.write() as connection:
            claims.beat(connection, "alive")
    with pytest.raises(BackupError, match="请先停止"):
        restore(empty, files, small[2], replace=True)
    if lock is not None:
        lock.release()
    else:
        with empty.write() as connection:
            claims.retire(connection, "alive")
    restore(empty, files, small[2], replace=True)


def test_what_is_read_at_the_moment_is_read_again_after_a_restore(
    small: tuple[Database, LocalFiles, Path], tmp_path: Path
) -> None:
    database, files, _ = small
    with database.write() as connection:
        assert claims.claim(connection, "somebody", 1)
    back_up(database, files, tmp_path / "b", "1")
    with closing(Database(f"sqlite:///{tmp_path / 'n.db'}")) as new:
        restore(new, LocalFiles(tmp_path / "f"), tmp_path / "b", replace=False)
        with new.read() as connection:
            entry = get(connection, "default", REPORT_ID)
    assert entry is not None and entry.status == "queued"


def test_a_file_that_is_deleted_meanwhile_is_not_missed(
    small: tuple[Database, LocalFiles, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, files, _ = small
    copy = backing_up._copy

    def deleting(store: LocalFiles, digest: str, folder: Path) -> bool:
        with database.write() as connection:
            remove(connection, "default", digest)
        store.delete(digest)
        return copy(store, digest, folder)

    monkeypatch.setattr(backing_up, "_copy", deleting)
    manifest = back_up(database, files, tmp_path / "b", "1")
    assert manifest.missing_files == [] and manifest.tables["documents"].rows == 0


def test_files_that_were_lost_are_named(
    small: tuple[Database, LocalFiles, Path], tmp_path: Path
) -> None:
    database, files, _ = small
    files.delete(REPORT_ID)
    manifest = back_up(database, files, tmp_path / "b", "1")
    assert manifest.missing_files == [REPORT_ID]
    assert check_sums(tmp_path / "b").files == 0


def test_a_file_whose_content_changed_stops_the_back_up(
    small: tuple[Database, LocalFiles, Path], tmp_path: Path
) -> None:
    database, files, _ = small
    (tmp_path / "data" / "files" / REPORT_ID[:2] / REPORT_ID).write_bytes(b"x")
    with pytest.raises(BackupError, match=REPORT_ID):
        back_up(database, files, tmp_path / "b", "1")
    assert not list(tmp_path.glob("*b*.partial")) and not (tmp_path / "b").exists()


def test_the_list_of_sums_is_one_that_sha256sum_reads(
    small: tuple[Database, LocalFiles, Path],
) -> None:
    backup = small[2]
    lines = (backup / SUMS).read_text("utf-8").splitlines()
    assert len(lines) == len(_content(backup)) + 1
    for line in lines:
        digest, _, name = line.partition("  ")
        assert hashlib.sha256((backup / name).read_bytes()).hexdigest() == digest


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    def call(*arguments: Any, data: str = "data") -> Any:
        monkeypatch.setenv("HECHA_DATA", str(tmp_path / data))
        return run(*arguments)

    for name in ("DATABASE_URL", "FILES"):
        monkeypatch.delenv(f"HECHA_{name}", raising=False)
    return call


def test_the_commands_say_what_they_did(
    commands: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_EVERY", 1)
    nothing = commands("backup", tmp_path / "b")
    assert nothing.exit_code == 1 and "还没有核查服务的数据" in nothing.stderr
    with serving(data=tmp_path / "data", workers=0) as client:
        upload(client)
    done = commands("backup", tmp_path / "b")
    assert done.exit_code == 0 and "1 份文件，1 个原件" in done.stderr
    assert "已复制原件 1/1" in done.stderr
    assert commands("backup", tmp_path / "b").exit_code == 1
    assert "备份完好" in commands("restore", "--check", tmp_path / "b").stderr
    refused = commands("restore", tmp_path / "b")
    assert refused.exit_code == 1 and "--replace" in refused.stderr
    assert commands("restore", tmp_path / "b", "--replace").exit_code == 0
    assert commands("restore", tmp_path / "b", data="new").exit_code == 0
    LocalFiles(tmp_path / "data" / "files").delete(REPORT_ID)
    lost = commands("backup", tmp_path / "c")
    assert lost.exit_code == 1 and f"缺少原件 {REPORT_ID}" in lost.stderr
    unwritable = commands("backup", "/dev/null/x", data="new")
    assert unwritable.exit_code == 1 and "写不进 /dev/null/x" in unwritable.stderr


def test_the_tables_of_a_back_up_are_all_that_hold_data(
    small: tuple[Database, LocalFiles, Path],
) -> None:
    written = {row.name.partition(".")[0] for row in (small[2] / "tables").iterdir()}
    assert {EVENTS.name, RESULTS.name, AUDIT.name, "keys", "webhooks"} <= written
    assert written.isdisjoint({"sessions", "executors"})
