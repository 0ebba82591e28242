"""The same report in every format that offices send: one builder a format.

`FORMS` is the table; a format is added by a row. What a reader must find is the same in all: the
paragraphs of the story and the rows of its table.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache, partial
from html import escape
from pathlib import Path
from typing import Final

from bench.long_report import evaluation_report, long_report, task_rows
from bench.scans import Wear, as_pdf, has_chinese_font, pictures
from bench.typesetting import (
    CONVERSION_SECONDS,
    HEADS,
    Wanted,
    print_by_canvas,
    report_docx,
)
from corpus.ofd_writer import Volume, typeset, write_ofd
from extractor.formats import ocr


@dataclass(frozen=True, slots=True)
class Story:
    """A report: its paragraphs, and the rows of the table at its end."""

    name: str
    paragraphs: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def lines(self) -> list[str]:
        """The lines of its plain text; the cells of a row stand behind tabs."""
        return [*self.paragraphs, *("\t".join(row) for row in self.rows)]

    @property
    def text(self) -> str:
        """Its plain text, which is what every other format is measured by."""
        return "\n".join(self.lines) + "\n"


class MissingError(Exception):
    """What a format needs is not on this machine; the message says what."""


@dataclass(frozen=True, slots=True)
class Form:
    """A way to save a story: `make` gives the file and raises `MissingError`.

    `exact` is the least share of characters, `facts` the least share of facts, in per cent.
    """

    name: str
    filename: str
    make: Callable[[Story], bytes]
    exact: float = 100.0
    facts: float = 100.0
    takes_tables: bool = True
    is_clean: bool = True


def stories(characters: int) -> list[Story]:
    """Return an investigation report of this length, a shorter one with a table, an evaluation."""
    rows = (HEADS, *task_rows(max(characters // 500, 5)))
    return [
        Story("调查报告", _paragraphs(long_report(characters))),
        Story("带表格", _paragraphs(long_report(characters // 4)), rows),
        Story("评估报告", _paragraphs(evaluation_report(characters // 3))),
    ]


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(line for line in text.splitlines() if line)


# --- written by us ------------------------------------------------------------------------------


def _encoded(story: Story, encoding: str) -> bytes:
    return story.text.replace("\n", "\r\n").encode(encoding)


def _wanted(story: Story, columns: int = 1) -> Wanted:
    rows = max(len(story.rows) - 1, 0)
    return Wanted(story.name, 0, columns, rows, paragraphs=story.paragraphs)


def _docx(story: Story, columns: int = 1) -> bytes:
    return report_docx(_wanted(story, columns))


def _pdf(story: Story, columns: int = 1) -> bytes:
    return print_by_canvas(_wanted(story, columns)).data


_NAVIGATION: Final = (
    '<div class="nav"><a href="/">首页</a><a href="/xw">新闻动态</a>'
    '<a href="/zw">政务公开</a></div>'
)
_FOOT: Final = (
    '<div class="footer"><p>主办：青石县人民政府办公室</p><p>网站标识码：9901230001</p>'
    '<p><a href="/map">网站地图</a> | <a href="/about">联系我们</a></p></div>'
)


def _page(story: Story) -> str:
    """A page of a government site: the report between navigation and foot."""
    title, *body = story.paragraphs
    inner = "".join(f"<p>&emsp;&emsp;{escape(text)}</p>\n" for text in body)
    rows = "".join(
        "<tr>" + "".join(f"<td><p>{escape(cell)}</p></td>" for cell in row) + "</tr>\n"
        for row in story.rows
    )
    table = f'<table border="1">{rows}</table>' if rows else ""
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        f'<body>{_NAVIGATION}<div class="content"><h1>{escape(title)}</h1>'
        '<p class="info">来源：县应急管理局　发布日期：2023-08-01</p>'
        f'<div class="TRS_Editor">{inner}{table}</div></div>{_FOOT}</body></html>'
    )


def _html(story: Story) -> bytes:
    return _page(story).encode()


def _mht(story: Story) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = "<Saved by a browser>"
    message["Subject"] = story.paragraphs[0]
    message["MIME-Version"] = "1.0"
    message.set_content(_page(story), subtype="html", cte="quoted-printable")
    message["Content-Location"] = "https://www.qingshi.example/2023/08/01/1.html"
    message.make_related()
    message.add_related(b"\x89PNG\r\n\x1a\n", maintype="image", subtype="png", cid="<a@b>")
    return bytes(message)


def _markdown(story: Story) -> bytes:
    title, *body = story.paragraphs
    lines = [f"# {title}"]
    for text in body:
        is_heading = text[1:2] == "、" and len(text) < 40
        lines += ["", f"## {text}" if is_heading else text]
    for number, row in enumerate(story.rows):
        lines += [""] if number == 0 else []
        lines.append(f"| {' | '.join(row)} |")
        lines += ["|" + " --- |" * len(row)] if number == 0 else []
    return "\n".join([*lines, ""]).encode()


def _letter(story: Story) -> bytes:
    """A letter with the report as its attachment, which is what is measured."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = "关于报送材料的函"
    message["From"] = "安委办 <a@b.example>"
    message["To"] = "各成员单位 <c@d.example>"
    message["Date"] = "Tue, 01 Aug 2023 10:00:00 +0800"
    message.set_content("请查收附件。\n")
    kind = "vnd.openxmlformats-officedocument.wordprocessingml.document"
    message.add_attachment(
        _docx(story), maintype="application", subtype=kind, filename=f"{story.name}.docx"
    )
    return bytes(message)


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """Return a ZIP with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


# --- saved by LibreOffice -----------------------------------------------------------------------


@cache
def _ofd(story: Story) -> bytes:
    return write_ofd(Volume(typeset(story.paragraphs)))


def _scan(story: Story, wear: Wear, columns: int = 1) -> bytes:
    """Return the printed story as an office scans it: a PDF of worn pictures."""
    if (obstacle := ocr.obstacle()) is not None:
        raise MissingError(obstacle)
    if not has_chinese_font():
        raise MissingError("没有中文字体")
    return as_pdf(list(pictures(_pdf(story, columns), wear)), wear.dpi, wear.quality or 90)


def _by_office(story: Story, target: str, columns: int = 1) -> bytes:
    office = shutil.which("soffice")
    if office is None:
        raise MissingError("没有安装 LibreOffice")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "report.docx"
        source.write_bytes(_docx(story, columns))
        profile = f"-env:UserInstallation={(Path(folder) / 'profile').as_uri()}"
        subprocess.run(  # noqa: S603 - the program is the one found on this machine
            [office, profile, "--headless", "--convert-to", target, "--outdir", folder, source],
            check=True,
            timeout=CONVERSION_SECONDS,
            capture_output=True,
        )
        return source.with_suffix(f".{target.partition(':')[0]}").read_bytes()


def _office(name: str, target: str, exact: float = 100.0) -> Form:
    make = partial(_by_office, target=target)
    return Form(name, f"报告.{target.partition(':')[0]}", make, exact)


# --- the table ----------------------------------------------------------------------------------

OUR_FORMS: Final = (
    Form("TXT（UTF-8）", "报告.txt", partial(_encoded, encoding="utf-8")),
    Form("TXT（UTF-8 带标记）", "报告.txt", partial(_encoded, encoding="utf-8-sig")),
    Form("TXT（GB18030）", "报告.txt", partial(_encoded, encoding="gb18030")),
    Form("TXT（UTF-16 带标记）", "报告.txt", partial(_encoded, encoding="utf-16")),
    Form("DOCX", "报告.docx", _docx),
    Form("网页", "报告.html", _html),
    Form("网页归档（MHT）", "报告.mht", _mht),
    Form("Markdown", "报告.md", _markdown),
    Form("PDF，一栏", "报告.pdf", _pdf, 99.95),
    Form("PDF，两栏", "报告.pdf", partial(_pdf, columns=2), 99.95, takes_tables=False),
    Form("OFD", "报告.ofd", _ofd, takes_tables=False),
    Form("邮件附件", "来信.eml", _letter),
)
"""What is written without a tool from outside."""

OFFICE_FORMS: Final = (
    _office("DOC", "doc"),
    _office("RTF", "rtf"),
    _office("ODT", "odt"),
    _office("网页，由 LibreOffice 存出", "html"),
    _office("TXT，由 LibreOffice 存出", "txt:Text (encoded):UTF8"),
    _office("PDF，由 LibreOffice 打印", "pdf", 99.95),
    Form(
        "PDF，两栏，由 LibreOffice 打印",
        "报告.pdf",
        partial(_by_office, target="pdf", columns=2),
        99.95,
        takes_tables=False,
    ),
)

_WORN: Final = Wear(200, skew=-1.0, noise=10, seal=True, quality=60)
SCANS: Final = (
    Form("扫描件，150 dpi", "扫描.pdf", partial(_scan, wear=Wear(150)), 99.5, 97.0, is_clean=False),
    Form(
        "扫描件，200 dpi，红章、噪点、歪斜、JPEG",
        "扫描.pdf",
        partial(_scan, wear=_WORN),
        99.5,
        97.0,
        is_clean=False,
    ),
    Form(
        "扫描件，两栏，200 dpi，红章、噪点、歪斜、JPEG",
        "扫描.pdf",
        partial(_scan, wear=_WORN, columns=2),
        99.5,
        97.0,
        takes_tables=False,
        is_clean=False,
    ),
)
"""Recognition takes a second a page: these are measured on shorter stories."""

FORMS: Final = (*OUR_FORMS, *OFFICE_FORMS)
"""Every format; a new one is a row here."""

ARCHIVE: Final = Form("压缩包", "案卷.zip", lambda story: zip_of({story.name: _docx(story)}), 99.95)
"""The limits of what is read from an archive of all clean files."""
