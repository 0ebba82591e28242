"""One table of hostile and broken files of every format: how each ends, and that it harms nothing.

Every file is read in a process of its own, within limits of time and memory, in a folder of its
own; what is written, changed or reached outside of that is noted and fails the test.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest

from extractor.errors import HechaError
from extractor.formats import Limits, office_guard
from extractor.formats.limited import call_limited, close
from extractor.formats.limits import MIB
from tests import hostile_containers as box
from tests import hostile_documents as doc
from tests.container_files import (
    compound_file,
    libarchive_file,
    msg_attachment,
    msg_file,
    rar_file,
    tar_file,
)
from tests.hostile_readers import Ending
from tests.hostile_rows import OFFICE, ROWS, Bad, Maker
from tests.sample_files import convert_all, docx, paragraph, rtf, zip_file

SECONDS = 10.0
LIMITS = Limits(
    max_seconds=SECONDS,
    max_cpu_seconds=int(SECONDS),
    max_memory_bytes=1024 * MIB,
    max_convert_seconds=SECONDS,
)
TEXT, DATA = doc.TEXT, box.DATA
SLOW = (OFFICE, pytest.mark.slow)


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows 没有这种限额")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a home, a folder to work in and one for temporary files, all of them ours."""
    folder = tmp_path_factory.mktemp("guarded")
    for name in ("home", "work", "temporary"):
        (folder / name).mkdir()
    temporary = str(folder / "temporary")
    kept = folder / "hecha-kept.txt"
    kept.write_text(doc.KEPT, encoding="utf-8")
    patch = pytest.MonkeyPatch()
    patch.setattr(doc, "KEPT_FILE", str(kept))
    for name in ("TMPDIR", "TEMP", "TMP", office_guard.LOCKS):
        patch.setenv(name, temporary)
    patch.setenv("HOME", str(folder / "home"))
    patch.setattr(tempfile, "tempdir", temporary)
    close()
    patch.chdir(folder / "work")
    yield folder
    close()
    left = [path.name for path in (folder / "temporary").iterdir() if path.suffix != ".lock"]
    patch.undo()
    assert left == []


def tree(place: Path) -> list[str]:
    """Every file there is, but for the empty folders of the workers and the locks."""
    found = (path.relative_to(place).as_posix() for path in place.rglob("*"))
    known = r"home|work|hecha-kept\.txt|temporary(/hecha-worker-\w+|/hecha-office-[\d-]+\.lock)?"
    return [name for name in found if not re.fullmatch(known, name)]


def endings_of(data: bytes, name: str) -> list[Ending]:
    """How a file and all in it end, in a process that is watched and limited."""
    started = time.perf_counter()
    try:
        endings, touched = call_limited("tests.hostile_readers:watched", data, name, limits=LIMITS)
    except HechaError as error:
        # The process ended: a limit of the process itself, which must be one of size.
        endings, touched = [(name, error.code, error.message, ())], []
    assert time.perf_counter() - started < SECONDS + 2
    assert touched == []
    assert endings
    found: list[Ending] = endings
    return found


def check_words(endings: list[Ending]) -> None:
    """Errors and warnings are Chinese and give a way out; no file of ours is in a text."""
    for _path, outcome, text, warnings in endings:
        said = [*warnings, *([] if outcome in ("read", "partial") else [text])]
        for message in said:
            assert re.search("[\u4e00-\u9fff]", message)
            assert "请" in message or "没有读取" in message
        assert doc.KEPT not in text
        assert outcome != "partial" or warnings


@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=f"{row.name[3:]} {row.proves}", marks=row.marks) for row in ROWS],
)
def test_a_hostile_file_ends_in_a_clear_result_and_harms_nothing(row: Bad, place: Path) -> None:
    endings = endings_of(row.make(), row.name)
    met = {outcome for _, outcome, _, _ in endings}
    assert met <= {each for end in row.ends for each in end.split("|")}
    assert all(met & set(end.split("|")) for end in row.ends)
    check_words(endings)
    assert tree(place) == []


def test_the_table_is_long_and_no_row_comes_twice() -> None:
    names = [(row.name, row.proves) for row in ROWS]
    assert len(set(names)) == len(names) >= 60


# --- cut off at ten places ----------------------------------------------------------------------


@cache
def saved_doc() -> bytes:
    """A real .doc, as LibreOffice saves it."""
    # What LibreOffice leaves in its home is none of what is looked for.
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, HOME=folder):
        return convert_all(Path(folder), {"a": docx(paragraph(TEXT) * 60)}, "doc")["a"]


