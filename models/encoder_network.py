"""The network that is trained: an encoder of transformers under two heads, over characters.

Everything here works on PyTorch and transformers of the extra `train`; both are passed about as
modules, so that importing this file loads neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.adapting import import_package
from models.characters import SPECIALS, CharacterVocabulary, chosen_characters, is_han
from models.e5_weights import E5Weights
from models.tagger import TaggerError

REMEDY: Final = "训练需要另装的软件包。请执行：pip install 'hecha[train]'"

_FEWEST_HAN: Final = 1000
_PARTS: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class Libraries:
    """The libraries of the extra `train`."""

    torch: ModuleType
    transformers: ModuleType


@dataclass(frozen=True, slots=True)
class Network:
    """A network with the characters that it reads.

    `parts` is a ModuleDict of `encoder` (gives last_hidden_state), `tags` and `roles`; `is_plain`
    tells that the encoder is a BERT, whose graph `models.encoder_graph` writes by itself.
    """

    parts: Any
    vocabulary: CharacterVocabulary
    is_plain: bool


def load_libraries() -> Libraries:
    """Import PyTorch and transformers.

    Raises:
        TaggerError: one is not installed (`tool_missing`).
    """
    return Libraries(
        import_package("torch", "PyTorch", REMEDY),
        import_package("transformers", "transformers", REMEDY),
    )


def from_e5(
    libraries: Libraries, weights: E5Weights, size: tuple[int, int], heads: tuple[int, int]
) -> Network:
    """Return a network on e5: its first layers and places (`size`), and heads for tags and roles.

    `heads` are the numbers of tags and of roles.
    """
    layers, places = size
    torch, transformers = libraries.torch, libraries.transformers
    chosen = chosen_characters(weights.pieces)
    config = transformers.BertConfig(
        vocab_size=SPECIALS + len(chosen),
        hidden_size=weights.hidden,
        num_hidden_layers=layers,
        num_attention_heads=weights.heads,
        intermediate_size=weights.inner,
        max_position_embeddings=places,
        layer_norm_eps=weights.epsilon,
        pad_token_id=0,
    )
    encoder = transformers.BertModel(config, add_pooling_layer=False)
    state = {name: torch.tensor(value) for name, value in _e5_state(weights, size, chosen)}
    encoder.load_state_dict(state, strict=True)
    _simplify_norms(torch, encoder)
    return _with_heads(torch, encoder, CharacterVocabulary("".join(chosen)), heads)


def _e5_state(
    weights: E5Weights, size: tuple[int, int], chosen: dict[str, int]
) -> list[tuple[str, NDArray[np.float32]]]:
    """Return the state of a BERT: names of transformers, numbers of the file."""
    hidden, (layers, places) = weights.hidden, size
    specials = [weights.pieces.index(piece) for piece in ("<pad>", "<s>", "</s>", "<unk>")]
    rows = weights.rows("emb.word", [*specials, *chosen.values()])
    han = [4 + at for at, char in enumerate(chosen) if is_han(char)]
    rare = rows[han].mean(0, keepdims=True)
    words = np.concatenate([rows[:4], rare, rows[4:]])
    state = [
        ("embeddings.word_embeddings.weight", words),
        (
            "embeddings.position_embeddings.weight",
            weights.tensor("emb.pos").reshape(-1, hidden)[:places],
        ),
        ("embeddings.token_type_embeddings.weight", weights.tensor("emb.type").reshape(-1, hidden)),
        ("embeddings.LayerNorm.weight", weights.tensor("emb.ln.w")),
        ("embeddings.LayerNorm.bias", weights.tensor("emb.ln.b")),
    ]
    for layer in range(layers):
        for short, part in _PARTS.items():
            bias = weights.tensor(f"l{layer}.{short}.b")
            matrix = weights.tensor(f"l{layer}.{short}.w")
            if not short.endswith("ln"):
                matrix = matrix.reshape(len(bias), -1)
            state.append((f"encoder.layer.{layer}.{part}.weight", matrix))
            state.append((f"encoder.layer.{layer}.{part}.bias", bias))
    return state


def _simplify_norms(torch: ModuleType, encoder: Any) -> None:
    """Replace the norms of the layers by ones without mean and shift, which are three times faster.

    The shift of a norm moves into the biases behind it, which changes nothing. The mean is taken
    out of what is added before a norm; what remains of it is under 0.4 % of the variance in the
    first six layers of e5, and training takes care of that.
    """
    shift = torch.zeros(encoder.config.hidden_size)
    with torch.no_grad():
        for layer in encoder.encoder.layer:
            attention, feed_in, feed_out = layer.attention, layer.intermediate.dense, layer.output
            for part in ("query", "key", "value"):
                linear = getattr(attention.self, part)
                linear.bias += linear.weight @ shift
            shift = _simplify(torch, attention.output, shift)
            feed_in.bias += feed_in.weight @ shift
            shift = _simplify(torch, feed_out, shift)


def _simplify(torch: ModuleType, block: Any, shift: Any) -> Any:
    """Simplify the norm of a block (dense, add, norm); return the shift that it no longer adds."""
    dense, norm = block.dense, block.LayerNorm
    dense.weight -= dense.weight.mean(0, keepdim=True)
    dense.bias += shift
    dense.bias -= dense.bias.mean()
    simple = torch.nn.RMSNorm(norm.normalized_shape, eps=norm.eps)
    simple.weight.copy_(norm.weight)
    block.LayerNorm = simple
    return norm.bias.detach().clone()


def narrow(
    libraries: Libraries, network: Network, inner: int, optimiser: Any, ids: Sequence[Any]
) -> None:
    """Keep the `inner` strongest of the inner units of each layer of a BERT, for the speed.

    A unit's strength is its mean size on the batches `ids` times the size of its weights out. The
    moments of the optimiser are cut alike.
    """
    torch = libraries.torch
    encoder = network.parts["encoder"]
    for layer, sizes in zip(
        encoder.encoder.layer, _inner_sizes(libraries, network, ids), strict=True
    ):
        into, out = layer.intermediate.dense, layer.output.dense
        strength = sizes * out.weight.detach().norm(dim=0)
        kept = strength.topk(min(inner, len(strength))).indices.sort().values
        for module, name, axis in ((into, "weight", 0), (into, "bias", 0), (out, "weight", 1)):
            cut = partial(torch.index_select, dim=axis, index=kept)
            _replace(torch, optimiser, (module, name), cut)
        into.out_features = out.in_features = len(kept)
    encoder.config.intermediate_size = min(inner, encoder.config.intermediate_size)


def _replace(torch: ModuleType, optimiser: Any, place: tuple[Any, str], cut: Any) -> None:
    """Put a cut parameter in the place of the whole one, in its module and in the optimiser."""
    module, name = place
    whole = getattr(module, name)
    made = torch.nn.Parameter(cut(whole.detach()))
    setattr(module, name, made)
    moments = optimiser.state.pop(whole, {})
    optimiser.state[made] = {
        key: cut(value) if value.shape == whole.shape else value for key, value in moments.items()
    }
    for group in optimiser.param_groups:
        group["params"] = [made if each is whole else each for each in group["params"]]


def _inner_sizes(libraries: Libraries, network: Network, ids: Sequence[Any]) -> list[Any]:
    """Return the mean size of each inner unit of each layer."""
    torch = libraries.torch
    layers = network.parts["encoder"].encoder.layer
    sizes: list[Any] = [0.0] * len(layers)

    def watch(number: int) -> Any:
        def add(_module: Any, _inputs: Any, output: Any) -> None:
            sizes[number] = sizes[number] + output.abs().float().mean((0, 1))

        return layers[number].intermediate.register_forward_hook(add)

    hooks = [watch(number) for number in range(len(layers))]
    with torch.no_grad():
        for each in ids:
            forward(network, each)
    for hook in hooks:
        hook.remove()
    return sizes


def from_checkpoint(
    libraries: Libraries, folder: Path, layers: int | None, heads: tuple[int, int]
) -> Network:
    """Return a network on a checkpoint of transformers that the user brings, cut to characters.

    Nothing is fetched, and code that the folder brings along is never run. `layers` keeps only the
    first so many layers of a BERT; None keeps all.

    Raises:
        TaggerError: the folder holds no encoder with a tokenizer that knows Chinese characters.
    """
    torch, transformers = libraries.torch, libraries.transformers
    if not (folder / "config.json").is_file():
        raise TaggerError(
            f"{folder} 里没有 config.json。请给出 save_pretrained 保存的模型文件夹。",
            "tagger_missing",
        )
    try:
        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **local)
        encoder = transformers.AutoModel.from_pretrained(folder, **local)
        vocabulary = _cut_to_characters(torch, tokenizer, encoder, folder)
    except TaggerError:
        raise
    except Exception as exc:  # the libraries below raise everything, bare Exception too
        raise TaggerError(
            f"无法载入底座模型 {folder}：{exc}。请确认是 save_pretrained 保存的模型和切分器。"
        ) from exc
    if layers is not None and hasattr(encoder, "encoder"):
        encoder.encoder.layer = encoder.encoder.layer[:layers]
        encoder.config.num_hidden_layers = len(encoder.encoder.layer)
    if hasattr(encoder, "pooler"):
        encoder.pooler = None
    return _with_heads(torch, encoder.float(), vocabulary, heads)


def _cut_to_characters(
    torch: ModuleType, tokenizer: Any, encoder: Any, folder: Path
) -> CharacterVocabulary:
    """Keep the embedding rows of single characters, behind those of our specials."""
    pieces = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    chosen = chosen_characters(piece or "" for piece in pieces)
    han = [number for char, number in chosen.items() if is_han(char)]
    if len(han) < min(_FEWEST_HAN, len(tokenizer) // 4):
        raise TaggerError(
            f"{folder} 的词表里只有{len(han)}个单独的汉字，不能按字读中文。"
            "请换用按字切分或 SentencePiece 切分的中文、多语模型。"
        )
    old = encoder.get_input_embeddings().weight.detach()
    head = tokenizer.cls_token_id, tokenizer.sep_token_id
    specials = [tokenizer.pad_token_id, *head, tokenizer.unk_token_id]
    mean = old[han].mean(0, keepdim=True)
    rows = [mean if number is None else old[number : number + 1] for number in specials]
    words = torch.cat([*rows, mean, old[list(chosen.values())]])
    encoder.set_input_embeddings(torch.nn.Embedding.from_pretrained(words, freeze=False))
    encoder.config.vocab_size = len(words)
    return CharacterVocabulary("".join(chosen))


def _with_heads(
    torch: ModuleType, encoder: Any, vocabulary: CharacterVocabulary, heads: Sequence[int]
) -> Network:
    hidden = encoder.config.hidden_size
    parts = torch.nn.ModuleDict(
        {
            "encoder": encoder,
            "tags": torch.nn.Linear(hidden, heads[0]),
            "roles": torch.nn.Linear(hidden, heads[1]),
        }
    )
    return Network(parts, vocabulary, type(encoder).__name__ == "BertModel")


def forward(network: Network, ids: Any) -> tuple[Any, Any]:
    """Return the logits of tags (texts, characters, tags) and of roles (texts, roles).

    `ids` are numbers of the vocabulary, filled up with 0; roles are read from the mean of what
    is not filling.
    """
    mask = ids != 0
    hidden = network.parts["encoder"](input_ids=ids, attention_mask=mask.long()).last_hidden_state
    weight = mask.unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * weight).sum(1) / weight.sum(1)
    return network.parts["tags"](hidden), network.parts["roles"](mean)
