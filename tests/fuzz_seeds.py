"""Sound files of every format from which the fuzz makes broken ones: a new reader is a row here."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec

from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from bench.long_report import task_rows
from bench.story_files import FORMS, MissingError, Story
from corpus.ofd_writer import Picture, Raw, Rule, Text, write_text
from tests.container_files import (
    compound_file,
    gbk_zip,
    libarchive_file,
    msg_attachment,
    msg_file,
    msg_inside,
    rar_file,
    tar_file,
)
from tests.sample_files import (
    Print,
    Sheet,
    docx,
    list_level,
    numbered,
    odt,
    one_list,
    paragraph,
    pdf,
    rtf,
    zip_file,
)
from tests.web_pages import PAGES

TEXT = "某某市某某建设有限公司“7·12”一般高处坠落事故调查报告"
STORY = Story(
    "小报告",
    (
        TEXT,
        "一、基本情况",
        "（一）事故单位：青石县宏路建设有限公司。",
        "二、处理建议",
        "罚款3万元。",
    ),
    (("序号", "任务", "责任单位", "期限"), *task_rows(3)),
)
WORDS: dict[str, tuple[bytes, ...]] = {
    "pdf": (b"<<", b">>", b"[", b"1 0 R", b"/Kids", b"/Parent 2 0 R", b"stream\n", b"endobj",
            b"/Length 0", b"BT", b"ET", b" Tj", b" Tm", b" re S", b" cm", b"/Filter"),
    "xml": (b"<", b">", b"/>", b"&amp;", b"&#0;", b"&#x110000;", b"]]>", b"<!--", b"<![CDATA[",
            b'"', b"<!DOCTYPE x>", b"xmlns:w=''", b"\xef\xbf\xbe", b"</w:p>", b"<w:p>"),
    "html": (b"<table>", b"</table>", b"<td colspan=99999>", b"<td rowspan=99999>", b"<p>", b"<!--",
             b"&nbsp;", b"&#xD800;", b"<script>", b"<frame src=cid:a>", b"<plaintext>", b"<svg>"),
    "mail": (b"\r\n\r\n", b"--", b"Content-Type: message/rfc822\r\n", b"boundary=", b"=?gbk?B?",
             b"filename*0*=", b"charset=utf-7", b"charset=idna", b"Content-Transfer-Encoding: ",
             b"base64", b"uuencode", b"=?utf-8?q?=00?="),
    "rtf": (b"{", b"}", b"\\bin999999999 ", b"\\u-1?", b"\\'ff", b"\\pict", b"\\object", b"\\"),
    "binary": (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\xfe\xff\xff\xff", b"\x7f\xff\xff\xff",
               b"\x00\x00\x00\x80", b"\xff" * 8, b"PK\x01\x02", b"PK\x05\x06", b"PK\x03\x04"),
    "text": (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\xed\xa0\x80", b"\x1b$)A", b"\x0e",
             b"|---|\n", b"```", b"    ", b"> ", b"<b", b"![](", b"\n#"),
}  # fmt: skip
"""Pieces that are put into the files of a family, beside bytes drawn at will."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A sound file: which parser it is for, its name, its maker, and the family of its pieces.

    `make` raises `MissingError` where a tool is not on this machine. `has_parts` is for a ZIP of
    parts that are spoilt one by one. `is_slow` is for what LibreOffice has to convert.
    """

    parser: str
    filename: str
    make: Callable[[], bytes]
    words: str
    has_parts: bool = False
    is_slow: bool = False


def _pages() -> tuple[Sheet, Sheet]:
    table = [(80, y, 400, y) for y in (200, 220, 240)] + [(x, 200, x, 240) for x in (80, 200, 400)]
    texts = [Print(80, 120, TEXT), Print(90, 215, "姓名", 12), Print(210, 235, "罚款", 12)]
    return Sheet(texts, table), Sheet([Print(80, 120, TEXT)], as_form=True, rotation=90)


@cache
def _plain_pdf() -> bytes:
    """A PDF whose pages are not packed, so that a spoilt byte is one of the content."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pageCompression=0)
    for number in range(3):
        canvas.bookmarkPage(f"page{number}")
        canvas.addOutlineEntry(f"Chapter {number}", f"page{number}", level=min(number, 1))
        for row in range(6):
            canvas.drawString(80, 700 - row * 20, f"Section {number} of {row}: 12 persons, 3.5%")
            canvas.line(80, 695 - row * 20, 500, 695 - row * 20)
            canvas.line(80 + row * 84, 595, 80 + row * 84, 715)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


@cache
def _docx() -> bytes:
    cell = f"<w:tc><w:tcPr><w:gridSpan w:val='2'/></w:tcPr>{paragraph('孙某')}</w:tc>"
    note = '<w:p><w:r><w:t>罚款</w:t><w:footnoteReference w:id="1"/></w:r></w:p>'
    field = (
        '<w:p><w:r><w:fldChar w:fldCharType="begin"/><w:instrText>PAGE</w:instrText></w:r></w:p>'
    )
    changes = "<w:p><w:ins><w:r><w:t>增</w:t></w:r></w:ins><w:del><w:r/></w:del></w:p>"
    table = f"<w:tbl><w:tblGrid/><w:tr>{cell}<w:tc/></w:tr><w:tr><w:tc/>{cell}</w:tr></w:tbl>"
    return docx(
        paragraph(TEXT)
        + numbered("处理")
        + numbered("建议", 1, 1)
        + table
        + note
        + field
        + changes,
        numbering=one_list(
            list_level("chineseCounting", "%1、"), list_level("decimal", "%1.%2", 1)
        ),
        styles='<w:style w:type="paragraph" w:styleId="1"><w:name w:val="heading 1"/></w:style>',
        footnotes=f'<w:footnote w:id="1">{paragraph("注一")}</w:footnote>',
        header1=paragraph("内部文件"),
    )


