"""On whom a sanction falls: the words around the cue.

Written forms of the target: 对X处…, 给予X…, 责令X作出…, 责成X、Y向Z作出…, 将X移送…, and none at all
(the subject of the item). 其, 该公司, 事故单位 stand for a party named before.
"""

from __future__ import annotations

import re
from functools import cache

from extractor.reading.mentions import (
    THAT_PARTY,
    Scope,
    counted_party,
    resolve,
    stands_for_a_party,
    without_behaviour,
)
from extractor.reading.names import (
    MASKED,
    counted_group,
    is_organisation,
    is_person_name,
    name_before_post,
    split_list,
    trailing_name,
    whole_titles,
    words,
)
from extractor.reading.roster import PartyDraft, Roster
from extractor.reading.sanctions import Cue
from extractor.reading.sentences import clause_start
from extractor.view import View

_CLUES = (
    r"(?:其|相关|有关|上述|该)?(?:涉嫌)?(?:违纪违法|违纪|违法|职务违法|履职|失职|渎职|腐败|职务犯罪)?"
    r"(?:等)?(?:问题)?的?(?:问题)?线索"
)
_INTRODUCER = re.compile(
    rf"(?<!相)对(?![外此于]|(?:此次|本次|该|这起|这次)?事故(?:的)?(?:发生(?!单位)|负|承担|结果|后果|造成)|其他)|给予|给与|责令|责成|要求|(?:建议)?将(?!{_CLUES})|与(?=[\u4e00-\u9fff]{{1,16}}解除)|吊销|撤销|暂扣|注销|负有?[^，。；]{{0,8}}责任的"
)
_TARGET_END = re.compile(
    r"[，。；：]|依法|依规|依纪|依照|按照?|根据|依据|分别|各(?=处|给|罚|$)|以下|如下|(?<!办事)处(?=以|罚|其|上一|人民币|￥|\d|[一二两三四五六七八九十百壹贰叁肆伍陆柒捌玖拾]|$)|给予|给与|进行|予以|实施|作出|做出|写出|责令|"
    r"作(?=深刻|书面|检查)|于(?=\d|[本收])|自(?=本|收|批)|在(?=\d|本|收|全[市县区省国]|系统|[^，。；]{0,8}范围|$)|扣[发罚除减]|限期|采取|罚款|向|批评教育|诫[勉免]|立案|移送|移交|认真|切实|立即|进一步|全面|开展|实行|先期|先行|先(?=免|停)|不再|\d[\d.]{0,12}(?:余)?[万亿]?元|不予|免于|免予|免除|由(?!于)|记(?=不良)|追究|上一年|下达|警示|通报|党内|政务|行政(?!执法|审批|管理|综合)|"
    r"记过|记大过|警告|严重警告|降级|撤职|开除|撤销|解除|降为|调离|判处|留党|留用|免职|停职|提起|列入|纳入|相应|严肃|(?<=其)(?:\d{4})?年度|因|记入|计入|录入|另案|的[^，]{0,12}(?:证|执照|资格|许可)|(?<!存在)的(?:违法|违规|问题|有关|相关|主要)"
)
_OWNER = re.compile(
    r"(?:吊销|注销|撤销|暂扣|取消|没收|限制|暂停)(?P<owner>[^，。；的]{2,36}?)"
    r"(?:的|(?:(?<=公司)|(?<=[厂矿店站部社行]))(?=\d{4}年|年度|(?:全部)?(?:违法|非法)|开展|从事|投标|营业|安全生产许可|资质证|[^，。；]{0,12}(?:证|执照|许可)))"
)
_REMOVED = re.compile(r"免去|免除|撤销")
_SENTENCED = re.compile(r"判处(?P<owner>[^，。；]{1,12}?)(?=有期|无期|拘役|管制|死刑|罚金)")
_INTERVIEWED = re.compile(
    r"约谈(?P<owner>[^，。；]{1,30}?)(?:党政)?(?:主要|相关|有关|分管)?(?:负责人|领导|负责同志)"
)
_PAY_OF = re.compile(
    r"扣[发罚除减](?P<owner>[\u4e00-\u9fff*某×xX]{2,3}?)"
    r"(?=[一二三四五六七八九十半\d]{1,2}个?[月年]|\d{4}年|当月|全年|年度|绩效|奖金)"
)
_NAME_OF_POST = re.compile(
    r"(?:免去|免除|撤销)(?P<owner>[\u4e00-\u9fff某*×xX·]{2,8}?)的[^，。；]{2,40}职务"
)
_POST_OF = re.compile(r"(?:免去|免除|撤销)(?P<owner>[^，。；]{4,24}?)的职务")
_DIVIDER = re.compile(
    r"受到|被(?!告|害人|处罚人|处罚单位|执行人|申请人)|先期|先行|实行|给予|予以|处以|受(?=党|政|诫|到)|由|已|均|分别|于(?=\d|今年|去年|当年|同年)|因|涉嫌|犯(?=[\u4e00-\u9fff]{2,14}罪)|向(?=[^，。；]{2,40}(?:[作做写提递]|$))|也|将|严重|违反|记(?=不良)"
)
_CONTRACT_OF = re.compile(r"解除(?:与|同)(?P<owner>[^，。；其]{2,40}?)的?(?:劳动|聘用)")
_EXPELLED = re.compile(r"开除(?P<owner>[^，。；其]{2,160}?)的?(?:公职|党籍)")
_OF_HOLDER = re.compile(
    r"(?:吊销|注销|撤销|暂扣)(?P<owner>[^，。；的其]{4,40}?)"
    r"(?=注册(?!资本)|[一二]级(?:注册)?建造师|特种作业|安全生产(?:知识|考核)|安全考核|施工管理人员|执业资格|机动车|驾驶证)"
)
_POST_HELD = re.compile(r"(?:免去|免除|撤销)(?P<owner>[^，。；其的]{4,40}?)职务")
_REASSIGNED = re.compile(r"调[整离](?P<owner>[^，。；其]{4,40}?)的?(?:现)?工作岗位")
_CLUES_OF = re.compile(r"(?:的)?(?:涉嫌|有关|相关)?(?:严重)?(?:违法|违纪|违规|犯罪){0,2}\Z")
_HEADS_OF = re.compile(r"的?(?:党政)?(?:主要|有关|相关|分管)?(?:负责人|领导|负责同志)\Z")
_LONGEST_LIST = 40
_HOLDERS = (_OF_HOLDER, _POST_HELD, _REASSIGNED)
_NEW_INSIDE = (_SENTENCED, _NAME_OF_POST, _CONTRACT_OF, _EXPELLED, *_HOLDERS)
_DESCRIBED_ONE = re.compile(r"[^，。；：、]{2,40}的(?P<name>[\u4e00-\u9fff·]{2,12})")
_SHORT_TARGET = re.compile(r"[\u4e00-\u9fff]{2,6}")
_NAME = 3
_OF_PERSONS = ("crim.", "party.", "gov.", "org.", "internal.", "context:")
_SUFFERS = frozenset({"受到", "被", "受", "由", "犯", "涉嫌", "因"})
_GROUP_STOPS = re.compile(r"已|被|受到|均|由(?!于)|给予|予以")
_BEHIND_COLON = re.compile(
    r"(?:处分|处理|处罚|谈话|问责|检查)?(?:的)?(?:有关|相关|责任)?(?:人员|单位|责任人|人)?"
    r"(?:（[^（）]{1,12}）)?(?:有|为|包括)?：(?P<list>[^。；\n：]{2,400})"
)
_THEN_STOPS = re.compile("，|的[^，。；]{2,12}(?:行为|问题)，")
_A_CLASS = re.compile(
    r"(?:相关|有关|其他|其余|多名|数名|多个|部分)[^，。；]{0,8}(?:人员|责任人|责任者|负责人|领导|官员|干部|单位|企业|部门)$"
)
_SUFFERED = re.compile(r"被(?!告|害人)|受到")
_COUNTS = re.compile(
    r"(?:另有|其中|还有|另|有)?(?:\d{1,3}|[一二三四五六七八九十百]{1,3})(?:名|人|家)"
)
_DISPOSES = re.compile(
    r"建议|责成|责令|(?<!未)(?<!严格)(?<!没有)(?:依据|根据|按照|依照)|由(?!于)|给予|处以|处(?=\d|上一年)|鉴于"
)

