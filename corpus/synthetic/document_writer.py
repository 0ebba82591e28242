"""What all kinds of documents share: chapters, paragraphs, numbering, the letterhead of a case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from corpus.synthetic.chance import Chance
from corpus.synthetic.sanctioning import Manner
from corpus.synthetic.scribe import Scribe
from corpus.synthetic.speaker import NO_BINDINGS, Bindings, Speaker
from corpus.synthetic.spelling import chinese

_ITEM_FORMS = ("{}.", "{}.", "{}、", "{}．", "（{}）", "（{}）")
LOST_HEADINGS = 0.2
"""Of noisy documents so many have no headings."""
BARE_HEADINGS = 0.08
"""Of so many documents the headings carry no number."""
INDENTS = ("", "", "　　")


@dataclass(slots=True)
class Outline:
    """How this document numbers its chapters and items."""

    chapter: int
    group: int
    item_form: str
    is_continuous: bool
    has_bare_headings: bool
    indent: str

    def next_chapter(self) -> str:
        """Return 一、"""
        self.chapter, self.group = self.chapter + 1, 0
        return f"{chinese(self.chapter)}、"

    def next_group(self) -> str:
        """Return （一）"""
        self.group += 1
        return f"（{chinese(self.group)}）"

    def item(self, number: int) -> str:
        """Return the mark of an item."""
        return self.item_form.format(number)


def draw_outline(chance: Chance) -> Outline:
    """Draw a way of numbering."""
    form = chance.pick(_ITEM_FORMS)
    is_continuous, is_bare = chance.happens(0.5), chance.happens(BARE_HEADINGS)
    return Outline(0, 0, form, is_continuous, is_bare, chance.pick(INDENTS))


class DocumentWriter:
    """Writes chapters and paragraphs of one document."""

    def __init__(self, speaker: Speaker, noise: float = 0.0) -> None:
        """Choose the numbering, and whether copying lost the headings."""
        self.speaker = speaker
        self.chance: Chance = speaker.chance
        self.scribe: Scribe = speaker.scribe
        self.outline = draw_outline(self.chance)
        self.suggests = Manner("proposed", suggests=True)
        self.has_lost_headings = self.chance.happens(noise * LOST_HEADINGS)

    def heading(
        self, table: str, *, is_group: bool = False, bindings: Bindings = NO_BINDINGS
    ) -> None:
        """Write a heading on a line of its own, unless this document has lost its headings."""
        self.scribe.line()
        if self.has_lost_headings:
            return
        self.scribe.write(self.outline.indent)
        row = self.speaker.row(table)
        with self.scribe.sentence("background", row.family):
            mark = self.outline.next_group() if is_group else self.outline.next_chapter()
            self.scribe.write("" if self.outline.has_bare_headings else mark)
            self.speaker.say_row(row, bindings, whole=False)
        self.scribe.write(self.chance.pick(("", "", "。")) if is_group else "")
        self.scribe.write("\n")

    def start(self, mark: str = "") -> None:
        """Start a paragraph."""
        self.scribe.line()
        self.scribe.write(self.outline.indent + mark)

    def paragraph(self, *names: str, bindings: Bindings = NO_BINDINGS) -> None:
        """Write a paragraph of rows of these tables."""
        self.start()
        for name in names:
            self.speaker.say(name, bindings)

    def plain(self, text: str) -> None:
        """Write a line of fixed words."""
        self.scribe.line()
        self.scribe.write(text)
        self.scribe.write("\n")

    def words(self, text: str) -> None:
        """Write a line in the notation of the rows."""
        self.scribe.line()
        self.speaker.say_words(text)
        self.scribe.write("\n")

    def numbers(self) -> Iterator[str]:
        """Yield the marks of items."""
        number = 0
        while True:
            number += 1
            yield self.outline.item(number)

    def some(self, table: str, low: int, high: int) -> int:
        """Return how many rows of a table to write: so many, but none twice."""
        return min(self.chance.between(low, high), len(self.speaker.grammar.rows(table)))

    def maybe(self, rate: float, *names: str) -> None:
        """Write a paragraph at this rate."""
        if self.chance.happens(rate):
            self.paragraph(*names)
