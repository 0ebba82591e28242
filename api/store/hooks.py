"""What others do inside a transaction of the store: search rows, case grouping, deliveries.

`api.wiring` fills the lists, once. A hook runs in the transaction of what it follows: if it fails,
nothing of it is kept. It must be quick, and must not touch the network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy import Connection

from extractor.extraction import DocumentRecord


@dataclass(frozen=True, slots=True)
class Saved:
    """A result that is being stored: of which document, and what was read.

    `extraction` is JSON; `derived` holds what the functions of `Hooks.derived` made of the document
    in the worker process, by their names.
    """

    tenant: str
    document: str
    version: str
    record: DocumentRecord
    extraction: str
    derived: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Emitted:
    """An event that is being stored."""

    seq: int
    tenant: str
    type: str
    subject: str


SavedHook: TypeAlias = Callable[[Connection, Saved], None]
EmittedHook: TypeAlias = Callable[[Connection, Emitted], None]
DeletedHook: TypeAlias = Callable[[Connection, str, str], None]


@dataclass(slots=True)
class Hooks:
    """The hooks of this process.

    `preparing` go before a result, in a transaction of their own, so that none takes long: they may
    be called again. `saved` follow a result; `emitted` an event; `deleting` go before the deletion
    of a document (tenant, document). `derived` are functions "module:function" of a `Document` and
    an `Extraction`, called in the worker process, which return plain values; by name.
    """

    preparing: list[SavedHook] = field(default_factory=list)
    saved: list[SavedHook] = field(default_factory=list)
    emitted: list[EmittedHook] = field(default_factory=list)
    deleting: list[DeletedHook] = field(default_factory=list)
    derived: dict[str, str] = field(default_factory=dict)


HOOKS = Hooks()
