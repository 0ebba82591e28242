"""How soon an upload is accepted while a bulk is being read: 20 clients, 1 MB each time.

Each client sends a file, waits for the answer, and pauses for half a second on average. The clients
run in processes of their own, so that they do not wait for each other. The service is a real
`hecha serve` with a reader on each processor, which has more to read than it can meanwhile.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from typing import Final

from bench.figures import Figure, show
from bench.soak import ROOT, Service, bodies, scratch

CLIENTS: Final = 20
PROCESSES: Final = 4
UPLOADS: Final = 15
BULK: Final = 600
MOST_MS: Final = 50.0
_PAUSE: Final = (0.2, 0.8)
_SIZE: Final = 1 << 20


def send(port: int, uploads: int, taken: list[float]) -> None:
    """Be one client; add the seconds of each upload to `taken`.

    Raises:
        RuntimeError: an upload is not accepted.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    filler = bytes(_SIZE - 16)
    headers = {"Content-Type": "application/octet-stream"}
    for _ in range(uploads):
        time.sleep(random.uniform(*_PAUSE))  # noqa: S311 - not a secret
        body = os.urandom(16) + filler
        began = time.perf_counter()
        connection.request("POST", "/v1/documents?filename=a.bin", body, headers)
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - began)
        if answer.status != 202:
            raise RuntimeError(f"answered {answer.status}")


def clients(port: int, count: int) -> None:
    """Be some of the clients, and print how long each upload took, as JSON."""
    taken: list[float] = []
    threads = [threading.Thread(target=send, args=(port, UPLOADS, taken)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(taken))


def measure() -> dict[str, Figure]:
    """Return the figures: half of the uploads, and 95 of 100, are accepted as soon as that."""
    with scratch() as folder:
        service = Service(folder, workers=os.cpu_count() or 1)
        service.start()
        try:
            for body in bodies(BULK):
                service.upload(body)
            command = [sys.executable, "-m", "bench.accepting", str(service.port)]
            started = [
                subprocess.Popen(  # noqa: S603 - this module
                    [*command, str(CLIENTS // PROCESSES)], cwd=ROOT, stdout=subprocess.PIPE
                )
                for _ in range(PROCESSES)
            ]
            answers = [process.communicate()[0] for process in started]
            waiting = service.states()["queued"]
        finally:
            for process in service.processes:
                process.kill()
    taken = sorted(seconds for answer in answers for seconds in json.loads(answer))
    return {
        "接收 1 MB，一半不超过": Figure(taken[len(taken) // 2] * 1000, "毫秒"),
        "接收 1 MB，95% 不超过": Figure(taken[len(taken) * 95 // 100] * 1000, "毫秒", most=MOST_MS),
        "上传的份数": Figure(len(taken), "份", least=CLIENTS * UPLOADS),
        "结束时还在排队的": Figure(waiting, "份", least=1),
    }


def main() -> None:
    """Run from the command line."""
    if len(sys.argv) == 3 and sys.argv[1].isdecimal():
        clients(int(sys.argv[1]), int(sys.argv[2]))
    else:
        show("批量读取时接收上传", measure())


if __name__ == "__main__":
    main()
