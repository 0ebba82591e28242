"""What a folder of trained weights says of itself: its files with their SHA-256, and figures."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from models.digests import read_verified
from models.tagger import TaggerError

MANIFEST = "manifest.json"

WEIGHTS = Path(__file__).parent / "weights"
"""Where the weights that come with the program lie, one folder a kind."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The card of trained weights; `files` maps each file of the folder to its SHA-256."""

    kind: str
    name: str
    files: Mapping[str, str]
    labels: Sequence[str]
    roles: Sequence[str] = ()
    window: int = 0
    figures: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The start of a digest over all files: it changes with every byte of the weights."""
        return hashlib.sha256("".join(sorted(self.files.values())).encode()).hexdigest()[:8]


def shipped_weights(kind: str) -> Path:
    """Return the folder of the weights of one kind that come with the program.

    Raises:
        TaggerError: they are not there (`tagger_missing`).
    """
    folder = WEIGHTS / kind
    if not (folder / MANIFEST).is_file():
        raise TaggerError(
            f"程序里没有 {kind} 的权重：{folder}。请重新安装 hecha，"
            f"或用 hecha train {kind} 训练，再给出训练结果的文件夹。",
            "tagger_missing",
        )
    return folder


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a folder.

    Raises:
        TaggerError: it is missing or damaged.
    """
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
        lists = {name: tuple(content[name]) for name in ("labels", "roles")}
        manifest = Manifest(**{**content, **lists})
        is_valid = all(_is_inside(name) for name in manifest.files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise TaggerError(
            f"读不到 {folder} 的说明 {MANIFEST}：{exc}。请确认文件夹完整，或重新训练。"
        ) from exc
    if not is_valid:
        raise TaggerError(f"{folder / MANIFEST} 里的文件名无效。请重新训练。")
    return manifest


def _is_inside(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def verify_folder(folder: Path, manifest: Manifest) -> None:
    """Check every file of a folder against its SHA-256.

    Raises:
        TaggerError: a file is missing or another one than was measured.
    """
    for name, digest in manifest.files.items():
        read_verified(folder / name, digest)


def check_folder(folder: Path) -> None:
    """Tell early whether new weights may be written to a folder: it is new, empty or holds weights.

    Raises:
        TaggerError: something else stands there (`folder_taken`).
    """
    if folder.exists() and (not folder.is_dir() or _holds_other_things(folder)):
        raise TaggerError(
            f"{folder} 里已有别的文件，没有覆盖。请用 -o 给出一个新文件夹。", "folder_taken"
        )


def prepare_folder(folder: Path) -> None:
    """Make an empty folder for new weights; older weights in it are deleted.

    Raises:
        TaggerError: something else stands there (`folder_taken`).
    """
    check_folder(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _holds_other_things(folder: Path) -> bool:
    return any(folder.iterdir()) and not (folder / MANIFEST).is_file()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a folder."""
    text = json.dumps(asdict(manifest), ensure_ascii=False, indent=2, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def digests_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder but its manifest, by its path in the folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
