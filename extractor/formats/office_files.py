"""What is known of DOC, WPS, RTF and ODT files before LibreOffice sees them.

LibreOffice opens a locked file with the same silence as a broken one, and a torn file without a
word; both are found here.
"""

from __future__ import annotations

import io
import re
import struct
from typing import Final

import olefile

from extractor.document import DocumentBuilder
from extractor.errors import CorruptFileError, EncryptedFileError, LimitError
from extractor.formats.limits import Limits
from extractor.formats.zipped import ZippedFile

_STREAMS: Final = ("WordDocument", "0Table", "1Table", "Data")
_FIB: Final = 32
_FLAGS: Final = 0x0A
_ENCRYPTED: Final = 0x0100
_MACROS: Final = frozenset({"macros", "_vba_project_cur", "vba"})
_MANIFEST: Final = "META-INF/manifest.xml"
_ODT_TEXTS: Final = ("content.xml", "styles.xml", "meta.xml", "settings.xml")
_RAW_BYTES: Final = re.compile(rb"\\bin(\d{1,10}) ?")
_DEEPEST: Final = 2000
"""Groups in groups that no program writes; LibreOffice reads them by recursion."""


def check_doc(data: bytes, builder: DocumentBuilder) -> None:
    """Refuse a locked .doc, and warn of one that was cut off or holds macros.

    Raises:
        EncryptedFileError: a password is needed ([MS-DOC] 2.5.1, `fEncrypted`).
        CorruptFileError: not even its directory is whole.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            storages = ole.listdir(streams=False, storages=True)
            if {entry[0].lower() for entry in storages} & _MACROS:
                builder.warn("macros", "文档带有宏，没有运行。请确认来源可靠。")
            heads = {name: _head(ole, name) for name in _STREAMS if ole.exists(name)}
    except (OSError, ValueError, IndexError, struct.error, RecursionError) as exc:
        raise CorruptFileError(
            "文档已损坏或没有传完，无法读取。请重新下载或复制原文件，"
            "能用 Word 或 WPS 打开时另存为 .docx 后再上传。"
        ) from exc
    head = heads.get("WordDocument") or b""
    if len(head) == _FIB and struct.unpack_from("<H", head, _FLAGS)[0] & _ENCRYPTED:
        raise EncryptedFileError(
            "文档设有打开密码，无法读取。"
            "请在 Word 或 WPS 中输入密码打开，取消“用密码进行加密”，保存后再上传。"
        )
    if None in heads.values():
        _warn_torn(builder)


def _head(ole: olefile.OleFileIO, name: str) -> bytes | None:
    """Return the first bytes of a stream; None when a sector of it is missing in the file."""
    known = len(ole.parsing_issues)
    try:
        head = bytes(ole.openstream(name).read(_FIB))
    except OSError:
        return None
    return head if len(ole.parsing_issues) == known else None


def mend_rtf(data: bytes, builder: DocumentBuilder) -> bytes:
    """Close the groups that a cut-off RTF leaves open, and warn; a whole one comes back as it is.

    LibreOffice reads nothing of an RTF whose groups are not closed, and waits for ever for raw
    bytes (`\\bin`) that are not there: what is behind such a word is left out.

    Raises:
        LimitError: groups in groups, deeper than any program writes.
    """
    whole = data
    for raw in _RAW_BYTES.finditer(data):
        if int(raw.group(1)) > len(data) - raw.end():
            data = data[: raw.start()]
            break
    deepest = depth = 0
    plain = data.replace(b"\\\\", b"").replace(b"\\{", b"").replace(b"\\}", b"")
    for piece in plain.split(b"{")[1:]:
        depth += 1
        deepest = max(deepest, depth)
        depth -= piece.count(b"}")
    if deepest > _DEEPEST:
        raise LimitError(
            f"RTF 的分组嵌套 {deepest} 层，正常的文件没有这么深，已拒绝读取。"
            "请核实来源，用 Word 或 WPS 打开，另存为 .docx 后再上传。"
        )
    if data is whole and data.rstrip(b"\x00 \t\r\n").endswith(b"}"):
        return data
    _warn_torn(builder)
    return data.rstrip(b"\\") + b"}" * max(depth, 0)


def check_odt(data: bytes, limits: Limits) -> None:
    """Refuse a locked or swollen OpenDocument text, and one whose XML declares entities.

    Raises:
        EncryptedFileError: its manifest says that a password is needed.
        CorruptFileError: not a whole ZIP, or XML with a document type declaration.
        LimitError: over one of `limits` when unpacked.
    """
    package = ZippedFile(data, limits, " OpenDocument 文档", " LibreOffice 或 WPS ")
    listed = package.read(_MANIFEST) if _MANIFEST in package else b""
    if b"encryption-data" in listed or "encrypted-package" in package:
        raise EncryptedFileError(
            "文档设有打开密码，无法读取。请输入密码打开，取消密码后另存，再上传。"
        )
    for name in _ODT_TEXTS:
        if name in package:
            package.parse(package.read(name), name)


def _warn_torn(builder: DocumentBuilder) -> None:
    builder.warn(
        "file_truncated",
        "文件结尾不完整，可能没有传完，只读出了前面的部分。请与原件核对，或重新下载。",
        partial=True,
    )
