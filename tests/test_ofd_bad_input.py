"""Broken and hostile OFD files: each ends in a clear error or a partial result, in time."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.ofd_writer import (
    Raw,
    Rule,
    Sheet,
    Text,
    Volume,
    typeset,
    write_ofd,
    write_text,
)
from extractor.document import Document
from extractor.errors import (
    ContainerError,
    CorruptFileError,
    EmptyFileError,
    EncryptedFileError,
    LimitError,
    ParseError,
)
from extractor.formats import Limits, parse
from tests.sample_files import changed, zip_file

SECONDS = 5.0
TEXT = "某某市某某建设有限公司“7·12”一般高处坠落事故调查报告"
PAGE = "Doc_0/Pages/Page_0/Content.xml"
Maker = Callable[[], bytes]


@contextmanager
def in_time() -> Iterator[None]:
    started = time.perf_counter()
    yield
    assert time.perf_counter() - started < SECONDS


@cache
def report() -> bytes:
    """Four pages, the text of each its own."""
    return write_ofd(Volume(typeset([TEXT, *(f"（{at}）{TEXT}。" for at in range(80))])))


@cache
def one_page() -> bytes:
    return write_text(Text(28, 80, TEXT, 4.2), Rule(28, 90, 100, 90))


def with_part(name: str, content: bytes | str | None, data: bytes | None = None) -> bytes:
    """A sound file in which one part is replaced, or taken out for None."""
    new = content.encode() if isinstance(content, str) else content
    return changed(data or one_page(), lambda part, old: new if part == name else old)


def with_added(**parts: bytes) -> bytes:
    files: dict[str, str | bytes] = {}

    def note(name: str, content: bytes) -> bytes:
        files[name] = content
        return content

    changed(one_page(), note)
    return zip_file({**files, **{name.replace("__", "/"): part for name, part in parts.items()}})


def replaced(old: str, new: str, data: bytes | None = None) -> bytes:
    """A sound file in which a string is written otherwise in every part that has it."""
    return changed(data or one_page(), lambda _, part: part.replace(old.encode(), new.encode()))


def with_doctype(part: str, inside: str = '<!ENTITY a "b">') -> bytes:
    mark = b'<?xml version="1.0" encoding="UTF-8"?>'
    doctype = f"<!DOCTYPE x [{inside}]>".encode()
    return changed(
        one_page(),
        lambda name, old: old.replace(mark, mark + doctype) if name == part else old,
    )


def many_laughs() -> bytes:
    entities = '<!ENTITY a0 "哈哈哈哈哈哈哈哈哈哈">' + "".join(
        f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">' for at in range(1, 10)
    )
    return replaced(TEXT, "&a9;", with_doctype(PAGE, entities))


def bomb() -> bytes:
    return with_part(PAGE, b" " * (64 << 20))


def lying_bomb() -> bytes:
    """The directory states 100 bytes for 64 MB."""
    data = bytearray(bomb())
    at = data.rindex(PAGE.encode()) - 46
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    return bytes(data)


def damaged_page() -> bytes:
    """One byte of a packed page is another: its checksum does not fit."""
    data = bytearray(report())
    at = data.index(b"Doc_0/Pages/Page_1/Content.xml")
    data[at + 60] ^= 0xFF
    return bytes(data)


def locked() -> bytes:
    data = bytearray(one_page())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(mark, at + 4)
    return bytes(data)


def pages_xml(count: int) -> bytes:
    """One content in the place of many pages."""
    page = '<ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/>'
    return changed(
        one_page(),
        lambda name, old: (
            re.sub(rb"<ofd:Page [^>]*></ofd:Page>", (page * count).encode(), old)
            if name.endswith("Document.xml")
            else old
        ),
    )


def big_page_many_times() -> bytes:
    """A page of one megabyte that stands for three thousand."""
    spaces = "<ofd:Content>" + " " * (1 << 20)
    return replaced("<ofd:Content>", spaces, pages_xml(3000))


def unit(number: int, inside: str) -> str:
    return (
        f'<{{p}}CompositeGraphicUnit ID="{number}" Width="9" Height="9"><{{p}}Content>{inside}'
        "</{p}Content></{p}CompositeGraphicUnit>"
    )


def use(number: int) -> str:
    return f'<{{p}}CompositeObject ID="1" ResourceID="{number}" Boundary="0 0 9 9"/>'


def with_units(*units: str) -> bytes:
    listed = f"<{{p}}CompositeGraphicUnits>{''.join(units)}</{{p}}CompositeGraphicUnits>"
    sheet = Sheet([Text(28, 80, TEXT, 4.2), Raw(use(100))])
    return write_ofd(Volume([sheet], resources=listed))


def unit_bomb() -> bytes:
    """A million objects from six units that hold ten of the next."""
    return with_units(*(unit(100 + at, use(101 + at) * 10) for at in range(7)))


def strange_numbers(value: str) -> bytes:
    """The text stays, wherever it is put."""
    code = f'<{{p}}TextCode X="{value}" Y="{value}" DeltaX="{value} g 9999999999 {value}">字'
    attributes = f'Boundary="{value} {value} {value} {value}" CTM="{value} 0 0 {value} 0 0"'
    strange = f'<{{p}}TextObject ID="9" {attributes} Size="{value}">{code}</{{p}}TextCode>'
    path = f"M {value} {value} L {value} 0 B {value} 1 2 3 4 5 C"
    line = f'<{{p}}PathObject ID="9" Boundary="{value} 0 0 0"><{{p}}AbbreviatedData>{path}'
    return write_text(
        Text(28, 80, TEXT, 4.2),
        Raw(f"{strange}</{{p}}TextObject>{line}</{{p}}AbbreviatedData></{{p}}PathObject>"),
    )


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        *(
            pytest.param(
                lambda share=share: report()[: len(report()) * share // 10],
                CorruptFileError,
                "没有传完",
                id=f"cut off after {share} tenths",
            )
            for share in range(1, 10)
        ),
        pytest.param(lambda: report()[:-1], CorruptFileError, "没有传完", id="last byte missing"),
        pytest.param(
            lambda: with_part("OFD.xml", "<OFD/>"), CorruptFileError, "没有文档", id="no document"
        ),
        pytest.param(
            lambda: with_part("OFD.xml", "<OFD><"), CorruptFileError, "OFD.xml", id="torn root"
        ),
        pytest.param(
            lambda: with_part("Doc_0/Document.xml", None),
            CorruptFileError,
            "没有文档",
            id="document missing",
        ),
        pytest.param(
            lambda: with_part("Doc_0/Document.xml", "纯文字"),
            CorruptFileError,
            "document.xml",
            id="document is no XML",
        ),
        pytest.param(
            lambda: with_part(PAGE, None), CorruptFileError, "页面都已损坏", id="only page missing"
        ),
        pytest.param(lambda: pages_xml(0), EmptyFileError, "一页也没有", id="no pages"),
        pytest.param(lambda: write_text(), EmptyFileError, "空白页", id="blank page"),
        pytest.param(
            lambda: write_text(Text(28, 80, "\u3000 "), Text(28, 90, "  ", turn=90)),
            EmptyFileError,
            "空白页",
            id="only spaces",
        ),
        pytest.param(
            lambda: pages_xml(100_000), LimitError, "max_pages", id="100,000 pages, one content"
        ),
        pytest.param(
            lambda: write_ofd(*[Volume([Sheet()])] * 4, Volume([Sheet()] * 2998)),
            LimitError,
            "max_pages",
            id="pages of all documents together",
        ),
        pytest.param(big_page_many_times, LimitError, "反复使用", id="one big page, used often"),
        pytest.param(bomb, LimitError, "压缩炸弹", id="zip bomb"),
        pytest.param(lying_bomb, CorruptFileError, "损坏", id="zip bomb with a lying directory"),
        pytest.param(
            lambda: with_added(**{f"x{at}": b"" for at in range(11_000)}),
            LimitError,
            "max_archive_entries",
            id="11,000 entries",
        ),
        pytest.param(
            lambda: with_doctype("OFD.xml"), CorruptFileError, "文档类型声明", id="DTD in the root"
        ),
        pytest.param(
            lambda: with_doctype("Doc_0/Document.xml"),
            CorruptFileError,
            "文档类型声明",
            id="DTD in the document",
        ),
        pytest.param(
            lambda: with_doctype(PAGE), CorruptFileError, "文档类型声明", id="DTD in a page"
        ),
        pytest.param(
            lambda: replaced(
                TEXT, "&s;", with_doctype(PAGE, '<!ENTITY s SYSTEM "file:///etc/hostname">')
            ),
            CorruptFileError,
            "外部实体",
            id="external entity",
        ),
        pytest.param(many_laughs, CorruptFileError, "文档类型声明", id="billion laughs"),
        pytest.param(
            lambda: replaced('encoding="UTF-8"', 'encoding="UTF-7"'),
            CorruptFileError,
            "已拒绝",
            id="an encoding that hides",
        ),
        pytest.param(
            lambda: with_added(**{"Encryptions.xml": b"<Encryptions/>"}),
            EncryptedFileError,
            "已加密",
            id="encrypted",
        ),
        pytest.param(locked, EncryptedFileError, "压缩密码", id="locked entries"),
        pytest.param(
            lambda: replaced("Doc_0/Document.xml", "../../etc/passwd"),
            CorruptFileError,
            "没有文档",
            id="root leads out of the file",
        ),
        pytest.param(
            lambda: replaced("Pages/Page_0/Content.xml", "C:\\Windows\\win.ini"),
            CorruptFileError,
            "页面都已损坏",
            id="page on a drive",
        ),
        pytest.param(lambda: with_part("OFD.xml", None), ContainerError, "XML 文件", id="no root"),
    ],
)
def test_a_bad_ofd_is_refused_in_chinese_with_a_way_out(
    make: Maker, error: type[ParseError], says: str
) -> None:
    data = make()
    with in_time(), pytest.raises(error) as caught:
        parse(data, "a.ofd")
    assert type(caught.value) is error
    assert says in caught.value.message
    assert re.search(r"请[\u4e00-\u9fff]", caught.value.message)


def codes(document: Document) -> list[str]:
    return [notice.code for notice in document.warnings]


@pytest.mark.parametrize(
    ("make", "code", "status"),
    [
        pytest.param(
            lambda: with_part("Doc_0/Pages/Page_1/Content.xml", None, report()),
            "page_unreadable",
            "partial",
            id="a page missing",
        ),
        pytest.param(damaged_page, "page_unreadable", "partial", id="a page damaged"),
        pytest.param(
            lambda: with_part("Doc_0/Pages/Page_2/Content.xml", "<Page><Content", report()),
            "page_unreadable",
            "partial",
            id="a page torn",
        ),
        pytest.param(
            lambda: replaced(
                "<ofd:CommonData>", "<ofd:CommonData><ofd:PublicRes>no.xml</ofd:PublicRes>"
            ),
            "part_unreadable",
            "partial",
            id="resources missing",
        ),
        pytest.param(
            lambda: replaced(
                "<ofd:CommonData>",
                "<ofd:CommonData><ofd:PublicRes>../../../etc/passwd</ofd:PublicRes>",
            ),
            "location_refused",
            "partial",
            id="resources outside",
        ),
        pytest.param(
            lambda: replaced("<ofd:Content>", '<ofd:Template TemplateID="77"/><ofd:Content>'),
            "part_unreadable",
            "partial",
            id="template missing",
        ),
        pytest.param(
            lambda: with_units(unit(100, use(101)), unit(101, use(100))),
            "page_cut",
            "partial",
            id="units that hold each other",
        ),
        pytest.param(
            lambda: with_units(unit(101, "")), "page_cut", "partial", id="a unit that is not there"
        ),
        pytest.param(
            lambda: changed(
                write_ofd(
                    Volume([Sheet([Text(28, 80, TEXT, 4.2)])], annotations=[Text(9, 9, "x")])
                ),
                lambda name, old: None if name.endswith("Annots/Page_0.xml") else old,
            ),
            "part_unreadable",
            "partial",
            id="annotations missing",
        ),
        pytest.param(unit_bomb, "page_cut", "partial", id="a million objects from six units"),
        pytest.param(
            lambda: write_text(
                Text(28, 80, TEXT, 4.2), Raw("<{p}PathObject></{p}PathObject>" * 100_001)
            ),
            "page_cut",
            "partial",
            id="too many objects",
        ),
        pytest.param(
            lambda: replaced("0 0 210.0 297.0", "0 0 -5 1e9"),
            "page_size_unknown",
            "complete",
            id="no sensible page size",
        ),
        pytest.param(
            lambda: write_text(Text(28, 80, TEXT, 4.2), Text(-500, 80, "页外")),
            "text_outside_page",
            "complete",
            id="text off the page",
        ),
    ],
)
def test_what_can_be_read_is_read_and_the_rest_is_told(make: Maker, code: str, status: str) -> None:
    data = make()
    with in_time():
        document = parse(data, "a.ofd")
    assert "高处坠落" in document.text
    assert code in codes(document)
    assert document.status == status
    for notice in document.warnings:
        assert re.search(r"请[\u4e00-\u9fff]", notice.message)


def test_the_pages_beside_a_missing_one_are_whole() -> None:
    whole = parse(report(), "a.ofd")
    data = with_part("Doc_0/Pages/Page_1/Content.xml", None, report())
    document = parse(data, "a.ofd")
    assert [notice.page for notice in document.warnings] == [2]
    assert len(document.pages) == len(whole.pages)
    kept = "".join(
        whole.quote(block.span) for block in whole.blocks if block.page in (1, 4) and block.page
    )
    assert set(kept) <= set(document.text)
    assert [page for page in (1, 2, 3, 4) if any(line.page == page for line in document.lines)] == [
        1, 3, 4,
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["NaN", "inf", "-1e308", "1e7", "x", "", "9" * 400])
def test_numbers_without_sense_do_no_harm(value: str) -> None:
    data = strange_numbers(value)
    with in_time():
        document = parse(data, "a.ofd")
    assert TEXT in document.text
    assert "字" in document.text or codes(document) == ["text_outside_page"]


def test_deep_nesting_is_read() -> None:
    depth = 20_000
    opened, closed = "<{p}PageBlock>" * depth, "</{p}PageBlock>" * depth
    data = write_text(Raw(opened), Text(28, 80, TEXT, 4.2), Raw(closed))
    with in_time():
        assert parse(data, "a.ofd").text == TEXT


def test_very_many_lines_make_no_table_but_keep_the_text() -> None:
    rules = [Rule(20, 60 + at / 100, 190, 60 + at / 100) for at in range(15_000)]
    upright = [Rule(20 + at / 100, 60, 20 + at / 100, 200) for at in range(15_000)]
    data = write_text(Text(28, 80, TEXT, 4.2), *rules, *upright)
    with in_time():
        document = parse(data, "a.ofd")
    assert (document.text, codes(document)) == (TEXT, ["table_as_text"])


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        pytest.param(Limits(max_characters=100), "max_characters", id="characters"),
        pytest.param(Limits(max_blocks=10), "max_blocks", id="blocks"),
        pytest.param(Limits(max_pages=3), "max_pages", id="pages"),
        pytest.param(Limits(max_uncompressed_bytes=5000), "max_uncompressed_bytes", id="bytes"),
    ],
)
def test_each_limit_is_named(limits: Limits, limit: str) -> None:
    with pytest.raises(LimitError, match=limit):
        parse(report(), "a.ofd", limits=limits)


def test_a_part_too_large_for_a_tree_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extractor.formats.ofd_package._LARGEST_PART", 12_000)
    spaces = b"<ofd:Content>" + b" " * 12_000
    page = "Doc_0/Pages/Page_2/Content.xml"
    data = changed(
        report(),
        lambda name, old: old.replace(b"<ofd:Content>", spaces) if name == page else old,
    )
    with in_time():
        document = parse(data, "a.ofd")
    assert 3 in [notice.page for notice in document.warnings]


def test_a_doctype_in_a_part_beside_the_pages_is_refused() -> None:
    data = with_added(Doc_0__Annots=b"<!DOCTYPE x><Annotations/>")
    named = replaced("</ofd:Document>", "<ofd:Annotations>Annots</ofd:Annotations></ofd:Document>")
    assert parse(named, "a.ofd").status == "partial"
    both = replaced(
        "</ofd:Document>", "<ofd:Annotations>Annots</ofd:Annotations></ofd:Document>", data
    )
    with pytest.raises(CorruptFileError, match="文档类型声明"):
        parse(both, "a.ofd")


@pytest.mark.slow
@given(
    st.integers(0, 4000),
    st.integers(0, 60),
    st.sampled_from(["", "<", ">", '"', "&", "]]>", "nan", "<ofd:Layer>", "\x00", "9" * 30, "🈂"]),
)
def test_damage_anywhere_in_a_page_ends_well(at: int, length: int, new: str) -> None:
    """Either a document or an error of ours."""

    def damage(name: str, old: bytes) -> bytes:
        if name != PAGE:
            return old
        start = at % len(old)
        return old[:start] + new.encode() + old[start + length :]

    try:
        document = parse(changed(report(), damage), "a.ofd")
    except ParseError as exc:
        assert "内容异常" not in exc.message
    else:
        assert document.text
