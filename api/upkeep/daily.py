"""The daily job: retention, once a day for the installation, by whichever process comes first."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from api.services import Services
from api.store.ids import now
from api.store.schema import INSTALLATION
from api.upkeep.retention import clear

_log = logging.getLogger("hecha.upkeep")

_FIRST: Final = 60.0
_PAUSE: Final = 900.0
_DAY: Final = "retention_day"


class Daily:
    """A thread that looks several times an hour whether the work of the day is still to be done."""

    def __init__(self, services: Services, first: float | None = None) -> None:
        """Prepare it, to look for the first time after so many seconds."""
        self._services = services
        self._first = _FIRST if first is None else first
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hecha_daily", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is under way goes on to its end for a few seconds."""
        self._stopped.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        pause = self._first
        while not self._stopped.wait(pause):
            pause = _PAUSE
            try:
                if take_day(self._services, _today()):
                    cleared = clear(self._services)
                    _log.info("retention: %s", cleared)
            except Exception as error:
                _log.warning("retention did not come to its end: %s", type(error).__name__)


def take_day(services: Services, day: str) -> bool:
    """Take the work of a day (YYYY-MM-DD); False where a process has taken it before."""
    row = INSTALLATION.c
    try:
        with services.database.write() as connection:
            found = select(row.value).where(row.name == _DAY).with_for_update()
            taken = connection.execute(found).scalar_one_or_none()
            if taken is None:
                connection.execute(insert(INSTALLATION).values(name=_DAY, value=day))
                return True
            same = update(INSTALLATION).where(row.name == _DAY, row.value < day)
            return connection.execute(same.values(value=day)).rowcount == 1
    except IntegrityError:  # another process was quicker
        return False


def _today() -> str:
    return datetime.fromtimestamp(now() / 1e6, UTC).date().isoformat()
