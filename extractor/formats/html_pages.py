"""Saved web pages: the body as blocks, tables as cells; what surrounds the body is kept apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Final
from urllib.parse import unquote

from lxml import etree

from extractor.document import DocumentBuilder
from extractor.errors import CorruptFileError, EmptyFileError
from extractor.formats.html_main import Choice, Part, all_of_it, choose
from extractor.formats.html_walk import Node, Piece, clean, join_address, walk
from extractor.formats.limits import Limits, over_limit
from extractor.formats.plaintext import decode, decode_as

_META: Final = re.compile(
    rb"""<(?:meta\b[^>]{0,200}charset\s{0,5}=\s{0,5}["']?|\?xml[^>]{0,100}encoding\s{0,5}=\s{0,5}["'])"""
    rb"""([\w.:-]{1,40})""",
    re.IGNORECASE,
)
_HEAD_BYTES: Final = 8192
_SIZE_PER_CHARACTER: Final = 16
"""Bytes of markup a page may have for each character that is allowed."""
_FORMATTING: Final = re.compile(
    r"</?(?:font|span|b|i|u|strong|em|big|small|div|center|section)(?:\s[^<>]{0,2000})?>",
    re.IGNORECASE,
)
_DOWNLOAD: Final = re.compile(
    r"\.(?:pdf|docx?|wps|ofd|xlsx?|et|pptx?|txt|rtf|zip|rar|7z|jpe?g|png|tiff?)$", re.IGNORECASE
)
_SUFFIX: Final = re.compile(r"\s{0,5}[-_|—–>]\s{0,5}")
_TOO_DEEP: Final = "网页的元素嵌套过深，最里层的内容没有读到。请在浏览器中打开后打印成 PDF 再上传。"
_NAMED: Final = 20
"""So many names at most stand in a warning."""


def read_html(data: bytes, builder: DocumentBuilder, limits: Limits) -> None:
    """Read a saved web page; see `read_markup`.

    Raises:
        EmptyFileError: the page has no text.
        LimitError: too much markup, too many characters or blocks.
        UnsupportedFormatError: the bytes are no text in a known encoding.
    """
    if len(data) > limits.max_characters * _SIZE_PER_CHARACTER:
        raise over_limit("网页过大", "max_characters", f"{limits.max_characters} 字")
    read_markup(decode_markup(data), builder, limits)


def decode_markup(data: bytes, declared: str | None = None) -> str:
    """Decode a page: by its mark, as UTF-8, as `declared` or as its own head says, else by guess.

    Valid UTF-8 is taken whatever the page claims: pages that were saved again claim wrongly.
    """
    found = _META.search(data[:_HEAD_BYTES])
    names = (declared, found.group(1).decode("ascii", "replace") if found else None)
    for name in (None, *names):
        text = decode_as(data, name)
        if text is not None:
            return text
    return decode(data).text


def read_markup(
    markup: str,
    builder: DocumentBuilder,
    limits: Limits,
    *,
    whole: bool = False,
    frame: Callable[[str], str | None] | None = None,
) -> None:
    """Read decoded markup: title, paragraphs, headings and cells of the body, in order.

    `whole` takes everything that is visible for the body, as in a letter. `frame` gives the markup
    of a frame by its address, or None.

    The source and date line, and what surrounds the body, become furniture. Frames, pictures and
    files to download, which are not in the page, are named in warnings.

    Raises:
        EmptyFileError: the page has no text.
        LimitError: too many characters or blocks.
    """
    root, cut = parse_markup(markup)
    if cut:
        builder.warn("nesting_too_deep", _TOO_DEEP, partial=True)
    if frame is not None:
        _fill_frames(root, frame)
    _take_margins(root, builder)
    pieces = walk(root)
    if not pieces and cut:
        raise CorruptFileError(_TOO_DEEP)
    if not pieces:
        _note_missing(root, None, builder)
        raise EmptyFileError(
            "网页里没有文字。正文可能是图片，或保存时没有存下来；请重新保存整个网页。"
        )
    _check(pieces, limits)
    titles = _titles(root)
    choice = all_of_it(pieces) if whole else choose(root, pieces, titles)
    _emit(pieces, choice, titles, builder)
    _note_missing(root, choice, builder)


def parse_markup(markup: str) -> tuple[Node, bool]:
    """Return the root of the page, and whether the parser stopped at its depth limit.

    A page that opens formatting elements without end is parsed again without them.

    Raises:
        EmptyFileError: there is nothing in the markup.
    """
    root, cut = _parse(markup)
    if cut:
        root, cut = _parse(_FORMATTING.sub(" ", markup))
    if root is None:
        raise EmptyFileError("网页里没有内容。请重新保存整个网页后再上传。")
    return root, cut


def _parse(markup: str) -> tuple[Node, bool]:
    parser = etree.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True
    )
    data = markup.replace("\x00", "").encode("utf-8", "replace")
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as exc:
        if not markup.strip():
            return None, False
        raise CorruptFileError(
            "网页内容异常，无法读取。请在浏览器中打开后打印成 PDF 再上传。"
        ) from exc
    cut = any("depth" in entry.message.lower() for entry in parser.error_log)
    return root, cut


def _fill_frames(root: Node, frame: Callable[[str], str | None]) -> None:
    """Put the body of each frame that can be had in the place of the frame."""
    for node in list(root.iter("frame", "iframe")):
        markup = frame((node.get("src") or "").strip())
        if markup is None or not markup.strip():
            continue
        inner, _cut_off = parse_markup(markup)
        node.tag = "div"
        node.text = None
        node[:] = [child for part in inner.iter("body") for child in part] or list(inner)


