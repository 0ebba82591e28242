"""Who acts: the subjects of sentences that ask for or report an action.

Written forms: A要…; A、B和C应…; 由A牵头，B配合; A印发了…; A、B等地成立…; 该公司, 我局 (the unit
whose part of the text it is). Lists are split where the part before 、 和 及 is a name of its own
(市公安局、应急局), not inside a name (自然资源和规划局), not before a shared tail (公安、交通等
部门), not in the set phrase 各级党委、政府和有关部门.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from extractor.rules import load_toml

Manner = Literal["required", "planned", "reported"]

_CLAUSE = re.compile(r"[^，。；：！？\n]+")
_LIMIT = 90
_NAME_LIMIT = 36
_PREDICATED = re.compile(
    r"[要应须]组织|负责组织|将(?![乐军])|把(?!手)|负责）|收到|改为|[^有]以[“按]|等.{4,}的|由"
)
_NAME = re.compile(r"[\u4e00-\u9fffA-Za-z0-9·（）、“”〇*×]{2,90}")
_BRACKETS = re.compile(r"（[^（）]{0,40}）")
_AND = re.compile(r"、|以及|及其|及|和|与|或者|或|尤其是|特别是")
_GLUED = re.compile(
    r"(?<=[局委队])(?=[市县区省][^局委]{2,12}(?:局|委|队|会|办)(?:$|[、市县区省各]))"
    r"|(?<=[局队府])(?=各(?:镇|乡|乡镇|街道|县|区)(?:人民政府|政府|办事处|$))"
)
_BARE_CLASS = re.compile(r"(?:单位|部门|企业|机构)(?=$|[、和及])")
_QUALIFIED = re.compile(r"(?:各|有关|相关)")
_GLUED_OFFICES = re.compile(r"(?<=局)(?=(?!交警|森林|分局)[^局、分]{2,6}局$)")
_LEAD = re.compile(
    r"(?<!建立)(?<!成立)(?<!形成)(?<!构建)(?<!健全)(?<!完善)"
    r"由(?P<who>[^，。；：由\n]{2,70}?)(?:按照?职责|依职责|按职责|依据职责|共同|分别|具体|总)*(?:分工)?(?:牵头|负责|组织|承担|会同|督促|联合)"
)
_SUPPORT = re.compile(
    r"(?:，|、|。|；|会同|联合|(?<=牵头)(?=[省市县区州旗]))(?P<who>[^，。；：\n]{2,90}?)(?:等(?:有关|相关)?(?:部门|单位))?(?:按照?职责|依职责|按职责|根据职责|积极|做好|予以)*(?:分工)?(?:配合|协助|参与|参加|协同|分工负责)"
)
_TOGETHER = re.compile(
    r"(?:要|应当?|须|必须|负责|牵头|(?<![^，。；：、.\d）]))(?:会同|联合)(?P<who>[^，。；：\n]{2,60}?)"
    r"(?=召开|组织|开展|对|加强|建立|制定|完善|健全|研究|推进|督促|进行|实施|集中|全面|定期|每|在|将"
    r"|印发|出台|编制|起草|举办|部署|检查|排查|核查|摸排|约谈|修订|成立|落实|深入|赴)"
)
_PARTNERS = re.compile(
    r"会同(?P<who>[^，。；：\n]{2,60}?)"
    r"(?=，|召开|组织|开展|对|加强|建立|制定|研究|推进|督促|进行|实施|印发|检查|排查|在|于|编制|修订)"
)
_CLASS_PARTNER = re.compile(
    r"(?:部门|机关|单位|机构|各方|^(?:公安)?派出所|^乡镇|^街道|^镇街|^社区)$|等[^，。；]{0,4}$"
)
_WITH = re.compile(r"(?P<who>[^，。；：\n]{2,60}?)(?:也|均)?(?:要|应当?|须|必须)?会同")
_IN_BRACKETS = re.compile(
    r"（(?P<who>[^（）]{2,40}?)(?:按照?职责|依职责|按职责|分别)*(?:分工)?负责）"
)
_PAST = frozenset({"已", "已经", "先后", "多次", "累计", "也", "随即", "反复", "正在"})
# A name with an unmistakable ending stands before a verb that no table knows (市场监管局抽检…).
_OFFICE = re.compile(
    r"[\u4e00-\u9fff（）、]{2,36}?(?:局|公司|管委会|委员会|办事处|人民政府|支队|大队)"
    r"(?![分子的长员、和与及局站所委书主副科股室等内外有股）（])(?=.)"
)
_JOINED = re.compile(r"(?:特别|尤其)是")
_AGENT = re.compile(r"(?:应当?|必须|须|需要?|要)由")
_CLASS_HEADINGS = frozenset({"部门", "企业", "政府", "党委政府", "单位", "社区"})
_LAID_DOWN = re.compile(r"[，、](?:并|且)?(?:明确|要求|规定)(?!了)[^。；]*")
_LAYS_DOWN = re.compile(r"(?:并|且)?(?:明确|要求|规定)(?!了)")
_SET_PHRASE = re.compile(
    r"各级党委(?:、|和)?政府(?:(?:、|和|及其?)各?(?:有关|相关)?(?:部门|单位))?"
)
_LABELLED = re.compile(
    r"(?:(?P<lead>牵头)|(?P<support>配合|协助)|整改|落实|实施)?(?:责任)?(?:单位|部门|主体)：(?P<who>[^；。\n]{2,90}?)(?=[；。）\n]|，(?!各|[省市县区][^，；。）\n]{1,14}[局委办队府镇街乡][）；、，\n])|$)"
)
_QUALIFIER = re.compile(r"^(?:其(?!他|余)|各自的?|原|[所下]属的?|本级|同级|的)")
_DUTY_NAME = re.compile(
    r"(?:责任|牵头|配合|协助|协办|主办|落实|整改|实施|涉及)(?:单位|部门|主体|人)$"
)
_LEADS = re.compile(
    r"(?:^|(?<=[，。；：（\n]))(?P<who>[^，。；：由（）\n]{2,40}?)牵头(?!的|单位|部门|人|责任)"
)
_ROLE = re.compile(
    r"^(?:施工|建设|监理|总包|总承包|分包|劳务|设计|使用|出租|承租|产权|维保|涉事|事故|事故发生|责任)"
    r"(?:单位|企业|方)(?=[\u4e00-\u9fff（）]{2,}(?:公司|厂|矿|局|集团|合作社|中心|部|行)$)"
)
_NOTE = re.compile(
    r"（(?:以下|简称|详见|见附|含|[^（）]{0,8}(?:单位|方)[^（）]{0,4}）)[^（）]*）?$"
)
_ORDINAL = re.compile(
    r"^(?:[一二三四五六七八九十]{1,2}[是要]|[第其][一二三四五六七八九十]{1,2}[，、]|(?:首先|其次|再次|最后)，?)"
)


@dataclass(frozen=True, slots=True)
class Subjects:
    """Names as printed, in order, without repeats; `lead` and `support` are part of `actors`."""

    actors: tuple[str, ...] = ()
    lead: tuple[str, ...] = ()
    support: tuple[str, ...] = ()


@cache
def _rows() -> dict[str, Any]:
    rows: dict[str, Any] = load_toml("measures.toml")["actors"]
    return rows


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(_rows()[name])


@cache
def _endings() -> tuple[tuple[str, ...], frozenset[str]]:
    return tuple(_rows()["endings"]), frozenset(_rows()["not_alone"])


@cache
def _predicate() -> re.Pattern[str]:
    words = sorted({*_rows()["adverbs"], *_rows()["verbs"]}, key=len, reverse=True)
    fixed = "".join(_rows()[f"{name}_pattern"] for name in ("modal", "nominal", "short"))
    # Every character that a predicate can begin with, and some more: a quick look before the list.
    begins = "".join({*(word[0] for word in words), *re.findall(r"[\u4e00-\u9fff]", fixed), "主"})
    return re.compile(
        rf"(?=[{begins}\d])(?:(?P<modal>{_rows()['modal_pattern']})"
        rf"|(?P<part>{_rows()['nominal_pattern']})"
        rf"|(?P<verb>{_rows()['short_pattern']}|主要(?!负责|领导)|{'|'.join(words)}))"
    )


def is_actor_name(name: str) -> bool:
    """Say whether these words can be somebody who acts: a unit, an office, a class of units."""
    endings, not_alone = _endings()
    bare = _BRACKETS.sub("", name)
    return _pattern("short_office_pattern").match(bare) is not None or (
        len(bare) >= 2
        and bare.endswith(endings)
        and bare not in not_alone
        and _depth(name) == 0
        and (not _begins_with_verb(bare) or _tells_which(bare))
        and _PREDICATED.search(name) is None
        and len(bare) <= _NAME_LIMIT
    )


def _begins_with_verb(words: str) -> bool:
    """Say whether a clause begins so, and no name: 督促…, 对…; not 无锡市, 教育部门."""
    return _pattern("not_first_pattern").match(words) is not None


def _tells_which(name: str) -> bool:
    """涉及液氨制冷的企业: a class, and which of it."""
    clause = _pattern("relative_pattern").match(name)
    return clause is not None and (
        _pattern("relative_class_pattern").match(name[clause.end() :]) is not None
    )


def is_post(name: str) -> bool:
    """Say whether the name is only a post, without its unit: 主要负责人, 企业负责人, 带班领导."""
    return _pattern("post_pattern").match(name) is not None


def is_class(name: str) -> bool:
    """Say whether the name is a class of units (各部门, 属地政府, 事故单位), not one of them."""
    return _pattern("class_pattern").match(name) is not None


def find_subjects(text: str, start: int, end: int, manner: Manner) -> Subjects:
    """Return who acts in `text[start:end]`, by explicit subjects only.

    `reported` and `planned` accept a subject in front of a plain verb in any clause (A印发了…);
    `required` only where a sentence begins, elsewhere a modal verb must follow, and what was done
    (A已…) names nobody. `reported` takes 区委主要领导 for 区委.
    """
    found = _found(text, start, end, manner)
    body = _pattern("composed_pattern").sub("", text[start:end])
    if manner == "reported":
        body = _LAID_DOWN.sub("", body)
    lead = _assigned(_LEAD, body, "由") + _assigned(_WITH, body, "会同")
    lead += _assigned(_LEADS, body, "牵头")
    support = _assigned(_SUPPORT, body, "配合", "协助", "参与", "参加", "协同", "分工负责")
    partners = _assigned(_PARTNERS, body, "会同")
    (partners if manner == "reported" else support).extend(
        _assigned(_TOGETHER, body, "会同", "联合")
    )
    support += [name for name in partners if _CLASS_PARTNER.search(name) is None]
    bracketed = _assigned(_IN_BRACKETS, body, "负责）")
    for role in _LABELLED.finditer(body):
        listed = role.group("who").replace("，", "、")
        names = [n for n in split_names(listed) if is_actor_name(n)]
        (lead if role.group("lead") else support if role.group("support") else found).extend(names)
    actors = _without_posts(_unique([*found, *lead, *support, *bracketed]))
    lead = [name for name in lead if name in actors]
    support = [name for name in support if name in actors and name not in lead]
    return Subjects(actors, _unique(lead), _unique(support))


def _without_posts(names: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out the posts (带班领导) beside units, whose leaders they are."""
    units = tuple(name for name in names if not is_post(name))
    return units or names


