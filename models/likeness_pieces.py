"""The pieces that the network of sentence vectors reads: a text cut so that it is most probable.

The vocabulary is the part of XLM-RoBERTa's that Chinese documents need; a character outside it is
read as unknown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

BEGIN, PADDING, END, UNKNOWN = range(4)
LONGEST = 128
"""Pieces of a text that are read; what is longer is cut off: about 200 characters."""

_READ = 512
_BLANK = "\u2581"
_UNLIKELY = 10.0


class PieceCutter:
    """Cuts texts into the pieces of a vocabulary with scores, as SentencePiece's unigram does."""

    def __init__(self, content: str) -> None:
        """Read the vocabulary: one piece and its score on each line."""
        rows = [line.split("\t") for line in content.split("\n")[:-1]]
        self._places = {piece: at for at, (piece, _) in enumerate(rows)}
        self._scores = [float(score) for _, score in rows]
        self._unknown = min(self._scores) - _UNLIKELY
        self._longest = max(len(piece) for piece in self._places)

    def __len__(self) -> int:
        """Return the number of pieces of the vocabulary."""
        return len(self._scores)

    def cut(self, text: str) -> list[int]:
        """Return the places of the pieces of a text, with begin and end, `LONGEST` at most."""
        plain = unicodedata.normalize("NFKC", text[:_READ])
        words = _BLANK + re.sub(r"\s+", _BLANK, plain.strip())
        return [BEGIN, *self._best(words)[: LONGEST - 2], END]

    def _best(self, words: str) -> Sequence[int]:
        """Return the pieces of the most probable cut, by Viterbi over the ends of pieces."""
        size = len(words)
        score = [0.0] + [float("-inf")] * size
        came: list[tuple[int, int]] = [(0, UNKNOWN)] * (size + 1)
        for start in range(size):
            far = min(size, start + self._longest)
            for end in range(start + 1, far + 1):
                place = self._places.get(words[start:end])
                if place is None and end > start + 1:
                    continue
                gain = self._unknown if place is None else self._scores[place]
                if score[start] + gain > score[end]:
                    score[end] = score[start] + gain
                    came[end] = (start, UNKNOWN if place is None else place)
        pieces = []
        while size:
            size, place = came[size]
            pieces.append(place)
        return pieces[::-1]
