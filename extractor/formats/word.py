"""DOCX: the body in order, with the numbers that Word writes, and nothing lost unsaid.

python-docx opens the file and gives the body, the tables and the other parts. Below its API lies
what it passes over: tracked changes, text boxes, content controls, symbols, numbers of lists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.part import XmlPart
from docx.oxml.parser import parse_xml
from docx.oxml.table import CT_Tbl
from docx.oxml.text.paragraph import CT_P
from docx.table import Table, _Cell, _Row

from extractor.document import DocumentBuilder, FurnitureKind
from extractor.errors import EmptyFileError
from extractor.formats.limits import Limits, over_limit
from extractor.formats.word_numbering import (
    Numbering,
    Styles,
    W,
    integer,
    is_on,
    is_set,
    value_of,
)
from extractor.formats.word_package import open_document

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from docx.oxml.xmlchemy import BaseOxmlElement as Element

_MC: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_DRAWING: Final = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_VML: Final = "{urn:schemas-microsoft-com:vml}"
_CHARTS: Final = ("/chart", "/diagram")
_WIDEST: Final = 1000

_THROUGH: Final = frozenset(
    {
        f"{W}hyperlink",
        f"{W}ins",
        f"{W}moveTo",
        f"{W}smartTag",
        f"{W}fldSimple",
        f"{W}customXml",
        f"{W}dir",
        f"{W}bdo",
        f"{W}sdt",
        f"{W}sdtContent",
        f"{W}ruby",
        f"{W}rubyBase",
    }
)
_INSERTED: Final = frozenset({f"{W}ins", f"{W}moveTo"})
_DELETED: Final = frozenset({f"{W}del", f"{W}moveFrom"})
_SYMBOLS: Final = {
    ("wingdings", 0xA8): "□",
    ("wingdings", 0x6F): "□",
    ("wingdings", 0xFE): "☑",
    ("wingdings", 0xFD): "☒",
    ("wingdings", 0xFC): "✓",
    ("wingdings", 0xFB): "✗",
    ("wingdings 2", 0xA3): "□",
    ("wingdings 2", 0x2A): "□",
    ("wingdings 2", 0x52): "☑",
    ("wingdings 2", 0x54): "☒",
    ("wingdings 2", 0x50): "✓",
    ("wingdings 2", 0x4F): "✗",
}
_UNKNOWN_SYMBOL: Final = "\ufffd"
_LINE_BREAK: Final = "\n"
_NOTES: Final[tuple[tuple[str, FurnitureKind], ...]] = (
    (RELATIONSHIP_TYPE.HEADER, "header"),
    (RELATIONSHIP_TYPE.FOOTER, "footer"),
    (RELATIONSHIP_TYPE.FOOTNOTES, "note"),
    (RELATIONSHIP_TYPE.ENDNOTES, "note"),
    (RELATIONSHIP_TYPE.COMMENTS, "note"),
)
_SEPARATORS: Final = frozenset({"separator", "continuationSeparator", "continuationNotice"})


def read_docx(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read a DOCX: paragraphs, headings and table cells as blocks, headers and notes apart.

    Automatic numbers are written out before the text. A line break inside a paragraph begins a
    new block, a tab becomes a space. Insertions are in, deletions are out, and a warning says so.
    A merged cell is given once, at its upper left place; each paragraph of a cell is a block.

    Raises:
        CorruptFileError: damaged, or XML with a document type declaration.
        EncryptedFileError: parts locked with a password.
        EmptyFileError: no text and no picture.
        LimitError: over one of `limits`.
    """
    document = open_document(data, limits)
    styles = Styles(next(_roots(document, RELATIONSHIP_TYPE.STYLES), None))
    numbering = Numbering(next(_roots(document, RELATIONSHIP_TYPE.NUMBERING), None), styles)
    walker = _Walker(document, builder, limits, styles, numbering)
    walker.read(document.element.body)
    walker.finish()
    for kind, furniture in _NOTES:
        for root in _roots(document, kind):
            _add_furniture(root, kind, furniture, builder)


def _roots(document: WordDocument, kind: str) -> Iterator[Element]:
    """Yield the root elements of the parts that the document has in this relation.

    The properties of python-docx (`document.styles`, `section.header`) would make a part that is
    missing, and pass over a header that no section shows.
    """
    for relation in document.part.rels.values():
        if relation.reltype == kind:
            part = relation.target_part
            yield part.element if isinstance(part, XmlPart) else parse_xml(part.blob)


def _add_furniture(
    root: Element, kind: str, furniture: FurnitureKind, builder: DocumentBuilder
) -> None:
    texts: list[str] = []
    for note in root:
        if note.get(f"{W}type") in _SEPARATORS:
            continue
        inline = _Inline()
        for paragraph in [note] if isinstance(note, CT_P) else note.iter(f"{W}p"):
            texts.extend(piece for piece in _pieces(inline.read(paragraph)) if piece not in texts)
    for text in texts:
        builder.add_furniture(text, furniture)
    if kind == RELATIONSHIP_TYPE.COMMENTS and texts:
        builder.warn(
            "comments",
            f"文档带有批注（{len(texts)} 段），没有计入正文。请确认批注里没有要核查的内容。",
        )


