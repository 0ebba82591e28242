"""When an evaluation is due."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.checklist.assemble import build_checklist
from extractor.checklist.deadlines import (
    EvaluationDates,
    add_months,
    evaluation_window,
    find_rule,
    to_date,
    window_rules,
)
from tests.factories import (
    codes,
    document,
    evaluation,
    extraction,
    report,
)


@pytest.mark.parametrize(
    ("base", "evaluated", "state"),
    [
        ("2019-12-16", "2020-11-30", "in_window"),
        ("2021-07-12", "2022-06-29", "in_window"),
        ("2022-12-21", "2023-11-17", "in_window"),
        ("2023-08-17", "2024-07-02", "in_window"),
        ("2023-04-10", "2024-04-02", "in_window"),
        ("2021-07-16", "2022-07-04", "in_window"),
        ("2023-03-23", "2023-11-06", "early"),
        ("2023-08-25", "2024-02-22", "early"),
        ("2020-12-23", "2021-01-19", "early"),
        ("2021-11-03", "2023-02-20", "late"),
        ("2021-11-03", "2022-09-03", "in_window"),
        ("2021-11-03", "2022-09-02", "early"),
        ("2021-11-03", "2022-11-03", "in_window"),
        ("2021-11-03", "2022-11-04", "late"),
    ],
)
def test_the_window_of_real_cases_and_its_edges(base: str, evaluated: str, state: str) -> None:
    dates = EvaluationDates(to_date(base), evaluated=to_date(evaluated))
    assert evaluation_window(dates, window_rules()[0]).state == state


def test_the_dates_of_a_window() -> None:
    dates = EvaluationDates(to_date("2019-12-16"), established=to_date("2020-11-30"))
    window = evaluation_window(dates, window_rules()[0])
    assert (window.opens, window.closes, window.finish_by) == ("2020-10-16", "2020-12-16", None)


@pytest.mark.parametrize(
    ("base", "today", "state"),
    [
        (None, "2024-01-01", "unknown"),
        ("2023-01-10", None, "open"),
        ("2023-01-10", "2024-01-10", "open"),
        ("2023-01-10", "2024-01-11", "late"),
    ],
)
def test_a_window_without_an_evaluation(base: str | None, today: str | None, state: str) -> None:
    window = evaluation_window(
        EvaluationDates(to_date(base)), window_rules()[0], today=to_date(today)
    )
    assert window.state == state


@pytest.mark.parametrize(
    ("places", "numbers", "rule_id"),
    [
        (["青石县"], [], "national"),
        (["四川省青石县"], [], "sichuan"),
        (["山东省青岛市黄沙区"], [], "qingdao"),
        (["山东省青石县"], [], "shandong"),
        (["青石县"], ["吉安委办〔2019〕85号"], "jilin"),
        (["四川省"], ["吉安委办〔2019〕85号"], "jilin"),
        (["曲靖市麒麟区"], [], "qilin"),
        ([], ["安委办〔2021〕4号"], "national"),
    ],
)
def test_which_rule_holds(places: list[str], numbers: list[str], rule_id: str) -> None:
    assert find_rule(places, numbers).id == rule_id


def test_days_for_the_group() -> None:
    dates = EvaluationDates(established=to_date("2024-03-01"))
    assert evaluation_window(dates, find_rule(["四川省"])).finish_by == "2024-04-30"
    assert evaluation_window(dates, find_rule(["麒麟区"])).finish_by == "2024-03-31"


@given(st.dates(date(1950, 1, 1), date(2150, 12, 31)), st.integers(0, 36))
def test_months_are_added_within_the_month(start: date, months: int) -> None:
    end = add_months(start, months)
    assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == months
    assert end.day == start.day or (end.day < start.day and add_months(start, months + 1) > end)


@pytest.mark.parametrize("text", [None, "2019-12", "2019-13-01", "不详", "0001-01-01", "2019-1-1"])
def test_only_a_full_date_starts_the_clock(text: str | None) -> None:
    assert to_date(text) is None


def test_the_window_of_a_case_and_its_hint() -> None:
    doc = document("批复", "批复.txt")
    rep = (
        doc,
        extraction(
            doc, "REP", number="青政复〔2023〕3号", date="2023-03-23", issuer="青石县人民政府"
        ),
    )
    checklist = build_checklist([rep, evaluation("评估", date="2023-11-06")])
    assert checklist.case.reply.number == "青政复〔2023〕3号"
    assert checklist.case.window.state == "early"
    assert codes(checklist.case.hints) == "l"
    late = build_checklist([rep], today=date(2024, 3, 24))
    assert late.case.window.state == "late" and "未见评估报告" in late.case.hints[0]


def test_without_a_reply_the_date_of_the_report_starts_the_clock_and_is_flagged() -> None:
    window = build_checklist([report("报告", date="2023-03-01")]).case.window
    assert (window.base, window.base_kind) == ("2023-03-01", "report")
