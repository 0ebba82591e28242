"""Webhooks: signed as the standard says, never into the inner network, at least once."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import httpcore2
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL, func, select, update
from standardwebhooks import Webhook as StandardWebhook

from api import safe_network
from api.background import deliveries
from api.background.deliveries import wait_after
from api.safe_network import AddressRefusedError, CheckedBackend, check_url, is_public
from api.services import Services
from api.signatures import SignatureError, new_secret, sign, verify
from api.store import outbox, webhooks
from api.store.feed import emit
from api.store.ids import now
from api.store.schema import DEFAULT_TENANT, DELIVERIES, EVENTS, WEBHOOKS
from bench.soak import Service
from tests.api_client import problem, serving, upload
from tests.batch_files import delivering, opened, report
from tests.processes import LINUX
from tests.webhook_receiver import HOST, Receiver, receiving

DAY = 24 * 3600 * 1_000_000


@pytest.fixture
def services(database_url: URL, tmp_path: Path) -> Iterator[Services]:
    with opened(database_url, tmp_path, webhook_hosts=(HOST,)) as services:
        yield services


def _create(services: Services, url: str, types: tuple[str, ...] = ()) -> webhooks.NewWebhook:
    sealer = services.settings.sealer
    with services.database.write() as connection:
        return webhooks.create(connection, sealer, DEFAULT_TENANT, url, types, None)


def _emit(services: Services, kind: str = "document.failed", tenant: str = DEFAULT_TENANT) -> int:
    with services.database.write() as connection:
        return emit(connection, tenant, kind, "subject", {"status": "failed"})


def _log(services: Services, webhook: str) -> list[outbox.Delivery]:
    with services.database.read() as connection:
        return outbox.deliveries(connection, DEFAULT_TENANT, webhook, 1000)[0]


def _get(services: Services, webhook: str) -> webhooks.Webhook:
    with services.database.read() as connection:
        found = webhooks.get(connection, DEFAULT_TENANT, webhook)
    assert found is not None
    return found


def _wait(services: Services, webhook: str, status: str, count: int = 1) -> list[outbox.Delivery]:
    deadline = time.monotonic() + 30
    while True:
        found = [each for each in _log(services, webhook) if each.status == status]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, _log(services, webhook)
        time.sleep(0.05)


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next try follow at once."""
    monkeypatch.setattr(deliveries, "wait_after", lambda tries: 0.01)


# Signatures


def test_the_library_of_the_standard_verifies_what_we_sign_and_the_other_way() -> None:
    secret, body, at = new_secret(), '{"type":"a","名":"甲"}'.encode(), int(time.time())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(at)}
    ours = {**headers, "webhook-signature": sign(secret, "msg_1", at, body)}
    assert StandardWebhook(secret).verify(body, ours) == json.loads(body)
    theirs = StandardWebhook(secret).sign("msg_1", datetime.fromtimestamp(at, UTC), body.decode())
    assert verify(secret, {**headers, "webhook-signature": theirs}, body) == "msg_1"


def test_the_example_of_the_standard_is_signed_alike() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the published example
    body = b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == expected


FORGED: list[tuple[str, dict[str, str], bytes]] = [
    ("another body", {}, b"{ }"),
    ("another id", {"webhook-id": "msg_2"}, b"{}"),
    ("an old message", {"webhook-timestamp": "1000"}, b"{}"),
    ("one of the future", {"webhook-timestamp": "2000"}, b"{}"),
    ("a time that is none", {"webhook-timestamp": "١٥٠٠"}, b"{}"),
    ("no signature", {"webhook-signature": ""}, b"{}"),
    ("an unknown version", {"webhook-signature": "v9,AAAA"}, b"{}"),
    ("no text at all", {"webhook-signature": "é ,"}, b"{}"),
]


@pytest.mark.parametrize(
    ("change", "body"), [row[1:] for row in FORGED], ids=[f[0] for f in FORGED]
)
def test_what_is_forged_is_refused(change: dict[str, str], body: bytes) -> None:
    secret = new_secret()
    headers = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": "1500",
        "Webhook-Signature": "v1,AAAA " + sign(secret, "msg_1", 1500, b"{}"),
    }
    assert verify(secret, headers, b"{}", at=1501) == "msg_1"
    lower = {name.lower(): value for name, value in headers.items()} | change
    with pytest.raises(SignatureError, match="。"):
        verify(secret, lower, body, at=1501)


