"""Who gets in: keys, scopes, tenants, sessions, tokens of forms, rate limits."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import URL, Connection, select, update
from sqlalchemy.exc import OperationalError

from api.access.gate import COOKIE
from api.access.rules import LOGIN_PATHS, METRICS_PATH, OPEN_PATHS, RULES, rule_of
from api.app import ROUTES
from api.scopes import SCOPES
from api.services import Services
from api.store import api_keys, audit, installation, tenants
from api.store.ids import now
from api.store.schema import KEYS
from tests.api_client import (
    ABSENT,
    HOST,
    REPORT,
    REPORT_ID,
    make_key,
    problem,
    read,
    services_of,
    serving,
    upload,
)
from tests.sample_files import zip_file

OTHER = "other"


ZIP = zip_file({"甲.txt": REPORT + b"zip"})
ROUTE_LIST = sorted(
    (method, route.path)
    for module in ROUTES
    for route in module.router.routes
    for method in route.methods
)
GUARDED = [route for route in ROUTE_LIST if rule_of(*route).scope is not None]


@pytest.fixture(scope="module")
def shared() -> Iterator[TestClient]:
    """A service with a document that was read and another that waits, and a second tenant."""
    with serving(rate_limit="none", rate_limit_unknown="none", rate_limit_logins="none") as client:
        read(client)
        with services_of(client).database.write() as connection:
            tenants.create(connection, OTHER, "别的单位")
        yield client


@pytest.fixture
def door() -> Iterator[TestClient]:
    """A service that reads nothing, with a client that has a key for everything."""
    with serving(workers=0) as client:
        yield client


def _bare(client: TestClient) -> TestClient:
    """Another client of the same service, without key or cookie."""
    app = client.app
    bare = TestClient(app, base_url=HOST, follow_redirects=False)
    bare.app_state.update(client.app_state)
    return bare


def _keyed(client: TestClient, *scopes: Any, tenant: str = "default") -> TestClient:
    keyed = _bare(client)
    key = make_key(services_of(client), *scopes, tenant=tenant)
    keyed.headers["Authorization"] = f"Bearer {key}"
    return keyed


# How an object of the tenant is made, by the name that paths have for its id.
OBJECTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "document_id": ("POST", "/v1/documents", {"files": {"file": ("调查报告.txt", REPORT)}}),
    "key_id": ("POST", "/v1/keys", {"json": {"name": "甲", "scopes": ["read"]}}),
    "case_id": ("POST", "/v1/cases", {"json": {"documents": [REPORT_ID]}}),
    "batch_id": ("POST", "/v1/batches", {"files": {"file": ("甲.zip", ZIP)}}),
    "webhook_id": ("POST", "/v1/webhooks", {"json": {"url": "https://93.184.216.34/x"}}),
}
# Part of another object.
PARTS = {"number": "1", "delivery_id": ABSENT}


def _seen(client: TestClient) -> tuple[list[str], list[str]]:
    """The keys that work and the documents that a tenant has."""
    keys = client.get("/v1/keys").json()["keys"]
    documents = client.get("/v1/documents").json()["documents"]
    usable = [key["id"] for key in keys if key["revoked_at"] is None]
    return usable, [document["id"] for document in documents]


# Routes whose path names no object, but whose query or body does.
NAMED_OTHERWISE = {
    ("POST", "/v1/checklists"), ("POST", "/v1/cases"), ("GET", "/"), ("GET", "/checklist.xlsx"),
    ("GET", "/checklist.json"),
}  # fmt: skip


BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PUT", "/v1/documents/{document_id}/hold"): {"json": {"reason": "诉讼"}},
    ("PATCH", "/v1/cases/{case_id}"): {"json": {"name": "甲"}},
    ("POST", "/v1/cases/{case_id}/merge"): {"json": {"cases": ["x"]}},
    ("POST", "/cases/{case_id}/move"): {
        "data": {"document": REPORT_ID, "to": "none", "revision": "1"}
    },
    ("POST", "/cases/{case_id}/regroup"): {"data": {"revision": "1"}},
    ("POST", "/documents/{document_id}/regroup"): {"data": {"revision": "1"}},
}


@pytest.fixture(scope="module")
def values(shared: TestClient) -> dict[str, str]:
    """What stands for each parameter of a path: objects of the first tenant."""
    made = dict(PARTS)
    for name, (method, path, more) in OBJECTS.items():
        if (method, path) in ROUTE_LIST:
            answer = shared.request(method, path, **more)
            assert answer.status_code < 300, answer.text
            body = answer.json()
            made[name] = body.get("id") or body[name.removesuffix("_id")]["id"]
    while shared.get(f"/v1/batches/{made['batch_id']}").json()["status"] == "unpacking":
        time.sleep(0.05)  # what is in it comes in while it is unpacked
    return made


def _ask(client: TestClient, method: str, path: str, values: dict[str, str]) -> Any:
    """Send a request to a route that would succeed for who may, naming what is of `default`."""
    unknown = set(re.findall(r"\{(\w+)\}", path)) - set(values)
    assert not unknown, f"say in OBJECTS how to make what {unknown} names"
    body: dict[str, Any] = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
    body = next((more for *made, more in OBJECTS.values() if made == [method, path]), body)
    if path == "/v1/checklists":
        body = {"json": {"documents": [REPORT_ID]}}
    elif method == "POST" and path in ("/", "/v1/documents"):
        body = {"files": {"file": ("a.txt", b"x")}}
    else:
        body = BODIES.get((method, path), body)
    query = {"document": REPORT_ID} if (method, path) in NAMED_OTHERWISE else {}
    if path == "/v1/search":
        query = {"q": "事故"}
    headers = {"If-Match": "*"} if re.search(r"^/v1/cases/|/regroup$", path) else {}
    return client.request(method, path.format(**values), params=query, headers=headers, **body)


def test_all_routes_are_known_here() -> None:
    assert len(GUARDED) > 20
    assert {route for route in ROUTE_LIST if route not in GUARDED} == {
        ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/login"), ("POST", "/login"),
        ("GET", "/login/oidc"), ("GET", "/login/callback"),
        ("GET", "/logout/callback"), ("GET", METRICS_PATH),
    }  # fmt: skip
    assert set(ROUTE_LIST) - set(RULES) - {("GET", METRICS_PATH)} == set()


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_nobody_passes_without_a_key(
    shared: TestClient, values: dict[str, str], method: str, path: str
) -> None:
    answer = _ask(_bare(shared), method, path, values)
    problem(answer, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert REPORT_ID not in answer.text.replace(answer.json()["instance"], "")


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_nobody_passes_with_a_key_that_lacks_the_scope(
    shared: TestClient, values: dict[str, str], method: str, path: str
) -> None:
    wanted = rule_of(method, path).scope
    lacking = [scope for scope in SCOPES if scope not in (wanted, "admin")]
    found = problem(_ask(_keyed(shared, *lacking), method, path, values), "forbidden")
    assert f" {wanted} " in found.detail


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_no_tenant_reaches_what_is_of_another(
    shared: TestClient, values: dict[str, str], method: str, path: str
) -> None:
    other = _keyed(shared, "admin", tenant=OTHER)
    before = _seen(shared)
    answer = _ask(other, method, path, values)
    names_one = "{" in path or (method, path) in NAMED_OTHERWISE
    assert (answer.status_code == 404) if names_one else (answer.status_code < 400), answer.text
    assert "35万元" not in answer.text
    if method == "GET" and not names_one:
        ids = [each for name, each in values.items() if name not in PARTS]
        assert [each for each in ids if each in answer.text] == []
    assert _seen(shared) == before


def test_the_same_file_of_two_tenants_is_two_documents(shared: TestClient) -> None:
    other = _keyed(shared, "admin", tenant=OTHER)
    assert upload(other, REPORT + b"2").status_code == 202
    digest = other.get("/v1/documents").json()["documents"][0]["id"]
    problem(shared.get(f"/v1/documents/{digest}"), "document_not_found")
    assert upload(shared, REPORT + b"2").status_code == 202
    assert other.delete(f"/v1/documents/{digest}").status_code == 204
    assert shared.get(f"/v1/documents/{digest}/original").content == REPORT + b"2"


BAD_KEYS = [
    "Bearer", "Bearer ", "Bearer hk_x", "Bearer " + "x" * 43, "Bearer hk_" + "x" * 500,
    "bearer hk_\u00e4", "Bearer hk_a hk_b",
]  # fmt: skip


@pytest.mark.parametrize("header", BAD_KEYS)
def test_a_bad_key_is_refused_as_such(shared: TestClient, header: str) -> None:
    answer = _bare(shared).get(
        "/v1/documents", headers={b"Authorization": header.encode("latin-1")}
    )
    problem(answer, "unauthenticated")
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_another_kind_of_authorisation_is_none(shared: TestClient) -> None:
    problem(_bare(shared).get("/v1/documents", auth=("hk_x", "y")), "unauthenticated")


def test_a_revoked_key_is_refused_at_once(door: TestClient) -> None:
    keyed = _keyed(door, "read")
    assert keyed.get("/v1/documents").status_code == 200
    newest = door.get("/v1/keys").json()["keys"][-1]
    revoked = door.delete(f"/v1/keys/{newest['id']}")
    assert revoked.status_code == 200 and revoked.json()["revoked_at"] is not None
    problem(keyed.get("/v1/documents"), "unauthenticated")
    problem(door.delete("/v1/keys/none"), "key_not_found")


def test_a_key_that_expires_while_it_is_remembered_is_refused(door: TestClient) -> None:
    keyed = _keyed(door, "read")
    with services_of(door).database.write() as connection:
        connection.execute(update(KEYS).values(expires_at=now() + 300_000))
    assert keyed.get("/v1/documents").status_code == 200
    time.sleep(0.35)
    problem(keyed.get("/v1/documents"), "unauthenticated")


def test_a_key_is_looked_up_once_and_then_remembered(
    door: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    lookup = api_keys.lookup

    def counted(connection: Connection, secret: str) -> api_keys.FoundKey | None:
        asked.append(secret)
        return lookup(connection, secret)

    monkeypatch.setattr(api_keys, "lookup", counted)
    keyed = _keyed(door, "read")
    for _ in range(5):
        assert keyed.get("/v1/documents").status_code == 200
    assert len(asked) == 1


def test_a_made_key_is_shown_once_and_its_use_is_noted(door: TestClient) -> None:
    wanted = {"name": "档案系统", "scopes": ["read", "upload"], "days": 30}
    answer = door.post("/v1/keys", json=wanted)
    assert answer.status_code == 201
    made = answer.json()
    assert made["key"] not in door.get("/v1/keys").text
    keyed = _bare(door)
    keyed.headers["Authorization"] = f"Bearer {made['key']}"
    assert upload(keyed).status_code == 202
    problem(keyed.delete(f"/v1/documents/{REPORT_ID}"), "forbidden")
    deadline = time.monotonic() + 10
    while True:
        entry = door.get("/v1/keys").json()["keys"][-1]
        if entry["last_used_at"] is not None or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    assert entry["last_used_at"] is not None
    assert (entry["name"], entry["scopes"]) == ("档案系统", ["read", "upload"])
    assert entry["expires_at"] > entry["created_at"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "", "scopes": ["read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["root"]},
        {"name": "x", "scopes": ["read"], "days": 0},
        {"name": "x", "scopes": ["read"], "tenant": "other"},
    ],
)
def test_a_key_that_cannot_be_is_refused(door: TestClient, wanted: dict[str, Any]) -> None:
    problem(door.post("/v1/keys", json=wanted), "request_invalid")


# Sessions


def _logged_in(client: TestClient, *scopes: Any) -> TestClient:
    """A browser in which someone logged in with a key."""
    browser = _bare(client)
    key = make_key(services_of(client), *scopes)
    answer = browser.post("/login", data={"key": f" {key} ", "next": "/?document=x"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/?document=x")
    return browser


def _token(browser: TestClient) -> str:
    found = re.search(r'name="csrf" value="([\w-]+)"', browser.get("/").text)
    assert found is not None
    return found[1]


def test_a_browser_is_sent_to_the_login_and_back(door: TestClient) -> None:
    browser = _bare(door)
    headers = {"Accept": "text/html"}
    away = browser.get("/?document=a&document=b", headers=headers)
    assert away.status_code == 303
    assert away.headers["location"] == "/login?next=/%3Fdocument%3Da%26document%3Db"
    page = browser.get(away.headers["location"])
    assert page.status_code == 200 and 'value="/?document=a&amp;document=b"' in page.text
    assert "script-src 'nonce-" in page.headers["content-security-policy"]
    assert browser.post("/", headers=headers).headers["location"] == "/login"
    problem(browser.get("/v1/documents", headers=headers), "unauthenticated")


def test_a_key_opens_a_session_and_logging_out_ends_it(door: TestClient) -> None:
    browser = _logged_in(door, "read", "upload")
    cookie = next(each for each in browser.cookies.jar if each.name == COOKIE)
    assert cookie.has_nonstandard_attr("HttpOnly") and not cookie.secure
    assert cookie.get_nonstandard_attr("SameSite") == "lax"
    page = browser.get("/")
    assert page.status_code == 200 and "退出登录" in page.text
    token = _token(browser)
    answer = browser.post("/", data={"csrf": token}, files={"file": ("a.txt", REPORT)})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/?document={REPORT_ID}")
    value = browser.cookies[COOKIE]
    out = browser.post("/logout", data={"csrf": token})
    assert (out.status_code, out.headers["location"]) == (303, "/login")
    assert COOKIE not in browser.cookies
    problem(browser.get("/", headers={"Cookie": f"{COOKIE}={value}"}), "unauthenticated")


def test_over_https_the_cookie_is_secure(door: TestClient) -> None:
    browser = _bare(door)
    browser.base_url = "https://127.0.0.1:8000"
    answer = browser.post("/login", data={"key": make_key(services_of(door))})
    assert "Secure" in answer.headers["set-cookie"]


def test_a_session_may_do_no_more_than_its_key(door: TestClient) -> None:
    browser = _logged_in(door, "read")
    token = {"X-CSRF-Token": _token(browser)}
    answer = browser.post("/v1/documents", content=REPORT, headers=token)
    assert problem(answer, "forbidden")
    problem(browser.get("/v1/keys"), "forbidden")


def _form(first: str, token: str) -> dict[str, Any]:
    body = (
        f'--b\r\nContent-Disposition: form-data; name="{first}"\r\n\r\n{token}\r\n'
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        f"{'x' * 5000}\r\n--b--\r\n"
    )
    return {"content": body, "headers": {"Content-Type": "multipart/form-data; boundary=b"}}


TOKENS: list[tuple[str, Any, bool]] = [
    ("header", lambda t: {"headers": {"X-CSRF-Token": t}, "content": REPORT}, True),
    ("first field", lambda t: _form("csrf", t), True),
    ("wrong header", lambda t: {"headers": {"X-CSRF-Token": t[:-1]}, "content": REPORT}, False),
    ("odd header", lambda t: {"headers": {b"X-CSRF-Token": b"\xff"}, "content": REPORT}, False),
    ("wrong field", lambda t: _form("csrf", t[:-1] + "_"), False),
    ("other field", lambda t: _form("token", t), False),
    ("none", lambda _: {"content": REPORT}, False),
    ("empty", lambda _: {}, False),
    ("form without", lambda _: {"files": {"file": ("a.txt", b"x" * 4000)}}, False),
    ("in the query", lambda t: {"params": {"csrf": t}, "content": REPORT}, False),
    ("json", lambda t: {"json": {"csrf": t}}, False),
    (
        "as text",
        lambda t: {"content": f"csrf={t}", "headers": {"Content-Type": "text/plain"}},
        False,
    ),
]


@pytest.mark.parametrize(
    ("send", "passes"), [row[1:] for row in TOKENS], ids=[row[0] for row in TOKENS]
)
def test_a_session_changes_nothing_without_its_token(
    door: TestClient, send: Any, passes: bool
) -> None:
    browser = _logged_in(door, "upload", "read")
    answer = browser.post("/v1/documents", **send(_token(browser)))
    if passes:
        assert answer.status_code == 202
    else:
        problem(answer, "csrf_failed")
        assert door.get("/v1/documents").json()["documents"] == []


def test_the_token_of_another_session_is_none(door: TestClient) -> None:
    first, second = _logged_in(door), _logged_in(door)
    problem(first.post("/logout", data={"csrf": _token(second)}), "csrf_failed")
    assert first.get("/").status_code == 200


def test_a_body_over_the_limit_is_refused_while_its_token_is_looked_for() -> None:
    with serving(workers=0) as client:
        browser = _logged_in(client)
        answer = browser.post(
            "/v1/keys", content=b"csrf=" + b"x" * 70_000,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        problem(answer, "upload_too_large")


def test_the_session_of_a_revoked_or_expiring_key_ends_with_it(door: TestClient) -> None:
    browser = _logged_in(door)
    assert browser.get("/").status_code == 200
    newest = door.get("/v1/keys").json()["keys"][-1]["id"]
    door.delete(f"/v1/keys/{newest}")
    problem(browser.get("/"), "unauthenticated")
    with services_of(door).database.write() as connection:
        _, key = api_keys.create(connection, "default", "x", ["admin"], now() + 300_000)
    other = _bare(door)
    assert other.post("/login", data={"key": key}).status_code == 303
    assert other.get("/").status_code == 200
    time.sleep(0.35)
    problem(other.get("/"), "unauthenticated")


def test_the_link_of_the_start_logs_in_once(door: TestClient) -> None:
    with services_of(door).database.write() as connection:
        token = installation.make_link(connection)
    browser = _bare(door)
    answer = browser.get("/login", params={"token": token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.get("/v1/keys").status_code == 200
    again = _bare(door).get("/login", params={"token": token})
    assert again.status_code == 401 and "已经用过" in again.text
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "/\\evil.example", "http://evil.example", "", "/login", "/a\nb"]
)
def test_a_login_leads_nowhere_else(door: TestClient, elsewhere: str) -> None:
    data = {"key": make_key(services_of(door)), "next": elsewhere}
    assert _bare(door).post("/login", data=data).headers["location"] == "/"


def test_a_wrong_key_at_the_login_says_so_and_shows_nothing_of_it(door: TestClient) -> None:
    answer = _bare(door).post("/login", data={"key": "hk_<b>geheim", "next": '"><b>'})
    assert answer.status_code == 401 and "login_failed" in answer.text
    assert "geheim" not in answer.text and "<b>" not in answer.text
    assert "set-cookie" not in answer.headers
    assert _bare(door).post("/login").status_code == 401
    assert "用单位账号登录" not in answer.text


# Open access


def _from(client: TestClient, address: str) -> TestClient:
    local = TestClient(client.app, base_url=HOST, follow_redirects=False, client=(address, 5))
    local.app_state.update(client.app_state)
    return local


@pytest.mark.parametrize(
    ("access", "address", "status"),
    [
        ("open", "127.0.0.1", 200),
        ("open", "::1", 200),
        ("open", "10.0.0.7", 401),
        ("keys", "127.0.0.1", 401),
    ],
)
def test_open_access_is_for_this_machine_alone(access: str, address: str, status: int) -> None:
    with serving(workers=0, access=access) as client:
        local = _from(client, address)
        assert local.get("/").status_code == status
        assert upload(local).status_code == (202 if status == 200 else 401)
        bad = local.get("/v1/documents", headers={"Authorization": "Bearer hk_x"})
        assert bad.status_code == 401


def test_open_access_has_no_limit() -> None:
    with serving(workers=0, access="open", rate_limit="1/minute") as client:
        local = _from(client, "127.0.0.1")
        assert [local.get("/v1/documents").status_code for _ in range(3)] == [200] * 3


# Rate limits


def test_each_key_has_a_limit_of_its_own_and_is_told_of_it() -> None:
    with serving(workers=0, rate_limit="3/minute") as client:
        first, second = _keyed(client), _keyed(client)
        answers = [first.get("/v1/documents") for _ in range(4)]
        assert [each.headers["ratelimit"].partition(";t=")[0] for each in answers] == [
            f'"default";r={left}' for left in (2, 1, 0, 0)
        ]
        assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=60'
        problem(answers[3], "rate_limited")
        assert 0 < int(answers[3].headers["retry-after"]) <= 60
        assert second.get("/v1/documents").status_code == 200
        assert first.get("/livez").status_code == 200


def test_room_comes_back_when_the_window_moves_on() -> None:
    with serving(workers=0, rate_limit="2/second") as client:
        answers = [client.get("/v1/documents").status_code for _ in range(3)]
        assert answers == [200, 200, 429]
        time.sleep(1.1)
        assert client.get("/v1/documents").status_code == 200


def test_the_unknown_are_counted_by_address() -> None:
    with serving(workers=0, rate_limit_unknown="2/minute") as client:
        here = _bare(client)
        assert [here.get("/v1/documents").status_code for _ in range(3)] == [401, 401, 429]
        assert here.get("/login").status_code == 429
        assert _from(client, "10.0.0.8").get("/login").status_code == 200
        assert client.get("/v1/documents").status_code == 200


def test_failed_logins_are_counted_and_a_good_key_still_works_for_programs() -> None:
    with serving(workers=0, rate_limit_logins="2/minute") as client:
        here = _bare(client)
        bad = {"Authorization": "Bearer hk_bad"}
        assert here.get("/v1/documents", headers=bad).status_code == 401
        assert here.post("/login", data={"key": "hk_bad"}).status_code == 401
        problem(here.get("/v1/documents", headers=bad), "rate_limited")
        good = make_key(services_of(client))
        refused = here.post("/login", data={"key": good})
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
        assert here.get("/login", params={"token": "x"}).status_code == 429
        headers = {"Authorization": f"Bearer {good}"}
        assert here.get("/v1/documents", headers=headers).status_code == 200
        assert _from(client, "10.0.0.9").post("/login", data={"key": good}).status_code == 303


# The rest


@pytest.mark.parametrize("path", sorted(OPEN_PATHS))
def test_what_is_open_needs_no_key(shared: TestClient, path: str) -> None:
    assert _bare(shared).get(path).status_code == 200
    assert path not in LOGIN_PATHS


def test_a_database_that_is_away_is_no_wrong_key(
    door: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("x", {}, Exception())

    monkeypatch.setattr(api_keys, "lookup", away)
    answer = _keyed(door).get("/v1/documents")
    problem(answer, "not_ready")
    assert "retry-after" in answer.headers


def test_first_key_of_a_service_is_not_made_by_its_tests(door: TestClient) -> None:
    services: Services = services_of(door)
    with services.database.read() as connection:
        assert connection.execute(select(KEYS.c.name)).scalars().all() == ["测试"]
        assert audit.verify(connection).broken is None


def test_keys_sessions_and_audit_work_on_either_database(database_url: URL) -> None:
    place = database_url.render_as_string(hide_password=False)
    with serving(workers=0, database_url=place) as client:
        browser = _logged_in(client, "read", "upload")
        token = {"X-CSRF-Token": _token(browser)}
        assert browser.post("/v1/documents", content=REPORT, headers=token).status_code == 202
        assert browser.get(f"/v1/documents/{REPORT_ID}/original").content == REPORT
        problem(_bare(client).get("/v1/documents"), "unauthenticated")
        keys = client.get("/v1/keys").json()["keys"]
        client.delete(f"/v1/keys/{keys[-1]['id']}")
        problem(browser.get("/"), "unauthenticated")
        entries = client.get("/v1/audit").json()["entries"]
        actions = [(entry["actor"][:4], entry["action"]) for entry in entries]
        assert actions[2:] == [
            ("key:", "session.opened"), ("key:", "document.received"), ("key:", "original.read"),
            ("key:", "key.revoked"),
        ]  # fmt: skip
