"""The first form of the tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from api.store.native import create_native

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables, the ones that others refer to first."""
    for make in (
        _audit,
        _batches,
        _cases,
        _events,
        _executors,
        _files,
        _idempotency,
        _installation,
        _keys,
        _sessions,
        _tenants,
        _webhooks,
        _batch_items,
        _deliveries,
        _documents,
        _documents_indexes,
        _retention,
        _case_documents,
        _case_facts,
        _case_keys,
        _results,
        _search_entries,
    ):
        make()
    create_native(op.get_bind())


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_tenant_seq"), "audit", ["tenant", "seq"], unique=False)


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("file", sa.String(length=64), nullable=True),
        sa.Column("folder", sa.Text(), nullable=True),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.Column("claimed_by", sa.String(length=40), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_batches")),
    )
    op.create_index("ix_batches_file", "batches", ["file"], unique=False)
    op.create_index("ix_batches_status", "batches", ["status"], unique=False)
    op.create_index(
        op.f("ix_batches_tenant_created_at"), "batches", ["tenant", "created_at"], unique=False
    )


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("named", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("accident_date", sa.String(length=10), nullable=True),
        sa.Column("accident_mark", sa.String(length=40), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_cases")),
    )
    op.create_index(
        op.f("ix_cases_tenant_created_at"), "cases", ["tenant", "created_at"], unique=False
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_events_tenant_seq"), "events", ["tenant", "seq"], unique=False)


def _executors() -> None:
    op.create_table(
        "executors",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_executors")),
    )


def _files() -> None:
    op.create_table(
        "files",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_files")),
    )


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("route", sa.String(length=120), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("response", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key", "route", name=op.f("pk_idempotency")),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"], unique=False)


def _installation() -> None:
    op.create_table(
        "installation",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation")),
    )


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_keys_hash")),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"], unique=False)
    op.create_index(
        op.f("ix_sessions_tenant_subject"), "sessions", ["tenant", "subject"], unique=False
    )


def _tenants() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
    )


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        sa.Column("previous_until", sa.BigInteger(), nullable=True),
        sa.Column("types", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_webhooks")),
    )


def _batch_items() -> None:
    op.create_table(
        "batch_items",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("batch", sa.String(length=40), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant", "batch"],
            ["batches.tenant", "batches.id"],
            name=op.f("fk_batch_items_batches"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "batch", "position", name=op.f("pk_batch_items")),
    )
    op.create_index(
        op.f("ix_batch_items_tenant_batch_status"),
        "batch_items",
        ["tenant", "batch", "status"],
        unique=False,
    )
    op.create_index(
        op.f("ix_batch_items_tenant_document_batch"),
        "batch_items",
        ["tenant", "document", "batch"],
        unique=False,
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("webhook", sa.String(length=40), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("give_up_at", sa.BigInteger(), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("last_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["event_seq"], ["events.seq"], name=op.f("fk_deliveries_events"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "webhook"],
            ["webhooks.tenant", "webhooks.id"],
            name=op.f("fk_deliveries_webhooks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "webhook", "event_seq", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("tenant", "id", name=op.f("uq_deliveries_tenant_id")),
    )
    op.create_index(
        "ix_deliveries_status_next_at", "deliveries", ["status", "next_at"], unique=False
    )
    op.create_index("ix_deliveries_event_seq", "deliveries", ["event_seq"], unique=False)


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_page", sa.Integer(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claimed_by", sa.String(length=40), nullable=True),
        sa.Column("version_wanted", sa.String(length=80), nullable=False),
        sa.Column("version_done", sa.String(length=80), nullable=True),
        sa.Column("media_type", sa.String(length=120), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("number_text", sa.Text(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("date", sa.String(length=10), nullable=True),
        sa.Column("accident_mark", sa.String(length=40), nullable=True),
        sa.Column("accident_date", sa.String(length=10), nullable=True),
        sa.Column("accident_name", sa.Text(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("characters", sa.Integer(), nullable=True),
        sa.Column("reading", sa.String(length=10), nullable=True),
        sa.Column("warnings", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("label_words", sa.Text(), server_default="", nullable=False),
        sa.Column("legal_hold", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("hold_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["files.sha256"], name="fk_documents_files"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_documents")),
        sa.UniqueConstraint("tenant", "id", name=op.f("uq_documents_tenant_id")),
        sqlite_autoincrement=True,
    )


def _documents_indexes() -> None:
    op.create_index("ix_documents_id", "documents", ["id"], unique=False)
    op.create_index(
        "ix_documents_queue", "documents", ["status", "priority", "number"], unique=False
    )
    op.create_index(
        op.f("ix_documents_tenant_kind_number"),
        "documents",
        ["tenant", "kind", "number"],
        unique=False,
    )
    op.create_index(
        op.f("ix_documents_tenant_number"),
        "documents",
        ["tenant", "number"],
        unique=False,
    )
    op.create_index(
        op.f("ix_documents_tenant_received_at"),
        "documents",
        ["tenant", "received_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_documents_tenant_status_number"),
        "documents",
        ["tenant", "status", "number"],
        unique=False,
    )


def _retention() -> None:
    op.create_table(
        "retention",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenants.id"], name=op.f("fk_retention_tenants"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_retention")),
    )


def _case_documents() -> None:
    op.create_table(
        "case_documents",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("case", sa.String(length=40), nullable=True),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("pinned", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reason", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "case"],
            ["cases.tenant", "cases.id"],
            name=op.f("fk_case_documents_cases"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant", "document"],
            ["documents.tenant", "documents.id"],
            name=op.f("fk_case_documents_documents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "document", name=op.f("pk_case_documents")),
    )
    op.create_index(
        op.f("ix_case_documents_tenant_case"), "case_documents", ["tenant", "case"], unique=False
    )


def _case_facts() -> None:
    op.create_table(
        "case_facts",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=32), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "document"],
            ["documents.tenant", "documents.id"],
            name=op.f("fk_case_facts_documents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "document", name=op.f("pk_case_facts")),
    )
    op.create_index(
        op.f("ix_case_facts_tenant_signature"), "case_facts", ["tenant", "signature"], unique=False
    )


def _case_keys() -> None:
    op.create_table(
        "case_keys",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "document"],
            ["documents.tenant", "documents.id"],
            name=op.f("fk_case_keys_documents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "key", "document", name=op.f("pk_case_keys")),
    )
    op.create_index(
        op.f("ix_case_keys_tenant_document"), "case_keys", ["tenant", "document"], unique=False
    )


def _results() -> None:
    op.create_table(
        "results",
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("extraction", sa.Text(), nullable=False),
        sa.Column("document_blob", sa.LargeBinary(), nullable=False),
        sa.Column("seconds", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "document"],
            ["documents.tenant", "documents.id"],
            name=op.f("fk_results_documents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant", "document", "version", name=op.f("pk_results")),
    )


def _search_entries() -> None:
    op.create_table(
        "search_entries",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("tenant", sa.String(length=40), nullable=False),
        sa.Column("document", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("row", sa.String(length=40), nullable=False),
        sa.Column("tokens", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant", "document"],
            ["documents.tenant", "documents.id"],
            name=op.f("fk_search_entries_documents"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_search_entries")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_search_entries_tenant_document"),
        "search_entries",
        ["tenant", "document"],
        unique=False,
    )
