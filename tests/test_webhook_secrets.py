"""Secrets of webhooks: replaced without a message lost, sealed at rest, and clear when lost."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import URL, select, update

from api import keeping
from api.repairing import check_data
from api.sealing import Sealer
from api.services import Services, open_services
from api.settings import KEY_FILE, Settings
from api.signatures import SignatureError, verify
from api.store import audit, outbox, webhooks
from api.store.feed import emit
from api.store.ids import now
from api.store.schema import DEFAULT_TENANT, EVENTS, WEBHOOKS
from api.upkeep.retention import clear
from tests.api_client import SECRET_KEY, problem, services_of, serving
from tests.batch_files import delivering, opened
from tests.webhook_receiver import HOST, Receiver, receiving

OTHER_KEY = base64.b64encode(b"k" * 32).decode()
HOUR = 3600 * 1_000_000


@pytest.fixture
def services(database_url: URL, tmp_path: Path) -> Iterator[Services]:
    with opened(database_url, tmp_path, webhook_hosts=(HOST,)) as services:
        yield services


def _create(services: Services, url: str = f"http://{HOST}:1/") -> webhooks.NewWebhook:
    sealer = services.settings.sealer
    with services.database.write() as connection:
        return webhooks.create(connection, sealer, DEFAULT_TENANT, url, (), None)


def _rotate(services: Services, webhook: str, hours: int = 24) -> webhooks.NewWebhook:
    sealer = services.settings.sealer
    with services.database.write() as connection:
        made = webhooks.rotate(connection, sealer, DEFAULT_TENANT, webhook, hours, None)
    assert made is not None
    return made


def _with_key(services: Services, key: str | None) -> Services:
    """The same installation, with another key in HECHA_SECRET_KEY."""
    chosen = services.settings.model_dump() | {"secret_key": key}
    return replace(services, settings=type(services.settings)(**chosen))


def _send(services: Services, receiver: Receiver) -> tuple[dict[str, str], bytes]:
    """Have one event sent, and return the message."""
    before = len(receiver.got)
    with services.database.write() as connection:
        emit(connection, DEFAULT_TENANT, "document.failed", "subject", {})
    receiver.wait(before + 1)
    return receiver.got[-1]


def _signs(secret: str, message: tuple[dict[str, str], bytes]) -> bool:
    try:
        verify(secret, *message)
    except SignatureError:
        return False
    return True


def _rows(services: Services) -> str:
    with services.database.read() as connection:
        return str(connection.execute(select(WEBHOOKS)).all())


def _faults(services: Services, *, repair: bool = False) -> dict[str, int]:
    return {fault.name: fault.count for fault in check_data(services, repair=repair)}


# Replacing a secret


def test_for_a_day_both_secrets_sign_and_then_the_new_one_alone(services: Services) -> None:
    with receiving() as receiver:
        first = _create(services, receiver.url)
        with delivering(services):
            assert _signs(first.secret, _send(services, receiver))
        second = _rotate(services, first.webhook.id)
        with delivering(services):
            receiver.wait(2)  # the event of the change itself
            both = _send(services, receiver)
            assert both[0]["webhook-signature"].count("v1,") == 2
            assert _signs(first.secret, both) and _signs(second.secret, both)
            with services.database.write() as connection:
                connection.execute(update(WEBHOOKS).values(previous_until=now() - 1))
            alone = _send(services, receiver)
            assert " " not in alone[0]["webhook-signature"]
            assert _signs(second.secret, alone) and not _signs(first.secret, alone)
    assert json.loads(receiver.got[1][1])["type"] == "webhook.secret_rotated"
    until = second.webhook.previous_secret_until
    assert until is not None and 23.9 < (until.timestamp() - time.time()) / 3600 <= 24


def test_a_secret_that_leaked_ends_at_once_and_only_the_last_two_ever_sign(
    services: Services,
) -> None:
    made = _create(services)
    _rotate(services, made.webhook.id)
    second = _rotate(services, made.webhook.id)
    with services.database.write() as connection:
        emit(connection, DEFAULT_TENANT, "document.failed", "subject", {})
        claimed = outbox.claim(connection, 10, 10)
    assert {len(each.sealed) for each in claimed} == {2}
    assert _rotate(services, made.webhook.id, 0).webhook.previous_secret_until is None
    with services.database.read() as connection:
        row = connection.execute(select(WEBHOOKS)).one()
    assert row.previous_secret is None and row.revision == second.webhook.revision + 1 == 4


def test_the_day_over_the_old_secret_is_removed(services: Services) -> None:
    made = _create(services)
    _rotate(services, made.webhook.id)
    for moment, is_kept in ((now() + 23 * HOUR, True), (now() + 25 * HOUR, False)):
        clear(services, moment)
        with services.database.read() as connection:
            row = connection.execute(select(WEBHOOKS)).one()
        assert (row.previous_secret is not None) == is_kept


# At rest


def test_no_secret_stands_readable_in_the_database(services: Services, tmp_path: Path) -> None:
    first = _create(services)
    second = _rotate(services, first.webhook.id)
    stored = _rows(services)
    for made in (first, second):
        assert made.secret not in stored and made.secret.removeprefix("whsec_") not in stored
    # Neither does the key.
    if services.database.is_sqlite:
        key = (tmp_path / KEY_FILE).read_text().strip().encode()
        assert len(base64.b64decode(key)) == 32
        assert all(key not in part.read_bytes() for part in tmp_path.glob("hecha.db*"))


def test_what_is_sealed_for_one_webhook_signs_for_no_other(services: Services) -> None:
    mine, theirs = _create(services), _create(services)
    with services.database.write() as connection:
        sealed = connection.execute(
            select(WEBHOOKS.c.secret).where(WEBHOOKS.c.id == theirs.webhook.id)
        ).scalar_one()
        same = WEBHOOKS.c.id == mine.webhook.id
        connection.execute(update(WEBHOOKS).where(same).values(secret=sealed))
    assert _faults(services) == {"打不开的推送密钥": 1}


def test_a_lost_key_disables_the_webhook_and_a_new_secret_mends_it(
    services: Services, tmp_path: Path
) -> None:
    with receiving() as receiver:
        made = _create(services, receiver.url)
        _rotate(services, made.webhook.id)
        (tmp_path / KEY_FILE).unlink(missing_ok=True)
        lost = _with_key(services, OTHER_KEY)
        with services.database.write() as connection:
            emit(connection, DEFAULT_TENANT, "document.failed", "subject", {})
        assert _faults(lost) == _faults(lost, repair=True) == {"打不开的推送密钥": 2}
        with delivering(lost):
            disabled = _disabled(lost, made.webhook.id)
        assert disabled.disabled_reason == "secret_unreadable" and receiver.got == []
        with lost.database.read() as connection:
            log = outbox.deliveries(connection, DEFAULT_TENANT, made.webhook.id, 10)[0]
            told = connection.execute(select(EVENTS.c.type, EVENTS.c.data)).all()
        assert {each.status for each in log} == {"failed"}
        assert any("hecha doctor" in (each.last_error or "") for each in log)
        assert ("webhook.disabled", {"reason": "secret_unreadable"}) in [tuple(x) for x in told]
        renewed = _rotate(lost, made.webhook.id)
        assert renewed.webhook.previous_secret_until is None, "the old one signs no more"
        assert _faults(lost) == {}
        with lost.database.write() as connection:
            change = webhooks.Change(is_enabled=True)
            webhooks.change(connection, DEFAULT_TENANT, made.webhook.id, change, None)
        with delivering(lost):
            assert _signs(renewed.secret, _send(lost, receiver))


def _disabled(services: Services, webhook: str) -> webhooks.Webhook:
    deadline = time.monotonic() + 30
    while True:
        with services.database.read() as connection:
            found = webhooks.get(connection, DEFAULT_TENANT, webhook)
        assert found is not None
        if found.disabled_at is not None:
            return found
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_secret_renewed_while_a_message_was_claimed_disables_nothing(services: Services) -> None:
    made = _create(services)
    with services.database.write() as connection:
        emit(connection, DEFAULT_TENANT, "document.failed", "subject", {})
        (claimed,) = outbox.claim(connection, 10, 10)
    _rotate(services, made.webhook.id, 0)
    with services.database.write() as connection:
        assert outbox.unreadable(connection, claimed)
        found = webhooks.get(connection, DEFAULT_TENANT, made.webhook.id)
        log = outbox.deliveries(connection, DEFAULT_TENANT, made.webhook.id, 10)[0]
    assert found is not None and found.disabled_at is None
    assert [each.status for each in log] == ["pending", "pending"]
    with services.database.write() as connection:
        assert webhooks.remove(connection, DEFAULT_TENANT, made.webhook.id)
        assert not outbox.unreadable(connection, claimed), "it went with its webhook"


def test_a_message_that_another_took_over_is_left_to_that(services: Services) -> None:
    made = _create(services)
    with services.database.write() as connection:
        emit(connection, DEFAULT_TENANT, "document.failed", "subject", {})
        (claimed,) = outbox.claim(connection, 10, 10)
        assert outbox.delivered(connection, claimed, 204)
        assert not outbox.unreadable(connection, claimed)
        found = webhooks.get(connection, DEFAULT_TENANT, made.webhook.id)
    assert found is not None and found.disabled_at is None


def test_a_new_key_takes_over_from_the_old_one(services: Services, tmp_path: Path) -> None:
    made = _create(services)
    _rotate(services, made.webhook.id)
    place = tmp_path / KEY_FILE
    old = place.read_text().strip() if place.exists() else SECRET_KEY
    place.unlink(missing_ok=True)
    both = _with_key(services, f"{OTHER_KEY},{old}")
    expected = {"用旧的主密钥封存的推送密钥": 2}
    assert _faults(both) == expected
    assert _faults(both, repair=True) == expected
    assert _faults(both) == {}
    assert _faults(_with_key(services, OTHER_KEY)) == {}
    with services.database.read() as connection:
        (row,) = connection.execute(select(WEBHOOKS)).all()
    owner = webhooks.owner_of(DEFAULT_TENANT, row.id)
    assert Sealer(place, [b"k" * 32]).open(row.previous_secret, owner) == made.secret


def test_a_back_up_holds_no_key_and_says_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(data=tmp_path / "data")
    with closing(open_services(settings)) as services:
        keeping.backup_to(settings, tmp_path / "empty")
        assert "主密钥" not in capsys.readouterr().err, "nothing is sealed yet"
        made = _create(services)
    keeping.backup_to(settings, tmp_path / "one")
    place = settings.data / KEY_FILE
    said = capsys.readouterr().err
    assert str(place) in said.replace("\n", "") and "另外保管" in said
    rows = gzip.decompress((tmp_path / "one" / "tables" / "webhooks.jsonl.gz").read_bytes())
    assert made.webhook.id.encode() in rows and b"whsec_" not in rows
    assert not any(path.name == KEY_FILE for path in (tmp_path / "one").rglob("*"))
    new = Settings(data=tmp_path / "new")
    for is_there in (False, True):
        if is_there:
            shutil.copy(place, new.data / KEY_FILE)
        keeping.restore_from(new, tmp_path / "one", replace=True, check=False)
        assert ("1 个推送密钥打不开" in capsys.readouterr().err) != is_there


# Routes


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with serving(workers=0, webhook_hosts=(HOST,)) as client:
        yield client


def _made(client: TestClient) -> tuple[str, dict[str, Any]]:
    made = client.post("/v1/webhooks", json={"url": f"http://{HOST}:1/a"}).json()
    return f"/v1/webhooks/{made['webhook']['id']}", made


def test_a_new_secret_is_shown_once_and_counts_as_a_change(client: TestClient) -> None:
    place, made = _made(client)
    answer = client.post(f"{place}/rotate-secret", headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    secret = answer.json()["secret"]
    assert secret.startswith("whsec_") and secret != made["secret"]
    found = client.get(place)
    assert found.json() == answer.json()["webhook"] and "whsec_" not in found.text
    problem(
        client.post(f"{place}/rotate-secret", headers={"If-Match": '"1"'}), "precondition_failed"
    )
    problem(client.patch(place, json={}, headers={"If-Match": '"1"'}), "precondition_failed")
    problem(client.post("/v1/webhooks/x/rotate-secret"), "webhook_not_found")
    with services_of(client).database.read() as connection:
        rows = [(row.action, row.subject) for row in audit.rows(connection, DEFAULT_TENANT)]
        events = connection.execute(select(EVENTS.c.type, EVENTS.c.subject)).all()
    subject = found.json()["id"]
    assert rows.count(("webhook.secret_rotated", subject)) == 1
    assert [tuple(each) for each in events].count(("webhook.secret_rotated", subject)) == 1


@pytest.mark.parametrize("hours", [-1, 169, "soon", None])
def test_the_hours_are_within_reason(client: TestClient, hours: object) -> None:
    place, _ = _made(client)
    answer = client.post(f"{place}/rotate-secret", json={"overlap_hours": hours})
    problem(answer, "request_invalid")


@pytest.mark.parametrize(("hours", "overlaps"), [(0, False), (1, True), (168, True)])
def test_the_hours_are_those_asked_for(client: TestClient, hours: int, overlaps: bool) -> None:
    place, _ = _made(client)
    answer = client.post(f"{place}/rotate-secret", json={"overlap_hours": hours}).json()
    assert (answer["webhook"]["previous_secret_until"] is not None) == overlaps


@pytest.mark.postgres
def test_on_postgresql_the_key_must_be_given(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A file that one machine makes would be of no use to the others."""
    from tests.postgres_server import fresh_database

    server, template = (request.getfixturevalue(name) for name in ("postgres", "prepared"))
    with fresh_database(server, template) as url:
        chosen: dict[str, Any] = {
            "database_url": url.render_as_string(hide_password=False),
            "data": tmp_path, "workers": 0, "webhook_hosts": (HOST,),
        }  # fmt: skip
        new = {"url": f"http://{HOST}:1/a"}
        with serving(**chosen) as client:
            answer = client.post("/v1/webhooks", json=new)
            assert "HECHA_SECRET_KEY" in problem(answer, "secret_key_unusable").detail
            assert client.get("/v1/webhooks").json() == {"webhooks": []}
        assert not (tmp_path / KEY_FILE).exists()
        (tmp_path / KEY_FILE).write_text(SECRET_KEY)
        with serving(**chosen) as client:
            assert client.post("/v1/webhooks", json=new).status_code == 201
