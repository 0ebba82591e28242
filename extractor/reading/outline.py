"""The outline: numbered elements and headings as a tree, each with what it is about (its slot).

Written forms, from the highest level: 第一章 and 一、 (1); （一） and ㈠ (2); 1. 1、 1) ⒈ (3);
（1） and ⑴ (4); ① (5); 一是…二是…, 第一，… and 首先，… in a paragraph (6). Brackets may be mixed,
marks may stand in the middle of a line when the line break is lost. A heading without a number is
one when its words name a slot; so is a sentence that announces a list (仍存在以下问题：一是…).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from extractor.reading.headings import announcement_rows, bare_heading_slot, slot_of
from extractor.reading.nodes import (
    CHINESE_DIGITS,
    INLINE_LEVEL,
    ROOT_LEVEL,
    LostHeading,
    Node,
    Outline,
    inner_node,
    lost_node,
)
from extractor.reading.numerals import parse_chinese_integer
from extractor.reading.ordinals import inline_runs, starts_ordinals
from extractor.view import View

__all__ = ["INLINE_LEVEL", "ROOT_LEVEL", "Node", "Outline", "read_outline", "slot_of"]

_PART_LEVEL = 2
_ITEM_LEVEL = 3
_SKIPPED = 3
_GROUP_LEVEL = 2
_NEXT = 4_000
_CELLS = 3

_CN = CHINESE_DIGITS
_CLOSE = "）〉》>"
_LEVEL_MARKS = (
    (1, rf"第[{_CN}百\d]{{1,4}}[章节部](?:分)?|[{_CN}]{{1,3}}[、.，](?!是)|—、"),
    (2, rf"[（〈](?:[{_CN}]{{1,3}}|—)[{_CLOSE}]|[㈠-㈩]"),
    (3, r"\d{1,2}(?:[.、，．](?!\d(?!\d{3}年))|）)|[⒈-⒛][.、]?"),
    (4, rf"（\d{{1,2}}[{_CLOSE}]|[⑴-⒇]"),
    (5, r"[①-⑳]"),
)
_MARK = re.compile("|".join(f"(?P<l{level}>{pattern})" for level, pattern in _LEVEL_MARKS))
_BEHIND_HEADING = (
    "(?:(?<=情况|建议|措施|意见|原因|性质|经过|概况|要求|人员|单位|损失|教训|处置|处理|处分|追究|问题|结论"
    "|启示|划分|认定|分析|过程|对策|问责|处罚|部门|企业|个人|事项)|(?<=责任人|责任者)"
    "|(?<=[省市县]))"
)
_AFTER_STOP = re.compile(
    rf"(?:(?<=[。；：！？）”])|{_BEHIND_HEADING})"
    rf"(?:（[{_CN}]{{1,3}}[{_CLOSE}]|\d{{1,2}}[.、](?!\d)|（\d{{1,2}}）|[①-⑳]|[⒈-⒛㈠-㈩⑴-⒇])"
    rf"|(?:(?<=[。）”：])|{_BEHIND_HEADING})[{_CN}]{{1,3}}、"
)
_STOPS = frozenset("。；：！？）”\n")
_JUNK = re.compile(r"[？·◆■□▲★※*]{1,8}")
_HEADING_LIMIT = 48
_RUN_IN_LIMIT = 40
_GAP_LIMIT = 30
_GAP_TITLE = re.compile(r"[\u4e00-\u9fff、]{4,20}")
_NO_HEADING_END = frozenset("。；！？，")
_GLUED_TITLE = re.compile(
    r"[^，。；：\n]{2,24}?(?:建议|措施|意见|情况|原因|性质|经过|教训|要求|问题|结论)"
    r"(?=（一）|1[.、]|一是|为|因|针对|经|根据|依据|通过|按照|鉴于|此次|这起|本次|该起|\d{4}年|事故发生)"
)
_TITLE_THEN_UNIT = re.compile(
    r"[^，。；：\n]{2,24}?(?:建议|措施|意见|落实情况|追究情况|问题|结论)"
    r"(?=[^，。；：、的\n]{2,24}?(?:公司|集团|政府|管委会|委员会|街道|[县市区]\S{0,8}局|项目部|矿|厂)(?!落实|整改|存在|履职))"
)
_GLUED_STATUS = re.compile(
    r"[^，。；：\n]{2,48}?(?:落实|追究|整改|处罚|处理|处置)情况(?=1[.、]|（1）|（一）|一是|对|经|事故发生|我[局委办县区市]|该|\d{4}年)"
)
_GLUED_GROUP = re.compile(
    r"[^，。；：\n]{0,40}?(?:建议|给予|追究|移送|处理|处分|处罚|问责|责任|有关|相关|企业|监管|政府|部门|措施)"
    r"[^，。；：\n]{0,20}?(?:人员|单位|责任人|责任者|个人|公职人员|党员干部|企业|部门)(?:（[^）\n]{1,14}）)?"
    r"(?=\d{1,2}[.、]|（1）|①|[\u4e00-\u9fff*×]{2,4}(?:（[^）\n]{1,30}）)?，|[\u4e00-\u9fff（）]{2,26}(?:公司|局|厂|矿|所|站|办|队|院|中心)，)"
)
_GLUED_CHAPTER = re.compile(
    r"[^，。；：\n]{0,14}(?:情况|经过|概况|简介|单位)(?=（一）|1[.、]|[。：])"
)
_CONTENTS = re.compile(r"(?:…|\.{3}|·{3})[….·]*\d{1,3}$")
_ANNEX = re.compile(r"附件?\d{0,2}[：:]?$|附件?\d{0,2}[：:]")
_MAINLY = re.compile(r"，?(?:具体|主要)(?:是|有|为|包括|表现(?:在|为|如下)?|体现在)$")
_LEAD = re.compile(r"(?:^|(?<=[。；\n]))[^。；：\n]{2,90}：")


def read_outline(view: View, kind: str, lost: Sequence[LostHeading] = ()) -> Outline:
    """Read the outline of a document of this kind (INV, EVAL, …), in linear time.

    `lost` are places where chapters begin whose headings are lost, each at a paragraph's start.
    """
    end = len(view.text)
    root = Node(ROOT_LEVEL, "", None, 0, 0, end, end, None, 0, True)
    stack = [root]
    for node in _elements(view, kind, lost):
        _place(node, stack)
        node.parent = stack[-1]
        stack[-1].children.append(node)
        stack.append(node)
    _close(root)
    _slot_nodes(view, root, kind)
    _settle_annexes(root)
    return Outline(root)


def _place(node: Node, stack: list[Node]) -> None:
    """Close the nodes that `node` ends.

    A list that starts at 1 right under a heading without a number, or under a whole-line heading of
    its own level (whose mark was misread), is that heading's; it goes on while its numbers do.
    """
    if node.level < INLINE_LEVEL and node.marker:
        top = stack[-1]
        begins = node.number == 1 or (top.is_assumed and top.start == node.start)
        if begins and _heads_its_own_level(top, node):
            node.rank = top.rank + 0.5
        elif node.number is not None:
            open_list = next((n for n in reversed(stack) if n.level == node.level), None)
            if open_list is not None and open_list.number == node.number - 1:
                node.rank = open_list.rank
    while stack[-1].rank >= node.rank:
        stack.pop()


def _heads_its_own_level(top: Node, node: Node) -> bool:
    if top.title_end < node.start - 1 or top.slot == "annex" or top.rank != top.level:
        return False
    if not top.marker:
        return node.level <= top.level and top.level > ROOT_LEVEL
    if not top.is_heading:
        return False
    return top.level == node.level and top.title_end - top.body == len(top.title or "")


def _close(root: Node) -> None:
    """Set the ends: a node ends where the next of its level or higher begins."""
    for node in root.walk():
        node.own_end = node.children[0].start if node.children else node.end
        for left, right in zip(node.children, node.children[1:], strict=False):
            left.end = right.start
        if node.children:
            node.children[-1].end = node.end


class _Counter:
    """The numbers that are open at each level, to tell a mark from a number in a sentence."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}
        self._running = 0

    def take(self, level: int, number: int | None) -> None:
        """Note a mark: what was open below it is closed."""
        if level == 1:
            self._running = 0
        if level == _ITEM_LEVEL and number is not None:
            self._running = number
        self._last = {rank: last for rank, last in self._last.items() if rank < level}
        if number is not None:
            self._last[level] = number

    def expects(self, level: int, number: int | None, before: str) -> bool:
        """Say whether a mark in the middle of a line is the next one: 1, or one more.

        A chapter may skip numbers (headings get lost); a mark that closes a lower list must follow
        a full stop, else it is an item of a quoted article (…之一的：（一）…；（二）…). Items may
        be counted through a whole chapter: （一）…人员1.张三…。（二）…人员2.李四….
        """
        last = self._last.get(level, 0)
        deepest = max(self._last, default=ROOT_LEVEL)
        if number is None:
            return False
        if level == _ITEM_LEVEL > deepest and before not in "。；：！？”\n":
            return number == 1 or self._running < number <= self._running + _SKIPPED
        if level == 1:
            return last < number <= last + 3
        if number == 1:
            return level > deepest
        return number == last + 1 > 1 and before not in ("；：！？" if deepest > level else "：")


def _elements(view: View, kind: str, lost: Sequence[LostHeading]) -> Iterator[Node]:
    """Yield the nodes in document order; a block is a marked paragraph with those after it."""
    text = view.text
    # The sort is stable: a lost heading goes before the element that begins at its place.
    heads = sorted([*map(lost_node, lost), *_heads(view, kind)], key=lambda node: node.start)
    runs = inline_runs(text, heads)
    counter = _Counter()
    edges = [0, *(max(node.body, node.title_end) for node in heads)]
    stops = [*(node.start for node in heads), len(text)]
    owners: list[Node | None] = [None, *heads]
    for owner, start, stop in zip(owners, edges, stops, strict=True):
        if owner is not None:
            counter.take(owner.level, owner.number)
            yield owner
        inside = [*_after_stop(text, start, stop, counter), *runs.get(stop, ())]
        yield from _finish(text, sorted(inside, key=lambda node: node.start), stop)


def _heads(view: View, kind: str) -> Iterator[Node]:
    """Yield a node for every paragraph that begins with a mark or is a heading by its words."""
    text = view.text
    has_chapters = bare_first = False
    decimal = _counts_in_decimals(view)
    chapter: str | None = None
    for start, end in view.paragraphs:
        junk = _JUNK.match(text, start, end)
        mark = _MARK.match(text, junk.end() if junk else start, end)
        bare = text[start:end]
        if _CONTENTS.search(bare):
            continue
        if decimal:
            mark = _DECIMAL.match(text, start, end) or mark
        if mark is not None and mark.end() < end:
            node = _marked(view, mark, end)
            has_chapters = has_chapters or node.level == 1
            if node.level == 1 and node.title is not None:
                chapter = slot_of(node.title, kind)
            yield node
        elif _ANNEX.match(bare):
            yield _bare_node(1, start, end, bare.rstrip("："), _annex_slot(view, end, bare, kind))
        elif (slot := bare_heading_slot(bare, kind)) is not None and not (
            slot == chapter and slot in _ANNOUNCED and bare.endswith("：")
        ):
            bare_first, chapter = bare_first or not has_chapters, slot
            yield _bare_node(1 if bare_first else 2, start, end, bare.rstrip("：。"), slot)
        else:
            yield from (n for n in _announcements(text, start, end, kind) if n.slot != chapter)


