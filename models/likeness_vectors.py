"""Sentence vectors by multilingual-e5-small, run by ONNX Runtime on this machine's CPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import as_file, files
from typing import Any, Literal

from models.adapting import import_package
from models.digests import read_verified
from models.likeness_pieces import PADDING, PieceCutter

REMEDY = "请执行：pip install 'hecha[likeness]'"
"""The command that installs what runs the network."""

Role = Literal["query", "passage"]
"""What a text is: what is looked for, or what may answer. The network was trained with both."""

LAYERS, WIDTH = 12, 384
PARTS = (("q", 1, 1), ("k", 1, 1), ("v", 1, 1), ("out", 1, 1), ("up", 4, 1), ("down", 1, 4))
"""The weights of a layer in the order of the file: outputs and inputs, in units of `WIDTH`."""

DIGESTS = {
    "likeness.onnx": "1a5fe07d79a6b881045e2e4dc6cb4696414f45b4813bf5a8854505286a385e59",
    "likeness_layers.bin": "a168b118a57a182afdea3b7c1e17a398dbd259fb58d0390857873dce34080d01",
    "likeness_pieces.tsv": "5b781e733fc8af7263f50f4d7cee3bc182e396ea4c8899741059165c3bfaa721",
}
"""SHA-256 of the files of `models/weights`, as `likeness_build` makes them."""

_MOST = 63
"""Largest weight: two products of larger ones overflow 16 bits on CPUs without VNNI."""

_BLOCK = 32
_BATCH = 512
"""Pieces that are read at a time, with padding: more do not stay in the cache, and take longer."""


def widen(np: Any, content: bytes, columns: int) -> tuple[Any, Any]:
    """Turn 4-bit weights into 8-bit ones (inputs, outputs) and the step of each output.

    A block holds the scale of 32 weights as a 16-bit float and their 4-bit numbers, less 8: the low
    halves of 16 bytes, then the high ones.
    """
    layout = np.dtype([("scale", "<f2"), ("packed", "u1", _BLOCK // 2)])
    table = np.frombuffer(content, layout).reshape(-1, columns // _BLOCK)
    packed = table["packed"]
    numbers = np.concatenate([packed & 15, packed >> 4], -1).astype(np.float32) - 8
    rows = (numbers * table["scale"].astype(np.float32)[..., None]).reshape(len(table), columns)
    step = (abs(rows).max(1) / _MOST).astype(np.float32)
    return np.ascontiguousarray(np.round(rows.T / step).astype(np.int8)), step


def layer_weights() -> Iterator[tuple[str, int, int]]:
    """Yield name, outputs and inputs of each layer's weights, in the order of the file."""
    for layer in range(LAYERS):
        for part, outputs, inputs in PARTS:
            yield f"l{layer}.{part}.weight", outputs * WIDTH, inputs * WIDTH


class SentenceVectors:
    """The loaded network; it runs on at most two threads."""

    def __init__(self) -> None:
        """Load and verify the weights.

        Raises:
            TaggerError: numpy or ONNX Runtime is not installed, or a file is not the one measured.
        """
        self._np: Any = import_package("numpy", "numpy", REMEDY)
        runtime = import_package("onnxruntime", "onnxruntime", REMEDY)
        content = {name: _read(name) for name in DIGESTS}
        self._cutter = PieceCutter(content["likeness_pieces.tsv"].decode())
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 2
        names, values = [], []
        start = 0
        for name, outputs, inputs in layer_weights():
            end = start + outputs * inputs // _BLOCK * (2 + _BLOCK // 2)
            weights, _ = widen(self._np, content["likeness_layers.bin"][start:end], inputs)
            names.append(name)
            values.append(runtime.OrtValue.ortvalue_from_numpy(weights))
            start = end
        options.add_external_initializers(names, values)
        self._session = runtime.InferenceSession(
            content["likeness.onnx"], options, providers=["CPUExecutionProvider"]
        )

    def vectors(self, texts: Sequence[str], role: Role) -> Any:
        """Return a matrix of one row of length 1 for each text; equal texts give equal rows.

        Activations are rounded to 8 bits by the largest of those that are read together: a text's
        row differs in the third decimal with the texts beside it.
        """
        np = self._np
        places = {text: at for at, text in enumerate(dict.fromkeys(texts))}
        pieces = [self._cutter.cut(f"{role}: {text}") for text in places]
        found = np.zeros((len(places), WIDTH), np.float32)
        for batch in _batches([len(each) for each in pieces]):
            size = max(len(pieces[at]) for at in batch)
            ids = np.full((len(batch), size), PADDING, np.int64)
            for row, at in enumerate(batch):
                ids[row, : len(pieces[at])] = pieces[at]
            lengths = np.array([len(pieces[at]) for at in batch], np.int32)
            found[batch] = self._session.run(None, {"ids": ids, "lengths": lengths})[0]
        rows = found[[places[text] for text in texts]]
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _read(name: str) -> bytes:
    with as_file(files(__package__).joinpath("weights", name)) as path:
        return read_verified(path, DIGESTS[name])


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the places of texts of about one length, so that little is padding."""
    batch: list[int] = []
    for at in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and lengths[at] * (len(batch) + 1) > _BATCH:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch
