"""Which pieces of a web page are its body, which are its title, and which only surround it.

Every piece gets one part: body, title, source line or navigation. The body is the smallest element
that holds the page's sentences; the containers of the publishing systems that government sites use
are known by name. Sentences, not size, decide: menus and lists of links have none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from extractor.formats.html_walk import Node, Piece


class Part(Enum):
    """What a piece of a page is."""

    BODY = auto()
    TITLE = auto()
    SOURCE = auto()
    NAVIGATION = auto()


@dataclass(slots=True)
class Choice:
    """The part of every piece, in order; `unsure` counts sentences left outside the body."""

    parts: list[Part]
    unsure: int = 0
    containers: set[Node] = field(default_factory=set)


_CONTAINER: Final = re.compile(
    r"TRS_Editor|trs_editor_view|TRS_UEDITOR|UCAP-?CONTENT|v_news_content|vsb_content(?:_\d{1,3})?|"
    r"j-fontContent|pages_content|js_content|artibody|article-?(?:body|con|content)|articleContent|"
    r"zoom(?:con)?|fontzoom|news_?content|view_?TRS_?UEDITOR|bt-content|xxgk_content|ewb-article",
    re.IGNORECASE,
)
_FURNITURE_NAME: Final = re.compile(
    r"nav|menu|bread|crumb|foot|header|banner|share|related|xglj|xgyd|sidebar|aside|position|"
    r"location|copyright|qrcode|qr_code|erweima|ewm|toolbar|pagination|login|search",
    re.IGNORECASE,
)
_FURNITURE_TAGS: Final = frozenset({"nav", "footer", "aside", "menu"})
_SENTENCE: Final = re.compile(r"[。；！？]|[，：、][^，：、]{2}")
_FOOT: Final = re.compile(
    r"(?:京|沪|津|渝|[\u4e00-\u9fff])ICP[备证]|公?网?安备\s{0,3}[0-9０-９]{6}|网站标识码|版权所有|"
    r"Copyright|All Rights Reserved|技术支持[:：]|建议使用.{0,30}(?:浏览器|分辨率|IE)|"
    r"(?:主办|承办|网站管理|维护)(?:单位)?[:：]",
    re.IGNORECASE,
)
_PLACE: Final = re.compile(r"(?:您?的?当前|您?现在的?|所在)(?:所在)?的?位置|^首页\s{0,3}[>›»\-/]")
_STRONG: Final = re.compile(
    r"(?:信息|文章|新闻|稿件)?来源\s{0,6}[:：]|发布(?:时间|日期|机构|单位|人)\s{0,6}[:：]|发表时间[:：]|"
    r"(?:浏览|点击|阅读|访问|查看)(?:次数|量|数|率)?\s{0,6}[:：]|字\s{0,3}[号体]\s{0,3}[:：]|分享到|"
    r"打印(?:本页|文章)?\s{0,6}(?:$|关闭|[】\]])|关闭(?:窗口|本页)|索\s{0,3}引\s{0,3}号|信息分类|主题分类|"
    r"公开方式|扫一扫|责任编辑|(?:稿件|信息)审核|上一[篇条]|下一[篇条]|相关(?:链接|阅读|新闻|信息|文章|解读)|"
    r"^(?:纠错|收藏|打印|分享|大|中|小|原创)$|(?:微信|微博|公众号)"
)
_WEAK: Final = re.compile(
    r"^[【\[(（]?(?:时间|日期|作者|来源|编辑|审核|点击|更新时间|录入|文号|成文日期|发文机构|主题词|有效性|"
    r"20[0-9]{2}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?(?:\s{0,4}[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)?(?:\s|$|来源))"
)
_INDEX: Final = re.compile(
    r"[【\[]?(索\s{0,4}引\s{0,4}号|文\s{0,4}号|发文字号|发文机[构关]|发布机构|成文日期|发文日期|发布日期|生成日期|"
    r"主题分类|信息分类|公开方式|公开形式|公开时限|体裁分类|主\s{0,4}题\s{0,4}词|有\s{0,4}效\s{0,4}性|标\s{0,4}题|名\s{0,4}称)"
    r"\s{0,4}(?:[:：】\]]|$)"
)
_DATED: Final = re.compile(
    r"(?:20[0-9]{2}|[二○〇零]{2,3}[○〇零一二三四五六七八九十]{1,2})年"
    r"[0-9一二三四五六七八九十]{1,3}月[0-9一二三四五六七八九十]{1,3}日"
)
_STAMP: Final = re.compile(r"20[0-9]{2}[-/.][0-9]{1,2}[-/.][0-9]{1,2}\s{1,3}[0-9]{1,2}:[0-9]{2}")
_SIGNED: Final = 6
"""Lines at most of a signature that stands outside the main element."""
_LONGEST_SOURCE: Final = 160
_LONGEST_FOOT: Final = 400
_LONGEST_TITLE: Final = 300
_SHARE: Final = 0.97
"""A step inward is taken when this share of the page's sentences goes along."""
_LISTED: Final = 3
"""A block with this many links, and little else, is a list of links."""


