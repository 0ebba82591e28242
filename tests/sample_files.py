"""Files that the tests read, built in memory: DOCX from its XML, PDF by reportlab."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from extractor.document import Document

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_NAMESPACES = (
    f'xmlns:w="{W}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:v="urn:schemas-microsoft-com:vml"'
)
A4 = (595.0, 842.0)
FONT = "STSong-Light"


def paragraph(text: str, properties: str = "") -> str:
    """A paragraph with one run; `properties` is the inside of its `w:pPr`."""
    run = f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>' if text else ""
    return f"<w:p><w:pPr>{properties}</w:pPr>{run}</w:p>"


def numbered(text: str, num_id: int = 1, level: int = 0) -> str:
    """A paragraph of a list."""
    return paragraph(
        text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{num_id}"/></w:numPr>'
    )


def list_level(
    number_format: str, text: str, level: int = 0, start: int = 1, extra: str = ""
) -> str:
    """One level of a list definition."""
    return (
        f'<w:lvl w:ilvl="{level}"><w:start w:val="{start}"/><w:numFmt w:val="{number_format}"/>'
        f'{extra}<w:lvlText w:val="{text}"/></w:lvl>'
    )


def one_list(*levels: str) -> str:
    """A list definition 0 with these levels, and the list 1 that uses it."""
    return (
        f'<w:abstractNum w:abstractNumId="0">{"".join(levels)}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    )


def docx(body: str, **parts: str) -> bytes:
    """A DOCX with this body; other parts by name: numbering, styles, header1, footnotes, …"""
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    types = [f'<Override PartName="/word/document.xml" ContentType="{main}.document.main+xml"/>']
    files = {"word/document.xml": _root("document", f"<w:body>{body}</w:body>")}
    relations = []
    for number, (name, content) in enumerate(parts.items()):
        kind = name.rstrip("0123456789")
        root = {"header": "hdr", "footer": "ftr"}.get(kind, kind)
        files[f"word/{name}.xml"] = _root(root, content)
        relations.append(_relation(number, kind, f"{name}.xml"))
        part = f'PartName="/word/{name}.xml" ContentType="{main}.{kind}+xml"'
        types.append(f"<Override {part}/>")
    files["word/_rels/document.xml.rels"] = _relations(relations)
    files["_rels/.rels"] = _relations([_relation(0, "officeDocument", "word/document.xml")])
    files["[Content_Types].xml"] = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f"{''.join(types)}</Types>"
    )
    return zip_file(files)


def zip_file(files: Mapping[str, str | bytes]) -> bytes:
    """A ZIP with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def changed(data: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """A ZIP whose entries went through `change(name, content)`; None takes an entry out."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {name: change(name, archive.read(name)) for name in archive.namelist()}
    return zip_file({name: content for name, content in entries.items() if content is not None})


def _root(tag: str, content: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><w:{tag} {_NAMESPACES}>{content}</w:{tag}>'


def _relation(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{RELATION}/{kind}" Target="{target}"/>'


def _relations(relations: Sequence[str]) -> str:
    namespace = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{namespace}">{"".join(relations)}</Relationships>'


def convert(folder: Path, data: bytes, target: str) -> bytes:
    """What LibreOffice makes of a DOCX (`target`: pdf, txt); skips the test where it is missing."""
    return convert_all(folder, {"source": data}, target)["source"]


def convert_all(
    folder: Path, sources: Mapping[str, bytes], target: str, suffix: str = "docx"
) -> dict[str, bytes]:
    """What one run of LibreOffice makes of many files; skips the test where it is missing."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("没有安装 LibreOffice")
    paths = [folder / f"{name}.{suffix}" for name in sources]
    for path, data in zip(paths, sources.values(), strict=True):
        path.write_bytes(data)
    kind = {"txt": "txt:Text (encoded):UTF8"}.get(target, target)
    command = [office, f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless"]
    subprocess.run(  # noqa: S603 - the program is the one found on this machine
        [*command, "--convert-to", kind, "--outdir", str(folder), *map(str, paths)],
        check=True,
        timeout=120,
        capture_output=True,
    )
    return {path.stem: path.with_suffix(f".{target}").read_bytes() for path in paths}


@dataclass(frozen=True)
class Print:
    """A text printed on a page: left edge and baseline in points from the top left.

    `turned` is in degrees to the left; `grey` is 0 for black, 1 for white.
    """

    x: float
    y: float
    text: str
    size: float = 16.0
    turned: float = 0.0
    grey: float = 0.0


Rule = tuple[float, float, float, float]
"""A drawn line: x0, y0, x1, y1 in points from the top left."""


@dataclass(frozen=True)
class Sheet:
    """What one page of a PDF shows: `boxes` are stroked rectangles, `as_form` wraps it all."""

    texts: Sequence[Print] = ()
    rules: Sequence[Rule] = ()
    boxes: Sequence[Rule] = ()
    picture: Rule | None = None
    as_form: bool = False
    rotation: int = 0
    crop: tuple[float, float, float, float] | None = None


def pdf(*sheets: Sheet, lock: str | None = None) -> bytes:
    """A PDF of A4 pages in an Adobe standard font, which needs no font file; `lock` locks it."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    buffer = io.BytesIO()
    encryption = StandardEncryption(lock, strength=128) if lock is not None else None
    canvas = Canvas(buffer, pagesize=A4, encrypt=encryption)
    for number, sheet in enumerate(sheets):
        if sheet.as_form:
            canvas.beginForm(f"form{number}", 0, 0, *A4)
            _draw(canvas, sheet)
            canvas.endForm()
            canvas.doForm(f"form{number}")
        else:
            _draw(canvas, sheet)
        canvas.showPage()
    canvas.save()
    return _rotated(buffer.getvalue(), [sheet.rotation for sheet in sheets])


def _rotated(data: bytes, rotations: Sequence[int]) -> bytes:
    """Turn the pages without moving what is drawn, which reportlab would do."""
    if not any(rotations):
        return data
    buffer = io.BytesIO()
    file = pypdfium2.PdfDocument(data)
    for page, rotation in zip(file, rotations, strict=True):
        page.set_rotation(rotation)
    file.save(buffer)
    file.close()
    return buffer.getvalue()


def _draw(canvas: Any, sheet: Sheet) -> None:
    height = A4[1]
    if sheet.crop is not None:
        canvas.setCropBox(sheet.crop)
    if sheet.picture is not None:
        x0, top, x1, bottom = sheet.picture
        image = ImageReader(Image.new("L", (8, 8), 200))
        canvas.drawImage(image, x0, height - bottom, x1 - x0, bottom - top)
    for x0, y0, x1, y1 in sheet.rules:
        canvas.line(x0, height - y0, x1, height - y1)
    for x0, y0, x1, y1 in sheet.boxes:
        canvas.rect(x0, height - y1, x1 - x0, y1 - y0)
    for text in sheet.texts:
        canvas.saveState()
        canvas.translate(text.x, height - text.y)
        canvas.rotate(text.turned)
        canvas.setFont(FONT, text.size)
        canvas.setFillGray(text.grey)
        canvas.drawString(0, 0, text.text)
        canvas.restoreState()


LEFT, RIGHT, TOP, STEP, SIZE = 80.0, 512.0, 120.0, 28.0, 16.0
"""A page as official documents print it: 27 characters of 16 points a line."""
ROW = int((RIGHT - LEFT) / SIZE)


def set_lines(text: str, indent: int = 2) -> list[str]:
    """Break a paragraph into printed lines; the indent is given as leading spaces of two."""
    lines = [" " * indent + text[: ROW - indent]]
    rest = text[ROW - indent :]
    return [*lines, *(rest[at : at + ROW] for at in range(0, len(rest), ROW))]


def typeset(
    paragraphs: Sequence[str],
    *,
    rows: int = 22,
    indent: int = 2,
    furniture: Callable[[int], Sequence[Print]] = lambda page: (),
) -> bytes:
    """A PDF of justified paragraphs; `furniture` gives what else stands on page n (from 1)."""
    lines = [line for text in paragraphs for line in set_lines(text, indent)]
    sheets = []
    for number, first in enumerate(range(0, len(lines), rows), start=1):
        texts = [
            Print(LEFT + SIZE * (len(line) - len(line.lstrip(" "))), TOP + row * STEP, line.strip())
            for row, line in enumerate(lines[first : first + rows])
        ]
        sheets.append(Sheet([*texts, *furniture(number)]))
    return pdf(*sheets)


def cells(document: Document) -> list[tuple[int | None, int | None, int | None, str]]:
    """The cells of a document: table, row, column and text."""
    return [
        (block.table, block.row, block.column, document.quote(block.span))
        for block in document.blocks
        if block.kind == "cell"
    ]


def odt(**files: str) -> bytes:
    """An OpenDocument text with these files; `content_xml` stands for `content.xml`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        for name, text in files.items():
            archive.writestr(name.replace("_xml", ".xml"), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def rtf(text: str) -> bytes:
    """An RTF with this text."""
    escaped = "".join(f"\\u{ord(char)}?" if ord(char) > 126 else char for char in text)
    return f"{{\\rtf1\\ansi\\deff0{{\\fonttbl{{\\f0 SimSun;}}}}{escaped}\\par}}".encode()