def _annex_slot(view: View, end: int, bare: str, kind: str) -> str:
    """An annex that holds a table (附件1：问题清单) is about what its name says."""
    below = view.text.startswith("序号", end + 1)
    slot = slot_of(_ANNEX.sub("", bare, count=1), kind) if below else None
    return slot if slot in _ANNOUNCED else "annex"


def _bare_node(level: int, start: int, end: int, title: str, slot: str) -> Node:
    return Node(level, "", None, start, start, end, end, title, end, True, slot=slot)


def _announcements(text: str, start: int, end: int, kind: str) -> Iterator[Node]:
    """Yield a node for a sentence that announces a list of its own: 仍存在以下问题：一是…."""
    for lead in _LEAD.finditer(text, start, end):
        if lead.end() < end and not _starts_list(text, lead.end()):
            continue
        said = _MAINLY.sub("", lead.group().rstrip("："))
        said = re.split("[，,]", said)[-1]
        slot = next(
            (name for name, pattern in announcement_rows(kind) if pattern.search(said)), None
        )
        if slot is not None:
            at = lead.start()
            yield Node(
                1, "", None, at, at, lead.end(), lead.end(), said, lead.end(), False, slot=slot
            )


def _starts_list(text: str, at: int) -> bool:
    return starts_ordinals(text, at) or _MARK.match(text, at) is not None


_NOT_A_UNIT = r"(?=[\u4e00-\u9fff“])(?![万亿元米吨年月日时分秒个人名家条项度倍层级])"
_DECIMAL = re.compile(
    rf"(?P<chapter>\d{{1,2}})(?:[.．、]|(?:[.．]\d{{1,2}}){{1,3}}[.．、]?|(?=[\u4e00-\u9fff]{{2,16}}$))"
    rf"{_NOT_A_UNIT}"
)
_DECIMAL_PART = re.compile(rf"(\d{{1,2}})[.．](\d{{1,2}})(?:[.．]\d{{1,2}})?{_NOT_A_UNIT}")


