"""The facts of an evaluation: reply, group, date and methods, by constructed sentences."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.document import DocumentBuilder
from extractor.reading.evaluations import EvaluationReading, read_evaluation
from extractor.reading.outline import read_outline
from extractor.view import View, build_view

_NUMBER = re.compile(r"(?:北|安)[政府安应急函批复委办]{1,4}〔\d{4}〕\d{1,4}号")
_TITLE = "华鼎建设有限公司“4·2”高处坠落事故整改措施落实情况评估报告\n\n"


@dataclass(frozen=True)
class Number:
    start: int
    end: int
    normal: str


def _read(text: str, kind: str = "EVAL") -> tuple[View, list[Number], EvaluationReading | None]:
    builder = DocumentBuilder(text.encode(), "x.txt", "text/plain")
    for line in text.split("\n"):
        builder.add_block(line)
    view = build_view(builder.build())
    numbers = [Number(m.start(), m.end(), m.group()) for m in _NUMBER.finditer(view.text)]
    return view, numbers, read_evaluation(view, read_outline(view, kind), kind, numbers)


@pytest.mark.parametrize(
    ("sentence", "number", "date"),
    [
        (
            "2020年7月1日，县政府以《关于华鼎建设有限公司“4·2”事故调查报告的批复》"
            "（北政批〔2020〕18号）批复结案。",
            "北政批〔2020〕18号",
            "2020-07-01",
        ),
        (
            "2020年7月1日，事故调查报告经北河县人民政府批复同意。依据《北河县评估办法》"
            "（北安办〔2019〕85号），评估组开展了评估。",
            None,
            "2020-07-01",
        ),
        (
            "《“4·2”高处坠落事故调查报告的批复》（北府批复〔2020〕36号）印发后，各单位认真落实。",
            "北府批复〔2020〕36号",
            None,
        ),
        (
            "2020年7月1日，北河县人民政府以北政函〔2020〕9号文批复同意结案。",
            "北政函〔2020〕9号",
            "2020-07-01",
        ),
        (
            "根据安全生产法关于在批复事故调查报告后一年内组织评估的规定，按照安委办〔2021〕4号要求，"
            "2021年4月6日评估组开展评估。",
            None,
            None,
        ),
        (
            "2020年4月2日，华鼎建设有限公司发生一起高处坠落事故，2020年7月1日批复结案。",
            None,
            "2020-07-01",
        ),
        ("2020年5月30日，调查组将调查报告上报县政府请示批复。", None, None),
    ],
)
def test_reply(sentence: str, number: str | None, date: str | None) -> None:
    """The reply's number is behind 《…批复》 or in 以…批复; its date stands before 批复."""
    _, numbers, reading = _read(_TITLE + sentence + "\n")
    assert reading is not None
    got = numbers[reading.reply_number].normal if reading.reply_number is not None else None
    assert (got, reading.reply_date) == (number, date)


@pytest.mark.parametrize(
    ("sentence", "lead", "members"),
    [
        (
            "县里组建了由县应急局牵头，会同县公安局、县发改委等部门组成的评估组，县纪委监委应邀参加。",
            "县应急局",
            ("县公安局", "县发改委"),
        ),
        (
            "省安委会决定成立由省应急管理厅牵头，省水利厅、省自然资源厅和省总工会有关人员及专家组成的评估组。",
            "省应急管理厅",
            ("省水利厅", "省自然资源厅", "省总工会"),
        ),
        (
            "2021年4月6日，县安委办组织县应急管理、公安、住建、总工会等部门组成评估工作组，赴南岗镇开展评估。",
            "县安委办",
            ("县应急管理", "公安", "住建", "总工会"),
        ),
        (
            "北河县应急管理局会同县公安局、县住建局及县总工会组成评估组。",
            "北河县应急管理局",
            ("县公安局", "县住建局", "县总工会"),
        ),
        (
            "县政府成立了以县应急管理局为组长单位，县公安局、县住建局、县总工会为成员单位的评估组。",
            "县应急管理局",
            ("县公安局", "县住建局", "县总工会"),
        ),
        (
            "评估组由县应急管理局、县公安局、县总工会等单位组成。",
            None,
            ("县应急管理局", "县公安局", "县总工会"),
        ),
        (
            "由县应急管理局牵头，会同县住房和城乡建设局、县工业和信息化局及县总工会成立评估组。",
            "县应急管理局",
            ("县住房和城乡建设局", "县工业和信息化局", "县总工会"),
        ),
        (
            "一、评估组组成\n牵头单位：县应急管理局\n成员单位：县公安局、县总工会\n二、评估情况\n",
            "县应急管理局",
            ("县公安局", "县总工会"),
        ),
        ("由县应急管理局牵头成立评估组。", "县应急管理局", ()),
        (
            "事故发生后，由县应急局牵头，会同县公安局、县总工会组成事故调查组。评估组查阅了资料。",
            None,
            (),
        ),
    ],
)
def test_group(sentence: str, lead: str | None, members: tuple[str, ...]) -> None:
    """Who leads and who takes part, only from a sentence on the evaluation's own group."""
    _, _, reading = _read(_TITLE + sentence + "\n")
    assert reading is not None
    assert (reading.lead, reading.members) == (lead, members)


