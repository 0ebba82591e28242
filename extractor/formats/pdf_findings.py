"""What is wrong with the pages of a file of fixed layout, and how it is told to people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from extractor.document import DocumentBuilder, NoticeCode
from extractor.formats.pdf_pages import PageContent

_SPARSE: Final = 12  # characters: a stamped page number is no text layer
_PICTURE_PAGE: Final = 0.5
_FULL_PAGE: Final = 0.8
_GARBAGE: Final = 0.3
_FOREIGN: Final = 0.4
_FEWEST: Final = 20
_SIGNS: Final = frozenset("!\"#$&';<=>?@[\\]^`{|}~")
MOST_NAMES: Final = 20
"""Of a list in a warning."""
_LONGEST_NAME: Final = 60
TABLES_LOST: Final = (
    "的表格线过多或已损坏，没有识别出表格，已按普通文字读取，各格的内容可能连在一起。"
    "请对照原件核对，或向出文单位索取 Word 版。"
)


PagesNotice: TypeAlias = tuple[Sequence[int], NoticeCode, str, bool]
"""Page numbers, code, message, and whether something could not be read."""


@dataclass(slots=True)
class Findings:
    """Pages (from 1) with something to warn of.

    Those of `no_text` and `broken` have no lines: their text must come from their picture.
    """

    unreadable: list[int] = field(default_factory=list)
    no_text: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    scanned: list[int] = field(default_factory=list)
    tables_lost: list[int] = field(default_factory=list)


def judge_pages(contents: Sequence[PageContent], findings: Findings) -> None:
    """Note what is wrong with the text of each page, and let go of its characters.

    Garbage is no text: its lines are taken out, and the page is as a scan.
    """
    for content in contents:
        judge_page(content, findings)
        content.text = None


def judge_page(content: PageContent, findings: Findings) -> None:
    """Note what is wrong with the text of a page that has been filled."""
    text, drawing, number = content.text, content.drawing, content.page.number
    if text is None:
        return
    runs = (*text.runs, *text.sideways)
    visible = "".join("".join(text.text[run.start : run.end].split()) for run in runs)
    if len(visible) < _SPARSE:
        drawn = drawing.picture_share >= _PICTURE_PAGE
        is_bare = not text.text.strip()
        if drawn or (is_bare and (drawing.picture_share or drawing.paths)):
            findings.no_text.append(number)
    elif _is_garbage(visible) or text.unmapped > _GARBAGE:
        findings.broken.append(number)
        content.lines, content.sideways, content.cells = [], [], []
    elif drawing.picture_share >= _FULL_PAGE:
        findings.scanned.append(number)


def _is_garbage(visible: str) -> bool:
    """Tell a text layer whose characters are not those that are printed.

    Characters without a meaning (private use, U+FFFD) show it, and so does a mass of ideographs
    outside GB 2312, whose 6763 make up nearly all of a Chinese text, or of signs between letters.
    """
    if len(visible) < _FEWEST:
        return False
    lost = sum(1 for char in visible if char == "\ufffd" or "\ue000" <= char <= "\uf8ff")
    ideographs = [char for char in visible if "\u3400" <= char <= "\u9fff"]
    known = len("".join(ideographs).encode("gb2312", errors="ignore")) // 2
    rare = len(ideographs) - known
    signs = sum(1 for char in visible if char in _SIGNS or "\u0080" <= char <= "\u00bf")
    if not ideographs and signs > _GARBAGE * len(visible):
        return True
    return lost > _GARBAGE * len(visible) or rare > _FOREIGN * max(len(ideographs), _FEWEST)


def warn_of_pages(found: Iterable[PagesNotice], pages: int, builder: DocumentBuilder) -> None:
    """Warn of what was found; `pages` is how many the file has."""
    for numbers, code, message, partial in found:
        if numbers:
            where = f"全部 {pages} 页" if len(numbers) == pages else f"第{page_list(numbers)}页"
            builder.warn(code, f"{where}{message}", page=numbers[0], partial=partial)


def warn_of_attachments(count: int, names: Sequence[str], builder: DocumentBuilder) -> None:
    """Warn of attached files, which are not read; `names` are the first of their names."""
    if count:
        builder.warn(
            "attachments_not_read",
            f"文件带有 {count} 个附件，没有读取：{name_list(names, count)}。"
            "需要时请用阅读软件打开，把附件另存后单独上传。",
        )


def name_list(names: Sequence[str], count: int | None = None) -> str:
    """Write names for people, twenty at most; `count` is how many there are in all."""
    short = ["".join(name.split())[:_LONGEST_NAME] or "未命名" for name in names[:MOST_NAMES]]
    shown = "、".join(short)
    return f"{shown}等" if (count or len(names)) > MOST_NAMES else shown


def page_list(numbers: Sequence[int]) -> str:
    """Write page numbers for people: 1-3、5."""
    parts: list[str] = []
    first = last = numbers[0]
    for number in [*numbers[1:], 0]:
        if number == last + 1:
            last = number
            continue
        parts.append(str(first) if first == last else f"{first}-{last}")
        first = last = number
    return "、".join(parts)