def choose(root: Node, pieces: Sequence[Piece], titles: Sequence[str]) -> Choice:
    """Give every piece its part; `titles` are what the head of the page calls itself."""
    return _Chooser(root, pieces).choose(titles)


def all_of_it(pieces: Sequence[Piece]) -> Choice:
    """Take every visible piece for the body."""
    return Choice([Part.NAVIGATION if piece.hidden else Part.BODY for piece in pieces])


class _Chooser:
    """What is known of one page while its pieces are judged."""

    def __init__(self, root: Node, pieces: Sequence[Piece]) -> None:
        _show_if_all_hidden(pieces)
        self._pieces = pieces
        self._elements = _Elements()
        self._index = _index_tables(pieces)
        self._weights = [
            0 if _table(piece) in self._index else _weight(piece, self._elements)
            for piece in pieces
        ]
        self._main = _main(root, _sums(root, pieces, self._weights), self._elements)
        self._inside = _inside(self._main, pieces)
        if not any(self._inside):
            self._main, self._inside = [root], [True] * len(pieces)
        self._known = any(self._elements.is_container(node) for node in self._main)
        self._lists = set() if self._known else _link_lists(pieces, self._inside)

    def choose(self, titles: Sequence[str]) -> Choice:
        choice = Choice([Part.NAVIGATION] * len(self._pieces), containers=set(self._main))
        self._reach_signature()
        title = _find_title(self._pieces, self._inside, titles, self._elements)
        self._reach_address(title)
        heavy = [at for at, held in enumerate(self._inside) if held and self._weights[at]]
        first, last = (heavy[0], heavy[-1]) if heavy else (len(self._pieces), -1)
        for at, piece in enumerate(self._pieces):
            if at in title:
                choice.parts[at] = Part.TITLE
            elif _table(piece) in self._index:
                choice.parts[at] = Part.SOURCE
            elif piece.hidden or not self._inside[at]:
                choice.parts[at] = _outside(piece)
                choice.unsure += 0 if piece.hidden else self._weights[at]
            else:
                choice.parts[at] = self._part_inside(piece, at < first, at > last)
        return choice

    def _part_inside(self, piece: Piece, before: bool, after: bool) -> Part:
        """Judge a piece in the main element: its edges may hold what surrounds a body."""
        if piece.node in self._lists or self._elements.is_furniture(piece):
            return Part.NAVIGATION
        edge = before or (after and piece.cell is None)
        if self._known or not edge:
            return Part.BODY
        if _PLACE.search(piece.text) or (before and piece.linked * 2 > len(piece.text)):
            return Part.NAVIGATION
        about = self._surrounds(piece) if before else _STRONG.search(piece.text)
        return Part.SOURCE if about and len(piece.text) <= _LONGEST_SOURCE else Part.BODY

    def _reach_signature(self) -> None:
        """Take in the signature and date that stand right behind the main element."""
        end = len(self._inside) - self._inside[::-1].index(True)
        reached = end
        for at in range(end, min(end + _SIGNED, len(self._pieces))):
            piece = self._pieces[at]
            if piece.linked or self._surrounds(piece) or len(piece.text) > 60:
                break
            if _DATED.fullmatch(piece.text):
                reached = at + 1
        for at in range(end, reached):
            self._inside[at] = True

    def _reach_address(self, title: frozenset[int]) -> None:
        """Take in the number and the addressee that stand between title and main element."""
        begin = self._inside.index(True)
        for at in range(max(title, default=begin) + 1, begin):
            piece = self._pieces[at]
            self._inside[at] = not piece.linked and not self._surrounds(piece)

    def _surrounds(self, piece: Piece) -> bool:
        """Tell a line that is known to be about the page, wherever it stands."""
        known = _PLACE.search(piece.text) or _STRONG.search(piece.text)
        weak = _WEAK.match(piece.text) and not _DATED.fullmatch(piece.text)
        stamped = len(piece.text) <= 60 and _STAMP.search(piece.text)
        about = bool(known or weak or stamped)
        return piece.hidden or about or self._elements.is_furniture(piece)


