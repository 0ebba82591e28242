"""What the adapters of other libraries share: label schemes, pieces of a long text, imports."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import cast

from models.onnx_runtime import forbid_telemetry
from models.tagger import LABELS, Label, TaggerError

CHUNK = 5_000
"""Characters given to a library at a time."""

UNMEASURED = 0.5
"""Score of what a tagger finds that carries no measured precision: it is as good as a coin."""

EXTRA = "pip install 'hecha[models]'"
"""The command that installs every library the adapters need, PyTorch excepted."""

_SCHEMES: Mapping[Label, str] = {
    "PERSON": "PER NAME NR NH 人名",
    "ORG": "ORGANIZATION COMPANY GOVERNMENT NORP NT NI 机构名",
    "TITLE": "POSITION 职务",
    "PLACE": "GPE LOC LOCATION FAC ADDRESS NS 地名",
}
_LABELS: Mapping[str, Label] = {
    name: label for label, names in _SCHEMES.items() for name in names.split()
}


def label_of(name: str) -> Label | None:
    """Return our label for one of another scheme, or None: it has no place here.

    Schemes: our own names, OntoNotes (PERSON, GPE), CoNLL and MSRA (PER, LOC), Weibo (PER.x; its
    PER.NOM is no name), CLUENER (company, position), the part-of-speech flags nr ns nt and Nh Ni.
    """
    head, _, level = name.upper().partition(".")
    if level == "NOM":
        return None
    return cast(Label, head) if head in LABELS else _LABELS.get(head)


def chunks(text: str, size: int = CHUNK) -> Iterator[tuple[int, int]]:
    """Cut a text into half-open ranges of at most `size`: behind a line end, else a 。, else hard.

    Only a text without either for `size` characters can lose a name at a border.
    """
    start = 0
    while start < len(text):
        end = min(start + size, len(text))
        if end < len(text):
            end = text.rfind("\n", start, end) + 1 or text.rfind("。", start, end) + 1 or end
        yield start, end
        start = end


def import_package(package: str, name: str, remedy: str = f"请执行：{EXTRA}") -> ModuleType:
    """Import a library on first use; what it warns about itself is not our user's business.

    Raises:
        TaggerError: it is not installed (`tool_missing`); the message gives `name` and `remedy`.
    """
    if package.partition(".")[0] == "onnxruntime":
        forbid_telemetry()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(package)
    except ImportError as exc:
        raise TaggerError(
            f"读取这个识别模型需要 {name}，但没有安装。{remedy}", "tool_missing"
        ) from exc
