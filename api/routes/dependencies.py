"""What routes ask for in their signatures."""

from __future__ import annotations

from typing import Annotated, Final, TypeVar, cast

from fastapi import Depends, Path, Request

from api.access.authority import Authority
from api.access.callers import Identity
from api.problems import ProblemError
from api.services import Services
from api.store.documents import DocumentEntry

T = TypeVar("T")

RETRY_SECONDS: Final = 2
"""After how many seconds it is worth asking again for a document that is being read."""


def _services(request: Request) -> Services:
    return cast(Services, request.state.services)


def _tenant(request: Request) -> str:
    return _identity(request).tenant


def _identity(request: Request) -> Identity:
    return cast(Identity, request.state.identity)


def _authority(request: Request) -> Authority:
    return cast(Authority, request.state.authority)


ServicesDep = Annotated[Services, Depends(_services)]
TenantDep = Annotated[str, Depends(_tenant)]
IdentityDep = Annotated[Identity, Depends(_identity)]
AuthorityDep = Annotated[Authority, Depends(_authority)]
DocumentId = Annotated[str, Path(description="文件编号：文件字节的 SHA-256，64 位小写十六进制")]


def found(value: T | None) -> T:
    """Return what the store found.

    Raises:
        ProblemError: it found nothing (`document_not_found`).
    """
    if value is None:
        raise ProblemError("document_not_found")
    return value


def why_unread(entry: DocumentEntry | None, what: str = "这份文件") -> ProblemError:
    """Return the problem of a document without a result: not there, not yet read, or unreadable."""
    if entry is None:
        return ProblemError("document_not_found")
    if entry.status == "failed" and entry.error is not None:
        return ProblemError("document_failed", f"{what}没有读成：{entry.error.message}")
    if entry.status == "cancelled":
        return ProblemError("document_failed", f"{what}的读取已取消。需要时请重新读取。")
    return ProblemError(
        "document_not_ready",
        f"{what}还在排队或正在读取。请稍后再试，进度见 /v1/documents/{entry.id} 。",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )
