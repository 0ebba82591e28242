"""Recognition of the text of pictures: what comes out of it, and two pages at a time.

The work itself is in `ocr_engine`, which needs the packages of the extra `ocr` and is loaded for
the first page. Everything here works without them.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:  # it would load pdfium, which who only asks for the installation does not need
    from extractor.formats.pdf_drawing import Edge

INSTALL: Final = "请让管理员安装识别组件：pip install 'hecha[ocr]'（识别在本机进行，不联网）"
"""What to do where recognition is not installed."""

DPI: Final = 200
"""Dots an inch at which pages are recognised: more costs time and finds no more."""

_MOST_AT_ONCE: Final = 4  # each page that is read needs 100 MiB
_PACKAGES: Final = ("rapidocr", "onnxruntime", "cv2", "numpy")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of recognised characters; places are in points on the page turned and levelled.

    `left` and `right` have one entry a character; `confidence` is 0 to 1.
    """

    text: str
    left: tuple[float, ...]
    right: tuple[float, ...]
    top: float
    bottom: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was read from the picture of a page.

    The page was turned clockwise by `turn` degrees (a multiple of 90) to be read, and then
    clockwise by `skew` radians about its middle to be level. `upright` and `level` are the ruling
    lines, in points. `dropped` counts lines that were not legible, `is_cut` tells that the page
    held more than is read of one page.
    """

    pieces: tuple[Piece, ...]
    turn: int = 0
    skew: float = 0.0
    upright: tuple[Edge, ...] = ()
    level: tuple[Edge, ...] = ()
    dropped: int = 0
    is_cut: bool = False


class Engine(Protocol):
    """What reads a picture; safe to use from several threads."""

    def read(self, picture: Any, points: float) -> Recognition:
        """Read a picture: an array of rows of RGB pixels, each `points` wide and high."""
        ...  # pragma: no cover


_LOADING = threading.Lock()


@cache
def is_available() -> bool:
    """Tell whether the packages of the extra `ocr` are installed."""
    return all(find_spec(name) is not None for name in _PACKAGES)


@cache
def _load() -> Engine:
    engine: Engine = import_module("extractor.formats.ocr_engine").load_engine()
    return engine


def engine() -> Engine:
    """Return the engine; its models load on the first call and stay."""
    with _LOADING:
        return _load()


def obstacle() -> str | None:
    """Return why nothing can be recognised here and what to do, in Chinese; None when it can.

    Loads the engine, so it is asked only where there is something to recognise.
    """
    if not is_available():
        return INSTALL
    try:
        engine()
    except Exception as exc:  # whatever is wrong with it, the rest of the file can be read
        return (
            f"识别组件启动失败（{type(exc).__name__}），多半是内存不足或安装不完整："
            "请让管理员重新安装 hecha[ocr]，或调大解析限额 max_memory_bytes（设置 HECHA_LIMITS）"
        )
    return None


def recognize(
    numbers: Iterable[int], render: Callable[[int], tuple[Any, float]]
) -> Iterator[tuple[int, Recognition | None]]:
    """Yield page number and recognition of each page, in order, as many at a time as cores.

    A page that cannot be drawn or recognised gives None. `render` returns picture and points a
    pixel of a page. It is called in this thread, for a page more than are being read, so that few
    pictures are in memory.
    """
    reader = engine()
    workers = min(os.cpu_count() or 1, _MOST_AT_ONCE)
    waiting: deque[tuple[int, Future[Recognition]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="ocr") as pool:
        try:
            for number in numbers:
                waiting.append((number, _begin(pool, reader, number, render)))
                if len(waiting) > workers:
                    first, future = waiting.popleft()
                    yield first, _result(future)
            while waiting:
                first, future = waiting.popleft()
                yield first, _result(future)
        finally:
            for _, future in waiting:
                future.cancel()


def _begin(
    pool: ThreadPoolExecutor,
    reader: Engine,
    number: int,
    render: Callable[[int], tuple[Any, float]],
) -> Future[Recognition]:
    try:
        return pool.submit(reader.read, *render(number))
    except Exception as exc:  # a page that cannot be drawn fails as one that cannot be read
        future: Future[Recognition] = Future()
        future.set_exception(exc)
        return future


def _result(future: Future[Recognition]) -> Recognition | None:
    try:
        return future.result()
    except Exception:  # one page that its libraries do not survive; the others go on
        return None
