"""The readers' table, and plain text in every encoding that offices use."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import UnsupportedFormatError
from extractor.formats import FORMATS, parse
from extractor.formats.plaintext import decode
from extractor.formats.sniffing import is_html, is_markdown, is_text
from tests.container_files import compound_file
from tests.sample_files import Print, Sheet, docx, paragraph, pdf, zip_file

REPORT = (
    "某某市某某建设有限公司“7·12”一般高处坠落事故调查报告\n"
    "\n"
    "　　2019年7月12日9时许，某某市高新区某某建设有限公司发生一起高处坠落事故，造成1人死亡。\n"
    "　　（一）赵某某，某某建设有限公司法定代表人，建议处上一年年收入30％的罚款。\n"
)
TRADITIONAL = "某某市人民政府關於同意事故調查報告的批復\n經研究，同意調查組對責任單位的處理建議。\n"
ENGLISH = "Report on the accident of 12 July\nNobody was hurt.\n"


def test_every_format_loads_its_reader_and_has_its_own_extensions() -> None:
    extensions = [extension for row in FORMATS for extension in row.extensions]
    assert len(set(extensions)) == len(extensions)
    assert len({row.media_type for row in FORMATS}) == len(FORMATS)
    assert all(callable(row.load()) for row in FORMATS)


@pytest.mark.parametrize(
    ("data", "name", "media_type", "warnings"),
    [
        pytest.param(REPORT.encode(), "报告.txt", "text/plain", [], id="text"),
        pytest.param(REPORT.encode(), "报告", "text/plain", [], id="no extension, no warning"),
        pytest.param(
            REPORT.encode(), "报告.pdf", "text/plain", ["extension_mismatch"], id="text named pdf"
        ),
        pytest.param(
            pdf(Sheet([Print(80, 120, "事故")])),
            "报告.DOCX",
            "application/pdf",
            ["extension_mismatch"],
            id="pdf named docx",
        ),
        pytest.param(
            docx(paragraph("事故")),
            "报告.docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            [],
            id="docx",
        ),
        pytest.param(
            b"\r\n" + pdf(Sheet([Print(80, 120, "事故")])),
            "报告.pdf",
            "application/pdf",
            [],
            id="pdf after an empty line",
        ),
        pytest.param(
            "关于 %PDF-1.4 格式的说明".encode(), "说明.txt", "text/plain", [], id="text on PDF"
        ),
        pytest.param(b"BMW X5 crash\n", "a.txt", "text/plain", [], id="text that begins like BMP"),
    ],
)
def test_the_content_decides_and_the_name_may_warn(
    data: bytes, name: str, media_type: str, warnings: list[str]
) -> None:
    document = parse(data, name)
    assert document.media_type == media_type
    assert [notice.code for notice in document.warnings] == warnings
    assert document.filename == name


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("gb18030", b""),
        ("gbk", b""),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("utf-32-le", b"\xff\xfe\x00\x00"),
    ],
)
@pytest.mark.parametrize("text", [REPORT, ENGLISH, "事故\n", REPORT * 40])
def test_a_text_comes_out_as_it_went_in(text: str, encoding: str, mark: bytes) -> None:
    if encoding == "gbk":
        text = text.replace("·", "•").replace("•", "－")
    document = parse(mark + text.encode(encoding), "a.txt")
    assert document.text == text
    assert document.status == "complete"
    assert not document.warnings


def test_big5_is_told_from_gbk() -> None:
    assert decode(TRADITIONAL.encode("big5hkscs")).text == TRADITIONAL
    assert decode(TRADITIONAL.encode("gb18030")).text == TRADITIONAL


CHARACTERS = st.text(
    alphabet=st.sampled_from("一二三（）、，。《》〔〕“”·年月日事故责任单位\n\r\t 　Aa09％①㎡𠮷é�"),
    min_size=1,
)


@given(CHARACTERS, st.sampled_from(["utf-8", "utf-8-sig"]))
def test_the_text_is_the_decoded_file(text: str, encoding: str) -> None:
    """Unchanged but for the mark and for `\\r\\n`, which becomes `\\n` (CONTRACT: coordinates)."""
    document = parse(("事" + text).encode(encoding), "a.txt")
    assert document.text == ("事" + text).replace("\r\n", "\n")


def test_a_line_is_a_block_and_empty_lines_are_kept() -> None:
    document = parse("一、概况\r\n\r\n正文。\r\n".encode(), "a.txt")
    assert document.text == "一、概况\n\n正文。\n"
    assert [document.quote(block.span) for block in document.blocks] == ["一、概况", "正文。"]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        pytest.param((REPORT * 4).encode() + "事".encode()[:2], 17, id="UTF-8 cut off"),
        pytest.param(
            (REPORT * 4).encode("gb18030").replace("坠".encode("gb18030"), b"\xff\xff", 1),
            1,
            id="two bad bytes in GBK",
        ),
        pytest.param((REPORT + "赵\ufffd某\n").encode(), 5, id="the source has lost characters"),
        pytest.param(b"\xff\xfe" + REPORT.encode("utf-16-le")[:-1], 4, id="UTF-16 cut off"),
    ],
)
def test_damaged_characters_are_shown_and_warned_of(data: bytes, line: int) -> None:
    document = parse(data, "a.txt")
    assert "\ufffd" in document.text
    assert document.status == "partial"
    assert [notice.code for notice in document.warnings] == ["damaged_characters"]
    assert f"首处在第 {line} 行" in document.warnings[0].message


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bytes(range(256)) * 8, id="all bytes"),
        pytest.param(b"\x00" * 500, id="zeros"),
        pytest.param(b"\xff\xfe" + bytes(range(128, 256)) * 8, id="noise after a UTF-16 mark"),
        pytest.param(("\x01\x02事" * 50).encode(), id="control characters"),
    ],
)
def test_noise_is_no_text(data: bytes) -> None:
    with pytest.raises(UnsupportedFormatError, match="请"):
        parse(data, "a.txt")


def test_the_reading_chain_is_fast_on_a_long_text() -> None:
    """20,000 characters take a few milliseconds; the bound allows for a busy machine."""
    data = (REPORT * 200).encode()
    parse(data, "a.txt")
    started = time.perf_counter()
    document = parse(data, "a.txt")
    assert len(document.text) > 20_000
    assert time.perf_counter() - started < 0.25


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        pytest.param(b"<!DOCTYPE html><html><body>x", "text/html", id="html"),
        pytest.param(b"\xef\xbb\xbf\n <HTML><p>x", "text/html", id="html after a mark"),
        pytest.param("<html><p>事故".encode("utf-16"), "text/html", id="html in UTF-16"),
        pytest.param("<!-- saved from url -->\n<html><p>事故".encode(), "text/html", id="saved"),
        pytest.param("<p>事故</p>".encode(), "text/html", id="a piece of html"),
        pytest.param("<事故>概况\n".encode(), "text/plain", id="text in angle brackets"),
        pytest.param("From: 甲\n这是便条。\n".encode(), "text/plain", id="text like a letter"),
        pytest.param("Subject: 便条\n\n正文\n".encode(), "text/plain", id="no sender, no letter"),
        pytest.param(b"From: a@b\r\nSubject: s\r\n\r\nx", "message/rfc822", id="letter"),
        pytest.param("GIF89a 格式的图片\n".encode(), "text/plain", id="text that begins like GIF"),
        pytest.param("CAJ 文件怎样打开\n".encode("gbk"), "text/plain", id="text on CAJ"),
        pytest.param("# 概况\n\n**甲**负责。\n".encode(), "text/markdown", id="Markdown"),
        pytest.param("# 1 号楼\n正文\n".encode(), "text/plain", id="one hash is no Markdown"),
    ],
)
def test_the_kind_of_text_is_told_by_its_content(data: bytes, media_type: str) -> None:
    assert parse(data, "a").media_type == media_type


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_no_beginning_of_a_text_is_taken_for_another_file(encoding: str) -> None:
    """The sniffer's table has marks of two bytes; a Chinese text may begin with any of them."""
    text = REPORT * 4
    for start in range(len(REPORT)):
        data = text[start : start + 300].encode(encoding)
        assert is_text(data) and not is_html(data) and not is_markdown(data)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(REPORT.replace("·", ".").replace("　", "").encode("hz"), "hz", id="HZ"),
        pytest.param(REPORT.encode("utf-32-le"), "utf-32-le", id="UTF-32 without a mark"),
        pytest.param("~{ 与 ~} 之间".encode(), "utf-8", id="marks of HZ in UTF-8"),
        pytest.param(b"a ~{ b ~} c", "utf-8", id="marks of HZ around nothing"),
    ],
)
def test_rare_encodings(data: bytes, text: str) -> None:
    decoded = decode(data)
    assert decoded.encoding == text
    assert decoded.text.encode(text) == data


