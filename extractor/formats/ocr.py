"""Recognition of the text of pictures, two pages at a time.

The work itself is in `ocr_engine`, which needs the packages of the extra `ocr` and is loaded for
the first page. Everything here works without them.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, Protocol

from extractor.formats.ocr_recognition import INSTALL, Recognition

DPI: Final = 200
"""Dots an inch at which pages are recognised: more costs time and finds no more."""

_MOST_AT_ONCE: Final = 4  # each page that is read needs 100 MiB
_PACKAGES: Final = ("rapidocr", "onnxruntime", "cv2", "numpy")


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
