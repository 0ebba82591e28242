"""Full-text search over documents and the rows read from them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.problems import ProblemError
from api.routes import examples
from api.routes.cursors import seal, unseal
from api.routes.dependencies import ServicesDep, TenantDep
from api.routes.openapi_docs import example, problems
from api.store import searching
from api.store.acting import shown
from api.store.searching import GROUPS, Narrowing, Place, SearchHit
from api.store.words import EntryKind
from extractor.extraction import DocumentKind

router = APIRouter(tags=["检索"])


class SearchPage(BaseModel):
    """One page of hits, the best first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hits: list[SearchHit]
    next_cursor: str | None = Field(description="下一页的 cursor；没有下一页时为 null")


class SearchQuery(BaseModel):
    """What to search for, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    q: str = Field(
        max_length=200,
        description="要找的词，用空格隔开，都要有；引号里的字要照原样连着",
        examples=["禾山县 “高处坠落”"],
    )
    type: EntryKind | None = Field(
        default=None,
        description="只找这一种：document 标题和文号等；text 全文；party 责任主体；penalty 处理；"
        "measure 整改措施；problem 问题；suggestion 工作建议",
        examples=["penalty"],
    )
    kind: DocumentKind | None = Field(default=None, description="只找这种文书", examples=["INV"])
    case: str | None = Field(
        default=None, max_length=40, description="只找这个案卷", examples=[examples.CASE_ID]
    )
    date_from: date | None = Field(
        default=None, description="只找这一天（含）以后的文件", examples=["2024-01-01"]
    )
    date_to: date | None = Field(
        default=None, description="只找这一天（含）以前的文件", examples=["2024-12-31"]
    )
    limit: int = Field(default=20, ge=1, le=100, description="每页的条数", examples=[20])
    cursor: str | None = Field(
        default=None, description="上一页的 next_cursor", examples=["MS01Nw"]
    )

    def narrowing(self) -> Narrowing:
        """Return where the store is to look."""
        return Narrowing(
            type=self.type,
            kind=self.kind,
            case=self.case,
            date_from=None if self.date_from is None else self.date_from.isoformat(),
            date_to=None if self.date_to is None else self.date_to.isoformat(),
        )


EXAMPLES: Final[dict[str, BaseModel]] = {
    "search_page": SearchPage(hits=[examples.HIT], next_cursor="MS01Nw")
}


@router.get(
    "/v1/search",
    summary="检索文件和从中读出的各行",
    response_description="一页命中，相关的在前",
    responses={
        200: example("search_page"),
        **problems("request_invalid", "cursor_invalid", "not_ready"),
    },
)
def search(
    services: ServicesDep, tenant: TenantDep, wanted: Annotated[SearchQuery, Query()]
) -> SearchPage:
    """在标题、文号、全文、责任主体、处理、整改措施、问题和建议里找；任何文字都可以作为检索词。

    标题和文号里命中的在前，其次是读出的各行，再次是全文；同类里新读完的在前。
    翻页时新读完的文件不会使后面的页错位。
    """
    place = None if wanted.cursor is None else _place_at(wanted.cursor)
    with services.database.read() as connection:
        hits, following = searching.search(
            connection, tenant, wanted.q, wanted.limit, wanted.narrowing(), place
        )
    shown(*(each.document for each in hits))
    return SearchPage(hits=hits, next_cursor=None if following is None else _cursor(following))


def _cursor(place: Place) -> str:
    return seal(f"{place.group}-{place.before}")


def _place_at(cursor: str) -> Place:
    try:
        group, before = (int(part) for part in unseal(cursor).split("-"))
    except ValueError as exc:
        raise ProblemError("cursor_invalid") from exc
    if not (0 <= group < len(GROUPS) and 0 < before < 1 << 62):
        raise ProblemError("cursor_invalid")
    return Place(group, before)