MANY = {f"{at}.txt": f"{at}{TEXT * 47}".encode() for at in range(11)}
TORN: dict[str, Maker] = {
    "pdf": doc.sound_pdf,
    "docx": doc.sound_docx,
    "ofd": doc.sound_ofd,
    "zip": lambda: zip_file(MANY),
    "tar": lambda: tar_file(MANY).rstrip(b"\0") + bytes(1024),
    "7z": lambda: libarchive_file(MANY),
    "rar": lambda: libarchive_file({}) and rar_file(MANY),
    "eml": box.hostile_names,
    "msg": lambda: msg_file(TEXT, "正文" * 5000, msg_attachment(0, "报告.txt", DATA * 99)),
    "doc": saved_doc,
    "rtf": lambda: rtf(TEXT * 40),
    "odt": lambda: doc.odt_of(f"<text:p>{TEXT}</text:p>"),
    "html": lambda: doc.html(f"<table><tr><td>{TEXT}</table>" * 20),
    "mht": doc.cyclic_frames,
    "md": lambda: f"# {TEXT}\n\n| 甲 | 乙 |\n| --- | --- |\n| 丙 | 丁 |\n".encode(),
    "txt": lambda: (TEXT * 30).encode("gb18030"),
}
"""What is cut off at ten places."""
ENDLESS = frozenset({"html", "md", "txt"})
"""Formats in which nothing tells that the end is missing."""
ODD = "内容异常"
"""What is said of an error that no reader foresaw."""


@pytest.mark.parametrize("tenths", range(10))
@pytest.mark.parametrize(
    "kind", [pytest.param(each, marks=SLOW if each in ("doc", "rtf") else ()) for each in TORN]
)
def test_a_file_cut_off_anywhere_is_refused_or_read_in_part(
    kind: str, tenths: int, place: Path
) -> None:
    data = TORN[kind]()
    endings = endings_of(data[: len(data) * (2 * tenths + 1) // 20], f"案卷.{kind}")
    check_words(endings)
    outcomes = {outcome for _, outcome, _, _ in endings}
    assert outcomes - {"read"} or kind in ENDLESS
    assert "parse_crashed" not in outcomes
    assert not [text for _, outcome, text, _ in endings if outcome != "read" and ODD in text]
    assert tree(place) == []


# --- what the rows say beyond their endings -----------------------------------------------------


@pytest.mark.parametrize(
    ("make", "name"),
    [
        pytest.param(lambda: zip_file(box.OUTWARD), "zip", id="zip"),
        pytest.param(lambda: tar_file(box.OUTWARD), "tar", id="tar"),
        pytest.param(lambda: libarchive_file(box.OUTWARD), "7z", id="7z"),
    ],
)
def test_names_that_lead_out_become_labels_inside(make: Maker, name: str, place: Path) -> None:
    endings = endings_of(make(), f"a.{name}")
    assert [path for path, *_ in endings] == [f"a.{name}/{each}" for each in box.PLACES]


@pytest.mark.parametrize("make", [box.hostile_names, box.hostile_msg_names], ids=["eml", "msg"])
def test_names_of_attachments_become_labels_inside(make: Maker, place: Path) -> None:
    paths = [path for path, *_ in endings_of(make(), "a")][1:]
    assert len(set(paths)) == len(paths) == len(box.NAMES)
    for path in paths:
        assert path.startswith("a/附件/") and len(path) < 500
        assert not {"..", "."} & set(path.split("/"))
        assert not re.search("[\x00-\x1f\u202a-\u202e\\\\:]", path)


@pytest.mark.parametrize(
    ("make", "name", "codes"),
    [
        pytest.param(doc.with_macros, "a.docm", ["macros"], id="macros"),
        pytest.param(doc.hostile_attachment, "a.pdf", ["attachments_not_read"], id="attached file"),
    ],
)
def test_what_is_left_aside_is_said(make: Maker, name: str, codes: list[str], place: Path) -> None:
    ((_, _, _, warnings),) = endings_of(make(), name)
    assert [warning.partition("：")[0] for warning in warnings] == codes


@pytest.mark.slow
@OFFICE
def test_macros_of_an_old_word_document_are_said_and_not_run(place: Path) -> None:
    import io

    import olefile

    tree_of: dict[str, bytes] = {}
    with olefile.OleFileIO(io.BytesIO(saved_doc())) as ole:
        for path in ole.listdir():
            if len(path) == 1:
                tree_of[path[0]] = ole.openstream(path).read()
    data = compound_file({**tree_of, "Macros": {"VBA": {"dir": b"x" * 99}}})
    ((_, outcome, text, warnings),) = endings_of(data, "a.doc")
    assert (outcome, text.split("\n")[0]) == ("read", TEXT)
    assert [warning.partition("：")[0] for warning in warnings] == ["macros"]


def test_the_watch_sees_what_it_should(place: Path) -> None:
    """Otherwise the rows above would prove nothing."""
    touched = call_limited("tests.hostile_readers:touches", str(place / "home"), limits=LIMITS)
    kinds = [each.split(" ")[0] for each in touched]
    assert kinds == ["wrote", "os.mkdir", "read", "socket.connect"]
    assert tree(place) == ["home/made", "home/written"]
    (place / "home" / "written").unlink()
    (place / "home" / "made").rmdir()
