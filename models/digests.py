"""Weights are read only if they are, byte for byte, the ones that were measured."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from models.tagger import TaggerError


def read_verified(path: Path, digest: str) -> bytes:
    """Return the bytes of a file whose SHA-256 is `digest`, in lower-case hexadecimal.

    Raises:
        TaggerError: the file cannot be read, or is another one than was measured.
    """
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise TaggerError(f"读不到模型文件：{path}。请重新安装它所在的软件包。") from exc
    if sha256(content).hexdigest() != digest:
        raise TaggerError(f"模型文件与核对过的不一致，没有使用：{path}。请重新安装它所在的软件包。")
    return content