@given(st.text(), st.text(), st.text(), st.binary())
def test_no_header_whatever_breaks_the_check(a: str, b: str, c: str, body: bytes) -> None:
    headers = {"webhook-id": a, "webhook-timestamp": b, "webhook-signature": c}
    with pytest.raises(SignatureError):
        verify(new_secret(), headers, body)


def test_a_secret_in_another_form_is_refused() -> None:
    with pytest.raises(SignatureError, match="whsec_"):
        sign("密码", "msg_1", 1, b"")


# Addresses


INNER = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "0.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
    "::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "fec0::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::", "2002:a00:1::", "2001:0:7f00:1::1",
]  # fmt: skip
OUTER = ["1.1.1.1", "114.114.114.114", "2400:3200::1", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.mark.parametrize("address", INNER)
def test_inner_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", OUTER)
def test_outer_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


REFUSED = [
    "http://example.com/x", "ftp://example.com", "https://", "https:///x", "x",
    "https://user:pw@example.com/", "https://example.com/#a", "https://例子.cn/", "https://a b/",
    "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://10.0.0.1:8443/",
    "https://[fe80::1%25eth0]/", "https://a:99999/", "https://[/", "https://a/\r\nX: y",
    "file:///etc/passwd", "https://" + "a" * 2000,
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_urls_that_nothing_is_sent_to(url: str) -> None:
    with pytest.raises(AddressRefusedError, match="。"):
        check_url(url, ())


def test_urls_that_may_be_sent_to() -> None:
    check_url("https://cases.example.gov.cn/hecha?x=1", ())
    check_url("https://1.1.1.1:8443/", ())
    check_url("http://intern:8080/hecha", ("intern",))
    check_url("http://127.0.0.1/", ("127.0.0.1",))
    with pytest.raises(AddressRefusedError, match="http"):
        check_url("ftp://intern/", ("intern",))


# What other ways there are to write 127.0.0.1: the system reads them, not we.
@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "0x7f000001", "2130706433", "017700000001", "0"]
)
def test_a_name_that_leads_inside_is_refused_by_its_address(host: str) -> None:
    check = safe_network.checked_addresses(host, 443, ())
    with pytest.raises(AddressRefusedError):
        asyncio.run(check)


def _resolves(monkeypatch: pytest.MonkeyPatch, *answers: list[str] | Exception) -> list[str]:
    asked: list[str] = []

    async def look_up(host: str, port: int) -> list[str]:
        answer = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(safe_network, "look_up", look_up)
    return asked


def test_one_inner_address_among_outer_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolves(monkeypatch, ["1.1.1.1", "10.0.0.1"])
    with pytest.raises(AddressRefusedError, match="HECHA_WEBHOOK_HOSTS"):
        asyncio.run(safe_network.checked_addresses("a.example", 443, ()))
    found = asyncio.run(safe_network.checked_addresses("a.example", 443, ("a.example",)))
    assert found == ["1.1.1.1", "10.0.0.1"]
    _resolves(monkeypatch, socket.gaierror())
    with pytest.raises(AddressRefusedError, match="找不到"):
        asyncio.run(safe_network.checked_addresses("a.example", 443, ()))


