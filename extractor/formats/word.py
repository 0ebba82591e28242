"""DOCX: the body in order, with the numbers that Word writes, and nothing lost unsaid.

python-docx opens the file and gives the body, the tables and the other parts. Below its API lies
what it passes over: tracked changes, text boxes, content controls, symbols, numbers of lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.table import CT_Tbl
from docx.oxml.text.paragraph import CT_P
from docx.table import Table

from extractor.document import DocumentBuilder, FurnitureKind, NoticeCode
from extractor.errors import EmptyFileError
from extractor.formats.limits import Limits, over_limit
from extractor.formats.word_inline import (
    DELETED,
    MC,
    THROUGH,
    Inline,
    chosen,
    paragraphs,
    pieces_of,
)
from extractor.formats.word_numbering import Numbering, Styles, W, integer, is_set, value_of
from extractor.formats.word_package import open_document, root_of

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from docx.oxml.xmlchemy import BaseOxmlElement as Element

_T: Final = f"{W}t"
_WIDEST: Final = 1000

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
    if b"vbaProject.bin" in data:
        builder.warn("macros", "文档带有宏，没有运行。请确认来源可靠。")
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
            yield root_of(relation.target_part)


def _add_furniture(
    root: Element, kind: str, furniture: FurnitureKind, builder: DocumentBuilder
) -> None:
    texts: dict[str, None] = {}
    inline = Inline()
    for note in root:
        if note.get(f"{W}type") in _SEPARATORS:
            continue
        for paragraph in paragraphs(note):
            texts.update(dict.fromkeys(pieces_of(inline.read(paragraph))))
    texts.update(dict.fromkeys(piece for text in inline.drawn for piece in pieces_of(text)))
    for text in texts:
        builder.add_furniture(text, furniture)
    if kind == RELATIONSHIP_TYPE.COMMENTS and texts:
        builder.warn(
            "comments",
            f"文档带有批注（{len(texts)} 段），没有计入正文。请确认批注里没有要核查的内容。",
        )


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
        self._inline = Inline(styles.hidden)
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
            elif child.tag in THROUGH:
                self.read(child, cell)
            elif child.tag == f"{MC}AlternateContent":
                self.read(chosen(child), cell)
            elif child.tag in DELETED:
                self._met["tracked"] += 1
            elif child.tag in (f"{W}altChunk", f"{W}subDoc"):
                self._met["embedded"] += 1

    def _paragraph(self, paragraph: CT_P, cell: tuple[int, int, int] | None) -> None:
        properties = paragraph.pPr
        style = paragraph.style
        hides = self._styles.hides(style)
        text = self._carried + self._inline.read(paragraph, hidden=hides)
        mark = properties.find(f"{W}rPr") if properties is not None else None
        if mark is not None and any(mark.find(tag) is not None for tag in DELETED):
            self._met["tracked"] += 1
            self._carried = text
            return
        self._carried = ""
        pieces = pieces_of(text)
        # A paragraph that is hidden as a whole is not printed: neither is its number.
        label = ""
        if pieces or not (is_set(mark, "vanish") or hides):
            label = self._numbering.label(properties, style)
        if label:
            pieces = [label + pieces[0], *pieces[1:]] if pieces else [label.rstrip()]
        level = self._level(properties, style) if cell is None else None
        for piece in pieces:
            self._add(piece, level, cell)
        self._boxes(cell)

    def _boxes(self, cell: tuple[int, int, int] | None) -> None:
        """Add the word art and the text boxes of the paragraph that was read last."""
        inline = self._inline
        drawn, inline.drawn = inline.drawn, []
        boxes, inline.boxes = inline.boxes, []
        for text in drawn:
            for piece in pieces_of(text):
                self._add(piece, None, cell)
        for box in boxes:
            self.read(box, cell)

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
            elif is_set(properties, "hidden"):
                self._met["hidden"] += 1
            else:
                self._row(element, number, row_number)

    def _row(self, row: Element, number: int, row_number: int) -> None:
        column = _columns(row.trPr, "gridBefore", 0)
        for inner in _inside(row, f"{W}tc"):
            settings = inner.tcPr
            if settings is not None and settings.find(f"{W}cellDel") is not None:
                self._met["tracked"] += 1
            elif not _continues_merge(settings):
                self.read(inner, (number, row_number, column))
            else:  # Word does not show what such a cell holds
                self._met["hidden"] += any((text.text or "").strip() for text in inner.iter(_T))
            column += _columns(settings, "gridSpan", 1)

    def finish(self) -> None:
        """Add what a deleted paragraph mark left over, and warn of all that was met.

        Raises:
            EmptyFileError: there was no text, and no picture that could hold some.
        """
        for piece in pieces_of(self._carried):
            self._add(piece, None, None)
        met = self._met
        if self._builder.is_empty:
            if not met["pictures"]:
                raise EmptyFileError("文档里没有文字。请确认选对了文件。")
            self._builder.warn(
                "no_text_layer",
                f"文档里只有图片（{met['pictures']} 张），没有文字，没有读取。"
                "请另存为 PDF 后再上传，或向出文单位索取文字版。",
                partial=True,
            )
        elif met["pictures"]:
            self._builder.warn(
                "pictures", f"文档里有 {met['pictures']} 张图片，图片中的文字没有读取。"
            )
        for what, code, message, partial in _FINDINGS:
            if met[what]:
                self._builder.warn(code, message, partial=partial)


_FINDINGS: Final[tuple[tuple[str, NoticeCode, str, bool], ...]] = (
    (
        "tracked",
        "tracked_changes",
        "文档带有修订痕迹，已按接受全部修订读取（插入的计入，删除的不计入）。请核对定稿。",
        False,
    ),
    ("hidden", "hidden_text", "文档带有隐藏文字，没有计入正文。请核对原件。", False),
    ("symbol", "unknown_symbol", "有无法识别的符号字体字符，显示为“�”。请对照原件。", False),
    (
        "objects",
        "embedded_object",
        "文档里嵌入了其他软件的对象（公式、表格等），其中的内容没有读取。请对照原件。",
        False,
    ),
    (
        "embedded",
        "embedded_part",
        "文档嵌入了其他格式的内容，没有读取。请用 Word 打开并另存为 .docx 后再上传。",
        True,
    ),
)


def _columns(settings: Element | None, name: str, least: int) -> int:
    """Read how many columns a setting says; what is no number, or no sensible one, counts little.

    python-docx would raise on a number that is none.
    """
    return min(max(integer(value_of(settings, name)) or least, least), _WIDEST)


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
        elif child.tag in THROUGH:
            yield from _inside(child, tag)
