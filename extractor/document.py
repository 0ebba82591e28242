"""A parsed document: its text, its blocks, its pages, and where on the page each character stands.

There is one coordinate system. A `Span` is a half-open range of Unicode code points in
`Document.text`. Offsets are made once, by `DocumentBuilder`, and never moved.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from extractor.errors import SpanError

BlockKind = Literal["paragraph", "heading", "cell"]
FurnitureKind = Literal[
    "page_number",
    "running_head",
    "running_foot",
    "header",
    "footer",
    "note",
    "watermark",
    "navigation",
    "source_line",
    "mail_header",
]
NoticeCode = Literal[
    "attachments_not_read",
    "broken_text_layer",
    "comments",
    "damaged_characters",
    "embedded_object",
    "embedded_part",
    "extension_mismatch",
    "file_truncated",
    "frames_not_read",
    "glyphs_without_text",
    "hidden_content",
    "hidden_text",
    "link_not_followed",
    "location_refused",
    "macros",
    "markdown_as_text",
    "nesting_too_deep",
    "no_text_layer",
    "ocr_cut",
    "ocr_empty",
    "ocr_failed",
    "ocr_illegible",
    "ocr_late",
    "ocr_reduced",
    "ocr_skipped",
    "ocr_text_layer",
    "ocr_uncertain",
    "page_cut",
    "page_size_unknown",
    "page_too_large",
    "page_unreadable",
    "part_unreadable",
    "pictures",
    "pictures_not_read",
    "read_from_container",
    "recognized",
    "several_documents",
    "signatures_unverified",
    "system_file",
    "table_as_text",
    "text_outside_body",
    "text_outside_page",
    "tracked_changes",
    "unknown_symbol",
]
"""What may be said of a file; each code is stable and explained in docs/formats.md."""

Box = tuple[int, float, float, float, float]
"""`(page, x0, top, x1, bottom)` in points from the top left of the page; pages count from 1."""

_ALIGNED: Final = 0.6
UNCERTAIN: Final = 0.9
"""A recognised line of less confidence is likely to hold a wrong character."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range `[start, end)` of code points in `Document.text`."""

    start: int
    end: int

    def __post_init__(self) -> None:
        """Refuse an empty or reversed range."""
        if not 0 <= self.start < self.end:
            raise SpanError(f"区间无效：[{self.start}, {self.end})")

    def __len__(self) -> int:
        """Length in code points."""
        return self.end - self.start

    def contains(self, other: Span) -> bool:
        """Tell whether `other` lies wholly inside this range."""
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: Span) -> bool:
        """Tell whether the two ranges share a character."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, heading or table cell of the body, in reading order."""

    span: Span
    kind: BlockKind = "paragraph"
    page: int | None = None
    level: int | None = None
    row: int | None = None
    column: int | None = None
    table: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its number from 1 and its size in points."""

    number: int
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Furniture:
    """Text that is on the page but not of the body: page number, head, foot, note, watermark."""

    text: str
    kind: FurnitureKind
    page: int | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the reader should know about this file; `code` is stable.

    `message` says where; `page` is the first page that it speaks of.
    """

    code: NoticeCode
    message: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class LineLayout:
    """Where one printed line stands: a run of `len(left)` characters of the text from `start`.

    `left` and `right` are the x edges of each character in points. A character without a place of
    its own (a space that the joiner put in) has `left == right`. `confidence` (0 to 1) is how sure
    the recognition of a picture was of the line; None for text that is in the file as text.
    """

    start: int
    page: int
    top: float
    bottom: float
    left: array[float]
    right: array[float]
    confidence: float | None = None

    @property
    def end(self) -> int:
        """First offset after the line."""
        return self.start + len(self.left)


@dataclass(frozen=True, slots=True)
class Document:
    """A file as the reader sees it. Immutable; made only by `DocumentBuilder`."""

    id: str
    filename: str
    media_type: str
    text: str
    blocks: tuple[Block, ...]
    pages: tuple[Page, ...] = ()
    furniture: tuple[Furniture, ...] = ()
    warnings: tuple[Notice, ...] = ()
    lines: tuple[LineLayout, ...] = ()
    status: Literal["complete", "partial"] = "complete"
    _page_starts: tuple[tuple[int, int], ...] = field(default=(), repr=False)

    def quote(self, span: Span) -> str:
        """Return the exact text of `span`.

        Raises:
            SpanError: the range goes past the end of the text.
        """
        if span.end > len(self.text):
            raise SpanError(f"区间 [{span.start}, {span.end}) 超出全文长度 {len(self.text)}")
        return self.text[span.start : span.end]

    def page_of(self, offset: int) -> int | None:
        """Return the page (from 1) that holds the character at `offset`; None without pages."""
        if not self._page_starts:
            return None
        at = bisect_right(self._page_starts, (offset, 1 << 30)) - 1
        return self._page_starts[max(at, 0)][1]

    def boxes(self, span: Span) -> tuple[Box, ...]:
        """Return a box for each printed line that `span` touches; () without a layout.

        The characters of a line that is printed sideways stand one by one; they share a box.
        """
        boxes: list[Box] = []
        last = -1
        first = bisect_right(self.lines, span.start, key=lambda line: line.start) - 1
        for at in range(max(first, 0), len(self.lines)):
            line = self.lines[at]
            if line.start >= span.end:
                break
            low, high = max(span.start, line.start), min(span.end, line.end)
            if low >= high:
                continue
            left = [line.left[i - line.start] for i in range(low, high)]
            right = [line.right[i - line.start] for i in range(low, high)]
            box = (line.page, min(left), line.top, max(right), line.bottom)
            if boxes and len(line.left) == 1 and low == last and _follows(boxes[-1], box):
                box = _around(boxes.pop(), box)
            boxes.append(box)
            last = high if len(line.left) == 1 else -1
        return tuple(boxes)

    def recognized(self, span: Span) -> float | None:
        """Return the lowest confidence of the lines that `span` touches and that were recognised.

        None means that all of it is in the file as text.
        """
        first = bisect_right(self.lines, span.start, key=lambda line: line.start) - 1
        lowest: float | None = None
        for at in range(max(first, 0), len(self.lines)):
            line = self.lines[at]
            if line.start >= span.end:
                break
            if line.confidence is not None and line.end > span.start:
                lowest = min(line.confidence, 1.0 if lowest is None else lowest)
        return lowest

    def block_at(self, offset: int) -> Block | None:
        """Return the block that holds the character at `offset`, if any."""
        at = bisect_left(self.blocks, offset + 1, key=lambda block: block.span.start) - 1
        if at >= 0 and self.blocks[at].span.end > offset:
            return self.blocks[at]
        return None


