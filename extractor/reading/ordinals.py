"""The ordinals inside paragraphs: 一是…二是…, 第一，…第二，…, 首先，…其次，…最后，…."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from extractor.reading.nodes import CHINESE_DIGITS, INLINE_LEVEL, ROOT_LEVEL, Node, inner_node
from extractor.reading.numerals import parse_chinese_integer

_CN = CHINESE_DIGITS
_ORDER_WORDS = {"首先": 1, "其次": 2, "再次": 3}
_LAST_WORD = "最后"
_ORDINAL = re.compile(
    rf"(?<![{_CN}第唯之其统逐专])(?P<cn>[{_CN}]{{1,2}})(?:是(?!否|非|一[，、。；])|要(?=[^素求]))"
    rf"|第(?P<ord>[{_CN}]{{1,2}})(?:，|(?<![^。；：\n]第[{_CN}])、)"
    rf"|其(?P<each>[{_CN}]{{1,2}})(?:，|是(?!否))"
    rf"|(?<![^。；：\n])(?P<word>首先|其次|再次|{_LAST_WORD})(?:，|(?=要))"
)
_LONGEST_SUBLIST = 40


def starts_ordinals(text: str, at: int) -> bool:
    """Say whether an ordinal stands at `text[at]`."""
    return _ORDINAL.match(text, at) is not None


def inline_runs(text: str, heads: Sequence[Node]) -> dict[int, list[Node]]:
    """Return the ordinals 一是…二是… by the end of the block that holds them.

    A run starts at 一, counts on without a gap, and has two at least. It may go on over marked
    paragraphs of a lower level when its ordinals begin paragraphs (一是…：（1）…（2）… 二是…).
    """
    starts = [node.start for node in heads]
    found: dict[int, list[Node]] = {}
    run: list[Node] = []
    blocks: list[int] = []
    family = ""
    for match in _ORDINAL.finditer(text):
        number = _number_of(match, len(run))
        block = bisect_right(starts, match.start())
        same = family == _family_of(match)
        if same and number == len(run) + 1 and _same_run(text, heads, run, blocks, match.start()):
            run.append(inner_node(INLINE_LEVEL, match.group(), number, match.start()))
            blocks.append(block)
        elif number == 1 and (same or not run or block != blocks[-1]):
            _keep_run(found, heads, run, blocks, len(text))
            run = [inner_node(INLINE_LEVEL, match.group(), 1, match.start())]
            blocks, family = [block], _family_of(match)
    _keep_run(found, heads, run, blocks, len(text))
    return found


def _number_of(match: re.Match[str], before: int) -> int | None:
    word = match.group("word")
    if word == _LAST_WORD:
        return before + 1 if before else None
    if word:
        return _ORDER_WORDS[word]
    return parse_chinese_integer(match.group("cn") or match.group("ord") or match.group("each"))


def _family_of(match: re.Match[str]) -> str:
    """One list has ordinals of one form: 一是 and 二是, not 一是 and 二要; 首先 goes with 第二."""
    if match.group("cn"):
        return match.group()[-1]
    return "each" if match.group("each") else "order"


def _keep_run(
    found: dict[int, list[Node]],
    heads: Sequence[Node],
    run: Sequence[Node],
    blocks: Sequence[int],
    end: int,
) -> None:
    """File the ordinals of a run under the ends of their blocks; one alone is no list."""
    if len(run) < 2:
        return
    spread = blocks[0] != blocks[-1]
    for node, block in zip(run, blocks, strict=True):
        if spread:  # it holds marked paragraphs: nest it above them
            node.rank = (heads[blocks[0] - 1].rank if blocks[0] else ROOT_LEVEL) + 0.5
        found.setdefault(heads[block].start if block < len(heads) else end, []).append(node)


def _same_run(
    text: str,
    heads: Sequence[Node],
    run: Sequence[Node],
    blocks: Sequence[int],
    start: int,
) -> bool:
    block = bisect_right(heads, start, key=lambda node: node.start)
    if block == blocks[-1]:
        return True
    if block - blocks[-1] > _LONGEST_SUBLIST:
        return False
    owner = heads[blocks[0] - 1].level if blocks[0] else ROOT_LEVEL
    between = heads[blocks[-1] : block]
    return (
        all(node.level > owner and node.marker for node in between)
        and (start == 0 or text[start - 1] == "\n")
        and (run[0].start == 0 or text[run[0].start - 1] == "\n")
    )