PROPOSED = "penalty.proposed"
"""The rule of a sanction whose party a learned tagger alone has seen."""


@cache
def _fillers() -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(map(re.escape, words('fillers')))}){{1,4}}")


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


def find_proposed(view: View, roster: Roster, scope: Scope, cue: Cue) -> tuple[PartyDraft, ...]:
    """Return the person whom a tagger sees where the rules cannot read whom a sanction falls on.

    Only where it sees exactly one between the words that open the clause and the cue, and no known
    organisation stands there too. `scope.rule` becomes `PROPOSED`.
    """
    if scope.unread is None:
        return ()
    start = scope.unread[0]
    persons = _plausible(view, roster, start, cue.start)
    if len(persons) != 1 or next(roster.find_known(start, cue.start), None) is not None:
        return ()
    scope.rule, scope.unread = PROPOSED, None
    scope.last = (_proposed_person(view, roster, persons[0]),)
    return scope.last


def _plausible(view: View, roster: Roster, start: int, end: int) -> list[tuple[int, int]]:
    """Return the persons that a tagger sees; a short name must begin with a family name."""
    persons = roster.proposals.between(start, end)
    names = [view.text[slice(*place)] for place in persons]
    if any(len(name) <= _NAME and not is_person_name(name) for name in names):
        return []
    return persons


