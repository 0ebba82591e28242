"""Taggers without their libraries: the protocol, loading, labels, windows, decoding, name rules."""

from __future__ import annotations

import json
import sys
import types
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import JiebaTagger, Mention, NoTagger, Tagger, TaggerError, load_tagger
from models.adapting import chunks, label_of
from models.decoding import Tag, Token, decode, read_tag, windows
from models.jieba_names import Piece, find_mentions, without_cut_names, word_rows
from models.transformers_tagger import TransformersTagger


@given(st.text())
def test_no_tagger_finds_nothing(text: str) -> None:
    assert list(load_tagger("none").tag(text)) == []


def test_fakes_satisfy_the_protocol() -> None:
    tagger: Tagger = NoTagger()
    assert tagger.name == "none"


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


CLASSIFIER = json.dumps({"architectures": ["BertForTokenClassification"]})


@pytest.mark.parametrize(
    ("files", "code", "says"),
    [
        pytest.param(None, "tagger_missing", "没有找到", id="no such folder"),
        pytest.param({}, "tagger_invalid", "config.cfg", id="a folder that is no model"),
        pytest.param({"config.json": "{"}, "tagger_invalid", "config.json", id="damaged JSON"),
        pytest.param({"config.json": "[]"}, "tagger_invalid", "config.json", id="JSON of no model"),
        pytest.param(
            {"config.json": '{"architectures": ["BertForMaskedLM"]}'},
            "tagger_invalid",
            "ForTokenClassification",
            id="a model for another task",
        ),
    ],
)
def test_load_says_what_is_wrong(
    tmp_path: Path, files: dict[str, str] | None, code: str, says: str
) -> None:
    folder = tmp_path / "模型"
    if files is not None:
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(TaggerError, match=says) as caught:
        load_tagger(folder)
    assert caught.value.code == code
    assert str(folder) in caught.value.message


@pytest.mark.parametrize(
    ("name", "absent", "says"),
    [
        pytest.param("config.cfg", "spacy", r"hecha\[models\]", id="spaCy"),
        pytest.param("jieba", "jieba", r"hecha\[models\]", id="jieba"),
        pytest.param("config.json", "torch", "pip install torch==", id="PyTorch has its own way"),
        pytest.param("config.json", "transformers", r"hecha\[models\]", id="transformers"),
    ],
)
def test_a_missing_library_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, absent: str, says: str
) -> None:
    if name != "jieba":
        (tmp_path / name).write_text(CLASSIFIER, encoding="utf-8")
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    monkeypatch.setitem(sys.modules, absent, None)
    tagger = load_tagger(name if name == "jieba" else tmp_path)
    with pytest.raises(TaggerError, match=says) as caught:
        tagger.tag("云溪县")
    assert caught.value.code == "tool_missing"


def test_jieba_is_asked_for_its_name_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(TaggerError, match="jieba"):
        _ = JiebaTagger().name


def test_a_folder_without_weights_has_no_name(tmp_path: Path) -> None:
    with pytest.raises(TaggerError, match="没有权重文件"):
        _ = TransformersTagger(tmp_path).name


@pytest.mark.parametrize(
    ("name", "label"),
    [
        pytest.param("PERSON", "PERSON", id="ours"),
        pytest.param("per", "PERSON", id="CoNLL, in any case"),
        pytest.param("PER.NOM", None, id="Weibo: a description is no name"),
        pytest.param("company", "ORG", id="CLUENER"),
        pytest.param("position", "TITLE", id="CLUENER, a title"),
        pytest.param("GPE", "PLACE", id="OntoNotes"),
        pytest.param("nr", "PERSON", id="a part-of-speech flag"),
        pytest.param("Ni", "ORG", id="a flag of LTP"),
        pytest.param("O", None, id="outside"),
        pytest.param("LABEL_1", None, id="a number says nothing"),
    ],
)
def test_labels_of_other_schemes(name: str, label: str | None) -> None:
    assert label_of(name) == label


@given(st.text(alphabet="甲。\n", max_size=80), st.integers(1, 20))
def test_chunks_are_the_text_cut_where_it_may_be(text: str, size: int) -> None:
    parts = [text[start:end] for start, end in chunks(text, size)]
    assert "".join(parts) == text
    assert all(0 < len(part) <= size for part in parts)
    for part in parts[:-1]:
        assert part.endswith("\n") or "\n" not in part
        assert part.endswith(("\n", "。")) or len(part) == size


