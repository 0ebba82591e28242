"""Hostile and broken documents, each written by us for one attack or accident."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from corpus.ofd_writer import Sheet as OfdSheet
from corpus.ofd_writer import Text, Volume, write_ofd, write_text
from tests.container_files import Tree, compound_file
from tests.sample_files import (
    RELATION,
    Print,
    Sheet,
    W,
    changed,
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

FILES = Path(__file__).parent / "data" / "files"
TEXT = "某某市某某建设有限公司“7·12”一般高处坠落事故调查报告"
KEPT = "不可外泄的文件内容"
"""What stands in the file that hostile documents ask for; it must never be in a text."""
KEPT_FILE = "/nowhere/hecha-kept.txt"
"""Where it stands; the tests make it and say where."""
FAR = "http://127.0.0.1:9/far"
Maker = Callable[[], bytes]


# --- PDF ----------------------------------------------------------------------------------------


def sound_pdf() -> bytes:
    return pdf(*[Sheet([Print(80, 120, TEXT)])] * 3)


def raw_pdf(objects: Sequence[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1, the first of them the catalogue."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    at = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    size = b"/Size %d /Root 1 0 R %b" % (len(objects) + 1, trailer)
    return bytes(out + b"trailer <<%b>>\nstartxref\n%d\n%%%%EOF\n" % (size, at))


def stream(data: bytes, extra: bytes = b"") -> bytes:
    return b"<</Length %d %b>>\nstream\n%b\nendstream" % (len(data), extra, data)


WORDS = b"BT /F1 16 Tf 80 700 Td (Report of 12 July, 3 persons) Tj ET"
FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def one_page_pdf(
    content: bytes = WORDS,
    *more: bytes,
    page: bytes = b"/MediaBox[0 0 595 842]",
    catalog: bytes = b"",
    resources: bytes = b"",
    packed: bool = False,
) -> bytes:
    """A PDF of one page; `more` are objects from 6 on, the font is object 5."""
    body = stream(zlib.compress(content, 9), b"/Filter/FlateDecode") if packed else stream(content)
    return raw_pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R %b>>" % catalog,
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/Contents 4 0 R %b/Resources<</Font<</F1 5 0 R>>%b>>>>"
            % (page, resources),
            body,
            FONT,
            *more,
        ]
    )


def xref_shifted() -> bytes:
    """Every place in the table is wrong by 7 bytes."""
    data = sound_pdf()
    at = data.rindex(b"xref\n0", 0, data.rindex(b"startxref"))
    lines = data[at:].split(b"\n")
    moved = [
        b"%010d%b" % (int(line[:10]) + 7, line[10:]) if line[10:18] == b" 00000 n" else line
        for line in lines
    ]
    return data[:at] + b"\n".join(moved)


def xref_nowhere() -> bytes:
    data = sound_pdf()
    at = data.rindex(b"startxref")
    return data[:at] + b"startxref\n999999999\n%%EOF\n"


def xref_noise() -> bytes:
    data = sound_pdf()
    at = data.rindex(b"xref\n0", 0, data.rindex(b"startxref"))
    return data[:at] + bytes(range(128, 256)) * 4


def xref_loop() -> bytes:
    """The table before this one is this one."""
    data = one_page_pdf()
    at = int(data[data.rindex(b"startxref") + 10 :].split()[0])
    return data.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d" % at)


def endless_pages() -> bytes:
    """100,000 pages that are one object."""
    kids = b"3 0 R " * 100_000
    return raw_pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[%b]/Count 100000>>" % kids,
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
        ]
    )


def many_pages() -> bytes:
    """100,000 empty pages, each an object."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>"
    kids = b" ".join(b"%d 0 R" % (at + 3) for at in range(100_000))
    tree = b"<</Type/Pages/Kids[%b]/Count 100000>>" % kids
    return raw_pdf([b"<</Type/Catalog/Pages 2 0 R>>", tree, *[page] * 100_000])


def boasting_count() -> bytes:
    """One page, and a tree that says two thousand million."""
    return one_page_pdf().replace(b"/Count 1>>", b"/Count 2147483647>>")


def deep_page_tree() -> bytes:
    depth = 5000
    nodes = [
        b"<</Type/Pages/Kids[%d 0 R]/Count 1/Parent %d 0 R>>" % (at + 1, max(at - 1, 1))
        for at in range(2, depth)
    ]
    page = b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 595 842]>>" % (depth - 1)
    return raw_pdf([b"<</Type/Catalog/Pages 2 0 R>>", *nodes, page])