def _pieces(text: str) -> list[str]:
    return [piece for line in text.split(_LINE_BREAK) if (piece := line.strip())]


@dataclass(slots=True)
class _Inline:
    """The text of paragraphs, and what was met on the way."""

    met: Counter[str] = field(default_factory=Counter)
    boxes: list[Element] = field(default_factory=list)

    def read(self, paragraph: Element) -> str:
        """Return the text of one paragraph; line breaks are `\\n`."""
        out: list[str] = []
        self._children(paragraph, out)
        return "".join(out)

    def _children(self, node: Element, out: list[str]) -> None:
        for child in node:
            tag = child.tag
            if tag == f"{W}r":
                self._run(child, out)
            elif tag in _THROUGH:
                self.met["tracked"] += tag in _INSERTED
                self._children(child, out)
            elif tag in _DELETED:
                self.met["tracked"] += 1
            elif tag == f"{_MC}AlternateContent":
                self._children(_chosen(child), out)
            elif isinstance(tag, str) and tag.startswith(_MATH):
                out.extend(text.text or "" for text in child.iter(f"{_MATH}t"))

    def _run(self, run: Element, out: list[str]) -> None:
        if is_set(run.find(f"{W}rPr"), "vanish"):
            self.met["hidden"] += any(text.text for text in run.iter(f"{W}t"))
            return
        self._run_children(run, out)

    def _run_children(self, run: Element, out: list[str]) -> None:
        for child in run:
            write = _RUN_TEXT.get(child.tag)
            if write is not None:
                text = write(child)
                self.met["symbol"] += text == _UNKNOWN_SYMBOL
                out.append(text)
            elif child.tag == f"{_MC}AlternateContent":
                self._run_children(_chosen(child), out)
            elif child.tag == f"{W}ruby":
                self._children(child, out)
            elif child.tag in _PICTURES:
                self._picture(child)

    def _picture(self, node: Element) -> None:
        contents = list(node.iter(f"{W}txbxContent"))
        inner = {box for outer in contents for box in outer.iterdescendants(f"{W}txbxContent")}
        self.boxes.extend(content for content in contents if content not in inner)
        marks = (f"{_DRAWING}blip", f"{_VML}imagedata")
        self.met["pictures"] += sum(1 for mark in marks for _ in node.iter(mark))
        graphics = node.iter(f"{_DRAWING}graphicData")
        self.met["pictures"] += sum(item.get("uri", "").endswith(_CHARTS) for item in graphics)


def _chosen(alternate: Element) -> Element:
    choice = alternate.find(f"{_MC}Choice")
    if choice is None:
        choice = alternate.find(f"{_MC}Fallback")
    return choice if choice is not None else alternate


def _text(node: Element) -> str:
    tails = (child.tail or "" for child in node)  # XML comments may stand inside
    text = "".join((node.text or "", *tails)).replace("\n", " ").replace("\r", " ")
    preserved = node.get("{http://www.w3.org/XML/1998/namespace}space") == "preserve"
    return text if preserved else text.strip(" \t")


def _break(node: Element) -> str:
    return _LINE_BREAK


def _symbol(node: Element) -> str:
    digits = node.get(f"{W}char", "")
    try:
        code = int(digits[:6], 16)
        plain = chr(code)
    except ValueError:
        return _UNKNOWN_SYMBOL
    font = node.get(f"{W}font", "").lower()
    known = _SYMBOLS.get((font, code & 0xFF if 0xF000 <= code <= 0xF0FF else code))
    if known is not None:
        return known
    return plain if plain.isprintable() else _UNKNOWN_SYMBOL


def _check_box(node: Element) -> str:
    box = node.find(f"{W}ffData/{W}checkBox")
    if box is None:
        return ""
    checked = box.find(f"{W}checked")
    checked = checked if checked is not None else box.find(f"{W}default")
    return "☑" if checked is not None and is_on(checked.get(f"{W}val")) else "□"


_RUN_TEXT: Final[dict[str, Callable[[Element], str]]] = {
    f"{W}t": _text,
    f"{W}tab": lambda node: " ",
    f"{W}ptab": lambda node: " ",
    f"{W}br": _break,
    f"{W}cr": _break,
    f"{W}noBreakHyphen": lambda node: "-",
    f"{W}sym": _symbol,
    f"{W}fldChar": _check_box,
}
_PICTURES: Final = frozenset({f"{W}drawing", f"{W}pict", f"{W}object"})


