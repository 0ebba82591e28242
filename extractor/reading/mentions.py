"""Whom words name: a party, a list of parties, or words that stand for one.

Written forms: 张三, A公司安全员张三, 张三（A公司总经理）, A局、B镇政府, 2名责任人员. 其, 该公司,
你单位, 事故单位, 上述两家单位, 以上3人 stand for parties named before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from extractor.reading.names import (
    MASKED,
    count_of,
    counted_group,
    enterprise_end,
    is_organisation,
    is_person_name,
    organisation_end,
    split_list,
    split_position,
    trailing_name,
    unit_then_name,
    whole_titles,
    words,
)
from extractor.reading.roster import PartyDraft, Roster
from extractor.rules import load_toml
from extractor.view import View

_ABOVE = re.compile(
    r"(?:以上|上述|前述)(?:(?P<count>\d{1,2}|[二两三四五六七八九十]{1,3})(?:名|个|家|人)?)?(?:有关|相关|责任)?"
    r"(?:人员|人|同志|单位|企业|公司|部门|责任人|责任人员|当事人|责任单位)?"
)
_TOGETHER = re.compile(r"(?:上述|以上)?(?P<count>[二两三四五]|\d)(?:名|个)?(?:人|公司|单位|企业)")
_NAMED_BEFORE = re.compile(r"(?:相关|上述|以上|两家|涉事|前述)(?:企业|单位|公司)")
_SHORT_FOR = re.compile(r"（(?:以下)?(?:简称|统称|称)[^（）]{1,30}）$")
THAT_PARTY = re.compile(
    r"[该你][\u4e00-\u9fff]{0,6}(?:公司|单位|企业|集团|厂|矿|局|所|站|镇|街道|部门|政府|中心|合作社|经营部|服务部|[店部社院校户行]|作坊|机构|项目部|同志|人)"
)
_ROLE_BEFORE = re.compile(
    r"(?:施工|建设|监理|总包|总承包|分包|劳务|设计|使用|出租|承租|产权|维保|承运|托运)(?:单位|企业|方)(?=[^，。；：]{4})|死者"
)
_ROLE_ALONE = re.compile(
    r"(?:施工|建设|监理|总包|总承包|分包|劳务|设计|使用|出租|承租|产权|维保|责任|事故|业主|生产|经营)(?:单位|企业|方)$"
)
_BRACKETED = re.compile(r"(?P<head>[^（）]{2,40})（(?P<inside>[^（）]{2,40})）")
_BEHAVIOUR = re.compile(
    r"(?:的|在[^，。；]{2,20}(?:中|方面))?(?:上述|有关|相关)?(?:违法|违规|失职|履职|履责|涉嫌)[^，。；]{0,12}(?:行为|方面|问题)$|存在的?[^，。；]{0,6}问题$"
    r"|等(?:\d{1,2}|[二三四五六七八九十]{1,2})(?:名|人)[^，。；]{2,40}(?:行为|方面|问题)?$"
)
_DESCRIBED = re.compile(
    r"(?:涉嫌|负有|负|擅自|违反|违规|组织|参与|提供|直接|主要)[^，。；的]{2,24}的(?P<name>[\u4e00-\u9fff某*×xX]{2,3})"
)
_SOME = re.compile(r"其?(?:有关|相关|其他|各|全体|所有|上述|以上)")


@dataclass(slots=True)
class Scope:
    """What the words of an item may refer back to."""

    subject: tuple[PartyDraft, ...]
    last: tuple[PartyDraft, ...] = ()
    accident_unit: str | None = None
    organ: tuple[str, int, int] | None = None
    organ_group: str | None = None
    basis: list[str] = field(default_factory=list)
    basis_at: tuple[int, int] | None = None
    item_start: int = 0
    shared: tuple[PartyDraft, ...] = ()
    unread: tuple[int, int] | None = None
    listed: tuple[PartyDraft, ...] = ()
    recent: list[PartyDraft] = field(default_factory=list)
    prose: bool = False
    subject_at: int = 0
    sentence: int = 0
    before: int = 0
    rule: str = "penalty.subject"
    reference: tuple[int, int] | None = None

    def assumed(self) -> tuple[PartyDraft, ...]:
        """Whom a sanction without target words falls on; in prose only the sentence's own."""
        if self.prose and not self.last and self.subject_at < self.before:
            return ()
        if self.prose and any(party.kind == "group" for party in self.last):
            return ()
        return self.last or self.subject

    def referent(self) -> tuple[PartyDraft, ...]:
        """Whom 其 and 该公司 stand for: the party named last, else the subject."""
        return self.last or self.subject


@cache
def _classes() -> re.Pattern[str]:
    return re.compile(str(load_toml("names.toml")["classes"]))


@cache
def _anaphora() -> frozenset[str]:
    return frozenset(words("anaphora"))


