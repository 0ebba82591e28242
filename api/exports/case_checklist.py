"""The checklist of a case as the service gives it: with what it does not hold."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from api.store.documents import Status
from extractor.checklist.model import Checklist


class UnreadDocument(BaseModel):
    """A document of the case that is not in the checklist, because there is no result of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(description="文件编号")
    filename: str
    status: Status
    message: str


class CaseChecklist(Checklist):
    """The checklist of a case, and what of the case is not in it."""

    unread: list[UnreadDocument] = Field(
        default=[], description="案卷里还没有读出结果的文件；本清单没有包括它们"
    )