def _found(text: str, start: int, end: int, manner: Manner) -> list[str]:
    """The subjects of the clauses; beside a named unit a class (作业单位必须…) is its object."""
    found: list[str] = []
    named = False
    for name, opens, aside in _clause_subjects(text, start, end, manner):
        names = [
            part
            for part in split_names(_body_of(name) if manner == "reported" else name)
            if is_actor_name(part) or _is_listed(part, name)
        ]
        roles = names and all(_pattern("role_pattern").match(part) for part in names)
        if (roles or aside) and named and not opens:
            continue
        named = (named and not opens) or any(not is_class(n) and not roles for n in names)
        found.extend(names)
    return found


def _body_of(name: str) -> str:
    """区委主要领导, 省委全会: the body for which a leader or a meeting stands."""
    body = _pattern("body_tail_pattern").sub("", name)
    return body if is_actor_name(body) else name


def _is_listed(part: str, name: str) -> bool:
    """长沙、湘潭 of 长沙、湘潭等地; 公安、交通等部门 as a whole."""
    return _pattern("list_tail_pattern").search(name) is not None and (
        part == name or len(part) <= 8
    )


def _assigned(pattern: re.Pattern[str], body: str, *marks: str) -> list[str]:
    if not any(mark in body for mark in marks):
        return []
    return [
        name
        for found in pattern.finditer(body)
        for name in split_names(_strip(found.group("who")))
        if is_actor_name(name)
    ]


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _clause_subjects(
    text: str, start: int, end: int, manner: Manner
) -> Iterator[tuple[str, bool, bool]]:
    """Yield the subjects, whether a sentence opens with them, and whether a case (…的，) does.

    What a rule or system lays down (明确由…) is not what they do.
    """
    laid_down = False
    plain = manner != "required"
    for clause in _CLAUSE.finditer(text, start, end):
        opens = clause.start() == start or text[clause.start() - 1] in "。；：！？\n"
        laid_down = laid_down and not opens
        laid_down = laid_down or (plain and _LAYS_DOWN.match(clause.group()) is not None)
        if laid_down:
            continue
        said = _pattern("composed_pattern").sub("", clause.group())
        name = subject_of(said, plain_verb=plain or opens, plain_past=plain)
        if name is None and clause.end() < end and text[clause.end()] in "，：":
            name = _before_comma(text, said, clause.end(), end)
        if name is not None:
            yield name, opens, text[clause.start() - 2 : clause.start()] == "的，"


