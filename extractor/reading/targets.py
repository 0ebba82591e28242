"""On whom a sanction falls: the words around the cue.

Written forms of the target: 对X处…, 给予X…, 责令X作出…, 责成X、Y向Z作出…, 将X移送…, and none at all
(the subject of the item). 其, 该公司, 事故单位 stand for a party named before.
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
    name_before_post,
    organisation_end,
    split_list,
    split_position,
    trailing_name,
    unit_then_name,
    words,
)
from extractor.reading.roster import PartyDraft, Roster
from extractor.reading.sanctions import Cue
from extractor.rules import load_toml
from extractor.view import View

_CLUES = (
    r"(?:其|相关|有关|上述|该)?(?:涉嫌)?(?:违纪违法|违纪|违法|职务违法|履职|失职|渎职|腐败|职务犯罪)?"
    r"(?:等)?(?:问题)?的?(?:问题)?线索"
)
_INTRODUCER = re.compile(
    rf"对(?![外此于]|(?:此次|本次|该|这起|这次)?事故(?:的)?(?:发生(?!单位)|负|承担|结果|后果|造成)|其他)|给予|给与|责令|责成|(?:建议)?将(?!{_CLUES})|与(?=[\u4e00-\u9fff]{{2,16}}解除)|吊销|撤销|暂扣|注销"
)
_TARGET_END = re.compile(
    r"[，。；：]|依法|依规|依纪|依照|按照?|根据|依据|分别|各(?=处|给|罚)|以下|如下|处(?=以|罚|其|上一|人民币|￥|\d|[一二两三四五六七八九十百壹贰叁肆伍陆柒捌玖拾]|$)|给予|给与|进行|予以|实施|作出|做出|写出|"
    r"作(?=深刻|书面|检查)|于(?=\d|[本收])|自(?=本|收|批)|在(?=\d|本|收|全[市县区省国]|系统|[^，。；]{0,8}范围|$)|扣[发罚除减]|限期|采取|罚款|向|批评教育|诫[勉免]|立案|移送|移交|开展|不再|不予|免于|免予|免除|由(?!于)|记(?=不良)|上一年|下达|警示|通报|党内|政务|行政(?!执法|审批|管理|综合)|"
    r"记过|记大过|警告|严重警告|降级|撤职|开除|撤销|解除|降为|调离|判处|留党|留用|免职|停职|提起|列入|纳入|相应|严肃|因|记入|计入|录入|另案|的[^，]{0,12}(?:证|执照|资格|许可)|的(?:违法|违规|问题|有关|相关|主要)"
)
_OWNER = re.compile(
    r"(?:吊销|注销|撤销|暂扣|取消|没收)(?P<owner>[^，。；的]{2,36}?)"
    r"(?:的|(?:(?<=公司)|(?<=[厂矿店站部社行]))(?=\d{4}年|年度|违法|非法|营业|安全生产许可|资质证|[^，。；]{0,12}(?:证|执照|许可)))"
)
_REMOVED = re.compile(r"免去|免除|撤销")
_ABOVE = re.compile(
    r"(?:以上|上述|前述)(?:(?P<count>\d{1,2}|[二两三四五六七八九十]{1,3})(?:名|个|家|人)?)?(?:有关|相关|责任)?"
    r"(?:人员|人|同志|单位|企业|公司|部门|责任人|责任人员|当事人|责任单位)?"
)
_TOGETHER = re.compile(r"(?:上述|以上)?(?P<count>[二两三四五]|\d)(?:名|个)?(?:人|公司|单位|企业)")
_NAMED_BEFORE = re.compile(r"(?:相关|上述|以上|两家|涉事|前述)(?:企业|单位|公司)")
_SHORT_FOR = re.compile(r"（(?:以下)?(?:简称|统称|称)[^（）]{1,30}）$")
_THAT = re.compile(
    r"[该你][\u4e00-\u9fff]{0,6}(?:公司|单位|企业|集团|厂|矿|局|所|站|镇|街道|部门|政府|中心|合作社|经营部|服务部|[店部社院校户行]|作坊|机构|项目部|同志|人)"
)
_ROLE_BEFORE = re.compile(
    r"(?:施工|建设|监理|总包|总承包|分包|劳务|设计|使用|出租|承租|产权|维保|承运|托运)(?:单位|企业|方)(?=[^，。；：]{4})|死者"
)
_BRACKETED = re.compile(r"(?P<head>[^（）]{2,40})（(?P<inside>[^（）]{2,40})）")
_BEHAVIOUR = re.compile(
    r"(?:的|在[^，。；]{2,20}(?:中|方面))?(?:上述|有关|相关)?(?:违法|违规|失职|履职|履责|涉嫌)[^，。；]{0,12}(?:行为|方面|问题)$"
)
_SOME = re.compile(r"其?(?:有关|相关|其他|各|全体|所有|上述|以上)")
_SENTENCED = re.compile(r"判处(?P<owner>[^，。；]{1,12}?)(?=有期|无期|拘役|管制|死刑|罚金)")
_INTERVIEWED = re.compile(
    r"约谈(?P<owner>[^，。；]{1,30}?)(?:党政)?(?:主要|相关|有关|分管)?(?:负责人|领导|负责同志)"
)
_PAY_OF = re.compile(
    r"扣[发罚除减](?P<owner>[\u4e00-\u9fff*某×xX]{2,3}?)"
    r"(?=[一二三四五六七八九十半\d]{1,2}个?[月年]|\d{4}年|当月|全年|年度|绩效|奖金)"
)
_POST_OF = re.compile(r"(?:免去|免除|撤销)(?P<owner>[^，。；]{4,24}?)的职务")
_DIVIDER = re.compile(
    r"受到|被|受(?=党|政|诫|到)|由|已|均|分别|于(?=\d)|因|涉嫌|犯(?=[\u4e00-\u9fff]{2,14}罪)|向|也|将|严重|违反|记(?=不良)"
)
_SHORT_TARGET = re.compile(r"[\u4e00-\u9fff]{2,6}")
_NAME = 3
_OF_PERSONS = ("crim.", "party.", "gov.", "org.", "internal.", "context:")
_SUFFERS = frozenset({"受到", "被", "受", "由", "犯", "涉嫌", "因"})
_DISPOSES = re.compile(
    r"建议|责成|责令|依据|根据|按照|依照|由(?!于)|给予|处以|处(?=\d|上一年)|鉴于"
)


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
    rule: str = "penalty.subject"
    reference: tuple[int, int] | None = None

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
def _fillers() -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(map(re.escape, words('fillers')))}){{1,4}}")


@cache
def _accident_unit_words() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, words("accident_unit"))))


def find_targets(
    view: View, roster: Roster, scope: Scope, start: int, cue: Cue
) -> tuple[PartyDraft, ...] | None:
    """Return the parties that the words in `view.text[start:cue.start]` put under the cue.

    None when they name a class without names (相关责任人员): then there is no record. Without any
    target words the subject of the item is meant. `scope.rule` says how they were found.
    """
    found = _find(view, roster, scope, start, cue)
    scope.recent.extend(found or ())
    return found


def _find(
    view: View, roster: Roster, scope: Scope, start: int, cue: Cue
) -> tuple[PartyDraft, ...] | None:
    text = view.text
    clause = max(start, max(text.rfind(mark, start, cue.start) for mark in "，；：") + 1)
    best = _owner_inside(view, roster, scope, cue)
    scope.last = best or scope.last
    scope.rule, scope.reference = "penalty.inside", None
    saw_class = False
    scope.unread = None
    disposes = _DISPOSES.search(text, start, cue.start)
    for intro in _INTRODUCER.finditer(text, start, cue.end):
        if intro.start() >= cue.start and intro.group() != "对":
            continue
        limit = cue.start if intro.start() < cue.start else cue.end
        end_match = _TARGET_END.search(text, intro.end(), limit)
        end = end_match.start() if end_match else limit
        if end - intro.end() < 1 or _names_the_organ(intro.group(), text, end, cue):
            continue
        told = disposes is not None and intro.start() >= disposes.start()
        if not told and intro.start() < clause and not _stands_alone(intro, text, end):
            continue
        found = resolve(view, roster, scope, intro.end(), end, new=intro.start() >= clause)
        if found:
            best, saw_class = found, False
            scope.last = found
            refers = _stands_for_a_party(text[intro.end() : end])
            scope.rule = "penalty.reference" if refers else "penalty.target"
            scope.reference = (intro.end(), end) if refers else None
        elif intro.start() >= clause and (found is None or _names_somebody(intro, text, end)):
            saw_class = True
            scope.unread = None if found is None else (intro.start(), cue.end)
    if best:
        return best
    if saw_class:
        return None
    named = _subject_of_clause(view, roster, scope, clause, cue)
    if not named and _names_a_stranger(text, roster, clause, cue):
        scope.unread = (clause, cue.end)
        return None
    scope.rule = "penalty.clause" if named else _rule_behind(scope)
    scope.last = named or scope.last
    scope.shared = named or scope.shared
    return named or scope.referent()


def _stands_for_a_party(said: str) -> bool:
    """Tell whether the words behind 对 do not name a party but stand for one: 其, 该公司."""
    words_used = (_THAT, _accident_unit_words())
    return said in _anaphora() or any(pattern.fullmatch(said) for pattern in words_used)


def _rule_behind(scope: Scope) -> str:
    """Return the rule for a sanction without target words: the party named last, or the item's."""
    return "penalty.carried" if scope.last and scope.last != scope.subject else "penalty.subject"


