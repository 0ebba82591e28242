"""The reading view: folding, squeezing, joining lines, and the exact way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.document import Document, DocumentBuilder, Span
from extractor.view import View, build_view, fold, squeeze


def plain(text: str) -> Document:
    """Make a plain text document, one block a line."""
    builder = DocumentBuilder(text.encode(), "测试.txt", "text/plain")
    for line in text.split("\n"):
        builder.add_block(line)
    return builder.build()


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of the view of a plain text."""
    view = build_view(plain(text))
    return [view.text[start:end] for start, end in view.paragraphs]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("２０１９年", "2019年"),
        ("(一)，（二）", "（一），（二）"),
        ("7•12 7∙12 7・12", "7·12 7·12 7·12"),
        ("﹝2019﹞8号", "〔2019〕8号"),
        ("二○二一", "二〇二一"),
        ("㎡ ⑴ ㈠", "㎡ ⑴ ㈠"),
    ],
)
def test_fold_maps_one_to_one(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(max_size=300))
def test_fold_never_changes_the_length(text: str) -> None:
    assert len(fold(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("危险 化学品", ["危险化学品"]),
        ("2017 年8月7日", ["2017年8月7日"]),
        ("浙建法2006 82 号", ["浙建法2006 82号"]),
        ("　　一、总则\u200b", ["一、总则"]),
        # a line that ends with a comma goes on, also over an empty line
        (
            "在结案后10个月至1年内，\n\n对措施组织评估。",
            ["在结案后10个月至1年内，对措施组织评估。"],
        ),
        # a heading stays alone
        ("一、基本情况\n某公司成立于2001年。", ["一、基本情况", "某公司成立于2001年。"]),
        # a long line without a stop was broken inside its sentence
        ("某" * 50 + "\n公司负责。", ["某" * 50 + "公司负责。"]),
        # a short line that holds a full stop, or an open bracket, is no heading: it goes on
        ("第一项。县政府作出深\n刻检查。", ["第一项。县政府作出深刻检查。"]),
        ("判处罚金（（2023）川5199刑初\n41号）。", ["判处罚金（（2023）川5199刑初41号）。"]),
        # a tab parts the cells of a row; rows are never joined
        (
            "1\t张三\t甲镇镇长\t警告\n2\t李四\t甲镇副镇长（挂职）\t记过",
            ["1，张三，甲镇镇长，警告", "2，李四，甲镇副镇长（挂职），记过"],
        ),
        # a table that was stored one cell a line: its rows are put together again
        (
            "见下表。\n序号\n姓名\n处理建议\n1\n张三\n警告\n2\n李四\n记过\n二、其他情况",
            ["见下表。", "序号，姓名，处理建议", "1，张三，警告", "2，李四，记过", "二、其他情况"],
        ),
        # what begins with a mark is never joined
        ("有关单位要，\n1.加强培训。", ["有关单位要，", "1.加强培训。"]),
        # a page number inside a sentence is left out
        ("定期开展检查，严格落实— 4 —房屋安全责任。", ["定期开展检查，严格落实房屋安全责任。"]),
        ("由县公安局刑-32-事拘留。", ["由县公安局刑事拘留。"]),
        # years and ranges are no page numbers
        ("2013-15-20的记录，2020—2022年。", ["2013-15-20的记录，2020—2022年。"]),
        # a number alone on its line is left out
        ("上级要求，\n- 3 -\n认真落实。", ["上级要求，认真落实。"]),
        ("[bookmark: _GoBack]关于情况的通报", ["关于情况的通报"]),
    ],
)
def test_paragraphs_are_mended(text: str, expected: list[str]) -> None:
    assert paragraphs(text) == expected


def test_page_numbers_glued_to_words_are_left_out_when_they_count_on() -> None:
    """1…, 2…, 3… at line starts are pages; a single one is text."""
    glued = "由市场监\n1管总局负责，\n2体制转变，\n3屋安全。\n"
    assert paragraphs(glued)[0].startswith("由市场监管总局") or "管总局负责" in paragraphs(glued)[1]
    assert not any(p[0].isdigit() for p in paragraphs(glued))
    assert paragraphs("3屋安全。") == ["3屋安全。"]


@given(st.text(alphabet="一二三，。 \n1aA（）〔〕　-—", max_size=200))
def test_every_character_leads_back_to_its_source(text: str) -> None:
    """A view character is the folded document character at its offset."""
    document = plain(text)
    view = build_view(document)
    assert len(view.offsets) == len(view.text)
    assert list(view.offsets) == sorted(view.offsets)
    for start, end in view.paragraphs:
        for index in range(start, end):
            source = fold(document.text[view.offsets[index]])
            assert view.text[index] == source or view.text[index] == " "