def _before_comma(text: str, clause: str, stop: int, end: int) -> str | None:
    """A subject that a comma parts from its verb, or a colon: A、B交通运输部门，要加强…."""
    name = _strip(clause)
    if text[stop] == "：":
        named = is_actor_name(name) and _NAME.fullmatch(name) and not _DUTY_NAME.search(name)
        return name if named else None
    behind = _JOINED.match(text, stop + 1, end) or (
        _pattern("modal_pattern").match(text, stop + 1, end)
    )
    return name if behind and is_actor_name(name) and _NAME.fullmatch(name) else None


def subject_of(clause: str, *, plain_verb: bool, plain_past: bool = True) -> str | None:
    """Return the subject with which a clause begins, or None.

    A modal verb must follow it (A要…), or with `plain_verb` an adverb, preposition or verb; without
    `plain_past` not one that tells what was done (A已…, A多次…).
    """
    body = _strip(clause)[:_LIMIT]
    if handed_in := _pattern("handed_in_pattern").match(body):
        return handed_in.group("who")
    if which := _pattern("relative_pattern").match(body):
        modal = _pattern("modal_pattern").search(body, which.end())
        if modal and is_actor_name(body[: modal.start()]):
            return body[: modal.start()]
        body = body[which.end() :]
    return _subject_before(body, plain_verb=plain_verb, plain_past=plain_past)


