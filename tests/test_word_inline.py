"""What stands inside a paragraph of a DOCX beyond plain runs: only what is shown comes out."""

from __future__ import annotations

import time

import pytest

from extractor.document import Document
from extractor.formats import parse
from tests.sample_files import W, cells, docx, numbered, one_list, paragraph, zip_file

RUN = '<w:r><w:t xml:space="preserve">{}</w:t></w:r>'


def read(data: bytes) -> Document:
    return parse(data, "a.docx")


def codes(document: Document) -> list[str]:
    return [notice.code for notice in document.warnings]


def mark(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


def code(text: str) -> str:
    return f'<w:r><w:instrText xml:space="preserve">{text}</w:instrText></w:r>'


def run(text: str) -> str:
    return RUN.format(text)


def complex_field(instruction: str, result: str | None) -> str:
    """A field of marks; without a result it has no separator, as Word writes EQ and XE."""
    middle = "" if result is None else mark("separate") + run(result)
    return f"{mark('begin')}{code(instruction)}{middle}{mark('end')}"


def in_paragraph(*inside: str) -> str:
    return f"<w:p>{''.join(inside)}</w:p>"


INNER = complex_field("NUMPAGES", "12")
IF_FIELD = (
    mark("begin") + code('IF "') + INNER + code('" > "1" "是" "否"') + mark("separate")
    + run("是") + mark("end")
)  # fmt: skip


@pytest.mark.parametrize(
    ("body", "wanted", "warned"),
    [
        pytest.param(
            in_paragraph(run("第"), complex_field(" PAGE ", "3"), run("页")), "第3页", [], id="PAGE"
        ),
        pytest.param(
            in_paragraph('<w:fldSimple w:instr=" PAGE ">', run("3"), "</w:fldSimple>"),
            "3",
            [],
            id="a simple field",
        ),
        pytest.param(
            in_paragraph(complex_field(' HYPERLINK "http://a.example/" \\o "提示" ', "通知全文")),
            "通知全文",
            [],
            id="a link shows its words",
        ),
        pytest.param(
            in_paragraph(run("甲"), IF_FIELD, run("乙")),
            "甲是乙",
            [],
            id="the result of a field in an instruction is instruction",
        ),
        pytest.param(
            in_paragraph(mark("begin"), code("TOC"), mark("separate"), run("一、概况"))
            + in_paragraph(run("二、经过"), mark("end"))
            + paragraph("正文"),
            "一、概况\n二、经过\n正文",
            [],
            id="a field over paragraphs",
        ),
        pytest.param(
            in_paragraph(mark("begin"), code("XE 索引"), run("没有收尾")) + paragraph("后文"),
            "没有收尾\n后文",
            [],
            id="a field without an end swallows nothing",
        ),
        pytest.param(
            in_paragraph(run("甲"), mark("end"), mark("separate"), run("乙")),
            "甲乙",
            [],
            id="marks without a beginning",
        ),
        pytest.param(
            in_paragraph(run("甲"), complex_field(' XE "事故" ', None), run("乙")),
            "甲乙",
            [],
            id="an index entry shows nothing",
        ),
        pytest.param(
            in_paragraph(complex_field("eq \\o\\ac(○,3)", None), run("落实")),
            "③落实",
            [],
            id="a number in a circle",
        ),
        pytest.param(
            in_paragraph(complex_field("EQ \\o\\ac(○,36)", ""), complex_field("EQ \\f(1,3)", None)),
            "㊱1/3",
            [],
            id="circle and fraction with an empty result",
        ),
        pytest.param(
            in_paragraph(run("式"), complex_field("EQ \\b\\bc\\{(x)", None)),
            "式�",
            ["unknown_symbol"],
            id="another drawing by EQ is said",
        ),
        pytest.param(
            in_paragraph(
                "<w:r><w:fldChar w:fldCharType='begin'><w:ffData><w:ddList><w:result w:val='1'/>"
                "<w:listEntry w:val='未落实'/><w:listEntry w:val='已落实'/></w:ddList></w:ffData>"
                f"</w:fldChar></w:r>{code('FORMDROPDOWN')}{mark('end')}"
            ),
            "已落实",
            [],
            id="a list shows the entry that is chosen",
        ),
        pytest.param(
            in_paragraph(
                '<w:r><w:rPr><w:rFonts w:ascii="Wingdings"/></w:rPr><w:t>\uf0fe\uf028</w:t></w:r>',
                run("\uf0fe"),
            ),
            "☑�\uf0fe",
            ["unknown_symbol"],
            id="letters of a symbol font, known and not, and of no symbol font",
        ),
        pytest.param(
            in_paragraph(run("安全\u00ad生产"), "<w:r><w:softHyphen/></w:r>", run("法")),
            "安全生产法",
            [],
            id="soft hyphens are not printed",
        ),
        pytest.param(
            in_paragraph(
                run("甲"), '<w:r><w:br w:type="page"/></w:r>', run("乙"), "<w:r><w:cr/></w:r>"
            ),
            "甲\n乙",
            [],
            id="a page break ends a block",
        ),
        pytest.param(
            in_paragraph(run("见"), '<w:r><w:footnoteReference w:id="2"/></w:r>', run("文")),
            "见文",
            [],
            id="the number of a note does not run into the text",
        ),
    ],
)
def test_what_a_field_or_sign_shows(body: str, wanted: str, warned: list[str]) -> None:
    document = read(docx(body))
    assert document.text == wanted
    assert codes(document) == warned


@pytest.mark.parametrize(
    "inside",
    [
        pytest.param(mark("begin"), id="begun"),
        pytest.param(mark("begin") + mark("separate"), id="begun and parted"),
        pytest.param(mark("begin") + mark("separate") + run("甲"), id="with results"),
    ],
)
def test_fields_in_fields_without_end_are_read_in_time(inside: str) -> None:
    """Twenty thousand of them; each step is done once."""
    times = 20_000
    xml = in_paragraph(run("始"), inside * times, mark("end") * times, run("终"))
    started = time.perf_counter()
    document = read(docx(xml))
    assert time.perf_counter() - started < 5
    assert document.text == f"始{'甲' * (times if '甲' in inside else 0)}终"


def m(tag: str, *inside: str, **settings: str) -> str:
    marks = "".join(f' m:{name}="{value}"' for name, value in settings.items())
    return f"<m:{tag}{marks}>{''.join(inside)}</m:{tag}>"


def sign(text: str) -> str:
    return m("r", m("t", text))


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        pytest.param(m("f", m("num", sign("1")), m("den", sign("2"))), "1/2", id="fraction"),
        pytest.param(
            m("f", m("num", sign("a+b")), m("den", sign("3.5"))), "(a+b)/3.5", id="brackets"
        ),
        pytest.param(m("sSup", m("e", sign("10")), m("sup", sign("3"))), "10^3", id="power"),
        pytest.param(m("sSub", m("e", sign("P")), m("sub", sign("1"))), "P_1", id="index"),
        pytest.param(
            m("sSubSup", m("e", sign("x")), m("sub", sign("i")), m("sup", sign("2"))),
            "x_i^2",
            id="both",
        ),
        pytest.param(m("rad", m("deg"), m("e", sign("a-b"))), "√(a-b)", id="root"),
        pytest.param(
            m("d", m("dPr", m("begChr", val="["), m("endChr", val="]")), m("e", sign("0,1"))),
            "[0,1]",
            id="interval",
        ),
        pytest.param(
            m(
                "nary",
                m("naryPr", m("chr", val="∑")),
                m("sub", sign("i=1")),
                m("sup", sign("n")),
                m("e", sign("x")),
            ),
            "∑_(i=1)^n x",
            id="sum",
        ),
        pytest.param(sign("3") + f"<w:del>{sign('4')}</w:del>", "3", id="deleted sign"),
    ],
)
def test_formulas_are_written_on_a_line(formula: str, wanted: str) -> None:
    """Two numbers of a formula never run into one."""
    assert read(docx(in_paragraph(m("oMath", formula)))).text == wanted


