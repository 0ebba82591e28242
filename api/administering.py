"""What `hecha keys`, `hecha tenants` and `hecha audit` do; each returns its exit code."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer
from rich import box
from rich.table import Table

from api.console import FAILED, OK, say, show, wrong_use
from api.scopes import SCOPES

if TYPE_CHECKING:
    from api.store.database import Database

_DAY: Final = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class KeyWishes:
    """A key that is to be made; `days` is how long it may be used."""

    name: str
    scopes: Sequence[str]
    tenant: str
    days: int | None = None


def run_keys_create(wishes: KeyWishes) -> int:
    """Make a key and write it to stdout, alone on a line."""
    unknown = [scope for scope in wishes.scopes if scope not in SCOPES]
    if unknown:
        wrong_use(f"没有权限“{unknown[0]}”；权限有 {'、'.join(SCOPES)}")
    keys, tenants = _module("api_keys"), _module("tenants")
    with _database() as database:
        if database is None:
            return FAILED
        with database.write() as connection:
            if not tenants.exists(connection, wishes.tenant):
                say(f"没有单位 {wishes.tenant}。先用 hecha tenants create {wishes.tenant} 登记。")
                return FAILED
            until = None if wishes.days is None else _now() + wishes.days * _DAY
            entry, key = keys.create(connection, wishes.tenant, wishes.name, wishes.scopes, until)
    say(f"编号 {entry.id}，权限 {'、'.join(entry.scopes)}。密钥只显示这一次，请保管：")
    typer.echo(key)
    return OK


def run_keys_list() -> int:
    """Print all keys of all tenants."""
    with _database() as database:
        if database is None:
            return FAILED
        with database.read() as connection:
            found = _module("api_keys").listing(connection)
    table = _table("编号", "单位", "名称", "权限", "最近使用", "状态")
    for tenant, key in found:
        scopes = "、".join(key.scopes)
        table.add_row(key.id, tenant, key.name, scopes, _day(key.last_used_at), _state(key))
    show(table)
    return OK


def run_keys_revoke(key: str) -> int:
    """Revoke the key of this id, whichever tenant it belongs to."""
    keys = _module("api_keys")
    with _database() as database:
        if database is None:
            return FAILED
        with database.write() as connection:
            for tenant, entry in keys.listing(connection):
                if entry.id == key:
                    keys.revoke(connection, tenant, key)
                    say(f"已吊销 {entry.prefix}…（{entry.name}）。正在运行的服务 5 秒内不再认它。")
                    return OK
    say(f"没有编号为 {key} 的密钥。用 hecha keys list 查看编号。")
    return FAILED


def run_tenants_create(tenant: str, name: str) -> int:
    """Make a tenant."""
    tenants = _module("tenants")
    with _database() as database:
        if database is None:
            return FAILED
        try:
            with database.write() as connection:
                tenants.create(connection, tenant, name or tenant)
        except tenants.TenantError as error:
            say(str(error))
            return FAILED
    say(f"已登记单位 {tenant}。给它建密钥：hecha keys create 名称 --tenant {tenant}")
    return OK


def run_tenants_list() -> int:
    """Print all tenants."""
    with _database() as database:
        if database is None:
            return FAILED
        with database.read() as connection:
            found = _module("tenants").listing(connection)
    table = _table("代号", "名称", "登记时间")
    for tenant in found:
        table.add_row(tenant.id, tenant.name, _day(_time(tenant.created_at)))
    show(table)
    return OK


def run_audit_verify(known: str | None) -> int:
    """Compute the chain of the audit anew; name the first entry that is not right."""
    expected = None if known is None else _known(known)
    with _database() as database:
        if database is None:
            return FAILED
        with database.read() as connection:
            verdict = _module("audit").verify(connection, expected)
    if verdict.broken is not None:
        say(f"审计记录不完整：{verdict.why}。之前的 {verdict.rows} 条没有问题。")
        return FAILED
    say(f"审计记录完整，共 {verdict.rows} 条。抄下最后一条，以后用 --known 核对末尾有没有被删：")
    typer.echo(f"{verdict.rows}:{verdict.head}")
    return OK


def run_audit_export(output: Path | None, tenant: str | None) -> int:
    """Write the audit as JSON Lines, to a file or to stdout."""
    audit = _module("audit")
    with _database() as database:
        if database is None:
            return FAILED
        with database.read() as connection:
            lines = (_line(row) for row in audit.rows(connection, tenant))
            if output is None:
                for line in lines:
                    typer.echo(line)
                return OK
            try:
                with output.open("w", encoding="utf-8") as file:
                    count = sum(1 for line in lines if file.write(line + "\n"))
            except OSError as error:
                say(f"不能写 {output}（{error.strerror}）。请换一个位置。")
                return FAILED
    say(f"已导出 {count} 条：{output}")
    return OK


def _line(row: Any) -> str:
    entry = row._asdict()
    entry["at"] = _time(row.at).isoformat().replace("+00:00", "Z")
    # The number that the hash is made of stands beside the time that people read.
    return json.dumps({**entry, "at_microseconds": row.at}, ensure_ascii=False)


def _known(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not number.isdecimal() or len(digest) != 64 or len(number) > 15:
        wrong_use("--known 要写成 序号:哈希，即上次 hecha audit verify 打印的那一行")
    return int(number), digest


@contextmanager
def _database() -> Iterator[Database | None]:
    """Give the database of the settings; None, the reason being said, where that cannot be."""
    serving = import_module("api.serving")
    acting = _module("acting")
    try:
        import_module("api.wiring").wire()
        settings = import_module("api.settings").Settings()
        database: Database = _module("database").Database(settings.database)
        _module("migrating").migrate(database)
    except Exception as error:
        reasons = serving.reasons(error)
        if not reasons:
            raise
        for reason in reasons:
            say(f"不能打开数据库：{reason}")
        yield None
        return
    try:
        with acting.visiting(acting.Visit(acting.COMMAND_LINE)):
            yield database
    finally:
        database.close()


def _module(name: str) -> Any:
    # Loaded here: the other commands need no database.
    return import_module(f"api.store.{name}")


def _table(*heads: str) -> Table:
    table = Table(box=box.SIMPLE)
    for head in heads:
        table.add_column(head, no_wrap=head == "编号", overflow="fold")
    return table


def _state(key: Any) -> str:
    if key.revoked_at is not None:
        return "已吊销"
    is_over = key.expires_at is not None and key.expires_at <= datetime.now(UTC)
    if is_over:
        return "已到期"
    return "有效" if key.expires_at is None else f"有效至 {_day(key.expires_at)}"


def _day(at: datetime | None) -> str:
    return "—" if at is None else f"{at.astimezone():%Y-%m-%d}"


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1_000_000, UTC)


def _now() -> int:
    return time.time_ns() // 1000
