"""A trained network as an ONNX file of eight-bit weights.

The graph of a BERT is written here, of the fused operators of ONNX Runtime: it runs almost twice as
fast as the exported one. Any other encoder goes through the exporter of PyTorch.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.adapting import import_package
from models.encoder_network import REMEDY, Libraries, Network, forward

_FUSED: Final = "com.microsoft"
_OPSET: Final = 18
_QUANTISED: Final = ("MatMul", "Attention", "Gather", "Gemm")


def write_graph(libraries: Libraries, network: Network, path: Path) -> None:
    """Write the network to `path`: input ids, outputs tags and roles, weights in eight bits.

    Raises:
        TaggerError: onnx or ONNX Runtime is not installed.
    """
    onnx = import_package("onnx", "onnx", REMEDY)
    quantization = import_package("onnxruntime.quantization", "ONNX Runtime", REMEDY)
    network.parts.eval()
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        if network.is_plain:
            onnx.save(_BertGraph(onnx, network).model(), plain)
        else:
            _export(libraries, network, plain)
        level = logging.root.level
        logging.root.setLevel(logging.ERROR)  # it asks for a preparation that is no use here
        try:
            quantization.quantize_dynamic(
                plain,
                path,
                per_channel=True,
                # Seven bits: processors without VNNI add up eight-bit products in sixteen bits.
                reduce_range=True,
                weight_type=quantization.QuantType.QInt8,
                op_types_to_quantize=list(_QUANTISED),
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            )
        finally:
            logging.root.setLevel(level)


def _export(libraries: Libraries, network: Network, path: Path) -> None:
    torch = libraries.torch

    class Wrapped(torch.nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.parts = network.parts

        def forward(self, ids: Any) -> tuple[Any, Any]:
            return forward(network, ids)

    network.parts["encoder"].config._attn_implementation = "eager"
    axes = {0: torch.export.Dim("texts", max=4096), 1: torch.export.Dim("size", min=2, max=512)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Wrapped().eval(),
            (torch.full((2, 16), 5),),
            str(path),
            input_names=["ids"],
            output_names=["tags", "roles"],
            dynamo=True,
            dynamic_shapes=({**axes},),
            external_data=False,
            opset_version=_OPSET,
            verbose=False,
        )


class _BertGraph:
    """Writes the graph of a BERT, norms plain or simplified."""

    def __init__(self, onnx: Any, network: Network) -> None:
        self._onnx, self._network = onnx, network
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._state: Mapping[str, NDArray[np.float32]] = {
            name: value.detach().float().numpy()
            for name, value in network.parts.state_dict().items()
        }
        self._config = network.parts["encoder"].config

    def model(self) -> Any:
        """Return the whole model, in 32 bits."""
        helper, types = self._onnx.helper, self._onnx.TensorProto
        hidden, lengths, weights = self._embed()
        for layer in range(self._config.num_hidden_layers):
            hidden = self._layer(f"encoder.encoder.layer.{layer}.", hidden, lengths)
        self._heads(hidden, weights)
        outputs = [
            helper.make_tensor_value_info(
                "tags", types.FLOAT, ["texts", "size", len(self._state["tags.bias"])]
            ),
            helper.make_tensor_value_info(
                "roles", types.FLOAT, ["texts", len(self._state["roles.bias"])]
            ),
        ]
        ids = helper.make_tensor_value_info("ids", types.INT64, ["texts", "size"])
        graph = helper.make_graph(self._nodes, "tagger", [ids], outputs, self._constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)

    def _node(self, kind: str, inputs: Sequence[str], output: str, **settings: Any) -> str:
        made = self._onnx.helper.make_node(kind, list(inputs), [output], name=output, **settings)
        self._nodes.append(made)
        return output

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        held = np.ascontiguousarray(value)
        self._constants.append(self._onnx.numpy_helper.from_array(held, name))
        return name

    def _weight(self, name: str) -> str:
        """Return a weight of the network; matrices are turned to input by output."""
        value = self._state[name]
        return self._constant(name, value.T if value.ndim == 2 else value)

    def _embed(self) -> tuple[str, str, str]:
        """Return the embedded characters, the length of each text, and what counts in its mean."""
        pre = "encoder.embeddings."
        zero, one = (self._constant(f"n{n}", np.array([n])) for n in (0, 1))
        places = self._state[pre + "position_embeddings.weight"]
        kinds = self._state.get(pre + "token_type_embeddings.weight")
        if kinds is not None:
            places = places + kinds[0]
        rows = self._constant("words", self._state[pre + "word_embeddings.weight"])
        words = self._node("Gather", [rows, "ids"], "word")
        size = self._node("Shape", ["ids"], "size", start=1, end=2)
        place = self._node("Slice", [self._constant("places", places), zero, size, zero], "place")
        both = self._node("Add", [words, place], "placed")
        norm = [both, self._weight(pre + "LayerNorm.weight"), self._weight(pre + "LayerNorm.bias")]
        hidden = self._node(
            "LayerNormalization", norm, "embedded", axis=-1, epsilon=self._config.layer_norm_eps
        )
        types = self._onnx.TensorProto
        empty = self._node("Equal", ["ids", self._constant("pad", np.array(0))], "empty")
        real = self._node("Cast", [self._node("Not", [empty], "real")], "real32", to=types.INT32)
        lengths = self._node("ReduceSum", [real, one], "lengths", keepdims=0)
        counted = self._node("Cast", [real], "counted", to=types.FLOAT)
        last = self._constant("last", np.array([-1]))
        return hidden, lengths, self._node("Unsqueeze", [counted, last], "weights")

    def _layer(self, pre: str, hidden: str, lengths: str) -> str:
        state, parts = self._state, ("query", "key", "value")
        at = pre + "attention.self."
        joint = np.concatenate([state[f"{at}{part}.weight"].T for part in parts], axis=1)
        bias = np.concatenate([state[f"{at}{part}.bias"] for part in parts])
        inputs = [hidden, self._constant(at + "w", joint), self._constant(at + "b", bias), lengths]
        heads = self._config.num_attention_heads
        seen = self._node("Attention", inputs, at + "seen", domain=_FUSED, num_heads=heads)
        hidden = self._add_norm(pre + "attention.output.", seen, hidden)
        feed = pre + "intermediate.dense."
        inner = self._node("MatMul", [hidden, self._weight(feed + "weight")], feed + "product")
        active = self._node(
            "BiasGelu", [inner, self._weight(feed + "bias")], feed + "active", domain=_FUSED
        )
        return self._add_norm(pre + "output.", active, hidden)

    def _add_norm(self, pre: str, inner: str, hidden: str) -> str:
        product = self._node("MatMul", [inner, self._weight(pre + "dense.weight")], pre + "product")
        gain, bias = self._weight(pre + "LayerNorm.weight"), self._weight(pre + "dense.bias")
        epsilon = self._config.layer_norm_eps
        if pre + "LayerNorm.bias" not in self._state:
            return self._node(
                "SkipSimplifiedLayerNormalization",
                [product, hidden, gain, bias],
                pre + "normed",
                domain=_FUSED,
                epsilon=epsilon,
            )
        shift = self._weight(pre + "LayerNorm.bias")
        return self._node(
            "SkipLayerNormalization",
            [product, hidden, gain, shift, bias],
            pre + "normed",
            domain=_FUSED,
            epsilon=epsilon,
        )

    def _heads(self, hidden: str, weights: str) -> None:
        product = self._node("MatMul", [hidden, self._weight("tags.weight")], "tags.product")
        self._node("Add", [product, self._weight("tags.bias")], "tags")
        one = "n1"
        real = self._node("Mul", [hidden, weights], "real_hidden")
        total = self._node("ReduceSum", [real, one], "total", keepdims=0)
        count = self._node("ReduceSum", [weights, one], "count", keepdims=0)
        mean = self._node("Div", [total, count], "mean")
        product = self._node("MatMul", [mean, self._weight("roles.weight")], "roles.product")
        self._node("Add", [product, self._weight("roles.bias")], "roles")
