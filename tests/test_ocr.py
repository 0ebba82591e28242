"""Scans and pictures: what was printed comes out, where it is seen, and with how sure it is."""

from __future__ import annotations

import io
import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from api.store.document_codec import dump_document, load_document
from bench import scans
from bench.recognition import wrong_characters
from corpus import ofd_writer
from extractor import build_checklist, extract
from extractor.document import Document, Page, Span
from extractor.errors import CorruptFileError, LimitError, MissingToolError
from extractor.formats import Limits, ocr, parse
from extractor.formats.ocr_marks import mended
from extractor.formats.ocr_places import place_characters
from extractor.formats.ocr_recognition import Piece, Recognition
from extractor.formats.pdf_characters import Geometry, Line
from extractor.formats.pdf_pages import PageContent
from tests.conftest import ROOT
from tests.sample_files import A4, LEFT, TOP, Print, Sheet, pdf

needs_engine = pytest.mark.skipif(
    not ocr.is_available() or not scans.has_chinese_font(),
    reason="needs the extra `ocr` and a Chinese font",
)
TEXT = "建议由云溪县应急管理局处赵远山20万元罚款。"
SECOND = "责令停产停业整顿。"
FACTS = (
    "云溪县东川化工有限公司“3·5”爆炸事故调查报告",
    "一、对事故有关责任人员的处理建议",
    "1.赵远山，东川化工有限公司经理，对事故发生负有责任，建议由云溪县应急管理局处20万元罚款。",
)


def codes(document: Document) -> list[str]:
    return [notice.code for notice in document.warnings]


