"""Told to stop in the middle of reading: finish in time, or hand back; told twice: at once."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, select

from api.store.database import Database
from api.store.schema import DOCUMENTS, EXECUTORS
from bench.soak import Process, Service, bodies
from tests.processes import LINUX

pytestmark = [pytest.mark.slow, LINUX]


@pytest.fixture
def started(tmp_path: Path, database_url: URL) -> Iterator[Callable[..., Service]]:
    """Makes services on either database, and ends what runs of them after the test."""
    made: list[Service] = []

    def make(**more: str) -> Service:
        url = None
        if database_url.get_backend_name() != "sqlite":
            url = database_url.render_as_string(hide_password=False)
        settings = {"HECHA_LOG": "json", "HECHA_LOG_LEVEL": "info", **more}
        made.append(Service(tmp_path, url, workers=1, more=settings))
        made[-1].start()
        return made[-1]

    yield make
    for service in made:
        for process in service.processes:
            process.kill()


def _long() -> bytes:
    """A report that takes many seconds to read."""
    return next(bodies(1)) * 600


def _begin(service: Service) -> str:
    """Send a long report and wait until it is being read."""
    document = service.upload(_long())
    deadline = time.monotonic() + 60
    while service.ask(f"/v1/documents/{document}")[1]["status"] != "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    return document


def _processes(service: Service) -> list[subprocess.Popen[bytes]]:
    return [process.running for process in service.processes if process.running is not None]


def _row(service: Service, tmp_path: Path, column: Any) -> Any:
    url = service.database_url or f"sqlite:///{tmp_path / 'data' / 'hecha.db'}"
    with closing(Database(url)) as database, database.read() as connection:
        return connection.execute(select(column)).scalars().all()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_what_is_not_finished_in_time_is_handed_back(
    started: Callable[..., Service], tmp_path: Path, number: signal.Signals
) -> None:
    service = started(HECHA_STOP_SECONDS="1")
    _begin(service)
    began = time.monotonic()
    for process in _processes(service):
        process.send_signal(number)
    codes = [process.wait(timeout=30) for process in _processes(service)]
    assert codes == [0] * len(codes) and time.monotonic() - began < 15
    assert _row(service, tmp_path, DOCUMENTS.c.status) == ["queued"]
    assert _row(service, tmp_path, DOCUMENTS.c.claimed_by) == [None]
    assert _row(service, tmp_path, EXECUTORS.c.id) == []


def test_what_is_finished_in_time_is_kept(started: Callable[..., Service], tmp_path: Path) -> None:
    service = started(HECHA_STOP_SECONDS="300")
    document = service.upload(next(bodies(1)) * 20)
    while service.ask(f"/v1/documents/{document}")[1]["status"] == "queued":
        time.sleep(0.01)
    assert [process.stop() for process in service.processes] == [0] * len(service.processes)
    assert _row(service, tmp_path, DOCUMENTS.c.status) == ["succeeded"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_told_twice_it_stops_at_once_and_hands_back(
    started: Callable[..., Service], tmp_path: Path, number: signal.Signals
) -> None:
    service = started(HECHA_STOP_SECONDS="300")
    document = _begin(service)
    for process in _processes(service):
        process.send_signal(signal.SIGTERM)
    time.sleep(2)
    assert any(process.poll() is None for process in _processes(service))
    began = time.monotonic()
    for process in _processes(service):
        if process.poll() is None:
            process.send_signal(number)
    codes = [process.wait(timeout=30) for process in _processes(service)]
    # What had nothing to finish may be about to end anyhow.
    assert 0 in codes and set(codes) <= {0, -number} and time.monotonic() - began < 6
    assert _row(service, tmp_path, DOCUMENTS.c.status) == ["queued"]
    lines = [json.loads(line) for line in _log_lines(service.processes[0])]
    assert {"GET", "POST"} <= {line.get("method") for line in lines}
    assert document not in {line.get("route") for line in lines}


def _log_lines(process: Process) -> list[str]:
    """The log without what is said to the person who started it."""
    lines = process.log.read_text("utf-8").splitlines()
    said = ("核查服务", "读取进程", "正在停止", "注意：", "管理员密钥", "用浏览器打开")
    return [line for line in lines if not line.startswith(said)]