def deep_arrays() -> bytes:
    return one_page_pdf(catalog=b"/Deep " + b"[" * 100_000 + b"]" * 100_000)


def deep_content() -> bytes:
    return one_page_pdf(b"[" * 200_000 + b"q " * 200_000 + b"<<" * 100_000 + WORDS)


def form_that_draws_itself() -> bytes:
    form = stream(
        b"/X Do " + WORDS,
        b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]"
        b"/Resources<</XObject<</X 6 0 R>>/Font<</F1 5 0 R>>>>",
    )
    return one_page_pdf(WORDS + b" /X Do", form, resources=b"/XObject<</X 6 0 R>>")


def forms_in_forms() -> bytes:
    """Ten to the tenth texts from ten forms that draw the next ten times."""
    forms = [
        stream(
            b"/X Do " * 10 + WORDS,
            b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]"
            b"/Resources<</XObject<</X %d 0 R>>/Font<</F1 5 0 R>>>>" % number,
        )
        for number in range(7, 17)
    ]
    last = stream(WORDS, b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]")
    return one_page_pdf(b"/X Do", *forms, last, resources=b"/XObject<</X 6 0 R>>")


def content_used_often() -> bytes:
    """A page whose contents are one stream, forty thousand times."""
    data = one_page_pdf(b"%" + b"x" * 20_000 + b"\n" + WORDS)
    return data.replace(b"/Contents 4 0 R", b"/Contents[" + b"4 0 R " * 40_000 + b"]")


def content_bomb() -> bytes:
    """A gigabyte of spaces in a megabyte."""
    pack = zlib.compressobj(9)
    packed = b"".join(pack.compress(b" " * (1 << 20)) for _ in range(1024)) + pack.flush()
    twice = zlib.compress(packed, 9)
    data = one_page_pdf()
    old = stream(WORDS)
    return data.replace(old, stream(twice, b"/Filter[/FlateDecode/FlateDecode]"))


def letters_on_one_spot() -> bytes:
    return one_page_pdf(b"BT /F1 16 Tf 80 700 Td " + b"(a) Tj -9 0 Td " * 10_000 + b"ET")


def many_lines() -> bytes:
    """A page full of ruling lines, as no table has them."""
    level = b"".join(
        b"50 %d.%d m 500 %d.%d l " % (y, n, y, n) for y in range(99, 800) for n in range(9)
    )
    upright = b"".join(
        b"%d.%d 50 m %d.%d 800 l " % (x, n, x, n) for x in range(99, 500) for n in range(9)
    )
    return one_page_pdf(WORDS + b" " + level + upright + b"S", packed=True)


def cyclic_outline() -> bytes:
    items = (
        b"<</Type/Outlines/First 7 0 R/Last 7 0 R/Count 9>>",
        b"<</Title(Report)/Parent 6 0 R/Next 7 0 R/Prev 7 0 R/First 7 0 R/Dest[3 0 R/Fit]>>",
    )
    return one_page_pdf(WORDS, *items, catalog=b"/Outlines 6 0 R")


def deep_outline() -> bytes:
    """Bookmarks in bookmarks, 20,000 deep."""
    items = [b"<</Type/Outlines/First 7 0 R/Last 7 0 R/Count 1>>"]
    for at in range(7, 20_007):
        inner = b"/First %d 0 R/Last %d 0 R/Count 1" % (at + 1, at + 1) if at < 20_006 else b""
        items.append(b"<</Title(Part)/Parent %d 0 R/Dest[3 0 R/Fit]%b>>" % (at - 1, inner))
    return one_page_pdf(WORDS, *items, catalog=b"/Outlines 6 0 R")


def cyclic_attachments() -> bytes:
    """The tree of attached files holds itself."""
    return one_page_pdf(WORDS, b"<</Kids[6 0 R 6 0 R]>>", catalog=b"/Names<</EmbeddedFiles 6 0 R>>")


def hostile_attachment() -> bytes:
    """An attached file whose name leads out of the folder."""
    name = b"(../../../../etc/passwd)"
    return one_page_pdf(
        WORDS,
        b"<</Names[%b 7 0 R]>>" % name,
        b"<</Type/Filespec/F%b/UF%b/EF<</F 8 0 R>>>>" % (name, name),
        stream(b"x", b"/Type/EmbeddedFile"),
        catalog=b"/Names<</EmbeddedFiles 6 0 R>>",
    )


def active_pdf() -> bytes:
    """It wants to start a program, run a script and load a page when it is opened."""
    action = b"/OpenAction<</S/Launch/F(/bin/sh)>>/AA<</WC<</S/JavaScript/JS(app.alert(1))>>>>"
    link = b"<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(%b)>>>>" % FAR.encode()
    return one_page_pdf(WORDS, link, page=b"/MediaBox[0 0 595 842]/Annots[6 0 R]", catalog=action)


