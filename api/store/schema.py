"""All tables of the service, in one place; `migrations/` brings an existing database to this form.

Every table of user data begins with `tenant`, in its rows, its keys and its indexes: no query may
go without it. A time is an integer of microseconds since 1970 in UTC, equal on SQLite and
PostgreSQL and in the order of time. What only one database has (full text, triggers) stands in
`native`.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    false,
)

from api.store.native import after_create

DEFAULT_TENANT: Final = "default"
"""The tenant of an installation that serves one office."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite numbers rows by itself only in a column that is called INTEGER.
_Serial: Final = BigInteger().with_variant(Integer, "sqlite")
_Json: Final = JSON(none_as_null=True)


def _id(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, String(40), primary_key=key, nullable=False)


def _sha256(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, String(64), primary_key=key, nullable=False)


def _time(name: str, *, optional: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=optional)


def _of_document(column: str = "document") -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant", column], ["documents.tenant", "documents.id"], ondelete="CASCADE"
    )


INSTALLATION: Final = Table(
    "installation",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Facts about this installation, one a row, such as a secret that was made at the first start."""

TENANTS: Final = Table(
    "tenants",
    metadata,
    _id("id", key=True),
    Column("name", Text, nullable=False),
    _time("created_at"),
)

EXECUTORS: Final = Table(
    "executors",
    metadata,
    _id("id", key=True),
    _time("started_at"),
    _time("seen_at"),
)
"""The processes that take jobs, and when each was last seen: others take over from the dead."""

FILES: Final = Table(
    "files",
    metadata,
    _sha256("sha256", key=True),
    Column("size", BigInteger, nullable=False),
    _time("created_at"),
)
"""The bytes in the file store. Tenants share them; the way to them is a row of `documents`."""

DOCUMENTS: Final = Table(
    "documents",
    metadata,
    Column("number", _Serial, primary_key=True, autoincrement=True),
    _id("tenant"),
    _sha256("id"),
    Column("filename", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("source", String(10), nullable=False),
    _time("received_at"),
    _time("updated_at"),
    Column("status", String(10), nullable=False),
    Column("error_code", String(60)),
    Column("error_message", Text),
    Column("error_page", Integer),
    # How often the document was given to a worker: part of the name of its job.
    Column("attempt", Integer, nullable=False, server_default="0"),
    # How often reading was begun and did not come to an end: too often, and it is given up.
    Column("tries", Integer, nullable=False, server_default="0"),
    # A file that a person waits for (0) goes before those of a batch (1).
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("claimed_by", String(40)),
    Column("version_wanted", String(80), nullable=False),
    # What follows is filled from the newest result, for lists.
    Column("version_done", String(80)),
    Column("media_type", String(120)),
    Column("kind", String(20)),
    Column("title", Text),
    Column("number_text", Text),
    Column("issuer", Text),
    Column("date", String(10)),
    Column("accident_mark", String(40)),
    Column("accident_date", String(10)),
    Column("accident_name", Text),
    Column("pages", Integer),
    Column("characters", Integer),
    Column("reading", String(10)),
    Column("warnings", _Json),
    # File name and title in lower case, for lists that look for a part of them; see `name_index`.
    Column("label", Text, nullable=False, server_default=""),
    Column("label_words", Text, nullable=False, server_default=""),
    Column("legal_hold", Boolean, nullable=False, server_default=false()),
    Column("hold_reason", Text),
    UniqueConstraint("tenant", "id"),
    ForeignKeyConstraint(["id"], ["files.sha256"], name="fk_documents_files"),
    Index(None, "tenant", "number"),
    Index(None, "tenant", "status", "number"),
    Index(None, "tenant", "kind", "number"),
    Index(None, "tenant", "received_at"),
    Index("ix_documents_queue", "status", "priority", "number"),
    Index("ix_documents_id", "id"),
    sqlite_autoincrement=True,
)

RESULTS: Final = Table(
    "results",
    metadata,
    _id("tenant", key=True),
    _sha256("document", key=True),
    Column("version", String(80), primary_key=True),
    _time("created_at"),
    Column("record", Text, nullable=False),
    Column("extraction", Text, nullable=False),
    Column("document_blob", LargeBinary, nullable=False),
    Column("seconds", _Json, nullable=False),
    _of_document(),
)
"""What was read, once for each version of the extraction: a new version keeps the old."""

BATCHES: Final = Table(
    "batches",
    metadata,
    _id("tenant", key=True),
    _id("id", key=True),
    _time("created_at"),
    _time("updated_at"),
    Column("kind", String(10), nullable=False),
    Column("name", Text, nullable=False),
    Column("status", String(10), nullable=False),
    Column("total", Integer, nullable=False, server_default="0"),
    Column("file", String(64)),
    Column("folder", Text),
    Column("error_code", String(60)),
    Column("error_message", Text),
    _time("cancelled_at", optional=True),
    # Who unpacks it, and until when: after that another may.
    Column("claimed_by", String(40)),
    _time("claimed_until", optional=True),
    Index(None, "tenant", "created_at"),
    Index("ix_batches_status", "status"),
    Index("ix_batches_file", "file"),
)

BATCH_ITEMS: Final = Table(
    "batch_items",
    metadata,
    _id("tenant", key=True),
    _id("batch", key=True),
    Column("position", Integer, primary_key=True),
    Column("path", Text, nullable=False),
    Column("document", String(64)),
    Column("status", String(10), nullable=False),
    Column("code", String(60)),
    Column("message", Text),
    ForeignKeyConstraint(["tenant", "batch"], ["batches.tenant", "batches.id"], ondelete="CASCADE"),
    Index(None, "tenant", "document", "batch"),
    Index(None, "tenant", "batch", "status"),
)

CASES: Final = Table(
    "cases",
    metadata,
    _id("tenant", key=True),
    _id("id", key=True),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("name", Text, nullable=False),
    # A name that a person gave is not changed by what documents say.
    Column("named", Boolean, nullable=False, server_default=false()),
    Column("accident_date", String(10)),
    Column("accident_mark", String(40)),
    _time("created_at"),
    _time("updated_at"),
    Column("origin", String(10), nullable=False),
    Column("reason", _Json),
    Index(None, "tenant", "created_at"),
)

CASE_DOCUMENTS: Final = Table(
    "case_documents",
    metadata,
    _id("tenant", key=True),
    _sha256("document", key=True),
    # None: it belongs to no case. With `pinned` a person wants it so.
    Column("case", String(40)),
    Column("origin", String(10), nullable=False),
    Column("pinned", Boolean, nullable=False, server_default=false()),
    Column("reason", _Json),
    # Grows with every change of this row.
    Column("revision", Integer, nullable=False, server_default="1"),
    _time("added_at"),
    _of_document(),
    ForeignKeyConstraint(["tenant", "case"], ["cases.tenant", "cases.id"], ondelete="CASCADE"),
    Index(None, "tenant", "case"),
)
"""Which case a document belongs to: at most one. What is `pinned` only people change."""

CASE_FACTS: Final = Table(
    "case_facts",
    metadata,
    _id("tenant", key=True),
    _sha256("document", key=True),
    # Equal where two documents say the same of their accident.
    Column("signature", String(32), nullable=False),
    Column("facts", Text, nullable=False),
    _of_document(),
    Index(None, "tenant", "signature"),
)
"""What a document says of its accident, for grouping."""

CASE_KEYS: Final = Table(
    "case_keys",
    metadata,
    _id("tenant", key=True),
    Column("key", String(32), primary_key=True),
    _sha256("document", key=True),
    _of_document(),
    Index(None, "tenant", "document"),
)
"""The keys by which documents of one accident find one another, hashed."""

EVENTS: Final = Table(
    "events",
    metadata,
    Column("seq", _Serial, primary_key=True, autoincrement=True),
    _id("tenant"),
    _time("at"),
    Column("type", String(60), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("data", _Json, nullable=False),
    Index(None, "tenant", "seq"),
    sqlite_autoincrement=True,
)
"""Everything that changed, in the order of `seq`; written in the transaction that it tells of."""

WEBHOOKS: Final = Table(
    "webhooks",
    metadata,
    _id("tenant", key=True),
    _id("id", key=True),
    Column("url", Text, nullable=False),
    # Sealed, as the one before it, which signs beside it until its time is over.
    Column("secret", Text, nullable=False),
    Column("previous_secret", Text),
    _time("previous_until", optional=True),
    Column("types", _Json, nullable=False),
    Column("description", Text),
    Column("revision", Integer, nullable=False, server_default="1"),
    _time("created_at"),
    _time("failing_since", optional=True),
    _time("disabled_at", optional=True),
    Column("disabled_reason", Text),
)

DELIVERIES: Final = Table(
    "deliveries",
    metadata,
    _id("tenant", key=True),
    _id("webhook", key=True),
    Column("event_seq", BigInteger, primary_key=True, autoincrement=False),
    # The same at every try, so that a receiver can tell a repetition.
    Column("id", String(80), nullable=False),
    Column("status", String(10), nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    _time("created_at"),
    # When to send it next; of one that is being sent, when another may take it for lost.
    _time("next_at", optional=True),
    _time("give_up_at"),
    Column("last_status", Integer),
    Column("last_error", Text),
    _time("last_at", optional=True),
    _time("delivered_at", optional=True),
    ForeignKeyConstraint(
        ["tenant", "webhook"], ["webhooks.tenant", "webhooks.id"], ondelete="CASCADE"
    ),
    ForeignKeyConstraint(["event_seq"], ["events.seq"], ondelete="CASCADE"),
    UniqueConstraint("tenant", "id"),
    Index("ix_deliveries_status_next_at", "status", "next_at"),
    Index("ix_deliveries_event_seq", "event_seq"),
)

KEYS: Final = Table(
    "keys",
    metadata,
    _id("tenant", key=True),
    _id("id", key=True),
    # A key is 256 random bits: a plain SHA-256 of it cannot be guessed back.
    Column("hash", String(64), nullable=False, unique=True),
    Column("prefix", String(20), nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", _Json, nullable=False),
    _time("created_at"),
    _time("expires_at", optional=True),
    _time("revoked_at", optional=True),
    _time("last_used_at", optional=True),
)

SESSIONS: Final = Table(
    "sessions",
    metadata,
    _sha256("hash", key=True),
    _id("tenant"),
    Column("subject", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", _Json, nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("data", _Json),
    _time("created_at"),
    _time("expires_at"),
    _time("last_used_at"),
    Index(None, "tenant", "subject"),
    Index("ix_sessions_expires_at", "expires_at"),
)

AUDIT: Final = Table(
    "audit",
    metadata,
    Column("seq", _Serial, primary_key=True, autoincrement=True),
    _time("at"),
    _id("tenant"),
    Column("actor", Text, nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),
    _sha256("previous_hash"),
    Column("hash", String(64), nullable=False, unique=True),
    Index(None, "tenant", "seq"),
    sqlite_autoincrement=True,
)
"""Who read or changed what. Triggers refuse to change it; each row holds the hash of the last."""

IDEMPOTENCY: Final = Table(
    "idempotency",
    metadata,
    _id("tenant", key=True),
    Column("key", String(255), primary_key=True),
    Column("route", String(120), primary_key=True),
    _sha256("request_hash"),
    Column("status", Integer),
    Column("response", Text),
    _time("created_at"),
    Index("ix_idempotency_created_at", "created_at"),
)

SEARCH_ENTRIES: Final = Table(
    "search_entries",
    metadata,
    Column("number", _Serial, primary_key=True, autoincrement=True),
    _id("tenant"),
    _sha256("document"),
    Column("kind", String(20), nullable=False),
    Column("row", String(40), nullable=False),
    Column("tokens", Text, nullable=False),
    # Words that stand for the tenant, the kind of entry, the document, its kind and its year.
    Column("scope", Text, nullable=False),
    _of_document(),
    Index(None, "tenant", "document"),
    sqlite_autoincrement=True,
)
"""The words of a document, and of each row that was read from it, apart by spaces; see `native`."""

RETENTION: Final = Table(
    "retention",
    metadata,
    Column("tenant", String(40), ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True),
    Column("days", Integer, nullable=False),
    _time("updated_at"),
)
"""After how many days the documents of a tenant are deleted."""

event.listen(metadata, "after_create", after_create)
