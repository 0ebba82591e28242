"""Persons and their titles that a tagger proposes, asked for only where the rules want to know.

A tagger that reads each line by itself is shown only the lines in question: most of a report names
nobody whom a sanction falls on. Any other tagger reads the whole text once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import islice

from models import LineTagger, NoTagger, Tagger

Place = tuple[int, int]


class Proposals:
    """The ranges of one text that a tagger takes for persons; every line is read at most once."""

    def __init__(self, text: str, tagger: Tagger | None) -> None:
        """Read nothing yet; without a tagger nothing is ever proposed."""
        self._text = text
        self._tagger = None if isinstance(tagger, NoTagger) else tagger
        self._by_line = isinstance(tagger, LineTagger)
        self._lines: dict[int, tuple[Place, ...]] = {}
        self._titles: dict[int, int] = {}

    @property
    def is_active(self) -> bool:
        """Whether there is a tagger."""
        return self._tagger is not None

    def between(self, start: int, end: int) -> list[Place]:
        """Return the persons that are wholly inside `text[start:end]`, in order."""
        self._read([(start, end)])
        found: list[Place] = []
        for line in self._line_starts([(start, end)]):
            places = self._lines.get(line, ())
            found += islice(places, bisect_left(places, (start, 0)), None)
        return [place for place in found if place[1] <= end]

    def proposes(self, start: int, end: int) -> bool:
        """Tell whether exactly this range is a person."""
        return (start, end) in self.between(start, end)

    def title_before(self, at: int) -> Place | None:
        """Return the title that ends where a person begins (班长依力亚尔), in lines read before."""
        start = self._titles.get(at)
        return None if start is None else (start, at)

    def names(self, places: Iterable[Place]) -> frozenset[str]:
        """Return the names of all persons in the lines that hold these places."""
        wanted = list(places)
        self._read(wanted)
        return frozenset(
            self._text[slice(*place)]
            for line in self._line_starts(wanted)
            for place in self._lines.get(line, ())
        )

    def _line_starts(self, places: Sequence[Place]) -> list[int]:
        """Return where the lines begin that hold the places, in order, each once."""
        found: set[int] = set()
        for start, end in places:
            line = self._text.rfind("\n", 0, start) + 1
            while line < max(end, start + 1):
                found.add(line)
                stop = self._text.find("\n", line)
                if stop < 0:
                    break
                line = stop + 1
        return sorted(found)

    def _read(self, places: Sequence[Place]) -> None:
        """Show the tagger the lines that it has not read, all at once."""
        if self._tagger is None:
            return
        if not self._by_line:
            if not self._lines:
                self._note(self._tagger, [0], self._text)
            return
        missing = [line for line in self._line_starts(places) if line not in self._lines]
        if missing:
            self._note(self._tagger, missing, None)

    def _note(self, tagger: Tagger, starts: Sequence[int], whole: str | None) -> None:
        lines = [self._line(start) for start in starts] if whole is None else [whole]
        begins, at = [], 0
        for line in lines:
            begins.append(at)
            at += len(line) + 1
        found: dict[int, list[Place]] = {start: [] for start in starts}
        for mention in tagger.tag("\n".join(lines)):
            if mention.label not in ("PERSON", "TITLE"):
                continue
            number = bisect_left(begins, mention.start + 1) - 1
            shift = starts[number] - begins[number]
            start, end = mention.start + shift, mention.end + shift
            if mention.label == "TITLE":
                self._titles[end] = start
                continue
            head = self._text.rfind("\n", 0, start) + 1
            found.setdefault(head, []).append((start, end))
        self._lines.update({start: tuple(places) for start, places in found.items()})

    def _line(self, start: int) -> str:
        stop = self._text.find("\n", start)
        return self._text[start : None if stop < 0 else stop]
