"""What `hecha synthesize` does: write invented documents with their truth to a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from api.console import FAILED, OK, progress, say, wrong_use
from corpus.synthetic import SPLITS, Split, Synthetic, synthesize_many, write_folder

ALL = "all"


def run_synthesize(folder: Path, documents: int, seed: int, noise: float, split: str) -> int:
    """Write the documents, their truth and the training examples; the folder must be empty."""
    wanted = _split(split)
    try:
        if folder.exists() and any(folder.iterdir()):
            wrong_use(f"“{folder}”里已有文件。请换一个空的或新的文件夹，以免新旧文书混在一起")
        with progress("合成", documents) as step:

            def counted() -> Iterator[Synthetic]:
                for each in synthesize_many(documents, seed, noise, wanted):
                    step(each.gold.id)
                    yield each

            count = write_folder(folder, counted())
    except OSError as error:
        say(f"失败 {error.filename or folder} [write_failed] {error.strerror}")
        return FAILED
    say(f"已写入 {folder}：{count} 份文书")
    return OK


def _split(words: str) -> Split | None:
    if words == ALL:
        return None
    found = next((split for split in SPLITS if split == words), None)
    if found is None:
        wrong_use(f"--split 没有“{words}”，可用：{'、'.join((*SPLITS, ALL))}")
    return found
