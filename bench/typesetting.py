"""The long report, printed: by LibreOffice and by reportlab, with what its pages add, truth known.

The same paragraphs, table rows, footnotes, running heads, page numbers and watermark come back as
a PDF and as what a reader must find in it.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from bench.long_report import long_report, task_rows, unit_name

FONT: Final = "STSong-Light"
RUNNING_HEAD: Final = "青石县东川化工有限公司“3·5”事故调查组"
WATERMARK: Final = "内部资料注意保存"
HEADS: Final = ("序号", "整改措施", "责任单位", "完成时限")
CONVERSION_SECONDS: Final = 180


@dataclass(frozen=True, slots=True)
class Printed:
    """A PDF with its truth: paragraphs outside tables, rows of cells, text that is of no body.

    `notes` are the texts of the footnotes, without their numbers; `has_fonts` tells whether the
    file brings its fonts.
    """

    name: str
    data: bytes
    paragraphs: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    watermark: str | None = None
    running_head: str | None = None
    has_fonts: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to print: how long, in how many columns, how many table rows, and with what else.

    `paragraphs` stand for those of the long report, where they are given.
    """

    name: str
    characters: int
    columns: int = 1
    rows: int = 0
    notes: int = 0
    watermark: bool = False
    running_head: bool = True
    paragraphs: tuple[str, ...] | None = None


