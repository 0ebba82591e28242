"""The unit of count: which numbered elements and sentences of a chapter are one record each.

One record is the smallest numbered element (1. （1） 一是) that holds an action; without numbers,
one sentence with an action. A sentence of purpose, effect or slogan belongs to the record before.
A heading that only announces its list is none; a lead sentence before the first ordinal is one
when it has an action of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

from extractor.reading.chapters import Chapters, announces, is_unit_name, pattern
from extractor.reading.copies import cut_before, find_copies
from extractor.reading.outline import Node, Outline
from extractor.rules import load_toml
from extractor.view import View

HEADING_LOST = "heading_lost"
_CITES = re.compile(r"(?:根据|依据|按照)?《[^《》\n]{2,60}》第[^，。；]{1,16}条[^，。；]{0,12}规定")
_FOOT = re.compile("联系人|附件|（?联系|抄送|主送|（?此件")
_DUTY_LINE = re.compile(
    r"（?(?:(?:牵头|主办|配合|协助|协办|责任|整改|落实|督办|实施)(?:责任)?(?:单位|部门|主体|领导|人)"
    r"|(?:完成|整改|办理|落实)(?:时限|期限|时间))：?"
)
_CLOSING = re.compile(
    r"^特此|联系人[：:]|联系电话|(?:调查|评估|工作)组.{0,3}(?:\d{4}|[二〇○]{2}.{2})年|打印本页|关闭窗口|^上一篇|^下一篇"
    r"|^主办[：:]|网站标识码|公网安备"
)
_PAGE_FOOT = re.compile(r"\n(?=【?(?:打印本页|关闭窗口|上一篇|下一篇|扫一扫|分享到))")
_REPEATED = 60
_SHORT_LINE = 30
_LIST_OF = 3
_NEAR = 20_000
_MOTTO = 9
_TOPIC = 16
_OPEN = "“（《〈‘["
_SHUT = "”）》〉’]"
_ENDS = "。！？"
_NOUN_HEADING = re.compile(
    r"(?:情况|方面|层面|措施|建议|意见|对策|要求|问题|内容|如下|任务|步骤|重点)$"
)
_LONGEST_FOOT = 260
_GLUED_FOOT = re.compile(
    r"(?<=[。；])(?:附件?\d?：[^。]{0,200}|[^。；，：\n]{0,60}?"
    r"(?:\d{4}|[一二三四五六七八九〇零O]{4})年[\d一二三四五六七八九十]{1,3}月[\d一二三四五六七八九十]{1,3}日)\n?\Z"
)
_SIGNATURE = re.compile(
    r"(?:调查组|评估组|工作组|委员会|办公室|人民政府|管理局|（?盖章）?)$|^[（]?\d{4}年\d{1,2}月(?:\d{1,2}日)?[）]?$"
    r"|(?:调查|评估|工作)组\d{4}年\d{1,2}月\d{1,2}日$"
    r"|^(?:附件?\d{0,2}[：:]|更多|来源|联系人|抄送|主送|编辑|责任编辑|附[：:]|-?\d{1,3}-?$|[·•]|（?此件|（?联系)"
    r"|联系人[：:]|联系电话|调查组成员|点击"
)
_SUBJECT_BEGINS = re.compile(
    r"；[^，。；：]{2,40}?(?:部门|公司|政府|单位|机关|局|委|会|大队|管理处|集团|企业|办事处|省|市|县|区|镇)[，]?(?:要|应|须|必须)"
)


@dataclass(frozen=True, slots=True)
class Element:
    """One record's range; `text_start` is behind the mark and the label.

    `node` is the numbered element, or the heading whose unnumbered sentence this is. `lead` marks
    the sentences before a list, `lost` a group whose heading was lost, `numbered` an element with
    a number of its own, `group` the siblings that stand together, `order` a sentence that asks in a
    text without chapters.
    """

    start: int
    end: int
    text_start: int
    label: str | None
    node: Node
    numbered: bool
    lead: bool = False
    lost: bool = False
    group: int = 0
    order: bool = False

    @property
    def noun_label(self) -> bool:
        """True where the label only names a topic or unit: no subject stands in it."""
        return self.label is not None and _NOUN_HEADING.search(self.label) is not None


@cache
def _action_words() -> frozenset[str]:
    return frozenset(load_toml("measures.toml")["actions"]["verbs"])


def clauses(text: str, start: int, end: int) -> Iterator[str]:
    """Yield the clauses of `text[start:end]`, without their punctuation."""
    yield from (part for part in re.split("[，。；：！？\n]", text[start:end]) if part)


def has_action(text: str, start: int, end: int) -> bool:
    """Say whether a clause asks for or reports something that can be checked."""
    slogan, effect = pattern("actions", "slogan_pattern"), pattern("actions", "effect_pattern")
    words = _action_words()
    for clause in clauses(text, start, end):
        if slogan.search(clause) or effect.match(clause):
            continue
        if any(clause[i : i + 2] in words for i in range(len(clause) - 1)):
            return True
    return False


def _only_adds(text: str, start: int, end: int) -> bool:
    """Say whether a sentence only states the effect of the one before, or that all was done."""
    said = text[start:end]
    if pattern("actions", "claim_pattern").match(said) is not None:
        return True
    return pattern("actions", "effect_pattern").match(said) is not None and not (
        any(word in said for word in ("要", "应当", "必须", "严禁"))
    )


def sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of the sentences: to 。！？ outside quotes and brackets, or a line's end.

    A sentence goes on over a line that breaks off inside it. It is cut at ； only where another
    subject with 要, 应, 须 begins behind it.
    """
    at, depth = start, 0
    cuts = {m.start() for m in _SUBJECT_BEGINS.finditer(text, start, end)}
    for i in range(start, end):
        char = text[i]
        if char in _OPEN:
            depth += 1
        elif char in _SHUT:
            depth = max(depth - 1, 0)
        if char == "\n" and not _is_paragraph_end(text, at, i):
            continue
        if char == "\n" or (char in _ENDS and depth == 0) or (i in cuts and depth == 0):
            if text[at : i + 1].strip():
                yield at, i + (char != "\n")
            at, depth = i + 1, 0
    if text[at:end].strip():
        yield at, end


