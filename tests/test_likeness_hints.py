"""Likeness in the checklist: which reported measures are put beside a row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

import corpus
from api.ranking import build_case
from corpus.likeness_hints import before, by_ranker, hint_figures
from corpus.likeness_pairs import Half
from corpus.likeness_reports import report_cases
from extractor import build_checklist, extract, parse
from extractor.checklist.rectification import LEAST
from extractor.document import Document
from extractor.extraction import Extraction
from models import Ranker, VectorRanker, WordRanker, likeness_ranking, load_ranker
from models.likeness_ranking import MOST_TEXTS
from models.likeness_vectors import DIGESTS

needs_runtime = pytest.mark.skipif(
    find_spec("onnxruntime") is None or find_spec("numpy") is None,
    reason="没有安装 onnxruntime：pip install 'hecha[likeness]'",
)

BOTH = [
    pytest.param(WordRanker(), id="words"),
    pytest.param(VectorRanker(), id="vectors", marks=needs_runtime),
]

ASKED = ["宏砚公司要建立有限空间作业台账，配备气体检测仪。", "县住建局要开展分包备案核查。"]
GIVEN = [
    "建立有限空间作业台账412条，配备检测仪24台。",
    "开展分包备案，办理26件。",
    "Zzz 与此毫不相干",
]

RIGHT: dict[str, Sequence[str]] = {
    "一是宏砚公司要立即": ["一是全面开展有限空间作业自查"],
    "二是宏砚公司要修订": ["二是完善有限空间作业管理制度"],
    "三是宏砚公司要严禁": ["三是规范专业分包管理"],
    "（二）清淤作业单位": ["事故发生后，顺垣公司", "2023年3月，公司委托", "截至评估之日，该公司"],
    "一是柳溪水务公司要": ["一是清理工程发包合同"],
    "二是柳溪水务公司要": ["二是建立参建单位统一协调"],
    "（四）监理单位要": ["正衡监理公司修订"],
    "一是由县住建局牵头": ["一是牵头开展有限空间"],
    "二是县住建局要": ["二是建立分包备案"],
    "三是县市政服务中心": ["县市政服务中心新招录"],
    "一是柳渡镇人民政府": ["一是将镇区在建工程"],
    "二是柳渡镇人民政府": ["二是开展有限空间底数", "截至2023年5月25日"],
    "一是由县应急管理局": ["一是召开事故警示教育会"],
    "二是各乡镇人民政府": ["二是推动科学施救", "截至2023年5月25日"],
    "（八）健全部门协同": ["县安委办组织"],
    "（二）由县住建局牵头": ["一是牵头开展有限空间"],
    "（三）各乡镇人民政府": ["截至2023年5月25日", "二是开展有限空间底数"],
}
"""The measures of the sample case, by their first words, and what its evaluation tells of each."""


@cache
def sample_case() -> tuple[tuple[Document, Extraction], ...]:
    """Return the sample case, read."""
    folder = Path(corpus.__file__).parent / "samples"
    names = ("调查报告.docx", "批复.pdf", "评估报告.txt")
    documents = [parse((folder / name).read_bytes(), name) for name in names]
    return tuple((document, extract(document)) for document in documents)


@pytest.mark.parametrize("ranker", BOTH)
def test_the_sample_case_has_all_its_right_hints_and_few_wrong_ones(ranker: Ranker) -> None:
    rows = build_checklist(sample_case(), ranker=ranker).measures
    missing, wrong = [], []
    for row in rows:
        key = next((key for key in RIGHT if row.requirement.startswith(key)), None)
        wanted = RIGHT[key] if key else ()
        quotes = [reported.quote for reported in row.reported]
        missing += [start for start in wanted if not any(q.startswith(start) for q in quotes)]
        wrong += [quote for quote in quotes if not quote.startswith(tuple(wanted))]
    assert missing == []
    assert len(wrong) <= 3


def test_all_measures_of_the_sample_case_are_looked_at() -> None:
    requirements = [row.requirement for row in build_checklist(sample_case()).measures]
    for start in RIGHT:
        assert sum(text.startswith(start) for text in requirements) == 1, start


def test_a_hint_decides_no_status() -> None:
    rows = build_checklist(sample_case()).measures
    assert any(row.reported for row in rows)
    assert {row.status.value for row in rows} == {"unverified"}


@pytest.mark.parametrize("ranker", BOTH)
def test_other_units_and_other_words_are_left_out(ranker: Ranker) -> None:
    ranked = ranker.rank_reports(ASKED, GIVEN, lambda measure, at: measure == at)
    assert [[one.at for one in row] for row in ranked] == [[0], [1]]
    free = ranker.rank_reports(ASKED, GIVEN, lambda measure, at: None)
    assert [row[0].at for row in free] == [0, 1]
    assert 2 not in {one.at for row in free for one in row}


def _no_network() -> None:
    raise AssertionError("the network was loaded")


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        pytest.param([], GIVEN, id="no measure"),
        pytest.param(ASKED, [], id="nothing reported"),
        pytest.param(ASKED, GIVEN[2:], id="no common word"),
    ],
)
def test_nothing_to_compare_loads_no_network(
    monkeypatch: pytest.MonkeyPatch, asked: list[str], given: list[str]
) -> None:
    monkeypatch.setattr(likeness_ranking, "SentenceVectors", _no_network)
    ranked = VectorRanker().rank_reports(asked, given, lambda measure, at: None)
    assert ranked == [[] for _ in asked]


def test_units_that_never_meet_load_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness_ranking, "SentenceVectors", _no_network)
    ranked = VectorRanker().rank_reports(ASKED, GIVEN, lambda measure, at: False)
    assert ranked == [[], []]


def test_a_case_without_an_outcome_loads_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness_ranking, "SentenceVectors", _no_network)
    checklist = build_checklist(sample_case()[:2], ranker=VectorRanker())
    assert checklist.measures
    assert not any(row.reported for row in checklist.measures)


def test_a_huge_case_is_ranked_by_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness_ranking, "SentenceVectors", _no_network)
    given = [f"第{at}处隐患{at}已经整改" for at in range(MOST_TEXTS)]
    ranked = VectorRanker().rank_reports(["第7处隐患7要整改"], given, lambda measure, at: None)
    assert ranked[0][0].at == 7
    assert len(ranked[0]) < MOST_TEXTS / 2


@needs_runtime
def test_damaged_weights_are_told_and_words_do_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DIGESTS, "likeness.onnx", "0" * 64)
    load_ranker.cache_clear()
    told: list[str] = []
    try:
        checklist = build_case(sample_case(), date(2024, 1, 1), told.append)
    finally:
        load_ranker.cache_clear()
    assert len(told) == 1
    assert "按字词查找" in told[0]
    assert checklist == build_checklist(sample_case(), today=date(2024, 1, 1))


def test_the_report_cases_are_long_and_halves_share_nothing() -> None:
    texts: dict[Half, set[str]] = {"fit": set(), "test": set()}
    for half, seen in texts.items():
        for case in report_cases(half):
            assert len({s.text for s in case.sentences}) == len(case.sentences)
            for one in case.asked:
                assert "{" not in one.claim.text
                assert all(0 <= at < len(case.sentences) for at in one.answers)
                assert one.reported <= one.answers.keys()
                seen.add(one.claim.text[-60:])
            assert any(not one.answers for one in case.asked)
            assert any(len(one.answers) > 3 for one in case.asked)
    assert sum(map(len, texts.values())) >= 60
    assert not texts["fit"] & texts["test"]
    lengths = [len(one.claim.text) for half in texts for c in report_cases(half) for one in c.asked]
    assert sorted(lengths)[len(lengths) // 2] > 100


@pytest.mark.slow
def test_words_hint_better_than_the_cosine_did() -> None:
    found = hint_figures(by_ranker(WordRanker()), "test", LEAST)
    old = hint_figures(before, "test", 0.05)
    assert found.precision >= 0.86
    assert found.recall >= 0.67 > old.recall
    assert found.first_about > old.first_about


@needs_runtime
@pytest.mark.slow
def test_vectors_hint_better_than_words() -> None:
    found = hint_figures(by_ranker(VectorRanker()), "test", LEAST)
    words = hint_figures(by_ranker(WordRanker()), "test", LEAST)
    assert found.precision >= 0.86
    assert found.recall >= 0.74 > words.recall
    assert found.first_told >= words.first_told
