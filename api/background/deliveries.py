"""Sending messages to webhooks: signed, with a lasting id, until received or 24 hours are over.

A receiver answers 2xx within the time limit; 410 means that nothing more is to be sent. Redirects
are not followed, and no more of an answer is read than its status. How long to wait before the
next try doubles and doubles, with a part by chance, so that a receiver that comes back is not met
by all messages at once.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
import threading
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import httpcore2
from sqlalchemy.exc import SQLAlchemyError

from api.safe_network import AddressRefusedError, CheckedBackend, check_url
from api.sealing import Sealer, SealError
from api.signatures import ID_HEADER, SIGNATURE_HEADER, TIME_HEADER, sign
from api.store import outbox
from api.store.database import Database
from api.store.outbox import Claimed
from api.store.webhooks import owner_of

_log = logging.getLogger("hecha.webhooks")

_SECONDS: Final = 20.0
"""How long one message may take, from the look-up of the name to the status of the answer."""
_AT_ONCE: Final = 64
_EACH: Final = 16
_POLL: Final = 0.5
_FIRST_WAIT: Final = 5.0
_LONGEST_WAIT: Final = 3600.0
_TIMED_OUT: Final = f"接收方在 {_SECONDS:g} 秒内没有应答。"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one try; `error` is None where the message was received."""

    status: int | None
    error: str | None


def wait_after(tries: int) -> float:
    """Return after how many seconds to try again: 5, 15, 45 … up to an hour, ± 20 %."""
    seconds = min(_FIRST_WAIT * 3.0 ** min(tries - 1, 12), _LONGEST_WAIT)
    return seconds * (0.8 + secrets.randbelow(4001) / 10_000)


