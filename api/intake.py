"""The way in of a file: from the request to a temporary file, to the reader, to the store."""

from __future__ import annotations

import re
import unicodedata
from asyncio import Lock
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from api.guard import too_large
from api.problems import ProblemError
from api.reader import Reader
from api.store.document_store import DocumentEntry, Store

_SPOOL_BYTES: Final = 1 << 20
_NAME_CHARACTERS: Final = 200
_SEPARATORS: Final = re.compile(r"[/\\]")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
UNNAMED: Final = "未命名文件"


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes files in: the reader, the store, the limit in bytes, and whose turn it is.

    One file is read at a time: PDFium, which reads PDF, must not run in two threads at once.
    Two uploads of the same bytes are so read once.
    """

    reader: Reader
    store: Store
    limit: int
    turn: Lock

    async def take(
        self, request: Request, filename: str | None = None
    ) -> tuple[DocumentEntry, bool]:
        """Read the file in the request and keep it; return its entry and whether it is new.

        `filename` names a file that is the whole body; without it `Content-Disposition` does.
        The same bytes are read once; the first upload's file name stays.

        Raises:
            ProblemError: there is no file in the request, or it is too large.
            ParseError: the file cannot be read; then nothing is kept of it.
        """
        async with received(request, filename) as upload:
            if (upload.size or 0) > self.limit:
                raise ProblemError("upload_too_large", too_large(self.limit))
            async with self.turn:
                return await run_in_threadpool(self._keep, upload)

    def _keep(self, upload: UploadFile) -> tuple[DocumentEntry, bool]:
        data = upload.file.read()
        known = self.store.get(sha256(data).hexdigest())
        if known is not None:
            return known, False
        document, extraction = self.reader.read(data, clean_name(upload.filename))
        return self.store.add(document, extraction)


@asynccontextmanager
async def received(request: Request, filename: str | None) -> AsyncIterator[UploadFile]:
    """Give the uploaded file, spooled to disk beyond 1 MiB, and remove it afterwards.

    Accepts the form field `file` of `multipart/form-data`, or the file as the whole body, named
    by `filename` or, failing that, `Content-Disposition`.

    Raises:
        ProblemError: the form holds no file, or the content type is that of another form.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        raise ProblemError("media_type_unsupported")
    if kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=4) as form:
            field = form.get("file")
            # A form that is sent without a choice holds a nameless empty file.
            if not isinstance(field, UploadFile) or not (field.filename or field.size):
                raise ProblemError("file_missing")
            yield field
        return
    with SpooledTemporaryFile(max_size=_SPOOL_BYTES) as file:
        upload = UploadFile(
            cast(BinaryIO, file), size=0, filename=filename or _disposition_name(request)
        )
        async for chunk in request.stream():
            await upload.write(chunk)
        await upload.seek(0)
        yield upload


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
