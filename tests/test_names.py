"""Names and positions: what is a person, what is an organisation, how ORG+TITLE splits."""

from __future__ import annotations

import pytest

from extractor.document import DocumentBuilder
from extractor.reading.names import (
    count_of,
    is_organisation,
    is_particular,
    is_person_name,
    split_list,
    split_position,
    trailing_name,
)
from extractor.reading.roster import Roster
from extractor.view import build_view


@pytest.mark.parametrize(
    "name",
    [
        "张三",
        "李某",
        "李某某",
        "李某甲",
        "王*",
        "王**",
        "赵×",
        "孙XX",
        "欧阳某某",
        "欧阳小明",
        "艾力·买买提",
        "“老马”",
        "牙某",
        "自某某",
    ],
)
def test_person_names(name: str) -> None:
    assert is_person_name(name)


@pytest.mark.parametrize(
    "text",
    [
        "建议",
        "该公司",
        "事故单位",
        "法定代表人",
        "安全员",
        "县政府",
        "施工单位",
        "疏于教育",
        "安全设备",
        "轻微超速",
        "的张三",
        "企业",
        "中共党员",
    ],
)
def test_words_that_are_no_names(text: str) -> None:
    assert not is_person_name(text)


@pytest.mark.parametrize(
    "text",
    [
        "永川安达化工有限公司",
        "永川市应急管理局",
        "东坝镇人民政府",
        "东川县公安局交警大队",
        "永川安达化工有限公司东川分公司",
        "东坝街道办事处",
        "永川公路运输（集团）有限公司",
        "县纪委监委",
        "上河村村委会",
        "福源食用酒精销售部",
    ],
)
def test_organisations(text: str) -> None:
    assert is_organisation(text)


@pytest.mark.parametrize(
    "text", ["该公司", "将货物委托给永川货运站", "永川安达化工有限公司的车辆", "张三", "局"]
)
def test_words_that_are_no_organisations(text: str) -> None:
    assert not is_organisation(text)


@pytest.mark.parametrize(
    ("text", "employer", "title"),
    [
        ("永川安达化工有限公司法定代表人", "永川安达化工有限公司", "法定代表人"),
        ("永川安达化工有限公司销售经理", "永川安达化工有限公司", "销售经理"),
        ("东川县应急管理局党委委员、副局长", "东川县应急管理局", "党委委员、副局长"),
        ("东川县副县长（副处级）", "东川县", "副县长"),
        ("东川县交通运输管理所所长", "东川县交通运输管理所", "所长"),
        ("东川经济开发区管理委员会主任", "东川经济开发区管理委员会", "主任"),
        ("安全员", None, "安全员"),
    ],
)
def test_position_splits_into_employer_and_title(
    text: str, employer: str | None, title: str
) -> None:
    position = split_position(text)
    assert (position.employer, position.title) == (employer, title)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("张三、李四和王五", ["张三", "李四", "王五"]),
        ("东川县委、县政府", ["东川县委", "县政府"]),
        ("东川区委区人民政府", ["东川区委", "区人民政府"]),
        ("张三、李四等3人", ["张三", "李四"]),
        ("永川（东川、清河）有限公司", ["永川（东川、清河）有限公司"]),
    ],
)
def test_lists(text: str, parts: list[str]) -> None:
    assert split_list(text) == parts


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("永川安达化工有限公司法定代表人张三", "张三"),
        ("东坝镇党委委员（分管领导）李四海", "李四海"),
        ("永川安达化工有限公司", None),
        ("其有关责任人员", None),
    ],
)
def test_name_behind_a_title(text: str, name: str | None) -> None:
    found = trailing_name(text)
    assert (found[0] if found else None) == name


@pytest.mark.parametrize(
    "clause", ["男", "汉族", "中共党员", "1970年3月出生", "2001年2月加入中国共产党", "45岁"]
)
def test_particulars(clause: str) -> None:
    assert is_particular(clause)


@pytest.mark.parametrize(
    ("text", "count"), [("2名责任人员", 2), ("三名人员", 3), ("有关人员", None)]
)
def test_counts(text: str, count: int | None) -> None:
    assert count_of(text) == count


def roster_of(text: str) -> Roster:
    builder = DocumentBuilder(text.encode(), "测试.txt", "text/plain")
    for line in text.split("\n"):
        builder.add_block(line)
    return Roster(build_view(builder.build()))


@pytest.mark.parametrize(
    ("text", "alias", "full"),
    [
        ("永川安达化工有限公司（以下简称“安达化工”）成立。", "安达化工", "永川安达化工有限公司"),
        ("永川安达化工有限公司(以下简称安达公司)成立。", "安达公司", "永川安达化工有限公司"),
        ("位于东川县境内的永川安达化工有限公司（简称：安达）", "安达", "永川安达化工有限公司"),
    ],
)
def test_alias_binds_to_the_name_before_the_bracket(text: str, alias: str, full: str) -> None:
    assert roster_of(text).alias_of[alias] == full


@pytest.mark.parametrize(
    "text",
    ["成立评估工作组（以下简称“评估组”）。", "依据《安全生产事故条例》（以下简称“《条例》”）。"],
)
def test_generic_definitions_give_no_alias(text: str) -> None:
    assert roster_of(text).alias_of == {}
