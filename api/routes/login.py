"""In and out, for people: by a key, by the link of the start, or by the office's own login."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from api.access.authority import Authority
from api.access.gate import COOKIE, address_of, too_many
from api.access.openid import WAITING_SECONDS, Arrival, OpenId
from api.problems import ProblemError, problem_of
from api.routes.dependencies import AuthorityDep
from api.routes.rendering import render_page

router = APIRouter(include_in_schema=False)

_WAITING = "hecha_login"
_LEAVING = "hecha_logout"
_log = logging.getLogger("hecha.api")


@router.get("/login")
async def show_login(
    request: Request, authority: AuthorityDep, next: str = "/", token: str | None = None
) -> Response:
    """Show the ways in; the link of the start goes straight on."""
    if token is None:
        return _page(authority, next)
    problem = _locked(authority, request)
    if problem is None:
        cookie = await run_in_threadpool(authority.open_with_link, token)
        if cookie is not None:
            return _welcome(request, authority, cookie, next)
        authority.rates.fail(address_of(request))
        problem = ProblemError(
            "login_failed", "这个登录链接已经用过或已过期。请重新启动服务，或用密钥登录。"
        )
    return _page(authority, next, problem)


@router.post("/login")
async def log_in(request: Request, authority: AuthorityDep) -> Response:
    """Open a session for who gives a key."""
    async with request.form(max_files=0, max_fields=8) as form:
        key, wanted = (str(form.get(name, "")) for name in ("key", "next"))
    problem = _locked(authority, request)
    if problem is None:
        identity = await authority.by_key(key.strip())
        if identity is not None:
            cookie = await run_in_threadpool(authority.open_for, identity)
            return _welcome(request, authority, cookie, wanted)
        authority.rates.fail(address_of(request))
        problem = ProblemError("login_failed")
    return _page(authority, wanted, problem)


@router.post("/logout")
async def log_out(request: Request, authority: AuthorityDep) -> Response:
    """End the session, and the login of the office that it came from, where that can be ended."""
    login = await run_in_threadpool(authority.close, request.cookies.get(COOKIE, ""))
    leaving = None
    if login is not None and authority.provider is not None:
        back = _address(request, authority, "/logout/callback")
        leaving = await authority.provider.leave(back, login.id_token)
    response: Response
    if leaving is None:
        response = RedirectResponse("/login", status_code=303)
    else:
        to, waiting = leaving
        # A page that leads on: browsers do not let a form be answered from another place.
        response = render_page("logout.html", to=to)
        _remember(response, request, authority, (_LEAVING, waiting, "/logout"))
    response.delete_cookie(COOKIE, secure=_is_secure(request, authority), httponly=True)
    return response


@router.get("/logout/callback")
def come_back_from_leaving(request: Request, authority: AuthorityDep) -> Response:
    """Say that the login of the office has ended, to who was sent there for that."""
    waiting = request.cookies.get(_LEAVING, "")
    has_left = authority.provider is not None and authority.provider.has_left(
        waiting, request.query_params
    )
    response = _page(authority, "/", has_left=True) if has_left else RedirectResponse("/login", 303)
    response.delete_cookie(_LEAVING, path="/logout")
    return response


@router.get("/login/oidc")
async def go_to_provider(request: Request, authority: AuthorityDep, next: str = "/") -> Response:
    """Send the browser to the office's login, and remember in a signed cookie what was asked."""
    try:
        back = _address(request, authority, "/login/callback")
        to, waiting = await _provider(authority).begin(back, _local(next))
    except ProblemError as problem:
        return _page(authority, next, problem)
    response = RedirectResponse(to, status_code=303)
    _remember(response, request, authority, (_WAITING, waiting, "/login"))
    return response


@router.get("/login/callback")
async def come_back(request: Request, authority: AuthorityDep) -> Response:
    """Open a session for who comes back from the office's login."""
    problem = _locked(authority, request)
    try:
        if problem is not None:
            raise problem
        provider = _provider(authority)
        waiting = request.cookies.get(_WAITING, "")
        arrival = await provider.finish(waiting, request.query_params)
        cookie = await run_in_threadpool(_admit, authority, arrival)
    except ProblemError as refused:
        if refused.code == "login_failed":
            authority.rates.fail(address_of(request))
        response = _page(authority, "/", refused)
    else:
        response = _welcome(request, authority, cookie, arrival.wanted)
    response.delete_cookie(_WAITING, path="/login")
    return response


def _admit(authority: Authority, arrival: Arrival) -> str:
    if not authority.has_tenant(arrival.identity.tenant):
        raise ProblemError(
            "login_failed", "账号所属的单位没有登记。请管理员用 hecha tenants create 登记。"
        )
    return authority.open_for(arrival.identity, arrival.id_token)


def _provider(authority: Authority) -> OpenId:
    if authority.provider is None:
        raise ProblemError("login_unavailable", "没有设置统一登录。请用密钥登录。")
    return authority.provider


def _locked(authority: Authority, request: Request) -> ProblemError | None:
    hit = authority.rates.locked(address_of(request))
    return None if hit is None else too_many(hit)


def _welcome(request: Request, authority: Authority, cookie: str, wanted: str) -> Response:
    response = RedirectResponse(_local(wanted), status_code=303)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=round(authority.settings.session_hours * 3600),
        secure=_is_secure(request, authority),
        httponly=True,
        samesite="lax",
    )
    return response


def _remember(
    response: Response, request: Request, authority: Authority, cookie: tuple[str, str, str]
) -> None:
    """Keep, for as long as someone may be away, a cookie: its name, its value, its path."""
    name, value, path = cookie
    response.set_cookie(
        name,
        value,
        max_age=WAITING_SECONDS,
        path=path,
        secure=_is_secure(request, authority),
        httponly=True,
        samesite="lax",
    )


def _page(
    authority: Authority,
    wanted: str,
    problem: ProblemError | None = None,
    *,
    has_left: bool = False,
) -> Response:
    if problem is not None:
        _log.info("problem %s", problem.code)
    local = _local(wanted)
    return render_page(
        "login.html",
        status=200 if problem is None else problem.status_code,
        headers=None if problem is None else problem.headers,
        problem=None if problem is None else problem_of(problem),
        has_left=has_left,
        has_oidc=authority.provider is not None,
        next=local,
        query=urlencode({"next": local}),
    )


def _local(wanted: str) -> str:
    """Return a place of our own to go on to, whatever was asked for."""
    is_local = wanted.startswith("/") and not wanted.startswith(("//", "/\\", "/login"))
    return wanted if is_local and wanted.isprintable() else "/"


def _address(request: Request, authority: Authority, path: str) -> str:
    """Return a place of ours as the office's login is to send the browser to it."""
    base = authority.settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
    return f"{base}{path}"


def _is_secure(request: Request, authority: Authority) -> bool:
    public = authority.settings.public_url or ""
    return request.url.scheme == "https" or public.startswith("https:")
