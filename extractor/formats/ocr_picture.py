"""The picture of a page made ready for recognition: seals, skew, tiles, ruling lines.

A picture is a numpy array of rows of pixels: RGB as it comes, grey once seals are out of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from extractor.formats.pdf_drawing import Edge

Picture = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]
"""The corners of lines: `(count, 4, 2)`; upper left, upper right, lower right, lower left."""

# Pixels.
_TILE: Final = 2600  # a page of A4 at 200 dots an inch has 2339 rows
_SMALL_SIDE: Final = 620
_WHITE: Final = 255
# Levels of grey.
_RED: Final = 45
_INK_TONE: Final = 25  # per cent of the red pixels of a seal are darker: text, and its edges
# Shares of the shorter side of the page, which is 210 mm for A4.
_SEAL_HEIGHT: Final = 0.13  # 27 mm; the letters of a red head are 22 mm at most
_SEAL_WIDTH: Final = 0.05  # a seal over the edges of the sheets shows only a part
_NAME_SEAL: Final = (0.07, 0.13)  # the square seal of a person
_LONGEST_UPRIGHT: Final = 0.045
_LONGEST_LEVEL: Final = 0.08
_THICKEST: Final = 0.006
# Other shares.
_RED_SHEET: Final = 0.5
_LOWER_HALF: Final = 0.45
# Radians.
_LEAST_SKEW: Final = math.radians(0.12)
_MOST_SKEW: Final = math.radians(20)
_LONG: Final = 6  # times as wide as high: a box that shows the slope of its line
_TALL: Final = 1.5
_STROKE: Final = 1.1
_MOST_EDGES: Final = 2000


def without_seals(picture: Picture) -> Picture:
    """Return the grey picture in which red seals are gone and the black text under them is left.

    Red ink is nearly as light as paper in the red channel, and as light once that is brightened.
    Only seals are read so: a red letterhead would be lost in it.
    """
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    for x0, y0, x1, y1 in _seals(picture):
        part = picture[y0:y1, x0:x1]
        red = part[..., 0]
        ink = red[_redness(part) > _RED]
        lightest = max(float(np.percentile(ink, _INK_TONE)) if ink.size else _WHITE, 1.0)
        scaled = red.astype(np.float32) * (_WHITE / lightest)
        grey[y0:y1, x0:x1] = np.minimum(scaled, _WHITE).astype(np.uint8)
    return grey


def _redness(picture: Picture) -> npt.NDArray[np.int16]:
    """Return by how much the red of each pixel is over its green and blue."""
    redness: npt.NDArray[np.int16] = picture[..., 0].astype(np.int16)
    redness -= picture[..., 1:].max(axis=2)
    return redness


def _seals(picture: Picture) -> Iterator[tuple[int, int, int, int]]:
    """Yield the box of each red patch that has the size of a seal."""
    height, width = picture.shape[:2]
    scale = _SMALL_SIDE / min(height, width)
    small: Picture = picture
    if scale < 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        reduced = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        small = np.asarray(reduced, dtype=np.uint8)
    else:
        scale = 1.0
    mask = (_redness(small) > _RED).astype(np.uint8)
    if not mask.any():
        return
    reach = max(round(min(small.shape[:2]) * 0.012), 1)
    grown = cv2.dilate(mask, np.ones((reach, reach), dtype=np.uint8))
    _, _, patches, _ = cv2.connectedComponentsWithStats(grown)
    for x, y, wide, high, area in patches[1:].tolist():
        if area > _RED_SHEET * mask.size or not _is_seal(wide, high, y, small.shape):
            continue
        x0, y0 = math.floor((x - reach) / scale), math.floor((y - reach) / scale)
        x1, y1 = math.ceil((x + wide + reach) / scale), math.ceil((y + high + reach) / scale)
        yield max(x0, 0), max(y0, 0), x1, y1


def _is_seal(wide: int, high: int, y: int, shape: Sequence[int]) -> bool:
    side = min(shape[:2])
    if high >= _SEAL_HEIGHT * side and wide >= _SEAL_WIDTH * side:
        return True
    least, most = (share * side for share in _NAME_SEAL)
    is_square = least <= min(wide, high) and max(wide, high) <= most
    return is_square and y > _LOWER_HALF * shape[0]


def tiles(grey: Picture) -> Iterator[tuple[int, int, Picture]]:
    """Yield `(x, y, part)` of a picture: itself, or parts of the size of a page if it is larger.

    Cuts go through rows and columns with little ink near the even parting.
    """
    ys = _cuts(grey, 0)
    xs = _cuts(grey, 1)
    for top, bottom in pairwise(ys):
        for left, right in pairwise(xs):
            yield left, top, grey[top:bottom, left:right]


def _cuts(grey: Picture, axis: int) -> list[int]:
    size = grey.shape[axis]
    count = math.ceil(size / _TILE)
    if count < 2:
        return [0, size]
    ink = (_WHITE - grey.mean(axis=1 - axis, dtype=np.float32)).round()
    reach = size // count // 8
    cuts = [0]
    for at in range(1, count):
        middle = at * size // count
        window = ink[middle - reach : middle + reach + 1]
        least = np.flatnonzero(window <= window.min())
        cuts.append(middle - reach + int(least[len(least) // 2]))
    return [*cuts, size]


def stands_sideways(boxes: Boxes) -> bool:
    """Tell whether most of the text runs up or down the page."""
    wide, high = _sides(boxes)
    tall = high > _TALL * wide
    return bool((high * tall).sum() > (wide * ~tall).sum())


def _sides(boxes: Boxes) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    across = np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=1)
    down = np.linalg.norm(boxes[:, 3] - boxes[:, 0], axis=1)
    return across.astype(np.float32), down.astype(np.float32)


def skew_of(boxes: Boxes) -> float:
    """Return by how many radians the lines fall to the right; 0 where that is not worth mending."""
    wide, high = _sides(boxes)
    long = boxes[wide > _LONG * high]
    if not len(long):
        return 0.0
    along = (long[:, 1] + long[:, 2] - long[:, 0] - long[:, 3]) / 2
    slopes = np.arctan2(along[:, 1], along[:, 0])
    order = np.argsort(slopes)
    weights = np.cumsum(along[order, 0])
    slope = float(slopes[order][np.searchsorted(weights, weights[-1] / 2)])
    return -slope if _LEAST_SKEW <= abs(slope) <= _MOST_SKEW else 0.0


def levelled(grey: Picture, boxes: Boxes, skew: float) -> tuple[Picture, Boxes]:
    """Return picture and boxes turned clockwise by `skew` radians about the middle."""
    height, width = grey.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -math.degrees(skew), 1.0)
    turned = cv2.warpAffine(
        grey, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(_WHITE,)
    )
    places = boxes @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2].astype(np.float32)
    return np.asarray(turned, dtype=np.uint8), places.astype(np.float32)


def turned_over(boxes: Boxes, grey: Picture) -> Boxes:
    """Return the boxes after half a turn of the picture."""
    size = np.array([grey.shape[1], grey.shape[0]], dtype=np.float32)
    return (size - boxes)[:, [2, 3, 0, 1]]


def level_boxes(
    boxes: Boxes, grey: Picture, upright: Sequence[Edge]
) -> list[tuple[int, int, int, int]]:
    """Return `(x0, top, x1, bottom)` of each line in pixels, cut where a ruling line crosses it."""
    height, width = grey.shape
    rows: list[tuple[int, int, int, int]] = []
    for corners in boxes:
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners.tolist()
        x0, x1 = max(round(min(ax, dx)), 0), min(round(max(bx, cx)), width)
        top, bottom = max(round((ay + by) / 2), 0), min(round((cy + dy) / 2), height)
        if x1 - x0 < 3 or bottom - top < 3:
            continue
        for left, right in _between(x0, x1, top, bottom, upright):
            rows.append((left, top, right, bottom))
    return rows


def _between(
    x0: int, x1: int, top: int, bottom: int, upright: Sequence[Edge]
) -> Iterator[tuple[int, int]]:
    """Yield the parts of `[x0, x1)` between the upright lines that cross a row."""
    middle, margin = (top + bottom) / 2, (bottom - top) // 3
    cuts = sorted(
        round(x)
        for x, start, end in upright
        if start <= middle <= end
        and end - start > _STROKE * (bottom - top)
        and x0 + margin < x < x1 - margin
    )
    start = x0
    for cut in cuts:
        if cut - start > margin:
            yield start, cut - 2
            start = cut + 2
    yield start, x1


def ruling_lines(grey: Picture, boxes: Boxes) -> tuple[list[Edge], list[Edge]]:
    """Return the upright and the level ruling lines in pixels; none where they are too many.

    What is no longer than the lines of text are high is a stroke of a character.
    """
    if not len(boxes):
        return [], []
    side = min(grey.shape)
    stroke = round(_STROKE * float(np.median(_sides(boxes)[1])))
    dark = cv2.adaptiveThreshold(
        grey, _WHITE, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, 31, 15
    )
    tall = max(round(_LONGEST_UPRIGHT * side), stroke, 8)
    wide = max(round(_LONGEST_LEVEL * side), stroke, 8)
    upright = [(x + w / 2, float(y), float(y + h)) for x, y, w, h in _bars(dark, (1, tall), side)]
    if len(upright) < 2:
        return [], []
    level = [(y + h / 2, float(x), float(x + w)) for x, y, w, h in _bars(dark, (wide, 1), side)]
    if len(level) < 2 or max(len(upright), len(level)) > _MOST_EDGES:
        return [], []
    return upright, level


def _bars(dark: Any, size: tuple[int, int], side: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the boxes of dark bars at least as long as `size`; small gaps are closed."""
    gap = (1, 5) if size[0] == 1 else (5, 1)
    thin = (3, 1) if size[0] == 1 else (1, 3)
    joined = cv2.morphologyEx(dark, cv2.MORPH_CLOSE, cv2.getStructuringElement(0, gap))
    opened = cv2.morphologyEx(joined, cv2.MORPH_OPEN, cv2.getStructuringElement(0, size))
    merged = cv2.dilate(opened, cv2.getStructuringElement(0, thin))
    contours, _ = cv2.findContours(merged, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    thickest = max(_THICKEST * side, 6)
    for contour in contours:
        x, y, wide, high = cv2.boundingRect(contour)
        if min(wide, high) <= thickest + 2:
            yield x, y, wide, high
