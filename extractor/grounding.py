"""The checker: every value of a result is found, typed-equal, in the range that it points to.

It runs on every result. It reads the range again by itself: amounts, percentages, dates, counts and
document numbers are parsed out of the quoted words and compared as values; names and organs are
compared as words after folding and without spaces. Nothing is matched by likeness.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from extractor.document import Document, Span
from extractor.errors import GroundingError
from extractor.extraction import (
    Accident,
    DocumentNumber,
    Evaluation,
    Extraction,
    Located,
    Measure,
    Party,
    Penalty,
    Sources,
    WarningRecord,
)
from extractor.reading.names import enterprise_end
from extractor.reading.numerals import parse_chinese_integer
from extractor.reading.sanctions import find_cues, heading_kind, mask_foreign, stated_kinds
from extractor.reading.values import find_amounts, find_dates, find_percents
from extractor.rules import penalty_families
from extractor.view import View, build_view, squeeze

_DIGIT_RUN = re.compile(r"\d+")
_PEOPLE = re.compile(r"(\d{1,4}|[一二三四五六七八九十百两]{1,5})(?:名|人)")
_VICTIM = re.compile("(?:致|造成).{2,40}(?:死亡|身亡)")
_NOBODY = re.compile(r"(?:未|无|没有)[^，。；]{0,8}(?:伤亡|死亡|受伤|人员)")
_LETTER = re.compile(r"[\u4e00-\u9fffA-Za-z]")
_PRINTED = re.compile(r"[\u4e00-\u9fffA-Za-z\d]")
_YEARS = re.compile(r"〔(\d{4})〕")
_LIST_REACH = 300
_YEAR = 4
_NEAR, _FEW = 80, 4
_CHINESE_RUN = re.compile(r"[〇零一二三四五六七八九十百千两]+")


class Flaw(NamedTuple):
    """A value that its range does not state: record id, field, what is wrong."""

    record: str
    field: str
    reason: str


def verify(document: Document, extraction: Extraction) -> None:
    """Raise GroundingError for the first value that its range does not state.

    Raises:
        GroundingError: names the record, the field and the quoted words.
    """
    for flaw in find_ungrounded(document, build_view(document), extraction):
        raise GroundingError(f"{flaw.record}：{flaw.reason}")


def find_ungrounded(document: Document, view: View, extraction: Extraction) -> Iterator[Flaw]:
    """Yield every value that its range does not state."""
    check = _Checker(document, view)
    if extraction.accident is not None:
        yield from check.accident(extraction.accident)
    for number in extraction.document_numbers:
        yield from check.number(number)
    for party in extraction.parties:
        yield from check.party(party)
    known = {party.id for party in extraction.parties}
    for penalty in extraction.penalties:
        yield from check.penalty(penalty, known)
    for measure in extraction.measures:
        yield from check.measure(measure)
    for problem in extraction.problems:
        yield from check.located(problem.id, problem)
        yield from check.names(problem.id, "units", problem.units, problem.sources)
    for suggestion in extraction.suggestions:
        yield from check.located(suggestion.id, suggestion)
        names, places = suggestion.addressees, suggestion.sources
        yield from check.names(suggestion.id, "addressees", names, places)
    if extraction.evaluation is not None:
        yield from check.evaluation(extraction.evaluation)


_SECONDARY = frozenset({"organ", "recipient", "term"})
_LAW_END = re.compile(
    r"(?:法|条例|规定|办法|规则|准则|通则|细则|标准|决定|规范|章程|规程|制度|意见|解释|）)$"
)
_HEADS = frozenset({"accident", "evaluation"})
_LISTS = frozenset({"members", "methods"})


def drop_ungrounded(document: Document, view: View, extraction: Extraction) -> Extraction:
    """Return the result without what fails the check, with a warning for each.

    A header field and an organ, recipient or term are emptied; any other flaw takes its record out.
    """
    flaws = list(find_ungrounded(document, view, extraction))
    if not flaws:
        return extraction
    emptied = {
        (flaw.record, flaw.field)
        for flaw in flaws
        if flaw.record in _HEADS or flaw.field in _SECONDARY
    }
    bad = {flaw.record for flaw in flaws if (flaw.record, flaw.field) not in emptied}
    warnings = [
        WarningRecord(
            code="ungrounded",
            message=f"一项内容未通过原文核对，已剔除，请查看原文（{flaw.record}：{flaw.reason}）",
        )
        for flaw in flaws
    ]
    penalties = [
        penalty.model_copy(
            update={field: None for record, field in emptied if record == penalty.id}
        )
        for penalty in extraction.penalties
        if penalty.id not in bad and penalty.party not in bad
    ]
    used = {penalty.party for penalty in penalties}
    accident, evaluation = extraction.accident, extraction.evaluation
    if accident is not None:
        accident = accident.model_copy(
            update={field: None for record, field in emptied if record == "accident"}
        )
    if evaluation is not None:
        wrong = [field for record, field in emptied if record == "evaluation"]
        evaluation = evaluation.model_copy(
            update={field: [] if field in _LISTS else None for field in wrong}
        )
    return extraction.model_copy(
        update={
            "document": extraction.document.model_copy(
                update={"warnings": [*extraction.document.warnings, *warnings]}
            ),
            "accident": accident,
            "evaluation": evaluation,
            "document_numbers": [n for n in extraction.document_numbers if n.id not in bad],
            "parties": [p for p in extraction.parties if p.id in used],
            "penalties": penalties,
            "measures": [m for m in extraction.measures if m.id not in bad],
            "problems": [q for q in extraction.problems if q.id not in bad],
            "suggestions": [s for s in extraction.suggestions if s.id not in bad],
        }
    )


class _Checker:
    def __init__(self, document: Document, view: View) -> None:
        self._document = document
        self._view = view
        self._squeezed = view.text.replace("\n", "")

    def _inside(self, start: int, end: int) -> bool:
        return 0 <= start < end <= len(self._document.text)

    def _read(self, start: int, end: int) -> str:
        return self._view.quote(Span(start, end)).replace("\n", "")

    def located(self, name: str, fact: Located) -> Iterator[Flaw]:
        """Check that the range lies in the text and quotes something."""
        if not self._inside(fact.start, fact.end):
            yield Flaw(name, "start", f"区间 [{fact.start}, {fact.end}) 不在全文之内")
        elif not self._document.text[fact.start : fact.end].strip():
            yield Flaw(name, "start", "区间内没有文字")

    def words(self, name: str, field: str, values: list[str]) -> Iterator[Flaw]:
        """Check that each of these names is printed somewhere in the document."""
        for value in values:
            if squeeze(value) not in self._squeezed:
                yield Flaw(name, field, f"{field}“{value}”不见于原文")

    def names(self, record: str, field: str, values: list[str], sources: Sources) -> Iterator[Flaw]:
        """Check that the range of each name, under the key `field[i]`, prints that name."""
        for index, value in enumerate(values):
            place = sources.get(f"{field}[{index}]")
            if place is None or not self._inside(*place):
                yield Flaw(record, field, f"{field}“{value}”没有出处")
            elif self._read(*place) != squeeze(value):
                yield Flaw(record, field, f"{field}“{value}”不见于“{self._read(*place)}”")

    def number(self, number: DocumentNumber) -> Iterator[Flaw]:
        """Check the sequence number, and for a complete form also the year, in the range."""
        yield from self.located(number.id, number)
        if not self._inside(number.start, number.end):
            return
        if self._document.text[number.start : number.end] != number.raw:
            yield Flaw(number.id, "raw", "raw 与区间文字不同")
        raw = self._read(number.start, number.end)
        if not self._states_digits(number, raw):
            yield Flaw(number.id, "normal", f"{number.normal} 的数字不见于“{number.raw}”")
        if not self._states_code(number, raw):
            yield Flaw(number.id, "normal", f"{number.normal} 的机关代字不见于原文")

    def _states_digits(self, number: DocumentNumber, raw: str) -> bool:
        """Tell whether year and sequence are printed; the year of an elided one is the code's."""
        wanted = [int(run) for run in _DIGIT_RUN.findall(number.normal)]
        flags = set(number.flags)
        printed = _integers(raw)
        if "expanded" in flags:
            before = _integers(self._before(number.start))
            low, high = min(printed | before, default=0), max(printed, default=0)
            return low <= wanted[-1] <= high
        joined = "".join(_DIGIT_RUN.findall(raw)) if "repaired" in flags else ""
        if "elided" in flags:
            runs = _DIGIT_RUN.findall(self._before(number.start) + raw)
            known = all(
                any(
                    run.lstrip("0") == str(value)
                    or (len(str(value)) == _YEAR and run.startswith(str(value)))
                    for run in runs
                )
                for value in wanted[:-1]
            )
            return known and (wanted[-1] in printed or str(wanted[-1]) in joined)
        return all(value in printed or str(value) in joined for value in wanted)

    def _states_code(self, number: DocumentNumber, raw: str) -> bool:
        """Tell whether the letters of the code are printed, in the range or, elided, before it."""
        words = raw
        if {"elided", "expanded", "no_code"} & set(number.flags):
            words = self._before(number.start) + raw
        wanted = _letters(number.normal)
        if "号" not in number.normal:
            return False
        if number.kind == "order":
            return not Counter(wanted) - Counter(_letters(words))
        year = _YEARS.search(number.normal)
        taken = {"elided", "expanded"} & set(number.flags)
        if taken and year is not None and year.group(1) not in raw:
            # The year is not repeated: it must stand behind the same code before.
            code = _letters(number.normal[: year.start()])
            if _letters(number.normal[year.end() :]) not in _letters(raw):
                return False
            return f"{code}{year.group(1)}" in "".join(_PRINTED.findall(words))
        return wanted in _letters(words)

    def _before(self, start: int) -> str:
        return self._read(max(0, start - _LIST_REACH), start) if start else ""

    def party(self, party: Party) -> Iterator[Flaw]:
        """Check that each mention prints the name or an alias, and that the name is in the text."""
        if not self._mentions(party, party.name):
            yield from self.words(party.id, "name", [party.name])
        names = {squeeze(name) for name in (party.name, *party.aliases)}
        for mention in party.mentions:
            if not self._inside(mention.start, mention.end):
                yield Flaw(party.id, "mentions", "提及处不在全文之内")
                continue
            printed = self._read(mention.start, mention.end)
            if not any(name in printed for name in names):
                yield Flaw(party.id, "mentions", f"提及处“{printed}”不是“{party.name}”")
        for field, value in (("title", party.title), ("employer", party.employer)):
            if value is not None and not self._mentions(party, value):
                yield from self.words(party.id, field, [value])
        if party.count is not None and party.count not in _integers(squeeze(party.name)):
            yield Flaw(party.id, "count", f"人数 {party.count} 不见于“{party.name}”")

    def _mentions(self, party: Party, words: str) -> bool:
        """Tell whether the words stand near a place that names the party."""
        size = len(self._document.text)
        return any(
            squeeze(words) in self._read(max(0, m.start - _NEAR), min(size, m.end + _NEAR))
            for m in party.mentions[:_FEW]
            if self._inside(m.start, m.end)
        )

    def penalty(self, penalty: Penalty, parties: set[str]) -> Iterator[Flaw]:
        """Check party, kind, amount, percentage, organ, recipient and term in their ranges."""
        yield from self.located(penalty.id, penalty)
        if penalty.party not in parties:
            yield Flaw(penalty.id, "party", f"当事方 {penalty.party} 不存在")
        if penalty.kind not in penalty_families():
            yield Flaw(penalty.id, "kind", f"处理种类 {penalty.kind} 不在表中")
        elif self._inside(penalty.start, penalty.end) and not self._states_kind(penalty):
            yield Flaw(penalty.id, "kind", f"区间文字没有写明 {penalty.kind}")
        if penalty.basis and not self._states_articles(penalty):
            yield Flaw(penalty.id, "basis", f"依据 {'、'.join(penalty.basis)} 没有出处")
        readers: dict[str, Callable[[str], bool]] = {
            "amount_yuan": lambda t: any(
                a.yuan == penalty.amount_yuan for a in find_amounts(t, 0, len(t))
            ),
            "income_percent": lambda t: any(
                float(p.value) == penalty.income_percent for p in find_percents(t, 0, len(t))
            ),
            "organ": lambda t: t == squeeze(penalty.organ or ""),
            "recipient": lambda t: t == squeeze(penalty.recipient or ""),
            "term": lambda t: t == squeeze(penalty.term or ""),
        }
        for field, reads in readers.items():
            yield from self._field(
                penalty.id, field, getattr(penalty, field), penalty.sources, reads
            )

    def _field(
        self,
        name: str,
        field: str,
        value: object,
        sources: dict[str, tuple[int, int]],
        reads: Callable[[str], bool],
    ) -> Iterator[Flaw]:
        if value is None:
            return
        place = sources.get(field)
        if place is None or not self._inside(*place):
            yield Flaw(name, field, f"{field} 没有出处")
        elif not reads(self._read(*place)):
            yield Flaw(name, field, f"{field}={value} 不见于“{self._read(*place)}”")

    def _states_articles(self, penalty: Penalty) -> bool:
        place = penalty.sources.get("basis")
        if place is None or not self._inside(*place):
            return False
        words = self._read(*place)
        stated = _integers(words)
        laws = {item.partition("#")[0] for item in penalty.basis}
        if not all(law in words or self._is_printed_law(law) for law in laws):
            return False
        articles = (part for item in penalty.basis for part in item.partition("#")[2].split("."))
        return all(int(part) in stated for part in articles if part.isdigit())

    def _is_printed_law(self, law: str) -> bool:
        """Tell whether a law that the words only refer to (该条例) is printed in the text."""
        return _LAW_END.search(law) is not None and squeeze(law) in self._squeezed

    def _states_kind(self, penalty: Penalty) -> bool:
        text = mask_foreign(self._read(penalty.start, penalty.end))
        if penalty.rule == "penalty.heading" and heading_kind(text) == penalty.kind:
            return True
        by_company = enterprise_end().search(penalty.organ or "") is not None
        return any(
            penalty.kind in stated_kinds(cue, by_company=by_company)
            for cue in find_cues(text, 0, len(text))
        )

    def accident(self, accident: Accident) -> Iterator[Flaw]:
        """Check each field of the accident header in its own range."""
        readers: dict[str, Callable[[str], bool]] = {
            "mark": lambda t: _states_mark(t, accident.mark or ""),
            "date": lambda t: any(d.iso == accident.date for d in find_dates(t, 0, len(t))),
            "grade": lambda t: (accident.grade or "") in t,
            "type": lambda t: squeeze(accident.type or "") in t,
            "place": lambda t: squeeze(accident.place or "") in t,
            "name": lambda t: squeeze(accident.name or "") in t,
            "deaths": lambda t: _states_count(t, accident.deaths),
            "injuries": lambda t: _states_count(t, accident.injuries),
            "loss_yuan": lambda t: any(
                a.yuan == accident.loss_yuan
                for words in (t, f"{t}元")
                for a in find_amounts(words, 0, len(words))
            ),
        }
        for field, reads in readers.items():
            yield from self._field(
                "accident", field, getattr(accident, field), accident.sources, reads
            )

    def measure(self, measure: Measure) -> Iterator[Flaw]:
        """Check the range, that the actors are printed, and that the deadline is."""
        yield from self.located(measure.id, measure)
        yield from self.names(measure.id, "actors", measure.actors, measure.sources)
        for field in ("lead", "support"):
            for name in getattr(measure, field):
                if name not in measure.actors:
                    yield Flaw(measure.id, field, f"{field}“{name}”不在行动主体之中")
        if measure.deadline is not None:
            raw = squeeze(measure.deadline.raw)
            yield from self._field(
                measure.id, "deadline", raw, measure.sources, lambda words: words == raw
            )

    def evaluation(self, evaluation: Evaluation) -> Iterator[Flaw]:
        """Check the dates, the leader, the members and the methods in their own ranges."""
        readers: dict[str, Callable[[str], bool]] = {
            "reply_date": lambda t: any(
                d.iso == evaluation.reply_date for d in find_dates(t, 0, len(t))
            ),
            "established": lambda t: any(
                d.iso == evaluation.established for d in find_dates(t, 0, len(t))
            ),
            "lead": lambda t: squeeze(evaluation.lead or "") in t,
            "members": lambda t: all(squeeze(name) in t for name in evaluation.members),
            "methods": lambda t: all(squeeze(name) in t for name in evaluation.methods),
        }
        for field, reads in readers.items():
            value = getattr(evaluation, field) or None
            yield from self._field("evaluation", field, value, evaluation.sources, reads)


