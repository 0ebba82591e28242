"""The damages: what each does to a text, and that the truth still leads to the same words."""

from __future__ import annotations

import pytest

from corpus.build_samples import SAMPLES
from corpus.damage import DAMAGES, WIDTHS, DamageKind, damage
from corpus.damage_report import measure_damage
from corpus.evaluate import Reading, read_all, select_gold
from corpus.gold import Gold, GoldFile, locate
from extractor import extract, parse
from tests.gold_factory import gold_of, wanted_penalty

STYLES = SAMPLES.parent / "styles"


def damaged(text: str, kind: DamageKind, number: int = 0) -> str:
    """The damaged text; another number gives another draw."""
    return damage(text, gold_of(organizations=[]), [kind], number).text


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        pytest.param(
            "a", "县府〔2018〕1号和县发[2019] 17号", "县府〔20181号和县发[2019 17号", id="numbers"
        ),
        pytest.param(
            "a", "（2020）吉刑初5号，〔2018〕年", "（2020）吉刑初5号，〔2018〕年", id="no other"
        ),
        pytest.param(
            "c", "（一）罚款：5万元，缴清；完。", "(一)罚款:5万元,缴清;完.", id="punctuation"
        ),
        pytest.param(
            "c", "“甲”、《乙》〔2020〕", "“甲”、《乙》〔2020〕", id="quotes, 、 and 〔〕 stay"
        ),
    ],
)
def test_what_is_always_damaged(kind: DamageKind, text: str, expected: str) -> None:
    assert damaged(text, kind) == expected


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        pytest.param("2020年4月完成", {"20204月完成"}, id="year and month: 年"),
        pytest.param("2022年8月10日至", {"2022年810日至"}, id="月 where the rest has one reading"),
        pytest.param("2022年1月11日", {"20221月11日"}, id="not 月 where it would have two"),
        pytest.param("于6月20日前报", {"于6月20前报"}, id="日 before 前"),
        pytest.param("27.0%、23.6%", {"27.0%23.6%"}, id="between two values"),
        pytest.param("50号、56号", {"50号56号"}, id="between two numbers"),
        pytest.param("《甲》、《乙》", {"《甲》《乙》"}, id="between two titles"),
        pytest.param("15、16号", set(), id="never where two numbers would become one"),
        pytest.param("张三、李四", set(), id="never between names"),
        pytest.param("一、基本情况", set(), id="never in a heading"),
    ],
)
def test_lost_marks(text: str, forms: set[str]) -> None:
    """In many draws the text loses this and nothing else, and mostly nothing at all."""
    draws = [damaged(text, "b", number) for number in range(200)]
    assert set(draws) == {text, *forms}
    assert not forms or 30 <= sum(each != text for each in draws) <= 90


