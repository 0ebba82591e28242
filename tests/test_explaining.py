"""Explanations: every record says its rule, its words, and where each field was taken from."""

from __future__ import annotations

from functools import cache

import pytest

from extractor import Document, Extraction, explain, extract, parse
from extractor.explaining import Explanation
from extractor.extraction import Measure, Penalty
from extractor.rules import load_toml
from extractor.view import squeeze
from tests.conftest import ROOT

STYLES = sorted((ROOT / "corpus" / "styles").glob("*.txt"))


@cache
def _read(name: str) -> tuple[Document, Extraction, tuple[Explanation, ...]]:
    path = ROOT / "corpus" / "styles" / name
    document = parse(path.read_bytes(), path.name)
    extraction = extract(document)
    return document, extraction, tuple(explain(document, extraction))


@pytest.mark.parametrize("name", [path.name for path in STYLES])
def test_every_record_is_explained_in_words(name: str) -> None:
    """Each record once, in order; a rule, flag or field without words of its own is an error."""
    _, extraction, explained = _read(name)
    lists = ("document_numbers", "penalties", "measures", "problems", "suggestions")
    wanted = [record.id for field in lists for record in getattr(extraction, field)]
    assert [each.id for each in explained if each.rule] == wanted
    flags = set(load_toml("explanations.toml")["flag"].values())
    for each in explained:
        assert each.rule is None or each.meaning, f"{each.id}: no words for {each.rule}"
        assert set(each.flags) <= flags, f"{each.id}: a flag without words"
        assert all(reason.label for reason in each.fields)


@pytest.mark.parametrize("name", [path.name for path in STYLES])
def test_every_field_with_a_value_has_a_reason(name: str) -> None:
    """Kind, party, stage, money, organ, actors and deadline are all accounted for."""
    _, extraction, explained = _read(name)
    reasons = {each.id: {reason.field for reason in each.fields} for each in explained}
    for penalty in extraction.penalties:
        assert set(_stated(penalty)) | {"kind", "party", "stage"} <= reasons[penalty.id]
    for measure in extraction.measures:
        actors = {f"actors[{index}]" for index in range(len(measure.actors))}
        assert actors | {"modality", "specificity"} <= reasons[measure.id]
        assert measure.deadline is None or "deadline" in reasons[measure.id]


def _stated(penalty: Penalty) -> list[str]:
    fields = ("amount_yuan", "income_percent", "term", "organ", "recipient", "basis")
    return [field for field in fields if getattr(penalty, field)]


@pytest.mark.parametrize("name", [path.name for path in STYLES])
def test_the_words_of_a_reason_are_those_of_the_text(name: str) -> None:
    """The quoted words are the text of the range, and for a name they are the name itself."""
    document, extraction, explained = _read(name)
    measures = {measure.id: measure for measure in extraction.measures}
    for each in explained:
        for reason in each.fields:
            if reason.span is not None:
                assert reason.words == document.text[reason.span.start : reason.span.end]
                if isinstance(measures.get(each.id), Measure) and reason.field.startswith("actors"):
                    assert squeeze(reason.words) == squeeze(reason.value)


REPORT = """青榆市禾山公司“4·18”高处坠落事故调查报告

五、对有关责任单位和责任人员的处理建议
（一）青榆市禾山建设有限公司，未落实安全生产主体责任，对事故负有责任。建议由青榆市应急管理局对该公司处35万元罚款。
（二）给予行政处罚的人员
1.白川，禾山公司项目经理，未履行安全管理职责。
"""


def test_an_explanation_tells_where_a_word_stands_for_a_name() -> None:
    """该公司 is quoted as it is printed; a name under 给予…人员 is explained by its heading."""
    document = parse(REPORT.encode(), "报告.txt")
    first, second = (each for each in explain(document, extract(document)) if each.id[0] == "k")
    assert first.rule == "penalty.reference"
    reference = next(reason for reason in first.fields if reason.field == "reference")
    assert (reference.words, reference.value) == ("该公司", "青榆市禾山建设有限公司")
    assert second.rule == "penalty.heading"
    kind = next(reason for reason in second.fields if reason.field == "kind")
    assert kind.words is not None and kind.words.startswith("给予行政处罚的人员")
    assert first.sureness is not None and 0 < first.sureness.value < 1
