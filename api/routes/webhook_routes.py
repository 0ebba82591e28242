"""The webhooks: where events are sent to, and what came of every message."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from api.problems import ProblemError
from api.routes import examples
from api.routes.cursors import cursor_of, position_of
from api.routes.dependencies import ServicesDep, TenantDep
from api.routes.event_routes import EventType
from api.routes.openapi_docs import example, problems
from api.safe_network import check_url, checked_addresses
from api.services import Services
from api.store import outbox, webhooks
from api.store.outbox import Delivery, DeliveryStatus
from api.store.webhooks import OVERLAP_HOURS, Change, NewWebhook, Webhook

router = APIRouter(tags=["推送"])

_ID: Final = "0195a1c9-2b70-7f15-8c21-5d0e9a7c3b42"
WebhookId = Annotated[str, Path(max_length=40, description="推送编号", examples=[_ID])]
IfUnchanged = Annotated[
    str | None, Header(description="上次得到的 ETag：已被别人改过就不改", examples=['"1"'])
]
_URL: Final = "https://cases.example.gov.cn/hecha"
_TYPES: Final = ["document.succeeded", "document.failed", "batch.finished"]


class WebhookRequest(BaseModel):
    """A webhook that is to be made."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"url": _URL, "types": ["batch.finished"]}]},
    )

    url: str = Field(
        min_length=1, max_length=2000, description="接收方的地址，https", examples=[_URL]
    )
    types: list[EventType] = Field(
        default=[], max_length=50, description="推送哪些事件；空列表是全部", examples=[_TYPES]
    )
    description: str | None = Field(
        default=None, max_length=500, description="备注", examples=["案件系统"]
    )


class WebhookChange(BaseModel):
    """What of a webhook is to be changed; what is left out stays."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"enabled": True}]}
    )

    url: str | None = Field(default=None, min_length=1, max_length=2000, examples=[_URL])
    types: list[EventType] | None = Field(default=None, max_length=50, examples=[_TYPES])
    description: str | None = Field(default=None, max_length=500, examples=["案件系统"])
    enabled: bool | None = Field(
        default=None, description="false 停用；true 重新启用", examples=[True]
    )


class SecretRotation(BaseModel):
    """How a secret is to be replaced."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"overlap_hours": OVERLAP_HOURS}]},
    )

    overlap_hours: int = Field(
        default=OVERLAP_HOURS,
        ge=0,
        le=168,
        description="旧密钥还一起签名多少小时；旧密钥已泄露时写 0，立即作废",
        examples=[OVERLAP_HOURS],
    )


_USUAL_ROTATION: Final = SecretRotation()


class WebhookList(BaseModel):
    """The webhooks, the oldest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    webhooks: list[Webhook]


class DeliveryPage(BaseModel):
    """One page of the messages to a webhook, newest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deliveries: list[Delivery]
    next_cursor: str | None = Field(description="下一页的 cursor；没有下一页时为 null")


_WEBHOOK: Final = Webhook(
    id=_ID,
    url=_URL,
    types=_TYPES,
    description="案件系统",
    created_at=datetime(2025, 3, 1, 2, 0, 0, tzinfo=UTC),
    revision=1,
)
_DELIVERED: Final = Delivery(
    id="msg_5f2b8c0d9e1a47b3a6c4d2e0f1b39587",
    event="document.succeeded",
    subject=examples.DOCUMENT_ID,
    status="delivered",
    tries=1,
    created_at=datetime(2025, 3, 6, 1, 20, 7, tzinfo=UTC),
    last_at=datetime(2025, 3, 6, 1, 20, 8, tzinfo=UTC),
    last_status=204,
    delivered_at=datetime(2025, 3, 6, 1, 20, 8, tzinfo=UTC),
)
_QUEUED: Final = Delivery(
    id="msg_0a9b8c7d6e5f40312213f4e5d6c7b8a9",
    event="webhook.test",
    subject=_ID,
    status="pending",
    tries=0,
    created_at=datetime(2025, 3, 6, 1, 30, 0, tzinfo=UTC),
    next_at=datetime(2025, 3, 6, 1, 30, 0, tzinfo=UTC),
)

