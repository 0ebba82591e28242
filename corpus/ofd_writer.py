"""A small OFD writer after GB/T 33190-2016: files whose text, places and tables are known.

It writes what the reader is tested and measured on, in the ways of writing that are met: any
namespace or none, steps as a list, as runs (`g 5 4.2`) or left out, an object for each character,
scaled objects. Lengths are millimetres, y is downwards, text stands on its base line.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from xml.sax.saxutils import escape, quoteattr

NAMESPACE: Final = "http://www.ofdspec.org/2016"
OLD_NAMESPACE: Final = "http://www.ofdspec.org"
A4: Final = (210.0, 297.0)
BODY: Final = 5.644
"""Size 3 of Chinese type, 16 points, that of official documents (GB/T 9704-2012)."""

Deltas = Literal["list", "runs", "none", "each", "scaled"]


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is written: its namespace (None for none), its prefix, how steps are given.

    `deltas`: every step in a list; equal steps as runs; no steps; an object for each character;
    or objects of size 1 that their CTM makes larger. `absolute` begins locations at the root.
    """

    namespace: str | None = NAMESPACE
    prefix: str = "ofd"
    deltas: Deltas = "list"
    absolute: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """Characters on a base line from `x`; `spacing` is added after each of them.

    `downwards` sets them upright below each other, `turn` turns the whole by degrees clockwise.
    """

    x: float
    y: float
    text: str
    size: float = BODY
    spacing: float = 0.0
    downwards: bool = False
    turn: int = 0

    def edges(self) -> list[tuple[float, float]]:
        """Return the left and right edge of each character of level text."""
        edges, x = [], self.x
        for char in self.text:
            edges.append((x, x + width(char) * self.size))
            x += width(char) * self.size + self.spacing
        return edges


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line from one point to another."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file stretched over a box."""

    x: float
    y: float
    width: float
    height: float
    data: bytes
    extension: str = "png"


@dataclass(frozen=True, slots=True)
class Raw:
    """XML put into the page as it is; `{p}` stands for the prefix with its colon."""

    xml: str


