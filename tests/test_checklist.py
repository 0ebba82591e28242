"""The checklist: who is who, which outcome answers which proposal, and the whole."""

from __future__ import annotations

import itertools

import pytest
from pydantic import ValidationError

from extractor.checklist.assemble import build_checklist
from extractor.checklist.identity import resembles, same_party
from extractor.checklist.model import (
    AccountabilityRow,
    Checklist,
    Quote,
    RowParty,
    Status,
)
from extractor.extraction import Evaluation, Party
from extractor.rules import load_toml, penalty_families
from tests.factories import (
    FIRM,
    WANG,
    Stated,
    accident,
    codes,
    document,
    evaluation,
    extraction,
    number,
    only_row,
    party,
    penalty,
    problem,
    report,
    section,
    suggestion,
)

YEAR2023 = accident(date="2023-03-05", grade="一般")

REPORT_FINE = ("处罚款30万元", FIRM, "admin.fine", {"amount_yuan": 300_000})


def test_report_and_evaluation_make_one_row() -> None:
    inv = report("建议对宏远建设有限公司处罚款30万元。", REPORT_FINE)
    alias = party("宏远公司", "organization")
    paid = ("罚款30万元", alias, "admin.fine", {"amount_yuan": 300_000, "document_numbers": ["n"]})
    decision = number("青应急罚〔2023〕8号", id="n")
    ev = evaluation("宏远公司罚款30万元，已缴纳。", paid, document_numbers=[decision])
    row = only_row(ev, inv)
    assert row.proposed is not None and row.actual is not None
    assert (row.proposed.document, row.actual.document) == (inv[0].id, ev[0].id)
    assert row.status is Status.DONE
    assert row.document_numbers == ["青应急罚〔2023〕8号"]
    assert [quote.document for quote in row.sources] == [inv[0].id]
    assert {quote.document for quote in row.evidence} == {ev[0].id}
    assert row.party.name == "宏远建设有限公司"
    assert row.expected_evidence[0] == "行政处罚决定书"
    assert row.hints == []


def test_overview_and_detail_of_one_fine_are_one_row_with_two_sources() -> None:
    text = "共处罚款30万元。\n对宏远公司处罚款30万元（详见下文）。"
    first = ("共处罚款30万元", FIRM, "admin.fine", {"amount_yuan": 300_000})
    second = ("对宏远公司处罚款30万元", FIRM, "admin.fine", {"amount_yuan": 300_000})
    assert len(only_row(report(text, first, second)).sources) == 2


def test_two_fines_of_one_party_are_two_rows() -> None:
    text = "对宏远公司处罚款30万元。\n另处罚款2万元。"
    second = ("罚款2万元", FIRM, "admin.fine", {"amount_yuan": 20_000})
    assert len(build_checklist([report(text, REPORT_FINE, second)]).accountability) == 2


def test_the_reply_overrides_the_report_and_says_so() -> None:
    inv = report("建议处罚款30万元。", REPORT_FINE)
    doc = document("同意处罚款35万元。", "批复.txt")
    fine = penalty(doc, "处罚款35万元", FIRM, "admin.fine", amount_yuan=350_000)
    row = only_row(inv, (doc, extraction(doc, "REP", parties=[FIRM], penalties=[fine])))
    assert row.proposed is not None
    assert row.proposed.amount_yuan == 350_000
    assert len(row.sources) == 2
    assert "c" in codes(row.hints)


PAIRS = [
    # (proposed kinds, actual kinds, expected (proposed, actual) pairs, why)
    (["gov.demerit"], ["gov.warning"], {("gov.demerit", "gov.warning")}, "one rung for another"),
    (
        ["gov.demerit", "party.warning"],
        ["party.warning"],
        {("gov.demerit", None), ("party.warning", "party.warning")},
        "equal kinds first",
    ),
    (
        ["disc.unspecified"],
        ["party.warning", "gov.warning"],
        {("disc.unspecified", "party.warning"), ("disc.unspecified", "gov.warning")},
        "an open proposal is answered by every discipline",
    ),
    (
        ["transfer.discipline"],
        ["org.admonition"],
        {("transfer.discipline", "org.admonition")},
        "a lead handed over ends in a sanction",
    ),
    (
        ["disc.unspecified"],
        ["admin.fine"],
        {("disc.unspecified", None), (None, "admin.fine")},
        "a fine is no discipline",
    ),
    (["admin.unspecified"], ["admin.fine"], {("admin.unspecified", "admin.fine")}, "open fine"),
    (
        ["admin.fine"],
        ["admin.license_suspended"],
        {("admin.fine", None), (None, "admin.license_suspended")},
        "a licence is no fine",
    ),
    (
        ["crim.transferred"],
        ["crim.prosecuted", "crim.sentenced"],
        {("crim.transferred", "crim.sentenced")},
        "the furthest step of one case",
    ),
    (
        ["org.admonition", "org.criticism"],
        ["org.reminder_talk"],
        {("org.admonition", None), ("org.criticism", None), (None, "org.reminder_talk")},
        "two proposals and one outcome: not certain, so not linked",
    ),
]