class Deliverer:
    """Sends what is due, in a thread of its own, until it is stopped."""

    def __init__(
        self,
        database: Database,
        allowed: Collection[str],
        sealer: Sealer,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare it; the hosts `allowed` may be private. `tls` is that of the system."""
        self._database = database
        self._sealer = sealer
        self._allowed = frozenset(allowed)
        self._tls = tls
        self._stopping = threading.Event()
        self._grace = _SECONDS
        self._thread: threading.Thread | None = None
        self._busy: Counter[tuple[str, str]] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin sending.

        Raises:
            SQLAlchemyError: the database does not answer.
        """
        if self._database.is_sqlite:
            with self._database.write() as connection:
                outbox.release_all(connection)
        self._thread = threading.Thread(target=self._run, name="hecha_deliver", daemon=True)
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Take up nothing more, and wait so long for what is being sent; the rest is sent again."""
        self._grace = min(seconds, _SECONDS)
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(self._grace + 5)

    def _run(self) -> None:
        asyncio.run(self._work())

    async def _work(self) -> None:
        async with httpcore2.AsyncConnectionPool(
            ssl_context=self._tls,
            max_connections=_AT_ONCE,
            max_keepalive_connections=0,
            network_backend=CheckedBackend(self._allowed),
        ) as pool:
            while not self._stopping.is_set():
                begun = await self._begin(pool)
                if not begun and self._tasks:
                    await asyncio.wait(
                        self._tasks, timeout=_POLL, return_when=asyncio.FIRST_COMPLETED
                    )
                elif not begun:
                    await asyncio.sleep(_POLL)
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._grace)
            for task in self._tasks:
                task.cancel()

    async def _begin(self, pool: httpcore2.AsyncConnectionPool) -> int:
        """Claim what is due and begin to send it; return how many."""
        room = _AT_ONCE - len(self._tasks)
        if room <= 0:
            return 0
        try:
            claimed = await asyncio.to_thread(self._claim, room)
        except SQLAlchemyError as error:
            _log.warning("cannot look for messages to send: %s", type(error).__name__)
            await asyncio.sleep(2.0)
            return 0
        for message in claimed:
            self._busy[message.tenant, message.webhook] += 1
            task = asyncio.create_task(self._deliver(pool, message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(claimed)

    def _claim(self, room: int) -> list[Claimed]:
        busy = [target for target, count in self._busy.items() if count > 0]
        with self._database.read() as connection:
            # Looking costs SQLite nothing; a transaction that writes holds up all others.
            if not outbox.is_due(connection):
                return []
        with self._database.write() as connection:
            return outbox.claim(connection, room, _EACH, busy)

    async def _deliver(self, pool: httpcore2.AsyncConnectionPool, message: Claimed) -> None:
        try:
            signing = await asyncio.to_thread(self._secrets, message)
            if signing:
                outcome = await send(pool, message, signing, self._allowed)
                await asyncio.to_thread(self._note, message, outcome)
        except SQLAlchemyError as error:
            # The claim ends by itself: the message is sent again, with the same id.
            _log.warning("cannot note what came of a message: %s", type(error).__name__)
        except Exception as error:
            _log.error("unexpected %s while sending a message", type(error).__name__)
        finally:
            self._busy[message.tenant, message.webhook] -= 1

    def _secrets(self, message: Claimed) -> list[str]:
        """Return the secrets that sign a message; none where the newest cannot be opened."""
        owner = owner_of(message.tenant, message.webhook)
        newest, *before = message.sealed
        try:
            opened = [self._sealer.open(newest, owner)]
        except SealError:
            _log.error("cannot open the secret of a webhook: see hecha doctor --data")
            with self._database.write() as connection:
                outbox.unreadable(connection, message)
            return []
        for sealed in before:
            with suppress(SealError):
                opened.append(self._sealer.open(sealed, owner))
        return opened

    def _note(self, message: Claimed, outcome: Outcome) -> None:
        with self._database.write() as connection:
            if outcome.error is None:
                outbox.delivered(connection, message, outcome.status or 0)
            else:
                wait = wait_after(message.tries)
                outbox.failed(connection, message, outcome.status, outcome.error, wait)
        _log.info("message try %d: %s", message.tries, outcome.status or "no answer")


async def send(
    pool: httpcore2.AsyncConnectionPool,
    message: Claimed,
    signing: Sequence[str],
    allowed: Collection[str],
) -> Outcome:
    """Send a message once, signed with every secret of `signing`, and tell what came of it."""
    timestamp = int(time.time())
    signatures = [sign(secret, message.id, timestamp, message.body) for secret in signing]
    headers: dict[bytes | str, bytes | str] = {
        "Content-Type": "application/json",
        "User-Agent": "hecha-webhooks/1",
        ID_HEADER: message.id,
        TIME_HEADER: str(timestamp),
        SIGNATURE_HEADER: " ".join(signatures),
    }
    try:
        check_url(message.url, allowed)
        async with (
            asyncio.timeout(_SECONDS),
            pool.stream("POST", message.url, headers=headers, content=message.body) as answer,
        ):
            return _outcome(answer.status)
    except AddressRefusedError as error:
        return Outcome(None, str(error))
    except (TimeoutError, httpcore2.TimeoutException):
        return Outcome(None, _TIMED_OUT)
    except httpcore2.ConnectError as error:
        is_tls = isinstance(error.__cause__ or error.__context__, ssl.SSLError)
        reason = "接收方的证书有问题，或不支持加密连接。" if is_tls else "连接不上接收方。"
        return Outcome(None, reason)
    except (httpcore2.NetworkError, httpcore2.ProtocolError):
        return Outcome(None, "连接中断，或接收方的应答不是 HTTP。")


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome(status, None)
    if 300 <= status < 400:
        return Outcome(status, f"接收方转到别的地址（{status}），没有跟随。请改用最终的地址。")
    if status == 410:
        return Outcome(status, "接收方回答 410：不再接收。")
    return Outcome(status, f"接收方回答 {status}。应在处理前先回答 2xx。")
