"""The commands of administrators: `hecha keys`, `hecha tenants`, `hecha audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from api import administering
from api.console import ChineseCommand, ChineseGroup


def _group(purpose: str) -> typer.Typer:
    return typer.Typer(cls=ChineseGroup, help=purpose, no_args_is_help=True, rich_markup_mode=None)


keys = _group("新建、列出、吊销 HTTP 接口的密钥。")
tenants = _group("登记、列出单位：几个单位共用一个服务，互相看不见对方的文件。")
audit = _group("核对、导出审计记录：谁在何时查看、改动了什么。")

GROUPS: Final[dict[str, Any]] = {"keys": keys, "tenants": tenants, "audit": audit}


@keys.command("create", cls=ChineseCommand)
def create_key(
    name: Annotated[str, typer.Argument(metavar="名称", help="给人看的名称，例如哪个系统在用")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="权限",
            help="read、upload、review、admin，可以重复；不写是 read 和 upload",
        ),
    ] = None,
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="代号", help="哪个单位的，默认 default")
    ] = "default",
    days: Annotated[
        int | None,
        typer.Option("--days", metavar="天数", min=1, max=3650, help="多少天后到期；不写则不到期"),
    ] = None,
) -> None:
    """新建密钥，打印一次。服务只保存它的哈希，遗失了就吊销、另建。"""
    wishes = administering.KeyWishes(name, scope or ["read", "upload"], tenant, days)
    raise typer.Exit(administering.run_keys_create(wishes))


@keys.command("list", cls=ChineseCommand)
def list_keys() -> None:
    """列出全部密钥：权限、到期、最近使用；不含密钥本身。"""
    raise typer.Exit(administering.run_keys_list())


@keys.command("revoke", cls=ChineseCommand)
def revoke_key(
    key: Annotated[str, typer.Argument(metavar="编号", help="hecha keys list 里的编号")],
) -> None:
    """吊销密钥，不可恢复；用它登录的网页也退出。"""
    raise typer.Exit(administering.run_keys_revoke(key))


@tenants.command("create", cls=ChineseCommand)
def create_tenant(
    tenant: Annotated[
        str, typer.Argument(metavar="代号", help="小写字母、数字、-、_，最多 40 个字符")
    ],
    name: Annotated[str, typer.Option("--name", metavar="名称", help="单位名称")] = "",
) -> None:
    """登记一个单位。"""
    raise typer.Exit(administering.run_tenants_create(tenant, name))


@tenants.command("list", cls=ChineseCommand)
def list_tenants() -> None:
    """列出全部单位。"""
    raise typer.Exit(administering.run_tenants_list())


@audit.command("verify", cls=ChineseCommand)
def verify_audit(
    known: Annotated[
        str | None,
        typer.Option("--known", metavar="序号:哈希", help="上次抄下的最后一条，核对末尾有没有被删"),
    ] = None,
) -> None:
    """重新计算审计记录的哈希链，指出第一条被改、被删的。完整时退出码为 0，否则为 1。"""
    raise typer.Exit(administering.run_audit_verify(known))


@audit.command("export", cls=ChineseCommand)
def export_audit(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="文件.jsonl", help="保存为；不写就打印"),
    ] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="代号", help="只要这个单位的；不写是全部")
    ] = None,
) -> None:
    """导出审计记录，JSON Lines，每行一条。"""
    raise typer.Exit(administering.run_audit_export(output, tenant))
