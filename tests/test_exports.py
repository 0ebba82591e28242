"""The checklist as a workbook and as tables: what stands in the cells, and that nothing runs."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet
from rich.cells import cell_len

from api.exports.sheets import (
    References,
    checklist_sheets,
    describe_basis,
    header_fields,
    notes,
    shorten,
    tidy,
)
from api.exports.table import checklist_view, extraction_view, join_numbers, render_text
from api.exports.xlsx import (
    CUT_MARK,
    MAX_CELL,
    checklist_xlsx,
    clean,
    count_cells,
    count_lines,
)
from extractor.checklist.assemble import build_checklist
from extractor.checklist.model import STATUS_LABELS, Checklist, Status
from tests.factories import (
    FIRM,
    LIU,
    WANG,
    Source,
    accident,
    document,
    evaluation,
    extraction,
    measure,
    number,
    party,
    problem,
    report,
    section,
    suggestion,
)

SHEETS = ["基本信息", "责任追究", "整改措施", "问题", "建议"]


def sources() -> list[Source]:
    inv = report(
        "建议对宏远公司处罚款30万元。\n建议给予王大有政务警告处分。\n一是宏远公司要更换电缆。",
        (
            "处罚款30万元",
            FIRM,
            "admin.fine",
            {"amount_yuan": 300_000, "basis": ["安全生产法#114.1.1"]},
        ),
        ("给予王大有政务警告处分", WANG, "gov.warning", {"organ": "青石县纪委监委"}),
        title="宏远公司“3·5”一般坍塌事故调查报告",
        accident=accident(
            name="宏远公司“3·5”一般坍塌事故", date="2023-03-05", grade="一般", deaths=1
        ),
    )
    inv[1].measures.append(measure(inv[0], "一是宏远公司要更换电缆。", "宏远公司"))
    ev = evaluation(
        "对宏远公司处罚款30万元，罚款已缴纳完毕。\n宏远公司更换电缆3000米。\n一是台账不全。\n要完善台账。",
        (
            "处罚款30万元",
            FIRM,
            "admin.fine",
            {"amount_yuan": 300_000, "document_numbers": ["n"], "stage": "executed"},
        ),
        title="评估报告",
        document_numbers=[number("青应急罚〔2023〕8号", id="n")],
    )
    doc, found = ev
    found.measures.append(
        measure(
            doc, "宏远公司更换电缆3000米。", "宏远公司", modality="reported", specificity="specific"
        )
    )
    found.problems.append(problem(doc, "一是台账不全。", "宏远公司"))
    found.suggestions.append(suggestion(doc, "要完善台账。", "青石县应急管理局"))
    return [inv, ev]


def checklist() -> Checklist:
    return build_checklist(sources())


def workbook(of: Checklist) -> Any:
    return openpyxl.load_workbook(io.BytesIO(checklist_xlsx(of)))


def cells(sheet: Worksheet, row: int) -> dict[str, object]:
    heads = [str(cell.value) for cell in sheet[3]]
    return dict(zip(heads, [cell.value for cell in sheet[row]], strict=True))


def with_name(name: str) -> Checklist:
    who = party(name, "organization")
    return build_checklist([report(f"对{name}罚款。", ("罚款", who, "admin.fine", {}))])


def test_five_sheets_and_a_sixth_for_good_practices() -> None:
    assert workbook(checklist()).sheetnames == SHEETS
    doc = document("三、经验做法\n推行网格化。")
    chapter = section(doc, "三、经验做法", "推行网格化。", "good_practice")
    found = build_checklist([(doc, extraction(doc, "EVAL", sections=[chapter]))])
    assert workbook(found).sheetnames == [*SHEETS, "经验做法"]


def test_a_row_of_table_a() -> None:
    row = cells(workbook(checklist())["责任追究"], 4)
    assert row == {
        "序号": 1,
        "责任主体": "宏远建设有限公司",
        "单位及职务": None,
        "责任认定": None,
        "处理建议": "罚款30万元",
        "处理依据": "《安全生产法》第114条第1款第1项",
        "处理机关": None,
        "实际处理情况": "罚款30万元（已执行）",
        "文书文号及日期": "青应急罚〔2023〕8号",
        "执行情况": "罚款已缴纳完毕",
        "落实状态": "已落实",
        "佐证材料": "□行政处罚决定书\n□缴款凭证（或强制执行申请、裁定）",
        "出处": "调查报告：“处罚款30万元。”\n"
        "评估报告：“处罚款30万元，罚款已缴纳完毕。”\n"
        "评估报告：“罚款已缴纳完毕”",
        "备注": None,
    }


def test_a_row_of_tables_b_c_d() -> None:
    book = workbook(checklist())
    row = cells(book["整改措施"], 4)
    assert row["措施原文"] == "一是宏远公司要更换电缆。"
    assert row["落实举措（实际）"] == "〔待核对，评估报告〕宏远公司更换电缆3000米。"
    assert row["落实状态"] == "待核实"
    assert cells(book["问题"], 4)["问题"] == "一是台账不全。"
    assert cells(book["建议"], 4)["对象"] == "青石县应急管理局"


def test_the_header_block() -> None:
    page = workbook(checklist())["基本信息"]
    texts = {cell.value for row in page.iter_rows() for cell in row}
    assert {"宏远公司“3·5”一般坍塌事故", "2023-03-05", "死亡1人", "调查报告", "无法确定"} <= texts
    assert any(str(text).startswith("填表人：") for text in texts)
    # The signatures stay on the page that they sign; a height of 1 is the default.
    assert page.page_setup.fitToHeight in (None, 1)


@pytest.mark.parametrize("name", ["责任追究", "整改措施", "问题", "建议"])
def test_a_table_prints_on_a4_with_its_head_on_every_page(name: str) -> None:
    page = workbook(checklist())[name]
    assert page.page_setup.orientation == "landscape"
    assert page.page_setup.paperSize == 9
    # A width of 1 is the default of the format and need not be written.
    assert page.page_setup.fitToWidth in (None, 1) and page.page_setup.fitToHeight == 0
    assert page.sheet_properties.pageSetUpPr.fitToPage
    assert page.print_title_rows == "$3:$3"
    assert page.freeze_panes == "C4"
    assert page.auto_filter.ref.startswith("A3:")
    assert "&P" in page.oddFooter.center.text and "&N" in page.oddFooter.center.text


def test_statuses_are_offered_as_a_list() -> None:
    page = workbook(checklist())["责任追究"]
    (rule,) = page.data_validations.dataValidation
    assert rule.formula1 == '"' + ",".join(STATUS_LABELS.values()) + '"'
    assert str(rule.sqref) == "K4:K5"


DANGEROUS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(1)",
    '=HYPERLINK("http://x")',
    "\t=1",
    "\r=1",
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("name", DANGEROUS)
def test_a_text_that_looks_like_a_formula_stays_text(name: str) -> None:
    data = checklist_xlsx(with_name(name))
    cell = openpyxl.load_workbook(io.BytesIO(data))["责任追究"]["B4"]
    assert cell.data_type == "s"
    assert str(cell.value).lstrip() == name.strip()
    assert cell.quotePrefix
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheets = [n for n in archive.namelist() if n.startswith("xl/worksheets/sheet")]
        # The only formulas are the two of the drop-down list.
        assert not any(b"<f>" in archive.read(n) for n in sheets)
        assert not any("hyperlink" in n for n in archive.namelist())


def test_characters_that_xml_forbids_are_left_out() -> None:
    nasty = "甲\x00\x0b\x1f乙\ufffe公司_x0041_<&>\U0001f600"
    cell = workbook(with_name(nasty))["责任追究"]["B4"]
    assert cell.value == "甲乙公司_x0041_<&>\U0001f600"


@pytest.mark.parametrize(
    ("text", "length", "cut"),
    [("甲" * MAX_CELL, MAX_CELL, False), ("甲" * (MAX_CELL + 1), MAX_CELL, True), ("", 0, False)],
)
def test_a_text_over_the_limit_of_a_cell_is_cut_visibly(text: str, length: int, cut: bool) -> None:
    assert len(clean(text)) == length
    assert clean(text).endswith(CUT_MARK) is cut


def test_a_very_long_measure_goes_on_in_further_rows_and_loses_nothing() -> None:
    text = "".join(f"第{at}句要求开展检查并建立台账。" for at in range(300))
    doc = document(text)
    found = build_checklist([(doc, extraction(doc, measures=[measure(doc, text, "宏远公司")]))])
    page = workbook(found)["整改措施"]
    rows = [[c.value for c in row] for row in page.iter_rows(min_row=4) if row[2].value]
    assert "".join(str(row[2]) for row in rows) == text
    assert [row[0] for row in rows[:3]] == [1, "续", "续"]
    assert all(str(row[2]).endswith("。") for row in rows)
    heights = [page.row_dimensions[at].height for at in range(4, 4 + len(rows))]
    assert max(heights) <= 409


def test_a_row_is_as_high_as_its_text() -> None:
    page = workbook(checklist())["责任追究"]
    widths = {key: dimension.width for key, dimension in page.column_dimensions.items()}
    cell = page["M4"]
    assert page.row_dimensions[4].height >= 13 * count_lines(str(cell.value), widths["M"])


@pytest.mark.parametrize(
    ("text", "wide"), [("", 0), ("abc", 3), ("核查", 4), ("“核”", 6), ("〔2023〕", 8), ("①", 2)]
)
def test_printed_width(text: str, wide: int) -> None:
    assert count_cells(text) == wide


@settings(max_examples=40)
@given(st.text(max_size=300), st.floats(3, 90))
def test_lines_hold_the_whole_text(text: str, width: float) -> None:
    room = max(2, int(width * 1.05))
    assert count_lines(text, width) * room >= max(map(count_cells, text.split("\n")))


@settings(max_examples=20)
@given(st.text(max_size=50))
def test_any_name_makes_a_workbook_that_opens(name: str) -> None:
    who = party(name or "空", "organization")
    found = build_checklist([report("对其罚款。", ("罚款", who, "admin.fine", {}))])
    assert workbook(found).sheetnames == SHEETS


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="没有 LibreOffice（soffice）")
def test_an_office_program_shows_the_text_of_a_formula(tmp_path: Path) -> None:
    (tmp_path / "清单.xlsx").write_bytes(checklist_xlsx(with_name("=1+1")))
    office = shutil.which("soffice") or ""
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    # Sheet 2 as comma-separated UTF-8, contents as shown.
    target = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,2"
    subprocess.run(  # noqa: S603
        [office, profile, "--headless", "--convert-to", target, "清单.xlsx"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (table,) = tmp_path.glob("*.csv")
    assert "=1+1" in table.read_text(encoding="utf-8")


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("basis", "words"),
    [
        ("安全生产法#114.1.1", "《安全生产法》第114条第1款第1项"),
        ("安全生产法#95..1", "《安全生产法》第95条第1项"),
        ("刑法#134", "《刑法》第134条"),
        ("建筑法", "《建筑法》"),
    ],
)
def test_a_legal_basis_in_words(basis: str, words: str) -> None:
    assert describe_basis(basis) == words


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ("一是\n加强 培训", "一是加强培训"),
        ("GB 50016", "GB 50016"),
        ("  甲 ", "甲"),
        ("3 台", "3 台"),
    ],
)
def test_layout_spaces_are_dropped(text: str, tidied: str) -> None:
    assert tidy(text) == tidied


def test_a_cut_is_visible() -> None:
    assert shorten("一二三四五", 5) == "一二三四五"
    assert shorten("一二三四五六", 5) == "一二三四…"


def test_documents_of_one_kind_are_told_apart() -> None:
    one, two = report("一"), report("二")
    references = References(build_checklist([one, two]))
    assert {references.name(one[0].id), references.name(two[0].id)} == {"调查报告①", "调查报告②"}
    assert references.name("x") == "材料"


def test_a_page_number_is_part_of_the_source() -> None:
    doc = document("前\n\f对宏远公司罚款。")
    source = extraction(doc, measures=[measure(doc, "对宏远公司罚款。")])
    found = build_checklist([(doc, source)])
    assert (
        References(found).cite(found.measures[0].sources[0]) == "调查报告第2页：“对宏远公司罚款。”"
    )


def test_a_low_confidence_is_said() -> None:
    row = checklist().accountability[0].model_copy(update={"confidence": 0.4})
    assert "40%" in notes(row)


def test_every_sheet_has_as_many_cells_as_columns() -> None:
    for sheet in checklist_sheets(checklist()):
        assert all(len(row) == len(sheet.columns) for row in sheet.rows)
    assert dict(header_fields(checklist()))["事故等级"] == "一般"


# --- the terminal ---------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 100, 160])
def test_tables_fit_the_terminal(width: int) -> None:
    for view in (checklist_view(checklist()), extraction_view(*sources()[0])):
        lines = render_text(view, width).split("\n")
        assert max(map(cell_len, lines)) <= width
        assert not any("\x1b" in line for line in lines)


def test_the_checklist_table_names_what_matters() -> None:
    text = render_text(checklist_view(checklist()), 120)
    for words in (
        "宏远建设有限公司",
        "罚款30万元",
        "青应急罚〔2023〕8号",
        "已落实",
        "待核实",
        "台账不全",
    ):
        assert words in text
    assert "第2项" in text and "请核实：处理建议在现有结果文件中未见落实情况" in text


def test_markup_in_a_name_is_no_markup() -> None:
    assert "[red]甲公司[/red]" in render_text(checklist_view(with_name("[red]甲公司[/red]")), 120)


def test_an_empty_checklist_says_so() -> None:
    text = render_text(checklist_view(build_checklist([report("无")])), 80)
    assert text.count("文件中未见") == 2


def test_a_person_row_shows_the_position() -> None:
    found = build_checklist(
        [report("刘小满罚款。", ("罚款", LIU, "admin.fine", {"income_percent": 40}))]
    )
    assert found.accountability[0].status is Status.UNVERIFIED
    text = render_text(checklist_view(found), 160)
    assert "宏远建设有限公司项目经理" in text and "40%" in text


def test_the_table_of_one_document_names_what_was_read() -> None:
    fine = {"income_percent": 40, "organ": "青石县应急管理局", "term": "30日"}
    source = report("刘小满罚款。", ("罚款", LIU, "admin.fine", fine))
    text = render_text(extraction_view(*source), 160)
    for words in (
        "宏远建设有限公司项目经理",
        "上一年年收入的40%",
        "30日",
        "青石县应急管理局",
        "建议",
    ):
        assert words in text


def test_what_only_an_evaluation_says_is_not_repeated_beside_itself() -> None:
    doc = document("开展培训5次。")
    told = measure(doc, "开展培训5次。", modality="reported", specificity="specific")
    found = build_checklist([(doc, extraction(doc, "EVAL", measures=[told]))])
    assert cells(workbook(found)["整改措施"], 4)["落实举措（实际）"] == "同左（结果文件所述）"


@pytest.mark.parametrize(
    ("numbers", "words"), [([1], "1"), ([1, 2, 3, 5], "1—3、5"), ([1, 3], "1、3"), ([2, 3], "2—3")]
)
def test_runs_of_numbers(numbers: list[int], words: str) -> None:
    assert join_numbers(numbers) == words
