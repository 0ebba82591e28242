"""Punctuation of recognised lines: a recogniser sees the shape of a mark, not its width."""

from __future__ import annotations

import re
from typing import Final

_WIDE: Final = r"[\u2e80-\u303f\u3400-\u9fff\uff00-\uffef“”‘’]"
_MARK: Final = re.compile(rf"(?<={_WIDE})[,;:?!()]|[,;:?!()](?={_WIDE})")
_FULL: Final = str.maketrans(",;:?!()", "，；：？！（）")
_YEAR: Final = re.compile(
    r"〔(\d{4})[\]）)】}]|[\[（({【](\d{4})〕|(?<=[\u3400-\u9fff])\[(\d{4})\]|\[(\d{4})\](?=\d{1,5}号)"
)


def mended(text: str) -> str:
    """Return a line with its marks as they are printed; no character is added or lost.

    Beside a Chinese character, marks are of full width (GB/T 15834); the brackets of the year in a
    document number are hexagonal (GB/T 9704 7.2.5).
    """
    text = _YEAR.sub(lambda year: f"〔{''.join(filter(None, year.groups()))}〕", text)
    # Twice, since a mark made full makes the next one stand beside one: "）," after "公司".
    for _ in range(2):
        text = _MARK.sub(lambda mark: mark.group().translate(_FULL), text)
    return text
