"""What was read from a document, once for each version of the extraction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from api.store.document_codec import load_document
from api.store.ids import now
from api.store.schema import RESULTS
from extractor.document import Document
from extractor.extraction import Extraction


@dataclass(frozen=True, slots=True)
class Result:
    """What is kept of one reading; texts are JSON, `seconds` are by stage."""

    version: str
    record: str
    extraction: str
    document_blob: bytes
    seconds: Mapping[str, float]


def put(connection: Connection, tenant: str, document: str, result: Result) -> None:
    """Keep a result; one of the same version is replaced."""
    same = (RESULTS.c.tenant == tenant, RESULTS.c.document == document)
    connection.execute(delete(RESULTS).where(*same, RESULTS.c.version == result.version))
    row = {
        "tenant": tenant,
        "document": document,
        "version": result.version,
        "created_at": now(),
        "record": result.record,
        "extraction": result.extraction,
        "document_blob": result.document_blob,
        "seconds": dict(result.seconds),
    }
    connection.execute(insert(RESULTS).values(row))


def versions(connection: Connection, tenant: str, document: str) -> list[str]:
    """Return the versions of which there are results, the newest result first."""
    query = (
        select(RESULTS.c.version)
        .where(RESULTS.c.tenant == tenant, RESULTS.c.document == document)
        .order_by(RESULTS.c.created_at.desc())
    )
    return list(connection.execute(query).scalars())


def newest(connection: Connection, tenant: str, documents: Collection[str]) -> dict[str, int]:
    """Return when the newest result of each of these documents was made, where there is one."""
    query = (
        select(RESULTS.c.document, func.max(RESULTS.c.created_at))
        .where(RESULTS.c.tenant == tenant, RESULTS.c.document.in_(documents))
        .group_by(RESULTS.c.document)
    )
    return {row.document: row[1] for row in connection.execute(query)}


def extraction_json(
    connection: Connection, tenant: str, document: str, version: str | None = None
) -> tuple[str, str] | None:
    """Return the version and the extraction of a document as JSON; None where there is none.

    Without a `version` the newest result.
    """
    row = _newest(connection, tenant, document, version, RESULTS.c.version, RESULTS.c.extraction)
    return None if row is None else (row.version, row.extraction)


def extraction_of(connection: Connection, tenant: str, document: str) -> Extraction | None:
    """Return the newest extraction of a document; None where there is none."""
    found = extraction_json(connection, tenant, document)
    return None if found is None else Extraction.model_validate_json(found[1])


def source_of(
    connection: Connection, tenant: str, document: str
) -> tuple[Document, Extraction] | None:
    """Return what a checklist is built from, of the newest result; None where there is none."""
    columns = (RESULTS.c.document_blob, RESULTS.c.extraction)
    row = _newest(connection, tenant, document, None, *columns)
    if row is None:
        return None
    return load_document(row.document_blob), Extraction.model_validate_json(row.extraction)


def document_of(connection: Connection, tenant: str, document: str) -> Document | None:
    """Return the text and layout of the newest result; None where there is none."""
    row = _newest(connection, tenant, document, None, RESULTS.c.document_blob)
    return None if row is None else load_document(row.document_blob)


def _newest(
    connection: Connection, tenant: str, document: str, version: str | None, *columns: Any
) -> Any:
    query = select(*columns).where(RESULTS.c.tenant == tenant, RESULTS.c.document == document)
    if version is not None:
        query = query.where(RESULTS.c.version == version)
    return connection.execute(query.order_by(RESULTS.c.created_at.desc()).limit(1)).first()
