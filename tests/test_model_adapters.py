"""Taggers with their libraries: jieba, saved spaCy pipelines, saved transformers models.

The models are made here, with weights or rules that fix what they find. Nothing may use a network.
"""

from __future__ import annotations

import json
import re
import socket
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.gold import load_gold
from extractor import parse
from models import JiebaTagger, Tagger, TaggerError, load_tagger
from models.adapting import CHUNK, UNMEASURED
from models.jieba_names import PERSON_SCORE
from models.transformers_tagger import TransformersTagger
from tests.conftest import ROOT

pytestmark = pytest.mark.models

NAMES = {"赵": "B-PER", "远": "I-PER", "山": "I-PER", "云": "B-ORG", "溪": "I-ORG", "县": "I-ORG"}
OTHERS = "到场检查。，a1"
TAGS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
POSITIONS = 16


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail at the first name that is looked up and the first connection that is made."""

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise AssertionError(f"network: {args}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def _found(tagger: Tagger, text: str) -> list[tuple[str, str]]:
    return [(text[m.start : m.end], m.label) for m in tagger.tag(text)]


# jieba


@pytest.fixture(scope="module")
def jieba_tagger() -> Tagger:
    pytest.importorskip("jieba", reason="没有安装 jieba")
    return load_tagger("jieba")


def test_jieba_names_itself_with_its_version(jieba_tagger: Tagger) -> None:
    assert re.fullmatch(r"jieba:\d+\.\d+(\.\d+)?", jieba_tagger.name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "建议给予副局长蒋伯钧政务警告处分。", [("蒋伯钧", "PERSON")], id="between two words"
        ),
        pytest.param(
            "潘某某、鲁某甲、吴**被刑事拘留。",
            [("潘某某", "PERSON"), ("鲁某甲", "PERSON"), ("吴**", "PERSON")],
            id="masked names",
        ),
        pytest.param("叶尔兰·巴合提，男。", [("叶尔兰·巴合提", "PERSON")], id="a dotted name"),
        pytest.param(
            "吊销安全生产许可证，严格执行通知书。", [], id="words that jieba takes for names"
        ),
        pytest.param(
            "责成岚溪市应急管理局查处。", [("岚溪市应急管理局", "ORG")], id="a department"
        ),
        pytest.param("2023年3月10日，罚款30万元。", [], id="times and numbers are left out"),
    ],
)
def test_jieba_finds(jieba_tagger: Tagger, text: str, expected: list[tuple[str, str]]) -> None:
    assert _found(jieba_tagger, text) == expected


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]) | st.sampled_from("赵某*·山市局\n"))
)
def test_jieba_ranges_are_in_order_and_in_the_text(jieba_tagger: Tagger, text: str) -> None:
    reached = 0
    for mention in jieba_tagger.tag(text):
        assert reached <= mention.start < mention.end <= len(text)
        reached = mention.end


def test_jieba_score_is_what_the_sample_case_supports(jieba_tagger: Tagger) -> None:
    right = found = 0
    for file in load_gold(ROOT / "corpus" / "samples" / "truth"):
        text = parse(file.document.read_bytes(), file.document.name).text
        persons = {p.party for p in file.gold.penalties if p.party_kind == "person"}
        proposed = {name for name, label in _found(jieba_tagger, text) if label == "PERSON"}
        right += len(proposed & persons)
        found += len(proposed)
    assert found >= 20
    assert (right + 1) / (found + 2) == pytest.approx(PERSON_SCORE, abs=0.005)
    scores = {m.label: m.score for m in jieba_tagger.tag("岚溪市召开会议，郎振东参加。")}
    assert scores == {"PLACE": UNMEASURED, "PERSON": PERSON_SCORE}


def test_jieba_leaves_no_file_no_note_and_no_word_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("jieba", reason="没有安装 jieba")
    posseg = pytest.importorskip("jieba.posseg")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert JiebaTagger().tag("县应急管理局局长蒋伯钧") != []
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    assert "应急管理局" not in posseg.dt.word_tag_tab


@pytest.mark.parametrize(
    "unit",
    [
        pytest.param("赵", id="one surname for ever"),
        pytest.param("艾力·", id="a dotted name without an end"),
        pytest.param("潘某", id="masks without an end"),
        pytest.param("县", id="an ending for ever"),
        pytest.param("x1", id="letters and digits"),
    ],
)
def test_jieba_time_grows_with_the_text(jieba_tagger: Tagger, unit: str) -> None:
    begun = time.perf_counter()
    jieba_tagger.tag(unit * (20_000 // len(unit)))
    assert time.perf_counter() - begun < 10


# spaCy

PATTERNS = [
    {"label": "PER", "pattern": "赵远山"},
    {"label": "ORG", "pattern": "云溪县应急管理局"},
    {"label": "GPE", "pattern": "云溪县"},
    {"label": "PRODUCT", "pattern": "塔吊"},
]


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """A spaCy pipeline of character tokens and four written rules, as a user would save it."""
    spacy = pytest.importorskip("spacy", reason="没有安装 spaCy")
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": {"segmenter": "char"}}})
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)
    nlp.meta["name"] = "ruler"
    nlp.meta["performance"] = {"ents_per_type": {"PER": {"p": 0.9, "r": 0.8, "f": 0.85}}}
    nlp.to_disk(tmp_path / "识别 模型")
    return tmp_path / "识别 模型"


def test_a_damaged_pipeline_is_an_error_of_ours(pipeline: Path) -> None:
    (pipeline / "config.cfg").write_text("[nlp]\nlang = 1\n", encoding="utf-8")
    with pytest.raises(TaggerError, match="无法载入") as caught:
        load_tagger(pipeline).tag("云溪县")
    assert caught.value.code == "tagger_invalid"


def test_spacy_mentions_are_exact_and_mapped(pipeline: Path) -> None:
    text = "云溪县应急管理局赵远山检查塔吊。"
    tagger: Tagger = load_tagger(pipeline)
    found = [(text[m.start : m.end], m.label, m.score) for m in tagger.tag(text)]
    assert found == [("云溪县应急管理局", "ORG", UNMEASURED), ("赵远山", "PERSON", 0.9)]
    assert tagger.name == "spacy:ruler@0.0.0"


@pytest.mark.parametrize("end", ["\n", "。"], ids=["cut at line ends", "cut at full stops"])
def test_spacy_keeps_its_offsets_in_long_texts(pipeline: Path, end: str) -> None:
    text = f"某日，{'检查' * 20}赵远山到场{end}" * (3 * CHUNK // 50)
    mentions = load_tagger(pipeline).tag(text)
    assert {text[m.start : m.end] for m in mentions} == {"赵远山"}
    assert len(mentions) == text.count("赵远山")


# transformers


def save_model(folder: Path, vocabulary: dict[str, str], tags: list[str] = TAGS) -> Path:
    """Save a BERT without layers that gives each token of `vocabulary` the tag written there."""
    torch = pytest.importorskip("torch", reason="没有安装 PyTorch")
    transformers = pytest.importorskip("transformers", reason="没有安装 transformers")
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=8,
        num_hidden_layers=0,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=POSITIONS,
        id2label=dict(enumerate(tags)),
        label2id={tag: number for number, tag in enumerate(tags)},
    )
    model = transformers.BertForTokenClassification(config)
    with torch.no_grad():
        for weights in model.parameters():
            weights.zero_()
        model.bert.embeddings.LayerNorm.weight.fill_(1)
        for number, tag in enumerate(vocabulary.values()):
            model.bert.embeddings.word_embeddings.weight[number, tags.index(tag)] = 1
        model.classifier.weight.fill_diagonal_(3)
    model.save_pretrained(folder)
    return folder


def vocabulary() -> dict[str, str]:
    """The tokens of the model and their tags: characters, and the pieces of a word "aa11"."""
    return {
        **dict.fromkeys([*SPECIAL, *OTHERS, "##a", "##1"], TAGS[0]),
        **NAMES,
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with the plain vocabulary of BERT, one character a token."""
    folder = save_model(tmp_path_factory.mktemp("saved") / "识别 模型", vocabulary())
    (folder / "vocab.txt").write_text("\n".join(vocabulary()), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Tagger:
    return load_tagger(folder)


def test_transformers_mentions_are_exact(classifier: Tagger) -> None:
    text = "😀 云溪县　赵远山到场，\naa11赵远㎡检查。"
    assert _found(classifier, text) == [
        ("云溪县", "ORG"),
        ("赵远山", "PERSON"),
        ("赵远", "PERSON"),
    ]
    assert all(0.9 < mention.score <= 1 for mention in classifier.tag(text))
    assert list(classifier.tag("")) == []


def test_transformers_name_holds_the_weights(folder: Path, tmp_path: Path) -> None:
    name = TransformersTagger(folder).name
    assert re.fullmatch("transformers:识别 模型@[0-9a-f]{8}", name)
    other = tmp_path / folder.name
    other.mkdir()
    (other / "model.safetensors").write_bytes(b"other")
    assert TransformersTagger(other).name != name


@given(st.text(alphabet=[*NAMES, *OTHERS, "未"], max_size=120))
def test_windows_find_what_the_whole_would(classifier: Tagger, text: str) -> None:
    """The model sees one character at a time, so that a pattern says what it must find."""
    expected = [
        (m.group(), "PERSON" if m.group()[0] in "赵远山" else "ORG")
        for m in re.finditer("赵?[远山]+|赵|云?[溪县]+|云", text)
    ]
    assert _found(classifier, text) == expected


@pytest.mark.parametrize("end", ["\n", "。", ""], ids=["lines", "full stops", "one endless line"])
def test_transformers_keeps_its_offsets_in_long_texts(classifier: Tagger, end: str) -> None:
    text = f"检查{end}赵远山到场" * (CHUNK // 6)
    mentions = classifier.tag(text)
    assert {text[m.start : m.end] for m in mentions} <= {"赵远山", "赵", "赵远", "山", "远山"}
    assert sum(m.end - m.start for m in mentions) == 3 * text.count("赵远山")
    if end:
        assert len(mentions) == text.count("赵远山")


def test_a_tokenizer_of_characters_without_offsets_is_read(tmp_path: Path) -> None:
    tokens = dict.fromkeys([*SPECIAL, *OTHERS], TAGS[0]) | NAMES
    folder = save_model(tmp_path, tokens)
    transformers = pytest.importorskip("transformers")
    (folder / "vocab.txt").write_text("\n".join(tokens), encoding="utf-8")
    transformers.BertJapaneseTokenizer(
        str(folder / "vocab.txt"), word_tokenizer_type="basic", subword_tokenizer_type="character"
    ).save_pretrained(folder)
    text = "😀 云溪县　赵远山到场，\n赵A远山" * 9
    assert (
        _found(load_tagger(folder), text)
        == [
            ("云溪县", "ORG"),
            ("赵远山", "PERSON"),
            ("赵", "PERSON"),
            ("远山", "PERSON"),
        ]
        * 9
    )


def test_a_tokenizer_of_bytes_gives_whole_characters(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="没有安装 transformers")
    transformers = pytest.importorskip("transformers")
    byte_level = tokenizers.pre_tokenizers.ByteLevel
    alphabet = sorted(byte_level.alphabet())
    first_byte = byte_level(add_prefix_space=False).pre_tokenize_str("赵")[0][0][0]
    tokens = dict.fromkeys([*SPECIAL, *alphabet], TAGS[0]) | {first_byte: "B-PER"}
    folder = save_model(tmp_path, tokens)
    ids = {token: number for number, token in enumerate(tokens)}
    plain = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=ids, merges=[]))
    plain.pre_tokenizer = byte_level(add_prefix_space=False)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, model_max_length=9
    ).save_pretrained(folder)
    assert _found(load_tagger(folder), "在赵在赵😀") == [("赵", "PERSON"), ("赵", "PERSON")]


