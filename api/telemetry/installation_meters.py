"""What the database tells of the whole installation, asked at every scrape, at most every 5 s.

Every process that answers requests gives the same numbers, whoever read the documents: of these
one target is enough. Counters begin at zero when the process starts, and follow the events.
"""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic, perf_counter
from typing import Any, Final

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import Connection, func, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from api.files import FilesError, FileStore
from api.store.database import Database
from api.store.feed import EVENT_TYPES
from api.store.ids import now
from api.store.schema import DELIVERIES, DOCUMENTS, EVENTS, EXECUTORS, RESULTS
from api.telemetry.meters import PROCESS
from extractor.formats.limited import workers_at_work

_CACHED: Final = 5.0
_ALIVE: Final = 15.0
_STEP: Final = 500
_CODE: Final = re.compile(r"[a-z][a-z_]{0,59}")
_PRIORITIES: Final = {0: "person", 1: "bulk"}
_STATES: Final = ("queued", "running", "succeeded", "failed", "cancelled")
_BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


@dataclass(slots=True)
class _Followed:
    """What the events since the start of this process told."""

    seq: int = 0
    events: Tally[str] = field(default_factory=Tally)
    failures: Tally[str] = field(default_factory=Tally)
    pages: int = 0
    characters: int = 0


class InstallationMeters:
    """The metrics of an installation, with those of this process; safe to use from many threads."""

    def __init__(self, database: Database, files: FileStore) -> None:
        """Begin to follow the events from here.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database does not answer.
        """
        self._database = database
        self._files = files
        self._lock = Lock()
        self._asked = -_CACHED
        self._kept: list[Metric] = []
        self._followed = _Followed(seq=self._newest())
        self._registry = CollectorRegistry()
        # First, so that the stages are measured before they are told.
        self._registry.register(self)
        self._seconds = Histogram(
            "hecha_reading_seconds",
            "读一份文件的秒数，按阶段：parse 解析，extract 抽取，derive 附带的处理",
            ["stage"],
            registry=self._registry,
            buckets=_BUCKETS,
        )

    def text(self) -> bytes:
        """Return all metrics in the text form of Prometheus."""
        return generate_latest(PROCESS) + generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Return nothing: what is collected depends on the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give the metrics of the installation, as they were a few seconds ago at most."""
        with self._lock:
            if monotonic() - self._asked >= _CACHED:
                self._kept = list(self._ask())
                self._asked = monotonic()
            kept = self._kept
        yield from kept

    def _ask(self) -> Iterable[Metric]:
        yield from _latency("database", "数据库", self._database.ping, SQLAlchemyError)
        yield from _latency("files", "文件存放位置", self._files.ping, FilesError)
        yield _processes()
        with suppress(SQLAlchemyError):
            with self._database.read() as connection:
                found = [*_documents(connection), *_others(connection)]
                self._follow(connection)
            yield from found
        yield from self._counted()

    def _newest(self) -> int:
        with self._database.read() as connection:
            return connection.execute(select(func.max(EVENTS.c.seq))).scalar() or 0

    def _follow(self, connection: Connection) -> None:
        """Count the events since the last time."""
        query = select(
            EVENTS.c.seq, EVENTS.c.tenant, EVENTS.c.type, EVENTS.c.subject, EVENTS.c.data
        )
        while True:
            rows = connection.execute(
                query.where(EVENTS.c.seq > self._followed.seq).order_by(EVENTS.c.seq).limit(_STEP)
            ).all()
            self._count(connection, rows)
            if len(rows) < _STEP:
                return

    def _count(self, connection: Connection, rows: Sequence[Any]) -> None:
        followed = self._followed
        read = {
            (row.tenant, row.subject): str(row.data.get("version"))
            for row in rows
            if row.type == "document.succeeded"
        }
        if read:
            self._measure(connection, read)
        for row in rows:
            followed.events[row.type if row.type in EVENT_TYPES else "other"] += 1
            if row.type == "document.failed":
                followed.failures[_code(row.data)] += 1
            followed.seq = row.seq

    def _measure(self, connection: Connection, read: Mapping[tuple[str, str], str]) -> None:
        table, results = DOCUMENTS, RESULTS
        query = (
            select(
                table.c.tenant, table.c.id, table.c.pages, table.c.characters,
                results.c.version, results.c.seconds,
            )
            .join(
                results,
                (results.c.tenant == table.c.tenant) & (results.c.document == table.c.id),
            )
            .where(tuple_(table.c.tenant, table.c.id).in_(list(read)))
        )  # fmt: skip
        for row in connection.execute(query).all():
            if row.version != read[row.tenant, row.id]:
                continue
            self._followed.pages += row.pages or 0
            self._followed.characters += row.characters or 0
            for stage, seconds in row.seconds.items():
                self._seconds.labels(stage).observe(seconds)

    def _counted(self) -> Iterator[Metric]:
        followed = self._followed
        yield _counter("hecha_events", "发生的事，按类型", "type", followed.events)
        yield _counter("hecha_failures", "没有读成的文件，按错误代码", "code", followed.failures)
        yield CounterMetricFamily("hecha_pages", "读完的页数", followed.pages)
        yield CounterMetricFamily("hecha_characters", "读完的字数", followed.characters)


def _documents(connection: Connection) -> Iterator[Metric]:
    table = DOCUMENTS
    rows = connection.execute(
        select(table.c.status, table.c.priority, func.count()).group_by("status", "priority")
    ).all()
    found = {(row.status, _PRIORITIES.get(row.priority, "bulk")): row[2] for row in rows}
    family = GaugeMetricFamily(
        "hecha_documents",
        "文件的份数，按状态和先后：person 人上传的，bulk 批量的",
        labels=["status", "priority"],
    )
    for status in _STATES:
        for priority in _PRIORITIES.values():
            family.add_metric([status, priority], found.get((status, priority), 0))
    yield family
    waiting = select(func.min(table.c.updated_at)).where(table.c.status == "queued")
    since = connection.execute(waiting).scalar()
    waited = 0.0 if since is None else max(now() - since, 0) / 1e6
    yield GaugeMetricFamily("hecha_queue_oldest_seconds", "排队最久的已等了多少秒", waited)


def _others(connection: Connection) -> Iterator[Metric]:
    alive = select(func.count()).where(EXECUTORS.c.seen_at >= now() - round(_ALIVE * 1e6))
    yield GaugeMetricFamily(
        "hecha_executors",
        "在取文件来读的进程（hecha serve、hecha worker）",
        connection.execute(alive).scalar_one(),
    )
    family = GaugeMetricFamily("hecha_deliveries", "推送的条数，按状态", labels=["status"])
    states = select(DELIVERIES.c.status, func.count()).group_by("status")
    for status, count in connection.execute(states):
        family.add_metric([status], count)
    yield family


def _latency(
    name: str, what: str, ping: Callable[[], None], wrong: type[Exception]
) -> Iterator[Metric]:
    began, is_up = perf_counter(), 1
    try:
        ping()
    except wrong:
        is_up = 0
    took = perf_counter() - began
    yield GaugeMetricFamily(f"hecha_{name}_up", f"{what}是否应答：1 应答，0 没有", is_up)
    yield GaugeMetricFamily(f"hecha_{name}_seconds", f"{what}应答所用的秒数", took)


def _processes() -> Metric:
    busy, idle = workers_at_work()
    family = GaugeMetricFamily(
        "hecha_worker_processes", "这个服务进程的读取进程：busy 在读，idle 空闲", labels=["state"]
    )
    family.add_metric(["busy"], busy)
    family.add_metric(["idle"], idle)
    return family


def _counter(name: str, what: str, label: str, found: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, what, labels=[label])
    for value, count in sorted(found.items()):
        family.add_metric([value], count)
    return family


def _code(data: Mapping[str, Any]) -> str:
    code = str(data.get("code"))
    return code if _CODE.fullmatch(code) else "other"
