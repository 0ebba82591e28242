"""What people correct of the grouping of a bulk run: each line moves one document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.bulk.corrections import ALONE, Correction, group_corrected, read_corrections
from extractor.checklist.case_facts import CaseFacts

A, B, C, D, E = (f"{letter * 8}{at:056}" for at, letter in enumerate("abcde"))
DAM, FIRE = "青石县“3·5”一般坍塌事故", "白云市“4·18”较大火灾事故"


def facts(document: str, name: str | None = None, **more: Any) -> CaseFacts:
    return CaseFacts(document=document, kind=more.pop("kind", "INV"), name=name, **more)


DOCUMENTS = {
    each.document: each
    for each in (
        facts(A, DAM, number="青政函〔2023〕1号"),
        facts(B, DAM, kind="EVAL", date="2023-03-05", mark="3·5"),
        facts(C, FIRE),
        facts(D, FIRE, kind="EVAL"),
        facts(E, kind="OTHER", title="一份来信"),
    )
}
NAMED = {"甲/报告.txt": {A}, "甲/评估.txt": {B}, "乙.txt": {C}, "丙.txt": {D}, "信.txt": {E}}
TOGETHER = {frozenset({A, B}), frozenset({C, D}), frozenset({E})}


def groups(*lines: tuple[str, str], **more: Any) -> tuple[set[frozenset[str]], list[str], Any]:
    corrections = [Correction(at, *line) for at, line in enumerate(lines, 1)]
    found = group_corrected(DOCUMENTS | more.get("facts", {}), corrections, NAMED)
    return {frozenset(each.documents) for each in found.grouping.groups}, found.notes, found


@pytest.mark.parametrize(
    ("lines", "expected", "says"),
    [
        pytest.param([], TOGETHER, "", id="nothing corrected"),
        pytest.param(
            [("信.txt", DAM)], {frozenset({A, B, E}), frozenset({C, D})}, "", id="by path and name"
        ),
        pytest.param(
            [(E[:8], f"{DAM}~aaaaaaaa.xlsx")],
            {frozenset({A, B, E}), frozenset({C, D})},
            "",
            id="by digits and by the file of the checklist",
        ),
        pytest.param(
            [("./信.txt", '青石县 "3·5" 一般坍塌事故')],
            {frozenset({A, B, E}), frozenset({C, D})},
            "",
            id="other quotes and spaces",
        ),
        pytest.param(
            [("甲\\评估.txt", FIRE)],
            {frozenset({A}), frozenset({B, C, D}), frozenset({E})},
            "",
            id="moved alone, against its facts",
        ),
        pytest.param(
            [("甲/评估.txt", ALONE)],
            {frozenset({A}), frozenset({B}), frozenset({C, D}), frozenset({E})},
            "",
            id="set apart",
        ),
        pytest.param(
            [("甲/评估.txt", "另一起"), ("信.txt", "另一起")],
            {frozenset({A}), frozenset({B, E}), frozenset({C, D})},
            "",
            id="a new case of two",
        ),
        pytest.param(
            [("信.txt", "没有的事故")],
            TOGETHER,
            "没有叫“没有的事故”的案件",
            id="a case nobody knows",
        ),
        pytest.param(
            [("无.txt", DAM)], TOGETHER, "第 1 行没有用上：没有读出过“无.txt”", id="an unknown file"
        ),
        pytest.param([("f" * 64, DAM)], TOGETHER, "没有读出过", id="an unknown hash"),
        pytest.param(
            [("信.txt", FIRE), ("信.txt", DAM)],
            {frozenset({A, B, E}), frozenset({C, D})},
            "第 1 行没有用上：第 2 行说的是同一份文件",
            id="the last line counts",
        ),
    ],
)
def test_a_line_moves_its_document(
    lines: list[tuple[str, str]], expected: set[frozenset[str]], says: str
) -> None:
    found, notes, _ = groups(*lines)
    assert found == expected
    assert (says in "".join(notes)) if says else notes == []


def test_a_reason_says_who_has_decided() -> None:
    """The moved document names people; its new company keeps the reasons that facts gave."""
    _, _, found = groups(("信.txt", DAM), ("丙.txt", ALONE))
    (group,) = (each for each in found.grouping.groups if E in each.documents)
    assert found.reasons == {E: f"由人归入“{DAM}”", D: "由人单独放"}
    assert group.name == DAM
    assert "事故名称相同" in group.reason_of(B)
    (alone,) = (each for each in found.grouping.groups if D in each.documents)
    assert alone.alone == "pinned_apart"


def test_what_cites_the_number_of_a_moved_document_goes_with_it() -> None:
    """It has no other company; a document that only bears the same name stays."""
    letter = facts(E, kind="SELF", cites=("青政函〔2023〕1号",))
    found, _, _ = groups(("甲/报告.txt", FIRE), facts={E: letter})
    assert found == {frozenset({A, C, D, E}), frozenset({B})}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        pytest.param(("双.txt", DAM), "有 2 份内容不同的文件", id="two files of a path"),
        pytest.param(("信.txt", FIRE), "有 2 起事故都叫", id="two cases of a name"),
    ],
)
def test_what_is_not_clear_is_not_done(line: tuple[str, str], says: str) -> None:
    documents = {
        A: facts(A, FIRE, date="2021-04-18"),
        C: facts(C, FIRE, date="2023-04-18"),
        E: facts(E, kind="OTHER"),
    }
    named = {"双.txt": {A, C}, "信.txt": {E}}
    found = group_corrected(documents, [Correction(1, *line)], named)
    assert says in found.notes[0]
    assert len(found.grouping.groups) == 3 and found.reasons == {}


def test_a_doubt_that_people_have_settled_is_no_more() -> None:
    documents = {
        A: facts(A, DAM, date="2021-03-05", mark="3·5"),
        B: facts(B, DAM, date="2023-03-05", mark="3·5"),
        C: facts(C, DAM, kind="EVAL"),
    }
    before = group_corrected(documents, [], {})
    assert {doubt.document for doubt in before.grouping.doubts} >= {C}
    after = group_corrected(documents, [Correction(1, C, f"x~{A[:8]}")], {})
    assert {frozenset(group.documents) for group in after.grouping.groups} == {
        frozenset({A, C}),
        frozenset({B}),
    }
    assert C not in {doubt.document for doubt in after.grouping.doubts}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_a_table_is_read_as_it_is_saved(encoding: str, tmp_path: Path) -> None:
    """Editors and Excel save it in several ways; remarks and the heading are passed over."""
    path = tmp_path / "更正.tsv"
    text = (
        '文件\t案件\n# 说明\n\n甲.txt\t单独\r\n"乙 ""二"".txt"\t  某事故\t备注\n丙.txt\n丁.txt\t\n'
    )
    path.write_bytes(text.encode(encoding))
    lines, notes = read_corrections(path)
    assert [(each.line, each.document, each.case) for each in lines] == [
        (4, "甲.txt", ALONE),
        (5, '乙 "二".txt', "某事故"),
    ]
    assert [note[:11] for note in notes] == ["第 6 行没有用上：要", "第 7 行没有用上：要"]


def test_no_table_corrects_nothing_and_a_broken_one_is_an_error(tmp_path: Path) -> None:
    assert read_corrections(tmp_path / "无.tsv") == ([], [])
    (tmp_path / "坏.tsv").write_bytes(b"\xff\xff\xff\x00\x81")
    with pytest.raises(ValueError):
        read_corrections(tmp_path / "坏.tsv")
