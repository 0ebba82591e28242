"""What the client does with the service itself: events, keys, the audit, how it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from api.client.calls import Calls, made, part
from api.client.connection import Call, Connection, ServiceError
from api.store.api_keys import KeyEntry, MadeKey, ScopeName
from api.store.audit import AuditRecord
from api.store.feed import Event

_LONG_POLL: Final = 20.0


class ServiceCalls(Calls):
    """Events, keys, the audit, and whether the service is well."""

    def events(
        self, after: str | None = None, types: Sequence[str] = (), *, follow: bool = False
    ) -> Iterator[Event]:
        """Give what changed, in order, after a cursor; keep `event.cursor` to go on later.

        With `follow` it never ends, and waits for what is still to come.

        Raises:
            ServiceError: `events_forgotten`, where what follows the cursor is no longer whole.
        """
        query = {"types": ",".join(types) or None, "wait": _LONG_POLL if follow else None}
        while True:
            timeout = _LONG_POLL + 30 if follow else None
            call = Call("GET", "/v1/events", {**query, "after": after}, timeout=timeout)
            page = self._connection.send(call).json()
            for each in page["events"]:
                yield made(Event, each)
            after = page["next_cursor"]
            if not page["has_more"] and not follow:
                return

    def create_key(
        self, name: str, scopes: Sequence[ScopeName], days: int | None = None
    ) -> MadeKey:
        """Make a key, for so many days if they are given; keep it: it is told this once."""
        body = {"name": name, "scopes": list(scopes), "days": days}
        return self._one(MadeKey, Call("POST", "/v1/keys", body=body, is_repeatable=False))

    def api_keys(self) -> list[KeyEntry]:
        """Return all keys, also those that were revoked, the oldest first."""
        found = self._connection.send(Call("GET", "/v1/keys")).json()["keys"]
        return [made(KeyEntry, each) for each in found]

    def revoke_key(self, key: str) -> KeyEntry:
        """End a key for good, by its id."""
        call = Call("DELETE", f"/v1/keys/{part(key)}", is_repeatable=False)
        return self._one(KeyEntry, call)

    def audit(self, after: int = 0) -> Iterator[AuditRecord]:
        """Give who read or changed what, the oldest first, after the number of an entry."""
        following: int | None = after
        while following is not None:
            page = self._connection.send(Call("GET", "/v1/audit", {"after": following})).json()
            for each in page["entries"]:
                yield made(AuditRecord, each)
            following = page["next_after"]

    def is_alive(self) -> bool:
        """Tell whether the service runs."""
        return self._connection.send(Call("GET", "/livez")).status_code == 200

    def is_ready(self) -> bool:
        """Tell whether the service can work: its database and its files answer."""
        try:
            Connection(self._http, 0).send(Call("GET", "/readyz"))
        except ServiceError as error:
            if error.status == 503:
                return False
            raise
        return True

    def metrics(self) -> str:
        """Return what the service counts, in the text format of Prometheus."""
        return self._content(Call("GET", "/metrics")).decode("utf-8")