@pytest.mark.parametrize(("proposed", "actual", "expected", "why"), PAIRS)
def test_which_outcome_answers_which_proposal(
    proposed: list[str], actual: list[str], expected: set[tuple[str, str]], why: str
) -> None:
    text = "王大有处理一二三四五六七八九"
    inv = report(text, *((text[i + 5], WANG, kind, {}) for i, kind in enumerate(proposed)))
    ev = evaluation(text + "。", *((text[i + 5], WANG, kind, {}) for i, kind in enumerate(actual)))
    rows = build_checklist([inv, ev]).accountability
    found = {(r.proposed and r.proposed.kind, r.actual and r.actual.kind) for r in rows}
    assert found == expected, why


MASKED = party("李某某", title="安全员", employer="宏远建设有限公司")


@pytest.mark.parametrize(
    ("one", "other", "same", "why"),
    [
        (WANG, party("王大有"), True, "same full name"),
        (WANG, party("王大有", title="局长"), True, "same full name, another post: doubt, not two"),
        (WANG, party("王大友"), False, "another character"),
        (FIRM, party("宏远公司", "organization"), True, "alias"),
        (FIRM, party("宏远", "organization"), False, "a part of a name is no name"),
        (FIRM, party("宏远公司"), False, "a person is no company"),
        (MASKED, party("李某某", title="安全员"), True, "masked, same title"),
        (MASKED, party("李某某", title="班长"), False, "masked, another title"),
        (MASKED, party("李某某"), False, "masked, no title"),
        (
            MASKED,
            party("李某某", title="安全员", employer="鼎新劳务有限公司"),
            False,
            "masked, another employer",
        ),
        (
            party("某建设公司", "organization"),
            party("某建设公司", "organization"),
            False,
            "a masked company is never joined",
        ),
        (party("2名人员", "group"), party("2名人员", "group"), False, "groups have no identity"),
    ],
)
def test_same_party(one: Party, other: Party, same: bool, why: str) -> None:
    assert same_party(one, other) is same, why
    assert same_party(other, one) is same, why


def test_two_people_of_one_name_are_told_apart_by_their_title() -> None:
    clerk = party("王大有", id="x", title="科员", employer="青石县应急管理局")
    inv = report(
        "建议给予副局长王大有政务警告。\n建议对科员王大有批评教育。",
        ("政务警告", WANG, "gov.warning", {}),
        ("批评教育", clerk, "org.criticism", {}),
    )
    plain: Stated = ("给予王大有批评教育", party("王大有", title="科员"), "org.criticism", {})
    rows = build_checklist([inv, evaluation("已给予王大有批评教育。", plain)]).accountability
    assert [(r.position, r.actual is not None) for r in rows] == [
        ("青石县住房和城乡建设局副局长", False),
        ("青石县应急管理局科员", True),
    ]


def test_a_name_that_fits_two_people_is_linked_to_none() -> None:
    clerk = party("王大有", id="x", title="科员")
    inv = report(
        "建议给予副局长王大有政务警告。\n建议给予科员王大有政务记过。",
        ("政务警告", WANG, "gov.warning", {}),
        ("政务记过", clerk, "gov.demerit", {}),
    )
    plain: Stated = ("给予王大有政务警告", party("王大有"), "gov.warning", {})
    rows = build_checklist([inv, evaluation("已给予王大有政务警告处分。", plain)]).accountability
    assert len(rows) == 3
    assert "n" in codes(rows[2].hints) and rows[2].proposed is None


def test_full_and_masked_names_are_suggested_not_joined() -> None:
    full = party("李守成", title="安全员")
    inv = report("建议给予李守成罚款。", ("罚款", full, "admin.fine", {}))
    ev = evaluation("给予李某某罚款。", ("罚款", party("李某某", title="安全员"), "admin.fine", {}))
    rows = build_checklist([inv, ev]).accountability
    assert len(rows) == 2
    assert "“李某某”" in rows[0].hints[0] and "“李守成”" in rows[1].hints[0]
    assert resembles(full, party("李某", title="安全员"))
    assert not resembles(full, party("赵某", title="安全员"))


