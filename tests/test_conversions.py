"""A program in the place of LibreOffice that hangs or fails: it is ended, and so is all it made."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from extractor.document import Document
from extractor.errors import CorruptFileError, LimitError, ParseError
from extractor.formats import Limits, office_tools, parse
from tests.conftest import ROOT
from tests.processes import LINUX, wait_until_gone
from tests.sample_files import rtf

TEXT = "某某市某某建设有限公司“7·12”一般高处坠落事故调查报告"


def read(data: bytes, name: str, limits: Limits | None = None) -> Document:
    return parse(data, name, limits=limits or Limits())


HANGS = """#!/bin/sh
sleep 300 &
echo $! $$ > {note}.new
mv {note}.new {note}
sleep 300
"""
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="要有 sh")


def program(tmp_path: Path, script: str) -> str:
    path = tmp_path / "soffice"
    path.write_text(script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """LibreOffice is a script that hangs, and so does its child; it notes both in a file."""
    note = tmp_path / "note"
    found = program(tmp_path, HANGS.format(note=note))
    monkeypatch.setattr(office_tools, "find_office", lambda: found)
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return note


def left_in(place: Path) -> list[str]:
    return [path.name for path in place.iterdir() if not path.name.endswith(".lock")]


@LINUX
def test_a_conversion_that_hangs_is_ended_with_its_children(hanging: Path) -> None:
    started = time.perf_counter()
    with pytest.raises(LimitError, match="max_convert_seconds"):
        read(rtf(TEXT), "报告.rtf", Limits(max_convert_seconds=0.7))
    assert time.perf_counter() - started < 5
    wait_until_gone(*map(int, hanging.read_text().split()))
    assert left_in(hanging.parent / "temporary") == []


@LINUX
@pytest.mark.parametrize(
    "kill",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_a_conversion_ends_with_the_program_that_asked(kill: int, hanging: Path) -> None:
    place = hanging.parent / "temporary"
    asking = (
        "import sys; from extractor.formats import office, office_tools, Limits; "
        "office_tools.find_office = lambda: sys.argv[1]; "
        "office.convert(b'{}', '.rtf', Limits())"
    )
    parent = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", asking, str(hanging.parent / "soffice")],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(place)},
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 15
    while not hanging.exists() and time.monotonic() < until:
        time.sleep(0.02)
    pids = [int(pid) for pid in hanging.read_text().split()]
    parent.send_signal(kill)
    parent.wait()
    wait_until_gone(*pids)
    until = time.monotonic() + 5
    while left_in(place) and time.monotonic() < until:
        time.sleep(0.02)
    assert left_in(place) == []


@POSIX
@pytest.mark.parametrize(
    ("script", "limits", "error", "says"),
    [
        pytest.param("exit 0", Limits(), CorruptFileError, "打不开", id="makes nothing"),
        pytest.param("kill -SEGV $$", Limits(), CorruptFileError, "打不开", id="crashes"),
        pytest.param(
            'for last; do :; done; d=$(dirname "$last")/out; mkdir "$d"; '
            'head -c 5000 /dev/zero > "$d/source.docx"',
            Limits(max_bytes=4000),
            LimitError,
            "max_bytes",
            id="makes too much",
        ),
        pytest.param(
            'for last; do :; done; d=$(dirname "$last")/out; mkdir "$d"; '
            'head -c 500 /dev/zero > "$d/source.docx"',
            Limits(),
            CorruptFileError,
            "损坏",
            id="makes what is no docx",
        ),
    ],
)
def test_what_a_conversion_may_do_wrong(
    script: str,
    limits: Limits,
    error: type[ParseError],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = program(tmp_path, f"#!/bin/sh\n{script}\n")
    monkeypatch.setattr(office_tools, "find_office", lambda: found)
    with pytest.raises(error, match=says) as caught:
        read(rtf(TEXT), "报告.rtf", limits)
    assert type(caught.value) is error


@LINUX
def test_no_more_conversions_at_once_than_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The places are shared with other programs: who finds them taken waits, then gives up."""
    import fcntl

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(office_tools, "find_office", lambda: program(tmp_path, "#!/bin/sh\n"))
    taken = []
    for place in range(os.cpu_count() or 1):
        path = tmp_path / f"hecha-office-{os.getuid()}-{place}.lock"
        taken.append(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        fcntl.flock(taken[-1], fcntl.LOCK_EX)
    with pytest.raises(LimitError, match="max_convert_seconds"):
        read(rtf(TEXT), "报告.rtf", Limits(max_convert_seconds=0.3))
    for handle in taken:
        os.close(handle)
    with pytest.raises(CorruptFileError, match="打不开"):
        read(rtf(TEXT), "报告.rtf")


@LINUX
def test_a_conversion_runs_within_bounds_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory, size of files, no core dump, a home that is not the user's, and a dead proxy."""
    note = tmp_path / "note"
    script = f'(ulimit -d; ulimit -f; ulimit -c; echo "$HOME"; echo "$http_proxy") > {note}'
    found = program(tmp_path, f"#!/bin/sh\n{script}\n")
    monkeypatch.setattr(office_tools, "find_office", lambda: found)
    limits = Limits(max_memory_bytes=256 << 20, max_uncompressed_bytes=1 << 20)
    with pytest.raises(CorruptFileError, match="打不开"):
        read(rtf(TEXT), "报告.rtf", limits)
    memory, size, core, home, proxy = note.read_text().splitlines()
    assert (memory, size, core) == (str(256 << 10), str(2 << 10), "0")
    assert Path(home).name.startswith("hecha-office-")
    assert proxy == "http://127.0.0.1:9"
