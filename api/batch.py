"""Many files at the command line: which to read, what each result is called, what went wrong.

One file that fails never stops the others.
"""

from __future__ import annotations

import errno
import os
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

from api.console import join_names, one_line, say, wrong_use
from extractor import extract, parse_all
from extractor.document import Document
from extractor.errors import HechaError
from extractor.extraction import Extraction
from extractor.formats import CONTAINERS, FORMATS, FileResult, Limits
from extractor.formats.limited import parse_one_limited, walk_limited
from extractor.formats.limits import limits_from
from models import Tagger

_NOT_IN_FOLDERS = frozenset({".md", ".markdown", ".csv", ".log", ".text"})
"""Plain text that a folder holds for other reasons; it is read when it is named itself."""


_REASONS = {
    errno.ENOENT: "文件夹不存在，也不能建立",
    errno.ENOTDIR: "上级路径是一个文件，不是文件夹",
    errno.EEXIST: "上级路径是一个文件，不是文件夹",
    errno.EISDIR: "这个名称已经是一个文件夹",
    errno.ENOSPC: "磁盘已满",
    errno.EDQUOT: "磁盘配额已用完",
    errno.EROFS: "磁盘是只读的",
    errno.ENAMETOOLONG: "文件名太长",
    errno.EIO: "磁盘读写出错",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be read: a stable code and a message that says what to do."""

    path: Path
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """An entry of an archive or a letter that is left out, as files of a folder are: why."""

    path: Path
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Done:
    """A file that was read; for an entry of an archive `path` goes through the archive."""

    path: Path
    document: Document
    extraction: Extraction


@dataclass(slots=True)
class Inputs:
    """The files of a command in order, each once, and what could not be found."""

    paths: list[Path] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def find_inputs(names: Sequence[Path]) -> Inputs:
    """Return the named files, and for a named folder all files in it of a format that is read.

    A file that is named twice counts once. In folders hidden files, lock files of Office (~$) and
    files of other formats are left out; the latter are named on stderr.
    """
    inputs = Inputs()
    seen: set[Path] = set()
    for name in names:
        if not name.exists():
            message = "找不到文件。请核对路径；路径里有空格时要加引号。"
            inputs.failures.append(Failure(name, "file_not_found", message))
            continue
        found = list(_files_in(name, inputs)) if name.is_dir() else [name]
        for path in found:
            if (key := path.resolve()) not in seen:
                seen.add(key)
                inputs.paths.append(path)
    return inputs


def _files_in(folder: Path, inputs: Inputs) -> Iterator[Path]:
    known = {ext for form in (*FORMATS, *CONTAINERS) for ext in form.extensions} - _NOT_IN_FOLDERS
    left_out, known_files = [], 0
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder).parts
        # A browser puts the scripts and frames of a saved page into a folder 某页_files.
        hidden = any(
            part.startswith((".", "~$")) or part.endswith(("_files", ".files")) for part in inner
        )
        if hidden or not path.is_file():
            continue
        if path.suffix.lower() in known:
            known_files += 1
            yield path
        else:
            left_out.append(path.name)
    if left_out:
        say(f"提醒 {folder}：已跳过其他格式的文件：{join_names(left_out)}")
    if not known_files:
        formats = "、".join(sorted(known))
        message = f"文件夹里没有可读的文件（{formats}）。"
        inputs.failures.append(Failure(folder, "folder_empty", message))


Result = Done | Failure | Skipped


def read_file(path: Path, limits: Limits, tagger: Tagger | None = None) -> Iterator[Result]:
    """Read one file from disk, and every file in it if it is an archive or a letter.

    Whatever goes wrong comes back as a failure. An entry of another format is skipped with a word,
    as it is in a folder; an archive in which nothing can be read is a failure.
    """
    try:
        with path.open("rb") as file:
            # One byte more than the limit is enough for the reader to refuse it.
            data = file.read(limits.max_bytes + 1)
    except PermissionError:
        yield Failure(path, "file_unreadable", "没有读取权限，或文件正被其他程序占用。")
        return
    except OSError as error:
        yield Failure(path, "file_unreadable", f"无法读取：{write_reason(error)}。")
        return
    name = one_line(path.name)
    only_skipped = True
    try:
        for found in parse_all(
            data, name, limits=limits, read=parse_one_limited, walk=walk_limited
        ):
            place = path if found.path == name else path.parent / one_line(found.path)
            result = _result(found, place, tagger, inside=place != path)
            only_skipped = only_skipped and isinstance(result, Skipped)
            yield result
    except Exception as error:
        # The other files of the job must go on, whatever this one has met.
        yield _internal(path, error)
    else:
        if only_skipped:
            yield Failure(path, "container_ambiguous", "里面没有可读的文件。请确认选对了文件。")


def _result(found: FileResult, path: Path, tagger: Tagger | None, *, inside: bool) -> Result:
    if found.notice is not None:
        return Skipped(path, found.notice.code, found.notice.message)
    if found.error is not None:
        kind = Skipped if inside and found.error.code == "format_unsupported" else Failure
        return kind(path, found.error.code, found.error.message)
    if found.document is None:  # pragma: no cover - one of the three is there
        raise AssertionError(found.path)
    try:
        return Done(path, found.document, extract(found.document, tagger))
    except HechaError as error:
        return Failure(path, error.code, error.message)
    except Exception as error:
        return _internal(path, error)


def _internal(path: Path, error: Exception) -> Failure:
    message = f"程序内部错误（{type(error).__name__}：{error}）。请把这一行发给维护人员。"
    return Failure(path, "internal_error", message)


def read_files(
    paths: Iterable[Path], step: Callable[[str], None], tagger: Tagger | None = None
) -> Iterator[Result]:
    """Read files one after the other; `step` is told the name before each.

    What a file may cost stands in the environment variable `HECHA_LIMITS`.
    """
    try:
        limits = limits_from(os.environ.get("HECHA_LIMITS", ""))
    except ValueError as error:
        wrong_use(f"环境变量 HECHA_LIMITS 写得不对。{error}")
    for path in paths:
        step(path.name)
        yield from read_file(path, limits, tagger)


def report(result: Result) -> None:
    """Write what a person should know of a file to stderr: its failure, or its warnings."""
    if isinstance(result, Skipped):
        say(f"提醒 {result.path} [{result.code}] {result.message}")
        return
    if isinstance(result, Failure):
        say(f"失败 {result.path} [{result.code}] {result.message}")
        return
    for warning in result.extraction.document.warnings:
        say(f"提醒 {result.path} [{warning.code}] {warning.message}")


class OutputNames:
    """Names the results one after the other, no two alike on any file system.

    报告.docx → 报告.json; a second 报告 keeps its extension: 报告.pdf.json; a third of the same
    name is counted: 报告.pdf.2.json.
    """

    def __init__(self, suffix: str) -> None:
        """Begin with no name taken; `suffix` is that of the results, such as .json."""
        self._suffix = suffix
        self._taken: set[str] = set()

    def of(self, path: Path) -> str:
        """Return the name for the result of this input."""
        counted = (f"{path.name}.{number}" for number in count(2))
        name = next(
            stem + self._suffix
            for stem in chain((path.stem, path.name), counted)
            if _fold(stem + self._suffix) not in self._taken
        )
        self._taken.add(_fold(name))
        return name


def _fold(name: str) -> str:
    """Return a name as Windows and macOS compare it: without case, in one Unicode form."""
    return unicodedata.normalize("NFC", name).casefold()


def write_file(path: Path, data: bytes) -> str | None:
    """Write a file as a whole or not at all; returns what went wrong, in Chinese, or None."""
    try:
        handle, temporary = _make_temporary(path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).chmod(_mode(path))
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except PermissionError:
        return "没有写入权限，或文件正在 Excel 等程序中打开。请关闭后重试，或换一个位置。"
    except OSError as error:
        return f"无法写入：{write_reason(error)}。请换一个位置。"
    return None


def write_reason(error: OSError) -> str:
    """Return in Chinese why the system refused to read or write."""
    return _REASONS.get(error.errno or 0) or f"系统错误 {error.errno}（{error.strerror}）"


def _make_temporary(folder: Path) -> tuple[int, str]:
    try:
        return tempfile.mkstemp(dir=folder, prefix=".hecha-")
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.mkstemp(dir=folder, prefix=".hecha-")


def _mode(path: Path) -> int:
    """Return the permissions of the file that is replaced, else those of a new file."""
    with suppress(FileNotFoundError):
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
