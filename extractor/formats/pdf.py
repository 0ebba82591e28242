"""PDF: the text layer, page by page, as paragraphs and table cells with exact places."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import pypdfium2
import pypdfium2.raw as pdfium

from extractor.document import DocumentBuilder, Page
from extractor.errors import CorruptFileError, EmptyFileError, EncryptedFileError
from extractor.formats import ocr
from extractor.formats.limits import Limits, over_limit
from extractor.formats.ocr_pages import Recognized, recognize_pages
from extractor.formats.pdf_characters import Geometry, PageText
from extractor.formats.pdf_drawing import Drawing, read_drawing
from extractor.formats.pdf_tables import RuledTables
from extractor.formats.pdf_writing import PageContent, page_list, write_pages

_PDFIUM = threading.Lock()
"""pdfium is not safe to use from two threads."""

_SPARSE: Final = 12  # characters: a stamped page number is no text layer
_PICTURE_PAGE: Final = 0.5
_FULL_PAGE: Final = 0.8
_GARBAGE: Final = 0.3
_FOREIGN: Final = 0.4
_FEWEST: Final = 20
_TAIL: Final = 2048
_LONGEST_PADDING: Final = 1 << 16


@dataclass(slots=True)
class _Findings:
    """Pages (from 1) with something to warn of."""

    unreadable: list[int] = field(default_factory=list)
    no_text: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    scanned: list[int] = field(default_factory=list)
    tables_lost: list[int] = field(default_factory=list)


def read_pdf(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read a PDF: paragraphs and cells of ruled tables, in reading order.

    Page numbers and running heads go apart. Every line keeps the x edges of its characters, in
    the coordinates of the page as a viewer shows it. Pages without a text layer, or with one that
    is garbage, are recognised from their picture; where that is not installed, they make the
    document partial, with a warning that lists them.

    Raises:
        EncryptedFileError: a password is needed to open it.
        EmptyFileError: no pages, or only blank ones.
        CorruptFileError: cut off or damaged.
        LimitError: over one of `limits`.
    """
    with _PDFIUM:
        contents, findings = _read_pages(data, limits)
    pictures = sorted(findings.no_text + findings.broken)
    if pictures and ocr.is_available():
        outcome = _recognize(data, contents, pictures, limits)
        outcome.warn(builder, limits)
        findings.no_text, findings.broken = [], []
    write_pages(contents, builder, limits)
    if builder.is_empty and not pictures:
        if findings.unreadable:
            raise CorruptFileError(f"PDF 的页面都已损坏。{_REPAIR}")
        raise EmptyFileError("PDF 里只有空白页，没有文字。请确认选对了文件。")
    _warn(findings, len(contents), builder)
    if b"%%EOF" not in data[-_LONGEST_PADDING:].rstrip(b"\0 \t\r\n")[-_TAIL:]:
        builder.warn(
            "file_truncated",
            "PDF 文件末尾不完整，可能没有传完，后面的页可能缺失。请重新下载或复制原文件后再上传。",
            partial=True,
        )


def _read_pages(data: bytes, limits: Limits) -> tuple[list[PageContent], _Findings]:
    findings = _Findings()
    contents: list[PageContent] = []
    tables = RuledTables()
    with closing(_open(data)) as document:
        count = len(document)
        if count > limits.max_pages:
            raise over_limit(f"PDF 有 {count} 页", "max_pages", f"{limits.max_pages} 页")
        characters = 0
        for number in range(1, count + 1):
            content, length = _read_page(document, number, tables, findings)
            contents.append(content)
            characters += length
            if characters > limits.max_characters:
                allowed = f"{limits.max_characters} 字"
                raise over_limit(f"PDF 文字过多（第 {number} 页）", "max_characters", allowed)
    return contents, findings


def _recognize(
    data: bytes, contents: Sequence[PageContent], numbers: Sequence[int], limits: Limits
) -> Recognized:
    """Recognise these pages; pdfium is held only while one of them is drawn."""
    with _PDFIUM:
        document = _open(data)

    def render(number: int, dpi: float) -> tuple[Any, float]:
        with _PDFIUM, closing(document[number - 1]) as page:
            bitmap = page.render(scale=dpi / 72, rev_byteorder=True)
            return bitmap.to_numpy().copy(), 72 / dpi

    try:
        return recognize_pages(contents, numbers, render, limits)
    finally:
        with _PDFIUM:
            document.close()


