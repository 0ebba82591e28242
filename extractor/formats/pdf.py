"""PDF: the text layer, page by page, as paragraphs and table cells with exact places."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

import pypdfium2

from extractor.document import DocumentBuilder, Page
from extractor.errors import CorruptFileError, EmptyFileError
from extractor.formats import ocr
from extractor.formats.limits import Limits, over_limit
from extractor.formats.ocr_pages import Recognized, recognize_pages
from extractor.formats.pdf_characters import Geometry
from extractor.formats.pdf_drawing import read_drawing
from extractor.formats.pdf_findings import (
    TABLES_LOST,
    Findings,
    PagesNotice,
    judge_pages,
    warn_of_attachments,
    warn_of_pages,
)
from extractor.formats.pdf_opening import PDFIUM, REPAIR, open_pdf
from extractor.formats.pdf_outside import Outside, read_outside
from extractor.formats.pdf_pages import PageContent, fill_pages, write_pages
from extractor.formats.pdf_tables import RuledTables
from extractor.formats.pdf_text import PageText

_TAIL: Final = 2048
_LONGEST_PADDING: Final = 1 << 16


def read_pdf(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read the text layer of a PDF: paragraphs and cells of ruled tables, in reading order.

    Page numbers, running heads, watermarks and footnotes go apart. Every line keeps the x edges
    of its characters, in the coordinates of the page as a viewer shows it. Pages without a text
    layer, or with one that is garbage, are recognised from their picture; where that is not
    installed, they make the document partial, with a warning that lists them.

    Raises:
        EncryptedFileError: a password is needed to open it.
        EmptyFileError: no pages, or only blank ones.
        CorruptFileError: cut off or damaged.
        LimitError: over one of `limits`.
    """
    with PDFIUM:
        contents, findings, outside = _read_pages(data, limits)
    fill_pages(contents, builder)
    judge_pages(contents, findings)
    pictures = sorted(findings.no_text + findings.broken)
    if pictures and ocr.is_available():
        _recognize(data, contents, pictures, limits).warn(builder, limits)
        findings.no_text, findings.broken = [], []
    write_pages(contents, builder, limits, bookmarks=outside.bookmarks)
    if builder.is_empty and not pictures:
        if findings.unreadable:
            raise CorruptFileError(f"PDF 的页面都已损坏。{REPAIR}")
        raise EmptyFileError("PDF 里只有空白页，没有文字。请确认选对了文件。")
    _warn(findings, len(contents), builder)
    warn_of_attachments(outside.attached, outside.names, builder)
    if b"%%EOF" not in data[-_LONGEST_PADDING:].rstrip(b"\0 \t\r\n")[-_TAIL:]:
        builder.warn(
            "file_truncated",
            "PDF 文件末尾不完整，可能没有传完，后面的页可能缺失。请重新下载或复制原文件后再上传。",
            partial=True,
        )


def _read_pages(data: bytes, limits: Limits) -> tuple[Sequence[PageContent], Findings, Outside]:
    """Read everything that needs pdfium; the caller holds its lock."""
    findings = Findings()
    contents: list[PageContent] = []
    tables = RuledTables()
    with closing(open_pdf(data)) as document:
        count = len(document)
        if count > limits.max_pages:
            raise over_limit(f"PDF 有 {count} 页", "max_pages", f"{limits.max_pages} 页")
        characters = 0
        for number in range(1, count + 1):
            content = _read_page(document, number, tables, findings)
            contents.append(content)
            characters += len(content.text.text) if content.text is not None else 0
            if characters > limits.max_characters:
                allowed = f"{limits.max_characters} 字"
                raise over_limit(f"PDF 文字过多（第 {number} 页）", "max_characters", allowed)
        return contents, findings, read_outside(document)


def _recognize(
    data: bytes, contents: Sequence[PageContent], numbers: Sequence[int], limits: Limits
) -> Recognized:
    """Recognise these pages; pdfium is held only while one of them is drawn."""
    with PDFIUM:
        document = open_pdf(data)

    def render(number: int, dpi: float) -> tuple[Any, float]:
        with PDFIUM, closing(document[number - 1]) as page:
            bitmap = page.render(scale=dpi / 72, rev_byteorder=True)
            return bitmap.to_numpy().copy(), 72 / dpi

    try:
        return recognize_pages(contents, numbers, render, limits)
    finally:
        with PDFIUM:
            document.close()


def _read_page(
    document: pypdfium2.PdfDocument, number: int, tables: RuledTables, findings: Findings
) -> PageContent:
    try:
        with closing(document[number - 1]) as shown:
            left, bottom, right, top = shown.get_bbox()
            geometry = Geometry(left, bottom, right, top, shown.get_rotation())
            text = PageText(shown.raw, geometry)
            turn = text.turn()
            if turn:
                geometry = geometry.turned(turn)
                text = PageText(shown.raw, geometry)
            drawing = read_drawing(shown.raw, geometry)
    except pypdfium2.PdfiumError:
        findings.unreadable.append(number)
        blank = Geometry(0.0, 0.0, 595.0, 842.0, 0)
        return PageContent(Page(number, *blank.size), blank)
    cells = tables.find(drawing)
    if cells is None:
        findings.tables_lost.append(number)
    page = Page(number, *geometry.size)
    return PageContent(page, geometry, turn, text, drawing, cells or ())


def _warn(findings: Findings, pages: int, builder: DocumentBuilder) -> None:
    found: tuple[PagesNotice, ...] = (
        (findings.no_text, "no_text_layer", _NO_TEXT, True),
        (findings.broken, "broken_text_layer", _BROKEN, True),
        (findings.unreadable, "page_unreadable", _UNREADABLE, True),
        (findings.scanned, "ocr_text_layer", _SCANNED, False),
        (findings.tables_lost, "table_as_text", TABLES_LOST, False),
    )
    warn_of_pages(found, pages, builder)


_NO_TEXT = (
    "没有文字层（多为扫描件），要识别（OCR）才能读出文字，这些页的内容没有读取。"
    f"{ocr.INSTALL}；或先用 OCR 软件转成带文字层的 PDF，或向出文单位索取文字版。"
)
_BROKEN = (
    "的文字层是乱码（字体缺少字符对照表），与印刷的不符，没有采用。"
    f"{ocr.INSTALL}，或向出文单位索取 Word 版。"
)
_UNREADABLE = f"已损坏，没有读取。{REPAIR}"
_SCANNED = "有整页图像，文字层可能来自 OCR，会有错字。姓名、金额、文号请对照图像核对。"
