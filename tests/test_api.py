"""The HTTP service: documents in, extraction and checklist out, lists and names."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook
from pydantic import BaseModel

from api.intake import clean_name
from api.routes import examples
from api.routes.checklists import XLSX
from api.routes.documents import DocumentPage
from api.store.document_store import DocumentEntry
from extractor.checklist.model import Checklist
from extractor.extraction import Extraction
from tests.api_client import (
    REPORT,
    REPORT_ID,
    CountingReader,
    problem,
    serving,
    upload,
)
from tests.conftest import ROOT


@pytest.fixture
def client() -> Iterator[TestClient]:
    with serving() as client:
        yield client


def test_upload_gives_the_document_and_where_it_is(client: TestClient) -> None:
    response = upload(client)
    assert response.status_code == 201
    entry = DocumentEntry.model_validate_json(response.content)
    assert entry.id == sha256(REPORT).hexdigest()
    assert (entry.filename, entry.kind, entry.status) == ("调查报告.txt", "INV", "complete")
    assert entry.characters == len(examples.TEXT)
    assert entry.created_at.tzinfo is not None
    assert response.headers["location"] == f"/v1/documents/{entry.id}"
    assert client.get(response.headers["location"]).json() == response.json()


def test_same_bytes_again_are_the_same_document() -> None:
    reader = CountingReader()
    with serving(reader) as client:
        first, second = upload(client), upload(client, name="另一个名字.txt")
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json() == second.json()
        assert first.headers["location"] == second.headers["location"]
        assert len(client.get("/v1/documents").json()["documents"]) == 1
    assert reader.reads == 1


def test_the_same_file_uploaded_at_once_is_read_once() -> None:
    reader = CountingReader(delay=0.05)
    with serving(reader) as client, ThreadPoolExecutor(8) as pool:
        codes = sorted(r.status_code for r in pool.map(lambda _: upload(client), range(8)))
    assert codes == [200] * 7 + [201]
    assert reader.reads == 1


def test_different_files_are_read_one_after_another() -> None:
    reader = CountingReader(delay=0.05)
    bodies = [REPORT + f"\n附件{n}".encode() for n in range(4)]
    with serving(reader) as client, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda body: upload(client, body), bodies))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert (reader.reads, reader.most_at_once) == (4, 1)


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
    client: TestClient, query: str, headers: dict[str, str], name: str
) -> None:
    headers = {"Content-Type": "application/octet-stream"} | headers
    response = client.post(f"/v1/documents{query}", content=REPORT, headers=headers)
    assert response.status_code == 201
    assert response.json()["id"] == REPORT_ID
    assert response.json()["filename"] == name


def test_a_raw_utf8_header_gives_its_name(client: TestClient) -> None:
    header = 'attachment; filename="报告.txt"'.encode()
    response = client.post(
        "/v1/documents", content=REPORT, headers={b"Content-Disposition": header}
    )
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
def test_hostile_names_do_no_harm_in_a_form(client: TestClient, given: str) -> None:
    response = upload(client, name=given)
    assert response.status_code == 201
    kept = response.json()["filename"]
    assert kept and not re.search(r"[/\\\x00-\x1f\u202e]", kept) and len(kept) <= 200
    assert client.get("/").status_code == 200


def test_list_pages_newest_first_and_does_not_shift(client: TestClient) -> None:
    ids = [upload(client, REPORT + f"\n附件{n}".encode()).json()["id"] for n in range(5)]
    newest_first = ids[::-1]
    seen: list[str] = []
    cursor: str | None = None
    for page_number in range(3):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = DocumentPage.model_validate_json(client.get("/v1/documents", params=query).content)
        seen += [entry.id for entry in page.documents]
        cursor = page.next_cursor
        if page_number == 0:
            upload(client, REPORT + "\n新来的".encode())
            client.delete(f"/v1/documents/{seen[-1]}")
    assert seen == newest_first
    assert cursor is None


def test_an_exactly_full_page_is_the_last(client: TestClient) -> None:
    upload(client)
    assert client.get("/v1/documents?limit=1").json()["next_cursor"] is None


def test_extraction_text_and_checklist_of_a_document(client: TestClient) -> None:
    upload(client)
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
TUNED = {"confidence", "rule", "extractor_version", "created_at"}


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
    upload(client)
    answer = client.get(f"/v1/documents/{REPORT_ID}{path}").json()
    assert _settled(answer) == _settled(example.model_dump(mode="json"))


def test_checklist_as_a_workbook(client: TestClient) -> None:
    upload(client)
    response = client.get(f"/v1/documents/{REPORT_ID}/checklist.xlsx")
    assert response.headers["content-type"] == XLSX
    assert response.headers["content-disposition"] == 'attachment; filename="checklist.xlsx"'
    assert load_workbook(io.BytesIO(response.content)).sheetnames


def test_checklist_of_a_case_holds_all_its_documents(client: TestClient) -> None:
    ids = [upload(client, REPORT + f"\n附件{n}".encode()).json()["id"] for n in range(2)]
    response = client.post("/v1/checklists", json={"documents": [*ids, ids[0]]})
    assert response.status_code == 200
    checklist = Checklist.model_validate_json(response.content)
    assert sorted(document.id for document in checklist.documents) == sorted(ids)


def test_samples_of_every_shipped_format_come_through(client: TestClient) -> None:
    samples = [path for path in sorted((ROOT / "corpus/samples").iterdir()) if path.is_file()]
    assert samples
    ids = []
    for path in samples:
        response = upload(client, path.read_bytes(), path.name)
        assert response.status_code == 201, response.text
        ids.append(response.json()["id"])
    assert client.post("/v1/checklists", json={"documents": ids}).status_code == 200
    assert client.get("/", params={"document": ids}).status_code == 200


def test_delete_removes_the_document_and_all_that_was_read(client: TestClient) -> None:
    upload(client)
    base = f"/v1/documents/{REPORT_ID}"
    response = client.delete(base)
    assert (response.status_code, response.content) == (204, b"")
    for path in ("", "/extraction", "/text", "/checklist", "/checklist.xlsx"):
        problem(client.get(base + path), "document_not_found")
    problem(client.delete(base), "document_not_found")
    assert upload(client).status_code == 201


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health(client: TestClient, path: str) -> None:
    assert client.get(path).json() == {"status": "ok"}
