"""Broken, hostile and mistaken files: each is refused, or read in part and said so, in time."""

from __future__ import annotations

import io
import re
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pypdfium2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extractor.errors import (
    CorruptFileError,
    EmptyFileError,
    EncryptedFileError,
    LimitError,
    ParseError,
    UnsupportedFormatError,
)
from extractor.formats import DEFAULT_LIMITS, Limits, parse
from tests.sample_files import (
    A4,
    RELATION,
    Print,
    Sheet,
    W,
    changed,
    docx,
    list_level,
    numbered,
    one_list,
    paragraph,
    pdf,
    zip_file,
)

FILES = Path(__file__).parent / "data" / "files"
SECONDS = 5.0
TEXT = "某某市某某建设有限公司“7·12”一般高处坠落事故调查报告"
SHEET = Sheet([Print(80, 120, TEXT)])

NO_PAGES = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


def no_pages() -> bytes:
    """A sound PDF with an empty page tree."""
    buffer = io.BytesIO()
    file = pypdfium2.PdfDocument.new()
    file.save(buffer)
    file.close()
    return buffer.getvalue()


@cache
def report() -> bytes:
    return docx("".join(paragraph(f"{TEXT}{at}") for at in range(300)))


def document_xml(inside: str, before: str = "") -> bytes:
    return zip_file(
        {"word/document.xml": f'{before}<w:document xmlns:w="{W}">{inside}</w:document>'}
    )


def external_entity() -> bytes:
    """Asks the reader to put a file of the machine into the text."""
    doctype = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname">]>'
    return document_xml("<w:body><w:p><w:r><w:t>&secret;</w:t></w:r></w:p></w:body>", doctype)


def plain_doctype() -> bytes:
    """No entity, but no Word document has a document type declaration."""
    return document_xml(f"<w:body>{paragraph(TEXT)}</w:body>", "<!DOCTYPE x>")


def doctype_in_a_header() -> bytes:
    """Every part that is read is looked at, not only the body."""
    sound = docx(paragraph(TEXT), header1=paragraph("文件"))
    return changed(
        sound,
        lambda name, content: content.replace(
            b"<w:hdr", b'<!DOCTYPE x [<!ENTITY a "b">]><w:hdr', 1
        ),
    )


def many_laughs() -> bytes:
    """Ten to the tenth letters from a few lines of entities."""
    entities = '<!ENTITY a0 "哈哈哈哈哈哈哈哈哈哈">' + "".join(
        f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">' for at in range(1, 10)
    )
    body = "<w:body><w:p><w:r><w:t>&a9;</w:t></w:r></w:p></w:body>"
    return document_xml(body, f"<!DOCTYPE x [{entities}]>")


def hidden_doctype() -> bytes:
    """A declared encoding in which a search for `<!DOCTYPE` in the bytes finds nothing."""
    xml = f'<!DOCTYPE x [<!ENTITY a "b">]><w:document xmlns:w="{W}"><w:body/></w:document>'
    head = b'<?xml version="1.0" encoding="UTF-7"?>'
    return zip_file({"word/document.xml": head + xml.encode("utf-7").replace(b"<", b"+ADw-")})


