"""Rows and files that do not agree: found, put right, and nothing of value removed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, delete, update

from api.jobs import claims
from api.jobs.process_lock import lock_beside
from api.repairing import Fault, check_data
from api.services import Services, open_services
from api.settings import Settings
from api.store import documents
from api.store.ids import now
from api.store.schema import DEFAULT_TENANT, DOCUMENTS, EXECUTORS, FILES, RESULTS
from tests.test_cli import run
from tests.test_serve_command import data

__all__ = ["data"]

HOUR = 3600


@pytest.fixture
def services(database_url: URL, tmp_path: Path) -> Iterator[Services]:
    url = database_url.render_as_string(hide_password=False)
    with closing(open_services(Settings(data=tmp_path, database_url=url))) as services:
        yield services


def _accept(services: Services, body: bytes = b"content") -> str:
    incoming = services.files.incoming()
    incoming.write(body)
    return services.accept(DEFAULT_TENANT, incoming, "a.txt").entry.id


def _names(faults: list[Fault]) -> dict[str, int]:
    return {fault.name: fault.count for fault in faults}


def _put_right(services: Services, expected: dict[str, int]) -> None:
    """Looking finds it and changes nothing; repairing puts it right."""
    for _ in range(2):
        assert _names(check_data(services, repair=False)) == expected
    repaired = check_data(services, repair=True)
    assert _names(repaired) == expected and all(fault.repaired for fault in repaired)
    assert check_data(services, repair=False) == []


def _status(services: Services, document_id: str) -> str:
    with services.database.read() as connection:
        entry = documents.get(connection, DEFAULT_TENANT, document_id)
    assert entry is not None
    return entry.status


def test_data_that_is_well_stays_as_it_is(services: Services) -> None:
    document_id = _accept(services)
    assert check_data(services, repair=True) == []
    assert _status(services, document_id) == "queued"
    assert services.files.read(document_id) == b"content"


def test_a_file_without_a_row_goes_when_it_is_old(services: Services, tmp_path: Path) -> None:
    incoming = services.files.incoming()
    incoming.write(b"left over")
    digest = services.files.keep(incoming)
    assert check_data(services, repair=True) == [], "its row may be about to be written"
    old = time.time() - 2 * HOUR
    place = tmp_path / "files" / digest[:2] / digest
    os.utime(place, (old, old))
    half = services.files.incoming()
    half.finish()
    os.utime(half.path, (old, old))
    _put_right(services, {"没有登记的文件": 1})
    assert not place.exists() and not half.path.exists()


def test_a_deletion_that_was_cut_off_is_completed(services: Services) -> None:
    digest = _accept(services)
    with services.database.write() as connection:
        connection.execute(delete(DOCUMENTS))
        connection.execute(update(FILES).values(created_at=now() - 2 * HOUR * 1_000_000))
    _put_right(services, {"没有删完的文件": 1})
    assert services.files.size(digest) is None


def test_a_queued_document_without_its_file_fails(services: Services) -> None:
    digest = _accept(services)
    services.files.delete(digest)
    found = check_data(services, repair=False)
    assert _names(found) == {"排队的文件没有原件": 1}
    check_data(services, repair=True)
    assert _status(services, digest) == "failed"
    assert _accept(services) == digest
    assert _status(services, digest) == "queued"
    assert check_data(services, repair=False) == []


def test_a_result_without_its_file_is_told_and_kept(services: Services) -> None:
    digest = _accept(services)
    with services.database.write() as connection:
        [job] = claims.claim(connection, "me", 1)
        claims.succeed(connection, job, services.reader.read(b"content", "a.txt", digest))
    services.files.delete(digest)
    [fault] = check_data(services, repair=True)
    assert (fault.name, fault.repaired) == ("读过的文件没有原件", False) and fault.advice
    assert _status(services, digest) == "succeeded"
    _accept(services)
    assert check_data(services, repair=False) == []


def _claim(connection: Connection, executor: str) -> None:
    claims.beat(connection, executor)
    claims.claim(connection, executor, 1)


def test_what_nobody_works_on_goes_back_into_the_queue(services: Services) -> None:
    digest = _accept(services)
    with services.database.write() as connection:
        _claim(connection, "gone")
        connection.execute(delete(EXECUTORS))
    _put_right(services, {"停在半路的文件": 1})
    assert _status(services, digest) == "queued"


def test_what_somebody_works_on_is_left_alone(services: Services) -> None:
    digest = _accept(services)
    with services.database.write() as connection:
        _claim(connection, "alive")
    lock = lock_beside(Path(services.database.url.database or ""))
    if services.database.is_sqlite:
        lock.take()
    assert check_data(services, repair=True) == []
    lock.release()
    assert _status(services, digest) == "running"


def test_a_document_that_lost_its_result_is_read_again(services: Services) -> None:
    digest = _accept(services)
    with services.database.write() as connection:
        [job] = claims.claim(connection, "me", 1)
        claims.succeed(connection, job, services.reader.read(b"content", "a.txt", digest))
        connection.execute(delete(RESULTS))
    _put_right(services, {"没有结果的文件": 1})
    assert _status(services, digest) == "queued"


def test_the_command_says_what_it_found(data: Path) -> None:
    assert "没有问题" in run("doctor", "--data").stderr
    with closing(open_services(Settings(data=data))) as services:
        services.files.delete(_accept(services))
    looked = run("doctor", "--data")
    assert looked.exit_code == 1 and "排队的文件没有原件：1 处" in looked.stderr
    assert "--repair" in looked.stderr
    repaired = run("doctor", "--repair")
    assert repaired.exit_code == 0 and "已修复" in repaired.stderr
    file = data / "hecha.db"
    file.write_bytes(b"no database" * 1000)
    broken = run("doctor", "--data")
    assert broken.exit_code == 1 and "数据库没有应答" in broken.stderr
