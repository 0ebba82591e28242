"""Which modules follow what happens in the store: the one place where hooks are named."""

from __future__ import annotations

from api.store import audit, outbox
from api.store.case_grouping import group_saved, leave_case
from api.store.hooks import HOOKS
from api.store.searching import forget_words, index_saved


def wire() -> None:
    """Fill the hooks; calling it again changes nothing."""
    HOOKS.preparing = [index_saved]
    HOOKS.saved = [group_saved]
    HOOKS.emitted = [audit.follow, outbox.queue]
    HOOKS.deleting = [forget_words, leave_case]
    HOOKS.derived = {"facts": "api.jobs.deriving:facts", "words": "api.jobs.deriving:words"}
