"""The way in: forms and bodies in any cut, nothing left over of what was refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from tests.api_client import MIB, problem, serving

BOUNDARY = "boundary"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with serving(workers=0, data=folder, max_upload_mb=16) as client:
        yield client


def _form(*parts: tuple[str, bytes], end: bytes = b"--") -> bytes:
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data + b"\r\n"
        for head, data in parts
    )
    return body + f"--{BOUNDARY}".encode() + end + b"\r\n"


def _cut(body: bytes, sizes: list[int]) -> Iterator[bytes]:
    start = 0
    for size in sizes:
        yield body[start : start + size]
        start += size
    yield body[start:]


FILE = 'name="file"; filename="报告.txt"'


@given(
    data=st.binary(min_size=1, max_size=300),
    sizes=st.lists(st.integers(1, 60), max_size=12),
    before=st.booleans(),
)
def test_a_form_may_be_cut_anywhere(
    client: TestClient, data: bytes, sizes: list[int], before: bool
) -> None:
    parts = [(FILE, data)]
    parts.insert(0 if before else 1, ('name="note"', b"text"))
    answer = client.post("/v1/documents", content=_cut(_form(*parts), sizes), headers=FORM)
    assert answer.status_code in (200, 202), answer.text
    assert answer.json()["id"] == sha256(data).hexdigest()
    stored = client.get(f"/v1/documents/{answer.json()['id']}/original")
    assert stored.content == data


@pytest.mark.parametrize("as_form", [True, False])
def test_a_large_file_goes_through_the_disk(client: TestClient, as_form: bool) -> None:
    data = os.urandom(11 * MIB)
    body: Any = _form((FILE, data)) if as_form else data
    answer = client.post("/v1/documents", content=body, headers=FORM if as_form else {})
    assert answer.json()["id"] == sha256(data).hexdigest()
    assert client.get(answer.headers["location"] + "/original").content == data


BROKEN: list[tuple[str, bytes]] = [
    ("cut off in the file", _form((FILE, b"x" * 100))[:-30]),
    ("cut off before the end", _form((FILE, b"x"), end=b"")),
    ("cut off after much", _form((FILE, b"x" * (6 * MIB)))[:-20]),
    ("a part without a name", _form(("filename=a", b"x"), (FILE, b"x"))),
    ("too many fields", _form(*((f'name="{n}"', b"x") for n in range(9)), (FILE, b"x"))),
    ("a field that is too long", _form(('name="a"', b"x" * 5000), (FILE, b"x"))),
    ("two files", _form((FILE, b"x"), (FILE, b"y"))),
    ("no form at all", b"{}"),
    ("nothing", b""),
]


@pytest.mark.parametrize("body", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_broken_forms_leave_nothing(client: TestClient, folder: Path, body: bytes) -> None:
    before = client.get("/v1/documents").json()
    problem(client.post("/v1/documents", content=body, headers=FORM), "request_malformed")
    assert client.get("/v1/documents").json() == before
    assert list((folder / "files" / "incoming").iterdir()) == []


def test_a_file_that_is_too_large_leaves_nothing(client: TestClient, folder: Path) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield bytes(MIB)

    problem(client.post("/v1/documents", content=endless()), "upload_too_large")
    assert list((folder / "files" / "incoming").iterdir()) == []
