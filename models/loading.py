"""Which tagger a name stands for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from models.adapting import import_package
from models.jieba_tagger import JiebaTagger
from models.lac_tagger import LacTagger
from models.manifest import shipped_weights
from models.spacy_tagger import SpacyTagger
from models.tagger import NoTagger, Tagger, TaggerError
from models.together import together
from models.transformers_tagger import TransformersTagger

DEFAULT_TAGGER = "transformer"
"""What the commands and the service use where nothing else is said: see the comparison in README.

It adds most where copies have lost the headings of chapters, and takes nothing elsewhere.
"""

SHIPPED = ("spacy", "transformer")
"""The taggers whose weights come with the program."""

_TASK = "ForTokenClassification"
_GRAPH = "model.onnx"


def load_tagger(name: str | Path) -> Tagger:
    """Return the tagger `name`: none, jieba, lac, spacy, transformer, or the folder of a model.

    "spacy" and "transformer" are the weights that come with the program. A folder with a
    `config.cfg` is a spaCy pipeline; one with a `model.onnx` is what `hecha train transformer`
    wrote; one whose `config.json` names an architecture "…ForTokenClassification" is a transformers
    model. Several names joined by + are one tagger: `lac+spacy`. Nothing is fetched from a network,
    and the library and the model load at the first text.

    Raises:
        TaggerError: there is no such folder, or it holds no model of these two kinds.
    """
    if str(name) == NoTagger.name:
        return NoTagger()
    if isinstance(name, str) and "+" in name and not Path(name).is_dir():
        return together([load_tagger(part) for part in name.split("+")])
    if str(name) == "jieba":
        return JiebaTagger()
    if str(name) == "lac":
        return LacTagger()
    folder = shipped_weights(str(name)) if str(name) in SHIPPED else Path(name)
    if not folder.is_dir():
        raise TaggerError(
            f"没有找到识别模型：{folder}。请给出本机上模型文件夹的路径；"
            "spacy、transformer 表示用程序自带的模型，lac、jieba 表示用这两个库，"
            "none 表示只用规则。",
            "tagger_missing",
        )
    if (folder / "config.cfg").is_file():
        return SpacyTagger(folder)
    if (folder / _GRAPH).is_file():
        module = import_package("models.character_tagger", "NumPy 和 ONNX Runtime")
        return cast(Tagger, module.CharacterTagger(folder))
    if _is_token_classifier(folder / "config.json"):
        return TransformersTagger(folder)
    raise TaggerError(
        f"{folder} 里没有可用的识别模型。spaCy 模型要有 config.cfg；"
        f"hecha train transformer 训练的要有 {_GRAPH}；"
        f"transformers 模型要有 config.json，其中 architectures 以 {_TASK} 结尾。"
    )


def ready_tagger(name: str | Path) -> Tagger:
    """Return the tagger `name` with its library and model loaded, so that faults show at once.

    Raises:
        TaggerError: as `load_tagger`; or a package, or a file of the model, is missing or damaged.
    """
    tagger = load_tagger(name)
    tagger.tag("核查")
    return tagger


def _is_token_classifier(config: Path) -> bool:
    try:
        content = json.loads(config.read_bytes())
    except (OSError, ValueError):
        return False
    names = content.get("architectures") if isinstance(content, dict) else None
    return isinstance(names, list) and any(str(name).endswith(_TASK) for name in names)