def external_stream() -> bytes:
    """A page whose content is said to stand in a file of the machine."""
    named = b"<</Length 0/F(%b)>>\nstream\n\nendstream" % KEPT_FILE.encode()
    return one_page_pdf().replace(stream(WORDS), named)


def unmapped_font() -> bytes:
    """Glyph numbers without any map to characters, on two pages of three lines."""
    wide = (
        b"<</Type/Font/Subtype/Type0/BaseFont/ABCDEF+X/Encoding/Identity-H/DescendantFonts[6 0 R]>>"
    )
    inner = (
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/ABCDEF+X/CIDSystemInfo<</Registry(Adobe)"
        b"/Ordering(Identity)/Supplement 0>>/FontDescriptor 7 0 R/DW 1000>>"
    )
    about = (
        b"<</Type/FontDescriptor/FontName/ABCDEF+X/Flags 4/FontBBox[0 0 1000 1000]/ItalicAngle 0>>"
    )
    lines = b"".join(
        b"BT /F1 16 Tf 80 %d Td <%b> Tj ET "
        % (700 - row * 30, b"".join(b"%04x" % (7 + n * 31 + row) for n in range(24)))
        for row in range(12)
    )
    return one_page_pdf(lines, inner, about).replace(FONT, wide)


def recursive_glyphs() -> bytes:
    """A font whose letter is drawn with itself."""
    font = (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[.1 0 0 .1 0 0]/FirstChar 97"
        b"/LastChar 97/Widths[9]/Encoding<</Differences[97/a]>>/CharProcs<</a 6 0 R>>"
        b"/Resources<</Font<</F1 5 0 R>>>>>>"
    )
    drawn = stream(b"9 0 d0 BT /F1 9 Tf (aaaaaaaaaa) Tj ET")
    data = one_page_pdf(b"BT /F1 9 Tf 80 700 Td (aaaa) Tj ET", drawn)
    return data.replace(FONT, font)


def box(inside: bytes) -> bytes:
    return one_page_pdf(page=b"/MediaBox[%b]" % inside)


# --- Word ---------------------------------------------------------------------------------------


def sound_docx() -> bytes:
    return docx("".join(paragraph(f"{TEXT}{at}") for at in range(300)))


def with_files(data: bytes, files: dict[str, bytes]) -> bytes:
    """A ZIP with more files in it."""
    kept: dict[str, bytes] = {}

    def note(name: str, content: bytes) -> bytes:
        kept[name] = content
        return content

    changed(data, note)
    return zip_file({**kept, **files})


def with_macros() -> bytes:
    return with_files(docx(paragraph(TEXT)), {"word/vbaProject.bin": b"Sub AutoOpen()"})


def tables_in_tables(depth: int = 3000) -> bytes:
    opened = "<w:tbl><w:tr><w:tc>" * depth
    return docx(opened + paragraph(TEXT) + "</w:tc></w:tr></w:tbl>" * depth + paragraph(TEXT))


def wide_spans() -> bytes:
    """Cells that say they span two thousand million columns."""
    cell = f'<w:tc><w:tcPr><w:gridSpan w:val="2147483647"/></w:tcPr>{paragraph(TEXT)}</w:tc>'
    return docx(f"<w:tbl>{f'<w:tr>{cell * 20}</w:tr>' * 50}</w:tbl>")


def strange_spans() -> bytes:
    rows = "".join(
        f'<w:tr><w:trPr><w:gridBefore w:val="{value}"/></w:trPr><w:tc><w:tcPr><w:gridSpan '
        f'w:val="{value}"/><w:vMerge w:val="{value}"/></w:tcPr>{paragraph(TEXT)}</w:tc></w:tr>'
        for value in ("1e308", "NaN", "", "--5", "²", "9" * 400)
    )
    return docx(
        f"<w:tbl>{rows}</w:tbl>" + numbered(TEXT),
        numbering=one_list(
            list_level("decimal", "%1.").replace('w:start w:val="1"', 'w:start w:val="--5"')
        ),
    )