def _counts_in_decimals(view: View) -> bool:
    """Tell whether the document numbers 1, 1.1, 1.2, 2.1: parts that begin at 1 and count on."""
    last: tuple[int, int] | None = None
    run = 0
    for start, end in view.paragraphs:
        match = _DECIMAL_PART.match(view.text, start, end)
        if match is None:
            continue
        here = int(match.group(1)), int(match.group(2))
        follows = last is not None and (
            here == (last[0], last[1] + 1) or (here[0] > last[0] and here[1] == 1)
        )
        run += 1 if follows or here[1] == 1 else 0
        last = here
    return run >= 3


def _marked(view: View, mark: re.Match[str], end: int) -> Node:
    number: int | None
    text = view.text
    if mark.re is _DECIMAL:
        digits = mark.group().rstrip(".．、").replace("．", ".").split(".")
        level, number = min(len(digits), 3), int(digits[-1])
    else:
        level = next(n for n, _ in _LEVEL_MARKS if mark.group(f"l{n}") is not None)
        number = _number_of(mark.group())
    title, title_end, whole = _title_of(text, mark.end(), end, level)
    sentence = not whole or text[end - 1] in "。；"
    if sentence and (gap := _gap_behind_title(view, mark.end(), end, title_end)):
        title, title_end, whole = text[mark.end() : gap], gap, False
    return Node(
        level, mark.group(), number, mark.start(), mark.end(), end, end, title, title_end, whole
    )


def _gap_behind_title(view: View, start: int, end: int, title_end: int) -> int:
    """Return where a heading ends that only a space parts from its text; 0 where none does.

    （三）加强行业监管 县发展改革局要…: the only gap near the beginning, before any punctuation.
    """
    last = min(start + _GAP_LIMIT, end - 1)
    gaps = [
        i for i in range(start + 1, last) if view.offsets[i] - view.offsets[i - 1] - 1 in (1, 2, 3)
    ]
    if len(gaps) != 1 or not _GAP_TITLE.fullmatch(view.text, start, gaps[0]):
        return 0
    return gaps[0] if title_end == start or gaps[0] < title_end else 0


def _number_of(marker: str) -> int | None:
    core = marker.strip("（）〈〉《》>第章节部分、.，．是要 ")
    if len(core) == 1 and not core.isdecimal():
        for first, base in (("㈠", 1), ("⒈", 1), ("⑴", 1), ("①", 1)):
            offset = ord(core) - ord(first)
            if 0 <= offset < 20:
                return base + offset
    if core == "—":  # how optical recognition often reads 一
        return 1
    return int(core) if core.isascii() and core.isdigit() else parse_chinese_integer(core)


def _title_of(text: str, start: int, end: int, level: int) -> tuple[str | None, int, bool]:
    """Return the heading text, where it ends, and whether it is the whole paragraph."""
    last = text[end - 1]
    glued = _GLUED_TITLE.match(text, start, end) if level == 1 else None
    if glued is None and level == 1 and end - start > _HEADING_LIMIT:
        glued = _TITLE_THEN_UNIT.match(text, start, end)
    if glued is None and level == 2 and end - start > _HEADING_LIMIT:
        glued = _GLUED_GROUP.match(text, start, end)
    if glued is None and level in (2, 3) and end - start > _HEADING_LIMIT:
        glued = _GLUED_STATUS.match(text, start, end)
    if glued and (level > 1 or text[glued.end()] in "（1一"):
        return glued.group(), glued.end(), True
    stop = next(
        (i for i in range(start, min(start + _RUN_IN_LIMIT, end - 1)) if text[i] in "。：；"), None
    )
    if glued and "，" in text[glued.end() : end if stop is None else stop]:
        return glued.group(), glued.end(), False
    row = level >= _ITEM_LEVEL and text.count("，", start, end) >= _CELLS
    if end - start <= _HEADING_LIMIT and last not in _NO_HEADING_END and stop is None and not row:
        return text[start:end].rstrip("："), end, True
    if stop is None and last == "。" and end - start <= _RUN_IN_LIMIT and level <= 2:
        return text[start : end - 1], end, True
    if stop is None or text[stop] == "；":
        return None, start, False
    return text[start:stop], stop + 1, False


def _finish(text: str, nodes: Sequence[Node], stop: int) -> Iterator[Node]:
    """Yield the nodes inside a block, each ending where the next begins, with their titles."""
    for at, node in enumerate(nodes):
        end = nodes[at + 1].start if at + 1 < len(nodes) else stop
        paragraph_end = text.find("\n", node.body, end)
        until = max(end if paragraph_end < 0 else paragraph_end, node.body + 1)
        node.title, node.title_end, whole = _title_of(text, node.body, until, node.level)
        node.is_heading = whole and node.level < INLINE_LEVEL
        node.end = node.own_end = end
        yield node


