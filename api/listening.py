"""Answering requests until told to stop: once to finish what is being read, twice to stop at once.

What is not finished goes back into the queue either way.
"""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import suppress
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from api.services import Services
from extractor.formats.limited import abort

_HANGING_SECONDS: Final = 10


def listen(app: FastAPI, services: Services, host: str, port: int) -> None:
    """Answer requests at this address until a signal ends it."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        # Quicker than the parser that is written in Python: a body of 1 MB comes in many parts.
        http="httptools",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        # A client that keeps its connection open does not hold up the end.
        timeout_graceful_shutdown=_HANGING_SECONDS,
    )
    with suppress(KeyboardInterrupt):
        _Server(config, services).run()


def wait_for_signals(services: Services) -> threading.Event:
    """Return an event that the first signal to stop sets; the second hurries what still runs."""
    stopped = threading.Event()

    def on_signal(_: int, __: FrameType | None) -> None:
        if stopped.is_set():
            hurry(services)
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    return stopped


def hurry(services: Services) -> None:
    """Wait no longer for documents that are being read; safe in a signal handler."""
    if not services.hurried.is_set():
        services.hurried.set()
        threading.Thread(
            target=_break_off, args=(services,), name="hecha_hurry", daemon=True
        ).start()


def _break_off(services: Services) -> None:
    # Again and again: a job may take a worker just after the others were ended.
    while not services.closed.wait(0.1):
        abort()


class _Server(uvicorn.Server):
    """A server whose second signal is not to wait, but still to put everything in order."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; told so a second time, wait neither for connections nor for documents.

        The signal is not raised again at the end: the program ends by itself, with its code.
        """
        if self.should_exit:
            self.force_exit = True
            hurry(self._services)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the connections, then the app, which is not skipped in a hurry."""
        await super().shutdown(sockets)
        if self.force_exit and not self._services.closed.is_set():
            await self.lifespan.shutdown()