def _is_paragraph_end(text: str, start: int, end: int) -> bool:
    """Say whether the line is whole: it ends in a stop, or is a short one that names something."""
    return text[end - 1] in "。；：！？”）…" or (
        "，" not in text[start:end] and end - start < _SHORT_LINE
    )


# --- elements -----------------------------------------------------------------------------------


def read_elements(
    view: View,
    outline: Outline,
    chapters: Chapters,
    slot: str,
    is_record: Callable[[str, int, int], bool] = has_action,
    units: Collection[str] = (),
) -> list[Element]:
    """Return the records of all chapters of `slot`, in document order.

    `is_record` says whether an unnumbered sentence or a lead stands for itself; `units` are names
    that are known to be of units though they do not look so (兴隆木业).
    """
    emitter = _Emitter(view.text, chapters, slot, is_record, units)
    found: list[Element] = []
    seen: set[str] = set()
    copies = find_copies(view.text)
    for node in outline.nodes():
        parent = node.parent
        if not chapters.holds(node, slot) or (parent is not None and chapters.holds(parent, slot)):
            continue
        for element in emitter.emit(node):
            end = cut_before(copies, element.start, element.end)
            opening = view.text[element.start : min(end, element.start + _REPEATED)]
            twice = len(opening) == _REPEATED and opening in seen
            if end == element.start or twice:  # a page or passage that was stored twice
                continue
            seen.add(opening)
            if end < element.end:
                element = replace(element, end=trimmed(view.text, element.start, end))
            found.append(element)
    return found