def _open(data: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as exc:
        if exc.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise EncryptedFileError(
                "PDF 设有打开密码，无法读取。请用密码打开后打印或另存为不加密的 PDF，再上传。"
            ) from exc
        if exc.err_code == pdfium.FPDF_ERR_SUCCESS:
            raise EmptyFileError("PDF 里一页也没有。请重新导出后再上传。") from exc
        raise CorruptFileError(f"PDF 已损坏或没有传完，无法打开。{_REPAIR}") from exc


def _read_page(
    document: pypdfium2.PdfDocument, number: int, tables: RuledTables, findings: _Findings
) -> tuple[PageContent, int]:
    """Return the content of a page and how many characters it has."""
    try:
        with closing(document[number - 1]) as page:
            left, bottom, right, top = page.get_bbox()
            geometry = Geometry(left, bottom, right, top, page.get_rotation())
            text = PageText(page.raw, geometry)
            turn = text.turn()
            if turn:
                geometry = geometry.turned(turn)
                text = PageText(page.raw, geometry)
            drawing = read_drawing(page.raw, geometry)
    except pypdfium2.PdfiumError:
        findings.unreadable.append(number)
        blank = Geometry(0.0, 0.0, 595.0, 842.0, 0)
        return PageContent(Page(number, *blank.size), blank), 0
    content = PageContent(Page(number, *geometry.size), geometry, turn)
    cells = tables.find(drawing)
    if cells is None:
        findings.tables_lost.append(number)
    content.fill(text, cells or [])
    _judge(content, text, drawing, findings)
    return content, len(text.text)


def _judge(content: PageContent, text: PageText, drawing: Drawing, findings: _Findings) -> None:
    number = content.page.number
    visible = "".join(text.text.split())
    if len(visible) < _SPARSE:
        drawn = drawing.picture_share >= _PICTURE_PAGE
        if drawn or (not visible and (drawing.picture_share or drawing.paths)):
            findings.no_text.append(number)
    elif _is_garbage(visible):
        findings.broken.append(number)
    elif drawing.picture_share >= _FULL_PAGE:
        findings.scanned.append(number)


def _is_garbage(visible: str) -> bool:
    """Tell a text layer whose characters are not those that are printed.

    Characters without a meaning (private use, U+FFFD) show it, and so does a mass of ideographs
    outside GB 2312, whose 6763 make up nearly all of a Chinese text.
    """
    if len(visible) < _FEWEST:
        return False
    lost = sum(1 for char in visible if char == "\ufffd" or "\ue000" <= char <= "\uf8ff")
    ideographs = [char for char in visible if "\u3400" <= char <= "\u9fff"]
    known = len("".join(ideographs).encode("gb2312", errors="ignore")) // 2
    rare = len(ideographs) - known
    return lost > _GARBAGE * len(visible) or rare > _FOREIGN * max(len(ideographs), _FEWEST)


def _warn(findings: _Findings, pages: int, builder: DocumentBuilder) -> None:
    for numbers, code, message, partial in (
        (findings.no_text, "no_text_layer", _NO_TEXT, True),
        (findings.broken, "broken_text_layer", _BROKEN, True),
        (findings.unreadable, "page_unreadable", _UNREADABLE, True),
        (findings.scanned, "ocr_text_layer", _SCANNED, False),
        (findings.tables_lost, "table_as_text", _TABLES_LOST, False),
    ):
        if numbers:
            where = f"全部 {pages} 页" if len(numbers) == pages else f"第{page_list(numbers)}页"
            builder.warn(code, f"{where}{message}", page=numbers[0], partial=partial)


_NO_TEXT = (
    "没有文字层（多为扫描件），需要 OCR，这些页的内容没有读取。"
    f"{ocr.INSTALL}；或先用 OCR 软件转成带文字层的 PDF，或向出文单位索取文字版。"
)
_BROKEN = (
    "的文字层是乱码（字体缺少字符对照表），读出的文字与印刷的不符。"
    f"{ocr.INSTALL}，或向出文单位索取 Word 版。"
)
_REPAIR = "请重新下载或复制原文件；能用阅读软件打开时，打印成新的 PDF 后再上传。"
_UNREADABLE = f"已损坏，没有读取。{_REPAIR}"
_SCANNED = "有整页图像，文字层可能来自 OCR，会有错字。姓名、金额、文号请对照图像核对。"

_TABLES_LOST = (
    "的表格线过多或已损坏，没有识别出表格，已按普通文字读取，各格的内容可能连在一起。"
    "请对照原件核对，或向出文单位索取 Word 版。"
)
