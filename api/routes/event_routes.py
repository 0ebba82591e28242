"""The feed of events, for systems that poll."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from time import monotonic
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from api.routes import examples
from api.routes.cursors import cursor_of, position_of
from api.routes.dependencies import ServicesDep, TenantDep
from api.routes.openapi_docs import example, problems
from api.services import Services
from api.store import feed
from api.store.documents import moment_of
from api.store.feed import EVENT_TYPES, Event, Written

router = APIRouter(tags=["事件"])

_LOOK_AGAIN: Final = 0.5
_ANY_TYPE: Final = "|".join(EVENT_TYPES).replace(".", "[.]")


def _known(name: str) -> str:
    if name not in EVENT_TYPES:
        raise ValueError(name)
    return name


EventType = Annotated[
    str, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(EVENT_TYPES)})
]
"""The type of an event, one of `EVENT_TYPES`."""


class EventPage(BaseModel):
    """The next events of the feed, in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: list[Event]
    next_cursor: str | None = Field(
        description="下一次的 after；还没有任何事件、也没有给 after 时为 null"
    )
    has_more: bool = Field(description="后面还有，可以马上再取")


class EventsQuery(BaseModel):
    """Which events to give."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: str | None = Field(
        default=None,
        description="上一次的 next_cursor；不给就从保留的最早的事件开始",
        examples=["MTc"],
    )
    limit: int = Field(default=100, ge=1, le=1000, description="最多几个事件", examples=[100])
    types: str = Field(
        default="",
        max_length=2000,
        pattern=f"^(({_ANY_TYPE})(,({_ANY_TYPE}))*)?$",
        description="只要这些类型的，用逗号隔开；默认全部",
        examples=["document.succeeded,document.failed"],
    )
    wait: float = Field(
        default=0.0,
        ge=0,
        le=30,
        description="还没有新的事件时，最多等几秒再应答",
        examples=[20],
    )

    @property
    def wanted(self) -> list[str]:
        """The types that are wanted; none is all."""
        return [part for part in self.types.split(",") if part]


_EVENT: Final = Event(
    cursor="MTg",
    type="document.succeeded",
    at=datetime(2025, 3, 6, 1, 20, 7, tzinfo=UTC),
    subject=examples.DOCUMENT_ID,
    data={"status": "succeeded", "version": "0.1.0-3fa9c2d1", "kind": "INV"},
)

EXAMPLES: Final[dict[str, BaseModel]] = {
    "events": EventPage(events=[_EVENT], next_cursor="MTg", has_more=False)
}


@router.get(
    "/v1/events",
    summary="取事件",
    response_description="后面的事件，按发生的先后",
    responses={
        200: example("events"),
        **problems("events_forgotten", "request_invalid", "cursor_invalid", "not_ready"),
    },
)
async def list_events(
    request: Request,
    services: ServicesDep,
    tenant: TenantDep,
    wanted: Annotated[EventsQuery, Query()],
) -> EventPage:
    """发生的一切变化，按先后给出，不会跳过，也不会重复；记下 next_cursor，下次接着取。

    给了 wait 时，没有新事件就等一等（长轮询）。接收推送更方便，见 /v1/webhooks 。
    """
    after = None if wanted.after is None else position_of(wanted.after)
    deadline = monotonic() + wanted.wait
    while True:
        page = await run_in_threadpool(_page, services, tenant, after, wanted)
        left = deadline - monotonic()
        if page.events or left <= 0 or await request.is_disconnected():
            return page
        await asyncio.sleep(min(_LOOK_AGAIN, left))


def _page(services: Services, tenant: str, after: int | None, wanted: EventsQuery) -> EventPage:
    with services.database.read() as connection:
        found, going_on, has_more = feed.following(
            connection, tenant, after, wanted.limit, wanted.wanted
        )
    return EventPage(
        events=[_shown(each) for each in found],
        next_cursor=None if going_on is None else cursor_of(going_on),
        has_more=has_more,
    )


def _shown(event: Written) -> Event:
    return Event(
        cursor=cursor_of(event.seq),
        type=event.type,
        at=moment_of(event.at),
        subject=event.subject,
        data=event.data,
    )
