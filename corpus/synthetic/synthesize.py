"""Makes documents: which kind, which split, how clean; and writes them to a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.gold import Gold
from corpus.synthetic.chance import Chance
from corpus.synthetic.doc_codes import Coder
from corpus.synthetic.document_writer import DocumentWriter
from corpus.synthetic.grammar import Split, grammar_of
from corpus.synthetic.incident import happen
from corpus.synthetic.noise import Written, spoil
from corpus.synthetic.reports import write_evaluation, write_investigation, write_reply
from corpus.synthetic.scribe import Scribe
from corpus.synthetic.small_papers import (
    write_circular,
    write_decision,
    write_news,
    write_plan,
    write_self_report,
)
from corpus.synthetic.speaker import Speaker
from corpus.synthetic.truth import examples, make_gold
from extractor.extraction import DocumentKind

EXAMPLES = "examples.jsonl"


@dataclass(frozen=True, slots=True)
class _Sort:
    kind: DocumentKind
    weight: int
    write: Callable[[DocumentWriter], None]
    has_accident: bool = True


_SORTS = (
    _Sort("INV", 44, write_investigation),
    _Sort("EVAL", 30, write_evaluation),
    _Sort("REP", 12, write_reply),
    _Sort("PEN", 5, write_decision),
    _Sort("SELF", 3, write_self_report),
    _Sort("CIRC", 3, write_circular, has_accident=False),
    _Sort("PLAN", 2, write_plan, has_accident=False),
    _Sort("MEDIA", 1, write_news, has_accident=False),
)
_DRAW = tuple(sort for sort in _SORTS for _ in range(sort.weight))
_SPLIT_DRAW: tuple[Split, ...] = ("train",) * 7 + ("dev",) + ("test",) * 2


@dataclass(frozen=True, slots=True)
class Synthetic:
    """A document with its truth and its training examples."""

    text: str
    gold: Gold
    split: Split
    examples: tuple[dict[str, Any], ...]


def synthesize(number: int, seed: int, noise: float = 0.0, split: Split | None = None) -> Synthetic:
    """Return document `number` of a seed; without `split`, of the split that the draw gives it.

    `noise` from 0 to 1 is the share of documents that are damaged, and of document numbers printed
    in a damaged form. The same arguments give the same characters on every machine.
    """
    chance = Chance(seed, number, split or "all")
    part = chance.pick(_SPLIT_DRAW) if split is None else split
    sort = chance.pick(_DRAW)
    incident = happen(chance)
    scribe = Scribe()
    coder = Coder(chance, incident.place, noise, is_old=incident.cast.is_old)
    speaker = Speaker(chance, grammar_of(part), incident, scribe, coder)
    sort.write(DocumentWriter(speaker, noise))
    scribe.line()
    name = f"{sort.kind.lower()}-{part}-{seed}-{number:05d}"
    gold = make_gold(name, sort.kind, incident, scribe, sort.has_accident)
    written = Written(scribe.text, gold, tuple(scribe.labelled()), tuple(scribe.sentences))
    if chance.happens(noise):
        written = spoil(written, chance)
    lines = tuple(examples(written.text, written.sentences, written.spans, part))
    return Synthetic(written.text, written.gold, part, lines)


def synthesize_many(
    documents: int, seed: int, noise: float = 0.0, split: Split | None = None
) -> Iterator[Synthetic]:
    """Yield so many documents of a seed."""
    for number in range(documents):
        yield synthesize(number, seed, noise, split)


def write_folder(folder: Path, documents: Iterator[Synthetic]) -> int:
    """Write `<id>.txt`, `<id>.json` and the examples of all; return how many documents.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with (folder / EXAMPLES).open("w", encoding="utf-8", newline="\n") as lines:
        for each in documents:
            stem = folder / each.gold.id
            stem.with_suffix(".txt").write_bytes(each.text.encode())
            truth = each.gold.model_dump_json(indent=1, exclude={"file"})
            stem.with_suffix(".json").write_bytes((truth + "\n").encode())
            for example in each.examples:
                lines.write(json.dumps(example, ensure_ascii=False) + "\n")
            count += 1
    return count
