"""What the two databases write differently: indexes of words, the guard of `audit`.

On SQLite `search_index` is an FTS5 table over the tokens and scope of `search_entries`, kept by
triggers; its rowid is `search_entries.number`. `label_index` is one over the words of labels of
`documents`. On PostgreSQL the column `words` holds the tsvector of the tokens, without marks of
punctuation, which the server takes for letters in the locale C; `documents.label_index` holds
that of the words of labels. Words of the scope begin with #, which no word of a text does.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, MetaData

_KEPT: Final = "audit is append-only"
_MARKS: Final = (
    "，。、；：！？“”‘’（）《》〈〉〔〕【】［］｛｝「」『』"
    "…—－·・•．％＋＝～￥＃＆＊＠／＼｜＜＞\u3000"
)

GROUP: Final = "CASE kind WHEN 'document' THEN 0 WHEN 'text' THEN 2 ELSE 1 END"
"""Of an entry on PostgreSQL, as an expression of an index: its place in `searching.GROUPS`."""

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
    """
    CREATE VIRTUAL TABLE label_index USING fts5(
        label_words, content='documents', content_rowid='number', tokenize='ascii', columnsize=0
    )
    """,
    """
    CREATE TRIGGER documents_insert AFTER INSERT ON documents BEGIN
        INSERT INTO label_index(rowid, label_words) VALUES (new.number, new.label_words);
    END
    """,
    """
    CREATE TRIGGER documents_delete AFTER DELETE ON documents BEGIN
        INSERT INTO label_index(label_index, rowid, label_words)
        VALUES ('delete', old.number, old.label_words);
    END
    """,
    """
    CREATE TRIGGER documents_update AFTER UPDATE OF label_words ON documents
    WHEN old.label_words <> new.label_words BEGIN
        INSERT INTO label_index(label_index, rowid, label_words)
        VALUES ('delete', old.number, old.label_words);
        INSERT INTO label_index(rowid, label_words) VALUES (new.number, new.label_words);
    END
    """,
    # Deleted words must not stay readable in the indexes.
    "INSERT INTO search_index(search_index, rank) VALUES ('secure-delete', 1)",
    "INSERT INTO label_index(label_index, rank) VALUES ('secure-delete', 1)",
    f"CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END",
    f"CREATE TRIGGER audit_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END",
)

POSTGRESQL: Final = (
    f"""
    ALTER TABLE search_entries ADD COLUMN words tsvector GENERATED ALWAYS AS
    (to_tsvector('simple'::regconfig, translate(tokens, '{_MARKS}', '{" " * len(_MARKS)}')) ||
    array_to_tsvector(string_to_array('#' || replace(scope, ' ', ' #'), ' '))) STORED
    """,
    f"""
    CREATE INDEX ix_search_entries_words_newest ON search_entries
    (tenant, ({GROUP}), number)
    """,
    "CREATE INDEX ix_search_entries_words ON search_entries USING gin (words)",
    """
    ALTER TABLE documents ADD COLUMN label_index tsvector GENERATED ALWAYS AS
    (array_to_tsvector(string_to_array(label_words, ' '))) STORED
    """,
    # Every change of a row adds its words anew, so they are gathered; each search reads those.
    """
    CREATE INDEX ix_documents_label_index ON documents USING gin (label_index)
    WITH (gin_pending_list_limit = 512)
    """,
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

    # The versions that had it first destroy the index.
    return sqlite3.sqlite_version_info >= (3, 46, 1)


def after_create(_: MetaData, connection: Connection, **__: Any) -> None:
    """Follow `metadata.create_all`."""
    create_native(connection)