def _proposed_person(view: View, roster: Roster, place: tuple[int, int]) -> PartyDraft:
    title = roster.proposals.title_before(place[0])
    said = view.text[slice(*title)] if title else None
    return roster.person(view.text[slice(*place)], place, title=said)


def _find(
    view: View, roster: Roster, scope: Scope, start: int, cue: Cue
) -> tuple[PartyDraft, ...] | None:
    text = view.text
    clause = clause_start(text, start, cue.start)
    best = _owner_inside(view, roster, scope, cue)
    scope.last = best or scope.last
    scope.rule, scope.reference = "penalty.inside", None
    scope.unread = None
    found, saw_class = _introduced(view, roster, scope, start, cue)
    best = found or best
    if best:
        return best
    if saw_class:
        return None
    named = _subject_of_clause(view, roster, scope, clause, cue) or _listed_behind(
        view, roster, scope, cue
    )
    if not named and _names_a_class(text, clause, cue):
        return None
    if not named and scope.prose and _COUNTS.match(text, clause, cue.start) is not None:
        return None
    if not named and _names_a_stranger(text, roster, clause, cue):
        scope.unread = (clause, cue.end)
        return None
    scope.rule = "penalty.clause" if named else _rule_behind(scope)
    scope.last = named or scope.last
    scope.shared = named or scope.shared
    return named or scope.assumed()


def _introduced(
    view: View, roster: Roster, scope: Scope, start: int, cue: Cue
) -> tuple[tuple[PartyDraft, ...], bool]:
    """Return whom 对X…, 给予X…, 责令X… name, the last of them, and whether it is a mere class."""
    text = view.text
    clause = clause_start(text, start, cue.start)
    best: tuple[PartyDraft, ...] = ()
    saw_class = False
    disposes = _DISPOSES.search(text, start, cue.start)
    for intro in _INTRODUCER.finditer(text, start, cue.end):
        end = _end_of_target(text, roster, intro, cue)
        if end is None or _names_the_organ(intro.group(), text, end, cue):
            continue
        if cue.kind == "context:interview":
            heads = _HEADS_OF.search(text, intro.end() + 1, end)
            end = heads.start() if heads else end
        if cue.kind.startswith("transfer."):
            clues = _CLUES_OF.search(text, intro.end() + 1, end)
            end = clues.start() if clues else end
        told = disposes is not None and intro.start() >= disposes.start()
        alone = _stands_alone(roster, intro, text, end)
        if not told and intro.start() < clause and not alone:
            continue
        found = resolve(view, roster, scope, intro.end(), end, new=intro.start() >= clause)
        seen = () if found else _seen_at_the_end(view, roster, intro.end(), end)
        if seen:
            best, saw_class, scope.last = seen, False, seen
            scope.rule, scope.reference = PROPOSED, None
        elif found:
            best, saw_class = found, False
            scope.last = found
            refers = stands_for_a_party(text[intro.end() : end])
            scope.rule = "penalty.reference" if refers else "penalty.target"
            scope.reference = (intro.end(), end) if refers else None
        elif scope.prose or _leaves_open(intro, text, end, found, cue, clause):
            saw_class = True
            scope.unread = None if found is None else (intro.start(), cue.end)
    return best, saw_class


def _leaves_open(
    intro: re.Match[str], text: str, end: int, found: object, cue: Cue, clause: int
) -> bool:
    """Tell whether somebody is meant who cannot be read: then nobody else may be taken."""
    if intro.group() in {"责成", "责令"} and cue.kind.endswith("self_criticism"):
        return text[end : end + 1] == "，"
    return intro.start() >= clause and (found is None or _names_somebody(intro, text, end, cue))