def zip_bomb() -> bytes:
    """64 MB of spaces in 64 KB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * (64 << 20))
    return buffer.getvalue()


def lying_zip_bomb() -> bytes:
    """The same, but the directory states 100 bytes."""
    data = bytearray(zip_bomb())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    return bytes(data)


def many_entries() -> bytes:
    return zip_file({f"word/document{at}.xml": b"" for at in range(11_000)})


def deep_nesting() -> bytes:
    depth = 20_000
    return docx("<w:sdt>" * depth + paragraph(TEXT) + "</w:sdt>" * depth)


def long_label() -> bytes:
    """A list level that prints a megabyte before each of a thousand paragraphs."""
    levels = one_list(list_level("decimal", "号" * 1_000_000))
    return docx("".join(numbered("", 1) for _ in range(1000)), numbering=levels)


def locked_entry() -> bytes:
    data = bytearray(zip_file({"word/document.xml": "x"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    return bytes(data)


def without_body() -> bytes:
    return document_xml("")


def escaping_relation() -> bytes:
    """A relation that points out of the package finds nothing there."""
    namespace = "http://schemas.openxmlformats.org/package/2006/relationships"
    target = "../../../../etc/passwd"
    relation = f'<Relationship Id="r" Type="{RELATION}/officeDocument" Target="{target}"/>'
    body = f'<w:document xmlns:w="{W}"><w:body>{paragraph(TEXT)}</w:body></w:document>'
    return zip_file(
        {
            "_rels/.rels": f'<Relationships xmlns="{namespace}">{relation}</Relationships>',
            "word/document.xml": body,
        }
    )


def cyclic_pages() -> bytes:
    """A page tree that contains itself."""
    return NO_PAGES.replace(b"/Kids[]/Count 0", b"/Kids[2 0 R 2 0 R]/Count 2")


Maker = Callable[[], bytes]


@contextmanager
def in_time() -> Iterator[None]:
    started = time.perf_counter()
    yield
    assert time.perf_counter() - started < SECONDS


@pytest.mark.parametrize(
    ("make", "name", "error", "says"),
    [
        pytest.param(lambda: b"", "a.pdf", EmptyFileError, "0 字节", id="empty file"),
        pytest.param(lambda: b" \r\n\t", "a.txt", EmptyFileError, "没有文字", id="only spaces"),
        pytest.param(no_pages, "a.pdf", EmptyFileError, "一页也没有", id="0 pages"),
        pytest.param(lambda: pdf(Sheet()), "a.pdf", EmptyFileError, "空白页", id="blank page"),
        pytest.param(
            lambda: docx(paragraph("")), "a.docx", EmptyFileError, "没有文字", id="empty docx"
        ),
        pytest.param(
            lambda: pdf(SHEET, lock="秘密"),
            "a.pdf",
            EncryptedFileError,
            "打开密码",
            id="encrypted pdf",
        ),
        pytest.param(
            lambda: (FILES / "encrypted.docx").read_bytes(),
            "a.docx",
            EncryptedFileError,
            "打开密码",
            id="encrypted docx",
        ),
        pytest.param(locked_entry, "a.docx", EncryptedFileError, "压缩密码", id="locked zip entry"),
        pytest.param(
            lambda: pdf(*[SHEET] * 20)[:3000], "a.pdf", CorruptFileError, "损坏", id="pdf cut off"
        ),
        pytest.param(cyclic_pages, "a.pdf", CorruptFileError, "损坏", id="cyclic page tree"),
        pytest.param(
            lambda: b"%PDF-1.7\n" + bytes(range(256)) * 40,
            "a.pdf",
            CorruptFileError,
            "损坏",
            id="noise that begins like a pdf",
        ),
        pytest.param(
            lambda: report()[: len(report()) // 2],
            "a.docx",
            CorruptFileError,
            "损坏",
            id="docx cut",
        ),
        pytest.param(
            lambda: report()[:600], "a.docx", CorruptFileError, "没有传完", id="docx cut early"
        ),
        pytest.param(without_body, "a.docx", CorruptFileError, "正文", id="docx without body"),
        pytest.param(external_entity, "a.docx", CorruptFileError, "外部实体", id="external entity"),
        pytest.param(plain_doctype, "a.docx", CorruptFileError, "外部实体", id="plain doctype"),
        pytest.param(
            doctype_in_a_header, "a.docx", CorruptFileError, "外部实体", id="doctype in a header"
        ),
        pytest.param(many_laughs, "a.docx", CorruptFileError, "外部实体", id="billion laughs"),
        pytest.param(hidden_doctype, "a.docx", CorruptFileError, "外部实体", id="hidden doctype"),
        pytest.param(deep_nesting, "a.docx", CorruptFileError, "损坏", id="nested 20,000 deep"),
        pytest.param(zip_bomb, "a.docx", LimitError, "max_archive_ratio", id="zip bomb"),
        pytest.param(lying_zip_bomb, "a.docx", CorruptFileError, "损坏", id="lying zip bomb"),
        pytest.param(many_entries, "a.docx", LimitError, "max_archive_entries", id="many entries"),
        pytest.param(
            lambda: bytes(300 << 20), "a.pdf", LimitError, "max_bytes", id="300 MB, never touched"
        ),
        pytest.param(
            lambda: bytes(range(256)) * 100, "a.txt", UnsupportedFormatError, "无法识别", id="noise"
        ),
    ],
)
def test_a_bad_file_is_refused_in_chinese_with_a_way_out(
    make: Maker, name: str, error: type[ParseError], says: str
) -> None:
    data = make()
    with in_time(), pytest.raises(error) as caught:
        parse(data, name)
    assert type(caught.value) is error
    assert says in caught.value.message
    assert re.search(r"请[\u4e00-\u9fff]", caught.value.message)


@pytest.mark.parametrize(
    ("make", "name", "text", "warned"),
    [
        pytest.param(
            lambda: pdf(Sheet(picture=(0, 0, *A4))), "a.pdf", "", ["no_text_layer"], id="image only"
        ),
        pytest.param(
            lambda: pdf(SHEET) + b"%" + bytes(4000) + b"x" * 4000,
            "a.pdf",
            TEXT,
            ["file_truncated"],
            id="pdf with a torn end",
        ),
    ],
)
def test_a_file_that_is_read_in_part_says_so(
    make: Maker, name: str, text: str, warned: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("extractor.formats.ocr.is_available", lambda: False)
    with in_time():
        document = parse(make(), name)
    assert (document.text, document.status) == (text, "partial")
    assert [notice.code for notice in document.warnings] == warned
    assert "请" in document.warnings[0].message


@pytest.mark.parametrize(
    ("make", "name", "text", "warned"),
    [
        pytest.param(lambda: pdf(SHEET), "a.docx", TEXT, ["extension_mismatch"], id="pdf as docx"),
        pytest.param(TEXT.encode, "a.pdf", TEXT, ["extension_mismatch"], id="text as pdf"),
        pytest.param(escaping_relation, "a.docx", TEXT, [], id="relation out of the package"),
    ],
)
def test_a_strange_file_is_read_all_the_same(
    make: Maker, name: str, text: str, warned: list[str]
) -> None:
    document = parse(make(), name)
    assert (document.text, document.status) == (text, "complete")
    assert [notice.code for notice in document.warnings] == warned


@pytest.mark.parametrize(
    ("make", "limits", "limit"),
    [
        (lambda: TEXT.encode(), Limits(max_bytes=20), "max_bytes"),
        (lambda: pdf(SHEET, SHEET), Limits(max_pages=1), "max_pages"),
        (lambda: pdf(SHEET, SHEET), Limits(max_characters=40), "max_characters"),
        (
            lambda: pdf(Sheet([*SHEET.texts, Print(80, 300, TEXT)])),
            Limits(max_blocks=1),
            "max_blocks",
        ),
        (lambda: TEXT.encode(), Limits(max_characters=20), "max_characters"),
        (lambda: b"a\n" * 11, Limits(max_blocks=10), "max_blocks"),
        (report, Limits(max_characters=100), "max_characters"),
        (report, Limits(max_blocks=10), "max_blocks"),
        (report, Limits(max_archive_entries=2), "max_archive_entries"),
        (report, Limits(max_uncompressed_bytes=1000), "max_uncompressed_bytes"),
        (long_label, Limits(max_characters=10_000), "max_characters"),
    ],
)
def test_every_limit_is_enforced_and_named(make: Maker, limits: Limits, limit: str) -> None:
    with in_time(), pytest.raises(LimitError) as caught:
        parse(make(), "a", limits=limits)
    assert limit in caught.value.message
    assert "上限" in caught.value.message


def test_a_long_list_label_is_cut_not_repeated() -> None:
    """Word itself prints at most 255 characters of it."""
    with in_time():
        document = parse(long_label(), "a.docx")
    assert len(document.text) < 1000 * 256 + 1


def test_an_entity_never_reaches_the_text() -> None:
    """The refusal comes before anything is resolved: the machine's name is not in the message."""
    with pytest.raises(CorruptFileError) as caught:
        parse(external_entity(), "a.docx")
    host = Path("/etc/hostname")
    if host.exists() and (name := host.read_text().strip()):
        assert name not in caught.value.message


