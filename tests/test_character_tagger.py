"""The tagger over characters: spans and tags, vocabulary, windows, weights, exact offsets."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import RoleTagger, TaggerError, load_tagger, manifest
from models.bio import best_tags, spans_to_tags, tags_to_spans
from models.characters import (
    RARE,
    SPECIALS,
    UNKNOWN,
    CharacterVocabulary,
    chosen_characters,
    is_han,
)
from models.decoding import sentence_windows
from models.measuring_taggers import measure_tagger
from models.training_examples import LabelledSpan, read_examples
from tests.tiny_models import save_character_model

LABELS = ("PERSON", "ORG", "CUE")


@st.composite
def spans(draw: st.DrawFn) -> tuple[int, list[LabelledSpan]]:
    """A length, and spans in it that do not overlap but may touch."""
    cuts = sorted(draw(st.sets(st.integers(0, 40), max_size=12)))
    found = [
        LabelledSpan(start, end, draw(st.sampled_from(LABELS)))
        for start, end in itertools.pairwise(cuts)
        if draw(st.booleans())
    ]
    return 40, found


@given(spans())
def test_spans_come_back_from_their_tags(case: tuple[int, list[LabelledSpan]]) -> None:
    length, wanted = case
    tags = spans_to_tags(length, wanted, LABELS)
    assert len(tags) == length
    assert tags_to_spans(tags, LABELS) == wanted


def test_a_label_that_is_not_learned_leaves_no_tag() -> None:
    assert spans_to_tags(3, [LabelledSpan(0, 2, "ROLE")], LABELS) == [0, 0, 0]


@given(st.lists(st.integers(0, 6), max_size=30))
def test_any_tags_spell_spans_in_order(tags: list[int]) -> None:
    found = tags_to_spans(tags, LABELS)
    covered = [at for span in found for at in range(span.start, span.end)]
    assert covered == [at for at, tag in enumerate(tags) if tag]


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_best_tags_are_the_best_that_may_be(seed: int, size: int) -> None:
    """Against all sequences that are allowed: an I stands behind a B or I of its label."""
    scores = np.random.default_rng(seed).normal(size=(1, size, 5)).astype(np.float32)

    def worth(tags: tuple[int, ...]) -> float:
        for before, tag in itertools.pairwise((0, *tags)):
            if tag and tag % 2 == 0 and before not in (tag, tag - 1):
                return -1e9
        return float(sum(scores[0, at, tag] for at, tag in enumerate(tags)))

    best = max(itertools.product(range(5), repeat=size), key=worth)
    assert tuple(best_tags(scores, [size])[0]) == best


def test_behind_a_short_text_all_is_outside() -> None:
    scores = np.zeros((2, 4, 5), dtype=np.float32)
    scores[:, :, 1] = 5
    scores[:, :, 2] = 7
    tags = best_tags(scores, [2, 4])
    assert tags.tolist() == [[1, 2, 0, 0], [1, 2, 2, 2]]
    assert best_tags(np.zeros((1, 0, 5), dtype=np.float32), [0]).shape == (1, 0)


VOCABULARY = CharacterVocabulary("赵,1 ")


@pytest.mark.parametrize(
    ("char", "number"),
    [
        pytest.param("赵", SPECIALS, id="a character of the vocabulary"),
        pytest.param("，", SPECIALS + 1, id="a full-width mark is read as the plain one"),
        pytest.param("①", SPECIALS + 2, id="a number in a ring as its digit"),
        pytest.param("\u3000", SPECIALS + 3, id="every white space as the space"),
        pytest.param("\n", SPECIALS + 3, id="a line end too"),
        pytest.param("龘", RARE, id="a rare Chinese character"),
        pytest.param("\U00020000", RARE, id="one outside the basic plane"),
        pytest.param("😀", UNKNOWN, id="no Chinese character"),
    ],
)
def test_a_character_is_read_as(char: str, number: int) -> None:
    assert VOCABULARY.encode(char) == [number]


@given(st.text())
def test_every_code_point_has_one_number(text: str) -> None:
    numbers = VOCABULARY.encode(text)
    assert len(numbers) == len(text)
    assert all(UNKNOWN <= number < len(VOCABULARY) for number in numbers)
    assert 0 <= VOCABULARY.coverage(text) <= 1


def test_a_vocabulary_holds_each_character_once() -> None:
    with pytest.raises(ValueError, match="重复"):
        CharacterVocabulary("赵赵")


def test_characters_are_chosen_among_pieces() -> None:
    assert chosen_characters(["<s>", "▁", "赵", "▁的", "的", "赵", "é"]) == {
        " ": 1,
        "赵": 2,
        "的": 4,
    }
    assert is_han("赵") and not is_han("a")


@given(st.text(alphabet="甲乙。；\n ", max_size=90), st.integers(4, 20))
def test_sentence_windows_read_each_character_once(text: str, size: int) -> None:
    found = list(sentence_windows(text, size))
    kept = [at for window in found for at in range(window.keep_from, window.keep_to)]
    start = 0
    wanted: list[int] = []
    for line in text.split("\n"):
        wanted += range(start, start + len(line)) if line.strip() else []
        start += len(line) + 1
    assert kept == wanted
    for window in found:
        assert 0 < window.end - window.start <= size
        assert "\n" not in text[window.start : window.end]


def test_a_long_line_is_cut_between_sentences() -> None:
    text = "甲甲甲。乙乙；丙丙丙丙。"
    cut = [text[w.start : w.end] for w in sentence_windows(text, 8)]
    assert cut == ["甲甲甲。乙乙；", "丙丙丙丙。"]


TAGS = {
    "赵": "B-PERSON",
    "远": "I-PERSON",
    "山": "I-PERSON",
    "云": "B-ORG",
    "溪": "I-ORG",
    "县": "I-ORG",
    **dict.fromkeys("给予整改。 ", "O"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxruntime", reason="没有安装 onnxruntime")
    place = tmp_path_factory.mktemp("weights") / "识别 模型"
    return save_character_model(place, TAGS, {"给": "treatment", "改": "measure"})


def test_mentions_and_roles_are_exact(folder: Path) -> None:
    tagger = load_tagger(folder)
    text = "😀 云溪县给予赵远山\n　\n赵远，整改。"
    found = [(text[m.start : m.end], m.label) for m in tagger.tag(text)]
    assert found == [("云溪县", "ORG"), ("赵远山", "PERSON"), ("赵远", "PERSON")]
    assert all(0.9 < mention.score <= 1 for mention in tagger.tag(text))
    assert isinstance(tagger, RoleTagger)
    roles = [(text[r.start : r.end], r.role) for r in tagger.roles(text)]
    assert roles == [("😀 云溪县给予赵远山", "treatment"), ("赵远，整改。", "measure")]
    assert tagger.tag("") == ()
    assert tagger.name.startswith("transformer:tiny@")


@given(st.text(alphabet="赵远山云溪县给改。\n", max_size=150))
def test_windows_and_batches_change_nothing(folder: Path, text: str) -> None:
    """The model sees one character at a time: only what is cut apart may differ from a pattern."""
    mentions = load_tagger(folder).tag(text)
    reached = 0
    for mention in mentions:
        assert reached <= mention.start < mention.end <= len(text)
        assert "\n" not in text[mention.start : mention.end]
        reached = mention.end
    firsts = {mention.start for mention in mentions}
    assert firsts >= {at for at, char in enumerate(text) if char in "赵云"}


def test_names_stay_whole_in_a_sentence_longer_than_a_window(folder: Path) -> None:
    text = "给予赵远山整改云溪县" * 400
    found = [text[m.start : m.end] for m in load_tagger(folder).tag(text)]
    assert found.count("云溪县") == found.count("赵远山") == 400
    assert len(found) == 800


@pytest.mark.parametrize("name", ["model.onnx", "characters.txt"])
def test_changed_weights_are_refused(tmp_path: Path, name: str) -> None:
    pytest.importorskip("onnxruntime", reason="没有安装 onnxruntime")
    place = save_character_model(tmp_path / "模型", TAGS, {})
    (place / name).write_bytes((place / name).read_bytes() + b"!")
    with pytest.raises(TaggerError, match="不一致") as caught:
        load_tagger(place).tag("赵")
    assert str(place / name) in caught.value.message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(None, "manifest.json", id="none"),
        pytest.param("{", "manifest.json", id="damaged"),
        pytest.param("[]", "manifest.json", id="no object"),
        pytest.param('{"kind": "transformer"}', "manifest.json", id="half"),
        pytest.param({"../model.onnx": "0"}, "文件名无效", id="a file outside of the folder"),
        pytest.param({"characters.txt": "0"}, "model.onnx", id="the weights are not listed"),
    ],
)
def test_a_folder_must_say_what_it_holds(
    tmp_path: Path, content: str | dict[str, str] | None, says: str
) -> None:
    pytest.importorskip("onnxruntime", reason="没有安装 onnxruntime")
    place = save_character_model(tmp_path / "模型", TAGS, {})
    card = place / manifest.MANIFEST
    if content is None:
        card.unlink()
    elif isinstance(content, str):
        card.write_text(content, encoding="utf-8")
    else:
        held = json.loads(card.read_text(encoding="utf-8"))
        card.write_text(json.dumps({**held, "files": content}), encoding="utf-8")
    with pytest.raises(TaggerError, match=says):
        load_tagger(place).tag("赵")


def test_weights_that_are_no_graph_are_an_error_of_ours(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="没有安装 onnxruntime")
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    (tmp_path / "characters.txt").write_text("赵", encoding="utf-8")
    card = manifest.Manifest("transformer", "x", manifest.digests_of(tmp_path), LABELS, ("a",), 9)
    manifest.write_manifest(tmp_path, card)
    with pytest.raises(TaggerError, match="读不了"):
        load_tagger(tmp_path).tag("赵")


def test_without_onnx_runtime_the_way_out_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(TaggerError, match=r"hecha\[models\]") as caught:
        load_tagger(folder).tag("赵")
    assert caught.value.code == "tool_missing"


@pytest.mark.parametrize("name", ["spacy", "transformer"])
def test_weights_that_are_not_shipped_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(manifest, "WEIGHTS", tmp_path)
    with pytest.raises(TaggerError, match=f"hecha train {name}") as caught:
        load_tagger(name)
    assert caught.value.code == "tagger_missing"


def test_shipped_weights_load_by_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime", reason="没有安装 onnxruntime")
    monkeypatch.setattr(manifest, "WEIGHTS", tmp_path)
    save_character_model(tmp_path / "transformer", TAGS, {})
    assert [m.label for m in load_tagger("transformer").tag("赵远")] == ["PERSON"]


def test_old_weights_are_replaced_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "合同.docx").write_bytes(b"x")
    with pytest.raises(TaggerError, match="没有覆盖") as caught:
        manifest.prepare_folder(tmp_path)
    assert caught.value.code == "folder_taken"
    assert (tmp_path / "合同.docx").is_file()
    (tmp_path / manifest.MANIFEST).write_text("{}", encoding="utf-8")
    manifest.prepare_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


GOOD = {
    "text": "给予赵远山警告。",
    "spans": [[2, 5, "PERSON"]],
    "role": "treatment",
    "family": "a",
    "split": "train",
}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"text": " "}, "text", id="an empty text"),
        pytest.param({"role": "other"}, "role", id="an unknown role"),
        pytest.param({"split": "all"}, "split", id="an unknown split"),
        pytest.param({"spans": [[0, 2, "PER"]]}, "标签", id="an unknown label"),
        pytest.param({"spans": [[0, 99, "ORG"]]}, "区间", id="a range beyond the text"),
        pytest.param({"spans": [[2, 4, "ORG"], [3, 5, "ORG"]]}, "重叠", id="an overlap"),
        pytest.param({"spans": [[2, 5]]}, "text、spans", id="a span without a label"),
        pytest.param({"spans": None}, "text、spans", id="no spans"),
    ],
)
def test_a_faulty_example_is_named_by_its_line(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    path = tmp_path / "例句.jsonl"
    lines = [json.dumps(GOOD), "", json.dumps({**GOOD, **change})]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(TaggerError, match=says) as caught:
        read_examples(path)
    assert caught.value.code == "examples_invalid"
    assert "第3行" in caught.value.message


def test_examples_are_read_by_split(tmp_path: Path) -> None:
    path = tmp_path / "例句.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n{json.dumps({**GOOD, 'split': 'dev'})}", "utf-8")
    assert [example.split for example in read_examples(path, ["dev"])] == ["dev"]
    path.write_text("{", "utf-8")
    with pytest.raises(TaggerError, match="不是 JSON"):
        read_examples(path)
    with pytest.raises(TaggerError, match="读不到"):
        read_examples(tmp_path / "没有.jsonl")


def test_figures_count_exact_ranges_only(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "例句.jsonl"
    missed = {**GOOD, "spans": [[2, 4, "PERSON"]], "role": "measure"}
    path.write_text("\n".join(map(json.dumps, (GOOD, missed))), "utf-8")
    figures = measure_tagger(load_tagger(folder), read_examples(path), ("PERSON", "ORG"))
    assert figures["PERSON"] == {"p": 0.5, "r": 0.5, "f": 0.5, "n": 2}
    assert figures["ORG"] == {"p": 0.0, "r": 0.0, "f": 0.0, "n": 0}
    assert figures["roles"] == {"right": 0.5, "n": 2}
