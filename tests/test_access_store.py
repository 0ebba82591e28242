"""Keys, sessions, links and the audit in the store, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, text, update
from sqlalchemy.exc import DBAPIError

from api.store import api_keys, audit, installation, sessions, tenants
from api.store.acting import Visit, visiting
from api.store.audit import AuditEntry
from api.store.database import Database
from api.store.feed import emit
from api.store.hooks import HOOKS
from api.store.ids import now
from api.store.schema import AUDIT, DEFAULT_TENANT, INSTALLATION, KEYS, SESSIONS
from api.store.sessions import Session
from api.wiring import wire

HOUR = 3600 * 1_000_000


def test_a_key_is_found_by_what_was_shown_once_and_by_nothing_that_is_stored(
    database: Database,
) -> None:
    with database.write() as connection:
        entry, secret = api_keys.create(connection, DEFAULT_TENANT, "系统", ["upload", "read"])
    with database.read() as connection:
        found = api_keys.lookup(connection, secret)
        assert found is not None and found.id == entry.id
        assert found.scopes == {"read", "upload"}
        row = connection.execute(KEYS.select()).one()
        assert secret not in str(row) and secret.startswith(entry.prefix)
        assert len(secret) > 40 and len(entry.prefix) < 12
        for other in (secret[:-1], secret + "x", row.hash, entry.prefix, "", "hk_\ud800"):
            assert api_keys.lookup(connection, other) is None


@pytest.mark.parametrize(
    ("values", "works"),
    [
        ({"expires_at": None}, True),
        ({"expires_at": now() + HOUR}, True),
        ({"expires_at": now() - 1}, False),
        ({"revoked_at": now() - 1}, False),
    ],
)
def test_a_key_that_is_over_is_none(
    database: Database, values: dict[str, int | None], works: bool
) -> None:
    with database.write() as connection:
        _, secret = api_keys.create(connection, DEFAULT_TENANT, "系统", ["read"])
        connection.execute(update(KEYS).values(values))
        assert (api_keys.lookup(connection, secret) is not None) == works


def test_only_the_tenant_of_a_key_revokes_it_and_its_sessions_end(database: Database) -> None:
    with database.write() as connection:
        entry, secret = api_keys.create(connection, "a", "系统", ["read"])
        mine, other = (
            sessions.begin(connection, _session(subject=f"key:{key}", tenant="a"))
            for key in (entry.id, "other")
        )
        assert api_keys.revoke(connection, "b", entry.id) is None
        assert api_keys.lookup(connection, secret) is not None
        revoked = api_keys.revoke(connection, "a", entry.id)
        assert revoked is not None and revoked.revoked_at is not None
        assert api_keys.lookup(connection, secret) is None
        assert sessions.find(connection, mine) is None
        assert sessions.find(connection, other) is not None
        assert api_keys.revoke(connection, "a", entry.id) == revoked
        assert [row.action for row in audit.rows(connection, "a")].count("key.revoked") == 1


def _session(**values: Any) -> Session:
    usual: dict[str, Any] = {
        "tenant": DEFAULT_TENANT, "subject": "user:1", "name": "钱", "csrf": sessions.new_token(),
        "scopes": frozenset({"read"}), "expires_at": now() + HOUR,
    }  # fmt: skip
    return Session(**usual | values)


def test_a_session_lasts_until_it_is_closed_or_over(database: Database) -> None:
    with database.write() as connection:
        given = _session()
        cookie = sessions.begin(connection, given)
        assert sessions.find(connection, cookie) == given
        assert cookie not in str(connection.execute(SESSIONS.select()).all())
        sessions.close(connection, cookie)
        sessions.close(connection, cookie)
        assert sessions.find(connection, cookie) is None
        over = sessions.begin(connection, _session(expires_at=now() - 1))
        assert sessions.find(connection, over) is None
        sessions.begin(connection, given)
        assert len(connection.execute(SESSIONS.select()).all()) == 1


def test_the_first_key_is_made_once_however_many_start_at_once(database: Database) -> None:
    def start(_: int) -> str | None:
        with database.write() as connection:
            return installation.first_key(connection)

    with ThreadPoolExecutor(4) as pool:
        made = [key for key in pool.map(start, range(8)) if key is not None]
    assert len(made) == 1
    with database.read() as connection:
        found = api_keys.lookup(connection, made[0])
        assert found is not None and found.scopes == {"admin"}


def test_a_link_works_once_and_not_for_long(database: Database) -> None:
    with database.write() as connection:
        first = installation.make_link(connection)
        second = installation.make_link(connection)
        assert not installation.use_link(connection, first)
        assert not installation.use_link(connection, second + "x")
        assert installation.use_link(connection, second)
        assert not installation.use_link(connection, second)
        late = installation.make_link(connection)
        digest = api_keys.digest_of(late)
        connection.execute(update(INSTALLATION).values(value=f"{now() - 1} {digest}"))
        assert not installation.use_link(connection, late)


def test_the_secret_of_an_installation_stays(database: Database) -> None:
    with database.write() as connection:
        secret = installation.secret(connection)
        assert len(secret) == 32 and installation.secret(connection) == secret


@pytest.mark.parametrize("bad", ["", "A", "a b", "-a", "a" * 41, "青榆", "a/b", DEFAULT_TENANT])
def test_tenants_have_plain_ids_of_their_own(database: Database, bad: str) -> None:
    with database.write() as connection:
        tenants.create(connection, "qingyu-1", "青榆")
        with pytest.raises(tenants.TenantError, match=r"[\u4e00-\u9fff].*。"):
            tenants.create(connection, bad, "x")
        assert [each.id for each in tenants.listing(connection)] == [DEFAULT_TENANT, "qingyu-1"]


def _written(database: Database, count: int = 5) -> None:
    with database.write() as connection:
        for n in range(count):
            entry = AuditEntry("a" if n % 2 else "b", "key:1", "text.read", f"文{n}", {"n": n})
            audit.append(connection, entry)


def test_every_entry_holds_the_hash_of_the_one_before(database: Database) -> None:
    _written(database)
    with database.read() as connection:
        rows = list(audit.rows(connection))
        assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
        assert rows[0].previous_hash == audit.BEGINNING
        assert [row.previous_hash for row in rows[1:]] == [row.hash for row in rows[:-1]]
        verdict = audit.verify(connection)
        assert (verdict.rows, verdict.head, verdict.broken) == (5, rows[-1].hash, None)
        assert [row.seq for row in audit.rows(connection, "a")] == [2, 4]


def test_an_empty_audit_is_whole(database: Database) -> None:
    with database.read() as connection:
        assert audit.verify(connection).broken is None
        assert audit.verify(connection, (1, "0" * 64)).broken == 1


def _without_guard(connection: Connection, statement: str) -> None:
    """Change the audit as one can who rules the database."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("DROP TRIGGER audit_update"))
        connection.execute(text("DROP TRIGGER audit_delete"))
    else:
        connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
    connection.execute(text(statement))


