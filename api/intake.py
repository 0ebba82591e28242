"""The way in of a file: from the request, in parts, to the store of files.

Up to 4 MiB wait in memory, so that a usual file costs one step to a thread; what is larger goes
to the disk as it comes. Nothing is ever held as a whole.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.message import Message
from typing import TYPE_CHECKING, Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from api.files import FileStore, Incoming
from api.guard import too_large
from api.problems import ProblemError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_SPILL: Final = 4 << 20
_FIELDS: Final = 8
_FIELD_BYTES: Final = 4096
_NAME_CHARACTERS: Final = 200
_SEPARATORS: Final = re.compile(r"[/\\]")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
UNNAMED: Final = "未命名文件"


class Upload:
    """A file that a request brings, and the text fields of its form."""

    def __init__(self, files: FileStore, limit: int) -> None:
        """Begin one of at most `limit` bytes."""
        self.filename = UNNAMED
        self.fields: dict[str, str] = {}
        self.size = 0
        self._files = files
        self._limit = limit
        self._parts: list[bytes] = []
        self._waiting = 0
        self._incoming: Incoming | None = None

    def feed(self, data: bytes) -> None:
        """Add bytes of the file.

        Raises:
            ProblemError: it is over the limit.
        """
        self.size += len(data)
        if self.size > self._limit:
            raise ProblemError("upload_too_large", too_large(self._limit))
        self._parts.append(data)
        self._waiting += len(data)

    async def spill(self) -> None:
        """Write what waits, if it is much.

        Raises:
            FilesError: the store of files is away or full.
        """
        if self._waiting >= _SPILL:
            await run_in_threadpool(self.incoming)

    def incoming(self) -> Incoming:
        """Return the file with all that came so far, to be kept; not for the event loop.

        Raises:
            FilesError: the store of files is away or full.
        """
        if self._incoming is None:
            self._incoming = self._files.incoming()
        parts, self._parts, self._waiting = self._parts, [], 0
        for part in parts:
            self._incoming.write(part)
        return self._incoming

    async def discard(self) -> None:
        """Remove what was written and not kept."""
        if self._incoming is not None:
            await run_in_threadpool(self._incoming.discard)


@asynccontextmanager
async def received(
    request: Request, files: FileStore, limit: int, filename: str | None = None
) -> AsyncIterator[Upload]:
    """Give the file in a request; what is not kept of it in the block is removed after it.

    Accepts the form field `file` of `multipart/form-data`, or the file as the whole body, named
    by `filename` or, failing that, `Content-Disposition`.

    Raises:
        ProblemError: there is no file or an empty one, it is too large, the form is damaged, or
            the content type is that of another form.
        FilesError: the store of files is away or full.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind == b"application/x-www-form-urlencoded":
        raise ProblemError("media_type_unsupported")
    upload = Upload(files, limit)
    try:
        if kind == b"multipart/form-data":
            await _read_form(request, upload, options.get(b"boundary", b""))
        else:
            async for chunk in request.stream():
                upload.feed(chunk)
                await upload.spill()
            upload.filename = clean_name(filename or _disposition_name(request))
        if not upload.size:
            raise ProblemError("file_empty", "收到的文件是空的（0 字节）。请核对后重新上传。")
        yield upload
    finally:
        await upload.discard()


async def _read_form(request: Request, upload: Upload, boundary: bytes) -> None:
    form = _Form(upload)
    try:
        parser = MultipartParser(boundary, form.callbacks())
        async for chunk in request.stream():
            parser.write(chunk)
            await upload.spill()
        parser.finalize()
    except (FormParserError, UnicodeError) as exc:
        raise ProblemError("request_malformed") from exc
    if not boundary or not form.is_complete:
        raise ProblemError("request_malformed")
    # A form that is sent without a choice holds a nameless empty file.
    if not form.has_file or not (form.filename or upload.size):
        raise ProblemError("file_missing")
    upload.filename = clean_name(form.filename)


class _Form:
    """Takes what the parser finds: one file named `file`, and a few short text fields."""

    def __init__(self, upload: Upload) -> None:
        self.has_file = self.is_complete = False
        self.filename = ""
        self._upload = upload
        self._name = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._field: str | None = None
        self._is_file = False
        self._text = b""

    def callbacks(self) -> MultipartCallbacks:
        """Return what the parser is to call."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._add_name,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._add_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._headers = {}
        self._text = b""

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _end_headers(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"").decode("latin-1")
        _, options = parse_options_header(disposition)
        name = options.get(b"name")
        if name is None:
            raise ProblemError("request_malformed")
        self._field = name.decode("utf-8", "replace")
        self._is_file = b"filename" in options and self._field == "file"
        if self._is_file:
            if self.has_file:
                raise ProblemError("request_malformed", "一次只能上传一个文件。请分开上传。")
            self.has_file = True
            self.filename = options[b"filename"].decode("utf-8", "replace")
        elif len(self._upload.fields) >= _FIELDS:
            raise ProblemError("request_malformed")

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._upload.feed(data[start:end])
        else:
            self._text += data[start:end]
            if len(self._text) > _FIELD_BYTES:
                raise ProblemError("request_malformed")

    def _end_part(self) -> None:
        if not self._is_file and self._field is not None:
            self._upload.fields[self._field] = self._text.decode("utf-8", "replace")

    def _end(self) -> None:
        self.is_complete = True


def _disposition_name(request: Request) -> str | None:
    """Return the name that `Content-Disposition` gives the body, RFC 2231 forms among them."""
    header = Message()
    value = request.headers.get("content-disposition", "")
    with suppress(UnicodeError):  # many clients send UTF-8 as it is
        value = value.encode("latin-1").decode("utf-8")
    header["Content-Disposition"] = value.replace("\r", " ").replace("\n", " ")
    return header.get_filename()


def clean_name(name: str | None) -> str:
    """Return a file name that is only a name: no folders, no control or invisible characters.

    At most 200 characters; the ending stays. A name that is nothing else becomes 未命名文件.
    """
    last = _SEPARATORS.split(name or "")[-1]
    visible = "".join(c for c in last if unicodedata.category(c) not in _INVISIBLE)
    visible = visible.strip(" .\u3000")
    if len(visible) <= _NAME_CHARACTERS:
        return visible or UNNAMED
    stem, dot, ending = visible.rpartition(".")
    if not dot or len(ending) > 10:
        return visible[:_NAME_CHARACTERS]
    return stem[: _NAME_CHARACTERS - len(ending) - 1] + dot + ending
