"""Stretches of the view without line breaks, with the way back to every place.

The view mends the lines of a text of fixed width where it can tell the width. Where it cannot, a
sentence still goes over a line break: these readings follow it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from extractor.view import MARK, View

_CLOSED = "。；：！？…\n"
_RUNNING = re.compile("[，、。；（]")
_UNEVEN = 3
_IN_NUMBER = re.compile(r"\d，\d{3}(?!\d)")
_SAID_AGAIN = re.compile(r"（(?:大写|小写)\Z")
_COMMAS_OF_A_NUMBER = 4
_LABEL = re.compile(r"[^。；，：\n]{2,12}：")


@dataclass(frozen=True, slots=True)
class Flat:
    """A stretch of the view without its line breaks, with the way back."""

    text: str
    offsets: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the range of the view that `text[start:end]` was read from."""
        return self.offsets[start], self.offsets[end - 1] + 1


def clause_start(text: str, start: int, at: int) -> int:
    """Return where the clause of `text[start:]` begins that holds `at`.

    The comma inside a number (￥55，200.00) begins none, nor the colon of （大写：…）.
    """
    mark = max(text.rfind(mark, start, at) for mark in "，；：")
    for _ in range(_COMMAS_OF_A_NUMBER):
        in_number = mark > 0 and _IN_NUMBER.match(text, mark - 1) is not None
        if not in_number and (mark < 0 or not _SAID_AGAIN.search(text, max(start, mark - 3), mark)):
            break
        mark = max(text.rfind(mark_, start, mark) for mark_ in "，；：")
    return max(start, mark + 1)


def flatten(view: View, span: tuple[int, int]) -> Flat:
    """Return a stretch of the view without any line breaks: a title."""
    offsets = [i for i in range(*span) if view.text[i] != "\n"]
    return Flat("".join(view.text[i] for i in offsets), offsets)


def join_sentences(view: View, span: tuple[int, int]) -> Flat:
    """Return a stretch of the view without the line breaks that stand inside sentences."""
    text = view.text
    offsets = [i for i in range(*span) if text[i] != "\n" or not breaks_sentence(text, i)]
    return Flat("".join(text[i] for i in offsets), offsets)


def breaks_sentence(text: str, at: int) -> bool:
    """Tell whether the line break at `at` stands inside a sentence: 造成3人 / 死亡.

    Not behind a line that ends with a mark or has none inside (a heading, a title), nor before a
    line that begins with a number or a label.
    """
    begin = text.rfind("\n", 0, at) + 1
    if begin == at or text[at - 1] in _CLOSED:
        return False
    if MARK.match(text, at + 1) or _LABEL.match(text, at + 1):
        return False
    if _is_running(text, begin, at):
        return True
    above = text.rfind("\n", 0, max(begin - 1, 0)) + 1
    alike = abs(_width(text[above : begin - 1]) - _width(text[begin:at])) <= _UNEVEN
    return alike and text[begin - 2] not in _CLOSED and _is_running(text, above, begin - 1)


def _width(line: str) -> int:
    """Return the printed width of a line: digits and letters take half of a character."""
    return sum(1 if char.isascii() else 2 for char in line)


def _is_running(text: str, start: int, end: int) -> bool:
    """Tell whether a line has a mark inside, behind its number if it has one."""
    mark = MARK.match(text, start, end)
    return _RUNNING.search(text, start if mark is None else mark.end(), end) is not None
