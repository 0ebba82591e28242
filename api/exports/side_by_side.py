"""One self-contained page for one file: its text, its pages as pictures, its facts in both.

Nothing comes from outside the page: style, script and pictures are in it. Every value is escaped,
and its policy lets no other script, style or picture in.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.exports.fact_places import KINDS, Fact, find_facts
from api.exports.page_pictures import USUAL_DPI, PagePictures, draw_pages
from api.exports.sheets import KIND_LABELS
from extractor.document import Block, Document
from extractor.extraction import Extraction
from extractor.formats.page_images import has_page_images

FURNITURE_LABELS: Final = {
    "page_number": "页码",
    "running_head": "页眉",
    "running_foot": "页脚",
    "header": "页眉",
    "footer": "页脚",
    "note": "注释",
    "watermark": "水印",
}
_MOST_FURNITURE: Final = 500
_CONTROLS: Final = {code: "\ufffd" for code in range(32) if code not in (9, 10)}


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text under the same facts, from the outermost to the innermost."""

    text: str
    facts: tuple[Fact, ...] = ()
    fields_of: tuple[int, ...] = ()
    anchors: tuple[int, ...] = ()

    @property
    def kinds(self) -> list[str]:
        """Kinds of the facts, the innermost first, each once."""
        return list(dict.fromkeys(fact.kind for fact in reversed(self.facts)))


@dataclass(frozen=True, slots=True)
class Part:
    """A block as it is shown: `page` is set where a new page begins."""

    kind: str
    pieces: tuple[Piece, ...] = ()
    page: int | None = None
    rows: tuple[tuple[tuple[tuple[Piece, ...], ...], ...], ...] = ()


