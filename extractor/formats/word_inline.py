"""The text inside one paragraph of a DOCX: runs, fields, symbols, changes, boxes, formulas."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from extractor.formats.word_math import M, linear
from extractor.formats.word_numbering import W, is_on, is_set, value_of
from extractor.formats.word_symbols import CIRCLED, SYMBOL_FONTS, is_private, symbol

if TYPE_CHECKING:
    from docx.oxml.xmlchemy import BaseOxmlElement as Element

MC: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_DRAWING: Final = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_VML: Final = "{urn:schemas-microsoft-com:vml}"
_OFFICE: Final = "{urn:schemas-microsoft-com:office:office}"
_CHARTS: Final = ("/chart", "/diagram")
_UNDERSTOOD: Final = frozenset(
    (
        *("wps", "wpg", "wpc", "wpi", "wp14", "w14", "w15", "w16", "w16se", "w16cid", "wne"),
        *("a14", "c14", "aink", "am3d", "v", "o", "m", "w", "mv"),
    )
)
"""Prefixes of the namespaces whose text is found here; Word and WPS always use these."""

THROUGH: Final = frozenset(
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
"""Wrappers that are looked into, among blocks and inside paragraphs."""
_INSERTED: Final = frozenset({f"{W}ins", f"{W}moveTo"})
DELETED: Final = frozenset({f"{W}del", f"{W}moveFrom"})
UNKNOWN_SYMBOL: Final = "\ufffd"
LINE_BREAK: Final = "\n"
_OVERSTRIKE = re.compile(
    r"\\o\s{0,4}(?:\\a[clr]\s{0,4})?\(([^(),，\\]{1,4})[,，]([^(),，\\]{1,8})\)"
)
_PRIVATE = re.compile("[\uf000-\uf0ff]")
_EQ_FRACTION = re.compile(r"\\f\s{0,4}\(([^(),，\\]{1,40})[,，]([^(),，\\]{1,40})\)")


@dataclass(slots=True)
class _Field:
    """A field that was begun: where its text starts, its instruction, whether that has ended."""

    mark: int
    code: list[str] = field(default_factory=list)
    in_result: bool = False


@dataclass(slots=True)
class Inline:
    """The text of paragraphs, and what was met on the way.

    `hidden_styles` are the character styles whose text is not shown. `boxes` and `drawn` collect
    the text boxes and the word art of the paragraphs read, for the caller to take.
    """

    hidden_styles: frozenset[str] = frozenset()
    met: Counter[str] = field(default_factory=Counter)
    boxes: list[Element] = field(default_factory=list)
    drawn: list[str] = field(default_factory=list)
    _fields: list[_Field] = field(default_factory=list)
    _hidden: bool = False

    def read(self, paragraph: Element, *, hidden: bool = False) -> str:
        """Return the text of one paragraph; line breaks are `\\n`.

        `hidden` says that its style hides what does not show itself.
        """
        out: list[str] = []
        # An instruction ends with its paragraph at the latest: a field that is never closed
        # must not swallow the rest of the document.
        self._fields.clear()
        self._hidden = hidden
        self._children(paragraph, out)
        return "".join(out)

    def _children(self, node: Element, out: list[str]) -> None:
        for child in node:
            tag = child.tag
            if tag == f"{W}r":
                self._run(child, out)
            elif tag in THROUGH:
                self.met["tracked"] += tag in _INSERTED
                self._children(child, out)
            elif tag in DELETED:
                self.met["tracked"] += 1
            elif tag == f"{MC}AlternateContent":
                self._children(chosen(child), out)
            elif isinstance(tag, str) and tag.startswith(M):
                _add(linear(child), out)

    def _run(self, run: Element, out: list[str]) -> None:
        if self._is_hidden(run.find(f"{W}rPr")):
            self.met["hidden"] += any((text.text or "").strip() for text in run.iter(f"{W}t"))
            return
        self._run_children(run, run, out)

    def _is_hidden(self, properties: Element | None) -> bool:
        if properties is None:
            return self._hidden
        if properties.find(f"{W}vanish") is not None:
            return is_set(properties, "vanish")
        return self._hidden or value_of(properties, "rStyle") in self.hidden_styles

    def _run_children(self, run: Element, node: Element, out: list[str]) -> None:
        for child in node:
            tag = child.tag
            write = _RUN_TEXT.get(tag)
            if write is not None:
                text = write(child, run)
                self.met["symbol"] += UNKNOWN_SYMBOL in text
                _add(text, out)
            elif tag == f"{W}fldChar":
                self._field(child, out)
            elif tag == f"{W}instrText":
                if self._fields and not self._fields[-1].in_result:
                    self._fields[-1].code.append(child.text or "")
            elif tag == f"{MC}AlternateContent":
                self._run_children(run, chosen(child), out)
            elif tag == f"{W}ruby":
                self._children(child, out)
            elif tag in _PICTURES:
                self._picture(child)

    def _field(self, node: Element, out: list[str]) -> None:
        """Leave out what stands in an instruction, the results of inner fields among it."""
        kind = node.get(f"{W}fldCharType")
        if kind not in ("separate", "end"):
            _add(_form_field(node), out)
            self._fields.append(_Field(len(out)))
        elif self._fields:
            top = self._fields[-1]
            if not top.in_result:
                del out[top.mark :]
                top.in_result = True
            if kind == "end":
                self._fields.pop()
                if len(out) == top.mark:
                    text = _equation("".join(top.code))
                    self.met["symbol"] += text == UNKNOWN_SYMBOL
                    _add(text, out)

    def _picture(self, node: Element) -> None:
        """Note the text boxes and word art of a drawing, and count its pictures and objects."""
        stack = [node]
        is_object = False
        while stack:
            item = stack.pop()
            if item.tag == f"{W}txbxContent":
                self.boxes.append(item)
                continue
            if item.tag == f"{_VML}textpath" and item.get("string", "").strip():
                self.drawn.append(item.get("string", ""))
            is_object = is_object or item.tag == f"{_OFFICE}OLEObject"
            self.met["pictures"] += _shows_picture(item)
            inside = chosen(item) if item.tag == f"{MC}AlternateContent" else item
            stack.extend(reversed(list(inside)))
        if is_object:
            self.met["objects"] += 1


def _add(text: str, out: list[str]) -> None:
    """Append what is not empty: so the length of `out` tells whether a field has a result."""
    if text:
        out.append(text)


def _shows_picture(item: Element) -> bool:
    if item.tag == f"{_DRAWING}graphicData":
        return str(item.get("uri", "")).endswith(_CHARTS)
    if item.tag == f"{_VML}imagedata":  # the picture of an embedded file is counted as that
        return all(above.tag != f"{W}object" for above in item.iterancestors())
    return bool(item.tag == f"{_DRAWING}blip")


def chosen(alternate: Element) -> Element:
    """Return the one branch of `mc:AlternateContent` that is read.

    The first that needs only what is understood here, else the fallback, else the first: rather
    a strange branch than no text.
    """
    choices: list[Element] = alternate.findall(f"{MC}Choice")
    for choice in choices:
        if _UNDERSTOOD.issuperset(choice.get("Requires", "").split()):
            return choice
    fallback: Element | None = alternate.find(f"{MC}Fallback")
    if fallback is not None:
        return fallback
    return choices[0] if choices else alternate


def paragraphs(node: Element) -> Iterator[Element]:
    """Yield all paragraphs below `node`, in tables and boxes too, of alternatives the chosen."""
    stack = [node]
    while stack:
        item = stack.pop()
        if item.tag == f"{W}p":
            yield item
        inside = chosen(item) if item.tag == f"{MC}AlternateContent" else item
        stack.extend(reversed(list(inside)))


def pieces_of(text: str) -> list[str]:
    """Return the lines of a paragraph that have text, without spaces at their ends."""
    return [piece for line in text.split(LINE_BREAK) if (piece := line.strip())]


def _text(node: Element, run: Element) -> str:
    tails = (child.tail or "" for child in node)  # XML comments may stand inside
    text = "".join((node.text or "", *tails)).replace("\n", " ").replace("\r", " ")
    text = text.replace("\u00ad", "")
    if _PRIVATE.search(text) is not None:
        fonts = run.find(f"{W}rPr/{W}rFonts")
        font = fonts.get(f"{W}ascii", fonts.get(f"{W}hAnsi", "")) if fonts is not None else ""
        text = "".join(_unicode(char, font) for char in text)
    preserved = node.get("{http://www.w3.org/XML/1998/namespace}space") == "preserve"
    return text if preserved else text.strip(" \t")


def _unicode(char: str, font: str) -> str:
    """Return a character that addresses a symbol font as that font draws it; others as they are."""
    if not is_private(ord(char)) or font.lower() not in SYMBOL_FONTS:
        return char
    return symbol(ord(char), font) or UNKNOWN_SYMBOL


def _break(node: Element, run: Element) -> str:
    return LINE_BREAK


def _symbol(node: Element, run: Element) -> str:
    digits = node.get(f"{W}char", "")
    try:
        code = int(digits[:6], 16)
        plain = chr(code)
    except ValueError:
        return UNKNOWN_SYMBOL
    known = symbol(code, node.get(f"{W}font", ""))
    if known is not None:
        return known
    return plain if plain.isprintable() else UNKNOWN_SYMBOL


def _form_field(node: Element) -> str:
    """Return what a form field shows: its box with or without a tick, the entry that is chosen."""
    box = node.find(f"{W}ffData/{W}checkBox")
    if box is not None:
        checked = box.find(f"{W}checked")
        checked = checked if checked is not None else box.find(f"{W}default")
        return "☑" if checked is not None and is_on(checked.get(f"{W}val")) else "□"
    entries = node.find(f"{W}ffData/{W}ddList")
    if entries is None:
        return ""
    listed = [entry.get(f"{W}val", "") for entry in entries.findall(f"{W}listEntry")]
    at = value_of(entries, "result") or value_of(entries, "default") or "0"
    return listed[int(at)] if at.isdecimal() and len(at) < 5 and int(at) < len(listed) else ""


def _equation(code: str) -> str:
    """Return what an EQ field draws: it has no result, its instruction is the picture.

    Word makes 带圈字符 of it; a drawing that is not known becomes the unknown symbol.
    """
    words = code.strip()
    if words[:2].upper() != "EQ" or words[2:3] not in ("", " ", "\\"):
        return ""
    if (circled := _OVERSTRIKE.search(words)) is not None:
        sign = circled.group(2).strip()
        return CIRCLED.get(sign, f"（{sign}）")
    if (fraction := _EQ_FRACTION.search(words)) is not None:
        return f"{fraction.group(1).strip()}/{fraction.group(2).strip()}"
    return UNKNOWN_SYMBOL if words[2:].strip() else ""


_RUN_TEXT: Final[dict[str, Callable[[Element, Element], str]]] = {
    f"{W}t": _text,
    f"{W}tab": lambda node, run: " ",
    f"{W}ptab": lambda node, run: " ",
    f"{W}br": _break,
    f"{W}cr": _break,
    f"{W}noBreakHyphen": lambda node, run: "-",
    f"{W}sym": _symbol,
}
_PICTURES: Final = frozenset({f"{W}drawing", f"{W}pict", f"{W}object"})
