"""Handing documents back to automatic grouping: as if they had just been read, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from api.store import case_grouping, cases, placements
from api.store.case_rows import positions
from api.store.cases import CaseChangedError, CaseDocumentMissingError, CaseNotFoundError
from api.store.database import Database
from api.store.schema import AUDIT, DEFAULT_TENANT
from extractor.checklist.case_facts import CaseFacts
from extractor.checklist.grouping import group_cases
from tests.database_fixtures import UndoneError
from tests.test_case_store import (
    ELSEWHERE,
    EVALUATION,
    OTHER,
    REPLY,
    REPORT,
    case_of,
    digest,
    named,
    parts,
    receive,
    save,
    stored,
    told,
)
from tests.test_grouping import NAME, _documents, fact


@pytest.fixture
def sorted_out(database: Database) -> Iterator[Connection]:
    """A connection to a database with the case a, b, c and the case z."""
    with database.write() as connection:
        for each in (REPORT, REPLY, EVALUATION, ELSEWHERE):
            save(connection, each)
        yield connection


def hand_back(connection: Connection, name: str) -> placements.DocumentPlacement:
    return placements.hand_back(connection, DEFAULT_TENANT, digest(name), None)


def test_what_was_put_elsewhere_goes_where_its_facts_stand(sorted_out: Connection) -> None:
    ours, theirs = case_of(sorted_out, "a"), case_of(sorted_out, "z")
    cases.add(sorted_out, DEFAULT_TENANT, theirs, digest("b"), None)
    before = len(told(sorted_out))
    placed = hand_back(sorted_out, "b")
    assert (placed.case, placed.case_name, placed.pinned) == (ours, NAME, False)
    assert (placed.origin, placed.reason and "文号" in placed.reason.text) == ("auto", True)
    assert parts(sorted_out) == named(["abc", "z"])
    later = told(sorted_out)[before:]
    assert later == ["case.document_removed", "case.document_added", "case.updated"]
    others = positions(sorted_out, DEFAULT_TENANT, [digest(each) for each in "acz"])
    assert {each.is_pinned for each in others.values()} == {True}, "nobody let go of them"


def test_what_was_taken_out_comes_back(sorted_out: Connection) -> None:
    ours = case_of(sorted_out, "a")
    cases.take_out(sorted_out, DEFAULT_TENANT, ours, digest("b"), None)
    assert hand_back(sorted_out, "b").case == ours
    assert parts(sorted_out) == named(["abc", "z"])
    save(sorted_out, fact("b", "REP", number="别号〔2023〕9号", name="另一起燃气爆炸事故"))
    assert parts(sorted_out) == named(["ac", "b", "z"]), "it moves with its facts again"


def test_an_automatic_case_that_is_left_goes(sorted_out: Connection) -> None:
    ours, theirs = case_of(sorted_out, "a"), case_of(sorted_out, "z")
    cases.take_out(sorted_out, DEFAULT_TENANT, ours, digest("b"), None)
    save(sorted_out, fact("e", "SELF", cites=("青政复〔2023〕2号",), name="又一起淹溺事故"))
    alone = case_of(sorted_out, "e")
    cases.add(sorted_out, DEFAULT_TENANT, alone, digest("z"), None)
    with pytest.raises(CaseNotFoundError):
        cases.get(sorted_out, DEFAULT_TENANT, theirs)
    hand_back(sorted_out, "e")
    assert parts(sorted_out) == named(["ac", "e", "z"])
    hand_back(sorted_out, "z")
    assert parts(sorted_out) == named(["ac", "e", "z"])
    assert case_of(sorted_out, "z") == alone, "a case of its own goes on"


def test_a_case_of_a_person_stays_until_its_last_document_is_handed_back_with_it(
    sorted_out: Connection,
) -> None:
    made = cases.create(sorted_out, DEFAULT_TENANT, [digest("b"), digest("z")], "手工案卷")
    hand_back(sorted_out, "b")
    assert parts(sorted_out) == named(["abc", "z"])
    assert case_of(sorted_out, "z") == made
    hand_back(sorted_out, "z")
    assert cases.get(sorted_out, DEFAULT_TENANT, made).document_count == 0
    cases.add(sorted_out, DEFAULT_TENANT, made, digest("z"), None)
    [placed] = placements.hand_back_all(sorted_out, DEFAULT_TENANT, made, None)
    assert placed.case not in (None, made) and placed.origin == "auto"
    with pytest.raises(CaseNotFoundError):
        cases.get(sorted_out, DEFAULT_TENANT, made)


def test_a_whole_case_is_handed_back(sorted_out: Connection) -> None:
    ours = case_of(sorted_out, "a")
    waiting = receive(sorted_out, "w")
    cases.add(sorted_out, DEFAULT_TENANT, ours, digest("z"), None)
    cases.add(sorted_out, DEFAULT_TENANT, ours, waiting, None)
    cases.rename(sorted_out, DEFAULT_TENANT, ours, "人工名称", None)
    revision = cases.get(sorted_out, DEFAULT_TENANT, ours).revision
    placed = placements.hand_back_all(sorted_out, DEFAULT_TENANT, ours, {revision})
    assert [each.document for each in placed] == [digest(name) for name in "abczw"]
    assert {each.pinned for each in placed} == {False}
    assert (placed[-1].case, placed[-1].origin, placed[-1].reason) == (None, None, None)
    assert parts(sorted_out) == named(["abc", "z"])
    details = cases.get(sorted_out, DEFAULT_TENANT, ours)
    assert (details.name, details.document_count) == ("人工名称", 3), "the most go on with it"
    assert details.revision > revision
    save(sorted_out, fact("w", "EVAL", cites=("青政复〔2023〕2号",)))
    assert parts(sorted_out) == named(["abcw", "z"])


def test_what_no_person_placed_stays_as_it_is(sorted_out: Connection) -> None:
    before, events = stored(sorted_out), told(sorted_out)
    placed = placements.get(sorted_out, DEFAULT_TENANT, digest("a"))
    assert hand_back(sorted_out, "a") == placed
    waiting = receive(sorted_out, "w")
    untouched = placements.hand_back(sorted_out, DEFAULT_TENANT, waiting, {0})
    assert (untouched.revision, untouched.origin, untouched.case) == (0, None, None)
    assert (stored(sorted_out), told(sorted_out)) == (before, events)


def test_who_saw_an_older_placement_changes_nothing(sorted_out: Connection) -> None:
    document = digest("b")
    seen = placements.get(sorted_out, DEFAULT_TENANT, document).revision
    cases.take_out(sorted_out, DEFAULT_TENANT, case_of(sorted_out, "b"), document, None)
    with pytest.raises(CaseChangedError):
        placements.hand_back(sorted_out, DEFAULT_TENANT, document, {seen})
    seen = placements.get(sorted_out, DEFAULT_TENANT, document).revision
    assert placements.hand_back(sorted_out, DEFAULT_TENANT, document, {seen}).case is not None
    ours = case_of(sorted_out, "a")
    with pytest.raises(CaseChangedError):
        placements.hand_back_all(sorted_out, DEFAULT_TENANT, ours, {0})


def test_others_have_no_part_in_it(sorted_out: Connection) -> None:
    with pytest.raises(CaseDocumentMissingError):
        placements.hand_back(sorted_out, OTHER, digest("a"), None)
    with pytest.raises(CaseNotFoundError):
        placements.hand_back_all(sorted_out, OTHER, case_of(sorted_out, "a"), None)


def test_the_audit_says_who_handed_back_what(sorted_out: Connection) -> None:
    ours = case_of(sorted_out, "a")
    cases.add(sorted_out, DEFAULT_TENANT, ours, digest("z"), None)
    hand_back(sorted_out, "z")
    placements.hand_back_all(sorted_out, DEFAULT_TENANT, ours, None)
    query = select(AUDIT.c.action, AUDIT.c.subject).where(AUDIT.c.action.endswith(".regrouped"))
    assert [tuple(row) for row in sorted_out.execute(query.order_by(AUDIT.c.seq))] == [
        ("document.regrouped", digest("z")), ("case.regrouped", ours),
    ]  # fmt: skip


def test_very_many_are_handed_back(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the most that is grouped anew, each finds its place."""
    monkeypatch.setattr(case_grouping, "MOST_NEAR", 12)
    monkeypatch.setattr(case_grouping, "_MANY", 6)
    with database.write() as connection:
        many = [
            save(connection, fact(f"{at}", "PEN", name=NAME, number=f"青安〔2023〕{at}号"))
            for at in range(20)
        ]
        alone = save(connection, ELSEWHERE)
        ours = case_of(connection, "0")
        cases.add(connection, DEFAULT_TENANT, ours, alone, None)
        hand_back(connection, "z")
        assert parts(connection) == {frozenset(many), frozenset([alone])}
        made = cases.create(connection, DEFAULT_TENANT, [*many, alone], None)
        placements.hand_back_all(connection, DEFAULT_TENANT, made, None)
        assert parts(connection) == {frozenset(many), frozenset([alone])}


