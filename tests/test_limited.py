"""Reading in a process of its own: what a hostile file does there stays there."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api import batch
from extractor import parse
from extractor.document import Document
from extractor.errors import (
    CorruptFileError,
    CrashError,
    EmptyFileError,
    HechaError,
    LimitError,
    ParseError,
)
from extractor.formats import limited, walk
from extractor.formats.containers import BadEntry, Budget, find_container
from extractor.formats.limited import (
    WorkerPool,
    call_limited,
    close,
    parse_limited,
    resident_bytes,
    walk_limited,
)
from extractor.formats.limits import MIB, Limits
from tests.conftest import ROOT
from tests.container_files import libarchive_file
from tests.processes import LINUX, wait_until_gone
from tests.sample_files import Print, Sheet, docx, paragraph, pdf

TEXT = "某某市某某建设有限公司“7·12”一般高处坠落事故调查报告"
HOSTILE = "tests.hostile_readers"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows 没有这种限额")


@pytest.fixture(autouse=True, scope="module")
def _closed() -> Iterator[None]:
    """Workers are shared by these tests, as by the files of a job, and end with them."""
    yield
    close()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        pytest.param(TEXT.encode("gb18030"), "报告.txt", id="text"),
        pytest.param(docx(paragraph(TEXT)), "报告.docx", id="docx"),
        pytest.param(pdf(Sheet([Print(80, 120, TEXT)])), "报告.pdf", id="pdf with places of signs"),
        pytest.param(TEXT.encode(), "报告.pdf", id="warnings come along"),
    ],
)
def test_the_document_is_the_same(data: bytes, name: str) -> None:
    assert parse_limited(data, name) == parse(data, name)


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        pytest.param(b"", EmptyFileError, "0 字节", id="empty"),
        pytest.param(docx(paragraph(TEXT))[:400], CorruptFileError, "损坏", id="cut off"),
    ],
)
def test_errors_are_the_same(data: bytes, error: type[ParseError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        parse_limited(data, "报告.docx")
    assert type(caught.value) is error


def test_page_of_an_error_comes_along() -> None:
    with pytest.raises(CorruptFileError, match="坏了") as caught:
        call_limited(f"{HOSTILE}:damaged")
    assert caught.value.page == 3


SMALL = Limits(
    max_seconds=20.0, max_cpu_seconds=60, max_memory_bytes=128 * MIB, max_output_bytes=4 * MIB
)
SHORT = Limits(max_seconds=0.8)


@POSIX
@pytest.mark.parametrize(
    ("function", "limits", "error", "says"),
    [
        pytest.param("segfault", SMALL, CrashError, "异常中断（信号 11）", id="segmentation fault"),
        pytest.param("killed", SMALL, CrashError, "异常中断（信号 9）", id="killed from outside"),
        pytest.param("leave", SMALL, CrashError, "异常中断", id="leaves without a word"),
        pytest.param("hang", SHORT, LimitError, "max_seconds", id="sleeps for ever"),
        pytest.param("deaf_hang", SHORT, LimitError, "max_seconds", id="ignores polite signals"),
        pytest.param(
            "spin",
            Limits(max_cpu_seconds=1),
            LimitError,
            "max_cpu_seconds",
            id="computes for ever",
            marks=pytest.mark.slow,
        ),
        pytest.param("eat", SMALL, LimitError, "max_memory_bytes", id="eats memory at once"),
        pytest.param("nibble", SMALL, LimitError, "max_memory_bytes", id="eats memory bit by bit"),
        pytest.param("talk", SMALL, LimitError, "max_output_bytes", id="hands back too much"),
        pytest.param("foreign", SMALL, CrashError, "异常中断", id="hands back a strange object"),
        pytest.param("code", SMALL, CrashError, "异常中断", id="hands back code to be run"),
        pytest.param("fail", SMALL, CrashError, "程序出错（ZeroDivisionError）", id="a bug"),
    ],
)
def test_a_hostile_file_is_an_error_of_that_file(
    function: str, limits: Limits, error: type[HechaError], says: str, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    # A worker waits: that it is replaced after the failure, the next case shows.
    assert parse_limited(TEXT.encode(), "报告.txt").text == TEXT
    started = time.perf_counter()
    with pytest.raises(error) as caught:
        call_limited(f"{HOSTILE}:{function}", str(trace), limits=limits)
    assert type(caught.value) is error
    assert says in caught.value.message and "请" in caught.value.message
    assert time.perf_counter() - started < 10
    assert not trace.exists(), "code that came back from the worker was run"


def test_what_a_reader_prints_is_not_taken_for_its_answer() -> None:
    assert call_limited(f"{HOSTILE}:chatter") == (TEXT, 1)


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(100, 1)
    yield pool
    pool.stop()


def test_parts_come_as_they_are_made_and_the_worker_is_kept(pool: WorkerPool) -> None:
    parts = pool.stream(f"{HOSTILE}:count", 3, 0.0, limits=SMALL)
    assert pool.counts() == (0, 0)
    assert next(parts) == 0
    assert pool.counts() == (1, 0)
    assert list(parts) == [1, 2]
    assert pool.counts() == (0, 1)
    (first,) = pool.pids
    assert pool.call(f"{HOSTILE}:pid", limits=SMALL) == first


def test_an_error_comes_after_the_parts_that_were_good(pool: WorkerPool) -> None:
    parts = pool.stream(f"{HOSTILE}:count", 20, 0.0, limits=SMALL)
    assert [next(parts) for _ in range(13)] == list(range(13))
    with pytest.raises(CorruptFileError, match="坏了"):
        next(parts)
    assert pool.counts() == (0, 1), "the process is sound"


def test_only_the_time_that_is_waited_for_parts_counts(pool: WorkerPool) -> None:
    for part in pool.stream(f"{HOSTILE}:count", 3, 0.0, limits=Limits(max_seconds=1.5)):
        time.sleep(0.2 if part else 1.6)
    with pytest.raises(LimitError, match="max_seconds"):
        list(pool.stream(f"{HOSTILE}:count", 10, 0.3, limits=Limits(max_seconds=1.5)))
    assert pool.counts() == (0, 0)


@pytest.mark.parametrize(
    ("most", "error"),
    [
        pytest.param(4 * MIB, CrashError, id="a strange object"),
        pytest.param(5 * MIB, LimitError, id="too much"),
    ],
)
def test_each_part_must_be_data_and_not_too_much(
    most: int, error: type[HechaError], pool: WorkerPool
) -> None:
    parts = pool.stream(f"{HOSTILE}:talk_on", limits=Limits(max_output_bytes=most))
    assert next(parts) == "话"
    with pytest.raises(error):
        next(parts)
    assert pool.counts() == (0, 0)


@POSIX
@pytest.mark.parametrize("way", ["close", "abort", "stop"])
def test_who_wants_no_more_parts_ends_the_process(way: str, pool: WorkerPool) -> None:
    parts = pool.stream(f"{HOSTILE}:count", 9, 0.05, limits=SMALL)
    next(parts)
    (process,) = pool.pids
    if way == "close":
        parts.close()
    else:
        getattr(pool, way)()
        with pytest.raises(CrashError, match="异常中断"):
            list(parts)
    wait_until_gone(process)
    assert pool.counts() == (0, 0)
    if way == "stop":
        with pytest.raises(CrashError, match="已停止"):
            pool.call(f"{HOSTILE}:pid", limits=SMALL)


def test_a_worker_whose_memory_has_grown_is_replaced() -> None:
    pool = WorkerPool(100, 1, 1)
    first = pool.call(f"{HOSTILE}:pid", limits=SMALL)
    assert (pool.call(f"{HOSTILE}:pid", limits=SMALL) == first) == (resident_bytes(1) is None)
    pool.stop()


def worker_pid() -> int:
    return int(call_limited(f"{HOSTILE}:pid"))


def test_a_worker_is_kept_and_replaced_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    close()
    first = worker_pid()
    assert worker_pid() == first != os.getpid()
    monkeypatch.setattr(limited._pool, "_most_jobs", 3)
    assert worker_pid() == first
    assert worker_pid() != first


@POSIX
def test_a_worker_that_died_while_it_waited_is_replaced() -> None:
    first = worker_pid()
    os.kill(first, signal.SIGKILL)
    wait_until_gone(first)
    assert worker_pid() != first


def test_a_worker_that_dies_as_it_is_given_a_file_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It looks alive for a moment after it was killed; the file is not to blame."""
    first = worker_pid()
    monkeypatch.setattr(limited._Worker, "is_alive", True)
    os.kill(first, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    assert worker_pid() != first


def test_a_worker_that_cannot_even_begin_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    close()
    monkeypatch.setattr(limited, "_BOOT", "raise SystemExit(1)")
    with pytest.raises(CrashError, match="异常中断"):
        parse_limited(TEXT.encode(), "a.txt")


def test_threads_read_at_once() -> None:
    """Each call has a process to itself; an error in one is none in the others."""

    def read(number: int) -> str:
        if number == 3:
            with pytest.raises(CrashError):
                call_limited(f"{HOSTILE}:leave", "")
            return ""
        return parse_limited(f"{TEXT}{number}".encode(), "a.txt").text

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(read, range(12)))
    assert found == ["" if n == 3 else f"{TEXT}{n}" for n in range(12)]


