"""A saved transformers model as a `Tagger`: read from a folder on first use, never a network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from models.adapting import chunks, import_package
from models.decoding import Tag, Token, decode, read_tag, windows
from models.tagger import Mention, TaggerError

LONGEST_WINDOW = 512
"""Tokens read together at most: longer windows cost time by the square, and names need no more."""

TORCH = "PyTorch 不随 hecha[models] 安装。请执行：pip install torch==2.13.0，或安装适合本机的版本。"

_WEIGHTS = ("*.safetensors", "*.bin")
_PROBE = "核查名单"


class TransformersTagger:
    """The names that a token-classification model finds, such as a BERT saved with its tokenizer.

    The folder is what `save_pretrained` writes. Labels may be BIO, BIOES, BILOU or plain, of any
    scheme that `models.adapting.label_of` knows. The score of a mention is the mean probability of
    its tokens. Code that a folder brings along is never run.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is read before the first text."""
        self._folder = folder

    @cached_property
    def name(self) -> str:
        """The folder's name and the start of its weights' SHA-256: "transformers:ner@1f0c2a9b".

        Raises:
            TaggerError: the folder holds no weights.
        """
        digest = hashlib.sha256()
        weights = sorted(path for pattern in _WEIGHTS for path in self._folder.glob(pattern))
        if not weights:
            raise TaggerError(f"{self._folder} 里没有权重文件（*.safetensors）。请确认文件夹完整。")
        for path in weights:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return f"transformers:{self._folder.resolve().name}@{digest.hexdigest()[:8]}"

    def tag(self, text: str) -> Sequence[Mention]:
        """Return the names in `text` whose label has a place in `Label`, in order.

        Raises:
            TaggerError: PyTorch or transformers is not installed, or the folder holds no complete
                token-classification model, or its tokenizer gives no positions of characters.
        """
        model = self._model
        return [
            Mention(start + mention.start, start + mention.end, mention.label, mention.score)
            for start, end in chunks(text)
            for mention in model.tag(text[start:end])
        ]

    @cached_property
    def _model(self) -> _Model:
        torch = import_package("torch", "PyTorch", TORCH)
        transformers = import_package("transformers", "transformers")
        try:
            with _quiet(transformers):
                tokenizer = transformers.AutoTokenizer.from_pretrained(
                    self._folder, local_files_only=True, trust_remote_code=False
                )
                model, report = transformers.AutoModelForTokenClassification.from_pretrained(
                    self._folder,
                    local_files_only=True,
                    trust_remote_code=False,
                    output_loading_info=True,
                )
        except Exception as exc:  # the libraries below raise everything, bare Exception too
            raise TaggerError(
                f"无法载入识别模型 {self._folder}：{exc}。"
                "请确认文件夹完整，是用 save_pretrained 保存的模型和切分器。"
            ) from exc
        if report["missing_keys"]:
            raise TaggerError(
                f"{self._folder} 的权重不全，缺少 {'、'.join(sorted(report['missing_keys'])[:3])}。"
                "这可能是没有训练过的底座模型，请换成训练好的识别模型。"
            )
        return _Model(self._folder, torch, tokenizer, model.eval())


class _Model:
    """A loaded model: its labels, the special tokens around a text, what fits into a window."""

    def __init__(self, folder: Path, torch: ModuleType, tokenizer: Any, model: Any) -> None:
        self._folder, self._torch = folder, torch
        self._tokenizer, self._model = tokenizer, model
        self._tags = self._read_tags()
        self._pieces_of: dict[str, list[int]] = {}
        if len(tokenizer) <= len(tokenizer.all_special_ids):
            raise TaggerError(
                f"{folder} 里没有切分器的词表（tokenizer.json 或 vocab.txt）。请确认文件夹完整。"
            )
        if not tokenizer.is_fast and len(tokenizer.tokenize(_PROBE)) != len(_PROBE):
            raise TaggerError(
                f"{folder} 的切分器给不出字的位置。"
                "请另存带 tokenizer.json 的切分器，或换用按字切分的模型。"
            )
        framed = tokenizer(_PROBE, return_special_tokens_mask=True)
        ids, mask = framed["input_ids"], framed["special_tokens_mask"]
        self._head = ids[: mask.index(0)]
        self._tail = ids[len(mask) - mask[::-1].index(0) :]
        positions = getattr(model.config, "max_position_embeddings", 0)
        limits = (LONGEST_WINDOW, tokenizer.model_max_length, positions)
        self._size = min(n for n in limits if n > 0) - len(self._head) - len(self._tail)

    def _read_tags(self) -> list[Tag]:
        config = self._model.config
        names = [str(config.id2label[number]) for number in range(config.num_labels)]
        tags = [read_tag(name) for name in names]
        if not any(tag.label for tag in tags):
            raise TaggerError(
                f"{self._folder} 的标签都不认识：{'、'.join(names[:6])}。"
                "请在 config.json 的 id2label 里写明，例如 B-PER、I-PER、B-ORG。"
            )
        return tags

    def tag(self, text: str) -> list[Mention]:
        ids, tokens = self._fast(text) if self._tokenizer.is_fast else self._by_character(text)
        tags: list[Tag] = []
        scores: list[float] = []
        for window in windows(len(ids), self._size) if ids else ():
            best, label = self._classify(ids[window.start : window.end])
            kept = slice(window.keep_from - window.start, window.keep_to - window.start)
            scores.extend(best[kept])
            tags.extend(self._tags[number] for number in label[kept])
        return decode(text, tokens, tags, scores)

    def _fast(self, text: str) -> tuple[list[int], list[Token]]:
        encoded = self._tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        pieces = self._tokenizer.convert_ids_to_tokens(encoded["input_ids"])
        tokens: list[Token] = []
        reached = 0
        for (start, end), piece in zip(encoded["offset_mapping"], pieces, strict=True):
            # Several tokens may share one character: byte-level vocabularies cut it into bytes.
            tokens.append(Token(start, end, piece.startswith("##") or start < reached))
            reached = max(reached, end)
        return encoded["input_ids"], tokens

    def _by_character(self, text: str) -> tuple[list[int], list[Token]]:
        ids: list[int] = []
        tokens: list[Token] = []
        for at, char in enumerate(text):
            if char not in self._pieces_of:
                pieces = self._tokenizer.tokenize(char)
                self._pieces_of[char] = list(self._tokenizer.convert_tokens_to_ids(pieces))
            for number in self._pieces_of[char]:
                continues = bool(tokens) and tokens[-1].start == at
                ids.append(number)
                tokens.append(Token(at, at + 1, continues))
        return ids, tokens

    def _classify(self, ids: list[int]) -> tuple[list[float], list[int]]:
        """Return the probability and the number of the likeliest label of each token."""
        torch = self._torch
        row = torch.tensor([[*self._head, *ids, *self._tail]])
        try:
            with torch.inference_mode():
                logits = self._model(input_ids=row, attention_mask=torch.ones_like(row)).logits[0]
        except (IndexError, RuntimeError) as exc:
            raise TaggerError(
                f"{self._folder} 的模型与切分器不相配：{exc}。请确认两者是一起保存的。"
            ) from exc
        logits = logits[len(self._head) : len(self._head) + len(ids)].float()
        best, label = logits.softmax(-1).max(-1)
        return best.tolist(), label.tolist()


@contextmanager
def _quiet(transformers: ModuleType) -> Iterator[None]:
    """Keep progress bars and notes off the user's terminal while a model loads."""
    log = transformers.utils.logging
    level, had_bar = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity(log.CRITICAL)
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if had_bar:
            log.enable_progress_bar()