def test_problems_suggestions_and_good_practices() -> None:
    text = "一是台账不全。\n一是完善台账。\n三、经验做法\n推行专家查隐患。\n推行网格化。"
    doc = document(text)
    checklist = build_checklist(
        [
            (
                doc,
                extraction(
                    doc,
                    "EVAL",
                    problems=[problem(doc, "一是台账不全。", "宏远公司")],
                    suggestions=[suggestion(doc, "一是完善台账。", "县应急管理局")],
                    sections=[section(doc, "三、经验做法", "推行网格化。", "good_practice")],
                ),
            )
        ]
    )
    assert [(row.id, row.text, row.units) for row in checklist.problems] == [
        ("c1", "一是台账不全。", ["宏远公司"])
    ]
    assert [row.addressees for row in checklist.suggestions] == [["县应急管理局"]]
    assert [row.text for row in checklist.good_practices] == ["推行专家查隐患。", "推行网格化。"]


def test_the_order_of_the_files_does_not_matter() -> None:
    inv = report("建议处罚款30万元。", REPORT_FINE, accident=YEAR2023)
    ev = evaluation("处罚款30万元，已缴纳。", REPORT_FINE)
    doc = document("批复", "批复.txt")
    rep = (doc, extraction(doc, "REP", date="2023-06-01"))
    results = {
        build_checklist(list(order)).model_dump_json()
        for order in itertools.permutations([inv, ev, rep])
    }
    assert len(results) == 1


def test_the_same_file_twice_counts_once() -> None:
    inv = report("建议处罚款30万元。", REPORT_FINE)
    assert build_checklist([inv, inv]) == build_checklist([inv])


def test_the_case_keeps_its_id_when_documents_come() -> None:
    named = accident(name="宏远公司“3·5”一般坍塌事故", date="2023-03-05", mark="3·5")
    inv = report("一", accident=named)
    ev = evaluation("二", accident=named.model_copy(update={"name": '宏远公司"3·5"一般坍塌事故'}))
    ids = {build_checklist(sources).case.id for sources in ([inv], [ev], [inv, ev])}
    assert len(ids) == 1
    checklist = build_checklist([inv, ev])
    assert checklist.case.name == "宏远公司“3·5”一般坍塌事故"
    assert checklist.case.accident.sources["date"].document == inv[0].id
    assert [(d.kind, d.role) for d in checklist.documents] == [
        ("INV", "basis"),
        ("EVAL", "outcome"),
    ]


def test_a_row_without_a_source_cannot_exist() -> None:
    with pytest.raises(ValidationError, match="sources"):
        AccountabilityRow(
            id="a1", party=RowParty(kind="person", name="王大有"), sources=[], confidence=1
        )


def test_a_quote_that_does_not_fill_its_range_cannot_exist() -> None:
    with pytest.raises(ValidationError, match="引文"):
        Quote(document="d", start=0, end=5, quote="四个字？")


def test_no_document_is_an_error() -> None:
    with pytest.raises(ValueError, match="至少"):
        build_checklist([])


def test_the_checklist_round_trips_through_json() -> None:
    checklist = build_checklist(
        [
            report("建议处罚款30万元。", REPORT_FINE),
            evaluation("处罚款30万元，已缴纳。", REPORT_FINE),
        ]
    )
    assert Checklist.model_validate_json(checklist.model_dump_json()) == checklist


def test_the_rules_cover_every_kind() -> None:
    from extractor.checklist.hints import treatment_row

    kinds = penalty_families()
    assert all(treatment_row(kind) for kind in kinds)
    rows = load_toml("outcomes.toml")
    named = [k for row in rows["cue"] for k in row["kinds"] if not k.endswith("*")]
    assert set(named + rows["criminal"]["steps"]) <= set(kinds)
    families = set(kinds.values())
    used = {f for key in ("open", "ladder") for row in rows[key] for f in row["families"]}
    assert used <= families
    assert {row["kind"] for row in rows["open"]} <= set(kinds)


@pytest.mark.slow
def test_a_long_hostile_document_takes_linear_time() -> None:
    text = "对宏远公司处罚款30万元，" * 3000
    doc = document(text)
    rows = [
        penalty(doc, "处罚款30万元", FIRM, "admin.fine", nth=1).model_copy(
            update={"id": f"k{i}", "start": i * 13, "end": i * 13 + 12, "amount_yuan": i}
        )
        for i in range(3000)
    ]
    checklist = build_checklist([(doc, extraction(doc, "EVAL", parties=[FIRM], penalties=rows))])
    assert len(checklist.accountability) == 3000


