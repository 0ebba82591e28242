"""Taggers: the protocol, the one that finds nothing, and saved spaCy pipelines."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import Mention, NoTagger, Tagger, TaggerError, load_tagger
from models.spacy_tagger import CHUNK, UNMEASURED

PATTERNS = [
    {"label": "PER", "pattern": "赵远山"},
    {"label": "ORG", "pattern": "云溪县应急管理局"},
    {"label": "GPE", "pattern": "云溪县"},
    {"label": "PRODUCT", "pattern": "塔吊"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spaCy pipeline of character tokens and four written rules, as a user would save it."""
    spacy = pytest.importorskip("spacy", reason="没有安装 spaCy")
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": {"segmenter": "char"}}})
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)
    nlp.meta["name"] = "ruler"
    nlp.meta["performance"] = {"ents_per_type": {"PER": {"p": 0.9, "r": 0.8, "f": 0.85}}}
    nlp.to_disk(tmp_path / "识别 模型")
    return tmp_path / "识别 模型"


@given(st.text())
def test_no_tagger_finds_nothing(text: str) -> None:
    assert list(load_tagger("none").tag(text)) == []


@pytest.mark.parametrize(
    ("start", "end", "label", "score"),
    [
        pytest.param(3, 3, "PERSON", 1.0, id="an empty range is no mention"),
        pytest.param(-1, 3, "PERSON", 1.0, id="a range begins in the text"),
        pytest.param(0, 3, "PER", 1.0, id="a label of another scheme"),
        pytest.param(0, 3, "PERSON", 1.1, id="a score is a probability"),
    ],
)
def test_mention_refuses(start: int, end: int, label: str, score: float) -> None:
    with pytest.raises(ValueError, match=r"无效|分值"):
        Mention(start, end, label, score)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "code", "says"),
    [
        pytest.param(False, "tagger_missing", "没有找到", id="no such folder"),
        pytest.param(True, "tagger_invalid", "config.cfg", id="a folder that is no pipeline"),
    ],
)
def test_load_says_what_is_wrong(tmp_path: Path, made: bool, code: str, says: str) -> None:
    folder = tmp_path / "模型"
    if made:
        folder.mkdir()
    with pytest.raises(TaggerError, match=says) as caught:
        load_tagger(folder)
    assert caught.value.code == code
    assert str(folder) in caught.value.message


def test_missing_spacy_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.cfg").write_text("", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "spacy", None)
    tagger = load_tagger(tmp_path)
    with pytest.raises(TaggerError, match=r"hecha\[models\]") as caught:
        tagger.tag("云溪县")
    assert caught.value.code == "tool_missing"


@pytest.mark.models
def test_a_damaged_pipeline_is_an_error_of_ours(folder: Path) -> None:
    (folder / "config.cfg").write_text("[nlp]\nlang = 1\n", encoding="utf-8")
    with pytest.raises(TaggerError, match="无法载入") as caught:
        load_tagger(folder).tag("云溪县")
    assert caught.value.code == "tagger_invalid"


@pytest.mark.models
def test_spacy_mentions_are_exact_and_mapped(folder: Path) -> None:
    text = "云溪县应急管理局赵远山检查塔吊。"
    tagger: Tagger = load_tagger(folder)
    found = [(text[m.start : m.end], m.label, m.score) for m in tagger.tag(text)]
    assert found == [("云溪县应急管理局", "ORG", UNMEASURED), ("赵远山", "PERSON", 0.9)]
    assert tagger.name == "spacy:ruler@0.0.0"


@pytest.mark.models
@pytest.mark.parametrize("end", ["\n", "。"], ids=["cut at line ends", "one endless line"])
def test_long_texts_keep_their_offsets(folder: Path, end: str) -> None:
    text = f"某日，{'检查' * 20}赵远山到场{end}" * (3 * CHUNK // 50)
    mentions = load_tagger(folder).tag(text)
    assert {text[m.start : m.end] for m in mentions} == {"赵远山"}
    # A hard cut in an endless line may fall inside a name; a line end never does.
    lost = text.count("赵远山") - len(mentions)
    assert lost == 0 if end == "\n" else lost <= len(text) // CHUNK


def test_fakes_satisfy_the_protocol() -> None:
    tagger: Tagger = NoTagger()
    assert tagger.name == "none"