TAMPERED = [
    # what is done to the rows, the first entry that is not right
    ("UPDATE audit SET actor = 'key:2' WHERE seq = 3", 3),
    ("UPDATE audit SET subject = 'x' WHERE seq = 1", 1),
    ("UPDATE audit SET at = at + 1 WHERE seq = 2", 2),
    ("UPDATE audit SET tenant = 'c' WHERE seq = 5", 5),
    ("UPDATE audit SET details = '{}' WHERE seq = 4", 4),
    ("UPDATE audit SET action = 'x' WHERE seq = 4", 4),
    ("UPDATE audit SET seq = 50 WHERE seq = 5", 5),
    ("DELETE FROM audit WHERE seq = 1", 1),
    ("DELETE FROM audit WHERE seq = 3", 3),
    ("UPDATE audit SET hash = 'x' WHERE seq = 2", 2),
    ("DELETE FROM audit WHERE seq = 5", 5),
]


@pytest.mark.parametrize(("statement", "broken"), TAMPERED)
def test_what_was_tampered_with_is_named(database: Database, statement: str, broken: int) -> None:
    _written(database)
    with database.read() as connection:
        head = audit.verify(connection).head
    with database.write() as connection:
        _without_guard(connection, statement)
    with database.read() as connection:
        verdict = audit.verify(connection, (5, head))
        assert (verdict.broken, verdict.rows) == (broken, broken - 1)
        assert f"第 {broken} 条" in verdict.why


def test_rows_that_were_made_anew_from_the_middle_show_against_a_known_head(
    database: Database,
) -> None:
    _written(database)
    with database.read() as connection:
        head = audit.verify(connection).head
    with database.write() as connection:
        _without_guard(connection, "DELETE FROM audit WHERE seq > 3")
        audit.append(connection, *(AuditEntry("a", "x", "y", "z") for _ in range(4)))
    with database.read() as connection:
        assert audit.verify(connection).broken is None
        assert audit.verify(connection, (5, head)).broken == 5


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
def test_the_audit_cannot_be_changed_by_the_program(database: Database, statement: str) -> None:
    _written(database)
    with pytest.raises(DBAPIError, match="append-only"), database.write() as connection:
        connection.execute(text(statement))


def test_many_who_write_at_once_make_one_chain(database: Database) -> None:
    barrier = threading.Barrier(8)

    def write(number: int) -> None:
        barrier.wait()
        for n in range(10):
            with database.write() as connection:
                audit.append(connection, AuditEntry("a", f"key:{number}", "text.read", str(n)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    with database.read() as connection:
        verdict = audit.verify(connection)
        assert (verdict.rows, verdict.broken) == (80, None)


def test_events_and_audit_in_any_order_do_not_lock_each_other_out(database: Database) -> None:
    barrier = threading.Barrier(2)

    def in_order(*steps: Callable[[Connection], object]) -> None:
        for _ in range(5):
            barrier.wait()
            with database.write() as connection:
                for step in steps:
                    step(connection)

    def tell(connection: Connection) -> None:
        emit(connection, "a", "document.received", "x", {})

    def note(connection: Connection) -> None:
        audit.append(connection, AuditEntry("a", "x", "y", "z"))

    with ThreadPoolExecutor(2) as pool:
        for done in (pool.submit(in_order, tell, note), pool.submit(in_order, note, tell)):
            done.result(timeout=60)


def test_what_emits_an_event_is_in_the_audit_with_who_did_it(database: Database) -> None:
    wire()
    assert audit.follow in HOOKS.emitted
    with visiting(Visit("key:7")), database.write() as connection:
        emit(connection, "a", "document.deleted", "x", {})
    with database.write() as connection:
        emit(connection, "a", "document.succeeded", "x", {})
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        emit(connection, "a", "document.deleted", "y", {})
        raise ZeroDivisionError
    with database.read() as connection:
        rows = [(row.actor, row.action, row.subject) for row in audit.rows(connection)]
        assert rows == [("key:7", "document.deleted", "x"), ("system", "document.succeeded", "x")]
        assert connection.execute(AUDIT.select()).first() is not None