EXAMPLES: Final[dict[str, BaseModel]] = {
    "webhook": _WEBHOOK,
    "new_webhook": NewWebhook(
        webhook=_WEBHOOK,
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",  # noqa: S106 - an example
    ),
    "rotated_webhook": NewWebhook(
        webhook=_WEBHOOK.model_copy(
            update={
                "revision": 2,
                "previous_secret_until": datetime(2025, 3, 7, 2, 0, 0, tzinfo=UTC),
            }
        ),
        secret="whsec_wZ1vQ9d0Yk3R7sJ2mB5xN8cT4hL6pF0gK1aW3eV5oXQ=",  # noqa: S106 - an example
    ),
    "changed_webhook": _WEBHOOK.model_copy(update={"revision": 2}),
    "webhooks": WebhookList(webhooks=[_WEBHOOK]),
    "deliveries": DeliveryPage(deliveries=[_DELIVERED], next_cursor=None),
    "delivery": _QUEUED,
}
_ETAG: Final[dict[str, Any]] = {
    "ETag": {
        "description": "修改时放在 If-Match 里",
        "schema": {"type": "string"},
        "example": '"1"',
    }
}
_CHANGES: Final = ("cross_site_refused", "request_invalid", "not_ready", "storage_full")


@router.post(
    "/v1/webhooks",
    summary="新建一个推送",
    status_code=201,
    response_description="推送和它的密钥",
    responses={
        201: {**example("new_webhook"), "headers": _ETAG},
        **problems("webhooks_too_many", "webhook_url_refused", "secret_key_unusable", *_CHANGES),
    },
)
async def create_webhook(
    services: ServicesDep, tenant: TenantDep, wanted: WebhookRequest, response: Response
) -> NewWebhook:
    """有变化就发给这个地址，按 Standard Webhooks 签名。密钥只在这里给出一次。

    地址要用 https，不能在内部网络里；确需发给内部主机的，由管理员写进 HECHA_WEBHOOK_HOSTS。
    """
    await _check_address(services, wanted.url)

    def create() -> NewWebhook:
        with services.database.write() as connection:
            sealer = services.settings.sealer
            return webhooks.create(
                connection, sealer, tenant, wanted.url, wanted.types, wanted.description
            )

    made = await run_in_threadpool(create)
    response.headers["Location"] = f"/v1/webhooks/{made.webhook.id}"
    response.headers["ETag"] = _etag(made.webhook)
    return made


@router.get(
    "/v1/webhooks",
    summary="列出推送",
    response_description="全部推送，旧的在前",
    responses={200: example("webhooks"), **problems("not_ready")},
)
def list_webhooks(services: ServicesDep, tenant: TenantDep) -> WebhookList:
    """全部推送；不含密钥。"""
    with services.database.read() as connection:
        return WebhookList(webhooks=webhooks.listing(connection, tenant))


@router.get(
    "/v1/webhooks/{webhook_id}",
    summary="一个推送",
    response_description="推送，不含密钥",
    responses={
        200: {**example("webhook"), "headers": _ETAG},
        **problems("webhook_not_found", "request_invalid", "not_ready"),
    },
)
def get_webhook(
    services: ServicesDep, tenant: TenantDep, webhook_id: WebhookId, response: Response
) -> Webhook:
    """地址、事件类型、是否停用。"""
    with services.database.read() as connection:
        found = _found(webhooks.get(connection, tenant, webhook_id))
    response.headers["ETag"] = _etag(found)
    return found


@router.patch(
    "/v1/webhooks/{webhook_id}",
    summary="修改一个推送",
    response_description="修改以后的推送",
    responses={
        200: {**example("changed_webhook"), "headers": _ETAG},
        **problems("webhook_not_found", "webhook_url_refused", "precondition_failed", *_CHANGES),
    },
)
async def change_webhook(
    services: ServicesDep,
    tenant: TenantDep,
    webhook_id: WebhookId,
    wanted: WebhookChange,
    response: Response,
    if_match: IfUnchanged = None,
) -> Webhook:
    """没有写的不变；停用以后不再发，重新启用后只发新的事件，旧的可以逐条重发。"""
    if wanted.url is not None:
        await _check_address(services, wanted.url)
    change = Change(wanted.url, wanted.types, wanted.description, wanted.enabled)
    revision = _revision(if_match)

    def apply() -> Webhook | None:
        with services.database.write() as connection:
            return webhooks.change(connection, tenant, webhook_id, change, revision)

    found = _found(await run_in_threadpool(apply))
    response.headers["ETag"] = _etag(found)
    return found


@router.delete(
    "/v1/webhooks/{webhook_id}",
    summary="删除一个推送",
    status_code=204,
    response_description="已删除",
    responses=problems("webhook_not_found", *_CHANGES),
)
def delete_webhook(services: ServicesDep, tenant: TenantDep, webhook_id: WebhookId) -> None:
    """连同推送记录一起删除；还没有送到的不再发。"""
    with services.database.write() as connection:
        if not webhooks.remove(connection, tenant, webhook_id):
            raise ProblemError("webhook_not_found")


