"""Kind, title, own number, issuer and date of a document, by constructed heads."""

from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.document import Document, DocumentBuilder
from extractor.reading.citations import find_document_numbers
from extractor.reading.kinds import kind_of_title, read_front, read_kind
from extractor.view import View, build_view, squeeze

_FOLDER = Path(__file__).parent / "data" / "cases"
CASES = [
    case
    for name in ("kinds", "archive")
    for case in tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))["case"]
]


def _document(text: str) -> tuple[Document, View]:
    builder = DocumentBuilder(text.encode(), "x.txt", "text/plain")
    for line in text.split("\n"):
        builder.add_block(line)
    document = builder.build()
    return document, build_view(document)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["proves"])
def test_kind_and_title(case: dict[str, str]) -> None:
    document, view = _document(case["text"])
    reading = read_kind(view, document)
    assert reading.kind == case["kind"], reading
    if "title" in case:
        assert (reading.title or "") == case["title"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["proves"])
def test_front(case: dict[str, str]) -> None:
    document, view = _document(case["text"])
    numbers = find_document_numbers(view)
    front = read_front(view, document, read_kind(view, document), numbers)
    own = numbers[front.number].normal if front.number is not None else ""
    got = {"number": own, "issuer": front.issuer or "", "date": front.date or ""}
    assert got == {name: case.get(name, value) for name, value in got.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["proves"])
def test_title_and_issuer_are_stated_in_their_ranges(case: dict[str, str]) -> None:
    document, view = _document(case["text"])
    reading = read_kind(view, document)
    front = read_front(view, document, reading, [])
    for value, span in (
        (reading.title, reading.title_span),
        (front.issuer, front.sources.get("issuer")),
    ):
        if value is not None:
            assert span is not None
            assert squeeze(value) == squeeze(document.quote(view.span(*span)))


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("东川区人民政府关于同意华鼎建设有限公司“4·2”事故结案的批复", "REP"),
        ("关于“4·2”高处坠落事故整改措施落实情况评估报告的批复", "REP"),
        ("关于转发《关于“4·2”事故情况的通报》的通知", "NOTICE"),
        ("关于印发《“4·2”高处坠落事故调查报告》的通知", "INV"),
        ("关于公布“4·2”高处坠落事故调查报告的公告", "INV"),
        ("东川区“4·2”高处坠落事故调查报告的公示", "INV"),
        ("东川区“4·2”高处坠落事故调查报告全文", "INV"),
        ("《东川区“4·2”高处坠落事故调查报告》", "INV"),
        ("生产安全事故报告和调查处理条例", "RULE"),
        ("北河县生产安全事故应急预案", "PLAN"),
        ("关于2021年安全生产工作要点的通知", "NOTICE"),
        ("应急管理行政执法规定", "RULE"),
        ("不起诉决定书", "OTHER"),
        ("行政处罚告知书", "PEN"),
        ("关于进一步加强安全生产工作的意见", "OTHER"),
        ("事故查处挂牌督办通知书", "SUPV"),
        ("北河县安全生产专项整治三年行动计划", "PLAN"),
        ("整改情况报告", "SELF"),
        ("今天天气很好", None),
    ],
)
def test_kind_of_title(title: str, kind: str | None) -> None:
    """The last document word decides; a carrier of a report is the report, of a plan a notice."""
    assert kind_of_title(title)[0] == kind


def test_nothing_is_read_from_nothing() -> None:
    document, view = _document("\n\n")
    reading = read_kind(view, document)
    assert (reading.kind, reading.title) == ("OTHER", None)
    assert read_front(view, document, reading, []).sources == {}


def test_measured_documents(gold: Path) -> None:
    """Every measured document has its kind, and every unlabelled one is an investigation report."""
    wrong = {}
    for path in sorted(gold.glob("*/*.txt")):
        truth = path.with_suffix(".json")
        want = json.loads(truth.read_text("utf-8"))["kind"] if truth.exists() else "INV"
        document, view = _document(path.read_text("utf-8"))
        got = read_kind(view, document).kind
        if got != want:
            wrong[path.stem] = (want, got)
    assert wrong == {}


@given(st.text("关于印发《》“”事故调查报告的通知批复。，：\n一二、0123456789〔〕号 ", max_size=300))
def test_every_text_is_read(text: str) -> None:
    """No text fails, and a title is always the text of its range."""
    document, view = _document(text)
    reading = read_kind(view, document)
    if reading.title is not None and reading.title_span is not None:
        assert squeeze(reading.title) == squeeze(document.quote(view.span(*reading.title_span)))
    read_front(view, document, reading, [])


@pytest.mark.parametrize(
    "unit",
    [
        "关于《",
        "一、",
        "（",
        "“7·12”",
        "报告\n",
        "评估组",
        "关于印发",
        "事故调查报告\n",
        "。",
        "现对事故",
        "现呈请",
        "建议由甲方",
        "个别企业",
        "第一条\n",
        "通报如下",
        "罚〔2020〕",
    ],
)
def test_time_is_linear_in_hostile_text(unit: str) -> None:
    """A hundred thousand characters of one pattern take well under a second."""
    document, view = _document(unit * (100_000 // len(unit)))
    begin = time.perf_counter()
    read_front(view, document, read_kind(view, document), [])
    assert time.perf_counter() - begin < 1.5
