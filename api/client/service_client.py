"""The client itself: a method for every operation; results are the types of the service."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

import httpx2

from api.client.batch_calls import BatchCalls
from api.client.calls import made, part
from api.client.case_calls import CaseCalls
from api.client.connection import Call, Connection
from api.client.document_calls import DocumentCalls
from api.client.service_calls import ServiceCalls
from api.store.outbox import Delivery, DeliveryStatus
from api.store.webhooks import NewWebhook, Webhook


class Client(DocumentCalls, CaseCalls, BatchCalls, ServiceCalls):
    """A client of one service; safe to use from many threads.

    with Client("https://hecha.example.gov.cn", key="…") as client:
        extraction = client.read(Path("调查报告.pdf"))

    Every method raises `ServiceError` where the service answers with a problem, and
    `UnreachableError` where no answer comes. What passes (the service is starting, or too busy) is
    tried again, without doing anything twice.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        key: str | None = None,
        *,
        timeout: float = 60.0,
        retries: int = 5,
        http: httpx2.Client | None = None,
    ) -> None:
        """Prepare it; nothing is sent yet. `timeout` is in seconds, for every request.

        Without a `key` it is that of the environment, HECHA_KEY. `http` is a client of one's own,
        for a proxy or certificates; `url`, `timeout` and what the environment says are then its
        own.
        """
        if http is None and key is None:
            key = os.environ.get("HECHA_KEY")
        self._http = http or httpx2.Client(base_url=url, timeout=timeout)
        if key is not None:
            self._http.headers["Authorization"] = f"Bearer {key}"
        self._connection = Connection(self._http, retries)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    # Webhooks

    def create_webhook(
        self, url: str, types: Sequence[str] = (), description: str | None = None
    ) -> NewWebhook:
        """Have events sent to an address; keep the secret, which is told this once."""
        body = {"url": url, "types": list(types), "description": description}
        call = Call("POST", "/v1/webhooks", body=body, is_repeatable=False)
        return self._one(NewWebhook, call)

    def webhooks(self) -> list[Webhook]:
        """Return all webhooks, the oldest first."""
        found = self._connection.send(Call("GET", "/v1/webhooks")).json()["webhooks"]
        return [made(Webhook, each) for each in found]

    def webhook(self, webhook: str) -> Webhook:
        """Return a webhook, without its secret."""
        return self._one(Webhook, Call("GET", f"/v1/webhooks/{part(webhook)}"))

    def change_webhook(
        self, webhook: Webhook, *, enabled: bool | None = None, **changes: Any
    ) -> Webhook:
        """Change `url`, `types`, `description` of a webhook, or whether it is enabled.

        Raises:
            ServiceError: `precondition_failed`, where another has changed it since it was read.
        """
        body = {name: value for name, value in changes.items() if value is not None}
        if enabled is not None:
            body["enabled"] = enabled
        headers = {"If-Match": f'"{webhook.revision}"'}
        path = f"/v1/webhooks/{part(webhook.id)}"
        call = Call("PATCH", path, headers=headers, body=body, is_repeatable=False)
        return self._one(Webhook, call)

    def rotate_secret(self, webhook: Webhook, *, overlap_hours: int | None = None) -> NewWebhook:
        """Give a webhook a new secret, which is told here and never again.

        Messages are signed with both for 24 hours, or as many as are given; 0 ends the old at once.

        Raises:
            ServiceError: `precondition_failed`, where another has changed it since it was read.
        """
        body = {} if overlap_hours is None else {"overlap_hours": overlap_hours}
        headers = {"If-Match": f'"{webhook.revision}"'}
        path = f"/v1/webhooks/{part(webhook.id)}/rotate-secret"
        call = Call("POST", path, headers=headers, body=body, is_repeatable=False)
        return self._one(NewWebhook, call)

    def delete_webhook(self, webhook: str) -> None:
        """Delete a webhook and what is known of its messages."""
        self._delete(f"/v1/webhooks/{part(webhook)}")

    def test_webhook(self, webhook: str) -> Delivery:
        """Have a message of the type `webhook.test` sent."""
        path = f"/v1/webhooks/{part(webhook)}/test"
        return self._one(Delivery, Call("POST", path, is_repeatable=False))

    def deliveries(self, webhook: str, status: DeliveryStatus | None = None) -> Iterator[Delivery]:
        """Give the messages to a webhook, the newest first."""
        path = f"/v1/webhooks/{part(webhook)}/deliveries"
        yield from self._pages(Delivery, path, "deliveries", {"status": status})

    def replay(self, webhook: str, delivery: str) -> Delivery:
        """Have a message sent again, under its id."""
        path = f"/v1/webhooks/{part(webhook)}/deliveries/{part(delivery)}/replay"
        return self._one(Delivery, Call("POST", path))