def outward_relations() -> bytes:
    """A template, a picture and a frame that are elsewhere, and a note that is a file of ours."""
    links = "".join(
        f'<Relationship Id="r{at}" Type="{RELATION}/{kind}" Target="{target}" {mode}/>'
        for at, (kind, target, mode) in enumerate(
            [
                ("attachedTemplate", FAR, 'TargetMode="External"'),
                ("image", f"file://{KEPT_FILE}", 'TargetMode="External"'),
                ("footnotes", f"../../../..{KEPT_FILE}", ""),
                ("header", f"file://{KEPT_FILE}", ""),
            ]
        )
    )

    def point(name: str, content: bytes) -> bytes:
        if not name.endswith("document.xml.rels"):
            return content
        return content.replace(b"</Relationships>", links.encode() + b"</Relationships>")

    return changed(docx(paragraph(TEXT), styles="<w:style/>"), point)


def styles_in_a_circle() -> bytes:
    one, two = (
        f'<w:style w:type="paragraph" w:styleId="{a}"><w:basedOn w:val="{b}"/><w:link w:val="{b}"/>'
        "</w:style>"
        for a, b in (("1", "2"), ("2", "1"))
    )
    return docx(paragraph(TEXT, '<w:pStyle w:val="1"/>'), styles=one + two)


