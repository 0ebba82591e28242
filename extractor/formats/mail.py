"""Letters (.eml, .msg) and saved web archives (.mht): the text of the letter, and its attachments.

Headers are decoded here and not by the newer policies of `email`: those refuse raw GBK, which
Chinese mail programs write, and their parser takes quadratic time on long headers.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from email.errors import CloseBoundaryNotFoundDefect, StartBoundaryNotFoundDefect
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Final
from urllib.parse import unquote_to_bytes

from extractor.document import DocumentBuilder
from extractor.errors import CorruptFileError, EmptyFileError, LimitError
from extractor.formats.containers import (
    BadEntry,
    Budget,
    Entry,
    Found,
    Names,
    decode_name,
    left_out,
)
from extractor.formats.limits import Limits, over_limit
from extractor.formats.mail_letter import Letter, unfold
from extractor.formats.plaintext import decode, decode_as

_ATTACHMENTS: Final = "附件"
_HEADS: Final = (("from", "发件人"), ("to", "收件人"), ("cc", "抄送"), ("date", "日期"))
_EXTENSIONS: Final = {"text/html": ".html", "text/plain": ".txt", "message/rfc822": ".eml"}
_MOST_PARTS: Final = 20_000
_LONGEST_NAME: Final = 200
_PLACES: Final = re.compile(r"^[A-Za-z]:|[\\/]")
"""What would make a place of the name of an attachment."""


def read_eml(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read the letter itself: subject as heading, sender and date apart, then its text.

    Raises:
        EmptyFileError: neither a subject nor a text.
        CorruptFileError: parts within parts beyond what can be followed.
        LimitError: too many characters or blocks.
    """
    emit(parse_letter(data), builder, limits)


