"""Who imposes a sanction, and to whom a self-criticism goes: the words around the cue.

Written forms of the organ: 由X…, 责成X给予…, 建议X对…, 被X刑事拘留, X于5月6日作出…, 督促企业…, and
behind the list (…处分，均由X宣布; 以上人员由X按照干部管理权限处理).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from extractor.reading.names import enterprise_end, organisation_end
from extractor.reading.roster import Roster
from extractor.reading.sanctions import Cue

_ACTS = (
    r"一并|统一|依法|依规|依纪|依照|依据|根据|按照?|对|给予|给与|予以|进行|责令|作出|负责|立案|吊销|暂扣|暂停|限制|停止|注销|撤销|督促|实施|提请|报请"
    r"|函告|追究|以|与其|和其|将|向|分别|没收|降低|扣减|扣发|扣罚|扣除|记入|计入|纳入|列入|移送|移交|约谈|解除|终止|辞退|免去|免职"
    r"|报(?=[^，。；]{2,16}(?:同意|批准|备案))|诫勉|提醒|通报|批评|关闭|取缔|调离|判处|宣布|罚款|警告|处(?=以|罚|其|上一|人民币|￥|\d|[一二三四五六七八九十壹贰叁肆伍陆柒捌玖])"
    r"|执行(?!情况)|在(?=[^，。；]{2,24}(?:通报|对|扣|记|评价|实行|取消))|实行|取消|另案|另行|查处|(?<!党)组织"
)
_OPENS_CLAUSE = r"(?:(?<![^，。；：\n.）])|(?<=\d、))"
_ORGAN_FORMS = (
    re.compile(
        r"责令(?P<organ>[^，。；：]{2,40}?)(?=对[^，。；]{2,40}(?:开除|处理|处分|免|撤|辞退|解除|给予|作出))"
    ),
    re.compile(
        rf"(?:由|责成|请|提请|报请|督促|要求)(?P<organ>[^，。；：、][^，。；：]{{1,40}}?)"
        rf"(?={_ACTS}|，依|，根|，按|，对|，处)"
    ),
    re.compile(
        r"建议[：，]?(?!由|责成|对|给予|将|移|追|依|按|免|不)(?P<organ>[^，。；：]{2,40}?)"
        r"(?=依法|依规|依纪|依照|依据|根据|按照?|对|给予|给与|予以|责令|(?<!党)组织|督促|责成"
        r"|处(?=以|罚|其|上一|人民币|\d)|罚款|进行|开除|将|吊销|暂扣|没收|约谈|扣[发罚])"
    ),
    re.compile(
        rf"{_OPENS_CLAUSE}(?P<organ>所在党组织|主管部门|相关部门|有关部门|发证机关|上级党组织|任免机关)"
        r"(?=给予|依法|对|吊销|予以|按)"
    ),
    re.compile(
        r"被(?P<organ>[^，。；]{2,30}?)(?=依法|以涉嫌|以|予以|刑事拘留|刑拘|批准逮捕|逮捕|执行|取保|批捕|立案|采取|监视"
        r"|行政拘留|治安拘留|判处|处罚|处以|罚款|给予|吊销|责令|停职|免职|免去|撤职|诫勉|通报|约谈|移送|提起|起诉|控制|查处)"
    ),
    re.compile(
        rf"{_OPENS_CLAUSE}(?P<organ>[^，。；：]{{2,30}}?)(?:已在公司内部|在公司内部|已|也已|于[^，。；]{{4,14}})?"
        r"(?:依法依规|依法|依规依纪|依纪依规)?(?:已)?(?:分别)?"
        r"对(?=[^，。；]{1,50}(?:处|给予|作出|进行|罚|立案|批评|诫|采取|提起|执行|批准|刑事|取保|监视|移送|追究|免职|开除|撤职"
        r"|记[入录]|吊销|暂扣|撤销|扣[发罚]|没收|责令|行政拘留|约谈|列入|纳入|降低|实施|予以))"
    ),
    re.compile(
        rf"{_OPENS_CLAUSE}(?P<organ>[^，。；：]{{3,30}}?)"
        r"(?=于\d{4}年|依据|根据|已?按照?(?=[^，。；]{2,12}(?:规定|制度|办法))|按照|依法对|以[^，。；]{2,40}(?:决定书|判决书|为由|罪))"
    ),
    re.compile(
        rf"{_OPENS_CLAUSE}(?P<organ>[^，。；：]{{2,30}}?)(?:于[^，。；]{{4,14}})?(?:已)?(?:依法)?(?:分别)?"
        r"(?:予以|与其解除|开除|调整(?=其|[^，。；]{2,40}岗位)|批准逮捕|立案|作出|决定|给予|处以|下达|印发|免去|扣[发罚]|解除|辞退|撤销|吊销|暂扣|暂停|限制|停止|降低|责令|责成|约谈|判处|取消|没收|判决|(?:经?(?:依法)?(?:审查|研究|审理|核实)(?:后)?)?认为"
        r"|(?:至今|仍|尚|一直)未|将(?=[^，。；]{1,50}(?:列入|纳入|记入|记不良|移送|移交)))"
    ),
)
_APPROVED = re.compile(
    r"(?<!报)(?<!呈)经(?P<organ>[^，。；：]{2,30}?)(?=(?:集体|会议|常委会|党委会|办公会|党组会)?"
    r"(?:研究|审议|讨论|决定|作出|会议|立案))"
)
_BEHIND = re.compile(
    r"[^。；]{0,80}?，均?由(?P<organ>[^，。；]{2,30}?)(?=按照?|依照|依据|依法|依规|依纪|作出|给予|宣布|负责|落实)"
)
_NEXT_CELL = re.compile(r"，(?P<organ>[\u4e00-\u9fff]{3,24})(?=\n|$)")
_FOR_ALL = re.compile(
    r"(?:以上|上述|前述)[^，。；由]{0,20}(?:人员|处分|处理|同志|责任人)[^，。；由]{0,10}，?由"
    r"(?P<organ>[^，。；]{2,30}?)(?=按照?|依照|依据|依法|依规|依纪|作出|给予|宣布|负责|落实|执行|办理|于\d)"
)
_ORGAN_WORDS = re.compile(
    r"(?:部门|机关|组织|企业|公司|单位|法院|检察院|纪委|监委|政府|党委|[局厅委办区市县段]|党组|党总支|党支部|董事会|支队|大队|所|管委会|办事处|安委办)$"
)
_NO_ORGAN = re.compile(
    r"对|责令|向|^给予|^(?:待|依法|并|同时|其|此|本次|有关责任|相关责任|事故责任|所有)|的$|责任人|人员|[。；]|检查$|问题|调查报告|评估组|调查组"
)
_REACH = 400
_RECEIVED = 10
_RECEIVER = re.compile(
    r"(?:移送|移交|交由|提请|被|由)(?:至|给)?(?P<organ>(?:司法|公安|检察|纪检监察)机关|[^，。；的]{2,14}?(?:公安局|公安分局|检察院|纪委监委|监委|纪委))"
)
_DAY = re.compile(
    r"(?:(?:\d{4}年|同年|当年|次年)?\d{1,2}月(?:\d{1,2}日)?(?:上午|下午)?)?[，]?(?:经|由|被)?"
)
_RECIPIENT = re.compile(
    r"向(?P<to>[^，。；]{2,40}?)(?=作出|做出|写出|提交|作(?=深刻|书面|检查|检讨))"
)


def find_organ(text: str, roster: Roster, start: int, cue: Cue) -> tuple[str, int, int] | None:
    """Return who imposes the sanction, as printed, nearest before the cue; None when unsaid."""
    best: tuple[str, int, int] | None = None
    start = max(start, cue.start - _REACH)
    for form in _ORGAN_FORMS:
        for match in form.finditer(text, start, cue.end):
            if match.end("organ") > cue.start and not _holds_cue(match, cue):
                continue
            organ = _as_organ(roster, match)
            if organ is not None and (best is None or organ[1] > best[1]):
                best = organ
    return best or _approved_by(text, roster, start, cue.start)


def find_receiver(text: str, roster: Roster, cue: Cue) -> tuple[str, int, int] | None:
    """Return the office to which a case goes, in the words of the sanction: 移送司法机关处理."""
    match = _RECEIVER.search(text, max(0, cue.start - _RECEIVED), cue.end)
    return _as_organ(roster, match) if match else None


def _holds_cue(match: re.Match[str], cue: Cue) -> bool:
    """Tell whether the cue begins inside the organ: 由区纪委、区监察局予以处理."""
    return match.start("organ") <= cue.start < match.end("organ") <= cue.end


def _approved_by(text: str, roster: Roster, start: int, end: int) -> tuple[str, int, int] | None:
    """Return who has decided by 经X研究决定，给予…, where nobody else is named."""
    found = [_as_organ(roster, match) for match in _APPROVED.finditer(text, start, end)]
    return next((organ for organ in reversed(found) if organ is not None), None)


def find_organ_behind(
    text: str, roster: Roster, start: int, end: int
) -> tuple[str, int, int] | None:
    """Return who imposes what a sentence lists before: …政务记过处分，均由X宣布执行.

    In the row of a table the organ is the next cell.
    """
    match = _BEHIND.match(text, start, end) or _NEXT_CELL.match(text, start, end)
    return _as_organ(roster, match) if match else None


def find_organs_for_all(text: str, roster: Roster) -> Iterator[tuple[str, int, int]]:
    """Yield the organs that impose all that is listed above: 以上人员由X按照干部管理权限处理."""
    for match in _FOR_ALL.finditer(text):
        organ = _as_organ(roster, match)
        if organ is not None:
            yield organ


def _as_organ(roster: Roster, match: re.Match[str]) -> tuple[str, int, int] | None:
    organ, first = _strip_organ(match.group("organ"), match.start("organ"))
    if not 2 <= len(organ) <= 30 or _NO_ORGAN.search(organ):
        return None
    known = organ in roster.alias_of or organ in roster.organisations
    if known or _ORGAN_WORDS.search(organ) or organisation_end().search(organ):
        return organ, first, first + len(organ)
    return None


def _strip_organ(organ: str, first: int) -> tuple[str, int]:
    day = _DAY.match(organ)
    if day is not None:
        organ, first = organ[day.end() :], first + day.end()
    for lead in ("责成", "建议", "督促", "报请", "提请", "由"):
        at = organ.rfind(lead)
        if at >= 0 and len(organ) - at - len(lead) >= 2:
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


def is_company_organ(roster: Roster, organ: str | None) -> bool:
    """Tell whether the sanction is imposed by a company on its own people."""
    if organ is None:
        return False
    if organ.endswith("董事会"):
        return True
    organ = re.sub(r"(?:董事会|股东会|总经理办公会|经理办公会|办公会)$", "", organ)
    full = roster.alias_of.get(organ, organ)
    return organ in _EMPLOYERS or enterprise_end().search(full) is not None


_EMPLOYERS = frozenset(
    {"企业", "单位", "用人单位", "所在单位", "相关企业", "相关公司", "该单位", "我公司", "本公司"}
)
