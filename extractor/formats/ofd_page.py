"""The text of an OFD page put together: characters to runs, whatever objects they came in.

Some writers give each character an object of its own, others a row of a table one object.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from extractor.formats.ofd_text import Glyphs, Quad
from extractor.formats.pdf_characters import SKEW, Geometry, PlacedText, Run

# Gaps and steps as shares of the height of the characters.
_NEXT: Final = 0.6
_MADE_UP: Final = 0.12
_BACK: Final = -0.3
_SAME: Final = 0.12
_COLUMN: Final = 1.5
_LARGER: Final = 1.6


@dataclass(slots=True)
class _Piece:
    """Characters that stand in a row without a wide gap."""

    text: str
    boxes: list[Quad]
    is_pale: bool

    @property
    def x0(self) -> float:
        return self.boxes[0][0]

    @property
    def x1(self) -> float:
        return self.boxes[-1][2]

    @property
    def top(self) -> float:
        return self.boxes[0][1]

    @property
    def bottom(self) -> float:
        return self.boxes[0][3]

    @property
    def height(self) -> float:
        return self.bottom - self.top


class OfdText(PlacedText):
    """The text of one page; `outside` counts the characters that stand off the page.

    Characters upright below each other are level in a table cell, where they are read downwards;
    elsewhere they are one run at the side, which does not mix with the lines beside it.
    """

    def __init__(
        self,
        texts: Sequence[Glyphs],
        geometry: Geometry,
        cell_at: Callable[[float, float], int] | None = None,
    ) -> None:
        """Put the texts of a page together as they stand in this geometry."""
        empty = (array("f"), array("f"), array("f"), array("f"))
        super().__init__("", empty)
        self.outside = 0
        self._parts: list[str] = []
        self._length = 0
        width, height = geometry.size
        pieces: list[_Piece] = []
        sideways: list[tuple[_Piece, float]] = []
        for glyphs in texts:
            boxes = [_placed(box, geometry) for box in glyphs.boxes]
            shown = [_is_shown(box, width, height) for box in boxes]
            if not any(shown):
                self.outside += len("".join(glyphs.text.split()))
                continue
            angle = glyphs.angle + math.radians(geometry.rotation)
            whole = _Piece(glyphs.text, boxes, glyphs.is_pale)
            if abs(math.remainder(angle, math.tau)) > SKEW:
                sideways.append((whole, angle))
            elif not glyphs.is_upright:
                pieces.extend(_split(whole))
            elif cell_at is not None and _in_cell(boxes, cell_at):
                pieces.extend(_Piece(char, [box], whole.is_pale) for char, box in _pairs(whole))
            else:
                sideways.append((whole, 0.0))
        for alike in _by_look(pieces):
            for row in _rows(alike):
                self._add_row(row)
        for piece, angle in sideways:
            self._add_sideways(piece, angle)
        self.text = "".join(self._parts)

    def _add_row(self, row: list[_Piece]) -> None:
        """Add the pieces of a row, from left to right, as few runs as may be."""
        row.sort(key=lambda piece: piece.x0)
        start = self._length
        before: _Piece | None = None
        for piece in row:
            if before is not None:
                gap, size = piece.x0 - before.x1, max(piece.height, before.height)
                if _is_copy(before, piece):
                    continue
                if gap > _NEXT * size or gap < _BACK * size:
                    self._add_run(start, is_pale=piece.is_pale)
                    start = self._length
                elif gap > _MADE_UP * size:
                    self._append(" ", (before.x1, before.top, before.x1, before.bottom))
            self._add_piece(piece)
            before = piece
        self._add_run(start, is_pale=row[0].is_pale)

    def _add_piece(self, piece: _Piece) -> None:
        last: Quad | None = None
        for char, box in _pairs(piece):
            if last is not None and box[0] - last[2] > _MADE_UP * (box[3] - box[1]):
                self._append(" ", (last[2], last[1], last[2], last[3]))
            self._append(char, box)
            last = box

    def _append(self, char: str, box: Quad) -> None:
        self._parts.append(char)
        self._length += 1
        for side, edge in zip((self.left, self.top, self.right, self.bottom), box, strict=True):
            side.append(edge)

    def _add_run(self, start: int, *, is_pale: bool) -> None:
        run = self._stripped(start, is_pale=is_pale)
        if run is not None:
            self.runs.append(run)

    def _stripped(self, start: int, *, is_pale: bool) -> Run | None:
        parts, end = self._parts, self._length
        while start < end and parts[start].isspace():
            start += 1
        while start < end and parts[end - 1].isspace():
            end -= 1
        if start >= end:
            return None
        if is_pale:
            self.pale.add(start)
        return self._run(start, end)

    def _add_sideways(self, piece: _Piece, angle: float) -> None:
        start = self._length
        for char, box in _pairs(piece):
            self._append(char, box)
        run = self._stripped(start, is_pale=piece.is_pale)
        if run is not None:
            self.angles[run.start] = angle
            self.sideways.append(run)


def _placed(box: Quad, geometry: Geometry) -> Quad:
    if not geometry.rotation:
        return box
    height = geometry.top - geometry.bottom
    x0, top, x1, bottom = geometry.place(box[0], height - box[3], box[2], height - box[1])
    return x0, top, x1, bottom


def _is_shown(box: Quad, width: float, height: float) -> bool:
    return box[2] > 0 and box[0] < width and box[3] > 0 and box[1] < height


def _in_cell(boxes: Sequence[Quad], cell_at: Callable[[float, float], int]) -> bool:
    return all(cell_at((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) >= 0 for box in boxes)


def _pairs(piece: _Piece) -> Iterator[tuple[str, Quad]]:
    return zip(piece.text, piece.boxes, strict=True)


def _split(piece: _Piece) -> Iterator[_Piece]:
    """Cut where the next character stands in another row, further back, or behind a wide gap."""
    start = 0
    boxes = piece.boxes
    for at in range(1, len(boxes)):
        before, box = boxes[at - 1], boxes[at]
        size = box[3] - box[1]
        gap = box[0] - before[2]
        moved = box[1] >= (before[1] + before[3]) / 2 or box[3] <= (before[1] + before[3]) / 2
        if moved or gap > _COLUMN * size or gap < _BACK * size:
            yield _Piece(piece.text[start:at], boxes[start:at], piece.is_pale)
            start = at
    yield _Piece(piece.text[start:], boxes[start:], piece.is_pale)


def _by_look(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """Part pale and large pieces from the others: a watermark does not mix with what it covers."""
    heights: Counter[float] = Counter()
    for piece in pieces:
        heights[round(piece.height)] += len(piece.text)
    limit = _LARGER * heights.most_common(1)[0][0] if heights else 0.0
    looks: dict[tuple[bool, bool], list[_Piece]] = defaultdict(list)
    for piece in pieces:
        looks[piece.is_pale, piece.height > limit].append(piece)
    yield from looks.values()


def _rows(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """Yield the pieces that stand in one row, rows from top to bottom."""
    row: list[_Piece] = []
    lead: _Piece | None = None
    for piece in sorted(pieces, key=lambda piece: piece.top + piece.bottom):
        if lead is not None and not _beside(lead, piece):
            yield row
            row, lead = [], None
        row.append(piece)
        if lead is None or len(piece.text) > len(lead.text):
            lead = piece
    if row:
        yield row


def _beside(lead: _Piece, piece: _Piece) -> bool:
    overlap = min(lead.bottom, piece.bottom) - max(lead.top, piece.top)
    return overlap > 0.5 * min(lead.height, piece.height)


def _is_copy(before: _Piece, piece: _Piece) -> bool:
    """Tell text that is printed twice on nearly the same place, as some writers make it bold."""
    near = abs(piece.x0 - before.x0) < _SAME * piece.height
    return near and piece.text == before.text
