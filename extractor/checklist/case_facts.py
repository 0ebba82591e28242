"""What a document says of the accident that it belongs to, and the keys by which it is found.

Places are stems: 长沙市 and 湖南长沙 are both 长沙. Units are without place and legal form, so that
吉林省某某电力工程有限公司 and 某某电力工程公司 are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from extractor.extraction import Accident, DocumentKind, Extraction, Record
from extractor.rules import load_toml
from extractor.view import squeeze

_AREA = re.compile(r"([^\W\d_省市县区]{1,8})(自治州|自治县|省|市|县|区|旗)")
_BELOW = re.compile(r".*(?:街道|镇|乡|公路|高速|国道|省道|路|政府|与|和|、)")
_OTHER_SIGNS = re.compile(r"[\W_]+")
_MARK = re.compile(r"(?:\d{4}[.·•．年])?(\d{1,2})\s*[.·•．\-—－・‧∙月]\s*(\d{1,2})日?")
_BEFORE_MARK = re.compile(r"[“”\"'‘’＂]|\d{1,2}[.·•．\-]")
_SHORT, _LONG_NAME = 4, 8


class CaseFacts(Record):
    """What one document says of its accident; empty where it says nothing.

    `mark` is month·day of the mark, else of the date. `counties` are places of one level, so that
    two documents with different ones are about different accidents; `places` are all places.
    `number` is set only where it stands for this case; `cites` are the numbers of others.
    """

    document: str
    kind: DocumentKind
    title: str | None = None
    number: str | None = None
    cites: tuple[str, ...] = ()
    reply: str | None = None
    name: str | None = None
    mark: str | None = None
    date: str | None = None
    units: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    counties: tuple[str, ...] = ()

    @property
    def year(self) -> str | None:
        """The year of the accident, four digits."""
        return self.date[:4] if self.date else None

    @property
    def plain_name(self) -> str | None:
        """The name without marks of punctuation, grade and fillers; None if it says too little."""
        if self.name is None:
            return None
        rest = _strip(squeeze(self.name), tuple(_rules()["fillers"]))
        plain = _OTHER_SIGNS.sub("", _MARK.sub(lambda m: f"{int(m[1])}月{int(m[2])}日", rest))
        return plain if len(plain) >= _LONG_NAME else None

    @property
    def says_nothing(self) -> bool:
        """True when the document says of no accident what it is called or when it happened."""
        return not (self.name or self.mark or self.date)


@cache
def _rules() -> dict[str, Any]:
    return load_toml("grouping.toml")


def kind_label(kind: DocumentKind) -> str:
    """Return the Chinese word for a kind of document."""
    label: str = _rules()["kind_labels"][kind]
    return label


def case_facts(extraction: Extraction) -> CaseFacts:
    """Return what an extraction says of the accident that its document belongs to."""
    record, accident = extraction.document, extraction.accident
    own = record.number
    stands = record.kind in _rules()["case_kinds"] or accident is not None
    numbers = {each.id: each for each in extraction.document_numbers}
    cites = {
        each.normal
        for each in numbers.values()
        if each.kind in _rules()["number_kinds"]
        and not set(each.flags) & set(_rules()["number_flags"])
        and each.normal != own
    }
    evaluation = extraction.evaluation
    reply = numbers.get(evaluation.reply_number or "") if evaluation is not None else None
    named = accident.name if accident is not None else None
    places = _places(filter(None, (record.title, named, record.issuer)))
    counties: frozenset[str] = frozenset()
    if accident is not None:
        stated = [text for text in (named, accident.place) if text]
        counties = frozenset(_counties(stated))
        places |= _places(iter(stated))
    return CaseFacts(
        document=record.id,
        kind=record.kind,
        title=record.title,
        number=own if stands else None,
        cites=tuple(sorted(cites)),
        reply=reply.normal if reply is not None else None,
        name=named,
        mark=_mark(accident),
        date=accident.date if accident is not None else None,
        units=tuple(sorted(_units(extraction))),
        places=tuple(sorted(places | counties)),
        counties=tuple(sorted(counties)),
    )


def _mark(accident: Accident | None) -> str | None:
    if accident is None:
        return None
    if accident.mark:
        found = _MARK.search(accident.mark)
        return f"{int(found[1])}·{int(found[2])}" if found else accident.mark
    if accident.date and len(accident.date) == len("2019-07-12"):
        return f"{int(accident.date[5:7])}·{int(accident.date[8:])}"
    return None


def _areas(text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield each place of a text: its stem, its sign (市, 县, 区), and if a 市 stands before it."""
    city_end = -1
    for found in _AREA.finditer(squeeze(text)):
        stem, sign = _BELOW.sub("", found[1]), found[2]
        for opener in _rules()["openers"]:
            stem = stem.removeprefix(opener)
        if not stem or stem in _rules()["pointers"]:
            continue
        if not stem.endswith(tuple(_rules()["not_places"])):
            yield stem, sign, found.start() == city_end
        if sign == "市":
            city_end = found.end()


