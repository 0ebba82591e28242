"""A program that a service sends its events to: it checks the signature of each message."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from api.signatures import SignatureError, verify


@dataclass
class Received:
    """What came: for each type and subject of an event the id of every message about it."""

    url: str
    secret: str = ""
    messages: defaultdict[tuple[str, str], list[str]] = field(
        default_factory=lambda: defaultdict(list)
    )
    refused: int = 0
    """Messages whose signature was not that of the secret."""

    def take(self, headers: dict[str, str], body: bytes) -> bool:
        """Count a message; False where its signature is wrong."""
        try:
            message = verify(self.secret, headers, body)
        except SignatureError:
            self.refused += 1
            return False
        told = json.loads(body)
        self.messages[told["type"], told["data"]["subject"]].append(message)
        return True


@contextmanager
def receiving() -> Iterator[Received]:
    """Take messages on a port of this machine while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204 if received.take(dict(self.headers), body) else 400)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Write nothing to the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Received(f"http://127.0.0.1:{server.server_port}/events")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