def _after_stop(text: str, start: int, end: int, counter: _Counter) -> Iterator[Node]:
    """Marks that lost their line break: taken only when each level counts 1, 2, 3 or goes on."""
    first = _MARK.match(text, start, end) if start else None
    places = [start] if first and first.start() and text[start - 1] not in _STOPS else []
    places += [match.start() for match in _AFTER_STOP.finditer(text, start, end)]
    for place in places:
        mark = _MARK.match(text, place, end)
        if mark is None or mark.end() >= end:
            continue
        rank = next(n for n, _ in _LEVEL_MARKS if mark.group(f"l{n}") is not None)
        number = _number_of(mark.group())
        again = rank == 1 and number == 1 and _GLUED_CHAPTER.match(text, mark.end()) is not None
        again = again or (rank == _GROUP_LEVEL and number == 1 and _restarts(text, place, end))
        if again or counter.expects(rank, number, text[place - 1]):
            counter.take(rank, number)
            yield inner_node(rank, mark.group(), number, mark.start())


def _restarts(text: str, place: int, end: int) -> bool:
    """Tell whether a list begins anew at （一） because the heading between got lost."""
    return text[place - 1] == "。" and text.find("。（二）", place, min(end, place + _NEXT)) > 0


def _settle_annexes(root: Node) -> None:
    """Leave out an annex that only lists again what a chapter of the text tells."""
    chapters = {node.slot for node in root.walk() if node.marker}
    for node in root.children:
        if not node.marker and node.slot in chapters and _ANNEX.match(node.title or ""):
            node.slot = "annex"


def _slot_nodes(view: View, root: Node, kind: str) -> None:
    """Give every heading the slot that its words name, unless its chapter has settled it."""
    chapters_lost = all(node.level > 1 for node in root.children)
    for node in root.walk():
        if node.slot is not None or node.title is None:
            continue
        if chapters_lost and node.level == _PART_LEVEL and node.parent is root:
            node.slot = "treatment" if slot_of(node.title, kind) == "treatment" else None
        run_in = node.level <= 4 and _plain_slot(node.title, kind)
        if not (node.level == 1 or run_in or (node.is_heading and node.level <= 3)):
            continue
        if view.text[node.title_end - 1] == "。" and _is_sentence(node.title):
            continue
        slot = slot_of(node.title, kind)
        above = next((n.slot for n in node.ancestors() if n.slot is not None), None)
        if above == "treatment" and _OTHER_OPINION.match(node.title):
            continue
        if above not in _SETTLED or _may_change(above, slot, kind):
            node.slot = slot


_OTHER_OPINION = re.compile(r"其[他它](?:处理)?(?:建议|意见)")
_HEADING_NOUN = re.compile(
    r"(?:情况|建议|意见|措施|问题|要求|原因|性质|教训|人员|单位|方面|经过|处理|追究|损失|概况|不足)$"
)
_ASKS = re.compile(r"(?<![主重需必])要|应当|应(?!急)|须|同意|请|将")


def _is_sentence(title: str) -> bool:
    """Say whether a line that ends in a full stop is a sentence, though a short one."""
    return "，" in title or _ASKS.search(title) is not None or _HEADING_NOUN.search(title) is None


def _may_change(above: str, slot: str | None, kind: str) -> bool:
    """Evaluations and circulars mix: 整改措施落实情况 stands under 责任追究和整改措施."""
    if kind not in _MIXED_KINDS or slot not in _SETTLED:
        return False
    return not (slot == above and slot in _OPINIONS)


_PLAIN_TITLE = re.compile(
    r"(?:目前|当前|主要|仍然?|还|尚)?(?:存在|发现)的?(?:主要|突出)?(?:问题|不足)(?:和不足)?"
    r"|(?:下一步|今后)?的?(?:工作)?(?:意见|建议|打算|意见建议)"
    r"|(?:整改|防范)(?:和(?:整改|防范))?(?:措施)?落实情况"
)


def _plain_slot(title: str, kind: str) -> bool:
    """Say whether a run-in title is only the name of a slot: 2.存在问题。…."""
    return kind in _MIXED_KINDS and _PLAIN_TITLE.fullmatch(title) is not None


_SETTLED = frozenset({"treatment", "measures", "problems", "suggestions", "annex"})
_OPINIONS = frozenset({"problems", "suggestions"})
_ANNOUNCED = frozenset({"problems", "suggestions", "measures"})
_MIXED_KINDS = frozenset({"EVAL", "SELF", "CIRC"})