def _end_of_target(text: str, roster: Roster, intro: re.Match[str], cue: Cue) -> int | None:
    """Return where the words behind 对 or 给予 end that name the target, None for no words."""
    if intro.start() >= cue.start and intro.group() != "对":
        return None
    limit = cue.start if intro.start() < cue.start else cue.end
    stop = _TARGET_END.search(text, intro.end(), limit)
    end = _list_end(text, roster, intro.end(), stop.start() if stop else limit, limit)
    return end if end > intro.end() else None


def _list_end(text: str, roster: Roster, start: int, end: int, limit: int) -> int:
    """Return where the list ends that goes on behind a comma: 给予局长张三，所长李四等3人…."""
    for _ in range(_LONGEST_LIST):
        if end >= limit or text[end] != "，":
            break
        said = text[start:end]
        units = all(is_organisation(part) for part in split_list(said.replace("，", "、")))
        if not units and not _all_titled(said.rpartition("，")[2], roster):
            break
        stop = _TARGET_END.search(text, end + 1, limit)
        behind = text[end + 1 : stop.start() if stop else limit]
        goes_on = (
            all(is_organisation(part) for part in split_list(behind))
            if units
            else _all_titled(behind, roster)
        )
        if not behind or not goes_on:
            break
        end += 1 + len(behind)
    return end


def _rule_behind(scope: Scope) -> str:
    """Return the rule for a sanction without target words: the party named last, or the item's."""
    return "penalty.carried" if scope.last and scope.last != scope.subject else "penalty.subject"


def _names_somebody(intro: re.Match[str], text: str, end: int, cue: Cue) -> bool:
    """Tell whether 对X处… names a party that cannot be read: then nobody else is meant either.

    Also behind what X did: 对夜间值守时脱岗的X处…; X may be a name that no list of ours holds.
    """
    if intro.group() not in ("对", "给予"):
        return False
    if intro.group() == "对" and _SHORT_TARGET.fullmatch(text, intro.end(), end) is not None:
        return True
    described = _DESCRIBED_ONE.fullmatch(text, intro.end(), end)
    if described is None:
        return False
    name = described.group("name")
    return cue.kind.startswith(_OF_PERSONS) or "·" in name or is_person_name(name)


def _seen_at_the_end(view: View, roster: Roster, start: int, end: int) -> tuple[PartyDraft, ...]:
    """Return the one person whom a tagger sees in these words, where they end with the name."""
    persons = _plausible(view, roster, start, end)
    if len(persons) != 1 or persons[0][1] != end:
        return ()
    return (_proposed_person(view, roster, persons[0]),)


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


def _stands_alone(roster: Roster, intro: re.Match[str], text: str, end: int) -> bool:
    """Tell whether 对X， names a party and nothing more (对A公司，除…外，对其罚款)."""
    name = without_behaviour(text[intro.end() : end])
    alone = is_organisation(name) or is_person_name(name) or counted_group(name) is not None
    alone = alone or _all_titled(name.replace("，", "、"), roster)
    named = intro.group() == "对" or intro.group().endswith("责任的")
    return named and alone and _THEN_STOPS.match(text, end) is not None


def _names_the_organ(intro: str, text: str, end: int, cue: Cue) -> bool:
    """责成X给予…, 责成X吊销…: X imposes; 责成X向Y作出检查: X is the one sanctioned."""
    if intro == "要求":
        return not cue.kind.endswith("self_criticism")
    if intro == "责令" and text[end : end + 1] == "对":
        return True
    return intro == "责成" and not (text[end : end + 1] == "向" or cue.kind.endswith("criticism"))


