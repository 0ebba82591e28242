"""Cases on the page for the official at the desk: the list, one case, moving its documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup, escape

from api.services import Services
from api.store import cases, placements, searching
from api.store.acting import shown
from api.store.cases import CaseDetails, CaseEntry, CaseFilters
from api.store.placements import DocumentPlacement
from api.store.searching import SearchHit

_LISTED: Final = 30
_TARGETS: Final = 100
_HITS: Final = 30
HIT_LABELS: Final = {
    "document": "标题",
    "text": "全文",
    "party": "责任主体",
    "penalty": "处理",
    "measure": "整改措施",
    "problem": "问题",
    "suggestion": "工作建议",
}
ORIGIN_LABELS: Final = {"auto": "自动", "manual": "人工"}


@dataclass(frozen=True, slots=True)
class CaseParts:
    """What the page shows of cases: the newest, the hits of a search, one, or that of a file."""

    listed: Sequence[CaseEntry] = ()
    more: bool = False
    asked: str = ""
    hits: Sequence[SearchHit] = ()
    opened: CaseDetails | None = None
    targets: Sequence[CaseEntry] = ()
    placement: DocumentPlacement | None = None


def case_parts(services: Services, tenant: str, case: str | None, asked: str) -> CaseParts:
    """Return what the page is to show of cases.

    Raises:
        CaseNotFoundError: there is no case of this id.
    """
    with services.database.read() as connection:
        if case is not None:
            opened = cases.get(connection, tenant, case)
            others, _ = cases.listing(connection, tenant, _TARGETS)
            targets = [each for each in others if each.id != case]
            return CaseParts(opened=opened, targets=targets)
        if asked:
            hits, _ = searching.search(connection, tenant, asked, _HITS)
            shown(*(each.document for each in hits))
            return CaseParts(asked=asked, hits=hits)
        listed, following = cases.listing(connection, tenant, _LISTED)
    return CaseParts(listed=listed, more=following is not None)


def placement_parts(services: Services, tenant: str, chosen: Sequence[str]) -> CaseParts:
    """Return where the chosen document stands; nothing if several are chosen, or one not there."""
    with services.database.read() as connection:
        placed = placements.listing(connection, tenant, chosen) if len(chosen) == 1 else []
    return CaseParts(placement=placed[0] if placed else None)


def hand_back(services: Services, tenant: str, document: str, revision: int) -> str:
    """Hand a document back to automatic grouping; return what to show then.

    Raises:
        CaseChangedError: it no longer stands where it was shown, at this revision.
        CaseDocumentMissingError: there is no such document.
    """
    with services.database.write() as connection:
        placed = placements.hand_back(connection, tenant, document, {revision})
    return f"/?case={placed.case}" if placed.case is not None else f"/?document={document}"


def hand_back_all(services: Services, tenant: str, case: str, revision: int) -> str:
    """Hand all documents of a case back to automatic grouping; return what to show then.

    Raises:
        CaseNotFoundError: there is no such case.
        CaseChangedError: it is not the one that was shown, of this revision.
    """
    with services.database.write() as connection:
        placements.hand_back_all(connection, tenant, case, {revision})
    return _after(services, tenant, case)


def move(services: Services, tenant: str, case: str, document: str, to: str, revision: int) -> str:
    """Move a document to the case `to`, to a "new" one, or to "none"; return what to show then.

    Raises:
        CaseNotFoundError: one of the cases is not there.
        CaseChangedError: the case is not the one that was shown, of this revision.
        CaseDocumentMissingError: the document does not stand in it.
    """
    seen = {revision}
    with services.database.write() as connection:
        if to == "none":
            cases.take_out(connection, tenant, case, document, seen)
        else:
            cases.check(connection, tenant, case, document, seen)
            if to == "new":
                cases.create(connection, tenant, [document], None)
            else:
                cases.add(connection, tenant, to, document, None)
    return _after(services, tenant, case)


def _after(services: Services, tenant: str, case: str) -> str:
    """Return the address of a case, or of the page if it is no longer there."""
    with services.database.read() as connection:
        left, _ = cases.listing(connection, tenant, 1, None, CaseFilters(id=case))
    return f"/?case={case}" if left else "/"


def marked(hit: SearchHit) -> Markup:
    """Return the snippet of a hit with its marks, every other character escaped."""
    shown, at = Markup(), 0
    for start, end in hit.marks:
        shown += escape(hit.snippet[at:start]) + Markup("<mark>{}</mark>").format(
            hit.snippet[start:end]
        )
        at = end
    return shown + escape(hit.snippet[at:])


PAGE_GLOBALS: Final[dict[str, Any]] = {
    "marked": marked,
    "hit_labels": HIT_LABELS,
    "origin_labels": ORIGIN_LABELS,
}
"""What the template of the page needs to show cases."""
