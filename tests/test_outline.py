"""The outline, row by row of data/cases/outline.toml, and what holds for any text."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.reading.outline import Node, Outline, read_outline, slot_of
from tests.tables import rows, view_of, why


def shown(node: Node, row: dict[str, Any]) -> str:
    """Write a node as the rows do."""
    depth = len(node.path()) - 1
    slot = f" #{node.slot}" if node.slot else ""
    marker = node.marker.replace("—", "一") if row.get("skip_marks") else node.marker
    return f"{'  ' * depth}{marker}{node.title or '…'}{slot}"


@pytest.mark.parametrize("row", rows("outline"), ids=why)
def test_row(row: dict[str, Any]) -> None:
    outline = read_outline(view_of(row["text"].strip()), row.get("kind", "INV"))
    found = [shown(node, row) for node in outline.nodes()]
    assert [_untitled(line) for line in found] == [_untitled(line) for line in row["expect"]]


def _untitled(line: str) -> str:
    """An ordinal's title depends on its length: only the mark counts where the row shows none."""
    return re.sub(r"((?:[一二三四五六七八九十]是|[一二]要)).*$", r"\1", line)


NESTED = "一、甲\n（一）乙。\n1.丙。一是丁。二是戊。\n2.己。\n（二）庚。\n二、辛"


def test_ranges_nest_and_follow_each_other() -> None:
    view = view_of(NESTED)
    root = read_outline(view, "INV").root
    for node in root.walk():
        assert node.start <= node.body <= node.own_end <= node.end
        for child in node.children:
            assert node.start <= child.start
            assert child.end <= node.end
        for left, right in zip(node.children, node.children[1:], strict=False):
            assert left.end == right.start


def test_at_finds_the_deepest_node() -> None:
    view = view_of(NESTED)
    outline = read_outline(view, "INV")
    assert outline.at(view.text.index("戊")).marker == "二是"
    assert outline.at(view.text.index("己")).marker == "2."
    assert outline.at(view.text.index("辛")).marker == "二、"
    assert read_outline(view_of("无标题"), "INV").at(1).level == 0


def test_in_slot_gives_the_highest_nodes() -> None:
    outline = read_outline(
        view_of("一、整改措施落实情况\n1.甲公司整改措施落实情况\n二、责任追究情况"), "EVAL"
    )
    assert [node.marker for node in outline.in_slot("measures")] == ["一、"]


def test_slot_is_inherited_from_above() -> None:
    outline = read_outline(view_of("一、防范措施\n（一）甲公司。\n1.乙。"), "INV")
    lowest = list(outline.nodes())[-1]
    assert (lowest.own_slot, lowest.inherited_slot) == (None, "measures")


@pytest.mark.parametrize(
    ("title", "kind", "slot"),
    [
        ("事故防范和整改措施建议", "INV", "measures"),
        ("对责任单位和责任人员的处理建议", "INV", "treatment"),
        ("整改措施落实不到位", "INV", None),
        ("工作建议", "INV", "measures"),
        ("事故教训吸取情况", "EVAL", "measures"),
        ("责任追究和整改措施落实情况", "EVAL", "treatment"),
        ("整改措施落实中存在的问题", "EVAL", "problems"),
        ("下一步整改建议", "EVAL", "suggestions"),
        ("工作要求", "CIRC", "suggestions"),
        ("总体要求", "PLAN", None),
        ("重点任务", "PLAN", "tasks"),
        ("事故主要教训", "INV", "lessons"),
    ],
)
def test_slot_of_a_heading(title: str, kind: str, slot: str | None) -> None:
    assert slot_of(title, kind) == slot


@given(st.text("一二三、（）1.2。；：是要\n甲公司", max_size=120))
def test_any_text_gives_a_tree(text: str) -> None:
    view = view_of(text)
    outline: Outline = read_outline(view, "EVAL")
    for node in outline.nodes():
        assert node.parent is not None
        assert 0 <= node.start < node.end <= len(view.text)
        assert len(node.path()) < 16


@pytest.mark.parametrize(
    "line",
    [
        "1.甲\n",
        "（一）甲。",
        "一是甲。二是乙\n",
        "（1",
        "一、甲为（一）",
        "甲：一是",
        "。二是\n1.甲\n",
    ],
)
def test_hostile_text_takes_linear_time(line: str) -> None:
    def seconds(count: int) -> float:
        view = view_of(line * count)
        begun = time.perf_counter()
        read_outline(view, "EVAL")
        return time.perf_counter() - begun

    seconds(100)
    small = min(seconds(300) for _ in range(3))
    large = min(seconds(1200) for _ in range(3))
    assert large < 12 * small + 0.05