def _names_somebody(intro: re.Match[str], text: str, end: int) -> bool:
    """Tell whether 对X处… names a party that cannot be read: then nobody else is meant either."""
    return intro.group() == "对" and _SHORT_TARGET.fullmatch(text, intro.end(), end) is not None


def _names_a_stranger(text: str, roster: Roster, clause: int, cue: Cue) -> bool:
    """Tell whether nothing but an unknown name stands before the cue: 张三被拘留，李四取保候审.

    Then the party named before is not meant. 予以, 变更为 and the like are no name.
    """
    said = text[clause : cue.start]
    if not cue.kind.startswith(_OF_PERSONS):
        return False
    if not is_person_name(said) or roster.known_person(said) is not None or len(said) > _NAME:
        return False
    return _fillers().fullmatch(said) is None


def _stands_alone(intro: re.Match[str], text: str, end: int) -> bool:
    """Tell whether 对X， names a party and nothing more (对A公司，除…外，对其罚款)."""
    name = text[intro.end() : end]
    alone = is_organisation(name) or is_person_name(name) or counted_group(name) is not None
    alone = alone or trailing_name(name) is not None
    return intro.group() == "对" and text[end : end + 1] == "，" and alone


def _names_the_organ(intro: str, text: str, end: int, cue: Cue) -> bool:
    """责成X给予…, 责成X吊销…: X imposes; 责成X向Y作出检查: X is the one sanctioned."""
    return intro == "责成" and not (text[end : end + 1] == "向" or cue.kind.endswith("criticism"))


