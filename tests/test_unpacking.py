"""Hostile archives and restless folders: a batch says what was wrong, and the service goes on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from sqlalchemy import URL

from api.background import folder_files, unpacking
from api.background.folder_files import copy_folder
from api.files import FilesError
from api.services import Services
from api.spooling import Parcel, Unpacked, open_archive
from api.store import batches
from api.store.schema import DEFAULT_TENANT
from bench.soak import Service
from extractor.formats.limited import resident_bytes
from extractor.formats.limits import DEFAULT_LIMITS, MIB, Limits
from tests import hostile_containers as hostile
from tests.api_client import REPORT, serving
from tests.batch_files import (
    WORKERS,
    accept_batch,
    entry_of,
    items_of,
    opened,
    report,
    reports,
    unpack,
)
from tests.container_files import gbk_zip, libarchive_file, tar_file
from tests.hostile_documents import TEXT
from tests.processes import LINUX
from tests.sample_files import zip_file

BREAKING = "tests.hostile_bulk:unpack_or_break"
POSIX = pytest.mark.skipif(os.name != "posix", reason="Windows 没有管道文件")


@pytest.fixture
def services(database_url: URL, tmp_path: Path) -> Iterator[Services]:
    with opened(database_url, tmp_path, folders=(("档案", tmp_path / "in"),)) as services:
        yield services


def _walked(
    data: bytes, folder: Path, limits: Limits = DEFAULT_LIMITS, whole: int = 10 * MIB
) -> list[Unpacked]:
    """What comes of an archive; every file is there, as it is said to be."""
    source, spool = folder / "source", Path(mkdtemp(dir=folder))
    source.write_bytes(data)
    found = []
    for each in open_archive(
        partial(WORKERS.stream, limits=limits), Parcel(source, "", "x.zip", whole), spool
    ):
        assert bool(each.place) == (each.kind == "file") != bool(each.code) == bool(each.message)
        if each.place:
            content = Path(each.place).read_bytes()
            assert (each.digest, each.size) == (sha256(content).hexdigest(), len(content))
        found.append(each)
    return found


VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(40)
INNER = zip_file({"二/内.txt": report(2), "再.zip": zip_file({"三.txt": report(3)})})
LETTER = hostile.parts(
    f"Content-Type: text/plain; charset=utf-8\r\n\r\n{TEXT}",
    "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment; "
    f"filename=a.txt\r\n\r\n{TEXT}",
)
WALKS: list[tuple[str, bytes, list[tuple[str, str]]]] = [
    ("archives of any depth are opened", zip_file({"一.txt": report(1), "内.zip": INNER}), [
        ("一.txt", "file"), ("内.zip/二/内.txt", "file"), ("内.zip/再.zip/三.txt", "file")]),
    ("what is no document is named and left", zip_file({
        "a.mp4": VIDEO, ".DS_Store": b"x", "b.txt": REPORT}), [
        ("a.mp4", "skipped"), (".DS_Store", "skipped"), ("b.txt", "file")]),
    ("an empty file fails alone", zip_file({"a.txt": b"", "b.txt": REPORT}), [
        ("a.txt", "failed"), ("b.txt", "file")]),
    ("a TAR", tar_file({"a/b.txt": REPORT}), [("a/b.txt", "file")]),
    ("an empty archive fails", zip_file({}), [("x.zip", "failed")]),
    ("a damaged archive fails", reports(2)[:-60], [("x.zip", "failed")]),
    ("a path cannot leave its archive", zip_file({"../../etc/a.txt": REPORT}), [
        ("etc/a.txt", "file")]),
    ("a single file is a batch of one", REPORT, [("x.zip", "file")]),
    ("a letter comes before its attachments", LETTER, [
        ("x.zip", "file"), ("x.zip/附件/a.txt", "file")]),
    ("a letter in an archive", zip_file({"信.eml": LETTER, "b.txt": REPORT}), [
        ("信.eml", "file"), ("信.eml/附件/a.txt", "file"), ("b.txt", "file")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "expected"), [row[1:] for row in WALKS], ids=[w[0] for w in WALKS]
)
def test_a_walk_gives_every_file(
    data: bytes, expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert [(each.path, each.kind) for each in _walked(data, tmp_path)] == expected


def test_an_archive_may_be_larger_than_a_file_in_it(tmp_path: Path) -> None:
    limits = replace(DEFAULT_LIMITS, max_bytes=1000)
    archive = zip_file({"a.txt": b"a" * 900, "b.txt": b"b" * 1100})
    found = _walked(archive, tmp_path, limits, 10_000)
    assert [(each.path, each.kind, each.code) for each in found] == [
        ("a.txt", "file", ""), ("b.txt", "failed", "limit_exceeded"),
    ]  # fmt: skip
    (refused,) = _walked(archive, tmp_path, limits, 100)
    assert refused.code == "limit_exceeded"


def test_an_archive_by_machine_code_breaks_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is opened after its neighbours, within what the outermost archive may cost."""
    seven = libarchive_file({"DIE.txt": REPORT})
    archive = zip_file({"a.txt": report(1), "b.7z": seven, "c.txt": report(2)})
    found = _walked(archive, tmp_path)
    assert [each.path for each in found] == ["a.txt", "c.txt", "b.7z/DIE.txt"]
    few = _walked(archive, tmp_path, replace(DEFAULT_LIMITS, max_archive_entries=3))
    assert [(each.path, each.code) for each in few][2:] == [("b.7z/DIE.txt", "limit_exceeded")]
    monkeypatch.setattr("api.spooling.UNPACK", BREAKING)
    broken = _walked(archive, tmp_path)[2]
    assert (broken.path, broken.kind, broken.code) == ("b.7z", "broken", "parse_crashed")
    assert "“b.7z”" in broken.message


