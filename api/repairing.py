"""`hecha doctor --data` and `--repair`: whether rows and files agree, and making them agree.

A crash may leave a file that no row knows, or a row of a file that has no document: both go. What
nobody is at work on goes back into the queue. Nothing that a user has sent or that was read is
ever removed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select, update

from api.files import FilesError
from api.jobs.process_lock import AlreadyRunningError, lock_beside
from api.services import Services
from api.store import webhooks
from api.store.ids import now
from api.store.schema import BATCHES, DOCUMENTS, EXECUTORS, FILES, RESULTS

_GRACE: Final = 3600.0
"""Seconds before a file without a row counts as left over: its row may be about to be written."""
_UNREADABLE: Final = (
    "封存它们的主密钥不在（{}）。请放回原来的主密钥；找不回来的，"
    "用 POST /v1/webhooks/编号/rotate-secret 换新的密钥，告诉接收方，再重新启用。"
)
_LOST: Final = "原件不在存储中，读不了。请重新上传这个文件。"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the data that is not as it should be: how often, and whether it was put right.

    `advice` says what a person is to do where the program cannot put it right.
    """

    name: str
    count: int
    repaired: bool
    advice: str = ""


def check_data(services: Services, *, repair: bool) -> list[Fault]:
    """Look for everything that is wrong with the data, and put right what can be if `repair`.

    Safe while the service runs.

    Raises:
        SQLAlchemyError: the database does not answer.
        FilesError: the place of files does not answer.
    """
    found = [
        *_integrity(services),
        *_missing_files(services, repair),
        *_unknown_files(services, repair),
        *_unused_rows(services, repair),
        *_missing_results(services, repair),
        *_stuck(services, repair),
        *_secrets(services, repair),
    ]
    return [fault for fault in found if fault.count]


def _integrity(services: Services) -> Iterator[Fault]:
    if not services.database.is_sqlite:
        return
    with services.database.read() as connection:
        problems = connection.exec_driver_sql("PRAGMA integrity_check(100)").scalars().all()
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    wrong = [text for text in problems if text != "ok"]
    advice = "数据库文件损坏。请停止服务，从备份恢复。"
    yield Fault("数据库损坏", len(wrong) + len(broken), False, advice)


def _missing_files(services: Services, repair: bool) -> Iterator[Fault]:
    """Documents whose bytes are not there, or not all of them."""
    lost: list[str] = []
    with services.database.read() as connection:
        rows = connection.execute(select(FILES.c.sha256, FILES.c.size)).all()
    kept = {file.sha256: file.size for file in services.files.listed()}
    for row in rows:
        # One that came in since the files were listed is there by now.
        if kept.get(row.sha256) != row.size and services.files.size(row.sha256) != row.size:
            lost.append(row.sha256)
    waiting, done = 0, 0
    for digest in lost:
        with services.database.write() as connection:
            here = DOCUMENTS.c.id == digest
            is_waiting = and_(here, DOCUMENTS.c.status == "queued")
            count = select(func.count()).select_from(DOCUMENTS)
            all_here = connection.execute(count.where(here)).scalar_one()
            queued = connection.execute(count.where(is_waiting)).scalar_one()
            if repair and queued:
                values = {
                    "status": "failed", "error_code": "original_missing",
                    "error_message": _LOST, "updated_at": now(),
                }  # fmt: skip
                connection.execute(update(DOCUMENTS).where(is_waiting).values(values))
        waiting += queued
        done += all_here - queued
    advice = "原件不在了，读出的结果还在。请从备份恢复原件，或重新上传同样的文件。"
    yield Fault("排队的文件没有原件", waiting, repair)
    yield Fault("读过的文件没有原件", done, False, advice)


def _unknown_files(services: Services, repair: bool) -> Iterator[Fault]:
    """Files that no row knows, and what came in but was never kept."""
    with services.database.read() as connection:
        known = set(connection.execute(select(FILES.c.sha256)).scalars())
    old = time.time() - _GRACE
    unknown = [
        file.sha256
        for file in services.files.listed()
        if file.sha256 not in known and file.modified_at < old
    ]
    if repair:
        for digest in unknown:
            services.remove_file(digest)
        services.files.sweep(_GRACE)
    yield Fault("没有登记的文件", len(unknown), repair)


def _unused_rows(services: Services, repair: bool) -> Iterator[Fault]:
    """Rows of files that no document has, nor a batch: left by a deletion that was cut off."""
    used = or_(
        exists().where(DOCUMENTS.c.id == FILES.c.sha256),
        exists().where(BATCHES.c.file == FILES.c.sha256),
    )
    before = now() - round(_GRACE * 1_000_000)
    query = select(FILES.c.sha256).where(not_(used), FILES.c.created_at < before)
    with services.database.read() as connection:
        unused = list(connection.execute(query).scalars())
    removed = 0
    if repair:
        for digest in unused:
            with suppress(FilesError):
                removed += services.remove_file(digest)
    yield Fault("没有删完的文件", len(unused), repair and removed == len(unused))


def _missing_results(services: Services, repair: bool) -> Iterator[Fault]:
    """Documents that are said to have been read but have no result."""
    has_result = exists().where(
        RESULTS.c.tenant == DOCUMENTS.c.tenant, RESULTS.c.document == DOCUMENTS.c.id
    )
    wrong = and_(DOCUMENTS.c.status == "succeeded", not_(has_result))
    yield Fault("没有结果的文件", _requeue(services, wrong, repair), repair)


def _stuck(services: Services, repair: bool) -> Iterator[Fault]:
    """Documents that are said to be in the hands of someone who is not there."""
    alive = exists().where(EXECUTORS.c.id == DOCUMENTS.c.claimed_by)
    wrong: ColumnElement[bool] = DOCUMENTS.c.status == "running"
    if not _is_idle(services):
        wrong = and_(wrong, not_(alive))
    yield Fault("停在半路的文件", _requeue(services, wrong, repair), repair)


def _secrets(services: Services, repair: bool) -> Iterator[Fault]:
    """Secrets of webhooks that no key opens, or an older one; a key that others can read."""
    sealer = services.settings.sealer
    with services.database.write() as connection:
        lost = webhooks.unreadable_secrets(connection, sealer)
        old = webhooks.reseal(connection, sealer, repair=repair)
    yield Fault("打不开的推送密钥", lost, False, _UNREADABLE.format(sealer.place))
    yield Fault("用旧的主密钥封存的推送密钥", old, repair)
    is_open = sealer.is_open_to_others()
    if is_open and repair:
        with suppress(OSError):
            sealer.close_to_others()
    advice = f"请执行 chmod 600 {sealer.file}。"
    yield Fault("主密钥文件别人也能读", is_open, repair and not sealer.is_open_to_others(), advice)


def _is_idle(services: Services) -> bool:
    """Tell whether no process reads documents from a SQLite database."""
    if not services.database.is_sqlite:
        return False
    lock = lock_beside(Path(services.database.url.database or ""))
    try:
        lock.take()
    except AlreadyRunningError:
        return False
    lock.release()
    return True


def _requeue(services: Services, wrong: ColumnElement[bool], repair: bool) -> int:
    """Put the documents that are so into the queue; return how many there are."""
    values: dict[str, Any] = {
        "status": "queued", "claimed_by": None, "tries": 0, "updated_at": now(),
    }  # fmt: skip
    with services.database.write() as connection:
        count = select(func.count()).select_from(DOCUMENTS).where(wrong)
        found = connection.execute(count).scalar_one()
        if repair and found:
            connection.execute(update(DOCUMENTS).where(wrong).values(values))
    if repair and found:
        services.woken.set()
    return found