def _subject_before(body: str, *, plain_verb: bool, plain_past: bool) -> str | None:
    """Return what stands before the first predicate that has a name before it."""
    if _begins_with_verb(body) and "由" not in body:
        return None
    at = 0
    while found := _predicate().search(body, at):
        at = found.end() if found.group("part") else found.start() + 1
        if not plain_past and found.group() in _PAST:
            return None
        name = body[: found.start()].removesuffix("们")
        if found.group("part") or not (plain_verb or found.group("modal")) or _depth(name):
            continue
        if found.group() == "为" and _pattern("appointed_pattern").match(body, found.start()):
            return None
        name = _pattern("holder_pattern").sub("", name.rpartition("由")[2])
        if _is_subject(name):
            return name
        if found.group("modal"):  # what is to be done stands behind it, or 应由 and who does it
            agent = _AGENT.match(body, found.start())
            rest = body[agent.end() :] if agent else ""
            return _subject_before(rest, plain_verb=True, plain_past=plain_past)
    office = _OFFICE.match(body) if plain_verb and plain_past else None
    return office.group() if office and _is_subject(office.group()) else None


def names_before(text: str, start: int, end: int) -> tuple[str, ...]:
    """Return the names with which `text[start:end]` ends, where a list follows: A、B：一是…."""
    said = text[start:end].rstrip("：，\n")
    clause = re.split("[。；：！？，\n]", said[-_LIMIT:])[-1]
    name = _strip(clause).removeprefix("对")
    if not 2 <= len(name) <= _LIMIT - 1 or _NAME.fullmatch(name) is None:
        return ()
    names = tuple(split_names(name))
    return names if all(is_actor_name(part) for part in names) else ()


def opens_clause(text: str, at: int, start: int) -> bool:
    """Say whether a clause of `text` begins at `at`, also behind a number or 由."""
    return at == start or text[at - 1] in "，。；：！？\n）、.由是"


def acts_behind(text: str, at: int, end: int) -> bool:
    """Say whether a predicate stands at `at`: 要, 应, an adverb, a verb."""
    return _predicate().match(text, at, end) is not None


def _is_subject(name: str) -> bool:
    if _NAME.fullmatch(name) is None or _begins_with_verb(name):
        return False
    tail = _pattern("list_tail_pattern").search(name)
    parts = split_names(name)
    return bool(tail) or (bool(parts) and is_actor_name(parts[-1]))