def _take_margins(root: Node, builder: DocumentBuilder) -> None:
    """Move the head and foot of the printed page, which LibreOffice saves in the body, apart."""
    made_by = (meta.get("content") or "" for meta in root.iter("meta"))
    if not any("office" in name.lower() for name in made_by):
        return
    for node in list(root.iter("div")):
        if node.get("title") not in ("header", "footer"):
            continue
        text = clean("".join(node.itertext()))
        is_number = any(field.get("type") == "PAGE" for field in node.iter("sdfield"))
        if text:
            builder.add_furniture(text, "page_number" if is_number else node.get("title"))
        tail = node.tail
        node.clear()
        node.tail = tail


def _check(pieces: Sequence[Piece], limits: Limits) -> None:
    if len(pieces) > limits.max_blocks:
        raise over_limit(f"网页有 {len(pieces)} 段", "max_blocks", f"{limits.max_blocks} 段")
    size = sum(len(piece.text) for piece in pieces)
    if size > limits.max_characters:
        raise over_limit(f"网页有 {size} 字", "max_characters", f"{limits.max_characters} 字")


def _titles(root: Node) -> list[str]:
    """Return what the page calls itself: the metadata of the article, then the window's title."""
    found = [
        clean(meta.get("content") or "")
        for meta in root.iter("meta")
        if (meta.get("name") or meta.get("property") or "").lower() in ("articletitle", "og:title")
    ]
    found += [clean("".join(title.itertext())) for title in root.iter("title")]
    return [title for title in found if title]


def _emit(
    pieces: Sequence[Piece], choice: Choice, titles: Sequence[str], builder: DocumentBuilder
) -> None:
    if Part.TITLE not in choice.parts and Part.BODY in choice.parts:
        _add_named_title(pieces, choice, titles, builder)
    source: list[Piece] = []
    for piece, part in zip(pieces, choice.parts, strict=True):
        if part is Part.TITLE:
            builder.add_block(piece.text, "heading", level=1)
        elif part is Part.SOURCE:
            source.append(piece)
        elif part is Part.NAVIGATION:
            builder.add_furniture(piece.text, "navigation")
        elif piece.cell is not None:
            builder.add_block(piece.text, "cell", cell=piece.cell)
        elif piece.level is not None:
            builder.add_block(piece.text, "heading", level=piece.level)
        else:
            builder.add_block(piece.text)
    for line in _lines(source):
        builder.add_furniture(line, "source_line")
    if choice.unsure > 100:
        builder.warn(
            "text_outside_body",
            f"正文以外还有约 {choice.unsure} 字的成句文字，已作为网页的附属内容单独存放。"
            "请对照网页，核实正文是否完整。",
        )


def _lines(source: Sequence[Piece]) -> Iterator[str]:
    """Yield the source lines, the cells of a row as one line."""
    for row, cells in groupby(source, lambda piece: piece.cell and piece.cell[:2]):
        texts = [piece.text for piece in cells]
        yield from ("\u3000".join(texts),) if row is not None else texts


def _add_named_title(
    pieces: Sequence[Piece], choice: Choice, titles: Sequence[str], builder: DocumentBuilder
) -> None:
    """Begin with the article's name from the page's head where the page itself does not show it."""
    body = "".join(
        piece.text for piece, part in zip(pieces, choice.parts, strict=True) if part is Part.BODY
    )[:500]
    for title in titles[:1]:
        name = _SUFFIX.split(title)[0]
        if (
            len(name) >= 8
            and name not in body
            and any(part is Part.SOURCE for part in choice.parts)
        ):
            builder.add_block(name, "heading", level=1)


def _note_missing(root: Node, choice: Choice | None, builder: DocumentBuilder) -> None:
    """Warn of frames, pictures and downloads: content that is not in the page itself."""
    base = next((each.get("href") or "" for each in root.iter("base")), "")
    frames = [
        source
        for each in root.iter("frame", "iframe")
        if (source := (each.get("src") or "").strip())
        and not source.lower().startswith(("about:", "javascript:", "data:"))
    ]
    if frames:
        builder.warn(
            "frames_not_read",
            f"网页里嵌有另外的网页，没有一并读取：{_join(frames, base)}。"
            "正文如在其中，请打开那个网页另行保存后上传。",
            partial=True,
        )
    files = {
        address: clean("".join(link.itertext())) or _last(address)
        for link in root.iter("a")
        if (address := (link.get("href") or "").strip())
        and _DOWNLOAD.search(address.partition("?")[0].partition("#")[0])
    }
    if files:
        names = [f"{name}（{join_address(base, address)}）" for address, name in files.items()]
        builder.warn(
            "attachments_not_read",
            f"网页列有 {len(files)} 个附件，没有随网页读取：{_cut(names)}。请下载后一并上传。",
        )
    pictures = sum(1 for node in choice.containers for _ in node.iter("img")) if choice else 0
    if pictures:
        builder.warn(
            "pictures_not_read",
            f"网页正文里有 {pictures} 张图片，图片里的文字没有读取。如有扫描件，请另存图片后上传。",
        )


def _join(addresses: Sequence[str], base: str) -> str:
    return _cut([join_address(base, address) for address in addresses])


def _cut(names: Sequence[str]) -> str:
    more = f"等{len(names)}个" if len(names) > _NAMED else ""
    return "、".join(name[:200] for name in names[:_NAMED]) + more


def _last(address: str) -> str:
    return unquote(address.rpartition("/")[2])[:100]
