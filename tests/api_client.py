"""A client of the service for tests: the app in this process, readers that count or fail."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient

from api.app import create_app
from api.problems import MEDIA_TYPE, PROBLEMS, Problem
from api.reader import LibraryReader, Reader
from api.routes import examples
from api.settings import Settings
from extractor.document import Document
from extractor.extraction import Extraction

HOST = "http://127.0.0.1:8000"
REPORT = examples.TEXT.encode()
REPORT_ID = examples.DOCUMENT_ID
ABSENT = "0" * 64
MIB = 1 << 20


class CountingReader(LibraryReader):
    """The library, slowed down, counting how often it reads and how many read at once."""

    def __init__(self, delay: float = 0.0) -> None:
        super().__init__()
        self.reads = self.at_once = self.most_at_once = 0
        self._delay = delay
        self._lock = threading.Lock()

    def read(self, data: bytes, filename: str) -> tuple[Document, Extraction]:
        with self._lock:
            self.reads += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self._delay)
        try:
            return super().read(data, filename)
        finally:
            with self._lock:
                self.at_once -= 1


class FailingReader(LibraryReader):
    """A reader that ends every reading with the given error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def read(self, data: bytes, filename: str) -> tuple[Document, Extraction]:
        raise self._error


@contextmanager
def serving(reader: Reader | None = None, **settings: Any) -> Iterator[TestClient]:
    with TestClient(
        create_app(Settings(**settings), reader), base_url=HOST, follow_redirects=False
    ) as client:
        yield client


def upload(client: TestClient, data: bytes = REPORT, name: str = "调查报告.txt") -> Any:
    return client.post("/v1/documents", files={"file": (name, data)})


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
