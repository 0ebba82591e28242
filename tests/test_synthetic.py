"""The generator of synthetic documents: exact truth, repeatable, families that never cross."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from api.cli import app
from corpus.gold import Gold, Layer, check_gold, load_gold, locate
from corpus.printed import printed_numbers
from corpus.synthetic import SPLITS, Split, Synthetic, synthesize, synthesize_many, write_folder
from corpus.synthetic.cast import Cast, People
from corpus.synthetic.chance import Chance
from corpus.synthetic.doc_codes import Coder
from corpus.synthetic.grammar import Grammar, Row, deal, make_row, parse_row, tables, word_lists
from corpus.synthetic.incident import happen
from corpus.synthetic.kinds_of import kinds
from corpus.synthetic.legal import law_rows
from corpus.synthetic.noise import Written, spoil
from corpus.synthetic.scribe import Scribe, Sentence, Span
from corpus.synthetic.speaker import Speaker
from corpus.synthetic.spelling import article, chinese, money
from extractor.reading.numerals import parse_chinese_integer
from extractor.reading.values import find_amounts
from extractor.rules import penalty_families
from tests.conftest import ROOT

LAYERS: tuple[Layer, ...] = ("measures", "problems", "suggestions")
LABELS = {"PERSON", "ORG", "ORGAN", "TITLE", "ROLE", "CUE", "AMOUNT"}
SEEDS = st.integers(min_value=0, max_value=10**6)


def run(*args: object) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(app, [str(arg) for arg in args])


def _han(text: str) -> str:
    return "".join(re.findall(r"[\u4e00-\u9fff]+", text))


@pytest.fixture(scope="module")
def sample() -> list[Synthetic]:
    """Clean documents of all kinds and splits."""
    return list(synthesize_many(90, 1))


# The truth


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, noise=st.sampled_from((0.0, 0.5, 1.0)), split=st.sampled_from(SPLITS))
def test_truth_is_stated_by_the_text(seed: int, noise: float, split: Split) -> None:
    made = synthesize(0, seed, noise, split)
    assert check_gold(made.gold, made.text) == []
    for layer in LAYERS:
        after = 0
        for record in made.gold.ranges(layer):
            place = locate(made.text, record, after)
            assert place is not None
            assert place[0] >= after
            after = place[1]


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, noise=st.sampled_from((0.0, 1.0)))
def test_examples_hold_their_spans(seed: int, noise: float) -> None:
    made = synthesize(0, seed, noise)
    people = {p.party for p in made.gold.penalties if p.party_kind == "person"}
    found = set()
    for example in made.examples:
        assert example["text"] in made.text
        at = 0
        for start, end, label in example["spans"]:
            assert at <= start < end <= len(example["text"])
            assert label in LABELS
            at = end
            if label == "PERSON":
                found.add(example["text"][start:end])
    assert people <= found


def test_amounts_are_printed_in_the_quote(sample: list[Synthetic]) -> None:
    """Read by the plainest reading there is, not by the one that wrote or extracts them."""
    wrong = []
    for made in sample:
        for penalty in made.gold.penalties:
            for value in (penalty.amount_yuan, penalty.income_percent):
                if value is not None and Decimal(str(value)) not in printed_numbers(penalty.quote):
                    wrong.append((penalty.quote, value))
    assert len([p for made in sample for p in made.gold.penalties if p.amount_yuan]) > 50
    assert wrong == []


def test_traps_state_no_sanction(sample: list[Synthetic]) -> None:
    for made in sample:
        for example in made.examples:
            if example["family"].startswith("trap."):
                assert not any(label == "CUE" for _, _, label in example["spans"])
    many = synthesize_many(250, 2)
    quiet = [made for made in many if made.gold.kind in ("CIRC", "PLAN", "MEDIA")]
    assert any(re.search("罚款|吊销|停产|立案", made.text) for made in quiet)
    assert all(made.gold.penalties == () for made in quiet)


@pytest.mark.slow
@pytest.mark.parametrize("split", SPLITS)
def test_every_kind_and_every_row_comes_up(split: Split) -> None:
    seen: Counter[str] = Counter()
    families: set[str] = set()
    for made in synthesize_many(600, 4, split=split):
        seen.update(penalty.kind for penalty in made.gold.penalties)
        families |= {example["family"] for example in made.examples}
    assert set(penalty_families()) - set(seen) == set()
    own = set(Grammar(split).families())
    assert families <= own
    sentences = ("head.", "frame.", "outcome.", "measure.", "trap.", "eval.", "rep.", "pen.")
    whole = {family for family in own if family.startswith(sentences)}
    parts = ("frame.pair/", "measure.lead/")
    dead = {family for family in whole - families if not family.startswith(parts)}
    assert dead == set()


def test_all_kinds_have_rows() -> None:
    """Every code of the list of kinds can be stated."""
    assert {kind.code for kind in kinds().values()} == set(penalty_families())
    for kind in kinds().values():
        table = f"{'fact' if kind.organ == 'fact' else 'sanction'}.{kind.name}"
        assert len(tables()[table]) >= len(SPLITS)


# The same again


def test_same_seed_same_bytes_in_another_process(tmp_path: Path) -> None:
    """No order of a set and no hash of a string decides anything."""
    code = (
        "from pathlib import Path; import sys; from corpus.synthetic import *;"
        "write_folder(Path(sys.argv[1]), synthesize_many(12, 9, 0.5))"
    )
    for name in ("1", "2"):
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", code, str(tmp_path / name)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": name},
            check=True,
        )
    files = sorted(path.name for path in (tmp_path / "1").iterdir())
    assert len(files) == 25
    for name in files:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_documents_do_not_depend_on_how_many_there_are() -> None:
    assert list(synthesize_many(5, 3)) == list(synthesize_many(9, 3))[:5]
    assert synthesize(3, 1).text != synthesize(3, 2).text


# Families


def test_no_family_is_in_two_splits() -> None:
    families = [set(Grammar(split).families()) for split in SPLITS]
    assert sum(map(len, families)) == len(set().union(*families))
    assert sum(map(len, families)) == sum(map(len, tables().values())) > 900


def test_a_document_draws_on_one_split(sample: list[Synthetic]) -> None:
    assert {made.split for made in sample} == set(SPLITS)
    own = {split: set(Grammar(split).families()) for split in SPLITS}
    for made in sample:
        assert {example["split"] for example in made.examples} == {made.split}
        assert {example["family"] for example in made.examples} <= own[made.split]


def test_same_words_are_one_family_wherever_they_stand() -> None:
    rows = tuple(make_row("t", "measure", words) for words in "甲乙丙丁戊己庚辛")
    one, other = deal(rows), deal(rows[::-1])
    assert {s: set(one[s]) for s in SPLITS} == {s: set(other[s]) for s in SPLITS}


@pytest.mark.parametrize(
    "rows",
    [(), ("甲", "乙"), ("甲", "乙", "甲", "丙")],
    ids=["none", "too few to split", "one twice"],
)
def test_tables_that_cannot_be_dealt(rows: tuple[str, ...]) -> None:
    made: tuple[Row, ...] = tuple(make_row("t", "measure", words) for words in rows)
    with pytest.raises(ValueError, match="至少要三行"):
        deal(made)


@pytest.mark.parametrize("text", ["(甲|乙", "甲)", "{甲", "[甲", "甲]乙", "甲|乙", "甲}"])
def test_rows_with_brackets_left_open(text: str) -> None:
    with pytest.raises(ValueError, match="括号"):
        parse_row(text)


def test_a_slot_that_nobody_fills_is_an_error() -> None:
    speaker = _speaker()
    with pytest.raises(ValueError, match="没有“没听说过”这个空"):
        speaker.say_words("{没听说过}")
    with pytest.raises(ValueError, match="只能用在措施"):
        speaker.say_words("{A}要整改。")


def _speaker() -> Speaker:
    chance = Chance("speaker")
    coder = Coder(chance, "石棠县", 0, is_old=False)
    return Speaker(chance, Grammar("train"), happen(chance), Scribe(), coder)


def test_choices_slots_and_labels_are_written() -> None:
    speaker = _speaker()
    speaker.say_words("(甲|乙)由{TITLE=局长}[给予{w}警告]", {"w": lambda _: None})
    assert re.fullmatch("[甲乙]由局长给予警告", speaker.scribe.text)
    assert [(s.start, s.end, s.label) for s in speaker.scribe.labelled()] == [
        (2, 4, "TITLE"),
        (4, 8, "CUE"),
    ]


# Names


def test_no_name_is_that_of_somebody_well_known() -> None:
    blocked = set(word_lists()["blocked_names"])
    names = [name for seed in range(400) for name in _names(seed)]
    assert len(names) == 400 * 20
    assert blocked & set(names) == set()
    assert len(blocked) > 100


def _names(seed: int) -> Iterator[str]:
    people = People(Chance("people", seed))
    return (people.name() for _ in range(20))


def test_names_are_of_every_sort() -> None:
    names = [name for seed in range(200) for name in _names(seed)]
    compound = word_lists()["compound_surnames"]
    for what, pattern in {
        "minority": "·",
        "masked 某": "某",
        "masked *": r"\*",
        "masked ×": "×",
        "masked X": "X",
        "masked 甲": "某[甲乙丙丁]",
        "letter": "[\u4e00-\u9fff][A-H]$",
        "compound": "^(" + "|".join(compound) + ")",
        "rare surname": "^[邸亓蔺仝郗厍昝鄢]",
        "rare given": "[垚淼犇翀旻]",
    }.items():
        assert any(re.search(pattern, name) for name in names), what


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS)
def test_no_name_of_a_document_holds_another(seed: int) -> None:
    names = list(_names(seed))
    assert not any(a != b and a in b for a in names for b in names)


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS)
def test_companies_are_of_an_invented_place(seed: int) -> None:
    """A brand may exist somewhere; with an invented place before it, the company does not."""
    chance = Chance("company", seed)
    cast = Cast(chance, happen(chance).day)
    company = cast.company("建筑工程")
    places = (*word_lists()["cities"], *word_lists()["counties"])
    assert any(company.full.startswith(place[:-1]) for place in places)
    assert bool(company.alias) != bool(cast.people.company_mask)
    assert set(company.alias.removesuffix("公司")) <= set(company.full)


def test_word_lists_hold_nothing_twice() -> None:
    for name in ("cities", "counties", "towns", "villages", "crimes", "campaigns"):
        words = word_lists()[name]
        doubled = [word for word, count in Counter(words).items() if count > 1]
        assert name == "crimes" or doubled == []


# Figures and law


@given(st.integers(min_value=1, max_value=99_999_999))
def test_chinese_numerals_are_read_back(number: int) -> None:
    assert parse_chinese_integer(chinese(number)) == number
    assert parse_chinese_integer(chinese(number, capital=True)) == number


@given(st.integers(min_value=1, max_value=9_999_999), SEEDS)
def test_money_states_exactly_the_amount(yuan: int, seed: int) -> None:
    words = money(Chance("money", seed), yuan)
    assert {amount.yuan for amount in find_amounts(f"处{words}罚款")} == {yuan}


@pytest.mark.parametrize(
    ("number", "forms"),
    [
        ("114.1.2", {"第一百一十四条第一款第（二）项", "第一百一十四条第一款第二项"}),
        ("95..1", {"第九十五条第（一）项", "第九十五条第一项"}),
        ("44", {"第四十四条"}),
    ],
)
def test_articles_are_printed_with_their_parts(number: str, forms: set[str]) -> None:
    printed = {article(Chance("article", seed), number) for seed in range(60)}
    assert forms <= printed
    assert all(words.startswith("第") for words in printed)


def test_laws_have_a_day_and_an_article() -> None:
    for row in law_rows():
        assert row["printed"].startswith("《")
        assert row["normal"] in row["printed"]
        assert row["articles"]
        assert row["about"]


# Noise


def _written(number: int) -> Written:
    made = synthesize(number, 6)
    spans, sentences, at = [], [], 0
    for example in made.examples:
        start = made.text.index(example["text"], at)
        at = start
        sentences.append(
            Sentence(start, start + len(example["text"]), example["role"], example["family"])
        )
        spans += [Span(start + a, start + b, label) for a, b, label in example["spans"]]
    return Written(made.text, made.gold, tuple(spans), tuple(sentences))


def _values(gold: Gold) -> list[tuple[object, ...]]:
    return [
        (_han(p.party), p.kind, p.stage, p.amount_yuan, p.income_percent, p.basis, p.count)
        for p in gold.penalties
    ]


@settings(deadline=None, max_examples=40)
@given(number=st.integers(min_value=0, max_value=300), seed=SEEDS)
def test_noise_keeps_the_truth(number: int, seed: int) -> None:
    clean = _written(number)
    spoilt = spoil(clean, Chance("noise", seed))
    assert check_gold(spoilt.gold, spoilt.text) == []
    assert _values(spoilt.gold) == _values(clean.gold)
    assert spoilt.gold.document_numbers == clean.gold.document_numbers
    assert len(spoilt.spans) == len(clean.spans)
    for before, after in zip(clean.spans, spoilt.spans, strict=True):
        if before.label in ("PERSON", "TITLE"):
            was = clean.text[before.start : before.end]
            assert _han(spoilt.text[after.start : after.end]) == _han(was)


def test_noise_spoils_the_share_it_is_asked_for() -> None:
    """Half-width stops, lost brackets, hard breaks: seen in noisy documents, not in clean ones."""
    pattern = re.compile(
        r"[\u4e00-\u9fff],[\u4e00-\u9fff]|〔\d{5,}号|[\u4e00-\u9fff] [\u4e00-\u9fff]"
    )
    clean = sum(bool(pattern.search(made.text)) for made in synthesize_many(40, 2, 0))
    noisy = sum(bool(pattern.search(made.text)) for made in synthesize_many(40, 2, 1))
    assert clean == 0
    assert noisy > 12


@settings(max_examples=60)
@given(seed=SEEDS, noise=st.sampled_from((0.0, 1.0)), count=st.integers(1, 4))
def test_document_numbers_keep_their_normal_form(seed: int, noise: float, count: int) -> None:
    coder = Coder(Chance("code", seed), "石棠县", noise, is_old=False)
    for family in ("gov", "safety", "bureau", "penalty", "police", "charge", "discipline", "upper"):
        numbers = coder.make(family, 2021, count)
        assert len(set(numbers.normal)) == count
        assert all(re.fullmatch(r"\D+〔2021〕\S*?\d+号", normal) for normal in numbers.normal)
    assert re.fullmatch(r"（2021）石\d{4}刑初\d+号", coder.make("court", 2021).normal[0])


# Files and the command


def test_a_folder_is_gold_with_examples(tmp_path: Path) -> None:
    assert write_folder(tmp_path / "out", synthesize_many(6, 8)) == 6
    files = load_gold(tmp_path / "out")
    assert len(files) == 6
    for file in files:
        assert check_gold(file.gold, file.document.read_text(encoding="utf-8")) == []
    lines = (tmp_path / "out" / "examples.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 60


def test_command_writes_and_tells(tmp_path: Path) -> None:
    folder = tmp_path / "新的"
    done = run("synthesize", folder, "--documents", 3, "--seed", 5, "--split", "test")
    assert done.exit_code == 0
    assert f"已写入 {folder}：3 份文书" in done.stderr
    assert {path.stem.split("-")[1] for path in folder.glob("*.json")} == {"test"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--split", "deb"), "--split 没有“deb”，可用：train、dev、test、all"),
        (("--documents", 0), "--documents"),
        (("--noise", 2), "--noise"),
    ],
)
def test_command_used_wrongly(tmp_path: Path, options: tuple[object, ...], says: str) -> None:
    done = run("synthesize", tmp_path / "新的", *options)
    assert done.exit_code == 2
    assert says in done.stderr
    assert not (tmp_path / "新的").exists()


def test_command_leaves_a_full_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "我的.txt").write_text("", encoding="utf-8")
    done = run("synthesize", tmp_path)
    assert done.exit_code == 2
    assert "已有文件" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["我的.txt"]


def test_command_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "文件").write_text("", encoding="utf-8")
    done = run("synthesize", tmp_path / "文件")
    assert done.exit_code == 1
    assert "[write_failed]" in done.stderr
