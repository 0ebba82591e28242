"""Plain text: find the encoding, keep every character."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from extractor.document import DocumentBuilder
from extractor.errors import EmptyFileError, UnsupportedFormatError
from extractor.formats.limits import Limits, over_limit

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_GUESSES: Final = ("gb18030", "utf-16-le", "utf-16-be", "big5hkscs", "utf-32-le", "utf-32-be")
_LABELS: Final = {"gb18030": "GB18030（GBK）", "big5hkscs": "Big5"}
_WIDER: Final = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs"}
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufffe\uffff]")
_VISIBLE = re.compile(r"[^\s\x00-\x1f\x7f\ufeff\ufffd]")
_READABLE: Final = 0.7
_READABLE_IF_MARKED: Final = 0.3
_SAMPLE: Final = 50_000
_WIDEST: Final = 4
"""Bytes of the longest character in any of the encodings."""
_DAMAGE: Final = re.compile("\ufffd{1,4}")
_REPAIRABLE: Final = (("utf-8", 0.02), ("gb18030", 0.01), ("big5hkscs", 0.01))
"""Encodings in which a damaged text is read, and the share of damaged places that is borne."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded text; `damaged` counts the places where the bytes had no meaning (U+FFFD)."""

    text: str
    encoding: str
    damaged: int = 0