def _strip(clause: str) -> str:
    clause = _ORDINAL.sub("", clause)
    skip = _pattern("skip_pattern").match(clause)
    return clause[skip.end() :] if skip and skip.end() < len(clause) else clause


def _depth(text: str) -> int:
    return text.count("（") - text.count("）") + text.count("“") - text.count("”")


def split_names(name: str) -> list[str]:
    """Split a list of names: A、B和C, 甲市、乙区政府; not 自然资源和规划局, 公安、交通等部门."""
    tail = _pattern("list_tail_pattern").search(name)
    core = name[: tail.start()] if tail else name
    parts = [
        piece
        for glued in _GLUED.split(core)
        for part in _split_at(glued)
        for piece in _GLUED_OFFICES.split(part)
    ]
    names = [part for part in (_bare(part) for part in parts) if part]
    places = bool(tail) and _pattern("place_tail_pattern").search(name) is not None
    if places and len(names) == 1:
        return [part for part in core.split("、") if part]
    if tail and not places and not (names and is_actor_name(names[-1])):
        return [name]
    return [_class_behind(part) for part in names]


def _bare(name: str) -> str:
    """施工单位甲公司（以下简称…）: the name without role, qualifier and bracket."""
    return _ROLE.sub("", _QUALIFIER.sub("", _NOTE.sub("", name)))


def _class_behind(name: str) -> str:
    """The class that a list of fields gives examples of; the office before 等行业主管部门."""
    head, mark, tail = name.rpartition("等")
    if mark and "、" not in head and is_actor_name(head):
        return head
    return tail if mark and "、" in head and len(tail) >= 4 and is_actor_name(tail) else name


def _split_at(core: str) -> list[str]:
    """Split at 、 和 及 outside brackets where the part before is a name of its own."""
    parts: list[str] = []
    start = 0
    phrase = _SET_PHRASE.search(core)
    for joint in _AND.finditer(core):
        left = core[start : joint.start()]
        if joint.start() < start or _depth(left) != 0 or not left:
            continue
        if phrase and phrase.start() <= joint.start() < phrase.end():
            continue
        if core.startswith("其他", joint.end()):
            continue
        if _BARE_CLASS.match(core, joint.end()) and _QUALIFIED.match(core, start):
            continue
        if left.endswith("交警") and core.endswith("部门"):
            continue  # 公安交警、交通运输部门 share their end
        if is_actor_name(left) or left in ("部门", "政府", "企业", "单位") or _is_place(left):
            parts.append(left)
            start = joint.end()
    parts.append(core[start:])
    return parts


def _is_place(name: str) -> bool:
    return len(name) >= 2 and name[-1] in "省市县区旗州盟镇乡"


def heading_units(title: str) -> tuple[str, ...]:
    """Return the units that a heading names: X整改措施落实情况, （一）X局, 对X公司的建议."""
    core = re.sub(r"^(?:关于|对)", "", title)
    core = _pattern("heading_tail_pattern").sub("", core).rstrip("的，、")
    core = re.sub(r"（[^（）]*）$", "", core)
    if len(core) > 40 or "，" in core or "。" in core:
        return ()
    names = tuple(split_names(core))
    fits = all(is_actor_name(name) or name in _CLASS_HEADINGS for name in names)
    return names if fits else ()


def resolve_anaphora(
    subjects: Subjects, units: Sequence[str], known_units: Sequence[tuple[str, ...]]
) -> Subjects:
    """Put the heading's unit for 我局 and 该公司, and the accident unit's name for 事故单位."""

    def named(name: str) -> str:
        return _referent(name, units, subjects.actors, known_units)

    return Subjects(
        _unique([named(name) for name in subjects.actors]),
        _unique([named(name) for name in subjects.lead]),
        _unique([named(name) for name in subjects.support]),
    )


def _referent(
    name: str,
    units: Sequence[str],
    others: Sequence[str],
    known_units: Sequence[tuple[str, ...]],
) -> str:
    rows = _rows()
    if name in rows["self_words"]:
        if units:
            return units[0]
        noun = re.sub(r"^[我本该]", "", name)
        return next((other for other in others if other != name and other.endswith(noun)), name)
    if name in rows["accident_words"]:
        return next((group[0] for group in known_units if name in group), name)
    return name
