"""Kill the service again and again in the middle of its work, and look what is left of it.

Documents are uploaded to a real `hecha serve` (on PostgreSQL a `hecha worker` reads too) while
SIGKILL ends the service, the worker or one of their reading processes at random moments; what was
killed is started again. In the end every document must have exactly one result and one event that
tells of it, every file must be there, and a receiver must have been told of each result at least
once, however often under the same id.

    python -m bench.soak --documents 200 --kills 50 --database both
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from api.files import open_files
from api.signatures import SignatureError, verify
from api.store.database import Database
from api.store.schema import DOCUMENTS, EVENTS, RESULTS
from tests.webhook_receiver import Receiver, receiving

ROOT: Final = Path(__file__).resolve().parent.parent
SAMPLE: Final = ROOT / "corpus" / "samples" / "评估报告.txt"
_SECRET_KEY: Final = base64.b64encode(bytes(32)).decode()
_START_SECONDS: Final = 60.0
_PAUSE: Final = (0.2, 3.0)
_AHEAD: Final = 0.1


@dataclass
class Process:
    """One command of hecha that is started again whenever it was killed."""

    arguments: list[str]
    environment: Mapping[str, str]
    log: Path
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; its messages go to the end of the log."""
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "api.cli", *self.arguments],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it as a crash does, at whatever point it is."""
        if self.running is not None:
            self.running.send_signal(signal.SIGKILL)
            self.running.wait()

    def kill_reader(self, chance: random.Random) -> bool:
        """End one of the processes that read files for it; False where there is none."""
        if self.running is None:
            return False
        pid = self.running.pid
        with suppress(OSError, IndexError):
            found = Path(f"/proc/{pid}/task").glob("*/children")
            readers = [int(child) for file in found for child in file.read_text().split()]
            os.kill(chance.choice(readers), signal.SIGKILL)
            return True
        return False

    def stop(self) -> int | None:
        """End it in order; return its exit code."""
        if self.running is None:
            return None
        with suppress(ProcessLookupError):
            self.running.terminate()
        return self.running.wait(timeout=60)


@dataclass
class Service:
    """A service under test: `hecha serve`, and on PostgreSQL a `hecha worker` beside it."""

    folder: Path
    database_url: str | None = None
    workers: int = 2
    more: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=lambda: _free_port())
    processes: list[Process] = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the processes; nothing is started yet."""
        environment = {"HECHA_DATA": str(self.folder / "data"), "HECHA_STOP_SECONDS": "5"}
        environment |= {"HECHA_ACCESS": "open", "HECHA_TAGGER": "none"}
        environment |= {"HECHA_WEBHOOK_HOSTS": "127.0.0.1", "HECHA_SECRET_KEY": _SECRET_KEY}
        environment |= self.more
        if self.database_url is not None:
            environment["HECHA_DATABASE_URL"] = self.database_url
        log, count = self.folder / "log.txt", str(self.workers)
        serve = ["serve", "--port", str(self.port), "--workers", count]
        self.processes = [Process(serve, environment, log)]
        if self.database_url is not None:
            self.processes.append(Process(["worker", "--workers", count], environment, log))

    @property
    def url(self) -> str:
        """Where the service answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start everything, and wait until it answers."""
        for process in self.processes:
            process.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the service answers.

        Raises:
            TimeoutError: it does not within a minute; the message is the end of the log.
        """
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self.ask("/readyz")[0] == 200:
                return
            time.sleep(0.05)
        raise TimeoutError(self.processes[0].log.read_text("utf-8", "replace")[-3000:])

    def stop(self) -> None:
        """End everything in order."""
        for process in self.processes:
            process.stop()

    def ask(
        self, path: str, body: bytes | None = None, kind: str = "application/octet-stream"
    ) -> tuple[int, Any]:
        """Send a request; return the status and the JSON of the answer, 0 and None for none."""
        headers = {"Content-Type": kind}
        request = urllib.request.Request(f"{self.url}{path}", body, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except (OSError, ValueError):
            return 0, None

    def upload(self, body: bytes, patience: float = 120.0) -> str:
        """Send a file until it is accepted, however often the service ends meanwhile.

        Raises:
            TimeoutError: it is not accepted for so many seconds.
        """
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            status, answer = self.ask("/v1/documents?filename=a.txt", body)
            if status in (200, 202):
                return str(answer["id"])
            time.sleep(0.05)
        raise TimeoutError("not accepted")

    def tell(self, receiver: Receiver) -> str:
        """Let the service send every new result to a receiver; return the secret it signs with.

        Raises:
            AssertionError: it does not want to.
        """
        wish = {"url": receiver.url, "types": ["document.succeeded"]}
        status, answer = self.ask("/v1/webhooks", json.dumps(wish).encode(), "application/json")
        if status != 201:
            raise AssertionError(f"{status} {answer}")
        return str(answer["secret"])

    def states(self) -> Counter[str]:
        """Count the documents by state, from the database itself."""
        with closing(self.database()) as database, database.read() as connection:
            query = select(DOCUMENTS.c.status, func.count()).group_by(DOCUMENTS.c.status)
            return Counter({row[0]: row[1] for row in connection.execute(query)})

    def wait_until_done(self, documents: int, patience: float = 300.0) -> None:
        """Wait until all documents have succeeded.

        Raises:
            TimeoutError: they have not after so many seconds.
        """
        deadline = time.monotonic() + patience
        while (states := self.states()) != {"succeeded": documents}:
            if time.monotonic() > deadline:
                log = self.processes[0].log.read_text("utf-8", "replace")[-3000:]
                raise TimeoutError(f"{dict(states)} of {documents}\n{log}")
            time.sleep(0.2)

    def database(self) -> Database:
        """Open the database of the service."""
        place = self.folder / "data" / "hecha.db"
        return Database(self.database_url or f"sqlite:///{place}")

    def faults(self, expected: list[str]) -> list[str]:
        """Return what is wrong with what is kept of these documents; nothing when all is well."""
        with closing(self.database()) as database, database.read() as connection:
            found = list(connection.execute(select(DOCUMENTS.c.id)).scalars())
            kept = Counter(connection.execute(select(RESULTS.c.document)).scalars())
            told = Counter(
                (row.type, row.subject)
                for row in connection.execute(select(EVENTS.c.type, EVENTS.c.subject))
            )
        files = open_files(str(self.folder / "data" / "files"))
        wanted = set(expected)
        faults = [f"lost: {each}" for each in wanted - set(found)]
        faults += [f"not wanted: {each}" for each in set(found) - wanted]
        for each in wanted:
            if kept[each] != 1:
                faults.append(f"{kept[each]} results: {each}")
            for kind in ("document.received", "document.succeeded"):
                if told[kind, each] != 1:
                    faults.append(f"{told[kind, each]} times {kind}: {each}")
            if sha256(files.read(each)).hexdigest() != each:
                faults.append(f"damaged file: {each}")
        return faults


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def bodies(count: int) -> Iterator[bytes]:
    """Give short reports, each different."""
    sample = SAMPLE.read_bytes()
    for number in range(count):
        yield sample + f"\n附件{number}。".encode()


def soak(service: Service, documents: int, kills: int, chance: random.Random) -> Counter[str]:
    """Upload documents while processes are killed; return how often which was killed.

    Raises:
        TimeoutError: the work does not come to its end.
        AssertionError: something is lost, doubled or damaged, or was not told.
    """
    with receiving() as receiver:
        service.start()
        secret = service.tell(receiver)
        ids, killed = _work_and_kill(service, documents, kills, chance)
        service.wait_until_done(documents)
        _wait_until_told(receiver, documents)
        service.stop()
    faults = service.faults(ids) + _untold(receiver, secret, ids)
    if faults or len(set(ids)) != documents:
        raise AssertionError(f"{len(faults)} faults: {faults[:10]}")
    return killed


def _work_and_kill(
    service: Service, documents: int, kills: int, chance: random.Random
) -> tuple[list[str], Counter[str]]:
    ids: list[str] = []
    killed: Counter[str] = Counter()

    def feed() -> None:
        for body in bodies(documents):
            # There is work left until the last kill.
            while len(ids) / documents > killed.total() / max(kills, 1) + _AHEAD:
                time.sleep(0.02)
            ids.append(service.upload(body))

    feeding = threading.Thread(target=feed)
    feeding.start()
    while killed.total() < kills:
        time.sleep(chance.uniform(*_PAUSE))
        victim = chance.choice(service.processes)
        if chance.random() < 0.4 and victim.kill_reader(chance):
            killed[f"reader of {victim.arguments[0]}"] += 1
            continue
        victim.kill()
        killed[victim.arguments[0]] += 1
        victim.start()
    feeding.join()
    return ids, killed


def _wait_until_told(receiver: Receiver, documents: int, patience: float = 180.0) -> None:
    deadline = time.monotonic() + patience
    while len(set(receiver.ids)) < documents and time.monotonic() < deadline:
        time.sleep(0.1)


def _untold(receiver: Receiver, secret: str, ids: list[str]) -> list[str]:
    """Return what is wrong with what the receiver was told; nothing when all is well."""
    faults: list[str] = []
    told: defaultdict[str, set[str]] = defaultdict(set)
    for headers, body in receiver.got:
        try:
            message = verify(secret, headers, body, at=float(headers["webhook-timestamp"]))
        except SignatureError as error:
            faults.append(str(error))
            continue
        told[json.loads(body)["data"]["subject"]].add(message)
    faults += [f"told under {len(told[each])} ids: {each}" for each in ids if len(told[each]) != 1]
    if len(set().union(*told.values())) != sum(map(len, told.values())):
        faults.append("two events under one id")
    return faults


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hecha-soak-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    for kind in ("sqlite", "postgresql"):
        if options.database not in (kind, "both"):
            continue
        with ExitStack() as stack:
            folder = stack.enter_context(scratch())
            url = None
            if kind == "postgresql":
                # Only this needs a server, and the package that brings it.
                from tests.postgres_server import fresh_database, running_server

                server = stack.enter_context(running_server(is_safe=True))
                url = stack.enter_context(fresh_database(server.url))
            shown = None if url is None else url.render_as_string(hide_password=False)
            began = time.monotonic()
            chance = random.Random(options.seed)  # noqa: S311 - moments, not secrets
            service = Service(folder, shown)
            try:
                killed = soak(service, options.documents, options.kills, chance)
            finally:
                for process in service.processes:
                    process.kill()
        print(
            f"{kind}: {options.documents} 份文件，强行结束 {killed.total()} 次"
            f"（{dict(killed)}），每份恰有一个结果，推送不缺、编号不变，"
            f"{time.monotonic() - began:.0f} 秒"
        )


if __name__ == "__main__":
    main()
