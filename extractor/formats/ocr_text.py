"""Recognised pieces as the text of a page, for the same paragraphs and tables as printed text."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from extractor.formats.ocr_recognition import Recognition
from extractor.formats.pdf_characters import FIRST_WIDE, Line, PlacedText, Run
from extractor.formats.pdf_drawing import Drawing

_FEWEST_WIDE: Final = 4
_MANY_WIDE: Final = 8
_SAME_SIZE: Final = 0.15
_SAME_SIZE_OF_FEW: Final = 0.25


class RecognizedText(PlacedText):
    """The characters that were recognised on one page."""

    def __init__(self, recognition: Recognition) -> None:
        """Lay the pieces out: one run each, parted by separators."""
        text = "\r".join([*(piece.text for piece in recognition.pieces), ""])
        super().__init__(text, (array("f"), array("f"), array("f"), array("f")))
        self._confidence = array("f")
        start = 0
        for piece in recognition.pieces:
            count = len(piece.text)
            self._extend(piece.left, piece.right, (piece.top, piece.bottom, piece.confidence))
            self._extend(piece.right[-1:], piece.right[-1:], (piece.top, piece.bottom, 1.0))
            self.runs.append(
                Run(start, start + count, piece.left[0], piece.top, piece.right[-1], piece.bottom)
            )
            start += count + 1
        self._usual = self._usual_em()

    def _extend(
        self, left: Sequence[float], right: Sequence[float], same: tuple[float, float, float]
    ) -> None:
        top, bottom, confidence = same
        self.left.extend(left)
        self.right.extend(right)
        self.top.extend([top] * len(left))
        self.bottom.extend([bottom] * len(left))
        self._confidence.extend([confidence] * len(left))

    def _usual_em(self) -> float | None:
        """Return the width of the wide characters of most of the page."""
        widths = sorted(
            right - left
            for char, left, right in zip(self.text, self.left, self.right, strict=True)
            if char >= FIRST_WIDE
        )
        return widths[len(widths) // 2] if widths else None

    def _line(self, row: list[Run], page: int, column: int) -> Line:
        """Return the line with its confidence, and with the size of the page if it is near that.

        Sizes are measured from pictures: lines of one size differ a little.
        """
        line = super()._line(row, page, column)
        em = line.em
        if em is not None and self._usual is not None:
            wide = sum(1 for char in line.text if char >= FIRST_WIDE)
            alike = _SAME_SIZE if wide >= _MANY_WIDE else _SAME_SIZE_OF_FEW
            if wide < _FEWEST_WIDE or abs(em - self._usual) <= alike * self._usual:
                em = self._usual
        confidence = min(min(self._confidence[run.start : run.end]) for run in row)
        top, bottom = line.top, line.bottom
        if em is not None and bottom - top > 1.2 * em:  # boxes stand out over the print
            middle = (top + bottom) / 2
            top, bottom = middle - 0.6 * em, middle + 0.6 * em
        return replace(line, em=em, confidence=round(confidence, 4), top=top, bottom=bottom)


def drawing_of(recognition: Recognition) -> Drawing:
    """Return the ruling lines of the picture as those of a printed page."""
    return Drawing(upright=list(recognition.upright), level=list(recognition.level))
