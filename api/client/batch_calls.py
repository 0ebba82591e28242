"""What the client does with batches: archives and folders, of which every file is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from api.client.calls import Calls, keyed, parsed, part
from api.client.connection import Call, Content
from api.store.batches import BatchEntry, BatchItem, ItemStatus


class BatchCalls(Calls):
    """Batches and their files."""

    def upload_batch(
        self, archive: Content, filename: str | None = None, *, idempotency_key: str | None = None
    ) -> BatchEntry:
        """Send an archive, every file of which is then read; bytes need a `filename`."""
        call = self._upload("/v1/batches", archive, filename, idempotency_key)
        return self._one(BatchEntry, call)

    def read_folder(self, folder: str, *, idempotency_key: str | None = None) -> BatchEntry:
        """Have a folder of the server read, by the name that its operator gave it."""
        headers = keyed(idempotency_key)
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
        call = Call("GET", f"/v1/batches/{part(batch)}")
        for answer in self._until(call, timeout):
            entry = parsed(BatchEntry, answer)
            if progress is not None:
                progress(entry)
            if not entry.is_under_way:
                break
        return entry

    def batch(self, batch: str) -> BatchEntry:
        """Return how far a batch has come."""
        return self._one(BatchEntry, Call("GET", f"/v1/batches/{part(batch)}"))

    def batches(self) -> Iterator[BatchEntry]:
        """Give all batches, the newest first."""
        yield from self._pages(BatchEntry, "/v1/batches", "batches")

    def batch_items(self, batch: str, status: ItemStatus | None = None) -> Iterator[BatchItem]:
        """Give the files of a batch in their order, all or those of one status."""
        path = f"/v1/batches/{part(batch)}/items"
        yield from self._pages(BatchItem, path, "items", {"status": status})

    def cancel_batch(self, batch: str) -> BatchEntry:
        """Stop a batch; what waits is taken out of the queue."""
        return self._one(BatchEntry, Call("POST", f"/v1/batches/{part(batch)}/cancel"))

    def retry_batch(self, batch: str) -> BatchEntry:
        """Have what failed in a batch read again."""
        return self._one(BatchEntry, Call("POST", f"/v1/batches/{part(batch)}/retry"))

    def delete_batch(self, batch: str) -> None:
        """Delete a batch that has come to its end; its documents stay."""
        self._delete(f"/v1/batches/{part(batch)}")
