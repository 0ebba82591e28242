"""Saved web pages: the body whole and in order, tables as cells, all around it kept apart."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.document import Document
from extractor.errors import CorruptFileError, EmptyFileError
from extractor.formats import parse
from tests.web_pages import CELLS, PAGES, PARAGRAPHS, TABLE, TITLE, WebPage, page, paragraphs


def texts(document: Document) -> tuple[str, ...]:
    return tuple(document.quote(block.span) for block in document.blocks)


def read(markup: str) -> Document:
    return parse(markup.encode(), "网页.html")


@pytest.mark.parametrize("sample", PAGES, ids=lambda each: each.name)
def test_the_body_is_whole_and_nothing_else_is_in_it(sample: WebPage) -> None:
    document = read(sample.markup)
    assert texts(document) == sample.body
    assert [word for word in sample.furniture if word in document.text] == []


@pytest.mark.parametrize("sample", PAGES, ids=lambda each: each.name)
def test_nothing_visible_is_dropped(sample: WebPage) -> None:
    """What is not of the body is kept as furniture."""
    document = read(sample.markup)
    apart = "".join(each.text for each in document.furniture)
    for word in sample.furniture:
        assert word in apart or word in ("不是正文的脚本", "站内搜索") or word not in sample.markup


@pytest.mark.parametrize("sample", PAGES, ids=lambda each: each.name)
@pytest.mark.parametrize("encoding", ["gb18030", "gb2312", "utf-8-sig", "utf-16"])
def test_the_encoding_does_not_matter(sample: WebPage, encoding: str) -> None:
    """Also when the page's own declaration is wrong, or there is none."""
    for markup in (sample.markup, sample.markup.replace("charset", "x")):
        data = markup.encode(encoding, "xmlcharrefreplace")
        assert texts(parse(data, "a.html")) == sample.body


@given(st.data())
def test_no_wrapping_loses_body_text(data: st.DataObject) -> None:
    """Body paragraphs in any nest of meaningless elements come out whole and in order."""
    body = data.draw(st.lists(st.sampled_from(PARAGRAPHS), min_size=3, max_size=12))
    tags = st.lists(st.sampled_from(["div", "section", "span", "center"]), max_size=4)
    inside = ""
    for text in body:
        wrap = data.draw(tags)
        inside += "".join(f"<{tag}>" for tag in wrap) + f"<p>{text}</p>"
        inside += "".join(f"</{tag}>" for tag in reversed(wrap))
    outside = data.draw(tags)
    for tag in outside:
        inside = f"<{tag}>{inside}</{tag}>"
    assert texts(read(page(inside))) == tuple(body)


LETTER = ("县应急管理局：", "你局请示收悉。经研究，同意调查报告。", "请督促落实，做到举一反三。")


