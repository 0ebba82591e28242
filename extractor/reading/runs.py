"""Kinds that stand in one list: which is whose, by 分别, and where nobody can tell.

局长张三、副局长李四分别受到诫勉和警告处分: one each, in order. 对9名干部分别给予撤职、记过处分: a
sanction each, but not which. 给予记过或记大过处分: the first is certain to be the least.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from extractor.reading.sanctions import Cue, settle_kind
from extractor.rules import penalty_families

_JOINT = re.compile(r"(?:处理|处分|处罚)?(?:和|、|及|以及|与|或者?|以至)")
_REACH = 40
_VAGUE = "disc.unspecified"


@dataclass(frozen=True, slots=True)
class Turn:
    """One cue in its list: its place, the size of the list, whether 分别 hands it out.

    `limit` is where the next cue begins; `whole` stands for a list whose kinds exclude each other.
    """

    cue: Cue
    limit: int
    index: int
    size: int
    apart: bool
    whole: Cue | None


def list_turns(text: str, cues: Sequence[Cue], start: int, end: int) -> Iterator[Turn]:
    """Yield the cues of `text[start:end]` with their lists; of A或B only A."""
    at = 0
    while at < len(cues):
        last = at
        while last + 1 < len(cues) and _JOINT.fullmatch(text, cues[last].end, cues[last + 1].start):
            last += 1
        run = cues[at : last + 1]
        apart = "分别" in text[max(start, run[0].start - _REACH) : run[0].start]
        whole = None
        if apart and _exclude_each_other(run):
            whole = Cue(_VAGUE, run[0].start, run[-1].end, run[0].passive)
        for index, cue in enumerate(run):
            if index and "或" in text[run[index - 1].end : cue.start]:
                continue
            after = cues[at + index + 1].start if at + index + 1 < len(cues) else end
            yield Turn(cue, after, index, len(run), apart, whole)
        at = last + 1


def _exclude_each_other(run: Sequence[Cue]) -> bool:
    """Tell whether one person is given only one of these kinds: 记过, 记大过, 撤职."""
    kinds = {settle_kind(cue.kind.partition("+")[0], ("official",), None) for cue in run}
    return len(kinds) > 1 and {penalty_families()[kind] for kind in kinds} == {"government"}
