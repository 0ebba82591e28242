"""Page numbers, running heads and running feet, told from the body by place and repetition."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from extractor.document import FurnitureKind, Page
from extractor.formats.pdf_characters import Line

# The margins of official documents are 37 and 35 mm of 297 (GB/T 9704-2012, 5.2.1).
_BAND: Final = 0.12
_SAME_PLACE: Final = 4.0  # points
_LONGEST: Final = 16
_NO_SHIFT: Final = 1 << 20

_DASHES = r"[-—–―－─~·•.\s]"
_CERTAIN_NUMBER = re.compile(
    rf"{_DASHES}+\d{{1,4}}{_DASHES}+|第\s*\d{{1,4}}\s*页[,，/、]?\s*(?:共\s*\d{{1,4}}\s*页)?"
    r"|\d{1,4}\s*/\s*\d{1,4}|[Pp]age\s*\d{1,4}(?:\s*of\s*\d{1,4})?"
)
_BARE_NUMBER = re.compile(r"\d{1,4}|[ivxlc]{1,6}|[IVXLC]{1,6}|[Ⅰ-Ⅻ]")
_DIGITS = re.compile(r"[\d\s]+")


def find_furniture(lines: Sequence[Line], pages: Sequence[Page]) -> dict[int, FurnitureKind]:
    """Return the kind of each line (by its index) that is not of the body.

    Only the upper and lower 12 % of a page are looked at. A page number is known by its form
    (— 1 —, - 1 -, 第1页 共6页, 1/6), a bare number only if it runs with the pages. A running head
    or foot is the same text, digits apart, at the same place on three pages, or on two that are
    60 % of the document.
    """
    banded = [(at, band) for at, line in enumerate(lines) if (band := _band(line, pages))]
    found: dict[int, FurnitureKind] = {}
    bare: dict[tuple[str, int], list[int]] = defaultdict(list)
    repeated: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, band in banded:
        text = lines[at].text.strip()
        if len(text) <= _LONGEST and _CERTAIN_NUMBER.fullmatch(text):
            found[at] = "page_number"
        elif _BARE_NUMBER.fullmatch(text):
            bare[band, _shift(text, lines[at].page)].append(at)
        elif len(key := _DIGITS.sub("", text)) > 1:
            repeated[band, key].append(at)
    for (_, shift), members in bare.items():
        if _runs(members, shift, lines, len(pages)):
            found.update(dict.fromkeys(members, "page_number"))
    for (band, _), members in repeated.items():
        kind: FurnitureKind = "running_head" if band == "top" else "running_foot"
        found.update(dict.fromkeys(_at_one_place(members, lines, len(pages)), kind))
    return found


def _band(line: Line, pages: Sequence[Page]) -> str:
    height = pages[line.page - 1].height
    if line.middle < _BAND * height:
        return "top"
    return "bottom" if line.middle > (1 - _BAND) * height else ""


def _shift(text: str, page: int) -> int:
    """Return printed number less page; numbers that are no decimals share one shift."""
    return int(text) - page if text.isdecimal() else _NO_SHIFT


def _runs(members: Sequence[int], shift: int, lines: Sequence[Line], pages: int) -> bool:
    """Tell whether bare numbers run with the pages; a lone 1 on the only page does too."""
    count = len({lines[at].page for at in members})
    if shift == _NO_SHIFT:
        return count >= 3
    return count >= 2 or (pages == 1 and shift == 0)


def _at_one_place(members: Sequence[int], lines: Sequence[Line], pages: int) -> list[int]:
    """Return those lines of equal text that stand at the same height on enough pages."""
    clusters: list[list[int]] = []
    for at in sorted(members, key=lambda at: lines[at].top):
        if clusters and lines[at].top - lines[clusters[-1][0]].top <= _SAME_PLACE:
            clusters[-1].append(at)
        else:
            clusters.append([at])
    kept: list[int] = []
    for cluster in clusters:
        count = len({lines[at].page for at in cluster})
        if count >= 3 or (count == 2 and count >= 0.6 * pages):
            kept.extend(cluster)
    return kept
