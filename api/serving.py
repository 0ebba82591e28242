"""The commands `hecha serve` and `hecha worker`: start, say why not, stop in order."""

from __future__ import annotations

import errno
import logging
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from api.addresses import is_loopback
from api.console import FAILED, OK, say
from models import TaggerError

if TYPE_CHECKING:
    from api.services import Services

_ONE_PROCESS: Final = (
    "已有一个核查服务在用这个数据文件夹。SQLite 只能由一个进程读取文件；请先停止那一个，"
    "或用 HECHA_DATA 换一个文件夹；要用几个进程，请用 PostgreSQL（HECHA_DATABASE_URL）。"
)


def run_serve(host: str, port: int, workers: int | None = None) -> int:
    """Run the service until it is stopped; `workers` goes before the setting."""
    problem = _port_problem(host, port)
    if problem is not None:
        say(f"无法启动服务：{problem}")
        return FAILED
    services = _opened("服务", workers)
    if services is None:
        return FAILED
    if services.settings.access == "open" and not is_loopback(host):
        services.close()
        say(
            "无法启动服务：HECHA_ACCESS=open 只能监听本机地址。"
            "要让其他电脑访问，请去掉这个设置，用密钥或统一登录。"
        )
        return FAILED
    _set_up_logs(services)
    service = import_module("api.app").create_app(services=services)
    _introduce(services, host, port)
    import_module("api.listening").listen(service, services, host, port)
    return OK


def _introduce(services: Services, host: str, port: int) -> None:
    """Say where the service is, and how one gets in: the first key, once; a link, at a desk."""
    installation = import_module("api.store.installation")
    place = f"http://{_address(host)}:{port}"
    say(f"核查服务：{place} （按 Ctrl+C 停止）")
    if services.settings.access == "open":
        say("注意：HECHA_ACCESS=open，这台电脑上的任何人不用登录就能查看和删除全部文件。")
    with services.database.write() as connection:
        key = installation.first_key(connection)
        # A link in the log of a background service could be read by others.
        has_reader = key is not None or _has_terminal()
        link = installation.make_link(connection) if has_reader else None
    if key is not None:
        say(f"管理员密钥（只显示这一次，请抄下保管）：{key}")
    if link is not None:
        local = place if is_loopback(host) else f"http://127.0.0.1:{port}"
        say(f"用浏览器打开这个链接直接登录（只能用一次，一小时内有效）：{local}/login?token={link}")
    if not is_loopback(host):
        say(
            "注意：其他电脑也能访问，而传输没有加密。"
            "请放在 HTTPS 反向代理后面，见 docs/operations.md。"
        )


def _has_terminal() -> bool:
    return sys.stderr.isatty()


def run_worker(workers: int | None = None) -> int:
    """Read documents of the queue until stopped; `workers` goes before the setting."""
    services = _opened("读取进程", workers)
    if services is None:
        return FAILED
    try:
        if services.database.is_sqlite:
            say(
                "无法启动读取进程：SQLite 只能由 hecha serve 一个进程读取文件。"
                "要增加读取进程，请用 PostgreSQL，"
                "把各台电脑的 HECHA_DATABASE_URL 和 HECHA_FILES 设成一样。"
            )
            return FAILED
        _set_up_logs(services)
        _work(services)
    finally:
        services.close()
    return OK


def run_check(repair: bool) -> int:
    """Look whether rows and files agree, and make them agree if `repair`; 1 where they do not."""
    services = _opened("检查", 0)
    if services is None:
        return FAILED
    try:
        faults = import_module("api.repairing").check_data(services, repair=repair)
    except Exception as error:
        found = reasons(error)
        if not found:
            raise
        say(f"无法检查：{found[0]}")
        return FAILED
    finally:
        services.close()
    for fault in faults:
        ending = "已修复" if fault.repaired else fault.advice or "用 hecha doctor --repair 修复"
        say(f"{fault.name}：{fault.count} 处。{ending}")
    if not faults:
        say("数据没有问题。")
    return OK if all(fault.repaired for fault in faults) else FAILED


def run_backup(target: Path) -> int:
    """Make a back-up of the installation that the settings name."""
    return _with_settings("备份", lambda s: _keeping().backup_to(s, target))


def run_restore(source: Path, *, replace: bool, check: bool) -> int:
    """Check a back-up, and fill the installation that the settings name."""
    return _with_settings(
        "恢复", lambda s: _keeping().restore_from(s, source, replace=replace, check=check)
    )


def run_retention(*, dry: bool) -> int:
    """Delete what is older than the rules of the installation say."""
    return _with_settings("清理", lambda s: _keeping().clear_old(s, dry=dry))