@cache
def _accident_unit_words() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, words("accident_unit"))))


def stands_for_a_party(said: str) -> bool:
    """Tell whether the words behind 对 do not name a party but stand for one: 其, 该公司."""
    words_used = (THAT_PARTY, _accident_unit_words())
    return said in _anaphora() or any(pattern.fullmatch(said) for pattern in words_used)


def without_behaviour(words_used: str) -> str:
    """Return a target without what it did: A公司的违法行为, A公司存在的问题, 张三履职方面."""
    return _BEHAVIOUR.sub("", words_used)


def resolve(
    view: View, roster: Roster, scope: Scope, start: int, end: int, *, new: bool
) -> tuple[PartyDraft, ...] | None:
    """Return the parties that `view.text[start:end]` names; () for words that name none.

    None means a class of people or units without names. `new` allows a person who has not been
    named before.
    """
    text = without_behaviour(view.text[start:end].strip('“”"')).removesuffix("同志")
    above = _ABOVE.fullmatch(text)
    if above is not None:
        return _named_above(scope, above)
    together = _named_together(scope, text)
    if together:
        return together
    if text in _anaphora() or THAT_PARTY.fullmatch(text):
        return _unit_before(view, roster, scope, text, start) or scope.referent()
    named_before = _NAMED_BEFORE.match(text)
    if named_before and scope.subject and all(p.kind == "organization" for p in scope.subject):
        return scope.subject
    group = counted_party(roster, text, start, end)
    if group is not None:
        return (group,)
    unit = _accident_unit_words().match(text)
    if unit is not None and unit.end() < len(text):
        return resolve(view, roster, scope, start + unit.end(), end, new=new)
    if unit is not None:
        return _accident_unit(view, roster, scope, start, end)
    return _listed(view, roster, scope, start, end, new=new)


def _listed(
    view: View, roster: Roster, scope: Scope, start: int, end: int, *, new: bool
) -> tuple[PartyDraft, ...] | None:
    """Return the parties of a list, one element after the other."""
    text = without_behaviour(view.text[start:end].strip('“”"')).removesuffix("同志")
    drafts: list[PartyDraft] = []
    at = start
    parts = whole_titles(split_list(text.replace("，", "、")), roster.text)
    for number, part in enumerate(parts):
        begin = view.text.find(part, at, end)
        if begin < 0:
            continue
        at = begin + len(part)
        known = new or any(each.kind == "person" for each in drafts)
        draft = _one(view, roster, scope, _Part(part, begin, tuple(parts[:number])), new=known)
        if draft is not None:
            drafts.append(draft)
    if drafts:
        return tuple(drafts)
    return None if _classes().search(text) else ()


def _accident_unit(
    view: View, roster: Roster, scope: Scope, start: int, end: int
) -> tuple[PartyDraft, ...]:
    """Return the unit for which 事故单位 stands; the one subject where no other is known."""
    name = _unit_of_accident(view, roster, start) or scope.accident_unit
    if name is None and len(scope.subject) == 1:
        name = scope.subject[0].name if scope.subject[0].kind == "organization" else None
    if name is None:
        return ()
    return (roster.organisation(name, (start, end), printed=view.text[start:end]),)


def _named_together(scope: Scope, text: str) -> tuple[PartyDraft, ...]:
    """Return whom 二人 means: the subjects, else those named last in the sentence."""
    together = _TOGETHER.fullmatch(text)
    if together is None:
        return ()
    count = count_of(together.group("count") + "人")
    if len(scope.subject) == count:
        return scope.subject
    last = list(dict.fromkeys(map(id, reversed(scope.recent))))
    if count is None or len(last) < count:
        return ()
    return tuple({id(p): p for p in scope.recent if id(p) in last[:count]}.values())


def _named_above(scope: Scope, above: re.Match[str]) -> tuple[PartyDraft, ...] | None:
    """Return whom 上述两家单位 or 以上3人 means: the subjects, else those of the list before.

    None where the count is not theirs.
    """
    count = count_of(above.group("count") + "人") if above.group("count") else None
    for parties in (scope.subject, scope.listed):
        if len(parties) == count or (count is None and len(parties) > 1):
            return parties
    return scope.referent() if count is None and scope.referent() else None


def _unit_before(
    view: View, roster: Roster, scope: Scope, text: str, at: int
) -> tuple[PartyDraft, ...]:
    """Return the enterprise named last before 该公司, where the item has none of its own."""
    if not text.startswith("该") or any(enterprise_end().search(p.name) for p in scope.subject):
        return ()
    last = None
    for printed, start, end in roster.find_known(scope.item_start, at):
        if enterprise_end().search(roster.alias_of.get(printed, printed)):
            last = (printed, start, end)
    return (roster.organisation(last[0], (at, at + len(text)), printed=text),) if last else ()


