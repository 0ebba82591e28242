"""The page for the official, and the security headers of every answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256

import pytest
from fastapi.testclient import TestClient

from api.problems import PROBLEMS
from api.routes import examples
from extractor.errors import EncryptedFileError
from tests.api_client import (
    ABSENT,
    REPORT,
    REPORT_ID,
    FailingReader,
    WaitingReader,
    ended,
    problem,
    read,
    serving,
)


@pytest.fixture
def client() -> Iterator[TestClient]:
    with serving() as client:
        yield client


@pytest.mark.parametrize("path", ["/livez", "/", "/nowhere", f"/v1/documents/{ABSENT}"])
def test_every_answer_has_security_headers_and_no_cors(client: TestClient, path: str) -> None:
    headers = client.get(path, headers={"Origin": "http://evil.example"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["content-security-policy"]
    assert not [name for name in headers if name.startswith("access-control-")]


def test_the_page_takes_a_file_and_shows_its_checklist(client: TestClient) -> None:
    response = client.post("/", files={"file": ("调查报告.txt", REPORT)})
    assert (response.status_code, response.headers["location"]) == (303, f"/?document={REPORT_ID}")
    ended(client)
    page = client.get(response.headers["location"])
    assert "refresh" not in page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "35万元罚款" in page.text and "罚款35万元" in page.text and "待核实" in page.text
    for ending in ("xlsx", "json"):
        link = f"/checklist.{ending}?document={REPORT_ID}"
        assert link in page.text
        assert client.get(link).headers["content-disposition"].startswith("attachment")


def test_the_page_shows_how_far_reading_is_and_loads_itself_again() -> None:
    reader = WaitingReader()
    with serving(reader, workers=1) as client:
        ids = [
            client.post("/", files={"file": (f"报告{n}.txt", REPORT + str(n).encode())})
            .headers["location"]
            .rpartition("=")[2]
            for n in range(4)
        ]
        page = client.get("/", params={"document": [ids[3], ABSENT]})
        assert page.status_code == 200
        assert '<meta http-equiv="refresh" content="2">' in page.text
        assert "排队等待读取：</strong>报告3.txt" in page.text
        assert "refresh" not in client.get("/").text
        reader.go.set()
        for each in ids:
            ended(client, each)
        assert "35万元罚款" in client.get("/", params={"document": ids[3]}).text


def test_the_page_says_why_a_file_could_not_be_read() -> None:
    with serving(FailingReader(EncryptedFileError("打开要密码。"))) as client:
        read(client)
        page = client.get("/", params={"document": REPORT_ID})
        assert page.status_code == 409
        assert "没有读成" in page.text and "打开要密码。" in page.text


def test_the_page_loads_nothing_from_outside(client: TestClient) -> None:
    read(client)
    page = client.get("/", params={"document": REPORT_ID}).text
    assert not re.search(r"(?:src|href|action)=[\"']?(?:https?:)?//", page)
    assert "url(" not in page and "@import" not in page


HOSTILE = "</td><script>alert(1)</script>&\"'{{ 7*7 }}"


def test_the_page_escapes_everything(client: TestClient) -> None:
    body = examples.TEXT.replace("云岭", HOSTILE).replace("明安", "明<b>安").encode()
    read(client, body, name='"><img src=x onerror=alert(1)>.txt')
    page = client.get("/", params={"document": sha256(body).hexdigest()}).text
    assert "<script>alert" not in page and "<img" not in page and "<b>" not in page
    assert "明&lt;b&gt;安" in page and "49" not in re.sub(
        r"[0-9a-f]{64}|case=[0-9a-f-]{36}|nonce=\S+", "", page
    )


def test_the_page_says_in_chinese_what_is_wrong(client: TestClient) -> None:
    response = client.post("/", files={"file": ("空.txt", b"")})
    assert response.status_code == 422
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert PROBLEMS["file_empty"].title in response.text and "file_empty" in response.text
    absent = client.get("/", params={"document": ABSENT})
    assert absent.status_code == 404
    assert PROBLEMS["document_not_found"].title in absent.text
    problem(client.get("/checklist.json"), "document_not_found")
