"""The page for the official at the desk: upload a file, see its checklist, download it.

Rendered on the server, without anything from outside the machine; Jinja2 escapes every value.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.exports.sheets import (
    KIND_LABELS,
    References,
    header_fields,
    notes,
    outcome_words,
    tidy,
)
from api.intake import Intake
from api.problems import Problem, ProblemError, problem_of
from api.routes.checklists import MAX_DOCUMENTS, case_checklist, workbook
from api.routes.dependencies import IntakeDep
from extractor.checklist.hints import plain_hint
from extractor.checklist.model import Checklist
from extractor.checklist.wording import describe_treatment
from extractor.errors import ParseError

router = APIRouter(include_in_schema=False)

_PAGES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
)
_LISTED: Final = 50
_POLICY: Final = (
    "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PAGES.globals |= {
    "kinds": KIND_LABELS,
    "describe_treatment": describe_treatment,
    "header_fields": header_fields,
    "notes": notes,
    "outcome_words": outcome_words,
    "plain_hint": plain_hint,
    "tidy": tidy,
}

Chosen = Annotated[
    list[str], Query(alias="document", max_length=MAX_DOCUMENTS, default_factory=list)
]


@router.get("/")
def show_page(intake: IntakeDep, chosen: Chosen) -> Response:
    """Show the form, the files that were read, and the checklist of the chosen ones."""
    if not chosen:
        return _page(intake)
    try:
        checklist = case_checklist(intake.store, intake.reader, chosen)
    except ProblemError as error:
        return _page(intake, problem=problem_of(error))
    return _page(intake, chosen=chosen, checklist=checklist)


@router.post("/")
async def upload_from_page(request: Request, intake: IntakeDep) -> Response:
    """Read the uploaded file, then show its checklist; or say on the page what is wrong with it."""
    try:
        entry, _ = await intake.take(request)
    except (ProblemError, ParseError) as error:
        problem = problem_of(error)
        return await run_in_threadpool(_page, intake, problem=problem)
    return RedirectResponse(f"/?document={entry.id}", status_code=303)


@router.get("/checklist.xlsx")
def download_workbook(intake: IntakeDep, chosen: Chosen) -> Response:
    """Download the checklist of the chosen documents as a workbook."""
    return workbook(_chosen_checklist(intake, chosen))


@router.get("/checklist.json")
def download_json(intake: IntakeDep, chosen: Chosen) -> Response:
    """Download the checklist of the chosen documents as JSON."""
    checklist = _chosen_checklist(intake, chosen)
    return Response(
        checklist.model_dump_json(indent=1),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="checklist.json"'},
    )


def _chosen_checklist(intake: Intake, chosen: Sequence[str]) -> Checklist:
    if not chosen:
        raise ProblemError("document_not_found", "没有选择文件。请先在页面上勾选文件。")
    return case_checklist(intake.store, intake.reader, chosen)


def _page(
    intake: Intake,
    *,
    problem: Problem | None = None,
    chosen: Sequence[str] = (),
    checklist: Checklist | None = None,
) -> HTMLResponse:
    entries, following = intake.store.page(_LISTED)
    nonce = secrets.token_urlsafe(16)
    html = _PAGES.get_template("page.html").render(
        nonce=nonce,
        problem=problem,
        entries=entries,
        more=following is not None,
        chosen=chosen,
        query=urlencode([("document", document_id) for document_id in chosen]),
        max_upload_mb=intake.limit >> 20,
        checklist=checklist,
        **(_checklist_parts(checklist) if checklist is not None else {}),
    )
    return HTMLResponse(
        html,
        status_code=200 if problem is None else problem.status,
        headers={"Content-Security-Policy": _POLICY.format(nonce=nonce)},
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