STYLES = (
    '<w:style w:type="paragraph" w:default="1" w:styleId="a"><w:name w:val="Normal"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="dark"><w:name w:val="暗"/><w:rPr><w:vanish/></w:rPr>'
    "</w:style>"
    '<w:style w:type="paragraph" w:styleId="lit"><w:name w:val="明"/><w:basedOn w:val="dark"/>'
    '<w:rPr><w:vanish w:val="0"/></w:rPr></w:style>'
    '<w:style w:type="character" w:styleId="c"><w:name w:val="x"/><w:rPr><w:vanish/></w:rPr>'
    "</w:style>"
)


@pytest.mark.parametrize(
    ("body", "wanted", "warned"),
    [
        pytest.param(
            paragraph("暗", '<w:pStyle w:val="dark"/>') + paragraph("明"),
            "明",
            True,
            id="by the style of the paragraph",
        ),
        pytest.param(paragraph("明", '<w:pStyle w:val="lit"/>'), "明", False, id="shown again"),
        pytest.param(
            in_paragraph(
                '<w:r><w:rPr><w:rStyle w:val="c"/></w:rPr><w:t>暗</w:t></w:r>',
                '<w:r><w:rPr><w:rStyle w:val="c"/><w:vanish w:val="0"/></w:rPr><w:t>明</w:t></w:r>',
            ),
            "明",
            True,
            id="by the style of the letters, and shown by the run itself",
        ),
        pytest.param(
            in_paragraph("<w:r><w:rPr><w:webHidden/></w:rPr><w:t>明</w:t></w:r>"),
            "明",
            False,
            id="hidden on the web is printed",
        ),
    ],
)
def test_hidden_text_is_out_and_said(body: str, wanted: str, warned: bool) -> None:
    document = read(docx(body, styles=STYLES))
    assert document.text == wanted
    assert codes(document) == ["hidden_text"] * warned


