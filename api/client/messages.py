"""What a receiver of webhooks does with a message: check who sent it, then read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from api.signatures import SignatureError, verify


class WebhookMessage(BaseModel):
    """A message that was verified: `id` is the same whenever the message is sent again."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]

    @property
    def subject(self) -> str:
        """The id of what the event is about: a document, a batch."""
        return str(self.data.get("subject", ""))


def verify_webhook(headers: Mapping[str, str], body: bytes, secret: str) -> WebhookMessage:
    """Return the message, if it was signed with this secret within the last five minutes.

    `body` must be the bytes of the request as they came, not a text that was read and written.

    Raises:
        SignatureError: it was not, or is no message.
    """
    message_id = verify(secret, headers, body)
    try:
        content = _Content.model_validate_json(body)
    except ValidationError as exc:
        raise SignatureError("签名相符，但内容不是推送的消息。请核对接收的地址。") from exc
    return WebhookMessage(id=message_id, **content.model_dump())


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str
    timestamp: datetime
    data: dict[str, Any]
