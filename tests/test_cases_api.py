"""Cases over HTTP and on the page: lists, details, corrections, checklists."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook

from api.exports.case_checklist import CaseChecklist
from api.exports.csv_rows import checklist_csv
from api.routes import examples
from api.routes.casework import CasePage
from api.store.cases import CaseDetails
from api.store.placements import DocumentPlacement
from tests.api_client import ABSENT, REPORT, REPORT_ID, problem, read, serving, upload

OTHER_REPORT = (
    "桐江市青石镇“6·2”车辆伤害事故调查报告\n"
    "2021年6月2日，青石镇云溪物流公司发生一起车辆伤害事故，造成1人死亡。"
).encode()
ANY = {"If-Match": "*"}


@pytest.fixture(scope="module")
def shared() -> Iterator[TestClient]:
    """A service that has read two reports of two accidents; tests leave it as it is."""
    with serving() as client:
        read(client)
        read(client, OTHER_REPORT, "另一份.txt")
        yield client


@pytest.fixture
def client() -> Iterator[TestClient]:
    with serving() as client:
        read(client)
        read(client, OTHER_REPORT, "另一份.txt")
        yield client


def case_of(client: TestClient, document: str = REPORT_ID) -> CaseDetails:
    placed = DocumentPlacement.model_validate_json(
        client.get(f"/v1/documents/{document}/case").content
    )
    assert placed.case is not None
    answer = client.get(f"/v1/cases/{placed.case}")
    return CaseDetails.model_validate_json(answer.content)


def other_of(client: TestClient) -> str:
    listed = client.get("/v1/documents").json()["documents"]
    return next(str(each["id"]) for each in listed if each["id"] != REPORT_ID)


def test_reports_of_two_accidents_are_two_cases(shared: TestClient) -> None:
    page = CasePage.model_validate_json(shared.get("/v1/cases?limit=1").content)
    assert [case.name for case in page.cases] == ["桐江市青石镇“6·2”车辆伤害事故"]
    rest = CasePage.model_validate_json(
        shared.get("/v1/cases", params={"cursor": page.next_cursor, "limit": 1}).content
    )
    assert [case.accident_date for case in rest.cases] == ["2024-04-18"]
    assert rest.next_cursor is None
    assert rest.cases[0].reason is not None and "没有其他文件" in rest.cases[0].reason.text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("text=青石", 1),
        ("origin=manual", 0),
        (f"document={REPORT_ID}", 1),
        ("accident_from=2024-01-01", 1),
        ("accident_from=2021-06-02&accident_to=2021-06-02", 1),
    ],
)
def test_cases_are_filtered(shared: TestClient, query: str, count: int) -> None:
    assert len(shared.get(f"/v1/cases?{query}").json()["cases"]) == count


def test_what_has_not_changed_is_not_sent_again(shared: TestClient) -> None:
    base = f"/v1/cases/{case_of(shared).id}"
    for path in (base, f"{base}/checklist", f"{base}/checklist.xlsx", f"{base}/checklist.csv"):
        etag = shared.get(path).headers["etag"]
        again = shared.get(path, headers={"If-None-Match": f'W/{etag}, "x"'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert shared.get(path, headers={"If-None-Match": '"x"'}).status_code == 200


def test_a_change_names_what_was_seen(client: TestClient) -> None:
    base = f"/v1/cases/{case_of(client).id}"
    etag = client.get(base).headers["etag"]
    problem(client.patch(base, json={"name": "新名"}), "precondition_required")
    for wrong in ('"0"', '"x"', f"W/{etag}"):
        answer = client.patch(base, json={"name": "新名"}, headers={"If-Match": wrong})
        problem(answer, "precondition_failed")
    answer = client.patch(base, json={"name": " 新名 "}, headers={"If-Match": f'"0", {etag}'})
    assert (answer.status_code, answer.json()["name"]) == (200, "新名")
    assert answer.headers["etag"] == client.get(base).headers["etag"] != etag
    stale = client.patch(base, json={"name": "又改"}, headers={"If-Match": etag})
    problem(stale, "precondition_failed")
    assert client.get(f"{base}/checklist").json()["case"]["name"] == "新名"


def test_people_put_cases_right(client: TestClient) -> None:
    other = other_of(client)
    ours, theirs = case_of(client), case_of(client, other)
    path = f"/v1/cases/{ours.id}/documents/{other}"
    problem(client.put(path), "precondition_required")
    problem(client.delete(path, headers=ANY), "document_not_found")
    moved = client.put(path, headers=ANY)
    assert [each["origin"] for each in moved.json()["documents"]] == ["auto", "manual"]
    problem(client.get(f"/v1/cases/{theirs.id}"), "case_not_found")
    assert client.delete(path, headers={"If-Match": moved.headers["etag"]}).status_code == 204
    placed = client.get(f"/v1/documents/{other}/case").json()
    assert (placed["case"], placed["pinned"]) == (None, True)
    made = client.post("/v1/cases", json={"documents": [other], "name": "另案"})
    assert made.status_code == 201
    place = made.headers["location"]
    assert client.get(place).json()["documents"][0]["id"] == other
    merged = client.post(f"/v1/cases/{ours.id}/merge", json={"cases": [place[10:]]}, headers=ANY)
    assert merged.json()["document_count"] == 2
    problem(client.get(place), "case_not_found")
    problem(client.delete(f"/v1/cases/{ours.id}"), "precondition_required")
    assert client.delete(f"/v1/cases/{ours.id}", headers=ANY).status_code == 204
    assert client.get("/v1/cases").json()["cases"] == []
    assert len(client.get("/v1/documents").json()["documents"]) == 2


def test_a_placement_is_handed_back_only_as_it_was_seen(client: TestClient) -> None:
    ours, other = case_of(client), other_of(client)
    client.put(f"/v1/cases/{ours.id}/documents/{other}", headers=ANY)
    place, regroup = f"/v1/documents/{other}/case", f"/v1/documents/{other}/regroup"
    etag = client.get(place).headers["etag"]
    assert client.get(place, headers={"If-None-Match": etag}).status_code == 304
    problem(client.post(regroup), "precondition_required")
    problem(client.post(regroup, headers={"If-Match": '"99"'}), "precondition_failed")
    problem(client.post(f"/v1/documents/{ABSENT}/regroup", headers=ANY), "document_not_found")
    placed = client.post(regroup, headers={"If-Match": etag})
    assert (placed.json()["pinned"], placed.json()["origin"]) == (False, "auto")
    assert placed.json()["case"] not in (None, ours.id)
    assert placed.json() == client.get(place).json()
    assert placed.headers["etag"] == client.get(place).headers["etag"] != etag


def test_a_whole_case_is_handed_back(client: TestClient) -> None:
    other = other_of(client)
    made = client.post("/v1/cases", json={"documents": [REPORT_ID, other]})
    path = f"{made.headers['location']}/regroup"
    problem(client.post(path), "precondition_required")
    problem(client.post(path, headers={"If-Match": '"99"'}), "precondition_failed")
    answer = client.post(path, headers={"If-Match": made.headers["etag"]})
    found = [DocumentPlacement.model_validate(each) for each in answer.json()["documents"]]
    assert [each.document for each in found] == [REPORT_ID, other]
    assert found[0].case != found[1].case
    problem(client.post(path, headers=ANY), "case_not_found")


def test_a_checklist_says_what_it_does_not_hold(tmp_path: Any) -> None:
    with serving(data=tmp_path) as client:
        read(client)
        case = case_of(client).id
    with serving(data=tmp_path, workers=0) as client:
        waiting = upload(client, OTHER_REPORT, "批复 =x.txt").json()["id"]
        before = client.get(f"/v1/cases/{case}/checklist").headers["etag"]
        client.put(f"/v1/cases/{case}/documents/{waiting}", headers=ANY)
        answer = client.get(f"/v1/cases/{case}/checklist")
        checklist = CaseChecklist.model_validate_json(answer.content)
        assert answer.headers["etag"] != before
        assert [each.id for each in checklist.unread] == [waiting]
        assert (checklist.case.id, len(checklist.accountability)) == (case, 1)
        said = "《批复 =x.txt》还在排队等待读取，本清单没有包括它的内容"
        assert said in checklist.case.hints[0]
        book = load_workbook(io.BytesIO(client.get(f"/v1/cases/{case}/checklist.xlsx").content))
        cells = [str(cell.value) for row in book.worksheets[0] for cell in row]
        assert any(said in cell for cell in cells)
        alone = client.post("/v1/cases", json={"documents": [waiting]}).json()["id"]
        problem(client.get(f"/v1/cases/{alone}/checklist"), "document_not_ready")
        client.delete(f"/v1/cases/{alone}/documents/{waiting}", headers=ANY)
        problem(client.get(f"/v1/cases/{alone}/checklist"), "case_empty")
        assert "案卷里没有文件" in client.get("/", params={"case": alone}).text


@pytest.mark.parametrize(
    ("table", "says"),
    [("accountability", "青榆明安建筑有限公司"), ("measures", "高处作业审批制度")],
)
def test_a_table_as_csv(shared: TestClient, table: str, says: str) -> None:
    answer = shared.get(f"/v1/cases/{case_of(shared).id}/checklist.csv", params={"table": table})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    head, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert (head[0], len(rows)) == ("序号", 1)
    assert any(says in cell for cell in rows[0])


def test_no_cell_of_the_csv_is_a_formula() -> None:
    row = examples.CHECKLIST.accountability[0]
    risky = row.model_copy(update={"party": row.party.model_copy(update={"name": "=1+1"})})
    checklist = examples.CHECKLIST.model_copy(update={"accountability": [risky]})
    assert "\r\n1,'=1+1," in checklist_csv(checklist, "accountability").decode("utf-8-sig")


def test_the_page_lists_cases_and_opens_one(shared: TestClient) -> None:
    case = case_of(shared)
    start = shared.get("/").text
    assert start.index("桐江市青石镇“6·2”") < start.index(f"/?case={case.id}")
    opened = shared.get("/", params={"case": case.id}).text
    assert "没有其他文件与它属于同一起事故" in opened and "责任追究落实核查表" in opened
    assert f"/v1/cases/{case.id}/checklist.xlsx" in opened
    assert shared.get("/", params={"case": "x"}).status_code == 404


def test_the_page_finds_words_and_marks_them(shared: TestClient) -> None:
    found = shared.get("/", params={"q": "罚款"}).text
    assert "<mark>罚款</mark>" in found
    hostile = shared.get("/", params={"q": '<b>" OR 1'}).text
    assert "<b>" not in hostile and "没有找到" in hostile


def test_the_page_moves_a_document(client: TestClient) -> None:
    case, theirs = case_of(client), case_of(client, other_of(client))
    form = {"document": REPORT_ID, "to": theirs.id, "revision": str(case.revision + 9)}
    late = client.post(f"/cases/{case.id}/move", data=form)
    assert late.status_code == 412 and "内容已被改动" in late.text
    form["revision"] = re.findall(
        r'name="revision" value="(\d+)"', client.get("/", params={"case": case.id}).text
    )[0]
    moved = client.post(f"/cases/{case.id}/move", data=form)
    assert (moved.status_code, moved.headers["location"]) == (303, "/")
    assert case_of(client).id == theirs.id
    again = client.post(f"/cases/{case.id}/move", data=form)
    assert again.status_code == 404
    for to in ("new", "none"):
        now = case_of(client)
        form = {"document": REPORT_ID, "to": to, "revision": str(now.revision)}
        assert client.post(f"/cases/{now.id}/move", data=form).status_code == 303
    form["document"] = ABSENT
    assert client.post(f"/cases/{theirs.id}/move", data=form).status_code == 404


def test_the_page_hands_documents_back(client: TestClient) -> None:
    ours, other = case_of(client), other_of(client)
    assert "交还自动归案" not in _forms(client, {"document": other})
    client.put(f"/v1/cases/{ours.id}/documents/{other}", headers=ANY)
    shown = _forms(client, {"case": ours.id})
    assert f'action="/documents/{other}/regroup"' in shown
    assert f'action="/cases/{ours.id}/regroup"' in shown
    late = client.post(f"/documents/{other}/regroup", data={"revision": "99"})
    assert late.status_code == 412
    client.delete(f"/v1/cases/{ours.id}/documents/{other}", headers=ANY)
    shown = _forms(client, {"document": other})
    assert "没有归入案卷（人工移出" in client.get("/", params={"document": other}).text
    [revision] = re.findall(r'name="revision" value="(\d+)"', shown)
    done = client.post(f"/documents/{other}/regroup", data={"revision": revision})
    theirs = case_of(client, other)
    assert (done.status_code, done.headers["location"]) == (303, f"/?case={theirs.id}")
    made = client.post("/v1/cases", json={"documents": [REPORT_ID, other]}).json()
    form = {"revision": str(made["revision"])}
    done = client.post(f"/cases/{made['id']}/regroup", data=form)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert client.post(f"/cases/{made['id']}/regroup", data=form).status_code == 404
    form["revision"] = "1"
    assert client.post(f"/documents/{ABSENT}/regroup", data=form).status_code == 404


def _forms(client: TestClient, query: dict[str, str]) -> str:
    """The forms of a page that hand something back."""
    page = client.get("/", params=query).text
    return "".join(re.findall(r'(?s)<form class="regroup".*?</form>', page))


def test_a_deleted_document_leaves_its_case(client: TestClient) -> None:
    case = case_of(client)
    client.delete(f"/v1/documents/{REPORT_ID}")
    problem(client.get(f"/v1/cases/{case.id}"), "case_not_found")
    assert client.get("/v1/search", params={"q": "明安建筑"}).json()["hits"] == []


def test_reading_again_changes_no_case(client: TestClient) -> None:
    case = case_of(client)
    client.post(f"/v1/documents/{REPORT_ID}/reprocess")
    read(client, REPORT)
    assert case_of(client) == case