class _Emitter:
    """Walks one chapter and yields its records."""

    def __init__(
        self,
        text: str,
        chapters: Chapters,
        slot: str,
        is_record: Callable[[str, int, int], bool],
        units: Collection[str],
    ) -> None:
        self._text = text
        self._chapters = chapters
        self._slot = slot
        self._is_record = is_record
        self._units = units
        self._headed_by_unit = chapters.headed_by_unit

    def emit(self, node: Node) -> Iterator[Element]:
        """Yield the records of a node: its own, its lead, and its children's."""
        children = [child for child in node.children if self._chapters.holds(child, self._slot)]
        own_end = trimmed(self._text, node.start, node.own_end)
        closing = self._closing(node) if not children else None
        if closing:
            own_end = trimmed(self._text, node.start, closing.start)
        if self.is_container(node):
            yield from self._prose(node, node.title_end if node.title else node.body, own_end)
        elif children:
            yield from self._lead(node, own_end)
        elif not _only_announces(self._text, node, own_end):
            own = self._first_paragraph(node, own_end)
            yield self._element(node, node.start, own, numbered=True)
            if own < own_end:
                yield from self._prose(node, own + 1, own_end)
        if closing:
            yield closing
        for child in children:
            yield from self.emit(child)

    def _first_paragraph(self, node: Node, end: int) -> int:
        """Return where the last element of a list ends that is followed by closing paragraphs.

        Only in a list whose other elements are one paragraph each; else an element goes on.
        """
        siblings = node.parent.children if node.parent is not None else []
        if self._slot == "tasks" or len(siblings) < _LIST_OF or node is not siblings[-1]:
            return end
        if any("\n" in self._text[s.start : s.end].rstrip("\n") for s in siblings[:-1]):
            return end
        stop = self._text.find("\n", node.start, end)
        return end if stop < 0 or self._text[stop - 1] not in _ENDS else stop

    def is_container(self, node: Node) -> bool:
        """Say whether a heading only names what its sentences are about: a chapter, a unit."""
        if not node.marker or node.slot is not None:
            return True
        title = node.title or ""
        return (
            self._headed_by_unit
            and names_only(node)
            and (
                _NOUN_HEADING.search(title) is not None
                or is_unit_name(title)
                or title in self._units
            )
        )

    def _element(self, node: Node, start: int, end: int, **marks: Any) -> Element:
        behind = node.title_end if node.title and not node.is_heading else node.body
        behind = behind if start <= behind < end else max(start, min(node.body, end - 1))
        return Element(
            start,
            end,
            behind,
            None
            if start != node.start or _asks(node.title) or node.title_end >= end
            else node.title,
            node,
            marks.pop("numbered", False),
            lost=id(node) in self._chapters.lost,
            group=self._chapters.groups.get(id(node), 0),
            **marks,
        )

    def _lead(self, node: Node, own_end: int) -> Iterator[Element]:
        text = self._text
        asks = not names_only(node) and _asks(node.title)
        if node.title and not asks and "，" not in node.title and own_end <= node.title_end:
            return  # one plain clause before 一是: the name of what its children say
        begin = node.body if asks else max(node.title_end, node.body)
        parts = list(sentences(text, begin, own_end))
        while parts and (announces(text, *parts[-1]) or _counts(text, *parts[-1])):
            parts.pop()
        if all(_is_motto(text[slice(*part)]) for part in parts):
            return
        shows = pattern("actions", "shows_pattern")
        own = [part for part in parts if not shows.match(text[slice(*part)])]
        if any(self._is_record(text, *part) for part in own):
            start = parts[0][0] if node.is_heading else node.start
            yield self._element(node, start, parts[-1][1], lead=True)

    def _prose(self, node: Node, begin: int, end: int) -> Iterator[Element]:
        """Yield one record a sentence; what has no action of its own goes to the one before."""
        text = self._text
        pending: tuple[int, int] | None = None
        for start, stop in sentences(text, begin, end):
            alone = self._is_record(text, start, stop) and not _only_adds(text, start, stop)
            if announces(text, start, stop) or _is_bare_line(text, start, stop, end):
                continue
            if _CITES.match(text, start, stop) is not None or _closes(text, start, stop):
                continue
            if alone:
                if pending:
                    yield self._element(node, *pending)
                pending = (start, stop)
            elif pending and "\n" not in text[pending[1] : start]:
                pending = (pending[0], stop)
        if pending:
            yield self._element(node, *pending)

    def _closing(self, node: Node) -> Element | None:
        """A last paragraph that begins with 请 asks for a report, of all: 请各地于…前报送…."""
        at = self._text.find("\n请", node.start, node.end) if self._slot == "tasks" else -1
        if at < 0:
            return None
        return self._element(node, at + 1, trimmed(self._text, at + 1, node.end))


