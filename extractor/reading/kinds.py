"""What a document is: its kind, its title, and who issued it when under which number.

The title decides where it names the kind of document (titles.py). Where it does not (a portal's
headline, a lost 调查报告), the headings and the words of the text do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, Protocol

from extractor.document import Document
from extractor.extraction import DocumentKind
from extractor.reading.contents import kind_by_content
from extractor.reading.titles import (
    SURE,
    HeadLine,
    Verdict,
    find_title,
    head_lines,
    is_date_line,
    kind_of_title,
)
from extractor.reading.values import find_dates
from extractor.rules import load_toml
from extractor.view import MARK, View

__all__ = ["Front", "KindReading", "NumberSpan", "kind_of_title", "read_front", "read_kind"]

_SIGNATURE_LINES = 4
_SIGNATURE_CHARS = 60
_NEAR_END = 400
_NEAR_TITLE = 200


class NumberSpan(Protocol):
    """What is needed of a document number: its place in the view and its normal form."""

    @property
    def start(self) -> int:
        """Offset of the first character in `View.text`."""

    @property
    def end(self) -> int:
        """Offset behind the last character in `View.text`."""

    @property
    def normal(self) -> str:
        """Normal form, such as 北政批〔2021〕18号."""


@dataclass(frozen=True, slots=True)
class KindReading:
    """What the document is; `title_span` is the title's range of `View.text`."""

    kind: DocumentKind
    rule: str
    title: str | None = None
    title_span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Front:
    """Own number (index into `numbers`), issuer and date, each None when not certain.

    `sources` maps "number", "issuer" and "date" to ranges of `View.text`.
    """

    number: int | None
    issuer: str | None
    date: str | None
    sources: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Dated:
    """A line with the date of the document; `paragraph` is its index, -1 for a labelled line."""

    start: int
    end: int
    iso: str
    paragraph: int
    is_signed: bool


@cache
def _rules() -> dict[str, Any]:
    return load_toml("kinds.toml")


@cache
def _cue(name: str) -> re.Pattern[str]:
    return re.compile(_rules()["cues"][name])


def read_kind(view: View, document: Document) -> KindReading:
    """Return the kind (INV, REP, EVAL, …), the title as printed, and the rule that decided.

    A title of a report without its last word, and a headline, are decided by the headings: course,
    cause, treatment, measures of one accident make an investigation report (条例 art. 30).
    """
    lines = head_lines(view, document)
    title = find_title(view, lines)
    if title is None:
        return KindReading(*kind_by_content(view, lines, None))
    kind, rule = _settle(view, lines, title.verdict)
    return KindReading(
        kind, rule, _printed(view, document, title.start, title.end), (title.start, title.end)
    )


def _printed(view: View, document: Document, start: int, end: int) -> str:
    """Return the characters of the document that the view reads here, without line breaks."""
    chars = (document.text[view.offsets[i]] for i in range(start, end) if view.text[i] != "\n")
    return "".join(" " if char.isspace() else char for char in chars)


def _settle(view: View, lines: Sequence[HeadLine], verdict: Verdict) -> tuple[DocumentKind, str]:
    """Return the title's kind, unless the title needs the text to be sure."""
    if verdict.kind is None or verdict.weight < SURE:
        return kind_by_content(view, lines, verdict)
    if verdict.kind == "SELF" and _occurs_twice("evaluation_group", view.text):
        return "EVAL", f"{verdict.rule}.group"
    return verdict.kind, verdict.rule


def _occurs_twice(cue: str, text: str) -> bool:
    return len(list(islice(_cue(cue).finditer(text), 2))) == 2


# --- number, issuer, date ------------------------------------------------------------------------


def read_front(
    view: View, document: Document, reading: KindReading, numbers: Sequence[NumberSpan]
) -> Front:
    """Return the document's own number, issuer and date, as its head and signature state them.

    The date is a line of its own with year, month and day (二〇二一年三月五日 too), or 成文日期;
    the date of the web page is none. The issuer stands before 关于 in the title, or signs.
    """
    lines = head_lines(view, document)
    sources: dict[str, tuple[int, int]] = {}
    own = _own_number(view, lines, reading, numbers)
    if own is not None:
        sources["number"] = (numbers[own].start, numbers[own].end)
    date = _date(view, document, reading, lines)
    if date is not None:
        sources["date"] = (date.start, date.end)
    issuer = _issuer_of_title(view, reading) or _signatory(view, document, reading, date)
    if issuer is not None:
        sources["issuer"] = issuer
    return Front(
        own,
        None if issuer is None else view.text[slice(*issuer)].replace("\n", ""),
        None if date is None else date.iso,
        sources,
    )


def _own_number(
    view: View,
    lines: Sequence[HeadLine],
    reading: KindReading,
    numbers: Sequence[NumberSpan],
) -> int | None:
    """Return the index of the number that stands alone on a line of the head."""
    limit = next((line.end for line in lines if line.sort == "body"), len(view.text))
    title = reading.title_span
    for index, number in enumerate(numbers):
        if number.start >= limit:
            break
        line = next((x for x in lines if x.start <= number.start and number.end <= x.end), None)
        if line is None or (title and title[0] <= number.start < title[1]):
            continue
        before, after = view.text[line.start : number.start], view.text[number.end : line.end]
        if title and line.start <= title[0] and title[1] <= number.start:
            before = view.text[title[1] : number.start]
        if not re.fullmatch(r"[（(]?|.{0,12}(?:文号|字号|编号)：", before):
            continue
        if before.endswith("：") or re.fullmatch(r"[）)]?|签发人.{0,12}", after):
            return index
    return None


