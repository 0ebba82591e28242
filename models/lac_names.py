"""From the tags of LAC to mentions: pieces, persons, units, places and dates, none overlapping."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set

from models.adapting import UNMEASURED
from models.lac_persons import (
    Piece,
    Span,
    dotted_names,
    listed_names,
    masked_names,
    placed_names,
    tagged_names,
)
from models.lac_rows import HAN, is_foreign, word_set, words
from models.tagger import Label, Mention

PERSON_SCORE = 0.95
"""Somewhat below the share of right names among those found in `corpus/persons`: (81 + 1) / 84."""

_DATE = re.compile(r"\d{4}年|\d{1,2}月|\d{1,2}[日时]")
_KEY = 3
_SHORT = 3
_AREAS = frozenset("省市县区旗镇乡州")


def find_names(text: str, tags: Sequence[str], offset: int = 0) -> list[Mention]:
    """Return the mentions of `text`, one tag for each code point; ranges move by `offset`."""
    pieces = _pieces(text, tags)
    taken = bytearray(len(text))
    found = list(_persons(text, pieces, taken))
    found += _units(text, pieces, taken)
    return sorted(
        (Mention(m.start + offset, m.end + offset, m.label, m.score) for m in found),
        key=lambda mention: mention.start,
    )


def repeated_names(text: str, mentions: Sequence[Mention]) -> list[Mention]:
    """Mend names that are whole elsewhere in the text, and add the places that were missed.

    饶峻 before 滔 is 饶峻滔 if that is a name of this text. Names of two characters are added
    nowhere: most are words too.
    """
    names = {text[m.start : m.end] for m in mentions if m.label == "PERSON"}
    longer = {name for name in names if len(name) >= _KEY}
    taken = bytearray(len(text))
    for mention in mentions:
        taken[mention.start : mention.end] = b"\1" * (mention.end - mention.start)
    mended = [_mended(text, mention, longer, taken) for mention in mentions]
    return sorted([*mended, *_added(text, longer, taken)], key=lambda mention: mention.start)


def _mended(text: str, mention: Mention, names: Set[str], taken: bytearray) -> Mention:
    start, end = mention.start, mention.end
    if mention.label != "PERSON" or end - start > _KEY:
        return mention
    for first, last in ((start, end + 1), (max(0, start - 1), end)):
        free = last <= len(text) and not any(taken[first:start]) and not any(taken[end:last])
        if free and text[first:last] in names and last - first > end - start:
            taken[first:last] = b"\1" * (last - first)
            return Mention(first, last, "PERSON", mention.score)
    return mention


def _added(text: str, names: Set[str], taken: bytearray) -> Iterator[Mention]:
    by_head: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names, key=len, reverse=True):
        by_head[name[:_KEY]].append(name)
    at = 0
    while by_head and at < len(text):
        end = at + 1
        for name in by_head.get(text[at : at + _KEY], ()):
            if text.startswith(name, at) and not any(taken[at : at + len(name)]):
                end = at + len(name)
                yield Mention(at, end, "PERSON", PERSON_SCORE)
                break
        at = end


def _pieces(text: str, tags: Sequence[str]) -> list[Piece]:
    """Join the tags of single characters to words; no word reaches over a line end."""
    pieces = []
    start = 0
    for at in range(1, len(text) + 1):
        # A blank parts what the network joined; 王　磊 is read by its form.
        if (
            at < len(text)
            and _goes_on(tags, at)
            and not any(map(str.isspace, text[at - 1 : at + 1]))
        ):
            continue
        tag = tags[start].partition("-")[0]
        word, tag = text[start:at], _NAMES.get(tag, tag)
        if tag == "PER" and word[0] in _GLUE and len(word) < 4 and is_foreign(word[1:]):
            pieces.append(Piece(start, start + 1, word[0], "p"))
            word, start = word[1:], start + 1
        pieces.append(Piece(start, at, word, tag))
        start = at
    return pieces


_GLUE = "由对经被给"
_NAMES = {"nr": "PER", "ns": "LOC", "nt": "ORG", "t": "TIME"}


def _goes_on(tags: Sequence[str], at: int) -> bool:
    return tags[at].endswith("-I") and tags[at - 1] != "O"


def _persons(text: str, pieces: Sequence[Piece], taken: bytearray) -> Iterator[Mention]:
    spans: list[Span] = []
    for source in (
        dotted_names(text),
        masked_names(text),
        placed_names(text),
        tagged_names(text, pieces),
    ):
        spans += _claim(source, taken)
    spans += _claim(listed_names(text, spans), taken)
    return (Mention(start, end, "PERSON", PERSON_SCORE) for start, end in spans)


def _claim(spans: Iterator[Span], taken: bytearray) -> list[Span]:
    free = []
    for start, end in spans:
        if not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            free.append((start, end))
    return free


def _units(text: str, pieces: Sequence[Piece], taken: bytearray) -> Iterator[Mention]:
    at = 0
    while at < len(pieces):
        until, label = _unit(pieces, at)
        start, end = pieces[at].start, pieces[until - 1].end
        at = until
        if label == "ORG":
            start = _unit_start(text, start, end)
        if label is not None and end - start >= 2 and not any(taken[start:end]):
            yield Mention(start, end, label, UNMEASURED)


def _unit_start(text: str, start: int, end: int) -> int:
    """Return where a unit begins: 旗 before 住房建设局 is its own, 会同 before 市公安局 is not."""
    if text[max(0, start - 1) : start] in _AREAS and text[start] not in _AREAS:
        start -= 1
    word = text[start:end]
    for match in re.finditer("[和与及]", word):
        if word[: match.start()].endswith(words("unit_end")) and end - start - match.end() > _SHORT:
            return start + match.end()
    for glue in words("glue"):
        if word.startswith(glue) and len(word) - len(glue) > _SHORT:
            # 会同县 is a county of 怀化; every other 会同 is a verb.
            is_county = glue == "会同" and word.startswith("会同县") and "怀化" in text
            return start if is_county else start + len(glue)
    return start


def _unit(pieces: Sequence[Piece], at: int) -> tuple[int, Label | None]:
    tag, word = pieces[at].tag, pieces[at].word
    if tag == "TIME":
        return at + 1, "DATE" if _DATE.match(word) else None
    if tag not in ("LOC", "ORG") or not re.fullmatch(rf"(?:{HAN}|[（）()A-Za-z0-9]){{2,40}}", word):
        return at + 1, None
    until = _unit_end(pieces, at)
    whole = "".join(piece.word for piece in pieces[at:until])
    if tag == "ORG" or (until > at + 1 and whole.endswith(words("unit_end"))):
        return until, "ORG" if _is_unit(whole) else None
    return at + 1, "PLACE"


def _unit_end(pieces: Sequence[Piece], at: int) -> int:
    """Return where the unit ends that begins here: 市监察/ORG 委员会/n, 岚溪市/LOC 公安局/ORG."""
    end = at + 1
    for far in range(at + 1, min(at + 4, len(pieces))):
        piece = pieces[far]
        if piece.tag not in ("n", "vn", "nz", "ORG") or piece.start != pieces[far - 1].end:
            break
        if piece.word.endswith(words("unit_end")):
            end = far + 1
    return end


def _is_unit(word: str) -> bool:
    return (
        word.endswith(words("unit_end"))
        and not word.endswith(words("not_unit"))
        and word.removesuffix("族") not in word_set("ethnic")
        # 区政府 and 市委 are no names: they stand for whichever the text names before.
        and len(word) > _SHORT
    )
