"""The checker refuses every value that its range does not state."""

from __future__ import annotations

from typing import Any

import pytest

from extractor import extract, verify
from extractor.document import Document, DocumentBuilder
from extractor.errors import GroundingError
from extractor.extraction import Extraction

REPORT = """永川安达化工有限公司“7·12”一般坍塌事故调查报告

2022年7月12日9时许，位于永川市东川县的永川安达化工有限公司发生一起坍塌事故，造成2人死亡，1人受伤，直接经济损失320万元。市政府以永府批复〔2022〕36号批复成立事故调查组。

一、对事故有关责任人员和责任单位的处理建议
1.张三，永川安达化工有限公司法定代表人，对事故发生负主要责任，建议由永川市应急管理局依据《安全生产法》第九十五条第（一）项，对其处上一年年收入40%的罚款。
2.永川安达化工有限公司，对事故发生负有责任，建议由永川市应急管理局对其处人民币肆拾万元罚款。
3.责成东川县人民政府向永川市人民政府作出书面检查。

二、事故防范和整改措施
（一）永川安达化工有限公司要于2022年12月31日前更换全部老化支架。
（二）东川县应急管理局要加强监督检查，每季度开展一次专项检查。
"""


def read() -> tuple[Document, Extraction]:
    builder = DocumentBuilder(REPORT.encode(), "报告.txt", "text/plain")
    for line in REPORT.split("\n"):
        builder.add_block(line)
    document = builder.build()
    return document, extract(document)


def test_a_good_result_passes() -> None:
    document, extraction = read()
    assert len(extraction.penalties) == 3
    assert len(extraction.measures) == 2
    assert extraction.accident is not None
    verify(document, extraction)


def corrupted(extraction: Extraction, layer: str, at: int, **change: Any) -> Extraction:
    """Return the result with one record of a layer changed."""
    records = list(getattr(extraction, layer))
    records[at] = records[at].model_copy(update=change)
    return extraction.model_copy(update={layer: records})


@pytest.mark.parametrize(
    ("layer", "at", "change"),
    [
        ("penalties", 0, {"income_percent": 50.0}),
        ("penalties", 0, {"kind": "party.expelled"}),
        ("penalties", 0, {"party": "p99"}),
        ("penalties", 0, {"organ": "东川县应急管理局"}),
        ("penalties", 0, {"end": 10**6}),
        ("penalties", 1, {"amount_yuan": 400001}),
        ("penalties", 1, {"amount_yuan": 400000, "sources": {}}),
        ("penalties", 2, {"recipient": "东川县人民政府"}),
        ("penalties", 1, {"kind": "no.such"}),
        ("penalties", 0, {"basis": ["安全生产法#96..1"]}),
        # words that the text holds, but not as the name of a law
        ("penalties", 0, {"basis": ["永川安#95..1"]}),
        ("parties", 0, {"name": "李四"}),
        ("parties", 0, {"title": "总经理"}),
        ("document_numbers", 0, {"normal": "永府批复〔2022〕37号"}),
        ("document_numbers", 0, {"normal": "永府批复〔2021〕36号"}),
        ("document_numbers", 0, {"raw": "永府批复〔2022〕36"}),
        ("measures", 0, {"actors": ["永川宏远公司"]}),
        ("measures", 0, {"start": 10**6, "end": 10**6 + 5}),
    ],
)
def test_a_changed_value_is_refused(layer: str, at: int, change: dict[str, Any]) -> None:
    document, extraction = read()
    with pytest.raises(GroundingError):
        verify(document, corrupted(extraction, layer, at, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"deaths": 3},
        {"injuries": 0},
        {"loss_yuan": 3_300_000},
        {"mark": "7·21"},
        {"date": "2022-07-13"},
        {"grade": "较大"},
        {"type": "爆炸"},
    ],
)
def test_a_changed_header_is_refused(change: dict[str, Any]) -> None:
    document, extraction = read()
    assert extraction.accident is not None
    accident = extraction.accident.model_copy(update=change)
    with pytest.raises(GroundingError):
        verify(document, extraction.model_copy(update={"accident": accident}))


def test_every_record_of_a_changed_document_is_refused() -> None:
    """The same result against another text does not pass."""
    _, extraction = read()
    builder = DocumentBuilder(b"x", "别的.txt", "text/plain")
    builder.add_block("别的文字，" * 400)
    with pytest.raises(GroundingError):
        verify(builder.build(), extraction)
