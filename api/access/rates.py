"""How often one may ask: by key or person, by address for the unknown, and failed logins.

Counted in the memory of this process, over a moving window.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import ceil

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter


@dataclass(frozen=True, slots=True)
class Hit:
    """What a request found: whether it may go on, the limit, and what is left of it.

    `seconds` is how long until there is room again, `window` how long the limit counts.
    """

    allowed: bool
    limit: int
    remaining: int
    seconds: int
    window: int

    def headers(self) -> dict[str, str]:
        """Return the header fields that tell a client of it."""
        return {
            "RateLimit-Policy": f'"default";q={self.limit};w={self.window}',
            "RateLimit": f'"default";r={self.remaining};t={self.seconds}',
        }


class Rates:
    """Counts requests; each limit is written like 600/minute, or `none`."""

    def __init__(self, known: str, unknown: str, failed: str) -> None:
        """Begin to count with nothing counted."""
        self._known, self._unknown, self._failed = map(_limit, (known, unknown, failed))
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def ask(self, actor: str) -> Hit | None:
        """Count a request of someone who is known; None without a limit."""
        return self._hit(self._known, actor)

    def ask_unknown(self, address: str) -> Hit | None:
        """Count a request of someone who is not."""
        return self._hit(self._unknown, f"address {address}")

    def fail(self, address: str) -> Hit | None:
        """Count a failed login."""
        return self._hit(self._failed, f"failed {address}")

    def locked(self, address: str) -> Hit | None:
        """Return the limit if too many logins from this address failed lately."""
        item, name = self._failed, f"failed {address}"
        if item is None or self._limiter.test(item, name):
            return None
        return self._state(item, name, allowed=False)

    def _hit(self, item: RateLimitItem | None, name: str) -> Hit | None:
        if item is None:
            return None
        return self._state(item, name, allowed=self._limiter.hit(item, name))

    def _state(self, item: RateLimitItem, name: str, *, allowed: bool) -> Hit:
        stats = self._limiter.get_window_stats(item, name)
        seconds = max(1, ceil(stats.reset_time - time.time()))
        return Hit(allowed, item.amount, stats.remaining, seconds, item.get_expiry())


def _limit(text: str) -> RateLimitItem | None:
    return None if text == "none" else parse(text)
