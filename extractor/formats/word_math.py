"""Formulas of Word as plain text: 3.5/7, x^2, √(a+b), so that no two numbers run into one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from extractor.formats.word_numbering import W

if TYPE_CHECKING:
    from docx.oxml.xmlchemy import BaseOxmlElement as Element

M: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_DELETED: Final = frozenset({f"{W}del", f"{W}moveFrom"})


def linear(node: Element) -> str:
    """Return a formula on one line; what was deleted by a tracked change is out."""
    tag = node.tag
    if tag in _DELETED or not isinstance(tag, str) or tag.endswith("Pr"):
        return ""
    if tag == f"{M}t":
        return node.text or ""
    write = _WRITERS.get(tag)
    return write(node) if write is not None else _all(node)


def _all(node: Element) -> str:
    return "".join(linear(child) for child in node)


def _part(node: Element, name: str) -> str:
    found = node.find(f"{M}{name}")
    return _all(found) if found is not None else ""


def _tight(text: str) -> str:
    """Put a part of several signs in brackets: (a+b)/2; numbers and names stay as they are."""
    plain = all(char.isalnum() or char in ".%" for char in text)
    return text if plain else f"({text})"


def _setting(node: Element, group: str, name: str, usual: str) -> str:
    found = node.find(f"{M}{group}/{M}{name}")
    return found.get(f"{M}val", "") if found is not None else usual


def _fraction(node: Element) -> str:
    return f"{_tight(_part(node, 'num'))}/{_tight(_part(node, 'den'))}"


def _raised(node: Element) -> str:
    return f"{_part(node, 'e')}^{_tight(_part(node, 'sup'))}"


def _lowered(node: Element) -> str:
    return f"{_part(node, 'e')}_{_tight(_part(node, 'sub'))}"


def _both(node: Element) -> str:
    return f"{_lowered(node)}^{_tight(_part(node, 'sup'))}"


def _root(node: Element) -> str:
    degree = _part(node, "deg")
    return f"{degree}√{_tight(_part(node, 'e'))}"


def _delimited(node: Element) -> str:
    begin = _setting(node, "dPr", "begChr", "(")
    end = _setting(node, "dPr", "endChr", ")")
    between = _setting(node, "dPr", "sepChr", "|")
    return begin + between.join(_all(part) for part in node.findall(f"{M}e")) + end


def _sum(node: Element) -> str:
    sign = _setting(node, "naryPr", "chr", "∫")
    below, above = _part(node, "sub"), _part(node, "sup")
    low = f"_{_tight(below)}" if below else ""
    high = f"^{_tight(above)}" if above else ""
    return f"{sign}{low}{high} {_part(node, 'e')}"


_WRITERS: Final[dict[str, Callable[[Element], str]]] = {
    f"{M}f": _fraction,
    f"{M}sSup": _raised,
    f"{M}sSub": _lowered,
    f"{M}sSubSup": _both,
    f"{M}rad": _root,
    f"{M}d": _delimited,
    f"{M}nary": _sum,
}