@pytest.mark.parametrize(
    ("inside", "body"),
    [
        pytest.param(
            f"<div class=t>{TITLE}</div><div class=w><div>{paragraphs()}</div><div><p>"
            "青石县人民政府</p><p>2023年7月30日</p></div></div>",
            (TITLE, *PARAGRAPHS, "青石县人民政府", "2023年7月30日"),
            id="signature outside the main element",
        ),
        pytest.param(
            f"<h1>{TITLE}</h1><div>青政复〔2023〕7号</div><div>{paragraphs(texts=LETTER)}</div>",
            (TITLE, "青政复〔2023〕7号", *LETTER),
            id="number between title and body",
        ),
        pytest.param(
            f"<h1>{TITLE}</h1><p>来源：县局　时间：2023-08-01</p><p>甲方。</p>"
            "<p>时间：5月12日。</p><p>来源：现场录像。</p><p>乙方，丙方。</p>",
            (TITLE, "甲方。", "时间：5月12日。", "来源：现场录像。", "乙方，丙方。"),
            id="labels in the body stay",
        ),
        pytest.param(
            f"<div>{paragraphs()}</div><div style='display:none'>{paragraphs()}</div>",
            PARAGRAPHS,
            id="a hidden copy",
        ),
        pytest.param(
            f"<div style='display: none'>{paragraphs()}</div>", PARAGRAPHS, id="all is hidden"
        ),
        pytest.param(
            "<ol><li>加强管理，压实责任。<li>1.开展检查，消除隐患。</ol><ol start=3 type=A><li>"
            "完善制度，抓好落实。</ol><ul><li>做好总结，及时上报。</ul>",
            (
                "1.加强管理，压实责任。",
                "1.开展检查，消除隐患。",
                "C.完善制度，抓好落实。",
                "做好总结，及时上报。",
            ),
            id="list numbers as shown",
        ),
        pytest.param(
            "<p>某某公司，\n  安全管理不到位。</p><p>see\nthe report, and so on.</p>"
            "<p>赵&nbsp;&nbsp;某，\u200b停工。</p>",
            ("某某公司，安全管理不到位。", "see the report, and so on.", "赵  某，停工。"),
            id="wraps and blanks",
        ),
        pytest.param(
            "<pre>第一行，甲。\n第二行，乙。</pre>",
            ("第一行，甲。", "第二行，乙。"),
            id="preformatted",
        ),
        pytest.param(
            "<table><td>某某公司，甲。</td><td>某某局，乙。</td><tr><td>丙。</td></table>",
            ("某某公司，甲。", "某某局，乙。", "丙。"),
            id="cells before any row",
        ),
    ],
)
def test_the_finer_points(inside: str, body: tuple[str, ...]) -> None:
    assert texts(read(page(inside))) == body


def test_cells_before_any_row_have_a_row() -> None:
    document = read(page(f"<table><td>甲</td><td>乙</td><tr>{'<td>丙</td>' * 2}</table>{TABLE}"))
    places = [(block.row, block.column) for block in document.blocks if block.table == 0]
    assert places == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_an_address_that_is_none_is_named_as_it_is_written() -> None:
    document = read(
        page(f"{paragraphs()}<iframe src='http://[a'></iframe><a href='//[b.pdf'>附</a>")
    )
    assert [each.code for each in document.warnings] == ["frames_not_read", "attachments_not_read"]
    assert (
        "http://[a" in document.warnings[0].message and "//[b.pdf" in document.warnings[1].message
    )


def test_a_page_without_a_frame_of_elements() -> None:
    assert texts(read(f"<p>{'</p><p>'.join(PARAGRAPHS)}</p>{TABLE}")) == (*PARAGRAPHS, *CELLS)


def test_cells_stand_where_spans_leave_room() -> None:
    document = read(page(paragraphs() + TABLE))
    cells = [(b.row, b.column, document.quote(b.span)) for b in document.blocks if b.kind == "cell"]
    assert cells[3:] == [
        (1, 0, "1"),
        (1, 1, "孙小满"),
        (1, 2, "移送司法机关"),
        (2, 0, "2"),
        (2, 1, "周到"),
        (2, 2, "罚款3万元"),
        (3, 2, "撤职"),
    ]
    assert {b.table for b in document.blocks if b.kind == "cell"} == {0}


def test_the_source_line_and_the_index_are_kept_apart() -> None:
    document = read(PAGES[0].markup)
    lines = [each.text for each in document.furniture if each.kind == "source_line"]
    assert lines[0] == "索引号：　QS001-2023-0042　文号：　青政复〔2023〕7号"
    assert any(line.startswith("来源：青石县应急管理局") for line in lines)


@pytest.mark.parametrize(
    ("inside", "code", "says"),
    [
        (
            '<a href="f/清单.docx">整改清单</a>',
            "attachments_not_read",
            "整改清单（http://gov.example/x/f/清单.docx）",
        ),
        ('<iframe src="body.html"></iframe>', "frames_not_read", "http://gov.example/x/body.html"),
        ('<p><img src="a.jpg"></p>', "pictures_not_read", "1 张图片"),
    ],
)
def test_what_the_page_only_points_to_is_named(inside: str, code: str, says: str) -> None:
    base = '<base href="http://gov.example/x/">'
    document = read(page(f"<div>{paragraphs()}{inside}</div>", base))
    assert [notice.code for notice in document.warnings] == [code]
    assert says in document.warnings[0].message


