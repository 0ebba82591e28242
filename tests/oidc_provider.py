"""A small OpenID Connect provider on 127.0.0.1 that tests can make lie."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.api_client import HOST

CLIENT, PASSWORD = "hecha-test", "client-secret"


class Provider:
    """What the provider says; tests change `claims`, `token`, `describe` and the like."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.key = RSAKey.generate_key(2048, parameters={"kid": "one"})
        self.published = self.key
        self.algorithm = "RS256"
        self.claims: dict[str, Any] = {}
        self.described: dict[str, Any] = {}
        self.is_down = False
        self.has_id_token = True
        self.basic = ""
        self.id_token = ""
        self._codes: dict[str, dict[str, str]] = {}

    def authorize(self, location: str) -> str:
        """Do what a person does there; return the address that the browser is sent back to."""
        parts = urlsplit(location)
        assert f"{parts.scheme}://{parts.netloc}" == self.issuer and parts.path == "/authorize"
        asked = dict(parse_qsl(parts.query))
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"]
        assert asked["nonce"] and asked["state"]
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def end_session(self, location: str) -> dict[str, str]:
        """Return what the browser asks of the place where sessions end."""
        parts = urlsplit(location)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.issuer}/logout"
        return dict(parse_qsl(parts.query))

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        } | self.described

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if asked is None or digest != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "u-1", "name": "钱某", "iat": now,
            "exp": now + 60, "nonce": asked["nonce"], "roles": ["hecha-read"],
        } | self.claims  # fmt: skip
        answer = {"access_token": "at", "token_type": "Bearer", "expires_in": 60}
        if self.has_id_token:
            claims = {name: value for name, value in claims.items() if value is not None}
            answer["id_token"] = self.id_token = self._signed(claims)
        return 200, answer

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.algorithm == "none":
            parts = ({"alg": "none", "typ": "JWT"}, claims)
            texts = [base64.urlsafe_b64encode(json.dumps(each).encode()) for each in parts]
            return ".".join(text.rstrip(b"=").decode() for text in texts) + "."
        header = {"alg": self.algorithm, "kid": self.key.kid}
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])


def settings_for(office: Provider, **more: Any) -> dict[str, Any]:
    """The settings of a service whose people log in at this provider."""
    return {
        "oidc_issuer": office.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": PASSWORD,
        "workers": 0, "rate_limit_logins": "none",
    } | more  # fmt: skip


def browser_of(client: TestClient) -> TestClient:
    """A browser that goes to the service of this client, without cookies."""
    browser = TestClient(client.app, base_url=HOST, follow_redirects=False)
    browser.app_state.update(client.app_state)
    return browser


def log_in(browser: TestClient, office: Provider, wanted: str = "/") -> Any:
    """Go to the provider and come back; the answer to coming back."""
    go = browser.get("/login/oidc", params={"next": wanted})
    assert go.status_code == 303, go.text
    return browser.get(office.authorize(go.headers["location"]))


@contextmanager
def provider() -> Iterator[Provider]:
    """Run a provider."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/.well-known/openid-configuration":
                self._answer(200, given.metadata())
            elif self.path == "/jwks":
                self._answer(200, {"keys": [given.published.as_dict(private=False)]})
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            form = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode()).items()}
            given.basic = self.headers.get("Authorization", "")
            self._answer(*given.token(form))

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            if given.is_down:
                status, body = 503, {}
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        given = Provider(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield given
        finally:
            server.shutdown()
            thread.join()