def texts_of(wanted: Wanted) -> tuple[list[str], list[tuple[str, ...]], dict[int, str]]:
    """Return the paragraphs, the table rows with their heads, and the footnotes by paragraph."""
    written = wanted.paragraphs or long_report(wanted.characters).splitlines()
    paragraphs = [line for line in written if line]
    rows: list[tuple[str, ...]] = [HEADS, *task_rows(wanted.rows)] if wanted.rows else []
    long = [at for at, text in enumerate(paragraphs) if len(text) > 60]
    step = max(len(long) // max(wanted.notes, 1), 1)
    notes = {
        at: f"见{unit_name(number)}档案第{number + 1}号，2023年4月{number % 28 + 1}日调取。"
        for number, at in enumerate(long[::step][: wanted.notes])
    }
    return paragraphs, rows, notes


# --- by LibreOffice -----------------------------------------------------------------------------

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def print_by_office(wanted: Wanted) -> Printed | None:
    """Typeset by LibreOffice; None where it is not installed.

    Raises:
        subprocess.SubprocessError: it fails, or takes longer than three minutes.
    """
    office = shutil.which("soffice")
    if office is None:
        return None
    paragraphs, rows, notes = texts_of(wanted)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "report.docx"
        source.write_bytes(report_docx(wanted))
        profile = f"-env:UserInstallation={(Path(folder) / 'profile').as_uri()}"
        subprocess.run(  # noqa: S603 - the program is the one found on this machine
            [office, profile, "--headless", "--convert-to", "pdf", "--outdir", folder, str(source)],
            check=True,
            timeout=CONVERSION_SECONDS,
            capture_output=True,
        )
        data = source.with_suffix(".pdf").read_bytes()
    return Printed(
        wanted.name,
        data,
        tuple(paragraphs),
        tuple(rows),
        tuple(notes.values()),
        running_head=RUNNING_HEAD if wanted.running_head else None,
    )


def report_docx(wanted: Wanted) -> bytes:
    """Return the report as a DOCX, laid out as official documents are (GB/T 9704-2012)."""
    paragraphs, rows, notes = texts_of(wanted)
    numbers = {at: number for number, at in enumerate(notes, start=2)}
    body = "".join(_paragraph(text, numbers.get(at)) for at, text in enumerate(paragraphs))
    body += _table(rows) + (_paragraph("", None) if rows else "")
    head = '<w:headerReference w:type="default" r:id="rId1"/>' if wanted.running_head else ""
    columns = f'<w:cols w:num="{wanted.columns}" w:space="480"/>'
    body += (
        f'<w:sectPr>{head}<w:footerReference w:type="default" r:id="rId2"/>'
        '<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="2098" w:right="1474" w:bottom="1984" '
        f'w:left="1588" w:header="851" w:footer="992" w:gutter="0"/>{columns}</w:sectPr>'
    )
    # Narrow columns are set ragged: justified there, LibreOffice leaves out some commas.
    size, aligned = (21, "left") if wanted.columns > 1 else (28, "both")
    parts = {
        "document": ("document", f"<w:body>{body}</w:body>"),
        "header1": ("hdr", _line(RUNNING_HEAD)),
        "footer1": ("ftr", _page_number()),
        "footnotes": ("footnotes", _footnotes(list(notes.values()))),
        "styles": ("styles", _styles(size, aligned)),
    }
    return _package(parts)


def _run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def _paragraph(text: str, note: int | None) -> str:
    """A paragraph; its footnote hangs behind its first sentence."""
    indent = '<w:pPr><w:ind w:firstLineChars="200" w:firstLine="560"/></w:pPr>'
    if note is None:
        return f"<w:p>{indent}{_run(text)}</w:p>"
    cut = text.find("，") + 1
    raised = '<w:rPr><w:vertAlign w:val="superscript"/></w:rPr>'
    mark = f'<w:r>{raised}<w:footnoteReference w:id="{note}"/></w:r>'
    return f"<w:p>{indent}{_run(text[:cut])}{mark}{_run(text[cut:])}</w:p>"


def _line(text: str) -> str:
    return f'<w:p><w:pPr><w:jc w:val="center"/></w:pPr>{_run(text, _SMALL)}</w:p>'


_SMALL = '<w:sz w:val="18"/>'


def _page_number() -> str:
    field = f'<w:fldSimple w:instr=" PAGE ">{_run("1", _SMALL)}</w:fldSimple>'
    dashes = _run("— ", _SMALL) + field + _run(" —", _SMALL)
    return f'<w:p><w:pPr><w:jc w:val="center"/></w:pPr>{dashes}</w:p>'


def _footnotes(texts: Sequence[str]) -> str:
    raised = f'<w:r><w:rPr><w:vertAlign w:val="superscript"/>{_SMALL}</w:rPr><w:footnoteRef/></w:r>'
    notes = [
        '<w:footnote w:type="separator" w:id="0"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>',
        '<w:footnote w:type="continuationSeparator" w:id="1"><w:p><w:r>'
        "<w:continuationSeparator/></w:r></w:p></w:footnote>",
    ]
    for number, text in enumerate(texts, start=2):
        inner = f"<w:p>{raised}{_run(' ' + text, _SMALL)}</w:p>"
        notes.append(f'<w:footnote w:id="{number}">{inner}</w:footnote>')
    return "".join(notes)


def _table(rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    sides = ("top", "left", "bottom", "right", "insideH", "insideV")
    borders = "".join(f'<w:{side} w:val="single" w:sz="4"/>' for side in sides)
    widths = (800, 4200, 2200, 1600)
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    body = []
    for number, row in enumerate(rows):
        cells = "".join(
            f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr>'
            f"<w:p>{_run(text, _SMALL)}</w:p></w:tc>"
            for width, text in zip(widths, row, strict=True)
        )
        head = "<w:trPr><w:tblHeader/></w:trPr>" if number == 0 else ""
        body.append(f"<w:tr>{head}{cells}</w:tr>")
    properties = f'<w:tblLayout w:type="fixed"/><w:tblBorders>{borders}</w:tblBorders>'
    table = f"<w:tblPr>{properties}</w:tblPr><w:tblGrid>{grid}</w:tblGrid>{''.join(body)}"
    return f"<w:tbl>{table}</w:tbl>"


def _styles(size: int, aligned: str) -> str:
    fonts = '<w:rFonts w:ascii="Noto Serif CJK SC" w:hAnsi="Noto Serif CJK SC" '
    fonts += 'w:eastAsia="Noto Serif CJK SC"/>'
    return (
        f'<w:docDefaults><w:rPrDefault><w:rPr>{fonts}<w:sz w:val="{size}"/></w:rPr>'
        f'</w:rPrDefault><w:pPrDefault><w:pPr><w:jc w:val="{aligned}"/></w:pPr></w:pPrDefault>'
        "</w:docDefaults>"
    )


def _package(parts: dict[str, tuple[str, str]]) -> bytes:
    relations, types = [], []
    order = ("header1", "footer1", "footnotes", "styles")
    for number, name in enumerate(order, start=1):
        kind = name.rstrip("1")
        relations.append(f'<Relationship Id="rId{number}" Type="{_R}/{kind}" Target="{name}.xml"/>')
        part = f'PartName="/word/{name}.xml" ContentType="{_MAIN}.{kind}+xml"'
        types.append(f"<Override {part}/>")
    main = f'<Relationship Id="rId1" Type="{_R}/officeDocument" Target="word/document.xml"/>'
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default '
        f'Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_MAIN}.document.main+xml"/>'
        f"{''.join(types)}</Types>",
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{main}</Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f"{''.join(relations)}</Relationships>",
    }
    for name, (tag, content) in parts.items():
        space = f'xmlns:w="{_W}" xmlns:r="{_R}"'
        files[f"word/{name}.xml"] = f"<w:{tag} {space}>{content}</w:{tag}>"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return buffer.getvalue()


# --- by reportlab -------------------------------------------------------------------------------

_LEFT, _RIGHT, _TOP, _BOTTOM = 80.0, 512.0, 110.0, 745.0
_GUTTER = 24.0
_CLOSING = "，。；：！？、”’）》〉」』】〕％%"
_OPENING = "“‘（《〈「『【〔"


def print_by_canvas(wanted: Wanted) -> Printed:
    """Typeset by reportlab in an Adobe standard font, which is not in the file."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    paragraphs, rows, notes = texts_of(wanted)
    press = _Press(wanted)
    for at, text in enumerate(paragraphs):
        press.paragraph(text, notes.get(at))
    for row in rows:
        press.row(row)
    return Printed(
        f"{wanted.name}，不带字体",
        press.finish(),
        tuple(paragraphs),
        tuple(rows),
        tuple(notes.values()),
        WATERMARK if wanted.watermark else None,
        RUNNING_HEAD if wanted.running_head else None,
        has_fonts=False,
    )


def break_lines(text: str, units: float, first: float) -> Iterator[str]:
    """Yield the lines of a text, `units` em wide, the first one `first`; no line begins with ，."""
    line, width, room = "", 0.0, first
    for at, char in enumerate(text):
        step = 0.5 if char < "\u2e80" and char not in "“”‘’·—…" else 1.0
        following = text[at + 1] if at + 1 < len(text) else ""
        hanging = 1.0 if following and following in _CLOSING else 0.0
        full = width + step + hanging > room and char not in _CLOSING
        if line and (full or (char in _OPENING and width + step + 1 > room)):
            yield line
            line, width, room = "", 0.0, units
        line += char
        width += step
    if line:
        yield line


class _Press:
    """Sets lines, columns, table rows and footnotes, page after page."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._buffer = io.BytesIO()
        self._canvas: Any = Canvas(self._buffer, pagesize=A4)
        self._page = 0
        self._column = 0
        self._y = 0.0
        self._notes: list[tuple[int, str]] = []
        self._notes_set = 0
        self._size = 14.0 if wanted.columns == 1 else 10.5
        self._step = self._size * 1.75
        gaps = _GUTTER * (wanted.columns - 1)
        self._width = (_RIGHT - _LEFT - gaps) / wanted.columns
        self._table = False
        self._begin_page()

    def paragraph(self, text: str, note: str | None) -> None:
        """Set a paragraph; the mark of its footnote stands behind its first comma."""
        units = self._width // self._size
        lines = list(break_lines(text, units, units - 2))
        cut = text.find("，") + 1
        passed = 0
        for number, line in enumerate(lines):
            room = 0.0 if note is None else 26.0
            self._room(self._step + (room if number == 0 else 0.0))
            x = self._x() + (2 * self._size if number == 0 else 0.0)
            if note is not None and passed < cut <= passed + len(line):
                self._mark(line, cut - passed, x)
                self._notes.append((self._notes_set, note))
            else:
                self._text(x, self._y, line, self._size)
            passed += len(line)
            self._y += self._step

    def _mark(self, line: str, cut: int, x: float) -> None:
        self._notes_set += 1
        x = self._text(x, self._y, line[:cut], self._size)
        small = 0.55 * self._size
        x = self._text(x, self._y - 0.4 * self._size, str(self._notes_set), small)
        self._text(x, self._y, line[cut:], self._size)

    def row(self, cells: Sequence[str]) -> None:
        """Set a row of a ruled table; on a new page the heads come again."""
        size, step, edges = 9.0, 13.0, (0.0, 40.0, 250.0, 350.0, _RIGHT - _LEFT)
        broken = [
            list(break_lines(text, (x1 - x0 - 8) // size, (x1 - x0 - 8) // size))
            for text, x0, x1 in zip(cells, edges[:-1], edges[1:], strict=True)
        ]
        height = step * max(map(len, broken)) + 6
        if self._y + height > self._limit():
            self._begin_page()
            if self._table and cells != HEADS:
                self.row(HEADS)
        self._table = True
        top = self._y - size
        for lines, x0, x1 in zip(broken, edges[:-1], edges[1:], strict=True):
            self._canvas.rect(_LEFT + x0, A4[1] - top - height, x1 - x0, height)
            for number, line in enumerate(lines):
                self._text(_LEFT + x0 + 4, top + 11 + step * number, line, size)
        self._y += height

    def finish(self) -> bytes:
        """Return the file."""
        self._end_page()
        self._canvas.save()
        return self._buffer.getvalue()

    def _limit(self) -> float:
        return _BOTTOM - 14.0 * (len(self._notes) + 1 if self._notes else 0)

    def _x(self) -> float:
        return _LEFT + self._column * (self._width + _GUTTER)

    def _room(self, height: float) -> None:
        if self._y + height <= self._limit() + self._step:
            return
        if self._column + 1 < self._wanted.columns:
            self._column += 1
            self._y = _TOP
        else:
            self._begin_page()

    def _begin_page(self) -> None:
        if self._page:
            self._end_page()
        self._page += 1
        self._column = 0
        self._y = _TOP
        if self._wanted.watermark:
            self._canvas.saveState()
            self._canvas.setFillGray(0.85)
            self._canvas.translate(A4[0] / 2, A4[1] / 2)
            self._canvas.rotate(45)
            self._canvas.setFont(FONT, 54)
            self._canvas.drawCentredString(0, 0, WATERMARK)
            self._canvas.restoreState()

    def _end_page(self) -> None:
        middle = A4[0] / 2
        self._canvas.setFont(FONT, 9)
        if self._wanted.running_head:
            self._canvas.drawCentredString(middle, A4[1] - 60, RUNNING_HEAD)
        self._canvas.drawCentredString(middle, 40, f"— {self._page} —")
        if self._notes:
            y = _BOTTOM + 22 - 14.0 * len(self._notes)
            self._canvas.line(_LEFT, A4[1] - y + 12, _LEFT + 140, A4[1] - y + 12)
            for number, note in self._notes:
                self._text(_LEFT, y, f"{number} {note}", 9)
                y += 14
            self._notes = []
        self._canvas.showPage()

    def _text(self, x: float, y: float, text: str, size: float) -> float:
        """Set a text at its baseline from the top; return where it ends."""
        self._canvas.setFont(FONT, size)
        self._canvas.drawString(x, A4[1] - y, text)
        return x + float(pdfmetrics.stringWidth(text, FONT, size))
