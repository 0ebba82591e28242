"""The recognition engine: PP-OCR models on ONNX Runtime, through rapidocr, offline.

The models come with the package rapidocr; their paths are given to it, so that it never looks for
them elsewhere. Each page is read by one thread: two pages on two cores are faster than one page
on both.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from extractor.errors import MissingToolError
from extractor.formats import ocr_picture as picture_of
from extractor.formats.ocr_marks import mended
from extractor.formats.ocr_picture import Boxes, Picture
from extractor.formats.ocr_places import place_characters
from extractor.formats.ocr_recognition import INSTALL, Piece, Recognition
from extractor.formats.pdf_drawing import Edge
from models.onnx_runtime import forbid_telemetry

_DETECTED_SIDE: Final = 960
# Confidences.
_LEGIBLE: Final = 0.5  # below, it is no text: a photograph, a stamp, a scrawl
_DOUBTFUL: Final = 0.8
# Pixels, of the height that the recogniser reads lines in.
_LINE_HEIGHT: Final = 48
_MOST_READ: Final = 400_000  # ten full pages of print
# Counts.
_SAMPLE: Final = 4
_SAMPLED: Final = 8  # heights of the line
_BATCH: Final = 1  # lines in a batch are padded to the longest of them, which costs more


def load_engine() -> PageReader:
    """Return the engine with its models loaded.

    Raises:
        MissingToolError: the installed rapidocr has no models.
    """
    forbid_telemetry()
    import rapidocr

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    models = Path(rapidocr.__file__).parent / "models"
    settings: dict[str, object] = {
        "Global.log_level": "error",
        "Global.use_cls": False,
        "Global.text_score": 0.0,
        "Global.max_side_len": 1 << 20,  # pictures come in the right size
        "Global.return_word_box": True,
        "Det.limit_side_len": _DETECTED_SIDE,
        "Det.limit_type": "max",
        "Det.model_path": _model(models, "det"),
        "Rec.model_path": _model(models, "rec"),
        "Rec.rec_batch_num": _BATCH,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    return PageReader(
        rapidocr.RapidOCR(params={**settings, "Global.use_rec": False}),
        rapidocr.RapidOCR(params={**settings, "Global.use_det": False}),
    )


def _model(folder: Path, task: str) -> str:
    found = sorted(folder.glob(f"*_{task}_*.onnx"))
    if not found:
        raise MissingToolError(f"识别组件不完整：rapidocr 里没有 {task} 模型。{INSTALL}。")
    return str(found[-1])


class PageReader:
    """Reads the picture of a page with a detector of lines and a recogniser of characters."""

    def __init__(self, detector: Any, recognizer: Any) -> None:
        """Keep the two; both load their models on first use."""
        self._detector = detector
        self._recognizer = recognizer
        # Detection needs 200 MiB for a moment: one page at a time, while others are recognised.
        self._detecting = threading.Lock()
        blank = np.full((64, 64, 3), 255, dtype=np.uint8)
        detector(blank)
        recognizer.recognize_txt([blank])

    def read(self, picture: Picture, points: float) -> Recognition:
        """Read a picture: rows of RGB pixels, each `points` wide and high."""
        grey = picture_of.without_seals(picture)
        boxes = self._detect(grey)
        turn = 0
        if picture_of.stands_sideways(boxes):
            turn, grey = 90, np.ascontiguousarray(np.rot90(grey, -1))
            boxes = self._detect(grey)
        skew = picture_of.skew_of(boxes)
        if skew:
            grey, boxes = picture_of.levelled(grey, boxes, skew)
        if self._is_upside_down(grey, boxes):
            turn, grey = turn + 180, np.ascontiguousarray(grey[::-1, ::-1])
            boxes = picture_of.turned_over(boxes, grey)
        upright, level = picture_of.ruling_lines(grey, boxes)
        rows = picture_of.level_boxes(boxes, grey, upright)
        found, is_cut = self._recognize(grey, rows)
        pieces = [_scaled(piece, points) for piece in found if piece.confidence >= _LEGIBLE]
        return Recognition(
            tuple(pieces),
            turn % 360,
            skew,
            _in_points(upright, points),
            _in_points(level, points),
            sum(1 for piece in found if piece.confidence < _LEGIBLE),
            is_cut,
        )

    def _detect(self, grey: Picture) -> Boxes:
        """Return the corners of each line: upper left, upper right, lower right, lower left."""
        parts = []
        for x, y, tile in picture_of.tiles(grey):
            rgb = np.repeat(tile[..., np.newaxis], 3, axis=2)
            with self._detecting:
                boxes = self._detector(rgb).boxes
            if boxes is not None and len(boxes):
                parts.append(np.asarray(boxes, dtype=np.float32) + np.array([x, y], np.float32))
        return np.concatenate(parts) if parts else np.empty((0, 4, 2), dtype=np.float32)

    def _is_upside_down(self, grey: Picture, boxes: Boxes) -> bool:
        """Tell it by the longest lines: they are hard to read now, and easier the other way."""
        rows = picture_of.level_boxes(boxes, grey, [])
        sample = sorted(rows, key=lambda row: row[0] - row[2])[:_SAMPLE]
        sample = [(x0, y0, min(x1, x0 + _SAMPLED * (y1 - y0)), y1) for x0, y0, x1, y1 in sample]
        crops = [_crop(grey, row) for row in sample[:1]]
        if not crops or self._sureness(crops) >= _DOUBTFUL:
            return False
        crops = [_crop(grey, row) for row in sample]
        over = [np.ascontiguousarray(crop[::-1, ::-1]) for crop in crops]
        return self._sureness(over) > self._sureness(crops)

    def _sureness(self, crops: Sequence[Picture]) -> float:
        return float(np.mean(self._recognizer.recognize_txt(crops).scores))

    def _recognize(
        self, grey: Picture, rows: Sequence[tuple[int, int, int, int]]
    ) -> tuple[list[Piece], bool]:
        """Return the pieces of these boxes, and whether the page holds more than is read."""
        pieces: list[Piece] = []
        read = 0.0
        for row in rows:
            x0, top, x1, bottom = row
            read += _LINE_HEIGHT * (x1 - x0) / (bottom - top)
            if read > _MOST_READ:
                return pieces, True
            result = self._recognizer.recognize_txt([_crop(grey, row)])
            text, confidence = mended(result.txts[0]), result.scores[0]
            if text.strip():
                words = result.word_results[0]
                columns = [column for part in words.word_cols for column in part]
                left, right = place_characters(text, columns, words.line_txt_len, x0, x1)
                pieces.append(Piece(text, left, right, top, bottom, float(confidence)))
        return pieces, False


def _crop(grey: Picture, row: tuple[int, int, int, int]) -> Picture:
    x0, top, x1, bottom = row
    return np.repeat(grey[top:bottom, x0:x1, np.newaxis], 3, axis=2)


def _scaled(piece: Piece, points: float) -> Piece:
    return Piece(
        piece.text,
        tuple(x * points for x in piece.left),
        tuple(x * points for x in piece.right),
        piece.top * points,
        piece.bottom * points,
        piece.confidence,
    )


def _in_points(edges: Sequence[Edge], points: float) -> tuple[Edge, ...]:
    return tuple((a * points, b * points, c * points) for a, b, c in edges)