@pytest.mark.parametrize(
    ("sentence", "date"),
    [
        ("2021年4月6日，县安委办牵头成立评估组，开展评估。", "2021-04-06"),
        ("2021年4月6日，“4·2”高处坠落事故评估工作组对整改措施落实情况开展了评估。", "2021-04-06"),
        ("县应急管理局会同县公安局组成评估组，于2021年4月6日至4月9日开展评估。", "2021-04-06"),
        (
            "2021年5月8日评估组到现场开展核查。2021年4月6日，县政府成立评估组。",
            "2021-04-06",
        ),
        ("一、评估组组成\n牵头单位：县应急管理局\n成立时间：2021年4月6日\n", "2021-04-06"),
        ("2020年4月2日发生事故后，县政府要求评估组开展评估。", None),
        ("4月6日，评估组到现场开展核查。", None),
    ],
)
def test_established(sentence: str, date: str | None) -> None:
    """The day the group was set up, before the day it worked; never the day of the accident."""
    _, _, reading = _read(_TITLE + sentence + "\n")
    assert reading is not None
    assert reading.established == date


@pytest.mark.parametrize(
    ("sentence", "methods"),
    [
        (
            "评估组采取“听取汇报、现场抽查、查阅台账”等方式开展评估。",
            ("听取汇报", "现场抽查", "查阅台账"),
        ),
        (
            "评估组通过听取汇报、现场检查及调阅相关资料的方式开展评估。",
            ("听取汇报", "现场检查", "调阅相关资料"),
        ),
        ("评估组采用资料审查和现场走访相结合的方式开展评估。", ("资料审查", "现场走访")),
        ("企业采取班前会、张贴标语等方式加强教育。", ()),
        ("评估组开展了评估。", ()),
    ],
)
def test_methods(sentence: str, methods: tuple[str, ...]) -> None:
    """Ways of evaluating, not ways of anything else."""
    _, _, reading = _read(_TITLE + sentence + "\n")
    assert reading is not None
    assert reading.methods == methods


def test_values_are_stated_in_their_ranges() -> None:
    """Names are the text of their range; a list lies in the range of the whole list."""
    view, _, reading = _read(
        _TITLE + "2021年4月6日，由县应急局牵头，会同县公安局、县发改委等部门组成评估组，"
        "采取听取汇报、查阅资料等方式开展评估。\n"
    )
    assert reading is not None
    stated = {name: view.text[slice(*span)] for name, span in reading.sources.items()}
    assert stated == {
        "established": "2021年4月6日",
        "lead": "县应急局",
        "members": "县公安局、县发改委",
        "methods": "听取汇报、查阅资料",
    }


def test_a_reply_has_its_own_number_and_date() -> None:
    _, numbers, reading = _read(
        "北河县人民政府关于“4·2”事故调查报告的批复\n\n北政批〔2020〕18号\n\n县应急局：\n"
        "你局《请示》（北应急〔2020〕7号）收悉。同意。\n\n北河县人民政府\n2020年7月1日\n",
        "REP",
    )
    assert reading is not None and reading.reply_number is not None
    assert numbers[reading.reply_number].normal == "北政批〔2020〕18号"
    assert reading.reply_date == "2020-07-01"


@pytest.mark.parametrize("kind", ["INV", "PLAN", "SELF", "OTHER"])
def test_other_kinds_have_no_evaluation(kind: str) -> None:
    _, _, reading = _read(_TITLE + "由县应急管理局牵头成立评估组。\n", kind)
    assert reading is None


@given(
    st.text(
        "由县局牵头会同、，组成评估组采取听取汇报等方式2021年4月6日批复《》（）〔〕号。\n",
        max_size=300,
    )
)
def test_every_text_is_read(text: str) -> None:
    """No text fails, and every range lies in the text."""
    view, _, reading = _read(text)
    assert reading is not None
    assert all(0 <= a < b <= len(view.text) for a, b in reading.sources.values())


@pytest.mark.parametrize(
    "unit", ["评估组", "由", "牵头", "采取", "、", "等方式", "批复2021年4月6日"]
)
def test_time_is_linear_in_hostile_text(unit: str) -> None:
    builder = DocumentBuilder(b"", "x.txt", "text/plain")
    builder.add_block(unit * (100_000 // len(unit)))
    view = build_view(builder.build())
    outline = read_outline(view, "EVAL")
    begin = time.perf_counter()
    read_evaluation(view, outline, "EVAL", [])
    assert time.perf_counter() - begin < 1.5
