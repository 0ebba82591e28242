"""Penalty decisions (行政处罚决定书): whom one is addressed to, and which sentences decide.

Written forms of the party: 被处罚单位：X; 当事人：X; 单位名称：X，统一社会信用代码…; a line X：;
关于暂扣X安全生产许可证的行政处罚决定书. The text calls it 你单位, 你公司 or 你.
"""

from __future__ import annotations

import re

from extractor.reading.names import is_organisation, is_person_name
from extractor.reading.roster import PartyDraft, Roster
from extractor.view import View

_LABELLED = re.compile(
    r"(?:被处罚(?:单位|人|者)?|受处罚(?:单位|人)?|当事人|单位名称|违法(?:单位|行为人))"
    r"(?:（[^（）\n]{1,12}）)?(?:名称|姓名)?[：:](?:名称[：:]|姓名[：:])?(?P<name>[^，。；：（\n]{2,40})"
)
_ADDRESSED = re.compile(r"(?:^|\n)(?P<name>[^，。；：（）\n]{2,40})：(?=\n|$)")
_IN_TITLE = re.compile(
    r"(?:暂扣|吊销|撤销|注销|给予|责令|对)(?P<name>[^，。；：\n的]{4,36}?(?:公司|[厂矿店站部社行中心]))"
)
_NEXT_LABEL = re.compile(
    r"(?:性别|年龄|出生|身份证|住址|地址|职务|电话|所在单位|法定代表人|统一社会|负责人|民族|住所).{0,40}$"
)
_DECIDES = re.compile(
    r"(?:决定|作出如下)[^。\n]{0,80}(?:处|给予|没收|吊销|责令|暂扣|警告|罚款|撤销|降低)"
)
_NOT_YET = re.compile(r"拟作出|告知书|陈述（?、?申辩|听证|立案调查")
_REMEDY = re.compile(r"不服|如对本|逾期|加处|行政复议|限于收到|限自收到|缴至|缴款")
_SEARCHED = 1500


def penalised_party(
    view: View, roster: Roster, title: tuple[int, int] | None
) -> tuple[PartyDraft, ...]:
    """Return whom a penalty decision is addressed to: its label, its addressee line, its title."""
    head = min(len(view.text), _SEARCHED)
    places = [match.span("name") for match in _LABELLED.finditer(view.text)]
    places += [match.span("name") for match in _ADDRESSED.finditer(view.text, 0, head)]
    if title is not None:
        places += [match.span("name") for match in _IN_TITLE.finditer(view.text, *title)]
    for start, end in places:
        name = _NEXT_LABEL.sub("", view.text[start:end])
        place = (start, start + len(name))
        if is_organisation(name):
            return (roster.organisation(name, place),)
        if is_person_name(name) or roster.known_person(name) is not None:
            return (roster.person(name, place),)
    return ()


class Decision:
    """Follows the sentences of a penalty decision: which of them decide."""

    def __init__(self) -> None:
        """Begin before the first sentence."""
        self._lists = False

    def holds(self, sentence: str) -> bool:
        """Tell whether the sentence decides: 本机关决定…, or stands below …作出以下处罚：."""
        if _REMEDY.search(sentence) is not None and _DECIDES.search(sentence) is None:
            self._lists = False
            return False
        if _NOT_YET.search(sentence) is not None:
            return False
        if _DECIDES.search(sentence) is not None:
            self._lists = sentence.rstrip("\n").endswith("：")
            return True
        return self._lists or (sentence.rstrip("\n").endswith("：") and self._announces(sentence))

    def _announces(self, sentence: str) -> bool:
        self._lists = "决定" in sentence or "处罚如下" in sentence
        return False