def box(*inside: str, kind: str = "drawing") -> str:
    return f"<w:{kind}><w:txbxContent>{''.join(inside)}</w:txbxContent></w:{kind}>"


def alternate(*choices: tuple[str, str], fallback: str = "") -> str:
    inside = "".join(f'<mc:Choice Requires="{needs}">{xml}</mc:Choice>' for needs, xml in choices)
    return (
        f"<mc:AlternateContent>{inside}<mc:Fallback>{fallback}</mc:Fallback></mc:AlternateContent>"
    )


def cell(*inside: str, settings: str = "") -> str:
    return f"<w:tc><w:tcPr>{settings}</w:tcPr>{''.join(inside)}</w:tc>"


def table(*cells: str) -> str:
    return f"<w:tbl><w:tr>{''.join(cells)}</w:tr></w:tbl>"


def in_run(xml: str) -> str:
    return f"<w:p><w:r>{xml}</w:r></w:p>"


WORD_ART = '<w:pict><v:shape><v:textpath string="某某县人民政府文件"/></v:shape></w:pict>'


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        pytest.param(
            in_run(alternate(("wps", box(paragraph("一次"))), fallback=box(paragraph("一次")))),
            "一次",
            id="a box of Word stands in both branches",
        ),
        pytest.param(
            in_run(alternate(("future", box(paragraph("新"))), fallback=box(paragraph("旧")))),
            "旧",
            id="what only a newer program understands is read from the fallback",
        ),
        pytest.param(
            in_run(
                "<mc:AlternateContent><mc:Choice Requires='wpsCustomData'>"
                f"{box(paragraph('仅此'))}</mc:Choice></mc:AlternateContent>"
            ),
            "仅此",
            id="a branch without a fallback is better than nothing",
        ),
        pytest.param(
            in_run(
                "<w:drawing>"
                + alternate(
                    ("wpg", f"<w:txbxContent>{paragraph('组内')}</w:txbxContent>"),
                    fallback=f"<w:txbxContent>{paragraph('组内')}</w:txbxContent>",
                )
                + "</w:drawing>"
            ),
            "组内",
            id="branches inside a group",
        ),
        pytest.param(in_run(WORD_ART), "某某县人民政府文件", id="word art of a red head"),
        pytest.param(
            in_run(box(table(cell(paragraph("格")), cell(paragraph("子"))))),
            "格\n子",
            id="a table in a box",
        ),
        pytest.param(
            "<w:del><w:p><w:r><w:t>删</w:t></w:r></w:p></w:del>" + paragraph("留"),
            "留",
            id="a change around paragraphs",
        ),
    ],
)
def test_boxes_and_branches_are_read_once(body: str, wanted: str) -> None:
    assert read(docx(body)).text == wanted


