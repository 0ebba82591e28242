"""The fuzz of every parser: sound files spoilt by Hypothesis, read within limits, for a set time.

`make fuzz FUZZ_SECONDS=300` shares the seconds among the parsers. A file must end in documents,
or in errors of ours, in time; whatever else happens is a finding: its file is kept in `out/fuzz`,
and the parser and the number of the round that are printed with it make it again
(`--only PDF --round 17`).
"""

from __future__ import annotations

import argparse
import io
import os
import re
import struct
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from rich.console import Console

from extractor.document import Document
from extractor.errors import ParseError
from extractor.formats import Limits, ReadOne, parse_all
from extractor.formats.limited import close, parse_one_limited
from extractor.formats.limits import MIB
from tests.fuzz_seeds import SEEDS, WORDS, MissingError, Seed, parts_of

LIMITS: Final = Limits(
    max_seconds=20.0, max_cpu_seconds=20, max_memory_bytes=1024 * MIB, max_convert_seconds=20.0
)
"""A spoilt small file stays far below these; one that reaches a limit of time is a finding."""
SECONDS: Final = 10.0
ROUND: Final = 25
"""Examples in one round, whose number is all that is needed to make them again."""
OUT: Final = Path("out/fuzz")
_OURS: Final = ("max_seconds", "max_cpu_seconds", "max_memory_bytes", "max_convert_seconds")
_CHINESE: Final = re.compile("[\u4e00-\u9fff]")
_NUMBER: Final = re.compile(rb"\d{1,9}")
_TAG: Final = re.compile(rb"<([A-Za-z][\w:.-]{0,40})")
_VALUE: Final = re.compile(rb'"[^"<>]{0,200}"')
_NUMBERS: Final = (b"0", b"-1", b"1", b"255", b"65536", b"2147483648", b"9" * 20, b"1e308", b"NaN")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing done to a file: `place` and `other` are taken modulo what there is."""

    kind: str
    place: int
    other: int
    length: int
    piece: bytes


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is done to which of the sound files of a parser; `part` is of a ZIP, None for all."""

    which: int
    part: int | None
    changes: tuple[Change, ...]


def _flip(data: bytearray, at: int, change: Change) -> None:
    if data:
        data[at % len(data)] ^= 1 << change.other % 8


def _write(data: bytearray, at: int, change: Change) -> None:
    data[at : at + len(change.piece)] = change.piece


def _insert(data: bytearray, at: int, change: Change) -> None:
    data[at:at] = change.piece


def _remove(data: bytearray, at: int, change: Change) -> None:
    del data[at : at + change.length]


def _cut(data: bytearray, at: int, change: Change) -> None:
    del data[at:]


def _splice(data: bytearray, at: int, change: Change) -> None:
    start = change.other % (len(data) + 1)
    data[at:at] = data[start : start + change.length]


def _repeat(data: bytearray, at: int, change: Change) -> None:
    data[at:at] = data[at : at + change.length] * (change.other % 200)


def _count(data: bytearray, at: int, change: Change) -> None:
    """Put another number in the place of one that is written in digits."""
    found = _NUMBER.search(data, at) or _NUMBER.search(data)
    if found is not None:
        data[found.start() : found.end()] = _NUMBERS[change.other % len(_NUMBERS)]


def _field(data: bytearray, at: int, change: Change) -> None:
    """Put another number in the place of four bytes that may be one."""
    at -= at % 4
    if at + 4 <= len(data):
        (old,) = struct.unpack_from("<I", data, at)
        new = (old + 1, old - 1, old * 2, 0, 1, at, change.other)[change.length % 7]
        struct.pack_into("<I", data, at, new & 0xFFFFFFFF)


def _rename(data: bytearray, at: int, change: Change) -> None:
    """Call every element of one name by the name of another: markup stays well formed."""
    names = sorted(set(_TAG.findall(data)))
    if names:
        old, new = names[at % len(names)], names[change.other % len(names)]
        data[:] = re.sub(rb"(</?)%b(?=[\s/>])" % re.escape(old), rb"\g<1>" + new, data)


