"""What a file is, judged by its bytes; its name is never asked."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Final

from extractor.errors import (
    CorruptFileError,
    EncryptedFileError,
    ParseError,
    UnsupportedFormatError,
)

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_SCAN = "请用看图软件打开，另存为 JPEG 或 PNG 后再上传"
_RESAVE = "请用 Word 或 WPS 打开，另存为 .docx 或 PDF 后再上传"
_UNPACK = "请先解压，再逐个上传里面的文件"
_PRINT = "请用阅读软件打开，打印或另存为 PDF 后再上传"


@dataclass(frozen=True, slots=True)
class _Foreign:
    """A kind of content that is known but not read: where its mark stands, what to do instead."""

    mark: bytes
    label: str
    advice: str
    offset: int = 0


_BY_MARK: Final = (
    _Foreign(b"ftypheic", "HEIC 图片", _SCAN, offset=4),
    _Foreign(b"{\\rtf", "RTF 文档", _RESAVE),
    _Foreign(b"Rar!\x1a\x07", "RAR 压缩包", _UNPACK),
    _Foreign(b"7z\xbc\xaf\x27\x1c", "7-Zip 压缩包", _UNPACK),
    _Foreign(b"\x1f\x8b", "GZIP 压缩包", _UNPACK),
    _Foreign(b"ustar", "TAR 压缩包", _UNPACK, offset=257),
    _Foreign(b"%!PS", "PostScript 文件", _PRINT),
    _Foreign(b"CAJ", "CAJ 文件", _PRINT),
    _Foreign(b"AT&TFORM", "DjVu 文件", _PRINT),
    _Foreign(b"\x7fELF", "可执行程序", "请确认选对了文件"),
    _Foreign(b"MZ\x90\x00", "可执行程序", "请确认选对了文件"),
    _Foreign(b"ID3", "音频文件", "请上传文字材料"),
    _Foreign(b"ftyp", "视频或音频文件", "请上传文字材料", offset=4),
    _Foreign(b"SQLite format 3\x00", "数据库文件", "请确认选对了文件"),
)
_IN_ZIP: Final = (
    _Foreign(b"OFD.xml", "OFD 版式文件", _PRINT),
    _Foreign(b"xl/", "Excel 表格", "请另存为 PDF，或把文字复制到 Word 中保存为 .docx"),
    _Foreign(b"ppt/", "PowerPoint 演示文稿", "请另存为 PDF 后再上传"),
    _Foreign(b"content.xml", "OpenDocument 文档", _RESAVE),
    _Foreign(b"META-INF/container.xml", "EPUB 电子书", _PRINT),
    _Foreign(b"AndroidManifest.xml", "安卓应用", "请确认选对了文件"),
)
_IN_OLE: Final = (
    _Foreign("WordDocument".encode("utf-16-le"), "旧版 Word 或 WPS 文档（.doc、.wps）", _RESAVE),
    _Foreign("Workbook".encode("utf-16-le"), "旧版 Excel 表格（.xls）", "请另存为 PDF 后再上传"),
    _Foreign("PowerPoint Document".encode("utf-16-le"), "旧版演示文稿（.ppt）", "请另存为 PDF"),
)
_MARKUP: Final = (
    (b"<!doctype html", "网页（HTML）"),
    (b"<html", "网页（HTML）"),
    (b"<head", "网页（HTML）"),
    (b"<body", "网页（HTML）"),
    (b"<?xml", "XML 文件"),
    (b"<svg", "SVG 图片"),
    (b"mime-version:", "网页归档（MHT）或邮件"),
)
_PAGE_ADVICE = "请在浏览器中打开后打印成 PDF，或把正文复制到 Word 中保存为 .docx"


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
    if not data.startswith(_ZIP):
        return False
    names = _zip_names(data)
    if names is None:
        return b"word/document" in data
    return any(name.lower().startswith("word/document") for name in names)


def count_entries(data: bytes) -> int:
    """Return how many entries a ZIP has at most, without reading its directory; else 0."""
    return data.count(b"PK\x01\x02") if data.startswith(_ZIP) else 0


def is_text(data: bytes) -> bool:
    """Tell whether nothing speaks against plain text; its decoder has the last word."""
    return not data.startswith((*_ZIP, _OLE)) and _foreign(data) is None


def refusal(data: bytes) -> ParseError:
    """Return the error for content that no reader takes: what it seems to be, what to do."""
    if data.startswith(_OLE):
        return _refuse_ole(data)
    if data.startswith(_ZIP):
        return _refuse_zip(data)
    kind = _foreign(data)
    if kind is None:
        return UnsupportedFormatError(
            "无法识别文件类型：内容既不是 PDF、DOCX，也不是文本。"
            "请用原来的软件打开，另存为 PDF 后再上传。"
        )
    return _unsupported(kind)


def _unsupported(kind: _Foreign) -> UnsupportedFormatError:
    return UnsupportedFormatError(f"这是{kind.label}，目前不能直接读取。{kind.advice}。")


def _foreign(data: bytes) -> _Foreign | None:
    for kind in _BY_MARK:
        if data.startswith(kind.mark, kind.offset) and _is_binary(data, kind):
            return kind
    head = data[:256].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    for mark, label in _MARKUP:
        if head.startswith(mark):
            return _Foreign(mark, label, _PAGE_ADVICE)
    return None


def _is_binary(data: bytes, kind: _Foreign) -> bool:
    """Tell a mark made of letters (BM, CAJ, GIF8) from a text that has these letters there."""
    return not kind.mark.isalnum() or b"\x00" in data[:4096]


def _refuse_ole(data: bytes) -> ParseError:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return EncryptedFileError(
            "文档设有打开密码，无法读取。"
            "请在 Word 或 WPS 中输入密码打开，取消“用密码进行加密”，保存后再上传。"
        )
    for kind in _IN_OLE:
        if kind.mark in data:
            return _unsupported(kind)
    return _unsupported(_Foreign(_OLE, "旧版 Office 文件或其他复合文件", _RESAVE))


def _refuse_zip(data: bytes) -> ParseError:
    names = _zip_names(data)
    if names is None:
        return CorruptFileError(
            "文件是 ZIP 结构（DOCX、OFD 等都是），但已损坏或没有传完。"
            "请重新下载或复制原文件后再上传。"
        )
    for kind in _IN_ZIP:
        if any(name.startswith(kind.mark.decode()) for name in names):
            return _unsupported(kind)
    return _unsupported(_Foreign(b"PK", "ZIP 压缩包", _UNPACK))


def _zip_names(data: bytes) -> list[str] | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return [name.replace("\\", "/").lstrip("/") for name in archive.namelist()]
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None
