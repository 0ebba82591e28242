"""Outlook letters (.msg, MS-OXMSG): the properties that hold its text, read by olefile."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from extractor.errors import CorruptFileError
from extractor.formats.html_pages import decode_markup
from extractor.formats.mail_letter import Letter, unfold
from extractor.formats.plaintext import decode_as

_SUBJECT: Final = 0x0037
_SENDER_NAME: Final = 0x0C1A
_SENDER_ADDRESS: Final = (0x5D01, 0x0C1F)
_TO: Final = 0x0E04
_CC: Final = 0x0E03
_BODY: Final = 0x1000
_HTML: Final = 0x1013
_RTF: Final = 0x1009
_SENT: Final = (0x0039, 0x0E06)
_FILE_NAMES: Final = (0x3707, 0x3704, 0x3001)
_DATA: Final = 0x3701
_CODE_PAGES: Final = (0x3FDE, 0x3FFD)
_UNICODE: Final = 0x001F
_STRING: Final = 0x001E
_BINARY: Final = 0x0102
_OBJECT: Final = 0x000D
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
_TOP_HEADER: Final = 32
_EMBEDDED_HEADER: Final = 24
_ATTACHMENT_HEADER: Final = 8
_DEEPEST: Final = 5


def parse_msg(data: bytes) -> Letter:
    """Parse an Outlook letter; a letter attached to it becomes text attached to it.

    Raises:
        CorruptFileError: the compound file or its properties are damaged.
    """
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as file:
            return _Reader(file).letter([], _TOP_HEADER, 0)
    except (OSError, ValueError, IndexError, KeyError, struct.error, RecursionError) as exc:
        raise CorruptFileError(
            "Outlook 邮件已损坏或没有传完。请在 Outlook 中打开，另存正文和附件后上传。"
        ) from exc


class _Reader:
    """Reads properties of the storages of one compound file."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._names = {tuple(part.lower() for part in path): path for path in file.listdir()}
        self._folders = file.listdir(streams=False, storages=True)

    def letter(self, folder: list[str], header: int, depth: int) -> Letter:
        """Read the letter in a storage, and its attachments."""
        fixed = self._fixed(folder, header)
        codec = self._codec(fixed)
        letter = Letter(subject=self._text(folder, _SUBJECT, codec))
        sender = " ".join(
            part
            for part in (
                self._text(folder, _SENDER_NAME, codec),
                self._first(folder, _SENDER_ADDRESS, codec),
            )
            if part
        )
        sent = next((text for tag in _SENT if (text := _date(fixed.get(tag)))), "")
        for label, text in (
            ("发件人", sender),
            ("收件人", self._text(folder, _TO, codec)),
            ("抄送", self._text(folder, _CC, codec)),
            ("日期", sent),
        ):
            if text:
                letter.heads.append((label, unfold(text)))
        letter.subject = unfold(letter.subject)
        letter.text = self._text(folder, _BODY, codec)
        letter.html = self._html(folder, codec)
        rtf = self._stream(folder, _RTF, _BINARY)
        if rtf and not letter.text.strip() and not letter.html.strip():
            letter.attachments.append(("正文.rtf", unpack_rtf(rtf)))
        for each in self._folders:
            inner = each[-1].lower()
            if each[:-1] == folder and inner.startswith("__attach_version1.0_#"):
                self._attachment(each, codec, letter, depth)
        return letter

    def _attachment(self, folder: list[str], codec: str, letter: Letter, depth: int) -> None:
        name = self._first(folder, _FILE_NAMES, codec) or f"附件{len(letter.attachments) + 1}"
        content = self._stream(folder, _DATA, _BINARY)
        if content:
            letter.attachments.append((name, content))
            return
        inner = [*folder, f"__substg1.0_{_DATA:04X}{_OBJECT:04X}"]
        if inner in self._folders and depth < _DEEPEST:
            nested = self.letter(inner, _EMBEDDED_HEADER, depth + 1)
            title = nested.subject or name
            letter.attachments.append((f"{title[:100]}.txt", _written(nested)))
            letter.attachments.extend(
                (f"{title[:50]} {each}", data) for each, data in nested.attachments
            )

    def _fixed(self, folder: list[str], header: int) -> dict[int, bytes]:
        """Return the values of eight bytes that stand in the storage's property stream."""
        data = self._read([*folder, "__properties_version1.0"])
        values = {}
        for at in range(header, len(data) - 15, 16):
            (tag,) = struct.unpack_from("<I", data, at)
            values[tag >> 16] = data[at + 8 : at + 16]
        return values

    def _codec(self, fixed: dict[int, bytes]) -> str:
        for tag in _CODE_PAGES:
            if tag in fixed:
                (page,) = struct.unpack_from("<I", fixed[tag])
                return {65001: "utf-8", 936: "gb18030", 54936: "gb18030"}.get(page, f"cp{page}")
        return "gb18030"

    def _first(self, folder: list[str], tags: tuple[int, ...], codec: str) -> str:
        return next((text for tag in tags if (text := self._text(folder, tag, codec))), "")

    def _text(self, folder: list[str], tag: int, codec: str) -> str:
        wide = self._stream(folder, tag, _UNICODE)
        if wide:
            return wide.decode("utf-16-le", "replace").rstrip("\x00")
        narrow = self._stream(folder, tag, _STRING).rstrip(b"\x00")
        text = decode_as(narrow, codec)
        return text if text is not None else narrow.decode("gb18030", "replace")

    def _html(self, folder: list[str], codec: str) -> str:
        raw = self._stream(folder, _HTML, _BINARY)
        return decode_markup(raw, codec) if raw else self._text(folder, _HTML, codec)

    def _stream(self, folder: list[str], tag: int, kind: int) -> bytes:
        return self._read([*folder, f"__substg1.0_{tag:04X}{kind:04X}"])

    def _read(self, path: list[str]) -> bytes:
        found = self._names.get(tuple(part.lower() for part in path))
        if found is None:
            return b""
        with self._file.openstream(found) as stream:
            data: bytes = stream.read()
        return data


