"""How sure each record is: a probability, from what can be seen of the record and its text.

Each record shows features (the rule that found it, how far the party stands from the sanction, how
often the name is printed, whether a heading was lost, …). The rows of confidence.toml weigh them;
the weights are fitted on documents with their truth by `python -m corpus.calibrate`, and the
probability is the logistic function of their sum.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from extractor.document import UNCERTAIN, Document, Span
from extractor.extraction import (
    Extraction,
    Measure,
    Party,
    Penalty,
    Problem,
    Record,
    SectionRecord,
    Suggestion,
)
from extractor.rules import load_toml, penalty_families
from extractor.view import View, squeeze

_Weighed: TypeAlias = Penalty | Measure | Problem | Suggestion

LAYERS = ("penalties", "measures", "problems", "suggestions")
"""The lists of an extraction whose records carry a confidence."""

UNCERTAIN_FLAG = "ocr_uncertain"
"""Of a record that a line states which was recognised with doubt."""
DISAGREES_FLAG = "tagger_disagrees"
"""Of a sanction whose person a tagger does not see as one, anywhere in the text."""
PROPOSED_FLAG = "party_proposed"
"""Of a sanction whose person a tagger alone has seen."""
_FIXED = {
    "ocr.uncertain": -2.0,
    "tagger.disagrees": -1.0,
    "party.proposed": -2.0,
    "flag.heading_lost": -0.5,
}
"""Weights that cannot be fitted: the documents with their truth are no scans, and taggers apart."""

_FLAG_FEATURES = {
    UNCERTAIN_FLAG: "ocr.uncertain",
    DISAGREES_FLAG: "tagger.disagrees",
    PROPOSED_FLAG: "party.proposed",
}
_PROPOSED_RULE = "penalty.proposed"

_LOWEST, _HIGHEST = 0.02, 0.99
_MASKED = re.compile(r"[某*×xX]")
_UNSURE = re.compile(r"的，|如果|若|凡|可以|视情|原则上|另行|等(?:人|单位)")
_STOPS = re.compile(r"[。；！？\n]")
_ORDINAL = re.compile(r"[（(]?[一二三四五六七八九十\d]{1,3}(?:[）)、.．]|(?<!\d)是)")
_FAR = 400
_REACHES = (("party.near", 30), ("party.middle", 120), ("party.far", _FAR))
_AROUND = 30_000
_LONGEST = 2_000
_SHORT, _LONG = 20, 400
_GLUED = 3_000
_LONG_UNIT = 22
_ODD_NAME = re.compile(
    r"[）)：；，、]|^[（(]?.[）)]|情况|作出|建议|记入|责令|有关|相关|给予|由|对|被|^(?:员|的|助理|连带|副)"
)
_TWICE = re.compile(r"([\u4e00-\u9fff]{3}).{0,20}\1")
_DEALT_OUT = re.compile(r"分别|各(?=处|罚|给)|均|[二两三四五]人|等\d|及其")
_SUMMED = re.compile(r"合计|共计|总计|累计|共处")
_COUNTS = re.compile(r"\d(?:家|起|次|处|项|条|件|人次|[^，。；\d]{0,3}单位)")
_FIRM = re.compile(r"公司|集团|厂|矿|合作社|经营部|商店|酒店|店$")
_INNER_MARK = re.compile(
    r"[。；：\u4e00-\u9fff]\s?(?:\d{1,2}[.、](?!\d)|（[一二三四五六七八九十]）|第[一二三四]，)"
)
_MARK_LENGTH = 6
_SANCTION = re.compile(r"(?:处罚|处分|罚款|追究|检讨|书面检查)")
_TELLING = re.compile(r"(?:落实|评估)(?:情况|内容)：|\d{1,2}月\d{1,2}日[，,]|希望|请你|请各|暴露")
_OF_THE_STATE = frozenset({"government", "party"})
_MANY = 4
_LONG_NAME = 4
_HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,;:][\u4e00-\u9fff]")
_SPACED = re.compile(r"[\u4e00-\u9fff][ \u3000][\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Sureness:
    """The probability of a record, with its features and the weight that each added."""

    value: float
    features: tuple[tuple[str, float], ...]


def with_confidence(
    document: Document,
    view: View,
    extraction: Extraction,
    persons: Collection[str] | None = None,
) -> Extraction:
    """Return the extraction with the confidence of every record set from its features.

    `persons` are the names that a tagger sees; None means that there is no tagger.
    """
    reader = FeatureReader(document, view, extraction, persons)
    lists = {
        layer: [
            flagged.model_copy(update={"confidence": weigh(layer, reader.features(flagged)).value})
            for record in getattr(extraction, layer)
            for flagged in (_flagged(record, reader.doubts(record)),)
        ]
        for layer in LAYERS
    }
    return extraction.model_copy(update=lists)


def _flagged(record: _Weighed, doubts: Sequence[str]) -> _Weighed:
    flags = list(dict.fromkeys((*record.flags, *doubts)))
    return record.model_copy(update={"flags": flags})


def _is_uncertain(record: _Weighed, document: Document) -> bool:
    places = [(record.start, record.end), *record.sources.values()]
    found = (document.recognized(Span(*place)) for place in places)
    return any(value is not None and value < UNCERTAIN for value in found)


@cache
def _weights(layer: str) -> tuple[float, dict[str, float]]:
    table = load_toml("confidence.toml")[layer]
    weights = {name: float(value) for name, value in table["weight"].items()}
    return float(table["bias"]), {**_FIXED, **weights}


def weigh(layer: str, features: tuple[str, ...]) -> Sureness:
    """Return the probability that these features of a record of this layer stand for."""
    bias, weights = _weights(layer)
    known = tuple((name, weights[name]) for name in features if name in weights)
    total = bias + sum(weight for _, weight in known)
    value = 1 / (1 + math.exp(-total))
    return Sureness(round(min(max(value, _LOWEST), _HIGHEST), 3), known)


class FeatureReader:
    """Reads the features of the records of one extraction."""

    def __init__(
        self,
        document: Document,
        view: View,
        extraction: Extraction,
        persons: Collection[str] | None = None,
    ) -> None:
        """Look at the document once for all its records; `persons` as in `with_confidence`."""
        self._persons = None if persons is None else frozenset(map(squeeze, persons))
        self._document = document
        self._text = document.text
        self._folded = view.text
        self._kind = extraction.document.kind
        self._parties = {party.id: party for party in extraction.parties}
        self._sections = sorted(
            (s for s in extraction.sections if s.slot), key=lambda section: section.start
        )
        self._starts = [section.start for section in self._sections]
        self._shared = Counter((p.start, p.end, p.kind) for p in extraction.penalties)
        self._held = Counter(p.party for p in extraction.penalties)
        self._counted: dict[str, int] = {}
        self._mentions = sorted(
            (mention.start, party.id) for party in extraction.parties for mention in party.mentions
        )
        self._damage = tuple(self._damages())

    def _damages(self) -> Iterator[str]:
        """What is wrong with the whole text: half-width marks, spaces, lost or broken lines."""
        size = max(len(self._text), 1)
        if len(_HALF_WIDTH.findall(self._text)) * 100 > size:
            yield "text.half_width"
        if len(_SPACED.findall(self._text)) * 100 > size:
            yield "text.spaced"
        lines = [line for line in self._text.split("\n") if line.strip()]
        if max(map(len, lines), default=0) > _GLUED:
            yield "text.glued"
        broken = sum(line[-1] not in "。；：！？”）…;:!?)" for line in lines)
        if len(lines) > _MANY and broken * 2 > len(lines):
            yield "text.broken_lines"

    def features(self, record: Record) -> tuple[str, ...]:
        """Return the names of the features that a record shows, in a fixed order."""
        if isinstance(record, Penalty):
            found = [*self._of_penalty(record), *self._of_party(self._parties[record.party])]
        elif isinstance(record, (Measure, Problem, Suggestion)):
            found = [*self._of_span(record)]
        else:
            raise TypeError(f"{type(record).__name__} has no confidence")
        found += (_FLAG_FEATURES[flag] for flag in record.flags if flag in _FLAG_FEATURES)
        return (*found, f"document.{self._kind}", *self._damage)

    def doubts(self, record: _Weighed) -> list[str]:
        """Return the flags for what casts doubt on a record from outside the rules."""
        found = [UNCERTAIN_FLAG] if _is_uncertain(record, self._document) else []
        if self._persons is not None and isinstance(record, Penalty):
            party = self._parties[record.party]
            if party.kind == "person" and squeeze(party.name) not in self._persons:
                found.append(DISAGREES_FLAG)
            if record.rule == _PROPOSED_RULE:
                found.append(PROPOSED_FLAG)
        return found

    def _of_penalty(self, penalty: Penalty) -> Iterator[str]:
        yield penalty.rule
        yield from (f"flag.{flag}" for flag in penalty.flags if flag not in _FLAG_FEATURES)
        yield f"family.{penalty_families()[penalty.kind]}"
        yield f"stage.{penalty.stage}"
        if penalty.kind.endswith(".unspecified"):
            yield "kind.vague"
        if penalty.kind == "admin.fine" and not (penalty.amount_yuan or penalty.income_percent):
            yield "fine.without_sum"
        if penalty.organ is None:
            yield "organ.none"
        employer = self._parties[penalty.party].employer or ""
        if penalty_families()[penalty.kind] in _OF_THE_STATE and _FIRM.search(employer):
            yield "family.of_a_firm"
        if self._shared[penalty.start, penalty.end, penalty.kind] >= _MANY:
            yield "parties.many"
        yield from self._distance(penalty)
        yield from self._sentence(penalty.start, penalty.end)
        slot = self._slot(penalty.start)
        yield f"slot.{slot.slot}" if slot is not None else "slot.none"

    def _distance(self, penalty: Penalty) -> Iterator[str]:
        """How far the name stands from the words of the sanction, and what is between."""
        cue = penalty.sources.get("kind", (penalty.start, penalty.end))
        name = penalty.sources.get("party")
        if name is None:
            yield "party.unplaced"
            return
        first, second = sorted((name, cue))
        between = self._text[first[1] : second[0]]
        yield next((word for word, most in _REACHES if len(between) <= most), "party.distant")
        if name[0] >= cue[1]:
            yield "party.behind"
        stops = len(_STOPS.findall(between))
        if stops:
            yield "between.sentence" if stops == 1 else "between.sentences"
        if self._names_another(first[1], second[0], penalty.party):
            yield "between.other_party"

    def _names_another(self, start: int, end: int, party: str) -> bool:
        """Tell whether another party that has a sanction is named in this range."""
        low = bisect_right(self._mentions, (start, ""))
        high = bisect_right(self._mentions, (end, ""))
        return any(other != party for _, other in self._mentions[low : min(high, low + _MANY)])

    def _sentence(self, start: int, end: int) -> Iterator[str]:
        low = max(0, start - _LONGEST)
        begin = max(low, *(self._text.rfind(mark, low, start) + 1 for mark in "。；\n"))
        said = self._text[begin:end]
        if _UNSURE.search(said):
            yield "sentence.unsure"
        if len(said) > _FAR:
            yield "sentence.long"
        if _DEALT_OUT.search(said):
            yield "sentence.dealt_out"
        if _SUMMED.search(said):
            yield "sentence.summed"
        if _COUNTS.search(said):
            yield "sentence.counts"

    def _of_party(self, party: Party) -> Iterator[str]:
        yield f"party.{party.kind}"
        name = squeeze(party.name)
        times = self._times(name, party.mentions[0].start if party.mentions else 0)
        yield "name.once" if times <= 1 else "name.twice" if times == 2 else "name.often"
        if _ODD_NAME.search(name) or _TWICE.search(name):
            yield "name.odd"
        if party.kind == "organization" and len(name) > _LONG_UNIT:
            yield "name.long_unit"
        if party.kind == "person":
            if _MASKED.search(name):
                yield "name.masked"
            elif len(name) >= _LONG_NAME and "·" not in name:
                yield "name.long"
            if party.title is None:
                yield "title.none"
        if self._held[party.id] >= _MANY:
            yield "penalties.many"

    def _times(self, name: str, at: int) -> int:
        """How often the text prints the name around its first mention; counted once a name."""
        if name not in self._counted:
            begin = max(0, at - _AROUND)
            self._counted[name] = self._folded.count(name, begin, at + _AROUND)
        return self._counted[name]

    def _of_span(self, record: Measure | Problem | Suggestion) -> Iterator[str]:
        yield record.rule
        yield from (f"flag.{flag}" for flag in record.flags if flag not in _FLAG_FEATURES)
        yield from _of_words(self._text[record.start : record.end].strip())
        if isinstance(record, Measure):
            yield f"specificity.{record.specificity}"
            yield f"modality.{record.modality}"
            if not record.actors:
                yield "actors.none"
        slot = self._slot(record.start)
        yield f"slot.{slot.slot}" if slot is not None else "slot.none"

    def _slot(self, at: int) -> SectionRecord | None:
        """Return the innermost section with a slot that holds this place."""
        index = bisect_right(self._starts, at)
        inside = (s for s in reversed(self._sections[:index]) if s.end > at)
        return next(inside, None)


def _of_words(said: str) -> Iterator[str]:
    """What the words of a measure, problem or suggestion show of its borders."""
    if len(said) < _SHORT:
        yield "span.short"
    if len(said) > _LONG:
        yield "span.long"
    if said[-1:] not in "。；;.”":
        yield "span.open"
    if _ORDINAL.match(said):
        yield "span.numbered"
    if "\n" in said:
        yield "span.lines"
    if _INNER_MARK.search(said, _MARK_LENGTH):
        yield "span.inner_mark"
    if _SANCTION.search(said):
        yield "span.sanction"
    if _TELLING.search(said):
        yield "span.telling"