def _owner_inside(
    view: View, roster: Roster, scope: Scope, cue: Cue
) -> tuple[PartyDraft, ...] | None:
    """Read the party that the cue itself holds.

    吊销X的许可证, 撤销X道路运输证, 免去张三科长职务, 判处李四有期徒刑, 扣发王五绩效,
    约谈X主要负责人.
    """
    for form in _HOLDERS:
        match = form.match(view.text, cue.start, cue.end + 1)
        if match is not None and _all_titled(match.group("owner"), roster):
            return resolve(view, roster, scope, *match.span("owner"), new=True) or None
    for form in (
        _NAME_OF_POST,
        _OWNER,
        _SENTENCED,
        _POST_OF,
        _PAY_OF,
        _CONTRACT_OF,
        _EXPELLED,
        _INTERVIEWED,
    ):
        behind = 40 if form is _INTERVIEWED else 0
        match = form.match(view.text, cue.start, cue.end + behind)
        if match is not None:
            found = resolve(view, roster, scope, *match.span("owner"), new=form in _NEW_INSIDE)
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
    for lead in ("建议", "其中", "同时"):
        clause += len(lead) if view.text.startswith(lead, clause) else 0
    divider = _divider(view.text, clause, cue.start)
    end = divider.start() if divider else cue.start
    while end > clause and view.text[end - 1] in "则也均还都":
        end -= 1
    for stop in _GROUP_STOPS.finditer(view.text, clause, cue.end):
        group = counted_party(roster, view.text[clause : stop.start()], clause, stop.start())
        if group is not None and stop.start() <= cue.start:
            return (group,)
    if end - clause < 2:
        return ()
    clause = _list_start(view.text, roster, scope.sentence, clause, end)
    if not scope.subject:
        group = counted_party(roster, view.text[clause:end], clause, end)
        if group is not None:
            return (group,)
    suffers = divider is not None and (
        divider.group() in _SUFFERS or _SUFFERED.search(view.text, end, cue.end) is not None
    )
    if not _reads_as_parties(view.text[clause:end], roster):
        return ()
    found = resolve(view, roster, scope, clause, end, new=suffers) or ()
    units = any(draft.kind == "organization" for draft in found)
    if units and not (suffers or cue.kind.endswith("self_criticism")):
        return ()
    return found


def _divider(text: str, start: int, end: int) -> re.Match[str] | None:
    """Return the word that parts a subject from what becomes of it; 向 only where no other does.

    向 may be part of a name (唐向龙).
    """
    first = None
    for match in _DIVIDER.finditer(text, start, end):
        if match.group() != "向":
            return match
        first = first or match
    return first


def _names_a_class(text: str, clause: int, cue: Cue) -> bool:
    """Tell whether unnamed people suffer in the cue's own clause: 船主等相关责任人已被刑事拘留."""
    divider = _divider(text, clause, cue.start)
    if divider is None or _SUFFERED.search(text, divider.start(), cue.end) is None:
        return False
    return _A_CLASS.search(text[clause : divider.start()]) is not None


def _listed_behind(view: View, roster: Roster, scope: Scope, cue: Cue) -> tuple[PartyDraft, ...]:
    """Read the list of 建议给予诫勉谈话的：局长张三、科长李四."""
    match = _BEHIND_COLON.match(view.text, cue.end)
    if match is None or not _all_titled(match.group("list").replace("，", "、"), roster):
        return ()
    return resolve(view, roster, scope, *match.span("list"), new=True) or ()


def _list_start(text: str, roster: Roster, start: int, clause: int, end: int) -> int:
    """Return where the list of titled names begins that ends with this clause.

    副所长张三，大队长李四，科员王五、赵六被…: commas part the elements too.
    """
    if not _all_titled(text[clause:end], roster):
        return clause
    for _ in range(_LONGEST_LIST):
        if clause <= start or text[clause - 1] != "，":
            break
        before = max(text.rfind(mark, start, clause - 1) for mark in "，；：。\n") + 1
        if not _all_titled(text[max(before, start) : clause - 1].removeprefix("其中"), roster):
            break
        clause = max(before, start)
    return clause + (len("其中") if text.startswith("其中", clause) else 0)


def _all_titled(words: str, roster: Roster) -> bool:
    """Tell whether these words are ORG+TITLE+NAME, or a list that begins so."""
    parts = whole_titles(split_list(without_behaviour(words)), roster.text)
    named = [trailing_name(part, roster.text) is not None for part in parts]
    plain = [is_person_name(part) for part in parts]
    return bool(parts) and named[0] and all(a or b for a, b in zip(named, plain, strict=True))


def _reads_as_parties(text: str, roster: Roster) -> bool:
    """Tell whether every element of the words is a party: ORG, ORG+TITLE+NAME, a known name."""
    return all(
        THAT_PARTY.fullmatch(part)
        or part in roster.organisations
        or part in roster.alias_of
        or roster.known_person(part) is not None
        or is_organisation(part)
        or trailing_name(part, roster.text) is not None
        or MASKED.fullmatch(part)
        or is_person_name(part)
        for part in whole_titles(split_list(text), roster.text)
    )
