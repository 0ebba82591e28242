"""What the service keeps, and the settings it reads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from api.reader import LibraryReader
from api.settings import Settings
from api.store.document_codec import dump_document, load_document
from api.store.document_store import Store
from extractor import parse
from extractor.document import Document, DocumentBuilder, PlacedLine
from extractor.extraction import Extraction
from extractor.formats import Limits
from tests.api_client import (
    MIB,
    REPORT,
    REPORT_ID,
    serving,
    upload,
)


def _laid_out() -> Document:
    builder = DocumentBuilder(b"laid out", "报告.pdf", "application/pdf")
    builder.add_page(595.0, 842.0)
    builder.add_page(595.0, 842.0)
    lines = [
        PlacedLine("第一行", 1, 70.5, 82.0, [72.1, 84.2, 96.3], [84.1, 96.2, 108.3]),
        PlacedLine("第二行", 2, 70.5, 82.0, [72.0, 84.0, 96.0], [84.0, 96.0, 108.0]),
    ]
    builder.add_block("第一行第二行", page=1, lines=lines)
    builder.add_block("")
    builder.add_block("标题", "heading", level=1, page=2)
    builder.add_block("格", "cell", cell=(0, 1, 2), page=2)
    builder.add_furniture("- 1 -", "page_number", page=1, box=(1, 1.0, 2.0, 3.0, 4.0))
    builder.add_furniture("页眉", "header")
    builder.warn("no_text_layer", "第2页没有文字层。", page=2, partial=True)
    return builder.build()


@pytest.mark.parametrize("document", [_laid_out(), parse(REPORT, "报告.txt")], ids=["pdf", "text"])
def test_a_stored_document_is_the_same_document(document: Document) -> None:
    loaded = load_document(dump_document(document))
    assert loaded == document
    assert [loaded.page_of(i) for i in range(len(loaded.text))] == [
        document.page_of(i) for i in range(len(document.text))
    ]
    assert [loaded.boxes(b.span) for b in loaded.blocks] == [
        document.boxes(b.span) for b in document.blocks
    ]


def test_a_database_file_outlives_the_service_and_is_private(tmp_path: Path) -> None:
    file = tmp_path / "新文件夹" / "库 ?x=1.db"
    with serving(database=str(file)) as client:
        before = upload(client).json()
        checklist = client.get(f"/v1/documents/{REPORT_ID}/checklist").json()
    assert file.stat().st_mode & 0o077 == 0
    with serving(database=str(file)) as client:
        assert upload(client).status_code == 200
        assert client.get(f"/v1/documents/{REPORT_ID}").json() == before
        assert client.get(f"/v1/documents/{REPORT_ID}/checklist").json() == checklist


def test_deleted_text_is_gone_from_the_file(tmp_path: Path) -> None:
    needle = "青榆市禾山县".encode()
    with serving(database=str(tmp_path / "hecha.db")) as client:
        upload(client)
        assert any(needle in file.read_bytes() for file in tmp_path.iterdir())
        client.delete(f"/v1/documents/{REPORT_ID}")
        assert not any(needle in file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize("in_memory", [True, False])
def test_many_threads_share_a_store(tmp_path: Path, in_memory: bool) -> None:
    store = Store(":memory:" if in_memory else str(tmp_path / "hecha.db"))
    read = [LibraryReader().read(REPORT + str(n).encode(), "报告.txt") for n in range(6)]

    def work(pair: tuple[Document, Extraction]) -> bool:
        _, is_new = store.add(*pair)
        assert store.source(pair[0].id) == pair
        assert store.page(3)[0]
        return is_new

    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(work, read * 4))
    assert sum(new) == len(read)
    assert len(store.page(100)[0]) == len(read)
    store.close()


SETTINGS: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({}, {"max_upload_mb": 50, "database": ":memory:"}),
    ({"HECHA_MAX_UPLOAD_MB": "7"}, {"max_upload_mb": 7, "max_upload_bytes": 7 * MIB}),
    ({"HECHA_DATABASE": "/data/hecha.db"}, {"database": "/data/hecha.db"}),
    (
        {"HECHA_LIMITS": "max_pages=9, max_seconds=1.5"},
        {"limits": Limits(max_pages=9, max_seconds=1.5)},
    ),
    ({"HECHA_ALLOWED_HOSTS": " Hecha.local , ::1,"}, {"allowed_hosts": ("hecha.local", "::1")}),
]


@pytest.mark.parametrize(("environment", "expected"), SETTINGS)
def test_settings_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: dict[str, Any]
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HECHA_{name.upper()}", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert {name: getattr(settings, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_UPLOAD_MB", "0"),
        ("MAX_UPLOAD_MB", "x"),
        ("DATABASE", ""),
        ("ALLOWED_HOSTS", " , "),
        ("LIMITS", "pages=9"),
    ],
)
def test_settings_that_make_no_sense_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"HECHA_{name}", value)
    with pytest.raises(ValueError, match=name.lower()):
        Settings()
