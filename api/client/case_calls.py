"""What the client does with cases: look at them, put them right, fetch their checklists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, TypedDict, Unpack

from api.client.calls import Calls, made, part, query
from api.client.connection import Call
from api.exports.case_checklist import CaseChecklist
from api.exports.csv_rows import TableName
from api.store.cases import CaseDetails, CaseEntry, Origin
from api.store.placements import DocumentPlacement


class CaseFilters(TypedDict, total=False):
    """Which cases to list; those that fulfil all of it."""

    text: str
    origin: Origin
    document: str
    accident_from: date
    accident_to: date


class CaseCalls(Calls):
    """Cases, and where documents stand."""

    def cases(self, **filters: Unpack[CaseFilters]) -> Iterator[CaseEntry]:
        """Give the cases, the newest first."""
        yield from self._pages(CaseEntry, "/v1/cases", "cases", query(filters))

    def case(self, case: str) -> CaseDetails:
        """Return a case with its documents, and why each is there."""
        return self._one(CaseDetails, Call("GET", f"/v1/cases/{part(case)}"))

    def create_case(self, documents: Sequence[str], name: str | None = None) -> CaseDetails:
        """Make a case of documents; they leave the cases in which they were."""
        body = {"documents": list(documents), "name": name}
        call = Call("POST", "/v1/cases", body=body, is_repeatable=False)
        return self._one(CaseDetails, call)

    def rename_case(self, case: CaseEntry, name: str) -> CaseDetails:
        """Give a case another name; as all changes of cases, only if nobody changed it meanwhile.

        Raises:
            ServiceError: `precondition_failed`, where another has changed it since it was read.
        """
        return self._change_case(case, "PATCH", body={"name": name})

    def dissolve_case(self, case: CaseEntry) -> None:
        """Dissolve a case; its documents stay, and belong to none."""
        self._connection.send(_case_call(case, "DELETE"))

    def add_to_case(self, case: CaseEntry, document: str) -> CaseDetails:
        """Put a document into a case; it leaves the one in which it was."""
        return self._change_case(case, "PUT", f"/documents/{part(document)}")

    def take_out_of_case(self, case: CaseEntry, document: str) -> None:
        """Take a document out of a case; it stays, and belongs to none."""
        self._connection.send(_case_call(case, "DELETE", f"/documents/{part(document)}"))

    def merge_cases(self, case: CaseEntry, others: Sequence[str]) -> CaseDetails:
        """Put the documents of other cases into this one; those are no longer there then."""
        return self._change_case(case, "POST", "/merge", {"cases": list(others)})

    def regroup_case(self, case: CaseEntry) -> list[DocumentPlacement]:
        """Hand all documents of a case back to automatic grouping; return where they stand now."""
        answer = self._connection.send(_case_call(case, "POST", "/regroup")).json()
        return [made(DocumentPlacement, each) for each in answer["documents"]]

    def placement(self, document: str) -> DocumentPlacement:
        """Return in which case a document stands, and why; or why in none."""
        return self._one(DocumentPlacement, Call("GET", f"/v1/documents/{part(document)}/case"))

    def regroup_document(self, placed: DocumentPlacement) -> DocumentPlacement:
        """Hand a document that a person placed back to automatic grouping; return where it is now.

        Raises:
            ServiceError: `precondition_failed`, where it was placed anew since it was read.
        """
        path = f"/v1/documents/{part(placed.document)}/regroup"
        headers = {"If-Match": f'"{placed.revision}"'}
        call = Call("POST", path, headers=headers, is_repeatable=False)
        return self._one(DocumentPlacement, call)

    def case_checklist(self, case: str) -> CaseChecklist:
        """Return the checklist of a case, and which documents are not in it: not yet read."""
        return self._one(CaseChecklist, Call("GET", f"/v1/cases/{part(case)}/checklist"))

    def case_workbook(self, case: str) -> bytes:
        """Return the checklist of a case as an Excel workbook."""
        return self._content(Call("GET", f"/v1/cases/{part(case)}/checklist.xlsx"))

    def case_table(self, case: str, table: TableName = "accountability") -> bytes:
        """Return one table of the checklist of a case as CSV, in UTF-8."""
        path = f"/v1/cases/{part(case)}/checklist.csv"
        return self._content(Call("GET", path, {"table": table}))

    def _change_case(
        self, case: CaseEntry, method: str, below: str = "", body: Any = None
    ) -> CaseDetails:
        return self._one(CaseDetails, _case_call(case, method, below, body))


def _case_call(case: CaseEntry, method: str, below: str = "", body: Any = None) -> Call:
    """Return a change of a case that is made only if it is still as it was read."""
    headers = {"If-Match": f'"{case.revision}"'}
    path = f"/v1/cases/{part(case.id)}{below}"
    return Call(method, path, headers=headers, body=body, is_repeatable=False)
