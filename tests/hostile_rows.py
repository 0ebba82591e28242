"""The table of hostile and broken files: a row says what it proves and how the file must end."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from extractor.formats import office_tools
from tests import hostile_containers as box
from tests import hostile_documents as doc
from tests.container_files import gbk_zip, libarchive_file, msg_file, rar_file, tar_file
from tests.sample_files import pdf, rtf, zip_file

TEXT, DATA, FILES = doc.TEXT, box.DATA, doc.FILES
OFFICE = pytest.mark.skipif(office_tools.find_office() is None, reason="没有安装 LibreOffice")
Maker = Callable[[], bytes]
PNG = b"\x89PNG\r\n\x1a\n"
HELD = "parse_crashed|limit_exceeded|file_empty|read"
"""How a file ends that only memory or time can hold: PDFium breaks down, or gives up before."""


@dataclass(frozen=True)
class Bad:
    """A file: what it proves, how it is made, its name, and how it and what is in it may end.

    `ends` holds "read", "partial", and the codes of errors and notices; exactly these are met.
    "a|b" is met by either: libraries of different versions differ.
    """

    proves: str
    make: Maker
    name: str
    ends: frozenset[str]
    marks: tuple[pytest.MarkDecorator, ...] = ()


def bad(
    proves: str, make: Maker, name: str, *ends: str, slow: bool = False, office: bool = False
) -> Bad:
    marks = (
        *((pytest.mark.slow,) if slow else ()),
        *((OFFICE, pytest.mark.slow) if office else ()),
    )
    return Bad(proves, make, f"案卷.{name}", frozenset(ends), marks)


def file(name: str) -> Maker:
    return lambda: (FILES / name).read_bytes()


def seven(name: str) -> Maker:
    """A file that only libarchive reads; the test is skipped where there is none."""
    return lambda: libarchive_file({}) and file(name)()


ENTRIES = {f"{at}.txt": b"" for at in range(11_000)}

PDF_ROWS = (
    bad("places of all objects wrong: the table is made anew", doc.xref_shifted, "pdf", "read"),
    bad("the table is said to be beyond the end", doc.xref_nowhere, "pdf", "read"),
    bad("noise in the place of table and trailer", doc.xref_noise, "pdf", "file_corrupt"),
    bad("a table that comes before itself", doc.xref_loop, "pdf", "read"),
    bad("one page, a hundred thousand times", doc.endless_pages, "pdf", "limit_exceeded"),
    bad("100,000 empty pages", doc.many_pages, "pdf", "limit_exceeded"),
    bad("a page tree that says 2,147,483,647", doc.boasting_count, "pdf", "read"),
    bad("a page tree 5,000 deep", doc.deep_page_tree, "pdf", "file_corrupt"),
    bad("a page of 200 inches", lambda: doc.box(b"0 0 14400 14400"), "pdf", "read"),
    bad("a page of a million miles", lambda: doc.box(b"0 0 1e15 1e15"), "pdf", "read"),
    bad("a page without room", lambda: doc.box(b"0 0 0 0"), "pdf", "read"),
    bad("a page turned inside out", lambda: doc.box(b"595 842 0 0"), "pdf", "read"),
    bad("a page whose size is no number", lambda: doc.box(b"/A (b) null"), "pdf", "read"),
    bad("a font without a map to characters", doc.unmapped_font, "pdf", "partial|read"),
    bad("a letter that is drawn with itself", doc.recursive_glyphs, "pdf", "read"),
    bad("arrays 100,000 deep", doc.deep_arrays, "pdf", "read"),
    bad("states and arrays of a page without end", doc.deep_content, "pdf", "file_empty"),
    bad("a form that draws itself", doc.form_that_draws_itself, "pdf", "read"),
    bad(
        "10,000,000,000 texts from ten forms",
        doc.forms_in_forms,
        "pdf",
        HELD,
        slow=True,
    ),
    bad(
        "one stream, forty thousand times",
        doc.content_used_often,
        "pdf",
        HELD,
    ),
    bad(
        "a gigabyte of spaces, packed twice",
        doc.content_bomb,
        "pdf",
        HELD,
        slow=True,
    ),
    bad("10,000 letters on one spot", doc.letters_on_one_spot, "pdf", "read"),
    bad("a page of ruling lines", doc.many_lines, "pdf", "read"),
    bad("bookmarks in a circle", doc.cyclic_outline, "pdf", "read"),
    bad("bookmarks 20,000 deep", doc.deep_outline, "pdf", "read"),
    bad("attached files in a circle", doc.cyclic_attachments, "pdf", "read"),
    bad("an attached file named ../../etc/passwd", doc.hostile_attachment, "pdf", "read"),
    bad("a program, a script and a link to be opened", doc.active_pdf, "pdf", "read"),
    bad("a page whose content is a file of ours", doc.external_stream, "pdf", "file_empty"),
    bad("a password to open", lambda: pdf(lock="秘密"), "pdf", "file_encrypted"),
)

WORD_ROWS = (
    bad("macros: said, not run", doc.with_macros, "docm", "read"),
    bad("a password to open", file("encrypted.docx"), "docx", "file_encrypted"),
    bad("tables in tables, 3,000 deep", doc.tables_in_tables, "docx", "file_corrupt"),
    bad("cells of 2,147,483,647 columns", doc.wide_spans, "docx", "read"),
    bad("cells whose columns are no numbers", doc.strange_spans, "docx", "read"),
    bad("parts elsewhere and files of ours", doc.outward_relations, "docx", "read"),
    bad("styles in a circle", doc.styles_in_a_circle, "docx", "read"),
    bad("numbering in a circle", doc.numbering_in_a_circle, "docx", "read"),
    bad("Roman numerals from 2,147,483,647", doc.huge_number, "docx", "read"),
    bad("a note on itself", doc.note_in_itself, "docx", "read"),
    bad("two bodies of one name", doc.twice_the_same_part, "docx", "file_corrupt"),
    *(
        bad(f"an entity in {part}", partial(doc.doctype_in, part), "docx", "file_corrupt")
        for part in ("word/styles.xml", "_rels/.rels", "word/_rels/document.xml.rels")
    ),
    bad("a header that is no XML", doc.torn_header, "docx", "file_corrupt"),
    bad("XML 0.0 as body", lambda: doc.strange_version("word/document"), "docx", "file_corrupt"),
    bad("XML 0.0 as header", lambda: doc.strange_version("header1"), "docx", "file_corrupt"),
)

PICTURE_ROWS = (
    bad(
        "a page of small print without end",
        doc.endless_print,
        "png",
        "limit_exceeded|partial|tool_missing",
        slow=True,
    ),
    bad("a TIFF without a size", doc.sizeless_tiff, "tif", "file_corrupt"),
    bad("a PNG that is no more than a mark", lambda: PNG + bytes(99), "png", "file_corrupt"),
)

OFD_ROWS = (
    bad("a page of 200 inches", lambda: doc.wide_ofd(5080), "ofd", "read"),
    bad("a page of a million miles", lambda: doc.wide_ofd(1e15), "ofd", "read"),
    bad("files that lead out", lambda: doc.with_files(doc.sound_ofd(), box.OUTWARD), "ofd", "read"),
)

OFFICE_ROWS = (
    bad("a password: .doc", file("encrypted.doc"), "doc", "file_encrypted"),
    bad("a password: .odt", file("encrypted.odt"), "odt", "file_encrypted"),
    bad(
        "sectors in a circle",
        lambda: doc.sectors_in_a_circle(doc.hollow_doc()),
        "doc",
        "file_corrupt|format_unsupported",
    ),
    bad(
        "entries in a circle",
        lambda: doc.entries_in_a_circle(doc.hollow_doc()),
        "doc",
        "file_corrupt",
    ),
    bad(
        "4,294,967,280 sectors",
        lambda: doc.boasting_sectors(doc.hollow_doc()),
        "doc",
        "file_corrupt",
    ),
    bad("macros and nothing else", doc.hollow_doc, "doc", "file_empty", office=True),
    bad("billion laughs", doc.laughing_odt, "odt", "file_corrupt"),
    bad("an external entity", doc.reaching_odt, "odt", "file_corrupt"),
    bad("sections 20,000 deep", doc.deep_odt, "odt", "file_corrupt", office=True),
    bad(
        "a zip bomb",
        lambda: doc.odt_of(" " * (64 << 20)),
        "odt",
        "limit_exceeded",
    ),
    bad("groups 100,000 deep", lambda: rtf("{" * 100_000), "rtf", "limit_exceeded"),
    bad(
        "2,000,000,000 raw bytes",
        lambda: rtf(TEXT).replace(b"\\par", b"\\bin2000000000 "),
        "rtf",
        "partial",
        office=True,
    ),
    bad(
        "a file of ours and a picture from elsewhere", doc.reaching_rtf, "rtf", "read", office=True
    ),
    bad("an embedded object", doc.embedded_rtf, "rtf", "read", office=True),
)

PAGE_ROWS = (
    bad("a cell before any row", lambda: doc.html(f"<table><td>{TEXT}</table>"), "html", "read"),
    bad("100,000 divisions deep", lambda: doc.html("<div>" * 100_000 + TEXT), "html", "read"),
    bad(
        "an address that is none",
        lambda: doc.html(
            f'<base href="http://["><p>{TEXT}</p><iframe src="//[a"></iframe>'
            f'<a href="http://[x/a.pdf">附件</a>'
        ),
        "html",
        "partial",
    ),
    bad(
        "a frame that is a file of ours",
        lambda: doc.html(f"<p>{TEXT}</p><iframe src='file://{doc.KEPT_FILE}'></iframe>"),
        "html",
        "partial",
    ),
    bad("frames in a circle", doc.cyclic_frames, "mht", "partial"),
    bad(
        "lists that count from 999999 in Roman numerals",
        lambda: doc.html(f"<ol type=I start=999999>{f'<li>{TEXT}' * 500}</ol>"),
        "html",
        "read",
    ),
    bad("quotes 50,000 deep", lambda: (">" * 50_000 + TEXT).encode(), "md", "read"),
    bad(
        "lists 3,000 deep",
        lambda: "".join(f"{' ' * 2 * at}- {TEXT}\n" for at in range(1000)).encode(),
        "md",
        "read",
    ),
    bad("brackets without end", lambda: f"# {TEXT}\n\n{'[' * 50_000}".encode(), "md", "read"),
    bad("stars without end", lambda: f"# {TEXT}\n\n{'*a **b ' * 20_000}".encode(), "md", "read"),
    bad(
        "ticks without end",
        lambda: f"# {TEXT}\n\n{'`' * 9}{'` `` ' * 30_000}".encode(),
        "md",
        "read",
    ),
    bad(
        "a table of 5,000 columns",
        lambda: f"# {TEXT}\n\n{'|a' * 5000}|\n{'|-' * 5000}|\n".encode() + b"|b|\n" * 2000,
        "md",
        "read",
    ),
    bad("300,000 lines", lambda: ("事\n" * 300_000).encode(), "txt", "read"),
    bad("600,000 lines", lambda: ("事\n" * 600_000).encode(), "txt", "limit_exceeded"),
    bad(
        "12,000,000 characters in a line",
        lambda: ("a" * 12_000_000).encode(),
        "txt",
        "limit_exceeded",
    ),
    bad("noise of zeros", lambda: bytes(1 << 20), "txt", "format_unsupported"),
)

ARCHIVE_ROWS = (
    bad("ZIP: names that lead out", lambda: zip_file(box.OUTWARD), "zip", "read"),
    bad("TAR: names that lead out", lambda: tar_file(box.OUTWARD), "tar", "read"),
    bad("7z: names that lead out", lambda: libarchive_file(box.OUTWARD), "7z", "read"),
    bad(
        "RAR: names that lead out",
        lambda: libarchive_file({}) and rar_file(box.OUTWARD),
        "rar",
        "read",
    ),
    bad("ZIP: a link to a file of ours", box.zip_link, "zip", "link_not_followed", "read"),
    bad(
        "TAR: a symbolic link",
        lambda: box.tar_entry(tarfile.SYMTYPE, doc.KEPT_FILE),
        "tar",
        "link_not_followed",
    ),
    bad(
        "TAR: a hard link",
        lambda: box.tar_entry(tarfile.LNKTYPE, doc.KEPT_FILE),
        "tar",
        "link_not_followed",
    ),
    bad(
        "TAR: a link, and a file written through it",
        box.linked_tar,
        "tar",
        "link_not_followed",
        "read",
    ),
    bad("TAR: a device", lambda: box.tar_entry(tarfile.BLKTYPE), "tar", "link_not_followed"),
    bad("TAR: a pipe", lambda: box.tar_entry(tarfile.FIFOTYPE), "tar", "link_not_followed"),
    bad("TAR: a file with holes, said to be a terabyte", box.sparse_tar, "tar", "limit_exceeded"),
    bad(
        "TAR: 8 GB that are not there",
        lambda: box.tar_header(b"77777777777"),
        "tar",
        "limit_exceeded",
        "file_corrupt",
    ),
    bad("TAR: a size below zero", lambda: box.tar_header(b"\xff" * 12), "tar", "file_corrupt"),
    bad(
        "TAR: an endless extended header",
        lambda: box.tar_header(b"77777777777", b"x"),
        "tar",
        "file_corrupt",
    ),
    bad("TAR: 3,000 names of names", box.long_names_without_end, "tar", "file_corrupt"),
    bad(
        "TAR: a size that the extended header denies",
        lambda: box.tar_entry(tarfile.REGTYPE, pax={"size": "-5", "GNU.sparse.size": "9" * 12}),
        "tar",
        "file_empty|file_corrupt|limit_exceeded",
    ),
    bad("names in GBK", lambda: gbk_zip({"案卷/报告.txt": DATA, "图纸.txt": DATA}), "zip", "read"),
    bad(
        "a bomb: 64 MB of spaces",
        lambda: box.tight_zip({"a.txt": b" " * (64 << 20)}),
        "zip",
        "limit_exceeded",
    ),
    bad(
        "a bomb: nested five times",
        box.nested_bomb,
        "zip",
        "limit_exceeded",
        "file_empty",
        slow=True,
    ),
    bad(
        "a bomb: 2,000 entries of the same bytes",
        box.overlapping_zip,
        "zip",
        "file_empty",
        "file_corrupt",
    ),
    bad("a bomb: gzip", lambda: gzip.compress(b" " * (64 << 20)), "gz", "limit_exceeded"),
    bad(
        "a bomb: a thousand streams in one gzip",
        lambda: gzip.compress(b" " * (1 << 20)) * 1000,
        "gz",
        "limit_exceeded",
    ),
    bad(
        "a bomb: 7z", lambda: libarchive_file({"a.txt": b" " * (64 << 20)}), "7z", "limit_exceeded"
    ),
    bad(
        "30 archives in archives",
        lambda: box.wrapped(30, lambda data: box.tight_zip({"a.zip": data})),
        "zip",
        "limit_exceeded",
    ),
    bad("11,000 entries", lambda: gbk_zip(ENTRIES), "zip", "limit_exceeded"),
    bad("TAR: 11,000 entries", lambda: tar_file(ENTRIES), "tar", "limit_exceeded", "file_empty"),
    bad("a ZIP that begins in itself", box.zip_of_itself, "zip", "file_corrupt"),
    bad("a ZIP behind a ZIP", box.two_directories, "zip", "read"),
    bad(
        "an entry said to be 4 GB",
        lambda: box.zip_states(24, 0xFFFFFFF0),
        "zip",
        "limit_exceeded",
        "read",
    ),
    bad(
        "an entry said to be 3 bytes", lambda: box.zip_states(24, 3), "zip", "file_corrupt", "read"
    ),
    bad(
        "an entry beyond the end",
        lambda: box.zip_states(42, 0xFFFFFF),
        "zip",
        "file_corrupt",
        "read",
    ),
    bad(
        "packed by no known method",
        lambda: box.zip_states(10, 99, "<H"),
        "zip",
        "format_unsupported",
        "read",
    ),
    bad("ZIP: a password", lambda: box.zip_states(8, 1, "<H"), "zip", "file_encrypted", "read"),
    bad("7z: a password", seven("encrypted.7z"), "7z", "file_encrypted"),
    bad("7z: a password on the names", seven("encrypted_names.7z"), "7z", "file_encrypted"),
    bad("7z: a header of 2^60 bytes", lambda: box.seven_states(1 << 60), "7z", "file_corrupt|read"),
    bad("a file without a name", lambda: gbk_zip({"": DATA, "乙.txt": DATA}), "zip", "read"),
    bad(
        "a name of 60,000 characters",
        lambda: zip_file({"长" * 20_000 + ".txt": DATA}),
        "zip",
        "read",
    ),
)

LETTER_ROWS = (
    bad("EML: attachments with hostile names", box.hostile_names, "eml", "read"),
    bad("MSG: attachments with hostile names", box.hostile_msg_names, "msg", "read"),
    bad(
        "EML: letters in letters, 30 deep",
        lambda: box.letters_in_letters(30),
        "eml",
        "read",
        "limit_exceeded",
    ),
    bad(
        "EML: parts in parts, 4,000 deep",
        lambda: (
            b"From: a\r\nSubject: s\r\n"
            + b"".join(
                b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (at, at)
                for at in range(4000)
            )
        ),
        "eml",
        "file_corrupt",
    ),
    bad("MSG: letters in letters, 40 deep", lambda: box.outlook_in_outlook(40), "msg", "read"),
    bad(
        "MSG: sectors in a circle",
        lambda: doc.sectors_in_a_circle(msg_file(TEXT, "正文" * 5000)),
        "msg",
        "file_corrupt|format_unsupported",
    ),
    bad(
        "MSG: entries in a circle",
        lambda: doc.entries_in_a_circle(msg_file(TEXT, "正文")),
        "msg",
        "file_corrupt",
    ),
    bad("MSG: a packed text said to be 4 GB", box.swollen_rtf, "msg", "read", "file_empty"),
    bad(
        "EML: a subject that is no base64",
        lambda: box.letter("正文").replace(b"Subject: ", b"Subject: =?gbk?b?A?= "),
        "eml",
        "read",
    ),
    bad(
        "EML: a character set that is a command",
        lambda: box.letter("正文", "text/plain; charset=../../etc/passwd"),
        "eml",
        "read",
    ),
    bad(
        "EML: a character set that unpacks",
        lambda: box.letter("正文", "text/plain; charset=zlib_codec"),
        "eml",
        "read",
    ),
    bad(
        "EML: a part that is elsewhere",
        lambda: box.letter(
            f"Content-Type: text/plain\r\n\r\n{TEXT}",
            f'message/external-body; access-type=local-file; name="{doc.KEPT_FILE}"',
        ),
        "eml",
        "read",
    ),
    bad(
        "EML: locked by S/MIME",
        lambda: box.letter(
            "MIAGCSqGSIb3DQEHA6CAMIACAQAx",
            "application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64",
        ),
        "eml",
        "read",
        "format_unsupported",
    ),
    bad(
        "EML: an archive of letters of archives",
        box.letters_and_archives,
        "zip",
        "read",
        "limit_exceeded",
    ),
)

ROWS = (
    *PDF_ROWS,
    *WORD_ROWS,
    *PICTURE_ROWS,
    *OFD_ROWS,
    *OFFICE_ROWS,
    *PAGE_ROWS,
    *ARCHIVE_ROWS,
    *LETTER_ROWS,
)