@router.post(
    "/v1/webhooks/{webhook_id}/rotate-secret",
    summary="换一个密钥",
    response_description="推送和它的新密钥",
    responses={
        200: {**example("rotated_webhook"), "headers": _ETAG},
        **problems("webhook_not_found", "precondition_failed", "secret_key_unusable", *_CHANGES),
    },
)
def rotate_secret(
    services: ServicesDep,
    tenant: TenantDep,
    webhook_id: WebhookId,
    response: Response,
    wanted: SecretRotation = _USUAL_ROTATION,
    if_match: IfUnchanged = None,
) -> NewWebhook:
    """新密钥只在这里给出一次。24 小时内（`overlap_hours`）的推送带新旧两个签名，之后只用新的。

    旧密钥还没有到期又换一次的，再早的那个立即作废。
    """
    sealer, revision = services.settings.sealer, _revision(if_match)
    with services.database.write() as connection:
        made = webhooks.rotate(
            connection, sealer, tenant, webhook_id, wanted.overlap_hours, revision
        )
    if made is None:
        raise ProblemError("webhook_not_found")
    response.headers["ETag"] = _etag(made.webhook)
    return made


@router.post(
    "/v1/webhooks/{webhook_id}/test",
    summary="试发一次",
    status_code=202,
    response_description="排队等待发送",
    responses={202: example("delivery"), **problems("webhook_not_found", *_CHANGES)},
)
def test_webhook(services: ServicesDep, tenant: TenantDep, webhook_id: WebhookId) -> Delivery:
    """发一个 webhook.test 事件，结果见推送记录。"""
    with services.database.write() as connection:
        sent = outbox.test(connection, tenant, webhook_id)
    if sent is None:
        raise ProblemError("webhook_not_found")
    return sent


@router.get(
    "/v1/webhooks/{webhook_id}/deliveries",
    summary="推送记录",
    response_description="一页推送记录，新的在前",
    responses={
        200: example("deliveries"),
        **problems("webhook_not_found", "request_invalid", "cursor_invalid", "not_ready"),
    },
)
def list_deliveries(
    services: ServicesDep,
    tenant: TenantDep,
    webhook_id: WebhookId,
    limit: Annotated[int, Query(ge=1, le=200, description="每页的条数", examples=[50])] = 50,
    cursor: Annotated[
        str | None, Query(description="上一页的 next_cursor", examples=["MTc"])
    ] = None,
    status: Annotated[
        DeliveryStatus | None, Query(description="只列这种状态的", examples=["failed"])
    ] = None,
) -> DeliveryPage:
    """每条消息试了几次、接收方的状态码、没有送到的原因、下次什么时候再试。"""
    before = None if cursor is None else position_of(cursor)
    with services.database.read() as connection:
        _found(webhooks.get(connection, tenant, webhook_id))
        found, following = outbox.deliveries(connection, tenant, webhook_id, limit, before, status)
    return DeliveryPage(
        deliveries=found, next_cursor=None if following is None else cursor_of(following)
    )


@router.post(
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    summary="重发一条",
    status_code=202,
    response_description="排队等待发送",
    responses={202: example("delivery"), **problems("delivery_not_found", *_CHANGES)},
)
def replay_delivery(
    services: ServicesDep,
    tenant: TenantDep,
    webhook_id: WebhookId,
    delivery_id: Annotated[str, Path(max_length=80, description="消息编号", examples=[_QUEUED.id])],
) -> Delivery:
    """再发一次，编号不变；送到过的也可以重发。"""
    with services.database.write() as connection:
        found = outbox.replay(connection, tenant, webhook_id, delivery_id)
    if found is None:
        raise ProblemError("delivery_not_found")
    return found


async def _check_address(services: Services, url: str) -> None:
    allowed = services.settings.webhook_hosts
    check_url(url, allowed)
    parts = urlsplit(url)
    await checked_addresses(parts.hostname or "", parts.port or 443, allowed)


def _found(webhook: Webhook | None) -> Webhook:
    if webhook is None:
        raise ProblemError("webhook_not_found")
    return webhook


def _etag(webhook: Webhook) -> str:
    return f'"{webhook.revision}"'


def _revision(if_match: str | None) -> int | None:
    """Return the revision that `If-Match` names; one that was never given matches none."""
    if if_match is None or if_match.strip() == "*":
        return None
    named = if_match.strip().strip('"')
    return int(named) if named.isascii() and named.isdigit() and len(named) < 10 else 0