@dataclass(slots=True)
class Frame:
    """A box over a page picture, shared by the facts that stand in the same place."""

    x: float
    y: float
    width: float
    height: float
    facts: list[Fact] = field(default_factory=list)
    anchors: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page: its number and size in points, its picture, its frames from large to small."""

    number: int
    width: float
    height: float
    picture: str | None
    frames: tuple[Frame, ...]


def side_by_side_html(
    data: bytes, document: Document, extraction: Extraction, *, dpi: int = USUAL_DPI
) -> str:
    """Return the page: text left, page pictures right, facts marked in both and listed.

    `data` are the bytes that `document` was parsed from, `extraction` was read from it. Formats
    without a layout show the text alone. The pictures together are limited in size; where they
    are drawn at less than `dpi`, or left out, the page says so.
    """
    facts = find_facts(document, extraction)
    sheets: list[Sheet] = []
    pictures = PagePictures(dpi)
    if has_page_images(document.media_type) and document.pages:
        frames = _frames(document, facts)
        pictures = draw_pages(data, document.pages, sorted(frames), dpi=dpi)
        sheets = _sheets(document, frames, pictures)
    style = _environment().get_template("side_by_side.css").render(kinds=KINDS)
    script = _environment().get_template("side_by_side.js").render()
    return (
        _environment()
        .get_template("side_by_side.html")
        .render(
            policy=_policy(style, script),
            style=style,
            script=script,
            document=document,
            record=extraction.document,
            kind=KIND_LABELS[extraction.document.kind],
            kinds=KINDS,
            counts={kind: sum(1 for fact in facts if fact.kind == kind) for kind in KINDS},
            facts=facts,
            parts=list(_parts(document, facts)),
            sheets=sheets,
            notes=pictures.notes,
            furniture=document.furniture[:_MOST_FURNITURE],
            furniture_labels=FURNITURE_LABELS,
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _policy(style: str, script: str) -> str:
    return (
        "default-src 'none'; img-src data:; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# --- the text -----------------------------------------------------------------------------------


class _Cutter:
    """Cuts the text where facts and their fields begin and end, from left to right."""

    def __init__(self, document: Document, facts: Sequence[Fact]) -> None:
        self._text = document.text
        self._begin: dict[int, list[Fact]] = defaultdict(list)
        self._end: dict[int, list[Fact]] = defaultdict(list)
        self._field_begin: dict[int, list[int]] = defaultdict(list)
        self._field_end: dict[int, list[int]] = defaultdict(list)
        cuts: set[int] = set()
        for fact in facts:
            for place in fact.places:
                self._begin[place.start].append(fact)
                self._end[place.end].append(fact)
                cuts |= {place.start, place.end}
            for place in fact.fields:
                self._field_begin[place.start].append(fact.number)
                self._field_end[place.end].append(fact.number)
                cuts |= {place.start, place.end}
        self._cuts = sorted(cuts)
        self._next = 0
        self._active: list[Fact] = []
        self._active_fields: list[int] = []
        self._anchored: set[int] = set()

    def pieces(self, block: Block) -> tuple[Piece, ...]:
        """Return the pieces of a block; blocks must come in order."""
        found: list[Piece] = []
        at, end = block.span.start, block.span.end
        while at < end:
            self._pass(at)
            following = self._cuts[self._next] if self._next < len(self._cuts) else end
            stop = min(max(following, at + 1), end)
            found.append(self._piece(at, stop))
            at = stop
        return tuple(found)

    def _pass(self, at: int) -> None:
        """Take up what begins, and drop what ends, up to `at`."""
        while self._next < len(self._cuts) and self._cuts[self._next] <= at:
            cut = self._cuts[self._next]
            self._next += 1
            for fact in self._end[cut]:
                if fact in self._active:
                    self._active.remove(fact)
            for number in self._field_end[cut]:
                if number in self._active_fields:
                    self._active_fields.remove(number)
            self._active.extend(self._begin[cut])
            self._active_fields.extend(self._field_begin[cut])

    def _piece(self, start: int, end: int) -> Piece:
        facts = sorted(
            {fact.number: fact for fact in self._active}.values(),
            key=lambda fact: (fact.kind != "head", -fact.length, fact.number),
        )
        new = tuple(fact.number for fact in facts if fact.number not in self._anchored)
        self._anchored.update(new)
        text = self._text[start:end].translate(_CONTROLS)
        fields_of = tuple(sorted(set(self._active_fields)))
        return Piece(text, tuple(facts), fields_of, new)


def _parts(document: Document, facts: Sequence[Fact]) -> Iterator[Part]:
    cutter = _Cutter(document, facts)
    page: int | None = None
    for table, group in groupby(document.blocks, key=lambda block: (block.kind, block.table)):
        blocks = list(group)
        if table[0] == "cell":
            begins = _new_page(blocks[0], page)
            page = begins or page
            yield Part("table", page=begins, rows=_rows(blocks, cutter))
            page = blocks[-1].page or page
            continue
        for block in blocks:
            begins = _new_page(block, page)
            page = begins or page
            kind = block.kind if block.kind == "paragraph" else f"h{min(block.level or 1, 4)}"
            yield Part(kind, cutter.pieces(block), begins)


def _new_page(block: Block, page: int | None) -> int | None:
    return block.page if block.page is not None and block.page != page else None


def _rows(
    blocks: Sequence[Block], cutter: _Cutter
) -> tuple[tuple[tuple[tuple[Piece, ...], ...], ...], ...]:
    """Return rows of cells of paragraphs; a place that another cell covers is an empty cell."""
    rows = []
    for _, row in groupby(blocks, key=lambda block: block.row):
        cells: dict[int, list[tuple[Piece, ...]]] = defaultdict(list)
        for block in row:
            cells[min(block.column or 0, 200)].append(cutter.pieces(block))
        rows.append(tuple(tuple(cells.get(at, ())) for at in range(max(cells) + 1)))
    return tuple(rows)


# --- the pages ----------------------------------------------------------------------------------


def _frames(document: Document, facts: Sequence[Fact]) -> dict[int, list[Frame]]:
    """Return the frames by page; the first frame of each fact is the one to jump to."""
    frames: dict[tuple[int, ...], Frame] = {}
    pages: dict[int, list[Frame]] = defaultdict(list)
    for fact in facts:
        is_first = True
        for place in fact.places:
            for page, x0, top, x1, bottom in document.boxes(place):
                key = (page, *(round(side * 2) for side in (x0, top, x1, bottom)))
                frame = frames.get(key)
                if frame is None:
                    frame = Frame(x0, top, max(x1 - x0, 1.0), max(bottom - top, 1.0))
                    frames[key] = frame
                    pages[page].append(frame)
                if fact not in frame.facts:
                    frame.facts.append(fact)
                if is_first:
                    frame.anchors.append(fact.number)
                    is_first = False
    return pages


def _sheets(
    document: Document, frames: dict[int, list[Frame]], pictures: PagePictures
) -> list[Sheet]:
    return [
        Sheet(
            page.number,
            page.width,
            page.height,
            pictures.uris.get(page.number),
            tuple(
                sorted(frames.get(page.number, ()), key=lambda frame: -frame.width * frame.height)
            ),
        )
        for page in document.pages
    ]
