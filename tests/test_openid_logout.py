"""Logging out here ends the session at the office's login, too, where that can be done."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from api.access.gate import COOKIE
from api.settings import KEY_FILE
from api.store import audit
from api.store.schema import SESSIONS
from tests.api_client import problem, services_of, serving
from tests.oidc_provider import CLIENT, Provider, browser_of, log_in, provider, settings_for


@pytest.fixture
def office() -> Iterator[Provider]:
    with provider() as office:
        office.described["end_session_endpoint"] = f"{office.issuer}/logout?realm=office"
        yield office


@pytest.fixture
def door(office: Provider) -> Iterator[TestClient]:
    with serving(**settings_for(office)) as client:
        yield client


def _arrived(door: TestClient, office: Provider) -> TestClient:
    browser = browser_of(door)
    assert log_in(browser, office).status_code == 303
    return browser


def _log_out(browser: TestClient) -> Any:
    token = re.search(r'name="csrf" value="([^"]+)"', browser.get("/").text)
    assert token is not None
    answer = browser.post("/logout", data={"csrf": token[1]})
    assert COOKIE not in browser.cookies
    problem(browser.get("/"), "unauthenticated")
    return answer


def _onward(answer: Any) -> str:
    """Where the page leads on to, by itself and by its link."""
    assert answer.status_code == 200, answer.text
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', answer.text)
    assert found is not None and f'href="{found[1]}"' in answer.text
    return html.unescape(found[1])


def _stays_here(answer: Any) -> None:
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_who_logs_out_here_logs_out_there_and_comes_back(
    door: TestClient, office: Provider
) -> None:
    browser = _arrived(door, office)
    answer = _log_out(browser)
    asked = office.end_session(_onward(answer))
    state = asked.pop("state")
    assert len(state) > 10
    assert asked == {
        "realm": "office",
        "client_id": CLIENT,
        "id_token_hint": office.id_token,
        "post_logout_redirect_uri": "http://127.0.0.1:8000/logout/callback",
    }
    # A token stands in the address: nobody keeps it, nobody else is told.
    assert answer.headers["cache-control"] == "no-store"
    assert 'name="referrer" content="no-referrer"' in answer.text
    back = browser.get("/logout/callback", params={"state": state})
    assert back.status_code == 200 and "单位的统一登录也已退出" in back.text
    assert "hecha_logout" not in browser.cookies
    _stays_here(browser.get("/logout/callback", params={"state": state}))
    with services_of(door).database.read() as connection:
        actions = [row.action for row in audit.rows(connection, "default")]
    assert actions.count("session.closed") == 1


@pytest.mark.parametrize("state", ["", "other", "é"])
def test_who_was_not_sent_there_is_told_nothing(
    door: TestClient, office: Provider, state: str
) -> None:
    browser = _arrived(door, office)
    _onward(_log_out(browser))
    _stays_here(browser.get("/logout/callback", params={"state": state}))
    _stays_here(browser_of(door).get("/logout/callback"))


def test_the_cookie_of_coming_in_is_none_of_going_out(door: TestClient, office: Provider) -> None:
    browser = browser_of(door)
    go = browser.get("/login/oidc")
    state = office.authorize(go.headers["location"]).rpartition("state=")[2]
    cookie = browser.cookies["hecha_login"]
    headers = {"Cookie": f"hecha_logout={cookie}"}
    _stays_here(browser_of(door).get(f"/logout/callback?state={state}", headers=headers))


def test_behind_a_proxy_the_public_address_is_given(office: Provider) -> None:
    outside = "https://hecha.example"
    given = settings_for(office, public_url=outside, allowed_hosts=("hecha.example",))
    with serving(**given) as client:
        browser = browser_of(client)
        browser.base_url = outside
        assert log_in(browser, office).status_code == 303
        answer = _log_out(browser)
    asked = office.end_session(_onward(answer))
    assert asked["post_logout_redirect_uri"] == "https://hecha.example/logout/callback"
    assert "Secure" in answer.headers["set-cookie"] and "HttpOnly" in answer.headers["set-cookie"]


LOCAL: list[tuple[str, Callable[[Provider], object]]] = [
    ("no such place", lambda o: o.described.pop("end_session_endpoint")),
    ("none", lambda o: o.described.update(end_session_endpoint=None)),
    ("not encrypted", lambda o: o.described.update(end_session_endpoint="http://login.example/x")),
    ("a script", lambda o: o.described.update(end_session_endpoint="javascript:alert(1)")),
    ("no host", lambda o: o.described.update(end_session_endpoint="https:///x")),
    ("no address", lambda o: o.described.update(end_session_endpoint="https://[x")),
]


@pytest.mark.parametrize("lie", [row[1] for row in LOCAL], ids=[row[0] for row in LOCAL])
def test_where_there_is_no_such_place_only_the_session_here_ends(
    office: Provider, lie: Callable[[Provider], object]
) -> None:
    lie(office)
    with serving(**settings_for(office)) as client:
        _stays_here(_log_out(_arrived(client, office)))


def test_a_provider_that_is_away_keeps_nobody_in(office: Provider) -> None:
    with serving(**settings_for(office)) as client:
        browser = _arrived(client, office)
        cookie = browser.cookies[COOKIE]
        data = services_of(client).settings.data
        # The service that starts anew has not heard of the provider yet.
        office.is_down = True
        with serving(**settings_for(office, data=data)) as again:
            later = browser_of(again)
            later.cookies.set(COOKIE, cookie, "127.0.0.1")
            _stays_here(_log_out(later))


def test_the_setting_keeps_it_here(office: Provider) -> None:
    with serving(**settings_for(office, oidc_logout="local")) as client:
        browser = _arrived(client, office)
        with services_of(client).database.read() as connection:
            kept = connection.execute(select(SESSIONS.c.data)).scalars().all()
        assert kept == [None], "what is not needed is not kept"
        _stays_here(_log_out(browser))


def test_a_session_by_key_has_nothing_to_end_there(door: TestClient) -> None:
    browser = browser_of(door)
    key = door.headers["Authorization"].removeprefix("Bearer ")
    assert browser.post("/login", data={"key": key}).status_code == 303
    _stays_here(_log_out(browser))


def _forget_key(client: TestClient) -> None:
    (services_of(client).settings.data / KEY_FILE).unlink()


def _set_data(client: TestClient, **data: Any) -> None:
    with services_of(client).database.write() as connection:
        kept = connection.execute(select(SESSIONS.c.data)).scalars().one()
        connection.execute(update(SESSIONS).values(data=kept | data))


WITHOUT_HINT: list[tuple[str, Callable[[TestClient], None]]] = [
    ("the key is lost", _forget_key),
    ("none was kept", lambda c: _set_data(c, id_token=None)),
    ("it is another's", lambda c: _set_data(c, id_token="x.y.z")),  # noqa: S106
]


@pytest.mark.parametrize("lose", [r[1] for r in WITHOUT_HINT], ids=[r[0] for r in WITHOUT_HINT])
def test_without_the_token_the_client_is_named_alone(
    door: TestClient, office: Provider, lose: Callable[[TestClient], None]
) -> None:
    browser = _arrived(door, office)
    lose(door)
    asked = office.end_session(_onward(_log_out(browser)))
    assert "id_token_hint" not in asked and asked["client_id"] == CLIENT


def test_a_session_of_a_former_provider_ends_here_alone(door: TestClient, office: Provider) -> None:
    browser = _arrived(door, office)
    _set_data(door, issuer="https://former.example")
    _stays_here(_log_out(browser))


def test_a_very_long_token_is_not_kept(door: TestClient, office: Provider) -> None:
    office.claims["groups"] = ["x" * 60] * 60
    asked = office.end_session(_onward(_log_out(_arrived(door, office))))
    assert len(office.id_token) > 4000 and "id_token_hint" not in asked


def test_the_token_does_not_stand_readable_in_the_database(
    door: TestClient, office: Provider
) -> None:
    _arrived(door, office)
    with services_of(door).database.read() as connection:
        (row,) = connection.execute(select(SESSIONS)).all()
    assert row.data["id_token"] and office.id_token not in str(row)
    for part in office.id_token.split("."):
        assert part not in str(row.data)


def test_without_a_key_to_seal_with_people_come_in_all_the_same(
    office: Provider, door: TestClient
) -> None:
    (services_of(door).settings.data / KEY_FILE).write_text("broken")
    asked = office.end_session(_onward(_log_out(_arrived(door, office))))
    assert "id_token_hint" not in asked
