"""DOC, WPS, RTF and ODT: told by content, converted within bounds, nothing left behind."""

from __future__ import annotations

import io
import os
import signal
import struct
import subprocess
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from extractor.document import Document, DocumentBuilder
from extractor.errors import (
    CorruptFileError,
    EncryptedFileError,
    LimitError,
    MissingToolError,
    ParseError,
    UnsupportedFormatError,
)
from extractor.formats import Limits, office, office_files, office_tools, parse
from extractor.formats.limited import close, parse_limited
from tests.container_files import compound_file
from tests.processes import LINUX, wait_until_gone
from tests.sample_files import (
    convert_all,
    docx,
    list_level,
    numbered,
    odt,
    one_list,
    paragraph,
    rtf,
    zip_file,
)

FILES = Path(__file__).parent / "data" / "files"
TEXT = "某某市某某建设有限公司“7·12”一般高处坠落事故调查报告"
FIB = struct.pack("<HH6xH20x", 0xA5EC, 0xC1, 0).ljust(4096, b"\0")
LOCKED_FIB = struct.pack("<HH6xH20x", 0xA5EC, 0xC1, 0x0100)


def read(data: bytes, name: str = "报告", limits: Limits | None = None) -> Document:
    return parse(data, name, limits=limits or Limits())


def codes(document: Document) -> list[str]:
    return [notice.code for notice in document.warnings]


