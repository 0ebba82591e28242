"""How well persons are found in sentences with rare, minority and masked names, by each tagger.

`python -m corpus.name_scores none jieba lac` prints the table. The sentences are invented: in the
files of `persons` each person stands in [ ]; `unnamed.tsv` has none and tempts. The names of a
sentence are compared as a set. With the rules, a sentence is read as a paragraph of the document it
is written for: proposals on treatment, course, members, or outcome.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from extractor import extract, parse
from models import Tagger, load_tagger

FILES = ("named", "unnamed", "held", "blind")
"""`held` was written after most corrections of lac, and led to some; `blind` led to none."""

_NAMED = re.compile(r"\[([^\[\]]+)\]")
_FRAMES: Mapping[str, str] = {
    "treatment": "岚溪市“9·16”一般事故调查报告\n\n五、对事故有关责任人员和单位的处理建议\n\n{}\n",
    "narrative": "岚溪市“9·16”一般事故调查报告\n\n二、事故发生经过和应急处置情况\n\n{}\n",
    "list": "岚溪市“9·16”一般事故调查报告\n\n附件：事故调查组成员名单\n\n{}\n",
    "evaluation": (
        "岚溪市“9·16”一般事故防范和整改措施落实情况评估报告\n\n二、责任追究落实情况\n\n{}\n"
    ),
}

Finder = Callable[["Sentence"], Iterable[str]]
"""What returns the names of the persons of a sentence."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """An invented sentence, the ranges of its persons, what its names are like, where it stands."""

    text: str
    persons: tuple[tuple[int, int], ...]
    kind: str
    place: str

    def names(self) -> frozenset[str]:
        """Return the names of its persons."""
        return frozenset(self.text[start:end] for start, end in self.persons)


@dataclass(slots=True)
class Count:
    """Names found rightly, found wrongly, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """Share of right names among those found; 1 where nothing was found."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of the names that were found; 1 where there are none."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


@cache
def sentences(name: str) -> tuple[Sentence, ...]:
    """Return the sentences of one of `FILES`."""
    text = files(__package__).joinpath("persons", f"{name}.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(_sentence(row["text"], row["kind"], row["place"]) for row in rows)


def _sentence(marked: str, kind: str, place: str) -> Sentence:
    persons = []
    for number, match in enumerate(_NAMED.finditer(marked)):
        start = match.start() - 2 * number
        persons.append((start, start + len(match.group(1))))
    return Sentence(_NAMED.sub(r"\1", marked), tuple(persons), kind, place)


def tagged_by(tagger: Tagger) -> Finder:
    """Find with a tagger alone."""

    def find(sentence: Sentence) -> Iterator[str]:
        for mention in tagger.tag(sentence.text):
            if mention.label == "PERSON":
                yield sentence.text[mention.start : mention.end]

    return find


def read_by_rules(tagger: Tagger | None = None) -> Finder:
    """Find with the reader: the persons among the parties of what it extracts."""

    def find(sentence: Sentence) -> Iterator[str]:
        text = _FRAMES[sentence.place].format(sentence.text)
        result = extract(parse(text.encode(), "报告.txt"), tagger)
        return (party.name for party in result.parties if party.kind == "person")

    return find


def either(*finders: Finder) -> Finder:
    """Find what any of the finders finds."""
    return lambda sentence: (name for find in finders for name in find(sentence))


def measure(find: Finder, chosen: Sequence[Sentence]) -> dict[str, Count]:
    """Count by kind of name, and under "all"."""
    counts: defaultdict[str, Count] = defaultdict(Count)
    for sentence in chosen:
        wanted, found = sentence.names(), frozenset(find(sentence))
        for count in (counts[sentence.kind], counts["all"]):
            count.right += len(wanted & found)
            count.wrong += len(found - wanted)
            count.missed += len(wanted - found)
    return dict(counts)


def table(finders: Mapping[str, Finder]) -> str:
    """Return a Markdown table: precision and recall of each finder on each file and kind."""
    lines = ["| 找法 | 句子 | 准确率 | 召回率 | 各类召回率 |", "|---|---|---|---|---|"]
    for name, find in finders.items():
        for chosen in (("named", "unnamed"), ("held",), ("blind",)):
            counts = measure(find, [s for each in chosen for s in sentences(each)])
            kinds = " ".join(
                f"{kind} {count.recall:.3f}"
                for kind, count in counts.items()
                if kind != "all" and count.right + count.missed
            )
            every = counts["all"]
            lines.append(
                f"| {name} | {'+'.join(chosen)} | {every.precision:.3f} | {every.recall:.3f} |"
                f" {kinds} |"
            )
    return "\n".join(lines)


def main(names: Sequence[str]) -> None:
    """Print the table for the taggers named, each alone and with the rules."""
    finders: dict[str, Finder] = {}
    for name in names:
        if name == "none":
            finders["规则"] = read_by_rules()
            continue
        tagger = load_tagger(name)
        finders[name] = tagged_by(tagger)
        finders[f"规则与 {name}"] = either(read_by_rules(tagger), tagged_by(tagger))
    sys.stdout.write(table(finders) + "\n")
    counted = Counter(s.kind for each in FILES for s in sentences(each) if s.persons)
    sys.stdout.write(f"\n有人名的句子：{sum(counted.values())}，{dict(counted)}\n")


if __name__ == "__main__":
    main(sys.argv[1:] or ["none", "jieba", "lac"])
