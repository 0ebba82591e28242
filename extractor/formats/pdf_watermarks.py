"""Watermarks: the same large, tilted or pale text on most pages, told before lines are made."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from extractor.formats.pdf_characters import FIRST_WIDE, PlacedText, Run, is_tilted

_MOST_PAGES: Final = 0.5
_FEWEST_PAGES: Final = 2
_LARGE: Final = 1.8  # times the usual height of a line
_SAME_PLACE: Final = 6.0  # points
_PALE: Final = 0xA0
_TRANSPARENT: Final = 0x80
_FEWEST: Final = 2  # characters of a level watermark: a large initial is none


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A run that looks like a watermark; `strong` is one that needs no second page."""

    run: Run
    key: tuple[str, int, int]
    strong: bool


def is_pale(red: float, green: float, blue: float, alpha: float) -> bool:
    """Tell a light or transparent colour; all values are from 0 to 255, 255 is solid."""
    return min(red, green, blue) >= _PALE or alpha <= _TRANSPARENT


def take_watermarks(pages: Sequence[PlacedText]) -> list[list[Run]]:
    """Take the watermarks out of the runs of all pages and return them by page.

    A watermark is text that is tilted, pale, or of nearly twice the usual height, and stands on
    half of the pages; level text must do so in one place. In a file of one page only text that is
    both tilted and pale or large is one.
    """
    usual = _usual_height(pages)
    found = [list(_candidates(page, usual)) for page in pages]
    counts: dict[tuple[str, int, int], set[int]] = defaultdict(set)
    for number, candidates in enumerate(found):
        for candidate in candidates:
            counts[candidate.key].add(number)
    wanted = max(_FEWEST_PAGES, math.ceil(_MOST_PAGES * len(pages)))
    taken: list[list[Run]] = []
    for page, candidates in zip(pages, found, strict=True):
        marks = [
            candidate.run
            for candidate in candidates
            if len(counts[candidate.key]) >= wanted or (len(pages) == 1 and candidate.strong)
        ]
        if marks:
            starts = {run.start for run in marks}
            page.runs = [run for run in page.runs if run.start not in starts]
            page.sideways = [run for run in page.sideways if run.start not in starts]
        taken.append(marks)
    return taken


def watermark_texts(page: PlacedText, marks: Sequence[Run]) -> Iterator[tuple[str, list[Run]]]:
    """Yield the watermarks of a page; characters that were set one by one make one text."""
    single: list[Run] = []
    for run in marks:
        if run.end - run.start == 1:
            single.append(run)
        else:
            yield _shown(page.text[run.start : run.end]), [run]
    if single:
        yield "".join(page.text[run.start] for run in single), single


def _usual_height(pages: Sequence[PlacedText]) -> float:
    heights: Counter[int] = Counter()
    for page in pages:
        for run in page.runs:
            heights[round(run.height)] += run.end - run.start
    return float(heights.most_common(1)[0][0]) if heights else 12.0


def _candidates(page: PlacedText, usual: float) -> Iterator[_Candidate]:
    for run in page.sideways:
        tilted = is_tilted(page.angles.get(run.start, 0.0))
        strong = tilted and (run.start in page.pale or run.height > 2 * _LARGE * usual)
        yield _Candidate(run, (_text(page, run), -1, -1), strong)
    for run in page.runs:
        large = run.height >= _LARGE * usual
        if (large or run.start in page.pale) and run.end - run.start >= _FEWEST:
            place = (round(run.x0 / _SAME_PLACE), round(run.top / _SAME_PLACE))
            yield _Candidate(run, (_text(page, run), *place), strong=False)


def _shown(text: str) -> str:
    """Return a text without the spaces that pdfium puts between tilted Chinese characters."""
    return "".join(text.split()) if max(text) >= FIRST_WIDE else text


def _text(page: PlacedText, run: Run) -> str:
    return "".join(page.text[run.start : run.end].split())