SMALL = Limits(
    max_archive_entries=200, max_uncompressed_bytes=4 * MIB, max_memory_bytes=256 * MIB,
    max_seconds=30.0,
)  # fmt: skip
HOSTILE: list[tuple[str, Callable[[], bytes], str, int]] = [
    ("a bomb in bombs", hostile.nested_bomb, "limit_exceeded", 0),
    ("entries that are the same bytes", hostile.overlapping_zip, "limit_exceeded", 0),
    ("an archive of itself", hostile.zip_of_itself, "file_corrupt", 0),
    ("a size that is a lie", lambda: hostile.zip_states(24, 0xFFFFFFF0), "limit_exceeded", 1),
    ("a link", hostile.zip_link, "link_not_followed", 1),
    ("a link, and a file through it", hostile.linked_tar, "link_not_followed", 1),
    ("a file with holes of a terabyte", hostile.sparse_tar, "limit_exceeded", 0),
    ("names without end", hostile.long_names_without_end, "file_corrupt", 0),
    ("letters in archives in letters", hostile.letters_and_archives, "limit_exceeded", 3),
    ("more names than may be", lambda: gbk_zip({f"{n}": b"" for n in range(201)}),
     "limit_exceeded", 0),
    ("a bomb of one stream", lambda: hostile.tight_zip({"a.txt": bytes(64 * MIB)}),
     "limit_exceeded", 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("archive", "code", "taken"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE]
)
def test_a_hostile_archive_is_told_of_and_costs_nothing(
    archive: Callable[[], bytes], code: str, taken: int, tmp_path: Path
) -> None:
    data = archive()
    before = resident_bytes(os.getpid()) or 0
    with opened(URL.create("sqlite", database=str(tmp_path / "a.db")), tmp_path,
                limits=SMALL) as services:  # fmt: skip
        batch = accept_batch(services, data)
        assert unpack(services)
        entry, rows = entry_of(services, batch), items_of(services, batch)
        assert entry.status == "running" and entry.total == len(rows)
        told = [row for row in rows if row.document is None]
        assert code in {row.code for row in told}
        assert all(row.message and not row.path.startswith(("/", ".", "C:")) for row in told)
        assert len(rows) - len(told) == taken
        assert list((tmp_path / "files" / "incoming").iterdir()) == []
    assert (resident_bytes(os.getpid()) or 0) - before < 64 * MIB


def _retry(services: Services, batch: str) -> None:
    with services.database.write() as connection:
        batches.retry(connection, DEFAULT_TENANT, batch, "v")


BREAKS: list[tuple[str, str, str, Limits]] = [
    ("DIE", "parse_crashed", "异常中断", DEFAULT_LIMITS),
    ("HANG", "limit_exceeded", "max_seconds", Limits(max_seconds=3.0)),
    ("EAT", "limit_exceeded", "max_memory_bytes", Limits(max_memory_bytes=256 * MIB)),
]


@LINUX
@pytest.mark.parametrize(("name", "code", "says", "limits"), BREAKS, ids=[b[0] for b in BREAKS])
def test_a_process_that_breaks_down_fails_the_batch_and_leaves_what_was_unpacked(
    name: str, code: str, says: str, limits: Limits, database_url: URL, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    files = {"1.txt": report(1), "2.txt": report(2), f"{name}.txt": report(3), "4.txt": report(4)}
    with opened(database_url, tmp_path, limits=limits) as services:
        batch = accept_batch(services, zip_file(files))
        with monkeypatch.context() as patched:
            patched.setattr("api.spooling.UNPACK", BREAKING)
            assert unpack(services)
        entry = entry_of(services, batch)
        assert (entry.status, entry.counts.queued) == ("failed", 2)
        assert entry.error is not None and entry.error.code == code
        assert says in entry.error.message and "此前拆出的文件照常读取" in entry.error.message
        assert list((tmp_path / "files" / "incoming").iterdir()) == []
        # The archive is still there: trying again adds the others alone.
        _retry(services, batch)
        assert unpack(services)
        entry = entry_of(services, batch)
        assert (entry.status, entry.total, entry.counts.queued) == ("running", 4, 4)
        assert [row.path for row in items_of(services, batch)] == list(files)


@LINUX
def test_a_process_that_was_ended_from_outside_is_replaced_without_doubling(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{n}.txt": report(n) for n in range(5)} | {"DIE_ONCE.txt": report(7)}
    batch = accept_batch(services, zip_file(files | {"9.txt": report(9)}))
    monkeypatch.setattr("api.spooling.UNPACK", BREAKING)
    assert unpack(services)
    entry = entry_of(services, batch)
    assert (entry.status, entry.total, entry.error) == ("running", 7, None)
    assert [row.position for row in items_of(services, batch)] == list(range(1, 8))


def test_an_archive_in_a_folder_that_breaks_its_process_fails_alone(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.zip").write_bytes(zip_file({"1.txt": report(1), "DIE.txt": report(2)}))
    (folder / "b.txt").write_bytes(report(3))
    monkeypatch.setattr("api.spooling.UNPACK", BREAKING)
    batch = services.accept_folder(DEFAULT_TENANT, "档案").id
    assert unpack(services)
    assert entry_of(services, batch).status == "running"
    assert [(row.path, row.status, row.code) for row in items_of(services, batch)] == [
        ("a.zip/1.txt", "queued", None),
        ("a.zip", "failed", "parse_crashed"),
        ("b.txt", "queued", None),
    ]


def test_a_spool_that_cannot_be_written_to_heals(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is the fault of no archive: the batch waits, and is unpacked later."""
    batch = accept_batch(services, reports(3))
    really_make = Path.mkdir

    def refuse(self: Path, *arguments: Any, **named: Any) -> None:
        if self.name == "000000":
            raise OSError(28, "No space left on device")
        really_make(self, *arguments, **named)

    with monkeypatch.context() as patched, pytest.raises(FilesError, match="ENOSPC"):
        patched.setattr(Path, "mkdir", refuse)
        unpack(services)
    assert entry_of(services, batch).status == "unpacking"
    assert unpack(services)
    assert entry_of(services, batch).total == 3


@LINUX
def test_the_service_answers_while_an_archive_hangs_and_lets_it_be_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.spooling.UNPACK", BREAKING)
    monkeypatch.setattr(unpacking, "_BEAT", 0.2)
    hanging = zip_file({"HANG.txt": report(1)})

    def send(archive: bytes) -> str:
        return str(client.post("/v1/batches?filename=a.zip", content=archive).json()["id"])

    def is_open(batch: str) -> bool:
        return any((tmp_path / "files" / "incoming").glob(f"{batch}-*/*/*/"))

    def is_finished(batch: str) -> bool:
        return bool(client.get(f"/v1/batches/{batch}").json()["status"] == "finished")

    with serving(workers=1, data=tmp_path) as client:
        hung, following = send(hanging), send(reports(2))
        _wait_for(lambda: is_open(hung))
        slowest = 0.0
        for _ in range(20):
            began = time.perf_counter()
            assert client.get(f"/v1/batches/{hung}").json()["status"] == "unpacking"
            slowest = max(slowest, time.perf_counter() - began)
        assert slowest < 2.0
        assert client.post(f"/v1/batches/{hung}/cancel").json()["status"] == "cancelled"
        # The next one has its turn long before the limit of time.
        _wait_for(lambda: is_finished(following))
        last = send(hanging)
        _wait_for(lambda: is_open(last))
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 15, "the stop waits for an archive that hangs"
    assert not is_open(last)


@pytest.mark.slow
@LINUX
def test_a_service_that_is_killed_while_a_file_is_unpacked_goes_on(tmp_path: Path) -> None:
    """Each kill comes while files are in the spool folder; nothing of it is left in the end."""
    service, incoming = Service(tmp_path), tmp_path / "data" / "files" / "incoming"
    bodies = [report(number) for number in range(150)]
    inner = zip_file({f"{n}.txt": body for n, body in enumerate(bodies[100:])})
    archive = zip_file(
        {f"{n}.txt": body for n, body in enumerate(bodies[:100])} | {"内.zip": inner}
    )
    service.start()
    try:
        batch = service.ask("/v1/batches?filename=a.zip", archive)[1]["id"]
        for _ in range(3):
            _wait_for(lambda: any(incoming.glob(f"{batch}-*/*/*/*")))
            service.processes[0].kill()
            assert any(incoming.iterdir())
            service.start()
        service.wait_until_done(150)
        _wait_for(lambda: service.ask(f"/v1/batches/{batch}")[1]["status"] == "finished")
        entry = service.ask(f"/v1/batches/{batch}")[1]
        assert (entry["total"], entry["counts"]["succeeded"]) == (150, 150)
        assert service.faults([sha256(body).hexdigest() for body in bodies]) == []
        assert list(incoming.iterdir()) == []
    finally:
        service.processes[0].kill()


def _wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def _copied(folder: Path, target: Path, largest: int = MIB) -> dict[str, tuple[str, bytes]]:
    """What comes of each file of a folder: a code, "" for none, and the bytes of its copy."""
    found = {}
    for each in copy_folder(folder, target, largest):
        assert bool(each.message) == bool(each.code) == (each.kind != "file")
        found[each.path] = (each.code, Path(each.place).read_bytes() if each.place else b"")
    return found


@POSIX
def test_a_folder_is_read_in_order_and_only_its_files(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "secret.txt"
    outside.write_bytes(REPORT)
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "z.txt").write_bytes(report(1))
    (folder / "a.txt").write_bytes(report(2))
    (folder / "large.txt").write_bytes(bytes(2000))
    (folder / "link.txt").symlink_to(outside)
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.txt")
    (folder / "~$a.docx").write_bytes(b"lock")
    found = _copied(folder, tmp_path / "copy", 1500)
    assert list(found.items()) == [
        ("a.txt", ("", report(2))),
        ("large.txt", ("limit_exceeded", b"")),
        ("link.txt", ("link_not_followed", b"")),
        ("linked", ("link_not_followed", b"")),
        ("pipe.txt", ("link_not_followed", b"")),
        ("~$a.docx", ("system_file", b"")),
        ("b/z.txt", ("", report(1))),
    ]


@POSIX
def test_what_cannot_be_read_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that may be run by an administrator, who may read everything."""
    folder = tmp_path / "folder"
    for name in ("closed", "deep", "open"):
        (folder / name).mkdir(parents=True)
    (folder / "a.txt").write_bytes(REPORT)
    (folder / "open" / "b.txt").write_bytes(REPORT)
    deepest = folder / "deep" / "/".join("d" * 70)
    deepest.mkdir(parents=True)
    (deepest / "c.txt").write_bytes(REPORT)
    really_open = os.open

    def refuse(path: Any, *more: Any, **named: Any) -> int:
        if str(path) in ("a.txt", "closed"):
            raise PermissionError(13, "Permission denied")
        return really_open(path, *more, **named)

    monkeypatch.setattr(os, "open", refuse)
    found = {path: code for path, (code, _) in _copied(folder, tmp_path / "copy").items()}
    assert found == {
        "a.txt": "file_unreadable",
        "deep/" + "/".join("d" * 63): "limit_exceeded",
        "open/b.txt": "",
        "closed": "folder_unreadable",
    }


@POSIX
@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(lambda path: path.write_bytes(REPORT * 2), "file_changed", id="grows"),
        pytest.param(lambda path: path.write_bytes(b""), "file_changed", id="is cut off"),
        pytest.param(lambda path: path.unlink(), "", id="is removed"),
    ],
)
def test_a_file_that_changes_while_it_is_copied_is_not_taken(
    change: Callable[[Path], Any], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_bytes(REPORT)
    really_copy = folder_files._copy

    def copy(*arguments: Any) -> int:
        time.sleep(0.02)  # for a file system that counts time in steps
        change(folder / "a.txt")
        return really_copy(*arguments)

    monkeypatch.setattr(folder_files, "_copy", copy)
    assert _copied(folder, tmp_path / "copy")["a.txt"] == (code, b"" if code else REPORT)


@POSIX
def test_a_folder_that_becomes_a_link_leads_nowhere(tmp_path: Path) -> None:
    """Between the moment it was found and the moment it is entered, or a file in it opened."""
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    for place in (folder / "b", folder / "c", outside):
        place.mkdir(parents=True)
        (place / "1.txt").write_bytes(REPORT)
        (place / "2.txt").write_bytes(REPORT if place != outside else b"secret")
    (folder / "a.txt").write_bytes(REPORT)
    found = {}
    for each in copy_folder(folder, tmp_path / "copy", MIB):
        found[each.path] = each.code or (tmp_path / "copy").read_bytes()
        for name, after in (("c", "a.txt"), ("b", "b/1.txt")):
            if each.path == after:
                (folder / name).rename(tmp_path / name)
                (folder / name).symlink_to(outside)
    # The second file of b is the one that was there, from the folder that had been opened.
    assert found == {
        "a.txt": REPORT, "b/1.txt": REPORT, "b/2.txt": REPORT, "c": "folder_unreadable",
    }  # fmt: skip
