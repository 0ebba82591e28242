"""How true a reading of a printed report is: characters, paragraphs, furniture, table rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from bench.typesetting import Printed
from extractor import extract, parse
from extractor.document import Document
from extractor.extraction import Located


@dataclass(slots=True)
class Fidelity:
    """Counts of one reading against its truth.

    `missed` holds examples of what went wrong, for people.
    """

    characters: int = 0
    same_characters: int = 0
    paragraphs: int = 0
    same_paragraphs: int = 0
    furniture: int = 0
    found_furniture: int = 0
    rows: int = 0
    same_rows: int = 0
    facts: int = 0
    same_facts: int = 0
    body_lost: int = 0
    missed: list[str] = field(default_factory=list)

    def add(self, other: Fidelity) -> None:
        """Add the counts of another reading."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def judge(document: Document, printed: Printed) -> Fidelity:
    """Compare a reading with what was printed."""
    found = Fidelity()
    blocks = [block for block in document.blocks if block.kind != "cell"]
    read = [document.quote(block.span) for block in blocks]
    _judge_paragraphs(read, printed.paragraphs, found)
    _judge_rows(list(_rows(document)), printed.rows, found)
    _judge_furniture(document, printed, found)
    apart = {item.text for item in document.furniture}
    found.body_lost = sum(len(text) for text in printed.paragraphs if text in apart)
    return found


def judge_facts(document: Document, printed: Printed) -> Fidelity:
    """Compare the facts of a reading with those of the same report as plain text."""
    rows = ["\t".join(row) for row in printed.rows]
    plain = parse("\n".join([*printed.paragraphs, *rows]).encode(), "报告.txt")
    return compare_facts(facts_of(plain), facts_of(document))


def compare_facts(wanted: Counter[str], given: Counter[str]) -> Fidelity:
    """Count the facts that are the same; one that is not stated is as wrong as one left out."""
    missed = [f"− {fact}" for fact in wanted - given] + [f"+ {fact}" for fact in given - wanted]
    return Fidelity(
        facts=(wanted | given).total(), same_facts=(wanted & given).total(), missed=missed
    )


def facts_of(document: Document) -> Counter[str]:
    """Return what is stated, in words and without places.

    Accident, sanctions, document numbers, measures, problems and advice.
    """
    return Counter(_facts(document))


def _facts(document: Document) -> Iterator[str]:
    found = extract(document)
    parties = {party.id: party.name for party in found.parties}
    if found.accident is not None:
        told = found.accident.model_dump(exclude={"start", "end", "sources"})
        yield from (f"事故 {name} {value}" for name, value in told.items() if value is not None)
    for penalty in found.penalties:
        sums = (penalty.amount_yuan, penalty.income_percent)
        said = (parties[penalty.party], penalty.kind, penalty.stage, *sums, penalty.organ)
        yield f"处理 {' '.join(map(str, said))}"
    yield from (f"文号 {number.normal}" for number in found.document_numbers)
    for measure in found.measures:
        due = measure.deadline.raw if measure.deadline else ""
        yield f"措施 {_words(document, measure)} {'、'.join(measure.actors)} {due}"
    yield from (f"问题 {_words(document, each)}" for each in found.problems)
    yield from (f"建议 {_words(document, each)}" for each in found.suggestions)


def _words(document: Document, found: Located) -> str:
    return "".join(document.text[found.start : found.end].split())


def judge_characters(document: Document, lines: Sequence[str]) -> Fidelity:
    """Compare the characters of a reading, in order and without spaces, with these lines."""
    wanted = "".join("".join(line.split()) for line in lines)
    given = "".join(document.text.split())
    if wanted == given:
        return Fidelity(characters=len(wanted), same_characters=len(wanted))
    truth = ["".join(cell.split()) for line in lines for cell in line.split("\t")]
    read = ["".join(document.quote(block.span).split()) for block in document.blocks]
    found = Fidelity()
    _judge_paragraphs(read, truth, found)
    return found


def _judge_paragraphs(read: Sequence[str], truth: Sequence[str], found: Fidelity) -> None:
    found.characters = sum(map(len, truth))
    found.paragraphs = len(truth)
    for tag, a0, a1, b0, b1 in SequenceMatcher(None, truth, read, autojunk=False).get_opcodes():
        if tag == "equal":
            found.same_paragraphs += a1 - a0
            found.same_characters += sum(map(len, truth[a0:a1]))
            continue
        wanted, given = "".join(truth[a0:a1]), "".join(read[b0:b1])
        same = SequenceMatcher(None, wanted, given, autojunk=False).get_matching_blocks()
        matched = sum(block.size for block in same)
        # Characters that were put in are as wrong as those that were left out.
        found.same_characters += matched - max(len(given) - len(wanted), 0)
        found.missed += [f"− {text}" for text in truth[a0:a1]] + [
            f"+ {text}" for text in read[b0:b1]
        ]


def _rows(document: Document) -> Iterator[tuple[str, ...]]:
    rows: dict[tuple[int, int], dict[int, str]] = defaultdict(dict)
    for block in document.blocks:
        if block.kind == "cell":
            row = rows[block.table or 0, block.row or 0]
            column = block.column or 0
            row[column] = row.get(column, "") + document.quote(block.span)
    for _, row in sorted(rows.items()):
        yield tuple(row[column] for column in sorted(row))


def _judge_rows(
    read: Sequence[tuple[str, ...]], truth: Sequence[tuple[str, ...]], found: Fidelity
) -> None:
    found.rows = len(truth)
    matcher = SequenceMatcher(None, list(truth), list(read), autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        if tag == "equal":
            found.same_rows += a1 - a0
        else:
            found.missed += [f"− {'|'.join(row)}" for row in truth[a0:a1]]
            found.missed += [f"+ {'|'.join(row)}" for row in read[b0:b1]]


def _judge_furniture(document: Document, printed: Printed, found: Fidelity) -> None:
    """Count what is not of the body: one page number a page, and what else was printed."""
    pages = len(document.pages)
    wanted: Counter[str] = Counter({"page_number": pages, "note": len(printed.notes)})
    wanted["watermark"] = pages if printed.watermark else 0
    wanted["running_head"] = pages if printed.running_head else 0
    got: Counter[str] = Counter()
    for item in document.furniture:
        if item.kind == "running_head" and item.text != printed.running_head:
            continue
        if item.kind == "note" and not any(note in item.text for note in printed.notes):
            continue
        if item.kind == "watermark" and item.text != printed.watermark:
            continue
        got[item.kind] += 1
    for kind, count in wanted.items():
        found.furniture += count
        found.found_furniture += min(got[kind], count)
        if got[kind] != count:
            found.missed.append(f"{kind}：{got[kind]} / {count}")
