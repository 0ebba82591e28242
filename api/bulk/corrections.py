"""What people correct of the grouping: a table of two columns, a document and its case.

    甲/批复.pdf	青石县沐泉公司“3·5”一般坍塌事故
    9f2c41d07a…	单独

A line moves one document. What was in a case with it stays together without it, but for a document
that cites its number and has no other company: that goes with it.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from extractor.checklist.case_facts import CaseFacts
from extractor.checklist.grouping import SURENESS_LABELS, Group, Grouping, Link, Pins, group_cases

ALONE: Final = "单独"
_HEADINGS: Final = frozenset({"文件", "路径", "sha256"})
_DIGEST: Final = re.compile(r"[0-9a-f]{8,64}")
_STEM: Final = re.compile(r"~([0-9a-f]{8})(（\d+）)?(\.json|\.xlsx)?$")
_QUOTES: Final = str.maketrans("“”＂„‟", '"""""')
_ALONE_BY_HAND: Final = "由人单独放"
_JOINED_BY_HAND: Final = "有文件由人归入这起事故"


@dataclass(frozen=True, slots=True)
class Correction:
    """A line of the table: the document and the case as they are written there."""

    line: int
    document: str
    case: str


@dataclass(slots=True)
class Corrected:
    """A grouping that follows the corrections.

    `reasons` are those of the documents that people have placed; `notes` say in Chinese what could
    not be followed.
    """

    grouping: Grouping
    reasons: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_corrections(path: Path) -> tuple[list[Correction], list[str]]:
    """Return the lines of a table and what is wrong with others, in Chinese; no file has none.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no text.
    """
    try:
        text = _decode(path.read_bytes())
    except FileNotFoundError:
        return [], []
    found: list[Correction] = []
    notes: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter="\t"))]
        if not found and cells[0].casefold() in _HEADINGS:
            continue
        if len(cells) < 2 or not cells[0] or not cells[1]:
            words = (
                f"要写成两列，中间用制表符（Tab）隔开：文件的路径或 SHA-256，案件名称或“{ALONE}”。"
            )
            notes.append(f"第 {number} 行没有用上：{words}")
            continue
        found.append(Correction(number, cells[0], cells[1]))
    return found, notes


