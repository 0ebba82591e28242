"""Settings of the service, read from environment variables that begin with `HECHA_`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from limits import parse
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import URL

from api.scopes import USUAL_ROLES, roles_from
from api.sealing import Sealer, parse_keys
from api.store.database import database_url
from api.telemetry.logs import LogForm, LogLevel
from extractor.formats.limits import DEFAULT_LIMITS, Limits, limits_from
from models import DEFAULT_TAGGER

DATABASE_FILE: Final = "hecha.db"
KEY_FILE: Final = "secret.key"


def usual_data_folder() -> Path:
    """Return where this system keeps the data of a program for its user: …/hecha."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "hecha"


class Settings(BaseSettings):
    """What an installation may change; each field is `HECHA_` + its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="HECHA_", frozen=True, extra="ignore")

    data: Path = Field(
        default_factory=usual_data_folder,
        description="数据文件夹：数据库和文件默认都放在这里；默认是系统给每个用户的数据文件夹",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="数据库地址；默认是数据文件夹里的 SQLite，也可用 postgresql://用户:密码@主机/库名",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="主密钥，数据库里的推送密钥用它封存：32 个随机字节的 base64；"
        "默认在数据文件夹的 secret.key 里，用 PostgreSQL 时要设置；换的时候新的写在前面，逗号隔开",
    )
    files: str | None = Field(
        default=None,
        min_length=1,
        description="文件存放位置：文件夹，或 s3://桶/前缀；默认是数据文件夹里的 files",
    )
    workers: int | None = Field(
        default=None,
        ge=0,
        le=256,
        description="同时读取几份文件；默认与处理器个数相同，0 表示只应答、不读取",
    )
    stop_seconds: float = Field(
        default=20.0,
        ge=0,
        le=3600,
        description="停止时最多等正在读的文件多少秒；没读完的放回队列，下次启动再读",
    )
    max_upload_mb: int = Field(
        default=50, ge=1, le=1024, description="单个文件的大小上限（MiB）；超过则回答 413"
    )
    max_batch_mb: int = Field(
        default=200, ge=1, le=4096, description="一个批次的压缩包的大小上限（MiB）"
    )
    folders: Annotated[tuple[tuple[str, Path], ...], NoDecode] = Field(
        default=(),
        description="批次可以读取的文件夹，写作 名称=路径，用逗号隔开；不在这里的文件夹都不能读",
    )
    webhook_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="推送可以发给的内部主机名或地址，用逗号隔开；对它们也允许 http",
    )
    events_days: int = Field(default=30, ge=2, le=3650, description="事件和推送记录保留多少天")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("127.0.0.1", "localhost", "::1"),
        min_length=1,
        description="允许的访问主机名（Host，不含端口），用逗号隔开；`*` 表示不检查",
    )

    access: Literal["keys", "open"] = Field(
        default="keys",
        description="keys 都要密钥或登录；open 从本机来的访问不用，只能监听本机地址",
    )
    session_hours: float = Field(
        default=12.0, gt=0, le=720, description="网页登录多少小时后要重新登录"
    )
    rate_limit: str = Field(
        default="6000/minute", description="每个密钥或账号最多多少次请求；none 表示不限"
    )
    rate_limit_unknown: str = Field(
        default="120/minute", description="没有密钥的访问，每个地址最多多少次；none 表示不限"
    )
    rate_limit_logins: str = Field(
        default="10/minute", description="密钥不对或登录失败，每个地址最多多少次；none 表示不限"
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/]+$",
        description="浏览器看到的服务地址，例如 https://hecha.example；默认取自请求",
    )
    oidc_issuer: str | None = Field(
        default=None,
        pattern=r"^(https://|http://(127\.0\.0\.1|localhost|\[::1\])[:/])",
        description="统一登录（OpenID Connect）的签发者地址；不写则只用密钥登录",
    )
    oidc_client_id: str = Field(default="hecha", min_length=1, description="在统一登录登记的编号")
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="在统一登录登记的密码；没有则只用 PKCE"
    )
    oidc_roles_claim: str = Field(
        default="roles",
        min_length=1,
        description="角色在哪个字段里，可以用点隔开，例如 realm_access.roles",
    )
    oidc_roles: Annotated[Mapping[str, frozenset[str]], NoDecode] = Field(
        default=USUAL_ROLES,
        description="角色对应的权限，写作 角色=权限+权限，用逗号隔开",
    )
    oidc_logout: Literal["provider", "local"] = Field(
        default="provider",
        description="退出时：provider 同时退出单位的统一登录（它支持的话），local 只退出这里",
    )
    oidc_tenant_claim: str | None = Field(
        default=None, min_length=1, description="单位代号在哪个字段里；不写则都属于 default"
    )

    limits: Annotated[Limits, NoDecode] = Field(
        default=DEFAULT_LIMITS,
        description="解析限额，写作 名称=数值，用逗号隔开，例如 max_pages=5000；见 docs/formats.md",
    )

    log: LogForm = Field(
        default="text", description="日志的形式：text 给人看，json 每行一个 JSON 对象"
    )
    log_level: LogLevel = Field(
        default="warning", description="日志的级别：debug、info（每个请求一行）、warning、error"
    )
    metrics: Literal["loopback", "all", "off"] = Field(
        default="loopback",
        description="谁可以取 /metrics：loopback 只有本机，all 所有能访问的，off 没有人",
    )
    retention_days: int | None = Field(
        default=None, ge=1, le=36_500, description="收到多少天后删除文件；默认一直保留"
    )

    tagger: str = Field(
        default=DEFAULT_TAGGER,
        min_length=1,
        description="识别模型：transformer、none（只用规则）、lac、spacy、jieba 或模型文件夹",
    )

    @field_validator("limits", mode="before")
    @classmethod
    def _read_limits(cls, value: object) -> object:
        return limits_from(value) if isinstance(value, str) else value

    @field_validator("folders", mode="before")
    @classmethod
    def _split_folders(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",") if part.strip()]
        pairs = [tuple(piece.strip() for piece in part.partition("=")[::2]) for part in parts]
        names = [name for name, _ in pairs]
        if not all(name and path for name, path in pairs) or len(set(names)) < len(names):
            raise ValueError("HECHA_FOLDERS 要写成 名称=路径，用逗号隔开，名称不能重复。")
        return tuple(pairs)

    @field_validator("rate_limit", "rate_limit_unknown", "rate_limit_logins")
    @classmethod
    def _check_limit(cls, value: str) -> str:
        if value != "none":
            parse(value)
        return value

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _read_roles(cls, value: object) -> object:
        return roles_from(value) if isinstance(value, str) else value

    @field_validator("allowed_hosts", "webhook_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part for host in value.split(",") if (part := host.strip().lower()))
        return value

    @field_validator("secret_key")
    @classmethod
    def _check_secret_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not parse_keys(value.get_secret_value()):
            raise ValueError("HECHA_SECRET_KEY 是空的。")
        return value

    @field_validator("database_url")
    @classmethod
    def _check_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            database_url(value.get_secret_value())
        return value

    @property
    def max_upload_bytes(self) -> int:
        """The upload limit in bytes."""
        return self.max_upload_mb * 1024 * 1024

    @property
    def max_batch_bytes(self) -> int:
        """The limit of the archive of a batch in bytes."""
        return self.max_batch_mb * 1024 * 1024

    @property
    def database(self) -> URL:
        """Where the database is."""
        if self.database_url is not None:
            return database_url(self.database_url.get_secret_value())
        return URL.create("sqlite", database=str(self.data.absolute() / DATABASE_FILE))

    @property
    def sealer(self) -> Sealer:
        """What seals secrets; without HECHA_SECRET_KEY, by a key file beside the data.

        It makes that file beside SQLite alone: other machines share a PostgreSQL, but not a file.
        """
        given = () if self.secret_key is None else parse_keys(self.secret_key.get_secret_value())
        makes = self.database.get_backend_name() == "sqlite"
        return Sealer(self.data.absolute() / KEY_FILE, given, makes=makes)

    @property
    def files_place(self) -> str:
        """Where the files are: a folder or a URL."""
        return self.files if self.files is not None else str(self.data.absolute() / "files")