def drawn(*texts: Print, rules: Sequence[tuple[float, float, float, float]] = ()) -> Image.Image:
    """The upper third of a page with these texts and rules, at 150 dpi."""
    with pypdfium2.PdfDocument(pdf(Sheet(list(texts), rules=list(rules)))) as document:
        image: Image.Image = document[0].render(scale=150 / 72).to_pil().convert("RGB")
    return image.crop((0, 0, image.width, image.height // 3))


def strip() -> Image.Image:
    return drawn(Print(LEFT, TOP, TEXT, 14), Print(LEFT, TOP + 60, SECOND, 14))


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


# --- whole scans --------------------------------------------------------------------------------


@pytest.mark.ocr
@pytest.mark.slow
@needs_engine
@pytest.mark.parametrize(
    "wear",
    [
        pytest.param(scans.Wear(150, skew=2, noise=10, seal=True, quality=60), id="150 dpi"),
        pytest.param(scans.Wear(200, skew=-1.5, noise=10, seal=True, quality=60), id="200 dpi"),
    ],
)
def test_a_scan_gives_the_paragraphs_of_its_text(wear: scans.Wear) -> None:
    report = scans.build_report(1500)
    scan = scans.as_pdf(list(scans.pictures(report.pdf, wear)), wear.dpi)
    document = parse(scan, "扫描件.pdf")
    assert max(wrong_characters(document, report)) <= 0.5
    wanted = [line for line in report.text.split("\n") if line]
    found = set(document.text.split("\n"))
    assert sum(line in found for line in wanted) >= 0.95 * len(wanted)
    assert [f.kind for f in document.furniture] == ["page_number"] * len(report.sheets)
    assert (codes(document), document.status) == (["recognized"], "complete")
    assert all(line.confidence is not None for line in document.lines)


@pytest.mark.ocr
@needs_engine
@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF"])
def test_pictures_of_every_kind_are_read(form: str) -> None:
    document = parse(saved(strip(), form), f"a.{form.lower()}")
    assert document.text.split("\n") == [TEXT, SECOND]
    assert codes(document) == ["recognized"]


@pytest.mark.ocr
@needs_engine
def test_each_frame_of_a_tiff_is_a_page() -> None:
    data = saved(strip(), "TIFF", save_all=True, append_images=[strip()], dpi=(150, 150))
    document = parse(data, "a.tif")
    assert document.text.split("\n") == [TEXT, SECOND] * 2
    assert [page.number for page in document.pages] == [1, 2]
    assert document.pages[0].width == pytest.approx(A4[0], abs=1)
    assert document.page_of(len(document.text) - 1) == 2


@pytest.mark.ocr
@needs_engine
@pytest.mark.parametrize("turn", [0, 1.8, -1.8, 90, 180, 270])
def test_a_turned_picture_is_read_and_its_boxes_lie_on_the_print(turn: float) -> None:
    image = strip().rotate(turn, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    document = parse(saved(image, "PNG"), "a.png")
    assert document.text.split("\n") == [TEXT, SECOND]
    at = document.text.index(SECOND)
    scale = image.width / document.pages[0].width
    dark = np.asarray(image.convert("L")) < 128
    inside = 0
    for _, x0, top, x1, bottom in document.boxes(Span(at, at + len(SECOND))):
        rows = slice(max(round(top * scale), 0), round(bottom * scale) + 1)
        inside += int(dark[rows, max(round(x0 * scale), 0) : round(x1 * scale) + 1].sum())
    share = len(SECOND) / (len(SECOND) + len(TEXT))
    assert 0.6 * share < inside / dark.sum() < 1.4 * share


@pytest.mark.ocr
@needs_engine
def test_a_ruled_table_on_a_scan_is_read_cell_by_cell() -> None:
    xs, ys = [80.0, 200.0, 380.0, 500.0], [100.0, 135.0, 170.0, 205.0]
    rules = [(xs[0], y, xs[-1], y) for y in ys] + [(x, ys[0], x, ys[-1]) for x in xs]
    cells = [["姓名", "职务", "处理"], ["赵远山", "项目经理", "罚款"], ["钱明川", "安全员", "记过"]]
    texts = [
        Print(x + 8, y + 12, text, 13)
        for (y, _), row in zip(pairwise(ys), cells, strict=True)
        for (x, _), text in zip(pairwise(xs), row, strict=True)
    ]
    document = parse(saved(drawn(*texts, rules=rules), "PNG"), "a.png")
    found = {(b.row, b.column): document.quote(b.span) for b in document.blocks}
    assert found == {(r, c): t for r, row in enumerate(cells) for c, t in enumerate(row)}


@pytest.mark.ocr
@needs_engine
def test_a_mixed_document_is_recognised_page_by_page() -> None:
    file = io.BytesIO(pdf(Sheet([Print(LEFT, TOP, TEXT)])))
    scan = scans.as_pdf([drawn(Print(LEFT, TOP, SECOND, 14))], 150)
    with pypdfium2.PdfDocument(file) as mixed, pypdfium2.PdfDocument(scan) as second:
        mixed.import_pages(second)
        joined = io.BytesIO()
        mixed.save(joined)
    document = parse(joined.getvalue(), "a.pdf")
    assert document.text.split("\n") == [TEXT, SECOND]
    assert [notice.page for notice in document.warnings] == [2]
    at = document.text.index(SECOND)
    assert document.recognized(Span(0, at)) is None
    assert (document.recognized(Span(at - 2, at + 1)) or 0) > 0.9


@pytest.mark.ocr
@needs_engine
def test_no_network_is_asked_for_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    from extractor.formats import ocr_engine

    picture = np.asarray(strip())
    read = ocr_engine.load_engine().read(picture, 0.48)
    assert [piece.text for piece in read.pieces] == [TEXT, SECOND]


@pytest.mark.ocr
@needs_engine
def test_a_picture_of_noise_ends_and_gives_no_text() -> None:
    random = np.random.default_rng(7)
    noise = Image.fromarray(random.integers(0, 256, (900, 700, 3), dtype=np.uint8))
    document = parse(saved(noise, "PNG"), "a.png")
    assert len(document.text) < 20
    assert document.warnings


# --- pictures made ready ------------------------------------------------------------------------


@needs_engine
def test_a_seal_goes_and_the_text_under_it_and_a_red_letterhead_stay() -> None:
    from extractor.formats.ocr_picture import without_seals

    page = np.full((1754, 1240, 3), 255, dtype=np.uint8)
    for at in range(8):  # the letters of a red head, 18 mm high
        page[200:306, 200 + 105 * at : 290 + 105 * at] = (220, 30, 30)
    page[1200:1210, 100:1100] = 0  # a black line
    y, x = np.ogrid[:1754, :1240]
    reach = np.hypot(y - 1205, x - 800)
    ring = (reach < 124) & (reach > 112)
    page[ring] = page[ring] // 255 * np.array((215, 40, 40), dtype=np.uint8)
    grey = without_seals(page)
    assert grey[200:306, 200:290].mean() < 150
    assert grey[ring & (np.abs(y - 1205) > 8)].min() > 230
    assert grey[1203:1207, 100:1100].max() < 60


def test_lines_askew_come_back_to_where_they_were_seen() -> None:
    width, height, skew = 600.0, 800.0, math.radians(-2)  # the lines fall to the right
    content = PageContent(Page(1, width, height), Geometry(0, 0, width, height, 0), skew=skew)
    left = [50.0 + 10 * at for at in range(50)]
    line = Line("字" * 50, 1, 100.0, 112.0, left, [x + 10 for x in left], em=10.0)
    parts = content.as_shown(line)
    assert "".join(part.text for part in parts) == line.text
    for part in parts:
        x, y = (part.left[0] + part.right[-1]) / 2, (part.top + part.bottom) / 2
        # back to the level page: turned about the middle by the same angle the other way
        level = 400 - math.sin(-skew) * (x - 300) + math.cos(skew) * (y - 400)
        assert level == pytest.approx(106, abs=1e-6)
    assert parts[-1].top - parts[0].top > 10


@pytest.mark.parametrize(
    ("text", "columns", "wanted"),
    [
        pytest.param("某某某某某某", [2, 7, 12, 17, 22, 27], [0, 5, 10, 15, 20, 25], id="even"),
        pytest.param("某某某某，某", [2, 7, 12, 17, 20, 27], [0, 5, 10, 15, 20, 25], id="mark"),
        pytest.param("某 某某某某", [2, 12, 17, 22, 27], [0, 5, 10, 15, 20, 25], id="space"),
        pytest.param("", [], [], id="nothing"),
    ],
)
def test_characters_stand_where_they_were_seen(
    text: str, columns: list[int], wanted: list[int]
) -> None:
    left, right = place_characters(text, columns, 30, 100.0, 130.0)
    assert [round(x - 100) for x in left] == pytest.approx(wanted, abs=1)
    assert all(x0 <= x1 for x0, x1 in zip(left, right, strict=True))
    assert all(before <= after for before, after in pairwise(left))


@needs_engine
def test_recognition_leaves_nothing_in_the_home(tmp_path: Path) -> None:
    """ONNX Runtime would keep an identifier of the machine there and report to its maker."""
    script = "from extractor.formats import ocr; ocr.engine()"
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment = {**kept, "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], env=environment, cwd=ROOT, check=True)  # noqa: S603
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    ("seen", "printed"),
    [
        ("管理不到位,台账不全;未参加:考核", "管理不到位，台账不全；未参加：考核"),
        ("某公司(以下简称“甲”),成立", "某公司（以下简称“甲”），成立"),
        ("青应急罚[2023]13号)。", "青应急罚〔2023〕13号）。"),
        ("[2023]13号文", "〔2023〕13号文"),
        ("青应急罚〔2023]13号", "青应急罚〔2023〕13号"),
        ("青应急罚（2023〕13号", "青应急罚〔2023〕13号"),
        ("损失1,250.5万元", "损失1,250.5万元"),
        ("14:30", "14:30"),
        ("GB 6441 (1986)", "GB 6441 (1986)"),
        ("参考文献[12]", "参考文献[12]"),
    ],
)
def test_marks_beside_chinese_are_of_full_width(seen: str, printed: str) -> None:
    assert mended(seen) == printed
    assert len(printed) == len(seen)


# --- limits, warnings and confidence, with an engine that reads nothing ------------------------


class FakeEngine:
    """Gives the same lines for each page, and keeps the sizes of the pictures."""

    def __init__(self, confidence: float = 0.99, **more: Any) -> None:
        self.sizes: list[tuple[int, ...]] = []
        self.confidence = confidence
        self.more = more

    def read(self, picture: Any, points: float) -> Recognition:
        self.sizes.append(picture.shape)
        pieces = []
        for row, text in enumerate(FACTS):
            left = tuple(80.0 + 6 * at for at in range(len(text)))
            right = tuple(x + 6 for x in left)
            top = 100.0 + 20 * row
            pieces.append(Piece(text, left, right, top, top + 7, self.confidence))
        return Recognition(tuple(pieces), **self.more)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    return use(FakeEngine(), monkeypatch)


def use(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    monkeypatch.setattr(ocr, "is_available", lambda: True)
    monkeypatch.setattr(ocr, "engine", lambda: engine)
    return engine


def blank(width: int = 60, height: int = 80) -> Image.Image:
    return Image.new("RGB", (width, height), "white")


@pytest.mark.parametrize("sides", [(14_400.0, 14_400.0), (72.0, 14_400.0), (14_400.0, 10.0)])
def test_a_huge_page_is_reduced_to_the_limit(sides: tuple[float, float], fake: FakeEngine) -> None:
    limits = Limits(max_ocr_pixels=1_000_000)
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=sides)
    canvas.drawInlineImage(blank(), 0, 0, *sides)
    canvas.save()
    document = parse(file.getvalue(), "a.pdf", limits=limits)
    height, width, _ = fake.sizes[0]
    assert height * width <= 1_100_000  # sides are rounded up
    assert "ocr_reduced" in codes(document)
    assert "max_ocr_pixels" in next(w.message for w in document.warnings if "reduced" in w.code)


def test_no_page_is_begun_after_the_time_for_recognition(fake: FakeEngine) -> None:
    scan = Sheet(picture=(0, 0, *A4))
    document = parse(pdf(*[scan] * 3), "a.pdf", limits=Limits(max_ocr_seconds=1e-9))
    assert (fake.sizes, document.text, document.status) == ([], "", "partial")
    late = next(w for w in document.warnings if w.code == "ocr_late")
    assert "第1-3页" in late.message and "max_ocr_seconds" in late.message


def test_an_ofd_of_pictures_is_recognised_page_by_page(fake: FakeEngine) -> None:
    """Letters over the picture are drawn with it; pages with text of their own keep it."""
    picture = saved(blank(600, 800), "PNG")
    scan = ofd_writer.Sheet([ofd_writer.Picture(0, 0, 210, 297, picture)])
    text = ofd_writer.Sheet([ofd_writer.Text(28, 80, "第二页有文字，不用识别，也不会改变。")])
    document = parse(ofd_writer.write_ofd(ofd_writer.Volume([scan, text, scan])), "a.ofd")
    assert len(fake.sizes) == 2
    assert fake.sizes[0] == pytest.approx((297 / 25.4 * 200, 210 / 25.4 * 200, 3), abs=1)
    assert document.text.split("\n").count(FACTS[0]) == 2
    assert (codes(document), document.status) == (["recognized"], "complete")
    assert document.recognized(Span(0, 4)) == 0.99
    at = document.text.index("第二页")
    assert (document.page_of(at), document.recognized(Span(at, at + 3))) == (2, None)


def test_pages_over_the_limit_are_named_and_left(fake: FakeEngine) -> None:
    scan = Sheet(picture=(0, 0, *A4))
    document = parse(pdf(*[scan] * 5), "a.pdf", limits=Limits(max_ocr_pages=3))
    assert len(fake.sizes) == 3
    assert document.status == "partial"
    skipped = next(w for w in document.warnings if w.code == "ocr_skipped")
    assert skipped.page == 4
    assert "第4-5页" in skipped.message
    assert "max_ocr_pages" in skipped.message


def test_a_picture_with_too_many_pixels_is_refused_unread(fake: FakeEngine) -> None:
    with pytest.raises(LimitError, match="max_pixels"):
        parse(saved(blank(), "PNG"), "a.png", limits=Limits(max_pixels=4000))
    data = saved(blank(), "TIFF", save_all=True, append_images=[blank(900, 900)])
    document = parse(data, "a.tif", limits=Limits(max_pixels=5000))
    assert (codes(document), document.status) == (["recognized", "page_too_large"], "partial")
    assert len(fake.sizes) == 1


def test_too_many_frames_are_refused(fake: FakeEngine) -> None:
    data = saved(blank(), "TIFF", save_all=True, append_images=[blank()] * 3)
    with pytest.raises(LimitError, match="max_pages"):
        parse(data, "a.tif", limits=Limits(max_pages=3))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.6])
@pytest.mark.usefixtures("fake")
def test_a_torn_picture_is_refused_or_read_in_part(form: str, share: float) -> None:
    data = saved(strip(), form)
    try:
        document = parse(data[: max(int(len(data) * share), 16)], "a")
    except CorruptFileError as error:
        assert "请" in error.message
    else:
        assert document.warnings


def test_without_the_packages_a_picture_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ocr, "is_available", lambda: False)
    with pytest.raises(MissingToolError) as caught:
        parse(saved(blank(), "PNG"), "a.png")
    assert "pip install 'hecha[ocr]'" in caught.value.message


