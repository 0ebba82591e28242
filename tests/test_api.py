"""The HTTP service: documents in, extraction and checklist out, lists and names."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook
from PIL import Image
from pydantic import BaseModel

from api.intake import clean_name
from api.reader import LibraryReader, Reading
from api.routes import examples
from api.routes.checklists import XLSX
from api.routes.uploads import DocumentPage
from api.store.documents import DocumentEntry
from extractor import page_image
from extractor.checklist.model import Checklist
from extractor.errors import EncryptedFileError
from extractor.extraction import Extraction
from tests.api_client import (
    ABSENT,
    PATIENCE,
    REPORT,
    REPORT_ID,
    CountingReader,
    FailingReader,
    WaitingReader,
    ended,
    problem,
    read,
    serving,
    upload,
)
from tests.conftest import ROOT


@pytest.fixture
def client() -> Iterator[TestClient]:
    with serving() as client:
        yield client


@pytest.fixture
def door() -> Iterator[TestClient]:
    """A client of a service that takes files in and reads none."""
    with serving(workers=0) as client:
        yield client


def test_upload_is_answered_before_the_document_is_read() -> None:
    reader = WaitingReader()
    with serving(reader) as client:
        response = upload(client)
        assert response.status_code == 202
        entry = DocumentEntry.model_validate_json(response.content)
        assert (entry.id, entry.status) == (sha256(REPORT).hexdigest(), "queued")
        assert (entry.filename, entry.size) == ("调查报告.txt", len(REPORT))
        assert response.headers["operation-location"] == f"/v1/documents/{entry.id}"
        assert int(response.headers["retry-after"]) > 0
        base = response.headers["location"]
        for path in ("/extraction", "/text", "/checklist", "/checklist.xlsx"):
            answer = client.get(base + path)
            assert problem(answer, "document_not_ready")
            assert int(answer.headers["retry-after"]) > 0
        assert client.get(f"{base}/original").content == REPORT
        reader.go.set()
        done = ended(client)
    assert (done.kind, done.status, done.completeness) == ("INV", "succeeded", "complete")
    assert done.characters == len(examples.TEXT)
    assert done.version == reader.version
    assert entry.received_at == done.received_at < done.updated_at


def test_the_queue_says_how_many_are_ahead() -> None:
    reader = WaitingReader()
    with serving(reader, workers=1) as client:
        ids = [upload(client, REPORT + str(n).encode()).json()["id"] for n in range(6)]
        entries: list[dict[str, Any]] = []
        deadline = time.monotonic() + PATIENCE
        while [entry["queued_ahead"] for entry in entries] != [None, None, 0, 1, 2, 3]:
            assert time.monotonic() < deadline, entries
            entries = [client.get(f"/v1/documents/{each}").json() for each in ids]
        assert [entry["status"] for entry in entries] == ["running"] * 2 + ["queued"] * 4
        reader.go.set()
        assert [ended(client, each).status for each in ids] == ["succeeded"] * 6


def test_same_bytes_again_are_the_same_document() -> None:
    reader = CountingReader()
    with serving(reader) as client:
        first = read(client)
        again = upload(client, name="另一个名字.txt")
        assert again.status_code == 200
        assert DocumentEntry.model_validate_json(again.content) == first
        assert again.headers["operation-location"] == f"/v1/documents/{REPORT_ID}"
        assert len(client.get("/v1/documents").json()["documents"]) == 1
    assert reader.reads == 1


def test_the_same_file_uploaded_at_once_is_read_once() -> None:
    reader = CountingReader(delay=0.05)
    with serving(reader) as client, ThreadPoolExecutor(8) as pool:
        codes = sorted(r.status_code for r in pool.map(lambda _: upload(client), range(8)))
        assert codes == [200] * 7 + [202]
        ended(client)
    assert reader.reads == 1


def test_as_many_files_are_read_at_once_as_there_are_workers() -> None:
    reader = CountingReader(delay=0.1)
    bodies = [REPORT + f"\n附件{n}".encode() for n in range(6)]
    with serving(reader, workers=3) as client, ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda body: upload(client, body), bodies))
        assert [answer.status_code for answer in answers] == [202] * 6
        for answer in answers:
            assert ended(client, answer.json()["id"]).status == "succeeded"
    assert (reader.reads, reader.most_at_once) == (6, 3)


def test_a_file_that_failed_is_read_again_when_it_comes_again() -> None:
    with serving(FailingReader(EncryptedFileError("打开要密码。", page=2))) as client:
        entry = read(client)
        assert entry.status == "failed" and entry.error is not None
        assert entry.error.model_dump() == {
            "code": "file_encrypted", "message": "打开要密码。", "page": 2,
        }  # fmt: skip
        answer = client.get(f"/v1/documents/{REPORT_ID}/extraction")
        assert "打开要密码。" in problem(answer, "document_failed").detail
        again = upload(client)
        assert (again.status_code, again.json()["status"]) == (202, "queued")
        assert again.json()["error"] is None
        assert ended(client).status == "failed"


def test_another_extraction_version_makes_another_result_and_keeps_the_old(
    tmp_path: Path,
) -> None:
    class LaterReader(LibraryReader):
        version = "later"

        def read(self, data: bytes, filename: str, digest: str) -> Reading:
            reading = super().read(data, filename, digest)
            return replace(reading, result=replace(reading.result, version="later"))

    with serving(data=tmp_path) as client:
        first = read(client)
        assert client.post(f"/v1/documents/{REPORT_ID}/reprocess").status_code == 202
        assert ended(client).version == first.version
    with serving(LaterReader(), data=tmp_path) as client:
        assert upload(client).status_code == 202
        assert ended(client).version == "later"
        assert upload(client).status_code == 200
        base = f"/v1/documents/{REPORT_ID}/extraction"
        assert client.get(base).headers["etag"] == '"later"'
        for version in ("later", first.version):
            answer = client.get(base, params={"version": version})
            assert answer.headers["etag"] == f'"{version}"'
            unchanged = client.get(
                base,
                params={"version": version},
                headers={"If-None-Match": f'"x", "{version}"'},
            )
            assert (unchanged.status_code, unchanged.content) == (304, b"")
        problem(client.get(base, params={"version": "none"}), "document_not_found")


def test_a_request_that_is_repeated_gets_its_first_answer(client: TestClient) -> None:
    def send(data: bytes, key: str) -> Any:
        headers = {"Idempotency-Key": key}
        return client.post("/v1/documents", files={"file": ("a.txt", data)}, headers=headers)

    first = send(REPORT, "eins")
    ended(client)
    again = send(REPORT, "eins")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert send(REPORT, "zwei").status_code == 200
    problem(send(REPORT + b"x", "eins"), "idempotency_key_reused")
    assert len(client.get("/v1/documents").json()["documents"]) == 1


FILTERS: list[tuple[str, list[int]]] = [
    # query, which of the four documents are listed, newest first
    ("", [3, 2, 1, 0]),
    ("status=succeeded", [3, 1, 0]),
    ("status=failed", [2]),
    ("kind=INV", [3, 1, 0]),
    ("kind=INV&status=failed", []),
    ("text=甲", [0]),
    ("text=高处坠落", [3, 1, 0]),
    ("text=%25", [3]),
    ("text=REPORT", [3]),
    ("received_after=2020-01-01T00:00:00Z", [3, 2, 1, 0]),
    ("received_before=2020-01-01T00:00:00%2B08:00", []),
    ("batch=none", []),
    ("case=none", []),
]


@pytest.fixture(scope="module")
def four() -> Iterator[tuple[TestClient, list[str]]]:
    with serving() as client:
        files = [
            (REPORT + b"0", "甲.txt"), (REPORT + b"1", "乙.txt"),
            (b"%PDF-1.4 broken", "丙.pdf"), (REPORT + b"3", "Report 100%.txt"),
        ]  # fmt: skip
        yield client, [read(client, *file).id for file in files]


@pytest.mark.parametrize(("query", "listed"), FILTERS)
def test_lists_are_filtered(
    four: tuple[TestClient, list[str]], query: str, listed: list[int]
) -> None:
    client, ids = four
    found = client.get(f"/v1/documents?{query}").json()["documents"]
    assert [ids.index(entry["id"]) for entry in found] == listed


def test_pages_of_a_picture_are_drawn_and_others_say_why_not(door: TestClient) -> None:
    buffer = io.BytesIO()
    Image.new("L", (300, 200), 255).save(buffer, "PNG", dpi=(100, 100))
    picture = upload(door, buffer.getvalue(), "页.png").json()["id"]
    answer = door.get(f"/v1/documents/{picture}/pages/1.png", params={"dpi": 50})
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == page_image(buffer.getvalue(), 1, dpi=50)
    again = door.get(
        f"/v1/documents/{picture}/pages/1.png",
        params={"dpi": 50},
        headers={"If-None-Match": answer.headers["etag"]},
    )
    assert again.status_code == 304
    problem(door.get(f"/v1/documents/{picture}/pages/2.png"), "page_not_found")
    upload(door)
    problem(door.get(f"/v1/documents/{REPORT_ID}/pages/1.png"), "layout_missing")
    problem(door.get(f"/v1/documents/{ABSENT}/pages/1.png"), "document_not_found")


def test_the_original_comes_back_as_it_was(door: TestClient) -> None:
    data = bytes(range(256)) * 9000
    document_id = upload(door, data, "原件 1.bin").json()["id"]
    answer = door.get(f"/v1/documents/{document_id}/original")
    assert answer.content == data
    assert answer.headers["content-length"] == str(len(data))
    assert answer.headers["content-type"] == "application/octet-stream"
    disposition = answer.headers["content-disposition"]
    assert disposition == "attachment; filename*=UTF-8''%E5%8E%9F%E4%BB%B6%201.bin"
    assert answer.headers["content-security-policy"].startswith("sandbox")


RAW_NAMES: list[tuple[str, dict[str, str], str]] = [
    # query, headers, the name that is kept
    ("?filename=%E6%8A%A5%E5%91%8A.txt", {}, "报告.txt"),
    ("", {"Content-Disposition": 'attachment; filename="a.txt"'}, "a.txt"),
    ("", {"Content-Disposition": "attachment; filename*=UTF-8''%E6%8A%A5.txt"}, "报.txt"),
    ("?filename=b.txt", {"Content-Disposition": 'attachment; filename="a.txt"'}, "b.txt"),
    ("", {}, "未命名文件"),
    ("", {"Content-Disposition": "attachment; filename*=utf-9''%FF%FE"}, "ÿþ"),
    ("", {"Content-Disposition": ";;;===\"'"}, "未命名文件"),
]


@pytest.mark.parametrize(("query", "headers", "name"), RAW_NAMES)
def test_a_file_may_be_the_whole_body(
    door: TestClient, query: str, headers: dict[str, str], name: str
) -> None:
    headers = {"Content-Type": "application/octet-stream"} | headers
    response = door.post(f"/v1/documents{query}", content=REPORT, headers=headers)
    assert response.status_code == 202
    assert response.json()["id"] == REPORT_ID
    assert response.json()["filename"] == name


def test_a_raw_utf8_header_gives_its_name(door: TestClient) -> None:
    header = 'attachment; filename="报告.txt"'.encode()
    response = door.post("/v1/documents", content=REPORT, headers={b"Content-Disposition": header})
    assert response.json()["filename"] == "报告.txt"


NAMES = [
    ("报告.pdf", "报告.pdf"),
    ("../../etc/passwd", "passwd"),
    ("C:\\Users\\张\\报告.docx", "报告.docx"),
    ("/", "未命名文件"),
    ("..", "未命名文件"),
    ("", "未命名文件"),
    (None, "未命名文件"),
    ("a\x00b\r\nSet-Cookie: x.txt", "abSet-Cookie: x.txt"),
    ("报告\u202efdp.exe", "报告fdp.exe"),
    ("\ud800.txt", "txt"),
    ("甲" * 300 + ".docx", "甲" * 195 + ".docx"),
    ("甲" * 300, "甲" * 200),
    ("<script>alert(1)</script>.txt", "script>.txt"),
]


@pytest.mark.parametrize(("given", "kept"), NAMES)
def test_hostile_names_become_plain_names(given: str | None, kept: str) -> None:
    assert clean_name(given) == kept


@pytest.mark.parametrize("given", [name for name, _ in NAMES if name and "\ud800" not in name])
def test_hostile_names_do_no_harm_in_a_form(door: TestClient, given: str) -> None:
    response = upload(door, name=given)
    assert response.status_code == 202
    kept = response.json()["filename"]
    assert kept and not re.search(r"[/\\\x00-\x1f\u202e]", kept) and len(kept) <= 200
    assert door.get("/").status_code == 200


def test_list_pages_newest_first_and_does_not_shift(door: TestClient) -> None:
    ids = [upload(door, REPORT + f"\n附件{n}".encode()).json()["id"] for n in range(5)]
    newest_first = ids[::-1]
    seen: list[str] = []
    cursor: str | None = None
    for page_number in range(3):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = DocumentPage.model_validate_json(door.get("/v1/documents", params=query).content)
        seen += [entry.id for entry in page.documents]
        cursor = page.next_cursor
        if page_number == 0:
            upload(door, REPORT + "\n新来的".encode())
            door.delete(f"/v1/documents/{seen[-1]}")
    assert seen == newest_first
    assert cursor is None


def test_an_exactly_full_page_is_the_last(door: TestClient) -> None:
    upload(door)
    assert door.get("/v1/documents?limit=1").json()["next_cursor"] is None


def test_extraction_text_and_checklist_of_a_document(client: TestClient) -> None:
    read(client)
    base = f"/v1/documents/{REPORT_ID}"
    text = client.get(f"{base}/text")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text == examples.TEXT
    extraction = Extraction.model_validate_json(client.get(f"{base}/extraction").content)
    assert extraction.document.id == REPORT_ID
    checklist = Checklist.model_validate_json(client.get(f"{base}/checklist").content)
    rows = [*checklist.accountability, *checklist.measures]
    assert rows
    for quote in (quote for row in rows for quote in row.sources):
        assert text.text[quote.start : quote.end] == quote.quote


# What may be tuned without the examples in the description growing wrong.
TUNED = {
    "confidence", "rule", "extractor_version", "received_at", "updated_at", "version",
}  # fmt: skip


def _settled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _settled(item) for name, item in value.items() if name not in TUNED}
    return [_settled(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("path", "example"),
    [
        ("", examples.ENTRY),
        ("/extraction", examples.EXTRACTION),
        ("/checklist", examples.CHECKLIST),
    ],
)
def test_the_examples_are_what_the_service_really_answers(
    client: TestClient, path: str, example: BaseModel
) -> None:
    read(client)
    answer = client.get(f"/v1/documents/{REPORT_ID}{path}").json()
    assert _settled(answer) == _settled(example.model_dump(mode="json"))


def test_checklist_as_a_workbook(client: TestClient) -> None:
    read(client)
    response = client.get(f"/v1/documents/{REPORT_ID}/checklist.xlsx")
    assert response.headers["content-type"] == XLSX
    assert response.headers["content-disposition"] == 'attachment; filename="checklist.xlsx"'
    assert load_workbook(io.BytesIO(response.content)).sheetnames


def test_checklist_of_a_case_holds_all_its_documents(client: TestClient) -> None:
    ids = [read(client, REPORT + f"\n附件{n}".encode()).id for n in range(2)]
    response = client.post("/v1/checklists", json={"documents": [*ids, ids[0]]})
    assert response.status_code == 200
    checklist = Checklist.model_validate_json(response.content)
    assert sorted(document.id for document in checklist.documents) == sorted(ids)


def test_samples_of_every_shipped_format_come_through(client: TestClient) -> None:
    samples = [path for path in sorted((ROOT / "corpus/samples").iterdir()) if path.is_file()]
    assert samples
    ids = []
    for path in samples:
        entry = read(client, path.read_bytes(), path.name)
        assert entry.status == "succeeded", entry.error
        ids.append(entry.id)
    assert client.post("/v1/checklists", json={"documents": ids}).status_code == 200
    assert client.get("/", params={"document": ids}).status_code == 200


def test_delete_removes_the_document_and_all_that_was_read(tmp_path: Path) -> None:
    with serving(data=tmp_path) as client:
        read(client)
        kept = tmp_path / "files" / REPORT_ID[:2] / REPORT_ID
        assert kept.read_bytes() == REPORT
        base = f"/v1/documents/{REPORT_ID}"
        response = client.delete(base)
        assert (response.status_code, response.content) == (204, b"")
        assert not kept.exists()
        for path in ("", "/extraction", "/text", "/checklist", "/checklist.xlsx", "/original"):
            problem(client.get(base + path), "document_not_found")
        problem(client.delete(base), "document_not_found")
        assert upload(client).status_code == 202


def test_a_document_may_be_deleted_while_it_is_read() -> None:
    reader = WaitingReader()
    with serving(reader) as client:
        upload(client)
        assert client.delete(f"/v1/documents/{REPORT_ID}").status_code == 204
        reader.go.set()
        other = read(client, REPORT + b"2")
        assert other.status == "succeeded"
        problem(client.get(f"/v1/documents/{REPORT_ID}"), "document_not_found")


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health(door: TestClient, path: str) -> None:
    assert door.get(path).json() == {"status": "ok"}
