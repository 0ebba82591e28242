"""How far a sanction has come by the words of its document: proposed, decided, executed or not.

An investigation report proposes, but says which criminal steps have been taken; a reply decides;
an evaluation says what became of each: 已缴纳, 已执行完毕, 仍未吊销, 落实情况：已落实.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from extractor.extraction import Stage
from extractor.reading.labels import label_pattern, labels
from extractor.reading.sanctions import Cue, is_not_executed

OUTCOME_KINDS = frozenset({"EVAL", "CIRC", "SELF"})
"""Document kinds that say what became of a sanction."""

_PROPOSING_KINDS = frozenset({"INV"})
_PROPOSES = re.compile(r"建议[^。；]{0,60}$")
_THEN_DONE = re.compile(r"，(?:\d{4}年\d{1,2}月|[^，。；建]{2,20}已)")
_DONE_BEFORE = re.compile(r"已(?:于[^，。；]{2,14}?)?(?:被|给予|受到|作出|对)")
_GOES_WITH = ("并", "同时", "且")
_SUFFERED = re.compile(r"被[^，。；]{2,24}?(?:局|大队|支队)[^。；]{0,24}$")
_PAID = re.compile(
    r"已[^。；，未]{0,18}缴(?:纳|款|清|至|入)|(?<!未)(?<!未全额)(?<!未全部)(?<!未足额)缴(?:纳|款|清)(?:完毕|到位)|(?<!未)执行(?:完毕|到位)(?!之日)|已执行|(?:全部|全额|足额)缴纳"
    r"|缴入国库|(?:已|全额|全部)上缴|罚款(?:当日|当场)缴|将罚款全[额部][^。；]{0,8}缴"
)
_PART_PAID = re.compile(
    r"分期|尚欠|欠缴|其余|剩余|余款|部分缴纳|未缴清|未足额|缴纳(?:了)?\d[^。；，]{0,8}元后"
)
_UNPAID = re.compile(
    r"(?:未|拒不|拒绝|没有)[^。；，]{0,8}(?:缴纳|缴款|缴清|履行(?=[，。；]|处罚|缴|到位|完毕|行政))|未执行"
)
_WROTE = re.compile(r"已[^。；]{0,40}(?:作出|做出|提交|完成|写出|作)")
_TOLD_TO_WRITE = re.compile(r"责令|责成|要求|应当?|须")
_TOLD = re.compile(r"由(?!于)|责令|责成|要求|应当?|须")
_CLAIMED = re.compile(r"已(?:经)?(?:全部)?(?:落实到位|执行到位|落实完毕|执行完毕)")
_STILL_NOT = re.compile(
    r"[^。；，]{0,30}，(?:[^。；，]{2,20}?(?:局|厅|委|政府|机关|部门|法院|支队|大队))?"
    r"(?:截至[^。；，]{2,12})?(?:至今|仍|尚|一直)未[^。；，]{0,6}(?:作出|落实|执行|处罚|给予|进行|吊销|缴纳|收到)"
)
_GOES_ON = re.compile(
    r"该|罚款|上述|目前|其|均|截至|当事人|已|款项|至今|[三两二]笔|经(?:评估|查|核)"
)
_CARRIED_OUT_INSIDE = re.compile(
    r"已(?:经)?(?:被|将|于|从|与|对|按|全部|在)?[^。；，]{0,16}(?:扣|解除|辞退|免去|免职|调离|撤|降|执行|兑现|落实|到位|离职)"
)
_CARRIED_OUT = {
    "admin.detention": re.compile(r"已?执行完毕|已执行"),
    "admin.license_revoked": re.compile(r"已(?:于[^，。；]{2,14})?(?:依法)?(?:吊销|注销|撤销)"),
    "admin.stop_production": re.compile(
        r"(?:复查|验收)[^。；，]{0,4}合格|恢复(?:其)?(?:经营|生产)"
    ),
    "org.admonition": re.compile(
        r"谈话已[^。；]{0,16}(?:完成|进行)|已[^。；，]{0,16}进行[^。；，]{0,4}诫勉"
    ),
    "unit.interview": re.compile(r"进行了?约谈|约谈了|已[^。；，]{0,20}约谈"),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """Where a sanction is stated: the part of the sentence, the clause, the cue, what is around.

    `limit` is where the next cue begins. `prose` says that the item is a paragraph about several
    parties, so that what follows in another sentence may be about somebody else.
    """

    part_start: int
    clause: int
    cue: Cue
    limit: int
    item_start: int
    item_end: int
    prose: bool


def read_stage(text: str, document_kind: str, kind: str, at: Statement, *, step: bool) -> Stage:
    """Return how far the sanction has come; `step` for a step that only counts when taken."""
    start = at.cue.start
    outcome = document_kind in OUTCOME_KINDS
    if outcome and is_not_executed(text, at.clause, start):
        return "not_executed"
    if outcome and _STILL_NOT.match(text, at.cue.end, at.item_end):
        return "not_executed"
    if outcome and kind.startswith("none."):
        return "proposed" if "建议" in text[at.clause : at.cue.end] else "decided"
    paragraph = max(text.rfind("\n", 0, start) + 1, at.item_start)
    if outcome and labels("asked").match(text, paragraph):
        return "proposed"
    before = text[at.clause : start]
    if document_kind in _PROPOSING_KINDS:
        taken = step and "建议" not in text[at.part_start : start]
        if before.startswith(_GOES_WITH):
            before = text[at.part_start : start]
        done = _DONE_BEFORE.search(before) and "建议" not in before
        done = done or _imposed_already(text, kind, at)
        return "decided" if taken or (done and not kind.startswith("none")) else "proposed"
    proposal = _PROPOSES.search(text[at.part_start : start])
    if proposal and not (outcome and _THEN_DONE.search(proposal.group())):
        return "proposed"
    return _outcome(text, kind, at, outcome=outcome)


def _imposed_already(text: str, kind: str, at: Statement) -> bool:
    """Tell whether a report says that something was imposed before it: 被县公安局行政拘留5日."""
    said = text[at.part_start : at.cue.end]
    if "建议" in said or kind.startswith("none"):
        return False
    return "已移" in said or (kind.startswith("admin.") and _SUFFERED.search(said) is not None)


def _outcome(text: str, kind: str, at: Statement, *, outcome: bool) -> Stage:
    """How far the text says that the sanction has come: paid, written, carried out."""
    tail = text[at.cue.start : _end_of_statement(text, at)]
    if kind == "admin.fine":
        return _payment(tail)
    if kind.endswith("self_criticism"):
        told = _TOLD_TO_WRITE.search(text, at.clause, at.cue.start) is not None
        wrote = _WROTE.search(text[at.part_start : at.limit]) is not None
        return "executed" if wrote or (outcome and not told) else "decided"
    if kind == "crim.transferred" and _CLAIMED.search(tail):
        return "executed"
    if outcome and kind.startswith("internal.") and not kind.endswith(".unspecified"):
        told = _TOLD.search(text, at.clause, at.cue.start) is not None
        done = _CARRIED_OUT_INSIDE.search(text[at.clause : at.cue.start] + tail) is not None
        return "executed" if done and not told else "decided"
    carried_out = _CARRIED_OUT.get(kind)
    around = text[at.clause : at.cue.start] + tail
    return "executed" if carried_out and carried_out.search(around) else "decided"


def _payment(tail: str) -> Stage:
    paid = _PAID.search(tail)
    if _PART_PAID.search(tail):
        return "decided" if paid or _UNPAID.search(tail) is None else _part_or_none(tail)
    if _UNPAID.search(tail) and not paid:
        return "not_executed"
    return "executed" if paid else "decided"


def _part_or_none(tail: str) -> Stage:
    """Tell a fine of which a part has been paid from one of which nothing has."""
    return "decided" if re.search(r"(?<!未)缴纳(?:了)?\d", tail) else "not_executed"


def _end_of_statement(text: str, at: Statement) -> int:
    """Return where the words about this sanction end: in prose, before another party's sentence."""
    if not at.prose:
        return at.item_end
    end = at.cue.end
    while end < at.item_end:
        stops = [at_ for mark in "。；\n" if (at_ := text.find(mark, end, at.item_end)) >= 0]
        end = min(stops, default=at.item_end - 1) + 1
        if _GOES_ON.match(text, end) is None:
            break
    return end


@cache
def _confirmed() -> re.Pattern[str]:
    done = r"(?:经查，)?(?:均|该项)?已(?:经)?(?:全部)?(?:落实|执行|完成|到位)"
    return re.compile(label_pattern("done") + done)


def find_confirmation(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return where an item says of all that it proposes that it has been done: 落实情况：已落实."""
    match = _confirmed().search(text, start, end)
    return match.span() if match else None
