"""The commands `hecha backup`, `hecha restore`, `hecha retention run`."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path

from api.console import FAILED, OK, say
from api.doctor import program_version
from api.files import open_files
from api.services import open_services
from api.settings import Settings
from api.store.database import Database
from api.store.webhooks import unreadable_secrets
from api.upkeep.archive import BackupError, Manifest, check_sums
from api.upkeep.backing_up import back_up
from api.upkeep.restoring import restore
from api.upkeep.retention import clear, due

_EVERY = 1000


def backup_to(settings: Settings, target: Path) -> int:
    """Make a back-up; 1 where the installation has lost files.

    Raises:
        BackupError: it cannot be made; in Chinese.
    """
    files = open_files(settings.files_place)
    with closing(Database(settings.database)) as database:
        try:
            manifest = back_up(database, files, target, program_version(), _tell)
        except OSError as error:
            raise BackupError(f"写不进 {target}（{error.strerror}）。请检查空间和权限。") from error
    say(f"已备份到 {target}：{_contents(manifest)}。")
    webhooks = manifest.tables.get("webhooks")
    if webhooks is not None and webhooks.rows:
        say(
            f"备份里的推送密钥是封存的，打开它们的主密钥不在备份里：{settings.sealer.place}。"
            "请另外保管，不要和备份放在一起。"
        )
    for digest in manifest.missing_files:
        say(f"缺少原件 {digest}：存放位置里没有。请运行 hecha doctor --data 查看。")
    return FAILED if manifest.missing_files else OK


def restore_from(settings: Settings, source: Path, *, replace: bool, check: bool) -> int:
    """Check a back-up, and fill the installation from it unless a check is all that is wanted.

    Raises:
        BackupError: it cannot be used; in Chinese.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if check:
        manifest = check_sums(source)
        say(f"备份完好：{manifest.created_at:%Y-%m-%d %H:%M} UTC，{_contents(manifest)}。")
        return OK
    files = open_files(settings.files_place)
    with closing(Database(settings.database)) as database:
        manifest = restore(database, files, source, replace=replace)
        with database.read() as connection:
            lost = unreadable_secrets(connection, settings.sealer)
    say(f"已从 {source} 恢复：{_contents(manifest)}。")
    if lost:
        say(
            f"有 {lost} 个推送密钥打不开：这里的主密钥（{settings.sealer.place}）"
            "不是备份时的那一把。请在启动服务之前放回原来的主密钥，见 docs/operations.md。"
        )
    return OK


def clear_old(settings: Settings, *, dry: bool) -> int:
    """Delete what is older than the rules say, or only tell how much that is."""
    logging.getLogger("alembic").setLevel(logging.WARNING)
    with closing(open_services(settings)) as services:
        if dry:
            documents, held = due(services)
            say(f"到期的文件 {documents} 份，将会删除；另有 {held} 份已封存，不会删除。")
            return OK
        cleared = clear(services)
    say(
        f"已删除：文件 {cleared.documents} 份，批次记录 {cleared.batches} 个，"
        f"空案卷 {cleared.cases} 个，"
        f"事件 {cleared.events} 条，过期的请求标记 {cleared.keys} 个、登录 {cleared.sessions} 个。"
    )
    if cleared.held:
        say(f"另有 {cleared.held} 份到期的文件已封存，没有删除。")
    return OK


def _contents(manifest: Manifest) -> str:
    return f"{manifest.tables['documents'].rows} 份文件，{manifest.files} 个原件"


def _tell(done: int, total: int) -> None:
    if done % _EVERY == 0:
        say(f"已复制原件 {done}/{total}")
