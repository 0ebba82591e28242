"""Lists by a part of a name: the same as a look at every label, however it is found."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, update

from api.store import documents, name_index
from api.store.database import Database
from api.store.documents import Filters, NewDocument
from api.store.name_index import label_values, words_of
from api.store.schema import BATCH_ITEMS, BATCHES, DEFAULT_TENANT, DOCUMENTS

OTHER = "other"
# \u4e00 and \u92a8 have the same letters in the index: only the label tells them apart.
CHARACTERS = "ab B1。·%_'\"*\\/×（：ＡA报告县\u4e00\u92a8é😀-\n"
NAMES = st.text(CHARACTERS, min_size=1, max_size=7)


def put(connection: Connection, names: Sequence[tuple[str, str]]) -> None:
    """Take in documents of the two tenants by these names, with a title for every other."""
    for at, (name, tenant) in enumerate(names):
        digest = sha256(str(at).encode()).hexdigest()
        documents.lock_file(connection, digest, 1)
        documents.receive(connection, tenant, NewDocument(digest, 1, name), "1")
        if at % 2:
            title = name[::-1]
            values = {"title": title, "status": "failed", **label_values(tenant, name, title)}
            here = (DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.id == digest)
            connection.execute(update(DOCUMENTS).where(*here).values(values))


def listed(connection: Connection, filters: Filters, limit: int = 2) -> list[str]:
    """The documents of a list, from all of its pages."""
    found: list[str] = []
    before = None
    while True:
        page, before = documents.listing(connection, DEFAULT_TENANT, limit, before, filters)
        found += [entry.id for entry in page]
        if before is None:
            return found


def wanted(connection: Connection, text: str, status: str | None = None) -> list[str]:
    """The same by a look at each label."""
    table = DOCUMENTS.c
    rows = connection.execute(
        select(table.id, table.label, table.status)
        .where(table.tenant == DEFAULT_TENANT)
        .order_by(table.number.desc())
    )
    return [row.id for row in rows if text.lower() in row.label and status in (None, row.status)]


@pytest.mark.parametrize("most", [2, name_index.MOST], ids=["many", "few"])
def test_a_part_of_a_name_is_found_wherever_it_stands(
    database: Database, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where more labels may have it than are looked at one by one, the list is as exact."""
    monkeypatch.setattr(name_index, "MOST", most)

    @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    @given(
        names=st.lists(st.tuples(NAMES, st.sampled_from((DEFAULT_TENANT, OTHER))), max_size=12),
        asked=st.lists(st.text(CHARACTERS, max_size=4), min_size=1, max_size=5),
    )
    def check(names: list[tuple[str, str]], asked: list[str]) -> None:
        with database.write() as connection:
            put(connection, names)
            parts = [name[at : at + 3] for name, _ in names for at in (0, 2)]
            for text in [*asked, *parts]:
                assert listed(connection, Filters(text=text)) == wanted(connection, text)
                both = Filters(text=text, status="failed")
                assert listed(connection, both) == wanted(connection, text, "failed")
            connection.rollback()

    check()


@pytest.mark.parametrize("most", [2, name_index.MOST], ids=["many", "few"])
def test_a_name_is_looked_for_inside_a_batch(
    database: Database, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_index, "MOST", most)
    monkeypatch.setattr(documents, "MOST_INSIDE", most)
    with database.write() as connection:
        put(connection, [(f"{at}号报告.pdf", DEFAULT_TENANT) for at in range(9)])
        ids = [sha256(str(at).encode()).hexdigest() for at in range(9)]
        batch = {"tenant": DEFAULT_TENANT, "id": "b", "kind": "zip", "name": "b", "status": "done"}
        connection.execute(insert(BATCHES).values(created_at=1, updated_at=1, **batch))
        item = {"tenant": DEFAULT_TENANT, "batch": "b", "path": "p", "status": "succeeded"}
        rows = [{**item, "position": at, "document": ids[at]} for at in (1, 4, 5, 7)]
        connection.execute(insert(BATCH_ITEMS), rows)
        assert listed(connection, Filters(batch="b")) == [ids[at] for at in (7, 5, 4, 1)]
        assert listed(connection, Filters(batch="b", text="号报告")) == [
            ids[at] for at in (7, 5, 4, 1)
        ]
        assert listed(connection, Filters(batch="b", text="5号")) == [ids[5]]
        assert listed(connection, Filters(batch="b", text="2号")) == []


def test_a_name_that_is_gone_is_found_no_more(database: Database) -> None:
    with database.write() as connection:
        put(connection, [("甲报告.pdf", DEFAULT_TENANT), ("乙报告.pdf", DEFAULT_TENANT)])
        first = sha256(b"0").hexdigest()
        assert documents.remove(connection, DEFAULT_TENANT, first)
        assert name_index.candidates(connection, DEFAULT_TENANT, "甲报告", None) == ([], True)
        here = DOCUMENTS.c.tenant == DEFAULT_TENANT
        values = label_values(DEFAULT_TENANT, "丙.pdf", None)
        connection.execute(update(DOCUMENTS).where(here).values(values))
        assert name_index.candidates(connection, DEFAULT_TENANT, "乙报告", None) == ([], True)
        assert len(listed(connection, Filters(text="丙"))) == 1
        if database.is_sqlite:
            check = "INSERT INTO label_index(label_index, rank) VALUES ('integrity-check', 1)"
            connection.exec_driver_sql(check)
        connection.execute(delete(DOCUMENTS))
        assert name_index.candidates(connection, DEFAULT_TENANT, "丙", None) == ([], True)


def test_the_words_of_a_label_do_not_hold_its_characters() -> None:
    words = words_of("a 报告%")
    assert len(words) == 5
    assert all(word.isascii() and word.isalpha() and word.islower() for word in words)
    assert [len(word) for word in words] == [6, 6, 6, 6, 3]
    assert words_of("\u4e00") == words_of("\u92a8")