def test_the_connection_goes_to_the_very_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that leads inside at the second look-up is never looked up a second time."""
    asked = _resolves(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
    connected: list[str] = []

    async def connect(self: object, host: str, *_: object) -> object:
        connected.append(host)
        raise httpcore2.ConnectError

    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect)
    with pytest.raises(httpcore2.ConnectError):
        asyncio.run(CheckedBackend(()).connect_tcp("rebinding.example", 443))
    assert (asked, connected) == (["rebinding.example"], ["1.1.1.1"])


# Messages


def test_a_message_is_signed_and_names_ids_alone(services: Services) -> None:
    with receiving() as receiver, delivering(services):
        made = _create(services, receiver.url, ("document.failed",))
        _emit(services, "document.received")
        _emit(services)
        (delivery,) = _wait(services, made.webhook.id, "delivered")
        (headers, body), *more = receiver.got
        assert more == []
        assert verify(made.secret, headers, body) == delivery.id
        assert headers["content-type"] == "application/json"
        content = json.loads(body)
        assert set(content) == {"type", "timestamp", "data"}
        assert content["type"] == "document.failed"
        assert content["data"] == {"subject": "subject", "status": "failed"}
    assert (delivery.tries, delivery.last_status, delivery.next_at) == (1, 204, None)
    assert made.secret not in _get(services, made.webhook.id).model_dump_json()


def test_what_fails_is_sent_again_with_the_same_id(services: Services, no_wait: None) -> None:
    with receiving(500, 302, 404) as receiver, delivering(services):
        made = _create(services, receiver.url)
        _emit(services)
        (delivery,) = _wait(services, made.webhook.id, "delivered")
        assert receiver.ids == [delivery.id] * 4
        assert len({body for _, body in receiver.got}) == 1
    assert delivery.tries == 4
    assert _get(services, made.webhook.id).failing_since is None


def test_redirects_are_not_followed(services: Services) -> None:
    with receiving(307) as receiver, delivering(services):
        made = _create(services, receiver.url)
        _emit(services)
        receiver.wait(1)
        deadline = time.monotonic() + 20
        while not (log := _log(services, made.webhook.id))[0].last_error:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert len(receiver.got) == 1
    assert log[0].last_error is not None and "307" in log[0].last_error
    assert (log[0].status, log[0].last_status) == ("pending", 307)


def test_a_receiver_that_says_gone_gets_nothing_more(services: Services) -> None:
    with receiving(410) as receiver, delivering(services):
        made = _create(services, receiver.url)
        _emit(services)
        (delivery,) = _wait(services, made.webhook.id, "failed")
        _emit(services)
        time.sleep(0.3)
        assert len(receiver.got) == 1
    found = _get(services, made.webhook.id)
    assert found.disabled_reason == "gone" and delivery.last_status == 410
    with services.database.read() as connection:
        told = connection.execute(select(EVENTS.c.type, EVENTS.c.data)).all()
    assert ("webhook.disabled", {"reason": "gone"}) in [tuple(row) for row in told]


def test_after_a_day_a_message_is_given_up_and_can_be_sent_again(
    services: Services, no_wait: None
) -> None:
    with receiving(500, 500) as receiver:
        made = _create(services, receiver.url)
        _emit(services)
        with services.database.write() as connection:
            connection.execute(update(DELIVERIES).values(give_up_at=now() - 1))
        with delivering(services):
            (failed,) = _wait(services, made.webhook.id, "failed")
            assert failed.tries == 1 and failed.next_at is None
            with services.database.write() as connection:
                again = outbox.replay(connection, DEFAULT_TENANT, made.webhook.id, failed.id)
            assert again is not None and again.status == "pending"
            (delivery,) = _wait(services, made.webhook.id, "delivered")
        assert receiver.ids == [failed.id] * 3 and delivery.id == failed.id


def test_after_days_of_failure_alone_a_webhook_is_disabled(services: Services) -> None:
    with receiving(500, 500, 500) as receiver:
        made = _create(services, receiver.url)
        for _ in range(3):
            _emit(services)
        with services.database.write() as connection:
            connection.execute(update(WEBHOOKS).values(failing_since=now() - 6 * DAY))
        with delivering(services):
            _wait(services, made.webhook.id, "failed", 3)
    assert _get(services, made.webhook.id).disabled_reason == "failing"
    _emit(services)
    assert len(_log(services, made.webhook.id)) == 3, "nothing is queued for it any more"
    with services.database.write() as connection:
        change = webhooks.Change(is_enabled=True)
        changed = webhooks.change(connection, DEFAULT_TENANT, made.webhook.id, change, None)
    assert changed is not None and (changed.disabled_at, changed.failing_since) == (None, None)
    _emit(services)
    assert len(_log(services, made.webhook.id)) == 4


def test_the_waits_grow_to_an_hour_and_differ() -> None:
    waits = [[wait_after(tries) for _ in range(50)] for tries in (1, 2, 3, 30)]
    for each, middle in zip(waits, (5, 15, 45, 3600), strict=True):
        assert middle * 0.79 < min(each) < max(each) < middle * 1.21
        assert len(set(each)) > 10


def test_a_slow_receiver_does_not_hold_up_the_others(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_SECONDS", 0.5)
    with receiving(delay=2.0) as slow, receiving() as quick, delivering(services):
        waiting = _create(services, slow.url).webhook.id
        served = _create(services, quick.url).webhook.id
        for _ in range(20):
            _emit(services)
        began = time.monotonic()
        quick.wait(20)
        _wait(services, served, "delivered", 20)
        assert time.monotonic() - began < 10
        deadline = time.monotonic() + 20
        while not any(each.last_error for each in _log(services, waiting)):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_several_senders_never_send_a_message_twice_at_once(services: Services) -> None:
    with receiving(delay=0.05) as receiver, delivering(services):
        if services.database.is_sqlite:
            made = _create(services, receiver.url)
            for _ in range(30):
                _emit(services)
            _wait(services, made.webhook.id, "delivered", 30)
        else:
            with delivering(services), delivering(services):
                made = _create(services, receiver.url)
                for _ in range(60):
                    _emit(services)
                _wait(services, made.webhook.id, "delivered", 60)
        assert len(receiver.ids) == len(set(receiver.ids))


def test_a_sender_that_died_is_followed_by_another(services: Services) -> None:
    with receiving() as receiver:
        made = _create(services, receiver.url)
        _emit(services)
        with services.database.write() as connection:
            (lost,) = outbox.claim(connection, 10, 10)
        with services.database.write() as connection:
            assert outbox.claim(connection, 10, 10) == []
            connection.execute(update(DELIVERIES).values(next_at=now() - 1))
        with services.database.write() as connection:
            (again,) = outbox.claim(connection, 10, 10)
        assert (again.id, again.body, again.tries) == (lost.id, lost.body, 2)
        with services.database.write() as connection:
            assert not outbox.delivered(connection, lost, 200), "it was taken over"
            assert outbox.delivered(connection, again, 200)
        assert _log(services, made.webhook.id)[0].status == "delivered"


def test_events_and_messages_of_tenants_are_apart(services: Services) -> None:
    made = _create(services, f"http://{HOST}:1/")
    _emit(services, tenant="other")
    assert _log(services, made.webhook.id) == []
    with services.database.read() as connection:
        assert webhooks.get(connection, "other", made.webhook.id) is None
        assert webhooks.listing(connection, "other") == []
    with services.database.write() as connection:
        assert outbox.test(connection, "other", made.webhook.id) is None
        assert not webhooks.remove(connection, "other", made.webhook.id)


def test_many_writers_while_a_webhook_is_changed_never_wait_for_each_other(
    services: Services,
) -> None:
    """Changing holds the webhook, then the feed; telling holds the feed, then refers to it."""
    made = _create(services, f"http://{HOST}:1/").webhook.id
    errors: list[Exception] = []

    def work(number: int) -> None:
        try:
            for _ in range(15):
                if number % 2:
                    _emit(services)
                    continue
                with services.database.write() as connection:
                    claimed = outbox.claim(connection, 2, 2)
                for message in claimed:
                    with services.database.write() as connection:
                        if message.tries % 2:
                            outbox.failed(connection, message, 410, "x", 0.0)
                        else:
                            outbox.delivered(connection, message, 204)
                if claimed:
                    with services.database.write() as connection:
                        outbox.replay(connection, DEFAULT_TENANT, made, claimed[0].id)
                with services.database.write() as connection:
                    enabled = webhooks.Change(is_enabled=True)
                    webhooks.change(connection, DEFAULT_TENANT, made, enabled, None)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


# Routes


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with serving(workers=0, webhook_hosts=(HOST,)) as client:
        yield client


NEW: dict[str, Any] = {
    "url": f"http://{HOST}:1/a",
    "types": ["batch.finished"],
    "description": "甲",
}


def test_a_webhook_is_made_changed_and_removed(client: TestClient) -> None:
    made = client.post("/v1/webhooks", json=NEW)
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    webhook = made.json()["webhook"]
    place = f"/v1/webhooks/{webhook['id']}"
    assert made.headers["location"] == place
    assert "whsec_" not in client.get(place).text
    assert client.get(place).headers["etag"] == '"1"'
    assert webhook in client.get("/v1/webhooks").json()["webhooks"]
    changed = client.patch(place, json={"types": []}, headers={"If-Match": '"1"'})
    assert (changed.json()["types"], changed.headers["etag"]) == ([], '"2"')
    assert changed.json()["description"] == "甲"
    for stale in ('"1"', "W/x", "abc"):
        answer = client.patch(place, json={}, headers={"If-Match": stale})
        problem(answer, "precondition_failed")
    off = client.patch(place, json={"enabled": False}).json()
    assert off["disabled_reason"] == "by_hand"
    assert client.patch(place, json={"enabled": True}).json()["disabled_at"] is None
    sent = client.post(f"{place}/test")
    assert (sent.status_code, sent.json()["event"]) == (202, "webhook.test")
    upload(client)
    log = client.get(f"{place}/deliveries?limit=1").json()
    assert log["deliveries"][0]["event"] == "document.received"
    rest = client.get(f"{place}/deliveries?limit=1&cursor={log['next_cursor']}").json()
    assert rest["deliveries"] == [sent.json()]
    assert client.get(f"{place}/deliveries?status=failed").json()["deliveries"] == []
    again = client.post(f"{place}/deliveries/{sent.json()['id']}/replay")
    assert (again.status_code, again.json()["id"]) == (202, sent.json()["id"])
    problem(client.post(f"{place}/deliveries/msg_0/replay"), "delivery_not_found")
    assert client.delete(place).status_code == 204
    for request in (client.get, client.delete):
        problem(request(place), "webhook_not_found")
    problem(client.get(f"{place}/deliveries"), "webhook_not_found")
    problem(client.post(f"{place}/test"), "webhook_not_found")
    problem(client.patch(place, json={}), "webhook_not_found")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"url": "https://localhost/"}, "webhook_url_refused"),
        ({"url": "https://10.0.0.1/"}, "webhook_url_refused"),
        ({"url": "http://example.com/"}, "webhook_url_refused"),
        ({"types": ["document.stolen"]}, "request_invalid"),
        ({"secret": "mine"}, "request_invalid"),
    ],
)
def test_a_webhook_that_is_not_as_it_should_be(
    client: TestClient, change: dict[str, Any], code: str
) -> None:
    problem(client.post("/v1/webhooks", json=NEW | change), code)


def test_there_may_be_so_many_and_no_more(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "MOST_WEBHOOKS", 0)
    problem(client.post("/v1/webhooks", json=NEW), "webhooks_too_many")


def test_the_service_sends_what_it_reads() -> None:
    with receiving() as receiver, serving(webhook_hosts=(HOST,)) as client:
        wanted = {"url": receiver.url, "types": ["document.succeeded"]}
        secret = client.post("/v1/webhooks", json=wanted).json()["secret"]
        document = upload(client).json()["id"]
        receiver.wait(1, 60)
        headers, body = receiver.got[0]
        verify(secret, headers, body)
        assert json.loads(body)["data"]["subject"] == document


@pytest.mark.slow
@LINUX
def test_a_service_that_is_killed_sends_everything_at_least_once(tmp_path: Path) -> None:
    with receiving(delay=0.05) as receiver:
        service = Service(tmp_path, more={"HECHA_WEBHOOK_HOSTS": HOST})
        service.start()
        try:
            _register(service, receiver)
            for number in range(24):
                service.upload(report(number))
                if number % 6 == 5:
                    service.processes[0].kill()
                    service.start()
            service.wait_until_done(24)
            _wait_until_sent(service)
            with service.database().read() as connection:
                told = connection.execute(select(EVENTS.c.type)).scalars().all()
                ids = set(connection.execute(select(DELIVERIES.c.id)).scalars())
            # Cases follow the documents, and tell of it.
            assert sum(kind.startswith("document.") for kind in told) == 48
            assert set(receiver.ids) == ids and len(ids) == len(told)
        finally:
            service.processes[0].kill()


def _register(service: Service, receiver: Receiver) -> None:
    request = Request(  # noqa: S310 - our own service
        f"{service.url}/v1/webhooks",
        json.dumps({"url": receiver.url}).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=30) as answer:  # noqa: S310
        assert answer.status == 201


def _wait_until_sent(service: Service) -> None:
    deadline = time.monotonic() + 90
    query = select(func.count()).where(DELIVERIES.c.status != "delivered")
    while True:
        with service.database().read() as connection:
            left = connection.execute(query).scalar_one()
        if not left:
            return
        assert time.monotonic() < deadline, left
        time.sleep(0.3)
