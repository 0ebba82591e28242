"""Where the files of a run are: what to read in the input, what a result is called in the output.

输出/
  manifest.jsonl   一行一个文件
  results/…json    与输入同样的目录
  cases/…json      每起事故一份清单
  汇总.xlsx        summary.json
  归并更正.tsv     what people correct of the grouping, if there is anything
  .hecha/          the program's own: texts for the checklists, unpacked entries, the lock
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Final

from extractor.formats import CONTAINERS, FORMATS

MANIFEST: Final = "manifest.jsonl"
WORKBOOK: Final = "汇总.xlsx"
SUMMARY: Final = "summary.json"
CORRECTIONS: Final = "归并更正.tsv"
_OWN: Final = ".hecha"
_LONGEST: Final = 220
_DIGITS: Final = 8
_FORBIDDEN: Final = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f\ud800-\udfff]')
_RESERVED: Final = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
_NOT_IN_FOLDERS: Final = frozenset({".md", ".markdown", ".csv", ".log", ".text"})
KNOWN: Final = frozenset(
    {ext for form in (*FORMATS, *CONTAINERS) for ext in form.extensions} - _NOT_IN_FOLDERS
)


@dataclass(frozen=True, slots=True)
class Layout:
    """The places in the folder of results."""

    root: Path

    @property
    def manifest(self) -> Path:
        """One line a file."""
        return self.root / MANIFEST

    @property
    def results(self) -> Path:
        """The folder of extractions."""
        return self.root / "results"

    @property
    def cases(self) -> Path:
        """The folder of checklists."""
        return self.root / "cases"

    @property
    def workbook(self) -> Path:
        """The workbook over all cases."""
        return self.root / WORKBOOK

    @property
    def summary(self) -> Path:
        """The counts of the run."""
        return self.root / SUMMARY

    @property
    def corrections(self) -> Path:
        """What people correct of the grouping, unless they name another file."""
        return self.root / CORRECTIONS

    @property
    def texts(self) -> Path:
        """The texts of the documents, by hash."""
        return self.root / _OWN / "texts"

    @property
    def facts(self) -> Path:
        """What each document says of its accident."""
        return self.root / _OWN / "facts.jsonl"

    @property
    def grouping(self) -> Path:
        """The cases as they were grouped last."""
        return self.root / _OWN / "grouping.jsonl"

    @property
    def unread(self) -> Path:
        """What was not read, one line a file."""
        return self.root / _OWN / "unread.jsonl"

    @property
    def made(self) -> Path:
        """Which checklist stands for which case, one line each time one is made."""
        return self.root / _OWN / "cases.jsonl"

    @property
    def rows(self) -> Path:
        """The rows of each case in the workbook, by the hash of its first document."""
        return self.root / _OWN / "rows"

    @property
    def stamp(self) -> Path:
        """What the workbook was written of, in short."""
        return self.root / _OWN / "workbook.sha256"

    @property
    def spool(self) -> Path:
        """Entries of archives, until they are read."""
        return self.root / _OWN / "unpacked"

    @property
    def lock(self) -> Path:
        """Held while a program works here."""
        return self.root / _OWN / "lock"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read: where it is, what it is called in the manifest."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A file or folder that cannot be looked at, or is of no format that is read."""

    name: str
    code: str
    message: str
    is_failure: bool


def find_sources(top: Path) -> Iterator[Source | Unread]:
    """Yield the files under a folder in order, or the one file that is named.

    Hidden files, lock files of Office and the frames of saved web pages are passed over, as
    `hecha extract` does. Links to folders are not followed.
    """
    if top.is_file():
        yield Source(top, top.name)
        return
    refused: list[OSError] = []
    for folder, folders, files in os.walk(top, onerror=refused.append):
        while refused:
            yield _refused(refused.pop(), top)
        folders[:] = sorted(name for name in folders if not is_passed_over(name))
        for name in sorted(files):
            if is_passed_over(name):
                continue
            path = Path(folder, name)
            shown = path.relative_to(top).as_posix()
            if path.suffix.lower() in KNOWN:
                yield Source(path, shown)
            else:
                message = "不是可读的格式，没有读。可读的格式见 docs/formats.md。"
                yield Unread(shown, "format_unsupported", message, is_failure=False)
    while refused:
        yield _refused(refused.pop(), top)


def _refused(error: OSError, top: Path) -> Unread:
    path = Path(error.filename or top)
    name = "." if path == top else path.relative_to(top).as_posix()
    message = f"不能打开这个文件夹（{error.strerror}），其中的文件没有读。请检查权限。"
    return Unread(name, "file_unreadable", message, is_failure=True)


def is_passed_over(name: str) -> bool:
    """Tell whether a name in a folder is none of the user's own: hidden, a lock, a web frame."""
    return name.startswith((".", "~$")) or name.endswith(("_files", ".files"))


class ResultNames:
    """Names the results: the path of the file with .json behind it, safe on every system.

    The name depends on path and content alone, so that a run that is continued gives the same one.
    Names that another path has taken already, but for case, get some digits of the content's hash.
    """

    def __init__(self) -> None:
        """Begin with no name taken."""
        self._lock = threading.Lock()
        self._taken: dict[bytes, bytes] = {}

    def take(self, name: str, output: str) -> None:
        """Note that the file `name` has the result `output`."""
        with self._lock:
            self._taken[_short(_fold(output))] = _short(name)

    def of(self, name: str, digest: str) -> str:
        """Return the path of a result below the folder of results, with `/`."""
        parts = [_safe(part) for part in PurePosixPath(name).parts if part not in ("/", "..")]
        plain = "/".join(parts) + ".json"
        with self._lock:
            owner = self._taken.setdefault(_short(_fold(plain)), _short(name))
        return plain if owner == _short(name) else with_digest(plain, digest)


def with_digest(output: str, digest: str) -> str:
    """Return the name of a result with some digits of the hash of its file."""
    return f"{output.removesuffix('.json')}~{digest[:_DIGITS]}.json"


def _short(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _fold(text: str) -> str:
    """Return a name as Windows and macOS compare it: without case, in one Unicode form."""
    return unicodedata.normalize("NFC", text).casefold()


def _safe(part: str) -> str:
    """Return a part of a path that every system takes; one that was changed says so by a hash."""
    kept = _FORBIDDEN.sub("_", part).rstrip(". ") or "_"
    if _RESERVED.match(kept):
        kept = f"_{kept}"
    while len(kept.encode()) > _LONGEST:
        kept = kept[:-1]
    return kept if kept == part else f"{kept}~{_short(part).hex()[:_DIGITS]}"


def safe_title(text: str, longest: int = 60) -> str:
    """Return a title as the beginning of a file name."""
    return _FORBIDDEN.sub("", text).strip(". ")[:longest].strip(". ")


def hash_file(path: Path, stopped: Callable[[], bool] = lambda: False) -> str:
    """Return the SHA-256 of a file, read piece by piece.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while (piece := file.read(1 << 20)) and not stopped():
            digest.update(piece)
    return digest.hexdigest()


def free_name(path: Path) -> Path:
    """Return the path, numbered if there is a file of that name: 报告（2）.docx."""
    if not path.exists():
        return path
    numbered = (path.with_name(f"{path.stem}（{at}）{path.suffix}") for at in count(2))
    return next(each for each in numbered if not each.exists())