def test_an_engine_that_does_not_start_leaves_the_other_pages_readable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> FakeEngine:
        raise RuntimeError("no memory")

    monkeypatch.setattr(ocr, "is_available", lambda: True)
    monkeypatch.setattr(ocr, "engine", broken)
    document = parse(pdf(Sheet([Print(LEFT, TOP, TEXT)]), Sheet(picture=(0, 0, *A4))), "a.pdf")
    assert (document.text, document.status) == (TEXT, "partial")
    assert codes(document) == ["no_text_layer"]
    assert "启动失败（RuntimeError）" in document.warnings[0].message


def test_a_page_that_recognition_does_not_survive_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Weak(FakeEngine):
        def read(self, picture: Any, points: float) -> Recognition:
            if len(self.sizes) == 1:
                self.sizes.append(picture.shape)
                raise RuntimeError
            return super().read(picture, points)

    monkeypatch.setattr("os.cpu_count", lambda: 1)
    use(Weak(), monkeypatch)
    document = parse(pdf(*[Sheet(picture=(0, 0, *A4))] * 3), "a.pdf")
    assert document.text.split("\n").count(FACTS[0]) == 2
    assert (codes(document), document.status) == (["recognized", "ocr_failed"], "partial")
    assert document.warnings[1].page == 2


