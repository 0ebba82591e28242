"""How the reading of a queue on PostgreSQL grows with the number of worker processes.

`hecha serve` takes the documents in and reads none; one, two and four `hecha worker` with one
reader each then empty the queue. The rate counts from the moment when each has had time to warm
up. In the end every document must have exactly one result and one event that tells of it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from bench.figures import Figure, show
from bench.soak import Process, Service, bodies, scratch
from tests.postgres_server import fresh_database, running_server

DOCUMENTS: Final = 400
PROCESSES: Final = (1, 2, 4)
LEAST: Final = 1.5
"""Two processes on two processors or more read so many times as much as one, or more."""
_WARM: Final = 60
_PATIENCE: Final = 600.0


def rate(folder: Path, url: str, processes: int) -> tuple[float, int]:
    """Return documents a second with so many worker processes, and the faults that were found."""
    service = Service(folder, url, workers=0)
    serve, worker = service.processes
    worker.arguments = ["worker", "--workers", "1"]
    more = [Process(worker.arguments, worker.environment, worker.log) for _ in range(processes - 1)]
    service.processes = [serve]
    try:
        service.start()
        ids = [service.upload(body) for body in bodies(DOCUMENTS)]
        service.processes = [serve, worker, *more]
        for process in (worker, *more):
            process.start()
        first, began = _wait(service, _WARM * processes)
        last, ended = _wait(service, DOCUMENTS)
        service.stop()
    finally:
        for process in (serve, worker, *more):
            process.kill()
    return (last - first) / (ended - began), len(service.faults(ids))


def _wait(service: Service, documents: int) -> tuple[int, float]:
    """Wait until so many documents are read; return how many are, and when that was."""
    deadline = time.monotonic() + _PATIENCE
    while (done := service.states()["succeeded"]) < documents:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{done} of {documents}")
        time.sleep(0.05)
    return done, time.perf_counter()


def main() -> None:
    """Measure and print."""
    rates: dict[int, float] = {}
    faults = 0
    with running_server() as server:
        for processes in PROCESSES:
            with scratch() as folder, fresh_database(server.url) as url:
                shown = url.render_as_string(hide_password=False)
                rates[processes], found = rate(folder, shown, processes)
                faults += found
    least = LEAST if (os.cpu_count() or 1) >= 2 else None
    figures = {
        f"{processes} 个读取进程": Figure(each, "份/秒") for processes, each in rates.items()
    }
    figures["两个与一个之比"] = Figure(rates[2] / rates[1], "倍", least=least)
    figures["四个与一个之比"] = Figure(rates[4] / rates[1], "倍", least=least)
    figures["丢失或重复"] = Figure(faults, "份", most=0)
    show("PostgreSQL 上增加读取进程", figures)


if __name__ == "__main__":
    main()