def _keeping() -> Any:
    return import_module("api.keeping")


def _with_settings(what: str, action: Callable[[Any], int]) -> int:
    """Do something with the settings; say why it cannot be done."""
    try:
        return action(import_module("api.settings").Settings())
    except Exception as error:
        found = reasons(error)
        if not found:
            raise
        for reason in found:
            say(f"无法{what}：{reason}")
        return FAILED


def _set_up_logs(services: Services) -> None:
    settings = services.settings
    import_module("api.telemetry.logs").set_up_logs(settings.log, settings.log_level)


def _work(services: Services) -> None:
    durable = import_module("api.jobs.durable")
    tracing = import_module("api.telemetry.tracing")
    slots = services.settings.workers or import_module("api.jobs.runner").usual_slots()
    dispatcher = durable.Dispatcher(
        services.database, services.files, services.reader, slots, services.woken
    )
    background = import_module("api.background.looking_after").Background(services)
    stopped = import_module("api.listening").wait_for_signals(services)
    tracing.start_tracing()
    dispatcher.start()
    background.start()
    say(f"读取进程：同时读 {slots} 份文件（按 Ctrl+C 停止）")
    while not stopped.wait(0.5):
        pass
    say("正在停止：等正在读的文件读完（再按一次 Ctrl+C 立即停止）……")
    background.stop()
    dispatcher.stop(services.stop_seconds)
    tracing.stop_tracing()


def _opened(what: str, workers: int | None) -> Services | None:
    """Open everything that the settings name, or say why that cannot be."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        settings = import_module("api.settings").Settings()
        if workers is not None:
            settings = settings.model_copy(update={"workers": workers})
        services: Services = import_module("api.services").open_services(settings)
        _check_alone(services)
    except Exception as error:
        found = reasons(error)
        if not found:
            raise
        for reason in found:
            say(f"无法启动{what}：{reason}")
        return None
    return services


def _check_alone(services: Services) -> None:
    """Look whether another process works on the same SQLite database."""
    if services.database.is_sqlite and services.settings.workers != 0:
        place = Path(services.database.url.database or "")
        lock = import_module("api.jobs.process_lock").lock_beside(place)
        lock.take()
        lock.release()


def reasons(error: Exception) -> list[str]:
    """Return what is wrong with the settings or what they name; nothing for other errors."""
    if isinstance(error, ValidationError):
        names = [f"HECHA_{str(each['loc'][0]).upper()}" for each in error.errors()]
        return [f"设置 {name} 的值不对。见 docs/api.md。" for name in names]
    return [tell(error) for kind, tell in _kinds() if isinstance(error, kind)][:1]


def _kinds() -> list[tuple[type[Exception], Callable[[Any], str]]]:
    from sqlalchemy.exc import SQLAlchemyError

    from api.files import FilesError
    from api.jobs.process_lock import AlreadyRunningError
    from api.store.migrating import SchemaError
    from api.upkeep.archive import BackupError

    return [
        (
            ImportError,
            lambda e: f"缺少 {e.name}。请重新安装 hecha，或运行 hecha doctor 查看。",
        ),
        (TaggerError, lambda e: f"HECHA_TAGGER 指定的识别模型不能用。{e.message}"),
        (SchemaError, str),
        (BackupError, str),
        (AlreadyRunningError, lambda _: _ONE_PROCESS),
        (
            SQLAlchemyError,
            lambda _: "数据库没有应答，或者不让使用。请检查 HECHA_DATABASE_URL 和数据库服务。",
        ),
        (
            FilesError,
            lambda _: (
                "文件的存放位置不能用。请检查 HECHA_FILES（默认在 HECHA_DATA 里）和写入权限。"
            ),
        ),
        (ValueError, lambda e: f"HECHA_FILES 的值不对。{e}"),
        (
            OSError,
            lambda e: f"数据文件夹不能用（{e.strerror}）。请检查 HECHA_DATA 和写入权限。",
        ),
    ]


def _port_problem(host: str, port: int) -> str | None:
    """Tell why the service cannot listen there, None when it can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        return f"地址 {host} 不存在。本机请写 127.0.0.1。"
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"端口 {port} 已被占用。请换一个，例如 --port {port % 65535 + 1}。"
        if error.errno in (errno.EACCES, errno.EPERM):
            return f"没有权限使用端口 {port}。请用 1024 以上的端口，例如 --port 8000。"
        return f"不能在 {host}:{port} 监听（{error.strerror}）。"
    return None


def _address(host: str) -> str:
    return f"[{host}]" if ":" in host else host