MARKDOWN = """# 事故调查报告

第一行
续行 *强调* 与 **加粗**。

3. 第三条
4. 第四条
   - 细目

| 姓名 | 处理 |
|---|---|
| 孙某 | 罚款 **3** 万元 |

```
原样  行
```
"""


def test_markdown_keeps_numbers_and_cells() -> None:
    document = parse(MARKDOWN.encode("gb18030"), "a.md")
    assert not document.warnings
    assert [(block.kind, document.quote(block.span)) for block in document.blocks] == [
        ("heading", "事故调查报告"),
        ("paragraph", "第一行续行 强调 与 加粗。"),
        ("paragraph", "3.第三条"),
        ("paragraph", "4.第四条"),
        ("paragraph", "细目"),
        ("cell", "姓名"),
        ("cell", "处理"),
        ("cell", "孙某"),
        ("cell", "罚款 3 万元"),
        ("paragraph", "原样  行"),
    ]


@pytest.mark.parametrize("mark", ["[", "![", "*a ", "**a*", "> ", "`", "[a](", "_a_ ", "|-|\n"])
def test_hostile_markdown_ends_in_time(mark: str) -> None:
    data = ("# 甲\n# 乙\n" + mark * (100_000 // len(mark))).encode()
    started = time.perf_counter()
    assert parse(data, "a.md").text
    assert time.perf_counter() - started < 8


def test_a_long_markdown_is_read_as_text() -> None:
    document = parse(("# 甲\n# 乙\n" + "正文。\n" * 60_000).encode(), "a.md")
    assert [notice.code for notice in document.warnings] == ["markdown_as_text"]
    assert document.text.startswith("# 甲\n# 乙\n正文。")


@pytest.mark.parametrize(
    ("data", "seems"),
    [
        pytest.param(b"8BPS\0\x01\0\0\0\0\0\0\0\x03", "图片", id="psd"),
        pytest.param(b'<?xml version="1.0"?><a/>', "XML 文件", id="xml"),
        pytest.param(b"\0\0\0\x18ftypheic\0\0", "HEIC 图片", id="heic"),
        pytest.param(b"\0\0\0\x18ftypmp42\0\0", "视频或音频文件", id="mp4"),
        pytest.param(b"ID3\x03\0\0\0", "音频文件", id="mp3"),
        pytest.param(b"MZ\x90\0\x03\0\0\0", "可执行程序", id="exe"),
        pytest.param(b"SQLite format 3\0", "数据库文件", id="sqlite"),
        pytest.param(b"CAJ\0\0\0\0", "CAJ 文件", id="caj"),
        pytest.param(b"%!PS-Adobe-3.0\n", "PostScript 文件", id="ps"),
        pytest.param(zip_file({"xl/workbook.xml": "<x/>"}), "Excel 表格", id="xlsx"),
        pytest.param(zip_file({"ppt/presentation.xml": "<x/>"}), "PowerPoint 演示文稿", id="pptx"),
        pytest.param(zip_file({"content.xml": "<x/>"}), "OpenDocument 文档", id="odt"),
        pytest.param(
            compound_file({"Other": b"x"}), "旧版 Office 文件或其他复合文件", id="unknown ole"
        ),
    ],
)
def test_other_files_are_named_with_a_way_out(data: bytes, seems: str) -> None:
    with pytest.raises(UnsupportedFormatError, match="请") as caught:
        parse(data, "报告.pdf")
    assert f"这是{seems}，" in caught.value.message
