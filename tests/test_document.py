"""The document model: what goes in comes out, at the place it was given."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.document import Box, Document, DocumentBuilder, PlacedLine, Span
from extractor.errors import SpanError

TEXTS = st.lists(st.text(max_size=30))
WORD = st.text(alphabet="甲乙丙丁事故ABC123，。", min_size=1, max_size=12)


def build(texts: list[str]) -> tuple[Document, list[Span | None]]:
    builder = DocumentBuilder(b"x", "x.txt", "text/plain")
    spans = [builder.add_block(text) for text in texts]
    return builder.build(), spans


def placed(text: str, page: int, row: int, x0: float = 100.0) -> PlacedLine:
    """A line whose characters are ten points wide, twenty points below the line before."""
    left = [x0 + 10 * at for at in range(len(text))]
    right = [x + 10 for x in left]
    return PlacedLine(text, page, 20.0 * row, 20.0 * row + 12, left, right)


@given(TEXTS)
def test_every_block_quotes_what_was_put_in(texts: list[str]) -> None:
    document, spans = build(texts)
    for text, span in zip(texts, spans, strict=True):
        assert (document.quote(span) if span is not None else "") == text


@given(TEXTS)
def test_the_text_is_the_blocks_joined_by_line_feeds(texts: list[str]) -> None:
    document, _ = build(texts)
    assert document.text == "\n".join(texts)
    assert [document.quote(block.span) for block in document.blocks] == [t for t in texts if t]


@given(TEXTS)
def test_block_at_finds_the_block_of_every_character_and_of_no_line_feed(texts: list[str]) -> None:
    document, _ = build(texts)
    owned = {
        at: block for block in document.blocks for at in range(block.span.start, block.span.end)
    }
    for at in range(len(document.text) + 1):
        assert document.block_at(at) == owned.get(at)


@given(st.lists(st.lists(WORD, min_size=1, max_size=4), min_size=1, max_size=6), st.data())
def test_boxes_hold_exactly_the_characters_of_a_span(
    rows: list[list[str]], data: st.DataObject
) -> None:
    """Each line of a block stands on its own page; the box of a line runs from edge to edge."""
    builder = DocumentBuilder(b"x", "x.pdf", "application/pdf")
    place: dict[int, tuple[int, float, float, float]] = {}
    page = 0
    for words in rows:
        lines = []
        for word in words:
            page += 1
            builder.add_page(595, 842)
            lines.append(placed(word, page, page))
        span = builder.add_block("".join(words), lines=lines)
        assert span is not None
        at = span.start
        for line in lines:
            for x in line.left:
                place[at] = (line.page, line.top, line.bottom, x)
                at += 1
    document = builder.build()
    start = data.draw(st.integers(0, len(document.text) - 1))
    end = data.draw(st.integers(start + 1, len(document.text)))
    wanted: dict[int, Box] = {}
    for at in range(start, end):
        if at in place:
            number, top, bottom, x = place[at]
            x0 = wanted[number][1] if number in wanted else x
            wanted[number] = (number, x0, top, x + 10, bottom)
    assert document.boxes(Span(start, end)) == tuple(wanted.values())
    for at, (number, *_) in place.items():
        assert document.page_of(at) == number


def test_a_joiners_space_between_lines_has_no_box_but_is_in_the_text() -> None:
    builder = DocumentBuilder(b"x", "x.pdf", "application/pdf")
    builder.add_block("SAFE WORK", lines=[placed("SAFE", 1, 1), placed("WORK", 1, 2)])
    document = builder.build()
    assert document.text == "SAFE WORK"
    assert document.boxes(Span(4, 5)) == ()
    assert len(document.boxes(Span(3, 6))) == 2


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([placed("甲乙", 1, 1), placed("丁", 1, 2)], id="a line is not in the text"),
        pytest.param([placed("甲", 1, 1), placed("丙", 1, 2)], id="a character has no line"),
        pytest.param([PlacedLine("甲乙丙", 1, 0, 9, [1.0], [2.0])], id="edges are missing"),
    ],
)
def test_lines_that_do_not_make_up_their_block_are_refused(lines: list[PlacedLine]) -> None:
    builder = DocumentBuilder(b"x", "x.pdf", "application/pdf")
    with pytest.raises(SpanError, match="行与段落文字不符"):
        builder.add_block("甲乙丙", lines=lines)


@pytest.mark.parametrize(("start", "end"), [(0, 0), (3, 2), (-1, 2)])
def test_an_empty_or_reversed_span_cannot_be_made(start: int, end: int) -> None:
    with pytest.raises(SpanError):
        Span(start, end)


def test_a_span_past_the_end_is_refused_not_cut_short() -> None:
    document, _ = build(["事故"])
    with pytest.raises(SpanError, match="超出全文长度 2"):
        document.quote(Span(1, 3))


@pytest.mark.parametrize(
    ("one", "other", "contains", "overlaps"),
    [
        (Span(0, 5), Span(1, 3), True, True),
        (Span(0, 5), Span(4, 6), False, True),
        (Span(0, 5), Span(5, 6), False, False),
        (Span(2, 3), Span(2, 3), True, True),
    ],
)
def test_spans_touch_only_where_they_share_a_character(
    one: Span, other: Span, contains: bool, overlaps: bool
) -> None:
    assert one.contains(other) is contains
    assert one.overlaps(other) is other.overlaps(one) is overlaps


def test_a_document_without_pages_has_no_page_of() -> None:
    document, _ = build(["事故"])
    assert document.page_of(0) is None


def test_an_empty_document_can_be_built() -> None:
    """An image-only file has no text, but it has warnings to show."""
    builder = DocumentBuilder(b"x", "x.pdf", "application/pdf")
    builder.warn("no_text_layer", "没有文字层", page=1, partial=True)
    document = builder.build()
    assert (document.text, document.blocks, document.status) == ("", (), "partial")


def test_the_id_is_that_of_the_bytes() -> None:
    one = DocumentBuilder(b"same", "a.txt", "text/plain").build()
    other = DocumentBuilder(b"same", "b.txt", "text/plain").build()
    assert one.id == other.id != DocumentBuilder(b"else", "a.txt", "text/plain").build().id


def test_a_document_cannot_be_changed() -> None:
    document, _ = build(["事故"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        document.text = "别的"  # type: ignore[misc]