def _date(
    view: View, document: Document, reading: KindReading, lines: Sequence[HeadLine]
) -> _Dated | None:
    """Return the date of the signature, of the cover, or the one labelled 成文日期."""
    dated = list(_date_lines(view, document))
    signed = [date for date in dated if date.is_signed]
    if dated and reading.kind in _rules()["issuer"]["signs_before_annex"]:
        return (signed or dated)[0]
    if signed:
        return signed[-1]
    if dated:
        title_end = reading.title_span[1] if reading.title_span else 0
        last = dated[-1]
        if len(view.text) - last.end < _NEAR_END or last.start < title_end + _NEAR_TITLE:
            return last
    return _labelled_date(view, lines)


def _date_lines(view: View, document: Document) -> Iterator[_Dated]:
    """Yield every paragraph that is only a full date, or a signing body and a full date."""
    for index, (start, end) in enumerate(view.paragraphs):
        if not 8 <= end - start <= _SIGNATURE_CHARS or view.text[end - 1] not in "日）":
            continue
        block = document.block_at(view.offsets[start])
        if block is not None and block.kind == "cell":
            continue
        date = next(iter(find_dates(view.text, max(start, end - 14), end)), None)
        if date is None or date.iso is None or len(date.iso) != 10 or date.relative:
            continue
        if is_date_line(view.text[start:end]):
            signed = index > 0 and _is_signature(view, *view.paragraphs[index - 1])
            yield _Dated(date.start, date.end, date.iso, index, signed)
        elif date.end == end and _is_signature(view, start, date.start):
            yield _Dated(date.start, date.end, date.iso, index, True)


def _labelled_date(view: View, lines: Sequence[HeadLine]) -> _Dated | None:
    label = re.compile(_rules()["issuer"]["date_label"])
    for line in lines:
        found = label.search(view.text, line.start, line.end)
        if found is None:
            continue
        date = next(iter(find_dates(view.text, found.end(), min(found.end() + 16, line.end))), None)
        if date is not None and date.iso is not None and len(date.iso) == 10:
            return _Dated(date.start, date.end, date.iso, -1, False)
    return None


@cache
def _issuer_line() -> re.Pattern[str]:
    endings = _rules()["issuer"]["endings"]
    return re.compile(rf"[\u4e00-\u9fff（）·“”\"\d.X×*]{{2,60}}?{endings}(?:（[^（）]{{1,8}}）)?")


def _is_signature(view: View, start: int, end: int) -> bool:
    short = 3 <= end - start <= _SIGNATURE_CHARS
    return short and _issuer_line().fullmatch(view.text, start, end) is not None


def _issuer_of_title(view: View, reading: KindReading) -> tuple[int, int] | None:
    """Return the range of XX人民政府 in XX人民政府关于…, XX局 in XX局行政处罚决定书."""
    if reading.title_span is None:
        return None
    start, end = reading.title_span
    behind = re.compile(_rules()["issuer"]["title_behind"]).search(view.text, start, end)
    stop = behind.start() if behind is not None else start
    while stop > start and view.text[stop - 1] == "\n":
        stop -= 1
    text = view.text[start:stop].replace("\n", "")
    return (start, stop) if _issuer_line().fullmatch(text) else None


_CONTACT = re.compile(r"(?:电话|传真|邮编|邮箱|邮政编码)：[\dA-Za-z@.\-—－/、]{0,40}")


def _signatory(
    view: View, document: Document, reading: KindReading, date: _Dated | None
) -> tuple[int, int] | None:
    """Return the range of the signing body: the line before the date, or the last line."""
    paragraphs = view.paragraphs
    title_end = reading.title_span[1] if reading.title_span else 0
    if date is not None and date.paragraph >= 0:
        start, at = paragraphs[date.paragraph][0], date.paragraph
        if start < date.start and view.text[start] not in "（(":
            begin = _behind_contact(view, start)
            return (begin, date.start) if title_end <= begin < date.start else None
        at -= 1
    else:
        at = len(paragraphs) - 1
        ends = re.compile(_rules()["issuer"]["undated"])
        block = document.block_at(view.offsets[paragraphs[at][0]]) if paragraphs else None
        if at < 0 or not ends.search(view.text, *paragraphs[at]):
            return None
        if block is not None and block.kind == "cell":
            return None
    if at < 0 or paragraphs[at][0] < title_end or not _is_signature(view, *paragraphs[at]):
        return None
    first = at
    while first > 0 and not _ends_before(view, paragraphs[first - 1], title_end):
        first -= 1
        if at - first > _SIGNATURE_LINES:
            return None
    return _behind_contact(view, paragraphs[first][0]), paragraphs[at][1]


def _behind_contact(view: View, start: int) -> int:
    """Return where a signature begins behind 联系人：…联系电话：… on lines that run together."""
    end = view.text.find("\n", start)
    found = list(_CONTACT.finditer(view.text, start, end if end >= 0 else len(view.text)))
    return found[-1].end() if found else start


def _ends_before(view: View, paragraph: tuple[int, int], title_end: int) -> bool:
    """Tell whether a paragraph is not the beginning of the signature that stands below it."""
    start, end = paragraph
    whole = view.text[start:end]
    closed = whole[-1] in "。；：！？）" or MARK.match(whole) is not None
    return closed or end - start > 40 or end <= title_end or _is_signature(view, start, end)