def numbering_in_a_circle() -> bytes:
    lists = (
        '<w:abstractNum w:abstractNumId="0"><w:numStyleLink w:val="1"/></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    )
    style = (
        '<w:style w:type="numbering" w:styleId="1"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr>'
        "</w:pPr></w:style>"
    )
    return docx(numbered(TEXT), numbering=lists, styles=style)


def huge_number() -> bytes:
    """A list that counts in Roman numerals from two thousand million."""
    levels = one_list(list_level("upperRoman", "%1.", start=2_147_483_647))
    return docx(numbered(TEXT) * 50, numbering=levels)


def note_in_itself() -> bytes:
    reference = '<w:p><w:r><w:t>注</w:t><w:footnoteReference w:id="1"/></w:r></w:p>'
    return docx(
        paragraph(TEXT) + reference, footnotes=f'<w:footnote w:id="1">{reference}</w:footnote>'
    )


def twice_the_same_part() -> bytes:
    """Two bodies under one name: which is read must be the one that is checked."""
    entity = f'<!DOCTYPE x [<!ENTITY a "b">]><w:document xmlns:w="{W}"><w:body/></w:document>'
    buffer = io.BytesIO(docx(paragraph(TEXT)))
    with zipfile.ZipFile(buffer, "a") as archive:
        info = zipfile.ZipInfo("WORD\\document.xml")
        archive.writestr(info, entity)
    return buffer.getvalue()


def doctype_in(part: str) -> bytes:
    """An entity in another part than the body."""
    doctype = f'<!DOCTYPE x [<!ENTITY a SYSTEM "file://{KEPT_FILE}">]>'.encode()

    def add(name: str, content: bytes) -> bytes:
        if name != part:
            return content
        head, mark, rest = content.partition(b"?>")
        return head + mark + doctype + rest if mark else doctype + content

    return changed(docx(paragraph(TEXT), styles="<w:style/>"), add)


def torn_header() -> bytes:
    """A header whose XML only one of two parsers takes."""

    def tear(name: str, content: bytes) -> bytes:
        return content.replace(b'"1.0"', b'"1.0', 1) if name.endswith("header1.xml") else content

    return changed(docx(paragraph(TEXT), header1=paragraph("文件")), tear)


def strange_version(part: str) -> bytes:
    """XML of a version that one of two parsers takes."""

    def age(name: str, content: bytes) -> bytes:
        return content.replace(b'version="1.0"', b'version="0.0"', 1) if part in name else content

    note = f'<w:footnote w:id="1">{paragraph("注")}</w:footnote>'
    return changed(docx(paragraph(TEXT), header1=paragraph("文件"), footnotes=note), age)


# --- pictures -----------------------------------------------------------------------------------


def endless_print() -> bytes:
    """A hundred and forty lines of five hundred characters, each to be recognised."""
    page = Image.new("L", (3600, 3600), 255)
    pen = ImageDraw.Draw(page)
    for line in range(140):
        pen.text((0, 26 * line), "0123456789" * 50, font=ImageFont.load_default(20), fill=0)
    buffer = io.BytesIO()
    page.save(buffer, "PNG", dpi=(200, 200))
    return buffer.getvalue()


def sizeless_tiff() -> bytes:
    """A TIFF of one entry, which is not its width."""
    entry = struct.pack("<HHII", 259, 3, 1, 1)
    return b"II*\x00" + struct.pack("<IH", 8, 1) + entry + bytes(4)


# --- OFD ----------------------------------------------------------------------------------------


def sound_ofd() -> bytes:
    return write_text(*(Text(28, 40 + at * 8, f"{TEXT}{at}", 4.2) for at in range(25)))


def wide_ofd(size: float) -> bytes:
    sound = write_ofd(Volume([OfdSheet([Text(28, 80, TEXT, 4.2)])]))
    return changed(sound, lambda _name, old: old.replace(b"210.0 297.0", b"%g %g" % (size, size)))


# --- DOC, RTF, ODT ------------------------------------------------------------------------------

FIB = struct.pack("<HH6xH20x", 0xA5EC, 0xC1, 0).ljust(4096, b"\0")


def hollow_doc() -> bytes:
    """The head of a Word document, and nothing behind it; its macros are there."""
    project: Tree = {"VBA": {"dir": b"x" * 99, "ThisDocument": b"Sub AutoOpen()" * 9}}
    return compound_file({"WordDocument": FIB, "1Table": bytes(5000), "Macros": project})


def sectors_in_a_circle(data: bytes) -> bytes:
    """A compound file whose sectors all lead to themselves."""
    spoilt = bytearray(data)
    (fat,) = struct.unpack_from("<I", spoilt, 76)
    at = 512 + fat * 512
    for sector in range(128):
        struct.pack_into("<I", spoilt, at + sector * 4, sector)
    return bytes(spoilt)


def entries_in_a_circle(data: bytes) -> bytes:
    """A compound file whose storages are their own children and neighbours."""
    spoilt = bytearray(data)
    (first,) = struct.unpack_from("<I", spoilt, 48)
    for entry in range(4):
        at = 512 + first * 512 + entry * 128
        struct.pack_into("<III", spoilt, at + 68, entry, entry, 0)
    return bytes(spoilt)


def boasting_sectors(data: bytes) -> bytes:
    """A compound file that says it has four thousand million sectors of tables."""
    spoilt = bytearray(data)
    for at in (44, 64, 72):
        struct.pack_into("<I", spoilt, at, 0xFFFFFFF0)
    return bytes(spoilt)


def reaching_rtf() -> bytes:
    """Fields that take in a file of the machine and a picture from elsewhere."""
    fields = "".join(
        f'{{\\field{{\\*\\fldinst {kind} "{target}"}}{{\\fldrslt }}}}'
        for kind, target in (("INCLUDETEXT", KEPT_FILE), ("INCLUDEPICTURE", FAR))
    )
    return rtf(TEXT).replace(b"\\par}", fields.encode() + b"\\par}")


def embedded_rtf() -> bytes:
    """An embedded object that Word would hand to another program."""
    thing = b"{\\object\\objemb\\objupdate{\\*\\objclass Equation.3}{\\*\\objdata " + b"01" * 9000
    return rtf(TEXT).replace(b"\\par}", thing + b"}}\\par}")


_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
_TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"


def odt_of(inside: str, before: str = "") -> bytes:
    return odt(
        content_xml=f'<?xml version="1.0"?>{before}<office:document-content '
        f'xmlns:office="{_OFFICE}" xmlns:text="{_TEXT}" office:version="1.2"><office:body>'
        f"<office:text>{inside}</office:text></office:body></office:document-content>"
    )


@cache
def laughs() -> str:
    """The declarations of ten to the tenth letters from a few lines."""
    return '<!ENTITY a0 "哈哈哈哈哈哈哈哈哈哈">' + "".join(
        f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">' for at in range(1, 10)
    )


def laughing_odt() -> bytes:
    return odt_of(f"<text:p>{TEXT}&a9;</text:p>", f"<!DOCTYPE x [{laughs()}]>")


def reaching_odt() -> bytes:
    doctype = f'<!DOCTYPE x [<!ENTITY a SYSTEM "file://{KEPT_FILE}">]>'
    return odt_of(f"<text:p>{TEXT}&a;</text:p>", doctype)


def deep_odt() -> bytes:
    depth = 20_000
    return odt_of("<text:section>" * depth + f"<text:p>{TEXT}</text:p>" + "</text:section>" * depth)


# --- web pages, Markdown, text ------------------------------------------------------------------


def html(inside: str) -> bytes:
    return f"<!DOCTYPE html><html><body>{inside}</body></html>".encode()


def cyclic_frames() -> bytes:
    """A web archive whose page is the frame of itself."""
    head = (
        "Subject: a\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/related; boundary="x"; type="text/html"\r\n\r\n'
    )
    page = (
        "--x\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        "Content-ID: <{0}>\r\n\r\n<html><body><p>{1}</p><iframe src='cid:a'></iframe>"
        "<iframe src='cid:b'></iframe></body></html>\r\n"
    )
    return (head + page.format("a", TEXT * 20) + page.format("b", TEXT) + "--x--\r\n").encode()