class _Walker:
    """Fills the builder from body, cells and text boxes, in reading order."""

    def __init__(
        self,
        document: WordDocument,
        builder: DocumentBuilder,
        limits: Limits,
        styles: Styles,
        numbering: Numbering,
    ) -> None:
        self._document = document
        self._builder = builder
        self._limits = limits
        self._styles = styles
        self._numbering = numbering
        self._inline = _Inline()
        self._met = self._inline.met
        self._carried = ""
        self._tables = 0
        self._characters = 0
        self._blocks = 0

    def read(self, container: Element, cell: tuple[int, int, int] | None = None) -> None:
        """Read the block-level children of a body, cell, text box or content control."""
        for child in container:
            if isinstance(child, CT_P):
                self._paragraph(child, cell)
            elif isinstance(child, CT_Tbl):
                self._table(Table(child, self._document))
            elif child.tag in _THROUGH:
                self.read(child, cell)
            elif child.tag == f"{_MC}AlternateContent":
                self.read(_chosen(child), cell)
            elif child.tag == f"{W}altChunk":
                self._met["embedded"] += 1

    def _paragraph(self, paragraph: CT_P, cell: tuple[int, int, int] | None) -> None:
        text = self._carried + self._inline.read(paragraph)
        properties = paragraph.pPr
        if _mark_is_deleted(properties):
            self._met["tracked"] += 1
            self._carried = text
            return
        self._carried = ""
        style = paragraph.style
        label = self._numbering.label(properties, style)
        pieces = _pieces(text)
        if label:
            pieces = [label + pieces[0], *pieces[1:]] if pieces else [label.rstrip()]
        level = self._level(properties, style) if cell is None else None
        for piece in pieces:
            self._add(piece, level, cell)
        boxes, self._inline.boxes = self._inline.boxes, []
        for box in boxes:
            self.read(box)

    def _level(self, properties: Element | None, style: str | None) -> int | None:
        outline = integer(value_of(properties, "outlineLvl"))
        if outline is not None:
            return outline + 1 if 0 <= outline < 9 else None
        return self._styles.heading_level(style)

    def _add(self, text: str, level: int | None, cell: tuple[int, int, int] | None) -> None:
        self._characters += len(text)
        self._blocks += 1
        limits = self._limits
        if self._characters > limits.max_characters:
            raise over_limit("文档文字过多", "max_characters", f"{limits.max_characters} 字")
        if self._blocks > limits.max_blocks:
            raise over_limit("文档段落过多", "max_blocks", f"{limits.max_blocks} 段")
        if cell is not None:
            self._builder.add_block(text, "cell", cell=cell)
        elif level is not None:
            self._builder.add_block(text, "heading", level=level)
        else:
            self._builder.add_block(text)

    def _table(self, table: Table) -> None:
        number = self._tables
        self._tables += 1
        for row_number, element in enumerate(_inside(table._tbl, f"{W}tr")):
            properties = element.trPr
            if properties is not None and properties.find(f"{W}del") is not None:
                self._met["tracked"] += 1
                continue
            row = _Row(element, table)
            column = min(row.grid_cols_before, _WIDEST)
            for inner in _inside(element, f"{W}tc"):
                cell = _Cell(inner, table)
                if not _continues_merge(inner.tcPr):
                    self.read(inner, (number, row_number, column))
                column += min(max(cell.grid_span, 1), _WIDEST)

    def finish(self) -> None:
        """Add what a deleted paragraph mark left over, and warn of all that was met.

        Raises:
            EmptyFileError: there was no text, and no picture that could hold some.
        """
        for piece in _pieces(self._carried):
            self._add(piece, None, None)
        met = self._met
        if self._builder.is_empty:
            if not met["pictures"]:
                raise EmptyFileError("文档里没有文字。请确认选对了文件。")
            self._builder.warn(
                "no_text_layer",
                f"文档里只有图片（{met['pictures']} 张），没有文字，需要 OCR。"
                "请先用 OCR 软件识别，或向出文单位索取文字版。",
                partial=True,
            )
        elif met["pictures"]:
            self._builder.warn(
                "pictures", f"文档里有 {met['pictures']} 张图片，图片中的文字没有读取。"
            )
        for what, code, message, partial in _FINDINGS:
            if met[what]:
                self._builder.warn(code, message, partial=partial)


_FINDINGS: Final = (
    (
        "tracked",
        "tracked_changes",
        "文档带有修订痕迹，已按接受全部修订读取（插入的计入，删除的不计入）。请核对定稿。",
        False,
    ),
    ("hidden", "hidden_text", "文档带有隐藏文字，没有计入正文。请核对原件。", False),
    ("symbol", "unknown_symbol", "有无法识别的符号字体字符，显示为“�”。请对照原件。", False),
    (
        "embedded",
        "embedded_part",
        "文档嵌入了其他格式的内容，没有读取。请用 Word 打开并另存为 .docx 后再上传。",
        True,
    ),
)


def _mark_is_deleted(properties: Element | None) -> bool:
    mark = properties.find(f"{W}rPr") if properties is not None else None
    return mark is not None and any(mark.find(tag) is not None for tag in _DELETED)


def _continues_merge(settings: Element | None) -> bool:
    for name in ("vMerge", "hMerge"):
        merge = settings.find(f"{W}{name}") if settings is not None else None
        if merge is not None and merge.get(f"{W}val") != "restart":
            return True
    return False


def _inside(node: Element, tag: str) -> Iterator[Element]:
    """Yield the rows of a table or the cells of a row, content controls opened."""
    for child in node:
        if child.tag == tag:
            yield child
        elif child.tag in _THROUGH:
            yield from _inside(child, tag)