@given(st.integers(1, 400), st.integers(1, 60))
def test_every_token_counts_once_and_has_neighbours(count: int, size: int) -> None:
    found = list(windows(count, size))
    kept = [number for w in found for number in range(w.keep_from, w.keep_to)]
    assert kept == list(range(count))
    for window in found:
        assert window.end - window.start <= size
        if window.start > 0:
            assert window.keep_from - window.start >= size // 8
        if window.end < count:
            assert window.end - window.keep_to >= size // 8


@pytest.mark.parametrize(
    ("name", "part", "label"),
    [
        pytest.param("B-PER", "B", "PERSON", id="BIO"),
        pytest.param("e_ORG", "E", "ORG", id="underscore, small letter"),
        pytest.param("LOC", "", "PLACE", id="plain"),
        pytest.param("O", "", None, id="outside"),
        pytest.param("B-EDU", "B", None, id="a label that has no place here"),
    ],
)
def test_read_tag(name: str, part: str, label: str | None) -> None:
    assert read_tag(name) == Tag(part, label)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        pytest.param("赵远山到", "B-PER I-PER I-PER O", ["赵远山"], id="BIO"),
        pytest.param("赵远李山", "B-PER I-PER B-PER I-PER", ["赵远", "李山"], id="B begins anew"),
        pytest.param("赵远李山", "B-PER E-PER I-PER E-PER", ["赵远", "李山"], id="E closes"),
        pytest.param("赵李山到", "S-PER I-PER U-PER O", ["赵", "李", "山"], id="S and U are whole"),
        pytest.param("到赵远山", "O I-PER M-PER L-PER", ["赵远山"], id="I without B, BILOU's M, L"),
        pytest.param("赵远山局", "PER PER ORG ORG", ["赵远", "山局"], id="plain labels"),
        pytest.param("赵远山局", "B-PER I-PER I-ORG O", ["赵远", "山"], id="another label begins"),
        pytest.param("赵O远山", "B-PER O I-PER O", ["赵", "远"], id="O separates"),
        pytest.param("赵远大学", "B-PER I-PER B-EDU I-EDU", ["赵远"], id="unknown is outside"),
        pytest.param(
            "赵\n远山", "B-PER - I-PER I-PER", ["赵", "远山"], id="no name over a line end"
        ),
        pytest.param("赵 远山", "B-PER - I-PER O", ["赵 远"], id="a printed space is part of it"),
        pytest.param("到 远山", "O B-PER I-PER O", ["远"], id="no space at its edges"),
    ],
)
def test_decode(text: str, names: str, expected: list[str]) -> None:
    """A "-" stands for a character that has no token."""
    rows = [(at, name) for at, name in enumerate(names.split()) if name != "-"]
    tokens = [Token(at, at + 1) for at, _ in rows]
    mentions = decode(text, tokens, [read_tag(name) for _, name in rows], [1.0] * len(rows))
    assert [text[m.start : m.end] for m in mentions] == expected


def test_decode_follows_words_not_their_pieces() -> None:
    tokens = [Token(0, 1), Token(1, 3), Token(3, 4, continues=True), Token(4, 5)]
    tags = [read_tag(name) for name in ("B-PER", "I-PER", "O", "O")]
    assert decode("李xxx到", tokens, tags, [0.5, 1.0, 0.1, 1.0]) == [Mention(0, 4, "PERSON", 0.75)]


