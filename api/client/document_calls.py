"""What the client does with documents: upload, wait, fetch what was read, check, search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TypedDict, Unpack

from api.client.calls import Calls, parsed, part, query
from api.client.connection import Call, Content, ReadingFailedError
from api.store.documents import DocumentEntry, Status
from api.store.searching import SearchHit
from api.store.words import EntryKind
from extractor.checklist.model import Checklist
from extractor.extraction import DocumentKind, Extraction


class DocumentFilters(TypedDict, total=False):
    """Which documents to list; those that fulfil all of it."""

    status: Status
    kind: DocumentKind
    text: str
    batch: str
    case: str
    received_after: datetime
    received_before: datetime


class SearchFilters(TypedDict, total=False):
    """Where to search; see `GET /v1/search`."""

    type: EntryKind
    kind: DocumentKind
    case: str
    date_from: date
    date_to: date


class DocumentCalls(Calls):
    """Documents and what was read from them."""

    def upload(
        self, file: Content, filename: str | None = None, *, idempotency_key: str | None = None
    ) -> DocumentEntry:
        """Send a file, which is then read in the background; bytes need a `filename`.

        A file that the service has is not read again; its entry is returned.
        """
        call = self._upload("/v1/documents", file, filename, idempotency_key)
        return self._one(DocumentEntry, call)

    def wait(self, document: str, timeout: float | None = None) -> DocumentEntry:
        """Wait until a document is read, for `timeout` seconds at most; return its entry.

        Raises:
            ReadingFailedError: it could not be read, or its reading was cancelled.
            WaitedTooLongError: it is not yet read.
        """
        call = Call("GET", f"/v1/documents/{part(document)}")
        for answer in self._until(call, timeout):
            entry = parsed(DocumentEntry, answer)
            if not entry.is_under_way:
                break
        if entry.status != "succeeded":
            raise ReadingFailedError(entry)
        return entry

    def read(
        self, file: Content, filename: str | None = None, *, timeout: float | None = None
    ) -> Extraction:
        """Send a file, wait until it is read, and return what was read from it.

        Raises:
            ReadingFailedError: it could not be read.
            WaitedTooLongError: it is not yet read.
        """
        entry = self.upload(file, filename)
        if entry.status != "succeeded":
            entry = self.wait(entry.id, timeout)
        return self.extraction(entry.id)

    def document(self, document: str) -> DocumentEntry:
        """Return what a document is, and how far its reading has come."""
        return self._one(DocumentEntry, Call("GET", f"/v1/documents/{part(document)}"))

    def documents(self, **filters: Unpack[DocumentFilters]) -> Iterator[DocumentEntry]:
        """Give all documents, or those that are asked for, the newest first."""
        yield from self._pages(DocumentEntry, "/v1/documents", "documents", query(filters))

    def reprocess(self, document: str) -> DocumentEntry:
        """Have a document read again by the service as it is now."""
        return self._one(DocumentEntry, Call("POST", f"/v1/documents/{part(document)}/reprocess"))

    def delete_document(self, document: str) -> None:
        """Delete a document and everything read from it."""
        self._delete(f"/v1/documents/{part(document)}")

    def hold(self, document: str, reason: str) -> DocumentEntry:
        """Put a document on legal hold: nobody and no rule deletes it."""
        path = f"/v1/documents/{part(document)}/hold"
        return self._one(DocumentEntry, Call("PUT", path, body={"reason": reason}))

    def release(self, document: str) -> DocumentEntry:
        """End the legal hold of a document."""
        return self._one(DocumentEntry, Call("DELETE", f"/v1/documents/{part(document)}/hold"))

    def extraction(self, document: str, version: str | None = None) -> Extraction:
        """Return what was read from a document, the newest or of one version."""
        path = f"/v1/documents/{part(document)}/extraction"
        return self._one(Extraction, Call("GET", path, {"version": version}))

    def text(self, document: str) -> str:
        """Return the text of a document, to which all ranges refer (in code points)."""
        path = f"/v1/documents/{part(document)}/text"
        return self._content(Call("GET", path)).decode("utf-8")

    def original(self, document: str) -> bytes:
        """Return the file of a document as it was sent."""
        path = f"/v1/documents/{part(document)}/original"
        return self._content(Call("GET", path))

    def page_image(self, document: str, number: int, dpi: int = 110) -> bytes:
        """Return a page, counted from 1, as a PNG."""
        path = f"/v1/documents/{part(document)}/pages/{number}.png"
        return self._content(Call("GET", path, {"dpi": dpi}))

    # Checklists

    def checklist(self, documents: Sequence[str]) -> Checklist:
        """Return the checklist of the documents of one accident."""
        body = {"documents": list(documents)}
        return self._one(Checklist, Call("POST", "/v1/checklists", body=body))

    def document_checklist(self, document: str) -> Checklist:
        """Return the checklist of one document."""
        return self._one(Checklist, Call("GET", f"/v1/documents/{part(document)}/checklist"))

    def document_workbook(self, document: str) -> bytes:
        """Return the checklist of one document as an Excel workbook."""
        path = f"/v1/documents/{part(document)}/checklist.xlsx"
        return self._content(Call("GET", path))

    def search(self, words: str, **filters: Unpack[SearchFilters]) -> Iterator[SearchHit]:
        """Give the places where all of these words are, the best first."""
        yield from self._pages(SearchHit, "/v1/search", "hits", {"q": words, **query(filters)})
