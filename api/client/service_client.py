"""The client itself: a method for every route; results are the types of the service."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypedDict, TypeVar, Unpack
from urllib.parse import quote
from uuid import uuid4

import httpx2
from pydantic import BaseModel

from api.client.connection import (
    Call,
    Connection,
    Content,
    ReadingFailedError,
    ServiceError,
    WaitedTooLongError,
    retry_after,
)
from api.store.batches import BatchEntry, BatchItem, ItemStatus
from api.store.cases import CaseDetails, CaseEntry
from api.store.documents import DocumentEntry, Status
from api.store.feed import Event
from api.store.outbox import Delivery, DeliveryStatus
from api.store.searching import SearchHit
from api.store.webhooks import NewWebhook, Webhook
from extractor.checklist.model import Checklist
from extractor.extraction import Extraction

M = TypeVar("M", bound=BaseModel)

_OCTETS: Final = {"Content-Type": "application/octet-stream"}
_USUAL_WAIT: Final = 2.0
_LONG_POLL: Final = 20.0


class DocumentFilters(TypedDict, total=False):
    """Which documents to list; those that fulfil all of it."""

    status: Status
    kind: str
    text: str
    batch: str
    case: str
    received_after: datetime
    received_before: datetime


class CaseFilters(TypedDict, total=False):
    """Which cases to list; those that fulfil all of it."""

    text: str
    origin: str
    document: str
    accident_from: date
    accident_to: date


class SearchFilters(TypedDict, total=False):
    """Where to search; see `GET /v1/search`."""

    type: str
    kind: str
    case: str
    date_from: date
    date_to: date


class Client:
    """A client of one service; safe to use from many threads.

    with Client("https://hecha.example.gov.cn", key="…") as client:
        extraction = client.read(Path("调查报告.pdf"))

    Every method raises `ServiceError` where the service answers with a problem, and
    `UnreachableError` where no answer comes. What passes (the service is starting, or too busy) is
    tried again, without doing anything twice.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        key: str | None = None,
        *,
        timeout: float = 60.0,
        retries: int = 5,
        http: httpx2.Client | None = None,
    ) -> None:
        """Prepare it; nothing is sent yet. `timeout` is in seconds, for every request.

        Without a `key` it is that of the environment, HECHA_KEY. `http` is a client of one's own,
        for a proxy or certificates; `url`, `timeout` and what the environment says are then its
        own.
        """
        if http is None and key is None:
            key = os.environ.get("HECHA_KEY")
        self._http = http or httpx2.Client(base_url=url, timeout=timeout)
        if key is not None:
            self._http.headers["Authorization"] = f"Bearer {key}"
        self._connection = Connection(self._http, retries)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    # Documents

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
        call = Call("GET", f"/v1/documents/{_part(document)}")
        for answer in self._until(call, timeout):
            entry = _parsed(DocumentEntry, answer)
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
        return self._one(DocumentEntry, Call("GET", f"/v1/documents/{_part(document)}"))

    def documents(self, **filters: Unpack[DocumentFilters]) -> Iterator[DocumentEntry]:
        """Give all documents, or those that are asked for, the newest first."""
        query = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in filters.items()
        }
        yield from self._pages(DocumentEntry, "/v1/documents", "documents", query)

    def reprocess(self, document: str) -> DocumentEntry:
        """Have a document read again by the service as it is now."""
        return self._one(DocumentEntry, Call("POST", f"/v1/documents/{_part(document)}/reprocess"))

    def delete_document(self, document: str) -> None:
        """Delete a document and everything read from it."""
        self._delete(f"/v1/documents/{_part(document)}")

    def hold(self, document: str, reason: str) -> DocumentEntry:
        """Put a document on legal hold: nobody and no rule deletes it."""
        path = f"/v1/documents/{_part(document)}/hold"
        return self._one(DocumentEntry, Call("PUT", path, body={"reason": reason}))

    def release(self, document: str) -> DocumentEntry:
        """End the legal hold of a document."""
        return self._one(DocumentEntry, Call("DELETE", f"/v1/documents/{_part(document)}/hold"))

    def extraction(self, document: str, version: str | None = None) -> Extraction:
        """Return what was read from a document, the newest or of one version."""
        path = f"/v1/documents/{_part(document)}/extraction"
        return self._one(Extraction, Call("GET", path, {"version": version}))

    def text(self, document: str) -> str:
        """Return the text of a document, to which all ranges refer (in code points)."""
        path = f"/v1/documents/{_part(document)}/text"
        return self._connection.send(Call("GET", path)).content.decode("utf-8")

    def original(self, document: str) -> bytes:
        """Return the file of a document as it was sent."""
        path = f"/v1/documents/{_part(document)}/original"
        return self._connection.send(Call("GET", path)).content

    def page_image(self, document: str, number: int, dpi: int = 110) -> bytes:
        """Return a page, counted from 1, as a PNG."""
        path = f"/v1/documents/{_part(document)}/pages/{number}.png"
        return self._connection.send(Call("GET", path, {"dpi": dpi})).content

    # Checklists

    def checklist(self, documents: Sequence[str]) -> Checklist:
        """Return the checklist of the documents of one accident."""
        body = {"documents": list(documents)}
        return self._one(Checklist, Call("POST", "/v1/checklists", body=body))

    def document_checklist(self, document: str) -> Checklist:
        """Return the checklist of one document."""
        return self._one(Checklist, Call("GET", f"/v1/documents/{_part(document)}/checklist"))

    def document_workbook(self, document: str) -> bytes:
        """Return the checklist of one document as an Excel workbook."""
        path = f"/v1/documents/{_part(document)}/checklist.xlsx"
        return self._connection.send(Call("GET", path)).content

    # Cases

    def cases(self, **filters: Unpack[CaseFilters]) -> Iterator[CaseEntry]:
        """Give the cases, the newest first."""
        yield from self._pages(CaseEntry, "/v1/cases", "cases", _query(filters))

    def case(self, case: str) -> CaseDetails:
        """Return a case with its documents, and why each is there."""
        return self._one(CaseDetails, Call("GET", f"/v1/cases/{_part(case)}"))

    def create_case(self, documents: Sequence[str], name: str | None = None) -> CaseDetails:
        """Make a case of documents; they leave the cases in which they were."""
        body = {"documents": list(documents), "name": name}
        call = Call("POST", "/v1/cases", body=body, is_repeatable=False)
        return self._one(CaseDetails, call)

    def rename_case(self, case: CaseEntry, name: str) -> CaseDetails:
        """Give a case another name; as all changes of cases, only if nobody changed it meanwhile.

        Raises:
            ServiceError: `precondition_failed`, where another has changed it since it was read.
        """
        return self._change_case(case, "PATCH", body={"name": name})

    def dissolve_case(self, case: CaseEntry) -> None:
        """Dissolve a case; its documents stay, and belong to none."""
        self._connection.send(_case_call(case, "DELETE"))

    def add_to_case(self, case: CaseEntry, document: str) -> CaseDetails:
        """Put a document into a case; it leaves the one in which it was."""
        return self._change_case(case, "PUT", f"/documents/{_part(document)}")

    def take_out_of_case(self, case: CaseEntry, document: str) -> None:
        """Take a document out of a case; it stays, and belongs to none."""
        self._connection.send(_case_call(case, "DELETE", f"/documents/{_part(document)}"))

    def merge_cases(self, case: CaseEntry, others: Sequence[str]) -> CaseDetails:
        """Put the documents of other cases into this one; those are no longer there then."""
        return self._change_case(case, "POST", "/merge", {"cases": list(others)})

    def case_checklist(self, case: str) -> Checklist:
        """Return the checklist of a case; its hints name the documents that are not yet read."""
        return self._one(Checklist, Call("GET", f"/v1/cases/{_part(case)}/checklist"))

    def case_workbook(self, case: str) -> bytes:
        """Return the checklist of a case as an Excel workbook."""
        path = f"/v1/cases/{_part(case)}/checklist.xlsx"
        return self._connection.send(Call("GET", path)).content

    def case_table(self, case: str, table: str = "accountability") -> bytes:
        """Return one table of the checklist of a case as CSV, in UTF-8."""
        path = f"/v1/cases/{_part(case)}/checklist.csv"
        return self._connection.send(Call("GET", path, {"table": table})).content

    def search(self, words: str, **filters: Unpack[SearchFilters]) -> Iterator[SearchHit]:
        """Give the places where all of these words are, the best first."""
        yield from self._pages(SearchHit, "/v1/search", "hits", {"q": words, **_query(filters)})

    # Batches

    def upload_batch(
        self, archive: Content, filename: str | None = None, *, idempotency_key: str | None = None
    ) -> BatchEntry:
        """Send an archive, every file of which is then read; bytes need a `filename`."""
        call = self._upload("/v1/batches", archive, filename, idempotency_key)
        return self._one(BatchEntry, call)

    def read_folder(self, folder: str, *, idempotency_key: str | None = None) -> BatchEntry:
        """Have a folder of the server read, by the name that its operator gave it."""
        headers = _keyed(idempotency_key)
        call = Call("POST", "/v1/batches", headers=headers, body={"folder": folder})
        return self._one(BatchEntry, call)

    def wait_for_batch(
        self,
        batch: str,
        progress: Callable[[BatchEntry], None] | None = None,
        timeout: float | None = None,
    ) -> BatchEntry:
        """Wait until a batch has come to its end; `progress` is told how far it is meanwhile.

        Raises:
            WaitedTooLongError: it has not come to its end.
        """
        call = Call("GET", f"/v1/batches/{_part(batch)}")
        for answer in self._until(call, timeout):
            entry = _parsed(BatchEntry, answer)
            if progress is not None:
                progress(entry)
            if not entry.is_under_way:
                break
        return entry

    def batch(self, batch: str) -> BatchEntry:
        """Return how far a batch has come."""
        return self._one(BatchEntry, Call("GET", f"/v1/batches/{_part(batch)}"))

    def batches(self) -> Iterator[BatchEntry]:
        """Give all batches, the newest first."""
        yield from self._pages(BatchEntry, "/v1/batches", "batches")

    def batch_items(self, batch: str, status: ItemStatus | None = None) -> Iterator[BatchItem]:
        """Give the files of a batch in their order, all or those of one status."""
        path = f"/v1/batches/{_part(batch)}/items"
        yield from self._pages(BatchItem, path, "items", {"status": status})

    def cancel_batch(self, batch: str) -> BatchEntry:
        """Stop a batch; what waits is taken out of the queue."""
        return self._one(BatchEntry, Call("POST", f"/v1/batches/{_part(batch)}/cancel"))

    def retry_batch(self, batch: str) -> BatchEntry:
        """Have what failed in a batch read again."""
        return self._one(BatchEntry, Call("POST", f"/v1/batches/{_part(batch)}/retry"))

    def delete_batch(self, batch: str) -> None:
        """Delete a batch that has come to its end; its documents stay."""
        self._delete(f"/v1/batches/{_part(batch)}")

    # Events

    def events(
        self, after: str | None = None, types: Sequence[str] = (), *, follow: bool = False
    ) -> Iterator[Event]:
        """Give what changed, in order, after a cursor; keep `event.cursor` to go on later.

        With `follow` it never ends, and waits for what is still to come.

        Raises:
            ServiceError: `events_forgotten`, where what follows the cursor is no longer whole.
        """
        query = {"types": ",".join(types) or None, "wait": _LONG_POLL if follow else None}
        while True:
            timeout = _LONG_POLL + 30 if follow else None
            call = Call("GET", "/v1/events", {**query, "after": after}, timeout=timeout)
            page = self._connection.send(call).json()
            for each in page["events"]:
                yield _made(Event, each)
            after = page["next_cursor"]
            if not page["has_more"] and not follow:
                return

    # Webhooks

    def create_webhook(
        self, url: str, types: Sequence[str] = (), description: str | None = None
    ) -> NewWebhook:
        """Have events sent to an address; keep the secret, which is told this once."""
        body = {"url": url, "types": list(types), "description": description}
        call = Call("POST", "/v1/webhooks", body=body, is_repeatable=False)
        return self._one(NewWebhook, call)

    def webhooks(self) -> list[Webhook]:
        """Return all webhooks, the oldest first."""
        found = self._connection.send(Call("GET", "/v1/webhooks")).json()["webhooks"]
        return [_made(Webhook, each) for each in found]

    def webhook(self, webhook: str) -> Webhook:
        """Return a webhook, without its secret."""
        return self._one(Webhook, Call("GET", f"/v1/webhooks/{_part(webhook)}"))

    def change_webhook(
        self, webhook: Webhook, *, enabled: bool | None = None, **changes: Any
    ) -> Webhook:
        """Change `url`, `types`, `description` of a webhook, or whether it is enabled.

        Raises:
            ServiceError: `precondition_failed`, where another has changed it since it was read.
        """
        body = {name: value for name, value in changes.items() if value is not None}
        if enabled is not None:
            body["enabled"] = enabled
        headers = {"If-Match": f'"{webhook.revision}"'}
        path = f"/v1/webhooks/{_part(webhook.id)}"
        call = Call("PATCH", path, headers=headers, body=body, is_repeatable=False)
        return self._one(Webhook, call)

    def rotate_secret(self, webhook: Webhook, *, overlap_hours: int | None = None) -> NewWebhook:
        """Give a webhook a new secret, which is told here and never again.

        Messages are signed with both for 24 hours, or as many as are given; 0 ends the old at once.

        Raises:
            ServiceError: `precondition_failed`, where another has changed it since it was read.
        """
        body = {} if overlap_hours is None else {"overlap_hours": overlap_hours}
        headers = {"If-Match": f'"{webhook.revision}"'}
        path = f"/v1/webhooks/{_part(webhook.id)}/rotate-secret"
        call = Call("POST", path, headers=headers, body=body, is_repeatable=False)
        return self._one(NewWebhook, call)

    def delete_webhook(self, webhook: str) -> None:
        """Delete a webhook and what is known of its messages."""
        self._delete(f"/v1/webhooks/{_part(webhook)}")

    def test_webhook(self, webhook: str) -> Delivery:
        """Have a message of the type `webhook.test` sent."""
        path = f"/v1/webhooks/{_part(webhook)}/test"
        return self._one(Delivery, Call("POST", path, is_repeatable=False))

    def deliveries(self, webhook: str, status: DeliveryStatus | None = None) -> Iterator[Delivery]:
        """Give the messages to a webhook, the newest first."""
        path = f"/v1/webhooks/{_part(webhook)}/deliveries"
        yield from self._pages(Delivery, path, "deliveries", {"status": status})

    def replay(self, webhook: str, delivery: str) -> Delivery:
        """Have a message sent again, under its id."""
        path = f"/v1/webhooks/{_part(webhook)}/deliveries/{_part(delivery)}/replay"
        return self._one(Delivery, Call("POST", path))

    # The service

    def is_alive(self) -> bool:
        """Tell whether the service runs."""
        return self._connection.send(Call("GET", "/livez")).status_code == 200

    def is_ready(self) -> bool:
        """Tell whether the service can work: its database and its files answer."""
        try:
            Connection(self._http, 0).send(Call("GET", "/readyz"))
        except ServiceError as error:
            if error.status == 503:
                return False
            raise
        return True

    def _upload(self, path: str, file: Content, filename: str | None, key: str | None) -> Call:
        name = filename or (file.name if isinstance(file, Path) else None)
        if name is None:
            raise ValueError("bytes need a filename")
        headers = {**_OCTETS, **_keyed(key)}
        return Call("POST", path, {"filename": name}, headers, content=file)

    def _one(self, model: type[M], call: Call) -> M:
        return _parsed(model, self._connection.send(call))

    def _change_case(
        self, case: CaseEntry, method: str, part: str = "", body: Any = None
    ) -> CaseDetails:
        return self._one(CaseDetails, _case_call(case, method, part, body))

    def _delete(self, path: str) -> None:
        self._connection.send(Call("DELETE", path, is_repeatable=False))

    def _pages(
        self, model: type[M], path: str, name: str, query: dict[str, Any] | None = None
    ) -> Iterator[M]:
        wanted = dict(query or {})
        while True:
            page = self._connection.send(Call("GET", path, wanted)).json()
            for each in page[name]:
                yield _made(model, each)
            if page["next_cursor"] is None:
                return
            wanted["cursor"] = page["next_cursor"]

    def _until(self, call: Call, timeout: float | None) -> Iterator[httpx2.Response]:
        """Ask again and again, as often as the service wants, while the caller wants more."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            answer = self._connection.send(call)
            yield answer
            seconds = retry_after(answer, _USUAL_WAIT)
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise WaitedTooLongError("等待的时间到了，服务还在处理。可以稍后再查询。")
                seconds = min(seconds, left)
            self._connection.pause(seconds)


def _case_call(case: CaseEntry, method: str, part: str = "", body: Any = None) -> Call:
    """Return a change of a case that is made only if it is still as it was read."""
    headers = {"If-Match": f'"{case.revision}"'}
    path = f"/v1/cases/{_part(case.id)}{part}"
    return Call(method, path, headers=headers, body=body, is_repeatable=False)


def _query(filters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in filters.items()
    }


def _parsed(model: type[M], answer: httpx2.Response) -> M:
    """Read an answer; fields that a later version of the service adds are left out."""
    return model.model_validate_json(answer.content, extra="ignore")


def _made(model: type[M], value: Any) -> M:
    return model.model_validate(value, extra="ignore")


def _part(name: str) -> str:
    """Return an id as a part of a path, whatever it holds."""
    return quote(name, safe="") or "-"


def _keyed(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid4())}
