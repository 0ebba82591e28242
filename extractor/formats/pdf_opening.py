"""How a PDF is opened, and the one lock around pdfium, which is not safe to use from two threads.

Everything that calls pdfium holds `PDFIUM`: the reader of PDF, the pictures of its pages.
"""

from __future__ import annotations

import threading
from typing import Final

import pypdfium2
import pypdfium2.raw as pdfium

from extractor.errors import CorruptFileError, EmptyFileError, EncryptedFileError

PDFIUM: Final = threading.Lock()
REPAIR: Final = "请重新下载或复制原文件；能用阅读软件打开时，打印成新的 PDF 后再上传。"


def open_pdf(data: bytes) -> pypdfium2.PdfDocument:
    """Open a PDF; the caller holds `PDFIUM` and closes it.

    Raises:
        EncryptedFileError: a password is needed to open it.
        EmptyFileError: no pages.
        CorruptFileError: cut off or damaged.
    """
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as exc:
        if _has_no_pages(data):
            raise EmptyFileError("PDF 里一页也没有。请重新导出后再上传。") from exc
        if exc.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise EncryptedFileError(
                "PDF 设有打开密码，无法读取。请用密码打开后打印或另存为不加密的 PDF，再上传。"
            ) from exc
        raise CorruptFileError(f"PDF 已损坏或没有传完，无法打开。{REPAIR}") from exc


def _has_no_pages(data: bytes) -> bool:
    """Tell a sound file without pages; after it, the error code is that of some earlier file."""
    handle = pdfium.FPDF_LoadMemDocument64(data, len(data), None)
    if not handle:
        return False
    pdfium.FPDF_CloseDocument(handle)
    return True
