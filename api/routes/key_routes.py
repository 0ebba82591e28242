"""The keys of a tenant: make, list, revoke."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.problems import ProblemError
from api.routes.dependencies import AuthorityDep, ServicesDep, TenantDep
from api.routes.openapi_docs import example, problems
from api.store import api_keys
from api.store.api_keys import KeyEntry, MadeKey, ScopeName
from api.store.documents import microseconds_of

router = APIRouter(tags=["密钥"])

_MADE: Final = KeyEntry(
    id="0195a1c2-7d3e-7f10-9c55-2b1f6a0e4d21",
    name="档案系统",
    prefix="hk_Jx3vQ0bT",
    scopes=["read", "upload"],
    created_at=datetime(2025, 3, 6, 1, 20, 5, tzinfo=UTC),
    expires_at=datetime(2026, 3, 6, 1, 20, 5, tzinfo=UTC),
)


class KeyRequest(BaseModel):
    """A key that is to be made."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "档案系统", "scopes": ["read", "upload"], "days": 365}]
        },
    )

    name: str = Field(min_length=1, max_length=100, description="给人看的名称")
    scopes: list[ScopeName] = Field(min_length=1, max_length=4, description="权限")
    days: int | None = Field(default=None, ge=1, le=3650, description="多少天后到期；不写则不到期")


class KeyList(BaseModel):
    """All keys of the tenant, the oldest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: list[KeyEntry]


EXAMPLES: Final[dict[str, BaseModel]] = {
    "made_key": MadeKey(**_MADE.model_dump(), key="hk_Jx3vQ0bT（其余 38 个字符）"),
    "keys": KeyList(keys=[_MADE]),
    "revoked_key": _MADE.model_copy(
        update={"revoked_at": datetime(2025, 4, 1, 2, 0, 0, tzinfo=UTC)}
    ),
}


@router.post(
    "/v1/keys",
    summary="新建密钥",
    status_code=201,
    response_description="新的密钥，只在这一次给出",
    responses={
        201: example("made_key"),
        **problems("cross_site_refused", "upload_too_large", "request_invalid", "not_ready"),
    },
)
def create_key(services: ServicesDep, tenant: TenantDep, wanted: KeyRequest) -> MadeKey:
    """为一个对接的系统新建密钥。服务只保存它的哈希，遗失了就吊销、另建。"""
    expires_at = None
    if wanted.days is not None:
        expires_at = microseconds_of(datetime.now(UTC) + timedelta(days=wanted.days))
    with services.database.write() as connection:
        entry, key = api_keys.create(connection, tenant, wanted.name, wanted.scopes, expires_at)
    return MadeKey(**entry.model_dump(), key=key)


@router.get(
    "/v1/keys",
    summary="列出密钥",
    response_description="本单位的全部密钥，先建的在前",
    responses={200: example("keys"), **problems("not_ready")},
)
def list_keys(services: ServicesDep, tenant: TenantDep) -> KeyList:
    """名称、权限、到期、吊销和最近使用的时间；不含密钥本身。"""
    with services.database.read() as connection:
        return KeyList(keys=[entry for _, entry in api_keys.listing(connection, tenant)])


@router.delete(
    "/v1/keys/{key_id}",
    summary="吊销密钥",
    response_description="已吊销的密钥",
    responses={
        200: example("revoked_key"),
        **problems("key_not_found", "cross_site_refused", "not_ready"),
    },
)
def revoke_key(
    services: ServicesDep,
    authority: AuthorityDep,
    tenant: TenantDep,
    key_id: Annotated[str, Path(description="密钥的编号", examples=[_MADE.id])],
) -> KeyEntry:
    """立即停用，不可恢复；用它登录的网页也退出。其他进程里至多再认 5 秒。记录仍在列表里。"""
    with services.database.write() as connection:
        entry = api_keys.revoke(connection, tenant, key_id)
    if entry is None:
        raise ProblemError("key_not_found")
    authority.forget()
    return entry
