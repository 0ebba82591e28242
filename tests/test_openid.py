"""The login of the office, against a provider on this machine that may lie."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from joserfc.jwk import RSAKey
from pydantic import ValidationError

from api.access.gate import COOKIE
from api.settings import Settings
from api.store import audit, tenants
from tests.api_client import problem, services_of, serving
from tests.oidc_provider import Provider, browser_of, log_in, provider, settings_for


@pytest.fixture
def office() -> Iterator[Provider]:
    with provider() as office:
        yield office


@pytest.fixture
def door(office: Provider) -> Iterator[TestClient]:
    with serving(**settings_for(office)) as client:
        yield client


def test_who_logs_in_there_is_known_here(door: TestClient, office: Provider) -> None:
    browser = browser_of(door)
    page = browser.get("/login?next=/%3Fdocument%3Dx")
    assert 'href="/login/oidc?next=%2F%3Fdocument%3Dx"' in page.text
    answer = log_in(browser, office, "/?document=x")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?document=x")
    assert office.basic.startswith("Basic ")
    assert "hecha_login" not in browser.cookies and COOKIE in browser.cookies
    page = browser.get("/")
    assert page.status_code == 200 and "钱某" in page.text
    problem(browser.get("/v1/keys"), "forbidden")
    with services_of(door).database.read() as connection:
        rows = [(row.actor, row.action) for row in audit.rows(connection, "default")]
    assert ("user:u-1", "session.opened") in rows


def test_without_a_password_pkce_alone_is_used(office: Provider) -> None:
    with serving(**settings_for(office, oidc_client_secret=None)) as client:
        browser = browser_of(client)
        assert log_in(browser, office).headers["location"] == "/"
        assert office.basic == ""


def test_behind_a_proxy_the_public_address_is_given(office: Provider) -> None:
    with serving(**settings_for(office, public_url="https://hecha.example")) as client:
        browser = browser_of(client)
        go = browser.get("/login/oidc")
        assert (
            "redirect_uri=https%3A%2F%2Fhecha.example%2Flogin%2Fcallback"
            in (go.headers["location"])
        )
        assert "Secure" in go.headers["set-cookie"] and "HttpOnly" in go.headers["set-cookie"]


NOW = int(time.time())
FALSE: list[tuple[str, Callable[[Provider], object]]] = [
    ("nonce", lambda o: o.claims.update(nonce="other")),
    ("no nonce", lambda o: o.claims.update(nonce=None)),
    ("audience", lambda o: o.claims.update(aud="another-client")),
    ("no audience", lambda o: o.claims.update(aud=None)),
    ("issuer", lambda o: o.claims.update(iss="https://evil.example")),
    ("expired", lambda o: o.claims.update(exp=NOW - 3600)),
    ("no expiry", lambda o: o.claims.update(exp=None)),
    ("from the future", lambda o: o.claims.update(iat=NOW + 3600)),
    ("no subject", lambda o: o.claims.update(sub=None)),
    ("another key", lambda o: setattr(o, "published", RSAKey.generate_key(2048))),
    ("unsigned", lambda o: setattr(o, "algorithm", "none")),
    ("no id_token", lambda o: setattr(o, "has_id_token", False)),
    ("no role", lambda o: o.claims.update(roles=[])),
    ("role of another program", lambda o: o.claims.update(roles=["admin"])),
    ("roles of no kind", lambda o: o.claims.update(roles={"hecha-admin": True})),
]


@pytest.mark.parametrize("lie", [row[1] for row in FALSE], ids=[row[0] for row in FALSE])
def test_a_false_token_opens_nothing(
    door: TestClient, office: Provider, lie: Callable[[Provider], object]
) -> None:
    lie(office)
    browser = browser_of(door)
    answer = log_in(browser, office)
    assert answer.status_code == 401 and "login_failed" in answer.text
    assert COOKIE not in browser.cookies
    problem(browser.get("/"), "unauthenticated")


def test_a_false_issuer_is_not_even_asked(door: TestClient, office: Provider) -> None:
    office.described["issuer"] = "https://evil.example"
    answer = browser_of(door).get("/login/oidc")
    assert answer.status_code == 503 and "login_unavailable" in answer.text
    office.described.clear()
    assert browser_of(door).get("/login/oidc").status_code == 303


def test_the_state_belongs_to_one_browser_and_one_login(door: TestClient, office: Provider) -> None:
    mine, theirs = browser_of(door), browser_of(door)
    back = office.authorize(mine.get("/login/oidc").headers["location"])
    theirs.get("/login/oidc")
    for browser in (browser_of(door), theirs):
        refused = browser.get(back)
        assert refused.status_code == 401 and COOKIE not in browser.cookies
    assert mine.get(back).status_code == 303
    assert mine.get(back).status_code == 401


@pytest.mark.parametrize("change", [lambda c: c[:-2], lambda c: "a.b.c", lambda c: ""])
def test_a_forged_cookie_is_none(
    door: TestClient, office: Provider, change: Callable[[str], str]
) -> None:
    browser = browser_of(door)
    back = office.authorize(browser.get("/login/oidc").headers["location"])
    forged = change(browser.cookies["hecha_login"])
    other = browser_of(door)
    assert other.get(back, headers={"Cookie": f"hecha_login={forged}"}).status_code == 401


def test_who_is_refused_there_is_told_so(door: TestClient, office: Provider) -> None:
    browser = browser_of(door)
    back = office.authorize(browser.get("/login/oidc").headers["location"])
    answer = browser.get(back + "&error=access_denied&error_description=%3Cb%3E")
    assert answer.status_code == 401 and "<b>" not in answer.text


def test_a_provider_that_is_away_is_said(door: TestClient, office: Provider) -> None:
    browser = browser_of(door)
    office.is_down = True
    answer = browser.get("/login/oidc")
    assert answer.status_code == 503 and "HECHA_OIDC_ISSUER" in answer.text
    office.is_down = False
    back = office.authorize(browser.get("/login/oidc").headers["location"])
    office.is_down = True
    assert browser.get(back).status_code in (401, 503)
    assert browser.post("/login", data={"key": "hk_x"}).status_code == 401


def test_without_a_provider_there_is_only_the_key() -> None:
    with serving(workers=0) as client:
        browser = browser_of(client)
        assert "/login/oidc" not in browser.get("/login").text
        for path in ("/login/oidc", "/login/callback"):
            assert browser.get(path).status_code == 503


ROLES: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
    # settings, claims, the scopes that follow
    ({}, {"roles": ["hecha-upload", "x"]}, {"upload"}),
    ({}, {"roles": "hecha-admin"}, {"admin"}),
    (
        {"oidc_roles_claim": "realm_access.roles", "oidc_roles": "科员=read+upload,科长=admin"},
        {"realm_access": {"roles": ["科员"]}},
        {"read", "upload"},
    ),
    (
        {"oidc_roles_claim": "https://hecha.example/roles"},
        {"https://hecha.example/roles": ["hecha-review", "hecha-read"]},
        {"review", "read"},
    ),
]


@pytest.mark.parametrize(("settings", "claims", "scopes"), ROLES)
def test_roles_become_scopes(
    office: Provider, settings: dict[str, Any], claims: dict[str, Any], scopes: set[str]
) -> None:
    office.claims.update(claims)
    with serving(**settings_for(office, **settings)) as client:
        browser = browser_of(client)
        assert log_in(browser, office).status_code == 303
        for scope, path in (("read", "/v1/documents"), ("admin", "/v1/keys")):
            allowed = bool(scopes & {scope, "admin"})
            assert (browser.get(path).status_code == 200) == allowed


@pytest.mark.parametrize(
    ("claims", "status"), [({"org": "qingyu"}, 303), ({"org": "nowhere"}, 401), ({}, 401)]
)
def test_the_tenant_comes_from_a_claim_and_must_be_there(
    office: Provider, claims: dict[str, Any], status: int
) -> None:
    office.claims.update(claims | {"roles": ["hecha-admin"]})
    with serving(**settings_for(office, oidc_tenant_claim="org")) as client:
        with services_of(client).database.write() as connection:
            tenants.create(connection, "qingyu", "青榆")
        browser = browser_of(client)
        assert log_in(browser, office).status_code == status
        if status == 303:
            assert browser.get("/v1/keys").json() == {"keys": []}


@pytest.mark.parametrize(
    "wrong",
    [
        {"oidc_issuer": "http://login.example"},
        {"oidc_issuer": "http://127.0.0.1.evil.example"},
        {"oidc_roles": "x"},
        {"oidc_roles": "x=root"},
        {"oidc_roles": "=read"},
        {"public_url": "hecha.example"},
        {"public_url": "https://hecha.example/path"},
        {"rate_limit": "many"},
        {"rate_limit_logins": ""},
        {"access": "none"},
        {"session_hours": 0},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**wrong)
