"""What a file is, judged by its bytes; its name is never asked.

What hecha reads is known here by marks of its own. What it does not read is named by `puremagic`,
whose table knows some thousand kinds; the advice for those that users send stands in
`rules/foreign_files.toml`, by media type.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from extractor.errors import (
    CorruptFileError,
    EncryptedFileError,
    ParseError,
    UnsupportedFormatError,
)
from extractor.formats.container_sniffing import OLE, ZIP, zip_names
from extractor.formats.plaintext import decode_as, readable_share
from extractor.rules import load_toml

_HEAD: Final = 4096
_SPACE: Final = b"\xef\xbb\xbf\xff\xfe \t\r\n"
_MARKUP: Final = re.compile(
    rb"(?:<!--.{0,2000}?-->|<\?xml[^>]{0,200}\?>|<!doctype html[^>]{0,400}>|\s)*"
    rb"<(html|head|body|title|meta|div|table|p|article|frameset|script|link|style|h1|center|span)"
    rb"(?=[\s>/])",
    re.IGNORECASE | re.DOTALL,
)
_DOCTYPE: Final = re.compile(rb"\s*<!doctype\s+html", re.IGNORECASE)
_MARKDOWN_HEADING: Final = re.compile(r"^#{1,6} {1,4}\S", re.MULTILINE)
_MARKDOWN_TABLE: Final = re.compile(r"^ {0,3}\|?(?: {0,9}:?-{3,90}:? {0,9}\|){1,40}", re.MULTILINE)
_MARKDOWN_STRONG: Final = re.compile(r"\*\*[^*\s][^*\n]{0,200}\*\*")
_MARKDOWN_LIST: Final = re.compile(r"^ {0,3}[-*+] \S", re.MULTILINE)
_READABLE: Final = 0.7
_SURE: Final = 4
"""Bytes of a mark that are too many for a chance hit."""
_ODT: Final = b"mimetypeapplication/vnd.oasis.opendocument.text"
_WORD: Final = "WordDocument".encode("utf-16-le")


@dataclass(frozen=True, slots=True)
class _Foreign:
    """A kind of content that is known but not read: what it is called, what to do instead."""

    label: str
    advice: str
    name: str = ""


def is_pdf(data: bytes) -> bool:
    """Tell whether the PDF mark stands at the start of a line of the first 1024 bytes."""
    at = data.find(b"%PDF-", 0, 1024)
    return at == 0 or (at > 0 and data[at - 1] in b"\r\n\x00\xbf")


def is_png(data: bytes) -> bool:
    """Tell whether this is a PNG picture."""
    return data.startswith(b"\x89PNG\r\n\x1a\n")


def is_jpeg(data: bytes) -> bool:
    """Tell whether this is a JPEG picture."""
    return data.startswith(b"\xff\xd8\xff")


def is_tiff(data: bytes) -> bool:
    """Tell whether this is a TIFF file."""
    return data.startswith((b"II*\x00", b"MM\x00*"))


def is_webp(data: bytes) -> bool:
    """Tell whether this is a WebP picture."""
    return data.startswith(b"RIFF") and data.startswith(b"WEBP", 8)


def is_bmp(data: bytes) -> bool:
    """Tell whether this is a BMP picture, and no text that begins with these letters."""
    return data.startswith(b"BM") and b"\x00" in data[:4096]


def is_gif(data: bytes) -> bool:
    """Tell whether this is a GIF picture."""
    return data.startswith((b"GIF87a", b"GIF89a")) and b"\x00" in data[:4096]


def is_docx(data: bytes) -> bool:
    """Tell whether this is a ZIP with a Word document in it; a cut-off one is known too."""
    if not data.startswith(ZIP):
        return False
    names = zip_names(data)
    if names is None:
        return b"word/document" in data
    return any(name.lower().startswith("word/document") for name in names)


def is_ofd(data: bytes) -> bool:
    """Tell whether this is a ZIP with the root of an OFD in it; a cut-off one is known too."""
    if not data.startswith(ZIP):
        return False
    names = zip_names(data)
    if names is None:
        return b"OFD.xml" in data
    return any(name.lower() == "ofd.xml" for name in names)


def is_html(data: bytes) -> bool:
    """Tell whether the bytes begin as a web page does, in any encoding of ASCII width or UTF-16."""
    head = data[:_HEAD].replace(b"\x00", b"").lstrip(_SPACE)
    if not head.startswith(b"<"):
        return False
    return _DOCTYPE.match(head) is not None or _MARKUP.match(head) is not None


def is_markdown(data: bytes) -> bool:
    """Tell whether a text is surely Markdown: two of headings, tables, emphasis and lists.

    A heading or a table must be among them; official texts written by hand have neither.
    """
    if b"\x00" in data[:_HEAD] or not (b"# " in data[: 1 << 16] or b"--|" in data or b"|-" in data):
        return False
    text = data[: 1 << 20].decode("utf-8", "ignore")
    headings = len(_MARKDOWN_HEADING.findall(text))
    table = _MARKDOWN_TABLE.search(text) is not None
    other = _MARKDOWN_STRONG.search(text) or _MARKDOWN_LIST.search(text)
    return headings > 1 or (headings == 1 and bool(table or other)) or (table and bool(other))


def is_doc(data: bytes) -> bool:
    """Tell whether this is a compound file of Word, of WPS, or of Works (.doc, .wps)."""
    if not data.startswith(OLE):
        return False
    names = _ole_names(data)
    if names is None:
        return _WORD in data
    return "worddocument" in names or {"matost", "contents"} <= names


def is_rtf(data: bytes) -> bool:
    """Tell whether this is RTF."""
    return data[:64].removeprefix(b"\xef\xbb\xbf").lstrip(b" \r\n\t")[:5].lower() == b"{\\rtf"


def is_odt(data: bytes) -> bool:
    """Tell whether this is a ZIP that says of itself to be an OpenDocument text or template."""
    return data.startswith(ZIP) and _ODT in data[:200]


def is_text(data: bytes) -> bool:
    """Tell whether nothing speaks against plain text; its decoder has the last word."""
    return not data.startswith((*ZIP, OLE)) and _foreign(data) is None


def refusal(data: bytes) -> ParseError:
    """Return the error for content that no reader takes: what it seems to be, what to do."""
    if data.startswith(OLE):
        return _refuse_ole(data)
    if data.startswith(ZIP):
        return _refuse_zip(data)
    kind = _foreign(data)
    if kind is None:
        return UnsupportedFormatError(
            "无法识别文件类型：内容不是能读的任何一种格式。"
            "请用原来的软件打开，另存为 PDF 后再上传。"
        )
    return _unsupported(kind)


def _unsupported(kind: _Foreign) -> UnsupportedFormatError:
    name = f"（{kind.name}）" if kind.name else ""
    return UnsupportedFormatError(f"这是{kind.label}{name}，目前不能直接读取。{kind.advice}。")


def _rows(group: str) -> list[dict[str, str]]:
    table: dict[str, list[dict[str, str]]] = load_toml("foreign_files.toml")
    return table[group]


@cache
def _advice() -> dict[str, _Foreign]:
    """Return the rows of the advice by media type, or by the part of it before the slash."""
    return {
        media: _Foreign(row["label"], row["advice"])
        for row in _rows("media")
        for media in row["types"].split()
    }


def _foreign(data: bytes) -> _Foreign | None:
    """Return what the content is when it is surely neither text nor anything that is read."""
    head = data[:_HEAD]
    for row in _rows("mark"):
        if data.startswith(row["mark"].encode("latin-1")) and _is_binary(head):
            return _Foreign(row["label"], row["advice"])
    return _known_to_puremagic(data)


def _known_to_puremagic(data: bytes) -> _Foreign | None:
    import puremagic

    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\x00\x00\xfe\xff")):
        return None  # marked as text; the decoder judges what follows
    try:
        matches = puremagic.magic_string(data[: 1 << 16])
    except (puremagic.PureError, ValueError):
        return None
    advice = _advice()
    best: tuple[tuple[bool, int], _Foreign] | None = None
    for match in matches:
        mark, media = match.byte_match, match.mime_type
        row = advice.get(media) or advice.get(media.partition("/")[0])
        if not _is_sure(mark, media, data[:_HEAD]):
            continue
        rank = row is not None, len(mark)
        if row is None:
            row = _Foreign("其他软件的文件", _advice()["other"].advice, match.name[:60])
        if best is None or rank > best[0]:
            best = rank, row
    return best[1] if best else None


def _is_sure(mark: bytes, media: str, head: bytes) -> bool:
    """Tell a mark from a text that has these letters there, and from chance.

    Marks that are text themselves count only for the kinds of file that are text (RTF, PostScript,
    XML); others want a byte in the head that no text has.
    """
    if media in _TEXTUAL:
        return media != "text/plain" and head.replace(b"\x00", b"").lstrip(_SPACE).startswith(
            (b"<?xml", b"<svg", b"{\\rtf", b"%!PS")
        )
    if media.startswith("text/"):
        return False
    if mark.isascii() and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in mark):
        return _is_binary(head)
    return len(mark) >= _SURE or _is_binary(head)


_TEXTUAL: Final = frozenset(
    {
        "application/rtf",
        "text/rtf",
        "application/postscript",
        "application/xml",
        "text/xml",
        "image/svg+xml",
    }
)


def _is_binary(head: bytes) -> bool:
    """Tell bytes that no text in an ASCII-based encoding has, and that are no UTF-16 or UTF-32."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    controls = sum(head.count(byte) for byte in _CONTROLS)
    return controls > 0 and not _is_wide(head)


