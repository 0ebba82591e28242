"""Who is at work: the actor that stands in the audit, and the documents that an answer shows.

It goes along with the request, into the threads that serve it. Without a request it is the
program itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

SYSTEM: Final = "system"
COMMAND_LINE: Final = "cli"


@dataclass(slots=True)
class Visit:
    """One request: who makes it, and what the audit is to say of it.

    `action` is None where nothing is read that names people; `subjects` are the documents that
    were shown; where none are named, `place` is what the path names. With `only_shown` there is
    nothing to say unless there are some. `route` is set where something may be changed, `is_noted`
    once a change was written into the audit with what it changed.
    """

    actor: str
    action: str | None = None
    only_shown: bool = False
    place: str = ""
    route: str | None = None
    is_noted: bool = False
    subjects: list[str] = field(default_factory=list)


_VISIT: ContextVar[Visit | None] = ContextVar("visit", default=None)


@contextmanager
def visiting(visit: Visit) -> Iterator[Visit]:
    """Make what is done in the block the doing of this visit."""
    token = _VISIT.set(visit)
    try:
        yield visit
    finally:
        _VISIT.reset(token)


def actor() -> str:
    """Return who is at work: `key:` or `user:` and an id, `cli`, or `system`."""
    visit = _VISIT.get()
    return SYSTEM if visit is None else visit.actor


def noted() -> None:
    """Note that what this request changes is in the audit."""
    visit = _VISIT.get()
    if visit is not None:
        visit.is_noted = True


def shown(*subjects: str) -> None:
    """Note that the answer to this request shows what was read from these documents."""
    visit = _VISIT.get()
    if visit is not None:
        visit.subjects.extend(each for each in subjects if each not in visit.subjects)
