"""Signatures of webhooks by the rules of Standard Webhooks: `v1`, HMAC-SHA256.

What is signed is `id.timestamp.body`, so that nobody can send a message again later, or under
another id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how every secret begins
ID_HEADER: Final = "webhook-id"
TIME_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"
_SECRET_BYTES: Final = 32
TOLERANCE_SECONDS: Final = 300
"""How far the time of a message may be from that of the receiver."""


class SignatureError(Exception):
    """A message was not signed with this secret, or not lately."""


def new_secret() -> str:
    """Return a new secret: `whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`; `timestamp` is in seconds since 1970.

    Raises:
        SignatureError: the secret is not in the form of `new_secret`.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise SignatureError("密钥的格式不对：应以 whsec_ 开头。请核对创建推送时给出的密钥。")
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def verify(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance: int = TOLERANCE_SECONDS,
    at: float | None = None,
) -> str:
    """Return the id of a message that is signed with this secret, and was sent lately.

    `headers` may be written in any case, `body` must be the bytes as they came; `at` is the time
    of the receiver in seconds since 1970, now unless given.

    Raises:
        SignatureError: it is not.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id = given.get(ID_HEADER, "")
    timestamp, signatures = given.get(TIME_HEADER, ""), given.get(SIGNATURE_HEADER, "")
    if not (message_id and signatures and timestamp.isascii() and timestamp.isdigit()):
        raise SignatureError(
            "缺少签名的请求头 webhook-id、webhook-timestamp 或 webhook-signature。"
        )
    moment = time.time() if at is None else at
    if len(timestamp) > 12 or abs(moment - int(timestamp)) > tolerance:
        raise SignatureError("签名的时间与本机相差太多。请核对本机时间；也可能是有人重发旧消息。")
    expected = sign(secret, message_id, int(timestamp), body).encode()
    # All are compared, in constant time: a sender that changes its secret signs with both.
    matches = [hmac.compare_digest(expected, each.encode()) for each in signatures.split(" ")]
    if not any(matches):
        raise SignatureError("签名不符：消息不是由持有这个密钥的服务发出的，或内容被改过。")
    return message_id
