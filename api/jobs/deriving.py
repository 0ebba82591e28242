"""What hooks of the store want of a document, made in the worker process that reads it."""

from __future__ import annotations

from api.store.words import Entry, entries_of
from extractor.checklist.case_facts import case_facts
from extractor.document import Document
from extractor.extraction import Extraction


def facts(_: Document, extraction: Extraction) -> str:
    """Return what the document says of its accident, as JSON of `CaseFacts`."""
    return case_facts(extraction).model_dump_json()


def words(document: Document, extraction: Extraction) -> list[Entry]:
    """Return the words by which the document and its rows are found."""
    return entries_of(document, extraction)
