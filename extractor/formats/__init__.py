"""From the bytes of a file to a `Document`: one reader a format, chosen by the content."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import PurePath
from typing import Final, Protocol

from extractor.document import Document, DocumentBuilder, Notice
from extractor.errors import (
    ContainerError,
    CorruptFileError,
    EmptyFileError,
    HechaError,
    ParseError,
)
from extractor.formats import container_sniffing, sniffing
from extractor.formats.containers import (
    CONTAINERS,
    BadEntry,
    Budget,
    Container,
    Entry,
    Found,
    LeftOut,
    find_container,
)
from extractor.formats.limits import DEFAULT_LIMITS, Limits, over_limit, size_text

__all__ = [
    "CONTAINERS",
    "DEFAULT_LIMITS",
    "FORMATS",
    "FileResult",
    "Format",
    "Limits",
    "Walk",
    "check_size",
    "parse",
    "parse_all",
    "walk",
]

_PLAIN: Final = frozenset({"TXT", "Markdown"})
"""Kinds of text that their content alone may not tell apart; either extension is right."""
_NAMED: Final = 20
"""So many names at most stand in a message."""

Reader = Callable[[bytes, DocumentBuilder, Limits], None]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: how it is known by its bytes, and which function reads it.

    `reader` is `module:function`, imported on first use; the function takes the bytes, a
    `DocumentBuilder` and the `Limits`, and raises `ParseError`.
    """

    name: str
    media_type: str
    extensions: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    reader: str

    def load(self) -> Reader:
        """Import and return the reader."""
        module, _, function = self.reader.partition(":")
        reader: Reader = getattr(import_module(module), function)
        return reader


_IMAGES: Final = "extractor.formats.images:read_image"

FORMATS: Final = (
    Format(
        "PDF",
        "application/pdf",
        (".pdf",),
        sniffing.is_pdf,
        "extractor.formats.pdf:read_pdf",
    ),
    Format(
        "DOCX",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        (".docx", ".docm", ".dotx", ".dotm"),
        sniffing.is_docx,
        "extractor.formats.word:read_docx",
    ),
    Format("PNG", "image/png", (".png",), sniffing.is_png, _IMAGES),
    Format("JPEG", "image/jpeg", (".jpg", ".jpeg", ".jfif"), sniffing.is_jpeg, _IMAGES),
    Format("TIFF", "image/tiff", (".tif", ".tiff"), sniffing.is_tiff, _IMAGES),
    Format("BMP", "image/bmp", (".bmp",), sniffing.is_bmp, _IMAGES),
    Format("WebP", "image/webp", (".webp",), sniffing.is_webp, _IMAGES),
    Format("GIF", "image/gif", (".gif",), sniffing.is_gif, _IMAGES),
    Format(
        "OFD",
        "application/ofd",
        (".ofd",),
        sniffing.is_ofd,
        "extractor.formats.ofd:read_ofd",
    ),
    Format(
        "DOC",
        "application/msword",
        (".doc", ".dot", ".wps", ".wpt"),
        sniffing.is_doc,
        "extractor.formats.office:read_doc",
    ),
    Format(
        "RTF",
        "application/rtf",
        (".rtf",),
        sniffing.is_rtf,
        "extractor.formats.office:read_rtf",
    ),
    Format(
        "ODT",
        "application/vnd.oasis.opendocument.text",
        (".odt", ".ott"),
        sniffing.is_odt,
        "extractor.formats.office:read_odt",
    ),
    Format(
        "网页归档（MHT）",
        "multipart/related",
        (".mht", ".mhtml"),
        container_sniffing.is_mht,
        "extractor.formats.mail:read_mht",
    ),
    Format(
        "电子邮件",
        "message/rfc822",
        (".eml",),
        container_sniffing.is_eml,
        "extractor.formats.mail:read_eml",
    ),
    Format(
        "Outlook 邮件",
        "application/vnd.ms-outlook",
        (".msg",),
        container_sniffing.is_msg,
        "extractor.formats.mail:read_msg",
    ),
    Format(
        "网页",
        "text/html",
        (".html", ".htm", ".shtml", ".xhtml"),
        sniffing.is_html,
        "extractor.formats.html_pages:read_html",
    ),
    Format(
        "Markdown",
        "text/markdown",
        (".md", ".markdown"),
        sniffing.is_markdown,
        "extractor.formats.markdown_text:read_markdown",
    ),
    Format(
        "TXT",
        "text/plain",
        (".txt", ".text", ".csv", ".log"),
        sniffing.is_text,
        "extractor.formats.plaintext:read_text",
    ),
)
"""The readers, in the order in which they are asked; plain text takes what is left."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """One file that `parse_all` met: its path, and a document, an error or a notice.

    `path` begins with the name of the outermost file: `案卷.zip/来信.eml/附件/报告.docx`. A notice
    says why an entry was left out on purpose (a system file, a link).
    """

    path: str
    document: Document | None = None
    error: ParseError | None = None
    notice: Notice | None = None


class ReadOne(Protocol):
    """What reads one file of an archive, as `parse_one` does."""

    def __call__(self, data: bytes, filename: str, *, limits: Limits = ...) -> Document:
        """Read one file; raise `ParseError`."""


class Walk(Protocol):
    """What opens a container, as `walk` does."""

    def __call__(
        self, container: Container, data: bytes, filename: str, budget: Budget
    ) -> Iterator[Found]:
        """Give what is in it; what goes wrong is given, not raised."""


def parse(data: bytes, filename: str, *, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Read a file of any of the `FORMATS`, told by its content and not by its name.

    A name with another extension gives the warning `extension_mismatch`. A file that could be
    read only in part has status `partial` and says in its warnings what is missing. An archive is
    read when it holds exactly one readable file; of a letter its own text is read. `parse_all`
    gives everything that they hold.

    Raises:
        EmptyFileError: no bytes, no pages or no text.
        UnsupportedFormatError: another kind of file; the message says which, and what to do.
        EncryptedFileError: a password is needed.
        CorruptFileError: cut off or damaged.
        LimitError: over one of `limits`; the message names it.
        ContainerError: an archive with no readable file, or with several.
        MissingToolError: a program or package that the format needs is not installed.
    """
    check_size(data, limits)
    container = find_container(data)
    if container is None:
        return _read(data, filename, limits)
    if container.is_document:
        return _read_letter(data, filename, limits, container)
    return _only_document(data, filename, limits)