def _table(piece: Piece) -> int:
    return piece.cell[0] if piece.cell is not None else -1


def _index_tables(pieces: Sequence[Piece]) -> set[int]:
    """Return the tables in which a site files the page: index number, issuing organ, subject."""
    labels: dict[int, set[str]] = {}
    for piece in pieces:
        if piece.cell is not None and (label := _INDEX.match(piece.text)):
            labels.setdefault(piece.cell[0], set()).add(label.group(1))
    return {table for table, found in labels.items() if len(found) >= 3}


def _outside(piece: Piece) -> Part:
    short = len(piece.text) <= _LONGEST_SOURCE and not piece.hidden
    other = _PLACE.search(piece.text) or _FOOT.search(piece.text)
    about = _STRONG.search(piece.text) or _WEAK.match(piece.text)
    return Part.SOURCE if short and about and not other else Part.NAVIGATION


def _show_if_all_hidden(pieces: Sequence[Piece]) -> None:
    """Take hidden text for visible where a script would have shown the whole body."""
    seen = sum(_sentences(piece) for piece in pieces if not piece.hidden)
    hidden = sum(_sentences(piece) for piece in pieces if piece.hidden)
    if hidden > seen:
        for piece in pieces:
            piece.hidden = False


def _sentences(piece: Piece) -> int:
    """Return the characters of a piece that are prose and no link."""
    if piece.cell is None and _SENTENCE.search(piece.text) is None and len(piece.text) < 30:
        return 0
    own = len(piece.text) - piece.linked
    return own if own * 2 > len(piece.text) else 0


def _weight(piece: Piece, elements: _Elements) -> int:
    """Return how much a piece says for being in the body."""
    if piece.hidden or elements.is_furniture(piece):
        return 0
    edge = _PLACE.search(piece.text) or _STRONG.search(piece.text)
    if edge and len(piece.text) <= _LONGEST_SOURCE:
        return 0
    if _WEAK.match(piece.text) and len(piece.text) <= 60:
        return 0
    return _sentences(piece)


class _Elements:
    """Says of an element whether it, or what it stands in, is a container or furniture.

    The nearest element that says anything decides; what is found is kept, so that all questions
    together take one walk through the page.
    """

    def __init__(self) -> None:
        self._known: dict[Node, tuple[bool, bool]] = {None: (False, False)}
        self._containers: dict[Node, bool] = {}

    def is_furniture(self, piece: Piece) -> bool:
        """Tell what says itself, or whose element says, that it is the page's and not the text's.

        A name like "header" counts only for lines that are short or made of links.
        """
        if len(piece.text) <= _LONGEST_FOOT and _FOOT.search(piece.text):
            return True
        by_tag, by_name = self._of(piece.node)
        return by_tag or (by_name and (piece.linked * 2 > len(piece.text) or len(piece.text) < 30))

    def _of(self, node: Node) -> tuple[bool, bool]:
        path = []
        while node not in self._known:
            path.append(node)
            node = node.getparent()
        found = self._known[node]
        for each in reversed(path):
            if self.is_container(each):
                found = (False, False)
            elif each.tag in _FURNITURE_TAGS:
                found = (True, True)
            elif each.tag != "body" and (each.get("class") or each.get("id")):
                named = f"{each.get('class') or ''} {each.get('id') or ''}"
                found = (found[0], found[1] or _FURNITURE_NAME.search(named) is not None)
            self._known[each] = found
        return found

    def is_container(self, node: Node) -> bool:
        """Tell whether an element is one of the known containers of a body."""
        known = self._containers.get(node)
        if known is None:
            names = [*(node.get("class") or "").split(), node.get("id") or ""]
            known = any(name and _CONTAINER.fullmatch(name) is not None for name in names)
            self._containers[node] = known
        return known


