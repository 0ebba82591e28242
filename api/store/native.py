"""What the two databases write differently: full text over `search_entries`, the guard of `audit`.

On SQLite `search_index` is an FTS5 table over the tokens and scope of `search_entries`, kept by
triggers; its rowid is `search_entries.number`. On PostgreSQL the column `words` holds the
tsvector of the tokens, without marks of punctuation, which the server takes for letters in the
locale C.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, MetaData

_KEPT: Final = "audit is append-only"
_MARKS: Final = (
    "，。、；：！？“”‘’（）《》〈〉〔〕【】［］｛｝「」『』"
    "…—－·・•．％＋＝～￥＃＆＊＠／＼｜＜＞\u3000"
)

SQLITE: Final = (
    """
    CREATE VIRTUAL TABLE search_index USING fts5(
        tokens, scope, content='search_entries', content_rowid='number', tokenize='unicode61'
    )
    """,
    """
    CREATE TRIGGER search_entries_insert AFTER INSERT ON search_entries BEGIN
        INSERT INTO search_index(rowid, tokens, scope) VALUES (new.number, new.tokens, new.scope);
    END
    """,
    """
    CREATE TRIGGER search_entries_delete AFTER DELETE ON search_entries BEGIN
        INSERT INTO search_index(search_index, rowid, tokens, scope)
        VALUES ('delete', old.number, old.tokens, old.scope);
    END
    """,
    """
    CREATE TRIGGER search_entries_update AFTER UPDATE OF tokens ON search_entries BEGIN
        INSERT INTO search_index(search_index, rowid, tokens, scope)
        VALUES ('delete', old.number, old.tokens, old.scope);
        INSERT INTO search_index(rowid, tokens, scope) VALUES (new.number, new.tokens, new.scope);
    END
    """,
    # Deleted words must not stay readable in the index.
    "INSERT INTO search_index(search_index, rank) VALUES ('secure-delete', 1)",
    f"CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END",
    f"CREATE TRIGGER audit_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END",
)

POSTGRESQL: Final = (
    f"""
    ALTER TABLE search_entries ADD COLUMN words tsvector GENERATED ALWAYS AS
    (to_tsvector('simple'::regconfig, translate(tokens, '{_MARKS}', '{" " * len(_MARKS)}'))) STORED
    """,
    "CREATE INDEX ix_search_entries_words ON search_entries USING gin (words)",
    f"""
    CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{_KEPT}'; END $$
    """,
    """
    CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
    """,
)


def create_native(connection: Connection) -> None:
    """Make what only this kind of database has; the tables must be there."""
    is_sqlite = connection.dialect.name == "sqlite"
    for statement in SQLITE if is_sqlite else POSTGRESQL:
        if "secure-delete" in statement and not _has_secure_delete():
            continue
        connection.exec_driver_sql(statement)


def _has_secure_delete() -> bool:
    import sqlite3

    return sqlite3.sqlite_version_info >= (3, 42)


def after_create(_: MetaData, connection: Connection, **__: Any) -> None:
    """Follow `metadata.create_all`."""
    create_native(connection)
