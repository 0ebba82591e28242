"""Tables of duties and passages that are stored twice."""

from __future__ import annotations

import pytest

from extractor.reading.cells import read_rows
from extractor.reading.copies import cut_before, find_copies
from tests.tables import view_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # the heads name the columns
        (
            "序号\t措施\t责任单位\t完成时限\n1\t更换吊具\t青禾公司\t3月底前",
            [{"actors": "青禾公司", "deadline": "3月底前"}],
        ),
        # who leads and who helps
        (
            "任务\t牵头单位\t配合单位\n开展检查\t区住建局\t各镇",
            [{"lead": "区住建局", "support": "各镇"}],
        ),
        # a row of another width belongs to no head, nor does one behind a line of text
        ("序号\t责任单位\n1\t青禾公司\t备注", []),
        ("序号\t责任单位\n说明如下\n1\t青禾公司", []),
        # without heads that name somebody or a term, nothing
        ("序号\t名称\n1\t吊具", []),
        ("没有表格。", []),
    ],
)
def test_rows(text: str, expected: list[dict[str, str]]) -> None:
    view = view_of(text)
    rows = read_rows(view)
    found = [{name: view.text[a:b] for name, (a, b) in row.items()} for row in rows.values()]
    assert found == expected


PASSAGE = "".join(
    f"第{i}条措施要求各单位按照分工抓好落实并报送结果，逾期不报的予以通报。" for i in range(6)
)


def test_a_passage_that_is_stored_twice() -> None:
    broken = PASSAGE.replace("抓好", "抓好\n")
    text = f"标题。{PASSAGE}过渡的一句话。\n{broken}"
    assert find_copies(text) == [(len(text) - len(broken), len(text))]


def test_single_phrases_that_repeat_are_no_copy() -> None:
    phrase = "建议由县应急管理局依法给予行政处罚，并督促其整改。"
    text = "".join(f"当事人{i}未履行职责。{phrase}" for i in range(20))
    assert find_copies(text) == []


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [(0, 5, 5), (5, 15, 10), (10, 12, 10), (15, 30, 15), (20, 30, 30)],
)
def test_what_is_kept_before_a_copy(start: int, end: int, kept: int) -> None:
    assert cut_before([(10, 20)], start, end) == kept