def _sums(root: Node, pieces: Sequence[Piece], weights: Sequence[int]) -> dict[Node, int]:
    """Return for every element with sentences in it how many characters they have."""
    sums: dict[Node, int] = {}
    for piece, weight in zip(pieces, weights, strict=True):
        if weight:
            sums[piece.node] = sums.get(piece.node, 0) + weight
    for node in reversed(list(root.iter())):
        own = sums.get(node, 0)
        parent = node.getparent() if node is not root else None
        if own and parent is not None:
            sums[parent] = sums.get(parent, 0) + own
    return sums


def _main(root: Node, sums: dict[Node, int], elements: _Elements) -> list[Node]:
    """Return the element with the page's sentences, or the known containers that have most."""
    total = sums.get(root, 0)
    outer = [
        node
        for node in sums
        if elements.is_container(node)
        and not any(elements.is_container(up) for up in node.iterancestors())
    ]
    if outer and sum(sums[node] for node in outer) * 10 >= total * 6:
        return outer
    node = root
    while True:
        inner = max(node, key=lambda child: sums.get(child, 0), default=None)
        if inner is None or not 0 < total * _SHARE <= sums.get(inner, 0):
            return [node]
        if inner.tag in ("p", "ol", "ul") or (inner.tag == "table" and not _lays_out(inner)):
            return [node]
        node = inner


def _lays_out(table: Node) -> bool:
    """Tell a table that only lays the page out: it holds other tables or paragraphs."""
    return next(table.iter("p"), None) is not None or sum(1 for _ in table.iter("table")) > 1


def _inside(main: Sequence[Node], pieces: Sequence[Piece]) -> list[bool]:
    held = set()
    for node in main:
        held.update(node.iter())
    return [piece.node in held for piece in pieces]


def _squeeze(text: str) -> str:
    return re.sub(r"[\s\u3000“”\"'‘’《》·•]+", "", text)


def _find_title(
    pieces: Sequence[Piece],
    inside: Sequence[bool],
    titles: Sequence[str],
    elements: _Elements,
) -> frozenset[int]:
    """Return the pieces that are the title: what the head of the page names, else the heading."""
    start = next((at for at, held in enumerate(inside) if held), len(pieces))
    wanted = [_squeeze(title) for title in titles]
    reach = min(start + 12, len(pieces))
    for at in range(reach - 1, -1, -1):
        run = _same_block(pieces, at)
        text = _squeeze("".join(pieces[each].text for each in run))
        linked = any(pieces[each].linked for each in run)
        if len(text) < 6 or linked or pieces[at].hidden or pieces[at].cell is not None:
            continue
        if any(title.startswith(text) or text == title for title in wanted):
            return frozenset(run)
    for at in range(min(start, len(pieces)) - 1, -1, -1):
        piece = pieces[at]
        if piece.level in (1, 2) and not piece.linked and not elements.is_furniture(piece):
            return frozenset(_same_block(pieces, at))
    return frozenset()


def _same_block(pieces: Sequence[Piece], at: int) -> list[int]:
    """Return the places of the pieces of the same block element, around `at`."""
    low = high = at
    while low > 0 and pieces[low - 1].node is pieces[at].node and at - low < 8:
        low -= 1
    while high + 1 < len(pieces) and pieces[high + 1].node is pieces[at].node and high - at < 8:
        high += 1
    run = list(range(low, high + 1))
    whole = sum(len(pieces[each].text) for each in run)
    return run if whole <= _LONGEST_TITLE else [at]


def _link_lists(pieces: Sequence[Piece], inside: Sequence[bool]) -> set[Node]:
    """Return the elements of the body's pieces that stand in a list made of links."""
    links: dict[Node, int] = {}
    own: dict[Node, int] = {}
    for piece, held in zip(pieces, inside, strict=True):
        parent = piece.node.getparent()
        if held and parent is not None:
            full = piece.linked * 10 >= len(piece.text) * 8
            links[parent] = links.get(parent, 0) + full
            own[parent] = own.get(parent, 0) + (0 if full else len(piece.text))
    lists = {node for node, count in links.items() if count >= _LISTED and own[node] < 12 * count}
    return {piece.node for piece in pieces if piece.node.getparent() in lists}
