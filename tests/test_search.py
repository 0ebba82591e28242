"""Full-text search: words, exact words, filters, pages, and whatever a person may type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from api.store import cases, documents
from api.store.database import Database
from api.store.documents import NewDocument
from api.store.hooks import Saved
from api.store.schema import DEFAULT_TENANT, DOCUMENTS, SEARCH_ENTRIES
from api.store.searching import Narrowing, SearchHit, excerpt, forget_words, index_saved, search
from api.store.words import _CLEANED, Entry, entries_of, parse_query, shown_text, tokens_of
from bench.listing import fill
from extractor import extract, parse
from extractor.extraction import DocumentRecord

OTHER = "other"
REPORT = """青榆市禾山县“4·18”高处坠落事故调查报告
青安调〔2024〕5号
2024年4月18日，禾山县云岭物流园项目发生一起高处坠落事故，造成1人死亡。
一、对有关责任单位的处理建议
青榆明安建筑有限公司未落实高处作业审批制度。建议由禾山县应急管理局对其处35万元罚款。
赵明未，青榆明安建筑有限公司项目经理，未履行安全生产管理职责，建议给予撤职处分。
二、事故防范和整改措施
青榆明安建筑有限公司应于2024年9月30日前修订高处作业审批制度 HSE Manual。
"""
REPLY = "关于青榆市禾山县“4·18”高处坠落事故调查报告的批复\n同意事故调查组对事故原因的分析。"
ELSEWHERE = "桐江市青石镇“6·2”车辆伤害事故调查报告\n发生一起车辆伤害事故。建议对云溪公司罚款。"


@cache
def _read(text: str) -> tuple[DocumentRecord, list[Entry]]:
    document = parse(text.encode(), "a.txt")
    extraction = extract(document)
    return extraction.document, entries_of(document, extraction)


def save(connection: Connection, text: str, tenant: str = DEFAULT_TENANT, **columns: Any) -> str:
    """Let a document with this text be read."""
    data = text.encode()
    digest = sha256(data).hexdigest()
    documents.lock_file(connection, digest, len(data))
    documents.receive(connection, tenant, NewDocument(digest, len(data), "a.txt"), "1")
    record, entries = _read(text)
    record = record.model_copy(update={"date": columns.get("date"), "id": digest})
    connection.execute(
        update(DOCUMENTS)
        .where(DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.id == digest)
        .values(**({"title": record.title, "kind": record.kind} | columns))
    )
    index_saved(connection, Saved(tenant, digest, "1", record, "", {"words": entries}))
    return digest


@pytest.fixture
def filled(database: Database) -> Iterator[Connection]:
    with database.write() as connection:
        save(connection, REPORT, date="2024-08-01")
        save(connection, REPLY, date="2024-09-01")
        save(connection, ELSEWHERE)
        save(connection, REPORT + "别的租户", OTHER)
        yield connection


def found(connection: Connection, asked: str, **narrowing: Any) -> list[SearchHit]:
    return search(connection, DEFAULT_TENANT, asked, 50, Narrowing(**narrowing))[0]


def places(hits: Sequence[SearchHit]) -> set[tuple[str, str]]:
    return {("禾山" if "禾山" in (hit.title or "") else "青石", hit.type) for hit in hits}


ASKED: list[tuple[str, bool]] = [
    # what is asked, whether anything is found
    ("禾山县", True),
    ("高处坠落 罚款", True),
    ("罚款 云溪", True),
    ("明安建筑", True),
    ("赵明未", True),
    ("赵明末", False),
    ("“高处坠落事故”", True),
    ('"坠落高处"', False),
    ("坠落高处", True),
    ("４·１８", True),
    ("hse manual", True),
    ("青安调〔2024〕5号", True),
    ("别的租户", False),
    ("", False),
    ("，。", False),
]


@pytest.mark.parametrize(("asked", "is_found"), ASKED)
def test_words_are_found(filled: Connection, asked: str, is_found: bool) -> None:
    assert bool(found(filled, asked)) == is_found


def test_rows_are_found_with_what_they_are(filled: Connection) -> None:
    assert places(found(filled, "赵明未 撤职")) >= {("禾山", "penalty"), ("禾山", "text")}
    assert places(found(filled, "审批制度 修订")) >= {("禾山", "measure")}
    [party] = found(filled, "赵明未", type="party")
    assert party.row is not None and party.filename == "a.txt"


NARROWED: list[tuple[dict[str, Any], int]] = [
    ({}, 3),
    ({"kind": "REP"}, 1),
    ({"date_from": "2024-08-02"}, 1),
    ({"date_to": "2024-08-01"}, 1),
    ({"case": "x"}, 0),
    ({"type": "problem"}, 0),
]


@pytest.mark.parametrize(("narrowing", "count"), NARROWED)
def test_hits_are_narrowed(filled: Connection, narrowing: dict[str, Any], count: int) -> None:
    hits = found(filled, "调查报告", **({"type": "document"} | narrowing))
    assert len({hit.document for hit in hits}) == count


def test_marks_stand_where_the_words_are(filled: Connection) -> None:
    for hit in found(filled, "高处坠落 罚款"):
        assert hit.marks
        marked = {hit.snippet[start:end] for start, end in hit.marks}
        assert marked <= {"高处", "坠落", "罚款"}


def test_titles_come_before_rows_and_rows_before_texts(filled: Connection) -> None:
    hits = found(filled, "罚款")
    order = ["document", "party", "penalty", "measure", "text"]
    assert [hit.type for hit in hits] == sorted((hit.type for hit in hits), key=order.index)
    assert {hit.type for hit in hits} == {"penalty", "text"}


def test_pages_stay_in_place_when_new_documents_come(filled: Connection) -> None:
    whole = [(hit.document, hit.type, hit.row) for hit in found(filled, "事故")]
    paged: list[tuple[str, str, str | None]] = []
    place = None
    while True:
        hits, place = search(filled, DEFAULT_TENANT, "事故", 2, place=place)
        paged += [(hit.document, hit.type, hit.row) for hit in hits]
        if place is None:
            break
        save(filled, f"又一起事故，编号{len(paged)}")
    assert [each for each in paged if each in whole] == whole
    assert len(set(paged)) == len(paged)


def test_a_new_result_takes_the_place_of_the_old(filled: Connection) -> None:
    query = select(SEARCH_ENTRIES.c.number)
    before = len(filled.execute(query).all())
    digest = save(filled, REPORT, date="2024-08-01")
    assert len(filled.execute(query).all()) == before
    forget_words(filled, DEFAULT_TENANT, digest)
    assert found(filled, "赵明未") == []
    record = extract(parse(REPORT.encode(), "a.txt")).document
    index_saved(filled, Saved(DEFAULT_TENANT, digest, "1", record, "", {}))
    assert found(filled, "赵明未") == []


HOSTILE = [
    '"', '""', "“", "a OR", "NEAR(", "tokens:x", "x*", "^x", "-x", "(", ")", "'; DROP TABLE", "\\",
    "a:b:c & | ! <->", "\x00", "%", "{a}", "+", '"a" + "b"', "赵" * 200, "😀", "\u200b",
]  # fmt: skip


@pytest.mark.parametrize("asked", HOSTILE)
def test_any_text_is_a_query(filled: Connection, asked: str) -> None:
    found(filled, asked)


@given(st.text(max_size=60))
def test_the_text_can_be_shown_again(text: str) -> None:
    shown = shown_text(tokens_of(text, ["甲公司"]))
    assert "".join(shown.split()) == "".join(text.translate(_CLEANED).split())


def test_an_excerpt_is_short_and_has_what_was_asked() -> None:
    shown = "无关的话。" * 200 + "甲公司罚款。" + "无关的话。" * 200
    snippet, marks = excerpt(shown, parse_query("罚款"))
    assert len(snippet) < 160
    assert [snippet[start:end] for start, end in marks] == ["罚款"]
    assert snippet.startswith("…") and snippet.endswith("…")


def test_the_bench_fills_what_it_asks_for(database: Database) -> None:
    fill(database, 12)
    with database.read() as connection:
        assert len(documents.listing(connection, DEFAULT_TENANT, 50)[0]) == 12
        assert len(cases.listing(connection, DEFAULT_TENANT, 50)[0]) == 3
        assert len(found(connection, "罚款", type="penalty")) == 12
        case = cases.listing(connection, DEFAULT_TENANT, 1)[0][0]
        assert len(found(connection, "事故", type="document", case=case.id)) == 4