def _is_motto(said: str) -> bool:
    """Say whether a sentence is only mottos (完善制度，强化管理。) or one topic (加强管理。)."""
    parts = re.split("[，、；]", said.rstrip("。；"))
    longest = _MOTTO if len(parts) > 1 else _TOPIC
    return all(len(part) <= longest for part in parts) and not (
        _asks(said) or pattern("facts", "pattern").search(said)
    )


def _closes(text: str, start: int, stop: int) -> bool:
    """Say whether a paragraph closes the document: 特此报告。, signature and date, page feet."""
    said = text[start:stop]
    line = start == 0 or text[start - 1] == "\n"
    return line and _CLOSING.search(said) is not None


def _is_bare_line(text: str, start: int, stop: int, end: int) -> bool:
    """Say whether a sentence is a short line without a stop, above others: a heading by place."""
    alone = text[start - 1 : start] in ("", "\n") and text[stop : stop + 1] == "\n"
    short = stop - start <= _SHORT_LINE and text[stop - 1] not in "。；：！？，、…”）"
    return alone and short and stop < end - 1


def _asks(title: str | None) -> bool:
    """Say whether what looks like a heading is a sentence that asks (要加大执法力度。)."""
    return pattern("suggestions", "strong_pattern").search(title or "") is not None


def _counts(text: str, start: int, end: int) -> bool:
    return pattern("actions", "count_pattern").search(text[start:end]) is not None


def names_only(node: Node) -> bool:
    """Say whether the node is headed by a whole line that is no sentence (no full stop)."""
    return node.is_heading and node.title_end - node.body == len(node.title or "")


def _only_announces(text: str, node: Node, end: int) -> bool:
    """A leaf that is a bare heading, or ends in a colon, announces what was lost or follows."""
    if text[end - 1] == "：":
        return True
    begins = max(node.body, node.start)
    body = text[begins:end]
    if not body.strip("。；\n"):
        return True
    empty = names_only(node) and node.title_end >= end - 1
    return empty and (_NOUN_HEADING.search(node.title or "") is not None or is_unit_name(body))


def trimmed(text: str, start: int, end: int) -> int:
    """Return the end of an element without blank lines, signature, date, annex lines, page foot."""
    foot = _PAGE_FOOT.search(text, start, end)
    end = foot.start() if foot else end
    glued = _GLUED_FOOT.search(text, max(start, end - _LONGEST_FOOT), end)
    end = glued.start() if glued else end
    while True:
        while end > start + 1 and text[end - 1] in "\n ":
            end -= 1
        line = text.rfind("\n", start, end) + 1
        if line <= start:
            return end
        last = text[line:end]
        if _DUTY_LINE.match(last):
            return end
        if not _FOOT.match(last) and not _names_next(last):
            if last[-1] in "。；！？…”）":
                return end
            if len(last) >= 40 or not (_SIGNATURE.search(last) or len(last) < 26):
                return end
        end = line - 1


def _names_next(line: str) -> bool:
    """Say whether a last line belongs to what follows: the name of a unit and a colon."""
    return line[-1] == "：" and is_unit_name(line[:-1])


def merged(elements: Sequence[Element]) -> Iterator[tuple[Element | None, Element]]:
    """Yield every element with the one before it in the same group."""
    if elements:
        yield None, elements[0]
    for before, element in pairwise(elements):
        yield (before if before.group == element.group else None), element


def printed_places(
    text: str, field: str, names: Sequence[str], within: tuple[int, int]
) -> dict[str, tuple[int, int]]:
    """Return where each name is printed: in the element, else nearest before it, else behind it.

    The keys are `field[0]`, `field[1]`, …, in the order of the names.
    """
    places: dict[str, tuple[int, int]] = {}
    for index, name in enumerate(names):
        start, end = within
        near = max(0, start - _NEAR)
        at = text.find(name, start, end)
        for low, high in ((near, start), (0, _NEAR), (0, len(text))):
            at = text.rfind(name, low, high) if at < 0 else at
        if at >= 0:
            places[f"{field}[{index}]"] = (at, at + len(name))
    return places
