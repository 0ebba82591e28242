"""Sanctions: which party, which kind, how far it has come, by whom, on which basis, how much.

Read from the treatment chapter (处理建议, 责任追究落实情况), item by item: the first words say
who it is about, each cue states a kind, the words between say on whom it falls. A heading
that states a kind covers the names listed below it. One
record is one party and one kind.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice, takewhile

from extractor.reading.clauses import (
    ClauseReading,
    Context,
    Found,
    Item,
    PenaltyReading,
)
from extractor.reading.decisions import Decision, penalised_party
from extractor.reading.labels import label_pattern, labels
from extractor.reading.laws import LawCitation
from extractor.reading.listings import organ_of_list, read_listed
from extractor.reading.mentions import Scope
from extractor.reading.names import (
    count_of,
    is_particular,
    is_person_name,
    split_list,
    trailing_name,
    whole_titles,
)
from extractor.reading.organs import find_organ_behind, find_organs_for_all
from extractor.reading.outline import Node, Outline
from extractor.reading.roster import PartyDraft, Roster
from extractor.reading.runs import list_turns
from extractor.reading.sanctions import (
    Cue,
    find_cues,
    is_awaited,
    is_conditional,
    is_negated,
    is_not_executed,
    mask_foreign,
)
from extractor.reading.sentences import clause_start
from extractor.reading.settling import settle
from extractor.reading.stages import OUTCOME_KINDS, find_confirmation
from extractor.reading.subjects import (
    Subject,
    heading_parties,
    read_responsibility,
    read_subject,
)
from extractor.reading.targets import find_proposed, find_targets
from extractor.reading.units import HEADING_LOST
from extractor.rules import penalty_families
from extractor.view import View

_SENTENCE = re.compile(r"[^。\n]{1,2000}(?:。[”’\"]?|\n|$)|[^。\n]{2000}")
_SUB_SENTENCE = re.compile(r"[^；]{1,2000}(?:；|$)")
_TRIGGER = re.compile(
    r"建议|责成|责令|报请|实行|给予|给与|予以|处以|处罚|判处|取消|没收|鉴于|被|(?<!曾)(?<!曾经)受到|已|由|移送|移交|免于|免予|不予|不再|涉嫌|依法|对其|因死亡|应当?(?:给予|追究)|实施|依据|根据|按照|依照|处(?=上一年|\d|[一二三四五六七八九十百]+万)|提请|将其|与其(?=解除|终止)|列入|纳入|作出|督促|(?:限制|暂停|停止)(?=(?:其|该公司|该单位|[^，。；]{2,30}公司)?(?:在[^，。；]{2,12})?(?:承接|承揽|投标|生产经营|开展生产经营))|免去|撤销|吊销|暂扣|扣发|将(?=[^，。；]{2,30}(?:调离|辞退|清退|开除|记不良|列入|纳入|记入|移送|移交))|对(?=[^，。；]{2,200}(?:进行|处|作出|实施|采取|诫|批|罚|开除|追究|留党|撤销|免去|停职|记过|警告|降级|约谈|通报))|向(?=[^，。；]{2,40}(?:作出|提交|写出|作深|作书))"
)
_BY_ORGAN = re.compile(r"(?<=[局厅委办府队院会司厂])(?:决定)?\Z")
_WHOLE_TEXT = frozenset({"REP", "PEN"})
_NUMBERS_ALONE = r"[^。，；\n]{0,20}[〔【\[][^。，；\n]{4,80}号）?(?=\n|$)"
_SUMMARY = re.compile(r"(?:以上|上述|前述)(?:人员|单位|责任人|调查|\d{1,3}(?:名|人))")
_UNRELATED = re.compile(
    r"与(?:本次|此次|本起|该起|这起|该|本)?事故(?:的?发生)?(?:无关|没有关系|无直接关系)"
)
_ANNOUNCES = re.compile(
    r"[^，。；：\d\n]{2,30}(?:的|处分|处罚|处理|检查|措施|责任|批评)(?:有关|相关|责任|其他)?"
    r"(?:单位|人员|个人|责任人|企业)(?:（[^（）\n]{1,12}）)?(?:的?(?:落实|处理|追究|执行)情况)?[。：]?\n?"
)
_LONGEST_PRESENTED = 40
_LONGEST_NAMED = 60
_CELLS = 2
_OUR_COMPANY = re.compile("我(?:公司|厂|矿|集团|项目部|企业)")
_WE = re.compile(r"本(?:机关|局|厅|部|委|单位)|我(?:局|厅|部|委)")
_ON_ALL = re.compile(r"(?:对|给予|将)(?:以上|上述|前述)[^，。；]{1,12}")
_ORDERS = re.compile(r"(?:建议)?(?:责成|责令|决定|由)[^。\n]{4,60}。")
_ACTS = re.compile(
    r"(?:已|也|依法|依规|分别|(?:根据|依据|按照|依照)[^，。；]{2,40}，|于\d[^，。；]{2,14}(?:，)?){0,4}"
    r"(?:对(?![“\"\d]|[^，。；]{2,40}(?:不力|不到位|不够|不严|不实|不深入|失管|失察|缺失|漏洞)[，。；]|事故|此次|本次|该起|上述)|对[^，。；]{2,20}(?:责任人|人员|责任单位|责任者)[^，。；]{0,12}(?:处理|处分|问责|追责)|对[^，。；]{2,80}(?:批复|批准)|作出(?!书面|深刻|检查)|给予|下达|送达|吊销|撤销|暂扣|处以|立案|决定|责令|约谈|没收|限制(?=其|该)|暂停(?=其|该)|将(?=[^，。；]{2,40}移))"
)
_MUST = re.compile(r"(?:要|应当?|须|必须|需要?)(?!(?:分别|立即|认真)?(?:向|作))")
_IS_DONE = re.compile(r"[^，。；\n]{0,20}?(?:均|也|全部)?已(?:于|经|全|缴|执行|宣布|落实)")
_AND_A_FINE = re.compile(r"并[处罚款人民币]{1,7}\d")
_IS_SUM = re.compile(r"(?:合计|共计|累计|总计|共)[^，。；]{0,6}$")
_ANNEXED_REPORT = re.compile(r"\n附件?\d?：?\n[^\n。]{4,80}调查(?:评估)?报告\n")
_IS_TEXT = re.compile(r"[^。；，]{0,24}的(?:情形|条款|规定情形)")
_IS_REST = re.compile(r"(?:其余|剩余|余下|尚欠|欠缴|未缴)[^，。；]{0,10}$")
_AND = re.compile(r"并(?:处)?(?:以)?|、|和")
_TOGETHER = re.compile(
    r"(?<=[。；，])(?:以上|上述)?(?P<count>(?:[二两三四五六七八]|\d{1,2})人)(?![员民次死受])"
)
_THEIRS = frozenset({"其", "该公司", "该单位", "该企业", "该矿", "该厂"})
_DISCIPLINE = frozenset({"party", "government", "organizational"})
_LISTED = _DISCIPLINE | {"administrative", "credit", "discipline"}
_NUMBER_KINDS = frozenset({"penalty", "procuratorate", "court", "police", "discipline"})


def read_penalties(
    view: View, outline: Outline, kind: str, roster: Roster, found: Found
) -> list[PenaltyReading]:
    """Read the sanctions of a document of this kind, in document order."""
    if kind in {"PLAN", "NOTICE", "RULE", "SUPV"}:
        return []
    masked = mask_foreign(view.text)
    context = Context(view, masked, roster, kind, found)
    chapters = [] if kind in _WHOLE_TEXT else outline.in_slot("treatment")
    if kind == "OTHER" and not chapters and not found.has_accident:
        return []
    context.in_chapter = bool(chapters)
    context.prose = kind in {"MEDIA", "INV", "OTHER"} and not chapters
    context.reads_subjects = bool(chapters) or kind == "REP" or context.prose
    if kind == "PEN":
        context.penalised = penalised_party(view, roster, found.title)
        context.decision = Decision()
    if kind == "REP" and (annexed := _ANNEXED_REPORT.search(view.text)) is not None:
        context.report_from = annexed.end()
    if kind == "SELF":
        context.by_company = _OUR_COMPANY.search(view.text) is not None
    readings: list[PenaltyReading] = []
    context.waiting = ()
    subjects: dict[int, tuple[PartyDraft, ...]] = {}
    for item in _items(context, chapters or [outline.root]):
        readings.extend(_read_item(context, item, subjects))
    if kind == "PEN":
        readings = readings or _from_title(context, outline, found.title)
        if any(not reading.kind.endswith(".unspecified") for reading in readings):
            readings = [r for r in readings if not r.kind.endswith(".unspecified")]
        _sign(readings, found)
    _name_organs_for_all(context, outline, readings)
    return settle(readings)


def _from_title(
    context: Context, outline: Outline, title: tuple[int, int] | None
) -> list[PenaltyReading]:
    """Read a decision that only its title states: 关于暂扣X安全生产许可证的行政处罚决定书."""
    if title is None:
        return []
    item = Item(*title, outline.root)
    scope = Scope(context.penalised, item_start=item.start)
    return [
        reading
        for reading in _read_sentence(context, item, scope, *title)
        if not reading.kind.endswith(".unspecified")
    ]


def _sign(readings: Sequence[PenaltyReading], found: Found) -> None:
    """Give a decision to the office that issues it, and its own number to what it decides."""
    for reading in readings:
        named = reading.organ is not None and _WE.fullmatch(reading.organ) is None
        if not named and found.issuer is not None:
            name, start, end = found.issuer
            reading.organ, reading.sources["organ"] = name, (start, end)
        if found.own_number is not None:
            reading.numbers = (found.own_number,)


def _name_organs_for_all(
    context: Context, outline: Outline, readings: Sequence[PenaltyReading]
) -> None:
    """Give the organ of 以上人员由X… to the sanctions on persons above it, under its heading."""
    for organ in find_organs_for_all(context.masked, context.roster):
        node: Node | None = outline.at(organ[1])
        while node is not None and not node.is_heading:
            node = node.parent
        begin = node.start if node is not None else 0
        _name_organ((r for r in readings if begin <= r.start < organ[1]), organ)


def _name_organ(readings: Iterable[PenaltyReading], organ: tuple[str, int, int] | None) -> None:
    """Put in who imposes a sanction, said for several of them, where nobody is named."""
    if organ is None:
        return
    for reading in readings:
        if reading.organ is None and penalty_families()[reading.kind] in _LISTED:
            reading.organ = organ[0]
            reading.sources["organ"] = organ[1:]


def _items(context: Context, chapters: Sequence[Node]) -> Iterator[Item]:
    """Yield the items: list elements with their paragraphs, and each paragraph under a heading.

    A numbered line that is a whole sentence with a sanction is an item too.
    """
    view = context.view
    for chapter in chapters:
        for node in chapter.walk():
            if chapter.parent is None and context.kind == "INV" and _is_told_before(node):
                continue
            start = node.title_end if node.is_heading else node.body
            if start >= node.own_end:
                continue
            if not node.is_heading:
                yield Item(_behind_slot(node), node.own_end, node)
                continue
            told = view.text[start - 1] == "。" and (
                "，" in (node.title or "") or any(find_cues(context.masked, node.body, start))
            )
            if told or _is_row(context, node) or _ORDERS.match(view.text, node.body, start):
                yield Item(node.body, start, node)
            for begin, stop in _paragraphs(view.text, start, node.own_end):
                yield Item(begin, stop, node)


def _behind_slot(node: Node) -> int:
    """Return where an element's text begins: behind a heading that only names the chapter."""
    names_chapter = node.slot == "treatment" and bool(node.title) and "，" not in (node.title or "")
    return node.title_end if names_chapter and node.title_end < node.own_end else node.body