def _letters(text: str) -> str:
    """Return the letters of a number, without the words that a writer may leave out."""
    return "".join(char for char in _LETTER.findall(text) if char not in "第号")


def _integers(text: str) -> set[int]:
    found = {int(run) for run in _DIGIT_RUN.findall(text)}
    for run in _CHINESE_RUN.findall(text):
        value = parse_chinese_integer(run)
        if value is not None:
            found.add(value)
    return found


def _states_count(text: str, count: int | None) -> bool:
    """Tell whether the words state this number of people, or numbers that add up to it."""
    if count == 0 and _NOBODY.search(text):
        return True
    if count == 1 and _VICTIM.search(text) and not _integers(text):
        return True
    people = [_integers(match.group(1)) for match in _PEOPLE.finditer(text)]
    counts = [max(values) for values in people if values]
    return count in _integers(text) or (len(counts) > 1 and sum(counts) == count)


def _states_mark(text: str, mark: str) -> bool:
    """Tell whether month and day are printed, with a dot between or run together (421, 2018726)."""
    month, _, day = mark.partition("·")
    if not month.isdigit() or not day.isdigit():
        return False
    ending = f"-{month.zfill(2)}-{day.zfill(2)}"
    if any((date.iso or "").endswith(ending) for date in find_dates(text, 0, len(text))):
        return True
    runs = _DIGIT_RUN.findall(text)
    if any(int(a) == int(month) and int(b) == int(day) for a, b in pairwise(runs)):
        return True
    glued = {f"{m}{d}" for m in (month, month.zfill(2)) for d in (day, day.zfill(2))}
    return any(run in glued or (len(run) > _YEAR and run[_YEAR:] in glued) for run in runs)