def parse_one(data: bytes, filename: str, *, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Read one file that is no archive: of a letter its own text, without its attachments.

    Raises:
        ParseError: as `parse`.
    """
    return _read(data, filename, limits)


def walk(container: Container, data: bytes, filename: str, budget: Budget) -> Iterator[Found]:
    """Give what a walker gives; what its libraries do not survive ends it with an error."""
    try:
        yield from container.load()(data, filename, budget)
    except MemoryError:
        allowed = size_text(budget.limits.max_memory_bytes)
        yield BadEntry("", over_limit("读取占用内存过多", "max_memory_bytes", allowed))
    except Exception as exc:  # the rest of the container is lost, the other files are not
        what = f"{container.name}内容异常，后面的部分没有读取（{type(exc).__name__}）。"
        yield BadEntry("", CorruptFileError(f"{what}请解压后上传里面的文件。"))


def parse_all(
    data: bytes,
    filename: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    read: ReadOne = parse_one,
    walk: Walk = walk,
) -> Iterator[FileResult]:
    """Read a file and every file in it; an ordinary file gives one result.

    A letter comes first, then its attachments. What cannot be read comes back as a result with an
    error and stops nothing; nothing is written to disk. Errors are never raised. `read` reads each
    single file and `walk` opens each container: `limited.parse_one_limited` and
    `limited.walk_limited` do that in a process of its own.
    """
    yield from _visit(data, filename, 0, _Job(Budget(limits), read, walk))


def check_size(data: bytes, limits: Limits) -> None:
    """Refuse an empty file, and one over the limit in bytes.

    Raises:
        EmptyFileError: no bytes.
        LimitError: over `max_bytes`.
    """
    if not data:
        raise EmptyFileError("文件是空的（0 字节）。请重新下载或复制原文件后再上传。")
    if len(data) > limits.max_bytes:
        found = f"文件大小 {size_text(len(data))}"
        raise over_limit(found, "max_bytes", size_text(limits.max_bytes))


@dataclass(frozen=True, slots=True)
class _Job:
    """What holds for a file and for all that is in it."""

    budget: Budget
    read: ReadOne
    walk: Walk


def _visit(data: bytes, path: str, depth: int, job: _Job) -> Iterator[FileResult]:
    limits = job.budget.limits
    try:
        check_size(data, limits)
        container = find_container(data)
        if container is not None and depth > limits.max_archive_depth:
            allowed = f"{limits.max_archive_depth} 层"
            raise over_limit("压缩包或邮件层层嵌套过深", "max_archive_depth", allowed)
        if container is None or container.is_document:
            yield FileResult(path, job.read(data, path, limits=limits))
    except ParseError as error:
        yield FileResult(path, error=_bare(error))
        container = find_container(data) if isinstance(error, EmptyFileError) and data else None
    if container is not None:
        yield from _entries(data, path, container, depth, job)


def _entries(
    data: bytes, path: str, container: Container, depth: int, job: _Job
) -> Iterator[FileResult]:
    if job.budget.is_spent:
        return
    count = 0
    for found in job.walk(container, data, PurePath(path).name, job.budget):
        count += 1
        inner = f"{path}/{found.path}" if found.path and container.adds_level else path
        if isinstance(found, Entry):
            yield from _visit(found.data, inner, depth + 1, job)
        elif isinstance(found, BadEntry):
            yield FileResult(inner, error=_bare(found.error))
        else:
            notice = Notice(found.code, f"“{found.path}”：{found.reason}")
            yield FileResult(inner, notice=notice)
    if not count and not container.is_document:
        yield FileResult(path, error=EmptyFileError("压缩包里没有文件。请确认选对了文件。"))


def _bare(error: ParseError) -> ParseError:
    """Take from an error that is kept what it holds on to: the frames, and in them the bytes."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _read_letter(data: bytes, filename: str, limits: Limits, container: Container) -> Document:
    document = _read(data, filename, limits)
    names = [
        found.path
        for found in walk(container, data, filename, Budget(limits))
        if not isinstance(found, LeftOut)
    ]
    if not names:
        return document
    notice = Notice(
        "attachments_not_read",
        f"邮件带有 {len(names)} 个附件，没有一并读取：{_listed(names)}。请把附件另存后上传，"
        "或用 hecha extract 读取整封邮件。",
    )
    return replace(document, warnings=(*document.warnings, notice))


def _only_document(data: bytes, filename: str, limits: Limits) -> Document:
    results: list[FileResult] = []
    read: list[FileResult] = []
    for result in parse_all(data, filename, limits=limits):
        (results if result.document is None else read).append(result)
        if len(read) > 1:
            raise ContainerError(
                f"压缩包里有不止一个可读的文件：{read[0].path}、{read[1].path} 等。"
                "请解压后逐个上传，或用 hecha extract、hecha checklist 读取整个压缩包；"
                "通过接口请上传到 /v1/batches。"
            )
    if read and read[0].document is not None:
        others = [result.path for result in results if result.error is not None]
        notice = Notice(
            "read_from_container",
            f"这是压缩包，已读取其中唯一可读的文件 {read[0].path}。"
            + (f"没有读取：{_listed(others)}。" if others else ""),
        )
        return replace(read[0].document, warnings=(*read[0].document.warnings, notice))
    errors = [result for result in results if result.error is not None]
    if len(errors) == 1 and errors[0].error is not None:
        raise errors[0].error
    details = "；".join(f"{each.path}：{each.error}" for each in errors[:3])
    raise ContainerError(f"压缩包里没有可读的文件，请确认选对了文件。{details}")


def _listed(names: Sequence[str]) -> str:
    more = f"等{len(names)}个" if len(names) > _NAMED else ""
    return "、".join(names[:_NAMED]) + more


def _read(data: bytes, filename: str, limits: Limits) -> Document:
    entries = container_sniffing.count_entries(data)
    if entries > limits.max_archive_entries:
        allowed = f"{limits.max_archive_entries} 个"
        raise over_limit(f"文件里有 {entries} 个条目", "max_archive_entries", allowed)
    found_format = _find_format(data)
    builder = DocumentBuilder(data, filename, found_format.media_type)
    _check_extension(filename, found_format, builder)
    read = found_format.load()
    try:
        read(data, builder, limits)
    except HechaError:
        raise
    except Exception as exc:  # a reader met content that its libraries do not survive
        raise CorruptFileError(
            f"{found_format.name} 文件内容异常，无法读取（{type(exc).__name__}）。"
            "请用原来的软件打开，另存后再上传。"
        ) from exc
    return builder.build()


def _find_format(data: bytes) -> Format:
    for candidate in FORMATS:
        if candidate.sniff(data):
            return candidate
    raise sniffing.refusal(data)


def _check_extension(filename: str, found: Format, builder: DocumentBuilder) -> None:
    extension = PurePath(filename).suffix.lower()
    kin = {ext for row in FORMATS if row.name in _PLAIN for ext in row.extensions}
    known = kin if found.name in _PLAIN else found.extensions
    if extension and extension not in known:
        builder.warn(
            "extension_mismatch",
            f"文件名以 {extension} 结尾，内容却是 {found.name}，已按 {found.name} 读取。"
            "请核实是否选对了文件。",
        )