def read_msg(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read an Outlook letter; see `read_eml`."""
    from extractor.formats.outlook import parse_msg

    emit(parse_msg(data), builder, limits)


def walk_eml(data: bytes, filename: str, budget: Budget) -> Iterator[Found]:
    """Give the attachments of a letter."""
    try:
        letter = parse_letter(data)
    except CorruptFileError as error:
        yield BadEntry("", error)
        return
    yield from _attachments(letter, budget)


def walk_msg(data: bytes, filename: str, budget: Budget) -> Iterator[Found]:
    """Give the attachments of an Outlook letter; a letter in a letter is given as .eml text."""
    from extractor.formats.outlook import parse_msg

    try:
        letter = parse_msg(data)
    except CorruptFileError as error:
        yield BadEntry("", error)
        return
    yield from _attachments(letter, budget)


def _attachments(letter: Letter, budget: Budget) -> Iterator[Found]:
    names = Names()
    for name, content in letter.attachments:
        flat = _PLACES.sub("_", name)[-_LONGEST_NAME:]
        path = names.clean(f"{_ATTACHMENTS}/{flat if flat.strip('. ') else _ATTACHMENTS}")
        try:
            budget.count()
            rest = iter((content,))
            budget.take(path, partial(_next, rest), len(content))
        except LimitError as error:
            yield BadEntry(path, error)
            if budget.is_spent:
                return
        else:
            yield left_out(path) or Entry(path, content)


def _next(rest: Iterator[bytes], _size: int) -> bytes:
    return next(rest, b"")


def emit(letter: Letter, builder: DocumentBuilder, limits: Limits) -> None:
    """Write a letter into the builder.

    Raises:
        EmptyFileError: neither a subject nor a text.
        LimitError: too many characters or blocks.
    """
    from extractor.formats.html_pages import read_markup

    if letter.is_torn:
        _warn_torn(builder)
    for label, text in letter.heads:
        builder.add_furniture(f"{label}：{text}", "mail_header")
    if letter.subject:
        builder.add_block(letter.subject, "heading", level=1)
    size = len(letter.text) + len(letter.html)
    if size > limits.max_characters * 16:
        raise over_limit("邮件正文过长", "max_characters", f"{limits.max_characters} 字")
    has_table = "<table" in letter.html.lower()
    if letter.html.strip() and (has_table or not letter.text.strip()):
        try:
            read_markup(letter.html, builder, limits, whole=True)
        except EmptyFileError:
            if builder.is_empty:
                raise
    else:
        _emit_text(letter.text, builder, limits)
    if builder.is_empty:
        raise EmptyFileError("邮件没有标题，也没有正文。请确认选对了文件。")


def _emit_text(text: str, builder: DocumentBuilder, limits: Limits) -> None:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    if len(text) > limits.max_characters:
        raise over_limit(
            f"邮件正文有 {len(text)} 字", "max_characters", f"{limits.max_characters} 字"
        )
    if len(lines) > limits.max_blocks:
        raise over_limit(f"邮件正文有 {len(lines)} 行", "max_blocks", f"{limits.max_blocks} 行")
    if text.strip():
        for line in lines:
            builder.add_block(line)


def parse_letter(data: bytes) -> Letter:
    """Parse a MIME letter.

    Raises:
        CorruptFileError: parts within parts beyond what can be followed.
    """
    message = _parse(data)
    _mend(message)
    letter = Letter(subject=header(message, "subject"))
    for name, label in _HEADS:
        text = header(message, name)
        text = _moment(text) if name == "date" else text
        if text:
            letter.heads.append((label, text))
    texts: list[str] = []
    pages: list[str] = []
    for part in _leaves(message):
        _place(part, letter, texts, pages)
    letter.is_torn = _is_torn(message)
    letter.text, letter.html = "\n".join(texts), "".join(pages)
    return letter


def _moment(text: str) -> str:
    """Return a date as 2023-08-01 10:00, by the clock of the sender; else as it was written."""
    try:
        return parsedate_to_datetime(text).strftime("%Y-%m-%d %H:%M")
    except (TypeError, ValueError, IndexError, OverflowError):
        return text


def _parse(data: bytes) -> Message:
    try:
        return email.message_from_bytes(data.lstrip(b"\xef\xbb\xbf\r\n"))
    except (RecursionError, ValueError, LookupError) as exc:
        raise CorruptFileError(
            "邮件的各部分嵌套过深或结构异常，无法读取。请用邮件软件打开，另存附件后上传。"
        ) from exc


def _leaves(message: Message) -> Iterator[Message]:
    """Give the parts that hold no others, without following letters in the letter."""
    stack, seen = [message], 0
    while stack:
        part = stack.pop()
        seen += 1
        inner = part.get_payload()
        nested = part.get_content_type() == "message/rfc822"
        if isinstance(inner, list) and not nested and seen <= _MOST_PARTS:
            stack.extend(each for each in reversed(inner) if isinstance(each, Message))
        else:
            _mend(part)
            yield part


def _is_torn(message: Message) -> bool:
    """Tell whether the mark is missing that ends the parts of a letter, or of a letter in it."""
    return any(
        isinstance(defect, CloseBoundaryNotFoundDefect | StartBoundaryNotFoundDefect)
        for part in message.walk()
        for defect in part.defects
    )


def _warn_torn(builder: DocumentBuilder) -> None:
    builder.warn(
        "file_truncated",
        "结尾不完整，可能没有传完，最后的部分或附件可能缺失。请与原件核对，或重新下载。",
        partial=True,
    )


def _mend(message: Message) -> None:
    """Put text in the place of header fields that hold raw bytes: UTF-8 or GBK."""
    for name, value in list(message.raw_items()):
        if isinstance(value, str) and _escaped(value):
            text = decode_name(value.encode("ascii", "surrogateescape"))
            message.replace_header(name, text)


def _place(part: Message, letter: Letter, texts: list[str], pages: list[str]) -> None:
    kind = part.get_content_type()
    name = _filename(part)
    is_text = kind in ("text/plain", "text/html")
    if is_text and not name and part.get_content_disposition() != "attachment":
        text = _text_of(part)
        if text:
            (pages if kind == "text/html" else texts).append(text)
        return
    content = _bytes_of(part)
    if content:
        number = len(letter.attachments) + 1
        letter.attachments.append((name or f"附件{number}{_EXTENSIONS.get(kind, '')}", content))


def _bytes_of(part: Message) -> bytes:
    inner = part.get_payload()
    if isinstance(inner, list):
        try:
            return b"\n".join(each.as_bytes() for each in inner if isinstance(each, Message))
        except (RecursionError, ValueError, LookupError, KeyError):
            return b""
    try:
        decoded = part.get_payload(decode=True)
    except (ValueError, LookupError):
        return b""
    return decoded if isinstance(decoded, bytes) else b""


def _text_of(part: Message) -> str:
    data = _bytes_of(part)
    if not data.strip():
        return ""
    declared = str(part.get_param("charset") or "") or None
    if part.get_content_type() == "text/html":
        from extractor.formats.html_pages import decode_markup

        return decode_markup(data, declared)
    for name in (declared, None):
        text = decode_as(data, name)
        if text is not None:
            return text
    return decode(data).text


def _filename(part: Message) -> str:
    """Return the name of an attachment, written in RFC 2231, RFC 2047 or raw GBK."""
    for field_name, parameter in (("content-disposition", "filename"), ("content-type", "name")):
        value = part.get_param(parameter, None, field_name)
        if isinstance(value, tuple):
            charset, _language, text = value
            raw = text.encode("latin-1", "replace") if charset else unquote_to_bytes(text)
            return decode_as(raw, charset) or decode_name(raw)
        if value:
            return unfold(value)
    nested = part.get_payload()
    if isinstance(nested, list) and nested and isinstance(nested[0], Message):
        _mend(nested[0])
        subject = header(nested[0], "subject")
        return f"{subject[:100] or '转发的邮件'}.eml"
    return ""


def header(message: Message, name: str) -> str:
    """Return a header field as text, in one line; "" when there is none."""
    value = message.get(name)
    return unfold(value) if value is not None else ""


def _escaped(text: str) -> bool:
    """Tell whether a header holds raw bytes and nothing else beyond ASCII."""
    return not text.isascii() and all(c < "\x80" or "\udc80" <= c <= "\udcff" for c in text)


def read_mht(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read a web page saved as one file (.mht): its main page, with frames put in their places.

    Raises:
        CorruptFileError: there is no page in it.
        EmptyFileError: the page has no text.
        LimitError: too many characters or blocks.
    """
    from extractor.formats.html_pages import read_markup
    from extractor.formats.html_walk import join_address

    message = _parse(data)
    pages = [part for part in _leaves(message) if _is_page(part)]
    if _is_torn(message):
        _warn_torn(builder)
    if not pages:
        raise CorruptFileError("网页归档（MHT）里没有网页正文。请在浏览器中重新保存整个网页。")
    start = str(message.get_param("start") or "").strip("<> ")
    root = next((each for each in pages if start and _id(each) == start), pages[0])
    base = str(root.get("content-location") or "")
    frames = {}
    for part in pages:
        if part is not root:
            frames[join_address(base, str(part.get("content-location") or ""))] = part
            frames[f"cid:{_id(part)}"] = part
    size = len(data)
    if size > limits.max_characters * 32:
        raise over_limit("网页过大", "max_characters", f"{limits.max_characters} 字")
    read_markup(
        _text_of(root),
        builder,
        limits,
        frame=lambda address: (
            _text_of(part)
            if (part := frames.get(join_address(base, address))) is not None
            else None
        ),
    )


def _is_page(part: Message) -> bool:
    return part.get_content_type() in ("text/html", "application/xhtml+xml")


def _id(part: Message) -> str:
    return str(part.get("content-id") or "").strip("<> ")