def mht(*parts: tuple[str, str]) -> bytes:
    head = "MIME-Version: 1.0\r\nContent-Type: multipart/related;\r\n\tboundary=b\r\n\r\n"
    body = "".join(
        f"--b\r\nContent-Type: text/html; charset=gb2312\r\nContent-Location: {place}\r\n\r\n"
        f"{markup}\r\n"
        for place, markup in parts
    )
    return f"{head}{body}--b--\r\n".encode("gb18030")


def test_a_web_archive_is_read_with_its_frames() -> None:
    whole = page(f'<h1>{TITLE}</h1><iframe src="inner.htm"></iframe>')
    data = mht(("http://gov.example/a.htm", whole), ("http://gov.example/inner.htm", paragraphs()))
    document = parse(data, "a.mht")
    assert (document.media_type, document.warnings) == ("multipart/related", ())
    assert texts(document) == (TITLE, *PARAGRAPHS)


def test_a_web_archive_without_a_page_says_so() -> None:
    data = mht(("a", "x")).replace(b"text/html", b"image/png")
    with pytest.raises(CorruptFileError, match="没有网页正文"):
        parse(data, "a.mht")


@pytest.mark.parametrize(
    ("markup", "outcome"),
    [
        pytest.param("<html><body>" + "<div>" * 1_000_000 + "事故", "事故", id="a million divs"),
        pytest.param("<html>" + "<table><tr><td>" * 3000 + "事故", CorruptFileError, id="tables"),
        pytest.param("<html>" + "<font>事。" * 100_000, None, id="formatting never closed"),
        pytest.param("<html>" + "<!--" * 300_000, EmptyFileError, id="comments never closed"),
        pytest.param("<html><body>" + "<" * 500_000, None, id="only brackets"),
        pytest.param(f"<html><body {'a=1 ' * 300_000}>事故", "事故", id="a million attributes"),
        pytest.param(
            "<html><table>" + "<tr><td colspan=999 rowspan=999>事<td>故" * 5000,
            None,
            id="spans without end",
        ),
        pytest.param("<html><body><img src=a.jpg></body></html>", EmptyFileError, id="no text"),
        pytest.param(
            '<!DOCTYPE html [<!ENTITY a "哈"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM '
            '"file:///etc/hostname">]><html><body><p>&b;&c;事故</p></body></html>',
            None,
            id="entities",
        ),
    ],
)
def test_hostile_markup_ends_in_time(markup: str, outcome: str | type[Exception] | None) -> None:
    started = time.perf_counter()
    if isinstance(outcome, type):
        with pytest.raises(outcome, match="请"):
            read(markup)
    else:
        document = read(markup)
        assert document.text == outcome or outcome is None
        assert "哈哈" not in document.text
    assert time.perf_counter() - started < 5


def test_head_and_foot_of_a_page_saved_by_an_office_program_are_no_body() -> None:
    page = (
        '<html><head><meta name="generator" content="LibreOffice 7.4"/></head><body>'
        f'<div title="header"><p>青石县事故调查组</p></div><p>{PARAGRAPHS[0]}</p>'
        '<div title="footer"><p>— <sdfield type=PAGE>2</sdfield> —</p></div>'
        '<div title="footer"><p>内部资料</p></div></body></html>'
    )
    document = parse(page.encode(), "a.html")
    assert document.text == PARAGRAPHS[0]
    assert [(each.kind, each.text) for each in document.furniture] == [
        ("header", "青石县事故调查组"),
        ("page_number", "— 2 —"),
        ("footer", "内部资料"),
    ]
