"""What remains when processes are killed, the database goes away, the disk is full: everything.

The service runs as a process of its own; see `bench.soak`, which does the same at length.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from bench.soak import Service, bodies, soak
from tests.postgres_server import PostgresServer, Unavailable, fresh_database, running_server
from tests.processes import LINUX

pytestmark = [pytest.mark.slow, LINUX]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Makes services, and ends what runs of them after the test."""
    made: list[Service] = []

    def make(url: URL | None = None, **more: Any) -> Service:
        shown = None if url is None else url.render_as_string(hide_password=False)
        made.append(Service(tmp_path, shown, **more))
        return made[-1]

    yield make
    for service in made:
        for process in service.processes:
            process.kill()


@pytest.fixture
def safe_postgres() -> Iterator[PostgresServer]:
    try:
        with running_server(is_safe=True) as server:
            yield server
    except Unavailable as error:
        pytest.skip(f"没有 PostgreSQL：{error}")


def test_killed_at_random_moments_on_sqlite_nothing_is_lost_or_doubled(
    started: Callable[..., Service],
) -> None:
    killed = soak(started(), 12, 4, random.Random(4))  # noqa: S311
    assert killed.total() == 4


@pytest.mark.postgres
def test_killed_at_random_moments_on_postgresql_nothing_is_lost_or_doubled(
    started: Callable[..., Service], postgres: URL
) -> None:
    with fresh_database(postgres) as url:
        killed = soak(started(url), 12, 4, random.Random(5))  # noqa: S311
    assert killed.total() == 4


@pytest.mark.postgres
def test_a_database_that_is_started_anew_holds_up_but_loses_nothing(
    started: Callable[..., Service], safe_postgres: PostgresServer
) -> None:
    with fresh_database(safe_postgres.url) as url:
        service = started(url)
        service.start()
        ids = [service.upload(body) for body in bodies(6)]
        safe_postgres.stop("immediate")
        status, problem = service.ask("/v1/documents?filename=a.txt", b"while it is away")
        assert (status, problem["code"]) == (503, "not_ready")
        assert "HECHA_DATABASE_URL" in problem["detail"]
        assert service.ask("/readyz")[0] == 503
        assert service.ask("/livez")[0] == 200
        time.sleep(2)
        safe_postgres.start()
        service.wait_until_ready()
        ids += [service.upload(body) for body in list(bodies(10))[6:]]
        service.wait_until_done(10, patience=120)
        assert service.faults(ids) == []
        service.stop()


def test_a_place_of_files_that_goes_away_holds_up_but_loses_nothing(
    started: Callable[..., Service], tmp_path: Path
) -> None:
    service = started()
    service.start()
    ids = [service.upload(body) for body in bodies(6)]
    place = tmp_path / "data" / "files"
    place.rename(tmp_path / "elsewhere")
    status, problem = service.ask("/v1/documents?filename=a.txt", b"while it is away")
    assert (status, problem["code"]) == (503, "not_ready")
    assert "HECHA_FILES" in problem["detail"]
    time.sleep(1)
    (tmp_path / "elsewhere").rename(place)
    ids += [service.upload(body) for body in list(bodies(8))[6:]]
    service.wait_until_done(8)
    assert service.faults(ids) == []
    service.stop()


_FILLING = "甲。".encode() * (1 << 18)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with few megabytes."""
    folder = tmp_path / "data"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "hecha", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("不能挂载小磁盘（要 root 和 mount）")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607


def test_a_full_disk_refuses_and_goes_on_when_there_is_room(
    small_disk: Path, started: Callable[..., Service]
) -> None:
    service = started()
    service.start()
    ids = [service.upload(body) for body in bodies(4)]
    # What is being read may give back some room in the meantime.
    for attempt in range(5):
        with suppress(OSError), (small_disk / f"filler{attempt}").open("wb", 0) as file:
            while True:
                file.write(bytes(1 << 12))
        status, problem = service.ask("/v1/documents?filename=a.txt", _FILLING + bytes([attempt]))
        if status != 202:
            break
        ids.append(problem["id"])
    assert (status, problem["code"]) == (503, "storage_full")
    assert "磁盘" in problem["detail"]
    assert service.ask("/livez")[0] == 200
    time.sleep(2)
    for filler in small_disk.glob("filler*"):
        filler.unlink()
    ids += [service.upload(body) for body in list(bodies(6))[4:]]
    service.wait_until_done(len(ids))
    assert service.faults(ids) == []
    service.stop()


def test_a_service_that_is_told_to_stop_finishes_and_answers_until_then(
    started: Callable[..., Service],
) -> None:
    service = started()
    service.start()
    for body in bodies(8):
        service.upload(body)
    assert service.processes[0].stop() in (0, -signal.SIGTERM)
    assert set(service.states()) <= {"queued", "succeeded"}
    service.start()
    service.wait_until_done(8)
    service.stop()


def test_a_file_that_ends_its_reader_again_and_again_is_given_up(
    started: Callable[..., Service],
) -> None:
    service = started(workers=1)
    service.start()
    chance = random.Random(6)  # noqa: S311
    document_id = service.upload(next(bodies(1)) * 400)  # long enough to be met at work
    deadline = time.monotonic() + 90
    while True:
        entry = service.ask(f"/v1/documents/{document_id}")[1]
        if entry["status"] in ("failed", "succeeded"):
            break
        assert time.monotonic() < deadline
        if entry["status"] == "running":
            service.processes[0].kill_reader(chance)
        time.sleep(0.1)
    assert entry["status"] == "failed"
    assert entry["error"]["code"] == "parse_crashed"
    others = [service.upload(body) for body in bodies(2)]
    for each in others:
        while service.ask(f"/v1/documents/{each}")[1]["status"] != "succeeded":
            assert time.monotonic() < deadline + 30
            time.sleep(0.1)
    service.stop()
