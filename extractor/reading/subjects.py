"""Whom an item of the treatment chapter is about: its first words.

Written forms: NAME，男，ORG+TITLE，…; ORG，…; ORG+TITLE+NAME，…; ORG对…负有责任; NAME违反了…;
A、B、C三人作为…. A clause that opens with 建议, 依据, 责成 names nobody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from extractor.reading.names import (
    MASKED,
    count_of,
    counted_group,
    is_organisation,
    is_particular,
    is_person_name,
    name_before_verb,
    quoted_name,
    split_list,
    split_position,
    title_pattern,
    trailing_name,
    whole_titles,
)
from extractor.reading.outline import Node
from extractor.reading.roster import PartyDraft, Roster
from extractor.view import View

_STOP = re.compile(r"[，：。；\n]")
_CONDUCT = (
    r"日常|履职|履行|明知|督促|工作(?:失职|不力|不到位|不实)|安全(?:生产)?(?:管理|监管|意识)(?![科室部局处股办员人])"
    r"|(?:监管|监督|督导|管理|检查|落实)(?![^，。；]{0,8}(?:[局所站委处科部厅室股办员队]|中心))"
)
_NO_SUBJECT = re.compile(
    r"建议|同意|决定|依据|根据|按照|依照|责成|责令|鉴于|由(?!于)|对(?!外)|经|以上|上述|调查组|综上|同时|另外|此外|其他|给予|关于|目前|将|请"
)
_ROLE_WORD = re.compile(
    r"(?:(?:施工|建设|监理|总包|总承包|分包|劳务|设计|使用|出租|承租|产权|维保|承运|托运)(?:单位|企业|方)(?=[^，。；：]{4})"
    r"|肇事人|肇事司机|肇事者|当事人|被告人|被告|犯罪嫌疑人|嫌疑人|涉案人|被处罚人|被处罚单位|责任人|死者|驾驶人|驾驶员|司机)"
)
_REASON = re.compile(r"鉴于|针?对(?!外)")
_CONDUCT_NOUN = re.compile(r"的(?:问题|情况|行为)$")
_MORE_CONDUCT = re.compile(r"，[^，。；]{0,10}(?:存在|未|没有|不)[^，。；]{2,30}的(?:问题|行为)，")
_IN_BRACKETS = 60
_NAME_THEN_VERB = re.compile(
    rf"(?P<name>{MASKED.pattern}|[\u4e00-\u9fff]{{2,3}}?)(?=违反|违规|违章|违法|驾驶|作为|因涉嫌|涉嫌|未|已|系|身为|担任|明知|擅自|对事故|在此次|在本次|在事故|酒后|操作不当)"
)
_ORG_THEN_VERB = re.compile(
    r"(?:对|未|违反|作为|安全(?!监察|监督|监管|生产监|员|总监|科|部|处|主管|管理人员|管理员|副|经理)|存在|负有|没有|是|在|将|要|由(?!于)|违规|违法|不|落实|履行|车身|主要|主体|已|均|分别|于\d|向|因|擅自|疏于|已被|作|执行|长期|超|非法|无"
    r"|按照|根据|依照|依据|行业(?:安全)?监管(?![局处科股])|出具|提供|出租|出借|承包|转包|分包|组织|使用|安排|雇佣|挂靠|允许|指派|聘用|销售|供应|收取|瞒报|谎报|隐瞒|发生|拒|阻|逃避|破坏|冒险|盲目|放任|降低|伪装|借用|转让|私自|伪造|编造|明知|以包代管)"
)
_PART_THEN = r"[\u4e00-\u9fff]{2,6}[站店队厂所](?:存在|对|未|没有|违)"
_PART_OF_UNIT = re.compile(_PART_THEN)
_COMPANY_THEN = re.compile(
    r"[^，。；：、的]{2,30}?(?:有限公司|有限责任公司|股份公司|合作社|经营部)"
    r"(?=[\u4e00-\u9fff](?!$))(?![的、和及与或等内]|[\u4e00-\u9fff]{0,10}(?:分公司|项目部|分厂|公司|员|人|长|经理|总监|工程师))"
    rf"(?!{_PART_THEN})"
)
_GOES_ON_AS_NAME = frozenset("的、和与及或等内（“0123456789两三四") | {""}
_LIST_THEN_VERB = re.compile(
    rf"{_CONDUCT}|"
    r"未|没有|将|对|违反|违规|违章|违法|作为|在(?=[^职岗])|因|被|受到|涉嫌|犯(?=[\u4e00-\u9fff]{2,14}罪)|均|已|分别"
    r"|擅自|存在|负有|不(?!动产)|由(?!于)|要(?![^，。；]{0,4}员)|于\d"
)
_LONGEST_HEAD = 160
_AND_OTHERS = re.compile(r"等(?:\d{1,2}|[二三四五六七八九十]{1,2})(?:名|人|位)")
_BY_THE_WAY = re.compile(r"(?:其中|此外|另外|同时|另)，(?=[\u4e00-\u9fff]{4})")
_FOUND_OUT = re.compile(
    r"(?:(?:另外?|此外|同时)，?)?(?:经?调查(?:组)?(?:中)?(?:还|另)?发现|经查(?:实|明)?)，?"
)
_ROW_NUMBER = re.compile(
    r"（\d{1,3}）|\d{1,3}[，.、）](?!\d)(?=[\u4e00-\u9fff])|\d{1,3}(?![年月日时分个名人号家起])(?=[\u4e00-\u9fff][^，。；]{1,3}，)"
)
_POSITION_LEAD = re.compile(
    r"^(?:现任|时任|原任|作为|系|任|担任|为|原|案发时任|事发时任|\d{4}年[^，。；]{0,24}?任)+"
)
_POST_CLAUSE = re.compile(r"^(?:分管|负责|主持|协助|兼|临时|具体|全面|履行)")
_NEAR_POST = 16
_IN_OFFICE = re.compile(r"\A\Z|[部科室处队班间]\Z")
_OF_DUTY = re.compile(
    r"(?:作业|施工|现场|安全|生产|技术|工程|设备|带班|值班|项目|分管|运营|采购){1,4}"
)
_AS = re.compile(r"(?P<name>[^，。；：、的]{2,14}?)作为(?P<post>[^，。；：]{2,60})\Z")
_NAME_AND_POST = re.compile(r"(?P<name>[^（），。；：、]{2,8})（[^（）]{2,40}）")
_OTHER_NAME = re.compile(r"（[^（）]{0,40}）")


@dataclass(frozen=True, slots=True)
class Subject:
    """The parties that an item is about, and where their description ends."""

    parties: tuple[PartyDraft, ...]
    end: int


def read_subject(view: View, roster: Roster, start: int, end: int) -> Subject | None:
    """Read whom `view.text[start:end]` is about; None when it opens with a disposition.

    调查发现， and the number of a table row before it are skipped. Clauses that are nothing but
    ORG+TITLE+NAME go on with the list: A馆馆长张三，A馆副馆长李四，对….
    """
    subject = _read_first(view, roster, start, end)
    while subject is not None and _is_titled(view.text, start, subject.end, roster):
        begin = subject.end + 1
        clause = _clause(view.text, begin, min(end, begin + _LONGEST_HEAD))
        drafts = _titled_list(roster, clause, begin) if view.text[begin - 1] == "，" else ()
        if not drafts:
            break
        start, subject = begin, Subject((*subject.parties, *drafts), begin + len(clause))
    return subject


def _is_titled(text: str, start: int, end: int, roster: Roster) -> bool:
    """Tell whether the words are ORG+TITLE+NAME, and so may be the first of a list."""
    said = text[start:end]
    return "，" not in said and bool(said) and _titled_list(roster, said, start) != ()


def _read_first(view: View, roster: Roster, start: int, end: int) -> Subject | None:
    text = view.text
    for lead in (_BY_THE_WAY, _FOUND_OUT, _ROW_NUMBER):
        skipped = lead.match(text, start, end)
        start = skipped.end() if skipped else start
    head_end = _head_end(text, start, min(end, start + _LONGEST_HEAD))
    head = text[start:head_end]
    reason = _REASON.match(head)
    blames = _CONDUCT_NOUN.search(head) or _MORE_CONDUCT.match(text, head_end, end)
    if reason is not None and (head.startswith("鉴于") or blames):
        return _considered(view, roster, start, (start + reason.end(), head_end, end))
    about = _heads_about(head)
    if about is not None:
        found = _about(roster, about.group("who"), start + about.start("who"), head_end)
        if found is not None:
            return found
    told = _TELLS.search(text, start, end)
    if told is not None and told.start() < start + 120 and _NO_SUBJECT.match(head):
        return _read_first(view, roster, told.end(), end)
    if _NO_SUBJECT.match(head):
        return None
    head, start = _without_role(head, start)
    head = head.removesuffix("同志")
    bare = head if is_organisation(head) else _OTHER_NAME.sub("", head)
    delimiter = text[head_end] if head_end < end else ""
    name = quoted_name(bare) or bare
    described = delimiter == "，" and _describes(_clause(text, head_end + 1, end))
    described = described or _position_in_brackets(head)[0] is not None
    known = name in roster.organisations or name in roster.alias_of
    if is_person_name(name, described=described) and not known:
        return _person(view, roster, name, start, head_end, end)
    if _all_organisations(roster, bare) and counted_group(bare) is None:
        return _organisations(roster, bare, start, head_end)
    return _inside_head(view, roster, head, start, head_end, end)


def _describes(clause: str) -> bool:
    """Tell whether the clause behind a name describes a person: 男, 清河镇副镇长."""
    return is_particular(clause) or (len(clause) <= 40 and split_position(clause).title is not None)


def _about(roster: Roster, who: str, at: int, head_end: int) -> Subject | None:
    """Read the party that a heading is about: ORG, ORG+TITLE+NAME, NAME（…） or a name."""
    bare = who if is_organisation(who) else _OTHER_NAME.sub("", who)
    if _CLASS_HEADING.search(bare):
        return None
    place = (at, at + len(bare))
    known = bare in roster.organisations or bare in roster.alias_of
    if known or (is_organisation(bare) and len(bare) >= 6):
        return Subject((roster.organisation(bare, place),), head_end)
    named = trailing_name(bare, roster.text)
    if named is not None:
        position = split_position(bare[: named[1]])
        draft = roster.person(
            named[0], (at + named[1], place[1]), title=position.title, employer=position.employer
        )
        return Subject((draft,), head_end)
    if is_person_name(bare):
        title, employer = _position_in_brackets(who)
        return Subject((roster.person(bare, place, title=title, employer=employer),), head_end)
    return None


def _clause(text: str, start: int, end: int) -> str:
    stop = _STOP.search(text, start, end)
    return text[start : stop.start() if stop else end]


def _head_end(text: str, start: int, limit: int) -> int:
    """Return where the first clause ends; not inside brackets: A公司（统一社会信用代码：…），."""
    opened = -1
    for stop in _STOP.finditer(text, start, limit):
        opened = text.find("（", start if opened < 0 else opened, stop.start())
        closed = text.find("）", opened, limit) if opened >= 0 else -1
        if closed < stop.start() or "\n" in text[opened:closed] or closed - opened > _IN_BRACKETS:
            return stop.start()
    return limit


def _considered(
    view: View, roster: Roster, start: int, place: tuple[int, int, int]
) -> Subject | None:
    """Read 鉴于A公司和B公司未…, 对局长张三履职不到位的问题，: whoever the clause blames.

    `place` is where the clause begins behind 鉴于, where it ends, and where the item ends. Of a
    clause with 鉴于 that cannot be read so, the organisations of the first sentence.
    """
    begin, head_end, end = place
    found = _inside_head(view, roster, view.text[begin:head_end], begin, head_end, end)
    if found is not None or not view.text.startswith("鉴于", start):
        return found
    stop = view.text.find("。", start, end)
    drafts: list[PartyDraft] = []
    for printed, at, last in roster.find_known(start, stop if stop >= 0 else end):
        draft = roster.organisation(printed, (at, last))
        if draft not in drafts:
            drafts.append(draft)
    return Subject(tuple(drafts), start) if drafts else None


def _without_role(head: str, start: int) -> tuple[str, int]:
    role = _ROLE_WORD.match(head)
    if role is not None and len(head) - role.end() >= 2:
        return head[role.end() :], start + role.end()
    return head, start


def _inside_head(
    view: View, roster: Roster, head: str, start: int, head_end: int, end: int
) -> Subject | None:
    """Read a head that goes on without a comma: ORG+TITLE+NAME, ORG对…, NAME违反…."""
    for printed, at, stop in roster.find_known(start, min(start + 60, head_end)):
        if at == start and _goes_on(view.text, stop, head_end, end):
            return Subject((roster.organisation(printed, (at, stop)),), stop)
    group = counted_group(head)
    if group is not None:
        words = head[group[0] :]
        draft = roster.group(words, count_of(words), (start + group[0], head_end))
        draft.employer = group[1]
        return Subject((draft,), head_end)
    parties = _listed_before_verb(roster, head, start) or _named_with_others(roster, head, start)
    if parties:
        return Subject(parties, head_end)
    acting = name_before_verb(head)
    if acting is not None:
        position = split_position(head[: acting[2]])
        at = start + acting[1]
        draft = roster.person(
            acting[0], (at, at + len(acting[0])), title=position.title, employer=position.employer
        )
        return Subject((draft,), head_end)
    posted = _name_as_post(roster, head, start) or _name_with_post(roster, head, start)
    if posted is not None:
        return posted
    listed = _name_list(roster, head, start)
    if listed:
        return Subject(tuple(listed), head_end)
    verb = _NAME_THEN_VERB.match(head)
    if verb is not None and is_person_name(verb.group("name")):
        place = (start, start + verb.end("name"))
        return Subject((roster.person(verb.group("name"), place),), place[1])
    organisations = _organisations_before_verb(roster, head)
    if organisations is not None:
        return _organisations(roster, organisations, start, start + len(organisations))
    return None


def _name_as_post(roster: Roster, head: str, start: int) -> Subject | None:
    """Read 张三作为A公司总经理: the name before 作为, the post behind."""
    found = _AS.match(head)
    position = split_position(found.group("post")) if found is not None else None
    if found is None or position is None or position.title is None:
        return None
    name = found.group("name")
    if not is_person_name(name, described=True):
        return None
    place = (start, start + len(name))
    draft = roster.person(name, place, title=position.title, employer=position.employer)
    return Subject((draft,), start + len(head))


def _name_with_post(roster: Roster, head: str, start: int) -> Subject | None:
    """Read 张三（清河镇镇长）已被…: the name before the brackets, the post inside."""
    found = _NAME_AND_POST.match(head)
    if found is None:
        return None
    title, employer = _position_in_brackets(head)
    name = found.group("name")
    if title is None or not is_person_name(name, described=True):
        return None
    place = (start, start + len(name))
    draft = roster.person(name, place, title=title, employer=employer)
    return Subject((draft,), start + found.end())


def _goes_on(text: str, stop: int, head_end: int, end: int) -> bool:
    """Tell whether a clause goes on behind a known unit with what it did, not with a post of it."""
    if trailing_name(text[stop:head_end]) is not None or _PART_OF_UNIT.match(text, stop, head_end):
        return False
    first = title_pattern().search(text, stop, min(stop + _NEAR_POST, head_end))
    if first is not None and _IN_OFFICE.search(text[stop : first.start()]) is not None:
        return False
    if first is not None and _OF_DUTY.fullmatch(text, stop, first.start()) is not None:
        named = name_before_verb(text[stop:head_end])
        if named is not None and named[2] == first.end() - stop:
            return False
    if _ORG_THEN_VERB.match(text, stop, end) is not None:
        return True
    post = title_pattern().search(text, stop, head_end) is not None
    return not post and text[stop : stop + 1] not in _GOES_ON_AS_NAME


def _listed_before_verb(roster: Roster, head: str, start: int) -> tuple[PartyDraft, ...]:
    """Read the titled persons, or units and their people, that are all the head or precede a verb.

    安全员张三、设备员李四未…; 顺发经销处及其经营者王五将…; 清河镇副镇长赵六受到…; 局长钱七.
    """
    ends = [match.start() for match in _LIST_THEN_VERB.finditer(head)]
    for end in [*ends, len(head)]:
        drafts = _titled_list(roster, head[:end], start)
        if drafts:
            return drafts
    return ()


def _named_with_others(roster: Roster, head: str, start: int) -> tuple[PartyDraft, ...]:
    """Read the one who is named in 清河镇应急办张三等3名工作人员."""
    match = _AND_OTHERS.search(head)
    if match is None:
        return ()
    for cut in (match.start() - 3, match.start() - 2):
        unit, name = head[: max(cut, 0)], head[max(cut, 0) : match.start()]
        if is_organisation(unit) and is_person_name(name):
            return (roster.person(name, (start + cut, start + match.start()), employer=unit),)
    return ()


def _titled_list(roster: Roster, words: str, start: int) -> tuple[PartyDraft, ...]:
    """Read a list of ORG+TITLE+NAME and organisations; a name alone may follow a titled one."""
    parts = whole_titles(split_list(words.replace("及其", "、其")), roster.text)
    if not _reads_as_list(roster, parts):
        return ()
    drafts: list[PartyDraft] = []
    at = 0
    for number, part in enumerate(parts):
        part = part.removeprefix("其")
        at = max(words.find(part, at), at)
        drafts.append(_element(roster, part, start + at, parts[:number], drafts))
        at += len(part)
    return tuple(drafts)


def _reads_as_list(roster: Roster, parts: Sequence[str]) -> bool:
    named = [trailing_name(part, roster.text) is not None for part in parts]
    return any(named) and all(
        is_named
        or _all_organisations(roster, part)
        or (any(named[:number]) and is_person_name(part))
        for number, (part, is_named) in enumerate(zip(parts, named, strict=True))
    )


def _element(
    roster: Roster, part: str, place: int, before: Sequence[str], drafts: Sequence[PartyDraft]
) -> PartyDraft:
    """Return the party of one element: a titled person, a name behind one, an organisation."""
    named = trailing_name(part, roster.text)
    if named is None:
        at = (place, place + len(part))
        if is_person_name(part) and drafts and drafts[-1].kind == "person":
            return roster.person(part, at, title=drafts[-1].title, employer=drafts[-1].employer)
        return roster.listed_organisation(part, at, before)
    position = split_position(part[: named[1]].rstrip("，"))
    unit = next((d.name for d in reversed(drafts) if d.kind == "organization"), None)
    return roster.person(
        named[0],
        (place + named[1], place + len(part)),
        title=position.title,
        employer=position.employer or unit,
    )


def _organisations_before_verb(roster: Roster, head: str) -> str | None:
    """Return the organisation, or the list of them, that the verb follows: A局、B局分别于….

    Behind …有限公司 any words go on with what it did, but for a title, 的 and a list.
    """
    for match in _ORG_THEN_VERB.finditer(head):
        words = head[: match.start()]
        if len(words) >= 4 and _all_organisations(roster, words):
            return words
    whole = _COMPANY_THEN.match(head)
    if whole is not None and title_pattern().match(head, whole.end()) is None:
        return whole.group() if is_organisation(whole.group()) else None
    return None


def _all_organisations(roster: Roster, words: str) -> bool:
    return all(
        is_organisation(part) or part in roster.organisations or part in roster.alias_of
        for part in split_list(words)
    )


def _name_list(roster: Roster, head: str, start: int) -> list[PartyDraft]:
    """Read A、B、C三人作为…: names only, after a title or at the start."""
    cut = re.search(
        r"(?:等)?(?:\d|[二三四五六七八九十两]){1,2}(?:人|名)(?:同志)?(?:作为|违反|未|系|$)", head
    )
    area = head[: cut.start()] if cut else head
    offset = 0
    for match in title_pattern().finditer(area):
        if match.end() < len(area) and area[match.end()] not in "、（":
            offset = match.end()
    parts = [_OTHER_NAME.sub("", part) for part in split_list(area[offset:])]
    if len(parts) < 2 or not all(is_person_name(part) for part in parts):
        return []
    position = split_position(area[:offset]) if offset else None
    drafts = []
    for part in parts:
        at = start + head.find(part, offset)
        drafts.append(
            roster.person(
                part,
                (at, at + len(part)),
                title=position.title if position else None,
                employer=position.employer if position else None,
            )
        )
    return drafts


def _organisations(roster: Roster, head: str, start: int, head_end: int) -> Subject:
    drafts = []
    parts = split_list(head)
    for number, part in enumerate(parts):
        at = start + head.find(part)
        drafts.append(roster.listed_organisation(part, (at, at + len(part)), parts[:number]))
    return Subject(tuple(drafts), head_end)


def _person(view: View, roster: Roster, name: str, start: int, head_end: int, end: int) -> Subject:
    """Read the clauses after a name: particulars are skipped, the first position is taken."""
    text = view.text
    at = text.find(name, start, head_end)
    title, employer = _position_in_brackets(text[at:head_end])
    clause_start = head_end + 1
    after = head_end
    for _ in range(14):
        if clause_start >= end:
            break
        stop = _STOP.search(text, clause_start, end)
        clause_end = stop.start() if stop else end
        clause = text[clause_start:clause_end]
        if not is_particular(clause):
            found = _position_of(clause)
            after = clause_end if any(found) else after
            title, employer = title or found[0], employer or found[1]
            break
        after = clause_end
        clause_start = clause_end + 1
    draft = roster.person(name, (at, at + len(name)), title=title, employer=employer)
    return Subject((draft,), after)


def _position_in_brackets(head: str) -> tuple[str | None, str | None]:
    """Read NAME（ORG+TITLE）."""
    bracket = _OTHER_NAME.search(head)
    if bracket is None or is_particular(bracket.group()[1:-1]):
        return None, None
    position = split_position(bracket.group()[1:-1])
    return (position.title, position.employer) if position.title else (None, None)


def _position_of(clause: str) -> tuple[str | None, str | None]:
    if _POST_CLAUSE.match(clause) or len(clause) > 60:
        return None, None
    lead = _POSITION_LEAD.match(clause)
    text = clause[lead.end() :] if lead else clause
    position = split_position(text)
    if position.title is None:
        return None, None
    return position.title.strip("、"), position.employer


_CLASS_HEADING = re.compile(
    r"相关|有关|其他|责任(?:单位|人|部门|企业)|事故(?:单位|企业)|单位$|人员$|企业$|部门$|建议|意见"
)
_ABOUT = re.compile(
    r"^(?:关于)?(?:对|给予)?(?P<who>[^，。；：]{2,40}?)(?:同志)?的?(?:责任认定|责任|处理|处罚|处分|追责|问责)"
    r"(?:和|及|、|与|以及)?(?:处理|处罚)?(?:建议|意见|情况|落实情况|结果)$"
)

_ABOUT_ALONE = re.compile(
    r"^关于(?:对)?(?P<who>[^，。；：]{2,40}?)(?:同志)?的(?:处理|处罚|处分|追责|问责"
    r"|(?:刑事|行政|党纪|政务|党纪政务)?责任追究(?:及?落实)?(?:情况|结果))$"
)


def _heads_about(words: str) -> re.Match[str] | None:
    """Read the party of 对A公司的处理建议, 关于张三的处理, 关于张三的刑事责任追究情况."""
    return _ABOUT.match(words) or _ABOUT_ALONE.match(words)


def heading_parties(view: View, roster: Roster, node: Node) -> tuple[PartyDraft, ...]:
    """Return the party that a heading is: 永川安达公司, 张三（安全员）, 对永川安达公司的处理建议.

    A heading that names a class (有关责任人员) or a kind (建议给予行政处罚单位) is no party.
    """
    title = node.title or ""
    if view.text[node.body : node.body + len(title)] != title:
        return ()
    about = _heads_about(title)
    if about is not None:
        found = _about(roster, about.group("who"), node.body + about.start("who"), node.title_end)
    else:
        found = _about(roster, title, node.body, node.title_end)
    return found.parties if found else ()


_TELLS = re.compile(r"(?:如下|调整|处理)：")
_RESPONSIBILITY = re.compile(
    r"(?:负有?|承担|应负|负主体)(?:[^，。；责]{0,10}?)(?P<kind>(?:主要领导|重要领导|直接领导|主要管理|直接管理|主要监管|直接监管|安全管理|"
    r"直接|主要|重要|次要|同等|一定|相应|管理|主体|监管|监督|属地管理|属地|领导|连带|全部|间接)(?:[、和](?:直接|主要|重要|管理|领导|监管))?)责任"
)


def read_responsibility(text: str, start: int, end: int) -> list[str]:
    """Return the responsibility that an item states as printed: 主要领导责任."""
    found: list[str] = []
    for match in _RESPONSIBILITY.finditer(text, start, end):
        word = match.group("kind") + "责任"
        if word not in found:
            found.append(word)
    return found
