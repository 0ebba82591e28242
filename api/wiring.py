"""Which modules follow what happens in the store: the one place where hooks are named."""

from __future__ import annotations

from api.store import audit
from api.store.hooks import HOOKS


def wire() -> None:
    """Fill the hooks; calling it again changes nothing."""
    HOOKS.saved = []
    HOOKS.emitted = [audit.follow]
    HOOKS.deleting = []
    HOOKS.derived = {}