def _zone(stem: str, sign: str) -> str | None:
    """Return the place of a development zone (滨州高新区 → 滨州), None when it is none."""
    ends = (end for end in _rules()["zones"] if sign == "区" and stem.endswith(end))
    end = next(ends, None)
    return None if end is None else stem.removesuffix(end)


def _counties(texts: list[str]) -> Iterator[str]:
    """Yield the counties, districts and county-level cities (the second 市) that are stated."""
    for text in texts:
        for stem, sign, in_city in _areas(text):
            if _zone(stem, sign) is not None or sign in ("省", "自治州"):
                continue
            if (sign == "市" and not in_city) or len(stem) > _SHORT:
                continue
            yield stem if len(stem) > 1 else stem + sign


def _places(texts: Iterator[str]) -> frozenset[str]:
    found: set[str] = set()
    for text in texts:
        for stem, sign, _ in _areas(text):
            zone = _zone(stem, sign)
            place = stem if zone is None else zone
            if sign != "省":
                found.add(place if len(place) > 1 else place + sign)
        found |= set(_bare_places(squeeze(text)))
    provinces = set(_rules()["provinces"]) - {"北京", "天津", "上海", "重庆"}
    return frozenset(place for place in found if place not in provinces and len(place) > 1)


def _bare_places(text: str) -> Iterator[str]:
    """Yield places without a sign: 湖南长沙“4·29” → 长沙; 宁陕“11·24” → 宁陕."""
    head = _BEFORE_MARK.split(text, maxsplit=1)[0]
    if head == text:
        return
    for province in _rules()["provinces"]:
        at = head.find(province)
        rest = head[at + len(province) :].removeprefix("省") if at >= 0 else ""
        if 2 <= len(rest) <= _SHORT:
            yield rest
    if 2 <= len(head) <= _SHORT and not head.endswith(tuple("省市县区")):
        yield head


def _units(extraction: Extraction) -> frozenset[str]:
    """Return the accident's units; of a decision on a penalty, those that it is against."""
    accident = extraction.accident
    named = squeeze((accident.name if accident is not None else None) or "")
    units = {_bare_unit(_unit_in(named))}
    for party in extraction.parties:
        if party.kind != "organization":
            continue
        names = [squeeze(name) for name in (party.name, *party.aliases)]
        if extraction.document.kind == "PEN" or any(len(n) > 3 and n in named for n in names):
            units.add(_bare_unit(names[0]))
    return frozenset(unit for unit in units if len(unit) > 2)


def _unit_in(name: str) -> str:
    head = _BEFORE_MARK.split(name, maxsplit=1)[0]
    ends = [head.rfind(word) + len(word) for word in _rules()["units"] if word in head]
    return head[: max(ends)] if ends else ""


def _bare_unit(unit: str) -> str:
    """Return the name without places before it and without its legal form."""
    last = 0
    for found in _AREA.finditer(unit):
        if found.start() != last or found.end() >= len(unit) - 2:
            break
        last = found.end()
    return _strip(unit[last:], tuple(_rules()["legal_forms"]))


def _strip(text: str, words: tuple[str, ...]) -> str:
    for word in words:
        text = text.replace(word, "")
    return text


def own_keys(facts: CaseFacts) -> frozenset[str]:
    """Return the keys under which a document is to be found; their number is bounded by its facts.

    Two documents can only belong together when one's `own_keys` meet the other's `search_keys`.
    """
    keys = {f"cites:{number}" for number in facts.cites}
    if facts.number:
        keys.add(f"number:{facts.number}")
    return frozenset(keys | fact_keys(facts))


def search_keys(facts: CaseFacts) -> frozenset[str]:
    """Return the keys of the documents that may belong to the same accident as this one."""
    keys = {f"number:{number}" for number in facts.cites}
    if facts.number:
        keys |= {f"number:{facts.number}", f"cites:{facts.number}"}
    return frozenset(keys | fact_keys(facts))


def fact_keys(facts: CaseFacts) -> frozenset[str]:
    """Return the keys that documents of one accident have in common, strongest kind first."""
    keys = set()
    if facts.reply:
        keys.add(f"reply:{facts.reply}")
    if name := facts.plain_name:
        keys.add(f"name:{name}")
    if facts.date:
        keys |= {f"unit:{facts.date}|{unit}" for unit in facts.units}
    if facts.mark:
        keys |= {f"mark:{facts.mark}|{place}" for place in facts.places}
    return frozenset(keys)
