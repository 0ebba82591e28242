"""Settings of the service, read from environment variables that begin with `HECHA_`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from extractor.formats.limits import DEFAULT_LIMITS, Limits, limits_from
from models import DEFAULT_TAGGER

IN_MEMORY: Final = ":memory:"
"""The database name that keeps everything in memory until the service stops."""


class Settings(BaseSettings):
    """What an installation may change; each field is `HECHA_` + its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="HECHA_", frozen=True, extra="ignore")

    max_upload_mb: int = Field(
        default=50, ge=1, le=1024, description="单个文件的大小上限（MiB）；超过则回答 413"
    )
    database: str = Field(
        default=IN_MEMORY,
        min_length=1,
        description="SQLite 数据库文件的路径；默认只存在内存里，服务停止即消失",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("127.0.0.1", "localhost", "::1"),
        min_length=1,
        description="允许的访问主机名（Host，不含端口），用逗号隔开；`*` 表示不检查",
    )

    limits: Annotated[Limits, NoDecode] = Field(
        default=DEFAULT_LIMITS,
        description="解析限额，写作 名称=数值，用逗号隔开，例如 max_pages=5000；见 docs/formats.md",
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

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part for host in value.split(",") if (part := host.strip().lower()))
        return value

    @property
    def max_upload_bytes(self) -> int:
        """The upload limit in bytes."""
        return self.max_upload_mb * 1024 * 1024
