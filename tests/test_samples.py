"""The shipped sample case: its files are what the sources say, the truth is in them, they score."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from corpus.build_samples import (
    EVALUATION,
    REPLY,
    REPORT,
    SAMPLES,
    build_docx,
    build_pdf,
    plain_text,
    read_source,
)
from corpus.evaluate import Outcome, check_folder, evaluate, total
from corpus.gold import Gold, load_gold
from corpus.scoring import ScoreLayer
from extractor import parse
from extractor.document import Document
from extractor.errors import MissingToolError

TRUTH = SAMPLES / "truth"
NUMBER_MARK = re.compile(r"^([一二三四五六七八九十]+、|（[一二三四五六七八九十]+）|\d+\.(?!\d))")


def _read(path: Path) -> Document:
    return parse(path.read_bytes(), path.name)


def _source_text(name: str) -> str:
    return plain_text(read_source(SAMPLES / "source" / f"{name}.md"))


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def truth() -> dict[str, Gold]:
    """The truth of the three documents, by kind."""
    return {file.gold.kind: file.gold for file in load_gold(TRUTH)}


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    """The scores of the three documents, read once."""
    return evaluate(TRUTH)


def test_the_word_file_is_the_one_its_source_builds() -> None:
    built = build_docx(read_source(SAMPLES / "source" / f"{REPORT}.md"))
    assert _members((SAMPLES / f"{REPORT}.docx").read_bytes()) == _members(built)


def test_the_word_file_is_the_same_bytes_on_every_run() -> None:
    source = read_source(SAMPLES / "source" / f"{REPORT}.md")
    assert build_docx(source) == build_docx(source)


def test_word_counts_the_numbers_itself() -> None:
    xml = _members((SAMPLES / f"{REPORT}.docx").read_bytes())["word/document.xml"].decode()
    paragraphs = ["".join(re.findall(r"<w:t[^>]*>([^<]*)</w:t>", p)) for p in xml.split("</w:p>")]
    assert not [text for text in paragraphs if NUMBER_MARK.match(text)]
    assert xml.count("<w:numPr>") + xml.count('w:val="Heading') > 50


@pytest.mark.parametrize("name", [f"{REPORT}.docx", f"{REPLY}.pdf"])
def test_the_text_is_that_of_the_source(name: str) -> None:
    assert _read(SAMPLES / name).text == _source_text(name.partition(".")[0])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(f"{REPORT}.docx", "header", id="Word: header"),
        pytest.param(f"{REPORT}.docx", "footer", id="Word: footer"),
        pytest.param(f"{REPLY}.pdf", "running_head", id="PDF: running head"),
        pytest.param(f"{REPLY}.pdf", "page_number", id="PDF: page numbers"),
    ],
)
def test_page_furniture_is_kept_apart_from_the_text(name: str, kind: str) -> None:
    document = _read(SAMPLES / name)
    assert kind in {item.kind for item in document.furniture}
    assert "— 1 —" not in document.text


def test_the_samples_are_read_whole_and_without_warnings() -> None:
    for name in (f"{REPORT}.docx", f"{REPLY}.pdf", f"{EVALUATION}.txt"):
        document = _read(SAMPLES / name)
        assert (document.status, document.warnings) == ("complete", ()), name


@pytest.mark.slow
def test_the_pdf_says_what_its_source_says() -> None:
    try:
        pdf = build_pdf(read_source(SAMPLES / "source" / f"{REPLY}.md"))
    except MissingToolError:
        pytest.skip("没有安装 LibreOffice")
    shipped = _read(SAMPLES / f"{REPLY}.pdf")
    assert "".join(parse(pdf, f"{REPLY}.pdf").text.split()) == "".join(shipped.text.split())
    assert b"/CreationDate(D:20230110000000Z)" in pdf


def test_every_quote_of_the_truth_is_in_the_parsed_text() -> None:
    assert check_folder(TRUTH) == []


def test_the_loss_table_adds_up() -> None:
    tables = [p for p in read_source(SAMPLES / "source" / f"{REPORT}.md").parts if p.rows]
    *items, (_, _, sum_of_all) = tables[-1].rows[1:]
    assert sum(round(float(row[2]) * 100) for row in items) == round(float(sum_of_all) * 100)


def test_the_documents_agree_on_the_accident(truth: dict[str, Gold]) -> None:
    assert truth["INV"].accident == truth["REP"].accident == truth["EVAL"].accident


def test_the_documents_agree_on_who_was_sanctioned(truth: dict[str, Gold]) -> None:
    dead = {p.party for p in truth["INV"].penalties if p.kind == "none.dead"}
    proposed = {p.party for p in truth["INV"].penalties}
    assert proposed - dead == {p.party for p in truth["EVAL"].penalties}


def test_one_fine_was_written_wrong_on_purpose(truth: dict[str, Gold]) -> None:
    def fines(kind: str) -> dict[str, int | None]:
        organizations = (p for p in truth[kind].penalties if p.party_kind == "org")
        return {p.party: p.amount_yuan for p in organizations if p.kind == "admin.fine"}

    wrong = {party for party, amount in fines("INV").items() if fines("EVAL")[party] != amount}
    assert wrong == {"正衡监理公司"}


@pytest.mark.parametrize(
    ("layer", "least"),
    [
        ("document_numbers", 1.0),
        ("penalties.strict", 0.8),
        ("penalties.relaxed", 0.82),
        ("penalties.stage", 0.93),
        ("penalties.organ", 0.9),
        ("penalties.basis", 0.95),
        ("measures", 0.9),
        ("measures.actors", 0.88),
        ("problems", 1.0),
        ("suggestions", 1.0),
        ("accident", 1.0),
    ],
)
def test_the_samples_score_at_least(
    outcomes: list[Outcome], layer: ScoreLayer, least: float
) -> None:
    score = total(outcomes)
    errors = [fault.what for fault in score.faults if fault.layer == layer]
    assert score.tallies[layer].f1 >= least, errors


def test_the_kind_of_every_sample_is_known(outcomes: list[Outcome]) -> None:
    assert [outcome.id for outcome in outcomes if not outcome.is_kind_right] == []