def _value(data: bytearray, at: int, change: Change) -> None:
    """Put another value in the place of that of an attribute: of another one, or a number."""
    found = _VALUE.search(data, at) or _VALUE.search(data)
    if found is not None:
        others = [*dict.fromkeys(_VALUE.findall(data)), *(b'"%b"' % number for number in _NUMBERS)]
        data[found.start() : found.end()] = others[change.other % len(others)]


CHANGES: Final[dict[str, Callable[[bytearray, int, Change], None]]] = {
    "flip": _flip,
    "write": _write,
    "insert": _insert,
    "remove": _remove,
    "cut": _cut,
    "splice": _splice,
    "repeat": _repeat,
    "count": _count,
    "field": _field,
    "rename": _rename,
    "value": _value,
}


def spoilt(data: bytes, changes: Iterable[Change]) -> bytes:
    """Return the bytes after all changes."""
    new = bytearray(data)
    for change in changes:
        CHANGES[change.kind](new, change.place % (len(new) + 1), change)
    return bytes(new)


def file_of(recipe: Recipe, seeds: Sequence[tuple[Seed, bytes]]) -> tuple[str, bytes]:
    """Return the name and the bytes that a recipe makes."""
    sound, data = seeds[recipe.which % len(seeds)]
    if recipe.part is None or not sound.has_parts:
        return sound.filename, spoilt(data, recipe.changes)
    parts = parts_of(data)
    chosen = recipe.part % len(parts)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, (name, content) in enumerate(parts):
            new = spoilt(content, recipe.changes) if number == chosen else content
            archive.writestr(name, new)
    return sound.filename, buffer.getvalue()


def recipes(words: Sequence[bytes]) -> st.SearchStrategy[Recipe]:
    """Return the recipes whose pieces are these words and bytes drawn at will."""
    change = st.builds(
        Change,
        kind=st.sampled_from(sorted(CHANGES)),
        place=st.integers(0, 1 << 20),
        other=st.integers(0, 1 << 20),
        length=st.integers(1, 400),
        piece=st.one_of(st.sampled_from(words), st.binary(min_size=1, max_size=8)),
    )
    part = st.one_of(st.none(), st.integers(0, 30), st.integers(0, 30))
    changes = st.lists(change, min_size=1, max_size=6).map(tuple)
    return st.builds(Recipe, which=st.integers(0, 9), part=part, changes=changes)


def verdict(data: bytes, filename: str, read: ReadOne = parse_one_limited) -> str:
    """Read a file and everything in it; return what is wrong with how that ended, or ""."""
    started = time.perf_counter()
    try:
        results = list(parse_all(data, filename, limits=LIMITS, read=read))
    except Exception as error:  # the finding itself: nothing may come out of `parse_all`
        return f"raised {type(error).__name__}{_where(error)}"
    seconds = time.perf_counter() - started
    faults = (
        _document_fault(each.document)
        if each.document is not None
        else _error_fault(each.error, data, filename)
        for each in results
    )
    slow = f"took {seconds:.0f} s" if seconds > SECONDS else ""
    return next(filter(None, faults), slow) if results else "gave no result"


def _error_fault(error: ParseError | None, data: bytes, filename: str) -> str:
    if error is None:
        return ""
    if not _CHINESE.search(error.message):
        return f"no Chinese message: {error.message[:60]}"
    if error.code == "parse_crashed":
        return f"crashed: {error.message[:60]}"
    if error.code == "limit_exceeded" and any(limit in error.message for limit in _OURS):
        return f"costs too much: {error.message[:60]}"
    if "内容异常" in error.message:
        return f"unforeseen: {error.message[:60]}{_cause(data, filename)}"
    return ""


def _cause(data: bytes, filename: str) -> str:
    """Return where an error came from that a reader did not foresee: it is read once more here."""
    causes: list[str] = []

    def read(data: bytes, filename: str, *, limits: Limits = LIMITS) -> Document:
        from extractor.formats import parse_one

        try:
            return parse_one(data, filename, limits=limits)
        except ParseError as error:
            if error.__cause__ is not None and "内容异常" in error.message:
                causes.append(_where(error.__cause__))
            raise

    list(parse_all(data, filename, limits=LIMITS, read=read))
    return causes[0] if causes else ""


