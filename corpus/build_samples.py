"""Build the sample files of `corpus/samples` from their readable sources.

`python -m corpus.build_samples [FOLDER]` writes 调查报告.docx and 批复.pdf. The sources are
`samples/source/*.md` (the words) and `samples/source/docx/` (the fixed parts of the Word file:
styles, automatic numbering, footers). The Word file is the same bytes on every run; the PDF is
printed by LibreOffice from a Word file made the same way, and its dates and identifiers are fixed.

Marks of a source line: `# ` title, `## ` first level (一、), `### ` second level (（一）), `1. `
third level (1.), `^ ` caption, `| a | b |` table row, `:kind: text` a part that only replies and
signatures have. Word counts the numbers of the three levels itself: no number is in the text.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from xml.sax.saxutils import escape

from extractor.errors import MissingToolError

SAMPLES = Path(__file__).parent / "samples"
REPORT, REPLY, EVALUATION = "调查报告", "批复", "评估报告"
_PARTS = SAMPLES / "source" / "docx"
_FIXED_TIME = (2023, 1, 1, 0, 0, 0)
_NAMESPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
_LEVELS = {"## ": 1, "### ": 2, "1. ": 3}
_STYLES = {
    "title": "Title",
    "caption": "Caption",
    "masthead": "Masthead",
    "number": "DocumentNumber",
    "addressee": "Addressee",
    "signature": "Signature",
    "date": "Date",
    "imprint": "Imprint",
}
_CHINESE_DIGITS = "零一二三四五六七八九十"
_TEXT_WIDTH = 8844
"""Width of the type area (156 mm, GB/T 9704) in twentieths of a point."""


@dataclass(frozen=True, slots=True)
class Part:
    """One paragraph of a source, or one table.

    `level` is the level of the automatic number (0: none); `lead` is the bold sentence with which
    a numbered paragraph may begin; `rows` are the cells of a table.
    """

    kind: str
    text: str = ""
    level: int = 0
    lead: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A document in readable form: its running head and its parts in order."""

    header: str
    parts: tuple[Part, ...] = field(repr=False)


def read_source(path: Path) -> Source:
    """Read a source file: a TOML head between two `+++` lines, then marked lines."""
    _, head, body = path.read_text(encoding="utf-8").split("+++\n", 2)
    lines = [line for line in body.splitlines() if line.strip()]
    return Source(tomllib.loads(head)["header"], tuple(_parts(lines)))


def _parts(lines: Iterable[str]) -> Iterator[Part]:
    for is_row, group in groupby(lines, key=lambda line: line.startswith("| ")):
        if is_row:
            cells = (tuple(c.strip() for c in line.strip("| ").split(" | ")) for line in group)
            yield Part("table", rows=tuple(cells))
        else:
            yield from map(_paragraph, group)


def _paragraph(line: str) -> Part:
    for mark, level in _LEVELS.items():
        if line.startswith(mark):
            lead, text = _split_lead(line.removeprefix(mark))
            is_heading = level < 3 and not (lead + text).endswith(("。", "："))
            return Part("heading" if is_heading else "body", text, level, lead)
    if line.startswith("# "):
        return Part("title", line.removeprefix("# "))
    if line.startswith("^ "):
        return Part("caption", line.removeprefix("^ "))
    if line.startswith(":"):
        _, kind, text = line.split(":", 2)
        return Part(kind, text.strip())
    return Part("body", line)


def _split_lead(text: str) -> tuple[str, str]:
    if not text.startswith("**"):
        return "", text
    _, lead, rest = text.split("**", 2)
    return lead, rest


def plain_text(source: Source) -> str:
    """Return the text that a reader of the document sees, numbers written out, a part a line.

    Table cells stand on lines of their own; a merged cell stands once, where it begins.
    """
    counters = [0, 0, 0]
    lines: list[str] = []
    for part in source.parts:
        if part.kind == "table":
            lines += [cell.text for row in _merge(part.rows) for cell in row if cell.starts]
            continue
        number = ""
        if part.level:
            counters[part.level - 1] += 1
            counters[part.level :] = [0] * (len(counters) - part.level)
            number = _number(part.level, counters[part.level - 1])
        lines.append(number + part.lead + part.text)
    return "\n".join(lines)


def _number(level: int, count: int) -> str:
    if level == 3:
        return f"{count}."
    chinese = _CHINESE_DIGITS[count]
    return f"{chinese}、" if level == 1 else f"（{chinese}）"


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    starts: bool
    """False when the cell above in the first column says the same: the two are one merged cell."""
    is_merged: bool


def _merge(rows: tuple[tuple[str, ...], ...]) -> list[list[_Cell]]:
    first = [row[0] for row in rows]
    same = [False, *(a == b for a, b in pairwise(first)), False]
    return [
        [
            _Cell(text, column > 0 or not same[i], column == 0 and (same[i] or same[i + 1]))
            for column, text in enumerate(row)
        ]
        for i, row in enumerate(rows)
    ]


def build_docx(source: Source) -> bytes:
    """Return the Word file of a source; the same source gives the same bytes."""
    members = {
        str(path.relative_to(_PARTS).as_posix()): path.read_text(encoding="utf-8")
        for path in sorted(_PARTS.rglob("*"))
        if path.is_file()
    }
    members["word/header1.xml"] = _xml(f"<w:hdr {_NAMESPACES}>{_header(source)}</w:hdr>")
    members["word/document.xml"] = _xml(_document(source))
    with tempfile.TemporaryFile() as buffer:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            # Word wants the list of content types first.
            for name in sorted(members, key=lambda name: (not name.startswith("["), name)):
                info = zipfile.ZipInfo(name, _FIXED_TIME)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, members[name])
        buffer.seek(0)
        return buffer.read()


