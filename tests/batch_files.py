"""Archives and services for tests of batches, webhooks and the feed."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL

from api.background.deliveries import Deliverer
from api.background.unpacking import Unpacker
from api.jobs import claims
from api.services import Services, open_services
from api.settings import Settings
from api.store import batches
from api.store.schema import DEFAULT_TENANT
from extractor.formats.limited import WorkerPool
from tests.api_client import REPORT, SECRET_KEY
from tests.sample_files import zip_file
from tests.webhook_receiver import HOST

WORKERS: Final = WorkerPool(1000, 3)
"""The processes in which archives are opened, kept from test to test."""
atexit.register(WORKERS.close)


def unpack(services: Services, kind: type[Unpacker] = Unpacker) -> bool:
    """Unpack a batch that waits, if there is one; tell whether."""
    return kind(services, WORKERS).unpack_one()


def report(number: int) -> bytes:
    """A short report, each number another."""
    return REPORT + f"\n第{number}份。".encode()


def reports(count: int) -> bytes:
    """A ZIP of so many reports."""
    return zip_file({f"{number:03}/报告.txt": report(number) for number in range(count)})


@contextmanager
def opened(url: URL, folder: Path, **settings: Any) -> Iterator[Services]:
    """Open services on a database, which nothing runs for."""
    shown = url.render_as_string(hide_password=False)
    # Beside SQLite the service makes a key itself.
    own: dict[str, Any] = {} if url.get_backend_name() == "sqlite" else {"secret_key": SECRET_KEY}
    chosen = Settings(data=folder, database_url=shown, **own, **settings)
    with closing(open_services(chosen)) as services:
        yield services


def accept_batch(services: Services, archive: bytes, key: str | None = None) -> str:
    """Take in an archive and return the id of its batch."""
    incoming = services.files.incoming()
    incoming.write(archive)
    return services.accept_batch(DEFAULT_TENANT, incoming, "档案.zip", key).id


def entry_of(services: Services, batch: str) -> batches.BatchEntry:
    """Return what a batch says of itself."""
    with services.database.read() as connection:
        entry = batches.get(connection, DEFAULT_TENANT, batch)
    assert entry is not None
    return entry


def items_of(services: Services, batch: str) -> list[batches.BatchItem]:
    """Return the files of a batch."""
    with services.database.read() as connection:
        return batches.items(connection, DEFAULT_TENANT, batch, 1000)[0]


@contextmanager
def delivering(services: Services) -> Iterator[None]:
    """Send what is due to receivers on this machine, while the block runs."""
    deliverer = Deliverer(services.database, (HOST,), services.settings.sealer)
    deliverer.start()
    try:
        yield
    finally:
        deliverer.stop(5)


def end_all(services: Services, failing: int = 0) -> int:
    """End all documents in the queue: the first so many fail, the others are gone from it."""
    with services.database.write() as connection:
        jobs = claims.claim(connection, "reader", 1000)
        for job in jobs[:failing]:
            claims.fail(connection, job, "file_corrupt", "坏了。请重新上传。", None)
    for job in jobs[failing:]:
        with services.database.write() as connection:
            claims.fail(connection, job, "file_empty", "空的。请核对。", None)
    return len(jobs)
