"""Colours of OFD objects, as red, green and blue from 0 to 255."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from extractor.formats.ofd_package import child, number, numbers
from extractor.formats.pdf_watermarks import is_pale

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Colour = tuple[int, int, int]
_BLACK: Final = (0, 0, 0)
_SOLID: Final = 255


def colour_of(element: Element | None) -> Colour:
    """Return the colour of a FillColor or StrokeColor; black where it states none."""
    values = numbers(element.get("Value")) if element is not None else []
    return _rgb([min(max(round(value), 0), 255) for value in values])


def has_pale_text(element: Element) -> bool:
    """Tell a text object that is printed in a light or transparent colour."""
    fill = child(element, "FillColor")
    alpha = number(element.get("Alpha"), _SOLID)
    if fill is not None:
        alpha *= number(fill.get("Alpha"), _SOLID) / _SOLID
    return is_pale(*colour_of(fill), alpha)


def _rgb(values: Sequence[int]) -> Colour:
    if len(values) == 1:
        return values[0], values[0], values[0]
    if len(values) == 3:
        return values[0], values[1], values[2]
    if len(values) == 4:
        key = 255 - values[3]
        red, green, blue = ((255 - value) * key // 255 for value in values[:3])
        return red, green, blue
    return _BLACK
