"""The characters of a PDF page as pdfium gives them, in runs that stand in one row."""

from __future__ import annotations

import math
import operator
import re
from array import array
from collections.abc import Iterator, Sequence
from ctypes import byref, c_uint
from typing import Any, Final

import pypdfium2.raw as pdfium

from extractor.formats.pdf_characters import SKEW, Geometry, PlacedText, Run, repaired
from extractor.formats.pdf_watermarks import is_pale

_RUN = re.compile(r"[^\r\n]+")
_COLUMN_GAP: Final = 1.5  # of the height of a line
_TALLER: Final = 1.5
_LARGER: Final = 1.6
_SAMPLE: Final = 100  # characters of a page that are asked whether their font knows them


class PageText(PlacedText):
    """The characters of a loaded page; the caller holds the lock of pdfium."""

    def __init__(self, page: Any, geometry: Geometry) -> None:
        """Read the text of a loaded page; `page` is the raw handle."""
        handle = pdfium.FPDFText_LoadPage(page)
        try:
            count = max(pdfium.FPDFText_CountChars(handle), 0)
            get_code, get_box = pdfium.FPDFText_GetUnicode, pdfium.FPDFText_GetLooseCharBox
            boxes = (pdfium.FS_RECTF * count)()
            codes = [get_code(handle, at) for at in range(count)]
            for at in range(count):
                get_box(handle, at, boxes[at])
            text = repaired("".join(map(chr, codes)))
            super().__init__(text, _places(boxes, geometry))
            self._split_runs(handle, geometry)
            self._find_pale(handle)
            self.unmapped = _unmapped_share(handle, self.runs)
        finally:
            pdfium.FPDFText_ClosePage(handle)

    def _split_runs(self, handle: Any, geometry: Geometry) -> None:
        """Part the level runs that the page shows from those that stand at another angle.

        pdfium gives the angle clockwise in the page before its rotation. What lies outside the
        page as shown (printers' marks, cropped margins) is left out.
        """
        width, height = geometry.size
        for match in _RUN.finditer(self.text):
            for start, end, angle in self._by_angle(handle, *self._strip(*match.span())):
                angle += math.radians(geometry.rotation)
                if abs(math.remainder(angle, math.tau)) > SKEW:
                    self.angles[start] = angle
                    self.sideways.append(self._run(start, end))
                    continue
                for row in self._rows(start, end):
                    for size in self._by_size(*row):
                        for part in self._parted(*size):
                            self.runs.extend(self._cut(*part, -1))
        self.runs = [run for run in self.runs if run.is_within(width, height)]
        self.sideways = [run for run in self.sideways if run.is_within(width, height)]

    def _find_pale(self, handle: Any) -> None:
        """Note the runs (by their start) that are printed in a light or transparent colour."""
        red, green, blue, alpha = (c_uint() for _ in range(4))
        colours = byref(red), byref(green), byref(blue), byref(alpha)
        for run in (*self.runs, *self.sideways):
            for at in {run.start, (run.start + run.end) // 2, run.end - 1}:
                if not pdfium.FPDFText_GetFillColor(handle, at, *colours):
                    break
                if not is_pale(red.value, green.value, blue.value, alpha.value):
                    break
            else:
                self.pale.add(run.start)

    def _by_angle(self, handle: Any, start: int, end: int) -> Iterator[tuple[int, int, float]]:
        """Cut a run where the angle of its characters changes, as from a watermark to the body."""
        if start >= end:
            return
        get_angle = pdfium.FPDFText_GetCharAngle
        angle = get_angle(handle, start)
        if abs(math.remainder(get_angle(handle, end - 1) - angle, math.tau)) > SKEW:
            for at in range(start + 1, end):
                if self.text[at].isspace():
                    continue
                here = get_angle(handle, at)
                if abs(math.remainder(here - angle, math.tau)) > SKEW:
                    yield (*self._strip(start, at), angle)
                    start, angle = at, here
        yield (*self._strip(start, end), angle)

    def _by_size(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Cut a row where its characters become much larger or smaller: a watermark ends there."""
        heights = list(map(operator.sub, self.bottom[start:end], self.top[start:end]))
        if max(heights) <= _TALLER * sum(heights) / len(heights):
            yield start, end
            return
        solid = sorted(height for height in heights if height > 0)
        limit = _LARGER * solid[len(solid) // 4]
        if limit >= solid[-1]:
            limit = _LARGER * solid[0]
        first = start
        for at in range(start + 1, end):
            height, before = heights[at - start], heights[at - 1 - start]
            if height > 0 and before > 0 and (height > limit) != (before > limit):
                yield first, at
                first = at
        yield first, end

    def _rows(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Cut a run where pdfium missed a line break: the next character is above or below."""
        top, bottom = self.top[start:end], self.bottom[start:end]
        tallest = max(map(operator.sub, bottom, top))
        if max(bottom) - min(top) <= 1.6 * tallest:
            yield start, end
            return
        first = before = start
        for at in range(start + 1, end):
            if self.left[at] == self.right[at]:
                continue
            if self.top[at] >= self.bottom[before] or self.bottom[at] <= self.top[before]:
                yield first, at
                first = at
            before = at
        yield first, end

    def _parted(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Cut a row at gaps so wide that another column may begin there."""
        at = self.text.find(" ", start, end)
        while at >= 0:
            before, after = self._strip(start, at)[1] - 1, at + 1
            while after < end and self.text[after] == " ":
                after += 1
            wide = _COLUMN_GAP * (self.bottom[before] - self.top[before])
            if before >= start and after < end and self.left[after] - self.right[before] > wide:
                yield start, at
                start = after
            at = self.text.find(" ", after, end)
        yield start, end


def _places(boxes: Any, geometry: Geometry) -> tuple[array[float], ...]:
    edges = array("f")
    edges.frombytes(bytes(boxes))
    if not math.isfinite(sum(edges)):
        edges = array("f", [edge if math.isfinite(edge) else 0.0 for edge in edges])
    left, top, right, bottom = (edges[at::4] for at in range(4))
    if geometry.rotation:
        placed = [geometry.place(*box) for box in zip(left, bottom, right, top, strict=True)] or [
            (0.0, 0.0, 0.0, 0.0)
        ]
        left, top, right, bottom = (array("f", side) for side in zip(*placed, strict=True))
    else:
        if geometry.left:
            left = array("f", [x - geometry.left for x in left])
            right = array("f", [x - geometry.left for x in right])
        top = array("f", [geometry.top - y for y in top])
        bottom = array("f", [geometry.top - y for y in bottom])
    return left, top, right, bottom


def _unmapped_share(handle: Any, runs: Sequence[Run]) -> float:
    """Return the share of characters that the font gives no meaning, from a sample of them."""
    places = [at for run in runs for at in range(run.start, run.end)]
    sample = places[:: max(len(places) // _SAMPLE, 1)]
    lost = sum(1 for at in sample if pdfium.FPDFText_HasUnicodeMapError(handle, at) == 1)
    return lost / len(sample) if sample else 0.0