def test_a_box_in_a_cell_belongs_to_the_cell() -> None:
    boxed = cell(f"<w:p>{run('外')}<w:r>{box(paragraph('盒'))}</w:r></w:p>")
    assert cells(read(docx(table(boxed, cell(paragraph("后")))))) == [
        (0, 0, 0, "外"),
        (0, 0, 0, "盒"),
        (0, 0, 1, "后"),
    ]


def test_cells_that_are_not_shown_are_out_and_said() -> None:
    hidden_row = f"<w:tr><w:trPr><w:hidden/></w:trPr>{cell(paragraph('藏'))}</w:tr>"
    body = (
        table(cell(paragraph("留")), cell(paragraph("删"), settings="<w:cellDel/>"))
        + table(cell(paragraph("被盖住"), settings="<w:vMerge/>"), cell(paragraph("见")))
        + f"<w:tbl>{hidden_row}</w:tbl>"
    )
    document = read(docx(body))
    assert cells(document) == [(0, 0, 0, "留"), (1, 0, 1, "见")]
    assert codes(document) == ["tracked_changes", "hidden_text"]


def test_notes_with_branches_and_word_art_are_kept_once() -> None:
    head = in_run(alternate(("wps", box(paragraph("眉"))), fallback=box(paragraph("眉"))))
    document = read(
        docx(
            paragraph("正文"),
            header1=head + in_run(WORD_ART),
            endnotes=f"<w:endnote>{paragraph('尾注一')}{table(cell(paragraph('格')))}</w:endnote>",
        )
    )
    assert [(item.kind, item.text) for item in document.furniture] == [
        ("header", "眉"),
        ("header", "某某县人民政府文件"),
        ("note", "尾注一"),
        ("note", "格"),
    ]
    assert document.text == "正文"


OBJECT = (
    '<w:object><v:shape><v:imagedata/></v:shape><o:OLEObject xmlns:o="urn:schemas-microsoft-com:'
    'office:office" Type="Embed" ProgID="Equation.3"/></w:object>'
)


def test_embedded_objects_and_subdocuments_are_said() -> None:
    document = read(docx(paragraph("正文") + in_run(OBJECT) + "<w:subDoc/>"))
    assert codes(document) == ["embedded_object", "embedded_part"]
    assert document.status == "partial"


@pytest.mark.parametrize("name", ["报告.docm", "模板.dotx", "模板.dotm"])
def test_macros_are_not_run_and_said(name: str) -> None:
    main = f'<w:document xmlns:w="{W}"><w:body>{paragraph("正文")}</w:body></w:document>'
    data = zip_file({"word/document.xml": main, "word/vbaProject.bin": b"\xcc\x61"})
    document = parse(data, name)
    assert (document.text, codes(document)) == ("正文", ["macros"])


def test_a_document_as_wps_writes_it() -> None:
    """Its own namespace, alternatives without a fallback, no styles part, japaneseCounting."""
    levels = (
        '<w:lvl w:ilvl="0" w:tentative="0"><w:start w:val="1"/><w:numFmt w:val="japaneseCounting"/>'
        '<w:suff w:val="nothing"/><w:lvlText w:val="%1、"/><w:lvlJc w:val="left"/></w:lvl>'
    )
    diagonal = (
        '<mc:AlternateContent><mc:Choice Requires="wpsCustomData"><wpsCustomData:diagonals '
        'xmlns:wpsCustomData="http://www.wps.cn/officeDocument/2013/wpsCustomData"/></mc:Choice>'
        "</mc:AlternateContent>"
    )
    body = (
        numbered("概况")
        + numbered("经过")
        + table(cell(paragraph("责任人"), settings=diagonal), cell(paragraph("处理")))
        + "<w:p><w:pPr><w:pStyle w:val='27'/></w:pPr>"
        + "<w:bookmarkStart w:id='0' w:name='_GoBack'/><w:bookmarkEnd w:id='0'/>"
        + f"{run('落款')}</w:p>"
    )
    document = read(docx(body, numbering=one_list(levels)))
    assert document.text.split("\n") == ["一、概况", "二、经过", "责任人", "处理", "落款"]
    assert codes(document) == []
