"""Constructions of official Chinese, each proved by a small document written before its rule.

Penalties and parties, documents with their structure, numbers, measures, problems and heads. What
is not read yet stands in OPEN with its reason; a case that is read must leave that list.
"""

from __future__ import annotations

import pytest

from tests.constructing import FOLDER, Case, differences, load_cases

OPEN = {
    "pen-085": "责任追究意见 is no kind of document that is known",
    "pen-134": "rows with spaces between the cells, without 序号 in their head",
    "pen-142": "the proposal in an item is overtaken by 作出行政处罚决定 in its outcome",
    "pen-148": "the post of a punished person behind labels of its own",
    "pen-151": "a post with the short name of its office (质安站站长)",
    "pen-181": "the organ of a second sanction whose party has been named anew",
    "pen-189": "关闭决定 and 关闭到位 in two clauses",
    "pen-208": "the recipient of a self-criticism that was handed in later",
    "front-019": "a page that tells a past accident as a case is OTHER like a court's decision",
    "par-008": "an office under a short name that is not declared",
}

CASES = [case for path in sorted(FOLDER.glob("*.toml")) for case in load_cases(path)]


def _parameter(case: Case) -> object:
    reason = OPEN.get(case.id)
    marks = [pytest.mark.xfail(strict=True, reason=reason)] if reason else []
    return pytest.param(case, id=f"{case.id} {case.proves}", marks=marks)


@pytest.mark.parametrize("case", [_parameter(case) for case in CASES])
def test_construction(case: Case) -> None:
    """The reading has all that the case states, and nothing that it does not."""
    assert differences(case) == []


def test_every_open_case_exists() -> None:
    assert set(OPEN) <= {case.id for case in CASES}


def test_the_table_is_large_and_its_cases_are_told_apart() -> None:
    assert len(CASES) >= 150
    assert len({case.id for case in CASES}) == len(CASES)
    assert all(case.proves for case in CASES)
