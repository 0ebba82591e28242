"""What routes ask for in their signatures."""

from __future__ import annotations

from typing import Annotated, TypeVar, cast

from fastapi import Depends, Path, Request

from api.intake import Intake
from api.problems import ProblemError
from api.reader import Reader
from api.store.document_store import Store

T = TypeVar("T")


def _intake(request: Request) -> Intake:
    return cast(Intake, request.state.intake)


def _store(request: Request) -> Store:
    return _intake(request).store


def _reader(request: Request) -> Reader:
    return _intake(request).reader


IntakeDep = Annotated[Intake, Depends(_intake)]
StoreDep = Annotated[Store, Depends(_store)]
ReaderDep = Annotated[Reader, Depends(_reader)]
DocumentId = Annotated[str, Path(description="文件编号：文件字节的 SHA-256，64 位小写十六进制")]


def found(value: T | None) -> T:
    """Return what the store found.

    Raises:
        ProblemError: it found nothing (`document_not_found`).
    """
    if value is None:
        raise ProblemError("document_not_found")
    return value