def _decode(data: bytes) -> str:
    """Return the text as editors and Excel save it: UTF-8, UTF-16 with its mark, or GB 18030."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def group_corrected(
    facts: Mapping[str, CaseFacts],
    corrections: Sequence[Correction],
    named: Mapping[str, Collection[str]],
) -> Corrected:
    """Group documents by accident, as people have corrected it.

    `named` are the ids of the documents by their paths.
    """
    notes: list[str] = []
    wanted = _find_documents(facts, corrections, named, notes)
    alone = {document for document, line in wanted.items() if line.case == ALONE}
    rest = [each for document, each in facts.items() if document not in alone]
    own = group_cases(rest)
    labels = _Labels(own, facts, notes)
    labels.give({document: wanted[document] for document in wanted if document not in alone})
    grouping = group_cases(rest, Pins(cases=labels.of)) if labels.of else own
    group_of = {document: group for group in own.groups for document in group.documents}
    groups = [_explained(group, group_of, labels) for group in grouping.groups]
    groups += [_set_apart(facts[document]) for document in alone]
    groups.sort(key=lambda each: (each.date or "9", each.name or "", each.documents))
    settled = alone | labels.moved
    doubts = (each for each in grouping.doubts if not settled & {each.document, *each.others})
    reasons = {each: f"由人归入“{labels.name_of[labels.of[each]]}”" for each in labels.moved}
    reasons |= dict.fromkeys(alone, _ALONE_BY_HAND)
    return Corrected(Grouping(groups=tuple(groups), doubts=tuple(doubts)), reasons, notes)


def _find_documents(
    facts: Mapping[str, CaseFacts],
    corrections: Sequence[Correction],
    named: Mapping[str, Collection[str]],
    notes: list[str],
) -> dict[str, Correction]:
    """Return the line of each document that is corrected; the last one counts."""
    by_path: defaultdict[str, set[str]] = defaultdict(set)
    for path, documents in named.items() if corrections else ():
        by_path[_plain_path(path)] |= facts.keys() & set(documents)
    found: dict[str, Correction] = {}
    for line in corrections:
        documents = by_path.get(_plain_path(line.document), set())
        if not documents and _DIGEST.fullmatch(start := line.document.lower()):
            documents = {document for document in facts if document.startswith(start)}
        where = f"第 {line.line} 行没有用上："
        if not documents:
            notes.append(
                f"{where}没有读出过“{line.document}”这份文件。"
                "请照汇总表“文件”一列写它的路径，或写它的 SHA-256。"
            )
        elif len(documents) > 1:
            notes.append(
                f"{where}“{line.document}”有 {len(documents)} 份内容不同的文件。"
                "请改写 SHA-256（见 manifest.jsonl）。"
            )
        else:
            (document,) = documents
            if document in found:
                before = found[document].line
                notes.append(f"第 {before} 行没有用上：第 {line.line} 行说的是同一份文件。")
            found[document] = line
    return found


class _Labels:
    """To which case each document is pinned: those that people have moved, and their company."""

    def __init__(self, own: Grouping, facts: Mapping[str, CaseFacts], notes: list[str]) -> None:
        self._facts, self._notes = facts, notes
        self._own = own.groups
        self.of: dict[str, str] = {}
        self.name_of: dict[str, str] = {}
        self.moved: set[str] = set()

    def give(self, lines: Mapping[str, Correction]) -> None:
        """Label what people have moved, what it is moved to, and what it leaves behind."""
        by_name: defaultdict[str, list[Group]] = defaultdict(list)
        for group in self._own if lines else ():
            by_name[_plain_name(group.name or "")].append(group)
        targets: dict[str, Group] = {}
        strangers: defaultdict[str, list[Correction]] = defaultdict(list)
        for document, line in lines.items():
            groups = self._named(line.case, by_name)
            if len(groups) > 1:
                self._notes.append(
                    f"第 {line.line} 行没有用上：有 {len(groups)} 起事故都叫“{line.case}”。"
                    "请改写 cases 文件夹里那份清单的文件名。"
                )
                continue
            label = groups[0].documents[0] if groups else f"新的 {_plain_name(line.case)}"
            if groups:
                targets[label] = groups[0]
            else:
                strangers[label].append(line)
            self.of[document] = label
            self.name_of.setdefault(label, (groups[0].name if groups else None) or line.case)
            self.moved.add(document)
        for label, group in targets.items():
            for document in group.documents:
                self.of.setdefault(document, label)
        self._leave_behind()
        for line, *more in strangers.values():
            if not more:
                self._notes.append(
                    f"第 {line.line} 行：没有叫“{line.case}”的案件，已作为新的一起。"
                    "如果是写错了，请照汇总表“事故名称”一列改。"
                )

    def _named(self, case: str, by_name: Mapping[str, list[Group]]) -> list[Group]:
        """Return the cases of this name, or the one whose checklist has this file name."""
        if (stem := _STEM.search(case)) is not None:
            return [
                group
                for group in self._own
                if any(document.startswith(stem[1]) for document in group.documents)
            ][:1]
        return by_name.get(_plain_name(case), [])

    def _leave_behind(self) -> None:
        """Hold together what was in a case with a document that is moved, without it."""
        for group in self._own:
            gone = self.moved & set(group.documents)
            left = [document for document in group.documents if document not in self.of]
            if not gone or not left:
                continue
            cited = {
                document
                for link in group.links
                if link.kind == "number" and gone & {link.document, link.other}
                for document in (link.document, link.other)
            }
            for company in group_cases(self._facts[document] for document in left).groups:
                first, *others = company.documents
                if others or first not in cited:
                    self.of |= dict.fromkeys(company.documents, f"其余 {first}")


def _explained(group: Group, group_of: Mapping[str, Group], labels: _Labels) -> Group:
    """Return a group with the reasons that facts give, and the name that people gave."""
    label = next((labels.of[each] for each in group.documents if each in labels.of), None)
    if label is None:
        return group
    inside = set(group.documents)
    own = dict.fromkeys(group_of[document] for document in group.documents)
    links: list[Link] = [link for each in own for link in each.links]
    links += [link for link in group.links if link.kind != "pinned"]
    links = [link for link in dict.fromkeys(links) if {link.document, link.other} <= inside]
    texts = "；".join(dict.fromkeys(link.text for link in links))
    by_hand = bool(inside & labels.moved) or not texts
    return group.model_copy(
        update={
            "name": labels.name_of.get(label, group.name),
            "links": tuple(links),
            "sure": max(
                (link.sure for link in links), key=list(SURENESS_LABELS).index, default="certain"
            ),
            "reason": group.reason if group.alone else _JOINED_BY_HAND if by_hand else texts,
        }
    )


def _set_apart(facts: CaseFacts) -> Group:
    (group,) = group_cases([facts]).groups
    return group.model_copy(update={"alone": "pinned_apart", "reason": _ALONE_BY_HAND})


def _plain_path(path: str) -> str:
    return unicodedata.normalize("NFC", path).replace("\\", "/").removeprefix("./")


def _plain_name(name: str) -> str:
    """Return a name without spaces, in one form of letters and quotes."""
    return "".join(unicodedata.normalize("NFKC", name).translate(_QUOTES).split())