def _xml(body: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{body}\n'


def _header(source: Source) -> str:
    return f'<w:p><w:pPr><w:pStyle w:val="Header"/></w:pPr>{_run(source.header)}</w:p>'


def _document(source: Source) -> str:
    body = "\n".join(_table(part) if part.rows else _word_paragraph(part) for part in source.parts)
    section = (
        '<w:sectPr><w:headerReference w:type="default" r:id="rId4"/>'
        '<w:headerReference w:type="even" r:id="rId4"/>'
        '<w:footerReference w:type="default" r:id="rId5"/>'
        '<w:footerReference w:type="even" r:id="rId6"/>'
        '<w:pgSz w:w="11906" w:h="16838"/><w:pgMar w:top="2098" w:right="1474" w:bottom="1985" '
        'w:left="1588" w:header="1134" w:footer="1247" w:gutter="0"/></w:sectPr>'
    )
    return f"<w:document {_NAMESPACES}><w:body>\n{body}\n{section}</w:body></w:document>"


def _word_paragraph(part: Part) -> str:
    if part.kind == "heading":
        # The number of a heading comes from its style.
        properties = f'<w:pStyle w:val="Heading{part.level}"/>'
    else:
        properties = f'<w:pStyle w:val="{_STYLES.get(part.kind, "BodyText")}"/>'
        if part.level:
            properties += (
                f'<w:numPr><w:ilvl w:val="{part.level - 1}"/><w:numId w:val="1"/></w:numPr>'
            )
    lead = _run(part.lead, "<w:b/>") if part.lead else ""
    return f"<w:p><w:pPr>{properties}</w:pPr>{lead}{_run(part.text)}</w:p>"


def _run(text: str, properties: str = "") -> str:
    styled = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    return f'<w:r>{styled}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def _table(part: Part) -> str:
    rows = _merge(part.rows)
    width = _TEXT_WIDTH // len(rows[0])
    borders = "".join(
        f'<w:{side} w:val="single" w:sz="6" w:space="0" w:color="000000"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    grid = f'<w:gridCol w:w="{width}"/>' * len(rows[0])
    body = "".join(_row(row, width, is_head=i == 0) for i, row in enumerate(rows))
    return (
        f'<w:tbl><w:tblPr><w:tblW w:w="{_TEXT_WIDTH}" w:type="dxa"/><w:jc w:val="center"/>'
        f"<w:tblBorders>{borders}</w:tblBorders></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{body}"
        "</w:tbl>"
    )


def _row(cells: list[_Cell], width: int, *, is_head: bool) -> str:
    repeat = "<w:tblHeader/>" if is_head else ""
    body = "".join(_word_cell(cell, width, is_head=is_head) for cell in cells)
    return f"<w:tr><w:trPr><w:cantSplit/>{repeat}</w:trPr>{body}</w:tr>"


def _word_cell(cell: _Cell, width: int, *, is_head: bool) -> str:
    merge = ""
    if cell.is_merged:
        merge = '<w:vMerge w:val="restart"/>' if cell.starts else "<w:vMerge/>"
    content = _run(cell.text, "<w:b/>" if is_head else "") if cell.starts else ""
    return (
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{merge}<w:vAlign w:val="center"/>'
        f'</w:tcPr><w:p><w:pPr><w:pStyle w:val="TableText"/></w:pPr>{content}</w:p></w:tc>'
    )


def build_pdf(source: Source) -> bytes:
    """Return the PDF of a source, printed by LibreOffice, with fixed dates and identifiers.

    Raises:
        MissingToolError: LibreOffice is not installed.
    """
    office = shutil.which("soffice") or shutil.which("libreoffice")
    if office is None:
        raise MissingToolError("没有找到 LibreOffice，无法生成 PDF 样例。请先安装 LibreOffice。")
    with tempfile.TemporaryDirectory() as folder:
        word = Path(folder) / "sample.docx"
        word.write_bytes(build_docx(source))
        profile = f"-env:UserInstallation={(Path(folder) / 'profile').as_uri()}"
        command = [office, profile, "--headless", "--convert-to", "pdf", "--outdir", folder]
        subprocess.run([*command, str(word)], check=True, capture_output=True, timeout=180)  # noqa: S603 - fixed program, own file
        return _fix_identity(word.with_suffix(".pdf").read_bytes())


def _fix_identity(pdf: bytes) -> bytes:
    """Replace creation date and file identifiers by fixed ones; no byte moves."""

    def date(match: re.Match[bytes]) -> bytes:
        return b"/CreationDate(D:20230110000000Z)".ljust(len(match[0]))

    def digits(match: re.Match[bytes]) -> bytes:
        return match[1] + b"0" * len(match[2]) + match[3]

    pdf = re.sub(rb"/CreationDate\(D:\d{14}[^)]{0,16}\)", date, pdf)
    pdf = re.sub(rb"(/DocChecksum /)([0-9A-F]{32})(\s)", digits, pdf)
    return re.sub(rb"(<)([0-9A-F]{32})(>)", digits, pdf)


def main(arguments: list[str]) -> None:
    """Write 调查报告.docx and 批复.pdf into the folder named, else into `corpus/samples`."""
    folder = Path(arguments[0]) if arguments else SAMPLES
    source = SAMPLES / "source"
    report, reply = (read_source(source / f"{name}.md") for name in (REPORT, REPLY))
    (folder / f"{REPORT}.docx").write_bytes(build_docx(report))
    (folder / f"{REPLY}.pdf").write_bytes(build_pdf(reply))


if __name__ == "__main__":
    main(sys.argv[1:])