def _date(value: bytes | None) -> str:
    """Return a FILETIME (100 ns since 1601, UTC) as Beijing time, "" when out of range."""
    if value is None:
        return ""
    (ticks,) = struct.unpack("<Q", value)
    try:
        moment = _EPOCH + timedelta(microseconds=ticks // 10, hours=8)
    except OverflowError:
        return ""
    return moment.strftime("%Y-%m-%d %H:%M")


def _written(letter: Letter) -> bytes:
    """Write a letter that was in a letter as plain text: subject, heads, body."""
    heads = [f"{label}：{text}" for label, text in letter.heads]
    return "\n".join([letter.subject, *heads, "", letter.text or letter.html]).encode()


_RTF_START: Final = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_WINDOW: Final = 4096


def unpack_rtf(data: bytes) -> bytes:
    """Unpack compressed RTF (MS-OXRTFCP): LZ77 over a window of 4096 bytes with a set beginning.

    Raises:
        CorruptFileError: the header is not that of compressed RTF.
    """
    if len(data) < 16 or data[8:12] not in (b"LZFu", b"MELA"):
        raise CorruptFileError("Outlook 邮件的正文已损坏。请在 Outlook 中打开，另存后上传。")
    (size,) = struct.unpack_from("<I", data, 4)
    if data[8:12] == b"MELA":
        return data[16 : 16 + size]
    window = bytearray(_RTF_START.ljust(_WINDOW, b" "))
    write, at, out = len(_RTF_START), 16, bytearray()
    while at < len(data) and len(out) < size:
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= len(data) or len(out) >= size:
                break
            if flags >> bit & 1 and at + 1 < len(data):
                token = data[at] << 8 | data[at + 1]
                at += 2
                start, length = token >> 4, (token & 15) + 2
                if start == write:
                    return bytes(out)
                chunk = [0] * length
                for step in range(length):
                    chunk[step] = window[(start + step) % _WINDOW]
                    window[write] = chunk[step]
                    write = (write + 1) % _WINDOW
                out += bytes(chunk)
            else:
                window[write] = data[at]
                out.append(data[at])
                write = (write + 1) % _WINDOW
                at += 1
    return bytes(out)