def _pieces(written: str) -> list[Piece]:
    """Read "赵远山/nr? 到/v": word, flag, and ? where no dictionary holds the word."""
    pieces: list[Piece] = []
    start = 0
    for item in written.split():
        word, _, flag = item.rpartition("/")
        pieces.append(Piece(word, flag.rstrip("?"), start, known=not flag.endswith("?")))
        start += len(word)
    return pieces


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param("对/p 赵远山/nr? 给予/v", ["赵远山"], id="between plain borders"),
        pytest.param("赵/nr 小川/nr 撤职/v", ["赵小川"], id="a surname and a given name"),
        pytest.param("赵/nr 远/nr 发/v", [], id="two single characters are too little"),
        pytest.param("唐/nr 有/v 年/m", [], id="a surname alone is no name"),
        pytest.param("赵远/nr? 山/n 到场/v", [], id="one more character may belong to it"),
        pytest.param("赵远/nr? 在/p 现场/n", ["赵远"], id="a character that stands beside names"),
        pytest.param("赵远/nr? 和/c ，/x", [], id="a 和 before a mark is its end"),
        pytest.param("赵远/nr? 等/u 。/x", ["赵远"], id="a 等 before a mark is not"),
        pytest.param("大/a 赵远山/nr? ，/x", [], id="a character before may belong to it"),
        pytest.param("文明/nr 施工/v", [], id="two characters of the dictionary are words"),
        pytest.param("赵远/nr? 施工/v", ["赵远"], id="two characters of no dictionary are a name"),
        pytest.param("严肃处理/nr ，/x", [], id="four characters are none"),
        pytest.param("由赵远/nr? 负责/v", [], id="由 is no surname"),
        pytest.param("石柳镇/nr? 检查/v", [], id="an ending of places"),
        pytest.param("石柳/nr? 镇党委/nt", [], id="a place before a party committee"),
        pytest.param("岚溪/ns 宏砚/nr? 检查/v", ["岚溪"], id="what follows a place is no person"),
        pytest.param("宏砚/nr? 市政工程/n 有限公司/n", [], id="the head of an enterprise's name"),
        pytest.param("宏砚/nr? 负责/v 企业/n", ["宏砚"], id="a verb ends the search for one"),
        pytest.param("潘/nr 某某/r 立案/v", ["潘某某"], id="masked with 某"),
        pytest.param("潘某/nr? ，/x", ["潘某"], id="masked, in one piece"),
        pytest.param("潘/nr 某/r 甲/m 被/p 处/v", ["潘某甲"], id="masked with a number"),
        pytest.param("潘/nr */x */x 指挥/v", ["潘**"], id="masked with stars"),
        pytest.param("潘/nr 某/r 军/n ，/x", [], id="masked in the middle: how far is not plain"),
        pytest.param("潘/nr 某某/r 公司/n", [], id="a masked enterprise"),
        pytest.param("艾力/nr? ·/x 买买提/nr? ，/x", ["艾力·买买提"], id="dotted"),
        pytest.param("艾力/nr? ·/x 买买/nr? 提/v ，/x", ["艾力·买买提"], id="dotted, cut in two"),
        pytest.param("艾力/nr? ·/x 买买/nr? 提出/v", [], id="dotted: its end is not plain"),
        pytest.param("艾力/nr? ·/x 买买提/nr? 在/p 。/x", [], id="dotted, with a word behind"),
        pytest.param("阿布/ns ·/x 买买提/nr? ，/x", [], id="half a dotted name is none"),
        pytest.param(
            "由/p 岚溪市/ns 公安局/nt 查处/v", ["岚溪市公安局"], id="a place's department"
        ),
        pytest.param("岚溪/ns 市/n 人民政府/nt 。/x", ["岚溪市人民政府"], id="its ending apart"),
        pytest.param("，/x 人民政府/nt 。/x", [], id="an ending alone is no organisation"),
        pytest.param("岚溪市/ns 公安局/nt 石柳/n 分局/n", [], id="an organisation cut short"),
        pytest.param("在/p 岚溪市/ns 召开/v", ["岚溪市"], id="a place"),
        pytest.param("在/p 岚溪/ns? 召开/v", [], id="a place that no dictionary holds"),
        pytest.param("冀/ns 8/m", [], id="one character is no place"),
        pytest.param("9/m 月/m 16/m 日/t", [], id="numbers and times are left out"),
    ],
)
def test_names_in_pieces(written: str, expected: list[str]) -> None:
    pieces = _pieces(written)
    text = "".join(piece.word for piece in pieces)
    assert [text[m.start : m.end] for m in find_mentions(pieces)] == expected


def test_a_name_that_begins_another_is_left_out() -> None:
    text = "王晓，王晓峰，李某，李某某，王晓村"
    spans = [(0, 2, "PERSON"), (3, 6, "PERSON"), (7, 9, "PERSON"), (10, 13, "PERSON")]
    mentions = [Mention(start, end, label) for start, end, label in spans]  # type: ignore[arg-type]
    place = Mention(14, 16, "PLACE")
    kept = without_cut_names(text, [*mentions, place])
    assert [text[m.start : m.end] for m in kept] == ["王晓峰", "李某", "李某某", "王晓"]


def test_word_rows_are_of_a_kind_and_unique() -> None:
    rows = word_rows()
    flagged = {"title", "term", "unit"}
    assert {row.kind for row in rows} == flagged | {"place", "beside", "tail", "glue"}
    assert [word for word, n in Counter((r.word, r.kind) for r in rows).items() if n > 1] == []
    assert [row for row in rows if bool(row.flag) != (row.kind in flagged)] == []
    assert [row for row in rows if row.word != row.word.strip() or not row.word] == []
