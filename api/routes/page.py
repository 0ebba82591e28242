"""The page for the official at the desk: upload a file, see its checklist, download it.

Rendered on the server, without anything from outside the machine; Jinja2 escapes every value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access.callers import Identity
from api.exports.sheets import (
    KIND_LABELS,
    References,
    header_fields,
    notes,
    outcome_words,
    tidy,
)
from api.files import FilesError, FilesFullError
from api.problems import Problem, ProblemError, make_problem, problem_of
from api.routes.case_checklists import basis_of, checklist_of
from api.routes.case_page import (
    PAGE_GLOBALS,
    CaseParts,
    case_parts,
    hand_back,
    hand_back_all,
    move,
    placement_parts,
)
from api.routes.casework import CaseId
from api.routes.checklists import MAX_DOCUMENTS, case_checklist, workbook
from api.routes.dependencies import DocumentId, IdentityDep, ServicesDep, TenantDep
from api.routes.rendering import PAGES, render_page
from api.routes.uploads import take_upload
from api.services import Services
from api.store import documents
from api.store.cases import CaseChangedError, CaseDocumentMissingError, CaseNotFoundError
from api.store.documents import DocumentEntry
from extractor.checklist.hints import plain_hint
from extractor.checklist.model import Checklist
from extractor.checklist.wording import describe_treatment

router = APIRouter(include_in_schema=False)

_LISTED: Final = 50
_NO_CASES: Final = CaseParts()
_REFRESH: Final = 2
_STATES: Final = {
    "queued": "排队等待读取",
    "running": "正在读取",
    "failed": "没有读成",
    "cancelled": "已取消",
    "complete": "完整",
    "partial": "部分内容未能读取",
}
PAGES.globals |= {
    "kinds": KIND_LABELS,
    "states": _STATES,
    "describe_treatment": describe_treatment,
    "header_fields": header_fields,
    "notes": notes,
    "outcome_words": outcome_words,
    "plain_hint": plain_hint,
    "tidy": tidy,
    **PAGE_GLOBALS,
}

Chosen = Annotated[
    list[str], Query(alias="document", max_length=MAX_DOCUMENTS, default_factory=list)
]
Revision = Annotated[int, Form(ge=1)]


@router.get("/")
def show_page(
    services: ServicesDep,
    who: IdentityDep,
    chosen: Chosen,
    case: Annotated[str | None, Query(max_length=40)] = None,
    q: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Show the form, the cases, the files, and a checklist as soon as it can be made.

    The checklist is that of a case, or of the chosen files.
    """
    view = _View(services, who, chosen)
    if case is not None:
        return _case_page(view, case)
    if not chosen:
        return view.page(cases=case_parts(services, who.tenant, None, q.strip()))
    shown = placement_parts(services, who.tenant, chosen)
    with services.database.read() as connection:
        entries = [documents.get(connection, who.tenant, each) for each in chosen]
    waiting = [entry for entry in entries if entry is not None and _is_awaited(entry)]
    if waiting:
        return view.page(waiting=waiting, cases=shown)
    try:
        checklist = case_checklist(services, who.tenant, chosen)
    except ProblemError as error:
        return view.page(problem=problem_of(error), cases=shown)
    return view.page(checklist=checklist, cases=shown)


@router.post("/cases/{case_id}/move")
def move_from_page(
    services: ServicesDep,
    who: IdentityDep,
    case_id: CaseId,
    document: Annotated[str, Form(max_length=64)],
    to: Annotated[str, Form(max_length=40)],
    revision: Revision,
) -> Response:
    """Move a document to another case, then show where it was; or say why it was not moved."""
    return _edited(
        _View(services, who, ()),
        lambda: move(services, who.tenant, case_id, document, to, revision),
    )


@router.post("/cases/{case_id}/regroup")
def regroup_case_from_page(
    services: ServicesDep, who: IdentityDep, case_id: CaseId, revision: Revision
) -> Response:
    """Hand the documents of a case back to automatic grouping; or say why that was not done."""
    return _edited(
        _View(services, who, ()), lambda: hand_back_all(services, who.tenant, case_id, revision)
    )


@router.post("/documents/{document_id}/regroup")
def regroup_document_from_page(
    services: ServicesDep, who: IdentityDep, document_id: DocumentId, revision: Revision
) -> Response:
    """Hand a document back to automatic grouping; or say why that was not done."""
    return _edited(
        _View(services, who, ()), lambda: hand_back(services, who.tenant, document_id, revision)
    )