def test_a_sanction_without_a_kind_is_one_more_statement_of_the_one_that_has_it() -> None:
    text = "依法给予行政处罚。\n处罚款30万元。"
    vague: Stated = ("依法给予行政处罚", FIRM, "admin.unspecified", {})
    row = only_row(report(text, vague, REPORT_FINE))
    assert row.proposed is not None
    assert (row.proposed.kind, len(row.sources)) == ("admin.fine", 2)


def test_the_same_masked_name_is_suggested_when_no_title_joins_it() -> None:
    inv = report(
        "李某某，安全员，建议移送司法机关。", ("移送司法机关", MASKED, "crim.transferred", {})
    )
    ev = evaluation("李某某已立案。", ("已立案", party("李某某"), "crim.filed", {}))
    first, second = build_checklist([inv, ev]).accountability
    assert "可能与“李某某”为同一人" in first.hints[0]
    assert "可能与“李某某”为同一人" in second.hints[0]


def test_one_person_is_not_said_to_resemble_himself() -> None:
    inv = report("建议罚款。", ("罚款", WANG, "admin.fine", {}))
    ev = evaluation("批评教育。", ("批评教育", WANG, "org.criticism", {}))
    rows = build_checklist([inv, ev]).accountability
    assert len(rows) == 2
    assert not any("同一人" in hint for row in rows for hint in row.hints)


def test_people_of_one_name_in_another_post_are_joined_with_a_doubt() -> None:
    inv = report("建议给予王大有政务警告。", ("政务警告", WANG, "gov.warning", {}))
    other = party("王大有", title="科员", employer="白水县水务局")
    row = only_row(inv, evaluation("给予王大有政务警告。", ("政务警告", other, "gov.warning", {})))
    assert "各文件中姓名相同但单位、职务不同" in "".join(row.hints)
    assert row.confidence < 0.9


def test_replies_of_different_dates_are_questioned() -> None:
    one, two = document("批复一", "一.txt"), document("批复二", "二.txt")
    found = build_checklist(
        [
            (one, extraction(one, "REP", date="2023-06-01")),
            (two, extraction(two, "REP", date="2023-06-02")),
        ]
    )
    assert "批复日期不一致（2023-06-01、2023-06-02）" in found.case.hints[0]


def test_the_facts_of_the_evaluation_are_kept() -> None:
    doc = document("评估报告\n批复文号：青政复〔2023〕3号")
    facts = Evaluation(
        reply_number="n", reply_date="2023-06-01", established="2024-05-10", lead="县应急管理局"
    )
    found = build_checklist(
        [
            (
                doc,
                extraction(
                    doc,
                    "EVAL",
                    evaluation=facts,
                    document_numbers=[number("青政复〔2023〕3号", "admin", id="n")],
                ),
            )
        ]
    ).case
    assert (found.reply.number, found.reply.date) == ("青政复〔2023〕3号", "2023-06-01")
    assert found.window.state == "in_window"
    assert found.evaluation is not None
    assert found.evaluation.lead == "县应急管理局"


def test_a_range_that_an_accident_does_not_state_gives_no_source() -> None:
    told = accident(name="某事故", start=0, end=0, sources={"name": (0, 2)}, grade="一般")
    found = build_checklist([report("一二三", accident=told)]).case.accident
    assert (found.grade, sorted(found.sources)) == ("一般", ["name"])


def test_chapters_of_good_practice_give_their_lowest_sections_once() -> None:
    text = "三、经验做法\n（一）推行网格化\n每月巡查。\n（二）专家查隐患\n聘请专家。\n四、其他\n无"
    doc = document(text)
    sections = [
        section(doc, "三、经验做法", "聘请专家。", "good_practice"),
        section(doc, "（一）推行网格化", "每月巡查。", "good_practice"),
        section(doc, "（二）专家查隐患", "聘请专家。"),
        section(doc, "四、其他", "无"),
    ]
    found = build_checklist([(doc, extraction(doc, "EVAL", sections=sections))])
    assert [row.text for row in found.good_practices] == [
        "（一）推行网格化\n每月巡查。",
        "（二）专家查隐患\n聘请专家。",
    ]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (party("李守成", title="安全员"), party("李某某", title="安全员"), True),
        (party("李守成", title="安全员"), party("赵某某", title="安全员"), False),
        (party("李守成", title="安全员"), party("李某某"), False),
        (party("李某某"), party("李某某", title="安全员"), True),
        (FIRM, party("宏远公司", "organization"), False),
    ],
)
def test_who_may_be_the_same_person(one: Party, other: Party, alike: bool) -> None:
    assert resembles(one, other) is alike
