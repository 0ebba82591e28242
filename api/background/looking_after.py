"""What a process that reads documents also does: batches, messages to webhooks, retention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.background.deliveries import Deliverer
from api.background.unpacking import Unpacker
from api.upkeep.daily import Daily

if TYPE_CHECKING:
    from api.services import Services


class Background:
    """All of it, to be started and stopped; one a process."""

    def __init__(self, services: Services) -> None:
        """Prepare it; it works for all tenants."""
        self._services = services
        self._unpacker = Unpacker(services)
        settings = services.settings
        self._deliverer = Deliverer(services.database, settings.webhook_hosts, settings.sealer)
        self._daily = Daily(services)

    def start(self) -> None:
        """Begin.

        Raises:
            SQLAlchemyError: the database does not answer.
        """
        self._unpacker.start()
        self._deliverer.start()
        self._daily.start()

    def stop(self) -> None:
        """Stop; what is unfinished is gone on with by others, or at the next start."""
        self._unpacker.stop()
        self._deliverer.stop(self._services.stop_seconds)
        self._daily.stop()
