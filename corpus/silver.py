"""Examples from documents that nobody labelled: what the rules and lac agree on, the rest unknown.

`python -m corpus.silver FOLDER OUT.jsonl` reads every text of a folder and writes one example a
paragraph for `hecha train --extra`. A name that both find is a PERSON or an ORG; one that only one
of them finds, and whatever may be a title, a sanction or an amount, is `?`: nothing is learned
there. A paragraph without any name is an example of none. The output holds the documents' words:
it serves the training and is not kept.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from extractor import extract, parse
from extractor.extraction import Extraction
from models import Mention, Tagger, load_tagger
from models.training_examples import UNKNOWN

SHORTEST = 6
"""Lines of fewer characters teach nothing."""
_AROUND = 6
_TITLE = re.compile(
    r"[长员师监]|经理|主任|书记|司机|工人|主管|董事|监事|总裁|委员|专家|代表|科级|处级|调研员|负责|[\u4e00-\u9fff]工(?![作程人业])"
)
_CUE = re.compile(
    r"给予|处分|罚|吊销|撤|移送|追究|警告|记过|免|约谈|检查|诫勉|批评|责令|拘|逮捕|判|起诉|立案"
    r"|处理|责任|通报|问责|取保|强制|降|开除|解除|停|暂扣|没收|联合惩戒|黑名单"
)
_AMOUNT = re.compile(r"[\d.,，零一二三四五六七八九十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟%％元余几]+")
_COMMON = frozenset("，。；：、（）《》“”！？")
Range = tuple[int, int]


def silver_examples(name: str, text: str, tagger: Tagger) -> Iterator[dict[str, Any]]:
    """Yield an example for each line of a document that is long enough."""
    result = extract(parse(text.encode(), f"{name}.txt"))
    persons = {n for p in result.parties if p.kind == "person" for n in (p.name, *p.aliases)}
    units = {n for p in result.parties if p.kind == "organization" for n in (p.name, *p.aliases)}
    for line in text.splitlines():
        line = line.strip()
        if len(line) >= SHORTEST:
            spans = _spans(line, tagger.tag(line), (persons, units - _organs(result)))
            yield {
                "text": line,
                "spans": [list(span) for span in spans],
                "role": None,
                "family": f"silver/{name}",
                "split": "train",
            }


def _organs(result: Extraction) -> set[str]:
    """Return the authorities that decide: whether a sentence names them as such is not known."""
    return {penalty.organ for penalty in result.penalties if penalty.organ}


def _spans(
    line: str, mentions: Sequence[Mention], known: tuple[set[str], set[str]]
) -> list[tuple[int, int, str]]:
    """Return the agreed names, and as unknown all that may be something and is not agreed."""
    agreed: list[tuple[int, int, str]] = []
    unsure: list[Range] = []
    for mention in mentions:
        sort = {"PERSON": 0, "ORG": 1}.get(mention.label)
        if sort is None:
            continue
        is_agreed = line[mention.start : mention.end] in known[sort]
        if is_agreed and not (sort == 1 and _CUE.search(line)):
            agreed.append((mention.start, mention.end, mention.label))
        else:
            unsure.append((mention.start, mention.end))
    unsure += [place for names in known for name in names for place in _places(line, name)]
    unsure += [(m.start() - _AROUND, m.end() + 1) for m in _TITLE.finditer(line)]
    unsure += [(m.start() - _AROUND, m.end() + _AROUND) for m in _CUE.finditer(line)]
    unsure += [(m.start(), m.end()) for m in _AMOUNT.finditer(line)]
    return _combined(line, agreed, unsure)


def _places(line: str, name: str) -> Iterator[Range]:
    at = line.find(name)
    while at >= 0:
        yield at, at + len(name)
        at = line.find(name, at + len(name))


def _combined(
    line: str, agreed: list[tuple[int, int, str]], unsure: Iterable[Range]
) -> list[tuple[int, int, str]]:
    """Return the agreed spans, and the unknown runs between them; punctuation is none of them."""
    state = [""] * len(line)
    for start, end in unsure:
        for at in range(max(start, 0), min(end, len(line))):
            state[at] = "" if line[at] in _COMMON else UNKNOWN
    for start, end, _ in agreed:
        state[start:end] = ["+"] * (end - start)
    spans = list(agreed)
    start = 0
    for at in range(1, len(line) + 1):
        if at == len(line) or state[at] != state[start]:
            if state[start] == UNKNOWN:
                spans.append((start, at, UNKNOWN))
            start = at
    return sorted(spans)


def write_silver(folder: Path, out: Path, tagger: Tagger) -> int:
    """Write the examples of all `.txt` files of a folder; return how many there are.

    Raises:
        OSError: a file cannot be read or written.
    """
    count = 0
    with out.open("w", encoding="utf-8", newline="\n") as lines:
        for path in sorted(folder.glob("*.txt")):
            for example in silver_examples(path.stem, path.read_text(encoding="utf-8"), tagger):
                lines.write(json.dumps(example, ensure_ascii=False) + "\n")
                count += 1
    return count


def main(arguments: Sequence[str]) -> None:
    """Write the examples of the folder named first into the file named second."""
    if len(arguments) != 2:
        sys.exit("用法：python -m corpus.silver 文件夹 输出.jsonl")
    count = write_silver(Path(arguments[0]), Path(arguments[1]), load_tagger("lac"))
    sys.stderr.write(f"已写入 {arguments[1]}：{count} 条例句\n")


if __name__ == "__main__":
    main(sys.argv[1:])