def _is_base_only(folder: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig.from_pretrained(folder)
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    content["architectures"] = ["BertForTokenClassification"]
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")


def _has_numbers_for_labels(folder: Path) -> None:
    path = folder / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["id2label"] = {number: f"LABEL_{number}" for number in range(len(TAGS))}
    path.write_text(json.dumps(content), encoding="utf-8")


def _is_cut_off(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])


def _has_no_tokenizer(folder: Path) -> None:
    (folder / "vocab.txt").unlink()


def _has_the_words_of_another(folder: Path) -> None:
    more = [*vocabulary(), *"甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥核"]
    (folder / "vocab.txt").write_text("\n".join(more), encoding="utf-8")


def _cuts_words_without_offsets(folder: Path) -> None:
    content = {
        "tokenizer_class": "BertJapaneseTokenizer",
        "word_tokenizer_type": "basic",
        "subword_tokenizer_type": "wordpiece",
        "do_subword_tokenize": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(_is_base_only, "权重不全", id="a base model would guess"),
        pytest.param(
            _has_numbers_for_labels, "标签都不认识：LABEL_0", id="labels without a meaning"
        ),
        pytest.param(_is_cut_off, "无法载入", id="weights cut off"),
        pytest.param(_has_no_tokenizer, "无法载入|没有切分器的词表", id="no vocabulary"),
        pytest.param(_has_the_words_of_another, "不相配", id="a vocabulary of another model"),
        pytest.param(_cuts_words_without_offsets, "给不出字的位置", id="words without positions"),
    ],
)
def test_a_damaged_model_is_an_error_of_ours(tmp_path: Path, damage: Any, says: str) -> None:
    folder = save_model(tmp_path, vocabulary())
    (folder / "vocab.txt").write_text("\n".join(vocabulary()), encoding="utf-8")
    damage(folder)
    with pytest.raises(TaggerError, match=says) as caught:
        load_tagger(folder).tag("核查云溪县")
    assert caught.value.code == "tagger_invalid"
    assert str(folder) in caught.value.message


def test_loading_is_silent(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert len(load_tagger(folder).tag("赵远山")) == 1
    assert capfd.readouterr() == ("", "")
