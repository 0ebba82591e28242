"""What one file may cost to read."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from extractor.errors import LimitError

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds for one file; a refusal names the field that was hit, so that it can be raised.

    `max_archive_ratio` (unpacked to packed) counts only for archive entries of 16 MiB and more: a
    short document of equal lines is no bomb. `max_archive_entries`, `max_uncompressed_bytes` and
    `max_archive_depth` (archives within archives) hold for a container as a whole, whatever it
    holds. `max_convert_seconds` is for LibreOffice. `max_pixels` is for one picture of an image
    file; the picture of a page that is recognised is reduced to `max_ocr_pixels` (four pages of A4
    at 200 dots an inch); no page is begun after `max_ocr_seconds` of recognition. The last four
    hold where a file is read in a process of its own (`parse_limited`): seconds by the clock,
    seconds of processor time, memory beyond what the process needs by itself, and the size of what
    it hands back.
    """

    max_bytes: int = 200 * MIB
    max_pages: int = 3000
    max_archive_entries: int = 10_000
    max_archive_ratio: int = 200
    max_uncompressed_bytes: int = 512 * MIB
    max_archive_depth: int = 6
    max_characters: int = 10_000_000
    max_blocks: int = 500_000
    max_convert_seconds: float = 60.0
    max_pixels: int = 100_000_000
    max_ocr_pixels: int = 16_000_000
    max_ocr_pages: int = 500
    max_ocr_seconds: float = 600.0
    max_seconds: float = 900.0
    max_cpu_seconds: int = 3600
    max_memory_bytes: int = 2048 * MIB
    max_output_bytes: int = 256 * MIB


DEFAULT_LIMITS = Limits()


def limits_from(text: str) -> Limits:
    """Return the limits that a setting states: `max_pages=5000,max_seconds=1800`, or "" for none.

    Raises:
        ValueError: a name that is no limit, or a value that is no positive number; in Chinese.
    """
    kinds = {field.name: type(getattr(DEFAULT_LIMITS, field.name)) for field in fields(Limits)}
    stated: dict[str, int | float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in kinds:
            raise ValueError(f"没有名为“{name}”的解析限额。可以写的有：{'、'.join(kinds)}。")
        try:
            number = kinds[name](value)
        except ValueError:
            number = 0
        if not 0 < number < float("inf"):
            raise ValueError(f"解析限额 {name} 要写成正数，写的是“{value}”。")
        stated[name] = number
    return replace(DEFAULT_LIMITS, **stated)  # type: ignore[arg-type]


def over_limit(found: str, limit: str, allowed: str) -> LimitError:
    """Return the error for a file that is over `limit`: what was found, what is allowed."""
    return LimitError(
        f"{found}，超过上限 {allowed}。请拆分文件后再读；确需整份读取时，"
        f"请让管理员调大解析限额 {limit}（设置 HECHA_LIMITS）。"
    )


def size_text(count: int) -> str:
    """Write a number of bytes for people: 512 字节, 1.5 MB."""
    return f"{count} 字节" if count < MIB // 10 else f"{count / MIB:.1f} MB"
