"""What one file may cost to read."""

from __future__ import annotations

from dataclasses import dataclass

from extractor.errors import LimitError

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one file; a refusal names the field that was hit, so that it can be raised.

    `max_archive_ratio` (unpacked to packed) counts only for archive entries of 16 MiB and more:
    a short document of equal lines is no bomb. `max_pixels` is for one picture of an image file;
    the picture of a page that is recognised is reduced to `max_ocr_pixels` (four pages of A4 at
    200 dots an inch).
    """

    max_bytes: int = 200 * MIB
    max_pages: int = 3000
    max_archive_entries: int = 10_000
    max_archive_ratio: int = 200
    max_uncompressed_bytes: int = 512 * MIB
    max_characters: int = 10_000_000
    max_blocks: int = 500_000
    max_pixels: int = 100_000_000
    max_ocr_pixels: int = 16_000_000
    max_ocr_pages: int = 500


DEFAULT_LIMITS = Limits()


def over_limit(found: str, limit: str, allowed: str) -> LimitError:
    """Return the error for a file that is over `limit`: what was found, what is allowed."""
    return LimitError(
        f"{found}，超过上限 {allowed}。请拆分文件后再读；确需整份读取时，"
        f"请让管理员调大解析限额 {limit}。"
    )


def size_text(count: int) -> str:
    """Write a number of bytes for people: 512 字节, 1.5 MB."""
    return f"{count} 字节" if count < MIB // 10 else f"{count / MIB:.1f} MB"