def _follows(before: Box, box: Box) -> bool:
    """Tell whether a character stands in one row or one column with those before it."""
    same_page = before[0] == box[0]
    column = min(before[3], box[3]) - max(before[1], box[1]) > _ALIGNED * (box[3] - box[1])
    row = min(before[4], box[4]) - max(before[2], box[2]) > _ALIGNED * (box[4] - box[2])
    return same_page and (column or row)


def _around(before: Box, box: Box) -> Box:
    page, x0, top, x1, bottom = before
    return page, min(x0, box[1]), min(top, box[2]), max(x1, box[3]), max(bottom, box[4])


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """What a layout-aware parser knows of one printed line, before it has offsets.

    `text` is a part of the block's text, in order; `left` and `right` have one entry a character.
    `confidence` (0 to 1) is given for a line that was recognised from a picture.
    """

    text: str
    page: int
    top: float
    bottom: float
    left: Sequence[float]
    right: Sequence[float]
    confidence: float | None = None


class DocumentBuilder:
    """The only maker of offsets: blocks go in, in reading order; a `Document` comes out.

    The text is the blocks joined by one line feed. `builder.add_block(text)` returns the span at
    which `document.quote(span) == text` holds for ever after.
    """

    def __init__(self, data: bytes, filename: str, media_type: str) -> None:
        """Begin a document for these file bytes."""
        self._id = hashlib.sha256(data).hexdigest()
        self._filename = filename
        self._media_type = media_type
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._pages: list[Page] = []
        self._furniture: list[Furniture] = []
        self._warnings: dict[Notice, None] = {}
        self._lines: list[LineLayout] = []
        self._page_starts: list[tuple[int, int]] = []
        self._partial = False

    @property
    def is_empty(self) -> bool:
        """True while no block with text has been added."""
        return not self._blocks

    def add_page(self, width: float, height: float) -> int:
        """Add the next page (size in points) and return its number."""
        self._pages.append(Page(len(self._pages) + 1, width, height))
        return len(self._pages)

    def add_block(
        self,
        text: str,
        kind: BlockKind = "paragraph",
        *,
        page: int | None = None,
        level: int | None = None,
        cell: tuple[int, int, int] | None = None,
        lines: Sequence[PlacedLine] = (),
    ) -> Span | None:
        """Append a block and return its span; an empty text adds only the line feed.

        `cell` is `(table, row, column)`, each from 0. `lines` must concatenate to `text`, where a
        character of `text` that no line holds (a joiner's space) may stand between two lines.

        Raises:
            SpanError: the lines do not make up the text.
        """
        if self._parts:
            self._parts.append("\n")
            self._length += 1
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        if not text:
            return None
        span = Span(start, self._length)
        table, row, column = cell if cell is not None else (None, None, None)
        self._blocks.append(Block(span, kind, page, level, row, column, table))
        if page is not None:
            self._mark_page(start, page)
        self._place(text, start, lines)
        return span

    def _mark_page(self, offset: int, page: int) -> None:
        if not self._page_starts or self._page_starts[-1][1] != page:
            self._page_starts.append((offset, page))

    def _place(self, text: str, start: int, lines: Sequence[PlacedLine]) -> None:
        at = 0
        for line in lines:
            found = text.find(line.text, at)
            gap = text[at:found] if found >= 0 else "?"
            if gap.strip() or len(line.left) != len(line.text) or len(line.right) != len(line.text):
                raise SpanError(f"第{line.page}页：行与段落文字不符")
            self._mark_page(start + found, line.page)
            self._lines.append(
                LineLayout(
                    start + found,
                    line.page,
                    line.top,
                    line.bottom,
                    array("f", line.left),
                    array("f", line.right),
                    line.confidence,
                )
            )
            at = found + len(line.text)

    def add_furniture(
        self, text: str, kind: FurnitureKind, *, page: int | None = None, box: Box | None = None
    ) -> None:
        """Keep text that is not of the body apart from the text stream."""
        self._furniture.append(Furniture(text, kind, page, box))

    def warn(
        self, code: NoticeCode, message: str, *, page: int | None = None, partial: bool = False
    ) -> None:
        """Record a warning, once; `partial` says that some content could not be read."""
        self._warnings[Notice(code, message, page)] = None
        self._partial = self._partial or partial

    def build(self) -> Document:
        """Return the finished document."""
        return Document(
            id=self._id,
            filename=self._filename,
            media_type=self._media_type,
            text="".join(self._parts),
            blocks=tuple(self._blocks),
            pages=tuple(self._pages),
            furniture=tuple(self._furniture),
            warnings=tuple(self._warnings),
            lines=tuple(self._lines),
            status="partial" if self._partial else "complete",
            _page_starts=tuple(self._page_starts),
        )