def read_text(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read a plain text: one block a line, so that the document's text is the decoded file.

    Only a byte order mark is removed, and `\\r\\n` becomes `\\n`.

    Raises:
        UnsupportedFormatError: the bytes are no text in a known encoding.
        EmptyFileError: the text has no visible character.
        LimitError: too many characters or lines.
    """
    add_lines(checked_text(data, builder, limits), builder, limits)


def checked_text(data: bytes, builder: DocumentBuilder, limits: Limits) -> str:
    """Decode a text with `\\n` line ends, and warn of damaged characters; see `read_text`."""
    if len(data) > _WIDEST * limits.max_characters:
        raise over_limit("文本过长", "max_characters", f"{limits.max_characters} 字")
    decoded = decode(data)
    text = decoded.text.replace("\r\n", "\n")
    if _VISIBLE.search(text) is None:
        raise EmptyFileError("文件里没有文字。请确认选对了文件。")
    if len(text) > limits.max_characters:
        raise over_limit(f"文本有 {len(text)} 字", "max_characters", f"{limits.max_characters} 字")
    _warn(decoded, text, builder)
    return text


def add_lines(text: str, builder: DocumentBuilder, limits: Limits) -> None:
    """Add a text line by line.

    Raises:
        LimitError: too many lines.
    """
    lines = text.count("\n") + 1
    if lines > limits.max_blocks:
        raise over_limit(f"文本有 {lines} 行", "max_blocks", f"{limits.max_blocks} 行")
    for line in text.split("\n"):
        builder.add_block(line)


def _warn(decoded: Decoded, text: str, builder: DocumentBuilder) -> None:
    at = text.find("\ufffd")
    if at < 0:
        return
    line = text.count("\n", 0, at) + 1
    name = _LABELS.get(decoded.encoding, decoded.encoding.upper())
    cause = f"按 {name} 解码时有字节无法识别" if decoded.damaged else "原文件中就有乱码"
    builder.warn(
        "damaged_characters",
        f"{cause}，共 {text.count('�')} 处显示为“�”，首处在第 {line} 行。"
        "请对照原件，或另存为 UTF-8 后重新上传。",
        partial=True,
    )


def decode(data: bytes) -> Decoded:
    """Decode Chinese text: UTF-8, GB18030 (with GBK, GB2312), UTF-16 with or without mark, Big5.

    A marked or valid UTF-8 text is taken at once. Else every encoding that fits is tried, and the
    one with the largest share of common characters wins. A text with damage in up to 1 % of its
    characters (UTF-8: 2 %) is decoded with U+FFFD in their places.

    Raises:
        UnsupportedFormatError: nothing readable comes out.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decode_marked(data[len(mark) :], encoding)
    text = _strict(data, "utf-8")
    if text is not None:
        seven_bits = _seven_bits(data)
        return seven_bits if seven_bits is not None else Decoded(text, "utf-8")
    best = max(_candidates(data), key=lambda found: found[0], default=(0.0, None))[1]
    if best is None:
        best = _repaired(data)
    if best is None:
        raise UnsupportedFormatError(
            "无法识别文件内容：不是能读的任何一种格式，也不是 UTF-8、GBK 或 UTF-16 编码的文本。"
            "请用原来的软件打开，另存为 PDF 或 UTF-8 文本后再上传。"
        )
    return best


def decode_as(data: bytes, name: str | None) -> str | None:
    """Decode by a byte order mark or as `name` (None: UTF-8), or return None where it does not fit.

    GB2312 and GBK are read as GB18030 and Big5 with its Hong Kong characters, as browsers do.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _strict(data[len(mark) :], encoding)
    try:
        encoding = codecs.lookup(name or "utf-8").name
        data.decode(encoding)[:0].encode()  # some codecs, such as hex, do not give a text
    except (LookupError, ValueError, AttributeError):
        return None
    return _strict(data, _WIDER.get(encoding, encoding))


def _decode_marked(data: bytes, encoding: str) -> Decoded:
    try:
        text, damaged = data.decode(encoding), 0
    except UnicodeDecodeError:
        text = data.decode(encoding, errors="replace")
        damaged = text.count("\ufffd")
    unreadable = encoding != "utf-8" and readable_share(text) < _READABLE_IF_MARKED
    if _is_noise(text) or unreadable or damaged > max(1, len(text) // 10):
        raise UnsupportedFormatError(
            f"文件开头标明是 {encoding.upper()} 文本，内容却不是文字。"
            "请检查文件是否损坏，重新导出后再上传。"
        )
    return Decoded(text, encoding, damaged)


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if _is_noise(text) else text


def _seven_bits(data: bytes) -> Decoded | None:
    """Decode HZ (RFC 1843): GB 2312 in seven bits between ~{ and ~}, from old mail."""
    if b"~{" not in data or b"~}" not in data or not data.isascii():
        return None
    try:
        text = data.decode("hz")
    except UnicodeDecodeError:
        return None
    chinese = sum(1 for char in text[:_SAMPLE] if char > "\u2fff")
    return Decoded(text, "hz") if chinese and readable_share(text) >= _READABLE else None


def _candidates(data: bytes) -> Iterator[tuple[float, Decoded]]:
    for encoding in _GUESSES:
        text = _strict(data, encoding)
        if text is not None:
            score = readable_share(text)
            if score >= _READABLE:
                yield score, Decoded(text, encoding)


def _repaired(data: bytes) -> Decoded | None:
    """Decode a damaged text; one damaged place counts once, however many bytes it has."""
    for encoding, allowed in _REPAIRABLE:
        text = data.decode(encoding, errors="replace")
        places = len(_DAMAGE.findall(text))
        readable = readable_share(text) >= _READABLE and not _is_noise(text)
        if readable and places <= max(1, len(text) * allowed) and len(text) > 10:
            return Decoded(text, encoding, text.count("\ufffd"))
    return None


def _is_noise(text: str) -> bool:
    """Tell binary data that happens to decode: any NUL, or more than one control in 50."""
    sample = text[:_SAMPLE]
    return "\x00" in text or len(_CONTROL.findall(sample)) > max(1, len(sample) // 50)


def readable_share(text: str) -> float:
    """Return the share of common Chinese and ASCII characters in the beginning of a text."""
    sample = text[:_SAMPLE]
    common = _common_characters()
    return sum(1 for char in sample if char in common) / max(len(sample), 1)


@cache
def _common_characters() -> frozenset[str]:
    """Return the characters that make up nearly all of a Chinese text, and printable ASCII.

    GB 2312 level 1 (3755 characters, rows 0xB0 to 0xD7) and Big5 level 1 (5401, from 0xA4 to
    0xC6) are by definition the common ones.
    """
    common = set("\t\n\r　、。《》〈〉「」『』【】〔〕〇—…‘’“”·×°￥") | set(
        map(chr, range(32, 127))
    )
    common.update(map(chr, range(0xFF01, 0xFF5F)))
    common.update(_rows("gb2312", range(0xB0, 0xD8), range(0xA1, 0xFF)))
    common.update(_rows("big5", range(0xA4, 0xC7), [*range(0x40, 0x7F), *range(0xA1, 0xFF)]))
    return frozenset(common)


def _rows(encoding: str, lead: range, trail: range | list[int]) -> Iterator[str]:
    for high in lead:
        for low in trail:
            yield from bytes((high, low)).decode(encoding, errors="ignore")
