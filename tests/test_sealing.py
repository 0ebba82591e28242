"""Sealing: only the right key opens, for the right owner, and what is wrong is said."""

from __future__ import annotations

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from api.repairing import check_data
from api.sealing import Sealer, SealError, parse_keys
from api.services import open_services
from api.settings import KEY_FILE, Settings

ONE, TWO = b"1" * 32, b"2" * 32
POSIX = pytest.mark.skipif(os.name == "nt", reason="rights of files are other things there")


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.text(max_size=40))
def test_what_was_sealed_comes_back_and_shows_nothing(text: str, owner: str) -> None:
    sealer = Sealer(Path("none"), [ONE])
    sealed = sealer.seal(text, owner)
    assert sealer.open(sealed, owner) == text
    assert sealed != sealer.seal(text, owner), "equal secrets do not look equal"
    with pytest.raises(SealError):
        sealer.open(sealed, owner + "x")


SEALED = Sealer(Path("none"), [ONE]).seal("whsec_x", "a")
BROKEN = [
    "", "whsec_x", "a.b.c.d.e", SEALED[:-4], SEALED[4:], SEALED + "A", SEALED.replace(".", "!"),
    "机密", SEALED.rsplit(".", 1)[0] + ".AAAAAAAAAAAAAAAAAAAAAA",
    "eyJhbGciOiJub25lIn0..AAAA.AAAA.AAAA",
]  # fmt: skip


@pytest.mark.parametrize("sealed", BROKEN)
def test_what_was_changed_is_refused(sealed: str) -> None:
    with pytest.raises(SealError, match="。"):
        Sealer(Path("none"), [ONE]).open(sealed, "a")


def test_another_key_does_not_open_and_an_older_one_does(tmp_path: Path) -> None:
    with pytest.raises(SealError, match="HECHA_SECRET_KEY"):
        Sealer(tmp_path / "k", [TWO]).open(SEALED, "a")
    both = Sealer(tmp_path / "k", [TWO, ONE])
    assert both.open(SEALED, "a") == "whsec_x"
    assert not both.is_newest(SEALED, "a")
    assert both.is_newest(both.seal("x", "a"), "a")
    with pytest.raises(SealError):
        Sealer(tmp_path / "k", [ONE]).open(both.seal("x", "a"), "a")


def test_the_file_opens_beside_the_setting(tmp_path: Path) -> None:
    place = tmp_path / "k"
    place.write_text(f"{_text(TWO)}\n{_text(ONE)}\n")
    assert Sealer(place).open(SEALED, "a") == "whsec_x"
    assert Sealer(place, [b"3" * 32]).open(SEALED, "a") == "whsec_x"
    assert Sealer(place, [b"3" * 32]).place == "HECHA_SECRET_KEY"
    assert Sealer(place).place == str(place)


def test_the_key_is_made_once_by_however_many(tmp_path: Path) -> None:
    place = tmp_path / "data" / "k"
    with pytest.raises(SealError):
        Sealer(place).open(SEALED, "a")
    assert not place.exists(), "looking makes nothing"
    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda n: Sealer(place).seal(str(n), "a"), range(16)))
    assert [Sealer(place).open(each, "a") for each in sealed] == [str(n) for n in range(16)]
    assert [path.name for path in place.parent.iterdir()] == ["k"]
    assert len(parse_keys(place.read_text())) == 1


def test_without_links_the_key_is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    sealed = Sealer(tmp_path / "k").seal("x", "a")
    assert Sealer(tmp_path / "k").open(sealed, "a") == "x"


@POSIX
def test_only_its_user_can_read_the_file_and_doctor_says_when_others_can(tmp_path: Path) -> None:
    services = open_services(Settings(data=tmp_path))
    place = tmp_path / KEY_FILE
    try:
        services.settings.sealer.seal("x", "a")
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        assert check_data(services, repair=False) == []
        place.chmod(0o644)
        (fault,) = check_data(services, repair=False)
        assert (fault.name, fault.repaired) == ("主密钥文件别人也能读", False)
        assert str(place) in fault.advice
        (fault,) = check_data(services, repair=True)
        assert fault.repaired and stat.S_IMODE(place.stat().st_mode) == 0o600
    finally:
        services.close()


UNUSABLE = ["x", _text(b"short"), f"{_text(ONE)} x", "é", ""]


@pytest.mark.parametrize("content", UNUSABLE)
def test_a_file_that_is_broken_is_said_and_never_written_over(tmp_path: Path, content: str) -> None:
    place = tmp_path / "k"
    place.write_text(content, encoding="utf-8")
    with pytest.raises(SealError, match="主密钥"):
        Sealer(place).seal("x", "a")
    assert place.read_text(encoding="utf-8") == content


def test_a_place_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SealError, match="主密钥"):
        Sealer(tmp_path / "file" / "k").seal("x", "a")
    with pytest.raises(SealError, match="不能读"):
        Sealer(tmp_path).seal("x", "a")
    with pytest.raises(SealError, match="HECHA_SECRET_KEY"):
        Sealer(tmp_path / "k", makes=False).seal("x", "a")


def test_keys_are_written_in_either_base64() -> None:
    key = bytes(range(224, 256))
    standard, safe = _text(key), base64.urlsafe_b64encode(key).decode().rstrip("=")
    assert parse_keys(f"{standard}, {safe}\n") == (key, key)


@pytest.mark.parametrize("wrong", ["", " , ", "secret", _text(b"1" * 31), f"{_text(ONE)},x"])
def test_a_wrong_setting_is_refused_and_not_repeated(wrong: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(secret_key=SecretStr(wrong))
    assert _text(ONE) not in str(caught.value)
