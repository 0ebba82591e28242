"""What a key or a person may do, and the roles of a login that stand for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

SCOPES: Final[Mapping[str, str]] = {
    "read": "查看和下载",
    "upload": "上传、重新读取",
    "review": "改正、删除文件",
    "admin": "以上全部，以及管理密钥、查看审计记录",
}
"""All scopes, and what each allows; `admin` includes the others, none of those another."""

ADMIN: Final = "admin"

USUAL_ROLES: Final[Mapping[str, frozenset[str]]] = {
    f"hecha-{scope}": frozenset({scope}) for scope in SCOPES
}
"""What a role allows where the settings do not say."""


def covers(scopes: Collection[str], wanted: str | None) -> bool:
    """Tell whether who has these scopes may do what asks for `wanted`."""
    return wanted is None or wanted in scopes or ADMIN in scopes


def roles_from(text: str) -> dict[str, frozenset[str]]:
    """Read which role has which scopes: role=scope+scope, apart by commas.

    Raises:
        ValueError: it is not written so, or a scope is unknown; in Chinese.
    """
    roles = {}
    for part in text.split(","):
        role, separator, scopes = part.partition("=")
        wanted = frozenset(scope.strip() for scope in scopes.split("+"))
        if not role.strip() or not separator or not wanted <= set(SCOPES):
            raise ValueError(f"要写成 角色=权限+权限，权限有 {'、'.join(SCOPES)}")
        roles[role.strip()] = wanted
    return roles