def _is_row(context: Context, node: Node) -> bool:
    """Tell whether a numbered line is the row of a table: 1，张三，A公司矿长，移送司法机关."""
    cells = (node.title or "").count("，") >= _CELLS and not node.children
    return cells and any(find_cues(context.masked, node.body, node.title_end))


def _is_told_before(node: Node) -> bool:
    """Tell whether a chapter is about the accident, its causes or lessons: no sanctions of it."""
    return node.inherited_slot in {"lessons", "cause", "course", "basic", "loss", "measures"}


@cache
def _goes_on() -> re.Pattern[str]:
    said = label_pattern("asked", "done")
    return re.compile(f"{said}|处理结果：|{_NUMBERS_ALONE}")


def _paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the paragraphs; one of 建议：… or of numbers alone goes with the one before."""
    begin = start
    at = start
    while at < end:
        stop = text.find("\n", at, end)
        stop = end if stop < 0 else stop
        if stop >= end or not _goes_on().match(text, stop + 1, end):
            if text[begin:stop].strip():
                yield begin, stop
            begin = stop + 1
        at = stop + 1
    if begin < end and text[begin:end].strip():
        yield begin, end


def _read_item(
    context: Context, item: Item, subjects: dict[int, tuple[PartyDraft, ...]]
) -> list[PenaltyReading]:
    label = labels("asked", "done").match(context.masked, item.start, item.end)
    begin = label.end() if label else item.start
    parties = _parties_of(context, item, begin, subjects)
    if context.waiting:
        parties = _with_waiting(context, item, parties)
    scope = Scope(parties, accident_unit=context.found.accident_unit, item_start=item.start)
    scope.listed = _listed(context, item, parties)
    scope.prose = context.prose
    readings: list[PenaltyReading] = []
    for sentence in _SENTENCE.finditer(context.masked, item.start, item.end):
        if _says_nothing(item, sentence):
            continue
        if context.decision is not None and not context.decision.holds(sentence.group()):
            continue
        if context.reads_subjects and (not parties or sentence.start() > begin):
            _take_subject(context, item, scope, sentence.start(), sentence.end())
        readings.extend(_read_sentence(context, item, scope, sentence.start(), sentence.end()))
    if not readings and parties and context.in_chapter:
        readings.extend(read_listed(context, item, parties))
    if any(reading.organ is None for reading in readings):
        _name_organ(readings, organ_of_list(context, item))
    waits = not readings and context.masked[item.start : item.end].rstrip("\n").endswith("；")
    context.waiting = scope.subject if waits else ()
    if context.kind in OUTCOME_KINDS:
        _confirm(context, item, readings)
    _link_numbers(context, item, readings)
    _flag_lost(item, readings)
    return readings


def _flag_lost(item: Item, readings: Sequence[PenaltyReading]) -> None:
    if any(node.is_assumed for node in item.node.path()):
        for reading in readings:
            reading.flags.append(HEADING_LOST)


def _says_nothing(item: Item, sentence: re.Match[str]) -> bool:
    """Tell whether a sentence sums up, announces a list, or tells of what had other reasons."""
    said = sentence.group()
    inside = sentence.start() > item.start
    if _SUMMARY.match(said) and inside and not _ON_ALL.search(said):
        return True
    at_line = sentence.string[sentence.start() - 1 : sentence.start()] == "\n"
    if at_line and inside and _ANNOUNCES.fullmatch(said):
        return True
    return _UNRELATED.search(said) is not None


def _listed(
    context: Context, item: Item, parties: tuple[PartyDraft, ...]
) -> tuple[PartyDraft, ...]:
    """Return whom the items of this list up to here are about, for 以上3人."""
    parent = item.node if item.node.is_heading else item.node.parent
    if parent is not context.list_of:
        context.list_of, context.listed = parent, ()
    context.listed += tuple(party for party in parties if party not in context.listed)
    return context.listed


def _with_waiting(
    context: Context, item: Item, parties: tuple[PartyDraft, ...]
) -> tuple[PartyDraft, ...]:
    """Add the party of 5.张三，…； to that of 6.李四，…。二人…, where the count is theirs."""
    both = (*context.waiting, *parties)
    for match in _TOGETHER.finditer(context.masked, item.start, item.end):
        if count_of(match.group("count")) == len(both):
            return both
    return parties


def _parties_of(
    context: Context, item: Item, begin: int, subjects: dict[int, tuple[PartyDraft, ...]]
) -> tuple[PartyDraft, ...]:
    """Return whom an item is about: its first words, else its heading, else the item above it."""
    reads = context.reads_subjects and not context.prose
    subject = read_subject(context.view, context.roster, begin, item.end) if reads else None
    told = context.kind == "REP" or context.kind in OUTCOME_KINDS
    if subject is not None and told and _acts(context.masked, subject, item.end):
        subject = None
    parties = subject.parties if subject else context.penalised
    if not parties and item.node.is_heading and reads:
        parties = heading_parties(context.view, context.roster, item.node)
    if not parties and not item.node.is_heading and item.node.parent is not None:
        parties = subjects.get(id(item.node.parent), ())
    subjects[id(item.node)] = parties
    if subject is not None:
        _note_responsibility(context, item, parties)
    return parties


def _confirm(context: Context, item: Item, readings: Sequence[PenaltyReading]) -> None:
    """Take what an item proposes for done where it says so of all of it: 落实情况：已落实."""
    said = find_confirmation(context.masked, item.start, item.end)
    for reading in readings:
        if said is not None and reading.stage == "proposed" and reading.start < said[0]:
            reading.stage = "executed"
            reading.sources["stage"] = said


def _take_subject(context: Context, item: Item, scope: Scope, start: int, end: int) -> None:
    """Let a sentence, or a part of it, name whom it and those behind it are about.

    In running prose every sentence may; in a numbered item, which is about its first words, only
    one that describes another person and says what becomes of him (…；李四，A公司经理，建议…).
    """
    label = labels("asked", "done").match(context.masked, start, end)
    begin = label.end() if label else start
    if context.prose:
        begin = max(begin, context.masked.rfind("：", start, end - 1) + 1)
    subject = read_subject(context.view, context.roster, begin, end)
    if subject is None or _acts(context.masked, subject, end):
        return
    described = all(party.kind == "person" and party.title for party in subject.parties)
    disposed = _is_disposed(context.masked, subject.end, end)
    if scope.subject and described and not disposed and context.masked[start - 1] == "；":
        scope.subject += tuple(p for p in subject.parties if p not in scope.subject)
        return
    heads = any(cue.start == subject.end + 1 for cue in find_cues(context.masked, begin, end))
    described = described or heads or all(party in scope.subject for party in subject.parties)
    if context.prose:
        blamed = bool(read_responsibility(context.masked, subject.end, end))
        if not ((disposed or blamed) and (described or not _are_persons(subject))):
            return
    is_item = not item.node.is_heading and item.node.slot is None
    presented = described and _is_presented(context.masked, begin, end)
    if scope.subject and is_item and not (described and disposed) and not presented:
        return
    for party in subject.parties:
        if party.employer in _THEIRS and scope.subject:
            party.employer = scope.subject[0].name
    scope.subject, scope.last, scope.organ = subject.parties, (), None
    scope.subject_at = start


def _is_presented(text: str, start: int, end: int) -> bool:
    """Tell whether a sentence presents somebody as a list does: 张三，男，中共党员，…."""
    first = text.find("，", start, min(end, start + _LONGEST_PRESENTED))
    second = text.find("，", first + 1, end) if first > 0 else -1
    return second > 0 and is_particular(text[first + 1 : second])


def _are_persons(subject: Subject) -> bool:
    return any(party.kind != "organization" for party in subject.parties)


def _is_disposed(text: str, start: int, end: int) -> bool:
    """Tell whether these words say what becomes of somebody: 建议…, 由…, or a kind by itself."""
    if _TRIGGER.search(text, start, end) is not None:
        return True
    return any(text[cue.start - 1] in "，：" for cue in find_cues(text, start, end))


def _acts(text: str, subject: Subject, end: int) -> bool:
    """Tell whether the unit imposes (县应急局于5月6日作出…) or is told what to do (县政府要…)."""
    units = all(party.kind == "organization" for party in subject.parties)
    if not units:
        return False
    ordered = _MUST.match(text, subject.end, end) is not None
    return ordered or _ACTS.match(text, subject.end, end) is not None


def _note_responsibility(context: Context, item: Item, parties: Sequence[PartyDraft]) -> None:
    found = read_responsibility(context.masked, item.start, item.end)
    for party in parties:
        party.responsibility.extend(word for word in found if word not in party.responsibility)


def _read_sentence(
    context: Context, item: Item, scope: Scope, start: int, end: int
) -> Iterator[PenaltyReading]:
    scope.organ, scope.organ_group, scope.basis, scope.last = None, None, [], ()
    scope.before, scope.sentence = scope.sentence, start
    for part in _SUB_SENTENCE.finditer(context.masked, start, end):
        if context.reads_subjects and part.start() > start:
            _take_subject(context, item, scope, part.start(), part.end())
        basis, place = _basis_in(context.found.laws, part.start(), part.end())
        if basis:
            scope.basis, scope.basis_at = basis, place
        readings = list(_read_part(context, item, scope, part.start(), part.end()))
        if readings:
            last = max(reading.cue[1] for reading in readings)
            organ = find_organ_behind(context.masked, context.roster, last, part.end())
            _name_organ(readings, organ)
        yield from readings


def _basis_in(
    laws: Sequence[LawCitation], start: int, end: int
) -> tuple[list[str], tuple[int, int] | None]:
    """Return the articles cited as basis in this range, and the range that cites them."""
    found: list[str] = []
    places: list[int] = []
    first = bisect_left(laws, start, key=lambda law: law.start)
    for law in takewhile(lambda law: law.start < end, islice(laws, first, None)):
        if law.role == "basis" and law.articles:
            found.extend(article for article in law.articles if article not in found)
            places.extend((law.start, law.end))
    return found, (min(places), max(places)) if places else None


def _read_part(
    context: Context, item: Item, scope: Scope, start: int, end: int
) -> Iterator[PenaltyReading]:
    trigger = _TRIGGER.search(context.masked, start, end)
    cues = list(_accepted(context, start, trigger.start() if trigger else end, end))
    window, made = start, list[PenaltyReading]()
    whole: Cue | None = None
    for turn in list_turns(context.masked, cues, start, end):
        if turn.index and turn.whole is not None and turn.whole == whole:
            continue
        cue = turn.cue
        targets = find_targets(context.view, context.roster, scope, window, cue)
        window = cue.end
        if not targets and scope.unread is not None and context.in_chapter:
            targets = find_proposed(context.view, context.roster, scope, cue)
            if not targets:
                context.found.unread.append(scope.unread)
        if not targets:
            continue
        if turn.apart and len(targets) == turn.size > 1:
            targets = (targets[turn.index],)
        elif turn.whole is not None:
            cue = whole = turn.whole
        reading = ClauseReading(context, item, scope, cue, (start, end), turn.limit)
        made.extend(reading.records(targets))
        if turn.apart and turn.size > 1:
            scope.last = scope.shared or scope.last
    yield from _without_vague(context.masked, made)


def _accepted(context: Context, start: int, trigger: int, end: int) -> Iterator[Cue]:
    """Yield the cues that state a sanction: in reach of a trigger, not denied, not conditional."""
    text = context.masked
    accepted_to = start
    for cue in find_cues(text, start, end):
        clause = clause_start(text, start, cue.start)
        if is_not_executed(text, clause, cue.start) and context.kind in OUTCOME_KINDS:
            yield cue
            continue
        stated = cue.passive or cue.kind.startswith("none") or _is_a_cell(text, cue, start, end)
        stated = stated or (context.kind in OUTCOME_KINDS and bool(_IS_DONE.match(text, cue.end)))
        stated = stated or _is_done_by_organ(context, start, cue)
        stated = stated or bool(
            accepted_to > start and _AND.fullmatch(text, accepted_to, cue.start)
        )
        if cue.start < trigger and not stated and not _is_named(context, clause, cue):
            continue
        if is_conditional(text, start, cue.start):
            continue
        if cue.kind.endswith(".unspecified") and is_awaited(text, start, cue.start):
            continue
        if _only_spoken_of(text, start, cue, first=accepted_to == start):
            continue
        if is_negated(text, clause, cue.start) and not cue.kind.startswith("none"):
            continue
        if cue.kind == "context:self_criticism" and "安全检查" in text[cue.start - 4 : cue.end + 2]:
            continue
        accepted_to = cue.end
        yield cue


def _is_done_by_organ(context: Context, start: int, cue: Cue) -> bool:
    """Tell whether an account of outcomes says who did it right before: 县应急局|约谈A公司."""
    begin = max(start, cue.start - 4)
    by_organ = _BY_ORGAN.search(context.masked, begin, cue.start) is not None
    return by_organ and context.kind in OUTCOME_KINDS


def _only_spoken_of(text: str, start: int, cue: Cue, *, first: bool) -> bool:
    """Tell whether a sum, a rest or a condition of a text speaks of a sanction: 合计罚款X元."""
    if _IS_TEXT.match(text, cue.end) or _IS_REST.search(
        text, max(start, cue.start - 16), cue.start
    ):
        return True
    return not first and bool(_IS_SUM.search(text, max(start, cue.start - 12), cue.start))


def _is_named(context: Context, clause: int, cue: Cue) -> bool:
    """Tell whether a clause is nothing but ORG+TITLE+NAME and the sanction: 局长张三停职检查."""
    said = context.masked[clause : cue.start]
    parts = whole_titles(split_list(said)) if len(said) <= _LONGEST_NAMED else []
    named = [trailing_name(part) is not None for part in parts]
    return any(named) and all(
        is_named or is_person_name(part) for is_named, part in zip(named, parts, strict=True)
    )


def _is_a_cell(text: str, cue: Cue, start: int, end: int) -> bool:
    """Tell whether the cue is a cell of a row, or a clause by itself: ORG：罚款10万元，警告."""
    behind = text[cue.end : cue.end + 1]
    alone = cue.end >= end or behind in "，。；\n（" or behind.isdigit()
    alone = alone or _AND_A_FINE.match(text, cue.end) is not None
    return cue.start > start and text[cue.start - 1] in "，：" and alone


def _without_vague(text: str, readings: list[PenaltyReading]) -> Iterator[PenaltyReading]:
    """Drop 行政处罚 or 处分 where the words beside it name the kind: 罚款22万元的处罚."""
    for reading in readings:
        if not reading.kind.endswith(".unspecified") or not any(
            _specifies(text, other, reading)
            for other in readings
            if other.party is reading.party and not other.kind.endswith(".unspecified")
        ):
            yield reading


def _specifies(text: str, specific: PenaltyReading, vague: PenaltyReading) -> bool:
    family = penalty_families()[specific.kind]
    like = family == penalty_families()[vague.kind] or (
        vague.kind == "disc.unspecified" and family in _DISCIPLINE
    )
    first, second = sorted((specific.cue, vague.cue))
    gap = text[first[1] : second[0]]
    return like and len(gap) <= 16 and not re.search(r"[由并；。]", gap)


def _link_numbers(context: Context, item: Item, readings: Sequence[PenaltyReading]) -> None:
    """Link penalty, court, … numbers to the sanctions that they belong to.

    A number in the words of a sanction belongs to it alone. One in a sentence without a sanction
    (a line of numbers, 文号为…) belongs to all sanctions of the item before it.
    """
    parts = {reading.part for reading in readings}
    own: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    shared: list[int] = []
    numbers = context.found.numbers
    first = bisect_left(numbers, item.start, key=lambda number: number.start)
    for number in takewhile(lambda number: number.start < item.end, islice(numbers, first, None)):
        if number.kind not in _NUMBER_KINDS:
            continue
        part = next((p for p in parts if p[0] <= number.start < p[1]), None)
        if part is None:
            shared.append(number.index)
        else:
            own[part].append(number.index)
    for reading in readings:
        reading.numbers = tuple(own[reading.part] or shared)