def _owner_inside(
    view: View, roster: Roster, scope: Scope, cue: Cue
) -> tuple[PartyDraft, ...] | None:
    """Read the party that the cue itself holds.

    吊销X的许可证, 撤销X道路运输证, 免去张三科长职务, 判处李四有期徒刑, 扣发王五绩效,
    约谈X主要负责人.
    """
    for form in (_OWNER, _SENTENCED, _POST_OF, _PAY_OF, _INTERVIEWED):
        behind = 40 if form is _INTERVIEWED else 0
        match = form.match(view.text, cue.start, cue.end + behind)
        if match is not None:
            found = resolve(view, roster, scope, *match.span("owner"), new=form is _SENTENCED)
            if found:
                return found
    if cue.kind.startswith("admin.license"):
        known = next(roster.find_known(cue.start, cue.end), None)
        return (roster.organisation(known[0], known[1:]),) if known else None
    removed = _REMOVED.match(view.text, cue.start, cue.end)
    if removed is None or not cue.kind.startswith("context:"):
        return None
    at = removed.end()
    for length in (4, 3, 2):
        name = view.text[at : at + length]
        if roster.known_person(name) is not None or name_before_post(
            view.text, at, at + length, cue.end
        ):
            return (roster.person(name, (at, at + length)),)
    return None


