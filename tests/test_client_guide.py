"""docs/client.md: every example runs as it stands there, against the service as a process."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook

from api.client import Client
from bench.soak import Service
from tests.api_client import REPORT, REPORT_ID
from tests.batch_files import report
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

GUIDE = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
EXAMPLES = {
    part.partition("\n")[0]: re.findall(r"(?ms)^```python\n(.*?)^```", part)
    for part in re.split(r"(?m)^##? ", GUIDE)
}
"""The examples by the heading under which they stand."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service as a process of its own, which may send to this machine."""
    more = {"HECHA_WEBHOOK_HOSTS": "127.0.0.1"}
    service = Service(tmp_path_factory.mktemp("service"), more=more)
    service.start()
    yield service
    service.stop()


def _python(code: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - the guide's own example
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def _output(heading: str, *arguments: str) -> str:
    [code] = EXAMPLES[heading]
    return _output_of(code, *arguments)


def _output_of(code: str, *arguments: str) -> str:
    process = _python(code, *arguments)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return output


def test_every_section_with_an_example_is_run_here() -> None:
    tested = set(
        re.findall(r'(?:_output\("|EXAMPLES\[")([^"]+)"', Path(__file__).read_text("utf-8"))
    )
    assert {heading for heading, found in EXAMPLES.items() if found} == tested


def test_the_service_is_asked_whether_it_is_ready(running: Service) -> None:
    [code] = EXAMPLES["Python 客户端"]
    process = _python(code.replace("http://127.0.0.1:8000", running.url))
    assert process.communicate(timeout=120)[0].strip() == "True"


def test_upload_and_wait(running: Service, tmp_path: Path) -> None:
    place = tmp_path / "调查报告.txt"
    place.write_bytes(REPORT)
    shown = _output("上传并等待", running.url, str(place))
    assert "admin.fine 350000" in shown and "1 项责任追究， 1 项整改措施" in shown


def test_a_folder_with_progress_and_the_result_of_each_file(
    running: Service, tmp_path: Path
) -> None:
    folder = tmp_path / "档案"
    folder.mkdir()
    for number in range(2):
        (folder / f"报告{number}.txt").write_bytes(report(number))
    (folder / "坏的.pdf").write_bytes(b"%PDF-1.7 broken")
    shown = _output("批量", running.url, str(folder))
    assert "3/3" in shown and shown.count("1 项处理") == 2
    assert "没有读成 坏的.pdf file_corrupt" in shown


def test_events_go_on_after_the_last_one(running: Service, tmp_path: Path) -> None:
    place = tmp_path / "cursor"
    _read(running, REPORT, "调查报告.txt")
    assert REPORT_ID in _output("取变化", running.url, str(place))
    assert _output("取变化", running.url, str(place)) == ""
    document = _read(running, report(7), "七.txt")
    assert _output("取变化", running.url, str(place)).split() == ["document.succeeded", document]


def test_grouping_is_put_right(running: Service) -> None:
    document = _read(running, REPORT, "调查报告.txt")
    first, second, third = _output("改正归案", running.url, document).splitlines()
    assert "高处坠落事故" in first and second == "改为： 某县另一起事故"
    assert third.removeprefix("交还： ") in first


def test_checklists_are_downloaded(running: Service, tmp_path: Path) -> None:
    _read(running, REPORT, "调查报告.txt")
    shown = _output("下载清单", running.url, str(tmp_path))
    places = sorted(tmp_path.glob("*.xlsx"))
    assert len(places) == len(shown.splitlines()) > 0
    assert load_workbook(places[0]).worksheets


def test_keys_are_made_listed_and_revoked(running: Service) -> None:
    shown = _output("密钥", running.url)
    assert re.search(r"只显示这一次： hk_\w", shown) and "档案系统 ['read', 'upload']" in shown
    assert "key.created" in shown and "key.revoked" in shown


def test_a_receiver_verifies_and_takes_a_message(running: Service) -> None:
    code, rotate = EXAMPLES["接收推送"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Client(running.url) as client:
        made = client.create_webhook(f"http://127.0.0.1:{port}/", ["document.received"])
        process = _python(code, str(port), HECHA_WEBHOOK_SECRET=made.secret)
        try:
            _listening(port)
            document = client.upload(report(9), "九.txt").id
            assert process.stdout is not None
            assert process.stdout.readline().split() == ["document.received", document]
            assert "whsec_" in _output_of(rotate, running.url, made.webhook.id)
        finally:
            process.kill()
            process.communicate()
            client.delete_webhook(made.webhook.id)


def _read(running: Service, data: bytes, name: str) -> str:
    with Client(running.url) as client:
        return client.read(data, name, timeout=120).document.id


def _listening(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError
