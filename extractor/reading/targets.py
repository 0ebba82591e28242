"""On whom a sanction falls, and who imposes it: the words around the cue.

Written forms of the target: 对X处…, 给予X…, 责令X作出…, 责成X、Y向Z作出…, 将X移送…, and none at all
(the subject of the item). 其, 该公司, 事故单位 stand for a party named before. Written forms of the
organ: 由X…, 责成X给予…, 建议X对…, 被X刑事拘留, 督促企业….
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

from extractor.reading.names import (
    MASKED,
    count_of,
    enterprise_end,
    is_organisation,
    is_person_name,
    name_before_post,
    split_list,
    split_position,
    trailing_name,
    words,
)
from extractor.reading.roster import PartyDraft, Roster
from extractor.reading.sanctions import Cue
from extractor.rules import load_toml
from extractor.view import View

_INTRODUCER = re.compile(
    r"对(?![外此于]|(?:此次|本次|该|这起|这次)?事故(?:的)?(?:发生|负|承担|结果|后果|造成)|其他)|给予|给与|责令|责成|建议将|将|与(?=[\u4e00-\u9fff]{2,4}解除)|吊销|撤销|暂扣|注销"
)
_TARGET_END = re.compile(
    r"[，。；：]|依法|依规|依纪|依照|按照?|根据|依据|分别|各(?=处|给|罚)|处(?!长|理)|给予|给与|进行|予以|实施|作出|做出|写出|"
    r"作(?=深刻|书面|检查)|于(?=\d|[本收])|自(?=本|收|批)|在(?=\d|本|收)|限期|采取|罚款|向|批评教育|诫[勉免]|立案|移送|移交|上一年|下达|警示|通报|党内|政务|行政(?!执法|审批|管理|综合)|"
    r"记过|记大过|警告|严重警告|降级|撤职|开除|撤销|留党|留用|免职|停职|提起|列入|纳入|相应|严肃|因|的[^，]{0,12}(?:证|执照|资格|许可)|的(?:违法|违规|问题|有关|相关|主要)"
)
_AFTER_COUNT = re.compile(
    r"(?P<count>(?:\d{1,3}|[一二三四五六七八九十]{1,2})(?:名|位|人|家)[^，。；]{2,24}?(?:人员|责任人|人|单位|企业))$"
)
_ORGAN_FORMS = (
    re.compile(
        r"(?:由|责成|请|提请|督促|要求)(?P<organ>[^，。；：、][^，。；：]{1,40}?)(?=依法|依规|依纪|依照|依据|根据|按照?|对|给予|给与|予以|处(?=以|罚|上一|人民币|￥|\d|[一二三四五六七八九十壹贰叁肆伍陆柒捌玖])|进行|责令|"
        r"作出|负责|立案|吊销|暂扣|注销|撤销|督促|实施|提请|函告|追究|以|与其|和其|将|向|，依|，根|，按|，对|，处|(?<!党)组织)"
    ),
    re.compile(
        r"建议[：，]?(?!由|责成|对|给予|将|移|追|依|按|免|不)(?P<organ>[^，。；：]{2,40}?)(?=依法|依规|依纪|依照|依据|根据|按照?|对|给予|给与|予以|责令|(?<!党)组织|督促|责成)"
    ),
    re.compile(
        r"(?:(?<![^，。；：\n.）])|(?<=\d、))(?P<organ>所在党组织|主管部门|相关部门|有关部门|发证机关|上级党组织|任免机关)(?=给予|依法|对|吊销|予以|按)"
    ),
    re.compile(
        r"被(?P<organ>[^，。；]{2,30}?)(?=依法|以涉嫌|以|予以|刑事拘留|批准逮捕|逮捕|执行|取保|批捕|立案|采取|监视|行政拘留)"
    ),
    re.compile(
        r"(?:(?<![^，。；：\n.）])|(?<=\d、))(?P<organ>[^，。；：]{3,30}?)(?:已|也已|于[^，。；]{4,14})?(?:依法|依规依纪|依纪依规)?(?:已)?对(?=[^，。；]{2,50}(?:处|给予|作出|进行|罚|立案|批评|诫))"
    ),
    re.compile(
        r"(?:(?<![^，。；：\n.）])|(?<=\d、))(?P<organ>[^，。；：]{3,30}?)(?:于[^，。；]{4,14})?(?:已)?(?:依法)?(?:批准逮捕|作出|决定|给予|处以|下达|免去|扣发|解除|辞退|撤销|吊销|暂扣)"
    ),
)
_ORGAN_WORDS = re.compile(
    r"(?:部门|机关|组织|企业|公司|单位|法院|检察院|纪委|监委|政府|党委|[局厅委办区市县]|支队|大队|所|管委会|办事处|安委办)$"
)
_NO_ORGAN = re.compile(
    r"对|责令|向|^(?:待|依法|并|同时|其|此|本次|有关责任|相关责任|事故责任|所有)|的$|责任人|人员|[。；]|检查$|问题|调查报告|评估组|调查组"
)
_OWNER = re.compile(r"(?:吊销|注销|撤销|暂扣)(?P<owner>[^，。；的]{2,30}?)的")
_REMOVED = re.compile(r"免去|免除|撤销")
_NAMED_BEFORE = re.compile(r"(?:相关|上述|以上|两家|涉事|前述)(?:企业|单位|公司)")
_GROUP_SUBJECT = re.compile(
    r"(?P<count>(?:\d{1,3}|[一二三四五六七八九十]{1,2})(?:名|位|人|家)[^，。；]{2,24}?(?:人员|责任人|人|单位|企业))"
    r"(?:已|被|均|由|涉嫌)"
)
_SHORT_FOR = re.compile(r"（(?:以下)?(?:简称|统称|称)[^（）]{1,30}）$")
_THAT = re.compile(
    r"该[\u4e00-\u9fff]{0,6}(?:公司|单位|企业|集团|厂|矿|局|所|站|镇|街道|部门|政府|中心|合作社|同志|人)"
)
_SOME = re.compile(r"其?(?:有关|相关|其他|各|全体|所有|上述|以上)")
_PASSIVE = re.compile(r"(?:目前|现)?(?P<name>[\u4e00-\u9fff*某×xX·]{2,4}?)(?:已)?被")
_DISPOSES = re.compile(
    r"建议|责成|责令|依据|根据|按照|依照|由(?!于)|给予|处以|处(?=\d|上一年)|鉴于"
)
_DAY = re.compile(
    r"(?:(?:\d{4}年|同年|当年|次年)?\d{1,2}月(?:\d{1,2}日)?(?:上午|下午)?)?[，]?(?:经|由|被)?"
)
_RECIPIENT = re.compile(
    r"向(?P<to>[^，。；]{2,40}?)(?=作出|做出|写出|提交|作(?=深刻|书面|检查|检讨))"
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


def find_targets(
    view: View, roster: Roster, scope: Scope, start: int, cue: Cue
) -> tuple[PartyDraft, ...] | None:
    """Return the parties that the words in `view.text[start:cue.start]` put under the cue.

    None when they name a class without names (相关责任人员): then there is no record. Without any
    target words the subject of the item is meant.
    """
    text = view.text
    clause = max(start, max(text.rfind(mark, start, cue.start) for mark in "，；：") + 1)
    best = _owner_inside(view, roster, scope, cue) or _passive_subject(view, roster, clause, cue)
    scope.last = best or scope.last
    saw_class = False
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
        elif found is None and intro.start() >= clause:
            saw_class = True
    if best:
        return best
    if saw_class:
        return None
    return _named_in_clause(view, roster, scope, start, cue.start) or scope.referent()


def _stands_alone(intro: re.Match[str], text: str, end: int) -> bool:
    """Tell whether 对X， names a party and nothing more (对A公司，除…外，对其罚款)."""
    name = text[intro.end() : end]
    alone = is_organisation(name) or is_person_name(name) or bool(_AFTER_COUNT.search(name))
    return intro.group() == "对" and text[end : end + 1] == "，" and alone


def _passive_subject(
    view: View, roster: Roster, clause: int, cue: Cue
) -> tuple[PartyDraft, ...] | None:
    """Read 张三被依法逮捕, where a person other than the item's subject is named before 被."""
    head = _PASSIVE.match(view.text, clause, cue.end) if cue.passive else None
    if head is None or not is_person_name(head.group("name")):
        return None
    if roster.known_person(head.group("name")) is None:
        return None
    return (roster.person(head.group("name"), head.span("name")),)


def _names_the_organ(intro: str, text: str, end: int, cue: Cue) -> bool:
    """责成X给予…, 责成X吊销…: X imposes; 责成X向Y作出检查: X is the one sanctioned."""
    return intro == "责成" and not (text[end : end + 1] == "向" or cue.kind.endswith("criticism"))


def _owner_inside(
    view: View, roster: Roster, scope: Scope, cue: Cue
) -> tuple[PartyDraft, ...] | None:
    """Read whose licence it is in 吊销X的许可证, and who is meant in 免去张三科长职务."""
    removed = _REMOVED.match(view.text, cue.start, cue.end)
    if removed is not None:
        at = removed.end()
        for length in (4, 3, 2):
            name = view.text[at : at + length]
            if roster.known_person(name) is not None or name_before_post(
                view.text, at, at + length, cue.end
            ):
                return (roster.person(name, (at, at + length)),)
    match = _OWNER.match(view.text, cue.start, cue.end)
    if match is None:
        return None
    return resolve(view, roster, scope, match.start("owner"), match.end("owner"), new=False)


def _named_in_clause(
    view: View, roster: Roster, scope: Scope, start: int, cue_start: int
) -> tuple[PartyDraft, ...]:
    """Read NAME被…, ORG已… where the party is the grammatical subject of the clause."""
    if scope.subject:
        return ()
    clause = max(view.text.rfind(mark, start, cue_start) for mark in "，。；：\n") + 1
    begin = max(clause, start)
    group = _GROUP_SUBJECT.match(view.text, begin, cue_start)
    if group is not None:
        words_used = group.group("count")
        return (roster.group(words_used, count_of(words_used), group.span("count")),)
    head = re.match(r"([\u4e00-\u9fff*某×xX·]{2,4}?)(?:被|已|因|涉嫌)", view.text[begin:cue_start])
    if head is not None and is_person_name(head.group(1)):
        at = (begin, begin + len(head.group(1)))
        return (roster.person(head.group(1), at),)
    found = list(roster.find_known(begin, cue_start))
    if len(found) == 1:
        printed, first, last = found[0]
        return (roster.organisation(printed, (first, last)),)
    return ()


def resolve(
    view: View, roster: Roster, scope: Scope, start: int, end: int, *, new: bool
) -> tuple[PartyDraft, ...] | None:
    """Return the parties that `view.text[start:end]` names; () for words that name none.

    None means a class of people or units without names. `new` allows a person who has not been
    named before.
    """
    text = view.text[start:end].strip('“”"')
    if text in _anaphora() or _THAT.fullmatch(text):
        return scope.referent()
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
    match = _AFTER_COUNT.search(text)
    if match is None or (match.start() and not _looks_like_employer(text[: match.start()])):
        return None
    words_used = match.group("count")
    draft = roster.group(words_used, count_of(words_used), (start + match.start(), end))
    employer = text[: match.start()]
    draft.employer = employer if is_organisation(employer) else None
    return draft


def _looks_like_employer(text: str) -> bool:
    return is_organisation(text) or text.startswith("该") or text.endswith("的")


def _one(view: View, roster: Roster, scope: Scope, part: _Part, *, new: bool) -> PartyDraft | None:
    words_used = _SHORT_FOR.sub("", part.text)
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
    if titled is not None:
        return titled
    if _classes().search(bare):
        return None
    if is_organisation(bare):
        return roster.listed_organisation(bare, place, part.before)
    if bare in roster.proposed_persons:
        return roster.person(bare, place)
    if new and is_person_name(bare) and (len(bare) <= 3 or MASKED.fullmatch(bare)):
        return roster.person(bare, place)
    known = [f for f in roster.find_known(part.at, place[1]) if f[2] == place[1]]
    return roster.organisation(known[0][0], known[0][1:]) if known else None


def _titled(roster: Roster, scope: Scope, part: _Part) -> PartyDraft | None:
    """Read ORG+TITLE+NAME; 该公司 as employer stands for the party named before."""
    named = trailing_name(part.text)
    if named is None:
        return None
    position = split_position(part.text[: named[1]])
    employer = position.employer
    if employer and employer[0] in "该其" and scope.referent():
        employer = scope.referent()[0].name
    at = part.at + named[1]
    return roster.person(
        named[0], (at, at + len(named[0])), title=position.title, employer=employer
    )


def find_organ(text: str, start: int, cue: Cue) -> tuple[str, int, int] | None:
    """Return who imposes the sanction, as printed, nearest before the cue; None when unsaid."""
    best: tuple[str, int, int] | None = None
    for form in _ORGAN_FORMS:
        for match in form.finditer(text, start, cue.end):
            organ, first = match.group("organ"), match.start("organ")
            if match.end("organ") > cue.start:
                continue
            organ, first = _strip_organ(organ, first)
            if not 2 <= len(organ) <= 30 or _NO_ORGAN.search(organ):
                continue
            if _ORGAN_WORDS.search(organ) and (best is None or first > best[1]):
                best = (organ, first, first + len(organ))
    return best


def _strip_organ(organ: str, first: int) -> tuple[str, int]:
    day = _DAY.match(organ)
    if day is not None:
        organ, first = organ[day.end() :], first + day.end()
    for lead in ("责成", "建议", "由", "经", "请", "督促", "已", "依法"):
        at = organ.rfind(lead)
        if at >= 0 and len(organ) - at - len(lead) >= 2 and lead in ("责成", "建议", "督促", "由"):
            organ, first = organ[at + len(lead) :], first + at + len(lead)
    tail = re.search(r"(?:已|依法|(?<!党)组织(?:协调)?|负责|进一步|及时)+$", organ)
    if tail is not None:
        organ = organ[: tail.start()]
    return organ, first


def find_recipient(text: str, start: int, end: int) -> tuple[str, int, int] | None:
    """Return to whom a written self-criticism goes: 向X作出书面检查."""
    last = None
    for match in _RECIPIENT.finditer(text, start, end):
        last = (match.group("to"), match.start("to"), match.end("to"))
    return last


def is_company_organ(organ: str | None) -> bool:
    """Tell whether the sanction is imposed by a company on its own people."""
    return organ is not None and (
        organ in {"企业", "单位", "用人单位", "所在单位", "相关企业", "相关公司", "该单位"}
        or enterprise_end().search(organ) is not None
    )