@LINUX
@pytest.mark.slow
@pytest.mark.parametrize(
    "function",
    [
        pytest.param("pid_then_wait", id="waiting for a file"),
        pytest.param("pid_then_hang", id="in a file that hangs"),
    ],
)
def test_a_worker_ends_with_its_program(function: str, tmp_path: Path) -> None:
    """Though the program is killed and can clean up nothing."""
    note = tmp_path / "pid"
    program = (
        "import sys, time; from extractor.formats.limited import call_limited; "
        f"call_limited('{HOSTILE}:{function}', sys.argv[1]); time.sleep(60)"
    )
    place = tmp_path / "temporary"
    place.mkdir()
    parent = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program, str(note)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(place)},
    )
    until = time.monotonic() + 15
    while not (note.exists() and note.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    wait_until_gone(int(note.read_text()))
    assert list(place.iterdir()) == []


@LINUX
def test_the_temporary_folder_goes_with_the_worker(tmp_path: Path) -> None:
    with pytest.raises(LimitError):
        call_limited(f"{HOSTILE}:hang_with_a_file", str(tmp_path / "note"), limits=SHORT)
    left = Path((tmp_path / "note").read_text())
    assert left.parent.name.startswith("hecha-worker-")
    assert not left.exists() and not left.parent.exists()


def test_an_interrupted_call_leaves_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by Ctrl-C while a file is read."""
    started: list[subprocess.Popen[bytes]] = []
    make = subprocess.Popen

    def noted(*arguments: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(make(*arguments, **options))  # type: ignore[call-overload]
        return started[-1]

    def interrupted(stream: object, size: int) -> bytes:
        raise KeyboardInterrupt

    close()
    monkeypatch.setattr(subprocess, "Popen", noted)
    monkeypatch.setattr(limited, "_read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        parse_limited(TEXT.encode(), "a.txt")
    assert started[0].returncode is not None


def test_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    close()
    monkeypatch.setattr(sys, "executable", str(ROOT / "no-such-program"))
    with pytest.raises(CrashError, match="无法启动读取文件的进程"):
        parse_limited(TEXT.encode(), "a.txt")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(parse, id="a function"),
        pytest.param(CrashError, id="an exception"),
        pytest.param(threading.Event, id="a class of the library"),
        pytest.param(Path("x"), id="a path"),
    ],
)
def test_only_data_comes_back(value: object) -> None:
    with pytest.raises(CrashError):
        limited._unpack(pickle.dumps(("value", value)))


def test_a_process_of_its_own_costs_little() -> None:
    """The bound is for a busy machine; the bench measures a few milliseconds."""
    data = docx("".join(paragraph(f"{TEXT}{at}") for at in range(500)))
    parse_limited(data, "a.docx")
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        parse_limited(data, "a.docx")
        parsed = time.perf_counter()
        parse(data, "a.docx")
        seconds.append((parsed - started) - (time.perf_counter() - parsed))
    assert min(seconds) < 0.05


def test_a_crash_stops_no_other_file_of_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash_on_one(data: bytes, filename: str, *, limits: Limits) -> Document:
        if filename == "坏.txt":
            call_limited(f"{HOSTILE}:leave", "")
        return parse_limited(data, filename, limits)

    monkeypatch.setattr(batch, "parse_one_limited", crash_on_one)
    names = ("甲.txt", "坏.txt", "乙.txt")
    for name in names:
        (tmp_path / name).write_text(TEXT, encoding="utf-8")
    results = list(batch.read_files([tmp_path / name for name in names], lambda name: None))
    assert [getattr(result, "code", "read") for result in results] == [
        "read",
        "parse_crashed",
        "read",
    ]


def test_an_archive_of_machine_code_is_opened_in_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It gives what it gives here, counts against the same limits, and may break down alone."""
    data = libarchive_file({"甲.txt": TEXT.encode(), "夹/乙.txt": b"x" * 999, "Thumbs.db": b"x"})
    container = find_container(data)
    assert container is not None and container.is_native
    here, apart = Budget(Limits()), Budget(Limits())
    found = list(walk(container, data, "a.7z", here))
    assert list(walk_limited(container, data, "a.7z", apart)) == found
    assert (
        (apart.entries, apart.unpacked)
        == (here.entries, here.unpacked)
        == (3, len(TEXT.encode()) + 999)
    )
    few = list(walk_limited(container, data, "a.7z", Budget(Limits(max_archive_entries=1))))
    assert isinstance(few[-1], BadEntry) and few[-1].error.code == "limit_exceeded"
    monkeypatch.setattr("extractor.formats.limited._WALK_ALL", f"{HOSTILE}:leave_walking")
    (broken,) = walk_limited(container, data, "a.7z", Budget(Limits()))
    assert isinstance(broken, BadEntry) and broken.error.code == "parse_crashed"
