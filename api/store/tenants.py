"""The tenants: offices that share one installation and see nothing of each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert, select

from api.store.audit import note
from api.store.ids import now
from api.store.schema import TENANTS

_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class TenantError(ValueError):
    """The tenant cannot be made; in Chinese."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """An office; `created_at` is in microseconds."""

    id: str
    name: str
    created_at: int


def create(connection: Connection, tenant: str, name: str) -> Tenant:
    """Make a tenant.

    Raises:
        TenantError: the id is not well formed, or taken.
    """
    if not _ID.fullmatch(tenant):
        raise TenantError("单位代号只能用小写字母、数字、-、_，以字母或数字开头，最多 40 个字符。")
    if exists(connection, tenant):
        raise TenantError(f"已有代号为 {tenant} 的单位。请换一个代号。")
    row = {"id": tenant, "name": name, "created_at": now()}
    connection.execute(insert(TENANTS).values(row))
    note(connection, tenant, "tenant.created", tenant)
    return Tenant(**row)  # type: ignore[arg-type]


def listing(connection: Connection) -> Sequence[Tenant]:
    """Return all tenants."""
    found = connection.execute(select(TENANTS).order_by(TENANTS.c.id))
    return [Tenant(row.id, row.name, row.created_at) for row in found]


def exists(connection: Connection, tenant: str) -> bool:
    """Tell whether there is such a tenant."""
    query = select(TENANTS.c.id).where(TENANTS.c.id == tenant)
    return connection.execute(query).first() is not None