def test_lines_are_broken_at_one_width() -> None:
    for number in range(20):
        lines = damaged("字" * 400 + "\n短行\n" + "文" * 90, "d", number).split("\n")
        width = len(lines[0])
        assert width in range(WIDTHS[0], WIDTHS[1] + 1)
        assert {len(line) for line in lines[: 400 // width]} == {width}
        assert "短行" in lines


def test_no_line_begins_with_a_closing_mark() -> None:
    text = damaged("字，字。" * 100, "d")
    assert text.replace("\n", "") == "字，字。" * 100
    assert not any(line.startswith(("，", "。")) for line in text.split("\n"))


def test_a_number_and_a_row_of_a_table_are_not_broken() -> None:
    lines = damaged("处罚款30000元" * 50, "d").split("\n")
    assert len(lines) > 10
    assert all(not line[0].isdigit() or line.startswith("30000元") for line in lines)
    row = "甲公司\t" + "罚款" * 40
    assert damaged(row, "d") == row
    assert "\n" in damaged("A1" * 100, "d")  # no page is that wide


def test_spaces_stand_in_some_lines_and_never_in_a_number() -> None:
    lines = ["处罚款30000元，占40.5%"] * 200
    spaced = damaged("\n".join(lines), "e").split("\n")
    assert [line.replace(" ", "") for line in spaced] == lines
    assert all("30000" in line and "40.5%" in line for line in spaced)
    assert 30 <= sum(line not in lines for line in spaced) <= 70
    assert "处 罚 款 30000 元 ， 占 40.5%" in spaced


def files() -> list[GoldFile]:
    """The invented documents."""
    return select_gold(STYLES)


def quotes(text: str, gold: Gold) -> list[str]:
    """What the ranges of the truth quote, without spaces."""
    found = []
    for records in (gold.measures, gold.problems, gold.suggestions):
        after = 0
        for record in records:
            place = locate(text, record, after)
            assert place is not None
            after = place[1]
            found.append("".join(text[slice(*place)].split()))
    return found


@pytest.mark.parametrize("kinds", [[kind] for kind in DAMAGES] + [list(DAMAGES)], ids="".join)
def test_the_truth_leads_to_the_same_words(kinds: list[DamageKind]) -> None:
    """Every quote is found again, and what it quotes is the same but for the damage."""
    for file in files():
        text = file.document.read_text("utf-8")
        done = damage(text, file.gold, kinds)
        assert all(penalty.quote in done.text for penalty in done.gold.penalties)
        before, after = quotes(text, file.gold), quotes(done.text, done.gold)
        assert len(before) == len(after)
        if kinds in (["d"], ["e"]):
            assert before == after


def test_the_values_of_the_truth_stay() -> None:
    for file in files():
        done = damage(file.document.read_text("utf-8"), file.gold, DAMAGES).gold
        assert done.document_numbers == file.gold.document_numbers
        assert done.accident == file.gold.accident
        for now, before in zip(done.penalties, file.gold.penalties, strict=True):
            assert now.model_copy(update={"quote": before.quote}) == before


def test_the_same_document_is_damaged_alike() -> None:
    file = files()[0]
    text = file.document.read_text("utf-8")
    assert damage(text, file.gold, DAMAGES) == damage(text, file.gold, DAMAGES)


def test_a_quote_that_is_no_longer_unique_becomes_the_whole_record() -> None:
    """The record ends at the only ；, which the damage makes like the ; within it."""
    gold = gold_of(organizations=[], problems=[{"begin": "甲", "end": "；"}])
    done = damage("甲;乙；别的。", gold, ["c"])
    assert quotes(done.text, done.gold) == ["甲;乙;"]
    assert done.gold.problems[0].begin == "甲;乙;"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"penalties": [wanted_penalty(quote="没有的话")]}, id="sanction"),
        pytest.param({"problems": [{"begin": "没有", "end": "。"}]}, id="range"),
    ],
)
def test_a_truth_of_another_text_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="不在文中"):
        damage("别的文字。", gold_of(organizations=[], **changes), ["a"])


def test_points_lost_are_told_layer_by_layer() -> None:
    """Against the same texts without damage; a layer over the limit is named."""
    chosen = files()[:6]
    (scores,) = measure_damage(chosen, read_all(chosen), ["c"])
    for layer, tally in scores.whole.tallies.items():
        lost = 100 * (tally.f1 - scores.score.tallies[layer].f1)
        assert scores.points_lost(layer) == pytest.approx(lost)
        assert (layer in scores.layers_over()) == (lost > 3)


def test_an_undamaged_reading_loses_nothing() -> None:
    """A text without any document number cannot lose a bracket."""
    text = "青石县“3·5”一般坍塌事故调查报告\n\n一、基本情况\n2023年3月5日发生事故。\n"
    document = parse(text.encode(), "made.txt")
    reading = Reading(document, extract(document))
    gold = gold_of(organizations=[])
    file = GoldFile(gold, STYLES)
    (scores,) = measure_damage([file], [reading], ["a"])
    assert scores.layers_over() == []