def _where(error: BaseException) -> str:
    """Return the last line of our own code, and the last line at all, in the trace of an error."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{'/'.join(Path(code.co_filename).parts[-2:])}:{trace.tb_lineno}")
        trace = trace.tb_next
    ours = [place for place in places if place.startswith(("formats/", "extractor/"))]
    return f" at {' → '.join(dict.fromkeys([*ours[-1:], *places[-1:]]))} ({error!s:.80})"


def _document_fault(document: Document) -> str:
    try:
        document.text.encode()
    except UnicodeEncodeError:
        return "text that cannot be written"
    if any(not document.quote(block.span) for block in document.blocks):
        return "a block without text"
    return ""


@dataclass(slots=True)
class Run:
    """What the fuzz of one parser met: examples, and the findings by what is wrong."""

    parser: str
    examples: int = 0
    seconds: float = 0.0
    found: Counter[str] = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)

    def note(self, fault: str, number: int, filename: str, data: bytes) -> None:
        """Count a finding; the first of its kind is kept as a file and named for people."""
        kind = re.sub(r" \([^()].*|\d+ s$", "", fault)
        self.found[kind] += 1
        if self.found[kind] > 1:
            return
        OUT.mkdir(parents=True, exist_ok=True)
        path = OUT / f"{self.parser}-{number}-{len(self.found)}{Path(filename).suffix}"
        path.write_bytes(data)
        self.shown.append(f"{fault}\n    {path}  --only {self.parser} --round {number}")


def fuzz(parser: str, seconds: float, first: int = 0, rounds: int | None = None) -> Run:
    """Fuzz one parser for so many seconds, or for so many rounds from the first.

    Raises:
        MissingError: none of its sound files can be made on this machine.
    """
    run = Run(parser)
    seeds = sound_files(parser)
    words = tuple(word for each in {each.words for each, _ in seeds} for word in WORDS[each])
    started = time.monotonic()

    def is_over(number: int) -> bool:
        if rounds is not None:
            return number >= first + rounds
        return time.monotonic() - started >= seconds

    def attempt(recipe: Recipe) -> None:
        if rounds is None and time.monotonic() - started >= seconds:
            return
        filename, data = file_of(recipe, seeds)
        run.examples += 1
        fault = verdict(data, filename)
        if fault:
            run.note(fault, number, filename, data)

    number = first
    while not is_over(number):
        bounded = settings(
            max_examples=ROUND,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
        )
        seed(number)(bounded(given(recipes(words))(attempt)))()
        number += 1
    run.seconds = time.monotonic() - started
    return run


def sound_files(parser: str) -> list[tuple[Seed, bytes]]:
    """Return the sound files of a parser that can be made on this machine.

    Raises:
        MissingError: there are none; the message says why.
    """
    made: list[tuple[Seed, bytes]] = []
    reasons: list[str] = []
    for each in SEEDS:
        if each.parser == parser:
            try:
                made.append((each, each.make()))
            except MissingError as error:
                reasons.append(str(error))
    if not made:
        raise MissingError("；".join(reasons))
    return made


def main() -> int:
    """Fuzz every parser and print what was met; the exit code is 1 when anything was found."""
    parsers = list(dict.fromkeys(each.parser for each in SEEDS))
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=os.environ.get("FUZZ_SECONDS", "60"))
    options.add_argument("--only", choices=parsers, action="append")
    options.add_argument("--round", type=int, help="make the examples of this round again")
    chosen = options.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    share = float(chosen.seconds) / len(chosen.only or parsers)
    # Another run begins where none was before: the clock is the seed, and it is printed.
    first = chosen.round if chosen.round is not None else int(time.time()) % 1_000_000 * 100
    found = 0
    for parser in chosen.only or parsers:
        try:
            run = fuzz(parser, share, first, 1 if chosen.round is not None else None)
        except MissingError as error:
            console.print(f"{parser:10} 跳过：{error}", markup=False)
            continue
        line = f"{parser:10} {run.examples:6} 个例子，{run.seconds:.1f} 秒，{len(run.found)} 种失败"
        console.print(line, markup=False)
        for shown in run.shown:
            console.print(f"  {shown}", markup=False)
        for kind, count in run.found.most_common():
            console.print(f"  {count:5} × {kind}", markup=False)
        found += len(run.found)
    close()
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
