"""Archives and letters: every file in them under its path, whatever is wrong with the others."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import FileResult, parse, parse_all
from extractor.errors import ContainerError, HechaError, ParseError
from extractor.formats import Limits
from extractor.formats.container_sniffing import is_msg
from extractor.formats.containers import Budget, Entry, Found
from extractor.formats.outlook import unpack_rtf
from tests.container_files import (
    Tree,
    compound_file,
    gbk_zip,
    libarchive_file,
    msg_attachment,
    msg_file,
    msg_inside,
    rar_file,
    tar_file,
    tar_members,
)
from tests.sample_files import docx, paragraph, zip_file

FILES = Path(__file__).parent / "data" / "files"
TEXT = "关于青石县“5·12”坍塌事故的调查报告。\n"
DATA = TEXT.encode()
CASE = {"案卷/报告.txt": DATA, "案卷/图.txt": DATA, "../../etc/passwd": DATA, "/根.txt": DATA}
READ = ["案卷/报告.txt", "案卷/图.txt", "etc/passwd", "根.txt"]
Make = Callable[[], bytes]


def outcome(result: FileResult) -> tuple[str, str]:
    """The path without the outermost file, and "text", an error's or a notice's code."""
    path = result.path.partition("/")[2]
    if result.document is not None:
        return path, "text"
    found = result.error or result.notice
    assert found is not None
    return path, found.code


def outcomes(data: bytes, name: str = "a", limits: Limits | None = None) -> list[tuple[str, str]]:
    return [outcome(each) for each in parse_all(data, name, limits=limits or Limits())]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: zip_file(CASE), id="zip, UTF-8"),
        pytest.param(lambda: gbk_zip(CASE), id="zip, GBK without a mark"),
        pytest.param(lambda: gbk_zip(CASE, "utf-8"), id="zip, UTF-8 without a mark"),
        pytest.param(lambda: gbk_zip(CASE, extra=True), id="zip, Unicode path field"),
        pytest.param(lambda: tar_file(CASE), id="tar"),
        pytest.param(lambda: tar_file(CASE, "gbk"), id="tar, GBK"),
        pytest.param(lambda: tar_file(CASE, kind=tarfile.PAX_FORMAT), id="tar, pax"),
        pytest.param(lambda: gzip.compress(tar_file(CASE)), id="tar.gz"),
        pytest.param(lambda: bz2.compress(tar_file(CASE)), id="tar.bz2"),
        pytest.param(lambda: lzma.compress(tar_file(CASE)), id="tar.xz"),
        pytest.param(lambda: libarchive_file(CASE), id="7z"),
        pytest.param(lambda: libarchive_file({}) and rar_file(CASE), id="rar"),
    ],
)
def test_every_file_of_an_archive_is_read(make: Make) -> None:
    results = list(parse_all(make(), "案卷包"))
    assert [each.path for each in results] == [f"案卷包/{name}" for name in READ]
    assert [each.document and each.document.text for each in results] == [TEXT] * 4
    assert [each.document and each.document.filename for each in results] == [
        each.path for each in results
    ]


def link(kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(f"连接{kind.decode()}")
    member.type, member.linkname = kind, "/etc/passwd"
    return member


def zip_link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("连接")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: tar_members(link(tarfile.SYMTYPE), link(tarfile.LNKTYPE)), "link_not_followed"),
        (lambda: tar_members(link(tarfile.CHRTYPE), link(tarfile.FIFOTYPE)), "link_not_followed"),
        (zip_link, "link_not_followed"),
        (lambda: zip_file({"__MACOSX/._a.docx": "x", "a/Thumbs.db": "x"}), "system_file"),
        (lambda: zip_file({".DS_Store": "x", "~$报告.docx": "x"}), "system_file"),
    ],
)
def test_links_and_system_files_are_left_out_with_a_word(make: Make, code: str) -> None:
    found = outcomes(make())
    assert found and {kind for _path, kind in found} == {code}


def letter(**headers: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = headers.pop("subject", "关于报送调查报告的函")
    message["From"] = "安委办 <a@b.example>"
    message["To"] = "各成员单位 <c@d.example>"
    message["Date"] = "Tue, 01 Aug 2023 10:00:00 +0800"
    message.set_content("请查收附件。\n")
    return message


def full_letter() -> EmailMessage:
    message = letter()
    message.add_alternative("<p>请查收附件。</p>", subtype="html")
    message.add_attachment(DATA, maintype="text", subtype="plain", filename="报告.txt")
    inner = zip_file({"内/报告.docx": docx(paragraph("内层报告"))})
    message.add_attachment(inner, maintype="application", subtype="zip", filename="案卷.zip")
    return message


def raw_gbk_letter() -> bytes:
    name = "报告.txt"
    return (
        f"From: 安委办 <a@b.example>\r\nSubject: 关于报送\r\nContent-Type: multipart/mixed; "
        'boundary="x"\r\n\r\n--x\r\nContent-Type: text/plain; charset=gb2312\r\n\r\n正文在此。\r\n'
        f'--x\r\nContent-Type: text/plain; name="{name}"\r\n\r\n报告正文\r\n--x--\r\n'
    ).encode("gbk")


def test_a_letter_is_a_document_and_its_attachments_are_too() -> None:
    results = list(parse_all(full_letter().as_bytes(), "来信.eml"))
    assert [each.path for each in results] == [
        "来信.eml",
        "来信.eml/附件/报告.txt",
        "来信.eml/附件/案卷.zip/内/报告.docx",
    ]
    document = results[0].document
    assert document is not None and document.text == "关于报送调查报告的函\n请查收附件。"
    assert [each.text for each in document.furniture] == [
        "发件人：安委办 <a@b.example>",
        "收件人：各成员单位 <c@d.example>",
        "日期：2023-08-01 10:00",
    ]
    assert results[2].document is not None and results[2].document.text == "内层报告"


def test_a_letter_in_raw_gbk() -> None:
    results = list(parse_all(raw_gbk_letter(), "a.eml"))
    assert [each.path for each in results] == ["a.eml", "a.eml/附件/报告.txt"]
    assert results[0].document is not None
    assert results[0].document.text == "关于报送\n正文在此。"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(full_letter().as_bytes()[:-40], id="in an attachment"),
        pytest.param(full_letter().as_bytes().partition(b"\n\n--")[0], id="before its parts"),
    ],
)
def test_a_torn_letter_says_so(data: bytes) -> None:
    document = parse(data, "a.eml")
    assert document.status == "partial"
    assert document.warnings[0].code == "file_truncated"
    assert parse(full_letter().as_bytes(), "a.eml").status == "complete"


def test_a_subject_that_is_no_base64_is_shown_as_it_is() -> None:
    data = letter().as_bytes().replace(b"Subject: ", b"Subject: =?gbk?b?A?= ")
    assert parse(data, "a.eml").text.startswith("=?gbk?b?A?=")


def test_a_forwarded_letter_in_raw_gbk_is_named_by_its_subject() -> None:
    outer = (
        b"From: a\r\nSubject: s\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n"
        b"--y\r\nContent-Type: message/rfc822\r\n\r\n%b\r\n--y--\r\n" % raw_gbk_letter()
    )
    assert ("附件/关于报送.eml", "text") in outcomes(outer)


@pytest.mark.parametrize("cut", [3, 9, 40])
def test_a_torn_rar_says_so(cut: int) -> None:
    pytest.importorskip("libarchive", reason="libarchive is not installed")
    whole = rar_file(CASE)
    assert {kind for _path, kind in outcomes(whole)} == {"text"}
    assert outcomes(whole[:-cut])[-1] == ("", "file_corrupt")


def test_a_forwarded_letter_is_a_letter_in_the_letter() -> None:
    outer = letter(subject="转发")
    outer.add_attachment(full_letter())
    inner = "附件/关于报送调查报告的函.eml"
    assert outcomes(outer.as_bytes()) == [
        ("", "text"),
        (inner, "text"),
        (f"{inner}/附件/报告.txt", "text"),
        (f"{inner}/附件/案卷.zip/内/报告.docx", "text"),
    ]


def test_a_letter_of_tables_keeps_its_cells() -> None:
    message = letter()
    message.add_alternative(
        "<table><tr><td>姓名</td><td>处理</td></tr><tr><td>孙某</td><td>罚款</td></tr></table>",
        subtype="html",
    )
    document = parse(message.as_bytes(), "a.eml")
    assert [block.kind for block in document.blocks] == ["heading", *["cell"] * 4]


@pytest.mark.parametrize("narrow", [None, "gbk"])
def test_an_outlook_letter(narrow: str | None) -> None:
    data = msg_file(
        "关于报送材料的函",
        "请查收。",
        {
            **msg_attachment(0, "报告.txt", DATA * 200),
            **msg_inside(1, "内信", "内信正文。", msg_attachment(0, "表.txt", DATA)),
        },
        narrow,
    )
    results = list(parse_all(data, "信.msg"))
    assert [each.path for each in results] == [
        "信.msg",
        "信.msg/附件/报告.txt",
        "信.msg/附件/内信.txt",
        "信.msg/附件/内信 表.txt",
    ]
    document = results[0].document
    assert document is not None and document.text == "关于报送材料的函\n请查收。"
    assert [each.text[:3] for each in document.furniture] == ["发件人", "收件人", "日期："]


def test_the_rtf_of_an_outlook_letter_is_unpacked() -> None:
    """The example of MS-OXRTFCP, section 4.1."""
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c"
        "090020627705b06c647d0a800fa0"
    )
    wanted = b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert unpack_rtf(packed) == wanted


def encrypted_zip() -> bytes:
    data = bytearray(gbk_zip({"甲.txt": DATA, "乙.txt": DATA}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def one_bad() -> bytes:
    data = bytearray(gbk_zip({"甲.txt": DATA, "乙.txt": DATA}))
    data[data.index(DATA) + 3] ^= 255
    return bytes(data)


def damaged_tar() -> bytes:
    data = bytearray(tar_file({f"{at}.txt": DATA for at in range(4)}))
    data[2 * 1024] ^= 255
    return bytes(data)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(
            encrypted_zip, [("甲.txt", "file_encrypted"), ("乙.txt", "text")], id="locked entry"
        ),
        pytest.param(one_bad, [("甲.txt", "file_corrupt"), ("乙.txt", "text")], id="bad checksum"),
        pytest.param(
            lambda: zip_file({"空.txt": b"", "乙.txt": DATA}),
            [("空.txt", "file_empty"), ("乙.txt", "text")],
            id="empty entry",
        ),
        pytest.param(
            lambda: zip_file({"音.mp3": b"ID3\x03\0" + bytes(99), "乙.txt": DATA}),
            [("音.mp3", "format_unsupported"), ("乙.txt", "text")],
            id="another format",
        ),
        pytest.param(
            damaged_tar,
            [("0.txt", "text"), ("1.txt", "text"), ("", "file_corrupt")],
            id="tar damaged in the middle",
        ),
        pytest.param(lambda: zip_file({}), [("", "file_empty")], id="empty zip"),
        pytest.param(lambda: gzip.compress(DATA)[:-9], [("", "file_corrupt")], id="gzip cut off"),
    ],
)
def test_one_bad_entry_never_stops_the_rest(make: Make, expected: list[tuple[str, str]]) -> None:
    assert outcomes(make()) == expected


@pytest.mark.parametrize("name", ["encrypted.7z", "encrypted_names.7z"])
def test_a_locked_7z_says_so(name: str) -> None:
    pytest.importorskip("libarchive", reason="libarchive is not installed")
    assert [kind for _path, kind in outcomes((FILES / name).read_bytes())] == ["file_encrypted"]


def test_without_libarchive_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "libarchive", None)
    (result,) = parse_all(b"7z\xbc\xaf\x27\x1c" + bytes(40), "a.7z")
    assert result.error is not None and result.error.code == "tool_missing"
    assert "libarchive13" in result.error.message


def packed(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def nested_bomb() -> bytes:
    """16 to the power of 5 files of 10 MB, as 42.zip is built."""
    data = packed({"0.txt": bytes(10 << 20)})
    for _ in range(5):
        data = packed({f"{at}.zip": data for at in range(16)})
    return data


def shells(count: int, wrap: Callable[[bytes], bytes]) -> bytes:
    data = DATA
    for _ in range(count):
        data = wrap(data)
    return data


def endless_parts() -> bytes:
    levels = (
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (at, at)
        for at in range(4000)
    )
    return b"From: a\r\nSubject: s\r\n" + b"".join(levels)


def endless_letters() -> bytes:
    inner = b"From: a\r\nSubject: s\r\nContent-Type: message/rfc822\r\n\r\n"
    return inner * 3000 + b"x"


@pytest.mark.parametrize(
    ("make", "codes"),
    [
        pytest.param(lambda: packed({"a.txt": b" " * (64 << 20)}), {"limit_exceeded"}, id="flat"),
        pytest.param(nested_bomb, {"limit_exceeded", "format_unsupported"}, id="nested bomb"),
        pytest.param(lambda: gzip.compress(bytes(64 << 20)), {"limit_exceeded"}, id="gzip bomb"),
        pytest.param(lambda: shells(30, gzip.compress), {"limit_exceeded"}, id="30 gzip shells"),
        pytest.param(
            lambda: shells(30, lambda data: packed({"a": data})), {"limit_exceeded"}, id="30 zips"
        ),
        pytest.param(
            lambda: gbk_zip({f"{at}.txt": b"" for at in range(100_000)}),
            {"limit_exceeded"},
            id="100,000 entries",
        ),
        pytest.param(endless_parts, {"file_corrupt"}, id="endless MIME parts"),
        pytest.param(endless_letters, {"file_corrupt"}, id="endless letters in letters"),
        pytest.param(
            lambda: b"From: a\r\nSubject: s\r\n" + b"X: y\r\n" * 100_000 + b"\r\nx",
            {"text"},
            id="100,000 header lines",
        ),
        pytest.param(
            lambda: b"From: a\r\nSubject: " + b"=?utf-8?b?5LqL?= " * 100_000 + b"\r\n\r\nx",
            {"text"},
            id="a header of 2 MB",
        ),
    ],
)
def test_a_hostile_container_ends_in_time(make: Make, codes: set[str]) -> None:
    data = make()
    started = time.perf_counter()
    assert {kind for _path, kind in outcomes(data)} == codes
    assert time.perf_counter() - started < 8


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (Limits(max_archive_entries=3), "max_archive_entries"),
        (Limits(max_uncompressed_bytes=100), "max_uncompressed_bytes"),
        (Limits(max_archive_depth=0), "max_archive_depth"),
    ],
)
def test_one_budget_holds_for_all_levels(limits: Limits, limit: str) -> None:
    data = zip_file({f"{at}.zip": zip_file({"a.txt": DATA}) for at in range(5)})
    errors = [each.error for each in parse_all(data, "a.zip", limits=limits) if each.error]
    assert errors and limit in errors[-1].message


def sound() -> list[tuple[str, bytes]]:
    return [
        ("a.zip", gbk_zip(CASE)),
        ("a.tar", tar_file(CASE)),
        ("a.tgz", gzip.compress(tar_file(CASE))),
        ("a.rar", rar_file(CASE)),
        ("a.eml", full_letter().as_bytes()),
        ("a.msg", msg_file("函", "正文", msg_attachment(0, "报告.txt", DATA * 100))),
    ]


@pytest.mark.parametrize(("name", "data"), sound(), ids=[name for name, _data in sound()])
def test_cut_off_anywhere_it_ends_in_results(name: str, data: bytes) -> None:
    for tenth in range(1, 10):
        results = list(parse_all(data[: len(data) * tenth // 10], name))
        assert results
        for each in results:
            assert each.error is None or re.search("[\u4e00-\u9fff]", each.error.message)


@given(
    st.integers(0, 5),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=6)), max_size=6),
)
def test_damaged_anywhere_it_ends_in_results(which: int, changes: list[tuple[int, bytes]]) -> None:
    name, data = sound()[which]
    spoilt = bytearray(data)
    for place, patch in changes:
        at = place % len(spoilt)
        spoilt[at : at + len(patch)] = patch
    for each in parse_all(bytes(spoilt), name):
        assert (each.document is None) + (each.error is None) + (each.notice is None) == 2


def test_what_a_walker_does_not_survive_ends_that_container_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def walk(data: bytes, filename: str, budget: Budget) -> Iterator[Found]:
        yield Entry("甲.txt", DATA)
        raise ZeroDivisionError

    monkeypatch.setattr("extractor.formats.container_tar.walk_tar", walk)
    data = zip_file({"内.tar": tar_file(CASE), "乙.txt": DATA})
    assert outcomes(data) == [
        ("内.tar/甲.txt", "text"),
        ("内.tar", "file_corrupt"),
        ("乙.txt", "text"),
    ]


def test_one_readable_file_is_read_from_its_archive() -> None:
    data = zip_file({"报告.docx": docx(paragraph("正文")), "Thumbs.db": b"x"})
    document = parse(data, "a.zip")
    assert (document.text, document.filename) == ("正文", "a.zip/报告.docx")
    assert [each.code for each in document.warnings] == ["read_from_container"]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: zip_file({"甲.txt": DATA, "乙.txt": DATA}), "解压"),
        (lambda: zip_file({"甲.exe": b"MZ\x90\0" + bytes(9), "乙.mp3": b"ID3\3\0"}), "没有可读"),
    ],
)
def test_an_archive_that_is_no_single_document_is_refused(make: Make, says: str) -> None:
    with pytest.raises(ContainerError, match=says):
        parse(make(), "a.zip")


def test_a_letter_by_itself_names_its_attachments() -> None:
    document = parse(full_letter().as_bytes(), "a.eml")
    assert [each.code for each in document.warnings] == ["attachments_not_read"]
    assert "附件/报告.txt、附件/案卷.zip" in document.warnings[0].message


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise HechaError("written")

    monkeypatch.setattr("os.mkdir", refuse)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    for name, data in sound():
        assert list(parse_all(data, name))
    assert list(tmp_path.iterdir()) == []


def test_a_document_that_holds_a_letter_is_no_letter() -> None:
    inner: Tree = {"__properties_version1.0": b"x", "__nameid_version1.0": {"a": b"x"}}
    data = compound_file({"WordDocument": b"x", "ObjectPool": {"_1": inner}})
    assert not is_msg(data)
    assert is_msg(msg_file("函"))


def test_a_compound_file_without_a_letter_is_refused() -> None:
    data = compound_file({"WordDocument": b"x"})
    with pytest.raises(ParseError, match=r"LibreOffice|旧版"):
        parse(data, "a.msg")