def _edited(view: _View, edit: Callable[[], str]) -> Response:
    """Change cases and show the place that the change names; or say why nothing was changed."""
    try:
        place = edit()
    except CaseChangedError:
        return view.page(problem=make_problem("precondition_failed", "/"))
    except CaseNotFoundError:
        return view.page(problem=make_problem("case_not_found", "/"))
    except CaseDocumentMissingError:
        return view.page(problem=make_problem("document_not_found", "/"))
    return RedirectResponse(place, status_code=303)


def _case_page(view: _View, case: str) -> Response:
    try:
        shown = case_parts(view.services, view.who.tenant, case, "")
        basis = basis_of(view.services, view.who.tenant, case)
        checklist = checklist_of(view.services, view.who.tenant, basis)
    except CaseNotFoundError:
        return view.page(problem=make_problem("case_not_found", "/"))
    except ProblemError as error:
        return view.page(problem=problem_of(error), cases=shown)
    return view.page(checklist=checklist, cases=shown)


@router.post("/")
async def upload_from_page(request: Request, services: ServicesDep, who: IdentityDep) -> Response:
    """Take the uploaded file, then show how far its reading is; or say what is wrong with it."""
    try:
        accepted = await take_upload(request, services, who.tenant)
    except ProblemError as error:
        problem = problem_of(error)
    except FilesError as error:
        problem = make_problem(
            "storage_full" if isinstance(error, FilesFullError) else "not_ready", "/"
        )
    else:
        return RedirectResponse(f"/?document={accepted.entry.id}", status_code=303)
    return await run_in_threadpool(_View(services, who, ()).page, problem=problem)


@router.get("/checklist.xlsx")
def download_workbook(services: ServicesDep, tenant: TenantDep, chosen: Chosen) -> Response:
    """Download the checklist of the chosen documents as a workbook."""
    return workbook(_chosen_checklist(services, tenant, chosen))


@router.get("/checklist.json")
def download_json(services: ServicesDep, tenant: TenantDep, chosen: Chosen) -> Response:
    """Download the checklist of the chosen documents as JSON."""
    checklist = _chosen_checklist(services, tenant, chosen)
    return Response(
        checklist.model_dump_json(indent=1),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="checklist.json"'},
    )


def _chosen_checklist(services: Services, tenant: str, chosen: Sequence[str]) -> Checklist:
    if not chosen:
        raise ProblemError("document_not_found", "没有选择文件。请先在页面上勾选文件。")
    return case_checklist(services, tenant, chosen)


def _is_awaited(entry: DocumentEntry) -> bool:
    """Tell whether there is no result yet and one will come."""
    return entry.is_under_way and entry.version is None


@dataclass(frozen=True, slots=True)
class _View:
    """The page for who asks, with the documents that are chosen."""

    services: Services
    who: Identity
    chosen: Sequence[str]

    def page(
        self,
        *,
        problem: Problem | None = None,
        waiting: Sequence[DocumentEntry] = (),
        checklist: Checklist | None = None,
        cases: CaseParts = _NO_CASES,
    ) -> HTMLResponse:
        """Return the page; while documents are `waiting` it loads itself again."""
        with self.services.database.read() as connection:
            entries, following = documents.listing(connection, self.who.tenant, _LISTED)
        return render_page(
            "page.html",
            status=200 if problem is None else problem.status,
            who=self.who,
            csrf=self.who.csrf,
            problem=problem,
            entries=entries,
            waiting=waiting,
            refresh=_REFRESH,
            more=following is not None,
            chosen=self.chosen,
            query=urlencode([("document", document_id) for document_id in self.chosen]),
            max_upload_mb=self.services.settings.max_upload_mb,
            checklist=checklist,
            cases=cases,
            **(_checklist_parts(checklist) if checklist is not None else {}),
        )


def _checklist_parts(checklist: Checklist) -> dict[str, Any]:
    return {
        "references": References(checklist),
        "opinions": [
            ("三、问题清单", [(row, row.units) for row in checklist.problems]),
            ("四、工作建议清单", [(row, row.addressees) for row in checklist.suggestions]),
            ("五、经验做法清单", [(row, []) for row in checklist.good_practices]),
        ],
    }
