"""From the bytes of a file to a `Document`: one reader a format, chosen by the content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePath
from typing import Final

from extractor.document import Document, DocumentBuilder
from extractor.errors import CorruptFileError, EmptyFileError, HechaError
from extractor.formats import sniffing
from extractor.formats.limits import DEFAULT_LIMITS, Limits, over_limit, size_text

__all__ = ["DEFAULT_LIMITS", "FORMATS", "Format", "Limits", "parse"]

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
        "TXT",
        "text/plain",
        (".txt", ".text", ".md", ".csv", ".log"),
        sniffing.is_text,
        "extractor.formats.plaintext:read_text",
    ),
)
"""The readers, in the order in which they are asked; plain text takes what is left."""


def parse(data: bytes, filename: str, *, limits: Limits = DEFAULT_LIMITS) -> Document:
    """Read a file: PDF, DOCX, picture or plain text, told by its content and not by its name.

    A name with another extension gives the warning `extension_mismatch`. A file that could be
    read only in part has status `partial` and says in its warnings what is missing.

    Raises:
        EmptyFileError: no bytes, no pages or no text.
        UnsupportedFormatError: another kind of file; the message says which, and what to do.
        EncryptedFileError: a password is needed.
        CorruptFileError: cut off or damaged.
        LimitError: over one of `limits`; the message names it.
        MissingToolError: a picture, and recognition is not installed.
    """
    if not data:
        raise EmptyFileError("文件是空的（0 字节）。请重新下载或复制原文件后再上传。")
    if len(data) > limits.max_bytes:
        found = f"文件大小 {size_text(len(data))}"
        raise over_limit(found, "max_bytes", size_text(limits.max_bytes))
    entries = sniffing.count_entries(data)
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
    if extension and extension not in found.extensions:
        builder.warn(
            "extension_mismatch",
            f"文件名以 {extension} 结尾，内容却是 {found.name}，已按 {found.name} 读取。"
            "请核实是否选对了文件。",
        )