def _subject_of_clause(
    view: View, roster: Roster, scope: Scope, clause: int, cue: Cue
) -> tuple[PartyDraft, ...]:
    """Read the party that is the subject of the cue's own clause.

    镇长张三受到…, A公司被…, 网格员李四由镇党委给予…, A局、B局已分别向…作出…, and right before the
    cue (给予张三记过，所长李四、科员王五警告). A unit is only taken where it cannot be the one who
    imposes.
    """
    clause += len("建议") if view.text.startswith("建议", clause) else 0
    divider = _DIVIDER.search(view.text, clause, cue.start)
    end = divider.start() if divider else cue.start
    if end - clause < 2:
        return ()
    if not scope.subject or divider is not None:
        group = _counted(roster, view.text[clause:end], clause, end)
        if group is not None:
            return (group,)
    suffers = divider is not None and divider.group() in _SUFFERS
    if not _reads_as_parties(view.text[clause:end], roster):
        return ()
    found = resolve(view, roster, scope, clause, end, new=suffers) or ()
    units = any(draft.kind == "organization" for draft in found)
    if units and not (suffers or cue.kind.endswith("self_criticism")):
        return ()
    return found


def _reads_as_parties(text: str, roster: Roster) -> bool:
    """Tell whether every element of the words is a party: ORG, ORG+TITLE+NAME, a known name."""
    return all(
        _THAT.fullmatch(part)
        or part in roster.organisations
        or part in roster.alias_of
        or roster.known_person(part) is not None
        or is_organisation(part)
        or trailing_name(part, roster.text) is not None
        or MASKED.fullmatch(part)
        or is_person_name(part)
        for part in split_list(text)
    )


def resolve(
    view: View, roster: Roster, scope: Scope, start: int, end: int, *, new: bool
) -> tuple[PartyDraft, ...] | None:
    """Return the parties that `view.text[start:end]` names; () for words that name none.

    None means a class of people or units without names. `new` allows a person who has not been
    named before.
    """
    text = _BEHAVIOUR.sub("", view.text[start:end].strip('“”"')).removesuffix("同志")
    above = _ABOVE.fullmatch(text)
    if above is not None:
        return _named_above(scope, above)
    together = _TOGETHER.fullmatch(text)
    if together is not None:
        count = count_of(together.group("count") + "人")
        if len(scope.subject) == count:
            return scope.subject
        recent = list(dict.fromkeys(map(id, reversed(scope.recent))))
        if count is not None and len(recent) >= count:
            last = [p for p in scope.recent if id(p) in recent[:count]]
            return tuple({id(p): p for p in last}.values())
    if text in _anaphora() or _THAT.fullmatch(text):
        return _unit_before(view, roster, scope, text, start) or scope.referent()
    named_before = _NAMED_BEFORE.match(text)
    if named_before and scope.subject and all(p.kind == "organization" for p in scope.subject):
        return scope.subject
    group = _counted(roster, text, start, end)
    if group is not None:
        return (group,)
    unit = _accident_unit_words().match(text)
    if unit is not None:
        if unit.end() < len(text):
            return resolve(view, roster, scope, start + unit.end(), end, new=new)
        name = _unit_of_accident(view, roster, start) or scope.accident_unit
        if name is None and len(scope.subject) == 1:
            name = scope.subject[0].name if scope.subject[0].kind == "organization" else None
        return (roster.organisation(name, (start, end), printed=text),) if name else ()
    drafts: list[PartyDraft] = []
    at = start
    parts = split_list(text)
    for number, part in enumerate(parts):
        begin = view.text.find(part, at, end)
        if begin < 0:
            continue
        at = begin + len(part)
        draft = _one(view, roster, scope, _Part(part, begin, tuple(parts[:number])), new=new)
        if draft is not None:
            drafts.append(draft)
    if drafts:
        return tuple(drafts)
    return None if _classes().search(text) else ()


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


def _counted(roster: Roster, text: str, start: int, end: int) -> PartyDraft | None:
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
    if bare in _anaphora() or _THAT.fullmatch(bare):
        return scope.referent()[0] if scope.referent() else None
    if bare in roster.organisations or bare in roster.alias_of:
        return roster.organisation(bare, place)
    if roster.known_person(bare) is not None:
        return roster.person(bare, place)
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
    for name, field, post in ((head, "head", inside), (inside, "inside", head)):
        position = split_position(post)
        if position.title is not None and is_person_name(name) and not is_organisation(name):
            at = part.at + match.start(field)
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
    if bare in roster.proposed_persons:
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