@pytest.mark.parametrize(
    ("engine", "code", "status"),
    [
        pytest.param(FakeEngine(0.7), "ocr_uncertain", "complete", id="uncertain lines"),
        pytest.param(FakeEngine(dropped=2), "ocr_illegible", "complete", id="illegible lines"),
        pytest.param(FakeEngine(is_cut=True), "ocr_cut", "partial", id="too much on a page"),
    ],
)
def test_what_recognition_leaves_open_is_said(
    engine: FakeEngine, code: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(engine, monkeypatch)
    document = parse(pdf(Sheet(picture=(0, 0, *A4))), "a.pdf")
    assert (codes(document), document.status) == (["recognized", code], status)


def test_facts_of_uncertain_lines_are_flagged_and_less_sure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {}
    for confidence in (0.99, 0.7):
        use(FakeEngine(confidence), monkeypatch)
        penalty = extract(parse(saved(blank(), "PNG"), "a.png")).penalties[0]
        found[confidence] = penalty
    assert "ocr_uncertain" not in found[0.99].flags
    assert "ocr_uncertain" in found[0.7].flags
    assert found[0.7].confidence < found[0.99].confidence


def test_a_row_of_the_checklist_says_that_its_line_was_hard_to_recognise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hints = {}
    for confidence in (0.99, 0.7):
        use(FakeEngine(confidence), monkeypatch)
        document = parse(saved(blank(), "PNG"), "a.png")
        (row,) = build_checklist([(document, extract(document))]).accountability
        hints[confidence] = [hint[:3] for hint in row.hints]
    assert "[r]" not in hints[0.99]
    assert "[r]" in hints[0.7]


def test_the_confidence_of_lines_is_stored(fake: FakeEngine) -> None:
    document = parse(saved(blank(), "PNG"), "a.png")
    assert document.lines[0].confidence == pytest.approx(0.99)
    assert load_document(dump_document(document)) == document


def test_pages_come_in_order_and_some_at_a_time() -> None:
    busy, most = 0, 0
    lock = threading.Lock()

    class Slow(FakeEngine):
        def read(self, picture: Any, points: float) -> Recognition:
            nonlocal busy, most
            with lock:
                busy += 1
                most = max(most, busy)
            time.sleep(0.05 if picture == 1 else 0.02)
            with lock:
                busy -= 1
            return Recognition((), turn=picture)

    def drawn_but_for_one(number: int) -> tuple[Any, float]:
        if number == 2:
            raise RuntimeError
        return number, 1.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ocr, "engine", Slow)
        some = dict(ocr.recognize([1, 2, 3], drawn_but_for_one))
        assert [recognition is None for recognition in some.values()] == [False, True, False]
        patch.setattr("os.cpu_count", lambda: 2)
        done = list(ocr.recognize([1, 2, 3, 4], lambda number: (number, 1.0)))
    assert [number for number, _ in done] == [1, 2, 3, 4]
    assert [recognition and recognition.turn for _, recognition in done] == [1, 2, 3, 4]
    assert most == 2
