"""A typed client of the service: `from api.client import Client`; see docs/client.md."""

from api.client.connection import (
    ClientError,
    ReadingFailedError,
    ServiceError,
    UnreachableError,
    WaitedTooLongError,
)
from api.client.messages import WebhookMessage, verify_webhook
from api.client.service_client import Client
from api.signatures import SignatureError

__all__ = [
    "Client",
    "ClientError",
    "ReadingFailedError",
    "ServiceError",
    "SignatureError",
    "UnreachableError",
    "WaitedTooLongError",
    "WebhookMessage",
    "verify_webhook",
]