ANY = st.binary(max_size=400)
HEADS = st.sampled_from(
    [
        b"",
        b"%PDF-1.4\n",
        b"PK\x03\x04",
        b"PK\x05\x06" + bytes(18),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\xff\xfe\x00\x00",
        b"<html>",
        b"\x89PNG",
        NO_PAGES,
    ]
)


def parses_or_refuses(data: bytes) -> None:
    """Either a document whose blocks quote its text, or a `ParseError` with a Chinese message."""
    try:
        document = parse(data, "a.pdf", limits=DEFAULT_LIMITS)
    except ParseError as error:
        assert re.search(r"[\u4e00-\u9fff]", error.message)
    else:
        for block in document.blocks:
            assert document.quote(block.span)
        document.text.encode()


@given(HEADS, ANY)
@example(b"%PDF-1.4\n", b"trailer<</Root 1 0 R>>")
@example(b"", b"\x00\xd8")
def test_any_bytes_parse_or_are_refused(head: bytes, tail: bytes) -> None:
    parses_or_refuses(head + tail)


@cache
def sound_files() -> tuple[bytes, ...]:
    table = [(80, y, 400, y) for y in (200, 220, 240)] + [(x, 200, x, 240) for x in (80, 200, 400)]
    return (
        pdf(Sheet([*SHEET.texts, Print(90, 215, "姓名", 12)], table), SHEET),
        docx(
            paragraph(TEXT) + numbered(TEXT) + "<w:tbl><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl>",
            numbering=one_list(list_level("decimal", "%1.")),
        ),
        TEXT.encode("gb18030"),
    )


@given(
    st.integers(0, 2),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(max_size=6)), max_size=6),
    st.one_of(st.none(), st.integers(0, 1 << 16)),
)
def test_a_damaged_file_parses_or_is_refused(
    which: int, changes: list[tuple[int, bytes]], cut: int | None
) -> None:
    """A few bytes of a sound file overwritten, and perhaps its end torn off."""
    data = bytearray(sound_files()[which])
    for place, patch in changes:
        at = place % len(data)
        data[at : at + len(patch)] = patch
    parses_or_refuses(bytes(data[: cut % len(data)] if cut is not None else data))


def test_a_file_without_pages_is_empty_whatever_was_opened_before() -> None:
    """pdfium gives for such a file the error of the file before it."""
    with pytest.raises(EncryptedFileError):
        parse(pdf(SHEET, lock="1"), "a.pdf")
    with pytest.raises(EmptyFileError):
        parse(no_pages(), "a.pdf")