Item = Text | Rule | Picture | Raw


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page: what is on it, the templates (by index) under it, its size if not the usual."""

    items: Sequence[Item] = ()
    templates: Sequence[int] = ()
    size: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """A document of a container; `outlines` are `(title, page from 1, level from 1)`.

    `annotations` are put on the first page. `resources` is XML put into DocumentRes.xml.
    """

    pages: Sequence[Sheet]
    title: str = ""
    templates: Sequence[Sequence[Item]] = ()
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    outlines: Sequence[tuple[str, int, int]] = ()
    annotations: Sequence[Item] = ()
    signatures: int = 0
    resources: str = ""


def width(char: str) -> float:
    """Return the width of a character as a share of the size: 0.5 for ASCII, else 1."""
    return 0.5 if char < "\x80" else 1.0


def write_ofd(*volumes: Volume, style: Style | None = None) -> bytes:
    """Return an OFD file with these documents."""
    return _Writer(style or Style()).write(volumes)


def write_text(*lines: Item, style: Style | None = None) -> bytes:
    """Return an OFD file of one page."""
    return write_ofd(Volume([Sheet(lines)]), style=style)


def grid(x: float, y: float, widths: Sequence[float], heights: Sequence[float]) -> list[Rule]:
    """Return the lines of a table whose upper left corner is at `(x, y)`."""
    right, bottom = x + sum(widths), y + sum(heights)
    rules, at = [Rule(x, y, right, y)], y
    for height in heights:
        at += height
        rules.append(Rule(x, at, right, at))
    rules.append(Rule(x, y, x, bottom))
    at = x
    for column in widths:
        at += column
        rules.append(Rule(at, y, at, bottom))
    return rules


def typeset(paragraphs: Sequence[str], size: float = BODY) -> list[Sheet]:
    """Set paragraphs as official documents are: indented, 22 lines a page, numbered below.

    The first paragraph is the title: centred, larger.
    """
    lines = [*_centred(paragraphs[0], 1.4 * size)]
    for paragraph in paragraphs[1:]:
        lines.extend(_broken(paragraph, size))
    sheets: list[Sheet] = []
    for start in range(0, len(lines), _LINES):
        page: list[Item] = [
            Text(x, _TOP + at * _PITCH, text, line_size)
            for at, (x, text, line_size) in enumerate(lines[start : start + _LINES])
        ]
        page.append(Text(98.0, 270.0, f"— {len(sheets) + 1} —", 4.9))
        sheets.append(Sheet(page))
    return sheets


_LEFT: Final = 28.0
_TOP: Final = 42.0
_PITCH: Final = 10.2
_LINES: Final = 22
_MEASURE: Final = 28
"""Characters in a full line."""
_HANGING: Final = frozenset("，。；：！？、”’）》")


def _centred(text: str, size: float) -> Iterator[tuple[float, str, float]]:
    most = int(_MEASURE * BODY / size)
    for start in range(0, len(text), most):
        part = text[start : start + most]
        yield 105.0 - sum(map(width, part)) * size / 2, part, size


def _broken(paragraph: str, size: float) -> Iterator[tuple[float, str, float]]:
    """Break a paragraph into lines; no line begins with a mark that closes."""
    x, room, start = _LEFT + 2 * size, _MEASURE - 2.0, 0
    while start < len(paragraph):
        end, used = start, 0.0
        while end < len(paragraph) and used + width(paragraph[end]) <= room:
            used += width(paragraph[end])
            end += 1
        while start + 1 < end < len(paragraph) and _holds(paragraph, end):
            end -= 1
        yield x, paragraph[start:end], size
        x, room, start = _LEFT, float(_MEASURE), end


def _holds(text: str, at: int) -> bool:
    """Tell a place where no line may break: before a closing mark, within a Latin word."""
    before, after = text[at - 1], text[at]
    return after in _HANGING or before in "“‘（《" or (max(before, after) < "\x80")


class _Writer:
    def __init__(self, style: Style) -> None:
        self._style = style
        self._prefix = f"{style.prefix}:" if style.prefix else ""
        self._files: dict[str, bytes] = {}
        self._id = 0
        self._media: list[tuple[int, str]] = []
        self._folder = ""

    def write(self, volumes: Sequence[Volume]) -> bytes:
        bodies = "".join(self._volume(at, volume) for at, volume in enumerate(volumes))
        self._put("OFD.xml", "OFD", bodies, ' Version="1.0" DocType="OFD"')
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in self._files.items():
                archive.writestr(name, data)
        return buffer.getvalue()

    def _volume(self, at: int, volume: Volume) -> str:
        self._folder, self._media = f"Doc_{at}", []
        templates = [self._template(number, items) for number, items in enumerate(volume.templates)]
        ids = [self._page(number, sheet, templates) for number, sheet in enumerate(volume.pages)]
        common = self._tag("PageArea", self._tag("PhysicalBox", f"0 0 {A4[0]} {A4[1]}"))
        common += self._resources(volume)
        for number, template in enumerate(templates):
            common += self._tag(
                "TemplatePage", ID=template, BaseLoc=self._loc(f"Tpls/{number}.xml")
            )
        pages = "".join(
            self._tag("Page", ID=page, BaseLoc=self._loc(f"Pages/Page_{number}/Content.xml"))
            for number, page in enumerate(ids)
        )
        inside = self._tag("CommonData", common) + self._tag("Pages", pages)
        inside += self._outlines(volume, ids) + self._annotations(volume, ids)
        inside += self._attachments(volume)
        self._put(f"{self._folder}/Document.xml", "Document", inside)
        info = self._tag("DocInfo", self._tag("Title", escape(volume.title)))
        root = f"{'/' if self._style.absolute else ''}{self._folder}/Document.xml"
        return self._tag("DocBody", info + self._tag("DocRoot", root) + self._signatures(volume))

    def _resources(self, volume: Volume) -> str:
        if not self._media and not volume.resources:
            return ""
        media = "".join(
            self._tag("MultiMedia", self._tag("MediaFile", name), ID=number, Type="Image")
            for number, name in self._media
        )
        inside = self._tag("MultiMedias", media) + volume.resources.replace("{p}", self._prefix)
        self._put(f"{self._folder}/DocumentRes.xml", "Res", inside, ' BaseLoc="Res"')
        return self._tag("DocumentRes", self._loc("DocumentRes.xml"))

    def _template(self, number: int, items: Sequence[Item]) -> int:
        content = self._tag("Content", self._tag("Layer", self._items(items)))
        self._put(f"{self._folder}/Tpls/{number}.xml", "Page", content)
        return self._next()

    def _page(self, number: int, sheet: Sheet, templates: Sequence[int]) -> int:
        inside = "".join(self._tag("Template", TemplateID=templates[at]) for at in sheet.templates)
        if sheet.size is not None:
            box = f"0 0 {sheet.size[0]} {sheet.size[1]}"
            inside += self._tag("Area", self._tag("PhysicalBox", box))
        layer = self._tag("Layer", self._items(sheet.items), ID=self._next(), Type="Body")
        inside += self._tag("Content", layer)
        self._put(f"{self._folder}/Pages/Page_{number}/Content.xml", "Page", inside)
        return self._next()

    def _items(self, items: Sequence[Item]) -> str:
        return "".join(self._item(item) for item in items)

    def _item(self, item: Item) -> str:
        match item:
            case Text():
                return "".join(self._texts(item))
            case Rule():
                return self._rule(item)
            case Picture():
                return self._picture(item)
            case Raw():
                return item.xml.replace("{p}", self._prefix)

    def _texts(self, text: Text) -> Iterator[str]:
        if self._style.deltas == "each" and not text.downwards and not text.turn:
            for char, (x0, _) in zip(text.text, text.edges(), strict=True):
                yield self._text(Text(x0, text.y, char, text.size))
        else:
            yield self._text(text)

    def _text(self, text: Text) -> str:
        size, scale = text.size, 1.0
        if self._style.deltas == "scaled":
            size, scale = 1.0, text.size
        above = 0.0 if text.turn else size
        code = self._tag("TextCode", escape(text.text), X=0, Y=_short(above), **self._steps(text))
        length = max(sum(map(width, text.text)) * text.size, text.size)
        box = (text.x, text.y - above * scale, length, text.size)
        a, b = _TURNS[text.turn]
        ctm = {"CTM": _list(a * scale, b * scale, -b * scale, a * scale, 0, 0)}
        return self._tag(
            "TextObject",
            code,
            ID=self._next(),
            Boundary=_list(*box),
            Font=1,
            Size=_short(size),
            **(ctm if scale != 1 or text.turn else {}),
        )

    def _steps(self, text: Text) -> dict[str, object]:
        """Return the attribute with the steps from each character to the next."""
        if self._style.deltas == "none" and not text.downwards and not text.spacing:
            return {}
        scale = text.size if self._style.deltas == "scaled" else 1.0
        wide = [1.0 if text.downwards else width(char) for char in text.text[:-1]]
        steps = [(share * text.size + text.spacing) / scale for share in wide]
        written = _runs(steps) if self._style.deltas == "runs" else _list(*steps)
        return {"DeltaY" if text.downwards else "DeltaX": written} if steps else {}

    def _rule(self, rule: Rule) -> str:
        x, y = min(rule.x0, rule.x1), min(rule.y0, rule.y1)
        data = f"M {_list(rule.x0 - x, rule.y0 - y)} L {_list(rule.x1 - x, rule.y1 - y)}"
        box = _list(x, y, max(rule.x0, rule.x1) - x, max(rule.y0, rule.y1) - y)
        path = self._tag("AbbreviatedData", data)
        return self._tag("PathObject", path, ID=self._next(), Boundary=box, LineWidth=0.25)

    def _picture(self, picture: Picture) -> str:
        number = self._next()
        name = f"image_{number}.{picture.extension}"
        self._media.append((number, name))
        self._files[f"{self._folder}/Res/{name}"] = picture.data
        box = _list(picture.x, picture.y, picture.width, picture.height)
        ctm = _list(picture.width, 0, 0, picture.height, 0, 0)
        return self._tag("ImageObject", ID=self._next(), Boundary=box, CTM=ctm, ResourceID=number)

    def _outlines(self, volume: Volume, ids: Sequence[int]) -> str:
        """Write the bookmarks, each below the last one of a higher level."""
        written, open_levels = "", 0
        for title, page, level in volume.outlines:
            while open_levels >= level:
                written += f"</{self._prefix}OutlineElem>"
                open_levels -= 1
            dest = self._tag("Dest", Type="XYZ", PageID=ids[page - 1], Left=0, Top=0)
            action = self._tag("Action", self._tag("Goto", dest), Event="CLICK")
            written += f"<{self._prefix}OutlineElem Title={quoteattr(title)}>"
            written += self._tag("Actions", action)
            open_levels += 1
        written += f"</{self._prefix}OutlineElem>" * open_levels
        return self._tag("Outlines", written) if written else ""

    def _annotations(self, volume: Volume, ids: Sequence[int]) -> str:
        if not volume.annotations:
            return ""
        look = self._tag("Appearance", self._items(volume.annotations), Boundary="0 0 210 297")
        annotation = self._tag("Annot", look, ID=self._next(), Type="Watermark")
        self._put(f"{self._folder}/Annots/Page_0.xml", "PageAnnot", annotation)
        place = self._tag("FileLoc", "Page_0.xml")
        page = self._tag("Page", place, PageID=ids[0])
        self._put(f"{self._folder}/Annots/Annotations.xml", "Annotations", page)
        return self._tag("Annotations", self._loc("Annots/Annotations.xml"))

    def _attachments(self, volume: Volume) -> str:
        if not volume.attachments:
            return ""
        items = ""
        for number, (name, data) in enumerate(volume.attachments.items()):
            self._files[f"{self._folder}/Attachs/{number}.bin"] = data
            place = self._tag("FileLoc", f"{number}.bin")
            items += self._tag("Attachment", place, ID=number, Name=name)
        self._put(f"{self._folder}/Attachs/Attachments.xml", "Attachments", items)
        return self._tag("Attachments", self._loc("Attachs/Attachments.xml"))

    def _signatures(self, volume: Volume) -> str:
        if not volume.signatures:
            return ""
        items = "".join(
            self._tag("Signature", ID=number, Type="Seal", BaseLoc=f"Sign_{number}/Signature.xml")
            for number in range(volume.signatures)
        )
        self._put(f"{self._folder}/Signs/Signatures.xml", "Signatures", items)
        return self._tag("Signatures", f"/{self._folder}/Signs/Signatures.xml")

    def _put(self, name: str, root: str, inside: str, attributes: str = "") -> None:
        style = self._style
        bound = f":{style.prefix}" if style.prefix else ""
        declared = f' xmlns{bound}="{style.namespace}"' if style.namespace is not None else ""
        tag = f"{self._prefix}{root}"
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?><{tag}{declared}{attributes}>{inside}</{tag}>'
        )
        self._files[name] = text.encode()

    def _tag(self, name: str, inside: str = "", **attributes: object) -> str:
        written = "".join(f" {key}={quoteattr(str(value))}" for key, value in attributes.items())
        return f"<{self._prefix}{name}{written}>{inside}</{self._prefix}{name}>"

    def _loc(self, place: str) -> str:
        return f"/{self._folder}/{place}" if self._style.absolute else place

    def _next(self) -> int:
        self._id += 1
        return self._id


_TURNS: Final = {0: (1.0, 0.0), 90: (0.0, 1.0), 180: (-1.0, 0.0), 270: (0.0, -1.0)}


def _list(*values: float) -> str:
    return " ".join(map(_short, values))


def _short(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _runs(steps: Sequence[float]) -> str:
    """Write equal steps that follow each other as `g count step`."""
    words: list[str] = []
    at = 0
    while at < len(steps):
        end = at
        while end < len(steps) and steps[end] == steps[at]:
            end += 1
        count = end - at
        words.append(f"g {count} {_short(steps[at])}" if count > 1 else _short(steps[at]))
        at = end
    return " ".join(words)
