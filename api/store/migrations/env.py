"""What alembic runs: the steps, on the connection that the caller has opened."""

from __future__ import annotations

from alembic import context

from api.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite changes a table by copying it.
    render_as_batch=True,
    # A step and the note that it was made are one transaction, the caller's.
    transactional_ddl=False,
)
context.run_migrations()
