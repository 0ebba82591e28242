"""The fuzz finds what it looks for, and a short run of it finds nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from extractor.document import Document
from extractor.errors import CorruptFileError, CrashError, LimitError
from extractor.formats import CONTAINERS, FORMATS, Limits, ReadOne, parse_one
from extractor.formats.containers import find_container
from extractor.formats.office_tools import find_office
from tests import fuzzing
from tests.fuzz_seeds import SEEDS, WORDS, parts_of
from tests.fuzzing import CHANGES, Change, Recipe, file_of, fuzz, sound_files, spoilt, verdict

PARSERS = list(dict.fromkeys(seed.parser for seed in SEEDS))
BY_OFFICE = {seed.parser for seed in SEEDS if seed.is_slow}
OFFICE = pytest.mark.skipif(find_office() is None, reason="没有安装 LibreOffice")
TEXT = "某某市某某建设有限公司“7·12”一般高处坠落事故调查报告".encode()


@pytest.fixture(autouse=True)
def _kept_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings are kept in a folder of the test."""
    monkeypatch.setattr(fuzzing, "OUT", tmp_path / "fuzz")


@pytest.mark.parametrize(
    "parser",
    [
        pytest.param(each, marks=(pytest.mark.slow, OFFICE) if each in BY_OFFICE else ())
        for each in PARSERS
    ],
)
def test_a_short_run_finds_nothing(parser: str) -> None:
    """A round that is always the same; `make fuzz` takes others."""
    run = fuzz(parser, 0.0, first=1, rounds=1)
    assert run.examples == fuzzing.ROUND
    assert run.shown == []


def test_every_format_has_a_sound_file() -> None:
    """A reader that is added to the tables must be fuzzed too."""
    formats, containers = set(), set()
    for seed in SEEDS:
        if not seed.is_slow:
            data = seed.make()
            containers.add(container.name if (container := find_container(data)) else "")
            formats.add(next((each.name for each in FORMATS if each.sniff(data)), ""))
            assert verdict(data, seed.filename) == "", seed
    by_office = {"DOC", "RTF", "ODT"}
    assert {each.name for each in FORMATS} - formats - by_office == set()
    assert {each.name for each in CONTAINERS} - containers == set()
    assert by_office <= set(PARSERS)


def failing(error: Exception) -> ReadOne:
    def read(data: bytes, filename: str, *, limits: Limits = fuzzing.LIMITS) -> Document:
        raise error

    return read


@pytest.mark.parametrize(
    ("error", "says"),
    [
        pytest.param(ZeroDivisionError("x"), "raised ZeroDivisionError", id="an error not ours"),
        pytest.param(CrashError("进程崩溃"), "crashed", id="a crash"),
        pytest.param(LimitError("超时 max_seconds"), "costs too much", id="no end"),
        pytest.param(CorruptFileError("broken"), "no Chinese message", id="not for people"),
        pytest.param(CorruptFileError("文件内容异常"), "unforeseen", id="caught at the last"),
        pytest.param(CorruptFileError("文件已损坏"), "", id="an error of ours"),
        pytest.param(LimitError("超过 max_pages"), "", id="a limit of size"),
    ],
)
def test_what_goes_wrong_is_a_finding(error: Exception, says: str) -> None:
    found = verdict(TEXT, "a.txt", failing(error))
    assert found.startswith(says) and bool(found) == bool(says)


def test_a_slow_file_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzing, "SECONDS", 0.01)

    def read(data: bytes, filename: str, *, limits: Limits = fuzzing.LIMITS) -> Document:
        time.sleep(0.02)
        return parse_one(data, filename, limits=limits)

    assert verdict(TEXT, "a.txt", read) == "took 0 s"


def test_a_finding_is_kept_and_its_round_makes_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def judged(data: bytes, filename: str) -> str:
        met.append(data)
        return "wrong" if len(data) % 2 else ""

    monkeypatch.setattr(fuzzing, "verdict", judged)
    met: list[bytes] = []
    first = fuzz("TXT", 0.0, first=7, rounds=2)
    once, met[:] = list(met), []
    second = fuzz("TXT", 0.0, first=7, rounds=2)
    assert once == met and first.found == second.found and first.found["wrong"] > 0
    (kept,) = fuzzing.OUT.iterdir()
    assert kept.read_bytes() in once
    assert "--only TXT --round 7" in first.shown[0] and kept.name in first.shown[0]


def test_the_seconds_are_kept() -> None:
    started = time.monotonic()
    assert fuzz("TXT", 0.5).examples > 0
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("kind", CHANGES)
@pytest.mark.parametrize("data", [b"", b"a", b"1", b"<obj a='' b=\"12\">345</obj><x/>" * 9])
def test_every_change_can_be_made_anywhere(kind: str, data: bytes) -> None:
    made = {
        spoilt(data, [Change(kind, place, other, 3, b"new")])
        for place in (0, 1, 7, 1 << 20)
        for other in (0, 5, 1 << 20)
    }
    assert len(data) < 14 or made - {data}


def test_one_part_of_a_zip_is_spoilt() -> None:
    seeds = [each for each in sound_files("DOCX") if each[0].has_parts][:1]
    parts = dict(parts_of(seeds[0][1]))
    for number, name in enumerate(parts):
        recipe = Recipe(0, number, (Change("insert", 0, 0, 1, b"NEW"),))
        new = dict(parts_of(file_of(recipe, seeds)[1]))
        assert {each for each in parts if new[each] != parts[each]} == {name}


def test_every_family_has_words() -> None:
    assert {seed.words for seed in SEEDS} == set(WORDS)