@pytest.fixture
def no_office(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without LibreOffice."""
    monkeypatch.setattr(office_tools, "find_office", lambda: None)


Maker = Callable[[], bytes]


@pytest.mark.usefixtures("no_office")
@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        pytest.param(
            lambda: compound_file({"WordDocument": FIB}),
            MissingToolError,
            "libreoffice-writer",
            id="doc",
        ),
        pytest.param(
            lambda: compound_file({"1Table": b"", "WORDDOCUMENT": FIB}),
            MissingToolError,
            "apt-get install",
            id="doc among other streams",
        ),
        pytest.param(
            lambda: compound_file({"MatOST": b"x", "CONTENTS": b"x"}),
            MissingToolError,
            "另存为",
            id="works",
        ),
        pytest.param(lambda: rtf(TEXT), MissingToolError, "LibreOffice", id="rtf"),
        pytest.param(lambda: b"\xef\xbb\xbf " + rtf(TEXT), MissingToolError, "Libre", id="rtf BOM"),
        pytest.param(lambda: odt(content_xml="<x/>"), MissingToolError, "LibreOffice", id="odt"),
        pytest.param(
            lambda: compound_file({"WordDocument": LOCKED_FIB}),
            EncryptedFileError,
            "打开密码",
            id="locked",
        ),
        pytest.param(
            lambda: (FILES / "encrypted.doc").read_bytes(),
            EncryptedFileError,
            "打开密码",
            id="doc with a password",
        ),
        pytest.param(
            lambda: (FILES / "encrypted.odt").read_bytes(),
            EncryptedFileError,
            "打开密码",
            id="odt with a password",
        ),
        pytest.param(
            lambda: odt(**{"encrypted-package": "x"}),
            EncryptedFileError,
            "打开密码",
            id="odt locked as a whole",
        ),
        pytest.param(
            lambda: compound_file({"EncryptedPackage": b"x"}),
            EncryptedFileError,
            "密码",
            id="locked docx",
        ),
        pytest.param(
            lambda: compound_file({"WordDocument": FIB})[:2048],
            CorruptFileError,
            "请",
            id="doc cut off",
        ),
        pytest.param(
            lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            CorruptFileError,
            "没有传完",
            id="nothing but a mark",
        ),
        pytest.param(
            lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"),
            CorruptFileError,
            "损坏",
            id="a mark and a name",
        ),
        pytest.param(
            lambda: odt(content_xml="<x/>")[:-30], CorruptFileError, "损坏", id="odt cut off"
        ),
        pytest.param(
            lambda: odt(content_xml='<!DOCTYPE x [<!ENTITY a "b">]><x/>'),
            CorruptFileError,
            "文档类型声明",
            id="entities",
        ),
        pytest.param(
            lambda: odt(content_xml=" " * (64 << 20)), LimitError, "max_archive_ratio", id="bomb"
        ),
        pytest.param(
            lambda: b"{\\rtf1" + b"{" * 5000 + b"}" * 5001, LimitError, "嵌套", id="deep groups"
        ),
        pytest.param(
            lambda: compound_file({"Workbook": "WordDocument".encode("utf-16-le")}),
            UnsupportedFormatError,
            "Excel",
            id="a sheet that speaks of Word",
        ),
        pytest.param(
            lambda: zip_file({"content.xml": "<x/>"}),
            UnsupportedFormatError,
            "OpenDocument",
            id="OpenDocument of no known kind",
        ),
    ],
)
def test_kinds_are_told_by_content_before_anything_is_started(
    make: Maker, error: type[ParseError], says: str
) -> None:
    """In every message there is what to do; a name ending in .doc means nothing."""
    with pytest.raises(error) as caught:
        read(make(), "报告.doc")
    assert type(caught.value) is error
    assert says in caught.value.message and "请" in caught.value.message


def missing_sector() -> bytes:
    """A file whose text goes on in a sector that lies behind its end."""
    data = compound_file({"WordDocument": FIB})
    table = len(data) - 512
    return data[: table + 12] + struct.pack("<I", 100) + data[table + 16 :]


@pytest.mark.parametrize(
    ("make", "warned", "status"),
    [
        pytest.param(lambda: compound_file({"WordDocument": FIB}), [], "complete", id="sound"),
        pytest.param(missing_sector, ["file_truncated"], "partial", id="its end is missing"),
        pytest.param(
            lambda: compound_file({"WordDocument": FIB, "Macros": {}}),
            ["macros"],
            "complete",
            id="macros",
        ),
        pytest.param(
            lambda: compound_file({"MatOST": b"x", "CONTENTS": b"x"}),
            [],
            "complete",
            id="works, no Word",
        ),
    ],
)
def test_what_is_known_of_a_doc_before_it_is_converted(
    make: Maker, warned: list[str], status: str
) -> None:
    builder = DocumentBuilder(make(), "报告.doc", "application/msword")
    office_files.check_doc(make(), builder)
    document = builder.build()
    assert (codes(document), document.status) == (warned, status)


# --- the real program -----------------------------------------------------------------------------

RICH = docx(
    numbered("概况")
    + numbered("经过", 1, 1)
    + paragraph(TEXT)
    + "<w:tbl><w:tblPr/><w:tblGrid><w:gridCol w:w='2000'/><w:gridCol w:w='2000'/></w:tblGrid><w:tr>"
    + f"<w:tc><w:tcPr/>{paragraph('赵某某')}</w:tc><w:tc><w:tcPr/>{paragraph('行政警告')}</w:tc>"
    + "</w:tr></w:tbl>"
    + "<w:p><w:r><w:t>建议</w:t></w:r><w:ins w:id='1' w:author='某' w:date='2023-01-01T00:00:00Z'>"
    + "<w:r><w:t>给予</w:t></w:r></w:ins><w:del w:id='2' w:author='某' "
    + "w:date='2023-01-01T00:00:00Z'><w:r><w:delText>免予</w:delText></w:r></w:del>"
    + "<w:r><w:t>处分</w:t></w:r></w:p>"
    + numbered("性质"),
    numbering=one_list(
        list_level("chineseCounting", "%1、", 0, extra='<w:suff w:val="nothing"/>'),
        list_level("chineseCounting", "（%2）", 1, extra='<w:suff w:val="nothing"/>'),
    ),
    header1=paragraph("页眉"),
)
RICH_LINES = [
    "一、概况", "（一）经过", TEXT, "赵某某", "行政警告", "建议给予处分", "二、性质",
]  # fmt: skip


@cache
def rich(suffix: str) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        data = convert_all(Path(name), {"a": RICH}, suffix)["a"]
    # In RTF the office program writes 、 as a question mark; Word writes it like this.
    return data.replace(rb"\'02\'00\'3f;", rb"\'02\'00\u12289 ?;").replace(
        rb"\'03\'28\'01\'29;", rb"\'03\u-248 ?\'01\u-247 ?;"
    )


@pytest.fixture(scope="module")
def running_office() -> Iterator[None]:
    if office_tools.find_office() is None:
        pytest.skip("没有安装 LibreOffice")
    yield
    close()


REAL = [pytest.mark.slow, pytest.mark.usefixtures("running_office")]


def on_real_office(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that starts LibreOffice."""
    for mark in REAL:
        test = mark(test)
    return test


@on_real_office
@pytest.mark.parametrize(
    ("suffix", "media_type"),
    [
        ("doc", "application/msword"),
        ("rtf", "application/rtf"),
        ("odt", "application/vnd.oasis.opendocument.text"),
    ],
)
def test_each_kind_reads_as_the_docx_does(suffix: str, media_type: str) -> None:
    data = rich(suffix)
    started = time.perf_counter()
    document = read(data, f"报告.{suffix}")
    assert time.perf_counter() - started < 10  # the bench measures; this is for a busy machine
    assert document.media_type == media_type
    assert document.text.split("\n") == RICH_LINES
    assert [block.kind for block in document.blocks][3:5] == ["cell", "cell"]
    assert codes(document) == ["tracked_changes"]
    assert document.status == "complete"


@on_real_office
def test_a_wps_file_is_a_doc_by_another_name() -> None:
    assert codes(read(rich("doc"), "报告.wps")) == ["tracked_changes"]


def test_raw_bytes_that_are_not_there_are_left_out_of_an_rtf() -> None:
    """LibreOffice would wait for them; those that are there stay."""
    builder = DocumentBuilder(b"x", "a.rtf", "application/rtf")
    whole = rtf(TEXT).replace(b"\\par}", b"{\\pict\\bin4 }{}x}\\par}")
    torn = whole.replace(b"\\bin4 ", b"\\bin4000 ")
    assert office_files.mend_rtf(whole, builder) == whole
    assert office_files.mend_rtf(torn, builder) == torn.partition(b"\\bin")[0] + b"}}"
    builder.add_block(TEXT)
    assert builder.build().status == "partial"


@on_real_office
def test_a_torn_rtf_is_read_as_far_as_it_goes() -> None:
    whole = rtf(f"{TEXT}\\par 第二段\\par 第三段")
    document = read(whole[:-20], "报告.rtf")
    assert document.text.split("\n")[:2] == [TEXT, "第二段"]
    assert (document.status, codes(document)) == ("partial", ["file_truncated"])


@on_real_office
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_noise_in_a_doc_is_read_or_refused(share: float) -> None:
    """LibreOffice may crash on it; then this file has an error, and nothing else happens."""
    data = bytearray(rich("doc"))
    at = int(len(data) * share)
    data[at : at + 600] = os.urandom(600)
    try:
        assert read(bytes(data), "报告.doc").blocks
    except ParseError as error:
        assert "请" in error.message


class _Listener(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_error(404)

    do_HEAD = do_OPTIONS = do_PROPFIND = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[tuple[int, list[str]]]:
    asked: list[str] = []
    listener = HTTPServer(("127.0.0.1", 0), type("Listener", (_Listener,), {"asked": asked}))
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    yield listener.server_port, asked
    listener.shutdown()
    listener.server_close()
    thread.join()


def with_linked_picture(data: bytes, address: str) -> bytes:
    """An ODT that shows a picture from the network."""
    frame = (
        '<text:p><draw:frame xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
        'xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0" '
        'text:anchor-type="as-char" svg:width="2cm" svg:height="2cm"><draw:image '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="{address}" xlink:type="simple"/>'
        "</draw:frame></text:p></office:text>"
    )
    files = xml_parts(data)
    assert "</office:text>" in files["content.xml"]
    files["content.xml"] = files["content.xml"].replace("</office:text>", frame)
    return odt(**files)


def xml_parts(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".xml")]
        return {name: archive.read(name).decode("utf-8") for name in names}


@on_real_office
def test_nothing_is_fetched(server: tuple[int, list[str]], tmp_path: Path) -> None:
    """With the settings that LibreOffice comes with the picture is asked for; with ours not."""
    port, asked = server
    data = with_linked_picture(rich("odt"), f"http://127.0.0.1:{port}/a.png")
    assert read(data, "报告.odt").text.split("\n") == RICH_LINES
    assert asked == []
    convert_all(tmp_path, {"a": data}, "docx", "odt")
    assert "/a.png" in asked


@on_real_office
def test_links_of_rtf_are_not_followed(server: tuple[int, list[str]]) -> None:
    port, asked = server
    picture = f'{{\\field{{\\*\\fldinst INCLUDEPICTURE "http://127.0.0.1:{port}/a.png" \\\\d}}}}'
    linked = f'{{\\field{{\\*\\fldinst INCLUDETEXT "http://127.0.0.1:{port}/b.rtf"}}}}'
    template = f"{{\\*\\template http://127.0.0.1:{port}/c.dot}}"
    data = rtf(TEXT)[:-1] + f"{template}{picture}{linked}}}".encode()
    assert TEXT in read(data, "报告.rtf").text
    assert asked == []


BASIC = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE script:module PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">
<script:module xmlns:script="http://openoffice.org/2000/script" script:name="M"
 script:language="StarBasic">
Sub Main
 Open "{}" For Output As #1
 Print #1, "ran"
 Close #1
End Sub
</script:module>"""
LIBRARY = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE library:{0} PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "{0}.dtd">
<library:{0} xmlns:library="http://openoffice.org/2000/library" {1}>{2}</library:{0}>"""


def with_macro(data: bytes, target: Path) -> bytes:
    """An ODT that runs a macro when it is opened."""
    event = (
        '<office:scripts><office:script script:language="ooo:Basic" '
        'xmlns:script="urn:oasis:names:tc:opendocument:xmlns:script:1.0"/>'
        '<office:event-listeners><script:event-listener script:language="ooo:script" '
        'xmlns:script="urn:oasis:names:tc:opendocument:xmlns:script:1.0" '
        'xmlns:dom="http://www.w3.org/2001/xml-events" xmlns:xlink="http://www.w3.org/1999/xlink" '
        'script:event-name="dom:load" xlink:href="vnd.sun.star.script:Standard.M.Main?language='
        'Basic&amp;location=document" xlink:type="simple"/></office:event-listeners>'
        "</office:scripts>"
    )
    name = 'library:name="Standard" library:readonly="false" library:passwordprotected="false"'
    extra = {
        "Basic/script-lc.xml": LIBRARY.format(
            "libraries", "", '<library:library library:name="Standard" library:link="false"/>'
        ),
        "Basic/Standard/script-lb.xml": LIBRARY.format(
            "library", name, '<library:element library:name="M"/>'
        ),
        "Basic/Standard/M.xml": BASIC.format(target),
    }
    entries = "".join(
        f'<manifest:file-entry manifest:full-path="{path}" manifest:media-type="text/xml"/>'
        for path in extra
    )
    files = xml_parts(data)
    content = files["content.xml"].replace("<office:scripts/>", event, 1)
    assert event in content
    files["content.xml"] = content
    listed = files["META-INF/manifest.xml"]
    files["META-INF/manifest.xml"] = listed.replace(
        "</manifest:manifest>", f"{entries}</manifest:manifest>"
    )
    return odt(**(files | extra))


def open_for_people(file: Path, profile: Path, trace: Path, seconds: float) -> bool:
    """Open a file with the profile as a person would; tell whether its macro left the trace."""
    command = [str(office_tools.find_office()), f"-env:UserInstallation={profile.as_uri()}"]
    job = subprocess.Popen(  # noqa: S603
        [*command, "--headless", "--norestore", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until = time.monotonic() + seconds
    while not trace.exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    return trace.exists()


@LINUX
@on_real_office
def test_a_macro_that_waits_for_the_opening_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the settings undone the macro runs, so it would; with ours it does not."""
    trace, file = tmp_path / "trace", tmp_path / "a.odt"
    file.write_bytes(with_macro(rich("odt"), trace))
    assert read(file.read_bytes(), "报告.odt").text.split("\n") == RICH_LINES
    office._write_profile(tmp_path / "ours")
    undone = {"DisableMacrosExecution": "false", "MacroSecurityLevel": "0"}
    changed = tuple((p, n, undone.get(n, v)) for p, n, v in office._SETTINGS)
    monkeypatch.setattr(office, "_SETTINGS", changed)
    office._write_profile(tmp_path / "trusting")
    started = time.monotonic()
    assert not trace.exists(), "the macro ran when the file was read"
    assert open_for_people(file, tmp_path / "trusting", trace, 30)
    needed = time.monotonic() - started
    trace.unlink()
    assert not open_for_people(file, tmp_path / "ours", trace, 2 * needed)


def office_processes(mark: str) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line = (place / "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in line and place.name != str(os.getpid()):
            found.append(int(place.name))
    return found


@LINUX
@on_real_office
def test_a_worker_that_is_stopped_leaves_no_office_running(tmp_path: Path) -> None:
    """The worker is killed in the middle of a conversion; its guard ends LibreOffice."""
    place = tmp_path / "temporary"
    place.mkdir()
    data = rich("doc")
    monkey = pytest.MonkeyPatch()
    monkey.setattr(tempfile, "tempdir", str(place))
    seen: list[int] = []
    watching = threading.Event()

    def watch() -> None:
        while not watching.is_set():
            seen.extend(office_processes(str(place)))
            time.sleep(0.05)

    thread = threading.Thread(target=watch)
    try:
        close()
        parse_limited(b"abc", "a.txt")
        thread.start()
        with pytest.raises(LimitError, match="max_seconds"):
            parse_limited(data, "a.doc", Limits(max_seconds=1.0))
    finally:
        watching.set()
        thread.join()
        close()
        monkey.undo()
    assert seen
    wait_until_gone(*set(seen))
    assert [path.name for path in place.iterdir() if not path.name.endswith(".lock")] == []
