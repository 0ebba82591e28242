"""Sealing of what must not stand readable in the database: under a key that is not in it.

What is sealed is a JWE (RFC 7516, `dir` with AES-256-GCM), which names its key and holds what it
belongs to: whoever can write rows cannot let one row use what was sealed for another. The key is
in HECHA_SECRET_KEY, or in a file beside the data.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from joserfc.jwk import OctKey

_BYTES: Final = 32
_ALGORITHMS: Final = ("dir", "A256GCM")
_FORM: Final = "主密钥要写成 32 个随机字节的 base64（openssl rand -base64 32）"
_LOST: Final = (
    "没有封存它所用的主密钥。请把原来的主密钥放回 HECHA_SECRET_KEY 或数据文件夹里的 secret.key。"
)
_BROKEN: Final = "封存的内容被改动过，或者属于别处。请从备份恢复，或换一个新的。"


class SealError(Exception):
    """Something cannot be sealed or opened: the key is missing or wrong; in Chinese."""


def parse_keys(text: str) -> tuple[bytes, ...]:
    """Return keys that are written apart by commas or white space, each 32 bytes as base64.

    Raises:
        ValueError: one of them is not of that form.
    """
    return tuple(_key(part) for part in text.replace(",", " ").split())


def _key(text: str) -> bytes:
    plain = text.replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(_FORM) from error
    if len(key) != _BYTES:
        raise ValueError(_FORM)
    return key


class Sealer:
    """Seals with the first of its keys, and opens with any; keeps nothing but where they are."""

    def __init__(self, file: Path, given: Sequence[bytes] = (), *, makes: bool = True) -> None:
        """Take the keys that are `given`, then those in the file, a line each.

        Where there is no key at all, the file is made on first use, but only if it `makes` it.
        """
        self.file = file
        self._given = tuple(given)
        self._makes = makes

    @property
    def place(self) -> str:
        """Where the key is, for people: the setting, or the file."""
        return "HECHA_SECRET_KEY" if self._given else str(self.file)

    def seal(self, text: str, owner: str) -> str:
        """Return the text sealed; only `open` with the same owner gives it back.

        Raises:
            SealError: there is no key, and none can be made.
        """
        from joserfc import jwe

        key = (self._keys() or [self._made()])[0]
        header = {"alg": "dir", "enc": "A256GCM", "kid": key.thumbprint()}
        held = json.dumps({"owner": owner, "text": text}, ensure_ascii=False)
        return jwe.encrypt_compact(header, held, key, algorithms=_ALGORITHMS)

    def open(self, sealed: str, owner: str) -> str:
        """Return what was sealed for this owner.

        Raises:
            SealError: its key is not here, or the value was changed or is another's.
        """
        return self._open(sealed, owner, self._keys())

    def is_newest(self, sealed: str, owner: str) -> bool:
        """Tell whether a value is sealed with the key that is used now.

        Raises:
            SealError: there is no key that can be read.
        """
        try:
            self._open(sealed, owner, self._keys()[:1])
        except SealError:
            return False
        return True

    def is_open_to_others(self) -> bool:
        """Tell whether other users of this machine can read the file of the key."""
        if os.name == "nt":  # pragma: no cover - the folder of the user is nobody else's there
            return False
        try:
            return bool(stat.S_IMODE(self.file.stat().st_mode) & stat.S_IRWXO)
        except OSError:
            return False

    def close_to_others(self) -> None:
        """Let nobody but the user of the service read the file of the key.

        Raises:
            OSError: the file belongs to another.
        """
        self.file.chmod(0o600)

    def _open(self, sealed: str, owner: str, keys: Sequence[OctKey]) -> str:
        from joserfc import jwe
        from joserfc.errors import JoseError

        named = {key.thumbprint(): key for key in keys}

        def find(recipient: Any) -> OctKey:
            found = named.get(recipient.headers().get("kid", ""))
            if found is None:
                raise SealError(_LOST)
            return found

        try:
            opened = jwe.decrypt_compact(sealed, find, algorithms=_ALGORITHMS)
            held = json.loads(opened.plaintext or b"")
        except (JoseError, ValueError) as error:
            raise SealError(_BROKEN) from error
        if held["owner"] != owner:
            raise SealError(_BROKEN)
        return str(held["text"])

    def _keys(self) -> list[OctKey]:
        """Return all keys; read anew each time, so that a file that is put back is used."""
        from joserfc.jwk import OctKey

        try:
            found = parse_keys(self.file.read_text(encoding="ascii"))
        except FileNotFoundError:
            found = ()
        except OSError as error:
            what = f"不能读主密钥文件 {self.file}（{error.strerror}）"
            raise SealError(f"{what}。请检查权限：运行服务的用户要能读。") from error
        except ValueError as error:
            what = f"主密钥文件 {self.file} 的内容不对"
            raise SealError(f"{what}。请从保管的地方取回原来的文件。") from error
        return [OctKey.import_key(key) for key in dict.fromkeys((*self._given, *found))]

    def _made(self) -> OctKey:
        """Make the key; of several who do at once, all take the same."""
        if not self._makes:
            raise SealError(
                "没有主密钥。用 PostgreSQL 时请管理员设置 HECHA_SECRET_KEY"
                "（用 openssl rand -base64 32 生成），各个服务进程设成一样。"
            )
        try:
            _write_once(self.file, base64.b64encode(secrets.token_bytes(_BYTES)) + b"\n")
        except OSError as error:
            raise SealError(
                f"不能写主密钥文件 {self.file}（{error.strerror}）。请检查 HECHA_DATA 和写入权限。"
            ) from error
        keys = self._keys()
        if not keys:
            raise SealError(f"主密钥文件 {self.file} 是空的。请从保管的地方取回原来的文件。")
        return keys[0]


def _write_once(place: Path, content: bytes) -> None:
    """Write a file that only its user can read, whole or not at all, unless it is there."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(partial, place)
        except FileExistsError:
            pass
        except OSError:  # this file system has no links
            if not place.exists():
                partial.rename(place)
    finally:
        partial.unlink(missing_ok=True)
