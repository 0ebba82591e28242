"""What a process that reads documents also does: batches, messages to webhooks, old events."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from api.background.deliveries import Deliverer
from api.background.unpacking import Unpacker
from api.store import feed
from api.store.ids import now

if TYPE_CHECKING:
    from api.services import Services

_log = logging.getLogger("hecha.api")

_TIDY_SECONDS: Final = 3600.0
_DAY: Final = 24 * 3600 * 1_000_000


class Background:
    """All of it, to be started and stopped; one a process."""

    def __init__(self, services: Services) -> None:
        """Prepare it; it works for all tenants."""
        self._services = services
        self._unpacker = Unpacker(services)
        self._deliverer = Deliverer(services.database, services.settings.webhook_hosts)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._tidy, name="hecha_tidy", daemon=True)

    def start(self) -> None:
        """Begin.

        Raises:
            SQLAlchemyError: the database does not answer.
        """
        self._unpacker.start()
        self._deliverer.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop; what is unfinished is gone on with by others, or at the next start."""
        self._stopping.set()
        self._unpacker.stop()
        self._deliverer.stop(self._services.settings.stop_seconds)
        self._thread.join(5)

    def _tidy(self) -> None:
        """Forget events that are older than they are kept, and with them messages."""
        while not self._stopping.is_set():
            try:
                before = now() - self._services.settings.events_days * _DAY
                with self._services.database.write() as connection:
                    feed.forget(connection, before)
            except SQLAlchemyError as error:
                _log.warning("cannot forget old events: %s", type(error).__name__)
            self._stopping.wait(_TIDY_SECONDS)
