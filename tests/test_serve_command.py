"""`hecha serve` and `hecha worker`: what they start, and what they say when they cannot."""

from __future__ import annotations

import errno
import os
import re
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from api import serving
from api.jobs.process_lock import ProcessLock
from api.store import api_keys
from api.store.database import Database
from tests.conftest import ROOT
from tests.processes import LINUX
from tests.test_cli import run


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data folder of its own for what is started."""
    monkeypatch.setenv("HECHA_DATA", str(tmp_path / "data"))
    for name in ("DATABASE_URL", "FILES", "WORKERS"):
        monkeypatch.delenv(f"HECHA_{name}", raising=False)
    # It is for the whole process, which is here that of the tests.
    monkeypatch.setattr("api.telemetry.logs.set_up_logs", lambda *_: None)
    return tmp_path / "data"


@pytest.mark.usefixtures("data")
def test_serve_starts_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "api.listening.listen",
        lambda service, _, host, port: calls.append({"app": service, "host": host, "port": port}),
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = run("serve", "--port", port)
    assert result.exit_code == 0
    assert calls[0]["host"] == "127.0.0.1" and calls[0]["port"] == port
    assert f"http://127.0.0.1:{port}" in result.stderr
    assert "HTTPS" not in result.stderr


@pytest.mark.usefixtures("data")
def test_serve_warns_when_others_can_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.listening.listen", lambda *_: None)
    monkeypatch.setattr(serving, "_port_problem", lambda *_: None)
    result = run("serve", "--host", "0.0.0.0")  # noqa: S104
    assert result.exit_code == 0 and "HTTPS" in result.stderr
    assert "http://127.0.0.1:8000/login?token=" in result.stderr


@pytest.mark.usefixtures("data")
def test_the_first_start_alone_shows_a_key_that_works(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.listening.listen", lambda *_: None)
    monkeypatch.setattr(serving, "_port_problem", lambda *_: None)
    first, second = run("serve"), run("serve")
    found = re.search(r"：(hk_[\w-]+)\n", first.stderr)
    assert found is not None and "hk_" not in second.stderr
    assert "/login?token=" in first.stderr
    # Without a terminal nobody reads it but the log.
    assert "/login?token=" not in second.stderr
    place = f"sqlite:///{data / 'hecha.db'}"
    with closing(Database(place)) as database, database.read() as connection:
        key = api_keys.lookup(connection, found[1])
    assert key is not None and key.scopes == {"admin"}


@pytest.mark.usefixtures("data")
def test_each_start_at_a_terminal_shows_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.listening.listen", lambda *_: None)
    monkeypatch.setattr(serving, "_port_problem", lambda *_: None)
    run("serve")
    monkeypatch.setattr(serving, "_has_terminal", lambda: True)
    again = run("serve")
    assert "/login?token=" in again.stderr and "hk_" not in again.stderr


@pytest.mark.parametrize(("host", "code"), [("127.0.0.1", 0), ("::1", 0), ("0.0.0.0", 1)])  # noqa: S104
@pytest.mark.usefixtures("data")
def test_open_access_is_for_this_machine(
    host: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HECHA_ACCESS", "open")
    monkeypatch.setattr("api.listening.listen", lambda *_: None)
    monkeypatch.setattr(serving, "_port_problem", lambda *_: None)
    result = run("serve", "--host", host)
    assert result.exit_code == code and "HECHA_ACCESS=open" in result.stderr


def test_serve_says_that_the_port_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run("serve", "--port", taken.getsockname()[1])
    assert result.exit_code == 1 and "已被占用" in result.stderr


def test_serve_says_that_the_address_is_none() -> None:
    result = run("serve", "--host", "没有这个地址.invalid")
    assert result.exit_code == 1 and "无法启动服务" in result.stderr


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EACCES, "请用 1024 以上的端口"), (errno.EADDRNOTAVAIL, "不能在 127.0.0.1:8000 监听")],
)
def test_serve_says_why_it_cannot_listen(
    number: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(socket.socket):
        def bind(self, *_: object) -> None:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(socket, "socket", Refusing)
    result = run("serve")
    assert result.exit_code == 1 and words in result.stderr


def test_serve_names_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise ImportError("no", name="fastapi")

    monkeypatch.setattr(serving, "import_module", missing)
    monkeypatch.setattr(serving, "_port_problem", lambda *_: None)
    result = run("serve", "--host", "::1")
    assert result.exit_code == 1 and "缺少 fastapi" in result.stderr


def test_serve_names_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HECHA_MAX_UPLOAD_MB", "很多")
    monkeypatch.setattr(serving, "_port_problem", lambda *_: None)
    result = run("serve")
    assert result.exit_code == 1 and "HECHA_MAX_UPLOAD_MB" in result.stderr
    assert not isinstance(result.exception, ValidationError)


@LINUX
def test_reading_steps_back_behind_answering() -> None:
    code = "import os; from api.jobs import stepping_back as s; s.step_back(); print(os.nice(0))"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", f"{code}; print(s._SESSION.read_text())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert done.stdout.split()[:1] == [str(min(os.nice(0) + 10, 19))], done.stderr
    if Path("/proc/sys/kernel/sched_autogroup_enabled").is_file():
        assert done.stdout.rstrip().endswith("nice 10")


REFUSED_STARTS: list[tuple[dict[str, str], str]] = [
    ({"HECHA_DATABASE_URL": "mysql://u:secret@db/x"}, "HECHA_DATABASE_URL"),
    ({"HECHA_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x"}, "数据库没有应答"),
    ({"HECHA_FILES": "ftp://somewhere"}, "s3://桶/前缀"),
    ({"HECHA_DATA": "/dev/null/x"}, "HECHA_DATA"),
    ({"HECHA_TAGGER": "/nowhere"}, "HECHA_TAGGER"),
]


@pytest.mark.parametrize(("environment", "words"), REFUSED_STARTS)
@pytest.mark.parametrize("command", ["serve", "worker"])
@pytest.mark.usefixtures("data")
def test_a_start_that_cannot_be_says_why_without_secrets(
    command: str, environment: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(serving, "_port_problem", lambda *_: None)
    result = run(command)
    assert result.exit_code == 1 and words in result.stderr
    assert "无法启动" in result.stderr and "secret" not in result.stderr


def test_a_data_folder_has_one_service(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_port_problem", lambda *_: None)
    monkeypatch.setattr("api.listening.listen", lambda *_: None)
    data.mkdir()
    lock = ProcessLock(data / "hecha.lock")
    lock.take()
    refused = run("serve")
    assert refused.exit_code == 1 and "只能由一个进程" in refused.stderr
    assert run("serve", "--workers", "0").exit_code == 0
    lock.release()
    assert run("serve").exit_code == 0


@pytest.mark.usefixtures("data")
def test_a_worker_wants_a_database_that_is_shared() -> None:
    result = run("worker")
    assert result.exit_code == 1 and "PostgreSQL" in result.stderr