_CONTROLS: Final = tuple(bytes((value,)) for value in (*range(9), *range(14, 27), *range(28, 32)))


def _is_wide(head: bytes) -> bool:
    """Tell UTF-16 or UTF-32 without a mark: it decodes to Chinese or English text."""
    whole = head[: len(head) // 4 * 4]
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        text = decode_as(whole, encoding) or decode_as(whole[:-2], encoding)
        if text and readable_share(text) >= _READABLE:
            return True
    return False


def _refuse_ole(data: bytes) -> ParseError:
    names = _ole_names(data)
    if not names:
        return CorruptFileError(
            "文件是旧版 Office 的复合文件（DOC、WPS 等都是），但已损坏或没有传完。"
            "请重新下载或复制原文件后再上传。"
        )
    if "encryptedpackage" in names:
        return EncryptedFileError(
            "文档设有打开密码，无法读取。"
            "请在 Word 或 WPS 中输入密码打开，取消“用密码进行加密”，保存后再上传。"
        )
    for row in _rows("in_ole"):
        if not row["stream"] or row["stream"].lower() in names:
            return _unsupported(_Foreign(row["label"], row["advice"]))
    raise AssertionError("the last row of in_ole names no stream")  # pragma: no cover


def _refuse_zip(data: bytes) -> ParseError:
    names = zip_names(data)
    if names is None:
        return CorruptFileError(
            "文件是 ZIP 结构（DOCX、OFD 等都是），但已损坏或没有传完。"
            "请重新下载或复制原文件后再上传。"
        )
    for row in _rows("in_zip"):
        if any(name.startswith(row["entry"]) for name in names):
            return _unsupported(_Foreign(row["label"], row["advice"]))
    raise AssertionError("the last row of in_zip fits every entry")  # pragma: no cover


def _ole_names(data: bytes) -> set[str] | None:
    """Return the top names of a compound file in small letters; None for a broken one.

    Only they tell its kind: a mail or a sheet may hold a Word document further down.
    """
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            return {entry[0].lower() for entry in ole.listdir(streams=True, storages=True)}
    except Exception:  # what is wrong with it, its reader will say
        return None
