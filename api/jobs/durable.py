"""Jobs that survive: each document that is claimed becomes one DBOS workflow.

The queue is the table `documents` (see `claims`); DBOS remembers which jobs have begun, and begins
again those whose process was killed. On SQLite one process takes jobs; on PostgreSQL many do, and
those that live take over from one that has been silent. DBOS sees ids alone, as JSON. It calls
nobody: no console, no traces.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from api.files import FilesError, FileStore
from api.jobs import claims
from api.jobs.claims import Job
from api.jobs.process_lock import lock_beside
from api.jobs.runner import Runner, log_unexpected
from api.reader import Reader
from api.store import idempotency
from api.store.database import Database
from api.store.ids import new_id
from extractor.formats.limited import abort

_log = logging.getLogger("hecha.jobs")

_NAME: Final = "hecha"
_APPLICATION: Final = "1"
"""Which jobs a process understands; to be counted up when what a job holds changes."""
_LOCAL: Final = "local"
_POLL: Final = {"sqlite": 2.0, "postgresql": 0.5}
_BEAT: Final = 3.0
_SILENT: Final = 15.0
"""Seconds after which an executor that was not seen counts as dead. One that only seemed to be
does its work in vain: of two that read the same document one result is stored."""
_SETTLED: Final = 3
_BREAK_OFFS: Final = 50
_TIDY: Final = 600.0
_STUCK: Final = 60.0
_KEPT: Final = timedelta(hours=1)
_LEFT_OVER: Final = 24 * 3600.0
_UNDER_WAY: Final = ["PENDING", "ENQUEUED", "DELAYED"]

_runner: Runner | None = None


class _Json(Serializer):
    """What DBOS stores: ids and words, never code."""

    def serialize(self, data: Any) -> str:
        """Return a value as JSON; an exception as its kind."""
        return json.dumps(data, default=lambda other: type(other).__name__)

    def deserialize(self, serialized_data: str) -> Any:
        """Return a value that `serialize` wrote."""
        return json.loads(serialized_data)

    def name(self) -> str:
        """Return how the form is called in the tables of DBOS."""
        return "hecha_json"


@DBOS.step(name="read_and_save")
def _read_and_save(tenant: str, document: str, attempt: int, claimed_at: int) -> str:
    if _runner is None:  # pragma: no cover - DBOS runs between start and stop
        raise RuntimeError("no runner")
    return _runner.run(Job(tenant, document, attempt, claimed_at))


@DBOS.workflow(name="read_document", max_recovery_attempts=1000)
def _read_document(tenant: str, document: str, attempt: int, claimed_at: int) -> str:
    return _read_and_save(tenant, document, attempt, claimed_at)


class Dispatcher:
    """Takes documents from the queue and has them read; one a process."""

    def __init__(
        self,
        database: Database,
        files: FileStore,
        reader: Reader,
        slots: int,
        woken: threading.Event,
    ) -> None:
        """Prepare `slots` workers; setting `woken` tells that there may be something to do."""
        self._database = database
        self._files = files
        self.executor = _LOCAL if database.is_sqlite else new_id()
        self.runner = Runner(database, files, reader, self.executor, slots)
        self._lock = lock_beside(Path(database.url.database or "")) if database.is_sqlite else None
        self._woken = woken
        self._most = 2 * slots
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin, and begin again what was under way when the last process ended.

        Raises:
            AlreadyRunningError: another process takes jobs from this SQLite database.
            Exception: the database of the jobs cannot be opened.
        """
        global _runner
        if self._lock is not None:
            self._lock.take()
        _runner = self.runner
        _quiet()
        DBOS(config=_configuration(self._database.url, self.executor, self._most))
        DBOS.launch()
        with self._database.write() as connection:
            claims.beat(connection, self.executor)
        self._settle([self.executor])
        for work in (self._dispatch, self._keep):
            thread = threading.Thread(target=work, name=f"hecha{work.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, seconds: float) -> None:
        """Finish what is being read, for so long at most; the rest goes back into the queue."""
        self.runner.stopping.set()
        self._woken.set()
        for thread in self._threads:
            thread.join(timeout=seconds + 5)
        wait, tries = seconds, _BREAK_OFFS
        # More than once: a worker that is ended before it has begun is replaced by another.
        while not self.runner.wait_until_idle(wait) and tries:
            abort()
            wait, tries = 0.2, tries - 1
        # DBOS notes the end of the workflows just after the jobs themselves have ended.
        DBOS.destroy(workflow_completion_timeout_sec=0)
        try:
            with self._database.write() as connection:
                claims.retire(connection, self.executor)
        except SQLAlchemyError as error:
            _log.warning("could not sign off: %s", type(error).__name__)
        if self._lock is not None:
            self._lock.release()

    def _dispatch(self) -> None:
        """Claim documents whenever there is room, and begin a workflow for each."""
        pause = _POLL[self._database.url.get_backend_name()]
        is_torn = False
        while not self.runner.stopping.is_set():
            room = self.runner.wait_for_room(self._most, 1.0)
            if room <= 0:
                continue
            self._woken.clear()
            try:
                if is_torn:
                    self._settle([self.executor])
                is_torn = False
                begun = self._begin(room)
            except Exception as error:
                # What was claimed may be without a workflow, if it could not be handed back either.
                is_torn = True
                _log.warning("cannot take documents from the queue: %s", type(error).__name__)
                self.runner.stopping.wait(2.0)
                continue
            if not begun:
                self._woken.wait(pause)

    def _begin(self, room: int) -> int:
        with self._database.write() as connection:
            jobs = claims.claim(connection, self.executor, room)
        for place, job in enumerate(jobs):
            self.runner.expect(job)
            try:
                with SetWorkflowID(job.name):
                    DBOS.start_workflow(_read_document, *astuple(job))
            except Exception:
                self.runner.forget(job)
                with self._database.write() as connection:
                    claims.hand_back(connection, jobs[place:])
                raise
        return len(jobs)

    def _keep(self) -> None:
        """Show that this process lives, take over from those that do not, clear up."""
        since_tidy, beats = 0.0, 0
        while not self.runner.stopping.wait(_BEAT):
            since_tidy += _BEAT
            try:
                with self._database.write() as connection:
                    claims.beat(connection, self.executor)
                    silent = claims.silent(connection, _SILENT)
                beats += 1
                # After the database was away everyone seems silent: give them time to be heard.
                if beats >= _SETTLED:
                    self._take_over([each for each in silent if each != self.executor])
                if since_tidy >= _TIDY:
                    since_tidy = 0.0
                    self._tidy()
            except (SQLAlchemyError, FilesError) as error:
                beats = 0
                _log.warning("cannot look after the queue: %s", type(error).__name__)
            except Exception as error:
                log_unexpected(error)

    def _take_over(self, executors: Sequence[str]) -> None:
        """Begin again what dead executors had begun; more than one may do so, without harm."""
        if not executors:
            return
        _log.warning("taking over from %d silent executors", len(executors))
        DBOS._recover_pending_workflows(list(executors))
        self._settle(executors)
        with self._database.write() as connection:
            for executor in executors:
                claims.retire(connection, executor)

    def _settle(self, executors: Sequence[str] | None, seconds: float = 0.0) -> None:
        """Put back into the queue what is claimed though no workflow is under way for it."""
        with self._database.read() as connection:
            jobs = claims.running(connection, executors, seconds)
        waiting = [job for job in jobs if job not in self.runner.active]
        for start in range(0, len(waiting), 500):
            part = waiting[start : start + 500]
            known = DBOS.list_workflows(
                workflow_ids=[job.name for job in part],
                status=_UNDER_WAY,
                load_input=False,
                load_output=False,
            )
            names = {each.workflow_id for each in known}
            with self._database.write() as connection:
                claims.hand_back(connection, [job for job in part if job.name not in names])

    def _tidy(self) -> None:
        """Forget jobs that ended long ago, old keys of requests, and what never came in whole."""
        self._settle(None, _STUCK)
        before = (datetime.now(UTC) - _KEPT).isoformat()
        while ended := DBOS.list_workflows(
            completed_before=before, limit=500, load_input=False, load_output=False
        ):
            DBOS.delete_workflows([each.workflow_id for each in ended])
        with self._database.write() as connection:
            idempotency.forget_old(connection)
        self._files.sweep(_LEFT_OVER)


def _quiet() -> None:
    """Send what DBOS logs the way of all logs, errors alone."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        # Without a handler DBOS would add one of its own.
        logger.addHandler(logging.NullHandler())


def _configuration(url: URL, executor: str, most: int) -> DBOSConfig:
    kwargs: dict[str, Any] = {}
    if url.get_backend_name() == "sqlite":
        # A file of its own: two writers on one file would wait for each other.
        path = jobs_file(url)
        _prepare(path)
        url = URL.create("sqlite", database=str(path))
        kwargs = {"creator": partial(_connect, path), "pool_pre_ping": False}
    return DBOSConfig(
        name=_NAME,
        system_database_url=url.render_as_string(hide_password=False),
        db_engine_kwargs=kwargs,
        sys_db_pool_size=max(5, most // 2 + 3),
        log_level="ERROR",
        application_version=_APPLICATION,
        executor_id=executor,
        enable_otlp=False,
        serializer=_Json(),
        use_listen_notify=False,
        # Looks only at what waits in this process, which is nothing; short, so that it ends soon.
        notification_listener_polling_interval_sec=0.2,
        scheduler_polling_interval_sec=300.0,
    )


def jobs_file(url: URL) -> Path:
    """Return where the jobs of a SQLite database stand: `hecha.db` → `hecha.jobs.db`."""
    return Path(url.database or "").with_suffix(".jobs.db")


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file of the jobs, without waiting for the disk at the end of each transaction.

    A power cut may cost its last moments, which is no harm: what is claimed without a job that is
    known goes back into the queue at the next start, and a job that had ended is not wanted again.
    """
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _prepare(path: Path) -> None:
    path.touch(mode=0o600, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