@given(st.text(alphabet="甲乙丙，。 \n12", min_size=1, max_size=120))
def test_spans_quote_what_was_read(text: str) -> None:
    """The document words of a span, squeezed, are the view words."""
    document = plain(text)
    view = build_view(document)
    for start, end in view.paragraphs:
        span = view.span(start, end)
        assert view.quote(span) == view.text[start:end]
        squeezed = squeeze(document.quote(span)).replace(" ", "")
        for char in view.text[start:end].replace(" ", ""):
            assert char in squeezed


def test_empty_document_has_an_empty_view() -> None:
    view = build_view(plain(""))
    assert view.text == ""
    assert view.paragraphs == ()


def test_locate_is_the_inverse_of_span() -> None:
    view: View = build_view(plain("甲 乙\n丙。"))
    assert view.locate(view.span(0, 2)) == (0, 2)
    assert view.locate(Span(0, 3)) == (0, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # typed in half width: a point behind Chinese or a closing mark ends the sentence
        ("某公司未培训.某镇未检查(含夜间).", ["某公司未培训。某镇未检查（含夜间）。"]),
        # but not the point of a number, a mark or a date
        ("一.概况\n1.培训2.5小时.\n7.12事故.", ["一.概况", "1.培训2.5小时。", "7.12事故。"]),
        # where 。 is used, a point inside a name stays, and one at the end of a line is a stop
        ("阿里.买买提受伤。已治愈。他出院了.", ["阿里.买买提受伤。已治愈。他出院了。"]),
        ("“三.八”事故……", ["“三.八”事故……"]),
    ],
)
def test_points_of_a_text_in_half_width(text: str, expected: list[str]) -> None:
    assert paragraphs(text) == expected


WIDE = "建" * 37


@pytest.mark.parametrize(
    ("before", "after", "joined"),
    [
        # a number is not broken: the line before may be short by its length
        (WIDE[:32] + "于", "2021年7月报送。", True),
        # an article behind the title of a law begins no paragraph
        (WIDE[:20] + "《安全生产法》", "第九十二条规定处罚。", True),
        # a quotation that closes inside a sentence
        (WIDE[:36] + "”", "的规定处罚。", True),
        # a sentence that ends where the line is full, and a line that goes on
        (WIDE[:37] + "。", "各镇要开展检查。", True),
        # a short line ends its paragraph, an indented one begins one
        (WIDE[:20] + "。", "各镇要开展检查。", False),
        (WIDE[:37] + "。", "　　各镇要开展检查。", False),
        # a bracket that is open over the break
        (WIDE[:30] + "（填报", "附件1），按月报送。", True),
    ],
)
def test_breaks_of_a_text_of_fixed_width(before: str, after: str, joined: bool) -> None:
    text = "\n".join([*[WIDE + "设"] * 6, "末尾。", before, after])
    assert (paragraphs(text)[-1] == (before + after).replace("　", "")) is joined


def test_cells_are_the_places_of_tabs() -> None:
    view = build_view(plain("序号\t措施，时限\n1\t更换吊具，培训"))
    assert [view.text[:at].split("\n")[-1] for at in sorted(view.cells)] == ["序号", "1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # pages of a shared copy: the marks go, sentences cut by a page end are whole again
        (
            "1、关于情况的报告，评估组采\n2、取听取汇报的方式。",
            ["关于情况的报告，评估组采取听取汇报的方式。"],
        ),
        # a list whose items end with a stop stays a list
        ("1、加强领导。\n2、落实责任。", ["1、加强领导。", "2、落实责任。"]),
        # a list behind a first line without a number stays a list
        ("要求如下\n1、加强领导，\n2、落实责任。", ["要求如下", "1、加强领导，", "2、落实责任。"]),
        # numbers that do not count on are no pages
        ("1、关于情况，评估组采\n3、取汇报。", ["1、关于情况，评估组采", "3、取汇报。"]),
    ],
)
def test_page_marks_of_shared_copies_are_left_out(text: str, expected: list[str]) -> None:
    """1、 2、 3、 before the text of each page are no list."""
    assert paragraphs(text) == expected


def test_the_cells_of_a_row_are_read_as_one_line() -> None:
    """As in a plain text with tabs; a row that lays out paragraphs stays as it is."""
    builder = DocumentBuilder(b"", "a.docx", "application/x")
    cells = [
        (0, 0, 0, "姓名"), (0, 0, 1, "处理"), (0, 1, 0, "赵某"), (0, 1, 1, "罚款"),
        (0, 2, 0, "钱某"), (0, 2, 0, "孙某"), (0, 2, 1, "警告"),
    ]  # fmt: skip
    builder.add_block("名单")
    for *cell, text in cells:
        builder.add_block(text, "cell", cell=(cell[0], cell[1], cell[2]))
    builder.add_block("完毕。")
    document = builder.build()
    view = build_view(document)
    assert view.text.splitlines() == [
        "名单",
        "姓名，处理",
        "赵某，罚款",
        "钱某",
        "孙某",
        "警告",
        "完毕。",
    ]
    at = view.text.index("罚款")
    assert document.quote(view.span(at, at + 2)) == "罚款"
    assert {view.text[place] for place in view.cells} == {"，"}
