"""Cases in the store: documents find them in any order, people correct them, events tell of it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from api.routes import examples
from api.store import case_grouping, cases, documents, placements
from api.store.case_grouping import group_saved, leave_case
from api.store.cases import CaseChangedError, CaseDocumentMissingError, CaseNotFoundError
from api.store.database import Database
from api.store.documents import NewDocument
from api.store.hooks import HOOKS, Saved
from api.store.schema import CASE_DOCUMENTS, CASE_FACTS, CASE_KEYS, CASES, DEFAULT_TENANT, EVENTS
from extractor.checklist.case_facts import CaseFacts
from extractor.checklist.grouping import group_cases
from tests.database_fixtures import UndoneError
from tests.test_grouping import NAME, QINGSHI, _archive, _documents, fact

OTHER = "other"


def digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def receive(connection: Connection, name: str, tenant: str = DEFAULT_TENANT) -> str:
    documents.lock_file(connection, digest(name), 5)
    new = NewDocument(digest(name), 5, f"{name}.txt")
    documents.receive(connection, tenant, new, "1")
    return digest(name)


def save(connection: Connection, facts: CaseFacts, tenant: str = DEFAULT_TENANT) -> str:
    """Let a document with these facts be read."""
    document = receive(connection, facts.document, tenant)
    said = facts.model_copy(update={"document": document}).model_dump_json()
    record = examples.EXTRACTION.document
    group_saved(connection, Saved(tenant, document, "1", record, "", {"facts": said}))
    return document


def delete(connection: Connection, name: str) -> None:
    HOOKS.deleting, before = [leave_case], HOOKS.deleting
    documents.remove(connection, DEFAULT_TENANT, digest(name))
    HOOKS.deleting = before


def stored(connection: Connection, tenant: str = DEFAULT_TENANT) -> dict[str | None, set[str]]:
    """The documents of each case, by their ids; those of none under None."""
    table = CASE_DOCUMENTS.c
    found: defaultdict[str | None, set[str]] = defaultdict(set)
    for case, document in connection.execute(
        select(table.case, table.document).where(table.tenant == tenant)
    ):
        found[case].add(document)
    return dict(found)


def named(groups: Iterable[Iterable[str]]) -> set[frozenset[str]]:
    return {frozenset(digest(name) for name in group) for group in groups}


def parts(connection: Connection) -> set[frozenset[str]]:
    return {frozenset(each) for case, each in stored(connection).items() if case is not None}


def case_of(connection: Connection, name: str) -> str:
    place = placements.get(connection, DEFAULT_TENANT, digest(name))
    assert place.case is not None
    return place.case


def told(connection: Connection, tenant: str = DEFAULT_TENANT) -> list[str]:
    query = select(EVENTS.c.type).where(EVENTS.c.tenant == tenant).order_by(EVENTS.c.seq)
    return [kind for kind in connection.execute(query).scalars() if kind.startswith("case.")]


REPORT = fact("a", name=NAME, number="青安调〔2023〕5号", date="2023-04-18", **QINGSHI)
REPLY = fact("b", "REP", number="青政复〔2023〕2号", cites=("青安调〔2023〕5号",))
EVALUATION = fact("c", "EVAL", cites=("青政复〔2023〕2号",))
ELSEWHERE = fact("z", date="2021-06-02", mark="6·2", places=("净水",))
RULE = fact("r", "RULE")


@pytest.mark.parametrize("order", list(permutations((REPORT, REPLY, EVALUATION, ELSEWHERE))))
def test_documents_find_their_case_in_any_order(
    database: Database, order: Sequence[CaseFacts]
) -> None:
    with database.write() as connection:
        for each in order:
            save(connection, each)
        assert parts(connection) == named(["abc", "z"])
        details = cases.get(connection, DEFAULT_TENANT, case_of(connection, "a"))
        assert (details.name, details.origin) == (NAME, "auto")
        assert (details.accident_date, details.accident_mark) == ("2023-04-18", "4·18")
        assert (details.document_count, details.unread_count) == (3, 3)
        assert details.reason is not None and "批复引用了调查报告的文号" in details.reason.text
        by_name = {member.filename: member for member in details.documents}
        reason = by_name["c.txt"].reason
        assert reason is not None and "评估报告引用了批复的文号（青政复〔2023〕2号）" in reason.text
        assert (reason.links[0].document, reason.links[0].kind) == (digest("b"), "number")


def test_events_tell_of_every_change(database: Database) -> None:
    with database.write() as connection:
        save(connection, REPORT)
        save(connection, EVALUATION.model_copy(update={"date": "2023-04-18"}))
        assert told(connection) == ["case.created", "case.document_added"] * 2
        save(connection, REPLY)
        later = told(connection)[4:]
        assert sorted(later) == [
            "case.deleted", "case.document_added", "case.document_added",
            "case.document_removed", "case.updated",
        ]  # fmt: skip


def test_what_states_no_accident_stands_in_no_case_and_says_why(database: Database) -> None:
    with database.write() as connection:
        save(connection, RULE)
        assert parts(connection) == set()
        place = placements.get(connection, DEFAULT_TENANT, digest("r"))
        assert place.case_name is None and place.reason is not None
        assert "没有写明事故的名称或日期" in place.reason.text


def test_a_doubt_is_told_with_the_document(database: Database) -> None:
    with database.write() as connection:
        for each in (
            fact("a", date="2022-04-18", **QINGSHI),
            fact("b", "EVAL", **QINGSHI),
            fact("c", date="2023-04-18", **QINGSHI),
        ):
            save(connection, each)
        assert parts(connection) == named(["a", "c"])
        place = placements.get(connection, DEFAULT_TENANT, digest("b"))
        assert place.case is None and place.reason is not None
        assert "可能属于2起事故中的一起" in place.reason.doubts[0]


def test_reading_again_moves_a_document_that_says_something_else(database: Database) -> None:
    with database.write() as connection:
        for each in (REPORT, REPLY, EVALUATION):
            save(connection, each)
        before = len(told(connection))
        save(connection, REPLY)
        assert len(told(connection)) == before, "the same facts change nothing"
        save(connection, fact("b", "REP", number="别号〔2023〕9号", name="另一起燃气爆炸事故"))
        assert parts(connection) == named(["a", "b"])
        assert stored(connection)[None] == {digest("c")}


def test_a_deleted_document_leaves_its_case_and_an_empty_case_goes(database: Database) -> None:
    with database.write() as connection:
        for each in (REPORT, REPLY, EVALUATION, ELSEWHERE):
            save(connection, each)
        delete(connection, "z")
        assert told(connection)[-1] == "case.deleted"
        assert parts(connection) == named(["abc"])
        delete(connection, "b")
        assert parts(connection) == named(["a"]), "nothing joins the evaluation any more"
        delete(connection, "a")
        delete(connection, "c")
        for table in (CASES, CASE_DOCUMENTS, CASE_FACTS, CASE_KEYS):
            assert connection.execute(select(table)).all() == []


def test_tenants_have_cases_of_their_own(database: Database) -> None:
    with database.write() as connection:
        save(connection, REPORT)
        save(connection, REPORT.model_copy(update={"document": "o"}), OTHER)
        assert parts(connection) == named(["a"])
        case = case_of(connection, "a")
        assert cases.listing(connection, OTHER, 9)[0][0].id != case
        for change in (
            lambda: cases.get(connection, OTHER, case),
            lambda: cases.rename(connection, OTHER, case, "x", None),
            lambda: cases.dissolve(connection, OTHER, case, None),
            lambda: cases.take_out(connection, OTHER, case, digest("b"), None),
            lambda: cases.merge(connection, OTHER, case, [], None),
        ):
            with pytest.raises(CaseNotFoundError):
                change()
        with pytest.raises(CaseDocumentMissingError):
            cases.create(connection, OTHER, [digest("a")], None)


# --- by hand --------------------------------------------------------------------------------------


@pytest.fixture
def sorted_out(database: Database) -> Iterator[Connection]:
    """A connection to a database with the case a, b, c and the case z."""
    with database.write() as connection:
        for each in (REPORT, REPLY, EVALUATION, ELSEWHERE):
            save(connection, each)
        yield connection


def test_what_a_person_moves_stays_there(sorted_out: Connection) -> None:
    ours, theirs = case_of(sorted_out, "a"), case_of(sorted_out, "z")
    cases.add(sorted_out, DEFAULT_TENANT, theirs, digest("b"), None)
    assert parts(sorted_out) == named(["ac", "bz"])
    save(sorted_out, REPLY.model_copy(update={"title": "又读一遍"}))
    save(sorted_out, fact("d", "PEN", cites=("青安调〔2023〕5号",)))
    save(sorted_out, fact("e", "SELF", cites=("青政复〔2023〕2号",)))
    assert parts(sorted_out) == named(["acd", "bez"]), "new ones go where their facts stand"
    member = cases.get(sorted_out, DEFAULT_TENANT, theirs).documents
    assert {each.origin for each in member if each.filename == "b.txt"} == {"manual"}
    assert cases.get(sorted_out, DEFAULT_TENANT, ours).name == NAME


def test_what_a_person_takes_out_stays_out(sorted_out: Connection) -> None:
    ours = case_of(sorted_out, "a")
    cases.take_out(sorted_out, DEFAULT_TENANT, ours, digest("b"), None)
    save(sorted_out, fact("b", "REP", number="青政复〔2023〕2号", name=NAME, mark="4·18"))
    assert parts(sorted_out) == named(["ac", "z"])
    save(sorted_out, fact("e", "SELF", cites=("青政复〔2023〕2号",), name=NAME, mark="4·18"))
    assert parts(sorted_out) == named(["ace", "z"])
    with pytest.raises(CaseDocumentMissingError):
        cases.take_out(sorted_out, DEFAULT_TENANT, ours, digest("b"), None)
    cases.add(sorted_out, DEFAULT_TENANT, ours, digest("b"), None)
    assert parts(sorted_out) == named(["abce", "z"])


def test_the_last_document_takes_an_automatic_case_with_it(sorted_out: Connection) -> None:
    theirs = case_of(sorted_out, "z")
    cases.add(sorted_out, DEFAULT_TENANT, case_of(sorted_out, "a"), digest("z"), None)
    assert parts(sorted_out) == named(["abcz"])
    with pytest.raises(CaseNotFoundError):
        cases.get(sorted_out, DEFAULT_TENANT, theirs)


def test_a_case_of_documents_that_are_not_read_yet(sorted_out: Connection) -> None:
    waiting = receive(sorted_out, "w")
    case = cases.create(sorted_out, DEFAULT_TENANT, [digest("z"), waiting], "手工案卷")
    assert parts(sorted_out) == named(["abc", "wz"])
    save(sorted_out, fact("w", "EVAL", cites=("青政复〔2023〕2号",)))
    assert parts(sorted_out) == named(["abc", "wz"])
    details = cases.get(sorted_out, DEFAULT_TENANT, case)
    assert (details.name, details.origin) == ("手工案卷", "manual")


def test_merging_and_dissolving(sorted_out: Connection) -> None:
    ours, theirs = case_of(sorted_out, "a"), case_of(sorted_out, "z")
    cases.merge(sorted_out, DEFAULT_TENANT, ours, [theirs, ours, theirs], None)
    assert parts(sorted_out) == named(["abcz"])
    assert told(sorted_out)[-1] == "case.merged"
    with pytest.raises(CaseNotFoundError):
        cases.merge(sorted_out, DEFAULT_TENANT, ours, [theirs], None)
    cases.dissolve(sorted_out, DEFAULT_TENANT, ours, None)
    assert (parts(sorted_out), told(sorted_out)[-1]) == (set(), "case.deleted")
    assert stored(sorted_out)[None] == {digest(name) for name in "abcz"}
    save(sorted_out, fact("d", "PEN", cites=("青安调〔2023〕5号",), name=NAME, mark="4·18"))
    assert parts(sorted_out) == named(["d"])


def test_a_name_that_a_person_gave_stays(sorted_out: Connection) -> None:
    ours = case_of(sorted_out, "a")
    cases.rename(sorted_out, DEFAULT_TENANT, ours, "人工名称", None)
    save(
        sorted_out, fact("d", number="新号〔2023〕1号", cites=("青政复〔2023〕2号",), name="甲" * 9)
    )
    assert cases.get(sorted_out, DEFAULT_TENANT, ours).name == "人工名称"


def test_who_saw_an_older_state_changes_nothing(sorted_out: Connection) -> None:
    ours, theirs = case_of(sorted_out, "a"), case_of(sorted_out, "z")
    seen = {cases.get(sorted_out, DEFAULT_TENANT, ours).revision}
    save(sorted_out, fact("d", "PEN", cites=("青安调〔2023〕5号",)))
    before = stored(sorted_out)
    changes: list[Callable[[], object]] = [
        lambda: cases.rename(sorted_out, DEFAULT_TENANT, ours, "x", seen),
        lambda: cases.add(sorted_out, DEFAULT_TENANT, ours, digest("z"), seen),
        lambda: cases.take_out(sorted_out, DEFAULT_TENANT, ours, digest("a"), seen),
        lambda: cases.merge(sorted_out, DEFAULT_TENANT, ours, [theirs], seen),
        lambda: cases.dissolve(sorted_out, DEFAULT_TENANT, ours, seen),
    ]
    for change in changes:
        with pytest.raises(CaseChangedError):
            change()
    assert stored(sorted_out) == before


LISTED: list[tuple[dict[str, Any], str]] = [
    ({}, "za"),
    ({"text": "食品"}, "a"),
    ({"text": "%"}, ""),
    ({"origin": "auto"}, "za"),
    ({"origin": "manual"}, ""),
    ({"document": digest("c")}, "a"),
    ({"date_from": "2023-04-18"}, "a"),
    ({"date_to": "2023-04-17"}, "z"),
]


@pytest.mark.parametrize(("filters", "expected"), LISTED)
def test_cases_are_listed_newest_first(
    sorted_out: Connection, filters: dict[str, Any], expected: str
) -> None:
    entries, following = cases.listing(
        sorted_out, DEFAULT_TENANT, 9, None, cases.CaseFilters(**filters)
    )
    assert [entry.id for entry in entries] == [case_of(sorted_out, name) for name in expected]
    assert following is None


# --- many -----------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(_documents, st.randoms(use_true_random=False), st.data())
def test_stored_cases_are_those_of_the_whole_set(
    scratch: Database, facts: list[CaseFacts], chance: random.Random, data: st.DataObject
) -> None:
    """In any order, with readings that change and documents that are deleted on the way."""
    with suppress(UndoneError), scratch.write() as connection:
        chance.shuffle(facts)
        for each in facts:
            if data.draw(st.integers(0, 4)) == 0:
                save(connection, facts[0].model_copy(update={"document": each.document}))
            save(connection, each)
        if len(facts) > 2 and data.draw(st.booleans()):
            delete(connection, facts.pop().document)
        said = [each.model_copy(update={"document": digest(each.document)}) for each in facts]
        expected = {
            frozenset(group.documents)
            for group in group_cases(said).groups
            if group.alone not in ("nothing_stated", "ambiguous")
        }
        assert parts(connection) == expected
        raise UndoneError


def test_very_many_of_one_accident_are_one_case(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the most that is grouped anew, a document still finds its place."""
    monkeypatch.setattr(case_grouping, "MOST_NEAR", 12)
    monkeypatch.setattr(case_grouping, "_MANY", 6)
    with database.write() as connection:
        for at in range(20):
            number = f"青安〔2023〕{at % 10}号" if at % 2 else None
            save(connection, fact(f"{at}", "PEN", name=NAME, number=number, mark="4·18"))
        [group] = parts(connection)
        assert len(group) == 20
        reasons = connection.execute(select(CASE_DOCUMENTS.c.reason)).scalars()
        assert any("写明的事故信息相同" in reason["text"] for reason in reasons)


@pytest.mark.slow
def test_an_archive_is_grouped_as_it_comes(database: Database) -> None:
    facts = list(_archive(400))
    random.Random(3).shuffle(facts)  # noqa: S311
    with database.write() as connection:
        for each in facts:
            save(connection, each)
        assert {len(group) for group in parts(connection)} == {4}