@cache
def _ofd() -> bytes:
    return write_text(
        Text(28, 80, TEXT, 4.2),
        *(Rule(28, y, 180, y) for y in (100, 110, 120)),
        *(Rule(x, 100, x, 120) for x in (28, 90, 180)),
        Text(30, 106, "姓名"),
        Picture(0, 0, 20, 20, b"\x89PNG\r\n\x1a\n"),
        Raw('<{p}PathObject ID="9" Boundary="1 1 9 9"><{p}AbbreviatedData>M 0 0 L 9 9 C'
            "</{p}AbbreviatedData></{p}PathObject>"),
    )  # fmt: skip


@cache
def _odt() -> bytes:
    office = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
    text = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
    body = f"<office:body><office:text><text:p>{TEXT}</text:p></office:text></office:body>"
    content = f'<office:document-content xmlns:office="{office}" xmlns:text="{text}">{body}'
    return odt(content_xml=f"{content}</office:document-content>")


def _msg() -> bytes:
    inner = msg_inside(1, "内信", "内信正文。", msg_attachment(0, "表.txt", TEXT.encode()))
    return msg_file(
        TEXT, "请查收。", {**msg_attachment(0, "报告.txt", TEXT.encode() * 60), **inner}
    )


def _picture(form: str) -> bytes:
    """A small picture with something dark on it, in one of the formats of Pillow."""
    image = Image.new("RGB", (96, 64), "white")
    image.paste("black", (20, 20, 70, 30))
    buffer = io.BytesIO()
    pages = {"save_all": True, "append_images": [image]} if form == "TIFF" else {}
    image.save(buffer, form, **pages)
    return buffer.getvalue()


def _files() -> dict[str, bytes]:
    return {"案卷/报告.txt": TEXT.encode(), "案卷/报告.docx": _docx(), "空.txt": b""}


def _by_libarchive(make: Callable[[Mapping[str, bytes]], bytes]) -> bytes:
    if find_spec("libarchive") is None:
        raise MissingError("没有安装 libarchive")
    return make(_files())


def _by_form(name: str) -> bytes:
    return next(form for form in FORMS if form.name == name).make(STORY)


SEEDS: Sequence[Seed] = (
    Seed("PDF", "a.pdf", lambda: pdf(*_pages()), "pdf"),
    Seed("PDF", "a.pdf", _plain_pdf, "pdf"),
    Seed("PDF", "a.pdf", partial(_by_form, "PDF，两栏"), "pdf"),
    Seed("DOCX", "a.docx", _docx, "xml", has_parts=True),
    Seed("DOCX", "a.docx", partial(_by_form, "DOCX"), "xml", has_parts=True),
    Seed("OFD", "a.ofd", _ofd, "xml", has_parts=True),
    *(
        Seed("图片", f"a.{ending}", partial(_picture, form), "binary")
        for ending, form in (("png", "PNG"), ("jpg", "JPEG"), ("tif", "TIFF"), ("bmp", "BMP"))
    ),
    *(
        Seed("图片", f"a.{ending}", partial(_picture, form), "binary")
        for ending, form in (("webp", "WebP"), ("gif", "GIF"))
    ),
    Seed("网页", "a.html", lambda: PAGES[0].markup.encode(), "html"),
    Seed("网页", "a.html", lambda: PAGES[3].markup.encode("gb18030"), "html"),
    Seed("MHT", "a.mht", partial(_by_form, "网页归档（MHT）"), "mail"),
    Seed("Markdown", "a.md", partial(_by_form, "Markdown"), "text"),
    Seed("TXT", "a.txt", lambda: STORY.text.encode("gb18030"), "text"),
    Seed("TXT", "a.txt", lambda: STORY.text.encode("utf-16"), "text"),
    Seed("EML", "a.eml", partial(_by_form, "邮件附件"), "mail"),
    Seed("MSG", "a.msg", _msg, "binary"),
    Seed("ZIP", "a.zip", lambda: zip_file(_files()), "binary"),
    Seed("ZIP", "a.zip", lambda: gbk_zip(_files(), extra=True), "binary"),
    Seed("TAR", "a.tar", lambda: tar_file(_files()), "binary"),
    Seed("TAR", "a.tgz", lambda: gzip.compress(tar_file(_files(), "gbk")), "binary"),
    Seed("TAR", "a.tbz2", lambda: bz2.compress(tar_file(_files())), "binary"),
    Seed("TAR", "a.txz", lambda: lzma.compress(tar_file(_files())), "binary"),
    Seed("7z", "a.7z", lambda: _by_libarchive(libarchive_file), "binary"),
    Seed("RAR", "a.rar", lambda: _by_libarchive(rar_file), "binary"),
    Seed("DOC", "a.doc", partial(_by_form, "DOC"), "binary", is_slow=True),
    Seed("DOC", "a.doc", lambda: compound_file({"WordDocument": b"x"}), "binary", is_slow=True),
    Seed("RTF", "a.rtf", lambda: rtf(STORY.text), "rtf", is_slow=True),
    Seed("ODT", "a.odt", _odt, "xml", has_parts=True, is_slow=True),
)  # fmt: skip


def parts_of(data: bytes) -> list[tuple[str, bytes]]:
    """Return the names and bytes of the parts of a ZIP, in its order."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


__all__ = ["SEEDS", "WORDS", "MissingError", "Seed", "parts_of"]
