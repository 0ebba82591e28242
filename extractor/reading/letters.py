"""Orders and findings of texts without chapters: notices, supervision, replies, circulars, news.

Written forms: 请你局…; 希望各镇…; 你县要…; 各镇于每季度末报送…; 市安委办将适时组织复核. Of a
sentence that gives its ground first (根据…，请你县…) the record begins where the asking begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from extractor.reading.actors import names_before
from extractor.reading.chapters import Chapters, pattern
from extractor.reading.outline import Outline
from extractor.reading.units import Element, sentences, trimmed
from extractor.view import View

_ADDRESSEE = re.compile(r"[^。；\n]{2,60}：")
_FIRST_LINES = 600
_PROMISING = frozenset({"NOTICE", "SUPV"})


def read_orders(
    view: View, outline: Outline, chapters: Chapters, kind: str, taken: Sequence[Element] = ()
) -> list[Element]:
    """Return the sentences that ask, outside chapters and outside the elements `taken`."""
    if kind == "MEDIA" and "批复" not in view.text:
        return []
    found: list[Element] = []
    for start, end in _free_sentences(view, outline, chapters, kind, taken):
        if kind == "MEDIA":
            pieces = _asked(view.text, start, end, found)
        else:
            pieces = list(_orders_of(view.text, start, end, kind))
        for begin, stop in pieces:
            found.append(_order(view.text, outline, begin, stop))
    return found


def _order(text: str, outline: Outline, start: int, end: int) -> Element:
    """Return the element; who asked (县政府要求…) does not act, so its text begins behind that."""
    node = outline.at(start)
    begin = node.body if node.start == start else start
    asked = pattern("orders", "asked_pattern").search(text, begin, end)
    begin = asked.start() + len("要求") if asked else begin
    return Element(start, end, begin, None, node, numbered=False, order=True)


def _free_sentences(
    view: View, outline: Outline, chapters: Chapters, kind: str, taken: Sequence[Element]
) -> Iterator[tuple[int, int]]:
    """Yield the sentences that belong to no chapter and to no element that was read."""
    text = view.text
    places = sorted((element.start, element.end) for element in taken)
    at = 0
    last = trimmed(text, 0, len(text)) if text else 0
    for start, end in sentences(text, 0, last):
        while at < len(places) and places[at][1] <= start:
            at += 1
        if at < len(places) and places[at][0] < end:
            continue
        node = outline.at(start)
        if node.is_heading and node.level and end <= node.title_end:
            continue
        if kind == "REP" and node.marker and "\n" not in text[node.start : start]:
            continue  # an article is judged as a whole
        if node.inherited_slot is None and id(node) not in chapters.slots:
            yield start, end


def _orders_of(text: str, start: int, end: int, kind: str) -> Iterator[tuple[int, int]]:
    wills = kind in _PROMISING
    cuts = [m.start() + 1 for m in pattern("orders", "part_pattern").finditer(text, start, end)]
    for left, right in zip([start, *cuts], [*cuts, end], strict=True):
        begin = None if kind == "REP" and _treats(text[left:right]) else _begins(text, left, right)
        if begin is not None:
            yield begin, right
        elif wills and pattern("orders", "will_pattern").match(text[left:right]):
            yield left, right


def _begins(text: str, start: int, end: int) -> int | None:
    """Return where a sentence begins to ask, or None where it does not."""
    said = text[start:end]
    if pattern("orders", "never_pattern").search(said):
        return None
    asks = pattern("orders", "begin_pattern").search(said)
    if asks:
        return start + asks.start()
    if pattern("suggestions", "strong_pattern").search(said):
        return start
    return start if pattern("orders", "report_pattern").search(said) else None


def _treats(said: str) -> bool:
    return pattern("duties", "treatment_pattern").search(said) is not None


def _asked(text: str, start: int, end: int, before: Sequence[Element]) -> list[tuple[int, int]]:
    """News of a reply: 县政府要求县应急局督促…, and what it goes on to ask in its paragraph."""
    said = text[start:end]
    if pattern("orders", "asked_pattern").search(said):
        return [(start, end)]
    goes_on = bool(before) and before[-1].end == start
    due = pattern("facts", "pattern").search(said) and pattern("duties", "led_pattern").search(said)
    return [(start, end)] if goes_on and due else []


def addressee_of(view: View) -> tuple[str, ...]:
    """Return the one unit to which a letter is addressed: 县应急管理局：; nothing where several."""
    for start, end in view.paragraphs:
        if start > _FIRST_LINES:
            break
        line = _ADDRESSEE.fullmatch(view.text, start, end)
        if line:
            names = names_before(view.text, start, end)
            return names if len(names) == 1 and names[0][0] != "各" else ()
    return ()


def read_told_findings(text: str) -> list[tuple[int, int]]:
    """News of an inspection: the ranges of the sentences that tell what it found."""
    cue = pattern("findings", "inspected_pattern").search(text)
    if cue is None:
        return []
    paragraph = text.rfind("\n", 0, cue.start()) + 1
    found: list[tuple[int, int]] = []
    for start, end in sentences(text, paragraph, len(text)):
        if start >= cue.start() and pattern("findings", "advised_pattern").match(text[start:end]):
            break
        if end <= cue.start() or not pattern("findings", "pattern").search(text, start, end):
            continue
        found.append((from_turn(text, max(start, 0), end), end))
    return found


def told_advice(view: View, outline: Outline) -> list[Element]:
    """News of an inspection: the sentences that tell what the inspectors advise."""
    text = view.text
    if pattern("findings", "inspected_pattern").search(text) is None:
        return []
    return [
        _order(text, outline, start, end)
        for start, end in sentences(text, 0, len(text))
        if pattern("findings", "advised_pattern").match(text[start:end])
    ]


def from_turn(text: str, start: int, end: int) -> int:
    """Return where the finding of a sentence begins that praises first: 虽…，但…不全."""
    finding = pattern("findings", "pattern")
    turns = [m.start() for m in pattern("findings", "turn_pattern").finditer(text, start, end)]
    for turn in turns:
        if finding.search(text, turn, end) and not finding.search(text, start, turn):
            return turn
    return start
