"""Which tagger a name stands for."""

from __future__ import annotations

from pathlib import Path

from models.spacy_tagger import SpacyTagger
from models.tagger import NoTagger, Tagger, TaggerError


def load_tagger(name: str | Path) -> Tagger:
    """Return the tagger `name`: "none", or the folder of a saved spaCy pipeline.

    Nothing is fetched from a network, and the model itself loads at the first text.

    Raises:
        TaggerError: there is no such folder, or it holds no pipeline.
    """
    if str(name) == NoTagger.name:
        return NoTagger()
    folder = Path(name)
    if not folder.is_dir():
        raise TaggerError(
            f"没有找到识别模型：{folder}。请给出本机上模型文件夹的路径，或用 none 表示只用规则。",
            "tagger_missing",
        )
    if not (folder / "config.cfg").is_file():
        raise TaggerError(
            f"{folder} 不是 spaCy 模型：缺少 config.cfg。请给出含有 config.cfg 的文件夹。"
        )
    return SpacyTagger(folder)
