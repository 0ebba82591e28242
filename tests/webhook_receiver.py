"""A receiver of webhooks on this machine: it answers as it is told, and keeps what came."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"


@dataclass
class Receiver:
    """What came: headers and body of each request; `answers` are given in turn, then 204."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    delay: float = 0.0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """The ids of the messages, in the order in which they came."""
        return [headers["webhook-id"] for headers, _ in self.got]

    def wait(self, count: int, seconds: float = 30.0) -> None:
        """Wait until so many messages have come."""
        deadline = time.monotonic() + seconds
        while len(self.got) < count:
            assert time.monotonic() < deadline, f"{len(self.got)} of {count}"
            time.sleep(0.02)


@contextmanager
def receiving(*answers: int, delay: float = 0.0) -> Iterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver(answers=list(answers), delay=delay)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(receiver.delay)
            status = receiver.answers.pop(0) if receiver.answers else 204
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.got.append((headers, body))
            self.send_response(status)
            if status in (301, 307):
                self.send_header("Location", f"{receiver.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    receiver.url = f"http://{HOST}:{server.server_port}/hecha"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
