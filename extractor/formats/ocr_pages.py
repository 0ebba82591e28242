"""Pages that are read by recognition: their content, and what to tell of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from extractor.document import UNCERTAIN, DocumentBuilder, Page
from extractor.formats.limits import Limits
from extractor.formats.ocr import DPI, recognize
from extractor.formats.ocr_recognition import Recognition
from extractor.formats.ocr_text import RecognizedText, drawing_of
from extractor.formats.pdf_findings import PagesNotice, page_list
from extractor.formats.pdf_pages import PageContent, fill
from extractor.formats.pdf_tables import RuledTables

_MANY_UNCERTAIN: Final = 0.1  # of the lines of a page
_POINTS: Final = 72


@dataclass(slots=True)
class Recognized:
    """Pages (from 1) that were given to recognition, by what came of them."""

    read: list[int] = field(default_factory=list)
    empty: list[int] = field(default_factory=list)
    uncertain: list[int] = field(default_factory=list)
    illegible: list[int] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    reduced: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    def warn(self, builder: DocumentBuilder, limits: Limits) -> None:
        """Say in the document which pages were recognised, and which of them to check."""
        found: tuple[PagesNotice, ...] = (
            (self.read, "recognized", _READ, False),
            (self.empty, "ocr_empty", _EMPTY, True),
            (self.uncertain, "ocr_uncertain", _UNCERTAIN_LINES, False),
            (self.illegible, "ocr_illegible", _ILLEGIBLE, False),
            (self.cut, "ocr_cut", _CUT, True),
            (self.reduced, "ocr_reduced", _REDUCED.format(limits.max_ocr_pixels), False),
            (self.skipped, "ocr_skipped", _SKIPPED.format(limits.max_ocr_pages), True),
            (self.failed, "ocr_failed", _FAILED, True),
            (self.late, "ocr_late", _LATE.format(limits.max_ocr_seconds), True),
        )
        for numbers, code, message, partial in found:
            if numbers:
                where = f"第{page_list(sorted(numbers))}页"
                builder.warn(code, f"{where}{message}", page=min(numbers), partial=partial)


def best_dpi(width: float, height: float, limits: Limits) -> tuple[float, bool]:
    """Return the dots an inch for a page of this size in points, and whether they are reduced."""
    most = math.sqrt(limits.max_ocr_pixels * _POINTS**2 / max(width * height, 1.0))
    return (most, True) if most < DPI else (float(DPI), False)


def recognize_pages(
    contents: Sequence[PageContent],
    numbers: Sequence[int],
    render: Callable[[int, float], tuple[Any, float]],
    limits: Limits,
) -> Recognized:
    """Fill the contents of these pages (numbers from 1) with what is recognised.

    To be called between `judge_pages` and `write_pages`; what was there before is let go.

    `render` gives the picture of a page as a viewer shows it, at so many dots an inch at most, and
    the points a pixel. Pages over `limits.max_ocr_pages`, and those that are not begun within
    `limits.max_ocr_seconds`, are left as they are.
    """
    deadline = monotonic() + limits.max_ocr_seconds
    outcome = Recognized(skipped=list(numbers[limits.max_ocr_pages :]))
    tables = RuledTables()

    def picture(number: int) -> tuple[Any, float]:
        dpi, is_reduced = best_dpi(*contents[number - 1].shown_size, limits)
        if is_reduced:
            outcome.reduced.append(number)
        return render(number, dpi)

    def in_time() -> Iterator[int]:
        for number in numbers[: limits.max_ocr_pages]:
            if monotonic() < deadline:
                yield number
            else:
                outcome.late.append(number)

    for number, recognition in recognize(in_time(), picture):
        if recognition is None:
            outcome.failed.append(number)
            continue
        _put(contents[number - 1], recognition, tables)
        _judge(number, recognition, outcome)
    read = [contents[number - 1] for number in (*outcome.read, *outcome.empty)]
    fill(sorted(read, key=lambda content: content.page.number))
    for content in read:
        content.text = None
    return outcome


def _put(content: PageContent, recognition: Recognition, tables: RuledTables) -> None:
    content.geometry = content.geometry.turned(recognition.turn - content.turn)
    content.turn, content.skew = recognition.turn, recognition.skew
    content.page = Page(content.page.number, *content.geometry.size)
    content.text = RecognizedText(recognition)
    content.drawing = drawing_of(recognition)
    content.grid = tables.find(content.drawing) or ()


def _judge(number: int, recognition: Recognition, outcome: Recognized) -> None:
    pieces = recognition.pieces
    (outcome.read if pieces else outcome.empty).append(number)
    doubtful = sum(1 for piece in pieces if piece.confidence < UNCERTAIN)
    if doubtful > _MANY_UNCERTAIN * len(pieces):
        outcome.uncertain.append(number)
    if recognition.dropped:
        outcome.illegible.append(number)
    if recognition.is_cut:
        outcome.cut.append(number)


_READ = "没有可用的文字，由图像识别（OCR）读出，可能有错字。姓名、金额、文号请对照图像核对。"
_EMPTY = (
    "是图像，没有识别出文字。如果上面有字，请用更高的清晰度（200 dpi 以上）重新扫描，"
    "或向出文单位索取文字版。"
)
_UNCERTAIN_LINES = (
    "有较多文字识别把握不大，请逐行对照图像核对；图像模糊时，请用 200 dpi 以上重新扫描。"
)
_ILLEGIBLE = "有些图像里的字迹无法辨认（多为照片、印章、签名），没有收入正文，请对照原件。"
_CUT = "的字太多，超过一页识别的上限，后面的没有读取。请把这一页分成几页后再扫描。"
_REDUCED = (
    "的图像过大，已缩小到 {:,} 像素后识别，小字可能认不出。"
    "请分成几页后再读，或让管理员调大解析限额 max_ocr_pixels（设置 HECHA_LIMITS）。"
)
_SKIPPED = (
    "是图像，一份文件最多识别 {:,} 页，这些页的内容没有读取。"
    "请拆分文件后再读，或让管理员调大解析限额 max_ocr_pages（设置 HECHA_LIMITS）。"
)
_FAILED = "识别时出错，没有读取。请用 200 dpi 重新扫描这些页，或向出文单位索取文字版。"
_LATE = (
    "是图像，识别一份文件最多用 {:g} 秒，这些页的内容没有读取。"
    "请拆分文件后再读，或让管理员调大解析限额 max_ocr_seconds（设置 HECHA_LIMITS）。"
)