@settings(max_examples=40)
@given(_documents, st.randoms(use_true_random=False), st.data())
def test_all_that_people_did_is_undone_by_handing_back(
    scratch: Database, facts: list[CaseFacts], chance: random.Random, data: st.DataObject
) -> None:
    """Whatever was moved, the cases are again those of the whole set."""
    with suppress(UndoneError), scratch.write() as connection:
        saved = [save(connection, each) for each in facts]
        for document in chance.sample(saved, data.draw(st.integers(0, len(saved)))):
            place = positions(connection, DEFAULT_TENANT, [document])[document].case
            others = [each.id for each in cases.listing(connection, DEFAULT_TENANT, 99)[0]]
            if place is not None and chance.random() < 0.3:
                cases.take_out(connection, DEFAULT_TENANT, place, document, None)
            elif others and chance.random() < 0.7:
                cases.add(connection, DEFAULT_TENANT, chance.choice(others), document, None)
            else:
                cases.create(connection, DEFAULT_TENANT, [document], None)
        chance.shuffle(saved)
        for document in saved:
            placements.hand_back(connection, DEFAULT_TENANT, document, None)
        said = [each.model_copy(update={"document": digest(each.document)}) for each in facts]
        expected = {
            frozenset(group.documents)
            for group in group_cases(said).groups
            if group.alone not in ("nothing_stated", "ambiguous")
        }
        assert parts(connection) == expected
        standing = positions(connection, DEFAULT_TENANT, saved).values()
        assert not any(each.is_pinned for each in standing)
        raise UndoneError
