"""The login of the office: OpenID Connect, code flow with PKCE, state and nonce, by authlib.

What must be remembered between going and coming back stands in a cookie of that browser, signed,
for ten minutes: nothing is stored for people who never come back.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from api.access.callers import Identity
from api.addresses import is_loopback
from api.problems import ProblemError
from api.settings import Settings
from api.store.schema import DEFAULT_TENANT

WAITING_SECONDS: Final = 600
"""How long a login may take at the office's side."""

_SECONDS: Final = 10.0
_LEEWAY: Final = 60
# None that is signed with a shared secret, or not at all.
_ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
_log = logging.getLogger("hecha.api")


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who came back from the office's login, where they wanted to go, and the token of that."""

    identity: Identity
    wanted: str
    id_token: str


class OpenId:
    """The provider that the settings name."""

    @classmethod
    def of(cls, settings: Settings, secret: bytes) -> OpenId | None:
        """Return the provider, None where the settings name none; `secret` signs the cookies."""
        return None if settings.oidc_issuer is None else cls(settings, secret)

    def __init__(self, settings: Settings, secret: bytes) -> None:
        """Prepare; nothing is asked of the provider before the first login."""
        from authlib.integrations.starlette_client import OAuth
        from joserfc.jwk import OctKey

        self._settings = settings
        self._issuer = (settings.oidc_issuer or "").rstrip("/")
        self._key = OctKey.import_key(secret)
        password = settings.oidc_client_secret
        self._app: Any = OAuth().register(
            "office",
            client_id=settings.oidc_client_id,
            client_secret=None if password is None else password.get_secret_value(),
            server_metadata_url=f"{self._issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid profile",
                "code_challenge_method": "S256",
                "timeout": _SECONDS,
                **({"token_endpoint_auth_method": "none"} if password is None else {}),
            },
        )

    async def begin(self, back: str, wanted: str) -> tuple[str, str]:
        """Return where to send the browser, and what its cookie is to hold until it comes back.

        Raises:
            ProblemError: the provider does not answer (`login_unavailable`).
        """
        with _refusing("login_unavailable"):
            await self._describe()
            begun = await self._app.create_authorization_url(back)
        kept = {name: begun[name] for name in ("state", "nonce", "code_verifier")}
        return begun["url"], self._sign(kept | {"back": back, "wanted": wanted})

    async def finish(self, cookie: str, query: Mapping[str, str]) -> Arrival:
        """Return who came back, and where they wanted to go.

        Raises:
            ProblemError: they are not admitted (`login_failed`), or the provider does not answer
                (`login_unavailable`).
        """
        with _refusing("login_failed"):
            kept = self._open(cookie)
            if not secrets.compare_digest(kept["state"], query.get("state", "")):
                raise ValueError("state")
            if "error" in query:
                raise ValueError("refused")
        with _refusing("login_unavailable"):
            await self._describe()
        with _refusing("login_failed"):
            token = await self._app.fetch_access_token(
                redirect_uri=kept["back"],
                code=query.get("code", ""),
                code_verifier=kept["code_verifier"],
            )
            claims = await self._app.parse_id_token(
                token, nonce=kept["nonce"], claims_options=self._expected(), leeway=_LEEWAY
            )
            if not claims:
                raise ValueError("no id_token")
        return Arrival(self._identity(claims), kept["wanted"], str(token["id_token"]))

    async def leave(self, back: str, id_token: str | None) -> tuple[str, str] | None:
        """Return where to send the browser to log out there, and what its cookie is to hold.

        None where the provider names no such place, or does not answer: the session here has
        ended in any case.
        """
        try:
            with _refusing("login_unavailable"):
                described = await self._describe()
                if not _is_safe(described.get("end_session_endpoint")):
                    return None
                begun = await self._app.create_logout_url(
                    post_logout_redirect_uri=back,
                    id_token_hint=id_token,
                    client_id=self._settings.oidc_client_id,
                )
        except ProblemError:
            return None
        return begun["url"], self._sign({"left": begun["state"]})

    def has_left(self, cookie: str, query: Mapping[str, str]) -> bool:
        """Tell whether a browser that comes back was sent by `leave`."""
        try:
            with _refusing("login_failed"):
                return secrets.compare_digest(self._open(cookie)["left"], query.get("state", ""))
        except ProblemError:
            return False

    async def _describe(self) -> dict[str, Any]:
        """Return what the provider says of itself, once it is found to be the one we know."""
        described = await self._app.load_server_metadata()
        if str(described.get("issuer", "")).rstrip("/") != self._issuer:
            described.pop("_loaded_at", None)
            raise ValueError("issuer")
        offered = described.get("id_token_signing_alg_values_supported") or ("RS256",)
        described["id_token_signing_alg_values_supported"] = [
            each for each in offered if each in _ALGORITHMS
        ] or ["RS256"]
        found: dict[str, Any] = described
        return found

    def _expected(self) -> dict[str, Any]:
        issuer = self._app.server_metadata["issuer"]
        return {
            "iss": {"essential": True, "values": [issuer]},
            "aud": {"essential": True, "value": self._settings.oidc_client_id},
        }

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        """Return who these claims are of.

        Raises:
            ProblemError: no role of theirs allows anything, or their tenant is not named.
        """
        settings = self._settings
        roles = _claim(claims, settings.oidc_roles_claim)
        named = [roles] if isinstance(roles, str) else roles if isinstance(roles, list) else []
        scopes = frozenset[str]().union(
            *(settings.oidc_roles.get(str(role), frozenset()) for role in named)
        )
        if not scopes:
            raise ProblemError("login_failed", "这个账号没有使用核查的角色。请向管理员申请。")
        tenant: Any = DEFAULT_TENANT
        if settings.oidc_tenant_claim is not None:
            tenant = _claim(claims, settings.oidc_tenant_claim)
        if not isinstance(tenant, str) or not tenant:
            raise ProblemError("login_failed", "账号里没有写属于哪个单位。请与管理员联系。")
        subject = str(claims["sub"])
        name = str(claims.get("name") or claims.get("preferred_username") or subject)
        return Identity(tenant, f"user:{subject}", name, scopes)

    def _sign(self, kept: Mapping[str, str]) -> str:
        from joserfc import jwt

        claims = {**kept, "exp": int(time.time()) + WAITING_SECONDS}
        return jwt.encode({"alg": "HS256"}, claims, self._key, algorithms=["HS256"])

    def _open(self, cookie: str) -> dict[str, Any]:
        from joserfc import jwt

        token = jwt.decode(cookie, self._key, algorithms=["HS256"])
        jwt.JWTClaimsRegistry(exp={"essential": True}).validate(token.claims)
        return token.claims


def _is_safe(url: object) -> bool:
    """Tell whether a browser may be sent to a place with a token: as the issuer, by https."""
    if not isinstance(url, str) or not url.isprintable():
        return False
    parts = urlsplit(url)
    host = parts.hostname or ""
    is_private = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    return bool(host) and is_private


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """Return what stands in a field, whose name itself may hold dots, or in one inside others."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


@contextmanager
def _refusing(code: str) -> Iterator[None]:
    """Turn what goes wrong with the provider into the problem of that code.

    That it does not answer is `login_unavailable` in any case.
    """
    import httpx2
    from authlib.common.errors import AuthlibBaseError
    from joserfc.errors import JoseError

    try:
        yield
    except httpx2.HTTPError as error:
        _log.warning("login: %s", type(error).__name__)
        raise ProblemError("login_unavailable") from None
    except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError, RuntimeError) as error:
        _log.warning("login: %s", type(error).__name__)
        what = None if code == "login_unavailable" else _NOT_ADMITTED
        raise ProblemError(code, what) from None


_NOT_ADMITTED: Final = "统一登录没有通过，或者等待太久。请重新登录；仍不行时请与管理员联系。"