def _unit_of_accident(view: View, roster: Roster, at: int) -> str | None:
    """Return the unit that the same sentence names before the accident: A公司“12·4”爆炸事故….”"""
    sentence = max(view.text.rfind(mark, 0, at) for mark in "。；\n") + 1
    name = None
    for printed, _, stop in roster.find_known(sentence, at):
        if view.text[stop : stop + 1] in '“"':
            name = printed
    return name


@dataclass(frozen=True, slots=True)
class _Part:
    """One element of a list: its words, where they stand, and the elements before it."""

    text: str
    at: int
    before: tuple[str, ...]


def counted_party(roster: Roster, text: str, start: int, end: int) -> PartyDraft | None:
    """Return the group that the words count (2名责任人员), None when they count none."""
    found = counted_group(text)
    if found is None:
        return None
    words_used = text[found[0] :]
    draft = roster.group(words_used, count_of(words_used), (start + found[0], end))
    draft.employer = found[1]
    return draft


def _one(view: View, roster: Roster, scope: Scope, part: _Part, *, new: bool) -> PartyDraft | None:
    """Return the party that one element of a list names, None when it names none."""
    role = _ROLE_BEFORE.match(part.text)
    if role is not None:
        part = _Part(part.text[role.end() :], part.at + role.end(), part.before)
    in_brackets = _name_and_post(roster, part)
    if in_brackets is not None:
        return in_brackets
    words_used = _SHORT_FOR.sub("", part.text).removesuffix("同志")
    whole = words_used in roster.organisations or is_organisation(words_used)
    bare = words_used if whole else re.sub(r"（[^（）]{0,30}）", "", words_used)
    if _SOME.match(bare):
        return None
    place = (part.at, part.at + len(bare))
    if bare in _anaphora() or THAT_PARTY.fullmatch(bare):
        return scope.referent()[0] if scope.referent() else None
    if bare in roster.organisations or bare in roster.alias_of:
        return roster.organisation(bare, place)
    if roster.known_person(bare) is not None:
        return roster.person(bare, place)
    described = _DESCRIBED.fullmatch(bare) if new else None
    if described is not None and is_person_name(described.group("name")):
        at = part.at + described.start("name")
        return roster.person(described.group("name"), (at, at + len(described.group("name"))))
    titled = _titled(roster, scope, part)
    if titled is not None or _classes().search(bare):
        return titled
    return _unknown(roster, part, bare, new=new)


def _name_and_post(roster: Roster, part: _Part) -> PartyDraft | None:
    """Read 张三（A公司总经理） and A公司总经理（张三）."""
    match = _BRACKETED.fullmatch(part.text)
    if match is None:
        return None
    head, inside = match.group("head"), match.group("inside")
    if _ROLE_ALONE.search(head) is not None and is_organisation(inside):
        at = part.at + match.start("inside")
        return roster.organisation(inside, (at, at + len(inside)))
    for name, place, post in ((head, "head", inside), (inside, "inside", head)):
        position = split_position(post)
        if position.title is not None and is_person_name(name) and not is_organisation(name):
            at = part.at + match.start(place)
            return roster.person(
                name, (at, at + len(name)), title=position.title, employer=position.employer
            )
    return None


def _unknown(roster: Roster, part: _Part, bare: str, *, new: bool) -> PartyDraft | None:
    """Return the party of an element that is not known by itself: by its end, or by its shape."""
    place = (part.at, part.at + len(bare))
    known = [f for f in roster.find_known(part.at, place[1]) if f[2] == place[1]]
    if known and known[0][1] > part.at:
        return roster.organisation(known[0][0], known[0][1:])
    if is_organisation(bare) or (part.before and organisation_end().fullmatch(bare)):
        return roster.listed_organisation(bare, place, part.before)
    behind = unit_then_name(bare) if new else None
    if behind is not None:
        unit, at = bare[: behind[1]], part.at + behind[1]
        return roster.person(behind[0], (at, at + len(behind[0])), employer=unit)
    if roster.proposals.proposes(*place):
        return roster.person(bare, place)
    if new and is_person_name(bare) and (len(bare) <= 3 or MASKED.fullmatch(bare)):
        return roster.person(bare, place)
    return None


def _titled(roster: Roster, scope: Scope, part: _Part) -> PartyDraft | None:
    """Read ORG+TITLE+NAME; 该公司 as employer stands for the party named before."""
    named = trailing_name(part.text, roster.text)
    if named is None:
        return None
    position = split_position(part.text[: named[1]])
    employer = position.employer
    if employer and employer[0] in "该其":
        units = [name for name in part.before if is_organisation(name)]
        before = scope.referent()[0].name if scope.referent() else employer
        employer = units[-1] if units else before
    at = part.at + named[1]
    return roster.person(
        named[0], (at, at + len(named[0])), title=position.title, employer=employer
    )
