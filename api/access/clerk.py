"""The clerk: one thread that writes down what was read, and when keys were last used.

What comes while it writes waits and is written together: many answers share one commit, and each
answer waits for its own, some milliseconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from api.store import api_keys, audit
from api.store.audit import AuditEntry
from api.store.database import Database
from api.store.ids import now

_log = logging.getLogger("hecha.api")

USED_SECONDS: Final = 60.0
"""How often the last use of a key is written at most."""

_Waiting = tuple[Sequence[AuditEntry], "Future[None]"]


class Clerk:
    """Writes to the audit in the background; safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        """Start the thread."""
        self._database = database
        self._waiting: list[_Waiting] = []
        self._used: dict[tuple[str, str], int] = {}
        self._noted: dict[tuple[str, str], float] = {}
        self._has_work = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="hecha-clerk", daemon=True)
        self._thread.start()

    def record(self, entries: Sequence[AuditEntry]) -> Future[None]:
        """Write these entries; the future ends when they are safe, or with the error."""
        done: Future[None] = Future()
        with self._has_work:
            self._waiting.append((entries, done))
            self._has_work.notify()
        return done

    def used(self, tenant: str, key: str) -> None:
        """Note that a key was used just now; does not wait."""
        moment = time.monotonic()
        name = (tenant, key)
        if moment - self._noted.get(name, -USED_SECONDS) < USED_SECONDS:
            return
        with self._has_work:
            self._noted[name] = moment
            self._used[name] = now()
            self._has_work.notify()

    def close(self) -> None:
        """Write what waits, and end."""
        with self._has_work:
            self._is_closing = True
            self._has_work.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._has_work:
                while not (self._waiting or self._used or self._is_closing):
                    self._has_work.wait()
                waiting, self._waiting = self._waiting, []
                used, self._used = self._used, {}
                if not waiting and not used:
                    return
            self._write(waiting, used)

    def _write(self, waiting: Sequence[_Waiting], used: dict[tuple[str, str], int]) -> None:
        entries = [entry for each, _ in waiting for entry in each]
        try:
            self._database.change(partial(_put, entries=entries, used=used))
        except SQLAlchemyError as error:
            _log.warning("audit not written: %s", type(error).__name__)
            for _, done in waiting:
                done.set_exception(error)
        else:
            for _, done in waiting:
                done.set_result(None)


def _put(
    connection: Connection, entries: Sequence[AuditEntry], used: dict[tuple[str, str], int]
) -> None:
    api_keys.used(connection, used)
    if entries:
        audit.append(connection, *entries)
