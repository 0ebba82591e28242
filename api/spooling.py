"""Archives opened in a process within limits: each file in them goes to a spool folder.

`open_archive` is the side of the program, which never holds the bytes; `unpack` is that of the
worker. Files are written under numbers, never under their own names. An archive in the archive
that machine code opens has a call of its own: what breaks there does not cost its neighbours.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import astuple, dataclass, field, replace
from hashlib import sha256
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, TypeAlias

from api.jobs.stepping_back import step_back
from extractor.errors import CrashError, EmptyFileError, HechaError, ParseError
from extractor.formats import FORMATS, check_size, walk
from extractor.formats.containers import BadEntry, Budget, Container, Entry, find_container
from extractor.formats.limits import Limits, over_limit
from extractor.formats.sniffing import refusal

UNPACK: Final = "api.spooling:unpack"
Run: TypeAlias = Callable[..., Generator[Any, None, Any]]
"""Calls a generator in a worker, as `WorkerPool.stream` does, the limits being given."""

_TRIES: Final = 2
_BINARY: Final = getattr(os, "O_BINARY", 0)
_BROKE: Final = (
    "拆开“{0}”的程序异常中断，可能是压缩包损坏、内容异常或内存不足。"
    "请解压后重新压缩，或分成几个压缩包再处理。"
)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was found under a path: a file, now at `place`, or why there is none.

    A "failed" entry cannot be read, a "skipped" one is not read on purpose; "broken" is an archive
    at which the process ended, or ran into its limits: what came of it before is good. Both sides
    use "archive" and "halted" among themselves. `spent` is what all so far took of the `Budget`.
    """

    path: str
    kind: Literal["file", "failed", "skipped", "broken", "archive", "halted"]
    place: str = ""
    digest: str = ""
    size: int = 0
    depth: int = 0
    code: str = ""
    message: str = ""
    spent: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file to be opened; `path` begins the paths of what is in it, "" for none.

    The archive itself may be `whole` bytes long. With `is_new` a file that is no archive is given
    too, and a letter before its attachments; `steps_back` lets other processes go first.
    """

    source: Path
    path: str
    name: str
    whole: int
    is_new: bool = True
    steps_back: bool = False


@dataclass(slots=True)
class _Opening:
    """The state of one parcel on the side of the program."""

    run: Run
    parcel: Parcel
    spool: Path
    is_wanted: Callable[[], bool]
    spent: tuple[int, int] = (0, 0)
    numbers: Iterator[int] = field(default_factory=count)

    def open(self, order: Unpacked) -> Iterator[Unpacked]:
        """Give what is in one archive; once more from where it was, if the process breaks down."""
        parcel, began, given = self.parcel, self.spent, 0
        name = PurePosixPath(order.path).name if order.depth else parcel.name
        place = (order.path, name, order.depth)
        wishes = (parcel.whole, parcel.is_new, parcel.steps_back)
        for last in (False, True):
            folder = self.spool / f"{next(self.numbers):06}"
            folder.mkdir(mode=0o700)
            try:
                progress = (*began, given)
                parts = self.run(UNPACK, order.place, place, wishes, progress, str(folder))
                with closing(parts):
                    for part in parts:
                        found = Unpacked(*part)
                        if found.kind == "halted":
                            raise OSError(found.size, os.strerror(found.size))
                        given += 1
                        self.spent = found.spent
                        yield found
                return
            except HechaError as error:
                is_crash = isinstance(error, CrashError)
                if not self.is_wanted():
                    return
                if last or not is_crash:
                    message = _BROKE.format(name) if is_crash else error.message
                    path = order.path or name
                    yield Unpacked(path, "broken", depth=order.depth, code=error.code,
                                   message=message, spent=self.spent)  # fmt: skip
                    return


def open_archive(
    run: Run, parcel: Parcel, spool: Path, is_wanted: Callable[[], bool] = lambda: True
) -> Iterator[Unpacked]:
    """Give the files in an archive of any depth, one after the other, in the same order each time.

    A file is at its `place` in `spool`, or is the source itself; the caller removes it. A process
    that breaks down is no more than an entry of its archive; when `is_wanted` no longer holds,
    this ends there.

    Raises:
        OSError: the spool folder cannot be written to.
    """
    opening = _Opening(run, parcel, spool, is_wanted)
    waiting = deque([Unpacked(parcel.path, "archive", str(parcel.source))])
    while waiting and is_wanted():
        order = waiting.popleft()
        for found in opening.open(order):
            if found.kind == "archive":
                waiting.append(found)
            else:
                yield found
        if order.depth:
            with suppress(OSError):
                Path(order.place).unlink()


# --- in the worker --------------------------------------------------------------------------------


def unpack(
    source: str,
    place: tuple[str, str, int],
    wishes: tuple[int, bool, bool],
    progress: tuple[int, int, int],
    folder: str,
    *,
    limits: Limits,
) -> Iterator[tuple[Any, ...]]:
    """Give what is in a file, as the fields of `Unpacked`; files are written into `folder`.

    `place` is its path, name and depth, `wishes` stand in `Parcel`, `progress` is what its
    outermost archive has spent and how much of this one was given before and is passed over.
    """
    path, name, depth = place
    whole, is_new, steps_back = wishes
    *spent, given = progress
    if steps_back:
        step_back()
    try:
        with Path(source).open("rb") as file:
            # One byte more than the limit is enough to refuse it.
            data = file.read(max(whole, limits.max_bytes) + 1)
        unpacker = _Unpacker(Budget(limits, *spent), Path(folder), source, data, whole, given)
        parts = unpacker.visit(data, path, name, depth, is_new=is_new)
        for number, found in enumerate(parts):
            if number >= given:
                budget = unpacker.budget
                yield astuple(replace(found, spent=(budget.entries, budget.unpacked)))
            unpacker.count = number + 1
    except OSError as error:
        yield astuple(Unpacked(path, "halted", size=error.errno or 0))


@dataclass(slots=True)
class _Unpacker:
    """Walks one file; `data` are the bytes of `source`, `count` is how much was given of it."""

    budget: Budget
    folder: Path
    source: str
    data: bytes
    whole: int
    given: int
    count: int = 0

    def visit(
        self, data: bytes, path: str, name: str, depth: int, *, is_new: bool = True
    ) -> Iterator[Unpacked]:
        container = find_container(data)
        is_archive = container is not None and not container.is_document
        error = self._too_much(data, container, depth)
        if error is not None:
            yield _failed(path or name, error)
            return
        if container is not None and container.is_native and data is not self.data:
            yield Unpacked(path or name, "archive", self._keep(data), depth=depth)
            return
        if not is_archive and is_new:
            path = path or name
            # A letter is still needed for its attachments when it is taken away.
            stays = container is None and data is self.data
            yield self._file(data, path, self.source if stays else "")
        if container is None or self.budget.is_spent:
            return
        is_empty = True
        for each in self._entries(container, data, path, name, depth):
            is_empty = False
            yield each
        if is_empty and is_archive:
            yield _failed(path or name, EmptyFileError("压缩包里没有文件。请确认选对了文件。"))

    def _entries(
        self, container: Container, data: bytes, path: str, name: str, depth: int
    ) -> Iterator[Unpacked]:
        for found in walk(container, data, name, self.budget):
            inner = path
            if found.path and container.adds_level:
                inner = f"{path}/{found.path}" if path else found.path
            if isinstance(found, Entry):
                last = PurePosixPath(found.path or name).name
                yield from self.visit(found.data, inner, last, depth + 1)
            elif isinstance(found, BadEntry):
                yield _failed(inner or name, found.error)
            else:
                yield Unpacked(inner or name, "skipped", code=found.code, message=found.reason)

    def _too_much(self, data: bytes, container: Container | None, depth: int) -> ParseError | None:
        limits = self.budget.limits
        is_outermost = container is not None and not container.is_document and not depth
        try:
            check_size(data, replace(limits, max_bytes=self.whole) if is_outermost else limits)
        except ParseError as error:
            return error
        if container is not None and depth > limits.max_archive_depth:
            allowed = f"{limits.max_archive_depth} 层"
            return over_limit("压缩包或邮件层层嵌套过深", "max_archive_depth", allowed)
        return None

    def _file(self, data: bytes, path: str, place: str) -> Unpacked:
        """Return a file of a format that is read; another is not kept: it may be anything."""
        if not any(each.sniff(data) for each in FORMATS):
            error = refusal(data)
            if error.code == "format_unsupported":
                return Unpacked(path, "skipped", code=error.code, message=error.message)
            return _failed(path, error)
        place = place or self._keep(data)
        return Unpacked(path, "file", place, sha256(data).hexdigest(), len(data))

    def _keep(self, data: bytes) -> str:
        place = self.folder / f"{self.count:06}"
        if self.count >= self.given:
            handle = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _BINARY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
        return str(place)


def _failed(path: str, error: ParseError) -> Unpacked:
    return Unpacked(path, "failed", code=error.code, message=error.message)
