"""A client of the service for tests: the app in this process, readers that count or fail."""

from __future__ import annotations

import base64
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient

from api.app import create_app
from api.problems import MEDIA_TYPE, PROBLEMS, Problem
from api.reader import LibraryReader, Reader, Reading
from api.routes import examples
from api.services import Services, open_services
from api.settings import Settings
from api.store import api_keys
from api.store.api_keys import ScopeName
from api.store.documents import DocumentEntry
from api.store.schema import DEFAULT_TENANT

HOST = "http://127.0.0.1:8000"
REPORT = examples.TEXT.encode()
REPORT_ID = examples.DOCUMENT_ID
ABSENT = "0" * 64
MIB = 1 << 20
PATIENCE = 60.0
SECRET_KEY = base64.b64encode(bytes(range(32))).decode()
"""A key that seals secrets, for services on PostgreSQL, which make none."""


class CountingReader(LibraryReader):
    """The library, slowed down, counting how often it reads and how many read at once."""

    def __init__(self, delay: float = 0.0) -> None:
        super().__init__()
        self.reads = self.at_once = self.most_at_once = 0
        self._delay = delay
        self._lock = threading.Lock()

    def read(self, data: bytes, filename: str, digest: str) -> Reading:
        with self._lock:
            self.reads += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self._delay)
        try:
            return super().read(data, filename, digest)
        finally:
            with self._lock:
                self.at_once -= 1


class WaitingReader(LibraryReader):
    """The library, which reads nothing until `go` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def read(self, data: bytes, filename: str, digest: str) -> Reading:
        assert self.go.wait(PATIENCE)
        return super().read(data, filename, digest)


class FailingReader(LibraryReader):
    """A reader that ends every reading with the given error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def read(self, data: bytes, filename: str, digest: str) -> Reading:
        raise self._error


@contextmanager
def serving(reader: Reader | None = None, **settings: Any) -> Iterator[TestClient]:
    """Run the service, in a folder of its own unless `data` names one; `workers=0` reads nothing.

    The client has a key for everything. What is still being read at the end goes back into the
    queue at once.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Taggers have tests of their own, and take long to load.
        chosen: dict[str, Any] = {
            "data": folder, "workers": 2, "stop_seconds": 0, "tagger": "none"
        }  # fmt: skip
        chosen |= settings
        services = open_services(Settings(**chosen), reader)
        app = create_app(services=services)
        with TestClient(app, base_url=HOST, follow_redirects=False) as client:
            client.headers["Authorization"] = f"Bearer {make_key(services)}"
            yield client


def services_of(client: TestClient) -> Services:
    """What the service of this client works with."""
    services = client.app_state["services"]
    assert isinstance(services, Services)
    return services


def make_key(
    services: Services, *scopes: ScopeName, tenant: str = DEFAULT_TENANT, name: str = "测试"
) -> str:
    """Make a key; without scopes, one for everything."""
    with services.database.write() as connection:
        return api_keys.create(connection, tenant, name, scopes or ("admin",))[1]


def upload(client: TestClient, data: bytes = REPORT, name: str = "调查报告.txt") -> Any:
    """Send a file and return the answer, which does not wait for the reading."""
    return client.post("/v1/documents", files={"file": (name, data)})


def ended(client: TestClient, document_id: str = REPORT_ID) -> DocumentEntry:
    """Wait until a document is no longer queued or being read; return its entry."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        response = client.get(f"/v1/documents/{document_id}")
        assert response.status_code == 200, response.text
        entry = DocumentEntry.model_validate_json(response.content)
        if not entry.is_under_way:
            return entry
        assert response.headers["retry-after"].isdecimal()
        time.sleep(0.02)
    raise AssertionError(f"{document_id} is still being read")


def read(client: TestClient, data: bytes = REPORT, name: str = "调查报告.txt") -> DocumentEntry:
    """Send a file and wait until it is read; return its entry."""
    response = upload(client, data, name)
    assert response.status_code in (200, 202), response.text
    return ended(client, response.json()["id"])


def problem(response: Any, code: str) -> Problem:
    """The problem that the answer carries, after all that holds of every problem."""
    assert response.headers["content-type"] == MEDIA_TYPE
    found = Problem.model_validate_json(response.content)
    assert found.code == code
    assert found.type == f"urn:hecha:problem:{code}"
    assert found.status == response.status_code == PROBLEMS[code].status
    assert found.title == PROBLEMS[code].title
    assert re.search(r"[\u4e00-\u9fff].*。", found.detail)
    return found
