"""The figures of calibration, on records whose answer can be worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.calibration_report import calibrate, draw
from corpus.scoring import Graded


def records(*rows: tuple[float, int, int]) -> list[Graded]:
    """Records of a confidence: how many right, how many wrong."""
    return [
        Graded("measures", confidence, is_right)
        for confidence, right, wrong in rows
        for is_right in [True] * right + [False] * wrong
    ]


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        pytest.param([], 0.0, id="nothing to measure"),
        pytest.param([(0.8, 8, 2)], 0.0, id="four of five, as said"),
        pytest.param([(0.8, 10, 0)], 0.2, id="too modest"),
        pytest.param([(0.9, 5, 5)], 0.4, id="too sure"),
        pytest.param([(0.95, 10, 0), (0.55, 0, 10)], 0.3, id="the mean over the tenths"),
        pytest.param([(0.91, 1, 1), (0.99, 0, 2)], 0.7, id="one tenth: mean said, share right"),
        pytest.param([(1.0, 3, 0)], 0.0, id="certain and right: in the last tenth"),
        pytest.param([(0.0, 0, 3)], 0.0, id="impossible and wrong: in the first"),
    ],
)
def test_expected_calibration_error(rows: list[tuple[float, int, int]], error: float) -> None:
    assert calibrate(records(*rows)).error == pytest.approx(error)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        pytest.param([(0.9, 10, 0)], None, id="none is wrong: nothing to find"),
        pytest.param([(0.5, 0, 2), (0.9, 8, 0)], 1.0, id="all wrong ones are the least certain"),
        pytest.param([(0.5, 2, 0), (0.9, 7, 1)], 0.0, id="the wrong one is among the sure"),
        pytest.param([(0.9, 9, 1)], 0.2, id="all equal: as many as by chance"),
        pytest.param([(0.5, 0, 1), (0.7, 1, 1), (0.9, 7, 0)], 0.75, id="a part of equal ones"),
    ],
)
def test_wrong_records_found_in_the_least_certain_fifth(
    rows: list[tuple[float, int, int]], found: float | None
) -> None:
    assert calibrate(records(*rows)).found_first == pytest.approx(found)


def test_records_below_thresholds() -> None:
    below = {
        each.threshold: (each.share_of_records, each.share_of_wrong)
        for each in calibrate(records((0.55, 1, 3), (0.85, 5, 1))).below
    }
    assert below[0.5] == (0.0, 0.0)
    assert below[0.6] == (0.4, 0.75)
    assert below[0.9] == (1.0, 1.0)
    assert calibrate(records((0.9, 1, 0))).below[-1].share_of_wrong is None


def test_the_diagram_has_a_bar_for_every_tenth_in_use() -> None:
    lines = draw(calibrate(records((0.25, 1, 3), (0.95, 4, 0)))).splitlines()
    assert lines == [
        "0.2-0.3 ##########|............................. 0.250 0.250      4",
        "0.9-1.0 ######################################|# 0.950 1.000      4",
    ]
    assert draw(calibrate([])) == ""


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans())))
def test_all_shares_are_shares(rows: list[tuple[float, bool]]) -> None:
    figures = calibrate([Graded("problems", said, right) for said, right in rows])
    shares = [figures.error, figures.found_first or 0.0]
    shares += [each.share_of_records for each in figures.below]
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in shares)
    assert sum(each.records for each in figures.bins) == len(rows)
