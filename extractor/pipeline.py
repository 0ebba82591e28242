"""The recipe: from a document to its extraction, step by step.

`extract(document)` reads the view, the kind, the outline, the numbers, the header, the parties, the
sanctions, the measures and the opinions, in this order, and then checks every value against the
range that it points to. What fails the check is left out and a warning says so. Last, each record
gets its probability.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from extractor.assembly import Readings, assemble, extractor_version
from extractor.confidence import with_confidence
from extractor.document import Document
from extractor.extraction import Extraction
from extractor.grounding import drop_ungrounded
from extractor.reading.chapters import read_chapters
from extractor.reading.citations import find_document_numbers
from extractor.reading.clauses import Found, NumberAt
from extractor.reading.evaluations import read_evaluation
from extractor.reading.header import AccidentReading, read_accident
from extractor.reading.kinds import read_front, read_kind
from extractor.reading.laws import find_law_citations
from extractor.reading.lost_chapters import find_lost_chapters
from extractor.reading.measures import read_measures
from extractor.reading.opinions import read_problems, read_suggestions
from extractor.reading.outline import read_outline
from extractor.reading.penalties import read_penalties
from extractor.reading.roster import Roster
from extractor.view import build_view
from models import RoleTagger, Tagger


def extract(document: Document, tagger: Tagger | None = None) -> Extraction:
    """Read one document: result format version 1, every value checked against its range.

    `tagger` may propose names that the rules do not see; without one the rules work alone.
    """
    view = build_view(document)
    kind = read_kind(view, document)
    outline = read_outline(view, kind.kind)
    if isinstance(tagger, RoleTagger):
        told = read_chapters(view, outline, kind.kind).guessed
        lost = find_lost_chapters(view, outline, kind.kind, tagger.roles, told)
        outline = read_outline(view, kind.kind, lost) if lost else outline
    numbers = find_document_numbers(view)
    front = read_front(view, document, kind, numbers)
    laws = find_law_citations(view)
    accident = read_accident(view, outline, kind.kind, kind.title_span)
    roster = Roster(view, tagger)
    places = [NumberAt(i, n.kind, n.start, n.end) for i, n in enumerate(numbers)]
    unit = accident_unit(roster, kind.title_span, accident)
    issuer = None
    if front.issuer is not None and "issuer" in front.sources:
        issuer = (front.issuer, *front.sources["issuer"])
    found = Found(
        laws,
        places,
        unit,
        title=kind.title_span,
        issuer=issuer,
        own_number=front.number,
        has_accident=accident is not None and accident.date is not None,
    )
    penalties = read_penalties(view, outline, kind.kind, roster, found)
    units = roster.alias_groups()
    measures = read_measures(view, outline, kind.kind, known_units=units)
    problems = read_problems(view, outline, kind.kind)
    suggestions = read_suggestions(view, outline, kind.kind)
    evaluation = read_evaluation(view, outline, kind.kind, numbers)
    readings = Readings(
        kind,
        front,
        outline,
        numbers,
        accident,
        roster,
        penalties,
        measures,
        problems,
        suggestions,
        evaluation,
        found.unread,
    )
    grounded = drop_ungrounded(document, view, assemble(document, view, readings))
    return with_confidence(document, view, grounded, roster.agreed_persons())


def extraction_version(tagger: str | None = None) -> str:
    """Return what a result depends on besides its file: program, rules and tagger, in short.

    It changes whenever the package, a table of rules or the code of reading does, or the tagger
    with this name (which names its version): `0.1.0-3fa9c2d1`, `0.1.0-3fa9c2d1-lac-0.1`.
    """
    parts = [extractor_version(), _digest()]
    if tagger is not None:
        parts.append(
            tagger if len(tagger) <= _NAME else sha256(tagger.encode()).hexdigest()[:_NAME]
        )
    return "-".join(parts)


_NAME = 40


@cache
def _digest() -> str:
    """Return eight digits that stand for all code and tables of this package."""
    total = sha256()
    for name, content in sorted(_sources(files(__package__ or "extractor"), "")):
        total.update(f"{name}\n{len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()[:8]


def _sources(folder: Traversable, place: str) -> list[tuple[str, bytes]]:
    found = []
    for entry in folder.iterdir():
        name = f"{place}/{entry.name}"
        if entry.is_dir():
            found += _sources(entry, name)
        elif entry.name.endswith((".py", ".toml", ".tsv", ".txt")):
            # The end of a line is what a checkout makes it.
            found.append((name, entry.read_bytes().replace(b"\r\n", b"\n")))
    return found


def accident_unit(
    roster: Roster, title: tuple[int, int] | None, accident: AccidentReading | None
) -> str | None:
    """Return what 事故单位 stands for: the unit in the title or the first sentence."""
    places = [title, (accident.start, accident.end) if accident is not None else None]
    for place in places:
        if place is not None:
            for printed, _, _ in roster.find_known(*place):
                return roster.alias_of.get(printed, printed)
    return None
